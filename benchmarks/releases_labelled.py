"""Names that a third party wrote and labelled: the tests of guessit, read by us, Radarr and Sonarr.

They are guessit's, so they aren't in this repository: name a clone of it. Asked is what its labels tell, and what the
program that a name is for tells, too; of names in folders nothing, since a release has none. Where guessit takes a
part of a title for something else (a country, a part, another title), the title isn't asked.

Half of the names are kept apart: they are never shown, so that nobody mends our parser by them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
import zlib

import yaml

from custom_components.sokoul.releases.attributes import ReleaseName, Source
from tests.releases.reading import facts_of, plain

from . import releases_arr, releases_parsers
from .releases_parsers import Program

FOLDER = "guessit/test"
FILES: Mapping[str, str] = {"Radarr": "movies", "Sonarr": "episodes"}
_SOURCES: Mapping[str, Source] = {
    "Blu-ray": Source.BLURAY,
    "Ultra HD Blu-ray": Source.BLURAY,
    "HD-DVD": Source.BLURAY,
    "HDTV": Source.TV,
    "TV": Source.TV,
    "Digital TV": Source.TV,
    "Satellite": Source.TV,
    "Ultra HDTV": Source.TV,
    "DVD": Source.DVD,
    "Web": Source.WEB_DL,
    "Camera": Source.CAM,
    "HD Camera": Source.CAM,
    "Telesync": Source.TELESYNC,
    "HD Telesync": Source.TELESYNC,
    "Telecine": Source.TELECINE,
    "HD Telecine": Source.TELECINE,
    "Workprint": Source.WORKPRINT,
}
IN_TITLES = frozenset({"country", "part", "alternative_title", "film", "bonus"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """A name and what is asked of it."""

    name: str
    wanted: Mapping[str, object]

    @property
    def kept_apart(self) -> bool:
        """Whether nobody may look at it."""
        return is_kept_apart(self.name)


def is_kept_apart(name: str) -> bool:
    """Tell whether nobody may look at what is read in a name."""
    return zlib.crc32(name.encode()) % 2 == 1


def labelled(clone: Path, program: Program) -> list[Labelled]:
    """Return the names that are for a program, with what it is asked of them."""
    found = []
    for name, labels in tests(clone, FILES[program.name]):
        wanted = {fact: said for fact, said in _wanted(labels).items() if fact in program.facts and said}
        found += [Labelled(name, wanted)] if wanted else []
    return found


def tests(clone: Path, file: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the names of a file of tests that a release may have, with their labels."""
    read: Mapping[Any, Any] = yaml.safe_load(releases_arr.source_of(clone, f"{FOLDER}/{file}.yml"))
    for name, labels in read.items():
        # a dash or a plus before the name is one of its own, and options make guessit read another way
        whole = isinstance(name, str) and not {*"/\\\n"} & {*name} and name[0] not in "-+"
        if whole and labels and "options" not in labels:
            yield name, labels


def _wanted(labels: Mapping[str, Any]) -> Mapping[str, object]:
    title = None if IN_TITLES & {*labels} else labels.get("title")
    lines = str(labels.get("screen_size", ""))[:-1]
    return {
        "title": plain(str(title)) if title else None,
        "year": labels.get("year"),
        "seasons": tuple(listed(labels.get("season")))[:1],
        "episodes": tuple(listed(labels.get("episode")) or listed(labels.get("absolute_episode"))),
        "aired": labels.get("date"),
        "resolution": releases_parsers.common_lines(int(lines)) if lines.isdecimal() else None,
        "source": source(labels),
        "languages": languages(labels),
        "group": str(labels["release_group"]).casefold() if "release_group" in labels else None,
    }


def languages(labels: Mapping[str, Any]) -> frozenset[str] | None:
    """Return what is spoken; None where nothing is said, or something that we have no name for."""
    named = [str(each).casefold() for each in listed(labels.get("language"))]
    known = named and all(each in releases_arr.CODES for each in named)
    return frozenset(releases_arr.CODES[each] for each in named) if known else None


def source(labels: Mapping[str, Any]) -> Source | None:
    """Return where it was taken from; None where nothing is said, or several things."""
    sources, other = listed(labels.get("source")), listed(labels.get("other"))
    if len(sources) != 1:
        return None
    if "Screener" in other:
        return Source.SCREENER
    if "Region 5" in other:
        return Source.R5
    return _SOURCES.get(sources[0])


def listed(value: Any) -> list[Any]:
    """Return what guessit says of one thing: nothing, one value, or several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def right(wanted: Mapping[str, object], readings: Sequence[ReleaseName]) -> frozenset[str]:
    """Return which facts are right in the best of the readings."""
    return max((frozenset(fact for fact in wanted if _agrees(fact, wanted, read)) for read in readings), key=len)


def _agrees(fact: str, wanted: Mapping[str, object], read: ReleaseName) -> bool:
    told = releases_parsers.words(facts_of(read))[fact]
    match fact:
        case "title":  # a year may be a part of it
            return wanted[fact] in (told, plain(f"{read.title} {read.year}"))
        case "resolution":
            without = wanted.get("source") in releases_parsers.WITHOUT_LINES
            return without or (told is not None and told[0] == wanted[fact])
        case "source":  # to guessit a rip of the web is no other source
            return wanted[fact] == (Source.WEB_DL if told == Source.WEBRIP else told)
    return bool(wanted[fact] == told)


def side_by_side(program: Program, made_program: Path, *, clone: Path, show: bool) -> None:
    """Print what both read; with `show` where they differ, of the names that one may look at."""
    names = labelled(clone, program)
    theirs = releases_parsers.names_read(program, made_program, [each.name for each in names])
    for title, kept_apart in (("kept apart", True), ("that one may look at", False)):
        chosen = [each for each in names if each.kept_apart is kept_apart]
        us = [right(each.wanted, [program.ours(each.name)]) for each in chosen]
        them = [right(each.wanted, theirs[each.name]) for each in chosen]
        print(f"\n{f"{len(chosen)} of guessit's names, {title}":46}{'SOKOUL':>12}{program.name:>12}")
        for fact in program.facts:
            if asked := [at for at, each in enumerate(chosen) if fact in each.wanted]:
                line = f"  {f'{fact} ({len(asked)})':44}"
                print(line + "".join(_share([fact in column[at] for at in asked]) for column in (us, them)))
        whole = ([len(r) == len(each.wanted) for r, each in zip(column, chosen, strict=True)] for column in (us, them))
        print(f"  {'all of it':44}" + "".join(map(_share, whole)))
        for each, our, their in zip(chosen, us, them, strict=True):
            if show and not kept_apart and (wrong := sorted({*each.wanted} - our)):
                print(
                    f"  {'not ' * bool({*wrong} - their)}theirs: {', '.join(wrong)} of {each.name!r}: {each.wanted!r}"
                )


def _share(held: Sequence[bool]) -> str:
    return f"{sum(held) / len(held):>12.1%}"
