"""What the tests of Radarr and Sonarr say of release names, beside what we read in them.

Their tests are theirs, so they aren't in this repository: name where a clone of each is, with or without a work tree.
Read are the tables of their parser tests (`ParserTests/*Fixture.cs`), and of each case the facts that we tell, too.

Where we differ on purpose, a rule says so, by what was read and never by the name: `docs/releases.md` says why.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
import re
import subprocess

from custom_components.sokoul.releases.attributes import Flag, ReleaseName, Source
from custom_components.sokoul.releases.parse import parse
from tests.releases.reading import plain

FIXTURES = "src/NzbDrone.Core.Test/ParserTests"
_CASE = re.compile(r"\s*\[TestCase\((.*)\)\]")
_METHOD = re.compile(r"\s*public void (\w+)\(")
_ARGUMENT = re.compile(
    r'@?"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?|true|false|null|new ?\w*\[\]\s*\{[^}]*\}|[A-Z]\w+\.\w+)'
)
_NUMBER = re.compile(r"\d+")
_QUALITY = re.compile(r"should_parse_(sdtv|dvdr|dvd|cam|ts|webdl|webrip|bluray|hdtv|remux|brdisk)_?(\d+p)?")
_SOURCES: Mapping[str, frozenset[Source | None]] = {
    "sdtv": frozenset({Source.TV, Source.HDTV, None}),
    "dvd": frozenset({Source.DVD}),
    "dvdr": frozenset({Source.DVD}),
    "cam": frozenset({Source.CAM}),
    "ts": frozenset({Source.TELESYNC}),
    "webdl": frozenset({Source.WEB_DL}),
    "webrip": frozenset({Source.WEBRIP}),
    "bluray": frozenset({Source.BLURAY}),
    "remux": frozenset({Source.BLURAY}),
    "hdtv": frozenset({Source.HDTV, None}),
}
#: Their names of languages, in the names of their tests.
_LANGUAGES = (
    "english=en french=fr spanish=es german=de italian=it danish=da dutch=nl japanese=ja icelandic=is chinese=zh "
    "russian=ru polish=pl vietnamese=vi swedish=sv norwegian=no finnish=fi turkish=tr portuguese=pt flemish=nl "
    "greek=el korean=ko hungarian=hu hebrew=he lithuanian=lt czech=cs hindi=hi romanian=ro thai=th bulgarian=bg "
    "brazilian=pt arabic=ar ukrainian=uk persian=fa bengali=bn slovak=sk latvian=lv catalan=ca malayalam=ml telugu=te "
    "tamil=ta kannada=kn latino=es"
)
CODES: Mapping[str, str] = dict(pair.split("=") for pair in _LANGUAGES.split())


@dataclass(frozen=True, slots=True)
class Asked:
    """A fact that their tests ask of a name."""

    fact: str
    name: str
    theirs: object
    agrees: bool
    purpose: str | None = None  # why we differ, where that is meant


type _Case = tuple[str, Sequence[str]]
type Reader = Callable[[str], ReleaseName]


def source_of(clone: Path, path: str) -> str:
    """Return a file of a clone, with or without a work tree."""
    if (clone / path).is_file():
        return (clone / path).read_text(encoding="utf-8-sig")
    command = ["git", "-C", str(clone), "show", f"HEAD:{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.removeprefix("\ufeff")


@cache
def cases(clone: Path, fixture: str) -> tuple[_Case, ...]:
    """Return the method and the arguments of each case of a table."""
    return tuple(_cases(clone, fixture))


def _cases(clone: Path, fixture: str) -> Iterator[_Case]:
    waiting: list[Sequence[str]] = []
    for line in source_of(clone, f"{FIXTURES}/{fixture}.cs").splitlines():
        if case := _CASE.match(line):
            waiting.append([(each[1] or each[2] or "").replace('\\"', '"') for each in _ARGUMENT.finditer(case[1])])
        elif method := _METHOD.match(line):
            yield from ((method[1], arguments) for arguments in waiting)
            waiting = []


# --- what they ask ---------------------------------------------------------------------------------------------------


def _quality(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, (name, *more) = case
    if not (found := _QUALITY.match(method)):
        return
    kind, lines = found[1], int(found[2][:-1]) if found[2] else None
    read = reader(name)
    if kind == "brdisk":
        yield Asked("quality", name, method, Flag.DISC in read.flags)
        return
    lines = 480 if kind == "sdtv" else lines
    source = read.source in _SOURCES[kind] and ("remux" not in method or Flag.REMUX in read.flags)
    told = read.resolution == lines or lines is None or (kind == "sdtv" and read.resolution is None)
    mended = not more or more[0] not in {"true", "false"} or (more[0] == "true") == bool(read.revision)
    purpose = None
    if not told and (read.resolution_inferred or read.resolution is None):
        purpose = "no lines are named"
    elif not told and read.resolution == 1440:
        purpose = "1440 lines are 1440"
    elif told and not source and read.source is None:
        purpose = "no source is named"
    elif told and source and read.version > 1:
        purpose = "v2 is a version"
    yield Asked("quality", name, method, source and told and mended, purpose)


def _group(case: _Case, reader: Reader) -> Iterator[Asked]:
    _, (name, *more) = case
    if not more:
        return
    wanted, read = "" if more[0] == "null" else more[0].casefold(), (reader(name).group or "").casefold()
    yield Asked("group", name, more[0], wanted == read, None if wanted else "a group without their dash")


def _language(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, (name, *_) = case
    if not method.startswith("should_parse_language_"):
        return
    words = method.removeprefix("should_parse_language_").split("_")
    wanted = {CODES[word] for word in words if word in CODES}
    if not wanted and words != ["unknown"]:
        return
    read = reader(name)
    spoken = set(read.languages)
    agrees = wanted <= spoken if wanted else not spoken
    purpose = "subtitles aren't spoken" if wanted <= spoken | set(read.subtitles) else None
    if wanted == {"lv"} and "lv" not in spoken:
        purpose = "Lat is Latin American, too"
    yield Asked("language", name, method, agrees, purpose if wanted else "a language of two letters")


def _edition(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, (name, *_) = case
    read = reader(name)
    yield Asked("edition", name, method, bool(read.editions or Flag.THREE_D in read.flags) == ("not" not in method))


def _title(name: str, wanted: str, read: ReleaseName, purpose: str | None = None) -> Asked:
    """Their series have the year in their title, and now and then the season."""
    if plain(read.title).removeprefix(plain(wanted)).strip().isdecimal():
        purpose = "a number behind the title is the title's"
    fitting = {plain(wanted), plain(re.sub(r"[ \[(]*\d{4}[\])]*$", "", wanted)), plain(re.sub(r" S\d+$", "", wanted))}
    if any(plain(title) in fitting for title in read.other_titles):
        purpose = "another of its titles"
    return Asked("title", name, wanted, plain(read.title) in fitting, purpose)


def _film(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, (name, *more) = case
    read = reader(name)
    if method == "should_parse_movie_year":
        yield Asked("year", name, more[0], str(read.year) == more[0])
    elif method == "should_parse_hardcoded_subs":
        yield Asked("burnt in", name, more[0], (Flag.HARDSUB in read.flags) == (more[0] != "null"))
    elif method.startswith(("should_parse_movie_title", "should_parse_german", "should_parse_anime")) and more:
        yield _title(name, more[0], read)


def _unnumbered(read: ReleaseName) -> str | None:
    return None if read.numbering.is_series else "a bare number is no episode"


def _single(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, arguments = case
    if method == "should_parse_single_episode":
        name, title, season, episode = arguments
        read = reader(name)
        agrees = (read.numbering.seasons, read.numbering.episodes) == ((int(season),), (int(episode),))
        yield Asked("episode", name, arguments[2:], agrees, _unnumbered(read))
        yield _title(name, title, read, _unnumbered(read))


def _several(case: _Case, reader: Reader) -> Iterator[Asked]:
    _, (name, _, season, listed) = case
    numbers = tuple(int(each) for each in _NUMBER.findall(listed.split("{")[-1]))
    numbering = reader(name).numbering
    agrees = numbering.episodes == numbers
    purpose = "a season that nobody names" if agrees and not numbering.seasons else None
    yield Asked("episodes", name, (season, numbers), agrees and numbering.seasons == (int(season),), purpose)


def _season(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, arguments = case
    if method in {"should_parse_full_season_release", "should_parse_multi_season_release"}:
        numbering = reader(arguments[0]).numbering
        agrees = numbering.is_pack and int(arguments[2]) in numbering.seasons
        yield Asked("season", arguments[0], arguments[2:], agrees)


def _daily(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, arguments = case
    if method == "should_parse_daily_episode":
        numbering = reader(arguments[0]).numbering
        wanted = "-".join(f"{int(each):02}" for each in arguments[2:5])
        purpose = "a season and an episode say more than a day" if numbering.episodes else None
        yield Asked("day", arguments[0], wanted, str(numbering.aired) == wanted, purpose)


def _absolute(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, arguments = case
    if method == "should_parse_absolute_numbers":
        name, title, number, season, episode = arguments[:5]
        read = reader(name)
        numbering, wanted = read.numbering, int(float(number))
        if season == episode == "0":
            agrees = wanted in numbering.absolute or wanted in numbering.episodes
        else:
            agrees = (numbering.seasons, numbering.episodes) == ((int(season),), (int(episode),))
        purpose = _unnumbered(read)
        if numbering.episodes == (wanted,) and episode == "0":
            purpose = "numbers behind a season are the season's"
        yield Asked("absolute", name, arguments[2:5], agrees, purpose)
        yield _title(name, title, read, _unnumbered(read))
    elif method == "should_parse_multi_episode_absolute_numbers":
        numbering, ends = reader(arguments[0]).numbering, tuple(int(each) for each in arguments[2:4])
        purpose = "numbers behind a season are the season's" if _ends(numbering.episodes) == ends else None
        yield Asked("absolute", arguments[0], ends, _ends(numbering.absolute) == ends, purpose)


def _ends(numbers: Sequence[int]) -> tuple[int, ...]:
    return (numbers[0], numbers[-1]) if numbers else ()


def _anime_group(case: _Case, reader: Reader) -> Iterator[Asked]:
    method, (name, *more) = case
    if method.startswith("should_parse_releasegroup"):
        yield Asked("group", name, more[0], (reader(name).group or "") == more[0])


type Fixtures = Mapping[str, Callable[[_Case, Reader], Iterator[Asked]]]

BOTH: Fixtures = {
    "QualityParserFixture": _quality,
    "ReleaseGroupParserFixture": _group,
    "LanguageParserFixture": _language,
}
RADARR: Fixtures = {**BOTH, "EditionParserFixture": _edition, "ParserFixture": _film}
SONARR: Fixtures = {
    **BOTH,
    "SingleEpisodeParserFixture": _single,
    "MultiEpisodeParserFixture": _several,
    "SeasonParserFixture": _season,
    "DailyEpisodeParserFixture": _daily,
    "AbsoluteEpisodeNumberParserFixture": _absolute,
    "AnimeMetadataParserFixture": _anime_group,
}


# --- report ----------------------------------------------------------------------------------------------------------


def asked(radarr: Path, sonarr: Path) -> list[Asked]:
    """Return all that both ask."""
    return [*asked_of(radarr, RADARR, parse), *asked_of(sonarr, SONARR, parse)]


def asked_of(clone: Path, fixtures: Fixtures, reader: Reader) -> list[Asked]:
    """Return what the tests of one ask a reader."""
    return [fact for fixture, ask in fixtures.items() for case in cases(clone, fixture) for fact in ask(case, reader)]


def report(radarr: Path, sonarr: Path, *, show: bool) -> float:
    """Print how many of their facts are ours, and return the share of those that we don't differ in on purpose."""
    facts = asked(radarr, sonarr)
    kinds = Counter(fact.fact for fact in facts)
    right = Counter(fact.fact for fact in facts if fact.agrees)
    meant = Counter(fact.fact for fact in facts if not fact.agrees and fact.purpose)
    print(f"\n{'what Radarr and Sonarr test':28}{'facts':>8}{'the same':>10}{'on purpose':>12}{'otherwise':>11}")
    for kind, count in kinds.items():
        rest = count - right[kind] - meant[kind]
        print(f"  {kind:26}{count:>8,}{right[kind]:>10,}{meant[kind]:>12,}{rest:>11,}")
    total, same, purpose = len(facts), right.total(), meant.total()
    share = same / (total - purpose)
    print(f"  {'all':26}{total:>8,}{same:>10,}{purpose:>12,}{total - same - purpose:>11,}")
    print(f"the same: {same / total:.1%}; of those that are not meant to differ: {share:.1%}")
    for reason, count in Counter(fact.purpose for fact in facts if not fact.agrees and fact.purpose).most_common():
        print(f"  {count:4} {reason}")
    if show:
        for fact in facts:
            if not fact.agrees:
                print(f"  {fact.fact}: {fact.name!r}: {fact.theirs!r} ({fact.purpose or 'NOT MEANT'})")
    return share
