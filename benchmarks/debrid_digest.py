"""What two lists of torrents have to agree in to be the same."""

from collections.abc import Iterable
import hashlib
from typing import Any


def digest(rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Return how many rows there are, and a sum over all of them in which their order doesn't matter."""
    count = total = 0
    for row in rows:
        count += 1
        total ^= int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest())
    return {"count": count, "sum": f"{total:032x}"}
