"""How often the services on the internet are asked at which address we are seen.

Seldom, because an address hardly changes and the services are free. But within seconds of a change that they could
explain: until they do, something that leaks may run, or something that doesn't may be stopped.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

USUALLY = timedelta(minutes=30)
#: While a guard wants to know: the first pause, which doubles up to the usual one. An answer takes up to so long.
SOONEST = timedelta(seconds=5)
#: So many changes are asked about at once within so long: an address may change with every look at it.
RUSHES, RUSHES_WITHIN = 6, timedelta(minutes=5)


@dataclass(slots=True)
class Pace:
    """When to ask about one way out."""

    _asked_at: datetime | None = None
    _pause: timedelta = SOONEST
    _rushes: deque[datetime] = field(default_factory=lambda: deque(maxlen=RUSHES))

    def is_due(self, now: datetime, *, wanted: bool, after: datetime | None = None) -> bool:
        """Tell whether to ask now, and take it as done. `after`: older answers say nothing of what is wanted."""
        rush = wanted and after is not None and self._asked_at is not None and after > self._asked_at
        if rush and (len(self._rushes) < RUSHES or now - self._rushes[0] >= RUSHES_WITHIN):
            self._pause = SOONEST
        pause = self._pause if wanted else USUALLY
        if self._asked_at is not None and abs(now - self._asked_at) < pause:  # a clock may be set back
            return False
        if rush:
            self._rushes.append(now)
        self._asked_at = now
        self._pause = min(self._pause * 2, USUALLY) if wanted else SOONEST
        return True
