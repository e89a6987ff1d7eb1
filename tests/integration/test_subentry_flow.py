"""Adding a backend to the hub, changing it, removing it; the others never notice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul import subentry_flow
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.connectors import discovery
from custom_components.sokoul.connectors.base import Identity
from custom_components.sokoul.connectors.registry import CONNECTORS
from custom_components.sokoul.const import DOMAIN
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import (
    HUB_ID,
    PASSWORD,
    QBITTORRENT_ID,
    RADARR_ID,
    SONARR_ID,
    USERNAME,
    Names,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)
from .flows import add_backend, by_title, fields, form, step, submit_backend, suggested

KEY = "0123456789abcdef0123456789abcdef"
ARR_FIELDS = ["url", "api_key", "verify_ssl", "push", "push_url"]


# --- what has no address ---------------------------------------------------------------------------------------------


@pytest.fixture
def account(radarr: RadarrSimulator, monkeypatch: pytest.MonkeyPatch) -> MockConfigEntry:
    """Let one kind of backend be an account at a service: always at the same place, and told apart by its owner."""

    async def identify(client: Any) -> Identity:
        status = await client.status()
        return Identity(version=status.version, own_id=owners[radarr.api_key])

    owners = {radarr.api_key: "ann", KEY: "ben"}
    service = replace(
        CONNECTORS["radarr"],
        default_port=None,
        sniff=None,
        pushes=False,
        connect=lambda hass, connection: RadarrClient(
            async_get_clientsession(hass), radarr.url, connection.api_key, timeout_seconds=1
        ),
        identify=identify,
    )
    monkeypatch.setitem(CONNECTORS, "radarr", service)
    return MockConfigEntry(domain=DOMAIN, title="SOKOUL", entry_id=HUB_ID)


async def test_an_account_is_told_from_others_by_its_owner(
    hass: HomeAssistant, account: MockConfigEntry, radarr: RadarrSimulator
) -> None:
    account.add_to_hass(hass)
    result = await add_backend(hass, account, "radarr")
    assert fields(result) == ["api_key"]
    result = await submit_backend(hass, result, api_key="wrong")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit_backend(hass, result, api_key=radarr.api_key)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = account.subentries.values()
    assert subentry.unique_id == "radarr:ann"
    assert subentry.data == {"connection": {"api_key": radarr.api_key}, "preferences": {}}

    result = await submit_backend(hass, await add_backend(hass, account, "radarr"), api_key=radarr.api_key)
    assert (step(result), result["errors"]) == (form("user"), {"base": "already_configured"})
    radarr.api_key = KEY
    result = await submit_backend(hass, result, api_key=KEY)
    assert {each.unique_id for each in account.subentries.values()} == {"radarr:ann", "radarr:ben"}


async def test_an_account_can_be_changed(
    hass: HomeAssistant, account: MockConfigEntry, radarr: RadarrSimulator
) -> None:
    account.add_to_hass(hass)
    result = await submit_backend(hass, await add_backend(hass, account, "radarr"), api_key=radarr.api_key)
    (subentry,) = account.subentries.values()
    result = await account.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    assert fields(result) == ["api_key"]
    result = await submit_backend(hass, result)  # left empty it stays
    assert result["reason"] == "reconfigure_successful"
    radarr.api_key = KEY
    result = await account.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    result = await submit_backend(hass, result, api_key=KEY)
    assert result["reason"] == "reconfigure_successful"
    (subentry,) = account.subentries.values()
    assert subentry.unique_id == "radarr:ben"
    assert subentry.data["connection"] == {"api_key": KEY}


async def test_an_account_is_not_looked_for_on_a_host(
    hass: HomeAssistant, account: MockConfigEntry, radarr: RadarrSimulator
) -> None:
    radarr.requests.clear()
    with patch.object(discovery, "CONNECTORS", {"radarr": CONNECTORS["radarr"]}):
        assert await discovery.scan(hass, "127.0.0.1") == ()
    assert not await discovery.probe(hass, CONNECTORS["radarr"], radarr.url)
    assert radarr.requests == []


# --- adding ----------------------------------------------------------------------------------------------------------


async def test_adding_to_an_empty_hub(hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, "radarr")
    assert (step(result), fields(result), suggested(result)) == (form("user"), ARR_FIELDS, {})
    result = await submit_backend(hass, result, url=radarr.url, api_key=radarr.api_key)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.subentry_type, subentry.title) == ("radarr", "Radarr")
    assert subentry.unique_id == f"radarr:127.0.0.1:{radarr.port}"
    assert subentry.data == {
        "connection": {"url": radarr.url, "verify_ssl": True, "api_key": radarr.api_key},
        "preferences": {"push": False, "push_url": ""},
    }
    assert hass.states.get("binary_sensor.radarr_connection").state == "on"


async def test_adding_a_second_of_a_kind(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, clock: ManualClock
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    async with RadarrSimulator(clock=clock, api_key=KEY) as other:
        result = await add_backend(hass, entry, "radarr")
        await submit_backend(hass, result, url=other.url, api_key=KEY)
        assert by_title(entry).keys() == {"Radarr", "Radarr 2"}


async def test_adding_what_is_there_already(hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    result = await add_backend(hass, entry, "radarr")
    result = await submit_backend(hass, result, url=f"{radarr.url}/", api_key=radarr.api_key)
    assert (step(result), result["errors"]) == (form("user"), {"url": "already_configured"})
    assert by_title(entry).keys() == {"Radarr"}


async def test_an_arr_tells_of_its_download_client(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    result = await add_backend(hass, entry, "qbittorrent")
    assert fields(result) == ["url", "username", "password", "api_key", "verify_ssl"]
    assert suggested(result) == {"url": qbittorrent.url, "username": USERNAME}
    await submit_backend(hass, result, url=qbittorrent.url, username=USERNAME, password=PASSWORD)
    assert by_title(entry).keys() == {"Radarr", "qBittorrent"}
    # it is connected now
    assert suggested(await add_backend(hass, entry, "qbittorrent")) == {}


async def test_what_answers_is_suggested_before_what_does_not(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, names: Names
) -> None:
    radarr.add_qbittorrent("http://seedbox:8080", username="seed", name="Seedbox")
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert suggested(await add_backend(hass, entry, "qbittorrent"))["url"] == qbittorrent.url


async def test_a_form_does_not_wait_for_a_backend_that_hangs(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    radarr.add_qbittorrent("http://127.0.0.1:9")
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    monkeypatch.setattr(subentry_flow, "SUGGESTION_SECONDS", 0.02)
    radarr.fault(FaultKind.HANG)
    result = await add_backend(hass, entry, "qbittorrent")
    assert (step(result), suggested(result)) == (form("user"), {})
    radarr.clear_faults()


async def test_backends_that_are_away_are_not_asked(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator
) -> None:
    await radarr.refuse()
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    await radarr.accept()
    assert suggested(await add_backend(hass, entry, "qbittorrent")) == {}
    assert radarr.requests == []


async def test_a_hub_that_is_not_loaded_takes_backends_too(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    await hass.config_entries.async_unload(entry.entry_id)
    result = await add_backend(hass, entry, "sonarr")
    assert suggested(result) == {}
    await submit_backend(hass, result, url=sonarr.url, api_key=sonarr.api_key)
    assert by_title(entry).keys() == {"Radarr", "Sonarr"}
    await hass.config_entries.async_setup(entry.entry_id)


@pytest.mark.parametrize("kind", ["radarr", "prowlarr"])
async def test_a_relative_at_the_address(
    hass: HomeAssistant,
    set_up: SetUp,
    sonarr: SonarrSimulator,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    kind: str,
) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, kind)
    typed: dict[str, Any] = {"url": sonarr.url, "api_key": sonarr.api_key, "verify_ssl": True}
    result = await submit_backend(hass, result, **typed)
    assert (step(result), result["errors"]) == (form("user"), {"url": "wrong_application"})
    assert result["description_placeholders"]["found"] == "Sonarr"
    assert result["description_placeholders"]["name"] == CONNECTORS[kind].name
    assert suggested(result).items() >= typed.items()
    right = {"radarr": radarr, "prowlarr": prowlarr}[kind]
    await submit_backend(hass, result, url=right.url, api_key=right.api_key)
    assert by_title(entry).keys() == {CONNECTORS[kind].name}


async def test_qbittorrent_with_a_key(hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator) -> None:
    entry = await set_up()
    key = qbittorrent.access.rotate_key()
    result = await add_backend(hass, entry, "qbittorrent")
    result = await submit_backend(hass, result, url=qbittorrent.url, api_key="qbt_wrong")
    assert result["errors"] == {"api_key": "invalid_key"}
    await submit_backend(hass, result, url=qbittorrent.url, api_key=key)
    (subentry,) = entry.subentries.values()
    assert subentry.data["connection"] == {"url": qbittorrent.url, "verify_ssl": True, "api_key": key}


async def test_trying_leaves_no_session_behind(
    hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator
) -> None:
    await set_up()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await hass.config_entries.async_unload(entry.entry_id)
    result = await add_backend(hass, entry, "qbittorrent")
    await submit_backend(hass, result, url=qbittorrent.url, username=USERNAME, password=PASSWORD)
    assert qbittorrent.access._sessions == {}
    await hass.config_entries.async_setup(entry.entry_id)


# --- the webhook's address -------------------------------------------------------------------------------------------


async def test_the_own_address_for_webhooks(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subentry_flow, "own_url", lambda _: None)
    entry = await set_up()
    typed: dict[str, Any] = {"url": radarr.url, "api_key": radarr.api_key}
    result = await add_backend(hass, entry, "radarr")
    result = await submit_backend(hass, result, **typed, push=True)
    assert result["errors"] == {"push_url": "push_url_needed"}
    result = await submit_backend(hass, result, **typed, push=True, push_url="not an address")
    assert result["errors"] == {"push_url": "invalid_url"}
    assert suggested(result)["push_url"] == "not an address"
    # an error of the connection is told with it
    result = await submit_backend(hass, result, **{**typed, "api_key": "no"}, push=True, push_url="not an address")
    assert result["errors"] == {"push_url": "invalid_url", "api_key": "invalid_key"}
    await submit_backend(hass, result, **typed, push=True, push_url="127.0.0.1")
    (subentry,) = entry.subentries.values()
    assert subentry.data["preferences"] == {"push": True, "push_url": "http://127.0.0.1:8123"}


# --- changing --------------------------------------------------------------------------------------------------------


async def test_secrets_are_not_shown_and_stay_when_left_empty(
    hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    result = await entry.start_subentry_reconfigure_flow(hass, QBITTORRENT_ID)
    assert step(result) == form("reconfigure")
    assert suggested(result) == {"url": qbittorrent.url, "username": USERNAME, "verify_ssl": True}
    assert PASSWORD not in str(result)
    result = await submit_backend(hass, result, url=qbittorrent.url, username=USERNAME, verify_ssl=False)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    connection = entry.subentries[QBITTORRENT_ID].data["connection"]
    assert connection == {"url": qbittorrent.url, "username": USERNAME, "password": PASSWORD, "verify_ssl": False}

    result = await entry.start_subentry_reconfigure_flow(hass, RADARR_ID)
    assert suggested(result) == {"url": radarr.url, "verify_ssl": True}
    assert radarr.api_key not in str(result)
    await submit_backend(hass, result, url=radarr.url, push=True, push_url="http://127.0.0.1:8123/")
    subentry = entry.subentries[RADARR_ID]
    assert subentry.data["connection"]["api_key"] == radarr.api_key
    assert subentry.data["preferences"] == {"push": True, "push_url": "http://127.0.0.1:8123"}
    # and these are shown
    result = await entry.start_subentry_reconfigure_flow(hass, RADARR_ID)
    assert suggested(result)["push_url"] == "http://127.0.0.1:8123"


async def test_secrets_are_not_sent_to_another_host(
    hass: HomeAssistant, set_up: SetUp, names: Names, radarr: RadarrSimulator
) -> None:
    names.known |= {"nsa"}
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.requests.clear()
    result = await entry.start_subentry_reconfigure_flow(hass, RADARR_ID)
    result = await submit_backend(hass, result, url=f"http://nsa:{radarr.port}")
    assert result["errors"] == {"api_key": "secret_needed"}
    assert radarr.requests == []
    await submit_backend(hass, result, url=f"http://nsa:{radarr.port}", api_key=radarr.api_key)
    subentry = entry.subentries[RADARR_ID]
    assert subentry.data["connection"]["url"] == f"http://nsa:{radarr.port}"
    assert subentry.unique_id == f"radarr:nsa:{radarr.port}"


async def test_a_new_address_is_a_new_unique_id_that_nobody_may_have(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, clock: ManualClock
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    async with RadarrSimulator(clock=clock, api_key=KEY) as other:
        await submit_backend(hass, await add_backend(hass, entry, "radarr"), url=other.url, api_key=KEY)
        result = await entry.start_subentry_reconfigure_flow(hass, RADARR_ID)
        result = await submit_backend(hass, result, url=other.url, api_key=KEY)
        assert result["errors"] == {"url": "already_configured"}
        assert entry.subentries[RADARR_ID].data["connection"]["url"] == radarr.url
        # at its own address it may stay
        result = await submit_backend(hass, result, url=radarr.url)
        assert result["reason"] == "reconfigure_successful"


async def test_only_the_changed_backend_begins_anew(
    hass: HomeAssistant,
    set_up: SetUp,
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    qbittorrent: QbittorrentSimulator,
    clock: ManualClock,
) -> None:
    entry = await set_up(
        qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID)
    )
    before = dict(entry.runtime_data.backends)
    others = {each: before[each].client for each in (SONARR_ID, QBITTORRENT_ID)}
    registry: list[Event[Any]] = []
    hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, registry.append)
    states = {
        state.entity_id: state.last_changed for state in hass.states.async_all() if "radarr" not in state.entity_id
    }
    qbittorrent.requests.clear()
    sonarr.requests.clear()

    async with RadarrSimulator(clock=clock, api_key=KEY) as moved:
        result = await entry.start_subentry_reconfigure_flow(hass, RADARR_ID)
        await submit_backend(hass, result, url=moved.url, api_key=KEY)
        assert entry.state is ConfigEntryState.LOADED
        assert dict(entry.runtime_data.backends) == before
        assert before[RADARR_ID].connection.url == moved.url
        assert before[RADARR_ID].last_update_success
        assert any(seen.path == "/api/v3/queue" for seen in moved.requests)
        assert {each: before[each].client for each in others} == others
        assert (sonarr.requests, qbittorrent.requests) == ([], [])
        assert registry == []
        assert {entity_id: hass.states.get(entity_id).last_changed for entity_id in states} == states
        device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, RADARR_ID), entry.entry_id)
        assert device.configuration_url == moved.url

        # the others go on
        await before[SONARR_ID].async_refresh()
        assert before[SONARR_ID].last_update_success


async def test_a_backend_that_is_away_can_be_changed(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, clock: ManualClock
) -> None:
    await radarr.refuse()
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert hass.states.get("binary_sensor.radarr_connection").state == "off"
    result = await entry.start_subentry_reconfigure_flow(hass, RADARR_ID)
    result = await submit_backend(hass, result, url=radarr.url)
    assert result["errors"] == {"url": "refused"}
    async with RadarrSimulator(clock=clock, api_key=radarr.api_key) as moved:
        await submit_backend(hass, result, url=moved.url)
        assert hass.states.get("binary_sensor.radarr_connection").state == "on"


async def test_a_form_sent_without_a_change_looks_again(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator
) -> None:
    """The backend is back, and a person wants to see it now."""
    await radarr.refuse()
    preferences = {"push": False, "push_url": ""}
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences))
    await radarr.accept()
    result = await entry.start_subentry_reconfigure_flow(hass, RADARR_ID)
    await submit_backend(hass, result, url=radarr.url)
    assert hass.states.get("binary_sensor.radarr_connection").state == "on"


# --- removing --------------------------------------------------------------------------------------------------------


async def test_a_removed_backend_leaves_nothing_behind(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, sonarr: SonarrSimulator, pass_time: PassTime
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    issue = entry.runtime_data.backends[RADARR_ID].issue_id
    await radarr.refuse()
    await pass_time(timedelta(minutes=3), 3)
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is None
    assert entry.runtime_data.backends.keys() == {SONARR_ID}
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert RADARR_ID not in {device.config_subentry_id for device in devices}
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert {entity.config_subentry_id for entity in entities} == {None, SONARR_ID}
    assert not [state for state in hass.states.async_all() if "radarr" in state.entity_id]
    await radarr.accept()
    radarr.requests.clear()
    await pass_time(timedelta(minutes=3))
    assert radarr.requests == []
