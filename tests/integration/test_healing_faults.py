"""Healing while backends fail in every way that they can: nothing is struck wrongly, done twice or lost.

Each case is one life of a stuck download: its *arr grabbed it, nothing more arrives, and it has to be replaced after
two hours for which its client could be asked. Beside it another download goes on slowly. A fault begins at one of the
backends before anything is stuck, while time counts, or exactly at a step of the act, and ends again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatch
from itertools import islice
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.rules.stalled import StalledPolicy
from custom_components.sokoul.model.journal import (
    OPEN_STATUSES,
    ActKind,
    Autonomy,
    EntryStatus,
    JournalEntry,
)
from custom_components.sokoul.pilot import Pilot
from devstack.clock import ManualClock
from devstack.frame import FaultKind, Simulator
from devstack.library import Episode, Movie
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedFile, SimulatedTorrent, Swarm
from devstack.radarr import RadarrSimulator
from devstack.releases import Release, release_of
from devstack.sonarr import SonarrSimulator
from tests.autopilot.stack import reversible

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    RADARR_ID,
    SONARR_ID,
    USERNAME,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PATIENCE = 2 * HOUR
SETTLED = timedelta(minutes=12)  # a client that answers again is believed
QUIET_TURNS = 200  # of the event loop without a request, while something waits: it waits for time to pass
GIVEN_BYTES = 1e9
SLOWLY = Swarm(rate=2e4, seeds=1, availability=1.0)

MANY_TIMES = 1_000_000
MOST_HOURS = 6  # until the end of everything that a fault can delay
ARRS: dict[str, type[RadarrSimulator | SonarrSimulator]] = {"radarr": RadarrSimulator, "sonarr": SonarrSimulator}

type Options = dict[str, Any]

#: every way to fail, by its name in the tests
FAULTS: dict[str, tuple[FaultKind, Options]] = {
    "refuse": (FaultKind.REFUSE, {}),
    "cut": (FaultKind.DISCONNECT, {}),
    "hang": (FaultKind.HANG, {}),
    "drip": (FaultKind.DRIP, {}),
    "401": (FaultKind.STATUS, {"status": 401}),
    "403": (FaultKind.STATUS, {"status": 403}),
    "404": (FaultKind.STATUS, {"status": 404}),
    "409": (FaultKind.STATUS, {"status": 409}),
    "429": (FaultKind.STATUS, {"status": 429}),
    "429 with Retry-After": (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "1800"}}),
    "500": (FaultKind.STATUS, {"status": 500}),
    "cut off": (FaultKind.TRUNCATE, {}),
    "truncated JSON": (FaultKind.TRUNCATE_JSON, {}),
    "HTML": (FaultKind.HTML, {}),
    "wrong types": (FaultKind.WRONG_TYPES, {}),
    "unknown enums": (
        FaultKind.UNKNOWN_ENUMS,
        {"fields": ("state", "status", "trackedDownloadStatus", "trackedDownloadState", "protocol", "privacy")},
    ),
    "redirect": (FaultKind.REDIRECT, {"location": "/login"}),
}


@dataclass
class Stuck:
    """Backends, one download that gets nothing more, and one that does."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    clock: ManualClock
    qbittorrent: QbittorrentSimulator
    arr: RadarrSimulator | SonarrSimulator
    prowlarr: ProwlarrSimulator
    pilot: Pilot = field(init=False)
    old: Release = field(init=False)
    new: Release = field(init=False)
    busy: Release = field(init=False)
    grabbed_before: list[str] = field(init=False)
    dried_at: datetime = field(init=False)
    away: Simulator | None = None  # the backend of which nothing works
    silent: bool = False  # something begins an answer at most: only time ends that

    @property
    def simulators(self) -> tuple[Simulator, ...]:
        return (self.qbittorrent, self.arr, self.prowlarr)

    # --- before --------------------------------------------------------------------------------------------------

    async def begin(self, set_up: SetUp) -> None:
        """Let the *arr grab two releases, and Home Assistant watch."""
        self.arr.add_qbittorrent(self.qbittorrent.url, username=USERNAME, password=PASSWORD, category="media")
        self.qbittorrent.add_torrent("somebody is connected", "seeding")
        wanted: Iterator[Movie | Episode] = iter(self.arr.missing())
        title, other = islice(wanted, 2)
        self.old = release_of(title, group="LANTERN", seeders=9)
        self.new = release_of(title, group="MERiDiAN", seeders=40)
        self.busy = release_of(other, group="LANTERN", seeders=9)
        for release in (self.old, self.busy):
            await self.arr.grabbing.grab(release, release.wanted)
            file = SimulatedFile(path=f"{release.title}.mkv", size_bytes=release.size_bytes)
            self.qbittorrent.change(
                release.info_hash.lower(), has_metadata=True, files=[file], completed=GIVEN_BYTES, swarm=SLOWLY
            )
        self.arr.offer(title, self.old, self.new)
        self.arr.offer(other, self.busy, release_of(other, group="MERiDiAN", seeders=40))
        await self.arr.refresh()
        self.grabbed_before = self.grabbed()
        arr_id = RADARR_ID if isinstance(self.arr, RadarrSimulator) else SONARR_ID
        entry = await set_up(
            qbittorrent_subentry(self.qbittorrent),
            servarr_subentry(self.arr, arr_id),
            servarr_subentry(self.prowlarr, PROWLARR_ID),
        )
        self.pilot = entry.runtime_data.pilot
        kernel = self.pilot.kernel
        policy = StalledPolicy(patience=PATIENCE, patience_when_rare=PATIENCE, last_copy_patience=HOUR)
        others = dict.fromkeys(kernel.rules, Autonomy.OFF)
        kernel.change(
            replace(kernel.settings, autonomy={**others, "stalled": Autonomy.ACT}, policies={"stalled": policy})
        )
        await self.pass_time(MINUTE)
        await self.pass_time(SETTLED)
        await self.pass_time(MINUTE)

    def dry_up(self) -> datetime:
        """Let nothing more arrive of the one."""
        self.qbittorrent.change(self.old.info_hash.lower(), swarm=Swarm())
        self.dried_at = self.clock.now()
        return self.dried_at

    # --- time ----------------------------------------------------------------------------------------------------

    async def pass_time(self, step: timedelta, times: int = 1) -> None:
        for _ in range(times):
            self._move(step)
            if self.away is not self.qbittorrent:
                await self.arr.tick()  # it looks at its download client by itself
            async_fire_time_changed(self.hass)
            await self._settle()

    def _move(self, step: timedelta) -> None:
        self.clock.advance(step)
        self.freezer.tick(step)

    async def _settle(self) -> None:
        """Wait for what is going on; while it waits for a backend that hangs, let the seconds go by."""
        settled = asyncio.ensure_future(self.hass.async_block_till_done(wait_background_tasks=True))
        seen, quiet = 0, 0
        while self.silent and not settled.done():
            await asyncio.sleep(0)
            now_seen = sum(len(each.requests) for each in self.simulators)
            quiet = quiet + 1 if now_seen == seen else 0
            seen = now_seen
            if quiet > QUIET_TURNS:
                quiet = 0
                self._move(timedelta(seconds=5))
        await settled

    # --- faults --------------------------------------------------------------------------------------------------

    def backend(self, name: str) -> Simulator:
        """Return a backend by its name in the tests."""
        return {"qbittorrent": self.qbittorrent, "prowlarr": self.prowlarr}.get(name, self.arr)

    async def fail(self, backend: Simulator, fault: str) -> None:
        """Let everything that a backend is asked go wrong, and be noticed."""
        self.away = backend
        if fault == "refuse":
            await backend.refuse()
        else:
            self.fail_at(backend, "* *", fault)
        await self.pass_time(MINUTE)

    def fail_at(self, backend: Simulator, route: str, fault: str) -> Callable[[], int]:
        """Let some requests go wrong. Returns what tells how many did."""
        kind, options = FAULTS[fault]
        self.silent = kind in {FaultKind.HANG, FaultKind.DRIP}
        made = backend.fault(kind, route, times=MANY_TIMES, **options)
        return lambda: MANY_TIMES - (made.times or 0)

    async def recover(self, backend: Simulator) -> datetime:
        """Let a backend answer again, and be believed again. Returns since when it answers."""
        backend.clear_faults()
        await backend.accept()
        self.away, self.silent = None, False
        began = self.clock.now()
        await self.pass_time(3 * MINUTE)  # the longest pause between two tries
        await self.pass_time(SETTLED)
        return began

    # --- what must hold ------------------------------------------------------------------------------------------

    async def rows(self, *kinds: ActKind) -> list[JournalEntry]:
        """Return what the journal has of the rule, oldest first."""
        found = await self.pilot.kernel.journal.find(rule="stalled", limit=1000)
        return [entry for entry in reversed(found) if not kinds or entry.act in kinds]

    def grabbed(self) -> list[str]:
        """Return what the *arr grabbed, oldest first."""
        return [event.source_title for event in self.arr.history.events if event.event == "grabbed"]

    def asked(self, route: str) -> int:
        """Return how often a request came in at any of the backends."""
        method, _, path = route.partition(" ")
        seen = [each for simulator in self.simulators for each in simulator.requests]
        return sum(each.method == method and fnmatch(each.path, path) for each in seen)

    def torrent(self, release: Release) -> SimulatedTorrent:
        return self.qbittorrent.torrents[release.info_hash.lower()]

    def assert_untouched(self, release: Release) -> None:
        torrent = self.torrent(release)
        assert (torrent.category, torrent.stopped, torrent.tags) == ("media", False, set())
        assert not self.arr.blocklist.holds(release)

    async def until_replaced(self) -> JournalEntry:
        """Let time pass until it is replaced, at most some hours, and return the row of that."""
        for _ in range(MOST_HOURS):
            if any(row.status is EntryStatus.DONE for row in await self.rows(ActKind.REPLACE)):
                break
            await self.pass_time(HOUR - MINUTE)
            await self.pass_time(MINUTE)
        await self.assert_replaced_once()
        return next(row for row in await self.rows(ActKind.REPLACE) if row.status is EntryStatus.DONE)

    async def assert_replaced_once(self) -> None:
        """See that it was replaced, once, with nothing lost or left over, and that the other one was left alone."""
        rows = await self.rows()
        told = "; ".join(f"{row.at - self.dried_at} {row.act} {row.status} {row.result}" for row in rows)
        assert not [row for row in rows if row.status in OPEN_STATUSES], told
        asked = [row.status for row in rows if row.act is ActKind.REANNOUNCE]
        assert set(asked) <= {EntryStatus.DONE}, f"what costs nothing waits for no *arr: {told}"
        replacing = [row.status for row in rows if row.act is ActKind.REPLACE]
        assert replacing.count(EntryStatus.DONE) == 1, told
        assert set(replacing) <= {EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.KEPT}, told
        assert {row.subject.rpartition("/")[2] for row in rows} == {self.old.info_hash.lower()}, told
        assert self.grabbed() == [*self.grabbed_before, self.new.title], told
        assert [entry.source_title for entry in self.arr.blocklist.items.values()] == [self.old.title], told
        quarantined = {each.hash for each in self.qbittorrent.torrents.values() if each.category == QUARANTINE}
        assert quarantined == {self.old.info_hash.lower()}
        assert self.torrent(self.old).stopped
        assert self.old.title not in {item.title for item in self.arr.queue.items}
        assert self.torrent(self.new).category == "media"
        assert len(reversible(self.pilot.kernel)) == 1
        self.assert_untouched(self.busy)
        assert self.asked("POST */release") <= len(replacing), "each grab has its row"
        assert self.asked("POST */reannounce") == len(asked)


