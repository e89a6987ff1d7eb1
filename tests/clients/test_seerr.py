"""Seerr's client: with the three of its family over real HTTP, by their descriptions, and whatever goes wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients import seerr as api
from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.seerr import SeerrClient
from custom_components.sokoul.model.library import ApplicationStatus, TitleKind
from custom_components.sokoul.model.requests import MediaRequest, MediaRequests, RequestFilter, RequestStatus
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.library import Movie, Series
from devstack.seerr import API_KEY, Flavour, Media, Person, SeerrSimulator, Status
from tests.specifications import Answer, Sent, seerr_specification

from .canned import Canned

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture(params=list(Flavour))
async def seerr(
    request: pytest.FixtureRequest, clock: ManualClock, socket_enabled: None
) -> AsyncIterator[SeerrSimulator]:
    async with SeerrSimulator(flavour=request.param, clock=clock) as simulator:
        yield simulator


@pytest.fixture
def client(seerr: SeerrSimulator, session: ClientSession) -> SeerrClient:
    return SeerrClient(session, seerr.url, API_KEY)


def titles(seerr: SeerrSimulator) -> tuple[Movie, Series]:
    return seerr.library.known_movies[0], seerr.library.known_series[0]


# --- who answers -----------------------------------------------------------------------------------------------------


async def test_who_answers(seerr: SeerrSimulator, client: SeerrClient) -> None:
    seerr.title = "Film club"
    assert client.latency_seconds is None
    assert await client.status() == ApplicationStatus(name="Seerr", version=seerr.version, instance_name="Film club")
    assert client.latency_seconds is not None


async def test_a_wrong_key(seerr: SeerrSimulator, session: ClientSession) -> None:
    client = SeerrClient(session, seerr.url, "hunter2")
    await client.status()  # that is for everybody
    for ask in (client.counts, client.requests):
        with pytest.raises(InvalidAuth) as raised:
            await ask()
        assert "hunter2" not in str(raised.value)
    with pytest.raises(InvalidAuth):
        SeerrClient(session, seerr.url, "hunter\n2")


# --- requests --------------------------------------------------------------------------------------------------------


async def test_requests_that_are_not_there_yet(seerr: SeerrSimulator, client: SeerrClient, clock: ManualClock) -> None:
    movie, series = titles(seerr)
    other = seerr.library.known_movies[1]
    film = seerr.ask_for(movie)
    show = seerr.ask_for(series, seasons=(2, 1), by=1)
    there, waiting = seerr.ask_for(other), seerr.ask_for(other, in_4k=True)
    for request in (film, show, there):
        seerr.approve(request)
    seerr.finish(there)
    assert await client.requests() == MediaRequests(
        requests=(
            MediaRequest(
                id=show.id,
                kind=TitleKind.SERIES,
                ids=frozenset({f"tmdb:{series.tmdb_id}", f"tvdb:{series.tvdb_id}"}),
                seasons=(1, 2),
                status=RequestStatus.APPROVED,
                requested_by="Tom",
                at=show.at,
            ),
            MediaRequest(
                id=film.id,
                kind=TitleKind.MOVIE,
                ids=frozenset({f"tmdb:{movie.tmdb_id}"}),
                status=RequestStatus.APPROVED,
                requested_by="Mira",
                at=clock.now(),
            ),
        )
    )
    (pending,) = (await client.requests(RequestFilter.PENDING)).requests
    assert (pending.id, pending.status, pending.in_4k) == (waiting.id, RequestStatus.PENDING, True)
    everything = await client.requests(RequestFilter.ALL)
    assert [(each.id, each.available) for each in everything.requests] == [
        (waiting.id, False),
        (there.id, True),
        (show.id, False),
        (film.id, False),
    ]
    approved = [each.id for each in (await client.requests(RequestFilter.APPROVED)).requests]
    assert approved == ([there.id] if seerr.flavour is Flavour.OVERSEERR else []) + [show.id, film.id]


async def test_how_many_there_are(seerr: SeerrSimulator, client: SeerrClient) -> None:
    movie, series = titles(seerr)
    requests = [seerr.ask_for(movie), seerr.ask_for(series, seasons=(1,)), seerr.ask_for(movie, in_4k=True)]
    for request in requests[1:]:
        seerr.approve(request)
    seerr.finish(requests[2])
    counts = await client.counts()
    older = seerr.flavour is Flavour.OVERSEERR
    assert counts == {
        RequestFilter.ALL: 3,
        RequestFilter.PENDING: 1,
        RequestFilter.APPROVED: 2 if older else 1,
        RequestFilter.PROCESSING: 1,
    }


async def test_4k_is_there_by_itself(seerr: SeerrSimulator, client: SeerrClient) -> None:
    movie, _ = titles(seerr)
    usual, sharp = seerr.ask_for(movie), seerr.ask_for(movie, in_4k=True)
    seerr.approve(usual)
    seerr.finish(sharp)
    found = {each.id: each.available for each in (await client.requests(RequestFilter.ALL)).requests}
    assert found == {usual.id: False, sharp.id: True}


async def test_a_series_that_is_there_in_part_is_not_there(seerr: SeerrSimulator, client: SeerrClient) -> None:
    request = seerr.ask_for(titles(seerr)[1], seasons=(1,))
    seerr.approve(request)
    request.media = Media.PARTIALLY_AVAILABLE
    assert [each.available for each in (await client.requests()).requests] == [False]


async def test_many_requests_come_in_pages(
    seerr: SeerrSimulator, client: SeerrClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAGE_SIZE", 3)
    for _ in range(8):
        seerr.ask_for(titles(seerr)[0])
    everything = await client.requests(RequestFilter.ALL)
    assert ([each.id for each in everything.requests], everything.more) == ([8, 7, 6, 5, 4, 3, 2, 1], 0)
    assert len(seerr.requests) == 3
    some = await client.requests(RequestFilter.ALL, limit=5)
    assert ([each.id for each in some.requests], some.more) == ([8, 7, 6, 5, 4], 3)


async def test_none(seerr: SeerrSimulator, client: SeerrClient) -> None:
    assert await client.requests() == MediaRequests()
    assert await client.requests(limit=0) == MediaRequests()
    assert len(seerr.requests) == 1


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "name"),
    [
        (Person(id=3, email="a@b.example", display_name=" Ada "), "Ada"),
        (Person(id=3, email="a@b.example", username="ada"), "ada"),
        (Person(id=3, email="a@b.example", plex_username="ada_p"), "ada_p"),
        (Person(id=3, email="a@b.example", display_name="a@b.example", plex_username="ada_p"), "ada_p"),
        (Person(id=3, email="a@b.example"), ""),
    ],
)
async def test_an_address_is_no_name(seerr: SeerrSimulator, client: SeerrClient, person: Person, name: str) -> None:
    seerr.people.append(person)
    seerr.ask_for(titles(seerr)[0], by=2)
    (found,) = (await client.requests(RequestFilter.ALL)).requests
    assert found.requested_by == name
    assert "b.example" not in repr(found)


# --- what versions may make of it ------------------------------------------------------------------------------------


def told(**changes: Any) -> dict[str, Any]:
    media = {"tmdbId": 5, "status": 3, **changes.pop("media", {})}
    return {"id": 1, "status": 2, "type": "movie", "media": media, **changes}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (told(status=9), {"status": RequestStatus.UNKNOWN}),
        (told(status=int(Status.FAILED)), {"status": RequestStatus.FAILED}),
        (told(media={"status": 7}), {"available": False}),
        (told(media={"status": None}), {"available": False}),
        (told(media={"imdbId": "tt0000005"}), {"ids": frozenset({"tmdb:5", "imdb:tt0000005"})}),
        (told(media={"imdbId": "?"}), {"ids": frozenset({"tmdb:5"})}),
        (told(type=None, media={"mediaType": "tv"}), {"kind": TitleKind.SERIES, "seasons": ()}),
        (told(seasons=[{"seasonNumber": 1}]), {"kind": TitleKind.MOVIE, "seasons": ()}),
        (told(type="tv", seasons=[{"seasonNumber": 2}, {"seasonNumber": 0}]), {"seasons": (0, 2)}),
        (told(requestedBy=None), {"requested_by": ""}),
        (told(createdAt="2026-11-20T10:00:27.000Z"), {"at": datetime(2026, 11, 20, 10, 0, 27, tzinfo=UTC)}),
    ],
)
async def test_odd_requests(session: ClientSession, request_: dict[str, Any], expected: dict[str, Any]) -> None:
    answers = {"GET /api/v1/request": {"pageInfo": {"results": 1}, "results": [request_]}}
    async with Canned(answers) as server:
        (found,) = (await SeerrClient(session, server.url, API_KEY).requests()).requests
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("request_", [told(type="music"), told(media={"tmdbId": None}), told(media={"tmdbId": 0})])
async def test_what_is_of_no_kind_or_id_is_left_out(session: ClientSession, request_: dict[str, Any]) -> None:
    answers = {"GET /api/v1/request": {"pageInfo": {"results": 1}, "results": [request_]}}
    async with Canned(answers) as server:
        assert await SeerrClient(session, server.url, API_KEY).requests() == MediaRequests()


async def test_pages_that_do_not_end(session: ClientSession) -> None:
    answers = {"GET /api/v1/request": {"pageInfo": {"results": 10_000}, "results": [told(), told(id=2)]}}
    async with Canned(answers) as server:
        found = await SeerrClient(session, server.url, API_KEY).requests()
        assert ([each.id for each in found.requests], found.more) == ([1, 2], 9_998)
        assert len(server.requests) == 2


# --- faults ----------------------------------------------------------------------------------------------------------

type Call = Callable[[SeerrClient], Awaitable[Any]]

CALLS: dict[str, tuple[Call, str]] = {
    "status": (lambda client: client.status(), "GET /api/v1/status"),
    "title": (lambda client: client.status(), "GET /api/v1/settings/public"),
    "counts": (lambda client: client.counts(), "GET /api/v1/request/count"),
    "requests": (lambda client: client.requests(RequestFilter.ALL), "GET /api/v1/request"),
}
FAULTS: list[tuple[FaultKind, dict[str, Any], type[BackendError]]] = [
    (FaultKind.DISCONNECT, {}, CannotConnect),
    (FaultKind.HANG, {}, CannotConnect),
    (FaultKind.DRIP, {"delay_seconds": 0.05}, CannotConnect),
    (FaultKind.STATUS, {"status": 204}, UnexpectedResponse),
    (FaultKind.STATUS, {"status": 400}, Refused),
    (FaultKind.STATUS, {"status": 401}, InvalidAuth),
    (FaultKind.STATUS, {"status": 403}, InvalidAuth),
    (FaultKind.STATUS, {"status": 404}, NotFound),
    (FaultKind.STATUS, {"status": 409}, Refused),
    (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "60"}}, RateLimited),
    (FaultKind.STATUS, {"status": 429}, RateLimited),
    (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
    (FaultKind.TRUNCATE, {}, UnexpectedResponse),
    (FaultKind.TRUNCATE_JSON, {}, UnexpectedResponse),
    (FaultKind.HTML, {}, NotTheApi),
    (FaultKind.REDIRECT, {"location": "http://login.example.com/"}, NotTheApi),
    (FaultKind.WRONG_TYPES, {}, UnexpectedResponse),
    (FaultKind.HUGE, {}, UnexpectedResponse),
]


@pytest.mark.parametrize("call", CALLS)
async def test_faults(
    call: str,
    clock: ManualClock,
    session: ClientSession,
    subtests: pytest.Subtests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "MAX_BYTES", 200_000)
    ask, route = CALLS[call]
    async with SeerrSimulator(clock=clock) as seerr:
        seerr.ask_for(titles(seerr)[0])
        for kind, options, error in FAULTS:
            with subtests.test(f"{kind} {options}"):
                seerr.clear_faults()
                seerr.fault(kind, route, **options)
                slow = kind in {FaultKind.HANG, FaultKind.DRIP}
                client = SeerrClient(session, seerr.url, API_KEY, timeout_seconds=0.15 if slow else 10)
                with pytest.raises(error) as raised:
                    await ask(client)
                assert API_KEY not in str(raised.value)
        seerr.clear_faults()


async def test_it_was_stopped(seerr: SeerrSimulator, client: SeerrClient) -> None:
    await seerr.refuse()
    with pytest.raises(CannotConnect):
        await client.status()


# --- by the book -----------------------------------------------------------------------------------------------------


async def test_all_is_as_published(seerr: SeerrSimulator, client: SeerrClient, session: ClientSession) -> None:
    specification = seerr_specification(older=seerr.flavour is Flavour.OVERSEERR)
    movie, series = titles(seerr)
    seerr.ask_for(movie)
    seerr.approve(seerr.ask_for(series, seasons=(1, 2), by=1))
    seerr.finish(seerr.ask_for(movie, in_4k=True))
    await client.status()
    await client.counts()
    for which in RequestFilter:
        await client.requests(which)
    seen = list(seerr.requests)
    assert specification.check_seen(seen) == len(seen) == 7
    for request in seen:
        async with session.get(seerr.url + request.path, params=request.query, headers=request.headers) as response:
            body = await response.read()
            answer = Answer(status=200, content_type=response.headers["Content-Type"], body=body)
        specification.check_response(Sent.of(request), answer)


async def test_it_refuses_what_it_does_not_know(seerr: SeerrSimulator, session: ClientSession) -> None:
    for query in ({"filter": "everything"}, {"colour": "blue"}):
        headers = {"X-Api-Key": API_KEY}
        async with session.get(f"{seerr.url}/api/v1/request", params=query, headers=headers) as response:
            assert response.status == 400
