"""Is it the right title? Told by rules, from names, years, parts and numbers.

Two films of the same name are told apart by their years, which indexers write a year early or late: one year of
difference is forgiven where no other film of that name came out then. Where names are shared and nothing in a
release tells which one it is, it is unsure, and a person or an id has to say.

Gaps between words say nothing: `L.Etranger`, `Ocean.s.Eleven`, `SWAT` and `Spiderman` are how releases write
"L'Étranger", "Ocean's Eleven", "S.W.A.T." and "Spider-Man".
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
import re
from typing import Final

from ..model.library import TitleKind
from ..model.reasons import Reason
from .attributes import Flag, Numbering, ReleaseName
from .names import forms, forms_of, forms_of_all, normal, wider_forms_of, wider_forms_of_all, without_year, year_in
from .parse import parse_of_series


class Certainty(IntEnum):
    """How sure it is that a release is of a title."""

    NO = 0
    UNSURE = 1  # it may as well be another one: of the same name, or because two read its name differently
    LIKELY = 2  # nothing speaks against it
    SURE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A title that releases are looked for, with what is known of it.

    `namesakes` are the years of other films or series that share one of its names; None: nobody could be asked.
    """

    kind: TitleKind
    names: tuple[str, ...]  # the title, its original, and its aliases
    year: int | None = None
    namesakes: frozenset[int] | None = frozenset()
    season: int | None = None
    episodes: frozenset[int] = frozenset()  # of the season; none: all of it
    absolute: frozenset[int] = frozenset()
    aired: date | None = None
    minutes: int | None = None  # of a film, or of one episode
    season_episodes: int | None = None  # how many a season has
    seasons: frozenset[int] = frozenset()  # of a whole series: those that it has; none: nobody knows
    original_language: str | None = None  # ISO 639-1
    ids: frozenset[str] = frozenset()  # in databases: "imdb:tt1160419", "tmdb:438631"


@dataclass(frozen=True, slots=True)
class Match:
    """How sure it is, why, and whether the release has all that is wanted."""

    certainty: Certainty
    reason: Reason
    whole: bool = True


#: Why a release isn't the title: it is called otherwise, and not as another part either.
OTHER_TITLE: Final = "release.other_title"
#: Why a release may be another title: others may be called so, and nobody could be asked.
OTHERS_UNKNOWN: Final = "release.others_unknown"
_LAST_NUMBER = re.compile(r" (?:part )?(\d{1,2})$")
_BY_JUDGE: Final = {
    True: (Certainty.LIKELY, Reason(key="release.judged_same")),
    False: (Certainty.NO, Reason(key="release.judged_other")),
}


def identify(
    release: ReleaseName,
    wanted: Wanted,
    ids: frozenset[str] = frozenset(),
    *,
    vouched: bool = False,
    holds: Numbering | None = None,
    judged: bool | None = None,
) -> Match:
    """Tell whether a release is of a title.

    `ids` are those that indexers tell, `vouched` says that the *arr takes it for the title, `judged` what somebody
    thinks who was asked (None: nobody was), which only decides what is doubtful. Ids only decide between namesakes:
    indexers give the number that was searched for to whatever they found. The *arr is also believed where nothing but
    the name differs, and of a series about which of its episodes a release `holds`: it has tables of who counts them in
    another way.
    """
    release = _as_wanted(release, wanted)
    if release.numbering.is_series != (wanted.kind is not TitleKind.MOVIE):
        return _no("release.other_kind")
    by_title = _by_title(release, wanted, ids, vouched=vouched)
    if by_title is None:
        return _other_title(release, wanted)
    certainty, reason = by_title
    if certainty is Certainty.UNSURE and judged is not None:
        certainty, reason = _BY_JUDGE[judged]
    if certainty in {Certainty.NO, Certainty.UNSURE} or wanted.kind is TitleKind.MOVIE:
        return Match(certainty, reason, whole=certainty is not Certainty.NO)
    by_name = _by_number(release.numbering, wanted, Match(certainty, reason))
    if by_name.certainty is Certainty.NO and holds is not None:
        return _by_number(holds, wanted, Match(Certainty.LIKELY, Reason(key="release.arr_vouches")))
    return by_name


def _by_title(
    release: ReleaseName, wanted: Wanted, ids: frozenset[str], *, vouched: bool
) -> tuple[Certainty, Reason] | None:
    """Tell whether it is called as the title and of its year; None: it is called otherwise, whoever reads it."""
    named = _named(release, wanted)
    if named is not None:
        certainty, reason = _by_year(release, wanted, year=named)
        return _by_id(reason, wanted, ids, vouched=vouched) if certainty is Certainty.UNSURE else (certainty, reason)
    if vouched and (match := _vouched(release, wanted)) is not None:
        return match
    return _by_second_title(release, wanted, ids)


