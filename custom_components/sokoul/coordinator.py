"""The coordinator of one backend: polls it, backs off, and says what is wrong in words that help."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
import random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .clients.errors import BackendError, Banned, InvalidAuth, RateLimited
from .connectors.base import Client, Connection, Connector, Reader
from .const import CONF_CONNECTION, CONF_PREFERENCES, DOMAIN, LOGGER, LONGEST_BACKOFF, OUTAGE_GRACE
from .problems import problem_of

if TYPE_CHECKING:
    from datetime import datetime

    from .data import SokoulConfigEntry
    from .memory import HubMemory


class BackendCoordinator[ClientT: Client, SnapshotT](DataUpdateCoordinator[SnapshotT]):
    """One backend at work. It outlives changes of its subentry, so its entities never have to be made anew."""

    config_entry: SokoulConfigEntry
    client: ClientT
    reader: Reader[SnapshotT]

    def __init__(
        self,
        hass: HomeAssistant,
        entry: SokoulConfigEntry,
        subentry: ConfigSubentry,
        connector: Connector[ClientT, SnapshotT],
        hub_memory: HubMemory,
    ) -> None:
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{connector.name} ({subentry.title})",
            update_interval=connector.interval(None),
            always_update=False,
        )
        self.connector = connector
        self.subentry_id = subentry.subentry_id
        self.title = subentry.title
        self.last_update_success = False  # until it has answered once
        self.answered = False  # ever, since it was connected
        self.unavailable_since: datetime | None = dt_util.utcnow()
        self._hub_memory = hub_memory
        self._failures = 0
        self._connect(subentry)
        self._cancel_outage = async_call_later(hass, OUTAGE_GRACE, self._outage_lasts)

    # --- connection ----------------------------------------------------------------------------------------------

    def _connect(self, subentry: ConfigSubentry) -> None:
        self.settings: Mapping[str, Any] = MappingProxyType(dict(subentry.data))
        self.connection = Connection.from_data(subentry.data[CONF_CONNECTION])
        self.preferences: Mapping[str, Any] = subentry.data.get(CONF_PREFERENCES, {})
        self.client = self.connector.connect(self.hass, self.connection)
        self.reader = self.connector.reader(self.client)

    async def async_reconnect(self, subentry: ConfigSubentry) -> None:
        """Go on with a changed subentry: new credentials, a new address, other preferences."""
        await self._close_reader()
        self.title = subentry.title
        self._failures = 0
        self._connect(subentry)
        self.clear_issue()
        await self.async_refresh()

    @property
    def version(self) -> str | None:
        """The backend's version, once it has answered."""
        return None if self.data is None else self.connector.version(self.data)

    @property
    def latency_milliseconds(self) -> float | None:
        """How long the backend took for its latest answer."""
        latency = self.client.latency_seconds
        return None if latency is None else latency * 1000

    def differs(self, subentry: ConfigSubentry) -> bool:
        """Tell whether the subentry says something else than what this coordinator works with."""
        return self.title != subentry.title or dict(self.settings) != dict(subentry.data)

    @override
    async def async_shutdown(self) -> None:
        """Stop polling and let go of the backend's session."""
        self._cancel_outage()
        await super().async_shutdown()
        await self._close_reader()

    async def _close_reader(self) -> None:
        with suppress(BackendError):
            await self.reader.close()

    # --- memory --------------------------------------------------------------------------------------------------

    @property
    def memory(self) -> Mapping[str, Any]:
        """What this backend has to remember over a restart."""
        return self._hub_memory.of_backend(self.subentry_id)

    def remember(self, key: str, value: Any) -> None:
        """Keep a value over a restart; None forgets it."""
        self._hub_memory.remember(self.subentry_id, key, value)

    # --- polling -------------------------------------------------------------------------------------------------

    @override
    async def _async_update_data(self) -> SnapshotT:
        reader = self.reader
        try:
            snapshot = await reader.read(dt_util.utcnow())
        except BackendError as error:
            raise self._failed(error) from error
        if reader is not self.reader:  # reconnected meanwhile: what was read belongs to the old address
            return self.data
        self._recovered()
        self.data = snapshot
        self.update_interval = self.connector.interval(snapshot)
        if self.connector.after_read is not None:
            with suppress(BackendError):  # tried again after the next read
                await self.connector.after_read(self)
        return snapshot

    def _failed(self, error: BackendError) -> UpdateFailed:
        """Note a failure and return it as Home Assistant wants it, with the time until the next try."""
        if self.unavailable_since is None:
            self.unavailable_since = dt_util.utcnow()
            self._cancel_outage()
            self._cancel_outage = async_call_later(self.hass, OUTAGE_GRACE, self._outage_lasts)
        self._failures += 1
        wait = self._backoff()
        if isinstance(error, RateLimited) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        if isinstance(error, InvalidAuth):
            # The same wrong credentials again would get this address banned: wait for a person.
            wait = timedelta(hours=1)
            if not isinstance(error, Banned):
                self.config_entry.async_start_reauth_if_available(self.hass, data={"subentry_id": self.subentry_id})
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key=problem_of(error),
            translation_placeholders={"backend": self.title, "detail": str(error)},
            retry_after=wait.total_seconds(),
        )

    def _backoff(self) -> timedelta:
        """Return the pause before the next try: twice as long each time, never the same for all backends."""
        wait: timedelta = self.connector.interval(None) * 2.0 ** min(self._failures, 10)
        return min(wait, LONGEST_BACKOFF) * random.uniform(0.85, 1.15)  # noqa: S311 -- jitter

    def _recovered(self) -> None:
        self._failures = 0
        self.answered = True
        if self.unavailable_since is not None:
            self.unavailable_since = None
            self._cancel_outage()
            self.clear_issue()

    @callback
    def look_again(self) -> None:
        """Refresh soon: something happened there. Many hints at once make one refresh."""
        self.config_entry.async_create_background_task(
            self.hass, self.async_request_refresh(), f"{self.name} - hinted refresh"
        )

    # --- the repair issue of a long outage -------------------------------------------------------------------------

    @property
    def issue_id(self) -> str:
        """The repair issue of this backend's outage."""
        return f"unavailable_{self.subentry_id}"

    @callback
    def _outage_lasts(self, _now: datetime) -> None:
        error = self.last_exception
        cause = error.__cause__ if error is not None else None
        if isinstance(cause, InvalidAuth) and not isinstance(cause, Banned):
            return  # Home Assistant's own reauthentication issue is there already
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            self.issue_id,
            is_fixable=True,
            severity=ir.IssueSeverity.ERROR,
            translation_key=f"unavailable_{problem_of(cause) if isinstance(cause, BackendError) else 'no_answer'}",
            translation_placeholders={"backend": self.title, "url": self.connection.url},
            data={"subentry_id": self.subentry_id},
        )

    def clear_issue(self) -> None:
        """Take the repair issue back."""
        ir.async_delete_issue(self.hass, DOMAIN, self.issue_id)

    # --- acting --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def acting(self) -> AsyncIterator[ClientT]:
        """Hand out the client for a change; its errors become Home Assistant's, and the result is looked at."""
        with backend_errors(self.title):
            yield self.client
        await self.async_request_refresh()


class backend_errors:  # noqa: N801 -- read as a statement: `with backend_errors(title):`
    """Turn a client's errors into errors that Home Assistant shows, with translated text."""

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BackendError):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key=problem_of(error),
                translation_placeholders={"backend": self._backend, "detail": str(error)},
            ) from error
