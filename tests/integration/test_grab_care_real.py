"""A grab that nobody seeds, at real qBittorrents: given up in its time, the next best fetched, both taken back."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import hashlib
from pathlib import Path
from typing import Any

from freezegun import api as freezing
from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.grab_hands import TAG
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.dune import NORTHGATE, add_dune, dune_releases
from devstack.prowlarr import ProwlarrSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.releases import Release
from devstack.tmdb import TmdbSimulator
from devstack.torrents import make_torrent
from tests.devstack.conftest import REAL_RELEASES, find_real

from .conftest import PASSWORD, PROWLARR_ID, USERNAME, PassTime, SetUp, qbittorrent_subentry, servarr_subentry
from .healing import act
from .test_grab_care import journal
from .test_watching import _no_pause, tmdb, tmdb_subentry  # noqa: F401 -- fixtures

pytestmark = pytest.mark.real

HOUR = timedelta(hours=1)
PATIENCE_SECONDS = 30
PIECE_BYTES, PIECES = 16_384, 4


@pytest.fixture
def clock() -> ManualClock:
    """Begin now: a real program notes moments of the machine's clock."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture(params=[*REAL_RELEASES.values()], ids=[*REAL_RELEASES])
async def real(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RealQbittorrent]:
    async with RealQbittorrent(find_real(request.param), tmp_path, username=USERNAME, password=PASSWORD) as client:
        yield client


@dataclass
class Scene:
    """A Home Assistant whose time is ours, and a qBittorrent whose time isn't."""

    hass: HomeAssistant
    qbittorrent: RealQbittorrent
    pass_time: PassTime

    async def grab(self) -> dict[str, Any]:
        return dict(await act(self.hass, Action.GRAB, query="dune 2"))

    async def torrents(self) -> dict[str, dict[str, Any]]:
        return await self.qbittorrent.torrents()

    async def until[T](self, look: Callable[[dict[str, dict[str, Any]]], T]) -> T:
        """Ask it again and again: no timer of this process goes off while its time stands still.

        The true clock is asked for where freezegun keeps it: by any other name it is a frozen one.
        """
        deadline = freezing.real_monotonic() + PATIENCE_SECONDS
        while not (found := look(torrents := await self.torrents())):
            assert freezing.real_monotonic() < deadline, torrents
        return found

    def file_of(self, release: str) -> Path:
        return self.qbittorrent.download_dir / f"{release}.mkv"


def content_of(release: Release) -> bytes:
    return b"".join(hashlib.shake_256(f"{release.title} {at}".encode()).digest(PIECE_BYTES) for at in range(PIECES))


@pytest.fixture
async def scene(
    real: RealQbittorrent,
    hass: HomeAssistant,
    prowlarr: ProwlarrSimulator,
    tmdb: TmdbSimulator,  # noqa: F811
    set_up: SetUp,
    pass_time: PassTime,
) -> Scene:
    """Have an indexer offer files of two releases of the second Dune. A quarter of each lies on the disk already."""
    add_dune(tmdb.library)
    good = [each for each in dune_releases(add_dune(prowlarr.library)) if each.indexer is NORTHGATE]
    scene = Scene(hass, real, pass_time)
    files = {}
    for each in good[1:3]:
        content = content_of(each)
        files[each.title] = make_torrent(content, name=f"{each.title}.mkv", piece_length=PIECE_BYTES)
        scene.file_of(each.title).write_bytes(content[:PIECE_BYTES].ljust(len(content), b"\0"))
    prowlarr.searches.offers = [
        replace(each, torrent=files[each.title], size_bytes=4 * 10**9) for each in good if each.title in files
    ]

    async def source(release: Release) -> bytes | str:
        return release.torrent or release.magnet

    prowlarr.source = source
    await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(real.url), tmdb_subentry())
    return scene


def begun(torrents: dict[str, dict[str, Any]], info_hash: str) -> bool:
    """Tell whether a client has what lay on the disk, and waits for the rest."""
    torrent = torrents.get(info_hash, {"state": "", "progress": 0})
    return torrent["state"] == "stalledDL" and torrent["progress"] == 1 / PIECES


async def test_what_nobody_seeds_is_replaced_and_both_are_taken_back(scene: Scene) -> None:
    first = await scene.grab()
    await scene.until(lambda torrents: begun(torrents, first["info_hash"]))
    await scene.pass_time(HOUR, 20)
    assert list(await scene.torrents()) == [first["info_hash"]], "it has its time"
    for _ in range(10):
        if len(torrents := await scene.torrents()) == 1:
            await scene.pass_time(HOUR)
    (second,) = torrents.keys() - {first["info_hash"]}
    await scene.until(lambda torrents: begun(torrents, second))
    torrents = await scene.torrents()
    assert [(each["category"], each["tags"]) for each in torrents.values()] == [(DOMAIN, TAG)] * 2
    assert torrents[first["info_hash"]]["state"] == "stalledDL", "it may come after all, and nothing is deleted"

    new, old = await journal(scene.hass)
    assert (new["actor"], new["can_undo"], old["can_undo"]) == ("SOKOUL itself", True, True)
    name = torrents[second]["name"].removesuffix(".mkv")
    assert new["text"] == (
        f"\u201c{first['release']}\u201d was fetched for Dune: Part Two (2024), and has stood still for too long. "
        f"qBittorrent downloads \u201c{name}\u201d."
    )
    assert old["text"].endswith(f"It came to nothing, so \u201c{name}\u201d was fetched instead.")

    for entry, info_hash, release in ((old, first["info_hash"], first["release"]), (new, second, name)):
        assert scene.file_of(release).exists()
        await act(scene.hass, Action.UNDO, entry_id=entry["id"])
        await scene.until(lambda torrents, gone=info_hash: gone not in torrents)
        await scene.until(lambda _, gone=release: not scene.file_of(gone).exists())
    await scene.pass_time(HOUR, 30)
    assert await scene.torrents() == {}, "what a person takes back isn't replaced"
    assert [each["status"] for each in await journal(scene.hass)] == ["undone", "undone"]
