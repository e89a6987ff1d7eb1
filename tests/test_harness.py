"""What the tests have changed of their harness finds what it is there for."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sys
import threading
import time
import types
from typing import Any

import freezegun
from freezegun.api import FrozenDateTimeFactory, real_monotonic
from homeassistant import runner
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.storage import Store
from homeassistant.util import executor
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from tests import quicker_harness
from tests.integration import conftest


@pytest.mark.parametrize("name", ["call_soon", "call_later"])
async def test_a_call_from_another_thread_is_found(name: str) -> None:
    loop = asyncio.get_running_loop()
    arguments = {"call_soon": (print,), "call_later": (60, print)}[name]
    errors: list[RuntimeError] = []

    def call() -> None:
        try:
            getattr(loop, name)(*arguments)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert [str(error).partition(" ")[0] for error in errors] == ["Non-thread-safe"]


async def test_a_future_that_another_thread_answers_is_found() -> None:
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda _: None)
    errors: list[RuntimeError] = []

    def answer() -> None:
        try:
            future.set_result(None)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()
    assert len(errors) == 1


async def test_the_stack_of_no_task_is_kept() -> None:
    assert not asyncio.get_running_loop().get_debug()


@pytest.mark.parametrize("used", [False, True])
def test_an_executor_is_shut_down_and_waited_for(used: bool) -> None:  # noqa: FBT001 -- of the table
    loop = asyncio.new_event_loop()
    runner.configure_event_loop(loop)
    quicker_harness.end_at_once(loop)
    told, ended = threading.Event(), threading.Event()
    if used:
        loop.run_in_executor(None, lambda: (told.wait(), ended.set()))
    loop.call_soon(told.set)
    for _ in range(2):
        loop.run_until_complete(loop.shutdown_default_executor())
        assert ended.is_set() == used
    with pytest.raises(RuntimeError, match="shutdown"):
        loop.run_in_executor(None, print)
    loop.close()


@pytest.mark.parametrize("used", [False, True])
def test_a_thread_waits_only_for_threads(used: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 -- of the table
    loop = asyncio.new_event_loop()
    runner.configure_event_loop(loop)
    quicker_harness.end_at_once(loop)
    if used:
        loop.run_until_complete(loop.run_in_executor(None, int))
    started: list[threading.Thread] = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread), start(thread)))
    for _ in range(2):
        loop.run_until_complete(loop.shutdown_default_executor())
    assert len(started) == int(used)
    loop.close()


def test_threads_are_waited_for_before_they_are_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    join = executor.join_or_interrupt_threads

    def joined(threads: set[threading.Thread], timeout: float, log: bool) -> set[threading.Thread]:  # noqa: FBT001 -- as it is called
        waited.append(timeout)
        return join(threads, timeout, log)

    monkeypatch.setattr(executor, "join_or_interrupt_threads", joined)
    pool = executor.InterruptibleThreadPoolExecutor()
    threads = [pool.submit(threading.current_thread).result()]
    pool.shutdown()
    assert min(waited) > 5, "a machine may be busy with something else for a while"
    assert not any(each.is_alive() for each in threads)


async def test_a_loop_tells_the_time_that_freezegun_does(freezer: FrozenDateTimeFactory) -> None:
    loop = asyncio.get_running_loop()
    freezer.move_to(datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC))
    assert loop.time() == time.monotonic() == datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC).timestamp()
    freezer.tick(timedelta(minutes=3))
    assert loop.time() == time.monotonic() == datetime(2026, 3, 1, 12, 3, 0, 250_000, tzinfo=UTC).timestamp()


async def test_a_loop_tells_the_time_of_the_machine_else() -> None:
    before = real_monotonic()
    with freezegun.freeze_time("2026-03-01"):
        assert asyncio.get_running_loop().time() > before + 1e6
    assert before <= asyncio.get_running_loop().time() <= real_monotonic()


async def test_a_loop_rests_while_a_frozen_clock_keeps_a_timer_from_running(
    freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer.move_to(datetime(2026, 3, 1, tzinfo=UTC))
    loop = asyncio.get_running_loop()
    turns = 0
    run_once = loop._run_once  # type: ignore[attr-defined]

    def counted() -> None:
        nonlocal turns
        turns += 1
        run_once()

    monkeypatch.setattr(loop, "_run_once", counted)
    ran: list[int] = []
    loop.call_later(0, ran.append, 1)
    await asyncio.to_thread(time.sleep, 0.1)
    assert turns < 50
    assert ran == []
    freezer.tick(timedelta(seconds=1))
    for _ in range(2):
        await asyncio.sleep(0)
    assert ran == [1]


def test_time_freezes_in_a_module_that_changed_since_it_froze(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with freezegun.freeze_time("2026-03-01"):
        pass
    vars(module)["clock"] = freezegun.api.real_datetime
    with freezegun.freeze_time("2026-03-01"):
        assert vars(module)["clock"] is freezegun.api.FakeDatetime
    assert vars(module)["clock"] is freezegun.api.real_datetime


async def test_timers_run_when_they_are_due(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    now = datetime.now(UTC)
    ran: list[tuple[str, datetime]] = []
    for name, minutes in (("first", 1), ("second", 2)):

        @callback
        def run(at: datetime, name: str = name) -> None:
            ran.append((name, at))

        async_track_point_in_utc_time(hass, run, now + timedelta(minutes=minutes))
    async_fire_time_changed(hass, now + timedelta(seconds=59))
    assert ran == []
    async_fire_time_changed(hass, now + timedelta(seconds=60))
    assert ran == [("first", now + timedelta(seconds=60))]
    freezer.tick(timedelta(minutes=2))
    async_fire_time_changed(hass)
    assert [name for name, _ in ran] == ["first", "second"]


async def test_what_is_stored_stays_in_memory(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    store = Store[dict[str, int]](hass, 3, "of_a_test")
    assert await store.async_load() is None
    await store.async_save({"count": 1})
    assert (hass_storage["of_a_test"]["version"], hass_storage["of_a_test"]["data"]) == (3, {"count": 1})
    hass_storage["of_a_test"]["data"] = {"count": 2}
    assert await Store[dict[str, int]](hass, 3, "of_a_test").async_load() == {"count": 2}
    assert not Path(store.path).exists()
    await store.async_remove()
    assert "of_a_test" not in hass_storage


async def test_waiting_ends_while_time_stands_still(
    freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezer.move_to(datetime(2026, 3, 1, tzinfo=UTC))
    monkeypatch.setattr(conftest, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(pytest.fail.Exception, match="never"):
        await conftest.until(lambda: False)
