"""Which wishes the releases of a feed are of."""

from dataclasses import replace
from datetime import timedelta
from time import perf_counter

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import Offer
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.watchlist.items import ARR, Meant, Part, PartState, Wish
from custom_components.sokoul.watchlist.matching import matching

from .make import DUNE, HOUR, NOW, movie, on, part, series

WANTED = PartState.SEARCHING
HASH = "ab" * 20


def offer(name: str, *ids: str) -> Offer:
    return Offer(name=name, indexer="Harbour", protocol=Protocol.TORRENT, ids=frozenset(ids), info_hash=HASH)


def film(name: str, year: int) -> Wish:
    return movie(WANTED, meant=Meant(kind=TitleKind.MOVIE, name=name, year=year))


@pytest.mark.parametrize(
    ("name", "ids", "is_it"),
    [
        ("Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.H.264-LANTERN", (), True),
        ("Dune Part 2 2024 2160p UHD BluRay x265-GRP", (), True),
        ("Dune.Part.Two.1080p.WEB.H264-GRP", (), True),  # without a year
        ("Dune.2.2024.1080p.WEB.H264-GRP", (), True),
        ("Dune.2.2023.1080p.WEB.H264-GRP", (), False),  # that name is good with the very year only
        ("Dune.2.1080p.WEB.H264-GRP", (), False),
        ("Dune.Deuxieme.Partie.2024.MULTi.1080p.WEB.H265-GRP", (), True),
        ("Diuna.Czesc.Druga.2024.1080p.WEB.H265-GRP", (), False),  # by a name that nobody told
        ("Diuna.Czesc.Druga.2024.1080p.WEB.H265-GRP", ("tmdb:693134",), True),
        ("Dune.Part.Two.2024.1080p.WEB-DL-GRP", ("tmdb:1",), False),  # of another title, says the indexer
        ("Dune.Part.Two.2024.1080p.WEB-DL-GRP", ("tvdb:1",), True),  # which nobody can compare
        ("Dune.2021.1080p.WEB-DL-GRP", (), False),
        ("Dune.Part.Two.2019.1080p.WEB-DL-GRP", (), False),
        ("Dune.Part.Two.2024.HDCAM.1080p.x264-GRP", (), False),
        ("Dune.Part.Two.2024.720p.WEB-DL-GRP", (), False),  # less than is wanted
        ("Dune.Part.Two.2024.WEB-DL-GRP", (), True),  # it doesn't tell
        ("Dune.Part.Two.S01E01.1080p.WEB-DL-GRP", (), False),
        ("Dune.Part.Two.S01E01.1080p.WEB-DL-GRP", ("tmdb:693134",), False),  # a number of series, not of movies
        ("", (), False),
    ],
)
def test_a_movie(name: str, ids: tuple[str, ...], *, is_it: bool) -> None:
    wish = movie(WANTED, minimum=Resolution.P1080)
    assert matching([offer(name, *ids)], [wish]) == ({"w1": {""}} if is_it else {})


