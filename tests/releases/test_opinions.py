"""What still holds of an *arr's opinion once the profile is another one."""

from dataclasses import replace

import pytest

from custom_components.sokoul.model.library import Protocol
from custom_components.sokoul.model.releases import ArrOpinion, CustomFormat, Offer, QualityProfile
from custom_components.sokoul.releases.opinions import by_another_profile

HD = QualityProfile(
    name="HD", allowed=(frozenset({"WEBDL-1080p"}),), formats=(CustomFormat(name="DV", score=50, conditions=()),)
)
ULTRA = replace(HD, name="Ultra", allowed=(frozenset({"WEBDL-2160p"}),))
OPINION = ArrOpinion(
    quality="WEBDL-2160p", score=50, acceptable=False, knows_title=True, season=1, episodes=frozenset({2})
)


def left_of(*rejections: str, now: QualityProfile = ULTRA) -> ArrOpinion | None:
    offer = Offer(
        name="Name", indexer="Indexer", protocol=Protocol.TORRENT, arr=replace(OPINION, rejections=rejections)
    )
    return by_another_profile(offer, HD, now).arr


@pytest.mark.parametrize(
    "said",
    [
        "WEBDL-2160p v1 is not wanted in profile",
        "Custom Formats DV have score 50 below Movie profile minimum 100",
        "Custom Formats DV have score 50 below Series profile minimum 100",
        "French is wanted, but found English",
        "Original Language (French) is wanted, but found English",
        "Existing file meets cutoff: WEBDL-1080p v1",
        "Existing file on disk is of equal or higher preference: WEBDL-1080p v1",
        "Existing file on disk has a equal or higher Custom Format score: 50",
        "Existing file on disk has Custom Format score within Custom Format score increment: 10",
        "Existing file on disk and Quality Profile 'HD' does not allow upgrades",
        "Quality for release in queue already meets cutoff: WEBDL-1080p v1",
        "Another release is queued and the Quality profile does not allow upgrades",
    ],
)
def test_what_the_other_profile_objected_to_is_no_objection(said: str) -> None:
    assert left_of(said) == replace(OPINION, rejections=())


@pytest.mark.parametrize(
    "said",
    [
        "Release is blocklisted",
        "Unknown Movie",
        "Episode wasn't requested: 1x02",
        "Wrong season",
        "1.2 GB is smaller than minimum allowed 3.4 GB (for 2h 46m)",
        "Not enough seeders: 0. Minimum seeders: 1",
        "Indexer Harbour is blocked till 11/22/2026 due to failures",
        "Usenet is not enabled for this movie",
        "Sample",
        "Importing after download will exceed available disk space",
    ],
)
def test_what_has_nothing_to_do_with_profiles_still_holds(said: str) -> None:
    assert left_of(said, "WEBDL-2160p v1 is not wanted in profile") == replace(OPINION, rejections=(said,))


def test_a_score_holds_as_long_as_formats_count_the_same() -> None:
    assert left_of() == OPINION
    assert left_of(now=replace(ULTRA, formats=(CustomFormat(name="DV", score=-50, conditions=()),))) == replace(
        OPINION, score=None
    )


def test_without_an_opinion_there_is_nothing_to_change() -> None:
    offer = Offer(name="Name", indexer="Indexer", protocol=Protocol.TORRENT)
    assert by_another_profile(offer, HD, ULTRA) is offer
