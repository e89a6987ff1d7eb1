"""Whether a VPN is connected, and what may be read from its silence."""

from dataclasses import dataclass

import pytest

from custom_components.sokoul.model.vpn import VpnRoute, VpnSnapshot, VpnStatus

ADDRESS = "45.83.220.11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a VPN tells, and whether it is connected then."""

    status: VpnStatus
    address: str | None = None
    settling: bool = False
    closed: bool = False  # its address is not for us
    connected: bool | None


ROWS = {
    "it runs, and has an address": Row(status=VpnStatus.RUNNING, address=ADDRESS, connected=True),
    "it waits for its ports": Row(status=VpnStatus.RUNNING, address=ADDRESS, settling=True, connected=True),
    "it has just begun to run": Row(status=VpnStatus.RUNNING, settling=True, connected=None),
    "its address does not come": Row(status=VpnStatus.RUNNING, connected=True),
    "its address is not for us": Row(status=VpnStatus.RUNNING, closed=True, connected=True),
    "nor whether there is one": Row(status=VpnStatus.RUNNING, closed=True, settling=True, connected=True),
    "it starts": Row(status=VpnStatus.STARTING, settling=True, connected=False),
    "it stops, its last address still there": Row(
        status=VpnStatus.STOPPING, address=ADDRESS, settling=True, connected=False
    ),
    "it is stopped": Row(status=VpnStatus.STOPPED, connected=False),
    "it crashed": Row(status=VpnStatus.CRASHED, connected=False),
    "it is through": Row(status=VpnStatus.COMPLETED, connected=False),
    "we may not ask": Row(status=VpnStatus.UNKNOWN, address=ADDRESS, connected=None),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_whether_it_is_connected(row: Row) -> None:
    snapshot = VpnSnapshot(
        status=row.status,
        public_ip=row.address,
        settling=row.settling,
        refused=frozenset({VpnRoute.PUBLIC_IP} if row.closed else ()),
    )
    assert snapshot.connected is row.connected


def test_every_status_is_in_the_table() -> None:
    assert {row.status for row in ROWS.values()} == {*VpnStatus}


@pytest.mark.parametrize(
    ("refused", "known"),
    [
        ((), True),
        ((VpnRoute.VERSION, VpnRoute.STATUS, VpnRoute.PUBLIC_IP, VpnRoute.DNS), True),
        ((VpnRoute.PORTS,), False),
        ((VpnRoute.PORTS_BEFORE_3_41,), False),
    ],
)
def test_no_ports_may_mean_that_we_may_not_ask(refused: tuple[VpnRoute, ...], known: bool) -> None:  # noqa: FBT001 -- from the table
    assert VpnSnapshot(refused=frozenset(refused)).knows_ports is known
