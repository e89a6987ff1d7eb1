"""Settings of the links of the library, and the media servers that are asked to look at their libraries."""

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockModule, mock_integration

from custom_components.sokoul.debrid.links import Mount
from custom_components.sokoul.linking import Linking
from custom_components.sokoul.linking_refresh import GATHER
from custom_components.sokoul.linking_settings import (
    FULL_AT,
    RECYCLE,
    SETTINGS_KEY,
    LinkSettings,
    MountFinder,
    recycles_of,
    same_file_system,
)
from custom_components.sokoul.markdown import code
from tests.debrid.link_scene import catalogue, holding

from .conftest import HUB_ID, PassTime, SetUp
from .flows import fields, form, step, suggested

AT = FULL_AT.isoformat()


@pytest.fixture
async def linking(set_up: SetUp) -> Linking:
    found: Linking = (await set_up()).runtime_data.linking
    return found


@pytest.fixture
def media(tmp_path: Path) -> Path:
    (tmp_path / "media" / "movies").mkdir(parents=True)
    (tmp_path / "media" / "shows").mkdir()
    (tmp_path / "zurg").mkdir()
    return tmp_path / "media"


async def opened(hass: HomeAssistant) -> Any:
    flow = await hass.config_entries.options.async_init(HUB_ID)
    assert "library_links" in flow["menu_options"]
    return await hass.config_entries.options.async_configure(flow["flow_id"], {"next_step_id": "library_links"})


async def answered(hass: HomeAssistant, flow: Any, **said: Any) -> Any:
    result = await hass.config_entries.options.async_configure(flow["flow_id"], {"full_at": AT, **said})
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


async def test_what_is_set_counts_at_once_and_is_shown_the_next_time(
    hass: HomeAssistant, linking: Linking, media: Path
) -> None:
    flow = await opened(hass)
    assert step(flow) == form("library_links")
    assert fields(flow) == ["folders", "mounts", "recycle", "full_at"], "no media server is set up"
    assert flow["description_placeholders"]["known"] == "Nothing yet."
    said = {
        "folders": [f" {media}/movies/ ", f"{media}/shows", "", f"{media}/shows"],
        "mounts": ["/mnt/zurg", f"/mnt/other={media.parent}/zurg/"],
        "recycle": f"{media}/gone",
        "full_at": "05:30:00",
    }
    assert (await answered(hass, flow, **said))["type"] is FlowResultType.CREATE_ENTRY
    assert linking.settings == LinkSettings(
        folders=(f"{media}/movies", f"{media}/shows"),
        mounts={"/mnt/zurg": "", "/mnt/other": f"{media.parent}/zurg"},
        recycle=f"{media}/gone",
        full_at=time(5, 30),
    )
    assert linking.links is not None
    flow = await opened(hass)
    assert suggested(flow) == {
        "folders": [f"{media}/movies", f"{media}/shows"],
        "mounts": ["/mnt/zurg", f"/mnt/other = {media.parent}/zurg"],
        "recycle": f"{media}/gone",
        "full_at": "05:30:00",
    }
    assert flow["description_placeholders"]["known"].splitlines() == [
        f"- {code(f'{media}/movies')}",
        f"- {code(f'{media}/shows')}",
        f"- {code('/mnt/zurg')}: not visible here",
        f"- {code('/mnt/other')} = {code(f'{media.parent}/zurg')}",
    ]
    assert (await answered(hass, flow))["type"] is FlowResultType.CREATE_ENTRY
    assert linking.settings == LinkSettings()
    assert linking.links is None


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({"folders": ["movies"]}, {"folders": "not_absolute"}),
        ({"folders": ["/"]}, {"folders": "not_absolute"}),
        ({"folders": ["C:\\movies"]}, {"folders": "not_absolute"}),
        ({"folders": ["{media}/../etc"]}, {"folders": "not_absolute"}),
        ({"folders": ["{media}/nothing"]}, {"folders": "not_a_folder"}),
        ({"mounts": ["zurg"]}, {"mounts": "not_absolute"}),
        ({"mounts": ["/mnt/zurg = zurg"]}, {"mounts": "not_absolute"}),
        ({"mounts": ["/mnt/zurg = {media}/nothing"]}, {"mounts": "not_a_folder"}),
        ({"mounts": ["/"]}, {"mounts": "mount_in_library"}),
        ({"folders": ["{media}/movies"], "mounts": ["{media}/movies/zurg"]}, {"mounts": "mount_in_library"}),
        ({"recycle": "gone"}, {"recycle": "not_absolute"}),
        ({"folders": ["{media}/movies"], "recycle": "{media}/movies/gone"}, {"recycle": "recycle_in_library"}),
        ({"folders": ["{media}/movies"], "recycle": "/proc/gone"}, {"recycle": "other_file_system"}),
    ],
)
async def test_what_can_not_be_meant(
    hass: HomeAssistant, linking: Linking, media: Path, said: dict[str, Any], errors: dict[str, str]
) -> None:
    def filled(value: Any) -> Any:
        return [filled(each) for each in value] if isinstance(value, list) else value.replace("{media}", str(media))

    said = {name: filled(value) for name, value in said.items()}
    flow = await answered(hass, await opened(hass), **said)
    assert (step(flow), flow["errors"]) == (form("library_links"), errors)
    assert suggested(flow).items() >= said.items(), "what was typed is still there"
    assert linking.settings == LinkSettings()
    assert (await answered(hass, flow))["type"] is FlowResultType.CREATE_ENTRY


