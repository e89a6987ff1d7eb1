"""Settings of other tools: what can be taken over is, what can't is told, and what is no such thing is refused."""

from contextlib import suppress
from datetime import timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.import_settings import CannotImport, ImportedSettings, read_settings
from custom_components.sokoul.autopilot.ownership import NEVER_TOUCH
from custom_components.sokoul.autopilot.rules import imports, stalled
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.autopilot.settings import PilotSettings
from custom_components.sokoul.model.journal import Autonomy

SECRET = "0123456789abcdef0123456789abcdef"


def seconds(**span: float) -> float:
    return timedelta(**span).total_seconds()


def notes(found: ImportedSettings) -> set[str]:
    return {note.key.removeprefix("imported.") for note in found.notes}


def note(found: ImportedSettings, key: str) -> dict[str, Any]:
    return dict(next(each.parameters for each in found.notes if each.key == f"imported.{key}"))


# --- decluttarr, version 2 -------------------------------------------------------------------------------------------

YAML = f"""
# how a household may have it
general:
  log_level: INFO
  test_run: true
  timer: 15
  ssl_verification: false
  ignored_download_clients: ["emulerr"]
  private_tracker_handling: "skip"
  public_tracker_handling: "remove"
  protected_tag: "Finger weg"
  obsolete_tag: "Obsolete"

job_defaults:
  max_strikes: 4
  min_days_between_searches: 7

jobs:
  remove_bad_files:
    keep_archives: true
  remove_done_seeding:
    target_tags: ["Obsolete"]
  remove_failed_downloads:
  remove_failed_imports:
    message_patterns:
      - "Not a Custom Format upgrade for existing*"
      - "Not an upgrade for existing*"
  remove_metadata_missing:
    max_strikes: 24
  remove_stalled:
  remove_unmonitored: true
  search_missing:
    max_concurrent_searches: 3

instances:
  sonarr:
    - base_url: "http://sonarr:8989"
      api_key: !ENV SONARR_KEY
    - base_url: "http://sonarr-anime:8989"
      api_key: "{SECRET}"
  radarr:
    - base_url: "http://radarr:7878"
      api_key: "{SECRET}"

download_clients:
  qbittorrent:
    - base_url: "http://qbittorrent:8080"
      username: admin
      password: "{SECRET}"
"""


def test_a_config_file_of_decluttarr() -> None:
    found = read_settings(YAML)
    assert found.tool == "decluttarr"
    assert found.policies["stalled"]["patience"] == seconds(minutes=15 * 4)
    assert found.policies["no_metadata"]["patience"] == seconds(minutes=15 * 24)
    assert found.policies["stalled"]["patience_when_rare"] == seconds(days=3650), "private ones are skipped there"
    assert found.labels == {"finger weg"}
    assert found.autonomy == {"slow": Autonomy.OFF}
    assert {"impatient", "dry_run", "private_kept", "no_patterns", "elsewhere", "connect", "clients_ignored"} <= notes(
        found
    )
    assert note(found, "elsewhere") == {"names": ("remove_done_seeding", "search_missing")}
    assert note(found, "connect") == {"backends": ("sonarr", "sonarr", "radarr", "qbittorrent")}
    assert note(found, "clients_ignored") == {"clients": ("emulerr",)}


def test_no_key_and_no_address_is_kept() -> None:
    for text in (YAML, json.dumps({"general": {"dryRun": True, "encryptionKey": SECRET}})):
        kept = repr(read_settings(text))
        assert SECRET not in kept
        assert "8989" not in kept


def test_only_impatience_is_warned_of() -> None:
    found = read_settings("jobs: {remove_stalled: {max_strikes: 100}, remove_metadata_missing: {max_strikes: 6}}")
    assert found.policies["stalled"]["patience"] == seconds(minutes=1000)
    assert note(found, "impatient") == {
        "rule": "no_metadata",
        "theirs": timedelta(hours=1),
        "ours": timedelta(hours=2),
    }


def test_defaults_are_those_of_the_tool() -> None:
    found = read_settings("general:\njobs:\n  remove_stalled:\n")
    assert found.policies["stalled"] == {"patience": seconds(minutes=30)}
    assert found.labels == {"keep"}


@pytest.mark.parametrize(
    ("jobs", "off"),
    [
        ("{remove_orphans: }", False),
        ("{remove_unmonitored: true}", False),
        ("{remove_orphans: false, remove_unmonitored: {enabled: false}}", True),
        ("{remove_orphans: 'False'}", True),
        ("{}", True),
    ],
)
def test_a_rule_is_off_when_all_its_jobs_are(jobs: str, off: bool) -> None:  # noqa: FBT001
    assert (read_settings(f"general: {{}}\njobs: {jobs}").autonomy.get("orphan") is Autonomy.OFF) is off


