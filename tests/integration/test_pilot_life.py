"""The autopilot's life in Home Assistant: how it begins while a database makes it wait, and that it really ends."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import sqlite3
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.sokoul import pilot as pilot_module, store
from custom_components.sokoul.autopilot.settings import Caps, PilotSettings
from custom_components.sokoul.backup import async_post_backup, async_pre_backup
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.history import CONF_DATABASE_URL, RETRY_FIRST
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus
from custom_components.sokoul.pilot import ISSUE, ISSUE_SETTINGS, JOURNAL_KEPT, SETTINGS_KEY, Pilot
from custom_components.sokoul.store import Limits
from tests.store.make import entry as row

from .conftest import PassTime, SetUp, until

ELSEWHERE = "postgresql://a@127.0.0.1:1/b"
MOMENT = 0.05


def pilot(entry: MockConfigEntry) -> Pilot:
    found: Pilot = entry.runtime_data.pilot
    return found


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)


# --- the end ---------------------------------------------------------------------------------------------------------


class Server:
    """A database elsewhere that answers when the test lets it: with a history, or with an error."""

    def __init__(self, path: Path, open_history: Callable[..., Any]) -> None:
        self.path, self._open = path, open_history
        self.answers = asyncio.Event()
        self.error: store.StoreError | None = None
        self.asked = 0

    async def open(self, hass: HomeAssistant, where: Any, **options: Any) -> store.Store:
        if where != ELSEWHERE:
            return await self._open(hass, where, **options)
        self.asked += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return await self._open(hass, self.path, **options)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "elsewhere.db", pilot_module.open_history)
    with patch.object(pilot_module, "open_history", server.open):
        yield server


@pytest.mark.parametrize("error", [None, store.Unreachable("it is away")])
async def test_an_opening_that_ends_while_the_entry_is_unloaded_brings_nothing_to_life(
    hass: HomeAssistant, set_up: SetUp, server: Server, error: store.StoreError | None
) -> None:
    entry = await set_up()
    ended = pilot(entry)
    hass.config_entries.async_update_entry(entry, options={CONF_DATABASE_URL: ELSEWHERE})
    await until(lambda: server.asked)
    server.error = error
    hass.loop.call_later(MOMENT, server.answers.set)
    assert await hass.config_entries.async_unload(entry.entry_id)
    server.error = None
    async_fire_time_changed(hass, dt_util.utcnow() + RETRY_FIRST * 1.1)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (server.asked, ended.running, issue(hass)) == (1, False, None)
    assert ended._leave == [], "nobody listens"


async def test_a_backup_does_not_hold_up_the_end(hass: HomeAssistant, set_up: SetUp, database: Path) -> None:
    entry = await set_up()
    pilot(entry).kernel._store.keep("client/0123", {"seen": 1})
    await async_pre_backup(hass)
    async with asyncio.timeout(10):
        assert await hass.config_entries.async_unload(entry.entry_id)
    await async_post_backup(hass)
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT memory FROM memory WHERE subject = 'client/0123'").fetchall() != []
    connection.close()


# --- the beginning ---------------------------------------------------------------------------------------------------


async def test_a_locked_file_does_not_hold_up_the_start(
    hass: HomeAssistant, set_up: SetUp, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pilot, "limits", Limits(lock=timedelta(seconds=30)))
    with sqlite3.connect(database, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        began = hass.loop.time()
        entry = await set_up(settle=False)
        assert hass.loop.time() - began < 2
        assert not pilot(entry).running
        holder.execute("ROLLBACK")
    holder.close()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert pilot(entry).running


# --- while it lasts --------------------------------------------------------------------------------------------------


async def test_what_is_long_over_leaves_the_journal_every_day(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    del hass
    monkeypatch.setattr(pilot_module, "JOURNAL_ROWS", 1)
    entry = await set_up()
    kernel = pilot(entry).kernel
    now = dt_util.utcnow()
    for days in (0, 1, 3):
        at = now - JOURNAL_KEPT + timedelta(days=days)
        told = row(label=f"{days}", act=ActKind.TELL, status=EntryStatus.DONE, at=at, changed_at=at)
        await kernel.journal.add(told)
    await pass_time(timedelta(hours=6), 6)
    assert [each.label for each in await kernel.journal.find()] == ["3"]


# --- settings that can't be read -------------------------------------------------------------------------------------

STORED = {
    "ceiling": "suggest",
    "autonomy": {"stalled": "act", "slow": "at will"},
    "policies": {"stalled": {"patience": -1, "last_copy_patience": 7200.0}, "slow": "fast"},
    "caps": {"acts_an_hour": -1, "searches_an_hour": 2},
    "labels": ["mine", 3],
    "protected": ["abc"],
}


async def test_one_setting_that_can_not_be_read_costs_no_other(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    entry.runtime_data.memory.set(SETTINGS_KEY, STORED)
    await hass.config_entries.async_reload(entry.entry_id)
    kernel = pilot(entry).kernel
    settings, stalled = kernel.settings, kernel.rules["stalled"]
    assert (settings.ceiling, settings.autonomy) == (Autonomy.SUGGEST, {"stalled": Autonomy.ACT})
    assert (settings.labels, settings.protected) == ({"mine"}, {"abc"})
    assert (settings.caps.acts_an_hour, settings.caps.searches_an_hour) == (Caps().acts_an_hour, 2)
    assert settings.policy(stalled) == replace(stalled.policy(), last_copy_patience=timedelta(hours=2))
    found = ir.async_get(hass).async_get_issue(DOMAIN, ISSUE_SETTINGS)
    assert found is not None
    assert found.translation_placeholders == {
        "names": "autonomy.slow, policies.stalled.patience, policies.slow, caps.acts_an_hour, labels"
    }
    kernel.change(settings.with_autonomy("slow", Autonomy.OFF))
    assert ir.async_get(hass).async_get_issue(DOMAIN, ISSUE_SETTINGS) is None, "all that is stored can be read again"


@pytest.mark.parametrize("stored", [{"ceiling": "at will"}, {"ceiling": ["act"]}, "nonsense", None, []])
async def test_nothing_is_done_under_a_ceiling_that_can_not_be_read(
    hass: HomeAssistant, set_up: SetUp, stored: Any
) -> None:
    entry = await set_up()
    entry.runtime_data.memory.set(SETTINGS_KEY, stored)
    await hass.config_entries.async_reload(entry.entry_id)
    assert pilot(entry).kernel.settings == PilotSettings(ceiling=Autonomy.OBSERVE)
    await hass.config_entries.async_unload(entry.entry_id)
    assert ir.async_get(hass).async_get_issue(DOMAIN, ISSUE_SETTINGS) is None
