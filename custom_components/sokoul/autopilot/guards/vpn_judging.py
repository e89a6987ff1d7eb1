"""What the evidence of one moment amounts to, for a client and the tunnel it has to be behind."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ...model.reasons import Reason
from ...model.vpn import VpnRoute, VpnSnapshot, VpnStatus
from .addresses import home_at
from .vpn_case import Case
from .vpn_exits import comes_out_with_us, exits_at_home, one_says_home
from .vpn_types import Binding, Containment, Proof, Shown, VpnState


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the evidence of this moment amounts to. `turns`: what not knowing becomes when patience is over."""

    state: VpnState
    reasons: tuple[Reason, ...] = ()
    proof: Proof | None = None
    gate_open: bool = False
    turns: VpnState | None = None
    ask: bool = False


def judge(case: Case) -> Found:
    """Return what holds at this moment."""
    if case.protection.containment is Containment.NONE:
        return _unverified(case, "guard.vpn_none")
    return _leak(case) or (_judge_contained(case) if case.contained else _judge_other(case))


def _leak(case: Case) -> Found | None:
    """Return what is proven; a real leak comes before a pretended one."""
    for proof, reason in (*_seen_at_home(case), *_unbound(case), *_exits_at_home(case)):
        return Found(state=VpnState.LEAKING, reasons=(reason,), proof=proof, ask=True)
    closed = case.memory.closed
    if case.evidence.drill and (closed is None or closed.proof is Proof.DRILL):
        return Found(state=VpnState.LEAKING, reasons=(case.reason("guard.vpn_drill"),), proof=Proof.DRILL)
    return None


def _seen_at_home(case: Case) -> Iterable[tuple[Proof, Reason]]:
    """Yield that the client's swarms see it at home: no wait, no second opinion.

    That the tunnel ends at the same place is no excuse where it was seen elsewhere before. Where it never was, Home
    Assistant may itself go out through it.
    """
    for version, shown in case.shown.items():
        home = home_at(case.memory.homes, shown.place)
        if home is None or shown.is_forgiven(case.now):
            continue
        end = case.end(version)
        if home.distinct or end is None or end.place != home.place:
            yield Proof.ADDRESS, case.reason("guard.vpn_seen_at_home", version=version)


def _unbound(case: Case) -> Iterable[tuple[Proof, Reason]]:
    """Yield that it isn't bound where it has to be. In the tunnel's own network it needn't be bound at all."""
    if case.protection.containment is not Containment.BOUND:
        return
    interface = case.protection.interface or ""
    if case.binding is Binding.ANY:
        yield Proof.BINDING, case.reason("guard.vpn_unbound", interface=interface)
    elif case.binding is Binding.ELSEWHERE and case.evidence.settings is not None:
        bound = case.evidence.settings.value.interface or ""
        yield Proof.BINDING, case.reason("guard.vpn_bound_elsewhere", interface=interface, bound=bound)


def _exits_at_home(case: Case) -> Iterable[tuple[Proof, Reason]]:
    """Yield that the tunnel ends at home, as services agree."""
    for version in exits_at_home(case):
        yield Proof.EXIT, case.reason("guard.vpn_exit_at_home", version=version)


def _judge_contained(case: Case) -> Found:
    """Judge a client that has no other way out: nothing of this stops anything."""
    if case.binding is Binding.NOWHERE:
        return Found(state=VpnState.DOWN, reasons=(case.reason("guard.vpn_bound_nowhere"),))
    if case.protection.containment is Containment.BOUND and case.binding is None:
        return Found(state=VpnState.UNKNOWN, reasons=(case.reason("guard.vpn_binding_unread"),))
    if case.protection.containment is Containment.BOUND and not case.interface_exists:
        return Found(
            state=VpnState.DOWN, reasons=(case.reason("guard.vpn_interface_gone", interface=case.protection.interface),)
        )
    within = case.protection.containment is Containment.NAMESPACE
    inside = case.reason("guard.vpn_contained" if within else "guard.vpn_bound", interface=case.protection.interface)
    notes: tuple[Reason, ...] = ()
    if case.protection.gluetun:
        if case.tunnel is None:
            return _silent(case)
        notes = _notes(case, case.tunnel)
        match case.tunnel.status:
            case VpnStatus.STARTING | VpnStatus.STOPPING:
                return Found(state=VpnState.CONTAINED, reasons=(case.reason("guard.vpn_changing"), *notes))
            case VpnStatus.STOPPED | VpnStatus.CRASHED | VpnStatus.COMPLETED:
                return Found(state=VpnState.DOWN, reasons=(case.reason("guard.vpn_down"), *notes))
    since = case.memory.disconnected_since
    if case.client is not None and since is not None and case.now - since >= case.policy.disconnected:
        return Found(state=VpnState.DOWN, reasons=(case.reason("guard.vpn_disconnected", since=since), *notes))
    return Found(state=VpnState.CONTAINED, reasons=(inside, *notes), gate_open=True)


