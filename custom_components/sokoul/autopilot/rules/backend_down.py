"""Backends that don't answer, or whose container's own health check fails: the container is restarted.

Detected from our own requests and from what the container engine says, and only when it has lasted for a while: a
restart costs connections, and most silences end by themselves. What a person did on purpose is left alone: a container
that was stopped, paused or never started is not ours to start; they are told. A container that the engine itself keeps
restarting gains nothing from one more. Tries are spaced out, doubling, and few in a day, counted over outages: a
program that answers for a minute after each restart would be restarted for ever otherwise.

A container that borrows another's network is reached through that one. While the lender is not well nothing is done
to the borrower, because the lender is the cause. Once the lender was started anew, the borrower's network is gone for
good, however healthy it looks, and only a restart of its own gives it the new one. If the lender was replaced by
another container, not even that helps: it has to be made anew, which takes its owner.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
import shlex

from ...model.containers import (
    Container,
    ContainerHealth,
    ContainerMatch,
    ContainerState,
    MatchedBy,
    dependants,
    lender,
    lost_network,
)
from ...model.journal import ActKind, Autonomy, Proposal
from ...model.reasons import Reason, Value, known

KEY = "backend_down"
_NETWORK = "heal.backend_down_network"

DAY = timedelta(days=1)
#: A program that has just started may take so long until its health check has an opinion.
STARTING = timedelta(minutes=10)
#: Who started the lender anew may be about to start its borrowers, too.
LENDER_SETTLES = timedelta(seconds=30)
#: Where only time can tell.
LOOK_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendDownPolicy:
    """How patient, and how often."""

    patience: timedelta = timedelta(minutes=5)
    back_off: timedelta = timedelta(minutes=10)  # to the second try; then doubled
    longest_back_off: timedelta = timedelta(hours=6)
    restarts_a_day: int = 3
    grace_seconds: int = 30  # what the program has to end by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One backend as this rule sees it. `restarts` are our own, of the last days."""

    backend_id: str
    now: datetime
    silent_since: datetime | None = None  # None: it answers
    unhealthy_since: datetime | None = None  # its container's health check fails, as first seen; None: it doesn't
    found: ContainerMatch | None = None  # None: nobody knows its container, or there is no engine
    containers: tuple[Container, ...] = ()  # all of that engine; those that borrow and lend looked at closely
    restarts: tuple[datetime, ...] = ()
    may_restart: bool = True  # the engine lets us
    other_way: bool = False  # a person chose one that needs no engine: an app, a script
    likely_name: str = ""  # what its container may be called; "" where that would be a wild guess
    alone: bool = True  # other backends of that engine answer; else it is the way to them that is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is wanted now, and when to ask again at the latest (None: when something changes)."""

    proposal: Proposal | None = None
    again: datetime | None = None


NOTHING = Decision()


def decide(outage: Outage, policy: BackendDownPolicy) -> Decision:
    """Return what to do about a backend: nothing, wait, restart its container, or tell a person."""
    if outage.found is None:
        return _without_container(outage, policy)
    container = outage.found.container
    lends = lender(container, outage.containers)
    if lends is not None and lost_network(container, lends):
        return _regain_network(outage, policy, container, lends)
    began = min(filter(None, (outage.silent_since, outage.unhealthy_since)), default=None)
    if began is None:
        return NOTHING
    if outage.now < began + policy.patience:
        return Decision(again=began + policy.patience)
    if container.network_of is not None and lends is None and outage.containers:
        return Decision(proposal=_orphan(outage, container))
    if not outage.alone or (lends is not None and not lends.well):
        return Decision(again=outage.now + LOOK_AGAIN)
    return _by_state(outage, policy, container, began)


