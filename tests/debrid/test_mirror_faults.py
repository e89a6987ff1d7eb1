"""Every fault of a simulated account during a synchronisation: nothing is lost or doubled, and it all ends well."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.clients.real_debrid_budget import DebridBudget
from custom_components.sokoul.clients.real_debrid_tokens import ApiToken
from custom_components.sokoul.debrid.mirror import MirrorSync
from custom_components.sokoul.debriding import ClientErrors
from custom_components.sokoul.model.debrid_mirror import SyncMode, SyncStatus
from custom_components.sokoul.store import Store
from devstack.frame import FaultKind
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from tests.store.torrents import ACCOUNT

LIST = "GET /rest/1.0/torrents"
TORRENTS = 20
A_MINUTE = 250

FAULTS: tuple[tuple[FaultKind, Mapping[str, Any]], ...] = (
    (FaultKind.HANG, {}),
    (FaultKind.DRIP, {}),
    (FaultKind.DISCONNECT, {}),
    *((FaultKind.STATUS, {"status": status}) for status in (204, 404, 500, 503)),
    (FaultKind.TRUNCATE, {}),
    (FaultKind.TRUNCATE_JSON, {}),
    (FaultKind.HTML, {}),
    (FaultKind.WRONG_TYPES, {}),
    (FaultKind.UNKNOWN_ENUMS, {"fields": ("status",)}),
    *(
        (FaultKind.MISSING_FIELDS, {"fields": (name,)})
        for name in ("id", "hash", "filename", "bytes", "status", "links")
    ),
    (FaultKind.REDIRECT, {"location": "http://127.0.0.1:9/x"}),
    (FaultKind.HUGE, {}),
)


@pytest.fixture
async def account(socket_enabled: None) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator() as simulator:
        simulator.account.fill(TORRENTS, statuses=("downloaded", "error"))
        yield simulator


async def known(store: Store) -> dict[str, tuple[Any, ...]]:
    """Return what the mirror says of the torrents that are there."""
    there = [each async for page in store.mirror_view.walk(ACCOUNT) for each in page]
    found = await store.mirror_view.torrents(ACCOUNT, ids=[each.torrent.id for each in there])
    return {
        each.torrent.id: (
            each.torrent.hash,
            each.torrent.status,
            each.torrent.links,
            each.torrent.filename,
            each.torrent.size_bytes,
        )
        for each in found
    }


@pytest.mark.parametrize("of_details", [False, True], ids=["list", "details"])
@pytest.mark.parametrize(
    ("kind", "options"), FAULTS, ids=[f"{kind} {' '.join(map(str, of.values()))}" for kind, of in FAULTS]
)
async def test_a_fault_loses_and_doubles_nothing(
    kind: FaultKind, options: Mapping[str, Any], account: RealDebridSimulator, store: Store, *, of_details: bool
) -> None:
    async with ClientSession() as session:
        client = RealDebridClient(
            session, ApiToken(API_TOKEN), DebridBudget(A_MINUTE), url=account.url, timeout_seconds=0.3
        )
        sync = MirrorSync(ACCOUNT, client, ClientErrors(), store.mirror, clock=lambda: datetime.now(UTC))
        await sync.sync(SyncMode.FULL)
        before = await known(store)
        assert len(before) == TORRENTS
        failed = next(key for key, each in account.account.torrents.items() if each.status == "error")
        account.fault(kind, f"{LIST}/info/{failed}" if of_details else LIST, **options)
        account.account.fill(1)  # so that the list is sent again
        await sync.sync(SyncMode.ERRORS if of_details else SyncMode.LIST)
        if options.get("status") != 204 or of_details:  # of the list, that is how an empty account answers
            assert (await known(store)).keys() >= before.keys() - {failed}
        account.clear_faults()
        if await sync.interrupted():
            await sync.sync(SyncMode.RESUME)
        assert (await sync.sync(SyncMode.FULL)).run.status is SyncStatus.DONE
        after = await known(store)
        assert {key: after.get(key) for key in before} == before
        assert after.keys() == account.account.torrents.keys()
        assert account.meter.most_in_a_minute <= A_MINUTE
