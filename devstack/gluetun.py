"""A simulated Gluetun: its control server in four generations, with roles, and its HTTP proxy on a second port.

3.38 has no authentication; 3.40 and 3.41 make the older routes public while no role is configured; the development
version of May 2026 makes none public. A route without a role is answered with 401, also one that does not exist (but in
the development version, which says 404 and 405 first). Errors are plain text, and so is the type of all JSON.
Source: Gluetun 3.38.1, 3.40.4, 3.41.1 and development of May 2026.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
import hmac
import json
from typing import Any, Self

from aiohttp import encode_basic_auth, web

from .clock import Clock
from .frame import Simulator
from .gluetun_tunnel import SERVERS, Tunnel, UnknownNameError, VpnServer
from .http_proxy import HttpProxy

#: Where the VPN's traffic comes from in the simulated world.
VPN_SOURCE = "127.0.0.2"
LARGEST_PORT = 65_535

_STATUSES = ("vpn", "openvpn", "dns", "updater")
_ROUTES_3_38 = frozenset(
    {
        "GET /v1/version",
        *(f"{method} /v1/{name}/status" for name in _STATUSES for method in ("GET", "PUT")),
        "GET /v1/vpn/settings",
        "PUT /v1/vpn/settings",
        "GET /v1/openvpn/settings",
        "GET /v1/openvpn/portforwarded",
        "GET /v1/publicip/ip",
    }
)
_ROUTES_3_41 = _ROUTES_3_38 | {"GET /v1/portforward"}
_ROUTES_DEVELOPMENT = _ROUTES_3_41 | {"PUT /v1/portforward"}


class PortShape(Enum):
    """How forwarded ports are written."""

    ONE = auto()  # {"port": 5914}, 0 for none
    ONE_OR_MANY = auto()  # {"ports": [..]} without `port` when there are several
    BOTH = auto()  # {"port": 5914, "ports": [5914]}, null for none


@dataclass(frozen=True, slots=True, kw_only=True)
class GluetunGeneration:
    """A version of Gluetun, as far as its control server goes."""

    version: str
    routes: frozenset[str]
    authenticates: bool = True
    public_by_default: bool = False  # the older routes, while there is no role at all
    knows_default_role: bool = False
    checks_routes_first: bool = False
    all_names_known: bool = False
    port_shape: PortShape = PortShape.ONE_OR_MANY

    @property
    def has_new_port_route(self) -> bool:
        """Whether the ports are at `/v1/portforward`, to which the older route redirects."""
        return "GET /v1/portforward" in self.routes


GENERATIONS: Mapping[str, GluetunGeneration] = {
    "3.38": GluetunGeneration(
        version="v3.38.1",
        routes=_ROUTES_3_38,
        authenticates=False,
        all_names_known=True,
        port_shape=PortShape.ONE,
    ),
    "3.40": GluetunGeneration(version="v3.40.4", routes=_ROUTES_3_38, public_by_default=True),
    "3.41": GluetunGeneration(version="v3.41.1", routes=_ROUTES_3_41, public_by_default=True, knows_default_role=True),
    "2026-05": GluetunGeneration(
        version="latest",
        routes=_ROUTES_DEVELOPMENT,
        knows_default_role=True,
        checks_routes_first=True,
        port_shape=PortShape.BOTH,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who may use which routes. Without routes it is a default role: for every route that no other role names."""

    auth: str = "apikey"  # or "basic", "none"
    routes: tuple[str, ...] = ()
    api_key: str = ""
    username: str = ""
    password: str = ""

    def lets_in(self, request: web.Request) -> bool:
        """Tell whether a request comes with what this role asks for."""
        if self.auth == "none":
            return True
        if self.auth == "apikey":
            given = request.headers.get("X-API-Key", "") or request.query.get("api_key", "")
            return hmac.compare_digest(given.encode(), self.api_key.encode())
        expected = encode_basic_auth(self.username, self.password)
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected.encode())


