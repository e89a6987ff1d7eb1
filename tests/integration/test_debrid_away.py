"""An account that is away just when its list is to be looked at."""

from datetime import timedelta

from homeassistant.core import HomeAssistant

from custom_components.sokoul.debriding import FIRST_PAUSE, LONGEST_INTERVAL
from devstack.frame import FaultKind
from devstack.real_debrid import RealDebridSimulator

from .conftest import PassTime, SetUp, until
from .test_debrid_mirror import ID, account, debrid, mirror

__all__ = ("debrid",)


async def test_it_is_looked_at_within_the_hour_however_seldom_that_is_else(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    subentry = account()
    subentry["data"] = {**subentry["data"], "preferences": {"synchronise_minutes": 1440}}
    debrid.fault(FaultKind.DISCONNECT)
    entry = await set_up(subentry)
    assert not entry.runtime_data.backends[ID].answering
    await pass_time(FIRST_PAUSE)
    debrid.clear_faults()
    await entry.runtime_data.refresh([ID])
    assert entry.runtime_data.backends[ID].answering
    assert mirror(entry).checked_at is None
    await pass_time(LONGEST_INTERVAL + timedelta(seconds=1))
    await until(lambda: mirror(entry).checked_at is not None)
