"""The situations of torrents that users of other tools complain about: what those do, what SOKOUL does, and why.

Each is lived through from look to look: ours with all rules, gate, census and ownership, the others by what their
documentation and their users say of them, at their defaults (three strikes; decluttarr and Swaparr look every ten
minutes, Cleanuparr every five; speeds below 100 kB/s are slow). They are models of a few lines, to show what leads
where; nothing of their code is in them. Where a comment names a number, it is an issue of the tool.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest

from custom_components.sokoul.autopilot.rules.base import Facts
from custom_components.sokoul.autopilot.rules.contents import Content, content_of, has_sample
from custom_components.sokoul.model.downloads import (
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
    TrackerStatus,
)
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, ActKind
from custom_components.sokoul.model.world import World
from tests.autopilot.rules.queue import days, episodes, hours, known, minutes, of
from tests.autopilot.rules.swarms import (
    FETCHING,
    METADATA,
    NEW,
    OLD,
    STALLED,
    Stack,
    Story,
    Wish,
    client,
    having,
    listed,
    live,
    tracker,
)
from tests.model import make
from tests.model.make import GB

KB = 1000
#: The torrent that a story is about. Others may be beside it.
HERO = make.digest(1)

# --- the other tools -------------------------------------------------------------------------------------------------


@dataclass
class Peer:
    """A tool that looks now and then, and counts how often it saw what it doesn't like."""

    every: timedelta
    strikes: int
    facts: Facts
    counted: dict[str, int] = field(default_factory=dict)
    before: int | None = None  # bytes that were missing at the last look

    def sees(self, snapshot: DownloadClientSnapshot) -> bool:
        """Return whether it takes the torrent away at this look."""
        torrent = snapshot.torrents.get(HERO)
        if torrent is None:
            return False
        bad = self.dislikes(torrent, snapshot)
        progressed = self.before is not None and torrent.remaining_bytes < self.before
        self.before = torrent.remaining_bytes
        for kind in list(self.counted):
            if kind not in bad and self.forgets(kind, progressed=progressed):
                del self.counted[kind]
        for kind in bad:
            self.counted[kind] = self.counted.get(kind, 0) + 1
        return any(count >= (1 if kind in self.at_once else self.strikes) for kind, count in self.counted.items())

    at_once: ClassVar[Collection[str]] = ()

    def dislikes(self, torrent: Torrent, snapshot: DownloadClientSnapshot) -> set[str]:
        raise NotImplementedError

    def forgets(self, kind: str, *, progressed: bool) -> bool:
        raise NotImplementedError


class Decluttarr(Peer):
    """Four sightings in a row; nothing while the client is disconnected; slow is not counted on a line in full use."""

    at_once: ClassVar[Collection[str]] = ("missing", "bad files")

    def dislikes(self, torrent: Torrent, snapshot: DownloadClientSnapshot) -> set[str]:
        transfer = snapshot.transfer
        if transfer.connection is ConnectionStatus.DISCONNECTED or "Keep" in torrent.tags:
            return set()
        kinds = {
            DownloadState.STALLED: {"stalled"},
            DownloadState.METADATA: {"metadata"},
            DownloadState.MISSING_FILES: {"missing"},
        }.get(torrent.state, set())
        used = transfer.download_rate / transfer.download_limit if transfer.download_limit else 0
        come = 0 if self.before is None else self.before - torrent.remaining_bytes
        slow = come / self.every.total_seconds() < 100 * KB
        if torrent.state is DownloadState.DOWNLOADING and self.before is not None and slow and used <= 0.8:
            kinds = kinds | {"slow"}
        files = self.facts.files or ()
        if files and torrent.state in {DownloadState.DOWNLOADING, DownloadState.STALLED}:
            named = [each for each in files if content_of(each.name) is Content.VIDEO and not has_sample(each.name)]
            if all(each.availability is not None and each.availability < 1 for each in named):
                kinds = kinds | {"bad files"}
        return kinds

    def forgets(self, kind: str, *, progressed: bool) -> bool:  # noqa: ARG002 -- each sight counts for itself
        return True


