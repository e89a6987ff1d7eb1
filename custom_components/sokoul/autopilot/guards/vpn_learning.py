"""What the VPN guard learns from looks: since when things are as they are, and whose addresses are whose."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from ...model.downloads import ClientSettings, ConnectionStatus, Transfer
from .addresses import AT_ONCE, Elsewhere, Home, Opinion, Place, keep, keep_elsewhere, listen, place_of
from .evidence import Said, Seen
from .vpn_case import GLUETUN, IP_VERSIONS, Case
from .vpn_types import Binding, Containment, Shown, VpnMemory


def learn(case: Case) -> Case:
    """Take in the last answers; each is taken in once, however often it comes."""
    before = case.memory
    for follow in (_follow_tunnel, _follow_binding, _follow_voices, _follow_shown, _follow_connection):
        case = case.remembering(follow(case))
    case = case.remembering(_follow_cure(case, before))
    if _is_news(case.memory, before):
        for learn_of in (_learn_homes, _learn_elsewhere, _learn_of_proxy):
            case = case.remembering(learn_of(case))
    return case


def _is_news(memory: VpnMemory, before: VpnMemory) -> bool:
    """Tell whether anything is new that says where somebody is. Most looks bring nothing, five times a second."""
    return (
        memory.inside is not before.inside
        or memory.outside is not before.outside
        or memory.shown is not before.shown
        or memory.tunnel is not before.tunnel
    )


# --- since when things are as they are -------------------------------------------------------------------------------


def _follow_tunnel(case: Case) -> VpnMemory:
    """Take in a look at the tunnel. A new connection ends what was said of the last."""
    memory, look = case.memory, case.evidence.tunnel
    if look is None or look == memory.tunnel:
        return memory
    connected, address = look.value.connected, look.value.public_ip
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
        said = Seen(value=Said(service=GLUETUN, address=address), at=look.at, took=look.took)
        memory = replace(memory, inside=listen(memory.inside, (said,)))
    return memory


def _follow_binding(case: Case) -> VpnMemory:
    memory, settings = case.memory, case.evidence.settings
    if settings is None:
        return memory
    binding = _binding(settings.value, case.protection.interface)
    return memory if binding is memory.binding else replace(memory, binding=binding)


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


def _follow_voices(case: Case) -> VpnMemory:
    memory, evidence = case.memory, case.evidence
    inside = listen(memory.inside, evidence.through, memory.tunnel_since)
    outside = listen(memory.outside, evidence.outside)
    if inside is memory.inside and outside is memory.outside:
        return memory
    return replace(memory, inside=inside, outside=outside)


def _follow_shown(case: Case) -> VpnMemory:
    """Note since when the client shows an address, and that our own was proven to be another one meanwhile."""
    memory, seen = case.memory, case.evidence.client
    if seen is None or case.client is None:
        return memory
    shown: dict[int, Shown] = {}
    for place in _places(seen.value):
        each = memory.shown.get(place.version)
        if each is None or each.place != place:
            each = Shown(place=place, since=seen.asked_at, moved=each is not None)
        ours = case.ours(place.version)
        if ours is not None and ours.agreed and ours.place != place and ours.asked_at > each.since:
            each = replace(each, foreign=True)
        shown[place.version] = each
    return memory if shown == memory.shown else replace(memory, shown=shown)


def _places(transfer: Transfer) -> Iterator[Place]:
    for address in (transfer.external_ipv4, transfer.external_ipv6):
        if (place := place_of(address or "")) is not None:
            yield place


def _follow_connection(case: Case) -> VpnMemory:
    memory = case.memory
    if case.client is None:
        return memory
    cut_off = case.client.connection is ConnectionStatus.DISCONNECTED
    since = (memory.disconnected_since or case.now) if cut_off else None
    return memory if since == memory.disconnected_since else replace(memory, disconnected_since=since)


def _follow_cure(case: Case, before: VpnMemory) -> VpnMemory:
    """Note that what contains the client came into force in sight: what it shows since before is forgiven for a trial.

    That ends with it: when the tunnel goes down whose network it shares, or else when it is bound there no more.
    """
    memory, bound = case.memory, case.memory.binding is Binding.TUNNEL
    came = bound and before.binding not in {None, Binding.TUNNEL}
    if case.protection.containment is Containment.NAMESPACE:
        came = came or (memory.connected is True and before.connected is False)
        gone = memory.connected is False and memory.tunnel is not before.tunnel
    else:
        gone = case.evidence.settings is not None and not bound
    if gone:
        return replace(memory.forgiven(None), cured=False) if memory.cured else memory
    return replace(memory.forgiven(case.now + case.policy.trial), cured=True) if came else memory


# --- whose addresses are whose ---------------------------------------------------------------------------------------


def _learn_homes(case: Case) -> VpnMemory:
    """Learn which addresses are ours: where services see us, while the tunnel is known not to end there."""
    memory = case.memory
    homes = {home.place: home for home in memory.homes}
    for version in IP_VERSIONS:
        ours, shown = case.ours(version), memory.shown.get(version)
        if ours is None or not ours.agreed:
            continue
        end = _end_apart_from(case, ours)
        if end is not None:
            homes.pop(end, None)  # it ends there while ours is elsewhere: that never was our home
        home = homes.get(ours.place)
        if home is None:
            if not _is_new_home(case, ours):
                continue
            home = Home(place=ours.place, confirmed_at=ours.asked_at)
        homes[ours.place] = replace(
            home,
            confirmed_at=max(home.confirmed_at, ours.asked_at),
            distinct=home.distinct or end is not None or (shown is not None and shown.foreign),
        )
    return replace(memory, homes=keep(homes.values(), case.now))


def _end_apart_from(case: Case, ours: Opinion) -> Place | None:
    """Return where the tunnel ends, as is agreed on, if we were seen elsewhere during its present connection."""
    end = case.end(ours.place.version)
    if end is None or not end.agreed or end.place == ours.place or not _is_of_this_connection(case, ours):
        return None
    return end.place


def _is_new_home(case: Case, ours: Opinion) -> bool:
    """Tell whether an address that is said to be ours is, and not the tunnel's, which Home Assistant may go through.

    In the moment of a reconnect it would take the tunnel's old or new address for its own: so it has to be told while
    the tunnel is connected as it is now, and the tunnel has to be looked at once more after that. Nor is it ours if
    the client showed it while ours was proven to be another: then it is our own way out that has changed. And where the
    tunnel is known to have ended a service may still see us hours later, or say that it does.
    """
    end, latest = case.end(ours.place.version), case.end_at_once(ours.place.version)
    if any(each is not None and each.place == ours.place for each in (end, latest)):
        return False
    if end is not None and not _is_of_this_connection(case, ours):
        return False
    if case.memory.is_foreign(ours.place):
        return False
    look = case.evidence.tunnel
    if look is None or not look.fresh(case.policy.tunnel_lasts, case.now):
        return True
    return not look.value.settling and look.asked_at > ours.asked_at


def _is_of_this_connection(case: Case, ours: Opinion) -> bool:
    """Tell whether our address was asked for while the tunnel was connected as it is now."""
    return case.memory.tunnel_since is None or ours.asked_at > case.memory.tunnel_since


def _learn_elsewhere(case: Case) -> VpnMemory:
    """Learn which addresses are not ours.

    Only where no home was ever known and services see us at that very place nothing is learned: either we go out
    through the tunnel ourselves, or it ends at home and the client leaks. Where it ends next tells which it was.
    """
    memory = case.memory
    ours_perhaps = {*_seen_with_us(case), *(home.place for home in memory.homes)}
    known = {each.place: each for each in memory.elsewhere if each.place not in ours_perhaps}
    for place in set(_seen_elsewhere(case)) - ours_perhaps:
        before = known.get(place)
        if before is None or case.now - before.known_at > _NOTED_EVERY:
            known[place] = Elsewhere(place=place, known_at=case.now)
    return replace(memory, elsewhere=keep_elsewhere(known.values(), case.now))


#: What goes on to be seen is noted as often: a look that brings nothing new changes nothing.
_NOTED_EVERY = timedelta(hours=1)


def _seen_elsewhere(case: Case) -> Iterator[Place]:
    """Yield what two witnesses say of the tunnel, or of us while the client is seen there.

    The client and the tunnel itself are two, whatever services say of that. Where services alone tell of the tunnel,
    they must have been asked for us, too, and see us elsewhere: our line may just have got that address.
    """
    own_word = place_of(case.memory.tunnel_address or "")
    for version in IP_VERSIONS:
        shown, end = case.memory.shown.get(version), case.end(version)
        if shown is not None and (shown.foreign or shown.place == own_word):
            yield shown.place
        if end is not None and end.agreed and (end.place == own_word or _is_apart_from_us(case, end)):
            yield end.place


def _is_apart_from_us(case: Case, end: Opinion) -> bool:
    """Tell whether services that were asked for us, too, see us elsewhere, if they see us at all."""
    ours = case.ours(end.place.version)
    if ours is None or not ours.agreed:
        return True
    return ours.place != end.place and end.asked_at - ours.asked_at <= AT_ONCE


def _seen_with_us(case: Case) -> Iterator[Place]:
    """Yield where services agree that we are, as long as nothing was ever known to be our home."""
    for version in IP_VERSIONS:
        ours = case.ours(version)
        if ours is not None and ours.agreed and case.memory.home_told_at(version) is None:
            yield ours.place


def _learn_of_proxy(case: Case) -> VpnMemory:
    """Learn that the client is where services through the tunnel are. At home they may be for reasons of their own."""
    memory = case.memory
    recent = memory.along_at is not None and case.now - memory.along_at <= _NOTED_EVERY
    for version, shown in memory.shown.items():
        end = case.end_at_once(version)
        if shown.foreign and end is not None and end.place == shown.place:
            return memory if recent else replace(memory, along_at=case.now)
    return memory
