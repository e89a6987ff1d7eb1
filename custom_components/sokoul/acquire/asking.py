"""What indexers are asked for a title: each question is one request to every one of them, so there are few.

Many indexers know nothing but words, and want all of them in the name of a release: there are no signs and no accents
in what they are asked for, as there are none in most names of releases. Of a name that is written in two ways
("Greys.Anatomy", "Grey's Anatomy") the second is asked for where a question is left.

Most releases of a series bear season and number. Those of anime bear a number that is counted from the first episode of
all, and their Japanese name; those of what airs daily the day. Only for these it is asked in these ways, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
import re
from typing import Final
import unicodedata

from ..model.catalogue import SeriesType
from ..model.library import TitleKind
from .ports import Target

#: In so many ways it is asked for a title at most: others ask there, too, and indexers ban who asks too often.
MOST_QUESTIONS: Final = 3
_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc`\u00b4", "'"))
#: What is left out in front of a vowel stands alone in French and Italian releases: "La.Marche.de.L.Empereur". What
#: English puts behind a word ("Grey's", "Don't") they have without the gap.
_ELISION: Final = re.compile(r"(?<![^\W_])([cdjlmnst]|un|aujourd|\w*qu|\w+ll)'(?=[aeiouyh])", re.IGNORECASE)
#: Letters with dots between them.
_INITIALS: Final = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?")
#: By what catalogues tell namesakes apart: "The Office (US)", "Charmed (2018)". Not all releases do.
_TOLD_APART: Final = re.compile(r"\((?:(?:18|19|20)\d\d|[A-Z]{2,3})\)\s*$")
_ACCENTS: Final = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f]+")
#: Letters that Unicode doesn't take apart.
_LETTERS: Final = str.maketrans(
    {"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
    | {"ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "\u0131": "i"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One way to ask for what is wanted: by words, by ids in databases, and of a series by number or by day."""

    text: str
    kind: TitleKind | None  # None: nothing but the words counts
    ids: frozenset[str] = frozenset()
    season: int | None = None
    episode: int | None = None
    aired: date | None = None
    year: int | None = None  # of a film, where its name doesn't have it


def questions(target: Target) -> tuple[Question, ...]:
    """Return how to ask for what is wanted, the surest way first."""
    wanted = target.wanted
    episode = next(iter(wanted.episodes)) if len(wanted.episodes) == 1 else None
    others: list[str] = []
    text, *writings = _written(target.text)
    bare = Question(text="", kind=wanted.kind, ids=wanted.ids, season=wanted.season, episode=episode)
    first = _called(bare, text, target)
    for name in target.other_texts:
        other, *more = _written(name)
        others.append(other)
        writings += more
    by_name = (_called(replace(bare, ids=frozenset()), each, target) for each in (*others, *writings))
    return _differing((first, *_by_day(target, first), *_by_absolute(target), *by_name))[:MOST_QUESTIONS]


def _called(question: Question, text: str, target: Target) -> Question:
    """Return a question by a name; of a film with its year, for words like "It" and "Up" are in thousands of names."""
    year = target.wanted.year if target.wanted.kind is TitleKind.MOVIE else None
    return replace(question, text=text, year=None if str(year) in text.split() else year)


def _differing(asked: Iterable[Question]) -> tuple[Question, ...]:
    """Return the first of those that ask for the same by the same words."""
    found: dict[Question, Question] = {}
    for each in asked:
        found.setdefault(replace(each, text=each.text.casefold(), ids=frozenset()), each)
    return tuple(found.values())


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
    for name in (target.title.english_name or target.title.name, target.title.romaji):
        if name:
            yield Question(text=f"{_written(name)[0]}{number}", kind=None)


def _is(target: Target, series_type: SeriesType) -> bool:
    return target.title is not None and target.title.series_type is series_type


# --- names in the words of releases ----------------------------------------------------------------------------------


def _written(name: str) -> tuple[str, ...]:
    """Return how releases write a name: as most do, and as others do where that differs.

    Most have no apostrophe at all, "and" for a sign, and dots between initials, which are gaps to indexers. The others
    have gaps for the first two, and initials in one.
    """
    plain = _ELISION.sub(r"\1 ", _without_accents((_TOLD_APART.sub("", name).strip() or name).translate(_APOSTROPHES)))
    most = _words(plain.replace("'", "").replace("&", " and "))
    rest = _words(_INITIALS.sub(lambda found: found[0].replace(".", ""), plain))
    named = {each.casefold(): each for each in (rest, most) if each}
    return tuple(reversed(named.values())) or (" ".join(name.split()),)  # of signs alone


def _without_accents(name: str) -> str:
    """Return a name without the accents of Latin letters: to other writings theirs are letters of their own."""
    decomposed = unicodedata.normalize("NFD", name.translate(_LETTERS))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def _words(name: str) -> str:
    """Return the words of a name: letters with their marks, and digits, but neither fractions nor small ones."""
    kept = (each if each.isdecimal() or unicodedata.category(each)[0] in "LM" else " " for each in name)
    return " ".join("".join(kept).split())
