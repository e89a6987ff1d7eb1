"""What the repository promises as a whole: who may import whom, and that manifest, texts, icons and ledger are true.

Home Assistant's own validation (hassfest) and that of HACS need their own checkouts and GitHub, and run in CI. What of
them catches mistakes of every day is here.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
import importlib.util
import json
from pathlib import Path
import re
import sys
import tomllib
from typing import Any

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import Platform
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.sokoul import (
    services_debrid,
    services_debrid_acts,
    services_governor,
    services_healing,
    services_links,
    services_vpn,
    services_watchlist,
)
from custom_components.sokoul.binary_sensor import CONNECTIVITY
from custom_components.sokoul.connectors.registry import CONNECTORS
from custom_components.sokoul.const import DOMAIN, PLATFORMS
from custom_components.sokoul.debrid.importing import ImportFault
from custom_components.sokoul.debrid_entities import (
    DEBRID_BINARY_SENSORS,
    DEBRID_BUTTONS,
    DEBRID_EVENTS,
    DEBRID_SENSORS,
)
from custom_components.sokoul.governor_entities import (
    GOVERNOR_BINARY_SENSORS,
    GOVERNOR_NUMBERS,
    GOVERNOR_SENSORS,
    GOVERNOR_SWITCHES,
)
from custom_components.sokoul.guard_entities import GUARD_BUTTONS, GUARD_EVENTS, GUARD_SENSORS, GUARD_SWITCHES
from custom_components.sokoul.healing import (
    ALL_RULES,
    HEALING_EVENTS,
    HEALING_SELECTS,
    HEALING_SENSORS,
    HEALING_SWITCHES,
    rule_of,
)
from custom_components.sokoul.model.journal import EntryStatus
from custom_components.sokoul.overview import HUB_BINARY_SENSORS, HUB_SENSORS
from custom_components.sokoul.port_entities import PORT_BINARY_SENSORS, PORT_SENSORS, PORT_SWITCHES
from custom_components.sokoul.problems import PROBLEMS
from custom_components.sokoul.rotation_entities import ROTATION_BUTTONS, ROTATION_EVENTS, ROTATION_SENSORS
from custom_components.sokoul.sensor import COMMON_SENSORS
from custom_components.sokoul.services import EXPLAIN, LIST_DOWNLOADS, REFRESH, SYNC_PORT, Action, Filter
from custom_components.sokoul.services_grab import GRAB
from custom_components.sokoul.services_search import SEARCH
from custom_components.sokoul.services_store import MAINTAIN
from custom_components.sokoul.watchlist_entities import (
    WATCHLIST_CALENDARS,
    WATCHLIST_EVENTS,
    WATCHLIST_LISTS,
    WATCHLIST_SENSORS,
)

REPOSITORY = Path(__file__).parents[1]
INTEGRATION = REPOSITORY / "custom_components" / DOMAIN
PACKAGE = f"custom_components.{DOMAIN}"
LANGUAGES = ("en", "fr")

type Texts = Mapping[str, Any]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


MANIFEST: dict[str, Any] = read_json(INTEGRATION / "manifest.json")
TRANSLATIONS: dict[str, Texts] = {
    language: read_json(INTEGRATION / "translations" / f"{language}.json") for language in LANGUAGES
}
ICONS: Texts = read_json(INTEGRATION / "icons.json")


# --- who imports whom ------------------------------------------------------------------------------------------------


def modules(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def dotted(path: Path) -> str:
    """Return the name under which a file is imported."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, type_checking: bool = True) -> Iterator[str]:
    """Return what a file imports, relative imports resolved, as names of modules or of what is in them.

    Without `type_checking` what is imported for annotations only is left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out = set() if type_checking else {id(node) for block in _only_for_types(tree) for node in ast.walk(block)}
    package = dotted(path) if path.name == "__init__.py" else dotted(path).rpartition(".")[0]
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{base.rstrip('.')}.{alias.name}" for alias in node.names)


def _only_for_types(tree: ast.Module) -> Iterator[ast.If]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield node


#: What each package may import of the integration. Nothing of these imports Home Assistant.
LAYERS: Mapping[str, tuple[str, ...]] = {
    "model": ("model",),
    "clients": ("clients", "model"),
    "releases": ("releases", "model"),
    "store": ("store", "model", "watchlist.items"),
    "acquire": ("acquire", "releases", "model"),
    "watchlist": ("watchlist", "acquire", "releases", "model"),
    "debrid": ("debrid", "model"),
    "autopilot": ("autopilot", "model"),
    "autopilot/rules": ("autopilot.rules", "model"),
    "autopilot/guards": ("autopilot.guards", "model"),
}


@pytest.mark.parametrize("layer", [each for each in LAYERS if (INTEGRATION / each).is_dir()])
def test_a_layer_imports_only_what_is_below_it(layer: str) -> None:
    allowed = tuple(f"{PACKAGE}.{name}" for name in LAYERS[layer])
    found = modules(INTEGRATION / layer)
    assert found
    for path in found:
        for name in imports(path):
            if name.startswith(PACKAGE):
                assert name.startswith(allowed), f"{path.name} imports {name}"
            assert not name.startswith("homeassistant"), f"{path.name} imports {name}"


#: Files that Home Assistant looks for by their names.
FACES = ("__init__", "config_flow", "diagnostics", "repairs", "services", "system_health", *PLATFORMS)


def test_nothing_imports_the_faces() -> None:
    """They are thin: what others need is below them. The flows, one of which registers the others, are one face."""
    faces = {f"{PACKAGE}.{name}" for name in FACES if name not in {"__init__", "config_flow"}}
    for path in modules(INTEGRATION):
        if path == INTEGRATION / "__init__.py":
            continue
        for name in imports(path):
            assert not any(name == face or name.startswith(f"{face}.") for face in faces), f"{path.name}: {name}"


def test_the_simulators_know_nothing_of_the_integration() -> None:
    """Else they would agree with its mistakes. What the demo adds to Home Assistant is no simulator."""
    demo_world = REPOSITORY / "devstack" / "demo_world"
    simulators = [path for path in modules(REPOSITORY / "devstack") if demo_world not in path.parents]
    assert simulators
    for path in simulators:
        for name in imports(path):
            assert not name.startswith(PACKAGE), f"{path.name} imports {name}"


def test_relative_imports_are_resolved(tmp_path: Path) -> None:
    """The rules above would hold for anything if `imports` saw nothing."""
    path = INTEGRATION / "autopilot" / "findings" / "backends.py"
    assert f"{PACKAGE}.model.backend.Backend" in set(imports(path))
    hub = set(imports(INTEGRATION / "hub.py"))
    assert f"{PACKAGE}.data.SokoulConfigEntry" in hub
    assert f"{PACKAGE}.data.SokoulConfigEntry" not in set(imports(INTEGRATION / "hub.py", type_checking=False))


# --- the manifest ----------------------------------------------------------------------------------------------------


def test_the_manifest_is_in_order() -> None:
    keys = list(MANIFEST)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    required = {"codeowners", "documentation", "integration_type", "iot_class", "issue_tracker", "version"}
    assert required <= set(keys)
    assert MANIFEST["domain"] == INTEGRATION.name == DOMAIN
    assert MANIFEST["config_flow"] is True
    assert MANIFEST["single_config_entry"] is True
    assert MANIFEST["codeowners"]
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    for name in ("documentation", "issue_tracker"):
        assert MANIFEST[name].startswith("https://")


def test_there_is_one_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert MANIFEST["version"] == project["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])


#: Components that an integration may use without naming them: they are always there.
ALWAYS_THERE = frozenset(
    {
        "frontend",
        "homeassistant",
        "media_source",
        "persistent_notification",
        "system_health",
        "webhook",
        "websocket_api",
    }
)


def test_components_that_are_used_are_declared() -> None:
    declared = {*MANIFEST.get("dependencies", ()), *MANIFEST.get("after_dependencies", ())}
    own = {path.stem for path in INTEGRATION.iterdir()}
    used: set[str] = set()
    for path in modules(INTEGRATION):
        for name in imports(path, type_checking=False):
            if name.startswith("homeassistant.components."):
                used.add(name.split(".")[2])
    assert {"sensor", "webhook", "repairs"} <= used
    assert used - {platform.value for platform in Platform} - ALWAYS_THERE - own <= declared


#: What Home Assistant itself brings, whatever its version.
BROUGHT = frozenset({"aiohttp", "homeassistant", "multidict", "orjson", "voluptuous", "yaml", "yarl", "sqlalchemy"})


def test_every_requirement_is_declared_and_used() -> None:
    required = {re.split(r"[<>=!~\[; ]", each, maxsplit=1)[0].lower() for each in MANIFEST["requirements"]}
    used = {name.partition(".")[0] for path in modules(INTEGRATION) for name in imports(path, type_checking=False)}
    foreign = {name.lower() for name in used - sys.stdlib_module_names - BROUGHT - {"custom_components"}}
    assert foreign == required - BROUGHT  # of what is brought, a range may say which versions will do


def test_no_requirement_is_pinned_that_home_assistant_may_pin() -> None:
    assert not [each for each in MANIFEST["requirements"] if "==" in each]


def test_hacs_knows_what_to_install() -> None:
    hacs = read_json(REPOSITORY / "hacs.json")
    known = {"content_in_root", "country", "filename", "hacs", "hide_default_branch", "homeassistant", "name"}
    assert set(hacs) <= known | {"persistent_directory", "render_readme", "zip_release"}
    assert hacs["name"] == MANIFEST["name"]
    assert not hacs.get("zip_release") or hacs["filename"].endswith(".zip")
    assert re.fullmatch(r"20\d\d\.\d+\.\d+", hacs["homeassistant"])


# --- texts and icons -------------------------------------------------------------------------------------------------


def leaves(texts: Any, *path: str) -> Iterator[tuple[str, str]]:
    if isinstance(texts, Mapping):
        for key, value in texts.items():
            yield from leaves(value, *path, key)
    else:
        yield "/".join(path), texts


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_say_the_same_things() -> None:
    english, french = (dict(leaves(TRANSLATIONS[language])) for language in LANGUAGES)
    assert english.keys() == french.keys()
    assert len(english) > 100
    for key, text in english.items():
        assert placeholders(text) == placeholders(french[key]), key
        assert text.strip() == text != "", key
        assert french[key].strip() == french[key] != "", key
        assert not re.search(r"</?[a-z]+[ >]", text + french[key]), key  # no HTML
        assert "'" not in text + french[key], f"{key}: a straight apostrophe"


def test_french_is_french() -> None:
    """A sentence that is the same in both languages was forgotten."""
    english, french = (dict(leaves(TRANSLATIONS[language])) for language in LANGUAGES)
    assert not [key for key, text in english.items() if text.count(" ") > 2 and french[key] == text]


def entity_tables() -> dict[str, dict[str, Any]]:
    """Return the descriptions of all entities by platform and key."""
    connectors = CONNECTORS.values()
    parts = [part for connector in connectors for part in connector.parts]
    sources: dict[str, Iterable[Any]] = {
        "sensor": (
            *HUB_SENSORS,
            *COMMON_SENSORS,
            *HEALING_SENSORS,
            *GUARD_SENSORS,
            *PORT_SENSORS,
            *GOVERNOR_SENSORS,
            *ROTATION_SENSORS,
            *DEBRID_SENSORS,
            *WATCHLIST_SENSORS,
        ),
        "binary_sensor": (
            *HUB_BINARY_SENSORS,
            CONNECTIVITY,
            *PORT_BINARY_SENSORS,
            *GOVERNOR_BINARY_SENSORS,
            *DEBRID_BINARY_SENSORS,
        ),
        "switch": (*HEALING_SWITCHES, *GUARD_SWITCHES, *PORT_SWITCHES, *GOVERNOR_SWITCHES),
        "number": GOVERNOR_NUMBERS,
        "button": (*GUARD_BUTTONS, *ROTATION_BUTTONS, *DEBRID_BUTTONS),
        "select": HEALING_SELECTS,
        "event": (*HEALING_EVENTS, *GUARD_EVENTS, *ROTATION_EVENTS, *DEBRID_EVENTS, *WATCHLIST_EVENTS),
        "calendar": WATCHLIST_CALENDARS,
        "todo": WATCHLIST_LISTS,
    }
    names = {
        "sensor": "sensors",
        "binary_sensor": "binary_sensors",
        "switch": "switches",
        "number": "numbers",
        "calendar": "calendars",
        "select": "selects",
        "event": "events",
        "button": "buttons",
        "todo": "lists",
    }
    tables: dict[str, dict[str, Any]] = {}
    for platform, name in names.items():
        found = [*sources.get(platform, ())]
        for owner in (*connectors, *parts):
            found.extend(getattr(owner, name, ()))
        tables[platform] = {each.translation_key or each.key: each for each in found}
    return tables


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entity_has_a_name_and_every_name_an_entity(language: str) -> None:
    texts = TRANSLATIONS[language]["entity"]
    tables = entity_tables()
    assert set(tables) == set(PLATFORMS)
    assert {platform: set(table) for platform, table in tables.items()} == {
        platform: set(names) for platform, names in texts.items()
    }
    for platform, table in tables.items():
        for key, description in table.items():
            chosen = platform == "select" or description.device_class is SensorDeviceClass.ENUM
            assert set(texts[platform][key].get("state", ())) == set(description.options if chosen else ()), key
            of_events = texts[platform][key].get("state_attributes", {}).get("event_type", {}).get("state", ())
            assert set(of_events) == set(description.event_types if platform == "event" else ()), key


def test_the_entities_of_rules_are_named_by_their_rules() -> None:
    """Each rule has its select and its switch, and a name in both languages to put into theirs."""
    for platform, table in (("select", HEALING_SELECTS), ("switch", HEALING_SWITCHES)):
        assert [rule_of(each) for each in table if rule_of(each) is not None] == list(ALL_RULES)
        for language in LANGUAGES:
            names = TRANSLATIONS[language]["entity"][platform]
            for each in table:
                wanted = {"rule"} if rule_of(each) else set()
                assert placeholders(names[each.translation_key or each.key]["name"]) == wanted
    texts = {language: read_json(INTEGRATION / "texts" / f"{language}.json") for language in LANGUAGES}
    for rule in ALL_RULES:
        names = {texts[language]["rule"][rule.key] for language in LANGUAGES}
        assert len(names) == len(LANGUAGES), f"{rule.key} is called the same in both languages"
        for language in LANGUAGES:
            assert [key for key in texts[language]["heal"] if key == rule.key or key.startswith(f"{rule.key}_")]


def test_every_entity_has_an_icon_or_a_class_that_has_one() -> None:
    for platform, table in entity_tables().items():
        icons = ICONS["entity"].get(platform, {})
        assert set(icons) <= set(table)
        for key, description in table.items():
            assert key in icons or description.device_class, f"{platform}.{key} has no icon"
            assert "default" in icons.get(key, {"default": ""})
    assert all(icon.startswith("mdi:") for _, icon in leaves(ICONS))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_has_a_name_of_its_device(language: str) -> None:
    keys = {part.key for connector in CONNECTORS.values() for part in connector.parts}
    devices = TRANSLATIONS[language]["device"]
    assert set(devices) == keys
    assert all(placeholders(device["name"]) == {"name"} for device in devices.values())


# --- exceptions ------------------------------------------------------------------------------------------------------


def raised_texts() -> dict[str, set[str]]:
    """Return the keys of the exceptions that the code raises by name, with their placeholders."""
    found: dict[str, set[str]] = {}
    for path in modules(INTEGRATION):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            arguments = {keyword.arg: keyword.value for keyword in node.keywords}
            if isinstance(refusal := arguments.get("refusal"), ast.Constant):  # see `calls.named_among`
                found[str(refusal.value)] = {"backend"}
            key = arguments.get("translation_key")
            if "translation_domain" not in arguments or not isinstance(key, ast.Constant):
                continue
            values = arguments.get("translation_placeholders")
            names = [each.value for each in values.keys] if isinstance(values, ast.Dict) else []
            found[str(key.value)] = {str(name) for name in names}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_exception_has_its_text_and_every_text_its_exception(language: str) -> None:
    texts = {key: text["message"] for key, text in TRANSLATIONS[language]["exceptions"].items()}
    imports = {f"cannot_import_{fault}": {"path", "detail"} for fault in ImportFault}
    raised = {**{key: {"backend", "detail"} for key in PROBLEMS}, **imports, **raised_texts()}
    assert set(texts) == set(raised)
    for key, text in texts.items():
        assert placeholders(text) <= raised[key], key


# --- actions ---------------------------------------------------------------------------------------------------------

SCHEMAS = {
    Action.LINKS_LIST: services_links.LIST,
    Action.LINKS_REPAIR: services_links.REPAIR,
    Action.LINKS_SCAN: services_links.SCAN,
    Action.LIST_DOWNLOADS: LIST_DOWNLOADS,
    Action.REFRESH: REFRESH,
    Action.CHECK_UP: EXPLAIN,
    Action.DEBRID_ADD: services_debrid_acts.ADD,
    Action.DEBRID_CLEAR: services_debrid.CLEAR,
    Action.DEBRID_DELETE: services_debrid_acts.DELETE,
    Action.DEBRID_DIAGNOSE: services_debrid.DIAGNOSE,
    Action.DEBRID_EXPORT: services_debrid.EXPORT,
    Action.DEBRID_IMPORT: services_debrid.IMPORT,
    Action.DEBRID_LIST: services_debrid.LIST,
    Action.DEBRID_REPAIR: services_debrid_acts.REPAIR,
    Action.DEBRID_STATS: services_debrid.STATS,
    Action.DEBRID_SYNC: services_debrid.SYNC,
    Action.DEBRID_UNRESTRICT: services_debrid_acts.UNRESTRICT,
    Action.EXPLAIN_TOPOLOGY: EXPLAIN,
    Action.APPROVE: services_healing.APPROVE,
    Action.EXPLAIN: services_healing.EXPLAIN_DOWNLOAD,
    Action.GET_JOURNAL: services_healing.GET_JOURNAL,
    Action.GRAB: GRAB,
    Action.HEAL: services_healing.HEAL,
    Action.LIMIT: services_governor.LIMIT,
    Action.PAUSE: services_governor.PAUSE,
    Action.PROTECT: services_healing.PROTECT,
    Action.REJECT: services_healing.REJECT,
    Action.RELEASE_LIMIT: services_governor.RELEASE_LIMIT,
    Action.RESUME: services_governor.RESUME,
    Action.SYNC_PORT: SYNC_PORT,
    Action.GET_VPN_SERVERS: services_vpn.GET_VPN_SERVERS,
    Action.ROTATE_VPN: services_vpn.ROTATE_VPN,
    Action.SEARCH: SEARCH,
    Action.STORE_MAINTAIN: MAINTAIN,
    Action.UNDO: services_healing.UNDO,
    Action.WATCHLIST_ADD: services_watchlist.ADD,
    Action.WATCHLIST_CHANGE: services_watchlist.CHANGE,
    Action.WATCHLIST_CHOOSE: services_watchlist.CHOOSE,
    Action.WATCHLIST_FETCH: services_watchlist.FETCH,
    Action.WATCHLIST_LIST: services_watchlist.LIST,
    Action.WATCHLIST_REMOVE: services_watchlist.REMOVE,
}
SERVICES: dict[str, Any] = load_yaml_dict(str(INTEGRATION / "services.yaml"))


def test_every_action_is_described_as_it_is_checked() -> None:
    assert set(SERVICES) == {str(action) for action in Action} == set(ICONS["services"])
    assert set(SCHEMAS) == set(Action)
    for action, schema in SCHEMAS.items():
        fields = (SERVICES[action] or {}).get("fields", {})
        assert set(fields) == {str(marker) for marker in schema.schema}
        for marker in schema.schema:
            default = getattr(marker, "default", None)
            if callable(default):
                shown = fields[str(marker)].get("default")
                assert shown is None or shown == default()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_action_and_field_is_explained(language: str) -> None:
    texts = TRANSLATIONS[language]["services"]
    assert set(texts) == set(SERVICES)
    for name, service in SERVICES.items():
        assert {"name", "description"} <= set(texts[name])
        fields = (service or {}).get("fields", {})
        assert set(texts[name].get("fields", {})) == set(fields)
        assert all({"name", "description"} <= set(text) for text in texts[name].get("fields", {}).values())


def selectors() -> dict[str, set[str]]:
    """Return the options of the selectors whose options are translated; none where they are made at run time."""
    found = {
        selector["select"]["translation_key"]: set(selector["select"]["options"])
        for service in SERVICES.values()
        for field in ((service or {}).get("fields") or {}).values()
        if "translation_key" in ((selector := field["selector"]).get("select") or {})
    }
    for path in modules(INTEGRATION):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "SelectSelectorConfig":
                for keyword in node.keywords:
                    if keyword.arg == "translation_key" and isinstance(keyword.value, ast.Constant):
                        found.setdefault(str(keyword.value.value), set())
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translated_selector_has_its_texts(language: str) -> None:
    texts = TRANSLATIONS[language]["selector"]
    found = selectors()
    assert set(texts) == set(found)
    for key, options in found.items():
        assert not options or set(texts[key]["options"]) == options


def test_the_filters_offered_are_those_that_are_known() -> None:
    assert selectors()["download_filter"] == {str(each) for each in Filter}
    assert selectors()["entry_status"] == {str(each) for each in EntryStatus}


# --- the ledger of the quality scale ---------------------------------------------------------------------------------

LEDGER: dict[str, Any] = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))["rules"]


def status(rule: str) -> str:
    entry = LEDGER[rule]
    return entry if isinstance(entry, str) else str(entry["status"])


def test_the_ledger_has_every_rule_of_home_assistant() -> None:
    """The rules are those that the integrations of Home Assistant itself answer to."""
    core = importlib.util.find_spec("homeassistant.components.mealie")
    assert core is not None
    assert core.origin is not None
    rules = set(load_yaml_dict(str(Path(core.origin).with_name("quality_scale.yaml")))["rules"])
    assert len(rules) == 54
    assert set(LEDGER) == rules


def test_the_ledger_explains_itself() -> None:
    for rule, entry in LEDGER.items():
        assert status(rule) in {"done", "todo", "exempt"}
        if status(rule) != "done":
            assert isinstance(entry, dict), rule
            assert entry["comment"].strip()


def source(name: str) -> str:
    return (INTEGRATION / name).read_text(encoding="utf-8")


def every_source() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in modules(INTEGRATION))


def documentation(*words: str) -> bool:
    """Tell whether the documentation has these words, in some page."""
    text = "\n".join(page.read_text(encoding="utf-8").lower() for page in (REPOSITORY / "docs").rglob("*.md"))
    return all(word in text for word in words)


#: What has to be true for a rule to be called done, where that can be seen cheaply.
FACTS: Mapping[str, Any] = {
    "action-exceptions": lambda: (
        "backend_errors" in source("coordinator.py") and "ServiceValidationError" in source("calls.py")
    ),
    "action-setup": lambda: (
        "async_setup_services(hass)" in source("__init__.py").partition("async def async_setup_entry")[0]
    ),
    "brands": (INTEGRATION / "brand" / "icon.png").is_file,
    "common-modules": lambda: (INTEGRATION / "coordinator.py").is_file() and (INTEGRATION / "entity.py").is_file(),
    "config-entry-unloading": lambda: "async def async_unload_entry" in source("__init__.py"),
    "config-flow": lambda: (INTEGRATION / "config_flow.py").is_file() and MANIFEST["config_flow"],
    "config-flow-test-coverage": (REPOSITORY / "tests/integration/test_config_flow.py").is_file,
    "devices": lambda: "device_info=backend_device_info" in source("hub.py"),
    "diagnostics": lambda: "async_get_config_entry_diagnostics" in source("diagnostics.py"),
    "docs-actions": lambda: documentation(*(f"{DOMAIN}.{action}" for action in Action)),
    "docs-configuration-parameters": lambda: documentation("options"),
    "docs-data-update": lambda: documentation("seconds", "webhook"),
    "docs-examples": lambda: documentation("```yaml"),
    "docs-high-level-description": (REPOSITORY / "docs" / "README.md").is_file,
    "docs-installation-instructions": lambda: documentation("hacs"),
    "docs-installation-parameters": lambda: documentation("api key"),
    "docs-known-limitations": lambda: documentation("limits"),
    "docs-removal-instructions": lambda: documentation("remov"),
    "docs-supported-devices": lambda: documentation("qbittorrent", "radarr", "sonarr", "prowlarr"),
    "docs-supported-functions": lambda: documentation("sensor", "switch", "number", "calendar"),
    "docs-troubleshooting": lambda: documentation("troubleshooting"),
    "docs-use-cases": lambda: documentation("automation"),
    "dynamic-devices": lambda: "def add_parts" in source("entity.py"),
    "entity-unique-id": lambda: source("entity.py").count("_attr_unique_id") >= 3,
    "exception-translations": lambda: (
        not re.search(r"raise (HomeAssistant|ServiceValidation)Error\(\s*f?\"", every_source())
    ),
    "has-entity-name": lambda: "_attr_has_entity_name = True" in source("entity.py"),
    "inject-websession": lambda: (
        "ClientSession("
        not in every_source()
        .replace("async_create_clientsession(", "")
        .replace("ClientSession(connector=UnixConnector(", "")  # Home Assistant makes none that leads to a socket
    ),
    "integration-owner": lambda: bool(MANIFEST["codeowners"]),
    "parallel-updates": lambda: all("PARALLEL_UPDATES = " in source(f"{platform}.py") for platform in PLATFORMS),
    "reauthentication-flow": lambda: "async_step_reauth" in source("config_flow.py"),
    "reconfiguration-flow": lambda: "async_step_reconfigure" in every_source(),
    "repair-issues": lambda: "async_create_fix_flow" in source("repairs.py"),
    "runtime-data": lambda: "entry.runtime_data" in source("__init__.py") and "hass.data[DOMAIN]" not in every_source(),
    "stale-devices": lambda: "async_remove_config_entry_device" in source("__init__.py"),
    "strict-typing": lambda: "strict = true" in (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"),
    "unique-config-entry": lambda: MANIFEST["single_config_entry"],
}


def test_every_fact_is_about_a_rule() -> None:
    assert set(FACTS) <= set(LEDGER)


@pytest.mark.parametrize("rule", [each for each in FACTS if status(each) == "done"])
def test_what_the_ledger_calls_done_is_done(rule: str) -> None:
    assert FACTS[rule]()
