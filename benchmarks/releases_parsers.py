"""Radarr's and Sonarr's own parsers, run beside ours.

Their code is theirs, so it isn't in this repository: it is read from clones of both, and compiled by Mono, which a
distribution has (`mono-mcs` and `mono-runtime` in Debian and Ubuntu). Its compiler knows C# up to 7.3, so what is newer
is written in the older way, and what their parsers need of the rest of the programs is in the folder `parsers`. Whether
they still read as they should is told by their own tests, which are run first.

They are asked what they are for: Radarr films, Sonarr series, and of these what they tell at all. What they say is
compared kindly: where they say two things of a title (with its year and without), the better one counts, and what they
conclude without its being named is no mistake.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
import json
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from custom_components.sokoul.releases.attributes import (
    Edition,
    Flag,
    Numbering,
    ReleaseName,
    Resolution,
    Source,
)
from custom_components.sokoul.releases.parse import parse, parse_of_series
from tests.releases.reading import Facts, Sample, corpus, facts_of

from . import releases_arr

OURS = Path(__file__).parent / "parsers"
NEEDED = ("mcs", "mono")
#: Reading all names takes seconds; this is for a machine that does much else.
PATIENCE_SECONDS = 300
#: Of their own tests: less than that, and what is run here isn't what they made.
SHARE_OF_TESTS = 0.99

_CORE = "src/NzbDrone.Core"
_COMMON = "src/NzbDrone.Common"
_BOTH = (
    *(f"Parser/{name}" for name in ("Parser", "ParserCommon", "QualityParser", "LanguageParser", "ReleaseGroupParser")),
    *(f"Parser/{name}" for name in ("RegexReplace", "IsoLanguage", "IsoLanguages", "InvalidDateException")),
    *("Parser/SceneChecker", "Parser/Model/SubtitleTitleInfo"),
    *(f"Qualities/{name}" for name in ("Quality", "QualityModel", "QualityFinder", "QualitySource", "Revision")),
    *("Qualities/QualityDefinition", "Qualities/QualityDetectionSource", "Languages/Language"),
    *("MediaFiles/MediaFileExtensions", "MediaFiles/FileExtensions"),
)
_COMMONS = ("Extensions/RegexExtensions", "Exceptions/NzbDroneException")
#: What their tests need besides.
_TESTING = ("src/NzbDrone.Test.Common/StringExtensions.cs", f"{_CORE}/Indexers/XmlCleaner.cs")


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two: what its parser is made of, and what its words mean."""

    name: str
    sources: Sequence[str]
    translate: Callable[[str, Mapping[str, Any]], Sequence[ReleaseName]]
    ours: Callable[[str], ReleaseName]  # that knows as much of a name: whether it is of a series
    understands: Callable[[Sample], bool]
    facts: Sequence[str]


# --- their code, made into a program ---------------------------------------------------------------------------------

_NEW = re.compile(r"\b([A-Z]\w*(?:<[^;=\n]*?>)?(?:\[\])?)( \w+ =>? )new ?\(")
_COLLECTION = re.compile(r"(new [\w<>]+\()\[([^\]]*)\]")
_RAW = re.compile(r'"""(.*?)"""', re.DOTALL)
_NAMED_NUMBER = re.compile(r"(\S+) is var (\w+) && \2 (?=[!=<>])")
_NAMESPACE = re.compile(r"^namespace ([\w.]+);[ \t]*$", re.MULTILINE)


def older(source: str) -> str:
    """Return C# in the words of its version 7.3, as far as their parsers need it."""
    source = _NEW.sub(r"\1\2new \1(", source)
    source = _COLLECTION.sub(r"\1new[] {\2}", source)
    source = _RAW.sub(lambda raw: '@"' + raw[1].replace('"', '""') + '"', source)
    source = _NAMED_NUMBER.sub(r"\1 ", source)
    source = source.replace(".AsSpan(", ".Substring(").replace('@$"', '$@"')
    if found := _NAMESPACE.search(source):
        source = f"{source[: found.start()]}namespace {found[1]}\n{{{source[found.end() :]}\n}}\n"
    return source