async def test_what_was_stored_by_another_version_is_at_its_default(set_up: SetUp) -> None:
    entry = await set_up()
    for stored in ({}, {"folders": 1}, {"folders": [], "mounts": {}, "recycle": "", "full_at": "x", "refresh": []}):
        entry.runtime_data.memory.set(SETTINGS_KEY, stored)
        entry.runtime_data.linking.settings_changed()
        assert entry.runtime_data.linking.settings == LinkSettings()


def test_links_are_set_aside_beside_their_folder(media: Path) -> None:
    movies, shows = f"{media}/movies", f"{media}/shows"
    beside = f"{media}/{RECYCLE}"
    assert recycles_of([movies, shows], "") == {movies: beside, shows: beside}
    assert recycles_of([str(media)], "") == {str(media): f"{media.parent}/{RECYCLE}"}
    assert recycles_of([movies, str(media)], "") == {str(media): f"{media.parent}/{RECYCLE}"}, "in no media folder"
    assert recycles_of([movies], "/proc/gone") == {}, "on no other file system"
    assert recycles_of([f"{media}/nothing"], "") == {}
    assert same_file_system(movies, f"{movies}/not/there/yet")


# --- media servers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def add_server(hass: HomeAssistant) -> Callable[..., str]:
    """Add an entry of an integration that is not installed here, with what it keeps."""

    async def unload(*_: Any) -> bool:
        return True

    def add(domain: str, title: str, keeps: Any, state: ConfigEntryState = ConfigEntryState.LOADED) -> str:
        mock_integration(hass, MockModule(domain, async_unload_entry=unload))
        entry = MockConfigEntry(domain=domain, title=title, state=state)
        entry.runtime_data = keeps
        entry.add_to_hass(hass)
        return entry.entry_id

    return add


def jellyfin_of(scans: list[int]) -> Any:
    return SimpleNamespace(
        api_client=SimpleNamespace(jellyfin=SimpleNamespace(refresh_library=lambda: scans.append(1)))
    )


class FakePlex:
    """What Home Assistant's Plex integration keeps: a server with its libraries."""

    friendly_name = "Living room"

    def __init__(self) -> None:
        kinds = {"Films": "movie", "Series": "show", "Songs": "artist"}
        sections = [SimpleNamespace(title=title, type=kind) for title, kind in kinds.items()]
        self.library = SimpleNamespace(sections=lambda: sections)


