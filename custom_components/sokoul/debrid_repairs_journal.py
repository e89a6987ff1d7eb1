"""The journal of an account's repairs: what is noted, asked and done about each of its torrents, by the levels set.

It is to these repairs what the kernel is to downloads: each is one row, written before anything is touched, and nothing
is said twice of one. How far a repair is, the repair itself knows; the row says so to people.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from .autopilot.kernel import UNANSWERED_AFTER, Kernel
from .autopilot.lessons import UNANSWERED
from .autopilot.rules.backends import BackendRule
from .autopilot.rules.debrid import (
    DEBRID_BY_HAND,
    DEBRID_DELETE,
    DEBRID_GIVE_UP,
    DEBRID_READD,
    DEBRID_RULES,
    DEBRID_SELECT,
)
from .debrid.repair_ports import Refusal
from .debrid.repairing import Repairer
from .debrid.retrying import Ending, Repair, Step, Task, Turn, Urgency
from .model.debrid import DebridTorrent
from .model.journal import AUTOPILOT, ActKind, Autonomy, EntryStatus, JournalEntry
from .model.reasons import Reason
from .wording import Wording, clean

HOUR = timedelta(hours=1)
#: So many questions of one kind are open at once, and so much is noted in an hour: hundreds can fail together.
MOST_ASKED = 5
MOST_NOTED = 20
#: A repair that a person asked for is done whatever the level, and under the name of who it was.
BY_PERSON = "by "
#: That the *arr was told, or is just being told: never twice.
HANDED = "handed over"

_RULES: Mapping[Task, tuple[BackendRule[Any], ActKind]] = {
    Task.READD: (DEBRID_READD, ActKind.READD),
    Task.SELECT: (DEBRID_SELECT, ActKind.SELECT_FILES),
    Task.DELETE: (DEBRID_DELETE, ActKind.DELETE_TORRENT),
}
RULES_BY_KEY: Mapping[str, BackendRule[Any]] = {rule.key: rule for rule in DEBRID_RULES}
#: What is lost for good; of the others a person knows more.
_LOST = frozenset({Ending.REFUSED, Ending.VIRUS, Ending.EXHAUSTED})


def is_lost(repair: Repair) -> bool:
    """Tell whether a torrent was given up, so that another release is needed."""
    return repair.step is Step.GIVEN_UP and repair.ending in _LOST


def rule_of(repair: Repair) -> BackendRule[Any]:
    """Return the rule by whose level the next thing about a repair goes."""
    return DEBRID_GIVE_UP if is_lost(repair) else _RULES[repair.task][0]


def _act_of(repair: Repair) -> ActKind:
    return ActKind.ASK_ARR if is_lost(repair) else _RULES[repair.task][1]


class RepairJournal:
    """The rows of one account. It is the witness of its repairer."""

    def __init__(self, account: str, title: Callable[[], str], kernel: Kernel, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._title = title
        self._kernel = kernel
        self._clock = clock
        self._running: dict[str, JournalEntry] = {}  # by hash
        self.left_by_hand: list[JournalEntry] = []  # what was done to an entry, and something cut off
        self._clearing: JournalEntry | None = None
        self._noted: deque[datetime] = deque(maxlen=MOST_NOTED)
        self.ended_at: dict[str, datetime] = {}  # by hash, since the start

    # --- levels --------------------------------------------------------------------------------------------------

    def level(self, repair: Repair) -> Autonomy:
        """Return how far the next thing about a repair may go: what a person wants is done, what is protected never."""
        settings = self._kernel.settings
        if repair.hash in settings.protected:
            return Autonomy.OFF
        if repair.urgency is Urgency.PERSON and repair.open:
            return Autonomy.ACT
        return settings.level(rule_of(repair))

    def may_begin(self, repair: Repair) -> bool:
        """Tell whether a repair may begin without a word from anybody."""
        return self.level(repair) is Autonomy.ACT

    # --- a round -------------------------------------------------------------------------------------------------

    async def load(self, repairer: Repairer) -> None:
        """Find the rows of what was under way, and close those of what has ended since."""
        self._running.clear()
        self.left_by_hand = await self._left(DEBRID_BY_HAND)
        for rule in DEBRID_RULES:
            for row in await self._left(rule.key):
                if "id" in row.parameters:
                    self.left_by_hand.append(row)
                else:
                    await self._take_up(row, repairer.repair(row.parameters["hash"]))

    async def _left(self, rule: str) -> list[JournalEntry]:
        rows = await self._kernel.journal.find(statuses=[EntryStatus.RUNNING], rule=rule, limit=1000)
        return [row for row in rows if row.parameters.get("account") == self._account]

    async def _take_up(self, row: JournalEntry, repair: Repair | None) -> None:
        if repair is None or row.act is ActKind.ASK_ARR:
            await self._close(row, EntryStatus.FAILED, Reason(key="result.debrid_interrupted"))
        elif repair.open and (repair.begun or not _tried(row, repair)):
            self._running[repair.hash] = row
        else:
            await self._close(row, *_outcome(repair, row.act))

    async def speak(self, repairer: Repairer) -> None:
        """Note and ask what is to be noted and asked of repairs that may not begin by themselves."""
        await self._take_back(repairer)
        await self._let_go(repairer)
        if repairer.stands_back_until is not None:
            return
        now = self._clock()
        waiting = [repair for repair, _ in repairer.queue() if not repair.begun and repair.due_at <= now]
        for repair in (*waiting, *(each for each in repairer.repairs if is_lost(each) and each.told != HANDED)):
            await self._speak_of(repair, repairer)

    async def _speak_of(self, repair: Repair, repairer: Repairer) -> None:
        level = self.level(repair)
        if level not in {Autonomy.OBSERVE, Autonomy.SUGGEST} or repair.told == level:
            return
        if level is Autonomy.OBSERVE:
            now = self._clock()
            if len(self._noted) == MOST_NOTED and abs(now - self._noted[0]) < HOUR:
                return
            self._noted.append(now)
            await self._kernel.write(self._entry(repair, EntryStatus.OBSERVED))
        else:
            if sum(entry.rule == rule_of(repair).key for entry in self._asked()) >= MOST_ASKED:
                return
            await self._kernel.write(self._entry(repair, EntryStatus.SUGGESTED))
        await repairer.note_told(repair.hash, level)

    async def _take_back(self, repairer: Repairer) -> None:
        """Ask no longer for what is over, or what nobody answers."""
        for entry in self._asked():
            repair = repairer.repair(entry.parameters["hash"])
            if repair is None or self._is_over(entry, repair):
                await self._close(entry, EntryStatus.EXPIRED, Reason(key="result.over"))
            elif self._clock() - entry.at > UNANSWERED_AFTER:
                await self._close(entry, EntryStatus.EXPIRED, Reason(key=UNANSWERED))

    async def _let_go(self, repairer: Repairer) -> None:
        """Close the rows of what was held up by a limit, and is not wanted any more."""
        for info_hash, row in tuple(self._running.items()):
            repair = repairer.repair(info_hash)
            if repair is None or repair.begun:
                continue
            if not repair.open:
                await self._close(row, *_outcome(repair, row.act))
            elif not self.may_begin(repair):
                await self._close(row, EntryStatus.EXPIRED, Reason(key="result.over"))
            else:
                continue
            del self._running[info_hash]

    def _is_over(self, entry: JournalEntry, repair: Repair) -> bool:
        waits = repair.open and not repair.begun
        if entry.act is ActKind.ASK_ARR:
            waits = is_lost(repair) and repair.told != HANDED
        return not waits or _act_of(repair) is not entry.act or self.level(repair) is not Autonomy.SUGGEST

    def _asked(self) -> list[JournalEntry]:
        keys = {rule.key for rule in DEBRID_RULES}
        return [
            entry
            for entry in self._kernel.suggestions
            if entry.rule in keys and entry.parameters.get("account") == self._account
        ]

    # --- what is done --------------------------------------------------------------------------------------------

    async def begins(self, repair: Repair) -> None:
        """Write down that a repair is about to begin, in the row of the question about it where one was asked."""
        asked = next((each for each in self._asked() if each.parameters["hash"] == repair.hash), None)
        if repair.hash in self._running:
            return
        if asked is not None:
            await self._close(asked, EntryStatus.EXPIRED, Reason(key="result.over"))
        actor = repair.told.removeprefix(BY_PERSON) if repair.told.startswith(BY_PERSON) else AUTOPILOT
        self._running[repair.hash] = await self._kernel.write(self._entry(repair, EntryStatus.RUNNING, actor))

    async def ended(self, repair: Repair) -> None:
        """Write down how a repair, or this try of it, ended. What a limit holds up is under way still."""
        now = self._clock()
        self.ended_at = {each: at for each, at in self.ended_at.items() if now - at < HOUR}
        self.ended_at[repair.hash] = now
        row = self._running.get(repair.hash)
        if row is None and repair.ending is Ending.UNCHOSEN:
            await self._tell_unchosen(repair)
        if row is not None and not (repair.open and not _tried(row, repair)):
            await self._close(row, *_outcome(repair, row.act))
            del self._running[repair.hash]

    async def _tell_unchosen(self, repair: Repair) -> None:
        """Write down that a person's rule fits no file: their adding is told of already, and went well."""
        now = self._clock()
        await self._kernel.write(
            JournalEntry(
                at=now,
                changed_at=now,
                rule=DEBRID_BY_HAND,
                subject=self._subject(repair.hash),
                label=repair.label,
                act=ActKind.SELECT_FILES,
                status=EntryStatus.FAILED,
                reason=Reason(key="heal.debrid_by_hand", parameters={"account": self._title()}),
                result=Reason(key="result.debrid_unchosen"),
                parameters={"account": self._account, "hash": repair.hash, "id": repair.added_id},
            )
        )

    async def clears(self, torrent: DebridTorrent) -> None:
        """Write down that an entry is about to be deleted which is there twice."""
        now = self._clock()
        self._clearing = await self._kernel.write(
            JournalEntry(
                at=now,
                changed_at=now,
                rule=DEBRID_READD.key,
                subject=self._subject(torrent.hash),
                label=torrent.filename,
                act=ActKind.DELETE_TORRENT,
                status=EntryStatus.RUNNING,
                reason=Reason(key="heal.debrid_late", parameters={"account": self._title()}),
                parameters={"account": self._account, "hash": torrent.hash, "id": torrent.id},
            )
        )

    async def cleared(self, torrent: DebridTorrent, *, done: bool) -> None:
        """Write down that it was; else the next list tells."""
        del torrent
        row, self._clearing = self._clearing, None
        if row is None:
            return
        if done:
            await self._close(row, EntryStatus.DONE, Reason(key="result.debrid_deleted"))
        else:
            self.left_by_hand.append(row)

    async def agreed(self, entry: JournalEntry, actor: str) -> JournalEntry:
        """Write down that a person agreed to a repair: its row goes on when its turn comes."""
        running = replace(entry, status=EntryStatus.RUNNING, actor=actor, changed_at=self._clock())
        row = await self._kernel.write(running)
        self._running[entry.parameters["hash"]] = row
        return row

    async def lost(self, repair: Repair, actor: str = AUTOPILOT, asked: JournalEntry | None = None) -> JournalEntry:
        """Write down that the *arr is about to be told."""
        entry = self._entry(repair, EntryStatus.RUNNING, actor)
        if asked is not None:
            entry = replace(entry, id=asked.id, at=asked.at)
        return await self._kernel.write(entry)

    async def handed_since(self, since: datetime) -> list[datetime]:
        """Return when the *arrs were told without a word from anybody, the oldest first: a limit outlasts a restart."""
        rows = await self._kernel.journal.find(acts=[ActKind.ASK_ARR], rule=DEBRID_GIVE_UP.key, since=since, limit=1000)
        done = {EntryStatus.RUNNING, EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.KEPT, EntryStatus.UNDONE}
        ours = (row for row in rows if row.parameters.get("account") == self._account and row.actor == AUTOPILOT)
        return sorted(row.at for row in ours if row.status in done and row.at > since)

    async def by_hand(
        self, info_hash: str, label: str, act: ActKind, actor: str, torrent_id: str | None = None
    ) -> JournalEntry:
        """Write down what a person is about to do to a torrent. `torrent_id`: to this entry of it."""
        now = self._clock()
        return await self._kernel.write(
            JournalEntry(
                at=now,
                changed_at=now,
                rule=DEBRID_BY_HAND,
                subject=self._subject(info_hash),
                label=label,
                act=act,
                status=EntryStatus.RUNNING,
                reason=Reason(key="heal.debrid_by_hand", parameters={"account": self._title()}),
                actor=actor,
                parameters={"account": self._account, "hash": info_hash, "id": torrent_id},
            )
        )

    async def settle_by_hand(self, repairer: Repairer, there: Collection[str], since: datetime) -> None:
        """Write down what came of what was cut off before a list was read; `there` are the ids that it shows."""
        for row in [each for each in self.left_by_hand if each.at < since]:
            outcome = _outcome_by_hand(row, repairer.repair(row.parameters["hash"]), there)
            if outcome is not None:
                await self._close(row, *outcome)
                self.left_by_hand.remove(row)

    async def _close(self, entry: JournalEntry, status: EntryStatus, result: Reason) -> JournalEntry:
        return await self.close(replace(entry, status=status, result=result))

    async def close(self, entry: JournalEntry) -> JournalEntry:
        """Write the end of something."""
        return await self._kernel.write(replace(entry, changed_at=self._clock()))

    def _subject(self, info_hash: str) -> str:
        return f"debrid:{self._account}:{info_hash}"

    def _entry(self, repair: Repair, status: EntryStatus, actor: str = AUTOPILOT) -> JournalEntry:
        now, rule = self._clock(), rule_of(repair)
        facts = {"account": self._title()}
        if rule is DEBRID_READD:
            facts["trouble"] = repair.trouble
        if rule is DEBRID_GIVE_UP:
            facts["ending"] = str(repair.ending)
        return JournalEntry(
            at=now,
            changed_at=now,
            rule=rule.key,
            subject=self._subject(repair.hash),
            label=repair.label,
            act=_act_of(repair),
            status=status,
            reason=Reason(key=f"heal.{rule.key}", parameters=facts),
            actor=actor,
            parameters={"account": self._account, "hash": repair.hash, "tries": repair.tries},
        )