def revive_dependants(
    backend_id: str,
    lends: Container,
    containers: Iterable[Container],
    *,
    now: datetime,
    policy: BackendDownPolicy,
    restarts: Collection[datetime] = (),
    others: Collection[str] = (),
    may_restart: bool = True,
) -> Decision:
    """Return what to do about the containers whose network is gone since this one was started anew.

    It is for those that are no backend of ours: `others` are the ids of those that are, each of which `decide` looks
    after. `restarts` are those of the borrowers, not of the lender, which is no reason to let them wait. `lends` and
    those that borrow from it have to have been looked at closely.
    """
    lost = [each for each in dependants(lends, containers) if each.id not in others and lost_network(each, lends)]
    if not lost:
        return NOTHING
    if not lends.well:
        return Decision(again=now + LOOK_AGAIN)
    if now < (due := max(_settled(lends, now), _next_try(restarts, now, policy))):
        return Decision(again=due)
    reason = Reason(
        key="heal.backend_down_dependants",
        parameters={"names": tuple(each.name for each in lost), "lender": lends.name},
    )
    if not may_restart or policy.restarts_a_day < 1:
        return Decision(proposal=_command(backend_id, _docker("restart", *(each.name for each in lost))))
    return Decision(proposal=_restart(backend_id, lost, reason, policy))


# --- the cases -------------------------------------------------------------------------------------------------------


def _without_container(outage: Outage, policy: BackendDownPolicy) -> Decision:
    """Restart what doesn't answer in the way that a person chose; tell how, where there is none."""
    if outage.silent_since is None:
        return NOTHING
    due = max(outage.silent_since + policy.patience, _next_try(outage.restarts, outage.now, policy, day=False))
    if outage.now < due:
        return Decision(again=due)
    if not outage.alone:
        return Decision(again=outage.now + LOOK_AGAIN)
    since: dict[str, Value] = {"since": outage.silent_since}
    if not outage.other_way:
        if not outage.likely_name:
            return NOTHING
        command = _docker("restart", outage.likely_name)
        by_hand = Reason(key="heal.backend_down_by_hand", parameters={**since, "command": command})
        return Decision(proposal=_tell(outage.backend_id, by_hand))
    free = _next_try(outage.restarts, outage.now, policy)
    if outage.now < free or policy.restarts_a_day < 1:
        tries = len(_of_the_day(outage.restarts, outage.now))
        given_up = Reason(key="heal.backend_down_gave_up_otherwise", parameters={"count": tries})
        return Decision(proposal=_tell(outage.backend_id, given_up) if tries else None, again=free)
    return Decision(
        proposal=_restart(outage.backend_id, [], Reason(key="heal.backend_down_silent", parameters=since), policy),
        again=outage.now + policy.back_off,
    )


def _by_state(outage: Outage, policy: BackendDownPolicy, container: Container, began: datetime) -> Decision:
    match container.state:
        case ContainerState.RUNNING:
            return _restart_running(outage, policy, container, began)
        case ContainerState.EXITED | ContainerState.CREATED:
            return _restart_ended(outage, policy, container, began)
        case ContainerState.PAUSED:
            return Decision(proposal=_left_stopped(outage, container))
        case ContainerState.RESTARTING:
            return Decision(proposal=_crashing(outage, container))
    return Decision(again=outage.now + LOOK_AGAIN)


def _restart_running(outage: Outage, policy: BackendDownPolicy, container: Container, began: datetime) -> Decision:
    """Restart what runs and doesn't answer. Somebody may just have started it: then it gets its time again."""
    started = container.details.started_at if container.details else None
    due = began + policy.patience
    if started is not None:
        due = max(due, started + policy.patience)
        if container.health is ContainerHealth.STARTING:
            due = max(due, started + STARTING)
    elif container.health is ContainerHealth.STARTING:
        due = max(due, began + STARTING)
    if outage.unhealthy_since is not None and container.health is ContainerHealth.UNHEALTHY:
        reason = Reason(
            key="heal.backend_down_unhealthy",
            parameters={"container": container.name, "since": outage.unhealthy_since},
            evidence=_evidence(container),
        )
    else:
        reason = Reason(
            key="heal.backend_down",
            parameters={"container": container.name, "since": began},
            evidence=_evidence(container),
        )
    return _try(outage, policy, container, reason, due)


