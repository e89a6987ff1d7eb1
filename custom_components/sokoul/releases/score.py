"""How good a release is for a person: 0 to 100, with the parts that it is made of, and why it is refused.

The points of a clean release begin where those of a recording in a cinema end, so that a CAM never beats a clean one,
whatever else it has. Nothing that is better in one respect, and equal in all others, ever scores less.

Where an *arr manages the title its quality profile takes the place of resolution and source, and its custom formats
that of language, codec, HDR, sound and group: a person has said there what they like.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
import math
from typing import Final

from ..model.library import Protocol
from ..model.reasons import Reason, known
from ..model.releases import QualityProfile
from .attributes import Audio, Dub, Hdr, ReleaseName, Resolution
from .formats import formats_score
from .identify import Match, Wanted
from .labels import AUDIO, CODEC, DUB, HDR, SOURCE
from .languages import speaks, spoken
from .liking import liking
from .merge import Release
from .policy import ORIGINAL, Policy, Want
from .qualities import known_to
from .refusal import refusals
from .sizes import bytes_per_hour, size_fits

#: Points that every clean release has; those of a recording in a cinema end below.
CLEAN: Final = 20.0
ALL: Final = 100.0
#: With so many seeders more of them are no faster.
MANY_SEEDERS: Final = 50
#: Custom formats have no scale: this score, or the profile's own cutoff, is three quarters of the points.
USUAL_FORMAT_SCORE: Final = 500


class Aspect(StrEnum):
    """What points are given for."""

    CLEAN = "clean"
    QUALITY = "quality"
    FORMATS = "formats"
    RESOLUTION = "resolution"
    LANGUAGE = "language"
    SOURCE = "source"
    AVAILABILITY = "availability"
    SIZE = "size"
    CODEC = "codec"
    HDR = "hdr"
    AUDIO = "audio"
    GROUP = "group"
    MENDED = "mended"
    AGE = "age"


_POINTS: Final = {
    Aspect.RESOLUTION: 20.0,
    Aspect.LANGUAGE: 18.0,
    Aspect.SOURCE: 10.0,
    Aspect.AVAILABILITY: 8.0,
    Aspect.SIZE: 6.0,
    Aspect.CODEC: 5.0,
    Aspect.HDR: 4.0,
    Aspect.AUDIO: 4.0,
    Aspect.GROUP: 3.0,
    Aspect.MENDED: 1.0,
    Aspect.AGE: 1.0,
}
_BY_QUALITY: Final = (Aspect.RESOLUTION, Aspect.SOURCE)
_BY_FORMATS: Final = (Aspect.LANGUAGE, Aspect.CODEC, Aspect.HDR, Aspect.AUDIO, Aspect.GROUP)


@dataclass(frozen=True, slots=True)
class Part:
    """Points for one aspect, out of the most that there are for it, and what they were given for."""

    aspect: Aspect
    points: float
    most: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A release, how good it is, and why; with any refusal it is not to be taken."""

    release: Release
    match: Match
    score: int
    parts: tuple[Part, ...]
    refusals: tuple[Reason, ...]

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals


def score(
    release: Release,
    wanted: Wanted,
    match: Match,
    policy: Policy,
    profile: QualityProfile | None = None,
    least: Resolution | None = None,
) -> Scored:
    """Return how good a release of a title is. `profile` is that of the *arr which manages the title.

    `least` is the resolution that this title has to have, whoever manages it.
    """
    name = release.name
    shares = tuple(_managed(release, wanted, policy, profile) if profile else _own(release, wanted, policy))
    scale = (CLEAN - 1) / (ALL - CLEAN) if name.is_cam else 1.0
    parts = tuple(Part(aspect, share * most * scale, most * scale, reason) for aspect, share, most, reason in shares)
    if not name.is_cam:
        parts = (Part(Aspect.CLEAN, CLEAN, CLEAN, Reason(key="release.part_clean")), *parts)
    return Scored(
        release=release,
        match=match,
        score=round(sum(part.points for part in parts)),
        parts=parts,
        refusals=tuple(refusals(release, wanted, match, policy, profile, least)),
    )


