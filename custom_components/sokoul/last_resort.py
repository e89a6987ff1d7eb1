"""What a person chose to be called when a download client leaks: a switch, a script or a button of Home Assistant.

A smart plug, a port of the router, a firewall: something that works without the client's help. When it is called says
`autopilot/guards/last_resort.py`. It is never taken back: only a person knows when it is safe to.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from homeassistant.const import ATTR_ENTITY_ID, SERVICE_TURN_OFF, SERVICE_TURN_ON, STATE_OFF, STATE_UNAVAILABLE
from homeassistant.core import Context, callback, split_entity_id
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .autopilot.guards.last_resort import LastResortPolicy, Leak, called, due, failed, follow
from .const import LOGGER
from .model.journal import ActKind, EntryStatus
from .model.reasons import Reason, Value
from .restart_way import BUTTONS, SCRIPTS, SWITCHES

if TYPE_CHECKING:
    from .guarding import ClientGuard, Guarding

CHOSEN_KEY = "last_resort"  # of a client: what its person chose
LEAK_KEY = "last_resort_leak"  # and what is remembered while it leaks

#: An action that takes longer than this has failed as far as anybody can tell.
ACTION_PATIENCE = timedelta(seconds=30)
#: So long may a switch take to be off.
SWITCH_PATIENCE = timedelta(seconds=10)
#: So long may the disk take to note that it is called.
DISK_PATIENCE = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a person chose."""

    entity_id: str
    every_leak: bool = False

    @classmethod
    def from_json(cls, stored: Any) -> Self | None:
        """Return what was stored, None for nothing."""
        if not isinstance(stored, dict) or not stored.get("entity_id"):
            return None
        return cls(entity_id=stored["entity_id"], every_leak=stored.get("every_leak") is True)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {"entity_id": self.entity_id, "every_leak": self.every_leak}


class _GoneError(Exception):
    """What was chosen is not there."""


