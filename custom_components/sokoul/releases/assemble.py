"""From the tags of a name to what they say together: a resolution that only the source tells, a disc nobody encoded."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from .attributes import (
    CAM_FAMILY,
    Audio,
    Codec,
    Dub,
    Edition,
    Flag,
    Hdr,
    Numbering,
    ReleaseName,
    Resolution,
    Source,
)
from .tokens import Channels, Depth, Hint, Language, Subtitles, Tag, Version

#: The streams of a disc as they were.
_WHOLE: Final = frozenset({Flag.REMUX, Flag.DISC})
_UHD_DISC: Final = frozenset({Hint.HEVC, Hint.BLU_RAY})
#: The sound of discs.
_LOSSLESS: Final = frozenset({Audio.TRUEHD, Audio.DTS_HD_MA, Audio.DTS_X, Audio.PCM})
_STANDARD_DEFINITION: Final = frozenset(
    {Source.DVD, Source.VHS, Source.TV, Source.HDTV, Source.WEB_DL, Source.WEBRIP, Source.R5}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in a name."""

    name: str
    titles: Sequence[str]
    title_in_3d: str | None
    tags: Sequence[Tag]
    group: str | None
    year: int | None
    numbering: Numbering
    flags: frozenset[Flag]  # by what surrounds the name
    version: int


@lru_cache(maxsize=1_024)
def _shared(kind: type, value: Any) -> Any:
    """Return one and the same object for what is equal. Names that were read are kept by the thousand.

    The kind has to be told: sets of different enums may be equal, as their members are texts.
    """
    del kind
    return value


def assemble(found: Found) -> ReleaseName:
    """Return what all of it says together."""
    gathered: dict[type, list[Any]] = defaultdict(list)
    for tag in found.tags:
        gathered[type(tag)].append(tag)
    hints = frozenset[Hint](gathered[Hint])
    flags = {*gathered[Flag], *found.flags}
    source = _source(gathered[Source], hints, flags)
    languages = _codes(gathered[Language])
    dubs = _dubs(gathered[Dub], hints, languages)
    if source is Source.BLURAY and not flags & _WHOLE and (untouched := _untouched(gathered, hints, languages, dubs)):
        flags.add(untouched)
    resolution, inferred = _resolution(gathered, source, hints, flags)
    if source is Source.TV and resolution is not None and resolution >= Resolution.P720:
        source = Source.HDTV
    return ReleaseName(
        name=found.name,
        title=found.titles[0],
        other_titles=tuple(found.titles[1:]),
        title_in_3d=found.title_in_3d,
        year=found.year,
        numbering=_shared(Numbering, _numbering(found.numbering, hints, flags)),
        resolution=resolution,
        resolution_inferred=inferred,
        source=source,
        codec=next(iter(gathered[Codec]), None),
        bit_depth=next((each.bits for each in gathered[Depth]), None),
        hdr=_shared(Hdr, frozenset[Hdr](gathered[Hdr])),
        audio=_shared(Audio, frozenset[Audio](gathered[Audio])),
        channels=next((each.layout for each in gathered[Channels]), None),
        languages=languages,
        subtitles=_codes(gathered[Subtitles]),
        dubs=_shared(Dub, dubs),
        editions=_shared(Edition, frozenset[Edition](gathered[Edition])),
        flags=_shared(Flag, frozenset(flags)),
        version=max((each.number for each in gathered[Version]), default=found.version),
        group=found.group,
    )


def _codes(named: Iterable[Language | Subtitles]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.code for each in named))


def _source(named: list[Source], hints: frozenset[Hint], flags: set[Flag]) -> Source | None:
    """Return the source: what was taken in a cinema says so once, whatever else is said."""
    if cinema := [each for each in named if each in CAM_FAMILY]:
        return cinema[0]
    if named:
        return named[0]
    if Hint.TRANSPORT in hints:
        return Source.TELESYNC
    if Hint.TELECINE in hints:
        return Source.TELECINE
    if hints & {Hint.PAL, Hint.NTSC}:
        return Source.DVD
    if flags & _WHOLE or hints & {Hint.UHD, Hint.M2TS}:
        return Source.BLURAY
    return None


def _untouched(
    gathered: dict[type, list[Any]], hints: frozenset[Hint], languages: tuple[str, ...], dubs: frozenset[Dub]
) -> Flag | None:
    """Return what a Blu-ray is whose picture nobody has encoded, told by its codec in the words of discs.

    German groups name a remux so: its soundtracks, its lines, and the codec of the disc. HEVC is what others call their
    encodings, too: it speaks of a disc beside `Blu-ray`, the sound of one, 2160 lines, and no bits.
    """
    if hints & {Hint.ENCODED, Hint.RIP, Hint.M2TS}:
        return None
    german = "de" in languages and bool(dubs & {Dub.DUAL, Dub.MULTI}) and bool(gathered[Resolution])
    if german and Hint.COMPLETE not in hints and (Hint.RAW in hints or Hint.HEVC in hints):
        return Flag.REMUX
    lines: list[Resolution] = gathered[Resolution]
    uhd = lines[0] >= Resolution.P2160 if lines else Hint.UHD in hints
    whole = uhd and hints >= _UHD_DISC and not gathered[Depth] and not _LOSSLESS.isdisjoint(gathered[Audio])
    return Flag.DISC if whole or Hint.RAW in hints else None


def _resolution(
    gathered: dict[type, list[Any]], source: Source | None, hints: frozenset[Hint], flags: set[Flag]
) -> tuple[Resolution | None, bool]:
    """Return the resolution, and whether it had to be inferred from the source."""
    named: list[Resolution] = gathered[Resolution]
    if named or Hint.FOUR_K in hints:
        return (named[0] if named else Resolution.P2160), False
    if Hint.UHD in hints:
        return Resolution.P2160, True
    if source is Source.BLURAY:
        return _bluray_lines(gathered[Codec], hints, flags), True
    if source in _STANDARD_DEFINITION or (source is Source.SCREENER and Hint.RIP in hints):
        return (Resolution.P576 if Hint.PAL in hints else Resolution.P480), True
    return None, False


def _bluray_lines(codecs: list[Codec], hints: frozenset[Hint], flags: set[Flag]) -> Resolution:
    if flags & _WHOLE:
        return Resolution.P1080
    small = Hint.RIP in hints or any(each in {Codec.XVID, Codec.DIVX} for each in codecs)
    return Resolution.P480 if small else Resolution.P720


def _dubs(named: Iterable[Dub], hints: frozenset[Hint], languages: tuple[str, ...]) -> frozenset[Dub]:
    dubs = frozenset(named)
    return dubs | {Dub.DUAL} if Hint.GERMAN_DUAL in hints and "de" in languages else dubs


def _numbering(numbering: Numbering, hints: frozenset[Hint], flags: set[Flag]) -> Numbering:
    """Return the numbers; `COMPLETE` says something new only of several seasons, or of none, and not of a disc."""
    whole = Hint.COMPLETE in hints and Flag.DISC not in flags
    if not whole or len(numbering.seasons) == 1 or numbering.aired or numbering.episodes or numbering.absolute:
        return numbering
    return Numbering(seasons=numbering.seasons, complete=True)
