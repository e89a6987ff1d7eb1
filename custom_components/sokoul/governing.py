"""The governor at work in Home Assistant: what is demanded of each download client is what it does.

What is demanded is decided in `autopilot/guards/governor.py`, at each news of what it listens to and when time alone
may change something. A client is touched only where what it does differs from that, one act at a time, and never by a
poll of the governor's own. What is to be undone is on the disk before it is done (`connectors/limiting.py`,
`connectors/holding.py`), so that it goes on after a restart where it was.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import CoreState, Event, EventStateChangedData, callback
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from . import wording
from .autopilot.guards.governor import FREE, ClientDecision, Decision, GovernorMemory, advance, effects
from .autopilot.guards.limits import UNLIMITED, ClientLimits, Rates, Slot
from .autopilot.guards.sources import Demand, Source, SourceKind, while_on
from .clients.errors import BackendError, CannotConnect
from .connectors import holding, limiting
from .connectors.holding import PAUSED_UNTIL_KEY, hold, holds, is_held, let_go, lets_go, turn_pause
from .connectors.limiting import keep_to
from .const import FAREWELL_PATIENCE, LOGGER, RELEASE_PATIENCE
from .governor_sources import ChosenSource, Thermometer, thermometers
from .homes import runs_here
from .model.backend import DOWNLOAD_CLIENT_KINDS
from .model.downloads import Transfer
from .model.hold import Holder
from .model.reasons import Reason

if TYPE_CHECKING:
    from .hub import AnyCoordinator, Hub

# of the hub's memory
ON_KEY = "governor_on"  # False: a person switched it off
CHOSEN_KEY = "governor_sources"  # the entities that people chose
ASKED_KEY = "governor_asked"  # what people and automations asked for, by client
MEMORY_KEY = "governor_memory"

#: A client that would not do what is demanded is asked again then. (One that is away is waited for.)
RETRY = timedelta(seconds=30)
#: An act that is under way at the end has so long to finish.
PARTING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A limit that was asked for by name."""

    limits: Rates
    label: str  # who asked for it
    until: datetime | None = None  # None: for as long as they want

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Asked:
        """Read it again. Raises `KeyError` or `TypeError` when it is not what `as_json` made."""
        until = stored["until"]
        return cls(
            limits=Rates(download=stored["download"], upload=stored["upload"]),
            label=stored["label"],
            until=None if until is None else datetime.fromtimestamp(until, UTC),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "download": self.limits.download,
            "upload": self.limits.upload,
            "label": self.label,
            "until": None if self.until is None else self.until.timestamp(),
        }