class LastResort:
    """The last resort of one download client. It is told how a leak goes on, and has a time of its own."""

    def __init__(self, guarding: Guarding, guard: ClientGuard, *, announce: Callable[..., None]) -> None:
        self._guarding = guarding
        self._guard = guard
        self._backend = guard.backend
        self._announce = announce
        stored = self._backend.memory.get(LEAK_KEY)
        self._leak: Leak | None = None if stored is None else Leak.from_json(stored)
        self._timer: asyncio.TimerHandle | None = None
        self._check: asyncio.TimerHandle | None = None
        self._calling = False
        self._stopped = False

    @property
    def chosen(self) -> Chosen | None:
        """What a person chose; None: nothing."""
        return Chosen.from_json(self._backend.memory.get(CHOSEN_KEY))

    @callback
    def choose(self, chosen: Chosen | None) -> None:
        """Take a person's choice. It counts at once, also for a leak that is under way."""
        self._backend.remember(CHOSEN_KEY, None if chosen is None else chosen.as_json())
        self._look()

    @callback
    def leaks(self, running: int | None) -> None:
        """Take in that it leaks, and how many torrents run; None: it could not be told to stop."""
        self._follow(leaking=True, running=running)

    @callback
    def leak_is_over(self) -> None:
        """Take in that it doesn't leak."""
        if self._leak is not None:
            self._follow(leaking=False, running=None)

    @callback
    def stop(self) -> None:
        """End."""
        self._stopped = True
        self._set_timer(None)
        if self._check is not None:
            self._check.cancel()

    # --- deciding ----------------------------------------------------------------------------------------------------

    def _follow(self, *, leaking: bool, running: int | None) -> None:
        self._note(follow(self._leak, leaking=leaking, running=running, now=dt_util.utcnow()))
        self._look()

    def _note(self, leak: Leak | None) -> None:
        note = None if leak is None else leak.as_json()
        if note != self._backend.memory.get(LEAK_KEY):
            self._backend.remember(LEAK_KEY, note)
        self._leak = leak

    @callback
    def _look(self) -> None:
        """Call it if it is time, or wake up when it is."""
        self._set_timer(None)
        chosen = self.chosen
        if chosen is None or self._calling or self._stopped:
            return
        now = dt_util.utcnow()
        policy = LastResortPolicy(every_leak=chosen.every_leak)
        at = due(self._leak, policy, now)
        if at is None or self._leak is None:
            return
        if at > now:
            self._set_timer((at - now).total_seconds())
            return
        self._calling = True
        self._note(called(self._leak, now))
        self._guarding.in_background(self._call(chosen.entity_id), f"last resort of {self._backend.title}")

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = self._backend.hass.loop
        self._timer = None if seconds is None else loop.call_later(seconds, self._look)

    # --- calling -----------------------------------------------------------------------------------------------------

    async def _call(self, entity_id: str) -> None:
        try:
            await self._backend.save_memory(DISK_PATIENCE)  # it is not to be called again after a crash
            async with asyncio.timeout(ACTION_PATIENCE.total_seconds()):
                await self._use(entity_id)
        except TimeoutError:
            self._failed(entity_id, "call_no_end", waited=ACTION_PATIENCE)
        except _GoneError:
            self._failed(entity_id, "call_gone")
        except (HomeAssistantError, vol.Invalid) as error:
            self._failed(entity_id, "call_failed", detail=str(error))
        except Exception as error:  # noqa: BLE001 -- whatever it is, it counts as failed
            LOGGER.exception("The last resort of %s failed", self._backend.title)
            self._failed(entity_id, "call_failed", detail=str(error))
        else:
            self._succeeded(entity_id)
        finally:
            self._calling = False
        self._look()

    async def _use(self, entity_id: str) -> None:
        """Run a script, press a button, or turn a switch off."""
        hass = self._backend.hass
        domain, _ = split_entity_id(entity_id)
        state = hass.states.get(entity_id)
        if state is None or state.state == STATE_UNAVAILABLE:
            raise _GoneError
        data: dict[str, Any] = {ATTR_ENTITY_ID: entity_id}
        if domain in SCRIPTS:
            service, data = SERVICE_TURN_ON, {**data, "variables": {"backend": self._backend.title}}
        else:
            service = "press" if domain in BUTTONS else SERVICE_TURN_OFF
        await hass.services.async_call(domain, service, data, blocking=True, context=Context())

    def _succeeded(self, entity_id: str) -> None:
        domain, _ = split_entity_id(entity_id)
        key = next(key for domains, key in _RESULTS if domain in domains)
        result = Reason(key=key, parameters={"name": self._name(entity_id)})
        LOGGER.warning("%s leaks: %s was called", self._backend.title, entity_id)
        self._guard.write_down(ActKind.CALL, result)
        self._announce("last_resort", entity=entity_id, reasons=(result,))
        if domain in SWITCHES and not self._stopped:
            seconds = SWITCH_PATIENCE.total_seconds()
            self._check = self._backend.hass.loop.call_later(seconds, self._see_whether_off, entity_id)

    @callback
    def _see_whether_off(self, entity_id: str) -> None:
        """Look once whether a switch did what it was told. Who turns it on after that knows why."""
        state = self._backend.hass.states.get(entity_id)
        if state is None or state.state != STATE_OFF:
            self._failed(entity_id, "call_not_off")
            self._look()

    def _failed(self, entity_id: str, how: str, **values: Value) -> None:
        if self._leak is not None:
            self._note(failed(self._leak))
        result = Reason(key=f"result.{how}", parameters={"name": self._name(entity_id), **values})
        LOGGER.error("%s leaks, and %s could not be called: %s", self._backend.title, entity_id, values or how)
        self._guard.write_down(ActKind.CALL, result, status=EntryStatus.FAILED)
        self._announce("last_resort_failed", entity=entity_id, reasons=(result,))

    def _name(self, entity_id: str) -> str:
        state = self._backend.hass.states.get(entity_id)
        return entity_id if state is None else state.name


_RESULTS = (
    (SCRIPTS, "result.called_script"),
    (BUTTONS, "result.called_button"),
    (SWITCHES, "result.called_switch"),
)
