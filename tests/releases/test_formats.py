"""Custom formats of an *arr, reckoned for releases that it hasn't found itself."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.releases import (
    ArrOpinion,
    Condition,
    ConditionKind as Kind,
    CustomFormat,
    QualityProfile,
)
from custom_components.sokoul.releases.formats import FormatsScore, formats_score
from custom_components.sokoul.releases.identify import identify
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.releases.score import score

from .make import AMBER, GB, release

NAME = "Amber.2019.MULTi.VFF.EXTENDED.1080p.BluRay.REMUX.AVC.DTS-HD.MA.5.1-GRP"


def title(pattern: str, *, negate: bool = False, required: bool = False) -> Condition:
    return Condition(kind=Kind.TITLE, values=(pattern,), negate=negate, required=required)


def is_(kind: Kind, *values: str, negate: bool = False, required: bool = False) -> Condition:
    return Condition(kind=kind, values=values, negate=negate, required=required)


def reckoned(*conditions: Condition, name: str = NAME, **fields: object) -> FormatsScore | None:
    custom = CustomFormat(name="it", score=100, conditions=conditions)
    return formats_score(release(name, **fields), AMBER, QualityProfile(name="HD", allowed=(), formats=(custom,)))


FITS, NOT, OPEN = FormatsScore(100, 100), FormatsScore(0, 0), FormatsScore(0, 100)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ((title(r"\bVFF\b"),), FITS),
        ((title(r"\bvff\b"),), FITS),
        ((title(r"\bVFQ\b"),), NOT),
        ((title(r"\bVFQ\b", negate=True),), FITS),
        # one of a kind will do, all that are required have to hold
        ((title("VFQ"), title("VFF")), FITS),
        ((title("VFQ", required=True), title("VFF")), NOT),
        ((title("MULTi", required=True), title("VFF", required=True)), FITS),
        ((title("VFF"), title("x265", negate=True, required=True)), FITS),
        ((title("VFF"), title("REMUX", negate=True, required=True)), NOT),
        # all kinds have to
        ((title("VFF"), is_(Kind.SOURCE, "bluray")), FITS),
        ((title("VFF"), is_(Kind.SOURCE, "web-dl", "webrip")), NOT),
        ((is_(Kind.SOURCE, "web-dl", negate=True),), FITS),
        ((is_(Kind.MODIFIER, "remux"),), FITS),
        ((is_(Kind.RESOLUTION, "1080"),), FITS),
        ((is_(Kind.RESOLUTION, "2160"),), NOT),
        ((is_(Kind.GROUP, "^grp$"),), FITS),
        ((is_(Kind.GROUP, "^other$"),), NOT),
        ((is_(Kind.EDITION, "extended"),), FITS),
        ((is_(Kind.LANGUAGE, "fr"),), FITS),
        ((is_(Kind.LANGUAGE, "original"),), FITS),
        ((is_(Kind.LANGUAGE, "de"),), NOT),
        ((replace(is_(Kind.LANGUAGE, "fr"), but_this=True),), FITS),
        ((Condition(kind=Kind.SIZE, least=7 * GB, most=8 * GB),), FITS),
        ((Condition(kind=Kind.SIZE, least=8 * GB, most=9 * GB),), NOT),
        ((Condition(kind=Kind.YEAR, least=2019, most=2020),), FITS),
        # what can't be told
        ((Condition(kind=Kind.UNKNOWN),), OPEN),
        ((title(r"(?<=a+)VFF"),), OPEN),
        ((title("VFF"), Condition(kind=Kind.UNKNOWN)), OPEN),
        ((title("VFQ"), Condition(kind=Kind.UNKNOWN)), NOT),
        ((), OPEN),
    ],
)
def test_when_a_format_is_in_a_release(conditions: tuple[Condition, ...], expected: FormatsScore) -> None:
    assert reckoned(*conditions) == expected


def test_what_is_not_told_leaves_a_format_open() -> None:
    assert reckoned(Condition(kind=Kind.SIZE, most=9 * GB), size_bytes=0) == OPEN
    assert reckoned(Condition(kind=Kind.YEAR, most=2020), name="Amber.1080p.WEB-DL.H264-GRP") == OPEN


def test_a_language_is_open_where_nobody_knows_the_original() -> None:
    unknown = replace(AMBER, original_language=None)

    def held(condition: Condition) -> FormatsScore | None:
        custom = CustomFormat(name="it", score=100, conditions=(condition,))
        plain = release("Amber.2019.1080p.WEB-DL.H264-GRP")
        return formats_score(plain, unknown, QualityProfile(name="HD", allowed=(), formats=(custom,)))

    assert held(is_(Kind.LANGUAGE, "original")) == FITS
    assert held(is_(Kind.LANGUAGE, "fr")) == OPEN
    assert held(is_(Kind.LANGUAGE, "fr", negate=True)) == OPEN
    assert held(replace(is_(Kind.LANGUAGE, "original"), but_this=True)) == NOT
    assert held(replace(is_(Kind.LANGUAGE, "fr"), but_this=True)) == OPEN


def test_the_arr_knows_its_formats_better() -> None:
    assert reckoned(title("VFF"), arr=ArrOpinion(score=-5)) == FormatsScore(-5, -5)
    assert formats_score(release(NAME), AMBER, QualityProfile(name="HD", allowed=())) is None


def test_formats_count_in_the_score_and_refuse() -> None:
    wanted = CustomFormat(name="French", score=50, conditions=(title("VFF"),))
    unwanted = CustomFormat(name="Remux", score=-200, conditions=(is_(Kind.MODIFIER, "remux"),))
    unknown = CustomFormat(name="Free", score=500, conditions=(Condition(kind=Kind.UNKNOWN),))
    allowed = (frozenset({"WEBDL-1080p"}), frozenset({"Remux-1080p"}))
    profile = QualityProfile(name="HD", allowed=allowed, formats=(wanted,))
    found = release(NAME)

    def judged(profile: QualityProfile) -> tuple[int, list[str]]:
        made = score(found, AMBER, identify(found.name, AMBER), Policy(), profile)
        return made.score, [each.key for each in made.refusals]

    plain, none = judged(profile)
    worse, refused = judged(replace(profile, formats=(wanted, unwanted)))
    assert none == []
    assert worse < plain
    assert refused == ["release.refused_formats"]
    assert judged(replace(profile, formats=(wanted, unwanted, unknown))) == (worse, [])


@given(st.text(max_size=40))
def test_any_pattern_is_taken(pattern: str) -> None:
    assert reckoned(title(pattern)) in {FITS, NOT, OPEN}
