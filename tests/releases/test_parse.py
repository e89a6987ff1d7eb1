"""What release names say: a corpus of them, and properties that hold for any text."""

from collections import Counter
from collections.abc import Mapping
import gc
import time

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.releases import parse as parsing
from custom_components.sokoul.releases.attributes import Codec, Dub, Flag, Numbering, Resolution, Source
from custom_components.sokoul.releases.parse import LONGEST_NAME, parse, parse_of_series

from .reading import Sample, corpus, facts_of

#: Of the held-out names so many are read right in everything. It is what was measured, no wish: it may only go up.
HELD_OUT_RIGHT = {"held_out": 139, "held_out_later": 78, "held_out_last": 25, "held_out_2026_11_22": 143}

KNOWN = [sample for sample in corpus() if not sample.held_out]
HELD_OUT = [sample for sample in corpus() if sample.held_out]


def mistakes(sample: Sample) -> dict[str, tuple[object, object]]:
    found = facts_of(parse(sample.name))
    return {name: (fact, found[name]) for name, fact in sample.facts.items() if found[name] != fact}


def test_the_corpus_is_large_and_has_no_name_twice() -> None:
    names = Counter(sample.name for sample in corpus())
    assert len(names) >= 400
    assert [name for name, count in names.items() if count > 1] == []
    assert len(HELD_OUT) * 3 >= len(corpus())
    assert {sample.section for sample in HELD_OUT} == {sample.section for sample in KNOWN}


def test_the_corpus_and_the_parser_speak_of_the_same_facts() -> None:
    for sample in corpus():
        assert set(sample.facts) == set(facts_of(parse(sample.name)))


@pytest.mark.parametrize("sample", KNOWN, ids=lambda sample: sample.name)
def test_a_name_is_read(sample: Sample) -> None:
    assert mistakes(sample) == {}


@pytest.mark.parametrize("part", HELD_OUT_RIGHT)
def test_names_that_nobody_looked_at_are_read(part: str) -> None:
    right = [sample for sample in HELD_OUT if sample.file == part and not mistakes(sample)]
    assert len(right) >= HELD_OUT_RIGHT[part]


# --- what no table shows ---------------------------------------------------------------------------------------------

TAGS = [
    "1080p",
    "2160p",
    "WEB-DL",
    "BluRay",
    "REMUX",
    "x265",
    "H.264",
    "DDP5.1",
    "DV",
    "HDR10+",
    "MULTi",
    "VFF",
    "VOSTFR",
    "FRENCH",
    "EXTENDED",
    "PROPER",
    "S01E02",
    "S01",
    "2019",
    "-",
    "[",
    "]",
    "(",
    ")",
    ".",
    "_",
    "CAM",
    "TS",
    "1x02",
    "2024.03.11",
    "-GRP",
    "[Group]",
    "v2",
    "12",
    "E03",
    "Season",
    "1",
    "to",
    "COMPLETE",
    "INTEGRALE",
]
NAMES = st.one_of(
    st.text(max_size=600),
    st.lists(st.sampled_from(TAGS) | st.text(max_size=5), max_size=20).map(".".join),
    st.lists(st.sampled_from(TAGS) | st.text(max_size=5), max_size=20).map(" ".join),
)


@given(NAMES)
def test_any_text_is_a_name(name: str) -> None:
    read = parse(name)
    assert read.name == name
    assert read == parsing._Reader(name).read()
    assert read.resolution is not None or not read.resolution_inferred
    assert read.title == " ".join(read.title.split())
    assert len(read.numbering.seasons) <= 60
    assert len(read.numbering.episodes) <= 2_000


@given(NAMES)
def test_any_text_is_a_name_of_a_series(name: str) -> None:
    """It says the same, or has one episode more than none."""
    read, of_series = parse(name), parse_of_series(name)
    if of_series != read:
        assert len(of_series.numbering.episodes + of_series.numbering.absolute) == 1
        assert not read.numbering.episodes
        assert not read.numbering.absolute


@given(st.lists(st.sampled_from(["Amber", "Hill", "Two", "Rivers", "Old", "House"]), min_size=1, max_size=4))
def test_dots_spaces_and_underscores_say_the_same(title: list[str]) -> None:
    words = [*title, "2019", "MULTi", "1080p", "WEB-DL", "DDP5.1", "H.264"]
    reads = [facts_of(parse(joint.join(words) + "-GRP")) for joint in (".", " ", "_")]
    assert reads[0] == reads[1] == reads[2]
    assert reads[0]["title"] == " ".join(title).lower()


