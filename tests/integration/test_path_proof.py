"""Which of our folders is which of theirs: found out by looking for their files on a real disk."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import os
from pathlib import Path
import threading
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul import path_proof
from custom_components.sokoul.model.paths import JudgedMap, PathMap, PathState
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    until,
)

type MakeFile = Callable[[str, int], None]


@pytest.fixture
def ours(hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this be the only place where Home Assistant looks for media."""
    place = tmp_path / "share"
    place.mkdir()
    monkeypatch.setattr(path_proof, "USUAL_PLACES", ())
    hass.config.media_dirs = {"local": str(place)}
    return place


@pytest.fixture
def make_file(ours: Path) -> MakeFile:
    """Make a file of a size, without its bytes."""

    def make(path: str, size_bytes: int) -> None:
        file = ours / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.truncate(size_bytes)

    return make


def movies(radarr: RadarrSimulator) -> dict[str, int]:
    """Return the files of the library, as Radarr calls them, with their sizes."""
    return {f"{radarr.folder_of(one)}/{file.relative_path}": file.size_bytes for one, file in radarr.own_files()}


def maps(entry: Any, backend_id: str) -> tuple[JudgedMap, ...]:
    found: tuple[JudgedMap, ...] = entry.runtime_data.view.path_maps[backend_id]
    return found


# --- radarr's library ------------------------------------------------------------------------------------------------


async def test_files_at_the_right_size_prove_a_folder(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, make_file: MakeFile
) -> None:
    for path, size in movies(radarr).items():
        make_file(path.removeprefix("/data"), size)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    (judged,) = maps(entry, RADARR_ID)
    assert (judged.state, judged.map) == (PathState.PROVEN, PathMap("/data", str(ours)))
    assert judged.right >= 3
    assert judged.wrong == 0


async def test_files_of_another_size_refute_it(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, make_file: MakeFile
) -> None:
    for path, size in movies(radarr).items():
        make_file(path.removeprefix("/data"), size + 1)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert {judged.state for judged in maps(entry, RADARR_ID)} == {PathState.REFUTED}


async def test_no_file_in_sight_is_no_access(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, make_file: MakeFile
) -> None:
    make_file("media/movies/Something else.mkv", 5)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    (judged,) = maps(entry, RADARR_ID)
    assert (judged.state, judged.map) == (PathState.NO_ACCESS, None)


async def test_the_same_path_on_both_sides(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, ours: Path, make_file: MakeFile
) -> None:
    """Home Assistant beside Radarr, with the same mounts; none of them is a usual place."""
    hass.config.media_dirs = {}
    folder = f"{ours}/films"
    for number, folder_id in enumerate(radarr.root_folders):
        radarr.root_folders[folder_id].path = f"{folder}{number or ''}"
    for each in radarr.library.movies.values():
        each.root = folder
    for path, size in movies(radarr).items():
        make_file(path.removeprefix(str(ours)), size)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert [judged.map for judged in maps(entry, RADARR_ID)] == [PathMap(folder, folder)]
    assert maps(entry, RADARR_ID)[0].usable


# --- qbittorrent's downloads -----------------------------------------------------------------------------------------


async def test_finished_torrents_prove_a_save_path(
    set_up: SetUp, qbittorrent: QbittorrentSimulator, ours: Path, make_file: MakeFile
) -> None:
    """Of a torrent with a folder the largest file counts; the folder's name says nothing, whatever dots it has."""
    qbittorrent.add_torrent("Alone.2021.mkv", "idle", size_bytes=1000)
    qbittorrent.add_torrent("Unfinished.2021.mkv", "downloading", size_bytes=77)
    make_file("downloads/Alone.2021.mkv", 1000)
    for number in range(3):
        name = f"Film.{number}.2021.1080p.WEB-DL-GROUP"
        files = ((f"{name}/{name}.nfo", 3), (f"{name}/{name}.mkv", 2000 + number))
        qbittorrent.add_torrent(name, "seeding", files=files)
        make_file(f"downloads/{name}/{name}.mkv", 2000 + number)
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    (judged,) = maps(entry, QBITTORRENT_ID)
    assert (judged.state, judged.right, judged.absent) == (PathState.PROVEN, 4, 0)
    assert judged.map == PathMap("/downloads", f"{ours}/downloads")


async def test_only_so_many_torrents_are_asked_about_the_newest(
    set_up: SetUp, qbittorrent: QbittorrentSimulator, ours: Path
) -> None:
    for number in range(20):
        qbittorrent.add_torrent(f"Film.{number}.mkv", "idle", added=1_700_000_000 + number)
    await set_up(qbittorrent_subentry(qbittorrent))
    asked = [seen for seen in qbittorrent.requests if seen.path.endswith("torrents/files")]
    newest = {torrent.hash for torrent in qbittorrent.torrents.values() if torrent.added >= 1_700_000_008}
    assert {dict(seen.query)["hash"] for seen in asked} == newest
    assert len(newest) == path_proof.SAMPLES


