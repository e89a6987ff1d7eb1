"""Which title is meant? Told by rules, out of what several catalogues and libraries answered.

Catalogues answer generously: a search for "dune" brings Dune of 1984 and of 2021, their sequels, and documentaries.
What counts is how well a name fits, and the year where one was said. Of titles whose names fit equally well the one is
meant that is far better known, or that is in the library; where that doesn't tell either, the person has to.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import IntEnum
from functools import lru_cache
import re
from typing import Final

from ..model.catalogue import CatalogueTitle
from ..model.library import TitleKind
from ..releases.attributes import ReleaseName
from ..releases.identify import Wanted
from ..releases.names import forms, normal, wider_form, wider_forms_of
from ..releases.parse import parse
from ..releases.score import Scored
from ..releases.tokens import fold
from .ports import Target
from .query import Query

#: Of each catalogue so many titles are looked at, and of each title so many names.
MOST_TITLES: Final = 40
MOST_NAMES: Final = 60
#: Nobody reads more choices.
MOST_CHOICES: Final = 8
#: By so many other names it is asked for, too: each is one more search of every indexer.
MOST_OTHER_NAMES: Final = 2
_WORD = re.compile(r"[^\W_]+")
#: What is in French names, and rarely in others.
_FRENCH = re.compile(
    r"[èêëîïôœùûÿç]|\b(?:le|les|du|des|aux?|et|une|partie|chapitre|saison|sans|dans|avec)\b|\b[ldq]['\u2019]",
    re.IGNORECASE,
)
_KNOWN_TO: Final = {TitleKind.MOVIE: "Radarr", TitleKind.SERIES: "Sonarr"}
#: So many times as well known is clearly better known.
CLEARLY: Final = 5.0
#: Names that differ by a typing mistake are this much alike.
ALIKE: Final = 0.85


class Fit(IntEnum):
    """How well a title fits what was asked for."""

    NONE = 0  # a catalogue brought it, nobody knows why
    SIMILAR = 1  # but for a letter or two
    WORDS = 2  # it has all the words, and others
    HEAD = 3  # but for its subtitle
    NAMED = 4  # one of its names, or "Dune 2" for "Dune: Part Two"
    BY_ID = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A title with all that the catalogues said of it."""

    title: CatalogueTitle
    entries: tuple[CatalogueTitle, ...]
    catalogues: Mapping[str, CatalogueTitle]  # what each of them said, by its key
    fit: Fit
    exact: bool  # the very name, and the year if one was said
    reading: Query  # as which it fits


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What is meant; or what may be, where only the person can tell; or nothing at all."""

    target: Target | None = None
    choices: tuple[CatalogueTitle, ...] = ()


def identify_title(query: Query, found: Mapping[str, Sequence[CatalogueTitle]]) -> Identified:
    """Return which title is meant. `found` is what each catalogue answered, by its key.

    Where the text may be read in several ways, and titles fit as well in one as in another, a person has to say: how
    well known they are tells how often they are meant by their names, not by these words.

    Who was asked for by an id brings no namesakes, so that there may be any stays unknown.
    """
    candidates = sorted(_candidates(query, found), key=_order)
    if not candidates:
        return Identified()
    likely = [each for each in candidates if each.fit is candidates[0].fit]
    meant = _decide(likely) if all(each.reading is likely[0].reading for each in likely) else _of_its_year(likely)
    if meant is None:
        return Identified(choices=tuple(each.title for each in likely[:MOST_CHOICES]))
    namesakes = None if query.ids else _years_of_namesakes(meant.title, [each.title for each in candidates])
    return Identified(target=target_of(meant.reading, meant.title, meant.entries, namesakes))


def target_of(
    query: Query,
    title: CatalogueTitle,
    entries: Sequence[CatalogueTitle],
    namesakes: frozenset[int] | None = frozenset(),
) -> Target:
    """Return what releases are looked for once the title is known."""
    movie = title.kind is TitleKind.MOVIE
    season = None if movie or query.season is None else title.season(query.season)
    kind = TitleKind.MOVIE if movie else TitleKind.EPISODE if query.episodes else TitleKind.SERIES
    wanted = Wanted(
        kind=kind,
        names=title.names[:MOST_NAMES],
        year=title.year,
        namesakes=namesakes,
        season=None if movie else query.season,
        episodes=frozenset() if movie else query.episodes,
        absolute=frozenset() if movie else absolute_numbers(title, query.season, query.episodes),
        aired=None if movie else query.aired,
        minutes=title.minutes,
        season_episodes=season.episodes if season is not None else None,
        seasons=frozenset(each.number for each in title.seasons if each.number > 0 and each.episodes != 0),
        original_language=title.original_language,
        ids=title.ids,
    )
    return Target(
        text=title.name,
        other_texts=other_names(title),
        wanted=wanted,
        title=title,
        entries=tuple(entries),
        info_hash=query.info_hash,
        link=query.link,
        release=query.release,
    )


def absolute_numbers(title: CatalogueTitle, number: int | None, episodes: frozenset[int]) -> frozenset[int]:
    """Return episodes of a season, or all of it, as anime counts them: on from the seasons before. Empty: nobody tells.

    Some catalogues count episodes on themselves, and say so by numbers that are beyond what a season has, and beyond
    the seasons before it: of one that airs they may know one more episode than they have counted.
    """
    if not number or (season := title.season(number)) is None or not season.episodes:
        return frozenset()
    numbers = episodes or frozenset(range(1, season.episodes + 1))
    before = [title.season(each) for each in range(1, number)]
    counts = [each.episodes for each in before if each is not None and each.episodes]
    if max(numbers) > season.episodes and (len(counts) < len(before) or min(numbers) > sum(counts)):
        return numbers
    return frozenset(sum(counts) + each for each in numbers) if len(counts) == len(before) else frozenset()


def other_names(title: CatalogueTitle) -> tuple[str, ...]:
    """Return by which names releases go as well: the English one, the original one, and the French one.

    No catalogue of an *arr tells the language of an alias, so the first that reads like French is taken for it.
    """
    french = next((name for name in title.aliases if _FRENCH.search(name)), None)
    said, found = {_words(title.name), ""}, []
    for name in (title.english_name, title.original_name, french):
        if name is not None and _words(name) not in said:
            said.add(_words(name))
            found.append(name)
    return tuple(found[:MOST_OTHER_NAMES])


def _words(name: str) -> str:
    """Return what an indexer looks for: to it "Part Two" and "Deuxième partie" are no more the same than "2"."""
    return " ".join(_WORD.findall(fold(name)))


def who_knows(query: Query) -> tuple[str, ...]:
    """Return the programs that know titles of the kinds that a text may mean, by their names."""
    kinds = [kind for kind in _KNOWN_TO if any(each.may_be(kind) for each in query.readings)]
    return (*(_KNOWN_TO[kind] for kind in kinds), "TMDB")


def target_by_text(query: Query) -> Target:
    """Return what is looked for where no catalogue knows it: the text is all that is known.

    Others may bear the name, of years that nobody tells. A torrent or a link that a person brought is what they mean.
    """
    movie = query.kind is not TitleKind.SERIES
    brought = query.info_hash is not None or query.link is not None
    wanted = Wanted(
        kind=TitleKind.MOVIE if movie else TitleKind.EPISODE if query.episodes else TitleKind.SERIES,
        names=tuple(dict.fromkeys(name for name in (query.text, query.bare) if name)) or _called_so(query),
        year=query.year if query.year_is_sure else None,
        namesakes=frozenset() if brought else None,
        season=None if movie else query.season,
        episodes=frozenset() if movie else query.episodes,
        aired=None if movie else query.aired,
        ids=query.ids,
    )
    return Target(text=query.text, wanted=wanted, info_hash=query.info_hash, link=query.link, release=query.release)


def year_told(query: Query, found: Iterable[Scored]) -> int | None:
    """Return of which year a film is that is known by its name alone; None: nobody tells.

    What ends the text is one if any film of that name bears it; else the year counts that all bear which are called by
    all of the text.
    """
    films = [each.release.name for each in found if not each.release.name.numbering.is_series]
    if query.year is not None and any(each.year == query.year and _is_called(each, query.bare) for each in films):
        return query.year
    years = Counter(each.year for each in films if each.year is not None and _is_called(each, query.text))
    if not years or max(years) - min(years) > 1:  # some write that of another country
        return None
    return max(years, key=lambda year: (years[year], -year))


def _is_called(release: ReleaseName, name: str) -> bool:
    """Tell whether a release bears a name, in any of the ways in which films of a known year are named."""
    return wider_form(name) in wider_forms_of(release)


def _called_so(query: Query) -> tuple[str, ...]:
    """Return what a release without any name is called."""
    return (parse(query.info_hash).title,) if query.info_hash is not None else ()


# --- one title of what several catalogues say ------------------------------------------------------------------------


def _candidates(query: Query, found: Mapping[str, Sequence[CatalogueTitle]]) -> Iterator[Candidate]:
    said = [
        (key, replace(title, place=place))
        for key, titles in found.items()
        for place, title in enumerate(titles[:MOST_TITLES])
        if any(reading.may_be(title.kind) for reading in query.readings)
    ]
    for group in _same(said):
        catalogues: dict[str, CatalogueTitle] = {}
        for key, title in group:
            catalogues.setdefault(key, title)
        entries = tuple(title for _, title in group)
        title = _together(entries)
        fits = ((*_fit(reading, title), reading) for reading in query.readings if reading.may_be(title.kind))
        # the longest text of those that fit as well: nothing of it is left over
        fit, exact, reading = max(fits, key=lambda each: (each[0], each[1], len(each[2].text)))
        if query.others and _lacks_season(title, reading):
            fit = Fit.NONE
        yield Candidate(title, entries, catalogues, fit, exact, reading)


def _lacks_season(title: CatalogueTitle, reading: Query) -> bool:
    """Tell whether a series has no such season, nor is it the next one."""
    numbers = [each.number for each in title.seasons]
    return bool(numbers) and reading.season is not None and reading.season > max(numbers) + 1


def _same(said: Sequence[tuple[str, CatalogueTitle]]) -> list[list[tuple[str, CatalogueTitle]]]:
    """Put together what is one title: by an id that both tell, else by name and year where no id contradicts."""
    groups: list[list[tuple[str, CatalogueTitle]]] = []
    for key, title in said:
        same = [group for group in groups if any(_is_same(title, other) for _, other in group)]
        joined = [each for group in same for each in group]
        groups = [group for group in groups if not any(group is other for other in same)]
        groups.append([*joined, (key, title)])
    return groups


def _is_same(one: CatalogueTitle, other: CatalogueTitle) -> bool:
    if one.kind is not other.kind:
        return False
    if one.ids & other.ids:
        return True
    databases = {each.partition(":")[0] for each in one.ids} & {each.partition(":")[0] for each in other.ids}
    return not databases and one.year == other.year and normal(one.name) == normal(other.name)


def _together(entries: Sequence[CatalogueTitle]) -> CatalogueTitle:
    """Return all that is said of a title: that of a library first, then what tells most.

    Of those that tell as much the one that is no *arr's is first, which speaks the person's language: who answered
    first makes no difference.
    """
    ordered = sorted(
        entries,
        key=lambda each: (each.library_id is None, -len(each.ids), each.place, each.backend_id or "", each.name),
    )
    first = ordered[0]
    names = [name for each in ordered for name in each.names]
    return replace(
        first,
        aliases=tuple(dict.fromkeys(name for name in names if name not in {first.name, first.original_name})),
        ids=frozenset[str]().union(*(each.ids for each in ordered)),
        year=_first(each.year for each in ordered),
        english_name=_first(each.english_name for each in ordered),
        romaji=_first(each.romaji for each in ordered),
        series_type=_first(each.series_type for each in ordered),
        minutes=_first(each.minutes for each in ordered),
        original_language=_first(each.original_language for each in ordered),
        overview=_first(each.overview or None for each in ordered) or "",
        poster=_first(each.poster for each in ordered),
        seasons=_first(each.seasons for each in sorted(ordered, key=_counts_no_episodes) if each.seasons) or (),
        votes=max((each.votes for each in ordered if each.votes is not None), default=None),
        place=min(each.place for each in ordered),
    )


def _counts_no_episodes(title: CatalogueTitle) -> bool:
    """Tell whether it isn't told how many episodes seasons have, as the lookup of Sonarr doesn't."""
    return all(season.episodes is None for season in title.seasons)


def _first[T](values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


# --- how well it fits ------------------------------------------------------------------------------------------------

_BEFORE_SUBTITLE = re.compile(r"\s*:|\s[-\u2013\u2014]\s")
_YEAR_IN_NAME = re.compile(r"\s*\((?:18|19|20)\d\d\)\s*$")
_COUNTRY_IN_NAME = re.compile(r"\s*\((?:[A-Z]{2,3})\)\s*$")
_LATE_ROMAN: Final = {"i": "1", "v": "5", "x": "10"}


@lru_cache(maxsize=4_096)
def plain(name: str) -> str:
    """Return a name as names are compared here: "Dune: Part Two", "Dune 2" and "dune II" are the same."""
    words = normal(_YEAR_IN_NAME.sub("", name)).split()
    flat: list[str] = []
    for at, word in enumerate(words):
        numbered = words[at - 1] in {"part", "episode"} if at else False
        last = bool(at) and at == len(words) - 1
        flat.append(_LATE_ROMAN.get(word, word) if numbered or (last and word != "i") else word)
    return " ".join(word for at, word in enumerate(flat) if word not in {"part", "episode"} or not _counts(flat, at))


def _counts(words: Sequence[str], at: int) -> bool:
    """Tell whether a word says that the next one is a number."""
    return at > 0 and at + 1 < len(words) and words[at + 1].isdecimal()


def _fit(query: Query, title: CatalogueTitle) -> tuple[Fit, bool]:
    if query.ids:
        by_id = bool(query.ids & title.ids)
        return (Fit.BY_ID, True) if by_id else (Fit.NONE, False)
    best = (Fit.NONE, False)
    for asked, year in _readings(query):
        if year is not None and not _near(title.year, year):
            continue
        fit, exact = _name_fit(asked, title.names[:MOST_NAMES])
        best = max(best, (fit, exact and (year is None or title.year == year)))
    return best


def _readings(query: Query) -> Iterator[tuple[str, int | None]]:
    """Yield what the text may mean: a name, and the year with it. "Wonder Woman 1984" is a name, "Dune 1984" isn't."""
    yield query.text, query.year if query.year_is_sure else None
    if query.year is not None and not query.year_is_sure:
        yield query.bare, query.year


