"""How a Radarr or Sonarr judges releases: what it says against each, and which it likes best.

The judges come in groups, and the first group that objects is the last one that is asked: who looks at profile, size,
seeders, library and queue comes before the blocklist and the delay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .arr_delays import DelayProfile
from .library import Wanted
from .quality import Quality, QualityProfile
from .releases import Release

#: what is said against a release that is good but has to wait
WAITING = "Waiting for better quality release"

if TYPE_CHECKING:
    from .arr import ArrSimulator


class Source(Enum):
    """What made the application look at releases, as its history names it."""

    RSS = "Rss"
    SEARCH = "Search"
    USER_SEARCH = "UserInvokedSearch"
    INTERACTIVE = "InteractiveSearch"
    PUSH = "ReleasePush"

    @property
    def by_a_person(self) -> bool:
        """Whether somebody asked: then nothing is delayed, and what isn't monitored is searched, too."""
        return self in {Source.USER_SEARCH, Source.INTERACTIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """What the two applications word differently."""

    unknown: str
    no_match: str  # when such a release is to be grabbed
    not_monitored: str
    minimum_score: str
    file_cutoff: str
    queue_cutoff: str
    mismatch: str  # when a download can't be imported because nobody knows what it is
    not_all_imported: str
    file: str  # what they call a video
    unknown_import: str  # a file of an unknown title
    unknown_file: str  # a file that is nothing of a known title


class _Than(Enum):
    """Why one thing is no upgrade of another, with the sentence's end."""

    PREFERENCE = "is of equal or higher preference: {quality}"
    CUTOFF = "meets quality cutoff: {cutoff}"
    FORMAT_CUTOFF = "meets Custom Format cutoff: 0"
    FORMAT_SCORE = "has an equal or higher Custom Format score: {score}"
    NO_UPGRADES = "and Quality Profile '{profile}' does not allow upgrades"


class Decisions:
    """Judges releases."""

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr

    def rejections(
        self, release: Release, requested: Sequence[Wanted], source: Source = Source.INTERACTIVE
    ) -> list[str]:
        """Return what is said against a release that was found for these titles; nothing: it is approved."""
        if not release.wanted:
            return [self.arr.sentences.unknown]
        return (
            self._by_default(release, requested, source)
            or self._by_database(release)
            or self._by_delay(release, source)
        )

    @staticmethod
    def preference(release: Release) -> tuple[int, int, int, int]:
        """Return by what releases are ranked: quality, custom format score, seeders (as a power of ten), size."""
        seeders = len(str(release.seeders)) if release.seeders else 0
        return release.quality.weight, release.score, seeders, release.size_bytes

    # --- the judges ----------------------------------------------------------------------------------------------

    def _by_default(self, release: Release, requested: Sequence[Wanted], source: Source) -> list[str]:
        profile = self.arr.profile_of(release.wanted[0])
        reasons = list(release.objections)
        if not profile.allows(release.quality):
            reasons.append(f"{self._name(release.quality)} is not wanted in profile")
        if self.arr.delays.profile_of(release.wanted[0]).delay(release.indexer.protocol) is None:
            reasons.append(f"{release.indexer.protocol.capitalize()} is not enabled for this {self.arr.kind}")
        if release.score < 0:
            reasons.append(self.arr.sentences.minimum_score.format(score=release.score))
        if release.seeders is not None and release.seeders < 1:
            reasons.append(f"Not enough seeders: {release.seeders}. Minimum seeders: 1")
        if not source.by_a_person and not all(map(self.arr.is_monitored, release.wanted)):
            reasons.append(self.arr.sentences.not_monitored)
        reasons += self.arr.search_objections(release, requested)
        reasons += self._by_library(release, profile) + self._by_queue(release, profile)
        return reasons

    def _by_library(self, release: Release, profile: QualityProfile) -> list[str]:
        for one in release.wanted:
            if one.file is None:
                continue
            if not self._cutoff_unmet(profile, one.file.quality, 0):
                return [self.arr.sentences.file_cutoff.format(cutoff=self._name(profile.cutoff))]
            if than := self._no_upgrade(profile, one.file.quality, 0, release):
                return [f"Existing file on disk {self._end(than, profile, one.file.quality, 0)}"]
        return []

    def _by_queue(self, release: Release, profile: QualityProfile) -> list[str]:
        """Look at what is being downloaded for any of the titles; what is delayed or failed doesn't count."""
        titles = set(map(id, release.wanted))
        for item in self.arr.queue.items:
            if item.pending or item.tracked_state == "failedPending" or not titles & set(map(id, item.wanted)):
                continue
            if not self._cutoff_unmet(profile, item.quality, item.score):
                return [f"{self.arr.sentences.queue_cutoff}: {self._model(item.quality)}"]
            if than := self._no_upgrade(profile, item.quality, item.score, release):
                return [f"Release in queue {self._end(than, profile, item.quality, item.score)}"]
        return []

    def _by_database(self, release: Release) -> list[str]:
        return ["Release is blocklisted"] if self.arr.blocklist.holds(release) else []

    def _by_delay(self, release: Release, source: Source) -> list[str]:
        if source.by_a_person or not self.delay_profile(release).waits(release, self.arr.clock.now()):
            return []
        return [WAITING]

    def delay_profile(self, release: Release) -> DelayProfile:
        """Return the delay profile that a release falls under."""
        return self.arr.delays.profile_of(release.wanted[0])

    # --- upgrades ------------------------------------------------------------------------------------------------

    @staticmethod
    def _cutoff_unmet(profile: QualityProfile, quality: Quality, score: int) -> bool:
        lowest = min(profile.allowed, key=lambda allowed: allowed.weight)
        cutoff = profile.cutoff if profile.upgrade_allowed else lowest
        return quality.weight < cutoff.weight or score < 0

    def _no_upgrade(self, profile: QualityProfile, quality: Quality, score: int, release: Release) -> _Than | None:
        """Return why a release is no upgrade of what has this quality and score; None: it is one."""
        better = release.quality.weight - quality.weight
        if better > 0 and self._cutoff_unmet(profile, quality, 0):
            return None
        if better < 0:
            return _Than.PREFERENCE
        if not profile.upgrade_allowed:
            return _Than.NO_UPGRADES
        if better > 0:
            return _Than.CUTOFF
        if release.score <= score:
            return _Than.FORMAT_SCORE
        return _Than.FORMAT_CUTOFF if score >= 0 else None

    def _end(self, than: _Than, profile: QualityProfile, quality: Quality, score: int) -> str:
        return than.value.format(
            quality=self._model(quality), cutoff=self._name(profile.cutoff), score=score, profile=profile.name
        )

    def _name(self, quality: Quality) -> str:
        return str(self.arr.quality_json(quality)["quality"]["name"])

    def _model(self, quality: Quality) -> str:
        return f"{self._name(quality)} v1"
