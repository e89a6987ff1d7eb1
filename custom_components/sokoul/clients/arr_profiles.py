"""Quality profiles and custom formats of Radarr 6 and Sonarr 4, put into our words.

A condition of a custom format holds numbers that each application counts in its own way: they are translated here. What
has no word of ours becomes a condition of which nobody but the application can tell whether it holds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..model.releases import Condition, ConditionKind, CustomFormat, QualityProfile
from .arr_languages import ORIGINAL, code_of
from .fields import Fields
from .servarr import settings

_GIGABYTE = 1024**3
#: What "no upper limit" is spelled as.
_ENDLESS = 2**62

_RADARR_SOURCES: Mapping[int, tuple[str, ...]] = {
    1: ("cam",),
    2: ("telesync",),
    3: ("telecine",),
    4: ("workprint",),
    5: ("dvd", "screener", "r5"),  # it tells these two from a DVD by their modifiers
    6: ("hdtv", "tv", "vhs"),
    7: ("web-dl",),
    8: ("webrip",),
    9: ("bluray",),
}
_SONARR_SOURCES: Mapping[int, tuple[str, ...]] = {
    1: ("hdtv", "tv", "vhs"),
    3: ("web-dl",),
    4: ("webrip",),
    5: ("dvd",),
}
#: Sonarr takes a remux for a source of its own: disc, and "raw" disc.
_SONARR_DISC, _SONARR_REMUX = 6, 7
_RADARR_MODIFIERS: Mapping[int, tuple[str, ...]] = {4: ("disc",), 5: ("remux",)}
_TEXTS = frozenset({ConditionKind.TITLE, ConditionKind.GROUP, ConditionKind.EDITION})


def quality_profile(profile: Fields, formats: Mapping[int, CustomFormat]) -> QualityProfile:
    """Return a profile with those of the custom formats that it gives a score. Source: GET /qualityprofile."""
    allowed: list[frozenset[str]] = []
    cutoff: frozenset[str] = frozenset()
    for item in profile.objects("items"):
        quality = item.optional_object("quality")
        members = [item] if quality else list(item.objects("items"))
        ids = {quality.whole("id")} if quality else {item.whole("id", 0)}
        names = frozenset(member.object("quality").text("name") for member in members)
        if item.flag("allowed", False) and names:
            allowed.append(names)
            # an own id is a group's: qualities of it are never the cutoff
            cutoff = names if profile.whole("cutoff", 0) in ids else cutoff
    language = profile.optional_object("language")
    return QualityProfile(
        id=profile.whole("id"),
        name=profile.text("name", ""),
        allowed=tuple(allowed),
        cutoff=cutoff,
        upgrades=profile.flag("upgradeAllowed", True),
        language=code_of(language.text("name", "")) if language else None,
        minimum_score=profile.whole("minFormatScore", 0),
        cutoff_score=profile.whole("cutoffFormatScore", 0),
        formats=tuple(
            replace(formats[given.whole("format")], score=given.whole("score", 0))
            for given in profile.objects("formatItems")
            if given.whole("score", 0) and given.whole("format", 0) in formats
        ),
    )


def custom_format(resource: Fields, languages: Mapping[int, str], *, sonarr: bool) -> CustomFormat:
    """Return a custom format, without a score: that is the profile's. Source: GET /customformat.

    `languages` are the application's names of its languages by their numbers.
    """
    conditions = [_condition(each, languages, sonarr=sonarr) for each in resource.objects("specifications")]
    discs = _sonarr_discs(resource) if sonarr else ()
    return CustomFormat(name=resource.text("name", ""), score=0, conditions=(*filter(None, conditions), *discs))


def asks_for_language(resource: Fields) -> bool:
    """Tell whether a custom format has a condition about languages."""
    return any(_kind(each) is ConditionKind.LANGUAGE for each in resource.objects("specifications"))


def _kind(specification: Fields) -> ConditionKind:
    return specification.choice("implementation", ConditionKind)


def _condition(specification: Fields, languages: Mapping[int, str], *, sonarr: bool) -> Condition | None:
    """Return a condition; None for Sonarr's discs, which `_sonarr_discs` reads together."""
    kind, values = _kind(specification), settings(specification)
    value = values.get("value")
    if sonarr and kind is ConditionKind.SOURCE and value in {_SONARR_DISC, _SONARR_REMUX}:
        return None
    condition = Condition(
        kind=kind, negate=specification.flag("negate", False), required=specification.flag("required", False)
    )
    if kind in {ConditionKind.SIZE, ConditionKind.YEAR}:
        unit = _GIGABYTE if kind is ConditionKind.SIZE else 1
        least, most = _number(values.get("min"), unit, 0), _number(values.get("max"), unit, _ENDLESS)
        return replace(condition, least=least, most=most)
    read: Mapping[ConditionKind, Callable[[int], tuple[str, ...]]] = {
        ConditionKind.SOURCE: lambda number: (_SONARR_SOURCES if sonarr else _RADARR_SOURCES).get(number, ()),
        ConditionKind.MODIFIER: lambda number: _RADARR_MODIFIERS.get(number, ()),
        ConditionKind.RESOLUTION: lambda number: (str(number),) if number else (),
        ConditionKind.LANGUAGE: lambda number: _language(languages.get(number, "")),
    }
    ours: tuple[str, ...]
    if kind in _TEXTS:
        ours = (value,) if isinstance(value, str) and value else ()
    else:
        ours = read[kind](value) if kind in read and type(value) is int else ()
    if not ours:
        return replace(condition, kind=ConditionKind.UNKNOWN)
    return replace(condition, values=ours, but_this=values.get("exceptLanguage") is True)


def _sonarr_discs(resource: Fields) -> Iterator[Condition]:
    """Yield what Sonarr's conditions on discs and on their remuxes come to: to us both are discs.

    Where a format takes either, it takes discs. Where it takes one of them, it takes or leaves remuxes of discs.
    """
    asked = [
        (values["value"], each.flag("negate", False), each.flag("required", False))
        for each in resource.objects("specifications")
        if _kind(each) is ConditionKind.SOURCE
        and (values := settings(each)).get("value") in {_SONARR_DISC, _SONARR_REMUX}
    ]
    taken = {value for value, negate, _ in asked if not negate}
    if taken:
        required = any(required for _, negate, required in asked if not negate)
        yield Condition(kind=ConditionKind.SOURCE, values=("bluray",), required=required)
    refused = {value for value, negate, _ in asked if negate}
    if refused == {_SONARR_DISC, _SONARR_REMUX}:
        yield Condition(kind=ConditionKind.SOURCE, values=("bluray",), negate=True, required=True)
    elif _SONARR_REMUX in refused or taken == {_SONARR_DISC}:
        yield Condition(kind=ConditionKind.MODIFIER, values=("remux",), negate=True, required=True)
    elif _SONARR_DISC in refused:
        # anything but a disc that is no remux: that has no words here
        yield Condition(kind=ConditionKind.UNKNOWN, negate=True, required=True)
    elif taken == {_SONARR_REMUX}:
        yield Condition(kind=ConditionKind.MODIFIER, values=("remux",), required=True)


def _number(value: Any, unit: int, default: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    return int(value * unit)


def _language(name: str) -> tuple[str, ...]:
    code = code_of(name)
    return (code,) if code else ()


def language_names(resources: Iterable[Fields]) -> dict[int, str]:
    """Return the names of languages by their numbers. Source: GET /language."""
    return {-2: ORIGINAL, **{each.whole("id"): each.text("name", "") for each in resources}}
