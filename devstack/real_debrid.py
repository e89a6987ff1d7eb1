"""A simulated Real-Debrid: its REST API 1.0 and its OAuth, with all of its rules, for any number of accounts.

250 requests a minute to an account, refused ones counted, and a block for who goes on; pages of up to 5,000 torrents,
the newest first, with `X-Total-Count` and an `ETag`, and 204 past the end. What is added or deleted between two pages
shifts the second. More control: `POST /_control/fill`, `/_control/plan`, `/_control/approve`, `/_control/deny`,
`/_control/revoke`, `GET /_control/meters`.
Source: api.real-debrid.com.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
import hashlib
import json
from typing import Any

from aiohttp import web

from .clock import Clock
from .frame import CONTROL, Simulator
from .real_debrid_account import Account, Plan, PlannedFile, Torrent, as_date
from .real_debrid_limits import RequestMeter
from .real_debrid_oauth import GRANT_TYPE, INTERVAL_SECONDS, DeviceState, OAuth
from .torrents import Magnet, TorrentError, TorrentFile

REST = "/rest/1.0"
OAUTH = "/oauth/v2"
API_TOKEN = "SIMULATEDPRIVATEAPITOKEN2345672345672345672345672345"
MAX_LIMIT = 5000
DEFAULT_LIMIT = 100
#: So long after throttling, other refusals may come that have nothing to do with the file.
CONFUSED = timedelta(seconds=30)

#: The name and the status of each error code. Statuses of codes that the documentation gives none for are 503, "see
#: error message".
ERRORS: dict[int, tuple[str, int]] = {
    -1: ("internal_error", 500),
    1: ("parameter_missing", 400),
    2: ("bad_parameter_value", 400),
    3: ("unknown_method", 404),
    4: ("method_not_allowed", 405),
    5: ("slow_down", 429),
    6: ("ressource_unreachable", 503),
    7: ("unknown_ressource", 404),
    8: ("bad_token", 401),
    9: ("permission_denied", 403),
    10: ("two_factor_authentication_needed", 401),
    11: ("two_factor_authentication_pending", 401),
    12: ("invalid_login", 401),
    13: ("invalid_password", 401),
    14: ("account_locked", 403),
    15: ("account_not_activated", 403),
    16: ("unsupported_hoster", 503),
    17: ("hoster_in_maintenance", 503),
    18: ("hoster_limit_reached", 503),
    19: ("hoster_unavailable", 503),
    20: ("hoster_not_free", 403),
    21: ("too_many_active_downloads", 503),
    22: ("ip_not_allowed", 403),
    23: ("traffic_exhausted", 503),
    24: ("file_unavailable", 503),
    25: ("service_unavailable", 503),
    26: ("upload_too_big", 413),
    27: ("upload_error", 400),
    28: ("file_not_allowed", 400),
    29: ("torrent_too_big", 400),
    30: ("torrent_file_invalid", 400),
    31: ("action_already_done", 202),
    32: ("image_resolution_error", 400),
    33: ("torrent_already_active", 503),
    34: ("too_many_requests", 429),
    35: ("infringing_file", 451),
    36: ("fair_usage_limit", 503),
    37: ("disabled_endpoint", 403),
}


def refusal(code: int, status: int | None = None) -> web.Response:
    """Return the answer that goes with an error code."""
    name, usual = ERRORS[code]
    return web.json_response({"error": name, "error_code": code}, status=status or usual)


def _cut_off(request: web.Request) -> web.Response:
    """Cut the connection; whoever asked never sees what is returned."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=504)


