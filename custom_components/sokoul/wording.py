"""Sentences from keys: one text in `texts/<language>.json` serves dashboard, notification, voice and Telegram.

A text is a small message format, after ICU's:

    {client}                                the value as it is; texts from outside are cleaned and cut, never parsed
    {free, size}                            bytes: 18.2 GB, 18,2 Go
    {speed, rate}                           bytes per second
    {share, percent}                        0.4 is 40 %
    {count, number}                         12,345
    {left, duration}                        a timedelta: 2 hours 5 minutes
    {since, age}                            a moment in the past, as the time since then
    {at, time}  {on, date}  {at, moment}    of a moment; `moment` is the time today and the date on other days
    {on, day}                               a day of a calendar (a `date`); of another year with its year
    {names, list}  {names, either}          Dune, Silo, and 3 more; Dune or Silo
    {said, text}                            a text that is ours already: whole, whatever its length
    {count, plural, =0 {none} one {# torrent} other {# torrents}}      (a list counts by its length)
    {who, select, radarr {the film} other {it}}

Loading reads files, and Babel reads its own when it is first used: `load` does both and belongs in an executor. After
it nothing is read any more.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache, partial
import json
from pathlib import Path
import re
from types import MappingProxyType
from typing import Any, Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent, parse_pattern
from babel.units import format_unit

from .model.reasons import Reason, Value

LANGUAGES = ("en", "fr")
DEFAULT_LANGUAGE = "en"

#: What comes from outside (a message of an *arr, the name of a release) is cut after so many characters.
LONGEST_VALUE = 200
#: So many names of a list are shown.
LONGEST_LIST = 3

#: So many numbers, sizes and durations each are remembered as they are written: those of some screens full of them.
_MOST_WRITTEN = 1_024
_FOLDER = Path(__file__).parent / "texts"


# -- the texts, taken apart -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Slot:
    name: str
    style: str  # "" for the value as it is


@dataclass(frozen=True, slots=True)
class _Choice:
    name: str
    plural: bool
    branches: Mapping[str, _Text]


class _Hash:
    """Stands for the number of the plural around it."""


type _Text = tuple[str | _Slot | _Choice | _Hash, ...]

_HASH = _Hash()
_NAME = re.compile(r"\s*([a-z_]+)\s*")
_BRANCH = re.compile(r"\s*(=\d+|[a-z_]+)\s*\{")


class TextError(ValueError):
    """A text is not well formed, or was given other values than it shows."""


def _parse(source: str) -> _Text:
    text, end = _parse_until(source, 0, plural=False)
    if end != len(source):
        raise TextError(f"a brace too many at {end} in {source!r}")
    return text


def _parse_until(source: str, at: int, *, plural: bool) -> tuple[_Text, int]:
    """Parse to the brace that closes this part, or to the end."""
    parts: list[str | _Slot | _Choice | _Hash] = []
    plain: list[str] = []

    def flush() -> None:
        if plain:
            parts.append("".join(plain))
            plain.clear()

    while at < len(source) and (character := source[at]) != "}":
        if character == "{":
            flush()
            part, at = _parse_slot(source, at + 1)
            parts.append(part)
            continue
        if character == "#" and plural:
            flush()
            parts.append(_HASH)
        else:
            plain.append(character)
        at += 1
    flush()
    return tuple(parts), at


def _parse_slot(source: str, at: int) -> tuple[_Slot | _Choice, int]:
    name, at = _word(source, at)
    style = ""
    if source[at : at + 1] == ",":
        style, at = _word(source, at + 1)
    if style in {"plural", "select"}:
        if source[at : at + 1] != ",":
            raise TextError(f"{style} without branches in {source!r}")
        return _parse_choice(source, at + 1, name, plural=style == "plural")
    if style and style not in _STYLES:
        raise TextError(f"there is no style {style!r} ({source!r})")
    if source[at : at + 1] != "}":
        raise TextError(f"a brace is not closed at {at} in {source!r}")
    return _Slot(name, style), at + 1


def _parse_choice(source: str, at: int, name: str, *, plural: bool) -> tuple[_Choice, int]:
    branches: dict[str, _Text] = {}
    while found := _BRANCH.match(source, at):
        branches[found[1]], at = _parse_until(source, found.end(), plural=plural)
        at += 1
    closing = re.compile(r"\s*\}").match(source, at)
    if closing is None or "other" not in branches:
        raise TextError(f"a choice of {name} without 'other', or not closed, in {source!r}")
    return _Choice(name, plural, MappingProxyType(branches)), closing.end()


def _word(source: str, at: int) -> tuple[str, int]:
    found = _NAME.match(source, at)
    if found is None:
        raise TextError(f"a name is missing at {at} in {source!r}")
    return found[1], found.end()


def _slots(text: _Text) -> Iterator[tuple[str, str]]:
    for part in text:
        if isinstance(part, _Slot):
            yield part.name, part.style
        elif isinstance(part, _Choice):
            yield part.name, "plural" if part.plural else "select"
            for branch in part.branches.values():
                yield from _slots(branch)


# -- writing --------------------------------------------------------------------------------------------------------


class Wording:
    """The texts of one language. Safe to use on the event loop: everything was read by `load`."""

    def __init__(self, language: str, locale: Locale, texts: Mapping[str, str], timezone: tzinfo = UTC) -> None:
        self.language = language
        self.timezone = timezone
        self._locale = locale
        # of whole numbers alone: a float may equal one and be written otherwise
        remembered = lru_cache(maxsize=_MOST_WRITTEN)
        self._whole: Callable[[int], str] = remembered(partial(_number, locale))
        self._bytes: Callable[[int], str] = remembered(partial(_size, locale))
        self._seconds: Callable[[int], str] = remembered(partial(_duration, locale))
        self._plural: Callable[[int], str] = remembered(locale.plural_form)
        self._texts: dict[str, _Text] = {}
        for key, source in texts.items():
            try:
                self._texts[key] = _parse(source)
            except TextError as error:
                raise TextError(f"{key}: {error}") from error

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    @property
    def keys(self) -> frozenset[str]:
        """All keys."""
        return frozenset(self._texts)

    def in_timezone(self, timezone: tzinfo) -> Wording:
        """Return the same texts with the times of another time zone."""
        if timezone is self.timezone:
            return self
        other = copy(self)
        other.timezone = timezone
        return other

    def slots(self, key: str) -> frozenset[tuple[str, str]]:
        """Return what a text shows: names of values with their styles."""
        return frozenset(_slots(self._texts[key]))

    def text(self, key: str, /, *, now: datetime | None = None, **parameters: Value) -> str:
        """Return a text. `now` is needed where it shows the age of something.

        Raises `TextError` for a key that does not exist and for a value that is missing: both are mistakes in code.
        """
        if key not in self._texts:
            raise TextError(f"there is no text {key!r}")
        return "".join(self._write(self._texts[key], key, parameters, now, ""))

    def reason(self, reason: Reason, now: datetime | None = None) -> str:
        """Return a reason as a sentence."""
        return self.text(reason.key, now=now, **reason.parameters)

    def evidence(self, evidence: Mapping[str, Value], now: datetime | None = None) -> tuple[str, ...]:
        """Return what a reason or a finding was concluded from, a line for each fact."""
        return tuple(self.text(f"evidence.{name}", now=now, value=value) for name, value in evidence.items())

    def _write(
        self, text: _Text, key: str, values: Mapping[str, Value], now: datetime | None, number: str
    ) -> Iterator[str]:
        for part in text:
            match part:
                case str():
                    yield part
                case _Hash():
                    yield number
                case _Slot(name, style):
                    yield self._styled(_value(values, name, key), style, now, key)
                case _Choice(name, plural, branches):
                    value = _value(values, name, key)
                    branch = self._branch(value, branches) if plural else branches.get(str(value), branches["other"])
                    inner = self._styled(_counted(value), "number", now, key) if plural else number
                    yield from self._write(branch, key, values, now, inner)

    def _branch(self, value: Value, branches: Mapping[str, _Text]) -> _Text:
        value = _counted(value)
        if not isinstance(value, int | float):
            raise TextError(f"{value!r} is no number to count with")
        if (exact := branches.get(f"={value}")) is not None:
            return exact
        form = self._plural(value) if type(value) is int else self._locale.plural_form(value)
        return branches.get(form, branches["other"])

    def _styled(self, value: Value, style: str, now: datetime | None, key: str) -> str:
        try:
            return _STYLES[style](self, value, now)
        except (TypeError, ValueError) as error:
            raise TextError(f"{key}: {value!r} can't be written as {style or 'it is'}") from error

    # -- styles: each knows its types; another type is a mistake in code ------------------------------------------

    def size(self, size_bytes: float) -> str:
        """Return bytes in decimal units, as disks and trackers count."""
        return self._bytes(size_bytes) if type(size_bytes) is int else _size(self._locale, size_bytes)

    def duration(self, span: timedelta) -> str:
        """Return a duration in words, to its one or two largest units: 2 hours 5 minutes, 9 days."""
        return self._seconds(max(round(span.total_seconds()), 0))

    def number(self, value: float) -> str:
        """Return a number with two decimals at most."""
        return self._whole(value) if type(value) is int else _number(self._locale, value)

    def _as_is(self, value: Value, _now: datetime | None) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise TypeError
        return str(value) if isinstance(value, int) else clean(value)

    def _text(self, value: Value, _now: datetime | None) -> str:
        if not isinstance(value, str):
            raise TypeError
        return value

    def _number(self, value: Value, _now: datetime | None) -> str:
        return self.number(_numeric(value))

    def _percent(self, value: Value, _now: datetime | None) -> str:
        return format_percent(_numeric(value), locale=self._locale)

    def _size(self, value: Value, _now: datetime | None) -> str:
        return self.size(_numeric(value))

    def _rate(self, value: Value, _now: datetime | None) -> str:
        return f"{self.size(_numeric(value))}/s"

    def _duration(self, value: Value, _now: datetime | None) -> str:
        if not isinstance(value, timedelta):
            raise TypeError
        return self.duration(value)

    def _age(self, value: Value, now: datetime | None) -> str:
        if now is None:
            raise TypeError
        return self.duration(now - _moment_of(value))

    def _time(self, value: Value, _now: datetime | None) -> str:
        return format_time(self._local(value).time(), "short", locale=self._locale)

    def _date(self, value: Value, _now: datetime | None) -> str:
        day = self._local(value).date()
        return format_skeleton("MMMMd", datetime(day.year, day.month, day.day, tzinfo=UTC), locale=self._locale)

    def _day(self, value: Value, now: datetime | None) -> str:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise TypeError
        if now is not None and now.astimezone(self.timezone).year == value.year:
            noon = datetime(value.year, value.month, value.day, 12, tzinfo=UTC)
            return format_skeleton("MMMMd", noon, locale=self._locale)
        return format_date(value, "long", locale=self._locale)

    def _moment(self, value: Value, now: datetime | None) -> str:
        today = now.astimezone(self.timezone).date() if now else None
        return self._time(value, now) if self._local(value).date() == today else self._date(value, now)

    def _list(self, value: Value, _now: datetime | None) -> str:
        return self._joined(value, "standard")

    def _either(self, value: Value, _now: datetime | None) -> str:
        return self._joined(value, "or")

    def _joined(self, value: Value, style: Literal["standard", "or"]) -> str:
        if not isinstance(value, tuple):
            raise TypeError
        names = [clean(name) for name in value]
        if len(names) > LONGEST_LIST + 1:  # "and 1 more" would be as long as its name
            more = len(names) - LONGEST_LIST
            names = [*names[:LONGEST_LIST], self.text("list.more", count=more)]
        return format_list(names, style, locale=self._locale)

    def _local(self, value: Value) -> datetime:
        return _moment_of(value).astimezone(self.timezone)


_STYLES: Mapping[str, Callable[[Wording, Value, datetime | None], str]] = {
    "": Wording._as_is,  # noqa: SLF001 -- the table of the class above
    "text": Wording._text,  # noqa: SLF001
    "number": Wording._number,  # noqa: SLF001
    "percent": Wording._percent,  # noqa: SLF001
    "size": Wording._size,  # noqa: SLF001
    "rate": Wording._rate,  # noqa: SLF001
    "duration": Wording._duration,  # noqa: SLF001
    "age": Wording._age,  # noqa: SLF001
    "time": Wording._time,  # noqa: SLF001
    "date": Wording._date,  # noqa: SLF001
    "day": Wording._day,  # noqa: SLF001
    "moment": Wording._moment,  # noqa: SLF001
    "list": Wording._list,  # noqa: SLF001
    "either": Wording._either,  # noqa: SLF001
}
_SIZES = ("digital-byte", "digital-kilobyte", "digital-megabyte", "digital-gigabyte", "digital-terabyte")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
#: From so many seconds on, what is finer than the step says nothing to a person.
_STEPS = ((3 * 86400, 86400), (86400, 3600), (3 * 3600, 3600), (60, 60), (0, 1))
#: Parsed once: Babel parses what it is given as text each time.
_HUNDREDTHS, _TENTHS, _ONES = map(parse_pattern, ("#,##0.##", "#,##0.#", "#,##0"))


def _number(locale: Locale, value: float) -> str:
    return format_decimal(value, format=_HUNDREDTHS, locale=locale)


def _size(locale: Locale, size_bytes: float) -> str:
    unit = min(sum(abs(size_bytes) >= 999.5 * 1000**power for power in range(4)), 4)
    amount = size_bytes / 1000**unit
    pattern = _ONES if unit == 0 or abs(amount) >= 99.95 else _TENTHS  # noqa: PLR2004 -- rounds to 100
    # Babel takes what `format_decimal` does, and is annotated as if that were text alone
    return format_unit(amount, _SIZES[unit], "short", format=pattern, locale=locale)  # type: ignore[arg-type]


def _duration(locale: Locale, seconds: int) -> str:
    step = next(step for limit, step in _STEPS if seconds >= limit)
    rest = round(seconds / step) * step
    words = []
    for unit, length in _UNITS:
        amount, rest = divmod(rest, length)
        if amount:
            words.append(format_unit(amount, f"duration-{unit}", "long", locale=locale))
    return " ".join(words) or format_unit(0, "duration-second", "long", locale=locale)


def clean(text: str) -> str:
    """Return a text from outside fit for one line: no control characters, no line breaks, not too long."""
    if len(text) <= LONGEST_VALUE and text.isprintable() and "  " not in text and text == text.strip():
        return text  # as most are
    line = " ".join("".join(each if each.isprintable() else " " for each in text[: 4 * LONGEST_VALUE]).split())
    return line if len(line) <= LONGEST_VALUE else line[: LONGEST_VALUE - 1].rstrip() + "…"


def _value(values: Mapping[str, Value], name: str, key: str) -> Value:
    if name not in values:
        raise TextError(f"{key} shows {name}, which was not given")
    return values[name]


def _counted(value: Value) -> Value:
    return len(value) if isinstance(value, tuple) else value


def _numeric(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value


def _moment_of(value: Value) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError
    return value


# -- loading --------------------------------------------------------------------------------------------------------


def load(language: str, timezone: tzinfo = UTC) -> Wording:
    """Read the texts of a language (a tag such as `fr` or `en-GB`) and all that writing them needs. Blocking.

    A language that there are no texts of gets the English ones. Numbers and dates follow the whole tag.
    """
    tag = language.replace("_", "-")
    spoken = tag.partition("-")[0].lower()
    if spoken not in LANGUAGES:
        tag = spoken = DEFAULT_LANGUAGE
    texts = json.loads((_FOLDER / f"{spoken}.json").read_text(encoding="utf-8"))
    wording = Wording(spoken, _locale(tag, spoken), dict(_flat(texts)), timezone)
    _warm_up(wording)
    return wording


_LOADED: dict[str, Wording] = {}


def load_all() -> None:
    """Read the texts of every language, for `get`. Blocking."""
    for language in LANGUAGES:
        if language not in _LOADED:
            _LOADED[language] = load(language)


def get(language: str, timezone: tzinfo = UTC) -> Wording:
    """Return the texts of a language that `load_all` has read, English for a language that there are no texts of."""
    spoken = language.replace("_", "-").partition("-")[0].lower()
    return _LOADED[spoken if spoken in _LOADED else DEFAULT_LANGUAGE].in_timezone(timezone)


def _locale(tag: str, spoken: str) -> Locale:
    try:
        return Locale.parse(tag, sep="-")
    except UnknownLocaleError, ValueError:
        return Locale.parse(spoken)


def _flat(texts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in texts.items():
        key = f"{prefix}{name}"
        if isinstance(value, str):
            yield key, value
        else:
            yield from _flat(value, f"{key}.")


def _warm_up(wording: Wording) -> None:
    """Write one value of each style: Babel reads its data at the first use."""
    now = datetime(2000, 1, 1, tzinfo=UTC)
    samples: tuple[Value, ...] = (
        "text",
        2,
        2.5,
        now,
        now.date(),
        timedelta(hours=1),
        ("one", "two", "three", "four", "five"),
    )
    for style in _STYLES.values():
        for sample in samples:
            try:
                style(wording, sample, now)
            except TypeError, ValueError:
                continue  # a style for another type
