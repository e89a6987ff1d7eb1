"""Changing the server of a VPN, in Home Assistant: for a person, or at night while nothing is going on.

Which server comes next, and whether it works, is decided in `autopilot/guards/`; here Gluetun is told, looked at, and
what came of it is told. A change is on the disk before Gluetun is told of it: whatever ends Home Assistant meanwhile,
the next start brings it to its end, which is the server from before or one that has proven itself. The guards of the
clients behind the VPN stay in force all the while, and nothing is begun while one of them has closed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.const import STATE_ON
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_change
from homeassistant.util import dt as dt_util

from . import wording
from .autopilot.guards.addresses import Place
from .autopilot.guards.port import PortState
from .autopilot.guards.rotation import ENDED, Order, Stage, TunnelFacts, advance, begin
from .autopilot.guards.servers import Choice, Sample, ServerPolicy, choose, learn, ranking, server_reason
from .autopilot.guards.vpn_types import Containment, Proof, VpnState
from .clients.errors import BackendError, InvalidAuth, NotFound, Refused
from .connectors.thermal import shown
from .const import DOMAIN, LOGGER, RELEASE_PATIENCE
from .coordinator import backend_errors
from .journal_report import sentence
from .model.backend import VPN_KINDS
from .model.downloads import DownloadState
from .model.journal import AUTOPILOT, ActKind, EntryStatus, JournalEntry
from .model.reasons import Reason
from .model.vpn import ServerSelection, VpnRoute, VpnStatus
from .rotation_notes import (
    CHANGE_KEY,
    KNOWN_KEY,
    OUTCOMES,
    SETTINGS_KEY,
    Change,
    Known,
    Note,
    RotationSettings,
    name_of,
    same,
)
from .rotation_tunnel import Told, Tunnel

if TYPE_CHECKING:
    from .guarding import ClientGuard
    from .hub import AnyCoordinator, Hub
    from .lookout import Lookout

#: What its entries in the journal are filed under.
RULE = "vpn_server"

#: While a server has to prove itself it is looked at so often.
LOOK_EVERY = timedelta(seconds=5)
#: A step that is asked for at once.
NOW = timedelta()
#: At night, by the clock of the house: so often until it could be begun.
NIGHT_HOUR = 4
NIGHT_MINUTES = (0, 15, 30, 45)
#: An act that is under way at the end has so long to finish.
PARTING = timedelta(seconds=1)
#: So many events wait for somebody to hear them: a change may end before there are entities.
UNTOLD = 4

#: What an entity that may veto says while it does.
_ON = frozenset({STATE_ON, MediaPlayerState.PLAYING, MediaPlayerState.BUFFERING})
#: What proves that the tunnel itself leaks, and not that somebody set the client up otherwise.
_OF_TUNNEL = frozenset({Proof.ADDRESS, Proof.EXIT})

_STATUS: Mapping[Stage, EntryStatus] = {
    Stage.DONE: EntryStatus.DONE,
    Stage.KEPT: EntryStatus.KEPT,
    Stage.LOST: EntryStatus.FAILED,
}


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
        self.policy = ServerPolicy()
        self.tunnel = Tunnel(backend, rotating.lookout, self._homes)
        self.server: str | None = None  # in use; None: not known
        self.last: Ended | None = None
        self.night: date | None = None  # the last one that is over and done with
        self._known = self._remembered(KNOWN_KEY, Known.from_json) or Known()
        self._change = self._remembered(CHANGE_KEY, Change.from_json)
        self._beginning = self._stopped = False
        self._read_for: object = None  # for which connection the server was read
        self._timer: asyncio.Handle | None = None
        self._step: asyncio.Task[None] | None = None
        self._end: asyncio.Future[Ended] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._witnesses: list[Callable[[str, Mapping[str, Any]], None]] = []
        self._untold: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=UNTOLD)

    def _remembered[NoteT](self, key: str, read: Callable[[Mapping[str, Any], datetime], NoteT]) -> NoteT | None:
        stored = self.backend.memory.get(key)
        try:
            return None if stored is None else read(stored, dt_util.utcnow())
        except AttributeError, KeyError, TypeError, ValueError:
            LOGGER.error("What was remembered of the servers of %s is not readable", self.backend.title)
            self.backend.remember(key, None)
            return None

    # --- what is set and shown ---------------------------------------------------------------------------------------

    @property
    def settings(self) -> RotationSettings:
        """What a person set."""
        stored = self.backend.memory.get(SETTINGS_KEY)
        try:
            return RotationSettings() if stored is None else RotationSettings.from_json(stored)
        except KeyError, TypeError, ValueError:
            return RotationSettings()

    @callback
    def set_up(self, settings: RotationSettings) -> None:
        """Take what a person set. It counts from the next change on."""
        self.backend.remember(SETTINGS_KEY, None if settings == RotationSettings() else settings.as_json())
        self._read_for = None
        self.look_again()
        self._tell_all()

    @property
    def under_way(self) -> bool:
        """Whether a change is."""
        return self._change is not None or self._beginning

    def ranking(self) -> list[tuple[str, float]]:
        """Return the servers that may be used with their scores, from 0 to 1, the best first."""
        return ranking(self._known.records, self.settings.servers, self.policy, dt_util.utcnow())

    @property
    def known(self) -> Known:
        """All that is known of its servers."""
        return self._known

    @property
    def changed_at(self) -> datetime | None:
        """When another server was last taken into use."""
        return next((note.at for note in reversed(self._known.notes) if note.stage is Stage.DONE), None)

    def last_sample(self, value: Callable[[Note], float | None]) -> float | None:
        """Return what was last measured."""
        return next((found for note in reversed(self._known.notes) if (found := value(note)) is not None), None)

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
        elif self.settings.servers and not self._beginning:
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
            self._tell_all()
        self._end = end = self.backend.hass.loop.create_future()
        self._step_in(LOOK_EVERY)
        return end

    async def _begin(self, actor: str, server: str | None, *, at_night: bool) -> None:
        await self.backend.async_refresh()
        self._refuse_if_hindered(at_night=at_night)
        settings = self.settings
        candidates = settings.servers if server is None else (server,)
        if not candidates:
            raise self._refusal(server_reason("unset"))
        before = await self._selection_before()
        address = await self._address_before()
        await self.tunnel.learn_home(address)
        current = self._name(before)
        if address is not None:
            await self._take_sample(current)
        self._refuse_if_hindered(at_night=at_night)  # that took a while
        now = dt_util.utcnow()
        choice = self._choose(candidates, current, now, asked=server is not None, at_night=at_night)
        rotation, order = begin(candidates, current, choice, address, now, self.policy)
        self._known = replace(self._known, choices=self._known.choices + 1)  # also one to stay
        self._keep()
        if order.tell is None:
            raise self._refusal(choice.reason)
        if self._stopped:
            raise self._refusal(server_reason("ended"))
        self._change = Change(
            rotation=rotation, before=before, named_by=settings.named_by, why=choice.reason, begun_at=now, actor=actor
        )
        if await self._tell() is Told.CLOSED:
            self._forget_change()
            raise self._refusal(server_reason("closed"))

    async def _selection_before(self) -> ServerSelection:
        with backend_errors(self.backend.title):
            try:
                return await self.tunnel.selection()
            except (InvalidAuth, NotFound, Refused) as error:
                raise self._refusal(server_reason("closed")) from error

    async def _address_before(self) -> str | None:
        """Return where it comes out; None while it isn't connected. Raises where nobody could tell of the new one."""
        told = self.backend.data
        if told.public_ip is not None or told.connected is False:
            address: str | None = told.public_ip
            return address
        if (seen := await self.tunnel.seen_through()) is not None:
            return str(seen.address)
        if VpnRoute.PUBLIC_IP in told.refused or told.connected:
            raise self._refusal(server_reason("unprovable"))
        return None

    def _choose(
        self, candidates: Collection[str], current: str, now: datetime, *, asked: bool, at_night: bool
    ) -> Choice:
        known = self._known
        if asked:
            (server,) = candidates
            if server.casefold() == current.casefold():
                return Choice(server=None, reason=server_reason("in_use", server=current))
            return Choice(server=server, reason=server_reason("asked", server=server))
        return choose(known.records, candidates, current, self.policy, now, count=known.choices, must_move=not at_night)

    def _refusal(self, reason: Reason, kind: type[HomeAssistantError] = HomeAssistantError) -> HomeAssistantError:
        said = sentence(self._in_full(reason), dt_util.utcnow(), self._rotating.words)
        return kind(translation_domain=DOMAIN, translation_key="no_rotation", translation_placeholders={"reason": said})

    def _refuse_if_hindered(self, *, at_night: bool) -> None:
        if reasons := tuple(self._hindrances(at_night=at_night)):
            raise self._refusal(server_reason("vetoed", reasons=reasons), HinderedError)

    # --- what forbids it ---------------------------------------------------------------------------------------------

    def _guards(self) -> Iterator[ClientGuard]:
        return self._rotating.guards_of(self.backend)

    def _hindrances(self, *, at_night: bool) -> Iterator[str]:
        """Yield what forbids a change now."""
        words, title = self._rotating.words, self.backend.title
        if not self.backend.answering:
            yield words.text("rotation.away", name=title)
            return
        if self.backend.data.status in {VpnStatus.STOPPED, VpnStatus.STOPPING}:
            yield words.text("rotation.stopped", name=title)
        for guard in self._guards():
            if why := _closed(guard) or (_busy(guard) if at_night else None):
                yield words.text(f"rotation.{why}", name=guard.backend.title)
        if at_night:
            for entity_id in (shown(self.backend.hass, each) for each in self.settings.vetoes):
                state = self.backend.hass.states.get(entity_id)
                if state is not None and state.state in _ON:
                    yield words.text("rotation.on", name=state.name)

    @property
    def _idle(self) -> bool:
        return all(_busy(guard) is None for guard in self._guards())

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
                await self._tell()
            if self._change is not None and not self._change.found:
                await self._look()
        except Exception:  # noqa: BLE001 -- whatever it is, a change has to come to its end
            LOGGER.exception("The server of %s could not be looked at, and will be again", self.backend.title)
        finally:
            self._step = None
        if self._change is not None and not self._stopped and self._timer is None:
            self._step_in(LOOK_EVERY)

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
            await self._tell()
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
            leaks=look.leaks or any(_leaks(guard, _OF_TUNNEL) for guard in self._guards()),
        )
        rotation, order = advance(rotation, facts, self._known.records, self.policy, now)
        await self._learn(order, answered=look.answered)
        self._change = change = replace(change, rotation=rotation)
        if rotation.stage in ENDED:
            await self._finish(change, rotation.stage, rotation.reason)
        elif order.tell is not None:
            self._change = replace(change, taken=False, refused=False)
            self._step_in(NOW)

    async def _learn(self, order: Order, *, answered: bool) -> None:
        for server, sample in order.learned.items():
            if sample.works:
                await self._take_sample(server)
            elif answered:  # else it says nothing of the server
                self._note_sample(server, sample)
        if order.learned:
            self._keep()

    async def _take_sample(self, server: str) -> None:
        """Measure the server in use, and remember that."""
        sample = await self.tunnel.measure(self.settings, idle=self._idle)
        self._note_sample(server, sample)
        if sample.latency is not None or sample.bytes_per_second is not None:
            latency = sample.latency.total_seconds() if sample.latency is not None else None
            speed = sample.bytes_per_second
            note = Note(at=dt_util.utcnow(), server=server, latency_seconds=latency, bytes_per_second=speed)
            self._known = self._known.with_note(note)
        self._keep()

    def _note_sample(self, server: str, sample: Sample) -> None:
        records = learn(self._known.records, server, sample, self.policy, dt_util.utcnow())
        self._known = replace(self._known, records=records)

    def _keep(self) -> None:
        self.backend.remember(KNOWN_KEY, self._known.as_json(self.settings.servers))

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _finish(self, change: Change, stage: Stage, result: Reason) -> None:
        now, rotation = dt_util.utcnow(), change.rotation
        previous = rotation.previous or self._name(change.before)
        if stage is Stage.KEPT and rotation.stage is Stage.KEPT:
            result = server_reason("back", server=previous)
        failed = rotation.tried if stage is Stage.LOST else rotation.tried[:-1]
        self.server = rotation.server if stage is Stage.DONE else self.server
        self.last = Ended(
            at=now,
            stage=stage,
            server=self.server or previous,
            previous=previous,
            tried=rotation.tried,
            reasons=(
                change.why,
                *(server_reason("failed", server=each) for each in failed if stage is not Stage.KEPT),
                self._in_full(result),
            ),
        )
        self._known = self._known.with_note(Note(at=now, server=self.last.server, stage=stage))
        self._keep()
        self._forget_change()
        await self.backend.save_memory()
        self._write_down(change, self.last)
        self._announce(self.last)
        if self._end is not None and not self._end.done():
            self._end.set_result(self.last)
        self._tell_all()

    def _forget_change(self) -> None:
        self._change = None
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
        known = {each.casefold(): each for each in self.settings.servers}
        return known.get(name.casefold(), name) or self._rotating.words.text("rotation.any")

    def _in_full(self, reason: Reason) -> Reason:
        """Return a reason with the name of the VPN, which deciding knows nothing of."""
        return replace(reason, parameters={**reason.parameters, "vpn": self.backend.title})


