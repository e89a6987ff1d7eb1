"""The buttons that have links checked: each its mode, one check at a time, and why there is none."""

from collections.abc import AsyncIterator
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.sokoul import linking
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.checking import ScanMode
from custom_components.sokoul.linking_settings import SETTINGS_KEY, LinkSettings
from devstack.clock import ManualClock
from devstack.real_debrid import RealDebridSimulator

from .conftest import PassTime, SetUp
from .link_scene import ACCOUNT_ID, Library, Scene

pytestmark = pytest.mark.usefixtures("all_entities_enabled")


@pytest.fixture
async def scene(
    hass: HomeAssistant,
    clock: ManualClock,
    tmp_path: Path,
    pass_time: PassTime,
    set_up: SetUp,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    """Have a library, and nobody knows where."""
    monkeypatch.setattr(linking, "REST", 0)  # a pause would never end while time stands still
    async with RealDebridSimulator(clock=clock) as debrid:
        monkeypatch.setattr(api, "BASE_URL", debrid.url)
        made = Scene(hass, Library(debrid, tmp_path), pass_time, set_up)
        made.library.fill(3)
        await made.start(settings=LinkSettings())
        yield made


async def press(scene: Scene, mode: ScanMode) -> None:
    entity_id = er.async_get(scene.hass).async_get_entity_id("button", DOMAIN, f"{ACCOUNT_ID}_links_{mode}")
    await scene.hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)
    await scene.hass.async_block_till_done(wait_background_tasks=True)


async def test_each_mode_has_a_button(scene: Scene) -> None:
    with pytest.raises(ServiceValidationError, match="No media folder is known here"):
        await press(scene, ScanMode.QUICK)
    folders = (str(scene.library.root),)
    scene.entry.runtime_data.memory.set(SETTINGS_KEY, LinkSettings(folders=folders).as_json())
    scene.linking.settings_changed()
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    assert scene.linking.looked is None
    for mode in (ScanMode.SYMLINKS, ScanMode.QUICK, ScanMode.FULL):
        async with scene.linking.alone():
            with pytest.raises(ServiceValidationError, match="being checked or repaired"):
                await press(scene, mode)
        await press(scene, mode)
        assert scene.linking.looked is not None
        assert scene.linking.looked.report.mode is mode
        assert scene.linking.looked.report.links == 12
