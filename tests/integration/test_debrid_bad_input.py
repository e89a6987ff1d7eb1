"""Actions of Real-Debrid accounts that are given what makes no sense, or what they may not have."""

import base64
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import orjson
import pytest
import voluptuous as vol

from custom_components.sokoul.calls import readable
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.real_debrid import RealDebridSimulator

from .conftest import SetUp
from .debrid_scene import account
from .test_debrid_mirror import rd_manager


@pytest.fixture
async def debrid(hass: HomeAssistant, clock: ManualClock, set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> Any:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        await set_up(account())
        yield simulator


async def ask(hass: HomeAssistant, action: Action, **data: Any) -> Any:
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)


@pytest.mark.parametrize("value", [2**63, 2**64 - 1, 10**30, 1.5, True, None, "text", []])
async def test_a_cursor_of_no_list_is_refused(hass: HomeAssistant, debrid: RealDebridSimulator, value: Any) -> None:
    text = orjson.dumps(["added", value, "a"]) if value != 10**30 else b'["added",1%s,"a"]' % (b"0" * 30)
    with pytest.raises(ServiceValidationError, match="cursor"):
        await ask(hass, Action.DEBRID_LIST, cursor=base64.urlsafe_b64encode(text).decode())


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0])
async def test_a_cursor_may_be_any_number_that_a_database_holds(
    hass: HomeAssistant, debrid: RealDebridSimulator, value: int
) -> None:
    cursor = base64.urlsafe_b64encode(orjson.dumps(["added", value, "a"])).decode()
    assert (await ask(hass, Action.DEBRID_LIST, cursor=cursor))["torrents"] == []


@pytest.mark.parametrize("limit", [0, -1, 100_001, 10**30, "many"])
async def test_a_synchronisation_reads_so_many_details_and_no_more(
    hass: HomeAssistant, debrid: RealDebridSimulator, limit: Any
) -> None:
    with pytest.raises(vol.Invalid):
        await ask(hass, Action.DEBRID_SYNC, mode="details", limit=limit)


async def test_files_of_the_configuration_folder_may_be_read(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder itself: what is below it may be anybody's, and links may lead anywhere."""
    home, elsewhere = tmp_path / "config", tmp_path / "elsewhere"
    (home / "below").mkdir(parents=True)
    elsewhere.mkdir()
    monkeypatch.setattr(hass.config, "config_dir", str(home))
    monkeypatch.setattr(hass.config, "allowlist_external_dirs", {str(tmp_path / "media")})
    (home / "to elsewhere.db").symlink_to(elsewhere / "history.db")
    (elsewhere / "history.db").touch()
    (elsewhere / "to home.db").symlink_to(home / "history.db")
    for path in (home / "history.db", elsewhere / "to home.db", tmp_path / "media" / "history.db"):
        (tmp_path / "media").mkdir(exist_ok=True)
        assert await readable(hass, str(path)) == path
    for path in (
        elsewhere / "history.db",
        home / "below" / "history.db",
        home / "to elsewhere.db",
        home / ".." / "elsewhere" / "history.db",
    ):
        with pytest.raises(ServiceValidationError, match="path_not_allowed"):
            await readable(hass, str(path))
    with pytest.raises(ServiceValidationError, match="path_not_allowed"):
        await readable(hass, "\0")


async def test_a_history_in_the_configuration_folder_is_imported(
    hass: HomeAssistant, debrid: RealDebridSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the example of the action has it, without anything being allowed before."""
    await hass.async_add_executor_job(rd_manager, tmp_path / "rd_manager.db", "ID", "ab" * 20)
    monkeypatch.setattr(hass.config, "config_dir", str(tmp_path))
    told = await ask(hass, Action.DEBRID_IMPORT, path=str(tmp_path / "rd_manager.db"))
    assert (told["source"], told["attempts"]) == ("rdtm", 1)
