"""Backends of which no container is known: restarted in the way that a person chose, or told about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.backend_down import KEY, NOTHING, BackendDownPolicy, Outage, decide
from custom_components.sokoul.model.journal import ActKind, Autonomy

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = BackendDownPolicy()
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def ago(*spans: timedelta) -> tuple[datetime, ...]:
    return tuple(NOW - span for span in spans)


def silent(minutes: float, *, script: bool = True, **fields: Any) -> Outage:
    since = NOW - minutes * MINUTE
    return Outage(backend_id="movies", now=NOW, silent_since=since, other_way=script, likely_name="radarr", **fields)


RESTART, TELL = ActKind.RESTART, ActKind.TELL

CASES: Mapping[str, tuple[Outage, tuple[ActKind, str] | None, timedelta | None]] = {
    "it answers": (replace(silent(0), silent_since=None), None, None),
    "it was well a moment ago": (silent(1), None, 4 * MINUTE),
    "its patience is over": (silent(5), (RESTART, "silent"), POLICY.back_off),
    "tried just now": (silent(9, restarts=ago(4 * MINUTE)), None, 6 * MINUTE),
    "tried a while ago": (silent(20, restarts=ago(11 * MINUTE)), (RESTART, "silent"), POLICY.back_off),
    "tried twice": (silent(40, restarts=ago(15 * MINUTE, 26 * MINUTE)), None, 5 * MINUTE),
    "tried three times today": (
        silent(600, restarts=ago(8 * HOUR, 9 * HOUR, 10 * HOUR)),
        (TELL, "gave_up_otherwise"),
        14 * HOUR,
    ),
    "tried three times, and the day is over": (
        silent(1600, restarts=ago(22 * HOUR, 23 * HOUR, 25 * HOUR)),
        (RESTART, "silent"),
        POLICY.back_off,
    ),
    "everything there is silent": (silent(60, alone=False), None, MINUTE),
    "no way at all": (silent(5, script=False), (TELL, "by_hand"), None),
    "no way, and everything there is silent": (silent(60, script=False, alone=False), None, MINUTE),
    "no way, and no idea what it runs in": (replace(silent(5, script=False), likely_name=""), None, None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wanted(case: str) -> None:
    outage, wanted, again = CASES[case]
    decision = decide(outage, POLICY)
    assert (decision.again - NOW if decision.again else None) == again
    if wanted is None:
        assert decision.proposal is None
        return
    proposal = decision.proposal
    assert proposal is not None
    assert (proposal.rule, proposal.subject, proposal.ceiling) == (KEY, "movies", Autonomy.ACT)
    assert (proposal.act, proposal.reason.key) == (wanted[0], f"heal.backend_down_{wanted[1]}")


def test_no_restarts_a_day_means_none() -> None:
    assert decide(silent(60), replace(POLICY, restarts_a_day=0)).proposal is None


def test_the_command_is_safe_to_copy() -> None:
    decision = decide(replace(silent(9, script=False), likely_name="ra darr;rm -rf $HOME"), POLICY)
    assert decision.proposal is not None
    assert decision.proposal.reason.parameters["command"] == "docker restart 'ra darr;rm -rf $HOME'"


@given(
    minutes=st.floats(0, 10_000),
    restarts=st.lists(st.floats(0, 10_000), max_size=6),
    alone=st.booleans(),
    script=st.booleans(),
)
def test_never_more_often_than_allowed(minutes: float, restarts: list[float], alone: bool, script: bool) -> None:  # noqa: FBT001 -- drawn
    times = tuple(NOW - each * MINUTE for each in restarts)
    decision = decide(silent(minutes, script=script, alone=alone, restarts=times), POLICY)
    if decision.proposal is None or decision.proposal.act is not ActKind.RESTART:
        return
    assert script
    assert alone
    assert minutes >= POLICY.patience / MINUTE
    assert sum(NOW - at < timedelta(days=1) for at in times) < POLICY.restarts_a_day
    assert all(NOW - at >= POLICY.back_off for at in times)


def test_what_answers_is_never_touched() -> None:
    well = Outage(backend_id="movies", now=NOW, other_way=True, likely_name="radarr", restarts=ago(HOUR))
    assert decide(well, POLICY) == NOTHING
