"""A second reader of names, where somebody wants one: the real parsett, in the options, in a search, and attacked."""

from collections.abc import Iterator
from pathlib import Path
import shutil
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul import search_reader
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.history import RETRY_FIRST
from custom_components.sokoul.search_reader import Parsett, folder_of
from custom_components.sokoul.services import Action
from devstack.dune import add_dune
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.tools import second_reader

from .conftest import PROWLARR_ID, RADARR_ID, PassTime, SetUp, servarr_subentry
from .test_search_judge import RIGHT, release

#: SOKOUL takes "SE" for a part of the title, parsett for an edition.
ODD = "Dune.SE.2021.1080p.BluRay.x264-GROUP"
#: It counts to the number that is named, which takes more memory than anybody has.
BOMB = "Dune.Nordic.[400000000 of 9].2021.1080p.WEB-DL.H264-GRP"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Have a folder that no other test uses meanwhile."""
    return hass_tmp_config_dir


@pytest.fixture(scope="module")
def parsett() -> Path:
    """Return the folder that `scripts/setup` made."""
    folder = second_reader()
    if folder is None:
        pytest.skip("parsett isn't here: see scripts/setup")
    return folder


class Installer:
    """Has what `scripts/setup` installed, or nothing, in the place of what is in the internet."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self.asked: list[str] = []

    def __call__(self, package: str, *, target: str, timeout: int) -> bool:
        assert timeout > 0
        self.asked.append(package)
        if self.folder is not None:
            shutil.copytree(self.folder, target)
        return self.folder is not None


@pytest.fixture
def installer(parsett: Path) -> Iterator[Installer]:
    made = Installer(parsett)
    with patch.object(search_reader, "install_package", made):
        yield made


@pytest.fixture
async def entry(
    hass: HomeAssistant, radarr: RadarrSimulator, prowlarr: ProwlarrSimulator, set_up: SetUp
) -> MockConfigEntry:
    add_dune(radarr.library)
    world = add_dune(prowlarr.library)
    prowlarr.searches.offers = [release(world, name) for name in (RIGHT, ODD)]
    return await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID))


async def choose(hass: HomeAssistant, entry: MockConfigEntry, **typed: Any) -> Any:
    result = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(result["flow_id"], {"next_step_id": "search"})
    return await hass.config_entries.options.async_configure(result["flow_id"], typed)


async def reasons(hass: HomeAssistant) -> dict[str, list[str]]:
    answer: Any = await hass.services.async_call(
        DOMAIN,
        Action.SEARCH,
        {"query": "dune 2021", "wait": 20, "refused": True, "fresh": True},
        blocking=True,
        return_response=True,
    )
    return {each["release"]: each["refusals"] for each in answer["results"]}


async def test_what_it_reads_makes_a_release_doubtful(
    hass: HomeAssistant, entry: MockConfigEntry, installer: Installer
) -> None:
    before = await reasons(hass)
    assert before[ODD] == ["It\u2019s something else: \u201cDune SE\u201d."]
    assert (await choose(hass, entry, second_reader=True))["type"] is FlowResultType.CREATE_ENTRY
    assert installer.asked == [search_reader.REQUIREMENT]
    after = await reasons(hass)
    assert after[ODD] == ["It reads as \u201cDune SE\u201d; a second reader reads the title that is wanted."]
    assert after[RIGHT] == before[RIGHT]
    assert (await choose(hass, entry, second_reader=False))["type"] is FlowResultType.CREATE_ENTRY
    assert await reasons(hass) == before


async def test_where_it_cannot_be_installed_the_form_says_so_and_all_stays_as_it_was(
    hass: HomeAssistant, entry: MockConfigEntry, installer: Installer
) -> None:
    installer.folder, folder = None, installer.folder
    result = await choose(hass, entry, second_reader=True, entity="ai_task.model")
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {"second_reader": "no_second_reader"}
    reading = entry.runtime_data.searching.second_reading
    assert (reading.wanted, reading.reader) == (False, None)
    installer.folder = folder
    result = await hass.config_entries.options.async_configure(result["flow_id"], {"second_reader": True})
    assert result["type"] is FlowResultType.CREATE_ENTRY, "the next try may find it"
    assert reading.reader is not None