class ClientGovernor:
    """What the governor does at one download client."""

    def __init__(self, governing: Governing, backend: AnyCoordinator) -> None:
        self._governing = governing
        self.backend = backend
        self.decision: ClientDecision = FREE
        self._kept: tuple[Rates, tuple[int, int, bool], Any] | None = None  # what it was last seen to keep to
        self._timer: asyncio.Handle | None = None
        self._step: asyncio.Task[None] | None = None
        self._stopped = False
        self._listeners: list[Callable[[], None]] = []

    # --- what is told ------------------------------------------------------------------------------------------------

    @property
    def throttled(self) -> bool:
        """Whether anything is demanded of it now."""
        return self.decision is not FREE

    @property
    def limit(self) -> int | None:
        """How fast it may download, in bytes per second: 0 is not at all, None as fast as it likes."""
        demand = self.decision.demand
        return 0 if demand.pause else demand.limits.download or None

    @property
    def cause(self) -> SourceKind | None:
        """What the strictest of its reasons is about."""
        return self.decision.causes[0].source.kind if self.decision.causes else None

    @property
    def throttled_today(self) -> timedelta:
        """For how long something was demanded of it today."""
        return self._governing.today(self.backend.subentry_id)

    def explain(self, words: wording.Wording | None = None) -> tuple[str, ...]:
        """Return what is demanded and why, and what of its sources tells nothing; without words in our own language."""
        said: list[Reason] = [*effects(self.decision.demand), *self.decision.reasons]
        said += (
            state.trouble
            for state in self._governing.decision.sources.values()
            if state.trouble is not None and self.backend.subentry_id in state.source.clients
        )
        words, now = words or self._governing.words, dt_util.utcnow()
        return tuple(words.reason(reason, now) for reason in said)

    @callback
    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever something that is shown may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- life --------------------------------------------------------------------------------------------------------

    @callback
    def look_again(self, decision: ClientDecision) -> None:
        """Take in what is demanded now, and what the client was last seen to do."""
        news = decision.demand != self.decision.demand
        self.decision = decision
        if self._has_to_act and (news or (self._timer is None and self._step is None)):
            self._step_in(timedelta())
        for listener in tuple(self._listeners):
            listener()

    async def stop(self) -> None:
        """End. What is limited or paused stays so, and is known at the next start."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (step := self._step) is not None:
            await asyncio.wait({step}, timeout=PARTING.total_seconds())
            step.cancel()

    async def leave(self) -> None:
        """Take everything back, after the end: SOKOUL is switched off.

        A person's pause for a time ends, too: nobody would be there to end it. One without an end stays.
        """
        memory = self.backend.memory
        stops = Holder.GOVERNOR in holds(memory) or self.paused_until is not None
        if not stops and limiting.MEMORY_KEY not in memory:
            return
        undo, why = holding.UNDO if stops else limiting.UNDO, "it does not answer"
        try:
            async with asyncio.timeout(RELEASE_PATIENCE.total_seconds()), self.backend.act_lock:
                if self.backend.data is not None:
                    await let_go(self.backend, Holder.GOVERNOR)
                    if self.paused_until is not None:
                        await turn_pause(self.backend, False)
                    undo, why = limiting.UNDO, "it does not take them"
                    if await keep_to(self.backend, UNLIMITED, self.backend.title) is not None:
                        return
        except (BackendError, TimeoutError) as error:
            why = str(error) or "it did not answer in time"
        LOGGER.warning(undo.otherwise, self.backend.title, why)

    async def leave_address(self) -> None:
        """Take back what is demanded at the address that the client has still, because it is to have another one.

        Whoever answers there, the same client or another one, is then told anew what is demanded. One that is not at
        the old address any more has most likely moved, and keeps what it was told until that is over.
        """
        memory = self.backend.memory
        if not self.backend.answering or not (Holder.GOVERNOR in holds(memory) or limiting.MEMORY_KEY in memory):
            return
        try:
            async with asyncio.timeout(FAREWELL_PATIENCE.total_seconds()), self.backend.act_lock:
                await let_go(self.backend, Holder.GOVERNOR)
                if await keep_to(self.backend, UNLIMITED, self.backend.title) is None:
                    LOGGER.warning(limiting.UNDO.otherwise, self.backend.connection.url, "it does not take them")
        except CannotConnect, TimeoutError:
            pass
        except BackendError as error:
            LOGGER.warning(limiting.UNDO.otherwise, self.backend.connection.url, error)

    # --- what a person wants -----------------------------------------------------------------------------------------

    async def pause(self, until: datetime | None) -> None:
        """Stop everything that runs, until a moment or for as long as they want. Raises `HomeAssistantError`."""
        async with self.backend.acting():
            await turn_pause(self.backend, True, None if until is None else until.timestamp())
        self._governing.look()

    async def resume(self) -> None:
        """Start again what ran before the pause. Raises `HomeAssistantError`."""
        async with self.backend.acting():
            await turn_pause(self.backend, False)
        self._governing.look()

    @property
    def paused_until(self) -> datetime | None:
        """When the pause that a person asked for is over; None where nothing is, or for as long as they want."""
        until = self.backend.memory.get(PAUSED_UNTIL_KEY)
        return None if until is None else datetime.fromtimestamp(until, UTC)

    # --- acting ------------------------------------------------------------------------------------------------------

    @property
    def _pause_is_over(self) -> bool:
        until = self.paused_until
        return until is not None and until <= dt_util.utcnow()

    @property
    def _has_to_act(self) -> bool:
        """Whether the client, as it was last seen, does not do what is demanded."""
        if self._stopped or not self.backend.answering:
            return False
        demand = self.decision.demand
        if self._pause_is_over or demand.pause != is_held(self.backend, Holder.GOVERNOR):
            return True
        if lets_go(self.backend, Holder.GOVERNOR):
            return True
        concerned = demand.limits != UNLIMITED or limiting.MEMORY_KEY in self.backend.memory
        return concerned and self._kept != (demand.limits, _in_force(self.backend.data.transfer), self.backend.client)

    @callback
    def _step_in(self, pause: timedelta) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = self.backend.hass.loop
        self._timer = (
            loop.call_later(pause.total_seconds(), self._begin_step) if pause else loop.call_soon(self._begin_step)
        )

    @callback
    def _begin_step(self) -> None:
        self._timer = None
        if self._step is not None:
            return  # it looks at what is demanded once more at its end
        self._step = self._governing.in_background(self._take_step(), f"governor of {self.backend.title}")
        if self._step.done():
            self._step = None

    async def _take_step(self) -> None:
        demand, failed = self.decision.demand, False
        try:
            async with self.backend.act_lock:
                await self._act(demand)
            await self.backend.async_refresh()
        except BackendError as error:
            failed = True
            LOGGER.debug("%s did not do what is demanded, it is asked again: %s", self.backend.title, error)
        except Exception:  # noqa: BLE001 -- whatever it is, it must not end the governor
            failed = True
            LOGGER.exception("The governor of %s could not act, and will try again", self.backend.title)
        finally:
            self._step = None
        if self._has_to_act:
            news = demand != self.decision.demand
            self._step_in(timedelta() if news and not failed else RETRY)

    async def _act(self, demand: Demand) -> None:
        """Have the client do what is demanded. What eases a person comes last, should it break down in between."""
        backend = self.backend
        if demand.pause:
            await hold(backend, Holder.GOVERNOR)
        if demand.limits != UNLIMITED or limiting.MEMORY_KEY in backend.memory:
            self._kept = None
            limits = await keep_to(backend, demand.limits, backend.title)
            if limits is not None:
                self._kept = (demand.limits, _told(limits, backend.data.transfer), backend.client)
        if not demand.pause:
            await let_go(backend, Holder.GOVERNOR)
        if self._pause_is_over:
            await turn_pause(backend, False)


def _in_force(transfer: Transfer) -> tuple[int, int, bool]:
    return transfer.download_limit, transfer.upload_limit, transfer.alternative_limits


def _told(limits: ClientLimits, transfer: Transfer) -> tuple[int, int, bool]:
    """Return the limits in force as the client's settings tell them, to be compared with those of a poll."""
    down, up = (
        (Slot.ALTERNATIVE_DOWNLOAD, Slot.ALTERNATIVE_UPLOAD) if limits.alternative else (Slot.DOWNLOAD, Slot.UPLOAD)
    )
    return (
        max(0, limits.values.get(down, transfer.download_limit)),
        max(0, limits.values.get(up, transfer.upload_limit)),
        limits.alternative,
    )


