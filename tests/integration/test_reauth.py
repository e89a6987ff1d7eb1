"""Credentials that are refused: one form after the other until all work again."""

from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.sokoul import reauth
from devstack.frame import FaultKind
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
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)
from .flows import Result, asked_for, fields, form, reauth_form, step, submit, submit_backend, suggested

NEW = "a new password"
CORE_ISSUE = ("homeassistant", f"config_entry_reauth_sokoul_{HUB_ID}")


async def look(hass: HomeAssistant, entry: Any, *backends: str) -> None:
    """Poll backends, one after the other."""
    for each in backends:
        await entry.runtime_data.backends[each].async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)


async def answer(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    answered = await submit(hass, result, **typed)
    await hass.async_block_till_done(wait_background_tasks=True)
    return answered


async def test_a_changed_password(hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.access.password = NEW
    qbittorrent.restart()
    await look(hass, entry, QBITTORRENT_ID)
    assert asked_for(hass) == ["qBittorrent"]
    assert ir.async_get(hass).async_get_issue(*CORE_ISSUE) is not None

    result = reauth_form(hass)
    assert (step(result), fields(result)) == (form("reauth_confirm"), ["username", "password", "api_key"])
    assert suggested(result) == {"username": USERNAME}
    assert PASSWORD not in str(result)
    placeholders = result["description_placeholders"]
    assert (placeholders["backend"], placeholders["url"]) == ("qBittorrent", qbittorrent.url)

    result = await answer(hass, result, username=USERNAME, password="another")
    assert result["errors"] == {"password": "invalid_auth"}
    result = await answer(hass, result)
    assert result["errors"] == {"username": "login_needed"}
    qbittorrent.fault(FaultKind.HTML)  # the address is not asked for here, so the error has no field
    result = await answer(hass, result, username=USERNAME, password=NEW)
    assert result["errors"] == {"base": "not_the_api"}
    qbittorrent.clear_faults()
    result = await answer(hass, result, username=USERNAME, password=NEW)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")

    assert entry.subentries[QBITTORRENT_ID].data["connection"]["password"] == NEW
    assert entry.runtime_data.backends[QBITTORRENT_ID].last_update_success
    assert asked_for(hass) == []
    assert ir.async_get(hass).async_get_issue(*CORE_ISSUE) is None


async def test_a_key_may_take_the_place_of_a_password(
    hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.access.password = NEW
    qbittorrent.restart()
    await look(hass, entry, QBITTORRENT_ID)
    key = qbittorrent.access.rotate_key()
    await answer(hass, reauth_form(hass), api_key=key)
    connection = entry.subentries[QBITTORRENT_ID].data["connection"]
    assert connection == {"url": qbittorrent.url, "verify_ssl": True, "api_key": key}
    assert entry.runtime_data.backends[QBITTORRENT_ID].last_update_success


async def test_the_same_credentials_may_work_again(hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator) -> None:
    """Somebody put the old key back; nothing changes here, and the backend is looked at nevertheless."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    key, radarr.api_key = radarr.api_key, "else"
    await look(hass, entry, RADARR_ID)
    radarr.api_key = key
    result = await answer(hass, reauth_form(hass), api_key=key)
    assert result["reason"] == "reauth_successful"
    assert entry.runtime_data.backends[RADARR_ID].last_update_success


async def test_the_same_password_may_work_again(
    hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator
) -> None:
    """A client never sends a refused login again, so it takes a new one."""
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.access.password = NEW
    qbittorrent.restart()
    await look(hass, entry, QBITTORRENT_ID)
    qbittorrent.access.password = PASSWORD
    result = await answer(hass, reauth_form(hass), username=USERNAME, password=PASSWORD)
    assert result["reason"] == "reauth_successful"
    assert entry.runtime_data.backends[QBITTORRENT_ID].answering
    assert hass.states.is_state("binary_sensor.qbittorrent_connection", "on")
    assert asked_for(hass) == []


async def test_the_same_password_may_work_again_in_the_backends_own_form(
    hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.access.password = NEW
    qbittorrent.restart()
    await look(hass, entry, QBITTORRENT_ID)
    qbittorrent.access.password = PASSWORD
    await reconfigure(hass, entry, QBITTORRENT_ID, url=qbittorrent.url, username=USERNAME, verify_ssl=True)
    assert entry.runtime_data.backends[QBITTORRENT_ID].answering
    assert asked_for(hass) == []


async def test_two_at_once_are_asked_for_one_after_the_other(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    radarr.api_key, sonarr.api_key = "radarr's new one", "sonarr's new one"
    await look(hass, entry, RADARR_ID, SONARR_ID)
    assert asked_for(hass) == ["Radarr"]

    result = await answer(hass, reauth_form(hass), api_key="radarr's new one")
    assert step(result) == form("reauth_confirm")
    assert result["description_placeholders"]["backend"] == "Sonarr"
    assert suggested(result) == {}
    assert asked_for(hass) == ["Sonarr"]
    assert entry.runtime_data.backends[RADARR_ID].last_update_success

    result = await answer(hass, result, api_key="sonarr's new one")
    assert result["reason"] == "reauth_successful"
    assert all(backend.last_update_success for backend in entry.runtime_data.backends.values())


async def test_nobody_is_asked_for_the_credentials_of_a_backend_that_is_gone(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    reauth.start(hass, entry, RADARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked_for(hass) == []


async def test_a_backend_that_was_removed_meanwhile(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    radarr.api_key = sonarr.api_key = "else"
    await look(hass, entry, RADARR_ID, SONARR_ID)
    assert asked_for(hass) == ["Radarr"]
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked_for(hass) == ["Sonarr"]
    hass.config_entries.async_remove_subentry(entry, SONARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked_for(hass) == []


async def test_a_refusal_that_comes_after_the_removal_asks_nobody(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    backend = entry.runtime_data.backends[RADARR_ID]
    radarr.api_key = sonarr.api_key = "else"
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await backend.async_refresh()  # the hub has not heard of the removal yet
    assert not reauth.is_asking(hass, entry, RADARR_ID)
    await look(hass, entry, SONARR_ID)
    assert reauth.is_asking(hass, entry, SONARR_ID)
    assert asked_for(hass) == ["Sonarr"]


async def test_a_backend_that_was_removed_while_nobody_looked(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.api_key = "else"
    await look(hass, entry, RADARR_ID)
    result = reauth_form(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    result = await submit(hass, result, api_key="else")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "backend_removed")
    await hass.config_entries.async_setup(entry.entry_id)


@pytest.mark.parametrize("data", [{}, {"subentry_id": "gone"}])
async def test_nobody_to_ask_for(hass: HomeAssistant, set_up: SetUp, data: dict[str, str]) -> None:
    entry = await set_up()
    result = await entry.start_reauth_flow(hass, data=data)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "backend_removed")


# --- credentials that are changed elsewhere --------------------------------------------------------------------------


async def reconfigure(hass: HomeAssistant, entry: Any, subentry_id: str, **typed: Any) -> None:
    result = await entry.start_subentry_reconfigure_flow(hass, subentry_id)
    result = await submit_backend(hass, result, **typed)
    assert result["reason"] == "reconfigure_successful"


async def test_the_backends_own_form_ends_the_question(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.api_key = "the new one"
    await look(hass, entry, RADARR_ID)
    await reconfigure(hass, entry, RADARR_ID, url=radarr.url, api_key="the new one")
    assert asked_for(hass) == []
    assert ir.async_get(hass).async_get_issue(*CORE_ISSUE) is None
    assert entry.runtime_data.backends[RADARR_ID].last_update_success


async def test_credentials_that_work_again_end_the_question(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator
) -> None:
    """Somebody put the old key back, and nobody has to type it."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    key, radarr.api_key = radarr.api_key, "else"
    await look(hass, entry, RADARR_ID)
    assert asked_for(hass) == ["Radarr"]
    radarr.api_key = key
    await look(hass, entry, RADARR_ID)
    assert asked_for(hass) == []
    assert ir.async_get(hass).async_get_issue(*CORE_ISSUE) is None


async def test_another_backends_form_ends_nothing(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    radarr.api_key = "the new one"
    await look(hass, entry, RADARR_ID)
    await reconfigure(hass, entry, SONARR_ID, url=sonarr.url, verify_ssl=False)
    assert asked_for(hass) == ["Radarr"]


async def test_then_the_next_one_is_asked_for(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(sonarr, SONARR_ID))
    radarr.api_key, sonarr.api_key = "radarr's new one", "sonarr's new one"
    await look(hass, entry, RADARR_ID, SONARR_ID)
    await reconfigure(hass, entry, RADARR_ID, url=radarr.url, api_key="radarr's new one")
    assert asked_for(hass) == ["Sonarr"]
    await answer(hass, reauth_form(hass), api_key="sonarr's new one")
    assert entry.runtime_data.backends[SONARR_ID].last_update_success


async def test_a_ban_is_no_question_for_credentials(
    hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator
) -> None:
    """Other credentials would not help: the address is refused whatever it sends."""
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    qbittorrent.engine.preferences["web_ui_max_auth_fail_count"] = 1
    assert qbittorrent.access.log_in("127.0.0.1", USERNAME, "a guess") is False
    qbittorrent.restart()
    await look(hass, entry, QBITTORRENT_ID)
    assert not entry.runtime_data.backends[QBITTORRENT_ID].last_update_success
    assert asked_for(hass) == []
    assert reauth.refused(entry, ()) is None


async def test_a_hub_that_is_not_loaded_refuses_nothing(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences={"push": False, "push_url": ""}))
    await hass.config_entries.async_unload(entry.entry_id)
    assert reauth.refused(entry, ()) is None
    requests = len(radarr.requests)
    await reconfigure(hass, entry, RADARR_ID, url=radarr.url)  # tried once, by the form
    assert len(radarr.requests) == requests + 1
    subentry: ConfigSubentry = entry.subentries[RADARR_ID]
    assert subentry.data["connection"]["api_key"] == radarr.api_key
    await hass.config_entries.async_setup(entry.entry_id)
