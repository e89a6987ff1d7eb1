"""Looking up what a rule wants to know: at whom, and what is said when nobody can tell."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from custom_components.sokoul.autopilot.inspector import BackendInspector
from custom_components.sokoul.autopilot.rules.base import Case, Facts, Look
from custom_components.sokoul.model.backend import Backend, BackendKind
from custom_components.sokoul.model.library import IndexerManagerSnapshot, Privacy
from custom_components.sokoul.model.releases import GrabSource, ImportCandidate
from tests.model import make

from .fakes import GB, NOW, Failure, FakeTorrent, Missing, digest
from .stack import DAY, MINUTE, Stack


async def ready(**fields: Any) -> Stack:
    stack = Stack()
    stack.stalled(1, **fields)
    await stack.start()
    await stack.turn()
    return stack


def case(stack: Stack, subject: str = f"qbt/{digest(1)}") -> Case:
    download = stack.index.get(subject)
    assert download is not None
    return Case(download=download, now=stack.clock.now)


def inspector(stack: Stack) -> BackendInspector:
    return BackendInspector(stack.hands, lambda: stack.world)


async def look(stack: Stack, *looks: Look, **fields: Any) -> Facts:
    facts = await inspector(stack).look(case(stack, **fields), looks)
    assert facts is not None
    return facts


# --- where it comes from ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "by_hand"),
    [
        (GrabSource.RSS, False),
        (GrabSource.SEARCH, False),
        (GrabSource.USER_SEARCH, False),
        (GrabSource.PUSH, False),
        (GrabSource.INTERACTIVE_SEARCH, True),
        (GrabSource.UNKNOWN, None),
    ],
)
async def test_who_grabbed_it(*, source: GrabSource, by_hand: bool | None) -> None:
    stack = await ready()
    stack.radarr.download(stack.qbt.torrents[digest(1)], 1, source=source)
    facts = await look(stack, Look.ORIGIN)
    assert (facts.by_hand, facts.grabbed_at) == (by_hand, stack.clock.now)
    assert facts.looked == {Look.ORIGIN}


async def test_nobody_grabbed_it() -> None:
    stack = await ready()
    stack.radarr.events.clear()
    facts = await look(stack, Look.ORIGIN)
    assert (facts.by_hand, facts.grabbed_at, facts.looked) == (None, None, {Look.ORIGIN})


@pytest.mark.parametrize(
    ("first", "second", "by_hand"),
    [
        (GrabSource.SEARCH, GrabSource.INTERACTIVE_SEARCH, True),
        (GrabSource.INTERACTIVE_SEARCH, GrabSource.SEARCH, True),
        (GrabSource.SEARCH, GrabSource.UNKNOWN, None),
        (GrabSource.SEARCH, GrabSource.RSS, False),
    ],
)
async def test_what_a_person_chose_at_any_arr_they_chose(
    *, first: GrabSource, second: GrabSource, by_hand: bool | None
) -> None:
    stack = await ready()
    other = stack.add_arr("radarr4k")
    other.category = "radarr"
    other.want(1)
    torrent = stack.qbt.torrents[digest(1)]
    stack.radarr.download(torrent, 1, source=first)
    other.download(torrent, 1, source=second)
    await stack.turn()
    assert len(case(stack).download.claims) == 2
    assert (await look(stack, Look.ORIGIN)).by_hand is by_hand


def managed(stack: Stack, *indexers: Any) -> None:
    known = Backend(
        id="prowlarr",
        kind=BackendKind.PROWLARR,
        title="Prowlarr",
        snapshot=IndexerManagerSnapshot(version="2", instance_name="Prowlarr", indexers=indexers),
    )
    object.__setattr__(stack.world, "backends", {**stack.world.backends, "prowlarr": known})


@pytest.mark.parametrize(
    ("names", "privacy"),
    [
        ({"Indexer": Privacy.PRIVATE}, Privacy.PRIVATE),
        ({"INDEXER": Privacy.SEMI_PRIVATE}, Privacy.SEMI_PRIVATE),
        ({"Indexer": Privacy.PUBLIC, "Other": Privacy.PRIVATE}, Privacy.PUBLIC),
        ({"Other": Privacy.PRIVATE}, None),
        ({}, None),
    ],
)
async def test_how_private_its_indexer_is(names: dict[str, Privacy], privacy: Privacy | None) -> None:
    stack = await ready()
    managed(
        stack, *(make.indexer(number, name=name, privacy=each) for number, (name, each) in enumerate(names.items()))
    )
    assert (await look(stack, Look.ORIGIN)).indexer_privacy is privacy


async def test_two_indexers_of_one_name_that_differ_tell_nothing() -> None:
    stack = await ready()
    managed(stack, make.indexer(1, name="Indexer"), make.indexer(2, name="Indexer", privacy=Privacy.PRIVATE))
    assert (await look(stack, Look.ORIGIN)).indexer_privacy is None


# --- the torrent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("private", [True, False])
async def test_the_torrent_says_whether_it_is_private(*, private: bool) -> None:
    stack = await ready(private=private)
    stack.fate.recording = True
    facts = await look(stack, Look.PRIVACY)
    assert (facts.private, stack.fate.calls) == (private, []), "what is known is not asked"


async def test_an_older_client_says_it_when_it_is_asked() -> None:
    stack = await ready(private=None)
    stack.qbt.torrents[digest(1)].private = True
    assert (await look(stack, Look.PRIVACY)).private is True


async def test_trackers_and_files() -> None:
    stack = await ready()
    facts = await look(stack, Look.TRACKERS, Look.FILES)
    assert facts.trackers is not None
    assert facts.files is not None
    assert [tracker.host for tracker in facts.trackers] == ["tracker.example"]
    assert [file.size_bytes for file in facts.files] == [4 * GB]


async def test_what_is_no_torrent_is_not_private() -> None:
    stack = await ready()
    stack.radarr.want(2)
    stack.radarr.usenet("nzo_1", 2)
    await stack.turn()
    facts = await look(stack, Look.PRIVACY, subject="-/nzo_1")
    assert (facts.private, facts.looked) == (None, {Look.PRIVACY})


# --- the titles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("released", "in_cinemas", "first"),
    [
        (NOW, None, NOW.date()),
        (None, NOW, NOW.date()),
        (NOW, NOW - 90 * DAY, (NOW - 90 * DAY).date()),
        (None, None, None),
    ],
)
async def test_when_a_title_came_out(
    released: datetime | None, in_cinemas: datetime | None, first: date | None
) -> None:
    stack = await ready()
    known = stack.radarr.details[1]
    details = replace(known, released_at=released, in_cinemas_at=in_cinemas, has_file=True)
    stack.radarr.details[1] = details
    facts = await look(stack, Look.TITLES)
    assert facts.titles == {"radarr": (details,)}
    assert (details.id, details.released_on) == (1, first)


async def test_what_could_be_imported() -> None:
    stack = await ready()
    facts = await look(stack, Look.IMPORT)
    found = ImportCandidate(path="/a.mkv", size_bytes=4 * GB, title_ids=frozenset({1}))
    assert facts.choices == {"radarr": (found,)}


async def test_what_its_arr_finds_no_file_of_is_known_to_have_none() -> None:
    """That is another thing than not having been asked."""
    stack = await ready()
    looked_at = case(stack)
    stack.radarr.records.clear()
    facts = await inspector(stack).look(looked_at, [Look.IMPORT])
    assert facts is not None
    assert facts.choices == {"radarr": ()}


async def test_a_download_of_two_arrs_has_the_titles_and_files_of_both() -> None:
    stack = await ready()
    other = stack.add_arr("radarr4k")
    other.category = "radarr"
    other.want(1)
    other.download(stack.qbt.torrents[digest(1)], 1)
    await stack.turn()
    facts = await look(stack, Look.TITLES, Look.IMPORT)
    assert facts.titles == {"radarr": (stack.radarr.details[1],), "radarr4k": (other.details[1],)}
    assert facts.choices is not None
    assert {arr_id: len(files) for arr_id, files in facts.choices.items()} == {"radarr": 1, "radarr4k": 1}


# --- nobody can tell -------------------------------------------------------------------------------------------------

OF_ARR = (Look.ORIGIN, Look.TITLES, Look.IMPORT)
OF_CLIENT = (Look.TRACKERS, Look.FILES, Look.PRIVACY)


@pytest.mark.parametrize("each", [*OF_ARR, *OF_CLIENT])
@pytest.mark.parametrize("how", ["away", "failing", "gone"])
async def test_nothing_is_known_of_what_could_not_be_asked(each: Look, how: str) -> None:
    stack = await ready(private=None)
    backend = stack.radarr if each in OF_ARR else stack.qbt
    match how:
        case "away":
            backend.away = True
        case "failing":
            backend.failing["*"] = Failure
        case _:
            backend.failing["*"] = Missing
    assert await inspector(stack).look(case(stack), [each]) is None


async def test_what_was_known_stays() -> None:
    stack = await ready()
    known = Facts(looked=frozenset({Look.FILES}), files=())
    asked = Case(download=case(stack).download, now=stack.clock.now, facts=known)
    facts = await inspector(stack).look(asked, [Look.ORIGIN])
    assert facts is not None
    assert (facts.files, facts.looked) == ((), {Look.FILES, Look.ORIGIN})


# --- the line --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("working", "away", "hashes", "works"),
    [
        (True, False, [1], True),
        (False, False, [1], False),
        (True, True, [1], False),
        (True, False, [], False),
        (True, False, [99, 1], True),
        (True, False, [99], False),
    ],
)
async def test_any_tracker_works(*, working: bool, away: bool, hashes: list[int], works: bool) -> None:
    stack = await ready()
    stack.qbt.working_trackers, stack.qbt.away = working, away
    assert await inspector(stack).any_tracker_works("qbt", [digest(number) for number in hashes]) is works


async def test_no_tracker_of_an_unknown_client_works() -> None:
    stack = await ready()
    stack.qbt.add(FakeTorrent(hash=digest(2), name="x"))
    assert not await inspector(stack).any_tracker_works("other", [digest(2)])
    await stack.run(MINUTE)
