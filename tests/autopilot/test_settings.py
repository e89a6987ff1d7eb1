"""Settings: what a person may set, how it is stored, and what can't be."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.autopilot.settings import Caps, PilotSettings, SettingError, as_json, from_json
from custom_components.sokoul.model.journal import Autonomy

from .stack import STUCK, Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """One of each type that a threshold may have."""

    patience: timedelta = timedelta(hours=6)
    share: float = 0.5
    times: int = 3
    on: bool = True
    names: tuple[str, ...] = ()
    limit: int | None = None
    after: timedelta | None = None


levels = st.sampled_from(Autonomy)
spans = st.integers(0, 3650 * 86_400).map(lambda seconds: timedelta(seconds=seconds))
everything = st.builds(
    Everything,
    patience=spans,
    share=st.floats(0, 1e9),
    times=st.integers(0, 10**9),
    on=st.booleans(),
    names=st.lists(st.text()).map(tuple),
    limit=st.none() | st.integers(0, 10**9),
    after=st.none() | spans,
)


@given(everything)
def test_thresholds_come_back_as_they_were(policy: Everything) -> None:
    assert from_json(Everything, json.loads(json.dumps(as_json(policy)))) == policy


@given(
    st.builds(
        PilotSettings,
        ceiling=levels,
        autonomy=st.dictionaries(st.sampled_from([rule.key for rule in RULES]), levels),
        policies=st.just({"stuck": Patience(patience=timedelta(hours=9))}),
        caps=st.builds(Caps, acts_an_hour=st.integers(0, 99), quarantine=spans),
        labels=st.frozensets(st.text().map(str.casefold)),
        protected=st.frozensets(st.text()),
    )
)
def test_settings_come_back_as_they_were(settings: PilotSettings) -> None:
    stored = json.loads(json.dumps(settings.as_json()))
    assert PilotSettings.from_json(stored, [*RULES, STUCK]) == settings


def test_nothing_stored_is_all_defaults() -> None:
    assert PilotSettings.from_json({}, RULES) == PilotSettings()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_every_rule_has_thresholds_that_can_be_set(rule: Any) -> None:
    settings = PilotSettings()
    for each in fields(rule.policy):
        value = as_json(settings.policy(rule))[each.name]
        changed = settings.with_policy(rule, {each.name: value})
        assert changed.policy(rule) == rule.policy()


def test_what_another_version_knew_is_left_out() -> None:
    stored = {"policies": {"gone": {"x": 1}, "stuck": {"patience": 60, "gone": 1}}, "autonomy": {"gone": "act"}, "x": 1}
    settings = PilotSettings.from_json(stored, [STUCK])
    assert settings.policies == {"stuck": Patience(patience=timedelta(minutes=1))}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patience", -1),
        ("patience", "6h"),
        ("patience", True),
        ("patience", None),
        ("patience", float("nan")),
        ("patience", float("inf")),
        ("patience", 1e12),
        ("share", -0.1),
        ("share", float("nan")),
        ("share", float("inf")),
        ("share", "much"),
        ("times", 1.5),
        ("times", -1),
        ("times", float("inf")),
        ("times", float("nan")),
        ("times", True),
        ("on", 1),
        ("on", "yes"),
        ("names", "one"),
        ("names", [1]),
        ("names", None),
        ("limit", -1),
        ("after", "never"),
    ],
)
def test_what_a_threshold_can_not_be(name: str, value: Any) -> None:
    with pytest.raises(SettingError) as raised:
        from_json(Everything, {name: value})
    assert raised.value.field == name


@pytest.mark.parametrize(
    "stored",
    [
        {"ceiling": "much"},
        {"ceiling": 3},
        {"ceiling": None},
        {"autonomy": {"stuck": "always"}},
        {"autonomy": ["stuck"]},
        {"autonomy": {"stuck": []}},
        {"policies": []},
        {"policies": {"stuck": 7}},
        {"policies": {"stuck": {"patience": -1}}},
        {"caps": [1]},
        {"caps": {"acts_an_hour": "many"}},
        {"labels": "keep"},
        {"labels": 3},
        {"protected": [1]},
    ],
)
def test_what_is_damaged_says_so(stored: Mapping[str, Any]) -> None:
    """And nothing else is raised: who loads them goes on with the defaults."""
    with pytest.raises(SettingError):
        PilotSettings.from_json(stored, [STUCK])


def test_the_ceiling_lowers_every_rule() -> None:
    settings = PilotSettings(ceiling=Autonomy.SUGGEST, autonomy={"stuck": Autonomy.ACT})
    assert settings.level(STUCK) is Autonomy.SUGGEST
    assert settings.with_autonomy("stuck", Autonomy.OFF).level(STUCK) is Autonomy.OFF
    assert PilotSettings().level(STUCK) is STUCK.default


def test_the_never_touch_list() -> None:
    settings = PilotSettings().with_protection("a", protected=True).with_protection("b", protected=True)
    assert settings.protected == {"a", "b"}
    assert settings.with_protection("a", protected=False).protected == {"b"}
    assert settings.with_protection("c", protected=False) == settings
    assert settings.claims(["x"]).keys == {"a", "b"}
    assert settings.claims(["x"]).ours == {"x"}
