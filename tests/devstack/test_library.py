"""The library of the demo: the same one every time, with something in every state, and posters for it."""

from datetime import UTC, datetime, timedelta
import io

from PIL import Image, ImageStat
import pytest

from devstack.library import Episode, Library, Movie, plain, release_name, safe
from devstack.posters import HEIGHT, WIDTH, poster
from devstack.quality import BLURAY_1080P, QUALITIES, WEBDL_1080P, QualityProfile, standard_profiles
from devstack.releases import INDEXERS, episode_releases, movie_releases, season_releases

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.small(NOW)


def movie(library: Library, title: str) -> Movie:
    return next(each for each in library.all_movies() if each.title == title)


def described(library: Library) -> list[object]:
    movies = [(each.title, each.year, each.tmdb_id, each.path, each.file) for each in library.all_movies()]
    episodes = [(each.series.title, each.season, each.number, each.title, each.airs) for each in library.episodes()]
    return [*movies, *episodes]


def test_it_is_the_same_every_time(library: Library) -> None:
    assert described(Library.small(NOW)) == described(library)
    assert described(Library.small(NOW, seed=2)) != described(library)


def test_small_has_something_in_every_state(library: Library) -> None:
    movies = library.movies.values()
    assert (len(movies), len(library.series)) == (12, 6)
    assert {each.status(NOW) for each in movies} == {"released", "inCinemas", "announced"}
    assert {each.status(NOW) for each in library.series.values()} == {"continuing", "ended", "upcoming"}
    assert {each.kind for each in library.series.values()} == {"standard", "daily", "anime"}
    missing = [each.title for each in movies if each.monitored and not each.file and each.available(NOW)]
    assert missing == ["His Girl Friday", "Salt and Signal"]
    below = {each.title for each in movies if each.file and _profile(library, each).cutoff_unmet(each.file.quality)}
    assert {"Nosferatu", "The General"} <= below
    assert any(not each.monitored for each in movies)


def _profile(library: Library, one: Movie | Episode) -> QualityProfile:
    return library.profiles[one.profile_id if isinstance(one, Movie) else one.series.profile_id]


def test_something_airs_around_now(library: Library) -> None:
    days = {(each.airs - NOW).days for each in library.episodes() if each.airs}
    assert {-1, 0, 2, 6} <= days
    aired = [each for each in library.episodes() if each.file]
    assert aired
    assert all(each.aired(NOW) for each in aired)


def test_ids_are_unique(library: Library) -> None:
    everything = [each.tmdb_id for each in library.all_movies()] + [each.tvdb_id for each in library.all_series()]
    assert len(set(everything)) == len(everything)
    files = [each.file.id for each in library.movies.values() if each.file]
    files += [each.file.id for each in library.episodes() if each.file]
    assert len(set(files)) == len(files)


def test_files_are_where_they_belong(library: Library) -> None:
    metropolis = movie(library, "Metropolis")
    assert metropolis.path == "/data/media/movies/Metropolis (1927)"
    assert metropolis.file is not None
    assert metropolis.file.relative_path.startswith("Metropolis (1927) [Bluray-1080p]-")
    typical = BLURAY_1080P.size_bytes(metropolis.runtime)
    assert 0.8 * typical <= metropolis.file.size_bytes <= 1.25 * typical
    anime = next(each for each in library.series.values() if each.kind == "anime")
    assert anime.path == "/data/media/anime/Kaze no Tōdai"
    assert [episode.absolute for episode in anime.episodes] == list(range(1, 25))
    (first, *_) = anime.episodes
    assert first.file is not None
    assert first.file.relative_path.startswith("Season 01/Kaze no Tōdai - S01E01 - ")


def test_a_title_comes_and_goes() -> None:
    library = Library.small(NOW)
    known = movie(library, "Charade")
    assert known.id == 0
    library.add_movie(known, have=WEBDL_1080P)
    assert library.movies[known.id] is known
    assert known not in library.known_movies
    library.remove_movie(known)
    assert (known.id, known.file, known in library.known_movies) == (0, None, True)
    series = library.series[2]
    episode = series.episodes[0]
    assert library.episode(episode.id) is episode
    library.remove_series(series)
    assert library.episode(episode.id) is None
    assert 2 not in library.series


def test_large_is_as_large_as_it_says() -> None:
    library = Library.large(NOW, movies=300, series=20)
    assert (len(library.movies), len(library.series)) == (300, 20)
    titles = [each.title for each in library.movies.values()]
    assert len(set(titles)) == 300
    owned = sum(each.file is not None for each in library.movies.values())
    assert 0.85 < owned / 300 < 0.99


