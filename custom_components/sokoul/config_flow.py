"""The flows: setting up the hub, adding and changing backends, entering a new password."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_API_KEY, CONF_HOST, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import voluptuous as vol
from yarl import URL

from .connectors import discovery, forms
from .connectors.base import Connection, Connector, Credentials, Identity, Neighbour
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, CONF_PREFERENCES, CONF_PUSH, CONF_PUSH_URL, DOMAIN
from .options_flow import SokoulOptionsFlow
from .setup_check import check_candidates

CONF_SKIP = "skip"

ARR_FIELDS: dict[vol.Marker, Any] = {
    vol.Required(CONF_URL): forms.URL_FIELD,
    vol.Required(CONF_API_KEY): forms.KEY_FIELD,
    vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
}


class SokoulConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set up the hub: best from one *arr, which already knows the addresses of the others."""

    VERSION = 1

    def __init__(self) -> None:
        self._added: dict[str, ConfigSubentryData] = {}  # by unique id
        self._pending: list[Neighbour] = []
        self._reauth: ConfigSubentry | None = None

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        return dict.fromkeys(CONNECTORS, BackendSubentryFlow)

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return SokoulOptionsFlow()

    # --- the hub -----------------------------------------------------------------------------------------------------

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where to start."""
        return self.async_show_menu(step_id="user", menu_options=["arr", "scan", "empty"])

    async def async_step_arr(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Start with any of the *arr: which one it is, it says itself."""
        errors: Mapping[str, str] = {}
        placeholders: Mapping[str, str] = {}
        if user_input is not None:
            connector, trial = await self._try_family(user_input)
            if trial.identity is not None:
                return await self._add(connector, trial)
            errors, placeholders = trial.errors, trial.placeholders
        return self.async_show_form(
            step_id="arr",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(ARR_FIELDS), user_input),
            errors=dict(errors),
            description_placeholders=dict(placeholders),
        )

    async def _try_family(self, typed: Mapping[str, Any]) -> tuple[Connector[Any, Any], forms.Trial]:
        """Try one of the family; when another answers, try as that one."""
        family = {each.name: each for each in CONNECTORS.values() if each.credentials is Credentials.API_KEY}
        connector = next(iter(family.values()))
        trial = await forms.try_connection(self.hass, connector, typed)
        if (other := family.get(trial.placeholders.get("found", ""))) is not None:
            return other, await forms.try_connection(self.hass, other, typed)
        return connector, trial

    async def async_step_scan(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Look at the usual ports of a host."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                host = URL(forms.tidy_url(user_input[CONF_HOST], None)).host or ""
            except ValueError:
                errors[CONF_HOST] = "invalid_url"
            else:
                self._note(await discovery.scan(self.hass, host))
                if self._pending:
                    return await self.async_step_neighbour()
                errors[CONF_HOST] = "nothing_found"
        return self.async_show_form(
            step_id="scan",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Required(CONF_HOST): TextSelector()}), user_input
            ),
            errors=errors,
        )

    async def async_step_empty(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set up the hub alone; backends are added one by one."""
        return self._create()

    async def async_step_neighbour(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask only what is missing for a backend that was found."""
        if not self._pending:
            return await self.async_step_finish()
        neighbour = self._pending[0]
        connector = CONNECTORS[neighbour.kind]
        errors: Mapping[str, str] = {}
        placeholders: Mapping[str, str] = {}
        if user_input is not None:
            if user_input.get(CONF_SKIP):
                self._pending.pop(0)
                return await self.async_step_neighbour()
            trial = await forms.try_connection(self.hass, connector, user_input)
            if trial.identity is not None:
                self._pending.pop(0)
                return await self._add(connector, trial)
            errors, placeholders = trial.errors, trial.placeholders
        fields = forms.optional_secrets(forms.connection_fields(connector.credentials))
        schema = vol.Schema({**fields, vol.Required(CONF_SKIP, default=False): BooleanSelector()})
        suggested = user_input or {CONF_URL: neighbour.url, CONF_USERNAME: neighbour.username}
        return self.async_show_form(
            step_id="neighbour" if neighbour.told_by else "scanned",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=dict(errors),
            description_placeholders={
                **placeholders,
                "name": connector.name,
                "told_by": neighbour.told_by,
                "left": str(len(self._pending) - 1),
            },
            last_step=False,
        )

    async_step_scanned = async_step_neighbour

    async def async_step_finish(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what was found, and offer a first check-up."""
        if not self._added:
            return await self.async_step_user()
        return self.async_show_menu(
            step_id="finish",
            menu_options=["create", "check_up", "arr", "scan"],
            description_placeholders={"backends": self._summary()},
        )

    async def async_step_create(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set up what was found."""
        return self._create()

    async def async_step_check_up(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what a first look finds."""
        if user_input is not None:
            return self._create()
        findings = await check_candidates(self.hass, list(self._added.values()))
        return self.async_show_form(
            step_id="check_up",
            data_schema=vol.Schema({}),
            description_placeholders={"findings": findings},
            last_step=True,
        )

    async def _add(self, connector: Connector[Any, Any], trial: forms.Trial) -> ConfigFlowResult:
        """Note a backend that answered, and ask it about others."""
        assert trial.connection is not None  # noqa: S101 -- a trial with an identity has one
        assert trial.identity is not None  # noqa: S101
        unique = forms.unique_id(connector, trial.connection)
        title = forms.default_title(connector, trial.identity, {each["title"] for each in self._added.values()})
        self._added[unique] = new_subentry(connector, trial.connection, title)
        self._note(await discovery.neighbours(self.hass, connector, trial.connection, title))
        return await self.async_step_neighbour()

    def _note(self, found: tuple[Neighbour, ...]) -> None:
        """Queue the backends that are neither connected nor queued yet."""
        known = [(each["subentry_type"], each["data"][CONF_CONNECTION][CONF_URL]) for each in self._added.values()]
        queued = [(neighbour.kind, neighbour.url) for neighbour in self._pending]
        self._pending.extend(discovery.unknown(found, [*known, *queued]))

    def _summary(self) -> str:
        return "\n".join(
            f"- **{each['title']}** ({each['data'][CONF_CONNECTION][CONF_URL]})" for each in self._added.values()
        )

    def _create(self) -> ConfigFlowResult:
        return self.async_create_entry(title="SOKOUL", data={}, subentries=list(self._added.values()))

    # --- reauthentication --------------------------------------------------------------------------------------------

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Find the backend that refused its credentials; the coordinator says which one."""
        self._reauth = self._get_reauth_entry().subentries.get(entry_data.get("subentry_id", ""))
        if self._reauth is None:
            return self.async_abort(reason="backend_removed")
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for new credentials and try them."""
        entry = self._get_reauth_entry()
        subentry = self._reauth
        if subentry is None or subentry.subentry_id not in entry.subentries:
            return self.async_abort(reason="backend_removed")
        connector = CONNECTORS[subentry.subentry_type]
        stored = Connection.from_data(subentry.data[CONF_CONNECTION])
        errors: Mapping[str, str] = {}
        placeholders: Mapping[str, str] = {}
        if user_input is not None:
            typed = {CONF_URL: stored.url, CONF_VERIFY_SSL: stored.verify_ssl, **user_input}
            trial = await forms.try_connection(self.hass, connector, typed)
            if trial.identity is not None and trial.connection is not None:
                self.hass.config_entries.async_update_subentry(
                    entry, subentry, data={**subentry.data, CONF_CONNECTION: trial.connection.as_data()}
                )
                return self.async_abort(reason="reauth_successful")
            errors, placeholders = _all_to_base(trial.errors, set(user_input)), trial.placeholders
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(forms.credential_fields(connector.credentials)),
                user_input or {CONF_USERNAME: stored.username},
            ),
            errors=dict(errors),
            description_placeholders={**placeholders, "backend": subentry.title, "url": stored.url},
        )


def _all_to_base(errors: Mapping[str, str], shown: set[str]) -> dict[str, str]:
    """Move the errors of fields that this form doesn't show to its top."""
    return {name if name in shown else "base": error for name, error in errors.items()}


def new_subentry(connector: Connector[Any, Any], connection: Connection, title: str) -> ConfigSubentryData:
    """Return the subentry of a new backend."""
    return ConfigSubentryData(
        subentry_type=connector.kind,
        title=title,
        unique_id=forms.unique_id(connector, connection),
        data={CONF_CONNECTION: connection.as_data(), CONF_PREFERENCES: {}},
    )


class BackendSubentryFlow(ConfigSubentryFlow):
    """Add or change a backend of any kind: everything particular is in its connector."""

    @property
    def _connector(self) -> Connector[Any, Any]:
        return CONNECTORS[self._subentry_type]

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a backend."""
        connector = self._connector
        trial = forms.Trial()
        if user_input is not None:
            trial = await forms.try_connection(self.hass, connector, user_input)
            if trial.identity is not None and trial.connection is not None:
                unique = forms.unique_id(connector, trial.connection)
                if self._is_taken(unique, None):
                    return self.async_abort(reason="already_configured")
                return self.async_create_entry(
                    title=self._title(trial.identity),
                    data={
                        CONF_CONNECTION: trial.connection.as_data(),
                        CONF_PREFERENCES: _preferences(user_input),
                    },
                    unique_id=unique,
                )
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({**forms.connection_fields(connector.credentials), **forms.preference_fields(connector)}),
                user_input or await self._suggestion(),
            ),
            errors=dict(trial.errors),
            description_placeholders=self._placeholders(trial),
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a backend. Secrets are not shown; left empty they stay."""
        connector = self._connector
        subentry = self._get_reconfigure_subentry()
        stored = Connection.from_data(subentry.data[CONF_CONNECTION])
        trial = forms.Trial()
        if user_input is not None:
            trial = await forms.try_connection(self.hass, connector, user_input, stored)
            if trial.identity is not None and trial.connection is not None:
                unique = forms.unique_id(connector, trial.connection)
                if self._is_taken(unique, subentry.subentry_id):
                    return self.async_abort(reason="already_configured")
                return self.async_update_and_abort(
                    self._get_entry(),
                    subentry,
                    unique_id=unique,
                    data={
                        CONF_CONNECTION: trial.connection.as_data(),
                        CONF_PREFERENCES: {**subentry.data.get(CONF_PREFERENCES, {}), **_preferences(user_input)},
                    },
                )
        fields = {
            **forms.optional_secrets(forms.connection_fields(connector.credentials)),
            **forms.preference_fields(connector),
        }
        shown = {
            CONF_URL: stored.url,
            CONF_USERNAME: stored.username,
            CONF_VERIFY_SSL: stored.verify_ssl,
            **subentry.data.get(CONF_PREFERENCES, {}),
        }
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), user_input or shown),
            errors=dict(trial.errors),
            description_placeholders={**self._placeholders(trial), "backend": subentry.title},
        )

    def _title(self, identity: Identity) -> str:
        taken = {subentry.title for subentry in self._get_entry().subentries.values()}
        return forms.default_title(self._connector, identity, taken)

    def _is_taken(self, unique: str, own_id: str | None) -> bool:
        return any(
            subentry.unique_id == unique and subentry.subentry_id != own_id
            for subentry in self._get_entry().subentries.values()
        )

    async def _suggestion(self) -> dict[str, Any]:
        """Fill in what the connected backends know of one of this kind that is not connected yet."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return {}
        known = [(each.subentry_type, each.data[CONF_CONNECTION][CONF_URL]) for each in entry.subentries.values()]
        for backend in entry.runtime_data.backends.values():
            found = await discovery.neighbours(self.hass, backend.connector, backend.connection, backend.title)
            for neighbour in discovery.unknown(found, known):
                if neighbour.kind == self._subentry_type:
                    return {CONF_URL: neighbour.url, CONF_USERNAME: neighbour.username}
        return {}

    def _placeholders(self, trial: forms.Trial) -> dict[str, str]:
        connector = self._connector
        return {
            "name": connector.name,
            "port": str(connector.default_port),
            "example": f"http://192.168.1.10:{connector.default_port}",
            **trial.placeholders,
        }


def _preferences(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Read the preferences out of a form."""
    if CONF_PUSH not in typed:
        return {}
    preferences: dict[str, Any] = {CONF_PUSH: typed[CONF_PUSH]}
    preferences[CONF_PUSH_URL] = typed.get(CONF_PUSH_URL, "").strip().rstrip("/")
    return preferences
