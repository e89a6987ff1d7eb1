"""The guards at work in Home Assistant: one for each download client that is behind a VPN.

A guard has a task of its own and waits for no poll, no rule and no turn of the autopilot. What it remembers (what it
stopped, where our home is) lies in the backend's memory, so that it goes on after a restart where it was.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from . import wording
from .autopilot.findings.base import Finding, Found, problem
from .autopilot.findings.vpns import nobody_behind
from .autopilot.guards.evidence import Seen
from .autopilot.guards.resolvers import Resolving
from .autopilot.guards.shelter import Shelter, tells_address
from .autopilot.guards.showing import Piece, pieces
from .autopilot.guards.vpn_types import Containment, Proof, Protection, Verdict, VpnMemory, VpnState
from .autopilot.vpn_lane import CALM, FAST, Reaction, VpnLane
from .bind_offer import BindOffer
from .clients.errors import BackendError, InvalidAuth
from .connectors.holding import UNDO, holds, is_held, let_go, lets_go, seize
from .const import DOMAIN, LOGGER, RELEASE_PATIENCE
from .drilling import Drilling
from .homes import Home, awaits_engine, home_of
from .journal_report import sentence
from .last_resort import LastResort
from .lookout import DIRECTLY, Lookout
from .model.backend import DOWNLOAD_CLIENT_KINDS, VPN_KINDS
from .model.downloads import ClientSettings, Transfer
from .model.hold import Activity, Holder, activity
from .model.journal import AUTOPILOT, ActKind, EntryStatus, JournalEntry
from .model.library import Severity
from .model.reasons import Reason
from .model.vpn import VpnRoute, VpnSnapshot
from .model.world import World
from .port_keeping import PortKeeper
from .sheltering import Sheltering
from .store import Store, StoreError

if TYPE_CHECKING:
    from .hub import AnyCoordinator, Hub

MEMORY_KEY = "vpn_guard"  # of a client: what its guard learned. It holds addresses of the person's home
ON_KEY = "vpn_guard_on"  # False: a person switched it off
ISSUE = "vpn_leaking"
#: What its entries in the journal are filed under.
RULE = "vpn_guard"

PROXY_KEY = "proxy"  # of a VPN: its HTTP proxy. It may hold a login

#: So many torrents are started again in one step.
REOPENED_AT_ONCE = 50
#: So long it waits for the act of somebody else before it looks again: what follows a poll is over by then.
ACT_PATIENCE = timedelta(milliseconds=100)
#: What is learned while nothing changes is remembered so often.
LEARNED_EVERY = timedelta(days=1)
NOW = timedelta()
#: A step that is asked for while one is under way.
SOON = timedelta(milliseconds=50)
#: So many events wait for somebody to hear them: it acts before there are entities.
UNTOLD = 8
#: A VPN is looked at so often, as its own poll does while it answers.
VPN_EVERY = timedelta(seconds=10)
#: A guard that ends in the middle of an act has so long to finish it.
PARTING = timedelta(seconds=1)
#: One that can't be told to stop when the VPN is about to end is tried once more.
PARTING_TRIES = 2


_BAD = frozenset({VpnState.LEAKING, VpnState.DOUBTFUL, VpnState.DOWN})


class GuardedBackend:
    """A download client as its guard reaches it."""

    errors: tuple[type[Exception], ...] = (BackendError,)

    def __init__(self, backend: AnyCoordinator) -> None:
        self._backend = backend
        self._running: int | None = None  # newer than the last poll, while it is being closed
        self.seen = False  # it was looked at when it was last told to stop

    async def transfer(self) -> Transfer:
        """Return how it is connected, and where it is seen."""
        told: Transfer = await self._backend.client.transfer()
        return told

    async def settings(self) -> ClientSettings:
        """Return what it is bound to."""
        told: ClientSettings = await self._backend.client.settings()
        return told

    async def interfaces(self) -> Collection[str]:
        """Return which interfaces there are."""
        names: Collection[str] = await self._backend.client.interfaces()
        return names

    @property
    def held(self) -> bool:
        """Whether the guard holds its torrents."""
        return is_held(self._backend, Holder.VPN) or lets_go(self._backend, Holder.VPN)

    @property
    def running(self) -> int:
        """How many torrents were told to run, when the client was last looked at."""
        if self._running is not None:
            return self._running
        return sum(activity(torrent) is Activity.RUNS for torrent in self._backend.data.torrents.values())

    async def close(self) -> int:
        """Stop whatever runs, in haste. A poll that begins meanwhile finds it noted."""
        self.seen = False
        await seize(self._backend, Holder.VPN, self._see)
        return len(holds(self._backend.memory)[Holder.VPN].to_start)

    def _see(self, running: int) -> None:
        self._running, self.seen = running, True

    async def reopen(self) -> bool:
        """Start a part of what was stopped, unless somebody acts on it for long: what has been started is looked at."""
        self._running = None
        lock = self._backend.act_lock
        try:
            async with asyncio.timeout(ACT_PATIENCE.total_seconds()):
                await lock.acquire()
        except TimeoutError:
            return False
        try:
            return await let_go(self._backend, Holder.VPN, REOPENED_AT_ONCE)
        finally:
            lock.release()


class ClientGuard:
    """The guard of one download client."""

    def __init__(self, guarding: Guarding, backend: AnyCoordinator) -> None:
        self._guarding = guarding
        self.backend = backend
        self.shelter = Shelter()
        self._sheltering = Sheltering(guarding, backend)
        self.reaction: Reaction | None = None
        self.trusted_since: datetime | None = None  # the gate was shut before; None: it never was
        self._polled = False  # it was read, so that it is known what there is to stop and to start
        self._shut = False  # by a trouble
        self._timer: asyncio.Handle | None = None
        self._step: asyncio.Task[None] | None = None
        self._stopped = False
        self._held = self.held > 0
        self._listeners: list[Callable[[], None]] = []
        self._witnesses: list[Callable[[str, Mapping[str, Any]], None]] = []
        self._untold: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=UNTOLD)  # since before there was a witness
        self._way = ""  # the proxy that services were last asked through
        self._state: VpnState | None = None
        self._remembered_at = dt_util.utcnow()
        self._client = GuardedBackend(backend)
        self.lane = VpnLane(
            self._client,
            self._protection(),
            memory=self._remembered(),
            on_change=self._changed,
            on_reaction=self._reacted,
        )
        self.binding = BindOffer(guarding, self)
        self.last_resort = LastResort(guarding, self, announce=self._announce)
        self.drilling = Drilling(self, announce=self._announce)
        self.port = PortKeeper(guarding, self, tell=self._tell, announce=self._announce)

    # --- what is set -------------------------------------------------------------------------------------------------

    @property
    def on(self) -> bool:
        """Whether it guards, if there is anything to guard."""
        return self.backend.memory.get(ON_KEY, True) is True

    @callback
    def turn(self, *, on: bool) -> None:
        """Guard, and forgive what was seen before; or don't, and start what was stopped."""
        self.backend.remember(ON_KEY, None if on else False)
        if on:
            self.lane.forgive(dt_util.utcnow())
        self.look_again()

    @callback
    def choose(self, shelter: Shelter | None) -> None:
        """Take a person's word for what shelters the client; None: take it back, and find out.

        What was found out before stays until something surer is: it is what the client is guarded against losing.
        """
        self._sheltering.choose(shelter, held=self.held > 0)
        self.lane.forget_settings()
        self.look_again()

    @property
    def held(self) -> int:
        """How many torrents are stopped by it."""
        hold = holds(self.backend.memory).get(Holder.VPN)
        return len(hold.to_start) if hold is not None else 0

    @property
    def running(self) -> int:
        """How many torrents run, as far as is known."""
        return self._client.running

    @callback
    def hurry(self) -> None:
        """Look at once."""
        self._step_in(NOW)

    async def part(self) -> bool:
        """Look until nothing can go out past the VPN, which is about to be given another server. Returns whether so.

        That it has no other way out will do, and that a person switched the guard off. Whoever waits ends it: what
        answers and doesn't stop is told to again and again.
        """
        if not self.on:
            return True
        if self.backend.data is None:  # nobody knows what there is to stop
            return self.shelter.containment is not Containment.OPEN
        failures = 0
        while failures < PARTING_TRIES:
            await self._look_now()
            if self.lane.verdict is not None and not self.lane.verdict.stop:
                return True
            if not self.lane.told:
                failures += 1
            elif not self.running:
                return True
            else:
                await asyncio.sleep(FAST.total_seconds())
        return False

    @callback
    def _follow_hold(self) -> None:
        held = self.held > 0
        if self._held and not held:
            self._announce("resumed")
            self.write_down(ActKind.START_ALL, Reason(key="result.started_all"))
        self._held = held

    @callback
    def _follow_leak(self) -> None:
        """Turn to what a person chose for a leak, where it has to be."""
        verdict = self.lane.verdict
        if verdict is None:
            return
        if verdict.state is VpnState.LEAKING and verdict.proof is not Proof.DRILL:
            self.last_resort.leaks(self.running if self._client.seen else None)
        else:
            self.last_resort.leak_is_over()

    @property
    def proxy(self) -> str:
        """The HTTP proxy of its VPN, "" where there is none that we may use."""
        vpn = self._guarding.backend(self.shelter.vpn_id)
        return vpn.memory.get(PROXY_KEY, "") if vpn is not None else ""

    @property
    def evidence(self) -> dict[str, dict[str, Any]]:
        """What each piece of evidence says, and what it took to have it; nothing while it doesn't guard."""
        if self.verdict is None:
            return {}
        lane = self.lane
        found = pieces(lane.memory, lane.evidence, lane.protection, lane.policy, dt_util.utcnow())
        shown = {name: piece.as_attribute() for name, piece in found.items()}
        vpn = self._guarding.backend(self.shelter.vpn_id)
        if vpn is not None and vpn.latency_milliseconds is not None and "vpn" in shown:
            shown["vpn"]["milliseconds"] = round(vpn.latency_milliseconds, 1)  # its poll is several questions
        if self.proxy:
            says, look = self._guarding.lookout.resolving(self.proxy)
            shown["resolver"] = Piece(says=says, seen=look).as_attribute()
        return shown

    @property
    def verdict(self) -> Verdict | None:
        """What holds now; None while it doesn't guard."""
        return self.lane.verdict if self.guards and self.on else None

    # --- life --------------------------------------------------------------------------------------------------------

    @callback
    def look_again(self) -> None:
        """Take in what changed elsewhere: the topology, the tunnel, what a person set."""
        before = self._taken_in
        self._take_in()
        if self._wanted and (self._taken_in != before or not self.guards):
            self._step_in(NOW)
        self.binding.look_again()
        if not self._guarded:
            self._stand_down()
        self.port.look_again()
        self._tell()

    @property
    def _taken_in(self) -> tuple[object, ...]:
        lane = self.lane
        return self._polled, lane.protection, lane.tunnel, lane.outside, lane.through

    @callback
    def _take_in(self) -> None:
        self._polled = self.backend.data is not None
        self.shelter = self._sheltering.look()
        self.lane.protection = self._protection()
        self.lane.tunnel = self._guarding.tunnel(self.shelter.vpn_id)
        self.lane.changing = self._guarding.changes(self.shelter.vpn_id)
        self.lane.outside = self._guarding.lookout.said()
        proxy = self.proxy
        if proxy and proxy != self._way:
            if self._way:
                self.lane.ask_another_way()
            self._way = proxy
        self.lane.through = self._guarding.lookout.said(proxy) if proxy else ()

    @property
    def guards(self) -> bool:
        """Whether it is at work."""
        return self._timer is not None or self._step is not None

    @property
    def _guarded(self) -> bool:
        return self.on and self.shelter.containment is not Containment.NONE

    @property
    def _wanted(self) -> bool:
        return not self._stopped and (self._guarded or self._client.held)

    @callback
    def _stand_down(self) -> None:
        """Say nothing more of what was seen: it is seen anew when somebody wants it guarded again."""
        self._state = self.lane.verdict = None
        self._follow_gate(None)
        self.drilling.abandon()
        ir.async_delete_issue(self.backend.hass, DOMAIN, f"{ISSUE}_{self.backend.subentry_id}")
        self.last_resort.leak_is_over()

    def _follow_gate(self, verdict: Verdict | None) -> None:
        """Note when it opens after a trouble: who looks seldom would see nothing of a short one.

        That for a moment nobody can tell is none: so it is whenever a guard begins, or something is set.
        """
        shut = verdict is not None and not verdict.gate_open
        if self._shut and not shut:
            self.trusted_since = dt_util.utcnow()
        is_bad = verdict is not None and verdict.state in _BAD
        self._shut = shut and (self._shut or is_bad)

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
        if self._step is None:
            self._step = self._guarding.in_background(self._take_step(), f"guard of {self.backend.title}")
            if self._step.done():
                self._step = None
        else:
            self._step_in(SOON)

    async def _look_now(self) -> None:
        """Look from the beginning: a look that is under way may have begun before there was something to see."""
        while (step := self._step) is not None:
            await asyncio.wait({step})
        if self._timer is not None:
            self._timer.cancel()
        self._begin_step()
        if (step := self._step) is not None:
            await asyncio.wait({step})

    async def _take_step(self) -> None:
        pause = timedelta(seconds=1)
        self._take_in()  # of a VPN that says the same again nobody is told
        try:
            if not self._polled:
                pause = await self._reach()
            elif self._guarded:
                pause = await self.lane.step(dt_util.utcnow)
                self._follow_hold()
                self._follow_leak()
                self.drilling.follow()
                self._keep_learned()
                self._guarding.ask_where_we_are(self)
                self._guarding.ask_again(self.shelter.vpn_id)
            else:
                pause = await self._give_back()
                self._follow_hold()
            self.binding.look_again()
            self.port.look_again()
        except Exception:  # noqa: BLE001 -- whatever it is, it must not end the guard
            if self.backend.hass.is_running:  # at the end of Home Assistant its connections are closed under it
                LOGGER.exception("The guard of %s could not look, and will again", self.backend.title)
        finally:
            self._step = None
        if self._wanted and self._timer is None:
            self._step_in(pause)

    async def _reach(self) -> timedelta:
        """Ask whether it answers, and have it read then: its poll looks ever more seldom.

        One that refuses us is there, and is asked by its poll alone: what is refused again and again may be banned.
        """
        if _refuses(self.backend):
            return CALM
        pause = await self.lane.reach(dt_util.utcnow)
        if self.lane.answering:
            self._guarding.in_background(self.backend.async_request_refresh(), "look at a client that answers")
        return pause

    async def _give_back(self) -> timedelta:
        """Start what was stopped: nobody wants it guarded any more."""
        try:
            await self._client.reopen()
        except BackendError:
            return timedelta(seconds=10)
        return timedelta(seconds=1)

    async def stop(self) -> None:
        """End. What is stopped stays so, and is known at the next start."""
        self._stopped = True
        if self.lane.memory != VpnMemory():
            self._remember()
        ir.async_delete_issue(self.backend.hass, DOMAIN, f"{ISSUE}_{self.backend.subentry_id}")
        self.binding.stop()
        self.last_resort.stop()
        self.drilling.stop()
        await self.port.stop()
        step = self._step
        if step is not None:
            await asyncio.wait({step}, timeout=PARTING.total_seconds())
            step.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.drilling.stop()  # once more: that step may have stopped something for a drill

    async def leave(self) -> None:
        """Start, after the end, what need not be stopped any more: SOKOUL is switched off."""
        verdict, backend = self.lane.verdict, self.backend
        safe = not self._guarded or (verdict is not None and not verdict.stop and verdict.state is not VpnState.UNKNOWN)
        if Holder.VPN not in holds(backend.memory) or not (safe or lets_go(backend, Holder.VPN)):
            return
        why = "it does not answer"
        try:
            async with asyncio.timeout(RELEASE_PATIENCE.total_seconds()), backend.act_lock:
                if backend.data is not None:
                    await let_go(backend, Holder.VPN)
                    return
        except (BackendError, TimeoutError) as error:
            why = str(error) or "it did not answer in time"
        LOGGER.warning(UNDO.otherwise, backend.title, why)

    # --- telling -----------------------------------------------------------------------------------------------------

    @callback
    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever something that is shown may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def add_witness(self, witness: Callable[[str, Mapping[str, Any]], None]) -> Callable[[], None]:
        """Call a function with each event: its type, and what there is to say of it."""
        self._witnesses.append(witness)
        while self._untold:
            witness(*self._untold.popleft())
        return lambda: self._witnesses.remove(witness)

    @callback
    def _announce(self, event: str, **data: Any) -> None:
        if not self._witnesses:
            self._untold.append((event, data))
        for witness in tuple(self._witnesses):
            witness(event, data)

    @callback
    def _changed(self, verdict: Verdict) -> None:
        before, self._state = self._state, verdict.state
        self._follow_gate(verdict)
        self._remember()
        self._guarding.forget_world()
        if verdict.state is not before:
            LOGGER.debug("The VPN of %s: %s", self.backend.title, verdict.state)
            self._report(verdict)
            if verdict.state is VpnState.LEAKING and verdict.proof is not Proof.DRILL:
                self.last_resort.leaks(None)  # it may take long to stop it
            if verdict.state in _BAD:
                self._announce(str(verdict.state), reasons=verdict.reasons)
            elif before in _BAD:
                self._announce("protected", reasons=verdict.reasons)
        self._tell()

    def _remember(self) -> None:
        self.backend.remember(MEMORY_KEY, self.lane.memory.as_json())
        self._remembered_at = dt_util.utcnow()

    def _keep_learned(self) -> None:
        """Remember what was learned while nothing changes: once a day, each is a write to the disk."""
        if dt_util.utcnow() - self._remembered_at >= LEARNED_EVERY:
            self._remember()

    @callback
    def _report(self, verdict: Verdict) -> None:
        """Keep the repair issue of a leak in step with the verdict."""
        hass, issue = self.backend.hass, f"{ISSUE}_{self.backend.subentry_id}"
        if verdict.state is not VpnState.LEAKING or verdict.proof is Proof.DRILL:
            ir.async_delete_issue(hass, DOMAIN, issue)
            return
        words = wording.get(hass.config.language, dt_util.get_default_time_zone())
        reasons = " ".join(sentence(reason, dt_util.utcnow(), words) for reason in verdict.reasons)
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue,
            is_fixable=False,
            severity=ir.IssueSeverity.CRITICAL,
            translation_key=ISSUE,
            translation_placeholders={"backend": self.backend.title, "reason": reasons},
        )

    @callback
    def _reacted(self, reaction: Reaction) -> None:
        self.reaction = reaction
        LOGGER.warning(
            "%s: %s torrents were stopped to protect you, within %.0f ms",
            self.backend.title,
            reaction.torrents,
            reaction.seconds * 1000,
        )
        milliseconds = round(reaction.seconds * 1000)
        self._announce("stopped", torrents=reaction.torrents, milliseconds=milliseconds)
        result = Reason(key="result.stopped_all", parameters={"count": reaction.torrents, "milliseconds": milliseconds})
        self.write_down(ActKind.STOP_ALL, result)
        self._guarding.in_background(self.backend.async_request_refresh(), "look after a stop")
        self._tell()

    @callback
    def write_down(
        self,
        act: ActKind,
        result: Reason,
        *,
        status: EntryStatus = EntryStatus.DONE,
        reason: Reason | None = None,
        actor: str = AUTOPILOT,
    ) -> None:
        """Have it in the journal, which is for people: what has to be known is in the memory.

        Without a `reason` it is the first one of what holds now.
        """
        reasons = self.lane.verdict.reasons if self.lane.verdict is not None and self.on else ()
        off = Reason(key="guard.vpn_off", parameters={"client": self.backend.title})
        now = dt_util.utcnow()
        entry = JournalEntry(
            at=now,
            changed_at=now,
            rule=RULE,
            subject=self.backend.subentry_id,
            label=self.backend.title,
            act=act,
            status=status,
            reason=reason or (reasons[0] if reasons else off),
            result=result,
            actor=actor,
        )
        self._guarding.write_down(entry)

    @callback
    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    # --- what it knows -----------------------------------------------------------------------------------------------

    def _protection(self) -> Protection:
        vpn = self._guarding.backend(self.shelter.vpn_id)
        client = self.backend.data
        return Protection(
            client=self.backend.title,
            containment=self.shelter.containment,
            vpn=vpn.title if vpn is not None else "VPN",
            vpn_id=self.shelter.vpn_id,
            interface=self.shelter.interface,
            gluetun=vpn is not None or (self.shelter.vpn_id is not None and self.held > 0),  # one that was removed
            proxy=bool(self.proxy),
            tells_address=client is not None and tells_address(client.version),
        )

    def _remembered(self) -> VpnMemory:
        stored = self.backend.memory.get(MEMORY_KEY)
        if stored is None:
            return VpnMemory()
        try:
            return VpnMemory.from_json(stored, dt_util.utcnow())
        except KeyError, TypeError, ValueError:
            LOGGER.error("What the guard of %s remembered is not readable, it begins anew", self.backend.title)
            return VpnMemory()


