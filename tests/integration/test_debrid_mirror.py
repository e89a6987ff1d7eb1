"""The mirror of a Real-Debrid account in Home Assistant: kept by itself, asked, cancelled, imported and cleared."""

import asyncio
from collections.abc import AsyncIterator
import csv
from dataclasses import replace
from datetime import timedelta
import html
import json
import os
from pathlib import Path
import sqlite3
from threading import Event
from typing import Any

from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import Context, CoreState, Event as BusEvent, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser, async_capture_events
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.sokoul import debrid_exports
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.exporting import ExportFile
from custom_components.sokoul.debrid_exports import EVENT_EXPORT, EXPORTS, KEPT
from custom_components.sokoul.debriding import (
    EVENT_SYNC,
    FIRST_PAUSE,
    INTERVAL,
    LIST_SOON,
    LONGEST_INTERVAL,
    NOTED,
    REMOVED_AFTER,
    AccountMirror,
)
from custom_components.sokoul.model.debrid import DebridTorrentInfo
from custom_components.sokoul.model.debrid_mirror import DebridAttempt, SyncMode, SyncOptions, SyncStatus
from custom_components.sokoul.services import Action
from custom_components.sokoul.store import StoreError
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from tests.store import torrents as stored

from .conftest import PassTime, SetUp, until

ID, OTHER = "01SOKOULREALDEBRID00000000", "01SOKOULREALDEBRID00000001"
OTHER_TOKEN = "ANOTHERPRIVATETOKEN2345672345672345672345672345672345"
LIST = "GET /rest/1.0/torrents"
#: few: while time stands still, no more requests go out than may go at once
COUNT = 18
STATUSES = ("downloaded", "downloaded", "downloaded", "error", "dead", "waiting_files_selection")


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        simulator.account.fill(COUNT, statuses=STATUSES, files=2)
        yield simulator


def account(subentry_id: str = ID, token: str = API_TOKEN, user: str = "1001") -> ConfigSubentryDataWithId:
    return ConfigSubentryDataWithId(
        subentry_id=subentry_id,
        subentry_type="real_debrid",
        title=f"Account {user}",
        unique_id=f"real_debrid:{user}",
        data={"connection": {"username": user, "api_key": token}, "preferences": {"requests_per_minute": 250}},
    )


def mirror(entry: Any, subentry_id: str = ID) -> AccountMirror:
    found: AccountMirror = entry.runtime_data.debriding.accounts[subentry_id]
    return found


