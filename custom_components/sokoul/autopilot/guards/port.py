"""The forwarded port: a client behind a tunnel listens where the tunnel lets others in.

A tunnel gets a port when it connects, and may get another one the next time; 0 or none means that it has none yet,
and is never set: a client with port 0 takes any. Of several ports the one that the client has is kept. A random port
and UPnP are switched off: the first undoes all this at the next start, the second opens the house's own router.

What a client was told is believed when it was read back after that. What is refused, or changed back by another tool,
is tried again ever more rarely, and said. After a reconnect a client may go on listening on an interface that is gone,
on the right port, and hear nobody: another port and back makes it listen anew. Where the port stayed the same that is
done after each reconnect, because such a client goes on saying that it is connected, and takes the same port for no
change (seen at qBittorrent 4.5.2 with libtorrent 2.0.8; 5.3.0 helps itself). When it does say that nobody comes in, it
is tried a few times for each connection, and only while torrents run: nobody comes to a client that has nothing to
offer. To one that only offers what is complete perhaps nobody wants to come: that is no sign of anything until hours
have passed, and then it is tried once, and nothing is said.

Such a client that is bound to an interface reaches nobody either once that was made anew, forwarded port or not (seen
at 4.5.2, too). One that shares the tunnel's network and is bound to nothing calls others, but listens nowhere in the
tunnel any more, and tells no tracker of itself (seen at 4.5.2 and 5.3.0). Where none is forwarded both get another port
for a moment, and their own back.

One that was told of home while it leaked, and runs again after the cure, goes on to show that: it changes its mind only
when several others agree (seen at 5.3.0: not within a quarter of an hour). Once it listens anew it believes the first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from ...model.downloads import ClientSettings, ConnectionStatus
from ...model.reasons import Reason, Value
from .evidence import Seen


class PortState(StrEnum):
    """How the port stands."""

    IN_SYNC = "in_sync"
    SETTING = "setting"
    WAKING = "waking"
    DEAD = "dead"  # it is the right one, and nobody comes in
    FAILING = "failing"  # the client doesn't take it, or something else changes it back
    NOT_FORWARDED = "not_forwarded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What became of a write: the client took it, or not (refused, or no answer)."""

    at: datetime  # when that was known
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFacts:
    """What is known of a tunnel's ports and of the client behind it. Names are for people."""

    client: str
    vpn: str
    forwarded: Seen[tuple[int, ...]] | None = None  # to this client; None: nobody can tell
    taken: bool = False  # what is forwarded is for other clients behind the same tunnel
    settings: Seen[ClientSettings] | None = None  # None: the client doesn't answer
    connection: ConnectionStatus = ConnectionStatus.UNKNOWN
    active: bool = False  # torrents are fetched, or somebody fetches from it: others know of it
    offering: bool = False  # complete torrents run that somebody could come for
    unaware: bool = False  # it doesn't notice that the tunnel's interface was made anew
    misled_since: datetime | None = None  # it runs, and shows our own address, from before the cure of a leak
    tunnel_since: datetime | None = None  # the tunnel is connected; None: it isn't known since when
    client_since: datetime | None = None  # the client was started
    write: Write | None = None  # the last one


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPolicy:
    """How long is waited."""

    retry: timedelta = timedelta(seconds=5)  # doubled each time
    longest_retry: timedelta = timedelta(minutes=10)
    tell_after: int = 3  # tries
    answer: timedelta = timedelta(seconds=30)  # after that a write counts as failed
    settled: timedelta = timedelta(minutes=5)  # so long has it to stay right until earlier tries are forgotten
    firewalled: timedelta = timedelta(minutes=3)  # so long may nobody come in
    unwanted: timedelta = timedelta(hours=6)  # so long, where it only offers what is complete
    disconnected: timedelta = timedelta(seconds=20)  # so long may it not listen at all
    wakes: int = 2  # for each connection of the tunnel
    forwarding: timedelta = timedelta(minutes=1)  # so long may a tunnel that forwarded one take to do so again


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """Another port that a client has for a moment, and its own: 0 where it takes any."""

    own: int
    other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortMemory:
    """What is remembered between two looks; only what was lent has to be stored."""

    tunnel_since: datetime | None = None
    client_since: datetime | None = None
    misled_since: datetime | None = None
    wanted: int | None = None
    ordered_at: datetime | None = None  # the last write was ordered; None: everything is answered
    tries: int = 0
    next_at: datetime | None = None
    right_since: datetime | None = None
    alone_since: datetime | None = None  # nobody could come in since then, though somebody could want to
    alone_idle: bool = False  # meanwhile it only offered what is complete
    wakes: int = 0
    begun: bool = False  # it was asked before: what is known now of the tunnel differs from what was known then
    renew: str | None = None  # the reason, by its key, why it has to listen anew
    lent: Lent | None = None  # where none is forwarded: the client has to get its own back