@pytest.mark.parametrize(
    ("name", "wish", "is_it"),
    [
        ("Wonder.Woman.1984.2020.1080p.WEB-DL-GRP", film("Wonder Woman 1984", 2020), True),
        ("Wonder.Woman.1984.1080p.WEB-DL-GRP", film("Wonder Woman 1984", 2020), True),
        ("Dune.2021.1080p.WEB-DL-GRP", film("Dune: Part One", 2021), True),
        ("Dune.Part.One.2021.1080p.WEB-DL-GRP", film("Dune", 2021), True),
        ("Blade.Runner.2049.2017.1080p.BluRay-GRP", film("Blade Runner", 1982), False),
        ("Amelie.2001.1080p.BluRay-GRP", film("Amélie", 2001), True),
        ("L.Amour.Ouf.2024.FRENCH.1080p.WEB.H264-GRP", film("L'Amour ouf", 2024), True),
        ("SWAT.2003.1080p.BluRay-GRP", film("S.W.A.T.", 2003), True),
        ("Oceans.11.2001.1080p.BluRay-GRP", film("Ocean's Eleven", 2001), True),
        ("Oceans.11.1960.1080p.BluRay-GRP", film("Ocean's Eleven", 2001), False),
        ("Seven.1995.1080p.BluRay-GRP", film("Se7en", 1995), True),
        ("I.T.2017.1080p.BluRay-GRP", film("It", 2017), False),
        ("Amelie.2001.1080p.BluRay.EXTRAS.x264-GRP", film("Amélie", 2001), False),
    ],
)
def test_names_with_numbers(name: str, wish: Wish, *, is_it: bool) -> None:
    assert bool(matching([offer(name)], [wish])) is is_it


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("The.Bear.S03E02.1080p.WEB.h264-GRP", {"S03E02"}),
        ("The.Bear.S03E01E02.1080p.WEB.h264-GRP", {"S03E01", "S03E02"}),
        ("The.Bear.S03.1080p.WEB.h264-GRP", {"S03E01", "S03E02"}),
        ("The.Bear.2022.S03.1080p.WEB.h264-GRP", {"S03E01", "S03E02"}),
        ("The.Bear.S01-S03.COMPLETE.1080p.WEB.h264-GRP", {"S03E01", "S03E02"}),
        ("The.Bear.S03E03.1080p.WEB.h264-GRP", set()),  # on its way
        ("The.Bear.S02.1080p.WEB.h264-GRP", set()),
        ("Bear.S03E02.1080p.WEB.h264-GRP", {"S03E02"}),  # articles come and go
        ("The.Bare.S03E02.1080p.WEB.h264-GRP", set()),
        ("The.Bear.S03E02.480p.WEB.h264-GRP", set()),
        ("The.Bear.2022.1080p.WEB.h264-GRP", set()),  # a film
    ],
)
def test_a_series(name: str, keys: set[str]) -> None:
    awaited = part("S03E01"), part("S03E02"), part("S03E03", PartState.GRABBED)
    wish = series(*awaited, minimum=Resolution.P1080)
    assert matching([offer(name)], [wish]) == ({"w2": keys} if keys else {})


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("[SubsPlease] The Bear - 25 (1080p) [ABCD1234]", {"S02E01"}),
        ("[SubsPlease] The Bear - 26 (1080p) [ABCD1234]", {"S02E02"}),
        ("[SubsPlease] The Bear (25-26) (1080p) [Batch]", {"S02E01", "S02E02"}),
        ("[SubsPlease] The Bear - 01 (1080p) [ABCD1234]", set()),  # of the first season
        ("[SubsPlease] The Bear - 27 (1080p) [ABCD1234]", set()),
        ("[SubsPlease] The Bare - 25 (1080p) [ABCD1234]", set()),
        ("[SubsPlease] The Bear S2 - 01 (1080p) [ABCD1234]", {"S02E01"}),
    ],
)
def test_what_is_counted_through_all_seasons(name: str, keys: set[str]) -> None:
    wish = series(part("S02E01", absolute=25), part("S02E02", absolute=26), part("S02E03"))
    assert matching([offer(name)], [wish]) == ({"w2": keys} if keys else {})


def test_what_airs_daily_goes_by_its_day() -> None:
    wish = series(part("S01E01", out_on=on(-1)), part("S01E02", out_on=on(-2)))
    name = f"The.Bear.{on(-1):%Y.%m.%d}.1080p.WEB.h264-GRP"
    assert matching([offer(name)], [wish]) == {"w2": {"S01E01"}}


@pytest.mark.parametrize("gone", ["Dune.Part.Two.2024.1080p.WEB-GRP", HASH])
def test_what_came_to_nothing_is_no_news(gone: str) -> None:
    (wanted,) = movie(WANTED).parts
    wish = movie(parts=(replace(wanted, failed=(gone,)),))
    assert matching([offer("Dune.Part.Two.2024.1080p.WEB-GRP")], [wish]) == {}
    other = replace(offer("Dune.Part.Two.2024.1080p.WEB-OTHER"), info_hash=None)
    assert matching([other], [wish]) == {"w1": {""}}


@pytest.mark.parametrize("state", [state for state in PartState if state is not WANTED])
def test_only_what_is_looked_for(state: PartState) -> None:
    assert matching([offer("Dune.Part.Two.2024.1080p.WEB-GRP")], [movie(state)]) == {}


FILM = movie(WANTED)
FITS = offer("Dune.Part.Two.2024.1080p.WEB-DL-GROUP")