class Cleanuparr(Peer):
    """Three sightings; public torrents only; progress forgives being stalled; not slow on the alternative limits."""

    at_once: ClassVar[Collection[str]] = ("unwanted", "malware")

    def dislikes(self, torrent: Torrent, snapshot: DownloadClientSnapshot) -> set[str]:
        if self.facts.private:
            return set()
        kinds = {DownloadState.STALLED: {"stalled"}, DownloadState.METADATA: {"metadata"}}.get(torrent.state, set())
        crawls = torrent.state is DownloadState.DOWNLOADING and 0 < torrent.download_rate < 100 * KB
        if crawls and not snapshot.transfer.alternative_limits:
            kinds = kinds | {"slow"}
        files = self.facts.files or ()
        if files and not any(each.wanted for each in files):
            kinds = kinds | {"unwanted"}
        if files and all(content_of(each.name) is Content.PROGRAM for each in files):
            kinds = kinds | {"malware"}
        return kinds

    def forgets(self, kind: str, *, progressed: bool) -> bool:
        return kind != "stalled" or progressed


class Swaparr(Peer):
    """Three sightings of two hours still to go, or of no end in sight; a strike is never forgotten."""

    def dislikes(self, torrent: Torrent, snapshot: DownloadClientSnapshot) -> set[str]:  # noqa: ARG002 -- it looks at the item only
        if torrent.size_bytes > 25 * 1024**3 or torrent.state in {DownloadState.QUEUED, DownloadState.SEEDING}:
            return set()
        left = torrent.remaining_bytes / torrent.download_rate if torrent.download_rate else None
        endless = left is None or left >= hours(2).total_seconds()
        return {"late"} if torrent.state is DownloadState.METADATA or endless else set()

    def forgets(self, kind: str, *, progressed: bool) -> bool:  # noqa: ARG002 -- none is forgotten
        return False


DC, CL, SW = "decluttarr", "cleanuparr", "swaparr"
PEERS: dict[str, Callable[[Facts], Peer]] = {
    DC: lambda facts: Decluttarr(every=minutes(10), strikes=4, facts=facts),
    CL: lambda facts: Cleanuparr(every=minutes(5), strikes=3, facts=facts),
    SW: lambda facts: Swaparr(every=minutes(10), strikes=3, facts=facts),
}


def removed_by(name: str, story: Story, lasts: timedelta, facts: Facts) -> bool:
    peer, passed = PEERS[name](facts), timedelta()
    while passed <= lasts:
        (_, snapshot), *_ = story(passed).clients
        if peer.sees(snapshot):
            return True
        passed += peer.every
    return False


# --- stories ---------------------------------------------------------------------------------------------------------


def hero(state: DownloadState = STALLED, **fields: Any) -> Torrent:
    return make.torrent(1, state, **having(0.4) | fields)


def beside(*numbers: int, state: DownloadState = FETCHING, rate: int = 3000 * KB, **fields: Any) -> list[Torrent]:
    return [make.torrent(number, state, download_rate=rate, **having(0.5, 90 * GB) | fields) for number in numbers]


def always(*torrents: Torrent, **fields: Any) -> Story:
    world = client(*torrents, **fields)
    return lambda _: world


def crawling(rate: float, *others: Torrent, share: dict[str, Any] | None = None, **fields: Any) -> Story:
    """Come at so many bytes a second, for as long as it lasts. The line has shown at the beginning what it can do."""
    begin = share or having(0.4, 20 * GB)

    def story(passed: timedelta) -> World:
        left = max(begin["remaining_bytes"] - round(rate * passed.total_seconds()), 1)
        torrent = hero(FETCHING, **{**begin, "remaining_bytes": left}, download_rate=round(rate))
        return client(torrent, *others, **fields, **({} if passed else {"rate": 30_000 * KB}))

    return story


def then(first: Story, lasts: timedelta, second: Story) -> Story:
    return lambda passed: first(passed) if passed < lasts else second(passed)


def in_bursts(passed: timedelta) -> World:
    """Come for ten minutes of each hour, as from a seed behind a slow line."""
    bursts, minute = divmod(int(passed / minutes(1)), 60)
    left = having(0.4)["remaining_bytes"] - (bursts + (minute >= 50)) * 100_000_000
    state = FETCHING if minute >= 50 else STALLED
    return client(hero(state, size_bytes=4 * GB, remaining_bytes=max(left, 1), download_rate=160 * KB * (minute >= 50)))