def made(program: Program, clone: Path, folder: Path, *, tests: bool = False) -> Path:
    """Compile the parser of a clone into a folder, as what reads names or as what runs their tests.

    Raises `subprocess.CalledProcessError` when the compiler doesn't understand it.
    """
    paths = [*(f"{_CORE}/{name}.cs" for name in program.sources), *(f"{_COMMON}/{name}.cs" for name in _COMMONS)]
    if tests:
        paths += [*_TESTING, *_fixtures(clone)]
    files = [OURS / "surroundings.cs"]
    files += [OURS / "tests.cs"] if tests else [OURS / "facts.cs", OURS / f"{program.name.casefold()}.cs"]
    for path in paths:
        source = releases_arr.source_of(clone, path)
        if "FizzWare" in source:  # a test of more than the parser
            continue
        files.append(folder / path.replace("/", "_"))
        files[-1].write_text(older(source), encoding="utf-8")
    result = folder / f"{program.name}{'Tests' if tests else ''}.exe"
    # only in its experimental language it takes patterns like `is var`
    command = ["mcs", "-nologo", "-warn:0", "-langversion:experimental", f"-out:{result}", *map(str, files)]
    subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS)
    return result


def _fixtures(clone: Path) -> list[str]:
    folder = releases_arr.FIXTURES
    if (clone / folder).is_dir():
        return sorted(f"{folder}/{path.name}" for path in (clone / folder).glob("*.cs"))
    command = ["git", "-C", str(clone), "ls-tree", "--name-only", "HEAD", f"{folder}/"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.splitlines() if path.endswith(".cs")]


def _run(made_program: Path, given: str = "") -> list[str]:
    command = ["mono", str(made_program)]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=True, encoding="utf-8", timeout=PATIENCE_SECONDS
    )
    return done.stdout.removesuffix("\n").split("\n")


def names_read(program: Program, made_program: Path, names: Iterable[str]) -> Mapping[str, Sequence[ReleaseName]]:
    """Return what their parser reads in names: once, or in each way in which it may be meant."""
    asked = sorted({*names})
    said = _run(made_program, "".join(f"{name}\n" for name in asked))
    return {name: program.translate(name, json.loads(line)) for name, line in zip(asked, said, strict=True)}


# --- what they say, in our words -------------------------------------------------------------------------------------

_SOURCES: Mapping[str, Source] = {
    "CAM": Source.CAM,
    "TELESYNC": Source.TELESYNC,
    "TELECINE": Source.TELECINE,
    "WORKPRINT": Source.WORKPRINT,
    "DVD": Source.DVD,
    "TV": Source.HDTV,
    "Television": Source.HDTV,
    "TelevisionRaw": Source.HDTV,
    "WEBDL": Source.WEB_DL,
    "Web": Source.WEB_DL,
    "WEBRIP": Source.WEBRIP,
    "WebRip": Source.WEBRIP,
    "BLURAY": Source.BLURAY,
    "Bluray": Source.BLURAY,
    "BlurayRaw": Source.BLURAY,
}
_MODIFIED: Mapping[str, Source] = {"SCREENER": Source.SCREENER, "REGIONAL": Source.R5}


def radarr(name: str, said: Mapping[str, Any]) -> tuple[ReleaseName, ...]:
    """Translate what Radarr says: one reading for each title that it sees."""
    flags = set()
    if said["modifier"] == "REMUX" and said["source"] == "BLURAY":
        flags.add(Flag.REMUX)
    elif said["modifier"] == "BRDISK" or (said["modifier"] == "REMUX" and said["source"] == "DVD"):
        flags.add(Flag.DISC)
    if said["burnt_in"] is not None:
        flags.add(Flag.HARDSUB)
    read = replace(
        _read(name, said),
        year=said["year"] or None,
        flags=_mended(said) | flags,
        editions=frozenset({Edition.SPECIAL} if said["edition"] else ()),  # the first that it sees, in the name's words
    )
    titles = said["titles"] or [""]
    return tuple(replace(read, title=title, other_titles=tuple(titles)) for title in titles)


