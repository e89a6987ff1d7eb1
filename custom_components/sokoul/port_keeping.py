"""The forwarded port, kept right at a download client behind a VPN that forwards one.

There is a keeper for each download client, beside its guard. It asks for nothing at intervals of its own: it is told
of every change that the polls see at the VPN and at the client, and of every step of the guard, and then reads the
client's settings if they may be others than those that it knows. What is to be done says `autopilot/guards/port.py`;
here it is carried out, read back, and told.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .autopilot.guards.evidence import Seen
from .autopilot.guards.port import Lent, PortFacts, PortMemory, PortPolicy, PortState, PortVerdict, Write, advance
from .autopilot.guards.vpn_types import Containment
from .clients.errors import BackendError
from .const import DOMAIN, LOGGER
from .model.downloads import ACTIVE_STATES, ClientSettings, ConnectionStatus, DownloadState

if TYPE_CHECKING:
    from .guarding import ClientGuard, Guarding
    from .hub import AnyCoordinator

ON_KEY = "port_keeping_on"  # of a client: a person's word, or that it was behind a VPN with a port; None: not known yet
PORT_KEY = "forwarded_port"  # of a client: the port that it was last seen on, so that it is the same one of several
LENT_KEY = "lent_port"  # of a client: its own port and the one that it has instead, for a moment

#: Settings that can't be read are asked for again after this, doubled each time.
READ_AGAIN = timedelta(seconds=5)
READ_AGAIN_AT_LEAST_EVERY = timedelta(minutes=5)
#: Settings that were just read are not read again at once, unless they were changed.
READ_PAUSE = timedelta(seconds=1)
#: Another port and back, each written and read: more steps than that don't follow from one change.
MOST_STEPS = 8
#: A keeper that ends in the middle of an act has so long to finish it.
PARTING = timedelta(seconds=1)
_LONG_AGO = datetime.min.replace(tzinfo=dt_util.UTC)
_MOST_DOUBLINGS = 16
#: Since this version qBittorrent notices that the interface that it is bound to was made anew.
AWARE_SINCE = 5


#: The tunnel as it is now, None while it is down, and when that was seen.
type Told = tuple[tuple[str, str | None] | None, datetime | None]


class PortKeeper:
    """Keeps the port of one download client. It is told by `look_again`, and tells by the two functions given."""

    def __init__(
        self,
        guarding: Guarding,
        guard: ClientGuard,
        *,
        tell: Callable[[], None],
        announce: Callable[..., None],
    ) -> None:
        self.verdict: PortVerdict | None = None  # None: it doesn't keep anything
        self._guarding = guarding
        self._guard = guard
        self._backend: AnyCoordinator = guard.backend
        self._tell = tell
        self._announce = announce
        self._policy = PortPolicy()
        lent = self._backend.memory.get(LENT_KEY)
        self._memory = PortMemory(
            wanted=self._backend.memory.get(PORT_KEY), lent=Lent(own=lent[0], other=lent[1]) if lent else None
        )
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._once = False  # a person asks for it, whatever the switch says
        # what is known
        self._settings: Seen[ClientSettings] | None = None
        self._unread = True  # they may have changed since
        self._read_from = _LONG_AGO  # not before that
        self._failures = 0  # of reading them
        self._told: ClientSettings | None = None  # as the poll last had them
        self._known: ClientSettings | None = None  # the newest of both
        self._session: object = None  # at the client; None while it is away
        self._client_since: datetime | None = None
        self._tunnel_of: str | None = None  # which VPN tells of it; None: the interface alone does
        self._tunnel: tuple[str, str | None] | None = None  # which, and at which address; None while it is down
        self._tunnel_looked_at = False  # ever: what is up at the first look may be up for long
        self._tunnel_since: datetime | None = None
        self._write: Write | None = None
        self._guard_answered = False
        # what was told
        self._trouble: tuple[str, int | None] | None = None  # what the repair issue says
        self._shown: tuple[object, ...] = ()
        self._left: int | None = None  # the port that it had before it was set
        self._for_a_moment: int | None = None  # the one that it was woken with

    # --- what is set and shown -----------------------------------------------------------------------------------

    @property
    def vpn(self) -> AnyCoordinator | None:
        """The VPN that the client is behind, if it is one that we know."""
        return self._guarding.backend(self._guard.shelter.vpn_id)

    @property
    def on(self) -> bool:
        """Whether it keeps the port, if there is one: a person's word; by itself once the VPN forwards one."""
        return self._backend.memory.get(ON_KEY, False) is True

    @callback
    def turn(self, *, on: bool) -> None:
        """Keep the port, or leave it to somebody else. The client keeps the one that it has."""
        self._backend.remember(ON_KEY, on)
        self.look_again()

    @property
    def listening_port(self) -> int | None:
        """The port that the client is set to; None while nobody knows."""
        if not self._backend.answering:
            return None
        return self._known.listen_port if self._known is not None else None

    @property
    def in_sync(self) -> bool | None:
        """Whether the client listens where the VPN lets others in; None where there is nothing to compare."""
        ports, port = self._ports(), self.listening_port
        return port in ports if ports and port is not None else None

    async def sync(self) -> PortVerdict | None:
        """Set it now, whatever was tried before and also where it isn't kept. Returns how it stands then."""
        if self._task is not None:
            await asyncio.wait({self._task})
        self._memory = PortMemory(wanted=self._memory.wanted, lent=self._memory.lent)
        self._expect_other_settings()
        self._once = True
        try:
            self.look_again()
            if self._task is not None:
                await asyncio.wait({self._task})
            return self.verdict
        finally:
            self._once = False
            self.look_again()

    # --- life ----------------------------------------------------------------------------------------------------

    @callback
    def look_again(self) -> None:
        """Take in what changed elsewhere, and do what follows from it."""
        if self._stopped:
            return
        now = dt_util.utcnow()
        self._follow_client(now)
        self._follow_tunnel()
        self._decide_default()
        if self._task is None:
            verdict = self._judge(now)
            if verdict is not None and (verdict.write or verdict.read):
                self._task = self._guarding.in_background(self._work(verdict), f"port of {self._backend.title}")
                if self._task.done():
                    self._task = None
            else:
                self._conclude(verdict)

    async def _work(self, verdict: PortVerdict | None) -> None:
        """Write and read until nothing is left to do at once. Meanwhile `look_again` only notes what changed."""
        try:
            for _ in range(MOST_STEPS):
                if verdict is not None and verdict.write:
                    await self._set(verdict)
                elif verdict is not None and verdict.read:
                    await self._read()
                else:
                    break
                verdict = self._judge(dt_util.utcnow())
        except Exception:  # noqa: BLE001 -- whatever it is, the port is looked at again
            LOGGER.exception("The port of %s could not be looked after, and will be again", self._backend.title)
            self._read_later()
        finally:
            self._task = None
        if not self._stopped:
            self._conclude(verdict)

    async def stop(self) -> None:
        """End. The client keeps its port."""
        self._stopped = True
        self._set_timer(None)
        if self._task is not None:
            task = self._task
            await asyncio.wait({task}, timeout=PARTING.total_seconds())
            task.cancel()
        self._clear_issue()

    @callback
    def _wake_up(self) -> None:
        self._timer = None
        self.look_again()

    def _set_timer(self, at: datetime | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            pause = max(timedelta(), at - dt_util.utcnow())
            self._timer = self._backend.hass.loop.call_later(pause.total_seconds(), self._wake_up)

    # --- what is known -------------------------------------------------------------------------------------------

    def _follow_client(self, now: datetime) -> None:
        """Notice that the client was away or started again, or that its settings are others than we know."""
        backend = self._backend
        session = (backend.client, backend.client.sessions) if backend.answering else None
        if session != self._session:
            self._session = session
            if session is not None:
                self._client_since = now
            self._expect_other_settings()
        told = backend.data.settings if backend.data is not None else None
        if told is not self._told:
            self._told = self._known = told  # a snapshot holds what was read last, by whomever
            if told is not None and self._settings is not None and _port_of(told) != _port_of(self._settings.value):
                self._unread = True
        answered = self._guard.lane.answering
        if answered and not self._guard_answered and not backend.answering:
            # the guard asks every second, the poll ever more seldom
            self._guarding.in_background(backend.async_request_refresh(), "look at a client that is back")
        self._guard_answered = answered

    def _expect_other_settings(self) -> None:
        self._unread, self._read_from, self._failures = True, _LONG_AGO, 0

    def _follow_tunnel(self) -> None:
        """Notice that the VPN connected anew: it or its interface was gone, or it comes out elsewhere."""
        vpn = self.vpn
        told_by = vpn.subentry_id if vpn is not None else None
        if told_by != self._tunnel_of:
            self._tunnel_of, self._tunnel, self._tunnel_looked_at = told_by, None, False
        told = self._interface() if vpn is None else self._connection(vpn)
        if told is None:
            self._tunnel = self._tunnel if vpn is None else None  # of an interface it just isn't known now
            return
        tunnel, since = told
        if tunnel is not None and tunnel != self._tunnel and self._tunnel_looked_at:
            self._tunnel_since = since
        self._tunnel, self._tunnel_looked_at = tunnel, True

    @staticmethod
    def _connection(vpn: AnyCoordinator) -> Told | None:
        """Return what a VPN says of its connection; None while it is away."""
        if not vpn.answering:
            return None
        snapshot = vpn.data
        down = snapshot.connected is False or (snapshot.connected is None and snapshot.public_ip is None)
        return None if down else (vpn.subentry_id, snapshot.public_ip), vpn.read_at

    def _interface(self) -> Told | None:
        """Return what the guard saw of the interface that the client is bound to; None while it can't be known."""
        seen = self._guard.lane.evidence.settings
        if seen is None or not seen.value.interface or seen.value.interface_exists is None:
            return None
        return (seen.value.interface, None) if seen.value.interface_exists else None, seen.at

    def _decide_default(self) -> None:
        """Begin to keep the port once the VPN forwards one, unless a person said otherwise."""
        if ON_KEY not in self._backend.memory and self._ports():
            self._backend.remember(ON_KEY, True)

    def _ports(self) -> tuple[int, ...] | None:
        """Return what the VPN forwards to this client: what another client behind it has is that one's.

        When the ports change, the new ones go to those that had one before, in their order, and only then to others.
        """
        vpn = self.vpn
        if vpn is None or not vpn.answering or not vpn.data.knows_ports:
            return None
        keepers = [guard.port for guard in self._guarding.clients.values()]
        keepers = [each for each in keepers if each is self or (each.vpn is vpn and each.on)]
        others = {each.wanted for each in keepers if each is not self}
        ports = tuple(port for port in vpn.data.ports if port not in others)
        if self.wanted in ports:
            return ports
        bereft = [each for each in keepers if each.wanted is not None and each.wanted not in vpn.data.ports]
        return ports[bereft.index(self) if self in bereft else len(bereft) :]

    @property
    def wanted(self) -> int | None:
        """The port that this client has or should have."""
        return self._memory.wanted

    def _judge(self, now: datetime) -> PortVerdict | None:
        """Return what is to be done now; None where nothing is kept."""
        vpn, backend = self.vpn, self._backend
        keeps = vpn is not None and (self.on or self._once)
        misled_since = self._guard.lane.misled_since if self._is_ours else None
        if backend.data is None or not (keeps or self._unaware or misled_since or self._memory.lent):
            self._memory, self._left = PortMemory(wanted=self._memory.wanted, lent=self._memory.lent), None
            return None
        ports, totals, transfer = self._ports(), backend.data.totals, backend.data.transfer
        facts = PortFacts(
            client=backend.title,
            vpn=vpn.title if vpn is not None else self._guard.shelter.interface or "VPN",
            forwarded=self._forwarded(now),
            settings=self._settings if backend.answering and not self._unread else None,
            taken=vpn is not None and vpn.data is not None and not ports and any(vpn.data.ports),
            connection=transfer.connection if backend.answering else ConnectionStatus.UNKNOWN,
            active=totals.count(*ACTIVE_STATES) > 0 or transfer.upload_rate > 0,
            offering=totals.count(DownloadState.SEEDING) > 0,
            unaware=self._unaware,
            misled_since=misled_since,
            tunnel_since=self._tunnel_since,
            client_since=self._client_since,
            write=self._write,
        )
        before = self._memory.lent
        self._memory, verdict = advance(self._memory, facts, self._policy, now)
        if (lent := self._memory.lent) != before:
            backend.remember(LENT_KEY, [lent.own, lent.other] if lent is not None else None)
        return replace(verdict, read=self._may_read(now, wanted=self._unread or verdict.read))

    def _forwarded(self, now: datetime) -> Seen[tuple[int, ...]] | None:
        vpn, ports = self.vpn, self._ports()
        if vpn is None:
            return Seen(value=(), at=now)  # one that we don't know forwards nothing that we could set
        return Seen(value=ports, at=vpn.read_at) if ports is not None and vpn.read_at is not None else None

    @property
    def _is_ours(self) -> bool:
        """Whether no person wants its port left alone."""
        return self._backend.memory.get(ON_KEY, True) is True

    @property
    def _unaware(self) -> bool:
        """Whether it doesn't notice that the tunnel's interface was made anew.

        Who is bound to that interface does since 5.0. Who shares the tunnel's network and is bound to nothing doesn't
        where the interface has its address before it is up, as with WireGuard: libtorrent looks when there is a new
        address, and passes over what is down (seen at 4.5.2 and 5.3.0).
        """
        settings, containment = self._known, self._guard.shelter.containment
        if settings is None or settings.interface is None or not self._is_ours:
            return False
        if not settings.interface:
            return containment is Containment.NAMESPACE
        major = self._backend.data.version.removeprefix("v").partition(".")[0]
        return containment is not Containment.NONE and major.isdigit() and int(major) < AWARE_SINCE

    def _may_read(self, now: datetime, *, wanted: bool) -> bool:
        return wanted and self._backend.answering and now >= self._read_from

    # --- what is done --------------------------------------------------------------------------------------------

    async def _set(self, verdict: PortVerdict) -> None:
        """Write what is wanted. A lock isn't waited for: nothing else changes these settings."""
        port, now_on = verdict.write.get("listen_port"), self.listening_port
        if self._memory.lent is not None:
            await self._backend.save_memory()  # whatever happens, it gets its own port back
        if port != verdict.port:
            self._for_a_moment = port
        elif self._left is None and now_on != self._for_a_moment:
            self._left = now_on
        try:
            await self._backend.client.set_settings(verdict.write)
        except BackendError as error:
            LOGGER.debug("%s did not take port %s: %s", self._backend.title, port, error)
            self._write = Write(at=dt_util.utcnow(), accepted=False)
        else:
            self._write = Write(at=dt_util.utcnow(), accepted=True)
            self._expect_other_settings()

    async def _read(self) -> None:
        asked = dt_util.utcnow()
        try:
            settings: ClientSettings = await self._backend.client.settings()
        except BackendError as error:
            LOGGER.debug("The settings of %s could not be read: %s", self._backend.title, error)
            self._read_later()
            return
        self._known, now = settings, dt_util.utcnow()
        self._settings, self._unread = Seen(value=settings, at=now, took=now - asked), False
        self._failures, self._read_from = 0, now + READ_PAUSE

    def _read_later(self) -> None:
        pause = min(READ_AGAIN * (1 << min(self._failures, _MOST_DOUBLINGS)), READ_AGAIN_AT_LEAST_EVERY)
        self._failures += 1
        self._unread, self._read_from = True, dt_util.utcnow() + pause

    # --- what is told --------------------------------------------------------------------------------------------

    def _conclude(self, verdict: PortVerdict | None) -> None:
        """Tell how it stands, now that nothing is to be done at once, and set the time of the next look."""
        self.verdict = verdict
        times = [verdict.again] if verdict is not None and verdict.again is not None else []
        if verdict is not None and self._unread and self._backend.answering:
            times.append(self._read_from)
        self._set_timer(min(times, default=None))
        if verdict is not None and verdict.in_sync and verdict.state is not PortState.WAKING:
            self._tell_change(verdict)
        self._tell_trouble(verdict)
        shown = (self.on, self.listening_port, self.in_sync)
        if shown != self._shown:
            self._shown = shown
            self._tell()

    def _tell_change(self, verdict: PortVerdict) -> None:
        left, self._left, self._for_a_moment = self._left, None, None
        self._backend.remember(PORT_KEY, verdict.port)
        if left is not None and left != verdict.port:
            LOGGER.info("%s listens on port %s now, instead of %s", self._backend.title, verdict.port, left)
            self._announce("port_changed", port=verdict.port, previous_port=left, reasons=verdict.reasons)

    def _tell_trouble(self, verdict: PortVerdict | None) -> None:
        """Keep the repair issue true; it stays while there is no telling whether it holds still."""
        if verdict is None or (not verdict.report and verdict.state in _SETTLED):
            self._clear_issue()
        elif verdict.report:
            (reason,) = verdict.reasons
            trouble = (reason.key, verdict.port)
            if trouble == self._trouble:
                return
            if self._trouble is None:
                self._announce("port_failed", port=verdict.port, reasons=verdict.reasons)
            self._trouble = trouble
            ir.async_create_issue(
                self._backend.hass,
                DOMAIN,
                self._issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key=reason.key.removeprefix("guard."),
                translation_placeholders={name: str(value) for name, value in reason.parameters.items()},
            )

    @property
    def _issue_id(self) -> str:
        return f"port_{self._backend.subentry_id}"

    def _clear_issue(self) -> None:
        self._trouble = None
        ir.async_delete_issue(self._backend.hass, DOMAIN, self._issue_id)


_SETTLED = frozenset({PortState.IN_SYNC, PortState.NOT_FORWARDED})


def _port_of(settings: ClientSettings) -> tuple[object, ...]:
    """Return what of the settings is looked after here."""
    return settings.listen_port, settings.random_port, settings.upnp
