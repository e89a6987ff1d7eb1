"""What is said of releases."""

from datetime import timedelta

import pytest

from custom_components.sokoul.model.library import Protocol, Title, TitleKind
from custom_components.sokoul.model.releases import (
    ArrOpinion,
    BlocklistEntry,
    Candidate,
    Offer,
    QualityProfile,
    offer_of,
    search_for,
)

MOVIE = Title(kind=TitleKind.MOVIE, id=7, name="Metropolis", year=1927)


def episode(number: int, *, season: int | None = 2, series: int | None = 3, monitored: bool = True) -> Title:
    return Title(
        kind=TitleKind.EPISODE,
        id=100 + number,
        name="Silo",
        year=2023,
        series_id=series,
        season=season,
        episode=number,
        monitored=monitored,
    )


SEASON = Title(kind=TitleKind.SERIES, id=3, name="Silo", year=2023, series_id=3, season=2)
SERIES = Title(kind=TitleKind.SERIES, id=3, name="Silo", year=2023, series_id=3)


@pytest.mark.parametrize(
    ("titles", "searched"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param((MOVIE,), MOVIE, id="a movie"),
        pytest.param((episode(1),), episode(1), id="an episode"),
        pytest.param((episode(1), episode(2, monitored=False)), SEASON, id="episodes of a season"),
        pytest.param((SEASON,), SEASON, id="a season"),
        pytest.param((SERIES,), None, id="a series, nobody knows which episodes"),
        pytest.param((episode(1), episode(2, season=3)), None, id="episodes of two seasons"),
        pytest.param((episode(1), episode(1, series=4)), None, id="episodes of two series"),
        pytest.param((episode(1, series=None), episode(2, series=None)), None, id="episodes of an unknown series"),
        pytest.param((episode(1, season=None), episode(2, season=None)), None, id="episodes of no season"),
        pytest.param((MOVIE, MOVIE), None, id="several movies"),
    ],
)
def test_what_to_search_for(titles: tuple[Title, ...], searched: Title | None) -> None:
    assert search_for(titles) == searched


@pytest.mark.parametrize(
    ("release", "indexer", "blocked"),
    [
        ("Metropolis.1927-X", "Harbour", True),
        ("metropolis.1927-x", "HARBOUR", True),
        ("Metropolis.1927-X", None, True),
        ("Metropolis.1927-X", "Elsewhere", False),
        ("Metropolis.1927-XX", "Harbour", False),
    ],
)
def test_what_is_blocked(release: str, indexer: str | None, *, blocked: bool) -> None:
    candidate = Candidate(
        guid="g", indexer_id=1, indexer="Harbour", title="Metropolis.1927-X", protocol=Protocol.TORRENT, size_bytes=1
    )
    entry = BlocklistEntry(id=1, release=release, title_ids=frozenset({7}), indexer=indexer)
    assert entry.names(candidate) is blocked


def test_a_guid_stays_out_of_what_is_shown() -> None:
    candidate = Candidate(
        guid="https://x/?passkey=hunter2", indexer_id=1, indexer="X", title="T", protocol=Protocol.TORRENT, size_bytes=1
    )
    assert "hunter2" not in repr(candidate)


def test_what_an_arr_found_is_an_offer_with_its_opinion() -> None:
    candidate = Candidate(
        guid="https://harbour/secret",
        indexer_id=3,
        indexer="Harbour",
        title="Metropolis.1927-X",
        protocol=Protocol.TORRENT,
        size_bytes=7,
        info_hash="a" * 40,
        seeders=5,
        leechers=1,
        quality="Bluray-1080p",
        score=-10,
        age=timedelta(days=2),
        rejections=("Already in the queue",),
        only_queue_objects=True,
        title_ids=frozenset({7}),
    )
    assert offer_of(candidate) == Offer(
        name="Metropolis.1927-X",
        indexer="Harbour",
        protocol=Protocol.TORRENT,
        size_bytes=7,
        info_hash="a" * 40,
        seeders=5,
        leechers=1,
        age=timedelta(days=2),
        arr=ArrOpinion(quality="Bluray-1080p", score=-10, rejections=("Already in the queue",), knows_title=True),
        guid="https://harbour/secret",
        indexer_id=3,
    )
    assert "secret" not in repr(offer_of(candidate))


@pytest.mark.parametrize(
    ("approved", "only_queue_objects", "acceptable"),
    [(True, False, True), (False, True, True), (False, False, False)],
)
def test_what_only_the_queue_rejects_is_acceptable(
    *, approved: bool, only_queue_objects: bool, acceptable: bool
) -> None:
    candidate = Candidate(
        guid="1",
        indexer_id=1,
        indexer="Harbour",
        title="Metropolis.1927-X",
        protocol=Protocol.TORRENT,
        size_bytes=7,
        approved=approved,
        only_queue_objects=only_queue_objects,
    )
    opinion = offer_of(candidate).arr
    assert opinion is not None
    assert opinion.acceptable is acceptable
    assert not opinion.knows_title


def test_qualities_of_a_group_are_equal_in_a_profile() -> None:
    profile = QualityProfile(name="HD", allowed=(frozenset({"SDTV"}), frozenset({"WEBDL-1080p", "WEBRip-1080p"})))
    assert [profile.rank(each) for each in ("SDTV", "WEBDL-1080p", "WEBRip-1080p", "CAM")] == [0, 1, 1, None]
