"""In which order the files of tests are taken: somebody always computes, and nothing long is left for the end."""

import re

from .ordering import File, in_order


def waiting(path: str) -> File:
    return File(path=path, waits=True, costs=1)


def computing(path: str, costs: float = 1) -> File:
    return File(path=path, waits=False, costs=costs)


def test_what_waits_is_spread_over_what_computes() -> None:
    files = [waiting(f"w{number}") for number in range(10)] + [computing(f"c{number}") for number in range(100)]
    kinds = "".join(path[0] for path in in_order(files))
    assert re.fullmatch(r"w(c{8,9}w){9}c{20,}", kinds), kinds


def test_it_is_spread_over_what_there_is_to_compute_and_not_over_files() -> None:
    files = [*(waiting(f"w{number}") for number in range(7)), computing("a", 500), computing("b", 250)]
    files += [computing(f"c{number}", 1) for number in range(250)]
    order = in_order(files)
    assert order[:10] == ["w0", "a", "w1", "w2", "w3", "w4", "b", "w5", "w6", "c0"]


def test_neither_changes_its_own_order() -> None:
    files = [waiting("z"), computing("y"), computing("x"), waiting("b"), computing("a"), waiting("c")]
    order = in_order(files)
    assert sorted(order) == sorted(file.path for file in files)
    assert [path for path in order if path in "zbc"] == ["z", "b", "c"]
    assert [path for path in order if path in "yxa"] == ["y", "x", "a"]


def test_one_kind_alone() -> None:
    assert in_order([]) == []
    assert in_order([waiting("b"), waiting("a")]) == ["b", "a"]
    assert in_order([computing("b"), computing("a")]) == ["b", "a"]
