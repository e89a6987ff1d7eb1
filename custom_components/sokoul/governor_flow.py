"""Choosing what the governor listens to: the temperatures of machines, and any entities. It counts at once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR
from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER
from homeassistant.components.sensor import DOMAIN as SENSOR
from homeassistant.components.switch import DOMAIN as SWITCH
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import UnitOfDataRate, UnitOfTemperature
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    EntityWithDeviceFilterSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid
import voluptuous as vol

from .autopilot.guards.governor import SourceState
from .autopilot.guards.limits import HIGHEST_MEGABYTES, MEGABYTE, Rates
from .autopilot.guards.sources import SourceKind, ThermalThresholds
from .entity_choice import reference_of
from .governing import Governing
from .governor_sources import CHOSEN_KINDS, NUMERIC_KINDS, ChosenSource, Thermometer
from .hub import Hub
from .markdown import plain
from .wording import Wording

GOVERNOR_MENU = ("governor",)

LIMIT, PAUSE = "limit", "pause"

#: Entities that are on or off; the schedule is named by its name, lest it be loaded for that.
_SWITCHES = [BINARY_SENSOR, "input_boolean", SWITCH]
_DOMAINS: Mapping[SourceKind, list[str]] = {
    SourceKind.WATCHING: [MEDIA_PLAYER, *_SWITCHES],
    SourceKind.SCHEDULE: ["schedule", *_SWITCHES],
    SourceKind.PRICE: [SENSOR, "input_number", *_SWITCHES],
    SourceKind.SOLAR: [SENSOR, "input_number", *_SWITCHES],
    SourceKind.METERED: _SWITCHES,
    SourceKind.BATTERY: [SENSOR, *_SWITCHES],
}
_NUMBERS = frozenset({SENSOR, "input_number"})

#: What a form calls a temperature, and what it is.
_TEMPERATURES = {"limit_from": "limit", "limit_until": "back", "pause_from": "pause", "pause_until": "resume"}


class GovernorOptions(OptionsFlow):
    """The part of the options that is about the governor."""

    _edited: str = ""  # the key of the source that is being asked about
    _kind: SourceKind = SourceKind.WATCHING

    @property
    def _governing(self) -> Governing:
        hub: Hub = self.config_entry.runtime_data
        return hub.governing

    @property
    def _client_titles(self) -> dict[str, str]:
        return {key: client.backend.title for key, client in self._governing.clients.items()}

    async def async_step_governor(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is demanded now and by what, and ask what to change."""
        governing, words = self._governing, self._governing.words
        if not governing.clients:
            return self.async_abort(reason="nothing_to_govern")
        new = {f"new_{kind}": kind for kind in CHOSEN_KINDS}
        if user_input is not None:
            self._edited = user_input["source"]
            if self._edited in governing.thermometers:
                return await self.async_step_governor_machine()
            if (kind := new.get(self._edited)) is not None:
                self._edited, self._kind = ulid(), kind
            elif (known := governing.chosen.get(self._edited)) is not None:
                self._kind = known.kind
            return await self.async_step_governor_source()
        options = {
            **{
                key: _named(SourceKind.THERMAL, each.backend.title, words)
                for key, each in governing.thermometers.items()
            },
            **{key: _named(each.kind, each.label(self.hass), words) for key, each in governing.chosen.items()},
            **{key: words.text("governed.new", name=words.text(f"governed.{kind}")) for key, kind in new.items()},
        }
        return self.async_show_form(
            step_id="governor",
            data_schema=vol.Schema({vol.Required("source"): _select(options)}),
            description_placeholders={"known": self._governor_known(words)},
            last_step=False,
        )

    def _governor_known(self, words: Wording) -> str:
        """Return what is demanded of each client, and how each source stands."""
        governing, free = self._governing, words.text("governed.free")
        lines = [(each.backend.title, " ".join(each.explain(words)) or free) for each in governing.clients.values()]
        lines += [
            (_named(each.source.kind, each.source.label, words), _standing(each, words))
            for each in governing.decision.sources.values()
        ]
        return "\n".join(
            "- " + words.text("list.pair", name=f"**{plain(name)}**", text=plain(text)) for name, text in lines
        )

    # --- an entity ---------------------------------------------------------------------------------------------------

    async def async_step_governor_source(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the entities, and what is to be done while they are on."""
        governing, errors = self._governing, dict[str, str]()
        known = governing.chosen.get(self._edited)
        if user_input is not None:
            if user_input.get("remove"):
                governing.forget(self._edited)
                return self._governed()
            source = self._typed(user_input)
            errors = _mistakes(source, source.entity_ids(self.hass))
            if not errors:
                governing.choose(source)
                return self._governed()
        fields: dict[vol.Marker, Any] = {
            vol.Required("entities"): EntitySelector(
                EntitySelectorConfig(
                    multiple=True, filter=EntityWithDeviceFilterSelectorConfig(domain=_DOMAINS[self._kind])
                )
            )
        }
        if self._kind in NUMERIC_KINDS:
            fields |= {vol.Optional("enter"): _number(), vol.Optional("leave"): _number()}
        if self._kind is SourceKind.BATTERY:
            fields[vol.Required("inverted", default=False)] = BooleanSelector()
        fields |= {
            vol.Required("act", default=LIMIT): SelectSelector(
                SelectSelectorConfig(options=[LIMIT, PAUSE], translation_key="governor_act")
            ),
            vol.Optional("download"): _rate(),
            vol.Optional("upload"): _rate(),
            vol.Optional("clients"): _select(self._client_titles, multiple=True),
        }
        if known is not None:
            fields[vol.Required("remove", default=False)] = BooleanSelector()
        shown = user_input if user_input is not None else self._shown(known) if known is not None else {}
        return self.async_show_form(
            step_id="governor_source",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), shown),
            errors=errors,
            description_placeholders={
                "kind": governing.words.text(f"governed.{self._kind}"),
                "about": governing.words.text(f"governed.about_{self._kind}"),
            },
            last_step=True,
        )

    def _typed(self, user_input: Mapping[str, Any]) -> ChosenSource:
        return ChosenSource(
            key=self._edited,
            kind=self._kind,
            entities=tuple(reference_of(self.hass, each) for each in user_input["entities"]),
            pause=user_input["act"] == PAUSE,
            limits=Rates(
                download=round(user_input.get("download", 0) * MEGABYTE),
                upload=round(user_input.get("upload", 0) * MEGABYTE),
            ),
            enter=user_input.get("enter"),
            leave=user_input.get("leave"),
            clients=tuple(user_input.get("clients", ())),
            inverted=user_input.get("inverted", False),
        )

    def _shown(self, source: ChosenSource) -> dict[str, Any]:
        rates = {"download": source.limits.download, "upload": source.limits.upload}
        return {
            "entities": list(source.entity_ids(self.hass)),
            "act": PAUSE if source.pause else LIMIT,
            "enter": source.enter,
            "leave": source.leave,
            "inverted": source.inverted,
            "clients": [each for each in source.clients if each in self._client_titles],
            **{name: rate / MEGABYTE for name, rate in rates.items() if rate},
        }

    # --- a machine ---------------------------------------------------------------------------------------------------

    async def async_step_governor_machine(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the temperatures that count, and for the clients that run on a machine."""
        governing, errors = self._governing, dict[str, str]()
        thermometer = governing.thermometers.get(self._edited)
        if thermometer is None:  # removed meanwhile
            return self.async_abort(reason="nothing_to_govern")
        if user_input is not None:
            typed = {name: user_input.get(field) for field, name in _TEMPERATURES.items()}
            errors = _wrong_temperatures(typed)
            if not round(user_input["download"] * MEGABYTE):
                errors["download"] = "limit_zero"
            if not errors:
                thermometer.change(_machine(thermometer, typed, user_input))
                governing.look()
                return self._governed()
        fields: dict[vol.Marker, Any] = {vol.Optional(field): _celsius() for field in _TEMPERATURES}
        fields[vol.Required("download")] = _rate()
        if thermometer.is_own_machine:
            fields[vol.Required("automatic")] = BooleanSelector()
        fields[vol.Optional("clients")] = _select(self._client_titles, multiple=True)
        return self.async_show_form(
            step_id="governor_machine",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), self._shown_machine(thermometer) if user_input is None else user_input
            ),
            errors=errors,
            description_placeholders={"machine": thermometer.backend.title},
            last_step=True,
        )

    def _shown_machine(self, thermometer: Thermometer) -> dict[str, Any]:
        settings = thermometer.settings
        source = self._governing.decision.sources.get(self._edited)
        concerned = settings.clients if settings.clients is not None else source.source.clients if source else ()
        return {
            **{field: getattr(thermometer.thresholds, name, None) for field, name in _TEMPERATURES.items()},
            "download": settings.limits.download / MEGABYTE,
            "automatic": settings.clients is None,
            "clients": [each for each in concerned if each in self._client_titles],
        }

    def _governed(self) -> ConfigFlowResult:
        """End well. The entry's own options stay as they are: nothing is reloaded."""
        return self.async_create_entry(data=dict(self.config_entry.options))


