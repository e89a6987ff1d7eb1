"""Whether it is the right title."""

from dataclasses import replace
from datetime import date

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.releases import ArrOpinion
from custom_components.sokoul.releases.attributes import Numbering
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Certainty, Wanted, identify, normal
from custom_components.sokoul.releases.parse import parse
from custom_components.sokoul.releases.policy import Policy

from .make import DUNE, SILO, offer

NO, UNSURE, LIKELY, SURE = Certainty


def film(*names: str, year: int | None = 2010, namesakes: tuple[int, ...] = ()) -> Wanted:
    return Wanted(kind=TitleKind.MOVIE, names=names, year=year, namesakes=frozenset(namesakes))


def series(*names: str, year: int | None = None, namesakes: tuple[int, ...] = (), season: int | None = 1) -> Wanted:
    return Wanted(
        kind=TitleKind.EPISODE,
        names=names,
        year=year,
        namesakes=frozenset(namesakes),
        season=season,
        episodes=frozenset({2}),
    )


DUNES = replace(DUNE, namesakes=frozenset({1984, 2000}))
PART_TWO = film("Dune: Part Two", "Dune : Deuxième Partie", year=2024)
OFFICE_US = series("The Office (US)", "The Office", year=2005, namesakes=(2001,))
GALACTICA = series("Battlestar Galactica (2003)", year=2003, namesakes=(1978,))
OLD_CHARMED = series("Charmed", year=1998, namesakes=(2018,))
DOCTOR_WHO = series("Doctor Who", year=2005, namesakes=(1963, 2024))
DAILY = replace(series("The Daily Show"), aired=date(2024, 3, 11), season=None, episodes=frozenset())
ANIME = replace(series("One Piece"), season=21, episodes=frozenset({198}), absolute=frozenset({1089}))
LONG_SEASON = replace(ANIME, season_episodes=206)
SEASON = replace(series("Silo", year=2023, season=2), kind=TitleKind.SERIES, episodes=frozenset(), season_episodes=10)


