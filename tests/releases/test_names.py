"""Names that are written in many ways, each beside those that look alike and are another title's."""

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Certainty, Wanted, identify, is_in_3d
from custom_components.sokoul.releases.names import forms, normal, wider_form, wider_forms_of_all
from custom_components.sokoul.releases.parse import parse
from custom_components.sokoul.releases.policy import Policy

from .make import offer

type Case = tuple[tuple[str, ...], int | None, str, str]  # names, year, releases of it, releases of others

#: Releases are written here without what follows their year, which is the same for all.
FILMS: tuple[Case, ...] = (
    # 3D at the end of a title
    (("Step Up 3D",), 2010, "Step.Up.3D.2010|Step Up 3D (2010)|step.up.3d.2010", "Step.Up.2006.3D|Step.Up.2006"),
    (("Step Up",), 2006, "Step.Up.2006|Step.Up.2006.3D", "Step.Up.3D.2010|Step.Up.2.2008"),
    (("Piranha 3D", "Piranha"), 2010, "Piranha.3D.2010|Piranha.2010", "Piranha.1978|Piranha.3DD.2012"),
    (("Jaws 3-D",), 1983, "Jaws.3-D.1983|Jaws.3D.1983", "Jaws.1975|Jaws.3D.1975|Jaws.2.1978"),
    (("Gravity",), 2013, "Gravity.3D.2013|Gravity.2013.3D", "Gravity.Falls.2013"),
    # letters with dots between them
    (("The A-Team",), 2010, "The.A.Team.2010|The.A-Team.2010|A.Team.2010|A-Team.2010", "The.Team.2010|Team.2010"),
    (("Team",), 2010, "Team.2010|The.Team.2010", "The.A.Team.2010|The.A-Team.2010"),
    (("Plan A",), 2021, "Plan.A.2021", "Plan.2021|The.Plan.2021|Plan.B.2021"),
    (("A Beautiful Mind",), 2001, "Beautiful.Mind.2001|Beautiful Mind, A (2001)|A.Beautiful.Mind.2001", "Mind.2001"),
    (("JFK",), 1991, "JFK.1991|J.F.K.1991|jfk.1991", "JFK.Revisited.1991"),
    (("R.I.P.D.",), 2013, "RIPD.2013|R.I.P.D.2013", "R.I.P.D.2.2013|RIP.2013"),
    (("Her",), 2013, "Her.2013|HER.2013", "H.E.R.2013|Hero.2013"),
    (("M*A*S*H",), 1970, "MASH.1970|M.A.S.H.1970", "MSH.1970"),
    (("E.T. the Extra-Terrestrial",), 1982, "E.T.the.Extra-Terrestrial.1982|ET.The.Extra.Terrestrial.1982", "ET.1982"),
    (("Extraterrestrial",), 2014, "Extraterrestrial.2014", "E.T.the.Extra-Terrestrial.2014"),
    # parts by their numbers, of the very year only
    (
        ("Dune: Part Two",),
        2024,
        "Dune.2.2024|Dune.II.2024|Dune.Two.2024|Dune.Part.2.2024|Dune.Part.Two.2024",
        "Dune.2024|Dune.2021|Dune.1984|Dune.2.2021|Dune.2.1984|Dune.2.2023|Dune.2|Dune.3.2024|Dune.Part.Three.2024",
    ),
    (("Dune",), 2021, "Dune.2021|Dune.Part.One.2021", "Dune.2.2024|Dune.2.2021|Dune.1984|Dune.Part.Two.2021"),
    (("Dune",), 1984, "Dune.1984", "Dune.2021|Dune.2.2024|Dune.2.1984"),
    (("Rocky",), 1976, "Rocky.1976", "Rocky.2.1976|Rocky.2.1979|Rocky.II.1976|Rocky.Two.1976"),
    (("Rocky II",), 1979, "Rocky.2.1979|Rocky.Part.II.1979|Rocky.Two.1979", "Rocky.1979|Rocky.3.1979|Rocky.1976"),
    (("Rocky V",), 1990, "Rocky.V.1990|Rocky.5.1990", "Rocky.1990|Rocky.IV.1990|Rocky.4.1990"),
    (("It Chapter Two",), 2019, "It.2.2019|It.Chapter.2.2019|It.Chapter.Two.2019", "It.2019|It.2017|It.Follows.2019"),
    (
        ("John Wick: Chapter 3 - Parabellum",),
        2019,
        "John.Wick.3.2019|John.Wick.Chapter.3.2019|John.Wick.Chapter.3.Parabellum.2019",
        "John.Wick.2019|John.Wick.2.2019|John.Wick.Chapter.4.2019",
    ),
    (
        ("Terminator 2: Judgment Day",),
        1991,
        "Terminator.2.1991|Terminator.II.1991|Terminator.2.Judgment.Day.1991",
        "Terminator.1991|Terminator.1984|Terminator.3.1991|Judgment.Day.1991",
    ),
    (("Kill Bill: Vol. 2",), 2004, "Kill.Bill.2.2004|Kill.Bill.Vol.2.2004", "Kill.Bill.2004|Kill.Bill.1.2004"),
    (("The Godfather Part II",), 1974, "The.Godfather.2.1974|Godfather.II.1974", "The.Godfather.1974"),
    (
        ("Fear Street: Part Two - 1978",),
        2021,
        "Fear.Street.Part.2.1978.2021|Fear.Street.Part.Two.2021|Fear.Street.2.2021",
        "Fear.Street.2021|Fear.Street.Part.1.1994.2021|Fear.Street.3.2021",
    ),
    (("Apollo 11: First Steps Edition",), 2019, "Apollo.11.First.Steps.Edition.2019", "Apollo.11.2019"),
    # numbers and words
    (("Ocean's Eleven",), 2001, "Oceans.11.2001|Ocean.s.11.2001|Oceans.Eleven.2001", "Oceans.12.2001|Oceans.11.1960"),
    (("Ocean's 8",), 2018, "Oceans.Eight.2018|Ocean's 8 (2018)", "Oceans.2018|Oceans.8.2016"),
    (("Seven Samurai",), 1954, "7.Samurai.1954", "Samurai.1954|8.Samurai.1954"),
    (("Nine",), 2009, "Nine.2009", "9.2009"),
    (("9",), 2009, "9.2009", "Nine.2009"),
    (("(500) Days of Summer",), 2009, "500.Days.of.Summer.2009|(500) Days of Summer (2009)", "Days.of.Summer.2009"),
    (("Twelve Monkeys",), 1995, "12.Monkeys.1995|Twelve.Monkeys.1995", "Monkeys.1995|11.Monkeys.1995"),
    (("Three Billboards",), 2017, "3.Billboards.2017", "Billboards.2017|Three.Billboards.S01E01"),
    (("2001: A Space Odyssey",), 1968, "2001.A.Space.Odyssey.1968", "Space.Odyssey.1968|2010.1984"),
    (("1984",), 1984, "1984.1984", "Nineteen.Eighty.Four.1956"),
    (("2 Fast 2 Furious",), 2003, "2.Fast.2.Furious.2003", "Fast.2.Furious.2003|Fast.Furious.2003"),
    # digits for letters
    (("Se7en",), 1995, "Se7en.1995|Seven.1995", "7.1995|Seven.1996|Seven.Pounds.1995|Even.1995"),
    (("Se7en", "Seven"), 1995, "Se7en.1995|Seven.1995|Se7en|Seven", "Seven.1979"),
    (("Thir13en Ghosts",), 2001, "Thir13en.Ghosts.2001|Thirteen.Ghosts.2001", "13.Ghost.2001|Ghosts.2001"),
    (("S1m0ne",), 2002, "S1m0ne.2002|Simone.2002", "Simone.2003|Simona.2002"),
    (("Megan",), 2022, "Megan.2022", "M3GAN.2022"),
    (("Fantastic Four", "Fant4stic"), 2015, "Fant4stic.2015|Fantastic.4.2015", "Fantastic.2015|Fantastic.4.2005"),
    (("Fant4stic", "Fantastic Four"), 2015, "Fant4stic.2015|Fantastic.4.2015", "Fantastic.2015"),
    (("Les 4 Fantastiques", "Fant4stic"), 2015, "Fant4stic.2015|Les.4.Fantastiques.2015", "Fantastic.2015"),
    (("Scream 4", "Scre4m"), 2011, "Scre4m.2011|Scream.4.2011", "Scream.2011|Scream.5.2011"),
    (("Sieben", "Se7en"), 1995, "Sieben.1995|Se7en.1995|Seven.1995", "7.1995|Seven.1996"),
    (("13 fantômes", "Thir13en Ghosts"), 2001, "Thirteen.Ghosts.2001|13.Fantomes.2001", "Ghosts.2001"),
    (("Simone, la star", "S1m0ne"), 2002, "S1m0ne.2002|Simone.2002", "Simone.2003|Simona.2002"),
    # signs
    (("Lucky # Slevin",), 2006, "Lucky.Number.Slevin.2006|Lucky.#.Slevin.2006|Lucky.Slevin.2006", "Slevin.2006"),
    (("#Alive",), 2020, "Alive.2020|#Alive.2020", "Number.Alive.2021"),
    (("Mission: Impossible",), 1996, "Mission.Impossible.1996|Mission-Impossible (1996)", "Mission.Impossible.2.1996"),
    (("Face/Off",), 1997, "Face.Off.1997|FaceOff.1997|Face-Off.1997|Face/Off (1997)", "Face.1997|Off.1997"),
    (("WALL·E",), 2008, "WALL-E.2008|WALLE.2008|Wall.E.2008", "Wall.2008|The.Wall.2008"),
    (("tick, tick... BOOM!",), 2021, "Tick.Tick.Boom.2021|tick,.tick...BOOM!.2021|Tick.tick...BOOM!.2021", "Boom.2021"),
    (("[REC]²",), 2009, "REC.2.2009|[REC]2.2009|[REC]².2009|[REC] 2 (2009)", "REC.2009|REC.3.2009"),
    (("[REC]",), 2007, "REC.2007|[REC] (2007)", "REC.2.2007|[REC]2.2007"),
    (("300",), 2006, "300.2006|[Group] 300 (2006)", "300.Rise.of.an.Empire.2006"),
    (("Alien³",), 1992, "Alien.3.1992|Alien3.1992|Alien³.1992", "Alien.1992|Aliens.1992"),
    (("8½",), 1963, "8½.1963|8.1.2.1963", "8.1963"),
    (("Naked Gun 33⅓",), 1994, "Naked.Gun.33.1.3.1994", "Naked.Gun.33.1994|Naked.Gun.2.1994"),
    # letters that others don't have
    (("Das Mädchen",), 2010, "Das.Maedchen.2010|Das.Madchen.2010|Das Mädchen (2010)", "Das.Medchen.2010"),
    (("Der große Fürst",), 2010, "Der.grosse.Fuerst.2010|Der.grosse.Furst.2010", "Der.grobe.Furst.2010"),
    (("Kærlighed på Øen",), 2010, "Kaerlighed.pa.Oen.2010|Kaerlighed.paa.Oeen.2010", "Kaerlighed.2010"),
    (("Schloss & Riegel",), 2010, "Schloss.und.Riegel.2010|Schloss.Riegel.2010|Schloß & Riegel (2010)", "Schloss.2010"),
    (("K\u0131ş Uykusu",), 2014, "Kis.Uykusu.2014|K\u0131ş.Uykusu.2014", "Kus.Uykusu.2014"),
    (("Pierre et le Loup",), 2010, "Pierre.&.le.Loup.2010|Pierre.et.le.Loup.2010", "Pierre.2010"),
)


