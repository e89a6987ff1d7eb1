"""The words of the VPN guard: what protects a client, what is remembered of it, and what holds now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Any

from ...model.reasons import Reason
from ...model.vpn import VpnSnapshot
from .addresses import Elsewhere, Home, Place, Voices, home_at, keep, keep_elsewhere, place_from
from .evidence import Seen


class VpnState(StrEnum):
    """How a client stands."""

    SAFE = "safe"  # proven: its swarms see it at the tunnel's end
    CONTAINED = "contained"  # it has no other way out
    UNVERIFIED = "unverified"  # nothing speaks against it, and nothing can prove it
    DOWN = "down"  # the tunnel is
    LEAKING = "leaking"  # proven
    DOUBTFUL = "doubtful"  # it may well leak, and nobody who could tell does: it is stopped until somebody can
    UNKNOWN = "unknown"  # for the moment nobody can tell


class Containment(StrEnum):
    """How a client is protected, as it was set up. What the client says of itself now is evidence."""

    NAMESPACE = "namespace"  # it shares the tunnel's network: that has no other way out
    BOUND = "bound"  # it has to be bound to the tunnel's interface
    OPEN = "open"  # by nothing but the guard
    NONE = "none"  # it isn't meant to be behind a VPN


class Proof(StrEnum):
    """What proves a leak."""

    ADDRESS = "address"  # the client's swarms see it at home
    EXIT = "exit"  # what goes through the tunnel comes out at home
    BINDING = "binding"  # it isn't bound where it has to be
    DRILL = "drill"  # pretended


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """One client and what protects it. Names are for people; `vpn_id` is the backend that can tell more."""

    client: str
    containment: Containment
    vpn: str = "VPN"
    vpn_id: str | None = None
    interface: str | None = None  # the tunnel's, as the client sees it
    gluetun: bool = False  # the tunnel has a control server that we ask
    proxy: bool = False  # an address can be asked for through the tunnel
    tells_address: bool = False  # the client says where it is seen (qBittorrent 5.1 and newer)


@dataclass(frozen=True, slots=True, kw_only=True)
class VpnPolicy:
    """How long things count, and how long is waited."""

    client_lasts: timedelta = timedelta(seconds=10)  # it is read several times a second where a leak is possible
    settings_last: timedelta = timedelta(seconds=90)
    tunnel_lasts: timedelta = timedelta(seconds=25)  # two polls of 10 s may fail
    said_lasts: timedelta = timedelta(minutes=45)  # services are asked every half hour
    repeat: timedelta = timedelta(minutes=10)  # so long has a service that is alone to say the same
    home_lasts: timedelta = timedelta(hours=6)  # an older look at our own address proves nothing any more
    patience: timedelta = timedelta(seconds=60)  # with not knowing
    doubt: timedelta = timedelta(seconds=12)  # so long may nobody tell whether an address is home: services need 5 s
    doubt_lasts: timedelta = timedelta(days=1)  # where home was told so lately, it can be told, and silence means much
    silence_is_down: bool = True  # what a tunnel is after that, of which nothing was heard; else it stays unknown
    disconnected: timedelta = timedelta(seconds=20)  # so long may a contained client have no connection
    calm: timedelta = timedelta(seconds=10)  # so long has it to look right after the tunnel was down
    calm_after_leak: timedelta = timedelta(seconds=60)
    trial: timedelta = timedelta(minutes=10)  # so long may a client go on to show an address from before the cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The address that a client shows, without a break since a moment."""

    place: Place
    since: datetime
    moved: bool = False  # it showed another one before
    foreign: bool = False  # our own address was another one meanwhile: this is none of ours
    forgiven_until: datetime | None = None  # until then it may be from before the cure

    def is_forgiven(self, now: datetime) -> bool:
        """Whether it is no proof for now."""
        return self.forgiven_until is not None and now < self.forgiven_until

    def is_new_since(self, moment: datetime) -> bool:
        """Whether it is shown since after a moment, instead of another one."""
        return self.moved and self.since > moment


