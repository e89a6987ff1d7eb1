"""What is published of a guard's evidence: what each piece says, when it was had, and how long it took to have it.

Whose addresses are whose is told, the addresses themselves are not: what is published is stored and shown to many.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ...model.downloads import ClientSettings
from .addresses import home_at
from .evidence import Evidence, Seen
from .vpn_case import IP_VERSIONS, Case
from .vpn_types import Protection, VpnMemory, VpnPolicy


class Where(StrEnum):
    """Where a client and its tunnel come out, by one version of the internet protocol."""

    HOME = "home"  # at least one of them at an address of ours
    ELSEWHERE = "elsewhere"  # proven not to be ours
    UNVERIFIED = "unverified"  # somewhere, and our own address isn't known, or not since then
    NONE = "none_seen"  # nobody saw any of them


class Heard(StrEnum):
    """What the services that were asked past the tunnel agree on."""

    AGREED = "agreed"
    ONE = "one_service"
    CONTRADICTORY = "contradictory"
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of evidence. Without `seen` it follows from others."""

    says: str
    seen: Seen[Any] | None = None

    def as_attribute(self) -> dict[str, Any]:
        """Return it as it is shown; what took no time that is known leaves that out."""
        shown: dict[str, Any] = {"says": str(self.says)}
        if self.seen is not None:
            shown["at"] = self.seen.at.isoformat(timespec="seconds")
            if self.seen.took:
                shown["milliseconds"] = round(self.seen.took / timedelta(milliseconds=1), 1)
        return shown


def pieces(
    memory: VpnMemory, evidence: Evidence, protection: Protection, policy: VpnPolicy, now: datetime
) -> Mapping[str, Piece]:
    """Return the pieces that there are, by their names."""
    case = Case(memory=memory, evidence=evidence, protection=protection, policy=policy, now=now)
    found: dict[str, Piece] = {}
    if evidence.client is not None:
        found["client"] = Piece(says=str(evidence.client.value.connection), seen=evidence.client)
    if evidence.settings is not None:
        found["binding"] = Piece(says=_bound(evidence.settings.value), seen=evidence.settings)
    if protection.gluetun and evidence.tunnel is not None:
        found["vpn"] = Piece(says=str(evidence.tunnel.value.status), seen=evidence.tunnel)
        if evidence.tunnel.value.dns_status is not None:
            found["dns"] = Piece(says=str(evidence.tunnel.value.dns_status), seen=evidence.tunnel)
    if evidence.outside:
        found["outside"] = Piece(says=_heard(case), seen=_newest(evidence.outside))
    if evidence.through:
        exits = [_where(case, version, shown=False) for version in IP_VERSIONS]
        found["through"] = Piece(says=_worst(exits), seen=_newest(evidence.through))
    for version in IP_VERSIONS:
        found[f"ipv{version}"] = Piece(says=_where(case, version))
    return found


def _bound(settings: ClientSettings) -> str:
    if settings.interface is None:
        return "unknown"
    return settings.interface or ("address" if settings.interface_address else "any")


def _newest[T](answers: Iterable[Seen[T]]) -> Seen[T]:
    return max(answers, key=lambda answer: answer.at)


def _heard(case: Case) -> Heard:
    opinions = [case.ours(version) for version in IP_VERSIONS]
    if any(each is not None and each.agreed for each in opinions):
        return Heard.AGREED
    if any(case.ours_in_dispute(version) for version in IP_VERSIONS):
        return Heard.CONTRADICTORY
    return Heard.ONE if any(opinions) else Heard.SILENT


def _where(case: Case, version: int, *, shown: bool = True) -> Where:
    """Tell where the client shows itself, and where the tunnel ends, or only the latter."""
    memory, end = case.memory, case.end(version)
    places = {end.place} if end is not None else set()
    if shown and version in memory.shown:
        places.add(memory.shown[version].place)
    if not places:
        return Where.NONE
    if any(home_at(memory.homes, place) is not None for place in places):
        return Where.HOME
    told_at = memory.home_told_at(version)
    if told_at is None:
        return Where.UNVERIFIED
    client = memory.shown.get(version) if shown else None
    if client is None or memory.is_foreign(client.place) or (end is not None and end.place == client.place):
        return Where.ELSEWHERE
    return Where.ELSEWHERE if told_at >= client.since else Where.UNVERIFIED  # our line may have got it since


def _worst(places: Iterable[Where]) -> Where:
    return min(places, key=list(Where).index)
