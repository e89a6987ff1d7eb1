"""Who is asked by a search, one by one: mirrors of debrid accounts, lookups and libraries."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul import search_sources
from custom_components.sokoul.acquire.asking import questions
from custom_components.sokoul.acquire.identifying import target_of
from custom_components.sokoul.acquire.ports import AskingFailed, Target
from custom_components.sokoul.acquire.query import Query, read_query
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import Offer, Offers
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.search_catalogues import INDEX_LASTS, ArrLookup, ArrShelves, LibraryIndex
from custom_components.sokoul.search_sources import (
    DOWNLOADS,
    ArrSearch,
    FeedSearch,
    IndexerSearch,
    MirrorHoldings,
    MirrorSearch,
    _fitting,
    can_search,
    distinct_words,
)
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.library import Series
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.sonarr import SonarrSimulator
from devstack.tmdb import TmdbSimulator
from devstack.torznab import API_KEY, TorznabSimulator

from . import test_catalogues
from .conftest import PROWLARR_ID, RADARR_ID, SONARR_ID, SetUp, servarr_subentry
from .test_catalogues import FEED_ID, TMDB_ID, feed_subentry, tmdb_subentry
from .test_debrid_mirror import ID as ACCOUNT_ID, account

feed, tmdb = test_catalogues.feed, test_catalogues.tmdb
DUNE = CatalogueTitle(
    kind=TitleKind.MOVIE, name="Dune: Part Two", year=2024, aliases=("Dune 2", "Dune : Deuxième partie")
)
#: How indexers are asked for it.
NAMED, IN_FRENCH = "Dune Part Two", "Dune Deuxieme partie"
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
        (("L'Amour ouf",), {("amour", "ouf")}),
        (("Ocean\u2019s Eleven",), {("ocean",)}),
        (("Nine",), {("nine",)}),
        (("Marvel's Agents of S.H.I.E.L.D.",), {("marvel", "agents", "of")}),
        (("S.W.A.T.",), {("swat",), ("s w a t",)}),
        (("M",), {("m",)}),
        (("Das Mädchen",), {("das", "madchen"), ("das", "maedchen")}),
        (("Der große Fürst",), {("der", "grosse", "furst"), ("der", "grosse", "fuerst")}),
        (("Große Straße",), {("grosse", "strasse")}),
        (("Das Mädchen", "Das Maedchen"), {("das", "madchen"), ("das", "maedchen")}),
        (
            ("Dune", "Silo", "Öl", "Über", "Last"),
            {("dune",), ("silo",), ("ol",), ("uber",), ("oel",), ("ueber",)},
        ),
        (("!!!",), set()),
        ((), set()),
    ],
)
def test_the_words_that_every_release_has(names: tuple[str, ...], words: set[tuple[str, ...]]) -> None:
    assert set(distinct_words(names)) == words


@pytest.mark.parametrize(
    ("title", "release"),
    [
        ("L'Amour ouf", "L.Amour.Ouf.2024.FRENCH.1080p.WEB.H264-GRP"),
        ("L'Amour ouf", "Lamour.Ouf.2024.FRENCH.1080p.WEB.H264-GRP"),
        ("The Handmaid's Tale", "The.Handmaid.s.Tale.S01E01.1080p.WEB.H264-GRP"),
        ("The Handmaid's Tale", "The_Handmaids_Tale_S01E01"),
        ("S.W.A.T.", "S.W.A.T.2017.S01E01.1080p.WEB.H264-GRP"),
        ("S.W.A.T.", "SWAT.S01E01.1080p.WEB.H264-GRP"),
        ("Ocean's Eleven", "Oceans.11.2001.1080p.BluRay.x264-GRP"),
        ("Spider-Man: No Way Home", "Spiderman.No.Way.Home.2021.1080p.WEB-GRP"),
        ("Über uns das All", "Ueber.uns.das.All.2011.German.1080p.WEB-GRP"),
        ("Über uns das All", "Uber.uns.das.All.2011.German.1080p.WEB-GRP"),
        ("Über uns das All", "Über uns das All (2011) 1080p"),
        ("Der große Fürst", "Der.grosse.Fuerst.2010.German.1080p.WEB-GRP"),
        ("Kærlighed på Øen", "Kaerlighed.paa.Oeen.2010.1080p.WEB-GRP"),
    ],
)
def test_however_a_release_writes_them(title: str, release: str) -> None:
    others = ["Dune.2021.1080p.WEB.H264-GRP", "Amour.2012.FRENCH.1080p", "The.Tale.2018.1080p", "Sweat.2020.1080p"]
    assert _fitting([release, *others], distinct_words((title,))) == {release}


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
    await mirror.store.close()
    with pytest.raises(AskingFailed) as failed:
        await source.offers(target_of(read("dune 2"), DUNE, [DUNE]))
    assert failed.value.reason.key == "search.store_failed", "that nothing is held would be a lie"


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
        assert "SECRETKEY" not in str(answer)
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
    states, _ = await asked("https://other.example/?t=get&apikey=SECRETKEY&file=Dune.torrent")
    assert states == {f"{ACCOUNT_ID}:link": "empty"}, "nobody else could be asked for anything"


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


# --- indexers --------------------------------------------------------------------------------------------------------


@dataclass
class Indexers:
    """A Prowlarr that has for each text what a test says, and fails for others."""

    has: dict[str, Offers]
    asked: list[tuple[str, Collection[str]]] = field(default_factory=list)
    client: Any = None
    answering: bool = True
    data: Any = None
    subentry_id: str = PROWLARR_ID
    title: str = "Prowlarr"

    def __post_init__(self) -> None:
        self.client = self

    async def search(self, text: str, *, ids: Collection[str], **_: Any) -> Offers:
        self.asked.append((text, ids))
        if text not in self.has:
            raise CannotConnect("gone")
        return self.has[text]


def offered(*guids: str) -> Offers:
    return Offers(
        offers=tuple(
            Offer(name=f"Dune.{guid}", indexer="One", protocol=Protocol.TORRENT, guid=guid, indexer_id=1)
            for guid in guids
        )
    )


async def test_indexers_are_asked_by_other_names_too_and_what_both_find_is_one() -> None:
    indexers = Indexers({NAMED: offered("a", "b"), IN_FRENCH: offered("b", "c")})
    source: Any = IndexerSearch(indexers)  # type: ignore[arg-type]
    answer = await source.offers(target_of(read("dune 2"), replace(DUNE, ids=frozenset({"tmdb:693134"})), [DUNE]))
    assert [each.guid for each in answer.offers] == ["a", "b", "c"]
    assert indexers.asked == [(NAMED, {"tmdb:693134"}), (IN_FRENCH, set())]


@pytest.mark.parametrize("source", [IndexerSearch, FeedSearch])
@pytest.mark.parametrize("answered", [0, 1])
async def test_a_question_that_fails_is_told_and_takes_nothing_away(source: Any, answered: int) -> None:
    target = target_of(read("dune 2"), DUNE, [DUNE])
    asked = [each.text for each in questions(target)]
    answer = await source(Indexers({asked[answered]: offered("a")})).offers(target)
    assert [each.guid for each in answer.offers] == ["a"]
    assert [each.key for each in answer.remarks] == ["search.partly_failed"]
    with pytest.raises(AskingFailed):
        await source(Indexers({})).offers(target)
    assert (await source(Indexers(dict.fromkeys(asked, offered("a")))).offers(target)).remarks == ()


async def test_a_feed_is_asked_by_other_names_too() -> None:
    feed = Indexers({NAMED: offered("a", "b"), IN_FRENCH: offered("b", "c")})
    source: Any = FeedSearch(feed)  # type: ignore[arg-type]
    target = target_of(read("dune 2"), replace(DUNE, ids=frozenset({"tmdb:693134"})), [DUNE])
    assert [each.guid for each in (await source.offers(target)).offers] == ["a", "b", "c"]
    assert feed.asked == [(NAMED, {"tmdb:693134"}), (IN_FRENCH, set())]


async def test_indexers_that_fail_at_any_question_are_named() -> None:
    target, other_name = target_of(read("dune 2"), DUNE, [DUNE]), IN_FRENCH
    half = replace(offered("a"), failing=frozenset({2}))
    source: Any = IndexerSearch(Indexers({NAMED: offered("b"), other_name: half}))  # type: ignore[arg-type]
    (remark,) = (await source.offers(target)).remarks
    assert (remark.key, remark.parameters) == ("search.indexers_failed", {"names": ("2",)})


async def test_all_indexers_failed_only_where_they_did_at_all_questions() -> None:
    target, other_name = target_of(read("dune 2"), DUNE, [DUNE]), IN_FRENCH
    nobody = Offers(failing=frozenset({1}), all_failed=True)
    some: Any = IndexerSearch(Indexers({NAMED: nobody, other_name: offered("a")}))  # type: ignore[arg-type]
    assert [each.guid for each in (await some.offers(target)).offers] == ["a"]
    none: Any = IndexerSearch(Indexers({NAMED: nobody, other_name: nobody}))  # type: ignore[arg-type]
    with pytest.raises(AskingFailed) as failed:
        await none.offers(target)
    assert failed.value.reason.key == "search.all_indexers_failed"


async def test_without_any_indexer_that_is_said() -> None:
    target = target_of(read("dune 2"), DUNE, [DUNE])
    nobody = Offers(all_failed=True)
    source: Any = IndexerSearch(Indexers({NAMED: nobody, IN_FRENCH: nobody}))  # type: ignore[arg-type]
    with pytest.raises(AskingFailed) as failed:
        await source.offers(target)
    assert failed.value.reason.key == "search.no_indexers"


async def test_offers_without_an_address_are_told_apart_by_name_and_size() -> None:
    bare = Offer(name="Dune", indexer="One", protocol=Protocol.TORRENT, size_bytes=1)
    indexers = Indexers(
        {
            NAMED: Offers(offers=(bare,)),
            IN_FRENCH: Offers(offers=(bare, replace(bare, size_bytes=2))),
        }
    )
    source: Any = IndexerSearch(indexers)  # type: ignore[arg-type]
    answer = await source.offers(target_of(read("dune 2"), DUNE, [DUNE]))
    assert [each.size_bytes for each in answer.offers] == [1, 2]


# --- whole series ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def whole(hass: HomeAssistant, sonarr: SonarrSimulator, set_up: SetUp) -> tuple[Series, ArrSearch, Target]:
    """Return the series of the most seasons, its search, and that all of it is wanted."""
    entry = await set_up(servarr_subentry(sonarr, SONARR_ID))
    backend = entry.runtime_data.backends[SONARR_ID]
    series = max(sonarr.library.series.values(), key=lambda each: len(each.seasons))
    there = await backend.client.catalogue_title(series.id)
    sonarr.requests.clear()
    return series, ArrSearch(backend, there), target_of(read(series.title), there, [there])


def searched(sonarr: SonarrSimulator) -> list[int]:
    return [int(dict(each.query)["seasonNumber"]) for each in sonarr.requests if each.path == "/api/v3/release"]


async def test_a_whole_series_is_searched_for_season_by_season(
    sonarr: SonarrSimulator, whole: tuple[Series, ArrSearch, Target]
) -> None:
    series, source, target = whole
    assert can_search(target)
    answer = await source.offers(target)
    assert searched(sonarr) == [number for number in series.seasons if number > 0]
    assert len(searched(sonarr)) > 1
    guids = [each.guid for each in answer.offers]
    assert len(guids) == len(set(guids)) > 0
    assert answer.remarks == ()


async def test_seasons_that_are_too_many_or_fail_are_named(
    sonarr: SonarrSimulator, whole: tuple[Series, ArrSearch, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    series, source, target = whole
    numbers = [number for number in series.seasons if number > 0]
    monkeypatch.setattr(search_sources, "MOST_SEASONS", len(numbers) - 1)
    monkeypatch.setattr(search_sources, "SEASONS_AT_ONCE", 1)
    sonarr.fault(FaultKind.STATUS, "GET /api/v3/release", status=503, times=1)
    answer = await source.offers(target)
    assert searched(sonarr) == numbers[:-1]
    (remark,) = answer.remarks
    assert remark.parameters["seasons"] == (str(numbers[0]), str(numbers[-1]))
    assert answer.offers or len(numbers) == 2


async def test_a_whole_series_fails_only_where_every_season_does(
    sonarr: SonarrSimulator, whole: tuple[Series, ArrSearch, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, source, target = whole
    sonarr.fault(FaultKind.STATUS, "GET /api/v3/release", status=503)
    with pytest.raises(AskingFailed) as raised:
        await source.offers(target)
    assert raised.value.reason.key == "search.backend_failed"
    sonarr.clear_faults()
    sonarr.fault(FaultKind.HANG, "GET /api/v3/release")
    monkeypatch.setattr(search_sources, "SEASONS_LATEST_SECONDS", 0.05)
    with pytest.raises(AskingFailed) as raised:
        await source.offers(target)
    assert raised.value.reason.key == "search.no_answer"
    sonarr.clear_faults()


def test_what_was_aired_on_a_day_is_no_whole_series() -> None:
    show = CatalogueTitle(kind=TitleKind.SERIES, name="The Daily Show")
    assert can_search(target_of(read("the daily show"), show, [show]))
    assert not can_search(target_of(read("the daily show 2024-03-11"), show, [show]))


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
