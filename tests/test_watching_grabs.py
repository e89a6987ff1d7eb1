"""What is held of a search until somebody lets the best of it be downloaded."""

import gc

import pytest

from custom_components.sokoul.acquire.grabbing import MOST_RELEASES
from custom_components.sokoul.model.releases import ArrOpinion
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.watching_grabs import Findings, shared_out
from custom_components.sokoul.watchlist.items import Part

from .acquire.make import BEAR, DUNE_2021, DUNE_2024, GB, FakeCatalogue, FakeSource, World, offer


def objects_behind(found: Findings) -> int:
    """Count what the garbage collector goes over because of it."""
    seen, waiting = dict[int, object](), [found.results, found.answer.results if found.answer is not None else ()]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen and gc.is_tracked(each) and not isinstance(each, type):
            seen[id(each)] = each
            waiting += gc.get_referents(each)  # type: ignore[arg-type]  # of anything
    return len(seen)


async def test_little_is_held_until_it_is_grabbed() -> None:
    many = [offer(f"Dune.Part.Two.2024.1080p.WEB-DL.H264-G{number}") for number in range(200)]
    world = World([FakeCatalogue("lookup", [DUNE_2021, DUNE_2024])], [FakeSource("prowlarr", many)])
    answer = await world.engine.search(SearchRequest(text="dune 2"))
    findings = Findings(answer=answer, found=len(answer.results), results=tuple(answer.results))
    held = findings.to_grab()
    assert held.results == findings.results[:MOST_RELEASES]
    assert (held.reference, held.release, held.found) == (findings.reference, findings.release, 200)
    assert held.answer is not None
    assert (held.answer.target, held.answer.request) == (answer.target, answer.request)
    assert objects_behind(held) < objects_behind(findings) / 20
    await world.engine.stop()


# --- a season --------------------------------------------------------------------------------------------------------

SECOND = [Part(season=2, episode=number) for number in (1, 2, 3)]
TAIL = "1080p.WEB.H264-GRP"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            [f"The.Bear.S02E01.{TAIL}", f"The.Bear.S02E03.{TAIL}"],
            {"S02E01": "The.Bear.S02E01", "S02E03": "The.Bear.S02E03"},
        ),
        (
            [f"The.Bear.S02E01-E02.{TAIL}", f"The.Bear.S02E03.{TAIL}"],
            {"S02E01 S02E02": "The.Bear.S02E01-E02", "S02E03": "The.Bear.S02E03"},
        ),
        (
            [f"The.Bear.S02.{TAIL}", f"The.Bear.S02E01.{TAIL}", "The.Bear.S02E02.2160p.WEB.H265-GRP"],
            {"S02E01 S02E02 S02E03": "The.Bear.S02"},
        ),
        (
            [f"[Group] The Bear - {number:02} (1080p)" for number in (9, 10)],
            {"S02E01": "[Group] The Bear - 09", "S02E02": "[Group] The Bear - 10"},
        ),
        ([f"The.Bear.S02E01.{TAIL}", "The.Bear.S02E01.2160p.WEB.H265-GRP"], {"S02E01": "The.Bear.S02E01.2160p"}),
        ([f"The.Bear.S02E07.{TAIL}"], {}),
        ([f"The.Bear.S02.Part.1.{TAIL}"], {}),  # nobody knows which these are
        ([], {}),
    ],
)
async def test_each_episode_of_a_season_comes_by_what_has_it(names: list[str], expected: dict[str, str]) -> None:
    findings = await found_for_the_season(*names)
    shares = shared_out(findings, SECOND) if findings.results else ()
    got = {" ".join(share.keys): share.findings.release for share in shares}
    assert got.keys() == expected.keys()
    assert all(got[keys].startswith(expected[keys]) for keys in got)
    assert len({share.findings.reference for share in shares}) == len(shares)


async def test_where_one_can_not_be_had_the_next_has_the_same_episodes() -> None:
    names = [f"The.Bear.S02E{number:02}.1080p.WEB.H264-{group}" for number in (1, 2) for group in ("ONE", "TWO")]
    first, second = shared_out(await found_for_the_season(*names), SECOND)
    for share in (first, second):
        (key,) = share.keys
        released = [each.scored.release.name.name for each in share.findings.results]
        assert len(released) == 2
        assert all(key in name for name in released)


async def test_what_sonarr_says_a_release_has_counts() -> None:
    says = ArrOpinion(acceptable=True, knows_title=True, season=2, episodes=frozenset({3}))
    findings = await found_for_the_season(f"The.Bear.S07E01.{TAIL}", arr=says)
    assert [share.keys for share in shared_out(findings, SECOND)] == [("S02E03",)]


async def found_for_the_season(*names: str, **values: object) -> Findings:
    offers = [offer(name, size_bytes=GB, **values) for name in names]
    world = World([FakeCatalogue("lookup", [BEAR])], [FakeSource("prowlarr", offers)])
    answer = await world.engine.search(SearchRequest(text="the bear s2"))
    await world.engine.stop()
    return Findings(answer=answer, found=len(answer.results), results=tuple(answer.results[: answer.accepted]))
