"""What the fields of qBittorrent's WebUI API mean in SOKOUL's model. Source: WebUI API 2.8 to 2.16."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
import math
import re
from sys import intern
from types import MappingProxyType
from typing import Any

from ..model.downloads import (
    ClientSettings,
    ConnectionStatus,
    DownloadState,
    ShareLimitAction,
    ShareLimits,
    ShareLimitsMode,
    Torrent,
    TorrentFile,
    TorrentSettings,
    TorrentTracker,
    TrackerStatus,
    Transfer,
)
from .errors import UnexpectedResponse
from .fields import Fields
from .redact import redact

STATES: Mapping[str, DownloadState] = MappingProxyType(
    {
        "error": DownloadState.ERROR,
        "missingFiles": DownloadState.MISSING_FILES,
        "uploading": DownloadState.SEEDING,
        "stalledUP": DownloadState.SEEDING,
        "forcedUP": DownloadState.SEEDING,
        "queuedUP": DownloadState.SEEDING,  # its turn will come
        "stoppedUP": DownloadState.COMPLETED,
        "pausedUP": DownloadState.COMPLETED,  # before 5.0
        "checkingUP": DownloadState.CHECKING,
        "checkingDL": DownloadState.CHECKING,
        "checkingResumeData": DownloadState.CHECKING,
        "allocating": DownloadState.CHECKING,  # older versions: preparing the files
        "moving": DownloadState.MOVING,
        "downloading": DownloadState.DOWNLOADING,
        "forcedDL": DownloadState.DOWNLOADING,
        "metaDL": DownloadState.METADATA,
        "forcedMetaDL": DownloadState.METADATA,
        "stalledDL": DownloadState.STALLED,
        "queuedDL": DownloadState.QUEUED,
        "stoppedDL": DownloadState.STOPPED,
        "pausedDL": DownloadState.STOPPED,  # before 5.0
    }
)

#: What stands for the client's own setting among the share limits of a torrent.
GLOBAL_LIMIT = -2

#: `eta` in seconds when there is none (100 days).
ETA_UNKNOWN = 8_640_000

_TRACKER_STATUS = {
    0: TrackerStatus.DISABLED,
    1: TrackerStatus.NOT_CONTACTED,
    2: TrackerStatus.WORKING,
    3: TrackerStatus.UPDATING,  # until 5.1; then the field `updating`
    4: TrackerStatus.NOT_WORKING,
    5: TrackerStatus.ERROR,  # since 5.2
    6: TrackerStatus.UNREACHABLE,  # since 5.2
}

#: Values of `max_ratio_act` at which the client removes torrents by itself, as numbers and as names.
_REMOVING_ACTIONS = frozenset({1, 3, "Remove", "RemoveWithContent"})


class _WrongType(Exception):  # noqa: N818 -- never leaves this module
    """A value has another type than this API's."""


def torrent_of(hash_: str, raw: Any, known: Torrent | None) -> Torrent:
    """Return a torrent from its keys in `sync/maindata`; those that are absent stay as known.

    Raises `UnexpectedResponse` for a wrong type, and for a torrent that is new yet incomplete.
    """
    where = f"torrents.{hash_}"
    if not isinstance(raw, dict):
        raise UnexpectedResponse(f"{where}: expected an object")
    changes: dict[str, Any] = {}
    for key, value in raw.items():
        if (field := _TORRENT_FIELDS.get(key)) is not None:
            name, read = field
            try:
                changes[name] = read(value)
            except _WrongType as error:
                raise UnexpectedResponse(f"{where}.{key}: expected {error}") from error
    if known is not None:
        return replace(known, **changes) if changes else known
    if missing := _REQUIRED - raw.keys():
        raise UnexpectedResponse(f"{where}: new, but without {', '.join(sorted(missing))}")
    return Torrent(hash=hash_, **changes)


def transfer_of(server_state: Mapping[str, Any], where: str) -> Transfer:
    """Return the client's own state from the merged `server_state`."""
    state = Fields(server_state, where)
    free_bytes = state.optional_whole("free_space_on_disk")
    return Transfer(
        connection=state.choice("connection_status", ConnectionStatus),
        download_rate=state.whole("dl_info_speed", 0),
        upload_rate=state.whole("up_info_speed", 0),
        download_limit=max(0, state.whole("dl_rate_limit", 0)),
        upload_limit=max(0, state.whole("up_rate_limit", 0)),
        alternative_limits=state.flag("use_alt_speed_limits", default=False),
        queueing=state.flag("queueing", default=False),
        free_bytes=None if free_bytes is None or free_bytes < 0 else free_bytes,  # -1: there is no such folder
        downloaded_bytes=state.whole("alltime_dl", 0),
        uploaded_bytes=state.whole("alltime_ul", 0),
        ratio=_global_ratio(state.raw("global_ratio")),
        peers=state.whole("total_peer_connections", 0),
        dht_nodes=state.whole("dht_nodes", 0),
        external_ipv4=state.optional_text("last_external_address_v4"),
        external_ipv6=state.optional_text("last_external_address_v6"),
    )


