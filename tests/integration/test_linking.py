"""Links of the library in Home Assistant: found, judged, repaired by the levels that are set, and taken back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
import gc
import os
from pathlib import Path
from time import sleep
from typing import Any
import weakref

from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser
import voluptuous as vol

from custom_components.sokoul import linking
from custom_components.sokoul.autopilot.rules.debrid import DEBRID_READD
from custom_components.sokoul.autopilot.settings import Caps
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.catalogue import Catalogue
from custom_components.sokoul.debrid.checking import ScanMode
from custom_components.sokoul.debrid.link_notes import StoredLinks
from custom_components.sokoul.debrid.link_repairing import LinkChange, LinkRepairer
from custom_components.sokoul.debrid.links import Cause, Health, Mount
from custom_components.sokoul.debrid.retrying import Ending, Repair, Step, Urgency
from custom_components.sokoul.debrid.shelf import read_catalogue
from custom_components.sokoul.debrid_library import FIRST_LOOK, DebridLibrary
from custom_components.sokoul.debriding import EVENT_SYNC, FIRST_PAUSE
from custom_components.sokoul.linking import HELPLESS, ISSUE, SETTLE, UNREAD_PATIENCE
from custom_components.sokoul.linking_settings import (
    FOUND_KEY,
    RECYCLE,
    SETTINGS_KEY,
    LinkSettings,
    MountFinder,
    known_mounts,
    remember_mounts,
)
from custom_components.sokoul.memory import HubMemory
from custom_components.sokoul.model.journal import Autonomy, EntryStatus
from custom_components.sokoul.repairs import async_create_fix_flow
from custom_components.sokoul.services import Action
from custom_components.sokoul.store import StoreError
from devstack.clock import ManualClock
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import RADARR_ID, SONARR_ID, PassTime, SetUp, servarr_subentry, until
from .link_scene import ACCOUNT_ID, EPISODES, NOWHERE, Library, Scene, account, name_of
from .test_debrid_library import episodes_of, imported, searches

SHOWS = 6
OTHER_ID = "01SOKOULOTHERDEBRID0000000"
REWRITE, REPLACE = "link_rewrite", "link_replace"
NEW = "Show.003.S01.1080p.REPACK"


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


@pytest.fixture
def scene(
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    tmp_path: Path,
    pass_time: PassTime,
    set_up: SetUp,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    monkeypatch.setattr(linking, "REST", 0)  # a pause would never end while time stands still
    return Scene(hass, Library(debrid, tmp_path), pass_time, set_up)


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_the_mount_is_found_by_what_the_links_say(scene: Scene) -> None:
    """Nobody said where the mount is, and it is nowhere on this machine."""
    assert not Path(NOWHERE).exists()
    scene.library.fill(SHOWS)
    await scene.start()
    assert scene.linking.links is not None
    assert scene.linking.links.mounts == (Mount(theirs=NOWHERE),)
    found = await scene.ask(Action.LINKS_SCAN, mode="full")
    assert (found["links"], found["counts"]) == (SHOWS * EPISODES, {"healthy": SHOWS * EPISODES})
    assert (found["plan"], found["shut"], found["unlinked_torrents"]) == ({}, {}, 0)
    assert (scene.linking.broken, scene.linking.running) == (0, False)


async def test_the_folders_of_the_arrs_are_looked_into(scene: Scene, radarr: RadarrSimulator) -> None:
    """Nobody said where the library is. A folder that was seen once is still the one while Radarr is away."""
    scene.library.fill(SHOWS)
    for folder in radarr.root_folders.values():
        folder.path = str(scene.library.root)
    await scene.start(servarr_subentry(radarr, RADARR_ID), settings=LinkSettings())
    assert scene.linking.looked is not None
    assert scene.linking.looked.report.links == SHOWS * EPISODES
    assert scene.linking.links is not None
    known = scene.linking.links
    scene.library.root.rename(scene.library.root.with_name("away"))
    await scene.entry.runtime_data.paths.prove(scene.entry.runtime_data.backends[RADARR_ID])
    found = await scene.ask(Action.LINKS_SCAN)
    assert (found["links"], found["unreadable_folders"]) == (SHOWS * EPISODES, [str(scene.library.root)])
    assert scene.linking.links is known, "nothing of it was forgotten"


async def test_a_renamed_folder_is_noted_and_nothing_is_touched_by_itself(scene: Scene) -> None:
    """A fresh installation observes."""
    scene.library.fill(SHOWS)
    await scene.start()
    before = scene.library.snapshot()
    scene.library.rename(3, NEW)
    await scene.read()
    assert scene.library.snapshot() == before
    (row,) = await scene.rows(REWRITE)
    assert (row.status, row.label, row.undo) == (EntryStatus.OBSERVED, name_of(3), None)
    await scene.ask(Action.LINKS_SCAN)
    assert len(await scene.rows(REWRITE)) == 1, "it is said once"
    assert scene.linking.broken == EPISODES
    assert issue(scene.hass) is None


# --- rewriting -------------------------------------------------------------------------------------------------------


async def renamed(scene: Scene, level: Autonomy) -> None:
    """Have a torrent under another name, seen by a rule that may go so far."""
    scene.library.fill(SHOWS)
    await scene.start()
    scene.levels(level)
    scene.library.rename(3, NEW)
    await scene.read()


async def test_nothing_is_taken_back_beside_a_check(scene: Scene) -> None:
    """A check would see half of it, and note that."""
    await renamed(scene, Autonomy.ACT)
    async with scene.linking.alone():
        undoing = scene.hass.async_create_task(scene.ask(Action.UNDO))
        for _ in range(5):
            await asyncio.to_thread(sleep, 0.01)
        assert not undoing.done()
        assert scene.library.texts(3) == scene.library.as_made(3, NEW)
    assert (await undoing)["status"] == "undone"
    assert scene.library.texts(3) == scene.library.as_made(3)


async def test_a_rule_that_acts_rewrites_them_and_a_person_takes_it_back(scene: Scene) -> None:
    await renamed(scene, Autonomy.ACT)
    assert scene.library.texts(3) == scene.library.as_made(3, NEW)
    (row,) = await scene.rows(REWRITE)
    assert (row.status, row.actor, row.parameters["count"]) == (EntryStatus.DONE, "autopilot", EPISODES)
    journal = await scene.ask(Action.GET_JOURNAL, rule=REWRITE, language="en")
    (told,) = journal["entries"]
    assert told["text"] == (
        "4 links lead to “Show.003.S01.1080p”, which your account has as “Show.003.S01.1080p.REPACK” now. "
        "They lead to “Show.003.S01.1080p.REPACK” now."
    )
    assert (told["can_undo"], told["undo_until"]) == (True, None)
    assert scene.linking.broken == EPISODES, "as of the check; the next one sees that it is over"
    found = await scene.ask(Action.LINKS_SCAN)
    assert (found["counts"], found["mended"], scene.linking.broken) == ({"healthy": SHOWS * EPISODES}, EPISODES, 0)
    undone = await scene.ask(Action.UNDO, language="en")
    assert (undone["status"], undone["text"].rpartition("now. ")[2]) == ("undone", "The 4 links are as before.")
    assert scene.library.texts(3) == scene.library.as_made(3)
    # it asks from now on, and doesn't ask for what a person took back
    assert scene.kernel.settings.autonomy[REWRITE] is Autonomy.SUGGEST
    await scene.ask(Action.LINKS_SCAN)
    assert [each.status for each in await scene.rows(REWRITE)] == [EntryStatus.UNDONE]
    assert scene.library.texts(3) == scene.library.as_made(3)


async def test_what_was_rewritten_is_not_rewritten_again(scene: Scene) -> None:
    """A quick check looks into no folder, and sees all the same what the links say now."""
    await renamed(scene, Autonomy.ACT)
    for _ in range(2):
        found = await scene.ask(Action.LINKS_SCAN, mode="quick")
        assert (found["counts"], found["plan"], scene.linking.broken) == ({"healthy": SHOWS * EPISODES}, {}, 0)
    assert len(await scene.rows(REWRITE)) == 1


async def test_a_rule_that_asks_does_what_is_approved(scene: Scene) -> None:
    await renamed(scene, Autonomy.SUGGEST)
    before = scene.library.snapshot()
    (row,) = await scene.rows(REWRITE)
    assert row.status is EntryStatus.SUGGESTED
    await scene.ask(Action.LINKS_SCAN)
    assert (len(await scene.rows(REWRITE)), scene.library.snapshot()) == (1, before)
    done = await scene.ask(Action.APPROVE, entry_id=row.id)
    assert (done["id"], done["status"]) == (row.id, "done")
    assert scene.library.texts(3) == scene.library.as_made(3, NEW)
    with pytest.raises(HomeAssistantError):
        await scene.ask(Action.APPROVE, entry_id=row.id)


async def test_what_is_not_needed_any_more_is_not_asked(scene: Scene) -> None:
    await renamed(scene, Autonomy.SUGGEST)
    scene.library.rename(3, name_of(3))
    await scene.read()
    (row,) = await scene.rows(REWRITE)
    assert row.status is EntryStatus.EXPIRED
    assert scene.library.texts(3) == scene.library.as_made(3)


async def test_approving_looks_again_before_anything_is_touched(scene: Scene) -> None:
    await renamed(scene, Autonomy.SUGGEST)
    (row,) = await scene.rows(REWRITE)
    path = scene.library.paths(3)[0]
    path.unlink()
    path.symlink_to("/elsewhere/film.mkv")  # somebody else was faster, and no folder has been looked into since
    done = await scene.ask(Action.APPROVE, entry_id=row.id, language="en")
    assert done["status"] == "done"
    (row,) = await scene.rows(REWRITE)
    assert row.parameters["count"] == 3
    assert str(path.readlink()) == "/elsewhere/film.mkv"
    assert scene.library.texts(3)[1:] == scene.library.as_made(3, NEW)[1:]


async def test_what_is_never_wanted_is_never_asked_again(scene: Scene) -> None:
    await renamed(scene, Autonomy.SUGGEST)
    (row,) = await scene.rows(REWRITE)
    await scene.ask(Action.REJECT, entry_id=row.id, never=True)
    scene.levels(Autonomy.ACT)
    await scene.ask(Action.LINKS_SCAN)
    assert [each.status for each in await scene.rows(REWRITE)] == [EntryStatus.REJECTED]
    assert row.subject in scene.kernel.settings.protected
    assert scene.library.texts(3) == scene.library.as_made(3)


async def test_a_rule_that_is_off_says_nothing_whoever_asks(scene: Scene) -> None:
    await renamed(scene, Autonomy.OFF)
    assert (await scene.ask(Action.LINKS_REPAIR))["done"] == []
    assert await scene.rows(REWRITE) == []
    assert scene.library.texts(3) == scene.library.as_made(3)


async def test_a_person_has_repaired_what_the_rule_only_notes(scene: Scene) -> None:
    await renamed(scene, Autonomy.OBSERVE)
    told = await scene.ask(Action.LINKS_REPAIR, dry_run=True, language="en")
    assert (told["plan"], told["done"]) == ({"rewrite": EPISODES}, [])
    assert told["first"][0] == {
        "path": str(scene.library.paths(3)[0]),
        "target": scene.library.as_made(3)[0],
        "cause": "torrent_gone",
        "text": "Its torrent isn\u2019t in the account any more.",
        "act": "rewrite",
        "act_text": "The link is rewritten.",
        "new_target": scene.library.as_made(3, NEW)[0],
    }
    assert scene.library.texts(3) == scene.library.as_made(3)
    other = await scene.ask(Action.LINKS_REPAIR, path=str(scene.library.root / "Show 2"))
    assert (other["plan"], other["done"]) == ({}, [])
    one = await scene.ask(Action.LINKS_REPAIR, path=str(scene.library.paths(3)[0]))
    assert (one["plan"], len(one["done"]), one["done"][0]["actor"]) == ({"rewrite": 1}, 1, "automation")
    assert scene.library.texts(3) == [scene.library.as_made(3, NEW)[0], *scene.library.as_made(3)[1:]]
    assert len((await scene.ask(Action.LINKS_REPAIR))["done"]) == 1
    assert scene.library.texts(3) == scene.library.as_made(3, NEW)


async def test_a_neighbour_is_never_taken_for_the_episode(scene: Scene) -> None:
    """The same torrent comes back without its first episode, under another name: the other three are rewritten."""
    scene.library.fill(SHOWS)
    await scene.start()
    scene.levels(Autonomy.ACT)
    scene.library.rename(3, NEW)
    torrent = scene.library.torrents[3]
    scene.library.debrid.account.select(torrent, frozenset({2, 3, 4}))
    scene.library.debrid.account.turn(torrent, "downloaded")
    await scene.read()
    assert scene.library.texts(3) == [scene.library.as_made(3)[0], *scene.library.as_made(3, NEW)[1:]]
    assert {path: text for path, text in scene.library.snapshot().items() if "Show 3" not in path} == {
        str(path): text
        for show in (0, 1, 2, 4, 5)
        for path, text in zip(scene.library.paths(show), scene.library.as_made(show), strict=True)
    }


async def test_what_a_crash_cut_off_is_finished_after_the_start(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.library.fill(SHOWS)
    await scene.start()
    scene.levels(Autonomy.ACT)
    scene.library.rename(3, NEW)
    whole, made = LinkRepairer._make, []

    async def cut_off(self: LinkRepairer, begun: LinkChange) -> bool:
        if len(made) == 2:
            raise asyncio.CancelledError
        made.append(begun.key)
        return await whole(self, begun)

    monkeypatch.setattr(LinkRepairer, "_make", cut_off)
    await scene.read()
    assert scene.library.texts(3) == [*scene.library.as_made(3, NEW)[:2], *scene.library.as_made(3)[2:]]
    (row,) = await scene.rows(REWRITE)
    assert row.status is EntryStatus.RUNNING
    assert await scene.hass.config_entries.async_unload(scene.entry.entry_id)
    monkeypatch.undo()
    monkeypatch.setattr(linking, "REST", 0)
    monkeypatch.setattr(api, "BASE_URL", scene.library.debrid.url)
    assert await scene.hass.config_entries.async_setup(scene.entry.entry_id)
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    (row,) = await scene.rows(REWRITE)
    # what was noted is finished; what was not even begun is the next check's
    assert (row.status, row.result.key) == (EntryStatus.DONE, "result.links_some")
    assert scene.library.texts(3)[:3] == scene.library.as_made(3, NEW)[:3]
    await scene.pass_time(FIRST_PAUSE)
    await scene.pass_time(timedelta(minutes=1))
    assert scene.library.texts(3) == scene.library.as_made(3, NEW)


async def test_what_an_error_of_the_database_cut_off_is_settled_by_the_next_check(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to restart to take it back."""
    scene.library.fill(SHOWS)
    await scene.start()
    scene.levels(Autonomy.ACT)
    scene.library.rename(3, NEW)
    whole, saved = StoredLinks.save_change, []

    async def full(self: StoredLinks, change: LinkChange) -> None:
        saved.append(change.key)
        if len(saved) == 4:  # the second link was rewritten, and this can't be noted any more
            raise StoreError("disk full")
        await whole(self, change)

    monkeypatch.setattr(StoredLinks, "save_change", full)
    await scene.read()
    (row,) = await scene.rows(REWRITE)
    assert (row.status, scene.library.texts(3)[1]) == (EntryStatus.RUNNING, scene.library.as_made(3, NEW)[1])
    scene.levels(Autonomy.SUGGEST)
    await scene.ask(Action.LINKS_SCAN, dry_run=True)
    assert (await scene.rows(REWRITE))[0].status is EntryStatus.RUNNING, "a dry run settles nothing"
    await scene.ask(Action.LINKS_SCAN)
    rest, row = await scene.rows(REWRITE)
    assert (row.status, row.result.key, row.result.parameters["done"]) == (EntryStatus.DONE, "result.links_some", 2)
    assert (rest.status, rest.parameters["count"]) == (EntryStatus.SUGGESTED, 2)
    undone = await scene.ask(Action.UNDO, entry_id=row.id, language="en")
    assert undone["text"].rpartition("now. ")[2] == "The 2 links are as before."
    assert scene.library.texts(3) == scene.library.as_made(3)


