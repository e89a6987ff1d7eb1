"""What every test needs."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
import functools
import gc
import logging
import threading
import time
from unittest.mock import patch

from homeassistant import runner
from hypothesis import HealthCheck, settings
import pytest
import pytest_asyncio

# The harness has a `custom_components` of its own: ours has to be found first.
from custom_components.sokoul.store import open_store

from . import quicker_harness
from .ordering import WITH_HOME_ASSISTANT, File, in_order

quicker_harness.set_up()

_THREADS_END_SECONDS = 5.0

#: Python's own is 2,000. What is collected is most often what a test still uses.
_OBJECTS_UNTIL_COLLECTION = 50_000

# on a machine that does something else, too, the time that an example took says nothing of what is tested
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Let the log cost less: the harness writes all of it to standard error, too.

    Every statement of SQL is no part of it, nor every new entity, of which a test of the integration has a hundred.
    What a test logged else is in the report of its failure nevertheless.
    """
    gc.set_threshold(_OBJECTS_UNTIL_COLLECTION, *gc.get_threshold()[1:])
    for name in ("sqlalchemy.engine", "homeassistant.helpers.entity_registry"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in tuple(logging.root.handlers):
        if type(handler) is logging.StreamHandler:
            logging.root.removeHandler(handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files as `ordering` says. In a file, what waits for real programs comes first."""

    def kind(item: pytest.Item) -> tuple[bool, bool]:
        return item.get_closest_marker("real") is None, "hass" not in item.fixturenames  # type: ignore[attr-defined]

    items.sort(key=kind)
    places = {path: place for place, path in enumerate(in_order(list(_files(items))))}
    items.sort(key=lambda item: places[_file(item)])


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _files(items: Iterable[pytest.Item]) -> Iterator[File]:
    """Return the files of tests, in the order of their first ones."""
    found: dict[str, list[pytest.Item]] = {}
    for item in items:
        found.setdefault(_file(item), []).append(item)
    for path, tests in found.items():
        whole = sum("hass" in item.fixturenames for item in tests)  # type: ignore[attr-defined]
        yield File(
            path=path,
            waits=any(item.get_closest_marker("real") is not None for item in tests),
            costs=len(tests) + (WITH_HOME_ASSISTANT - 1) * whole,
        )


@pytest_asyncio.fixture(autouse=True)
def configure_event_loop() -> None:
    """Configure the loop the way Home Assistant does, without running it for that, as the harness would."""
    runner.configure_event_loop(asyncio.get_event_loop())
    quicker_harness.rest(asyncio.get_event_loop())
    quicker_harness.end_at_once(asyncio.get_event_loop())


@pytest.fixture(autouse=True, scope="session")
def disable_http_server() -> Iterator[None]:
    """Bind and start no HTTP server; the harness makes two mocks for that in each test."""

    async def do_nothing(_: object) -> None: ...

    with patch.multiple("homeassistant.components.http.HomeAssistantHTTP", async_bind=do_nothing, start=do_nothing):
        yield


@pytest.fixture(autouse=True, scope="session")
def skip_stop_scripts() -> Iterator[None]:
    """Leave no timer behind for scripts that run when Home Assistant stops, as the harness does, once for all."""
    with patch("homeassistant.helpers.script._schedule_stop_scripts_after_shutdown", lambda _: None):
        yield


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a file that was opened once, to be copied: to make its tables is most of what a new one costs."""
    path = tmp_path_factory.mktemp("empty") / "sokoul.db"
    store = await open_store(path)
    await store.close()
    return path.read_bytes()


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
