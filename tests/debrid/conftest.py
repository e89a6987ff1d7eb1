"""Every test that takes `store` runs on SQLite and on PostgreSQL."""

from collections.abc import Callable
from typing import Any

import pytest

from custom_components.sokoul.debrid.mirror import MirrorSync
from custom_components.sokoul.store import Store
from tests.store.conftest import _server, file, postgresql, store, timers, where
from tests.store.torrents import ACCOUNT

from .accounts import Clock, FakeAccount, Told

__all__ = ("_server", "file", "postgresql", "store", "timers", "where")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount()


@pytest.fixture
def syncing(account: FakeAccount, store: Store, clock: Clock) -> Callable[..., MirrorSync]:
    """Return what makes the synchronisation of the account, as it would be after a restart."""

    def make(**values: Any) -> MirrorSync:
        return MirrorSync(ACCOUNT, account, Told(), store.mirror, clock=clock, **({"page_size": 5} | values))

    return make
