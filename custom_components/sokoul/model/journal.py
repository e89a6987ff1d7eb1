"""What the autopilot proposes and what it did: the words of the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from .reasons import Reason

#: JSON as it is stored: what an act needs to be done, and to be undone.
type Json = Mapping[str, Any]

EMPTY: Json = MappingProxyType({})

#: The parameter that names what may be the cause of the same for many: that is told of one of them only.
CAUSE = "cause"
#: The parameter that holds, as JSON, the reason that tells what was done after an act ended.
AFTERWARDS = "afterwards"


class Autonomy(StrEnum):
    """How far a rule may go by itself, from least to most."""

    OFF = "off"
    OBSERVE = "observe"  # it only writes down what it would do
    SUGGEST = "suggest"  # it asks a person
    ACT = "act"

    @property
    def rank(self) -> int:
        """Its place from least (0) to most."""
        return list(Autonomy).index(self)


def least(*levels: Autonomy) -> Autonomy:
    """Return the lowest of several levels: each of them has to allow an act."""
    return min(levels, key=lambda level: level.rank)


class ActKind(StrEnum):
    """The changes that healing makes to the outside."""

    REANNOUNCE = "reannounce"  # ask the trackers for peers again
    ADD_TRACKERS = "add_trackers"
    RECHECK = "recheck"  # compare the data on the disk with what it should be
    REPLACE = "replace"  # another release is grabbed, then this one is blocklisted and put into quarantine
    DISCARD = "discard"  # blocklisted and put into quarantine, without another one
    LEAVE_QUEUE = "leave_queue"  # the *arr forgets it; the client keeps it
    RETRY_IMPORT = "retry_import"  # the *arr looks at it again
    IMPORT = "import"  # imported as the one title that it can be
    FETCH_MISSING = "fetch_missing"  # a pack is kept for what it has; what it lacks is searched for
    TELL = "tell"  # nothing is changed: a person is told
    RESTART = "restart"  # a backend
    STOP_ALL = "stop_all"  # a guard stopped a download client
    START_ALL = "start_all"  # and started again what ran
    CHANGE_SERVER = "change_server"  # of a VPN
    BIND = "bind"  # a person had a download client bound to its VPN's interface
    UNBIND = "unbind"  # and took that back
    CALL = "call"  # a guard turned to what a person chose for a leak
    REWRITE_LINKS = "rewrite_links"  # links of the library lead to the same files under another name
    ADD_TORRENT = "add_torrent"  # a person added a torrent to Real-Debrid
    READD = "readd"  # a torrent that failed at Real-Debrid is added again, and the old entry deleted after it
    SELECT_FILES = "select_files"  # of a torrent at Real-Debrid
    DELETE_TORRENT = "delete_torrent"  # at Real-Debrid
    ASK_ARR = "ask_arr"  # to block what Real-Debrid lost for good, and to search for another release, once
    GRAB = "grab"  # a person had a release downloaded
    REPLACE_LINKED = "replace_linked"  # the *arr searches for what a broken link led to, and the link is set aside


#: What takes a download away from the *arr or from its client.
DESTRUCTIVE_ACTS = frozenset({ActKind.REPLACE, ActKind.DISCARD, ActKind.LEAVE_QUEUE})
#: What is done to a backend, not to a download.
BACKEND_ACTS = frozenset({ActKind.RESTART})
#: What is done to symbolic links of the library.
LINK_ACTS = frozenset({ActKind.REWRITE_LINKS, ActKind.REPLACE_LINKED})
#: What is done to torrents of a Real-Debrid account.
DEBRID_ACTS = frozenset(
    {ActKind.ADD_TORRENT, ActKind.READD, ActKind.SELECT_FILES, ActKind.DELETE_TORRENT, ActKind.ASK_ARR}
)
#: What others carry out than the kernel, which knows downloads only: they ask, settle and take back, too.
CARRIED_ACTS = BACKEND_ACTS | LINK_ACTS | DEBRID_ACTS | {ActKind.GRAB}
#: What guards do. They ask nobody, and write it down afterwards.
GUARD_ACTS = frozenset(
    {ActKind.STOP_ALL, ActKind.START_ALL, ActKind.CHANGE_SERVER, ActKind.BIND, ActKind.UNBIND, ActKind.CALL}
)
#: What can be taken back as it was.
GIVING_UP = frozenset({ActKind.REPLACE, ActKind.DISCARD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One thing that a rule wants done. `ceiling` is the most autonomy that this case allows, whatever is set."""

    rule: str
    subject: str  # the id of a download or of a backend
    act: ActKind
    reason: Reason
    parameters: Json = EMPTY  # what the act needs to know beside its subject
    ceiling: Autonomy = Autonomy.ACT


class EntryStatus(StrEnum):
    """What became of a proposal."""

    OBSERVED = "observed"  # written down only
    SUGGESTED = "suggested"  # a person is asked
    REJECTED = "rejected"  # by a person
    EXPIRED = "expired"  # nobody answered, or it is no longer needed
    RUNNING = "running"  # being done; found at start: it is not known how far it came
    DONE = "done"
    KEPT = "kept"  # looked for something better and found nothing: it stays
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


#: Something is still to come of these.
OPEN_STATUSES = frozenset({EntryStatus.SUGGESTED, EntryStatus.RUNNING, EntryStatus.UNDOING})

#: Who caused an entry, where it was no person: persons are named by their user id.
AUTOPILOT = "autopilot"
AUTOMATION = "automation"
PERSON = "person"  # one of whom it is not known who it was


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One row of the journal: what was proposed for which subject, why, by whom, and what came of it.

    `undo` is what is needed to take it back, noted before anything was changed; None when it can't be (or not any
    more). `parameters` are those of the act; `result` says in words what came of it.
    """

    id: int = 0  # given by the store
    at: datetime
    changed_at: datetime
    rule: str
    subject: str
    label: str  # what a person calls the subject
    act: ActKind
    status: EntryStatus
    reason: Reason
    actor: str = AUTOPILOT
    parameters: Json = EMPTY
    result: Reason | None = None
    undo: Json | None = field(default=None)
