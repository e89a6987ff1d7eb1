"""Leaving a backend for good: what SOKOUL changed there for its own ends is taken back, as far as that can be done."""

import asyncio
from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant

from . import push
from .clients.errors import BackendError
from .connectors.base import Connection, Connector, Undo
from .const import FAREWELL_PATIENCE, LOGGER


async def take_leave(
    hass: HomeAssistant, connector: Connector[Any, Any], connection: Connection, title: str, notes: Mapping[str, Any]
) -> None:
    """Take back what is noted of a backend. What can't be is logged, with what to do; nothing waits for it for long."""
    undos = (connector.undo, push.UNDO if connector.pushes else None)
    for undo in undos:
        if undo is not None and (note := notes.get(undo.memory_key)) is not None:
            await _take_back(hass, connector, connection, title, undo, note)


async def _take_back(
    hass: HomeAssistant,
    connector: Connector[Any, Any],
    connection: Connection,
    title: str,
    undo: Undo[Any],
    note: Any,
) -> None:
    try:
        async with asyncio.timeout(FAREWELL_PATIENCE.total_seconds()):
            client = connector.connect(hass, connection)
            await undo.undo(client, note)
    except (BackendError, TimeoutError) as error:
        LOGGER.warning(undo.otherwise, title, str(error) or "it did not answer in time")
        return
    try:
        async with asyncio.timeout(FAREWELL_PATIENCE.total_seconds()):
            await connector.reader(client).close()
    except BackendError, TimeoutError:
        pass  # a session that isn't ended ends by itself
