"""A container engine: Docker, or what speaks its API (Podman), directly or through a socket proxy."""

from datetime import datetime, timedelta

from aiohttp import ClientSession, UnixConnector
from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util.hass_dict import HassKey

from ..clients.docker import DockerClient, socket_path
from ..clients.errors import CannotConnect, NotFound, Refused
from ..model.containers import Container, ContainerHealth, ContainerState, EngineSnapshot
from .base import BackendSensor, Connection, Connector, Credentials, Identity
from .forms import tidy_url

KIND = "docker"
#: A health check runs every 30 seconds unless its image says otherwise: looking more often would see nothing new.
INTERVAL = timedelta(seconds=30)
DEFAULT_PORT = 2375

_SESSIONS: HassKey[dict[str, ClientSession]] = HassKey("sokoul_socket_sessions")


def read_address(typed: str) -> str:
    """Complete an address: a path is that of a socket; `nas` becomes `http://nas:2375`. Raises ValueError."""
    typed = typed.strip()
    try:
        path = socket_path(typed)
    except CannotConnect as error:
        raise ValueError(str(error)) from error
    if path is not None:
        if path.endswith("/") or not path.isprintable() or any(character.isspace() for character in path):
            raise ValueError("no path of a socket")
        return f"unix://{path}"
    scheme, separator, rest = typed.partition("://")
    if separator and scheme.lower() == "tcp":
        return tidy_url(rest, DEFAULT_PORT).replace("http", "tcp", 1)
    return tidy_url(typed, DEFAULT_PORT)


@callback
def _socket_session(hass: HomeAssistant, path: str) -> ClientSession:
    """Return the session of a Unix socket: the shared one leads to hosts only. It lives as long as Home Assistant."""
    sessions = hass.data.setdefault(_SESSIONS, {})
    if path not in sessions:
        session = sessions[path] = ClientSession(connector=UnixConnector(path))

        async def close(_event: Event) -> None:
            await session.close()

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, close)
    return sessions[path]


def connect(hass: HomeAssistant, connection: Connection) -> DockerClient:
    """Return a client for a socket or an address."""
    path = socket_path(connection.url)
    session = (
        async_get_clientsession(hass, verify_ssl=connection.verify_ssl) if path is None else _socket_session(hass, path)
    )
    return DockerClient(session, connection.url)


async def identify(client: DockerClient) -> Identity:
    """Check that an engine answers, and that it lets us see its containers: a proxy may pass its version only."""
    version = await client.version()
    await client.containers()
    return Identity(version=version.application)


class DockerReader:
    """Lists all containers, and looks closely at those that share a network."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client

    async def read(self, now: datetime) -> EngineSnapshot:
        """Return the engine as it is now."""
        del now
        version = await self._client.version()
        return EngineSnapshot(version=version, containers=await look_closely(self._client))

    def forget(self) -> None:
        """Nothing is kept from one look to the next."""

    async def close(self) -> None:
        """Nothing is kept at the engine."""


async def look_closely(client: DockerClient, *wanted: str) -> tuple[Container, ...]:
    """Return all containers, with details of those that borrow or lend a network and of those `wanted`, by id or name.

    When a container was started is in its details only, and tells whether who borrows its network has lost it.
    Raises `BackendError`.
    """
    containers = await client.containers()
    lenders = {each.network_of for each in containers if each.network_of}
    return tuple(
        [
            await _inspected(client, each)
            if each.network_of or any(each.is_called(name) for name in (*lenders, *wanted))
            else each
            for each in containers
        ]
    )


async def _inspected(client: DockerClient, container: Container) -> Container:
    """Return a container with its details, or as it was listed where they can't be had: gone, or not for us."""
    try:
        return await client.container(container.id)
    except NotFound, Refused:
        return container


SENSORS: tuple[BackendSensor[EngineSnapshot], ...] = (
    BackendSensor(
        key="containers_running",
        value=lambda snapshot: sum(each.state is ContainerState.RUNNING for each in snapshot.containers),
        state_class=SensorStateClass.MEASUREMENT,
    ),
    BackendSensor(
        key="containers_unhealthy",
        value=lambda snapshot: sum(each.health is ContainerHealth.UNHEALTHY for each in snapshot.containers),
        state_class=SensorStateClass.MEASUREMENT,
    ),
)

DOCKER: Connector[DockerClient, EngineSnapshot] = Connector(
    kind=KIND,
    name="Docker",
    manufacturer="Docker",
    default_port=DEFAULT_PORT,
    credentials=Credentials.NONE,
    read_address=read_address,
    connect=connect,
    identify=identify,
    reader=DockerReader,
    interval=lambda _: INTERVAL,
    version=lambda snapshot: snapshot.version.application,
    sniff=("version", lambda _, body: '"ApiVersion"' in body),
    sensors=SENSORS,
)