@pytest.mark.parametrize(
    ("kept", "folder", "compared"),
    [
        ("Safety Last!", "Safety Last!", "safetylast"),
        ("Return to Oslo: The Hour", "Return to Oslo The Hour", "returntooslothehour"),
        ("Éclipse à Marseille", "Éclipse à Marseille", "eclipseamarseille"),
        ("Salt & Signal", "Salt & Signal", "saltandsignal"),
        ("a/b\\c?.", "abc", "abc"),
    ],
)
def test_names(kept: str, folder: str, compared: str) -> None:
    assert safe(kept) == folder
    assert plain(kept) == compared


def test_release_names_are_the_usual_ones() -> None:
    name = release_name("Éclipse à Marseille 2023", WEBDL_1080P, "TiDE", extra="MULTi.VFF")
    assert name == "Eclipse.a.Marseille.2023.MULTi.VFF.1080p.WEB-DL.DDP5.1.H.264-TiDE"


# --- qualities and releases ------------------------------------------------------------------------------------------


def test_qualities_are_numbered_as_the_applications_do() -> None:
    for numbers in ([each.id for each in QUALITIES], [each.sonarr()["id"] for each in QUALITIES]):
        assert len(set(numbers)) == len(QUALITIES)
    remux = next(each for each in QUALITIES if each.name == "Remux-2160p")
    assert (remux.radarr()["id"], remux.radarr()["modifier"]) == (31, "remux")
    assert remux.sonarr() == {"id": 21, "name": "Bluray-2160p Remux", "source": "blurayRaw", "resolution": 2160}


def test_a_cutoff_counts_only_where_upgrades_are_allowed() -> None:
    profiles = standard_profiles()
    worst = QUALITIES[1]
    assert profiles[4].cutoff_unmet(worst)
    assert not profiles[4].cutoff_unmet(profiles[4].cutoff)
    assert not profiles[1].cutoff_unmet(worst)
    assert profiles[1].allows(worst)
    assert not profiles[4].allows(worst)


def test_releases_stay_and_new_ones_come(library: Library) -> None:
    coming = movie(library, "Northbound Ferry")
    assert list(movie_releases(coming, NOW)) == []
    later = list(movie_releases(coming, NOW + timedelta(days=14)))
    much_later = list(movie_releases(coming, NOW + timedelta(days=60)))
    assert later
    assert [each for each in much_later if each in later] == later
    assert len(much_later) > len(later)
    assert all(each.published <= NOW + timedelta(days=14) for each in later)


def test_releases_are_good_and_bad(library: Library) -> None:
    found = [release for each in library.movies.values() for release in movie_releases(each, NOW)]
    assert {each.indexer for each in found} == set(INDEXERS)
    assert len({each.guid for each in found}) > 0.95 * len(found)
    assert any(each.seeders == 0 for each in found)
    assert any(each.score < 0 for each in found)
    assert any(each.freeleech for each in found)
    assert all((each.seeders is None) == (each.indexer.protocol == "usenet") for each in found)
    assert all(len(each.info_hash) == 40 and each.info_hash.lower() in each.magnet for each in found)


def test_packs_come_when_a_season_is_over(library: Library) -> None:
    harbour = library.series[1]
    assert list(season_releases(harbour, 3, NOW)) == []
    packs = list(season_releases(harbour, 1, NOW))
    assert packs
    assert all(pack.full_season and len(pack.episodes) == 10 for pack in packs)
    single = [each for each in episode_releases(harbour.season(1)[0], NOW) if not each.full_season]
    assert single
    assert all(".S01E01." in each.title for each in single)


# --- posters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["Metropolis", "Éclipse à Marseille", "Return to Valparaiso: The Observatory"])
def test_a_poster_is_a_picture(title: str) -> None:
    picture = Image.open(io.BytesIO(poster(title, 1927)))
    assert (picture.format, picture.size) == ("JPEG", (WIDTH, HEIGHT))
    assert (WIDTH, HEIGHT) == (300, 450)
    assert max(ImageStat.Stat(picture).stddev) > 20  # there is something on it
    letters = picture.convert("L").crop((0, 300, WIDTH, HEIGHT))
    assert max(letters.tobytes()) > 200  # the title is bright on a dark ground


def test_posters_differ_and_stay() -> None:
    assert poster("Metropolis", 1927) != poster("Nosferatu", 1922)
    kept = poster("Metropolis", 1927)
    poster.cache_clear()
    assert poster("Metropolis", 1927) == kept
