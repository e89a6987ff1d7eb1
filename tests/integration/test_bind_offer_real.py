"""A real qBittorrent that could go out past its VPN is bound to it by the repair, and no longer can."""

from datetime import timedelta
import time
from unittest.mock import patch

from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnState
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.guarding import ClientGuard
from devstack.vpn_world import TUNNEL, TUNNEL_END

from .behind_vpn import Behind, reaches, until
from .conftest import QBITTORRENT_ID, SetUp, qbittorrent_subentry
from .test_bind_offer import ISSUE, fix
from .test_vpn_guard_real import behind

__all__ = ("behind",)

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
async def _repairs(hass: HomeAssistant, _integration: None) -> None:
    assert await async_setup_component(hass, REPAIRS, {})


async def binding(behind: Behind) -> tuple[str, str]:
    preferences = await behind.client.get("app/preferences")
    return preferences["current_network_interface"], preferences["current_interface_address"]


async def test_it_is_bound_by_the_repair_and_back(hass: HomeAssistant, set_up: SetUp, behind: Behind) -> None:
    await behind.bind("")
    with patch("custom_components.sokoul.autopilot.vpn_lane.CALM", timedelta(seconds=0.5)):
        entry = await set_up(qbittorrent_subentry(behind.client.url), settle=False)
        guard: ClientGuard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
        guard.choose(Shelter(containment=Containment.OPEN, clue=Clue.PERSON))

        async def offered() -> bool:
            return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE) is not None

        await until(offered, "it was never offered")
        form = await fix(hass)
        assert (form["step_id"], form["description_placeholders"]["interface"]) == ("confirm", TUNNEL)
        began = time.monotonic()
        await hass.data[REPAIRS]["flow_manager"].async_configure(form["flow_id"], {})
        assert time.monotonic() - began < 5
        assert await binding(behind) == (TUNNEL, "")
        assert not await offered()
        await reaches(guard, VpnState.CONTAINED)
        assert await behind.goes_on()
        assert TUNNEL_END in await behind.seen_at()
        await guard.binding.unbind("person")
        assert await binding(behind) == ("", "")
        assert guard.shelter == Shelter(containment=Containment.OPEN, clue=Clue.PERSON)
        assert guard.reaction is None
