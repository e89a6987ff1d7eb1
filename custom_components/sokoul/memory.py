"""What the hub and its backends remember over a restart, in one small file that is written seldom."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from .const import DOMAIN, LOGGER

VERSION = 1
#: Changes are gathered this long before they are written: the usual disk is a memory card.
GATHER_SECONDS = 30
GATHER_SAMPLES_SECONDS = 3600
#: Home Assistant writes what is still pending when it stops. Its store would write it after a while, too, and nobody
#: could wait for that; so it is given longer than anything is gathered.
STORE_WAITS_SECONDS = 24 * 3600


class HubMemory:
    """Live settings and notes. Writing them reloads nothing."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._hass = hass
        self._store = Store[dict[str, Any]](hass, VERSION, f"{DOMAIN}.{entry_id}", atomic_writes=True)
        self._data: dict[str, Any] = {}
        self._writing = asyncio.Lock()
        self._due: asyncio.TimerHandle | None = None  # when what is pending will be written

    async def load(self) -> None:
        """Read the file; nothing is remembered where there is none.

        What a newer version wrote is left as it is: then nothing is remembered, and nothing is written over it.
        """
        try:
            self._data = await self._store.async_load() or {}
        except UnsupportedStorageVersionError as error:
            LOGGER.error("What was remembered is left aside, going on without: %s", error)
            self._store.make_read_only()

    async def save_now(self) -> None:
        """Write what is pending, and wait for what is being written."""
        async with self._writing:
            if self._due is not None:
                await self._store.async_save(self._written())

    async def remove(self) -> None:
        """Forget everything."""
        self._forget_due()
        await self._store.async_remove()

    # --- backends ------------------------------------------------------------------------------------------------

    def of_backend(self, backend_id: str) -> Mapping[str, Any]:
        """Return what a backend remembers."""
        notes: Mapping[str, Any] = self._data.get("backends", {}).get(backend_id, {})
        return notes

    def remember(self, backend_id: str, key: str, value: Any) -> None:
        """Keep a note of a backend; None forgets it."""
        notes = self._data.setdefault("backends", {}).setdefault(backend_id, {})
        if notes.get(key) == value:
            return
        if value is None:
            notes.pop(key, None)
        else:
            notes[key] = value
        self._save(GATHER_SECONDS)

    def forget_backend(self, backend_id: str) -> None:
        """Forget a backend that was removed."""
        if self._data.get("backends", {}).pop(backend_id, None) is not None:
            self._save(GATHER_SECONDS)

    def keep_backends(self, backend_ids: Collection[str]) -> None:
        """Forget all backends but these: some may have been removed while nobody looked."""
        for gone in self._data.get("backends", {}).keys() - set(backend_ids):
            self.forget_backend(gone)

    # --- the hub -------------------------------------------------------------------------------------------------

    def get(self, key: str, default: Any = None) -> Any:
        """Return a setting of the hub."""
        return self._data.get("hub", {}).get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Change a setting of the hub."""
        self._data.setdefault("hub", {})[key] = value
        self._save(GATHER_SECONDS)

    def set_quietly(self, key: str, value: Any) -> None:
        """Change what may be lost by an hour when the power fails (samples of a trend)."""
        self._data.setdefault("hub", {})[key] = value
        self._save(GATHER_SAMPLES_SECONDS)

    def _save(self, within_seconds: float) -> None:
        """Write within a time. A later wish never puts off an earlier one, as the store by itself would let it."""
        loop = self._hass.loop
        due = loop.time() + within_seconds
        if self._due is None or due < self._due.when():
            self._forget_due()
            self._due = loop.call_at(due, self._gathered)
            self._store.async_delay_save(self._written, STORE_WAITS_SECONDS)

    @callback
    def _gathered(self) -> None:
        self._hass.async_create_task(self.save_now(), f"{DOMAIN} memory")

    def _written(self) -> dict[str, Any]:
        """Return what is written now."""
        self._forget_due()
        return self._data

    def _forget_due(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