@pytest.mark.parametrize("word", ["CAM", "TS", "FRENCH", "WEB", "EXTENDED", "DV", "3D", "PROPER"])
def test_a_tag_is_never_a_part_of_a_word(word: str) -> None:
    plain = parse("Amber.2019.1080p.BluRay.x264-GRP")
    longer = parse(f"Amber.2019.X{word}ELOT.1080p.BluRay.x264-GRP")
    assert {**facts_of(longer), "title": ""} == {**facts_of(plain), "title": ""}


def test_a_long_name_is_cut() -> None:
    assert len(parse("a " * 10_000).title) <= LONGEST_NAME


@pytest.mark.parametrize("part", ["(", "[", "S01E01-", "1-", "www.", "-", "[a.com] ", "s01.", "a-b", "2019 ", "e1e1"])
def test_hostile_names_are_read_at_once(part: str) -> None:
    name = part * 5_000
    started = time.process_time()
    parsing._Reader(name).read()
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("Amber.2019.1080p.BluRay.EXTRAS.x264-GRP", True),
        ("Amber.2019.Bonus.Disc.1080p.BluRay.x264-GRP", True),
        ("Amber.2019.Featurettes.1080p.BluRay.x264-GRP", True),
        ("Amber.2019.Behind.the.Scenes.1080p.WEB.H264-GRP", True),
        ("Amber.2019.The.Making.Of.1080p.WEB.H264-GRP", True),
        ("Amber.2019.Deleted.Scenes.1080p-GRP", True),
        ("Amber.2019.Official.Trailer.1080p.WEB.H264-GRP", True),
        ("Amber.2019.Teaser.FRENCH.1080p.WEB.H264-GRP", True),
        ("Amber.2019.Bande-Annonce.VF.1080p.WEB.H264-GRP", True),
        ("Amber.S01.EXTRAS.1080p.BluRay.x264-GRP", True),
        # with the film or the season
        ("Amber.2019.1080p.BluRay.with.Extras.x264-GRP", False),
        ("Amber 2019 1080p BluRay + Bonus x265-GRP", False),
        ("Amber.2019.1080p.BluRay.Extras.Included.x265-GRP", False),
        ("Amber S01-S03 + Extras 1080p BluRay x265-GRP", False),
        ("Amber (2019) S01-S03 (1080p BluRay x265 Extras GRP)", False),
        # names of titles and of episodes
        ("Extras.S01E01.1080p.WEB.H264-GRP", False),
        ("Extras.2005.1080p.WEB.H264-GRP", False),
        ("The.Trailer.2019.1080p.WEB.H264-GRP", False),
        ("Behind.the.Scenes.2019.1080p.WEB.H264-GRP", False),
        ("Trailer.Park.Boys.S01E01.1080p.WEB.H264-GRP", False),
        ("Amber.S01E05.Deleted.Scenes.1080p.WEB.H264-GRP", False),
        ("Amber.S01E05.Bonus.1080p.WEB.H264-GRP", False),
    ],
)
def test_what_comes_with_a_film_is_not_the_film(name: str, *, extras: bool) -> None:
    assert (Flag.EXTRAS in parse(name).flags) is extras


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("Amber.S01-S03.1080p.WEB", None),
        ("Amber.S01E01-E03.1080p.WEB", None),
        ("Amber S01E01-E02", None),
        ("Amber.S01-S03", None),
        ("Amber.S01-S03.1080p.WEB-GRP", "GRP"),
        ("Amber.S01E01-E03.1080p.WEB.x264-GRP", "GRP"),
        ("Amber.S01E01-GRP", "GRP"),
    ],
)
def test_the_end_of_a_range_is_no_group(name: str, group: str | None) -> None:
    assert parse(name).group == group