@dataclass(frozen=True, slots=True, kw_only=True)
class PortVerdict:
    """What to do now.

    `write`: preferences to set, by their names in qBittorrent; read them back and tell what became of it. `read`: read
    the settings now. `report`: a person should know. `again`: ask again then, also if nothing has changed.
    """

    state: PortState
    reasons: tuple[Reason, ...] = ()
    port: int | None = None  # the one that it should be
    in_sync: bool | None = None  # None: nobody can tell
    write: Mapping[str, int | bool] = MappingProxyType({})
    read: bool = False
    report: bool = False
    again: datetime | None = None


def advance(memory: PortMemory, facts: PortFacts, policy: PortPolicy, now: datetime) -> tuple[PortMemory, PortVerdict]:
    """Take in what is known, and say what to do."""
    if (memory.tunnel_since, memory.client_since) != (facts.tunnel_since, facts.client_since):
        # a new connection or a new start: what was tried before counts for nothing, and nobody could come in meanwhile
        reconnected = memory.begun and facts.tunnel_since not in {None, memory.tunnel_since}
        memory = PortMemory(
            tunnel_since=facts.tunnel_since,
            client_since=facts.client_since,
            wanted=memory.wanted,
            misled_since=memory.misled_since,
            renew=_RECONNECTED if reconnected else memory.renew,
            lent=memory.lent,
        )
    memory = replace(memory, begun=True, misled_since=facts.misled_since, renew=_why_anew(memory, facts))
    ports = _ports(facts)
    if not ports:
        return _go_without(_rest(memory), facts, policy, now)
    memory = replace(memory, lent=None)  # it gets a better one
    if facts.settings is None or facts.settings.value.listen_port is None:
        return _rest(memory), _say(facts, PortState.UNKNOWN, "guard.port_silent")
    if _older(facts.settings, facts.client_since):
        return _rest(memory), replace(_say(facts, PortState.UNKNOWN, "guard.port_unread"), read=True)
    port = _choose(ports, facts.settings.value.listen_port, memory.wanted)
    if port != memory.wanted:
        memory = replace(memory, wanted=port, tries=0, next_at=None, right_since=None)
    memory, waiting = _answered(memory, facts, policy, now)
    if waiting is not None:
        return memory, replace(_say(facts, PortState.SETTING, "guard.port_set", port=port), read=True, again=waiting)
    if _is_right(facts.settings.value, port):
        return _keep(memory, facts, policy, now, port)
    return _set(replace(memory, right_since=None), facts, policy, now, port)


# --- what is known ---------------------------------------------------------------------------------------------------

_RECONNECTED, _MISLED = "guard.port_renew", "guard.port_misled"


def _why_anew(memory: PortMemory, facts: PortFacts) -> str | None:
    """Return why it has to listen anew, on the port that it has. Some notice a reconnect by themselves."""
    return _MISLED if facts.misled_since not in {None, memory.misled_since} else memory.renew


_HIGHEST = 65535


def _ports(facts: PortFacts) -> tuple[int, ...] | None:
    """Return the ports of the tunnel's present connection; None: nobody can tell."""
    if facts.forwarded is None or _older(facts.forwarded, facts.tunnel_since):
        return None
    return tuple(port for port in facts.forwarded.value if 0 < port <= _HIGHEST)


def _older(seen: Seen[tuple[int, ...]] | Seen[ClientSettings], than: datetime | None) -> bool:
    return than is not None and seen.asked_at < than


