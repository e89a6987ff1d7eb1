"""What the entities of a Real-Debrid account show, do and tell: its mirror comes and goes with the database."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED, STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid_entities import (
    DEBRID_BINARY_SENSORS,
    DEBRID_BUTTONS,
    DEBRID_EVENTS,
    DEBRID_SENSORS,
)
from custom_components.sokoul.debriding import FIRST_PAUSE, INTERVAL, RESUME_PAUSE
from custom_components.sokoul.model.debrid_mirror import SyncMode, SyncOptions
from custom_components.sokoul.services import Action
from custom_components.sokoul.store import StoreError
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import RealDebridSimulator

from .conftest import HUB_ID, PassTime, SetUp, until
from .test_debrid_mirror import ID, account, hang_after, mirror

LIST = "GET /rest/1.0/torrents"
#: what the account has at first, by status
FILLED = {
    "downloaded": 9,
    "error": 3,
    "dead": 2,
    "virus": 1,
    "magnet_error": 1,
    "waiting_files_selection": 2,
    "queued": 1,
    "magnet_conversion": 1,
}
ACCOUNT_EVENT = "event.account_1001_what_happened"
LAST_SYNC, RUNNING = "sensor.account_1001_last_synchronisation", "binary_sensor.account_1001_synchronising"
#: what Real-Debrid is asked for beside the mirror
OF_REAL_DEBRID = {"sensor.account_1001_request_budget_used", "sensor.account_1001_premium_days_left"}


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        simulator.account.active_slots = 0  # what is queued stays so
        for status, count in FILLED.items():
            simulator.account.fill(count, statuses=[status])
        yield simulator


def value(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None, f"{entity_id} is not there; there are {sorted(hass.states.async_entity_ids())}"
    return state.state


def shown(hass: HomeAssistant, key: str, domain: str = "sensor") -> str:
    """Return the state of an entity of the account by its key."""
    entity_id = er.async_get(hass).async_get_entity_id(domain, DOMAIN, f"{ID}_{key}")
    assert entity_id is not None, key
    return value(hass, entity_id)


async def press(hass: HomeAssistant, mode: SyncMode) -> None:
    entity_id = er.async_get(hass).async_get_entity_id("button", DOMAIN, f"{ID}_sync_{mode}")
    assert entity_id is not None
    await hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)


async def synchronised(entry: MockConfigEntry, hass: HomeAssistant, mode: SyncMode = SyncMode.SMART) -> None:
    await mirror(entry).synchronise(mode)
    await hass.async_block_till_done(wait_background_tasks=True)


def told(hass: HomeAssistant) -> tuple[str | None, dict[str, Any]]:
    """Return the last event of the account: its type, and what it says."""
    state = hass.states.get(ACCOUNT_EVENT)
    assert state is not None
    data = dict(state.attributes)
    for name in ("event_types", "icon", "friendly_name", "device_class"):
        data.pop(name, None)
    return data.pop("event_type"), data


def listen(hass: HomeAssistant) -> list[str]:
    """Return a list that fills with the types of the account's events."""
    events: list[str] = []

    @callback
    def written(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] == ACCOUNT_EVENT and state is not None and "event_type" in state.attributes:
            events.append(state.attributes["event_type"])

    hass.bus.async_listen(EVENT_STATE_CHANGED, written)
    return events


