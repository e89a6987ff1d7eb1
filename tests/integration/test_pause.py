"""The switch that pauses everything: what ran runs again, what was stopped stays stopped, whatever happens."""

from datetime import timedelta
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.sokoul.connectors.holding import MEMORY_KEY
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.hold import Holder
from devstack.frame import FaultKind
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedTorrent

from .conftest import HUB_ID, QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry

SWITCH = "switch.qbittorrent_pause_everything"
POLL = timedelta(seconds=21)


async def turn(hass: HomeAssistant, position: str) -> None:
    await hass.services.async_call("switch", f"turn_{position}", {"entity_id": SWITCH}, blocking=True)


def is_on(hass: HomeAssistant) -> str:
    state = hass.states.get(SWITCH)
    assert state is not None
    return state.state


def running(qbittorrent: QbittorrentSimulator) -> set[str]:
    return {torrent.name for torrent in qbittorrent.torrents.values() if not torrent.stopped}


def add(qbittorrent: QbittorrentSimulator, *names: str, **options: Any) -> list[SimulatedTorrent]:
    return [qbittorrent.add_torrent(name, options.pop("behaviour", "stalled"), **options) for name in names]


async def test_what_ran_runs_again_and_what_was_stopped_stays_stopped(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    kinds = ("downloading", "stalled", "metadata", "seeding", "idle", "stopped", "completed")
    for kind in kinds:
        qbittorrent.add_torrent(kind, kind)
    await set_up(qbittorrent_subentry(qbittorrent))
    assert is_on(hass) == STATE_OFF
    await turn(hass, "on")
    assert is_on(hass) == STATE_ON
    assert running(qbittorrent) == set()
    await pass_time(POLL, times=5)
    assert is_on(hass) == STATE_ON
    await turn(hass, "off")
    assert is_on(hass) == STATE_OFF
    assert running(qbittorrent) == {"downloading", "stalled", "metadata", "seeding", "idle"}


async def test_what_was_forced_is_forced_again(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    forced, ordinary = add(qbittorrent, "forced", "ordinary")
    qbittorrent.change(forced, forced=True)
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"forced", "ordinary"}
    assert forced.forced
    assert not ordinary.forced


async def test_with_nothing_to_stop_it_still_turns_on(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    assert is_on(hass) == STATE_ON
    add(qbittorrent, "newcomer")
    await pass_time(POLL, times=2)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert is_on(hass) == STATE_OFF
    assert running(qbittorrent) == {"newcomer"}


async def test_turning_it_on_twice_forgets_nothing(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    add(qbittorrent, "one", "two")
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await turn(hass, "on")
    await turn(hass, "off")
    assert running(qbittorrent) == {"one", "two"}
    await turn(hass, "off")  # neither does turning it off twice start anything
    assert running(qbittorrent) == {"one", "two"}


async def test_what_a_person_stopped_since_the_last_poll_stays_stopped(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    mine, others = add(qbittorrent, "mine", "others")
    await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.change(mine, stopped=True)  # not polled yet
    await turn(hass, "on")
    await turn(hass, "off")
    assert running(qbittorrent) == {others.name}


async def test_what_was_added_since_the_last_poll_is_stopped(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    add(qbittorrent, "just added")
    await turn(hass, "on")
    assert running(qbittorrent) == set()


@pytest.mark.parametrize("skew", [timedelta(hours=-5), timedelta(), timedelta(hours=5)])
async def test_newcomers_are_stopped_and_started_again_whatever_the_clocks_say(
    skew: timedelta, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    qbittorrent.clock.advance(skew)  # type: ignore[attr-defined]
    add(qbittorrent, "before")
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    add(qbittorrent, "newcomer")
    await pass_time(POLL, times=2)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"before", "newcomer"}


async def test_every_newcomer_of_one_second_is_stopped(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """A season pack is added one by one, and a poll falls between two of them."""
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    (first,) = add(qbittorrent, "first")
    await pass_time(POLL)
    add(qbittorrent, "second", added=first.added)
    await pass_time(POLL, times=2)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"first", "second"}


async def test_a_newcomer_that_was_added_stopped_is_not_started(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    (stopped,) = add(qbittorrent, "added stopped", behaviour="stopped")
    (checked,) = add(qbittorrent, "added stopped and checked", behaviour="checking", stopped=True)
    (started_later,) = add(qbittorrent, "started by a person later", behaviour="stopped")
    await pass_time(POLL, times=5)
    assert stopped.stopped
    assert checked.stopped
    qbittorrent.change(started_later, stopped=False)
    await pass_time(POLL, times=5)
    assert running(qbittorrent) == {started_later.name}
    await turn(hass, "off")
    assert running(qbittorrent) == {started_later.name}


async def test_a_newcomer_that_is_checked_first_is_stopped_when_it_begins(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    add(qbittorrent, "checked", behaviour="checking", rate=1.0)
    await pass_time(POLL, times=6)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"checked"}


async def test_what_a_person_starts_is_left_alone(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    stopped_before, ran = add(qbittorrent, "stopped before", "ran")
    qbittorrent.change(stopped_before, stopped=True)
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    qbittorrent.change(stopped_before, stopped=False)
    qbittorrent.change(ran, stopped=False)
    await pass_time(POLL, times=5)
    assert running(qbittorrent) == {"stopped before", "ran"}
    qbittorrent.change(ran, stopped=True)  # and stopped again: that, too, is theirs
    await pass_time(POLL)
    await turn(hass, "off")
    assert running(qbittorrent) == {"stopped before"}


async def test_a_stopped_torrent_that_is_checked_meanwhile_is_not_taken_for_started(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    (torrent,) = add(qbittorrent, "rechecked")
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    qbittorrent.change(torrent, check_seconds=30.0)
    await pass_time(POLL, times=5)
    await turn(hass, "off")
    assert running(qbittorrent) == {"rechecked"}


async def test_pausing_while_everything_is_checked_does_not_start_what_was_stopped(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Right after its start qBittorrent checks all torrents, and does not tell which of them are to run."""
    add(qbittorrent, "to run", behaviour="checking", rate=1.0)
    add(qbittorrent, "stopped", behaviour="checking", stopped=True)
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL, times=5)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"to run"}


async def test_what_is_broken_is_neither_stopped_nor_started(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Starting a torrent whose files are missing fetches them all again: the disk may only be away."""
    add(qbittorrent, "missing", behaviour="missing_files")
    add(qbittorrent, "error", behaviour="error")
    (lost,) = add(qbittorrent, "lost meanwhile", behaviour="idle")
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    qbittorrent.lose_files(lost)
    await pass_time(POLL)
    qbittorrent.requests.clear()
    await turn(hass, "off")
    assert not [seen for seen in qbittorrent.requests if seen.path.endswith(("/start", "/recheck"))]
    assert running(qbittorrent) == {"missing", "error"}
    assert is_on(hass) == STATE_OFF


async def test_what_is_removed_is_forgotten_and_a_later_torrent_of_its_hash_is_a_newcomer(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    gone, again, again_stopped = add(qbittorrent, "gone", "again", "again, but stopped")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    qbittorrent.remove(gone)
    qbittorrent.remove(again)
    qbittorrent.remove(again_stopped)
    await pass_time(timedelta(seconds=1))  # less than a poll: they are never seen to be away
    add(qbittorrent, "again")
    add(qbittorrent, "again, but stopped", behaviour="stopped")
    await pass_time(POLL, times=3)
    assert running(qbittorrent) == set()
    note = entry.runtime_data.backends[QBITTORRENT_ID].memory[MEMORY_KEY][Holder.PERSON]
    assert gone.hash not in note["stopped"] + note["stopping"]
    await turn(hass, "off")
    assert running(qbittorrent) == {"again"}
    assert is_on(hass) == STATE_OFF


async def test_it_outlives_a_restart_of_home_assistant(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    hass_storage: dict[str, Any],
) -> None:
    add(qbittorrent, "before")
    (stopped,) = add(qbittorrent, "stopped", behaviour="stopped")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    # on the disk before anything else can happen
    stored = hass_storage[f"{DOMAIN}.{HUB_ID}"]["data"]["backends"][QBITTORRENT_ID][MEMORY_KEY][Holder.PERSON]
    assert len(stored["stopping"]) + len(stored["stopped"]) == 1
    await pass_time(POLL)
    await hass.config_entries.async_unload(entry.entry_id)
    qbittorrent.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    add(qbittorrent, "came while Home Assistant was down")
    qbittorrent.change(stopped, stopped=False)  # a person did
    await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(POLL, times=2)
    assert is_on(hass) == STATE_ON
    assert running(qbittorrent) == {"stopped"}
    await turn(hass, "off")
    assert running(qbittorrent) == {"before", "stopped", "came while Home Assistant was down"}
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert is_on(hass) == STATE_OFF


async def test_it_outlives_a_restart_of_qbittorrent(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Its session ends, everything is sent anew, and all torrents are checked for a moment."""
    before = add(qbittorrent, "one", "two")
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    await qbittorrent.refuse()
    await pass_time(POLL, times=3)
    assert is_on(hass) == STATE_UNAVAILABLE
    qbittorrent.restart()
    for torrent in before:
        qbittorrent.change(torrent, check_seconds=30.0)
    add(qbittorrent, "came meanwhile")
    await qbittorrent.accept()
    await pass_time(timedelta(minutes=3))
    await pass_time(POLL, times=3)
    assert is_on(hass) == STATE_ON
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"one", "two", "came meanwhile"}


async def test_a_pause_that_can_not_be_begun_leaves_no_trace(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    await set_up(qbittorrent_subentry(qbittorrent))
    await qbittorrent.refuse()
    with pytest.raises(HomeAssistantError, match="nothing listens") as raised:
        await turn(hass, "on")
    assert (raised.value.translation_domain, raised.value.translation_key) == (DOMAIN, "refused")
    await qbittorrent.accept()
    await pass_time(timedelta(minutes=3))
    assert is_on(hass) == STATE_OFF
    assert running(qbittorrent) == {"one"}


async def test_a_pause_that_failed_in_the_middle_is_completed_later(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.fault("status", "POST */stop", status=500)
    with pytest.raises(HomeAssistantError):
        await turn(hass, "on")
    await pass_time(POLL, times=2)
    assert is_on(hass) == STATE_ON
    assert running(qbittorrent) == {"one"}
    qbittorrent.clear_faults()
    await pass_time(POLL)
    assert running(qbittorrent) == set()
    await pass_time(POLL)
    await turn(hass, "off")
    assert running(qbittorrent) == {"one"}


async def test_a_newcomer_that_could_not_be_stopped_is_stopped_later(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    add(qbittorrent, "newcomer")
    qbittorrent.fault("status", "POST */stop", status=500)
    await pass_time(POLL, times=2)
    assert running(qbittorrent) == {"newcomer"}
    assert is_on(hass) == STATE_ON  # the poll itself is fine
    qbittorrent.clear_faults()
    await pass_time(POLL)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"newcomer"}


async def test_an_end_that_failed_can_be_tried_again(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    qbittorrent.fault("status", "POST */start", status=500)
    with pytest.raises(HomeAssistantError):
        await turn(hass, "off")
    assert is_on(hass) == STATE_ON
    qbittorrent.clear_faults()
    await turn(hass, "off")
    assert is_on(hass) == STATE_OFF
    assert running(qbittorrent) == {"one"}


async def test_the_end_of_a_pause_is_not_crossed_by_a_poll(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """A poll that stops a newcomer while the switch is turned off must not bring the pause back."""
    add(qbittorrent, "one")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    backend = entry.runtime_data.backends[QBITTORRENT_ID]
    await turn(hass, "on")
    await pass_time(POLL)
    add(qbittorrent, "newcomer")
    stop, order = backend.client.stop, []

    async def slow_stop(hashes: frozenset[str]) -> None:
        order.append("stop")
        turning_off = hass.async_create_task(turn(hass, "off"))
        for _ in range(20):  # whoever does not wait gets ahead
            await hass.async_add_executor_job(int)
        order.append("stopped")
        assert not turning_off.done()
        await stop(hashes)

    backend.client.stop = slow_stop
    await pass_time(POLL)
    assert order == ["stop", "stopped"]
    assert is_on(hass) == STATE_OFF
    assert running(qbittorrent) == {"one", "newcomer"}


@pytest.mark.parametrize("version", ["4.5", "5.0", "5.3"])
async def test_every_generation_of_qbittorrent_is_paused(
    version: str, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    async with QbittorrentSimulator(
        version, username=qbittorrent.access.username, password=qbittorrent.access.password, clock=qbittorrent.clock
    ) as other:
        add(other, "one")
        add(other, "stopped", behaviour="stopped")
        entry = await set_up(qbittorrent_subentry(other))
        await turn(hass, "on")
        assert running(other) == set()
        await pass_time(POLL)
        await turn(hass, "off")
        assert running(other) == {"one"}
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("what", ["SOKOUL", "the backend"])
async def test_what_was_paused_runs_again_when_nobody_is_left_to_know(
    what: str, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    ran, theirs = add(qbittorrent, "ran", "stopped by a person meanwhile")
    add(qbittorrent, "stopped before", behaviour="stopped")
    (lost,) = add(qbittorrent, "lost meanwhile")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await pass_time(POLL)
    qbittorrent.change(theirs, stopped=False)
    await pass_time(POLL)
    qbittorrent.change(theirs, stopped=True)
    qbittorrent.lose_files(lost)
    qbittorrent.requests.clear()
    if what == "SOKOUL":
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    (started,) = [seen for seen in qbittorrent.requests if seen.path.endswith("/start")]
    assert started.body == f"hashes={ran.hash}".encode()
    assert not ran.stopped
    assert theirs.stopped
    assert qbittorrent.requests[-1].path == "/api/v2/auth/logout"


async def test_what_can_not_be_started_at_the_end_is_said(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    add(qbittorrent, "ran")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    await qbittorrent.refuse()
    await hass.config_entries.async_remove(entry.entry_id)
    said = [each.getMessage() for each in caplog.records if "please start it there" in each.getMessage()]
    assert len(said) == 1
    assert "What was stopped in qBittorrent could not be started again" in said[0]


async def test_a_session_that_can_not_be_ended_when_leaving_holds_nothing_up(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    add(qbittorrent, "one")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await turn(hass, "on")
    logout = qbittorrent.fault(FaultKind.STATUS, "POST */auth/logout", status=500, times=2)
    hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert running(qbittorrent) == {"one"}
    assert logout.times == 0  # of the poll's session, and of that which started it again
    assert entry.runtime_data.memory.of_backend(QBITTORRENT_ID) == {}
    ours = [record for record in caplog.records if record.name.startswith("custom_components.sokoul")]
    assert not [record for record in ours if record.levelname in {"WARNING", "ERROR"}]
