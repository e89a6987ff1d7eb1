"""What changes slowly is read seldom, is kept when it can't be read, and is read at once when something happened."""

from datetime import timedelta

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.clients.errors import BackendError, CannotConnect, InvalidAuth, WrongApplication
from custom_components.sokoul.connectors.base import RETRY_INTERVAL, SlowParts
from custom_components.sokoul.const import DOMAIN
from devstack.clock import ManualClock
from devstack.frame import FaultKind, Simulator
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import (
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    SONARR_ID,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)

EVERY = timedelta(minutes=10)


class Source:
    """Two parts of a backend, each of which may fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.errors: dict[str, BackendError] = {}
        self.hinted = False  # something happens while the next part is asked for
        self.parts = SlowParts(EVERY, first=lambda _: self.give("first"), second=lambda _: self.give("second"))

    async def give(self, name: str) -> int:
        self.asked.append(name)
        if self.hinted:
            self.hinted = False
            self.parts.forget()
        if name in self.errors:
            raise self.errors[name]
        return len(self.asked)


def count(simulator: Simulator, path: str) -> int:
    return sum(seen.path == path for seen in simulator.requests)


# --- parts -----------------------------------------------------------------------------------------------------------


async def test_a_part_that_fails_keeps_its_value_and_holds_up_no_other() -> None:
    source, now = Source(), ManualClock().now()
    assert await source.parts.read(now) == {"first": 1, "second": 2}
    source.errors["first"] = CannotConnect("no complete answer in 10 s")
    assert await source.parts.read(now + EVERY) == {"first": 1, "second": 2}
    assert source.asked[2:] == ["first"]
    assert await source.parts.read(now + EVERY) == {"first": 1, "second": 4}  # its turn; the first has to wait
    assert source.asked[3:] == ["second"]
    source.errors.clear()
    assert await source.parts.read(now + EVERY + RETRY_INTERVAL) == {"first": 5, "second": 4}
    assert source.asked[4:] == ["first"]


async def test_what_was_never_read_is_needed() -> None:
    source, now = Source(), ManualClock().now()
    source.errors["second"] = CannotConnect("nothing listens")
    for _ in range(2):
        with pytest.raises(CannotConnect):
            await source.parts.read(now)
    source.errors.clear()
    assert set(await source.parts.read(now)) == {"first", "second"}


@pytest.mark.parametrize("error", [InvalidAuth("no"), WrongApplication("Sonarr answers", found="Sonarr")])
async def test_a_refusal_and_another_application_are_no_matter_of_one_part(error: BackendError) -> None:
    source, now = Source(), ManualClock().now()
    await source.parts.read(now)
    source.errors["second"] = error
    for _ in range(2):
        with pytest.raises(type(error)):
            await source.parts.read(now + EVERY)


async def test_what_is_forgotten_while_it_is_read_is_read_again() -> None:
    source, now = Source(), ManualClock().now()
    await source.parts.read(now)
    source.hinted = True
    await source.parts.read(now + EVERY)
    source.asked.clear()
    await source.parts.read(now + EVERY)
    assert source.asked == ["first"]


# --- backends --------------------------------------------------------------------------------------------------------


async def test_an_arr_whose_disks_do_not_answer_shows_its_queue(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.fault(FaultKind.STATUS, "GET /api/v3/diskspace", status=503)
    radarr.queue_item(next(iter(radarr.library.movies.values())), title="new")
    radarr.health_issue("IndexerStatusCheck", "error", "Indexers unavailable")
    asked = count(radarr, "/api/v3/diskspace")
    await pass_time(timedelta(seconds=30), times=24)
    assert hass.states.is_state("binary_sensor.radarr_connection", STATE_ON)
    assert hass.states.is_state("sensor.radarr_queue", "1")
    assert hass.states.is_state("binary_sensor.radarr_health_problem", STATE_ON)  # the disks hold up nothing else
    assert 2 <= count(radarr, "/api/v3/diskspace") - asked <= 4  # of the last two minutes' tries, one a minute


async def test_an_arr_that_refuses_the_key_of_a_part_is_refused(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.fault(FaultKind.STATUS, "GET /api/v3/health", status=401)
    await pass_time(timedelta(seconds=61), times=11)
    assert hass.states.is_state("sensor.radarr_queue", STATE_UNAVAILABLE)


async def test_prowlarr_and_qbittorrent_do_without_what_changes_slowly(
    hass: HomeAssistant,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent))
    prowlarr.fault(FaultKind.STATUS, "GET /api/v1/applications", status=503)
    qbittorrent.fault(FaultKind.STATUS, "GET /api/v2/app/preferences", status=503)
    qbittorrent.add_torrent("new", "seeding")
    await pass_time(timedelta(seconds=20), times=3 * 32)
    assert hass.states.is_state("binary_sensor.prowlarr_connection", STATE_ON)
    assert hass.states.is_state("sensor.qbittorrent_seeding", "1")
    assert entry.runtime_data.backends[QBITTORRENT_ID].data.settings.save_path == "/downloads"


# --- hints -----------------------------------------------------------------------------------------------------------


async def test_a_hint_looks_at_everything_and_many_hints_look_once(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.health_issue("IndexerStatusCheck", "error", "Indexers unavailable")
    radarr.requests.clear()
    for _ in range(20):
        entry.runtime_data.backends[RADARR_ID].look_again()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.is_state("binary_sensor.radarr_health_problem", STATE_ON)
    assert (count(radarr, "/api/v3/queue"), count(radarr, "/api/v3/health")) == (1, 1)


async def test_the_refresh_action_looks_at_everything(
    hass: HomeAssistant, radarr: RadarrSimulator, sonarr: SonarrSimulator, set_up: SetUp
) -> None:
    await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    assert hass.states.is_state("binary_sensor.sonarr_health_problem", STATE_OFF)
    for simulator in (radarr, sonarr):
        simulator.health_issue("IndexerStatusCheck", "error", "Indexers unavailable")
    await hass.services.async_call(DOMAIN, "refresh", {}, blocking=True)
    assert hass.states.is_state("binary_sensor.radarr_health_problem", STATE_ON)
    assert hass.states.is_state("binary_sensor.sonarr_health_problem", STATE_ON)


async def test_a_check_up_sees_what_just_happened(hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp) -> None:
    await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.health_issue("IndexerStatusCheck", "error", "Every indexer is on strike")
    answer = await hass.services.async_call(DOMAIN, "check_up", {}, blocking=True, return_response=True)
    assert "Every indexer is on strike" in str(answer)
