"""A believable library: public-domain classics and inventions, the same one for the same seed and moment.

Everything is relative to `now`, so that there is always an episode that aired yesterday, one that airs tomorrow, and a
film that comes out next week. Ids are invented. The entities are what a Radarr or Sonarr keeps and changes; how they
look over HTTP is the business of the simulators.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import random
import re
from typing import Self
import unicodedata

from . import quality as q, titles as words
from .quality import Quality, QualityProfile, standard_profiles

MOVIES_ROOT = "/data/media/movies"
SERIES_ROOT = "/data/media/series"
ANIME_ROOT = "/data/media/anime"
DOWNLOADS_ROOT = "/data/torrents"

#: series in a library this large have about 25 episodes each
LARGE_MOVIES = 9_000
LARGE_SERIES = 1_000
_SHARE_OWNED = 0.93  # of the movies in a large library
_SHARE_ENDED = 0.7  # of the series in a large library


@dataclass(slots=True, kw_only=True)
class MediaFile:
    """A file in the library."""

    id: int
    relative_path: str  # below the folder of its title
    size_bytes: int
    quality: Quality
    added: datetime
    scene_name: str | None = None
    group: str | None = None
    languages: tuple[str, ...] = ("English",)


@dataclass(slots=True, kw_only=True, eq=False)
class Movie:
    """A movie; `id` is 0 as long as no Radarr has it."""

    id: int
    title: str
    year: int
    tmdb_id: int
    imdb_id: str
    runtime: int  # minutes
    genres: tuple[str, ...]
    language: str
    overview: str
    studio: str
    rating: float  # 0 to 10
    original_title: str = ""  # where it differs
    aliases: tuple[str, ...] = ()
    votes: int = 0  # 0: some number that follows from its id
    in_cinemas: datetime | None = None
    digital_release: datetime | None = None
    physical_release: datetime | None = None
    monitored: bool = True
    profile_id: int = 4
    root: str = MOVIES_ROOT
    minimum_availability: str = "released"
    added: datetime | None = None
    tags: list[int] = field(default_factory=list)
    file: MediaFile | None = None
    last_search: datetime | None = None

    def called(self, text: str) -> bool:
        """Tell whether a catalogue finds it under these words."""
        return called(text, self.year, self.title, self.original_title, *self.aliases)

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"{safe(self.title)} ({self.year})"

    @property
    def path(self) -> str:
        """Its folder."""
        return f"{self.root}/{self.folder}"

    def available(self, now: datetime) -> bool:
        """Tell whether its minimum availability is reached."""
        home = min((each for each in (self.digital_release, self.physical_release) if each), default=None)
        match self.minimum_availability:
            case "inCinemas":
                moment = self.in_cinemas
            case "released":
                moment = home or (self.in_cinemas + timedelta(days=90) if self.in_cinemas else None)
            case _:
                return True
        return moment is not None and moment <= now

    def status(self, now: datetime) -> str:
        """Return `announced`, `inCinemas` or `released`."""
        if any(each and each <= now for each in (self.digital_release, self.physical_release)):
            return "released"
        return "inCinemas" if self.in_cinemas and self.in_cinemas <= now else "announced"


@dataclass(slots=True, kw_only=True, eq=False)
class Episode:
    """An episode of a series."""

    id: int
    series: Series = field(repr=False)
    season: int
    number: int
    title: str
    tvdb_id: int
    airs: datetime | None
    absolute: int | None = None
    monitored: bool = True
    file: MediaFile | None = None
    last_search: datetime | None = None

    def aired(self, now: datetime) -> bool:
        """Tell whether it can be had."""
        return self.airs is not None and self.airs <= now


@dataclass(slots=True, kw_only=True, eq=False)
class Series:
    """A series; `id` is 0 as long as no Sonarr has it."""

    id: int
    title: str
    year: int
    tvdb_id: int
    tmdb_id: int
    imdb_id: str
    runtime: int  # minutes of an episode
    genres: tuple[str, ...]
    language: str
    overview: str
    network: str
    rating: float  # 0 to 10
    ended: bool
    aliases: tuple[str, ...] = ()
    kind: str = "standard"  # or "daily", "anime"
    monitored: bool = True
    monitor_new: str = "all"
    season_folder: bool = True
    profile_id: int = 4
    root: str = SERIES_ROOT
    added: datetime | None = None
    tags: list[int] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    unmonitored_seasons: set[int] = field(default_factory=set)

    def called(self, text: str) -> bool:
        """Tell whether a catalogue finds it under these words."""
        return called(text, self.year, self.title, *self.aliases)

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return safe(self.title)

    @property
    def path(self) -> str:
        """Its folder."""
        return f"{self.root}/{self.folder}"

    @property
    def seasons(self) -> tuple[int, ...]:
        """The numbers of its seasons."""
        return tuple(sorted({episode.season for episode in self.episodes}))

    def season(self, number: int) -> list[Episode]:
        """Return the episodes of a season."""
        return [episode for episode in self.episodes if episode.season == number]

    def status(self, now: datetime) -> str:
        """Return `continuing`, `ended` or `upcoming`."""
        if self.ended:
            return "ended"
        return "continuing" if any(episode.aired(now) for episode in self.episodes) else "upcoming"


type Wanted = Movie | Episode


class Library:
    """Every title that exists in the imitated world, and which of them are in a library.

    `movies` and `series` are what Radarr and Sonarr have, by id; `known_movies` and `known_series` are what their
    metadata server knows besides, with id 0, for lookups.
    """

    def __init__(self, now: datetime, seed: int = 1) -> None:
        self.now = now.astimezone(UTC).replace(microsecond=0)
        self.random = random.Random(seed)
        self.profiles: dict[int, QualityProfile] = standard_profiles()
        self.tags: dict[int, str] = {1: "keep", 2: "kids"}
        self.movies: dict[int, Movie] = {}
        self.series: dict[int, Series] = {}
        self.known_movies: list[Movie] = []
        self.known_series: list[Series] = []
        self._episodes: dict[int, Episode] = {}
        self._ids = {"movie": 0, "series": 0, "episode": 0, "file": 0, "external": 700_000}

    @classmethod
    def small(cls, now: datetime, seed: int = 1) -> Self:
        """Make a dozen movies and six series in every state that matters, and some more to look up."""
        library = cls(now, seed)
        _fill_small(library)
        return library

    @classmethod
    def large(cls, now: datetime, seed: int = 1, *, movies: int = LARGE_MOVIES, series: int = LARGE_SERIES) -> Self:
        """Make the library of a collector: ten thousand titles unless told otherwise."""
        library = cls.small(now, seed)
        names = _invented_names(library.random)
        while len(library.movies) < movies:
            library.add_movie(library.invent_movie(next(names)), have=library.random.random() < _SHARE_OWNED)
        while len(library.series) < series:
            library.add_series(library.invent_series(next(names)), except_last=library.random.choice((0, 0, 0, 1, 3)))
        return library

    # --- numbers -------------------------------------------------------------------------------------------------

    def next_id(self, kind: str) -> int:
        """Return the next number of a kind: "movie", "series", "episode", "file" or "external"."""
        self._ids[kind] += 1
        return self._ids[kind]

    def _external_ids(self) -> tuple[int, str]:
        number = self.next_id("external")
        return number, f"tt{number + 30_000_000:08}"

    # --- making titles -------------------------------------------------------------------------------------------

    def new_movie(
        self,
        title: str,
        year: int,
        *,
        language: str = "English",
        genres: tuple[str, ...] = ("Drama",),
        runtime: int = 95,
    ) -> Movie:
        """Make a movie that is in no library yet, released in its year."""
        tmdb_id, imdb_id = self._external_ids()
        cinema = datetime(year, self.random.randint(1, 12), self.random.randint(1, 28), tzinfo=UTC)
        return Movie(
            id=0,
            title=title,
            year=year,
            tmdb_id=tmdb_id,
            imdb_id=imdb_id,
            runtime=runtime,
            genres=genres,
            language=language,
            overview=_overview(self.random),
            studio=self.random.choice(words.STUDIOS),
            rating=round(self.random.uniform(4.8, 8.6), 1),
            in_cinemas=cinema,
            digital_release=cinema + timedelta(days=75),
            physical_release=cinema + timedelta(days=120),
        )

    def invent_movie(self, title: str) -> Movie:
        """Make an invented movie, mostly of recent years."""
        year = self.now.year - int(self.random.triangular(0, 60, 3))
        return self.new_movie(
            title,
            year,
            language=self.random.choices(("English", "French", "German", "Japanese"), (80, 9, 6, 5))[0],
            genres=tuple(sorted(self.random.sample(words.GENRES, 2))),
            runtime=self.random.randint(78, 155),
        )

    def new_series(
        self,
        title: str,
        *,
        seasons: int,
        episodes: int,
        last_start: datetime,
        every: timedelta = timedelta(days=7),
        runtime: int = 48,
        kind: str = "standard",
        language: str = "English",
        ended: bool = False,
        genres: tuple[str, ...] = ("Drama",),
    ) -> Series:
        """Make a series that is in no library yet. Its last season starts at `last_start`, the others a year apart."""
        tmdb_id, imdb_id = self._external_ids()
        series = Series(
            id=0,
            title=title,
            year=(last_start - timedelta(days=365 * (seasons - 1))).year,
            tvdb_id=self.next_id("external"),
            tmdb_id=tmdb_id,
            imdb_id=imdb_id,
            runtime=runtime,
            genres=genres,
            language=language,
            overview=_overview(self.random),
            network=self.random.choice(words.NETWORKS),
            rating=round(self.random.uniform(6.0, 9.1), 1),
            ended=ended,
            kind=kind,
            root=ANIME_ROOT if kind == "anime" else SERIES_ROOT,
        )
        absolute = 0
        for season in range(1, seasons + 1):
            start = last_start - timedelta(days=364 * (seasons - season))
            for number in range(1, episodes + 1):
                absolute += 1
                series.episodes.append(
                    Episode(
                        id=self.next_id("episode"),
                        series=series,
                        season=season,
                        number=number,
                        title=f"The {self.random.choice(words.ADJECTIVES)} {self.random.choice(words.NOUNS)}",
                        tvdb_id=self.next_id("external"),
                        airs=start + every * (number - 1),
                        absolute=absolute if kind == "anime" else None,
                    )
                )
        return series

    def invent_series(self, title: str) -> Series:
        """Make an invented series: some continue around now, most have ended."""
        ended = self.random.random() < _SHARE_ENDED
        days = self.random.randint(200, 6000) if ended else self.random.randint(-20, 80)
        return self.new_series(
            title,
            seasons=self.random.randint(1, 5),
            episodes=self.random.choice((6, 8, 10, 10, 12)),
            last_start=self.now.replace(hour=20, minute=0, second=0) - timedelta(days=days),
            runtime=self.random.choice((24, 45, 52)),
            ended=ended,
            genres=tuple(sorted(self.random.sample(words.GENRES, 2))),
        )

    # --- filling the library -------------------------------------------------------------------------------------

    def add_movie(self, movie: Movie, *, have: bool | Quality = False, days_ago: int | None = None) -> Movie:
        """Put a movie into Radarr's library, with a file if `have` (of that quality, else of a fitting one)."""
        movie.id = self.next_id("movie")
        days = self.random.randint(1, 1500) if days_ago is None else days_ago
        movie.added = self.now - timedelta(days=days, minutes=self.random.randint(0, 600))
        if have is not False:
            movie.file = self.movie_file(movie, self._quality(movie.profile_id) if have is True else have)
        if movie in self.known_movies:
            self.known_movies.remove(movie)
        self.movies[movie.id] = movie
        return movie

    def movie_file(self, movie: Movie, quality: Quality) -> MediaFile:
        """Make the file of a movie as it lies in the library after an import."""
        group = self.random.choice(words.GROUPS)
        return MediaFile(
            id=self.next_id("file"),
            relative_path=f"{movie.folder} [{quality.name}]-{group}.mkv",
            size_bytes=self._varied(quality.size_bytes(movie.runtime)),
            quality=quality,
            added=(movie.added or self.now) + timedelta(hours=5),
            scene_name=release_name(f"{movie.title} {movie.year}", quality, group),
            group=group,
            languages=(movie.language,),
        )

    def add_series(self, series: Series, *, have: bool = True, except_last: int = 0) -> Series:
        """Put a series into Sonarr's library with files of all aired episodes but the last `except_last` of them."""
        series.id = self.next_id("series")
        series.added = self.now - timedelta(days=self.random.randint(30, 1500))
        if series in self.known_series:
            self.known_series.remove(series)
        self.series[series.id] = series
        self._episodes.update((episode.id, episode) for episode in series.episodes)
        aired = [episode for episode in series.episodes if episode.aired(self.now)]
        quality = self._quality(series.profile_id)
        group = self.random.choice(words.ANIME_GROUPS if series.kind == "anime" else words.GROUPS)
        for episode in aired[: len(aired) - except_last] if have else ():
            episode.file = self.episode_file(episode, quality, group)
        return series

    def episode_file(self, episode: Episode, quality: Quality, group: str) -> MediaFile:
        """Make the file of an episode as it lies in the library after an import."""
        series = episode.series
        code = f"S{episode.season:02}E{episode.number:02}"
        folder = f"Season {episode.season:02}/" if series.season_folder else ""
        return MediaFile(
            id=self.next_id("file"),
            relative_path=f"{folder}{series.folder} - {code} - {safe(episode.title)} [{quality.name}]-{group}.mkv",
            size_bytes=self._varied(quality.size_bytes(series.runtime)),
            quality=quality,
            added=(episode.airs or self.now) + timedelta(hours=3),
            scene_name=release_name(f"{series.title} {code}", quality, group),
            group=group,
            languages=(series.language,),
        )

    def _quality(self, profile_id: int) -> Quality:
        return self.random.choice(self.profiles[profile_id].allowed)

    def _varied(self, size_bytes: int) -> int:
        return int(size_bytes * self.random.uniform(0.8, 1.25))

    # --- looking things up ---------------------------------------------------------------------------------------

    def all_movies(self) -> Iterator[Movie]:
        """Iterate over the library's movies, then over those it could have."""
        yield from self.movies.values()
        yield from self.known_movies

    def all_series(self) -> Iterator[Series]:
        """Iterate over the library's series, then over those it could have."""
        yield from self.series.values()
        yield from self.known_series

    def episodes(self) -> Iterator[Episode]:
        """Iterate over all episodes of the library's series."""
        for series in self.series.values():
            yield from series.episodes

    def episode(self, episode_id: int) -> Episode | None:
        """Return an episode of the library."""
        return self._episodes.get(episode_id)

    def remove_series(self, series: Series) -> None:
        """Take a series out of Sonarr's library; its metadata stays known."""
        del self.series[series.id]
        for episode in series.episodes:
            episode.file = None
            del self._episodes[episode.id]
        series.id = 0
        self.known_series.append(series)

    def remove_movie(self, movie: Movie) -> None:
        """Take a movie out of Radarr's library; its metadata stays known."""
        del self.movies[movie.id]
        movie.id = 0
        movie.file = None
        self.known_movies.append(movie)