@pytest.mark.parametrize(
    ("wanted", "name", "certainty", "reason"),
    [
        # remakes
        (DUNES, "Dune.2021.1080p.WEB-DL.H264-GRP", SURE, "name_and_year_fit"),
        (DUNES, "Dune.1984.1080p.BluRay.x264-GRP", NO, "other_year"),
        (DUNES, "Dune.2020.1080p.BluRay.x264-GRP", LIKELY, "year_nearly_fits"),
        (DUNES, "Dune.1080p.BluRay.x264-GRP", UNSURE, "same_name"),
        (DUNES, "Dune.Part.One.2021.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (DUNES, "Dune.Part.Two.2024.1080p.BluRay.x264-GRP", NO, "other_part"),
        (DUNES, "Dune.Prophecy.S01E01.1080p.WEB.H264-GRP", NO, "other_kind"),
        (film("The Thing", year=2011, namesakes=(1982,)), "The.Thing.1982.1080p.BluRay.x264-GRP", NO, "other_year"),
        (film("Carrie", year=2013, namesakes=(1976, 2012)), "Carrie.2012.1080p.WEB-DL.H264-GRP", NO, "other_year"),
        # parts
        (PART_TWO, "Dune.Part.Two.2024.1080p.WEB-DL.H264-GRP", SURE, "name_and_year_fit"),
        (PART_TWO, "Dune.Part.2.2024.1080p.WEB-DL.H264-GRP", SURE, "name_and_year_fit"),
        (PART_TWO, "Dune.Part.II.2024.1080p.WEB-DL.H264-GRP", SURE, "name_and_year_fit"),
        (PART_TWO, "Dune.Deuxieme.Partie.2024.MULTi.1080p.WEB.H264-GRP", SURE, "name_and_year_fit"),
        (PART_TWO, "Dune.2024.1080p.WEB-DL.H264-GRP", NO, "other_part"),
        (film("Moana 2"), "Moana.2010.1080p.WEB-DL.H264-GRP", NO, "other_part"),
        (film("Moana"), "Moana.2.2010.1080p.WEB-DL.H264-GRP", NO, "other_part"),
        (film("Rocky II"), "Rocky.2.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Kill Bill: Vol. 2"), "Kill.Bill.Vol.2.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Kill Bill: Vol. 2"), "Kill.Bill.Volume.1.2010.1080p.BluRay.x264-GRP", NO, "other_part"),
        # names
        (film("WALL·E"), "WALL-E.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Fast & Furious"), "Fast.and.Furious.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Amélie"), "Amelie.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Ocean's Eleven"), "Oceans.Eleven.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("The Social Network"), "Social.Network.The.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Spirited Away", "Le Voyage de Chihiro"), "Le.Voyage.de.Chihiro.2010.FRENCH.DVDRip-X", SURE, None),
        (film("Inception"), "Inception.The.Cobol.Job.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("Alien"), "Aliens.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("Up"), "Up.in.the.Air.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("Moon"), "La.Luna.AKA.Moon.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Legacy of Moon"), "Луна / Legacy of Moon (2010) WEB-DL 1080p", SURE, "name_and_year_fit"),
        (film("Parasite"), "Parasite (Gisaeng chung) (2010) 1080p BluRay x264", SURE, "name_and_year_fit"),
        (film("Us"), "The Office (US) (2010) 1080p BluRay x264", NO, "other_title"),
        # gaps between words
        (film("L'Amour ouf"), "L.Amour.Ouf.2010.FRENCH.1080p.WEB.H264-GRP", SURE, "name_and_year_fit"),
        (film("L\u2019Étranger"), "L.Etranger.2010.FRENCH.1080p.WEB.H264-GRP", SURE, "name_and_year_fit"),
        (film("L'Étranger"), "Letranger.2010.FRENCH.1080p.WEB.H264-GRP", SURE, "name_and_year_fit"),
        (film("Anatomie d'une chute"), "Anatomie.d.une.chute.2010.FRENCH.1080p.WEB.H264-GRP", SURE, None),
        (film("Qu'est-ce qu'on a fait ?"), "Qu.Est.Ce.Qu.On.A.Fait.2010.FRENCH.1080p.WEB-GRP", SURE, None),
        (film("Les Sœurs Brontë"), "Les.Soeurs.Bronte.2010.FRENCH.1080p.WEB.H264-GRP", SURE, "name_and_year_fit"),
        (film("Die Straße"), "Die.Strasse.2010.GERMAN.1080p.WEB.H264-GRP", SURE, "name_and_year_fit"),
        (film("Ocean's Eleven"), "Ocean.s.Eleven.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("Spider-Man: No Way Home"), "Spiderman.No.Way.Home.2010.1080p.WEB.H264-GRP", SURE, None),
        (film("S.W.A.T."), "SWAT.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("S.W.A.T."), "S.W.A.T.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("A.I. Artificial Intelligence"), "AI.Artificial.Intelligence.2010.1080p.BluRay.x264-GRP", SURE, None),
        (film("WALL·E"), "WALLE.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("X-Men"), "XMen.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (film("3:10 to Yuma"), "310.to.Yuma.2010.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (series("9-1-1"), "911.S01E02.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (series("D'argent et de sang"), "D.argent.et.de.sang.S01E02.FRENCH.1080p.WEB-GRP", LIKELY, "name_fits"),
        (series("It's Always Sunny"), "It.s.Always.Sunny.S01E02.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (series("It's Always Sunny"), "It.s.Always.Sunny.S01E03.1080p.WEB.H264-GRP", NO, "other_episode"),
        # which are all that tells some names apart
        (film("It"), "I.T.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("Us"), "U.S.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("Her"), "H.E.R.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("Up"), "U.P.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("Her"), "Hero.2010.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("L'Amour ouf"), "L.Amour.Ouf.2.2010.FRENCH.1080p.WEB.H264-GRP", NO, "other_part"),
        # years in names
        (film("Wonder Woman 1984", year=2020), "Wonder.Woman.1984.2020.1080p.WEB-DL.H264-GRP", SURE, None),
        (film("Wonder Woman 1984", year=2020), "Wonder.Woman.1984.1080p.WEB-DL.H264-GRP", LIKELY, "name_fits"),
        (film("Wonder Woman", year=2017), "Wonder.Woman.1984.2020.1080p.WEB-DL.H264-GRP", NO, "other_title"),
        (film("Blade Runner 2049", year=2017), "Blade.Runner.2049.1080p.BluRay.x264-GRP", LIKELY, "name_fits"),
        (film("Blade Runner", year=1982), "Blade.Runner.2049.2017.1080p.BluRay.x264-GRP", NO, "other_title"),
        (film("1917", year=2019), "1917.2019.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        # years that are a little off
        (film("Amber", year=None), "Amber.2010.1080p.BluRay.x264-GRP", LIKELY, "name_fits"),
        (film("Amber"), "Amber.1080p.BluRay.x264-GRP", LIKELY, "name_fits"),
        (film("Amber"), "Amber.2012.1080p.BluRay.x264-GRP", NO, "other_year"),
        # series of the same name
        (OFFICE_US, "The.Office.US.S01E02.1080p.WEB-DL.H264-GRP", LIKELY, "name_fits"),
        (OFFICE_US, "The.Office.2005.S01E02.1080p.WEB-DL.H264-GRP", SURE, "name_and_year_fit"),
        (OFFICE_US, "The.Office.2001.S01E02.1080p.WEB-DL.H264-GRP", NO, "other_year"),
        (OFFICE_US, "The.Office.S01E02.1080p.WEB-DL.H264-GRP", UNSURE, "same_name"),
        (OFFICE_US, "The.Office.UK.S01E02.1080p.WEB-DL.H264-GRP", NO, "other_title"),
        (GALACTICA, "Battlestar.Galactica.2003.S01E02.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (GALACTICA, "Battlestar.Galactica.1978.S01E02.1080p.BluRay.x264-GRP", NO, "other_year"),
        (series("Shameless", year=2011), "Shameless.2013.S01E02.720p.WEB.H264-GRP", LIKELY, "year_of_season"),
        (OLD_CHARMED, "Charmed.2018.S01E02.1080p.WEB.H264-GRP", NO, "other_year"),
        (OLD_CHARMED, "Charmed.2020.S03E02.1080p.WEB.H264-GRP", UNSURE, "same_name"),
        (OLD_CHARMED, "Charmed.2003.S01E02.1080p.WEB.H264-GRP", LIKELY, "year_of_season"),
        (DOCTOR_WHO, "Doctor.Who.2023.S01E02.1080p.WEB.H264-GRP", NO, "other_year"),
        (
            replace(DOCTOR_WHO, year=2024, namesakes=frozenset({1963, 2005})),
            "Doctor.Who.2023.S01E02.1080p-GRP",
            LIKELY,
            None,
        ),
        # nobody could be asked who else is called that
        (replace(DUNE, namesakes=None), "Dune.1080p.BluRay.x264-GRP", UNSURE, "others_unknown"),
        (replace(DUNE, namesakes=None), "Dune.2021.1080p.BluRay.x264-GRP", SURE, "name_and_year_fit"),
        (replace(DUNE, namesakes=None), "Dune.2020.1080p.BluRay.x264-GRP", LIKELY, "year_nearly_fits"),
        (replace(OLD_CHARMED, namesakes=None), "Charmed.2018.S01E02.1080p.WEB.H264-GRP", UNSURE, "others_unknown"),
        (replace(OLD_CHARMED, namesakes=None), "Charmed.S01E02.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        # episodes
        (SILO, "Silo.S02E05.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (SILO, "Silo.S02E06.1080p.WEB.H264-GRP", NO, "other_episode"),
        (SILO, "Silo.S01E05.1080p.WEB.H264-GRP", NO, "other_season"),
        (SILO, "Silo.S02.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (SILO, "Silo.S01-S03.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (SILO, "Silo.COMPLETE.SERIES.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (SILO, "Silo.2023.1080p.WEB.H264-GRP", NO, "other_kind"),
        (DAILY, "The.Daily.Show.2024.03.11.720p.WEB.h264-GRP", LIKELY, "name_fits"),
        (DAILY, "The.Daily.Show.2024.03.12.720p.WEB.h264-GRP", NO, "other_day"),
        (DAILY, "The.Daily.Show.11.03.2024.720p.WEB.h264-GRP", NO, "unclear_day"),
        (DAILY, "The.Daily.Show.03.11.2024.720p.WEB.h264-GRP", NO, "unclear_day"),
        (DAILY, "The.Daily.Show.10.03.2024.720p.WEB.h264-GRP", NO, "other_day"),
        (replace(DAILY, aired=date(2024, 3, 13)), "The.Daily.Show.03.13.2024.720p.WEB.h264-GRP", LIKELY, "name_fits"),
        (replace(DAILY, aired=date(2024, 3, 3)), "The.Daily.Show.03.03.2024.720p.WEB.h264-GRP", LIKELY, "name_fits"),
        (ANIME, "[Group] One Piece - 1089 [1080p].mkv", LIKELY, "name_fits"),
        (ANIME, "[Group] One Piece - 1090 [1080p].mkv", NO, "other_episode"),
        (ANIME, "One.Piece.S21E198.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (ANIME, "[Group] One Piece - 1089.5 [1080p].mkv", NO, "other_season"),
        (ANIME, "[Group] One Piece - 198.5 [1080p].mkv", NO, "other_season"),
        # more than the season has: they are counted through all
        (LONG_SEASON, "One.Piece.S21E1089.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (LONG_SEASON, "[Group] One Piece (Season 21) - 1089 [1080p].mkv", LIKELY, "name_fits"),
        (LONG_SEASON, "One Piece S21 1089", LIKELY, "name_fits"),
        (LONG_SEASON, "One.Piece.S21E1090.1080p.WEB.H264-GRP", NO, "other_episode"),
        (LONG_SEASON, "One.Piece.S20E1089.1080p.WEB.H264-GRP", NO, "other_season"),
        (ANIME, "One.Piece.S21E1089.1080p.WEB.H264-GRP", NO, "other_episode"),
        (SEASON, "Silo.S02.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (SEASON, "Silo.S02E01-E10.1080p.WEB.H264-GRP", LIKELY, "name_fits"),
        (SEASON, "Silo.S02E01.1080p.WEB.H264-GRP", LIKELY, "part_of_season"),
        (film("Silo"), "Silo.S02E05.1080p.WEB.H264-GRP", NO, "other_kind"),
        # a bare number is an episode of the series that is wanted, and of no other
        (series("Harbor"), "Harbor.02.FRENCH.LD.DVDRip.XviD-GRP", LIKELY, "name_fits"),
        (series("Harbor"), "Harbor.102.DVDRip.XviD-GRP", LIKELY, "name_fits"),
        (series("Harbor"), "Harbor.12.DVDRip.XviD-GRP", NO, "other_episode"),
        (series("Harbor", season=2), "Harbor.02.DVDRip.XviD-GRP", NO, "other_season"),
        (series("Harbor", namesakes=(1990,)), "Harbor.02.DVDRip.XviD-GRP", UNSURE, "same_name"),
        (series("Harbor 02"), "Harbor.02.DVDRip.XviD-GRP", NO, "other_kind"),
        (series("Lights"), "Harbor.02.DVDRip.XviD-GRP", NO, "other_kind"),
        (film("Harbor"), "Harbor.02.DVDRip.XviD-GRP", NO, "other_part"),
    ],
)
def test_which_title_it_is(wanted: Wanted, name: str, certainty: Certainty, reason: str | None) -> None:
    match = identify(parse(name), wanted)
    assert match.certainty is certainty, match
    if reason is not None:
        assert match.reason.key == f"release.{reason}"


def test_a_release_may_have_only_some_of_the_episodes() -> None:
    wanted = replace(SILO, episodes=frozenset({4, 5}))
    match = identify(parse("Silo.S02E05E06.1080p.WEB.H264-GRP"), wanted)
    assert (match.certainty, match.reason.key, match.whole) == (LIKELY, "release.some_episodes", False)
    assert identify(parse("Silo.S02E04E05.1080p.WEB.H264-GRP"), wanted).whole
    assert not identify(parse("Silo.S02E01.1080p.WEB.H264-GRP"), SEASON).whole


@pytest.mark.parametrize(
    ("name", "seasons", "whole"),
    [
        ("Silo.COMPLETE.SERIES.1080p.WEB.H264-GRP", {1, 2}, True),
        ("Silo.S01-S02.1080p.WEB.H264-GRP", {1, 2}, True),
        ("Silo.S01-S03.1080p.WEB.H264-GRP", {1, 2}, True),
        ("Silo.S01-S02.1080p.WEB.H264-GRP", {1, 2, 3}, False),
        ("Silo.S01.1080p.WEB.H264-GRP", {1, 2}, False),
        ("Silo.S01.1080p.WEB.H264-GRP", {1}, True),
        ("Silo.S01E01.1080p.WEB.H264-GRP", {1}, False),
        ("[Group] Silo - 12 [1080p].mkv", {1}, False),
        # nobody knows how many there are
        ("Silo.S01-S02.1080p.WEB.H264-GRP", set(), True),
        ("Silo.S01.1080p.WEB.H264-GRP", set(), False),
    ],
)
def test_a_release_may_have_a_part_of_a_series_only(name: str, seasons: set[int], *, whole: bool) -> None:
    wanted = replace(SILO, kind=TitleKind.SERIES, season=None, episodes=frozenset(), seasons=frozenset(seasons))
    match = identify(parse(name), wanted)
    assert (match.certainty, match.whole) == (LIKELY, whole), match
    assert (match.reason.key == "release.part_of_series") is not whole


@pytest.mark.parametrize(
    ("ids", "vouched", "certainty", "reason"),
    [
        ({"imdb:tt1160419"}, False, LIKELY, "id_fits"),
        ({"imdb:tt0087182"}, False, NO, "other_id"),
        ({"tvdb:1"}, False, UNSURE, "same_name"),
        ((), True, LIKELY, "id_fits"),
        ((), False, UNSURE, "same_name"),
    ],
)
def test_databases_tell_namesakes_apart(ids: set[str], certainty: Certainty, reason: str, *, vouched: bool) -> None:
    wanted = replace(DUNES, ids=frozenset({"imdb:tt1160419", "tmdb:438631"}))
    match = identify(parse("Dune.1080p.BluRay.x264-GRP"), wanted, frozenset(ids), vouched=vouched)
    assert (match.certainty, match.reason.key) == (certainty, f"release.{reason}")


def test_who_was_asked_only_decides_between_namesakes() -> None:
    bare, wrong = parse("Dune.1080p.BluRay.x264-GRP"), parse("Dune.1984.1080p.BluRay.x264-GRP")
    assert identify(bare, DUNES).certainty is UNSURE
    same, other = identify(bare, DUNES, judged=True), identify(bare, DUNES, judged=False)
    assert (same.certainty, same.reason.key) == (LIKELY, "release.judged_same")
    assert (other.certainty, other.reason.key) == (NO, "release.judged_other")
    assert identify(wrong, DUNES, judged=True).certainty is NO
    by_id = replace(DUNES, ids=frozenset({"imdb:tt1160419"}))
    known = identify(bare, by_id, frozenset({"imdb:tt1160419"}), judged=False)
    assert known.reason.key == "release.id_fits", "a database knows better"


def test_a_number_of_a_database_mends_no_wrong_name_or_year() -> None:
    wanted = replace(DUNES, ids=frozenset({"tmdb:438631"}))
    for name in ("Dune.1984.1080p.BluRay.x264-GRP", "Dune.Part.Two.2024.1080p.BluRay.x264-GRP"):
        assert identify(parse(name), wanted, wanted.ids, vouched=True).certainty is NO


@pytest.mark.parametrize(
    ("wanted", "name", "certainty"),
    [
        (film("Ford v Ferrari", year=2019), "Le.Mans.66.2019.1080p.BluRay.x264-GRP", LIKELY),
        (film("Ford v Ferrari", year=2019), "Le.Mans.66.1080p.BluRay.x264-GRP", LIKELY),
        (film("Ford v Ferrari", year=2019), "Le.Mans.66.1971.1080p.BluRay.x264-GRP", NO),
        (film("Ford v Ferrari", year=2019), "Le.Mans.66.S01E02.1080p.WEB.H264-GRP", NO),
        (PART_TWO, "Dune.Messiah.2024.1080p.WEB.H264-GRP", LIKELY),
        (PART_TWO, "Dune.2.1080p.WEB.H264-GRP", NO),
        (series("Law & Order"), "Law.and.Order.SVU.S01E02.1080p.WEB.H264-GRP", LIKELY),
        (series("Law & Order"), "Law.and.Order.SVU.S01E03.1080p.WEB.H264-GRP", NO),
    ],
)
def test_an_arr_is_believed_where_only_the_name_differs(wanted: Wanted, name: str, certainty: Certainty) -> None:
    assert identify(parse(name), wanted).certainty is NO
    match = identify(parse(name), wanted, vouched=True)
    assert match.certainty is certainty
    assert (match.reason.key == "release.arr_vouches") is (certainty is LIKELY)


FIRST_SEASON = replace(series("Frieren"), kind=TitleKind.SERIES, episodes=frozenset(), season_episodes=28)


@pytest.mark.parametrize(
    ("wanted", "name", "certainty", "whole"),
    [
        (series("Frieren"), "[SubsPlease] Frieren - 02 (1080p) [ABCD1234].mkv", LIKELY, True),
        (series("Frieren"), "[SubsPlease] Frieren - 03 (1080p) [ABCD1234].mkv", NO, False),
        (series("Frieren", season=2), "[SubsPlease] Frieren - 02 (1080p) [ABCD1234].mkv", NO, False),
        (FIRST_SEASON, "[Group] Frieren - 01-28 (1080p) [Batch]", LIKELY, True),
        (FIRST_SEASON, "[Group] Frieren - 01-12 (1080p) [Batch]", LIKELY, False),
        (FIRST_SEASON, "[Group] Frieren - 29 (1080p)", NO, False),
        (replace(FIRST_SEASON, season_episodes=None), "[Group] Frieren - 01-28 (1080p) [Batch]", NO, False),
    ],
)
def test_a_first_season_is_counted_from_the_first(wanted: Wanted, name: str, certainty: Certainty, whole: bool) -> None:  # noqa: FBT001 -- a table
    match = identify(parse(name), wanted)
    assert (match.certainty, match.whole) == (certainty, whole), match


@pytest.mark.parametrize("part", ["VOL.2", "Vol 1", "Part.1", "Partie.2", "Part2", "Volume.1"])
def test_half_a_season_is_not_the_whole(part: str) -> None:
    name = f"Silo.S02.{part}.1080p.WEB.H264-GRP"
    for wanted in (SEASON, SILO):
        match = identify(parse(name), wanted)
        assert (match.certainty, match.whole, match.reason.key) == (LIKELY, False, "release.part_of_season")
    assert identify(parse("Silo.S02.1080p.WEB.H264-GRP"), SEASON).whole


HOLDS = Numbering(seasons=(1,), episodes=(2,))


@pytest.mark.parametrize(
    ("holds", "name", "certainty"),
    [
        (HOLDS, "The.Daily.Show.2024.03.11.Guest.1080p.WEB.h264-GRP", LIKELY),
        (HOLDS, "[Group] The Daily Show - 1100 [1080p]", LIKELY),
        (HOLDS, "The.Daily.Show.S29E30.1080p.WEB.h264-GRP", LIKELY),
        (HOLDS, "The.Nightly.Show.2024.03.11.1080p.WEB.h264-GRP", NO),
        (Numbering(seasons=(1,), episodes=(3,)), "The.Daily.Show.2024.03.11.1080p.WEB.h264-GRP", NO),
        (Numbering(seasons=(2,), episodes=(2,)), "The.Daily.Show.2024.03.11.1080p.WEB.h264-GRP", NO),
    ],
)
def test_an_arr_is_believed_which_episodes_a_release_holds(holds: Numbering, name: str, certainty: Certainty) -> None:
    wanted = series("The Daily Show", year=1996)
    assert identify(parse(name), wanted).certainty is NO
    assert identify(parse(name), wanted, holds=holds).certainty is certainty


@pytest.mark.parametrize(
    ("opinion", "certainty"),
    [
        (ArrOpinion(knows_title=True, season=21, episodes=frozenset({198})), LIKELY),
        (ArrOpinion(knows_title=True, season=21, episodes=frozenset({199})), NO),
        (ArrOpinion(knows_title=True, season=21, episodes=frozenset({198}), acceptable=False), NO),
        (ArrOpinion(knows_title=True), NO),
    ],
)
def test_what_an_arr_takes_a_release_for_counts(opinion: ArrOpinion, certainty: Certainty) -> None:
    wanted = replace(ANIME, absolute=frozenset())
    (found,) = rank([offer("[Group] One Piece - 1089 [1080p]", arr=opinion)], wanted, Policy())
    assert found.match.certainty is certainty


NAMES = st.text(alphabet="abcdefghij &:-.'éèIV12 ", min_size=1, max_size=30)


@given(NAMES)
def test_titles_are_compared_in_one_form(name: str) -> None:
    assert normal(normal(name)) == normal(name)
    assert normal(name.upper()) == normal(name)


@given(NAMES, st.integers(1900, 2030), st.sets(st.integers(1900, 2030), max_size=4))
def test_a_film_is_never_taken_for_its_namesake(name: str, year: int, others: set[int]) -> None:
    wanted = Wanted(kind=TitleKind.MOVIE, names=("Amber", name), year=year, namesakes=frozenset(others - {year}))
    for other in others - {year}:
        read = replace(parse("Amber.1080p.WEB-DL.H264-GRP"), year=other)
        assert identify(read, wanted).certainty is NO
    read = replace(parse("Amber.1080p.WEB-DL.H264-GRP"), year=year)
    assert identify(read, wanted).certainty is SURE
