"""Weeks of ordinary noise around the VPN guard: whether it stops anything without a leak, or misses one.

Time is simulated, and so is all that the guard is told: a tunnel that reconnects and restarts, services that lie and
fall silent, a line that gets another address, a client and a Home Assistant that restart, a machine that sleeps. Now
and then there is a leak. What is true at each moment is known here and told to nobody; the guard and how often it
looks are the real ones. It ends with an error when something was stopped without a reason, or a leak went on.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import random
import statistics

from custom_components.sokoul.autopilot.guards.asking import Pace
from custom_components.sokoul.autopilot.guards.evidence import Said, Seen
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Protection, VpnMemory, VpnPolicy
from custom_components.sokoul.autopilot.vpn_lane import VpnLane
from custom_components.sokoul.model.downloads import ClientSettings, ConnectionStatus, Transfer
from custom_components.sokoul.model.vpn import VpnSnapshot, VpnStatus

from .guard import percentile

START = datetime(2026, 11, 21, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86400))
SERVICES = ("one.example", "two.example", "three.example")
ELSEWHERE = "192.0.2.66"
#: As Home Assistant's side of the guard asks.
TUNNEL_EVERY = 10 * SECOND
#: A client that is bound is looked at ten times as seldom as in earnest: only how soon a leak is seen depends on that.
BOUND_EVERY = 2 * SECOND
#: What a service takes to answer, or to be given up.
SERVICES_TAKE = (SECOND / 10, 5 * SECOND)
#: A control server that is silent for longer is as good as a tunnel that is down.
SILENCE_IS_NOISE = 80 * SECOND
#: A client that leaked may not learn where it is seen while nothing runs: then a person looks, and says so.
PERSON_LOOKS_AFTER = 2 * HOUR
#: A leak has been seen too late after this. (What shows it may come late; from then on it is counted.)
TOO_LATE = 20 * SECOND
LEAK_EVERY = 12 * HOUR
#: A tunnel that is cut is seen by services, which are asked every half hour. So many have to tell.
CUT_FOR = 2 * HOUR
WITNESSES = 2


WAYS = ("through", "outside")


class Leak(StrEnum):
    """What is wrong when the client can be seen at home."""

    ROUTED = "routed"  # around the tunnel: its swarms see it at home
    UNBOUND = "unbound"  # somebody took its binding away
    CUT = "cut"  # the tunnel is gone, and nobody notices: whatever goes through it is at home, and so are services


class AwayError(Exception):
    """The client doesn't answer."""


