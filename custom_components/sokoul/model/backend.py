"""A connected program as the rest of the model sees it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .downloads import DownloadClientSnapshot
from .library import ArrSnapshot, IndexerManagerSnapshot
from .vpn import VpnSnapshot

type Snapshot = DownloadClientSnapshot | ArrSnapshot | IndexerManagerSnapshot | VpnSnapshot


class BackendKind(StrEnum):
    """The kinds of backend that the model joins; there are others, which it leaves alone."""

    QBITTORRENT = "qbittorrent"
    RADARR = "radarr"
    SONARR = "sonarr"
    PROWLARR = "prowlarr"
    GLUETUN = "gluetun"


DOWNLOAD_CLIENT_KINDS = frozenset({BackendKind.QBITTORRENT})
ARR_KINDS = frozenset({BackendKind.RADARR, BackendKind.SONARR})
VPN_KINDS = frozenset({BackendKind.GLUETUN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One connected program, account or device.

    `snapshot` is the newest there was: it stays while the backend is unavailable, and is None until the first one.
    `unavailable_since` is None while it answers, and also when it has never answered. Of its kind, SOKOUL needs
    `oldest_version` and does best from `recommended_version` on (empty: any version will do).
    """

    id: str
    kind: str
    title: str
    available: bool = True
    snapshot: Snapshot | None = None
    url: str = ""
    version: str = ""  # as it names it; empty while it is not known
    oldest_version: tuple[int, ...] = ()
    recommended_version: tuple[int, ...] = ()
    unavailable_since: datetime | None = None
    distrusted: bool = False  # a download client whose guard can't say that its VPN is all right at the moment
    trusted_since: datetime | None = None  # when it last could again; None: it was never otherwise

    @property
    def client(self) -> DownloadClientSnapshot | None:
        """The snapshot, if this is a download client that was read."""
        return self.snapshot if isinstance(self.snapshot, DownloadClientSnapshot) else None

    @property
    def arr(self) -> ArrSnapshot | None:
        """The snapshot, if this is an *arr that was read."""
        return self.snapshot if isinstance(self.snapshot, ArrSnapshot) else None

    @property
    def indexer_manager(self) -> IndexerManagerSnapshot | None:
        """The snapshot, if this is an indexer manager that was read."""
        return self.snapshot if isinstance(self.snapshot, IndexerManagerSnapshot) else None

    @property
    def vpn(self) -> VpnSnapshot | None:
        """The snapshot, if this is a VPN that was read."""
        return self.snapshot if isinstance(self.snapshot, VpnSnapshot) else None
