"""Links of the library in Home Assistant: found, judged, repaired by the levels that are set, and taken back."""

from collections.abc import AsyncIterator
from datetime import timedelta
import os
from pathlib import Path
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.sokoul import linking
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.links import Mount
from custom_components.sokoul.linking import ISSUE
from custom_components.sokoul.linking_settings import LinkSettings
from custom_components.sokoul.model.journal import Autonomy, EntryStatus
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.real_debrid import RealDebridSimulator

from .conftest import PassTime, SetUp
from .link_scene import ACCOUNT_ID, EPISODES, NOWHERE, Library, Scene, name_of

SHOWS = 6
REWRITE = "link_rewrite"
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