@dataclass
class Truth:
    """How things are. Whatever is away or wrong is so until a moment."""

    chance: random.Random
    containment: Containment
    now: datetime = START
    home: str = "198.51.100.7"
    end: str = "203.0.113.9"
    status: VpnStatus = VpnStatus.RUNNING
    status_until: datetime = START
    connected: str = ""  # the tunnel's end that swarms know of; "": nobody told the client yet
    told_at: datetime = START  # when they will tell the client of the present end
    away: dict[str, datetime] = field(default_factory=dict)  # client, gluetun and services, until when
    lies: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    cut_off: datetime = START  # until when the client says that it has no connection
    leak: Leak | None = None
    leak_shows_at: datetime = START
    leak_ends_at: datetime = START
    listens_since: datetime = START  # the client was made to listen anew
    client_told_at: datetime = START  # when somebody tells the client that it is at home, now that the tunnel is cut
    noticed: bool = False  # the leak
    told: bool = False  # the client answered while the leak showed in what it says
    held: bool = False  # the guard wants it stopped
    stopped: bool = False  # and so it is
    on_leak_over: Callable[[], None] = lambda: None

    def is_away(self, what: str) -> bool:
        """Tell whether something doesn't answer."""
        return self.now < self.away.get(what, START)

    def advance(self, pause: timedelta) -> None:
        """Let time pass."""
        self.now += pause
        if self.status is not VpnStatus.RUNNING and self.now >= self.status_until:
            self.status, self.end = VpnStatus.RUNNING, f"203.0.113.{self.chance.randrange(1, 255)}"
            self._is_told_later()
        if self.now >= self.told_at and not self.held and self.leak is not Leak.CUT and not self.believes_nobody:
            self.connected = self.end  # a client that talks to nobody is told nothing
        if self.leak is Leak.CUT and self.now >= self.client_told_at:
            self.connected, self.leak_shows_at = self.home, min(self.leak_shows_at, self.client_told_at)
            self.listens_since = START
        if self.leak is not None and self.now >= self.leak_ends_at:
            self.on_leak_over()
            self.leak, self.told_at = None, self.now + self._some(2 * SECOND, 5 * MINUTE)

    # --- what happens ------------------------------------------------------------------------------------------------

    def reconnects(self) -> None:
        """Gluetun makes the tunnel anew: it says so. Of one that is cut it doesn't know."""
        if self.leak is Leak.CUT:
            return
        self.status, self.status_until = VpnStatus.STARTING, self.now + self._some(3 * SECOND, 40 * SECOND)

    def roams(self) -> None:
        """Come out at another address, without a word of it."""
        if self.leak is Leak.CUT:
            return
        self.end = f"203.0.113.{self.chance.randrange(1, 255)}"
        self._is_told_later()

    def control_server_is_silent(self) -> None:
        """Restart Gluetun's control server, for less than it takes to be called down."""
        self.away["gluetun"] = self.now + self._some(5 * SECOND, SILENCE_IS_NOISE - 25 * SECOND)

    def client_restarts(self) -> None:
        """Forget where it is seen, too."""
        self.away["client"] = self.now + self._some(5 * SECOND, 2 * MINUTE)
        self.connected, self.told_at = "", self.now + self._some(20 * SECOND, 20 * MINUTE)

    def client_is_slow(self) -> None:
        """Answer too late for a while."""
        self.away["client"] = self.now + self._some(SECOND, 9 * SECOND)

    def client_is_cut_off(self) -> None:
        """Say that it has no connection."""
        self.cut_off = self.now + self._some(SECOND, 15 * SECOND)

    def service_lies(self) -> None:
        """Have one service say something wrong for hours."""
        lie = self.chance.choice([self.home, self.end, ELSEWHERE])
        self.lies = {self.chance.choice(SERVICES): (lie, self.now + self._some(MINUTE, 8 * HOUR))}

    def services_are_away(self) -> None:
        """Have some of the services not answer, or all."""
        for service in self.chance.sample(SERVICES, self.chance.randrange(1, len(SERVICES) + 1)):
            self.away[service] = self.now + self._some(MINUTE, 2 * HOUR)

    def line_gets_another_address(self) -> None:
        """Give the home another address."""
        self.home = f"198.51.100.{self.chance.randrange(1, 255)}"

    def sleeps(self) -> None:
        """Let nothing run for hours. A leak is still there after that: nothing could leak or be mended meanwhile."""
        night = self._some(HOUR, 9 * HOUR)
        if self.leak is not None:
            self.leak_shows_at, self.leak_ends_at = self.leak_shows_at + night, self.leak_ends_at + night
            self.client_told_at += night
        self.advance(night)

    def begin_leak(self, at: datetime) -> None:
        """Leak for a while, since a moment between two looks; it shows after another, as somebody has to tell."""
        self.noticed = self.told = False
        open_ = self.containment is Containment.OPEN
        self.leak = self.chance.choice([Leak.ROUTED, Leak.CUT]) if open_ else Leak.UNBOUND
        if self.leak is Leak.CUT:
            self.leak_shows_at = self.leak_ends_at = at + CUT_FOR
            self.client_told_at = at + self._some(5 * MINUTE, 2 * CUT_FOR)
            return
        late = self._some(SECOND, MINUTE) if self.leak is Leak.ROUTED else timedelta()
        self.leak_shows_at, self.leak_ends_at = at + late, at + late + 10 * MINUTE

    def _some(self, least: timedelta, most: timedelta) -> timedelta:
        return least + (most - least) * self.chance.random()

    def _is_told_later(self) -> None:
        """Tell the client of the tunnel's new end, unless it is about to hear of one for the first time."""
        if not self.believes_home:
            self.told_at = self.now + self._some(2 * SECOND, 15 * MINUTE)

    @property
    def believes_home(self) -> bool:
        """Whether the client shows an address of the line from when the tunnel was cut."""
        return self.connected.startswith("198.51.100.")

    @property
    def believes_nobody(self) -> bool:
        """Whether it sticks to that, whoever says otherwise: a qBittorrent 5.3.0 did for as long as it was watched."""
        return self.believes_home and self.listens_since == START

    def listens_anew(self, since: datetime) -> None:
        """Listen on another port for a moment: then it believes whoever tells it first."""
        if self.believes_nobody:
            self.listens_since, self.told_at = since, self.now + self._some(2 * SECOND, 5 * MINUTE)

    def starts(self) -> None:
        """Run again what was stopped."""
        self.held = self.stopped = False

    # --- what is said of it ------------------------------------------------------------------------------------------

    def shows(self, leak: Leak) -> bool:
        """Tell whether such a leak shows now."""
        return self.leak is leak and self.now >= self.leak_shows_at

    def address_shown(self) -> str | None:
        """Return where the client says that it is seen."""
        return self.home if self.shows(Leak.ROUTED) else self.connected or None

    def service_says(self, service: str, *, through: bool) -> str | None:
        """Return the address that a service names; None: it doesn't answer."""
        cut = self.leak is Leak.CUT
        if self.is_away(service) or (through and self.status is not VpnStatus.RUNNING and not cut):
            return None
        lie, until = self.lies.get(service, ("", START))
        if self.now < until:
            return lie
        return self.end if through and not cut else self.home

    def is_honest(self, service: str) -> bool:
        """Tell whether a service tells the truth now."""
        return self.now >= self.lies.get(service, ("", START))[1]

    def was_told(self, at: datetime) -> None:
        """Take it that the leak has shown since a moment in what enough services said."""
        self.leak_shows_at = min(self.leak_shows_at, at)
        self.told = True

    def hears_of_its_end(self) -> None:
        """Let a tracker that hears of the end of a torrent say where from, or not."""
        if self.leak is Leak.CUT and self.chance.random() < 0.5:
            self.client_told_at = min(self.client_told_at, self.now + SECOND)