def _choose(ports: tuple[int, ...], current: int, before: int | None) -> int:
    """Return the port to listen on: the one that it has, the one that it had, the first."""
    if current in ports:
        return current
    return before if before is not None and before in ports else ports[0]


def _is_right(settings: ClientSettings, port: int) -> bool:
    return settings.listen_port == port and not settings.random_port and not settings.upnp


def _answered(
    memory: PortMemory, facts: PortFacts, policy: PortPolicy, now: datetime
) -> tuple[PortMemory, datetime | None]:
    """Return until when an answer to what was ordered, or its read-back, is waited for; None: there is nothing."""
    if memory.ordered_at is None:
        return memory, None
    written = facts.write if facts.write is not None and facts.write.at >= memory.ordered_at else None
    refused = written is not None and not written.accepted
    read = facts.settings is not None and written is not None and facts.settings.asked_at >= written.at
    deadline = memory.ordered_at + policy.answer
    if refused or read or now >= deadline:
        return replace(memory, ordered_at=None), None
    return memory, deadline


# --- what to do ------------------------------------------------------------------------------------------------------


def _rest(memory: PortMemory) -> PortMemory:
    return replace(memory, right_since=None, alone_since=None)


def _go_without(
    memory: PortMemory, facts: PortFacts, policy: PortPolicy, now: datetime
) -> tuple[PortMemory, PortVerdict]:
    """Leave the port alone; but who can't notice a new interface has to listen anew."""
    if _ports(facts) is None:
        rest = _say(facts, PortState.UNKNOWN, "guard.port_unknown")
    else:
        why = "guard.port_taken" if facts.taken else "guard.port_not_forwarded"
        rest = _say(facts, PortState.NOT_FORWARDED, why)
    if memory.lent is None:
        if memory.renew is None or (memory.renew == _RECONNECTED and not facts.unaware):
            return memory, rest
        due = (memory.tunnel_since or now) + policy.forwarding
        if memory.wanted is not None and now < due:
            return memory, replace(rest, again=due)
    settings = facts.settings
    if settings is None or settings.value.listen_port is None or _older(settings, facts.client_since):
        return memory, replace(rest, read=True)
    return _lend(memory, facts, policy, now, rest)


def _lend(
    memory: PortMemory, facts: PortFacts, policy: PortPolicy, now: datetime, rest: PortVerdict
) -> tuple[PortMemory, PortVerdict]:
    """Set another port, and the client's own when that was read back, unless somebody sets a third one meanwhile."""
    port = facts.settings.value.listen_port if facts.settings is not None else None
    memory, waiting = _answered(memory, facts, policy, now)
    lent = memory.lent or Lent(own=port or 0, other=next(iter(_beside(port or _DYNAMIC))))
    verdict = _say(facts, PortState.WAKING, memory.renew or "guard.port_returned", port=lent.own)
    if waiting is not None:
        return memory, replace(verdict, read=True, again=waiting)
    if port == lent.other:
        if memory.renew is not None:
            memory = replace(memory, renew=None, tries=0, next_at=None)
        write: Mapping[str, int | bool] = {"listen_port": lent.own} if lent.own else {"random_port": True}
    elif port == lent.own and memory.renew is not None:
        write = {"listen_port": lent.other}
    else:
        return replace(memory, renew=None, lent=None, tries=0, next_at=None), rest
    if memory.next_at is not None and now < memory.next_at:
        return memory, replace(verdict, again=memory.next_at)
    memory = replace(_count_try(memory, policy, now), lent=lent)
    return memory, replace(verdict, write=write, again=now + policy.answer)


def _count_try(memory: PortMemory, policy: PortPolicy, now: datetime) -> PortMemory:
    pause = min(policy.retry * (1 << min(memory.tries, _MOST_DOUBLINGS)), policy.longest_retry)
    return replace(memory, tries=memory.tries + 1, next_at=now + pause, ordered_at=now, alone_since=None)


