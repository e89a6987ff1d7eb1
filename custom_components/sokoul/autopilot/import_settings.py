"""Taking over what a person set in another tool: thresholds, and what is protected.

It only reads: what comes of it is shown, with notes about all that differs, before anything is applied. Nothing of a
file makes SOKOUL act more by itself than it did, and keys and addresses in it are not kept.
"""

from collections.abc import Mapping
import re
from typing import Any

from .importing import cleanuparr, decluttarr
from .importing.draft import CannotImport, ImportedSettings
from .importing.reading import MOST_CHARACTERS, read_ini, read_json, read_yaml

__all__ = ["CannotImport", "ImportedSettings", "read_settings"]

_JSON = re.compile(r"\s*(?:\{|\[\s*[\[{\]])")
_INI = re.compile(r"^\s*\[\w+\]\s*$", re.MULTILINE)
_VARIABLE = re.compile(r"\s*(?:export\s+|-\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.*?)\s*")


def read_settings(text: str) -> ImportedSettings:
    """Return what of the settings in a text can be taken over. Raises `CannotImport`.

    It may be decluttarr's `config.yaml`, `config.conf`, its variables (`NAME=value` or the `environment` of a compose
    file), or what the API of Cleanuparr answers.
    """
    if len(text) > MOST_CHARACTERS:
        raise CannotImport("too_large", most=MOST_CHARACTERS)
    text = text.removeprefix("\ufeff").replace("\x00", "")
    if not text.strip():
        raise CannotImport("empty")
    if _JSON.match(text):
        answer = read_json(text)
        parts = cleanuparr.parts_of(answer)
        return _from_mapping(answer) if parts is None else cleanuparr.from_parts(parts)
    if _INI.search(text):
        return _from_environment(read_ini(text))
    if variables := _variables(text):
        return _from_environment(variables)
    return _from_mapping(read_yaml(text))


def _from_mapping(config: Any) -> ImportedSettings:
    if not isinstance(config, Mapping):
        raise CannotImport("unknown")
    if isinstance(config.get("services"), Mapping):
        found = [each for service in config["services"].values() if (each := _environment(service))]
        known = [each for each in found if decluttarr.is_environment(each)]
        if len(known) != 1:
            raise CannotImport("unknown")
        return decluttarr.from_environment(known[0])
    if decluttarr.SECTIONS & {str(name).casefold() for name in config}:
        return decluttarr.from_sections(config)
    return _from_environment(config)


def _environment(service: Any) -> dict[str, Any]:
    """Return the variables of a service of a compose file, given as a group or as a list."""
    given = service.get("environment") if isinstance(service, Mapping) else None
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    if isinstance(given, list):
        return dict(each.split("=", 1) for each in given if isinstance(each, str) and "=" in each)
    return {}


def _from_environment(variables: Mapping[Any, Any]) -> ImportedSettings:
    named = {str(name): value for name, value in variables.items()}
    if not decluttarr.is_environment(named):
        raise CannotImport("unknown")
    return decluttarr.from_environment(named)


def _variables(text: str) -> dict[str, str]:
    """Return the lines of a file of variables; nothing when it is something else."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = [_VARIABLE.fullmatch(line) for line in lines]
    if not all(found):
        return {}
    return {each["name"]: each["value"].strip("'\"") for each in found if each}
