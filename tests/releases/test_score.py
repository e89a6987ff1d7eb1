"""How good a release is: what is better earns more, and what is refused says why."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import ArrOpinion, QualityProfile
from custom_components.sokoul.releases.attributes import (
    Audio,
    Codec,
    Dub,
    Edition,
    Flag,
    Hdr,
    ReleaseName,
    Resolution,
    Source,
)
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.explain import chips
from custom_components.sokoul.releases.identify import identify
from custom_components.sokoul.releases.labels import AUDIO, DUB, FLAG, HDR
from custom_components.sokoul.releases.merge import Release
from custom_components.sokoul.releases.policy import ORIGINAL, Policy, SizeWish, Want
from custom_components.sokoul.releases.score import CLEAN, Aspect, score

from .make import AMBER, DUNE, GB, SILO, offer, release, scored

FRENCH = Policy(languages=("fr", "en"), french_dubs=(Dub.VFF, Dub.TRUEFRENCH, Dub.VF2))
VIEWERS = Policy(languages=(ORIGINAL,))
SUBTITLED = Policy(languages=("fr",), subtitles=("fr",))


# --- what is better --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "better", "worse"),
    [
        (Policy(), "2160p.WEB-DL.H265-GRP", "1080p.WEB-DL.H265-GRP"),
        (Policy(), "1080p.BluRay.H265-GRP", "1080p.WEB-DL.H265-GRP"),
        (Policy(), "1080p.WEB-DL.H265-GRP", "1080p.WEBRip.H265-GRP"),
        (Policy(), "1080p.WEB-DL.H265-GRP", "1080p.HDTV.H265-GRP"),
        (Policy(), "1080p.WEB-DL.DDP5.1.Atmos.H264-GRP", "1080p.WEB-DL.AAC2.0.H264-GRP"),
        (Policy(codecs=(Codec.H264, Codec.H265)), "1080p.WEB-DL.H264-GRP", "1080p.WEB-DL.H265-GRP"),
        (Policy(codecs=(Codec.H265, Codec.H264)), "1080p.WEB-DL.H265-GRP", "1080p.WEB-DL.H264-GRP"),
        (Policy(hdr=Want.PREFER), "2160p.WEB-DL.DV.HDR10.H265-GRP", "2160p.WEB-DL.DV.H265-GRP"),
        (Policy(hdr=Want.PREFER), "2160p.WEB-DL.HDR10.H265-GRP", "2160p.WEB-DL.DV.H265-GRP"),
        (Policy(hdr=Want.PREFER), "2160p.WEB-DL.HDR.H265-GRP", "2160p.WEB-DL.SDR.H265-GRP"),
        (Policy(preferred_groups=frozenset({"good"})), "1080p.WEB-DL.H264-GOOD", "1080p.WEB-DL.H264-GRP"),
        (Policy(), "1080p.PROPER.WEB-DL.H264-GRP", "1080p.WEB-DL.H264-GRP"),
        # languages, in order
        (FRENCH, "MULTi.VFF.1080p.WEB-DL.H264-GRP", "1080p.WEB-DL.H264-GRP"),
        (FRENCH, "FRENCH.1080p.WEB-DL.H264-GRP", "VOSTFR.1080p.WEB-DL.H264-GRP"),
        (FRENCH, "MULTi.VFF.1080p.WEB-DL.H264-GRP", "MULTi.VFQ.1080p.WEB-DL.H264-GRP"),
        (FRENCH, "MULTi.VF2.1080p.WEB-DL.H264-GRP", "MULTi.VFQ.1080p.WEB-DL.H264-GRP"),
        (FRENCH, "MULTi.1080p.WEB-DL.H264-GRP", "1080p.WEB-DL.H264-GRP"),
        (FRENCH, "1080p.WEB-DL.H264-GRP", "GERMAN.1080p.WEB-DL.H264-GRP"),
        (FRENCH, "FRENCH.1080p.WEB-DL.H264-GRP", "FRENCH.720p.BluRay.H264-GRP"),
        (VIEWERS, "1080p.WEB-DL.H264-GRP", "FRENCH.1080p.WEB-DL.H264-GRP"),
        (VIEWERS, "MULTi.VFF.1080p.WEB-DL.H264-GRP", "FRENCH.1080p.WEB-DL.H264-GRP"),
        (SUBTITLED, "VOSTFR.1080p.WEB-DL.H264-GRP", "1080p.WEB-DL.H264-GRP"),
    ],
)
def test_what_is_better_scores_more(policy: Policy, better: str, worse: str) -> None:
    more, less = scored(better, policy), scored(worse, policy)
    assert more.score >= less.score
    assert sum(part.points for part in more.parts) > sum(part.points for part in less.parts) + 0.2


def test_who_wants_the_original_gets_it_though_nobody_knows_its_language() -> None:
    def points(tags: str) -> float:
        made = scored(f"{tags}1080p.WEB-DL.H264-GRP", VIEWERS, replace(AMBER, original_language=None))
        return next(part.points for part in made.parts if part.aspect is Aspect.LANGUAGE)

    assert points("") == points("VOSTFR.") == points("MULTi.VFF.") > points("FRENCH.") == 0


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"seeders": 40}, {"seeders": 2}),
        ({"seeders": 2, "cached": True}, {"seeders": 2}),
        ({"protocol": Protocol.USENET, "seeders": None}, {"seeders": 3}),
        ({"size_bytes": 6 * GB}, {"size_bytes": 40 * GB}),
        ({"size_bytes": 6 * GB}, {"size_bytes": 1 * GB}),
        ({"age": timedelta(days=1)}, {"age": timedelta(days=3_000)}),
    ],
)
def test_what_indexers_tell_counts(better: dict[str, Any], worse: dict[str, Any]) -> None:
    name = "1080p.WEB-DL.H264-GRP"
    assert scored(name, **better).score > scored(name, **worse).score


def test_a_size_is_judged_by_what_a_person_wants() -> None:
    def points(wish: SizeWish, gigabytes: float) -> float:
        made = scored("1080p.WEB-DL.H264-GRP", Policy(size=wish), size_bytes=int(gigabytes * GB))
        return next(part.points for part in made.parts if part.aspect is Aspect.SIZE)

    assert points(SizeWish.SMALL, 2) > points(SizeWish.SMALL, 6) > points(SizeWish.SMALL, 20)
    assert points(SizeWish.LARGE, 40) == points(SizeWish.LARGE, 20) > points(SizeWish.LARGE, 6)
    assert points(SizeWish.BALANCED, 6) > max(points(SizeWish.BALANCED, 2), points(SizeWish.BALANCED, 20))


def test_a_pack_is_as_long_as_its_episodes() -> None:
    one = scored("S02E05.1080p.WEB.H264-GRP", wanted=SILO, size_bytes=2 * GB)
    ten = scored("S02.1080p.WEB.H264-GRP", wanted=SILO, size_bytes=20 * GB)
    two = scored("S02E05E06.1080p.WEB.H264-GRP", wanted=SILO, size_bytes=4 * GB)
    assert one.score == ten.score == two.score


# --- a CAM -----------------------------------------------------------------------------------------------------------

BEST_CAM = "2160p.HDCAM.MULTi.VFF.DV.HDR10.TrueHD.Atmos.7.1.H265.REAL.PROPER-GOOD"
WORST_CLEAN = "VHSRip.DivX"


def test_a_recording_in_a_cinema_never_beats_a_clean_release() -> None:
    policy = replace(FRENCH, cinema_recordings=True, preferred_groups=frozenset({"good"}), hdr=Want.PREFER)
    cam = scored(BEST_CAM, policy, seeders=9_999, cached=True, age=timedelta())
    clean = scored(WORST_CLEAN, policy, seeders=0, size_bytes=1, age=timedelta(days=9_999))
    assert cam.accepted
    assert cam.score < CLEAN <= clean.score


@pytest.mark.parametrize(
    "source", ["CAM", "HDCAM", "TS", "HDTS", "TELESYNC", "TC", "HDTC", "DVDSCR", "WORKPRINT", "R5"]
)
def test_recordings_in_cinemas_are_refused(source: str) -> None:
    assert [each.key for each in scored(f"1080p.{source}.x264-GRP").refusals][:1] == ["release.refused_cinema"]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "name", "fields", "reason"),
    [
        (Policy(), "720p.WEB-DL.H264-GRP", {}, "refused_resolution"),
        (Policy(), "WEB-DL.H264-GRP", {}, "refused_resolution"),
        (Policy(), "H264-GRP", {}, "refused_resolution_unknown"),
        (Policy(minimum_resolution=Resolution.P720), "720p.WEB-DL.H264-GRP", {}, None),
        (Policy(minimum_resolution=None), "H264-GRP", {"size_bytes": 2 * GB}, None),
        (Policy(refused_sources=frozenset({Source.HDTV})), "1080p.HDTV.H264-GRP", {}, "refused_source"),
        (Policy(refused_codecs=frozenset({Codec.AV1})), "1080p.WEB-DL.AV1-GRP", {}, "refused_codec"),
        (Policy(refused_groups=frozenset({"grp"})), "1080p.WEB-DL.H264-GRP", {}, "refused_group"),
        (Policy(hdr=Want.REQUIRE), "2160p.WEB-DL.SDR.H265-GRP", {}, "refused_no_hdr"),
        (Policy(hdr=Want.REFUSE), "2160p.WEB-DL.DV.H265-GRP", {}, "refused_hdr"),
        (Policy(), "1080p.BluRay.EXTRAS.x264-GRP", {}, "refused_extras"),
        (Policy(refused_flags=frozenset()), "Official.Trailer.1080p.WEB.H264-GRP", {}, "refused_extras"),
        (Policy(), "1080p.3D.HSBS.BluRay.x264-GRP", {}, "refused_3d"),
        (Policy(), "COMPLETE.BLURAY-GRP", {"size_bytes": 40 * GB}, "refused_disc"),
        (Policy(), "2160p.AI.Upscaled.H265-GRP", {}, "refused_upscaled"),
        (Policy(), "1080p.HC.WEBRip.H264-GRP", {}, "refused_hardsub"),
        (Policy(refused_flags=frozenset({Flag.REMUX})), "1080p.BluRay.REMUX.AVC-GRP", {}, "refused_remux"),
        (replace(FRENCH, languages_wanted=Want.REQUIRE), "GERMAN.1080p.WEB-DL.H264-GRP", {}, "refused_language"),
        (replace(VIEWERS, languages_wanted=Want.REQUIRE), "GERMAN.1080p.WEB-DL.H264-GRP", {}, "refused_language"),
        (replace(FRENCH, languages_wanted=Want.REQUIRE), "MULTi.1080p.WEB-DL.H264-GRP", {}, None),
        (replace(SUBTITLED, languages_wanted=Want.REQUIRE), "VOSTFR.1080p.WEB-DL.H264-GRP", {}, None),
        (Policy(), "1080p.WEB-DL.H264-GRP", {"seeders": 0}, "refused_seeders"),
        (Policy(), "1080p.WEB-DL.H264-GRP", {"seeders": 0, "cached": True}, None),
        (Policy(), "1080p.WEB-DL.H264-GRP", {"seeders": None}, None),
        (Policy(minimum_seeders=5), "1080p.WEB-DL.H264-GRP", {"seeders": 4}, "refused_seeders"),
        (Policy(only_cached=True), "1080p.WEB-DL.H264-GRP", {}, "refused_uncached"),
        (Policy(only_cached=True), "1080p.WEB-DL.H264-GRP", {"cached": True}, None),
        (Policy(), "2160p.WEB-DL.H264-GRP", {"size_bytes": GB // 10}, "refused_implausible"),
        (Policy(most_bytes_per_hour=3 * GB), "1080p.WEB-DL.H264-GRP", {}, "refused_size"),
        (Policy(most_bytes_per_hour=4 * GB), "1080p.WEB-DL.H264-GRP", {}, None),
        (
            Policy(oldest=timedelta(days=1_000)),
            "1080p.WEB-DL.H264-GRP",
            {"protocol": Protocol.USENET, "age": timedelta(days=1_001)},
            "refused_age",
        ),
        (Policy(oldest=timedelta(days=1_000)), "1080p.WEB-DL.H264-GRP", {"age": timedelta(days=1_001)}, None),
    ],
)
def test_what_is_refused_says_why(policy: Policy, name: str, fields: dict[str, Any], reason: str | None) -> None:
    found = [each.key for each in scored(name, policy, **fields).refusals]
    assert found == ([] if reason is None else [f"release.{reason}"])


def test_who_insists_on_the_original_is_told_so_where_nobody_knows_its_language() -> None:
    policy = replace(VIEWERS, languages_wanted=Want.REQUIRE)
    unknown = replace(AMBER, original_language=None)
    (refusal,) = scored("GERMAN.1080p.WEB-DL.H264-GRP", policy, unknown).refusals
    assert refusal.key == "release.refused_not_original"
    assert scored("1080p.WEB-DL.H264-GRP", policy, unknown).accepted


def test_every_refusal_is_told() -> None:
    found = scored("720p.HDCAM.HC.x264-GRP", seeders=0)
    assert [each.key.removeprefix("release.refused_") for each in found.refusals] == [
        "cinema",
        "hardsub",
        "resolution",
        "seeders",
    ]


def test_another_title_is_refused() -> None:
    found = release("Dune.1984.1080p.BluRay.x264-GRP")
    refused = score(found, DUNE, identify(found.name, DUNE), Policy())
    assert [each.key for each in refused.refusals] == ["release.other_year"]


# --- a title that an *arr manages ------------------------------------------------------------------------------------

PROFILE = QualityProfile(
    name="HD",
    allowed=(frozenset({"HDTV-1080p"}), frozenset({"WEBDL-1080p", "WEBRip-1080p"}), frozenset({"Bluray-1080p"})),
    minimum_score=10,
    cutoff_score=1_000,
)


def managed(quality: str | None, formats: int | None = 100, **fields: Any) -> Any:
    opinion = ArrOpinion(quality=quality, score=formats, **fields)
    found = release("Amber.2019.1080p.WEB-DL.H264-GRP", arr=opinion)
    return score(found, AMBER, identify(found.name, AMBER), Policy(), PROFILE)


def test_the_profile_of_the_arr_decides_about_quality() -> None:
    assert managed("Bluray-1080p").score > managed("WEBDL-1080p").score > managed("HDTV-1080p").score
    assert managed("WEBDL-1080p").score == managed("WEBRip-1080p").score
    assert managed("Bluray-1080p").accepted
    assert [each.key for each in managed("Bluray-720p").refusals] == ["release.refused_quality"]


def test_custom_formats_of_the_arr_decide_about_the_rest() -> None:
    scores = [managed("WEBDL-1080p", formats).score for formats in (-5_000, 0, 500, 1_000, 9_000)]
    assert scores == sorted(set(scores))
    assert [each.key for each in managed("WEBDL-1080p", 9).refusals] == ["release.refused_formats"]
    assert {part.aspect for part in managed("WEBDL-1080p").parts} == {
        Aspect.CLEAN,
        Aspect.QUALITY,
        Aspect.FORMATS,
        Aspect.AVAILABILITY,
        Aspect.SIZE,
        Aspect.MENDED,
        Aspect.AGE,
    }


def test_what_the_arr_rejects_is_refused_in_its_words() -> None:
    (refusal,) = managed("WEBDL-1080p", rejections=("Not wanted",), acceptable=False).refusals
    assert (refusal.key, refusal.parameters["said"]) == ("release.refused_arr", ("Not wanted",))
    assert managed("WEBDL-1080p", rejections=("Already in queue",), acceptable=True).accepted


def test_of_a_release_that_the_arr_has_not_seen_the_quality_is_told_by_its_name() -> None:
    found = release("Amber.2019.1080p.WEB-DL.H264-GRP")
    made = score(found, AMBER, identify(found.name, AMBER), Policy(), PROFILE)
    assert made.accepted
    parts = {part.aspect: part for part in made.parts}
    assert parts[Aspect.QUALITY].reason.parameters == {"quality": "WEBDL-1080p"}
    assert parts[Aspect.FORMATS].reason.key == "release.part_formats_unknown"
    assert parts[Aspect.FORMATS].points == parts[Aspect.FORMATS].most / 2
    other = release("Amber.2019.720p.WEB-DL.H264-GRP")
    refused = score(other, AMBER, identify(other.name, AMBER), Policy(), PROFILE)
    assert [each.key for each in refused.refusals] == ["release.refused_quality"]


# --- choosing and explaining -----------------------------------------------------------------------------------------


def test_the_best_comes_first_and_what_is_refused_last() -> None:
    offers = [
        offer("Amber.2019.2160p.HDCAM.H265-GRP", seeders=5_000),
        offer("Amber.2019.1080p.WEB-DL.H264-GRP"),
        offer("Amber.2017.2160p.BluRay.H265-GRP"),
        offer("Amber.2019.1080p.WEB-DL.H264-GRP", indexer="Quay"),
        offer("Amber.2019.2160p.WEB-DL.H265-GRP", size_bytes=14 * GB),
    ]
    ranked = rank(offers, AMBER, Policy())
    assert [(each.release.name.resolution, each.accepted) for each in ranked] == [
        (Resolution.P2160, True),
        (Resolution.P1080, True),
        (Resolution.P2160, False),
        (Resolution.P2160, False),
    ]
    assert len(ranked[1].release.offers) == 2


def test_what_has_all_that_is_wanted_comes_before_what_is_better() -> None:
    season = replace(SILO, kind=TitleKind.SERIES, episodes=frozenset())
    offers = [
        offer("Silo.S02E01.2160p.BluRay.H265-GRP", size_bytes=9 * GB),
        offer("Silo.S02.1080p.WEB-DL.H264-GRP", size_bytes=20 * GB),
        offer("Silo.S01.2160p.BluRay.H265-GRP", size_bytes=60 * GB),
    ]
    pack, episode, other = rank(offers, season, Policy())
    assert (pack.release.name.numbering.episodes, pack.accepted, pack.match.whole) == ((), True, True)
    assert (episode.accepted, episode.match.whole) == (True, False)
    assert episode.score > pack.score
    assert not other.accepted


def test_a_name_in_short() -> None:
    name = release("Amber.2019.MULTi.VFF.2160p.BluRay.REMUX.DV.HDR10.HEVC.TrueHD.7.1.Atmos-GRP").name
    told = "2160p, Blu-ray, Remux, H.265, Dolby Vision, HDR10, Atmos/TrueHD 7.1, MULTi, VFF, FR"
    assert ", ".join(chips(name)) == told
    assert chips(release("Amber").name) == ()


def test_what_a_name_says_is_told_in_the_order_of_its_kind() -> None:
    for labels, kind in ((FLAG, Flag), (HDR, Hdr), (AUDIO, Audio), (DUB, Dub)):
        assert list(labels) == list(kind)


# --- properties ------------------------------------------------------------------------------------------------------

NAMES = st.builds(
    ReleaseName,
    name=st.just("Amber"),
    title=st.just("Amber"),
    year=st.just(2019),
    resolution=st.none() | st.sampled_from(Resolution),
    source=st.none() | st.sampled_from(Source),
    codec=st.none() | st.sampled_from(Codec),
    hdr=st.frozensets(st.sampled_from(Hdr)),
    audio=st.frozensets(st.sampled_from(Audio)),
    languages=st.lists(st.sampled_from(["fr", "en", "de"]), unique=True).map(tuple),
    subtitles=st.lists(st.sampled_from(["fr", "en"]), unique=True).map(tuple),
    dubs=st.frozensets(st.sampled_from(Dub)),
    editions=st.frozensets(st.sampled_from(Edition)),
    flags=st.frozensets(st.sampled_from(Flag)),
    group=st.none() | st.sampled_from(["GOOD", "GRP"]),
)
POLICIES = st.builds(
    Policy,
    minimum_resolution=st.none() | st.sampled_from(Resolution),
    best_resolution=st.sampled_from(Resolution),
    cinema_recordings=st.booleans(),
    codecs=st.lists(st.sampled_from(Codec), unique=True).map(tuple),
    languages=st.lists(st.sampled_from(["fr", "en", ORIGINAL]), unique=True).map(tuple),
    languages_wanted=st.sampled_from([Want.PREFER, Want.REQUIRE]),
    french_dubs=st.lists(st.sampled_from([Dub.VFF, Dub.VFQ]), unique=True).map(tuple),
    subtitles=st.lists(st.sampled_from(["fr", "en"]), unique=True).map(tuple),
    hdr=st.sampled_from(Want),
    size=st.sampled_from(SizeWish),
    preferred_groups=st.frozensets(st.sampled_from(["good"])),
)
OFFERED = st.fixed_dictionaries(
    {
        "seeders": st.none() | st.integers(0, 10_000),
        "size_bytes": st.integers(0, 200 * GB),
        "age": st.none() | st.timedeltas(timedelta(), timedelta(days=9_000)),
        "cached": st.none() | st.booleans(),
        "protocol": st.sampled_from([Protocol.TORRENT, Protocol.USENET]),
    }
)


def judge(name: ReleaseName, offered: dict[str, Any], policy: Policy) -> Any:
    made = Release(name=name, offers=(offer("Amber", **offered),))
    return score(made, AMBER, identify(name, AMBER), policy)


@given(NAMES, OFFERED, POLICIES)
def test_a_score_is_its_parts_and_between_0_and_100(name: ReleaseName, offered: dict[str, Any], policy: Policy) -> None:
    made = judge(name, offered, policy)
    assert 0 <= made.score <= 100
    assert made.score == round(sum(part.points for part in made.parts))
    assert all(0 <= part.points <= part.most + 1e-9 for part in made.parts)
    most = sum(part.most for part in made.parts)
    assert most == pytest.approx(CLEAN - 1 if name.is_cam else 100)


@given(NAMES, NAMES, OFFERED, OFFERED, POLICIES)
def test_no_cam_beats_what_is_clean(
    cam: ReleaseName, clean: ReleaseName, one: dict[str, Any], two: dict[str, Any], policy: Policy
) -> None:
    cam = replace(cam, source=Source.CAM)
    clean = clean if not clean.is_cam else replace(clean, source=None)
    assert judge(cam, one, policy).score < judge(clean, two, policy).score


@given(NAMES, OFFERED, POLICIES, st.integers(0, 10_000), st.integers(0, 10_000))
def test_more_seeders_are_never_worse(
    name: ReleaseName, offered: dict[str, Any], policy: Policy, some: int, more: int
) -> None:
    few, many = (judge(name, offered | {"seeders": count}, policy) for count in sorted((some, more)))
    assert few.score <= many.score
    assert len(many.refusals) <= len(few.refusals)


@given(NAMES, OFFERED, POLICIES, st.sampled_from(Resolution), st.sampled_from(Resolution))
def test_more_lines_of_the_same_fit_are_never_worse(
    name: ReleaseName, offered: dict[str, Any], policy: Policy, one: Resolution, other: Resolution
) -> None:
    """Without a size: with one, more lines in as many bytes are a worse picture."""
    fewer, more = (
        judge(replace(name, resolution=each), offered | {"size_bytes": 0}, policy) for each in sorted((one, other))
    )
    assert fewer.score <= more.score
    assert len(more.refusals) <= len(fewer.refusals)


@given(NAMES, OFFERED, POLICIES, st.sampled_from(Audio))
def test_more_sound_is_never_worse(name: ReleaseName, offered: dict[str, Any], policy: Policy, audio: Audio) -> None:
    assert judge(name, offered, policy).score <= judge(replace(name, audio=name.audio | {audio}), offered, policy).score


@given(NAMES, OFFERED, POLICIES)
def test_what_is_cached_is_never_worse(name: ReleaseName, offered: dict[str, Any], policy: Policy) -> None:
    without, cached = (judge(name, offered | {"cached": each}, policy) for each in (False, True))
    assert without.score <= cached.score
    assert len(cached.refusals) <= len(without.refusals)


@given(NAMES, OFFERED, POLICIES)
def test_a_stricter_person_takes_no_more(name: ReleaseName, offered: dict[str, Any], policy: Policy) -> None:
    stricter = replace(
        policy,
        minimum_resolution=Resolution.P2160,
        cinema_recordings=False,
        minimum_seeders=policy.minimum_seeders + 5,
        only_cached=True,
        languages_wanted=Want.REQUIRE,
    )
    if judge(name, offered, stricter).accepted:
        assert judge(name, offered, policy).accepted
