"""The steps of the demo, and what they are made of: looking and acting over Home Assistant's own API."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
import time
from typing import Any

from .homeassistant import HomeAssistant, HomeAssistantError

#: a poll of the *arr, of the simulated *arr's own client check, and of qBittorrent, one after the other
PATIENCE_SECONDS = 150
_POLL_SECONDS = 0.5


class Seen(str):
    """What a step shows whoever watches it. It is no problem."""

    __slots__ = ()


#: the second argument is the stack that the demo was started with
type Run = Callable[[HomeAssistant, Any], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done once Home Assistant runs. `run` raises, or returns what it found wrong, and `Seen`."""

    title: str
    run: Run


async def within(condition: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


async def config_entry(home_assistant: HomeAssistant) -> dict[str, Any]:
    """Return SOKOUL's config entry."""
    entry: dict[str, Any] = (await home_assistant.ws("config_entries/get", domain="sokoul"))[0]
    return entry


async def backend_ids(home_assistant: HomeAssistant) -> dict[str, str]:
    """Return the ids of the backends, by their kind: of each there is one here."""
    entry = await config_entry(home_assistant)
    found = await home_assistant.ws("config_entries/subentries/list", entry_id=entry["entry_id"])
    return {each["subentry_type"]: each["subentry_id"] for each in found}


async def device_of(home_assistant: HomeAssistant, subentry_id: str) -> str:
    """Return the id of the device of a backend."""
    for device in await home_assistant.ws("config/device_registry/list"):
        if ["sokoul", subentry_id] in device["identifiers"]:
            return str(device["id"])
    raise HomeAssistantError(f"there is no device of {subentry_id}")


async def states_of(home_assistant: HomeAssistant) -> dict[str, str]:
    """Return all states, by entity id."""
    return {each["entity_id"]: each["state"] for each in await home_assistant.rest("GET", "/api/states")}


def is_connection(entity_id: str) -> bool:
    """Tell whether an entity says whether a backend answers."""
    return entity_id.startswith("binary_sensor.") and entity_id.endswith(("_connection", "_connexion"))


async def entity_of(home_assistant: HomeAssistant, domain: str, key: str, ending: str = "") -> str:
    """Return the entity of a domain by its translation key, which no language changes, and its id's ending."""
    for entry in await home_assistant.ws("config/entity_registry/list"):
        ours = entry["platform"] == "sokoul" and entry["translation_key"] == key
        if ours and entry["unique_id"].endswith(ending) and entry["entity_id"].startswith(f"{domain}."):
            return str(entry["entity_id"])
    raise HomeAssistantError(f"there is no {domain} with the key {key}")


async def call_service(home_assistant: HomeAssistant, domain: str, service: str, **data: Any) -> None:
    """Perform an action that answers nothing."""
    await home_assistant.rest("POST", f"/api/services/{domain}/{service}", data)


async def run_action(home_assistant: HomeAssistant, name: str, **data: Any) -> dict[str, Any]:
    """Perform an action of SOKOUL, and return its answer."""
    answer = await home_assistant.rest("POST", f"/api/services/sokoul/{name}?return_response", data)
    response: dict[str, Any] = answer["service_response"]
    return response