@pytest.mark.parametrize(
    ("said", "wish", "published", "hit"),
    [
        ("looked for", FILM, FITS, True),
        ("any quality will do", replace(FILM, minimum=0), replace(FITS, name="Dune.Part.Two.2024.480p-GROUP"), True),
        ("the best alone will do", replace(FILM, minimum=Resolution.P2160), FITS, False),
        ("the person is done with it", replace(FILM, done_at=NOW), FITS, False),
        ("the *arr looks for it", replace(FILM, asked_by=ARR), FITS, False),
        ("nobody knows what it is", replace(FILM, meant=None), FITS, False),
        (
            "published since the last search",
            movie(WANTED, searched_at=NOW - HOUR),
            replace(FITS, age=HOUR / 2),
            True,
        ),
        ("seen by the last search", movie(WANTED, searched_at=NOW - HOUR), replace(FITS, age=2 * HOUR), False),
        (
            "published shortly before it",
            movie(WANTED, searched_at=NOW - HOUR),
            replace(FITS, age=HOUR * 1.2),
            True,
        ),
        ("nobody tells when", movie(WANTED, searched_at=NOW - HOUR), FITS, True),
        ("never searched", FILM, replace(FITS, age=timedelta(days=99)), True),
    ],
)
def test_what_is_news(said: str, wish: Wish, published: Offer, *, hit: bool) -> None:
    assert bool(matching([published], [wish], NOW)) is hit, said


def test_a_title_by_its_other_names() -> None:
    diuna = offer("Diuna.Czesc.Druga.2024.1080p.WEB.H265-GRP")
    assert matching([diuna], [FILM]) == {}
    assert matching([diuna], [movie(WANTED, meant=replace(DUNE, names=("Diuna: Część druga",)))]) == {"w1": {""}}


@pytest.mark.parametrize(
    ("name", "ids", "is_it"),
    [
        ("Dune.2021.1080p.WEB.H264-GRP", (), True),
        ("Dune.1984.1080p.WEB.H264-GRP", (), False),
        ("Dune.1080p.WEB.H264-GRP", (), False),  # which of the two?
        ("Dune.1080p.WEB.H264-GRP", ("tmdb:438631",), True),
        ("Dune.1080p.WEB.H264-GRP", ("tmdb:841",), False),
    ],
)
def test_a_title_with_namesakes(name: str, ids: tuple[str, ...], *, is_it: bool) -> None:
    meant = Meant(
        kind=TitleKind.MOVIE, name="Dune", year=2021, ids=frozenset({"tmdb:438631"}), namesakes=frozenset({1984})
    )
    assert bool(matching([offer(name, *ids)], [movie(WANTED, meant=meant)])) is is_it


def test_several_wishes_and_releases() -> None:
    wishes = [
        movie(WANTED),
        replace(movie(WANTED), id="sharp", minimum=Resolution.P2160),
        series(part("S03E01")),
        replace(movie(), id="unknown", meant=None),
    ]
    offers = [offer("Dune.Part.Two.2024.1080p.WEB-GRP"), offer("The.Bear.S03E01.2160p.WEB-GRP")]
    assert matching(offers, wishes) == {"w1": {""}, "w2": {"S03E01"}}
    assert matching([*offers, offer("Dune.Part.Two.2024.2160p.WEB-GRP")], wishes) == {
        "w1": {""},
        "w2": {"S03E01"},
        "sharp": {""},
    }


@given(st.lists(st.text(max_size=60), max_size=5), st.lists(st.text(max_size=20), max_size=3))
def test_whatever_names_come(names: list[str], ids: list[str]) -> None:
    wishes = [movie(WANTED), series(part("S03E01"))]
    found = matching([offer(name, *ids) for name in names], wishes)
    known = {wish.id: {part.key for part in wish.parts} for wish in wishes}
    assert all(keys and keys <= known[wish_id] for wish_id, keys in found.items())


def test_a_long_list_costs_little() -> None:
    """A feed of each of ten indexers, and as many wishes as there can be."""
    wishes = [
        Wish(
            id=str(number),
            text="x",
            asked_at=movie().asked_at,
            meant=replace(DUNE, name=f"Dune {number}", ids=frozenset({f"tmdb:{number}"})),
            parts=(Part(state=WANTED),),
        )
        for number in range(1_000)
    ]
    offers = [offer(f"Dune.{number}.2024.1080p.WEB-DL-GRP") for number in range(1_000)]
    one_by_one = perf_counter()
    for each in offers[:20]:
        matching([each], wishes[:1])
    one_by_one = perf_counter() - one_by_one
    begin = perf_counter()
    found = matching(offers, wishes)
    taken = perf_counter() - begin
    assert len(found) == 1_000
    assert taken < 50 * 20 * one_by_one  # it doesn't grow with the product of both
