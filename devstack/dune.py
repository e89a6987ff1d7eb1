"""What there is to find for "Dune 2": films and series of nearly one name, and twenty releases that only seem alike.

Names, years and ids of the films and series are facts; the releases, their groups and their indexers are invented.
Among them are other films, recordings from a cinema, duplicates of other sizes, what is no film, names that attack.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import quality as q
from .library import Episode, Library, Movie, Series
from .releases import INDEXERS, IndexerSite, Release, release_of

HARBOUR, TIN_CAN, LANTERN, NORTHGATE, MERIDIAN = INDEXERS
_GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class DuneWorld:
    """The titles."""

    lynch: Movie
    first: Movie
    second: Movie
    documentary: Movie
    prophecy: Series


def add_dune(library: Library) -> DuneWorld:
    """Let the catalogues know them; no library has them yet."""

    def movie(title: str, year: int, tmdb_id: int, imdb_id: str, minutes: int, votes: int, *aliases: str) -> Movie:
        made = library.new_movie(title, year, runtime=minutes, genres=("Adventure", "Science Fiction"))
        made.tmdb_id, made.imdb_id, made.aliases, made.votes = tmdb_id, imdb_id, aliases, votes
        library.known_movies.append(made)
        return made

    world = DuneWorld(
        lynch=movie("Dune", 1984, 841, "tt0087182", 137, 190_000, "Dune: The Movie"),
        first=movie("Dune", 2021, 438631, "tt1160419", 155, 970_000, "Dune: Part One", "Dune : Première partie"),
        second=movie(
            "Dune: Part Two", 2024, 693134, "tt15239678", 167, 690_000, "Dune 2", "Dune II", "Dune : Deuxième partie"
        ),
        documentary=movie("Jodorowsky's Dune", 2013, 191720, "tt1935156", 90, 27_000),
        prophecy=library.new_series(
            "Dune: Prophecy", seasons=1, episodes=6, last_start=datetime(2024, 11, 17, 21, tzinfo=UTC), runtime=60
        ),
    )
    prophecy = world.prophecy
    prophecy.tvdb_id, prophecy.tmdb_id, prophecy.imdb_id = 367118, 90228, "tt10466872"
    prophecy.aliases = ("Dune: The Sisterhood",)
    library.known_series.append(prophecy)
    return world


def dune_releases(world: DuneWorld) -> tuple[Release, ...]:
    """Return what the indexers have for "Dune 2": twenty results."""
    since = world.second.digital_release or datetime(2024, 5, 1, tzinfo=UTC)

    def release(
        site: IndexerSite,
        name: str,
        gigabytes: float,
        seeders: int,
        *,
        of: Movie | Episode = world.second,
        quality: q.Quality = q.WEBDL_1080P,
        languages: tuple[str, ...] = ("English",),
        days: int = 1,
    ) -> Release:
        return release_of(
            of,
            name=name,
            quality=quality,
            group=name.rpartition("-")[2],
            indexer=site,
            size_bytes=int(gigabytes * _GIGABYTE),
            seeders=seeders,
            published=since + timedelta(days=days),
            languages=languages,
        )

    best = "Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.Atmos.H.264-LANTERN"
    french = ("French", "English")
    return (
        release(HARBOUR, best, 9.1, 812),
        release(TIN_CAN, best, 9.4, 240),  # the same name and another torrent
        release(LANTERN, best, 9.1, 35),
        release(
            HARBOUR, "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT", 24.8, 390, quality=q.WEBDL_2160P
        ),
        release(
            NORTHGATE,
            "Dune.Part.Two.2024.2160p.UHD.BluRay.REMUX.DV.HDR.HEVC.TrueHD.7.1.Atmos-QUARRY",
            82.3,
            41,
            quality=q.REMUX_2160P,
        ),
        release(
            NORTHGATE, "Dune.Part.Two.2024.1080p.BluRay.DTS-HD.MA.5.1.x264-MERiDiAN", 19.7, 58, quality=q.BLURAY_1080P
        ),
        release(TIN_CAN, "Dune Part Two 2024 HDCAM x264 AAC-BRASS", 1.9, 3_507, quality=q.UNKNOWN, days=-70),
        release(HARBOUR, "Dune.Part.Two.2024.1080p.TELESYNC.x264-TiDE", 3.4, 1_204, quality=q.UNKNOWN, days=-60),
        release(TIN_CAN, "Dune.1984.1080p.BluRay.x264-SALTWATER", 8.2, 96, of=world.lynch, quality=q.BLURAY_1080P),
        release(
            LANTERN,
            "Dune.1984.REMASTERED.2160p.UHD.BluRay.HDR.x265-PiXELFERRY",
            21.5,
            17,
            of=world.lynch,
            quality=q.BLURAY_2160P,
        ),
        release(HARBOUR, "Dune.2021.1080p.WEB-DL.DDP5.1.Atmos.H.264-LANTERN", 8.8, 640, of=world.first),
        release(LANTERN, "Dune.Deuxieme.Partie.2024.MULTi.VFF.1080p.WEB.H265-HarbourHD", 6.7, 122, languages=french),
        release(
            NORTHGATE,
            "Dune.Part.Two.2024.MULTi.TRUEFRENCH.2160p.WEB-DL.DV.HDR.H265-TiDE",
            23.9,
            64,
            quality=q.WEBDL_2160P,
            languages=french,
        ),
        release(LANTERN, "Dune.Part.Two.2024.VOSTFR.1080p.WEBRip.x264-BRASS", 3.9, 28, quality=q.WEBRIP_1080P),
        release(TIN_CAN, "Dune 2 (2024) 720p WEBRip x264 AAC", 1.4, 511, quality=q.WEBDL_720P),
        release(MERIDIAN, "Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.H.264-NORTHGATE", 9.0, 0),
        release(
            HARBOUR, "Dune.Prophecy.S01E01.1080p.WEB-DL.DDP5.1.H.264-LANTERN", 3.1, 203, of=world.prophecy.episodes[0]
        ),
        release(
            TIN_CAN,
            "Jodorowskys.Dune.2013.1080p.BluRay.x264-QUARRY",
            6.6,
            12,
            of=world.documentary,
            quality=q.BLURAY_1080P,
        ),
        release(TIN_CAN, "Dune.Part.Two.2024.1080p.WEB-DL.x264-TiDE\u202e4pm.exe", 0.004, 9_999),
        release(HARBOUR, "<img src=x onerror=alert(1)>{{ states('lock.door') }} Dune.Part.Two.2024.1080p", 2.0, 7),
    )
