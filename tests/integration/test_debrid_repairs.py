"""Repairs of a Real-Debrid account at work: what is done by which level, what is written down, and what goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
import json
from pathlib import Path
import sqlite3
from time import sleep
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.policies import STATES, Course
from custom_components.sokoul.debrid.repair_notes import StoredRepairs
from custom_components.sokoul.debrid.retrying import Ending, Holdup, Step
from custom_components.sokoul.debrid_repairs import HAND_OVERS_AN_HOUR
from custom_components.sokoul.debrid_repairs_journal import MOST_ASKED, MOST_NOTED
from custom_components.sokoul.model.debrid import DebridCode
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.journal import AUTOMATION, AUTOPILOT, ActKind, Autonomy, EntryStatus
from custom_components.sokoul.repairs import async_create_fix_flow
from custom_components.sokoul.services import Action
from custom_components.sokoul.store import StoreError
from custom_components.sokoul.store.debrid_history import StoredDebridHistory
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import ERRORS, RealDebridSimulator
from devstack.real_debrid_account import Torrent

from .conftest import RADARR_ID, PassTime, SetUp, servarr_subentry
from .debrid_scene import DAY, HOUR, MINUTE, Scene, account, failed
from .healing import act
from .test_debrid_mirror import rd_manager

type Begin = Callable[..., Awaitable[Scene]]

#: More than may be added in an hour.
COUNT = 26
#: So long is a step of time, and so often does the event loop go round in it.
STEP, TURNS = timedelta(seconds=15), 400
ADD = "POST /rest/1.0/torrents/addMagnet"


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


@pytest.fixture
def scene(debrid: RealDebridSimulator, set_up: SetUp) -> Begin:
    """Set up the hub, all repairs at a level, with other backends beside the account."""

    async def begin(level: Autonomy = Autonomy.ACT, *subentries: ConfigSubentryDataWithId) -> Scene:
        made = Scene(debrid, await set_up(account(), *subentries))
        made.set_level(level)
        return made

    return begin


def refuse(debrid: RealDebridSimulator, route: str, code: DebridCode, times: int) -> None:
    name, status = ERRORS[code]
    body = json.dumps({"error": name, "error_code": int(code)})
    debrid.fault(FaultKind.STATUS, route, times=times, status=status, body=body)


async def slowly(pass_time: PassTime, longest: timedelta, enough: Callable[[], Awaitable[object]]) -> None:
    """Let time pass in small steps until it is enough: what waits for its turn in the budget gets it."""
    for _ in range(longest // STEP):
        await pass_time(STEP, settle=False)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await asyncio.to_thread(sleep, 0.01)  # threads need time, and not turns of the event loop
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if await enough():
            return
    pytest.fail("it takes too long")


# --- each policy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [each for each, policy in STATES.items() if policy.course is Course.READD])
async def test_what_failed_is_added_again_and_written_down(
    status: str, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    old = failed(debrid, 1, status)
    made = await scene()
    await pass_time(MINUTE, 5)
    await pass_time(HOUR, 14)
    (entry,) = made.entries(old)
    assert (entry.id != old.id, entry.status) == (True, "downloaded")
    (row,) = await made.rows()
    assert (row.rule, row.act, row.status) == ("debrid_readd", ActKind.READD, EntryStatus.DONE)
    assert (row.label, row.actor) == (old.plan.name if status != "magnet_conversion" else "Magnet", AUTOPILOT)
    assert row.reason.parameters == {"account": "Account", "trouble": status}
    assert row.result is not None
    assert row.result.key == "result.debrid_repaired"
    assert (made.repairs.pending, made.repairs.given_up) == (0, 0)


async def test_what_was_imported_as_refused_is_not_added_again(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime, tmp_path: Path
) -> None:
    old, other = failed(debrid, 1), failed(debrid, 2)
    made = await scene(Autonomy.OBSERVE)
    await pass_time(MINUTE, 5)
    assert made.repairs.pending == 2
    path = tmp_path / "rd_manager.db"
    await hass.async_add_executor_job(rd_manager, path, old.id, old.hash)
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    await act(hass, Action.DEBRID_IMPORT, path=str(path))
    made.set_level(Autonomy.ACT)
    await pass_time(MINUTE, 20)
    assert ([each.id for each in made.entries(old)], made.adds()) == ([old.id], 1)
    assert made.entries(other)[0].status == "downloaded"
    assert (made.repairs.pending, made.repairs.given_up) == (0, 1)
    assert {row.parameters["hash"] for row in await made.rows() if row.status is not EntryStatus.OBSERVED} == {
        other.hash
    }


async def test_what_rdtm_was_to_retry_goes_by_the_levels_and_the_limits(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime, tmp_path: Path
) -> None:
    fine = debrid.account.add("d" * 40)
    debrid.account.turn(fine, "downloaded")
    made = await scene(Autonomy.OBSERVE)
    await pass_time(MINUTE, 5)
    old = failed(debrid, 1)
    mirror = made.hub.debriding.accounts[made.repairs.account]
    await mirror.synchronise(SyncMode.LIST)
    path, later = tmp_path / "rd_manager.db", dt_util.now() + 2 * HOUR
    await hass.async_add_executor_job(rd_manager, path, "LOST", "e" * 40)
    await hass.async_add_executor_job(to_be_retried, path, later, old.id, fine.id)
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    told = await act(hass, Action.DEBRID_IMPORT, path=str(path))
    assert (told["retries"], told["retries_waiting"]) == (2, 1), "what is complete needs nothing"
    ((noted, turn),) = made.repairs.queue()
    assert (noted.hash, turn.holdup) == (old.hash, Holdup.OBSERVING)
    assert noted.due_at == later
    assert (await act(hass, Action.DEBRID_IMPORT, path=str(path)))["retries_waiting"] == 1
    assert [repair for repair, _ in made.repairs.queue()] == [noted], "nothing is changed by doing it again"
    await pass_time(HOUR, 3)
    assert made.adds() == 0
    made.set_level(Autonomy.ACT)
    await pass_time(MINUTE, 5)
    assert made.entries(old)[0].status == "downloaded"
    assert made.adds() == 1


@pytest.mark.parametrize(("planned", "due"), [(-DAY, timedelta()), (DAY - HOUR, DAY - HOUR), (10 * DAY, DAY)])
async def test_what_rdtm_put_off_waits_a_day_at_most(
    planned: timedelta,
    due: timedelta,
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    scene: Begin,
    pass_time: PassTime,
    tmp_path: Path,
) -> None:
    made = await scene(Autonomy.OBSERVE)
    await pass_time(MINUTE, 5)
    old = failed(debrid, 1)
    await made.hub.debriding.accounts[made.repairs.account].synchronise(SyncMode.LIST)
    path = tmp_path / "rd_manager.db"
    await hass.async_add_executor_job(rd_manager, path, "LOST", "e" * 40)
    await hass.async_add_executor_job(to_be_retried, path, dt_util.now() + planned, old.id)
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    assert (await act(hass, Action.DEBRID_IMPORT, path=str(path)))["retries_waiting"] == 1
    ((noted, _),) = made.repairs.queue()
    assert (noted.hash, noted.due_at) == (old.hash, dt_util.utcnow() + due)


def to_be_retried(path: Path, at: datetime, *torrent_ids: str) -> None:
    """Write what RDTM's queue would have."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            """CREATE TABLE retry_queue (id INTEGER PRIMARY KEY, torrent_id TEXT, filename TEXT, error_type TEXT,
            error_message TEXT, original_failure TIMESTAMP, scheduled_retry TIMESTAMP, retry_count INTEGER)"""
        )
        connection.executemany(
            "INSERT INTO retry_queue (torrent_id, error_type, scheduled_retry) VALUES (?, 'too_many_requests', ?)",
            [(torrent_id, at.replace(tzinfo=None).isoformat(" ")) for torrent_id in torrent_ids],
        )
    connection.close()


async def test_what_is_stuck_is_diagnosed(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    old, dead = failed(debrid, 1, "uploading"), failed(debrid, 2, "dead")
    await scene(Autonomy.OBSERVE)
    await pass_time(MINUTE, 5)
    await pass_time(HOUR, 14)
    told = await act(hass, Action.DEBRID_DIAGNOSE, language="en")
    assert (told["total"], told["kinds"], told["more"]) == (2, {"dead": 1, "uploading": 1}, False)
    assert [(each["hash"], each["type"]) for each in told["errors"]] == [(old.hash, "uploading"), (dead.hash, "dead")]
    assert told["errors"][0]["cause"] == "Real-Debrid got stuck storing it."
    assert told["errors"][0]["next"].startswith("It can be added again, with the same files.")
    assert (await act(hass, Action.DEBRID_DIAGNOSE, limit=1))["more"] is True


async def test_media_servers_are_asked_when_something_is_complete(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    scene: Begin,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    debrid.account.turn(debrid.account.add("c" * 40), "downloaded")
    made = await scene(Autonomy.OBSERVE)
    asked: list[str] = []
    monkeypatch.setattr(made.hub.linking.refresh, "soon", lambda: asked.append("soon"))
    await pass_time(MINUTE, 5)
    assert (await act(hass, Action.DEBRID_LIST))["total"] == 1
    assert asked == [], "what was there before is no news"
    torrent = debrid.account.add("d" * 40)
    await act(hass, Action.DEBRID_SYNC, mode="list")
    assert asked == [], "it is not there yet"
    debrid.account.turn(torrent, "downloaded")
    await act(hass, Action.DEBRID_SYNC, mode="list")
    assert asked == ["soon"]
    await act(hass, Action.DEBRID_SYNC, mode="list")
    assert asked == ["soon"]
    await hass.services.async_call(DOMAIN, Action.DEBRID_CLEAR, {"confirm": True}, blocking=True)
    assert (await act(hass, Action.DEBRID_SYNC, mode="list"))["summary"]["added"] == 2
    assert asked == ["soon"], "nor is what is read anew"


async def test_files_are_selected(debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime) -> None:
    old = failed(debrid, 1, "waiting_files_selection")
    old.plan = debrid.account.plans[old.hash]
    made = await scene()
    await pass_time(MINUTE, 20)
    (entry,) = made.entries(old)
    assert (entry.id, entry.status, entry.selected) == (old.id, "downloaded", frozenset({1, 2, 3}))
    (row,) = await made.rows()
    assert (row.act, row.status, row.result.key) == (
        ActKind.SELECT_FILES,
        EntryStatus.DONE,
        "result.debrid_selected",
    )
    assert made.adds() == 0


async def test_what_is_infected_is_deleted(debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime) -> None:
    old = failed(debrid, 1, "virus")
    made = await scene()
    await pass_time(MINUTE, 20)
    assert made.entries(old) == []
    first, second = await made.rows()
    assert (first.act, first.status) == (ActKind.DELETE_TORRENT, EntryStatus.DONE)
    assert (second.act, second.status, second.result.key) == (
        ActKind.ASK_ARR,
        EntryStatus.KEPT,
        "result.no_arr_knows",
    )
    assert made.repairs.given_up == 1


async def test_a_row_is_written_before_anything_is_deleted(
    debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    """The request that deletes hangs: by then the journal tells what is under way."""
    old = failed(debrid, 1, "virus")
    made = await scene()
    debrid.fault(FaultKind.HANG, f"DELETE /rest/1.0/torrents/delete/{old.id}")
    await slowly(pass_time, HOUR, made.rows)
    (row,) = await made.rows()
    assert (row.act, row.status) == (ActKind.DELETE_TORRENT, EntryStatus.RUNNING)
    assert made.entries(old) == [old]
    debrid.clear_faults()


async def test_three_tries_are_three_rows(debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime) -> None:
    old = failed(debrid, 1, outcome="error")
    made = await scene()
    await pass_time(3 * HOUR, 30)
    assert made.adds() == 3
    assert made.entries(old) == [old]
    tries = await made.rows("debrid_readd")
    assert [row.status for row in tries] == [EntryStatus.FAILED] * 3
    assert [row.result.key for row in tries] == ["result.debrid_try_failed"] * 2 + ["result.debrid_exhausted"]
    assert made.repairs.given_up == 1


# --- what is lost ----------------------------------------------------------------------------------------------------


async def test_an_infringing_one_is_given_up_and_radarr_is_told(
    hass: HomeAssistant, debrid: RealDebridSimulator, radarr: RadarrSimulator, scene: Begin, pass_time: PassTime
) -> None:
    old = failed(debrid, 1)
    refuse(debrid, ADD, DebridCode.INFRINGING_FILE, 9)
    movie = next(each for each in radarr.library.movies.values() if each.file is None and each.monitored)
    radarr.queue_item(movie, title="Refused.Release", download_id=old.hash.upper(), progress=0.0)
    made = await scene(Autonomy.ACT, servarr_subentry(radarr, RADARR_ID))
    await pass_time(MINUTE, 20)
    assert made.repairs.repair(old.hash).ending is Ending.REFUSED
    searches = [each.body for each in radarr.commands.commands.values() if each.name == "MoviesSearch"]
    assert [each["movieIds"] for each in searches] == [[movie.id]]
    assert [item.source_title for item in radarr.blocklist.items.values()] == ["Refused.Release"]
    (row,) = await made.rows("debrid_give_up")
    assert (row.status, row.result.key) == (EntryStatus.DONE, "result.handed_over")
    told = await act(hass, Action.UNDO, entry_id=row.id)
    assert told["status"] == "undone"
    assert radarr.blocklist.items == {}
    await pass_time(HOUR, 5)
    assert len(await made.rows("debrid_give_up")) == 1, "it is told once"
    for dry_run in (True, False):
        with pytest.raises(ServiceValidationError, match=r"Show 1 was given up, .* Real-Debrid will never serve it"):
            await act(hass, Action.DEBRID_REPAIR, torrent=old.id, dry_run=dry_run)


async def test_so_many_an_hour_are_handed_over_also_after_a_restart(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    for number in range(1, HAND_OVERS_AN_HOUR + 3):
        failed(debrid, number, "virus")
    made = await scene()

    async def handed() -> bool:
        return len(await made.rows("debrid_give_up")) >= HAND_OVERS_AN_HOUR

    await slowly(pass_time, HOUR, handed)
    assert await hass.config_entries.async_reload(made.entry.entry_id)
    await pass_time(MINUTE, 10)
    assert len(await made.rows("debrid_give_up")) == HAND_OVERS_AN_HOUR
    await pass_time(MINUTE * 20, 7)
    assert len(await made.rows("debrid_give_up")) == HAND_OVERS_AN_HOUR + 2


# --- levels ----------------------------------------------------------------------------------------------------------


async def test_by_default_nothing_is_touched(debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime) -> None:
    troubled = [failed(debrid, number, status) for number, status in enumerate(("error", "virus", "dead"), 1)]
    made = Scene(debrid, await set_up(account()))
    await pass_time(HOUR, 4)
    assert [entry.id for entry in debrid.account.torrents.values()] == [each.id for each in troubled]
    rows = await made.rows()
    assert {row.status for row in rows} == {EntryStatus.OBSERVED}
    assert len(rows) == 3, "each is noted once"
    assert all(request.method == "GET" for request in debrid.requests)


async def test_what_is_suggested_is_done_when_a_person_agrees(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    olds = [failed(debrid, number) for number in range(1, 10)]
    made = await scene(Autonomy.SUGGEST)
    await pass_time(MINUTE, 20)
    asked = made.hub.pilot.kernel.suggestions
    assert len(asked) == MOST_ASKED
    assert made.adds() == 0
    told = await act(hass, Action.APPROVE, entry_id=asked[0].id)
    assert (told["status"], told["actor"]) == ("running", "an automation")
    rejected = await act(hass, Action.REJECT, entry_id=asked[1].id)
    assert rejected["status"] == "rejected"
    await act(hass, Action.REJECT, entry_id=asked[2].id, never=True)
    await pass_time(MINUTE, 20)
    by_hash = {old.hash: old for old in olds}
    (entry,) = made.entries(by_hash[asked[0].parameters["hash"]])
    assert entry.status == "downloaded"
    assert made.adds() == 1
    rows = {row.id: row for row in await made.rows()}
    assert (rows[asked[0].id].status, rows[asked[0].id].actor) == (EntryStatus.DONE, AUTOMATION)
    assert len(made.hub.pilot.kernel.suggestions) == MOST_ASKED, "others are asked about instead"
    hashes = [row.parameters["hash"] for row in rows.values()]
    assert len(hashes) == len(set(hashes)), "nobody is asked twice"
    made.set_level(Autonomy.ACT)
    await pass_time(MINUTE, 30)
    never = by_hash[asked[2].parameters["hash"]]
    assert made.entries(never) == [never], "it is never touched"
    assert made.adds() == 8
    assert made.hub.pilot.kernel.suggestions == ()


async def test_the_ceiling_lowers_all(debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime) -> None:
    failed(debrid, 1)
    made = await scene()
    kernel = made.hub.pilot.kernel
    kernel.change(type(kernel.settings)(ceiling=Autonomy.OBSERVE, autonomy=kernel.settings.autonomy))
    await pass_time(HOUR, 3)
    assert [row.status for row in await made.rows()] == [EntryStatus.OBSERVED]
    assert made.adds() == 0


async def test_many_are_noted_little_by_little(debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime) -> None:
    for number in range(1, MOST_NOTED + 6):
        failed(debrid, number)
    made = await scene(Autonomy.OBSERVE)

    async def noted() -> bool:
        return len(await made.rows()) >= MOST_NOTED

    async def all_noted() -> bool:
        return len(await made.rows()) == MOST_NOTED + 5

    await slowly(pass_time, 3 * HOUR, noted)
    first = await made.rows()
    assert len(first) == MOST_NOTED
    await slowly(pass_time, 3 * HOUR, all_noted)
    assert (await made.rows())[-1].at - first[0].at >= HOUR


async def test_what_comes_right_by_itself_is_no_longer_asked(
    debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    old, other = failed(debrid, 1), failed(debrid, 2)
    made = await scene(Autonomy.SUGGEST)
    await pass_time(MINUTE, 5)
    assert len(made.hub.pilot.kernel.suggestions) == 2
    debrid.account.turn(old, "downloaded")
    debrid.account.delete(other.id)
    await pass_time(MINUTE, 30)
    assert made.hub.pilot.kernel.suggestions == ()
    assert [row.status for row in await made.rows()] == [EntryStatus.EXPIRED] * 2
    assert [made.repairs.repair(each.hash).ending for each in (old, other)] == [Ending.RECOVERED, Ending.REMOVED]


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_many_failures_stay_within_all_limits(
    debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    """None is there twice, 20 are added an hour, the budget is never overdrawn, and nobody waits longer than that."""
    olds = [failed(debrid, number) for number in range(1, COUNT + 1)]
    made = await scene()

    async def all_repaired() -> bool:
        return all(made.entries(old)[0].status == "downloaded" for old in olds)

    await slowly(pass_time, 6 * HOUR, all_repaired)
    added = sorted(made.entries(old)[0].added for old in olds)
    assert all(len(made.entries(old)) == 1 for old in olds)
    assert made.adds() == COUNT
    shortest = min(later - earlier for earlier, later in zip(added, added[20:], strict=False))
    assert shortest >= HOUR - STEP
    assert added[-1] - added[0] < 2 * HOUR
    assert debrid.meter.refused == 0
    assert debrid.meter.most_in_a_minute <= 250


async def beside_another(
    debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime, level: Autonomy
) -> tuple[list[Torrent], Scene]:
    """Let three torrents fail, of which another tool adds two again."""
    olds = [failed(debrid, number) for number in range(1, 4)]
    made = await scene(level)
    await pass_time(MINUTE, 5)
    for old in olds[:2]:
        debrid.account.select(debrid.account.add(old.hash), frozenset({1, 2}))
    await pass_time(MINUTE, 15)
    return olds, made


async def test_ours_stands_back_from_another_and_says_so(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    _, made = await beside_another(debrid, scene, pass_time, Autonomy.SUGGEST)
    issues = ir.async_get(hass).issues
    assert (DOMAIN, f"debrid_rival_{made.repairs.account}") in issues
    made.set_level(Autonomy.ACT)
    await pass_time(HOUR, 10)
    assert made.adds() == 0
    assert made.repairs.stands_back_until is not None
    (asked,) = made.hub.pilot.kernel.suggestions or (None,)
    assert asked is None
    await pass_time(DAY, 8)
    assert made.repairs.stands_back_until is None
    assert (DOMAIN, f"debrid_rival_{made.repairs.account}") not in ir.async_get(hass).issues
    assert made.adds() == 1, "the third one"


async def test_what_a_person_agrees_to_is_done_beside_another_tool(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    olds, made = await beside_another(debrid, scene, pass_time, Autonomy.SUGGEST)
    assert made.repairs.stands_back_until is not None
    (asked,) = made.hub.pilot.kernel.suggestions
    assert asked.parameters["hash"] == olds[2].hash
    assert (await act(hass, Action.APPROVE, entry_id=asked.id))["status"] == "running"
    await pass_time(MINUTE, 10)
    assert made.repairs.stands_back_until is not None
    (entry,) = made.entries(olds[2])
    assert (entry.id != olds[2].id, entry.status) == (True, "downloaded")
    assert made.adds() == 1
    rows = {row.id: row for row in await made.rows()}
    assert (rows[asked.id].status, rows[asked.id].actor) == (EntryStatus.DONE, AUTOMATION)


async def test_a_person_says_that_nobody_else_repairs(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    scene: Begin,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    olds, made = await beside_another(debrid, scene, pass_time, Autonomy.OBSERVE)
    made.set_level(Autonomy.ACT)
    (waiting,) = (await act(hass, Action.DEBRID_REPAIR, dry_run=True, language="en"))["repairs"]
    assert waiting["holdup"] == "rival"
    assert waiting["text"].startswith("Another tool repairs this account, so SOKOUL stands back. It goes on ")
    issue = f"debrid_rival_{made.repairs.account}"
    flow = await async_create_fix_flow(hass, issue, None)
    flow.hass, flow.issue_id = hass, issue
    form: Any = await flow.async_step_init()
    assert (form["step_id"], form["description_placeholders"]) == ("confirm", {"account": "Account"})

    async def full(*_: Any) -> None:
        raise StoreError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(StoredRepairs, "save_sightings", full)
        told: Any = await flow.async_step_confirm({})
    assert (told["reason"], told["description_placeholders"]) == ("store_failed", {"detail": "disk full"})
    assert (DOMAIN, issue) in ir.async_get(hass).issues
    done: Any = await flow.async_step_confirm({})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert (DOMAIN, issue) not in ir.async_get(hass).issues
    await pass_time(MINUTE, 5)
    assert made.entries(olds[2])[0].status == "downloaded"
    assert await hass.config_entries.async_unload(made.entry.entry_id)
    gone: Any = await flow.async_step_confirm({})
    assert gone["reason"] == "not_loaded"


# --- restarts --------------------------------------------------------------------------------------------------------


async def test_a_restart_in_the_middle_adds_nothing_twice(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    old = failed(debrid, 1, cached=False, download_seconds=1800.0)
    made = await scene()
    await pass_time(MINUTE, 5)
    assert made.repairs.repair(old.hash).step is Step.FETCHING
    assert len(made.entries(old)) == 2
    assert await hass.config_entries.async_reload(made.entry.entry_id)
    await pass_time(MINUTE, 60)
    (entry,) = made.entries(old)
    assert (entry.status, made.adds()) == ("downloaded", 1)
    (row,) = await made.rows()
    assert row.status is EntryStatus.DONE


async def test_what_was_agreed_to_outlives_a_restart(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    old = failed(debrid, 1)
    made = await scene(Autonomy.SUGGEST)
    await pass_time(MINUTE, 5)
    (asked,) = made.hub.pilot.kernel.suggestions
    refuse(debrid, ADD, DebridCode.TOO_MANY_ACTIVE_DOWNLOADS, 1)
    await act(hass, Action.APPROVE, entry_id=asked.id)
    await pass_time(MINUTE)
    assert await hass.config_entries.async_reload(made.entry.entry_id)
    await pass_time(MINUTE, 30)
    (entry,) = made.entries(old)
    assert entry.status == "downloaded"
    (row,) = await made.rows()
    assert (row.id, row.status, row.actor) == (asked.id, EntryStatus.DONE, AUTOMATION)


async def test_what_nobody_asks_any_more_is_refused(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    failed(debrid, 1)
    made = await scene(Autonomy.SUGGEST)
    await pass_time(MINUTE, 5)
    (asked,) = made.hub.pilot.kernel.suggestions
    made.set_level(Autonomy.OFF)
    await pass_time(MINUTE, 2)
    with pytest.raises(HomeAssistantError):
        await act(hass, Action.APPROVE, entry_id=asked.id)
    assert made.adds() == 0


@pytest.mark.parametrize("times", range(1, 8))
async def test_a_database_that_fails_now_and_then_costs_nothing(
    times: int,
    debrid: RealDebridSimulator,
    scene: Begin,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At any of its writes, several times in a row: nothing is done that was not noted, nor twice."""
    old = failed(debrid, 1)
    made = await scene()
    keep, written = StoredDebridHistory.keep_retries, 0

    async def failing(history: StoredDebridHistory, *rows: object) -> None:
        nonlocal written
        written += 1
        if times <= written < times + 3:
            raise StoreError("the disk is full")
        await keep(history, *rows)  # type: ignore[arg-type] -- as it was called

    monkeypatch.setattr(StoredDebridHistory, "keep_retries", failing)
    await pass_time(MINUTE, 40)
    (entry,) = made.entries(old)
    assert (entry.status, made.adds()) == ("downloaded", 1)
    assert caplog.text.count("could not be written down") == (1 if written >= times else 0)
    (row,) = await made.rows()
    assert row.status is EntryStatus.DONE


