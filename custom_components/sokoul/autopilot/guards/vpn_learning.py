"""What the VPN guard learns from looks: whose addresses are whose, and since when things are as they are."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from ...model.downloads import ClientSettings, ConnectionStatus, Transfer
from ...model.vpn import VpnSnapshot
from .addresses import (
    AT_ONCE,
    Elsewhere,
    Home,
    Opinion,
    Place,
    Voices,
    agreement,
    keep,
    keep_elsewhere,
    listen,
    opinion,
    place_of,
)
from .evidence import Evidence, Said, Seen
from .vpn_types import Binding, Containment, Protection, Shown, VpnMemory, VpnPolicy

_GLUETUN = "gluetun"
IP_VERSIONS = (4, 6)


def learn(memory: VpnMemory, evidence: Evidence, protection: Protection, policy: VpnPolicy, now: datetime) -> VpnMemory:
    """Take in the last answers; each is taken in once, however often it comes."""
    before_all, came, gone = memory, False, False
    if evidence.tunnel is not None and evidence.tunnel != memory.tunnel:
        before, memory = memory.connected, _follow_tunnel(memory, evidence.tunnel)
        if protection.containment is Containment.NAMESPACE:
            came = memory.connected is True and before is False
            gone = memory.connected is False
    if evidence.settings is not None:
        binding = _binding(evidence.settings.value, protection.interface)
        came |= binding is Binding.TUNNEL and memory.binding not in {None, Binding.TUNNEL}
        gone |= binding is not Binding.TUNNEL and protection.containment is not Containment.NAMESPACE
        memory = memory if binding is memory.binding else replace(memory, binding=binding)
    memory = replace(
        memory,
        inside=listen(memory.inside, evidence.through, memory.tunnel_since),
        outside=listen(memory.outside, evidence.outside),
    )
    memory = _follow_shown(memory, evidence, policy, now)
    if gone:
        memory = replace(forgiven(memory, None), cured=False) if memory.cured else memory
    elif came:
        memory = replace(forgiven(memory, now + policy.trial), cured=True)
    if protection.outside and _is_news(memory, before_all):
        memory = replace(memory, homes=_follow_homes(memory, evidence, policy, now))
        memory = replace(memory, elsewhere=_follow_elsewhere(memory, policy, now))
        memory = replace(memory, along_at=_follow_along(memory, policy, now))
    return _follow_connection(memory, evidence, policy, now)


def _is_news(memory: VpnMemory, before: VpnMemory) -> bool:
    """Tell whether anything is new that says where somebody is. Most looks bring nothing, five times a second."""
    return (
        memory.inside is not before.inside
        or memory.outside is not before.outside
        or memory.shown is not before.shown
        or memory.tunnel is not before.tunnel
    )


def _follow_tunnel(memory: VpnMemory, look: Seen[VpnSnapshot]) -> VpnMemory:
    """Take in a look at the tunnel. A new connection ends what was said of the last."""
    snapshot = look.value
    connected, address = snapshot.connected, snapshot.public_ip
    moved = None not in {address, memory.tunnel_address} and address != memory.tunnel_address
    came_up = connected is True and memory.connected is False
    went_down = connected is False and memory.connected is not False
    memory = replace(
        memory,
        tunnel=look,
        connected=memory.connected if connected is None else connected,
        tunnel_address=address or memory.tunnel_address,
    )
    if moved or came_up or went_down:
        memory = replace(memory, tunnel_since=look.asked_at, inside=MappingProxyType({}))
    if address is not None and connected is not False:
        said = Seen(value=Said(service=_GLUETUN, address=address), at=look.at, took=look.took)
        memory = replace(memory, inside=listen(memory.inside, (said,)))
    return memory


def forgiven(memory: VpnMemory, until: datetime | None) -> VpnMemory:
    """Return it with what the client shows now being no proof for so long; None: it is one again."""
    shown = {version: replace(each, forgiven_until=until) for version, each in memory.shown.items()}
    return replace(memory, shown=shown)


def _binding(settings: ClientSettings, interface: str | None) -> Binding | None:
    """Judge where a client is bound to; None where it doesn't say."""
    bound, address = settings.interface, settings.interface_address or ""
    if bound is None:
        return None
    if bound in _LOOPBACK or address in _LOOPBACK:
        return Binding.NOWHERE
    if bound:
        return Binding.TUNNEL if bound == interface else Binding.ELSEWHERE
    return Binding.ANY if address in _ANY_ADDRESS else Binding.ADDRESS


