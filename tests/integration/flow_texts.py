"""Holds every answer of a flow against the translations: what a person would see as a raw key fails the test."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import json
from pathlib import Path
import re
from typing import Any
from unittest.mock import patch

from homeassistant.components.repairs.issue_handler import RepairsFlowManager
from homeassistant.config_entries import ConfigEntriesFlowManager, ConfigSubentryFlowManager, OptionsFlowManager
from homeassistant.data_entry_flow import FlowHandler, FlowManager, FlowResultType
from homeassistant.helpers import issue_registry as ir

from custom_components.sokoul.const import DOMAIN

LANGUAGES = ("en", "fr")
_FOLDER = Path(__file__).parents[2] / "custom_components" / "sokoul" / "translations"
TRANSLATIONS: Mapping[str, Mapping[str, Any]] = {
    language: json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES
}
#: Home Assistant has these texts itself.
_CORE_ABORTS = {"reconfigure_successful", "single_instance_allowed"}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def placeholders(text: str) -> set[str]:
    """Return the names that a text wants to be given."""
    return set(_PLACEHOLDER.findall(text))


def leaves(texts: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Return all texts with their paths."""
    for key, value in texts.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}"[1:], value


@contextmanager
def checked_flows() -> Iterator[None]:
    """Check every answer of this integration's flows while this lasts."""
    original = FlowManager._async_handle_step
    sections: dict[str, tuple[str, ...] | None] = {}  # by flow: what it is about may be gone before its end

    async def checked(self: Any, flow: FlowHandler[Any, Any, Any], step_id: str, user_input: Any) -> Any:
        section = sections.setdefault(flow.flow_id, _section(self, flow))
        result = await original(self, flow, step_id, user_input)
        if section is not None:
            for language in LANGUAGES:
                _check(result, _at(TRANSLATIONS[language], section), f"{language}: {'.'.join(section)}")
        return result

    with patch.object(FlowManager, "_async_handle_step", checked):
        yield


def _section(manager: Any, flow: FlowHandler[Any, Any, Any]) -> tuple[str, ...] | None:
    """Return the section of the translations that a flow's texts are in; None for flows of others."""
    match manager:
        case ConfigEntriesFlowManager() if flow.handler == DOMAIN:
            return ("config",)
        case ConfigSubentryFlowManager():
            return ("config_subentries", flow.handler[1])
        case OptionsFlowManager():
            return ("options",)
        case RepairsFlowManager() if flow.handler == DOMAIN:
            issue = ir.async_get(flow.hass).async_get_issue(DOMAIN, flow.context["issue_id"])
            return ("issues", issue.translation_key, "fix_flow") if issue and issue.translation_key else None
    return None


def _at(texts: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for key in path:
        texts = texts[key]
    return texts


def _check(result: Mapping[str, Any], texts: Mapping[str, Any], where: str) -> None:
    given: Mapping[str, str] = result.get("description_placeholders") or {}
    shown: list[str] = []
    match result["type"]:
        case FlowResultType.FORM:
            step = texts["step"][result["step_id"]]
            fields = [marker.schema for marker in (result["data_schema"].schema if result["data_schema"] else {})]
            shown += [step["title"], step.get("description", ""), step.get("submit", "")]
            shown += [text for field in fields for text in (step["data"][field], step["data_description"][field])]
            for field, error in (result["errors"] or {}).items():
                assert field in {*fields, "base"}, f"{where}: the form does not show {field}, which is {error}"
                shown.append(texts["error"][error])
        case FlowResultType.MENU:
            step = texts["step"][result["step_id"]]
            shown += [step["title"], step.get("description", "")]
            shown += [step["menu_options"][option] for option in result["menu_options"]]
            assert set(step["menu_options"]) == set(result["menu_options"])
        case FlowResultType.ABORT if result["reason"] not in _CORE_ABORTS:
            shown.append(texts["abort"][result["reason"]])
    for text in shown:
        assert placeholders(text) <= given.keys(), f"{where}: {text!r} was given only {sorted(given)}"
    assert all(isinstance(value, str) for value in given.values())