def _set(
    memory: PortMemory, facts: PortFacts, policy: PortPolicy, now: datetime, port: int
) -> tuple[PortMemory, PortVerdict]:
    """Set the port, unless it is too early to try again."""
    failing = memory.tries >= policy.tell_after
    refused = facts.write is not None and not facts.write.accepted
    key = ("guard.port_refused" if refused else "guard.port_other") if failing else "guard.port_set"
    state = PortState.FAILING if failing else PortState.SETTING
    verdict = replace(_say(facts, state, key, port=port), in_sync=False, report=failing)
    if memory.next_at is not None and now < memory.next_at:
        return memory, replace(verdict, again=memory.next_at)
    memory = _count_try(memory, policy, now)
    if facts.settings is not None and facts.settings.value.listen_port != port:
        memory = replace(memory, renew=None)  # another port is listening anew
    return memory, replace(verdict, write=_values(port), again=now + policy.answer)


_MOST_DOUBLINGS = 16
_DYNAMIC = 49_151  # above it is nobody's port


def _values(port: int) -> Mapping[str, int | bool]:
    return {"listen_port": port, "random_port": False, "upnp": False}


def _keep(
    memory: PortMemory, facts: PortFacts, policy: PortPolicy, now: datetime, port: int
) -> tuple[PortMemory, PortVerdict]:
    """Leave what is right, and see that somebody can come in."""
    memory = replace(memory, right_since=memory.right_since or now)
    if memory.right_since is not None and now - memory.right_since >= policy.settled:
        memory = replace(memory, tries=0, next_at=None)
    if memory.renew is not None:
        return _wake(replace(memory, renew=None), facts, policy, now, port, memory.renew)
    in_sync = replace(_say(facts, PortState.IN_SYNC, "guard.port_applied", port=port), in_sync=True)
    if facts.connection is ConnectionStatus.CONNECTED:
        return replace(memory, alone_since=None, wakes=0), in_sync
    if facts.connection is ConnectionStatus.UNKNOWN or not (facts.active or facts.offering):
        return replace(memory, alone_since=None), in_sync
    disconnected = facts.connection is ConnectionStatus.DISCONNECTED
    idle = not (facts.active or disconnected)
    since = memory.alone_since if memory.alone_since is not None and memory.alone_idle is idle else now
    memory = replace(memory, alone_since=since, alone_idle=idle)
    exhausted = memory.wakes >= policy.wakes
    if idle and memory.wakes:
        return memory, _dead(in_sync, facts, port) if exhausted else in_sync
    due = since + _patience(policy, disconnected=disconnected, idle=idle)
    if now < due:
        return memory, replace(_dead(in_sync, facts, port) if exhausted else in_sync, again=due)
    if exhausted:
        return memory, _dead(in_sync, facts, port)
    return _wake(memory, facts, policy, now, port, "guard.port_wake")


def _patience(policy: PortPolicy, *, disconnected: bool, idle: bool) -> timedelta:
    if idle:
        return policy.unwanted
    return policy.disconnected if disconnected else policy.firewalled


def _wake(
    memory: PortMemory, facts: PortFacts, policy: PortPolicy, now: datetime, port: int, why: str
) -> tuple[PortMemory, PortVerdict]:
    """Set another port; the right one follows when that was read back."""
    ports = _ports(facts) or ()
    other = next(each for each in _beside(port) if each not in ports)
    memory = replace(memory, wakes=memory.wakes + 1, ordered_at=now, alone_since=None, next_at=None)
    verdict = replace(_say(facts, PortState.WAKING, why, port=port), in_sync=True)
    return memory, replace(verdict, write=_values(other), again=now + policy.answer)


def _dead(verdict: PortVerdict, facts: PortFacts, port: int) -> PortVerdict:
    dead = _say(facts, PortState.DEAD, "guard.port_dead", port=port)
    return replace(verdict, state=dead.state, reasons=dead.reasons, report=True)


def _beside(port: int) -> Iterable[int]:
    """Yield ports near this one, for a moment."""
    yield from range(port + 1, _HIGHEST + 1)
    yield from range(port - 1, 0, -1)


def _say(facts: PortFacts, state: PortState, key: str, port: int | None = None) -> PortVerdict:
    parameters: dict[str, Value] = {"client": facts.client, "vpn": facts.vpn}
    if port is not None:
        parameters["port"] = port
    return PortVerdict(state=state, port=port, reasons=(Reason(key=key, parameters=parameters),))
