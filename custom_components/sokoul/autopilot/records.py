"""What the journal says that bears on what comes next, at hand without asking the database.

What a person is being asked, what stopped half-way, what is in quarantine; what the autopilot grabbed itself, and what
was told of one download for all that share its cause. It writes nothing, and knows what it was given by `file` only.
"""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from ..model.journal import CARRIED_ACTS, CAUSE, LINK_ACTS, EntryStatus, JournalEntry
from .actuator import grabbed_by
from .lessons import wish

_UNDER_WAY = frozenset({EntryStatus.RUNNING, EntryStatus.UNDOING})
#: What ended otherwise than it should have may still have set a torrent aside.
REVERSIBLE = frozenset({EntryStatus.DONE, EntryStatus.FAILED})


def can_undo(entry: JournalEntry) -> bool:
    """Tell whether an act, or what is left of it, can be taken back: of links some may be taken back and others not."""
    some = entry.status is EntryStatus.UNDONE and entry.act in LINK_ACTS
    return entry.undo is not None and (some or entry.status in REVERSIBLE)


class Records:
    """The entries, each as it was filed last."""

    def __init__(self) -> None:
        self._suggested: dict[int, JournalEntry] = {}
        self._asked: Counter[str] = Counter()  # how often, by download
        self._under_way: dict[int, JournalEntry] = {}
        self._aside: dict[int, JournalEntry] = {}
        self._grabbed: dict[str, int | None] = {}
        self._told: dict[str, JournalEntry] = {}  # by cause

    def file(self, entry: JournalEntry) -> None:
        """Take over an entry that is new or changed, or was read from the journal."""
        self._grabbed |= grabbed_by(entry)
        if (cause := _cause(entry)) and entry.id >= self._told.get(cause, entry).id:
            self._told[cause] = entry
        self._asked[entry.subject] += (entry.status is EntryStatus.SUGGESTED) - (entry.id in self._suggested)
        carried = entry.act in CARRIED_ACTS
        aside = entry.status in REVERSIBLE | {EntryStatus.UNDONE} and entry.undo is not None and not carried
        for file, belongs in (
            (self._suggested, entry.status is EntryStatus.SUGGESTED),
            (self._under_way, entry.status in _UNDER_WAY and not carried),
            (self._aside, aside),
        ):
            if belongs:
                file[entry.id] = entry
            else:
                file.pop(entry.id, None)

    @property
    def suggestions(self) -> tuple[JournalEntry, ...]:
        """What a person is being asked, the oldest first."""
        return tuple(sorted(self._suggested.values(), key=lambda entry: entry.id))

    @property
    def under_way(self) -> tuple[JournalEntry, ...]:
        """Acts of the kernel's own that were begun and are not settled."""
        return tuple(self._under_way.values())

    @property
    def aside(self) -> tuple[JournalEntry, ...]:
        """Acts for which a torrent is in quarantine: the one that was given up, or, once undone, what came instead."""
        return tuple(self._aside.values())

    @property
    def grabbed(self) -> Mapping[str, int | None]:
        """What the autopilot grabbed itself, by info hash and by name, with how many shared it then."""
        return MappingProxyType(self._grabbed)

    def is_suggested(self, entry_id: int | None) -> bool:
        """Tell whether a person is being asked by this very entry."""
        return entry_id in self._suggested

    def is_asked_about(self, subject: str) -> bool:
        """Tell whether a person is being asked anything about a download."""
        return self._asked[subject] > 0

    def is_under_way(self, subject: str) -> bool:
        """Tell whether an act on a download was begun and is not settled."""
        return any(entry.subject == subject for entry in self._under_way.values())

    def told_for_all(self, entry: JournalEntry) -> JournalEntry | None:
        """Return what was told last of the same cause, be it of another download; None where nothing was."""
        return self._told.get(_cause(entry))


def _cause(entry: JournalEntry) -> str:
    """Name what an entry says of what may be so for many; "" when it is about one download only."""
    cause = entry.parameters.get(CAUSE)
    return f"{wish(entry.rule, entry.act)} {cause}" if cause else ""