def sonarr(name: str, said: Mapping[str, Any]) -> tuple[ReleaseName, ...]:
    """Translate what Sonarr says: a year or an anime's season in the title and out of it, and a season if concluded."""
    # a special between two episodes has the number of the first here
    absolute = tuple(int(each) for each in said["absolute"] or said["specials"]) if not said["episodes"] else ()
    counted = said["season"] or said["episodes"] or (said["whole_season"] and not absolute)
    numbering = Numbering(
        seasons=(said["season"],) if counted else (),
        episodes=tuple(said["episodes"]),
        absolute=absolute,
        aired=date.fromisoformat(said["aired"]) if said["aired"] else None,
    )
    remux = {Flag.REMUX} if said["source"] == "BlurayRaw" else set()
    title, year, titles = said["title"] or "", said["year"] or None, tuple(said["titles"])
    read = replace(
        _read(name, said), title=title, other_titles=titles, numbering=numbering, flags=_mended(said) | remux
    )
    readings = [read, *(replace(read, title=each, year=year) for each in titles)]
    if year:
        readings.insert(0, replace(read, title=said["title_without_year"] or "", year=year))
    if said["mini_series"]:
        readings += [replace(each, numbering=replace(numbering, seasons=())) for each in readings]
    if absolute and (season := re.fullmatch(r"(.+) S(\d+)", title)):
        readings.append(replace(read, title=season[1], numbering=replace(numbering, seasons=(int(season[2]),))))
    return tuple(readings)


def _read(name: str, said: Mapping[str, Any]) -> ReleaseName:
    lines = said["lines"]
    source = _MODIFIED.get(said.get("modifier", ""), _SOURCES.get(said["source"]))
    if source is Source.HDTV and lines < Resolution.P720:
        source = Source.TV
    spoken = ("nl" if each == "Flemish" else each for each in said["languages"] if each not in {"Unknown", "Original"})
    return ReleaseName(
        name=name,
        title="",
        # they know 360 and 540 lines, too
        resolution=min((each for each in Resolution if each >= lines), default=None) if lines else None,
        resolution_inferred=not said["lines_named"],
        # they conclude a Blu-ray from a remux alone, as we do
        source=source if said["source_named"] or source is Source.BLURAY else None,
        languages=tuple(dict.fromkeys(spoken)),
        group=said["group"] or None,
    )


def _mended(said: Mapping[str, Any]) -> frozenset[Flag]:
    """Their version is 2 for a proper, a repack, and what is called v2."""
    flags = {Flag.REPACK if said["repack"] else Flag.PROPER} if said["version"] > 1 else set()
    return frozenset(flags | ({Flag.REAL} if said["real"] else set()))


RADARR = Program(
    name="Radarr",
    sources=(*_BOTH, "Qualities/Modifier", "Parser/Model/ParsedMovieInfo"),
    translate=radarr,
    ours=parse,
    # nor is it meant for anime, whose films have no year
    understands=lambda sample: not _numbering(sample.facts).is_series and sample.section != "anime",
    facts=(
        *("title", "year", "resolution", "source", "remux", "disc", "edition", "burnt in", "mended"),
        *("languages", "group"),
    ),
)
SONARR = Program(
    name="Sonarr",
    sources=(
        *_BOTH,
        "Parser/InvalidSeasonException",
        *(f"Parser/Model/{name}" for name in ("ParsedEpisodeInfo", "SeriesTitleInfo", "ReleaseType")),
    ),
    translate=sonarr,
    ours=parse_of_series,
    # it doesn't know of whole series
    understands=lambda sample: (
        _numbering(sample.facts).is_series
        and (not _numbering(sample.facts).complete or bool(_numbering(sample.facts).seasons))
    ),
    facts=(
        *("title", "year", "seasons", "episodes", "aired", "resolution", "source", "remux", "mended"),
        *("languages", "group"),
    ),
)


# --- who is right ----------------------------------------------------------------------------------------------------

#: Radarr doesn't say how many lines these have, nor a whole disc.
WITHOUT_LINES = frozenset({Source.CAM, Source.TELECINE, Source.WORKPRINT, Source.SCREENER, Source.R5})
_MENDED = frozenset({Flag.PROPER, Flag.REPACK, Flag.REAL})


def _numbering(facts: Facts) -> Numbering:
    numbering = facts["numbering"]
    assert isinstance(numbering, Numbering)
    return numbering


