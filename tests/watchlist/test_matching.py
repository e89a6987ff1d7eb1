"""Which wishes a feed has releases of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import Offer
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.watchlist.items import ARR, Meant, PartState, Wish
from custom_components.sokoul.watchlist.matching import matching

from .make import DUNE, HOUR, NOW, movie, on, part, series

S = PartState
FILM = movie(S.SEARCHING)
EPISODES = (part("S03E01", S.READY), part("S03E02"), part("S03E03"), part("S03E04", S.WAITING))
SHOW = series(*EPISODES)


def an_offer(name: str, **values: Any) -> Offer:
    return Offer(**({"name": name, "indexer": "X", "protocol": Protocol.TORRENT} | values))


@pytest.mark.parametrize(
    ("name", "hit"),
    [
        ("Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.H.264-GROUP", True),
        ("Dune Part 2 (2024) 2160p BluRay x265", True),
        ("Dune.Part.Two.2023.1080p.WEB-DL-GROUP", True),  # indexers write years early
        ("Dune.Part.Two.1080p.WEB-DL-GROUP", True),
        ("Dune.Deuxieme.Partie.2024.MULTi.1080p.WEB-GROUP", True),
        ("Dune.2021.1080p.BluRay-GROUP", False),
        ("Dune.Part.One.2021.1080p.BluRay-GROUP", False),
        ("Dune.Part.Two.2024.720p.WEB-DL-GROUP", False),  # less than is wanted
        ("Dune.Part.Two.2024.HDCAM.1080p-GROUP", False),
        ("Dune.Part.Two.2004.1080p.BluRay-GROUP", False),
        ("Dune.Part.Two.S01E01.1080p.WEB-GROUP", False),
        ("", False),
        ("\0\ud800", False),
    ],
)
def test_releases_of_a_movie(name: str, *, hit: bool) -> None:
    wish = replace(FILM, meant=replace(DUNE, names=("Dune : Deuxième Partie",)))
    assert matching([an_offer(name)], [wish]) == ({"w1": frozenset({""})} if hit else {})


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("The.Bear.S03E02.1080p.WEB.h264-GROUP", "S03E02"),
        ("The.Bear.2022.S03E02.1080p.WEB.h264-GROUP", "S03E02"),
        ("The.Bear.S03E02E03.1080p.WEB.h264-GROUP", "S03E02 S03E03"),
        ("The.Bear.S03.1080p.WEB.h264-GROUP", "S03E02 S03E03"),
        ("The.Bear.S01-S03.COMPLETE.1080p.WEB.h264-GROUP", "S03E02 S03E03"),
        ("The.Bear.S03E01.1080p.WEB.h264-GROUP", ""),  # it is there
        ("The.Bear.S03E04.1080p.WEB.h264-GROUP", ""),  # it is not out
        ("The.Bear.S02E02.1080p.WEB.h264-GROUP", ""),
        ("The.Bear.S03E02.720p.WEB.h264-GROUP", ""),
        ("The.Bear.Family.S03E02.1080p.WEB.h264-GROUP", ""),
        ("The.Bear.2022.1080p.WEB.h264-GROUP", ""),
    ],
)
def test_releases_of_a_series(name: str, keys: str) -> None:
    assert matching([an_offer(name)], [SHOW]) == ({"w2": frozenset(keys.split())} if keys else {})


def test_an_episode_that_is_called_by_its_day() -> None:
    show = Meant(kind=TitleKind.SERIES, name="The Daily Show", year=1996)
    wish = series(part("S31E98", out_on=on(-1)), part("S31E99", out_on=on(0)), meant=show)
    offer = an_offer(f"The.Daily.Show.{on(0):%Y.%m.%d}.1080p.WEB.h264-GROUP")
    assert matching([offer], [wish]) == {"w2": frozenset({"S31E99"})}


FITS = an_offer("Dune.Part.Two.2024.1080p.WEB-DL-GROUP", info_hash="a" * 40)


@pytest.mark.parametrize(
    ("said", "wish", "offer", "hit"),
    [
        ("looked for", FILM, FITS, True),
        ("any quality will do", replace(FILM, minimum=None), replace(FITS, name="Dune.Part.Two.2024.480p-GROUP"), True),
        ("the best alone will do", replace(FILM, minimum=Resolution.P2160), FITS, False),
        ("not out", movie(S.WAITING), FITS, False),
        ("offered", movie(S.OFFERED), FITS, False),
        ("on its way", movie(S.GRABBED), FITS, False),
        ("there", movie(S.READY), FITS, False),
        ("the person is done with it", replace(FILM, done_at=NOW), FITS, False),
        ("the *arr looks for it", replace(FILM, asked_by=ARR), FITS, False),
        ("nobody knows what it is", replace(FILM, meant=None), FITS, False),
        ("it came to nothing", replace(FILM, parts=(replace(FILM.parts[0], failed=("A" * 40,)),)), FITS, False),
        (
            "published since the last search",
            movie(S.SEARCHING, searched_at=NOW - HOUR),
            replace(FITS, age=HOUR / 2),
            True,
        ),
        ("seen by the last search", movie(S.SEARCHING, searched_at=NOW - HOUR), replace(FITS, age=2 * HOUR), False),
        (
            "published shortly before it",
            movie(S.SEARCHING, searched_at=NOW - HOUR),
            replace(FITS, age=HOUR * 1.2),
            True,
        ),
        ("nobody tells when", movie(S.SEARCHING, searched_at=NOW - HOUR), FITS, True),
        ("never searched", FILM, replace(FITS, age=timedelta(days=99)), True),
    ],
)
def test_what_is_news(said: str, wish: Wish, offer: Offer, *, hit: bool) -> None:
    assert bool(matching([offer], [wish], NOW)) is hit, said


def test_two_wishes_for_one_series() -> None:
    other = replace(SHOW, id="w3", parts=(part("S03E03"),))
    found = matching([an_offer("The.Bear.S03E03.1080p.WEB-GROUP"), FITS], [SHOW, other, FILM], NOW)
    assert found == {"w2": {"S03E03"}, "w3": {"S03E03"}, "w1": {""}}
    assert matching([FITS], []) == {}
