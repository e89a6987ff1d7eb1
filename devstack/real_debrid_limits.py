"""How Real-Debrid limits an account's requests: 250 a minute, refused ones counted, and a block for who goes on."""

from collections import deque
from datetime import datetime, timedelta

PER_MINUTE = 250
MINUTE = timedelta(minutes=1)
#: "Bruteforcing will leave you blocked for undefined amount of time": after so many refused within a minute, so long.
REFUSED_BEFORE_BLOCK = 250
BLOCK = timedelta(minutes=10)


class RequestMeter:
    """Counts the requests of one account."""

    def __init__(
        self,
        per_minute: int = PER_MINUTE,
        *,
        lists_per_minute: int | None = None,
        refused_before_block: int = REFUSED_BEFORE_BLOCK,
    ) -> None:
        self.per_minute = per_minute
        self.lists_per_minute = lists_per_minute  # of `/torrents`, where it is stricter
        self.refused_before_block = refused_before_block
        self.counted = 0  # ever, refused ones included
        self.refused = 0  # ever
        self.most_in_a_minute = 0
        self.refused_at: datetime | None = None  # the last time
        self.blocked_until: datetime | None = None
        self._requests: deque[datetime] = deque()
        self._lists: deque[datetime] = deque()
        self._refusals: deque[datetime] = deque()

    def admit(self, now: datetime, *, lists: bool) -> bool:
        """Count a request; tell whether it is answered."""
        for times in (self._requests, self._lists, self._refusals):
            while times and times[0] <= now - MINUTE:
                times.popleft()
        self._requests.append(now)
        if lists:
            self._lists.append(now)
        self.counted += 1
        self.most_in_a_minute = max(self.most_in_a_minute, len(self._requests))
        too_many = len(self._requests) > self.per_minute
        too_many_lists = self.lists_per_minute is not None and len(self._lists) > self.lists_per_minute
        blocked = self.blocked_until is not None and now < self.blocked_until
        if not (too_many or blocked or (lists and too_many_lists)):
            return True
        self.refused += 1
        self.refused_at = now
        self._refusals.append(now)
        if len(self._refusals) > self.refused_before_block:
            self.blocked_until = now + BLOCK
        return False

    def throttled_within(self, now: datetime, period: timedelta) -> bool:
        """Tell whether a request was refused that recently."""
        return self.refused_at is not None and now - self.refused_at <= period
