"""What setting a torrent aside and putting it back asks of qBittorrent, simulated and real."""

from collections.abc import AsyncIterator, Awaitable, Callable
import time

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.errors import NotFound, Refused
from custom_components.sokoul.clients.qbittorrent import QbittorrentClient
from custom_components.sokoul.model.downloads import (
    UNLIMITED,
    DownloadState,
    ShareLimitAction,
    ShareLimits,
    ShareLimitsMode,
    Torrent,
    TorrentSettings,
)
from devstack.qbittorrent_versions import GENERATIONS
from devstack.tools import find_qbittorrents
from devstack.torrents import make_torrent
from tests.devstack.qbittorrent_peers import PASSWORD, USERNAME, RealBackend, SimulatedBackend, content, data_of

UNKNOWN = "f" * 40
QUARANTINE = "sokoul-quarantine"
PATIENCE_SECONDS = 20
REAL = {"real-4.5": (4, 5), "real-5.3": (5, 3)}


type Backend = SimulatedBackend | RealBackend


REAL_ONES = [pytest.param(name, marks=pytest.mark.real) for name in REAL]


@pytest.fixture(params=[*GENERATIONS, *REAL_ONES])
async def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, socket_enabled: None
) -> AsyncIterator[Backend]:
    folder = tmp_path_factory.mktemp("qbittorrent")
    if (release := REAL.get(request.param)) is None:
        simulated = SimulatedBackend(request.param, folder)
        async with simulated.simulator:
            yield simulated
        return
    binary = next((found for found in find_qbittorrents() if found.release[:2] == release), None)
    if binary is None:
        pytest.skip(f"no qBittorrent {release[0]}.{release[1]} here; scripts/setup installs it")
    real = RealBackend(binary, folder, None)
    await real.start()
    try:
        yield real
    finally:
        await real.stop()


@pytest.fixture
def client(session: ClientSession, backend: Backend) -> QbittorrentClient:
    return QbittorrentClient(session, backend.url, username=USERNAME, password=PASSWORD)


async def until[T](backend: Backend, holds: Callable[[], Awaitable[T | None]]) -> T:
    """Let time pass until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (result := await holds()) is None or result is False:
        assert time.monotonic() < deadline, "never came to hold"
        await backend.pass_time(0.15)
    return result


async def shows(client: QbittorrentClient, backend: Backend, hash_: str, **fields: object) -> Torrent:
    async def shown() -> Torrent | None:
        torrent = await client.torrent(hash_)
        holds = torrent is not None and all(getattr(torrent, name) == value for name, value in fields.items())
        return torrent if holds else None

    return await until(backend, shown)


async def add_complete(client: QbittorrentClient, backend: Backend, name: str, *, stopped: bool = False) -> str:
    """Add a torrent whose content is there already, by itself and in no category."""
    torrent = content(name)
    await backend.put_content(torrent)
    hash_ = (await client.add(torrent.torrent, save_path=backend.download_dir)).hashes[0]
    if isinstance(backend, SimulatedBackend):
        backend.simulator.change(hash_, completed=float(torrent.size_bytes))
    await shows(client, backend, hash_, state=DownloadState.SEEDING)
    if stopped:
        await client.stop([hash_])
        await shows(client, backend, hash_, state=DownloadState.COMPLETED)
    return hash_


async def add_managed(client: QbittorrentClient, backend: Backend, name: str) -> str:
    """Add a complete torrent that is kept in its category's folder automatically."""
    hash_ = await add_complete(client, backend, name)
    folder = f"{backend.download_dir}/movies"
    await client.ensure_category("radarr", folder)
    await client.set_category([hash_], "radarr")
    await client.set_automatic([hash_], True)
    await shows(client, backend, hash_, save_path=folder, state=DownloadState.SEEDING)
    assert on_disk(backend, name) == [f"movies/{name}"]
    return hash_


def on_disk(backend: Backend, name: str) -> list[str]:
    """Return where a file is, below the downloads; the simulator has no files, only their places."""
    if isinstance(backend, RealBackend):
        folder = backend.real.download_dir
        return sorted(str(path.relative_to(folder)) for path in folder.rglob(f"{name}*"))
    (torrent,) = (each for each in backend.simulator.torrents.values() if each.name == name)
    return [torrent.content_path.removeprefix(f"{backend.download_dir}/")]


