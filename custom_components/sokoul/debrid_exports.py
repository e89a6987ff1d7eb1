"""The exports of an account: begun at once, written in the background, and told about at their end."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeassistant.components import persistent_notification
from homeassistant.util import dt as dt_util

from . import wording
from .const import DOMAIN, LOGGER
from .debrid.exporting import ExportFile, ExportFormat, keep_newest, stamped, sweep, write_all
from .markdown import plain
from .model.debrid_mirror import Presence
from .store import StoreError

if TYPE_CHECKING:
    from .debriding import AccountMirror
    from .hub import Hub

EVENT_EXPORT = f"{DOMAIN}_debrid_export"
#: Exports are kept here, in the configuration folder.
EXPORTS = f"{DOMAIN}_exports"
#: So many of each account: an automation that exports every day would fill the disk.
KEPT = 10
#: What is being written at the end has so long to be out of the way.
PARTING_SECONDS = 1.0


class Exports:
    """The exports of one account."""

    def __init__(self, hub: Hub, mirror: AccountMirror) -> None:
        self._hub = hub
        self._mirror = mirror
        self._begin = f"real-debrid-{mirror.account}-"
        self._swept = False
        self._sweeping = asyncio.Lock()
        self._running: set[asyncio.Task[int]] = set()

    @property
    def _folder(self) -> Path:
        return Path(self._hub.hass.config.path(EXPORTS))

    async def begin(
        self, chosen: ExportFormat, presence: Presence, *, told: bool = False
    ) -> tuple[Path, asyncio.Task[int]]:
        """Begin a file, and return where it will be and what writes it. Raises `OSError` where it can't be made.

        `told`: somebody waits for its end, and is told by that of what goes wrong.
        """
        job = self._hub.hass.async_add_executor_job
        async with self._sweeping:
            if not self._swept:  # later there may be one that is being written
                await job(sweep, self._folder, self._begin)
                self._swept = True
        file = await job(ExportFile.create, self._folder, stamped(self._begin, dt_util.utcnow()), chosen)
        task = self._hub.begin(self._write(file, presence, told=told), f"export of {self._mirror.title}")
        if not task.done():
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return file.path, task

    async def stop(self) -> None:
        """End what is being written: nothing is left of it."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=PARTING_SECONDS)

    async def _write(self, file: ExportFile, presence: Presence, *, told: bool) -> int:
        mirror = self._mirror
        facts: dict[str, Any] = {"account": mirror.title, "account_id": mirror.account, "path": str(file.path)}
        try:
            torrents = await write_all(mirror.store.mirror_view, mirror.account, presence, file)
        except (OSError, StoreError) as error:
            detail = reason_of(error)
            self._hub.hass.bus.async_fire(EVENT_EXPORT, {"type": "failed", **facts, "detail": detail})
            if not told:
                LOGGER.warning("The torrents of %s could not be written to %s: %s", mirror.title, file.path, detail)
                self._notify(file.path, detail)
            raise
        deleted = await self._hub.hass.async_add_executor_job(keep_newest, self._folder, self._begin, KEPT)
        persistent_notification.async_dismiss(self._hub.hass, self._notice)
        facts |= {"torrents": torrents, "deleted": deleted}
        self._hub.hass.bus.async_fire(EVENT_EXPORT, {"type": "written", **facts})
        return torrents

    @property
    def _notice(self) -> str:
        return f"{DOMAIN}_export_{self._mirror.account}"

    def _notify(self, path: Path, detail: str) -> None:
        hass = self._hub.hass
        words = wording.get(hass.config.language, dt_util.get_default_time_zone())
        text = words.text("debrid.not_exported", account=self._mirror.title, path=str(path), detail=detail)
        title = words.text("debrid.not_exported_title")
        persistent_notification.async_create(hass, plain(text), title, self._notice)


def reason_of(error: Exception) -> str:
    """Return what went wrong, in few words."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
