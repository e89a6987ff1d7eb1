"""What is looked for, as an action or a websocket command says it."""

from collections.abc import Mapping
from typing import Any

from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .acquire.query import LONGEST_LINK
from .const import DOMAIN
from .hub import Hub
from .model.library import TitleKind
from .model.search import SearchRequest
from .releases.attributes import Resolution
from .search_policies import policies_of

ATTR_QUERY = "query"
ATTR_KIND = "kind"
ATTR_YEAR = "year"
ATTR_SEASON = "season"
ATTR_EPISODE = "episode"
ATTR_MINIMUM = "minimum"
ATTR_POLICY = "policy"
ATTR_SOURCES = "sources"

KINDS = {"movie": TitleKind.MOVIE, "series": TitleKind.SERIES}
#: As policies offer them; 0 is any picture.
LEAST: Mapping[str, int] = {
    "any": 0,
    "p480": Resolution.P480,
    "p720": Resolution.P720,
    "p1080": Resolution.P1080,
    "p2160": Resolution.P2160,
}
HIGHEST_NUMBER = 9_999
#: So many releases are shown at most.
HIGHEST_LIMIT = 200

NUMBER = vol.All(vol.Coerce(int), vol.Range(min=0, max=HIGHEST_NUMBER))

#: What is looked for; the websocket command takes the same.
REQUEST_FIELDS: dict[vol.Marker, Any] = {
    vol.Required(ATTR_QUERY): vol.All(cv.string, vol.Length(min=1, max=LONGEST_LINK)),
    vol.Optional(ATTR_KIND): vol.In(KINDS),
    vol.Optional(ATTR_YEAR): NUMBER,
    vol.Optional(ATTR_SEASON): NUMBER,
    vol.Optional(ATTR_EPISODE): NUMBER,
    vol.Optional(ATTR_MINIMUM): vol.In(LEAST),
    vol.Optional(ATTR_POLICY): cv.string,
    vol.Optional(ATTR_SOURCES, default=list): vol.All(cv.ensure_list, [cv.string]),
}


def request_of(hub: Hub, data: dict[str, Any]) -> SearchRequest:
    """Return what is asked for. Raises `ServiceValidationError` for nothing, and for a policy that there isn't."""
    if not data[ATTR_QUERY].strip():
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_look_for")
    return SearchRequest(
        text=data[ATTR_QUERY],
        kind=KINDS[data[ATTR_KIND]] if ATTR_KIND in data else None,
        year=data.get(ATTR_YEAR),
        season=data.get(ATTR_SEASON),
        episode=data.get(ATTR_EPISODE),
        policy=policy_named(hub, data.get(ATTR_POLICY)),
        minimum_lines=int(LEAST[data[ATTR_MINIMUM]]) if ATTR_MINIMUM in data else None,
        sources=frozenset(data[ATTR_SOURCES]),
    )


def policy_named(hub: Hub, named: str | None) -> str | None:
    """Return the key of a policy that is named by its title or its key."""
    if named is None:
        return None
    for each in policies_of(hub.entry).values():
        if named in {each.key, each.title} or named.casefold() == each.title.casefold():
            return each.key
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="unknown_policy", translation_placeholders={"policy": named}
    )
