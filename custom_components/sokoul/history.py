"""Where the history of healing is kept: in a file of its own, or in a PostgreSQL database that a person named.

The address of such a database mostly holds a password, so it is kept where all secrets are: in the config entry.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.requirements import RequirementsNotFound, async_process_requirements
from yarl import URL

from . import store
from .const import DOMAIN, LOGGER

if TYPE_CHECKING:
    from .pilot import Pilot

CONF_DATABASE_URL = "database_url"

#: A database that can't be opened is tried again after this, and after twice as long each time.
RETRY_FIRST = timedelta(seconds=30)
RETRY_LONGEST = timedelta(minutes=30)

type Where = Path | str

#: What doesn't pass by itself.
_LASTING = (store.Damaged, store.InvalidUrl, store.NewerSchema, store.TooOld)


class NoDriver(store.StoreError):
    """What speaks to PostgreSQL could not be installed."""


class CannotCopy(store.StoreError):
    """What there is can't be read, so it can't be taken along."""


def shown(where: Where) -> str:
    """Return a database as it may be shown: the path of its file, or its server and name."""
    if isinstance(where, Path):
        return str(where)
    url = URL(where)
    return f"{url.host or 'localhost'}{url.path}"


def may_pass(error: store.StoreError) -> bool:
    """Tell whether trying again later may help."""
    return not isinstance(error, _LASTING)


async def open_history(hass: HomeAssistant, where: Where, **options: Any) -> store.Store:
    """Open a database. What PostgreSQL needs is installed when somebody names one, and not before.

    `options` are those of `store.open_store`. Raises `StoreError`.
    """
    try:
        if store.is_postgresql(where):
            await async_process_requirements(hass, DOMAIN, list(store.POSTGRESQL_REQUIREMENTS), is_built_in=False)
        await hass.async_add_executor_job(store.load, where)
    except (RequirementsNotFound, ImportError) as error:
        raise NoDriver(f"{', '.join(store.POSTGRESQL_REQUIREMENTS)} can't be installed") from error
    return await store.open_store(where, **options)


async def move(hass: HomeAssistant, pilot: Pilot, where: Where, *, take_along: bool) -> None:
    """Make a database ready to be used from now on, with what there is taken along or not.

    When that was done, the autopilot rests until it is started with the new one; otherwise it goes on as before.
    Raises `StoreError`.
    """
    target = await open_history(hass, where, limits=pilot.limits)
    try:
        if take_along:
            await _take_along(hass, pilot, target)
    finally:
        await target.close()


async def _take_along(hass: HomeAssistant, pilot: Pilot, target: store.Store) -> None:
    await pilot.stop()
    try:
        try:
            source = await open_history(hass, pilot.opened, limits=pilot.limits)
        except store.StoreError as error:
            raise CannotCopy(str(error)) from error
        try:
            await source.copy_to(target)
        finally:
            with suppress(store.StoreError):
                await source.close()
    except BaseException:
        await pilot.start()
        raise
    if isinstance(pilot.opened, Path):
        await hass.async_add_executor_job(_keep_aside, pilot.opened)


def _keep_aside(path: Path) -> None:
    """Keep the file that was copied under another name, so that there is room when somebody comes back to a file."""
    try:
        path.replace(path.with_name(f"{path.name}.copied"))
        for suffix in ("-wal", "-shm"):  # closing emptied them
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        LOGGER.warning("The file %s, whose history was copied, could not be renamed: %s", path, error)


class Retry:
    """Does something again after a while, and after longer each time."""

    def __init__(self, hass: HomeAssistant, again: Callable[[], object]) -> None:
        self._hass = hass
        self._again = again
        self._times = 0
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def later(self) -> None:
        """Do it later."""
        self.cancel()
        pause = min(RETRY_FIRST * 2 ** min(self._times, 10), RETRY_LONGEST)
        self._times += 1
        self._cancel = async_call_later(self._hass, pause, self._now)

    @callback
    def _now(self, _now: object) -> None:
        self._cancel = None
        self._again()

    @callback
    def cancel(self) -> None:
        """Don't do it."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def reset(self) -> None:
        """Begin with short pauses the next time: it worked."""
        self.cancel()
        self._times = 0