async def test_media_servers_are_asked_once_for_many_repairs(
    hass: HomeAssistant, linking: Linking, pass_time: PassTime, add_server: Callable[..., str]
) -> None:
    scans: list[int] = []
    chosen = [
        add_server("plex", "Plex", SimpleNamespace(server=FakePlex())),
        add_server("jellyfin", "Jellyfin", jellyfin_of(scans)),
        add_server("plex", "Away", None, ConfigEntryState.SETUP_RETRY),
    ]
    asked: list[dict[str, Any]] = []

    async def refresh(call: ServiceCall) -> None:
        asked.append(dict(call.data))

    hass.services.async_register("plex", "refresh_library", refresh)
    flow = await opened(hass)
    assert fields(flow)[-1] == "refresh"
    assert (await answered(hass, flow, refresh=chosen))["type"] is FlowResultType.CREATE_ENTRY
    for _ in range(5):
        linking.refresh.soon()
    assert (asked, scans) == ([], [])
    await pass_time(GATHER + timedelta(seconds=1))
    assert asked == [{"server_name": "Living room", "library_name": name} for name in ("Films", "Series")]
    assert scans == [1]
    await pass_time(GATHER * 2)
    assert scans == [1]


async def test_a_media_server_that_fails_holds_up_no_other(
    hass: HomeAssistant,
    linking: Linking,
    pass_time: PassTime,
    add_server: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    scans: list[int] = []
    chosen = [
        add_server("plex", "Plex", SimpleNamespace()),  # it is not as it was
        add_server("jellyfin", "Jellyfin", jellyfin_of(scans)),
    ]
    assert (await answered(hass, await opened(hass), refresh=chosen))["type"] is FlowResultType.CREATE_ENTRY
    linking.refresh.soon()
    await pass_time(GATHER + timedelta(seconds=1))
    assert scans == [1]
    assert "Plex could not be asked to look at its library" in caplog.text


# --- mounts ----------------------------------------------------------------------------------------------------------


def test_a_mount_is_remembered_for_as_long_as_links_lead_there(tmp_path: Path) -> None:
    mount = tmp_path / "zurg"
    held = catalogue(*(holding(f"Show {number}", "/E01.mkv") for number in range(3)))
    texts = {f"/media/{number}.mkv": f"{mount}/Show {number}/E01.mkv" for number in range(3)}
    finder = MountFinder(LinkSettings(), {}, ["/media"])
    nowhere, here = Mount(theirs=str(mount)), Mount(theirs=str(mount), ours=str(mount), proven=True)
    assert finder(texts, held) == [nowhere]
    for number in range(3):
        (mount / f"Show {number}").mkdir(parents=True)
        (mount / f"Show {number}" / "E01.mkv").write_bytes(b"x" * len("/E01.mkv"))
    assert finder(texts, held) == [here]
    mount.rename(tmp_path / "away")
    # it is away, and not "nowhere": also after a restart, and while the account has none of its torrents any more
    assert MountFinder(LinkSettings(), finder.known, ["/media"])(texts, catalogue()) == [
        Mount(theirs=str(mount), ours=str(mount))
    ]
    assert finder({"/media/0.mkv": "/mnt/disk/film.mkv"}, held) == []
    assert finder.known == {}


def test_a_mount_that_was_named_is_that_alone(tmp_path: Path) -> None:
    held = catalogue(*(holding(f"Show {number}", "/E01.mkv") for number in range(3)))
    texts = {f"/media/{number}.mkv": f"/mnt/zurg/Show {number}/E01.mkv" for number in range(3)}
    finder = MountFinder(LinkSettings(mounts={"/mnt/other": "", "/mnt/seen": str(tmp_path)}), {}, ["/media"])
    assert finder(texts, held) == [Mount(theirs="/mnt/other"), Mount(theirs="/mnt/seen", ours=str(tmp_path))]
