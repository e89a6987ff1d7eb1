"""The documentation says what the code does: every entity, action, finding and reason by its name, and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from datetime import timedelta
import json
from pathlib import Path
import re
import struct
import subprocess
import sys
from typing import Any

from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.components.logger import CONFIG_SCHEMA as LOGGER_SCHEMA
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.entity import EntityDescription
from homeassistant.setup import async_setup_component
from homeassistant.util import slugify
import pytest
import yaml

from custom_components.sokoul import governing, pilot, rotating, rotation, wording
from custom_components.sokoul.autopilot import aftercare, desk, gate, kernel, lessons, vpn_lane
from custom_components.sokoul.autopilot.findings import disks
from custom_components.sokoul.autopilot.findings.base import Found
from custom_components.sokoul.autopilot.guards import asking
from custom_components.sokoul.autopilot.guards.addresses import ELSEWHERE_LASTS
from custom_components.sokoul.autopilot.guards.port import PortPolicy
from custom_components.sokoul.autopilot.guards.servers import MOST_SERVERS, ServerPolicy
from custom_components.sokoul.autopilot.guards.sources import TIMINGS, SourceKind
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnPolicy
from custom_components.sokoul.autopilot.ownership import NEVER_TOUCH
from custom_components.sokoul.autopilot.rules import backend_down
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.autopilot.settings import Caps
from custom_components.sokoul.autopilot.watch import FACTS_LAST
from custom_components.sokoul.binary_sensor import CONNECTIVITY
from custom_components.sokoul.clients import real_debrid_budget
from custom_components.sokoul.clients.http import DEFAULT_TIMEOUT_SECONDS
from custom_components.sokoul.clients.public_ip import SERVICES_V4, SERVICES_V6
from custom_components.sokoul.clients.real_debrid import MAX_PAGE
from custom_components.sokoul.connectors import (
    arr,
    docker,
    gluetun,
    holding,
    prowlarr,
    qbittorrent,
    real_debrid,
    thermal,
)
from custom_components.sokoul.connectors.base import BUSY_WRITE_PAUSE, SPACE_WRITE_PAUSE, USUAL_WRITE_PAUSE, Parts
from custom_components.sokoul.connectors.registry import CONNECTORS
from custom_components.sokoul.const import AUTH_PAUSE, LONGEST_BACKOFF, MAX_REFUSALS, OUTAGE_GRACE, START_PATIENCE
from custom_components.sokoul.debrid_entities import (
    DEBRID_BINARY_SENSORS,
    DEBRID_BUTTONS,
    DEBRID_EVENTS,
    DEBRID_SENSORS,
)
from custom_components.sokoul.event import MOST_AN_HOUR
from custom_components.sokoul.governor_entities import (
    GOVERNOR_BINARY_SENSORS,
    GOVERNOR_NUMBERS,
    GOVERNOR_SENSORS,
    GOVERNOR_SWITCHES,
)
from custom_components.sokoul.guard_entities import GUARD_BUTTONS, GUARD_EVENTS, GUARD_SENSORS, GUARD_SWITCHES
from custom_components.sokoul.healing import (
    HEALING_EVENTS,
    HEALING_SELECTS,
    HEALING_SENSORS,
    HEALING_SWITCHES,
    PROBLEM_AFTER,
    rule_of,
)
from custom_components.sokoul.healing_fields import in_words
from custom_components.sokoul.hub import REVIEW_INTERVAL, SAMPLE_INTERVAL
from custom_components.sokoul.model.backend import DOWNLOAD_CLIENT_KINDS, VPN_KINDS
from custom_components.sokoul.model.journal import Autonomy, EntryStatus
from custom_components.sokoul.model.library import Severity
from custom_components.sokoul.model.paths import PathState
from custom_components.sokoul.model.topology import Confidence, Witness
from custom_components.sokoul.model.waiting import FULL_BELOW_BYTES, STARTING_FOR, Wait
from custom_components.sokoul.model.world import PATIENCE
from custom_components.sokoul.notices import BUNDLED_FROM
from custom_components.sokoul.notify_people import MOST_ALERTS_A_DAY
from custom_components.sokoul.overview import HUB_BINARY_SENSORS, HUB_SENSORS
from custom_components.sokoul.port_entities import PORT_BINARY_SENSORS, PORT_SENSORS, PORT_SWITCHES
from custom_components.sokoul.problems import PROBLEMS
from custom_components.sokoul.restart_way import OFF_SECONDS
from custom_components.sokoul.rotation_entities import (
    MOST_RANKED,
    ROTATION_BUTTONS,
    ROTATION_EVENTS,
    ROTATION_SENSORS,
)
from custom_components.sokoul.rotation_notes import MOST_SAMPLE_MEGABYTES, SAMPLE_MEGABYTES
from custom_components.sokoul.rotation_tunnel import SAMPLE_SECONDS
from custom_components.sokoul.sensor import COMMON_SENSORS
from custom_components.sokoul.services import DEFAULT_LIMIT, HIGHEST_LIMIT, Action, Filter
from custom_components.sokoul.watchlist.items import WishState
from custom_components.sokoul.watchlist_entities import (
    WATCHLIST_CALENDARS,
    WATCHLIST_EVENTS,
    WATCHLIST_LISTS,
    WATCHLIST_SENSORS,
)
from custom_components.sokoul.world import SAMPLES_KEPT
from devstack.screenshots import shown_in_documentation

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
INTEGRATION = REPOSITORY / "custom_components/sokoul"
PAGES = (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")))
TRANSLATIONS = json.loads((INTEGRATION / "translations/en.json").read_text(encoding="utf-8"))
TEXTS = json.loads((INTEGRATION / "texts/en.json").read_text(encoding="utf-8"))
SERVICES = yaml.safe_load((INTEGRATION / "services.yaml").read_text(encoding="utf-8"))

LARGEST_PICTURE_BYTES = 250_000

type Row = tuple[str, ...]


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str, *, after: str = "") -> list[Row]:
    """Return the cells of the first table after the end of a line, without its header."""
    found: list[Row] = []
    for line in text.split(f"{after}\n", 1)[1].splitlines():
        if line.startswith("|"):
            found.append(tuple(cell.strip() for cell in line.strip("|").split(" | ")))
        elif found:
            break
    return found[2:]


def keys(table: Iterable[Row]) -> list[str]:
    return [row[0].strip("`") for row in table]


def sections(text: str, below: str) -> str:
    """Return what is below a heading of the second level, up to the next one of it."""
    return re.split(r"^## ", text.split(f"\n## {below}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


# --- entities --------------------------------------------------------------------------------------------------------


def described(platform: Platform, descriptions: Iterable[EntityDescription]) -> Iterator[Row]:
    for each in descriptions:
        name = TRANSLATIONS["entity"][platform][each.translation_key or each.key]["name"]
        at_first = "on" if each.entity_registry_enabled_default else "off"
        yield f"`{each.key}`", name, platform.replace("_", " "), at_first


def of_source(source: Any) -> set[Row]:
    """Return what has to be documented of a connector, or of a kind of part."""
    platforms = (
        (Platform.SENSOR, source.sensors),
        (Platform.BINARY_SENSOR, source.binary_sensors),
        *(
            ()
            if isinstance(source, Parts)
            else (
                (Platform.SWITCH, source.switches),
                (Platform.NUMBER, source.numbers),
                (Platform.CALENDAR, source.calendars),
            )
        ),
    )
    return {row for platform, descriptions in platforms for row in described(platform, descriptions)}


EXPECTED: dict[str, set[Row]] = {
    **{kind: of_source(connector) for kind, connector in CONNECTORS.items()},
    **{f"{kind}/{parts.key}": of_source(parts) for kind, connector in CONNECTORS.items() for parts in connector.parts},
    "hub": {*described(Platform.SENSOR, HUB_SENSORS), *described(Platform.BINARY_SENSOR, HUB_BINARY_SENSORS)},
    "healing": {
        *described(Platform.SENSOR, HEALING_SENSORS),
        *described(Platform.SELECT, [each for each in HEALING_SELECTS if rule_of(each) is None]),
        *described(Platform.EVENT, HEALING_EVENTS),
    },
    "guard": {
        *described(Platform.SENSOR, GUARD_SENSORS),
        *described(Platform.SWITCH, GUARD_SWITCHES),
        *described(Platform.BUTTON, GUARD_BUTTONS),
        *described(Platform.EVENT, GUARD_EVENTS),
    },
    "governor": {
        *described(Platform.SENSOR, GOVERNOR_SENSORS),
        *described(Platform.BINARY_SENSOR, GOVERNOR_BINARY_SENSORS),
    },
    "governor/hub": {*described(Platform.SWITCH, GOVERNOR_SWITCHES)},
    "governor/thermometer": {*described(Platform.NUMBER, GOVERNOR_NUMBERS)},
    "vpn_servers": {
        *described(Platform.SENSOR, ROTATION_SENSORS),
        *described(Platform.BUTTON, ROTATION_BUTTONS),
        *described(Platform.EVENT, ROTATION_EVENTS),
    },
    "mirror": {
        *described(Platform.SENSOR, DEBRID_SENSORS),
        *described(Platform.BINARY_SENSOR, DEBRID_BINARY_SENSORS),
        *described(Platform.BUTTON, DEBRID_BUTTONS),
        *described(Platform.EVENT, DEBRID_EVENTS),
    },
    "port": {
        *described(Platform.SENSOR, PORT_SENSORS),
        *described(Platform.BINARY_SENSOR, PORT_BINARY_SENSORS),
        *described(Platform.SWITCH, PORT_SWITCHES),
    },
    "watchlist": {
        *described(Platform.TODO, WATCHLIST_LISTS),
        *described(Platform.CALENDAR, WATCHLIST_CALENDARS),
        *described(Platform.SENSOR, WATCHLIST_SENSORS),
        *described(Platform.EVENT, WATCHLIST_EVENTS),
    },
    "rule": {
        row
        for platform, table in ((Platform.SELECT, HEALING_SELECTS), (Platform.SWITCH, HEALING_SWITCHES))
        for each in table
        if (rule := rule_of(each)) is not None
        for row in described(platform, [replace(each, key=each.key.replace(rule.key, "<rule>", 1))])
    },
    "backend": {*described(Platform.SENSOR, COMMON_SENSORS), *described(Platform.BINARY_SENSOR, [CONNECTIVITY])},
}
MARK = re.compile(r"<!-- entities: (.+) -->")


def documented() -> dict[str, list[Row]]:
    """Return the tables of entities in all pages, by what they are of."""
    found: dict[str, list[Row]] = {}
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for mark in MARK.finditer(text):
            for source in mark[1].split():
                assert source not in found, f"{source} is documented twice"
                found[source] = rows(text, after=mark[0])
    return found


def test_every_source_of_entities_has_a_table() -> None:
    assert documented().keys() == EXPECTED.keys()


@pytest.mark.parametrize("source", EXPECTED)
def test_the_table_of_entities_is_true(source: str) -> None:
    table = documented()[source]
    assert {row[:4] for row in table} == EXPECTED[source]
    assert len(table) == len(EXPECTED[source])
    assert all(row[4].endswith(".") for row in table)


def test_entities_in_examples_exist() -> None:
    """An example that is copied must work for who kept the names."""
    devices = {each.name: EXPECTED[kind] | EXPECTED["backend"] for kind, each in CONNECTORS.items()}
    for kind in DOWNLOAD_CLIENT_KINDS:
        devices[CONNECTORS[kind].name] |= EXPECTED["guard"] | EXPECTED["port"] | EXPECTED["governor"]
    for kind in VPN_KINDS:
        devices[CONNECTORS[kind].name] |= EXPECTED["vpn_servers"]
    devices[CONNECTORS[real_debrid.KIND].name] |= EXPECTED["mirror"]
    devices["SOKOUL"] = EXPECTED["hub"] | EXPECTED["healing"] | EXPECTED["governor/hub"] | EXPECTED["watchlist"]
    existing = {
        f"{kind.replace(' ', '_')}.{slugify(f'{device} {name}')}"
        for device, entities in devices.items()
        for _, name, kind, _ in entities
    }
    prefixes = "|".join(slugify(device) for device in devices)
    named = {
        found[0]
        for path in PAGES
        for found in re.finditer(
            rf"\b(?:sensor|binary_sensor|switch|number|calendar|select|event|button|todo)\.(?:{prefixes})_\w+",
            path.read_text(),
        )
        if "_disk_" not in found[0]  # named after the person's own disks
    }
    assert named
    assert named <= existing


# --- actions ---------------------------------------------------------------------------------------------------------


def test_every_action_is_documented() -> None:
    text = page("actions.md")
    assert re.findall(r"^## sokoul\.(\w+)$", text, flags=re.MULTILINE) == keys(
        (re.sub(r"\[`sokoul\.(\w+)`\].*", r"\1", row[0]),) for row in rows(text)
    )
    assert {*re.findall(r"^## sokoul\.(\w+)$", text, flags=re.MULTILINE)} == {*Action} == {*SERVICES}


@pytest.mark.parametrize("action", SERVICES)
def test_every_field_of_an_action_is_documented(action: str) -> None:
    text = sections(page("actions.md"), f"sokoul.{action}")
    assert keys(rows(text)) == list(SERVICES[action]["fields"])


def test_every_filter_is_documented() -> None:
    described_filters = next(
        row for row in rows(page("actions.md"), after="## sokoul.list_downloads") if row[0] == "`filter`"
    )
    assert {*re.findall(r"`(\w+)`", described_filters[2])} == {*Filter}


def test_every_reason_to_wait_is_documented() -> None:
    told = keys(rows(page("actions.md"), after="### Why a download waits"))
    assert sorted(told) == sorted(Wait)
    assert {f"wait.{key}" for key in TEXTS["wait"]} == {*Wait}


def test_actions_in_examples_exist() -> None:
    named = {
        found for path in PAGES for found in re.findall(r"action: sokoul\.(\w+)", path.read_text(encoding="utf-8"))
    }
    assert named == {*Action}


# --- healing ---------------------------------------------------------------------------------------------------------


def test_every_rule_is_documented() -> None:
    levels = TRANSLATIONS["entity"]["select"]["rule_autonomy"]["state"]
    told = [row[:3] for row in rows(page("autopilot.md"), after="## Rules")]
    assert told == [(f"`{rule.key}`", TEXTS["rule"][rule.key], levels[rule.default]) for rule in RULES]
    assert {levels[each] for each in Autonomy} == {row[0] for row in rows(page("autopilot.md"), after="may go")}


def test_every_threshold_is_documented() -> None:
    names, words = TRANSLATIONS["options"]["step"]["rule"]["data"], wording.load("en")
    told = [row[:3] for row in rows(page("autopilot.md"), after="### Patience")]
    assert told == [
        (f"`{rule.key}`", names[each.name], in_words(each.name, getattr(rule.policy(), each.name), words))
        for rule in RULES
        for each in fields(rule.policy)
    ]


def test_every_event_and_status_is_documented() -> None:
    (events,) = HEALING_EVENTS
    assert keys(rows(page("autopilot.md"), after="### Events")) == events.event_types
    assert {*keys(rows(page("actions.md"), after="### What an entry can be"))} == {*EntryStatus}
    assert all(f"`{label}`" in page("autopilot.md").replace("noHL", "nohl") for label in NEVER_TOUCH)


# --- findings, reasons, problems -------------------------------------------------------------------------------------


def test_every_event_of_a_guard_is_documented() -> None:
    (events,) = GUARD_EVENTS
    assert keys(rows(page("vpn-guard.md"), after="### Events")) == events.event_types


def test_every_event_of_the_servers_of_a_vpn_is_documented() -> None:
    (events,) = ROTATION_EVENTS
    assert keys(rows(page("vpn-servers.md"), after="### Events")) == events.event_types


def test_every_event_of_an_account_is_documented() -> None:
    (events,) = DEBRID_EVENTS
    assert keys(rows(page("real-debrid.md"), after="### Events")) == events.event_types


def test_every_event_and_state_of_the_watchlist_is_documented() -> None:
    (events,) = WATCHLIST_EVENTS
    text = page("watchlist.md")
    assert keys(rows(text, after="### Events")) == events.event_types
    states = TRANSLATIONS["selector"]["watchlist_state"]["options"]
    assert [row[:2] for row in rows(text, after="## What an entry can be")] == [
        (f"`{state}`", states[state]) for state in WishState
    ]


def test_every_finding_is_documented() -> None:
    text = sections(page("check-up.md"), "Every finding")
    told = [key for part in re.findall(r"^### .+$", text, flags=re.MULTILINE) for key in keys(rows(text, after=part))]
    assert sorted(told) == sorted(found.removeprefix("finding.") for found in Found)
    assert sorted(told) == sorted(TEXTS["finding"])


def test_every_severity_is_documented() -> None:
    told = keys(rows(page("check-up.md"), after="## How bad it is"))
    assert {*told} == {*Severity} - {Severity.UNKNOWN}


def test_every_witness_is_documented() -> None:
    told = keys(rows(page("configuration.md"), after="## Options: who uses whom"))
    assert sorted(told) == sorted(TEXTS["witness"][witness.removeprefix("witness.")] for witness in Witness)


def test_every_confidence_and_state_is_documented() -> None:
    for confidence in Confidence:
        assert f"`{confidence.name.lower()}`" in page("actions.md")
    told = keys(rows(page("configuration.md"), after="## Options: which folder is which"))
    assert sorted(each.replace(" ", "_") for each in told) == sorted(PathState)


def test_every_problem_is_documented() -> None:
    assert sorted(keys(rows(page("diagnostics-and-repairs.md"), after="## Repairs"))) == sorted(PROBLEMS)


def test_the_versions_are_those_of_the_check_up() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    told = {row[0].split("]")[0].strip("[").lower(): row[1] for row in rows(readme, after="## Backends")}
    assert told == {each.name.lower(): ".".join(map(str, each.oldest_version)) for each in CONNECTORS.values()}


def test_every_service_that_is_asked_for_the_public_address_is_documented() -> None:
    table = rows(page("gluetun.md"), after="one fails. They see your address, as every website does, and nothing else.")
    for column, services in ((1, SERVICES_V4), (2, SERVICES_V6)):
        told = {f"https://{row[column].strip('` ')}" for row in table if row[column].strip()}
        assert told == {*services}


# --- times -----------------------------------------------------------------------------------------------------------


def minutes(time: timedelta) -> int:
    return round(time / timedelta(minutes=1))


TRIED_AGAIN = {(timedelta(hours=1), 2): "tried once more, an hour later"}[AUTH_PAUSE, MAX_REFUSALS]

DOWN = backend_down.BackendDownPolicy()

CALM = {
    "its power supply is too weak | after": SourceKind.BOARD,
    "or a sensor is on | after": SourceKind.WATCHING,
    "or while a sensor is on | after": SourceKind.PRICE,
    "up to so much surplus, or while a sensor is on | after": SourceKind.SOLAR,
    "an uninterruptible power supply is on it | after": SourceKind.BATTERY,
}
PORT = PortPolicy()
SERVERS = ServerPolicy()
OPEN, BOUND = vpn_lane.PACES[Containment.OPEN], vpn_lane.PACES[Containment.BOUND]

TIMES = {
    "qbittorrent.md": (
        f"the refused ones are {TRIED_AGAIN}",
        f"every {qbittorrent.BUSY_INTERVAL.seconds} seconds while",
        f"every {qbittorrent.QUIET_INTERVAL.seconds} seconds otherwise",
        f"settings are read every {minutes(qbittorrent.SETTINGS_INTERVAL)} minutes",
        f"every {minutes(BUSY_WRITE_PAUSE)} minutes, but at once",
        f"every {minutes(SPACE_WRITE_PAUSE)} minutes, but at once",
    ),
    "radarr-sonarr.md": (
        f"every {arr.QUEUE_INTERVAL.seconds} seconds while",
        {1: "every minute otherwise"}[minutes(arr.IDLE_INTERVAL)],
        f"is read every {minutes(arr.SLOW_INTERVAL)} minutes",
        {7: "of the next seven days"}[arr.UPCOMING_DAYS],
    ),
    "prowlarr.md": (
        f"asked every {minutes(prowlarr.INTERVAL)} minutes",
        f"read every {minutes(prowlarr.APPLICATIONS_INTERVAL)} minutes",
    ),
    "hub.md": (
        f"looked for every {minutes(REVIEW_INTERVAL)} minutes",
        f"every {minutes(BUSY_WRITE_PAUSE)} minutes (speeds and counts)",
        f"every {minutes(SPACE_WRITE_PAUSE)} minutes (free space)",
        {timedelta(hours=6): "anything for six hours"}[PATIENCE],
    ),
    "diagnostics-and-repairs.md": (
        {timedelta(seconds=1): "set-up waits one second"}[START_PATIENCE],
        f"up to {minutes(LONGEST_BACKOFF)} minutes",
        f"After {minutes(OUTAGE_GRACE)} minutes",
        f"A login is {TRIED_AGAIN}",
        f"a key is tried every {minutes(LONGEST_BACKOFF)} minutes",
        f"in time ({DEFAULT_TIMEOUT_SECONDS:g} seconds)",
    ),
    "check-up.md": (
        {timedelta(hours=1): "noted once an hour"}[SAMPLE_INTERVAL],
        f"kept for {SAMPLES_KEPT.days} days",
        f"used up within {disks.SOON.days} days",
        f"Less than {disks.LOW_BYTES // 10**9} GB left",
        f"less than {disks.VERY_LOW_BYTES // 10**9} GB left is an error",
    ),
    "restarts.md": (
        f"not answered for {minutes(DOWN.patience)} minutes",
        f"has failed for {minutes(DOWN.patience)} minutes",
        f"has {minutes(backend_down.STARTING)} minutes to become healthy",
        f"{minutes(DOWN.back_off)} minutes after the first, the next one {minutes(2 * DOWN.back_off)} minutes later",
        f"up to {minutes(DOWN.longest_back_off) // 60} hours. After {DOWN.restarts_a_day} tries in a day",
        f"on again {OFF_SECONDS} seconds later",
        f"within {minutes(LONGEST_BACKOFF)} minutes",
    ),
    "gluetun.md": (
        f"asked every {gluetun.INTERVAL.seconds} seconds",
        f"every {gluetun.SETTLING_INTERVAL.seconds} seconds while it connects",
        f"read every {minutes(gluetun.SLOW_INTERVAL)} minutes",
    ),
    "vpn-servers.md": (
        f"looked at every {rotation.LOOK_EVERY.seconds} seconds",
        f"It has {SERVERS.proof.seconds} seconds to get there",
        f"which has {minutes(SERVERS.proof_back)} minutes",
        {3: "three at most"}[SERVERS.tries],
        f"Between {rotating.NIGHT_HOUR} and {rotating.NIGHT_HOUR + 1} o'clock, every quarter of an hour",
        {(0, 15, 30, 45): "every quarter of an hour"}[rotating.NIGHT_MINUTES],
        f"by {SERVERS.better_by - 1:.0%} at least".replace("%", " %"),
        {4: "Every fourth night"}[SERVERS.explore_every],
        {timedelta(weeks=2): "counts half after two weeks"}[SERVERS.half_life],
        {timedelta(days=1): "left alone for a day"}[SERVERS.rest],
        f"of {MOST_SERVERS} servers at most",
        f"The candidates, up to {MOST_SERVERS}.",
        f"for {SAMPLE_SECONDS:g} seconds at most after its first byte",
        f"| {SAMPLE_MEGABYTES} MB | So much is fetched, {MOST_SAMPLE_MEGABYTES} MB at most.",
        {10: "has the ten best"}[MOST_RANKED],
    ),
    "vpn-guard.md": (
        {timedelta(minutes=30): "All of them are asked every half hour"}[asking.USUALLY],
        f"within {VpnPolicy().doubt.seconds} seconds that you are somewhere else",
        {timedelta(days=7): "in the last seven days"}[ELSEWHERE_LASTS],
        {timedelta(days=1): "was known within the last day"}[VpnPolicy().doubt_lasts],
        {5: "qBittorrent's settings | five times a second where it is bound"}[timedelta(seconds=1) // vpn_lane.FAST],
        f"(whether that interface exists: every {BOUND.interfaces.seconds} seconds)",
        f"every {BOUND.interfaces.seconds} seconds), else every {OPEN.settings.seconds} seconds",
        f"five times a second where it is open and tells an address, every {BOUND.transfer.seconds} seconds",
        {timedelta(seconds=10): "is asked every ten seconds while nothing is stopped"}[vpn_lane.SELDOM.pause],
        {timedelta(seconds=1): "starts again, up to 50 torrents a second"}[vpn_lane.REOPEN_EVERY],
        {timedelta(minutes=10): "is forgiven for ten minutes"}[VpnPolicy().trial],
        f"after {VpnPolicy().tunnel_lasts.seconds} seconds",
        f"and {VpnPolicy().patience.seconds} seconds later",
        {timedelta(milliseconds=100): "waits a tenth of a second for the disk"}[holding._DISK_PATIENCE],
    ),
    "forwarded-port.md": (
        f"its poll, every {gluetun.INTERVAL.seconds} seconds",
        f"and every {gluetun.SETTLING_INTERVAL.seconds} seconds while it connects",
        {(timedelta(seconds=10), timedelta(seconds=1)): "every 10 seconds at least, and every second while it is away"}[
            vpn_lane.CALM, vpn_lane.AFTER_FAILURE
        ],
        f"(every {vpn_lane.CALM.seconds} again after {vpn_lane.RESTARTS_FOR.seconds} seconds",
        f"the guard reads every {vpn_lane.SELDOM.settings.seconds} seconds at least",
        {timedelta(hours=6): "once, after six hours"}[PORT.unwanted],
        {timedelta(minutes=1): "is waited for, for a minute"}[PORT.forwarding],
        f"tried again after {PORT.retry.seconds} seconds, then after {PORT.retry.seconds * 2}",
        f"up to every {minutes(PORT.longest_retry)} minutes",
        {3: "After three tries"}[PORT.tell_after],
        {2: "twice at most for each connection"}[PORT.wakes],
        f"not connected (after {PORT.disconnected.seconds} seconds)",
        f"firewalled (after {minutes(PORT.firewalled)} minutes)",
        f"within {qbittorrent.QUIET_INTERVAL.seconds} seconds, and up to {minutes(LONGEST_BACKOFF)} minutes",
    ),
    "governor.md": (
        *(f"{what} {minutes(TIMINGS[kind].calm)} minutes" for what, kind in CALM.items()),
        f"asked again after {governing.RETRY.seconds} seconds",
    ),
    "real-debrid.md": (
        f"asked every {minutes(real_debrid.ACCOUNT_INTERVAL)} minutes",
        {timedelta(hours=1): "its traffic every hour"}[real_debrid.TRAFFIC_INTERVAL],
        {timedelta(minutes=1): "shown every minute"}[real_debrid.INTERVAL],
        f"| Requests a minute | {real_debrid_budget.DEFAULT_PER_MINUTE} |",
        f"from {real_debrid.LEAST_PER_MINUTE} to {real_debrid_budget.ACCOUNT_PER_MINUTE}",
        {0.25: "A quarter of it may go at once"}[real_debrid_budget.BURST_SHARE],
        {0.2: "a fifth of it may be lists"}[real_debrid_budget.LISTS_SHARE],
        {0.1: "A tenth is left to what a person waits for"}[real_debrid_budget.PERSON_SHARE],
        {3600: "halves the budget for an hour"}[real_debrid_budget.CAUTION_SECONDS],
        {(10, 30, 600): "10 seconds after error 5, 30 after error 34 and 10 minutes after error 36"}[
            tuple(real_debrid_budget.PAUSES_SECONDS.values())
        ],
        {3600: "twice as long, up to an hour"}[real_debrid_budget.LONGEST_PAUSE_SECONDS],
        {5000: "5,000 torrents are one request"}[MAX_PAGE],
    ),
    "container-engine.md": (f"listed every {docker.INTERVAL.seconds} seconds",),
    "thermal.md": (
        f"read every {thermal.INTERVAL.seconds} seconds",
        f"every {thermal.HOT_INTERVAL.seconds} seconds from {thermal.HOT_CELSIUS} °C on",
        f"from {thermal.NEAR_CELSIUS} °C below the first limit",
        f"every {minutes(BUSY_WRITE_PAUSE)} minutes, but at once when it moved by {thermal.LEAP_CELSIUS} °C",
    ),
    "actions.md": (
        f"Less than {FULL_BELOW_BYTES >> 20} MiB are left",
        {timedelta(minutes=2): "in the last two minutes"}[STARTING_FOR],
        f"| `limit` | {DEFAULT_LIMIT} |",
        f"1 to {HIGHEST_LIMIT}",
    ),
    "autopilot.md": (
        {timedelta(days=3): "Without an answer in three days"}[kernel.UNANSWERED_AFTER],
        {5: "five times in a row"}[desk.RIGHT_IN_A_ROW],
        {timedelta(minutes=10): "come back less than ten minutes ago"}[gate.CLIENT_SETTLES],
        {timedelta(minutes=10): "reached it for ten minutes"}[gate.LINE_PATIENCE],
        {timedelta(days=1): "That can be done for a day"}[Caps().quarantine],
        f"less than {aftercare.LOW_BYTES >> 30} GiB left",
        {5: "gives up five downloads an hour"}[Caps().acts_an_hour],
        {6: "six times an hour"}[Caps().searches_an_hour],
        {5: "five releases were given up"}[Caps().failures_of_a_title],
        f"within {lessons.FAILURES_LAST.days} days is for you",
        {3: "Three or more suggestions"}[BUNDLED_FROM],
        {3: "three times a day at most"}[MOST_ALERTS_A_DAY],
        {timedelta(minutes=30): "younger than half an hour"}[PROBLEM_AFTER],
        f"At most {MOST_AN_HOUR} events an hour",
        {timedelta(seconds=10): "ten seconds after something changed"}[pilot.SHORTEST_PAUSE],
        {timedelta(minutes=5): "every five minutes otherwise"}[pilot.LONGEST_PAUSE],
        {timedelta(hours=6): "known for six hours"}[FACTS_LAST],
        f"kept for {pilot.JOURNAL_KEPT.days} days",
    ),
    "architecture.md": (
        f"A refused login is {TRIED_AGAIN}",
        f"pauses {minutes(BUSY_WRITE_PAUSE)} minutes, free space",
        f"pauses {minutes(SPACE_WRITE_PAUSE)} minutes, the rest",
        f"pauses {USUAL_WRITE_PAUSE.seconds} seconds",
    ),
}


@pytest.mark.parametrize("name", TIMES)
def test_the_times_and_limits_are_those_of_the_code(name: str) -> None:
    text = " ".join(page(name).split())
    assert [each for each in TIMES[name] if each not in text] == []


# --- pages -----------------------------------------------------------------------------------------------------------


#: in Markdown, and in the HTML of pictures
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")


def links(path: Path) -> list[str]:
    return [one or other for one, other in LINK.findall(path.read_text(encoding="utf-8"))]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#{1,6} (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_its_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        there = (path.parent / target).resolve() if target else path
        assert there.is_relative_to(REPOSITORY), link
        assert there.exists(), link
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), link


def test_every_page_is_in_the_index() -> None:
    linked = {link.partition("#")[0] for link in links(DOCS / "README.md")}
    assert {path.name for path in DOCS.glob("*.md")} - {"README.md"} <= linked


def examples() -> list[Any]:
    """Return what is written as YAML in all pages."""
    found = []
    for path in PAGES:
        blocks = re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        found += [pytest.param(yaml.safe_load(block), id=f"{path.stem}-{n}") for n, block in enumerate(blocks)]
    return found


@pytest.mark.parametrize("example", examples())
async def test_an_example_is_taken_by_home_assistant(hass: HomeAssistant, example: Any) -> None:
    """Automations, scripts and actions are read as Home Assistant reads them, templates among them."""
    match example:
        case {"automation": automations}:
            await async_setup_component(hass, "homeassistant", {})
            for each in automations:
                checked = await async_validate_config_item(hass, each["alias"], each)
                assert checked is not None
                assert checked.validation_error is None
        case {"script": scripts}:
            for each in scripts.values():
                cv.SCRIPT_SCHEMA(each["sequence"])
        case {"action": _}:
            cv.SERVICE_SCHEMA(example)
        case {"logger": _}:
            LOGGER_SCHEMA(example)
        case _:
            answers = {
                "chain",
                "clients",
                "clocks",
                "downloads",
                "entries",
                "findings",
                "links",
                "remedies",
                "type",
                "vpns",
            }
            assert example.keys() & answers or "type" in example  # an answer, or a card


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_files_that_it_names_exist(path: Path) -> None:
    """Only what is written as code and begins with a folder of ours, the integration's own folders among them."""
    text = path.read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL))
    named = {
        *re.findall(rf"`((?:{'|'.join(_names_of_folders(REPOSITORY))})/[\w./-]*)", text),
        *re.findall(r"^\s*((?:scripts|\.ci)/\w+)", commands, flags=re.MULTILINE),
    }
    within = {*re.findall(rf"`((?:{'|'.join(_names_of_folders(INTEGRATION))})/[\w./-]*)", text)}
    for root, names in ((REPOSITORY, named), (INTEGRATION, within)):
        for name in names:
            assert "larder" in name or (root / name).exists(), name  # larder: the made-up backend


def _names_of_folders(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.is_dir() and path.name[0] not in "._"]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_it_tells_nothing_of_a_workplace(path: Path) -> None:
    assert not re.findall(r"(?<![\w.])/(?:work|root|home|tmp)/\S+", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((DOCS / "images").glob("*")), ids=name_of)
def test_a_picture_is_small_and_shown(path: Path) -> None:
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) < LARGEST_PICTURE_BYTES
    width, height = struct.unpack(">II", content[16:24])
    assert min(width, height) > 100
    assert any(f"images/{path.name}" in text.read_text(encoding="utf-8") for text in PAGES)


def test_the_options_of_scripts_are_documented() -> None:
    """The benchmark's options are told with their defaults."""
    shown = subprocess.run(
        [sys.executable, "-m", "benchmarks", "poll", "--help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    options = set(re.findall(r"--\w+", shown)) - {"--help"}
    assert {*keys(rows(page("benchmarks.md")))} == options


def test_the_pictures_that_are_shown_can_be_taken_again() -> None:
    """`scripts/screenshots` takes what the pages show."""
    assert shown_in_documentation() == {path.stem for path in (DOCS / "images").glob("*.png")}
