"""The check-up that set-up offers: a first look at backends that are not configured yet."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from . import wording
from .clients.errors import BackendError
from .connectors.base import Connection
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, FAREWELL_PATIENCE
from .model.backend import Backend
from .model.topology import infer
from .model.world import World
from .report import findings_text
from .world import backend_of

#: A form should not keep a person waiting; what is slower is left for the check-up action.
PATIENCE_SECONDS = 20


async def check_candidates(hass: HomeAssistant, candidates: Iterable[ConfigSubentryData]) -> str:
    """Read each backend once, and return what the check-up finds as text."""
    await hass.async_add_executor_job(wording.load_all)  # nothing is set up yet
    read = await asyncio.gather(*(_read(hass, number, each) for number, each in enumerate(candidates)))
    backends = {backend.id: backend for backend in read}
    world = World(backends=backends, topology=infer(backends))
    return findings_text(world, dt_util.utcnow(), wording.get(hass.config.language))


async def _read(hass: HomeAssistant, number: int, candidate: ConfigSubentryData) -> Backend:
    connector = CONNECTORS[candidate["subentry_type"]]
    connection = Connection.from_data(candidate["data"][CONF_CONNECTION])
    reader = connector.reader(connector.connect(hass, connection))
    snapshot: Any = None
    with suppress(BackendError, TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            snapshot = await reader.read(dt_util.utcnow())
    with suppress(BackendError, TimeoutError):  # a session that stays open is no reason to know nothing
        async with asyncio.timeout(FAREWELL_PATIENCE.total_seconds()):
            await reader.close()
    return backend_of(
        connector,
        snapshot,
        id=str(number),
        title=candidate["title"],
        available=snapshot is not None,
        url=connection.url,
    )
