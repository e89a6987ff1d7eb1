"""Whatever happens while the server of a VPN is changed: it ends, with a proven server or with the one from before."""

from datetime import timedelta
import random

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.rotation import LOOK_EVERY
from custom_components.sokoul.rotation_notes import CHANGE_KEY
from devstack.frame import FaultKind
from devstack.gluetun import GluetunSimulator

from .conftest import PassTime
from .test_rotating import CH, SE, SET, Start, journal, press, reload, shown, start

__all__ = ["start"]


class Fate:
    """What may happen, by chance and always in the same way for one seed."""

    def __init__(self, seed: int, hass: HomeAssistant, gluetun: GluetunSimulator) -> None:
        self.dice = random.Random(seed)  # noqa: S311 -- no secret
        self.hass = hass
        self.gluetun = gluetun
        self.away = False

    async def strike(self) -> None:
        """Let something happen, or nothing."""
        match self.dice.randrange(10):
            case 0 | 1:
                await reload(self.hass)  # as a restart does
            case 2 if self.gluetun.tunnel.status == "running":
                self.gluetun.tunnel.crash()
            case 3:
                await (self.gluetun.accept() if self.away else self.gluetun.refuse())
                self.away = not self.away
            case 4:
                self.gluetun.fault(FaultKind.DISCONNECT, SET, times=1)
            case 5:
                self.gluetun.fault(FaultKind.STATUS, SET, status=500, times=1)
            case _:
                pass

    async def relent(self) -> None:
        """Let be done what is wanted."""
        self.gluetun.clear_faults()
        if self.away:
            await self.gluetun.accept()


@pytest.mark.parametrize("seed", range(6))
async def test_a_change_comes_to_a_good_end(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, seed: int
) -> None:
    """Through Sweden nothing passes. Switzerland works, or crashes: then nothing is left but what was before."""
    gluetun.tunnel.mute.add(SE)
    gluetun.tunnel.closed.update({CH} if seed % 2 else ())
    await start()
    await press(hass)
    assert gluetun.tunnel.selection["countries"] == ["Sweden"]
    fate = Fate(seed, hass, gluetun)
    for _ in range(50):
        await fate.strike()
        await pass_time(LOOK_EVERY)
    await fate.relent()
    await pass_time(timedelta(seconds=20), times=60)
    vpn = await reload(hass)
    await pass_time(timedelta(seconds=20))
    assert not vpn.under_way
    assert CHANGE_KEY not in vpn.backend.memory
    (country,) = gluetun.tunnel.selection["countries"]
    assert country in ({"Netherlands"} if seed % 2 else {"Netherlands", "Switzerland"})
    assert gluetun.tunnel.server is not None  # it is connected
    assert gluetun.tunnel.server.country == shown(hass, "sensor.gluetun_vpn_server") == country
    (entry,) = await journal(hass)
    assert entry["status"] == ("done" if country == "Switzerland" else "kept")
