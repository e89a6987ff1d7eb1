"""Leaving: what was set aside is put back, and a database that is damaged or left behind is dealt with."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import sqlite3
from typing import Any
from unittest.mock import AsyncMock

from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.sokoul import farewell, store
from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.notify_people import PHONES_KEY
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from tests.autopilot.stack import reversible

from .conftest import HUB_ID, QBITTORRENT_ID, RADARR_ID, PassTime, SetUp, qbittorrent_subentry, servarr_subentry
from .flows import Result, form, step
from .healing import MINUTE, Lost, wait
from .test_healing import Stuck


@pytest.fixture(autouse=True)
async def _repairs(hass: HomeAssistant, _integration: None) -> None:
    assert await async_setup_component(hass, REPAIRS, {})


@pytest.fixture
async def replaced(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> Stuck:
    """Let a stalled download be replaced: it is in quarantine."""
    stuck = Stuck(qbittorrent, radarr)
    await stuck.begin()
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    kernel = entry.runtime_data.pilot.kernel
    patience = dict.fromkeys(("patience", "patience_when_rare", "last_copy_patience"), 3600.0)
    settings = kernel.settings.with_autonomy("stalled", Autonomy.ACT)
    kernel.change(settings.with_policy(kernel.rules["stalled"], patience))
    qbittorrent.change(stuck.hash, tags={"mine"})
    await pass_time(10 * MINUTE, 12)
    assert (stuck.torrent().category, stuck.torrent().stopped) == (QUARANTINE, True)
    return stuck


def as_it_was(stuck: Stuck) -> bool:
    torrent = stuck.torrent()
    return (torrent.category, torrent.stopped, torrent.tags) == ("radarr", False, {"mine"})


def issue(hass: HomeAssistant, issue_id: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


async def fix(hass: HomeAssistant, issue_id: str) -> Result:
    return await hass.data[REPAIRS]["flow_manager"].async_init(DOMAIN, context={"issue_id": issue_id})


async def go_on(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    return await hass.data[REPAIRS]["flow_manager"].async_configure(result["flow_id"], typed)


# --- disabling -------------------------------------------------------------------------------------------------------


async def test_disabling_puts_back_what_was_set_aside(hass: HomeAssistant, replaced: Stuck) -> None:
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    assert as_it_was(replaced)
    await hass.config_entries.async_set_disabled_by(HUB_ID, None)
    entry = hass.config_entries.async_get_known_entry(HUB_ID)
    assert entry.state is ConfigEntryState.LOADED
    (newest,) = await entry.runtime_data.pilot.kernel.journal.find(statuses=[EntryStatus.UNDONE])
    assert newest.result is not None
    assert (newest.result.key, newest.undo) == ("result.released", None)


async def test_disabling_puts_back_what_was_set_aside_when_something_was_taken_back(
    hass: HomeAssistant, replaced: Stuck
) -> None:
    """What was fetched instead, and set aside by an undo: it was stopped then, and nobody wants it to go on."""
    kernel = hass.config_entries.async_get_known_entry(HUB_ID).runtime_data.pilot.kernel
    (given_up,) = reversible(kernel)
    await kernel.write(replace(given_up, status=EntryStatus.UNDONE, undo={**(given_up.undo or {}), "ran": False}))
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    torrent = replaced.torrent()
    assert (torrent.category, torrent.stopped, torrent.tags) == ("radarr", True, {"mine"})


async def test_a_reload_leaves_it_where_it_is(hass: HomeAssistant, replaced: Stuck) -> None:
    await hass.config_entries.async_reload(HUB_ID)
    assert replaced.torrent().category == QUARANTINE


async def test_what_somebody_put_back_is_left_as_it_is(hass: HomeAssistant, replaced: Stuck) -> None:
    replaced.qbittorrent.change(replaced.hash, category="elsewhere", tags=set())
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    assert (replaced.torrent().category, replaced.torrent().stopped) == ("elsewhere", True)


async def test_a_client_that_is_away_is_named_with_what_to_do(
    hass: HomeAssistant, replaced: Stuck, pass_time: PassTime, caplog: pytest.LogCaptureFixture
) -> None:
    await replaced.qbittorrent.refuse()
    await pass_time(MINUTE, 2)
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    assert "1 of the torrents that SOKOUL had set aside could not be put back, because of qBittorrent" in caplog.text
    assert f"give what has the tag {QUARANTINE} its category again" in caplog.text


async def test_a_client_that_hangs_holds_nobody_up(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other client has its turn meanwhile, and loses nothing. Time is real here: it is what this is about."""

    async def never(_hash: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(farewell, "RELEASE_PATIENCE", timedelta(milliseconds=30))
    now = dt_util.utcnow()
    target = {"key": "abc", "is_torrent": True, "finished": False, "have_bytes": 0, "wanted_by": []}
    entries = [
        JournalEntry(
            id=number,
            at=now,
            changed_at=now,
            rule="stalled",
            subject=f"{client}/abc",
            label=f"In {client}",
            act=ActKind.REPLACE,
            status=EntryStatus.DONE,
            reason=Reason(key="heal.failed"),
            parameters={"target": {**target, "client_id": client}},
            undo={"hash": "abc"},
        )
        for number, client in enumerate(("hangs", "works"), 1)
    ]
    grabbed = replace(entries[0], id=3, act=ActKind.GRAB, parameters={"tries": []})  # nothing was set aside for it
    journal, hands = AsyncMock(), {"hangs": AsyncMock(), "works": AsyncMock()}
    journal.find.side_effect = [[grabbed, *entries], []]
    hands["hangs"].torrent.side_effect = never
    hands["works"].torrent.return_value = None
    await farewell.release_quarantine(journal, lambda client: (hands[client], client.title()), now)
    assert "because of Hangs (it took too long)" in caplog.text
    assert "Works" not in caplog.text
    assert [call.args[0].id for call in journal.change.await_args_list] == [2]


async def test_phones_forget_what_nobody_will_answer(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    phone: list[ServiceCall] = async_mock_service(hass, "notify", "mobile_app_ada")
    lost = Lost(qbittorrent, radarr)
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    pilot._hub.memory.set(PHONES_KEY, ["mobile_app_ada"])
    await wait(pass_time)
    assert len(phone) == 1
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    assert phone[-1].data["message"] == "clear_notification"


# --- removing --------------------------------------------------------------------------------------------------------


async def test_removing_puts_back_and_asks_about_the_history(
    hass: HomeAssistant, replaced: Stuck, database: Path
) -> None:
    await hass.config_entries.async_remove(HUB_ID)
    assert as_it_was(replaced)
    found = issue(hass, "left_behind")
    assert found is not None
    assert (found.is_fixable, found.is_persistent) == (True, False)
    assert found.translation_placeholders == {"path": str(database)}
    result = await fix(hass, "left_behind")
    assert (result["type"], result["menu_options"]) == (FlowResultType.MENU, ["keep", "delete"])
    result = await go_on(hass, result, next_step_id="delete")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert not database.exists()
    assert issue(hass, "left_behind") is None


async def test_the_question_can_be_answered_where_sokoul_was_not_loaded(hass: HomeAssistant, database: Path) -> None:
    database.write_bytes(b"")
    disabled = ConfigEntryDisabler.USER
    MockConfigEntry(domain=DOMAIN, title="SOKOUL", entry_id=HUB_ID, disabled_by=disabled).add_to_hass(hass)
    assert DOMAIN not in hass.config.components
    await hass.config_entries.async_remove(HUB_ID)
    await hass.async_block_till_done()
    result = await fix(hass, "left_behind")
    assert (result["type"], result["menu_options"]) == (FlowResultType.MENU, ["keep", "delete"])
    result = await go_on(hass, result, next_step_id="delete")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert not database.exists()


async def test_the_history_can_stay(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    await set_up()
    await hass.config_entries.async_remove(HUB_ID)
    result = await go_on(hass, await fix(hass, "left_behind"), next_step_id="keep")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert database.exists()


async def test_a_new_entry_takes_the_question_back(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    await set_up()
    await hass.config_entries.async_remove(HUB_ID)
    result = await fix(hass, "left_behind")
    entry = await set_up()
    assert issue(hass, "left_behind") is None
    result = await go_on(hass, result, next_step_id="delete")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "in_use")
    assert database.exists()
    assert entry.runtime_data.pilot.running


async def test_a_file_that_can_not_be_deleted(
    hass: HomeAssistant, set_up: SetUp, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up()
    await hass.config_entries.async_remove(HUB_ID)
    result = await fix(hass, "left_behind")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("read-only")

    monkeypatch.setattr(Path, "unlink", refuse)
    result = await go_on(hass, result, next_step_id="delete")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_deleted")
    assert result["description_placeholders"] == {"detail": "read-only"}


async def test_without_a_database_there_is_nothing_to_ask(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    entry = await set_up()
    await hass.config_entries.async_unload(entry.entry_id)
    database.unlink()
    await hass.config_entries.async_remove(HUB_ID)
    assert issue(hass, "left_behind") is None


async def test_a_damaged_database_does_not_hold_up_the_removal(
    hass: HomeAssistant, set_up: SetUp, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.write_bytes(b"this is no database" * 100)
    await set_up()
    await hass.config_entries.async_remove(HUB_ID)
    assert "Whether SOKOUL had set something aside is not known" in caplog.text
    assert issue(hass, "left_behind") is not None
    assert issue(hass, "database") is None


async def test_removing_one_client_puts_back_what_is_there(hass: HomeAssistant, replaced: Stuck) -> None:
    entry = hass.config_entries.async_get_known_entry(HUB_ID)
    hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert as_it_was(replaced)


async def test_removing_an_arr_leaves_the_client_alone(hass: HomeAssistant, replaced: Stuck) -> None:
    entry = hass.config_entries.async_get_known_entry(HUB_ID)
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert replaced.torrent().category == QUARANTINE


async def test_a_client_that_was_removed_before_is_told(
    hass: HomeAssistant, replaced: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    entry = hass.config_entries.async_get_known_entry(HUB_ID)
    await replaced.qbittorrent.refuse()
    hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "because of qBittorrent" in caplog.text
    await hass.config_entries.async_remove(HUB_ID)
    assert "because of a client that was removed before (it did not answer)" in caplog.text


async def test_a_store_that_fails_is_told(
    hass: HomeAssistant, replaced: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    pilot = hass.config_entries.async_get_known_entry(HUB_ID).runtime_data.pilot
    await pilot.store.close()
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    assert "because its database does not work" in caplog.text


# --- a damaged database ----------------------------------------------------------------------------------------------


async def test_a_damaged_database_is_set_aside(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    database.write_bytes(b"this is no database" * 100)
    entry = await set_up()
    found = issue(hass, "database")
    assert found is not None
    assert (found.translation_key, found.is_fixable) == ("database_damaged", True)
    result = await fix(hass, "database")
    assert step(result) == form("confirm")
    assert result["description_placeholders"] == {"path": str(database)}
    result = await go_on(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.runtime_data.pilot.running
    assert issue(hass, "database") is None
    (kept,) = [path for path in database.parent.glob(f"{database.name}.damaged-*") if path.suffix[-3:] != "shm"]
    assert kept.read_bytes().startswith(b"this is no database")
    state = hass.states.get("select.sokoul_most_that_rules_may_do")
    assert state is not None
    assert state.state == "act", "its entities are back"
    await hass.config_entries.async_reload(HUB_ID)
    assert entry.runtime_data.pilot.running


async def test_a_database_of_a_newer_version_is_left_alone(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    entry = await set_up()
    await hass.config_entries.async_unload(entry.entry_id)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    await hass.config_entries.async_setup(entry.entry_id)
    found = issue(hass, "database")
    assert found is not None
    assert (found.translation_key, found.is_fixable) == ("database_other", False)
    assert set(found.translation_placeholders or {}) == {"path", "detail"}
    await hass.config_entries.async_unload(entry.entry_id)
    assert issue(hass, "database") is None, "nobody looks any more"
    await hass.config_entries.async_setup(entry.entry_id)


async def test_what_works_again_needs_no_repair(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    database.write_bytes(b"this is no database" * 100)
    entry = await set_up()
    first = await fix(hass, "database")
    second = await fix(hass, "database")
    await go_on(hass, first)
    pilot = entry.runtime_data.pilot
    assert pilot.running
    opened = pilot.store
    result = await go_on(hass, second)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert pilot.store is opened, "a second repair throws nothing away"


async def test_a_file_that_can_not_be_moved(
    hass: HomeAssistant, set_up: SetUp, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write_bytes(b"this is no database" * 100)
    await set_up()
    result = await fix(hass, "database")

    async def refuse(*_: Any, **__: Any) -> None:
        raise OSError("read-only")

    monkeypatch.setattr(store, "set_aside", refuse)
    result = await go_on(hass, result)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_moved")
    assert issue(hass, "database") is not None


async def test_a_new_database_that_can_not_be_opened_either(
    hass: HomeAssistant, set_up: SetUp, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write_bytes(b"this is no database" * 100)
    await set_up()
    result = await fix(hass, "database")

    async def refuse(*_: Any, **__: Any) -> None:
        raise store.StoreError("no way")

    monkeypatch.setattr(store, "open_store", refuse)
    result = await go_on(hass, result)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "still_damaged")


async def test_a_hub_that_is_not_loaded_can_not_be_repaired(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    database.write_bytes(b"this is no database" * 100)
    entry = await set_up()
    result = await fix(hass, "database")
    await hass.config_entries.async_unload(entry.entry_id)
    result = await go_on(hass, result)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")
