"""What a search found in words: the same however it was kept, in both languages."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.acquire.packing import PAGE, PackedResults, ids_of, pages_of
from custom_components.sokoul.acquire.ports import Result, SearchAnswer, Target, offer_id
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.releases import ArrOpinion
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Wanted
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.search_report import describe_answer

from .acquire.make import DUNE_2021, GB, NOW, offer

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
