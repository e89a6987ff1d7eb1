"""Choosing where the history of healing is kept. It is tried before it is saved, and nothing but healing restarts."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from . import store
from .history import CONF_DATABASE_URL, CannotCopy, NoDriver, move
from .hub import Hub
from .options_store import HOUSEKEEPING_MENU, HousekeepingOptions

DATABASE_MENU = ("database", *HOUSEKEEPING_MENU)

EXAMPLE = "postgresql://user:password@host:5432/sokoul"

FILE, POSTGRESQL = "file", "postgresql"

#: Which field of the form an error is about, and its text; the first that fits counts.
_PROBLEMS: tuple[tuple[tuple[type[store.StoreError], ...], str, str], ...] = (
    ((store.InvalidUrl,), "url", "database_address"),
    ((store.AccessDenied,), "url", "database_access"),
    ((store.TooOld,), "url", "database_too_old"),
    ((store.Unreachable, store.TookTooLong), "url", "database_unreachable"),
    ((store.NewerSchema,), "kind", "database_newer"),
    ((store.NotEmpty,), "copy", "database_not_empty"),
    ((CannotCopy,), "copy", "database_not_copied"),
    ((NoDriver,), "kind", "database_no_driver"),
    ((store.StoreError,), "kind", "database_failed"),
)

_SCHEMA = vol.Schema(
    {
        vol.Required("kind"): SelectSelector(
            SelectSelectorConfig(
                options=[FILE, POSTGRESQL], translation_key="database_kind", mode=SelectSelectorMode.LIST
            )
        ),
        vol.Optional("url"): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD)),
        vol.Required("copy", default=True): BooleanSelector(),
    }
)


class DatabaseOptions(HousekeepingOptions):
    """The part of the options that is about the database. Its address is a secret: it is never shown again."""

    async def async_step_database(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the kind of database and its address, and go over to it."""
        hub: Hub = self.config_entry.runtime_data
        options = dict(self.config_entry.options)
        before = options.pop(CONF_DATABASE_URL, "")
        errors: dict[str, str] = {}
        detail = ""
        if user_input is not None:
            after = (user_input.get("url", "").strip() or before) if user_input["kind"] == POSTGRESQL else ""
            if user_input["kind"] == POSTGRESQL and not after:
                errors["url"] = "database_address_missing"
            else:
                try:
                    if after != before:
                        await move(self.hass, hub.pilot, after or hub.pilot.path, take_along=user_input["copy"])
                except store.StoreError as error:
                    field, problem = next(
                        (field, problem) for kinds, field, problem in _PROBLEMS if isinstance(error, kinds)
                    )
                    errors[field], detail = problem, str(error)
                else:
                    return self.async_create_entry(data={**options, **({CONF_DATABASE_URL: after} if after else {})})
        shown = user_input or {"kind": POSTGRESQL if before else FILE}
        return self.async_show_form(
            step_id="database",
            data_schema=self.add_suggested_values_to_schema(_SCHEMA, shown),
            errors=errors,
            description_placeholders={"path": str(hub.pilot.path), "detail": detail, "example": EXAMPLE},
            last_step=True,
        )
