"""What indexers are asked for a title: each question is one request to every one of them, so there are few.

Most releases of a series bear season and number. Those of anime bear a number that is counted from the first episode of
all, and their Japanese name; those of what airs daily the day. Only for these it is asked in these ways, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
import re
from typing import Final

from ..model.catalogue import SeriesType
from ..model.library import TitleKind
from .ports import Target

#: In so many ways it is asked for a title at most: others ask there, too, and indexers ban who asks too often.
MOST_QUESTIONS: Final = 3
_WORD: Final = re.compile(r"[^\W_]+")
_APOSTROPHE: Final = re.compile(r"['\u2019`\u00b4]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One way to ask for what is wanted: by words, by ids in databases, and of a series by number or by day."""

    text: str
    kind: TitleKind | None  # None: nothing but the words counts
    ids: frozenset[str] = frozenset()
    season: int | None = None
    episode: int | None = None
    aired: date | None = None


def questions(target: Target) -> tuple[Question, ...]:
    """Return how to ask for what is wanted, the surest way first."""
    wanted = target.wanted
    episode = next(iter(wanted.episodes)) if len(wanted.episodes) == 1 else None
    first = Question(text=target.text, kind=wanted.kind, ids=wanted.ids, season=wanted.season, episode=episode)
    others = (replace(first, text=text, ids=frozenset()) for text in target.other_texts)
    return tuple(dict.fromkeys((first, *_by_day(target, first), *_by_absolute(target), *others)))[:MOST_QUESTIONS]


def _by_day(target: Target, first: Question) -> Iterator[Question]:
    """Yield the question for what aired on a day: where that is all that is known, or where it is named by it."""
    if target.wanted.aired is not None and (target.wanted.season is None or _is(target, SeriesType.DAILY)):
        yield replace(first, season=None, episode=None, aired=target.wanted.aired)


def _by_absolute(target: Target) -> Iterator[Question]:
    """Yield the questions for an anime by its names and its number; of a season or a series by its names alone."""
    wanted = target.wanted
    if target.title is None or not _is(target, SeriesType.ANIME) or wanted.season == 0:
        return
    number = ""
    if wanted.episodes:
        told = wanted.absolute or (wanted.episodes if wanted.season == 1 else frozenset())
        if len(told) != 1:
            return
        number = f" {next(iter(told)):02}"
    for name in (target.title.name, target.title.romaji):
        if words := " ".join(_WORD.findall(_APOSTROPHE.sub("", name or ""))):
            yield Question(text=f"{words}{number}", kind=None)


def _is(target: Target, series_type: SeriesType) -> bool:
    return target.title is not None and target.title.series_type is series_type
