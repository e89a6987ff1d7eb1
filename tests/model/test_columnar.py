"""Rows as columns: they come back as they went in, and are no crowd of objects meanwhile."""

from dataclasses import dataclass
import gc

import pytest

from custom_components.sokoul.model.columnar import Columnar


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    name: str = ""


ROWS = [Row(1, "one"), Row(2, "two"), Row(3)]


def test_rows_come_back_as_they_went_in() -> None:
    rows = Columnar(Row, ROWS)
    assert list(rows) == ROWS
    assert (rows[0], rows[-1], rows[1:]) == (ROWS[0], ROWS[-1], tuple(ROWS[1:]))
    assert (len(rows), bool(Columnar(Row)), Row(2, "two") in rows) == (3, False, True)
    assert rows.column("number") == [1, 2, 3]
    with pytest.raises(IndexError):
        _ = rows[3]


@pytest.mark.parametrize(("count", "left"), [(0, 3), (1, 2), (3, 0), (5, 0)])
def test_the_last_rows_are_let_go_of(count: int, left: int) -> None:
    rows = Columnar(Row, ROWS)
    rows.drop(count)
    assert list(rows) == ROWS[:left]
    assert len(rows) == left


def test_they_are_compared_by_what_they_hold() -> None:
    assert Columnar(Row, ROWS) == Columnar(Row, iter(ROWS)) == ROWS
    assert Columnar(Row, ROWS) != ROWS[1:]
    assert Columnar(Row) == ()
    assert Columnar(Row, ROWS) != 3


def test_the_garbage_collector_sees_no_more_objects_than_there_are_columns() -> None:
    gc.collect()
    before = len(gc.get_objects())
    rows = Columnar(Row, (Row(number, f"{number}") for number in range(10_000)))
    gc.collect()
    assert len(gc.get_objects()) - before < 100
    assert len(rows) == 10_000
