"""Qualities and languages as Radarr and Sonarr number and name them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_MEGABYTE = 1_000_000
FULL_HD = 1080
ULTRA_HD = 2160


@dataclass(frozen=True, slots=True)
class Quality:
    """A quality of a file: the same one has another name, source and sometimes number in each application."""

    name: str  # Radarr's
    id: int  # Radarr's
    source: str  # Radarr's
    resolution: int  # lines
    weight: int  # higher is better
    megabytes_a_minute: int  # typical
    token: str  # in a release name
    modifier: str = "none"
    sonarr_id: int | None = None  # where it differs
    sonarr_name: str | None = None
    sonarr_source: str = ""

    def size_bytes(self, minutes: int) -> int:
        """Return what a running time typically weighs."""
        return self.megabytes_a_minute * _MEGABYTE * max(minutes, 1)

    def radarr(self) -> dict[str, Any]:
        """Return Radarr's resource."""
        return {
            "id": self.id,
            "name": self.name,
            "source": self.source,
            "resolution": self.resolution,
            "modifier": self.modifier,
        }

    def sonarr(self) -> dict[str, Any]:
        """Return Sonarr's resource, which knows no modifier."""
        return {
            "id": self.sonarr_id or self.id,
            "name": self.sonarr_name or self.name,
            "source": self.sonarr_source,
            "resolution": self.resolution,
        }


UNKNOWN = Quality("Unknown", 0, "unknown", 0, 0, 10, "", sonarr_source="unknown")
SDTV = Quality("SDTV", 1, "tv", 480, 1, 7, "HDTV.x264", sonarr_source="television")
DVD = Quality("DVD", 2, "dvd", 480, 2, 11, "DVDRip.x264", sonarr_source="dvd")
HDTV_720P = Quality("HDTV-720p", 4, "tv", 720, 3, 20, "720p.HDTV.x264", sonarr_source="television")
WEBDL_720P = Quality("WEBDL-720p", 5, "webdl", 720, 4, 24, "720p.WEB-DL.DDP5.1.H.264", sonarr_source="web")
BLURAY_720P = Quality("Bluray-720p", 6, "bluray", 720, 5, 40, "720p.BluRay.x264", sonarr_source="bluray")
HDTV_1080P = Quality("HDTV-1080p", 9, "tv", 1080, 6, 42, "1080p.HDTV.H264", sonarr_source="television")
WEBRIP_1080P = Quality("WEBRip-1080p", 15, "webrip", 1080, 7, 34, "1080p.WEBRip.x265", sonarr_source="webRip")
WEBDL_1080P = Quality("WEBDL-1080p", 3, "webdl", 1080, 8, 52, "1080p.WEB-DL.DDP5.1.H.264", sonarr_source="web")
BLURAY_1080P = Quality("Bluray-1080p", 7, "bluray", 1080, 9, 88, "1080p.BluRay.DTS.x264", sonarr_source="bluray")
REMUX_1080P = Quality(
    "Remux-1080p",
    30,
    "bluray",
    1080,
    10,
    230,
    "1080p.BluRay.REMUX.AVC.DTS-HD.MA.5.1",
    modifier="remux",
    sonarr_id=20,
    sonarr_name="Bluray-1080p Remux",
    sonarr_source="blurayRaw",
)
WEBDL_2160P = Quality("WEBDL-2160p", 18, "webdl", 2160, 11, 135, "2160p.WEB-DL.DDP5.1.HDR.H.265", sonarr_source="web")
BLURAY_2160P = Quality("Bluray-2160p", 19, "bluray", 2160, 12, 210, "2160p.UHD.BluRay.HDR.x265", sonarr_source="bluray")
REMUX_2160P = Quality(
    "Remux-2160p",
    31,
    "bluray",
    2160,
    13,
    480,
    "2160p.UHD.BluRay.REMUX.DV.HDR.HEVC.TrueHD.7.1",
    modifier="remux",
    sonarr_id=21,
    sonarr_name="Bluray-2160p Remux",
    sonarr_source="blurayRaw",
)

QUALITIES = (
    UNKNOWN,
    SDTV,
    DVD,
    HDTV_720P,
    WEBDL_720P,
    BLURAY_720P,
    HDTV_1080P,
    WEBRIP_1080P,
    WEBDL_1080P,
    BLURAY_1080P,
    REMUX_1080P,
    WEBDL_2160P,
    BLURAY_2160P,
    REMUX_2160P,
)

LANGUAGES = {
    "Unknown": 0,
    "English": 1,
    "French": 2,
    "Spanish": 3,
    "German": 4,
    "Italian": 5,
    "Japanese": 8,
    "Russian": 11,
    "Swedish": 14,
}


def languages(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the resources of languages."""
    return [{"id": LANGUAGES[name], "name": name} for name in names]


@dataclass(slots=True)
class QualityProfile:
    """Which qualities a title may have, and from which on it is good enough."""

    id: int
    name: str
    allowed: tuple[Quality, ...]
    cutoff: Quality
    upgrade_allowed: bool = True
    groups: dict[str, tuple[Quality, ...]] = field(default_factory=dict)  # qualities shown as equals, by their name
    format_scores: dict[int, int] = field(default_factory=dict)  # what a custom format counts, by its id
    minimum_score: int = 0
    cutoff_score: int = 0

    def rows(self) -> Iterator[tuple[str | None, tuple[Quality, ...]]]:
        """Yield what a profile lists, the worst first: qualities, and groups with their names."""
        grouped = {quality: name for name, members in self.groups.items() for quality in members}
        told: set[str] = set()
        for quality in QUALITIES:
            name = grouped.get(quality)
            if name is None:
                yield None, (quality,)
            elif name not in told:
                told.add(name)
                yield name, self.groups[name]

    def allows(self, quality: Quality) -> bool:
        """Tell whether a release of this quality may be grabbed."""
        return quality in self.allowed

    def cutoff_unmet(self, quality: Quality) -> bool:
        """Tell whether a file of this quality should still be replaced by a better one."""
        return self.upgrade_allowed and quality.weight < self.cutoff.weight


def standard_profiles() -> dict[int, QualityProfile]:
    """Return profiles as a fresh installation has them."""
    everything = tuple(quality for quality in QUALITIES if quality is not UNKNOWN)
    high = tuple(quality for quality in everything if quality.resolution == FULL_HD)
    either = tuple(quality for quality in everything if quality.resolution in {720, FULL_HD})
    ultra = tuple(quality for quality in everything if quality.resolution == ULTRA_HD)
    return {
        profile.id: profile
        for profile in (
            QualityProfile(1, "Any", everything, BLURAY_1080P, upgrade_allowed=False),
            QualityProfile(4, "HD-1080p", high, BLURAY_1080P),
            QualityProfile(5, "Ultra-HD", ultra, WEBDL_2160P),
            QualityProfile(6, "HD - 720p/1080p", either, WEBDL_1080P),
        )
    }