def _mistakes(source: ChosenSource, entity_ids: tuple[str, ...]) -> dict[str, str]:
    """Return what can't be meant, by field."""
    errors: dict[str, str] = {}
    numbers = [each for each in entity_ids if each.partition(".")[0] in _NUMBERS and source.kind in NUMERIC_KINDS]
    if not entity_ids:
        errors["entities"] = "entities_missing"
    elif source.enter is None and numbers:
        errors["enter"] = "threshold_missing"
    elif source.enter is not None and (len(entity_ids) > 1 or not numbers):
        errors["entities"] = "one_number"
    elif (wrong := _wrong_side(source)) is not None:
        errors["leave"] = wrong
    if not source.pause and source.limits == Rates():
        errors["download"] = "limit_missing"
    return errors


def _wrong_side(source: ChosenSource) -> str | None:
    """Return what is wrong with where a number ends that begins elsewhere, if anything is."""
    if source.enter is None or source.leave is None:
        return None
    if source.kind is SourceKind.SOLAR:  # it is little that begins it
        return "not_above" if source.leave < source.enter else None
    return "not_below" if source.leave > source.enter else None


def _wrong_temperatures(typed: Mapping[str, float | None]) -> dict[str, str]:
    """Return what can't be meant, by field. None of them at all means those that SOKOUL finds right."""
    given = {name: celsius for name, celsius in typed.items() if celsius is not None}
    if not given:
        return {}
    errors = {field: "temperature_missing" for field, name in _TEMPERATURES.items() if name not in given}
    if not errors and given["back"] > given["limit"]:
        errors["limit_until"] = "not_below"
    if not errors and given["resume"] > given["pause"]:
        errors["pause_until"] = "not_below"
    return errors