# --- what is concluded -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "title", "year", "group"),
    [
        ("[REC] (2007)", "REC", 2007, None),
        ("[REC] (2007) 1080p BluRay x264-GRP", "REC", 2007, "GRP"),
        ("[REC] (2007) [1080p] [BluRay]", "REC", 2007, None),
        ("[REC].(2007).MULTi.1080p.BluRay.x264-GRP", "REC", 2007, "GRP"),
        ("[REC] [2007] REMASTERED 720p BluRay x264", "REC", 2007, None),
        ("[ www.site.com ] - [REC] (2007) 720p", "REC", 2007, None),
        ("[300] (2006) 1080p", "300", 2006, None),
        # there it is who made it
        ("[Group] 300 (2006) [1080p]", "300", 2006, "Group"),
        ("[Group] (2011) Real Steel [1080p]", "Real Steel", 2011, "Group"),
        ("[Group] (2021) The French Dispatch [1080p]", "The French Dispatch", 2021, "Group"),
        ("[Group] 1984 (1984) [1080p]", "1984", 1984, "Group"),
        ("[Group] Title (2007) [1080p]", "Title", 2007, "Group"),
        ("[Group] 2012 1080p", "2012", None, "Group"),
    ],
)
def test_brackets_before_a_year_hold_a_title(name: str, title: str, year: int | None, group: str | None) -> None:
    read = parse(name)
    assert (read.title, read.year, read.group) == (title, year, group)


def test_a_pack_is_a_whole_season_at_least() -> None:
    assert parse("Amber.S01.1080p.WEB-DL.H264-GRP").numbering.is_pack
    assert parse("Amber.INTEGRALE.1080p.WEB-DL.H264-GRP").numbering.is_pack
    assert not parse("Amber.S01E01.1080p.WEB-DL.H264-GRP").numbering.is_pack
    assert not parse("Amber.2019.1080p.WEB-DL.H264-GRP").numbering.is_series
    assert Numbering() == parse("Amber.2019.1080p.WEB-DL.H264-GRP").numbering


@pytest.mark.parametrize(
    ("tags", "revision"),
    [("", 0), ("PROPER.", 1), ("REPACK.", 1), ("PROPER.REPACK.", 2), ("REAL.PROPER.", 3), ("V2.", 1), ("V3.", 2)],
)
def test_how_often_a_release_was_mended(tags: str, revision: int) -> None:
    assert parse(f"Amber.2019.{tags}1080p.BluRay.x264-GRP").revision == revision


