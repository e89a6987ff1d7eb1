"""What the imitated indexers have: for every title the same releases, good, bad and rejected ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import hashlib
import random

from . import quality as q, titles as words
from .download_client import info_hash
from .library import Episode, Movie, Series, Wanted, release_name
from .quality import Quality
from .torrents import magnet_link


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexerSite:
    """An indexer, as Prowlarr manages it and the *arr use it."""

    id: int
    name: str
    privacy: str  # "public", "semiPrivate" or "private"
    protocol: str = "torrent"  # or "usenet"

    @property
    def synced_name(self) -> str:
        """How it is called in the *arr that a Prowlarr feeds with it."""
        return f"{self.name} (Prowlarr)"


INDEXERS = (
    IndexerSite(id=1, name="Open Harbour", privacy="public"),
    IndexerSite(id=2, name="Tin Can Torrents", privacy="public"),
    IndexerSite(id=3, name="Lantern Vault", privacy="semiPrivate"),
    IndexerSite(id=4, name="NorthgateHD", privacy="private"),
    IndexerSite(id=5, name="Meridian NZB", privacy="private", protocol="usenet"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release on an indexer. `movie` or `episodes` say what it really is; its name may say something else."""

    guid: str
    title: str
    indexer: IndexerSite
    quality: Quality
    group: str
    size_bytes: int
    published: datetime
    seeders: int | None
    leechers: int | None
    languages: tuple[str, ...]
    score: int = 0  # custom format score
    movie: Movie | None = None
    episodes: tuple[Episode, ...] = ()
    full_season: bool = False
    freeleech: bool = False
    objections: tuple[str, ...] = ()  # what is said against it beyond the usual
    torrent: bytes | str | None = None  # the torrent file or magnet link behind it, where there is a real one

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """What it holds."""
        return (self.movie,) if self.movie is not None else self.episodes

    @property
    def info_hash(self) -> str:
        """The info hash that stands for it, upper case: that of the torrent behind it where there is one."""
        if self.torrent is not None:
            return info_hash(self.torrent)
        return hashlib.sha1(self.guid.encode(), usedforsecurity=False).hexdigest().upper()

    @property
    def told_hash(self) -> str | None:
        """The info hash as far as its indexer tells it before the grab: public ones do."""
        return self.info_hash if self.indexer.privacy == "public" and self.indexer.protocol == "torrent" else None

    @property
    def magnet(self) -> str:
        """A magnet link with that hash."""
        if isinstance(self.torrent, str):
            return self.torrent
        return magnet_link(self.info_hash.lower(), self.title)

    def age(self, now: datetime) -> timedelta:
        """Return how long it has been there."""
        return max(now - self.published, timedelta())


_SCORES = {"LANTERN": 60, "MERiDiAN": 40, "NORTHGATE": 25, "QUARRY": -20, "BRASS": -10_000}
_OLDEST = datetime(2022, 1, 1, tzinfo=UTC)  # when these indexers opened


def _make(
    chance: random.Random,
    name: str,
    minutes: int,
    quality: Quality,
    *,
    since: datetime,
    spread: timedelta,
    language: str,
) -> Release:
    """Make a release that came out some time after `since`: typically `spread` later."""
    site = chance.choice(INDEXERS)
    group = chance.choice(words.GROUPS)
    extra = chance.choices(("", "PROPER", "REPACK", "MULTi.VFF"), (80, 6, 6, 8))[0]
    title = release_name(name, quality, group, extra=extra)
    torrent = site.protocol == "torrent"
    return Release(
        guid=f"https://{site.name.lower().replace(' ', '')}.example/details/{hash_of(title + site.name):x}",
        title=title,
        indexer=site,
        quality=quality,
        group=group,
        size_bytes=int(quality.size_bytes(minutes) * chance.uniform(0.7, 1.3)),
        published=(max(since, _OLDEST) + spread * chance.expovariate(1)).replace(microsecond=0),
        seeders=int(chance.lognormvariate(2.2, 1.6)) if torrent else None,
        leechers=chance.randint(0, 30) if torrent else None,
        languages=("French", language) if "VFF" in extra and language != "French" else (language,),
        score=_SCORES.get(group, 0) + (5 if extra in {"PROPER", "REPACK"} else 0),
        freeleech=torrent and chance.randint(1, 8) == 1,
    )


