"""The lane of the VPN guard for one download client: it looks, has it judged, and acts at once.

It waits for nothing else: no rule, no gate, no cap and no level of autonomy has a say in it. How often it looks follows
from what can happen: several times a second at what alone keeps a client from leaking, and at one that is being held;
seldom where it has no other way out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Protocol

from ..model.downloads import ClientSettings, Transfer
from ..model.vpn import VpnSnapshot
from .guards.evidence import Evidence, Said, Seen
from .guards.vpn import advance, forgive
from .guards.vpn_types import Containment, Proof, Protection, Verdict, VpnMemory, VpnPolicy, VpnState

#: Where it could leak, or is held.
FAST = timedelta(milliseconds=200)
#: Where it can't, or tells nothing of it: only whether it is connected is to be known.
CALM = timedelta(seconds=10)
#: What was stopped starts again in parts, one in this time at most: trackers see no storm.
REOPEN_EVERY = timedelta(seconds=1)
#: After a failure it is not asked again at once: a client that restarts has other things to do.
AFTER_FAILURE = timedelta(seconds=1)
#: So long does one restart that can't leak; what is away for longer is asked as seldom as ever.
RESTARTS_FOR = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How old each answer may get until it is asked for again, and how long the lane pauses at most."""

    transfer: timedelta = timedelta()
    settings: timedelta = timedelta(seconds=10)
    interfaces: timedelta = timedelta()  # they are read with the settings
    pause: timedelta


#: Where it is seen tells of a leak where nothing but the guard protects it; its binding, where that does.
PACES = {
    Containment.OPEN: Pace(pause=FAST),
    Containment.BOUND: Pace(
        transfer=timedelta(seconds=2), settings=timedelta(), interfaces=timedelta(seconds=2), pause=FAST
    ),
}
SELDOM = Pace(pause=CALM)


class GuardedClient(Protocol):
    """A download client, as the guard reaches it. What goes wrong there is one of `errors`."""

    errors: tuple[type[Exception], ...]

    async def transfer(self) -> Transfer:
        """Return how it is connected, and where it is seen."""

    async def settings(self) -> ClientSettings:
        """Return what it is bound to."""

    async def interfaces(self) -> Collection[str]:
        """Return which interfaces there are."""

    @property
    def held(self) -> bool:
        """Whether the guard holds its torrents, also since before a restart."""

    async def close(self) -> int:
        """Stop whatever runs, in haste, and note it. Returns how many torrents are held. Called while it shall last."""

    async def reopen(self) -> bool:
        """Start a part of what was stopped, unless somebody acts on it for long. Returns whether that was all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What a closing took."""

    at: datetime  # when it was seen
    proof: Proof | None
    seconds: float  # from asking for what showed it until everything was told to stop, and that was read back
    torrents: int


