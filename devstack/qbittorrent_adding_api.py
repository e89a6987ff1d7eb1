"""Adding torrents through the simulated web API."""

from urllib.parse import urlsplit

from .qbittorrent_api import Answer, ApiError, Call, action, as_json, as_text
from .qbittorrent_labels_api import CATEGORY_NAME
from .qbittorrent_selection import untrimmed, words
from .qbittorrent_torrent import SimulatedFile, SimulatedTorrent, SimulatedTracker, TrackerStatus
from .torrents import Magnet, TorrentError, TorrentFile


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
    torrent.category = call.text("category") if CATEGORY_NAME.fullmatch(call.text("category")) else ""
    split = words if call.generation.since(2, 11) else untrimmed
    torrent.tags = set(split(call.text("tags")))
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
