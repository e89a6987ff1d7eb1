"""Saying in short what a release is, and what makes one better than another."""

from collections.abc import Iterator

from ..model.reasons import Reason
from .attributes import Audio, Dub, Flag, Hdr, ReleaseName
from .labels import AUDIO, CODEC, DUB, FLAG, HDR, SOURCE
from .score import Aspect, Scored

#: Differences of less than so many points are no reason.
WORTH_SAYING = 0.5


def chips(name: ReleaseName) -> tuple[str, ...]:
    """Return what a name says in a few words that are the same in every language: 2160p, WEB-DL, DV, VFF, Atmos 5.1."""
    return tuple(_chips(name))


def _chips(name: ReleaseName) -> Iterator[str]:
    if name.resolution is not None:
        yield name.resolution.label
    if name.source is not None:
        yield SOURCE[name.source]
    yield from (FLAG[flag] for flag in Flag if flag in name.flags)
    if name.codec is not None:
        yield CODEC[name.codec]
    yield from (HDR[each] for each in Hdr if each in name.hdr)
    sound = "/".join(AUDIO[each] for each in Audio if each in name.audio)
    if sound or name.channels:
        yield " ".join(part for part in (sound, name.channels) if part)
    yield from (DUB[each] for each in Dub if each in name.dubs)
    yield from (language.upper() for language in name.languages)


def why_better(better: Scored, worse: Scored, most: int = 3) -> tuple[Reason, ...]:
    """Return what one release has over another, what counts most first: the parts in which it got more points."""
    others = {part.aspect: part.points for part in worse.parts}
    ahead = [
        (part.points - others.get(part.aspect, 0.0), part.reason)
        for part in better.parts
        if part.aspect is not Aspect.CLEAN or Aspect.CLEAN not in others
    ]
    ahead = [pair for pair in ahead if pair[0] >= WORTH_SAYING]
    return tuple(reason for _, reason in sorted(ahead, key=lambda pair: -pair[0])[:most])
