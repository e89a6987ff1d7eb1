"""Settings of healing: who is told, how patient each rule is, what is never touched, and what other tools had set.

The fields of a rule are made of its policy: whoever adds a threshold gets its field here.
"""

from dataclasses import fields, replace
from datetime import timedelta
from types import NoneType
from typing import Any, get_args, get_type_hints

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    DurationSelector,
    DurationSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    Selector,
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
from .healing import ALL_RULES
from .hub import Hub
from .journal_report import rule_name, sentence
from .notify_people import PHONES_KEY, phones

HEALING_MENU = ("people", "rules", "limits", "untouched", "import_settings")


class HealingOptions(OptionsFlow):
    """The part of the options that is about healing. It counts at once, and nothing is reloaded."""

    _rule: Settable
    _imported: ImportedSettings

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
            return self._saved()
        selector = SelectSelector(SelectSelectorConfig(options=known, multiple=True, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id="people",
            data_schema=vol.Schema({vol.Required("phones", default=chosen): selector}),
            last_step=True,
        )

    # --- how patient -------------------------------------------------------------------------------------------------

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
        """Ask for the thresholds of a rule."""
        errors: dict[str, str] = {}
        policy = self._settings.policy(self._rule)
        hints = get_type_hints(type(policy))
        if user_input is not None:
            changes = {name: _stored(user_input.get(name), hint) for name, hint in hints.items()}
            try:
                return self._change(self._settings.with_policy(self._rule, changes))
            except SettingError as error:
                errors[error.field] = "not_possible"
        schema = vol.Schema({_marker(name, hint): _selector(hint) for name, hint in hints.items()})
        shown = {each.name: _shown(getattr(policy, each.name)) for each in fields(policy)}
        return self.async_show_form(
            step_id="rule",
            data_schema=self.add_suggested_values_to_schema(schema, shown if user_input is None else user_input),
            errors=errors,
            description_placeholders={"rule": rule_name(self._rule.key, self._words)},
            last_step=True,
        )

    # --- how much ----------------------------------------------------------------------------------------------------

    async def async_step_limits(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how much may happen in a time, whatever the rules want."""
        if not self._hub.pilot.running:
            return self.async_abort(reason="autopilot_off")
        errors: dict[str, str] = {}
        caps, hints = self._settings.caps, get_type_hints(Caps)
        if user_input is not None:
            changes = {name: _stored(user_input.get(name), hint) for name, hint in hints.items()}
            try:
                return self._change(replace(self._settings, caps=from_json(Caps, changes)))
            except SettingError as error:
                errors[error.field] = "not_possible"
        schema = vol.Schema({_marker(name, hint): _selector(hint) for name, hint in hints.items()})
        shown = {each.name: _shown(getattr(caps, each.name)) for each in fields(caps)}
        return self.async_show_form(
            step_id="limits",
            data_schema=self.add_suggested_values_to_schema(schema, shown if user_input is None else user_input),
            errors=errors,
            last_step=True,
        )

    # --- what is never touched ---------------------------------------------------------------------------------------

    async def async_step_untouched(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the tags and categories that say "hands off"."""
        if not self._hub.pilot.running:
            return self.async_abort(reason="autopilot_off")
        if user_input is not None:
            labels = frozenset(label.strip().casefold() for label in user_input.get("labels", ()) if label.strip())
            return self._change(replace(self._settings, labels=labels))
        schema = vol.Schema({vol.Optional("labels"): TextSelector(TextSelectorConfig(multiple=True))})
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
                value = _in_words(getattr(taken, name), words)
                lines.append(words.text("list.pair", name=f"{rule_name(key, words)}, {label}", text=value))
        lines += [
            words.text("list.pair", name=rule_name(key, words), text=words.text(f"autonomy.{level}"))
            for key, level in imported.autonomy.items()
        ]
        lines += sorted({*imported.labels, *imported.protected})
        lines += [sentence(note, dt_util.utcnow(), words) for note in imported.notes]
        return "\n".join(f"- {markdown.plain(line)}" for line in lines)


# --- fields ----------------------------------------------------------------------------------------------------------


def _kind(hint: Any) -> Any:
    """Return the type of a threshold, without the None that may stand beside it."""
    kinds = [each for each in get_args(hint) if each is not NoneType] if NoneType in get_args(hint) else [hint]
    return kinds[0]


def _marker(name: str, hint: Any) -> vol.Marker:
    """Return the marker of a field: what may be empty is optional."""
    empty = NoneType in get_args(hint) or _kind(hint) == tuple[str, ...]
    return vol.Optional(name) if empty else vol.Required(name)


def _selector(hint: Any) -> Selector[Any]:
    kind = _kind(hint)
    if kind is timedelta:
        return DurationSelector(DurationSelectorConfig(enable_day=True, enable_second=False))
    if kind is bool:
        return BooleanSelector()
    if kind == tuple[str, ...]:
        return TextSelector(TextSelectorConfig(multiple=True))
    mode = NumberSelectorMode.BOX
    if kind is int:
        return NumberSelector(NumberSelectorConfig(min=0, step=1, mode=mode))
    return NumberSelector(NumberSelectorConfig(min=0, step="any", mode=mode))


def _shown(value: Any) -> Any:
    """Return a threshold as its field shows it."""
    if isinstance(value, timedelta):
        hours, seconds = divmod(value.seconds, 3600)
        return {"days": value.days, "hours": hours, "minutes": seconds // 60, "seconds": seconds % 60}
    return list(value) if isinstance(value, tuple) else value


def _stored(typed: Any, hint: Any) -> Any:
    """Return what was typed as it is stored."""
    if _kind(hint) == tuple[str, ...]:
        return [each.strip() for each in typed or () if each.strip()]
    return timedelta(**typed).total_seconds() if isinstance(typed, dict) else typed


def _in_words(value: Any, words: wording.Wording) -> str:
    match value:
        case timedelta():
            return words.duration(value)
        case tuple():
            return ", ".join(value)
    return str(value)