async def test_nobody_is_asked_about_an_account_that_was_removed(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    failed(debrid, 1)
    failed(debrid, 2)
    made = await scene(Autonomy.SUGGEST)
    await pass_time(MINUTE, 5)
    assert len(made.hub.pilot.kernel.suggestions) == 2
    hass.config_entries.async_remove_subentry(made.entry, made.repairs.account)
    await pass_time(MINUTE, 2)
    assert made.hub.debrid_repairs.accounts == {}
    assert made.hub.pilot.kernel.suggestions == ()
    assert [row.status for row in await made.rows()] == [EntryStatus.EXPIRED] * 2


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("key", ["debrid.held", "result.debrid_refused", "result.debrid_exhausted"])
def test_people_are_not_told_of_codes(language: str, key: str) -> None:
    words = wording.load(language)
    told = {code: words.text(key, problem=code.name.lower()) for code in DebridCode}
    assert not [code for code, text in told.items() if code.name.lower() in text]
    assert len(set(told.values())) > 1


async def test_a_refusal_that_needs_a_person_is_told_and_goes_away(
    hass: HomeAssistant, debrid: RealDebridSimulator, scene: Begin, pass_time: PassTime
) -> None:
    failed(debrid, 1)
    made = await scene()
    refuse(debrid, ADD, DebridCode.PERMISSION_DENIED, 1)
    await pass_time(MINUTE, 3)
    issue = (DOMAIN, f"debrid_held_{made.repairs.account}")
    assert ir.async_get(hass).issues[issue].translation_placeholders == {
        "account": "Account",
        "problem": wording.get("en").text("debrid.held", problem="permission_denied"),
    }
    assert made.repairs.pause.needs_person
    await pass_time(timedelta(minutes=30), 6)
    assert issue not in ir.async_get(hass).issues
    assert made.adds() == 2
