"""Writes to the state machine, each of which is a row for the recorder: few, and none too late."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
import random

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.connectors.base import BUSY_WRITE_PAUSE, SPACE_WRITE_PAUSE, USUAL_WRITE_PAUSE
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import Swarm
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry
from .stack import Stack

POLL = timedelta(seconds=10)
SPEED = "sensor.qbittorrent_download_speed"


class Writes:
    """Counts what is written."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.of: Counter[str] = Counter()
        self.at: dict[str, list[datetime]] = {}
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._written)

    def _written(self, event: Event) -> None:
        entity_id = event.data["entity_id"]
        self.of[entity_id] += 1
        self.at.setdefault(entity_id, []).append(dt_util.utcnow())


@pytest.fixture
def writes(hass: HomeAssistant) -> Writes:
    return Writes(hass)


def speed(hass: HomeAssistant) -> float:
    state = hass.states.get(SPEED)
    assert state is not None
    return float(state.state)


def at_rate(qbittorrent: QbittorrentSimulator, rate: float) -> Callable[[float], None]:
    torrent = qbittorrent.add_torrent("film", "downloading", rate=rate, size_bytes=10**13)
    return lambda changed: qbittorrent.change(torrent, swarm=Swarm(rate=changed, seeds=3)) and None


async def test_a_rate_that_changes_with_every_poll_is_written_every_few_minutes(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, writes: Writes
) -> None:
    change = at_rate(qbittorrent, 1e6)
    await set_up(qbittorrent_subentry(qbittorrent))
    writes.of.clear()
    for number in range(60):  # ten minutes
        change(1e6 + number * 1e4)
        await pass_time(POLL)
    assert writes.of[SPEED] == pytest.approx(timedelta(minutes=10) / BUSY_WRITE_PAUSE, abs=1)
    gaps = [after - before for before, after in zip(writes.at[SPEED][1:], writes.at[SPEED][2:], strict=False)]
    assert all(gap >= BUSY_WRITE_PAUSE - timedelta(seconds=1) for gap in gaps)


