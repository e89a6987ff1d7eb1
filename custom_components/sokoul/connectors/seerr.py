"""Seerr, and the two that it comes from (Overseerr, Jellyseerr), API v1: what the people of the house ask for."""

from datetime import datetime, timedelta

from homeassistant.components.sensor import SensorStateClass
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import orjson

from ..clients.seerr import API, SeerrClient
from ..model.requests import RequestFilter, RequestsSnapshot
from .base import BackendSensor, Connection, Connector, Credentials, Identity, SlowParts

KIND = "seerr"
#: People ask some times a day, and whoever approves it looks there.
INTERVAL = timedelta(minutes=5)
STATUS_INTERVAL = timedelta(minutes=30)


def connect(hass: HomeAssistant, connection: Connection) -> SeerrClient:
    """Return a client on Home Assistant's shared session."""
    session = async_get_clientsession(hass, verify_ssl=connection.verify_ssl)
    return SeerrClient(session, connection.url, connection.api_key)


async def identify(client: SeerrClient) -> Identity:
    """Check that it answers, with this key."""
    status = await client.status()
    await client.counts()  # who it is it tells without a key
    return Identity(version=status.version, name=status.instance_name or None)


def sniffed(status: int, body: str) -> bool:
    """Recognise one of the family by what it tells of its version."""
    del status
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(answer, dict) and {"version", "commitTag"} <= answer.keys()


class SeerrReader:
    """Counts the requests each time, and looks now and then who answers. The requests are read by who needs them."""

    def __init__(self, client: SeerrClient) -> None:
        self._client = client
        self._slow = SlowParts(STATUS_INTERVAL, status=lambda _: client.status())

    async def read(self, now: datetime) -> RequestsSnapshot:
        """Return how many requests there are now."""
        counts = await self._client.counts()
        status = (await self._slow.read(now))["status"]
        return RequestsSnapshot(
            version=status.version,
            instance_name=status.instance_name,
            pending=counts[RequestFilter.PENDING],
            processing=counts[RequestFilter.PROCESSING],
        )

    def forget(self) -> None:
        """Read everything the next time."""
        self._slow.forget()

    async def close(self) -> None:
        """Nothing is kept there."""


SENSORS: tuple[BackendSensor[RequestsSnapshot], ...] = (
    BackendSensor(
        key="requests_pending", value=lambda snapshot: snapshot.pending, state_class=SensorStateClass.MEASUREMENT
    ),
    BackendSensor(
        key="requests_processing", value=lambda snapshot: snapshot.processing, state_class=SensorStateClass.MEASUREMENT
    ),
)

SEERR: Connector[SeerrClient, RequestsSnapshot] = Connector(
    kind=KIND,
    name="Seerr",
    manufacturer="Seerr",
    default_port=5055,
    credentials=Credentials.API_KEY,
    key_at="Settings > General",
    connect=connect,
    identify=identify,
    reader=SeerrReader,
    interval=lambda _: INTERVAL,
    version=lambda snapshot: snapshot.version,
    sniff=(f"{API}/status", sniffed),
    sensors=SENSORS,
)