class Governing:
    """The governor of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.clients: dict[str, ClientGovernor] = {}
        self.decision = Decision(clients={}, sources={}, again_at=None)
        self._memory = GovernorMemory()
        self._noted = self._memory.dump()  # what of it is in the hub's memory
        self._begun = False
        self._timer: asyncio.Handle | None = None
        self._leave: list[Callable[[], None]] = []
        self._watched: frozenset[str] = frozenset()
        self._unwatch: Callable[[], None] | None = None
        self._listeners: list[Callable[[], None]] = []

    # --- life --------------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Begin to govern."""
        try:
            self._memory = GovernorMemory.load(self._hub.memory.get(MEMORY_KEY), dt_util.utcnow())
        except AttributeError, KeyError, TypeError, ValueError:
            LOGGER.error("What the governor remembered is not readable, it begins anew")
        self._noted = self._memory.dump()
        self._begun = True
        self._leave.append(self._hub.add_listener(self.look))
        self.look()

    async def stop(self) -> None:
        """End. When SOKOUL is disabled everything is taken back; else it stays as it is, and is known at the start."""
        self._begun = False
        while self._leave:
            self._leave.pop()()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        await asyncio.gather(*(client.stop() for client in self.clients.values()))
        if self._hub.entry.disabled_by is not None:
            await asyncio.gather(*(client.leave() for client in self.clients.values()))

    def of(self, backend: AnyCoordinator) -> ClientGovernor:
        """Return what the governor does at a download client."""
        client = self.clients.get(backend.subentry_id)
        if client is None:
            client = self.clients[backend.subentry_id] = ClientGovernor(self, backend)
        return client

    async def leave_address(self, backend: AnyCoordinator) -> None:
        """Take back what is demanded of a backend before it gets another address."""
        if (client := self.clients.get(backend.subentry_id)) is not None:
            await client.leave_address()

    def in_background(self, work: Any, what: str) -> asyncio.Task[None]:
        """Do something for as long as the entry is loaded."""
        return self._hub.in_background(work, what)

    @callback
    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever something of the governor as a whole may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- what is set -------------------------------------------------------------------------------------------------

    @property
    def on(self) -> bool:
        """Whether it governs."""
        return self._hub.memory.get(ON_KEY, True) is True

    @callback
    def turn(self, *, on: bool) -> None:
        """Govern, or don't: then everything is as its person had it, and what was asked for is forgotten."""
        self._hub.memory.set(ON_KEY, on)
        if not on:
            self._hub.memory.set(ASKED_KEY, {})
        self.look()

    @property
    def chosen(self) -> dict[str, ChosenSource]:
        """The entities that people chose, by their keys."""
        found: dict[str, ChosenSource] = {}
        for stored in self._hub.memory.get(CHOSEN_KEY, []):
            try:
                source = ChosenSource.from_json(stored)
            except KeyError, TypeError, ValueError:
                continue  # of a version that this one does not know
            found[source.key] = source
        return found

    @callback
    def choose(self, source: ChosenSource) -> None:
        """Add or change entities that the governor listens to."""
        self._choose({**self.chosen, source.key: source}.values())

    @callback
    def forget(self, key: str) -> None:
        """Don't listen to some entities any more."""
        self._choose(each for each in self.chosen.values() if each.key != key)

    def _choose(self, sources: Iterable[ChosenSource]) -> None:
        self._hub.memory.set(CHOSEN_KEY, [each.as_json() for each in sources])
        self.look()

    @property
    def asked(self) -> dict[str, Asked]:
        """What was asked for, by client."""
        found: dict[str, Asked] = {}
        for client, stored in self._hub.memory.get(ASKED_KEY, {}).items():
            try:
                found[client] = Asked.from_json(stored)
            except KeyError, TypeError:
                continue
        return found

    @callback
    def ask(self, clients: Collection[str], asked: Asked) -> None:
        """Limit some clients, until it is over or released."""
        self._ask({**self.asked, **dict.fromkeys(clients, asked)})

    @callback
    def release(self, clients: Collection[str]) -> None:
        """End what was asked for of some clients. What other sources demand stays."""
        self._ask({client: asked for client, asked in self.asked.items() if client not in clients})

    def _ask(self, asked: Mapping[str, Asked]) -> None:
        self._note_asked(asked)
        self.look()

    def _note_asked(self, asked: Mapping[str, Asked]) -> None:
        self._hub.memory.set(ASKED_KEY, {client: each.as_json() for client, each in asked.items()})

    @property
    def thermometers(self) -> dict[str, Thermometer]:
        """The thermal backends, by their ids."""
        return thermometers(self._hub.backends.values())

    @property
    def words(self) -> wording.Wording:
        """The texts in Home Assistant's language."""
        return wording.get(self._hub.hass.config.language, dt_util.get_default_time_zone())

    def today(self, client: str) -> timedelta:
        """Return for how long something was demanded of a client today."""
        counted = self._memory.counted(dt_util.utcnow(), dt_util.start_of_local_day())
        return counted.today.get(client, timedelta())

    # --- looking -----------------------------------------------------------------------------------------------------

    @callback
    def look(self) -> None:
        """See what is told now, and have done what that demands."""
        if not self._begun:
            return
        now = dt_util.utcnow()
        self._drop_what_is_over(now)
        self._know_clients()
        sources = tuple(self._sources()) if self.on else ()
        readings = dict(self._readings())
        memory = self._memory if self._hub.hass.state is CoreState.running else self._memory.starting(now)
        self._memory, self.decision = advance(memory, readings, sources, now, day=dt_util.start_of_local_day())
        self._keep_memory()
        self._watch()
        for key, client in self.clients.items():
            client.look_again(self.decision.of(key))
        self._wake(now)
        for listener in tuple(self._listeners):
            listener()

    def _know_clients(self) -> None:
        for gone in self.clients.keys() - self._hub.backends.keys():
            self.in_background(self.clients.pop(gone).stop(), "end of a governor")
        for backend in self._hub.backends.values():
            if backend.connector.kind in DOWNLOAD_CLIENT_KINDS:
                self.of(backend)

    def _drop_what_is_over(self, now: datetime) -> None:
        asked = self.asked
        left = {
            client: each
            for client, each in asked.items()
            if client in self._hub.backends and (each.until is None or each.until > now)
        }
        if left != asked:
            self._note_asked(left)

    def _sources(self) -> Iterator[Source]:
        found = self.thermometers
        if found:
            clients = {key: runs_here(self._hub, client.backend) for key, client in self.clients.items()}
            for thermometer in found.values():
                yield from thermometer.sources(clients)
        for chosen in self.chosen.values():
            yield chosen.source(self._hub.hass, self.clients)
        for client, asked in self.asked.items():
            yield Source(
                key=_key_of_asked(client),
                kind=SourceKind.ASKED,
                label=asked.label,
                steps=while_on(Demand(limits=asked.limits)),
                clients=frozenset({client}),
            )

    def _readings(self) -> Iterator[tuple[str, float | None]]:
        for thermometer in self.thermometers.values():
            yield from thermometer.readings()
        for chosen in self.chosen.values():
            yield chosen.key, chosen.value(self._hub.hass)
        for client in self.asked:
            yield _key_of_asked(client), 1.0

    def _keep_memory(self) -> None:
        """Keep what is remembered over a restart; that time has passed is not worth a write of its own."""
        before, now = self._noted, self._memory.dump()
        if _steps(before) != _steps(now):
            self._hub.memory.set(MEMORY_KEY, now)
        elif before != now:
            self._hub.memory.set_quietly(MEMORY_KEY, now)
        self._noted = now

    def _watch(self) -> None:
        """Hear of each change of the entities that were chosen."""
        hass = self._hub.hass
        wanted = (
            frozenset(each for source in self.chosen.values() for each in source.watched(hass))
            if self.on
            else frozenset()
        )
        if wanted == self._watched and (self._unwatch is not None or not wanted):
            return
        if self._unwatch is not None:
            self._unwatch()
        self._watched = wanted
        self._unwatch = async_track_state_change_event(hass, wanted, self._state_changed) if wanted else None

    @callback
    def _state_changed(self, _event: Event[EventStateChangedData]) -> None:
        self.look()

    def _wake(self, now: datetime) -> None:
        """Look again when time alone may change something."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        moments = [each.until for each in self.asked.values()]
        moments += [until for client in self.clients.values() if (until := client.paused_until) is None or until > now]
        due = min((each for each in (*moments, self.decision.again_at) if each is not None), default=None)
        if due is not None:
            self._timer = self._hub.hass.loop.call_later(max((due - now).total_seconds(), 0), self._woken)

    @callback
    def _woken(self) -> None:
        self._timer = None
        self.look()


def _key_of_asked(client: str) -> str:
    return f"asked_{client}"


def _steps(dumped: Mapping[str, Any]) -> dict[str, Any]:
    return {key: source["active"] for key, source in dumped["sources"].items()}
