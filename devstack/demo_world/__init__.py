"""A component of the demo's Home Assistant: what SOKOUL asks of the machine and of the internet, simulators answer.

It is no simulator, and so the one thing here that knows the integration: it puts other values where that keeps the
addresses of public services and of Real-Debrid, the folder of this machine's sensors, and how long heat has to be over.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from homeassistant.core import HomeAssistant
import homeassistant.helpers.config_validation as cv
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from custom_components.sokoul import lookout
from custom_components.sokoul.autopilot.guards import sources
from custom_components.sokoul.autopilot.guards.sources import SourceKind
from custom_components.sokoul.clients import real_debrid
from custom_components.sokoul.connectors import thermal

DOMAIN = "demo_world"

CONFIG_SCHEMA = vol.Schema(
    {
        DOMAIN: vol.Schema(
            {
                vol.Required("public_ip_services"): [cv.string],
                vol.Required("sensors"): cv.string,
                vol.Required("real_debrid"): cv.string,
                vol.Optional("calm_seconds"): cv.positive_int,
            }
        )
    },
    extra=vol.ALLOW_EXTRA,
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Put the world of the demo around SOKOUL, before a person adds it."""
    del hass
    world = config[DOMAIN]
    _put(lookout, SERVICES_V4=tuple(world["public_ip_services"]), SERVICES_V6=(), DNS_SERVICE="")
    _put(thermal, ROOT=Path(world["sensors"]))
    _put(real_debrid, BASE_URL=world["real_debrid"])
    if (calm := world.get("calm_seconds")) is not None:
        timing = replace(sources.TIMINGS[SourceKind.THERMAL], calm=timedelta(seconds=calm))
        _put(sources, TIMINGS={**sources.TIMINGS, SourceKind.THERMAL: timing, SourceKind.BOARD: timing})
    return True


def _put(module: ModuleType, **values: Any) -> None:
    """Set names of a module. Raises AttributeError for one that it doesn't have: else the real thing would be asked."""
    for name, value in values.items():
        getattr(module, name)
        setattr(module, name, value)
