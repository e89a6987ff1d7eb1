"""Every text that a flow can show is there in both languages, and nothing is there that no flow shows.

What a flow answers while it runs is checked in all tests of this folder (see `flow_texts`); here the texts themselves.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components.sokoul.account_flow import AccountSubentryFlow
from custom_components.sokoul.config_flow import SokoulConfigFlow
from custom_components.sokoul.connectors import forms
from custom_components.sokoul.connectors.base import Credentials
from custom_components.sokoul.connectors.registry import CONNECTORS
from custom_components.sokoul.options_flow import SokoulOptionsFlow
from custom_components.sokoul.policy_flow import PolicySubentryFlow
from custom_components.sokoul.problems import PROBLEMS
from custom_components.sokoul.search_policies import POLICY
from custom_components.sokoul.subentry_flow import BackendSubentryFlow

from .flow_texts import LANGUAGES, TRANSLATIONS, leaves, placeholders

SECTIONS = ("config", "options", "config_subentries", "issues")
CODE = Path(forms.__file__).parents[1]
FORM_ERRORS = (
    *PROBLEMS,
    forms.INVALID_URL,
    forms.INVALID_KEY,
    forms.KEY_NEEDED,
    forms.LOGIN_NEEDED,
    forms.SECRET_NEEDED,
    forms.ALREADY_CONFIGURED,
)


def texts(language: str, *path: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = TRANSLATIONS[language]
    for key in path:
        found = found[key]
    return found


#: Some flows are in several modules.
FLOWS = {
    flow.__module__.rpartition(".")[2]: dict.fromkeys(
        each.__module__.rpartition(".")[2] for each in flow.__mro__ if "sokoul" in each.__module__
    )
    for flow in (SokoulConfigFlow, SokoulOptionsFlow, BackendSubentryFlow, AccountSubentryFlow, PolicySubentryFlow)
}


def tree(module: str) -> ast.Module:
    modules = FLOWS.get(module, (module,))
    return ast.parse("\n".join((CODE / f"{each}.py").read_text(encoding="utf-8") for each in modules))


def flow_of(kind: str) -> str:
    """Return the module of the flow that adds a kind of backend."""
    return "subentry_flow" if CONNECTORS[kind].device_login is None else "account_flow"


def literals(module: str) -> set[str]:
    """Return the texts that a module's code holds, docstrings left out by being sentences."""
    return {
        node.value
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
    }


def steps(module: str) -> set[str]:
    """Return the steps that a module's flows can be in."""
    return {
        node.name.removeprefix("async_step_")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("async_step_")
    }


def keyword_values(module: str, name: str) -> Iterator[str]:
    """Return what is passed as a keyword argument of this name, where it is a plain text."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.keyword) and node.arg == name and isinstance(node.value, ast.Constant):
            yield node.value.value


@pytest.mark.parametrize("section", SECTIONS)
def test_both_languages_say_the_same_things(section: str) -> None:
    english, french = (dict(leaves(texts(language, section))) for language in LANGUAGES)
    assert english.keys() == french.keys()
    different = [key for key in english if placeholders(english[key]) != placeholders(french[key])]
    assert different == []
    empty = [key for each in (english, french) for key, text in each.items() if not text.strip()]
    assert empty == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("module", "section"),
    [("config_flow", ("config",)), ("options_flow", ("options",)), ("policy_flow", ("config_subentries", POLICY))]
    + [(flow_of(kind), ("config_subentries", kind)) for kind in CONNECTORS],
)
def test_steps_and_endings(module: str, section: tuple[str, ...], language: str) -> None:
    said = texts(language, *section)
    assert set(keyword_values(module, "step_id")) <= said["step"].keys()
    assert said["step"].keys() <= steps(module)
    assert set(keyword_values(module, "reason")) <= said.get("abort", {}).keys()
    # Home Assistant itself ends a second set-up
    assert said.get("abort", {}).keys() <= {*keyword_values(module, "reason"), "single_instance_allowed"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_errors(language: str) -> None:
    """All that can be said is there, and what is there can be said."""
    hub = texts(language, "config", "error").keys()
    assert hub >= set(FORM_ERRORS)
    assert hub <= {*FORM_ERRORS, *literals("config_flow")}
    for kind in CONNECTORS:
        backend = texts(language, "config_subentries", kind, "error").keys()
        assert backend >= set(FORM_ERRORS)
        assert backend <= {*FORM_ERRORS, *literals(flow_of(kind))}
    # what is wrong with a proxy is said where proxies are asked through
    assert texts(language, "options", "error").keys() <= literals("options_flow") | literals("lookout")
    assert texts(language, "config_subentries", POLICY, "error").keys() <= literals("policy_flow")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_can_be_added_and_changed(language: str) -> None:
    assert texts(language, "config_subentries").keys() == {*CONNECTORS, POLICY}
    for kind, connector in CONNECTORS.items():
        said = texts(language, "config_subentries", kind)
        # what is no program, but something that is chosen, has no name that is the same everywhere
        assert said["entry_type"] == connector.name or (language != "en" and connector.chosen_address is not None)
        assert said["initiate_flow"].keys() == {"user", "reconfigure"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_outage_has_its_issue(language: str) -> None:
    for problem in PROBLEMS:
        issue = texts(language, "issues", f"unavailable_{problem}")
        assert placeholders(issue["title"]) == {"backend"}
        assert set(keyword_values("repairs", "reason")) == issue["fix_flow"]["abort"].keys()
        assert set(keyword_values("repairs", "step_id")) == issue["fix_flow"]["step"].keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("section", SECTIONS)
def test_texts_are_as_home_assistant_wants_them(language: str, section: str) -> None:
    for key, text in leaves(texts(language, section)):
        assert "://" not in text, f"{key}: an address belongs into a placeholder"
        assert not re.search(r"<\w", text), f"{key}: no HTML"
        assert not re.search(r"'\{\w+\}'", text), f"{key}: no single quotes around a placeholder"
        assert text == text.strip(), key


@pytest.mark.parametrize("section", SECTIONS)
def test_french_typography(section: str) -> None:
    for key, text in leaves(texts("fr", section)):
        plain = re.sub(r"\{\w+\}", "x", text)
        assert "'" not in plain, f"{key}: {text}"
        assert not re.search(r"(?<!\u00a0)[;!?»]|(?<![\u00a0\d]):(?!\d)|«(?!\u00a0)", plain), f"{key}: {text}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("step", ["scan", "scanned", "neighbour", "unreachable"])
def test_steps_for_any_kind_of_backend_name_none(language: str, step: str) -> None:
    """A kind that comes later has to find its own name there."""
    said = str(texts(language, "config", "step", step)).lower()
    assert [each.name for each in CONNECTORS.values() if each.name.lower() in said] == []


@pytest.mark.parametrize(
    "kind", [kind for kind, each in CONNECTORS.items() if each.credentials is not Credentials.NONE]
)
def test_every_kind_says_where_its_key_is(kind: str) -> None:
    assert forms.hints(CONNECTORS[kind])["key_at"]
