"""In which order the processes of a run take the files of tests.

A process takes the next file when it is through with one. Tests with real programs wait most of the time, and the
others compute: while all processes wait, the cores do nothing. So what waits is spread over what computes, from the
start on, and is through long before the end, where a file that takes long would keep one process busy alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate

#: What a test with a whole Home Assistant computes, in tests without one.
WITH_HOME_ASSISTANT = 10

#: The part of what is to be computed over which what waits is spread.
_REACH = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of tests: whether it waits for real programs, and what it computes, in tests without a Home Assistant."""

    path: str
    waits: bool
    costs: float


def in_order(files: Collection[File]) -> Sequence[str]:
    """Return the paths in the order in which they are to be taken; neither kind changes its own order."""
    waiting = [file for file in files if file.waits]
    computing = [file for file in files if not file.waits]
    whole = sum(file.costs for file in computing)
    through = accumulate((file.costs for file in computing), initial=0.0)
    places = [(_REACH * at / len(waiting), file.path) for at, file in enumerate(waiting)]
    places += [(before / whole, file.path) for before, file in zip(through, computing, strict=False)]
    return [path for _, path in sorted(places, key=lambda place: place[0])]
