"""Real-Debrid's client against its simulator: every call, every refusal, every fault, and where a token goes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
import gc
import json
import logging
import threading
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients import json_walk, real_debrid
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
from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.clients.real_debrid_budget import DebridBudget
from custom_components.sokoul.clients.real_debrid_tokens import (
    ApiToken,
    DebridOAuth,
    DebridTokens,
    DeviceCode,
    RenewedTokens,
)
from custom_components.sokoul.model.debrid import (
    DebridCode,
    DebridFile,
    DebridPage,
    DebridPriority,
    DebridStatus,
    DebridTraffic,
)
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import API_TOKEN, ERRORS, RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile
from devstack.real_debrid_oauth import DEVICE_LIFE, TOKEN_LIFE, Grant
from devstack.torrents import make_torrent

from .canned import Canned

HASH = "ab" * 20
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=Nosferatu.1922"
SERIES = Plan(
    name="A.Series.S01",
    files=(PlannedFile("/S01E01.mkv", 1_000), PlannedFile("/S01E02.mkv", 2_000), PlannedFile("/notes.txt", 3)),
)

type Call = Callable[[RealDebridClient], Awaitable[Any]]

#: Every method, and the route that it asks.
CALLS: dict[str, tuple[str, Call]] = {
    "user": ("GET /rest/1.0/user", lambda client: client.user()),
    "traffic": ("GET /rest/1.0/traffic", lambda client: client.traffic()),
    "active": ("GET /rest/1.0/torrents/activeCount", lambda client: client.active()),
    "torrents": ("GET /rest/1.0/torrents", lambda client: client.torrents()),
    "total": ("GET /rest/1.0/torrents", lambda client: client.total()),
    "torrent": ("GET /rest/1.0/torrents/info/*", lambda client: client.torrent("F100100000000")),
    "add_magnet": ("POST /rest/1.0/torrents/addMagnet", lambda client: client.add_magnet(MAGNET)),
    "add_torrent": ("PUT /rest/1.0/torrents/addTorrent", lambda client: client.add_torrent(torrent_file())),
    "select_files": (
        "POST /rest/1.0/torrents/selectFiles/*",
        lambda client: client.select_files("F100100000000", [1]),
    ),
    "delete": ("DELETE /rest/1.0/torrents/delete/*", lambda client: client.delete("F100100000000")),
    "unrestrict": ("POST /rest/1.0/unrestrict/link", lambda client: client.unrestrict("https://real-debrid.com/d/X")),
}
#: Those whose answer is read.
READING = [name for name in CALLS if name not in {"select_files", "delete", "total"}]


def torrent_file() -> bytes:
    return make_torrent(b"some film", name="film.mkv")


@pytest.fixture
async def debrid(clock: ManualClock, socket_enabled: None) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        simulator.account.fill(3)
        yield simulator


def client_of(session: ClientSession, url: str, token: str = API_TOKEN, **options: Any) -> RealDebridClient:
    return RealDebridClient(session, ApiToken(token), DebridBudget(250), url=url, timeout_seconds=5, **options)


@pytest.fixture
def client(session: ClientSession, debrid: RealDebridSimulator) -> RealDebridClient:
    return client_of(session, debrid.url)


async def added(client: RealDebridClient, debrid: RealDebridSimulator, clock: ManualClock, plan: Plan) -> str:
    """Add a torrent and let its metadata be found."""
    debrid.account.plans[HASH] = plan
    torrent_id = await client.add_magnet(MAGNET)
    clock.advance(timedelta(seconds=plan.metadata_seconds))
    return torrent_id


async def status(client: RealDebridClient, torrent_id: str) -> DebridStatus:
    return (await client.torrent(torrent_id)).torrent.status


# --- the account -----------------------------------------------------------------------------------------------------


async def test_the_account(client: RealDebridClient, debrid: RealDebridSimulator, clock: ManualClock) -> None:
    account = await client.user()
    assert (account.id, account.username, account.premium, account.points) == (1001, "home", True, 1500)
    assert account.premium_seconds == 180 * 86400
    assert account.premium_until == clock.now() + timedelta(days=180)
    assert client.latency_seconds is not None
    debrid.account.premium_until = clock.now() - timedelta(days=1)
    account = await client.user()
    assert (account.premium, account.premium_seconds, account.premium_until) == (False, 0, None)


async def test_the_traffic(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    assert await client.traffic() == ()
    debrid.account.traffic = {
        "one.example": {"left": 5, "bytes": 7, "links": 3, "limit": 8, "type": "links", "extra": 0, "reset": "daily"},
        "two.example": {"left": 5, "bytes": 7, "links": 3, "limit": 8, "type": "bytes", "extra": 0, "reset": "weekly"},
        "three.example": {"left": 1},
    }
    assert await client.traffic() == (
        DebridTraffic(host="one.example", left=5, used=3, limit=8, unit="links", reset="daily"),
        DebridTraffic(host="two.example", left=5, used=7, limit=8, unit="bytes", reset="weekly"),
        DebridTraffic(host="three.example", left=1),
    )


async def test_no_limited_hosters_may_be_an_empty_list(session: ClientSession) -> None:
    async with Canned({"GET /rest/1.0/traffic": []}) as server:
        assert await client_of(session, server.url).traffic() == ()


async def test_what_is_active(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.account.fill(2, statuses=["queued", "magnet_conversion"])
    active = await client.active()
    assert (active.count, active.limit, len(active.hashes)) == (2, 100, 2)


async def test_hashes_of_active_ones_need_not_be_told(session: ClientSession) -> None:
    async with Canned({"GET /rest/1.0/torrents/activeCount": {"nb": 1, "limit": 9}}) as server:
        active = await client_of(session, server.url).active()
    assert (active.count, active.limit, active.hashes) == (1, 9, ())


# --- lists -----------------------------------------------------------------------------------------------------------


async def test_pages_of_torrents(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.account.fill(5003 - 3)
    first, second, third = [await client.torrents(page) for page in (1, 2, 3)]
    assert first is not None
    assert second is not None
    assert (len(first.torrents), first.total) == (5000, 5003)
    assert (len(second.torrents), second.total) == (3, 5003)
    assert third == DebridPage()
    assert len({torrent.id for torrent in (*first.torrents, *second.torrents)}) == 5003
    assert first.torrents[0].added_at > first.torrents[1].added_at, "the newest first"
    newest = first.torrents[0]
    assert (newest.status, newest.progress, len(newest.hash)) == (DebridStatus.DOWNLOADED, 100, 40)
    assert newest.ended_at == newest.added_at + timedelta(minutes=1)
    assert newest.links == (f"https://real-debrid.com/d/{newest.id}0001",)
    assert (newest.size_bytes, newest.download_rate, newest.seeders) == (1_000_004_999 + 3, None, None)
    assert await client.total() == 5003


async def test_an_account_without_torrents(session: ClientSession, clock: ManualClock, socket_enabled: None) -> None:
    async with RealDebridSimulator(clock=clock) as empty:
        client = client_of(session, empty.url)
        assert await client.torrents() == DebridPage()
        assert await client.total() == 0


async def test_an_unchanged_page_is_not_read_again(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    page = await client.torrents()
    assert page is not None
    assert page.etag is not None
    assert await client.torrents(etag=page.etag) is None
    debrid.account.delete(page.torrents[0].id)
    changed = await client.torrents(etag=page.etag)
    assert changed is not None
    assert changed.total == 2


@pytest.mark.parametrize("field", ["filename", "bytes", "status", "links"])
async def test_a_page_that_lacks_something_is_not_kept(
    client: RealDebridClient, debrid: RealDebridSimulator, field: str
) -> None:
    debrid.fault(FaultKind.MISSING_FIELDS, "GET /rest/1.0/torrents", times=1, fields=(field,))
    page = await client.torrents()
    assert page is not None
    assert page.etag is None
    page = await client.torrents()
    assert page is not None
    assert page.etag is not None


async def test_without_etags_every_page_is_read(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.knows_etags = False
    page = await client.torrents()
    assert page is not None
    assert page.etag is None


async def test_what_happens_between_two_pages_shifts_the_second(
    client: RealDebridClient, debrid: RealDebridSimulator
) -> None:
    debrid.after_list = lambda account: account.fill(1)
    first, second = await client.torrents(1, 2), await client.torrents(2, 2)
    assert first is not None
    assert second is not None
    assert first.torrents[1] == second.torrents[0]
    assert (first.total, second.total) == (3, 4)


async def test_a_large_answer_is_read_in_a_thread(
    client: RealDebridClient, debrid: RealDebridSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long the event loop is held up is measured by the benchmarks."""
    threads: list[threading.Thread] = []

    def noting[ValueT](read: Callable[[Any], ValueT]) -> Callable[[Any], ValueT]:
        def noted(data: Any) -> ValueT:
            threads.append(threading.current_thread())
            return read(data)

        return noted

    for name in ("read_torrents", "read_info"):
        monkeypatch.setattr(real_debrid, name, noting(getattr(real_debrid, name)))
    await client.torrents()
    torrent = next(iter(debrid.account.torrents.values()))
    await client.torrent(torrent.id)
    assert threads == [threading.main_thread()] * 2
    debrid.account.fill(500)
    torrent.plan = Plan(name="many", files=tuple(PlannedFile(f"/{'x' * 60}{n}", n) for n in range(2000)))
    page = await client.torrents()
    assert page is not None
    assert len(page.torrents) == 503
    assert len((await client.torrent(torrent.id)).files) == 2000
    assert threading.main_thread() not in threads[2:]
    assert len(threads) == 4


