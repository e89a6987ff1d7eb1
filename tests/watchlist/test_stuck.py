"""Which downloads stand still: those that give nothing for a day, as far as somebody looked."""

from datetime import datetime, timedelta

import pytest

from custom_components.sokoul.watchlist.stuck import PATIENCE, SEEN_FOR, SEEN_SILENT, SILENCE, Standstills

from .make import DAY, HOUR, NOW

Look = tuple[timedelta, bool, float]  # when, whether it stands, and how much of it is here
LONG_AGO = NOW - 3 * DAY
CASES: tuple[tuple[str, datetime | None, list[Look], bool], ...] = (
    ("seen once", None, [(0 * HOUR, True, 0.1)], False),
    ("for less than a day", None, [(0 * HOUR, True, 0.1), (23 * HOUR, True, 0.1)], False),
    ("for a day", None, [(0 * HOUR, True, 0.1), (24 * HOUR, True, 0.1)], True),
    ("something came meanwhile", None, [(0 * HOUR, True, 0.1), (9 * HOUR, True, 0.2), (24 * HOUR, True, 0.2)], False),
    ("... a day ago", None, [(0 * HOUR, True, 0.1), (9 * HOUR, True, 0.2), (33 * HOUR, True, 0.2)], True),
    ("it moved meanwhile", None, [(0 * HOUR, True, 0.1), (9 * HOUR, False, 0.1), (24 * HOUR, True, 0.1)], False),
    ("it moves again", None, [(0 * HOUR, True, 0.1), (24 * HOUR, False, 0.1)], False),
    ("for days, as its client knows, and just seen", LONG_AGO, [(0 * HOUR, True, 0.1)], False),
    ("... seen for an hour", LONG_AGO, [(0 * HOUR, True, 0.1), (HOUR, True, 0.1)], True),
    ("... and something came", LONG_AGO, [(0 * HOUR, True, 0.1), (HOUR, True, 0.2)], False),
    ("its client's clock is wrong", NOW + 9 * DAY, [(0 * HOUR, True, 0.1), (24 * HOUR, True, 0.1)], True),
)


@pytest.mark.parametrize(("said", "moved_at", "looks", "failed"), CASES, ids=[each[0] for each in CASES])
def test_what_stands_still(said: str, moved_at: datetime | None, looks: list[Look], *, failed: bool) -> None:
    known = Standstills()
    told = [
        known.is_one("a", NOW + after, stands=stands, progress=progress, moved_at=moved_at)
        for after, stands, progress in looks
    ]
    assert told[-1] is failed, said
    assert not any(told[:-1]), said


def test_one_stands_and_another_moves() -> None:
    known = Standstills()
    for each in ("a", "b"):
        assert not known.is_one(each, NOW, stands=True, progress=0)
    known.keep_only({"b"})
    later = NOW + PATIENCE + SEEN_FOR
    assert [known.is_one(each, later, stands=True, progress=0) for each in ("a", "b")] == [False, True]


@pytest.mark.parametrize(
    ("said", "moved_at", "looks", "failed"),
    [
        ("for two days", None, [(0 * HOUR, True, 0.1), (48 * HOUR, True, 0.1)], False),
        ("for three", None, [(0 * HOUR, True, 0.1), (72 * HOUR, True, 0.1)], True),
        ("something came", None, [(0 * HOUR, True, 0.1), (60 * HOUR, True, 0.11), (72 * HOUR, True, 0.11)], False),
        ("as its client knows, and just seen", LONG_AGO, [(0 * HOUR, True, 0.1), (5 * HOUR, True, 0.1)], False),
        ("... seen for a while", LONG_AGO, [(0 * HOUR, True, 0.1), (6 * HOUR, True, 0.1)], True),
        (
            "its client was away meanwhile",
            LONG_AGO,
            [(0 * HOUR, True, 0.1), (5 * HOUR, False, 0.1), (6 * HOUR, True, 0.1), (11 * HOUR, True, 0.1)],
            False,
        ),
    ],
)
def test_who_has_all_of_it_is_waited_for_longer(
    said: str, moved_at: datetime | None, looks: list[Look], *, failed: bool
) -> None:
    known = Standstills(SILENCE, SEEN_SILENT)
    told = [known.is_one("a", NOW + at, stands=stands, progress=part, moved_at=moved_at) for at, stands, part in looks]
    assert (told[-1], any(told[:-1])) == (failed, False), said
