"""Saying in short what a release is."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from .attributes import ReleaseName
from .labels import AUDIO, CODEC, DUB, FLAG, HDR, SOURCE


def chips(name: ReleaseName) -> tuple[str, ...]:
    """Return what a name says in a few words that are the same in every language: 2160p, WEB-DL, DV, VFF, Atmos 5.1."""
    return tuple(_chips(name))


def _chips(name: ReleaseName) -> Iterator[str]:
    if name.resolution is not None:
        yield name.resolution.label
    if name.source is not None:
        yield SOURCE[name.source]
    yield from _said(FLAG, name.flags)
    if name.codec is not None:
        yield CODEC[name.codec]
    yield from _said(HDR, name.hdr)
    sound = "/".join(_said(AUDIO, name.audio))
    if sound or name.channels:
        yield " ".join(part for part in (sound, name.channels) if part)
    yield from _said(DUB, name.dubs)
    yield from (language.upper() for language in name.languages)


def _said[T](labels: Mapping[T, str], said: Collection[T]) -> Iterable[str]:
    """Return the labels of what a name says, in the order of all labels."""
    return [label for each, label in labels.items() if each in said] if said else ()
