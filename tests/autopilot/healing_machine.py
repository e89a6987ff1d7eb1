"""Random worlds for the kernel: whatever happens in whatever order, some things must never.

A state machine for hypothesis. Time passes, downloads come, stall, move and finish, backends go and come, fail and lose
their answers, people do what people do, and everything may end at any awaited call and come back on what was stored.
"""

from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from custom_components.sokoul.autopilot import actuator
from custom_components.sokoul.autopilot.desk import MOVED, NotPossible
from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.autopilot.turns import ASLEEP_AFTER
from custom_components.sokoul.model.downloads import ConnectionStatus
from custom_components.sokoul.model.journal import (
    AUTOPILOT,
    DESTRUCTIVE_ACTS,
    GIVING_UP,
    OPEN_STATUSES,
    ActKind,
    Autonomy,
    EntryStatus,
    JournalEntry,
)
from custom_components.sokoul.model.library import TrackedState

from .fakes import GB, Crash, Failure, FakeJournal, FakeTorrent, Missing, digest
from .stack import DAY, HOUR, MINUTE, Stack, reversible

_POLICIES = {each.key: each for each in RULES}
PERSON = "somebody"
MOST_TORRENTS = 6


def run[ResultT](work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run what only ever waits for its turn: nothing here needs an event loop."""
    while True:
        try:
            work.send(None)
        except StopIteration as done:
            result: ResultT = done.value
            return result


class WatchedJournal(FakeJournal):
    """Lets each row be checked when it is written."""

    machine: HealingMachine

    def _keep(self, entry: JournalEntry) -> None:
        known = self._read(entry.id) if entry.id in self.rows else None
        super()._keep(entry)
        if entry.status is EntryStatus.RUNNING and (known is None or known.status is not EntryStatus.RUNNING):
            self.machine.begins(entry)
            self.machine.while_it_is_written(entry)


class HealingMachine(RuleBasedStateMachine):
    """A stack, what is true of it, and what must never happen."""

    def __init__(self) -> None:
        super().__init__()
        self._import_looks, actuator.IMPORT_LOOKS = actuator.IMPORT_LOOKS, 1  # the others wait for real seconds
        stack = self.stack = Stack(*RULES)
        journal = WatchedJournal(stack.fate)
        journal.machine = self
        stack.journal = journal
        self.moved_at: dict[str, datetime] = {}  # by hash: when a byte came last
        self.have: dict[str, int] = {}
        self.before: dict[int, tuple[object, ...]] = {}  # by entry: what its torrent was
        self.began: dict[int, JournalEntry] = {}
        self.stopped_by_hand: set[str] = set()
        self.meanwhile: dict[str, str] = {}  # what happens next while a search lasts, or while a row is written
        self.taken_at_last: set[str] = set()  # by hash: what was claimed after the row of its act was written
        self.numbers = iter(range(1, 10**6))
        self._guard()
        stack.radarr.want(900)

    # --- what is true ------------------------------------------------------------------------------------------------

    def _guard(self) -> None:
        """Look at each call that changes something, at the moment of its effect."""
        client, machine = self.stack.qbt, self
        stop, delete = client.stop, client.delete

        async def checked_stop(hashes: Any) -> None:
            for torrent in client._of(hashes):
                assert not torrent.finished, "what is finished is never stopped"
                assert torrent.private is False, "what may be private is never stopped"
                machine.is_written_down(torrent)
            await stop(hashes)

        async def checked_delete(hashes: Any, *, with_files: bool) -> None:
            for torrent in client._of(hashes):
                assert torrent.category == QUARANTINE
                assert torrent.private is False
                assert not torrent.finished
                shared = [
                    each for each in client.torrents.values() if each.look().content_path == torrent.look().content_path
                ]
                assert len(shared) == 1, "data that is shared is never deleted"
                claimed = "keep" in torrent.tags or torrent.hash in machine.stack.kernel.settings.protected
                assert torrent.stopped, "what a person resumed is never deleted"
                assert not torrent.forced
                assert not claimed, "what a person took in hand is never deleted"
            await delete(hashes, with_files=with_files)

        start = client.start

        async def checked_start(hashes: Any) -> None:
            started = {torrent.hash for torrent in client._of(hashes)}
            assert not started & machine.stopped_by_hand, "what a person stopped is never started"
            await start(hashes)

        searching, grab = self.stack.radarr.releases, self.stack.radarr.grab

        async def long_search(title: Any) -> Any:
            found = await searching(title)
            machine.happens("a search lasts", next(iter(client.torrents.values()), None))
            return found

        async def checked_grab(candidate: Any) -> None:
            wanted = [each for each in machine.began.values() if each.parameters.get("candidate")]
            wanted = [each for each in wanted if each.parameters["candidate"]["title"] == candidate.title]
            assert not wanted or wanted[-1].subject.partition("/")[2] not in machine.taken_at_last
            await grab(candidate)

        self.stack.radarr.releases, self.stack.radarr.grab = long_search, checked_grab  # type: ignore[method-assign]
        client.stop, client.delete, client.start = checked_stop, checked_delete, checked_start  # type: ignore[method-assign]

    def while_it_is_written(self, entry: JournalEntry) -> None:
        """Let something happen to a torrent that is about to be given up; that has to be seen."""
        torrent = self.stack.qbt.torrents.get(entry.subject.partition("/")[2])
        if entry.act in DESTRUCTIVE_ACTS and torrent is not None and self.happens("it is written", torrent):
            self.taken_at_last.add(torrent.hash)

    def happens(self, when: str, torrent: FakeTorrent | None) -> bool:
        """Do what was to happen at this moment."""
        what = self.meanwhile.pop(when, None)
        if what is None or torrent is None:
            return False
        match what:
            case "keep":
                torrent.tags |= {"keep"}
            case "force":
                torrent.forced = True
            case "protect":
                self.stack.desk.protect(torrent.hash, protected=True)
            case "line":
                self.stack.qbt.connection = ConnectionStatus.DISCONNECTED
            case _:
                for each in RULES:
                    self.stack.autonomy(Autonomy.SUGGEST, each.key)
        return what in {"keep", "force", "protect"}

    def is_written_down(self, torrent: FakeTorrent) -> None:
        """Check that there is a row about what is done to a torrent."""
        rows = [entry for entry in self.stack.journal.entries if entry.status in OPEN_STATUSES]
        about = [entry for entry in rows if entry.subject.endswith(torrent.hash)]
        instead = [entry for entry in rows if (entry.parameters.get("candidate") or {}).get("title") == torrent.name]
        assert about or instead, "nothing is done that is not written down"

    def begins(self, entry: JournalEntry) -> None:
        """Check an act that is about to begin."""
        stack, now = self.stack, self.stack.clock.now
        others = [
            each
            for each in stack.journal.entries
            if each.subject == entry.subject and each.id != entry.id and each.act in DESTRUCTIVE_ACTS
        ]
        assert not any(each.status in {EntryStatus.RUNNING, EntryStatus.UNDOING} for each in others), "one at a time"
        self.began[entry.id] = entry
        if entry.act not in DESTRUCTIVE_ACTS:
            return
        torrent = stack.qbt.torrents.get(entry.subject.partition("/")[2])
        if torrent is None:
            return
        assert torrent.category != QUARANTINE, "nothing is given up twice"
        assert torrent.category == "radarr", "nobody's, or another tool's"
        assert not torrent.forced
        assert "keep" not in torrent.tags
        assert torrent.hash not in stack.kernel.settings.protected
        if entry.actor == AUTOPILOT:
            assert stack.kernel.settings.level(_POLICIES[entry.rule]) is Autonomy.ACT
        if _POLICIES[entry.rule].gated:
            assert stack.qbt.connection is not ConnectionStatus.DISCONNECTED
            assert not stack.qbt.away
            assert stack.qbt.free > GB
        if _POLICIES[entry.rule].ends_with_progress and entry.act in GIVING_UP:
            patience: timedelta = stack.kernel.settings.policy(_POLICIES[entry.rule]).patience
            least = patience if entry.actor == AUTOPILOT else MOVED
            assert now - self.moved_at[torrent.hash] >= least, "it made progress within its patience"
        self.before[entry.id] = self._looks(torrent)

    @staticmethod
    def _looks(torrent: FakeTorrent) -> tuple[object, ...]:
        return torrent.category, torrent.tags, torrent.automatic, torrent.stopped, torrent.save_path

    def _note_progress(self) -> None:
        for torrent in self.stack.qbt.torrents.values():
            if torrent.have > self.have.get(torrent.hash, -1):
                self.moved_at[torrent.hash] = self.stack.clock.now
            self.have[torrent.hash] = torrent.have

    # --- life --------------------------------------------------------------------------------------------------------

    @initialize(level=st.sampled_from([Autonomy.ACT, Autonomy.ACT, Autonomy.SUGGEST, Autonomy.OBSERVE]))
    def start(self, *, level: Autonomy) -> None:
        run(self.stack.start())
        for each in RULES:
            self.stack.autonomy(level, each.key)
        self._pass(15 * MINUTE, 5 * MINUTE)
        for private in (False, False, True, None):
            self._come(1, private=private)

    def _pass(self, span: timedelta, every: timedelta) -> None:
        end, every = self.stack.clock.now + span, min(every, ASLEEP_AFTER)
        while self.stack.clock.now < end:
            step = min(every, end - self.stack.clock.now)
            self.stack.pass_time(step)
            self._note_progress()
            self._do(self.stack.turn())

    def _do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something that may end in a crash. It comes back then, on what was stored."""
        try:
            run(work)
        except Crash:
            self.stack.crash()
            run(self.stack.start())
        except NotPossible:
            pass

    @rule(span=st.sampled_from([MINUTE, 10 * MINUTE, HOUR]))
    def time_passes(self, *, span: timedelta) -> None:
        self._pass(span, max(span / 12, MINUTE))

    @rule(span=st.sampled_from([7 * HOUR, DAY, 4 * DAY]))
    def hours_pass(self, *, span: timedelta) -> None:
        self._pass(span, HOUR)

    @rule()
    def all_works_for_a_day(self) -> None:
        self.everything_works_again()
        self._pass(DAY, HOUR)

    @rule(span=st.sampled_from([HOUR, 7 * HOUR, 4 * DAY]))
    def the_machine_sleeps(self, *, span: timedelta) -> None:
        """Nobody saw what happened then, so it counts for nothing."""
        self.stack.clock.advance(span)
        self.moved_at = {hash_: at + span for hash_, at in self.moved_at.items()}
        self._pass(HOUR, 5 * MINUTE)

    @rule(points=st.integers(0, 40))
    def crash_soon(self, *, points: int) -> None:
        """Crash at a point of the next hours, or of what a person asks before."""
        self.stack.fate.crash_at = points

    @rule()
    def restart(self) -> None:
        self.stack.fate.crash_at = None
        run(self.stack.restart())

    @rule()
    def memory_is_written(self) -> None:
        self.stack.memory.write()

    # --- downloads ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.stack.qbt.torrents) < MOST_TORRENTS)
    @rule(
        fields=st.fixed_dictionaries(
            {
                "rate": st.sampled_from([0, 0, 1000]),
                "private": st.sampled_from([False, False, True, None]),
                "automatic": st.booleans(),
                "tags": st.sampled_from([frozenset(), frozenset({"mine"}), frozenset({"keep"})]),
                "have": st.sampled_from([0, GB, 4 * GB]),
                "has_metadata": st.sampled_from([True, True, False]),
                "category": st.sampled_from(["radarr", "radarr", "radarr", "mine", "cross-seed"]),
            }
        ),
        offers=st.integers(0, 2),
    )
    def a_download_comes(self, *, fields: Mapping[str, Any], offers: int) -> None:
        self._come(offers, **fields)

    def _come(self, offers: int, **fields: Any) -> None:
        number = next(self.numbers)
        category = fields.get("category", "radarr")
        save_path = f"/data/torrents/{category}" if fields.get("automatic") else "/data/torrents"
        self.stack.stalled(number, **fields, save_path=save_path)
        for each in range(offers):
            hash_ = digest(10**6 * (each + 1) + number)
            self.stack.offer(
                number, hash=hash_, title=f"New.{number}.{each}", weight=each, rate=0, tells_hash=each == 0
            )
        self._note_progress()

    @precondition(lambda self: self._free())
    @rule(
        data=st.data(),
        change=st.sampled_from(["rate", "byte", "finish", "checking", "error", "queued", "gone", "failed"]),
    )
    def a_download_changes(self, *, data: st.DataObject, change: str) -> None:
        torrent = data.draw(st.sampled_from(self._free()))
        match change:
            case "rate":
                torrent.rate = 0 if torrent.rate else 1000
            case "byte":
                torrent.have = min(torrent.have + 1, torrent.size)
            case "finish":
                torrent.have = torrent.size
            case "checking" | "error" | "queued":
                setattr(torrent, change, not getattr(torrent, change))
            case "gone":
                del self.stack.qbt.torrents[torrent.hash]
            case _:
                record = self.stack.radarr.records[torrent.hash]
                record.tracked = TrackedState.FAILED_PENDING
        self._note_progress()

    def _free(self) -> list[FakeTorrent]:
        """Return the torrents that people and swarms do something with: those that were not set aside."""
        return [torrent for torrent in self.stack.qbt.torrents.values() if QUARANTINE not in torrent.tags]

    def _set_aside(self) -> list[FakeTorrent]:
        return [torrent for torrent in self.stack.qbt.torrents.values() if torrent.category == QUARANTINE]

    # --- faults ------------------------------------------------------------------------------------------------------

    @rule(backend=st.sampled_from(["qbt", "radarr"]))
    def a_backend_goes_or_comes(self, *, backend: str) -> None:
        found = {"qbt": self.stack.qbt, "radarr": self.stack.radarr}[backend]
        found.away = not found.away

    @rule(
        call=st.sampled_from(
            ["grab", "releases", "remove_queue_items", "queue", "history", "remove_from_blocklist", "titles",
             "stop", "start", "add_tags", "remove_tags", "set_category", "set_automatic", "torrent", "*"]
        ),
        error=st.sampled_from([Failure, Missing]),
        lost=st.booleans(),
    )  # fmt: skip
    def something_breaks(self, *, call: str, error: type[Failure], lost: bool) -> None:
        for backend in (self.stack.qbt, self.stack.radarr):
            if lost:
                backend.losing.add(call)
            else:
                backend.failing[call] = error

    @rule()
    def everything_works_again(self) -> None:
        for backend in (self.stack.qbt, self.stack.radarr):
            backend.failing.clear()
            backend.losing.clear()
            backend.away = False
        self.stack.qbt.connection = ConnectionStatus.CONNECTED
        self.stack.qbt.free, self.stack.qbt.peers = 800 * GB, 20

    @rule(
        when=st.sampled_from(["a search lasts", "it is written"]),
        what=st.sampled_from(["keep", "force", "protect", "line", "level"]),
    )
    def something_will_happen_meanwhile(self, *, when: str, what: str) -> None:
        self.meanwhile[when] = what

    @rule(what=st.sampled_from(["line", "disk", "peers"]))
    def the_gate_shuts(self, *, what: str) -> None:
        match what:
            case "line":
                self.stack.qbt.connection = ConnectionStatus.DISCONNECTED
            case "disk":
                self.stack.qbt.free = 1
            case _:
                self.stack.qbt.peers, self.stack.qbt.working_trackers = 0, False
        self._pass(MINUTE, MINUTE)

    # --- people ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self._free())
    @rule(data=st.data(), what=st.sampled_from(["stop", "start", "force", "keep", "protect"]))
    def a_person_takes_one_in_hand(self, *, data: st.DataObject, what: str) -> None:
        self._is_in_hand(data.draw(st.sampled_from(self._free())), what)

    def _is_in_hand(self, torrent: FakeTorrent, what: str) -> None:
        self.taken_at_last.discard(torrent.hash)
        for entry in self.stack.journal.entries:
            if entry.subject.endswith(torrent.hash):
                self.before.pop(entry.id, None)  # what they did stays, also when something is still being taken back
        match what:
            case "stop":
                torrent.stopped = True
                self.stopped_by_hand.add(torrent.hash)
            case "start":
                torrent.stopped = False
                self.stopped_by_hand.discard(torrent.hash)
            case "force":
                torrent.forced = not torrent.forced
            case "keep":
                torrent.tags |= {"keep"}
            case _:
                self.stack.desk.protect(torrent.hash, protected=True)
        self._pass(MINUTE, MINUTE)

    @precondition(lambda self: self._set_aside())
    @rule(data=st.data(), what=st.sampled_from(["start", "force", "keep", "protect"]))
    def a_person_takes_one_in_hand_that_was_set_aside(self, *, data: st.DataObject, what: str) -> None:
        torrent = data.draw(st.sampled_from(self._set_aside()))
        self._is_in_hand(torrent, what)

    @precondition(lambda self: self.stack.kernel.suggestions)
    @rule(data=st.data(), answer=st.sampled_from(["approve", "approve", "reject", "never"]))
    def a_person_answers(self, *, data: st.DataObject, answer: str) -> None:
        entry = data.draw(st.sampled_from(self.stack.kernel.suggestions))
        desk, now = self.stack.desk, self.stack.clock.now
        if answer == "approve":
            self._do(desk.approve(entry.id, PERSON, now))
        else:
            self._do(desk.reject(entry.id, PERSON, now, never=answer == "never"))

    @precondition(lambda self: bool(reversible(self.stack.kernel)))
    @rule(data=st.data())
    def a_person_takes_back(self, *, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(reversible(self.stack.kernel)))
        self._do(self.stack.desk.undo(entry.id, PERSON, self.stack.clock.now))

    @rule(data=st.data(), all_of_them=st.booleans(), dry_run=st.booleans())
    def a_person_heals(self, *, data: st.DataObject, all_of_them: bool, dry_run: bool) -> None:
        subjects = sorted(self.stack.kernel.watch)
        if not all_of_them and not subjects:
            return
        subject = None if all_of_them else data.draw(st.sampled_from(subjects))
        self._do(self.stack.desk.heal(subject, PERSON, self.stack.clock.now, dry_run=dry_run))

    @rule(level=st.sampled_from(Autonomy), which=st.sampled_from([each.key for each in RULES]))
    def a_person_sets_a_level(self, *, level: Autonomy, which: str) -> None:
        self.stack.autonomy(level, which)

    # --- what must always hold ---------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_grabbed_twice_for_one_entry(self) -> None:
        for hash_ in set(self.stack.radarr.grabs):
            title = next(offer.title for offer in self.stack.radarr.offers if offer.hash == hash_)
            fetched = any(entry.act is ActKind.FETCH_MISSING for entry in self.began.values())
            wanted = [
                entry
                for entry in self.began.values()
                if entry.act is ActKind.REPLACE and entry.parameters["candidate"]["title"] == title
            ]
            assert fetched or self.stack.radarr.grabs.count(hash_) <= len(wanted), "each grab has its entry"

    @invariant()
    def one_question_about_each_download(self) -> None:
        asked = [
            (entry.subject, entry.act) for entry in self.stack.journal.entries if entry.status is EntryStatus.SUGGESTED
        ]
        assert len(asked) == len(set(asked))

    @invariant()
    def what_was_taken_back_is_as_it_was(self) -> None:
        for entry in self.stack.journal.entries:
            if entry.status is EntryStatus.UNDONE and (before := self.before.pop(entry.id, None)) is not None:
                torrent = self.stack.qbt.torrents.get(entry.subject.partition("/")[2])
                assert torrent is None or self._looks(torrent) == before

    @invariant()
    def what_is_in_quarantine_is_in_the_journal(self) -> None:
        """Or it was there: then it was let go of, or put back to make room for what was taken back."""
        subjects = {entry.subject for entry in self.stack.journal.entries}
        candidates = {
            entry.parameters["candidate"]["title"] for entry in self.began.values() if "candidate" in entry.parameters
        }
        for torrent in self.stack.qbt.torrents.values():
            if torrent.category == QUARANTINE:
                assert f"qbt/{torrent.hash}" in subjects or torrent.name in candidates

    def teardown(self) -> None:
        """Let everything answer again: nothing stays half done."""
        try:
            self._end()
        finally:
            actuator.IMPORT_LOOKS = self._import_looks

    def _end(self) -> None:
        self.stack.fate.crash_at = None
        self.meanwhile.clear()
        self.everything_works_again()
        self._pass(HOUR, 5 * MINUTE)
        for each in RULES:
            self.stack.autonomy(Autonomy.OFF, each.key)
        self._pass(5 * MINUTE, MINUTE)  # what began at the last moment has its time, too
        half_done = [
            entry for entry in self.stack.journal.entries if entry.status in {EntryStatus.RUNNING, EntryStatus.UNDOING}
        ]
        assert half_done == []
