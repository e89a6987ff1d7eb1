"""What was fetched and stands still, though its download is there.

Where an *arr waits for a download, it is healed; of all others nobody but the wish for it notices. Time counts only
as far as somebody looked: a machine that was off for days has first to find out whether the swarm gives something now.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

#: A download has given nothing for so long, and was seen so each time that somebody looked, for so long.
PATIENCE: Final = timedelta(days=1)
SEEN_FOR: Final = timedelta(hours=1)
#: And where somebody is connected who has all of it: they may be busy. As long as healing waits for what is rare.
SILENCE: Final = timedelta(hours=72)
SEEN_SILENT: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class _Standing:
    since: datetime
    seen: datetime  # the first time that it was seen so
    progress: float


class Standstills:
    """Remembers since when downloads stand still, by what they are called.

    One that has given nothing for `patience` is one, if it was seen so, whenever somebody looked, for `seen_for`.
    """

    def __init__(self, patience: timedelta = PATIENCE, seen_for: timedelta = SEEN_FOR) -> None:
        self._patience = patience
        self._seen_for = seen_for
        self._known: dict[str, _Standing] = {}

    def is_one(
        self, download: str, now: datetime, *, stands: bool, progress: float, moved_at: datetime | None = None
    ) -> bool:
        """Tell whether a download has given nothing for long. `stands`: it gives nothing now.

        `progress` is from 0 to 1; `moved_at`, when something happened to it last, as far as somebody knows.
        """
        if not stands:
            self._known.pop(download, None)
            return False
        known = self._known.get(download)
        if known is None:
            known = _Standing(min(moved_at or now, now), now, progress)
        elif progress > known.progress:
            known = replace(known, since=now, progress=progress)
        self._known[download] = known
        return now - known.since >= self._patience and now - known.seen >= self._seen_for

    def keep_only(self, downloads: Collection[str]) -> None:
        """Forget all others."""
        self._known = {key: each for key, each in self._known.items() if key in downloads}
