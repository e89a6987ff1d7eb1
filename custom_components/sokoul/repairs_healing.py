"""Fix flows of healing: its database, its suggestions, and the offers of its rules."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import markdown, wording
from .autopilot.desk import NotPossible
from .calls import hub_of
from .const import DOMAIN
from .history import Where, shown
from .journal_report import entry_sentence, rule_name, sentence
from .model.journal import PERSON  # Home Assistant doesn't tell which of its administrators answers
from .notices import Answer, asked_text
from .store import StoreError, erase
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub


class _HealingFlow(RepairsFlow):
    """A flow that works with the autopilot, if that runs."""

    @property
    def _hub(self) -> Hub | None:
        with suppress(ServiceValidationError):
            hub = hub_of(self.hass)
            if hub.pilot.running:
                return hub
        return None

    @property
    def _words(self) -> wording.Wording:
        return wording.get(self.hass.config.language, dt_util.get_default_time_zone())


class AnswerSuggestions(_HealingFlow):
    """Answer one suggestion after the other."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin: what Home Assistant passes here is the issue, and no answer."""
        return await self.async_step_answer()

    async def async_step_answer(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Take an answer, and ask for the next one."""
        hub, errors, reason = self._hub, {}, ""
        if hub is None:
            return self.async_abort(reason="not_loaded")
        if user_input is not None:
            try:
                await hub.pilot.people.answer(Answer(user_input["answer"]), user_input["suggestion"], PERSON)
            except NotPossible as impossible:
                errors["base"], reason = "not_possible", sentence(impossible.reason, dt_util.utcnow(), self._words)
            except StoreError as error:
                errors["base"], reason = "not_possible", str(error)
        now, words, asked = dt_util.utcnow(), self._words, hub.pilot.kernel.suggestions
        if not asked and not errors:
            return self.async_create_entry(data={})
        if not asked:
            return self.async_abort(reason="over", description_placeholders={"reason": reason})
        labels = {str(each.id): asked_text(each, words) for each in asked}
        lines = [
            f"**{markdown.plain(clean(each.label))}**\n\n{markdown.plain(entry_sentence(each, now, words))}"
            for each in asked
        ]
        schema = vol.Schema(
            {
                vol.Required("suggestion", default=str(asked[0].id)): _select(labels),
                # the first one is chosen for who presses "Next" without a look
                vol.Required("answer", default=Answer.KEEP): SelectSelector(
                    SelectSelectorConfig(
                        options=[Answer.KEEP, Answer.APPROVE, Answer.NEVER],
                        translation_key="suggestion_answer",
                        mode=SelectSelectorMode.LIST,
                    )
                ),
            }
        )
        return self.async_show_form(
            step_id="answer",
            data_schema=schema,
            errors=errors,
            description_placeholders={"suggestions": "\n\n".join(lines), "reason": reason},
            last_step=len(asked) == 1,
        )


class AnswerOffer(_HealingFlow):
    """Let a rule act alone, or not yet."""

    def __init__(self, rule: str) -> None:
        self._rule = rule

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["alone", "ask"],
            description_placeholders={"rule": rule_name(self._rule, self._words)},
        )

    async def async_step_alone(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Let it."""
        return await self._answer(Answer.ALONE)

    async def async_step_ask(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Go on as before."""
        return await self._answer(Answer.ASK)

    async def _answer(self, answer: Answer) -> RepairsFlowResult:
        if (hub := self._hub) is None:
            return self.async_abort(reason="not_loaded")
        try:
            await hub.pilot.people.answer(answer, self._rule, PERSON)
        except StoreError as error:
            return self.async_abort(reason="store_failed", description_placeholders={"detail": str(error)})
        return self.async_create_entry(data={})


class BeginAnew(RepairsFlow):
    """Set a damaged database aside, and begin with an empty one."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Explain first."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Do it. The old file is kept beside the new one."""
        try:
            pilot = hub_of(self.hass).pilot
        except ServiceValidationError:
            return self.async_abort(reason="not_loaded")
        if pilot.running:
            return self.async_create_entry(data={})  # it works again
        if user_input is None:
            return self.async_show_form(
                step_id="confirm", data_schema=vol.Schema({}), description_placeholders={"path": str(pilot.path)}
            )
        try:
            await pilot.begin_anew()
        except OSError as error:
            return self.async_abort(reason="not_moved", description_placeholders={"detail": str(error)})
        if pilot.store is None:
            return self.async_abort(reason="still_damaged")
        return self.async_create_entry(data={})


class LeaveOrDelete(RepairsFlow):
    """Delete the database that was left when SOKOUL was removed, or leave it."""

    def __init__(self, where: Where) -> None:
        self._where = where

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask."""
        placeholders = {"path": shown(self._where)}
        return self.async_show_menu(
            step_id="init", menu_options=["keep", "delete"], description_placeholders=placeholders
        )

    async def async_step_keep(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Leave it."""
        return self.async_create_entry(data={})

    async def async_step_delete(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Delete it, unless SOKOUL is back and uses it."""
        if self.hass.config_entries.async_entries(DOMAIN):
            return self.async_abort(reason="in_use")
        try:
            await erase(self._where)
        except (OSError, StoreError) as error:
            return self.async_abort(reason="not_deleted", description_placeholders={"detail": str(error)})
        return self.async_create_entry(data={})


def _select(labels: dict[str, str]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=value, label=label) for value, label in labels.items()],
            mode=SelectSelectorMode.DROPDOWN,
        )
    )
