"""The flows of the hub: setting it up, and entering new credentials for one of its backends."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_API_KEY, CONF_HOST, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import voluptuous as vol
from yarl import URL

from .account_flow import AccountSubentryFlow
from .connectors import discovery, forms
from .connectors.arr import FAMILY as SERVARR
from .connectors.base import Connection, Connector, Credentials, Granted
from .connectors.discovery import Found, Place
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, CONF_PREFERENCES, DOMAIN
from .data import SokoulConfigEntry
from .device_login import WRONG_ACCOUNT, DeviceLoginSteps
from .options_flow import SokoulOptionsFlow
from .policy_flow import PolicySubentryFlow
from .push import own_url
from .reauth import SUBENTRY_ID, refused, title_placeholders, try_again
from .search_policies import POLICY
from .setup_check import check_candidates
from .subentry_flow import BackendSubentryFlow

CONF_SKIP = "skip"

#: One key, and which one of them answers, it says itself.
FAMILY = tuple(each for each in CONNECTORS.values() if each.family == SERVARR)
#: What says least when the family's usual ports are tried in turn: somebody else may have been at that port.
_SILENT = frozenset({"refused", "timeout", "no_answer", "wrong_application", "not_the_api"})


class SokoulConfigFlow(ConfigFlow, DeviceLoginSteps, domain=DOMAIN):
    """Set up the hub: best from one *arr, which already knows the addresses of the others."""

    VERSION = 1

    def __init__(self) -> None:
        self._added: dict[str, ConfigSubentryData] = {}  # by unique id
        self._queue: list[Found] = []  # found, and not asked for yet
        self._known: list[set[Place]] = []  # every program seen, with all its places: none is asked for twice
        self._reauth_id = ""
        self._settled: set[str] = set()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        backends = {
            kind: BackendSubentryFlow if connector.device_login is None else AccountSubentryFlow
            for kind, connector in CONNECTORS.items()
        }
        return {**backends, POLICY: PolicySubentryFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return SokoulOptionsFlow()

    # --- the first backend -------------------------------------------------------------------------------------------

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where to start."""
        return self.async_show_menu(step_id="user", menu_options=["arr", "scan", "empty"])

    async def async_step_empty(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set up the hub alone; backends are added one by one."""
        return self._create()

    async def async_step_arr(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Start with any of the family: which one it is, it says itself."""
        return await self._ask_family("arr", forms.connection_fields(Credentials.API_KEY), user_input)

    async def async_step_another(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take one more by hand; an empty address leads back, because a flow has no button for it."""
        if user_input is not None and not user_input.get(CONF_URL, "").strip():
            return await self.async_step_finish()
        fields = forms.connection_fields(Credentials.API_KEY)
        return await self._ask_family("another", forms.may_stay_empty(fields, CONF_URL, CONF_API_KEY), user_input)

    async def _ask_family(
        self, step_id: str, fields: dict[vol.Marker, Any], user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        trial = forms.Trial()
        if user_input is not None:
            connector, trial = await self._try_family(user_input)
            if trial.connection is not None:
                return await self._add(connector, trial, {Place(connector.kind, trial.connection.url)})
        return self._show(step_id, fields, user_input, trial, FAMILY)

    async def _try_family(self, typed: Mapping[str, Any]) -> tuple[Connector[Any, Any], forms.Trial]:
        """Try an address as each of the family, each at its usual port where none was typed."""
        trials = await asyncio.gather(*(self._try(connector, typed) for connector in FAMILY))
        tried = list(zip(FAMILY, trials, strict=True))
        tried.sort(key=lambda each: (each[1].connection is None, bool(_SILENT.intersection(each[1].errors.values()))))
        return tried[0]

    async def _try(self, connector: Connector[Any, Any], typed: Mapping[str, Any]) -> forms.Trial:
        trial = await forms.try_connection(self.hass, connector, typed)
        if trial.unique_id in self._added:
            return forms.Trial(errors={CONF_URL: forms.ALREADY_CONFIGURED})
        return trial

    async def async_step_scan(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Look at the usual ports of a host."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                host = URL(forms.tidy_url(user_input[CONF_HOST], None)).host or ""
            except ValueError:
                errors[CONF_HOST] = "invalid_host"
            else:
                self._note(await discovery.scan(self.hass, host))
                if self._queue:
                    return await self._ask_next()
                errors[CONF_HOST] = "nothing_found"
        # the media stack often runs on Home Assistant's own machine
        suggested = user_input or {CONF_HOST: URL(own_url(self.hass) or "").host or ""}
        return self.async_show_form(
            step_id="scan",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Required(CONF_HOST): TextSelector()}), suggested
            ),
            errors=errors,
            description_placeholders=forms.hints(*(each for each in CONNECTORS.values() if each.sniff)),
            last_step=False,
        )

    # --- what the first one knows of ---------------------------------------------------------------------------------

    async def _ask_next(self) -> ConfigFlowResult:
        """Ask for the next backend that was found, or come to an end."""
        return await (self._ask_found(None) if self._queue else self.async_step_finish())

    async def async_step_neighbour(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the credentials of a backend that another one knows."""
        return await self._ask_found(user_input)

    async def async_step_unreachable(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the address too: the one that was told is not known here."""
        return await self._ask_found(user_input)

    async def async_step_scanned(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the credentials of a backend that was found on a host."""
        return await self._ask_found(user_input)

    async def _ask_found(self, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        found = self._queue[0]
        connector = CONNECTORS[found.kind]
        trial = forms.Trial()
        if user_input is not None:
            if user_input[CONF_SKIP]:
                del self._queue[0]
                return await self._ask_next()
            trial = await self._try(connector, user_input)
            if trial.connection is not None:
                del self._queue[0]
                return await self._add(connector, trial, next(each for each in self._known if found.place in each))
        fields = {
            **forms.may_stay_empty(forms.connection_fields(connector.credentials), CONF_API_KEY),
            vol.Required(CONF_SKIP, default=False): BooleanSelector(),
        }
        suggested = user_input or {CONF_URL: found.url, CONF_USERNAME: found.username}
        step_id = ("neighbour" if found.answers else "unreachable") if found.told_by else "scanned"
        return self._show(step_id, fields, suggested, trial, (connector,), told_by=found.told_by, url=found.url)

    async def _add(self, connector: Connector[Any, Any], trial: forms.Trial, places: set[Place]) -> ConfigFlowResult:
        """Note a backend that answered, and ask it about others."""
        connection, identity, unique_id = trial.connection, trial.identity, trial.unique_id
        assert connection is not None  # noqa: S101 -- the callers looked
        assert identity is not None  # noqa: S101 -- comes with the connection
        assert unique_id is not None  # noqa: S101 -- this too
        title = forms.default_title(connector, identity, {each["title"] for each in self._added.values()})
        self._added[unique_id] = ConfigSubentryData(
            subentry_type=connector.kind,
            title=title,
            unique_id=unique_id,
            data={CONF_CONNECTION: connection.as_data(), CONF_PREFERENCES: {}},
        )
        places.add(Place(connector.kind, connection.url))
        if places not in self._known:
            self._known.append(places)
        self._note(await discovery.neighbours(self.hass, connector, connection, title))
        return await self._ask_next()

    def _note(self, found: Iterable[Found]) -> None:
        """Queue the backends that were not seen before."""
        for each in discovery.unknown(found, self._known):
            self._queue.append(each)
            self._known.append({each.place})

    def _show(
        self,
        step_id: str,
        fields: dict[vol.Marker, Any],
        suggested: Mapping[str, Any] | None,
        trial: forms.Trial,
        connectors: Iterable[Connector[Any, Any]],
        **placeholders: str,
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), suggested),
            errors=forms.shown_errors(trial.errors, fields),
            description_placeholders={**forms.hints(*connectors), **placeholders, **trial.placeholders},
            last_step=step_id in {"reauth_confirm", "reauth_key"},  # during set-up there is always the menu at the end
        )

    # --- the end -----------------------------------------------------------------------------------------------------

    async def async_step_finish(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what is connected, and offer a first check-up."""
        if not self._added:
            return await self.async_step_user()
        connected = "\n".join(
            f"- **{each['title']}** ({each['data'][CONF_CONNECTION][CONF_URL]})" for each in self._added.values()
        )
        return self.async_show_menu(
            step_id="finish",
            menu_options=["create", "check_up", "another"],
            description_placeholders={"backends": connected},
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

    def _create(self) -> ConfigFlowResult:
        return self.async_create_entry(title="SOKOUL", data={}, subentries=list(self._added.values()))

    # --- reauthentication --------------------------------------------------------------------------------------------

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Find the backend that refused its credentials; the coordinator says which one."""
        return await self._ask_credentials(entry_data.get(SUBENTRY_ID, ""))

    async def _ask_credentials(self, subentry_id: str) -> ConfigFlowResult:
        self._reauth_id = subentry_id
        entry: SokoulConfigEntry = self._get_reauth_entry()
        subentry = entry.subentries.get(subentry_id)
        connector = CONNECTORS[subentry.subentry_type] if subentry is not None else None
        if connector is not None and connector.device_login is not None:
            return await self.async_step_reauth_account()
        if connector is not None and connector.default_port is None and connector.credentials is Credentials.API_KEY:
            return await self.async_step_reauth_key()
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_account(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask how to be let in again."""
        entry: SokoulConfigEntry = self._get_reauth_entry()
        self.context["title_placeholders"] = title_placeholders(entry, self._reauth_id)
        return self.async_show_menu(
            step_id="reauth_account",
            menu_options=["device", "reauth_key"],
            description_placeholders={"backend": entry.subentries[self._reauth_id].title},
        )

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for new credentials and try them; then for those of the next backend that refuses its own."""
        return await self._ask_again("reauth_confirm", user_input)

    async def async_step_reauth_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key of an account."""
        return await self._ask_again("reauth_key", user_input)

    async def _ask_again(self, step_id: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        entry: SokoulConfigEntry = self._get_reauth_entry()
        subentry = entry.subentries.get(self._reauth_id)
        if subentry is None:
            return self.async_abort(reason="backend_removed")
        connector = CONNECTORS[subentry.subentry_type]
        stored = Connection.from_data(subentry.data[CONF_CONNECTION])
        trial = forms.Trial()
        if user_input is not None:
            typed = {CONF_URL: stored.url, CONF_VERIFY_SSL: stored.verify_ssl, **user_input}
            trial = await forms.try_connection(self.hass, connector, typed)
            if connector.device_login is not None and trial.unique_id not in {None, subentry.unique_id}:
                trial = forms.Trial(errors={CONF_API_KEY: WRONG_ACCOUNT})
            if trial.connection is not None:
                if connector.device_login is not None:
                    await connector.device_login.forget(self.hass, trial.connection)
                return await self._let_in_again(subentry, trial.connection)
        self.context["title_placeholders"] = title_placeholders(entry, subentry.subentry_id)
        return self._show(
            step_id,
            forms.credential_fields(connector.credentials),
            user_input or {CONF_USERNAME: stored.username},
            trial,
            (connector,),
            backend=subentry.title,
            url=stored.url,
        )

    async def _let_in_again(self, subentry: ConfigSubentry, connection: Connection) -> ConfigFlowResult:
        """Go on with new credentials; then ask for those of the next backend that refuses its own."""
        entry: SokoulConfigEntry = self._get_reauth_entry()
        data = {**subentry.data, CONF_CONNECTION: connection.as_data()}
        if not self.hass.config_entries.async_update_subentry(entry, subentry, data=data):
            try_again(entry, subentry.subentry_id)
        self._settled.add(subentry.subentry_id)
        if (other := refused(entry, self._settled)) is not None:
            return await self._ask_credentials(other)
        return self.async_abort(reason="reauth_successful")

    # --- an account that lets us in by a code ------------------------------------------------------------------------

    @override
    def device_connector(self) -> Connector[Any, Any]:
        entry: SokoulConfigEntry = self._get_reauth_entry()
        return CONNECTORS[entry.subentries[self._reauth_id].subentry_type]

    @override
    async def granted(self, granted: Granted) -> ConfigFlowResult | str:
        entry: SokoulConfigEntry = self._get_reauth_entry()
        subentry = entry.subentries[self._reauth_id]
        if forms.unique_id(self.device_connector(), granted.connection, granted.identity) != subentry.unique_id:
            return WRONG_ACCOUNT
        await granted.keep()
        return await self._let_in_again(subentry, granted.connection)