async def test_torrents_that_name_no_file(
    set_up: SetUp, qbittorrent: QbittorrentSimulator, ours: Path, make_file: MakeFile
) -> None:
    for number in range(5):
        qbittorrent.add_torrent(f"Film.{number}.mkv", "idle", size_bytes=1000 + number)
        make_file(f"downloads/Film.{number}.mkv", 1000 + number)
    qbittorrent.fault(FaultKind.STATUS, "GET */torrents/files", status=404, times=1)  # removed since
    qbittorrent.fault(FaultKind.STATUS, "GET */torrents/files", status=200, body="[]", times=1)
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    (judged,) = maps(entry, QBITTORRENT_ID)
    assert (judged.state, judged.right) == (PathState.PROVEN, 3)


async def test_what_radarr_says_of_qbittorrents_folder_is_tried(
    hass: HomeAssistant,
    set_up: SetUp,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
    ours: Path,
    make_file: MakeFile,
    pass_time: PassTime,
) -> None:
    """The names have nothing in common: only Radarr's remote path mapping tells that one is the other."""
    for path, size in movies(radarr).items():
        make_file(path.removeprefix("/data"), size)
    for number in range(3):
        qbittorrent.add_torrent(f"Film.{number}.mkv", "idle", size_bytes=1000 + number, save_path="/vol1/dl")
        make_file(f"incoming/Film.{number}.mkv", 1000 + number)
    qbittorrent.engine.preferences["save_path"] = "/vol1/dl"
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD)
    radarr.add_path_mapping("127.0.0.1", "/vol1/dl", "/data/incoming")
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), qbittorrent_subentry(qbittorrent))
    await pass_time(timedelta(minutes=5))  # Radarr's own map had to be proven first
    (judged,) = maps(entry, QBITTORRENT_ID)
    assert (judged.state, judged.map) == (PathState.PROVEN, PathMap("/vol1/dl", f"{ours}/incoming"))


# --- when ------------------------------------------------------------------------------------------------------------


async def test_it_is_looked_again_after_hours(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, make_file: MakeFile, pass_time: PassTime
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    for path, size in movies(radarr).items():
        make_file(path.removeprefix("/data"), size)
    await pass_time(timedelta(minutes=10))
    assert maps(entry, RADARR_ID)[0].state is PathState.NO_ACCESS
    await pass_time(path_proof.PROOF_INTERVAL)
    assert maps(entry, RADARR_ID)[0].state is PathState.PROVEN
    proven = maps(entry, RADARR_ID)
    await pass_time(path_proof.PROOF_INTERVAL)
    assert maps(entry, RADARR_ID) == proven


async def test_a_backend_without_files_is_left_alone(set_up: SetUp, prowlarr: ProwlarrSimulator, ours: Path) -> None:
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID))
    assert entry.runtime_data.view.path_maps == {}


async def test_a_failure_says_nothing_and_is_tried_again(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, make_file: MakeFile, pass_time: PassTime
) -> None:
    for path, size in movies(radarr).items():
        make_file(path.removeprefix("/data"), size)
    radarr.fault(FaultKind.STATUS, "GET */history", status=500)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert RADARR_ID not in entry.runtime_data.view.path_maps
    assert entry.runtime_data.backends[RADARR_ID].last_update_success
    radarr.clear_faults()
    await pass_time(path_proof.RETRY_INTERVAL + timedelta(minutes=5))
    assert maps(entry, RADARR_ID)[0].usable


async def test_a_backend_that_never_answered_has_nothing_to_prove(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path
) -> None:
    await radarr.refuse()
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    hub = entry.runtime_data
    await hub.paths.prove(hub.backends[RADARR_ID])
    assert hub.view.path_maps == {}


