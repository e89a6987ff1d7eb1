"""Settings of the links of the library: where they are, where they lead, and who is told. It counts at once."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TimeSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import wording
from .hub import Hub
from .linking_refresh import media_servers
from .linking_settings import FULL_AT, SETTINGS_KEY, LinkSettings, known_mounts, roots_of, same_file_system
from .markdown import code
from .model.paths import contains, same_style
from .path_proof import is_folder

LINKS_MENU = ("library_links",)
#: Between the name of a mount in links and where it is here.
_IS = "="


class LinkOptions(OptionsFlow):
    """The part of the options that is about links of the library."""

    async def async_step_library_links(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for folders, mounts, the recycle folder, the time of the daily check, and media servers."""
        hub: Hub = self.config_entry.runtime_data
        errors: dict[str, str] = {}
        if user_input is not None:
            settings = _typed(user_input)
            errors = await self.hass.async_add_executor_job(_mistakes, settings, roots_of(hub, settings))
            if not errors:
                hub.memory.set(SETTINGS_KEY, settings.as_json())
                hub.linking.settings_changed()
                return self.async_create_entry(data=dict(self.config_entry.options))
        return self.async_show_form(
            step_id="library_links",
            data_schema=self.add_suggested_values_to_schema(
                self._link_schema(hub.linking.settings),
                _shown(hub.linking.settings) if user_input is None else user_input,
            ),
            errors=errors,
            description_placeholders={
                "known": _known(hub),
                "folder_example": "/media/movies",
                "mount_example": "/mnt/zurg",
                "seen_example": "/mnt/zurg = /media/zurg",
            },
            last_step=True,
        )

    def _link_schema(self, settings: LinkSettings) -> vol.Schema:
        texts = TextSelector(TextSelectorConfig(multiple=True))
        fields: dict[vol.Marker, Any] = {
            vol.Optional("folders"): texts,
            vol.Optional("mounts"): texts,
            vol.Optional("recycle"): TextSelector(),
            vol.Required("full_at", default=FULL_AT.isoformat()): TimeSelector(),
        }
        servers = {each: each for each in settings.refresh} | media_servers(self.hass)
        if servers:
            options = [SelectOptionDict(value=value, label=label) for value, label in servers.items()]
            fields[vol.Optional("refresh")] = SelectSelector(
                SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.LIST)
            )
        return vol.Schema(fields)


def _known(hub: Hub) -> str:
    """Say which folders and mounts count now."""
    words = wording.get(hub.hass.config.language, dt_util.get_default_time_zone())
    settings = hub.linking.settings
    mounts: Mapping[str, str] = settings.mounts or known_mounts(hub)
    lines = [f"- {code(root)}" for root in roots_of(hub, settings)]
    for theirs, ours in mounts.items():
        lines.append(f"- {code(theirs)} = {code(ours)}" if ours else f"- {code(theirs)}: {words.text('links.nowhere')}")
    return "\n".join(lines) or words.text("links.nothing_known")


def _typed(user_input: Mapping[str, Any]) -> LinkSettings:
    mounts: dict[str, str] = {}
    for line in user_input.get("mounts", ()):
        theirs, _, ours = line.partition(_IS)
        if theirs.strip():
            mounts[_tidy(theirs)] = _tidy(ours)
    return LinkSettings(
        folders=tuple(dict.fromkeys(_tidy(each) for each in user_input.get("folders", ()) if each.strip())),
        mounts=mounts,
        recycle=_tidy(user_input.get("recycle", "")),
        full_at=time.fromisoformat(user_input["full_at"]),
        refresh=tuple(user_input.get("refresh", ())),
    )


def _tidy(path: str) -> str:
    path = path.strip()
    return path.rstrip("/") or path[:1]


def _shown(settings: LinkSettings) -> dict[str, Any]:
    return {
        "folders": list(settings.folders),
        "mounts": [f"{theirs} {_IS} {ours}" if ours else theirs for theirs, ours in settings.mounts.items()],
        "recycle": settings.recycle,
        "full_at": settings.full_at.isoformat(),
        "refresh": list(settings.refresh),
    }


def _mistakes(settings: LinkSettings, roots: tuple[str, ...]) -> dict[str, str]:
    """Return what can't be meant, by field. Reads the disk."""
    errors: dict[str, str] = {}
    if any(not _ours(folder) for folder in settings.folders):
        errors["folders"] = "not_absolute"
    elif any(not is_folder(folder) for folder in settings.folders):
        errors["folders"] = "not_a_folder"
    if any(not same_style(theirs, "/") or (ours and not _ours(ours)) for theirs, ours in settings.mounts.items()):
        errors["mounts"] = "not_absolute"
    elif any(ours and not is_folder(ours) for ours in settings.mounts.values()):
        errors["mounts"] = "not_a_folder"
    elif any(theirs == "/" or any(contains(root, theirs) for root in roots) for theirs in settings.mounts):
        errors["mounts"] = "mount_in_library"
    if settings.recycle and not _ours(settings.recycle):
        errors["recycle"] = "not_absolute"
    elif settings.recycle and any(contains(root, settings.recycle) for root in roots):
        errors["recycle"] = "recycle_in_library"
    elif settings.recycle and not any(same_file_system(root, settings.recycle) for root in roots):
        errors["recycle"] = "other_file_system"
    return errors


def _ours(path: str) -> bool:
    return path != "/" and same_style(path, "/")
