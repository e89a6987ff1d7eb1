"""Indexers that know nothing but words are asked for those that names of releases have."""

from dataclasses import dataclass

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.services import Action
from devstack.library import Movie
from devstack.prowlarr import ProwlarrSimulator
from devstack.releases import INDEXERS, release_of
from devstack.tmdb import TmdbSimulator
from devstack.torznab import TorznabSimulator

from . import test_catalogues, test_watching_series
from .conftest import PROWLARR_ID, SetUp, servarr_subentry
from .healing import act
from .test_catalogues import feed_subentry, tmdb_subentry

feed, tmdb = test_catalogues.feed, test_watching_series.tmdb


@dataclass
class Scene:
    """TMDB, which knows what is added, and a Prowlarr whose indexers know nothing but the words of names."""

    hass: HomeAssistant
    prowlarr: ProwlarrSimulator
    tmdb: TmdbSimulator

    def movie(self, title: str, year: int) -> Movie:
        movie = self.tmdb.library.new_movie(title, year)
        self.tmdb.library.known_movies.append(movie)
        return movie

    def offer(self, movie: Movie, *names: str) -> None:
        self.prowlarr.searches.offers += [release_of(movie, name=name, size_bytes=2**31) for name in names]

    async def found(self, query: str) -> list[str]:
        """Return all that is found, whether it may be taken or not."""
        answer = await act(self.hass, Action.SEARCH, query=query, wait=20, refused=True, limit=50)
        return sorted(each["release"] for each in answer["results"])

    def asked(self) -> list[str]:
        searches = (dict(each.query) for each in self.prowlarr.requests if each.path == "/api/v1/search")
        return [each["query"] for each in searches if "query" in each]


@pytest.fixture
def language(hass: HomeAssistant) -> str:
    """Return the language of Home Assistant."""
    return hass.config.language


@pytest.fixture
async def scene(
    hass: HomeAssistant, language: str, prowlarr: ProwlarrSimulator, tmdb: TmdbSimulator, set_up: SetUp
) -> Scene:
    hass.config.language = language
    prowlarr.searches.by_words = {site.id for site in INDEXERS}
    await set_up(servarr_subentry(prowlarr, PROWLARR_ID), tmdb_subentry())
    return Scene(hass, prowlarr, tmdb)


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Ocean's Eleven", ["Oceans.Eleven.2001.1080p.BluRay.x264-GRP", "Ocean's Eleven (2001) [1080p] [YTS.MX]"]),
        ("La Marche de l'empereur", ["La.Marche.de.L.Empereur.2001.FRENCH.1080p.WEB.H264-GRP"]),
        ("Le Fabuleux Destin d'Amélie", ["Le.Fabuleux.Destin.d.Amelie.2001.FRENCH.1080p.WEB.H264-GRP"]),
        (
            "Fast & Furious",
            ["Fast.and.Furious.2001.1080p.BluRay.x264-GRP", "Fast & Furious 2001 1080p BluRay x264-GRP"],
        ),
        ("Spider-Man: No Way Home", ["Spider-Man.No.Way.Home.2001.1080p.BluRay.x264-GRP"]),
        ("S.W.A.T.", ["S.W.A.T.2001.1080p.BluRay.x264-GRP", "SWAT.2001.1080p.BluRay.x264-GRP"]),
    ],
)
async def test_names_with_signs_and_accents(scene: Scene, title: str, names: list[str]) -> None:
    scene.offer(scene.movie(title, 2001), *names, "Another.Film.2001.1080p.BluRay.x264-GRP")
    assert await scene.found(title) == sorted(names)


async def test_a_name_that_is_written_in_one_way_is_one_question(scene: Scene) -> None:
    scene.movie("Amélie: Le Destin", 2001)
    await scene.found("amelie le destin")
    (asked,) = scene.asked()
    assert asked.partition(" {")[0] == "Amelie Le Destin"


async def test_a_film_of_one_word_is_asked_for_with_its_year(scene: Scene) -> None:
    movie, name = scene.movie("It", 2017), "It.2017.1080p.BluRay.x264-GRP"
    scene.offer(movie, *(f"As.It.Is.{year}.1080p.BluRay.x264-GRP" for year in range(1980, 2016)), name)
    assert await scene.found("it 2017") == [name]


@pytest.mark.parametrize("language", ["fr"])
async def test_a_french_home_asks_by_the_english_name_too(scene: Scene) -> None:
    movie = scene.movie("Spirited Away", 2001)
    movie.original_title, movie.language = "千と千尋の神隠し", "Japanese"
    scene.tmdb.names[movie.tmdb_id] = {"fr": "Le Voyage de Chihiro"}
    names = ["Le.Voyage.de.Chihiro.2001.MULTi.1080p.WEB.H264-GRP", "Spirited.Away.2001.1080p.BluRay.x264-GRP"]
    scene.offer(movie, *names)
    assert await scene.found("spirited away") == names
    asked = [each.partition(" {")[0] for each in scene.asked()]
    assert asked == ["Le Voyage de Chihiro", "Spirited Away 2001", "千と千尋の神隠し 2001"]


@pytest.mark.parametrize("parameters", ["q,year", "q"])
async def test_a_feed_is_asked_so_too(
    hass: HomeAssistant, feed: TorznabSimulator, tmdb: TmdbSimulator, set_up: SetUp, parameters: str
) -> None:
    feed.movie_parameters = parameters
    await set_up(feed_subentry(feed), tmdb_subentry())
    scene = Scene(hass, ProwlarrSimulator(), tmdb)
    movie = scene.movie("L'Été à deux", 2017)
    names = ["L.Ete.a.Deux.2017.FRENCH.1080p.WEB.H264-GRP", "L.Ete.a.Deux.1987.FRENCH.1080p.WEB.H264-GRP"]
    feed.releases = [release_of(movie, name=name, size_bytes=2**31) for name in names]
    assert await scene.found("l'été à deux 2017") == names[:1]
