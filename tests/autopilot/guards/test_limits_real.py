"""Real qBittorrents keep limits as they are thought to, and get their person's own back, whatever happened between."""

from collections.abc import AsyncIterator, Mapping
import json
from pathlib import Path

import pytest

from custom_components.sokoul.autopilot.guards.limits import (
    UNLIMITED,
    ClientLimits,
    Plan,
    Rates,
    Slot,
    dump,
    load,
    plan,
    rounded,
)
from devstack.real_qbittorrent import RealQbittorrent
from devstack.tools import find_qbittorrents

pytestmark = pytest.mark.real

#: The preference in which each is kept.
NAMES = {
    Slot.DOWNLOAD: "dl_limit",
    Slot.UPLOAD: "up_limit",
    Slot.ALTERNATIVE_DOWNLOAD: "alt_dl_limit",
    Slot.ALTERNATIVE_UPLOAD: "alt_up_limit",
}
WANTED = Rates(download=5_000_000, upload=300_000)
KIB = 1024


@pytest.fixture(params=[(4, 5), (5, 3)], ids=["4.5", "5.3"])
async def real(request: pytest.FixtureRequest, tmp_path: Path, socket_enabled: None) -> AsyncIterator[RealQbittorrent]:
    binary = next((found for found in find_qbittorrents() if found.release[:2] == request.param), None)
    if binary is None:
        pytest.skip(f"no qBittorrent {request.param[0]}.{request.param[1]} here; scripts/setup installs it")
    async with RealQbittorrent(binary, tmp_path) as running:
        yield running


async def says(real: RealQbittorrent) -> ClientLimits:
    preferences = await real.get("app/preferences")
    mode = await real.get("transfer/speedLimitsMode")
    return ClientLimits(values={slot: preferences[name] for slot, name in NAMES.items()}, alternative=str(mode) == "1")


async def write(real: RealQbittorrent, limits: Mapping[Slot, int]) -> None:
    if limits:
        preferences = json.dumps({NAMES[slot]: value for slot, value in limits.items()})
        await real.post("app/setPreferences", {"json": preferences})


class Runner:
    """What acts on a plan. What it knows is what was stored; `crash` ends it between storing and writing."""

    def __init__(self, real: RealQbittorrent) -> None:
        self.real = real
        self.stored = json.dumps(dump({}))

    async def look(self, wanted: Rates, *, crash: bool = False) -> Plan:
        made = plan(load(json.loads(self.stored)), await says(self.real), wanted)
        self.stored = json.dumps(dump(made.remember))
        if not crash:
            await write(self.real, made.write)
        return made


async def test_it_keeps_what_it_was_told_rounded_by_us(real: RealQbittorrent) -> None:
    """Of a greater number than it can read, qBittorrent would make no limit at all."""
    for limit in (1, 1023, 1024, 1025, 300_000, 5_000_000, 2**31 - 1, 2**31, 3_000_000_000, 0):
        told = dict.fromkeys(Slot, rounded(limit))
        await write(real, told)
        assert (await says(real)).values == told
        assert rounded(limit) <= max(limit, KIB)
        assert (rounded(limit) == 0) is (limit == 0)


async def test_its_person_gets_back_what_was_theirs(real: RealQbittorrent) -> None:
    runner = Runner(real)
    own = {Slot.DOWNLOAD: 8_000 * KIB, Slot.UPLOAD: 0, Slot.ALTERNATIVE_DOWNLOAD: 0, Slot.ALTERNATIVE_UPLOAD: 9 * KIB}
    await write(real, own)

    # ended before it was written, then written, then followed
    await runner.look(WANTED, crash=True)
    assert (await says(real)).values == own
    await runner.look(WANTED)
    limited = (await says(real)).values
    assert limited == {**own, Slot.DOWNLOAD: 4_999_168, Slot.UPLOAD: 299_008}
    assert not (await runner.look(WANTED)).write, "what it kept is what it was told"
    transfer = await real.get("transfer/info")
    assert (transfer["dl_rate_limit"], transfer["up_rate_limit"]) == (4_999_168, 299_008)

    # the alternative limits come into force, of which one is lower than ours
    await real.post("transfer/setSpeedLimitsMode", {"mode": "1"})
    await runner.look(WANTED)
    assert (await says(real)).values == {**own, Slot.ALTERNATIVE_DOWNLOAD: 4_999_168}

    # the person changes the limit in force as any program would, qBittorrent is restarted, we are too
    await real.post("transfer/setDownloadLimit", {"limit": "7000000"})
    own[Slot.ALTERNATIVE_DOWNLOAD] = 6_999_040
    await real.restart()
    made = await runner.look(WANTED)
    assert made.by_hand == {Slot.ALTERNATIVE_DOWNLOAD}
    assert (await says(real)).values == {**own, Slot.ALTERNATIVE_DOWNLOAD: 4_999_168}

    # released, but for a crash at the wrong moment
    await runner.look(UNLIMITED, crash=True)
    await runner.look(UNLIMITED)
    assert (await says(real)).values == own
    assert not (await runner.look(UNLIMITED)).write
    assert json.loads(runner.stored) == {}
