"""Correcting what was worked out: who uses whom, and which folder is which."""

from html import unescape
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.sokoul import path_proof
from custom_components.sokoul.model.paths import PathMap
from custom_components.sokoul.model.topology import Confidence, Correction
from devstack.clock import ManualClock
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    USERNAME,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    subentry,
)
from .flows import Result, form, menu, step, suggested

OTHER_ID = "01SOKOULQBITTORRENT1111111"


async def begin(hass: HomeAssistant, entry: Any, option: str) -> Result:
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert step(result) == menu("init")
    return await hass.config_entries.options.async_configure(result["flow_id"], {"next_step_id": option})


async def send(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    return await hass.config_entries.options.async_configure(result["flow_id"], typed)


def choices(result: Result, field: str) -> dict[str, str]:
    """Return what a field offers, by value."""
    options = result["data_schema"].schema[field].config["options"]
    return {option["value"]: option["label"] for option in options}


def default(result: Result, field: str) -> Any:
    (marker,) = (each for each in result["data_schema"].schema if each.schema == field)
    return marker.default()


async def test_a_hub_that_is_not_loaded_has_nothing_to_correct(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    await hass.config_entries.async_unload(entry.entry_id)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")
    await hass.config_entries.async_setup(entry.entry_id)


# --- who uses whom ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def two_clients(
    set_up: SetUp, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, prowlarr: ProwlarrSimulator
) -> Any:
    """Set up a Radarr with one of two qBittorrents, and a Prowlarr."""
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD)
    radarr.download_clients.add("Sabnzbd", "Old box", {"host": "box", "port": 8081})
    return await set_up(
        servarr_subentry(radarr, RADARR_ID),
        qbittorrent_subentry(qbittorrent),
        subentry("qbittorrent", "http://127.0.0.1:9", OTHER_ID, title="Seedbox"),
        servarr_subentry(prowlarr, PROWLARR_ID),
    )


def link_of(entry: Any) -> Any:
    return entry.runtime_data.view.world(path_proof.dt_util.utcnow()).topology.edge(RADARR_ID, 1)


async def correct(hass: HomeAssistant, entry: Any, target: str) -> Result:
    result = await send(hass, await begin(hass, entry, "links"), link=f"{RADARR_ID}/1")
    return await send(hass, result, target=target)


async def test_a_link_is_led_elsewhere_and_back(hass: HomeAssistant, two_clients: Any) -> None:
    entry, view = two_clients, two_clients.runtime_data.view
    assert (link_of(entry).target, link_of(entry).confidence) == (QBITTORRENT_ID, Confidence.LIKELY)

    result = await begin(hass, entry, "links")
    assert step(result) == form("links")
    assert "qBittorrent" in result["description_placeholders"]["known"]
    # what can't be anything that is connected is told, but not asked for
    assert "Old box" in result["description_placeholders"]["known"]
    assert choices(result, "link") == {f"{RADARR_ID}/1": "Radarr: qBittorrent"}

    result = await send(hass, result, link=f"{RADARR_ID}/1")
    assert (step(result), result["description_placeholders"]) == (form("link"), {"link": "Radarr: qBittorrent"})
    assert list(choices(result, "target")) == ["automatic", QBITTORRENT_ID, OTHER_ID, "none"]
    assert choices(result, "target")[OTHER_ID] == "Seedbox"
    assert default(result, "target") == "automatic"

    client = entry.runtime_data.backends[RADARR_ID].client
    result = await send(hass, result, target=OTHER_ID)
    assert (result["type"], result["data"]) == (FlowResultType.CREATE_ENTRY, {})
    assert (link_of(entry).target, link_of(entry).confidence) == (OTHER_ID, Confidence.CONFIRMED)
    # it counts at once, and nothing is set up anew for it
    assert entry.runtime_data.backends[RADARR_ID].client is client

    result = await send(hass, await begin(hass, entry, "links"), link=f"{RADARR_ID}/1")
    assert default(result, "target") == OTHER_ID
    await send(hass, result, target="automatic")
    assert link_of(entry).target == QBITTORRENT_ID
    assert view.corrections == ()


async def test_a_link_is_forbidden(hass: HomeAssistant, two_clients: Any) -> None:
    entry, view = two_clients, two_clients.runtime_data.view
    before = Correction(PROWLARR_ID, 7, RADARR_ID, serves=True)
    view.correct((before,))
    await correct(hass, entry, "none")
    assert link_of(entry) is None
    assert set(view.corrections) == {
        before,  # of another link
        Correction(RADARR_ID, 1, QBITTORRENT_ID, serves=False),
        Correction(RADARR_ID, 1, OTHER_ID, serves=False),
    }
    result = await send(hass, await begin(hass, entry, "links"), link=f"{RADARR_ID}/1")
    assert default(result, "target") == "none"
    # it is a stranger now, and can still be led to one of them
    await send(hass, result, target=QBITTORRENT_ID)
    assert link_of(entry).confidence is Confidence.CONFIRMED


