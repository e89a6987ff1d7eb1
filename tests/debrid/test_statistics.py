"""What figures say, and what they advise."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.debrid.statistics import recommendations, statistics
from custom_components.sokoul.model.debrid import DebridStatus as S
from custom_components.sokoul.model.debrid_mirror import (
    Activity,
    DebridFigures,
    Duplicate,
    StatusFigures,
    SyncMode,
    SyncRun,
)
from tests.store.make import NOW
from tests.store.torrents import torrent

QUIET = Activity(added=0, finished=0, failed=0, gone=0)


def of(status: S, count: int, host: str = "a", **values: int) -> StatusFigures:
    given = {"with_details": 0, "size_bytes": 100 * count, "smallest_bytes": 10, "largest_bytes": 300}
    return StatusFigures(status=status, host=host, count=count, **(given | values))


def figures(*rows: StatusFigures, **values: Any) -> DebridFigures:
    given: dict[str, Any] = {"day": QUIET, "week": QUIET, "largest": (), "duplicates": (), "old_details": 0, "gone": 0}
    return DebridFigures(by_status=rows, **(given | values))


def test_everything_that_can_be_counted() -> None:
    week = Activity(added=5, finished=4, failed=3, gone=2)
    told = statistics(
        figures(
            of(S.DOWNLOADED, 6, with_details=3, largest_bytes=500),
            of(S.DOWNLOADED, 2, "b", smallest_bytes=1),
            of(S.DEAD, 2, with_details=2),
            week=week,
            largest=(torrent(1),),
            duplicates=(Duplicate("h", 2, 80),),
            gone=9,
        ),
        [SyncRun(account="a", mode=SyncMode.FULL, started_at=NOW, changed_at=NOW + timedelta(minutes=1), done=7)],
    )
    expected = {
        "torrents": 10,
        "size_bytes": 1000,
        "mean_bytes": 100,
        "smallest_bytes": 1,
        "largest_bytes": 500,
        "with_details": 5,
        "coverage_percent": 50.0,
        "failed": 2,
        "gone": 9,
    }
    assert {key: told[key] for key in expected} == expected
    assert told["last_7_days"] == {"added": 5, "finished": 4, "failed": 3, "gone": 2}
    assert told["by_status"] == {
        "downloaded": {"count": 8, "percent": 80.0, "size_bytes": 800},
        "dead": {"count": 2, "percent": 20.0, "size_bytes": 200},
    }
    assert {host: each["count"] for host, each in told["hosts"].items()} == {"a": 8, "b": 2}
    assert [each["id"] for each in told["largest"]] == [torrent(1).id]
    assert told["duplicates"] == [{"hash": "h", "count": 2, "size_bytes": 80}]
    assert (told["last_sync"]["mode"], told["last_sync"]["done"]) == ("full", 7)


def test_compact_has_the_figures_without_the_lists() -> None:
    whole, compact = (statistics(figures(of(S.DEAD, 1)), (), compact=each) for each in (False, True))
    lists = {"by_status", "hosts", "largest", "duplicates", "last_sync"}
    assert set(whole) - set(compact) == lists
    assert {key: whole[key] for key in compact} == compact


def test_an_empty_account() -> None:
    told = statistics(figures(), ())
    assert (told["torrents"], told["mean_bytes"], told["smallest_bytes"], told["coverage_percent"]) == (0, 0, 0, 0.0)


WELL = figures(of(S.DOWNLOADED, 3))
ADVICE = (
    ("all is well", WELL, {}, [("all_well", {})]),
    ("failures of every kind are one", figures(of(S.DEAD, 1), of(S.VIRUS, 2)), {}, [("failed", {"count": 3})]),
    ("what waits", figures(of(S.WAITING_FILES_SELECTION, 4)), {}, [("waiting", {"count": 4})]),
    (
        "what is there twice: all but one of each could go",
        figures(of(S.DOWNLOADED, 5), duplicates=(Duplicate("a", 3, 90), Duplicate("b", 2, 20))),
        {},
        [("duplicates", {"count": 2, "size": 70})],
    ),
    ("details are left", WELL, {"details_left": 7}, [("details_left", {"count": 7})]),
    (
        "the list first",
        figures(of(S.ERROR, 1)),
        {"withheld": 50, "restless": True},
        [("withheld", {"count": 50}), ("restless", {}), ("failed", {"count": 1})],
    ),
)


@pytest.mark.parametrize(("found", "facts", "advice"), [case[1:] for case in ADVICE], ids=[case[0] for case in ADVICE])
def test_advice(found: DebridFigures, facts: dict[str, Any], advice: list[tuple[str, dict[str, Any]]]) -> None:
    told = [(each.key.removeprefix("debrid."), dict(each.parameters)) for each in recommendations(found, NOW, facts)]
    assert told == advice


def test_what_was_never_read_says_so() -> None:
    assert [each.key for each in recommendations(figures(), None)] == ["debrid.never_read"]
