"""What can be set of the guard of one download client, beside what shelters it. It counts at once."""

from datetime import time
from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TimeSelector,
)
import voluptuous as vol

from .autopilot.guards.drill_plan import DAYS, DrillPlan
from .clients.errors import BackendError
from .guarding import ClientGuard
from .hub import Hub
from .last_resort import Chosen
from .model.journal import PERSON  # Home Assistant doesn't tell which of its administrators answers
from .restart_way import ENTITY_DOMAINS

GUARD_MENU = ["shelter", "last_resort", "drill_plan"]


class GuardOptions(OptionsFlow):
    """The part of the options that is about one guard."""

    _client_id: str = ""

    async def async_step_guarded(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to set."""
        del user_input
        if (guard := self._guard) is None:
            return self.async_abort(reason="nothing_to_guard")
        named, bound = {"backend": guard.backend.title}, guard.binding.bound
        if bound is None:
            return self.async_show_menu(step_id="guarded", menu_options=GUARD_MENU, description_placeholders=named)
        named |= {"interface": bound}
        return self.async_show_menu(
            step_id="guarded_bound", menu_options=[*GUARD_MENU, "unbind"], description_placeholders=named
        )

    async def async_step_guarded_bound(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask the same of a client that was bound."""
        return await self.async_step_guarded(user_input)

    async def async_step_last_resort(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what is called against a leak."""
        if (guard := self._guard) is None:
            return self.async_abort(reason="nothing_to_guard")
        if user_input is not None:
            entity = user_input.get("entity")
            chosen = Chosen(entity_id=entity, every_leak=user_input["every_leak"]) if entity else None
            guard.last_resort.choose(chosen)
            return self._set()
        before = guard.last_resort.chosen
        schema = vol.Schema(
            {
                vol.Optional("entity"): EntitySelector(EntitySelectorConfig(domain=ENTITY_DOMAINS)),
                vol.Required("every_leak", default=before is not None and before.every_leak): BooleanSelector(),
            }
        )
        shown = {} if before is None else {"entity": before.entity_id}
        return self.async_show_form(
            step_id="last_resort",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            description_placeholders={"backend": guard.backend.title},
            last_step=True,
        )

    async def async_step_drill_plan(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether there is a drill each month, and when."""
        if (guard := self._guard) is None:
            return self.async_abort(reason="nothing_to_guard")
        if user_input is not None:
            at = time.fromisoformat(user_input["time"])
            plan = DrillPlan(day=int(user_input["day"]), at=at.replace(second=0)) if user_input["monthly"] else None
            guard.drilling.choose(plan)
            return self._set()
        plan = guard.drilling.plan
        shown = plan or DrillPlan()
        days = NumberSelectorConfig(min=DAYS[0], max=DAYS[-1], mode=NumberSelectorMode.BOX)
        schema = vol.Schema(
            {
                vol.Required("monthly", default=plan is not None): BooleanSelector(),
                vol.Required("day", default=shown.day): NumberSelector(days),
                vol.Required("time", default=shown.at.isoformat()): TimeSelector(),
            }
        )
        return self.async_show_form(
            step_id="drill_plan",
            data_schema=schema,
            description_placeholders={"backend": guard.backend.title},
            last_step=True,
        )

    async def async_step_unbind(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the binding back."""
        guard = self._guard
        if guard is None or guard.binding.bound is None:
            return self.async_abort(reason="nothing_to_guard")
        errors, detail = {}, ""
        if user_input is not None:
            try:
                await guard.binding.unbind(PERSON)
            except BackendError as error:
                errors["base"], detail = "not_unbound", str(error)
            else:
                return self._set()
        return self.async_show_form(
            step_id="unbind",
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders={
                "backend": guard.backend.title,
                "interface": guard.binding.bound or "",
                "detail": detail,
            },
            last_step=True,
        )

    def _set(self) -> ConfigFlowResult:
        return self.async_create_entry(data=dict(self.config_entry.options))

    @property
    def _guard(self) -> ClientGuard | None:
        """The guard that is being set; None: its client was removed meanwhile."""
        hub: Hub = self.config_entry.runtime_data
        return hub.guarding.clients.get(self._client_id)
