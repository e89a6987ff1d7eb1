"""Buttons: what a guard does when it is told to, another server for a VPN, and the reading of an account."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .data import SokoulConfigEntry
from .debrid_entities import DEBRID_BUTTONS, DebridButton
from .entity import DebridEntity, GuardEntity, PlatformSetup, RotationEntity, guarded, mirrored, tunnelling
from .guard_entities import GUARD_BUTTONS, GuardButton
from .model.journal import AUTOMATION
from .rotation_entities import ROTATION_BUTTONS, RotationButton

# Each sees to it itself that it isn't pressed twice.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons."""
    del hass
    entry.runtime_data.add_platform(
        PlatformSetup(async_add_entities, of_backend=guarded(GUARD_BUTTONS), make=ButtonOfGuard)
    )
    entry.runtime_data.add_platform(
        PlatformSetup(async_add_entities, of_backend=tunnelling(ROTATION_BUTTONS), make=ButtonOfServers)
    )
    entry.runtime_data.add_platform(
        PlatformSetup(async_add_entities, of_backend=mirrored(DEBRID_BUTTONS), make=ButtonOfAccount)
    )


class ButtonOfGuard(GuardEntity, ButtonEntity):
    """A button of a guard."""

    entity_description: GuardButton

    @override
    def read(self) -> None:
        """Return nothing: only pressing changes the state."""

    @override
    async def async_press(self) -> None:
        await self.entity_description.press(self.guard)


class ButtonOfServers(RotationEntity, ButtonEntity):
    """A button of the servers of a VPN. It waits until a change has begun; how that ends is an event."""

    entity_description: RotationButton

    @override
    def read(self) -> None:
        """Return nothing: only pressing changes the state."""

    @override
    async def async_press(self) -> None:
        user_id = self._context.user_id if self._context is not None else None
        await self.entity_description.press(self.servers, user_id or AUTOMATION)


class ButtonOfAccount(DebridEntity, ButtonEntity):
    """A button of a Real-Debrid account. It begins what may take long; how that ends is an event."""

    entity_description: DebridButton

    @override
    def read(self) -> None:
        """Return nothing: only pressing changes the state."""

    @override
    async def async_press(self) -> None:
        await self.entity_description.press(self.watch)
