"""Putting what SOKOUL knows into words and plain data: for actions, flows and the dashboard alike."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import markdown
from .autopilot.check_up import Finding, check_up
from .model.library import Severity
from .model.reasons import Reason, Value
from .model.world import Download, World
from .wording import Wording

if TYPE_CHECKING:
    from .hub import Hub


def plain(value: Value) -> Any:
    """Return a value as JSON knows it."""
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return round(value.total_seconds())
        case tuple():
            return list(value)
        case _:
            return value


def _plain_mapping(values: Mapping[str, Value]) -> dict[str, Any]:
    return {name: plain(value) for name, value in values.items()}


def describe_reason(reason: Reason, now: datetime, words: Wording) -> dict[str, Any]:
    """Return a reason as a sentence, with the facts behind it."""
    return {
        "key": reason.key,
        "text": words.reason(reason, now),
        "evidence": list(words.evidence(reason.evidence, now)),
        "facts": _plain_mapping(reason.evidence),
    }


def describe_download(download: Download, world: World, now: datetime, words: Wording) -> dict[str, Any]:
    """Return one download: the title, the torrent, the queue item, the progress, and why it waits."""
    torrent, item = download.torrent, download.item
    return {
        "id": download.id,
        "title": download.label,
        "release": download.release,
        "state": str(download.state),
        "finished": download.finished,
        "progress_percent": round(download.progress * 100, 1),
        "size_bytes": download.size_bytes,
        "remaining_bytes": download.remaining_bytes,
        "download_rate": download.download_rate,
        "eta_seconds": round(download.eta.total_seconds()) if download.eta is not None else None,
        "added_at": download.added_at.isoformat() if download.added_at else None,
        "client": world.title(download.client_id) if download.client_id else None,
        "applications": [world.title(each) for each in download.arr_ids],
        "category": download.category,
        "tags": sorted(download.tags),
        "hash": torrent.hash if torrent else None,
        "private": torrent.private if torrent else None,
        "seeds": torrent.seeds if torrent else None,
        "ratio": torrent.ratio if torrent else None,
        "indexer": item.indexer if item else None,
        "quality": item.quality if item else None,
        "queue_ids": list(item.ids) if item else [],
        "waits": describe_reason(download.waits, now, words) if download.waits else None,
    }


# --- the check-up --------------------------------------------------------------------------------------------------


#: Home Assistant's own boxes: their icons tell them apart without colours too.
_ALERTS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def describe_finding(finding: Finding, world: World, now: datetime, words: Wording) -> dict[str, Any]:
    """Return one finding with its advice and its evidence."""
    return {
        "key": finding.key,
        "severity": str(finding.severity),
        "backend": world.title(finding.backend_id) if finding.backend_id else None,
        "text": words.text(finding.key, now=now, **finding.parameters),
        "advice": words.text(finding.advice, now=now, **finding.parameters) if finding.advice else None,
        "evidence": list(words.evidence(finding.evidence, now)),
        "facts": _plain_mapping(finding.evidence),
    }


async def describe_findings(hub: Hub, now: datetime, words: Wording) -> dict[str, Any]:
    """Return the check-up of a running hub."""
    index = await hub.view.index(now)
    world = hub.view.world(now)
    extra = (*hub.guarding.findings(world), *hub.linking.findings())
    findings = (*check_up(world, hub.view.samples(), now, index), *extra)
    return {
        "findings": [describe_finding(each, world, now, words) for each in findings],
        "backends": [
            {
                "title": backend.title,
                "kind": backend.connector.name,
                "answering": backend.answering,
                "version": backend.version,
            }
            for backend in hub.backends.values()
        ],
    }


def findings_text(world: World, now: datetime, words: Wording) -> str:
    """Return a check-up as Markdown for a form: a box for each problem, and one for all that is well."""
    boxes, well = [], []
    for finding in check_up(world, {}, now):
        said = describe_finding(finding, world, now, words)
        text = markdown.plain(" ".join(filter(None, (said["text"], said["advice"]))))
        if finding.severity is Severity.OK:
            well.append(text)
        else:
            boxes.append(_box(_ALERTS.get(finding.severity, "info"), text))
    if well:
        boxes.append(_box("success", "<br>".join(well)))
    return "\n\n".join(boxes)


def _box(kind: str, text: str) -> str:
    return f'<ha-alert alert-type="{kind}">{text}</ha-alert>'


# --- topology and paths --------------------------------------------------------------------------------------------


def describe_topology(hub: Hub, now: datetime, words: Wording) -> dict[str, Any]:
    """Return who serves whom, how that is known, and which folders are which."""
    world = hub.view.world(now)
    topology = world.topology
    return {
        "links": [
            {
                "from": world.title(edge.source),
                "to": world.title(edge.target),
                "name": edge.link_name,
                "address": edge.address,
                "confidence": edge.confidence.name.lower(),
                "because": [words.text(str(witness)) for witness in sorted(edge.evidence)],
            }
            for edge in topology.edges
        ],
        "open_questions": [
            {
                "from": world.title(question.source),
                "name": question.link_name,
                "candidates": [world.title(each) for each in question.candidates],
            }
            for question in topology.open_questions
        ],
        "strangers": [
            {
                "from": world.title(stranger.source),
                "name": stranger.link_name,
                "implementation": stranger.implementation,
                "address": stranger.address,
            }
            for stranger in topology.strangers
        ],
        "folders": [
            {
                "backend": world.title(backend_id),
                "theirs": judged.map.theirs if judged.map else None,
                "ours": judged.map.ours if judged.map else None,
                "state": str(judged.state),
                "text": words.text(f"path.{judged.state}"),
                "files_found": judged.right,
                "files_of_another_size": judged.wrong,
                "files_not_found": judged.absent,
            }
            for backend_id, maps in world.path_maps.items()
            for judged in maps
        ],
    }


def links_text(hub: Hub, now: datetime, words: Wording) -> str:
    """Return who serves whom as text for a form."""
    said = describe_topology(hub, now, words)
    show = markdown.plain
    lines = [
        f"- {show(each['from'])} → **{show(each['to'])}** ({', '.join(each['because'])})" for each in said["links"]
    ]
    lines += [
        f"- {show(each['from'])} → ? ({', '.join(map(show, each['candidates']))})" for each in said["open_questions"]
    ]
    lines += [f"- {show(each['from'])} → {show(each['name'])} ({show(each['address'])})" for each in said["strangers"]]
    return "\n".join(lines)


def paths_text(hub: Hub, words: Wording) -> str:
    """Return which folders are which as text for a form."""
    lines = []
    for backend_id, maps in hub.view.path_maps.items():
        backend = hub.backends.get(backend_id)
        for judged in maps:
            title = markdown.plain(backend.title if backend else backend_id)
            folders = f" {markdown.code(judged.map.theirs)} = {markdown.code(judged.map.ours)}" if judged.map else ""
            text = words.text(f"path.{judged.state}")
            lines.append("- " + words.text("list.pair", name=f"**{title}**{folders}", text=text))
    return "\n".join(lines)
