"""When something better is looked for, and what is better: cases, one a line, and what never follows what."""

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.releases.upgrade import MARGIN, better, is_enough, quality, quality_of

from .make import AMBER, SILO, scored

BEST_OF_ALL = Policy(minimum_resolution=None, good_enough=None)
FHD = Policy(minimum_resolution=None, good_enough=Resolution.P1080)
FINE = Policy(minimum_resolution=None, good_enough=Resolution.P1080, good_score=90)
NEVER = Policy(minimum_resolution=None, upgrades=False)
FRENCH = Policy(minimum_resolution=None, languages=("fr",))


@pytest.mark.parametrize(
    ("name", "points", "policy", "enough"),
    [
        ("Amber.2019.720p.WEB-DL.H264-GRP", None, Policy(), False),
        ("Amber.2019.1080p.WEB-DL.H264-GRP", None, Policy(), True),
        ("Amber.2019.720p.WEB-DL.H264-GRP", None, BEST_OF_ALL, False),
        ("Amber.2019.1080p.WEB-DL.H264-GRP", None, BEST_OF_ALL, False),
        ("Amber.2019.2160p.WEB-DL.H265-GRP", None, BEST_OF_ALL, True),
        ("Amber.2019.4320p.WEB-DL.H265-GRP", None, BEST_OF_ALL, True),
        ("Amber.2019.720p.WEB-DL.H264-GRP", None, FHD, False),
        ("Amber.2019.1080p.WEB-DL.H264-GRP", None, FHD, True),
        ("Amber.2019.1080p.WEB-DL.H264-GRP", None, FINE, False),  # nobody told how good it is
        ("Amber.2019.1080p.WEB-DL.H264-GRP", 89, FINE, False),
        ("Amber.2019.1080p.WEB-DL.H264-GRP", 90, FINE, True),
        ("Amber.2019.720p.WEB-DL.H264-GRP", 99, FINE, False),  # both are to be reached
        ("Amber.2019.720p.WEB-DL.H264-GRP", None, NEVER, True),
        ("Amber (2019)", None, BEST_OF_ALL, True),  # nobody can tell
        ("", None, BEST_OF_ALL, True),
        # more than the best that is wanted is never waited for
        (
            "Amber.2019.1080p.WEB-DL.H264-GRP",
            None,
            Policy(best_resolution=Resolution.P1080, good_enough=Resolution.P2160),
            True,
        ),
    ],
)
def test_what_is_good_enough(name: str, points: int | None, policy: Policy, *, enough: bool) -> None:
    assert is_enough(name, points, policy) is enough


@pytest.mark.parametrize(
    ("has", "found", "policy", "is_better"),
    [
        ("720p.WEB-DL.H264-GRP", "1080p.WEB-DL.H264-GRP", BEST_OF_ALL, True),
        ("720p.WEB-DL.H264-GRP", "2160p.WEB-DL.H264-GRP", BEST_OF_ALL, True),
        ("1080p.WEB-DL.H264-GRP", "2160p.WEB-DL.H264-GRP", BEST_OF_ALL, True),
        ("1080p.WEB-DL.H264-GRP", "2160p.WEB-DL.H264-GRP", FHD, False),  # it is good enough
        ("1080p.WEB-DL.H264-GRP", "2160p.WEB-DL.H264-GRP", NEVER, False),
        ("720p.WEB-DL.H264-GRP", "720p.WEB-DL.H264-GRP", BEST_OF_ALL, False),  # the same
        ("720p.WEB-DL.H264-GRP", "720p.WEB-DL.H264-OTHER", BEST_OF_ALL, False),  # equal
        ("720p.WEB-DL.H264-GRP", "720p.PROPER.WEB-DL.H264-GRP", BEST_OF_ALL, False),  # mended
        ("720p.WEB-DL.H264-GRP", "720p.REPACK2.WEB-DL.H264-GRP", BEST_OF_ALL, False),
        ("720p.WEBRip.H264-GRP", "720p.BluRay.H265-GRP", BEST_OF_ALL, False),  # more lines are what is missing
        ("1080p.WEB-DL.H264-GRP", "720p.BluRay.H265.Atmos-GRP", BEST_OF_ALL, False),  # fewer
        ("720p.WEB-DL.H264-GRP", "1080p.HDCAM.H264-GRP", Policy(cinema_recordings=True), False),
        ("720p.HDCAM.H264-GRP", "1080p.WEB-DL.H264-GRP", BEST_OF_ALL, True),
        ("720p.FRENCH.WEB-DL.H264-GRP", "1080p.GERMAN.WEB-DL.H264-GRP", FRENCH, False),  # it loses more than it gains
        ("720p.FRENCH.WEB-DL.H264-GRP", "1080p.FRENCH.WEB-DL.H264-GRP", FRENCH, True),
        (
            "720p.WEB-DL.H264-GRP",
            "1080p.WEB-DL.H264-GRP",
            Policy(minimum_resolution=Resolution.P2160),
            False,
        ),  # refused
        ("1080p.WEBRip.H264-GRP", "1080p.BluRay.H265.Atmos-GRP", FINE, True),  # its score is what is missing
        ("1080p.WEBRip.H264-GRP", "1080p.WEBRip.H264.DD5.1-GRP", FINE, False),  # within the margin
        ("WEB-DL.H264-GRP", "1080p.WEB-DL.H264-GRP", BEST_OF_ALL, False),  # nobody can tell
        ("720p.WEB-DL.H264-GRP", "WEB-DL.H264-GRP", BEST_OF_ALL, False),
        ("DVDRip.H264-GRP", "1080p.WEB-DL.H264-GRP", BEST_OF_ALL, True),
    ],
)
def test_what_is_better(has: str, found: str, policy: Policy, *, is_better: bool) -> None:
    offered = scored(found, policy)
    assert better([offered], f"Amber.2019.{has}", AMBER, policy) == ([offered] if is_better else [])