def words(facts: Facts) -> Mapping[str, Any]:
    """Return what a name says in the words that both have; of several seasons the first."""
    any_facts: Mapping[str, Any] = facts
    numbering, flags, source = _numbering(facts), any_facts["flags"], any_facts["source"]
    resolution: tuple[int, bool] | None = any_facts["resolution"]
    return {
        "title": facts["title"],
        "year": facts["year"],
        "seasons": numbering.seasons[:1],
        "episodes": numbering.episodes or numbering.absolute,
        "aired": numbering.aired,
        "resolution": (common_lines(resolution[0]), resolution[1]) if resolution else None,
        "source": Source.TV if source is Source.HDTV or source == "hdtv" else source,
        "remux": Flag.REMUX in flags,
        "disc": Flag.DISC in flags,
        "edition": bool(any_facts["editions"] - {Edition.CRITERION}),  # who published it is none to Radarr
        "burnt in": Flag.HARDSUB in flags,
        "mended": bool(flags & _MENDED) or any_facts["version"] > 1,
        "languages": any_facts["languages"],
        "group": facts["group"],
    }


def common_lines(lines: int) -> int:
    """Return the step that they have for it: up to 576 lines are one to them in most sources, as are 1080 and 1440."""
    return 480 if lines <= Resolution.P576 else {1440: 1080}.get(lines, lines)


def right(truth: Facts, readings: Sequence[ReleaseName], facts: Iterable[str]) -> frozenset[str]:
    """Return which facts are right in the best of the readings; a fact that isn't asked of such a name is."""
    wanted = words(truth)
    found = [frozenset(_agreeing(wanted, words(facts_of(read)), facts)) for read in readings]
    return max(found, key=len)


def _agreeing(wanted: Mapping[str, Any], told: Mapping[str, Any], facts: Iterable[str]) -> Iterator[str]:
    for fact in facts:
        if fact == "resolution":
            agrees = _without_lines(wanted) or _same_lines(wanted[fact], told[fact])
        elif fact == "source":
            agrees = wanted[fact] == Source.VHS or wanted[fact] == told[fact]
        else:
            agrees = wanted[fact] == told[fact]
        if agrees:
            yield fact


def _without_lines(wanted: Mapping[str, Any]) -> bool:
    lines = wanted["resolution"]
    return wanted["source"] in WITHOUT_LINES or wanted["disc"] or (lines is not None and lines[0] > Resolution.P2160)


def _same_lines(wanted: tuple[int, bool] | None, told: tuple[int, bool] | None) -> bool:
    """Lines that the name tells have to be told; where it doesn't, to conclude others is no mistake."""
    if wanted is None or wanted[1]:
        return told is None or told[1] or (wanted is not None and wanted[0] == told[0])
    return told is not None and told[0] == wanted[0]


# --- report ----------------------------------------------------------------------------------------------------------


def report(clones: tuple[Path, Path], *, show: bool, also: Callable[[Program, Path], None] | None = None) -> bool:
    """Print what both read beside ours, and return whether ours reads no fewer names; false where they can't be had.

    `also` is called with each of the two and what was made of it.
    """
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        print(f"{' and '.join(missing)} can't be found: install mono-mcs and mono-runtime", file=sys.stderr)
        return False
    try:
        return _report(clones, show=show, also=also)
    except subprocess.CalledProcessError as error:
        print(f"{Path(error.cmd[0]).name} ended with an error:\n{error.stdout}{error.stderr}", file=sys.stderr)
        return False


def _report(clones: tuple[Path, Path], *, show: bool, also: Callable[[Program, Path], None] | None) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        kept = True
        made_programs = {}
        for program, clone in zip((RADARR, SONARR), clones, strict=True):
            made_in = Path(folder) / program.name
            made_in.mkdir()
            kept &= own_tests(program, _run(made(program, clone, made_in, tests=True)), show=show)
            made_programs[program.name] = made(program, clone, made_in)
        for program in (RADARR, SONARR):
            kept &= side_by_side(program, made_programs[program.name], show=show)
            if also is not None:
                also(program, made_programs[program.name])
        their_tests(made_programs, clones)
    return kept


