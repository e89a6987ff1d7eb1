"""Choosing where the history of healing is kept, on a real PostgreSQL; and a database that can't be opened."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
import json
from pathlib import Path
import sqlite3
from typing import Any
from unittest.mock import patch

from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.requirements import RequirementsNotFound
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul import history
from custom_components.sokoul.autopilot.target import Target
from custom_components.sokoul.autopilot.turns import Turns
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.diagnostics import async_get_config_entry_diagnostics
from custom_components.sokoul.history import CONF_DATABASE_URL, RETRY_FIRST
from custom_components.sokoul.model.journal import ActKind, EntryStatus
from custom_components.sokoul.pilot import ISSUE, Pilot
from custom_components.sokoul.store import Full, Limits, StoreError, open_store, opening
from devstack.ports import free_port
from devstack.qbittorrent import QbittorrentSimulator
from tests.store.make import entry as row
from tests.store.servers import Postgresql, running_postgresql

from .conftest import QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry
from .flows import Result, form, step, suggested

LABEL = "Sintel (2010)"


@pytest.fixture(scope="module")
def _server() -> Iterator[Postgresql | None]:
    with running_postgresql() as server:
        yield server


@pytest.fixture
async def server(request: pytest.FixtureRequest, socket_enabled: None) -> Postgresql:
    """Run a PostgreSQL with a user that has a password."""
    found: Postgresql | None = request.getfixturevalue("_server")
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    await found.empty()
    return found


@pytest.fixture
async def entry(set_up: SetUp, qbittorrent: QbittorrentSimulator) -> MockConfigEntry:
    """Set up with the built-in file, which has a row."""
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await pilot(entry).kernel.write(row(label=LABEL, parameters={"target": _TARGET}))
    return entry


_TARGET = Target(key="0123", client_id=QBITTORRENT_ID, is_torrent=True, finished=False, have_bytes=0).as_json()


def pilot(entry: MockConfigEntry) -> Pilot:
    found: Pilot = entry.runtime_data.pilot
    return found


async def labels(entry: MockConfigEntry) -> list[str]:
    assert pilot(entry).running
    return [each.label for each in await pilot(entry).kernel.journal.find()]


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> Result:
    """Open the form."""
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(flow["flow_id"], {"next_step_id": "database"})
    assert step(result) == form("database")
    return result


async def choose(hass: HomeAssistant, entry: MockConfigEntry, **typed: Any) -> Result:
    """Open the form and send it, and wait for what that leads to."""
    result = await begin(hass, entry)
    result = await hass.config_entries.options.async_configure(result["flow_id"], typed)
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)


# --- going over ------------------------------------------------------------------------------------------------------


@pytest.mark.real
async def test_the_history_moves_there_and_back(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, database: Path
) -> None:
    client = entry.runtime_data.backends[QBITTORRENT_ID].client
    result = await choose(hass, entry, kind="postgresql", url=f" {server.url} ", copy=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {CONF_DATABASE_URL: server.url}
    assert await labels(entry) == [LABEL]
    assert (pilot(entry).opened, database.exists()) == (server.url, False)
    assert database.with_name("sokoul.db.copied").exists(), "it is kept"
    assert entry.runtime_data.backends[QBITTORRENT_ID].client is client, "nothing but healing began anew"

    result = await choose(hass, entry, kind="file", copy=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (entry.options, pilot(entry).opened) == ({}, database)
    assert await labels(entry) == [LABEL]


@pytest.mark.real
async def test_a_database_with_a_history_goes_on_with_it(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, database: Path
) -> None:
    theirs = await open_store(server.url)
    await theirs.journal.add(row(label="Theirs", parameters={"target": _TARGET}))
    await theirs.close()
    result = await choose(hass, entry, kind="postgresql", url=server.url, copy=True)
    assert result["errors"] == {"copy": "database_not_empty"}
    assert (await labels(entry), entry.options) == ([LABEL], {}), "it goes on as before"
    again = {"kind": "postgresql", "url": server.url, "copy": False}
    await hass.config_entries.options.async_configure(result["flow_id"], again)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await labels(entry) == ["Theirs"]
    assert database.exists()


@pytest.mark.real
async def test_an_address_is_kept_without_being_shown(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql
) -> None:
    await choose(hass, entry, kind="postgresql", url=server.url, copy=False)
    assert suggested(await begin(hass, entry)) == {"kind": "postgresql"}
    opened = pilot(entry).store
    result = await choose(hass, entry, kind="postgresql", copy=True)
    assert (result["type"], entry.options) == (FlowResultType.CREATE_ENTRY, {CONF_DATABASE_URL: server.url})
    assert pilot(entry).store is opened, "nothing changed"


async def test_the_file_stays_the_file(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    opened = pilot(entry).store
    assert (await choose(hass, entry, kind="file", copy=True))["type"] is FlowResultType.CREATE_ENTRY
    assert pilot(entry).store is opened


async def test_a_file_that_can_not_be_renamed_is_copied_nevertheless(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(Path, "replace", side_effect=PermissionError("no")):
        await choose(hass, entry, kind="postgresql", url=server.url, copy=True)
    assert await labels(entry) == [LABEL]
    assert "could not be renamed" in caplog.text


# --- what is tried before it is saved --------------------------------------------------------------------------------


async def test_an_address_is_needed(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await choose(hass, entry, kind="postgresql", copy=True)
    assert result["errors"] == {"url": "database_address_missing"}
    assert suggested(result) == {"kind": "postgresql", "copy": True}


async def test_an_address_of_something_else(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await choose(hass, entry, kind="postgresql", url="mysql://me:secret@host/x", copy=True)
    assert result["errors"] == {"url": "database_address"}
    assert "secret" not in result["description_placeholders"]["detail"]


async def test_nobody_answers_there(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    url = f"postgresql://me:secret@127.0.0.1:{free_port()}/sokoul"
    result = await choose(hass, entry, kind="postgresql", url=url, copy=True)
    assert result["errors"] == {"url": "database_unreachable"}
    assert await labels(entry) == [LABEL]
    assert entry.options == {}


@pytest.mark.real
async def test_a_server_that_refuses(hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql) -> None:
    nobody = server.url.replace("postgres@", "nobody:secret@")
    result = await choose(hass, entry, kind="postgresql", url=nobody, copy=True)
    assert result["errors"] == {"url": "database_access"}
    assert "secret" not in result["description_placeholders"]["detail"]
    nowhere = server.url.removesuffix("postgres") + "nowhere"
    result = await choose(hass, entry, kind="postgresql", url=nowhere, copy=True)
    assert result["errors"] == {"url": "database_unreachable"}


@pytest.mark.real
async def test_a_server_that_is_too_old(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OLDEST_POSTGRESQL", (99,))
    result = await choose(hass, entry, kind="postgresql", url=server.url, copy=True)
    assert result["errors"] == {"url": "database_too_old"}


@pytest.mark.real
async def test_tables_of_a_newer_version(hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql) -> None:
    await (await open_store(server.url)).close()
    async with server.connected() as connection:
        await connection.execute("UPDATE schema_version SET version = 99")
    result = await choose(hass, entry, kind="postgresql", url=server.url, copy=False)
    assert result["errors"] == {"kind": "database_newer"}


async def test_no_driver(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    with patch.object(history, "async_process_requirements", side_effect=RequirementsNotFound(DOMAIN, ["x"])) as asked:
        result = await choose(hass, entry, kind="postgresql", url="postgresql://a@127.0.0.1/b", copy=True)
    assert result["errors"] == {"kind": "database_no_driver"}
    asked.assert_awaited_once_with(hass, DOMAIN, ["asyncpg>=0.31"], is_built_in=False)


@pytest.mark.parametrize("error", [StoreError("odd"), Full("no room")])
async def test_anything_else(hass: HomeAssistant, entry: MockConfigEntry, error: StoreError) -> None:
    with patch.object(history, "open_history", side_effect=error):
        result = await choose(hass, entry, kind="postgresql", url="postgresql://a@127.0.0.1/b", copy=True)
    assert result["errors"] == {"kind": "database_failed"}
    assert result["description_placeholders"]["detail"] == str(error)


@pytest.mark.real
async def test_what_can_not_be_read_is_not_taken_along(
    hass: HomeAssistant, set_up: SetUp, server: Postgresql, database: Path
) -> None:
    database.write_bytes(b"this is no database" * 100)
    entry = await set_up()
    assert issue(hass) is not None
    result = await choose(hass, entry, kind="postgresql", url=server.url, copy=True)
    assert result["errors"] == {"copy": "database_not_copied"}
    result = await choose(hass, entry, kind="postgresql", url=server.url, copy=False)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (pilot(entry).running, issue(hass)) == (True, None)


# --- a secret --------------------------------------------------------------------------------------------------------


@pytest.mark.real
async def test_the_address_is_told_to_nobody(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.url.replace("postgres@", "postgres:correct%20horse@")
    await choose(hass, entry, kind="postgresql", url=url, copy=True)
    assert await labels(entry) == [LABEL]
    told = json.dumps(await async_get_config_entry_diagnostics(hass, entry), default=str)
    server.stop()
    try:
        await pilot(entry).change_database()
        await hass.async_block_till_done(wait_background_tasks=True)
        told += json.dumps(await async_get_config_entry_diagnostics(hass, entry), default=str)
        found = issue(hass)
        assert found is not None
        told += caplog.text + str(found.translation_placeholders)
    finally:
        server.start()
    assert "PostgreSQL" in told
    for secret in (url, "correct%20horse", "correct horse"):
        assert secret not in told


# --- a database that is away -----------------------------------------------------------------------------------------


@pytest.mark.real
async def test_a_server_that_is_away_is_waited_for(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, pass_time: PassTime
) -> None:
    await choose(hass, entry, kind="postgresql", url=server.url, copy=True)
    await hass.config_entries.async_unload(entry.entry_id)
    server.stop()
    try:
        began = asyncio.get_running_loop().time()
        assert await hass.config_entries.async_setup(entry.entry_id)
        assert asyncio.get_running_loop().time() - began < 2, "nobody waits for it"
        await hass.async_block_till_done(wait_background_tasks=True)
        found = issue(hass)
        assert found is not None
        assert (found.translation_key, found.is_fixable) == ("database_server", False)
        assert not pilot(entry).running
        assert entry.runtime_data.backends[QBITTORRENT_ID].answering, "everything else goes on"
        await pass_time(RETRY_FIRST)
        assert not pilot(entry).running
    finally:
        server.start()
    await pass_time(RETRY_FIRST)
    assert not pilot(entry).running, "the second pause is longer"
    await pass_time(RETRY_FIRST)
    assert await labels(entry) == [LABEL]
    assert issue(hass) is None


async def test_a_locked_file_is_waited_for(
    hass: HomeAssistant, set_up: SetUp, database: Path, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pilot, "limits", Limits(lock=timedelta(milliseconds=50)))
    with sqlite3.connect(database, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        entry = await set_up()
        found = issue(hass)
        assert found is not None
        assert (found.translation_key, found.is_fixable) == ("database_other", False)
        holder.execute("ROLLBACK")
    holder.close()
    await pass_time(RETRY_FIRST)
    assert (pilot(entry).running, issue(hass)) == (True, None)


async def test_what_will_not_pass_is_not_tried_again(
    hass: HomeAssistant, set_up: SetUp, database: Path, pass_time: PassTime
) -> None:
    database.write_bytes(b"this is no database" * 100)
    entry = await set_up()
    database.unlink()
    await pass_time(RETRY_FIRST, 3)
    assert not pilot(entry).running


async def test_pauses_grow_and_have_an_end(hass: HomeAssistant, set_up: SetUp, pass_time: PassTime) -> None:
    tries: list[Any] = []
    retry = history.Retry(hass, lambda: tries.append(dt_util.utcnow()))
    pauses = []
    for _ in range(9):
        begun = dt_util.utcnow()
        retry.later()
        while not tries:
            await pass_time(RETRY_FIRST)
        pauses.append((tries.pop() - begun) / RETRY_FIRST)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    retry.later()
    retry.cancel()
    await pass_time(timedelta(hours=2))
    assert not tries
    retry.reset()
    retry.later()
    await pass_time(RETRY_FIRST)
    assert len(tries) == 1


# --- a database that fails while it is used --------------------------------------------------------------------------

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def busy(pass_time: PassTime, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Let each turn write something down. Returns a list of the turns that were begun."""
    del pass_time, entry  # set up in the time that passes, and before turns are watched
    turns: list[None] = []

    async def take(self: Turns, *arguments: Any) -> Any:
        turns.append(None)
        await self._kernel.write(row(label="Turn", act=ActKind.TELL, status=EntryStatus.OBSERVED, parameters={}))
        return await original(self, *arguments)

    original = Turns.take
    monkeypatch.setattr(Turns, "take", take)
    return turns


