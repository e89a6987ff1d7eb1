"""Prowlarr, API v1."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ..clients.prowlarr import ProwlarrClient
from ..model.library import Indexer, IndexerManagerSnapshot
from .arr import FAMILY, KEY_AT, health_problem, health_sensor, sniffs
from .base import (
    SPACE_WRITE_PAUSE,
    BackendBinarySensor,
    BackendSensor,
    Connection,
    Connector,
    Credentials,
    Identity,
    Neighbour,
    Parts,
    SlowParts,
    nothing_urgent,
)

#: Prowlarr learns that an indexer fails when it is used, which is every quarter of an hour at most.
INTERVAL = timedelta(minutes=2)
APPLICATIONS_INTERVAL = timedelta(minutes=30)

type Source = IndexerManagerSnapshot


def connect(hass: HomeAssistant, connection: Connection) -> ProwlarrClient:
    """Return a client on Home Assistant's shared session."""
    session = async_get_clientsession(hass, verify_ssl=connection.verify_ssl)
    return ProwlarrClient(session, connection.url, connection.api_key)


async def identify(client: ProwlarrClient) -> Identity:
    """Check that Prowlarr answers, with this key."""
    status = await client.status()
    return Identity(version=status.version, name=status.instance_name)


async def neighbours(client: ProwlarrClient) -> tuple[Neighbour, ...]:
    """Return the *arrs that Prowlarr feeds."""
    return tuple(
        Neighbour(kind=link.implementation.lower(), url=link.base_url.rstrip("/"))
        for link in await client.applications()
        if link.base_url
    )


class ProwlarrReader:
    """Reads the indexers each time, and how Prowlarr is wired now and then."""

    def __init__(self, client: ProwlarrClient) -> None:
        self._client = client
        self._slow = SlowParts(
            APPLICATIONS_INTERVAL, status=lambda _: client.status(), applications=lambda _: client.applications()
        )

    async def read(self, now: datetime) -> IndexerManagerSnapshot:
        """Return Prowlarr as it is now."""
        indexers = await self._client.indexers()
        health = await self._client.health()
        slow = await self._slow.read(now)
        return IndexerManagerSnapshot(
            version=slow["status"].version,
            instance_name=slow["status"].instance_name,
            indexers=indexers,
            health=health,
            applications=slow["applications"],
        )

    def forget(self) -> None:
        """Read everything the next time."""
        self._slow.forget()

    async def close(self) -> None:
        """Nothing is kept at Prowlarr."""


def _enabled(snapshot: Source) -> tuple[Indexer, ...]:
    return tuple(indexer for indexer in snapshot.indexers if indexer.enabled)


def _failing(snapshot: Source) -> int:
    return sum(indexer.disabled_until is not None for indexer in _enabled(snapshot))


SENSORS: tuple[BackendSensor[Source], ...] = (
    BackendSensor(
        key="indexers_up",
        value=lambda snapshot: len(_enabled(snapshot)) - _failing(snapshot),
        state_class=SensorStateClass.MEASUREMENT,
    ),
    BackendSensor(key="indexers_down", value=_failing, state_class=SensorStateClass.MEASUREMENT),
    health_sensor(),
)

BINARY_SENSORS: tuple[BackendBinarySensor[Source], ...] = (health_problem(),)


def indexers(snapshot: Source) -> Mapping[str, Indexer]:
    """Return the indexers by their id."""
    return {str(indexer.id): indexer for indexer in snapshot.indexers}


INDEXERS: Parts[Source, Indexer] = Parts(
    key="indexer",
    find=indexers,
    name=lambda indexer: indexer.name,
    binary_sensors=(
        BackendBinarySensor(
            key="indexer_up",
            # one that a person disabled is neither up nor down
            value=lambda indexer: indexer.disabled_until is None if indexer.enabled else None,
            device_class=BinarySensorDeviceClass.CONNECTIVITY,
        ),
    ),
    sensors=(
        BackendSensor(
            key="indexer_response_time",
            value=lambda indexer: indexer.response_milliseconds,
            device_class=SensorDeviceClass.DURATION,
            native_unit_of_measurement=UnitOfTime.MILLISECONDS,
            state_class=SensorStateClass.MEASUREMENT,
            entity_category=EntityCategory.DIAGNOSTIC,
            entity_registry_enabled_default=False,
            write_pause=SPACE_WRITE_PAUSE,
            meaning=nothing_urgent,
        ),
        BackendSensor(
            key="indexer_queries",
            value=lambda indexer: indexer.queries,
            state_class=SensorStateClass.TOTAL_INCREASING,
            entity_registry_enabled_default=False,
            write_pause=SPACE_WRITE_PAUSE,
            meaning=nothing_urgent,
        ),
        BackendSensor(
            key="indexer_failed_queries",
            value=lambda indexer: indexer.failed_queries,
            state_class=SensorStateClass.TOTAL_INCREASING,
            entity_registry_enabled_default=False,
            write_pause=SPACE_WRITE_PAUSE,
            meaning=nothing_urgent,
        ),
        BackendSensor(
            key="indexer_grabs",
            value=lambda indexer: indexer.grabs,
            state_class=SensorStateClass.TOTAL_INCREASING,
            entity_registry_enabled_default=False,
            write_pause=SPACE_WRITE_PAUSE,
            meaning=nothing_urgent,
        ),
    ),
)

PROWLARR: Connector[ProwlarrClient, Source] = Connector(
    kind="prowlarr",
    name="Prowlarr",
    manufacturer="Servarr",
    default_port=9696,
    family=FAMILY,
    credentials=Credentials.API_KEY,
    key_at=KEY_AT,
    connect=connect,
    identify=identify,
    reader=ProwlarrReader,
    interval=lambda _: INTERVAL,
    version=lambda snapshot: snapshot.version,
    oldest_version=(1, 20),
    sniff=sniffs("Prowlarr"),
    neighbours=neighbours,
    sensors=SENSORS,
    binary_sensors=BINARY_SENSORS,
    parts=(INDEXERS,),
)