def listen_to(hass: HomeAssistant, entity_ids: set[str]) -> list[tuple[str, str]]:
    """Return a list that fills with what is written for these entities."""
    writes: list[tuple[str, str]] = []

    @callback
    def written(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] in entity_ids and state is not None:
            writes.append((event.data["entity_id"], state.state))

    hass.bus.async_listen(EVENT_STATE_CHANGED, written)
    return writes


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_entities_enabled")
async def test_what_the_account_holds_is_shown_by_status(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    await set_up(account())
    assert shown(hass, "torrents_failed") == STATE_UNKNOWN, "it was never read"
    assert shown(hass, "last_sync") == STATE_UNKNOWN
    await pass_time(FIRST_PAUSE)
    counts = {status: shown(hass, f"torrents_{status}") for status in FILLED}
    assert counts == {status: str(count) for status, count in FILLED.items()}
    assert [shown(hass, f"torrents_{status}") for status in ("downloading", "compressing", "uploading")] == ["0"] * 3
    assert shown(hass, "torrents_failed") == "7"
    assert shown(hass, "torrents_gone") == "0"
    held = sum(
        torrent.size_bytes for torrent in debrid.account.torrents.values() if torrent.status != "magnet_conversion"
    )
    assert float(shown(hass, "torrents_size")) == pytest.approx(held / 1e12)
    # those that failed were looked at; of a magnet link without an answer there is nothing more to know
    assert float(shown(hass, "mirror_coverage")) == pytest.approx(35.0)
    assert shown(hass, "last_sync") == dt_util.utcnow().isoformat(timespec="seconds")
    assert shown(hass, "sync_running", "binary_sensor") == STATE_OFF
    debrid.account.delete(next(iter(debrid.account.torrents)))
    await pass_time(INTERVAL)
    assert shown(hass, "torrents_gone") == "1"
    assert shown(hass, "torrents_downloaded") == "8"


async def test_what_few_need_is_disabled(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    await set_up(account())
    own = {f"{ID}_{each.key}" for each in (*DEBRID_SENSORS, *DEBRID_BINARY_SENSORS, *DEBRID_BUTTONS, *DEBRID_EVENTS)}
    entries = {entry.unique_id: entry for entry in er.async_entries_for_config_entry(er.async_get(hass), HUB_ID)}
    assert own <= entries.keys()
    assert {unique_id.removeprefix(f"{ID}_") for unique_id in own if not entries[unique_id].disabled} == {
        "torrents_downloaded",
        "torrents_waiting_files_selection",
        "torrents_failed",
        "repairs_pending",
        "repairs_given_up",
        "repairs_stand_back",
        "broken_links",
        "last_sync",
        "sync_running",
        "sync_smart",
        "sync_full",
        "links_full",
        "debrid",
    }


async def test_what_was_known_is_shown_after_a_restart_without_asking(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    entry = await set_up(account())
    await synchronised(entry, hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert shown(hass, "torrents_failed") == STATE_UNAVAILABLE
    await debrid.refuse()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert shown(hass, "torrents_failed") == "7"
    assert value(hass, "sensor.account_1001_torrents") == STATE_UNAVAILABLE, "this one Real-Debrid has to say"


async def test_without_a_database_nothing_is_shown(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    entry = await set_up(account())
    await synchronised(entry, hass)
    await entry.runtime_data.pilot.stop()
    await until(lambda: shown(hass, "torrents_failed") == STATE_UNAVAILABLE)
    with pytest.raises(HomeAssistantError):
        await entry.runtime_data.debrid_watching.of(ID).synchronise(SyncMode.SMART)
    await entry.runtime_data.pilot.start()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert shown(hass, "torrents_failed") == "7"


async def test_clearing_shows_at_once(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    entry = await set_up(account())
    await synchronised(entry, hass)
    assert shown(hass, "repairs_pending") != STATE_UNKNOWN
    assert shown(hass, "torrents_waiting_files_selection") == "2"
    await hass.services.async_call(DOMAIN, Action.DEBRID_CLEAR, {"confirm": True}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert shown(hass, "torrents_failed") == STATE_UNKNOWN
    assert shown(hass, "last_sync") == STATE_UNKNOWN


async def test_that_there_are_none_is_shown_at_once(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    for torrent in tuple(debrid.account.torrents.values()):
        if torrent.status == "waiting_files_selection":
            debrid.account.delete(torrent.id)
    entry = await set_up(account())
    await synchronised(entry, hass)
    assert shown(hass, "torrents_waiting_files_selection") == "0"


async def test_a_removed_account_is_forgotten(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    entry = await set_up(account())
    watching = entry.runtime_data.debrid_watching
    before = watching.of(ID)
    assert before.mirror is not None
    hass.config_entries.async_remove_subentry(entry, ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert before.mirror is None
    assert hass.states.async_entity_ids("button") == []


async def test_a_synchronisation_is_seen_while_it_runs(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    entry = await set_up(account())
    await mirror(entry).synchronise(SyncMode.LIST)
    hang_after(debrid, 5)
    writes = listen_to(hass, {RUNNING})
    running = mirror(entry).begin(SyncMode.FULL, SyncOptions())
    await until(lambda: (mirror(entry).sync.progress or pytest.fail("it ended")).done >= 3)
    assert shown(hass, "sync_running", "binary_sensor") == STATE_ON
    with pytest.raises(ServiceValidationError, match="under way"):
        await press(hass, SyncMode.FULL)
    before = mirror(entry).last
    await entry.runtime_data.debrid_watching.of(ID).synchronise(SyncMode.LIST)
    await until(lambda: mirror(entry).last is not before)
    assert shown(hass, "sync_running", "binary_sensor") == STATE_ON, "the other one goes on"
    assert mirror(entry).sync.cancel()
    await running
    await hass.async_block_till_done()
    assert [state for _, state in writes] == [STATE_ON, STATE_OFF], "its progress is not written"


async def test_little_is_written(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    """An hour in which nothing happens to the account writes when it was looked at, and nothing else."""
    await set_up(account())
    await pass_time(timedelta(minutes=1), times=3)
    of_the_account = {each for each in hass.states.async_entity_ids() if ".account_1001_" in each}
    writes = listen_to(hass, of_the_account - OF_REAL_DEBRID)
    await pass_time(timedelta(minutes=1), times=60)
    counted = Counter(entity_id for entity_id, _ in writes)
    looks = counted[LAST_SYNC]
    assert 2 <= looks <= 4
    assert counted == {LAST_SYNC: looks, RUNNING: 2 * looks}


# --- buttons ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_entities_enabled")
@pytest.mark.parametrize(
    ("mode", "lists", "details"),
    [
        (SyncMode.SMART, 1, 7),
        (SyncMode.LIST, 1, 0),
        (SyncMode.ERRORS, 0, 7),
        (SyncMode.DETAILS, 0, 18),
        (SyncMode.FULL, 1, 18),
    ],
)
async def test_each_button_reads_what_its_mode_says(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, mode: SyncMode, lists: int, details: int
) -> None:
    entry = await set_up(account())
    if not lists:
        await mirror(entry).synchronise(SyncMode.LIST)
    debrid.requests.clear()
    await press(hass, mode)
    await hass.async_block_till_done(wait_background_tasks=True)
    asked = [each for each in debrid.requests if each.path.endswith("/torrents") and ("limit", "5000") in each.query]
    read = [each for each in debrid.requests if "/torrents/info/" in each.path]
    assert (len(asked), len(read)) == (lists, details)
    assert str(mirror(entry).last.mode) == mode  # type: ignore[union-attr]


@pytest.mark.usefixtures("all_entities_enabled")
async def test_what_was_interrupted_is_resumed_by_its_button(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    entry = await set_up(account())
    with pytest.raises(ServiceValidationError, match=r"[Nn]o synchronisation"):
        await press(hass, SyncMode.RESUME)
    debrid.fault(FaultKind.STATUS, LIST, status=503)
    await synchronised(entry, hass)
    debrid.clear_faults()
    await press(hass, SyncMode.RESUME)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert shown(hass, "torrents_failed") == "7"


async def test_a_database_that_fails_is_said(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await set_up(account())

    async def failing(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(mirror(entry).store.mirror, "unfinished", failing)
    with pytest.raises(HomeAssistantError, match="the disk is full"):
        await entry.runtime_data.debrid_watching.of(ID).synchronise(SyncMode.RESUME)


# --- events ----------------------------------------------------------------------------------------------------------


async def test_what_changed_is_told(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    entry = await set_up(account())
    await synchronised(entry, hass)
    event, data = told(hass)
    assert (event, data["count"], len(data["torrents"])) == ("torrents_failed", 7, 7)
    events = listen(hass)
    await synchronised(entry, hass)
    assert events == [], "nothing changed"
    ready = [torrent for torrent in debrid.account.torrents.values() if torrent.status == "downloaded"]
    debrid.account.delete(ready[0].id)
    await synchronised(entry, hass)
    found = {"added": 0, "returned": 0, "status": 0, "content": 0, "gone": 1}
    assert told(hass) == ("synchronised", {"mode": "smart", **found})
    debrid.account.turn(ready[1], "dead")
    await synchronised(entry, hass)
    assert events == ["synchronised", "synchronised", "torrents_failed"]
    assert told(hass) == ("torrents_failed", {"count": 1, "torrents": [ready[1].plan.name]})


async def test_no_event_names_more_than_a_few(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    debrid.account.fill(20, statuses=["dead"])
    entry = await set_up(account())
    await synchronised(entry, hass, SyncMode.LIST)
    event, data = told(hass)
    assert (event, data["count"], len(data["torrents"])) == ("torrents_failed", 27, 10)


async def test_of_an_outage_its_beginning_is_told(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    await set_up(account())
    debrid.fault(FaultKind.STATUS, LIST, status=503)
    events = listen(hass)
    await pass_time(FIRST_PAUSE)
    await pass_time(RESUME_PAUSE, times=5)
    assert events == ["sync_failed"]
    assert told(hass)[1]["mode"] == "smart"
    assert "503" in told(hass)[1]["detail"]
    debrid.clear_faults()
    await pass_time(2**5 * RESUME_PAUSE)  # the pause after so many failures
    assert events == ["sync_failed", "synchronised", "torrents_failed"]
    debrid.fault(FaultKind.STATUS, LIST, status=503)
    await pass_time(INTERVAL)
    assert events[-1] == "sync_failed"