class RealDebridSimulator(Simulator):
    """Real-Debrid on 127.0.0.1, with one account that has an API token, and room for more."""

    name = "Real-Debrid"

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        latency_seconds: float = 0.0,
        per_minute: int | None = None,
        lists_per_minute: int | None = None,
    ) -> None:
        super().__init__(clock=clock, seed=seed)
        self.latency_seconds = latency_seconds
        self.oauth = OAuth(self.clock, self.random)
        self.accounts: dict[int, Account] = {}
        self.meters: dict[int, RequestMeter] = {}
        self.confused_when_throttled = False  # answers 35 for files that are all right, soon after a 429
        self.refuses_active_twice = False  # answers 33 for a hash that is active already
        self.knows_etags = True
        self.unanswered = 0  # so many torrents are added and not answered: the connection is cut then
        self.late: list[timedelta] = []  # the next ones are cut off as well, and added only so much later
        self.overloaded = 0  # so many are added, and a gateway answers in its place: 503 with `Retry-After`
        self.after_list: Callable[[Account], None] = lambda _account: None  # what others do between two pages
        self._limits = {"lists_per_minute": lists_per_minute, **({"per_minute": per_minute} if per_minute else {})}
        self._lagging: list[tuple[datetime, Account, str, str, tuple[PlannedFile, ...]]] = []
        self._pages: dict[tuple[int, int, int, bool], tuple[int, bytes, str]] = {}
        self.account = self.add_account("home", API_TOKEN)

    def add_account(self, username: str, api_token: str) -> Account:
        """Open an account."""
        account_id = 1001 + len(self.accounts)
        account = Account(account_id, username, clock=self.clock, rng=self.random)
        self.accounts[account_id] = account
        self.meters[account_id] = RequestMeter(**self._limits)  # type: ignore[arg-type]
        self.oauth.api_tokens[api_token] = account_id
        return account

    @property
    def meter(self) -> RequestMeter:
        """The counter of the first account."""
        return self.meters[self.account.id]

    # --- routes --------------------------------------------------------------------------------------------------

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes of the API."""
        return [
            web.get(f"{OAUTH}/device/code", self._device_code),
            web.get(f"{OAUTH}/device/credentials", self._device_credentials),
            web.post(f"{OAUTH}/token", self._token),
            web.get(f"{REST}/disable_access_token", self._disable),
            web.get(f"{REST}/time", self._time),
            web.get(f"{REST}/time/iso", self._time_iso),
            web.get(f"{REST}/user", self._user),
            web.get(f"{REST}/traffic", self._traffic),
            web.get(f"{REST}/torrents", self._list),
            web.get(f"{REST}/torrents/activeCount", self._active_count),
            web.get(f"{REST}/torrents/availableHosts", self._hosts),
            web.get(f"{REST}/torrents/instantAvailability/{{path:.*}}", self._disabled),
            web.get(f"{REST}/torrents/info/{{id}}", self._info),
            web.post(f"{REST}/torrents/addMagnet", self._add_magnet),
            web.put(f"{REST}/torrents/addTorrent", self._add_torrent),
            web.post(f"{REST}/torrents/selectFiles/{{id}}", self._select),
            web.delete(f"{REST}/torrents/delete/{{id}}", self._delete),
            web.post(f"{REST}/unrestrict/link", self._unrestrict),
            web.route("*", "/{path:.*}", self._unknown),
        ]

    async def authorize(self, request: web.Request) -> web.StreamResponse | None:
        """Count the request; refuse it without a token that is good now, or when there were too many."""
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        if request.path.startswith(OAUTH) or request.path in {f"{REST}/time", f"{REST}/time/iso"}:
            return None
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("auth_token", "")
        account_id = self.oauth.account_of(token)
        if account_id is None:
            return refusal(8)
        lists = (request.method, request.path) == ("GET", f"{REST}/torrents")
        if not self.meters[account_id].admit(self.clock.now(), lists=lists):
            return refusal(34)
        account = self.accounts[account_id]
        self._catch_up()
        if account.locked:
            return refusal(14)
        request["account"], request["token"] = account, token
        account.settle()
        return None

    # --- OAuth ---------------------------------------------------------------------------------------------------

    async def _device_code(self, request: web.Request) -> web.Response:
        new = request.query.get("new_credentials") == "yes"
        device = self.oauth.begin(request.query.get("client_id", ""), new_credentials=new)
        if device is None:
            return web.json_response({"error": "wrong_parameter", "error_code": 2}, status=400)
        page = "https://real-debrid.com/device"
        return web.json_response(
            {
                "device_code": device.device_code,
                "user_code": device.user_code,
                "interval": INTERVAL_SECONDS,
                "expires_in": int((device.ends - self.clock.now()).total_seconds()),
                "verification_url": page,
                "direct_verification_url": f"https://real-debrid.com/authorize?client_id={request.query['client_id']}"
                f"&device_id={device.user_code}",
            }
        )

    async def _device_credentials(self, request: web.Request) -> web.Response:
        device = self.oauth.credentials(request.query.get("code", ""))
        if device is None or device.state is DeviceState.DENIED:
            return web.json_response({"error": "wrong_parameter", "error_code": 2}, status=400)
        if device.state is DeviceState.PENDING:
            return web.json_response({"error": "action_pending"}, status=403)
        return web.json_response({"client_id": device.client_id, "client_secret": device.client_secret})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        fields = [str(form.get(name, "")) for name in ("client_id", "client_secret", "code")]
        grant = self.oauth.token(*fields) if form.get("grant_type") == GRANT_TYPE else None
        if grant is None:
            return web.json_response({"error": "wrong_parameter", "error_code": 2}, status=403)
        return web.json_response(
            {
                "access_token": grant.access_token,
                "expires_in": int((grant.ends - self.clock.now()).total_seconds()),
                "token_type": "Bearer",
                "refresh_token": grant.refresh_token,
            }
        )

    async def _disable(self, request: web.Request) -> web.Response:
        self.oauth.disable(request["token"])
        return web.Response(status=204)

    # --- the account ---------------------------------------------------------------------------------------------

    async def _time(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text=f"{self.clock.now():%Y-%m-%d %H:%M:%S}")

    async def _time_iso(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text=f"{self.clock.now():%Y-%m-%dT%H:%M:%S}+0000")

    async def _user(self, request: web.Request) -> web.Response:
        account: Account = request["account"]
        left = account.premium_until - self.clock.now() if account.premium_until and account.premium else timedelta()
        return web.json_response(
            {
                "id": account.id,
                "username": account.username,
                "email": f"{account.username}@example.org",
                "points": account.points,
                "locale": "en",
                "avatar": "https://example.org/avatar.png",
                "type": "premium" if account.premium else "free",
                "premium": int(left.total_seconds()),
                "expiration": as_date(account.premium_until or self.clock.now()),
            }
        )

    async def _traffic(self, request: web.Request) -> web.Response:
        return web.json_response(request["account"].traffic)

    async def _active_count(self, request: web.Request) -> web.Response:
        account: Account = request["account"]
        active = account.active
        return web.json_response(
            {"nb": len(active), "limit": account.active_limit, "list": [torrent.hash for torrent in active]}
        )

    async def _hosts(self, request: web.Request) -> web.Response:
        del request
        return web.json_response([{"host": "real-debrid.com", "max_file_size": 2000}])

    # --- lists ---------------------------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.Response:
        account: Account = request["account"]
        try:
            limit = int(request.query.get("limit", DEFAULT_LIMIT))
            page, offset = (int(request.query[name]) if name in request.query else None for name in ("page", "offset"))
        except ValueError:
            return refusal(2)
        if not 0 <= limit <= MAX_LIMIT or (page is not None and page < 1) or (offset is not None and offset < 0):
            return refusal(2)
        start = (page - 1) * limit if page is not None else offset or 0
        body, etag = self._page(account, start, limit, active_only=request.query.get("filter") == "active")
        try:
            if body == b"[]":
                return web.Response(status=204)
            headers = {"X-Total-Count": str(len(account.torrents))}
            if self.knows_etags:
                headers["ETag"] = etag
                if request.headers.get("If-None-Match") == etag:
                    return web.Response(status=304, headers=headers)
            return web.Response(body=body, content_type="application/json", headers=headers)
        finally:
            self.after_list(account)

    def _page(self, account: Account, start: int, limit: int, *, active_only: bool) -> tuple[bytes, str]:
        """Return a page and its ETag, made anew where the list has changed."""
        key = (account.id, start, limit, active_only)
        account.settle()
        kept = self._pages.get(key)
        if kept is None or kept[0] != account.revision:
            body = f"[{','.join(account.rows(start, limit, active_only=active_only))}]".encode()
            digest = hashlib.sha1(body, usedforsecurity=False).hexdigest()
            kept = self._pages[key] = (account.revision, body, f'"{digest}"')
        return kept[1], kept[2]

    async def _info(self, request: web.Request) -> web.Response:
        account: Account = request["account"]
        torrent = account.torrents.get(request.match_info["id"])
        return refusal(7) if torrent is None else web.json_response(account.details(torrent))

    # --- changes -------------------------------------------------------------------------------------------------

    async def _add_magnet(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not form.get("magnet"):
            return refusal(1)
        try:
            magnet = Magnet.parse(str(form["magnet"]))
        except TorrentError:
            return refusal(2)
        return self._asked(request, magnet.hash, magnet.name)

    async def _add_torrent(self, request: web.Request) -> web.Response:
        try:
            torrent = TorrentFile.parse(await request.read())
        except TorrentError:
            return refusal(30)
        files = tuple(PlannedFile(f"/{path.removeprefix(f'{torrent.name}/')}", size) for path, size in torrent.files)
        return self._asked(request, torrent.hash, torrent.name, files)

    def _asked(self, request: web.Request, added: str, name: str, files: tuple[PlannedFile, ...] = ()) -> web.Response:
        """Add a torrent, now or later, and answer or not."""
        account: Account = request["account"]
        if self.late:
            self._lagging.append((self.clock.now() + self.late.pop(0), account, added, name, files))
            return _cut_off(request)
        answer = self._add(account, added, name, files)
        if self.overloaded:
            self.overloaded -= 1
            return web.Response(status=503, headers={"Retry-After": "5"}, text="Service Unavailable")
        if self.unanswered:
            self.unanswered -= 1
            return _cut_off(request)
        return answer

    def _catch_up(self) -> None:
        """Carry out what is due of the requests that were cut off."""
        now = self.clock.now()
        for each in [each for each in self._lagging if each[0] <= now]:
            due, account, added, name, files = each
            self._lagging.remove(each)
            torrent = account.add(added, name, files)
            torrent.added = torrent.since = due
            account.settle()

    def _add(self, account: Account, added: str, name: str, files: tuple[PlannedFile, ...] = ()) -> web.Response:
        if not account.premium:
            return refusal(9)
        planned = account.plan_of(added, name)
        if planned.refused_code is not None:
            return refusal(planned.refused_code)
        if self._confused(account):
            return refusal(35)
        active = account.active
        if len(active) >= account.active_limit:
            return refusal(21)
        if self.refuses_active_twice and any(torrent.hash == added for torrent in active):
            return refusal(33)
        torrent = account.add(added, name, files)
        uri = f"https://api.real-debrid.com{REST}/torrents/info/{torrent.id}"
        return web.json_response({"id": torrent.id, "uri": uri}, status=201)

    async def _select(self, request: web.Request) -> web.Response:
        account: Account = request["account"]
        torrent = account.torrents.get(request.match_info["id"])
        if torrent is None:
            return refusal(7)
        files = str((await request.post()).get("files", ""))
        if not files:
            return refusal(1)
        if torrent.status != "waiting_files_selection":
            return web.Response(status=202) if torrent.selected else refusal(7)
        ids = frozenset(range(1, len(torrent.plan.files) + 1))
        try:
            chosen = ids if files == "all" else frozenset(int(each) for each in files.split(","))
        except ValueError:
            return refusal(2)
        if not chosen or not chosen <= ids:
            return refusal(2, status=404)
        account.select(torrent, chosen)
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        account: Account = request["account"]
        if request.match_info["id"] not in account.torrents:
            return refusal(7)
        account.delete(request.match_info["id"])
        return web.Response(status=204)

    async def _unrestrict(self, request: web.Request) -> web.Response:
        account: Account = request["account"]
        link = str((await request.post()).get("link", ""))
        if not link:
            return refusal(1)
        if not account.premium:
            return refusal(20)
        if (code := account.broken_links.get(link)) is not None:
            return refusal(code)
        if self._confused(account):
            return refusal(35)
        found = self._file_of(account, link)
        if found is None:
            return refusal(16)
        torrent, file = found
        name = file.path.rpartition("/")[2]
        return web.json_response(
            {
                "id": f"{torrent.id}D",
                "filename": name,
                "mimeType": "video/x-matroska",
                "filesize": file.size_bytes,
                "link": link,
                "host": "real-debrid.com",
                "host_icon": "https://example.org/icon.png",
                "chunks": 32,
                "crc": 1,
                "download": f"https://download.example.org/d/{torrent.id}/{name}",
                "streamable": 1,
            }
        )

    def _file_of(self, account: Account, link: str) -> tuple[Torrent, PlannedFile] | None:
        for torrent in account.torrents.values():
            if link in torrent.links:
                chosen = sorted(torrent.selected)
                return torrent, torrent.plan.files[chosen[torrent.links.index(link)] - 1]
        return None

    def _confused(self, account: Account) -> bool:
        throttled = self.meters[account.id].throttled_within(self.clock.now(), CONFUSED)
        return self.confused_when_throttled and throttled

    async def _disabled(self, request: web.Request) -> web.Response:
        del request
        return refusal(37)

    async def _unknown(self, request: web.Request) -> web.Response:
        known = {"user", "torrents", "traffic", "unrestrict"}
        parts = request.path.removeprefix(REST).strip("/").split("/")
        return refusal(4) if parts[0] in known and len(parts) == 1 else refusal(3)

    # --- control -------------------------------------------------------------------------------------------------

    def control_routes(self) -> Iterable[web.RouteDef]:
        """Return what a test or a benchmark in another process needs."""
        return [
            web.post(f"{CONTROL}/fill", self._control_fill),
            web.post(f"{CONTROL}/plan", self._control_plan),
            web.post(f"{CONTROL}/approve", self._control_approve),
            web.post(f"{CONTROL}/deny", self._control_deny),
            web.post(f"{CONTROL}/revoke", self._control_revoke),
            web.get(f"{CONTROL}/meters", self._control_meters),
        ]

    async def _control_fill(self, request: web.Request) -> web.Response:
        options = await request.json()
        account = self.accounts[options.get("account", self.account.id)]
        account.fill(options["count"], statuses=options.get("statuses", ["downloaded"]), files=options.get("files", 1))
        return web.json_response({"torrents": len(account.torrents)})

    async def _control_plan(self, request: web.Request) -> web.Response:
        options = await request.json()
        account = self.accounts[options.pop("account", self.account.id)]
        files = tuple(PlannedFile(each["path"], each["size_bytes"]) for each in options.pop("files", ()))
        planned = options.pop("hash")
        account.plans[planned] = Plan(files=files, **options)
        return web.json_response({"planned": len(account.plans)})

    async def _control_approve(self, request: web.Request) -> web.Response:
        options = await request.json()
        try:
            self.oauth.approve(options["user_code"], options.get("account", self.account.id))
        except KeyError:
            return web.json_response({"approved": False}, status=404)
        return web.json_response({"approved": True})

    async def _control_deny(self, request: web.Request) -> web.Response:
        try:
            self.oauth.deny((await request.json())["user_code"])
        except KeyError:
            return web.json_response({"denied": False}, status=404)
        return web.json_response({"denied": True})

    async def _control_revoke(self, request: web.Request) -> web.Response:
        del request
        self.oauth.revoke(self.account.id)
        return web.json_response({"revoked": True})

    async def _control_meters(self, request: web.Request) -> web.Response:
        del request
        meters: dict[str, Any] = {
            str(account_id): {
                "counted": meter.counted,
                "refused": meter.refused,
                "most_in_a_minute": meter.most_in_a_minute,
            }
            for account_id, meter in self.meters.items()
        }
        return web.Response(text=json.dumps(meters), content_type="application/json")
