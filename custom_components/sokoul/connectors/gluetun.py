"""Gluetun, the VPN in a container, by its control server."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
import re
from typing import Any

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util import dt as dt_util

from ..clients.errors import BackendError, InvalidAuth, NotFound, Refused
from ..clients.gluetun import GluetunClient
from ..model.vpn import Egress, VpnRoute, VpnSnapshot, VpnStatus
from ..rotation_notes import CHANGE_KEY, Change, same
from .base import (
    Backend,
    BackendBinarySensor,
    BackendSensor,
    BackendSwitch,
    Connection,
    Connector,
    Credentials,
    Identity,
    Undo,
)

KIND = "gluetun"
#: A forwarded port should be passed on within seconds, but Gluetun writes a line of its log for every question.
INTERVAL = timedelta(seconds=10)
#: While it connects, its address and then its ports come any moment.
SETTLING_INTERVAL = timedelta(seconds=2)
#: A connection is up within seconds. Whose address or port is not there by then may have none.
SETTLING_TIME = timedelta(minutes=1)
#: The version, its DNS, and whether what was closed to us is open now.
SLOW_INTERVAL = timedelta(minutes=5)

type Source = VpnSnapshot

#: Whoever leaves waits so long for it to take a server.
TAKING_SECONDS = 1.0

_TOLD = (VpnRoute.STATUS, VpnRoute.PUBLIC_IP, VpnRoute.PORTS)
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)")
_FIRST_WITH_NEW_PORT_ROUTE = (3, 41)


def connect(hass: HomeAssistant, connection: Connection) -> GluetunClient:
    """Return a client on Home Assistant's shared session."""
    return GluetunClient(
        async_get_clientsession(hass, verify_ssl=connection.verify_ssl),
        connection.url,
        api_key=connection.api_key,
        username=connection.username,
        password=connection.password,
    )


async def identify(client: GluetunClient) -> Identity:
    """Check that a Gluetun answers, and that it tells us something of its VPN."""
    snapshot = await GluetunReader(client).read(dt_util.utcnow())
    return Identity(version=snapshot.version)


def sniffed(status: int, body: str) -> bool:
    """Recognise it by its version, or by the way in which it asks for a login."""
    if status == HTTPStatus.OK:
        return all(f'"{name}"' in body for name in ("version", "commit", "created"))
    return status == HTTPStatus.UNAUTHORIZED and body == "Unauthorized\n"


class GluetunReader:
    """Reads what may change any moment each time, and the rest now and then.

    A route that is closed to us takes nothing else away, and is not tried each time. When all that tell of the VPN are
    closed, the credentials are wrong.
    """

    def __init__(self, client: GluetunClient) -> None:
        self._client = client
        self._due: datetime | None = None  # when everything is read again
        self._refused: dict[VpnRoute, InvalidAuth] = {}
        self._version = ""
        self._dns: VpnStatus | None = None
        self._unsettled_since: datetime | None = None
        self._had_ports = False

    async def read(self, now: datetime) -> VpnSnapshot:
        """Return Gluetun as it is now."""
        everything = self._due is None or now >= self._due
        if everything:
            self._refused.clear()
        try:
            status = await self._ask(VpnRoute.STATUS, self._client.status)
            egress = await self._ask(VpnRoute.PUBLIC_IP, self._client.egress)
            ports = await self._ask(VpnRoute.PORTS, self._ports)
            if all(route in self._refused for route in _TOLD):
                raise self._refused[VpnRoute.STATUS]
        except BackendError:
            self.forget()  # it may be another one when it is back
            raise
        if everything:
            self._due = now + SLOW_INTERVAL
            self._version = await self._aside(VpnRoute.VERSION, self._client.version) or ""
            self._dns = await self._aside(VpnRoute.DNS, self._client.dns_status)
        status, egress, ports = status or VpnStatus.UNKNOWN, egress or Egress(), ports or ()
        return VpnSnapshot(
            version=self._version,
            status=status,
            public_ip=egress.address,
            country=egress.country,
            region=egress.region,
            city=egress.city,
            organization=egress.organization,
            ports=ports,
            dns_status=self._dns,
            refused=self._refused_routes(),
            settling=self._settles(status, egress, ports, now),
        )

    def forget(self) -> None:
        """Read everything the next time."""
        self._due = None

    async def close(self) -> None:
        """Nothing is kept at Gluetun."""

    async def _ask[ValueT](self, route: VpnRoute, read: Callable[[], Awaitable[ValueT]]) -> ValueT | None:
        """Return what a route tells, None while it is closed to us."""
        if route in self._refused:
            return None
        try:
            return await read()
        except InvalidAuth as error:
            self._refused[route] = error
            return None

    async def _aside[ValueT](self, route: VpnRoute, read: Callable[[], Awaitable[ValueT]]) -> ValueT | None:
        """Return what a route tells that can be done without, None where it tells nothing."""
        try:
            return await self._ask(route, read)
        except BackendError:
            return None

    async def _ports(self) -> tuple[int, ...]:
        try:
            return await self._client.ports()
        except NotFound:
            return ()  # a version that forwards none

    def _refused_routes(self) -> frozenset[VpnRoute]:
        """Return the routes that are closed to us; of those for ports the one that this version has, if it is known."""
        routes = set(self._refused)
        numbers = _NUMBERS.match(self._version)
        if VpnRoute.PORTS in routes and (not self._version or numbers):
            routes.add(VpnRoute.PORTS_BEFORE_3_41)
            if numbers:
                new = (int(numbers[1]), int(numbers[2])) >= _FIRST_WITH_NEW_PORT_ROUTE
                routes.discard(VpnRoute.PORTS_BEFORE_3_41 if new else VpnRoute.PORTS)
        return frozenset(routes)

    def _settles(self, status: VpnStatus, egress: Egress, ports: tuple[int, ...], now: datetime) -> bool:
        """Tell whether it is about to change: it starts or stops, or has no address, or not the ports that it had."""
        if status in {VpnStatus.STARTING, VpnStatus.STOPPING}:
            self._unsettled_since = None
            return True
        waits_for_address = egress.address is None and VpnRoute.PUBLIC_IP not in self._refused
        waits_for_ports = self._had_ports and not ports and VpnRoute.PORTS not in self._refused
        if status is not VpnStatus.RUNNING or not (waits_for_address or waits_for_ports):
            self._unsettled_since = None
            self._had_ports = self._had_ports or bool(ports)
            return False
        self._unsettled_since = self._unsettled_since or now
        if now - self._unsettled_since < SETTLING_TIME:
            return True
        self._had_ports = False
        return False