@pytest.mark.parametrize(
    ("found", "is_better"),
    [
        ("S02E05.1080p.WEB-DL.H264-GRP", True),
        ("S02.1080p.WEB-DL.H264-GRP", False),
        ("S02E01-E10.1080p.WEB-DL.H264-GRP", False),
        ("COMPLETE.S01-S03.1080p.WEB-DL.H264-GRP", False),
        ("S02E06.1080p.WEB-DL.H264-GRP", False),
    ],
)
def test_a_season_takes_the_place_of_no_episode(found: str, *, is_better: bool) -> None:
    offered = scored(found, BEST_OF_ALL, SILO)
    assert bool(better([offered], "Silo.S02E05.720p.WEB-DL.H264-GRP", SILO, BEST_OF_ALL)) is is_better


def test_what_came_to_nothing_is_not_fetched_again() -> None:
    offered = scored("1080p.WEB-DL.H264-GRP", BEST_OF_ALL, info_hash="ab" * 20)
    has = "Amber.2019.720p.WEB-DL.H264-GRP"
    assert better([offered], has, AMBER, BEST_OF_ALL)
    assert not better([offered], has, AMBER, BEST_OF_ALL, without=["amber.2019.1080P.WEB-DL.H264-GRP"])
    assert not better([offered], has, AMBER, BEST_OF_ALL, without=["AB" * 20])


def test_who_shares_it_makes_nothing_better() -> None:
    few, many = (scored("1080p.WEB-DL.H264-GRP", BEST_OF_ALL, seeders=count) for count in (1, 500))
    assert quality(few) == quality(many) == quality_of("Amber.2019.1080p.WEB-DL.H264-GRP", AMBER, BEST_OF_ALL)
    assert few.score < many.score


NAMES = st.tuples(
    st.sampled_from(["480p", "720p", "1080p", "2160p", ""]),
    st.sampled_from(["WEBRip", "WEB-DL", "BluRay", "HDTV", "HDCAM", "REPACK.WEB-DL", "PROPER.BluRay"]),
    st.sampled_from(["FRENCH.H264", "MULTi.H265", "AV1.Atmos", "H264.DDP5.1", "HDR.H265"]),
    st.sampled_from(["ONE", "TWO"]),
).map(lambda words: ".".join(filter(None, words[:3])) + f"-{words[3]}")
POLICIES = st.builds(
    Policy,
    minimum_resolution=st.none() | st.sampled_from(Resolution),
    best_resolution=st.sampled_from(Resolution),
    good_enough=st.none() | st.sampled_from(Resolution),
    good_score=st.none() | st.integers(0, 100),
    cinema_recordings=st.booleans(),
    languages=st.sampled_from([(), ("fr",), ("en", "fr")]),
    preferred_groups=st.sampled_from([frozenset(), frozenset({"ONE"})]),
)


@given(NAMES, st.lists(NAMES, max_size=6), POLICIES)
def test_whatever_follows_is_better_and_there_is_an_end(has: str, found: list[str], policy: Policy) -> None:
    """One after the other, each is better than the one before by the margin, has as many lines, and is no CAM."""
    offers = [scored(each, policy) for each in found]
    name, points = f"Amber.2019.{has}", quality_of(f"Amber.2019.{has}", AMBER, policy)
    for _ in range(100 // MARGIN + 1):
        upgrades = better(offers, name, AMBER, policy)
        if not upgrades:
            return
        release = upgrades[0].release.name
        assert quality(upgrades[0]) >= points + MARGIN
        assert not release.is_cam
        assert upgrades[0].accepted
        name, points = release.name, quality(upgrades[0])
    raise AssertionError("no end")
