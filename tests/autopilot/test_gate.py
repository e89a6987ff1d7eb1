"""The gate: one cause, one verdict for all downloads of a client."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.gate import (
    CLIENT_SETTLES,
    LINE_PATIENCE,
    Line,
    follow,
    is_busy,
    judge_client,
    line_alive,
)
from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.downloads import ConnectionStatus, Transfer
from custom_components.sokoul.model.waiting import FULL_BELOW_BYTES
from tests.model import make
from tests.model.make import GB, NOW, ago

MINUTE = timedelta(minutes=1)


def client(*, available: bool = True, **transfer: Any) -> Backend:
    defaults: dict[str, Any] = {"connection": ConnectionStatus.CONNECTED, "free_bytes": 800 * GB, "peers": 12}
    return make.qbittorrent(available=available, transfer=Transfer(**defaults | transfer))


OLD = Line(answering_since=ago(days=1), alive_at=ago(minutes=1))


def line(**fields: Any) -> Line:
    return Line(**{"answering_since": ago(days=1), "alive_at": ago(minutes=1)} | fields)


SILENT = {"peers": 0, "dht_nodes": 0}

CASES = (
    ("all is well", client(), OLD, True, None),
    ("firewalled is normal: many tunnels forward no port", client(connection=ConnectionStatus.FIREWALLED), OLD, True,
     None),
    ("a status of a newer version", client(connection=ConnectionStatus.UNKNOWN), OLD, True, None),
    ("it doesn't answer", client(available=False), OLD, True, "gate.client_unavailable"),
    ("it was never read", make.qbittorrent(snapshot=None), OLD, True, "gate.client_unavailable"),
    ("it says that it is disconnected", client(connection=ConnectionStatus.DISCONNECTED), OLD, True,
     "gate.client_disconnected"),
    ("its VPN may be in trouble", replace(client(), distrusted=True), OLD, True, "gate.vpn"),
    ("its disk is full", client(free_bytes=FULL_BELOW_BYTES - 1), OLD, True, "gate.disk_full"),
    ("its disk is nearly full", client(free_bytes=FULL_BELOW_BYTES), OLD, True, None),
    ("it doesn't say what is left", client(free_bytes=None), OLD, True, None),
    ("it came back just now", client(), line(answering_since=NOW - CLIENT_SETTLES + MINUTE), True, "gate.settling"),
    ("it came back a while ago", client(), line(answering_since=NOW - CLIENT_SETTLES), True, None),
    ("connected, no peers anywhere for a while", client(**SILENT), line(alive_at=NOW - LINE_PATIENCE), True,
     "gate.line_dead"),
    ("no peers for a moment", client(**SILENT), line(alive_at=NOW - LINE_PATIENCE + MINUTE), True, None),
    ("no peers since it came back", client(**SILENT), line(alive_at=None), True, "gate.line_dead"),
    ("no peers, and nothing that would need any", client(**SILENT), line(alive_at=ago(hours=9)), False, None),
    ("no peers, and hundreds of nodes of old in the DHT", client(peers=0, dht_nodes=380), line(
     alive_at=ago(hours=1), dht_nodes=380), True, "gate.line_dead"),
    ("somebody is there again", client(), line(alive_at=ago(hours=9)), True, None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("backend", "line", "active", "shut"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_gate(backend: Backend, line: Line, *, active: bool, shut: str | None) -> None:
    gate = judge_client(backend, follow(line, backend, NOW), active=active, now=NOW)
    assert (gate.shut.key if gate.shut else None) == shut
    assert gate.open is (shut is None)


def test_it_says_since_when_the_line_is_dead() -> None:
    gate = judge_client(client(**SILENT), line(alive_at=ago(hours=2)), active=True, now=NOW)
    assert gate.shut is not None
    assert gate.shut.parameters == {"client": "qBittorrent", "since": ago(hours=2)}


# --- what shows that a line works ------------------------------------------------------------------------------------


def test_a_peer_shows_it() -> None:
    assert line_alive(client(peers=1))
    assert not line_alive(client(peers=0, dht_nodes=300))
    assert not line_alive(make.qbittorrent(snapshot=None))


def test_new_nodes_of_the_dht_show_it_and_old_ones_do_not() -> None:
    """On a dead line the table of nodes only shrinks, and that for hours."""
    known = follow(line(alive_at=None), client(peers=0, dht_nodes=200), NOW)
    assert known.alive_at == NOW
    for minute, nodes in enumerate((200, 199, 180, 180, 120), 1):
        known = follow(known, client(peers=0, dht_nodes=nodes), NOW + minute * MINUTE)
    assert known.alive_at == NOW
    known = follow(known, client(peers=0, dht_nodes=121), NOW + 6 * MINUTE)
    assert known.alive_at == NOW + 6 * MINUTE


def test_a_client_that_is_away_shows_nothing() -> None:
    known = line()
    assert follow(known, client(available=False, peers=40, dht_nodes=500), NOW) is known


def test_nothing_new_is_the_same_line() -> None:
    known = follow(line(), client(peers=0, dht_nodes=3, download_rate=5), NOW)
    assert follow(known, client(peers=0, dht_nodes=3, download_rate=5), NOW + MINUTE) is known


def test_a_tunnel_that_comes_back_with_a_dead_listener() -> None:
    """QBittorrent calls itself connected, as it did before; its peers leave, its nodes are given up slowly."""
    known, shut_after = line(), None
    for minute in range(60):
        dead = minute >= 5
        backend = client(peers=0 if dead else 40, dht_nodes=300 - minute * dead)
        known = follow(known, backend, NOW + minute * MINUTE)
        gate = judge_client(backend, known, active=True, now=NOW + minute * MINUTE)
        if not gate.open and shut_after is None:
            shut_after = minute
        assert gate.open is (shut_after is None)
    assert shut_after == 4 + LINE_PATIENCE / MINUTE


# --- whether a line is busy ------------------------------------------------------------------------------------------

BUSY = (
    ("no limit, and nothing known of the line", Transfer(download_rate=5_000_000), line(), False),
    ("at its limit", Transfer(download_rate=800_000, download_limit=1_000_000), line(), True),
    ("below its limit", Transfer(download_rate=799_999, download_limit=1_000_000), line(), False),
    ("the schedule has set the alternative limits", Transfer(download_rate=1, alternative_limits=True), line(), True),
    ("nearly as fast as it ever was", Transfer(download_rate=8_000_000), line(best_rate=10_000_000), True),
    ("not as fast as it was", Transfer(download_rate=7_999_999), line(best_rate=10_000_000), False),
    ("it was never fast: nobody knows what it can do", Transfer(download_rate=90_000), line(best_rate=90_000), False),
)


@pytest.mark.parametrize(("transfer", "line", "busy"), [case[1:] for case in BUSY], ids=[case[0] for case in BUSY])
def test_busy(transfer: Transfer, line: Line, *, busy: bool) -> None:
    assert is_busy(transfer, line) is busy


def test_the_best_rate_is_forgotten_after_a_week() -> None:
    known = follow(line(), client(download_rate=9_000_000), NOW)
    known = follow(known, client(download_rate=2_000_000), NOW + timedelta(days=7))
    assert known.best_rate == 9_000_000
    known = follow(known, client(download_rate=2_000_000), NOW + timedelta(days=7, seconds=1))
    assert known.best_rate == 2_000_000