#: What is asked of a name, in the words of the corpus.
PARTICULARS = (
    # an episode behind its season, with other things between them
    ("Harbor - Stagione 6 (2016) 720p ep13 Somebody", {"numbering": Numbering(seasons=(6,), episodes=(13,))}),
    ("Harbor.S06.720p.WEB.Episode.04-06.x264-GRP", {"numbering": Numbering(seasons=(6,), episodes=(4, 5, 6))}),
    ("Harbor.S06.720p.WEB.EP01-EP10.x264-GRP", {"numbering": Numbering(seasons=(6,), episodes=tuple(range(1, 11)))}),
    ("Harbor.S06.720p.WEB.x264-E12", {"numbering": Numbering(seasons=(6,)), "group": "e12"}),
    ("Harbor.S14E00.and.S14E01.720p.WEB.x264-GRP", {"numbering": Numbering(seasons=(14,), episodes=(0, 1))}),
    ("Harbor.Seizoen.4.1080p.WEB.x264-GRP", {"title": "harbor", "numbering": Numbering(seasons=(4,))}),
    ("Harbor.Sezon.2.1080p.WEB.x264-GRP", {"title": "harbor", "numbering": Numbering(seasons=(2,))}),
    # discs of a season aren't all of it
    ("Harbor.S07D1.NTSC.DVDR-GRP", {"title": "harbor", "numbering": Numbering(seasons=(7,), partial=True)}),
    ("Harbor.S07D1-3&5.NTSC.DVDR-GRP", {"title": "harbor", "numbering": Numbering(seasons=(7,), partial=True)}),
    # Spanish, with the season in short
    (
        "Harbor.-.Temp.1.720p.HDTV.x264[Cap.112_114.Final]SPANISH-GRP",
        {"title": "harbor", "numbering": Numbering(seasons=(1,), episodes=(12, 13, 14))},
    ),
    # Italian: taken from several sources
    ("Harbor.2019.BRMux.720p.x264-GRP", {"title": "harbor", "source": Source.BLURAY}),
    ("Harbor.BDRipMux.720p", {"title": "harbor", "source": Source.BLURAY}),
    ("Harbor.S02E19.ITA.DLMux.x264-GRP", {"source": Source.WEB_DL}),
    # German: the sound without a dot, what it is
    ("Harbor.S04E13.Finale.German.DD51.DL.720p.AmazonHD.x264-GRP", {"languages": {"de"}, "channels": "5.1"}),
    ("Harbor.S02E07.Streik.German.DOKU.DL.WS.DVDRiP.x264-GRP", {"languages": {"de"}}),
    ("Harbor.E195.Heimkehr.German.Dubbed.1999.ANiME.DVDRiP.XviD-GRP", {"languages": {"de"}}),
    # lines without their "p", before what can't be a title's
    ("Harbor.2016.05.18.720.HDTV.x264-GRP", {"resolution": (720, False), "source": Source.HDTV}),
    ("[GRP].Harbor.-.06.[720.Hi10p][1F5578AC]", {"resolution": (720, False), "group": "grp"}),
    ("Harbor 445 VOSTFR par Somebody (1280*720)", {"resolution": (720, False)}),
    ("1080.Harbor.Street.2019.DVDRip.x264-GRP", {"title": "1080 harbor street", "resolution": (480, True)}),
    ("Harbor.720.Steps.2019.DVDRip.x264-GRP", {"title": "harbor 720 steps", "resolution": (480, True)}),
    # tags before the title
    ("[h265 - HEVC] Harbor Lights French 1080p DTS", {"title": "harbor lights", "codec": Codec.H265, "group": None}),
    ("h265 - HEVC Harbor Lights Unrated French 1080p DTS", {"title": "harbor lights", "codec": Codec.H265}),
    ("[x265] Harbor 05 [1080p]", {"title": "harbor", "codec": Codec.H265, "numbering": Numbering(absolute=(5,))}),
    ("[1080p] Harbor - 05 [x265]", {"title": "harbor", "numbering": Numbering(absolute=(5,))}),
    ("[HEVC-Raws] Harbor - 05 [1080p]", {"title": "harbor", "group": "hevc-raws"}),
    ("Harbor.2016.2160p.UHD.BluRay.Hevc10.HDR10-GRP", {"codec": Codec.H265, "depth": 10}),
    # who signs
    ("Harbor.S02E11.2160p.WebUHD.x264-UHDTV", {"source": Source.WEB_DL, "group": "uhdtv"}),
    ("Harbor.S02E11.720p.x264-HDTV", {"source": Source.HDTV, "group": None}),
    ("Harbor.Web.S02E11.720p.x264-HDTV", {"source": Source.HDTV, "group": None}),
    ("Harbor.2019.720p.WEBRip.x264-HDCAM", {"source": Source.CAM, "group": None}),
    ("Harbor.2019.BluRay.1080p.DTS.x264.dxva GRP", {"group": "grp"}),
    ("Harbor.2x21.HDTV.XviD-Somebody-TeaM.[site.org.ru]", {"group": "somebody-team"}),
)


@pytest.mark.parametrize(("name", "said"), PARTICULARS)
def test_particulars_are_read(name: str, said: Mapping[str, object]) -> None:
    found = facts_of(parse(name))
    assert {fact: found[fact] for fact in said} == said


@pytest.mark.parametrize(
    ("name", "title", "numbering"),
    [
        ("Harbor.13.HDTV-GRP", "harbor", Numbering(absolute=(13,))),
        ("Harbor.Lights.02.FRENCH.LD.DVDRip.XviD-GRP", "harbor lights", Numbering(absolute=(2,))),
        ("Harbor.10.720p", "harbor", Numbering(absolute=(10,))),
        ("Harbor.525", "harbor", Numbering(seasons=(5,), episodes=(25,))),
        ("Harbor_Lights_2005.211.name.of.it", "harbor lights", Numbering(seasons=(2,), episodes=(11,))),
        # what is no episode there either: a first word, a year, a name that goes on, a film's year behind it
        ("24.720p.HDTV-GRP", "24", Numbering()),
        ("Harbor.2019.720p.HDTV-GRP", "harbor", Numbering()),
        ("Harbor.13.Lights.720p.HDTV-GRP", "harbor 13 lights", Numbering()),
        ("Harbor.13.1995.720p.BluRay.x264-GRP", "harbor 13", Numbering()),
        ("Harbor.500.720p.WEB.x264-GRP", "harbor 500", Numbering()),
        ("Harbor.S01E02.13.720p.HDTV-GRP", "harbor", Numbering(seasons=(1,), episodes=(2,))),
    ],
)
def test_a_bare_number_is_an_episode_where_it_is_a_series(name: str, title: str, numbering: Numbering) -> None:
    read = facts_of(parse_of_series(name))
    assert (read["title"], read["numbering"]) == (title, numbering)
    if not parse(name).numbering.is_series:
        assert parse(name).numbering == Numbering()


