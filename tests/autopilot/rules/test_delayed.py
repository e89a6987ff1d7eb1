"""Releases that an *arr keeps back: a person is told when that lasts for a day longer than it should."""

import pytest

from custom_components.sokoul.autopilot.observe import AnyRule, observe
from custom_components.sokoul.autopilot.rules.base import Case, Later, Sign, Surroundings
from custom_components.sokoul.autopilot.rules.delayed import RULE
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.model.journal import ActKind, Autonomy, Proposal
from custom_components.sokoul.model.library import Protocol, QueueStatus, Title
from tests.autopilot.rules.drive import Drive
from tests.autopilot.rules.queue import (
    NOTHING,
    Row,
    coming,
    days,
    delayed,
    grabbed,
    hours,
    minutes,
    queued,
    row,
    unmonitored,
)
from tests.model import make
from tests.model.make import NOW

AWAY = Surroundings(arrs_away=frozenset({"radarr"}))

ROWS = (
    row("its delay still runs", queued(delayed(time_left=hours(40))), days(3), NOTHING),
    row("its delay is over, the next look at the feeds takes it", queued(delayed(time_left=minutes(15))), hours(23),
        NOTHING),
    row("a day later it still waits", queued(delayed(time_left=minutes(15))), days(1), ActKind.TELL,
        says="heal.delayed"),
    row("the *arr doesn't say how long", queued(delayed(time_left=None)), days(1), ActKind.TELL),
    row("no time is left", queued(delayed(time_left=hours(0))), days(1), ActKind.TELL),
    row("feeds are looked at every two hours at the longest", queued(delayed(time_left=hours(2))), days(1),
        ActKind.TELL),
    row("usenet", queued(delayed(protocol=Protocol.USENET)), days(1), ActKind.TELL),
    row("kept in reserve: there is something better", queued(delayed(status=QueueStatus.FALLBACK)), days(9), NOTHING),
    row("no download client: the *arr says so itself", queued(delayed(status=QueueStatus.CLIENT_UNAVAILABLE)), days(9),
        NOTHING),
    row("grabbed, and paused", queued(make.item(status=QueueStatus.PAUSED)), days(9), NOTHING),
    row("grabbed, and coming", coming(make.item(time_left=minutes(1))), days(9), NOTHING),
    row("the *arr is away", queued(delayed()), days(9), NOTHING, around=AWAY),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_delayed(case: Row) -> None:
    case.check(RULE)


def test_a_better_release_begins_a_new_delay() -> None:
    drive = Drive(RULE)
    drive.see(NOW, queued(delayed()))
    drive.see(NOW + hours(20), queued(delayed(time_left=hours(6))))
    assert drive.see(NOW + hours(27), queued(delayed())) == Later(days(1))


def test_it_says_for_how_long() -> None:
    wants = Drive(RULE).last(NOW, queued(delayed()), hours(25))
    assert isinstance(wants, Proposal)
    assert wants.reason.parameters == {"arr": "Radarr", "overdue": hours(25)}
    assert RULE.default is Autonomy.SUGGEST, "it tells from the first day"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule is not RULE], ids=lambda rule: rule.key)
@pytest.mark.parametrize("status", [QueueStatus.DELAY, QueueStatus.FALLBACK, QueueStatus.CLIENT_UNAVAILABLE])
@pytest.mark.parametrize("titles", [(), (make.dune(),), unmonitored()])
def test_no_other_rule_looks_at_what_is_not_grabbed_yet(
    rule: AnyRule, status: QueueStatus, titles: tuple[Title, ...]
) -> None:
    """It waits without peers and without a byte, for as long as its profile says."""
    download = queued(delayed(status=status, titles=titles, time_left=hours(60)))
    case = Case(download=download, now=NOW, facts=grabbed())
    assert rule.sign(case, rule.policy()) is not Sign.YES
    assert rule.key not in observe(case, [rule], lambda each: each.policy()).clocks


def test_it_costs_no_request() -> None:
    drive = Drive(RULE)
    assert isinstance(drive.last(NOW, queued(delayed()), days(2)), Proposal)
    assert drive.facts.looked == frozenset()
