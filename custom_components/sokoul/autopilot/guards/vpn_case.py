"""The evidence of one moment, and what is remembered, as the VPN guard judges by it."""

from dataclasses import dataclass
from datetime import datetime

from ...model.downloads import Transfer
from ...model.reasons import Reason, Value, known
from ...model.vpn import VpnSnapshot
from .addresses import Opinion
from .evidence import Evidence
from .vpn_learning import agreement_of, is_foreign, opinion_of, services
from .vpn_types import Binding, Containment, Protection, Shown, VpnMemory, VpnPolicy, VpnState


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What there is to judge by."""

    memory: VpnMemory
    evidence: Evidence
    protection: Protection
    policy: VpnPolicy
    now: datetime

    @property
    def client(self) -> Transfer | None:
        """The client, if it answers."""
        seen = self.evidence.client
        return seen.value if seen is not None and seen.fresh(self.policy.client_lasts, self.now) else None

    @property
    def tunnel(self) -> VpnSnapshot | None:
        """The tunnel, if it answers."""
        seen = self.evidence.tunnel
        return seen.value if seen is not None and seen.fresh(self.policy.tunnel_lasts, self.now) else None

    @property
    def binding(self) -> Binding | None:
        """Where the client is bound to, if that is known."""
        seen = self.evidence.settings
        return self.memory.binding if seen is not None and seen.fresh(self.policy.settings_last, self.now) else None

    @property
    def interface_exists(self) -> bool:
        """Whether what the client is bound to exists, as far as is known."""
        seen = self.evidence.settings
        return seen is None or seen.value.interface_exists is not False

    @property
    def held(self) -> bool:
        """Whether what contains the client is in force, as far as is known."""
        if self.protection.containment is Containment.NAMESPACE:
            return self.memory.connected is not False
        return self.binding is Binding.TUNNEL

    @property
    def doubtful(self) -> bool:
        """Whether it is closed already because nobody could tell."""
        return self.memory.closed is not None and self.memory.closed.state is VpnState.DOUBTFUL

    @property
    def contained(self) -> bool:
        """Whether there is no other way out. One that has to be bound is, until its settings say otherwise."""
        if self.protection.containment is Containment.NAMESPACE:
            return True
        if self.protection.containment is Containment.BOUND and self.binding is None:
            return True
        return self.binding in {Binding.TUNNEL, Binding.NOWHERE}

    def inside(self, version: int) -> Opinion | None:
        """Where the tunnel ends."""
        return opinion_of(self.memory.inside, version, self.policy, self.now)

    def services(self, version: int) -> Opinion | None:
        """Where services say that it ends, whatever the tunnel itself says."""
        return opinion_of(services(self.memory.inside), version, self.policy, self.now)

    def agreed(self, version: int) -> Opinion | None:
        """Where those of them say so that were asked last, and at once."""
        return agreement_of(self.memory.inside, version, self.policy, self.now)

    def is_foreign(self, shown: Shown) -> bool:
        """Tell whether an address that the client shows is known not to be ours, wherever the tunnel ends."""
        return is_foreign(self.memory, shown)

    def reason(self, key: str, **values: Value | None) -> Reason:
        """Return a reason; the names of client and tunnel are always there."""
        named: dict[str, Value] = {"client": self.protection.client, "vpn": self.protection.vpn}
        return Reason(key=key, parameters={**named, **known(**values)}, backend_id=self.protection.vpn_id)