def settings_of(preferences: Any) -> ClientSettings:
    """Return the settings that SOKOUL looks at, from `app/preferences`."""
    fields = Fields(preferences, "app/preferences")
    limited = fields.flag("max_ratio_enabled", default=False)
    incomplete = fields.flag("temp_path_enabled", default=False)
    return ClientSettings(
        listen_port=fields.optional_whole("listen_port"),
        random_port=_optional_flag(fields, "random_port"),
        upnp=_optional_flag(fields, "upnp"),
        interface=_optional(fields.text, "current_network_interface", fields),
        interface_address=_optional(fields.text, "current_interface_address", fields),
        save_path=fields.text("save_path", ""),
        incomplete_path=fields.optional_text("temp_path") if incomplete else None,
        download_limit=fields.optional_whole("dl_limit"),
        upload_limit=fields.optional_whole("up_limit"),
        alternative_download_limit=fields.optional_whole("alt_dl_limit"),
        alternative_upload_limit=fields.optional_whole("alt_up_limit"),
        queueing=_optional_flag(fields, "queueing_enabled"),
        maximum_active_downloads=fields.optional_whole("max_active_downloads"),
        maximum_ratio=fields.number("max_ratio", -1) if limited else None,
        maximum_ratio_removes=limited and fields.raw("max_ratio_act") in _REMOVING_ACTIONS,
    )


def torrent_settings_of(row: Fields, *, stopped: bool) -> TorrentSettings:
    """Return how a torrent is set, from its row of `torrents/info`."""
    ratio = row.number("ratio_limit", GLOBAL_LIMIT)
    seeding = row.whole("seeding_time_limit", GLOBAL_LIMIT)
    inactive = row.whole("inactive_seeding_time_limit", GLOBAL_LIMIT)  # since 5.0
    return TorrentSettings(
        category=row.text("category"),
        tags=_split_tags(row.text("tags")),
        automatic=row.flag("auto_tmm"),
        save_path=row.text("save_path"),
        stopped=stopped,
        forced=row.flag("force_start"),
        download_limit=max(0, row.whole("dl_limit", 0)),
        upload_limit=max(0, row.whole("up_limit", 0)),
        share_limits=ShareLimits(
            ratio=None if ratio == GLOBAL_LIMIT else ratio,
            seeding_minutes=None if seeding == GLOBAL_LIMIT else seeding,
            inactive_minutes=None if inactive == GLOBAL_LIMIT else inactive,
            action=_member(row, "share_limit_action", ShareLimitAction.DEFAULT),
            mode=_member(row, "share_limits_mode", ShareLimitsMode.DEFAULT),
        ),
        sequential=row.flag("seq_dl"),
        first_last=row.flag("f_l_piece_prio"),
        super_seeding=row.flag("super_seeding"),
        queue_position=max(0, row.whole("priority", 0)),
    )


def trackers_of(rows: Iterator[Fields]) -> Iterator[TorrentTracker]:
    """Yield the real trackers of `torrents/trackers`; DHT, PeX and LSD are rows, too, but no trackers."""
    for row in rows:
        url = row.text("url")
        if url.startswith("** ["):
            continue
        status = _TRACKER_STATUS.get(row.whole("status"), TrackerStatus.UNKNOWN)
        yield TorrentTracker(
            host=host_of(url),
            tier=row.whole("tier", 0),
            status=TrackerStatus.UPDATING if row.flag("updating", default=False) else status,
            message=redact(row.text("msg", ""), (url,)),
            seeds=_counted(row.optional_whole("num_seeds")),
            peers=_counted(row.optional_whole("num_peers")),
        )


def files_of(rows: Iterator[Fields]) -> Iterator[TorrentFile]:
    """Yield the files of `torrents/files`. Before API 2.8.2 they carried no index: then it is the position."""
    for position, row in enumerate(rows):
        availability = row.number("availability", -1)
        yield TorrentFile(
            index=row.whole("index", position),
            name=row.text("name"),
            size_bytes=row.whole("size"),
            progress=row.number("progress"),
            wanted=row.whole("priority") > 0,
            availability=availability if availability >= 0 else None,
        )