#: aspect, share of its points from 0 to 1, the most points, what for
type _Share = tuple[Aspect, float, float, Reason]


def _own(release: Release, wanted: Wanted, policy: Policy) -> Iterator[_Share]:
    name = release.name
    yield _share(Aspect.RESOLUTION, *_resolution(name, policy))
    yield _share(Aspect.SOURCE, *_source(name, policy))
    yield _share(Aspect.LANGUAGE, *_language(name, wanted, policy))
    yield _share(Aspect.CODEC, *_codec(name, policy))
    yield _share(Aspect.HDR, *_hdr(name, policy))
    yield _share(Aspect.AUDIO, *_audio(name, policy))
    yield _share(Aspect.GROUP, *_group(name, policy))
    yield from _common(release, wanted, policy)


def _managed(release: Release, wanted: Wanted, policy: Policy, profile: QualityProfile) -> Iterator[_Share]:
    yield _share(Aspect.QUALITY, *_quality(release, profile), most=sum(_POINTS[each] for each in _BY_QUALITY))
    yield _share(Aspect.FORMATS, *_formats(release, wanted, profile), most=sum(_POINTS[each] for each in _BY_FORMATS))
    yield from _common(release, wanted, policy)


def _common(release: Release, wanted: Wanted, policy: Policy) -> Iterator[_Share]:
    yield _share(Aspect.AVAILABILITY, *_availability(release))
    yield _share(Aspect.SIZE, *_size(release, wanted, policy))
    mended = min(release.name.revision, 1)
    yield _share(Aspect.MENDED, mended, Reason(key="release.part_mended", parameters={"count": release.name.revision}))
    yield _share(Aspect.AGE, *_age(release))


def _share(aspect: Aspect, share: float, reason: Reason, *, most: float | None = None) -> _Share:
    return aspect, share, _POINTS[aspect] if most is None else most, reason


# --- what the *arr says ----------------------------------------------------------------------------------------------


def _quality(release: Release, profile: QualityProfile) -> tuple[float, Reason]:
    quality, rank = known_to(profile, release)
    if quality is None:
        return 0.0, Reason(key="release.part_quality_unknown")
    if rank is None:
        return 0.0, Reason(key="release.part_quality", parameters={"quality": quality})
    return (rank + 1) / len(profile.allowed), Reason(key="release.part_quality", parameters={"quality": quality})


def _formats(release: Release, wanted: Wanted, profile: QualityProfile) -> tuple[float, Reason]:
    """Squeeze a score without bounds between 0 and 1: 0 is one half, the usual score three quarters."""
    told = formats_score(release, wanted, profile)
    if told is None:
        return 0.5, Reason(key="release.part_formats_unknown")
    usual = profile.cutoff_score if profile.cutoff_score > 0 else USUAL_FORMAT_SCORE
    share = 0.5 + 0.5 * told.score / (abs(told.score) + usual)
    return share, Reason(key="release.part_formats", parameters={"score": told.score})


# --- what the name says ----------------------------------------------------------------------------------------------

_LADDER: Final = tuple(Resolution)


def _resolution(name: ReleaseName, policy: Policy) -> tuple[float, Reason]:
    if name.resolution is None:
        return 0.0, Reason(key="release.part_resolution_unknown")
    steps = _LADDER.index(policy.best_resolution) + 1
    key = "release.part_resolution_inferred" if name.resolution_inferred else "release.part_resolution"
    share = min((_LADDER.index(name.resolution) + 1) / steps, 1.0)
    return share, Reason(key=key, parameters={"resolution": name.resolution.label})


def _source(name: ReleaseName, policy: Policy) -> tuple[float, Reason]:
    if name.source is None:
        return 0.3, Reason(key="release.part_source_unknown")
    return liking(name.source, policy.sources), Reason(
        key="release.part_source", parameters={"source": SOURCE[name.source]}
    )


