"""Which languages a release is spoken in, as far as its name tells, and whether they are those that are wanted."""

from collections.abc import Sequence
from typing import Final

from .attributes import Dub, ReleaseName
from .identify import Wanted
from .liking import liking
from .policy import ORIGINAL, Policy

#: Of a wish: where several languages are spoken but not which, subtitles that will do, and another dub than one likes.
_PROBABLY: Final = 0.8
_READ: Final = 0.4
_OTHER_DUB: Final = 0.85


def spoken(name: ReleaseName, wanted: Wanted) -> tuple[str, ...]:
    """Return the languages that are surely spoken: those named; the original where none is, or several are.

    The original is ORIGINAL where nobody knows which language that is.
    """
    if name.languages and not name.dubs & {Dub.MULTI, Dub.DUAL}:
        return name.languages
    return tuple(dict.fromkeys((*name.languages, wanted.original_language or ORIGINAL)))


def speaks(name: ReleaseName, wanted: Wanted, policy: Policy) -> float:
    """Return how well the languages of a release are those that a person wants, from 0 to 1."""
    order = wished(policy.languages, wanted)
    if not order:
        return 1.0
    said = spoken(name, wanted)
    heard = max((liking(each, order) * _dub_share(each, name, policy) for each in said), default=0.0)
    guessed = _PROBABLY if name.dubs & {Dub.MULTI, Dub.DUAL} and not name.languages else 0.0
    read = _READ * max((liking(each, policy.subtitles) for each in name.subtitles), default=0.0)
    return max(heard, guessed, read)


def wished(languages: Sequence[str], wanted: Wanted) -> tuple[str, ...]:
    """Return the wished languages, the original by its own name where that is known."""
    named = (wanted.original_language or each if each == ORIGINAL else each for each in languages)
    return tuple(dict.fromkeys(named))


def _dub_share(language: str, name: ReleaseName, policy: Policy) -> float:
    if language != "fr" or not policy.french_dubs:
        return 1.0
    return 1.0 if name.dubs & set(policy.french_dubs) else _OTHER_DUB
