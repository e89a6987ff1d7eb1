"""Who else is called so: asked for by name where a title was found by an id, which brings nobody but itself."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
import re
from typing import Any, Final

from ..model.catalogue import CatalogueTitle
from ..model.library import TitleKind
from .identifying import namesakes_of
from .ports import Catalogue
from .query import Query

#: Remakes are announced long before they come out.
KEPT: Final = timedelta(hours=24)
MOST_KEPT: Final = 2_000
#: What catalogues add to a name to tell it from others: nobody else would be found by that.
_ADDED = re.compile(r"\s*\((?:(?:18|19|20)\d\d|[A-Z]{2,3})\)\s*$")

type Ask = Callable[[Coroutine[Any, Any, Sequence[CatalogueTitle]]], asyncio.Task[Sequence[CatalogueTitle]]]


class Namesakes:
    """The years of other titles of the same name, remembered for a day by the ids of each title."""

    def __init__(self, catalogues: Callable[[Query], Sequence[Catalogue]], clock: Callable[[], datetime]) -> None:
        self._catalogues = catalogues
        self._clock = clock
        self._known: OrderedDict[tuple[TitleKind, str], tuple[datetime, frozenset[int]]] = OrderedDict()

    def known(self, title: CatalogueTitle) -> frozenset[int] | None:
        """Return what was told within a day; None: nobody was asked, or nobody answered."""
        for each in title.ids:
            at, years = self._known.get((title.kind, each), (None, None))
            if at is not None and self._clock() - at < KEPT:
                return years
        return None

    async def find(self, title: CatalogueTitle, ask: Ask) -> frozenset[int] | None:
        """Ask all catalogues at once; `ask` begins each, and ends it in time. None: nobody answered who would know.

        What is in a library tells nothing of what isn't.
        """
        query = named(title)
        catalogues = self._catalogues(query)
        answers = await asyncio.gather(*(ask(each.titles(query)) for each in catalogues), return_exceptions=True)
        answered = [
            (each, answer)
            for each, answer in zip(catalogues, answers, strict=True)
            if not isinstance(answer, BaseException)
        ]
        if not any(each.knows_all for each, _ in answered):
            return None
        found = {each.key: answer for each, answer in answered}
        years = await asyncio.to_thread(namesakes_of, title, found)
        self._known |= {(title.kind, each): (self._clock(), years) for each in title.ids}
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return years


def named(title: CatalogueTitle) -> Query:
    """Return how to ask for everything that is called as a title is."""
    name = _ADDED.sub("", title.name) or title.name
    return Query(text=name, bare=name, kind=title.kind)