NOISE: tuple[Callable[[Truth], None], ...] = (
    Truth.reconnects,
    Truth.roams,
    Truth.control_server_is_silent,
    Truth.client_restarts,
    Truth.client_is_slow,
    Truth.client_is_cut_off,
    Truth.service_lies,
    Truth.services_are_away,
)
#: How far apart things happen, on average.
NOISE_EVERY = 20 * MINUTE
RESTART_EVERY, LINE_EVERY, SLEEP_EVERY = 9 * HOUR, 20 * HOUR, 40 * HOUR


class Client:
    """The download client as the guard reaches it."""

    errors: tuple[type[Exception], ...] = (AwayError,)

    def __init__(self, truth: Truth, *, tells_address: bool, on_close: Callable[[], None]) -> None:
        self._truth, self._tells_address, self._on_close = truth, tells_address, on_close

    def _answer(self, shows: Leak | None = None) -> None:
        """Note that a leak of this kind could be seen in an answer, if there is an answer and a leak."""
        if self._truth.is_away("client"):
            raise AwayError
        if shows is not None and self._truth.shows(shows):
            self._truth.told = True

    async def transfer(self) -> Transfer:
        """Return how it is connected, and where it is seen."""
        self._answer(Leak.ROUTED)
        cut_off = self._truth.now < self._truth.cut_off
        return Transfer(
            connection=ConnectionStatus.DISCONNECTED if cut_off else ConnectionStatus.CONNECTED,
            external_ipv4=self._truth.address_shown() if self._tells_address else None,
        )

    async def settings(self) -> ClientSettings:
        """Return what it is bound to."""
        self._answer(Leak.UNBOUND)
        bound = self._truth.containment is Containment.BOUND and self._truth.leak is not Leak.UNBOUND
        return ClientSettings(interface="tun0" if bound else "", interface_address="")

    async def interfaces(self) -> tuple[str, ...]:
        """Return which interfaces there are."""
        return ("tun0",)

    @property
    def held(self) -> bool:
        """Whether the guard holds it."""
        return self._truth.held

    async def close(self) -> int:
        """Stop. That is noted before it is done, as it is in earnest."""
        if not self._truth.held:
            self._truth.held = True
            self._on_close()
            self._truth.hears_of_its_end()
        self._answer()
        self._truth.stopped = True
        return 1

    async def reopen(self) -> bool:
        """Start again."""
        self._answer()
        if self._truth.held:
            self._truth.starts()
        return True


@dataclass
class Found:
    """What a stretch of time showed. `noticed`: from when a leak showed until all was stopped."""

    steps: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    rightly: Counter[str] = field(default_factory=Counter)
    wrongly: list[str] = field(default_factory=list)
    leaks: int = 0
    missed: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # over before the client gave an answer that it showed in
    noticed: list[timedelta] = field(default_factory=list)
    held: timedelta = timedelta()