def _closed(guard: ClientGuard) -> str | None:
    """Return what the guard of a client is at, so that nothing may cross it."""
    if guard.lane.drill:  # which looks like a leak
        return "drill"
    if _leaks(guard):
        return "leaks"
    if guard.held:
        return "held"
    port = guard.port.verdict
    return "port" if port is not None and port.state is PortState.WAKING else None


def _leaks(guard: ClientGuard, proofs: Collection[Proof] = frozenset(Proof)) -> bool:
    verdict = guard.verdict
    return verdict is not None and verdict.state is VpnState.LEAKING and verdict.proof in proofs


def _busy(guard: ClientGuard) -> str | None:
    """Return why a client may not be disturbed: it fetches something, or nobody knows whether it does."""
    if not guard.backend.answering:
        return "silent"
    return "busy" if guard.backend.data.totals.count(DownloadState.DOWNLOADING) else None


class Rotating:
    """The servers of all VPNs of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.vpns: dict[str, VpnRotation] = {}
        self._leave: list[Callable[[], None]] = []

    # --- life --------------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Begin: end what was under way, and wait for the night."""
        self._leave.append(self._hub.add_listener(self._hub_changed))
        self._leave.append(
            async_track_time_change(self._hub.hass, self._night, hour=NIGHT_HOUR, minute=NIGHT_MINUTES, second=0)
        )
        self._hub_changed()

    async def stop(self) -> None:
        """End. When SOKOUL is disabled, what has not proven itself is taken back."""
        while self._leave:
            self._leave.pop()()
        await asyncio.gather(*(vpn.stop() for vpn in self.vpns.values()))
        if self._hub.entry.disabled_by is not None:
            await asyncio.gather(*(vpn.leave() for vpn in self.vpns.values()))

    @callback
    def _hub_changed(self) -> None:
        for gone in self.vpns.keys() - self._hub.backends.keys():
            self.in_background(self.vpns.pop(gone).stop(), "end of a VPN")
        for backend in self._hub.backends.values():
            if backend.connector.kind in VPN_KINDS:
                self.of(backend).look_again()

    def of(self, backend: AnyCoordinator) -> VpnRotation:
        """Return the servers of a VPN."""
        vpn = self.vpns.get(backend.subentry_id)
        if vpn is None:
            vpn = self.vpns[backend.subentry_id] = VpnRotation(self, backend)
        return vpn

    def in_background(self, work: Any, what: str) -> asyncio.Task[None]:
        """Do something for as long as the entry is loaded."""
        return self._hub.in_background(work, f"{DOMAIN}: {what}")

    @callback
    def _night(self, now: datetime) -> None:
        for vpn in self.vpns.values():
            settings, tonight = vpn.settings, dt_util.as_local(now).date()
            if settings.nightly and settings.servers and vpn.night != tonight:
                self.in_background(self._change_by_night(vpn, tonight), "server of the night")

    async def _change_by_night(self, vpn: VpnRotation, tonight: date) -> None:
        try:
            await vpn.change(AUTOPILOT, at_night=True)
        except HinderedError as error:
            LOGGER.debug("The server of %s is not changed now: %s", vpn.backend.title, error)
            return
        except HomeAssistantError as error:
            LOGGER.debug("The server of %s stays: %s", vpn.backend.title, error)
        vpn.night = tonight

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def lookout(self) -> Lookout:
        """Who knows where we are seen."""
        return self._hub.guarding.lookout

    @property
    def words(self) -> wording.Wording:
        """The texts, in the language of Home Assistant."""
        return wording.get(self._hub.hass.config.language, dt_util.get_default_time_zone())

    def guards_of(self, vpn: AnyCoordinator) -> Iterator[ClientGuard]:
        """Yield the guards of the clients behind a VPN."""
        for guard in self._hub.guarding.clients.values():
            if guard.shelter.vpn_id == vpn.subentry_id and guard.shelter.containment is not Containment.NONE:
                yield guard

    @callback
    def write_down(self, entry: JournalEntry) -> None:
        """Put an entry into the journal, if there is one."""
        self._hub.guarding.write_down(entry)