def safe(name: str) -> str:
    """Return a name without what file systems and *arr naming don't take."""
    return re.sub(r'[<>:"/\\|?*]', "", name).strip(". ")


def plain(text: str) -> str:
    """Return a text as *arr compare titles: lower case, no accents, letters and digits only."""
    folded = unicodedata.normalize("NFKD", text.lower().replace("&", "and"))
    return "".join(character for character in folded if character.isalnum())


def called(text: str, year: int, *names: str) -> bool:
    """Tell whether a title of these names is meant by some words, with or without its year."""
    words = plain(text)
    return bool(words) and any(words in plain(f"{name} {year}") for name in names if name)


def sort_title(title: str) -> str:
    """Return a title as it is sorted: in lower case, without its article."""
    return re.sub(r"^(the|a|an) ", "", title.lower())


def release_name(title: str, quality: Quality, group: str, *, extra: str = "") -> str:
    """Return the name of a release in the usual dotted form."""
    folded = unicodedata.normalize("NFKD", title.replace("&", "and"))
    kept = "".join(character for character in folded if not unicodedata.combining(character))
    dotted = re.sub(r"[^\w]+", ".", kept).strip(".")
    return ".".join(part for part in (dotted, extra, quality.token) if part) + f"-{group}"


_PLOTS = (
    "In {place}, a {person} finds a {adjective} {thing} that everybody else has stopped looking for.",
    "A {person} and the {adjective} {thing} of {place}: one winter, two versions of what happened.",
    "The {thing} is gone, and the {person} who kept it comes home to {place} to say why.",
    "Nobody in {place} remembers the {adjective} {thing}, except a {person} who would rather forget.",
    "Three letters, a {adjective} {thing} and a {person} who answers none of them before {place} is out of sight.",
)
_PEOPLE = ("clockmaker", "detective", "ferry pilot", "lighthouse keeper", "tailor", "translator", "watchmaker", "widow")


