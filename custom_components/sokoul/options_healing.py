"""Settings of healing: who is told, how patient each rule is, what is never touched, and what other tools had set.

The fields of a rule are made of its policy (see `healing_fields`).
"""

from dataclasses import replace
from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import markdown, wording
from .autopilot.import_settings import CannotImport, ImportedSettings, read_settings
from .autopilot.settings import Caps, PilotSettings, Settable, SettingError, from_json
from .const import DOMAIN
from .healing import ALL_RULES, LEVELS, level_of, set_level
from .healing_fields import as_shown, as_typed, fields_of, in_words
from .hub import Hub
from .journal_report import rule_name, sentence
from .model.journal import Autonomy
from .notify_people import PHONES_KEY, phone_names, phones
from .wording import clean

HEALING_MENU = ("people", "rules", "limits", "untouched", "import_settings")

_LEVEL = SelectSelector(
    SelectSelectorConfig(options=LEVELS, translation_key="autonomy", mode=SelectSelectorMode.DROPDOWN)
)


class HealingOptions(OptionsFlow):
    """The part of the options that is about healing. It counts at once, and nothing is reloaded."""

    _rule: Settable
    _imported: ImportedSettings
    _protected: frozenset[str]  # as it was shown

    @property
    def _hub(self) -> Hub:
        hub: Hub = self.config_entry.runtime_data
        return hub

    @property
    def _words(self) -> wording.Wording:
        return wording.get(self.hass.config.language, dt_util.get_default_time_zone())

    @property
    def _settings(self) -> PilotSettings:
        return self._hub.pilot.kernel.settings

    def _saved(self) -> ConfigFlowResult:
        """End well. The entry's own options stay as they are: nothing is reloaded."""
        return self.async_create_entry(data=dict(self.config_entry.options))

    def _change(self, settings: PilotSettings) -> ConfigFlowResult:
        self._hub.pilot.kernel.change(settings)
        return self._saved()

    # --- who is told -------------------------------------------------------------------------------------------------

    async def async_step_people(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which phones are told."""
        memory = self._hub.memory
        chosen: list[str] = memory.get(PHONES_KEY, [])
        known = sorted({*phones(self.hass), *chosen})
        if not known:
            return self.async_abort(reason="no_phones")
        if user_input is not None:
            memory.set(PHONES_KEY, user_input["phones"])
            self._hub.pilot.people.phones_changed()
            return self._saved()
        names = phone_names(self.hass)
        options = [SelectOptionDict(value=phone, label=names.get(phone, phone)) for phone in known]
        selector = SelectSelector(SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id="people",
            data_schema=vol.Schema({vol.Required("phones", default=chosen): selector}),
            last_step=True,
        )

    # --- rules -------------------------------------------------------------------------------------------------------

    async def async_step_rules(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which rule."""
        if not self._hub.pilot.running:
            return self.async_abort(reason="autopilot_off")
        rules = {rule.key: rule for rule in ALL_RULES}
        if user_input is not None:
            self._rule = rules[user_input["rule"]]
            return await self.async_step_rule()
        options = [SelectOptionDict(value=key, label=rule_name(key, self._words)) for key in rules]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id="rules", data_schema=vol.Schema({vol.Required("rule"): selector}), last_step=False
        )

    async def async_step_rule(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how far a rule may go, and for its thresholds."""
        errors: dict[str, str] = {}
        rule, words, policy = self._rule, self._words, self._settings.policy(self._rule)
        if user_input is not None:
            try:
                settings = self._settings.with_policy(rule, as_typed(type(policy), user_input))
            except SettingError as error:
                errors[error.field] = "not_possible"
            else:
                self._hub.pilot.kernel.change(settings)
                set_level(self._hub, rule, Autonomy(user_input["autonomy"]))
                return self._saved()
        level = vol.Required("autonomy", default=level_of(self._hub, rule).value)
        schema = vol.Schema({level: _LEVEL, **fields_of(type(policy), words)})
        return self.async_show_form(
            step_id="rule",
            data_schema=self.add_suggested_values_to_schema(
                schema, as_shown(policy) if user_input is None else user_input
            ),
            errors=errors,
            description_placeholders={
                "rule": rule_name(rule.key, words),
                "about": words.text(f"about.{rule.key}"),
            },
            last_step=True,
        )

    # --- how much ----------------------------------------------------------------------------------------------------

    async def async_step_limits(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how much may happen in a time, whatever the rules want."""
        if not self._hub.pilot.running:
            return self.async_abort(reason="autopilot_off")
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                caps = from_json(Caps, as_typed(Caps, user_input))
            except SettingError as error:
                errors[error.field] = "not_possible"
            else:
                return self._change(replace(self._settings, caps=caps))
        shown = as_shown(self._settings.caps) if user_input is None else user_input
        return self.async_show_form(
            step_id="limits",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields_of(Caps, self._words)), shown),
            errors=errors,
            last_step=True,
        )

    # --- what is never touched ---------------------------------------------------------------------------------------

    async def async_step_untouched(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the tags and categories that say "hands off", and show the downloads of which that was said."""
        if not self._hub.pilot.running:
            return self.async_abort(reason="autopilot_off")
        settings = self._settings
        if user_input is not None:
            labels = frozenset(label.strip().casefold() for label in user_input.get("labels", ()) if label.strip())
            no_more = self._protected - frozenset(user_input.get("protected", ()))
            return self._change(replace(settings, labels=labels, protected=settings.protected - no_more))
        self._protected = settings.protected
        fields: dict[vol.Marker, Any] = {vol.Optional("labels"): TextSelector(TextSelectorConfig(multiple=True))}
        if settings.protected:
            names = {each.key: clean(each.label) for each in await self._hub.view.index(dt_util.utcnow())}
            options = [SelectOptionDict(value=key, label=names.get(key, key)) for key in settings.protected]
            options.sort(key=lambda option: option["label"].casefold())
            selector = SelectSelector(
                SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST)
            )
            fields[vol.Optional("protected", default=sorted(settings.protected))] = selector
        schema = vol.Schema(fields)
        return self.async_show_form(
            step_id="untouched",
            data_schema=self.add_suggested_values_to_schema(schema, {"labels": sorted(self._settings.labels)}),
            last_step=True,
        )

    # --- taking over what was set elsewhere --------------------------------------------------------------------------

    async def async_step_import_settings(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the content of another tool's settings."""
        if not self._hub.pilot.running:
            return self.async_abort(reason="autopilot_off")
        errors, problem = {}, ""
        if user_input is not None:
            try:
                self._imported = await self.hass.async_add_executor_job(read_settings, user_input["content"])
            except CannotImport as error:
                errors["content"], problem = "cannot_import", sentence(error.reason, dt_util.utcnow(), self._words)
            else:
                return await self.async_step_import_preview()
        schema = vol.Schema({vol.Required("content"): TextSelector(TextSelectorConfig(multiline=True))})
        return self.async_show_form(
            step_id="import_settings",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"problem": problem},
            last_step=False,
        )

    async def async_step_import_preview(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what would be taken over, and what differs."""
        if user_input is not None:
            return self._change(self._imported.applied_to(self._settings))
        return self.async_show_form(
            step_id="import_preview",
            data_schema=vol.Schema({}),
            description_placeholders={"tool": self._imported.tool, "found": await self._preview()},
            last_step=True,
        )

    async def _preview(self) -> str:
        words, imported = self._words, self._imported
        names = await async_get_translations(self.hass, self.hass.config.language, "options", {DOMAIN})
        lines = []
        for key, policy in imported.policies.items():
            rule = self._hub.pilot.kernel.rules[key]
            taken = self._settings.with_policy(rule, policy).policy(rule)
            for name in policy:
                label = names.get(f"component.{DOMAIN}.options.step.rule.data.{name}", name)
                value = in_words(name, getattr(taken, name), words)
                lines.append(words.text("list.pair", name=f"{rule_name(key, words)}, {label}", text=value))
        lines += [
            words.text("list.pair", name=rule_name(key, words), text=words.text(f"autonomy.{level}"))
            for key, level in imported.autonomy.items()
        ]
        lines += sorted({*imported.labels, *imported.protected})
        lines += [sentence(note, dt_util.utcnow(), words) for note in imported.notes]
        return "\n".join(f"- {markdown.plain(line)}" for line in lines)
