"""What is called "Open Season 2" is a film, and may be the second season of a series: a person says which."""

from datetime import timedelta

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.clients import tmdb as api
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.services import Action
from custom_components.sokoul.watchlist.items import WishState
from devstack.clock import ManualClock
from devstack.library import Library
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator
from devstack.tmdb import TmdbSimulator

from .conftest import RADARR_ID, SONARR_ID, SetUp, servarr_subentry
from .healing import act
from .test_catalogues import tmdb_subentry


def add_film(library: Library) -> None:
    film = library.new_movie("Open Season 2", 2008)
    film.tmdb_id, film.imdb_id = 13179, "tt1107365"
    library.known_movies.append(film)


def add_series(library: Library, clock: ManualClock) -> None:
    series = library.new_series("Open", seasons=2, episodes=4, last_start=clock.now() - timedelta(days=90), runtime=30)
    series.tvdb_id, series.tmdb_id, series.imdb_id = 371111, 91111, "tt9911111"
    library.known_series.append(series)


@pytest.fixture
async def hub(radarr: RadarrSimulator, sonarr: SonarrSimulator, clock: ManualClock, set_up: SetUp) -> Hub:
    """Connect who knows films, and who knows series."""
    add_film(radarr.library)
    add_series(sonarr.library, clock)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    hub: Hub = entry.runtime_data
    return hub


@pytest.mark.usefixtures("hub")
async def test_a_search_offers_both_and_each_can_be_asked_for(hass: HomeAssistant) -> None:
    answer = await act(hass, Action.SEARCH, query="Open Season 2", wait=20)
    assert answer["title"] is None
    film, series = answer["choices"]
    assert (film["title"], film["kind"], film["query"]) == ("Open Season 2", "movie", "tmdb:13179")
    assert (series["title"], series["kind"]) == ("Open", "series")
    assert series["query"].endswith(" S02")
    for choice in (film, series):
        again = await act(hass, Action.SEARCH, query=choice["query"], wait=20)
        assert (again["title"]["title"], again["choices"]) == (choice["title"], [])


@pytest.mark.usefixtures("hub")
async def test_a_search_for_the_season_alone_is_another(hass: HomeAssistant) -> None:
    assert (await act(hass, Action.SEARCH, query="Open Season 2", wait=20))["title"] is None
    assert (await act(hass, Action.SEARCH, query="Open S2", wait=20))["title"]["title"] == "Open"
    assert (await act(hass, Action.SEARCH, query="Open Season 2", wait=20, kind="movie"))["title"]["kind"] == "movie"


@pytest.mark.parametrize(("number", "name", "season"), [(1, "Open Season 2", None), (2, "Open", 2)])
async def test_a_wish_is_asked_back(hass: HomeAssistant, hub: Hub, number: int, name: str, season: int | None) -> None:
    wish = await hub.watching.add("Open Season 2")
    await hass.async_block_till_done(wait_background_tasks=True)
    wish = hub.watching.wishes[wish.id]
    assert wish.state is WishState.UNCLEAR
    await hub.watching.choose(wish.id, number)
    await hass.async_block_till_done(wait_background_tasks=True)
    wish = hub.watching.wishes[wish.id]
    assert wish.meant is not None
    assert (wish.meant.name, wish.season) == (name, season)


async def test_tmdb_knows_both(
    hass: HomeAssistant, clock: ManualClock, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TmdbSimulator(clock=clock) as tmdb:
        monkeypatch.setattr(api, "BASE_URL", tmdb.url)
        add_film(tmdb.library)
        add_series(tmdb.library, clock)
        await set_up(tmdb_subentry())
        choices = (await act(hass, Action.SEARCH, query="Open Season 2", wait=20))["choices"]
        assert [each["title"] for each in choices] == ["Open Season 2", "Open"]
