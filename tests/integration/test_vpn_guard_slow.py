"""The VPN guard at a qBittorrent that answers slowly, as a 4.5, where each snapshot costs as much as everything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.clients.errors import UnexpectedResponse
from custom_components.sokoul.clients.qbittorrent import QbittorrentClient
from custom_components.sokoul.connectors.holding import holds, let_go, seize
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.guarding import ACT_PATIENCE, GuardedBackend
from custom_components.sokoul.model.hold import Holder
from devstack.clock import ManualClock
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import HUB_ID, PASSWORD, QBITTORRENT_ID, USERNAME, PassTime, SetUp
from .test_pause import add, running
from .test_vpn_guard import STEP, guard_of


@pytest.fixture(params=["4.5"])
async def qbittorrent(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[QbittorrentSimulator]:
    async with QbittorrentSimulator(request.param, username=USERNAME, password=PASSWORD, clock=clock) as simulator:
        yield simulator


def asked(qbittorrent: QbittorrentSimulator) -> list[str]:
    return [request.path.removeprefix("/api/v2/") for request in qbittorrent.requests]


async def test_nothing_large_is_asked_for_before_everything_is_stopped_and_read_back(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    qbittorrent.requests.clear()
    told: list[int] = []
    await seize(guard.backend, Holder.VPN, told.append)
    assert told == [0]
    assert running(qbittorrent) == set()
    assert "torrents/pause" in asked(qbittorrent)
    assert "sync/maindata" not in asked(qbittorrent)


async def test_what_changed_since_the_last_poll_comes_back_as_it_was(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    one, forced, freed, stopped, gone = add(qbittorrent, "one", "forced", "freed", "stopped", "gone")
    (started,) = add(qbittorrent, "started", behaviour="stopped")
    qbittorrent.change(freed, forced=True)
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    qbittorrent.change(forced, forced=True)
    qbittorrent.change(freed, forced=False)
    qbittorrent.engine.stop(stopped)
    qbittorrent.engine.start(started, forced=True)
    qbittorrent.engine.remove(gone, with_files=False)
    (new,) = add(qbittorrent, "new")
    qbittorrent.change(new, forced=True)
    told: list[int] = []
    await seize(backend, Holder.VPN, told.append)
    assert told == [1], "what is new is seen when it is read back"
    assert running(qbittorrent) == set()
    await pass_time(STEP)
    assert await let_go(backend, Holder.VPN)
    assert running(qbittorrent) == {"one", "forced", "freed", "started", "new"}
    assert [each.forced for each in (one, forced, freed, started, new)] == [False, True, False, True, True]


async def test_what_it_held_a_moment_ago_is_stopped_again_before_a_poll_saw_it_run(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one", "two")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    await seize(backend, Holder.VPN)
    await pass_time(timedelta(seconds=21))  # the poll sees it stopped
    assert await let_go(backend, Holder.VPN)
    qbittorrent.requests.clear()
    told: list[int] = []
    await seize(backend, Holder.VPN, told.append)
    assert told == [0]
    assert "sync/maindata" not in asked(qbittorrent)
    assert running(qbittorrent) == set()
    assert await let_go(backend, Holder.VPN)
    assert running(qbittorrent) == {"one", "two", "forced"}
    assert forced.forced


async def test_where_the_forced_ones_cannot_be_told_the_rest_is_stopped_all_the_same(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (forced,) = add(qbittorrent, "forced")
    (stopped,) = add(qbittorrent, "stopped")
    qbittorrent.change(forced, forced=True)
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    qbittorrent.engine.stop(stopped)

    async def fail() -> None:
        raise UnexpectedResponse("GET /api/v2/torrents/info: 500")

    monkeypatch.setattr(backend.client, "snapshot_in_haste", fail)
    await seize(backend, Holder.VPN)
    assert running(qbittorrent) == set()
    assert await let_go(backend, Holder.VPN)
    assert running(qbittorrent) == {"forced"}
    assert forced.forced


class Lateness:
    """Lets a client answer what the guard looks at only when the stop was carried out, or not until then look at it."""

    def __init__(
        self,
        client: QbittorrentClient,
        monkeypatch: pytest.MonkeyPatch,
        freezer: FrozenDateTimeFactory,
        *,
        looks_first: bool,
    ) -> None:
        self._looks_first, self._freezer = looks_first, freezer
        self._asked, self._stop, self._stopped = 0, client.stop, asyncio.Event()
        monkeypatch.setattr(client, "stop", self._stop_between)
        for name in LOOKS:
            monkeypatch.setattr(client, name, partial(self._look, getattr(client, name)))

    async def _look[T](self, ask: Callable[[], Awaitable[T]]) -> T:
        told = await ask()
        self._asked += 1
        if self._asked == len(LOOKS):
            self._freezer.tick(timedelta(seconds=1))  # the guard has waited long enough
        await self._stopped.wait()
        return told if self._looks_first else await ask()

    async def _stop_between(self, hashes: Collection[str] | None) -> None:
        await self._stop(hashes)
        self._stopped.set()


LOOKS = ("stopped", "snapshot_in_haste")
generations = pytest.mark.parametrize("qbittorrent", ["4.5", "5.2"], indirect=True)


@generations
async def test_what_was_stopped_just_now_stays_so_when_the_client_says_it_late(
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked before it is told to stop; it answers one after the other."""
    *_, forced, stopped, freed = add(qbittorrent, "one", "two", "forced", "stopped", "freed")
    qbittorrent.change(freed, forced=True)
    (started,) = add(qbittorrent, "started", behaviour="stopped")
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    qbittorrent.change(forced, forced=True)
    qbittorrent.engine.stop(stopped)
    qbittorrent.engine.stop(freed)
    qbittorrent.engine.start(started)
    with monkeypatch.context() as patch:
        Lateness(backend.client, patch, freezer, looks_first=True)
        await seize(backend, Holder.VPN)
    assert running(qbittorrent) == set()
    assert await let_go(backend, Holder.VPN)
    assert running(qbittorrent) == {"one", "two", "forced", "started"}
    assert forced.forced


