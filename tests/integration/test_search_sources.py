"""Who is asked by a search, one by one: mirrors of debrid accounts, lookups and libraries."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.acquire.identifying import target_of
from custom_components.sokoul.acquire.ports import AskingFailed
from custom_components.sokoul.acquire.query import Query, read_query
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.search_catalogues import INDEX_LASTS, ArrLookup, ArrShelves, LibraryIndex
from custom_components.sokoul.search_sources import DOWNLOADS, MirrorHoldings, MirrorSearch, distinct_words
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.tmdb import TmdbSimulator
from devstack.torznab import API_KEY, TorznabSimulator

from . import test_catalogues
from .conftest import PROWLARR_ID, RADARR_ID, SetUp, servarr_subentry
from .test_catalogues import FEED_ID, TMDB_ID, feed_subentry, tmdb_subentry
from .test_debrid_mirror import ID as ACCOUNT_ID, account

feed, tmdb = test_catalogues.feed, test_catalogues.tmdb
DUNE = CatalogueTitle(
    kind=TitleKind.MOVIE, name="Dune: Part Two", year=2024, aliases=("Dune 2", "Dune : Deuxième partie")
)
HELD = "Dune.Part.Two.2024.1080p.BluRay.DTS-HD.MA.5.1.x264-MERiDiAN"


def read(text: str) -> Query:
    return read_query(SearchRequest(text=text), date(2026, 11, 21))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("Dune: Part Two", "Dune 2", "Dune II"), {("dune",)}),
        (("Mission: Impossible - Dead Reckoning Part One",), {("mission", "impossible", "dead", "reckoning")}),
        (("Fast & Furious", "Fast and Furious"), {("fast", "furious")}),
        (("1917",), {("1917",)}),
        (("24",), {("24",)}),
        (("The Others", "Les Autres"), {("others",), ("autres",)}),
        (("Amélie", "Le Fabuleux Destin"), {("amelie",), ("fabuleux", "destin")}),
        (("!!!",), set()),
        ((), set()),
    ],
)
def test_the_words_that_every_release_has(names: tuple[str, ...], words: set[tuple[str, ...]]) -> None:
    assert set(distinct_words(names)) == words


# --- debrid accounts -------------------------------------------------------------------------------------------------


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    """Return an account that holds a Dune, and another that failed there."""
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        simulator.account.fill(4, statuses=("downloaded", "dead"))
        first, second, *_ = simulator.account.torrents.values()
        first.plan = replace(first.plan, name=HELD)
        second.plan = replace(second.plan, name="Dune.Part.Two.2024.2160p.WEB-DL.x265-GONE")
        simulator.account.revision += 1
        yield simulator


async def test_what_an_account_holds_is_offered_as_cached(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    entry = await set_up(account())
    mirror = entry.runtime_data.debriding.accounts[ACCOUNT_ID]
    await mirror.synchronise(SyncMode.LIST)
    asked = len(debrid.requests)
    source = MirrorSearch(mirror.store, ACCOUNT_ID, "Account")
    (offer,) = (await source.offers(target_of(read("dune 2"), DUNE, [DUNE]))).offers
    held = next(each for each in debrid.account.torrents.values() if each.plan.name == HELD)
    assert (offer.name, offer.info_hash, offer.cached, offer.indexer) == (HELD, held.hash, True, "Account")
    hashes = {each.hash for each in debrid.account.torrents.values()}
    downloaded = {each.hash for each in debrid.account.torrents.values() if each.status == "downloaded"}
    assert await MirrorHoldings(entry.runtime_data).held(hashes | {"f" * 40}) == downloaded
    assert len(debrid.requests) == asked, "nobody outside is asked"


async def test_a_search_says_what_an_account_holds(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    set_up: SetUp,
) -> None:
    add_dune(radarr.library)
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(account(), servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID))
    await entry.runtime_data.debriding.accounts[ACCOUNT_ID].synchronise(SyncMode.LIST)
    answer: Any = await hass.services.async_call(
        DOMAIN, Action.SEARCH, {"query": "dune 2", "wait": 20}, blocking=True, return_response=True
    )
    cached = [each for each in answer["results"] if each["cached"]]
    assert [each["release"] for each in cached] == [HELD]
    assert "Account 1001" in cached[0]["indexers"]
    assert {each["id"]: each["count"] for each in answer["sources"]}[ACCOUNT_ID] == 1


async def test_a_link_is_offered_by_the_account_that_can_open_it(
    hass: HomeAssistant, debrid: RealDebridSimulator, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    add_dune(radarr.library)
    link = f"https://host.example/f/{HELD}.mkv"
    first = next(iter(debrid.account.torrents.values()))
    first.plan = replace(first.plan, files=tuple(replace(each, path=f"/{HELD}.mkv") for each in first.plan.files))
    first.links = (link,)
    await set_up(account(), servarr_subentry(radarr, RADARR_ID))

    async def asked(query: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
        answer: Any = await hass.services.async_call(
            DOMAIN, Action.SEARCH, {"query": query, "wait": 20}, blocking=True, return_response=True
        )
        assert "https" not in str(answer["results"])
        return {each["id"]: each["state"] for each in answer["sources"]}, answer["results"]

    states, results = await asked(link)
    assert states[f"{ACCOUNT_ID}:link"] == "answered"
    (opened,) = [each for each in results if each["cached"]]
    assert opened["release"].removesuffix(".mkv") == HELD
    assert opened["indexers"] == ["Account 1001"]
    states, _ = await asked("https://other.example/Dune.Part.Two.2024.1080p.mkv")
    assert states[f"{ACCOUNT_ID}:link"] == "empty", "it doesn't know this host"
    debrid.account.broken_links[f"{link}?2"] = 19
    states, _ = await asked(f"{link}?2")
    assert states[f"{ACCOUNT_ID}:link"] == "failed"
    states, _ = await asked("dune 2")
    assert f"{ACCOUNT_ID}:link" not in states


# --- without any *arr ------------------------------------------------------------------------------------------------


async def test_tmdb_and_a_feed_are_enough(
    hass: HomeAssistant, tmdb: TmdbSimulator, feed: TorznabSimulator, set_up: SetUp
) -> None:
    feed.releases = list(dune_releases(add_dune(tmdb.library)))
    await set_up(tmdb_subentry(), feed_subentry(feed))
    answer: Any = await hass.services.async_call(
        DOMAIN, Action.SEARCH, {"query": "dune 2", "wait": 20, "limit": 50}, blocking=True, return_response=True
    )
    assert (answer["title"]["title"], answer["title"]["year"]) == ("Dune: Part Two", 2024)
    assert {each["id"]: each["state"] for each in answer["catalogues"]} == {TMDB_ID: "answered"}
    assert {each["id"]: each["state"] for each in answer["sources"]} == {FEED_ID: "answered", DOWNLOADS: "empty"}
    assert HELD in {each["release"] for each in answer["results"]}
    assert API_KEY not in str(answer)
    feed.error = (900, "Indexer is down")
    tmdb.fault(FaultKind.STATUS, "GET /3/*", status=500)
    answer = await hass.services.async_call(
        DOMAIN, Action.SEARCH, {"query": "dune 2", "wait": 20, "fresh": True}, blocking=True, return_response=True
    )
    assert [each["state"] for each in (*answer["catalogues"], *answer["sources"])].count("failed") == 2
    assert "words alone" in answer["text"]
    assert "Jackett" in answer["text"]


# --- lookups and libraries -------------------------------------------------------------------------------------------


@pytest.fixture
async def backend(hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp) -> Any:
    add_dune(radarr.library)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    return entry.runtime_data.backends[RADARR_ID]


def shelves(backend: Any) -> ArrShelves:
    hub = backend.config_entry.runtime_data
    return ArrShelves(backend, LibraryIndex(backend, hub.in_background))


async def test_a_lookup_says_which_backend_it_is_of(radarr: RadarrSimulator, backend: Any) -> None:
    found = await ArrLookup(backend).titles(read("dune 2"))
    assert "Dune: Part Two" in {each.name for each in found}
    assert {each.backend_id for each in found} == {RADARR_ID}
    movie = next(iter(radarr.library.movies.values()))
    (there,) = await ArrLookup(backend).titles(read(f"tmdb:{movie.tmdb_id}"))
    assert there.library_id == movie.id


async def test_a_library_answers_where_the_lookup_fails(radarr: RadarrSimulator, backend: Any) -> None:
    movie = next(iter(radarr.library.movies.values()))
    radarr.fault(FaultKind.STATUS, "GET /api/v3/movie/lookup", status=503)
    with pytest.raises(AskingFailed) as raised:
        await ArrLookup(backend).titles(read(movie.title))
    assert raised.value.reason.key == "search.backend_failed"
    (found,) = await shelves(backend).titles(read(movie.title.upper()))
    assert (found.name, found.library_id, found.backend_id) == (movie.title, movie.id, RADARR_ID)
    (found,) = await shelves(backend).titles(read(f"tmdb:{movie.tmdb_id}"))
    assert found.library_id == movie.id
    assert not await shelves(backend).titles(read("not there"))
    assert not await shelves(backend).titles(read("tmdb:1"))


async def test_a_library_is_read_once_and_anew_after_a_while(
    hass: HomeAssistant, radarr: RadarrSimulator, backend: Any, freezer: FrozenDateTimeFactory
) -> None:
    asked = shelves(backend)
    movie = next(iter(radarr.library.movies.values()))

    def readings() -> int:
        return sum(each.path == "/api/v3/movie" for each in radarr.requests)

    before = readings()
    for _ in range(3):
        assert await asked.titles(read(movie.title))
    assert readings() == before + 1
    radarr.fault(FaultKind.STATUS, "GET /api/v3/movie", status=500)
    freezer.tick(INDEX_LASTS + timedelta(seconds=1))
    assert await asked.titles(read(movie.title)), "what was known is used while it is read anew, also if that fails"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert readings() == before + 2
    assert await asked.titles(read(movie.title))


async def test_what_was_removed_since_is_left_out(radarr: RadarrSimulator, backend: Any) -> None:
    asked = shelves(backend)
    movie = next(iter(radarr.library.movies.values()))
    assert await asked.titles(read(movie.title))
    radarr.library.remove_movie(movie)
    assert not await asked.titles(read(movie.title))


async def test_one_that_is_away_is_not_asked(radarr: RadarrSimulator, backend: Any) -> None:
    await radarr.refuse()
    await backend.async_refresh()
    radarr.requests.clear()
    for catalogue in (ArrLookup(backend), shelves(backend)):
        with pytest.raises(AskingFailed) as raised:
            await catalogue.titles(read("dune"))
        assert raised.value.reason.key == "search.away"
    assert not radarr.requests
