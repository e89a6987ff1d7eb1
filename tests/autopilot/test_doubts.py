"""Doubts before an act: what it means that nothing was found, and whether a folder is still there."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from custom_components.sokoul.autopilot.desk import NotPossible
from custom_components.sokoul.autopilot.rules import broken
from custom_components.sokoul.autopilot.settings import PilotSettings
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus
from custom_components.sokoul.model.library import HealthIssue, Severity
from custom_components.sokoul.model.paths import JudgedMap, PathMap, PathState
from custom_components.sokoul.model.world import Changes

from .fakes import FakeTorrent
from .stack import DAY, HOUR, MINUTE, Stack, always

ACT, ERROR, WARNING = Autonomy.ACT, Severity.ERROR, Severity.WARNING


# --- nothing was found -----------------------------------------------------------------------------------------------


def issue(source: str, severity: Severity) -> HealthIssue:
    return HealthIssue(source=source, severity=severity, message="as it says it in its language")


@pytest.mark.parametrize(
    ("issues", "kept"),
    [
        pytest.param((), True, id="it is well"),
        pytest.param((issue("IndexerStatusCheck", ERROR),), False, id="no indexer answers"),
        pytest.param((issue("IndexerLongTermStatusCheck", ERROR),), False, id="none has for long"),
        pytest.param((issue("IndexerSearchCheck", WARNING),), False, id="none may be searched"),
        pytest.param((issue("IndexerStatusCheck", WARNING),), True, id="some answer"),
        pytest.param((issue("ImportMechanismCheck", ERROR),), True, id="something else is wrong"),
    ],
)
async def test_an_empty_answer_without_indexers_says_nothing(*, issues: tuple[HealthIssue, ...], kept: bool) -> None:
    stack = Stack(always(ActKind.REPLACE))
    await stack.start()
    await stack.run(20 * MINUTE)
    stack.stalled()
    stack.radarr.issues = issues
    searched = stack.radarr.searches
    await stack.run(30 * MINUTE)
    assert stack.radarr.searches > searched
    assert [entry.status for entry in stack.journal.entries] == ([EntryStatus.KEPT] if kept else [])
    stack.radarr.issues = ()
    stack.offer()
    await stack.run(12 * HOUR, 15 * MINUTE)
    assert bool(stack.radarr.grabs) is not kept, "kept is looked for again a day later"


async def test_what_was_found_and_is_no_good_is_an_answer() -> None:
    """Whatever is wrong with the indexers: somebody answered."""
    stack = Stack(always(ActKind.REPLACE))
    await stack.start()
    await stack.run(20 * MINUTE)
    stack.stalled()
    stack.offer(good=False)
    stack.radarr.issues = (issue("IndexerStatusCheck", ERROR),)
    await stack.run(30 * MINUTE)
    assert [entry.status for entry in stack.journal.entries] == [EntryStatus.KEPT]


# --- a folder --------------------------------------------------------------------------------------------------------


async def broken_ones(count: int, state: PathState | None, level: Autonomy = ACT) -> tuple[Stack, list[FakeTorrent]]:
    """Return torrents that broke in folders of one mount, whose map was judged so when it was looked at last."""
    stack = Stack(broken.RULE, settings=PilotSettings(autonomy={broken.KEY: level}))
    maps = () if state is None else (JudgedMap(map=PathMap("/data", "/media"), state=state),)
    look = stack.look

    def with_maps() -> Changes:
        changes = look()
        stack.world = replace(stack.world, path_maps={"qbt": maps})
        return changes

    stack.look = with_maps  # type: ignore[method-assign]  # the world as it is, and the maps beside it
    torrents = [stack.stalled(number, save_path=f"/data/{number}") for number in range(1, count + 1)]
    await stack.start()
    await stack.run(20 * MINUTE)
    for torrent in torrents:
        torrent.error = True
    return stack, torrents


@pytest.mark.parametrize("found", [True, False, None])
async def test_files_are_checked_only_where_they_were_found_just_now(*, found: bool | None) -> None:
    """The map was proven hours ago."""
    stack, [torrent] = await broken_ones(1, PathState.PROVEN)
    stack.hands.found = {} if found is None else {torrent.save_path: found}
    await stack.run(HOUR)
    assert torrent.checking is (found is True)
    [entry] = stack.entries(act=ActKind.RECHECK)
    assert entry.status is (EntryStatus.DONE if found else EntryStatus.FAILED)
    if not found:
        assert entry.result is not None
        assert entry.result.key == "result.folder_away"


@pytest.mark.parametrize("found", [False, None])
async def test_a_person_may_know_better_what_can_t_be_seen(*, found: bool | None) -> None:
    """But not what can be: in the folder is something else."""
    stack, [torrent] = await broken_ones(1, None)
    await stack.run(HOUR)
    [asked] = stack.kernel.suggestions
    stack.hands.found = {} if found is None else {torrent.save_path: found}
    with nullcontext() if found is None else pytest.raises(NotPossible, match="folder_away"):
        await stack.desk.approve(asked.id, "somebody", stack.clock.now)
    assert torrent.checking is (found is None)


async def test_nothing_is_checked_when_a_mount_went_away() -> None:
    """Minutes after the map was proven, in all folders of it."""
    stack, torrents = await broken_ones(6, PathState.PROVEN)
    stack.hands.found = dict.fromkeys((torrent.save_path for torrent in torrents), True)
    await stack.run(2 * DAY, 15 * MINUTE)
    assert stack.journal.entries == []


async def test_of_two_that_broke_one_is_checked_after_the_other() -> None:
    stack, torrents = await broken_ones(2, PathState.PROVEN)
    stack.hands.found = dict.fromkeys((torrent.save_path for torrent in torrents), True)
    for _ in range(24):
        await stack.run(5 * MINUTE)
        checked = [torrent for torrent in torrents if torrent.checking]
        assert len(checked) <= 1
        if len(stack.entries(act=ActKind.RECHECK)) == 1 and stack.clock.now.minute % 30 == 0:
            for torrent in checked:
                torrent.checking = torrent.error = False
    assert len(stack.entries(EntryStatus.DONE, act=ActKind.RECHECK)) == 2
