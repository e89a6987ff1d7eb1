"""One release of many offers."""

from datetime import timedelta
from random import Random

from hypothesis import given, strategies as st

from custom_components.sokoul.model.library import Protocol
from custom_components.sokoul.model.releases import ArrOpinion, Offer
from custom_components.sokoul.releases.merge import Release, merge

from .make import GB, offer

NAME = "Amber.2019.1080p.WEB-DL.H264-GRP"
ONE, TWO = "a" * 40, "b" * 40


def offered(releases: tuple[Release, ...]) -> set[frozenset[Offer]]:
    return {frozenset(release.offers) for release in releases}


def test_the_same_hash_is_the_same_release_whatever_its_name() -> None:
    (only,) = merge([offer(NAME, info_hash=ONE), offer("www.site.org - " + NAME, info_hash=ONE, indexer="Quay")])
    assert len(only.offers) == 2
    assert only.info_hash == ONE


def test_two_hashes_are_two_releases_whatever_their_names() -> None:
    assert len(merge([offer(NAME, info_hash=ONE), offer(NAME, info_hash=TWO)])) == 2


def test_the_same_name_and_size_are_one_release() -> None:
    spaced = "amber 2019 1080p web dl h264 grp"
    assert len(merge([offer(NAME), offer(spaced, indexer="Quay", size_bytes=int(8.1 * GB))])) == 1
    assert len(merge([offer(NAME), offer(NAME, size_bytes=9 * GB)])) == 2
    assert len(merge([offer(NAME), offer(NAME.replace("GRP", "OTHER"))])) == 2
    assert len(merge([offer(NAME), offer(NAME, protocol=Protocol.USENET)])) == 2
    assert len(merge([offer(NAME), offer(NAME, size_bytes=0)])) == 1
    for same in (f"{NAME}.mkv", f"{NAME}[rartv]", f"{NAME}-Obfuscated", f"www.site.org - {NAME}", f"[TGx]{NAME}"):
        assert len(merge([offer(NAME), offer(same)])) == 1, same
    for other in (f"{NAME}-sample", f"[Group] {NAME}", f"{NAME}.PROPER"):
        assert len(merge([offer(NAME), offer(other)])) == 2, other


def test_an_offer_without_a_hash_joins_the_one_whose_size_is_nearest() -> None:
    near = offer(NAME, size_bytes=int(8.05 * GB), indexer="Quay")
    releases = merge([offer(NAME, info_hash=ONE, size_bytes=int(7.95 * GB)), offer(NAME, info_hash=TWO), near])
    assert [len(release.offers) for release in releases] == [1, 2]


def test_what_indexers_tell_is_put_together() -> None:
    (only,) = merge(
        [
            offer(NAME, seeders=3, size_bytes=0, age=timedelta(days=2)),
            offer(NAME, seeders=None, indexer="Quay", arr=ArrOpinion(score=5)),
            offer(NAME, seeders=30, info_hash=ONE, indexer="Pier", age=timedelta(days=9), cached=False),
            offer(NAME, seeders=1, indexer="Mole", cached=True, arr=ArrOpinion(score=9, acceptable=False)),
        ]
    )
    assert [each.indexer for each in only.offers] == ["Mole", "Pier", "Harbour", "Quay"]
    assert (only.seeders, only.size_bytes, only.age, only.cached) == (30, 8 * GB, timedelta(days=9), True)
    assert only.arr == ArrOpinion(score=5)
    (unknown,) = merge([offer(NAME, seeders=None, size_bytes=0)])
    assert (unknown.seeders, unknown.size_bytes, unknown.age, unknown.cached, unknown.arr) == (None,) * 5


OFFERS = st.lists(
    st.builds(
        offer,
        st.sampled_from([NAME, "Amber.2019.720p.WEB-DL.H264-GRP", "amber 2019 1080p web-dl h264-grp"]),
        info_hash=st.sampled_from([None, None, ONE, TWO]),
        size_bytes=st.sampled_from([0, 8 * GB, int(8.1 * GB), 12 * GB]),
        seeders=st.none() | st.integers(0, 99),
        indexer=st.uuids().map(str),
        protocol=st.sampled_from([Protocol.TORRENT, Protocol.USENET]),
    ),
    max_size=12,
)


def test_offers_of_one_size_and_two_names_go_where_they_go_whoever_answers_first() -> None:
    short = "Amber.2019"
    offers = [
        offer(NAME, info_hash=ONE, indexer="1"),
        offer(short, size_bytes=int(8.1 * GB), indexer="2"),
        offer(short, size_bytes=0, info_hash=ONE, indexer="3"),
        offer(short, size_bytes=0, info_hash=TWO, indexer="4"),
        offer(NAME, size_bytes=int(8.1 * GB), indexer="5"),
    ]
    assert offered(merge(offers[::-1])) == offered(merge(offers))


@given(OFFERS, st.randoms(use_true_random=False))
def test_nothing_is_lost_and_who_answers_first_changes_nothing(offers: list[Offer], random: Random) -> None:
    releases = merge(offers)
    assert sorted(each.indexer for release in releases for each in release.offers) == sorted(o.indexer for o in offers)
    shuffled = list(offers)
    random.shuffle(shuffled)
    assert offered(merge(shuffled)) == offered(releases)
    for release in releases:
        assert len({each.info_hash for each in release.offers} - {None}) <= 1
        assert len({each.protocol for each in release.offers}) == 1 or release.info_hash
