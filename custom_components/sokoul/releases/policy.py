"""What a person wants of a release, in words that a person uses."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .attributes import Audio, Codec, Dub, Flag, Resolution, Source

#: In a list of languages: the one that the title was made in.
ORIGINAL = "original"


class Want(StrEnum):
    """How much something is wanted."""

    ANY = "any"
    PREFER = "prefer"
    REQUIRE = "require"
    REFUSE = "refuse"


class SizeWish(StrEnum):
    """How large a file may be for its picture."""

    SMALL = "small"
    BALANCED = "balanced"
    LARGE = "large"  # the best picture, whatever it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a person wants. Lists begin with what is liked best; what is in no list is taken, but earns nothing."""

    minimum_resolution: Resolution | None = Resolution.P1080
    best_resolution: Resolution = Resolution.P2160  # more lines than these are no better
    cinema_recordings: bool = False  # CAM, telesync and their like; even then they come behind everything else
    sources: tuple[Source, ...] = (
        Source.BLURAY,
        Source.WEB_DL,
        Source.WEBRIP,
        Source.HDTV,
        Source.DVD,
        Source.TV,
        Source.VHS,
    )
    refused_sources: frozenset[Source] = frozenset()
    codecs: tuple[Codec, ...] = (Codec.H265, Codec.AV1, Codec.H264)
    refused_codecs: frozenset[Codec] = frozenset()
    languages: tuple[str, ...] = ()  # ISO 639-1 or ORIGINAL; none: all are welcome
    languages_wanted: Want = Want.PREFER  # REQUIRE refuses what is spoken in none of them
    french_dubs: tuple[Dub, ...] = ()  # of French soundtracks
    subtitles: tuple[str, ...] = ()  # languages of subtitles that will do where nobody speaks as wanted
    hdr: Want = Want.ANY
    audio: tuple[Audio, ...] = (
        Audio.ATMOS,
        Audio.DTS_X,
        Audio.TRUEHD,
        Audio.DTS_HD_MA,
        Audio.FLAC,
        Audio.DDP,
        Audio.DTS_HD,
        Audio.DTS,
        Audio.DD,
        Audio.AAC,
    )
    size: SizeWish = SizeWish.BALANCED
    most_bytes_per_hour: int | None = None
    preferred_groups: frozenset[str] = frozenset()
    refused_groups: frozenset[str] = frozenset()
    refused_flags: frozenset[Flag] = frozenset({Flag.SAMPLE, Flag.THREE_D, Flag.DISC, Flag.UPSCALED, Flag.HARDSUB})
    minimum_seeders: int = 1  # of torrents that no debrid service has already
    oldest: timedelta | None = None  # on Usenet; torrents don't age
    only_cached: bool = False  # by a debrid service
