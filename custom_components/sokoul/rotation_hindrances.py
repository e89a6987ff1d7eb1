"""What forbids that the server of a VPN is changed now: its guards are at something, or somebody would be disturbed."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER
from homeassistant.util import dt as dt_util

from .autopilot.guards.port import PortState
from .autopilot.guards.vpn_case import Case
from .autopilot.guards.vpn_types import Proof, VpnState
from .entity_choice import ON, UNTOLD, entity_id_of
from .model.downloads import DownloadState
from .model.vpn import VpnStatus

if TYPE_CHECKING:
    from homeassistant.core import State

    from .guarding import ClientGuard
    from .hub import AnyCoordinator
    from .wording import Wording

#: What proves that the tunnel itself leaks, and not that somebody set the client up otherwise.
_OF_TUNNEL = frozenset({Proof.ADDRESS, Proof.EXIT})


def hindrances(vpn: AnyCoordinator, guards: Iterable[ClientGuard], words: Wording) -> Iterator[str]:
    """Yield what forbids it, whoever wants it: a change never crosses what a guard is at."""
    if not vpn.answering:
        yield words.text("rotation.away", name=vpn.title)
    elif vpn.data.status in {VpnStatus.STOPPED, VpnStatus.STOPPING}:
        yield words.text("rotation.stopped", name=vpn.title)
    for guard in guards:
        if (why := _closed(guard)) is not None:
            yield words.text(f"rotation.{why}", name=guard.backend.title)


def disturbed(
    vpn: AnyCoordinator, guards: Iterable[ClientGuard], vetoes: Iterable[str], words: Wording
) -> Iterator[str]:
    """Yield whom it would disturb at night."""
    for guard in guards:
        if (why := _busy(guard)) is not None:
            yield words.text(f"rotation.{why}", name=guard.backend.title)
    for entity_id in (entity_id_of(vpn.hass, each) for each in vetoes):
        state = vpn.hass.states.get(entity_id)
        if state is not None and state.state in ON:
            yield words.text("rotation.on", name=state.name)
        elif _untold(state):
            yield words.text("rotation.untold", name=state.name if state is not None else entity_id)


def is_idle(guards: Iterable[ClientGuard]) -> bool:
    """Tell whether no client fetches anything, as far as each of them says."""
    return all(_busy(guard) is None for guard in guards)


def leaks(guard: ClientGuard, proofs: Collection[Proof] = frozenset(Proof)) -> bool:
    """Tell whether a client was proven to leak, by one of these proofs."""
    verdict = guard.verdict
    return verdict is not None and verdict.state is VpnState.LEAKING and verdict.proof in proofs


def shows_leak_of_tunnel(guard: ClientGuard, since: datetime) -> bool:
    """Tell whether a client proves that the tunnel itself leaks as it is since a moment.

    One that has another way out shows our own address because it took that. And a proof from before is none any more:
    what is stopped goes on showing where it was seen last.
    """
    verdict = guard.verdict
    if verdict is None or verdict.since is None or verdict.since <= since or not leaks(guard, _OF_TUNNEL):
        return False
    return verdict.proof is Proof.EXIT or _is_contained(guard)


def _is_contained(guard: ClientGuard) -> bool:
    lane = guard.lane
    return Case(
        memory=lane.memory,
        evidence=lane.evidence,
        protection=lane.protection,
        policy=lane.policy,
        now=dt_util.utcnow(),
    ).contained


def _closed(guard: ClientGuard) -> str | None:
    """Return what the guard of a client is at."""
    if guard.lane.drill:  # which looks like a leak
        return "drill"
    if leaks(guard):
        return "leaks"
    if guard.held and not _waits_for_tunnel(guard):
        return "held"
    port = guard.port.verdict
    return "port" if port is not None and port.state is PortState.WAKING else None


def _waits_for_tunnel(guard: ClientGuard) -> bool:
    """Tell whether a client is held for nothing but that the tunnel is down, which another server may end."""
    return guard.verdict is not None and guard.verdict.state is VpnState.DOWN


def _untold(state: State | None) -> bool:
    """Tell whether nobody knows if an entity is on. Players are unavailable while nothing plays (Plex, Jellyfin)."""
    return state is None or (state.domain != MEDIA_PLAYER and state.state in UNTOLD)


def _busy(guard: ClientGuard) -> str | None:
    """Return why a client may not be disturbed: it fetches something, or nobody knows whether it does."""
    if not guard.backend.answering:
        return "away"
    return "busy" if guard.backend.data.totals.count(DownloadState.DOWNLOADING) else None