@pytest.fixture
def arr_kind() -> str:
    """Which *arr the downloads are for, unless a test says otherwise."""
    return "radarr"


@pytest.fixture
async def stuck(
    arr_kind: str,
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    clock: ManualClock,
    qbittorrent: QbittorrentSimulator,
    prowlarr: ProwlarrSimulator,
    set_up: SetUp,
    leaps: None,
) -> AsyncIterator[Stuck]:
    freezer.move_to(clock.now())
    async with ARRS[arr_kind](clock=clock) as arr:
        stuck = Stuck(hass, freezer, clock, qbittorrent, arr, prowlarr)
        await stuck.begin(set_up)
        yield stuck


def over(backends: Iterable[str], faults: Iterable[str]) -> list[Any]:
    """Return the table of backends and faults, with the *arr that the downloads are for."""
    return [
        pytest.param(backend, backend if backend in ARRS else "radarr", fault, id=f"{backend}-{fault}")
        for backend in backends
        for fault in faults
    ]


@pytest.mark.parametrize(
    ("backend", "arr_kind", "fault"), over(("qbittorrent", "radarr", "sonarr", "prowlarr"), FAULTS)
)
async def test_a_backend_that_fails_before_anything_is_stuck_and_while_time_counts(
    stuck: Stuck, backend: str, fault: str
) -> None:
    """Only the time counts in which the client could be asked; what the others say is needed at the end only."""
    failing = stuck.backend(backend)
    the_client = failing is stuck.qbittorrent
    await stuck.fail(failing, fault)
    seen_at = stuck.dry_up()
    await stuck.pass_time(PATIENCE - HOUR / 2)
    answers = await stuck.recover(failing)
    if the_client:
        seen_at = answers
    stuck.assert_untouched(stuck.old)

    began = stuck.clock.now()
    await stuck.fail(failing, fault)
    await stuck.pass_time(3 * HOUR)
    if the_client:
        stuck.assert_untouched(stuck.old)
    answers = await stuck.recover(failing)
    away = answers - began if the_client else timedelta()
    if the_client:
        stuck.assert_untouched(stuck.old)
    replaced = await stuck.until_replaced()
    assert replaced.at >= seen_at + PATIENCE + away


#: the requests of which replacing consists, in their order
STEPS = {
    "search": ("radarr", "GET */release"),
    "grab": ("radarr", "POST */release"),
    "category": ("qbittorrent", "POST */torrents/setCategory"),
    "removal": ("radarr", "DELETE */queue/*"),
}


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "refuse"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_fault_at_a_step_of_replacing(stuck: Stuck, step: str, fault: str) -> None:
    backend, route = STEPS[step]
    stuck.dry_up()
    await stuck.pass_time(MINUTE)
    await stuck.pass_time(HOUR)
    await stuck.pass_time(MINUTE)
    await stuck.pass_time(50 * MINUTE)
    await stuck.pass_time(MINUTE)
    failed = stuck.fail_at(stuck.backend(backend), route, fault)
    await stuck.pass_time(10 * MINUTE, 2)
    assert failed(), "it was to be met at this step"
    await stuck.pass_time(2 * MINUTE, 2)
    await stuck.recover(stuck.backend(backend))
    await stuck.until_replaced()