def release_of(
    *titles: Movie | Episode,
    name: str | None = None,
    quality: Quality = q.WEBDL_1080P,
    group: str = "LANTERN",
    indexer: IndexerSite = INDEXERS[0],
    size_bytes: int = 4 * 2**30,
    seeders: int | None = 40,
    published: datetime = _OLDEST,
    languages: tuple[str, ...] = ("English",),
    score: int = 0,
    full_season: bool | None = None,
    objections: tuple[str, ...] = (),
    torrent: bytes | str | None = None,
) -> Release:
    """Make a release by hand: of a movie, an episode, or several episodes (a pack, unless told otherwise).

    Without titles it needs a name, and nobody will know what it is.
    """
    match titles:
        case (Movie() as movie,):
            wanted = f"{movie.title} {movie.year}"
        case (Episode() as first, *rest):
            wanted = f"{first.series.title} S{first.season:02}" + ("" if rest else f"E{first.number:02}")
        case _:
            wanted = ""
    name = name or release_name(wanted, quality, group)
    is_torrent = indexer.protocol == "torrent"
    return Release(
        guid=f"https://{indexer.name.lower().replace(' ', '')}.example/details/{hash_of(name + indexer.name):x}",
        title=name,
        indexer=indexer,
        quality=quality,
        group=group,
        size_bytes=size_bytes,
        published=published,
        seeders=seeders if is_torrent else None,
        leechers=3 if is_torrent else None,
        languages=languages,
        score=score,
        movie=next((one for one in titles if isinstance(one, Movie)), None),
        episodes=tuple(one for one in titles if isinstance(one, Episode)),
        full_season=len(titles) > 1 if full_season is None else full_season,
        objections=objections,
        torrent=torrent,
    )


def _choose(chance: random.Random, qualities: tuple[Quality, ...]) -> Quality:
    """Choose a quality; full HD is what most releases have."""
    return chance.choices(qualities, [4 if quality.resolution == q.FULL_HD else 1 for quality in qualities])[0]


def hash_of(text: str) -> int:
    """Return a number that stands for a text, the same in every process."""
    return int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest()[:8])


def movie_releases(movie: Movie, now: datetime) -> Iterator[Release]:
    """Yield the releases of a movie that are out by now."""
    since = movie.digital_release or movie.in_cinemas
    if since is None:
        return
    chance = random.Random(hash_of(f"movie {movie.tmdb_id}"))
    for _ in range(chance.randint(10, 20)):
        release = _make(
            chance,
            f"{movie.title} {movie.year}",
            movie.runtime,
            _choose(chance, q.QUALITIES[1:]),
            since=since,
            spread=timedelta(days=5),
            language=movie.language,
        )
        if release.published <= now:
            yield replace(release, movie=movie)


_SERIES_QUALITIES = (
    q.SDTV,
    q.HDTV_720P,
    q.WEBDL_720P,
    q.HDTV_1080P,
    q.WEBRIP_1080P,
    q.WEBDL_1080P,
    q.BLURAY_1080P,
    q.WEBDL_2160P,
)


def episode_releases(episode: Episode, now: datetime) -> Iterator[Release]:
    """Yield the releases that hold an episode and are out by now: of it alone, and packs of its season."""
    series = episode.series
    if episode.airs is None:
        return
    chance = random.Random(hash_of(f"episode {episode.tvdb_id}"))
    for _ in range(chance.randint(6, 12)):
        release = _make(
            chance,
            f"{series.title} S{episode.season:02}E{episode.number:02}",
            series.runtime,
            _choose(chance, _SERIES_QUALITIES),
            since=episode.airs,
            spread=timedelta(hours=5),
            language=series.language,
        )
        if release.published <= now:
            yield replace(release, episodes=(episode,))
    yield from season_releases(series, episode.season, now)


def season_releases(series: Series, season: int, now: datetime) -> Iterator[Release]:
    """Yield the packs of a season that are out by now: the first ones come with its last episode."""
    episodes = tuple(series.season(season))
    end = max((episode.airs for episode in episodes if episode.airs is not None), default=None)
    if end is None:
        return
    chance = random.Random(hash_of(f"season {series.tvdb_id} {season}"))
    for _ in range(chance.randint(4, 8)):
        release = _make(
            chance,
            f"{series.title} S{season:02}",
            series.runtime * len(episodes),
            _choose(chance, _SERIES_QUALITIES),
            since=end,
            spread=timedelta(days=2),
            language=series.language,
        )
        if release.published <= now:
            yield replace(release, episodes=episodes, full_season=True)