def _tried(row: JournalEntry, repair: Repair) -> bool:
    """Tell whether a try came to nothing since a row was written."""
    return bool(repair.tries > row.parameters.get("tries", 0))


def _outcome_by_hand(
    row: JournalEntry, repair: Repair | None, there: Collection[str]
) -> tuple[EntryStatus, Reason] | None:
    """Return what became of what a person did when it was cut off; None: nobody can tell yet."""
    if row.act is ActKind.DELETE_TORRENT:
        if (torrent_id := row.parameters.get("id")) is None:  # of an earlier version
            return EntryStatus.FAILED, Reason(key="result.debrid_interrupted")
        done, result = torrent_id not in there, "debrid_deleted"
    elif repair is not None and (repair.step is Step.ADDING or _is_still_to_be_added(repair)):
        return None
    else:
        done = repair is not None and repair.added_at is not None and repair.added_at >= row.at
        result = "debrid_added"
    if done:
        return EntryStatus.DONE, Reason(key=f"result.{result}")
    return EntryStatus.FAILED, Reason(key="result.interrupted")


def _is_still_to_be_added(repair: Repair) -> bool:
    """Tell whether what a person asked for waits to be added once more."""
    return repair.step is Step.WAITING and repair.adds and repair.urgency is Urgency.PERSON


