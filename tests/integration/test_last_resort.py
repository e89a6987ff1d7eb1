"""What a person chose for a leak is called when it has to be, once, and never taken back."""

from typing import Any

from homeassistant.core import Event, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.sokoul.guarding import ClientGuard
from custom_components.sokoul.last_resort import Chosen
from devstack.frame import FaultKind
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import QBITTORRENT_ID, PassTime, SetUp
from .test_pause import add, running
from .test_vpn_guard import EVENT, PROTECTION, STEP, bind, guard_of, press_drill, shown

PLUG = "input_boolean.plug"
SCRIPT = "script.cut"
BUTTON = "input_button.firewall"


@pytest.fixture(autouse=True)
async def house(hass: HomeAssistant, _integration: None) -> None:
    """Have a plug that is on, a script and a button."""
    assert await async_setup_component(hass, "input_boolean", {"input_boolean": {"plug": {"initial": True}}})
    assert await async_setup_component(hass, "input_button", {"input_button": {"firewall": {"name": "Firewall"}}})
    sequence = [{"event": "cut_off", "event_data": {"backend": "{{ backend }}"}}]
    assert await async_setup_component(hass, "script", {"script": {"cut": {"sequence": sequence}}})


@pytest.fixture
async def guard(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> ClientGuard:
    """Return the guard of a client that is bound to its tunnel."""
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    assert shown(hass, PROTECTION) == "contained"
    return guard


async def leak(hass: HomeAssistant, qbittorrent: QbittorrentSimulator, pass_time: PassTime) -> None:
    bind(qbittorrent, "")
    await pass_time(STEP, times=3)
    assert shown(hass, PROTECTION) == "leaking"


async def set_plug(hass: HomeAssistant, service: str) -> None:
    await hass.services.async_call("input_boolean", service, {"entity_id": PLUG}, blocking=True)


def told(events: list[Event[Any]]) -> list[str]:
    """Return which events of the guard were told, but for those that are about something else."""
    kinds = [event.data["new_state"].attributes.get("event_type") for event in events if event.data["new_state"]]
    return [kind for kind in kinds if kind and kind.startswith("last_resort")]


@pytest.fixture
def changes(hass: HomeAssistant) -> list[Event[Any]]:
    return async_capture_events(hass, "state_changed")


async def test_a_leak_that_is_stopped_needs_no_last_resort(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    guard.last_resort.choose(Chosen(entity_id=PLUG))
    await leak(hass, qbittorrent, pass_time)
    await pass_time(STEP, times=3)
    assert running(qbittorrent) == set()
    await qbittorrent.refuse()  # nor if it is gone afterwards
    await pass_time(STEP, times=6)
    assert shown(hass, PLUG) == "on"


@pytest.mark.parametrize("fault", ["refuses to stop", "is gone"])
async def test_a_leak_that_could_not_be_stopped(
    fault: str, hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    guard.last_resort.choose(Chosen(entity_id=PLUG))
    qbittorrent.fault("status", "POST */stop", status=500)
    await leak(hass, qbittorrent, pass_time)
    if fault == "is gone":
        await qbittorrent.refuse()
    await pass_time(STEP, times=2)
    assert shown(hass, PLUG) == "off"
    said = await hass.services.async_call(
        "sokoul", "get_journal", {"rule": "vpn_guard"}, blocking=True, return_response=True
    )
    assert said is not None
    entries: list[Any] = said["entries"]  # type: ignore[assignment]
    assert [(each["act"], each["status"]) for each in entries] == [("call", "done")]
    assert entries[0]["text"].endswith("plug was turned off. Only you turn it on again.")


async def test_at_every_leak_once_and_only_a_person_takes_it_back(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    guard.last_resort.choose(Chosen(entity_id=PLUG, every_leak=True))
    await leak(hass, qbittorrent, pass_time)
    assert shown(hass, PLUG) == "off"
    assert running(qbittorrent) == set()
    await set_plug(hass, "turn_on")
    await pass_time(STEP, times=10)
    assert shown(hass, PLUG) == "on"  # their word counts, also while it leaks
    await set_plug(hass, "turn_off")
    bind(qbittorrent, "tun0")
    await pass_time(STEP, times=14)
    assert shown(hass, PROTECTION) == "contained"
    assert running(qbittorrent) == {"one"}
    assert shown(hass, PLUG) == "off"  # not taken back
    await set_plug(hass, "turn_on")
    await leak(hass, qbittorrent, pass_time)
    assert shown(hass, PLUG) == "off"  # another leak


async def test_a_restart_during_a_leak_calls_nothing_anew(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    guard.last_resort.choose(Chosen(entity_id=PLUG, every_leak=True))
    await leak(hass, qbittorrent, pass_time)
    await set_plug(hass, "turn_on")
    await hass.config_entries.async_reload(guard.backend.config_entry.entry_id)
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"
    assert shown(hass, PLUG) == "on"


async def test_a_script_is_run_and_told_which_client_it_is(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    cuts = async_capture_events(hass, "cut_off")
    guard.last_resort.choose(Chosen(entity_id=SCRIPT, every_leak=True))
    await leak(hass, qbittorrent, pass_time)
    await pass_time(STEP, times=4)
    assert [event.data["backend"] for event in cuts] == ["qBittorrent"]


async def test_a_button_is_pressed(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    changes: list[Event[Any]],
) -> None:
    guard.last_resort.choose(Chosen(entity_id=BUTTON, every_leak=True))
    await leak(hass, qbittorrent, pass_time)
    await pass_time(STEP, times=4)
    assert len([event for event in changes if event.data["entity_id"] == BUTTON]) == 1
    assert told(changes) == ["last_resort"]


async def test_what_is_not_there_is_tried_twice_and_said(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    changes: list[Event[Any]],
) -> None:
    guard.last_resort.choose(Chosen(entity_id="switch.gone", every_leak=True))
    await leak(hass, qbittorrent, pass_time)
    await pass_time(STEP, times=6)
    assert told(changes) == ["last_resort_failed", "last_resort_failed"]
    event = hass.states.get(EVENT)
    assert event is not None
    assert event.attributes["text"] == "switch.gone is not there."
    assert running(qbittorrent) == set()  # the guard itself goes on


async def test_a_switch_that_does_not_follow_is_told_once_more(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    changes: list[Event[Any]],
) -> None:
    async def ignore(_call: Any) -> None:
        pass

    hass.services.async_register("input_boolean", "turn_off", ignore)
    guard.last_resort.choose(Chosen(entity_id=PLUG, every_leak=True))
    await leak(hass, qbittorrent, pass_time)
    await pass_time(STEP, times=6)
    assert told(changes) == ["last_resort", "last_resort_failed", "last_resort", "last_resort_failed"]


async def test_neither_a_drill_nor_a_vpn_that_is_down_is_a_leak(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    guard.last_resort.choose(Chosen(entity_id=PLUG, every_leak=True))
    await press_drill(hass)
    await pass_time(STEP, times=4)
    qbittorrent.engine.weather.interfaces_gone.add("tun0")
    await pass_time(STEP, times=6)
    assert shown(hass, PROTECTION) == "down"
    assert shown(hass, PLUG) == "on"


async def test_it_is_chosen_in_the_options(hass: HomeAssistant, guard: ClientGuard) -> None:
    for said, chosen in (
        ({"entity": PLUG, "every_leak": True}, Chosen(entity_id=PLUG, every_leak=True)),
        ({"entity": SCRIPT, "every_leak": False}, Chosen(entity_id=SCRIPT)),
        ({"every_leak": True}, None),
    ):
        flow = await hass.config_entries.options.async_init(guard.backend.config_entry.entry_id)
        for answer in ({"next_step_id": "vpn"}, {"backend": QBITTORRENT_ID}, {"next_step_id": "last_resort"}, said):
            flow = await hass.config_entries.options.async_configure(flow["flow_id"], answer)
        assert flow["type"] is FlowResultType.CREATE_ENTRY
        assert guard.last_resort.chosen == chosen


async def test_what_was_stopped_once_and_runs_again_needs_it(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    guard.last_resort.choose(Chosen(entity_id=PLUG))
    await leak(hass, qbittorrent, pass_time)
    await pass_time(STEP, times=2)
    assert running(qbittorrent) == set()
    assert shown(hass, PLUG) == "on"
    qbittorrent.fault(FaultKind.STATUS, "POST */stop", status=500)
    qbittorrent.engine.start(next(iter(qbittorrent.engine.torrents.values())))
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == {"one"}
    assert shown(hass, PLUG) == "off"
