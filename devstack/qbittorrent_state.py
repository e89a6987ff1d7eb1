"""What the simulated qBittorrent says of itself as a whole."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from .qbittorrent_torrent import SimulatedTorrent, TrackerStatus
from .qbittorrent_versions import Generation


@dataclass(slots=True, kw_only=True)
class Totals:
    """What counts over all torrents, in bytes."""

    downloaded: float = 0.0
    uploaded: float = 0.0
    downloaded_session: float = 0.0
    uploaded_session: float = 0.0
    download_rate: int = 0
    upload_rate: int = 0

    def count(self, down: float, up: float) -> None:
        """Add what went in and out."""
        self.downloaded += down
        self.downloaded_session += down
        self.uploaded += up
        self.uploaded_session += up


@dataclass(slots=True, kw_only=True)
class Weather:
    """Circumstances that a test sets."""

    connection_status: str = "connected"  # firewalled, disconnected
    free_bytes: float = 500e9
    dht_nodes: int = 380
    external_address: str = "203.0.113.7"
    external_address_v6: str = ""
    trackers: dict[str, tuple[TrackerStatus, str]] = field(
        default_factory=dict
    )  # that don't work: how, and their words
    interfaces: tuple[str, ...] = ("lo", "eth0")  # of its machine; what it is bound to is there, too
    without_address: set[str] = field(default_factory=set)  # of the interfaces: those that lead nowhere
    interfaces_gone: set[str] = field(default_factory=set)  # of those that it is bound to
    unwritable: set[str] = field(default_factory=set)  # folders below which nothing can be written
    state_lag_seconds: float = 0.0  # until a state shows that a torrent was stopped or started; really up to 1.5 s


class Client(Protocol):
    """What is looked at."""

    generation: Generation
    preferences: dict[str, Any]
    totals: Totals
    weather: Weather
    alternative_limits: bool

    @property
    def moving(self) -> Collection[SimulatedTorrent]:
        """The torrents that time changes."""

    def limit(self, side: str) -> int:
        """Return the global limit that counts now."""


def transfer_info(client: Client) -> dict[str, Any]:
    """Return `transfer/info`."""
    weather, totals = client.weather, client.totals
    state: dict[str, Any] = {
        "connection_status": weather.connection_status,
        "dht_nodes": weather.dht_nodes if client.preferences["dht"] else 0,
        "dl_info_data": int(totals.downloaded_session),
        "dl_info_speed": totals.download_rate,
        "dl_rate_limit": client.limit("dl"),
        "up_info_data": int(totals.uploaded_session),
        "up_info_speed": totals.upload_rate,
        "up_rate_limit": client.limit("up"),
    }
    if client.generation.since(2, 11, 3):
        state |= {
            "last_external_address_v4": weather.external_address,
            "last_external_address_v6": weather.external_address_v6,
        }
    return state


def server_state(client: Client) -> dict[str, Any]:
    """Return the `server_state` of `sync/maindata`."""
    down, up = client.totals.downloaded, client.totals.uploaded
    state = transfer_info(client) | {
        "alltime_dl": int(down),
        "alltime_ul": int(up),
        "average_time_queue": 0,
        "free_space_on_disk": int(client.weather.free_bytes),
        "global_ratio": f"{up / down:.2f}" if down > 0 and up > 0 else "-",
        "queued_io_jobs": 0,
        "queueing": client.preferences["queueing_enabled"],
        "read_cache_hits": "0",
        "read_cache_overload": "0",
        "refresh_interval": client.preferences["refresh_interval"],
        "total_buffers_size": 0,
        "total_peer_connections": sum(torrent.swarm.seeds for torrent in client.moving if torrent.running),
        "total_queued_size": 0,
        "total_wasted_session": 0,
        "use_alt_speed_limits": client.alternative_limits,
        "write_cache_overload": "0",
    }
    if client.generation.since(2, 11) and not client.generation.since(2, 11, 3):
        state["use_subcategories"] = False
    if client.generation.since(2, 16):
        state |= {"queued_tracker_announces": 0, "request_latency": 0, "session_state": False}
    return state
