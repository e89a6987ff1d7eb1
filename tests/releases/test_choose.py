"""A recording from a cinema never takes the place of a clean release that is offered."""

from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.releases import ArrOpinion, Offer, QualityProfile
from custom_components.sokoul.releases.attributes import Codec, Flag, Numbering, Resolution, Source
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Certainty
from custom_components.sokoul.releases.policy import Policy, Want
from custom_components.sokoul.releases.score import Scored

from .make import AMBER, GB, SILO, offer

CINEMA = Policy(cinema_recordings=True)
RECORDING = "Amber.2019.1080p.HDCAM.x264-GRP"
STANDS, BEATEN = "release.refused_recording", "release.refused_recording_beaten"


def reasons(ranked: tuple[Scored, ...], name: str = RECORDING) -> list[str]:
    (found,) = (each for each in ranked if each.release.name.name == name)
    return [each.key for each in found.refusals]


TASTE: list[tuple[str, Policy, str, dict[str, Any]]] = [
    ("its lines", CINEMA, "720p.WEB-DL.H264-GRP", {}),
    ("lines that nobody tells", CINEMA, "H264-GRP", {}),
    ("its size", replace(CINEMA, most_bytes_per_hour=2 * GB), "1080p.WEB-DL.H264-GRP", {"size_bytes": 9 * GB}),
    ("its codec", replace(CINEMA, refused_codecs=frozenset({Codec.H265})), "1080p.WEB-DL.H265-GRP", {}),
    ("its source", replace(CINEMA, refused_sources=frozenset({Source.WEB_DL})), "1080p.WEB-DL.H264-GRP", {}),
    ("its group", replace(CINEMA, refused_groups=frozenset({"bad"})), "1080p.WEB-DL.H264-BAD", {}),
    ("no HDR", replace(CINEMA, hdr=Want.REQUIRE), "1080p.WEB-DL.H264-GRP", {}),
    ("its HDR", replace(CINEMA, hdr=Want.REFUSE), "1080p.WEB-DL.HDR10.H265-GRP", {}),
    (
        "its language",
        replace(CINEMA, languages=("fr",), languages_wanted=Want.REQUIRE),
        "GERMAN.1080p.WEB-DL.H264-GRP",
        {},
    ),
    ("a disc", CINEMA, "1080p.COMPLETE.BLURAY.AVC-GRP", {}),
    ("depth", CINEMA, "3D.HSBS.1080p.BluRay.x264-GRP", {}),
    ("a remux", replace(CINEMA, refused_flags=frozenset({Flag.REMUX})), "1080p.BluRay.REMUX.AVC-GRP", {}),
    ("fewer who share it than are wanted", replace(CINEMA, minimum_seeders=5), "1080p.WEB-DL.H264-GRP", {"seeders": 2}),
    ("no debrid service has it", replace(CINEMA, only_cached=True), "1080p.WEB-DL.H264-GRP", {}),
]


@pytest.mark.parametrize(("policy", "name", "fields"), [pytest.param(*case[1:], id=case[0]) for case in TASTE])
def test_no_recording_stands_for_a_clean_release_that_only_taste_refuses(
    policy: Policy, name: str, fields: dict[str, Any]
) -> None:
    clean = offer(f"Amber.2019.{name}", **fields)
    recording = offer(RECORDING, size_bytes=3 * GB, seeders=900, cached=True)
    if policy.hdr is Want.REQUIRE:
        recording = replace(recording, name="Amber.2019.1080p.HDCAM.HDR10.x264-GRP")
    if policy.languages:
        recording = replace(recording, name="Amber.2019.FRENCH.1080p.HDCAM.x264-GRP")
    assert reasons(rank([recording], AMBER, policy), recording.name) == []
    ranked = rank([recording, clean], AMBER, policy)
    assert [each.accepted for each in ranked] == [False, False]
    assert not ranked[0].release.name.is_cam
    assert reasons(ranked, recording.name) == [STANDS]


def test_no_recording_is_second_to_a_clean_release_that_may_be_taken() -> None:
    ranked = rank([offer(RECORDING), offer("Amber.2019.1080p.WEB-DL.H264-GRP")], AMBER, CINEMA)
    assert [each.accepted for each in ranked] == [True, False]
    assert reasons(ranked) == [BEATEN]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        pytest.param("Amber.2017.1080p.WEB-DL.H264-GRP", {}, id="another title"),
        pytest.param("Amber.2019.1080p.WEB-DL.H264-GRP", {"seeders": 0}, id="dead"),
        pytest.param("Amber.2019.720p.WEB-DL.H264-GRP", {"seeders": 0}, id="dead, and with too few lines"),
        pytest.param("Amber.2019.720p.WEB-DL.H264-GRP", {"size_bytes": 5_000_000}, id="a fake"),
        pytest.param("Amber.2019.Sample.720p.WEB-DL.H264-GRP", {}, id="a sample"),
        pytest.param("Amber.2019.Trailer.1080p.WEB-DL.H264-GRP", {}, id="a trailer"),
        pytest.param("Amber.2019.2160p.HDTS.H265-GRP", {}, id="another recording"),
    ],
)
def test_what_nobody_can_have_keeps_no_recording_away(name: str, fields: dict[str, Any]) -> None:
    assert reasons(rank([offer(RECORDING), offer(name, **fields)], AMBER, CINEMA)) == []


def test_who_wants_no_recordings_is_told_just_that() -> None:
    ranked = rank([offer(RECORDING), offer("Amber.2019.720p.WEB-DL.H264-GRP")], AMBER, Policy())
    assert reasons(ranked) == ["release.refused_cinema"]


