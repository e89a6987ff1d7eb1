"""By what another release is looked for if that of a grab fails later, and for which grabs none is."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from custom_components.sokoul.acquire.grabbing import Adding, Order
from custom_components.sokoul.acquire.ports import SearchAnswer, Target
from custom_components.sokoul.grab_care import again_for
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.releases.identify import Wanted
from custom_components.sokoul.watchlist.standalone import Standalone, from_json

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IDS = frozenset({"tvdb:367118", "tmdb:90228"})
SERIES = CatalogueTitle(kind=TitleKind.SERIES, name="Dune: Prophecy", year=2024, ids=IDS)
EPISODE = Wanted(kind=TitleKind.EPISODE, names=("Dune: Prophecy",), season=1, episodes=frozenset({3}))
TARGET = Target(text="dune prophecy", wanted=EPISODE, title=SERIES, entries=(SERIES,))
ASKED = SearchRequest(
    text="the dune series s01e03", policy="01POLICY", minimum_lines=720, sources=frozenset({"prowlarr"})
)


def kept(target: Target | None, order: Order | None = None) -> Standalone | None:
    answer = SearchAnswer(id="1", request=ASKED, at=NOW, target=target)
    return from_json(again_for(answer, order or order_for(target or TARGET)))


def order_for(target: Target) -> Order:
    return Order(target=target, results=(), label="", actor="", at=NOW)


def test_all_that_was_asked_for_is_kept() -> None:
    order = replace(order_for(TARGET), only=frozenset({"qbittorrent"}), insists=True)
    assert kept(TARGET, order) == Standalone(
        request=replace(ASKED, text="tvdb:367118", kind=TitleKind.SERIES, year=2024, season=1, episode=3, aired=None),
        ids=IDS,
        only=frozenset({"qbittorrent"}),
        insists=True,
    )


def test_what_airs_daily_is_looked_for_by_its_day() -> None:
    day = replace(EPISODE, season=None, episodes=frozenset(), aired=date(2026, 11, 20))
    care = kept(replace(TARGET, wanted=day))
    assert care is not None
    assert (care.request.aired, care.request.season, care.request.episode) == (date(2026, 11, 20), None, None)


def test_without_an_id_that_says_it_all_it_is_looked_for_by_its_name() -> None:
    nameless = replace(SERIES, ids=frozenset())
    care = kept(replace(TARGET, title=nameless))
    assert care is not None
    assert (care.request.text, care.request.year) == ("Dune: Prophecy", 2024)


@pytest.mark.parametrize(
    "target",
    [
        None,
        replace(TARGET, title=None),
        replace(TARGET, wanted=replace(EPISODE, episodes=frozenset({3, 4}))),
        replace(TARGET, entries=(SERIES, replace(SERIES, backend_id="sonarr", library_id=7))),
    ],
    ids=["nothing", "nobody knows what it is", "several episodes", "in the library of Sonarr"],
)
def test_what_is_not_looked_after(target: Target | None) -> None:
    assert kept(target) is None


def test_what_is_added_to_a_library_is_not_looked_after() -> None:
    assert kept(TARGET, replace(order_for(TARGET), adding=Adding(profile=None, root_folder=None))) is None
