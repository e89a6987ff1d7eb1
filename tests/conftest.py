"""What every test needs."""

from collections.abc import Iterator
import threading
import time

import pytest

# The harness has a `custom_components` of its own: ours has to be found first.
import custom_components.sokoul.const  # noqa: F401

_THREADS_END_SECONDS = 5.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what waits for real programs come first: at the end one process would wait for it alone."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)


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