def test_what_is_asked_for_this_title_alone_is_taste_too() -> None:
    offers = [offer("Amber.2019.2160p.HDCAM.x264-GRP"), offer("Amber.2019.1080p.WEB-DL.H264-GRP")]
    ranked = rank(offers, AMBER, CINEMA, least=Resolution.P2160)
    assert reasons(ranked, "Amber.2019.2160p.HDCAM.x264-GRP") == [STANDS]


PROFILE = QualityProfile(name="HD", allowed=(frozenset({"CAM"}), frozenset({"WEBDL-1080p"})))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), [STANDS]),  # the profile is against it
        (("WEBDL-720p is not wanted in profile",), [STANDS]),
        (("9.1 GB is larger than maximum allowed 4 GB",), [STANDS]),
        (("Waiting for better quality release",), [STANDS]),
        (("Release is blocklisted",), []),
        (("WEBDL-720p is not wanted in profile", "Not enough seeders: 0. Minimum seeders: 1"), []),
    ],
)
def test_what_an_arr_says_is_taste_where_it_goes_by_its_settings(said: tuple[str, ...], expected: list[str]) -> None:
    opinion = ArrOpinion(quality="WEBDL-720p", acceptable=not said, rejections=said)
    clean = offer("Amber.2019.720p.WEB-DL.H264-GRP", arr=opinion)
    assert reasons(rank([offer(RECORDING), clean], AMBER, CINEMA, PROFILE)) == expected


def test_of_a_season_a_clean_episode_stands_for_itself_alone() -> None:
    season = replace(SILO, episodes=frozenset())
    first, second = "Silo.S02E01.1080p.HDCAM.x264-GRP", "Silo.S02E02.1080p.HDCAM.x264-GRP"
    ranked = rank([offer(first), offer(second), offer("Silo.S02E01.720p.WEB-DL.H264-GRP")], season, CINEMA)
    assert reasons(ranked, first) == [STANDS]
    assert reasons(ranked, second) == []
    ranked = rank([offer(second), offer("Silo.S02.720p.WEB-DL.H264-GRP", size_bytes=20 * GB)], season, CINEMA)
    assert reasons(ranked, second) == [STANDS]
    assert Numbering(seasons=(2,), episodes=(1,)) == rank([offer(first)], season, CINEMA)[0].release.name.numbering


# --- for every list of offers ----------------------------------------------------------------------------------------

_LINES = st.sampled_from(["", "480p.", "720p.", "1080p.", "2160p."])
_SOURCES = st.sampled_from(["", "CAM.", "HDTS.", "TELESYNC.", "WEB-DL.", "WEBRip.", "BluRay.", "DVDRip.", "HDTV."])
_REST = st.sampled_from(["x264-GRP", "H265-GRP", "AV1-GOOD", "FRENCH.x264-GRP", "HDR10.H265-BAD", "REMUX.AVC-GRP"])
_TITLES = st.sampled_from(["Amber.2019.", "Amber.2017.", "Amber.", "Umber.2019."])
OFFERS = st.lists(
    st.builds(
        lambda title, lines, source, rest, fields: offer(f"{title}{lines}{source}{rest}", **fields),
        _TITLES,
        _LINES,
        _SOURCES,
        _REST,
        st.fixed_dictionaries(
            {
                "seeders": st.none() | st.integers(0, 3_000),
                "size_bytes": st.sampled_from([0, 5_000_000, 2 * GB, 8 * GB, 60 * GB]),
                "cached": st.none() | st.booleans(),
                "indexer": st.sampled_from(["Harbour", "Quay"]),
                "info_hash": st.none() | st.sampled_from(["a" * 40, "b" * 40]),
            }
        ),
    ),
    max_size=8,
)
POLICIES = st.builds(
    Policy,
    cinema_recordings=st.just(value=True),
    minimum_resolution=st.none() | st.sampled_from(Resolution),
    languages=st.sampled_from([(), ("fr",)]),
    languages_wanted=st.sampled_from([Want.PREFER, Want.REQUIRE]),
    hdr=st.sampled_from(Want),
    refused_codecs=st.frozensets(st.sampled_from(Codec)),
    refused_groups=st.frozensets(st.just("bad")),
    most_bytes_per_hour=st.none() | st.just(3 * GB),
    minimum_seeders=st.integers(0, 5),
    only_cached=st.booleans(),
)
#: Nobody has or wants these, whatever their taste.
NOBODY = {"release.refused_implausible", "release.refused_sample", "release.refused_extras"}


def stands(scored: Scored) -> bool:
    """Tell by what a release is whether somebody with another taste could take it now."""
    release = scored.release
    if scored.accepted:
        return not release.name.is_cam
    if release.name.is_cam or scored.match.certainty <= Certainty.UNSURE:
        return False
    return (release.cached or release.seeders != 0) and NOBODY.isdisjoint(each.key for each in scored.refusals)


@given(OFFERS, POLICIES)
def test_no_recording_is_accepted_beside_a_clean_release(offers: list[Offer], policy: Policy) -> None:
    ranked = rank(offers, AMBER, policy)
    accepted = [each.release.name.is_cam for each in ranked if each.accepted]
    assert len(set(accepted)) <= 1
    if any(stands(each) for each in ranked):
        assert True not in accepted
    else:  # and nothing else keeps a recording away
        assert not {STANDS, BEATEN} & {reason.key for each in ranked for reason in each.refusals}


@given(OFFERS, POLICIES)
def test_who_wants_no_recordings_gets_the_same_clean_releases(offers: list[Offer], policy: Policy) -> None:
    with_them = [each.release for each in rank(offers, AMBER, policy) if each.accepted]
    without = [each.release for each in rank(offers, AMBER, replace(policy, cinema_recordings=False)) if each.accepted]
    assert [each for each in with_them if not each.name.is_cam] == without
