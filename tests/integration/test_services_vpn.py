"""The actions about the servers of VPNs: what they wait for, what they answer, and to whom."""

import asyncio
import json
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.guarding import PROXY_KEY
from custom_components.sokoul.rotation import LOOK_EVERY, VpnRotation
from devstack.gluetun import GluetunSimulator
from devstack.public_ip import PublicIpSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import GLUETUN_ID, HUB_ID, QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry, subentry, until
from .test_rotating import CH, SE, Start, brought_to_its_end, country, outside, start, told

__all__ = ["outside", "start"]


def device_id(hass: HomeAssistant, identifier: str) -> str:
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier), HUB_ID)
    assert device is not None
    return device.id


async def ask(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    json.dumps(answer)
    return answer


async def rotate(hass: HomeAssistant, vpn: VpnRotation, pass_time: PassTime, **data: Any) -> dict[str, Any]:
    """Call the action, and let the time pass that it waits for."""
    asked = asyncio.create_task(ask(hass, "rotate_vpn", **data))
    await until(lambda: vpn._timer is not None or asked.done())
    await brought_to_its_end(hass, pass_time)
    (answer,) = (await asked)["vpns"]
    assert isinstance(answer, dict)
    return answer


async def test_it_waits_for_what_comes_of_it(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start()
    assert await rotate(hass, vpn, pass_time, language="en") == {
        "vpn": "Gluetun",
        "outcome": "changed",
        "server": "Sweden",
        "previous_server": "Netherlands",
        "tried": ["Sweden"],
        "text": "Little is known of Sweden, so it gets a chance. Sweden works.",
    }
    gluetun.tunnel.mute.update({SE, CH, "nl-01.vpn.example", "nl-02.vpn.example"})
    answer = await rotate(hass, vpn, pass_time, language="fr", device_id=[device_id(hass, GLUETUN_ID)])
    assert (answer["outcome"], answer["server"], answer["previous_server"]) == ("lost", "Sweden", "Sweden")
    assert sorted(answer["tried"]) == ["Netherlands", "Switzerland"]
    assert answer["text"].endswith("Même Sweden ne marche plus. Gluetun se tirera d’affaire seul.")  # noqa: RUF001


async def test_a_server_may_be_named_also_one_that_was_not_chosen(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start(servers=("Sweden",))
    answer = await rotate(hass, vpn, pass_time, server=" Switzerland ")
    assert (answer["outcome"], answer["server"]) == ("changed", "Switzerland")
    assert answer["text"] == "Switzerland was asked for. Switzerland works."
    with pytest.raises(HomeAssistantError, match="Switzerland is in use already"):
        await ask(hass, "rotate_vpn", server="switzerland")
    assert (told(gluetun), country(gluetun)) == (["Switzerland"], "Switzerland")


async def test_what_forbids_it_is_told(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    start: Start,
    set_up: SetUp,
    hass_read_only_user: MockUser,
) -> None:
    vpn = await start(qbittorrent_subentry(qbittorrent), servers=())
    for data, key in (
        ({}, "no_vpn_servers"),
        ({"device_id": device_id(hass, QBITTORRENT_ID)}, "not_a_vpn"),
        ({"device_id": "nothing"}, "not_a_backend"),
    ):
        for action in ("rotate_vpn", "get_vpn_servers"):
            with pytest.raises(ServiceValidationError) as raised:
                await ask(hass, action, **data)
            assert raised.value.translation_key == key
    with pytest.raises(HomeAssistantError, match="No servers have been chosen"):
        await ask(hass, "rotate_vpn", device_id=device_id(hass, GLUETUN_ID))
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "rotate_vpn",
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )
    assert not vpn.under_way
    assert told(gluetun) == []


async def test_one_that_ends_in_the_middle_answers_so(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start
) -> None:
    vpn = await start()
    asked = asyncio.create_task(ask(hass, "rotate_vpn"))
    await until(lambda: vpn._timer is not None)
    assert await hass.config_entries.async_unload(HUB_ID)
    with pytest.raises(HomeAssistantError) as raised:
        await asked
    assert raised.value.translation_key == "not_loaded"


async def test_the_ranking_and_what_happened(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, outside: PublicIpSimulator
) -> None:
    vpn = await start()
    vpn.backend.remember(PROXY_KEY, gluetun.proxy.url)
    gluetun.tunnel.closed.add(SE)
    await rotate(hass, vpn, pass_time)
    (answer,) = (await ask(hass, "get_vpn_servers"))["vpns"]
    assert (answer["vpn"], answer["server"], answer["changing"]) == ("Gluetun", "Switzerland", False)
    by_name = {each["server"]: each for each in answer["ranking"]}
    assert [each["score"] for each in answer["ranking"]] == sorted((e["score"] for e in by_name.values()), reverse=True)
    assert by_name["Sweden"]["works_percent"] == 0
    assert by_name["Sweden"]["last_failed"] is not None
    assert by_name["Switzerland"]["works_percent"] == 100
    assert by_name["Switzerland"]["latency_ms"] >= 0
    assert by_name["Switzerland"]["bytes_per_second"] is None  # nobody asked for that
    assert [(each["event"], each["server"]) for each in answer["history"]] == [
        ("measured", "Netherlands"),
        ("measured", "Switzerland"),
        ("changed", "Switzerland"),
    ]


async def test_two_vpns_are_changed_each_by_itself(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, clock: Any
) -> None:
    async with GluetunSimulator("3.38", clock=clock) as other:
        other_id = "01SOKOULGLUETUN00000000002"
        vpn = await start(subentry("gluetun", other, other_id, title="Other"))
        second = vpn.backend.config_entry.runtime_data.rotating.vpns[other_id]
        second.set_up(vpn.book.settings)
        gluetun.tunnel.apply("stopped")
        asked = asyncio.create_task(ask(hass, "rotate_vpn"))
        await until(lambda: second._timer is not None)
        await pass_time(LOOK_EVERY, times=3)
        with pytest.raises(HomeAssistantError, match="Gluetun is switched off"):
            await asked
        assert (country(other), told(gluetun)) == ("Sweden", [])
