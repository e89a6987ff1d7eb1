"""What every rule is made of.

A rule looks at one download at a time, in two steps. `sign` says whether its symptom is there at this moment; the
kernel keeps a clock of how long that has lasted, which stands still while the evidence can't be trusted. `judge` says
what is to be done once it has lasted so long: nothing yet, a look at more facts, or a proposal.

Both are pure: no I/O, no clock of their own, no logging. What a rule needs to know comes with the case.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto

from ...model.downloads import TorrentFile, TorrentTracker, Transfer
from ...model.journal import ActKind, Autonomy, Proposal
from ...model.library import Privacy
from ...model.memory import NOTHING_KNOWN, SubjectMemory
from ...model.reasons import Reason
from ...model.releases import ImportCandidate, TitleDetails
from ...model.world import Download


class Sign(Enum):
    """Whether a symptom is there."""

    NO = auto()  # it is over: its clock is forgotten
    HOLD = auto()  # nobody can tell now: the clock stands still
    YES = auto()


class Look(StrEnum):
    """Facts about one download that are asked for only when a rule needs them, because each costs requests."""

    ORIGIN = "origin"  # how it was grabbed
    PRIVACY = "privacy"
    TRACKERS = "trackers"
    FILES = "files"
    TITLES = "titles"  # more about what the *arr wants
    IMPORT = "import"  # what the *arr could import


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was looked up about one download. None: not looked at, or nobody could tell.

    `titles` and `choices` (the files that could be imported) are by the id of the *arr that said so: each has ids and
    rules of its own.
    """

    looked: frozenset[Look] = frozenset()
    private: bool | None = None
    indexer_privacy: Privacy | None = None
    by_hand: bool | None = None  # a person chose this release
    grabbed_at: datetime | None = None
    grabbed_seeds: int | None = None  # as its indexer said then; known of what the autopilot grabbed itself
    trackers: tuple[TorrentTracker, ...] | None = None
    files: tuple[TorrentFile, ...] | None = None
    titles: Mapping[str, tuple[TitleDetails, ...]] | None = None
    choices: Mapping[str, tuple[ImportCandidate, ...]] | None = None

    @property
    def is_private(self) -> bool | None:
        """Whether it is private: by the torrent's own flag, else by its indexer; semi-private counts as private."""
        if self.private is not None:
            return self.private
        match self.indexer_privacy:
            case Privacy.PRIVATE | Privacy.SEMI_PRIVATE:
                return True
            case Privacy.PUBLIC:
                return False
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether the evidence about a download can be trusted and may be acted on now; else why not."""

    shut: Reason | None = None

    @property
    def open(self) -> bool:
        """Whether it may."""
        return self.shut is None


OPEN = Gate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is around a download: its client and its line."""

    gate: Gate = OPEN
    transfer: Transfer | None = None  # of its client
    line_busy: bool = False  # the line or our own limit is the bottleneck, not this swarm
    slow_for_most: bool = False  # of the downloads at this client most are slow
    broken_neighbours: int = 0  # downloads on the same mount that lost their files or stopped with errors
    checking: bool = False  # its client checks the files of another one, or was asked to
    mount_proven: bool | None = None  # our own view of the client's folders is proven; None: we can't see them
    failing_trackers: frozenset[str] = frozenset()  # hosts that answer none of several downloads
    arrs_away: frozenset[str] = frozenset()  # the *arrs that don't answer: what they said last may be over


CALM = Surroundings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One download as a rule sees it: what it is, what surrounds it, what was learned of it and looked up."""

    download: Download
    now: datetime
    memory: SubjectMemory = NOTHING_KNOWN
    facts: Facts = field(default_factory=Facts)
    around: Surroundings = CALM


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing yet: ask again when the symptom's clock shows this."""

    at: timedelta


@dataclass(frozen=True, slots=True)
class Need:
    """More facts are needed to judge."""

    looks: frozenset[Look]


type Verdict = Proposal | Later | Need | None


@dataclass(frozen=True, kw_only=True)
class Rule[PolicyT]:
    """One situation that healing knows. `key` names its policy, its texts, its switch and its clock."""

    key: str
    policy: type[PolicyT]
    sign: Callable[[Case, PolicyT], Sign]
    judge: Callable[[Case, PolicyT, timedelta], Verdict]
    default: Autonomy = Autonomy.OBSERVE
    #: its evidence comes from the swarm, the line or the tracker: it counts only while the gate is open
    gated: bool = True
    #: something that arrived proves the symptom wrong
    ends_with_progress: bool = False


def need(case: Case, looks: Collection[Look]) -> Need | None:
    """Return what of these facts has not been looked at."""
    missing = frozenset(looks) - case.facts.looked
    return Need(missing) if missing else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a ladder: an act, from when on, how often, and for which cases."""

    act: ActKind
    after: timedelta
    times: int | None = 1  # None: until something else ends it
    apart: timedelta = timedelta()  # from one try to the next
    fits: Callable[[Case], bool] = lambda case: True  # noqa: ARG005 -- every case


def climb(steps: Sequence[Step], case: Case, elapsed: timedelta) -> ActKind | Later | None:
    """Return the next act of a ladder, when to ask again, or None when there is nothing left to try.

    The least harmful comes first. An act of an earlier spell of the symptom counts for nothing in this one. A step
    that may be tried again later does not hold up those after it.
    """
    began = case.now - elapsed
    again: list[timedelta] = []
    for step in steps:
        if not step.fits(case):
            continue
        if elapsed < step.after:
            return Later(min([step.after, *again]))
        tried = case.memory.tried.get(step.act)
        if step.times is None or tried is None or tried.at < began:
            return step.act
        if tried.count < step.times:
            since = case.now - tried.at
            if since >= step.apart:
                return step.act
            again.append(elapsed + step.apart - since)
    return Later(min(again)) if again else None