@pytest.mark.parametrize("meanwhile", ["removed", "moved"])
async def test_what_was_found_for_another_is_not_kept(
    hass: HomeAssistant,
    set_up: SetUp,
    radarr: RadarrSimulator,
    ours: Path,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    hub = entry.runtime_data
    looking, go_on = threading.Event(), threading.Event()
    found = (JudgedMap(map=PathMap("/old", "/folder"), state=PathState.PROVEN),)

    def slow_look(*_: object) -> tuple[JudgedMap, ...]:
        if looking.is_set():  # for the new address
            return ()
        looking.set()
        assert go_on.wait(5)
        return found

    monkeypatch.setattr(path_proof, "_look", slow_look)
    proof = asyncio.create_task(hub.paths.prove(hub.backends[RADARR_ID]))
    await asyncio.to_thread(looking.wait, 5)
    if meanwhile == "removed":
        hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    else:
        subentry = entry.subentries[RADARR_ID]
        connection = {**subentry.data["connection"], "verify_ssl": False}
        hass.config_entries.async_update_subentry(entry, subentry, data={**subentry.data, "connection": connection})
    await hass.async_block_till_done()
    go_on.set()
    await proof
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hub.view.path_maps.get(RADARR_ID) != found


# --- what a person said ----------------------------------------------------------------------------------------------


async def test_a_correction_counts_for_its_folder_alone(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, make_file: MakeFile
) -> None:
    for movie in list(radarr.library.movies.values())[:4]:
        movie.root = "/data/media/movies-kids"
    for path, size in movies(radarr).items():
        # the first root is found by its name, of the second only the person knows the name here
        make_file(path.replace("/data/media/movies-kids", "children").removeprefix("/data/media"), size)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    hub = entry.runtime_data
    assert {judged.map.theirs for judged in maps(entry, RADARR_ID)} == {"/data/media"}

    said = PathMap("/data/media/movies-kids", f"{ours}/children")
    hub.paths.correct(RADARR_ID, said.theirs, said)
    await hub.paths.prove(hub.backends[RADARR_ID])
    assert {judged.map for judged in maps(entry, RADARR_ID) if judged.usable} >= {said}
    assert any(judged.map.theirs == "/data/media" and judged.usable for judged in maps(entry, RADARR_ID))
    assert hub.paths.corrections(RADARR_ID) == (said,)

    hub.paths.correct(RADARR_ID, said.theirs, None)
    assert hub.paths.corrections(RADARR_ID) == ()
    hub.paths.correct(RADARR_ID, "/never/said", None)
    assert hub.paths.corrections(RADARR_ID) == ()


async def test_a_correction_is_not_overwritten_by_an_older_look(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older look began before the person said it, on a slow disk, and ends after the one that knows of it."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    hub, backend = entry.runtime_data, entry.runtime_data.backends[RADARR_ID]
    looking, go_on = threading.Event(), threading.Event()
    look = path_proof._look

    def slow_look(folders: Any, samples: Any, corrections: Any, *others: Any) -> tuple[JudgedMap, ...]:
        if not corrections:
            looking.set()
            assert go_on.wait(5)
        return look(folders, samples, corrections, *others)

    monkeypatch.setattr(path_proof, "_look", slow_look)
    older = asyncio.create_task(hub.paths.prove(backend))
    await asyncio.to_thread(looking.wait, 5)
    said = PathMap("/data/media", str(ours))
    hub.paths.correct(RADARR_ID, said.theirs, said)
    await hub.paths.prove(backend)
    assert not older.done()
    go_on.set()
    await older
    assert said in {judged.map for judged in maps(entry, RADARR_ID)}


async def test_an_older_look_that_fails_does_not_have_a_newer_one_repeated(
    set_up: SetUp, radarr: RadarrSimulator, ours: Path, pass_time: PassTime
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    hub, backend = entry.runtime_data, entry.runtime_data.backends[RADARR_ID]
    hang = radarr.fault(FaultKind.HANG, "GET */history", times=1)
    older = asyncio.create_task(hub.paths.prove(backend))
    await until(lambda: hang.times == 0)
    await hub.paths.prove(backend)
    radarr.clear_faults()  # answers with a failure what hung
    await older
    radarr.requests.clear()
    await pass_time(path_proof.RETRY_INTERVAL + timedelta(minutes=5))
    assert not [seen for seen in radarr.requests if seen.path.endswith("/history")]


# --- looking at a disk -----------------------------------------------------------------------------------------------


def test_folders_are_found_in_breadth_and_not_too_deep(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c" / "d").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").touch()
    expected = [str(tmp_path), *(str(tmp_path / below) for below in ("a", "a/b", "a/b/c"))]
    assert path_proof.our_folders((str(tmp_path), str(tmp_path), str(tmp_path / "none"))) == expected


def test_a_library_of_thousands_is_cut_short(tmp_path: Path) -> None:
    for number in range(path_proof.MOST_FOLDERS + 10):
        (tmp_path / f"{number}" / "below").mkdir(parents=True)
    found = path_proof.our_folders((str(tmp_path),))
    assert len(found) == path_proof.MOST_FOLDERS
    assert not any(folder.endswith("below") for folder in found)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    assert path_proof.our_folders((str(tmp_path),)) == [str(tmp_path)]


def test_a_folder_that_goes_while_it_is_looked_at(tmp_path: Path) -> None:
    assert path_proof._subfolders(tmp_path / "gone") == []


def test_what_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert path_proof.file_size(str(tmp_path / "file")) == 5
    for path in (str(tmp_path), str(tmp_path / "none"), str(tmp_path / "file" / "below"), "\0", "x" * 5000):
        assert path_proof.file_size(path) is None
    assert path_proof.is_folder(str(tmp_path))
    for path in (str(tmp_path / "file"), str(tmp_path / "none"), "\0", "x" * 5000):
        assert not path_proof.is_folder(path)