def test_what_a_later_version_has_is_told() -> None:
    found = read_settings("general: {timer: 10, moon_phase: full}\njobs: {remove_ghosts: true, remove_stalled: true}")
    assert set(note(found, "left_out")["names"]) >= {"general.moon_phase", "jobs.remove_ghosts"}
    assert found.policies["stalled"]["patience"] == seconds(minutes=30)


COMPOSE = """
services:
  decluttarr:
    image: ghcr.io/manimatter/decluttarr:latest
    environment:
      TZ: Europe/Zurich
      TIMER: 20
      MAX_STRIKES: "5"
      PROTECTED_TAG: Mine
      REMOVE_STALLED: "True"
      REMOVE_SLOW: |
        max_strikes: 9
        min_speed: 40
      RADARR: |
        - base_url: "http://radarr:7878"
          api_key: "$RADARR_API_KEY"
  other:
    environment: [FOO=bar]
"""


def test_a_compose_file_of_decluttarr() -> None:
    found = read_settings(COMPOSE)
    assert found.policies == {
        "stalled": {"patience": seconds(minutes=100)},
        "slow": {"patience": seconds(minutes=180), "slowest_rate": 40_000},
    }
    assert found.labels == {"mine"}
    assert found.autonomy["failed"] is Autonomy.OFF


# --- decluttarr, version 1 -------------------------------------------------------------------------------------------

INI = """
[general]
LOG_LEVEL       = VERBOSE
TEST_RUN        = False

[features]
REMOVE_TIMER                = 10
REMOVE_FAILED               = True
REMOVE_FAILED_IMPORTS       = True
REMOVE_STALLED              = True
REMOVE_SLOW                 = True
REMOVE_ORPHANS              = False
RUN_PERIODIC_RESCANS        = {"SONARR": {"MISSING": true}}

[feature_settings]
MIN_DOWNLOAD_SPEED          = 100
PERMITTED_ATTEMPTS          = 6
NO_STALLED_REMOVAL_QBIT_TAG = Don't Kill
IGNORE_PRIVATE_TRACKERS     = FALSE
FAILED_IMPORT_MESSAGE_PATTERNS  = ["Not a Custom Format upgrade for existing", "Not an upgrade for existing"]

[radarr]
RADARR_URL                  = http://radarr:7878
RADARR_KEY                  = $RADARR_API_KEY
"""

ENV = """
# decluttarr
REMOVE_TIMER=10
REMOVE_STALLED=True
export PERMITTED_ATTEMPTS=6
NO_STALLED_REMOVAL_QBIT_TAG="Don't Kill"
IGNORE_PRIVATE_TRACKERS=false
"""


OLD_COMPOSE = """
services:
  decluttarr:
    environment: [REMOVE_TIMER=10, PERMITTED_ATTEMPTS=6, REMOVE_STALLED=True, IGNORE_PRIVATE_TRACKERS=False]
"""


@pytest.mark.parametrize("text", [INI, ENV, OLD_COMPOSE])
def test_decluttarr_of_version_1(text: str) -> None:
    found = read_settings(text)
    assert found.policies["stalled"] == {"patience": seconds(hours=1)}
    assert found.labels == {"don't kill"}
    assert found.autonomy["orphan"] is Autonomy.OFF


def test_version_1_spares_private_torrents_by_default() -> None:
    found = read_settings("REMOVE_TIMER=10\nREMOVE_STALLED=True")
    assert found.policies["stalled"]["patience_when_rare"] == seconds(days=3650)
    assert "private_kept" in notes(found)


def test_what_version_1_did_beside() -> None:
    found = read_settings(INI)
    assert {"no_patterns", "elsewhere"} <= notes(found)
    assert "import" not in found.autonomy
    assert found.policies["slow"]["slowest_rate"] == 100_000


# --- Cleanuparr ------------------------------------------------------------------------------------------------------

CLEANER = {
    "id": "2b0f0d0e-0000-0000-0000-000000000001",
    "enabled": True,
    "cronExpression": "0 0/10 * * * ?",
    "useAdvancedScheduling": False,
    "failedImport": {
        "maxStrikes": 6,
        "ignorePrivate": True,
        "deletePrivate": False,
        "skipIfNotFoundInClient": True,
        "patterns": ["Not an upgrade"],
        "patternMode": "Include",
        "changeCategory": False,
    },
    "ignoredDownloads": ["Keep-Me", "A" * 40, "tracker.example.org"],
    "processNoContentId": False,
    "downloadingMetadataMaxStrikes": 12,
    "stallRules": [],
    "slowRules": [],
}