@pytest.mark.parametrize(
    ("body", "found"),
    [("[]", []), (" [ ] ", []), ("[1]", [1]), ('[{"a":[1,2]},\n"b" , 3.5]', [{"a": [1, 2]}, "b", 3.5])],
)
def test_items_of_a_list(body: str, found: list[Any]) -> None:
    assert list(json_walk.items(body.encode())) == found


@pytest.mark.parametrize("body", ["", "{}", "[", "[1", "[1,", "[1,]", "[1 2]", "[1]2", "[,]"])
def test_what_is_no_list(body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(json_walk.items(body.encode()))


# --- a torrent's life ------------------------------------------------------------------------------------------------


async def test_from_a_magnet_link_to_a_link(
    client: RealDebridClient, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    torrent_id = await client.add_magnet(MAGNET)
    assert await status(client, torrent_id) is DebridStatus.MAGNET_CONVERSION
    clock.advance(timedelta(seconds=2))
    info = await client.torrent(torrent_id)
    assert (info.torrent.status, info.original_filename) == (DebridStatus.WAITING_FILES_SELECTION, "Nosferatu.1922")
    assert info.selected == ()
    await client.select_files(torrent_id, [info.files[0].id])
    clock.advance(timedelta(seconds=2))
    info = await client.torrent(torrent_id)
    assert info.torrent.status is DebridStatus.DOWNLOADED
    assert info.selected == (DebridFile(id=1, path="/Nosferatu.1922.mkv", size_bytes=4_000_000_000, selected=True),)
    assert (info.torrent.size_bytes, info.original_size_bytes) == (4_000_000_000, 4_000_004_000)
    link = await client.unrestrict(info.torrent.links[0])
    assert (link.filename, link.size_bytes, link.link) == (
        "Nosferatu.1922.mkv",
        4_000_000_000,
        info.torrent.links[0],
    )
    assert (link.host, link.mime_type, link.chunks, link.streamable) == (
        "real-debrid.com",
        "video/x-matroska",
        32,
        True,
    )
    assert link.download.startswith("https://")
    assert link.download not in repr(link), "whoever has it can download"
    await client.delete(torrent_id)
    with pytest.raises(NotFound):
        await client.torrent(torrent_id)
    with pytest.raises(NotFound):
        await client.delete(torrent_id)


async def test_a_file_whose_answer_is_cut_off_is_not_sent_again(
    client: RealDebridClient, debrid: RealDebridSimulator, session: ClientSession
) -> None:
    """By itself aiohttp sends a PUT again: that makes two torrents."""
    before = len(debrid.account.torrents)
    debrid.unanswered = 1
    with pytest.raises(CannotConnect):
        await client.add_torrent(torrent_file())
    assert len(debrid.account.torrents) == before + 1
    debrid.unanswered = 1
    url, headers = f"{debrid.url}/rest/1.0/torrents/addTorrent", {"Authorization": f"Bearer {API_TOKEN}"}
    async with session.put(url, data=torrent_file(), headers=headers) as answer:
        assert answer.status == 201
    assert len(debrid.account.torrents) == before + 3, "else nothing would have to be prevented"
    assert await client.add_torrent(torrent_file()), "and the next one is answered"


async def test_from_a_torrent_file(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    info = await client.torrent(await client.add_torrent(torrent_file()))
    assert info.torrent.status is DebridStatus.WAITING_FILES_SELECTION
    assert [(file.path, file.size_bytes) for file in info.files] == [("/film.mkv", 9)]
    assert debrid.requests[0].body == torrent_file()


async def test_what_is_not_cached_is_fetched(
    client: RealDebridClient, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    plan = Plan(name=SERIES.name, files=SERIES.files, cached=False, packed=True, seeders=3, download_seconds=100)
    torrent_id = await added(client, debrid, clock, plan)
    await client.select_files(torrent_id, None)
    clock.advance(timedelta(seconds=50))
    torrent = (await client.torrent(torrent_id)).torrent
    assert (torrent.status, torrent.progress, torrent.seeders) == (DebridStatus.DOWNLOADING, 50, 3)
    assert torrent.download_rate == 12_500_000
    clock.advance(timedelta(seconds=51))
    assert await status(client, torrent_id) is DebridStatus.COMPRESSING
    clock.advance(timedelta(seconds=5))
    assert await status(client, torrent_id) is DebridStatus.UPLOADING
    clock.advance(timedelta(seconds=5))
    info = await client.torrent(torrent_id)
    assert (info.torrent.status, len(info.selected), len(info.torrent.links)) == (DebridStatus.DOWNLOADED, 3, 1)


@pytest.mark.parametrize("outcome", ["error", "virus", "dead", "magnet_error"])
async def test_what_fails(
    client: RealDebridClient, debrid: RealDebridSimulator, clock: ManualClock, outcome: str
) -> None:
    plan = Plan(name=SERIES.name, files=SERIES.files, cached=False, outcome=outcome)
    torrent_id = await added(client, debrid, clock, plan)
    if outcome != "magnet_error":
        await client.select_files(torrent_id, None)
        clock.advance(timedelta(minutes=3))
    assert await status(client, torrent_id) is DebridStatus(outcome)
    assert (await client.torrent(torrent_id)).torrent.links == ()


async def test_selecting_twice_is_no_error(
    client: RealDebridClient, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    torrent_id = await added(client, debrid, clock, SERIES)
    await client.select_files(torrent_id, [2, 1])
    await client.select_files(torrent_id, [1, 2])
    sent = [request for request in debrid.requests if "selectFiles" in request.path]
    assert [(request.body, request.status) for request in sent] == [(b"files=1%2C2", 204), (b"files=1%2C2", 202)]
    with pytest.raises(ValueError, match="no file"):
        await client.select_files(torrent_id, [])


async def test_files_that_are_not_there(
    client: RealDebridClient, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    torrent_id = await added(client, debrid, clock, SERIES)
    with pytest.raises(NotFound) as caught:
        await client.select_files(torrent_id, [4])
    assert caught.value.code == DebridCode.BAD_PARAMETER_VALUE


@pytest.mark.parametrize("torrent_id", ["", ".", "..", "../../user", "a b", "a%2Fb", "é"])
async def test_what_is_no_id_leads_nowhere(
    client: RealDebridClient, debrid: RealDebridSimulator, torrent_id: str
) -> None:
    for call in (client.torrent(torrent_id), client.delete(torrent_id), client.select_files(torrent_id, None)):
        with pytest.raises(NotFound):
            await call
    assert debrid.requests == []


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [code for code in ERRORS if code != 31])
async def test_every_error_code_is_on_its_error(
    client: RealDebridClient, debrid: RealDebridSimulator, code: int
) -> None:
    name, http_status = ERRORS[code]
    body = json.dumps({"error": name, "error_code": code})
    debrid.fault(FaultKind.STATUS, "* /rest/*", status=http_status, body=body)
    with pytest.raises(BackendError) as caught:
        await client.add_magnet(MAGNET)
    error = caught.value
    assert error.code == code == DebridCode(code)
    assert name in str(error)
    kinds: dict[type[BackendError], set[int]] = {
        RateLimited: {5, 34, 36},
        InvalidAuth: {8, 10, 11, 12, 13},
        NotFound: {3, 7},
        UnexpectedResponse: {-1, 25},
    }
    expected = next((kind for kind, codes in kinds.items() if code in codes), Refused)
    assert type(error) is expected


def test_every_error_code_has_its_name() -> None:
    assert set(ERRORS) == {code.value for code in DebridCode}


@pytest.mark.parametrize(
    ("http_status", "body", "kind"),
    [
        (401, "", InvalidAuth),
        (403, "", Refused),
        (404, "", NotFound),
        (410, "", NotFound),
        (429, "", RateLimited),
        (451, "", Refused),
        (500, "oops", UnexpectedResponse),
        (502, "<html>bad gateway</html>", UnexpectedResponse),
        (403, "<!doctype html><title>Just a moment...</title>", NotTheApi),
        (401, "<html>login</html>", NotTheApi),
        (503, '{"error_code": "not a number"}', UnexpectedResponse),
        (503, '["what"]', UnexpectedResponse),
        (599, '{"error": "new", "error_code": 4711}', Refused),
    ],
)
async def test_refusals_without_a_number_or_with_a_new_one(
    client: RealDebridClient,
    debrid: RealDebridSimulator,
    http_status: int,
    body: str,
    kind: type[BackendError],
) -> None:
    debrid.fault(FaultKind.STATUS, "* /rest/*", status=http_status, body=body)
    with pytest.raises(BackendError) as caught:
        await client.user()
    assert isinstance(caught.value, kind)
    assert caught.value.code == (4711 if "4711" in body else None)


async def test_an_infringing_file(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.account.plans[HASH] = Plan(refused_code=35)
    with pytest.raises(Refused) as caught:
        await client.add_magnet(MAGNET)
    assert (caught.value.code, caught.value.status) == (DebridCode.INFRINGING_FILE, 451)
    assert client.budget.state(datetime.now(UTC)).throttled_at is None, "so that it can be believed"


async def test_too_many_active_torrents(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.account.active_limit = 1
    debrid.account.fill(1, statuses=["queued"])
    with pytest.raises(Refused) as caught:
        await client.add_magnet(MAGNET)
    assert caught.value.code == DebridCode.TOO_MANY_ACTIVE_DOWNLOADS


async def test_links_that_lead_nowhere(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    page = await client.torrents()
    assert page is not None
    link = page.torrents[0].links[0]
    debrid.account.broken_links[link] = 19
    with pytest.raises(Refused) as caught:
        await client.unrestrict(link)
    assert caught.value.code == DebridCode.HOSTER_UNAVAILABLE
    with pytest.raises(Refused) as caught:
        await client.unrestrict("https://elsewhere.example/x")
    assert caught.value.code == DebridCode.UNSUPPORTED_HOSTER


async def test_an_account_that_is_not_paid_for(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.account.premium_until = None
    with pytest.raises(Refused) as caught:
        await client.add_magnet(MAGNET)
    assert caught.value.code == DebridCode.PERMISSION_DENIED


# --- throttling ------------------------------------------------------------------------------------------------------


async def test_a_429_pauses_the_account_and_nothing_more_is_sent(
    client: RealDebridClient, debrid: RealDebridSimulator
) -> None:
    debrid.fault(FaultKind.STATUS, "* /rest/*", times=1, status=429, headers={"Retry-After": "120"})
    with pytest.raises(RateLimited) as caught:
        await client.user()
    assert caught.value.retry_after == timedelta(seconds=120)
    for name in CALLS:
        with pytest.raises(RateLimited) as caught:
            await CALLS[name][1](client)
        assert timedelta(seconds=110) < caught.value.retry_after <= timedelta(seconds=120)
    assert len(debrid.requests) == 1
    state = client.budget.state(datetime.now(UTC))
    assert (state.refused, state.per_minute) == (1, 125)
    assert state.paused_until is not None


@pytest.mark.parametrize(("code", "http_status"), [(5, 429), (34, 429), (36, 503), (5, 503)])
async def test_codes_that_pause_whatever_their_status(
    client: RealDebridClient, debrid: RealDebridSimulator, code: int, http_status: int
) -> None:
    body = json.dumps({"error": "x", "error_code": code})
    debrid.fault(FaultKind.STATUS, "* /rest/*", times=1, status=http_status, body=body)
    with pytest.raises(RateLimited) as caught:
        await client.user()
    assert caught.value.code == code
    assert caught.value.retry_after is not None
    with pytest.raises(RateLimited):
        await client.user()
    assert len(debrid.requests) == 1
    assert client.budget.state(datetime.now(UTC)).per_minute == (250 if code == 36 else 125)


async def test_real_debrids_own_limit_is_met_and_counted(
    session: ClientSession, clock: ManualClock, socket_enabled: None
) -> None:
    """Others use the account, too: ours is the request that is one too many."""
    async with RealDebridSimulator(clock=clock, per_minute=10) as debrid:
        client = client_of(session, debrid.url)
        for _ in range(10):
            await client.user()
        with pytest.raises(RateLimited) as caught:
            await client.user()
        assert caught.value.code == DebridCode.TOO_MANY_REQUESTS
        assert (debrid.meter.counted, debrid.meter.refused) == (11, 1)
        assert client.budget.state(clock.now()).throttled_at is not None


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        (FaultKind.HANG, {}, CannotConnect),
        (FaultKind.DISCONNECT, {}, CannotConnect),
        (FaultKind.HTML, {}, NotTheApi),
        (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
        (FaultKind.STATUS, {"status": 304}, UnexpectedResponse),
        (FaultKind.REDIRECT, {"location": "http://localhost:9/elsewhere"}, NotTheApi),
    ],
)
async def test_every_call_meets_every_fault(
    session: ClientSession,
    debrid: RealDebridSimulator,
    name: str,
    fault: FaultKind,
    options: dict[str, Any],
    error: type[BackendError],
) -> None:
    patience = 0.05 if fault is FaultKind.HANG else 10
    client = RealDebridClient(session, ApiToken(API_TOKEN), DebridBudget(250), url=debrid.url, timeout_seconds=patience)
    debrid.fault(fault, CALLS[name][0], **options)
    with pytest.raises(error):
        await CALLS[name][1](client)


@pytest.mark.parametrize("name", READING)
@pytest.mark.parametrize(
    "fault", [FaultKind.TRUNCATE, FaultKind.TRUNCATE_JSON, FaultKind.WRONG_TYPES], ids=lambda each: each.value
)
async def test_an_answer_that_is_none(
    session: ClientSession, debrid: RealDebridSimulator, name: str, fault: FaultKind
) -> None:
    client = client_of(session, debrid.url)
    debrid.account.traffic = {"one.example": {"left": 5, "type": "links"}}
    route, call = CALLS[name]
    if name == "unrestrict":
        link = next(iter(debrid.account.torrents.values())).links[0]
        call = lambda client: client.unrestrict(link)  # noqa: E731 -- it reads as the table does
    debrid.fault(fault, route)
    with pytest.raises(UnexpectedResponse):
        await call(client)


async def test_a_total_that_is_not_told(client: RealDebridClient, session: ClientSession) -> None:
    async with Canned({"GET /rest/1.0/torrents": [{}]}) as server:
        with pytest.raises(UnexpectedResponse, match="how many"):
            await client_of(session, server.url).total()


@pytest.mark.parametrize("missing", ["id", "hash", "added"])
async def test_what_every_torrent_must_have(
    client: RealDebridClient, debrid: RealDebridSimulator, missing: str
) -> None:
    debrid.fault(FaultKind.MISSING_FIELDS, "* /rest/*", fields=(missing,))
    with pytest.raises(UnexpectedResponse):
        await client.torrents()


async def test_what_may_be_missing(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    optional = ("filename", "bytes", "host", "split", "progress", "links", "ended", "status")
    debrid.fault(FaultKind.MISSING_FIELDS, "* /rest/*", fields=optional)
    page = await client.torrents()
    assert page is not None
    torrent = page.torrents[0]
    assert (torrent.filename, torrent.size_bytes, torrent.links, torrent.ended_at) == ("", 0, (), None)
    assert torrent.status is DebridStatus.UNKNOWN


async def test_a_status_of_a_newer_version(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.fault(FaultKind.UNKNOWN_ENUMS, "* /rest/*", fields=("status",))
    page = await client.torrents()
    assert page is not None
    assert {torrent.status for torrent in page.torrents} == {DebridStatus.UNKNOWN}


async def test_an_answer_that_comes_slowly(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    debrid.fault(FaultKind.DRIP, "* /rest/*", delay_seconds=0.0)
    page = await client.torrents()
    assert page is not None
    assert len(page.torrents) == 3


async def test_a_large_answer_that_is_cut_is_no_short_one(
    client: RealDebridClient, debrid: RealDebridSimulator
) -> None:
    debrid.account.fill(1000)
    debrid.fault(FaultKind.TRUNCATE_JSON, "* /rest/*")
    with pytest.raises(UnexpectedResponse):
        await client.torrents()


# --- tokens ----------------------------------------------------------------------------------------------------------


class Kept:
    """Tokens in memory."""

    def __init__(self, tokens: DebridTokens | None = None) -> None:
        self.tokens = tokens
        self.saved = 0

    async def load(self) -> DebridTokens | None:
        return self.tokens

    async def save(self, tokens: DebridTokens | None) -> None:
        self.tokens = tokens
        self.saved += 1


@pytest.fixture
def oauth(session: ClientSession, debrid: RealDebridSimulator, clock: ManualClock) -> DebridOAuth:
    return DebridOAuth(session, debrid.url, now=clock.now, timeout_seconds=5)


async def let_in(oauth: DebridOAuth, debrid: RealDebridSimulator) -> DebridTokens:
    code = await oauth.begin()
    debrid.oauth.approve(code.user_code, debrid.account.id)
    tokens = await oauth.finish(code)
    assert tokens is not None
    return tokens


async def with_tokens(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> tuple[RealDebridClient, Kept]:
    kept = Kept(await let_in(oauth, debrid))
    tokens = RenewedTokens(kept, oauth.renew, now=clock.now)
    return RealDebridClient(session, tokens, DebridBudget(250), url=debrid.url, timeout_seconds=5), kept


async def test_a_code_that_is_typed(oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock) -> None:
    code = await oauth.begin()
    assert (code.verification_url, code.interval) == ("https://real-debrid.com/device", timedelta(seconds=5))
    assert code.expires_in == DEVICE_LIFE
    assert code.device_code not in repr(code)
    assert await oauth.finish(code) is None
    debrid.oauth.approve(code.user_code.lower(), debrid.account.id)
    tokens = await oauth.finish(code)
    assert tokens is not None
    assert tokens.expires_at == clock.now() + TOKEN_LIFE
    assert DebridTokens.from_data(tokens.as_data()) == tokens
    for secret in (tokens.client_secret, tokens.access_token, tokens.refresh_token, tokens.client_id):
        assert secret not in repr(tokens)
    with pytest.raises(InvalidAuth):  # a code is good for once
        await oauth.finish(code)


async def test_a_code_that_is_declined_or_too_old(
    oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    code = await oauth.begin()
    debrid.oauth.deny(code.user_code)
    with pytest.raises(Refused):
        await oauth.finish(code)
    code = await oauth.begin()
    clock.advance(DEVICE_LIFE)
    with pytest.raises(Refused):
        await oauth.finish(code)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 403, "body": ""}, None),
        ({"status": 400, "body": '{"error":"x"}'}, None),
        ({"status": 403, "body": '{"error":"x","error_code":9}'}, None),
        ({"status": 403, "body": '{"error":"x","error_code":8}'}, None),
        ({"status": 400, "body": '{"error":"x","error_code":2}'}, Refused),
        ({"status": 429, "body": ""}, RateLimited),
        ({"status": 403, "body": '{"error":"x","error_code":34}'}, RateLimited),
        ({"status": 403, "body": "<html>Just a moment</html>"}, NotTheApi),
        ({"status": 500, "body": ""}, UnexpectedResponse),
        ({"status": 404, "body": ""}, NotFound),
        ({"status": 200, "body": "{}"}, None),
        ({"status": 200, "body": "x"}, UnexpectedResponse),
    ],
)
async def test_what_a_wait_for_a_code_meets(
    oauth: DebridOAuth, debrid: RealDebridSimulator, answer: dict[str, Any], error: type[BackendError] | None
) -> None:
    code = await oauth.begin()
    debrid.fault(FaultKind.STATUS, "* /oauth/v2/device/credentials", **answer)
    if error is None:
        assert await oauth.finish(code) is None
        return
    with pytest.raises(error):
        await oauth.finish(code)


async def test_a_token_is_renewed_before_it_ends(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    client, kept = await with_tokens(session, oauth, debrid, clock)
    first = kept.tokens
    await client.user()
    assert kept.saved == 0
    clock.advance(TOKEN_LIFE - timedelta(minutes=4))
    await asyncio.gather(*(client.user() for _ in range(5)))
    assert kept.saved == 1, "once, whoever asks for it"
    assert kept.tokens is not None
    assert first is not None
    assert kept.tokens.access_token != first.access_token
    assert not [request for request in debrid.requests if request.status == 401]


async def test_a_token_that_is_refused_is_renewed_and_the_request_repeated(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    client, kept = await with_tokens(session, oauth, debrid, clock)
    (grant,) = debrid.oauth.grants
    grant.access_token = "somebody made it another"
    accounts = await asyncio.gather(*(client.user() for _ in range(3)))
    assert {account.id for account in accounts} == {1001}
    assert kept.saved == 1
    assert sum(request.path.endswith("/token") for request in debrid.requests) == 2  # the first was to be let in


async def test_an_access_that_was_taken_back(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    client, _ = await with_tokens(session, oauth, debrid, clock)
    debrid.oauth.revoke(debrid.account.id)
    with pytest.raises(InvalidAuth):
        await client.user()
    with pytest.raises(InvalidAuth):
        await RenewedTokens(Kept(), oauth.renew).token()


async def test_renewing_that_fails_for_now_loses_nothing(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    client, kept = await with_tokens(session, oauth, debrid, clock)
    before = kept.tokens
    clock.advance(TOKEN_LIFE)
    for fault in ({"kind": FaultKind.STATUS, "status": 503}, {"kind": FaultKind.HTML}):
        debrid.fault(route="* /oauth/v2/token", times=1, **fault)  # type: ignore[arg-type]
        with pytest.raises(UnexpectedResponse):
            await client.user()
    assert kept.tokens == before
    assert (await client.user()).id == 1001


async def let_go_when_renewed(asking: asyncio.Task[Any], debrid: RealDebridSimulator) -> None:
    """Cancel who asks in the moment in which Real-Debrid has renewed the token."""
    noted = debrid.oauth.on_token

    def renewed(grant: Grant) -> None:
        noted(grant)
        asking.cancel()

    debrid.oauth.on_token = renewed
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_renewal_is_not_lost_with_who_asked_for_it(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    """A look at the list lets go of what details are being read: Real-Debrid may just have renewed the token for it."""
    client, kept = await with_tokens(session, oauth, debrid, clock)
    clock.advance(TOKEN_LIFE)
    asking = asyncio.create_task(client.user())
    await let_go_when_renewed(asking, debrid)
    assert (await client.user()).id == 1001, "those before are worth nothing any more"
    assert kept.saved == 1, "and it was renewed once"


async def test_a_renewal_that_nobody_waits_for_any_more_may_fail(
    oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    begun, ends, unheard = asyncio.Event(), asyncio.Event(), list[Any]()

    async def renew(_tokens: DebridTokens) -> DebridTokens:
        begun.set()
        await ends.wait()
        raise CannotConnect("nobody answers")

    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context))
    tokens = RenewedTokens(Kept(await let_in(oauth, debrid)), renew, now=clock.now)
    clock.advance(TOKEN_LIFE)
    asking = asyncio.create_task(tokens.token())
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    ends.set()
    with pytest.raises(CannotConnect):
        await tokens.token()
    with pytest.raises(CannotConnect):  # it is tried again, and the first one is gone
        await tokens.token()
    gc.collect()
    assert unheard == []


async def test_what_is_forgotten_does_not_come_back_with_a_renewal(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    _, kept = await with_tokens(session, oauth, debrid, clock)
    tokens = RenewedTokens(kept, oauth.renew, now=clock.now)
    clock.advance(TOKEN_LIFE)
    asking = asyncio.create_task(tokens.token())
    await let_go_when_renewed(asking, debrid)
    await tokens.forget()
    assert kept.saved == 2, "what was being renewed came first"
    assert kept.tokens is None


async def test_a_refresh_token_that_stays_the_same(oauth: DebridOAuth, debrid: RealDebridSimulator) -> None:
    tokens = await let_in(oauth, debrid)
    debrid.oauth.refresh_rotates = False
    assert (await oauth.renew(tokens)).refresh_token == tokens.refresh_token
    debrid.fault(FaultKind.MISSING_FIELDS, "* /oauth/v2/token", fields=("refresh_token",))
    assert (await oauth.renew(tokens)).refresh_token == tokens.refresh_token


async def test_leaving_revokes_what_was_given_to_us(
    session: ClientSession, oauth: DebridOAuth, debrid: RealDebridSimulator, clock: ManualClock
) -> None:
    client, kept = await with_tokens(session, oauth, debrid, clock)
    assert client.keeps_tokens
    await client.leave()
    assert (kept.tokens, debrid.oauth.grants) == (None, [])
    client, kept = await with_tokens(session, oauth, debrid, clock)
    await debrid.refuse()
    with pytest.raises(CannotConnect):
        await client.leave()
    assert kept.tokens is None, "forgotten nevertheless"


async def test_leaving_keeps_a_persons_own_token(client: RealDebridClient, debrid: RealDebridSimulator) -> None:
    assert not client.keeps_tokens
    await client.leave()
    assert debrid.requests == []
    assert (await client.user()).id == 1001


@pytest.mark.parametrize("token", ["", "né", "a\nb", "a b", "a\x00"])
def test_what_no_token_is_made_of(token: str) -> None:
    with pytest.raises(InvalidAuth):
        ApiToken(token)


# --- where a token goes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
async def test_no_token_goes_to_another_host_or_into_a_url_or_a_log(
    session: ClientSession,
    client: RealDebridClient,
    debrid: RealDebridSimulator,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Canned({}) as elsewhere:
        debrid.fault(FaultKind.REDIRECT, location=f"http://localhost:{elsewhere.port}/rest/1.0/user")
        with pytest.raises(NotTheApi) as caught:
            await CALLS[name][1](client)
        assert elsewhere.requests == []
    (request,) = debrid.requests
    assert request.headers["Authorization"] == f"Bearer {API_TOKEN}"
    assert API_TOKEN not in f"{request.path}{request.query}{request.body!r}"
    assert API_TOKEN not in caplog.text + str(caught.value)


async def test_an_error_that_repeats_the_token_does_not_tell_it(
    client: RealDebridClient, debrid: RealDebridSimulator
) -> None:
    body = json.dumps({"error": f"bad Authorization: Bearer {API_TOKEN}", "error_code": 2})
    debrid.fault(FaultKind.STATUS, "* /rest/*", status=400, body=body)
    with pytest.raises(Refused) as caught:
        await client.user()
    assert API_TOKEN not in str(caught.value)


# --- turns -----------------------------------------------------------------------------------------------------------


async def test_a_call_says_who_waits_for_it(session: ClientSession, debrid: RealDebridSimulator) -> None:
    asked: list[tuple[DebridPriority, bool]] = []

    class Noting(DebridBudget):
        async def turn(self, priority: DebridPriority = DebridPriority.BACKGROUND, *, lists: bool = False) -> float:
            asked.append((priority, lists))
            return await super().turn(priority, lists=lists)

    client = RealDebridClient(session, ApiToken(API_TOKEN), Noting(), url=debrid.url)
    await client.user()
    await client.user(priority=DebridPriority.PERSON)
    await client.torrents(priority=DebridPriority.PERSON)
    await client.total()
    assert asked == [
        (DebridPriority.BACKGROUND, False),
        (DebridPriority.PERSON, False),
        (DebridPriority.PERSON, True),
        (DebridPriority.BACKGROUND, True),
    ]


def test_a_code_to_type_is_told_as_it_is() -> None:
    code = DeviceCode(
        device_code="secret",
        user_code="ABC",
        verification_url="https://x.example",
        direct_url=None,
        interval=timedelta(seconds=5),
        expires_in=timedelta(minutes=30),
    )
    assert "secret" not in repr(code)
