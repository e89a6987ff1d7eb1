"""Many rows of one kind, as columns.

A hundred thousand small objects that live for a while are what Python's garbage collector counts, and goes through
again and again, while everything else stands still. Texts and numbers in a few long lists are nothing to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, overload


class Columnar[RowT](Sequence[RowT]):
    """A sequence of dataclass instances that are made only when they are looked at, anew each time."""

    __slots__ = ("_columns", "_kind")

    def __init__(self, kind: type[RowT], rows: Iterable[RowT] = ()) -> None:
        self._kind = kind
        self._columns: dict[str, list[Any]] = {each.name: [] for each in fields(kind)}  # type: ignore[arg-type]  # it is one
        self.extend(rows)

    def append(self, row: RowT) -> None:
        """Add a row."""
        for name, column in self._columns.items():
            column.append(getattr(row, name))

    def extend(self, rows: Iterable[RowT]) -> None:
        """Add rows; each is let go of before the next is asked for."""
        for row in rows:
            self.append(row)

    def drop(self, count: int) -> None:
        """Let go of the last rows, at most so many."""
        left = max(len(self) - count, 0)
        for column in self._columns.values():
            del column[left:]

    def column(self, name: str) -> Sequence[Any]:
        """Return one field of all rows."""
        return self._columns[name]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[RowT]:
        """Make one row after the other."""
        for values in zip(*self._columns.values(), strict=True):
            yield self._made(values)

    @overload
    def __getitem__(self, index: int) -> RowT: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RowT, ...]: ...
    def __getitem__(self, index: int | slice) -> RowT | tuple[RowT, ...]:
        """Make the rows of some places."""
        chosen = [column[index] for column in self._columns.values()]
        if isinstance(index, slice):
            return tuple(self._made(values) for values in zip(*chosen, strict=True))
        return self._made(chosen)

    def _made(self, values: Iterable[Any]) -> RowT:
        return self._kind(**dict(zip(self._columns, values, strict=True)))

    def __eq__(self, other: object) -> bool:
        """Compare the rows, also with those of another sequence."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __repr__(self) -> str:
        """Say what it is, and not all that is in it."""
        return f"<{len(self)} x {self._kind.__name__}>"
