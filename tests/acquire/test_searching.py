"""The search: everybody at once, whatever came in time, and the rest as updates."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
import gc
import threading
from typing import Any
import zlib

import pytest

from custom_components.sokoul.acquire import findings, searching
from custom_components.sokoul.acquire.judging import MOST_DOUBTS
from custom_components.sokoul.acquire.packing import PackedResults
from custom_components.sokoul.acquire.ports import SearchAnswer
from custom_components.sokoul.acquire.query import Query
from custom_components.sokoul.acquire.reading_again import SecondReader
from custom_components.sokoul.acquire.searching import (
    GIVEN,
    KEPT,
    KEPT_EMPTY,
    KEPT_FAILED,
    KEPT_PARTLY,
    MOST_REMEMBERED,
)
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.releases import ArrOpinion, Offer, QualityProfile
from custom_components.sokoul.model.search import NOBODY, SearchRequest, SourceReport, SourceState
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.releases.score import Scored

from .make import (
    DUNE_1984,
    DUNE_2021,
    DUNE_2024,
    GB,
    NOW,
    FakeCatalogue,
    FakeJudge,
    FakeSource,
    World,
    failed,
    offer,
    until,
)

SOON = timedelta(milliseconds=30)
#: The tests wait so long for what they know to come.
PLENTY = timedelta(seconds=20)
HASH = "c9e15763f722f23e98a29decdfae341b98d53056"
REQUEST = SearchRequest(text="dune 2")
#: That a search of 300 releases may leave behind: what is known of its title, and of who was asked.
MOST_OBJECTS = 60

BEST = offer("Dune.Part.Two.2024.2160p.BluRay.x265.10bit.HDR.TrueHD.Atmos-GROUP", size_bytes=22 * GB)
GOOD = offer("Dune.Part.Two.2024.1080p.WEB-DL.H264-GROUP", seeders=80)
CAM = offer("Dune.Part.Two.2024.1080p.CAM.x264-GROUP", seeders=9_000)
OLD = offer("Dune.1984.1080p.BluRay.x264-GROUP")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(
        [FakeCatalogue("lookup", [DUNE_2021, DUNE_2024, DUNE_1984])],
        [FakeSource("prowlarr", [GOOD, CAM]), FakeSource("radarr", [BEST, OLD])],
    )
    yield world
    await world.end()


async def search(world: World, request: SearchRequest = REQUEST, *, fresh: bool = False) -> SearchAnswer:
    return await world.engine.search(request, deadline=PLENTY, fresh=fresh)


def names(answer: SearchAnswer, *, accepted: bool = True) -> list[str]:
    return [each.scored.release.name.name for each in answer.results if each.scored.accepted is accepted]


def states(reports: Iterable[SourceReport]) -> dict[str, SourceState]:
    return {each.key: each.state for each in reports}


async def test_everybody_is_asked_for_the_title_and_the_best_comes_first(world: World) -> None:
    answer = await search(world)
    assert answer.complete
    assert not answer.from_cache
    assert answer.title is not None
    assert answer.title.label == "Dune: Part Two (2024)"
    assert names(answer) == [BEST.name, GOOD.name]
    assert set(names(answer, accepted=False)) == {OLD.name, CAM.name}
    assert answer.best is not None
    assert answer.best.scored.release.name.name == BEST.name
    assert states(answer.sources) == {"prowlarr": SourceState.ANSWERED, "radarr": SourceState.ANSWERED}
    assert [each.count for each in answer.sources] == [2, 2]
    assert [each.wanted.year for source in world.sources for each in source.asked] == [2024, 2024]
    assert {each.source for result in answer.results for each in result.scored.release.offers} == {"prowlarr", "radarr"}
    assert all(part.reason.key for result in answer.results for part in result.scored.parts)
    assert all(result.scored.refusals for result in answer.results if not result.scored.accepted)


async def test_one_that_hangs_is_named_and_its_answer_is_an_update(world: World) -> None:
    world.sources[1].gate = gate = asyncio.Event()
    answer = await world.engine.search(REQUEST, deadline=timedelta(milliseconds=200))
    assert not answer.complete
    assert names(answer) == [GOOD.name]
    assert states(answer.sources) == {"prowlarr": SourceState.ANSWERED, "radarr": SourceState.LATE}
    told: list[SearchAnswer] = []
    under_way = world.engine.find(answer.id)
    assert under_way is not None
    leave = under_way.add_listener(told.append)
    gate.set()
    await until(lambda: told and told[-1].complete)
    assert told[-1].id == answer.id
    assert names(told[-1]) == [BEST.name, GOOD.name]
    assert states(told[-1].sources)["radarr"] is SourceState.ANSWERED
    assert [each.revision for each in told] == sorted({each.revision for each in told})
    assert world.updates[-1] == told[-1]
    leave()
    first = next(each for each in answer.results if each.scored.accepted)
    again = told[-1].result(first.id)
    assert again is not None
    assert again.scored.release.name.name == GOOD.name, "a release keeps its id"


async def test_who_is_said_to_have_answered_has_its_releases_in_the_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slowly(*given: Any) -> Any:
        assert go_on.wait(PLENTY.total_seconds())
        return rank(*given)

    monkeypatch.setattr(findings, "rank", slowly)
    answer = await world.engine.search(REQUEST, deadline=timedelta(milliseconds=100))
    assert all(each.asked for each in world.sources), "they have answered at once, and nobody has looked at it yet"
    go_on.set()
    assert (set(states(answer.sources).values()), answer.results) == ({SourceState.LATE}, ())
    await until(lambda: world.updates[-1].complete)
    assert set(states(world.updates[-1].sources).values()) == {SourceState.ANSWERED}
    assert [each.count for each in world.updates[-1].sources] == [2, 2]
    assert names(world.updates[-1]) == [BEST.name, GOOD.name]


async def test_one_that_fails_is_named_and_the_others_count(world: World) -> None:
    world.sources += [
        FakeSource("broken", failure=failed("search.all_indexers_failed")),
        FakeSource("buggy", failure=ZeroDivisionError()),
        FakeSource("empty"),
    ]
    answer = await search(world)
    assert answer.complete
    assert names(answer) == [BEST.name, GOOD.name]
    by_key = {each.key: each for each in answer.sources}
    assert states(answer.sources) | {"prowlarr": None, "radarr": None} == {
        "prowlarr": None,
        "radarr": None,
        "broken": SourceState.FAILED,
        "buggy": SourceState.FAILED,
        "empty": SourceState.EMPTY,
    }
    assert [each.key for each in by_key["broken"].remarks] == ["search.all_indexers_failed"]
    assert by_key["buggy"].remarks == (Reason(key="search.went_wrong", parameters={"error": "ZeroDivisionError"}),)


async def test_what_a_source_could_not_ask_is_told(world: World) -> None:
    remark = Reason(key="search.indexers_failed", parameters={"names": ("Tin Can",)})
    world.sources[0].remarks = (remark,)
    answer = await search(world)
    assert answer.sources[0].remarks == (remark,)
    assert answer.sources[0].state is SourceState.ANSWERED


@pytest.mark.parametrize(
    "remark",
    [
        Reason(key="search.indexers_failed", parameters={"names": ("Tin Can",)}),
        Reason(key="search.seasons_left", parameters={"seasons": ("13",)}),
        Reason(key="search.partly_failed"),
    ],
    ids=lambda remark: remark.key,
)
@pytest.mark.parametrize("restarted", [False, True], ids=["in memory", "after a restart"])
async def test_what_lacks_a_part_is_remembered_for_some_hours(
    world: World,
    remark: Reason,
    restarted: bool,  # noqa: FBT001 -- a case
) -> None:
    world.sources[0].remarks = (remark,)
    await search(world)
    await world.end()
    if restarted:
        world.restart()
    world.pass_time(KEPT_PARTLY - timedelta(seconds=1))
    assert (await search(world)).from_cache
    await world.end()
    if restarted:
        world.restart()
    world.pass_time(timedelta(seconds=1))
    assert not (await search(world)).from_cache
    assert [len(each.asked) for each in world.sources] == [2, 2]


async def test_who_asks_for_the_same_shares_the_search(world: World) -> None:
    world.sources[0].gate = gate = asyncio.Event()
    asking = [asyncio.create_task(search(world, SearchRequest(text=text))) for text in ("dune 2", "Dune  II", "DUNE 2")]
    await until(lambda: world.sources[0].asked)
    gate.set()
    answers = await asyncio.gather(*asking)
    assert len({each.id for each in answers}) == 1
    assert [len(each.asked) for each in world.sources] == [1, 1]


async def test_what_was_found_is_remembered_for_a_day(world: World) -> None:
    first = await search(world)
    world.pass_time(KEPT - timedelta(seconds=1))
    again = await search(world)
    assert again == replace(first, from_cache=True)
    assert [len(each.asked) for each in world.sources] == [1, 1]
    world.pass_time(timedelta(seconds=1))
    later = await search(world)
    assert not later.from_cache
    assert later.id != first.id
    assert [len(each.asked) for each in world.sources] == [2, 2]


async def test_a_fresh_search_asks_again(world: World) -> None:
    first = await search(world)
    world.pass_time(timedelta(seconds=1))
    again = await search(world, fresh=True)
    assert not again.from_cache
    assert again.id != first.id
    assert [len(each.asked) for each in world.sources] == [2, 2]


@pytest.mark.parametrize("restarted", [False, True], ids=["in memory", "after a restart"])
async def test_who_was_connected_since_is_asked(
    world: World,
    restarted: bool,  # noqa: FBT001 -- a case
) -> None:
    await remembered(world, restarted=restarted)
    gone = world.sources.pop()
    answer = await search(world)
    assert (names(answer), answer.from_cache) == ([BEST.name, GOOD.name], True), "who is gone has told what it has"
    more = offer("Dune.Part.Two.2024.1080p.BluRay.x264-MORE")
    world.sources += [gone, FakeSource("feed", [more])]
    if restarted:
        world.restart()
    again = await search(world)
    assert (set(names(again)), again.from_cache) == ({BEST.name, GOOD.name, more.name}, False)
    assert [len(each.asked) for each in world.sources] == [2, 2, 1]
    nobody = replace(REQUEST, sources=frozenset({"prowlarr"}))
    await search(world, nobody)
    world.sources.append(FakeSource("another", [more]))
    assert (await search(world, nobody)).from_cache, "it is none of those to be asked"


async def test_a_catalogue_that_was_connected_since_is_asked_what_is_meant(world: World) -> None:
    dune = SearchRequest(text="dune")
    world.catalogues[0].known = [replace(DUNE_2021, votes=None), replace(DUNE_1984, votes=None)]
    assert (await search(world, dune)).choices
    assert (await search(world, dune)).from_cache
    world.catalogues.append(FakeCatalogue("tmdb", [replace(DUNE_2021, votes=99_000), DUNE_1984]))
    answer = await search(world, dune)
    assert answer.title is not None
    world.catalogues.append(FakeCatalogue("other", [DUNE_2021]))
    assert (await search(world, dune)).from_cache, "what is meant is known"


async def test_nothing_and_half_are_not_remembered_for_long(world: World) -> None:
    world.sources[:] = [FakeSource("empty")]
    await search(world)
    world.pass_time(KEPT_EMPTY)
    await search(world)
    assert len(world.sources[0].asked) == 2
    world.sources[:] = [FakeSource("prowlarr", [GOOD]), FakeSource("broken", failure=failed())]
    await search(world, fresh=True)
    await search(world)
    assert len(world.sources[0].asked) == 1
    world.pass_time(KEPT_FAILED)
    await search(world)
    assert len(world.sources[0].asked) == 2


async def test_a_restart_forgets_nothing_but_keys(world: World) -> None:
    first = await search(world)
    await until(lambda: world.shelf.kept)
    world.restart()
    again = await search(world)
    assert again.from_cache
    assert again.complete
    assert (again.id, again.at, again.title) == (first.id, first.at, first.title)
    assert names(again) == names(first)
    assert [each.scored.score for each in again.results] == [each.scored.score for each in first.results]
    assert [len(each.asked) for each in (*world.sources, *world.catalogues)] == [1, 1, 1]
    assert all(not each.guid for result in again.results for each in result.scored.release.offers)


async def test_nothing_that_may_be_a_key_is_kept(world: World) -> None:
    secret = "apikey=TINCAN"
    world.sources[0].known = [
        replace(GOOD, guid=f"https://indexer.example/1?{secret}", link=f"https://x.example?{secret}")
    ]
    answer = await search(world)
    assert any(secret in each.link for result in answer.results for each in result.scored.release.offers)
    await until(lambda: world.shelf.kept)
    ((_, text),) = world.shelf.kept.values()
    pages = [zlib.decompress(b64decode(line)).decode() for line in text.split("\n")[5:]]
    assert GOOD.name in "".join(pages), "they are what is looked at"
    assert secret not in "".join((text, *pages))
    again = await search(world)
    assert any(secret in each.link for result in again.results for each in result.scored.release.offers), "in memory"


def forbid_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("somebody reads or scores what was scored before")

    monkeypatch.setattr(findings, "parse", never)
    monkeypatch.setattr(findings, "rank", never)


async def test_what_was_found_is_not_scored_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.profile = QualityProfile(name="HD", allowed=(frozenset({"WEBDL-1080p"}),))
    first = await search(world)
    await until(lambda: world.shelf.kept)
    forbid_scoring(monkeypatch)
    assert await search(world) == replace(first, from_cache=True)
    world.restart()
    again = await search(world)
    assert (again.profile, again.accepted) == (first.profile, first.accepted) == ("HD", len(names(first)))
    assert [(each.id, each.scored.score) for each in again.results] == [
        (each.id, each.scored.score) for each in first.results
    ]
    assert [each.scored.parts for each in again.results] == [each.scored.parts for each in first.results]
    assert [each.scored.refusals for each in again.results] == [each.scored.refusals for each in first.results]
    assert (first.fetchable, again.fetchable) == (True, False)


async def test_what_another_version_scored_is_scored_anew_and_kept_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await search(world)
    await until(lambda: world.shelf.kept)
    (before,) = world.shelf.kept.values()
    world.restart().version = "another"
    ranked: list[int] = []
    monkeypatch.setattr(findings, "rank", lambda *given: ranked.append(1) or rank(*given))
    again = await search(world)
    assert ranked
    assert [each.id for each in again.results] == [each.id for each in first.results], "they are called as before"
    await until(lambda: [before] != list(world.shelf.kept.values()))
    ranked.clear()
    world.restart().version = "another"
    assert names(await search(world)) == names(first)
    assert not ranked
    assert [len(each.asked) for each in world.sources] == [1, 1]


async def test_another_taste_after_a_restart_scores_anew(world: World) -> None:
    world.profile = QualityProfile(name="HD", allowed=(frozenset({"WEBDL-1080p"}), frozenset({"Bluray-2160p"})))
    world.sources[1].known = [replace(BEST, arr=ArrOpinion(quality="Bluray-2160p", score=0)), OLD]
    world.sources[0].known = [replace(GOOD, arr=ArrOpinion(quality="WEBDL-1080p", score=0)), CAM]
    first = await search(world)
    assert names(first) == [BEST.name, GOOD.name]
    await until(lambda: world.shelf.kept)
    world.restart()
    world.policies[None] = Policy(most_bytes_per_hour=4 * GB)
    again = await search(world)
    assert names(again) == [GOOD.name]
    assert {part.aspect for part in again.results[0].scored.parts} >= {"quality"}, "the profile counts as before"
    called = {each.scored.release.name.name: each.id for each in first.results}
    assert {each.scored.release.name.name: each.id for each in again.results} == called
    world.policies[None] = Policy()
    assert names(await search(world)) == [BEST.name, GOOD.name]
    assert [len(each.asked) for each in world.sources] == [1, 1]


async def test_little_is_left_for_the_garbage_collector(world: World) -> None:
    """A full pass goes over all objects that hold others, while Home Assistant waits."""
    many = (f"Dune.Part.Two.2024.1080p.WEB-DL.DV.DDP5.1.H264-G{number}" for number in range(300))
    world.sources[0].known = [offer(name, indexer=f"Indexer {len(name) % 3}") for name in many]
    await search(world, SearchRequest(text="dune 2"))
    await settled(world)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(10):
        answer = await search(world, SearchRequest(text="dune 2", policy=f"{number}"))
        assert len(answer.results) >= 300
        del answer
    await settled(world)
    gc.collect()
    assert len(world.engine._searches) == 11
    left = (len(gc.get_objects()) - before) / 10
    assert left < MOST_OBJECTS


async def settled(world: World) -> None:
    """Wait until all that was found is packed; updates that a test notes hold it as it was."""
    await until(lambda: all(isinstance(each.answer.results, PackedResults) for each in world.engine._searches.values()))
    world.updates.clear()
    await asyncio.sleep(0.01)


async def test_what_cannot_be_read_is_searched_for_again(world: World) -> None:
    await search(world)
    await until(lambda: world.shelf.kept)
    for spoilt in (
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 1, "found": {"id": 5}}',
        "a digest\nsomebody\n{}\n\n",
    ):
        world.shelf.kept = {key: (at, spoilt) for key, (at, _) in world.shelf.kept.items()}
        world.restart()
        assert not (await search(world)).from_cache
        await until(lambda said=spoilt: all(text != said for _, text in world.shelf.kept.values()))


async def test_another_taste_scores_anew_and_asks_nobody(world: World) -> None:
    assert names(await search(world)) == [BEST.name, GOOD.name]
    world.policies[None] = Policy(best_resolution=Resolution.P1080, minimum_resolution=Resolution.P2160)
    again = await search(world)
    assert names(again) == [BEST.name]
    assert again.from_cache
    assert [len(each.asked) for each in world.sources] == [1, 1]


async def test_who_asks_while_it_is_scored_anew_waits_for_that(world: World) -> None:
    await search(world)
    await settled(world)
    world.policies[None] = Policy(best_resolution=Resolution.P1080, minimum_resolution=Resolution.P2160)
    answers = await asyncio.gather(*(search(world) for _ in range(3)))
    assert [names(each) for each in answers] == [[BEST.name]] * 3


async def test_two_policies_are_two_searches(world: World) -> None:
    world.policies["small"] = Policy(minimum_resolution=Resolution.P2160)
    assert names(await search(world)) == [BEST.name, GOOD.name]
    assert names(await search(world, SearchRequest(text="dune 2", policy="small"))) == [BEST.name]
    gone = await search(world, SearchRequest(text="dune 2", policy="gone"))
    assert names(gone) == [BEST.name, GOOD.name]


async def test_a_minimum_of_its_own_counts_whatever_the_policy_says(world: World) -> None:
    world.policies[None] = Policy(minimum_resolution=Resolution.P2160)
    assert names(await search(world)) == [BEST.name]
    lower = SearchRequest(text="dune 2", minimum_lines=1080)
    assert names(await search(world, lower)) == [BEST.name, GOOD.name]
    again = await search(world, lower)
    assert (names(again), again.from_cache) == ([BEST.name, GOOD.name], True)
    world.policies[None] = Policy(minimum_resolution=Resolution.P720, best_resolution=Resolution.P1080)
    assert set(names(await search(world, SearchRequest(text="dune 2", minimum_lines=2160)))) == {BEST.name}
    world.policies[None] = Policy(minimum_resolution=Resolution.P2160)
    assert names(await search(world, SearchRequest(text="dune 2", minimum_lines=0))) == [BEST.name, GOOD.name]


async def test_who_only_wants_to_know_what_is_meant_asks_no_source(world: World) -> None:
    answer = await search(world, SearchRequest(text="dune 2", sources=frozenset({NOBODY})))
    assert answer.complete
    assert answer.title is not None
    assert answer.title.label == "Dune: Part Two (2024)"
    assert [each.asked for each in world.sources] == [[], []]
    assert world.engine.find(answer.id) is None, "it takes no place of a search that somebody comes back to"


async def test_the_profile_of_the_arr_counts(world: World) -> None:
    world.profile = QualityProfile(name="HD", allowed=(frozenset({"WEBDL-1080p"}),))
    world.sources[1].known = [replace(BEST, arr=ArrOpinion(quality="Bluray-2160p", score=0))]
    world.sources[0].known = [replace(GOOD, arr=ArrOpinion(quality="WEBDL-1080p", score=0))]
    answer = await search(world)
    assert names(answer) == [GOOD.name]
    assert answer.profile == "HD"


# --- a profile that is another one by now ----------------------------------------------------------------------------

HD = QualityProfile(name="HD", allowed=(frozenset({"WEBDL-1080p"}),))
ANY = QualityProfile(name="Any", allowed=(frozenset({"WEBDL-1080p"}), frozenset({"Bluray-2160p"})))


@pytest.fixture
def managed(world: World) -> World:
    """Have an *arr manage the title by HD."""
    world.catalogues[0].known = [replace(DUNE_2024, backend_id="radarr", library_id=7, quality_profile_id=4)]
    world.profile = HD
    world.sources[0].known = [replace(GOOD, arr=ArrOpinion(quality="WEBDL-1080p", score=0))]
    refused = ArrOpinion(quality="Bluray-2160p", score=0, acceptable=False, rejections=("not wanted in profile",))
    world.sources[1].known = [replace(BEST, arr=refused)]
    return world


async def looked(world: World, times: int) -> None:
    """Wait until it was looked by which profile the title is managed, and nothing more comes of it."""
    await until(lambda: len(world.asked_profiles) == times)
    await world.end()


async def remembered(world: World, *, restarted: bool) -> SearchAnswer:
    """Search, and let a minute pass, or a restart."""
    first = await search(world)
    await until(lambda: world.shelf.kept)
    await settled(world)
    if restarted:
        world.restart()
    world.pass_time(searching.PROFILE_AGAIN)
    return first


@pytest.mark.parametrize("restarted", [False, True], ids=["in memory", "after a restart"])
async def test_another_profile_of_the_arr_is_followed_once_somebody_was_answered(
    managed: World,
    restarted: bool,  # noqa: FBT001 -- a case
) -> None:
    first = await remembered(managed, restarted=restarted)
    assert names(first) == [GOOD.name]
    managed.profile, before = ANY, dict(managed.shelf.kept)
    again = await search(managed)
    assert (names(again), again.profile) == ([GOOD.name], "HD"), "who asks doesn't wait for it"
    await until(lambda: managed.changes)
    (changed,) = managed.changes
    assert (changed.id, changed.profile, changed.complete, changed.from_cache) == (first.id, "Any", True, True)
    assert names(changed) == [BEST.name, GOOD.name], "what was said by the other profile is not held against it"
    assert managed.updates[-1].profile == "Any"
    assert {each.id for each in changed.results} == {each.id for each in first.results}
    await until(lambda: before != managed.shelf.kept)
    managed.restart()
    later = await search(managed)
    assert (names(later), later.profile, later.accepted) == ([BEST.name, GOOD.name], "Any", 2)
    assert [len(each.asked) for each in managed.sources] == [1, 1]


@pytest.mark.parametrize("restarted", [False, True], ids=["in memory", "after a restart"])
async def test_where_the_profile_is_the_same_nothing_is_scored_or_told(
    managed: World,
    restarted: bool,  # noqa: FBT001 -- a case
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await remembered(managed, restarted=restarted)
    managed.profile = replace(HD, allowed=tuple(frozenset(each) for each in HD.allowed))  # read anew
    forbid_scoring(monkeypatch)
    answer = await search(managed)
    told = len(managed.updates)
    await looked(managed, 2)
    assert managed.asked_profiles[-1][1] == answer.at == NOW, "the *arr may have given it another one since"
    assert (managed.changes, managed.updates[told:]) == ([], [])
    managed.profile = None  # the *arr is away
    managed.pass_time(searching.PROFILE_AGAIN)
    assert names(await search(managed)) == names(answer)
    await looked(managed, 3)
    assert managed.changes == []


async def test_profiles_are_looked_at_now_and_then_and_only_of_what_is_managed(managed: World) -> None:
    await remembered(managed, restarted=False)
    for _ in range(3):
        await search(managed)
    await looked(managed, 2)
    managed.catalogues[0].known = [DUNE_2021]
    await search(managed, OF_2021)
    managed.pass_time(searching.PROFILE_AGAIN)
    await search(managed, OF_2021)
    await looked(managed, 3)
    assert managed.asked_profiles[-1][0].text == "Dune", "nobody has it: it was looked at when it was found, not again"


async def test_a_profile_that_was_told_too_late_counts_the_next_time(
    managed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed.profile = None
    first = await remembered(managed, restarted=False)
    assert (first.profile, names(first)) == (None, [BEST.name, GOOD.name])
    managed.profile = HD
    await search(managed)
    await until(lambda: managed.changes)
    assert managed.changes[-1].profile == "HD"
    assert names(managed.changes[-1]) == [GOOD.name]
    (refused,) = (each for each in managed.changes[-1].results if not each.scored.accepted)
    assert "release.refused_arr" in [each.key for each in refused.scored.refusals], "its opinion is by that profile"


async def test_what_was_forgotten_meanwhile_stays_so(managed: World) -> None:
    await remembered(managed, restarted=False)
    managed.profile = ANY
    await search(managed)
    managed.engine.forget()
    await managed.shelf.forget()
    await looked(managed, 2)
    await asyncio.sleep(0.01)
    assert (managed.changes, managed.shelf.kept) == ([], {})


async def test_a_minimum_of_its_own_counts_beside_the_profile_of_the_arr(world: World) -> None:
    world.profile = QualityProfile(name="Any", allowed=(frozenset({"WEBDL-1080p"}), frozenset({"Bluray-2160p"})))
    assert names(await search(world)) == [BEST.name, GOOD.name], "what the policy asks for is the profile's business"
    request = replace(REQUEST, minimum_lines=2160)
    answer = await search(world, request)
    assert names(answer) == [BEST.name]
    (good,) = (each for each in answer.results if each.scored.release.name.name == GOOD.name)
    assert [each.key for each in good.scored.refusals] == ["release.refused_resolution"]
    world.policies[None] = Policy(minimum_seeders=30)
    assert names(await search(world, request)) == [], "nor is it forgotten where it is scored anew"


async def test_the_same_release_is_one_with_all_who_offer_it(world: World) -> None:
    world.sources[0].known = [replace(GOOD, indexer="A", info_hash=HASH), replace(GOOD, indexer="B", seeders=3)]
    world.sources[1].known = [replace(GOOD, info_hash=HASH, cached=True, seeders=None)]
    answer = await search(world)
    (result,) = answer.results
    assert len(result.scored.release.offers) == 3
    assert result.scored.release.cached
    assert result.scored.release.offers[0].source == "radarr"


async def test_what_a_debrid_account_holds_is_marked_whoever_offers_it(world: World) -> None:
    world.sources[0].known = [replace(GOOD, info_hash=HASH, seeders=0), replace(CAM, info_hash="b" * 40)]
    world.holds = frozenset({HASH})
    answer = await search(world)
    by_name = {each.scored.release.name.name: each for each in answer.results}
    assert by_name[GOOD.name].scored.release.cached
    assert by_name[GOOD.name].scored.accepted, "nobody has to share what is held"
    assert not by_name[CAM.name].scored.release.cached
    assert sorted(each for asked in world.asked_hashes for each in asked) == sorted({HASH, "b" * 40}), "each once"


async def test_an_ambiguous_title_is_asked_about(world: World) -> None:
    world.catalogues[0].known = [replace(DUNE_2021, votes=None), replace(DUNE_1984, votes=None)]
    answer = await search(world, SearchRequest(text="dune"))
    assert answer.complete
    assert answer.target is None
    assert [each.label for each in answer.choices] == ["Dune (2021)", "Dune (1984)"]
    assert not any(each.asked for each in world.sources)
    chosen = await search(world, SearchRequest(text="tmdb:841"))
    assert names(chosen) == [OLD.name]


# --- who else is called so -------------------------------------------------------------------------------------------


class ById(FakeCatalogue):
    """Brings of an id that title alone, as lookups do."""

    async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
        found = await super().titles(query)
        return [each for each in found if not query.ids or query.ids & each.ids]


YEARLESS = offer("Dune.1080p.WEB-DL.H264-GROUP", size_bytes=9 * GB)
OF_ITS_YEAR = offer("Dune.2021.1080p.WEB-DL.H264-GROUP", size_bytes=9 * GB)
BY_ID = SearchRequest(text="tmdb:438631")


@pytest.fixture
async def remakes() -> AsyncIterator[World]:
    world = World(
        [ById("lookup", [DUNE_2021, DUNE_2024, DUNE_1984])], [FakeSource("prowlarr", [YEARLESS, OF_ITS_YEAR, OLD])]
    )
    yield world
    await world.end()


def refused(answer: SearchAnswer) -> dict[str, str]:
    return {
        each.scored.release.name.name: each.scored.refusals[0].key for each in answer.results if each.scored.refusals
    }


async def test_namesakes_of_a_title_are_found_by_its_name_where_it_was_found_by_an_id(remakes: World) -> None:
    answer = await search(remakes, BY_ID)
    assert answer.target is not None
    assert answer.target.wanted.namesakes == {1984}
    assert names(answer) == [OF_ITS_YEAR.name]
    assert refused(answer) == {YEARLESS.name: "release.same_name", OLD.name: "release.other_year"}
    assert [(each.text, each.year, sorted(each.ids)) for each in remakes.catalogues[0].asked] == [
        ("", None, ["tmdb:438631"]),
        ("Dune", None, []),
    ]


async def test_namesakes_are_asked_for_once_a_day(remakes: World) -> None:
    catalogue, nobody = remakes.catalogues[0], replace(BY_ID, sources=frozenset({NOBODY}))
    for _ in range(3):
        answer = await search(remakes, nobody, fresh=True)
        assert answer.target is not None
        assert answer.target.wanted.namesakes == {1984}
    assert [each.text for each in catalogue.asked] == ["", "Dune", "", ""]
    remakes.pass_time(timedelta(hours=25))
    await search(remakes, nobody, fresh=True)
    assert [each.text for each in catalogue.asked][4:] == ["", "Dune"]


async def test_what_nobody_could_be_asked_about_is_doubtful(remakes: World) -> None:
    class Forgetful(ById):
        async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
            self.failure = None if query.ids else failed()
            return await super().titles(query)

    library = ById("library", [DUNE_2021], knows_all=False)
    remakes.catalogues[:] = [Forgetful("lookup", [DUNE_2021, DUNE_1984]), library]
    answer = await search(remakes, BY_ID)
    assert answer.target is not None
    assert answer.target.wanted.namesakes is None, "a library doesn't tell what isn't in it"
    assert names(answer) == [OF_ITS_YEAR.name]
    assert refused(answer)[YEARLESS.name] == "release.others_unknown"
    remakes.catalogues[:] = [ById("lookup", [DUNE_2021])]
    remakes.pass_time(KEPT_FAILED)
    assert names(await search(remakes, BY_ID)) == [OF_ITS_YEAR.name, YEARLESS.name]


async def test_nobody_waits_for_namesakes(remakes: World) -> None:
    class Slow(ById):
        async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
            if not query.ids:
                await gate.wait()
            return await super().titles(query)

    gate = asyncio.Event()
    remakes.catalogues[:] = [Slow("lookup", [DUNE_2021, DUNE_1984])]
    remakes.judge = judge = FakeJudge({YEARLESS.name: True})
    going = remakes.engine.start(BY_ID)
    await until(lambda: going.answer.results)
    assert not judge.asked, "it would be told of no others"
    assert names(going.answer) == [OF_ITS_YEAR.name]
    assert refused(going.answer)[YEARLESS.name] == "release.others_unknown"
    gate.set()
    await until(lambda: going.answer.complete)
    assert going.answer.target is not None
    assert going.answer.target.wanted.namesakes == {1984}
    assert len(judge.asked) == 1
    assert names(going.answer) == [OF_ITS_YEAR.name, YEARLESS.name], "the one who was asked knows it"


# --- catalogues that fail --------------------------------------------------------------------------------------------


async def test_catalogues_that_fail_leave_the_text(world: World) -> None:
    world.catalogues[:] = [FakeCatalogue("lookup", failure=failed())]
    answer = await search(world, SearchRequest(text="dune part two 2024"))
    assert answer.title is None
    assert [each.key for each in answer.remarks] == ["search.catalogues_failed", "search.as_film"]
    assert states(answer.catalogues) == {"lookup": SourceState.FAILED}
    assert names(answer) == [BEST.name, GOOD.name]


async def test_a_film_that_nobody_could_be_asked_about_is_told_from_others_by_the_year_that_was_said(
    world: World,
) -> None:
    world.catalogues[:] = [FakeCatalogue("lookup", failure=failed())]
    world.sources[:] = [FakeSource("prowlarr", [YEARLESS, OF_ITS_YEAR, OLD])]
    answer = await search(world, SearchRequest(text="dune"))
    assert names(answer) == [], "which of them is meant nobody knows"
    assert set(refused(answer).values()) == {"release.others_unknown"}
    for text in ("dune 1984", "dune (1984)"):
        answer = await search(world, SearchRequest(text=text))
        assert names(answer) == [OLD.name], text
        assert refused(answer) == {YEARLESS.name: "release.others_unknown", OF_ITS_YEAR.name: "release.other_year"}
    answer = await search(world, SearchRequest(text="dune", year=2021))
    assert names(answer) == [OF_ITS_YEAR.name]
    answer = await search(world, SearchRequest(text="dune 2020"))
    assert names(answer) == [], "nobody offers what was said"


@pytest.mark.parametrize(
    ("text", "offered", "taken"),
    [
        ("dune", ["Dune.2021.1080p.WEB-DL.H264-A", "Dune.2021.1080p.WEB-DL.H264-B"], {2021}),
        ("dune", ["Dune.2021.1080p.WEB-DL.H264-A", "Dune.2020.1080p.WEB-DL.H264-B"], {2020, 2021}),
        ("dune", ["Dune.2021.1080p.WEB-DL.H264-A", "Dune.1984.1080p.WEB-DL.H264-B"], set()),
        ("dune", ["Dune.2021.1080p.WEB-DL.H264-A", "Dune.Part.Two.2024.1080p.WEB-DL.H264-B"], {2021}),
        ("wonder woman 1984", ["Wonder.Woman.1984.2020.1080p.WEB-DL.H264-A"], {2020}),
        (
            "wonder woman 1984",
            ["Wonder.Woman.1984.2020.1080p.WEB-DL.H264-A", "Wonder.Woman.2017.1080p.WEB-DL.H264-A"],
            {2020},
        ),
        ("dune 1984", ["Dune.2021.1080p.WEB-DL.H264-A"], set()),
        ("dune 2", ["Dune.Part.Two.2024.1080p.WEB-DL.H264-A", "Dune.2021.1080p.WEB-DL.H264-A"], {2024}),
        ("dune II", ["Dune.Part.2.2024.1080p.WEB-DL.H264-A", "Dune.2.2024.1080p.WEB-DL.H264-A"], {2024}),
        ("dune part two", ["Dune.2.2024.1080p.WEB-DL.H264-A"], {2024}),
        ("dune 2 (2024)", ["Dune.Part.Two.2024.1080p.WEB-DL.H264-A"], {2024}),
        ("dune 2 2024", ["Dune.Part.Two.2024.1080p.WEB-DL.H264-A", "Dune.2.2011.1080p.WEB-DL.H264-A"], {2024}),
        ("dune 2", ["Dune.Part.Three.2026.1080p.WEB-DL.H264-A"], set()),
    ],
)
async def test_a_film_known_by_its_name_alone_is_of_the_year_that_all_releases_bear(
    world: World, text: str, offered: list[str], taken: set[int]
) -> None:
    world.catalogues[:] = [FakeCatalogue("lookup", failure=failed())]
    world.sources[:] = [FakeSource("prowlarr", [offer(each, size_bytes=9 * GB) for each in offered])]
    answer = await search(world, SearchRequest(text=text))
    assert {each.scored.release.name.year for each in answer.results if each.scored.accepted} == taken


async def test_what_a_person_brought_is_what_they_mean_whoever_fails(world: World) -> None:
    world.catalogues[:] = [FakeCatalogue("lookup", failure=failed())]
    world.sources[:] = [FakeSource("prowlarr", [replace(YEARLESS, info_hash=HASH)])]
    answer = await search(world, SearchRequest(text=f"magnet:?xt=urn:btih:{HASH}&dn={YEARLESS.name}"))
    assert names(answer) == [YEARLESS.name]
    assert "search.as_film" not in [each.key for each in answer.remarks]


@pytest.mark.parametrize(
    ("request_", "remarks"),
    [
        (
            SearchRequest(text="severance"),
            {"search.no_catalogue": ("Radarr", "Sonarr", "TMDB"), "search.as_film": None},
        ),
        (SearchRequest(text="severance s2"), {"search.no_catalogue": ("Sonarr", "TMDB")}),
        (SearchRequest(text="severance", kind=TitleKind.SERIES), {"search.no_catalogue": ("Sonarr", "TMDB")}),
        (SearchRequest(text="severance", kind=TitleKind.MOVIE), {"search.no_catalogue": ("Radarr", "TMDB")}),
        (SearchRequest(text="open season 2"), {"search.no_catalogue": ("Radarr", "Sonarr", "TMDB")}),
        (SearchRequest(text=HASH), {}),
    ],
)
async def test_with_nobody_to_ask_which_titles_there_are_that_is_said(
    world: World, request_: SearchRequest, remarks: dict[str, tuple[str, ...] | None]
) -> None:
    world.catalogues.clear()
    answer = await search(world, request_)
    assert {each.key: each.parameters.get("names") for each in answer.remarks} == remarks


async def test_what_nobody_could_be_asked_about_is_remembered_like_all(world: World) -> None:
    world.catalogues.clear()
    await search(world, SearchRequest(text="dune part two 2024"))
    world.pass_time(KEPT - timedelta(minutes=1))
    assert (await search(world, SearchRequest(text="dune part two 2024"))).from_cache


async def test_a_slow_catalogue_holds_nobody_up(world: World) -> None:
    world.catalogues.append(FakeCatalogue("slow", gate=asyncio.Event()))
    answer = await world.engine.search(REQUEST, deadline=timedelta(milliseconds=400))
    assert answer.title is not None
    assert states(answer.catalogues)["slow"] is SourceState.LATE
    await until(lambda: world.engine.find(answer.id).answer.complete)  # type: ignore[union-attr]  # it is there


async def test_the_only_catalogue_is_waited_for(world: World) -> None:
    world.catalogues[0].gate = gate = asyncio.Event()
    answer = await world.engine.search(REQUEST, deadline=SOON)
    assert (answer.title, answer.complete, answer.results) == (None, False, ())
    gate.set()
    await until(lambda: world.updates[-1].complete)
    assert names(world.updates[-1]) == [BEST.name, GOOD.name]


async def test_a_magnet_is_that_torrent_alone(world: World) -> None:
    world.sources[0].known = [replace(GOOD, info_hash=HASH), replace(BEST, info_hash="b" * 40)]
    link = f"magnet:?xt=urn:btih:{HASH}&dn={GOOD.name}"
    answer = await search(world, SearchRequest(text=link))
    assert answer.title is not None
    assert answer.title.label == "Dune: Part Two (2024)"
    (result,) = answer.results
    assert result.scored.release.info_hash == HASH
    assert {each.source for each in result.scored.release.offers} == {GIVEN, "prowlarr"}
    assert link in {each.link for each in result.scored.release.offers}
    await world.end()
    assert not world.shelf.kept, "a link may hold a passkey"


async def test_a_hash_alone_is_found_too(world: World) -> None:
    answer = await search(world, SearchRequest(text=HASH))
    (result,) = answer.results
    assert result.scored.release.info_hash == HASH
    assert not world.catalogues[0].asked


async def test_a_link_without_a_name_is_called_by_its_host(world: World) -> None:
    answer = await search(world, SearchRequest(text="https://t.example/?t=get&apikey=SECRETKEY&file=Dune.torrent"))
    assert "t.example" in [each.scored.release.name.name for each in answer.results]
    assert not any("SECRETKEY" in each.scored.release.name.name for each in answer.results)
    assert not world.catalogues[0].asked


async def test_nothing_is_nothing(world: World) -> None:
    answer = await search(world, SearchRequest(text=" "))
    assert answer.complete
    assert not answer.results
    assert not any(each.asked for each in (*world.sources, *world.catalogues))


async def test_chosen_sources_alone_are_asked(world: World) -> None:
    answer = await search(world, SearchRequest(text="dune 2", sources=frozenset({"radarr"})))
    assert states(answer.sources) == {"radarr": SourceState.ANSWERED}
    assert not world.sources[0].asked
    assert answer.remarks == ()


async def test_chosen_sources_that_are_not_there_are_named(world: World) -> None:
    answer = await search(world, SearchRequest(text="dune 2", sources=frozenset({"radar", "prowlarr"})))
    assert states(answer.sources) == {"prowlarr": SourceState.ANSWERED}
    assert answer.remarks == (Reason(key="search.not_asked", parameters={"names": ("radar",)}),)


async def test_cancelling_waits_for_nobody(world: World) -> None:
    world.sources[1].gate = asyncio.Event()
    answer = await world.engine.search(REQUEST, deadline=timedelta(milliseconds=200))
    under_way = world.engine.find(answer.id)
    assert under_way is not None
    under_way.cancel()
    await until(lambda: under_way.answer.complete)
    assert world.sources[1].ended
    assert names(under_way.answer) == [GOOD.name]
    assert [each.key for each in under_way.answer.sources[1].remarks] == ["search.cancelled"]


async def test_cancelling_early_asks_nobody_new(world: World) -> None:
    world.catalogues[0].gate = asyncio.Event()
    under_way = world.engine.start(REQUEST)
    await until(lambda: world.catalogues[0].asked)
    under_way.cancel()
    await until(lambda: under_way.answer.complete)
    assert not any(each.asked for each in world.sources)
    at_once = world.engine.start(SearchRequest(text="dune 1984"))
    at_once.cancel()
    await until(lambda: at_once.answer.complete)
    assert len(world.catalogues[0].asked) == 1
    assert not world.shelf.kept
    world.catalogues[0].gate = None
    world.pass_time(KEPT_FAILED)
    assert names(await search(world)) == [BEST.name, GOOD.name], "who asks later is answered"


async def test_stopping_ends_everything(world: World) -> None:
    world.sources[1].gate = asyncio.Event()
    answer = await world.engine.search(REQUEST, deadline=SOON)
    await world.engine.stop()
    assert world.engine.find(answer.id) is None
    assert world.sources[1].ended
    assert not world.shelf.kept


async def test_numbers_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MOST_OF_SOURCE", 5)
    monkeypatch.setattr(findings, "MOST_OFFERS", 8)
    many = [replace(GOOD, name=f"{GOOD.name}{number}", info_hash=f"{number:040x}") for number in range(20)]
    world.sources[0].known = many
    world.sources[1].known = many[::-1]
    answer = await search(world)
    assert len(answer.results) == 8
    assert [each.remarks[0].parameters for each in answer.sources] == [
        {"count": 20, "taken": 5},
        {"count": 20, "taken": 3},
    ]
    for number in range(MOST_REMEMBERED + 5):
        await search(world, SearchRequest(text=f"unknown film {number}"))
    assert world.engine.find(answer.id) is None
    assert len(world.engine._searches) == MOST_REMEMBERED


async def test_only_so_many_releases_are_held(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_HELD", 10)
    found = [await search(world, SearchRequest(text=text)) for text in ("dune 2", "dune 2021", "dune 1984", "tmdb:841")]
    assert [len(each.results) for each in found] == [4, 4, 4, 4]
    there = [world.engine.find(each.id) is not None for each in found]
    assert there == [False, False, True, True], "those that were asked for last"
    await search(world, SearchRequest(text="dune 1984"))
    await search(world, SearchRequest(text="dune part two 2024"))
    assert world.engine.find(found[2].id) is not None
    assert world.engine.find(found[3].id) is None


async def test_only_so_many_searches_go_on_at_once(world: World) -> None:
    world.catalogues[0].gate = gate = asyncio.Event()
    asking = [asyncio.create_task(search(world, SearchRequest(text=f"film {number}"))) for number in range(10)]
    await until(lambda: len(world.catalogues[0].asked) == searching.MOST_AT_ONCE)
    await asyncio.sleep(0.01)
    assert len(world.catalogues[0].asked) == searching.MOST_AT_ONCE
    gate.set()
    assert all(each.complete for each in await asyncio.gather(*asking))


async def test_who_waits_for_a_slow_source_keeps_nobody_from_beginning(world: World) -> None:
    world.sources[1].gate = asyncio.Event()
    slow = [SearchRequest(text=text) for text in ("dune 2021", "dune 1984", "tmdb:841", "tmdb:438631")]
    assert len(slow) == searching.MOST_AT_ONCE
    for each in slow:
        assert not (await world.engine.search(each, deadline=SOON)).complete
    answer = await world.engine.search(REQUEST, deadline=timedelta(seconds=1))
    assert names(answer) == [GOOD.name]
    assert states(answer.sources) == {"prowlarr": SourceState.ANSWERED, "radarr": SourceState.LATE}, (
        "who hangs is named"
    )
    world.sources[1].gate.set()
    await until(lambda: all(not each.running for each in world.engine._searches.values()))
    assert world.engine.slots._value == searching.MOST_AT_ONCE, "each slot is given back once"


async def test_what_was_kept_waits_for_no_slot(world: World) -> None:
    await search(world)
    await until(lambda: world.shelf.kept)
    world.restart()
    world.catalogues[0].gate = asyncio.Event()
    for number in range(searching.MOST_AT_ONCE):
        world.engine.start(SearchRequest(text=f"film {number}"), deadline=PLENTY)
    await until(world.engine.slots.locked)
    again = await world.engine.search(REQUEST, deadline=timedelta(seconds=1))
    assert (names(again), again.from_cache) == ([BEST.name, GOOD.name], True)
    assert world.engine.slots.locked()
    await world.engine.stop()


# --- a second opinion ------------------------------------------------------------------------------------------------

UNSURE = offer("Dune.1080p.BluRay.x264-GROUP")
OTHER = offer("Dune.1080p.WEB-DL.x264-OTHER")
OF_2021 = SearchRequest(text="dune 2021")


async def test_only_what_is_doubtful_is_judged(world: World) -> None:
    right = offer("Dune.2021.1080p.BluRay.x264-GROUP")
    world.sources[0].known, world.sources[1].known = [UNSURE, right], [OTHER, OLD]
    assert names(await search(world, OF_2021)) == [right.name], "without a judge it is not taken"
    world.judge = judge = FakeJudge({UNSURE.name: True, OTHER.name: False, OLD.name: True, "Something.else": True})
    answer = await search(world, OF_2021, fresh=True)
    assert set(names(answer)) == {right.name, UNSURE.name}
    reasons = {each.scored.release.name.name: each.scored.match.reason.key for each in answer.results}
    assert reasons[UNSURE.name] == "release.judged_same"
    assert reasons[OTHER.name] == "release.judged_other"
    assert reasons[OLD.name] == "release.other_year", "what rules can tell they tell"
    assert sorted(doubt.name for asked in judge.asked for doubt in asked) == sorted([UNSURE.name, OTHER.name])


async def test_a_verdict_is_remembered(world: World) -> None:
    world.sources[0].known = [UNSURE]
    world.judge = judge = FakeJudge({UNSURE.name: True})
    for _ in range(3):
        assert names(await search(world, OF_2021, fresh=True)) == [UNSURE.name]
    assert len(judge.asked) == 1
    world.pass_time(timedelta(seconds=1))
    of_1984 = await search(world, SearchRequest(text="dune 1984"))
    assert len(judge.asked) == 2, "of another title it is another question"
    assert of_1984.title is not None
    assert of_1984.title.year == 1984


async def test_who_could_not_tell_is_not_asked_again(world: World) -> None:
    world.sources[0].known = [UNSURE]
    world.judge = judge = FakeJudge({"Something.else": True})
    for _ in range(2):
        assert names(await search(world, OF_2021, fresh=True)) == []
    assert len(judge.asked) == 1
    world.engine.verdicts.forget()
    world.judge = FakeJudge({UNSURE.name: True})
    assert names(await search(world, OF_2021, fresh=True)) == [UNSURE.name], "somebody else may know"


async def test_a_judge_who_fails_or_hangs_has_said_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PATIENCE", SOON)
    world.sources[0].known = [UNSURE]
    for judge in (FakeJudge(failure=ValueError()), FakeJudge(gate=asyncio.Event())):
        world.judge = judge
        answer = await search(world, OF_2021, fresh=True)
        assert answer.complete
        assert names(answer) == []
        assert len(judge.asked) == 1
        assert answer.sources[0].state is SourceState.ANSWERED


async def test_only_so_many_are_judged(world: World) -> None:
    many = [replace(UNSURE, name=f"{UNSURE.name}{number}", info_hash=f"{number:040x}") for number in range(40)]
    world.sources[0].known, world.sources[1].known = many[:20], many[20:]
    world.judge = judge = FakeJudge()
    await search(world, OF_2021)
    assert sum(map(len, judge.asked)) == MOST_DOUBTS


# --- a second reader -------------------------------------------------------------------------------------------------

MISREAD = offer("Dune.Nordic.Cut.2021.1080p.BluRay.x264-GROUP")
UNRELATED = offer("Another.Film.2021.1080p.BluRay.x264-GROUP")


class FakeReader:
    """Reads the same title in all names, unless it hangs or fails."""

    def __init__(self, *, failure: Exception | None = None, gate: asyncio.Event | None = None) -> None:
        self.asked: list[str] = []
        self._failure, self._gate = failure, gate

    async def read(self, names: Sequence[str]) -> Sequence[str]:
        self.asked += names
        if self._gate is not None:
            await self._gate.wait()
        if self._failure is not None:
            raise self._failure
        return ["Dune"] * len(names)


def found(answer: SearchAnswer, release: Offer) -> Scored:
    (result,) = (each for each in answer.results if each.scored.release.name.name == release.name)
    return result.scored


def reason_of(answer: SearchAnswer, release: Offer) -> str:
    return found(answer, release).match.reason.key


async def test_what_a_second_reader_takes_for_the_title_is_doubtful(world: World) -> None:
    world.sources[0].known, world.sources[1].known = [MISREAD, UNRELATED, OLD], [UNSURE]
    reader = FakeReader()
    world.second = SecondReader(reader)
    answer = await search(world, OF_2021)
    assert reason_of(answer, MISREAD) == "release.second_reader"
    assert reason_of(answer, UNRELATED) == "release.other_title"
    assert names(answer) == [], "it is taken by nobody but a person"
    assert reader.asked == [MISREAD.name]
    world.judge = judge = FakeJudge({MISREAD.name: True})
    assert names(await search(world, OF_2021, fresh=True)) == [MISREAD.name], "or by who was asked for that"
    assert {doubt.name for asked in judge.asked for doubt in asked} == {MISREAD.name, UNSURE.name}
    assert reader.asked == [MISREAD.name], "each name is read once"


async def test_what_was_found_before_is_read_again_once_there_is_a_second_reader(world: World) -> None:
    world.sources[0].known = [MISREAD]
    assert reason_of(await search(world, OF_2021), MISREAD) == "release.other_title"
    asked = len(world.sources[0].asked)
    reader = FakeReader()
    world.second = SecondReader(reader)
    assert (await search(world, OF_2021)).from_cache, "nobody waits for it"
    await world.end()
    assert reason_of(world.changes[-1], MISREAD) == "release.second_reader", "who was answered is told"
    assert reason_of(await search(world, OF_2021), MISREAD) == "release.second_reader"
    assert (len(world.sources[0].asked), reader.asked) == (asked, [MISREAD.name]), "no source is asked again"
    world.second = None
    assert reason_of(await search(world, OF_2021), MISREAD) == "release.other_title"


async def test_what_another_search_had_read_meanwhile_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sources[0].known = [MISREAD]
    reader = FakeReader()
    world.second = second = SecondReader(reader)

    def rank_while_another_reads(*arguments: Any) -> tuple[Scored, ...]:
        second._titles[MISREAD.name] = "Dune"
        return rank(*arguments)

    monkeypatch.setattr(findings, "rank", rank_while_another_reads)
    assert reason_of(await search(world, OF_2021), MISREAD) == "release.second_reader"
    assert reader.asked == []


async def test_a_second_reader_that_fails_or_hangs_has_read_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "READING_PATIENCE", SOON)
    world.sources[0].known = [MISREAD]
    for reader in (FakeReader(failure=OSError()), FakeReader(gate=asyncio.Event())):
        world.second = SecondReader(reader)
        answer = await search(world, OF_2021, fresh=True)
        assert answer.complete
        assert reason_of(answer, MISREAD) == "release.other_title"
        assert reader.asked == [MISREAD.name]
        assert answer.sources[0].state is SourceState.ANSWERED


async def test_only_so_many_names_of_a_search_are_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_READ", 3)
    many = [replace(MISREAD, name=MISREAD.name.replace("Cut", f"Cut{at}"), info_hash=f"{at:040x}") for at in range(9)]
    world.sources[0].known, world.sources[1].known = many[:2], many[2:]
    reader = FakeReader()
    world.second = SecondReader(reader)
    await search(world, OF_2021)
    assert len(reader.asked) == 3


async def test_what_a_second_reader_read_is_kept_over_a_restart(world: World) -> None:
    world.sources[0].known, world.second = [MISREAD], SecondReader(FakeReader())
    await search(world, OF_2021)
    await until(lambda: world.shelf.kept)
    world.restart()
    again = await search(world, OF_2021)
    assert reason_of(again, MISREAD) == "release.second_reader"
    assert found(again, MISREAD).release.name.second_title == "Dune"