def at_night(passed: timedelta) -> World:
    """Throttle everything for eight hours of a day."""
    hour = int(passed / hours(1)) % 24
    rate, days_passed = (10 * KB if hour < 8 else 300 * KB), int(passed / days(1))
    by_day = days_passed * 16 * 3600 * 300 * KB + days_passed * 8 * 3600 * 10 * KB
    today = (passed - days(days_passed)).total_seconds()
    come = by_day + min(today, 8 * 3600) * 10 * KB + max(today - 8 * 3600, 0) * 300 * KB
    share = having(0.1, 80 * GB)
    torrents = [
        make.torrent(number, FETCHING, download_rate=rate, **{
            **share, "remaining_bytes": share["remaining_bytes"] - round(come)
        })
        for number in (1, 2, 3)
    ]  # fmt: skip
    return client(*torrents)


def queue_of_two(passed: timedelta) -> World:
    """Wait for a place for two days, then fetch."""
    state = DownloadState.QUEUED if passed < days(2) else FETCHING
    come = max((passed - days(2)).total_seconds(), 0) * 2000 * KB
    share = having(0.4, 60 * GB)
    waiting = hero(state, **{**share, "remaining_bytes": round(share["remaining_bytes"] - come)},
                   download_rate=0 if passed < days(2) else 2000 * KB)  # fmt: skip
    return client(waiting, *beside(2, 3))


def away(passed: timedelta) -> World:
    """Lose the tunnel after an hour; qBittorrent notices nothing."""
    if passed < hours(1):
        return client(hero(FETCHING, download_rate=900 * KB, **_come(passed, 900 * KB)), peers=40)
    left = _come(hours(1), 900 * KB)
    nodes = max(300 - int(passed / minutes(5)), 0)
    return client(hero(**left), *beside(2, 3, state=STALLED, rate=0), peers=0, nodes=nodes)


def _come(passed: timedelta, rate: float) -> dict[str, Any]:
    share = having(0.2, 24 * GB)
    return {**share, "remaining_bytes": round(share["remaining_bytes"] - rate * passed.total_seconds())}


def mount(passed: timedelta) -> World:
    """Lose the folder under four torrents, within half an hour of each other."""
    states = [DownloadState.MISSING_FILES if passed >= minutes(10 + 10 * each) else FETCHING for each in range(4)]
    torrents = [
        make.torrent(each, state, **having(0.4), download_rate=200 * KB * (state is FETCHING))
        for each, state in enumerate(states, 1)
    ]
    return client(*torrents)