@pytest.mark.usefixtures("busy")
async def test_a_file_that_another_program_holds_meanwhile_is_told_and_waited_for(
    hass: HomeAssistant,
    set_up: SetUp,
    entry: MockConfigEntry,
    database: Path,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Pilot, "limits", replace(Pilot.limits, lock=timedelta(milliseconds=50)))
    await pilot(entry).change_database()
    opened = pilot(entry).store
    with sqlite3.connect(database, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        await pass_time(MINUTE)
        found = issue(hass)
        assert found is not None
        assert (found.translation_key, found.is_fixable) == ("database_failing", False)
        assert "database is locked" in (found.translation_placeholders or {})["detail"]
        await pass_time(MINUTE, 5)
        assert caplog.text.count("The autopilot's database does not work") == 1, "that it goes on is no news"
        holder.execute("ROLLBACK")
    holder.close()
    await pass_time(MINUTE, 2)
    assert (issue(hass), pilot(entry).store is opened) == (None, True)
    assert LABEL in await labels(entry)


async def test_no_turn_is_had_while_nothing_can_be_written(
    hass: HomeAssistant,
    busy: list[None],
    entry: MockConfigEntry,
    database: Path,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Pilot, "limits", replace(Pilot.limits, lock=timedelta(milliseconds=50)))
    await pilot(entry).change_database()
    with sqlite3.connect(database, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        await pass_time(MINUTE)
        assert issue(hass) is not None
        busy.clear()
        await pass_time(MINUTE, 5)
        assert busy == []
        holder.execute("ROLLBACK")
    holder.close()
    await pass_time(MINUTE, 2)
    assert len(busy) > 0


@pytest.mark.usefixtures("busy")
async def test_a_file_that_gets_damaged_meanwhile_is_set_aside(
    hass: HomeAssistant, entry: MockConfigEntry, database: Path, pass_time: PassTime
) -> None:
    assert await async_setup_component(hass, REPAIRS, {})
    opened = pilot(entry).store
    assert opened is not None
    await opened.flush()
    await opened._database._engine.dispose()  # else SQLite has no reason to read again what it knows
    content = database.read_bytes()
    database.write_bytes(content[:4096] + bytes(len(content) - 4096))
    await pass_time(MINUTE)
    found = issue(hass)
    assert found is not None
    assert (found.translation_key, found.is_fixable) == ("database_damaged", True)
    assert not pilot(entry).running
    flows = hass.data[REPAIRS]["flow_manager"]
    result = await flows.async_init(DOMAIN, context={"issue_id": ISSUE})
    result = await flows.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (pilot(entry).running, issue(hass)) == (True, None)
    assert LABEL not in await labels(entry), "it began anew, without a restart"


async def test_a_file_that_somebody_changed_meanwhile_is_read_again(
    hass: HomeAssistant, pass_time: PassTime, entry: MockConfigEntry, database: Path
) -> None:
    await pass_time(MINUTE)
    kernel = pilot(entry).kernel
    asked = row(status=EntryStatus.SUGGESTED, act=ActKind.REPLACE, parameters={"target": _TARGET})
    await kernel.write(replace(asked, at=dt_util.utcnow()))
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM journal WHERE status = 'suggested'")
    connection.close()
    await pass_time(timedelta(minutes=5), 2)
    assert pilot(entry).running
    assert pilot(entry).kernel is not kernel
    assert pilot(entry).kernel.suggestions == ()
    assert issue(hass) is None
    assert await labels(entry) == [LABEL]


@pytest.mark.real
@pytest.mark.usefixtures("busy")
async def test_a_server_that_goes_away_meanwhile_is_told_and_waited_for(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, pass_time: PassTime
) -> None:
    await choose(hass, entry, kind="postgresql", url=server.url, copy=True)
    opened = pilot(entry).store
    server.stop()
    try:
        await pass_time(MINUTE)
        found = issue(hass)
        assert found is not None
        assert found.translation_key == "database_failing"
    finally:
        server.start()
    await pass_time(MINUTE, 2)
    assert (issue(hass), pilot(entry).store is opened) == (None, True)
    assert LABEL in await labels(entry)


# --- leaving ---------------------------------------------------------------------------------------------------------


async def test_leaving_while_a_silent_server_is_asked(hass: HomeAssistant, set_up: SetUp) -> None:
    """It takes the connection and says nothing."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(listen, "127.0.0.1", free_port())
    port = listening.sockets[0].getsockname()[1]
    entry = await set_up()
    hass.config_entries.async_update_entry(entry, options={CONF_DATABASE_URL: f"postgresql://a@127.0.0.1:{port}/b"})
    for _ in range(100):
        await asyncio.sleep(0)
    assert not pilot(entry).running
    assert await hass.config_entries.async_unload(entry.entry_id)
    listening.close()


@pytest.mark.real
async def test_removing_the_hub_reads_what_a_server_has(
    hass: HomeAssistant, entry: MockConfigEntry, server: Postgresql, caplog: pytest.LogCaptureFixture
) -> None:
    assert await async_setup_component(hass, REPAIRS, {})
    url = server.url.replace("postgres@", "postgres:correct%20horse@")
    await choose(hass, entry, kind="postgresql", url=url, copy=True)
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert ir.async_get(hass).async_get_issue(DOMAIN, "left_behind") is None, "there is no file to delete"
    assert "is not known" not in caplog.text
    found = ir.async_get(hass).async_get_issue(DOMAIN, "left_on_server")
    assert found is not None
    assert "horse" not in f"{found.data}{found.translation_placeholders}{caplog.text}"
    flows = hass.data[REPAIRS]["flow_manager"]
    result = await flows.async_init(DOMAIN, context={"issue_id": "left_on_server"})
    assert (result["type"], result["menu_options"]) == (FlowResultType.MENU, ["keep", "delete"])
    result = await flows.async_configure(result["flow_id"], {"next_step_id": "delete"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    async with server.connected() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert tables == []


async def test_removing_the_hub_while_its_server_is_away(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://me:secret@127.0.0.1:{free_port()}/sokoul"
    hass.config_entries.async_update_entry(entry, options={CONF_DATABASE_URL: url})
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.config_entries.async_remove(entry.entry_id)
    assert "Whether SOKOUL had set something aside is not known" in caplog.text
    assert "secret" not in caplog.text
