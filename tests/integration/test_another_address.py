"""A client that gets another address: what the governor demanded at the old one is taken back there."""

from collections.abc import AsyncIterator

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from devstack.clock import ManualClock
from devstack.qbittorrent import QbittorrentSimulator
from devstack.thermal import ThermalMachine

from .conftest import PASSWORD, QBITTORRENT_ID, USERNAME, Names, PassTime, SetUp, qbittorrent_subentry
from .test_governor import HOT, LIMITED, OWN, TICK, limits, memory
from .test_pause import add, running
from .test_thermal import make, pi, source

__all__ = ("make", "pi")

THEIRS = OWN // 2  # the limit of another client


@pytest.fixture
async def other(clock: ManualClock) -> AsyncIterator[QbittorrentSimulator]:
    async with QbittorrentSimulator("5.2", username=USERNAME, password=PASSWORD, clock=clock) as simulator:
        simulator.engine.set_limit("dl", THEIRS * 2)
        yield simulator


@pytest.fixture
async def hot(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> MockConfigEntry:
    """Return the hub of a client that is so hot that it has to pause, and is limited, too."""
    add(qbittorrent, "one")
    add(qbittorrent, "theirs", behaviour="stopped")
    qbittorrent.engine.set_limit("dl", OWN)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(84)
    await pass_time(TICK, times=2)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (HOT, set())
    return entry


async def move(hass: HomeAssistant, entry: MockConfigEntry, url: str) -> None:
    subentry = entry.subentries[QBITTORRENT_ID]
    data = {**subentry.data, "connection": {**subentry.data["connection"], "url": url}}
    hass.config_entries.async_update_subentry(entry, subentry, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_the_old_one_is_as_it_was_and_the_new_one_does_what_is_demanded(
    hass: HomeAssistant,
    hot: MockConfigEntry,
    qbittorrent: QbittorrentSimulator,
    other: QbittorrentSimulator,
    pi: ThermalMachine,
    pass_time: PassTime,
) -> None:
    add(other, "another")
    await move(hass, hot, other.url)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (OWN, {"one"})
    await pass_time(TICK, times=2)
    assert (limits(other)["dl_limit"], running(other)) == (HOT, set())
    pi.be(50)
    await pass_time(TICK * 6, times=14)
    assert (limits(other)["dl_limit"], running(other)) == (THEIRS * 2, {"another"})
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (OWN, {"one"})
    assert LIMITED not in memory(hot)


async def test_the_same_one_by_another_name_goes_on_doing_it(
    hass: HomeAssistant,
    names: Names,
    hot: MockConfigEntry,
    qbittorrent: QbittorrentSimulator,
    pi: ThermalMachine,
    pass_time: PassTime,
) -> None:
    names.known.add("localhost")
    await move(hass, hot, qbittorrent.url.replace("127.0.0.1", "localhost"))
    await pass_time(TICK, times=2)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (HOT, set())
    pi.be(50)
    await pass_time(TICK * 6, times=14)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (OWN, {"one"})


async def test_one_that_has_moved_gets_its_limits_back_where_it_is_now(
    hass: HomeAssistant,
    hot: MockConfigEntry,
    qbittorrent: QbittorrentSimulator,
    other: QbittorrentSimulator,
    pi: ThermalMachine,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add(other, "one")  # the same torrents and limits at another address
    other.engine.set_limit("dl", HOT)
    await qbittorrent.refuse()
    await move(hass, hot, other.url)
    await pass_time(TICK, times=2)
    assert limits(other)["dl_limit"] == HOT
    pi.be(50)
    await pass_time(TICK * 6, times=14)
    assert limits(other)["dl_limit"] == OWN  # as its person had it, before it moved
    assert not [each for each in caplog.records if "could not be set back" in each.getMessage()]


async def test_one_that_does_not_take_them_back_is_said(
    hass: HomeAssistant,
    hot: MockConfigEntry,
    qbittorrent: QbittorrentSimulator,
    other: QbittorrentSimulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    qbittorrent.fault("status", "POST */setPreferences", status=500)
    await move(hass, hot, other.url)
    (said,) = [each.getMessage() for each in caplog.records if "could not be set back" in each.getMessage()]
    assert qbittorrent.url in said


async def test_another_password_is_no_other_address(
    hass: HomeAssistant, hot: MockConfigEntry, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    qbittorrent.requests.clear()
    await move(hass, hot, f"{qbittorrent.url}/")
    await pass_time(TICK)
    assert not [each for each in qbittorrent.requests if each.path.endswith("setPreferences")]
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (HOT, set())