class GluetunSimulator(Simulator):
    """A Gluetun on 127.0.0.1, connected for a long time already."""

    name = "Gluetun"

    def __init__(
        self,
        version: str = "3.41",
        *,
        roles: Sequence[Role] = (),
        default_role: Role | None = None,
        vpn: str = "wireguard",
        servers: Sequence[VpnServer] = SERVERS,
        proxy_username: str = "",
        proxy_password: str = "",
        clock: Clock | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(clock=clock, seed=seed)
        self.generation = GENERATIONS[version]
        self.vpn = vpn
        self.looks_up_address = True  # PUBLICIP_ENABLED
        self.helpers = {"dns": "running", "updater": "completed"}
        self.tunnel = Tunnel(clock=self.clock, servers=servers, all_names_known=self.generation.all_names_known)
        self.proxy = HttpProxy(
            self._passes_traffic, source=VPN_SOURCE, username=proxy_username, password=proxy_password
        )
        self._roles: dict[str, list[Role]] = {}
        self.configure(roles, default_role)
        handlers: dict[str, Callable[[web.Request], Any]] = {
            "GET /v1/version": self._version,
            "GET /v1/vpn/settings": self._settings,
            "PUT /v1/vpn/settings": self._change_settings,
            "GET /v1/openvpn/settings": self._openvpn_settings,
            "GET /v1/openvpn/portforwarded": self._ports_as_of_old,
            "GET /v1/portforward": self._ports,
            "PUT /v1/portforward": self._set_ports,
            "GET /v1/publicip/ip": self._public_ip,
        }
        for name in _STATUSES:
            handlers[f"GET /v1/{name}/status"] = self._status
            handlers[f"PUT /v1/{name}/status"] = self._set_status
        self._handlers = {route: handler for route, handler in handlers.items() if route in self.generation.routes}

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> Self:
        """Listen, and start the proxy."""
        await self.proxy.start()
        return await super().start(port)

    async def stop(self) -> None:
        """Stop both."""
        await self.proxy.stop()
        await super().stop()

    async def refuse(self) -> None:
        """Be away, as a container that was stopped: nobody listens any more."""
        await self.proxy.stop()
        await super().refuse()

    async def accept(self) -> None:
        """Be there again."""
        await self.proxy.start()
        await super().accept()

    def recreate(self) -> None:
        """Be a new container: it connects by its environment, whatever was selected since."""
        self.tunnel.boot()

    def configure(self, roles: Sequence[Role], default_role: Role | None = None) -> None:
        """Take other roles, as after a restart with another file. Raises ValueError where Gluetun would not start."""
        known = self.generation.routes
        for role in roles:
            if unknown := set(role.routes) - known:
                raise ValueError(f"route path not supported by the control server: {sorted(unknown)}")
        if default_role is not None and not self.generation.knows_default_role:
            raise ValueError("this version has no default role")
        self._roles = {route: [role for role in roles if route in role.routes] for route in known}
        if default_role is not None:
            for takers in self._roles.values():
                if not takers:
                    takers.append(default_role)
        elif not roles and self.generation.public_by_default:
            public = Role(auth="none")
            for route in known - {"GET /v1/vpn/settings", "PUT /v1/vpn/settings", "GET /v1/openvpn/settings"}:
                self._roles[route] = [public]

    def _passes_traffic(self) -> bool:
        self.tunnel.settle()
        return self.tunnel.server is not None

    # --- requests ------------------------------------------------------------------------------------------------

    def routes(self) -> Iterable[web.RouteDef]:
        """Return one route for everything: what there is depends on the version."""
        yield web.route("*", "/{path:.*}", self._dispatch)

    async def authorize(self, request: web.Request) -> web.StreamResponse | None:
        """Refuse what no role lets in."""
        route = f"{request.method} {request.path}"
        if self.generation.checks_routes_first and route not in self.generation.routes:
            exists = any(known.endswith(f" {request.path}") for known in self.generation.routes)
            return _error(405, "Method Not Allowed") if exists else _error(404, "Not Found")
        if not self.generation.authenticates:
            return None
        roles = self._roles.get(route, [])
        if any(role.lets_in(request) for role in roles):
            return None
        refusal = _error(401, "Unauthorized")
        if any(role.auth == "basic" for role in roles) and "Authorization" not in request.headers:
            refusal.headers["WWW-Authenticate"] = 'Basic realm="restricted", charset="UTF-8"'
        return refusal

    async def _dispatch(self, request: web.Request) -> web.Response:
        self.tunnel.settle()
        handler = self._handlers.get(f"{request.method} {request.path}")
        if handler is not None:
            response: web.Response = await handler(request)
            return response
        if not request.path.startswith("/v1/"):
            return _error(400, "unversioned API: requested URI not found")
        path = request.path.removeprefix("/v1")
        if any(route.endswith(f" {request.path}") for route in self._handlers):
            return _error(400, f"method {request.method} not supported")
        return _error(400, f"{request.method} {path} not found")

    # --- reading -------------------------------------------------------------------------------------------------

    async def _version(self, request: web.Request) -> web.Response:
        del request
        return _json({"version": self.generation.version, "commit": "0a1b2c3", "created": "2026-01-02T03:04:05.000Z"})

    async def _status(self, request: web.Request) -> web.Response:
        return _json({"status": self._status_of(request.path.split("/")[2])})

    def _status_of(self, name: str) -> str:
        if name in self.helpers:
            return self.helpers[name]
        if name == "openvpn" and self.vpn != "openvpn":
            return "stopped"
        return self.tunnel.status

    async def _public_ip(self, request: web.Request) -> web.Response:
        del request
        server = self.tunnel.server if self.looks_up_address else None
        if server is None:
            return _json({"public_ip": ""})
        return _json(
            {
                "public_ip": server.address,
                "region": server.region,
                "country": server.country,
                "city": server.city,
                "hostname": server.hostname,
                "location": "52.37,4.89",
                "organization": server.organization,
                "postal_code": "1012",
                "timezone": "Europe/Amsterdam",
            }
        )

    async def _ports_as_of_old(self, request: web.Request) -> web.Response:
        if not self.generation.has_new_port_route:
            return await self._ports(request)
        page = '<a href="/v1/portforward">Moved Permanently</a>.\n\n'
        return web.Response(status=301, text=page, content_type="text/html", headers={"Location": "/v1/portforward"})

    async def _ports(self, request: web.Request) -> web.Response:
        del request
        ports = list(self.tunnel.ports)
        first = ports[0] if ports else 0
        match self.generation.port_shape:
            case PortShape.BOTH:
                return _json({"port": first, "ports": ports or None})
            case PortShape.ONE_OR_MANY if len(ports) > 1:
                return _json({"ports": ports})
            case _:
                return _json({"port": first})

    async def _settings(self, request: web.Request) -> web.Response:
        """Tell everything, the keys to the VPN included."""
        del request
        return _json(
            {
                "type": self.vpn,
                "provider": {
                    "name": "example",
                    "server_selection": {"vpn": self.vpn, **self.tunnel.selection},
                    "port_forwarding": {"enabled": True, "username": PROVIDER_USER, "password": PROVIDER_PASSWORD},
                },
                "openvpn": {"user": PROVIDER_USER, "password": PROVIDER_PASSWORD},
                "wireguard": {"private_key": PRIVATE_KEY, "addresses": ["10.64.222.21/16"]},
            }
        )

    async def _openvpn_settings(self, request: web.Request) -> web.Response:
        del request
        return _json({"user": PROVIDER_USER, "password": PROVIDER_PASSWORD})

    # --- acting --------------------------------------------------------------------------------------------------

    async def _set_status(self, request: web.Request) -> web.Response:
        name = request.path.split("/")[2]
        try:
            wanted = (await request.json())["status"]
        except ValueError, KeyError, TypeError:
            wanted = ""
        if wanted not in {"running", "stopped"}:
            return _error(400, f"invalid status: {wanted}: possible values are: stopped, running")
        if name in self.helpers:
            self.helpers[name] = wanted
            return _json({"outcome": wanted})
        if name == "openvpn" and wanted == "running":
            self.vpn = "openvpn"
        return _json({"outcome": self.tunnel.apply(wanted)})

    async def _change_settings(self, request: web.Request) -> web.Response:
        try:
            changes = await request.json()
            lists = changes.get("provider", {}).get("server_selection", {})
            return _text(self.tunnel.select(lists))
        except (ValueError, AttributeError, TypeError) as error:
            return _error(400, f"json: cannot unmarshal: {error}")
        except UnknownNameError as error:
            return _error(400, f"provider settings: server selection: for VPN service provider example: {error}")

    async def _set_ports(self, request: web.Request) -> web.Response:
        try:
            ports = (await request.json())["ports"]
        except ValueError, KeyError, TypeError:
            ports = None
        if not isinstance(ports, list) or not all(
            isinstance(port, int) and 0 <= port <= LARGEST_PORT for port in ports
        ):
            return _error(400, "failed setting forwarded ports")
        self.tunnel.change_ports(*sorted(ports))
        return web.Response()


PRIVATE_KEY = "mFvY3Vd1c2VkT25TZWNyZXRzQXJlU2lsbHlUb0tlZXA="
PROVIDER_USER = "p1234567"
PROVIDER_PASSWORD = "provider-hunter2"


def _json(data: dict[str, Any]) -> web.Response:
    """Answer as Go does where nobody set the type."""
    return _text(json.dumps(data, separators=(",", ":")) + "\n")


def _text(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain")


def _error(status: int, text: str) -> web.Response:
    return web.Response(
        status=status, text=f"{text}\n", content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"}
    )
