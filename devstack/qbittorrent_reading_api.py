"""What the simulated web API tells of torrents: lists, properties, trackers, files."""

from typing import Any

import orjson

from .qbittorrent_api import Answer, ApiError, Call, action, as_json, as_text
from .qbittorrent_look import ANNOUNCE_FIELDS, pieces, pieces_have
from .qbittorrent_selection import one, several
from .qbittorrent_torrent import SimulatedTorrent, SimulatedTracker, Swarm, TrackerStatus
from .torrents import make_torrent

_PSEUDO_TRACKERS = ("** [DHT] **", "** [PeX] **", "** [LSD] **")
_DOWNLOADING = {"downloading", "metaDL", "forcedMetaDL", "stalledDL", "checkingDL", "queuedDL", "forcedDL"}
_SEEDING = {"uploading", "stalledUP", "checkingUP", "queuedUP", "forcedUP"}
_ACTIVE = {"downloading", "metaDL", "forcedMetaDL", "forcedDL", "uploading", "forcedUP", "moving"}


@action("torrents/info")
def _info(call: Call) -> Answer:
    chosen = several(call) if call.text("hashes") else list(call.engine.torrents.values())
    chosen = [torrent for torrent in chosen if _matches(call, torrent)]
    column = call.text("sort")
    if column and chosen:
        if column not in _shown(call, chosen[0]):
            raise ApiError(400, "'sort' parameter is invalid")
        chosen.sort(key=lambda torrent: _sort_key(_shown(call, torrent)[column]), reverse=call.flag("reverse") is True)
    offset, limit = call.integer("offset"), call.integer("limit")
    if offset < 0:
        offset = max(len(chosen) + offset, 0)
    elif offset >= len(chosen) and not call.generation.since(2, 11):
        offset = 0  # 4.x forgets an offset that is too large
    chosen = chosen[offset : offset + limit if limit > 0 else None]
    return Answer(b"[" + b",".join(_info_json(call, each) for each in chosen) + b"]", content_type="application/json")


def _shown(call: Call, torrent: SimulatedTorrent) -> dict[str, Any]:
    return call.engine.looks.fields(torrent) | {"hash": torrent.hash}


def _info_json(call: Call, torrent: SimulatedTorrent) -> bytes:
    if not call.generation.answers_with_status:
        return b'{"hash":"%b",' % torrent.hash.encode() + call.engine.looks.json(torrent)[1:]
    shown = _shown(call, torrent)
    for name in ANNOUNCE_FIELDS:
        del shown[name]
    if call.flag("includeTrackers"):
        shown["trackers"] = [_tracker_row(call, tracker) for tracker in torrent.trackers]
    if call.flag("includeFiles"):
        shown["files"] = _file_rows(torrent)
    return orjson.dumps(shown)


def _sort_key(value: Any) -> Any:
    return value if value is not None else False


def _matches(call: Call, torrent: SimulatedTorrent) -> bool:
    category, tag, private = call.parameters.get("category"), call.parameters.get("tag"), call.flag("private")
    if category is not None and torrent.category != category:
        return False
    if tag is not None and (bool(torrent.tags) if not tag else tag not in torrent.tags):
        return False
    if private is not None and call.generation.since(2, 11) and torrent.private != private:
        return False
    return _matches_filter(call, torrent)


def _matches_filter(call: Call, torrent: SimulatedTorrent) -> bool:
    state = torrent.state(call.generation)
    stopped = torrent.stopped  # also where its state says something else, as of a torrent without its files
    if call.generation.since(2, 11):
        active = bool(torrent.download_rate or torrent.upload_rate)
        own = {"stopped": stopped, "running": not stopped, "moving": state == "moving"}
    else:
        active = state in _ACTIVE
        own = {"paused": stopped, "resumed": not stopped, "moving": state == "moving"}
    filters = own | {
        "downloading": state in _DOWNLOADING | {"stoppedDL", "pausedDL"},
        "seeding": state in _SEEDING,
        "completed": state in _SEEDING | {"stoppedUP", "pausedUP"},
        "active": active,
        "inactive": not active,
        "stalled": state in {"stalledDL", "stalledUP"},
        "stalled_uploading": state == "stalledUP",
        "stalled_downloading": state == "stalledDL",
        "checking": state.startswith("checking"),
        "errored": state in {"error", "missingFiles"},
    }
    return filters.get(call.text("filter"), True)


@action("torrents/count", since=(2, 9, 3))
def _count(call: Call) -> Answer:
    return as_text(len(call.engine.torrents))