def _machine(thermometer: Thermometer, typed: Mapping[str, float | None], user_input: Mapping[str, Any]) -> Any:
    given = {name: celsius for name, celsius in typed.items() if celsius is not None}
    automatic = user_input.get("automatic", False)
    thresholds = ThermalThresholds(**given) if given else None
    return replace(
        thermometer.settings,
        thresholds=None if thresholds == thermometer.defaults else thresholds,
        clients=None if automatic else tuple(user_input.get("clients", ())),
        limits=Rates(download=round(user_input["download"] * MEGABYTE)),
    )


# --- what is shown ---------------------------------------------------------------------------------------------------


def _named(kind: SourceKind, label: str, words: Wording) -> str:
    return words.text("list.pair", name=words.text(f"governed.{kind}"), text=label)


def _standing(state: SourceState, words: Wording) -> str:
    """Return how a source stands, and whether it is only looked at."""
    now = dt_util.utcnow()
    said = [words.reason(each, now) for each in (state.reason, state.trouble) if each is not None]
    if not said:
        said.append(words.text("governed.calm"))
    if not state.source.clients:
        said.append(words.text("governed.observes"))
    return " ".join(said)


# --- fields ----------------------------------------------------------------------------------------------------------


def _select(labels: Mapping[str, str], *, multiple: bool = False) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=value, label=label) for value, label in labels.items()],
            multiple=multiple,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def _number() -> NumberSelector:
    return NumberSelector(NumberSelectorConfig(step="any", mode=NumberSelectorMode.BOX))


def _rate() -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=0,
            max=HIGHEST_MEGABYTES,
            step="any",
            mode=NumberSelectorMode.BOX,
            unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        )
    )


def _celsius() -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=20, max=120, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement=UnitOfTemperature.CELSIUS
        )
    )