def stall(**fields: Any) -> dict[str, Any]:
    return {
        "id": "2b0f0d0e-0000-0000-0000-000000000002",
        "name": "stalled",
        "enabled": True,
        "maxStrikes": 3,
        "privacyType": "Public",
        "minCompletionPercentage": 0,
        "maxCompletionPercentage": 100,
        "resetStrikesOnProgress": True,
        "minimumProgress": None,
    } | fields


def slow(**fields: Any) -> dict[str, Any]:
    return stall(**{"name": "slow", "minSpeed": "100 KB", "maxTimeHours": 0, "ignoreAboveSize": ""} | fields)


ALL = {
    "queue_cleaner": CLEANER,
    "general": {"dryRun": False, "ignoredDownloads": ["music"], "strikeInactivityWindowHours": 24},
    "stall": [stall(maxStrikes=12), stall(maxStrikes=30, minCompletionPercentage=80), stall(enabled=False)],
    "slow": [slow(maxTimeHours=10)],
    "malware_blocker": {"enabled": True},
}


def test_the_answers_of_cleanuparr_together() -> None:
    found = read_settings(json.dumps(ALL))
    assert found.tool == "Cleanuparr"
    assert found.policies["stalled"]["patience"] == seconds(minutes=300), "the longest of those for public ones"
    assert found.policies["stalled"]["patience_when_rare"] == seconds(days=3650), "none is for private ones"
    assert found.policies["no_metadata"]["patience"] == seconds(hours=2)
    assert found.policies["import"]["patience"] == seconds(hours=1)
    assert found.labels == {"keep-me", "music"}
    assert found.protected == {"a" * 40}
    assert note(found, "trackers") == {"names": ("tracker.example.org",)}
    assert found.policies["slow"] == {
        "patience": seconds(minutes=30),
        "slowest_rate": 102_400,
        "latest_finish": seconds(hours=10),
    }
    warned = {each.parameters["rule"] for each in found.notes if each.key == "imported.impatient"}
    assert warned == {"stalled", "slow"}
    assert notes(found) == {"impatient", "trackers", "no_patterns", "no_windows", "private_kept", "elsewhere"}


@pytest.mark.parametrize(
    ("answer", "patience"),
    [
        (CLEANER, None),
        ([stall(maxStrikes=4)], seconds(minutes=20)),
        ({"stall": [stall(privacyType="Both", maxStrikes=4)]}, seconds(minutes=20)),
        ({"stall": [stall(maxStrikes=4)], "queue_cleaner": CLEANER | {"cronExpression": "0 0 0/2 * * ?"}},
         seconds(hours=8)),
        ({"stall": [stall(maxStrikes=4)], "queue_cleaner": CLEANER | {"cronExpression": "0 3 4 ? * MON"}},
         seconds(minutes=20)),
        ({"stall": [stall(privacyType="Private")]}, None),
    ],
)  # fmt: skip
def test_answers_of_cleanuparr_alone(answer: Any, patience: float | None) -> None:
    found = read_settings(json.dumps(answer, indent=2))
    assert found.policies.get("stalled", {}).get("patience") == patience


def test_rules_for_private_torrents_have_their_own_patience() -> None:
    found = read_settings(json.dumps([stall(maxStrikes=4), stall(privacyType="Private", maxStrikes=1000)]))
    assert found.policies["stalled"]["patience_when_rare"] == seconds(minutes=5000)
    assert "private_kept" not in notes(found)


def test_a_schedule_that_is_not_understood_is_told() -> None:
    found = read_settings(json.dumps(CLEANER | {"cronExpression": "0 3 4 ? * MON"}))
    assert note(found, "schedule") == {"schedule": "0 3 4 ? * MON", "minutes": 5}


def test_what_is_off_there_is_off_here() -> None:
    off = read_settings(json.dumps(CLEANER | {"enabled": False})).autonomy
    assert {rule for rule in off if off[rule] is Autonomy.OFF} >= {"stalled", "no_metadata", "import"}
    off = read_settings(json.dumps(CLEANER | {"downloadingMetadataMaxStrikes": 0, "failedImport": {"maxStrikes": 0}}))
    assert off.autonomy == {"no_metadata": Autonomy.OFF, "import": Autonomy.OFF}
    assert read_settings(json.dumps([stall(enabled=False)])).autonomy == {"stalled": Autonomy.OFF}


