"""One change of the VPN server: proven, or undone.

A server works when the tunnel is up again and has another address than before. Three servers are tried at most; then
it goes back to the one before. If not even that works any more, the tunnel is left to heal itself: Gluetun does, and
whoever interferes starts its clock anew.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from .servers import Records, Sample, ServerPolicy, choose, learn


class Stage(StrEnum):
    """How far a change of the server is."""

    SWITCHING = "switching"  # the tunnel was told, and has to prove that it works
    BACK = "back"  # none did: it was told to use the one before
    DONE = "done"
    KEPT = "kept"  # the one before is used again
    LOST = "lost"  # not even that works


#: Nothing is to come after these.
ENDED = frozenset({Stage.DONE, Stage.KEPT, Stage.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A change of the server that is under way. `server` is the one that the tunnel was told to use, `told_at` when."""

    stage: Stage
    previous: str
    candidates: tuple[str, ...]
    server: str
    told_at: datetime
    address_before: str | None = None
    tried: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what of a change that is under way has to outlive a restart."""
        return {
            "stage": str(self.stage),
            "previous": self.previous,
            "candidates": list(self.candidates),
            "server": self.server,
            "address_before": self.address_before,
            "tried": list(self.tried),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], now: datetime) -> Rotation:
        """Return a stored change: the server has its time to prove itself from now on.

        Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it.
        """
        return cls(
            stage=Stage(stored["stage"]),
            previous=stored["previous"],
            candidates=tuple(stored["candidates"]),
            server=stored["server"],
            told_at=now,
            address_before=stored["address_before"],
            tried=tuple(stored["tried"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelFacts:
    """What a tunnel shows after it was told to use another server.

    `refused`: it didn't take the server at all. `leaks`: its address is ours, whatever else it says.
    """

    connected: bool | None
    address: str | None = None
    asked_at: datetime | None = None
    refused: bool = False
    leaks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What comes of a look: the server to tell the tunnel now (None: none), and what was learned."""

    tell: str | None = None
    learned: Mapping[str, Sample] = MappingProxyType({})


def begin(candidates: Collection[str], previous: str, server: str, address: str | None, now: datetime) -> Rotation:
    """Begin a change to a server, which the tunnel is to be told now. `address` is where it comes out until then."""
    return Rotation(
        stage=Stage.SWITCHING,
        previous=previous,
        candidates=tuple(candidates),
        server=server,
        told_at=now,
        address_before=address,
        tried=(server,),
    )


def advance(
    rotation: Rotation, facts: TunnelFacts, records: Records, policy: ServerPolicy, now: datetime
) -> tuple[Rotation, Order]:
    """Take in a look at the tunnel: it works, it may yet, or the next one is tried."""
    if rotation.stage in ENDED:
        return rotation, Order()
    goes_back, server = rotation.stage is Stage.BACK, rotation.server
    if _works(rotation, facts):
        stage = Stage.KEPT if goes_back else Stage.DONE
        return replace(rotation, stage=stage), Order(learned={server: Sample(works=True)})
    deadline = rotation.told_at + (policy.proof_back if goes_back else policy.proof)
    if now < deadline and not facts.refused and not facts.leaks:
        return rotation, Order()
    failed = {server: Sample(works=False)}
    if goes_back:
        return replace(rotation, stage=Stage.LOST), Order(learned=failed)
    following = _next(rotation, learn(records, server, failed[server], policy, now), policy, now)
    if following is None:
        back = replace(rotation, stage=Stage.BACK, server=rotation.previous, told_at=now)
        return back, Order(tell=rotation.previous, learned=failed)
    told = replace(rotation, server=following, told_at=now, tried=(*rotation.tried, following))
    return told, Order(tell=following, learned=failed)


def _works(rotation: Rotation, facts: TunnelFacts) -> bool:
    """Tell whether the server works: the tunnel is up and has an address, looked at after it was told.

    Another server has another address; the address from before is left over from a look at the old connection. When
    it goes back, that may well be the same.
    """
    if facts.leaks or facts.refused or not facts.connected or not facts.address:
        return False
    if facts.asked_at is None or facts.asked_at < rotation.told_at:
        return False
    return rotation.stage is Stage.BACK or facts.address != rotation.address_before


def _next(rotation: Rotation, records: Records, policy: ServerPolicy, now: datetime) -> str | None:
    """Return the next server to try, if there may be one more."""
    if len(rotation.tried) >= policy.tries:
        return None
    return choose(
        records, rotation.candidates, rotation.previous, policy, now, must_move=True, not_these=rotation.tried
    ).server