def release(name: str) -> str:
    return f"{name}.1080p.BluRay.x264-GRP" if " " not in name else f"{name} 1080p BluRay x264"


def film(names: tuple[str, ...], year: int | None) -> Wanted:
    return Wanted(kind=TitleKind.MOVIE, names=names, year=year)


@pytest.mark.parametrize(
    ("names", "year", "of_it", "of_others"), FILMS, ids=[f"{each[0][0]} {each[1]}" for each in FILMS]
)
def test_a_film_by_the_ways_to_write_it(names: tuple[str, ...], year: int, of_it: str, of_others: str) -> None:
    told = {
        name: identify(parse(release(name)), film(names, year)).certainty >= Certainty.LIKELY
        for name in (*of_it.split("|"), *of_others.split("|"))
    }
    assert [name for name in of_it.split("|") if not told[name]] == [], "missed"
    assert [name for name in of_others.split("|") if told[name]] == [], "wrongly taken for it"


@pytest.mark.parametrize(
    ("title", "of_it", "of_others"),
    [
        ("CSI", "C.S.I|CSI|csi", "CSI.Miami|CSI.NY"),
        ("C.S.I.", "C.S.I|CSI", "CSI.Miami"),
        ("FBI", "F.B.I|FBI|The.FBI", "FBI.Most.Wanted|FB"),
        ("JAG", "J.A.G|JAG", "Jagd"),
        ("NCIS", "N.C.I.S|NCIS", "NCIS.Hawaii"),
        ("NCIS: Los Angeles", "N.C.I.S.Los.Angeles|NCIS.Los.Angeles", "NCIS"),
        ("S.W.A.T.", "SWAT|S.W.A.T", "SWT|Swati"),
        ("Marvel's Agents of S.H.I.E.L.D.", "Marvels.Agents.of.SHIELD|Marvel.s.Agents.of.S.H.I.E.L.D", "Agents"),
        ("The A-Team", "The.A.Team|The.A-Team|A.Team", "The.Team"),
        ("The A Word", "The.A.Word", "The.Word|Word"),
        ("The O.C.", "The.OC|The.O.C", "OCD"),
        ("Gen V", "Gen.V", "Gen.5|Gen"),
        ("Part Two", "Part.Two|Part.2", "Two|2"),
    ],
)
def test_a_series_by_the_ways_to_write_it(title: str, of_it: str, of_others: str) -> None:
    wanted = Wanted(kind=TitleKind.EPISODE, names=(title,), season=1, episodes=frozenset({2}))

    def is_it(name: str) -> bool:
        return identify(parse(f"{name}.S01E02.1080p.WEB.H264-GRP"), wanted).certainty >= Certainty.LIKELY

    assert [name for name in of_it.split("|") if not is_it(name)] == [], "missed"
    assert [name for name in of_others.split("|") if is_it(name)] == [], "wrongly taken for it"