DOWN = (tracker(TrackerStatus.UNREACHABLE, "private.example"),)
PRIVATE = of(NEW, private=True)
SEASON = episodes(1, 2, 3, 4)
FOUR = tuple(known(100 + number, released_on=date(2026, 9, 1)) for number in range(1, 5))
PACK_FILES = tuple(
    replace(file, progress=progress, availability=0.8 if progress < 1 else None)
    for file, progress in zip(listed(*(f"Silo.S03E0{each}.mkv" for each in range(1, 5))), (1, 1, 1, 0.8), strict=True)
)
PACK = of(NEW, titles=FOUR, files=PACK_FILES)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What goes on for `lasts`. `removed_by` are the tools that take it away, `ours` is the last that we want of it."""

    name: str
    story: Story
    lasts: timedelta
    ours: ActKind | None
    why: str
    removed_by: frozenset[str] = frozenset()
    facts: Facts = NEW
    asked: bool = False


def so(name: str, story: Story, lasts: timedelta, ours: ActKind | None, why: str, *by: str, **more: Any) -> Situation:
    return Situation(name=name, story=story, lasts=lasts, ours=ours, why=why, removed_by=frozenset(by), **more)


ALL = (DC, CL, SW)
ASKS = ActKind.REANNOUNCE

KEEP = (
    # decluttarr #124: nothing should be struck while the line is down; it is seen as down only when the client says so
    so("the tunnel is back, but its listener is dead", away, hours(30), None,
       "connected, and no peers anywhere: one verdict for all of them", *ALL),
    so("the client says itself that it is disconnected", always(
        hero(), connection=ConnectionStatus.DISCONNECTED, peers=0), days(3), None, "no line, no evidence", CL, SW),
    # decluttarr #280
    so("somebody had all of it this morning", always(hero(complete_seen_epoch=make.epoch(hours=3)), *beside(2)),
       hours(20), ASKS, "those who seed come and go daily", *ALL),
    # decluttarr #201
    so("an old film with few seeds, for two days", always(hero(), *beside(2)), days(2), ASKS,
       "what is rare is not found again: three days", *ALL, facts=OLD),
    so("a private tracker, for two days", always(hero(), *beside(2)), days(2), ASKS,
       "its seeds are few, and what is left there counts: three days", DC, SW, facts=PRIVATE),
    so("the one tracker of three private torrents is down for a week", always(
        *(make.torrent(each, STALLED, **having(0.4)) for each in (1, 2, 3)), *beside(4)), days(7), ASKS,
       "the tracker fails for all three: it is no torrent's fault", DC, SW, facts=of(PRIVATE, trackers=DOWN)),
    so("stalled for half an hour", always(hero(), *beside(2)), minutes(40), ASKS, "four looks are no evidence", *ALL),
    so("it comes in bursts, ten minutes an hour", in_bursts, hours(14), ASKS,
       "what comes is not stalled, however often it is seen so", *ALL),
    # Swaparr #77
    so("a season of 24 GB that takes hours at full speed", crawling(
       700 * KB, *beside(2), share=having(0, 24 * GB)), hours(5), None, "it makes progress all the time", SW),
    so("two hours at 90 kB/s", crawling(90 * KB, *beside(2)), hours(2), None, "six hours at most below 50 kB/s", *ALL),
    so("a night of a provider that throttles everything", at_night, days(3), None,
       "most are slow: it is the line", DC, CL),
    so("our own limit is used up", crawling(30 * KB, *beside(2, 3, rate=450 * KB), download_limit=1000 * KB), days(2),
       None, "what we limit is our doing", CL, SW),
    so("the alternative limits, as the schedule wants", crawling(30 * KB, *beside(2, rate=40 * KB),
       alternative_limits=True), days(2), None, "what we limit is our doing", DC, SW),
    so("slow, and nine tenths of it are here", crawling(
       9 * KB, *beside(2), share=having(0.95, 20 * GB)), days(1), None,
       "the last tenth comes sooner than another release", *ALL),
    so("slow, and from a private tracker", crawling(30 * KB, *beside(2)), days(1), ActKind.REPLACE,
       "what came counts there: a person decides", DC, SW, facts=PRIVATE, asked=True),
    # Huntarr.io #622: what waits for its turn was struck
    so("it waits for its turn for two days", queue_of_two, days(2) + hours(4), None,
       "beyond the maximum of active downloads nothing is known of its swarm"),
    so("stopped by a person", always(hero(DownloadState.STOPPED), *beside(2)), days(9), None,
       "a person stopped it", SW),
    so("injected by cross-seed, stalled", always(hero(tags=frozenset({"cross-seed"})), *beside(2)), days(9), None,
       "it is not an *arr's business", *ALL),
    so("to be kept", always(hero(tags=frozenset({"Keep"})), *beside(2)), days(9), None, "a person said so", CL, SW),
    so("grabbed by hand", always(hero(), *beside(2)), hours(7), ActKind.REPLACE,
       "a person chose it, a person decides", *ALL, facts=of(NEW, by_hand=True), asked=True),
    so("forced by a person", always(hero(forced=True), *beside(2)), days(9), None, "a person takes care of it", *ALL),
    so("its disk is full", always(hero(), *beside(2), free=0), days(9), None, "another release needs as much room",
       *ALL),
    so("being checked for hours", always(hero(DownloadState.CHECKING), *beside(2)), hours(9), None,
       "its client is at work", SW),
    so("being moved for hours", always(hero(DownloadState.MOVING), *beside(2)), hours(9), None,
       "its client is at work", SW),
    so("checked for hours, then looking for peers", then(always(hero(DownloadState.CHECKING), *beside(2)), hours(5),
       always(hero(), *beside(2))), hours(6), ASKS, "half an hour to find its peers, and patience after that", *ALL),
    so("the share went away under four torrents", mount, days(2), None, "several in one folder: the mount", DC, SW),
    so("one file lost, nobody can see the folder", always(hero(DownloadState.MISSING_FILES), *beside(2)), days(2),
       ActKind.RECHECK, "a check brings it back, if a person agrees", DC, SW, asked=True),
    so("a pack with all but one episode", always(hero(**having(0.95)), *beside(2), items=(
       make.item(1, titles=SEASON), make.item(2))), days(5), ActKind.FETCH_MISSING,
       "what is here stays, what is missing is fetched", *ALL, facts=PACK),
    so("a film in volumes, as the scene has them", crawling(3000 * KB, *beside(2)), hours(1), None,
       "an archive may hold the film", DC, facts=of(NEW, files=listed("d.rar", "d.r00", "d.r01", ("d.nfo", 0.01)))),
    so("a program beside a film that comes fast", crawling(3000 * KB, *beside(2)), hours(1),
       ActKind.REPLACE, "it may be harmless: a person decides", asked=True,
       facts=of(NEW, files=listed("Dune.mkv", ("codec.exe", 3.0)))),
)  # fmt: skip

GO = (
    so("nobody shares it any more", always(hero(), *beside(2)), hours(7), ActKind.REPLACE, "six hours without a byte",
       *ALL),
    so("a private one for which nobody came in three days", always(hero(), *beside(2)), hours(74), ActKind.REPLACE,
       "three days without a byte, and never stopped: it goes on for its tracker", DC, SW, facts=PRIVATE),
    # Cleanuparr #111, #146
    so("only its magnet link is known", always(make.torrent(1, METADATA, size_bytes=0, progress=0.0), *beside(2)),
       hours(3), ActKind.REPLACE, "two hours, and no byte to lose", *ALL),
    so("a trickle beside others that are fast", crawling(20 * KB, *beside(2)), hours(8), ActKind.REPLACE,
       "the line is good, its swarm is not", *ALL),
    so("a program instead of a film", crawling(3000 * KB, *beside(2)), minutes(5), ActKind.REPLACE,
       "there is no film in it", DC, CL, facts=of(NEW, files=listed(("Dune.2021.mkv.exe", 900.0)))),
    so("all its files were deselected", always(hero(), *beside(2)), minutes(15), ActKind.REPLACE,
       "nothing of it will come", CL, facts=of(NEW, files=listed("Dune.mkv", wanted=False))),
    so("only a sample", crawling(3000 * KB, *beside(2)), minutes(5), ActKind.REPLACE,
       "there is no film in it", DC, facts=of(NEW, files=listed(("Sample/sample.mkv", 40.0)))),
)  # fmt: skip


def wanted(each: Situation) -> list[Wish]:
    """Return what SOKOUL wants of the torrent that a story is about. A story ends at `NOW`, as its facts do."""
    facts = {make.digest(number): NEW for number in range(2, 9)}
    if each.facts.trackers:
        facts |= {make.digest(number): each.facts for number in (2, 3)}
    stack = Stack({**facts, HERO: each.facts})
    every = minutes(5) if each.lasts <= days(1) else minutes(10)
    return [wish for wish in live(stack, each.story, each.lasts, every) if wish.proposal.subject == f"qbt/{HERO}"]


@pytest.mark.parametrize("each", [*KEEP, *GO], ids=lambda each: each.name)
def test_what_the_others_do(each: Situation) -> None:
    assert {name for name in PEERS if removed_by(name, each.story, each.lasts, each.facts)} == each.removed_by


@pytest.mark.parametrize("each", KEEP, ids=lambda each: each.name)
def test_what_should_stay_is_not_taken_away(each: Situation) -> None:
    wishes = wanted(each)
    assert not [wish for wish in wishes if wish.removes], each.why
    assert (wishes[-1].proposal.act if wishes else None) is each.ours, each.why
    if each.asked:
        assert wishes[-1].level.value == "suggest"
    elif each.ours in DESTRUCTIVE_ACTS:
        pytest.fail("what should stay is taken away, or a person is asked")


@pytest.mark.parametrize("each", GO, ids=lambda each: each.name)
def test_what_leads_nowhere_is_replaced(each: Situation) -> None:
    wishes = [wish for wish in wanted(each) if wish.removes]
    assert wishes, each.why
    assert wishes[0].proposal.act is each.ours


def test_nothing_that_should_stay_is_taken_away_by_us_and_much_by_the_others() -> None:
    """The count that the tables above add up to."""
    taken = {name: sum(name in each.removed_by for each in KEEP) for name in PEERS}
    ours = sum(any(wish.removes for wish in wanted(each)) for each in KEEP)
    assert ours == 0
    assert all(count >= 10 for count in taken.values()), taken
