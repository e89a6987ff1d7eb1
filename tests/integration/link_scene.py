"""A library of links into a mount of a simulated Real-Debrid account, and Home Assistant beside it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
import hashlib
import os
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.autopilot.rules.links import LINK_RULES
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debriding import FIRST_PAUSE
from custom_components.sokoul.linking import SETTLE, Linking
from custom_components.sokoul.linking_settings import SETTINGS_KEY, LinkSettings
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.journal import Autonomy
from custom_components.sokoul.services import Action
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile, Torrent

from .conftest import PassTime, SetUp

ACCOUNT_ID = "01SOKOULREALDEBRID00000000"
NOWHERE = "/mnt/zurg/shows"
EPISODES = 4
BYTES = 1000


def account() -> ConfigSubentryDataWithId:
    return ConfigSubentryDataWithId(
        subentry_id=ACCOUNT_ID,
        subentry_type="real_debrid",
        title="Real-Debrid",
        unique_id="real_debrid:1001",
        data={
            "connection": {"username": "alex", "api_key": API_TOKEN},
            "preferences": {"requests_per_minute": 250},
        },
    )


def name_of(show: int) -> str:
    return f"Show.{show:03}.S01.1080p"


def file_of(show: int, episode: int) -> str:
    return f"Show.{show:03}.S01E{episode:02}.mkv"


@dataclass
class Library:
    """A media folder with a folder of four episodes for each show, whose links lead into a mount."""

    debrid: RealDebridSimulator
    folder: Path
    mount: str = NOWHERE
    episodes: int = EPISODES
    torrents: dict[int, Torrent] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "media" / "shows"

    def fill(self, shows: int) -> None:
        for show in range(shows):
            self.hold(show)
            season = self.root / f"Show {show}"
            season.mkdir(parents=True)
            for episode in range(1, self.episodes + 1):
                (season / f"E{episode:02}.mkv").symlink_to(f"{self.mount}/{name_of(show)}/{file_of(show, episode)}")
        self.age()

    def age(self) -> None:
        """Let all folders be old enough to be believed."""
        for path, _, _ in os.walk(self.root):
            os.utime(path, (1_700_000_000, 1_700_000_000))

    def hold(self, show: int, name: str = "") -> Torrent:
        """Have the torrent of a show in the account."""
        held, info_hash = self.debrid.account, self.hash(show)
        files = tuple(PlannedFile(f"/{file_of(show, each)}", BYTES) for each in range(1, self.episodes + 1))
        held.plans[info_hash] = Plan(name=name or name_of(show), files=files)
        torrent = self.torrents[show] = held.add(info_hash)
        held.turn(torrent, "waiting_files_selection")
        held.select(torrent, frozenset(range(1, self.episodes + 1)))
        held.turn(torrent, "downloaded")
        return torrent

    def lose(self, *shows: int) -> None:
        for show in shows:
            self.debrid.account.delete(self.torrents.pop(show).id)

    def rename(self, show: int, name: str) -> None:
        """Have the same torrent under another name, as when it was added again from another magnet link."""
        self.lose(show)
        self.hold(show, name)

    @staticmethod
    def hash(show: int) -> str:
        return hashlib.sha1(name_of(show).encode(), usedforsecurity=False).hexdigest()

    def paths(self, show: int) -> list[Path]:
        return [self.root / f"Show {show}" / f"E{each:02}.mkv" for each in range(1, self.episodes + 1)]

    def texts(self, show: int) -> list[str]:
        return [str(path.readlink()) for path in self.paths(show)]

    def as_made(self, show: int, name: str = "") -> list[str]:
        """Return what the links of a show say, as they were made, or in a folder of another name."""
        return [f"{self.mount}/{name or name_of(show)}/{file_of(show, each)}" for each in range(1, self.episodes + 1)]

    def snapshot(self) -> dict[str, str]:
        return {
            path: str(Path(path).readlink())
            for folder, _, names in os.walk(self.root)
            for path in (f"{folder}/{name}" for name in names)
            if Path(path).is_symlink()
        }

    def show_mount(self, shows: Iterable[int]) -> None:
        """Have the mount here, with these shows in it."""
        for show in shows:
            (Path(self.mount) / name_of(show)).mkdir(parents=True)
            for episode in range(1, self.episodes + 1):
                (Path(self.mount) / name_of(show) / file_of(show, episode)).write_bytes(b"x" * BYTES)


@dataclass
class Scene:
    """Home Assistant with SOKOUL, an account, and a library."""

    hass: HomeAssistant
    library: Library
    pass_time: PassTime
    set_up: SetUp
    entry: MockConfigEntry = field(init=False)

    @property
    def linking(self) -> Linking:
        found: Linking = self.entry.runtime_data.linking
        return found

    @property
    def kernel(self) -> Any:
        return self.entry.runtime_data.pilot.kernel

    async def start(self, *subentries: ConfigSubentryDataWithId, settings: LinkSettings | None = None) -> None:
        """Set up, tell where the library is, and read the account with all its details."""
        self.entry = await self.set_up(account(), *subentries)
        chosen = settings or LinkSettings(folders=(str(self.library.root),))
        self.entry.runtime_data.memory.set(SETTINGS_KEY, chosen.as_json())
        self.linking.settings_changed()
        await self.hass.async_block_till_done(wait_background_tasks=True)
        await self.pass_time(FIRST_PAUSE)
        await self.read()

    async def read(self) -> None:
        """Have the account read, with details; and the check that follows."""
        mirror = self.entry.runtime_data.debriding.accounts[ACCOUNT_ID]
        await mirror.synchronise(SyncMode.FULL)
        await self.hass.async_block_till_done(wait_background_tasks=True)
        await self.pass_time(SETTLE + timedelta(seconds=1))

    def levels(self, level: Autonomy) -> None:
        settings = self.kernel.settings
        for rule in LINK_RULES:
            settings = settings.with_autonomy(rule.key, level)
        self.kernel.change(settings)

    async def ask(self, action: Action, **data: Any) -> dict[str, Any]:
        answer = await self.hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
        assert isinstance(answer, dict)
        return answer

    async def rows(self, rule: str) -> list[Any]:
        found: list[Any] = list(await self.kernel.journal.find(rule=rule))
        return found
