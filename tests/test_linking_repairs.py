"""Very many broken links: what is planned of them leaves the event loop to others."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
import threading
from types import SimpleNamespace
from typing import Any, Self

import pytest

from custom_components.sokoul.debrid import turns
from custom_components.sokoul.debrid.checking import LinkReport, ScanMode
from custom_components.sokoul.debrid.link_repairing import Decision, LinkAct, LinkRepairer, Planned
from custom_components.sokoul.debrid.links import Cause, Health, Judgement, Link, Mount, Place
from custom_components.sokoul.linking_repairs import LinkRepairs, cases_of
from custom_components.sokoul.model.journal import Autonomy

MANY = 20_000
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOUNT = Mount(theirs="/mnt/zurg/shows")


def broken(number: int) -> tuple[Link, Judgement]:
    place = Place(mount=MOUNT, view=(), folder=f"Show {number // 10}", file=f"E{number}.mkv")
    link = Link(path=f"/media/shows/Show {number // 10}/E{number}.mkv", target=place.text())
    return link, Judgement(health=Health.BROKEN, cause=Cause.FILE_GONE, place=place)


class Watched(list[Planned]):
    """Many things, and in which threads all of them were gone through."""

    def __init__(self, things: Iterable[Planned]) -> None:
        super().__init__(things)
        self.threads = set[int]()

    def __iter__(self) -> Iterator[Planned]:
        self.threads.add(threading.get_ident())
        return super().__iter__()


class Turns:
    """Counts how often others have their turn on the event loop."""

    count = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


@pytest.mark.parametrize("now", [True, False])
async def test_cases_of_very_many_links_are_made_in_a_thread(*, now: bool) -> None:
    planned = Watched([Planned(link=link, found=found, decision=Decision(act=LinkAct.SEARCH))
                       for link, found in map(broken, range(MANY))])  # fmt: skip
    settings = SimpleNamespace(
        level=lambda _rule: Autonomy.OFF, protected=frozenset(), caps=SimpleNamespace(acts_an_hour=0)
    )
    pilot = SimpleNamespace(kernel=SimpleNamespace(settings=settings, suggestions=()))
    linking: Any = SimpleNamespace(hub=SimpleNamespace(pilot=pilot), repairer=None)
    repairs = LinkRepairs(linking)
    await (repairs.take_now(planned, "someone", NOW) if now else repairs.take(planned, NOW, whole=True))
    assert planned.threads, "they were looked at"
    assert threading.get_ident() not in planned.threads
    assert len(cases_of(planned)) == MANY


async def test_planning_of_very_many_links_leaves_the_event_loop_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LOOP_WORK_SECONDS", 0.0)  # each question takes too long
    asked: list[str] = []
    others, at = Turns(), list[int]()

    async def knows(path: str) -> bool:
        asked.append(path)
        at.append(others.count)
        return not path.endswith("E7.mkv")

    known: Any = SimpleNamespace(knows=knows)
    nobody: Any = SimpleNamespace()
    catalogue: Any = SimpleNamespace(by_hash={}, named={})
    repairer = LinkRepairer(
        nobody, known, nobody,
        recycle={"/media/shows": "/media/aside"}, roots=("/media/shows",), clock=lambda: NOW, new_key=str,
    )  # fmt: skip
    report = LinkReport(mode=ScanMode.QUICK, links=MANY, counts={}, broken=tuple(map(broken, range(MANY))))
    async with others:
        planned = await repairer.plan(report, catalogue)
    assert sorted(asked) == sorted(link.path for link, _ in report.broken)
    assert at[-1] - at[0] >= MANY - 1, "between the questions, which need not wait for anything"
    told = [each.link.path for each in planned if each.decision.act is LinkAct.TELL]
    assert told == ["/media/shows/Show 0/E7.mkv"]
