"""Custom formats: what a profile gives and takes for what else is in a name.

An *arr tells the score of what it found itself. For what others found it is reckoned here, by the rules of Radarr 6 and
Sonarr 4: the conditions of a format are grouped by what they look at; in each group one has to hold at least, and all
that are required. What can't be told (a flag of the indexer, a regular expression that only .NET understands) leaves a
format open: it is not counted, and never a reason to refuse.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
import re

from ..model.releases import Condition, ConditionKind, CustomFormat, QualityProfile
from .identify import Wanted
from .languages import spoken
from .merge import Release
from .policy import ORIGINAL


@dataclass(frozen=True, slots=True)
class FormatsScore:
    """What custom formats come to, and what they would if all that can't be told were there."""

    score: int
    at_best: int


def formats_score(release: Release, wanted: Wanted, profile: QualityProfile) -> FormatsScore | None:
    """Return the score that the *arr tells, else the one that the name comes to; None where there are no formats."""
    if release.arr is not None and release.arr.score is not None:
        return FormatsScore(release.arr.score, release.arr.score)
    if not profile.formats:
        return None
    told = [(each.score, _matches(each, release, wanted)) for each in profile.formats]
    score = sum(points for points, fits in told if fits)
    return FormatsScore(score, score + sum(max(points, 0) for points, fits in told if fits is None))


def _matches(custom: CustomFormat, release: Release, wanted: Wanted) -> bool | None:
    """Tell whether a format is in a release; None where that can't be told."""
    groups: dict[ConditionKind, list[tuple[Condition, bool | None]]] = defaultdict(list)
    for condition in custom.conditions:
        groups[condition.kind].append((condition, _holds(condition, release, wanted)))
    answers = [_group_holds(group) for group in groups.values()]
    if any(answer is False for answer in answers):
        return False
    return None if not answers or None in answers else True


def _group_holds(group: Sequence[tuple[Condition, bool | None]]) -> bool | None:
    if any(condition.required and held is False for condition, held in group):
        return False
    if all(held is False for _, held in group):
        return False
    sure = any(held for _, held in group) and all(held for condition, held in group if condition.required)
    return True if sure else None


def _holds(condition: Condition, release: Release, wanted: Wanted) -> bool | None:
    if condition.kind is ConditionKind.LANGUAGE:
        held = _speaks(condition, release, wanted)
    else:
        held = _plainly_holds(condition, release)
    return held if held is None else held is not condition.negate


def _plainly_holds(condition: Condition, release: Release) -> bool | None:
    name = release.name
    match condition.kind:
        case ConditionKind.TITLE:
            return _found(condition.values, name.name)
        case ConditionKind.GROUP:
            return _found(condition.values, name.group or "")
        case ConditionKind.EDITION:
            return _found(condition.values, " ".join(each.replace("-", " ") for each in sorted(name.editions)))
        case ConditionKind.SOURCE:
            return name.source is not None and name.source.value in condition.values
        case ConditionKind.MODIFIER:
            return any(flag.value in condition.values for flag in name.flags)
        case ConditionKind.RESOLUTION:
            return name.resolution is not None and str(int(name.resolution)) in condition.values
        case ConditionKind.SIZE:
            return None if release.size_bytes is None else condition.least < release.size_bytes <= condition.most
        case ConditionKind.YEAR:
            return None if name.year is None else condition.least <= name.year <= condition.most
    return None


def _speaks(condition: Condition, release: Release, wanted: Wanted) -> bool | None:
    said = spoken(release.name, wanted)
    meant = {wanted.original_language or each if each == ORIGINAL else each for each in condition.values}
    held = any(each not in meant for each in said) if condition.but_this else any(each in meant for each in said)
    nobody_knows = ORIGINAL in said and meant != {ORIGINAL}
    return None if nobody_knows and held is condition.but_this else held


def _found(patterns: Sequence[str], text: str) -> bool | None:
    compiled = [_compiled(pattern) for pattern in patterns]
    if any(pattern is not None and pattern.search(text) for pattern in compiled):
        return True
    return None if None in compiled else False


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return a person's pattern, as the application compiles it; None for what only .NET understands."""
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error, OverflowError, RecursionError:
        return None