class Watch:
    """A guard, and the noise around it."""

    def __init__(
        self,
        containment: Containment,
        *,
        tells_address: bool,
        seed: int,
        leak_every: timedelta | None = LEAK_EVERY,
        policy: VpnPolicy | None = None,
    ) -> None:
        self._chance, self._policy = random.Random(seed), policy
        self._truth = Truth(self._chance, containment, on_leak_over=self._leak_is_over)
        self._tells_address, self._leak_every = tells_address, leak_every
        self._look_every = BOUND_EVERY if containment is Containment.BOUND else timedelta()
        self.found = Found()
        self._held_since = START  # without a leak
        self._looked_at = START
        self._down_at = START - DAY  # when the tunnel was last not up
        self._tunnel_at = START - DAY
        self._begin_asking()
        self._lane = self._begin(VpnMemory())

    def _begin_asking(self) -> None:
        self._paces = {way: Pace() for way in WAYS}
        self._said: dict[str, dict[str, Seen[Said]]] = {way: {} for way in WAYS}
        self._on_the_way: list[tuple[str, Seen[Said]]] = []

    def _begin(self, memory: VpnMemory) -> VpnLane:
        """Start a guard with what is remembered."""
        open_ = self._truth.containment is Containment.OPEN
        protection = Protection(
            client="qBittorrent", containment=self._truth.containment, interface=None if open_ else "tun0",
            gluetun=True, proxy=True, tells_address=self._tells_address,
        )  # fmt: skip
        client = Client(self._truth, tells_address=self._tells_address, on_close=self._closed)
        return VpnLane(client, protection, memory=memory, policy=self._policy)

    async def run(self, span: timedelta) -> Found:
        """Let it watch for so long."""
        truth, end = self._truth, self._truth.now + span
        moments = self._moments()
        at, what = next(moments)
        while truth.now < end or truth.leak is not None:
            while at <= truth.now < end:
                self._let(what, at)
                at, what = next(moments)
            self._tell()
            self._looked_at = truth.now
            pause = await self._lane.step(lambda: truth.now)
            if self._lane.misled_since is not None:
                truth.listens_anew(self._lane.misled_since)
            self.found.steps += 1
            self.found.held += pause if truth.held else timedelta()
            self._follow_leak()
            self._let_a_person_look()
            truth.advance(max(pause, self._look_every))
        return self.found

    def _moments(self) -> Iterator[tuple[datetime, str]]:
        """Yield what happens, and when."""
        every = {"noise": NOISE_EVERY, "restart": RESTART_EVERY, "line": LINE_EVERY, "sleep": SLEEP_EVERY}
        if self._leak_every is not None:
            every["leak"] = self._leak_every
        due = {what: START + HOUR + pause * self._chance.random() for what, pause in every.items()}
        while True:
            what = min(due, key=lambda each: due[each])
            yield due[what], what
            due[what] += every[what] * (0.5 + self._chance.random())

    def _let(self, what: str, at: datetime) -> None:
        truth = self._truth
        match what:
            case "noise":
                happens = self._chance.choice(NOISE)
                what = happens.__name__
                happens(truth)
            case "restart":
                self._lane = self._begin(VpnMemory.from_json(self._lane.memory.as_json(), truth.now))
                self._tunnel_at = START - DAY
                self._begin_asking()
            case "line":
                truth.line_gets_another_address()
            case "sleep":
                truth.sleeps()
                self._looked_at = truth.now  # what comes next comes after it
            case _ if truth.leak is not None or truth.held or truth.is_away("client"):
                return
            case _:
                truth.begin_leak(max(at, self._looked_at))
                self.found.leaks += 1
        self.found.happened[what] += 1

    def _tell(self) -> None:
        """Let the guard know what its own polls would have found."""
        truth, lane = self._truth, self._lane
        if truth.status is not VpnStatus.RUNNING:
            self._down_at = truth.now
        if truth.now - self._tunnel_at >= TUNNEL_EVERY:
            self._tunnel_at = truth.now
            if not truth.is_away("gluetun"):
                up = truth.status is VpnStatus.RUNNING
                snapshot = VpnSnapshot(version="v3.41.1", status=truth.status, public_ip=truth.end if up else None)
                lane.tunnel = Seen(value=snapshot, at=truth.now)
        wanted, after = (lane.verdict.ask, lane.verdict.ask_after) if lane.verdict is not None else (False, None)
        for way, pace in self._paces.items():
            if pace.is_due(truth.now, wanted=wanted, after=after):
                self._ask_services(way)
        self._hear()

    def _ask_services(self, way: str) -> None:
        """Ask all of them at once, as the look-out does: each answers when it likes, with what is true now."""
        truth, witnesses = self._truth, []
        for service in SERVICES:
            address = truth.service_says(service, through=way == "through")
            if address is not None:
                least, most = SERVICES_TAKE
                took = least + (most - least) * self._chance.random()
                said = Said(service=service, address=address)
                self._on_the_way.append((way, Seen(value=said, at=truth.now + took, took=took)))
                if truth.is_honest(service):
                    witnesses.append(truth.now + took)
        if truth.leak is Leak.CUT and way == "through" and len(witnesses) >= WITNESSES:
            truth.was_told(sorted(witnesses)[WITNESSES - 1])

    def _hear(self) -> None:
        """Let answers come in that are here by now."""
        if not self._on_the_way:
            return
        for way, answer in [each for each in self._on_the_way if each[1].at <= self._truth.now]:
            self._on_the_way.remove((way, answer))
            self._said[way][answer.value.service] = answer
        self._lane.through = tuple(self._said["through"].values())
        self._lane.outside = tuple(self._said["outside"].values())

    def _closed(self) -> None:
        truth, verdict = self._truth, self._lane.verdict
        why = ", ".join(reason.key for reason in verdict.reasons) if verdict is not None else ""
        if truth.leak is Leak.CUT:
            truth.leak_shows_at = min(truth.leak_shows_at, truth.now)
        if truth.leak is not None and truth.now >= truth.leak_shows_at:
            self.found.rightly["leak" if truth.leak is not Leak.CUT else "tunnel is cut"] += 1
        elif truth.now - self._down_at <= 2 * TUNNEL_EVERY:
            self.found.rightly["tunnel is down"] += 1
        else:
            self.found.wrongly.append(f"{truth.now:%d %H:%M:%S} {why}; {truth}")

    def _let_a_person_look(self) -> None:
        """Let the guard be switched off and on when it goes on to hold something long after a leak."""
        truth = self._truth
        if not truth.held or truth.leak is not None:
            self._held_since = truth.now
        elif truth.now - self._held_since >= PERSON_LOOKS_AFTER:
            self._lane.forgive(truth.now)
            self._held_since = truth.now
            self.found.happened["a person looked"] += 1

    def _follow_leak(self) -> None:
        """Count a leak as noticed once all is stopped, from when somebody who asks the client could see it."""
        truth = self._truth
        if truth.leak is None or truth.noticed or truth.is_away("client") or truth.now < truth.leak_shows_at:
            return
        lasted = truth.now - max(truth.leak_shows_at, truth.away.get("client", START))
        if truth.stopped:
            truth.noticed = True
            self.found.noticed.append(lasted)
        elif lasted > TOO_LATE:
            self._miss()
            truth.leak = None

    def _leak_is_over(self) -> None:
        """Account for a leak that ends by itself: whoever could have seen it has missed it."""
        if self._truth.told and not self._truth.noticed:
            self._miss()
        elif not self._truth.noticed:
            self.found.unseen.append(f"{self._truth.now:%d %H:%M:%S} {self._truth}")

    def _miss(self) -> None:
        self.found.missed.append(f"{self._truth.now:%d %H:%M:%S} {self._lane.verdict}; {self._truth}")