class Binding(Enum):
    """Where a client is bound to, measured by where it has to be."""

    TUNNEL = auto()
    NOWHERE = auto()  # the loopback: nothing leaves (Gluetun's hook for the end of a connection sets that)
    ANY = auto()  # whatever network there is
    ELSEWHERE = auto()  # another interface
    ADDRESS = auto()  # an address instead of an interface: nobody can tell whose that is


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The guard has closed, and stays so until it looks right for long enough."""

    state: VpnState  # DOUBTFUL, DOWN or LEAKING
    stop: bool
    reasons: tuple[Reason, ...] = ()
    proof: Proof | None = None
    held_since: datetime | None = None  # it leaks although what contains it was in force since then
    refuted: bool = False  # for so long that it can't be what keeps it inside
    wants_word: bool = False  # the VPN used to say whether it is up: that it tells no more is no reason to open
    came_out_here: bool = False  # what goes through the tunnel did since then, as services said: they have to say more


@dataclass(frozen=True, slots=True, kw_only=True)
class VpnMemory:
    """What is remembered between two looks. Only what `as_json` gives has to outlive a restart."""

    homes: tuple[Home, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    closed: Closed | None = None
    inside: Voices = MappingProxyType({})  # who said what of the tunnel's end
    outside: Voices = MappingProxyType({})  # and of our own address
    tunnel: Seen[VpnSnapshot] | None = None  # the look that was last taken in
    tunnel_since: datetime | None = None  # its present connection was made; None: before we looked
    connected: bool | None = None
    tunnel_address: str | None = None
    along_at: datetime | None = None  # the client was seen where services through the tunnel are, and we are not
    shown: Mapping[int, Shown] = MappingProxyType({})  # by version of the internet protocol
    binding: Binding | None = None
    cured: bool = False  # what contains it was seen to come into force again, and is
    doubt_since: datetime | None = None
    doubt: VpnState | None = None  # what not knowing turns into
    disconnected_since: datetime | None = None
    calm_since: datetime | None = None
    state: VpnState = VpnState.UNKNOWN
    since: datetime | None = None

    def home_told_at(self, version: int) -> datetime | None:
        """Return when our own address was last told, whichever it was then; None: never."""
        return max((home.confirmed_at for home in self.homes if home.place.version == version), default=None)

    def is_foreign(self, place: Place) -> bool:
        """Whether a place is known not to be ours, wherever the tunnel ends."""
        shown = any(each.foreign and each.place == place for each in self.shown.values())
        return shown or any(each.place == place for each in self.elsewhere)

    def forgiven(self, until: datetime | None) -> VpnMemory:
        """Return it with what the client shows now being no proof for so long; None: it is one again."""
        shown = {version: replace(each, forgiven_until=until) for version, each in self.shown.items()}
        return replace(self, shown=shown)

    def is_misled(self, now: datetime) -> bool:
        """Whether the client goes on to show an address of ours that it was told of before the cure."""
        return any(each.is_forgiven(now) and home_at(self.homes, each.place) for each in self.shown.values())

    def on_another_way(self) -> VpnMemory:
        """Return it after services began to be asked another way: what they said so far tells nothing of that."""
        return replace(self, along_at=None, inside=MappingProxyType({}))

    def as_json(self) -> dict[str, Any]:
        """Return what has to be stored. It holds addresses of the person's home: never show or log it."""
        stored: dict[str, Any] = {
            "homes": [[str(home.place), home.confirmed_at.timestamp(), home.distinct] for home in self.homes],
            "elsewhere": [[str(each.place), each.known_at.timestamp()] for each in self.elsewhere],
            "along_at": self.along_at and self.along_at.timestamp(),
        }
        if self.closed is not None and self.closed.proof is not Proof.DRILL:
            stored["closed"] = {
                "state": str(self.closed.state),
                "since": self.since and self.since.timestamp(),
                "stop": self.closed.stop,
                "proof": self.closed.proof and str(self.closed.proof),
                "refuted": self.closed.refuted,
                "wants_word": self.closed.wants_word,
                "came_out_here": self.closed.came_out_here,
            }
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], now: datetime) -> VpnMemory:
        """Return what was stored. Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it."""
        homes = tuple(
            Home(place=place_from(text), confirmed_at=datetime.fromtimestamp(at, now.tzinfo), distinct=bool(distinct))
            for text, at, distinct in stored.get("homes", ())
        )
        elsewhere = tuple(
            Elsewhere(place=place_from(text), known_at=datetime.fromtimestamp(at, now.tzinfo))
            for text, at in stored.get("elsewhere", ())
        )
        along_at = datetime.fromtimestamp(at, now.tzinfo) if (at := stored.get("along_at")) else None
        memory = cls(homes=keep(homes, now), elsewhere=keep_elsewhere(elsewhere, now), along_at=along_at)
        if (was := stored.get("closed")) is None:
            return memory
        closed = Closed(
            state=VpnState(was["state"]),
            stop=bool(was["stop"]),
            reasons=(Reason(key="guard.vpn_closed_before"),),
            proof=Proof(was["proof"]) if was["proof"] else None,
            refuted=bool(was["refuted"]),
            wants_word=bool(was.get("wants_word")),
            came_out_here=bool(was.get("came_out_here")),
        )
        since = datetime.fromtimestamp(was["since"], now.tzinfo) if was["since"] else now
        return replace(memory, closed=closed, state=closed.state, since=since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What holds now.

    `stop`: nothing may run at the client, whoever starts it. `gate_open`: what its downloads look like can be trusted.
    `ask`: the services that name addresses could settle this now, and best by an answer from `ask_after` or later.
    `again`: ask the guard again then, also if nothing new was seen; None: there is nothing to wait for.
    """

    state: VpnState
    since: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    proof: Proof | None = None
    stop: bool = False
    gate_open: bool = False
    ask: bool = False
    ask_after: datetime | None = None
    again: datetime | None = None
