"""Why a release is not to be taken, every reason of it."""

from collections.abc import Iterable, Iterator
import re
from typing import Final

from ..model.library import Protocol
from ..model.reasons import Reason
from ..model.releases import QualityProfile
from .attributes import Flag, Hdr, ReleaseName, Resolution
from .formats import formats_score
from .identify import Certainty, Match, Wanted, is_in_3d
from .labels import CODEC, SOURCE
from .languages import speaks, wished
from .merge import Release
from .policy import ORIGINAL, Policy, Want
from .qualities import known_to
from .sizes import bytes_per_hour, is_implausible

_FLAGS: Final = {
    Flag.SAMPLE: "release.refused_sample",
    Flag.THREE_D: "release.refused_3d",
    Flag.DISC: "release.refused_disc",
    Flag.UPSCALED: "release.refused_upscaled",
    Flag.HARDSUB: "release.refused_hardsub",
    Flag.REMUX: "release.refused_remux",
}
#: Another person might take it: it is the title, it isn't a fake, and somebody has it.
_BY_TASTE: Final = frozenset(
    {
        *("release.refused_resolution", "release.refused_resolution_unknown", "release.refused_size"),
        *("release.refused_source", "release.refused_codec", "release.refused_hdr", "release.refused_no_hdr"),
        *("release.refused_language", "release.refused_not_original", "release.refused_group"),
        *("release.refused_3d", "release.refused_disc", "release.refused_upscaled", "release.refused_hardsub"),
        *("release.refused_remux", "release.refused_quality", "release.refused_formats"),
        *("release.refused_uncached", "release.refused_seeders"),
    }
)
#: What Radarr 6 and Sonarr 4 say by what a person set there; of anything else nobody knows whether it can be had.
_TASTE_OF_ARR: Final = re.compile(
    r"profile|cutoff|preference|custom format|is wanted, but found|maximum allowed|minimum allowed|terms"
    r"|hardcode subs|better quality",
    re.IGNORECASE,
)


def refusals(
    release: Release,
    wanted: Wanted,
    match: Match,
    policy: Policy,
    profile: QualityProfile | None,
    least: Resolution | None = None,
) -> Iterator[Reason]:
    """Yield why a release of a title is not to be taken; nothing where it may be.

    The lines of the picture are the business of the quality profile where there is one, unless `least` is asked for
    this title alone.
    """
    if match.certainty <= Certainty.UNSURE:
        yield match.reason
    yield from _by_picture(release.name, wanted, policy)
    if least is None and profile is None:
        least = policy.minimum_resolution
    if least is not None:
        yield from _by_lines(release.name, least)
    if profile is None:
        yield from _by_words(release.name, wanted, policy)
    else:
        yield from _by_arr(release, wanted, profile)
    yield from _by_size(release, wanted, policy)
    yield from _by_indexers(release, policy)


def stands_refused(release: Release, reasons: Iterable[Reason]) -> bool:
    """Tell whether a release that is refused is there all the same: only for a person's taste it isn't to be taken."""
    if release.protocol is Protocol.TORRENT and release.seeders == 0 and not release.cached:
        return False
    return all(_is_taste(each) for each in reasons)


def _is_taste(reason: Reason) -> bool:
    if reason.key != "release.refused_arr":
        return reason.key in _BY_TASTE
    said = reason.parameters["said"]
    return isinstance(said, tuple) and all(_TASTE_OF_ARR.search(str(each)) for each in said)


def _by_picture(name: ReleaseName, wanted: Wanted, policy: Policy) -> Iterator[Reason]:
    """Yield what speaks against the picture, whatever its lines."""
    if name.is_cam and name.source and not policy.cinema_recordings:
        yield Reason(key="release.refused_cinema", parameters={"source": SOURCE[name.source]})
    elif name.source in policy.refused_sources and name.source:
        yield Reason(key="release.refused_source", parameters={"source": SOURCE[name.source]})
    if Flag.EXTRAS in name.flags:  # whatever is wanted of it, it isn't the film
        yield Reason(key="release.refused_extras")
    flags = name.flags if is_in_3d(name, wanted) else name.flags - {Flag.THREE_D}
    for flag in sorted(flags & policy.refused_flags & _FLAGS.keys()):
        yield Reason(key=_FLAGS[flag])


def _by_lines(name: ReleaseName, least: Resolution) -> Iterator[Reason]:
    if name.resolution is None:
        yield Reason(key="release.refused_resolution_unknown", parameters={"least": least.label})
    elif name.resolution < least:
        yield Reason(
            key="release.refused_resolution", parameters={"resolution": name.resolution.label, "least": least.label}
        )


def _by_words(name: ReleaseName, wanted: Wanted, policy: Policy) -> Iterator[Reason]:
    if policy.languages_wanted is Want.REQUIRE and speaks(name, wanted, policy) <= 0:
        named = tuple(each.upper() for each in wished(policy.languages, wanted) if each != ORIGINAL)
        yield (
            Reason(key="release.refused_language", parameters={"languages": named})
            if named
            else Reason(key="release.refused_not_original")
        )
    if name.codec in policy.refused_codecs and name.codec:
        yield Reason(key="release.refused_codec", parameters={"codec": CODEC[name.codec]})
    if policy.hdr is Want.REQUIRE and not name.hdr - {Hdr.SDR}:
        yield Reason(key="release.refused_no_hdr")
    if policy.hdr is Want.REFUSE and name.hdr - {Hdr.SDR}:
        yield Reason(key="release.refused_hdr")
    if name.group and name.group.casefold() in {group.casefold() for group in policy.refused_groups}:
        yield Reason(key="release.refused_group", parameters={"group": name.group})


def _by_arr(release: Release, wanted: Wanted, profile: QualityProfile) -> Iterator[Reason]:
    """Yield why the *arr would not take it: in its own words, which are English, or by its profile."""
    quality, rank = known_to(profile, release)
    if quality is not None and rank is None:
        yield Reason(key="release.refused_quality", parameters={"quality": quality, "profile": profile.name})
    told = formats_score(release, wanted, profile)
    if told is not None and told.at_best < profile.minimum_score:
        yield Reason(key="release.refused_formats", parameters={"score": told.score, "least": profile.minimum_score})
    opinion = release.arr
    if opinion is None:
        return
    if not opinion.acceptable and opinion.rejections:
        yield Reason(key="release.refused_arr", parameters={"said": opinion.rejections})


def _by_size(release: Release, wanted: Wanted, policy: Policy) -> Iterator[Reason]:
    per_hour = bytes_per_hour(release, wanted)
    if per_hour is None:
        return
    if is_implausible(per_hour, release.name):
        yield Reason(key="release.refused_implausible", parameters={"size": release.size_bytes or 0})
    if policy.most_bytes_per_hour is not None and per_hour > policy.most_bytes_per_hour:
        yield Reason(
            key="release.refused_size", parameters={"size": round(per_hour), "most": policy.most_bytes_per_hour}
        )


def _by_indexers(release: Release, policy: Policy) -> Iterator[Reason]:
    if policy.only_cached and not release.cached:
        yield Reason(key="release.refused_uncached")
    if release.protocol is Protocol.TORRENT and not release.cached:
        if release.seeders is not None and release.seeders < policy.minimum_seeders:
            yield Reason(
                key="release.refused_seeders", parameters={"count": release.seeders, "least": policy.minimum_seeders}
            )
    elif policy.oldest is not None and release.age is not None and release.age > policy.oldest and not release.cached:
        yield Reason(key="release.refused_age", parameters={"age": release.age})