async def ask(hass: HomeAssistant, action: Action, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    json.dumps(answer)
    return answer


def lists(debrid: RealDebridSimulator) -> int:
    """Return how many pages of the mirror's were asked for, and forget them."""
    found = [each for each in debrid.requests if each.path.endswith("/torrents") and ("limit", "5000") in each.query]
    debrid.requests.clear()
    return len(found)


def hang_after(debrid: RealDebridSimulator, count: int) -> None:
    """Answer for the details that are read first, and hang at all others: what failed comes first, and what is new."""
    torrents = sorted(debrid.account.torrents.values(), key=lambda each: each.added, reverse=True)
    torrents.sort(key=lambda each: each.status not in {"error", "dead"})
    for torrent in torrents[count:]:
        debrid.fault(FaultKind.HANG, f"GET /rest/1.0/torrents/info/{torrent.id}")


def read_details(of: AccountMirror, count: int) -> bool:
    """Tell whether a synchronisation has read so many details."""
    progress = of.sync.progress
    return progress is not None and progress.phase == "details" and progress.done >= count


# --- by itself -------------------------------------------------------------------------------------------------------


async def test_it_keeps_itself(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Soon after the start it is read; then every ten minutes, and seldomer while nothing changes."""
    events = async_capture_events(hass, EVENT_SYNC)
    entry = await set_up(account())
    assert lists(debrid) == 0, "others come first at the start"
    await pass_time(FIRST_PAUSE)
    assert lists(debrid) == 1
    found = await ask(hass, Action.DEBRID_LIST)
    assert (found["total"], len(found["torrents"])) == (COUNT, COUNT)
    assert [each.data["type"] for each in events] == ["started", "ended"]
    assert events[-1].data["summary"]["added"] == COUNT
    advice = events[-1].data["recommendations"]
    assert [each["key"] for each in advice] == ["failed", "waiting"]
    assert advice == (await ask(hass, Action.DEBRID_STATS))["recommendations"], "also who didn't wait is told"
    waited: list[timedelta] = []
    span = timedelta()
    for _ in range(40):
        await pass_time(timedelta(minutes=5))
        span += timedelta(minutes=5)
        if lists(debrid):
            waited.append(span)
            span = timedelta()
    assert waited[0] == INTERVAL
    assert waited == sorted(waited)
    assert LONGEST_INTERVAL in waited
    debrid.account.delete(next(iter(debrid.account.torrents)))
    await mirror(entry).synchronise(mirror(entry).last.mode)  # type: ignore[union-attr]
    lists(debrid)
    await pass_time(INTERVAL)
    assert lists(debrid) == 1, "something changed: it looks often again"


async def test_how_often_it_looks_can_be_set_and_reloads_nothing(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(account())
    await pass_time(FIRST_PAUSE)
    known = mirror(entry)
    lists(debrid)
    subentry = entry.subentries[ID]
    preferences = {**subentry.data["preferences"], "synchronise_minutes": 3}
    hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "preferences": preferences})
    await pass_time(timedelta(minutes=1), 2)
    assert (mirror(entry), lists(debrid)) == (known, 0)
    await pass_time(timedelta(minutes=1), 2)
    assert lists(debrid) == 1, "three minutes after it was set"
    preferences = {**preferences, "synchronise_minutes": 600}
    hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "preferences": preferences})
    await pass_time(timedelta(hours=2), 4)
    assert lists(debrid) == 0, "the hour is no limit to who wants it seldomer"
    await pass_time(timedelta(hours=2, minutes=5))
    assert lists(debrid) == 1


async def test_a_list_that_fails_again_and_again_is_asked_for_seldomer(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """The rest of the account answers meanwhile, so nothing else holds back."""
    second = timedelta(seconds=1)
    debrid.fault(FaultKind.STATUS, LIST, status=503)
    entry = await set_up(account())
    await pass_time(FIRST_PAUSE)
    assert lists(debrid) == 1
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        await pass_time(timedelta(minutes=minutes) - second)
        assert lists(debrid) == 0
        await pass_time(second)
        assert lists(debrid) == 1
    assert entry.runtime_data.backends[ID].answering
    debrid.clear_faults()
    await pass_time(timedelta(hours=1))
    assert (await ask(hass, Action.DEBRID_LIST))["total"] == COUNT
    debrid.fault(FaultKind.STATUS, LIST, status=503)
    debrid.requests.clear()
    await pass_time(INTERVAL)
    assert lists(debrid) == 1, "as often as ever once it was read"
    await pass_time(timedelta(minutes=1))
    assert lists(debrid) == 1, "another failure is the first one again"


@pytest.mark.usefixtures("debrid")
async def test_who_gets_on_is_not_held_back(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Details that are cut off now and then are read on a minute later, however often that happens."""
    await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    read, asked = RealDebridClient.torrent, 0

    async def cut_off(self: RealDebridClient, torrent_id: str, **more: Any) -> DebridTorrentInfo:
        nonlocal asked
        asked += 1
        if asked % 4 == 0:
            raise CannotConnect("the connection was cut")
        return await read(self, torrent_id, **more)

    monkeypatch.setattr(RealDebridClient, "torrent", cut_off)
    assert (await ask(hass, Action.DEBRID_SYNC, mode="details"))["status"] == "interrupted"
    before, cut = asked, 0
    while (await ask(hass, Action.DEBRID_STATS, compact=True))["coverage_percent"] < 100:
        await pass_time(timedelta(minutes=1))
        assert asked > before
        before, cut = asked, cut + 1
    assert cut >= 3


async def test_without_a_database_there_is_no_mirror(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    entry = await set_up(account())
    assert set(entry.runtime_data.debriding.accounts) == {ID}
    await entry.runtime_data.pilot.stop()
    await until(lambda: not entry.runtime_data.debriding.accounts)
    with pytest.raises(ServiceValidationError, match="no Real-Debrid account"):
        await ask(hass, Action.DEBRID_LIST)
    await entry.runtime_data.pilot.start()
    await until(lambda: entry.runtime_data.debriding.accounts)


async def test_an_account_that_is_removed_in_the_midst_of_it_is_an_outage(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    entry = await set_up(account())
    known, ended = mirror(entry), async_capture_events(hass, EVENT_SYNC)
    hass.config_entries.async_remove_subentry(entry, ID)
    await until(lambda: not entry.runtime_data.debriding.accounts)
    debrid.requests.clear()
    result = await known.synchronise(SyncMode.FULL)
    assert (result.run.status, lists(debrid)) == (SyncStatus.INTERRUPTED, 0)
    assert ended[-1].data["account"] == "Account 1001"


# --- what is in memory, and what is stored ---------------------------------------------------------------------------


def in_memory(of: AccountMirror) -> bool:
    return of.account in of.store._names._names


async def test_names_are_read_when_home_assistant_has_started(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    """A person may search before the list was looked at, and before Home Assistant is up."""
    entry = await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.set_state(CoreState.starting)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not in_memory(mirror(entry)), "others come first at the start"
    found = await ask(hass, Action.DEBRID_LIST, search="some title")
    assert found["total"] == COUNT
    lists(debrid)
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert in_memory(mirror(entry))
    assert await ask(hass, Action.DEBRID_LIST, search="some title") == found
    assert lists(debrid) == 0


async def test_an_account_that_goes_before_the_start_is_over_reads_nothing(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    hass.set_state(CoreState.starting)
    entry = await set_up(account())
    known = mirror(entry)
    await known.stop()
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not in_memory(known)


async def test_what_is_stored_of_a_removed_account_is_deleted(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(account(), account(OTHER, OTHER_TOKEN, "1002"))
    await pass_time(FIRST_PAUSE)
    store = mirror(entry).store
    assert await stored.accounts_in(store) == {ID, OTHER}
    await pass_time(2 * REMOVED_AFTER)
    assert await stored.accounts_in(store) == {ID, OTHER}
    hass.config_entries.async_remove_subentry(entry, ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await store.mirror.count(ID) == COUNT, "what was at work with it may still be ending"
    await pass_time(REMOVED_AFTER)
    assert await stored.accounts_in(store) == {OTHER}


async def test_what_was_removed_while_nobody_looked_is_deleted_also_after_a_failure(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(account(), account(OTHER, OTHER_TOKEN, "1002"))
    await pass_time(FIRST_PAUSE)
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_remove_subentry(entry, ID)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    store = mirror(entry, OTHER).store

    async def full(*_: Any) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store.mirror, "remove", full)
        await pass_time(REMOVED_AFTER)
    said = "What is stored of a removed Real-Debrid account could not be deleted: the disk is full"
    assert caplog.messages.count(said) == 1
    assert await store.mirror.count(ID) == COUNT
    await pass_time(LONGEST_INTERVAL)
    assert await stored.accounts_in(store) == {OTHER}
    assert caplog.messages.count(said) == 1


async def test_what_was_never_an_account_of_this_installation_stays(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Another Home Assistant may use the database, or an earlier one did: its history can't be read again."""
    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(account(), account(OTHER, OTHER_TOKEN, "1002"))
    await pass_time(FIRST_PAUSE)
    store = mirror(entry).store
    await store.mirror.apply("stranger", [stored.torrent()], dt_util.utcnow())
    hass.config_entries.async_remove_subentry(entry, ID)
    await pass_time(REMOVED_AFTER)
    assert await stored.accounts_in(store) == {OTHER, "stranger"}


async def test_deleting_what_is_stored_ends_with_everything_else(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(account(), account(OTHER, OTHER_TOKEN, "1002"))
    await pass_time(FIRST_PAUSE)
    hass.config_entries.async_remove_subentry(entry, ID)
    store, begun = mirror(entry, OTHER).store, asyncio.Event()

    async def endless(_: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(store.mirror, "remove", endless)
        await pass_time(REMOVED_AFTER, settle=False)
        await begun.wait()
        assert await hass.config_entries.async_unload(entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await stored.accounts_in(mirror(entry, OTHER).store) == {ID, OTHER}
    await pass_time(REMOVED_AFTER)
    assert await stored.accounts_in(mirror(entry, OTHER).store) == {OTHER}
    assert "could not be deleted" not in caplog.text


async def test_what_a_restart_cut_off_goes_on(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    hang_after(debrid, 8)
    running = mirror(entry).begin(SyncMode.FULL, SyncOptions())

    def under_way() -> bool:
        progress = mirror(entry).sync.progress
        return progress is not None and progress.phase == "details" and progress.done >= 5

    await until(under_way)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await asyncio.wait({running})
    debrid.clear_faults()
    await pass_time(timedelta(minutes=1))  # and the budget is a whole one again
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    debrid.requests.clear()
    await pass_time(FIRST_PAUSE)
    read = [each.path.rpartition("/")[2] for each in debrid.requests if "/info/" in each.path]
    assert 0 < len(read) < COUNT
    assert lists(debrid) == 0, "the list was read before"
    stats = await ask(hass, Action.DEBRID_STATS, compact=True)
    assert stats["coverage_percent"] == 100.0


async def test_the_list_is_looked_at_while_details_are_read(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of a large account take hours: what fails meanwhile is seen, and repairs take stock of it."""
    entry = await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    known, repairs = mirror(entry), entry.runtime_data.debrid_repairs.account(ID)
    await pass_time(INTERVAL)
    newest = sorted(debrid.account.torrents.values(), key=lambda each: each.added)[-6:]
    told = {each.id for each in debrid.account.torrents.values() if each.status in {"error", "dead"}} | {
        each.id for each in newest
    }
    details = RealDebridClient.torrent

    async def waiting(self: RealDebridClient, torrent_id: str, **more: Any) -> DebridTorrentInfo:
        """Let the others wait for their turn for ever: that is no request that could take too long."""
        if torrent_id not in told:
            await asyncio.Event().wait()
        return await details(self, torrent_id, **more)

    monkeypatch.setattr(RealDebridClient, "torrent", waiting)
    whole = known.begin(SyncMode.FULL, SyncOptions())
    await until(lambda: read_details(known, 3))
    there = [each for each in debrid.account.torrents.values() if each.status == "downloaded"]
    failing = max(there, key=lambda each: each.added)  # whose details are told
    assert failing.hash not in {each.hash for each in repairs.repairer.repairs}
    debrid.account.turn(failing, "dead")
    debrid.requests.clear()
    events = async_capture_events(hass, EVENT_SYNC)
    began_at = known.checked_at
    await pass_time(INTERVAL, 2, settle=False)
    await until(lambda: any(each.data["type"] == "ended" for each in events))
    assert lists(debrid) == 1
    await pass_time(timedelta(seconds=1), settle=False)
    await until(lambda: failing.hash in {each.hash for each in repairs.repairer.repairs})
    ended = [each.data for each in events if each.data["type"] == "ended"]
    assert [(each["mode"], each["summary"]["status"]) for each in ended] == [("smart", 1)]
    assert known.checked_at is not None
    assert known.checked_at > began_at
    assert not whole.done()
    known.sync.cancel()
    await asyncio.wait({whole})


async def test_a_database_that_is_closed_at_the_end_is_no_failure(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    set_up: SetUp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Home Assistant ends with the last writing, and unloads nothing."""
    entry = await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    hang_after(debrid, 8)
    kept = mirror(entry)
    running = kept.begin(SyncMode.FULL, SyncOptions())
    await until(lambda: kept.sync.progress is not None and kept.sync.progress.done >= 5)
    await entry.runtime_data.pilot.stop()
    kept.sync.cancel()
    await asyncio.wait({running})
    assert "could not be read or written" not in caplog.text


@pytest.mark.parametrize("doing", ["unfinished", "apply", "prune_gone"])
async def test_a_database_that_fails_is_said_once_and_asked_again(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    doing: str,
) -> None:
    entry = await set_up(account())

    async def full(*_: Any) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(mirror(entry).store.mirror, doing, full)
        await pass_time(FIRST_PAUSE)
    said = "The mirror of Account 1001 could not be read or written: the disk is full"
    assert caplog.messages.count(said) == 1
    await pass_time(INTERVAL)
    assert caplog.messages.count(said) == 1
    assert (await ask(hass, Action.DEBRID_LIST))["total"] == COUNT


# --- the actions -----------------------------------------------------------------------------------------------------


async def test_synchronising_says_what_it_found(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    await set_up(account())
    plan = await ask(hass, Action.DEBRID_SYNC, dry_run=True)
    assert (plan["requests"], plan["details"]) == (1, {})
    debrid.requests.clear()
    told = await ask(hass, Action.DEBRID_SYNC, language="en")
    assert (told["status"], told["running"], told["summary"]["added"]) == ("done", False, COUNT)
    assert told["summary"]["details"] == 6, "of what failed"
    assert [each["key"] for each in told["recommendations"]] == ["failed", "waiting"]
    assert told["recommendations"][0]["text"].startswith("6 torrents failed.")
    plan = await ask(hass, Action.DEBRID_SYNC, mode="full", limit=5, dry_run=True)
    assert (plan["requests"], plan["details"]) == (6, {"never_read": 12})
    again = await ask(hass, Action.DEBRID_SYNC, verbose=True)
    assert again["summary"]["unchanged"] is True
    assert again["summary"]["changes"] == []


async def test_a_person_need_not_wait_for_thousands_of_details(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    entry = await set_up(account())
    hang_after(debrid, 8)
    events = async_capture_events(hass, EVENT_SYNC)
    whole = mirror(entry).begin(SyncMode.FULL, SyncOptions())
    await until(lambda: read_details(mirror(entry), 7))
    debrid.account.delete(next(key for key, each in debrid.account.torrents.items() if each.status == "downloaded"))
    answer = await ask(hass, Action.DEBRID_SYNC)
    assert (answer["mode"], answer["status"], answer["summary"]["gone"]) == ("smart", "done", 1)
    assert not whole.done()
    assert mirror(entry).sync.running
    with pytest.raises(ServiceValidationError, match="under way"):
        await ask(hass, Action.DEBRID_SYNC, mode="details")
    debrid.clear_faults()
    mirror(entry).sync.cancel()
    assert (await whole).run.summary["added"] == COUNT, "each tells what it found itself"
    told = [(each.data["mode"], each.data["type"]) for each in events]
    assert [each for each in told if each[1] != "progress"] == [
        ("full", "started"),
        ("smart", "started"),
        ("smart", "ended"),
        ("full", "ended"),
    ]


async def test_an_end_in_the_midst_of_it_is_told(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    entry = await set_up(account())
    hang_after(debrid, 2)
    waiting = hass.async_create_task(ask(hass, Action.DEBRID_SYNC, mode="full"))
    await until(lambda: read_details(mirror(entry), 1))
    assert await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError, match="not loaded"):
        await waiting


async def test_a_refusal_is_in_the_answer(hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp) -> None:
    await set_up(account())
    debrid.fault(FaultKind.STATUS, LIST, status=503)
    told = await ask(hass, Action.DEBRID_SYNC)
    assert told["status"] == "interrupted"
    assert told["summary"]["error"]
    debrid.clear_faults()
    assert (await ask(hass, Action.DEBRID_SYNC, mode="resume"))["summary"]["added"] == COUNT
    with pytest.raises(ServiceValidationError, match=r"[Nn]o synchronisation"):
        await ask(hass, Action.DEBRID_SYNC, mode="resume")


async def test_lists_are_filtered_sorted_and_paged(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    failed = await ask(hass, Action.DEBRID_LIST, status=["error", "dead"], limit=4)
    assert (failed["total"], len(failed["torrents"])) == (6, 4)
    assert {each["status"] for each in failed["torrents"]} <= {"error", "dead"}
    assert failed["statuses"] == {"downloaded": 9, "dead": 3, "error": 3, "waiting_files_selection": 3}
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await ask(hass, Action.DEBRID_LIST, sort="name", descending=False, limit=5, **cursor)
        names += [each["name"] for each in page["torrents"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert names == sorted(each.plan.name for each in debrid.account.torrents.values())
    one = await ask(hass, Action.DEBRID_LIST, search="some title 000012")
    assert [each["name"] for each in one["torrents"]] == ["Some.Title.000012.1080p.WEB-GROUP"]
    assert not [key for each in one["torrents"] for key in each if "link" in key], "whoever has a link can download"


@pytest.mark.parametrize(
    "cursor", ["", "x", "WzFd", "bnVsbA==", "WyJuYW1lIiwxLCJhIl0=", "WyJhZGRlZCIsInRleHQiLCJhIl0="]
)
async def test_a_cursor_from_elsewhere_is_refused(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, cursor: str
) -> None:
    await set_up(account())
    with pytest.raises(ServiceValidationError, match="cursor"):
        await ask(hass, Action.DEBRID_LIST, cursor=cursor)


async def test_figures_are_counted_once_however_many_ask(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the same moment, and again and again while a synchronisation writes: each count would slow all others."""
    kept = mirror(await set_up(account()))
    await hass.async_block_till_done(wait_background_tasks=True)
    view, counted = kept.store.mirror_view, list[bool]()
    count = view.figures

    async def figures(*args: Any, **values: Any) -> Any:
        counted.append(kept.sync.running)
        return await count(*args, **values)

    monkeypatch.setattr(view, "figures", figures)
    hang_after(debrid, 8)
    running = kept.begin(SyncMode.FULL, SyncOptions())
    await until(lambda: kept.sync.progress is not None and kept.sync.progress.done >= 5)
    counted.clear()
    kept._figures = None  # as time stands still, what was counted at the start would do
    kept.store.mirror.revision = lambda _account: next(revisions)  # type: ignore[method-assign] -- it writes all along
    revisions = iter(range(1_000, 2_000))
    several = await asyncio.gather(*(ask(hass, Action.DEBRID_STATS) for _ in range(5)))
    for each in several:  # how far the synchronisation is goes on while it writes
        del each["last_sync"]
    assert (counted, several) == ([True], [several[0]] * 5)
    await ask(hass, Action.DEBRID_STATS)
    assert counted == [True]
    kept.sync.cancel()
    await asyncio.wait({running})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert counted[1:], "they are counted anew once it is over"
    assert not any(counted[1:])


async def test_statistics_and_diagnosis(hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp) -> None:
    entry = await set_up(account())
    before = await ask(hass, Action.DEBRID_STATS)
    assert [each["key"] for each in before["recommendations"]] == ["never_read"]
    await ask(hass, Action.DEBRID_SYNC)
    await hass.async_block_till_done(wait_background_tasks=True)  # by then repairs know of it
    stats = await ask(hass, Action.DEBRID_STATS)
    rows = debrid.account.torrents.values()
    assert stats["torrents"] == COUNT
    assert stats["size_bytes"] == sum(each.size_bytes for each in rows)
    assert stats["by_status"]["downloaded"]["count"] == 9
    assert stats["failed"] == 6
    assert stats["coverage_percent"] == 33.3
    assert stats["last_sync"]["status"] == "done"
    assert len(stats["largest"]) == 10
    kept = mirror(entry).store.debrid_history
    day = dt_util.utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    assert {name: value for _, name, value in await kept.metrics(ID, day)} == {key: stats[key] for key in NOTED}
    assert stats["days"] == [{"day": day.date().isoformat(), **{key: stats[key] for key in NOTED}}]
    assert not {"days", "largest"} & (await ask(hass, Action.DEBRID_STATS, compact=True)).keys()
    told = await ask(hass, Action.DEBRID_DIAGNOSE, limit=5, language="fr")
    assert (told["total"], told["more"], len(told["errors"])) == (9, True, 5)
    assert told["kinds"] == {"dead": 3, "error": 3, "waiting_files_selection": 3}
    everything = await ask(hass, Action.DEBRID_DIAGNOSE, limit=100, language="en")
    dead = next(each for each in everything["errors"] if each["type"] == "dead")
    assert dead["cause"].startswith("Nobody shares this torrent")
    observed = "It waits for your word, or for the level of its rule to be raised."
    assert dead["next"] == f"It can be added again, with the same files. {observed}"
    assert [each["act"] for each in dead["tried"]] == ["waiting"], "nothing was done yet"


async def test_a_torrent_that_was_tried_often_hides_nothing_of_another(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    entry = await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    dead, failed = (
        next(each for each in debrid.account.torrents.values() if each.status == status) for status in ("dead", "error")
    )
    now = dt_util.utcnow()
    tried = DebridAttempt(hash=dead.hash, torrent_id=dead.id, at=now, act="add_again", outcome="added")
    often = [replace(tried, at=now + timedelta(seconds=number)) for number in range(1_000)]
    once = replace(tried, hash=failed.hash, torrent_id=failed.id, at=now - timedelta(hours=1), outcome="refused")
    await mirror(entry).store.debrid_history.note_attempts(ID, [*often, once])
    told = {each["id"]: each["tried"] for each in (await ask(hass, Action.DEBRID_DIAGNOSE))["errors"]}
    assert "refused" in [each["outcome"] for each in told[failed.id]]
    assert [each["at"] for each in told[dead.id]] == [each.at.isoformat() for each in reversed(often[-20:])]


@pytest.fixture
async def listed(hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, tmp_path: Path) -> MockConfigEntry:
    """Return the hub with an account whose list was read. What is exported is put below `tmp_path`."""
    hass.config.config_dir = str(tmp_path)
    entry = await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    return entry


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("chosen", ["csv", "json"])
async def test_an_export_has_every_torrent(
    hass: HomeAssistant, debrid: RealDebridSimulator, tmp_path: Path, chosen: str
) -> None:
    torrent = next(iter(debrid.account.torrents.values()))
    told = await ask(hass, Action.DEBRID_EXPORT, format=chosen, wait=True)
    path = Path(told["path"])
    assert (told["running"], told["torrents"]) == (False, COUNT)
    assert path.is_relative_to(tmp_path)
    text = await hass.async_add_executor_job(path.read_text)
    rows = json.loads(text) if chosen == "json" else list(csv.DictReader(text.splitlines()))
    assert {each["id"] for each in rows} == set(debrid.account.torrents)
    assert torrent.plan.name in {each["name"] for each in rows}
    (tmp_path / "file").touch()
    hass.config.config_dir = str(tmp_path / "file")
    with pytest.raises(HomeAssistantError, match=r"can.t be written"):
        await ask(hass, Action.DEBRID_EXPORT)


@pytest.mark.usefixtures("listed")
async def test_an_export_is_answered_at_once_and_told_at_its_end(
    hass: HomeAssistant, debrid: RealDebridSimulator, tmp_path: Path
) -> None:
    ended = async_capture_events(hass, EVENT_EXPORT)
    told = await ask(hass, Action.DEBRID_EXPORT, format="json")
    path = Path(told["path"])
    assert told == {"account": "Account 1001", "path": str(path), "running": True, "torrents": None}
    assert ended == []
    assert not path.exists(), "not a half of it"
    await until(lambda: ended)
    facts = {"account": "Account 1001", "account_id": ID, "path": str(path)}
    assert ended[0].data == {"type": "written", **facts, "torrents": COUNT, "deleted": 0}
    assert {each["id"] for each in json.loads(path.read_text())} == set(debrid.account.torrents)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.usefixtures("listed")
async def test_the_newest_exports_of_an_account_are_kept(hass: HomeAssistant, tmp_path: Path) -> None:
    ended = async_capture_events(hass, EVENT_EXPORT)
    folder = tmp_path / EXPORTS
    folder.mkdir()
    foreign = [f"real-debrid-{OTHER}-20250101T000000Z.csv", "my list.csv", f"real-debrid-{ID}-mine.csv"]
    for name in foreign:
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    told = [await ask(hass, Action.DEBRID_EXPORT, wait=True) for _ in range(KEPT + 2)]
    assert [each.data["deleted"] for each in ended] == [0] * KEPT + [1, 1]
    newest = {Path(each["path"]).name for each in told[-KEPT:]}
    assert {each.name for each in folder.iterdir()} == {*foreign, *newest}


async def test_an_export_that_fails_reaches_a_person(
    hass: HomeAssistant, listed: MockConfigEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = async_capture_events(hass, EVENT_EXPORT)
    notices = persistent_notification._async_get_or_create_notifications(hass)

    def full(_: ExportFile) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ExportFile, "finish", full)
        with pytest.raises(HomeAssistantError, match="No space left on device"):
            await ask(hass, Action.DEBRID_EXPORT, wait=True)
        assert notices == {}, "who waits is told"
        told = await ask(hass, Action.DEBRID_EXPORT)
        await until(lambda: len(ended) == 2)
    assert [each.data["type"] for each in ended] == ["failed", "failed"]
    assert (ended[1].data["path"], ended[1].data["detail"]) == (told["path"], "No space left on device")
    (notice,) = notices.values()
    assert notice["title"] == "An export failed"
    assert html.unescape(notice["message"]).startswith(
        f"The torrents of Account 1001 could not be written to {told['path']}"
    )
    assert list((tmp_path / EXPORTS).iterdir()) == []
    await ask(hass, Action.DEBRID_EXPORT, wait=True)
    assert notices == {}, "it is well again"


async def test_what_a_crash_left_is_swept_away_before_anything_is_written(
    hass: HomeAssistant, listed: MockConfigEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where two begin at once, and where the first could not sweep: nothing of theirs is taken for that."""
    order: list[str] = []
    begun, on = Event(), Event()
    create, swept_away = ExportFile.create, debrid_exports.sweep

    def slowly(folder: Path, stem: str) -> None:
        order.append("sweep")
        begun.set()
        on.wait(10)
        if len(order) == 1:
            raise OSError(5, "Input/output error")
        swept_away(folder, stem)
        order.append("swept")

    def noted(*given: Any) -> ExportFile:
        order.append("create")
        return create(*given)

    monkeypatch.setattr(debrid_exports, "sweep", slowly)
    monkeypatch.setattr(ExportFile, "create", noted)
    exports = [
        hass.async_create_task(ask(hass, Action.DEBRID_EXPORT, format=each, wait=True)) for each in ("csv", "json")
    ]
    await hass.async_add_executor_job(begun.wait, 10)
    for _ in range(20):  # the second one has its chance to be too early
        await hass.async_add_executor_job(int)
    on.set()
    with pytest.raises(HomeAssistantError, match="Input/output error"):
        await exports[0]
    assert (await exports[1])["torrents"] == COUNT
    assert order == ["sweep", "sweep", "swept", "create"]
    await ask(hass, Action.DEBRID_EXPORT, wait=True)
    assert order[4:] == ["create"]


async def test_an_end_in_the_midst_of_an_export_leaves_nothing(
    hass: HomeAssistant, listed: MockConfigEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / EXPORTS
    folder.mkdir()
    (folder / f".real-debrid-{ID}-20250101T000000Z.csv.part").write_text("what a crash left")
    going = asyncio.Event()

    async def walk(*_: Any) -> AsyncIterator[list[Any]]:
        going.set()
        await asyncio.Event().wait()
        yield []

    monkeypatch.setattr(mirror(listed).store.mirror_view, "walk", walk)
    waiting = hass.async_create_task(ask(hass, Action.DEBRID_EXPORT, wait=True))
    await going.wait()
    (part,) = folder.iterdir()
    assert part.name != f".real-debrid-{ID}-20250101T000000Z.csv.part"
    assert await hass.config_entries.async_unload(listed.entry_id)
    with pytest.raises(HomeAssistantError):
        await waiting
    assert list(folder.iterdir()) == []


def rd_manager(path: Path, torrent_id: str, info_hash: str) -> None:
    """Write what RDTM would have."""
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE torrents (id TEXT PRIMARY KEY, hash TEXT, filename TEXT, status TEXT, size INTEGER,
                added_date TIMESTAMP, first_seen TIMESTAMP, last_seen TIMESTAMP);
            CREATE TABLE attempts (id INTEGER PRIMARY KEY, torrent_id TEXT, attempt_date TIMESTAMP, success BOOLEAN,
                error_message TEXT, response_time_ms INTEGER, api_response TEXT);
            CREATE TABLE permanent_failures (id INTEGER PRIMARY KEY, torrent_id TEXT, filename TEXT, error_type TEXT,
                error_message TEXT, failure_date TIMESTAMP, processed BOOLEAN);
            INSERT INTO attempts (torrent_id, attempt_date, success, error_message)
                VALUES ('OLD', '2025-06-01 10:00:00.000001', 0, 'boom');
            """
        )
        given = "INSERT INTO torrents (id, hash, filename, status) VALUES ('OLD', ?, 'Film', 'dead')"
        connection.execute(given, (info_hash.upper(),))
        failed = (torrent_id, "Film", "infringing_file", "2025-06-02 10:00:00")
        columns = "(torrent_id, filename, error_type, failure_date)"
        connection.execute(f"INSERT INTO permanent_failures {columns} VALUES (?, ?, ?, ?)", failed)  # noqa: S608
    connection.close()


async def test_a_history_is_imported(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, tmp_path: Path
) -> None:
    await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    dead = next(each for each in debrid.account.torrents.values() if each.status == "dead")
    path = tmp_path / "rd_manager.db"
    await hass.async_add_executor_job(rd_manager, path, dead.id, dead.hash)
    with pytest.raises(ServiceValidationError, match="may not read"):
        await ask(hass, Action.DEBRID_IMPORT, path=str(path))
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    told = await ask(hass, Action.DEBRID_IMPORT, path=str(path))
    assert (told["source"], told["attempts"], told["final_failures"]) == ("rdtm", 1, 1)
    errors = (await ask(hass, Action.DEBRID_DIAGNOSE, limit=100, language="en"))["errors"]
    known = next(each for each in errors if each["hash"] == dead.hash)
    tried = [(each["outcome"], each["source"]) for each in known["tried"]]
    assert [each for each in tried if each[1] != "repair"] == [("failed", "rdtm")], (
        "repairs may have looked at it by now"
    )
    assert known["final"]
    assert known["next"].startswith("Nothing more is tried: it failed for good.")
    with pytest.raises(ServiceValidationError, match="there is no such file"):
        await ask(hass, Action.DEBRID_IMPORT, path=str(tmp_path / "none.db"))
    (tmp_path / "none.db").touch()
    with pytest.raises(ServiceValidationError, match="neither Redriva nor RDTM"):
        await ask(hass, Action.DEBRID_IMPORT, path=str(tmp_path / "none.db"))


async def test_a_list_that_never_held_still_was_not_seen_to_its_end(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp
) -> None:
    """It may have holes: nothing is judged by what is missing from it."""
    (row,) = debrid.account.rows(0, 1)
    debrid.fault(FaultKind.STATUS, "GET /rest/1.0/torrents", status=200, body=f"[{row},{row}]")
    entry = await set_up(account())
    told = await ask(hass, Action.DEBRID_SYNC, mode="list")
    assert told["summary"]["restless"] is True
    (mirror,) = entry.runtime_data.debriding.accounts.values()
    assert mirror.checked_at is None
    debrid.clear_faults()
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    assert mirror.checked_at is not None


async def test_clearing_has_to_be_confirmed(hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp) -> None:
    await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    with pytest.raises(ServiceValidationError, match="not confirmed"):
        await hass.services.async_call(DOMAIN, Action.DEBRID_CLEAR, {"confirm": False}, blocking=True)
    assert (await ask(hass, Action.DEBRID_LIST))["total"] == COUNT
    await hass.services.async_call(DOMAIN, Action.DEBRID_CLEAR, {"confirm": True}, blocking=True)
    assert (await ask(hass, Action.DEBRID_LIST, presence="any"))["total"] == 0
    assert (await ask(hass, Action.DEBRID_SYNC, mode="list"))["summary"]["added"] == COUNT, "nothing is believed known"
    assert len(debrid.account.torrents) == COUNT


async def test_what_was_cleared_is_read_again_soon(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Not after an hour, as a list is looked at in which nothing happens: until then nothing is known."""
    entry = await set_up(account())
    await pass_time(FIRST_PAUSE)
    await until(lambda: mirror(entry).checked_at is not None)
    for _ in range(3):
        await ask(hass, Action.DEBRID_SYNC, mode="list")
    await hass.services.async_call(DOMAIN, Action.DEBRID_CLEAR, {"confirm": True}, blocking=True)
    assert mirror(entry).checked_at is None
    await pass_time(LIST_SOON)
    await until(lambda: mirror(entry).checked_at is not None)
    assert (await ask(hass, Action.DEBRID_LIST))["total"] == COUNT


async def test_which_account_is_meant(hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp) -> None:
    from homeassistant.helpers import device_registry as dr

    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(account(), account(OTHER, OTHER_TOKEN, "1002"))
    with pytest.raises(ServiceValidationError, match="Account 1001, Account 1002"):
        await ask(hass, Action.DEBRID_SYNC)
    device = dr.async_get(hass).async_get(entry.runtime_data.backends[OTHER].device_id)
    assert device is not None
    told = await ask(hass, Action.DEBRID_SYNC, device_id=device.id)
    assert (told["account"], told["summary"]["added"]) == ("Account 1002", 0)


@pytest.mark.parametrize(
    ("action", "data"),
    [
        (Action.DEBRID_SYNC, {}),
        (Action.DEBRID_EXPORT, {}),
        (Action.DEBRID_IMPORT, {"path": "/x"}),
        (Action.DEBRID_CLEAR, {"confirm": True}),
    ],
)
async def test_only_administrators_change_anything(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    set_up: SetUp,
    hass_read_only_user: MockUser,
    action: Action,
    data: dict[str, Any],
) -> None:
    await set_up(account())
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN, action, data, blocking=True, context=Context(user_id=hass_read_only_user.id)
        )


# --- the websocket ---------------------------------------------------------------------------------------------------


async def test_a_synchronisation_is_watched_and_cancelled(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(hass, "websocket_api", {})
    entry = await set_up(account())
    await ask(hass, Action.DEBRID_SYNC, mode="list")
    socket = await hass_ws_client(hass)
    await socket.send_json({"id": 1, "type": "sokoul/debrid/subscribe_progress", "account_id": ID})
    assert (await socket.receive_json())["success"]
    await socket.send_json({"id": 2, "type": "sokoul/debrid/subscribe_progress", "account_id": "nobody"})
    assert (await socket.receive_json())["error"]["code"] == "not_found"
    ended: list[BusEvent] = async_capture_events(hass, EVENT_SYNC)
    hang_after(debrid, 6)
    running = mirror(entry).begin(SyncMode.FULL, SyncOptions())
    while (told := (await socket.receive_json())["event"])["done"] < 3 or told["phase"] == "list":
        pass
    assert (told["phase"], told["total"]) == ("details", COUNT)
    with pytest.raises(ServiceValidationError, match="under way"):
        await ask(hass, Action.DEBRID_SYNC, mode="full")
    await socket.send_json({"id": 3, "type": "sokoul/debrid/cancel", "account_id": ID})
    while (answer := await socket.receive_json())["id"] != 3:
        pass
    assert answer["result"] == {"cancelled": True}
    result = await running
    assert result is not None
    assert str(result.run.status) == "cancelled"
    assert ended[-1].data["status"] == "cancelled"
