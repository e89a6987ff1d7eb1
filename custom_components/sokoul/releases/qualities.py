"""What Radarr and Sonarr call the quality of a release, told from its name.

Their profiles list qualities by name. An *arr tells it for what it found itself; for what others found it is told here,
by the rules of Radarr 6 and Sonarr 4. Both name most qualities alike; where they don't, both names are given.
"""

import re
from typing import Final

from ..model.releases import QualityProfile
from .attributes import Codec, Flag, ReleaseName, Resolution, Source
from .merge import Release

_ALONE: Final = {
    Source.CAM: "CAM",
    Source.TELESYNC: "TELESYNC",
    Source.TELECINE: "TELECINE",
    Source.WORKPRINT: "WORKPRINT",
    Source.SCREENER: "DVDSCR",
    Source.R5: "REGIONAL",
    Source.TV: "SDTV",
    Source.VHS: "SDTV",
}
_WITH_LINES: Final = {Source.WEB_DL: "WEBDL", Source.WEBRIP: "WEBRip", Source.BLURAY: "Bluray"}
#: They know no others: what is between counts as the next below.
_LINES: Final = {Resolution.P576: 480, Resolution.P1440: 1080, Resolution.P4320: 2160}


_LINES_IN = re.compile(r"-(\d{3,4})p")


def lines_of(profile: QualityProfile) -> tuple[int, int]:
    """Return the fewest and the most lines of a picture that a profile takes; 0 for what no quality tells."""
    qualities = (quality for equal in profile.allowed for quality in equal)
    lines = [int(found[1]) if (found := _LINES_IN.search(quality)) else 0 for quality in qualities]
    return min(lines, default=0), max(lines, default=0)


def names(release: ReleaseName) -> frozenset[str]:
    """Return the names of its quality; none where nothing tells it."""
    if release.source in _ALONE:
        return frozenset({_ALONE[release.source]})
    if release.source is Source.DVD:
        return frozenset({"DVD-R", "DVD"} if Flag.DISC in release.flags else {"DVD"})
    if Flag.DISC in release.flags:
        return frozenset({"BR-DISK"})
    if release.resolution is None:
        return frozenset()
    lines = _LINES.get(release.resolution, int(release.resolution))
    if release.source in _WITH_LINES:
        return _from_web_or_disc(release, lines)
    if release.codec is Codec.MPEG2 and release.source is Source.HDTV:
        return frozenset({"Raw-HD"})
    return frozenset({f"HDTV-{lines}p" if lines >= Resolution.P720 else "SDTV"})  # what no source is named for, too


def _from_web_or_disc(release: ReleaseName, lines: int) -> frozenset[str]:
    kind = _WITH_LINES[release.source] if release.source else ""
    if release.source is Source.BLURAY and release.resolution is Resolution.P576:
        return frozenset({"Bluray-576p"})
    if release.source is Source.BLURAY and Flag.REMUX in release.flags and lines >= Resolution.P1080:
        return frozenset({f"Remux-{lines}p", f"Bluray-{lines}p Remux"})
    return frozenset({f"{kind}-{lines}p"})


def known_to(profile: QualityProfile, release: Release) -> tuple[str | None, int | None]:
    """Return the quality of a release, and its place in a profile; None for what isn't known, or not taken."""
    if release.arr is not None and release.arr.quality is not None:
        return release.arr.quality, profile.rank(release.arr.quality)
    called = sorted(names(release.name))
    ranked = [(rank, name) for name in called if (rank := profile.rank(name)) is not None]
    if ranked:
        rank, name = max(ranked)
        return name, rank
    return (called[0] if called else None), None