SETUPS = {
    "open, qBittorrent 5.3": (Containment.OPEN, True),
    "bound, qBittorrent 5.3": (Containment.BOUND, True),
    "bound, qBittorrent 4.5": (Containment.BOUND, False),
}


def main(arguments: Sequence[str]) -> int:
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/bench noise", description=__doc__)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leak-every", type=float, default=LEAK_EVERY / HOUR, help="hours, on average")
    parser.add_argument("--without-leaks", action="store_true")
    chosen = parser.parse_args(arguments)
    failed = False
    for name, (containment, tells_address) in SETUPS.items():
        watch = Watch(
            containment,
            tells_address=tells_address,
            seed=chosen.seed,
            leak_every=None if chosen.without_leaks else chosen.leak_every * HOUR,
        )
        found = asyncio.run(watch.run(chosen.days * DAY))
        print(f"{name}: {chosen.days:g} days, {found.steps} looks, {sum(found.happened.values())} disturbances")
        print("  " + ", ".join(f"{what} {count}" for what, count in sorted(found.happened.items())))
        rightly = ", ".join(f"{what} {count}" for what, count in sorted(found.rightly.items())) or "never"
        print(f"  stopped with reason: {rightly}; without one: {len(found.wrongly)}")
        print(f"  leaks: {found.leaks}, missed: {len(found.missed)}, never to be seen: {len(found.unseen)}"
              f"; held for {found.held / HOUR:.1f} h in all")  # fmt: skip
        if found.noticed:
            seconds = sorted(each.total_seconds() for each in found.noticed)
            print(f"  from when it showed: median {statistics.median(seconds):.1f} s, most {seconds[-1]:.1f} s"
                  f", p95 {percentile(seconds, 0.95):.1f} s")  # fmt: skip
        for each in (*found.wrongly, *found.missed, *found.unseen)[:5]:
            print(f"  {each}")
        accounted = len(found.noticed) + len(found.missed) + len(found.unseen)
        failed = failed or bool(found.wrongly or found.missed or accounted != found.leaks)
    return int(failed)
