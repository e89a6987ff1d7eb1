"""The very first look at all downloads, which is a report: nobody wants a flood of questions from what was just set up.

At each download client it is the first one whose evidence can be trusted. How far it came outlives a restart.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ..model.backend import DOWNLOAD_CLIENT_KINDS
from ..model.world import Download, World


class FirstLook:
    """Knows at which clients it has still to take place. It is over until `recall` says otherwise."""

    def __init__(self) -> None:
        self._over = True
        self._began = False
        self._had: frozenset[str] = frozenset()  # the clients at which it took place
        self._clients: frozenset[str] = frozenset()

    def recall(self, stored: Mapping[str, Any] | None) -> None:
        """Go on from what `as_json` returned. An empty mapping: it has yet to begin."""
        self._over = stored is None
        self._began = bool(stored)
        self._had = frozenset((stored or {}).get("had", ()))

    def as_json(self) -> Mapping[str, Any] | None:
        """Return how far it has come, None when it is over."""
        return None if self._over else {"had": sorted(self._had)}

    def begins(self, world: World) -> None:
        """Note at which clients it has to take place."""
        self._clients = frozenset(each.id for each in world.backends.values() if each.kind in DOWNLOAD_CLIENT_KINDS)

    def is_at(self, download: Download) -> bool:
        """Tell whether what is said of a download is only reported."""
        if self._over:
            return False
        if download.client_id in self._clients:
            return download.client_id not in self._had
        return not self._began

    def took_place(self, trusted: Collection[str]) -> None:
        """Note that all was looked at, and whose evidence could be trusted."""
        if not self._over:
            self._began = True
            self._had = self._had.union(trusted)
            self._over = self._clients <= self._had