class Guarding:
    """All guards of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.clients: dict[str, ClientGuard] = {}
        self._leave: list[Callable[[], None]] = []
        self._asked_again_at: dict[str, datetime] = {}  # silent VPNs
        self.lookout: Lookout = Lookout(hub, self._hub_changed)

    @callback
    def start(self) -> None:
        """Begin to guard whatever has to be guarded, now and later."""
        self._leave.append(self._hub.add_listener(self._hub_changed))
        self._hub_changed()

    async def stop(self) -> None:
        """End all of them."""
        while self._leave:
            self._leave.pop()()
        await asyncio.gather(*(guard.stop() for guard in self.clients.values()))
        if self._hub.entry.disabled_by is not None:
            await asyncio.gather(*(guard.leave() for guard in self.clients.values()))

    def of(self, backend: AnyCoordinator) -> ClientGuard:
        """Return the guard of a download client."""
        guard = self.clients.get(backend.subentry_id)
        if guard is None:
            guard = self.clients[backend.subentry_id] = ClientGuard(self, backend)
        return guard

    @callback
    def _hub_changed(self) -> None:
        for gone in self.clients.keys() - self._hub.backends.keys():
            guard = self.clients.pop(gone)
            self.in_background(guard.stop(), "end of a guard")
        for backend in self._hub.backends.values():
            if backend.connector.kind in DOWNLOAD_CLIENT_KINDS:
                self.of(backend).look_again()

    def distrusts(self, backend: AnyCoordinator) -> bool:
        """Tell whether what the downloads of a client look like may be its VPN's fault."""
        guard = self.clients.get(backend.subentry_id)
        return guard is not None and guard.verdict is not None and not guard.verdict.gate_open

    def trusted_since(self, backend: AnyCoordinator) -> datetime | None:
        """Return when what the downloads of a client look like could last be trusted again; None: it always could."""
        guard = self.clients.get(backend.subentry_id)
        return guard.trusted_since if guard is not None else None

    @callback
    def forget_world(self) -> None:
        """Have it joined again when somebody asks: which clients are trusted may have changed."""
        self._hub.view.forget()

    def in_background(self, work: Any, what: str) -> asyncio.Task[None]:
        """Do something for as long as the entry is loaded."""
        return self._hub.in_background(work, f"{DOMAIN}: {what}")

    @callback
    def ask_where_we_are(self, guard: ClientGuard) -> None:
        """Ask the services what they say of us, as often as this guard has use for it."""
        verdict = guard.verdict
        if verdict is not None and guard.shelter.containment is not Containment.NAMESPACE:
            proxies = (DIRECTLY, guard.proxy) if guard.proxy else (DIRECTLY,)
            self.lookout.ask_if_due(proxies, wanted=verdict.ask, after=verdict.ask_after)
        if verdict is not None and guard.proxy:
            self.lookout.ask_for_resolvers_if_due((guard.proxy,))

    def findings(self, world: World) -> tuple[Finding, ...]:
        """Return what a check-up has to say of the VPNs by what guards know."""
        outside = (
            problem(Found.DNS_OUTSIDE, Severity.WARNING, world.backends[vpn_id], backend=vpn.title, resolver=whose)
            for vpn_id, vpn in self.vpns().items()
            if vpn_id in world.backends and (whose := self._resolver_at_home(vpn.memory.get(PROXY_KEY, "")))
        )
        known = {} if awaits_engine(self._hub) else {key: guard.shelter for key, guard in self.clients.items()}
        return (*outside, *nobody_behind(world, known))

    def _resolver_at_home(self, proxy: str) -> str:
        """Return whose name server is used past a tunnel, by its proxy; "" where none is known to be."""
        says, look = self.lookout.resolving(proxy)
        if says is not Resolving.HOME or look is None:
            return ""
        return look.value.resolver.operator or str(look.value.resolver.address)

    @callback
    def write_down(self, entry: JournalEntry) -> None:
        """Put an entry into the journal, if there is one. A guard doesn't wait for that."""
        if (opened := self._hub.pilot.store) is not None:
            self.in_background(_write(opened, entry), "entry of the journal")

    @callback
    def ask_again(self, vpn_id: str | None) -> None:
        """Ask a silent VPN as often as one that answers: what it protects is stopped for it, or is about to be."""
        vpn, now = self.backend(vpn_id), dt_util.utcnow()
        if vpn is None or vpn.last_update_success or _refuses(vpn):
            return
        asked_at = self._asked_again_at.get(vpn.subentry_id)
        if asked_at is None or now - asked_at >= VPN_EVERY:
            self._asked_again_at[vpn.subentry_id] = now
            self.in_background(vpn.async_request_refresh(), "look at a silent VPN")

    # --- what is known -----------------------------------------------------------------------------------------------

    def backend(self, backend_id: str | None) -> AnyCoordinator | None:
        """Return a backend, if it exists."""
        return self._hub.backends.get(backend_id) if backend_id is not None else None

    def vpns(self) -> dict[str, AnyCoordinator]:
        """Return the VPNs that are connected."""
        return {key: each for key, each in self._hub.backends.items() if each.connector.kind in VPN_KINDS}

    def tunnel(self, vpn_id: str | None) -> Seen[VpnSnapshot] | None:
        """Return what a VPN last said, and when. One that refuses all that is asked is there, and not silent."""
        vpn = self.backend(vpn_id)
        if vpn is not None and _refuses(vpn):
            return Seen(value=VpnSnapshot(refused=frozenset(VpnRoute)), at=dt_util.utcnow())
        if vpn is None or vpn.data is None or vpn.read_at is None:
            return None
        return Seen(value=vpn.data, at=vpn.read_at)

    def changes(self, vpn_id: str | None) -> bool:
        """Tell whether the server of a VPN is being changed."""
        rotation = self._hub.rotating.vpns.get(vpn_id) if vpn_id is not None else None
        return rotation is not None and rotation.changing

    def home_of(self, backend: AnyCoordinator) -> Home | None:
        """Return the container of a backend, if it is known."""
        return home_of(self._hub, backend)


async def _write(opened: Store, entry: JournalEntry) -> None:
    try:
        await opened.journal.add(entry)
    except StoreError as error:
        LOGGER.warning("What a guard did is not in the journal: %s", error)


def _refuses(backend: AnyCoordinator) -> bool:
    """Tell whether a backend refused us when it was last asked, which is seldom then."""
    error = backend.last_exception
    return not backend.last_update_success and error is not None and isinstance(error.__cause__, InvalidAuth)
