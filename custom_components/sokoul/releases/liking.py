"""How much one of a list is liked."""

from collections.abc import Sequence


def liking[T](what: T, order: Sequence[T]) -> float:
    """Return 1 for the first of a list, less for those that follow, 0 for what is not in it."""
    return 1.0 - order.index(what) / len(order) if what in order else 0.0
