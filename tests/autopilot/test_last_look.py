"""Between a proposal and its act time passes: a search asks every indexer, a row may wait for a backup to end.

What people, swarms and lines do meanwhile counts.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.desk import NotPossible
from custom_components.sokoul.autopilot.observe import AnyRule
from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.rules import content, slow
from custom_components.sokoul.autopilot.rules.base import Case, Rule, Sign
from custom_components.sokoul.autopilot.settings import PilotSettings
from custom_components.sokoul.model.downloads import ConnectionStatus, TorrentFile
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry, Proposal
from custom_components.sokoul.model.library import Command, TrackedState
from custom_components.sokoul.model.releases import GrabSource, ImportCandidate, ImportRejection

from .fakes import GB, FakeTorrent, digest
from .stack import DAY, HOUR, MINUTE, Patience, Stack, always, proposal

REPLACE, DISCARD = ActKind.REPLACE, ActKind.DISCARD
DONE, FAILED, KEPT, RUNNING = EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.KEPT, EntryStatus.RUNNING

type Happening = Callable[[Stack, FakeTorrent], object]


async def running(*rules: AnyRule, **settings: Any) -> Stack:
    stack = Stack(*rules, settings=PilotSettings(**settings))
    stack.radarr.want(900)
    await stack.start()
    await stack.run(20 * MINUTE)
    return stack


def while_it_searches(stack: Stack, what: Callable[[], object]) -> None:
    """Let something happen while an *arr asks its indexers."""
    searching = stack.radarr.releases

    async def releases(title: Any) -> Any:
        found = await searching(title)
        what()
        return found

    stack.radarr.releases = releases  # type: ignore[method-assign]


def while_it_is_written(stack: Stack, what: Callable[[], object]) -> None:
    """Let something happen while a row waits for a backup of the database."""
    adding = stack.journal.add

    async def add(entry: JournalEntry) -> JournalEntry:
        if (entry.act, entry.status) == (REPLACE, RUNNING):
            what()
        return await adding(entry)

    stack.journal.add = add  # type: ignore[method-assign]


def _tag(_stack: Stack, torrent: FakeTorrent) -> None:
    torrent.tags |= {"keep"}


def _force(_stack: Stack, torrent: FakeTorrent) -> None:
    torrent.forced = True


def _disconnect(stack: Stack, _torrent: FakeTorrent) -> None:
    stack.qbt.connection = ConnectionStatus.DISCONNECTED


def _go_on(_stack: Stack, torrent: FakeTorrent) -> None:
    torrent.have += 1


_CLAIMED: dict[str, Happening] = {
    "it is protected": lambda stack, torrent: stack.desk.protect(torrent.hash, protected=True),
    "it is tagged": _tag,
    "it is forced": _force,
    "its line goes down": _disconnect,
}
_LOWERED: dict[str, Happening] = {
    "its rule is switched off": lambda stack, _: stack.autonomy(Autonomy.OFF),
    "its rule is to ask": lambda stack, _: stack.autonomy(Autonomy.SUGGEST),
    "the hub is to observe": lambda stack, _: stack.set(ceiling=Autonomy.OBSERVE),
}
_EVERYTHING = {**_CLAIMED, **_LOWERED, "a byte comes": _go_on}


@pytest.mark.parametrize("what", _EVERYTHING)
@pytest.mark.parametrize("while_", [while_it_searches, while_it_is_written])
async def test_what_happens_meanwhile_counts(what: str, while_: Callable[[Stack, Callable[[], object]], None]) -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    while_(stack, lambda: _EVERYTHING[what](stack, torrent))
    await stack.run(6 * HOUR + 10 * MINUTE)
    assert (torrent.category, torrent.stopped, stack.radarr.grabs, stack.radarr.blocked) == ("radarr", False, [], [])
    assert stack.entries(DONE, RUNNING, act=REPLACE) == []
    assert all(entry.undo is None for entry in stack.entries(act=REPLACE))


@pytest.mark.parametrize("what", _CLAIMED)
async def test_it_counts_for_who_agreed_as_well(what: str) -> None:
    stack = await running(always(REPLACE), ceiling=Autonomy.SUGGEST)
    torrent = stack.stalled()
    stack.offer()
    await stack.run(MINUTE)
    [question] = stack.kernel.suggestions
    while_it_searches(stack, lambda: _CLAIMED[what](stack, torrent))
    with pytest.raises(NotPossible):
        await stack.desk.approve(question.id, "somebody", stack.clock.now)
    assert (torrent.category, stack.radarr.grabs) == ("radarr", [])


# --- importing -------------------------------------------------------------------------------------------------------


def _importing() -> AnyRule:
    def sign(case: Case, _policy: Patience) -> Sign:
        return Sign.YES if case.download.claims else Sign.NO

    def judge(case: Case, _policy: Patience, _elapsed: timedelta) -> Proposal:
        wanted = proposal("importing", case, ActKind.IMPORT, Autonomy.SUGGEST)
        what = {"arr_id": "radarr", "download_id": case.download.key, "files": {"/a.mkv": [1]}, "missing": [1]}
        return replace(wanted, parameters=what)

    return Rule(key="importing", policy=Patience, sign=sign, judge=judge, default=Autonomy.ACT)


_FILE = ImportCandidate(path="/a.mkv", size_bytes=GB, title_ids=frozenset({1}))
_OBJECTION = ImportRejection(reason="Not an upgrade for existing movie file(s)", permanent=True)


@pytest.mark.parametrize(
    ("found", "has_file", "imports"),
    [
        pytest.param([_FILE], False, True, id="all is as it was"),
        pytest.param([_FILE, replace(_FILE, path="/b.mkv", title_ids=frozenset({2}))], False, True, id="more came"),
        pytest.param([], False, False, id="its file is gone"),
        pytest.param([replace(_FILE, title_ids=frozenset({99}))], False, False, id="it is taken for another film"),
        pytest.param([replace(_FILE, rejections=(_OBJECTION,))], False, False, id="the *arr objects by now"),
        pytest.param([_FILE], True, False, id="the film is here by now"),
    ],
)
async def test_an_import_is_what_was_agreed_to(found: list[ImportCandidate], *, has_file: bool, imports: bool) -> None:
    stack = await running(_importing())
    torrent = stack.stalled(have=4 * GB)
    stack.radarr.records[torrent.hash].tracked = TrackedState.IMPORT_BLOCKED
    await stack.run(20 * MINUTE)
    [question] = stack.kernel.suggestions
    taken: list[ImportCandidate] = []

    async def candidates(download_id: str) -> tuple[ImportCandidate, ...]:
        assert download_id == torrent.hash
        return tuple(found)

    async def take(candidates: Collection[ImportCandidate]) -> Command:
        taken.extend(candidates)
        return Command(id=1, name="ManualImport")

    stack.radarr.import_candidates = candidates  # type: ignore[method-assign]
    stack.radarr.import_files = take  # type: ignore[method-assign]
    stack.radarr.details[1] = replace(stack.radarr.details[1], has_file=has_file)
    if imports:
        await stack.desk.approve(question.id, "somebody", stack.clock.now)
        assert taken == [_FILE]
    else:
        with pytest.raises(NotPossible) as raised:
            await stack.desk.approve(question.id, "somebody", stack.clock.now)
        assert (raised.value.reason.key, taken) == ("result.moves_again", [])


# --- what arrives ----------------------------------------------------------------------------------------------------


def _lets_bytes_come(stack: Stack) -> None:
    while_it_searches(stack, lambda: stack.qbt.pass_time(MINUTE / 2))
    while_it_is_written(stack, lambda: stack.qbt.pass_time(MINUTE / 2))


@pytest.mark.parametrize("level", [Autonomy.ACT, Autonomy.SUGGEST])
async def test_what_crawls_may_crawl_on_while_another_is_looked_for(level: Autonomy) -> None:
    stack = await running(slow.RULE, autonomy={"slow": level})
    torrent = stack.stalled(have=0, size=40 * GB, rate=20_000, seeds=50)
    stack.offer()
    _lets_bytes_come(stack)
    await stack.run(26 * HOUR, 10 * MINUTE)
    if level is Autonomy.SUGGEST:
        [question] = stack.kernel.suggestions
        await stack.run(10 * MINUTE)
        await stack.desk.approve(question.id, "somebody", stack.clock.now)
    assert torrent.category == QUARANTINE
    assert stack.radarr.grabs == [digest(1001)]


async def test_what_is_dangerous_is_stopped_while_it_arrives() -> None:
    stack = await running(content.RULE, autonomy={"content": Autonomy.ACT})
    torrent = stack.stalled(have=0, size=400 * GB, rate=10**6)

    async def files(torrent_hash: str) -> tuple[TorrentFile, ...]:
        name = "film.mkv.exe" if torrent_hash == torrent.hash else "film.mkv"
        return (TorrentFile(index=0, name=name, size_bytes=GB, progress=0, wanted=True),)

    stack.qbt.files = files  # type: ignore[method-assign]
    stack.offer()
    _lets_bytes_come(stack)
    await stack.run(HOUR)
    assert (torrent.category, torrent.stopped) == (QUARANTINE, True)


@pytest.mark.parametrize("act", [REPLACE, DISCARD])
async def test_what_was_finished_meanwhile_is_not_given_up(act: ActKind) -> None:
    stack = await running(always(act))
    torrent = stack.stalled()
    stack.offer()
    stack.clock.advance(MINUTE)
    changes = stack.look()
    torrent.have = torrent.size
    await stack.turns.take(stack.world, stack.index, changes, stack.clock.now)
    assert [(entry.status, entry.result and entry.result.key) for entry in stack.journal.entries] == [
        (FAILED, "result.moves_again")
    ]


# --- what is on its way already --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "status"), [(10**5, KEPT), (0, DONE)])
async def test_no_third_release_while_a_second_arrives(rate: int, status: EntryStatus) -> None:
    """One that stalls as well is none that arrives."""
    stack = await running()
    torrent = stack.stalled()
    upgrade = stack.offer(hash=digest(2000), title="Upgrade.1", rate=rate, size=40 * GB)
    stack.radarr.take(upgrade, GrabSource.RSS)
    stack.radarr.offers.remove(upgrade)
    third = stack.offer(hash=digest(3000), title="Third.1")
    before = stack.radarr.searches
    await stack.run(6 * HOUR + 10 * MINUTE)
    [entry] = [entry for entry in stack.entries(act=REPLACE) if entry.subject == stack.subject(torrent)]
    assert entry.status is status
    if status is KEPT:
        assert entry.result is not None
        assert (entry.result.key, entry.result.parameters) == ("result.on_its_way", {"release": "Upgrade.1"})
        assert (stack.radarr.grabs, stack.radarr.searches) == ([upgrade.hash], before), "no indexer was asked"
    else:
        assert stack.radarr.grabs == [upgrade.hash, third.hash]
    await stack.run(DAY, 10 * MINUTE)
