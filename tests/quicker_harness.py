"""The harness, doing the same with less work. `tests/test_harness.py` shows that it does the same.

A test spent a quarter of its time in these, and there are thousands of tests.
"""

import asyncio
import calendar
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
import functools
import time
import types
from typing import Any
from unittest.mock import patch

import freezegun.api
from homeassistant import runner
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import event
from homeassistant.util import executor
from homeassistant.util.async_ import get_scheduled_timer_handles
from pytest_homeassistant_custom_component import common, patch_time

_REST_SECONDS = 0.01
#: Home Assistant gives a tenth of it to all threads of an executor together, before it interrupts them. One that is
#: interrupted as it wakes up takes along what would have woken the next, which is left behind for ever then: half a
#: second without a processor was enough for that.
_THREADS_END_WITHIN_SECONDS = 100


def set_up() -> None:
    """Put the quicker parts into their places, before the first test."""
    runner.monotonic = monotonic  # type: ignore[assignment]  # what event loops tell the time by
    patch_time.ha_get_module_attributes_hash = _attributes_hash
    common._async_fire_time_changed = _fire_time_changed
    common.patch = _patch
    executor.EXECUTOR_SHUTDOWN_TIMEOUT = _THREADS_END_WITHIN_SECONDS


def monotonic() -> float:
    """Return the time of an event loop, frozen or not.

    Loops ask for it at each turn. Freezegun would look through the stack first, for a module that is to see the real
    time (none of those calls a loop), and compute the same number again.
    """
    try:
        now = freezegun.api.freeze_factories[-1]()
    except IndexError:  # it isn't frozen, or no more: another thread may have asked
        return freezegun.api.real_monotonic()
    return _seconds(now)


@functools.lru_cache(maxsize=64)
def _seconds(now: datetime) -> float:
    return calendar.timegm(now.timetuple()) + now.microsecond / 1e6


def rest(loop: asyncio.AbstractEventLoop) -> None:
    """Let a loop wait for what comes while a timer is due that it can not run, and not ask for it without a pause.

    What is due just now, as is all that is to be done after 0 seconds, runs once a clock shows a nanosecond more. A
    frozen one never does, and its numbers are too great for a nanosecond: a loop asked again and again, as fast as it
    could, in the way of the threads that it waited for. The next leap in time runs such a timer, before and now.
    """
    select = loop._selector.select  # type: ignore[attr-defined]
    ready = loop._ready  # type: ignore[attr-defined]

    def rested(timeout: float | None = None) -> Any:
        if (
            timeout == 0
            and not ready
            and not loop._stopping  # type: ignore[attr-defined]
            and (scheduled := loop._scheduled)  # type: ignore[attr-defined]
            and scheduled[0]._when >= loop.time() + loop._clock_resolution  # type: ignore[attr-defined]
        ):
            timeout = _REST_SECONDS
        return select(timeout)

    loop._selector.select = rested  # type: ignore[attr-defined]


def end_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Shut an executor down that has no thread, or none any more, without a thread that waits for those.

    The harness and the runner of the test do it, one after the other, for each test, also where none was ever started.
    """
    wait_for_threads = loop.shutdown_default_executor

    async def shut_down(timeout: float | None = None) -> None:  # noqa: ASYNC109 -- as the loop's own
        executor: ThreadPoolExecutor | None = loop._default_executor  # type: ignore[attr-defined]
        if executor is None or any(thread.is_alive() for thread in executor._threads):
            await wait_for_threads(timeout)
            return
        loop._executor_shutdown_called = True  # type: ignore[attr-defined]
        executor.shutdown()

    loop.shutdown_default_executor = shut_down  # type: ignore[method-assign]


def _attributes_hash(module: types.ModuleType) -> str:
    """Return what changes when a module got another name, for freezegun, which asks each of 3,000 when time freezes.

    The harness hashes all the names. A module that lost one and got one, nothing else, would be overlooked.
    """
    return f"{id(module)}-{len(vars(module))}"


def _patch(target: str, *arguments: Any, **options: Any) -> Any:
    """Put a function in the place of another by itself, where the harness would have a mock call it.

    That is how it keeps what is stored in memory: three mocks with the signatures of methods, which take 2.6 ms to make
    for each test, and more whenever something is loaded.
    """
    if not arguments and options.keys() == {"side_effect", "autospec"}:
        return patch(target, options["side_effect"])
    return patch(target, *arguments, **options)


_patch.object = patch.object  # type: ignore[attr-defined]
_patch.dict = patch.dict  # type: ignore[attr-defined]
_patch.multiple = patch.multiple  # type: ignore[attr-defined]


@callback
def _fire_time_changed(hass: HomeAssistant, utc_datetime: datetime, fire_all: bool) -> None:  # noqa: FBT001 -- as it is called
    """Run the timers that are due, as the harness does, which makes two mocks for each of them."""
    timestamp = utc_datetime.timestamp()
    told: dict[str, Any] = {
        "time_tracker_utcnow": lambda: utc_datetime,
        "time_tracker_timestamp": lambda: timestamp,
    }
    for handle in tuple(get_scheduled_timer_handles(hass.loop)):
        if handle.cancelled():
            continue
        due_in = handle.when() - (hass.loop.time() + common._MONOTONIC_RESOLUTION)
        if fire_all or timestamp - time.time() >= due_in:
            with patch.multiple(event, **told):
                handle._run()
                handle.cancel()
