"""What others want, on the watchlist: shown of what *arrs look for, and brought from the requests of a Seerr."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from homeassistant.core import Context, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul import watching_others
from custom_components.sokoul.clients.seerr import SeerrClient
from custom_components.sokoul.connectors.seerr import INTERVAL
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.grab_hands import HubGrabHands
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.requests import MediaRequests, RequestFilter
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.services import Action
from custom_components.sokoul.watching import Watching
from custom_components.sokoul.watching_others import EVERY, REQUESTS_KEY
from custom_components.sokoul.watching_work import Work
from custom_components.sokoul.watchlist.errors import KeptByArr
from custom_components.sokoul.watchlist.items import ARR, SEERR, Wish, WishState
from custom_components.sokoul.watchlist.settings import WatchSettings
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.quality import BLURAY_1080P
from devstack.radarr import RadarrSimulator
from devstack.seerr import SeerrSimulator, Status
from devstack.sonarr import SonarrSimulator

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    RADARR_ID,
    SEERR_ID,
    SONARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    seerr_subentry,
    servarr_subentry,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")

ARRS = WatchSettings(auto=False, from_arrs=True)
REQUESTS = WatchSettings(auto=False, from_seerr=True)

type Turn = Callable[[WatchSettings], Awaitable[Watching]]


@pytest.fixture
async def entry(
    set_up: SetUp,
    pass_time: PassTime,  # from now on time stands still
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    seerr: SeerrSimulator,
) -> MockConfigEntry:
    return await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID), seerr_subentry(seerr))


@pytest.fixture
def turn(hass: HomeAssistant, entry: MockConfigEntry) -> Turn:
    async def turned(settings: WatchSettings) -> Watching:
        watching: Watching = entry.runtime_data.watching
        watching.change_settings(settings)
        await hass.async_block_till_done(wait_background_tasks=True)
        return watching

    return turned


def of_arrs(watching: Watching) -> list[Wish]:
    return [wish for wish in watching.wishes.values() if wish.asked_by == ARR]


# --- what *arrs look for ---------------------------------------------------------------------------------------------


async def test_what_the_arrs_look_for_is_shown(turn: Turn, radarr: RadarrSimulator, sonarr: SonarrSimulator) -> None:
    watching = await turn(ARRS)
    movies = {movie.title for movie in radarr.lists.missing()}
    episodes = {(each.series.title, each.season, each.number) for each in sonarr.episodes.missing() if each.season}
    shown = of_arrs(watching)
    assert {wish.meant.name for wish in shown if wish.meant and wish.is_movie} == movies != set()
    assert (
        {
            (wish.meant.name, part.season, part.episode)
            for wish in shown
            if wish.meant and not wish.is_movie
            for part in wish.parts
        }
        == episodes
        != set()
    )
    assert {wish.state for wish in shown} == {WishState.SEARCHING}
    assert all("watchlist.arr_looks" in {why.key for why in wish.why} for wish in shown)
    assert {wish.keeper.backend_id for wish in shown if wish.keeper} == {RADARR_ID, SONARR_ID}
    assert not [each.path for arr in (radarr, sonarr) for each in arr.requests if each.method != "GET"]
    assert not [each.path for arr in (radarr, sonarr) for each in arr.requests if each.path.endswith("/release")]
    with pytest.raises(KeptByArr):
        await watching.remove([shown[0].id])


async def test_it_is_not_shown_unasked(turn: Turn) -> None:
    watching = await turn(WatchSettings(auto=False))
    assert not watching.wishes
    await turn(ARRS)
    assert watching.wishes
    await turn(WatchSettings(auto=False))
    assert not watching.wishes


async def test_it_leaves_the_list_when_it_is_there_or_not_wanted(
    turn: Turn, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    first, second = [movie for movie in radarr.library.movies.values() if movie.file is not None][:2]
    for movie in (first, second):
        movie.file = None
    assert {first, second} <= set(radarr.lists.missing())
    watching = await turn(ARRS)
    named = {wish.text: wish for wish in of_arrs(watching)}
    labels = [f"{movie.title} ({movie.year})" for movie in (first, second)]
    assert set(labels) <= named.keys()
    first.monitored = False
    second.file = radarr.library.movie_file(second, BLURAY_1080P)
    await pass_time(EVERY)
    left = {wish.text: wish for wish in of_arrs(watching)}
    assert left.keys() == named.keys() - set(labels)
    # what did not change is the same as before
    assert {text: wish.asked_at for text, wish in left.items()} == {text: named[text].asked_at for text in left}


async def test_hundreds_are_told_of_at_once(turn: Turn, entry: MockConfigEntry) -> None:
    watching = entry.runtime_data.watching
    told: list[int] = []
    watching.add_listener(lambda: told.append(len(watching.wishes)))
    shown = of_arrs(await turn(ARRS))
    assert len(shown) > len(told)
    assert [each for each in told if each not in {0, len(shown)}] == []


async def test_what_did_not_change_is_not_written_again(turn: Turn, pass_time: PassTime) -> None:
    watching = await turn(ARRS)
    shown = of_arrs(watching)
    await pass_time(EVERY, 2)
    assert len(of_arrs(watching)) == len(shown)
    assert all(each is before for each, before in zip(of_arrs(watching), shown, strict=True))


async def test_an_arr_that_was_removed_takes_its_titles_along(
    hass: HomeAssistant, turn: Turn, entry: MockConfigEntry, pass_time: PassTime
) -> None:
    watching = await turn(ARRS)
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await pass_time(EVERY)
    assert {wish.keeper.backend_id for wish in of_arrs(watching) if wish.keeper} == {SONARR_ID}


async def test_an_arr_that_is_away_takes_nothing_from_the_list(
    turn: Turn, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    watching = await turn(ARRS)
    before = {wish.id for wish in of_arrs(watching)}
    radarr.fault(FaultKind.STATUS, "GET /api/v3/wanted/missing", status=500)
    await pass_time(EVERY)
    assert {wish.id for wish in of_arrs(watching)} == before


async def test_only_so_much_is_shown(
    hass: HomeAssistant,
    turn: Turn,
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching_others, "MOST", 1)
    watching = await turn(ARRS)
    assert len(of_arrs(watching)) == 2
    beyond = len(radarr.lists.missing()) + len(sonarr.episodes.missing()) - 2
    told = await hass.services.async_call(DOMAIN, Action.WATCHLIST_LIST, {}, blocking=True, return_response=True)
    assert told is not None
    assert (told["total"], told["more"]) == (2, beyond)
    await turn(WatchSettings(auto=False))
    assert watching.others.more == 0


async def test_what_a_person_asked_for_is_not_there_twice(
    hass: HomeAssistant, turn: Turn, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    watching = await turn(ARRS)
    movie = radarr.lists.missing()[0]
    wish = await watching.add(f"tmdb:{movie.tmdb_id}", kind=TitleKind.MOVIE, asked_by="mira", auto=False)
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(EVERY)
    found = [each for each in watching.wishes.values() if each.meant and each.meant.name == movie.title]
    assert [each.id for each in found] == [wish.id]


async def test_it_is_kept_over_a_restart(hass: HomeAssistant, turn: Turn, entry: MockConfigEntry) -> None:
    before = {wish.id for wish in of_arrs(await turn(ARRS))}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert {wish.id for wish in of_arrs(entry.runtime_data.watching)} == before


# --- requests --------------------------------------------------------------------------------------------------------


async def test_requests_that_were_approved_become_wishes(
    hass: HomeAssistant, turn: Turn, seerr: SeerrSimulator, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    movie, series = radarr.library.known_movies[0], sonarr.library.known_series[0]
    seasons = series.seasons[:2]
    film, show = seerr.ask_for(movie), seerr.ask_for(series, seasons=seasons)
    seerr.ask_for(radarr.library.known_movies[1])  # nobody approved it
    there = seerr.ask_for(radarr.library.known_movies[2])
    for request in (film, show, there):
        seerr.approve(request)
    seerr.finish(there)
    watching = await turn(REQUESTS)
    await hass.async_block_till_done(wait_background_tasks=True)
    found = {(wish.meant.name if wish.meant else wish.text, wish.season) for wish in watching.wishes.values()}
    assert found == {(movie.title, None), *((series.title, season) for season in seasons)}
    assert {wish.asked_by for wish in watching.wishes.values()} == {SEERR}
    told = await hass.services.async_call(
        DOMAIN, Action.WATCHLIST_LIST, {}, blocking=True, return_response=True, context=Context()
    )
    assert {each["asked_by"] for each in told["items"]} == {"Mira"}  # type: ignore[index,union-attr]


async def test_what_nobody_approved_stays_away_whatever_is_listed(
    turn: Turn, seerr: SeerrSimulator, radarr: RadarrSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved, declined, _ = (seerr.ask_for(movie) for movie in radarr.library.known_movies[:3])
    seerr.approve(approved)
    declined.status = Status.DECLINED
    requests = SeerrClient.requests

    async def all_of_them(client: SeerrClient, which: RequestFilter, *, limit: int) -> MediaRequests:
        assert which is RequestFilter.PROCESSING
        return await requests(client, RequestFilter.ALL, limit=limit)

    monkeypatch.setattr(SeerrClient, "requests", all_of_them)
    (wish,) = (await turn(REQUESTS)).wishes.values()
    assert wish.meant is not None
    assert wish.meant.name == radarr.library.known_movies[0].title


async def test_requests_come_as_soon_as_they_are_counted(
    turn: Turn, seerr: SeerrSimulator, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    watching = await turn(REQUESTS)
    request = seerr.ask_for(radarr.library.known_movies[0])
    await pass_time(INTERVAL)
    assert not watching.wishes
    seerr.approve(request)
    await pass_time(INTERVAL)
    assert len(watching.wishes) == 1


async def test_a_request_comes_once(
    hass: HomeAssistant,
    turn: Turn,
    entry: MockConfigEntry,
    seerr: SeerrSimulator,
    radarr: RadarrSimulator,
    pass_time: PassTime,
) -> None:
    seerr.approve(seerr.ask_for(radarr.library.known_movies[0]))
    watching = await turn(REQUESTS)
    (wish,) = watching.wishes.values()
    await watching.remove([wish.id])
    await pass_time(2 * EVERY)
    assert not watching.wishes
    assert await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(timedelta(minutes=1))
    assert not entry.runtime_data.watching.wishes
    seerr.approve(seerr.ask_for(radarr.library.known_movies[1]))
    await pass_time(EVERY)
    assert len(entry.runtime_data.watching.wishes) == 1


async def test_what_is_asked_for_in_4k_is_wanted_in_4k(
    turn: Turn, seerr: SeerrSimulator, radarr: RadarrSimulator
) -> None:
    seerr.approve(seerr.ask_for(radarr.library.known_movies[0], in_4k=True))
    seerr.approve(seerr.ask_for(radarr.library.known_movies[1]))
    wishes = (await turn(REQUESTS)).wishes.values()
    assert [wish.minimum for wish in wishes] == [Resolution.P2160, None]


async def test_catalogues_are_asked_about_one_request_after_the_other(
    turn: Turn, seerr: SeerrSimulator, radarr: RadarrSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for movie in radarr.library.known_movies[:4]:
        seerr.approve(seerr.ask_for(movie))
    most = now = 0
    identify = Work.identify

    async def counted(work: Work, wish: Wish) -> Wish | None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        try:
            return await identify(work, wish)
        finally:
            now -= 1

    monkeypatch.setattr(Work, "identify", counted)
    assert len((await turn(REQUESTS)).wishes) == 4
    assert most == 1


async def test_requests_that_are_done_with_are_forgotten(
    turn: Turn, entry: MockConfigEntry, seerr: SeerrSimulator, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    first, second = (seerr.ask_for(movie) for movie in radarr.library.known_movies[:2])
    for request in (first, second):
        seerr.approve(request)
    await turn(REQUESTS)
    memory = entry.runtime_data.memory
    assert memory.get(REQUESTS_KEY, {}) == {SEERR_ID: [first.id, second.id]}
    seerr.finish(first)
    await pass_time(EVERY)
    assert memory.get(REQUESTS_KEY, {}) == {SEERR_ID: [second.id]}


async def test_requests_are_not_read_unasked(
    turn: Turn, seerr: SeerrSimulator, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    seerr.approve(seerr.ask_for(radarr.library.known_movies[0]))
    watching = await turn(WatchSettings(auto=False))
    await pass_time(EVERY)
    assert not watching.wishes
    assert not [request for request in seerr.requests if request.path == "/api/v1/request"]


async def test_a_seerr_in_trouble_is_asked_again(
    turn: Turn, seerr: SeerrSimulator, radarr: RadarrSimulator, pass_time: PassTime, entry: MockConfigEntry
) -> None:
    seerr.approve(seerr.ask_for(radarr.library.known_movies[0]))
    seerr.fault(FaultKind.STATUS, "GET /api/v1/request", status=500)
    watching = await turn(REQUESTS)
    assert not watching.wishes
    seerr.clear_faults()
    await pass_time(EVERY)
    assert len(watching.wishes) == 1
    assert entry.runtime_data.backends[SEERR_ID].answering


async def test_what_somebody_asked_for_is_fetched(
    hass: HomeAssistant,
    set_up: SetUp,
    pass_time: PassTime,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    seerr: SeerrSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def pause(_: HubGrabHands) -> None:
        return

    monkeypatch.setattr(HubGrabHands, "pause", pause)
    dune = add_dune(radarr.library)
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID),
        servarr_subentry(prowlarr, PROWLARR_ID),
        qbittorrent_subentry(qbittorrent),
        seerr_subentry(seerr),
    )
    watching: Watching = entry.runtime_data.watching
    watching.change_settings(WatchSettings(auto=True, from_seerr=True))
    request = seerr.ask_for(dune.second)
    await pass_time(INTERVAL)
    assert not qbittorrent.torrents
    seerr.approve(request)
    await pass_time(INTERVAL)
    await pass_time(timedelta(minutes=1))
    (wish,) = watching.wishes.values()
    assert (wish.label, wish.asked_by, wish.state) == ("Dune: Part Two (2024)", SEERR, WishState.GRABBED)
    (torrent,) = qbittorrent.torrents.values()
    assert torrent.category == "radarr"
