"""Real qBittorrents and the loopback swarm do what tests of rules and clients need of them."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
import time
from typing import Any

import pytest

from devstack.real_qbittorrent import RealQbittorrent, RealQbittorrentError
from devstack.swarm import LocalSwarm, SwarmError
from devstack.tools import QbittorrentBinary

from .conftest import REAL_RELEASES, find_real, find_swarm_python

pytestmark = [
    pytest.mark.real,
    pytest.mark.usefixtures("socket_enabled"),
]
#: So long a tracker on this machine may take to answer.
ASKS_AGAIN_SECONDS = 5
UPLOADING = {"stalledUP", "uploading"}


@pytest.fixture(params=REAL_RELEASES.values(), ids=REAL_RELEASES)
def binary(request: pytest.FixtureRequest) -> QbittorrentBinary:
    return find_real(request.param)


@pytest.fixture
async def qbittorrent(binary: QbittorrentBinary, tmp_path: Path) -> AsyncIterator[RealQbittorrent]:
    settings = {"RefreshInterval": "100"}
    async with RealQbittorrent(binary, tmp_path / "qbittorrent", session_settings=settings) as qbittorrent:
        yield qbittorrent


@pytest.fixture
async def swarm(tmp_path: Path) -> AsyncIterator[LocalSwarm]:
    async with LocalSwarm(find_swarm_python(), tmp_path / "swarm") as swarm:
        yield swarm


async def test_what_is_downloaded_is_what_was_seeded(qbittorrent: RealQbittorrent, swarm: LocalSwarm) -> None:
    published = await swarm.publish("film.mkv", 1 << 20, private=True)
    assert await qbittorrent.add_file(published.torrent, category="radarr") == published.hash
    await qbittorrent.until(published.hash, UPLOADING)  # found through the tracker alone
    assert (qbittorrent.download_dir / "film.mkv").read_bytes() == published.content.read_bytes()
    announced = await swarm.announces(published.hash)
    assert {"started"} <= {announce["event"] for announce in announced}
    assert {member["left"] for member in await swarm.members(published.hash)} == {0}


async def test_a_magnet_gets_its_metadata_from_the_swarm(qbittorrent: RealQbittorrent, swarm: LocalSwarm) -> None:
    published = await swarm.publish("magnet.mkv", 200_000)
    await qbittorrent.add_magnet(published.magnet)
    shown = await qbittorrent.until(published.hash, UPLOADING)
    assert (shown["name"], shown["size"]) == ("magnet.mkv", 200_000)


async def test_seeders_that_slow_down_and_leave(qbittorrent: RealQbittorrent, swarm: LocalSwarm) -> None:
    published = await swarm.publish("slow.mkv", 4 << 20, upload_limit=100_000)
    await qbittorrent.add_file(published.torrent)
    await qbittorrent.until(published.hash, {"downloading"})
    status = await swarm.status(published.hash)
    assert (status["state"], status["peers"]) == ("seeding", 1)
    await swarm.leave(published.hash)

    async def alone() -> dict[str, Any] | None:
        shown = (await qbittorrent.torrents(published.hash))[published.hash]
        return shown if shown["num_seeds"] == 0 else None

    # The rate is a sliding mean: it is "downloading" for most of a minute after the last byte came.
    shown = await qbittorrent.eventually(alone)
    assert (shown["state"], shown["progress"] < 1) == ("downloading", True)
    await swarm.seed(published.torrent, published.content.parent)
    await qbittorrent.connect(published.hash, swarm.address)
    await qbittorrent.until(published.hash, UPLOADING)


async def test_a_tracker_that_refuses(
    qbittorrent: RealQbittorrent, swarm: LocalSwarm, binary: QbittorrentBinary
) -> None:
    published = await swarm.publish("unregistered.mkv", 100_000, seeded=False)
    await swarm.refuse(published.hash, "unregistered torrent")
    await qbittorrent.add_file(published.torrent)
    row = await _judged_tracker(qbittorrent, published.hash)
    status = 5 if binary.release >= (5, 2) else 4
    assert (row["status"], row["msg"]) == (status, "unregistered torrent")


async def test_a_tracker_that_warns(qbittorrent: RealQbittorrent, swarm: LocalSwarm) -> None:
    published = await swarm.publish("warned.mkv", 100_000, seeded=False)
    await swarm.warn(published.hash, "please seed")
    await qbittorrent.add_file(published.torrent)
    row = await _judged_tracker(qbittorrent, published.hash)
    assert (row["status"], row["msg"], row["num_leeches"]) == (2, "please seed", 1)


async def _judged_tracker(qbittorrent: RealQbittorrent, info_hash: str) -> dict[str, Any]:
    """Return the row of a torrent's tracker once it has answered.

    Seen at 5.3.0 on a busy machine: it had its answer, and went on to say that it asks until it asked again.
    """
    await qbittorrent.until(info_hash, {"stalledDL"})
    asked_at = time.monotonic()

    async def row() -> dict[str, Any] | None:
        nonlocal asked_at
        if time.monotonic() - asked_at > ASKS_AGAIN_SECONDS:
            asked_at = time.monotonic()
            await qbittorrent.post("torrents/reannounce", {"hashes": info_hash})
        shown: dict[str, Any] = (await qbittorrent.get("torrents/trackers", hash=info_hash))[3]
        return shown if shown["status"] not in {1, 3} and shown["msg"] else None

    return await qbittorrent.eventually(row)


async def test_many_torrents(qbittorrent: RealQbittorrent) -> None:
    hashes = await qbittorrent.add_many(300)
    hashes += await qbittorrent.add_many(20, first=300, stopped=True)
    torrents = await qbittorrent.torrents()
    assert torrents.keys() == set(hashes)
    stopped = "stoppedUP" if "stoppedUP" in {each["state"] for each in torrents.values()} else "pausedUP"
    assert Counter(each["state"] for each in torrents.values()) == {"stalledUP": 300, stopped: 20}


async def test_a_restart_keeps_torrents_and_sees_what_is_gone(qbittorrent: RealQbittorrent) -> None:
    kept, lost = await qbittorrent.add_many(2)
    name = (await qbittorrent.torrents(lost))[lost]["name"]
    (qbittorrent.download_dir / name).unlink()
    process, url = qbittorrent.process_id, qbittorrent.url
    await qbittorrent.restart()
    assert (qbittorrent.process_id != process, qbittorrent.url) == (True, url)
    await qbittorrent.until(lost, {"missingFiles"})
    await qbittorrent.until(kept, {"stalledUP"})


async def test_it_stops_also_when_its_login_is_lost(qbittorrent: RealQbittorrent) -> None:
    await qbittorrent.post("auth/logout")
    process = Path(f"/proc/{qbittorrent.process_id}")
    await qbittorrent.stop()
    assert not process.exists()
    assert qbittorrent.process_id == 0


async def test_a_program_that_does_not_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "qbittorrent-nox"
    broken.write_text("#!/bin/sh\necho no such library\nexit 1\n")
    broken.chmod(0o755)
    qbittorrent = RealQbittorrent(QbittorrentBinary(version="5.3.0", path=broken), tmp_path / "profile")
    with pytest.raises(RealQbittorrentError, match="no such library"):
        await qbittorrent.start()


async def test_orders_that_the_swarm_cannot_carry_out(swarm: LocalSwarm) -> None:
    with pytest.raises(SwarmError, match="KeyError"):
        await swarm.leave("f" * 40)
    await swarm.stop()
    with pytest.raises(SwarmError, match="not started"):
        await swarm.status("f" * 40)
