"""The VPN guard: whether a client may talk to its swarms, or could be seen where we are.

Only two things prove a leak, and each of them alone closes everything at once: the client, or everything that goes
through the tunnel, is *seen at an address of our home*; or the client is *not bound to the tunnel's interface* although
that binding is what protects it. All else is not knowing, which is said, waited out, and never called a leak:

- a service that names addresses is silent, or lies, or contradicts others (see `addresses`); our home is not known;
- a provider shares one address among many (CGNAT), or has several ways out: neither home nor the tunnel's own address;
- the address has just changed, and not everybody has noticed; qBittorrent was restarted and nobody has told it yet;
- the control server refuses to tell (401): that is how it is set up, and says nothing of the tunnel;
- Home Assistant itself goes out through the tunnel: then its own address is no home.

A client that shares the tunnel's network, or is bound to its interface, is *contained*: it can't leak while that is so.
When its tunnel is down the gate closes and nothing is stopped. Any other client is stopped when the tunnel is down:
nothing else keeps it inside. A tunnel that falls silent for longer than patience is down; one that merely starts is
down only for those which aren't contained.

Not knowing is no leak, but one kind of it is too much like one to be waited out: the client has begun to show an
address that is not where the tunnel ends and was never known to be foreign, and within seconds no two services say that
we are elsewhere. Our own line may just have got another address. That is *doubtful*, and stopped until somebody can
tell.

An address that was shown before is no evidence against what services say of the tunnel since (see `vpn_exits`).

What was closed opens again only after it has looked right without a break for a while. A tunnel that was down has to
be said to be up: that its control server refuses us since then says nothing of it. After a proven leak "nothing
speaks against it" is not enough: it takes containment, or an address that is proven not to be home. A client whose
torrents are all stopped may not learn its new address: it still shows the old one, or none. Where the cause was cured
in sight (the binding, the tunnel whose network it shares), an address that it showed before is given time to change.
A person can say the same (`forgive`).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from ...model.reasons import Reason
from ...model.vpn import VpnStatus
from .addresses import home_at
from .evidence import Evidence
from .vpn_case import IP_VERSIONS, Case
from .vpn_exits import comes_out_with_us, ends_elsewhere, exits_at_home
from .vpn_judging import Found, doubted_since, judge, seen_elsewhere
from .vpn_learning import learn
from .vpn_types import Closed, Containment, Proof, Protection, Verdict, VpnMemory, VpnPolicy, VpnState


def advance(
    memory: VpnMemory, evidence: Evidence, protection: Protection, policy: VpnPolicy, now: datetime
) -> tuple[VpnMemory, Verdict]:
    """Take in what was seen, and judge."""
    case = learn(Case(memory=memory, evidence=evidence, protection=protection, policy=policy, now=now))
    case = case.remembering(_take_cure(case))
    learned, found = case.memory, judge(case)
    learned, found = _be_patient(learned, found, case)
    learned, verdict = _settle(learned, found, case)
    if learned.state is not verdict.state or learned.since is None:
        learned = replace(learned, state=verdict.state, since=now)
    moments = (*_moments(learned, evidence, policy), *(since + policy.doubt for since in doubted_since(case)))
    again = min((at for at in moments if at > now), default=None)
    ask_after = _newest_change(learned) if verdict.ask else None
    return learned, replace(verdict, since=learned.since, again=again, ask_after=ask_after)


def forgive(memory: VpnMemory, policy: VpnPolicy, now: datetime) -> VpnMemory:
    """Return it after a person said that the client may run. What it shows now is no proof for the time of a trial."""
    return replace(memory.forgiven(now + policy.trial), closed=None, calm_since=None)


def _take_cure(case: Case) -> VpnMemory:
    """Return the memory once what goes through the tunnel, and came out at home, comes out elsewhere again.

    A client that is stopped isn't told so: that it was told of home, at its end or before, is no proof for a trial.
    """
    memory, closed = case.memory, case.memory.closed
    if closed is None or closed.state is not VpnState.LEAKING or not closed.came_out_here:
        return memory
    if not case.proxy_stands_for_client or not ends_elsewhere(case):
        return memory
    until = case.now + case.policy.trial
    shown = {
        version: replace(each, forgiven_until=until) if home_at(memory.homes, each.place) is not None else each
        for version, each in memory.shown.items()
    }
    return replace(memory, shown=shown, closed=replace(closed, proof=Proof.EXIT, came_out_here=False))


# --- over time -------------------------------------------------------------------------------------------------------


def _be_patient(memory: VpnMemory, found: Found, case: Case) -> tuple[VpnMemory, Found]:
    """Not knowing is waited out; then it turns into what it amounts to."""
    if found.state is not VpnState.UNKNOWN:
        return (memory if memory.doubt_since is None else replace(memory, doubt_since=None, doubt=None)), found
    if memory.doubt_since is None or memory.doubt is not found.turns:  # each kind has a patience of its own
        memory = replace(memory, doubt_since=case.now, doubt=found.turns)
    since = memory.doubt_since or case.now
    if found.turns is None or case.now - since < case.policy.patience:
        return memory, found
    return memory, replace(found, state=found.turns, gate_open=found.turns is VpnState.UNVERIFIED)


def _settle(memory: VpnMemory, found: Found, case: Case) -> tuple[VpnMemory, Verdict]:
    """Close at once, open slowly."""
    closed = None if _is_over(memory.closed, case) else memory.closed
    if found.state is VpnState.LEAKING or (
        found.state in {VpnState.DOWN, VpnState.DOUBTFUL} and (closed is None or closed.state is not VpnState.LEAKING)
    ):
        stop = found.state is VpnState.LEAKING or not case.contained
        told = case.protection.gluetun and case.memory.connected is not None
        wants_word = found.state is VpnState.DOWN and (told or (closed is not None and closed.wants_word))
        fresh = Closed(state=found.state, stop=stop, reasons=found.reasons, proof=found.proof, wants_word=wants_word)
        closed = _refute(fresh, closed, case)
        return replace(memory, closed=closed, calm_since=None), _while_closed(closed, (), ask=found.ask)
    if closed is not None and _wants_word(closed, case):
        verdict = _while_closed(closed, (case.reason("guard.vpn_word_wanted"),), ask=True)
        return replace(memory, closed=closed, calm_since=None), verdict
    if closed is not None and not _reassures(found, closed, case):
        verdict = _while_closed(closed, found.reasons, ask=found.ask)
        return replace(memory, closed=closed, calm_since=None), verdict
    if closed is not None:
        calm_since = memory.calm_since or case.now
        if case.now - calm_since < _calm(closed, case.policy):
            verdict = _while_closed(closed, (case.reason("guard.vpn_calming"),), ask=found.ask)
            return replace(memory, closed=closed, calm_since=calm_since), verdict
    verdict = Verdict(state=found.state, reasons=found.reasons, gate_open=found.gate_open, ask=found.ask)
    return replace(memory, closed=None, calm_since=None), verdict


def _is_over(closed: Closed | None, case: Case) -> bool:
    """Tell whether there is nothing any more to be closed for: what was pretended needs no time to heal."""
    if case.protection.containment is Containment.NONE:
        return True
    return closed is not None and closed.proof is Proof.DRILL and not case.evidence.drill


def _while_closed(closed: Closed, more: tuple[Reason, ...], *, ask: bool) -> Verdict:
    return Verdict(
        state=closed.state,
        reasons=(*closed.reasons, *more),
        proof=closed.proof,
        stop=closed.stop,
        ask=ask or (closed.state is VpnState.LEAKING and closed.proof is not Proof.DRILL),
    )


def _refute(closed: Closed, before: Closed | None, case: Case) -> Closed:
    """Note whether what goes through the tunnel came out here, and that a client leaks although it is contained.

    The latter is known only after the tunnel was looked at again.
    """
    here = comes_out_with_us(case) if closed.state is VpnState.DOUBTFUL else any(exits_at_home(case))
    closed = replace(closed, came_out_here=here or (before is not None and before.came_out_here))
    if closed.proof is not Proof.ADDRESS or not case.held:
        return replace(closed, refuted=before is not None and before.refuted)
    since = (before.held_since if before is not None else None) or case.now
    lasted = case.now - since > case.policy.tunnel_lasts
    return replace(closed, held_since=since, refuted=lasted or (before is not None and before.refuted))


def _reassures(found: Found, closed: Closed, case: Case) -> bool:
    """Whether a moment counts as calm. After a leak it takes more than that nothing speaks against it."""
    if not found.gate_open or closed.state is not VpnState.LEAKING:
        return found.gate_open
    match closed.proof:
        case Proof.EXIT:
            return ends_elsewhere(case)  # what the client has shown all along says nothing
        case Proof.ADDRESS:
            # that it is contained was just proven wrong: it takes a cure, or to be seen elsewhere
            cured = case.memory.cured and not closed.refuted
            return seen_elsewhere(case) or (found.state is VpnState.CONTAINED and cured)
    return found.state in {VpnState.SAFE, VpnState.CONTAINED}


def _wants_word(closed: Closed, case: Case) -> bool:
    """Whether nobody says that the VPN is up, since it was down: itself, services through it, or what the client shows.

    Where it never told anything there is nothing to wait for.
    """
    tunnel, since = case.tunnel, case.memory.since
    if not closed.wants_word or not case.protection.gluetun:
        return False
    if tunnel is not None and (tunnel.status is not VpnStatus.UNKNOWN or tunnel.public_ip is not None):
        return False
    if since is None:
        return True
    ends = (case.end(version) for version in IP_VERSIONS)
    if any(end is not None and end.agreed and end.asked_at > since for end in ends):
        return False
    moved = any(shown.is_new_since(since) for shown in case.memory.shown.values())
    return not (moved and seen_elsewhere(case))


def _calm(closed: Closed, policy: VpnPolicy) -> timedelta:
    return policy.calm_after_leak if closed.state is VpnState.LEAKING else policy.calm


def _newest_change(memory: VpnMemory) -> datetime | None:
    """Return when what the services are asked for has last changed."""
    changes = [each.since for each in memory.shown.values()]
    return max((*changes, memory.tunnel_since) if memory.tunnel_since is not None else changes, default=None)


def _moments(memory: VpnMemory, evidence: Evidence, policy: VpnPolicy) -> Iterable[datetime]:
    """Return when something may change by time alone."""
    if evidence.tunnel is not None:
        yield evidence.tunnel.at + policy.tunnel_lasts + _TICK
    if evidence.client is not None:
        yield evidence.client.at + policy.client_lasts + _TICK
    if evidence.settings is not None:
        yield evidence.settings.at + policy.settings_last + _TICK
    if memory.doubt_since is not None:
        yield memory.doubt_since + policy.patience
    if memory.disconnected_since is not None:
        yield memory.disconnected_since + policy.disconnected
    if memory.closed is not None and memory.calm_since is not None:
        yield memory.calm_since + _calm(memory.closed, policy)
    for shown in memory.shown.values():
        if shown.forgiven_until is not None:
            yield shown.forgiven_until


#: What is just as old as it may be still counts.
_TICK = timedelta(microseconds=1)
