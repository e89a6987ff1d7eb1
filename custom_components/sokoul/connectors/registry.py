"""Every kind of backend that SOKOUL knows. A new one is one line here."""

from typing import Any

from .base import Connector
from .docker import DOCKER
from .gluetun import GLUETUN
from .prowlarr import PROWLARR
from .qbittorrent import QBITTORRENT
from .radarr import RADARR
from .real_debrid import REAL_DEBRID
from .seerr import SEERR
from .sonarr import SONARR
from .thermal import THERMAL
from .tmdb import TMDB
from .torznab import TORZNAB

CONNECTORS: dict[str, Connector[Any, Any]] = {
    connector.kind: connector
    for connector in (
        QBITTORRENT,
        RADARR,
        SONARR,
        PROWLARR,
        TORZNAB,
        TMDB,
        SEERR,
        REAL_DEBRID,
        DOCKER,
        GLUETUN,
        THERMAL,
    )
}