def test_of_several_rules_the_most_patient_counts() -> None:
    rules = [slow(minSpeed="1 MB", maxTimeHours=3), slow(minSpeed="50KB", maxTimeHours=9), slow(minSpeed="")]
    found = read_settings(json.dumps({"queue_cleaner": CLEANER | {"slowRules": rules, "stallRules": [stall()]}}))
    assert found.policies["slow"]["slowest_rate"] == 51_200
    assert found.policies["slow"]["latest_finish"] == seconds(hours=9)
    assert found.policies["stalled"]["patience"] == seconds(minutes=30)
    assert "no_windows" not in notes(found)


@pytest.mark.parametrize("window", [{"minCompletionPercentage": 10}, {"maxCompletionPercentage": 90}])
def test_rules_for_a_part_of_the_way_count_for_all_of_it(window: dict[str, int]) -> None:
    found = read_settings(json.dumps({"stall": [stall(**window)], "slow": [slow(**window)]}))
    assert sum(each.key == "imported.no_windows" for each in found.notes) == 1


def test_a_schedule_of_a_lifetime_ends_somewhere() -> None:
    found = read_settings(json.dumps([stall(maxStrikes=10_000)]))
    assert found.policies["stalled"]["patience"] == seconds(minutes=50_000)
    found = read_settings("general: {timer: 10000}\njobs: {remove_stalled: {max_strikes: 1000}}")
    assert found.applied_to(PilotSettings()).policy(stalled.RULE).patience == timedelta(days=3650)


@pytest.mark.parametrize("text", ["\ufeff" + ENV, ENV.replace("=10", "=10\x00"), ENV.replace("\n", "\r\n")])
def test_files_of_other_systems(text: str) -> None:
    assert read_settings(text).policies["stalled"] == {"patience": seconds(hours=1)}


def test_a_value_that_is_given_twice_is_the_last() -> None:
    found = read_settings("[features]\nREMOVE_TIMER = 10\nREMOVE_TIMER = 20\nREMOVE_STALLED = yes\n")
    assert found.policies["stalled"]["patience"] == seconds(hours=1)


# --- taking them over ------------------------------------------------------------------------------------------------


def test_they_become_settings_of_the_autopilot() -> None:
    before = PilotSettings(protected=frozenset({"b" * 40}), autonomy={"stalled": Autonomy.SUGGEST})
    after = read_settings(json.dumps(ALL)).applied_to(before)
    assert after.policy(stalled.RULE).patience == timedelta(hours=5)
    assert after.policy(stalled.RULE).trackers == (), "what the file doesn't name stays"
    assert after.policy(imports.RULE).patience == timedelta(hours=1)
    assert after.labels == NEVER_TOUCH | {"keep-me", "music"}
    assert after.protected == {"a" * 40, "b" * 40}
    assert after.level(stalled.RULE) is Autonomy.SUGGEST
    assert PilotSettings.from_json(after.as_json(), RULES) == after


@pytest.mark.parametrize("text", [YAML, COMPOSE, INI, ENV, json.dumps(ALL)])
def test_nothing_acts_more_by_itself_than_before(text: str) -> None:
    before = PilotSettings()
    after = read_settings(text).applied_to(before)
    assert after.ceiling is before.ceiling
    assert all(after.level(rule).rank <= before.level(rule).rank for rule in RULES)
    assert after.labels >= before.labels


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_note_can_be_read(language: str) -> None:
    words = wording.load(language)
    said = set()
    texts = (YAML, COMPOSE, INI, ENV, json.dumps(ALL), json.dumps(CLEANER | {"cronExpression": "x"}),
             "general: {moon: 1, public_tracker_handling: skip}\njobs: {}")  # fmt: skip
    for text in texts:
        for each in read_settings(text).notes:
            assert "{" not in words.reason(each)
            said.add(each.key)
    for text, *_ in WRONG:
        with pytest.raises(CannotImport) as caught:
            read_settings(text)
        assert "{" not in words.reason(caught.value.reason)
        said.add(caught.value.reason.key)
    assert said == {key for key in words.keys if key.startswith("imported.")}


# --- what is wrong, and what is hostile ------------------------------------------------------------------------------

BOMB = "general: &a [x, x, x, x, x, x, x, x, x]\njobs:\n  b: &b [*a, *a, *a, *a]\n  c: [*b, *b, *b, *b]\n"

