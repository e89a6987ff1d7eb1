"""The coordinator of one backend: polls it, backs off, and says what is wrong in words that help."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
import random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from . import reauth
from .clients.errors import BackendError, Banned, CannotConnect, InvalidAuth, RateLimited
from .connectors.base import Client, Connection, Connector, Credentials, Reader
from .const import (
    AUTH_PAUSE,
    CONF_CONNECTION,
    CONF_PREFERENCES,
    DOMAIN,
    FAREWELL_PATIENCE,
    LOGGER,
    LONGEST_BACKOFF,
    MAX_REFUSALS,
    OUTAGE_GRACE,
)
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
    unavailable_since: datetime | None  # None while it answers
    device_id: str  # in the device registry
    read_at: datetime | None = None  # when it last answered

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
            name=connector.name,
            update_interval=connector.interval(None),
            always_update=False,
        )
        self.connector = connector
        self.subentry_id = subentry.subentry_id
        self._hub_memory = hub_memory
        self._reading: asyncio.Task[SnapshotT] | None = None
        self.act_lock = asyncio.Lock()  # one act at a time, and none that crosses what follows a read
        self._cancel_outage: CALLBACK_TYPE = _nothing
        self._refused_at: datetime | None = None  # when the client's credentials were refused
        self._refusals = 0  # of these credentials
        self._configure(subentry)
        self._connect()

    # --- connection ----------------------------------------------------------------------------------------------

    def _configure(self, subentry: ConfigSubentry) -> None:
        self.title = subentry.title
        self.name = f"{self.connector.name} ({subentry.title})"
        self.settings: Mapping[str, Any] = MappingProxyType(dict(subentry.data))
        self.preferences: Mapping[str, Any] = subentry.data.get(CONF_PREFERENCES, {})

    def _connect(self) -> None:
        self.answered = False  # ever, since it was connected
        self._failures = self._refusals = 0
        self._make_client()
        self._note_absence()  # until it answers

    def _make_client(self) -> None:
        self._refused_at = None
        self.connection = Connection.from_data(self.settings[CONF_CONNECTION])
        self.client = self.connector.connect(self.hass, self.connection)
        self.reader = self.connector.reader(self.client)

    def differs(self, subentry: ConfigSubentry) -> bool:
        """Tell whether the subentry says something else than what this coordinator works with."""
        return self.title != subentry.title or dict(self.settings) != dict(subentry.data)

    async def async_change(self, subentry: ConfigSubentry) -> None:
        """Go on with a changed subentry. Everything counts at once; only the first look at a new address takes time."""
        before = self.settings[CONF_CONNECTION]
        self._configure(subentry)
        if self.settings[CONF_CONNECTION] != before:
            await self.async_connect_anew()

    async def async_connect_anew(self) -> None:
        """Begin again with the present settings, as if nothing had been answered yet."""
        old = self.reader
        self._stop_reading()  # the refresh that began it begins again, at the new address
        self._connect()
        self.clear_issue()
        await self.async_refresh()
        # the new server's first revision may bear the number of the old one's last
        self.async_update_listeners()
        await _let_go(old)

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    @property
    def _address(self) -> str:
        """Where the backend is, for people."""
        chosen, url = self.connector.chosen_address, self.connection.url
        return url or self.connector.place if chosen is None else chosen.shown(self.hass, url) or url

    @property
    def answering(self) -> bool:
        """Whether the backend answered when it was last asked."""
        return self.last_update_success and self.data is not None

    @property
    def version(self) -> str | None:
        """The backend's version, once it has answered."""
        return None if self.data is None else self.connector.version(self.data)

    @property
    def latency_milliseconds(self) -> float | None:
        """How long the backend took for its latest answer."""
        latency = self.client.latency_seconds
        return None if latency is None else latency * 1000

    @override
    async def async_shutdown(self) -> None:
        """Stop polling and let go of the backend's session."""
        answering = self.answering
        self._cancel_outage()
        self.clear_issue()  # of a hub that is off nobody can do anything about it
        await super().async_shutdown()
        self._stop_reading()
        if answering:
            await _let_go(self.reader)

    @callback
    @override
    def _schedule_refresh(self) -> None:
        if not self._shutdown_requested:  # a read that was under way at the end would start the polling again
            super()._schedule_refresh()

    # --- memory --------------------------------------------------------------------------------------------------

    @property
    def memory(self) -> Mapping[str, Any]:
        """What this backend has to remember over a restart."""
        return self._hub_memory.of_backend(self.subentry_id)

    def remember(self, key: str, value: Any) -> None:
        """Keep a value over a restart; None forgets it. It is written soon."""
        self._hub_memory.remember(self.subentry_id, key, value)

    async def save_memory(self, patience: timedelta | None = None) -> None:
        """Write what is remembered now. It is waited for that long at most, and written all the same."""
        saving = self.hass.async_create_task(self._hub_memory.save_now(), f"{DOMAIN} memory of {self.title}")
        await asyncio.wait({saving}, timeout=None if patience is None else patience.total_seconds())
        if saving.done():
            saving.result()

    # --- polling -------------------------------------------------------------------------------------------------

    @override
    async def _async_update_data(self) -> SnapshotT:
        if self._may_log_in_again():
            self._make_client()  # the old one does not send again what was refused
        try:
            snapshot = await self._read()
        except BackendError as error:
            raise self._failed(error) from error
        self._recovered()
        self.read_at = dt_util.utcnow()
        self.data = snapshot
        self.update_interval = self.connector.interval(snapshot)
        if self.connector.after_read is not None:
            async with self.act_lock:  # it may act, and must not cross what a person does
                with suppress(BackendError):  # tried again after the next read
                    await self.connector.after_read(self)
        return snapshot

    async def _read(self) -> SnapshotT:
        """Read the backend, and begin again when it is connected anew meanwhile."""
        while True:
            reader = self.reader
            self._reading = asyncio.create_task(reader.read(dt_util.utcnow()))
            try:
                snapshot = await self._reading
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if reader is self.reader or (task is not None and task.cancelling()):
                    raise
            except BackendError:
                if reader is self.reader:
                    raise
            else:
                if reader is self.reader:
                    return snapshot
            finally:
                self._reading = None

    def _failed(self, error: BackendError) -> UpdateFailed:
        """Note a failure and return it as Home Assistant wants it, with the time until the next try."""
        if self.unavailable_since is None:
            self._note_absence()
        self._failures += 1
        wait = self._backoff()
        if isinstance(error, RateLimited) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        if isinstance(error, InvalidAuth):
            # The same wrong login again would get this address banned; anything else is only worth no hurry.
            wait = AUTH_PAUSE if self.connector.credentials is Credentials.LOGIN else LONGEST_BACKOFF
            if not isinstance(error, Banned):
                if self._refused_at is None:
                    self._refused_at = dt_util.utcnow()
                    self._refusals += 1
                # An entry has one such flow at a time: who comes second gets a repair issue after a while.
                if self.connector.credentials is not Credentials.NONE:
                    reauth.start(self.hass, self.config_entry, self.subentry_id)
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key=problem_of(error),
            translation_placeholders={"backend": self.title, "detail": str(error)},
            retry_after=wait.total_seconds(),
        )

    def _may_log_in_again(self) -> bool:
        """Tell whether refused credentials are worth a try: now and then, because the old password may be back.

        Only a few times, because failed logins add up until the backend bans this address, however long apart.
        """
        if self._refused_at is None or self._refusals >= MAX_REFUSALS:
            return False
        return dt_util.utcnow() - self._refused_at > AUTH_PAUSE - timedelta(seconds=2)  # timers go to the second

    def _backoff(self) -> timedelta:
        """Return the pause before the next try: twice as long each time, never the same for all backends."""
        wait: timedelta = self.connector.interval(None) * 2.0 ** min(self._failures, 10)
        return min(wait, LONGEST_BACKOFF) * random.uniform(0.85, 1.15)  # noqa: S311 -- jitter

    def _note_absence(self) -> None:
        self.unavailable_since = dt_util.utcnow()
        self._watch_outage()

    def _watch_outage(self) -> None:
        self._cancel_outage()
        self._cancel_outage = async_call_later(self.hass, OUTAGE_GRACE, self._outage_lasts)

    def _recovered(self) -> None:
        self._failures = self._refusals = 0
        self.answered = True
        if self.unavailable_since is not None:
            self.unavailable_since = None
            self._cancel_outage()
            self.clear_issue()
            reauth.settle(self.hass, self.config_entry, self.subentry_id)

    @callback
    def look_again(self) -> None:
        """Look at everything soon: something happened there. Many hints at once make one refresh."""
        self.reader.forget()
        self.config_entry.async_create_background_task(
            self.hass, self.async_request_refresh(), f"{self.name} - hinted refresh"
        )

    # --- asking a person -------------------------------------------------------------------------------------------

    @property
    def issue_id(self) -> str:
        """The repair issue of this backend's outage."""
        return f"unavailable_{self.subentry_id}"

    @callback
    def _outage_lasts(self, _now: datetime) -> None:
        """Say that it is away, and look now and then whether it is still for the same reason."""
        self._watch_outage()
        error = self.last_exception.__cause__ if self.last_exception is not None else None
        if not isinstance(error, BackendError):
            error = CannotConnect("it has not answered yet")
        if isinstance(error, InvalidAuth) and reauth.is_asking(self.hass, self.config_entry, self.subentry_id):
            self.clear_issue()  # Home Assistant's own issue leads to the same form
            return
        ir.async_create_issue(
            self.hass,
            DOMAIN,
            self.issue_id,
            is_fixable=True,
            severity=ir.IssueSeverity.ERROR,
            translation_key=f"unavailable_{problem_of(error)}",
            translation_placeholders={"backend": self.title, "url": self._address},
            data={"subentry_id": self.subentry_id},
        )

    def clear_issue(self) -> None:
        """Take the repair issue back."""
        ir.async_delete_issue(self.hass, DOMAIN, self.issue_id)

    # --- acting --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def acting(self) -> AsyncIterator[ClientT]:
        """Hand out the client for a change, one at a time; its errors become Home Assistant's.

        Afterwards the result is looked at.
        """
        async with self.act_lock:
            with backend_errors(self.title):
                yield self.client
        await self.async_refresh()


def _nothing() -> None:
    """Cancel what was never begun."""


async def _let_go(reader: Reader[Any]) -> None:
    """End a reader's session at the backend: a courtesy that must not hold anything up."""
    with suppress(BackendError, TimeoutError):
        async with asyncio.timeout(FAREWELL_PATIENCE.total_seconds()):
            await reader.close()


class backend_errors:  # noqa: N801 -- read as a statement: `with backend_errors(title):`
    """Turn a client's errors into errors that Home Assistant shows (of this `kind`), with translated text."""

    def __init__(self, backend: str, kind: type[HomeAssistantError] = HomeAssistantError) -> None:
        self._backend = backend
        self._kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BackendError):
            raise self._kind(
                translation_domain=DOMAIN,
                translation_key=problem_of(error),
                translation_placeholders={"backend": self._backend, "detail": str(error)},
            ) from error
