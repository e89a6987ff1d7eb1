"""What Radarr and Sonarr call a quality."""

import pytest

from custom_components.sokoul.model.releases import ArrOpinion, QualityProfile
from custom_components.sokoul.releases.parse import parse
from custom_components.sokoul.releases.qualities import known_to, names

from .make import release


@pytest.mark.parametrize(
    ("tags", "quality"),
    [
        ("1080p.WEB-DL.H264", {"WEBDL-1080p"}),
        ("2160p.WEBRip.H265", {"WEBRip-2160p"}),
        ("WEB.x264", {"WEBDL-480p"}),
        ("720p.BluRay.x264", {"Bluray-720p"}),
        ("576p.BluRay.x264", {"Bluray-576p"}),
        ("BDRip.XviD", {"Bluray-480p"}),
        ("1080p.BluRay.REMUX.AVC", {"Remux-1080p", "Bluray-1080p Remux"}),
        ("720p.BluRay.REMUX.AVC", {"Bluray-720p"}),
        ("COMPLETE.UHD.BLURAY", {"BR-DISK"}),
        ("1080p.HDTV.x264", {"HDTV-1080p"}),
        ("1080i.HDTV.MPEG2", {"Raw-HD"}),
        ("HDTV.x264", {"SDTV"}),
        ("PDTV.XviD", {"SDTV"}),
        ("DVDRip.XviD", {"DVD"}),
        ("DVD9.PAL", {"DVD-R", "DVD"}),
        ("1440p.WEB-DL.H264", {"WEBDL-1080p"}),
        ("1080p.x264", {"HDTV-1080p"}),
        ("HDCAM.x264", {"CAM"}),
        ("HDTS.1080p.x264", {"TELESYNC"}),
        ("TC.x264", {"TELECINE"}),
        ("DVDSCR.x264", {"DVDSCR"}),
        ("R5.XviD", {"REGIONAL"}),
        ("WORKPRINT.XviD", {"WORKPRINT"}),
        ("x264", set()),
    ],
)
def test_what_a_quality_is_called(tags: str, quality: set[str]) -> None:
    assert names(parse(f"Amber.2019.{tags}-GRP")) == quality


PROFILE = QualityProfile(name="HD", allowed=(frozenset({"WEBDL-1080p"}), frozenset({"Bluray-1080p Remux"})))


def test_a_profile_takes_what_it_lists() -> None:
    assert known_to(PROFILE, release("Amber.2019.1080p.BluRay.REMUX.AVC-GRP")) == ("Bluray-1080p Remux", 1)
    assert known_to(PROFILE, release("Amber.2019.1080p.WEB-DL.H264-GRP")) == ("WEBDL-1080p", 0)
    assert known_to(PROFILE, release("Amber.2019.720p.WEB-DL.H264-GRP")) == ("WEBDL-720p", None)
    assert known_to(PROFILE, release("Amber.2019.H264-GRP")) == (None, None)


def test_the_arr_knows_better() -> None:
    told = release("Amber.2019.720p.WEB-DL.H264-GRP", arr=ArrOpinion(quality="WEBDL-1080p"))
    assert known_to(PROFILE, told) == ("WEBDL-1080p", 0)