def _overview(chance: random.Random) -> str:
    return chance.choice(_PLOTS).format(
        place=chance.choice(words.PLACES),
        person=chance.choice(_PEOPLE),
        adjective=chance.choice([each for each in words.ADJECTIVES if each[0] not in "AEIOU"]).lower(),
        thing=chance.choice(words.NOUNS).lower(),
    )


def _invented_names(chance: random.Random) -> Iterator[str]:
    """Yield names without end, each once."""
    seen: set[str] = set()
    forms = (
        lambda: f"The {chance.choice(words.ADJECTIVES)} {chance.choice(words.NOUNS)}",
        lambda: f"{chance.choice(words.ADJECTIVES)} {chance.choice(words.NOUNS)}",
        lambda: f"The {chance.choice(words.NOUNS)} of {chance.choice(words.PLACES)}",
        lambda: f"{chance.choice(words.NOUNS)} and {chance.choice(words.NOUNS)}",
        lambda: f"Return to {chance.choice(words.PLACES)}: The {chance.choice(words.NOUNS)}",
    )
    while True:
        name = chance.choice(forms)()
        if name not in seen:
            seen.add(name)
            yield name


def _fill_small(library: Library) -> None:
    """Add a dozen movies and six series, chosen so that every list and card has something to show."""
    now = library.now
    classics = {
        title: library.new_movie(title, year, language=language, genres=genres, runtime=minutes)
        for title, year, language, genres, minutes in words.CLASSICS
    }
    for title, quality, days in (
        ("Metropolis", q.BLURAY_1080P, 900),
        ("A Trip to the Moon", q.WEBDL_1080P, 400),
        ("Night of the Living Dead", q.REMUX_1080P, 3),
        ("Nosferatu", q.BLURAY_720P, 700),  # below the cutoff
        ("The General", q.DVD, 1200),  # below the cutoff
    ):
        library.add_movie(classics.pop(title), have=quality, days_ago=days)
    library.add_movie(classics.pop("His Girl Friday"), days_ago=30)  # missing
    unwatched = classics.pop("Häxan")
    unwatched.monitored = False
    library.add_movie(unwatched, days_ago=60)

    last_year = library.new_movie(
        "The Tin Astronomer", now.year - 1, genres=("Adventure", "Science Fiction"), runtime=124
    )
    last_year.profile_id = 5
    library.add_movie(last_year, have=q.WEBDL_2160P, days_ago=12)
    french = library.new_movie("Éclipse à Marseille", now.year - 3, language="French", genres=("Crime", "Drama"))
    french.profile_id = 6
    library.add_movie(french, have=q.WEBDL_1080P, days_ago=300)
    for title, cinema, home, added in (
        ("Salt and Signal", -95, -20, 120),  # out and missing
        ("Northbound Ferry", -60, 9, 45),  # comes out next week
        ("The Last Lighthouse Keeper", 160, 250, 20),  # announced
    ):
        movie = library.new_movie(title, (now + timedelta(days=cinema)).year, genres=("Drama", "Mystery"), runtime=111)
        movie.in_cinemas = _day(now, cinema)
        movie.digital_release = _day(now, home)
        movie.physical_release = _day(now, home + 45)
        library.add_movie(movie, days_ago=added)

    _fill_small_series(library)
    library.known_movies.extend(classics.values())
    names = _invented_names(library.random)
    library.known_movies.extend(library.invent_movie(next(names)) for _ in range(25))
    library.known_series.extend(library.invent_series(next(names)) for _ in range(15))


