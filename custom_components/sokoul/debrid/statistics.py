"""The figures of an account as a person reads them, and what they advise."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ..model.debrid import FAILED_STATUSES, DebridStatus
from ..model.debrid_mirror import DebridFigures, StatusFigures, SyncRun
from ..model.reasons import Reason


def totals(by_status: Iterable[StatusFigures]) -> dict[str, Any]:
    """Return how many torrents there are and what they hold: in all, on average, and at the ends."""
    rows = list(by_status)
    count, held = sum(row.count for row in rows), sum(row.size_bytes for row in rows)
    detailed = sum(row.with_details for row in rows)
    return {
        "torrents": count,
        "size_bytes": held,
        "mean_bytes": round(held / count) if count else 0,
        "smallest_bytes": min((row.smallest_bytes for row in rows), default=0),
        "largest_bytes": max((row.largest_bytes for row in rows), default=0),
        "with_details": detailed,
        "coverage_percent": round(100 * detailed / count, 1) if count else 0.0,
    }


def _shares(rows: Sequence[StatusFigures], name: str) -> dict[str, dict[str, Any]]:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in rows:
        key = str(getattr(row, name))
        counts[key] += row.count
        sizes[key] += row.size_bytes
    in_all = counts.total()
    return {
        key: {"count": count, "percent": round(100 * count / in_all, 1), "size_bytes": sizes[key]}
        for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    }


def statistics(figures: DebridFigures, runs: Sequence[SyncRun], *, compact: bool = False) -> dict[str, Any]:
    """Return what there is to know of an account, as plain JSON. `compact` leaves out lists."""
    rows = figures.by_status
    failed = sum(row.count for row in rows if row.status in FAILED_STATUSES)
    told = totals(rows) | {"failed": failed, "gone": figures.gone, "old_details": figures.old_details}
    told |= {"last_24_hours": asdict(figures.day), "last_7_days": asdict(figures.week)}
    if compact:
        return told
    return told | {
        "by_status": _shares(rows, "status"),
        "hosts": _shares(rows, "host"),
        "largest": [
            {"id": each.id, "name": each.filename, "size_bytes": each.size_bytes, "status": str(each.status)}
            for each in figures.largest
        ],
        "duplicates": [asdict(each) for each in figures.duplicates],
        "last_sync": _run(runs[0]) if runs else None,
    }


def _run(run: SyncRun) -> dict[str, Any]:
    return {
        "mode": str(run.mode),
        "status": str(run.status),
        "started_at": run.started_at.isoformat(),
        "ended_at": run.changed_at.isoformat(),
        "done": run.done,
        "total": run.total,
        "summary": dict(run.summary),
    }


def recommendations(
    figures: DebridFigures, checked_at: datetime | None, facts: Mapping[str, Any] | None = None
) -> list[Reason]:
    """Return what a person may want to do, the most urgent first. `facts` are those of the last synchronisation."""
    counts: Counter[DebridStatus] = Counter()
    for row in figures.by_status:
        counts[row.status] += row.count
    failed = sum(counts[status] for status in FAILED_STATUSES)
    waiting = counts[DebridStatus.WAITING_FILES_SELECTION]
    facts = facts or {}
    advice: list[Reason] = []
    if checked_at is None:
        advice.append(Reason(key="debrid.never_read"))
    if withheld := facts.get("withheld"):
        advice.append(Reason(key="debrid.withheld", parameters={"count": withheld}))
    if facts.get("restless"):
        advice.append(Reason(key="debrid.restless"))
    if failed:
        advice.append(Reason(key="debrid.failed", parameters={"count": failed}))
    if waiting:
        advice.append(Reason(key="debrid.waiting", parameters={"count": waiting}))
    if figures.duplicates:
        spare = sum(each.size_bytes * (each.count - 1) // each.count for each in figures.duplicates)
        advice.append(Reason(key="debrid.duplicates", parameters={"count": len(figures.duplicates), "size": spare}))
    if facts.get("details_left"):
        advice.append(Reason(key="debrid.details_left", parameters={"count": facts["details_left"]}))
    return advice or [Reason(key="debrid.all_well")]
