"""Searching through Prowlarr: what is asked, what comes, and what it means when nothing does."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientSession, web
import pytest

from custom_components.sokoul.clients import prowlarr as prowlarr_client
from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotTheApi,
    RateLimited,
    Refused,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.prowlarr import ProwlarrClient
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import Offer, Offers
from devstack.clock import ManualClock
from devstack.dune import DuneWorld, add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.releases import INDEXERS
from tests.specifications import prowlarr_specification

from .canned import CannedAnswer, talking

pytestmark = pytest.mark.usefixtures("socket_enabled")

HARBOUR, TIN_CAN, LANTERN, NORTHGATE, MERIDIAN = (site.id for site in INDEXERS)


@pytest.fixture
async def prowlarr(clock: ManualClock, socket_enabled: None) -> AsyncIterator[ProwlarrSimulator]:
    async with ProwlarrSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def dune(prowlarr: ProwlarrSimulator) -> DuneWorld:
    world = add_dune(prowlarr.library)
    prowlarr.searches.offers = list(dune_releases(world))
    return world


@pytest.fixture
def client(prowlarr: ProwlarrSimulator, session: ClientSession) -> ProwlarrClient:
    return ProwlarrClient(session, prowlarr.url, prowlarr.api_key)


def asked(prowlarr: ProwlarrSimulator) -> dict[str, list[str]]:
    """Return the query of the last search."""
    request = [each for each in prowlarr.requests if each.path.endswith("/search")][-1]
    found: dict[str, list[str]] = {}
    for name, value in request.query:
        found.setdefault(name, []).append(value)
    return found


# --- what comes ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("dune")
async def test_dune_2_has_twenty_raw_results(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    found = await client.search("Dune 2")
    assert len(found.offers) == 20
    assert (found.failing, found.all_failed) == (frozenset(), False)
    names = [offer.name for offer in found.offers]
    for part in ("1984", "HDCAM", "2160p", "MULTi", "VOSTFR", "Prophecy", "onerror"):
        assert any(part in name for name in names), part
    assert {offer.indexer for offer in found.offers} == {site.name for site in INDEXERS}
    assert prowlarr.api_key not in repr(found)
    assert prowlarr.api_key in found.offers[0].link  # which is why it isn't printed


@pytest.mark.usefixtures("dune")
async def test_an_offer(prowlarr: ProwlarrSimulator, client: ProwlarrClient, dune: DuneWorld) -> None:
    found = await client.search("Dune 2")
    best, twin, club = found.offers[:3]
    release = prowlarr.searches.offers[0]
    assert best == Offer(
        name="Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.Atmos.H.264-LANTERN",
        indexer="Open Harbour",
        protocol=Protocol.TORRENT,
        size_bytes=9_100_000_000,
        info_hash=release.info_hash.lower(),
        seeders=812,
        leechers=3,
        age=release.age(prowlarr.clock.now()),
        guid=release.guid,
        indexer_id=HARBOUR,
        link=best.link,
    )
    assert (twin.name, twin.size_bytes, twin.info_hash) == (best.name, 9_400_000_000, None)
    assert club.ids == {f"tmdb:{dune.second.tmdb_id}"}
    usenet = next(offer for offer in found.offers if offer.indexer_id == MERIDIAN)
    assert (usenet.protocol, usenet.seeders) == (Protocol.USENET, None)
    assert parse_qs(urlsplit(best.link).query)["apikey"] == [prowlarr.api_key]


@pytest.mark.usefixtures("dune")
async def test_only_some_indexers(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    found = await client.search("Dune 2", indexer_ids=[NORTHGATE, LANTERN])
    assert {offer.indexer_id for offer in found.offers} == {NORTHGATE, LANTERN}
    assert asked(prowlarr)["indexerIds"] == [str(LANTERN), str(NORTHGATE)]


# --- what is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "query", "type_", "categories"),
    [
        ({"text": "Dune 2"}, "Dune 2", "search", []),
        ({"text": "  Dune\t2\n"}, "Dune 2", "search", []),
        ({"text": "{ImdbId:tt1} x"}, "ImdbId:tt1 x", "search", []),
        ({"text": "x", "ids": ["imdb:tt1"]}, "x", "search", []),  # an id of nobody knows what
        (
            {"ids": ["tmdb:693134", "imdb:tt15239678"], "kind": TitleKind.MOVIE},
            "{ImdbId:tt15239678} {TmdbId:693134}",
            "movie",
            ["2000"],
        ),
        ({"text": "Dune", "ids": ["tvdb:5"], "kind": TitleKind.MOVIE}, "Dune", "movie", ["2000"]),
        (
            {"text": "Silo", "ids": ["tvdb:403245"], "kind": TitleKind.SERIES, "season": 2},
            "Silo {TvdbId:403245} {Season:2}",
            "tvsearch",
            ["5000"],
        ),
        (
            {"text": "Silo", "kind": TitleKind.EPISODE, "season": 2, "episode": 3},
            "Silo {Season:2} {Episode:3}",
            "tvsearch",
            ["5000"],
        ),
        (
            {"text": "Late", "ids": ["tvdb:5"], "kind": TitleKind.EPISODE, "aired": date(2024, 3, 1)},
            "Late {TvdbId:5} {Season:2024} {Episode:03/01}",
            "tvsearch",
            ["5000"],
        ),
        ({"text": "x", "ids": ["imdb:tt1} {Season:9"], "kind": TitleKind.MOVIE}, "x", "movie", ["2000"]),
        ({"text": "x", "kind": TitleKind.MOVIE, "season": 1, "episode": 2}, "x", "movie", ["2000"]),
        ({"text": "x", "kind": TitleKind.MOVIE, "categories": [2045, 2040]}, "x", "movie", ["2040", "2045"]),
        ({"text": "x" * 400}, "x" * 300, "search", []),
        # beside an id as Prowlarr's own, because it gives indexers both the id and the words
        (
            {"text": "Dune", "ids": ["tmdb:841"], "kind": TitleKind.MOVIE, "year": 1984},
            "Dune {TmdbId:841} {Year:1984}",
            "movie",
            ["2000"],
        ),
        ({"text": "Dune", "ids": ["tvdb:5"], "kind": TitleKind.MOVIE, "year": 1984}, "Dune 1984", "movie", ["2000"]),
        ({"text": "Dune", "kind": TitleKind.MOVIE, "year": 1984}, "Dune 1984", "movie", ["2000"]),
        ({"text": "x" * 400, "kind": TitleKind.MOVIE, "year": 1984}, f"{'x' * 300} 1984", "movie", ["2000"]),
        ({"text": "Silo", "kind": TitleKind.SERIES, "year": 1984}, "Silo", "tvsearch", ["5000"]),
        ({"text": "Dune", "year": 1984}, "Dune", "search", []),
    ],
)
async def test_queries(
    prowlarr: ProwlarrSimulator,
    client: ProwlarrClient,
    arguments: dict[str, Any],
    query: str,
    type_: str,
    categories: list[str],
) -> None:
    await client.search(**arguments)
    seen = asked(prowlarr)
    assert (seen["query"], seen["type"], seen["limit"]) == ([query], [type_], ["100"])
    assert seen.get("categories", []) == categories


@pytest.mark.parametrize("ids", [(), ("tmdb:841",)])
@pytest.mark.usefixtures("dune")
async def test_a_year_finds_the_film_where_only_words_do(
    prowlarr: ProwlarrSimulator, client: ProwlarrClient, ids: tuple[str, ...]
) -> None:
    prowlarr.searches.by_words = {site.id for site in INDEXERS}
    found = await client.search("Dune", kind=TitleKind.MOVIE, ids=ids, year=1984)
    assert {"1984" in offer.name for offer in found.offers} == {True}
    assert len(found.offers) < len((await client.search("Dune", kind=TitleKind.MOVIE)).offers)


async def test_ids_find_the_film_and_no_other(dune: DuneWorld, client: ProwlarrClient) -> None:
    ids = {f"imdb:{dune.lynch.imdb_id}"}
    found = await client.search(ids=ids, kind=TitleKind.MOVIE, indexer_ids=[LANTERN, NORTHGATE])
    assert [offer.name.partition(".REM")[0] for offer in found.offers] == ["Dune.1984"]


@pytest.mark.usefixtures("dune")
async def test_every_request_is_as_published(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    await client.search("Dune", ids={"imdb:tt15239678"}, kind=TitleKind.MOVIE, indexer_ids=[1, 2], limit=50)
    prowlarr.failing = {site.id for site in INDEXERS}
    await client.search("Dune")
    await client.latest([1])
    assert prowlarr_specification().check_seen(prowlarr.requests) == 8


# --- what is new -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("dune")
async def test_the_newest_of_each_indexer(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    found = await client.latest([HARBOUR, NORTHGATE], limit=3)
    seen = asked(prowlarr)
    assert "query" not in seen
    assert (seen["type"], seen["limit"]) == (["search"], ["3"])
    assert (seen["indexerIds"], seen["categories"]) == ([str(HARBOUR), str(NORTHGATE)], ["2000", "5000"])
    assert sorted(offer.indexer_id or 0 for offer in found.offers) == [HARBOUR] * 3 + [NORTHGATE] * 3
    ages = [offer.age or timedelta() for offer in found.offers]
    assert ages == sorted(ages)
    everything = await client.latest([HARBOUR, NORTHGATE], limit=1_000)
    assert len(everything.offers) > 6
    for indexer in (HARBOUR, NORTHGATE):
        of_it = [offer for offer in everything.offers if offer.indexer_id == indexer]
        assert [offer for offer in found.offers if offer.indexer_id == indexer] == of_it[:3]
    assert {event.event for event in prowlarr.history} == {"indexerRss"}


async def test_a_release_that_came_since(
    prowlarr: ProwlarrSimulator, client: ProwlarrClient, clock: ManualClock, dune: DuneWorld
) -> None:
    before = await client.latest([HARBOUR])
    new = replace(
        dune_releases(dune)[0], title="Dune.Part.Two.2024.1080p.WEB.H264-NEW", published=clock.now(), guid="new"
    )
    prowlarr.searches.offers.append(new)
    now = await client.latest([HARBOUR])
    assert now.offers[0].name == new.title
    assert {offer.guid for offer in now.offers} - {offer.guid for offer in before.offers} == {"new"}


async def test_no_indexer_is_not_all_of_them(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    assert await client.latest([]) == Offers()
    assert prowlarr.requests == []


async def test_nothing_new_of_an_indexer_that_is_away(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    prowlarr.fail_indexer(LANTERN)
    before = len(prowlarr.history)
    assert await client.latest([LANTERN]) == Offers(failing=frozenset({LANTERN}), all_failed=True)
    assert len(prowlarr.history) == before  # Prowlarr did not ask it
    found = await client.latest([LANTERN, HARBOUR])
    assert (found.failing, found.all_failed) == (frozenset({LANTERN}), False)
    assert {offer.indexer_id for offer in found.offers} == {HARBOUR}


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        (FaultKind.DISCONNECT, {}, CannotConnect),
        (FaultKind.STATUS, {"status": 401}, InvalidAuth),
        (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "60"}}, RateLimited),
        (FaultKind.STATUS, {"status": 400}, Refused),
        (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
        (FaultKind.TRUNCATE_JSON, {}, UnexpectedResponse),
        (FaultKind.WRONG_TYPES, {}, UnexpectedResponse),
        (FaultKind.HTML, {}, NotTheApi),
    ],
)
async def test_reading_what_is_new_goes_wrong(
    prowlarr: ProwlarrSimulator,
    client: ProwlarrClient,
    kind: FaultKind,
    options: dict[str, Any],
    error: type[BackendError],
) -> None:
    prowlarr.fault(kind, "GET /api/v1/search", **options)
    with pytest.raises(error):
        await client.latest([HARBOUR])


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("dune")
async def test_an_indexer_that_fails_is_named(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    prowlarr.failing = {LANTERN}
    found = await client.search("Dune 2")
    assert (found.failing, found.all_failed) == (frozenset({LANTERN}), False)
    assert 0 < len(found.offers) < 20


@pytest.mark.usefixtures("dune")
async def test_all_indexers_failing_is_not_nothing_found(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    prowlarr.failing = {site.id for site in INDEXERS}
    assert await client.search("Dune 2") == Offers(failing=frozenset(prowlarr.failing), all_failed=True)


async def test_nothing_found_while_one_fails(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    prowlarr.failing = {LANTERN}
    assert await client.search("nothing of the kind") == Offers(failing=frozenset({LANTERN}))
    # those that were asked have all failed
    found = await client.search("nothing of the kind", indexer_ids=[LANTERN])
    assert found.all_failed


async def test_nobody_to_ask_is_not_nothing_found(prowlarr: ProwlarrSimulator, client: ProwlarrClient) -> None:
    for provider in prowlarr.indexers.items.values():
        provider.attributes["enable"] = False
    assert (await client.search("Dune")).all_failed


@pytest.mark.usefixtures("dune")
async def test_an_indexer_that_hangs_holds_the_search_up(
    prowlarr: ProwlarrSimulator, client: ProwlarrClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prowlarr_client, "SEARCH_SECONDS", 0.03)
    prowlarr.searches.delays = {TIN_CAN: 0.05}
    with pytest.raises(CannotConnect):
        await client.search("Dune 2")
    monkeypatch.undo()
    assert len((await client.search("Dune 2", indexer_ids=[HARBOUR])).offers) == 6
    assert len((await client.search("Dune 2")).offers) == 20  # which takes as long as the first one still does


async def test_an_invalid_search_is_refused() -> None:
    answers: dict[str, CannedAnswer] = {
        "GET /api/v1/search": web.json_response({"message": "Search failed: no such category"}, status=400)
    }
    async with talking(ProwlarrClient, answers) as (client, _):
        with pytest.raises(Refused, match="no such category"):
            await client.search("x")


# --- what indexers make up -------------------------------------------------------------------------------------------


def result(**changes: Any) -> dict[str, Any]:
    return {"title": "Dune", "indexerId": 1, "protocol": "torrent", **changes}


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ({"size": -5, "ageMinutes": -90}, {"size_bytes": 0, "age": timedelta()}),
        ({"imdbId": 87182, "tmdbId": 841, "tvdbId": 0}, {"ids": frozenset({"imdb:tt0087182", "tmdb:841"})}),
        ({"imdbId": 15239678}, {"ids": frozenset({"imdb:tt15239678"})}),
        ({"infoHash": "A" * 40}, {"info_hash": "a" * 40}),
        ({"infoHash": "no hash at all"}, {"info_hash": None}),
        ({"magnetUrl": f"magnet:?xt=urn:btih:{'B' * 40}"}, {"info_hash": "b" * 40}),
        ({"magnetUrl": "magnet:?xt=urn:btih:x", "downloadUrl": "http://h/x"}, {"link": "magnet:?xt=urn:btih:x"}),
        ({"magnetUrl": "http://h/m", "downloadUrl": "http://h/x"}, {"link": "http://h/x"}),
        ({"magnetUrl": "http://h/m"}, {"link": "http://h/m"}),
        ({"downloadUrl": "file:///etc/passwd"}, {"link": ""}),
        ({"downloadUrl": "javascript:alert(1)", "magnetUrl": "ftp://h/x"}, {"link": ""}),
        ({"protocol": "pigeon"}, {"protocol": Protocol.UNKNOWN}),
    ],
)
async def test_odd_results(release: dict[str, Any], expected: dict[str, Any]) -> None:
    answers: dict[str, CannedAnswer] = {"GET /api/v1/search": [result(**release)], "GET /api/v1/indexerstatus": []}
    async with talking(ProwlarrClient, answers) as (client, _):
        (offer,) = (await client.search("x")).offers
    assert {name: getattr(offer, name) for name in expected} == expected


async def test_results_without_a_name_are_left_out_and_there_is_an_end() -> None:
    endless = [result(title="  "), *(result(title=f"Dune {number}") for number in range(3_000))]
    answers: dict[str, CannedAnswer] = {"GET /api/v1/search": endless, "GET /api/v1/indexerstatus": []}
    async with talking(ProwlarrClient, answers) as (client, _):
        found = await client.search("x")
    assert [found.offers[0].name, len(found.offers)] == ["Dune 0", prowlarr_client.MAX_OFFERS - 1]
