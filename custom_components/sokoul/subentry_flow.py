"""Adding a backend of any kind, and changing it: everything particular is in its connector."""

import asyncio
from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryState, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
import voluptuous as vol

from .connectors import discovery, forms
from .connectors.base import Connection, Connector, Identity
from .connectors.discovery import Place
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, CONF_PREFERENCES, CONF_PUSH, CONF_PUSH_URL
from .data import SokoulConfigEntry
from .push import own_url
from .reauth import settle, try_again

#: A form opens at once: what the others know of this kind is a help, not a need.
SUGGESTION_SECONDS = 5
HOME_ASSISTANT_PORT = 8123


class BackendSubentryFlow(ConfigSubentryFlow):
    """Add or change a backend."""

    @property
    def _connector(self) -> Connector[Any, Any]:
        return CONNECTORS[self._subentry_type]

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a backend."""
        connector = self._connector
        trial = forms.Trial()
        if user_input is not None:
            preferences, trial = await self._try(user_input, None)
            if trial.connection is not None and trial.identity is not None:
                return self.async_create_entry(
                    title=self._title(trial.identity),
                    data={CONF_CONNECTION: trial.connection.as_data(), CONF_PREFERENCES: preferences},
                    unique_id=trial.unique_id,
                )
        fields = {**self._connection_fields(), **forms.preference_fields(connector)}
        return self._show("user", fields, user_input or await self._suggestion(), trial)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a backend. Secrets are not shown; left empty they stay."""
        connector = self._connector
        entry: SokoulConfigEntry = self._get_entry()
        subentry = self._get_reconfigure_subentry()
        stored = Connection.from_data(subentry.data[CONF_CONNECTION])
        before: Mapping[str, Any] = subentry.data.get(CONF_PREFERENCES, {})
        trial = forms.Trial()
        if user_input is not None:
            preferences, trial = await self._try(user_input, stored)
            if trial.connection is not None:
                data = {
                    CONF_CONNECTION: trial.connection.as_data(),
                    CONF_PREFERENCES: {**before, **preferences},
                }
                if trial.connection == stored:
                    try_again(entry, subentry.subentry_id)
                settle(self.hass, entry, subentry.subentry_id)
                return self.async_update_and_abort(entry, subentry, unique_id=trial.unique_id, data=data)
        fields = {
            **forms.may_stay_empty(self._connection_fields(), CONF_API_KEY),
            **forms.preference_fields(connector),
        }
        shown = {
            CONF_URL: forms.shown_address(self.hass, connector, stored.url),
            CONF_USERNAME: stored.username,
            CONF_VERIFY_SSL: stored.verify_ssl,
            **before,
        }
        return self._show("reconfigure", fields, user_input or shown, trial, backend=subentry.title)

    def _connection_fields(self) -> dict[vol.Marker, Any]:
        connector = self._connector
        return forms.connection_fields(
            connector.credentials, address=connector.default_port is not None, chosen=connector.chosen_address
        )

    async def _try(self, typed: Mapping[str, Any], stored: Connection | None) -> tuple[dict[str, Any], forms.Trial]:
        """Return the preferences, and the result of trying the connection; it counts only when all is well."""
        trial = await forms.try_connection(self.hass, self._connector, typed, stored)
        if trial.unique_id is not None and self._is_taken(trial.unique_id):
            trial = forms.Trial(errors={CONF_URL: forms.ALREADY_CONFIGURED})
        try:
            preferences = self._read_preferences(typed)
        except ValueError as error:
            trial = forms.Trial(errors={**trial.errors, CONF_PUSH_URL: str(error)}, placeholders=trial.placeholders)
            preferences = {}
        return preferences, trial

    def _read_preferences(self, typed: Mapping[str, Any]) -> dict[str, Any]:
        """Read the preferences. Raises ValueError with the name of what is wrong with the webhook's address."""
        if not self._connector.pushes:
            return {}
        url = typed.get(CONF_PUSH_URL, "").strip()
        if url:
            try:
                url = forms.tidy_url(url, HOME_ASSISTANT_PORT)
            except ValueError as error:
                raise ValueError(forms.INVALID_URL) from error
        elif typed[CONF_PUSH] and own_url(self.hass) is None:
            raise ValueError("push_url_needed")
        return {CONF_PUSH: typed[CONF_PUSH], CONF_PUSH_URL: url}

    def _is_taken(self, unique_id: str) -> bool:
        own = self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        return any(
            subentry.unique_id == unique_id and subentry.subentry_id != own
            for subentry in self._get_entry().subentries.values()
        )

    def _title(self, identity: Identity) -> str:
        taken = {subentry.title for subentry in self._get_entry().subentries.values()}
        return forms.default_title(self._connector, identity, taken)

    async def _suggestion(self) -> dict[str, Any]:
        """Fill in what the connected backends know of one of this kind that is not connected yet."""
        entry: SokoulConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return {}
        known = [
            {Place(each.subentry_type, Connection.from_data(each.data[CONF_CONNECTION]).url)}
            for each in entry.subentries.values()
            if CONF_CONNECTION in each.data
        ]
        answering = [backend for backend in entry.runtime_data.backends.values() if backend.last_update_success]
        try:
            async with asyncio.timeout(SUGGESTION_SECONDS):
                told = await asyncio.gather(
                    *(
                        discovery.neighbours(self.hass, backend.connector, backend.connection, backend.title)
                        for backend in answering
                    )
                )
        except TimeoutError:
            return {}
        new = [each for found in told for each in discovery.unknown(found, known) if each.kind == self._subentry_type]
        best = min(new, key=lambda each: not each.answers, default=None)
        return {} if best is None else {CONF_URL: best.url, CONF_USERNAME: best.username}

    def _show(
        self,
        step_id: str,
        fields: dict[vol.Marker, Any],
        suggested: Mapping[str, Any],
        trial: forms.Trial,
        **placeholders: str,
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), suggested),
            errors=forms.shown_errors(trial.errors, fields),
            description_placeholders={**forms.hints(self._connector), **placeholders, **trial.placeholders},
        )
