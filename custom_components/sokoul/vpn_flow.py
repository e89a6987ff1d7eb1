"""Saying which VPN a download client is behind, and how it is kept inside. It counts at once, nothing is reloaded."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import wording
from .autopilot.guards.shelter import Clue, Shelter
from .autopilot.guards.vpn_types import Containment
from .guard_flow import GuardOptions
from .guarding import PROXY_KEY, ClientGuard
from .hub import AnyCoordinator, Hub
from .journal_report import sentence
from .lookout import PROXY_EXAMPLE, mistake_in
from .markdown import plain

VPN_MENU = ("vpn",)

AUTOMATIC = "automatic"
OTHER = "other"
NO_VPN = "none"
#: How a client is kept inside, as it can be chosen.
WAYS = [str(way) for way in Containment if way is not Containment.NONE]


class VpnOptions(GuardOptions):
    """The part of the options that is about VPNs."""

    async def async_step_vpn(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what each download client is behind, and ask which one to change."""
        guards = self._guards()
        if not guards:
            return self.async_abort(reason="nothing_to_guard")
        if user_input is not None:
            self._client_id = user_input["backend"]
            return await self.async_step_guarded()
        words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
        known = [
            "- " + words.text("list.pair", name=f"**{plain(guard.backend.title)}**", text=self._known(guard, words))
            for guard in guards.values()
        ]
        options = [SelectOptionDict(value=key, label=guard.backend.title) for key, guard in guards.items()]
        return self.async_show_form(
            step_id="vpn",
            data_schema=vol.Schema({vol.Required("backend", default=next(iter(guards))): _select(options)}),
            description_placeholders={"known": "\n".join(known)},
            last_step=False,
        )

    async def async_step_shelter(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which VPN it is, and how the client is kept inside."""
        if (guard := self._guard) is None:
            return self.async_abort(reason="nothing_to_guard")
        errors: dict[str, str] = {}
        if user_input is not None:
            vpn = self._vpn_of(guard, user_input)
            errors = _errors(user_input, known=vpn is not None)
            if not errors:
                if vpn is not None:
                    vpn.remember(PROXY_KEY, user_input.get("proxy", "").strip() or None)
                guard.choose(_shelter(user_input))
                return self.async_create_entry(data=dict(self.config_entry.options))
        hub: Hub = self.config_entry.runtime_data
        vpns = hub.guarding.vpns()
        words = wording.get(self.hass.config.language)
        options = [
            SelectOptionDict(value=AUTOMATIC, label=words.text("shelter.automatic")),
            *(SelectOptionDict(value=key, label=vpn.title) for key, vpn in vpns.items()),
            SelectOptionDict(value=OTHER, label=words.text("shelter.other")),
            SelectOptionDict(value=NO_VPN, label=words.text("shelter.no_vpn")),
        ]
        ways = SelectSelectorConfig(options=WAYS, mode=SelectSelectorMode.LIST, translation_key="vpn_way")
        schema = vol.Schema(
            {
                vol.Required("vpn"): _select(options),
                vol.Required("way"): SelectSelector(ways),
                vol.Optional("interface"): TextSelector(),
                vol.Optional("proxy"): TextSelector(),
            }
        )
        shown = user_input if user_input is not None else _shown(guard)
        return self.async_show_form(
            step_id="shelter",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders={"backend": guard.backend.title, "proxy_example": PROXY_EXAMPLE},
            last_step=True,
        )

    def _guards(self) -> dict[str, ClientGuard]:
        hub: Hub = self.config_entry.runtime_data
        return hub.guarding.clients

    def _vpn_of(self, guard: ClientGuard, said: dict[str, Any]) -> AnyCoordinator | None:
        """Return the VPN that a person means: where SOKOUL is to find out, the one that it found."""
        hub: Hub = self.config_entry.runtime_data
        return hub.guarding.backend(guard.shelter.vpn_id if said["vpn"] == AUTOMATIC else said["vpn"])

    def _known(self, guard: ClientGuard, words: wording.Wording) -> str:
        """Say what a client is behind, where that is known from, and how it stands."""
        hub: Hub = self.config_entry.runtime_data
        shelter = guard.shelter
        vpn = hub.guarding.backend(shelter.vpn_id)
        behind = words.text(
            f"shelter.is_{shelter.containment}",
            vpn=vpn.title if vpn is not None else "VPN",
            interface=shelter.interface or "VPN",
        )
        parts = [behind] if shelter.containment is Containment.NONE else [behind, words.text(str(shelter.clue))]
        if guard.verdict is not None:
            parts += [sentence(reason, dt_util.utcnow(), words) for reason in guard.verdict.reasons[:1]]
        return plain(" ".join(parts))


def _shelter(said: dict[str, Any]) -> Shelter | None:
    """Return what a person said; None: SOKOUL is to find out."""
    if said["vpn"] == AUTOMATIC:
        return None
    if said["vpn"] == NO_VPN:
        return Shelter(clue=Clue.PERSON)
    return Shelter(
        containment=Containment(said["way"]),
        vpn_id=None if said["vpn"] == OTHER else said["vpn"],
        interface=said.get("interface", "").strip() or None,
        clue=Clue.PERSON,
    )


def _shown(guard: ClientGuard) -> dict[str, Any]:
    """Return what holds, as it stands in the form."""
    shelter = guard.shelter
    if shelter.clue is not Clue.PERSON:
        vpn = AUTOMATIC
    elif shelter.containment is Containment.NONE:
        vpn = NO_VPN
    else:
        vpn = shelter.vpn_id or OTHER
    way = shelter.containment if shelter.containment is not Containment.NONE else Containment.OPEN
    return {"vpn": vpn, "way": str(way), "interface": shelter.interface or "", "proxy": guard.proxy}


def _errors(said: dict[str, Any], *, known: bool) -> dict[str, str]:
    """Return what can't be as it was typed. `known`: the VPN is connected here, so that its proxy can be kept."""
    if said["vpn"] == NO_VPN:
        return {}
    errors = {}
    bound = said["vpn"] != AUTOMATIC and said["way"] == Containment.BOUND
    if bound and not said.get("interface", "").strip():
        errors["interface"] = "interface_missing"
    if proxy := said.get("proxy", "").strip():
        if (mistake := mistake_in(proxy)) is not None:
            errors["proxy"] = mistake
        elif not known:
            errors["proxy"] = "proxy_of_no_backend"
    return errors


def _select(options: list[SelectOptionDict]) -> SelectSelector:
    return SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN))
