"""Home Assistant's backups hold the store, where there is one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.backup import async_post_backup, async_pre_backup
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.store import Store, open_store

from .make import Timers, entry


@pytest.fixture
async def store(file: Path, timers: Timers) -> AsyncIterator[Store]:
    opened = await open_store(file, call_later=timers.call_later)
    yield opened
    await opened.close()


def load(hass: HomeAssistant, hub: Any) -> None:
    config = MockConfigEntry(domain=DOMAIN)
    config.add_to_hass(hass)
    config.runtime_data = hub
    config.mock_state(hass, ConfigEntryState.LOADED)


async def test_the_store_is_held_during_a_backup(hass: HomeAssistant, store: Store) -> None:
    load(hass, SimpleNamespace(pilot=SimpleNamespace(store=store)))
    await async_pre_backup(hass)
    adding = asyncio.create_task(store.journal.add(entry()))
    await asyncio.sleep(0.05)
    assert not adding.done()
    await async_post_backup(hass)
    assert (await adding).id


async def test_a_hold_that_ended_early_is_said(
    hass: HomeAssistant, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    load(hass, SimpleNamespace(pilot=SimpleNamespace(store=store)))
    await async_pre_backup(hass)
    store.release()
    await async_post_backup(hass)
    assert "may not be whole" in caplog.text


async def test_a_store_in_trouble_prevents_no_backup(
    hass: HomeAssistant, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    load(hass, SimpleNamespace(pilot=SimpleNamespace(store=store)))
    await store.close()
    await async_pre_backup(hass)
    assert "may not be whole" in caplog.text


@pytest.mark.parametrize(
    "hub", [SimpleNamespace(), SimpleNamespace(pilot=None), SimpleNamespace(pilot=SimpleNamespace(store=None))]
)
async def test_without_a_store_nothing_is_held(hass: HomeAssistant, hub: Any, caplog: pytest.LogCaptureFixture) -> None:
    await async_pre_backup(hass)
    await async_post_backup(hass)
    load(hass, hub)
    await async_pre_backup(hass)
    await async_post_backup(hass)
    assert "backup" not in caplog.text