async def test_what_could_not_be_taken_back_can_be_later(scene: Scene) -> None:
    await renamed(scene, Autonomy.ACT)
    (row,) = await scene.rows(REWRITE)
    path = scene.library.paths(3)[0]
    mine = path.readlink()
    path.unlink()
    path.symlink_to("/elsewhere/film.mkv")
    undone = await scene.ask(Action.UNDO, entry_id=row.id)
    assert (undone["status"], undone["can_undo"]) == ("undone", True)
    assert scene.library.texts(3)[1:] == scene.library.as_made(3)[1:]
    with pytest.raises(HomeAssistantError, match="Nothing was changed"):
        await scene.ask(Action.UNDO, entry_id=row.id)
    path.unlink()
    path.symlink_to(mine)
    undone = await scene.ask(Action.UNDO, entry_id=row.id)
    assert (undone["status"], undone["can_undo"]) == ("undone", False)
    assert scene.library.texts(3) == scene.library.as_made(3)
    with pytest.raises(HomeAssistantError, match="not any more"):
        await scene.ask(Action.UNDO, entry_id=row.id)


# --- adding again ----------------------------------------------------------------------------------------------------


async def test_a_lost_torrent_is_added_again_and_its_links_live(scene: Scene) -> None:
    scene.library.fill(SHOWS)
    await scene.start()
    before = scene.library.snapshot()
    settings = scene.kernel.settings.with_autonomy(DEBRID_READD.key, Autonomy.ACT)
    scene.kernel.change(settings)
    scene.library.lose(3)
    await scene.read()
    assert scene.linking.broken == EPISODES
    for _ in range(20):
        await scene.pass_time(timedelta(minutes=2))
    await scene.read()
    held = [each for each in scene.library.debrid.account.torrents.values() if each.hash == scene.library.hash(3)]
    assert [each.status for each in held] == ["downloaded"], "added once"
    assert (scene.linking.broken, scene.library.snapshot()) == (0, before)