CINEMA = (
    *("CAM", "HDCAM", "HD-CAM", "CAMRip", "CAM-Rip", "HQ-CAM", "NEWCAM", "CAMHD", "WORKPRINT", "R5"),
    *("TS", "HDTS", "HD-TS", "HQTS", "TSRip", "TELESYNC", "PreDVDRip", "TC", "HDTC", "HD-TC", "TELECINE"),
    *("DVDSCR", "DVDScr", "SCREENER", "SCR"),
)


@pytest.mark.parametrize("tag", CINEMA)
@pytest.mark.parametrize(
    "name",
    [
        "Amber.2019.{}.1080p.x264-GRP",
        "Amber.2019.1080p.{}.x264.AAC-GRP",
        "Amber.2019.FRENCH.{}.MD.XviD-GRP",
        "Amber.2019.{}-GRP",
        "Amber (2019) 1080p {} x264 AAC [GRP]",
        "Amber (2019) [1080p] [{}]",
        "amber.2019.{}.x264-grp",
        "[Site.com] Amber 2019 V2 {} 720p x264",
    ],
)
def test_no_recording_in_a_cinema_is_overlooked(name: str, tag: str) -> None:
    read = parse(name.format(tag.lower() if name.islower() else tag))
    assert read.is_cam
    assert facts_of(read)["title"] == "amber"


@pytest.mark.parametrize(
    "title", ["Camelot", "Cam", "The Cam", "TS Spivet", "Tc 2000", "The Screener", "Scream", "Camera"]
)
def test_no_title_is_a_recording(title: str) -> None:
    read = parse(f"{title.replace(' ', '.')}.2019.1080p.WEB-DL.H264-GRP")
    assert not read.is_cam
    assert facts_of(read)["title"] == title.lower()


def test_a_film_from_a_cinema_is_one() -> None:
    read = parse("Amber.2019.FRENCH.HDCAM.MD.720p.x264-GRP")
    assert (read.source, read.is_cam, read.resolution) == (Source.CAM, True, Resolution.P720)
    assert not parse("Amber.2019.1080p.WEB-DL.TS-GRP").is_cam
    assert Flag.HARDSUB in parse("Amber.2019.HC.1080p.WEBRip.x264-GRP").flags
    assert Dub.VF2 in parse("Amber.2019.MULTi.VF2.1080p.WEB.H264-GRP").dubs


def test_names_that_are_kept_are_an_object_each() -> None:
    """The garbage collector goes over them all, while everything waits."""
    names = [f"Amber.2019.MULTi.VFF.2160p.WEB-DL.DV.HDR10.Atmos.PROPER.x265-GRP{number}" for number in range(200)]
    names += [f"Amber.S02E{number % 3}.EXTENDED.MULTi.VFF.1080p.WEB.H264-GRP{number}" for number in range(200)]
    parse.cache_clear()
    gc.collect()
    before = len(gc.get_objects())
    for name in names:
        parse(name)
    gc.collect()
    assert parse.cache_info().currsize == len(names)
    assert len(gc.get_objects()) - before < 1.2 * len(names)


def test_sets_of_other_kinds_are_not_mixed_up() -> None:
    read = parse("Amber.2019.SUBBED.EXTENDED.2160p.WEB-DL.HDR10.DDP5.1.PROPER.x265-GRP")
    kinds = (read.hdr, read.audio, read.dubs, read.editions, read.flags)
    assert [{type(each).__name__ for each in kind} for kind in kinds] == [
        {"Hdr"},
        {"Audio"},
        {"Dub"},
        {"Edition"},
        {"Flag"},
    ]
