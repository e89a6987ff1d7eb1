"""Whether a second reader would add anything is measured fairly: it is tried on other names than it was chosen on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import releases, releases_labelled, releases_second as second
from custom_components.sokoul.releases.attributes import (
    Audio,
    Codec,
    Edition,
    Flag,
    Hdr,
    Numbering,
    ReleaseName,
    Resolution,
    Source,
)
from custom_components.sokoul.releases.parse import parse

from .reading import corpus
from .test_benchmark import FIXTURE, OTHERS, clone

SAID: Mapping[str, Any] = {
    "title": "Harbor Lights",
    "year": 2019,
    "seasons": [1],
    "episodes": [2],
    "aired": "2019-03-11",
    "resolution": 720,
    "source": "tv",
    "codec": "h264",
    "hdr": ["dv", "unheard of"],
    "audio": ["ddp", "unheard of"],
    "channels": "5.1",
    "languages": ["fr", "la"],
    "group": "GRP",
    "edition": "Extended Edition",
    "remux": True,
    "hardsub": False,
    "proper": True,
    "repack": False,
}
_LISTS = ("seasons", "episodes", "hdr", "audio", "languages")
NOTHING: Mapping[str, Any] = {**dict.fromkeys(SAID), "title": "", **{fact: [] for fact in _LISTS}}


def test_what_parsett_says_is_translated() -> None:
    assert second.reading("name", SAID) == ReleaseName(
        name="name",
        title="Harbor Lights",
        year=2019,
        numbering=Numbering(seasons=(1,), episodes=(2,), aired=date(2019, 3, 11)),
        resolution=Resolution.P720,
        source=Source.HDTV,
        codec=Codec.H264,
        hdr=frozenset({Hdr.DOLBY_VISION}),
        audio=frozenset({Audio.DDP}),
        channels="5.1",
        languages=("fr", "es"),
        editions=frozenset({Edition.SPECIAL}),
        flags=frozenset({Flag.REMUX, Flag.PROPER}),
        group="GRP",
    )
    assert second.reading("name", NOTHING) == ReleaseName(name="name", title="")
    assert second.reading("name", {**SAID, "resolution": 480}).source is Source.TV
    assert second.reading("name", {**SAID, "resolution": 360}).resolution == 480
    assert second.reading("name", {**SAID, "source": "unheard of", "codec": "unheard of"}).source is None


# --- what is taken ---------------------------------------------------------------------------------------------------


def way(part: str, when: str) -> second.Way:
    return next(each for each in second.WAYS if (each.part.name, each.when) == (part, when))


OURS = ReleaseName(name="name", title="Harbor Lights", group="GRP")
THEIRS = second.reading("name", {**SAID, "group": "OTHER"})


@pytest.mark.parametrize(
    ("part", "when", "changes"),
    [
        ("year", "open", {"year": 2019}),
        ("year", "told by both", {}),
        ("group", "open", {}),
        ("group", "told by both", {"group": "OTHER"}),
        ("codec", "open, the same title", {"codec": Codec.H264}),
        ("numbering with title", "open", {"numbering": THEIRS.numbering, "year": 2019}),
    ],
)
def test_a_part_is_taken_where_it_may_be(part: str, when: str, changes: Mapping[str, Any]) -> None:
    assert way(part, when)(OURS, THEIRS) == replace(OURS, **changes)


def test_a_part_is_taken_under_a_condition() -> None:
    other_title = replace(THEIRS, title="Lights")
    assert way("year", "open, the same title")(OURS, other_title) == OURS
    assert way("year", "open, no tag at all")(OURS, THEIRS) == OURS
    assert way("year", "open, no tag at all")(replace(OURS, group=None), THEIRS).year == 2019
    season = replace(OURS, numbering=Numbering(seasons=(1,)))
    assert way("numbering", "open")(season, THEIRS) == season
    assert way("episodes", "open")(season, THEIRS).numbering == THEIRS.numbering
    inferred = replace(OURS, resolution=Resolution.P480, resolution_inferred=True)
    assert way("resolution", "open")(inferred, THEIRS) == replace(OURS, resolution=Resolution.P720)


# --- who is right ----------------------------------------------------------------------------------------------------


def test_labels_say_what_is_there_and_what_is_not() -> None:
    wanted = second.wanted_of(
        {
            "title": "Harbor Lights",
            "season": 1,
            "screen_size": "540p",
            "source": "Web",
            "other": "Rip",
            "audio_codec": "DTS-HD",
            "language": "french",
            "edition": ["Limited", "Extended"],
            "release_group": "GRP",
        }
    )
    assert wanted == {
        "title": "harbor lights",
        "year": None,
        "seasons": [1],
        "episodes": [],
        "aired": None,
        "resolution": 480,
        "source": Source.WEB_DL,
        "codec": None,
        "hdr": [],
        "audio": ["dts"],
        "channels": None,
        "languages": {"fr"},
        "editions": True,
        "group": "grp",
    }


def test_what_there_is_no_word_for_is_not_asked() -> None:
    labels = {"title": "Harbor", "country": "US", "source": ["HDTV", "Web"], "video_codec": "H.263"}
    more = {"audio_codec": "MP2", "language": "Klingon", "edition": "Limited"}
    wanted = second.wanted_of(labels | more)
    assert not {"title", "source", "codec", "audio", "languages"} & {*wanted}
    assert wanted["editions"] is False


def test_our_corpus_judges() -> None:
    names = {sample.name for sample in corpus() if sample.held_out}
    right, asked = second.whole(second.by_corpus(parse))
    assert (right, asked) == (385, len(names))
    assert second.whole(second.by_corpus(lambda name: ReleaseName(name=name, title="")))[0] == 0


def test_tests_of_others_judge(tmp_path: Path) -> None:
    radarr = clone(tmp_path / "radarr", {})
    sonarr = clone(tmp_path / "sonarr", {"SingleEpisodeParserFixture": FIXTURE, **OTHERS})
    judge = second.by_arr(radarr, sonarr)
    found = {(each.name, *each.parts): each.right for each in judge(parse)}
    assert found["Harbor.Lights.S01E02.720p.WEB.h264-GRP", "numbering"]
    assert found["Harbor.Lights.S01E02.720p.WEB.h264-GRP", "title"]
    assert not found["Harbor.Lights.525", "numbering"]
    assert not found["Harbor.Lights.2019.GERMAN.1080p.WEB.h264-GRP", "languages"]


# --- the choice ------------------------------------------------------------------------------------------------------


def named(text: str, *, apart: bool) -> str:
    """Return a name that is in one half."""
    names = (text.format(number) for number in range(100))
    return next(name for name in names if releases_labelled.is_kept_apart(name) is apart)


def guessit(folder: Path, labelled: Mapping[str, Any]) -> Path:
    (folder / releases_labelled.FOLDER).mkdir(parents=True)
    for file in second.FILES:
        text = yaml.safe_dump(dict(labelled) if file == "movies" else {})
        (folder / releases_labelled.FOLDER / f"{file}.yml").write_text(text, encoding="utf-8")
    return folder


#: What we leave open: an unknown word for a codec.
OPEN = "Harbor.Lights{}.2019.720p.WEB.codec-GRP"


def labels(name: str) -> Mapping[str, Any]:
    read = parse(name)
    return {
        "title": read.title,
        "year": read.year,
        "screen_size": "720p",
        "source": "Web",
        "video_codec": "H.264",
        "release_group": "GRP",
    }


def tried(folder: Path, read: Callable[[str], ReleaseName], names: Sequence[str]) -> bool:
    judge = second.by_guessit(guessit(folder, {name: labels(name) for name in names}))
    return second.report({"guessit": judge}, read)


def test_a_reader_that_knows_more_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [named(OPEN, apart=apart) for apart in (False, True)]
    knowing = {name: replace(parse(name), codec=Codec.H264, title="") for name in names}
    assert not tried(tmp_path, lambda name: knowing.get(name, parse(name)), names)
    shown = capsys.readouterr().out
    assert "  codec, open                                    1    0    0     1    0    0\n" in shown
    assert "chosen on the half that one may look at: codec, open\n" in shown
    assert "without a fault of 1 names, guessit: SOKOUL 0, with parsett 1, parsett alone 0" in shown
    assert "our corpus, held out: SOKOUL 385, with parsett 385, parsett alone 385" in shown
    assert "more than by SOKOUL alone: 2\n" in shown


def test_a_reader_that_guesses_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is right in one half alone, and wrong where nothing is to be told."""
    looked_at, apart = named(OPEN, apart=False), named(OPEN, apart=True)
    guessed = {
        looked_at: replace(parse(looked_at), codec=Codec.H264),
        apart: replace(parse(apart), codec=Codec.H265, languages=("fr",)),
    }
    assert tried(tmp_path, lambda name: guessed.get(name, parse(name)), [looked_at, apart])
    shown = capsys.readouterr().out
    assert "  codec, open                                    1    0    0     0    1    0\n" in shown
    assert "  languages, open                                0    0    0     0    0    1\n" in shown
    assert "chosen on the half that is kept apart: nothing\n" in shown
    assert "more than by SOKOUL alone: 0\n" in shown
    assert apart not in shown


