"""The governor in Home Assistant: what is demanded is done, once, and everything is as it was afterwards."""

from datetime import timedelta

from homeassistant.core import HomeAssistant

from custom_components.sokoul.connectors.limiting import MEMORY_KEY
from devstack.qbittorrent import QbittorrentSimulator
from devstack.thermal import ThermalMachine

from .conftest import QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry
from .test_thermal import THERMAL_ID, make, pi, source, value

__all__ = ("make", "pi")  # the machine that Home Assistant runs on

LIMIT = 4_999_168  # 5 MB/s, as qBittorrent keeps it
TICK = timedelta(seconds=10)


async def test_a_hot_machine_downloads_slowly_and_a_cool_one_as_before(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    qbittorrent.engine.set_limit("dl", 8_000 * 1024)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    assert entry.runtime_data.governing.thermometers[THERMAL_ID].thresholds is not None
    pi.be(76)
    await pass_time(TICK, times=2)
    assert qbittorrent.engine.limit("dl") == LIMIT
    assert value(hass, "sensor.qbittorrent_active_limit") == "5.0"
    pi.be(60)
    await pass_time(TICK, times=2)
    assert qbittorrent.engine.limit("dl") == LIMIT, "it has to stay cool for a while"
    await pass_time(timedelta(minutes=1), times=6)
    assert qbittorrent.engine.limit("dl") == 8_000 * 1024
    assert MEMORY_KEY not in entry.runtime_data.backends[QBITTORRENT_ID].memory
