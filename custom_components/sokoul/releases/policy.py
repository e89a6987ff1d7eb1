"""What a person wants of a release, in words that a person uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Any

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


class FetchBy(StrEnum):
    """Who gets a release, in the order in which they are asked where nothing else is said."""

    ARR = "arr"  # Radarr or Sonarr, where it has the title: it imports what comes
    CACHED = "cached"  # a debrid account that has it already
    CLIENT = "client"  # a torrent client
    DEBRID = "debrid"  # a debrid account that has to fetch it first


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a person wants. Lists begin with what is liked best; what is in no list is taken, but earns nothing."""

    minimum_resolution: Resolution | None = Resolution.P1080
    best_resolution: Resolution = Resolution.P2160  # more lines than these are no better
    upgrades: bool = True  # what is not good enough is replaced by something better, where no *arr does that
    good_enough: Resolution | None = Resolution.P1080  # nothing better is looked for then; None: than the best ones
    good_score: int | None = None  # nor before it has so many of 100 points; None: whatever it has
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
    fetch_by: tuple[FetchBy, ...] = tuple(FetchBy)  # who is left out gets nothing; none: as usual


# --- storing ---------------------------------------------------------------------------------------------------------


def policy_as_json(policy: Policy) -> dict[str, Any]:
    """Return what differs from the usual as JSON, for `policy_from_json`."""
    usual = Policy()
    values = {each.name: getattr(policy, each.name) for each in fields(Policy)}
    return {name: _plain(value) for name, value in values.items() if value != getattr(usual, name)}


def policy_from_json(stored: Mapping[str, Any]) -> Policy:
    """Return a stored policy. What a newer version stored and nobody knows here is left out, never an error."""
    known = {}
    for name, read in _READERS.items():
        if name in stored:
            try:
                known[name] = read(stored[name])
            except TypeError, ValueError, OverflowError:
                continue
    return Policy(**known)


def _plain(value: Any) -> Any:
    match value:
        case timedelta():
            return value.total_seconds()
        case frozenset():
            return sorted(_plain(each) for each in value)
        case tuple():
            return [_plain(each) for each in value]
        case Enum():
            return value.value
    return value


def _listed[E: Enum](kind: type[E]) -> Callable[[Any], tuple[E, ...]]:
    known = {member.value: member for member in kind}
    return lambda stored: tuple(dict.fromkeys(known[each] for each in _texts(stored) if each in known))


def _set[E: Enum](kind: type[E]) -> Callable[[Any], frozenset[E]]:
    listed = _listed(kind)
    return lambda stored: frozenset(listed(stored))


def _texts(stored: Any) -> tuple[str, ...]:
    if not isinstance(stored, list) or not all(isinstance(each, str) for each in stored):
        raise TypeError
    return tuple(stored)


def _flag(stored: Any) -> bool:
    if not isinstance(stored, bool):
        raise TypeError
    return stored


def _count(stored: Any) -> int:
    if isinstance(stored, bool) or not isinstance(stored, int) or stored < 0:
        raise TypeError
    return stored


def _or_none[T](read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda stored: None if stored is None else read(stored)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "minimum_resolution": _or_none(Resolution),
    "best_resolution": Resolution,
    "upgrades": _flag,
    "good_enough": _or_none(Resolution),
    "good_score": _or_none(_count),
    "cinema_recordings": _flag,
    "sources": _listed(Source),
    "refused_sources": _set(Source),
    "codecs": _listed(Codec),
    "refused_codecs": _set(Codec),
    "languages": _texts,
    "languages_wanted": Want,
    "french_dubs": _listed(Dub),
    "subtitles": _texts,
    "hdr": Want,
    "audio": _listed(Audio),
    "size": SizeWish,
    "most_bytes_per_hour": _or_none(_count),
    "preferred_groups": lambda stored: frozenset(_texts(stored)),
    "refused_groups": lambda stored: frozenset(_texts(stored)),
    "refused_flags": _set(Flag),
    "minimum_seeders": _count,
    "oldest": _or_none(lambda stored: timedelta(seconds=stored)),
    "only_cached": _flag,
    "fetch_by": _listed(FetchBy),
}