#: A word that we take for a part of the title.
ODD = "Harbor.Lights.Nordic.Cut.2019.1080p.WEB-DL.H264-GRP"


@pytest.mark.parametrize(
    ("another", "counts", "helps"),
    [
        ("Another Film", "      3        2        3        3         0", True),
        ("Harbor Lights", "      3        2        2        3         1", False),
        ("Something Else", "      3        2        2        3         0", True),
    ],
)
def test_titles_that_only_a_second_reader_finds_are_weighed_against_those_it_mistakes(
    another: str, counts: str, capsys: pytest.CaptureFixture[str], *, helps: bool
) -> None:
    right, other = ODD.replace("Nordic.Cut.", ""), "Another.Film.2018.1080p.WEB-DL.H264-GRP"
    titled = [second.Titled(name, "Harbor Lights", 2019) for name in (ODD, right)]
    titled.append(second.Titled(other, "Another Film", None))
    read = {other: another}
    reader = lambda name: ReleaseName(name=name, title=read.get(name, "Harbor Lights"))  # noqa: E731
    assert second.report_titles({"some": titled}, reader) is helps
    assert counts in capsys.readouterr().out


def test_the_benchmark_says_whether_parsett_is_left_out_rightly_but_for_titles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [named(OPEN, apart=apart) for apart in (False, True)]
    labelled = {name: labels(name) for name in names} | {ODD: {"title": "Harbor Lights", "year": 2019}}
    folder = str(guessit(tmp_path, labelled))
    title = {ODD: NOTHING | {"title": "Harbor Lights"}}
    said = dict.fromkeys(names, NOTHING | {"codec": "h264"}) | title
    monkeypatch.setattr(
        releases, "said_by", lambda _name, asked: {"facts": [said.get(each, NOTHING) for each in asked]}
    )
    assert releases.main(["--labelled", folder]) == 1
    shown = capsys.readouterr().out
    assert shown.count("codec, open\n") == 2, "it was chosen on either half"
    assert "more than by SOKOUL alone: 2\n" in shown
    said.clear()
    assert releases.main(["--labelled", folder]) == 1, "then it helps nobody"
    said.update(title)
    assert releases.main(["--labelled", folder]) == 0
    monkeypatch.setattr(releases, "said_by", lambda _name, _asked: None)
    assert releases.main(["--labelled", folder]) == 1