def _fill_small_series(library: Library) -> None:
    evening = library.now.replace(hour=20, minute=0, second=0)
    week = timedelta(days=7)
    library.add_series(
        library.new_series(
            "Harbour Lights",
            seasons=3,
            episodes=10,
            last_start=evening - week * 4 - timedelta(days=1),
            genres=("Crime", "Drama"),
        ),
        except_last=2,
    )
    library.add_series(
        library.new_series(
            "The Quiet Orbit", seasons=2, episodes=8, last_start=evening - timedelta(days=800), ended=True, runtime=52
        )
    )
    daily = library.new_series(
        "Evening Desk",
        seasons=1,
        episodes=40,
        last_start=evening - timedelta(days=30),
        every=timedelta(days=1),
        runtime=22,
        kind="daily",
        genres=("Comedy",),
    )
    daily.profile_id = 6
    library.add_series(daily, except_last=1)
    library.add_series(
        library.new_series(
            "Kaze no Tōdai",
            seasons=2,
            episodes=12,
            last_start=evening - week * 6,
            runtime=24,
            kind="anime",
            language="Japanese",
            genres=("Adventure", "Fantasy"),
        )
    )
    french = library.new_series(
        "Les Veilleurs",
        seasons=2,
        episodes=6,
        last_start=evening + timedelta(days=3),
        language="French",
        genres=("Mystery",),
    )
    french.profile_id = 6
    library.add_series(french)
    library.add_series(
        library.new_series(
            "Copper Valley", seasons=1, episodes=8, last_start=evening + timedelta(days=25), genres=("Western",)
        )
    )


def _day(now: datetime, days: int) -> datetime:
    return (now + timedelta(days=days)).replace(hour=0, minute=0, second=0)