def _codec(name: ReleaseName, policy: Policy) -> tuple[float, Reason]:
    if name.codec is None:
        return 0.0, Reason(key="release.part_codec_unknown")
    return liking(name.codec, policy.codecs), Reason(key="release.part_codec", parameters={"codec": CODEC[name.codec]})


def _audio(name: ReleaseName, policy: Policy) -> tuple[float, Reason]:
    best = max(name.audio, key=lambda each: (liking(each, policy.audio), each), default=None)
    if best is None:
        return 0.0, Reason(key="release.part_audio_unknown")
    labels = tuple(AUDIO[each] for each in Audio if each in name.audio)
    return liking(best, policy.audio), Reason(key="release.part_audio", parameters={"audio": labels})


_HDR_SHARES: Final = {Hdr.HDR10_PLUS: 0.9, Hdr.HDR10: 0.8, Hdr.DOLBY_VISION: 0.7, Hdr.HLG: 0.5}


def _hdr(name: ReleaseName, policy: Policy) -> tuple[float, Reason]:
    """Dolby Vision counts most with HDR10 below it: screens without it show that instead of false colours."""
    bright = name.hdr - {Hdr.SDR}
    labels = tuple(HDR[each] for each in Hdr if each in bright)
    reason = Reason(key="release.part_hdr", parameters={"hdr": labels}) if bright else Reason(key="release.part_no_hdr")
    match policy.hdr:
        case Want.ANY:
            return 1.0, reason
        case Want.REFUSE:
            return float(not bright), reason
    whole = Hdr.DOLBY_VISION in bright and bool(bright & {Hdr.HDR10, Hdr.HDR10_PLUS})
    return 1.0 if whole else max((_HDR_SHARES[each] for each in bright), default=0.0), reason


def _group(name: ReleaseName, policy: Policy) -> tuple[float, Reason]:
    if name.group is None:
        return 0.3, Reason(key="release.part_group_unknown")
    preferred = name.group.casefold() in {group.casefold() for group in policy.preferred_groups}
    key = "release.part_group_preferred" if preferred else "release.part_group"
    return 1.0 if preferred else 0.5, Reason(key=key, parameters={"group": name.group})


def _language(name: ReleaseName, wanted: Wanted, policy: Policy) -> tuple[float, Reason]:
    share = speaks(name, wanted, policy)
    said = tuple(each.upper() for each in spoken(name, wanted) if each != ORIGINAL)
    dubs = tuple(DUB[each] for each in Dub if each in name.dubs)
    if not said and not dubs:
        return share, Reason(key="release.part_language_unknown")
    return share, Reason(key="release.part_language", parameters={"languages": dubs + said})


# --- what the indexers say -------------------------------------------------------------------------------------------


def _availability(release: Release) -> tuple[float, Reason]:
    if release.cached:
        return 1.0, Reason(key="release.part_cached")
    if release.protocol is Protocol.USENET:
        return 1.0, Reason(key="release.part_usenet")
    if release.seeders is None:
        return 0.3, Reason(key="release.part_seeders_unknown")
    share = min(math.log1p(max(release.seeders, 0)) / math.log1p(MANY_SEEDERS), 1.0)
    return share, Reason(key="release.part_seeders", parameters={"count": release.seeders})


def _size(release: Release, wanted: Wanted, policy: Policy) -> tuple[float, Reason]:
    per_hour = bytes_per_hour(release, wanted)
    if per_hour is None:
        told = known(size=release.size_bytes)
        return 0.5, Reason(key="release.part_size" if told else "release.part_size_unknown", parameters=told)
    share = size_fits(per_hour, release.name, policy.size)
    return share, Reason(key="release.part_size_per_hour", parameters={"size": round(per_hour)})


def _age(release: Release) -> tuple[float, Reason]:
    if release.age is None:
        return 0.5, Reason(key="release.part_age_unknown")
    days = max(release.age.total_seconds() / 86_400, 0.0)
    return 1 / (1 + days / 365), Reason(key="release.part_age", parameters={"age": release.age})
