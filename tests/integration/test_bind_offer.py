"""Binding a download client to its VPN's interface: offered as a repair, done with one click, and taken back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnState
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.guarding import ClientGuard
from devstack.gluetun import GluetunSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import GLUETUN_ID, QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry, subentry
from .test_pause import add, running
from .test_vpn_guard import STEP, bind, guard_of, state
from .test_vpn_guard_cases import end_of, show

ISSUE = f"bind_to_vpn_{QBITTORRENT_ID}"
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture(autouse=True)
async def _repairs(hass: HomeAssistant, _integration: None) -> None:
    assert await async_setup_component(hass, REPAIRS, {})


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)


def binding(qbittorrent: QbittorrentSimulator) -> tuple[str, str]:
    preferences = qbittorrent.engine.preferences
    return preferences["current_network_interface"], preferences["current_interface_address"]


def there_is(qbittorrent: QbittorrentSimulator, *interfaces: str) -> None:
    qbittorrent.engine.weather.interfaces = ("lo", "eth0", *interfaces)


async def fix(hass: HomeAssistant) -> Any:
    return await hass.data[REPAIRS]["flow_manager"].async_init(DOMAIN, context={"issue_id": ISSUE})


async def answer(hass: HomeAssistant, form: Any, **said: str) -> Any:
    result = await hass.data[REPAIRS]["flow_manager"].async_configure(form["flow_id"], said)
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


@pytest.fixture
async def guard(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> ClientGuard:
    """Return the guard of an open client that is seen at the end of a tunnel, where its interface is."""
    show(qbittorrent, end_of(gluetun))
    there_is(qbittorrent, "tun0")
    add(qbittorrent, "one")
    add(qbittorrent, "theirs", behaviour="stopped")
    entry = await set_up(qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"))
    hub = entry.runtime_data
    await pass_time(STEP)
    guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
    assert guard.shelter.containment is Containment.OPEN
    return guard


async def test_it_is_offered_done_with_one_click_and_taken_back(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    found = issue(hass)
    assert found is not None
    assert (found.severity, found.is_fixable) == (ir.IssueSeverity.WARNING, True)
    assert found.translation_placeholders == {"backend": "qBittorrent", "interfaces": "tun0"}

    form = await fix(hass)
    assert (form["step_id"], form["description_placeholders"]["interface"]) == ("confirm", "tun0")
    assert binding(qbittorrent) == ("", "")  # not before it was said
    done = await answer(hass, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert binding(qbittorrent) == ("tun0", "")
    assert issue(hass) is None
    await pass_time(STEP, times=6)
    assert state(guard) is VpnState.CONTAINED
    assert guard.shelter == Shelter(
        containment=Containment.BOUND, vpn_id=GLUETUN_ID, interface="tun0", clue=Clue.INTERFACE
    )
    assert running(qbittorrent) == {"one"}

    entry_id = guard.backend.config_entry.entry_id
    flow = await hass.config_entries.options.async_init(entry_id)
    for said in ({"next_step_id": "vpn"}, {"backend": QBITTORRENT_ID}, {"next_step_id": "unbind"}, {}):
        assert binding(qbittorrent) == ("tun0", "")
        flow = await hass.config_entries.options.async_configure(flow["flow_id"], said)
    assert flow["type"] is FlowResultType.CREATE_ENTRY
    assert binding(qbittorrent) == ("", "")
    await pass_time(STEP, times=6)
    assert guard.shelter.containment is Containment.OPEN
    assert guard.reaction is None  # it was never a leak that it isn't bound
    assert running(qbittorrent) == {"one"}
    await pass_time(TEN_MINUTES)
    assert issue(hass) is not None  # as before

    said = await hass.services.async_call(
        "sokoul", "get_journal", {"rule": "vpn_guard"}, blocking=True, return_response=True
    )
    assert said is not None
    entries: list[Any] = said["entries"]  # type: ignore[assignment]
    assert [(each["act"], each["actor"], each["text"]) for each in entries] == [
        (
            "unbind",
            "a person",
            "qBittorrent was bound to the interface of its VPN by SOKOUL. It is bound as it was before.",
        ),
        ("bind", "a person", "Nothing but the guard kept qBittorrent behind its VPN. It is bound to tun0 now."),
    ]


async def test_of_several_interfaces_a_person_chooses(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    there_is(qbittorrent, "wg0", "tun0")
    await pass_time(TEN_MINUTES)
    found = issue(hass)
    assert found is not None
    assert found.translation_placeholders == {"backend": "qBittorrent", "interfaces": "tun0, wg0"}
    form = await fix(hass)
    assert form["step_id"] == "choose"
    await answer(hass, form, interface="wg0")
    assert binding(qbittorrent) == ("wg0", "")
    assert guard.shelter.interface == "wg0"


@pytest.mark.parametrize("interfaces", [(), ("docker0", "tailscale0", "enp3s0"), ("tunl0",)])
async def test_it_is_not_offered_where_the_client_names_no_interface_of_a_tunnel(
    interfaces: tuple[str, ...],
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
) -> None:
    there_is(qbittorrent, *interfaces)
    qbittorrent.engine.weather.without_address.add("tunl0")  # Linux makes it by itself
    await pass_time(TEN_MINUTES)
    assert issue(hass) is None


async def test_it_is_not_offered_to_who_needs_it_not(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    for shelter in (
        Shelter(containment=Containment.NAMESPACE, vpn_id=GLUETUN_ID, clue=Clue.PERSON),
        Shelter(clue=Clue.PERSON),
    ):
        guard.choose(Shelter(containment=Containment.OPEN, vpn_id=GLUETUN_ID, clue=Clue.PERSON))
        await hass.async_block_till_done(wait_background_tasks=True)
        assert issue(hass) is not None
        guard.choose(shelter)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert issue(hass) is None
    guard.choose(Shelter(containment=Containment.OPEN, vpn_id=GLUETUN_ID, clue=Clue.PERSON))
    bind(qbittorrent, "eth0")  # by a person, who will know why
    await pass_time(TEN_MINUTES)
    assert issue(hass) is None


async def test_without_a_vpn_there_is_nothing_to_offer(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    there_is(qbittorrent, "wg0")
    await guard_of(set_up, qbittorrent)
    await pass_time(TEN_MINUTES)
    assert issue(hass) is None


async def test_what_a_person_said_of_the_vpn_stays_said(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    guard.choose(Shelter(containment=Containment.OPEN, clue=Clue.PERSON))  # another VPN
    await hass.async_block_till_done(wait_background_tasks=True)
    await answer(hass, await fix(hass))
    assert guard.shelter == Shelter(containment=Containment.BOUND, interface="tun0", clue=Clue.PERSON)
    await pass_time(STEP, times=6)
    assert state(guard) is VpnState.CONTAINED
    assert running(qbittorrent) == {"one"}


async def test_a_client_that_does_not_take_it_is_as_it_was(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator
) -> None:
    form = await fix(hass)
    qbittorrent.fault("status", "POST */setPreferences", status=500)
    form = await answer(hass, form)
    assert (form["type"], form["errors"]) == (FlowResultType.FORM, {"base": "not_bound"})
    assert guard.shelter.containment is Containment.OPEN
    assert guard.binding.bound is None
    qbittorrent.clear_faults()
    there_is(qbittorrent)  # the tunnel went down meanwhile
    form = await answer(hass, form)
    assert (form["type"], form["description_placeholders"]["detail"]) == (FlowResultType.FORM, "tun0 is gone")
    assert binding(qbittorrent) == ("", "")
    there_is(qbittorrent, "tun0")
    done = await answer(hass, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert binding(qbittorrent) == ("tun0", "")


async def test_what_can_not_be_taken_back_stays_contained(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    await answer(hass, await fix(hass))
    await pass_time(STEP)
    flow = await hass.config_entries.options.async_init(guard.backend.config_entry.entry_id)
    for said in ({"next_step_id": "vpn"}, {"backend": QBITTORRENT_ID}, {"next_step_id": "unbind"}):
        flow = await hass.config_entries.options.async_configure(flow["flow_id"], said)
    qbittorrent.fault("status", "POST */setPreferences", status=500)
    flow = await hass.config_entries.options.async_configure(flow["flow_id"], {})
    assert flow["errors"] == {"base": "not_unbound"}
    assert (guard.shelter.containment, guard.binding.bound) == (Containment.BOUND, "tun0")
    assert binding(qbittorrent) == ("tun0", "")


async def test_what_a_person_bound_otherwise_since_is_not_taken_back(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    await answer(hass, await fix(hass))
    assert guard.binding.bound == "tun0"
    guard.choose(Shelter(clue=Clue.PERSON))
    bind(qbittorrent, "eth0")
    await pass_time(TEN_MINUTES)
    assert guard.binding.bound is None
    flow = await hass.config_entries.options.async_init(guard.backend.config_entry.entry_id)
    for said in ({"next_step_id": "vpn"}, {"backend": QBITTORRENT_ID}):
        flow = await hass.config_entries.options.async_configure(flow["flow_id"], said)
    assert "unbind" not in flow["menu_options"]


async def test_a_repair_that_came_too_late(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator
) -> None:
    bind(qbittorrent, "tun0")  # by hand
    done = await fix(hass)
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_a_repair_without_the_client_or_without_sokoul(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator
) -> None:
    form = await fix(hass)
    await qbittorrent.refuse()
    assert (await fix(hass))["reason"] == "no_answer"
    await qbittorrent.accept()
    ir.async_ignore_issue(hass, DOMAIN, ISSUE, ignore=True)
    await hass.config_entries.async_unload(guard.backend.config_entry.entry_id)
    ended = await answer(hass, form)
    assert (ended["type"], ended["reason"]) == (FlowResultType.ABORT, "not_loaded")
    left = issue(hass)
    assert left is not None
    assert left.dismissed_version is not None  # a person's word on it outlives a reload


async def test_it_is_not_offered_by_who_is_gone(hass: HomeAssistant, guard: ClientGuard) -> None:
    assert issue(hass) is not None
    await hass.config_entries.async_unload(guard.backend.config_entry.entry_id)
    assert issue(hass) is None


async def test_what_was_just_bound_by_hand_and_said_to_be_is_no_leak(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")  # the guard's look at the settings is from before that
    guard.choose(Shelter(containment=Containment.BOUND, vpn_id=GLUETUN_ID, interface="tun0", clue=Clue.PERSON))
    await pass_time(STEP)
    assert state(guard) is VpnState.CONTAINED
    assert guard.reaction is None


async def test_the_vpn_of_what_is_bound_stays_known_while_it_is_seen_nowhere(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    await answer(hass, await fix(hass))
    show(qbittorrent, "")
    await pass_time(TEN_MINUTES, 2)
    assert (guard.shelter.containment, guard.shelter.vpn_id) == (Containment.BOUND, GLUETUN_ID)


async def test_a_binding_whose_answer_is_lost_can_be_taken_back(
    hass: HomeAssistant, guard: ClientGuard, qbittorrent: QbittorrentSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = await fix(hass)
    client = guard.backend.client
    ask = client.set_settings

    async def lose_the_answer(preferences: Mapping[str, Any]) -> None:
        await ask(preferences)
        raise CannotConnect("no complete answer in 10 s")

    monkeypatch.setattr(client, "set_settings", lose_the_answer)
    form = await answer(hass, form)
    assert form["errors"] == {"base": "not_bound"}
    assert binding(qbittorrent) == ("tun0", "")
    monkeypatch.undo()
    await answer(hass, form)
    await guard.binding.unbind("somebody")
    assert binding(qbittorrent) == ("", "")
