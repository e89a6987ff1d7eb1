"""What Radarr and Sonarr say of a name is translated fairly. Neither their code nor Mono is needed for that."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
import json
import os
from pathlib import Path
import sys
from typing import Any

import pytest

from benchmarks import releases, releases_arr, releases_labelled, releases_parsers as parsers
from custom_components.sokoul.releases.attributes import Flag, Numbering, Source
from custom_components.sokoul.releases.parse import parse

from .reading import Facts, corpus, facts_of

RADARR: Mapping[str, Any] = {
    "titles": ["Harbor Lights"],
    "year": 2019,
    "edition": "",
    "burnt_in": None,
    "group": "GRP",
    "languages": ["Unknown"],
    "source": "BLURAY",
    "source_named": True,
    "lines": 1080,
    "lines_named": True,
    "version": 1,
    "real": 0,
    "repack": False,
    "modifier": "NONE",
}
SONARR: Mapping[str, Any] = {
    "title": "Harbor Lights",
    "titles": [],
    "title_without_year": "Harbor Lights",
    "year": 0,
    "season": 1,
    "episodes": [2],
    "absolute": [],
    "specials": [],
    "aired": None,
    "whole_season": False,
    "mini_series": False,
    "group": "GRP",
    "languages": ["en"],
    "source": "Web",
    "source_named": True,
    "lines": 720,
    "lines_named": True,
    "version": 1,
    "real": 0,
    "repack": False,
}


def truth(name: str) -> Facts:
    """Return what we read in a name that is easy enough."""
    return facts_of(parse(name))


def mistakes(name: str, program: parsers.Program, **said: Any) -> set[str]:
    """Return the facts that count as wrong in what a program says of a name."""
    basis = RADARR if program is parsers.RADARR else SONARR
    found = parsers.right(truth(name), program.translate(name, {**basis, **said}), program.facts)
    return set(program.facts) - found


# --- their code ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ('Regex A = new (@"a");', 'Regex A = new Regex(@"a");'),
        ("Regex[] A = new[] { };", "Regex[] A = new[] { };"),
        ("Dictionary<A, B> C = new(D)", "Dictionary<A, B> C = new Dictionary<A, B>(D)"),
        ('HashSet<A> B => new([".a", ".b"], C);', 'HashSet<A> B => new HashSet<A>(new[] {".a", ".b"}, C);'),
        ('new Regex(@"(["")]+)")', 'new Regex(@"(["")]+)")'),
        ('var a = """b "c" d""";', 'var a = @"b ""c"" d";'),
        ("a || (b.Count is var c && c != 1)", "a || (b.Count != 1)"),
        ("a.Match(b) is var c && c.Success", "a.Match(b) is var c && c.Success"),
        ("string.Concat(a, b.AsSpan(c))", "string.Concat(a, b.Substring(c))"),
        ('@$"{a}"', '$@"{a}"'),
    ],
)  # fmt: skip
def test_newer_csharp_is_written_as_mono_knows_it(newer: str, older: str) -> None:
    assert parsers.older(newer) == older


def test_a_namespace_of_a_whole_file_gets_braces() -> None:
    assert parsers.older("using A;\n\nnamespace B.C;\n\nclass D { }\n") == (
        "using A;\n\nnamespace B.C\n{\n\nclass D { }\n\n}\n"
    )
    assert parsers.older("namespace B.C\n{\n}\n") == "namespace B.C\n{\n}\n"


# --- what they say ---------------------------------------------------------------------------------------------------


def test_radarr_is_translated() -> None:
    (read,) = parsers.radarr(
        "name", {**RADARR, "modifier": "REMUX", "edition": "Extended", "languages": ["fr", "Flemish"]}
    )
    assert (read.title, read.year, read.group) == ("Harbor Lights", 2019, "GRP")
    assert (read.source, read.resolution, read.resolution_inferred) == (Source.BLURAY, 1080, False)
    assert (read.flags, read.languages, bool(read.editions)) == (frozenset({Flag.REMUX}), ("fr", "nl"), True)
    assert not read.numbering.is_series


def test_what_radarr_cannot_read_has_no_title() -> None:
    (read,) = parsers.radarr(
        "name", {**RADARR, "titles": [], "year": 0, "group": None, "source": "UNKNOWN", "lines": 0}
    )
    assert (read.title, read.year, read.group, read.source, read.resolution) == ("", None, None, None, None)
    assert read.languages == ()


@pytest.mark.parametrize(
    ("said", "source", "flags"),
    [
        ({"source": "DVD", "modifier": "SCREENER"}, Source.SCREENER, set()),
        ({"source": "DVD", "modifier": "REGIONAL"}, Source.R5, set()),
        ({"source": "DVD", "modifier": "REMUX"}, Source.DVD, {Flag.DISC}),
        ({"modifier": "BRDISK"}, Source.BLURAY, {Flag.DISC}),
        ({"source": "TV", "lines": 480}, Source.TV, set()),
        ({"source": "TV", "lines": 720}, Source.HDTV, set()),
        ({"source": "WEBDL", "source_named": False}, None, set()),
        ({"source_named": False, "modifier": "REMUX"}, Source.BLURAY, {Flag.REMUX}),
        ({"version": 2}, Source.BLURAY, {Flag.PROPER}),
        ({"version": 2, "repack": True, "real": 1}, Source.BLURAY, {Flag.REPACK, Flag.REAL}),
        ({"burnt_in": "KORSUB"}, Source.BLURAY, {Flag.HARDSUB}),
    ],
)
def test_kinds_of_quality_are_translated(said: Mapping[str, Any], source: Source | None, flags: set[Flag]) -> None:
    (read,) = parsers.radarr("name", {**RADARR, **said})
    assert (read.source, read.flags) == (source, frozenset(flags))


@pytest.mark.parametrize(
    ("said", "numbering"),
    [
        ({}, Numbering(seasons=(1,), episodes=(2,))),
        ({"season": 0}, Numbering(seasons=(0,), episodes=(2,))),
        ({"episodes": [], "whole_season": True}, Numbering(seasons=(1,))),
        ({"season": 0, "episodes": [], "absolute": [12]}, Numbering(absolute=(12,))),
        ({"season": 0, "episodes": [], "specials": [12.5], "whole_season": True}, Numbering(absolute=(12,))),
        ({"absolute": [12]}, Numbering(seasons=(1,), episodes=(2,))),
        ({"season": 0, "episodes": [], "aired": "2024-03-11"}, Numbering(aired=date(2024, 3, 11))),
        ({"title": None, "season": 0, "episodes": []}, Numbering()),
    ],
)
def test_numbers_of_sonarr_are_translated(said: Mapping[str, Any], numbering: Numbering) -> None:
    assert parsers.sonarr("name", {**SONARR, **said})[0].numbering == numbering


def test_sonarr_may_mean_more_than_one_thing() -> None:
    with_year = parsers.sonarr("name", {**SONARR, "title": "Harbor Lights 2019", "year": 2019})
    assert [(read.title, read.year) for read in with_year] == [("Harbor Lights", 2019), ("Harbor Lights 2019", None)]
    anime = parsers.sonarr("name", {**SONARR, "title": "Harbor S2", "season": 0, "episodes": [], "absolute": [5]})
    assert [(read.title, read.numbering.seasons) for read in anime] == [("Harbor S2", ()), ("Harbor", (2,))]
    alone = parsers.sonarr("name", {**SONARR, "mini_series": True})
    assert [read.numbering.seasons for read in alone] == [(1,), ()]
    several = parsers.sonarr("name", {**SONARR, "title": "Harbor / Hafen", "titles": ["Harbor", "Hafen"]})
    assert [read.title for read in several] == ["Harbor / Hafen", "Harbor", "Hafen"]


# --- who is right ----------------------------------------------------------------------------------------------------


def test_the_best_reading_counts() -> None:
    name = "Harbor.Lights.2019.S01E02.720p.WEB.ENGLISH.h264-GRP"
    assert mistakes(name, parsers.SONARR, title="Harbor Lights 2019", year=2019) == set()
    assert mistakes(name, parsers.SONARR, title="Harbor 2019", title_without_year="Harbor", year=2019) == {"title"}


@pytest.mark.parametrize(
    ("name", "said", "wrong"),
    [
        ("Harbor.Lights.2019.1080p.BluRay.x264-GRP", {}, set()),
        ("Harbor.Lights.2019.1080p.BluRay.x264-GRP", {"lines": 720}, {"resolution"}),
        ("Harbor.Lights.2019.1080p.BluRay.x264-GRP", {"lines_named": False}, set()),
        ("Harbor.Lights.2019.1080p.BluRay.x264-GRP", {"year": 0, "group": "GRP-x"}, {"year", "group"}),
        # what nobody names they may conclude otherwise, but not find
        ("Harbor.Lights.2019.BluRay.x264-GRP", {"lines": 480, "lines_named": False}, set()),
        ("Harbor.Lights.2019.BluRay.x264-GRP", {"lines": 480}, {"resolution"}),
        # they have fewer steps
        ("Harbor.Lights.2019.1440p.BluRay.x264-GRP", {}, set()),
        ("Harbor.Lights.2019.4320p.BluRay.x264-GRP", {"lines": 2160}, set()),
        ("Harbor.Lights.2019.576p.BluRay.x264-GRP", {"lines": 480}, set()),
        # what Radarr doesn't tell at all
        ("Harbor.Lights.2019.720p.CAM.x264-GRP", {"source": "CAM", "lines": 0}, set()),
        ("Harbor.Lights.2019.VHSRip.x264-GRP", {"source": "UNKNOWN", "lines": 0}, set()),
        ("Harbor.Lights.2019.Criterion.1080p.BluRay.x264-GRP", {}, set()),
        ("Harbor.Lights.2019.COMPLETE.UHD.BLURAY-GRP", {"modifier": "BRDISK"}, set()),
        # what it does
        ("Harbor.Lights.2019.Extended.1080p.BluRay.x264-GRP", {}, {"edition"}),
        ("Harbor.Lights.2019.PROPER.1080p.BluRay.x264-GRP", {"version": 2}, set()),
        ("Harbor.Lights.2019.FRENCH.1080p.BluRay.x264-GRP", {}, {"languages"}),
        ("Harbor.Lights.2019.1080p.BluRay.REMUX.AVC-GRP", {"modifier": "REMUX"}, set()),
        ("Harbor.Lights.2019.1080p.WEB-DL.h264-GRP", {}, {"source"}),
        ("Harbor.Lights.2019.1080p.WEB-DL.h264-GRP", {"burnt_in": "ESub", "source": "WEBDL"}, {"burnt in"}),
    ],
)  # fmt: skip
def test_radarr_is_compared_by_what_it_tells(name: str, said: Mapping[str, Any], wrong: set[str]) -> None:
    assert mistakes(name, parsers.RADARR, **said) == wrong


def test_of_several_seasons_the_first_is_asked() -> None:
    name = "Harbor.Lights.S01-S03.720p.WEB.ENGLISH.h264-GRP"
    assert mistakes(name, parsers.SONARR, episodes=[], whole_season=True) == set()
    assert mistakes(name, parsers.SONARR, episodes=[], whole_season=True, season=2) == {"seasons"}


def test_both_are_asked_what_they_are_for() -> None:
    films = {sample.name for sample in corpus() if parsers.RADARR.understands(sample)}
    series = {sample.name for sample in corpus() if parsers.SONARR.understands(sample)}
    assert not films & series
    assert "The.Wire.S02.COMPLETE.720p.WEB-DL-GRP" in series
    assert "The.Wire.COMPLETE.SERIES.DVDRip.XviD-GRP" not in films | series
    assert "Moon.2009.4K.WEB-DL.H265-GRP" in films


# --- the run ---------------------------------------------------------------------------------------------------------


def test_their_own_tests_have_to_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert parsers.own_tests(parsers.RADARR, ["A.b(c): no", "200"], show=True)
    assert capsys.readouterr().out == "Radarr: 199 of 200 of its own tests of its parser pass (99.5%)\n  A.b(c): no\n"
    assert not parsers.own_tests(parsers.RADARR, ["A.b(c): no", "50"], show=False)
    assert not parsers.own_tests(parsers.RADARR, ["0"], show=False)


def test_without_mono_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert releases.main(["--parsers", str(tmp_path), str(tmp_path)]) == 1
    assert "mcs and mono can't be found: install mono-mcs and mono-runtime" in capsys.readouterr().err


#: Stands for the compiler: the program is the list of what it was made of.
COMPILER = """
import sys
out = next(each for each in sys.argv if each.startswith("-out:")).removeprefix("-out:")
files = [each for each in sys.argv if each.endswith(".cs")]
assert not any("FizzWare" in open(each, encoding="utf-8").read() for each in files)
open(out, "w").write("\\n".join(files))
"""
#: Stands for the program: it knows everything of no name, and one of its 200 tests fails.
RUNNER = """
import json, sys
if sys.argv[1].endswith("Tests.exe"):
    print("A.b(c): no\\n200")
