"""The database is looked after at night, and by an action; what goes wrong is said."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sqlite3
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_fire_time_changed

from custom_components.sokoul.calls import Action
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.history import CONF_DATABASE_URL
from custom_components.sokoul.housekeeping import (
    COPIES,
    ISSUE_COPY,
    PRUNE_EVERY,
    SETTINGS_KEY,
    Housekeeping,
    HousekeepingSettings,
)
from custom_components.sokoul.model.debrid_mirror import DebridAttempt
from custom_components.sokoul.pilot import ISSUE
from custom_components.sokoul.store.maintenance import Maintenance, Room
from devstack.qbittorrent import QbittorrentSimulator
from tests.store.make import entry as row

from .conftest import SetUp, qbittorrent_subentry
from .flows import fields, form, step

#: A Monday.
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NIGHT = timedelta(hours=3, minutes=40)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """Have copies in a folder that nobody else uses."""
    path = tmp_path / COPIES
    with patch.object(Housekeeping, "folder", path):
        yield path


@pytest.fixture
async def hub(
    hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator, freezer: FrozenDateTimeFactory
) -> Any:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to(MONDAY - timedelta(days=6))
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    entry.runtime_data.pilot.store.maintenance._spare_bytes = 0
    return entry.runtime_data


async def at(hass: HomeAssistant, freezer: FrozenDateTimeFactory, moment: datetime) -> None:
    freezer.move_to(moment)
    async_fire_time_changed(hass, moment)
    await hass.async_block_till_done(wait_background_tasks=True)


async def maintain(hass: HomeAssistant, what: str, context: Context | None = None, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(
        DOMAIN, Action.STORE_MAINTAIN, {"what": what, **data}, blocking=True, return_response=True, context=context
    )
    assert isinstance(answer, dict)
    return answer


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def issue(hass: HomeAssistant, name: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, name)


# --- at night --------------------------------------------------------------------------------------------------------


async def test_every_night_a_copy_is_made_and_the_newest_stay(
    hass: HomeAssistant, hub: Any, folder: Path, freezer: FrozenDateTimeFactory
) -> None:
    await hub.pilot.kernel.write(row(label="Sintel"))
    hub.housekeeping.change(HousekeepingSettings(copies=2))
    for day in (19, 20, 21):
        await at(hass, freezer, datetime(2026, 11, day, tzinfo=UTC) + NIGHT)
    assert names(folder) == ["sokoul-20261120T034000Z.db", "sokoul-20261121T034000Z.db"]
    with closing(sqlite3.connect(folder / names(folder)[-1])) as connection:
        assert connection.execute("SELECT label FROM journal").fetchall() == [("Sintel",)]
    hub.housekeeping.change(HousekeepingSettings(copies=0))
    await at(hass, freezer, datetime(2026, 11, 22, tzinfo=UTC) + NIGHT)
    assert len(names(folder)) == 2, "none is made, and none is removed"


async def test_once_a_week_it_is_checked_and_written_anew_where_that_pays(
    hass: HomeAssistant, hub: Any, freezer: FrozenDateTimeFactory
) -> None:
    done: list[str] = []

    async def checked(_self: Maintenance) -> None:
        done.append("check")

    async def smaller(_self: Maintenance) -> Room:
        done.append("compact")
        return Room(size=1, waste=0)

    async def room(_self: Maintenance) -> Room:
        return rooms[-1]

    rooms = [Room(size=1 << 30, waste=1)]
    with (
        patch.object(Maintenance, "check", checked),
        patch.object(Maintenance, "compact", smaller),
        patch.object(Maintenance, "room", room),
        patch.object(Housekeeping, "_copy"),
    ):
        for day in range(7):
            await at(hass, freezer, MONDAY + timedelta(days=day) + NIGHT)
        assert done == ["check"]
        rooms.append(Room(size=1 << 30, waste=1 << 29))
        await at(hass, freezer, MONDAY + timedelta(days=7) + NIGHT)
        assert done == ["check", "check", "compact"]
        hub.housekeeping.change(HousekeepingSettings(weekly=False))
        await at(hass, freezer, MONDAY + timedelta(days=14) + NIGHT)
        assert len(done) == 3


async def test_what_is_old_is_deleted_every_six_hours(
    hass: HomeAssistant, hub: Any, freezer: FrozenDateTimeFactory
) -> None:
    now = dt_util.utcnow()
    attempts = [
        DebridAttempt(hash="0" * 40, torrent_id="A", at=now - timedelta(days=days), act="x", outcome="done")
        for days in (1, 31)
    ]
    await hub.pilot.store.debrid_history.note_attempts("one", attempts)
    await at(hass, freezer, now + PRUNE_EVERY)
    assert [each.at for each in await hub.pilot.store.debrid_history.attempts("one")] == [attempts[0].at]


async def test_a_copy_that_fails_is_said_until_one_does_not(
    hass: HomeAssistant, hub: Any, folder: Path, freezer: FrozenDateTimeFactory
) -> None:
    hub.pilot.store.maintenance._spare_bytes = 1 << 60
    await at(hass, freezer, MONDAY - timedelta(days=5) + NIGHT)
    found = issue(hass, ISSUE_COPY)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["path"] == str(folder)
    assert "are needed" in found.translation_placeholders["detail"]
    assert not names(folder)
    hub.pilot.store.maintenance._spare_bytes = 0
    await at(hass, freezer, MONDAY - timedelta(days=4) + NIGHT)
    assert issue(hass, ISSUE_COPY) is None
    assert len(names(folder)) == 1


async def test_damage_is_said_and_no_copy_of_it_is_made(
    hass: HomeAssistant, hub: Any, folder: Path, freezer: FrozenDateTimeFactory
) -> None:
    await _harm(hub)
    await at(hass, freezer, MONDAY + NIGHT)
    assert issue(hass, ISSUE) is not None
    assert not hub.pilot.running
    assert not names(folder)


async def _harm(hub: Any) -> None:
    """Let an index be of something else than it says."""
    await hub.pilot.kernel.write(row(label="Sintel"))
    await hub.pilot.store.hold()
    with closing(sqlite3.connect(hub.pilot.path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        other = "CREATE INDEX journal_subject ON journal (label, id)"
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'journal_subject'", (other,))
        connection.commit()
    hub.pilot.store.release()
    await hub.pilot.store.maintenance._database._engine.dispose()


# --- by an action ----------------------------------------------------------------------------------------------------


async def test_the_action_checks_copies_and_makes_it_smaller(hass: HomeAssistant, hub: Any, folder: Path) -> None:
    checked = await maintain(hass, "check")
    assert checked["what"] == "check"
    assert checked["size_bytes"] > 0
    copied = await maintain(hass, "copy")
    assert [copied["path"]] == [str(path) for path in folder.iterdir()]
    smaller = await maintain(hass, "compact")
    assert smaller["size_bytes"] <= smaller["size_before_bytes"]
    assert smaller["waste_bytes"] == 0


async def test_beginning_anew_is_confirmed_and_keeps_the_old_file(hass: HomeAssistant, hub: Any) -> None:
    await hub.pilot.kernel.write(row(label="Sintel"))
    with pytest.raises(ServiceValidationError, match="not confirmed"):
        await maintain(hass, "rebuild")
    told = await maintain(hass, "rebuild", confirm=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hub.pilot.running
    assert await hub.pilot.kernel.journal.find() == []
    with closing(sqlite3.connect(told["path"])) as connection:
        assert connection.execute("SELECT label FROM journal").fetchall() == [("Sintel",)]


async def test_what_goes_wrong_is_the_answer(hass: HomeAssistant, hub: Any) -> None:
    hub.pilot.store.maintenance._spare_bytes = 1 << 60
    with pytest.raises(HomeAssistantError, match="are needed"):
        await maintain(hass, "copy")
    await _harm(hub)
    with pytest.raises(HomeAssistantError, match="malformed"):
        await maintain(hass, "check")
    await hass.async_block_till_done(wait_background_tasks=True)
    with pytest.raises(HomeAssistantError, match="off"):
        await maintain(hass, "check")


async def test_only_administrators_may(hass: HomeAssistant, hub: Any, hass_read_only_user: MockUser) -> None:
    with pytest.raises(Unauthorized):
        await maintain(hass, "check", Context(user_id=hass_read_only_user.id))


# --- settings --------------------------------------------------------------------------------------------------------


async def test_what_is_chosen_counts_at_once(hass: HomeAssistant, hub: Any) -> None:
    options = hass.config_entries.options
    flow = await options.async_init(hub.entry.entry_id)
    result = await options.async_configure(flow["flow_id"], {"next_step_id": "housekeeping"})
    assert step(result) == form("housekeeping")
    assert fields(result) == ["copies", "weekly"]
    result = await options.async_configure(flow["flow_id"], {"copies": 7, "weekly": False})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert hub.housekeeping.settings == HousekeepingSettings(copies=7, weekly=False)


async def test_a_server_is_left_to_its_own_tools(hass: HomeAssistant, hub: Any) -> None:
    hass.config_entries.async_update_entry(hub.entry, options={CONF_DATABASE_URL: "postgresql://u:p@127.0.0.1:1/x"})
    options = hass.config_entries.options
    flow = await options.async_init(hub.entry.entry_id)
    result = await options.async_configure(flow["flow_id"], {"next_step_id": "housekeeping"})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "store_on_server")


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({}, HousekeepingSettings()),
        ("nonsense", HousekeepingSettings()),
        ({"copies": -1, "weekly": "no"}, HousekeepingSettings(copies=0)),
        ({"copies": 10**9}, HousekeepingSettings(copies=30)),
        ({"copies": True, "weekly": False}, HousekeepingSettings(weekly=False)),
    ],
)
async def test_settings_that_make_no_sense_are_at_their_defaults(
    hub: Any, stored: Any, read: HousekeepingSettings
) -> None:
    hub.memory.set(SETTINGS_KEY, stored)
    assert hub.housekeeping.settings == read
