"""The benchmark measures the corpus by what it says."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks import releases, releases_arr
from custom_components.sokoul.releases.parse import parse

from .reading import corpus, plain


def test_what_is_expected_is_what_we_read() -> None:
    known = [sample for sample in corpus() if not sample.held_out]
    assert [releases.ours(parse(sample.name)) for sample in known] == [releases.expected(sample) for sample in known]
    assert set(releases.expected(known[0])) == set(releases.FACTS)


def test_others_are_compared_kindly() -> None:
    said = dict.fromkeys(releases.FACTS) | {"title": "Ocean's  Eleven", "group": "GRP"}
    assert releases.theirs(said)["title"] == plain("oceans eleven")
    assert releases.theirs(said)["group"] == "grp"


def test_what_another_adds_is_counted_where_the_first_tells_nothing() -> None:
    def reader(*facts: Mapping[str, object]) -> releases.Reader:
        return releases.Reader("", [dict.fromkeys(releases.FACTS) | each for each in facts], 0, 0, 0)

    first = reader({"year": 2001}, {"group": "GRP"}, {})
    other = reader({"year": 2003, "codec": "h264"}, {"hdr": ["dv"], "languages": ["fr"]}, {"codec": "h264"})
    truth = reader({"year": 2001, "codec": "h264"}, {"hdr": ["dv"], "languages": ["de"]}, {}).facts
    assert releases.supplement(first, other, truth, [0, 1]) == (2, 1)
    assert releases.supplement(first, other, truth, [2]) == (0, 1)


def test_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert releases.main(["--alone", "--offers", "300"]) == 0
    shown = capsys.readouterr().out
    assert "read right, 389 names, held out" in shown
    assert "the budget is 1,000: kept" in shown


def test_offers_of_one_release_come_from_several_indexers() -> None:
    made = releases.offers(30)
    assert len({offer.name for offer in made}) == 10
    assert len({offer.indexer for offer in made}) == 3


#: In the manner of their tests; the names are made up.
FIXTURE = """
    public class SingleEpisodeParserFixture : CoreTest
    {
        [TestCase("Harbor.Lights.S01E02.720p.WEB.h264-GRP", "Harbor Lights", 1, 2)]
        [TestCase("Harbor \\"Lights\\" 2019 S01E02", "Harbor Lights 2019", 1, 2)]
        [TestCase("Harbor.Lights.525", "Harbor Lights", 5, 25)]
        //[TestCase("Not.Asked.S01E01", "Not Asked", 1, 1)]
        public void should_parse_single_episode(string postTitle, string title, int season, int episode)
        {
        }
    }
"""
OTHERS = {
    "LanguageParserFixture": """
        [TestCase("Harbor.Lights.2019.PLSUB.1080p.WEB.h264-GRP")]
        [TestCase("Harbor.Lights.2019.GERMAN.1080p.WEB.h264-GRP")]
        public void should_parse_language_polish(string postTitle)
    """,
    "MultiEpisodeParserFixture": """
        [TestCase("Harbor.Lights.S01E02E03.720p.WEB.h264-GRP", "Harbor Lights", 1, new[] { 2, 3 })]
        public void should_parse_multiple_episodes(string postTitle, string title, int season, int[] episodes)
    """,
}


def clone(folder: Path, fixtures: Mapping[str, str]) -> Path:
    (folder / releases_arr.FIXTURES).mkdir(parents=True)
    for name in (*releases_arr.RADARR, *releases_arr.SONARR):
        (folder / releases_arr.FIXTURES / f"{name}.cs").write_text(fixtures.get(name, ""), encoding="utf-8")
    return folder


def test_what_radarr_and_sonarr_test_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sonarr = clone(tmp_path / "sonarr", {"SingleEpisodeParserFixture": FIXTURE, **OTHERS})
    radarr = clone(tmp_path / "radarr", {})
    found = {(fact.fact, fact.name): (fact.agrees, fact.purpose) for fact in releases_arr.asked(radarr, sonarr)}
    assert found == {
        ("episode", "Harbor.Lights.S01E02.720p.WEB.h264-GRP"): (True, None),
        ("title", "Harbor.Lights.S01E02.720p.WEB.h264-GRP"): (True, None),
        ("episode", 'Harbor "Lights" 2019 S01E02'): (True, None),
        ("title", 'Harbor "Lights" 2019 S01E02'): (True, None),
        ("episode", "Harbor.Lights.525"): (False, "a bare number is no episode"),
        ("title", "Harbor.Lights.525"): (False, "a number behind the title is the title's"),
        ("language", "Harbor.Lights.2019.PLSUB.1080p.WEB.h264-GRP"): (False, "subtitles aren't spoken"),
        ("language", "Harbor.Lights.2019.GERMAN.1080p.WEB.h264-GRP"): (False, None),
        ("episodes", "Harbor.Lights.S01E02E03.720p.WEB.h264-GRP"): (True, None),
    }
    # what isn't meant counts against us
    assert releases.main(["--arr", str(radarr), str(sonarr), "--show"]) == 1
    shown = capsys.readouterr().out
    assert "the same: 55.6%; of those that are not meant to differ: 83.3%" in shown
    assert "NOT MEANT" in shown
