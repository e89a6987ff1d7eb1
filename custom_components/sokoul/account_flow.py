"""Adding an account that lets us in by a code or by its key, and changing it."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import SOURCE_RECONFIGURE, SubentryFlowResult
from homeassistant.const import CONF_API_KEY
import voluptuous as vol

from .connectors import forms
from .connectors.base import Connection, Connector, DeviceLogin, Granted
from .const import CONF_CONNECTION, CONF_PREFERENCES
from .data import SokoulConfigEntry
from .device_login import WRONG_ACCOUNT, DeviceLoginSteps
from .reauth import settle, try_again
from .subentry_flow import BackendSubentryFlow


class AccountSubentryFlow(BackendSubentryFlow, DeviceLoginSteps):
    """Add or change an account. Which one it is stays: what is known of it is known of no other."""

    @override
    def device_connector(self) -> Connector[Any, Any]:
        return self._connector

    @property
    def _login(self) -> DeviceLogin:
        login = self._connector.device_login
        assert login is not None  # noqa: S101 -- only such kinds have this flow
        return login

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask how to be let in."""
        return self.async_show_menu(step_id="user", menu_options=["device", "key"])

    @override
    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what to change."""
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["settings", "device", "key"],
            description_placeholders={"backend": self._get_reconfigure_subentry().title},
        )

    async def async_step_settings(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change what else can be set."""
        subentry = self._get_reconfigure_subentry()
        before: Mapping[str, Any] = subentry.data.get(CONF_PREFERENCES, {})
        if user_input is not None:
            data = {**subentry.data, CONF_PREFERENCES: {**before, **user_input}}
            return self.async_update_and_abort(self._get_entry(), subentry, data=data)
        return self._show("settings", dict(self._connector.settings), before, forms.Trial(), backend=subentry.title)

    async def async_step_key(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Take the account's key."""
        trial = forms.Trial()
        if user_input is not None:
            trial = await forms.try_connection(self.hass, self._connector, user_input)
            if trial.unique_id is not None and (problem := self._wrong(trial.unique_id)):
                trial = forms.Trial(errors={CONF_API_KEY: problem})
            if trial.connection is not None and trial.identity is not None:
                await self._login.forget(self.hass, trial.connection)
                return self._accept(trial.connection, trial.unique_id, self._title(trial.identity))
        fields = forms.credential_fields(self._connector.credentials)
        return self._show("key", fields, user_input or {}, trial)

    @override
    async def granted(self, granted: Granted) -> SubentryFlowResult | str:
        unique_id = forms.unique_id(self._connector, granted.connection, granted.identity)
        if problem := self._wrong(unique_id):
            return problem
        await granted.keep()
        return self._accept(granted.connection, unique_id, self._title(granted.identity))

    def _wrong(self, unique_id: str | None) -> str | None:
        """Name what is wrong with an account, None where nothing is."""
        if self.source == SOURCE_RECONFIGURE:
            return WRONG_ACCOUNT if unique_id != self._get_reconfigure_subentry().unique_id else None
        return forms.ALREADY_CONFIGURED if unique_id is not None and self._is_taken(unique_id) else None

    def _accept(self, connection: Connection, unique_id: str | None, title: str) -> SubentryFlowResult:
        if self.source != SOURCE_RECONFIGURE:
            defaults: dict[str, Any] = vol.Schema(dict(self._connector.settings))({})
            return self.async_create_entry(
                title=title,
                data={CONF_CONNECTION: connection.as_data(), CONF_PREFERENCES: defaults},
                unique_id=unique_id,
            )
        entry: SokoulConfigEntry = self._get_entry()
        subentry = self._get_reconfigure_subentry()
        if connection == Connection.from_data(subentry.data[CONF_CONNECTION]):
            try_again(entry, subentry.subentry_id)
        settle(self.hass, entry, subentry.subentry_id)
        data = {**subentry.data, CONF_CONNECTION: connection.as_data()}
        return self.async_update_and_abort(entry, subentry, data=data)
