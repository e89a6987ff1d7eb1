"""Sonarr, API v3."""

from ..clients.sonarr import SonarrClient
from .arr import arr_connector

SONARR = arr_connector(kind="sonarr", name="Sonarr", default_port=8989, oldest_version=(4,), client=SonarrClient)
