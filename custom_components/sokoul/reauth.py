"""Asking for new credentials: an entry has one such flow at a time, and several of its backends may need one."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState, ConfigFlowContext, ConfigFlowResult
from homeassistant.core import HomeAssistant, callback

from .clients.errors import Banned, InvalidAuth

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .data import SokoulConfigEntry


SUBENTRY_ID = "subentry_id"


def title_placeholders(entry: SokoulConfigEntry, subentry_id: str) -> dict[str, str]:
    """Return what a reauthentication shows as its title, and which backend it is about."""
    return {"name": entry.subentries[subentry_id].title, SUBENTRY_ID: subentry_id}


@callback
def start(hass: HomeAssistant, entry: SokoulConfigEntry, subentry_id: str) -> None:
    """Ask for a backend's credentials, unless the entry asks for another's already or the backend is gone."""
    if subentry_id not in entry.subentries:
        return
    entry.async_start_reauth_if_available(
        hass,
        context=ConfigFlowContext(title_placeholders=title_placeholders(entry, subentry_id)),
        data={SUBENTRY_ID: subentry_id},
    )


def _flows(hass: HomeAssistant, entry: SokoulConfigEntry, subentry_id: str) -> list[ConfigFlowResult]:
    """Return the flows that ask for a backend's credentials: one, or none."""
    flows = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    return [flow for flow in flows if flow["context"].get("title_placeholders", {}).get(SUBENTRY_ID) == subentry_id]


@callback
def is_asking(hass: HomeAssistant, entry: SokoulConfigEntry, subentry_id: str) -> bool:
    """Tell whether a backend's credentials are asked for now."""
    return bool(_flows(hass, entry, subentry_id))


@callback
def refused(entry: SokoulConfigEntry, settled: Collection[str]) -> str | None:
    """Return a backend that refuses its credentials, other than those that were settled just now."""
    if entry.state is not ConfigEntryState.LOADED:
        return None
    backends = entry.runtime_data.backends
    return next((each for each, backend in backends.items() if each not in settled and _refuses(backend)), None)


def _refuses(backend: BackendCoordinator[Any, Any]) -> bool:
    cause = backend.last_exception.__cause__ if backend.last_exception is not None else None
    return not backend.last_update_success and isinstance(cause, InvalidAuth) and not isinstance(cause, Banned)


@callback
def settle(hass: HomeAssistant, entry: SokoulConfigEntry, subentry_id: str) -> None:
    """End the question for a backend's credentials: it works again, or is gone. Go on with another backend's."""
    for flow in _flows(hass, entry, subentry_id):
        hass.config_entries.flow.async_abort(flow["flow_id"])
        if (other := refused(entry, {subentry_id})) is not None:
            start(hass, entry, other)


@callback
def try_again(entry: SokoulConfigEntry, subentry_id: str) -> None:
    """Connect anew to a backend whose connection was found to work as it is: it would wait for its next turn.

    And a client whose login was refused never sends the same one again.
    """
    if entry.state is not ConfigEntryState.LOADED:
        return
    backend = entry.runtime_data.backends.get(subentry_id)
    if backend is not None and not backend.answering:
        entry.runtime_data.in_background(backend.async_connect_anew(), f"another look at {backend.title}")
