"""A whole simulated stack in which something of everything goes on, the same one each time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId

from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import PASSWORD, PROWLARR_ID, RADARR_ID, SONARR_ID, USERNAME, qbittorrent_subentry, servarr_subentry

#: one torrent of each kind, by what it does
BEHAVIOURS = (
    "downloading",
    "stalled",
    "metadata",
    "stopped",
    "error",
    "missing_files",
    "checking",
    "moving",
    "seeding",
    "idle",
    "completed",
)
DOWNLOAD_RATE = 5_000_000  # bytes per second
UPLOAD_RATE = 1_250_000
FREE_BYTES = 500_000_000_000


@dataclass(frozen=True)
class Stack:
    """The simulators of a whole stack."""

    qbittorrent: QbittorrentSimulator
    radarr: RadarrSimulator
    sonarr: SonarrSimulator
    prowlarr: ProwlarrSimulator

    def subentries(self, **preferences: dict[str, Any]) -> tuple[ConfigSubentryDataWithId, ...]:
        """Return the subentries of all of them; preferences by kind."""
        return (
            qbittorrent_subentry(self.qbittorrent),
            servarr_subentry(self.radarr, RADARR_ID, preferences=preferences.get("radarr")),
            servarr_subentry(self.sonarr, SONARR_ID, preferences=preferences.get("sonarr")),
            servarr_subentry(self.prowlarr, PROWLARR_ID),
        )

    async def fill(self) -> None:
        """Let something of everything go on."""
        for behaviour in BEHAVIOURS:
            self.qbittorrent.add_torrent(behaviour, behaviour, rate=DOWNLOAD_RATE)
        self.qbittorrent.engine.totals.downloaded = 2e12
        self.qbittorrent.engine.totals.uploaded = 3e12
        self.qbittorrent.engine.set_limit("up", 512 * 1024)
        movie, other = list(self.radarr.library.movies.values())[:2]
        for arr in (self.radarr, self.sonarr):
            arr.add_qbittorrent(self.qbittorrent.url, username=USERNAME, password=PASSWORD, category=arr.name)
        downloading = self.qbittorrent.torrents[self.hash_of("downloading")]
        self.radarr.queue_item(movie, title="downloading", download_id=downloading.hash.upper())
        self.radarr.queue_item(
            other, title="blocked", progress=1.0, status="completed", tracked_status="warning",
            tracked_state="importBlocked",
        )  # fmt: skip
        self.radarr.health_issue("IndexerStatusCheck", "warning", "Indexers unavailable due to failures: Tin Can")
        self.radarr.health_issue("UpdateCheck", "notice", "New update is available")
        first, second, *_ = self.prowlarr.indexers.items
        self.prowlarr.fail_indexer(first, timedelta(hours=3))
        self.prowlarr.indexers.items[second].attributes["enable"] = False

    def hash_of(self, name: str) -> str:
        """Return the info hash of a torrent."""
        return next(key for key, torrent in self.qbittorrent.torrents.items() if torrent.name == name)
