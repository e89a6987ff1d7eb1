"""The `torrents/*` actions of the simulated web API."""

from collections.abc import Callable, Iterable
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from .qbittorrent_api import Answer, ApiError, Call, action, as_json, as_text
from .qbittorrent_engine import Category
from .qbittorrent_torrent import (
    ANNOUNCE_FIELDS,
    SimulatedFile,
    SimulatedTorrent,
    SimulatedTracker,
    Swarm,
    TrackerStatus,
    pieces,
    pieces_have,
)
from .torrents import Magnet, TorrentError, TorrentFile, make_torrent

_PSEUDO_TRACKERS = ("** [DHT] **", "** [PeX] **", "** [LSD] **")
_DOWNLOADING = {"downloading", "metaDL", "forcedMetaDL", "stalledDL", "checkingDL", "queuedDL", "forcedDL"}
_SEEDING = {"uploading", "stalledUP", "checkingUP", "queuedUP", "forcedUP"}
_ACTIVE = {"downloading", "metaDL", "forcedMetaDL", "forcedDL", "uploading", "forcedUP", "moving"}
_PRIORITIES = {0, 1, 6, 7}
_SHARE_ACTIONS = {"Default", "Stop", "Remove", "RemoveWithContent", "EnableSuperSeeding"}
_SHARE_MODES = {"Default", "MatchAny", "MatchAll"}
_CATEGORY = re.compile(r"[^\\/]+(/[^\\/]+)*")
_LARGEST_TIER = 255


# --- which torrents --------------------------------------------------------------------------------------------------


def _one(call: Call) -> SimulatedTorrent:
    """Return the torrent of the parameter `hash`."""
    torrent = call.engine.torrents.get(call.text("hash").lower())
    if torrent is None:
        raise ApiError(404)
    return torrent


def _several(call: Call, name: str = "hashes") -> list[SimulatedTorrent]:
    """Return the torrents of a parameter, `all` being all; unknown ones are left out."""
    if call.text(name) == "all":
        return list(call.engine.torrents.values())
    hashes = call.text(name).lower().split("|")
    return [call.engine.torrents[each] for each in hashes if each in call.engine.torrents]


def _one_or_several(call: Call) -> list[SimulatedTorrent]:
    """Return the torrents of `hash`, which names more than one since 2.11.9."""
    return _several(call, "hash") if call.generation.since(2, 11, 9) else [_one(call)]