@generations
async def test_what_the_stop_itself_stopped_is_nobody_elses_doing(
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that looks only after the stop says that all are stopped."""
    *_, gone, forced = add(qbittorrent, "one", "two", "gone", "forced")
    qbittorrent.change(forced, forced=True)
    add(qbittorrent, "theirs", behaviour="stopped")
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    qbittorrent.engine.remove(gone, with_files=False)
    with monkeypatch.context() as patch:
        Lateness(backend.client, patch, freezer, looks_first=False)
        await seize(backend, Holder.VPN)
    assert running(qbittorrent) == set()
    assert await let_go(backend, Holder.VPN)
    assert running(qbittorrent) == {"one", "two", "forced"}
    assert forced.forced


@contextmanager
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have nothing written until the end."""
    disk, save = asyncio.Event(), Store.async_save

    async def take_long(store: Store[Any], data: Any) -> None:
        await disk.wait()
        await save(store, data)

    monkeypatch.setattr(Store, "async_save", take_long)
    try:
        yield
    finally:
        disk.set()


async def pass_time_slowly(freezer: FrozenDateTimeFactory, task: asyncio.Task[Any], most: timedelta) -> None:
    """Let time pass in small steps until something is done."""
    deadline = dt_util.utcnow() + most
    while not task.done() and dt_util.utcnow() < deadline:
        freezer.tick(timedelta(milliseconds=10))
        await asyncio.sleep(0)


async def test_a_disk_that_takes_long_holds_up_neither_the_guard_nor_what_it_stops_next(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    hass_storage: dict[str, Any],
) -> None:
    (one,) = add(qbittorrent, "one")
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    told: list[int] = []

    async def told_to_stop() -> None:
        seizing = asyncio.create_task(seize(backend, Holder.VPN, told.append))
        await pass_time_slowly(freezer, seizing, timedelta(minutes=1))
        assert seizing.done()
        await seizing

    with slow_disk(monkeypatch):
        await told_to_stop()
        assert told == [0]
        (new,) = add(qbittorrent, "new")
        await told_to_stop()
        assert running(qbittorrent) == set()
        assert f"{DOMAIN}.{HUB_ID}" not in hass_storage
    await hass.async_block_till_done()
    for torrent in (one, new):
        assert torrent.hash in str(hass_storage[f"{DOMAIN}.{HUB_ID}"])


async def test_a_disk_that_takes_long_holds_up_no_look_while_what_was_stopped_starts_again(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    hass_storage: dict[str, Any],
) -> None:
    add(qbittorrent, "one", "two")
    guard = await guard_of(set_up, qbittorrent)
    backend = guard.backend
    await pass_time(STEP)
    await guard.stop()  # it would let go by itself
    await seize(backend, Holder.VPN)
    await pass_time(STEP)
    with slow_disk(monkeypatch):
        letting_go = asyncio.create_task(let_go(backend, Holder.VPN, 1))
        await pass_time_slowly(freezer, letting_go, timedelta(minutes=1))
        assert letting_go.done()
        assert not letting_go.result()
        assert len(running(qbittorrent)) == 1
    await hass.async_block_till_done()
    assert holds(hass_storage[f"{DOMAIN}.{HUB_ID}"]["data"]["backends"][QBITTORRENT_ID])[Holder.VPN].ending


async def test_an_act_of_somebody_else_holds_up_no_look_while_what_was_stopped_starts_again(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, freezer: FrozenDateTimeFactory
) -> None:
    add(qbittorrent, "one")
    guard = await guard_of(set_up, qbittorrent)
    backend = guard.backend
    guarded = GuardedBackend(backend)
    await pass_time(STEP)
    await guard.stop()  # it would let go by itself
    await guarded.close()
    await pass_time(STEP)
    done = asyncio.Event()

    async def act() -> None:
        async with backend.act_lock:
            await done.wait()

    acting = asyncio.create_task(act())
    reopening = asyncio.create_task(guarded.reopen())
    await pass_time_slowly(freezer, reopening, 2 * ACT_PATIENCE)
    in_time = reopening.done()
    done.set()
    await acting
    assert in_time
    assert not await reopening
    assert running(qbittorrent) == set()
    assert await guarded.reopen()
    assert running(qbittorrent) == {"one"}
