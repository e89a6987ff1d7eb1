"""The simulated Real-Debrid, asked in plain HTTP: its rules as its documentation states them."""

from collections.abc import AsyncIterator
from datetime import timedelta
import json
import time
from typing import Any

from aiohttp import ClientSession
import pytest

from devstack.clock import ManualClock
from devstack.real_debrid import API_TOKEN, ERRORS, RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile
from devstack.real_debrid_limits import BLOCK, PER_MINUTE, RequestMeter
from devstack.real_debrid_oauth import DEVICE_LIFE, GRANT_TYPE, OPEN_SOURCE_CLIENT_ID, TOKEN_LIFE

pytestmark = pytest.mark.usefixtures("socket_enabled")

HASH = "cd" * 20
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=The.General.1926"

#: The fields of a torrent, by the documentation: always there, and only then.
ALWAYS = {"id", "filename", "hash", "bytes", "host", "split", "progress", "status", "added", "links"}
IN_DETAIL = ALWAYS | {"original_filename", "original_bytes", "files"}
USER = {"id", "username", "email", "points", "locale", "avatar", "type", "premium", "expiration"}
LINK = {"id", "filename", "mimeType", "filesize", "link", "host", "chunks", "crc", "download", "streamable"}
DEVICE = {"device_code", "user_code", "interval", "expires_in", "verification_url", "direct_verification_url"}
TOKEN = {"access_token", "expires_in", "token_type", "refresh_token"}