_LOOPBACK = frozenset({"lo", "127.0.0.1", "::1"})
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


def _follow_shown(memory: VpnMemory, evidence: Evidence, policy: VpnPolicy, now: datetime) -> VpnMemory:
    if evidence.client is None or not evidence.client.fresh(policy.client_lasts, now):
        return memory
    shown: dict[int, Shown] = {}
    for place in _places(evidence.client.value):
        before = memory.shown.get(place.version)
        if before is not None and before.place == place:
            each = before
        else:
            each = Shown(place=place, since=evidence.client.asked_at, moved=before is not None)
        ours = opinion_of(memory.outside, place.version, policy, now)
        if ours is not None and ours.agreed and ours.place != place and ours.asked_at > each.since:
            each = replace(each, foreign=True)
        shown[place.version] = each
    return memory if shown == memory.shown else replace(memory, shown=shown)


def _places(transfer: Transfer) -> tuple[Place, ...]:
    places = (place_of(address or "") for address in (transfer.external_ipv4, transfer.external_ipv6))
    return tuple(place for place in places if place is not None)


def opinion_of(voices: Voices, version: int, policy: VpnPolicy, now: datetime) -> Opinion | None:
    """Return what most services say, by the policy's spans."""
    return opinion(voices, version, now, lasts=policy.said_lasts, repeat=policy.repeat)


def services(voices: Voices) -> Voices:
    """Return the voices without that of the tunnel itself, which looks up where it ends when it is connected."""
    return {key: run for key, run in voices.items() if key[0] != _GLUETUN}


def agreement_of(voices: Voices, version: int, policy: VpnPolicy, now: datetime) -> Opinion | None:
    """Return what at least two services say that were asked at once, and last."""
    return agreement(services(voices), version, now, lasts=policy.said_lasts)


def is_foreign(memory: VpnMemory, shown: Shown) -> bool:
    """Tell whether an address that the client shows is known not to be ours, wherever the tunnel ends."""
    return shown.foreign or any(each.place == shown.place for each in memory.elsewhere)


def _follow_homes(memory: VpnMemory, evidence: Evidence, policy: VpnPolicy, now: datetime) -> tuple[Home, ...]:
    """Learn which addresses are ours."""
    homes = {home.place: home for home in memory.homes}
    for version in IP_VERSIONS:
        ours = opinion_of(memory.outside, version, policy, now)
        if ours is None or not ours.agreed:
            continue
        theirs = opinion_of(memory.inside, version, policy, now)
        shown = memory.shown.get(version)
        apart = theirs is not None and theirs.place != ours.place and _since(memory, ours)
        if theirs is not None and theirs.agreed and apart:
            homes.pop(theirs.place, None)  # it ends there while ours is elsewhere: that never was our home
        home = homes.get(ours.place)
        if home is None:
            if not _is_new_home(memory, evidence, ours, theirs, policy, now):
                continue
            home = Home(place=ours.place, confirmed_at=ours.asked_at)
        homes[ours.place] = replace(
            home,
            confirmed_at=max(home.confirmed_at, ours.asked_at),
            distinct=home.distinct
            or (shown is not None and shown.foreign)
            or (theirs is not None and theirs.agreed and apart),
        )
    kept = keep(homes.values(), now)
    return memory.homes if kept == memory.homes else kept