async def test_half_an_installation_is_made_anew(
    hass: HomeAssistant, entry: MockConfigEntry, installer: Installer
) -> None:
    await hass.async_add_executor_job((folder_of(hass) / "PTT").mkdir, 0o755, True)
    assert (await choose(hass, entry, second_reader=True))["errors"] == {"second_reader": "no_second_reader"}
    assert installer.asked == []
    assert (await choose(hass, entry, second_reader=True))["type"] is FlowResultType.CREATE_ENTRY
    assert installer.asked == [search_reader.REQUIREMENT]


async def test_where_no_process_can_be_started_there_is_no_reader(
    hass: HomeAssistant, entry: MockConfigEntry, installer: Installer
) -> None:
    with patch.object(search_reader.sys, "executable", "/nowhere"):
        assert (await choose(hass, entry, second_reader=True))["errors"] == {"second_reader": "no_second_reader"}
    assert await hass.async_add_executor_job(folder_of(hass).is_dir), "what is installed may be right"


async def test_it_is_there_again_after_a_restart(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    installer: Installer,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await choose(hass, entry, second_reader=True)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data.searching.second_reading.reader is not None
    assert installer.asked == [search_reader.REQUIREMENT], "it is still installed"
    await hass.async_add_executor_job(shutil.rmtree, folder_of(hass))
    installer.folder, folder = None, installer.folder
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    reading = entry.runtime_data.searching.second_reading
    assert (reading.wanted, reading.reader) == (True, None)
    await pass_time(RETRY_FIRST)
    await hass.async_block_till_done(wait_background_tasks=True)
    said = [each for each in caplog.records if "Names are read once" in each.message and each.levelname == "WARNING"]
    assert len(said) == 1, "it is said once"
    installer.folder = folder
    await pass_time(2 * RETRY_FIRST)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert reading.reader is not None, "it is tried again: there may have been no network"


async def test_who_wants_none_any_more_has_none_brought(
    hass: HomeAssistant, entry: MockConfigEntry, installer: Installer, pass_time: PassTime
) -> None:
    await choose(hass, entry, second_reader=True)
    await hass.async_add_executor_job(shutil.rmtree, folder_of(hass))
    installer.folder, folder = None, installer.folder
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    installer.folder = folder
    await choose(hass, entry, second_reader=False)
    installer.asked.clear()
    await pass_time(2 * RETRY_FIRST)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert installer.asked == []
    assert entry.runtime_data.searching.second_reading.reader is None


async def test_it_is_removed_with_sokoul(hass: HomeAssistant, entry: MockConfigEntry, installer: Installer) -> None:
    await choose(hass, entry, second_reader=True)
    assert await hass.async_add_executor_job(folder_of(hass).is_dir)
    await hass.config_entries.async_remove(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert not await hass.async_add_executor_job(folder_of(hass).exists)


# --- the process -----------------------------------------------------------------------------------------------------


async def test_strange_names_do_no_harm(parsett: Path) -> None:
    strange = ["", " ", "\x00", "[" * 300, "\u202e" * 20, "(" + "a" * 390, "\ud800", "2021", "\n", ODD]
    titles = await Parsett(parsett).read(strange)
    assert len(titles) == len(strange)
    assert titles[-1] == "Dune"


async def test_a_name_that_takes_all_memory_takes_none_of_ours(parsett: Path) -> None:
    assert await Parsett(parsett).read([ODD, BOMB, ODD]) == ["Dune", "", "Dune"]


async def test_what_takes_too_long_is_ended_and_what_was_read_by_then_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "PTT.py").write_text(
        "def parse_title(name):\n    while name == 'slow': pass\n    return {'title': name}\n", encoding="utf-8"
    )
    monkeypatch.setattr(search_reader, "PATIENCE", 20 * search_reader.PATIENCE / 100)
    assert await Parsett(tmp_path).read(["one", "slow", "behind"]) == ["one"]


async def test_one_that_says_something_else_has_read_nothing(tmp_path: Path) -> None:
    (tmp_path / "PTT.py").write_text("print('not JSON')\n", encoding="utf-8")
    assert await Parsett(tmp_path).read(["one"]) == []
    assert await Parsett(tmp_path / "nowhere").read(["one"]) == []
