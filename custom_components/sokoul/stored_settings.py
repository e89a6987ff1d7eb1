"""The settings of the autopilot as they were stored: what can be read of them counts, whatever else is among it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .autopilot.settings import PilotSettings, Settable, SettingError
from .model.journal import Autonomy

#: Names lead to a value; in a list it has none.
type _Path = tuple[str | None, ...]

_NOTHING = object()


def read_settings(stored: Any, rules: Iterable[Settable]) -> tuple[PilotSettings, tuple[str, ...]]:
    """Return the settings, and the names of what can't be read, as in `policies.stalled.patience`.

    What can't be read is at its default; but a ceiling that can't be read lets nothing be done until it is set again.
    """
    rules = tuple(rules)

    def can_be_read(some: Any) -> bool:
        try:
            PilotSettings.from_json(some, rules)
        except SettingError:
            return False
        return True

    if not isinstance(stored, Mapping):
        return PilotSettings(ceiling=Autonomy.OBSERVE), ("ceiling",)
    lost: list[str] = []
    settings = PilotSettings.from_json(_readable(stored, (), can_be_read, lost), rules)
    if "ceiling" in lost:
        settings = replace(settings, ceiling=Autonomy.OBSERVE)
    return settings, tuple(lost)


def _readable(value: Any, path: _Path, can_be_read: Callable[[Any], bool], lost: list[str]) -> Any:
    """Return as much of a value as can be read, part by part; the names of the rest go to `lost`."""
    if can_be_read(_at(path, value)):
        return value
    kept: Any = _NOTHING
    if isinstance(value, Mapping):
        parts = {key: _readable(each, (*path, key), can_be_read, lost) for key, each in value.items()}
        kept = {key: part for key, part in parts.items() if part is not _NOTHING}
    elif isinstance(value, list):
        items = [_readable(each, (*path, None), can_be_read, lost) for each in value]
        kept = [item for item in items if item is not _NOTHING]
    if kept is not _NOTHING and can_be_read(_at(path, kept)):
        return kept
    lost.append(".".join(filter(None, path)))
    return _NOTHING


def _at(path: _Path, value: Any) -> Any:
    """Return settings that have nothing but this value at its place."""
    for name in reversed(path):
        value = [value] if name is None else {name: value}
    return value