@action("torrents/properties", "hash")
def _properties(call: Call) -> Answer:
    torrent = one(call)
    now, generation = call.engine.now, call.generation
    shown = _shown(call, torrent)
    active, seeding = torrent.active_seconds(now), torrent.seeding_seconds(now)
    unknown = -1 if generation.answers_with_status else 0
    properties = {
        "addition_date": shown["added_on"],
        "comment": torrent.comment,
        "completion_date": int(torrent.completed_at) or -1,
        "created_by": torrent.created_by,
        "creation_date": torrent.created_epoch,
        "dl_limit": torrent.download_limit or -1,
        "dl_speed": torrent.download_rate,
        "dl_speed_avg": int(torrent.downloaded) // (active - seeding) if active > seeding else unknown,
        "download_path": "",
        "eta": shown["eta"],
        "hash": torrent.hash,
        "infohash_v1": torrent.hash,
        "infohash_v2": "",
        "is_private": torrent.private,
        "last_seen": int(torrent.complete_seen) or -1,
        "name": torrent.name,
        "nb_connections": min(torrent.swarm.seeds + torrent.swarm.leechers, 20) if torrent.running else 0,
        "nb_connections_limit": 100,
        "peers": shown["num_leechs"],
        "peers_total": shown["num_incomplete"],
        "piece_size": torrent.piece_length if torrent.has_metadata else -1,
        "pieces_have": pieces_have(torrent),
        "pieces_num": pieces(torrent),
        "reannounce": 1800 if torrent.trackers and torrent.running else 0,
        "save_path": torrent.save_path,
        "seeding_time": seeding,
        "seeds": shown["num_seeds"],
        "seeds_total": shown["num_complete"],
        "share_ratio": shown["ratio"],
        "time_elapsed": active,
        "total_downloaded": int(torrent.downloaded),
        "total_downloaded_session": int(torrent.downloaded_session),
        "total_size": torrent.total_size,
        "total_uploaded": int(torrent.uploaded),
        "total_uploaded_session": int(torrent.uploaded_session),
        "total_wasted": int(torrent.wasted),
        "up_limit": torrent.upload_limit or -1,
        "up_speed": torrent.upload_rate,
        "up_speed_avg": int(torrent.uploaded) // active if active else unknown,
    }
    if generation.since(2, 11):
        properties |= {
            "has_metadata": torrent.has_metadata,
            "popularity": shown["popularity"],
            "private": shown["private"],
        }
    if generation.answers_with_status:
        properties |= {"availability": shown["availability"], "progress": torrent.progress}
    return as_json(properties)


@action("torrents/trackers", "hash")
def _trackers(call: Call) -> Answer:
    torrent = one(call)
    none = {"num_downloaded": 0, "num_leeches": 0, "num_peers": 0, "num_seeds": 0}
    note = "This torrent is private" if torrent.private and torrent.has_metadata else ""
    on = [call.engine.preferences[name] and not note for name in ("dht", "pex", "lsd")]
    pseudo = [
        {"msg": note, **none, "status": 2 if works else 0, "tier": -1, "url": url}
        for url, works in zip(_PSEUDO_TRACKERS, on, strict=True)
    ]
    return as_json([*pseudo, *(_tracker_row(call, tracker, torrent.swarm) for tracker in torrent.trackers)])


def _tracker_row(call: Call, tracker: SimulatedTracker, swarm: Swarm | None = None) -> dict[str, Any]:
    counted = tracker.status is TrackerStatus.WORKING and swarm is not None
    seeds, leechers = (swarm.seeds, swarm.leechers) if swarm is not None and counted else (-1, -1)
    heard = {
        "msg": tracker.message,
        "num_downloaded": -1,
        "num_leeches": leechers,
        "num_peers": min(seeds + leechers, 50) if counted else -1,
        "num_seeds": seeds,
        "status": int(tracker.status_for(call.generation)),
    }
    row = heard | {"tier": tracker.tier, "url": tracker.url}
    if call.generation.answers_with_status:
        now = int(call.engine.now)
        times = {"min_announce": now + 60, "next_announce": now + 1800, "updating": tracker.updating}
        endpoint = heard | times | {"bt_version": 1, "name": "0.0.0.0:6881"}
        row |= times | {"endpoints": [endpoint] if tracker.status is not TrackerStatus.NOT_CONTACTED else []}
    return row


@action("torrents/files", "hash")
def _files(call: Call) -> Answer:
    torrent = one(call)
    if not torrent.has_metadata:
        return as_json([])
    rows = _file_rows(torrent)
    if rows:
        rows[0]["is_seed"] = torrent.finished
    return as_json(rows)


def _file_rows(torrent: SimulatedTorrent) -> list[dict[str, Any]]:
    rows, start = [], 0
    for index, file in enumerate(torrent.files):
        progress = torrent.file_progress(file)
        end = start + max(file.size_bytes - 1, 0)
        rows.append(
            {
                "availability": min(torrent.swarm.availability, 1) if torrent.running else progress,
                "index": index,
                "name": file.path,
                "piece_range": [start // torrent.piece_length, end // torrent.piece_length],
                "priority": file.priority,
                "progress": progress,
                "size": file.size_bytes,
            }
        )
        start += file.size_bytes
    return rows


@action("torrents/webseeds", "hash")
def _webseeds(call: Call) -> Answer:
    one(call)
    return as_json([])


@action("torrents/pieceStates", "hash")
def _piece_states(call: Call) -> Answer:
    torrent = one(call)
    count, have = max(pieces(torrent), 0), pieces_have(torrent)
    return as_json([2] * have + [0] * (count - have))


@action("torrents/export", "hash")
def _export(call: Call) -> Answer:
    torrent = one(call)
    if not torrent.has_metadata:
        raise ApiError(409, "Unable to export torrent file. Error: Missing metadata")
    content = torrent.exported or make_torrent(torrent.name.encode(), name=torrent.name, private=torrent.private)
    if not call.generation.since(2, 11):
        return Answer(content)
    return Answer(content, content_type="application/x-bittorrent", file_name=f"{torrent.hash}.torrent")
