"""What is shown and told of what is repaired: torrents of an account, and links of the library that lead into it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul import linking
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid_watch import EVENTS, event_of
from custom_components.sokoul.event import MOST_AN_HOUR
from custom_components.sokoul.model.debrid import DebridCode
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.real_debrid import RealDebridSimulator

from . import link_scene
from .conftest import PassTime, SetUp
from .debrid_scene import ACCOUNT_ID, DAY, HOUR, MINUTE, Scene, account, failed
from .link_scene import EPISODES, Library

pytestmark = pytest.mark.usefixtures("all_entities_enabled")


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


def entity(hass: HomeAssistant, key: str, domain: str = "sensor") -> str:
    entity_id = er.async_get(hass).async_get_entity_id(domain, DOMAIN, f"{ACCOUNT_ID}_{key}")
    assert entity_id is not None
    return entity_id


def shown(hass: HomeAssistant, key: str, domain: str = "sensor") -> str:
    state = hass.states.get(entity(hass, key, domain))
    assert state is not None
    return state.state


def listen(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Return a list that fills with what the events of the account say."""
    events: list[dict[str, Any]] = []

    @callback
    def written(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and "event_type" in state.attributes:
            events.append(dict(state.attributes))

    async_track_state_change_event(hass, [entity(hass, "debrid", "event")], written)
    return events


async def test_a_repair_is_counted_and_told(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    failed(debrid, 1)
    made = Scene(debrid, await set_up(account()))
    events = listen(hass)
    await pass_time(MINUTE, 2)
    assert [each["event_type"] for each in events] == ["synchronised", "torrents_failed"]
    assert (shown(hass, "torrents_failed"), shown(hass, "repairs_pending")) == ("1", "1"), "it is noted, and waits"
    made.set_level(Autonomy.ACT)
    await pass_time(MINUTE, 5)
    assert shown(hass, "repairs_pending") == "0"
    await pass_time(HOUR)
    assert (shown(hass, "torrents_failed"), shown(hass, "torrents_downloaded")) == ("0", "1")
    (told,) = [each for each in events if each["event_type"] == "repaired"]
    (row,) = [each for each in await made.rows() if each.status is EntryStatus.DONE]
    assert (told["entry_id"], told["title"]) == (row.id, "Show 1")
    assert told["text"].startswith("Real-Debrid failed to fetch it (Account).")
    assert "entry" not in told, "what is written has to be JSON"


async def test_what_is_lost_is_counted_and_told(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    failed(debrid, 1, refused_code=int(DebridCode.INFRINGING_FILE))
    failed(debrid, 2, "virus")
    made = Scene(debrid, await set_up(account()))
    made.set_level(Autonomy.ACT)
    events = listen(hass)
    await pass_time(MINUTE, 20)
    assert (shown(hass, "repairs_given_up"), shown(hass, "repairs_pending")) == ("2", "0")
    told = {each["event_type"]: each["title"] for each in events if "title" in each}
    assert told == {"given_up": "Show 1", "deleted": "Show 2"}


async def test_a_try_that_failed_is_not_told(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    failed(debrid, 1, outcome="error")
    made = Scene(debrid, await set_up(account()))
    made.set_level(Autonomy.ACT)
    events = listen(hass)
    await pass_time(HOUR, 3)
    assert made.adds() == 1
    assert [each for each in events if "entry_id" in each] == []
    await pass_time(HOUR, 80)
    assert [each["event_type"] for each in events if "entry_id" in each] == ["given_up"], "after the last one"


async def test_it_is_seen_that_another_tool_repairs(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    olds = [failed(debrid, number) for number in range(1, 4)]
    await set_up(account())
    await pass_time(MINUTE, 5)
    assert shown(hass, "repairs_stand_back", "binary_sensor") == "off"
    for old in olds[:2]:
        debrid.account.select(debrid.account.add(old.hash), frozenset({1, 2}))
    await pass_time(MINUTE, 15)
    assert shown(hass, "repairs_stand_back", "binary_sensor") == "on"
    await pass_time(DAY, 8)
    assert shown(hass, "repairs_stand_back", "binary_sensor") == "off"


async def test_an_entry_is_told_to_its_account_only(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    entry = await set_up(account())
    events = listen(hass)
    kernel = entry.runtime_data.pilot.kernel
    await kernel.write(_row(ActKind.READD, EntryStatus.DONE, account="another"))
    await kernel.write(_row(ActKind.REPLACE, EntryStatus.DONE))
    assert events == []
    await kernel.write(_row(ActKind.READD, EntryStatus.DONE, account=ACCOUNT_ID))
    await kernel.write(_row(ActKind.REWRITE_LINKS, EntryStatus.DONE))
    assert [each["event_type"] for each in events] == ["repaired", "links_repaired"], "links are of no account"


async def test_no_more_is_told_than_a_memory_card_bears(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(account())
    events = listen(hass)
    for _ in range(MOST_AN_HOUR + 20):
        await entry.runtime_data.pilot.kernel.write(_row(ActKind.DELETE_TORRENT, EntryStatus.DONE, account=ACCOUNT_ID))
    assert len(events) == MOST_AN_HOUR
    await pass_time(HOUR)
    await entry.runtime_data.pilot.kernel.write(_row(ActKind.READD, EntryStatus.DONE, account=ACCOUNT_ID))
    assert events[-1]["event_type"] == "repaired"


@pytest.mark.parametrize("status", EntryStatus)
@pytest.mark.parametrize("act", ActKind)
def test_only_what_was_done_is_told(act: ActKind, status: EntryStatus) -> None:
    event = event_of(_row(act, status))
    assert event is None or (event in EVENTS and status is EntryStatus.DONE)


@pytest.mark.parametrize("ending", ["refused", "exhausted", "virus", "different"])
def test_giving_up_is_told(ending: str) -> None:
    assert event_of(_row(ActKind.READD, EntryStatus.FAILED, result=f"result.debrid_{ending}")) == "given_up"
    assert event_of(_row(ActKind.SELECT_FILES, EntryStatus.FAILED, result=f"result.debrid_{ending}")) is None


def _row(act: ActKind, status: EntryStatus, *, result: str = "", **parameters: str) -> JournalEntry:
    now = dt_util.utcnow()
    return JournalEntry(
        at=now,
        changed_at=now,
        rule="debrid_readd",
        subject="debrid:x:y",
        label="Show",
        act=act,
        status=status,
        reason=Reason(key="heal.debrid_readd", parameters={"account": "Account", "trouble": "error"}),
        parameters=parameters,
        result=Reason(key=result, parameters={"problem": "error"}) if result else None,
    )


# --- links -----------------------------------------------------------------------------------------------------------


async def test_broken_links_are_counted_and_their_repair_is_told(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(linking, "REST", 0)  # a pause would never end while time stands still
    scene = link_scene.Scene(hass, Library(debrid, tmp_path), pass_time, set_up)
    scene.library.fill(6)
    await scene.start()
    assert shown(hass, "broken_links") == "0"
    assert shown(hass, "links_running", "binary_sensor") == "off"
    checked = scene.linking.checked_at
    assert checked is not None
    assert shown(hass, "links_checked") == checked.isoformat(timespec="seconds")
    scene.library.rename(3, "Show.003.S01.1080p.REPACK")
    await scene.read()
    assert shown(hass, "broken_links") == str(EPISODES)
    events = listen(hass)
    scene.levels(Autonomy.ACT)
    await scene.ask(Action.LINKS_SCAN)
    assert [each["event_type"] for each in events if "entry_id" in each] == ["links_repaired"]
    await scene.ask(Action.LINKS_SCAN)
    await pass_time(MINUTE)
    assert shown(hass, "broken_links") == "0"