@pytest.mark.parametrize(
    ("names", "name", "in_3d"),
    [
        (("Step Up 3D",), "Step.Up.3D.2010", False),
        (("Step Up 3D", "Step Up 3"), "Step.Up.3D.2010.3D", True),
        (("Step Up 3D",), "Step.Up.3D.2010.HSBS", True),
        (("Step Up 3D",), "Step.Up.3.2010.3D", True),
        (("Step Up",), "Step.Up.3D.2010", True),
        # some call it so because of its picture
        (("Gravity", "Gravity 3D"), "Gravity.3D.2010", True),
        (("Gravity",), "Gravity.2010", False),
    ],
)
def test_the_3d_of_a_title_is_no_picture(names: tuple[str, ...], name: str, *, in_3d: bool) -> None:
    wanted = film(names, 2010)
    (found,) = rank([offer(release(name))], wanted, Policy())
    assert is_in_3d(parse(release(name)), wanted) is in_3d
    assert ("release.refused_3d" in [each.key for each in found.refusals]) is in_3d


NAMES = st.text(alphabet="abethrxv :&-.'é#²ä37IV", min_size=1, max_size=24)


@given(NAMES)
def test_every_name_has_forms_or_is_empty(name: str) -> None:
    assert normal(normal(name)) == normal(name)
    assert bool(forms(name)) is any(each.isalnum() or each == "&" for each in name)
    assert wider_form(name) in wider_forms_of_all((name,)) or not wider_form(name)