def _words(text: str) -> list[str]:
    """Return comma-separated words."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _untrimmed(text: str) -> list[str]:
    """Return comma-separated words with the spaces around them, which 4.x keeps when it adds a torrent."""
    return [word for word in text.split(",") if word]


# --- reading ---------------------------------------------------------------------------------------------------------


@action("torrents/info")
def _info(call: Call) -> Answer:
    chosen = _several(call) if call.text("hashes") else list(call.engine.torrents.values())
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
    return torrent.fields(call.generation, call.engine.view) | {"hash": torrent.hash}


def _info_json(call: Call, torrent: SimulatedTorrent) -> bytes:
    if not call.generation.answers_with_status:
        return b'{"hash":"%b",' % torrent.hash.encode() + torrent.json(call.generation, call.engine.view)[1:]
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
    stopped = state in {"stoppedDL", "stoppedUP", "pausedDL", "pausedUP"}
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
    torrent = _one(call)
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
    torrent = _one(call)
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
    torrent = _one(call)
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
    _one(call)
    return as_json([])


@action("torrents/pieceStates", "hash")
def _piece_states(call: Call) -> Answer:
    torrent = _one(call)
    count, have = max(pieces(torrent), 0), pieces_have(torrent)
    return as_json([2] * have + [0] * (count - have))


@action("torrents/export", "hash")
def _export(call: Call) -> Answer:
    torrent = _one(call)
    if not torrent.has_metadata:
        raise ApiError(409, "Unable to export torrent file. Error: Missing metadata")
    content = torrent.exported or make_torrent(torrent.name.encode(), name=torrent.name, private=torrent.private)
    if not call.generation.since(2, 11):
        return Answer(content)
    return Answer(content, content_type="application/x-bittorrent", file_name=f"{torrent.hash}.torrent")


# --- start, stop, delete ---------------------------------------------------------------------------------------------


def _start(call: Call) -> None:
    for torrent in _several(call):
        call.engine.start(torrent)


def _stop(call: Call) -> None:
    for torrent in _several(call):
        call.engine.stop(torrent)


action("torrents/start", "hashes", post=True, since=(2, 11))(_start)
action("torrents/stop", "hashes", post=True, since=(2, 11))(_stop)
action("torrents/resume", "hashes", post=True, until=(2, 11))(_start)
action("torrents/pause", "hashes", post=True, until=(2, 11))(_stop)


@action("torrents/delete", "hashes", "deleteFiles", post=True)
def _delete(call: Call) -> None:
    for torrent in _several(call):
        call.engine.remove(torrent, with_files=call.flag("deleteFiles") is True)


@action("torrents/recheck", "hashes", post=True)
def _recheck(call: Call) -> None:
    for torrent in _several(call):
        call.engine.recheck(torrent)


@action("torrents/reannounce", "hashes", post=True)
def _reannounce(call: Call) -> None:
    for torrent in _several(call):
        call.engine.announce(torrent)


@action("torrents/setForceStart", "hashes", "value", post=True)
def _set_force_start(call: Call) -> None:
    for torrent in _several(call):
        call.engine.start(torrent, forced=call.flag("value") is True)


# --- settings of a torrent -------------------------------------------------------------------------------------------


def _setter(name: str, *required: str, change: Callable[[Call, SimulatedTorrent], None]) -> None:
    """Declare an action that changes every torrent of `hashes`."""

    def run(call: Call) -> None:
        for torrent in _several(call):
            change(call, torrent)
            call.engine.touch(torrent)

    action(f"torrents/{name}", "hashes", *required, post=True)(run)


def _set_download_limit(call: Call, torrent: SimulatedTorrent) -> None:
    torrent.download_limit = max(call.integer("limit"), 0)


def _set_upload_limit(call: Call, torrent: SimulatedTorrent) -> None:
    torrent.upload_limit = max(call.integer("limit"), 0)


def _toggle_sequential(_: Call, torrent: SimulatedTorrent) -> None:
    torrent.sequential = not torrent.sequential


def _toggle_first_last(_: Call, torrent: SimulatedTorrent) -> None:
    torrent.first_last = not torrent.first_last


def _set_super_seeding(call: Call, torrent: SimulatedTorrent) -> None:
    torrent.super_seeding = call.flag("value") is True and torrent.finished


def _set_automatic(call: Call, torrent: SimulatedTorrent) -> None:
    torrent.automatic = call.flag("enable") is True
    if torrent.automatic:
        call.engine.move(torrent, call.engine.category_path(torrent.category))


_setter("setDownloadLimit", "limit", change=_set_download_limit)
_setter("setUploadLimit", "limit", change=_set_upload_limit)
_setter("toggleSequentialDownload", change=_toggle_sequential)
_setter("toggleFirstLastPiecePrio", change=_toggle_first_last)
_setter("setSuperSeeding", "value", change=_set_super_seeding)
_setter("setAutoManagement", "enable", change=_set_automatic)


@action("torrents/downloadLimit", "hashes")
def _download_limit(call: Call) -> Answer:
    return as_json(_limits(call, lambda torrent: torrent.download_limit))


@action("torrents/uploadLimit", "hashes")
def _upload_limit(call: Call) -> Answer:
    return as_json(_limits(call, lambda torrent: torrent.upload_limit))


def _limits(call: Call, limit: Callable[[SimulatedTorrent], int]) -> dict[str, int]:
    known = call.engine.torrents
    return {each: limit(known[each]) if each in known else -1 for each in call.text("hashes").split("|")}


@action("torrents/setShareLimits", "hashes", "ratioLimit", "seedingTimeLimit", post=True)
def _set_share_limits(call: Call) -> None:
    generation = call.generation
    wanted = [
        *(["inactiveSeedingTimeLimit"] if generation.since(2, 9, 2) else []),
        *(["shareLimitAction"] if generation.since(2, 14) else []),
        *(["shareLimitsMode"] if generation.since(2, 16) else []),
    ]
    if missing := [name for name in wanted if name not in call.parameters]:
        raise ApiError(400, f"Missing required parameters: {', '.join(missing)}" if generation.since(2, 14) else "")
    try:
        ratio = float(call.text("ratioLimit"))
    except ValueError:
        ratio = 0.0
    for torrent in _several(call):
        torrent.ratio_limit = int(ratio) if ratio.is_integer() else ratio
        torrent.seeding_time_limit = call.integer("seedingTimeLimit")
        torrent.inactive_seeding_time_limit = call.integer("inactiveSeedingTimeLimit")
        torrent.share_limit_action = _enumerated(call.text("shareLimitAction"), _SHARE_ACTIONS)
        torrent.share_limits_mode = _enumerated(call.text("shareLimitsMode"), _SHARE_MODES)
        call.engine.touch(torrent)


def _enumerated(text: str, known: Iterable[str]) -> str:
    return text if text in known else "Default"


@action("torrents/setLocation", "hashes", "location", post=True)
def _set_location(call: Call) -> None:
    location = call.text("location").strip().rstrip("/") or call.text("location").strip()
    if not location:
        raise ApiError(400, "Save path cannot be empty")
    if any(location == folder or location.startswith(folder + "/") for folder in call.engine.weather.unwritable):
        raise ApiError(409, "Cannot make save path")
    for torrent in _several(call):
        torrent.automatic = False
        call.engine.move(torrent, location)
        call.engine.touch(torrent)


@action("torrents/rename", "hash", "name", post=True)
def _rename(call: Call) -> None:
    if not call.text("name").strip():
        raise ApiError(409, "Incorrect torrent name")
    torrent = _one(call)
    torrent.name = call.text("name").strip()
    call.engine.touch(torrent)


@action("torrents/renameFile", "hash", "oldPath", "newPath", post=True)
def _rename_file(call: Call) -> None:
    torrent = _one(call)
    file = next((each for each in torrent.files if each.path == call.text("oldPath")), None)
    if file is None:
        raise ApiError(409, f"No such file: '{call.text('oldPath')}'.")
    file.path = call.text("newPath")
    call.engine.touch(torrent)


@action("torrents/filePrio", "hash", "id", "priority", post=True)
def _file_priority(call: Call) -> None:
    try:
        priority = int(call.text("priority"))
    except ValueError:
        raise ApiError(400, "Priority must be an integer") from None
    if priority not in _PRIORITIES:
        raise ApiError(400, "Priority is not valid")
    torrent = _one(call)
    if not torrent.has_metadata:
        raise ApiError(409, "Torrent's metadata has not yet downloaded")
    for text in call.text("id").split("|"):
        if not text.isdecimal():
            raise ApiError(400, "File IDs must be integers")
        if int(text) >= len(torrent.files):
            raise ApiError(409, "File ID is not valid")
        torrent.set_priority(int(text), priority)
    call.engine.touch(torrent)


def _reorder(name: str, *, first: bool, place: Callable[[list[str], str], int]) -> None:
    def run(call: Call) -> None:
        if not call.engine.preferences["queueing_enabled"]:
            raise ApiError(409, "Torrent queueing must be enabled")
        hashes = [torrent.hash for torrent in sorted(_several(call), key=lambda each: each.position)]
        call.engine.reorder(hashes[::-1] if first else hashes, place)

    action(f"torrents/{name}", "hashes", post=True)(run)


_reorder("topPrio", first=True, place=lambda *_: 0)
_reorder("bottomPrio", first=False, place=lambda queue, _: len(queue))
_reorder("increasePrio", first=False, place=lambda queue, each: max(queue.index(each) - 1, 0))
_reorder("decreasePrio", first=True, place=lambda queue, each: queue.index(each) + 1)


# --- categories and tags ---------------------------------------------------------------------------------------------


@action("torrents/categories")
def _categories(call: Call) -> Answer:
    return as_json(call.engine.category_fields())


@action("torrents/createCategory", "category", post=True)
def _create_category(call: Call) -> None:
    name = call.text("category")
    if not name:
        raise ApiError(400, "Category cannot be empty")
    if not _CATEGORY.fullmatch(name):
        raise ApiError(409, "Incorrect category name")
    if name in call.engine.categories:
        raise ApiError(409, "Unable to create category")
    call.engine.categories[name] = Category(name, call.text("savePath"))


@action("torrents/editCategory", "category", "savePath", post=True)
def _edit_category(call: Call) -> None:
    name = call.text("category")
    if not name:
        raise ApiError(400, "Category cannot be empty")
    category = call.engine.categories.get(name)
    strict = not call.generation.answers_with_status
    if strict and (category is None or category.save_path == call.text("savePath")):
        raise ApiError(409, "Unable to edit category")
    if category is None:
        raise ApiError(404, "Category does not exist")
    category.save_path = call.text("savePath")
    for torrent in call.engine.torrents.values():
        if torrent.automatic and torrent.category == name:
            call.engine.move(torrent, call.engine.category_path(name))


@action("torrents/removeCategories", "categories", post=True)
def _remove_categories(call: Call) -> None:
    for name in call.text("categories").split("\n"):
        if call.engine.categories.pop(name, None) is not None:
            for torrent in call.engine.torrents.values():
                if torrent.category == name:
                    torrent.category = ""
                    call.engine.touch(torrent)


@action("torrents/setCategory", "hashes", "category", post=True)
def _set_category(call: Call) -> None:
    name = call.text("category")
    for torrent in _several(call):
        if name and name not in call.engine.categories:
            raise ApiError(409, "Incorrect category name")
        torrent.category = name
        if torrent.automatic:
            call.engine.move(torrent, call.engine.category_path(name))
        call.engine.touch(torrent)


@action("torrents/tags")
def _tags(call: Call) -> Answer:
    return as_json(call.engine.tag_names())


@action("torrents/createTags", "tags", post=True)
def _create_tags(call: Call) -> None:
    call.engine.tags.update(_words(call.text("tags")))


@action("torrents/deleteTags", "tags", post=True)
def _delete_tags(call: Call) -> None:
    gone = set(_words(call.text("tags")))
    call.engine.tags -= gone
    for torrent in call.engine.torrents.values():
        if torrent.tags & gone:
            torrent.tags -= gone
            call.engine.touch(torrent)


@action("torrents/addTags", "hashes", "tags", post=True)
def _add_tags(call: Call) -> None:
    tags = _words(call.text("tags"))
    for torrent in _several(call):
        torrent.tags.update(tags)
        call.engine.tags.update(tags)
        call.engine.touch(torrent)


@action("torrents/setTags", "hashes", "tags", post=True, since=(2, 11, 4), silent=True)
def _set_tags(call: Call) -> None:
    for torrent in _several(call):
        torrent.tags = set(_words(call.text("tags")))
        call.engine.tags.update(torrent.tags)
        call.engine.touch(torrent)


@action("torrents/removeTags", "hashes", post=True)
def _remove_tags(call: Call) -> None:
    tags = set(_words(call.text("tags")))
    for torrent in _several(call):
        torrent.tags = torrent.tags - tags if tags else set()
        call.engine.touch(torrent)


# --- trackers --------------------------------------------------------------------------------------------------------


@action("torrents/addTrackers", "hash", "urls", post=True, silent=True)
def _add_trackers(call: Call) -> None:
    tiers = [tier.split("\n") for tier in re.split(r"\n\n", call.text("urls"))]
    for torrent in _one_or_several(call):
        trackers = list(torrent.trackers)
        known = {tracker.url for tracker in trackers}
        for tier, urls in enumerate(tiers):
            for url in (each.strip() for each in urls):
                if url and url not in known:
                    known.add(url)
                    trackers.append(SimulatedTracker(url=url, tier=tier, status=TrackerStatus.NOT_CONTACTED))
        call.engine.set_trackers(torrent, trackers)


@action("torrents/removeTrackers", "hash", "urls", post=True, silent=True)
def _remove_trackers(call: Call) -> None:
    decode = unquote if call.generation.since(2, 11) else str
    gone = {decode(url) for url in call.text("urls").split("|")}
    for torrent in _one_or_several(call):
        call.engine.set_trackers(torrent, [tracker for tracker in torrent.trackers if tracker.url not in gone])


def _edit_tracker(call: Call, old: str, new: str, tier: int | None) -> None:
    torrent = _one(call)
    if new and (not urlsplit(new).scheme or " " in new):
        raise ApiError(400, "New tracker URL is invalid")
    if new != old and any(tracker.url == new for tracker in torrent.trackers):
        raise ApiError(409, "New tracker URL already exists")
    tracker = next((each for each in torrent.trackers if each.url == old), None)
    if tracker is None:
        raise ApiError(409, "Tracker not found")
    others = [each for each in torrent.trackers if each is not tracker]
    changed = SimulatedTracker(url=new, tier=tracker.tier if tier is None else tier, status=TrackerStatus.NOT_CONTACTED)
    call.engine.set_trackers(torrent, [*others, changed])


@action("torrents/editTracker", "hash", post=True, silent=True)
def _edit_tracker_of_generation(call: Call) -> None:
    modern = call.generation.since(2, 13)
    required = ("url",) if modern else ("origUrl", "newUrl")
    if missing := [name for name in required if name not in call.parameters]:
        raise ApiError(400, f"Missing required parameters: {', '.join(missing)}" if modern else "")
    if not modern:
        if not call.text("newUrl"):
            raise ApiError(400, "New tracker URL is invalid")
        _edit_tracker(call, call.text("origUrl"), call.text("newUrl"), None)
        return
    _one(call)
    tier = None
    if "tier" in call.parameters:
        if not call.text("tier").lstrip("-").isdecimal():
            raise ApiError(400, "tier must be an integer")
        tier = call.integer("tier")
        if not 0 <= tier <= _LARGEST_TIER:
            raise ApiError(400, "tier must be between 0 and 255")
    if "newUrl" not in call.parameters and tier is None:
        raise ApiError(400, "Must specify at least one of [newUrl, tier]")
    if call.parameters.get("newUrl") == "":
        raise ApiError(400, "New tracker URL is invalid")
    _edit_tracker(call, call.text("url"), call.text("newUrl") or call.text("url"), tier)


# --- adding ----------------------------------------------------------------------------------------------------------


@action("torrents/add", post=True)
def _add(call: Call) -> Answer:
    torrents: list[SimulatedTorrent] = []
    pending = failures = 0
    for name, content in call.files.items():
        try:
            torrents.append(from_file(TorrentFile.parse(content), content))
        except TorrentError:
            raise ApiError(415, f"Error: '{name}' is not a valid torrent file.") from None
    for link in filter(None, (line.strip() for line in call.text("urls").split("\n"))):
        if urlsplit(link).scheme in {"http", "https"}:
            call.links.append((link, dict(call.parameters)))
            pending += 1
            continue
        try:
            torrents.append(_from_magnet(Magnet.parse(link)))
        except TorrentError:
            failures += 1
    added = [torrent.hash for torrent in torrents if add_torrent(call, torrent)]
    failures += len(torrents) - len(added)
    if not call.generation.answers_with_status:
        return as_text("Ok." if added or pending else "Fails.")
    if not added and not pending:
        raise ApiError(409)
    counts = {"failure_count": failures, "pending_count": pending, "success_count": len(added)}
    return as_json({"added_torrent_ids": added, **counts}, 202 if pending else 200)


def from_file(file: TorrentFile, content: bytes) -> SimulatedTorrent:
    """Return the torrent that a torrent file describes."""
    return SimulatedTorrent(
        hash=file.hash,
        name=file.name,
        files=[SimulatedFile(path=path, size_bytes=size) for path, size in file.files],
        private=file.private,
        piece_length=file.piece_length,
        comment=file.comment,
        created_by=file.created_by,
        created_epoch=file.created_epoch,
        exported=content,
        trackers=[
            SimulatedTracker(url=url, tier=tier, status=TrackerStatus.NOT_CONTACTED)
            for tier, urls in enumerate(file.trackers)
            for url in urls
        ],
    )


def _from_magnet(magnet: Magnet) -> SimulatedTorrent:
    return SimulatedTorrent(
        hash=magnet.hash,
        name=magnet.name,
        has_metadata=False,
        trackers=[
            SimulatedTracker(url=url, tier=tier, status=TrackerStatus.NOT_CONTACTED)
            for tier, url in enumerate(magnet.trackers)
        ],
    )


def add_torrent(call: Call, torrent: SimulatedTorrent) -> bool:
    """Add a torrent with the options of the request; False when it is there already."""
    engine = call.engine
    if torrent.hash in engine.torrents:
        return False
    stop = call.flag("stopped" if call.generation.starts_and_stops else "paused")
    by_default = "add_stopped_enabled" if call.generation.starts_and_stops else "start_paused_enabled"
    automatic = call.flag("autoTMM")
    save_path = call.text("savepath").rstrip("/")
    torrent.category = call.text("category") if _CATEGORY.fullmatch(call.text("category")) else ""
    words = _words if call.generation.since(2, 11) else _untrimmed
    torrent.tags = set(words(call.text("tags")))
    if torrent.category:
        engine.categories.setdefault(torrent.category, Category(torrent.category))
    torrent.automatic = automatic if automatic is not None else engine.preferences["auto_tmm_enabled"] and not save_path
    root = engine.category_path(torrent.category) if torrent.automatic else engine.preferences["save_path"]
    torrent.save_path = root if torrent.automatic or not save_path else save_path
    torrent.name = call.text("rename").strip() or torrent.name
    torrent.stopped = stop if stop is not None else bool(engine.preferences[by_default])
    torrent.forced = call.flag("forced") is True
    torrent.sequential = call.flag("sequentialDownload") is True
    torrent.first_last = call.flag("firstLastPiecePrio") is True
    torrent.download_limit = max(call.integer("dlLimit"), 0)
    torrent.upload_limit = max(call.integer("upLimit"), 0)
    torrent.swarm = engine.swarm_of(torrent)
    unchecked = call.flag("seedMode" if call.generation.since(2, 16) else "skip_checking") is True
    if unchecked and torrent.has_metadata:
        torrent.completed = float(torrent.size)
        torrent.completed_at = engine.now
    engine.add(torrent)
    engine.announce(torrent)
    return True
