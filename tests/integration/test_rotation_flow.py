"""Choosing the servers of a VPN in the options."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.sokoul.guarding import PROXY_KEY
from custom_components.sokoul.rotation_notes import SETTINGS_KEY, NamedBy, RotationSettings
from devstack.frame import FaultKind
from devstack.gluetun import GluetunSimulator

from .conftest import GLUETUN_ID, HUB_ID, SetUp, subentry
from .flows import fields, suggested
from .test_rotating import OPEN, READ, SET, Start, press, start, told

__all__ = ["start"]

PROXY = "http://gluetun:8888"
USUAL: dict[str, Any] = {
    "named_by": "countries",
    "servers": ["Sweden", "Switzerland"],
    "nightly": False,
    "measure": False,
    "sample_megabytes": 10,
}


async def opened(hass: HomeAssistant) -> Any:
    flow = await hass.config_entries.options.async_init(HUB_ID)
    return await hass.config_entries.options.async_configure(flow["flow_id"], {"next_step_id": "servers"})


async def answered(hass: HomeAssistant, flow: Any, **said: Any) -> Any:
    result = await hass.config_entries.options.async_configure(flow["flow_id"], said)
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


async def test_what_is_chosen_counts_at_once_and_is_shown_the_next_time(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start
) -> None:
    vpn = await start(servers=())
    tv = er.async_get(hass).async_get_or_create("binary_sensor", "tv", "1", suggested_object_id="tv")
    flow = await opened(hass)
    assert (flow["type"], flow["step_id"]) == (FlowResultType.FORM, "servers_of")
    assert fields(flow) == [
        "named_by", "servers", "nightly", "vetoes", "proxy", "measure", "sample_url", "sample_megabytes",
    ]  # fmt: skip
    assert flow["description_placeholders"]["known"] == ""
    said = {
        "named_by": "cities",
        "servers": [" Malmö ", "", "Zürich", "malmö"],
        "nightly": True,
        "vetoes": ["binary_sensor.tv", "media_player.not_registered"],
        "proxy": f" {PROXY} ",
        "measure": True,
        "sample_url": "https://example.org/{bytes}",
        "sample_megabytes": 25,
    }
    assert (await answered(hass, flow, **said))["type"] is FlowResultType.CREATE_ENTRY
    assert vpn.book.settings == RotationSettings(
        named_by=NamedBy.CITIES,
        servers=("malmö", "Zürich"),
        nightly=True,
        vetoes=(tv.id, "media_player.not_registered"),
        measure=True,
        sample_url="https://example.org/{bytes}",
        sample_megabytes=25,
    )
    assert vpn.tunnel.proxy == PROXY
    server = hass.states.get("sensor.gluetun_vpn_server")
    assert server is not None
    assert server.state == "Netherlands"
    er.async_get(hass).async_update_entity(tv.entity_id, new_entity_id="binary_sensor.telly")
    flow = await opened(hass)
    assert suggested(flow) == {
        **said,
        "servers": ["malmö", "Zürich"],
        "vetoes": ["binary_sensor.telly", "media_player.not_registered"],
        "proxy": PROXY,
    }
    assert "Netherlands" in flow["description_placeholders"]["known"]
    assert "malmö" in flow["description_placeholders"]["known"]
    # nothing was reloaded, and all of it can be taken back
    assert (await answered(hass, flow, **USUAL | {"servers": []}))["type"] is FlowResultType.CREATE_ENTRY
    assert vpn.book.settings == RotationSettings()
    assert {SETTINGS_KEY, PROXY_KEY}.isdisjoint(vpn.backend.memory)
    assert hass.config_entries.async_get_entry(HUB_ID).runtime_data.rotating.vpns[GLUETUN_ID] is vpn  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({"servers": [], "nightly": True}, {"servers": "servers_missing"}),
        ({"servers": [f"s{number}" for number in range(201)]}, {"servers": "too_many_servers"}),
        ({"measure": True}, {"proxy": "proxy_missing"}),
        ({"proxy": "gluetun:8888"}, {"proxy": "not_a_proxy"}),
        ({"proxy": "http://[1"}, {"proxy": "not_a_proxy"}),
        ({"proxy": "ftp://gluetun:8888"}, {"proxy": "not_a_proxy"}),
        ({"proxy": "http://m%3Ae:pass@gluetun:8888"}, {"proxy": "colon_in_name"}),
        ({"sample_url": "file:///etc/passwd"}, {"sample_url": "not_a_file"}),
    ],
)
async def test_what_can_not_be_meant(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, said: dict[str, Any], errors: dict[str, str]
) -> None:
    vpn = await start(servers=())
    flow = await answered(hass, await opened(hass), **USUAL | said)
    assert (flow["type"], flow["errors"]) == (FlowResultType.FORM, errors)
    assert suggested(flow).items() >= said.items()  # what was typed is still there
    assert vpn.book.settings == RotationSettings()
    assert (await answered(hass, flow, **USUAL))["type"] is FlowResultType.CREATE_ENTRY
    assert vpn.book.settings.servers == ("Sweden", "Switzerland")


@pytest.mark.parametrize(
    ("closed", "status", "error"),
    [({READ, SET}, None, "servers_closed"), (set(), 404, "servers_closed"), (set(), 400, "servers_closed"),
     (set(), 500, "vpn_silent")],
)  # fmt: skip
async def test_a_gluetun_that_does_not_let_its_servers_be_read_is_told_before_it_is_saved(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    closed: set[str],
    status: int | None,
    error: str,
) -> None:
    vpn = await start(routes=OPEN - closed, servers=())
    if status is not None:
        gluetun.fault(FaultKind.STATUS, READ, status=status)
    flow = await answered(hass, await opened(hass), **USUAL)
    assert flow["errors"] == {"base": error}
    assert vpn.book.settings == RotationSettings()
    await answered(hass, flow, **USUAL | {"servers": []})  # which needs nothing of it
    assert vpn.book.settings == RotationSettings()


async def test_with_several_vpns_it_is_asked_which_one(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, clock: Any
) -> None:
    async with GluetunSimulator("3.38", clock=clock) as other:
        other_id = "01SOKOULGLUETUN00000000002"
        vpn = await start(subentry("gluetun", other, other_id, title="Other"), servers=())
        flow = await opened(hass)
        assert flow["step_id"] == "servers"
        flow = await answered(hass, flow, vpn=other_id)
        assert flow["step_id"] == "servers_of"
        assert flow["description_placeholders"]["vpn"] == "Other"
        assert (await answered(hass, flow, **USUAL))["type"] is FlowResultType.CREATE_ENTRY
        assert vpn.book.settings.servers == ()
        second = vpn.backend.config_entry.runtime_data.rotating.vpns[other_id]
        assert second.book.settings.servers == ("Sweden", "Switzerland")
        assert second.server == "Netherlands"
        flow = await answered(hass, await opened(hass), vpn=other_id)
        hass.config_entries.async_remove_subentry(vpn.backend.config_entry, other_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert (await answered(hass, flow, **USUAL))["reason"] == "no_vpn"


async def test_without_a_vpn_there_is_nothing_to_choose(hass: HomeAssistant, set_up: SetUp) -> None:
    await set_up()
    flow = await opened(hass)
    assert (flow["type"], flow["reason"]) == (FlowResultType.ABORT, "no_vpn")


async def test_what_was_chosen_is_used(hass: HomeAssistant, gluetun: GluetunSimulator, start: Start) -> None:
    await start(servers=())
    await answered(hass, await opened(hass), **USUAL | {"named_by": "hostnames", "servers": ["ch-01.vpn.example"]})
    await press(hass)
    assert told(gluetun) == ["ch-01.vpn.example"]
