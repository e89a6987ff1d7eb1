"""The qBittorrent client against the real program, oldest and newest."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import hashlib
from pathlib import Path
import time
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.errors import InvalidAuth, NotFound, Refused
from custom_components.sokoul.clients.qbittorrent import QbittorrentClient
from custom_components.sokoul.model.downloads import (
    DownloadClientSnapshot,
    DownloadState,
    ShareLimitAction,
    ShareLimits,
    Torrent,
)
from devstack.real_qbittorrent import RealQbittorrent
from devstack.tools import find_qbittorrents
from devstack.torrents import bencode, make_torrent

pytestmark = pytest.mark.real

UNKNOWN = "f" * 40
PATIENCE_SECONDS = 20


@pytest.fixture(params=[(4, 5), (5, 3)], ids=["4.5", "5.3"])
async def real(request: pytest.FixtureRequest, tmp_path: Path, socket_enabled: None) -> AsyncIterator[RealQbittorrent]:
    """Run a qBittorrent of its own for each test."""
    binary = next((found for found in find_qbittorrents() if found.release[:2] == request.param), None)
    if binary is None:
        pytest.skip(f"no qBittorrent {request.param[0]}.{request.param[1]} here; scripts/setup installs it")
    async with RealQbittorrent(binary, tmp_path) as running:
        yield running


@pytest.fixture
def client(session: ClientSession, real: RealQbittorrent) -> QbittorrentClient:
    return QbittorrentClient(session, real.url, username=real.username, password=real.password)


async def until(client: QbittorrentClient, holds: Callable[[DownloadClientSnapshot], bool]) -> DownloadClientSnapshot:
    """Poll until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds(snapshot := await client.snapshot()):
        assert time.monotonic() < deadline, snapshot.torrents
        await asyncio.sleep(0.1)
    return snapshot


def modern(real: RealQbittorrent) -> bool:
    return real.binary.release >= (5, 0)


def told(torrent: Torrent) -> dict[str, Any]:
    return {
        "name": torrent.name,
        "size": torrent.size_bytes,
        "amount_left": torrent.remaining_bytes,
        "progress": torrent.progress,
        "category": torrent.category,
        "tags": set(torrent.tags),
        "save_path": torrent.save_path,
        "content_path": torrent.content_path,
        "added_on": torrent.added_epoch,
        "force_start": torrent.forced,
        "auto_tmm": torrent.automatic,
    }


async def same_as_listed(client: QbittorrentClient, real: RealQbittorrent) -> None:
    """See that the merged state is what `torrents/info` says, which is another code path of the server."""
    snapshot = await client.snapshot()
    listed = await real.torrents()
    assert {key: told(torrent) for key, torrent in snapshot.torrents.items()} == {
        key: {name: torrent[name] for name in told(snapshot.torrents[key]) if name != "tags"}
        | {"tags": {tag for tag in torrent["tags"].split(", ") if tag}}
        for key, torrent in listed.items()
    }
    assert snapshot.tags == set(await real.get("torrents/tags"))
    assert set(snapshot.categories) == set(await real.get("torrents/categories"))


async def test_versions_logins_and_the_one_wrong_password(
    client: QbittorrentClient, session: ClientSession, real: RealQbittorrent
) -> None:
    version = await client.version()
    assert version.application == real.binary.version
    assert version.api == ((2, 16, 2) if modern(real) else (2, 8, 19))
    wrong = QbittorrentClient(session, real.url, username=real.username, password="wrong")
    for _ in range(7):  # qBittorrent bans after five
        with pytest.raises(InvalidAuth):
            await wrong.snapshot()
    await client.log_out()
    with pytest.raises(InvalidAuth):
        await QbittorrentClient(session, real.url).version()
    assert (await client.snapshot()).revision == 1


