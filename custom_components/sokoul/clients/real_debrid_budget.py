"""How many requests an account may send: ours, of what Real-Debrid allows all of its users' programs together.

Real-Debrid allows 250 a minute to an account, counts refused ones too, and blocks who goes on regardless. Others share
them (zurg, decypharr, players), so we take part of them: never more than so many within any 60 seconds, few at once,
fewer still for lists of torrents, and some always left for what a person waits for.
Source: api.real-debrid.com, "The API is limited to 250 requests per minute".
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import heapq
from itertools import count
import random

from ..model.debrid import DebridBudgetState, DebridCode, DebridPriority
from .errors import RateLimited

DEFAULT_PER_MINUTE = 100
#: What Real-Debrid allows all of an account's programs together.
ACCOUNT_PER_MINUTE = 250
MINUTE = 60.0
#: So much of a minute's requests may be sent at once; and so much of it are lists of torrents, which Real-Debrid is
#: reported to be stricter about.
BURST_SHARE = 0.25
LISTS_SHARE = 0.2
#: So much of it is left to what a person waits for.
PERSON_SHARE = 0.1
#: How long we send half as much after we were told that it was too much.
CAUTION_SECONDS = 3600.0
#: How long the account pauses where Real-Debrid names no time (none at all is no time), by what it said. Each time in a
#: row twice as long.
PAUSES_SECONDS = {
    DebridCode.SLOW_DOWN: 10.0,
    DebridCode.TOO_MANY_REQUESTS: 30.0,
    DebridCode.FAIR_USAGE_LIMIT: 600.0,
}
LONGEST_PAUSE_SECONDS = 3600.0
#: A wait that is shorter than what a float can add to the time would be waited for without end.
SHORTEST_WAIT = 0.001

type CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class _Bucket:
    """A token bucket: `size` at once, filled again at so many a second."""

    def __init__(self, size: float, a_second: float, now: float) -> None:
        self._size, self._a_second = size, a_second
        self._tokens, self._at = size, now

    def change(self, size: float, a_second: float, now: float) -> None:
        """Go on with another size and speed."""
        self._tokens = min(self._filled(now), size)
        self._size, self._a_second, self._at = size, a_second, now

    def wait(self, now: float, needed: float = 1.0) -> float:
        """Return how long until so many tokens are in it."""
        return max(0.0, (needed - self._filled(now)) / self._a_second)

    def take(self, now: float) -> None:
        """Take one out."""
        self._tokens, self._at = self._filled(now) - 1, now

    def drain(self, now: float) -> None:
        """Empty it."""
        self._tokens, self._at = min(0.0, self._filled(now)), now

    def _filled(self, now: float) -> float:
        return min(self._size, self._tokens + (now - self._at) * self._a_second)


@dataclass(order=True, slots=True)
class _Waiting:
    """A request that waits for its turn: the more urgent first, then the one that came first."""

    priority: int
    number: int
    lists: bool = field(compare=False)
    turn: asyncio.Future[None] = field(compare=False)


class DebridBudget:
    """The budget of one account. `time` and `call_later` are the event loop's where they are not given."""

    def __init__(
        self,
        per_minute: int = DEFAULT_PER_MINUTE,
        *,
        time: Callable[[], float] | None = None,
        call_later: CallLater | None = None,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self._time = time or (lambda: asyncio.get_running_loop().time())
        self._call_later = call_later or (lambda delay, call: asyncio.get_running_loop().call_later(delay, call))
        self._jitter = jitter or (lambda: random.uniform(1.0, 1.25))  # noqa: S311 -- only so that not all come at once
        self._wanted = per_minute
        self._applied = 0  # what the buckets were made for, 0: not yet
        self._all = self._lists = _Bucket(0.0, 1.0, 0.0)
        self._sent: deque[float] = deque()  # within the last minute
        self._refused = 0
        self._waiting: list[_Waiting] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._cautious_since: float | None = None
        self._throttled_at: float | None = None
        self._paused_until = 0.0
        self._strikes = 0  # refusals in a row, those of requests that were under way together count once

    # --- settings and state --------------------------------------------------------------------------------------

    @property
    def wanted_per_minute(self) -> int:
        """What a person allows, in requests a minute."""
        return self._wanted

    @wanted_per_minute.setter
    def wanted_per_minute(self, per_minute: int) -> None:
        self._wanted = max(1, per_minute)
        if self._waiting:
            self._serve()

    def state(self, now: datetime) -> DebridBudgetState:
        """Return how much is used. `now` is the wall clock's time, for what is told in it."""
        moment = self._time()
        self._forget_old(moment)
        paused, cautious = self._paused_until - moment, self._caution_left(moment)
        return DebridBudgetState(
            per_minute=self._per_minute(moment),
            used=len(self._sent),
            refused=self._refused,
            waiting=sum(not each.turn.done() for each in self._waiting),
            throttled_at=None if self._throttled_at is None else now - timedelta(seconds=moment - self._throttled_at),
            paused_until=now + timedelta(seconds=paused) if paused > 0 else None,
            cautious_until=now + timedelta(seconds=cautious) if cautious > 0 else None,
        )

    def be_cautious(self, period: timedelta) -> None:
        """Send half as much for a while, as before a restart."""
        left = min(period.total_seconds(), CAUTION_SECONDS)
        self._cautious_since = self._time() - CAUTION_SECONDS + left

    # --- sending -------------------------------------------------------------------------------------------------

    async def turn(self, priority: DebridPriority = DebridPriority.BACKGROUND, *, lists: bool = False) -> float:
        """Wait until a request may be sent, and count it as sent. Returns when, for `refused`.

        `lists`: it reads a list of torrents. Raises `RateLimited` at once while the account pauses.
        """
        self._check_pause()
        waiting = _Waiting(priority, next(self._numbers), lists, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, waiting)
        self._serve()
        try:
            await waiting.turn
        except asyncio.CancelledError:
            self._serve()  # nobody comes again for one who has gone
            raise
        self._check_pause()  # it may have begun since the turn came
        return self._time()

    def accepted(self) -> None:
        """Note that an answer came which was no throttling."""
        if self._time() >= self._paused_until:
            self._strikes = 0

    def refused(self, sent_at: float, code: int | None, retry_after: timedelta | None, *, too_many: bool) -> timedelta:
        """Note that Real-Debrid throttles us: the account pauses. Returns for how long.

        `too_many`: for the number of our requests, so that there will be fewer for an hour.
        """
        now = self._time()
        self._refused += 1
        together = self._throttled_at is not None and sent_at <= self._throttled_at
        if not together:
            self._strikes += 1
            self._throttled_at = now
        if too_many:
            self._cautious_since = now
        if retry_after is not None and retry_after > timedelta():
            pause = retry_after.total_seconds()
        else:
            usual = PAUSES_SECONDS.get(code, PAUSES_SECONDS[DebridCode.TOO_MANY_REQUESTS])  # type: ignore[call-overload]
            pause = min(usual * 2.0 ** min(self._strikes - 1, 10), LONGEST_PAUSE_SECONDS) * self._jitter()
        self._paused_until = max(self._paused_until, now + pause)
        self._buckets(now)
        self._all.drain(now)
        self._lists.drain(now)
        self._turn_away()
        return timedelta(seconds=self._paused_until - now)

    # --- inside --------------------------------------------------------------------------------------------------

    def _check_pause(self) -> None:
        if (left := self._paused_until - self._time()) > 0:
            raise _paused(left)

    def _turn_away(self) -> None:
        """Let nobody wait through a pause: who asked may have better to do."""
        left = self._paused_until - self._time()
        for waiting in self._waiting:
            if not waiting.turn.done():
                waiting.turn.set_exception(_paused(left))
        self._waiting.clear()

    def _serve(self) -> None:
        """Give those their turn who may have it now, and come again when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._time()
        self._buckets(now)
        kept: list[_Waiting] = []
        soonest: float | None = None
        while self._waiting:
            waiting = heapq.heappop(self._waiting)
            if waiting.turn.done():  # who waited has gone
                continue
            wait = self._wait(now, waiting)
            if wait <= 0:
                self._send(now, waiting)
                continue
            kept.append(waiting)
            soonest = wait if soonest is None else min(soonest, wait)
            if not waiting.lists:  # then nobody behind it may, either
                break
        for waiting in kept:
            heapq.heappush(self._waiting, waiting)
        if soonest is not None:
            self._timer = self._call_later(max(soonest, SHORTEST_WAIT), self._serve)

    def _wait(self, now: float, waiting: _Waiting) -> float:
        """Return how long until this one may be sent."""
        self._forget_old(now)
        background = waiting.priority != DebridPriority.PERSON
        limit, kept_back = self._applied, 0.0
        if background:
            kept_back = self._applied * BURST_SHARE * PERSON_SHARE
            limit -= int(self._applied * PERSON_SHARE)
        wait = self._all.wait(now, 1.0 + kept_back)
        if waiting.lists:
            wait = max(wait, self._lists.wait(now))
        if len(self._sent) >= max(1, limit):
            wait = max(wait, self._sent[len(self._sent) - max(1, limit)] + MINUTE - now)
        return wait

    def _send(self, now: float, waiting: _Waiting) -> None:
        self._all.take(now)
        if waiting.lists:
            self._lists.take(now)
        self._sent.append(now)
        waiting.turn.set_result(None)

    def _per_minute(self, now: float) -> int:
        return max(1, self._wanted // 2) if self._caution_left(now) > 0 else self._wanted

    def _caution_left(self, now: float) -> float:
        return 0.0 if self._cautious_since is None else self._cautious_since + CAUTION_SECONDS - now

    def _buckets(self, now: float) -> None:
        """Make the buckets fit what may be sent now."""
        per_minute = self._per_minute(now)
        if per_minute == self._applied:
            return
        rate = per_minute / MINUTE
        burst, lists = max(2.0, per_minute * BURST_SHARE), max(1.0, per_minute * LISTS_SHARE)
        if self._applied:
            self._all.change(burst, rate, now)
            self._lists.change(lists, rate * LISTS_SHARE, now)
        else:
            self._all = _Bucket(burst, rate, now)
            self._lists = _Bucket(lists, rate * LISTS_SHARE, now)
        self._applied = per_minute

    def _forget_old(self, now: float) -> None:
        while self._sent and self._sent[0] <= now - MINUTE:
            self._sent.popleft()


def _paused(seconds: float) -> RateLimited:
    return RateLimited(
        f"Real-Debrid asked for a pause: {seconds:.0f} s are left", retry_after=timedelta(seconds=seconds)
    )
