"""Torrents of which only the magnet link is known."""

from datetime import timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.base import Surroundings
from custom_components.sokoul.autopilot.rules.no_metadata import RULE
from custom_components.sokoul.model.downloads import DownloadState, TrackerStatus
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, ActKind, Proposal
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import NOTHING, Row, days, hours, minutes, of, queued, row, usenet
from tests.autopilot.rules.swarms import METADATA, NEW, OLD, STALLED, download, magnet, tracker
from tests.model import make
from tests.model.make import NOW

ASKED = (ActKind.REANNOUNCE,) * 4
ONCE = (ActKind.REANNOUNCE,)
REPLACE, REANNOUNCE = ActKind.REPLACE, ActKind.REANNOUNCE
PRIVATE, UNKNOWN = of(NEW, private=True), of(NEW, private=None)
DOWN = (tracker(TrackerStatus.UNREACHABLE),)
OUTAGE = Surroundings(failing_trackers=frozenset({"tracker.example"}))
FOUR_K = (make.arr(make.item(), id="radarr4k", title="Radarr 4K"),)

ROWS = (
    row("just added", magnet(), minutes(29), NOTHING, facts=NEW),
    row("half an hour: the trackers are asked", magnet(), minutes(30), REANNOUNCE, facts=NEW, says="heal.no_metadata"),
    row("nearly two hours", magnet(), hours(2) - minutes(1), NOTHING, facts=NEW, tried=ASKED),
    row("two hours: replaced, there is no byte to lose", magnet(), hours(2), REPLACE, facts=NEW, tried=ASKED,
        asks=False),
    row("nobody knows whether it is private: a person is asked", magnet(), hours(2), REPLACE, facts=UNKNOWN,
        tried=ONCE, asks=True),
    row("nobody knows whether it is private: its trackers are asked without", magnet(), minutes(30), REANNOUNCE,
        facts=UNKNOWN, asks=False),
    row("its indexer is private", magnet(), hours(2), REPLACE, facts=PRIVATE, tried=ONCE, asks=False),
    row("an old title has nothing to lose either", magnet(), hours(2), REPLACE, facts=OLD, tried=ASKED),
    row("two *arrs wait for it: a person is asked", magnet(others=FOUR_K), hours(2), REPLACE, facts=NEW, tried=ASKED,
        asks=True),
    row("the line is dead", magnet(), days(9), NOTHING, facts=NEW, gate=SHUT),
    row("its *arr is away", magnet(), days(9), NOTHING, facts=NEW, tried=ASKED,
        around=Surroundings(arrs_away=frozenset({"radarr"}))),
    row("its one tracker is down for others, too", magnet(), days(9), NOTHING, facts=of(PRIVATE, trackers=DOWN),
        tried=ONCE, around=OUTAGE),
    row("public: there is the DHT beside the tracker", magnet(), hours(2), REPLACE, facts=of(NEW, trackers=DOWN),
        tried=ASKED, around=OUTAGE),
    row("stalled: what is in it is known", download(STALLED), days(9), NOTHING, facts=NEW),
    row("waits in the queue of its client", download(DownloadState.QUEUED, size_bytes=0), days(9), NOTHING, facts=NEW),
    row("stopped by a person", download(DownloadState.STOPPED, size_bytes=0), days(9), NOTHING, facts=NEW),
    row("usenet", queued(usenet()), days(9), NOTHING, facts=NEW),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_no_metadata(case: Row) -> None:
    case.check(RULE)


def test_once_it_is_known_what_is_in_it_another_rule_begins_at_nothing() -> None:
    drive = Drive(RULE, facts=NEW)
    drive.see(NOW, magnet())
    drive.see(NOW + hours(1), download())
    assert RULE.key not in drive.memory.clocks


@given(
    st.lists(
        st.tuples(
            st.sampled_from([METADATA, DownloadState.QUEUED, DownloadState.STOPPED]),
            st.integers(1, 90),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_nothing_is_given_up_before_two_trustworthy_hours(steps: list[tuple[DownloadState, int, bool]]) -> None:
    drive, now, lasted = Drive(RULE, facts=NEW), NOW, timedelta()
    for state, span, is_open in steps:
        look = download(state, size_bytes=0, remaining_bytes=0, progress=0.0)
        verdict = drive.see(now, look, **({} if is_open else {"gate": SHUT}))
        if isinstance(verdict, Proposal):
            assert is_open
            assert state is METADATA
            assert verdict.act not in DESTRUCTIVE_ACTS or lasted >= hours(2)
            drive.tried(verdict.act, now)
        lasted += minutes(span) if is_open and state is METADATA else timedelta()
        now += minutes(span)