async def test_a_person_who_switched_adding_again_off_has_nothing_added(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules that are off stay off, whoever has links repaired."""
    wanted: list[str] = []

    async def want(_self: object, _account: str, repair: Repair, actor: str) -> Repair:
        wanted.append(actor)
        return repair

    monkeypatch.setattr(linking._Repairs, "want", want)
    scene.library.fill(SHOWS)
    await scene.start()
    scene.library.lose(3)
    await scene.read()
    wanted.clear()
    for level, asked in ((Autonomy.OFF, []), (Autonomy.OBSERVE, ["automation"])):
        scene.kernel.change(scene.kernel.settings.with_autonomy(DEBRID_READD.key, level))
        told = await scene.ask(Action.LINKS_REPAIR)
        assert (told["plan"], wanted) == ({"readd": EPISODES}, asked)


# --- searching -------------------------------------------------------------------------------------------------------


async def given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch, *, knows: bool = True) -> list[str]:
    """Have a torrent lost that was given up for good; return what is searched for."""
    asked: list[str] = []

    async def known(_self: DebridLibrary, path: str) -> bool:
        return knows and "/Show 3/" in path

    async def replaced(_self: DebridLibrary, path: str) -> bool:
        asked.append(path)
        return True

    monkeypatch.setattr(DebridLibrary, "knows", known)
    monkeypatch.setattr(DebridLibrary, "replace", replaced)
    scene.library.fill(SHOWS)
    await scene.start()
    repairs = scene.entry.runtime_data.debrid_repairs.account(ACCOUNT_ID)
    now = scene.library.debrid.account.clock.now()
    lost = Repair(
        hash=scene.library.hash(3), label=name_of(3), trouble="infringing", created_at=now, due_at=now,
        step=Step.GIVEN_UP, ending=Ending.REFUSED,
    )  # fmt: skip
    monkeypatch.setattr(repairs.repairer, "repair", lambda _hash: lost)
    scene.levels(Autonomy.ACT)
    scene.library.lose(3)
    await scene.read()
    return asked


async def test_what_is_lost_for_good_is_searched_for_and_its_links_are_set_aside(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await given_up(scene, monkeypatch)
    assert asked == [str(path) for path in scene.library.paths(3)]
    assert not any(path.is_symlink() for path in scene.library.paths(3))
    recycled = sorted((scene.library.root.parent / RECYCLE).rglob("*.mkv"))
    assert sorted(str(path.readlink()) for path in recycled) == scene.library.as_made(3)
    rows = await scene.rows(REPLACE)
    assert [row.status for row in rows] == [EntryStatus.DONE] * EPISODES
    await scene.ask(Action.UNDO, entry_id=rows[-1].id)
    assert [path.is_symlink() for path in scene.library.paths(3)] == [True, False, False, False]
    assert str(scene.library.paths(3)[0].readlink()) == scene.library.as_made(3)[0]


async def test_sonarr_is_asked_for_the_lost_episode_alone(scene: Scene, sonarr: SonarrSimulator) -> None:
    """One file of the torrent is gone, and Sonarr has the whole season: its neighbours stay as they are."""
    scene.library.fill(SHOWS)
    episodes = episodes_of(sonarr)[:3]
    series = episodes[0].series
    series.root, series.title = str(scene.library.root), "Show 3"
    for number, each in enumerate(episodes, 1):
        assert each.file is not None
        each.file.relative_path = f"E{number:02}.mkv"
    imported(sonarr, *episodes)
    await scene.start(servarr_subentry(sonarr, SONARR_ID))
    scene.levels(Autonomy.ACT)
    torrent = scene.library.torrents[3]
    scene.library.debrid.account.select(torrent, frozenset({2, 3, 4}))
    scene.library.debrid.account.turn(torrent, "downloaded")
    mirror = scene.entry.runtime_data.debriding.accounts[ACCOUNT_ID]
    await mirror.store.mirror.ask_details(ACCOUNT_ID, [torrent.id], dt_util.utcnow())
    await scene.read()
    assert not scene.library.paths(3)[0].is_symlink()
    assert [str(path.readlink()) for path in scene.library.paths(3)[1:]] == scene.library.as_made(3)[1:]
    (recycled,) = (scene.library.root.parent / RECYCLE).rglob("*.mkv")
    assert str(recycled.readlink()) == scene.library.as_made(3)[0]
    assert searches(sonarr) == [], "not before Sonarr sees that the file is away"
    episodes[0].file = None
    await scene.pass_time(FIRST_LOOK)
    await scene.pass_time(timedelta(seconds=1))
    assert [each["episodeIds"] for each in searches(sonarr)] == [[episodes[0].id]]
    (row,) = await scene.rows(REPLACE)
    assert (row.status, row.label) == (EntryStatus.DONE, "E01.mkv")


async def test_an_hour_has_only_so_many_searches(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Caps(acts_an_hour=3)
    original = Scene.levels

    def with_caps(self: Scene, level: Autonomy) -> None:
        original(self, level)
        self.kernel.change(replace(self.kernel.settings, caps=settings))

    monkeypatch.setattr(Scene, "levels", with_caps)
    asked = await given_up(scene, monkeypatch)
    assert len(asked) == 3
    await scene.ask(Action.LINKS_SCAN)
    assert len(asked) == 3
    await scene.pass_time(timedelta(minutes=61))
    await scene.ask(Action.LINKS_SCAN)
    assert len(asked) == EPISODES


async def test_what_no_arr_knows_is_told_and_stays(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await given_up(scene, monkeypatch, knows=False) == []
    assert scene.library.texts(3) == scene.library.as_made(3)
    told = await scene.ask(Action.LINKS_REPAIR, dry_run=True)
    assert told["plan"] == {"tell": EPISODES}
    found = ir.async_get(scene.hass).async_get_issue(DOMAIN, HELPLESS)
    assert found is not None
    assert found.translation_placeholders is not None
    assert found.translation_placeholders["count"] == str(EPISODES)
    for path, text in scene.library.snapshot().items():
        if text in scene.library.as_made(3):
            Path(path).unlink()
    await scene.ask(Action.LINKS_SCAN)
    assert ir.async_get(scene.hass).async_get_issue(DOMAIN, HELPLESS) is None


# --- the gate --------------------------------------------------------------------------------------------------------


async def test_an_empty_or_missing_mount_breaks_nothing(scene: Scene) -> None:
    """The mount is here, and proven. Whatever is gone from the account meanwhile, nothing behind it is touched."""
    scene.library.mount = str(scene.library.folder / "zurg")
    scene.library.fill(SHOWS)
    scene.library.show_mount(range(SHOWS))
    await scene.start()
    assert scene.linking.links is not None
    assert scene.linking.links.mounts == (Mount(theirs=scene.library.mount, ours=scene.library.mount, proven=True),)
    scene.levels(Autonomy.ACT)
    before = scene.library.snapshot()
    mount, aside = Path(scene.library.mount), scene.library.folder / "aside"
    mount.rename(aside)
    mount.mkdir()
    scene.library.rename(3, NEW)
    await scene.read()
    found = issue(scene.hass)
    assert found is not None
    assert (found.translation_key, found.is_fixable) == ("links_mount_empty", False)
    mount.rmdir()
    told = await scene.ask(Action.LINKS_SCAN)
    assert (told["shut"], told["plan"]) == ({str(mount): "It isn\u2019t there, or nothing in it can be read."}, {})
    found = issue(scene.hass)
    assert found is not None
    assert found.translation_key == "links_mount_away"
    assert (scene.library.snapshot(), await scene.rows(REWRITE)) == (before, [])
    aside.rename(mount)
    await scene.pass_time(linking.SHUT_AGAIN)
    await scene.pass_time(timedelta(seconds=1), 2)  # it may be the time of the daily check, too
    assert issue(scene.hass) is None
    # the account has it under another name, but it can be read under the old one: that is not broken
    assert (scene.library.snapshot(), await scene.rows(REWRITE)) == (before, [])


def again(show: int) -> str:
    return f"{name_of(show)}.AGAIN"


async def broken(scene: Scene, *, shows: int, episodes: int) -> dict[str, str]:
    """Have a library of 100 links of which those of one show broke; return the links as they were."""
    scene.library.episodes = episodes
    scene.library.fill(shows)
    await scene.start()
    scene.levels(Autonomy.ACT)
    before = scene.library.snapshot()
    assert len(before) == 100
    scene.library.rename(1, again(1))
    await scene.read()
    return before


async def test_25_of_100_at_once_are_an_outage_until_a_person_says_otherwise(scene: Scene) -> None:
    """That is more than 20, and more than 2 %."""
    before = await broken(scene, shows=4, episodes=25)
    found = issue(scene.hass)
    assert found is not None
    assert (found.translation_key, found.is_fixable) == ("links_many_at_once", True)
    assert found.translation_placeholders == {"mounts": NOWHERE, "count": "25", "links": "100"}
    assert (scene.library.snapshot(), await scene.rows(REWRITE)) == (before, [])
    assert (await scene.ask(Action.LINKS_REPAIR))["done"] == [], "not even for a person who doesn't say so"
    assert scene.library.snapshot() == before
    flow: Any = await async_create_fix_flow(scene.hass, ISSUE, None)
    flow.hass, flow.issue_id = scene.hass, ISSUE
    form = await flow.async_step_init()
    assert (form["step_id"], form["description_placeholders"]["count"]) == ("confirm", "25")
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    assert issue(scene.hass) is None
    assert scene.library.texts(1) == scene.library.as_made(1, again(1))
    assert len(await scene.rows(REWRITE)) == 1
    assert await scene.hass.config_entries.async_unload(scene.entry.entry_id)
    assert (await flow.async_step_confirm({}))["reason"] == "not_loaded"


@pytest.mark.parametrize(("more", "believed"), [(20, True), (21, False)])
async def test_what_a_person_believes_is_the_number_that_was_shown(scene: Scene, *, more: int, believed: bool) -> None:
    """25 were shown; by the click many more are broken, of which nobody said anything."""
    scene.library.episodes = 25
    scene.library.fill(4)
    scene.library.episodes = more
    for show in (8, 9):
        scene.library.hold(show)
        season = scene.library.root / f"Show {show}"
        season.mkdir()
        for path, text in zip(scene.library.paths(show), scene.library.as_made(show), strict=True):
            path.symlink_to(text)
    scene.library.age()
    await scene.start()
    scene.levels(Autonomy.ACT)
    scene.library.episodes = 25
    scene.library.rename(1, again(1))
    await scene.read()
    flow: Any = await async_create_fix_flow(scene.hass, ISSUE, None)
    flow.hass, flow.issue_id = scene.hass, ISSUE
    form = await flow.async_step_init()
    assert form["description_placeholders"]["count"] == "25"
    scene.library.episodes = more
    scene.library.rename(8, again(8))
    scene.library.episodes = 25
    await scene.read()  # the issue says another number meanwhile, which nobody was shown
    assert (await flow.async_step_confirm({}))["type"] is FlowResultType.CREATE_ENTRY
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    assert scene.library.texts(1) == scene.library.as_made(1, again(1) if believed else "")
    found = issue(scene.hass)
    told = found.translation_placeholders if found is not None else None
    assert (told or {}).get("count") == (None if believed else str(25 + more))


async def test_an_outage_that_is_over_takes_its_issue_with_it(scene: Scene) -> None:
    before = await broken(scene, shows=4, episodes=25)
    assert issue(scene.hass) is not None
    scene.library.rename(1, name_of(1))
    await scene.read()
    assert (issue(scene.hass), scene.library.snapshot()) == (None, before)


async def test_an_outage_of_folders_that_are_none_any_more_is_over(scene: Scene) -> None:
    await broken(scene, shows=4, episodes=25)
    assert issue(scene.hass) is not None
    scene.entry.runtime_data.memory.set(SETTINGS_KEY, LinkSettings().as_json())
    scene.linking.settings_changed()
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    assert issue(scene.hass) is None


async def test_as_many_as_may_break_are_repaired(scene: Scene) -> None:
    """20 of 100: that is not too much."""
    await broken(scene, shows=5, episodes=20)
    assert issue(scene.hass) is None
    assert scene.library.texts(1) == scene.library.as_made(1, again(1))


async def test_a_person_may_say_at_once_that_so_many_are_broken(scene: Scene) -> None:
    await broken(scene, shows=4, episodes=25)
    told = await scene.ask(Action.LINKS_SCAN, dry_run=True)
    assert (told["plan"], told["broke_at_once"]) == ({}, 25)
    told = await scene.ask(Action.LINKS_SCAN, accept=25, dry_run=True)
    assert (told["plan"], told["shut"]) == ({"rewrite": 25}, {})
    told = await scene.ask(Action.LINKS_SCAN)
    assert (told["plan"], list(told["shut"])) == ({}, [NOWHERE]), "what a dry run would do was nobody's word"
    assert issue(scene.hass) is not None
    assert scene.library.texts(1) == scene.library.as_made(1)
    with pytest.raises(ServiceValidationError) as refused:
        await scene.ask(Action.LINKS_SCAN, accept=4)
    assert refused.value.translation_key == "links_more_broke"
    assert refused.value.translation_placeholders == {"count": "25", "shown": "4"}
    assert scene.library.texts(1) == scene.library.as_made(1), "nobody said it of 25"
    told = await scene.ask(Action.LINKS_SCAN, accept=5)
    assert (told["shut"], told["broke_at_once"]) == ({}, 0), "20 more are as few as may break without a word"
    assert issue(scene.hass) is None
    assert scene.library.texts(1) == scene.library.as_made(1, again(1))


async def test_what_reads_well_again_needs_no_repair_any_more(scene: Scene) -> None:
    """Reading failed, so the torrent is to be added again; but while that waits it is read again."""
    scene.library.fill(SHOWS)
    await scene.start()
    repairs = scene.entry.runtime_data.debrid_repairs.account(ACCOUNT_ID)
    hashes = [scene.library.hash(show) for show in (3, 4, 5)]
    for show, info_hash, urgency in zip(
        (3, 4, 5), hashes, (Urgency.LINKED, Urgency.LINKED, Urgency.PERSON), strict=True
    ):
        entry, now = scene.library.torrents[show].id, dt_util.utcnow()
        await repairs.repairer.want(Repair(
            hash=info_hash, label="", trouble=Cause.UNREADABLE, urgency=urgency, created_at=now,
            due_at=now + timedelta(days=1), old_ids=(entry,), bad_ids=(entry,),
        ))  # fmt: skip
    (scene.library.root / "Show 4" / "E01.mkv").unlink()
    (scene.library.root / "Show 4" / "E01.mkv").symlink_to(f"{NOWHERE}/{name_of(4)}/another.mkv")
    await scene.ask(Action.LINKS_SCAN, dry_run=True)
    assert all(repairs.repair(info_hash).open for info_hash in hashes), "a dry run changes nothing"
    await scene.ask(Action.LINKS_SCAN)
    assert [repairs.repair(info_hash).ending for info_hash in hashes] == [Ending.RECOVERED, None, None]


async def test_an_account_that_can_not_be_read_holds_up_the_others_for_a_while_only(
    scene: Scene, debrid: RealDebridSimulator
) -> None:
    """Its token ran out. What it may hold is not called lost until it is read."""
    second = account()
    data = {**second["data"], "connection": {"username": "sam", "api_key": "RANOUT0000"}}
    other: Any = {**second, "subentry_id": OTHER_ID, "unique_id": "real_debrid:1002", "data": data}
    scene.library.fill(SHOWS)
    await scene.start(other)
    with pytest.raises(ServiceValidationError) as refused:
        await scene.ask(Action.LINKS_SCAN)
    assert refused.value.translation_key == "links_not_read_yet"
    await scene.pass_time(UNREAD_PATIENCE)
    found = await scene.ask(Action.LINKS_SCAN)
    assert found["counts"] == {"healthy": SHOWS * EPISODES}
    scene.library.lose(1)
    await scene.read()
    found = await scene.ask(Action.LINKS_SCAN)
    assert found["counts"] == {"healthy": (SHOWS - 1) * EPISODES, "unknown": EPISODES}
    assert found["causes"] == {"not_read_yet": EPISODES}
    hub = scene.entry.runtime_data
    hub.debriding.accounts[OTHER_ID].sync.listed_at = dt_util.utcnow()
    told = {"type": "ended", "account_id": OTHER_ID, "summary": {"unchanged": True}}
    scene.hass.bus.async_fire(EVENT_SYNC, told)
    await scene.hass.async_block_till_done()
    await scene.pass_time(SETTLE + timedelta(seconds=1))
    assert scene.linking.broken == EPISODES, "it was read, and has it neither"


@pytest.mark.parametrize("accept", [True, False, 0, "all"])
async def test_of_how_many_that_is_said_has_to_be_a_number(scene: Scene, accept: object) -> None:
    scene.library.fill(SHOWS)
    await scene.start()
    with pytest.raises(vol.Invalid):
        await scene.ask(Action.LINKS_SCAN, accept=accept)


# --- listing, and who may --------------------------------------------------------------------------------------------


async def test_what_was_found_is_listed_page_by_page(scene: Scene) -> None:
    library = scene.library
    library.fill(SHOWS)
    library.hold(77)
    (library.root / "loop").symlink_to("loop")
    (library.root / "elsewhere").symlink_to("/mnt/disk/film.mkv")
    library.age()
    await scene.start()
    library.lose(1, 2)
    await scene.read()
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await scene.ask(Action.LINKS_LIST, limit=3, language="en", **cursor)
        found += [each["path"] for each in page["links"]]
        assert {each["cause"] for each in page["links"]} == {"torrent_gone"}
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert found == [str(path) for show in (1, 2) for path in library.paths(show)]
    for kind, paths in (("loops", ["loop"]), ("outside", ["elsewhere"]), ("unreadable", []), ("unknown", [])):
        page = await scene.ask(Action.LINKS_LIST, kind=kind)
        assert [each["path"] for each in page["links"]] == [str(library.root / path) for path in paths], kind
    page = await scene.ask(Action.LINKS_LIST, kind="unlinked")
    assert [(each["name"], each["hash"]) for each in page["torrents"]] == [(name_of(77), library.hash(77))]
    for bad in ("", "x", "YnJva2VuAC9h"):
        with pytest.raises(ServiceValidationError, match="cursor"):
            await scene.ask(Action.LINKS_LIST, kind="loops", cursor=bad)


async def test_only_administrators_have_links_checked_and_repaired(scene: Scene) -> None:
    scene.library.fill(SHOWS)
    await scene.start()
    user = MockUser(is_owner=False).add_to_hass(scene.hass)
    for action in (Action.LINKS_SCAN, Action.LINKS_REPAIR):
        with pytest.raises(Unauthorized):
            await scene.hass.services.async_call(
                DOMAIN, action, {}, blocking=True, return_response=True, context=Context(user_id=user.id)
            )


async def test_what_can_not_be_checked_says_why(scene: Scene) -> None:
    scene.library.fill(SHOWS)
    entry = scene.entry = await scene.set_up(account())
    with pytest.raises(ServiceValidationError, match="No media folder"):
        await scene.ask(Action.LINKS_SCAN)
    with pytest.raises(ServiceValidationError, match="No media folder"):
        await scene.ask(Action.LINKS_LIST)
    told = await scene.ask(Action.CHECK_UP, language="en")
    assert [each["key"] for each in told["findings"] if "links" in each["key"]] == ["finding.links_unseen"]
    settings = LinkSettings(folders=(str(scene.library.root),))
    entry.runtime_data.memory.set(SETTINGS_KEY, settings.as_json())
    scene.linking.settings_changed()
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    with pytest.raises(ServiceValidationError, match="not been read"):
        await scene.ask(Action.LINKS_SCAN)
    told = await scene.ask(Action.CHECK_UP)
    assert [each["key"] for each in told["findings"] if "links" in each["key"]] == []
    await entry.runtime_data.pilot.stop()
    with pytest.raises(HomeAssistantError, match="Healing is off"):
        await scene.ask(Action.LINKS_SCAN)
    await entry.runtime_data.pilot.start()


# --- when ------------------------------------------------------------------------------------------------------------


async def test_details_that_are_needed_are_read(scene: Scene) -> None:
    """The account is read without details at first: the links can't be judged, until their torrents' files are read."""
    scene.library.fill(SHOWS)
    scene.entry = await scene.set_up(account())
    settings = LinkSettings(folders=(str(scene.library.root),))
    scene.entry.runtime_data.memory.set(SETTINGS_KEY, settings.as_json())
    scene.linking.settings_changed()
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    await scene.pass_time(FIRST_PAUSE)
    await scene.pass_time(linking.SETTLE + timedelta(seconds=1))
    assert scene.linking.looked is not None
    assert len(scene.linking.looked.report.details_wanted) == SHOWS
    await scene.pass_time(timedelta(seconds=15), 4)
    assert scene.linking.looked.report.details_wanted == ()
    assert scene.linking.looked.report.count(Health.HEALTHY) == SHOWS * EPISODES


async def test_what_did_not_change_is_not_read_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large account that takes seconds of a processor, in each check."""
    readings: list[Catalogue] = []

    async def read(*values: Any, **more: Any) -> Catalogue:
        readings.append(await read_catalogue(*values, **more))
        return readings[-1]

    monkeypatch.setattr(linking, "read_catalogue", read)
    scene.library.fill(SHOWS)
    await scene.start()
    readings.clear()
    for _ in range(2):
        assert (await scene.ask(Action.LINKS_SCAN, mode="quick"))["counts"] == {"healthy": SHOWS * EPISODES}
    assert len(readings) <= 1
    readings.clear()
    scene.library.lose(0)
    await scene.read()
    found = await scene.ask(Action.LINKS_SCAN, mode="quick")
    assert found["counts"] == {"healthy": (SHOWS - 1) * EPISODES, "broken": EPISODES}
    assert len(readings) == 1


@pytest.mark.parametrize("what", ["folders", "account", "folders in a check"])
async def test_what_nobody_checks_any_more_is_let_go_of(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """What was read of a large account takes tens of megabytes."""
    scene.library.fill(SHOWS)
    await scene.start()
    assert scene.linking.looked is not None
    catalogues = [weakref.ref(scene.linking.looked.catalogue)]
    checking = None
    if what == "folders in a check":
        go_on, plan = asyncio.Event(), LinkRepairer.plan

        async def slowly(*given: Any) -> Any:
            await go_on.wait()
            return await plan(*given)

        monkeypatch.setattr(LinkRepairer, "plan", slowly)
        checking = scene.linking.begin(ScanMode.QUICK)
        await until(lambda: scene.linking.running)
    if what == "account":
        scene.hass.config_entries.async_remove_subentry(scene.entry, ACCOUNT_ID)
    else:
        scene.entry.runtime_data.memory.set(SETTINGS_KEY, LinkSettings().as_json())
        scene.linking.settings_changed()
    if checking is not None:
        go_on.set()
        catalogues.append(weakref.ref((await checking).catalogue))
        del checking
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    assert scene.linking.looked is None
    gc.collect()
    assert [each() for each in catalogues] == [None] * len(catalogues)


async def test_a_new_folder_is_seen_by_the_daily_check(scene: Scene) -> None:
    scene.library.fill(SHOWS)
    await scene.start()
    first = scene.linking.checked_at
    new = scene.library.root / "Show 3" / "Extras"
    new.mkdir()
    (new / "again.mkv").symlink_to(scene.library.as_made(3)[0])
    await scene.read()
    assert scene.linking.looked is not None
    assert scene.linking.looked.report.links == SHOWS * EPISODES, "a quick check looks into no folder"
    await scene.pass_time(timedelta(hours=1), 25)
    assert scene.linking.looked.report.links == SHOWS * EPISODES + 1
    assert first is not None
    assert scene.linking.checked_at is not None
    assert scene.linking.checked_at > first


async def test_a_mount_whose_name_is_no_text_is_remembered(scene: Scene) -> None:
    """All that the hub remembers is in one file of JSON: what doesn't go into it would take the rest with it."""
    scene.library.fill(SHOWS)
    await scene.start()
    hub = scene.entry.runtime_data
    mounts = {os.fsdecode(b"/mnt/z\xfcrg/100%"): "", "/mnt/zurg": os.fsdecode(b"/media/\xe9")}
    remember_mounts(hub, MountFinder(LinkSettings(), mounts, ()))
    await hub.memory.save_now()
    again = HubMemory(scene.hass, scene.entry.entry_id)
    await again.load()
    assert again.get(FOUND_KEY, {}) == hub.memory.get(FOUND_KEY, {})
    assert known_mounts(hub) == mounts


async def test_the_figures_outlive_a_restart(scene: Scene) -> None:
    scene.library.fill(SHOWS)
    await scene.start()
    scene.library.lose(3)
    await scene.read()
    before = (scene.linking.broken, scene.linking.checked_at)
    assert before[0] == EPISODES
    assert await scene.hass.config_entries.async_unload(scene.entry.entry_id)
    assert await scene.hass.config_entries.async_setup(scene.entry.entry_id)
    assert (scene.linking.broken, scene.linking.checked_at) == before