async def test_the_last_value_is_written_though_nothing_changes_any_more(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, writes: Writes
) -> None:
    """No poll brings anything new after that, so that no entity is told of a change."""
    stalled = "sensor.qbittorrent_stalled"
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    for name in ("one", "two"):
        qbittorrent.add_torrent(name, "stalled")
        await pass_time(timedelta(seconds=20))
    assert hass.states.is_state(stalled, "1")  # the pause is not over
    revision = entry.runtime_data.backends[QBITTORRENT_ID].data.revision
    await pass_time(POLL, times=BUSY_WRITE_PAUSE // POLL + 1)
    assert entry.runtime_data.backends[QBITTORRENT_ID].data.revision == revision
    assert hass.states.is_state(stalled, "2")


async def test_what_begins_or_ends_to_move_is_written_at_once(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    change = at_rate(qbittorrent, 1e6)
    await set_up(qbittorrent_subentry(qbittorrent))
    change(2e6)
    await pass_time(POLL)
    assert speed(hass) == 1.0
    change(0)
    await pass_time(POLL)
    assert speed(hass) == 0.0
    change(5e6)
    await pass_time(POLL, times=2)
    assert speed(hass) == 5.0


async def test_a_value_that_goes_back_within_the_pause_is_not_written(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, writes: Writes
) -> None:
    change = at_rate(qbittorrent, 1e6)
    await set_up(qbittorrent_subentry(qbittorrent))
    writes.of.clear()
    change(2e6)
    await pass_time(POLL)
    change(1e6)
    await pass_time(POLL, times=30)
    assert writes.of[SPEED] == 0


async def test_free_space_is_written_seldom_but_its_end_is_not_missed(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, writes: Writes
) -> None:
    free_space = "sensor.qbittorrent_free_space"
    weather = qbittorrent.engine.weather
    await set_up(qbittorrent_subentry(qbittorrent))
    weather.free_bytes = 400e9
    await pass_time(SPACE_WRITE_PAUSE, times=2)
    writes.of.clear()
    for _ in range(90):
        weather.free_bytes -= 1e9
        await pass_time(timedelta(minutes=1))
    assert writes.of[free_space] == pytest.approx(timedelta(minutes=90) / SPACE_WRITE_PAUSE, abs=1)
    weather.free_bytes = 8e9  # a large download was begun: that does not wait
    await pass_time(timedelta(seconds=20))
    assert hass.states.is_state(free_space, "8.0")
    weather.free_bytes = 3e9
    await pass_time(timedelta(seconds=20))
    assert hass.states.is_state(free_space, "3.0")


@pytest.mark.parametrize("rate", [0, 1e6])
async def test_an_outage_is_written_at_once_whatever_the_pause(
    rate: float, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    at_rate(qbittorrent, rate)
    await set_up(qbittorrent_subentry(qbittorrent))
    await pass_time(POLL)
    await qbittorrent.refuse()
    await pass_time(POLL, times=2)
    assert hass.states.is_state(SPEED, STATE_UNAVAILABLE)
    await qbittorrent.accept()
    await pass_time(timedelta(seconds=30))
    assert speed(hass) == rate / 1e6


async def test_a_write_that_was_planned_is_forgotten_with_its_entity(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, writes: Writes
) -> None:
    change = at_rate(qbittorrent, 1e6)
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    change(2e6)
    await pass_time(POLL)
    await hass.config_entries.async_unload(entry.entry_id)  # the harness fails on timers that are left
    writes.of.clear()
    await pass_time(BUSY_WRITE_PAUSE)
    assert writes.of[SPEED] == 0


@pytest.fixture
async def stack(
    qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, sonarr: SonarrSimulator, prowlarr: ProwlarrSimulator
) -> Stack:
    return Stack(qbittorrent, radarr, sonarr, prowlarr)


BUDGET_A_DAY = 5_000
SIMULATED = timedelta(minutes=30)
DOWNLOADS_AT_ONCE = 10
#: How often each of them stalls, or goes on: once in ten minutes.
TURN = POLL / timedelta(minutes=10)
#: How often something is grabbed, and something else is done: 144 times a day.
GRAB_EVERY = timedelta(minutes=10)


async def test_a_busy_stack_stays_within_its_budget_of_writes(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, pass_time: PassTime, writes: Writes
) -> None:
    """Half an hour in which ten downloads never end, each poll brings other speeds, and films come and go.

    What goes on is the same all the time, so a day has 48 of them. (A day in steps of ten seconds would take minutes,
    and longer steps would hide just the changes that this is about.)
    """
    chance = random.Random(7)  # noqa: S311 -- the same each time
    qbittorrent, radarr = stack.qbittorrent, stack.radarr
    await stack.fill()
    qbittorrent.populate(100)
    flowing = {
        qbittorrent.add_torrent(f"Film.{number}", "downloading", size_bytes=10**13).hash: True
        for number in range(DOWNLOADS_AT_ONCE)
    }
    shared = qbittorrent.add_torrent("Shared", "seeding")
    movies = list(radarr.library.movies.values())
    await set_up(*stack.subentries())
    writes.of.clear()
    for step in range(SIMULATED // POLL):
        for torrent, flows in flowing.items():
            flowing[torrent] = flows is (chance.random() >= TURN)
            rate = chance.uniform(1e5, 5e6) if flowing[torrent] else 0
            qbittorrent.change(torrent, swarm=Swarm(rate=rate, seeds=3))
        qbittorrent.change(shared, swarm=Swarm(demand=chance.uniform(1e5, 5e5), leechers=2))
        qbittorrent.churn(0.05)
        if step * POLL % GRAB_EVERY == timedelta():
            radarr.queue_item(movies[step % len(movies)], title=f"New.{step}")
            del radarr.queue.items[:-6]
            qbittorrent.add_torrent(f"New.{step}", "downloading", rate=3e6, size_bytes=chance.randrange(10**8, 10**9))
        for disk in (*radarr.disks, *stack.sonarr.disks):
            disk.free_bytes -= 10**7
        await pass_time(POLL)
    assert writes.of[SPEED] >= SIMULATED // BUSY_WRITE_PAUSE - 1  # it was busy
    a_day = sum(writes.of.values()) * (timedelta(days=1) / SIMULATED)
    assert a_day < BUDGET_A_DAY, writes.of.most_common(10)


async def test_nothing_is_written_while_nothing_happens(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, pass_time: PassTime, writes: Writes
) -> None:
    await set_up(*stack.subentries())
    await pass_time(USUAL_WRITE_PAUSE, times=2)
    writes.of.clear()
    await pass_time(timedelta(minutes=1), times=25)
    assert dict(writes.of) == {}
