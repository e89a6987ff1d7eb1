"""What the VPN guard judges by: the evidence of one moment, and what is remembered.

Where a client comes out is known in three ways, and each makes up for what the others lack:

- what the client *shows*: the address that somebody told it once. It is read five times a second, and stays the same
  when the tunnel is gone, perhaps for ever: who never talks to anybody new is told nothing.
- what is *said* of where the tunnel ends, and of where we are: services on the internet tell, which are asked seldom;
  some fall silent, and some lie (see `addresses`).
- what was *learnt* from both, at moments at which it was certain: which places are ours, and which are not. That lasts
  for days, so a look at the client alone can prove a leak, or that there is none (see `vpn_learning`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from ...model.downloads import Transfer
from ...model.reasons import Reason, Value, known
from ...model.vpn import VpnSnapshot
from .addresses import ELSEWHERE_LASTS, Opinion, Place, Voices, agreement, disagree, opinion
from .evidence import Evidence
from .vpn_types import Binding, Containment, Protection, Shown, VpnMemory, VpnPolicy, VpnState

IP_VERSIONS = (4, 6)
#: The tunnel's own word of where it ends is one voice among those of the services through it.
GLUETUN = "gluetun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What there is to judge by."""

    memory: VpnMemory
    evidence: Evidence
    protection: Protection
    policy: VpnPolicy
    now: datetime

    def remembering(self, memory: VpnMemory) -> Case:
        """Return it with something else remembered."""
        return self if memory is self.memory else replace(self, memory=memory)

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

    @property
    def proxy_stands_for_client(self) -> bool:
        """Whether where services through the tunnel are seen tells of the client.

        It does where both were seen at one place lately that isn't ours. A proxy that always came out at home, as one
        of another machine would, says nothing of the client; nor does it of one that has no other way out.
        """
        along_at = self.memory.along_at
        return not self.contained and along_at is not None and self.now - along_at <= ELSEWHERE_LASTS

    # --- what is shown, and said ---------------------------------------------------------------------------------

    @property
    def shown(self) -> Mapping[int, Shown]:
        """Where the client shows that it is seen, by version of the internet protocol; nothing if it doesn't answer."""
        return self.memory.shown if self.client is not None else MappingProxyType({})

    def end(self, version: int) -> Opinion | None:
        """Return where the tunnel ends, as most say, itself among them."""
        return self._opinion(self.memory.inside, version)

    def end_by_services(self, version: int) -> Opinion | None:
        """Return where most services say that it ends, whatever the tunnel itself says."""
        return self._opinion(_services(self.memory.inside), version)

    def end_at_once(self, version: int) -> Opinion | None:
        """Return where those of them say so that were asked last, and at once."""
        return self._at_once(self.memory.inside, version)

    def ends_said(self) -> Iterable[Place]:
        """Yield where any service says that it ends: enough to ask the others."""
        runs = _services(self.memory.inside).values()
        return (run.place for run in runs if abs(self.now - run.until) <= self.policy.said_lasts)

    def ours(self, version: int) -> Opinion | None:
        """Return where most services say that we are."""
        return self._opinion(self.memory.outside, version)

    def ours_at_once(self, version: int) -> Opinion | None:
        """Return where those of them say so that were asked last, and at once."""
        return self._at_once(self.memory.outside, version)

    def ours_in_dispute(self, version: int) -> bool:
        """Tell whether services say different things of where we are, and nothing more often than the rest."""
        return disagree(self.memory.outside, version, self.now, self.policy.said_lasts)

    def _opinion(self, voices: Voices, version: int) -> Opinion | None:
        return opinion(voices, version, self.now, lasts=self.policy.said_lasts, repeat=self.policy.repeat)

    def _at_once(self, voices: Voices, version: int) -> Opinion | None:
        return agreement(_services(voices), version, self.now, lasts=self.policy.said_lasts)

    def reason(self, key: str, **values: Value | None) -> Reason:
        """Return a reason; the names of client and tunnel are always there."""
        named: dict[str, Value] = {"client": self.protection.client, "vpn": self.protection.vpn}
        return Reason(key=key, parameters={**named, **known(**values)}, backend_id=self.protection.vpn_id)


def _services(voices: Voices) -> Voices:
    """Return the voices without that of the tunnel itself, which looks up where it ends when it is connected."""
    return {key: run for key, run in voices.items() if key[0] != GLUETUN}
