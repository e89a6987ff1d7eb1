"""How what was fetched fares where several debrid accounts have it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.sokoul.model.debrid import DebridStatus, DebridTorrent
from custom_components.sokoul.watching_downloads import Downloads

HASH = "a" * 40
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
S = DebridStatus


def account(*statuses: DebridStatus) -> Any:
    """Return the mirror of an account with entries of one torrent."""
    torrents = [
        DebridTorrent(id=status, hash=HASH, filename=status, size_bytes=1, status=status, progress=0, added_at=NOW)
        for status in statuses
    ]

    async def find(*_: object, **__: object) -> list[Any]:
        return [SimpleNamespace(torrent=each) for each in torrents]

    view = SimpleNamespace(torrents=find)
    return SimpleNamespace(account="", checked_at=NOW, store=SimpleNamespace(mirror_view=view))


@pytest.mark.parametrize(
    ("accounts", "fares"),
    [
        ([(S.DEAD,)], "failed"),
        ([(S.DEAD, S.DOWNLOADING)], "comes"),
        ([(S.DEAD,), (S.DOWNLOADING,)], "comes"),
        ([(S.DOWNLOADING,), (S.DOWNLOADED,)], "is here"),
        ([(S.DEAD,), (S.VIRUS,)], "failed"),
        ([(), ()], "is nowhere"),
    ],
)
async def test_the_account_with_which_it_fares_best_counts(accounts: list[tuple[S, ...]], fares: str) -> None:
    mirrors = {str(number): account(*each) for number, each in enumerate(accounts)}
    hub: Any = SimpleNamespace(debriding=SimpleNamespace(accounts=mirrors))
    found = await Downloads(hub).at_debrid(HASH, frozenset())
    told = {(True, False): "is here", (False, True): "failed", (False, False): "comes"}
    assert (told[found.finished, found.failed] if found is not None else "is nowhere") == fares
