"""Whose torrent is it? Healing touches what a connected *arr waits for, and of that nothing that a person claimed."""

from collections.abc import Collection
from dataclasses import dataclass
import re

from ..model.downloads import DownloadState
from ..model.journal import Autonomy
from ..model.reasons import Reason
from .rules.base import Case, Look

#: The category that torrents in quarantine are in: no *arr looks there.
QUARANTINE = "sokoul-quarantine"
#: Tags and categories that other tools and people use to say "not yours".
NEVER_TOUCH = frozenset({"cross-seed", "cross-seed-link", "autobrr", "keep", "nohl"})
#: What stands between the names of a category with others above it; cross-seed appends itself with a dot.
_BETWEEN = re.compile(r"[/.\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What people and other tools claimed.

    Labels are compared as a whole and by the names in them (`tv.cross-seed`), never by parts of names, without regard
    to case.
    """

    labels: frozenset[str] = NEVER_TOUCH
    keys: frozenset[str] = frozenset()  # the never-touch list: info hashes, or the *arr's ids of what is no torrent
    ours: frozenset[str] = frozenset()  # info hashes and names of what the autopilot grabbed itself

    def label_of(self, labels: Collection[str]) -> str | None:
        """Return the first of these labels that says "not yours"."""
        return next((label for label in sorted(labels) if self._says_so(label.casefold().strip())), None)

    def _says_so(self, label: str) -> bool:
        return label in self.labels or not self.labels.isdisjoint(_BETWEEN.split(label))


def ceiling(case: Case, claims: Claims) -> tuple[Autonomy, Reason | None]:
    """Return how far healing may go with a download at most, and why no further."""
    download, torrent = case.download, case.download.torrent
    if download.key in claims.keys:
        return Autonomy.OFF, Reason(key="claimed.protected")
    if label := claims.label_of({download.category, *download.tags}):
        return Autonomy.OFF, Reason(key="claimed.label", parameters={"label": label})
    if not download.claims and not case.memory.restored_from:
        return Autonomy.OFF, Reason(key="claimed.nobody")
    if torrent is not None and torrent.forced:
        return Autonomy.OFF, Reason(key="claimed.forced")
    if torrent is not None and torrent.state is DownloadState.STOPPED and not torrent.finished:
        return Autonomy.OFF, Reason(key="claimed.stopped")
    if claims.ours.isdisjoint({download.key, download.release, *(claim.item.release for claim in download.claims)}):
        if case.facts.by_hand:
            return Autonomy.SUGGEST, Reason(key="claimed.by_hand")
        if download.claims and Look.ORIGIN in case.facts.looked and case.facts.grabbed_at is None:
            return Autonomy.SUGGEST, Reason(key="claimed.unknown_origin")  # no *arr knows who brought it
    return Autonomy.ACT, None
