"""Long work in threads: others have their turn, really, and the garbage collector has little to look at."""

import asyncio
import gc
from itertools import pairwise
import json
import threading

import pytest

from custom_components.sokoul.debrid import turns
from custom_components.sokoul.debrid.catalogue import Catalogue
from custom_components.sokoul.debrid.link_repairing import _in_order
from custom_components.sokoul.debrid.links import Health, Judgement, Link
from custom_components.sokoul.debrid.turns import PAUSE_SECONDS, WORK_SECONDS, discard, in_turns, loop_in_turns
from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import Held

from .link_scene import catalogue, holding


class Clock:
    """Each look at it is a millisecond later; who sleeps is noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.slept: list[tuple[float, float]] = []
        monkeypatch.setattr(turns, "monotonic", self.look)
        monkeypatch.setattr(turns, "sleep", self.sleep)

    def look(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append((self.now, seconds))


def test_all_come_in_their_order_and_others_have_a_pause_that_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert list(in_turns(range(2000))) == list(range(2000))
    assert len(clock.slept) >= 5
    moments = [0.0, *(at for at, _ in clock.slept), clock.now]
    assert max(later - at for at, later in pairwise(moments)) < 2 * WORK_SECONDS
    # a sleep of 0 gives nobody a turn who has to be woken first
    assert all(seconds == PAUSE_SECONDS >= 0.0002 for _, seconds in clock.slept)


def test_little_work_is_done_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert list(in_turns(range(40))) == list(range(40))
    assert not clock.slept


def test_what_is_looked_at_one_by_one_is_not_fetched_before() -> None:
    fetched: list[int] = []

    def things() -> object:
        for number in range(10):
            fetched.append(number)
            yield number

    first = next(in_turns(things(), look=1))  # type: ignore[arg-type] -- it is a generator
    assert (first, fetched) == (0, [0])


async def test_who_waits_has_its_turn_beside_work_in_a_thread() -> None:
    """Nobody can tell how long that takes on a busy machine; but it must not be the end of the work."""
    over = threading.Event()

    def endless() -> None:
        while not over.is_set():
            for _ in in_turns(range(10_000)):
                pass

    work = asyncio.create_task(asyncio.to_thread(endless))
    for _ in range(20):
        await asyncio.sleep(0.0001)
    over.set()
    await work


async def test_work_on_the_event_loop_gives_way_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    others = 0

    async def count() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(count())
    assert [each async for each in loop_in_turns(range(300))] == list(range(300))
    task.cancel()
    assert 90 <= others <= 160, "each third look at the clock"


def test_discarded_things_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    things = {number: str(number) for number in range(1000)}
    discard(things)
    assert not things
    assert clock.slept


def test_a_catalogue_is_discarded() -> None:
    found = catalogue(*(holding(f"Show {number}", "/E1.mkv") for number in range(700)))
    assert found.named("Show 7")
    assert len(found.hashes) == 700
    found.discard()
    assert not found.named("Show 7")
    assert not found.hashes
    assert not found.of_hash("hash of Show 7")


def test_what_is_read_of_a_mirror_brings_no_pass_of_the_garbage_collector() -> None:
    """What lasts of it is texts: with so many objects that are new to it the collector goes through everything."""
    files = {f"/E{number}.mkv": number for number in range(50)}
    held = [
        Held(
            f"{number}", f"h{number}", f"Show {number}.mkv", f"Show {number}", DebridStatus.DEAD, False,
            json.dumps(files | {f"/{number}.nfo": number}),
        )
        for number in range(1_000)
    ]  # fmt: skip
    found = Catalogue(complete=True)
    gc.collect()
    before = len(gc.get_objects())
    found.take("one", held)
    assert len(gc.get_objects()) - before < 20
    assert len(found.named("Show 7")) == 1
    assert found.of_hash("h7")[0].files == files | {"/7.nfo": 7}


def test_links_are_in_the_order_of_their_paths_whatever_portions_they_are_sorted_in() -> None:
    found = Judgement(health=Health.BROKEN)
    paths = [f"/media/{(number * 7919) % 5003}" for number in range(5003)]
    given = [(Link(path=path, target="/x"), found) for path in paths]
    assert [link.path for link, _ in _in_order(given)] == sorted(paths)
