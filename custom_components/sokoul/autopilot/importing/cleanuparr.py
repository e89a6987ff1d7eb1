"""The settings of Cleanuparr 2, as its own API gives them: it has no export, and keeps them in a database.

With its API key (Settings > Account) a person gets them as JSON from `/api/configuration/queue_cleaner`,
`/api/configuration/general`, `/api/queue-rules/stall` and `/api/queue-rules/slow`. Each answer can be read alone, or
all in one object by these last names. It looks at every tick of its schedule, and an item goes with its last strike, so
after `interval * strikes` at the latest. Source: its models of configuration.
"""

from collections.abc import Mapping
from datetime import timedelta
import re
from typing import Any

from .draft import NEVER, CannotImport, Draft, ImportedSettings
from .reading import Settings

TOOL = "Cleanuparr"

_PARTS = ("queue_cleaner", "general", "stall", "slow")
#: By what an answer is known that comes alone.
_MARKS = {"queue_cleaner": "downloadingMetadataMaxStrikes", "general": "strikeInactivityWindowHours"}
_OTHERS = ("malware_blocker", "download_cleaner", "seeker", "blacklist_sync")
_CRON = re.compile(r"0 (?:0?/(?P<minutes>\d{1,2}) \*|0 0?/(?P<hours>\d{1,2})) \* \* \?")
_EVERY = timedelta(minutes=5)
_WHOLE = 100
_HASH = re.compile(r"[0-9a-f]{40}")
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>[KMG]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def parts_of(answer: Any) -> Mapping[str, Any] | None:
    """Return the answers of its API by their names, None when it is none of them."""
    if isinstance(answer, list) and answer and all(isinstance(each, Mapping) for each in answer):
        if all("maxStrikes" in each for each in answer):
            return {"slow" if any("minSpeed" in each for each in answer) else "stall": answer}
        return None
    if not isinstance(answer, Mapping):
        return None
    if any(part in answer for part in (*_PARTS, *_OTHERS)):
        return answer
    return next(({part: answer} for part, mark in _MARKS.items() if mark in answer), None)


def from_parts(parts: Mapping[str, Any]) -> ImportedSettings:
    """Convert the answers of its API. Raises `CannotImport`."""
    draft, everything = Draft(TOOL), Settings(parts)
    cleaner, general = everything.group("queue_cleaner"), everything.group("general")
    every = _interval(draft, cleaner)
    off = "queue_cleaner" in parts and not cleaner.flag("enabled", default=False)
    if off:
        for rule in ("stalled", "slow", "no_metadata", "import"):
            draft.switch_off(rule)
    else:
        _strikes(draft, cleaner, every)
        _stall_rules(draft, (*everything.groups("stall"), *cleaner.groups("stallRules")), every)
        _slow_rules(draft, (*everything.groups("slow"), *cleaner.groups("slowRules")), every)
    _ignored(draft, (*general.texts("ignoredDownloads"), *cleaner.texts("ignoredDownloads")))
    if general.flag("dryRun", default=False):
        draft.note("dry_run")
    if elsewhere := [name for name in _OTHERS if name in parts]:
        draft.note("elsewhere", names=tuple(elsewhere))
    return draft.done()


def _interval(draft: Draft, cleaner: Settings) -> timedelta:
    schedule = cleaner.text("cronExpression")
    if not schedule:
        return _EVERY
    if (found := _CRON.fullmatch(schedule)) is None:
        draft.note("schedule", schedule=schedule, minutes=5)
        return _EVERY
    every = timedelta(minutes=int(found["minutes"] or 0), hours=int(found["hours"] or 0))
    if not every:
        raise CannotImport("wrong_format", name=cleaner.name_of("cronExpression"), example="0 0/5 * * * ?")
    return every


def _strikes(draft: Draft, cleaner: Settings, every: timedelta) -> None:
    if "downloadingMetadataMaxStrikes" in cleaner:
        if strikes := cleaner.number("downloadingMetadataMaxStrikes", 0):
            draft.set("no_metadata", "patience", every * strikes)
        else:
            draft.switch_off("no_metadata")
    if "failedImport" in cleaner:
        failed = cleaner.group("failedImport")
        if strikes := failed.number("maxStrikes", 0):
            draft.set("import", "patience", every * strikes)
        else:
            draft.switch_off("import")
        if failed.texts("patterns"):
            draft.note("no_patterns")


def _stall_rules(draft: Draft, rules: tuple[Settings, ...], every: timedelta) -> None:
    """Merge the rules: what several of them meet has the longest patience of them."""
    active = [rule for rule in rules if rule.flag("enabled", default=True)]
    if rules and not active:
        draft.switch_off("stalled")
    if not active:
        return
    patience = {kind: _longest(active, kind, every) for kind in ("public", "private")}
    if public := patience["public"]:
        draft.set("stalled", "patience", public)
    draft.set("stalled", "patience_when_rare", patience["private"] or NEVER)
    if not patience["private"]:
        draft.note("private_kept")
    if any(_is_partial(rule) for rule in active):
        draft.note("no_windows")


def _slow_rules(draft: Draft, rules: tuple[Settings, ...], every: timedelta) -> None:
    active = [rule for rule in rules if rule.flag("enabled", default=True)]
    if rules and not active:
        draft.switch_off("slow")
    if not active:
        return
    if patience := _longest(active, "public", every) or _longest(active, "private", every):
        draft.set("slow", "patience", patience)
    if floors := [floor for rule in active if (floor := _bytes(rule, "minSpeed"))]:
        draft.set("slow", "slowest_rate", min(floors))
    if longest := max(rule.number("maxTimeHours", 0) for rule in active):
        draft.set("slow", "latest_finish", timedelta(hours=longest))
    if any(_is_partial(rule) or rule.text("ignoreAboveSize") for rule in active):
        draft.note("no_windows")


def _longest(rules: list[Settings], kind: str, every: timedelta) -> timedelta | None:
    meant = [rule for rule in rules if rule.text("privacyType", "Public").casefold() in {kind, "both"}]
    return max((every * rule.number("maxStrikes", 3, most=10_000) for rule in meant), default=None)


def _is_partial(rule: Settings) -> bool:
    least, most = rule.number("minCompletionPercentage", 0), rule.number("maxCompletionPercentage", _WHOLE)
    return least > 0 or most < _WHOLE


def _bytes(rule: Settings, name: str) -> int:
    text = rule.text(name)
    if not text:
        return 0
    if (found := _SIZE.fullmatch(text.strip())) is None:
        raise CannotImport("wrong_format", name=rule.name_of(name), example="100 KB")
    return int(float(found["number"]) * _UNITS[found["unit"].casefold()])


def _ignored(draft: Draft, names: tuple[str, ...]) -> None:
    """Protect what is ignored there: by hash, or by tag and category; of a tracker it can't be."""
    hashes = {name.casefold() for name in names if _HASH.fullmatch(name.casefold())}
    trackers = tuple(sorted({name for name in names if "." in name and name.casefold() not in hashes}))
    draft.protected |= hashes
    draft.protect(name for name in names if name.casefold() not in hashes and name not in trackers)
    if trackers:
        draft.note("trackers", names=trackers)