def reason_of(refusal: Refusal) -> Reason:
    """Return a refusal in words of ours; what is unknown is quoted."""
    return Reason(key="result.debrid_refusal", parameters={"problem": refusal.problem, "detail": clean(str(refusal))})


def turn_text(turn: Turn, now: datetime, words: Wording) -> str:
    """Return what a repair waits for, as a sentence."""
    return words.text(f"debrid.turn_{turn.holdup}", now=now, at=turn.at or now)


#: How a repair ended, as the journal has it: its status, and what there is to say.
_OUTCOMES: Mapping[Ending, tuple[EntryStatus, str]] = {
    Ending.REPAIRED: (EntryStatus.DONE, "debrid_repaired"),
    Ending.RECOVERED: (EntryStatus.EXPIRED, "debrid_recovered"),
    Ending.REMOVED: (EntryStatus.EXPIRED, "debrid_removed"),
    Ending.REFUSED: (EntryStatus.FAILED, "debrid_refused"),
    Ending.VIRUS: (EntryStatus.FAILED, "debrid_virus"),
    Ending.EXHAUSTED: (EntryStatus.FAILED, "debrid_exhausted"),
    Ending.DIFFERENT: (EntryStatus.FAILED, "debrid_different"),
    Ending.UNCHOSEN: (EntryStatus.FAILED, "debrid_unchosen"),
}
#: For some acts it is another thing.
_OUTCOMES_OF_ACTS: Mapping[tuple[Ending | None, ActKind], tuple[EntryStatus, str]] = {
    (Ending.REPAIRED, ActKind.SELECT_FILES): (EntryStatus.DONE, "debrid_selected"),
    (Ending.VIRUS, ActKind.DELETE_TORRENT): (EntryStatus.DONE, "debrid_deleted"),
}


def _outcome(repair: Repair, act: ActKind) -> tuple[EntryStatus, Reason]:
    """Return what became of a repair, or of a try of it."""
    facts: dict[str, Any] = {"problem": repair.problem or repair.trouble}
    if repair.ending is None:
        return EntryStatus.FAILED, Reason(key="result.debrid_try_failed", parameters={**facts, "at": repair.due_at})
    status, key = _OUTCOMES_OF_ACTS.get((repair.ending, act), _OUTCOMES[repair.ending])
    return status, Reason(key=f"result.{key}", parameters=facts)