# --- quarantine and back ---------------------------------------------------------------------------------------------


async def test_a_managed_torrent_is_set_aside_and_put_back_without_moving_its_files(
    client: QbittorrentClient, backend: Backend
) -> None:
    name = "aside.mkv"
    hash_ = await add_managed(client, backend, name)
    await client.add_tags([hash_], ["mine"])
    before = await client.torrent_settings(hash_)
    assert (before.category, before.automatic, before.stopped, before.tags) == (
        "radarr",
        True,
        False,
        frozenset({"mine"}),
    )

    await client.stop([hash_])
    await client.set_automatic([hash_], False)
    await client.ensure_category(QUARANTINE, f"{backend.download_dir}/quarantine")
    await client.set_category([hash_], QUARANTINE)
    await client.add_tags([hash_], ["given up"])
    await shows(client, backend, hash_, state=DownloadState.COMPLETED, category=QUARANTINE, automatic=False)
    await backend.pass_time(1)
    assert on_disk(backend, name) == [f"movies/{name}"]

    await client.restore(hash_, before)
    await shows(client, backend, hash_, state=DownloadState.SEEDING, automatic=True)
    await backend.pass_time(1)
    assert await client.torrent_settings(hash_) == before
    assert on_disk(backend, name) == [f"movies/{name}"]
    torrent = await client.torrent(hash_)
    assert torrent is not None
    assert (torrent.state, torrent.progress) == (DownloadState.SEEDING, 1)


async def test_with_automatic_management_on_another_category_moves_the_files(
    client: QbittorrentClient, backend: Backend
) -> None:
    """This is why it is turned off first."""
    hash_ = await add_managed(client, backend, "moved.mkv")
    await client.ensure_category(QUARANTINE, f"{backend.download_dir}/quarantine")
    await client.set_category([hash_], QUARANTINE)
    await shows(client, backend, hash_, save_path=f"{backend.download_dir}/quarantine", state=DownloadState.SEEDING)
    assert on_disk(backend, "moved.mkv") == ["quarantine/moved.mkv"]


@pytest.mark.parametrize("backend", REAL_ONES, indirect=True)  # the simulator has no folder for that
async def test_what_is_not_complete_stays_in_the_folder_for_that(
    client: QbittorrentClient, backend: RealBackend
) -> None:
    folder = backend.real.download_dir / "incomplete"
    folder.mkdir()
    await client.set_settings({"temp_path_enabled": True, "temp_path": str(folder)})
    data = data_of("half.mkv", 400_000)
    (folder / "half.mkv").write_bytes(data[:200_000] + bytes(200_000))
    hash_ = (await client.add(make_torrent(data, name="half.mkv", announce="http://127.0.0.1:9/announce"))).hashes[0]
    await shows(client, backend, hash_, state=DownloadState.STALLED)
    await client.ensure_category("radarr", f"{backend.download_dir}/movies")
    await client.set_category([hash_], "radarr")
    await client.set_automatic([hash_], True)
    half = await shows(client, backend, hash_, save_path=f"{backend.download_dir}/movies", state=DownloadState.STALLED)
    assert 0.4 < half.progress < 0.6
    place = on_disk(backend, "half.mkv")
    assert len(place) == 1
    assert place[0].startswith("incomplete/")

    before = await client.torrent_settings(hash_)
    await client.stop([hash_])
    await client.set_automatic([hash_], False)
    await client.ensure_category(QUARANTINE)
    await client.set_category([hash_], QUARANTINE)
    await shows(client, backend, hash_, state=DownloadState.STOPPED, category=QUARANTINE)
    await backend.pass_time(1)
    assert on_disk(backend, "half.mkv") == place
    await client.restore(hash_, before)
    after = await shows(client, backend, hash_, state=DownloadState.STALLED, automatic=True)
    assert (after.progress, after.content_path) == (half.progress, half.content_path)
    assert on_disk(backend, "half.mkv") == place