def _restart_ended(outage: Outage, policy: BackendDownPolicy, container: Container, began: datetime) -> Decision:
    """Start what failed by itself; what was stopped stays stopped. One that the engine restarts was stopped.

    A container that the engine could not start was not: after a restart of the machine that happens to those which
    borrow the network of one that starts later, and the engine tries only once.
    """
    details = container.details
    if details is None:
        return Decision(again=outage.now + LOOK_AGAIN)
    ran = container.state is ContainerState.EXITED  # else it was never started, and nothing of it can have failed
    failed = ran and (details.out_of_memory or details.exit_code not in _STOPPED)
    if details.start_error:
        reason = Reason(
            key="heal.backend_down_not_started",
            parameters={"container": container.name, "message": details.start_error},
        )
    elif failed and not details.restarts_itself:
        reason = Reason(
            key="heal.backend_down_ended",
            parameters={"container": container.name, "since": details.finished_at or began},
            evidence=_evidence(container),
        )
    else:
        return Decision(proposal=_left_stopped(outage, container))
    return _try(outage, policy, container, reason, began + policy.patience)


#: How a program ends that was asked to: by itself, by SIGINT, SIGKILL, SIGTERM.
_STOPPED = frozenset({0, 130, 137, 143})


def _regain_network(outage: Outage, policy: BackendDownPolicy, container: Container, lends: Container) -> Decision:
    """Restart what has lost the network that it borrowed; there is nothing to wait for but the lender."""
    if not lends.well:
        return Decision(again=outage.now + LOOK_AGAIN)
    reason = Reason(
        key=_NETWORK,
        parameters={"container": container.name, "lender": lends.name},
        evidence=known(since=lends.details.started_at if lends.details else None),
    )
    return _try(outage, policy, container, reason, _settled(lends, outage.now))


def _try(outage: Outage, policy: BackendDownPolicy, container: Container, reason: Reason, due: datetime) -> Decision:
    """Restart, unless it is too early or was tried too often; or say how, where we may not."""
    due = max(due, _next_try(outage.restarts, outage.now, policy, day=False))
    if outage.now < due:
        return Decision(again=due)
    if not outage.may_restart or policy.restarts_a_day < 1:
        return Decision(proposal=_command(outage.backend_id, _docker("restart", container.name), container))
    free = _next_try(outage.restarts, outage.now, policy)
    if outage.now < free:
        tries = len(_of_the_day(outage.restarts, outage.now))
        given_up = Reason(
            key="heal.backend_down_gave_up",
            parameters={"container": container.name, "count": tries},
            evidence=_evidence(container),
        )
        return Decision(proposal=_tell(outage.backend_id, given_up), again=free)
    # its own health check is content: then the fault may as well be on the way to it
    certain = outage.found is not None and outage.found.by is not MatchedBy.IMAGE
    certain = certain and (container.health is not ContainerHealth.HEALTHY or reason.key == _NETWORK)
    return Decision(
        proposal=_restart(
            outage.backend_id,
            [container],
            reason,
            policy,
            borrowers=dependants(container, outage.containers),
            ceiling=Autonomy.ACT if certain else Autonomy.SUGGEST,
        ),
        again=outage.now + policy.back_off,
    )


def _left_stopped(outage: Outage, container: Container) -> Proposal:
    paused = container.state is ContainerState.PAUSED
    return _tell(
        outage.backend_id,
        Reason(
            key="heal.backend_down_paused" if paused else "heal.backend_down_stopped",
            parameters={
                "container": container.name,
                "command": _docker("unpause" if paused else "start", container.name),
            },
            evidence=_evidence(container),
        ),
    )


