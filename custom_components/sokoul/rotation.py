"""A change of the server of a VPN, from its beginning to its end.

Which server comes next, and whether it works, is decided in `autopilot/guards/`; here Gluetun is told, looked at, and
what came of it is told. A change is on the disk before Gluetun is told of it: whatever ends Home Assistant meanwhile,
the next start brings it to its end, which is the server from before or one that has proven itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .autopilot.guards.addresses import Place
from .autopilot.guards.rotation import ENDED, Order, Stage, TunnelFacts, advance, begin
from .autopilot.guards.servers import server_reason
from .clients.errors import BackendError, InvalidAuth, NotFound, Refused
from .const import DOMAIN, LOGGER, RELEASE_PATIENCE
from .coordinator import backend_errors
from .journal_report import sentence
from .model.journal import ActKind, EntryStatus, JournalEntry
from .model.reasons import Reason
from .model.vpn import ServerSelection, VpnRoute, VpnSnapshot
from .rotation_book import ServerBook, asked_for, remembered
from .rotation_hindrances import disturbed, hindrances, is_idle, shows_leak_of_tunnel
from .rotation_notes import CHANGE_KEY, OUTCOMES, Change, RotationSettings, name_of, same
from .rotation_tunnel import Told, Tunnel

if TYPE_CHECKING:
    from .guarding import ClientGuard
    from .hub import AnyCoordinator
    from .rotating import Rotating

#: What its entries in the journal are filed under.
RULE = "vpn_server"

#: While a server has to prove itself it is looked at so often.
LOOK_EVERY = timedelta(seconds=5)
#: A step that is asked for at once.
NOW = timedelta()
#: What could go out past the tunnel has so long to be stopped, before Gluetun is told.
STOPPING = timedelta(seconds=10)
#: Between two servers it is put off for so long by a client that can't be stopped: it was, before the first one.
PUT_OFF = timedelta(minutes=1)
#: After so long without being heard, a Gluetun that is connected is left as it is: who waits for its VPN goes on.
RUNS_ON_AFTER = timedelta(minutes=15)
#: An act that is under way at the end has so long to finish.
PARTING = timedelta(seconds=1)
#: So many events wait for somebody to hear them: a change may end before there are entities.
UNTOLD = 4

_STATUS: Mapping[Stage, EntryStatus] = {
    Stage.DONE: EntryStatus.DONE,
    Stage.KEPT: EntryStatus.KEPT,
    Stage.LOST: EntryStatus.FAILED,
}
#: What is said of an end, as the name of a reason.
_RESULT: Mapping[Stage, str] = {Stage.DONE: "settled", Stage.KEPT: "back", Stage.LOST: "lost"}


class HinderedError(HomeAssistantError):
    """Something forbids a change now; later it may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a change."""

    at: datetime
    stage: Stage
    server: str  # the one in use now
    previous: str
    tried: tuple[str, ...]
    reasons: tuple[Reason, ...]

    @property
    def outcome(self) -> str:
        """What became of it, as the type of an event."""
        return OUTCOMES[self.stage]


class VpnRotation:
    """The servers of one VPN."""

    def __init__(self, rotating: Rotating, backend: AnyCoordinator) -> None:
        self._rotating = rotating
        self.backend = backend
        self.book = ServerBook(backend)
        self.tunnel = Tunnel(backend, rotating.lookout, self._homes)
        self.server: str | None = None  # in use; None: not known
        self.last: Ended | None = None
        self._change = remembered(backend, CHANGE_KEY, Change.from_json)
        self._changing_since: datetime | None = None  # the guards know that the tunnel may end any moment
        self._beginning = self._stopped = False
        self._read_for: object = None  # for which connection the server was read
        self._timer: asyncio.Handle | None = None
        self._step: asyncio.Task[None] | None = None
        self._end: asyncio.Future[Ended] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._witnesses: list[Callable[[str, Mapping[str, Any]], None]] = []
        self._untold: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=UNTOLD)

    # --- what is set and shown ---------------------------------------------------------------------------------------

    @callback
    def set_up(self, settings: RotationSettings) -> None:
        """Take what a person set. It counts from the next change on."""
        self.book.change_settings(settings)
        self._read_for = None
        self.look_again()
        self._tell_all()

    @property
    def under_way(self) -> bool:
        """Whether a change is."""
        return self._change is not None or self._beginning

    @property
    def changing(self) -> bool:
        """Whether the tunnel may end any moment, as Gluetun is told another server, or has not proven the one it has.

        When it could not be told for long, and is connected, that is over until it is connected no more.
        """
        if self._changing_since is None:
            return False
        if dt_util.utcnow() - self._changing_since < RUNS_ON_AFTER:
            return True
        return not self.backend.answering or not self.backend.data.connected

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
    def _tell_all(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    # --- life --------------------------------------------------------------------------------------------------------

    @callback
    def look_again(self) -> None:
        """Take in what the poll saw: go on with a change from before a restart, and find out which server is used."""
        if self._stopped or not self.backend.answering:
            return
        if self._change is not None:
            if self._timer is None and self._step is None and not self._beginning:
                self._step_in(NOW)
        elif self.book.settings.servers and not self._beginning:
            connection = (self.backend.client, self.backend.data.public_ip, self.backend.data.connected)
            if connection != self._read_for:
                self._read_for = connection
                self._rotating.in_background(self._read_server(), f"server of {self.backend.title}")

    async def _read_server(self) -> None:
        try:
            selection = await self.tunnel.selection()
        except BackendError as error:
            LOGGER.debug("%s does not tell which server it uses: %s", self.backend.title, error)
            self.server = None
            if not isinstance(error, (InvalidAuth, NotFound, Refused)):
                self._read_for = None  # asked again when there is news, or at the next review
        else:
            self.server = self._name(selection)
        self._tell_all()

    async def stop(self) -> None:
        """End. A change that is under way is known at the next start."""
        self._stopped = True
        self._set_timer(None)
        if (step := self._step) is not None:
            await asyncio.wait({step}, timeout=PARTING.total_seconds())
            step.cancel()
        if self._end is not None:
            self._end.cancel()

    async def leave(self) -> None:
        """Go back to the server from before, after the end: SOKOUL is switched off, and nobody looks any more."""
        change = self._change
        if change is None or not self.backend.answering:
            return
        try:
            async with asyncio.timeout(RELEASE_PATIENCE.total_seconds()):
                await self._stop_clients(RELEASE_PATIENCE / 2)
                if await self.tunnel.tell(change.before) is Told.TAKEN:
                    self.backend.remember(CHANGE_KEY, None)
                    return
        except TimeoutError:
            pass
        LOGGER.warning("%s may still use another server, which has not proven itself", self.backend.title)

    # --- beginning ---------------------------------------------------------------------------------------------------

    async def change(self, actor: str, server: str | None = None, *, at_night: bool = False) -> asyncio.Future[Ended]:
        """Begin to change to a server, or to the best one. Returns what tells how it ended, minutes later.

        Raises `HinderedError` when something forbids it now, and `HomeAssistantError` when nothing comes of it.
        """
        if self.under_way:
            raise self._refusal(server_reason("under_way"), HinderedError)
        self._beginning = True
        try:
            await self._begin(actor, server, at_night=at_night)
        finally:
            self._beginning = False
            if self._change is None:
                self._changing_since = None
            self._tell_all()
        if self._stopped:
            raise self._refusal(server_reason("ended"))
        self._end = end = self.backend.hass.loop.create_future()
        self._step_in(LOOK_EVERY)
        return end

    async def _begin(self, actor: str, server: str | None, *, at_night: bool) -> None:
        await self.backend.async_refresh()
        self._refuse_if_hindered(at_night=at_night)
        settings = self.book.settings
        candidates = settings.servers if server is None else (server,)
        if not candidates:
            raise self._refusal(server_reason("unset"))
        before = await self._selection_before()
        address = await self._address_before()
        await self.tunnel.learn_home(address)
        current = self._name(before)
        if address is not None:
            await self._measure(current)
        self._refuse_if_hindered(at_night=at_night)  # that took a while
        if server is None:
            choice = self.book.choose(candidates, current, must_move=not at_night)
        else:
            choice = asked_for(server, current)
        if choice.server is None:
            raise self._refusal(choice.reason)
        unstopped = await self._stop_clients(STOPPING)
        if self._stopped:
            raise self._refusal(server_reason("ended"))
        if unstopped:
            raise self._refusal(server_reason("vetoed", reasons=unstopped), HinderedError)
        now = dt_util.utcnow()
        rotation = begin(candidates, current, choice.server, address, now)
        self._change = Change(
            rotation=rotation, before=before, named_by=settings.named_by, why=choice.reason, begun_at=now, actor=actor
        )
        if await self._tell() is Told.CLOSED:
            self._forget_change()
            raise self._refusal(server_reason("closed"))

    async def _selection_before(self) -> ServerSelection:
        with backend_errors(self.backend.title, HinderedError):
            try:
                return await self.tunnel.selection()
            except (InvalidAuth, NotFound, Refused) as error:
                raise self._refusal(server_reason("closed")) from error

    async def _address_before(self) -> str | None:
        """Return where it comes out; None while it isn't connected. Raises where nobody could tell of the new one."""
        told: VpnSnapshot = self.backend.data
        if told.public_ip is not None:
            return told.public_ip
        untold = VpnRoute.PUBLIC_IP in told.refused
        if told.connected is False and (self.tunnel.proxy or not untold):
            return None
        if (seen := await self.tunnel.seen_through()) is not None:
            return str(seen.address)
        if untold or told.connected:
            raise self._refusal(server_reason("unprovable"))
        return None

    def _refusal(self, reason: Reason, kind: type[HomeAssistantError] = HomeAssistantError) -> HomeAssistantError:
        said = sentence(self._in_full(reason), dt_util.utcnow(), self._rotating.words)
        return kind(translation_domain=DOMAIN, translation_key="no_rotation", translation_placeholders={"reason": said})

    def _refuse_if_hindered(self, *, at_night: bool) -> None:
        words, guards = self._rotating.words, tuple(self._guards())
        reasons = [*hindrances(self.backend, guards, words)]
        if at_night:
            reasons += disturbed(self.backend, guards, self.book.settings.vetoes, words)
        if reasons:
            raise self._refusal(server_reason("vetoed", reasons=tuple(dict.fromkeys(reasons))), HinderedError)

    async def _stop_clients(self, patience: timedelta) -> tuple[str, ...]:
        """Have the guards stop what could go out past the tunnel when it ends. Returns what can't be stopped.

        From now on they take it that it may end any moment.
        """
        if self._changing_since is None:
            self._changing_since = dt_util.utcnow()
        parting = {guard: asyncio.create_task(guard.part()) for guard in self._guards()}
        try:
            if parting:
                await asyncio.wait(parting.values(), timeout=patience.total_seconds())
            left = [guard for guard, task in parting.items() if not (task.done() and task.result())]
        finally:
            for task in parting.values():
                task.cancel()
        return tuple(self._rotating.words.text("rotation.unstopped", name=guard.backend.title) for guard in left)

    def _guards(self) -> Iterator[ClientGuard]:
        return self._rotating.guards_of(self.backend)

    def _homes(self) -> frozenset[Place]:
        """Return the places that are ours, as the guards found out: seen to be others than the tunnel's end."""
        return frozenset(home.place for guard in self._guards() for home in guard.lane.memory.homes if home.distinct)

    # --- at work -----------------------------------------------------------------------------------------------------

    @callback
    def _set_timer(self, timer: asyncio.Handle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    @callback
    def _step_in(self, pause: timedelta) -> None:
        if self._stopped:
            return
        loop = self.backend.hass.loop
        self._set_timer(
            loop.call_later(pause.total_seconds(), self._begin_step) if pause else loop.call_soon(self._begin_step)
        )

    @callback
    def _begin_step(self) -> None:
        self._timer = None
        if self._step is None and not self._stopped:
            self._step = self._rotating.in_background(self._take_step(), f"server of {self.backend.title}")
            if self._step.done():
                self._step = None

    async def _take_step(self) -> None:
        try:
            if self._change is not None and self._change.found:
                await self._take_up()
            elif self._change is not None and not self._change.taken:
                await self._tell_when_stopped()
            if self._change is not None and not self._change.found and not self._change.put_off:
                await self._look()
        except Exception:  # noqa: BLE001 -- whatever it is, a change has to come to its end
            LOGGER.exception("The server of %s could not be looked at, and will be again", self.backend.title)
        finally:
            self._step = None
        if self._change is not None and self._timer is None:
            self._step_in(LOOK_EVERY)

    async def _tell_when_stopped(self) -> None:
        """Have it use the server whose turn it is, unless a client can't be stopped for that: then soon."""
        change = self._change
        assert change is not None  # noqa: S101 -- called only while there is one
        if self._changing_since is not None and not self.changing:
            return  # nobody loses a tunnel that is up for what was not heard for long
        unstopped = await self._stop_clients(STOPPING)
        if unstopped and dt_util.utcnow() - change.rotation.told_at < PUT_OFF:
            self._change = replace(change, put_off=True)
            return
        for each in unstopped:
            LOGGER.warning("%s is given another server all the same: %s", self.backend.title, each)
        await self._tell()

    async def _tell(self) -> Told:
        """Have Gluetun use the server whose turn it is. What is to be undone is on the disk before."""
        change = self._change
        assert change is not None  # noqa: S101 -- called only while there is one
        self.backend.remember(CHANGE_KEY, change.as_json())
        await self.backend.save_memory()
        told = await self.tunnel.tell(change.selection)
        going_back = change.rotation.stage is Stage.BACK
        self._change = replace(
            change,
            rotation=replace(change.rotation, told_at=dt_util.utcnow()),
            put_off=False,
            taken=told in {Told.TAKEN, Told.REFUSED} or (told is Told.CLOSED and not going_back),
            refused=told is Told.REFUSED or (told is Told.CLOSED and not going_back),
        )
        if told is Told.TAKEN:
            self.server = self._name(change.selection)
            self._tell_all()
        return told

    async def _take_up(self) -> None:
        """Go on with a change from before a restart, from what Gluetun is set to now."""
        change = self._change
        assert change is not None  # noqa: S101 -- called only while there is one
        try:
            now_set_to = await self.tunnel.selection()
        except BackendError as error:
            LOGGER.debug("%s does not tell which server it uses: %s", self.backend.title, error)
            return
        self.server = self._name(now_set_to)
        rotation = replace(change.rotation, told_at=dt_util.utcnow())
        change = replace(change, rotation=rotation, found=False)
        if same(now_set_to, change.before) and rotation.stage is not Stage.BACK:
            # it was not told yet, or is a new container, which has forgotten what it was told
            await self._finish(change, Stage.KEPT, server_reason("interrupted", server=self.server))
        elif same(now_set_to, change.selection):
            self._change = replace(change, taken=True)
        elif any(same(now_set_to, each) for each in change.tried):
            self._change = change
            await self._tell_when_stopped()
        else:
            await self._finish(change, Stage.KEPT, server_reason("other", server=self.server))

    async def _look(self) -> None:
        """Look whether the server works, and do what follows from it."""
        look = await self.tunnel.look()
        change, now = self._change, dt_util.utcnow()
        if change is None or self._stopped:
            return
        rotation = change.rotation
        if look.stopped or (rotation.stage is Stage.BACK and not change.taken):
            # switched off it can't prove itself; and there is no way but back, so that is told until it is heard
            self._change = replace(change, rotation=replace(rotation, told_at=now))
            return
        facts = TunnelFacts(
            connected=look.connected if look.connected is not None else look.address is not None,
            address=look.address,
            asked_at=look.asked_at,
            refused=change.refused,
            leaks=look.leaks or any(shows_leak_of_tunnel(guard, rotation.told_at) for guard in self._guards()),
        )
        rotation, order = advance(rotation, facts, self.book.records, self.book.policy, now)
        await self._learn(order, answered=look.answered)
        self._change = change = replace(change, rotation=rotation)
        if rotation.stage in ENDED:
            await self._finish(change, rotation.stage, server_reason(_RESULT[rotation.stage], server=rotation.server))
        elif order.tell is not None:
            self._change = replace(change, taken=False, refused=False)
            self._changing_since = now
            self._step_in(NOW)

    async def _learn(self, order: Order, *, answered: bool) -> None:
        for server, sample in order.learned.items():
            if sample.works:
                await self._measure(server)
            elif answered:  # else it says nothing of the server
                self.book.learn(server, sample)

    async def _measure(self, server: str) -> None:
        """Measure the server in use."""
        self.book.learn(server, await self.tunnel.measure(self.book.settings, idle=is_idle(self._guards())))

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _finish(self, change: Change, stage: Stage, result: Reason) -> None:
        now, rotation = dt_util.utcnow(), change.rotation
        failed = rotation.tried if stage is Stage.LOST else rotation.tried[:-1]
        self.server = rotation.server if stage is Stage.DONE else self.server
        self.last = Ended(
            at=now,
            stage=stage,
            server=self.server or rotation.previous,
            previous=rotation.previous,
            tried=rotation.tried,
            reasons=(
                change.why,
                *(server_reason("failed", server=each) for each in failed if stage is not Stage.KEPT),
                self._in_full(result),
            ),
        )
        self.book.note_end(now, self.last.server, stage)
        self._forget_change()
        await self.backend.save_memory()
        self._write_down(change, self.last)
        self._announce(self.last)
        if self._end is not None and not self._end.done():
            self._end.set_result(self.last)
        self._tell_all()

    def _forget_change(self) -> None:
        self._change = self._changing_since = None
        self._read_for = None
        self.backend.remember(CHANGE_KEY, None)

    def _write_down(self, change: Change, ended: Ended) -> None:
        entry = JournalEntry(
            at=change.begun_at,
            changed_at=ended.at,
            rule=RULE,
            subject=self.backend.subentry_id,
            label=self.backend.title,
            act=ActKind.CHANGE_SERVER,
            status=_STATUS[ended.stage],
            reason=change.why,
            actor=change.actor,
            parameters={"server": ended.server, "previous": ended.previous, "tried": list(ended.tried)},
            result=ended.reasons[-1],
        )
        self._rotating.write_down(entry)

    def _announce(self, ended: Ended) -> None:
        event = ended.outcome
        data = {"server": ended.server, "previous_server": ended.previous, "reasons": ended.reasons}
        if not self._witnesses:
            self._untold.append((event, data))
        for witness in tuple(self._witnesses):
            witness(event, data)

    # --- words -------------------------------------------------------------------------------------------------------

    def _name(self, selection: ServerSelection) -> str:
        """Return what a selection is called: as a person called the server, where it is one of those."""
        name = name_of(selection)
        known = {each.casefold(): each for each in self.book.settings.servers}
        return known.get(name.casefold(), name) or self._rotating.words.text("rotation.any")

    def _in_full(self, reason: Reason) -> Reason:
        """Return a reason with the name of the VPN, which deciding knows nothing of."""
        return replace(reason, parameters={**reason.parameters, "vpn": self.backend.title})