async def test_everything_that_was_set_comes_back(client: QbittorrentClient, backend: Backend) -> None:
    hash_ = await add_complete(client, backend, "set.mkv")
    limits = ShareLimits(ratio=2.5, seeding_minutes=90, inactive_minutes=UNLIMITED, action=ShareLimitAction.STOP)
    wanted = TorrentSettings(
        category="films",
        tags=frozenset({"a", "b c"}),
        save_path=backend.download_dir,
        download_limit=100_000,
        upload_limit=50_000,
        share_limits=limits,
        sequential=True,
        first_last=True,
        super_seeding=True,
        forced=True,
    )
    await client.ensure_category("films")
    await client.restore(hash_, wanted)
    told = (backend.api >= (2, 11), backend.api >= (2, 14))

    async def settings() -> TorrentSettings | None:
        now = await client.torrent_settings(hash_)
        return now if now.super_seeding and now.first_last and now.forced else None

    before = await until(backend, settings)
    assert before.share_limits == ShareLimits(
        ratio=2.5,
        seeding_minutes=90,
        inactive_minutes=UNLIMITED if told[0] else None,
        action=ShareLimitAction.STOP if told[1] else ShareLimitAction.DEFAULT,
    )
    assert (before.category, before.tags, before.save_path) == ("films", wanted.tags, backend.download_dir)
    assert (before.download_limit, before.upload_limit, before.sequential) == (100_000, 50_000, True)
    assert (before.stopped, before.automatic, before.queue_position) == (False, False, 0)

    await client.restore(hash_, TorrentSettings(save_path=f"{backend.download_dir}/away", stopped=True))
    await shows(client, backend, hash_, state=DownloadState.COMPLETED, save_path=f"{backend.download_dir}/away")

    async def bare() -> bool:
        now = await client.torrent_settings(hash_)
        return now == TorrentSettings(save_path=f"{backend.download_dir}/away", stopped=True)

    assert await until(backend, bare)
    await client.restore(hash_, before)

    async def back() -> bool:
        return await client.torrent_settings(hash_) == before

    assert await until(backend, back)


async def test_the_mode_of_share_limits_is_kept_since_5_3(client: QbittorrentClient, backend: Backend) -> None:
    hash_ = await add_complete(client, backend, "mode.mkv", stopped=True)
    await client.set_share_limits([hash_], ShareLimits(ratio=1, mode=ShareLimitsMode.ALL))
    settings = await client.torrent_settings(hash_)
    assert settings.share_limits.ratio == 1
    expected = ShareLimitsMode.ALL if backend.api >= (2, 16) else ShareLimitsMode.DEFAULT
    assert settings.share_limits.mode is expected


async def test_what_was_stopped_is_not_started(client: QbittorrentClient, backend: Backend) -> None:
    hash_ = await add_complete(client, backend, "stopped.mkv", stopped=True)
    before = await client.torrent_settings(hash_)
    assert before.stopped
    await client.ensure_category(QUARANTINE)
    await client.set_category([hash_], QUARANTINE)
    await client.restore(hash_, before)
    await backend.pass_time(1)
    torrent = await client.torrent(hash_)
    assert torrent is not None
    assert (torrent.state, torrent.category) == (DownloadState.COMPLETED, "")


async def test_a_category_that_is_gone_is_refused_before_anything_starts(
    client: QbittorrentClient, backend: Backend
) -> None:
    hash_ = await add_complete(client, backend, "refused.mkv", stopped=True)
    with pytest.raises(Refused):
        await client.restore(hash_, TorrentSettings(category="nobody made me", save_path=backend.download_dir))
    assert (await client.torrent_settings(hash_)).stopped
    with pytest.raises(NotFound):
        await client.restore(UNKNOWN, TorrentSettings())


