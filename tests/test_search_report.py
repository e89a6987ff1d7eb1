"""What a search found in words: the same however it was kept, in both languages."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.acquire.packing import PAGE, PackedResults, ids_of, pages_of
from custom_components.sokoul.acquire.ports import Result, SearchAnswer, Target, offer_id
from custom_components.sokoul.model.catalogue import CatalogueSeason
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.releases import ArrOpinion
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Wanted
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.search_report import describe_answer

from .acquire.make import BEAR, DUNE_2021, GB, NOW, movie, offer, series

WANTED = Wanted(kind=TitleKind.MOVIE, names=("Dune",), year=2021, minutes=155, original_language="en")
OFFERS = tuple(
    offer(
        f"Dune.{year}.{dub}{lines}p.{source}.x265-G{number}",
        seeders=seeders,
        size_bytes=(3 + number) * GB,
        age=timedelta(days=number),
        cached=cached,
        arr=ArrOpinion(score=number) if number % 3 else None,
    )
    for number, (year, dub, lines, source, seeders, cached) in enumerate(
        (year, dub, lines, source, seeders, cached)
        for year, lines, seeders in ((2021, 2160, 73), (2021, 1080, 1_234), (1984, 720, None))
        for dub, cached in (("MULTi.VFF.", True), ("", None))
        for source in ("BluRay.REMUX.DV.HDR10", "WEB-DL.DDP5.1", "HDCAM")
    )
)
RESULTS = tuple(
    Result(id=offer_id(each.release.offers[0]), scored=each) for each in rank(OFFERS, WANTED, Policy(languages=("fr",)))
)
ANSWER = SearchAnswer(
    id="0123456789",
    request=SearchRequest(text="Dune"),
    at=NOW,
    target=Target(text="Dune", wanted=WANTED, title=DUNE_2021),
    results=RESULTS,
    accepted=sum(each.scored.accepted for each in RESULTS),
    complete=True,
)
PACKED = replace(ANSWER, results=PackedResults(tuple(pages_of(RESULTS)), ids_of(RESULTS), len(RESULTS)))


def described(answer: SearchAnswer, language: str) -> dict[str, Any]:
    return describe_answer(answer, NOW, wording.load(language), limit=2 * PAGE, refused=True)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_was_packed_is_described_as_what_was_found(language: str) -> None:
    told = described(PACKED, language)
    assert told == described(ANSWER, language)
    words = wording.load(language)
    for result, said in zip(RESULTS, told["results"], strict=True):
        scored = result.scored
        assert said["match"] == words.reason(scored.match.reason, NOW)
        assert [each["text"] for each in said["parts"]] == [words.reason(each.reason, NOW) for each in scored.parts]
        assert [each["points"] for each in said["parts"]] == [round(each.points, 1) for each in scored.parts]
        assert said["refusals"] == [words.reason(each, NOW) for each in scored.refusals]
    assert {len(each["refusals"]) > 0 for each in told["results"]} == {True, False}, "there are both"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Dune (2021) is in your library already."), ("fr", "Dune (2021) est déjà dans votre bibliothèque.")],
)
def test_what_is_in_the_library_is_said(language: str, said: str) -> None:
    target = replace(ANSWER.target, title=replace(DUNE_2021, library_id=1, has_file=True))  # type: ignore[type-var]
    assert said in described(replace(ANSWER, target=target), language)["text"]
    wanted = replace(ANSWER.target, title=replace(DUNE_2021, library_id=1))  # type: ignore[type-var]
    assert said not in described(replace(ANSWER, target=wanted), language)["text"], "it has no file yet"


def test_languages_are_told_apart() -> None:
    """No sentence of one is remembered for the other."""
    for language, text in (("en", "1,234 people share it"), ("fr", "1\u202f234 personnes la partagent")) * 2:
        told = described(PACKED, language)["results"]
        assert any(part["text"] == text for each in told for part in each["parts"]), told[0]["parts"]


def test_whoever_changes_what_they_were_told_of_a_release_changes_no_other() -> None:
    told = described(PACKED, "en")["results"]
    before = [part["text"] for part in told[1]["parts"]]
    for part in told[0]["parts"]:
        part["text"] = "changed"
    assert [part["text"] for part in told[1]["parts"]] == before


def of_the_bear(wanted: Wanted, seasons: tuple[CatalogueSeason, ...], **of_title: Any) -> SearchAnswer:
    title = replace(BEAR, library_id=1, seasons=seasons, **of_title)
    return replace(
        ANSWER, target=Target(text=title.name, wanted=wanted, title=title, entries=(title,)), results=(), accepted=0
    )


SERIES = Wanted(kind=TitleKind.SERIES, names=("The Bear",))
SEASONS = (
    CatalogueSeason(number=0, episodes=5, files=0, monitored=False),
    CatalogueSeason(number=1, episodes=8, files=8, monitored=True),
    CatalogueSeason(number=2, episodes=10, files=9, monitored=True),
    CatalogueSeason(number=3, episodes=10, files=0, monitored=False),
)


@pytest.mark.parametrize(
    ("wanted", "seasons", "said"),
    [
        (replace(SERIES, season=1), SEASONS, "The Bear (2022) S01 is in your library already."),
        (replace(SERIES, season=2), SEASONS, None),
        (replace(SERIES, season=3), SEASONS, None),
        (replace(SERIES, season=4), SEASONS, None),
        (SERIES, SEASONS, None),
        (SERIES, SEASONS[:2], "The Bear (2022) is in your library already."),
        (replace(SERIES, aired=NOW.date()), SEASONS[:2], None),
        (replace(SERIES, kind=TitleKind.EPISODE, season=1, episodes=frozenset({2})), SEASONS, None),
    ],
)
def test_of_a_series_what_is_asked_for_has_to_be_there(
    wanted: Wanted, seasons: tuple[CatalogueSeason, ...], said: str | None
) -> None:
    """All that has aired and is monitored may be one season of many."""
    text = described(of_the_bear(wanted, seasons, has_file=True), "en")["text"]
    assert said in text if said is not None else "in your library" not in text


def test_whoever_has_it_says_so() -> None:
    answer = of_the_bear(replace(SERIES, season=1), SEASONS)
    assert answer.target is not None
    looked_up = replace(BEAR, library_id=1, seasons=(CatalogueSeason(number=1),))  # it tells of no files
    answer = replace(answer, target=replace(answer.target, title=looked_up))
    assert "The Bear (2022) S01 is in your library already." in described(answer, "en")["text"]


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("fargo", ["tmdb:275", "tvdb:269613"]),
        ("fargo s2", ["tmdb:275", "tvdb:269613 S02"]),
        ("fargo s02e03", ["tmdb:275", "tvdb:269613 S02E03"]),
    ],
)
def test_who_chooses_a_series_asks_for_the_same_episodes(text: str, queries: list[str]) -> None:
    choices = (movie("Fargo", 1996, "tmdb:275"), series("Fargo", 2014, "tvdb:269613"))
    answer = replace(ANSWER, request=SearchRequest(text=text), target=None, results=(), accepted=0, choices=choices)
    assert [each["query"] for each in described(answer, "en")["choices"]] == queries
