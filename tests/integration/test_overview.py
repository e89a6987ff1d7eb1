"""What the hub's own entities say: nothing that nobody knows, and without holding up the event loop."""

from datetime import timedelta
import heapq
import threading
from typing import Any
from unittest.mock import patch

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event
import pytest

from custom_components.sokoul.model.world import JOINS_BETWEEN_PAUSES
from custom_components.sokoul.world import MANY_TORRENTS, WorldView
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import (
    PASSWORD,
    QBITTORRENT_ID,
    RADARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)

SENSORS = (
    "sensor.sokoul_active_downloads",
    "sensor.sokoul_stuck_downloads",
    "sensor.sokoul_finished_downloads",
    "sensor.sokoul_total_speed",
    "sensor.sokoul_free_space",
)
ACTIVE = SENSORS[0]
PROBLEM = "binary_sensor.sokoul_backends_away"


def states(hass: HomeAssistant) -> set[str]:
    found = [hass.states.get(each) for each in SENSORS]
    return {each.state for each in found if each is not None}


# --- what nobody knows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("torrents", [0, MANY_TORRENTS + 100])
async def test_a_client_that_restarts_never_has_no_downloads(
    torrents: int,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    """Somebody switches the NAS off when nothing downloads."""
    qbittorrent.add_torrent("a", "downloading")
    qbittorrent.populate(torrents)
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    assert not states(hass) & {STATE_UNAVAILABLE, "unknown"}
    assert hass.states.is_state(PROBLEM, STATE_OFF)
    seen: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if event.data["new_state"] is not None:
            seen.append(event.data["new_state"].state)

    async_track_state_change_event(hass, [ACTIVE], note)
    await qbittorrent.refuse()
    await pass_time(timedelta(minutes=1))
    assert states(hass) == {STATE_UNAVAILABLE}
    assert hass.states.is_state(PROBLEM, STATE_ON)
    await entry.runtime_data.refresh([RADARR_ID])
    await qbittorrent.accept()
    await pass_time(timedelta(minutes=2))
    assert not states(hass) & {STATE_UNAVAILABLE, "unknown"}
    assert seen[0] == STATE_UNAVAILABLE
    assert len(seen) > 1
    assert "0" not in seen


async def test_while_everything_is_down_the_problem_is_known(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await qbittorrent.refuse()
    await set_up(qbittorrent_subentry(qbittorrent))
    assert states(hass) == {STATE_UNAVAILABLE}
    assert hass.states.is_state(PROBLEM, STATE_ON)


async def test_without_a_download_client_nobody_knows_of_downloads(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    await set_up(servarr_subentry(radarr, RADARR_ID))
    assert states(hass) == {STATE_UNAVAILABLE}
    assert hass.states.is_state(PROBLEM, STATE_OFF)


# --- the event loop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["wiring", "away", "queue"])
async def test_what_touches_thousands_of_downloads_is_joined_in_another_thread(
    change: str, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    qbittorrent.populate(MANY_TORRENTS + 100)
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    hub = entry.runtime_data
    view: WorldView = hub.view
    loop_thread = threading.get_ident()
    work: list[tuple[bool, int]] = []  # on the loop or not, and how much
    update = view._index.update

    def noted(world: Any, now: Any, **options: Any) -> Any:
        work.append((threading.get_ident() == loop_thread, view._index.behind(world)))
        return update(world, now, **options)

    with patch.object(view._index, "update", noted):
        match change:
            case "wiring":
                radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")
                view.forget_topology()
            case "away":
                await qbittorrent.refuse()
                await hub.refresh([QBITTORRENT_ID])
                await view.index(qbittorrent.clock.now())  # somebody lists downloads meanwhile
                await qbittorrent.accept()
            case "queue":
                movie = next(iter(radarr.library.movies.values()))
                for number in range(MANY_TORRENTS + 100):
                    radarr.queue_item(movie, title=f"release {number}")
        await hub.refresh([RADARR_ID, QBITTORRENT_ID])
        await hass.async_block_till_done(wait_background_tasks=True)
        await view.index(qbittorrent.clock.now())
    assert any(many > MANY_TORRENTS and not on_loop for on_loop, many in work)
    assert not any(many > MANY_TORRENTS and on_loop for on_loop, many in work)


async def test_what_falls_behind_without_a_poll_is_joined_too(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    qbittorrent.populate(MANY_TORRENTS + 100)
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    hub = entry.runtime_data
    hass.config_entries.async_update_subentry(entry, entry.subentries[QBITTORRENT_ID], title="Other name")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not hub.view.falls_behind(qbittorrent.clock.now())
    assert hub.overview.counts.total == MANY_TORRENTS + 100


async def test_an_equal_answer_changes_nothing(hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp) -> None:
    radarr.queue_item(next(iter(radarr.library.movies.values())), title="release")
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    backend = entry.runtime_data.backends[RADARR_ID]
    before = backend.data
    await entry.runtime_data.refresh([RADARR_ID])
    assert backend.data is before


async def test_a_thread_that_joins_lets_the_event_loop_have_its_turn(
    qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    """Else the loop waits for Python's global lock whenever it comes back from the system. It itself never pauses."""
    loop_thread = threading.get_ident()
    pauses: list[bool] = []
    qbittorrent.populate(MANY_TORRENTS + 100)
    with patch("custom_components.sokoul.world.time") as time:
        time.sleep.side_effect = lambda _: pauses.append(threading.get_ident() == loop_thread)
        entry = await set_up(qbittorrent_subentry(qbittorrent))
    assert len(await entry.runtime_data.view.index(qbittorrent.clock.now())) == MANY_TORRENTS + 100
    assert pauses == [False] * ((MANY_TORRENTS + 100) // JOINS_BETWEEN_PAUSES)


async def test_the_newest_torrents_are_looked_for_in_another_thread(
    qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    qbittorrent.populate(50)
    threads: set[int] = set()

    def noted(*arguments: Any, **options: Any) -> Any:
        threads.add(threading.get_ident())
        return heapq.nlargest(*arguments, **options)

    with patch("custom_components.sokoul.connectors.qbittorrent.heapq") as replaced:
        replaced.nlargest.side_effect = noted
        await set_up(qbittorrent_subentry(qbittorrent))
    assert threads
    assert threading.get_ident() not in threads