def _follow_elsewhere(memory: VpnMemory, policy: VpnPolicy, now: datetime) -> tuple[Elsewhere, ...]:
    """Learn which addresses are not ours: what two witnesses say of the tunnel, or of us while the client is seen.

    The client and the tunnel itself are two, whatever services say of that. Only where no home was ever known and
    services see us at that very place nothing is learned: either we go out through the tunnel ourselves, or it ends at
    home and the client leaks. Where the tunnel ends next tells which it was. Nor is it where they alone tell, and see
    us at that place, too, or were not asked for us since: our line may just have got that address.
    """
    found = set()
    own_word = place_of(memory.tunnel_address or "")
    for version in IP_VERSIONS:
        shown, theirs = memory.shown.get(version), opinion_of(memory.inside, version, policy, now)
        if shown is not None and (shown.foreign or shown.place == own_word):
            found.add(shown.place)
        if (
            theirs is not None
            and theirs.agreed
            and (theirs.place == own_word or _is_apart(memory, theirs, policy, now))
        ):
            found.add(theirs.place)
    ours_perhaps = {*_seen_with_us(memory, policy, now), *(home.place for home in memory.homes)}
    known = {each.place: each for each in memory.elsewhere if each.place not in ours_perhaps}
    for place in found - ours_perhaps:
        before = known.get(place)
        if before is None or now - before.known_at > _ELSEWHERE_EVERY:
            known[place] = Elsewhere(place=place, known_at=now)
    kept = keep_elsewhere(known.values(), now)
    return memory.elsewhere if kept == memory.elsewhere else kept


def _is_apart(memory: VpnMemory, theirs: Opinion, policy: VpnPolicy, now: datetime) -> bool:
    """Tell whether services that were asked for us, too, see us elsewhere, if they see us at all."""
    ours = opinion_of(memory.outside, theirs.place.version, policy, now)
    if ours is None or not ours.agreed:
        return True
    return ours.place != theirs.place and theirs.asked_at - ours.asked_at <= AT_ONCE


def _follow_along(memory: VpnMemory, policy: VpnPolicy, now: datetime) -> datetime | None:
    """Learn that the client is where services through the tunnel are. At home they may be for reasons of their own."""
    for version, shown in memory.shown.items():
        end = agreement_of(memory.inside, version, policy, now)
        if shown.foreign and end is not None and end.place == shown.place:
            recent = memory.along_at is not None and now - memory.along_at <= _ELSEWHERE_EVERY
            return memory.along_at if recent else now
    return memory.along_at


def _seen_with_us(memory: VpnMemory, policy: VpnPolicy, now: datetime) -> Iterator[Place]:
    """Yield where services agree that we are, as long as nothing was ever known to be our home."""
    for version in IP_VERSIONS:
        ours = opinion_of(memory.outside, version, policy, now)
        if ours is not None and ours.agreed and all(home.place.version != version for home in memory.homes):
            yield ours.place


#: A look that brings nothing new changes nothing.
_ELSEWHERE_EVERY = timedelta(hours=1)


def _is_new_home(
    memory: VpnMemory, evidence: Evidence, ours: Opinion, theirs: Opinion | None, policy: VpnPolicy, now: datetime
) -> bool:
    """Tell whether an address that is said to be ours is, and not the tunnel's, which Home Assistant may go through.

    In the moment of a reconnect it would take the tunnel's old or new address for its own: so it has to be told while
    the tunnel is connected as it is now, and the tunnel has to be looked at once more after that. Nor is it ours if
    the client showed it while ours was proven to be another: then it is our own way out that has changed. And where the
    tunnel is known to have ended a service may still see us hours later, or say that it does.
    """
    end = agreement_of(memory.inside, ours.place.version, policy, now)
    if any(each is not None and each.place == ours.place for each in (theirs, end)):
        return False
    if theirs is not None and not _since(memory, ours):
        return False
    shown = memory.shown.get(ours.place.version)
    if shown is not None and shown.foreign and shown.place == ours.place:
        return False
    if any(each.place == ours.place for each in memory.elsewhere):
        return False
    look = evidence.tunnel
    if look is None or not look.fresh(policy.tunnel_lasts, now):
        return True
    return not look.value.settling and look.asked_at > ours.asked_at


def _since(memory: VpnMemory, ours: Opinion) -> bool:
    """Tell whether our address was asked for while the tunnel was connected as it is now."""
    return memory.tunnel_since is None or ours.asked_at > memory.tunnel_since


def _follow_connection(memory: VpnMemory, evidence: Evidence, policy: VpnPolicy, now: datetime) -> VpnMemory:
    client = evidence.client
    if client is None or not client.fresh(policy.client_lasts, now):
        return memory
    if client.value.connection is not ConnectionStatus.DISCONNECTED:
        return memory if memory.disconnected_since is None else replace(memory, disconnected_since=None)
    return memory if memory.disconnected_since is not None else replace(memory, disconnected_since=now)
