"""What a second reader of names is good for: a release that reads as another title is doubtful then, and no more."""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.acquire.reading_again import misread
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Certainty, Wanted, identify
from custom_components.sokoul.releases.parse import parse
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.releases.score import Scored

from .make import offer

NO, UNSURE, LIKELY, SURE = Certainty
HARBOR = Wanted(kind=TitleKind.MOVIE, names=("Harbor Lights",), year=2019, ids=frozenset({"imdb:tt0000001", "tmdb:1"}))
SERIES = Wanted(kind=TitleKind.EPISODE, names=("Harbor Lights",), season=1, episodes=frozenset({2}))
ODD = "Harbor.Lights.Nordic.Cut.2019.1080p.WEB-DL.H264-GRP"
ODD_EPISODE = "Harbor.Lights.Nordic.S01E02.1080p.WEB-DL.H264-GRP"


@pytest.mark.parametrize(
    ("wanted", "name", "title", "ids", "certainty", "reason"),
    [
        (HARBOR, ODD, None, (), NO, "other_title"),
        (HARBOR, ODD, "Harbor Lights", (), UNSURE, "second_reader"),
        (HARBOR, ODD, "harbor.lights", (), UNSURE, "second_reader"),
        (HARBOR, ODD, "Harbor", (), NO, "other_title"),
        (HARBOR, ODD, "", (), NO, "other_title"),
        # what the rest of the name says counts as ever
        (HARBOR, ODD.replace("2019", "1984"), "Harbor Lights", (), NO, "other_title"),
        (HARBOR, ODD.replace("2019.", ""), "Harbor Lights", (), UNSURE, "second_reader"),
        (HARBOR, "Harbor.Lights.2.2019.1080p.WEB-DL.H264-GRP", "Harbor Lights", (), NO, "other_part"),
        (HARBOR, ODD_EPISODE, "Harbor Lights", (), NO, "other_kind"),
        (SERIES, ODD_EPISODE, "Harbor Lights", (), UNSURE, "second_reader"),
        (SERIES, ODD_EPISODE.replace("E02", "E03"), "Harbor Lights", (), NO, "other_title"),
        # indexers give the number that was searched for to whatever they found: it speaks only against it
        (HARBOR, ODD, "Harbor Lights", ("imdb:tt0000001",), UNSURE, "second_reader"),
        (HARBOR, ODD, "Harbor Lights", ("imdb:tt0000002",), NO, "other_id"),
        (HARBOR, ODD, "Harbor Lights", ("imdb:tt0000001", "imdb:tt0000002"), NO, "other_id"),
        # it is never asked about what reads as the title, and could not change it
        (HARBOR, "Harbor.Lights.2019.1080p.WEB-DL.H264-GRP", "Something Else", (), SURE, "name_and_year_fit"),
    ],
)
def test_it_makes_a_release_doubtful_at_best(
    wanted: Wanted, name: str, title: str | None, ids: Iterable[str], certainty: Certainty, reason: str
) -> None:
    match = identify(replace(parse(name), second_title=title), wanted, frozenset(ids))
    assert (match.certainty, match.reason.key) == (certainty, f"release.{reason}")


def test_what_is_doubtful_somebody_may_decide() -> None:
    release = replace(parse(ODD), second_title="Harbor Lights")
    same, other = (identify(release, HARBOR, judged=judged) for judged in (True, False))
    assert (same.certainty, same.reason.key) == (LIKELY, "release.judged_same")
    assert (other.certainty, other.reason.key) == (NO, "release.judged_other")
    assert identify(parse(ODD), HARBOR, judged=True).certainty is NO, "nobody's word is worth more than rules"


@given(title=st.one_of(st.text(max_size=40), st.sampled_from(["Harbor Lights", "Harbor", "Lights 2019"])))
def test_whatever_it_reads_nothing_becomes_sure(title: str) -> None:
    for name in (ODD, ODD_EPISODE, "Another.Film.2019.1080p.WEB-DL.H264-GRP"):
        for wanted in (HARBOR, SERIES):
            assert identify(replace(parse(name), second_title=title), wanted).certainty <= UNSURE


# --- which names it is asked about -----------------------------------------------------------------------------------


def ranked(*names: str, titles: dict[str, str] | None = None) -> tuple[Scored, ...]:
    offers = [offer(name, info_hash=f"{at:040x}") for at, name in enumerate(names)]
    return rank(offers, HARBOR, Policy(), second_titles=titles or {})


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        (ODD, True),
        ("HarborLights.Nordic.Cut.2019.1080p.WEB-DL.H264-GRP", True),
        ("Harbor.2019.1080p.WEB-DL.H264-GRP", False),  # the title isn't in it
        ("Another.Film.2019.1080p.WEB-DL.H264-GRP", False),
        ("Harbor.Lights.2019.1080p.WEB-DL.H264-GRP", False),  # it is the title
        ("Harbor.Lights.1984.1080p.WEB-DL.H264-GRP", False),  # the year says it is not
        ("Harbor.Lights.2.2019.1080p.WEB-DL.H264-GRP", False),
        (ODD_EPISODE, False),
    ],
)
def test_it_is_asked_about_names_that_have_the_title_and_read_as_another(name: str, *, asked: bool) -> None:
    assert (misread(ranked(name), HARBOR) == (name,)) is asked


def test_its_title_goes_where_releases_are_ranked() -> None:
    right = "Harbor.Lights.2019.1080p.WEB-DL.H264-GRP"
    found = {each.release.name.name: each for each in ranked(ODD, right, titles={ODD: "Harbor Lights"})}
    assert found[ODD].match.reason.key == "release.second_reader"
    assert not found[ODD].accepted
    assert found[right].accepted
    assert misread(found.values(), HARBOR) == (), "it was asked"


@pytest.mark.parametrize(
    ("title", "name", "asked"),
    [
        ("It", "It.Nordic.Cut.2019.1080p.WEB-DL.H264-GRP", True),
        ("It", "Another.Edition.2019.1080p.WEB-DL.H264-GRP", False),  # as a word alone
        ("Amber", "Chamber.Music.2019.1080p.WEB-DL.H264-GRP", True),  # long enough to be joined to others
    ],
)
def test_short_titles_count_as_words_alone(title: str, name: str, *, asked: bool) -> None:
    wanted = replace(HARBOR, names=(title,))
    assert bool(misread(rank([offer(name)], wanted, Policy()), wanted)) is asked