def _near(year: int | None, wanted: int) -> bool:
    return year is None or abs(year - wanted) <= 1


def _name_fit(asked: str, names: Iterable[str]) -> tuple[Fit, bool]:
    wanted, exactly = plain(asked), normal(asked)
    if not wanted:  # of signs alone: "!!!"
        return Fit.NONE, False
    best = (Fit.NONE, False)
    for name in names:
        called = plain(name)
        if wanted in {called, plain(_COUNTRY_IN_NAME.sub("", name))} or _is_written_so(asked, name):
            fit = Fit.NAMED
        elif any(plain(name[: found.start()]) == wanted for found in _BEFORE_SUBTITLE.finditer(name)):
            fit = Fit.HEAD
        elif set(wanted.split()) <= set(called.split()):
            fit = Fit.WORDS
        elif _alike(wanted, called):
            fit = Fit.SIMILAR
        else:
            continue
        best = max(best, (fit, normal(name) == exactly))
    return best


def _is_written_so(one: str, other: str) -> bool:
    """Tell whether two names are one in other writing: "spiderman", "the a team", "oceans 11"."""
    return wider_form(one) == wider_form(other) or not forms(one).isdisjoint(forms(other))


def _alike(one: str, other: str) -> bool:
    """Tell whether two names differ by a typing mistake; numbers are none: "Rocky 3" isn't "Rocky 2"."""
    if _numbers(one) != _numbers(other):
        return False
    matcher = SequenceMatcher(a=one, b=other, autojunk=False)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _numbers(name: str) -> list[str]:
    return [word for word in name.split() if word.isdecimal()]


