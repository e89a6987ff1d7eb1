"""Why a download is left alone or helped: whose it is, what can be trusted, its clocks, and what comes next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .autopilot.kernel import Kernel
from .autopilot.observe import AnyRule
from .autopilot.ownership import QUARANTINE, ceiling
from .autopilot.rules.base import Case, Later
from .journal_report import act_text, describe_entry, describe_known_reason, rule_name
from .model.journal import Autonomy, Proposal, least
from .model.world import Download
from .report import describe_download
from .wording import Wording

if TYPE_CHECKING:
    from .hub import Hub

#: So much of what was done before is told.
HISTORY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outlook:
    """What one rule would do next about a download, and how much of its clock is missing until then."""

    rule: AnyRule
    elapsed: timedelta
    starts: timedelta | None  # until its clock runs: a torrent that was stopped has to find its peers; None: not known
    left: timedelta | None = None  # None: it waits for nothing
    proposal: Proposal | None = None
    level: Autonomy = Autonomy.OFF
    kept_until: datetime | None = None


async def explain(hub: Hub, download: Download, now: datetime, words: Wording) -> dict[str, Any]:
    """Return all of it, in words and as data. Facts that the rules need are looked up; nothing is changed."""
    kernel = hub.pilot.kernel
    case = kernel.watch.case(download.id, now)
    settings = kernel.settings
    seen = case is not None or download.finished or download.category == QUARANTINE
    allowed, why = (Autonomy.ACT, None) if case is None else ceiling(case, kernel.claims())
    outlooks = [] if case is None or allowed is Autonomy.OFF else await _outlooks(kernel, case, allowed)
    gate = case.around.gate.shut if case else None
    next_one = _next(outlooks)
    history = await kernel.journal.find(subject=download.id, limit=HISTORY)
    return {
        "download": describe_download(download, hub.view.world(now), now, words),
        "watched": case is not None,
        "protected": download.key in settings.protected,
        "allowed": {
            "level": str(least(allowed, settings.ceiling)),
            "why": describe_known_reason(why, now, words) if why else None,
        },
        "gate": {"open": gate is None, "why": describe_known_reason(gate, now, words) if gate else None},
        "clocks": [_describe_clock(each, words) for each in outlooks],
        "next": _describe_next(next_one, words) if next_one else None,
        "text": _text(case, allowed, outlooks, next_one, now, words) if seen else words.text("explain.not_yet"),
        "history": [describe_entry(each, now, words, settings.caps.quarantine) for each in history],
    }


async def _outlooks(kernel: Kernel, case: Case, allowed: Autonomy) -> list[_Outlook]:
    outlooks = []
    for rule in kernel.rules.values():
        clock = case.memory.clocks.get(rule.key)
        if clock is None:
            continue
        level = least(allowed, kernel.settings.level(rule))
        kept = case.memory.kept_until.get(rule.key)
        outlook = _Outlook(
            rule=rule,
            elapsed=clock.read(case.now),
            starts=None if clock.running_since is None else max(clock.running_since - case.now, timedelta()),
            level=level,
            kept_until=kept if kept and kept > case.now else None,
        )
        outlooks.append(outlook if level is Autonomy.OFF else await _look_ahead(kernel, case, outlook))
    return outlooks


async def _look_ahead(kernel: Kernel, case: Case, outlook: _Outlook) -> _Outlook:
    """Ask the rule what it would want now, and if that is nothing yet, when its clock has come to where it wants it."""
    left = outlook.starts or timedelta()
    verdict = await kernel.judge(outlook.rule, case, outlook.elapsed)
    if isinstance(verdict, Later):
        left += max(verdict.at - outlook.elapsed, timedelta())
        verdict = await kernel.judge(outlook.rule, kernel.watch.case(case.download.id, case.now) or case, verdict.at)
    if not isinstance(verdict, Proposal):
        return replace(outlook, left=left if verdict is not None else None)
    return replace(outlook, left=left, proposal=verdict, level=least(outlook.level, verdict.ceiling))


def _next(outlooks: list[_Outlook]) -> _Outlook | None:
    """Return what comes first, among what comes by itself."""
    coming = [
        each
        for each in outlooks
        if each.proposal is not None
        and each.level is not Autonomy.OFF
        and each.starts is not None
        and each.kept_until is None
    ]
    return min(coming, key=lambda each: each.left or timedelta(), default=None)


# --- in words --------------------------------------------------------------------------------------------------------


def _describe_clock(outlook: _Outlook, words: Wording) -> dict[str, Any]:
    name = rule_name(outlook.rule.key, words)
    running = outlook.starts == timedelta()
    state = "running" if running else "held"
    return {
        "rule": outlook.rule.key,
        "rule_name": name,
        "text": words.text("explain.clock", rule=name, lasted=outlook.elapsed, state=state),
        "lasted_seconds": round(outlook.elapsed.total_seconds()),
        "running": running,
        "missing_seconds": None if outlook.left is None else round(outlook.left.total_seconds()),
        "act": str(outlook.proposal.act) if outlook.proposal else None,
        "level": str(outlook.level),
        "kept_until": outlook.kept_until.isoformat() if outlook.kept_until else None,
    }


def _describe_next(outlook: _Outlook, words: Wording) -> dict[str, Any]:
    return {**_describe_clock(outlook, words), "text": _next_text(outlook, words)}


def _next_text(outlook: _Outlook, words: Wording) -> str:
    act = act_text(outlook.proposal.act, outlook.proposal.parameters, words) if outlook.proposal else ""
    level = str(outlook.level)
    if not outlook.left:
        return words.text("explain.due", level=level, act=act)
    return words.text("explain.next", level=level, act=act, left=outlook.left)


def _text(
    case: Case | None,
    allowed: Autonomy,
    outlooks: list[_Outlook],
    next_one: _Outlook | None,
    now: datetime,
    words: Wording,
) -> str:
    """Return the gist in one line."""
    if case is None:
        return words.text("explain.not_watched")
    if allowed is Autonomy.OFF:
        return words.text("explain.off")
    if next_one is not None:
        return _next_text(next_one, words)
    if kept := [each.kept_until for each in outlooks if each.kept_until is not None]:
        return words.text("explain.kept", now=now, until=min(kept))
    return words.text("explain.nothing")
