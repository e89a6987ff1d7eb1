"""Saying in short what a release is."""

from collections.abc import Iterator

from .attributes import Audio, Dub, Flag, Hdr, ReleaseName
from .labels import AUDIO, CODEC, DUB, FLAG, HDR, SOURCE


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