async def test_deltas_lead_to_what_is_listed(client: QbittorrentClient, real: RealQbittorrent) -> None:
    hashes = await real.add_many(30, stopped=True, category="radarr")
    first = await until(client, lambda snapshot: len(snapshot.torrents) == len(hashes))
    assert first.revision == 1 or first.changed
    await same_as_listed(client, real)
    before = await until(client, lambda snapshot: snapshot.totals.count(DownloadState.COMPLETED) == len(hashes))

    await client.add_tags(hashes[:2], ["Keep", "größe"])
    after = await until(client, lambda snapshot: "Keep" in snapshot.torrents[hashes[0]].tags)
    assert all(after.torrents[key] is before.torrents[key] for key in hashes[2:])
    await same_as_listed(client, real)

    await client.create_category("sonarr", str(real.download_dir / "series"))
    await client.set_category(hashes[2:4], "sonarr")
    await client.delete(hashes[4:6], with_files=True)
    await client.remove_tags(hashes[:1], ["Keep"])
    after = await until(client, lambda snapshot: len(snapshot.torrents) == len(hashes) - 2)
    await until(client, lambda snapshot: snapshot.torrents[hashes[2]].category == "sonarr")
    await same_as_listed(client, real)
    assert set(hashes[4:6]).isdisjoint(after.torrents)

    # an answer that never arrived, and another change after it
    await client.set_category(hashes[6:7], "sonarr")
    await client._request("GET", "sync/maindata", params={"rid": client._sync._rid})
    await client.add_tags(hashes[6:7], ["later"])
    await client._request("GET", "sync/maindata", params={"rid": client._sync._rid})
    await until(client, lambda snapshot: "later" in snapshot.torrents[hashes[6]].tags)
    await same_as_listed(client, real)


async def test_a_restart_costs_a_login_and_a_full_update(client: QbittorrentClient, real: RealQbittorrent) -> None:
    hashes = await real.add_many(5, stopped=True)
    before = await until(client, lambda snapshot: snapshot.totals.count(DownloadState.COMPLETED) == len(hashes))
    await real.restart()
    after = await until(client, lambda snapshot: snapshot.totals.count(DownloadState.COMPLETED) == len(hashes))
    assert {key: told(torrent) for key, torrent in after.torrents.items()} == {
        key: told(torrent) for key, torrent in before.torrents.items()
    }
    assert after.revision > before.revision or after is before


async def test_a_poll_without_news_gives_the_same_object(client: QbittorrentClient, real: RealQbittorrent) -> None:
    await real.add_many(3, stopped=True)
    seen = [await client.snapshot() for _ in range(30)]
    assert seen[-1] is seen[-2]


async def test_stopping_and_starting(client: QbittorrentClient, real: RealQbittorrent) -> None:
    hashes = await real.add_many(4)
    await until(client, lambda snapshot: snapshot.totals.count(DownloadState.SEEDING) == 4)
    await client.stop(None)
    await until(client, lambda snapshot: snapshot.totals.count(DownloadState.COMPLETED) == 4)
    await client.start(hashes[:1])
    await until(client, lambda snapshot: snapshot.totals.count(DownloadState.SEEDING) == 1)
    await client.set_force_start(hashes[1:2], True)
    forced = await until(client, lambda snapshot: snapshot.totals.count(DownloadState.SEEDING) == 2)
    assert forced.torrents[hashes[1]].forced
    assert await client.running() == {*hashes[:2]}
    assert await client.stopped() == {*hashes[2:]}


async def test_who_is_told_to_run_is_known_at_once(client: QbittorrentClient, real: RealQbittorrent) -> None:
    """Their states say so up to 1.5 s later."""
    hashes = await real.add_many(20)
    await until(client, lambda snapshot: snapshot.totals.count(DownloadState.SEEDING) == 20)
    for _ in range(3):
        await client.stop(hashes)
        assert (await client.running(), await client.stopped()) == (frozenset(), {*hashes})
        await client.start(hashes[5:])
        assert (await client.running(), await client.stopped()) == ({*hashes[5:]}, {*hashes[:5]})


