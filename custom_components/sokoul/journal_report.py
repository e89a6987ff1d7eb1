"""Putting the journal of the autopilot into words: for actions, events, notifications, repairs and the dashboard alike.

An entry outlives the version that wrote it. What this version has no text for is still described, only with less.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from .autopilot.records import can_undo
from .model.journal import AFTERWARDS, LINK_ACTS, ActKind, EntryStatus, JournalEntry
from .model.reasons import Reason, reason_from_json
from .report import describe_reason
from .wording import TextError, Wording

#: What is said of a restart where a download "stays".
_OF_RESTARTS = {
    "result.rejected": "result.rejected_restart",
    "result.unanswered": "result.unanswered_restart",
}


def sentence(reason: Reason, now: datetime, words: Wording) -> str:
    """Return a reason as a sentence, also one that another version wrote."""
    try:
        return words.reason(reason, now)
    except TextError:
        return words.text("journal.unreadable")


def rule_name(rule: str, words: Wording) -> str:
    """Return what people call a rule; one that this version doesn't know keeps its key."""
    key = f"rule.{rule}"
    return words.text(key) if key in words else rule


def act_text(act: ActKind, parameters: Mapping[str, Any], words: Wording) -> str:
    """Return what an act does, to be put after a colon: "fetch another release instead"."""
    candidate = parameters.get("candidate")
    if act is ActKind.REPLACE and candidate:
        return words.text(
            "act.replace_with",
            release=candidate["title"],
            size=candidate["size_bytes"],
            indexer=candidate["indexer"],
        )
    return words.text(f"act.{act}")


def undo_until(entry: JournalEntry, quarantine: timedelta) -> datetime | None:
    """Return until when an act can be taken back for sure; None when it can't be, or for as long as one likes."""
    if not can_undo(entry) or entry.act in LINK_ACTS | {ActKind.GRAB}:
        return None
    return entry.changed_at + quarantine


def outcome(entry: JournalEntry, now: datetime, words: Wording) -> str:
    """Return what became of an entry in words: its result, or else what its status means, and what was done then."""
    if entry.result is not None:
        own = _OF_RESTARTS.get(entry.result.key) if entry.act is ActKind.RESTART else None
        said = sentence(replace(entry.result, key=own) if own else entry.result, now, words)
        then = entry.parameters.get(AFTERWARDS)
        return said if then is None else f"{said} {sentence(reason_from_json(then), now, words)}"
    return words.text(f"journal.{entry.status}", act=act_text(entry.act, entry.parameters, words))


def entry_sentence(entry: JournalEntry, now: datetime, words: Wording) -> str:
    """Return an entry in a line: why, and what became of it. What a person is only told ends with the why."""
    why = sentence(entry.reason, now, words)
    if entry.act is ActKind.TELL and entry.status in {EntryStatus.DONE, EntryStatus.OBSERVED}:
        return why
    return f"{why} {outcome(entry, now, words)}"


def describe_entry(entry: JournalEntry, now: datetime, words: Wording, quarantine: timedelta) -> dict[str, Any]:
    """Return all that is told of an entry. `quarantine` is how long what was given up is kept."""
    until = undo_until(entry, quarantine)
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "changed_at": entry.changed_at.isoformat(),
        "title": entry.label,
        "subject": entry.subject,
        "rule": entry.rule,
        "rule_name": rule_name(entry.rule, words),
        "act": str(entry.act),
        "act_text": act_text(entry.act, entry.parameters, words),
        "status": str(entry.status),
        "text": entry_sentence(entry, now, words),
        "reason": describe_known_reason(entry.reason, now, words),
        "result": _result(entry, now, words),
        "instead": _candidate(entry.parameters),
        "actor": entry.actor,
        "undone_by": entry.parameters.get("undone_by"),
        "can_undo": can_undo(entry),
        "undo_until": until.isoformat() if until else None,
    }


def _result(entry: JournalEntry, now: datetime, words: Wording) -> dict[str, Any] | None:
    if entry.result is None:
        return None
    return describe_known_reason(entry.result, now, words) | {"text": outcome(entry, now, words)}


def describe_known_reason(reason: Reason, now: datetime, words: Wording) -> dict[str, Any]:
    """Return a reason with its facts, also one that another version wrote."""
    try:
        return describe_reason(reason, now, words)
    except TextError:
        return {"key": reason.key, "text": sentence(reason, now, words), "evidence": [], "facts": {}}


def _candidate(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the release that was found instead."""
    candidate = parameters.get("candidate")
    if candidate is None:
        return None
    return {
        "release": candidate["title"],
        **{name: candidate[name] for name in ("indexer", "size_bytes", "seeders", "quality")},
    }
