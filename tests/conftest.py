"""What every test needs."""

import asyncio
from collections.abc import Callable, Iterator
import functools
import logging
import threading
import time

from hypothesis import HealthCheck, settings
import pytest
import pytest_asyncio

# The harness has a `custom_components` of its own: ours has to be found first.
import custom_components.sokoul.const  # noqa: F401

_THREADS_END_SECONDS = 5.0

# on a machine that does something else, too, the time that an example took says nothing of what is tested
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Let the log cost less: the harness writes all of it to standard error, too, and every statement of SQL into it.

    What a test logged is in the report of its failure nevertheless.
    """
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    for handler in tuple(logging.root.handlers):
        if type(handler) is logging.StreamHandler:
            logging.root.removeHandler(handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what waits for real programs come first: at the end one process would wait for it alone."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)


@pytest_asyncio.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Have of asyncio's debug mode, which the harness turns on, only what finds mistakes: calls from another thread.

    The rest is half of what a test of the integration costs: the whole stack, with its lines read from files, for each
    future and task, to be shown should it ever be in a message. Coroutines that nobody awaited are found without it.
    """
    loop = asyncio.get_event_loop()
    for name in ("call_soon", "call_at"):
        setattr(loop, name, _in_its_thread(loop, getattr(loop, name)))


def _in_its_thread[**P, T](loop: asyncio.AbstractEventLoop, call: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(call)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        loop._check_thread()  # type: ignore[attr-defined]
        return call(*args, **kwargs)

    return checked


@pytest.fixture(autouse=True)
def _closed_databases_end(verify_cleanup: None) -> Iterator[None]:
    """Wait for the threads of SQLite connections that were closed: on a busy machine they end a moment later.

    The harness counts threads when a test is over. One that goes on for good is still found by it.
    """
    before = threading.enumerate()
    yield
    deadline = time.monotonic() + _THREADS_END_SECONDS
    while time.monotonic() < deadline and any(
        "_connection_worker_thread" in thread.name for thread in threading.enumerate() if thread not in before
    ):
        time.sleep(0.001)
