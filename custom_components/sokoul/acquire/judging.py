"""A second opinion on the few releases of which nobody can tell whether they are the right title.

Rules tell it of nearly all. What is left are releases that bear a name which several titles share, and no year, and
those whose names a second reader reads in another way. Of these a judge may say which title they are, a model that the
person chose. It is asked for a few of them, once, and not
waited for; what it says only decides whether such a release may be taken, never that one is.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from ..releases.identify import Certainty
from ..releases.score import Scored
from .ports import Target

#: So many releases of a search are asked about, and so long the answer may take.
MOST_DOUBTS: Final = 8
PATIENCE: Final = timedelta(seconds=2)
#: So many verdicts are remembered.
MOST_VERDICTS: Final = 1_000
#: A name in a question is cut after so many characters.
LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Doubt:
    """A release that may be of another title."""

    name: str
    size_bytes: int | None


class Judge(Protocol):
    """Who gives a second opinion."""

    async def judge(self, target: Target, doubts: Sequence[Doubt]) -> Mapping[str, bool]:
        """Return for the names of releases whether they are the title; what isn't known is left out. May raise."""


def doubts_of(ranked: Iterable[Scored]) -> tuple[Doubt, ...]:
    """Return what is doubtful, the best first."""
    unsure = (each for each in ranked if each.match.certainty is Certainty.UNSURE)
    return tuple(Doubt(each.release.name.name, each.release.size_bytes) for each in unsure)


class Verdicts:
    """What judges said of the last so many releases, which may be nothing."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[str, str], bool | None] = OrderedDict()

    def of(self, target: Target, names: Iterable[str]) -> dict[str, bool]:
        """Return what was said of releases of a title."""
        key = _key(target)
        known = ((name, self._said.get((key, name))) for name in names)
        return {name: verdict for name, verdict in known if verdict is not None}

    def unasked(self, target: Target, doubts: Iterable[Doubt]) -> list[Doubt]:
        """Return what nobody was asked about yet who answered."""
        key = _key(target)
        return [each for each in doubts if (key, each.name) not in self._said]

    def remember(self, target: Target, doubts: Iterable[Doubt], said: Mapping[str, bool]) -> None:
        """Remember what somebody said who was asked about doubts: nothing of those that are left out."""
        key = _key(target)
        self._said.update({(key, each.name): said.get(each.name) for each in doubts})
        while len(self._said) > MOST_VERDICTS:
            self._said.popitem(last=False)

    def forget(self) -> None:
        """Ask again about everything: somebody else is asked from now on."""
        self._said.clear()


def _key(target: Target) -> str:
    return " ".join(sorted(target.wanted.ids)) or target.text
