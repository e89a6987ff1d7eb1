"""Healing on real qBittorrents with a real swarm: found, replaced, imported, and taken back as it was."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
import time
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.rules.stalled import StalledPolicy
from custom_components.sokoul.autopilot.settings import Caps
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus
from custom_components.sokoul.pilot import Pilot
from devstack.clock import WallClock
from devstack.library import DOWNLOADS_ROOT, Movie
from devstack.radarr import RadarrSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.releases import release_of
from devstack.swarm import LocalSwarm, Published
from tests.autopilot.stack import reversible
from tests.devstack.conftest import REAL_RELEASES, find_real, find_swarm_python

from .conftest import PASSWORD, RADARR_ID, USERNAME, SetUp, qbittorrent_subentry, servarr_subentry

PATIENCE_SECONDS = 90
SIZE_BYTES = 8 << 20
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.real


@dataclass
class Real:
    """A real qBittorrent, a real swarm, and a Radarr on both."""

    client: RealQbittorrent
    swarm: LocalSwarm
    radarr: RadarrSimulator
    movie: Movie

    async def publish(self, group: str, **options: Any) -> tuple[Published, Any]:
        """Put a release of the movie into the swarm, and return it as an indexer has it."""
        published = await self.swarm.publish(f"{self.movie.title} {self.movie.year} {group}.mkv", SIZE_BYTES, **options)
        return published, release_of(self.movie, group=group, torrent=published.torrent)

    async def torrent(self, info_hash: str) -> dict[str, Any]:
        return (await self.client.torrents(info_hash))[info_hash]


async def until(condition: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.2)


@pytest.fixture(params=REAL_RELEASES.values(), ids=REAL_RELEASES)
async def real(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Real]:
    async with AsyncExitStack() as life:
        swarm = await life.enter_async_context(LocalSwarm(find_swarm_python(), tmp_path / "swarm"))
        folder = tmp_path / "qbittorrent"
        folder.mkdir()
        client = RealQbittorrent(find_real(request.param), folder, username=USERNAME, password=PASSWORD)
        await life.enter_async_context(client)
        disk = tmp_path / "disk"
        seen = disk / DOWNLOADS_ROOT.lstrip("/")
        seen.parent.mkdir(parents=True)
        seen.symlink_to(client.download_dir, target_is_directory=True)
        radarr = RadarrSimulator(clock=WallClock(), disk=disk)
        await life.enter_async_context(radarr)
        radarr.add_path_mapping("127.0.0.1", f"{client.download_dir}/", f"{DOWNLOADS_ROOT}/")
        radarr.add_qbittorrent(client.url, username=USERNAME, password=PASSWORD, category="radarr")
        yield Real(client, swarm, radarr, next(iter(radarr.missing())))


async def test_a_torrent_without_seeds_is_replaced_imported_and_taken_back(
    hass: HomeAssistant, real: Real, set_up: SetUp
) -> None:
    old, old_release = await real.publish("LANTERN", upload_limit=128 << 10)  # it is not whole within a minute
    new, new_release = await real.publish("MERiDiAN")
    own = await real.swarm.publish("one of my own.mkv", SIZE_BYTES, upload_limit=16 << 10)
    await real.client.add_file(own.torrent)  # somebody stays connected: the line works
    await real.radarr.grabbing.grab(old_release, old_release.wanted)

    async def begun() -> bool:
        torrent = (await real.client.torrents(old.hash)).get(old.hash)  # 4.5 adds a moment after its answer
        return torrent is not None and bool(0.02 < torrent["progress"] < 1)

    async def deserted() -> bool:
        torrent = await real.torrent(old.hash)
        return torrent["state"] == "stalledDL" and not torrent["num_seeds"]

    await until(begun, "nothing of the first release arrived")
    await real.swarm.leave(old.hash)
    await until(deserted, "what was on its way goes on arriving")  # until then it isn't given up, and rightly so
    await real.client.post("torrents/addTags", {"hashes": old.hash, "tags": "mine"})
    await real.client.post("torrents/setDownloadLimit", {"hashes": old.hash, "limit": str(5 << 20)})
    real.radarr.offer(real.movie, old_release, new_release)
    await real.radarr.refresh()
    before = await real.torrent(old.hash)

    with patch("custom_components.sokoul.pilot.SHORTEST_PAUSE", SECOND / 2):
        entry = await set_up(
            qbittorrent_subentry(real.client.url), servarr_subentry(real.radarr, RADARR_ID), settle=False
        )
        pilot: Pilot = entry.runtime_data.pilot

        async def watching() -> bool:  # nobody waits for long for a database
            return pilot.running

        await until(watching, "its database was not opened")
        policy = StalledPolicy(
            patience=8 * SECOND,
            patience_when_rare=8 * SECOND,
            last_copy_patience=0 * SECOND,
            reannounce_after=4 * SECOND,
        )
        settings = replace(pilot.kernel.settings, policies={"stalled": policy}, caps=Caps(settling=0 * SECOND))
        pilot.kernel.change(settings.with_autonomy("stalled", Autonomy.ACT))

        async def replaced() -> bool:
            await entry.runtime_data.refresh(entry.runtime_data.backends)
            return bool(reversible(pilot.kernel))

        await until(replaced, "it was not replaced")
        [entry_of_it] = reversible(pilot.kernel)
        assert entry_of_it.act is ActKind.REPLACE
        assert (await real.torrent(old.hash))["category"] == QUARANTINE
        await real.client.until(old.hash, {"pausedDL", "stoppedDL"})
        assert real.radarr.blocklist.holds(old_release)
        await real.client.until(new.hash, {"uploading", "stalledUP", "queuedUP"}, seconds=PATIENCE_SECONDS)

        async def imported() -> bool:
            await real.radarr.tick()
            await real.radarr.refresh()
            return real.movie.file is not None

        await until(imported, "the other release was not imported")

        began = time.monotonic()
        undone = await pilot.desk.undo(entry_of_it.id, "somebody", dt_util.utcnow())
        assert undone.status is EntryStatus.UNDONE
        assert time.monotonic() - began < 5
        after = await real.client.until(old.hash, {"stalledDL", "downloading"})
        same = ("category", "tags", "save_path", "content_path", "auto_tmm", "dl_limit", "ratio_limit")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
        assert after["completed"] >= before["completed"] > 0
        assert not real.radarr.blocklist.holds(old_release)
