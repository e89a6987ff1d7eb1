"""Reading texts from outside: bounded, without references and objects of YAML, and with errors that say where."""

from collections.abc import Mapping, Sequence
import configparser
import json
from typing import Any

import yaml

from .draft import CannotImport

#: The largest of such files in the wild have some thousand characters.
MOST_CHARACTERS = 200_000
MOST_DEPTH = 20
LONGEST_TEXT = 500
LONGEST_LIST = 1_000


class _Loader(yaml.SafeLoader):
    """Plain data only. A value that comes from an environment (`!ENV`) is not there."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise CannotImport("references", line=self.line + 1)
        return super().compose_node(parent, index)


_Loader.add_constructor("!ENV", lambda _loader, _node: None)


def read_yaml(text: str) -> Any:
    """Return what a YAML text holds. Raises `CannotImport`."""
    try:
        return _bounded(yaml.load(text, Loader=_Loader))  # noqa: S506 -- a SafeLoader that reads still less
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CannotImport("not_yaml", line=line) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CannotImport("not_readable") from error


def read_json(text: str) -> Any:
    """Return what a JSON text holds. Raises `CannotImport`."""
    try:
        return _bounded(json.loads(text))
    except json.JSONDecodeError as error:
        raise CannotImport("not_json", line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise CannotImport("not_readable") from error


def read_ini(text: str) -> dict[str, str]:
    """Return the values of all sections of an INI file. Raises `CannotImport`."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise CannotImport("not_readable") from error
    return {name: value for section in parser.sections() for name, value in parser.items(section)}


def _bounded(value: Any, depth: int = 0) -> Any:
    if depth > MOST_DEPTH:
        raise CannotImport("not_readable")
    match value:
        case Mapping():
            for each in value.values():
                _bounded(each, depth + 1)
        case list():
            for each in value:
                _bounded(each, depth + 1)
    return value


class Settings:
    """A group of settings, by names without regard to case. `where` is its name in errors.

    Every read takes a name off those that are left; what nobody asked for is what nobody understood.
    """

    def __init__(self, values: Any, where: str = "") -> None:
        if values is None:
            values = {}
        if not isinstance(values, Mapping):
            raise CannotImport("wrong_group", name=where or "settings")
        self._values = {str(name).casefold(): value for name, value in values.items()}
        self._where = where
        self.unread = dict.fromkeys(self._values)

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._values

    def raw(self, name: str) -> Any:
        """Return a setting as it is, None when it isn't there."""
        self.unread.pop(name.casefold(), None)
        return self._values.get(name.casefold())

    def ignore(self, *names: str) -> None:
        """Take names off those that are left: they have no meaning here, and nobody misses them."""
        for name in names:
            self.unread.pop(name.casefold(), None)

    def group(self, name: str) -> Settings:
        """Return a group in this group; empty when it isn't there."""
        return Settings(self.raw(name), self.name_of(name))

    def number(self, name: str, default: float, *, most: float = 1_000_000) -> float:
        """Return a number from 0 to `most`."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, str):
            value = _number(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise CannotImport("wrong_number", name=self.name_of(name), most=most)
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, str):
            value = _FLAGS.get(value.strip().casefold())
        if not isinstance(value, bool):
            raise CannotImport("wrong_flag", name=self.name_of(name))
        return value

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise CannotImport("wrong_text", name=self.name_of(name))
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; one alone is a list, too."""
        value = self.raw(name)
        if value is None:
            return ()
        values: Sequence[Any] = value if isinstance(value, list) else [value]
        if len(values) > LONGEST_LIST or not all(
            isinstance(each, str) and len(each) <= LONGEST_TEXT for each in values
        ):
            raise CannotImport("wrong_list", name=self.name_of(name))
        return tuple(values)

    def groups(self, name: str) -> tuple[Settings, ...]:
        """Return a list of groups."""
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > LONGEST_LIST:
            raise CannotImport("wrong_list", name=self.name_of(name))
        return tuple(Settings(each, self.name_of(name)) for each in value)

    def name_of(self, name: str) -> str:
        """Return the name of a setting in errors and notes."""
        return f"{self._where}.{name}" if self._where else name


_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
