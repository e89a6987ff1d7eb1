"""Home Assistant's dialogs, answered over its API as a person would in the browser."""

from typing import Any

from .homeassistant import HomeAssistant, HomeAssistantError
from .steps import config_entry


class Dialog:
    """A config flow, answered as a person would in the browser."""

    path = "flow"

    def __init__(self, home_assistant: HomeAssistant) -> None:
        self._home_assistant = home_assistant
        self.shown: dict[str, Any] = {}

    async def open(self, handler: Any = "sokoul") -> None:
        """Choose SOKOUL under "Add integration"."""
        await self._send("", {"handler": handler, "show_advanced_options": False})

    async def answer(self, **fields: Any) -> None:
        """Fill in the form, or choose from the menu with `next_step_id`."""
        await self._send(f"/{self.shown['flow_id']}", fields)
        if self.shown.get("errors"):
            raise HomeAssistantError(f"{self.shown['step_id']}: {self.shown['errors']}")

    async def _send(self, path: str, fields: dict[str, Any]) -> None:
        self.shown = await self._home_assistant.rest("POST", f"/api/config/config_entries/{self.path}{path}", fields)

    @property
    def step(self) -> str:
        """What is shown."""
        return str(self.shown.get("step_id") or self.shown["type"])

    @property
    def suggested(self) -> dict[str, Any]:
        """What the form would send as it is."""
        return {
            field["name"]: field["description"]["suggested_value"]
            for field in self.shown["data_schema"]
            if (field.get("description") or {}).get("suggested_value") is not None
        }


class Options(Dialog):
    """The dialog of SOKOUL's options."""

    path = "options/flow"

    async def change(self, step: str, **fields: Any) -> None:
        """Open it, choose from its menu, and fill in the form that comes; what is not named stays."""
        await self.open((await config_entry(self._home_assistant))["entry_id"])
        await self.answer(next_step_id=step)
        await self.answer(**{**self.suggested, **fields})


class Adding(Dialog):
    """The dialog that adds a backend on SOKOUL's page."""

    path = "subentries/flow"

    async def add(self, kind: str, *, choose: str = "", **fields: Any) -> None:
        """Choose the kind, choose from its menu if it has one, and fill in its form."""
        await self.open([(await config_entry(self._home_assistant))["entry_id"], kind])
        if choose:
            await self.answer(next_step_id=choose)
        await self.answer(**fields)
        if self.step != "create_entry":
            raise HomeAssistantError(f"adding {kind} ended with {self.step}")