def interval(snapshot: Source | None) -> timedelta:
    """Return how soon to look again."""
    return SETTLING_INTERVAL if snapshot is not None and snapshot.settling else INTERVAL


BINARY_SENSORS: tuple[BackendBinarySensor[Source], ...] = (
    BackendBinarySensor(
        key="vpn_connected",
        value=lambda snapshot: snapshot.connected,
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
    ),
)

SENSORS: tuple[BackendSensor[Source], ...] = (
    BackendSensor(
        key="vpn_status",
        value=lambda snapshot: None if snapshot.status is VpnStatus.UNKNOWN else snapshot.status,
        device_class=SensorDeviceClass.ENUM,
        options=[str(status) for status in VpnStatus if status is not VpnStatus.UNKNOWN],
    ),
    BackendSensor(key="public_ip", value=lambda snapshot: snapshot.public_ip),
    BackendSensor(
        key="vpn_country", value=lambda snapshot: snapshot.country, entity_category=EntityCategory.DIAGNOSTIC
    ),
    BackendSensor(
        key="vpn_city",
        value=lambda snapshot: snapshot.city,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    BackendSensor(key="forwarded_port", value=lambda snapshot: snapshot.ports[0] if snapshot.ports else None),
)


def _is_on(backend: Backend[GluetunClient, Source]) -> bool | None:
    """Return whether it was told to run: what crashed tries again by itself."""
    status = backend.data.status
    if status is VpnStatus.UNKNOWN:
        return None
    return status in {VpnStatus.STARTING, VpnStatus.RUNNING, VpnStatus.CRASHED}


async def _turn(backend: Backend[GluetunClient, Source], on: bool) -> None:  # noqa: FBT001 -- the switch's position
    try:
        await (backend.client.start() if on else backend.client.stop())
    except InvalidAuth as error:  # who may look need not be who may switch: the credentials are right
        raise Refused("PUT /v1/vpn/status is closed to SOKOUL's role", status=HTTPStatus.UNAUTHORIZED) from error


SWITCHES: tuple[BackendSwitch[GluetunClient, Source], ...] = (
    BackendSwitch(
        key="vpn",
        value=_is_on,
        turn=_turn,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
)


async def _go_back(client: GluetunClient, note: Any) -> str | None:
    """Have it use the server from before a change that is under way. What somebody else chose meanwhile stays."""
    try:
        change = Change.from_json(note, dt_util.utcnow())
    except KeyError, TypeError, ValueError:
        return "%s may use another server than before: what was remembered of that is not readable"
    now_set_to = await client.selection()
    if any(same(now_set_to, each) for each in change.tried):
        try:
            async with asyncio.timeout(TAKING_SECONDS):
                await client.select(change.before)
        except TimeoutError:  # it answers when it is done, and goes on when nobody waits
            return "%s was told to use its server from before again, and has not said yet that it does"
        except Refused as error:
            if error.status != HTTPStatus.OK:  # with 200 it has taken them, and only isn't up yet
                raise
    return None


UNDO: Undo[GluetunClient] = Undo(
    memory_key=CHANGE_KEY,
    undo=_go_back,
    otherwise="%s uses another server, which has not proven itself: create its container anew to go back (%s)",
)

GLUETUN: Connector[GluetunClient, Source] = Connector(
    kind=KIND,
    name="Gluetun",
    manufacturer="qdm12",
    default_port=8000,
    credentials=Credentials.EACH_TIME,
    key_at="/gluetun/auth/config.toml",
    connect=connect,
    identify=identify,
    reader=GluetunReader,
    interval=interval,
    version=lambda snapshot: snapshot.version or "unknown",
    oldest_version=(3, 38),
    sniff=("v1/version", sniffed),
    sensors=SENSORS,
    binary_sensors=BINARY_SENSORS,
    switches=SWITCHES,
    undos=(UNDO,),
)
