"""What a person looks for, and who was asked."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from .library import TitleKind
from .reasons import Reason

#: No source has this key: who asks only it wants to know which title is meant, and no releases.
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """What is looked for. `text` is as a person typed it: a title, an id, a link, with or without season and year.

    What is given besides wins over what the text says.
    """

    text: str
    kind: TitleKind | None = None  # a movie, or a series (an episode is one with its numbers); None: either
    year: int | None = None
    season: int | None = None
    episode: int | None = None
    aired: date | None = None  # of an episode: on this day; releases of daily programmes are named by it
    policy: str | None = None  # which of the person's policies; None: the usual one
    minimum_lines: int | None = None  # of the picture, whatever the policy says; 0: any will do; None: what that says
    sources: frozenset[str] = frozenset()  # ask only these; none: all


class SourceState(StrEnum):
    """How far a source is with its answer."""

    ASKED = "asked"
    ANSWERED = "answered"
    EMPTY = "empty"  # it answered, and has nothing
    FAILED = "failed"
    LATE = "late"  # it had not answered when the time was up; what it says then is an update


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What became of asking one source."""

    key: str
    name: str
    state: SourceState = SourceState.ASKED
    count: int = 0  # offers, or titles of a catalogue
    seconds: float | None = None  # until it answered or failed
    remarks: tuple[Reason, ...] = field(default=())  # why it failed; or what is missing in its answer

    @property
    def open(self) -> bool:
        """Whether an answer may still come."""
        return self.state in {SourceState.ASKED, SourceState.LATE}
