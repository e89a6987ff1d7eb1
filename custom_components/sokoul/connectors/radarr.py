"""Radarr, API v3."""

from ..clients.radarr import RadarrClient
from .arr import arr_connector

RADARR = arr_connector(kind="radarr", name="Radarr", default_port=7878, oldest_version=(5,), client=RadarrClient)