WRONG = (
    ("", "empty", {}),
    (" \n\t\n", "empty", {}),
    ("x" * 200_001, "too_large", {"most": 200_000}),
    ("just a sentence", "unknown", {}),
    ("- a\n- b", "unknown", {}),
    ("services: {web: {environment: {FOO: bar}}}", "unknown", {}),
    ("services: {a: {environment: {TIMER: 1}}, b: {environment: {TIMER: 2}}}", "unknown", {}),
    ("services: {a: 3, b: {environment: 7}}", "unknown", {}),
    ("FOO=bar", "unknown", {}),
    ("[section]\nFOO = bar", "unknown", {}),
    ("[]", "unknown", {}),
    ("[3]", "unknown", {}),
    ('{"name": "something else"}', "unknown", {}),
    ('{"queue_cleaner": ', "not_json", {"line": 1}),
    ("general:\n  timer: [10\n", "not_yaml", {"line": 3}),
    ("general: !!python/object/apply:os.system ['true']\njobs: {}", "not_yaml", {"line": 1}),
    ("general: !ruby/object:Gem {}\njobs: {}", "not_yaml", {"line": 1}),
    (BOMB, "references", {"line": 3}),
    ("x-common: &c {TIMER: 1}\nservices: {a: {environment: {<<: *c}}}", "references", {"line": 2}),
    ("[" * 100_000, "not_readable", {}),
    ("a: " + "[" * 20_000, "not_readable", {}),
    ("[section]\n= nothing", "not_readable", {}),
    ("[section]\nthis is no value", "not_readable", {}),
    ("general: {protected_tag: " + "x" * 501 + "}\njobs: {}", "wrong_text", {"name": "general.protected_tag"}),
    ("a: " + "[" * 50 + "]" * 50, "not_readable", {}),
    ("general: {timer: " + "9" * 5000 + "}\njobs: {}", "not_readable", {}),
    ("jobs: 3", "wrong_group", {"name": "jobs"}),
    ("jobs: {remove_stalled: [1]}", "wrong_group", {"name": "jobs.remove_stalled"}),
    ("general: {timer: soon}\njobs: {}", "wrong_number", {"name": "general.timer", "most": 10_000}),
    ("general: {timer: -1}\njobs: {}", "wrong_number", {"name": "general.timer", "most": 10_000}),
    ("general: {timer: .nan}\njobs: {}", "wrong_number", {"name": "general.timer", "most": 10_000}),
    ("general: {timer: .inf}\njobs: {}", "wrong_number", {"name": "general.timer", "most": 10_000}),
    ("general: {timer: true}\njobs: {}", "wrong_number", {"name": "general.timer", "most": 10_000}),
    ("general: {test_run: maybe}\njobs: {}", "wrong_flag", {"name": "general.test_run"}),
    ("jobs: {remove_stalled: perhaps}", "wrong_flag", {"name": "jobs.remove_stalled"}),
    ("general: {protected_tag: [a]}\njobs: {}", "wrong_text", {"name": "general.protected_tag"}),
    ("general: {ignored_download_clients: [{a: 1}]}\njobs: {}", "wrong_list",
     {"name": "general.ignored_download_clients"}),
    ('{"stall": 3}', "wrong_list", {"name": "stall"}),
    ('{"stall": [3]}', "wrong_group", {"name": "stall"}),
    ('{"slow": [{"maxStrikes": 3, "minSpeed": "quick"}]}', "wrong_format",
     {"name": "slow.minSpeed", "example": "100 KB"}),
    ('{"queue_cleaner": {"enabled": true, "cronExpression": "0 0/0 * * * ?"}}', "wrong_format",
     {"name": "queue_cleaner.cronExpression", "example": "0 0/5 * * * ?"}),
)  # fmt: skip


@pytest.mark.parametrize(("text", "key", "parameters"), WRONG, ids=[f"{key}-{text[:24]}" for text, key, _ in WRONG])
def test_what_is_wrong_is_said(text: str, key: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(CannotImport) as caught:
        read_settings(text)
    assert caught.value.reason.key == f"imported.{key}"
    assert caught.value.reason.parameters == parameters


_TEXT = st.text(max_size=12) | st.sampled_from(["general", "jobs", "stall", "maxStrikes", "timer", "remove_stalled"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.text(max_size=300) | st.dictionaries(_TEXT, _JSON, max_size=5).map(json.dumps))
def test_anything_is_read_or_refused(text: str) -> None:
    """No text makes it fail in a way of its own, and what it reads can be set."""
    with suppress(CannotImport):
        found = read_settings(text)
        assert found.applied_to(PilotSettings()).labels >= NEVER_TOUCH
