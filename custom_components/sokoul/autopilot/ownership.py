"""Whose torrent is it? Healing touches what a connected *arr waits for, and of that nothing that a person claimed."""

from collections.abc import Collection
from dataclasses import dataclass

from ..model.journal import Autonomy
from ..model.reasons import Reason
from .rules.base import Case

#: The category that torrents in quarantine are in: no *arr looks there.
QUARANTINE = "sokoul-quarantine"
#: Tags and categories that other tools and people use to say "not yours".
NEVER_TOUCH = frozenset({"cross-seed", "autobrr", "keep", "nohl"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What people and other tools claimed. Labels are compared as whole words, without regard to case."""

    labels: frozenset[str] = NEVER_TOUCH
    keys: frozenset[str] = frozenset()  # the never-touch list: info hashes, or the *arr's ids of what is no torrent
    ours: frozenset[str] = frozenset()  # info hashes that the autopilot grabbed itself

    def label_of(self, labels: Collection[str]) -> str | None:
        """Return the first of these labels that says "not yours"."""
        return next((label for label in sorted(labels) if label.casefold() in self.labels), None)


def ceiling(case: Case, claims: Claims) -> tuple[Autonomy, Reason | None]:
    """Return how far healing may go with a download at most, and why no further."""
    download, torrent = case.download, case.download.torrent
    if download.key in claims.keys:
        return Autonomy.OFF, Reason(key="claimed.protected")
    if label := claims.label_of({download.category, *download.tags}):
        return Autonomy.OFF, Reason(key="claimed.label", parameters={"label": label})
    if not download.claims and case.memory.restored_from is None:
        return Autonomy.OFF, Reason(key="claimed.nobody")
    if torrent is not None and torrent.forced:
        return Autonomy.OFF, Reason(key="claimed.forced")
    if case.facts.by_hand and download.key not in claims.ours:
        return Autonomy.SUGGEST, Reason(key="claimed.by_hand")
    return Autonomy.ACT, None
