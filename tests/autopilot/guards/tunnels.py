"""A guard with its clock, and short words for what it sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from custom_components.sokoul.autopilot.guards.evidence import Evidence, Said, Seen
from custom_components.sokoul.autopilot.guards.vpn import advance, forgive
from custom_components.sokoul.autopilot.guards.vpn_types import (
    Containment,
    Protection,
    Verdict,
    VpnMemory,
    VpnPolicy,
)
from custom_components.sokoul.model.downloads import ClientSettings, ConnectionStatus, Transfer
from custom_components.sokoul.model.vpn import VpnRoute, VpnSnapshot, VpnStatus
from tests.model.make import NOW

HOME, NEW_HOME, EXIT, OTHER_EXIT, STRANGE = "203.0.113.7", "203.0.113.99", "198.51.100.1", "198.51.100.2", "192.0.2.66"
HOME_V6, HOME_V6_LATER = "2001:db8:aaaa:1::7", "2001:db8:aaaa:1:ffff::1"
EXIT_V6 = "2001:db8:eeee:1::1"
POLICY = VpnPolicy()

#: A piece of evidence that doesn't come any more.
SILENT = object()

IN_NAMESPACE = Protection(
    client="qBittorrent", containment=Containment.NAMESPACE, vpn="Gluetun", gluetun=True, proxy=True,
    interface="tun0", tells_address=True,
)  # fmt: skip
BOUND = replace(IN_NAMESPACE, containment=Containment.BOUND)
OPEN = replace(IN_NAMESPACE, containment=Containment.OPEN, interface=None)
#: A VPN that isn't Gluetun: nothing is known of it but what the client shows.
BOUND_ALONE = replace(BOUND, gluetun=False, proxy=False)
OPEN_ALONE = replace(OPEN, gluetun=False, proxy=False)
NO_VPN = Protection(client="qBittorrent", containment=Containment.NONE)

RUNNING = VpnSnapshot(status=VpnStatus.RUNNING, public_ip=EXIT)
MOVED = replace(RUNNING, public_ip=OTHER_EXIT)
NO_ADDRESS_YET = VpnSnapshot(status=VpnStatus.RUNNING, settling=True)
STARTING = VpnSnapshot(status=VpnStatus.STARTING, settling=True)
STOPPING = VpnSnapshot(status=VpnStatus.STOPPING, settling=True)
STOPPED, CRASHED, COMPLETED = (
    VpnSnapshot(status=status) for status in (VpnStatus.STOPPED, VpnStatus.CRASHED, VpnStatus.COMPLETED)
)
REFUSED = VpnSnapshot(refused=frozenset({VpnRoute.STATUS, VpnRoute.PUBLIC_IP}))
NEWER = VpnSnapshot(public_ip=EXIT)


def at(v4: str | None = EXIT, v6: str | None = None, **fields: Any) -> Transfer:
    """Return a client that is seen at an address."""
    return Transfer(**{"connection": ConnectionStatus.CONNECTED, "external_ipv4": v4, "external_ipv6": v6} | fields)


UNTOLD = at(None)
DISCONNECTED = at(connection=ConnectionStatus.DISCONNECTED)


def bound(interface: str | None, address: str | None = "") -> ClientSettings:
    return ClientSettings(interface=interface, interface_address=address)


def say(address: str, *services: str) -> dict[str, str]:
    return dict.fromkeys(services or ("one", "two"), address)


@dataclass
class Guard:
    """It looks as often as it is asked to; what isn't `SILENT` answers each time.

    Services that tell addresses answer only when `outside` or `through` is given; they `took` so many seconds for that.
    """

    protection: Protection
    policy: VpnPolicy = POLICY
    memory: VpnMemory = field(default_factory=VpnMemory)
    now: datetime = NOW
    evidence: Evidence = field(default_factory=Evidence)
    client: Any = field(default_factory=at)
    settings: Any = field(default_factory=lambda: bound("tun0"))
    tunnel: Any = RUNNING
    verdict: Verdict | None = None

    def see(self, after: float = 0, **looks: Any) -> Verdict:
        """Let seconds pass, and look."""
        self.now += timedelta(seconds=after)
        for name in ("client", "settings", "tunnel"):
            if name in looks:
                setattr(self, name, looks[name])
        self.evidence = Evidence(
            client=self._look(self.client, self.evidence.client),
            settings=self._look(self.settings, self.evidence.settings),
            tunnel=self._look(self.tunnel, self.evidence.tunnel) if self.protection.gluetun else None,
            through=self._say(looks.get("through"), self.evidence.through, looks.get("took", 0)),
            outside=self._say(looks.get("outside"), self.evidence.outside, looks.get("took", 0)),
            drill=looks.get("drill", False),
            changing=looks.get("changing", False),
        )
        self.memory, self.verdict = advance(self.memory, self.evidence, self.protection, self.policy, self.now)
        return self.verdict

    def watch(self, seconds: float, *, every: float = 1, **looks: Any) -> Verdict:
        """Look again and again."""
        verdict, passed = self.see(0, **looks), 0.0
        while passed < seconds:
            verdict = self.see(min(every, seconds - passed))
            passed += every
        return verdict

    def forgive(self) -> None:
        self.memory = forgive(self.memory, self.policy, self.now)

    def restart(self) -> None:
        """Let Home Assistant be restarted: only what is stored is left."""
        self.memory = VpnMemory.from_json(self.memory.as_json(), self.now)
        self.evidence = Evidence()

    def _look(self, value: Any, before: Seen[Any] | None) -> Seen[Any] | None:
        return before if value is SILENT else Seen(value=value, at=self.now, took=timedelta(milliseconds=20))

    def _say(
        self, said: Mapping[str, str] | None, before: tuple[Seen[Said], ...], took: float
    ) -> tuple[Seen[Said], ...]:
        if said is None:
            return before
        new = {
            (service, ":" in address): Seen(
                value=Said(service=service, address=address), at=self.now, took=timedelta(seconds=took)
            )
            for service, address in said.items()
        }
        old = {(seen.value.service, ":" in seen.value.address): seen for seen in before}
        return tuple((old | new).values())


def settled(protection: Protection, **looks: Any) -> Guard:
    """Return a guard that has been looking for a while, with everything as it should be, and all of it known."""
    guard = Guard(protection, **looks)
    proxy = {"through": say(EXIT)} if protection.proxy else {}
    guard.see(outside=say(HOME), **proxy)
    guard.see(12)
    guard.see(12, outside=say(HOME), **proxy)
    guard.see(12)
    return guard
