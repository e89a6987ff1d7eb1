"""The budget of an account: never more than it allows, fair to whom a person waits for, and careful once refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.sokoul.clients.errors import RateLimited
from custom_components.sokoul.clients.real_debrid_budget import (
    CAUTION_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MINUTE,
    DebridBudget,
)
from custom_components.sokoul.model.debrid import DebridBudgetState, DebridCode, DebridPriority

WALL = datetime(2026, 11, 21, 12, tzinfo=UTC)
PERSON, BACKGROUND = DebridPriority.PERSON, DebridPriority.BACKGROUND


@dataclass
class Timer:
    """What was to be called when."""

    at: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Time:
    """Time that a test moves: what is due on the way is called at its own time."""

    now: float = 1000.0
    timers: list[Timer] = field(default_factory=list)

    def call_later(self, delay: float, call: Callable[[], None]) -> Any:
        timer = Timer(self.now + delay, call)
        self.timers.append(timer)
        return timer

    async def advance(self, seconds: float) -> None:
        await settle()
        until = self.now + seconds
        while due := [timer for timer in self.timers if not timer.cancelled and timer.at <= until]:
            timer = min(due, key=lambda each: each.at)
            self.timers.remove(timer)
            self.now = max(self.now, timer.at)
            timer.call()
            await settle()
        self.timers = [timer for timer in self.timers if not timer.cancelled]
        self.now = until
        await settle()


async def settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


@dataclass
class Account:
    """A budget, its time, and when which request was sent."""

    budget: DebridBudget
    time: Time
    sent: list[tuple[float, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def ask(
        self, name: str = "", how_many: int = 1, priority: DebridPriority = BACKGROUND, *, lists: bool = False
    ) -> None:
        for _ in range(how_many):
            self.tasks.append(asyncio.ensure_future(self._ask(name, priority, lists=lists)))

    async def _ask(self, name: str, priority: DebridPriority, *, lists: bool) -> None:
        try:
            at = await self.budget.turn(priority, lists=lists)
        except RateLimited:
            self.refused.append(name)
        else:
            self.sent.append((at, name))

    def most_in_a_minute(self) -> int:
        times = sorted(at for at, _ in self.sent)
        return max((sum(start <= at < start + MINUTE for at in times) for start in times), default=0)

    @property
    def state(self) -> DebridBudgetState:
        return self.budget.state(WALL)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def an_account(per_minute: int = 100) -> Account:
    time = Time()
    budget = DebridBudget(per_minute, time=lambda: time.now, call_later=time.call_later, jitter=lambda: 1.0)
    return Account(budget, time)


@pytest.fixture
async def account() -> AsyncIterator[Callable[..., Account]]:
    made: list[Account] = []

    def make(per_minute: int = 100) -> Account:
        made.append(an_account(per_minute))
        return made[-1]

    yield make
    for each in made:
        await each.close()


type Make = Callable[..., Account]


# --- how many --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_minute", [1, 2, 7, 40, 100, 250])
async def test_never_more_than_so_many_in_any_minute_and_not_many_fewer(account: Make, per_minute: int) -> None:
    made = account(per_minute)
    made.ask(how_many=per_minute * 5)
    await made.time.advance(240)
    assert made.most_in_a_minute() <= per_minute
    assert len(made.sent) >= 4 * (per_minute - max(1, per_minute // 10)) - 1


async def test_few_at_once_then_steadily(account: Make) -> None:
    made = account()
    made.ask(how_many=60)
    await settle()
    assert 20 <= len(made.sent) <= 25
    await made.time.advance(6)
    assert len(made.sent) == pytest.approx(33, abs=2)
    assert made.state.waiting == 60 - len(made.sent)


async def test_lists_of_torrents_are_slower_and_hold_up_nothing_else(account: Make) -> None:
    made = account()
    made.ask("list", 30, lists=True)
    made.ask("info", 2)
    await settle()
    assert [name for _, name in made.sent].count("list") == 20, "100,000 torrents at once, in pages of 5,000"
    assert [name for _, name in made.sent].count("info") == 2
    await made.time.advance(9)
    assert [name for _, name in made.sent].count("list") == 23, "20 a minute from then on"


async def test_a_person_goes_first_and_finds_something_left(account: Make) -> None:
    made = account()
    made.ask("background", 200)
    await made.time.advance(30)
    made.ask("person", 2, PERSON)
    await settle()
    assert [name for _, name in made.sent][-2:] == ["person", "person"]
    made.ask("person", 40, PERSON)
    await settle()
    before = len(made.sent)
    await made.time.advance(10)
    assert {name for _, name in made.sent[before:]} == {"person"}


async def test_who_gives_up_waiting_uses_nothing(account: Make) -> None:
    made = account(60)
    made.ask("first", 15)
    await settle()
    sent = len(made.sent)
    made.ask("gone", 50)
    await settle()
    for task in made.tasks[15:]:
        task.cancel()
    made.ask("last", 1)
    await made.time.advance(20)
    assert "gone" not in {name for _, name in made.sent}
    assert len(made.sent) == 16 > sent


async def test_nothing_is_left_to_be_done_when_all_have_gone(account: Make) -> None:
    made = account(10)
    made.ask(how_many=30)
    await settle()
    assert any(not timer.cancelled for timer in made.time.timers)
    for task in made.tasks:
        task.cancel()
    await settle()
    assert all(timer.cancelled for timer in made.time.timers)


async def test_a_change_of_what_is_allowed_counts_at_once(account: Make) -> None:
    made = account(10)
    made.ask(how_many=60)
    await made.time.advance(59)
    assert len(made.sent) <= 10
    made.budget.wanted_per_minute = 200
    await made.time.advance(60)
    assert len(made.sent) == 60
    made.budget.wanted_per_minute = 0
    assert made.state.per_minute == 1


async def test_what_is_used_is_told_and_forgotten_after_a_minute(account: Make) -> None:
    made = account()
    made.ask(how_many=20)
    await settle()
    assert (made.state.used, made.state.used_percent, made.state.waiting) == (20, 20.0, 0)
    await made.time.advance(61)
    assert made.state == DebridBudgetState(per_minute=100, used=0)


# --- being refused ---------------------------------------------------------------------------------------------------


async def test_too_many_requests_pause_the_account_and_halve_the_budget_for_an_hour(account: Make) -> None:
    made = account()
    at = await made.budget.turn()
    pause = made.budget.refused(at, DebridCode.TOO_MANY_REQUESTS, None, too_many=True)
    assert pause == timedelta(seconds=30)
    assert made.state.paused_until == WALL + pause
    assert (made.state.throttled_at, made.state.refused, made.state.per_minute) == (WALL, 1, 50)
    made.ask("during", 1, PERSON)
    await settle()
    assert made.refused == ["during"], "told at once, and nothing is sent"
    await made.time.advance(31)
    made.ask("after", 200)
    await made.time.advance(CAUTION_SECONDS - 100)
    assert made.most_in_a_minute() <= 50
    await made.time.advance(100)
    assert (made.state.per_minute, made.state.paused_until) == (100, None)


async def test_it_goes_on_being_careful_after_a_restart(account: Make) -> None:
    made = account()
    assert made.state.cautious_until is None
    made.budget.be_cautious(timedelta(minutes=20))
    assert (made.state.per_minute, made.state.cautious_until) == (50, WALL + timedelta(minutes=20))
    await made.time.advance(1201)
    assert (made.state.per_minute, made.state.cautious_until) == (100, None)
    made.budget.be_cautious(timedelta(days=9))
    assert made.state.cautious_until == WALL + timedelta(hours=1)


async def test_who_waits_when_a_pause_begins_is_told(account: Make) -> None:
    made = account()
    made.ask("waiting", 60)
    await settle()
    waiting = 60 - len(made.sent)
    made.budget.refused(made.sent[0][0], None, None, too_many=True)
    await settle()
    assert made.refused == ["waiting"] * waiting
    assert made.state.waiting == 0


@pytest.mark.parametrize(
    ("code", "seconds"),
    [
        (DebridCode.SLOW_DOWN, 10),
        (DebridCode.TOO_MANY_REQUESTS, 30),
        (DebridCode.FAIR_USAGE_LIMIT, 600),
        (None, 30),
        (12345, 30),
    ],
)
async def test_pauses_grow_while_it_goes_on(account: Make, code: int | None, seconds: int) -> None:
    made = account()
    for times in range(12):
        at = await made.budget.turn()
        pause = made.budget.refused(at, code, None, too_many=False)
        assert pause.total_seconds() == min(seconds * 2**times, LONGEST_PAUSE_SECONDS)
        await made.time.advance(pause.total_seconds() + 2)
    assert made.state.per_minute == 100, "not for the number of requests"
    at = await made.budget.turn()
    made.budget.accepted()
    await made.time.advance(1)
    at = await made.budget.turn()
    assert made.budget.refused(at, code, None, too_many=False).total_seconds() == seconds, "it begins anew"


async def test_it_pauses_as_long_as_it_is_told_to(account: Make) -> None:
    made = account()
    at = await made.budget.turn()
    assert made.budget.refused(at, 34, timedelta(seconds=777), too_many=True) == timedelta(seconds=777)
    with pytest.raises(RateLimited) as caught:
        await made.budget.turn(PERSON)
    assert caught.value.retry_after == timedelta(seconds=777)


@pytest.mark.parametrize("told", [timedelta(), timedelta(seconds=-5)])
async def test_no_time_at_all_is_no_pause(account: Make, told: timedelta) -> None:
    """Refused requests count, too: who asks again at once is blocked in the end."""
    made = account()
    for seconds in (30, 60):
        at = await made.budget.turn()
        assert made.budget.refused(at, 34, told, too_many=True) == timedelta(seconds=seconds)
        await made.time.advance(seconds + 2)


async def test_requests_that_were_under_way_together_count_once(account: Make) -> None:
    made = account()
    sent = [await made.budget.turn() for _ in range(8)]
    await made.time.advance(1)
    pauses = [made.budget.refused(at, 34, None, too_many=True).total_seconds() for at in sent]
    assert pauses == [30] * 8
    assert made.state.refused == 8


async def test_after_a_pause_it_does_not_come_all_at_once(account: Make) -> None:
    made = account()
    at = await made.budget.turn()
    made.budget.refused(at, 34, timedelta(seconds=1), too_many=True)
    await made.time.advance(2)
    made.ask(how_many=50)
    await settle()
    assert len(made.sent) <= 2


async def test_when_it_was_throttled_last(account: Make) -> None:
    made = account()
    assert made.state.throttled_at is None
    made.budget.refused(await made.budget.turn(), 36, None, too_many=False)
    await made.time.advance(30)
    assert made.state.throttled_at == WALL - timedelta(seconds=30)


# --- whatever happens ------------------------------------------------------------------------------------------------

_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 40), st.sampled_from([PERSON, BACKGROUND]), st.booleans()),
        st.tuples(st.just("pass"), st.floats(0.1, 90)),
        st.tuples(st.just("refuse"), st.sampled_from([5, 34, 36, None])),
        st.tuples(st.just("limit"), st.integers(1, 250)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(per_minute=st.integers(1, 250), events=_EVENTS)
def test_whatever_happens_it_is_never_too_much_and_nobody_waits_for_ever(
    per_minute: int, events: list[tuple[Any, ...]]
) -> None:
    async def play() -> None:
        made = an_account(per_minute)
        most = per_minute
        for event in events:
            match event:
                case ("ask", how_many, priority, lists):
                    made.ask("", how_many, priority, lists=lists)
                    await settle()
                case ("pass", seconds):
                    await made.time.advance(seconds)
                case ("refuse", code):
                    made.budget.refused(made.time.now, code, None, too_many=code != 36)
                    await settle()
                case ("limit", limit):
                    made.budget.wanted_per_minute = limit
                    most = max(most, limit)
        assert made.most_in_a_minute() <= most
        made.budget.wanted_per_minute = 250
        await made.time.advance(3 * 3600)
        assert all(task.done() for task in made.tasks)
        assert made.state.waiting == 0

    asyncio.run(play())
