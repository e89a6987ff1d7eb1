"""What is remembered over a restart, and when it is written."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers.storage import Store
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.memory import GATHER_SAMPLES_SECONDS, GATHER_SECONDS, HubMemory

KEY = f"{DOMAIN}.hub"

type Storage = dict[str, Any]


@pytest.fixture
async def memory(hass: HomeAssistant, hass_storage: Storage) -> HubMemory:
    made = HubMemory(hass, "hub")
    await made.load()
    return made


def written(storage: Storage) -> Any:
    return storage.get(KEY, {}).get("data")


async def pass_seconds(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    hass.loop.slow_callback_duration = float("inf")
    freezer.tick(timedelta(seconds=seconds))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def test_notes_are_gathered_and_written_soon(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory, freezer: FrozenDateTimeFactory
) -> None:
    memory.remember("backend", "one", 1)
    memory.set("setting", [1, 2])
    assert written(hass_storage) is None
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    assert written(hass_storage) == {"backends": {"backend": {"one": 1}}, "hub": {"setting": [1, 2]}}


async def test_notes_that_keep_coming_do_not_put_off_the_writing(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory, freezer: FrozenDateTimeFactory
) -> None:
    for number in range(5):
        memory.remember("backend", "number", number)
        await pass_seconds(hass, freezer, GATHER_SECONDS / 2)
    assert written(hass_storage)["backends"]["backend"]["number"] >= 1


async def test_samples_do_not_put_off_the_writing_of_notes(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory, freezer: FrozenDateTimeFactory
) -> None:
    memory.remember("backend", "important", True)
    memory.set_quietly("samples", [1])
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    assert written(hass_storage)["backends"] == {"backend": {"important": True}}


async def test_samples_alone_are_written_seldom(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory, freezer: FrozenDateTimeFactory
) -> None:
    memory.set_quietly("samples", [1])
    await pass_seconds(hass, freezer, GATHER_SAMPLES_SECONDS - 10)
    assert written(hass_storage) is None
    await pass_seconds(hass, freezer, 20)
    assert written(hass_storage) == {"hub": {"samples": [1]}}


async def test_a_note_after_samples_is_written_soon(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory, freezer: FrozenDateTimeFactory
) -> None:
    memory.set_quietly("samples", [1])
    memory.remember("backend", "important", 1)
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    assert written(hass_storage)["backends"] == {"backend": {"important": 1}}


async def test_what_is_pending_is_written_when_home_assistant_stops(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory
) -> None:
    memory.set_quietly("samples", [1])
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert written(hass_storage) == {"hub": {"samples": [1]}}


async def test_saving_now_writes_only_what_is_new(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory
) -> None:
    await memory.save_now()
    assert KEY not in hass_storage  # a card is worn by writes
    memory.remember("backend", "one", 1)
    await memory.save_now()
    assert written(hass_storage) == {"backends": {"backend": {"one": 1}}}
    hass_storage.pop(KEY)
    memory.remember("backend", "one", 1)  # as it was
    await memory.save_now()
    assert KEY not in hass_storage


async def test_who_saves_while_it_is_being_written_waits_for_that(
    hass_storage: Storage, memory: HubMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, save = asyncio.Event(), Store.async_save

    async def take_long(store: Store[Any], data: Any) -> None:
        await disk.wait()
        await save(store, data)

    monkeypatch.setattr(Store, "async_save", take_long)
    memory.remember("backend", "one", 1)
    first, second = (asyncio.ensure_future(memory.save_now()) for _ in range(2))
    await turns()
    assert not second.done()
    disk.set()
    await asyncio.gather(first, second)
    assert written(hass_storage) == {"backends": {"backend": {"one": 1}}}


class SlowDisk:
    """Has each write of a store begin, and end only when it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = 0
        self.goes_on = asyncio.Event()
        write = Store._async_write_data

        async def take_long(store: Store[Any], data: Any) -> None:
            self.writes += 1
            await write(store, data)
            await self.goes_on.wait()

        monkeypatch.setattr(Store, "_async_write_data", take_long)


async def turns() -> None:
    for _ in range(9):
        await asyncio.sleep(0)


