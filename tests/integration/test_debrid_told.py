"""What people hear when Real-Debrid refuses something, and when a rule of theirs fits no file of a torrent."""

from collections.abc import AsyncIterator
import json
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.retrying import Ending
from custom_components.sokoul.markdown import plain
from custom_components.sokoul.model.debrid import DebridCode
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import RealDebridSimulator
from devstack.real_debrid_account import Plan
from devstack.torrents import bencode

from .conftest import PassTime, SetUp
from .debrid_scene import ACCOUNT_ID, FILES, MINUTE, Scene, account
from .test_debrid_acts import HASH, MAGNET, ask, refuse

ADD = "POST /rest/1.0/torrents/addMagnet"
UNCHOSEN = (DOMAIN, f"debrid_unchosen_{ACCOUNT_ID}")
NAMES = {"selection": "names", "words": ["s02e01"]}


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        simulator.account.plans[HASH] = Plan(name="Some.Show", files=FILES, metadata_seconds=0.0)
        yield simulator


@pytest.fixture
async def scene(debrid: RealDebridSimulator, set_up: SetUp, pass_time: PassTime) -> Scene:
    made = Scene(debrid, await set_up(account()))
    made.set_level(Autonomy.ACT)
    await pass_time(MINUTE, 2)
    return made


# --- a rule that fits no file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("known_at_once", [True, False])
async def test_a_rule_that_fits_no_file_is_told_to_everybody(
    hass: HomeAssistant, scene: Scene, pass_time: PassTime, *, known_at_once: bool
) -> None:
    """To the caller where Real-Debrid knows the files at once; to the journal, and to a person, in any case."""
    if known_at_once:
        with pytest.raises(ServiceValidationError) as told:
            await ask(hass, Action.DEBRID_ADD, link=MAGNET, **NAMES)
        assert told.value.translation_key == "debrid_unchosen"
        assert told.value.translation_placeholders == {"torrent": "Some.Show", "account": "Account"}
    else:
        scene.debrid.account.plans[HASH] = Plan(name="Some.Show", files=FILES, metadata_seconds=90.0)
        added = await ask(hass, Action.DEBRID_ADD, link=MAGNET, **NAMES)
        assert (added["selection"], added["already_there"]) == ("pending", False)
    await pass_time(MINUTE, 30)
    (entry,) = scene.debrid.account.torrents.values()
    assert (entry.status, scene.adds()) == ("waiting_files_selection", 1), "which files is a person's to say"
    added_row, row = await scene.rows()
    assert (added_row.act, added_row.status) == (ActKind.ADD_TORRENT, EntryStatus.DONE)
    assert row.result is not None
    assert (row.act, row.status, row.result.key) == (
        ActKind.SELECT_FILES, EntryStatus.FAILED, "result.debrid_unchosen"
    )  # fmt: skip
    issue = ir.async_get(hass).issues[UNCHOSEN]
    assert issue.translation_placeholders == {"account": "Account", "torrents": f"- {plain('Some.Show')}"}


@pytest.mark.parametrize("again", ["other rule", "website", "deleted"])
async def test_what_a_person_does_then_ends_it(
    hass: HomeAssistant, scene: Scene, pass_time: PassTime, again: str
) -> None:
    with pytest.raises(ServiceValidationError):
        await ask(hass, Action.DEBRID_ADD, link=MAGNET, **NAMES)
    await pass_time(MINUTE, 2)
    assert UNCHOSEN in ir.async_get(hass).issues
    (entry,) = scene.debrid.account.torrents.values()
    match again:
        case "other rule":
            told = await ask(hass, Action.DEBRID_ADD, link=MAGNET, selection="names", words=["s01e02"])
            assert (told["already_there"], told["selection"], told["id"]) == (True, "done", entry.id)
            assert entry.selected == frozenset({2})
        case "website":
            scene.debrid.account.select(entry, frozenset({1}))
        case "deleted":
            await ask(hass, Action.DEBRID_DELETE, torrent=[entry.id], confirm=True)
    await pass_time(MINUTE, 35)
    assert UNCHOSEN not in ir.async_get(hass).issues
    repair = scene.repairs.repair(HASH)
    assert repair is not None
    assert repair.ending in {Ending.REPAIRED, Ending.RECOVERED, Ending.REMOVED}
    assert scene.adds() == 1


async def test_it_is_still_told_after_a_restart(hass: HomeAssistant, scene: Scene, pass_time: PassTime) -> None:
    with pytest.raises(ServiceValidationError):
        await ask(hass, Action.DEBRID_ADD, link=MAGNET, **NAMES)
    await hass.config_entries.async_reload(scene.entry.entry_id)
    await pass_time(MINUTE, 3)
    assert UNCHOSEN in ir.async_get(hass).issues


async def test_the_files_of_a_torrent_file_are_selected_at_once(
    hass: HomeAssistant, scene: Scene, tmp_path: Path
) -> None:
    info = {"name": "Film.mkv", "length": 7_000_000, "piece length": 65536, "pieces": b"x" * 20 * 107}
    path = tmp_path / "film.torrent"
    path.write_bytes(bencode({"announce": "http://tracker.example.org", "info": info}))
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    told = await ask(hass, Action.DEBRID_ADD, path=str(path))
    (entry,) = scene.debrid.account.torrents.values()
    assert (told["selection"], entry.selected) == ("done", frozenset({1}))


# --- what it says in our words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_code_has_words_of_ours(language: str) -> None:
    words = wording.load(language)
    detail = "POST torrents/addMagnet: 451 (infringing_file)"
    for code in DebridCode:
        told = words.text("result.debrid_refusal", problem=code.name.lower(), detail=detail)
        assert detail not in told
        assert code.name.lower() not in told
    assert detail in words.text("result.debrid_refusal", problem="unknown", detail=detail)


async def test_a_known_refusal_is_told_in_the_readers_language(hass: HomeAssistant, scene: Scene) -> None:
    refuse(scene.debrid, ADD, DebridCode.INFRINGING_FILE)
    with pytest.raises(HomeAssistantError) as told:
        await ask(hass, Action.DEBRID_ADD, link=MAGNET, language="fr")
    assert told.value.translation_placeholders is not None
    detail = told.value.translation_placeholders["detail"]
    assert detail == wording.load("fr").text("result.debrid_refusal", problem="infringing_file", detail="")
    (row,) = await scene.rows()
    assert row.result is not None
    assert (row.result.key, row.result.parameters["problem"]) == ("result.debrid_refusal", "infringing_file")


async def test_what_is_unknown_is_quoted(hass: HomeAssistant, scene: Scene) -> None:
    body = json.dumps({"error": "moon_phase_wrong", "error_code": 99})
    scene.debrid.fault(FaultKind.STATUS, ADD, times=1, status=400, body=body)
    with pytest.raises(HomeAssistantError, match="moon_phase_wrong"):
        await ask(hass, Action.DEBRID_ADD, link=MAGNET)


async def test_what_we_conclude_ourselves_is_told_in_our_words(hass: HomeAssistant, scene: Scene) -> None:
    scene.debrid.late.append(3 * MINUTE)
    for problem in ("no_answer", "unsettled"):
        with pytest.raises(HomeAssistantError) as told:
            await ask(hass, Action.DEBRID_ADD, link=MAGNET, language="fr")
        assert told.value.translation_placeholders is not None
        text = wording.load("fr").text("result.debrid_refusal", problem=problem, detail="")
        assert told.value.translation_placeholders["detail"] == text