def host_of(announce_url: str) -> str:
    """Return the host of an announce URL in lower case, without port and credentials; "" where there is none."""
    found = _URL_HOST.match(announce_url)
    return found["host"].lower() if found else ""


_URL_HOST = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#]*@)?(?P<host>\[[^\]/]*\]|[^/?#:]*)")


# --- readers of one value: the type is exact, the value is JSON's ----------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongType("a text")
    return value


def _shared_text(value: Any) -> str:
    """Return a text that many torrents have in common."""
    return intern(_text(value))


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise _WrongType("a whole number")


def _amount(value: Any) -> int:
    """Return a count or a time; negative ones mean none."""
    return max(0, _whole(value))


def _counted(value: Any) -> int | None:
    """Return a count, None where it is negative: not known."""
    number = None if value is None else _whole(value)
    return number if number is not None and number >= 0 else None


def _number(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise _WrongType("a number")
    # the two most frequent values are the same objects for all torrents
    if value == 0:
        return 0.0
    return 1.0 if value == 1 else float(value)


def _measured(value: Any) -> float | None:
    """Return a number, None where it is negative: not known, or without end."""
    number = _number(value)
    return number if number >= 0 else None


def _eta(value: Any) -> int | None:
    seconds = _whole(value)
    return seconds if 0 <= seconds < ETA_UNKNOWN else None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongType("true or false")
    return value


def _maybe(value: Any) -> bool | None:
    return None if value is None else _flag(value)


def _state(value: Any) -> DownloadState:
    return STATES.get(_text(value), DownloadState.UNKNOWN)


@lru_cache(maxsize=1024)
def _split_tags(joined: str) -> frozenset[str]:
    return frozenset(intern(tag) for part in joined.split(",") if (tag := part.strip()))


def _tags(value: Any) -> frozenset[str]:
    return _split_tags(_text(value))


def _tracker_host(value: Any) -> str:
    return intern(host_of(_text(value)))


def _global_ratio(value: Any) -> float | None:
    """Return the ratio of everything, which is a text and "-" when there is none."""
    try:
        ratio = float(value)
    except TypeError, ValueError:
        return None
    return ratio if 0 <= ratio < math.inf else None


def _member[ChoiceT: StrEnum](fields: Fields, name: str, otherwise: ChoiceT) -> ChoiceT:
    """Return a member of an enum; `otherwise` where this version doesn't say, or says what nobody knows yet."""
    try:
        return type(otherwise)(fields.text(name, otherwise))
    except ValueError:
        return otherwise


def _optional_flag(fields: Fields, name: str) -> bool | None:
    return fields.flag(name) if name in fields else None


def _optional(read: Callable[[str], str], name: str, fields: Fields) -> str | None:
    return read(name) if name in fields else None


#: API key: our field, and what reads its value. Each field comes from one key alone, so that deltas can be merged.
_TORRENT_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", _text),
    "state": ("state", _state),
    "force_start": ("forced", _flag),
    "progress": ("progress", _number),
    "size": ("size_bytes", _amount),  # -1 without metadata
    "amount_left": ("remaining_bytes", _amount),
    "downloaded": ("downloaded_bytes", _whole),
    "uploaded": ("uploaded_bytes", _whole),
    "dlspeed": ("download_rate", _whole),
    "upspeed": ("upload_rate", _whole),
    "dl_limit": ("download_limit", _amount),  # -1 or 0: none
    "eta": ("eta_seconds", _eta),
    "ratio": ("ratio", _measured),
    "num_seeds": ("seeds", _amount),
    "num_complete": ("swarm_seeds", _counted),
    "num_leechs": ("peers", _amount),
    "num_incomplete": ("swarm_peers", _counted),
    "availability": ("availability", _measured),
    "category": ("category", _shared_text),
    "tags": ("tags", _tags),
    "save_path": ("save_path", _shared_text),
    "content_path": ("content_path", _text),
    "tracker": ("tracker_host", _tracker_host),
    "private": ("private", _maybe),  # since 5.0
    "auto_tmm": ("automatic", _flag),
    "added_on": ("added_epoch", _amount),
    "completion_on": ("completed_epoch", _amount),
    "last_activity": ("active_epoch", _amount),
    "seen_complete": ("complete_seen_epoch", _amount),
    "seeding_time": ("seeding_seconds", _amount),
}

#: Without these a torrent can't be judged.
_REQUIRED = frozenset({"name", "state", "progress", "size", "amount_left"})
