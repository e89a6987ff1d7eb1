"""qBittorrent from 4.5 to 5.3, by its WebUI API (versions 2.8.19 to 2.16).

What differs between the versions is told apart by the version of the API, never of the application.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
import re
from typing import Any

from aiohttp import ClientSession, FormData
import orjson

from ..model.downloads import (
    AddedTorrents,
    ClientSettings,
    DownloadClientSnapshot,
    ShareLimits,
    Torrent,
    TorrentFile,
    TorrentSettings,
    TorrentTracker,
    Transfer,
)
from .errors import NotFound, NotTheApi, Refused, UnexpectedResponse
from .fields import Fields, each
from .http import DEFAULT_TIMEOUT_SECONDS, is_web_page
from .info_hash import hash_of_magnet, hash_of_torrent_file
from .qbittorrent_fields import (
    GLOBAL_LIMIT,
    files_of,
    settings_of,
    torrent_of,
    torrent_settings_of,
    trackers_of,
    transfer_of,
)
from .qbittorrent_session import QbittorrentSession
from .qbittorrent_sync import LARGE_BYTES, SyncState

#: Since this version of the API `pause` and `resume` are `stop` and `start` (qBittorrent 5.0).
API_STOP_START = (2, 11, 0)
#: Since this version `sync/maindata` costs what changed (qBittorrent 4.6): before, each time as much as everything.
API_CHANGES_ALONE = (2, 9, 0)
#: The filters that a forced torrent passes before that: it never waits in the queue, nor counts as stalled.
_FORCED_AMONG = ("active", "checking", "errored")
_INFO = "torrents/info"
#: Everything at once takes longer than a change: so many times the usual timeout.
_PATIENCE_WITH_EVERYTHING = 3

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class QbittorrentVersion:
    """What answers: the application ("5.2.3") and its API (2, 15, 1)."""

    application: str
    api: tuple[int, int, int]


class QbittorrentClient(QbittorrentSession):
    """One qBittorrent. Every method raises the errors of `clients.errors`, and only those."""

    def __init__(
        self,
        session: ClientSession,
        url: str,
        *,
        username: str = "",
        password: str = "",
        api_key: str = "",
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(
            session,
            url,
            username=username,
            password=password,
            api_key=api_key,
            timeout_seconds=timeout_seconds,
            clock=clock,
        )
        self._version: QbittorrentVersion | None = None
        self._sync = SyncState()
        self._sync_lock = asyncio.Lock()
        self._settings: ClientSettings | None = None
        self._beginnings = 0
        self._began = False  # with the last answer

    # --- reading -------------------------------------------------------------------------------------------------

    @property
    def sessions(self) -> int:
        """How often qBittorrent began a session with us, a number that only grows: mostly because it was started.

        Without a login that is to be seen only by its telling everything anew, which an answer that was lost leads to
        as well; where it does that each time, others use the same key, and it counts once.
        """
        return self._beginnings if self._credentials is None else self._logins

    async def version(self) -> QbittorrentVersion:
        """Ask which version answers."""
        api = await self._text("app/webapiVersion")
        found = _VERSION.fullmatch(api)
        if not found:
            raise NotTheApi("what answers here is not qBittorrent's web API")
        major, minor, patch = (int(part or 0) for part in found.groups())
        self._version = QbittorrentVersion((await self._text("app/version")).removeprefix("v"), (major, minor, patch))
        return self._version

    async def snapshot(self) -> DownloadClientSnapshot:
        """Ask what changed, merge it and return the whole. Where nothing changed it is the same object as before."""
        async with self._sync_lock:
            version = self._version or await self.version()
            rid = self._sync.take_rid()
            answer = await self._request(
                "GET",
                "sync/maindata",
                params={"rid": rid},
                timeout_seconds=self._timeout_seconds * (1 if rid else _PATIENCE_WITH_EVERYTHING),
            )
            if is_web_page(answer):
                raise NotTheApi(f"{answer.where}: a web page came instead of JSON", status=answer.status)
            read = partial(self._sync.read, answer.body, everything=rid == 0)
            merged = read() if len(answer.body) < LARGE_BYTES else await asyncio.to_thread(read)
            self._beginnings += merged.everything and not self._began
            self._began = merged.everything
            if merged.everything and self._sync.begun:  # another session: perhaps another version since
                version = await self.version()
            return self._sync.commit(merged, version=version.application, settings=self._settings)

    async def snapshot_in_haste(self) -> DownloadClientSnapshot:
        """Return a snapshot whose forced starts are those of now, at the least cost, so that nothing else waits for it.

        Where a snapshot costs as much as everything (a tenth of a second for a thousand torrents, and libtorrent has to
        answer for each of them), the rest is as it was last seen, and forced starts show up to 1.5 s later.
        """
        version = self._version or await self.version()
        if version.api >= API_CHANGES_ALONE or not self._sync.begun:
            return await self.snapshot()
        answers = await asyncio.gather(*(self._json(_INFO, {"filter": word}) for word in _FORCED_AMONG))
        rows = (fields for answer in answers for fields in each(answer, _INFO))
        return self._sync.with_forced({fields.text("hash") for fields in rows if fields.flag("force_start")})

    async def transfer(self) -> Transfer:
        """Ask for the client's own state alone, which costs it next to nothing; what this doesn't tell is 0."""
        return transfer_of(await self._json("transfer/info", {}), "transfer/info")

    async def running(self) -> frozenset[str]:
        """Return the torrents that are told to run, whatever their states say: those follow up to 1.5 s later."""
        return await self._told((await self._names("running", "resumed"))[0])

    async def stopped(self) -> frozenset[str]:
        """Return the torrents that are told to stay stopped. It takes long where they are many, as `running` does."""
        return await self._told((await self._names("stopped", "paused"))[0])

    async def _told(self, word: str) -> frozenset[str]:
        rows = await self._json(_INFO, {"filter": word})
        return frozenset(fields.text("hash") for fields in each(rows, _INFO))

    async def settings(self) -> ClientSettings:
        """Read the preferences; the snapshots after this hold them, too."""
        self._settings = settings_of((await self._request("GET", "app/preferences")).json())
        return self._settings

    async def interfaces(self) -> frozenset[str]:
        """Return the network interfaces that exist where qBittorrent runs, by the names that its preferences use."""
        path = "app/networkInterfaceList"
        return frozenset(fields.text("value") for fields in each(await self._json(path, {}), path))

    async def interface_addresses(self, interface: str) -> tuple[str, ...]:
        """Return the addresses of a network interface where qBittorrent runs; none of one that doesn't exist."""
        path = "app/networkInterfaceAddressList"
        addresses = await self._json(path, {"iface": interface})
        if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
            raise UnexpectedResponse(f"{path}: not a list of texts")
        return tuple(addresses)

    async def torrent(self, torrent_hash: str) -> Torrent | None:
        """Ask for one torrent, past what was merged; None: it is gone.

        For a last look before an act. qBittorrent itself brings states and progress up to date every 1.5 s (its
        `RefreshInterval`); category, tags and automatic management are those of this moment.
        """
        row = await self._row(torrent_hash)
        return torrent_of(torrent_hash, row, None) if row is not None else None

    async def torrent_settings(self, torrent_hash: str) -> TorrentSettings:
        """Return how a torrent is set. Raises `NotFound` when it is gone."""
        row = await self._row(torrent_hash)
        if row is None:
            raise NotFound(f"{_INFO}: this torrent is gone")
        # its state is hidden by a check, a move or an error, and lags behind: the filter doesn't
        filtered = await self._row(torrent_hash, filter=(await self._names("stopped", "paused"))[0])
        return torrent_settings_of(Fields(row, _INFO), stopped=filtered is not None)

    async def trackers(self, torrent_hash: str) -> tuple[TorrentTracker, ...]:
        """Return a torrent's trackers. Raises `NotFound` when the torrent is gone."""
        rows = await self._json("torrents/trackers", {"hash": torrent_hash})
        return tuple(trackers_of(each(rows, "torrents/trackers")))

    async def files(self, torrent_hash: str) -> tuple[TorrentFile, ...]:
        """Return a torrent's files, none before its metadata came. Raises `NotFound` when the torrent is gone."""
        rows = await self._json("torrents/files", {"hash": torrent_hash})
        return tuple(files_of(each(rows, "torrents/files")))

    async def is_private(self, torrent_hash: str) -> bool | None:
        """Tell whether a torrent is private, also before 5.0, whose lists don't say. None: no metadata yet."""
        properties = Fields(await self._json("torrents/properties", {"hash": torrent_hash}), "torrents/properties")
        if properties.whole("pieces_num") <= 0:  # before 5.0 a torrent without metadata says false
            return None
        return properties.flag("private" if "private" in properties else "is_private")

    # --- acting on torrents: `None` means all of them ----------------------------------------------------------------

    async def stop(self, hashes: Collection[str] | None) -> None:
        """Stop torrents."""
        await self._stop_or_start("stop", "pause", hashes)

    async def start(self, hashes: Collection[str] | None) -> None:
        """Start torrents; they take their turn in the client's queue."""
        await self._stop_or_start("start", "resume", hashes)

    async def delete(self, hashes: Collection[str], *, with_files: bool) -> None:
        """Remove torrents, and their data where told so."""
        await self._act("delete", hashes, deleteFiles=with_files)

    async def reannounce(self, hashes: Collection[str] | None) -> None:
        """Ask the trackers for peers now."""
        await self._act("reannounce", hashes)

    async def recheck(self, hashes: Collection[str]) -> None:
        """Check the data on the disk; what is missing is downloaded again."""
        await self._act("recheck", hashes)

    async def set_force_start(self, hashes: Collection[str], forced: bool) -> None:  # noqa: FBT001 -- the value itself
        """Start torrents past the client's queue and limits, or put them back under it; both start what is stopped."""
        await self._act("setForceStart", hashes, value=forced)

    async def set_automatic(self, hashes: Collection[str], automatic: bool) -> None:  # noqa: FBT001 -- the value itself
        """Let the client choose the save path by category, or not. Turning it on may move files."""
        await self._act("setAutoManagement", hashes, enable=automatic)

    async def set_location(self, hashes: Collection[str], path: str) -> None:
        """Move the data; the client goes on moving after the answer. Raises `Refused` for a path it can't make."""
        await self._act("setLocation", hashes, location=path)

    async def set_category(self, hashes: Collection[str], category: str) -> None:
        """Set the category; "" takes it away. Automatic torrents move. Raises `Refused` when it doesn't exist."""
        await self._act("setCategory", hashes, category=category)

    async def ensure_category(self, name: str, save_path: str = "") -> None:
        """Make a category unless there is one of this name, which stays as it is. Raises `Refused` for a bad name."""
        try:
            await self.create_category(name, save_path)
        except Refused:
            if name not in Fields(await self._json("torrents/categories", {}), "torrents/categories"):
                raise

    async def create_category(self, name: str, save_path: str = "") -> None:
        """Make a category. Raises `Refused` when it exists or its name is not valid."""
        await self._post("torrents/createCategory", {"category": name, "savePath": save_path})

    async def add_tags(self, hashes: Collection[str], tags: Collection[str]) -> None:
        """Add tags; those that don't exist are made."""
        if tags:
            await self._act("addTags", hashes, tags=",".join(tags))

    async def remove_tags(self, hashes: Collection[str], tags: Collection[str]) -> None:
        """Take tags away. No tag is no tag here; qBittorrent itself would take it for every tag."""
        if tags:
            await self._act("removeTags", hashes, tags=",".join(tags))

    async def set_share_limits(self, hashes: Collection[str], limits: ShareLimits) -> None:
        """Set when torrents have shared enough. The action counts since 5.2; it and the mode must be sent there."""
        await self._act(
            "setShareLimits",
            hashes,
            ratioLimit=GLOBAL_LIMIT if limits.ratio is None else limits.ratio,
            seedingTimeLimit=GLOBAL_LIMIT if limits.seeding_minutes is None else limits.seeding_minutes,
            inactiveSeedingTimeLimit=GLOBAL_LIMIT if limits.inactive_minutes is None else limits.inactive_minutes,
            shareLimitAction=limits.action,
            shareLimitsMode=limits.mode,  # required since API 2.16
        )

    async def set_torrent_download_limit(self, hashes: Collection[str], bytes_per_second: int) -> None:
        """Limit how fast torrents download, each by itself; 0 for no limit of its own."""
        await self._act("setDownloadLimit", hashes, limit=max(0, bytes_per_second))

    async def set_torrent_upload_limit(self, hashes: Collection[str], bytes_per_second: int) -> None:
        """Limit how fast torrents upload, each by itself; 0 for no limit of its own."""
        await self._act("setUploadLimit", hashes, limit=max(0, bytes_per_second))

    async def set_super_seeding(self, hashes: Collection[str], super_seeding: bool) -> None:  # noqa: FBT001 -- itself
        """Send each piece but once while others seed too, or not."""
        await self._act("setSuperSeeding", hashes, value=super_seeding)

    async def set_file_priority(self, torrent_hash: str, indexes: Collection[int], *, wanted: bool) -> None:
        """Want files of a torrent, with ordinary priority, or not; the others stay as they are.

        Raises `NotFound` when the torrent is gone, `Refused` before its metadata came or for an index it doesn't have.
        """
        if indexes:
            form = {"hash": torrent_hash, "id": "|".join(map(str, indexes)), "priority": "1" if wanted else "0"}
            await self._post("torrents/filePrio", form)

    async def restore(self, torrent_hash: str, settings: TorrentSettings) -> None:
        """Put a torrent back as it was; only what differs is changed.

        Automatic management is off while the category changes, because it would move the files there. Starting comes
        last: where the category or the folder is refused (`Refused`) it is stopped still. The place in the queue needs
        no care, a stopped torrent keeps it. Raises `NotFound` when the torrent is gone.
        """
        now = await self.torrent_settings(torrent_hash)
        one = (torrent_hash,)
        await self._restore_place(one, now, settings)
        await self.add_tags(one, settings.tags - now.tags)
        await self.remove_tags(one, now.tags - settings.tags)
        await self._restore_limits(one, now, settings)
        if now.sequential != settings.sequential:
            await self._act("toggleSequentialDownload", one)
        if now.first_last != settings.first_last:
            await self._act("toggleFirstLastPiecePrio", one)
        if now.super_seeding != settings.super_seeding:
            await self.set_super_seeding(one, settings.super_seeding)
        if settings.stopped:
            await self.stop(one)
        elif settings.forced:
            await self.set_force_start(one, True)
        else:
            await self.start(one)

    async def _restore_place(self, one: tuple[str], now: TorrentSettings, settings: TorrentSettings) -> None:
        if now.automatic and not (settings.automatic and now.category == settings.category):
            await self.set_automatic(one, False)
        if now.category != settings.category:
            await self.set_category(one, settings.category)
        if settings.automatic:
            await self.set_automatic(one, True)
        elif now.save_path != settings.save_path:
            await self.set_location(one, settings.save_path)

    async def _restore_limits(self, one: tuple[str], now: TorrentSettings, settings: TorrentSettings) -> None:
        if now.download_limit != settings.download_limit:
            await self.set_torrent_download_limit(one, settings.download_limit)
        if now.upload_limit != settings.upload_limit:
            await self.set_torrent_upload_limit(one, settings.upload_limit)
        if now.share_limits != settings.share_limits:
            await self.set_share_limits(one, settings.share_limits)

    async def add_trackers(self, torrent_hash: str, urls: Collection[str]) -> None:
        """Add trackers, each in a tier of its own; those that it has are left out. Never for a private torrent.

        Raises `NotFound` when the torrent is gone.
        """
        if urls:
            await self._post("torrents/addTrackers", {"hash": torrent_hash, "urls": "\n\n".join(urls)})

    async def add(
        self,
        source: str | bytes,
        *,
        category: str = "",
        tags: Collection[str] = (),
        save_path: str = "",
        stopped: bool = False,
    ) -> AddedTorrents:
        """Add a magnet link, the URL of a .torrent file (which the client fetches), or a .torrent file.

        Raises `Refused`: 409 when it is there already, 415 when it is no torrent. Before 5.2 the client doesn't tell
        one from the other, nor which hash it got: then `Refused` is always 409, and the hash is read from the source
        (nothing for a URL).
        """
        fields = {
            "stopped": _spelled(stopped),
            "paused": _spelled(stopped),  # its name before 5.0
            **({"category": category} if category else {}),
            **({"tags": ",".join(tags)} if tags else {}),
            # a path of its own and automatic management exclude each other
            **({"savepath": save_path, "autoTMM": "false"} if save_path else {}),
        }

        def form() -> FormData:
            filled = FormData(fields)
            if isinstance(source, bytes):
                filled.add_field("torrents", source, filename="a.torrent", content_type="application/x-bittorrent")
            else:
                filled.add_field("urls", source)
            return filled

        answer = await self._request("POST", "torrents/add", form=form)
        if answer.body.lstrip().startswith(b"{"):
            added = Fields(answer.json(), answer.where)
            return AddedTorrents(hashes=added.texts("added_torrent_ids"), pending=added.whole("pending_count", 0) > 0)
        if answer.text.strip() == "Fails.":
            raise Refused(f"{answer.where}: not added; it is there already or it is no torrent", status=409)
        if answer.text.strip() != "Ok.":
            raise UnexpectedResponse(f"{answer.where}: an answer that this API doesn't have", status=answer.status)
        hash_ = hash_of_torrent_file(source) if isinstance(source, bytes) else hash_of_magnet(source)
        return AddedTorrents(hashes=(hash_,) if hash_ else (), pending=not hash_)

    # --- acting on the whole client ------------------------------------------------------------------------------

    async def set_settings(self, preferences: Mapping[str, Any]) -> None:
        """Change preferences, by the API's names; the others stay. What came of it tells `settings`."""
        await self._post("app/setPreferences", {"json": orjson.dumps(dict(preferences)).decode()})

    async def set_download_limit(self, bytes_per_second: int) -> None:
        """Limit the download rate, 0 for none. While the alternative limits are on, it is theirs that changes.

        qBittorrent keeps whole KiB per second, rounded down, but at least one.
        """
        await self._post("transfer/setDownloadLimit", {"limit": str(max(0, bytes_per_second))})

    async def set_upload_limit(self, bytes_per_second: int) -> None:
        """Limit the upload rate, 0 for none; otherwise as `set_download_limit`."""
        await self._post("transfer/setUploadLimit", {"limit": str(max(0, bytes_per_second))})

    async def set_alternative_limits(self, alternative: bool) -> None:  # noqa: FBT001 -- it is the value itself
        """Use the alternative limits, or the ordinary ones."""
        await self._post("transfer/setSpeedLimitsMode", {"mode": "1" if alternative else "0"})

    # --- requests ------------------------------------------------------------------------------------------------

    async def _stop_or_start(self, name: str, name_before_5: str, hashes: Collection[str] | None) -> None:
        """Use the name of this version, the other one where it was replaced since we looked."""
        names = await self._names(name, name_before_5)
        try:
            await self._act(names[0], hashes)
        except NotFound:
            await self._act(names[1], hashes)
            await self.version()

    async def _names(self, name: str, name_before_5: str) -> tuple[str, str]:
        """Return two names, that of this version first."""
        version = self._version or await self.version()
        return (name, name_before_5) if version.api >= API_STOP_START else (name_before_5, name)

    async def _row(self, torrent_hash: str, **filters: str) -> dict[str, Any] | None:
        """Return a torrent's row of `torrents/info`, None when there is none (that passes the filter)."""
        rows = await self._json(_INFO, {"hashes": torrent_hash, **filters})
        # without a hash, or with one that it can't read, qBittorrent may list others
        found = (row for fields, row in zip(each(rows, _INFO), rows, strict=True) if fields.raw("hash") == torrent_hash)
        return next(found, None)

    async def _act(self, action: str, hashes: Collection[str] | None, **options: str | float) -> None:
        """Do something to torrents. Hashes that the client doesn't have are ignored by it."""
        if hashes is None or hashes:
            form = {name: _spelled(value) for name, value in options.items()}
            await self._post(f"torrents/{action}", {"hashes": "all" if hashes is None else "|".join(hashes), **form})


def _spelled(value: str | float) -> str:
    """Spell a form's value as the API does."""
    return str(value).lower() if isinstance(value, bool) else str(value)