async def test_forced_starts_can_be_told_in_haste(client: QbittorrentClient, real: RealQbittorrent) -> None:
    """Also of what is idle, and of what isn't forced any more."""
    hashes = await real.add_many(6)
    await real.add_many(2, stopped=True, first=6)
    await client.set_force_start(hashes[:2], True)
    await until(client, lambda snapshot: snapshot.totals.count(DownloadState.SEEDING) == 6)
    assert forced(await client.snapshot()) == {*hashes[:2]}
    await client.set_force_start(hashes[1:2], False)
    await client.set_force_start(hashes[2:3], True)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (seen := forced(await client.snapshot_in_haste())) != {hashes[0], hashes[2]}:
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.1)
    assert forced(await client.snapshot()) == {hashes[0], hashes[2]}


def forced(snapshot: DownloadClientSnapshot) -> set[str]:
    return {key for key, torrent in snapshot.torrents.items() if torrent.forced}


async def test_its_own_state_can_be_asked_for_alone(client: QbittorrentClient, real: RealQbittorrent) -> None:
    told = await client.transfer()
    assert told.connection is (await client.snapshot()).transfer.connection
    assert told.external_ipv4 is None  # nobody out there told it


async def test_torrents_are_added_under_the_hash_that_is_told(client: QbittorrentClient, real: RealQbittorrent) -> None:
    data = b"x" * 10_000
    first = make_torrent(data, name="first.mkv", announce="http://127.0.0.1:9/announce/0123456789abcdef")
    leaf = hashlib.sha256(data).digest()
    tree: dict[str, Any] = {"file tree": {"a.mkv": {"": {"length": len(data), "pieces root": leaf}}}, "meta version": 2}
    ours: dict[str, Any] = {"name": "a.mkv", "piece length": 16384}
    second_version = bencode({"info": {**tree, **ours}, "piece layers": {}})
    both_versions = bencode(
        {
            "info": {**tree, **ours, "length": len(data), "pieces": hashlib.sha1(data, usedforsecurity=False).digest()},
            "piece layers": {},
        }
    )
    magnet = "magnet:?xt=urn:btih:" + "AB" * 20 + "&dn=nobody+has+me"
    hashes: list[str] = []
    for source in (first, second_version, magnet):
        added = await client.add(source, stopped=True, tags=["ours"], category="radarr")
        assert len(added.hashes) == 1
        await until(client, lambda snapshot, hash_=added.hashes[0]: hash_ in snapshot.torrents)  # type: ignore[misc]
        with pytest.raises(Refused) as caught:
            await client.add(source)
        assert caught.value.status == 409
        hashes += added.hashes
    await client.delete(hashes[1:2], with_files=True)
    await until(client, lambda snapshot: hashes[1] not in snapshot.torrents)
    added = await client.add(both_versions, stopped=True)
    snapshot = await until(client, lambda snapshot: len(snapshot.torrents) == 3)
    assert set(snapshot.torrents) == {hashes[0], hashes[2], *added.hashes}
    snapshot = await until(client, lambda snapshot: snapshot.torrents[hashes[0]].state is DownloadState.STOPPED)
    assert snapshot.torrents[hashes[0]].tags == {"ours"}
    assert "0123456789abcdef" not in repr(snapshot)
    with pytest.raises(Refused):
        await client.add(b"no torrent")


