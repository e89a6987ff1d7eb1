"""Gluetun's control server, 3.38 and later.

Each route may be open, want a key or a login, or be closed to us: then only what it tells is missing. Errors are plain
text. The settings hold the keys to the VPN: of those nothing but the selection of servers is read, and nothing is kept.
Source: Gluetun 3.38.1 to 3.41.1, and development of May 2026.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from aiohttp import ClientSession, encode_basic_auth

from ..model.vpn import Egress, ServerSelection, VpnRoute, VpnStatus
from .errors import BackendError, InvalidAuth, NotFound, Refused, UnexpectedResponse
from .fields import Fields
from .http import DEFAULT_TIMEOUT_SECONDS, Answer, HttpClient

#: What changes something is answered when it is done, after the old tunnel was closed and the new one begun: only then
#: does our patience begin.
ACT_SECONDS = 50.0
#: The largest answer is the settings, a few thousand bytes.
MAX_BYTES = 1024 * 1024
LARGEST_PORT = 65_535

#: How a version says that it has no such route: 404 or 405, before 3.39 400, and from there to 3.41 401 as for any that
#: is closed.
_NO_SUCH_ROUTE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED})
_STARTED = frozenset({"running", "starting"})
_STOPPED = frozenset({"stopped", "stopping", "completed"})
_OUTCOMES = frozenset(status.value for status in VpnStatus)
_UNCHANGED = "settings left unchanged"


class GluetunClient:
    """One Gluetun. Every method raises the errors of `clients.errors`, and only those.

    `InvalidAuth` of one method says nothing of the others: roles are given by the route.
    """

    def __init__(
        self,
        session: ClientSession,
        url: str,
        *,
        api_key: str = "",
        username: str = "",
        password: str = "",
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        act_seconds: float = ACT_SECONDS,
    ) -> None:
        self._http = HttpClient(
            session, url, headers=_credentials(api_key, username, password), timeout_seconds=timeout_seconds
        )
        self._act_timeout_seconds = timeout_seconds + act_seconds
        self._port_routes = (VpnRoute.PORTS, VpnRoute.PORTS_BEFORE_3_41)  # the one that answered last comes first

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, None before the first."""
        return self._http.latency_seconds

    # --- reading -------------------------------------------------------------------------------------------------

    async def version(self) -> str:
        """Return its version as it writes it: "v3.41.1", "latest"."""
        return (await self._read(VpnRoute.VERSION)).text("version")

    async def status(self) -> VpnStatus:
        """Return what the tunnel does, be it by OpenVPN or by Wireguard."""
        return (await self._read(VpnRoute.STATUS)).choice("status", VpnStatus)

    async def dns_status(self) -> VpnStatus:
        """Return what its DNS does."""
        return (await self._read(VpnRoute.DNS)).choice("status", VpnStatus)

    async def egress(self) -> Egress:
        """Return the public address that it found when it connected; none while it has not found one."""
        found = await self._read(VpnRoute.PUBLIC_IP)
        written = found.optional_text("public_ip")
        try:
            address = str(ip_address(written)) if written else None
        except ValueError as error:
            raise UnexpectedResponse("publicip/ip.public_ip: not an address") from error
        return Egress(
            address=address,
            country=found.optional_text("country"),
            region=found.optional_text("region"),
            city=found.optional_text("city"),
            organization=found.optional_text("organization"),
        )

    async def ports(self) -> tuple[int, ...]:
        """Return the ports that are forwarded to it; it writes 0 for none.

        Raises `InvalidAuth` when none of the routes of all versions is open to us, `NotFound` when there is none.
        """
        refusal: BackendError | None = None
        for route in self._port_routes:
            try:
                ports = _ports(await self._read(route))
            except (NotFound, InvalidAuth, Refused) as error:
                if isinstance(error, Refused) and error.status not in _NO_SUCH_ROUTE:
                    raise
                refusal = error if refusal is None or isinstance(error, InvalidAuth) else refusal
                continue
            if route is not self._port_routes[0]:
                self._port_routes = self._port_routes[::-1]
            return ports
        if isinstance(refusal, InvalidAuth):
            raise refusal
        raise NotFound("portforward: this version tells of no forwarded ports") from refusal

    async def selection(self) -> ServerSelection:
        """Return which servers it may take now. The settings that this is read from hold secrets: no more is read."""
        answer = Fields((await self._request("GET", "v1/vpn/settings")).json(), "vpn/settings")
        lists = answer.object("provider").object("server_selection")
        return ServerSelection(
            countries=lists.texts("countries"),
            regions=lists.texts("regions"),
            cities=lists.texts("cities"),
            hostnames=lists.texts("hostnames"),
            names=lists.texts("names"),
        )

    # --- acting --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the tunnel; what runs or starts stays so. An address comes later.

        Raises `Refused` when it does not start: what crashed is tried again by Gluetun itself, and by nobody else.
        """
        await self._set_status("running", _STARTED)

    async def stop(self) -> None:
        """Stop the tunnel: nothing that shares its network gets out any more. What is stopped stays so.

        Raises `Refused` when it is not stopped: one that starts or crashed goes on trying.
        """
        await self._set_status("stopped", _STOPPED)

    async def select(self, selection: ServerSelection) -> None:
        """Connect to a server of this selection, until the container is created anew: then its environment counts.

        All lists are sent, empty ones too, because what is absent would stay. Raises `Refused` when a name is not known
        or no server fits: in the latter case the selection is taken nevertheless.
        """
        lists = {name: list(values) for name, values in asdict(selection).items()}
        answer = await self._request("PUT", "v1/vpn/settings", json={"provider": {"server_selection": lists}})
        if answer.text.strip() != _UNCHANGED:
            _check_outcome(answer, answer.text.strip(), _STARTED)

    async def _set_status(self, wanted: str, right: Collection[str]) -> None:
        answer = await self._request("PUT", "v1/vpn/status", json={"status": wanted})
        _check_outcome(answer, Fields(answer.json(), "vpn/status").text("outcome"), right)

    # --- requests ------------------------------------------------------------------------------------------------

    async def _read(self, route: VpnRoute) -> Fields:
        method, _, path = route.partition(" /")
        return Fields((await self._request(method, path)).json(), path.removeprefix("v1/"))

    async def _request(self, method: str, path: str, *, json: Any = None) -> Answer:
        return await self._http.request(
            method,
            path,
            json=json,
            timeout_seconds=None if json is None else self._act_timeout_seconds,
            max_bytes=MAX_BYTES,
        )


def _credentials(api_key: str, username: str, password: str) -> Mapping[str, str]:
    """Return the headers of a login. Raises `InvalidAuth` for a name that can't be sent."""
    if api_key:
        return {"X-API-Key": api_key}
    if not username:
        return {}
    try:
        return {"Authorization": encode_basic_auth(username, password)}
    except ValueError as error:
        raise InvalidAuth("a user name cannot hold a colon") from error


def _ports(fields: Fields) -> tuple[int, ...]:
    """Read the ports in each of the ways in which they are written, without the 0 that stands for none."""
    if "ports" not in fields:
        ports: tuple[int, ...] = (fields.whole("port"),)
    else:
        ports = fields.wholes("ports")
    if not all(0 <= port <= LARGEST_PORT for port in ports):
        raise UnexpectedResponse("portforward: a port that is none")
    return tuple(port for port in dict.fromkeys(ports) if port)


def _check_outcome(answer: Answer, outcome: str, right: Collection[str]) -> None:
    """Raise `Refused` when something else came about than was asked for; "already running" is as good as "running"."""
    status = outcome.removeprefix("already ")
    if status not in _OUTCOMES:
        raise UnexpectedResponse(f"{answer.where}: an outcome that is none", status=answer.status)
    if status not in right:
        raise Refused(f"{answer.where}: it is {outcome}", status=answer.status)