def own_tests(program: Program, lines: Sequence[str], *, show: bool) -> bool:
    """Print how many of their own tests pass: failures, one a line, and at last how many there were."""
    *failed, last = lines
    count, passed = int(last), int(last) - len(failed)
    share = passed / max(count, 1)
    print(f"{program.name}: {passed:,} of {count:,} of its own tests of its parser pass ({share:.1%})")
    if show:
        print("".join(f"  {line}\n" for line in failed), end="")
    return share >= SHARE_OF_TESTS


def side_by_side(program: Program, made_program: Path, *, show: bool) -> bool:
    """Print what both read in the names that are for one of them, and tell whether ours reads as many."""
    samples = [sample for sample in corpus() if program.understands(sample)]
    theirs = names_read(program, made_program, [sample.name for sample in samples])
    better = True
    for title, held_out in (("held out", True), ("known to our parser", False)):
        chosen = [sample for sample in samples if sample.held_out is held_out]
        columns = (
            [right(sample.facts, [program.ours(sample.name)], program.facts) for sample in chosen],
            [right(sample.facts, theirs[sample.name], program.facts) for sample in chosen],
        )
        print(f"\n{f'read right, {len(chosen)} names, {title}':36}{'SOKOUL':>12}{program.name:>12}")
        for fact in program.facts:
            print(f"  {fact:34}" + "".join(_share([fact in each for each in column]) for column in columns))
        whole = [[len(each) == len(program.facts) for each in column] for column in columns]
        print(f"  {'all of it':34}" + "".join(map(_share, whole)))
        files = [sample.file for sample in chosen]
        for file in sorted({*files}) if held_out else ():
            line = f"  {f'all of it, {file}, {files.count(file)}':34}"
            print(
                line
                + "".join(_share([r for r, at in zip(column, files, strict=True) if at == file]) for column in whole)
            )
        better &= sum(whole[0]) >= sum(whole[1])
        if show:
            _show(program, chosen, columns, theirs)
    return better


def _share(held: Sequence[bool]) -> str:
    return f"{sum(held) / len(held):>12.1%}"


def _show(
    program: Program,
    samples: Sequence[Sample],
    columns: tuple[Sequence[frozenset[str]], Sequence[frozenset[str]]],
    theirs: Mapping[str, Sequence[ReleaseName]],
) -> None:
    for sample, our, their in zip(samples, *columns, strict=True):
        for fact in program.facts:
            if fact not in our & their:
                truth, read = words(sample.facts), words(facts_of(program.ours(sample.name)))
                wrong = " and ".join(
                    who for who, known in (("SOKOUL", our), (program.name, their)) if fact not in known
                )
                other = [words(facts_of(each))[fact] for each in theirs[sample.name]]
                print(f"  {wrong}: {fact} of {sample.name!r}: {truth[fact]!r}, {read[fact]!r} and {other!r}")


def their_tests(made_programs: Mapping[str, Path], clones: tuple[Path, Path]) -> None:
    """Print what each reads in the names of the tests of both, of what means the same to both."""
    print(f"\n{'what the tests ask of both':28}{'facts':>8}{'SOKOUL':>12}{'Radarr':>12}{'Sonarr':>12}")
    for name, clone in zip(("Radarr", "Sonarr"), clones, strict=True):
        names = [case[0] for fixture in releases_arr.BOTH for _, case in releases_arr.cases(clone, fixture) if case]
        readers: dict[str, releases_arr.Reader] = {"SOKOUL": parse}
        for program in (RADARR, SONARR):
            readers[program.name] = _reader(names_read(program, made_programs[program.name], names))
        columns = {who: releases_arr.asked_of(clone, releases_arr.BOTH, reader) for who, reader in readers.items()}
        for fact in dict.fromkeys(each.fact for each in columns["SOKOUL"]):
            asked = [[each for each in column if each.fact == fact] for column in columns.values()]
            shares = "".join(f"{sum(each.agrees for each in column) / len(column):>12.1%}" for column in asked)
            print(f"  {f'{fact}, by {name}':26}{len(asked[0]):>8,}{shares}")


def _reader(read: Mapping[str, Sequence[ReleaseName]]) -> releases_arr.Reader:
    return lambda name: read[name][0]