class VpnLane:
    """Guards one client. Who owns it sets what it can't see itself, and calls `step` when it says so, or sooner."""

    tunnel: Seen[VpnSnapshot] | None = None  # the newest snapshot of the VPN's own control server
    through: tuple[Seen[Said], ...] = ()
    outside: tuple[Seen[Said], ...] = ()
    drill = False  # a leak is pretended
    changing = False  # the VPN is given another server
    answering = False  # the client answered when it was last asked
    told = False  # the last closing went through
    misled_since: datetime | None = None  # it may run again, and shows our own address, from before the cure of a leak

    def __init__(
        self,
        client: GuardedClient,
        protection: Protection,
        *,
        memory: VpnMemory | None = None,
        policy: VpnPolicy | None = None,
        on_change: Callable[[Verdict], None] = lambda _: None,
        on_reaction: Callable[[Reaction], None] = lambda _: None,
    ) -> None:
        self._client = client
        self.protection = protection
        self.memory = memory or VpnMemory()
        self.policy = policy or VpnPolicy()
        self.verdict: Verdict | None = None
        self.evidence = Evidence()  # that the verdict is from
        self._on_change = on_change
        self._on_reaction = on_reaction
        self._transfer: Seen[Transfer] | None = None
        self._settings: Seen[ClientSettings] | None = None
        self._settings_forgotten = 0  # so often
        self._interfaces: Seen[Collection[str]] | None = None
        self._stepping = asyncio.Lock()
        self._reacted = False
        self._away_since: datetime | None = None
        self._held_before: bool | None = None  # what it holds was held when it began to close
        self._reopened_at: datetime | None = None  # a part of it, or it was tried

    def forgive(self, now: datetime) -> None:
        """Take a person's word that the client may run."""
        self.memory = forgive(self.memory, self.policy, now)

    def ask_another_way(self) -> None:
        """Take it that services are asked through something else from now on."""
        self.memory = self.memory.on_another_way()

    def forget_settings(self) -> None:
        """Read what the client is bound to before anything is made of it: it, or what it has to be, was changed."""
        self._settings = self._interfaces = None
        self._settings_forgotten += 1

    async def step(self, now: Callable[[], datetime]) -> timedelta:
        """Look, judge and act. Returns how long there is nothing to do."""
        async with self._stepping:
            began = perf_counter()
            answered = self.answering = await self._look(now)
            if answered:
                self._away_since = None
            verdict = self._judge(now())
            self._follow_misled(verdict, now())
            if verdict.stop:
                return await self._close(verdict, began, now())
            self._reacted, self._held_before = False, None
            if self._client.held and verdict.state is not VpnState.UNKNOWN:
                await self._reopen(now())
                return FAST if answered else AFTER_FAILURE
            return self._pause(verdict, now()) if answered else self._pause_away(now())

    async def reach(self, now: Callable[[], datetime]) -> timedelta:
        """Ask no more than whether the client answers. Returns how long there is nothing to do."""
        async with self._stepping:
            self.answering = await self._read_transfer(now)
            if not self.answering:
                return self._pause_away(now())
            self._away_since = None
            return AFTER_FAILURE

    # --- looking -------------------------------------------------------------------------------------------------

    @property
    def _pace(self) -> Pace:
        """How often it is looked at. What a running one doesn't tell is not seen sooner by asking it more often."""
        containment = self.protection.containment
        if containment is Containment.OPEN and not self.protection.tells_address and not self._client.held:
            return SELDOM
        return PACES.get(containment, SELDOM)

    async def _look(self, now: Callable[[], datetime]) -> bool:
        """Ask the client what is to be known now. Returns whether it answered; what it said before gets old."""
        answered = True
        if _is_due(self._settings, self._pace.settings, now()):
            answered = await self._read_settings(now)
        if _is_due(self._transfer, self._pace.transfer, now()):
            answered = await self._read_transfer(now)
        return answered

    async def _read_settings(self, now: Callable[[], datetime]) -> bool:
        """Read what it is bound to, and whether that exists: qBittorrent 4 calls itself connected without it."""
        asked = self._settings_forgotten
        try:
            settings = await _seen(self._client.settings, now)
        except self._client.errors:
            return False
        bound, interfaces = settings.value.interface, self._interfaces
        if bound and _is_due(interfaces, self._pace.interfaces, now()):
            interfaces = None
            with suppress(*self._client.errors):
                interfaces = await _seen(self._client.interfaces, now)
        if asked == self._settings_forgotten:
            if bound and interfaces is not None:
                settings = replace(settings, value=replace(settings.value, interface_exists=bound in interfaces.value))
            self._settings, self._interfaces = settings, interfaces
        return True

    async def _read_transfer(self, now: Callable[[], datetime]) -> bool:
        try:
            self._transfer = await _seen(self._client.transfer, now)
        except self._client.errors:
            return False
        return True

    def _judge(self, now: datetime) -> Verdict:
        evidence = Evidence(
            client=self._transfer,
            settings=self._settings,
            tunnel=self.tunnel,
            through=self.through,
            outside=self.outside,
            drill=self.drill,
            changing=self.changing,
        )
        self.evidence = evidence
        before = self.verdict
        self.memory, self.verdict = advance(self.memory, evidence, self.protection, self.policy, now)
        if before is None or _told(before) != _told(self.verdict):
            self._on_change(self.verdict)
        return self.verdict

    def _follow_misled(self, verdict: Verdict, now: datetime) -> None:
        """Note since when it may run although it shows our own address: who listens anew is told anew."""
        if verdict.stop or not self.memory.is_misled(now):
            self.misled_since = None
        elif self.misled_since is None:
            self.misled_since = now

    def _pause(self, verdict: Verdict, now: datetime) -> timedelta:
        longest = self._pace.pause
        return longest if verdict.again is None else min(longest, max(verdict.again - now, FAST))

    def _pause_away(self, now: datetime) -> timedelta:
        if self._away_since is None:
            self._away_since = now
        leaks = self.protection.containment is Containment.OPEN
        return AFTER_FAILURE if leaks or now - self._away_since < RESTARTS_FOR else CALM

    # --- acting --------------------------------------------------------------------------------------------------

    async def _close(self, verdict: Verdict, began: float, now: datetime) -> timedelta:
        self.told = False
        if self._held_before is None:
            self._held_before = self._client.held
        try:
            torrents = await self._client.close()
        except self._client.errors:
            return FAST  # told again; it counts as stopped only when it said so
        self.told = True
        if not self._reacted:
            self._reacted = True
            seconds = perf_counter() - began
            if torrents and not self._held_before:  # else nothing was stopped now
                self._on_reaction(Reaction(at=now, proof=verdict.proof, seconds=seconds, torrents=torrents))
        return FAST

    async def _reopen(self, now: datetime) -> None:
        """Start the next part, if it is its time; what fails is tried again then."""
        if self._reopened_at is None or abs(now - self._reopened_at) >= REOPEN_EVERY:  # a clock may be set back
            self._reopened_at = now
            with suppress(*self._client.errors):
                await self._client.reopen()


def _is_due(seen: Seen[Any] | None, every: timedelta, now: datetime) -> bool:
    return seen is None or abs(now - seen.at) >= every  # a clock may be set back


async def _seen[T](ask: Callable[[], Awaitable[T]], now: Callable[[], datetime]) -> Seen[T]:
    asked = now()
    value = await ask()
    return Seen(value=value, at=now(), took=now() - asked)


def _told(verdict: Verdict) -> tuple[object, ...]:
    """Return what of a verdict is worth telling."""
    return verdict.state, verdict.stop, verdict.gate_open, verdict.reasons