def _as_wanted(release: ReleaseName, wanted: Wanted) -> ReleaseName:
    """Return what a name says where it is of a series that is wanted: `Harbor.13.HDTV` is an episode of "Harbor"."""
    if wanted.kind is TitleKind.MOVIE or release.numbering.is_series:
        return release
    of_series = parse_of_series(release.name)
    return release if _named(of_series, wanted) is None else of_series


def _named(release: ReleaseName, wanted: Wanted) -> int | None:
    """Return the year of a release that has a name of the title, 0 without one; None: it is called otherwise."""
    names = forms_of_all(wanted.names)
    with_year = next((with_year for form, with_year in forms_of(release) if form in names), None)
    if with_year is None:
        return release.year if _is_often_called_so(release, wanted) else None
    return 0 if with_year else release.year or 0


def _is_often_called_so(release: ReleaseName, wanted: Wanted) -> bool:
    """Tell whether a release of the very year has another name by which the film goes: "Dune 2" of 2024."""
    if wanted.kind is not TitleKind.MOVIE or release.year is None or release.year != wanted.year:
        return False
    return not wider_forms_of_all(wanted.names).isdisjoint(wider_forms_of(release))


def is_in_3d(release: ReleaseName, wanted: Wanted) -> bool:
    """Tell whether the picture of a release has depth. The "3D" of "Step Up 3D" is the end of the film's own name."""
    if Flag.THREE_D not in release.flags:
        return False
    return not release.title_in_3d or forms(release.title_in_3d).isdisjoint(forms_of_all(wanted.names[:1]))


def _vouched(release: ReleaseName, wanted: Wanted) -> tuple[Certainty, Reason] | None:
    """Return what the *arr's word is good for where a release is called otherwise: what the year doesn't gainsay.

    None: it is worth nothing. Of another part than the one that is wanted only the very year can tell that it is none.
    """
    certainty, _ = _by_year(release, wanted, year=release.year or 0)
    if certainty is Certainty.NO or (certainty is not Certainty.SURE and _is_other_part(release, wanted)):
        return None
    return Certainty.LIKELY, Reason(key="release.arr_vouches")


def _by_second_title(release: ReleaseName, wanted: Wanted, ids: frozenset[str]) -> tuple[Certainty, Reason] | None:
    """Return what speaks for a title that only a second reader reads: it is doubtful at best, whatever ids say for it.

    None: it reads no title, or another one as well, or a number says that it is wrong: of the year, part or episode.
    """
    if release.second_title is None or _is_other_part(release, wanted):
        return None
    read = replace(release, title=release.second_title, other_titles=(), second_title=None)
    named = _named(read, wanted)
    if named is None or _by_year(read, wanted, year=named)[0] is Certainty.NO:
        return None
    reason = Reason(key="release.second_reader", parameters={"called": release.title})
    match = Match(Certainty.UNSURE, reason)
    if wanted.kind is not TitleKind.MOVIE and _by_number(release.numbering, wanted, match).certainty is Certainty.NO:
        return None
    return _by_id(reason, wanted, ids - wanted.ids, vouched=False)


def _by_id(reason: Reason, wanted: Wanted, ids: frozenset[str], *, vouched: bool) -> tuple[Certainty, Reason]:
    """Decide between namesakes by what databases call them."""
    if vouched or ids & wanted.ids:
        return Certainty.LIKELY, Reason(key="release.id_fits")
    databases = {each.partition(":")[0] for each in wanted.ids}
    if any(each.partition(":")[0] in databases for each in ids):
        return Certainty.NO, Reason(key="release.other_id")
    return Certainty.UNSURE, reason


def _other_title(release: ReleaseName, wanted: Wanted) -> Match:
    """Say how it is called, or that it is another part."""
    key = "release.other_part" if _is_other_part(release, wanted) else OTHER_TITLE
    return _no(key, called=release.title)


def _is_other_part(release: ReleaseName, wanted: Wanted) -> bool:
    """Tell whether a release of another name has one that differs from the title's by a number only."""
    called, base = _called_and_base(release.title)
    return any(base == other and called != name for name, other in map(_called_and_base, wanted.names))


def _called_and_base(name: str) -> tuple[str, str]:
    """Return a name without gaps, and the same without the number that it ends with."""
    words = normal(name)
    return words.replace(" ", ""), _LAST_NUMBER.sub("", words).replace(" ", "")


