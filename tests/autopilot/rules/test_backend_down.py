"""Backends that don't answer: when their container is restarted, when somebody is told, when nothing is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.rules.backend_down import (
    KEY,
    NOTHING,
    BackendDownPolicy,
    Decision,
    Outage,
    decide,
    revive_dependants,
)
from custom_components.sokoul.model.containers import (
    Container,
    ContainerDetails,
    ContainerHealth,
    ContainerMatch,
    ContainerState,
    MatchedBy,
    find_container,
    lender,
)
from custom_components.sokoul.model.journal import ActKind, Autonomy, Proposal

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = BackendDownPolicy()
RUNNING, EXITED, PAUSED = ContainerState.RUNNING, ContainerState.EXITED, ContainerState.PAUSED
HEALTHY, UNHEALTHY, STARTING = ContainerHealth.HEALTHY, ContainerHealth.UNHEALTHY, ContainerHealth.STARTING


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def ago(span: timedelta) -> datetime:
    return NOW - span


TWO_DAYS = hours(48)


def box(name: str = "radarr", state: ContainerState = RUNNING, *, up: timedelta = TWO_DAYS, **fields: Any) -> Container:
    known = {each: fields.pop(each) for each in tuple(fields) if each in ContainerDetails.__dataclass_fields__}
    details = ContainerDetails(**{"started_at": ago(up), **known})
    made = {"id": (name.encode().hex() * 64)[:64], "image": f"example/{name}", "details": details}
    return Container(name=name, state=state, **{**made, **fields})


def gluetun(**fields: Any) -> Container:
    return box("gluetun", **{"health": HEALTHY, **fields})


def borrower(**fields: Any) -> Container:
    return box("radarr", network_mode=f"container:{gluetun().id}", **fields)


def outage(container: Container | None = None, **fields: Any) -> Outage:
    container = container or box()
    found = ContainerMatch(container=container, by=fields.pop("by", MatchedBy.NAME))
    around = (container, *fields.pop("beside", ()))
    return Outage(backend_id="movies", now=NOW, **{"found": found, "containers": around, **fields})


def silent(span: timedelta, container: Container | None = None, **fields: Any) -> Outage:
    return outage(container, silent_since=ago(span), **fields)


def ill(span: timedelta, **fields: Any) -> Outage:
    return outage(box(health=UNHEALTHY), unhealthy_since=ago(span), **fields)


def tried(*spans: timedelta) -> dict[str, Any]:
    return {"restarts": tuple(ago(span) for span in spans)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    outage: Outage
    wants: ActKind | None  # None: nothing now
    says: str | None = None
    again: timedelta | None = None  # from now; None: not asked for
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ceiling: Autonomy = Autonomy.ACT


def row(name: str, outage: Outage, wants: ActKind | None, says: str | None = None, **more: Any) -> Row:
    return Row(name=name, outage=outage, wants=wants, says=says, **more)


RESTART, TELL = ActKind.RESTART, ActKind.TELL
DOWN, GAVE_UP = "heal.backend_down", "heal.backend_down_gave_up"

ROWS = (
    # how long
    row("it answers", outage(), None),
    row("it fell silent just now", silent(minutes(1)), None, again=minutes(4)),
    row("five minutes of silence", silent(minutes(5)), RESTART, DOWN, again=minutes(10)),
    row("nobody knows its container", silent(hours(5), found=None), None),
    row("it was started three minutes ago: it gets its time again", silent(hours(5), box(up=minutes(3))), None,
        again=minutes(2)),
    row("its health check has no opinion yet", silent(hours(5), box(up=minutes(7), health=STARTING)), None,
        again=minutes(3)),
    row("its health check has had no opinion for too long", silent(hours(5), box(up=minutes(10), health=STARTING)),
        RESTART, DOWN),
    # health
    row("its health check has just begun to fail", ill(minutes(2)), None, again=minutes(3)),
    row("its health check has been failing, though it answers", ill(minutes(5)), RESTART,
        "heal.backend_down_unhealthy"),
    row("neither answers nor is healthy", ill(minutes(5), silent_since=ago(minutes(9))), RESTART,
        "heal.backend_down_unhealthy"),
    row("it falls silent before its health check notices", silent(minutes(6), unhealthy_since=ago(minutes(1))), RESTART,
        DOWN),
    row("silent to us, healthy to itself: the fault may lie between", silent(minutes(6), box(health=HEALTHY)), RESTART,
        DOWN, ceiling=Autonomy.SUGGEST),
    row("only likely its container", silent(minutes(6), by=MatchedBy.IMAGE), RESTART, DOWN, ceiling=Autonomy.SUGGEST),
    row("all backends of that engine are silent: it is not this one", silent(hours(5), alone=False), None,
        again=minutes(1)),
    # how often
    row("restarted nine minutes ago", silent(hours(1), **tried(minutes(9))), None, again=minutes(1)),
    row("restarted ten minutes ago", silent(hours(1), **tried(minutes(10))), RESTART, DOWN),
    row("the third try waits twice as long", silent(hours(1), **tried(minutes(30), minutes(19))), None,
        again=minutes(1)),
    row("the third try", silent(hours(1), **tried(minutes(30), minutes(20))), RESTART, DOWN),
    row("the third try gets its time, too", silent(hours(2), **tried(hours(2), hours(1), minutes(39))), None,
        again=minutes(1)),
    row("three tries in vain: it is given up", silent(hours(2), **tried(hours(2), hours(1), minutes(40))), TELL,
        GAVE_UP, again=hours(22), parameters={"container": "radarr", "count": 3}),
    row("tries of earlier outages count: it may fall over each time", silent(minutes(6),
        **tried(hours(20), hours(12), hours(5))), TELL, GAVE_UP, again=hours(4)),
    row("the first try after a day of peace", silent(hours(1), **tried(hours(60), hours(50), hours(30))),
        RESTART, DOWN),
    row("without a day of peace the distance keeps growing, up to six hours", silent(hours(60),
        **tried(*(hours(each) for each in (50, 40, 30, 29, 28, 27, 26, 5)))), None, again=hours(1)),
    row("a day later one try is free", silent(hours(24), **tried(hours(24), hours(23), hours(22))), RESTART, DOWN),
    # what a person did
    row("stopped by hand", silent(hours(1), box(state=EXITED, exit_code=0)), TELL, "heal.backend_down_stopped",
        parameters={"container": "radarr", "command": "docker start radarr"}),
    row("stopped by hand, and it had to be killed", silent(hours(1), box(state=EXITED, exit_code=137)), TELL,
        "heal.backend_down_stopped"),
    row("it would have been started again, had nobody stopped it",
        silent(hours(1), box(state=EXITED, exit_code=1, restarts_itself=True)), TELL, "heal.backend_down_stopped"),
    row("paused", silent(hours(1), box(state=PAUSED)), TELL, "heal.backend_down_paused",
        parameters={"container": "radarr", "command": "docker unpause radarr"}),
    row("made and never started", silent(hours(1), box(state=ContainerState.CREATED)), TELL,
        "heal.backend_down_stopped"),
    row("never started, so it can't have failed", silent(hours(1), box(state=ContainerState.CREATED,
        out_of_memory=True)), TELL, "heal.backend_down_stopped"),
    # what it did itself
    row("it ended with an error", silent(minutes(5), box(state=EXITED, exit_code=1, finished_at=ago(minutes(5)))),
        RESTART, "heal.backend_down_ended"),
    row("it ended with an error just now", silent(minutes(1), box(state=EXITED, exit_code=1)), None, again=minutes(4)),
    row("it was killed for want of memory", silent(minutes(5), box(state=EXITED, exit_code=137, out_of_memory=True)),
        RESTART, "heal.backend_down_ended"),
    row("its engine could not start it: nobody stopped it", silent(minutes(5), box(state=EXITED, exit_code=137,
        restarts_itself=True, start_error="port is already allocated")), RESTART, "heal.backend_down_not_started",
        parameters={"container": "radarr", "message": "port is already allocated"}),
    row("its engine could not even start it once", silent(minutes(5), box(state=ContainerState.CREATED,
        start_error="port is already allocated")), RESTART, "heal.backend_down_not_started"),
    row("how it ended is not known yet", silent(minutes(5), box(state=EXITED, details=None)), None, again=minutes(1)),
    row("its engine starts it again and again", silent(hours(1), box(state=ContainerState.RESTARTING, exit_code=1)),
        TELL, "heal.backend_down_crashing",
        parameters={"container": "radarr", "command": "docker logs --tail 50 radarr"}),
    row("it is being removed", silent(hours(1), box(state=ContainerState.REMOVING)), None, again=minutes(1)),
    row("a state from the future", silent(hours(1), box(state=ContainerState.UNKNOWN)), None, again=minutes(1)),
    # without power
    row("we may not restart it: somebody is told how", silent(minutes(5), may_restart=False), TELL,
        "heal.backend_down_command", parameters={"command": "docker restart radarr"}),
    row("it is not to be restarted: somebody is told how", silent(minutes(5)), TELL, "heal.backend_down_command",
        parameters={"command": "docker restart radarr"}),
    row("a name is no part of a command", silent(minutes(5), box("a; rm -rf ~"), may_restart=False), TELL,
        "heal.backend_down_command", parameters={"command": "docker restart 'a; rm -rf ~'"}),
    # borrowed networks
    row("its network is there", silent(minutes(5), borrower(), beside=(gluetun(),)), RESTART, DOWN),
    row("who lends its network is not well: that is the cause",
        silent(hours(1), borrower(), beside=(gluetun(health=UNHEALTHY),)), None, again=minutes(1)),
    row("who lends its network was stopped", silent(hours(1), borrower(), beside=(gluetun(state=EXITED),)), None,
        again=minutes(1)),
    row("who lends its network was just started anew and is not healthy yet",
        silent(minutes(1), borrower(), beside=(gluetun(up=minutes(1), health=STARTING),)), None, again=minutes(1)),
    row("who started it anew may start the borrower, too",
        outage(borrower(), beside=(gluetun(up=timedelta(seconds=20)),)), None, again=timedelta(seconds=10)),
    row("it was started anew, and is healthy again: nothing else to wait for",
        silent(minutes(1), borrower(health=HEALTHY), beside=(gluetun(up=minutes(1)),)), RESTART,
        "heal.backend_down_network", parameters={"container": "radarr", "lender": "gluetun"}),
    row("its network is gone, and it was restarted for that already",
        silent(minutes(1), borrower(), beside=(gluetun(up=minutes(1)),), **tried(minutes(4))), None, again=minutes(6)),
    row("the container whose network it borrows is gone", silent(hours(1), borrower()), TELL,
        "heal.backend_down_orphan"),
    row("the same, of compose", silent(hours(1), borrower(project="media", service="movies")), TELL,
        "heal.backend_down_orphan_compose", parameters={
            "container": "radarr",
            "command": "docker compose --project-name media up --detach --force-recreate movies"}),
    row("nobody said which containers there are", silent(hours(1), borrower(), containers=()), RESTART, DOWN),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_backend_down(case: Row) -> None:
    policy = replace(POLICY, restarts_a_day=0) if case.name.startswith("it is not to be") else POLICY
    decision = decide(case.outage, policy)
    proposal = decision.proposal
    assert (proposal.act if proposal else None) is case.wants
    if case.again is not None:
        assert decision.again == NOW + case.again
    if proposal is None:
        assert decision.again is None or decision.again > NOW
        return
    assert (proposal.rule, proposal.subject) == (KEY, "movies")
    assert proposal.ceiling is case.ceiling
    if case.says is not None:
        assert proposal.reason.key == case.says
    if case.parameters:
        assert proposal.reason.parameters == case.parameters
    if proposal.act is RESTART:
        assert case.outage.found is not None
        assert proposal.parameters["containers"] == (case.outage.found.container.id,)
        assert proposal.parameters["grace_seconds"] == 30
    said(proposal)


def said(proposal: Proposal) -> None:
    """See that there are words for it, with its evidence."""
    for language in wording.LANGUAGES:
        words = wording.load(language)
        assert words.text(proposal.reason.key, now=NOW, **proposal.reason.parameters)
        for name, value in proposal.reason.evidence.items():
            assert words.text(f"evidence.{name}", now=NOW, value=value)


def test_it_is_said_beforehand_who_loses_the_network() -> None:
    lends = gluetun(health=UNHEALTHY)
    case = outage(lends, unhealthy_since=ago(minutes(5)), beside=(borrower(), box("sonarr")))
    proposal = decide(case, POLICY).proposal
    assert proposal is not None
    assert proposal.parameters["borrowers"] == ("radarr",)


# --- those that are no backends --------------------------------------------------------------------------------------


def revive(lends: Container, *containers: Container, **options: Any) -> Decision:
    return revive_dependants("vpn", lends, containers, now=NOW, policy=POLICY, **options)


def test_borrowers_are_restarted_once_their_lender_is_healthy_again() -> None:
    lost, fresh = borrower(), replace(box("fresh", up=timedelta(seconds=1)), network_mode=borrower().network_mode)
    for state in (gluetun(up=minutes(2), health=STARTING), gluetun(up=minutes(2), state=EXITED)):
        assert revive(state, lost, fresh) == Decision(again=NOW + minutes(1))
    again = gluetun(up=minutes(2))
    proposal = revive(again, lost, fresh, box("sonarr")).proposal
    assert proposal is not None
    assert (proposal.act, proposal.subject) == (RESTART, "vpn")
    assert proposal.parameters["containers"] == (lost.id,)
    assert proposal.reason.parameters == {"names": ("radarr",), "lender": "gluetun"}
    said(proposal)
    assert revive(again, lost, others={lost.id}) == NOTHING
    assert revive(again, fresh) == NOTHING
    assert revive(gluetun(), lost, fresh) == NOTHING


def test_borrowers_are_not_restarted_for_ever() -> None:
    lends = gluetun(up=minutes(2))
    assert revive(lends, borrower(), restarts=[ago(minutes(4))]) == Decision(again=NOW + minutes(6))
    assert revive(lends, borrower(), restarts=[ago(hours(each)) for each in (9, 6, 3)]) == Decision(
        again=NOW + hours(15)
    )
    proposal = revive(lends, borrower(), may_restart=False).proposal
    assert proposal is not None
    assert proposal.reason.parameters == {"command": "docker restart radarr"}


# --- properties ------------------------------------------------------------------------------------------------------

spans = st.timedeltas(timedelta(), timedelta(days=3))
containers = st.builds(
    box,
    state=st.sampled_from(ContainerState),
    up=spans,
    health=st.sampled_from(ContainerHealth),
    exit_code=st.sampled_from([0, 1, 137]),
    restarts_itself=st.booleans(),
    out_of_memory=st.booleans(),
    start_error=st.sampled_from(["", "port is already allocated"]),
    network_mode=st.sampled_from(["bridge", "host", f"container:{gluetun().id}", "container:gone"]),
)
outages = st.builds(
    lambda container, lends, silence, illness, restarts, alone, may: outage(
        container,
        beside=lends,
        silent_since=None if silence is None else ago(silence),
        unhealthy_since=None if illness is None else ago(illness),
        restarts=tuple(map(ago, restarts)),
        alone=alone,
        may_restart=may,
    ),
    containers,
    st.one_of(st.just(()), st.tuples(st.builds(gluetun, up=spans, state=st.sampled_from(ContainerState)))),
    st.none() | spans,
    st.none() | spans,
    st.lists(spans, max_size=6),
    st.booleans(),
    st.booleans(),
)


@given(outages)
def test_whatever_happens(case: Outage) -> None:
    decision = decide(case, POLICY)
    assert decision.again is None or decision.again > NOW
    if (proposal := decision.proposal) is None:
        return
    said(proposal)
    if proposal.act is not RESTART:
        return
    assert case.may_restart
    assert case.found is not None
    container = case.found.container
    stopped = container.details is None or not container.details.start_error
    by_hand = {PAUSED, ContainerState.CREATED} if stopped else {PAUSED}
    assert container.state not in by_hand, "what was stopped or paused by hand stays so"
    lends = lender(container, case.containers)
    assert lends is None or lends.well
    recent = [at for at in case.restarts if NOW - at < timedelta(days=1)]
    assert len(recent) < POLICY.restarts_a_day
    assert all(NOW - at >= POLICY.back_off for at in recent)
    if proposal.reason.key != "heal.backend_down_network":
        since = min(filter(None, (case.silent_since, case.unhealthy_since)))
        assert NOW - since >= POLICY.patience


@given(st.integers(1, 12), st.integers(1, 60))
def test_a_dead_program_is_restarted_at_growing_distances(restarts_a_day: int, step: int) -> None:
    """Follow three days of a program that no restart helps."""
    policy = replace(POLICY, restarts_a_day=restarts_a_day)
    restarts: list[datetime] = []
    now, began = NOW, NOW
    while now < NOW + timedelta(days=3):
        up = now - max(restarts, default=NOW - hours(48))
        container = replace(box(), details=ContainerDetails(started_at=now - up))
        found = find_container("radarr", "radarr", 7878, [container])
        case = Outage(backend_id="b", now=now, silent_since=began, found=found, restarts=tuple(restarts))
        decision = decide(case, policy)
        if decision.proposal and decision.proposal.act is RESTART:
            restarts.append(now)
        now = max(decision.again or now, now + minutes(step))
    for index, at in enumerate(restarts):
        assert sum(at - hours(24) < other <= at for other in restarts) <= restarts_a_day
        if index:
            wanted = min(policy.back_off * 2 ** (index - 1), policy.longest_back_off)
            assert at - restarts[index - 1] >= wanted
    assert len(restarts) >= min(restarts_a_day, 3)