async def test_a_stopped_torrent_keeps_its_place_in_the_queue(client: QbittorrentClient, backend: Backend) -> None:
    await client.set_settings({"queueing_enabled": True, "max_active_downloads": 5, "dont_count_slow_torrents": False})
    hashes: list[str] = []
    for number in range(3):
        added = await client.add(content(f"queue{number}.mkv").torrent)
        await shows(client, backend, added.hashes[0], state=DownloadState.STALLED)
        hashes += added.hashes
    before = await client.torrent_settings(hashes[1])
    assert before.queue_position == 2
    await client.stop([hashes[1]])
    await shows(client, backend, hashes[1], state=DownloadState.STOPPED)
    await client.restore(hashes[1], before)
    await shows(client, backend, hashes[1], state=DownloadState.STALLED)
    assert [(await client.torrent_settings(each)).queue_position for each in hashes] == [1, 2, 3]


# --- one torrent -----------------------------------------------------------------------------------------------------


async def test_one_torrent_as_in_the_list(client: QbittorrentClient, backend: Backend) -> None:
    hash_ = await add_complete(client, backend, "one.mkv", stopped=True)
    other = await add_complete(client, backend, "other.mkv", stopped=True)
    assert hash_ != other

    async def listed() -> bool:
        return (await client.snapshot()).torrents.get(hash_) == await client.torrent(hash_)

    assert await until(backend, listed)
    await client.add_tags([hash_], ["at once"])
    torrent = await client.torrent(hash_)
    assert torrent is not None
    assert torrent.tags == {"at once"}
    for unknown in (UNKNOWN, "", "all", f"{hash_}|{other}"):
        assert await client.torrent(unknown) is None
        with pytest.raises(NotFound):
            await client.torrent_settings(unknown)


async def test_a_state_that_hides_it_does_not_hide_whether_it_is_stopped(
    client: QbittorrentClient, backend: Backend
) -> None:
    stopped = await add_complete(client, backend, "lost1.mkv", stopped=True)
    running = await add_complete(client, backend, "lost2.mkv")
    if isinstance(backend, RealBackend):  # its resume data has to be written first
        (backend.real.download_dir / "lost1.mkv").unlink()
    else:
        backend.simulator.lose_files(stopped)
    await backend.lose_files(content("lost2.mkv"))
    for hash_, expected in ((stopped, True), (running, False)):
        await shows(client, backend, hash_, state=DownloadState.MISSING_FILES)
        assert (await client.torrent_settings(hash_)).stopped is expected


async def test_files_are_wanted_or_not(client: QbittorrentClient, backend: Backend) -> None:
    files = {f"{number}.mkv": bytes([number]) * 100_000 for number in range(3)}
    hash_ = (await client.add(make_torrent(files, name="pack"), stopped=True)).hashes[0]
    await shows(client, backend, hash_, state=DownloadState.STOPPED)

    async def wanted() -> list[bool]:
        return [file.wanted for file in await client.files(hash_)]

    async def wants(*expected: bool) -> None:
        async def same() -> bool:
            return await wanted() == list(expected)

        assert await until(backend, same)

    await client.set_file_priority(hash_, [0, 2], wanted=False)
    await wants(False, True, False)
    await client.set_file_priority(hash_, [2], wanted=True)
    await wants(False, True, True)
    await client.set_file_priority(hash_, [], wanted=False)
    assert await wanted() == [False, True, True]
    with pytest.raises(Refused):
        await client.set_file_priority(hash_, [7], wanted=False)
    with pytest.raises(NotFound):
        await client.set_file_priority(UNKNOWN, [0], wanted=False)
    magnet = (await client.add("magnet:?xt=urn:btih:" + "cd" * 20)).hashes[0]
    await shows(client, backend, magnet, state=DownloadState.METADATA)
    with pytest.raises(Refused):
        await client.set_file_priority(magnet, [0], wanted=False)


# --- categories ------------------------------------------------------------------------------------------------------


async def test_a_category_is_made_once_and_kept_as_it_is(client: QbittorrentClient, backend: Backend) -> None:
    await client.ensure_category(QUARANTINE, "/one")
    await client.ensure_category(QUARANTINE, "/two")
    await client.ensure_category("a/b")
    assert (await client.snapshot()).categories[QUARANTINE] == "/one"
    for name in ("", "a\\b"):
        with pytest.raises(Refused):
            await client.ensure_category(name)
