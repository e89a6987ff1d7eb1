"""Several hold one client, and torrents come all the while: whoever looks, begins or ends first, in any order."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any, cast

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.sokoul.connectors.holding import (
    Client,
    hold,
    is_held,
    keep_holding,
    leave_running,
    let_go,
    seize,
)
from custom_components.sokoul.model.downloads import DownloadClientSnapshot, DownloadState, Torrent
from custom_components.sokoul.model.hold import Holder

STATES = {  # by whether it runs and whether it is complete
    (True, True): DownloadState.SEEDING,
    (True, False): DownloadState.STALLED,
    (False, True): DownloadState.COMPLETED,
    (False, False): DownloadState.STOPPED,
}


class Torrents:
    """A client that shows at once what each torrent was told, unless it is checked or `shown` says otherwise."""

    def __init__(self) -> None:
        self.all: dict[str, Torrent] = {}  # as they were added
        self.run: set[str] = set()
        self.forced: set[str] = set()
        self.checked: set[str] = set()
        self.shown: set[str] | None = None  # which seem to run, where that is out of date
        self.now = 1

    def add(self, *, runs: bool = True, forced: bool = False, checked: bool = False, finished: bool = False) -> str:
        key = f"torrent {len(self.all)}"
        self.all[key] = Torrent(
            hash=key, name=key, state=DownloadState.UNKNOWN, added_epoch=self.now, progress=1.0 if finished else 0.0
        )
        self.run |= {key} if runs else set()
        self.forced |= {key} if forced else set()
        self.checked |= {key} if checked else set()
        return key

    def _state(self, key: str) -> DownloadState:
        shown = self.run if self.shown is None else self.shown
        return DownloadState.CHECKING if key in self.checked else STATES[key in shown, self.all[key].progress == 1]

    async def snapshot(self) -> DownloadClientSnapshot:
        torrents = {
            key: replace(torrent, state=self._state(key), forced=key in self.forced)
            for key, torrent in self.all.items()
        }
        return DownloadClientSnapshot(revision=1, version="5.3.0", torrents=torrents)

    snapshot_in_haste = snapshot

    async def running(self) -> frozenset[str]:
        return frozenset(self.run)

    async def stopped(self) -> frozenset[str]:
        return frozenset(self.all.keys() - self.run)

    async def stop(self, hashes: Collection[str]) -> None:
        self.run -= set(hashes)
        self.forced -= set(hashes)

    async def start(self, hashes: Collection[str]) -> None:
        self.run |= set(hashes)

    async def set_force_start(self, hashes: Collection[str], forced: bool) -> None:  # noqa: FBT001 -- as the client
        assert forced
        self.run |= set(hashes)
        self.forced |= set(hashes)


class Backend:
    """A backend that is polled when a test says so."""

    def __init__(self) -> None:
        self.client = Torrents()
        self.data = DownloadClientSnapshot(revision=1, version="5.3.0", torrents={})
        self.preferences: Mapping[str, Any] = {}
        self.memory: dict[str, Any] = {}

    def remember(self, key: str, value: Any) -> None:
        self.memory = {**self.memory, key: value}
        if value is None:
            del self.memory[key]

    async def save_memory(self, patience: timedelta | None = None) -> None:
        """There is no disk."""

    async def poll(self) -> None:
        self.data = await self.client.snapshot()
        await keep_holding(self.it)

    @property
    def it(self) -> Client:
        return cast("Client", self)


def active(backend: Backend) -> set[Holder]:
    return {holder for holder in Holder if is_held(backend.it, holder)}


def may_run(backend: Backend, keys: Collection[str]) -> bool:
    """Tell whether these may, by who holds the client."""
    return not active(backend) or (
        active(backend) == {Holder.GOVERNOR} and all(backend.client.all[key].progress == 1 for key in keys)
    )


async def poll(backend: Backend) -> None:
    await backend.poll()
    left = backend.client.run if Holder.VPN in active(backend) else backend.client.run - backend.client.checked
    assert may_run(backend, left) or not left


async def down(backend: Backend) -> None:
    await seize(backend.it, Holder.VPN)
    assert not backend.client.run


async def end(backend: Backend, holder: Holder, at_most: int | None = None) -> None:
    before = set(backend.client.run)
    await let_go(backend.it, holder, at_most)
    started = backend.client.run - before
    assert may_run(backend, started) or not started, "whoever else holds it goes on to"


async def second(backend: Backend) -> None:
    backend.client.now += 1


async def checked(backend: Backend) -> None:
    backend.client.checked.clear()


def comes(**options: bool) -> Callable[[Backend], Awaitable[None]]:
    async def come(backend: Backend) -> None:
        backend.client.add(**options)

    return come


MOVES: Mapping[str, Callable[[Backend], Awaitable[None]]] = {
    "one comes": comes(),
    "one comes forced": comes(forced=True),
    "one comes stopped": comes(runs=False),
    "one comes and is checked": comes(checked=True),
    "one comes stopped and is checked": comes(runs=False, checked=True),
    "one comes complete": comes(finished=True),
    "a second": second,
    "checks end": checked,
    "poll": poll,
    "pause": lambda backend: hold(backend.it, Holder.PERSON),
    "resume": lambda backend: end(backend, Holder.PERSON),
    "hot": lambda backend: hold(backend.it, Holder.GOVERNOR),
    "cool": lambda backend: end(backend, Holder.GOVERNOR),
    "down": down,
    "up, step by step": lambda backend: end(backend, Holder.VPN, 1),
    "up": lambda backend: end(backend, Holder.VPN),
}


@settings(max_examples=500)
@given(st.lists(st.sampled_from(tuple(MOVES)), min_size=10, max_size=30))
def test_what_came_to_run_runs_when_nobody_holds_it_and_not_before(moves: list[str]) -> None:
    async def live() -> None:
        backend, wanted, forced = Backend(), set[str](), set[str]()
        for move in moves:
            there = set(backend.client.all)
            await MOVES[move](backend)
            came = backend.client.all.keys() - there
            wanted |= came & backend.client.run
            forced |= came & backend.client.forced
        for holder in Holder:
            await let_go(backend.it, holder)
        assert (backend.client.run, backend.client.forced) == (wanted, forced)

    asyncio.run(live())


#: Who stops it, whether when they begin, and who else holds the client.
CASES = [
    (first, begins, second)
    for first, second in permutations(Holder, 2)
    for begins in (True, False)
    if begins or first is Holder.VPN  # the guard alone looks between two polls
]
cases = pytest.mark.parametrize(("first", "begins", "second"), CASES)


async def begin(backend: Backend, holder: Holder) -> None:
    await (seize if holder is Holder.VPN else hold)(backend.it, holder)


async def come_and_be_stopped(backend: Backend, first: Holder, second: Holder, *, begins: bool) -> str:
    """Let one come that only one of the two sees, and that one stop it; no poll comes after that."""
    backend.client.add()
    await backend.poll()
    await begin(backend, second)
    if not begins:
        await begin(backend, first)
    backend.client.now += 1
    key = backend.client.add(forced=True)
    await begin(backend, first)
    assert not backend.client.run
    return key


@cases
@pytest.mark.parametrize("polled", [True, False])
def test_what_one_stopped_and_lets_go_of_is_held_by_the_other(
    first: Holder, second: Holder, *, begins: bool, polled: bool
) -> None:
    """Without a poll between: were it started, its state would show for a while that it rests."""

    async def live() -> None:
        backend = Backend()
        key = await come_and_be_stopped(backend, first, second, begins=begins)
        if polled:
            await backend.poll()
        assert await let_go(backend.it, first)
        assert backend.client.run == set()
        backend.client.shown = set()
        await backend.poll()
        backend.client.shown = None
        await backend.poll()
        assert backend.client.run == set()
        assert await let_go(backend.it, second)
        assert backend.client.run == set(backend.client.all)
        assert backend.client.forced == {key}

    asyncio.run(live())


def test_what_another_stopped_is_seen_by_the_guard_when_it_stops_something_else() -> None:
    async def live() -> None:
        backend = Backend()
        await come_and_be_stopped(backend, Holder.PERSON, Holder.VPN, begins=True)
        backend.client.add()
        await seize(backend.it, Holder.VPN)
        assert await let_go(backend.it, Holder.PERSON)
        assert backend.client.run == set()

    asyncio.run(live())


@cases
def test_what_was_not_polled_is_left_as_it_has_to_be_when_sokoul_leaves(
    first: Holder, second: Holder, *, begins: bool
) -> None:
    """It runs again, unless the guard holds the client: then what another stopped has to stay stopped, too."""

    async def live() -> None:
        backend = Backend()
        await come_and_be_stopped(backend, first, second, begins=begins)
        left = await leave_running(cast("Any", backend.client), backend.memory["held"])
        if Holder.VPN in (first, second):
            assert backend.client.run == set()
            assert left is not None
            assert left.startswith("2 torrents")
        else:
            assert backend.client.run == set(backend.client.all)
            assert left is None

    asyncio.run(live())
