"""A backend that stays away: the issue, its form, and what makes it go away."""

from datetime import timedelta
from typing import Any

from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.sokoul.const import DOMAIN
from devstack.clock import ManualClock
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import RADARR_ID, PassTime, SetUp, qbittorrent_subentry, servarr_subentry
from .flows import Result, form, step, submit_backend, suggested

ISSUE = f"unavailable_{RADARR_ID}"


@pytest.fixture(autouse=True)
async def _repairs(hass: HomeAssistant, _integration: None) -> None:
    assert await async_setup_component(hass, REPAIRS, {})


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)


async def begin(hass: HomeAssistant) -> Result:
    return await hass.data[REPAIRS]["flow_manager"].async_init(DOMAIN, context={"issue_id": ISSUE})


async def go_on(hass: HomeAssistant, result: Result) -> Result:
    return await hass.data[REPAIRS]["flow_manager"].async_configure(result["flow_id"], {})


@pytest.fixture
async def entry(
    hass: HomeAssistant,
    set_up: SetUp,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
) -> Any:
    """Set up a hub, and let its Radarr be away for longer than the grace time."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), qbittorrent_subentry(qbittorrent))
    await radarr.refuse()
    await pass_time(timedelta(minutes=2), 2)
    assert issue(hass) is None
    await pass_time(timedelta(minutes=2), 2)
    return entry


async def test_the_issue_leads_to_the_backends_form(
    hass: HomeAssistant, entry: Any, radarr: RadarrSimulator, clock: ManualClock
) -> None:
    found = issue(hass)
    assert found is not None
    assert (found.translation_key, found.is_fixable) == ("unavailable_refused", True)
    assert found.translation_placeholders == {"backend": "Radarr", "url": radarr.url}

    result = await begin(hass)
    assert step(result) == form("confirm")
    assert result["description_placeholders"] == {"backend": "Radarr", "url": radarr.url}

    result = await go_on(hass, result)
    flow_type, flow_id = result["next_flow"]
    assert (result["type"], flow_type) == (FlowResultType.ABORT, "config_subentries_flow")
    # opening a form has repaired nothing
    assert issue(hass) is not None

    async with RadarrSimulator(clock=clock, api_key=radarr.api_key) as moved:
        opened = hass.config_entries.subentries._progress[flow_id].cur_step
        assert opened is not None
        assert (step(opened), suggested(opened)["url"]) == (form("reconfigure"), radarr.url)
        await submit_backend(hass, opened, url=moved.url)
        assert issue(hass) is None
        assert entry.runtime_data.backends[RADARR_ID].last_update_success


async def test_recovery_takes_the_issue_back(
    hass: HomeAssistant, entry: Any, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    assert issue(hass) is not None
    await radarr.accept()
    await pass_time(timedelta(minutes=3))
    assert issue(hass) is None


async def test_a_backend_that_was_removed_while_the_form_was_open(hass: HomeAssistant, entry: Any) -> None:
    result = await begin(hass)
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    # before anything else notices
    result = await go_on(hass, result)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "backend_removed")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issue(hass) is None


async def test_a_hub_that_is_not_loaded_can_be_repaired_too(
    hass: HomeAssistant, entry: Any, radarr: RadarrSimulator
) -> None:
    result = await begin(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    assert issue(hass) is None
    result = await go_on(hass, result)
    assert result["next_flow"][0] == "config_subentries_flow"
    await hass.config_entries.async_setup(entry.entry_id)


async def test_a_hub_that_was_removed(hass: HomeAssistant, entry: Any) -> None:
    result = await begin(hass)
    await hass.config_entries.async_remove(entry.entry_id)
    result = await go_on(hass, result)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "backend_removed")