# --- which one -------------------------------------------------------------------------------------------------------


def _order(candidate: Candidate) -> tuple[int, bool, int, bool, int, int, str]:
    title = candidate.title
    owned = any(each.library_id is not None for each in candidate.entries)
    unread = -len(candidate.reading.text)  # what has all of the text for its name comes first
    return (-candidate.fit, not candidate.exact, unread, not owned, title.place, -(title.votes or 0), title.label)


def _decide(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return which of titles that fit equally well is meant; None: that can't be told."""
    first = candidates[0]
    if first.fit is Fit.NONE:
        return None
    if len(candidates) == 1:
        return first if first.fit >= Fit.HEAD or first.title.place == 0 else None
    if first.fit < Fit.HEAD:
        return None
    known = [each for each in candidates if all(_better_known(each, other) for other in candidates if other != each)]
    if known:
        return known[0]
    owned = [each for each in candidates if any(entry.library_id is not None for entry in each.entries)]
    if len(owned) == 1:
        return owned[0]
    exact = [each for each in candidates if each.exact]
    others_known = any(_better_known(other, exact[0]) for other in candidates) if exact else True
    return exact[0] if len(exact) == 1 and not others_known else None


def _of_its_year(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the one title that is called by all of the text, and of the year that stands behind it."""
    dated = [each for each in candidates if each.exact and each.reading.year_is_sure]
    return dated[0] if len(dated) == 1 else None


def _better_known(one: Candidate, other: Candidate) -> bool:
    """Tell whether one is far better known than another, to a catalogue that brought both."""
    for key, said in one.catalogues.items():
        against = other.catalogues.get(key)
        if against is None:
            continue
        for mine, theirs in ((said.votes, against.votes), (said.popularity, against.popularity)):
            if mine is not None and theirs is not None and mine > 0:
                return mine >= CLEARLY * max(theirs, 0.0)
    return False


def namesakes_of(title: CatalogueTitle, found: Mapping[str, Sequence[CatalogueTitle]]) -> frozenset[int]:
    """Return the years of others that are called as a title is. `found` is what catalogues answered for its name."""
    said = [(key, each) for key, titles in found.items() for each in titles[:MOST_TITLES] if each.kind is title.kind]
    groups = [[each for _, each in group] for group in _same([("", title), *said])]
    return _years_of_namesakes(title, [_together(group) for group in groups if title not in group])


def _years_of_namesakes(title: CatalogueTitle, others: Iterable[CatalogueTitle]) -> frozenset[int]:
    """Return the years of others of its kind that share one of its names."""
    names = frozenset[str]().union(*map(forms, title.names[:MOST_NAMES]))
    return frozenset(
        other.year
        for other in others
        if other.kind is title.kind
        and other.year is not None
        and other.year != title.year
        and not _may_be(other, title)
        and not names.isdisjoint(form for name in other.names[:MOST_NAMES] for form in forms(name))
    )


def _may_be(other: CatalogueTitle, title: CatalogueTitle) -> bool:
    """Tell whether one of the same name may be the title itself: known to other catalogues, a year earlier or later."""
    both = {each.partition(":")[0] for each in other.ids} & {each.partition(":")[0] for each in title.ids}
    return not both and other.year is not None and title.year is not None and _near(other.year, title.year)