def _crashing(outage: Outage, container: Container) -> Proposal:
    return _tell(
        outage.backend_id,
        Reason(
            key="heal.backend_down_crashing",
            parameters={"container": container.name, "command": _docker("logs", "--tail", "50", container.name)},
            evidence=_evidence(container),
        ),
    )


def _orphan(outage: Outage, container: Container) -> Proposal:
    """Tell of a container whose lender is gone: starting it fails."""
    if container.service is None:
        reason = Reason(key="heal.backend_down_orphan", parameters={"container": container.name})
    else:
        project = ("--project-name", container.project) if container.project else ()
        command = _docker("compose", *project, "up", "--detach", "--force-recreate", container.service)
        reason = Reason(
            key="heal.backend_down_orphan_compose", parameters={"container": container.name, "command": command}
        )
    return _tell(outage.backend_id, reason)


# --- proposals -------------------------------------------------------------------------------------------------------


def _restart(
    backend_id: str,
    containers: Collection[Container],
    reason: Reason,
    policy: BackendDownPolicy,
    *,
    borrowers: Collection[Container] = (),
    ceiling: Autonomy = Autonomy.ACT,
) -> Proposal:
    """Propose to restart containers. `borrowers` will have to be restarted afterwards: it is said beforehand."""
    return Proposal(
        rule=KEY,
        subject=backend_id,
        act=ActKind.RESTART,
        reason=reason,
        parameters={
            "containers": tuple(each.id for each in containers),
            "names": tuple(each.name for each in containers),
            "borrowers": tuple(each.name for each in borrowers),
            "grace_seconds": policy.grace_seconds,
        },
        ceiling=ceiling,
    )


def _tell(backend_id: str, reason: Reason) -> Proposal:
    return Proposal(rule=KEY, subject=backend_id, act=ActKind.TELL, reason=reason)


def _command(backend_id: str, command: str, container: Container | None = None) -> Proposal:
    evidence = _evidence(container) if container else {}
    return _tell(
        backend_id, Reason(key="heal.backend_down_command", parameters={"command": command}, evidence=evidence)
    )


def _docker(*words: str) -> str:
    """Return a command for a person; names come from outside, so they are quoted."""
    return shlex.join(("docker", *words))


def _evidence(container: Container) -> dict[str, Value]:
    details = container.details
    if details is None:
        return {}
    ended = container.state in {ContainerState.EXITED, ContainerState.RESTARTING}
    unhealthy = container.health is ContainerHealth.UNHEALTHY
    return known(
        exit_code=details.exit_code if ended else None,
        message=details.health_message if unhealthy and details.health_message else None,
    )


# --- when ------------------------------------------------------------------------------------------------------------


def _of_the_day(restarts: Iterable[datetime], now: datetime) -> list[datetime]:
    return sorted(at for at in restarts if now - at < DAY)


def _in_a_row(restarts: Iterable[datetime], now: datetime) -> int:
    """Return how many tries there were without a day of peace between them, or since."""
    count, after = 0, now
    for at in sorted(restarts, reverse=True):
        if after - at >= DAY:
            break
        count, after = count + 1, at
    return count


def _next_try(
    restarts: Collection[datetime], now: datetime, policy: BackendDownPolicy, *, day: bool = True
) -> datetime:
    """Return from when on a try is allowed: by the back-off, and (`day`) by how many a day may have."""
    tries = _in_a_row(restarts, now)
    if not tries:
        return now
    doubled = policy.back_off * (1 << min(tries - 1, _MOST_DOUBLINGS))
    free = max(restarts) + min(doubled, policy.longest_back_off)
    recent = _of_the_day(restarts, now)
    if day and 0 < policy.restarts_a_day <= len(recent):
        free = max(free, recent[-policy.restarts_a_day] + DAY)
    return free


_MOST_DOUBLINGS = 20


def _settled(lends: Container, now: datetime) -> datetime:
    """Return from when on a lender has been running for long enough."""
    started = lends.details.started_at if lends.details else None
    return now if started is None else started + LENDER_SETTLES