def _judge_other(case: Case) -> Found:
    """Judge a client that could go out elsewhere: it needs a tunnel that is up, and an address that is not ours."""
    tunnel = case.tunnel if case.protection.gluetun else None
    notes = _notes(case, tunnel) if tunnel is not None else ()
    if case.evidence.changing:
        return Found(state=VpnState.DOWN, reasons=(case.reason("guard.vpn_server_changes"), *notes))
    if tunnel is not None and tunnel.status not in {VpnStatus.RUNNING, VpnStatus.UNKNOWN}:
        return Found(state=VpnState.DOWN, reasons=(case.reason("guard.vpn_down"), *notes))
    if comes_out_with_us(case):
        return Found(state=VpnState.DOUBTFUL, reasons=(case.reason("guard.vpn_ends_with_us"), *notes), ask=True)
    if any(case.doubtful or case.now >= since + case.policy.doubt for since in doubted_since(case)):
        return Found(state=VpnState.DOUBTFUL, reasons=(case.reason("guard.vpn_doubtful"), *notes), ask=True)
    if tunnel is None and case.protection.gluetun:
        return _silent(case)
    return _judge_shown(case, notes)


def _judge_shown(case: Case, notes: tuple[Reason, ...]) -> Found:
    """Judge by the addresses that the client shows, if it does."""
    if case.client is None:
        return Found(state=VpnState.UNKNOWN, reasons=(case.reason("guard.vpn_client_silent"), *notes))
    if case.protection.containment is Containment.BOUND and case.binding is Binding.ADDRESS:
        return _unverified(case, "guard.vpn_bound_to_address", *notes)
    if not case.protection.tells_address:
        return _unverified(case, "guard.vpn_address_untold", *notes)
    if not case.memory.shown:
        return _doubt(case, "guard.vpn_no_address", *notes)
    for shown in case.memory.shown.values():
        if (found := _doubts_about(case, shown, notes)) is not None:
            return found
    safe = (case.reason("guard.vpn_safe"), *notes)
    return Found(state=VpnState.SAFE, reasons=safe, gate_open=True, ask=one_says_home(case))


def doubted_since(case: Case) -> Iterable[datetime]:
    """Yield since when the client shows an address that may be our own: nobody who could tell that it isn't does.

    The tunnel ends elsewhere, as far as is known; what was stopped for that is not let go because nobody says so any
    more. Where our own address was not known lately either, there is nothing to doubt by: the services may be out of
    reach for good.
    """
    for version, shown in case.shown.items():
        end = case.end(version)
        at_its_end = end.place == shown.place if end is not None else not case.doubtful
        if at_its_end or case.memory.is_foreign(shown.place) or shown.is_forgiven(case.now):
            continue
        told_at = case.memory.home_told_at(version)
        if told_at is not None and case.now - told_at <= case.policy.doubt_lasts:
            yield shown.since


def seen_elsewhere(case: Case) -> bool:
    """Tell whether it is proven that the client is seen elsewhere than at home."""
    shown = case.shown.values()
    foreign = (case.memory.is_foreign(each.place) or _doubts_about(case, each, ()) is None for each in shown)
    return bool(shown) and all(foreign)


def _doubts_about(case: Case, shown: Shown, notes: tuple[Reason, ...]) -> Found | None:
    """Return what keeps an address that the client shows from being proven foreign; None: it is."""
    version = shown.place.version
    if shown.is_forgiven(case.now) and home_at(case.memory.homes, shown.place):
        return _unverified(case, "guard.vpn_forgiven", *notes)
    end = case.end(version)
    if end is not None and end.place != shown.place:
        return _doubt(case, "guard.vpn_split", *notes)
    ours = case.ours(version)
    if ours is not None and ours.place == shown.place:
        if end is None and not ours.agreed:
            return _doubt(case, "guard.vpn_one_says_home", *notes)
        return _unverified(case, "guard.vpn_same_exit", *notes)
    told_at = case.memory.home_told_at(version)
    if told_at is None or case.now - told_at > case.policy.home_lasts:
        if version == 6 and end is not None and end.agreed:  # noqa: PLR2004 -- of IP; many homes have none
            return None
        lied = case.ours_in_dispute(version)
        return _unverified(case, "guard.vpn_services_disagree" if lied else "guard.vpn_home_unknown", *notes, ask=True)
    if end is None and told_at < shown.since:
        return _unverified(case, "guard.vpn_address_new", *notes, ask=True)
    return None


def _silent(case: Case) -> Found:
    turns = VpnState.DOWN if case.policy.silence_is_down else None
    seen = case.evidence.tunnel
    reason = case.reason("guard.vpn_silent", since=seen.at) if seen else case.reason("guard.vpn_never_answered")
    return Found(state=VpnState.UNKNOWN, reasons=(reason,), turns=turns)


def _doubt(case: Case, key: str, *notes: Reason) -> Found:
    """Not knowing that passes: with time, or into not being able to prove it."""
    return Found(state=VpnState.UNKNOWN, reasons=(case.reason(key), *notes), turns=VpnState.UNVERIFIED, ask=True)


def _unverified(case: Case, key: str, *notes: Reason, ask: bool = False) -> Found:
    return Found(state=VpnState.UNVERIFIED, reasons=(case.reason(key), *notes), gate_open=True, ask=ask)


def _notes(case: Case, tunnel: VpnSnapshot) -> tuple[Reason, ...]:
    """Return what is worth saying of a tunnel, and changes nothing."""
    keys = []
    if VpnRoute.STATUS in tunnel.refused:
        keys.append("guard.vpn_refused")
    elif tunnel.status is VpnStatus.UNKNOWN:
        keys.append("guard.vpn_status_unknown")
    if tunnel.dns_status in {VpnStatus.STOPPED, VpnStatus.CRASHED}:
        keys.append("guard.vpn_dns_down")
    if not case.protection.proxy:
        keys.append("guard.vpn_no_proxy")
    return tuple(case.reason(key) for key in keys)