else:
    said = json.loads({said!r})
    for name in sys.stdin.read().split("\\n")[:-1]:
        print(json.dumps(said))
"""


def stand_in(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    (folder / name).chmod(0o755)


def clone(folder: Path, program: parsers.Program) -> Path:
    paths = [f"src/NzbDrone.Core/{name}.cs" for name in program.sources]
    paths += [f"src/NzbDrone.Common/{name}.cs" for name in parsers._COMMONS]
    paths += [*parsers._TESTING, f"{releases_arr.FIXTURES}/MockedFixture.cs"]
    paths += [f"{releases_arr.FIXTURES}/{name}.cs" for name in releases_arr.BOTH]
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("using FizzWare;" if "Mocked" in path else "", encoding="utf-8")
    (folder / releases_arr.FIXTURES / "ReleaseGroupParserFixture.cs").write_text(
        '[TestCase("Harbor.Lights.2019.1080p.BluRay.x264-GRP", "GRP")]\npublic void group(string name, string group)\n'
    )
    return folder


def test_both_columns_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_in(programs, "mcs", COMPILER)
    stand_in(programs, "mono", RUNNER.format(said=json.dumps({**SONARR, **RADARR})))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    clones = [clone(tmp_path / program.name, program) for program in (parsers.RADARR, parsers.SONARR)]
    assert releases.main(["--parsers", *map(str, clones), "--show"]) == 0
    shown = capsys.readouterr().out
    assert "Sonarr: 199 of 200 of its own tests of its parser pass (99.5%)" in shown
    assert "names, known to our parser      SOKOUL      Radarr" in shown
    assert "title of 'Moon.2009.4K.WEB-DL.H265-GRP': 'moon', 'moon' and ['harbor lights']" in shown
    assert "group, by Sonarr                 1      100.0%      100.0%      100.0%" in shown
    assert "guessit's" not in shown


def test_what_the_compiler_does_not_understand_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_in(programs, "mcs", 'print("Parser.cs(1,1): error CS1525"); raise SystemExit(1)')
    stand_in(programs, "mono", "")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    clones = [clone(tmp_path / program.name, program) for program in (parsers.RADARR, parsers.SONARR)]
    assert releases.main(["--parsers", *map(str, clones)]) == 1
    assert "mcs ended with an error:\nParser.cs(1,1): error CS1525" in capsys.readouterr().err


# --- names of a third party ------------------------------------------------------------------------------------------

LABELS = """
? __default__
: type: movie
? Films/Harbor.Lights.2019.mkv
: title: In a folder
? -Harbor
: title: A dash is guessit's own
? Harbor.Lights.2019.with.options.mkv
: options: -n
  title: Harbor
