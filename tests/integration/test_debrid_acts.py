"""The actions that change a Real-Debrid account: what they do, to whom, and what they refuse."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockUser
import voluptuous as vol

from custom_components.sokoul.acquire.links import read_magnet
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.retrying import Choice, Urgency
from custom_components.sokoul.debrid_hands import DebridHands
from custom_components.sokoul.model.debrid import DebridCode
from custom_components.sokoul.model.journal import AUTOMATION, ActKind, Autonomy, EntryStatus
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import ERRORS, RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile
from devstack.torrents import bencode

from .conftest import HUB_ID, PassTime, SetUp
from .debrid_scene import DAY, FILES, MINUTE, Scene, account, failed

HASH = "ab" * 20
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=Some.Show&tr=udp%3A%2F%2Ftracker.example.org%3A80"
ACTS: dict[Action, dict[str, Any]] = {
    Action.DEBRID_ADD: {"link": MAGNET},
    Action.DEBRID_DELETE: {"torrent": "ID1", "confirm": True},
    Action.DEBRID_REPAIR: {},
    Action.DEBRID_UNRESTRICT: {"torrent": "ID1"},
}


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


@pytest.fixture
async def scene(debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime) -> Scene:
    """Return a hub whose account was read, and whose repairs only observe."""
    made = Scene(debrid, await set_up(account()))
    made.set_level(Autonomy.OBSERVE)
    await pass_time(MINUTE, 2)
    debrid.requests.clear()
    return made


async def ask(hass: HomeAssistant, action: Action, context: Context | None = None, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context or Context()
    )
    assert isinstance(answer, dict)
    json.dumps(answer)
    return answer


def refuse(debrid: RealDebridSimulator, route: str, code: DebridCode, times: int = 1) -> None:
    name, status = ERRORS[code]
    body = json.dumps({"error": name, "error_code": int(code)})
    debrid.fault(FaultKind.STATUS, route, times=times, status=status, body=body)


# --- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTS)
async def test_only_administrators_may(action: Action, hass: HomeAssistant, scene: Scene) -> None:
    user = MockUser(name="Guest", groups=[]).add_to_hass(hass)
    with pytest.raises(Unauthorized):
        await ask(hass, action, Context(user_id=user.id), **ACTS[action])
    assert scene.debrid.requests == []


async def test_of_several_accounts_one_has_to_be_named(
    hass: HomeAssistant, debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    token = "ANOTHERPRIVATETOKEN2345672345672345672345672345672345"
    other = debrid.add_account("upstairs", token)
    second = account("01SOKOULREALDEBRID00000001")
    second = {**second, "title": "Upstairs", "unique_id": "real_debrid:1002"}
    second["data"] = {**second["data"], "connection": {"username": "1002", "api_key": token}}
    await set_up(account(), second)
    await pass_time(MINUTE, 2)
    with pytest.raises(ServiceValidationError, match="Account, Upstairs"):
        await ask(hass, Action.DEBRID_ADD, link=MAGNET)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, "01SOKOULREALDEBRID00000001"), HUB_ID)
    assert device is not None
    told = await ask(hass, Action.DEBRID_ADD, link=MAGNET, device_id=device.id)
    assert told["account"] == "Upstairs"
    assert (list(other.torrents), list(debrid.account.torrents)) == ([told["id"]], [])


# --- adding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "words", "selected"),
    [
        ("videos", [], {1, 2, 4}),
        ("largest", [], {2}),
        ("names", ["s01e01"], {1}),
        ("all", [], {1, 2, 3, 4, 5}),
    ],
)
async def test_files_are_selected_by_rule(
    selection: str,
    words: list[str],
    selected: set[int],
    hass: HomeAssistant,
    scene: Scene,
    pass_time: PassTime,
) -> None:
    files = (*FILES, PlannedFile("/Subs/Show.fr.srt", 5), PlannedFile("/Sample/Show.sample.mkv", 50))
    scene.debrid.account.plans[HASH] = Plan(name="Some.Show", files=files)
    told = await ask(hass, Action.DEBRID_ADD, link=MAGNET, selection=selection, words=words)
    assert (told["already_there"], told["hash"], told["name"]) == (False, HASH, "Some.Show")
    await pass_time(MINUTE, 3)
    (entry,) = scene.debrid.account.torrents.values()
    assert (entry.id, entry.status, entry.selected) == (told["id"], "downloaded", frozenset(selected))
    (row,) = await scene.rows()
    assert (row.rule, row.act, row.status, row.actor) == (
        "debrid_by_hand",
        ActKind.ADD_TORRENT,
        EntryStatus.DONE,
        AUTOMATION,
    )


async def test_nothing_is_added_twice(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    """Neither by asking twice, nor by asking at the same time, nor beside what somebody else added."""
    both = await asyncio.gather(*(ask(hass, Action.DEBRID_ADD, link=MAGNET) for _ in range(2)))
    assert sorted(each["already_there"] for each in both) == [False, True]
    assert both[0]["id"] == both[1]["id"]
    await pass_time(MINUTE, 3)
    again = await ask(
        hass, Action.DEBRID_ADD, link=MAGNET.upper().replace("MAGNET:?XT=URN:BTIH", "magnet:?xt=urn:btih")
    )
    assert again["already_there"]
    assert len(scene.debrid.account.torrents) == scene.adds() == 1


async def test_what_failed_before_makes_room(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    old = failed(scene.debrid, 1)
    await pass_time(MINUTE, 15)
    told = await ask(hass, Action.DEBRID_ADD, link=f"magnet:?xt=urn:btih:{old.hash}", selection="all")
    assert not told["already_there"]
    await pass_time(MINUTE, 3)
    (entry,) = scene.entries(old)
    assert (entry.id, entry.status) == (told["id"], "downloaded")
    assert scene.repairs.stands_back_until is None, "that was us"


async def test_a_torrent_file_is_added(hass: HomeAssistant, scene: Scene, tmp_path: Path, pass_time: PassTime) -> None:
    info = {"name": "Film.mkv", "length": 7_000_000, "piece length": 65536, "pieces": b"x" * 20 * 107}
    path = tmp_path / "film.torrent"
    path.write_bytes(bencode({"announce": "http://tracker.example.org", "info": info}))
    with pytest.raises(ServiceValidationError, match=r"film\.torrent"):
        await ask(hass, Action.DEBRID_ADD, path=str(path))
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    told = await ask(hass, Action.DEBRID_ADD, path=str(path))
    assert told["name"] == "Film.mkv"
    await pass_time(MINUTE, 3)
    (entry,) = scene.debrid.account.torrents.values()
    assert (entry.hash, entry.status) == (told["hash"], "downloaded")


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/passwd",
        "ftp://example.org/some.torrent",
        "javascript:alert(1)",
        "http://127.0.0.1/some.torrent",
        "http://192.168.1.1/some.torrent",
        "http://[::1]/some.torrent",
        "http://2130706433/some.torrent",
        "http://user:secret@example.org/some.torrent",
        "magnet:?dn=nothing",
        "magnet:?xt=urn:btih:tooshort",
    ],
)
async def test_hostile_links_are_refused(link: str, hass: HomeAssistant, scene: Scene) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await ask(hass, Action.DEBRID_ADD, link=link)
    assert refused.value.translation_key == "not_possible"
    assert "secret" not in str(refused.value)
    assert scene.debrid.requests == []


@pytest.mark.parametrize("content", [b"", b"no torrent", b"d4:infoi1ee", b"d" * 100_000, b"x" * (17 * 1024 * 1024)])
async def test_bogus_files_are_refused(content: bytes, hass: HomeAssistant, scene: Scene, tmp_path: Path) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    path = tmp_path / "bogus.torrent"
    path.write_bytes(content)
    with pytest.raises(ServiceValidationError):
        await ask(hass, Action.DEBRID_ADD, path=str(path))
    with pytest.raises(ServiceValidationError, match="could not be read"):
        await ask(hass, Action.DEBRID_ADD, path=str(tmp_path))
    assert scene.debrid.requests == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"link": MAGNET, "selection": "names"},
        {"link": MAGNET, "selection": "all", "words": ["x"]},
    ],
)
async def test_what_makes_no_sense_is_refused(data: dict[str, Any], hass: HomeAssistant, scene: Scene) -> None:
    with pytest.raises(ServiceValidationError):
        await ask(hass, Action.DEBRID_ADD, **data)
    with pytest.raises(vol.Invalid):
        await ask(hass, Action.DEBRID_ADD, link=MAGNET, path="/media/x.torrent")
    assert scene.debrid.requests == []


async def test_a_refusal_of_real_debrid_is_told(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    refuse(scene.debrid, "POST /rest/1.0/torrents/addMagnet", DebridCode.INFRINGING_FILE)
    with pytest.raises(HomeAssistantError, match="Account"):
        await ask(hass, Action.DEBRID_ADD, link=MAGNET)
    (row,) = await scene.rows()
    assert row.status is EntryStatus.FAILED
    await pass_time(MINUTE, 10)
    assert (len(scene.debrid.account.torrents), scene.repairs.pending) == (0, 0)


async def test_what_was_cut_off_is_looked_for_not_added_again(
    hass: HomeAssistant, scene: Scene, pass_time: PassTime
) -> None:
    scene.debrid.fault(FaultKind.TRUNCATE, "POST /rest/1.0/torrents/addMagnet", times=1)
    with pytest.raises(HomeAssistantError):
        await ask(hass, Action.DEBRID_ADD, link=MAGNET)
    await pass_time(MINUTE, 5)
    (entry,) = scene.debrid.account.torrents.values()
    assert (entry.hash, entry.status) == (HASH, "downloaded")
    assert scene.adds() == 1


# --- deleting --------------------------------------------------------------------------------------------------------


async def test_torrents_are_deleted_when_it_is_confirmed(hass: HomeAssistant, scene: Scene) -> None:
    scene.debrid.account.fill(3)
    first, second, third = scene.debrid.account.torrents
    with pytest.raises(ServiceValidationError):
        await ask(hass, Action.DEBRID_DELETE, torrent=[first], confirm=False)
    assert len(scene.debrid.account.torrents) == 3
    told = await ask(hass, Action.DEBRID_DELETE, torrent=[first, second, "GONE"], confirm=True)
    assert [(each["id"], bool(each["error"])) for each in told["torrents"]] == [
        (first, False),
        (second, False),
        ("GONE", True),
    ]
    assert list(scene.debrid.account.torrents) == [third]
    rows = await scene.rows()
    assert [(row.act, row.status) for row in rows] == [(ActKind.DELETE_TORRENT, EntryStatus.DONE)] * 2
    with pytest.raises(HomeAssistantError):
        await ask(hass, Action.DEBRID_DELETE, torrent=["GONE"], confirm=True)
    with pytest.raises(vol.Invalid):
        await ask(hass, Action.DEBRID_DELETE, torrent=["../user"], confirm=True)


async def test_what_is_deleted_is_not_repaired_any_more(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    old = failed(scene.debrid, 1, outcome="error")
    await pass_time(MINUTE, 15)
    await ask(hass, Action.DEBRID_REPAIR, torrent=old.hash)
    await pass_time(MINUTE, 15)
    repair = scene.repairs.repair(old.hash)
    assert repair is not None
    assert (repair.open, repair.tries, scene.adds()) == (True, 1, 1), "it waits for its second try"
    await ask(hass, Action.DEBRID_DELETE, torrent=[old.id], confirm=True)
    assert not scene.repairs.repair(old.hash).open
    await pass_time(DAY, 2)
    assert (scene.entries(old), scene.adds()) == ([], 1)


@pytest.mark.parametrize("deleted", [True, False])
async def test_a_deletion_that_a_crash_cut_off_is_settled_by_a_look(
    hass: HomeAssistant, scene: Scene, pass_time: PassTime, *, deleted: bool
) -> None:
    scene.debrid.account.fill(2)
    torrent = next(iter(scene.debrid.account.torrents.values()))
    await scene.repairs.journal.by_hand(torrent.hash, "Title", ActKind.DELETE_TORRENT, AUTOMATION, torrent.id)
    if deleted:
        scene.debrid.account.delete(torrent.id)
    await hass.config_entries.async_reload(scene.entry.entry_id)
    await pass_time(MINUTE, 2)
    (row,) = await scene.rows()
    assert row.result is not None
    assert (row.status, row.result.key) == (
        (EntryStatus.DONE, "result.debrid_deleted") if deleted else (EntryStatus.FAILED, "result.interrupted")
    )
    assert len(scene.debrid.account.torrents) == (1 if deleted else 2)


async def test_what_a_person_was_deleting_is_not_brought_back_after_a_crash(
    hass: HomeAssistant, scene: Scene, pass_time: PassTime
) -> None:
    """Links need it, so it would be added again; that the person deleted it was not noted any more."""
    old = failed(scene.debrid, 1)
    await pass_time(MINUTE, 15)
    found = scene.repairs.repair(old.hash)
    assert found is not None
    await scene.repairs.want(replace(found, urgency=Urgency.LINKED))
    await scene.repairs.journal.by_hand(old.hash, "Title", ActKind.DELETE_TORRENT, AUTOMATION, old.id)
    scene.debrid.account.delete(old.id)
    scene.set_level(Autonomy.ACT)
    await hass.config_entries.async_reload(scene.entry.entry_id)
    await pass_time(MINUTE, 10)
    assert (scene.entries(old), scene.adds()) == ([], 0)


async def test_of_what_an_earlier_version_left_nobody_can_tell(
    hass: HomeAssistant, scene: Scene, pass_time: PassTime
) -> None:
    journal = scene.repairs.journal
    await journal.by_hand(HASH, "Title", ActKind.DELETE_TORRENT, AUTOMATION)
    await journal.by_hand(HASH, "Title", ActKind.ADD_TORRENT, AUTOMATION)
    await hass.config_entries.async_reload(scene.entry.entry_id)
    await pass_time(MINUTE, 2)
    rows = await scene.rows()
    assert [(row.status, row.result and row.result.key) for row in rows] == [
        (EntryStatus.FAILED, "result.debrid_interrupted"),
        (EntryStatus.FAILED, "result.interrupted"),
    ]


async def test_what_is_cut_off_while_it_is_added_is_settled_by_a_look(
    scene: Scene, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = DebridHands.add_magnet

    async def cut_off(hands: DebridHands, magnet: str) -> str:
        await add(hands, magnet)
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(DebridHands, "add_magnet", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await scene.repairs.add(read_magnet(MAGNET), Choice.VIDEOS, (), AUTOMATION)
    (row,) = await scene.rows()
    assert row.status is EntryStatus.RUNNING
    await pass_time(MINUTE, 15)
    (row,) = await scene.rows()
    assert row.result is not None
    assert (row.status, row.result.key) == (EntryStatus.DONE, "result.debrid_added")
    (entry,) = scene.debrid.account.torrents.values()
    assert (entry.status, scene.adds()) == ("downloaded", 1)


async def test_what_is_still_to_be_added_is_not_called_off(
    scene: Scene, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was cut off before it was sent, and there was no slot for it then."""

    async def cut_off(_hands: DebridHands, _magnet: str) -> str:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(DebridHands, "add_magnet", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await scene.repairs.add(read_magnet(MAGNET), Choice.VIDEOS, (), AUTOMATION)
    scene.debrid.account.active_limit = 0
    await pass_time(MINUTE, 40)
    (row,) = await scene.rows("debrid_by_hand")
    assert row.status is EntryStatus.RUNNING
    scene.debrid.account.active_limit = 100
    await pass_time(MINUTE, 90)
    (row,) = await scene.rows("debrid_by_hand")
    assert row.result is not None
    assert (row.status, row.result.key) == (EntryStatus.DONE, "result.debrid_added")
    assert len(scene.debrid.account.torrents) == 1


# --- links -----------------------------------------------------------------------------------------------------------


async def test_links_are_unrestricted(hass: HomeAssistant, scene: Scene) -> None:
    scene.debrid.account.fill(1, files=3)
    (torrent,) = scene.debrid.account.torrents.values()
    scene.debrid.account.broken_links[torrent.links[1]] = int(DebridCode.FILE_UNAVAILABLE)
    told = await ask(hass, Action.DEBRID_UNRESTRICT, torrent=torrent.id)
    assert [bool(each["download"]) for each in told["links"]] == [True, False, True]
    assert told["links"][1]["error"]
    one = await ask(hass, Action.DEBRID_UNRESTRICT, link=torrent.links[0])
    assert one["links"] == told["links"][:1]
    with pytest.raises(HomeAssistantError):
        await ask(hass, Action.DEBRID_UNRESTRICT, link=torrent.links[1])
    for link in ("file:///etc/passwd", "http://10.0.0.1/x", "http://localhost/x"):
        with pytest.raises(ServiceValidationError):
            await ask(hass, Action.DEBRID_UNRESTRICT, link=link)
    with pytest.raises(ServiceValidationError):
        await ask(hass, Action.DEBRID_UNRESTRICT)


async def test_all_of_a_large_torrents_links_can_be_had(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    scene.debrid.account.fill(1, files=55)
    (torrent,) = scene.debrid.account.torrents.values()
    first = await ask(hass, Action.DEBRID_UNRESTRICT, torrent=torrent.id)
    assert (len(first["links"]), first["total"], first["more"], first["next_offset"]) == (50, 55, True, 50)
    await pass_time(timedelta(minutes=1))  # the budget
    rest = await ask(hass, Action.DEBRID_UNRESTRICT, torrent=torrent.id, offset=first["next_offset"])
    assert (len(rest["links"]), rest["more"], rest["next_offset"]) == (5, False, None)
    assert len({each["download"] for each in first["links"] + rest["links"]}) == 55


# --- repairing -------------------------------------------------------------------------------------------------------


async def test_a_dry_run_says_what_waits_and_why(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    olds = [failed(scene.debrid, number) for number in (1, 2)]
    await pass_time(MINUTE, 15)
    scene.debrid.requests.clear()
    told = await ask(hass, Action.DEBRID_REPAIR, dry_run=True, language="en")
    assert (told["total"], told["dry_run"]) == (2, True)
    assert [(each["hash"], each["task"], each["holdup"], each["level"]) for each in told["repairs"]] == [
        (old.hash, "readd", "observing", "observe") for old in olds
    ]
    assert told["repairs"][0]["text"] == "It waits for your word, or for the level of its rule to be raised."
    assert (await ask(hass, Action.DEBRID_REPAIR, dry_run=True, language="fr"))["repairs"][0]["text"].startswith("Il ")
    assert scene.adds() == 0
    diagnosed = await ask(hass, Action.DEBRID_DIAGNOSE, language="en")
    assert diagnosed["errors"][0]["next"].endswith("to be raised.")


async def test_a_person_has_one_repaired_or_all(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    olds = [failed(scene.debrid, number) for number in (1, 2, 3)]
    await pass_time(MINUTE, 15)
    told = await ask(hass, Action.DEBRID_REPAIR, torrent=olds[1].id)
    assert [each["hash"] for each in told["repairs"]] == [olds[1].hash]
    await pass_time(MINUTE, 3)
    assert [scene.entries(old)[0].status for old in olds] == ["error", "downloaded", "error"]
    row = (await scene.rows("debrid_readd"))[-1]
    assert (row.status, row.actor) == (EntryStatus.DONE, AUTOMATION)
    with pytest.raises(ServiceValidationError):
        await ask(hass, Action.DEBRID_REPAIR, torrent="NOTHING")
    assert (await ask(hass, Action.DEBRID_REPAIR))["total"] >= 2
    await pass_time(MINUTE, 5)
    assert [scene.entries(old)[0].status for old in olds] == ["downloaded"] * 3
    assert scene.adds() == 3
    await pass_time(MINUTE, 2)
    again = await ask(hass, Action.DEBRID_DIAGNOSE)
    assert [each["status"] for each in again["errors"]].count("error") == 0


async def test_what_is_all_right_is_not_repaired(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    scene.debrid.account.fill(1)
    (torrent,) = scene.debrid.account.torrents.values()
    await pass_time(MINUTE, 15)
    with pytest.raises(ServiceValidationError, match="nothing to repair"):
        await ask(hass, Action.DEBRID_REPAIR, torrent=torrent.id)
