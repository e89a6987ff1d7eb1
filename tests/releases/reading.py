"""Reads the corpus: names, and what they say. See corpus/README.md for the notation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
import re
import unicodedata

from custom_components.sokoul.releases.attributes import (
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

FOLDER = Path(__file__).parent / "corpus"
#: Parts that are only measured.
HELD_OUT = frozenset({"held_out", "held_out_later", "held_out_last", "held_out_2026_11_22"})

type Facts = Mapping[str, object]

_SETS: Mapping[str, type[StrEnum]] = {"hdr": Hdr, "audio": Audio, "dubs": Dub, "editions": Edition, "flags": Flag}
_SINGLE: Mapping[str, type[StrEnum]] = {"source": Source, "codec": Codec}


@dataclass(frozen=True, slots=True)
class Sample:
    """A name of the corpus with everything that it says."""

    file: str
    section: str
    name: str
    facts: Facts

    @property
    def held_out(self) -> bool:
        return self.file in HELD_OUT


@cache
def corpus() -> tuple[Sample, ...]:
    return tuple(sample for path in sorted(FOLDER.glob("*.txt")) for sample in _read(path))


def _read(path: Path) -> Iterator[Sample]:
    section, name = path.stem, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("  "):
            yield Sample(path.stem, section, name, _facts(line.strip()))
        elif line and not line.startswith("#"):
            name = line


def _facts(line: str) -> Facts:
    title, numbers, attributes, group = (part.strip() for part in line.rsplit("; ", 3))
    return {
        "title": plain(title),
        **_numbers([] if numbers == "-" else numbers.split()),
        **_attributes([] if attributes == "-" else attributes.split()),
        "group": None if group == "-" else group.casefold(),
    }


def _numbers(words: list[str]) -> dict[str, object]:
    year, numbering = None, Numbering()
    for word in words:
        if re.fullmatch(r"\d{4}", word):
            year = int(word)
        else:
            read = _numbering(word)
            numbering = read if not numbering.is_series else Numbering(seasons=numbering.seasons, complete=True)
    return {"year": year, "numbering": numbering}


def _numbering(word: str) -> Numbering:
    if word == "complete":
        return Numbering(complete=True)
    if word == "special":
        return Numbering(seasons=(0,), partial=True)
    if "-" in word[4:] and re.match(r"\d{4}-\d\d-\d\d", word):
        aired, _, other = word.partition("/")
        return Numbering(aired=date.fromisoformat(aired), or_aired=date.fromisoformat(other) if other else None)
    if word.startswith("#"):
        return Numbering(absolute=_span(word.removeprefix("#")))
    seasons, _, episodes = word.partition("e")
    if not episodes:
        return Numbering(seasons=_span(seasons.replace("s", "")))
    season = (int(seasons.removeprefix("s")),) if seasons else ()
    if "-e" in episodes:
        return Numbering(seasons=season, episodes=_span(episodes.replace("e", "")))
    return Numbering(seasons=season, episodes=tuple(int(each) for each in episodes.split("e")))


def _span(text: str) -> tuple[int, ...]:
    first, _, last = text.partition("-")
    return tuple(range(int(first), int(last or first) + 1))


def _attributes(words: list[str]) -> dict[str, object]:
    facts: dict[str, object] = dict.fromkeys(("resolution", "source", "codec", "depth", "channels", "version"))
    sets: dict[str, set[str]] = {name: set() for name in (*_SETS, "languages", "subtitles")}
    facts["version"] = 1
    for word in words:
        if word.startswith(":"):
            sets["languages"].add(word.removeprefix(":"))
        elif word.startswith("sub:"):
            sets["subtitles"].add(word.removeprefix("sub:"))
        elif found := re.fullmatch(r"(~?)(\d+)p", word):
            facts["resolution"] = (int(found[2]), bool(found[1]))
        elif found := re.fullmatch(r"(\d+)bit", word):
            facts["depth"] = int(found[1])
        elif found := re.fullmatch(r"v(\d)", word):
            facts["version"] = int(found[1])
        elif re.fullmatch(r"\d\.\d", word):
            facts["channels"] = word
        elif single := next((name for name, kind in _SINGLE.items() if word in set(kind)), None):
            facts[single] = word
        else:
            sets[next(name for name, kind in _SETS.items() if word in set(kind))].add(word)
    return facts | {name: frozenset(values) for name, values in sets.items()}


def facts_of(read: ReleaseName) -> Facts:
    """Return what a parsed name says, to be compared with what the corpus says."""
    resolution: Resolution | None = read.resolution
    return {
        "title": plain(read.title),
        "year": read.year,
        "numbering": read.numbering,
        "resolution": None if resolution is None else (int(resolution), read.resolution_inferred),
        "source": read.source,
        "codec": read.codec,
        "depth": read.bit_depth,
        "channels": read.channels,
        "version": read.version,
        "hdr": read.hdr,
        "audio": read.audio,
        "dubs": read.dubs,
        "editions": read.editions,
        "flags": read.flags,
        "languages": frozenset(read.languages),
        "subtitles": frozenset(read.subtitles),
        "group": None if read.group is None else read.group.casefold(),
    }


def plain(title: str) -> str:
    """Return a title without case, accents and punctuation."""
    folded = "".join(
        each for each in unicodedata.normalize("NFKD", title.casefold()) if not unicodedata.combining(each)
    )
    return " ".join(re.sub(r"[^\w\s]|_", " ", folded.replace("'", "").replace("\u2019", "")).split())
