"""A second reader of release names: what title it reads in those that have the wanted one, but read as another one.

Of two who read a name in different ways one is wrong, and mostly it is the other (`docs/releases.md`). So what it reads
never makes a release one of the title: it makes it doubtful, and somebody has to say. Nobody waits for it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, Protocol

from ..releases.identify import OTHER_TITLE, Wanted
from ..releases.names import forms_of_all, normal
from ..releases.parse import LONGEST_NAME
from ..releases.score import Scored

#: So many names of a search are read again, and so long that may take.
MOST_READ: Final = 100
READING_PATIENCE: Final = timedelta(seconds=20)
#: So many names are remembered with what was read in them.
MOST_REMEMBERED: Final = 4_096
#: Shorter names of titles are in too many others: they count as whole words alone.
_SHORTEST_INSIDE: Final = 4


class TitleReader(Protocol):
    """Who reads titles in names."""

    async def read(self, names: Sequence[str]) -> Sequence[str]:
        """Return the titles in the first of some names, as far as it came; empty where there is none. May raise."""


class SecondReader:
    """Has names read, and remembers their titles."""

    def __init__(self, reader: TitleReader) -> None:
        self._reader = reader
        self._titles: OrderedDict[str, str] = OrderedDict()

    def unread(self, names: Iterable[str]) -> list[str]:
        """Return the names that were not read yet, as they are to be read."""
        return [each for each in dict.fromkeys(map(_cut, names)) if each not in self._titles]

    async def read(self, names: Sequence[str]) -> None:
        """Have names read. The one that it came to grief at has no title; what is behind that may be tried again."""
        titles = list(await self._reader.read(names))
        if len(titles) < len(names):
            titles.append("")
        self._titles.update(zip(names, titles, strict=False))
        while len(self._titles) > MOST_REMEMBERED:
            self._titles.popitem(last=False)

    def titles(self, names: Iterable[str]) -> dict[str, str]:
        """Return the titles that were read in names."""
        return {each: title for each in names if (title := self._titles.get(_cut(each)))}


def misread(ranked: Iterable[Scored], wanted: Wanted) -> tuple[str, ...]:
    """Return the names that read as another title although they have the wanted one, and that nobody else has read."""
    names = forms_of_all(wanted.names)
    others = (each.release.name for each in ranked if each.match.reason.key == OTHER_TITLE)
    return tuple(each.name for each in others if each.second_title is None and _has_any(_cut(each.name), names))


def _has_any(name: str, titles: Iterable[str]) -> bool:
    words = normal(name)
    joined, padded = words.replace(" ", ""), f" {words} "
    return any(
        each.replace(" ", "") in joined if len(each) >= _SHORTEST_INSIDE else f" {each} " in padded for each in titles
    )


def _cut(name: str) -> str:
    return name[:LONGEST_NAME]
