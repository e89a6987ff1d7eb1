"""Choosing which servers a VPN may use, and when they are changed. It counts at once, nothing is reloaded."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR
from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER
from homeassistant.components.switch import DOMAIN as SWITCH
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import UnitOfInformation
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
    TextSelector,
)
import voluptuous as vol
from yarl import URL

from .autopilot.guards.servers import MOST_SERVERS
from .clients.errors import BackendError, InvalidAuth, NotFound, Refused
from .clients.throughput import DEFAULT_URL, sample_url
from .entity_choice import entity_id_of, reference_of
from .guarding import PROXY_KEY
from .hub import Hub
from .lookout import PROXY_EXAMPLE, mistake_in
from .markdown import plain
from .rotation import VpnRotation
from .rotation_notes import MOST_SAMPLE_MEGABYTES, NamedBy, RotationSettings

ROTATION_MENU = ("servers",)

#: So many of the ranking are shown.
SHOWN = 5
#: What may veto: it is on, or it plays. The schedule is named by its name, lest it be loaded for that.
_MAY_VETO = [BINARY_SENSOR, "input_boolean", MEDIA_PLAYER, "schedule", SWITCH]


class RotationOptions(OptionsFlow):
    """The part of the options that is about the servers of VPNs."""

    _vpn_id: str = ""

    async def async_step_servers(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which VPN it is about, where there are several."""
        vpns = self._vpns
        if not vpns:
            return self.async_abort(reason="no_vpn")
        if user_input is not None or len(vpns) == 1:
            self._vpn_id = next(iter(vpns)) if user_input is None else user_input["vpn"]
            return await self.async_step_servers_of()
        options = [SelectOptionDict(value=key, label=vpn.backend.title) for key, vpn in vpns.items()]
        select = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN))
        return self.async_show_form(
            step_id="servers", data_schema=vol.Schema({vol.Required("vpn"): select}), last_step=False
        )

    async def async_step_servers_of(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which servers it may use, and when they are changed."""
        vpn = self._vpns.get(self._vpn_id)
        if vpn is None:  # removed meanwhile
            return self.async_abort(reason="no_vpn")
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = _mistakes(user_input) or await _tried(vpn, user_input)
            if not errors:
                vpn.backend.remember(PROXY_KEY, user_input.get("proxy", "").strip() or None)
                vpn.set_up(self._typed_servers(user_input))
                return self.async_create_entry(data=dict(self.config_entry.options))
        return self.async_show_form(
            step_id="servers_of",
            data_schema=self.add_suggested_values_to_schema(
                _schema(vpn.book.settings), self._shown_servers(vpn) if user_input is None else user_input
            ),
            errors=errors,
            description_placeholders={
                "vpn": vpn.backend.title,
                "known": self._servers_known(vpn),
                "proxy_example": PROXY_EXAMPLE,
                "sample_example": str(URL(DEFAULT_URL).origin()),
            },
            last_step=True,
        )

    @property
    def _vpns(self) -> Mapping[str, VpnRotation]:
        hub: Hub = self.config_entry.runtime_data
        return hub.rotating.vpns

    def _servers_known(self, vpn: VpnRotation) -> str:
        """Say which server is in use, and which are the best."""
        hub: Hub = self.config_entry.runtime_data
        words = hub.rotating.words
        top = vpn.book.ranking()[:SHOWN]
        said = [] if vpn.server is None else [words.text("rotation.now", server=vpn.server)]
        if best := tuple(words.text("rotation.score", server=server, score=score) for server, score in top):
            said.append(words.text("rotation.ranking", servers=best))
        return plain(" ".join(said))

    def _typed_servers(self, user_input: Mapping[str, Any]) -> RotationSettings:
        return RotationSettings(
            named_by=NamedBy(user_input["named_by"]),
            servers=_servers(user_input),
            nightly=user_input["nightly"],
            vetoes=tuple(reference_of(self.hass, each) for each in user_input.get("vetoes", ())),
            measure=user_input["measure"],
            sample_url=user_input.get("sample_url", "").strip(),
            sample_megabytes=round(user_input["sample_megabytes"]),
        )

    def _shown_servers(self, vpn: VpnRotation) -> dict[str, Any]:
        settings = vpn.book.settings
        return {
            "named_by": str(settings.named_by),
            "servers": list(settings.servers),
            "nightly": settings.nightly,
            "vetoes": [entity_id_of(self.hass, each) for each in settings.vetoes],
            "proxy": vpn.tunnel.proxy,
            "measure": settings.measure,
            "sample_url": settings.sample_url,
            "sample_megabytes": settings.sample_megabytes,
        }


def _schema(settings: RotationSettings) -> vol.Schema:
    megabytes = NumberSelectorConfig(
        min=1,
        max=MOST_SAMPLE_MEGABYTES,
        step=1,
        mode=NumberSelectorMode.BOX,
        unit_of_measurement=UnitOfInformation.MEGABYTES,
    )
    vetoes = EntitySelectorConfig(multiple=True, filter=EntityWithDeviceFilterSelectorConfig(domain=_MAY_VETO))
    return vol.Schema(
        {
            vol.Required("named_by"): SelectSelector(
                SelectSelectorConfig(
                    options=[str(each) for each in NamedBy],
                    mode=SelectSelectorMode.DROPDOWN,
                    translation_key="vpn_named_by",
                )
            ),
            vol.Optional("servers"): SelectSelector(
                SelectSelectorConfig(options=list(settings.servers), multiple=True, custom_value=True)
            ),
            vol.Required("nightly"): BooleanSelector(),
            vol.Optional("vetoes"): EntitySelector(vetoes),
            vol.Optional("proxy"): TextSelector(),
            vol.Required("measure"): BooleanSelector(),
            vol.Optional("sample_url"): TextSelector(),
            vol.Required("sample_megabytes"): NumberSelector(megabytes),
        }
    )


def _servers(user_input: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what was typed, each server once: Gluetun takes names in any case."""
    typed = (each.strip() for each in user_input.get("servers", ()))
    return tuple({each.casefold(): each for each in typed if each}.values())


def _mistakes(user_input: Mapping[str, Any]) -> dict[str, str]:
    """Return what can't be meant, by field."""
    errors: dict[str, str] = {}
    servers, proxy = _servers(user_input), user_input.get("proxy", "").strip()
    if len(servers) > MOST_SERVERS:
        errors["servers"] = "too_many_servers"
    elif not servers and user_input["nightly"]:
        errors["servers"] = "servers_missing"
    if proxy and (mistake := mistake_in(proxy)) is not None:
        errors["proxy"] = mistake
    elif not proxy and user_input["measure"]:
        errors["proxy"] = "proxy_missing"
    try:
        sample_url(user_input.get("sample_url", "").strip(), 1)
    except ValueError:
        errors["sample_url"] = "not_a_file"
    return errors


async def _tried(vpn: VpnRotation, user_input: Mapping[str, Any]) -> dict[str, str]:
    """Return why Gluetun's servers can't even be read, if they are to be changed."""
    if not _servers(user_input):
        return {}
    try:
        await vpn.tunnel.selection()
    except InvalidAuth, NotFound, Refused:
        return {"base": "servers_closed"}
    except BackendError:
        return {"base": "vpn_silent"}
    return {}