async def test_what_is_told_of_one_torrent(client: QbittorrentClient, real: RealQbittorrent) -> None:
    private = make_torrent(
        {"d/a.mkv": b"x" * 1000, "d/b.nfo": b"y"}, name="A.Film", private=True, announce="udp://t.x:1"
    )
    public = make_torrent(b"x" * 1000, name="b.mkv")
    key = (await client.add(private, stopped=True)).hashes[0]
    other = (await client.add(public, stopped=True)).hashes[0]
    magnet = (await client.add("magnet:?xt=urn:btih:" + "cd" * 20)).hashes[0]
    snapshot = await until(client, lambda snapshot: len(snapshot.torrents) == 3)
    assert [await client.is_private(each) for each in (key, other, magnet)] == [True, False, None]
    if modern(real):
        assert [snapshot.torrents[each].private for each in (key, other, magnet)] == [True, False, None]
    assert [(file.name, file.size_bytes, file.wanted) for file in await client.files(key)] == [
        ("A.Film/d/a.mkv", 1000, True),
        ("A.Film/d/b.nfo", 1, True),
    ]
    assert await client.files(magnet) == ()
    assert [tracker.host for tracker in await client.trackers(key)] == ["t.x"]
    await client.add_trackers(other, ["http://127.0.0.1:9/announce", "udp://127.0.0.1:9"])
    assert [(tracker.host, tracker.tier) for tracker in await client.trackers(other)] == [
        ("127.0.0.1", 0),
        ("127.0.0.1", 1),
    ]
    for call in (client.trackers, client.files, client.is_private):
        with pytest.raises(NotFound):
            await call(UNKNOWN)


async def test_every_other_action_is_taken(client: QbittorrentClient, real: RealQbittorrent) -> None:
    (key,) = await real.add_many(1, stopped=True)
    await until(client, lambda snapshot: key in snapshot.torrents)
    actions: tuple[Awaitable[None], ...] = (
        client.reannounce([key]),
        client.recheck([key]),
        client.set_automatic([key], False),
        client.set_share_limits([key], ShareLimits(ratio=2.5, seeding_minutes=90, action=ShareLimitAction.STOP)),
        client.set_location([key], str(real.download_dir / "elsewhere")),
        client.set_download_limit(1000 * 1024),
        client.set_upload_limit(500 * 1024),
    )
    for action in actions:
        await action
    moved = await until(client, lambda snapshot: snapshot.torrents[key].save_path.endswith("elsewhere"))
    assert (moved.transfer.download_limit, moved.transfer.upload_limit) == (1000 * 1024, 500 * 1024)
    listed = (await real.torrents(key))[key]
    assert (listed["ratio_limit"], listed["seeding_time_limit"]) == (2.5, 90)
    await client.set_alternative_limits(True)
    assert (await until(client, lambda snapshot: snapshot.transfer.alternative_limits)).transfer.alternative_limits
    with pytest.raises(Refused):
        await client.set_category([key], "nobody made me")
    await client.create_category("made")
    with pytest.raises(Refused):
        await client.create_category("made")


async def test_settings_are_changed_and_read(client: QbittorrentClient, real: RealQbittorrent) -> None:
    before = await client.settings()
    assert (before.interface, before.interface_address, before.queueing) == ("lo", "127.0.0.1", False)
    assert before.listen_port == real.peer_port
    assert before.save_path == str(real.download_dir)
    await client.set_settings(
        {"max_ratio_enabled": True, "max_ratio": 1.5, "max_ratio_act": 1, "queueing_enabled": True, "upnp": False}
    )
    after = await client.settings()
    assert (after.maximum_ratio, after.maximum_ratio_removes) == (1.5, True)
    assert (after.queueing, after.upnp) == (True, False)


async def test_an_api_key_opens_it(session: ClientSession, real: RealQbittorrent) -> None:
    if not modern(real):
        pytest.skip("4.5 has no API keys")
    await real.add_many(2, stopped=True)
    key = (await real.post("app/rotateAPIKey"))["apiKey"]
    client = QbittorrentClient(session, real.url, api_key=key)
    await until(client, lambda snapshot: len(snapshot.torrents) == 2)
    await client.stop(None)
    await client.log_out()
    with pytest.raises(InvalidAuth):
        await QbittorrentClient(session, real.url, api_key="qbt_" + "x" * 28).version()