class Asking:
    """Asks the simulator as anybody would."""

    def __init__(self, session: ClientSession, debrid: RealDebridSimulator, clock: ManualClock) -> None:
        self.session, self.debrid, self.clock = session, debrid, clock
        self.token = API_TOKEN
        self.headers: Any = {}

    async def __call__(self, route: str, *, form: dict[str, str] | None = None, **headers: str) -> tuple[int, Any]:
        method, path = route.split(" ")
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        url = f"{self.debrid.url}{path if path.startswith('/') else f'/rest/1.0/{path}'}"
        async with self.session.request(method, url, data=form, headers=sent) as answer:
            text = await answer.text()
            self.headers = answer.headers
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text

    async def status(self, torrent_id: str) -> str:
        return str((await self(f"GET torrents/info/{torrent_id}"))[1]["status"])

    async def passes(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
async def ask() -> AsyncIterator[Asking]:
    clock = ManualClock()
    async with RealDebridSimulator(clock=clock) as debrid, ClientSession() as session:
        yield Asking(session, debrid, clock)


def refused(code: int, status: int | None = None) -> tuple[int, dict[str, Any]]:
    return status or ERRORS[code][1], {"error": ERRORS[code][0], "error_code": code}


# --- who asks --------------------------------------------------------------------------------------------------------


async def test_a_token_is_needed_but_for_the_time(ask: Asking) -> None:
    ask.token = "wrong"
    assert await ask("GET user") == refused(8)
    assert await ask("GET torrents") == refused(8)
    assert await ask("GET time") == (200, "2026-11-21 12:00:00")
    assert await ask("GET time/iso") == (200, "2026-11-21T12:00:00+0000")
    assert ask.debrid.meter.counted == 0


async def test_the_fields_of_the_account(ask: Asking) -> None:
    status, user = await ask("GET user")
    assert (status, user.keys()) == (200, USER)
    assert (user["type"], user["premium"], user["expiration"]) == ("premium", 15_552_000, "2027-05-20T12:00:00.000Z")
    ask.debrid.account.locked = True
    assert await ask("GET user") == refused(14)


async def test_a_token_can_be_disabled(ask: Asking) -> None:
    assert await ask("GET disable_access_token") == (204, "")
    assert await ask("GET user") == refused(8)


async def test_accounts_see_their_own_torrents_and_have_their_own_limit(ask: Asking) -> None:
    other = ask.debrid.add_account("other", "OTHER")
    other.fill(2)
    assert (await ask("GET torrents"))[0] == 204
    ask.token = "OTHER"
    assert len((await ask("GET torrents"))[1]) == 2
    assert [meter.counted for meter in ask.debrid.meters.values()] == [1, 1]


# --- the limit -------------------------------------------------------------------------------------------------------


async def test_250_requests_a_minute_and_refused_ones_count(ask: Asking) -> None:
    statuses = [(await ask("GET user"))[0] for _ in range(PER_MINUTE + 50)]
    assert statuses == [200] * PER_MINUTE + [429] * 50
    assert await ask("GET user") == refused(34)
    await ask.passes(59)
    assert (await ask("GET user"))[0] == 429
    await ask.passes(2)
    # of the minute before only the one at 59 s is left
    assert [(await ask("GET user"))[0] for _ in range(PER_MINUTE)] == [200] * (PER_MINUTE - 1) + [429]


def test_who_goes_on_regardless_is_blocked() -> None:
    clock = ManualClock()
    meter = RequestMeter(10, refused_before_block=20)
    for _ in range(31):
        meter.admit(clock.now(), lists=False)
    assert meter.blocked_until == clock.now() + BLOCK
    clock.advance(BLOCK - timedelta(seconds=1))
    assert not meter.admit(clock.now(), lists=False)
    clock.advance(timedelta(seconds=1))
    assert meter.admit(clock.now(), lists=False)
    assert (meter.counted, meter.refused, meter.most_in_a_minute) == (33, 22, 31)


def test_lists_may_be_limited_more() -> None:
    clock = ManualClock()
    meter = RequestMeter(10, lists_per_minute=2)
    assert [meter.admit(clock.now(), lists=True) for _ in range(3)] == [True, True, False]
    assert meter.admit(clock.now(), lists=False)
    assert meter.throttled_within(clock.now(), timedelta(seconds=30))


async def test_soon_after_throttling_it_may_call_anything_infringing(ask: Asking) -> None:
    ask.debrid.confused_when_throttled = True
    assert (await ask("POST torrents/addMagnet", form={"magnet": MAGNET}))[0] == 201
    ask.debrid.meter.refused_at = ask.clock.now()
    assert await ask("POST torrents/addMagnet", form={"magnet": MAGNET}) == refused(35)
    await ask.passes(31)
    assert (await ask("POST torrents/addMagnet", form={"magnet": MAGNET}))[0] == 201


# --- lists -----------------------------------------------------------------------------------------------------------


async def test_pages(ask: Asking) -> None:
    assert await ask("GET torrents") == (204, "")
    ask.debrid.account.fill(250)
    status, rows = await ask("GET torrents")
    assert (status, len(rows), ask.headers["X-Total-Count"]) == (200, 100, "250")
    added = [row["added"] for row in rows]
    assert added == sorted(added, reverse=True)
    everything = (await ask("GET torrents?limit=5000"))[1]
    assert (await ask("GET torrents?page=3&limit=100"))[1] == everything[200:]
    assert (await ask("GET torrents?offset=248&limit=5000"))[1] == everything[248:]
    assert (await ask("GET torrents?page=2&offset=7&limit=10"))[1] == everything[10:20], "the page wins"
    assert await ask("GET torrents?page=4&limit=100") == (204, "")
    for wrong in ("limit=5001", "limit=-1", "limit=x", "page=0", "offset=-1"):
        assert await ask(f"GET torrents?{wrong}") == refused(2)


async def test_etags(ask: Asking) -> None:
    ask.debrid.account.fill(3)
    await ask("GET torrents?limit=2")
    etag = ask.headers["ETag"]
    unchanged = {"If-None-Match": etag}
    assert await ask("GET torrents?limit=2", **unchanged) == (304, "")
    assert ask.headers["X-Total-Count"] == "3"
    oldest = next(iter(ask.debrid.account.torrents))
    ask.debrid.account.delete(oldest)  # it was on no page that was read
    assert (await ask("GET torrents?limit=2", **unchanged))[0] == 304
    ask.debrid.account.turn(list(ask.debrid.account.torrents.values())[-1], "error")
    assert (await ask("GET torrents?limit=2", **unchanged))[0] == 200


async def test_active_ones_alone(ask: Asking) -> None:
    ask.debrid.account.fill(4, statuses=["downloaded", "queued", "dead", "waiting_files_selection"])
    rows = (await ask("GET torrents?filter=active"))[1]
    assert [row["status"] for row in rows] == ["queued"]
    status, count = await ask("GET torrents/activeCount")
    assert (status, count) == (200, {"nb": 1, "limit": 100, "list": [rows[0]["hash"]]})


async def test_100_000_torrents_are_cheap(ask: Asking) -> None:
    begin = time.process_time()
    ask.debrid.account.fill(100_000)
    for page in range(1, 4):
        assert len((await ask(f"GET torrents?page={page}&limit=5000"))[1]) == 5000
    assert time.process_time() - begin < 10


# --- a torrent's life ------------------------------------------------------------------------------------------------


async def test_the_fields_of_a_torrent_and_when_they_are_there(ask: Asking) -> None:
    files = (PlannedFile("/one.mkv", 700), PlannedFile("/two.mkv", 300))
    ask.debrid.account.plans[HASH] = Plan(files=files, cached=False, download_seconds=100, packed=True)
    status, added = await ask("POST torrents/addMagnet", form={"magnet": MAGNET})
    assert (status, added.keys()) == (201, {"id", "uri"})
    details = f"GET torrents/info/{added['id']}"
    seen: dict[str, set[str]] = {}
    for seconds in (0, 1, 0, 50, 51, 5, 5):
        await ask.passes(seconds)
        info = (await ask(details))[1]
        if info["status"] == "waiting_files_selection":
            assert info["bytes"] == 1000
            assert (await ask(f"POST torrents/selectFiles/{added['id']}", form={"files": "2"}))[0] == 204
        seen[info["status"]] = set(info) - IN_DETAIL
    assert seen == {
        "magnet_conversion": {"seeders"},
        "waiting_files_selection": set(),
        "downloading": {"speed", "seeders"},
        "compressing": {"speed"},
        "uploading": {"speed"},
        "downloaded": {"ended"},
    }
    assert (info["bytes"], info["original_bytes"], len(info["links"])) == (300, 1000, 1)
    assert info["files"] == [
        {"id": 1, "path": "/one.mkv", "bytes": 700, "selected": 0},
        {"id": 2, "path": "/two.mkv", "bytes": 300, "selected": 1},
    ]
    (row,) = (await ask("GET torrents"))[1]
    assert row.keys() == ALWAYS | {"ended"}


async def test_what_it_has_already_is_there_at_once(ask: Asking) -> None:
    added = (await ask("POST torrents/addMagnet", form={"magnet": MAGNET}))[1]
    await ask.passes(1)
    assert (await ask(f"POST torrents/selectFiles/{added['id']}", form={"files": "all"}))[0] == 204
    assert await ask.status(added["id"]) == "queued"
    await ask.passes(1)
    assert await ask.status(added["id"]) == "downloaded"
    assert (await ask(f"POST torrents/selectFiles/{added['id']}", form={"files": "all"}))[0] == 202


async def test_nothing_goes_on_before_files_are_selected(ask: Asking) -> None:
    added = (await ask("POST torrents/addMagnet", form={"magnet": MAGNET}))[1]
    assert await ask(f"POST torrents/selectFiles/{added['id']}", form={"files": "1"}) == refused(7)
    await ask.passes(1_000_000)
    assert await ask.status(added["id"]) == "waiting_files_selection"
    assert await ask(f"POST torrents/selectFiles/{added['id']}", form={"files": "9"}) == refused(2, 404)
    assert await ask(f"POST torrents/selectFiles/{added['id']}", form={"files": "x"}) == refused(2)
    assert await ask(f"POST torrents/selectFiles/{added['id']}") == refused(1)


@pytest.mark.parametrize("stuck_in", ["magnet_conversion", "queued"])
async def test_what_is_stuck(ask: Asking, stuck_in: str) -> None:
    ask.debrid.account.plans[HASH] = Plan(outcome="stuck", stuck_in=stuck_in)
    added = (await ask("POST torrents/addMagnet", form={"magnet": MAGNET}))[1]
    await ask.passes(2)
    if stuck_in == "queued":
        await ask(f"POST torrents/selectFiles/{added['id']}", form={"files": "all"})
    await ask.passes(1_000_000)
    assert await ask.status(added["id"]) == stuck_in


async def test_only_so_many_are_fetched_at_once(ask: Asking) -> None:
    ask.debrid.account.active_slots = 1
    ids = []
    for digit in "12":
        ask.debrid.account.plans[digit * 40] = Plan(cached=False, download_seconds=60)
        magnet = {"magnet": f"magnet:?xt=urn:btih:{digit * 40}"}
        ids.append((await ask("POST torrents/addMagnet", form=magnet))[1]["id"])
    await ask.passes(1)
    for each in ids:
        await ask(f"POST torrents/selectFiles/{each}", form={"files": "all"})
    assert [await ask.status(each) for each in ids] == ["downloading", "queued"]
    await ask.passes(61)
    assert [await ask.status(each) for each in ids] == ["uploading", "downloading"]


async def test_the_same_torrent_can_be_added_twice(ask: Asking) -> None:
    first, second = [(await ask("POST torrents/addMagnet", form={"magnet": MAGNET}))[1]["id"] for _ in range(2)]
    assert first != second
    assert len((await ask("GET torrents"))[1]) == 2
    ask.debrid.refuses_active_twice = True
    assert await ask("POST torrents/addMagnet", form={"magnet": MAGNET}) == refused(33)


async def test_what_is_not_taken(ask: Asking) -> None:
    assert await ask("POST torrents/addMagnet") == refused(1)
    assert await ask("POST torrents/addMagnet", form={"magnet": "what"}) == refused(2)
    assert await ask("PUT torrents/addTorrent", form={"no": "torrent"}) == refused(30)
    ask.debrid.account.plans[HASH] = Plan(refused_code=35)
    assert await ask("POST torrents/addMagnet", form={"magnet": MAGNET}) == refused(35)
    assert ERRORS[35][1] == 451
    del ask.debrid.account.plans[HASH]
    ask.debrid.account.active_limit = 0
    assert await ask("POST torrents/addMagnet", form={"magnet": MAGNET}) == refused(21)
    ask.debrid.account.premium_until = None
    assert await ask("POST torrents/addMagnet", form={"magnet": MAGNET}) == refused(9)


async def test_deleting(ask: Asking) -> None:
    ask.debrid.account.fill(1)
    (row,) = (await ask("GET torrents"))[1]
    assert await ask(f"DELETE torrents/delete/{row['id']}") == (204, "")
    assert await ask(f"DELETE torrents/delete/{row['id']}") == refused(7)
    assert await ask(f"GET torrents/info/{row['id']}") == refused(7)
    assert (await ask("GET torrents"))[0] == 204


async def test_links(ask: Asking) -> None:
    ask.debrid.account.fill(1, files=2)
    (row,) = (await ask("GET torrents"))[1]
    status, link = await ask("POST unrestrict/link", form={"link": row["links"][1]})
    assert (status, link.keys() >= LINK) == (200, True)
    assert link["filename"].endswith(".02.mkv")
    ask.debrid.account.broken_links[row["links"][0]] = 24
    assert await ask("POST unrestrict/link", form={"link": row["links"][0]}) == refused(24)
    assert await ask("POST unrestrict/link", form={"link": "https://elsewhere.example"}) == refused(16)
    assert await ask("POST unrestrict/link") == refused(1)
    ask.debrid.account.premium_until = None
    assert await ask("POST unrestrict/link", form={"link": row["links"][1]}) == refused(20)


async def test_what_there_is_no_more_and_what_there_never_was(ask: Asking) -> None:
    assert await ask(f"GET torrents/instantAvailability/{HASH}") == refused(37)
    assert await ask("GET what/is/this") == refused(3)
    assert await ask("POST torrents") == refused(4)
    assert (await ask("GET torrents/availableHosts"))[0] == 200


# --- the device-code flow --------------------------------------------------------------------------------------------


async def begin(ask: Asking) -> dict[str, Any]:
    status, device = await ask(f"GET /oauth/v2/device/code?client_id={OPEN_SOURCE_CLIENT_ID}&new_credentials=yes")
    assert (status, device.keys()) == (200, DEVICE)
    return dict(device)


async def credentials(ask: Asking, device: dict[str, Any]) -> tuple[int, Any]:
    code = device["device_code"]
    return await ask(f"GET /oauth/v2/device/credentials?client_id={OPEN_SOURCE_CLIENT_ID}&code={code}")


async def token(ask: Asking, known: dict[str, str], code: str) -> tuple[int, Any]:
    form = {**known, "code": code, "grant_type": GRANT_TYPE}
    return await ask("POST /oauth/v2/token", form=form)


async def test_from_a_code_to_a_token_and_its_renewal(ask: Asking) -> None:
    device = await begin(ask)
    assert (device["interval"], device["expires_in"]) == (5, 1800)
    status, pending = await credentials(ask, device)
    assert (status, "error_code" in pending) == (403, False), "not yet is an error without a number"
    async with ask.session.post(f"{ask.debrid.url}/_control/approve", json={"user_code": device["user_code"]}) as told:
        assert (await told.json())["approved"]
    status, known = await credentials(ask, device)
    assert (status, known.keys()) == (200, {"client_id", "client_secret"})
    status, first = await token(ask, known, device["device_code"])
    assert (status, first.keys(), first["token_type"], first["expires_in"]) == (200, TOKEN, "Bearer", 3600)
    assert (await token(ask, known, device["device_code"]))[0] == 403, "a code is good for once"
    ask.token = first["access_token"]
    assert (await ask("GET user"))[1]["id"] == ask.debrid.account.id
    await ask.passes(TOKEN_LIFE.total_seconds())
    assert await ask("GET user") == refused(8)
    status, second = await token(ask, known, first["refresh_token"])
    ask.token = second["access_token"]
    assert (await ask("GET user"))[0] == 200
    assert (await token(ask, known, first["refresh_token"]))[0] == 403
    ask.debrid.oauth.revoke(ask.debrid.account.id)
    assert await ask("GET user") == refused(8)
    assert (await token(ask, known, second["refresh_token"]))[0] == 403


async def test_codes_that_come_to_nothing(ask: Asking) -> None:
    assert (await ask("GET /oauth/v2/device/code?client_id=SOMEBODY"))[0] == 400
    device = await begin(ask)
    async with ask.session.post(f"{ask.debrid.url}/_control/deny", json={"user_code": device["user_code"]}) as told:
        assert (await told.json())["denied"]
    assert (await credentials(ask, device))[1]["error_code"] == 2
    device = await begin(ask)
    await ask.passes(DEVICE_LIFE.total_seconds())
    assert (await credentials(ask, device))[0] == 400
    with pytest.raises(KeyError):
        ask.debrid.oauth.approve(device["user_code"], ask.debrid.account.id)


async def test_nobody_elses_credentials_renew_a_token(ask: Asking) -> None:
    device = await begin(ask)
    ask.debrid.oauth.approve(device["user_code"], ask.debrid.account.id)
    known = (await credentials(ask, device))[1]
    tokens = (await token(ask, known, device["device_code"]))[1]
    assert (await token(ask, {**known, "client_secret": "guessed"}, tokens["refresh_token"]))[0] == 403


# --- control ---------------------------------------------------------------------------------------------------------


async def test_it_can_be_controlled_from_another_process(ask: Asking) -> None:
    async def control(route: str, **options: Any) -> Any:
        async with ask.session.post(f"{ask.debrid.url}/_control/{route}", json=options) as answer:
            return await answer.json()

    assert await control("fill", count=7, statuses=["downloaded", "dead"]) == {"torrents": 7}
    assert await control("plan", hash=HASH, files=[{"path": "/a.mkv", "size_bytes": 5}], cached=False)
    added = (await ask("POST torrents/addMagnet", form={"magnet": MAGNET}))[1]
    await ask.passes(1)
    assert (await ask(f"GET torrents/info/{added['id']}"))[1]["files"][0]["path"] == "/a.mkv"
    async with ask.session.get(f"{ask.debrid.url}/_control/meters") as answer:
        assert (await answer.json())["1001"] == {"counted": 2, "refused": 0, "most_in_a_minute": 2}
    assert await control("approve", user_code="NOBODYS") == {"approved": False}
    assert await control("deny", user_code="NOBODYS") == {"denied": False}
    assert await control("revoke") == {"revoked": True}
    assert await ask("GET user") == refused(8)


async def test_an_id_is_never_given_again(ask: Asking) -> None:
    account = ask.debrid.account
    account.fill(3)
    first = set(account.torrents)
    for torrent_id in list(first)[:2]:
        account.delete(torrent_id)
    account.fill(3)
    assert len(account.torrents) == 1 + 3
    assert len(first | set(account.torrents)) == 3 + 3