def _by_year(release: ReleaseName, wanted: Wanted, *, year: int) -> tuple[Certainty, Reason]:
    of_wanted, namesakes = wanted.year or _year_of(wanted.names), wanted.namesakes or frozenset[int]()
    movie = wanted.kind is TitleKind.MOVIE
    if not year or of_wanted is None:
        if namesakes and not _says_which(release, wanted):
            return Certainty.UNSURE, Reason(key="release.same_name")
        if wanted.namesakes is None and movie and not _says_which(release, wanted):
            return Certainty.UNSURE, Reason(key=OTHERS_UNKNOWN)
        return Certainty.LIKELY, Reason(key="release.name_fits")
    if year == of_wanted:
        return Certainty.SURE, Reason(key="release.name_and_year_fit", parameters={"year": year})
    if not movie and year > of_wanted and wanted.namesakes is None:
        return Certainty.UNSURE, Reason(key=OTHERS_UNKNOWN)
    if abs(year - of_wanted) == 1 and year not in namesakes:
        return Certainty.LIKELY, Reason(key="release.year_nearly_fits", parameters={"year": year})
    if not movie and year > of_wanted and not any(abs(year - each) <= 1 for each in namesakes):
        # a season is sometimes named with the year in which it aired
        if any(of_wanted < each < year for each in namesakes):  # of the other series just as well
            return Certainty.UNSURE, Reason(key="release.same_name")
        return Certainty.LIKELY, Reason(key="release.year_of_season", parameters={"year": year})
    return Certainty.NO, Reason(key="release.other_year", parameters={"year": year, "wanted": of_wanted})


def _says_which(release: ReleaseName, wanted: Wanted) -> bool:
    """Tell whether the release bears a name that is longer than the shared one: "The Office US"."""
    called = normal(release.title)
    shortest = min((normal(without_year(name)) for name in wanted.names), key=len, default=called)
    return called != shortest and called.startswith(f"{shortest} ")


def _year_of(names: Iterable[str]) -> int | None:
    return next((year for year in map(year_in, names) if year is not None), None)


def _by_number(has: Numbering, wanted: Wanted, match: Match) -> Match:
    """Tell whether the right episodes are in a release of the right series."""
    if has.complete and not has.seasons:
        return match
    if wanted.aired is not None and has.aired is not None:
        return _on_day(has, wanted.aired, match)
    if wanted.season is None:
        return _of_series(has, wanted, match)
    if not has.seasons and (through := set(has.absolute or has.episodes)):  # "E05": of the only season, or counted on
        numbers = wanted.absolute or _counted(wanted)
        return _holding(through, numbers, match) if numbers else _no("release.other_season", seasons=())
    if wanted.season not in has.seasons:
        return _no("release.other_season", seasons=_listed(has.seasons))
    if has.partial and not has.episodes:
        return Match(match.certainty, Reason(key="release.part_of_season"), whole=False)
    if not has.episodes:
        return match
    if not wanted.episodes:
        every = wanted.season_episodes is not None and len(has.episodes) >= wanted.season_episodes
        return match if every else Match(match.certainty, Reason(key="release.part_of_season"), whole=False)
    beyond = wanted.season_episodes is not None and min(has.episodes) > wanted.season_episodes
    numbers = wanted.absolute if beyond and wanted.absolute else wanted.episodes  # counted through all
    return _holding(set(has.episodes), numbers, match)


def _on_day(has: Numbering, wanted: date, match: Match) -> Match:
    """Tell whether it is of a day: `11.03.2024` is of March or of November, so nobody knows."""
    if wanted not in {has.aired, has.or_aired}:
        return _no("release.other_day")
    return match if has.or_aired is None else _no("release.unclear_day")


def _counted(wanted: Wanted) -> frozenset[int]:
    """Return what is wanted of a first season, counted from the first episode of all; of others that isn't known."""
    if wanted.season != 1:
        return frozenset()
    return wanted.episodes or frozenset(range(1, (wanted.season_episodes or 0) + 1))


def _of_series(has: Numbering, wanted: Wanted, match: Match) -> Match:
    """Tell whether a release has all of a series, or an episode or some seasons of it."""
    if wanted.kind is not TitleKind.SERIES or wanted.aired is not None:
        return match
    single = has.episodes or has.absolute or has.aired
    every = set(has.seasons) >= wanted.seasons if wanted.seasons else len(has.seasons) != 1
    if every and not single:
        return match
    return Match(match.certainty, Reason(key="release.part_of_series"), whole=False)


def _holding(has: set[int], wanted: frozenset[int], match: Match) -> Match:
    if has >= wanted:
        return match
    if has & wanted:
        return Match(match.certainty, Reason(key="release.some_episodes"), whole=False)
    return _no("release.other_episode", episodes=_listed(sorted(has)))


def _listed(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(str(number) for number in numbers)


def _no(key: str, **parameters: str | tuple[str, ...]) -> Match:
    return Match(Certainty.NO, Reason(key=key, parameters=parameters), whole=False)
