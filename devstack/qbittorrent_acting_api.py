"""What the simulated web API does with torrents: start, stop, delete, limits, files, places in the queue."""

from collections.abc import Callable, Iterable

from .qbittorrent_api import Answer, ApiError, Call, action, as_json
from .qbittorrent_selection import one, several
from .qbittorrent_torrent import SimulatedTorrent

_PRIORITIES = {0, 1, 6, 7}
_SHARE_ACTIONS = {"Default", "Stop", "Remove", "RemoveWithContent", "EnableSuperSeeding"}
_SHARE_MODES = {"Default", "MatchAny", "MatchAll"}


def _start(call: Call) -> None:
    for torrent in several(call):
        call.engine.start(torrent)


def _stop(call: Call) -> None:
    for torrent in several(call):
        call.engine.stop(torrent)


action("torrents/start", "hashes", post=True, since=(2, 11))(_start)
action("torrents/stop", "hashes", post=True, since=(2, 11))(_stop)
action("torrents/resume", "hashes", post=True, until=(2, 11))(_start)
action("torrents/pause", "hashes", post=True, until=(2, 11))(_stop)


@action("torrents/delete", "hashes", "deleteFiles", post=True)
def _delete(call: Call) -> None:
    for torrent in several(call):
        call.engine.remove(torrent, with_files=call.flag("deleteFiles") is True)


@action("torrents/recheck", "hashes", post=True)
def _recheck(call: Call) -> None:
    for torrent in several(call):
        call.engine.recheck(torrent)


@action("torrents/reannounce", "hashes", post=True)
def _reannounce(call: Call) -> None:
    for torrent in several(call):
        call.engine.announce(torrent)


@action("torrents/setForceStart", "hashes", "value", post=True)
def _set_force_start(call: Call) -> None:
    for torrent in several(call):
        call.engine.start(torrent, forced=call.flag("value") is True)


# --- settings of a torrent -------------------------------------------------------------------------------------------


def _setter(name: str, *required: str, change: Callable[[Call, SimulatedTorrent], None]) -> None:
    """Declare an action that changes every torrent of `hashes`."""

    def run(call: Call) -> None:
        for torrent in several(call):
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
    torrent.super_seeding = call.flag("value") is True


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
    for torrent in several(call):
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
    for torrent in several(call):
        torrent.automatic = False
        call.engine.move(torrent, location)
        call.engine.touch(torrent)


@action("torrents/rename", "hash", "name", post=True)
def _rename(call: Call) -> None:
    if not call.text("name").strip():
        raise ApiError(409, "Incorrect torrent name")
    torrent = one(call)
    torrent.name = call.text("name").strip()
    call.engine.touch(torrent)


@action("torrents/renameFile", "hash", "oldPath", "newPath", post=True)
def _rename_file(call: Call) -> None:
    torrent = one(call)
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
    torrent = one(call)
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
        hashes = [torrent.hash for torrent in sorted(several(call), key=lambda each: each.position)]
        call.engine.reorder(hashes[::-1] if first else hashes, place)

    action(f"torrents/{name}", "hashes", post=True)(run)


_reorder("topPrio", first=True, place=lambda *_: 0)
_reorder("bottomPrio", first=False, place=lambda queue, _: len(queue))
_reorder("increasePrio", first=False, place=lambda queue, each: max(queue.index(each) - 1, 0))
_reorder("decreasePrio", first=True, place=lambda queue, each: queue.index(each) + 1)