? Harbor.Lights.2019.FRENCH.720p.WEBRip.x264-GRP
: title: Harbor Lights
  year: 2019
  season: 3
  screen_size: 720p
  source: Web
  other: Rip
  language: french
  release_group: GRP
  video_codec: H.264
? Harbor.Lights.US.2018.540p.DVDScr.XviD-GRP
: title: Harbor Lights
  country: US
  year: 2018
  screen_size: 540p
  source: DVD
  other: [Screener, Rip]
  language: [english, Klingon]
? Harbor.Lights.2017.R5.DVDRip
: source: DVD
  other: Region 5
? Harbor.2016.mp4
: source: [HDTV, Web]
  container: mp4
"""


def guessit(folder: Path) -> Path:
    (folder / releases_labelled.FOLDER).mkdir(parents=True)
    for file in releases_labelled.FILES.values():
        (folder / releases_labelled.FOLDER / f"{file}.yml").write_text(LABELS, encoding="utf-8")
    return folder


def test_labels_are_translated(tmp_path: Path) -> None:
    found = releases_labelled.labelled(guessit(tmp_path), parsers.RADARR)
    assert {each.name: dict(each.wanted) for each in found} == {
        "Harbor.Lights.2019.FRENCH.720p.WEBRip.x264-GRP": {
            "title": "harbor lights",
            "year": 2019,
            "resolution": 720,
            "source": Source.WEB_DL,
            "languages": {"fr"},
            "group": "grp",
        },
        "Harbor.Lights.US.2018.540p.DVDScr.XviD-GRP": {"year": 2018, "resolution": 480, "source": Source.SCREENER},
        "Harbor.Lights.2017.R5.DVDRip": {"source": Source.R5},
    }
    series = releases_labelled.labelled(tmp_path, parsers.SONARR)
    assert series[0].wanted["seasons"] == (3,)
    assert len({each.kept_apart for each in found}) == 2


def test_labels_are_compared_kindly() -> None:
    def wrong(name: str, **wanted: Any) -> set[str]:
        return {*wanted} - releases_labelled.right(wanted, [parse(name)])

    name = "Harbor.Lights.2019.720p.WEBRip.x264-GRP"
    assert wrong(name, title="harbor lights", source=Source.WEB_DL, resolution=720, group="grp", year=2019) == set()
    assert wrong(name, title="harbor lights 2019") == set()
    assert wrong(name, title="harbor", source=Source.TV, resolution=1080, group="x") == {
        *("title", "source", "resolution", "group")
    }
    assert wrong("Harbor.Lights.2019.CAM.x264-GRP", source=Source.CAM, resolution=720) == set()
    assert wrong("Harbor.Lights.2019.WEB.x264-GRP", resolution=480) == set()
    assert wrong("Harbor.Lights.2019", resolution=480) == {"resolution"}


def test_the_names_that_are_kept_apart_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {each.name: each.kept_apart for each in releases_labelled.labelled(guessit(tmp_path), parsers.RADARR)}
    read = parsers.radarr("name", {**RADARR, "titles": [], "source": "CAM", "year": 0})
    monkeypatch.setattr(parsers, "names_read", lambda _program, _made, asked: dict.fromkeys(asked, read))
    program = replace(parsers.RADARR, ours=lambda _name: read[0])
    releases_labelled.side_by_side(program, tmp_path, clone=tmp_path, show=True)
    shown = capsys.readouterr().out
    assert "of guessit's names, kept apart" in shown
    assert {name for name in names if name in shown} == {name for name, kept_apart in names.items() if not kept_apart}