@pytest.mark.parametrize("more", [False, True], ids=["nothing new", "something new"])
async def test_who_saves_while_what_was_gathered_is_being_written_waits_for_that_and_writes_only_what_is_new(
    more: bool,  # noqa: FBT001 -- a case
    hass: HomeAssistant,
    hass_storage: Storage,
    memory: HubMemory,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SlowDisk(monkeypatch)
    memory.remember("backend", "one", 1)
    hass.loop.slow_callback_duration = float("inf")
    freezer.tick(timedelta(seconds=GATHER_SECONDS + 1))
    async_fire_time_changed(hass)
    await turns()
    assert disk.writes == 1
    if more:
        memory.remember("backend", "two", 2)
    saving = asyncio.ensure_future(memory.save_now())
    await turns()
    assert not saving.done()
    disk.goes_on.set()
    await saving
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    assert disk.writes == 1 + more
    assert written(hass_storage) == {"backends": {"backend": {"one": 1, "two": 2} if more else {"one": 1}}}


async def test_what_is_pending_is_written_once(
    hass: HomeAssistant,
    hass_storage: Storage,
    memory: HubMemory,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However it comes to that: a card is worn by writes."""
    disk = SlowDisk(monkeypatch)
    disk.goes_on.set()
    for number in range(3):
        memory.set_quietly("samples", [number])
        memory.remember("backend", "number", number)
        await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
        assert disk.writes == number + 1
    await pass_seconds(hass, freezer, 2 * 86_400)
    assert disk.writes == 3
    memory.remember("backend", "number", 3)
    hass.set_state(CoreState.stopping)
    memory.remember("backend", "number", 4)
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    memory.remember("backend", "number", 5)
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    hass.set_state(CoreState.final_write)
    hass.bus.async_fire_internal(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    assert disk.writes == 4
    assert written(hass_storage) == {"backends": {"backend": {"number": 5}}, "hub": {"samples": [2]}}


async def test_what_is_removed_is_not_written_again(
    hass: HomeAssistant, hass_storage: Storage, memory: HubMemory, freezer: FrozenDateTimeFactory
) -> None:
    memory.remember("backend", "one", 1)
    await memory.remove()
    await pass_seconds(hass, freezer, GATHER_SECONDS + 1)
    await memory.save_now()
    assert KEY not in hass_storage


async def test_what_was_written_is_read_again(hass: HomeAssistant, memory: HubMemory) -> None:
    memory.remember("backend", "one", 1)
    memory.remember("backend", "two", 2)
    memory.remember("backend", "two", None)
    memory.set("setting", "a")
    await memory.save_now()
    again = HubMemory(hass, "hub")
    await again.load()
    assert again.of_backend("backend") == {"one": 1}
    assert again.of_backend("another") == {}
    assert again.get("setting") == "a"
    assert again.get("another", "b") == "b"


async def test_backends_are_forgotten(hass: HomeAssistant, hass_storage: Storage, memory: HubMemory) -> None:
    for backend in ("one", "two", "three"):
        memory.remember(backend, "note", 1)
    await memory.save_now()
    memory.forget_backend("one")
    memory.forget_backend("one")  # twice is no error
    memory.keep_backends({"three", "four"})
    await memory.save_now()
    assert written(hass_storage) == {"backends": {"three": {"note": 1}}}
    await memory.remove()
    assert KEY not in hass_storage


async def test_an_empty_file_is_no_reason_not_to_start(hass: HomeAssistant, hass_storage: Storage) -> None:
    hass_storage[KEY] = {"version": 1, "minor_version": 1, "key": KEY, "data": None}
    memory = HubMemory(hass, "hub")
    await memory.load()
    assert memory.of_backend("backend") == {}


async def test_what_a_newer_version_wrote_is_left_as_it_is(
    hass: HomeAssistant, hass_storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    newer = {"version": 99, "minor_version": 1, "key": KEY, "data": {"backends": {"backend": {"one": "in new words"}}}}
    hass_storage[KEY] = dict(newer)
    memory = HubMemory(hass, "hub")
    await memory.load()
    assert memory.of_backend("backend") == {}
    assert "left aside" in caplog.text
    memory.remember("backend", "one", 1)
    await memory.save_now()
    assert memory.of_backend("backend") == {"one": 1}
    assert hass_storage[KEY] == newer
