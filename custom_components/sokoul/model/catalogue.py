"""What catalogues and libraries tell of movies and series: to find out which one is meant, and to add it.

Catalogues are the lookups of the *arrs and TMDB, libraries are those of the *arrs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from .library import TitleKind


class SeriesType(StrEnum):
    """How releases of a series call its episodes. The words are those of Sonarr."""

    STANDARD = "standard"  # by season and number
    DAILY = "daily"  # by the day on which they air
    ANIME = "anime"  # by their number, counted from the first of all


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueSeason:
    """A season of a series. Number 0 holds the specials."""

    number: int
    episodes: int | None = None  # all of them, aired or not; None: the catalogue doesn't tell
    files: int = 0  # episodes that are in the library
    monitored: bool | None = None  # in a library


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueTitle:
    """A movie or a series, as a catalogue or a library tells of it.

    Of a library it has a `library_id`. `backend_id` is filled in by who asked: a client doesn't know which of the
    backends it speaks to.
    """

    kind: TitleKind  # a movie or a series
    name: str
    original_name: str | None = None  # where it differs
    english_name: str | None = None  # of a catalogue that speaks another language, where it differs
    aliases: tuple[str, ...] = ()  # other names: of other countries, and of scene releases
    romaji: str | None = None  # of an anime: its Japanese name in Latin letters, which most of its releases have
    year: int | None = None  # of the first release or the first episode
    ids: frozenset[str] = frozenset()  # "imdb:tt1160419", "tmdb:438631", "tvdb:121361"
    minutes: int | None = None  # of the movie, or of one episode
    original_language: str | None = None  # ISO 639-1
    overview: str = ""
    poster: str | None = None  # public URL
    popularity: float | None = None  # by the catalogue's own measure: comparable within one answer only
    votes: int | None = None
    rating: float | None = None  # 0 to 10
    place: int = 0  # in the answer: 0 is what the catalogue thinks was meant
    seasons: tuple[CatalogueSeason, ...] = ()
    ended: bool | None = None  # of a series: nothing more will come
    series_type: SeriesType | None = None  # None: nobody tells
    in_cinemas_on: date | None = None
    digital_on: date | None = None
    physical_on: date | None = None
    first_aired_on: date | None = None
    backend_id: str | None = None  # the *arr that was asked
    library_id: int | None = None  # of the movie or series in that *arr; None: it doesn't have it
    monitored: bool = False
    has_file: bool = False  # of a series: all that has aired
    quality_profile_id: int | None = None
    folder: str | None = None  # in the library, as the *arr sees it

    @property
    def names(self) -> tuple[str, ...]:
        """All its names, each once, the best known first."""
        names = (self.name, self.original_name, self.english_name, self.romaji, *self.aliases)
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def label(self) -> str:
        """How a person would write it: `Dune (2021)`."""
        return f"{self.name} ({self.year})" if self.year else self.name

    def id_in(self, database: str) -> str | None:
        """Return its id in a database ("imdb", "tmdb", "tvdb")."""
        return id_of(self.ids, database)

    def season(self, number: int) -> CatalogueSeason | None:
        """Return a season, where the catalogue tells of it."""
        return next((season for season in self.seasons if season.number == number), None)


def id_of(ids: Iterable[str], database: str) -> str | None:
    """Return the id in a database out of ids like "imdb:tt1160419"."""
    return next((value for key, _, value in sorted(each.partition(":") for each in ids) if key == database), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEpisode:
    """An episode of a series, as a catalogue or a library tells of it. Season 0 holds the specials."""

    season: int
    episode: int
    absolute: int | None = None  # counted from the first episode of all, without specials; None: nobody tells
    name: str = ""
    finale: bool = False  # the last of its season, as far as catalogues tell
    airs_on: date | None = None  # the day where it airs first; None: nobody knows
    airs_at: datetime | None = None  # the moment, in UTC; catalogues that know only the day have none
    library_id: int | None = None  # in an *arr
    monitored: bool = False  # by itself: it is looked for if its series is monitored, too
    has_file: bool = False

    @property
    def aired_on(self) -> date | None:
        """The day on which it airs, there where it does first, as far as anybody tells; None: nobody knows."""
        return self.airs_on or (self.airs_at.date() if self.airs_at is not None else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingTitle:
    """A movie, or a series with those of its episodes, that an *arr looks for by itself."""

    title: CatalogueTitle
    episodes: tuple[CatalogueEpisode, ...] = ()  # of a series, in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What an *arr looks for by itself: the first of it, where that is much."""

    titles: tuple[MissingTitle, ...] = ()
    more: int = 0  # movies or episodes that were not read


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityProfileRef:
    """A quality profile to choose."""

    id: int
    name: str


class Watch(StrEnum):
    """Which episodes of a series that is added an *arr should look for."""

    ALL = "all"
    FUTURE = "future"
    FIRST_SEASON = "firstSeason"
    LAST_SEASON = "lastSeason"
    PILOT = "pilot"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A title that is to be added to the library of an *arr, and how."""

    title: CatalogueTitle
    profile_id: int
    root_folder: str  # as the *arr sees it
    monitored: bool = True
    search: bool = False  # let the *arr search for it at once
    watch: Watch = Watch.ALL  # of a series
    seasons: frozenset[int] = frozenset()  # of a series: just these are looked for, whatever `watch` says
    tags: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of an addition."""

    title: CatalogueTitle  # as it is in the library now
    already_there: bool  # it was there before, and was left as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSnapshot:
    """A service that is only asked (TMDB, a Torznab feed) at one moment: it is there."""

    version: str  # of what it speaks
