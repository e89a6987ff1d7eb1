"""Entities of Home Assistant that a person chose: how they are kept, and what their states mean."""

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

#: The states of what is on, or plays.
ON = frozenset({STATE_ON, MediaPlayerState.PLAYING, MediaPlayerState.BUFFERING})
#: The states that tell nothing.
UNTOLD = frozenset({STATE_UNAVAILABLE, STATE_UNKNOWN})


def reference_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return what is kept of an entity: its id in the registry, which stays when it is renamed, or else its own."""
    entry = er.async_get(hass).async_get(entity_id)
    return entity_id if entry is None else entry.id


def entity_id_of(hass: HomeAssistant, reference: str) -> str:
    """Return the entity id of what was kept; where that is gone, what was kept."""
    return er.async_resolve_entity_id(er.async_get(hass), reference) or reference
