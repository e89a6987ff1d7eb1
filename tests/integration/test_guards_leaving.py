"""What of the guards stays when SOKOUL is disabled or removed: a drill never, a person's word, and what would leak."""

from datetime import timedelta

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.guarding import ClientGuard
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import HUB_ID, QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry
from .test_pause import SWITCH, add, is_on, running, turn
from .test_vpn_guard import PROTECTION, STEP, bind, guard_of, press_drill, shown

HOUR = timedelta(hours=1)


async def disable(hass: HomeAssistant) -> None:
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    await hass.async_block_till_done(wait_background_tasks=True)


async def enable(hass: HomeAssistant, pass_time: PassTime) -> None:
    await hass.config_entries.async_set_disabled_by(HUB_ID, None)
    await pass_time(STEP, times=2)


async def leave(hass: HomeAssistant, how: str) -> None:
    match how:
        case "disabled":
            await disable(hass)
        case "removed":
            await hass.config_entries.async_remove(HUB_ID)
        case "without the backend":
            entry = hass.config_entries.async_get_entry(HUB_ID)
            assert entry is not None
            hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)


# --- drills ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def drilled(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> ClientGuard:
    """Return the guard of a client in the middle of a drill."""
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await press_drill(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert running(qbittorrent) == set()
    return guard


@pytest.mark.parametrize("how", ["disabled", "removed", "without the backend"])
async def test_what_a_drill_stopped_runs_again_when_sokoul_leaves(
    how: str, hass: HomeAssistant, drilled: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    await leave(hass, how)
    assert running(qbittorrent) == {"one", "two", "forced"}
    assert qbittorrent.torrents[next(key for key, each in qbittorrent.torrents.items() if each.name == "forced")].forced
    if how == "disabled":
        await enable(hass, pass_time)
        assert shown(hass, PROTECTION) == "contained"
        assert running(qbittorrent) == {"one", "two", "forced"}


async def test_what_a_drill_stopped_runs_again_after_a_restart(
    hass: HomeAssistant, drilled: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    await hass.config_entries.async_reload(HUB_ID)
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == {"one", "two", "forced"}


async def test_a_leak_that_came_during_a_drill_stays_stopped(
    hass: HomeAssistant, drilled: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    qbittorrent.fault("status", "POST */start", status=500)  # so that the drill takes time
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"
    qbittorrent.clear_faults()
    await disable(hass)
    assert running(qbittorrent) == set()


async def test_what_can_not_be_started_again_is_said_and_is_at_the_next_start(
    hass: HomeAssistant,
    drilled: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    qbittorrent.fault("status", "POST */start", status=500)
    await disable(hass)
    assert running(qbittorrent) == set()
    assert len([each for each in caplog.records if "could not be started again" in each.getMessage()]) == 1
    qbittorrent.clear_faults()
    await enable(hass, pass_time)
    await pass_time(STEP, times=2)
    assert running(qbittorrent) == {"one", "two", "forced"}


async def test_what_is_being_started_again_is_started_when_sokoul_is_disabled(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    names = [f"number {number}" for number in range(120)]  # more than are started in one step
    add(qbittorrent, *names)
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == set()
    guard.turn(on=False)
    await pass_time(timedelta(milliseconds=250))
    assert 0 < len(running(qbittorrent)) < len(names)
    await disable(hass)
    assert running(qbittorrent) == set(names)


# --- pauses ----------------------------------------------------------------------------------------------------------


async def pause(hass: HomeAssistant, **duration: int) -> None:
    await hass.services.async_call("sokoul", "pause", {"duration": duration}, blocking=True, return_response=False)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_what_a_person_paused_stays_paused_while_sokoul_is_disabled(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await disable(hass)
    await pass_time(HOUR)
    assert running(qbittorrent) == set()
    await enable(hass, pass_time)
    assert is_on(hass) == "on"
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"one", "two"}


async def test_a_pause_for_a_time_ends_when_sokoul_is_disabled(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Nobody would be there to end it."""
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    await set_up(qbittorrent_subentry(qbittorrent))
    await pause(hass, hours=2)
    assert (is_on(hass), running(qbittorrent)) == ("on", set())
    await disable(hass)
    assert running(qbittorrent) == {"one", "two"}
    await enable(hass, pass_time)
    assert is_on(hass) == "off"
    assert running(qbittorrent) == {"one", "two"}


async def test_a_pause_for_a_time_whose_client_is_away_ends_when_sokoul_is_back(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add(qbittorrent, "one")
    await set_up(qbittorrent_subentry(qbittorrent))
    await pause(hass, hours=2)
    await qbittorrent.refuse()
    await disable(hass)
    assert len([each for each in caplog.records if "could not be started again" in each.getMessage()]) == 1
    await pass_time(HOUR, times=3)
    await qbittorrent.accept()
    await enable(hass, pass_time)
    assert (is_on(hass), running(qbittorrent)) == ("off", {"one"})


@pytest.mark.parametrize("hours", [0, 2])
async def test_what_was_paused_runs_again_when_sokoul_is_removed(
    hours: int, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    await set_up(qbittorrent_subentry(qbittorrent))
    await (pause(hass, hours=hours) if hours else turn(hass, "on"))
    assert hass.states.is_state(SWITCH, "on")
    await leave(hass, "removed")
    assert running(qbittorrent) == {"one", "two"}