async def test_a_link_that_could_be_two_is_asked_for(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, clock: ManualClock
) -> None:
    radarr.add_qbittorrent("http://qbittorrent:8080")
    async with QbittorrentSimulator(username=USERNAME, password=PASSWORD, clock=clock) as other:
        entry = await set_up(
            servarr_subentry(radarr, RADARR_ID),
            qbittorrent_subentry(qbittorrent),
            subentry("qbittorrent", other, OTHER_ID, title="Seedbox", username=USERNAME, password=PASSWORD),
        )
        assert link_of(entry) is None
        result = await begin(hass, entry, "links")
        assert "? (" in result["description_placeholders"]["known"]
        await correct(hass, entry, OTHER_ID)
        assert link_of(entry).target == OTHER_ID


async def test_nobody_uses_anybody(hass: HomeAssistant, set_up: SetUp, qbittorrent: QbittorrentSimulator) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await begin(hass, entry, "links")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_to_link")


async def test_a_link_that_goes_while_its_form_is_open(hass: HomeAssistant, two_clients: Any) -> None:
    entry = two_clients
    result = await send(hass, await begin(hass, entry, "links"), link=f"{RADARR_ID}/1")
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await send(hass, result, target="none")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_to_link")


# --- which folder is which -------------------------------------------------------------------------------------------


@pytest.fixture
def ours(hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(path_proof, "USUAL_PLACES", ())
    hass.config.media_dirs = {}
    return tmp_path


def fill(radarr: RadarrSimulator, folder: Path) -> None:
    """Make the library's files, at their sizes, without their bytes."""
    for one, file in radarr.own_files():
        path = folder / f"{radarr.folder_of(one)}/{file.relative_path}".removeprefix("/data/media/movies/")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as opened:
            opened.truncate(file.size_bytes)


async def test_a_folder_is_told_and_proven_at_once_and_forgotten(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, prowlarr: ProwlarrSimulator, ours: Path
) -> None:
    fill(radarr, ours)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID))
    result = await begin(hass, entry, "paths")
    assert step(result) == form("paths")
    assert choices(result, "backend") == {RADARR_ID: "Radarr"}
    assert "Radarr" in result["description_placeholders"]["known"]

    result = await send(hass, result, backend=RADARR_ID, theirs=" /data/media/movies/ ", ours=f"{ours}/")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.state is ConfigEntryState.LOADED
    (judged,) = entry.runtime_data.view.path_maps[RADARR_ID]
    assert (judged.map, judged.usable) == (PathMap("/data/media/movies", str(ours)), True)

    result = await begin(hass, entry, "paths")
    assert str(ours) in unescape(result["description_placeholders"]["known"])
    await send(hass, result, backend=RADARR_ID, theirs="/data/media/movies")
    assert entry.runtime_data.paths.corrections(RADARR_ID) == ()


FOLDERS = {
    "relative": ({"theirs": "data", "ours": "/"}, {"theirs": "not_absolute"}),
    "climbing out": ({"theirs": "/data/../etc", "ours": "/"}, {"theirs": "not_absolute"}),
    "empty": ({"theirs": " ", "ours": "/"}, {"theirs": "not_absolute"}),
    "not there": ({"theirs": "/data", "ours": "/no/such/folder"}, {"ours": "not_a_folder"}),
    "not ours": ({"theirs": "/data", "ours": "C:\\media"}, {"ours": "not_absolute"}),
    "both": ({"theirs": "data", "ours": "media"}, {"theirs": "not_absolute", "ours": "not_absolute"}),
}


@pytest.mark.parametrize(("typed", "errors"), FOLDERS.values(), ids=FOLDERS)
async def test_what_is_no_folder(
    hass: HomeAssistant,
    set_up: SetUp,
    radarr: RadarrSimulator,
    ours: Path,
    typed: dict[str, str],
    errors: dict[str, str],
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    result = await send(hass, await begin(hass, entry, "paths"), backend=RADARR_ID, **typed)
    assert (step(result), result["errors"]) == (form("paths"), errors)
    assert suggested(result) == {"backend": RADARR_ID, **typed}
    assert entry.runtime_data.paths.corrections(RADARR_ID) == ()
    result = await send(hass, result, backend=RADARR_ID, theirs="C:\\Media\\Movies", ours=str(ours))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.runtime_data.paths.corrections(RADARR_ID) == (PathMap("C:\\Media\\Movies", str(ours)),)


async def test_a_backend_that_never_answered_may_be_told_of(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, ours: Path
) -> None:
    await radarr.refuse()
    await qbittorrent.refuse()
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), qbittorrent_subentry(qbittorrent))
    for backend in (RADARR_ID, QBITTORRENT_ID):
        result = await send(hass, await begin(hass, entry, "paths"), backend=backend, theirs="/", ours=str(ours))
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert entry.runtime_data.paths.corrections(backend) == (PathMap("/", str(ours)),)


async def test_a_backend_that_goes_while_the_form_is_open(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, ours: Path
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), qbittorrent_subentry(qbittorrent))
    result = await begin(hass, entry, "paths")
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await send(hass, result, backend=RADARR_ID, theirs="/data", ours=str(ours))
    assert result["errors"] == {"backend": "backend_removed"}
    result = await send(hass, result, backend=QBITTORRENT_ID, theirs="/data", ours=str(ours))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_nobody_keeps_files(hass: HomeAssistant, set_up: SetUp, prowlarr: ProwlarrSimulator) -> None:
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID))
    result = await begin(hass, entry, "paths")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_files")
