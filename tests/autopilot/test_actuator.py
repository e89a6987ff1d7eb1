"""The actuator: acts as they are carried out, interrupted at any step, settled, and taken back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.aftercare import SETTLED_WITHIN
from custom_components.sokoul.autopilot.desk import NotPossible
from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.rules.base import Case, Verdict
from custom_components.sokoul.autopilot.settings import PilotSettings
from custom_components.sokoul.model.downloads import Torrent
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry, Proposal
from custom_components.sokoul.model.library import Protocol
from custom_components.sokoul.model.releases import HistoryKind

from .fakes import CACHED, GB, Crash, Failure, FakeTorrent, Missing, digest
from .stack import DAY, HOUR, MINUTE, Stack, always, reversible

DONE, FAILED, RUNNING, KEPT = EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.RUNNING, EntryStatus.KEPT
UNDONE, UNDOING = EntryStatus.UNDONE, EntryStatus.UNDOING
REPLACE, DISCARD, LEAVE_QUEUE = ActKind.REPLACE, ActKind.DISCARD, ActKind.LEAVE_QUEUE


async def ready(act: ActKind = REPLACE, **settings: Any) -> Stack:
    """Return a stack that would do one act for everything, and is past its first turns."""
    stack = Stack(always(act, ends_with_progress=True), settings=PilotSettings(**settings))
    stack.radarr.want(900)
    await stack.start()
    await stack.run(20 * MINUTE)
    return stack


async def act(stack: Stack, **fields: Any) -> FakeTorrent:
    """Let a download come that is wanted gone, and a better one where it is to be replaced."""
    torrent = stack.stalled(**fields)
    stack.offer()
    await stack.run(MINUTE, MINUTE)
    return torrent


def the_one(stack: Stack) -> JournalEntry:
    return stack.journal.entries[0]


def result(entry: JournalEntry) -> str:
    return entry.result.key if entry.result else ""


# --- giving up -------------------------------------------------------------------------------------------------------


async def test_replacing() -> None:
    stack = await ready()
    torrent = await act(stack, tags=frozenset({"mine"}), automatic=True)
    entry = the_one(stack)
    assert (entry.status, result(entry)) == (DONE, "result.replaced")
    assert stack.radarr.grabs == [digest(1001)]
    assert (torrent.category, torrent.tags, torrent.stopped) == (QUARANTINE, {"mine", QUARANTINE}, True)
    assert (torrent.automatic, torrent.save_path) == (False, "/data/torrents"), "its files stay where they are"
    assert [blocked.release for blocked in stack.radarr.blocked] == ["Old.1"]
    assert [item.release for item in stack.radarr.items()] == ["New.1"]
    assert stack.radarr.searches_again == [], "it was searched already"
    assert stack.qbt.deleted == []


async def test_discarding() -> None:
    stack = await ready(DISCARD)
    torrent = await act(stack)
    assert (the_one(stack).status, torrent.category, torrent.stopped) == (DONE, QUARANTINE, True)
    assert (stack.radarr.grabs, len(stack.radarr.blocked), stack.radarr.searches_again) == ([], 1, [])


async def test_leaving_the_queue_changes_nothing_in_the_client() -> None:
    stack = await ready(LEAVE_QUEUE)
    torrent = stack.stalled()
    before = torrent.look()
    await stack.run(MINUTE)
    assert (the_one(stack).status, torrent.look()) == (DONE, before)
    assert (stack.radarr.items(), stack.radarr.blocked) == ((), [])


@pytest.mark.parametrize(
    "fields",
    [{"have": 4 * GB}, {"private": True}, {"private": None}],
    ids=["finished", "private", "perhaps private"],
)
async def test_what_is_finished_or_may_be_private_is_never_stopped(fields: dict[str, Any]) -> None:
    stack = await ready(DISCARD)
    torrent = stack.stalled(**fields)
    stack.radarr.records[torrent.hash].tracked = stack.radarr.records[torrent.hash].tracked.IMPORT_BLOCKED
    await stack.run(3 * DAY, HOUR)
    assert (the_one(stack).status, torrent.category) == (DONE, QUARANTINE)
    assert not torrent.stopped
    assert stack.qbt.deleted == []


async def test_the_torrent_itself_knows_best_that_it_is_private() -> None:
    """The indexer may say that it is public."""
    stack = await ready(DISCARD)
    torrent = stack.stalled(private=True)
    await stack.run(MINUTE)
    entry = the_one(stack)
    assert entry.undo is not None
    assert (torrent.stopped, entry.undo["deletable"]) == (False, False)


# --- the last look ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "client", "arr", "why"),
    [
        ({"have": 2 * GB}, {}, {}, "result.moves_again"),
        ({"have": 4 * GB}, {}, {}, "result.moves_again"),
        ({"stopped": True}, {}, {}, "result.in_hand"),
        ({"forced": True}, {}, {}, "result.in_hand"),
        ({"category": "mine"}, {}, {}, "result.over"),
        ({"category": QUARANTINE}, {}, {}, "result.over"),
        ({}, {"torrents": {}}, {}, "result.over"),
        ({}, {"failing": {"torrent": Failure}}, {}, "result.backend_error"),
        ({}, {"away": True}, {}, "result.unreachable"),
        ({}, {}, {"failing": {"queue": Failure}}, "result.backend_error"),
    ],
)
async def test_what_changed_since_the_last_poll_is_left_alone(
    fields: dict[str, Any], client: dict[str, Any], arr: dict[str, Any], why: str
) -> None:
    stack = await ready(DISCARD)
    torrent = stack.stalled()
    stack.clock.advance(MINUTE)
    changes = stack.look()
    for changed, values in ((torrent, fields), (stack.qbt, client), (stack.radarr, arr)):
        for name, value in values.items():
            setattr(changed, name, value)
    before = (dict(stack.qbt.torrents), torrent.look())
    await stack.turns.take(stack.world, stack.index, changes, stack.clock.now)
    entry = the_one(stack)
    assert (entry.status, result(entry), entry.undo) == (FAILED, why, None)
    assert (dict(stack.qbt.torrents), torrent.look()) == before
    assert stack.radarr.blocked == []


async def test_a_usenet_download_that_moved_is_left_alone() -> None:
    stack = await ready(DISCARD)
    stack.radarr.want(1)
    record = stack.radarr.usenet("nzo_1", 1)
    stack.clock.advance(MINUTE)
    changes = stack.look()
    record.have += 1
    await stack.turns.take(stack.world, stack.index, changes, stack.clock.now)
    assert (the_one(stack).status, result(the_one(stack))) == (FAILED, "result.moves_again")


# --- usenet, and clients that nobody sees ----------------------------------------------------------------------------


async def test_usenet_is_deleted_because_there_is_no_quarantine() -> None:
    stack = await ready()
    stack.radarr.want(1)
    record = stack.radarr.usenet("nzo_1", 1)
    stack.offer()
    await stack.run(MINUTE)
    entry = the_one(stack)
    assert (entry.status, entry.undo, record.settled) == (DONE, None, "failed")
    assert len(stack.radarr.blocked) == 1
    assert reversible(stack.kernel) == ()


async def test_a_torrent_in_a_client_that_nobody_sees_is_not_deleted() -> None:
    """It may be finished, private or shared: nobody can tell."""
    stack = await ready(DISCARD)
    unseen = stack.add_client("transmission")
    hidden = stack.add_arr("radarr2", client=unseen)
    torrent = stack.stalled(arr=hidden)
    del stack.clients["transmission"]
    await stack.run(MINUTE)
    assert the_one(stack).status is DONE
    assert torrent.hash in unseen.torrents
    assert [blocked.release for blocked in hidden.blocked] == ["Old.1"]


# --- several of everything -------------------------------------------------------------------------------------------


async def test_a_torrent_in_two_clients_is_set_aside_in_one() -> None:
    stack = await ready()
    other = stack.add_client("qbt2")
    torrent = stack.stalled()
    twin = other.add(replace(torrent))
    stack.offer()
    await stack.run(HOUR)
    assert (torrent.category, twin.category) == (QUARANTINE, "radarr")
    assert stack.radarr.grabs == [digest(1001)]


async def test_a_queue_item_of_two_clients_is_replaced_once() -> None:
    """Where nobody knows which client the *arr uses, both seem to have what it waits for."""
    stack = await ready()
    other = stack.add_client("qbt2")
    stack.knows_who_serves_whom = False
    await stack.run(20 * MINUTE)
    torrent = stack.stalled()
    other.add(replace(torrent))
    stack.offer()
    stack.offer(hash=digest(77), title="Third.1", weight=1)
    await stack.run(MINUTE)
    said = {entry.subject: (entry.status, result(entry)) for entry in stack.journal.entries}
    assert sorted(said) == [stack.subject(torrent), stack.subject(torrent, "qbt2")]
    assert sorted(said.values()) == [(DONE, "result.replaced"), (KEPT, "result.on_its_way")]
    assert len(stack.radarr.grabs) == 1


async def test_two_arrs_that_wait_for_one_torrent() -> None:
    stack = await ready()
    other = stack.add_arr("radarr4k")
    other.category = "radarr"
    other.want(1)
    torrent = stack.stalled()
    other.download(torrent, 1)
    stack.offer()
    await stack.run(MINUTE)
    assert the_one(stack).status is DONE
    assert stack.radarr.grabs == [digest(1001)]
    assert [len(arr.blocked) for arr in (stack.radarr, other)] == [1, 1]
    assert (stack.radarr.searches_again, other.searches_again) == ([], [torrent.hash]), "it has to look for its own"


async def test_taken_back_it_is_remembered_for_all_who_waited() -> None:
    stack = await ready(DISCARD)
    other = stack.add_arr("other")
    other.want(1)
    other.category = "radarr"
    torrent = stack.stalled()
    other._follow(torrent.hash, torrent.name, [1])
    await stack.run(MINUTE)
    await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    memory = stack.kernel.watch.memory(stack.subject(torrent))
    assert memory is not None
    assert sorted(memory.restored_from) == ["other", "radarr"]


# --- grabbing --------------------------------------------------------------------------------------------------------


async def test_a_grab_that_is_refused_changes_nothing() -> None:
    stack = await ready()
    stack.radarr.failing["grab"] = Missing
    torrent = await act(stack)
    entry = the_one(stack)
    assert (entry.status, result(entry), entry.undo) == (FAILED, "result.backend_error", None)
    assert (torrent.category, torrent.stopped) == ("radarr", False)


async def test_a_grab_whose_answer_got_lost_is_not_repeated() -> None:
    stack = await ready()
    stack.radarr.losing.add("grab")
    torrent = await act(stack)
    assert the_one(stack).status is RUNNING
    assert torrent.category == "radarr"
    stack.radarr.losing.clear()
    await stack.run(3 * HOUR)
    assert the_one(stack).status is DONE
    assert (stack.radarr.grabs, torrent.category) == ([digest(1001)], QUARANTINE)


async def test_a_grab_that_never_happened_is_given_up_after_a_while() -> None:
    stack = await ready()
    stack.radarr.failing["grab"] = Failure
    torrent = await act(stack)
    assert the_one(stack).status is RUNNING, "it may have happened"
    await stack.run(5 * MINUTE, MINUTE)
    assert (the_one(stack).status, result(the_one(stack))) == (FAILED, "result.backend_error")
    del stack.radarr.failing["grab"]
    await stack.run(3 * HOUR)
    assert (stack.radarr.grabs, torrent.category) == ([digest(1001)], QUARANTINE)


async def test_an_arr_that_takes_its_time_to_grab() -> None:
    """It asks its indexer first: for half a minute there is nothing in its history."""
    stack = await ready()
    stack.fate.recording = True
    stack.radarr.failing["grab"] = Failure
    torrent = await act(stack)
    await stack.run(MINUTE, MINUTE)
    stack.radarr.take(stack.radarr.offers[0])
    await stack.run(3 * HOUR)
    assert (the_one(stack).status, stack.radarr.grabs) == (DONE, [digest(1001)])
    assert torrent.category == QUARANTINE


async def test_a_release_that_waited_for_an_answer_too_long_is_searched_again() -> None:
    stack = await ready(ceiling=Autonomy.SUGGEST)
    torrent = await act(stack)
    stack.clock.advance(2 * CACHED)
    [entry] = stack.kernel.suggestions
    await stack.desk.approve(entry.id, "somebody", stack.clock.now)
    assert (stack.radarr.searches, torrent.category) == (2, QUARANTINE)


@pytest.mark.parametrize(
    ("kind", "backend", "call"),
    [
        (REPLACE, "radarr", "grab"),
        (REPLACE, "radarr", "remove_queue_items"),
        (DISCARD, "radarr", "remove_queue_items"),
        (DISCARD, "qbt", "torrent"),
        (DISCARD, "qbt", "set_category"),
        (LEAVE_QUEUE, "radarr", "queue"),
        (LEAVE_QUEUE, "radarr", "remove_queue_items"),
        (ActKind.REANNOUNCE, "qbt", "reannounce"),
        (ActKind.RECHECK, "qbt", "recheck"),
        (ActKind.ADD_TRACKERS, "qbt", "add_trackers"),
        (ActKind.RETRY_IMPORT, "radarr", "refresh_downloads"),
        (ActKind.FETCH_MISSING, "radarr", "releases"),
        (ActKind.FETCH_MISSING, "qbt", "set_file_priority"),
    ],
)
async def test_what_went_wrong_names_who_it_went_wrong_with(kind: ActKind, backend: str, call: str) -> None:
    wanted = always(kind, looks=frozenset())

    def judge(case: Case, policy: Any, elapsed: timedelta) -> Verdict:
        verdict = wanted.judge(case, policy, elapsed)
        more = {"arr_id": "radarr", "title_ids": [1]}
        return (
            replace(verdict, parameters=more | dict(verdict.parameters)) if isinstance(verdict, Proposal) else verdict
        )

    stack = Stack(replace(wanted, judge=judge))
    stack.radarr.want(900)
    await stack.start()
    await stack.run(20 * MINUTE)
    {"radarr": stack.radarr, "qbt": stack.qbt}[backend].failing[call] = Failure
    await act(stack)
    said = the_one(stack).result
    assert said is not None
    assert (said.key, said.parameters["backend"]) == ("result.backend_error", backend)
    assert f"{backend}.{call}" in str(said.parameters["detail"])


@pytest.mark.parametrize(
    ("backend", "call"),
    [("qbt", "torrent"), ("qbt", "set_category"), ("radarr", "blocklist"), ("radarr", "queue"), ("qbt", "is_private")],
)
async def test_what_went_wrong_while_taking_back_names_it_too(backend: str, call: str) -> None:
    stack = await ready()
    await act(stack)
    stack.qbt.torrents[digest(1001)].rate = 0
    {"radarr": stack.radarr, "qbt": stack.qbt}[backend].failing[call] = Failure
    with pytest.raises(NotPossible) as failed:
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (failed.value.reason.key, failed.value.reason.parameters["backend"]) == ("result.backend_error", backend)


# --- half-way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "call"),
    [
        ("radarr", "remove_queue_items"),
        ("qbt", "add_tags"),
        ("qbt", "stop"),
        ("qbt", "set_automatic"),
        ("qbt", "ensure_category"),
        ("qbt", "set_category"),
    ],
)
@pytest.mark.parametrize("answer", ["lost", "refused"])
@pytest.mark.parametrize("kind", [REPLACE, DISCARD])
async def test_what_stops_half_way_is_finished(backend: str, call: str, answer: str, kind: ActKind) -> None:
    stack = await ready(kind)
    broken = {"radarr": stack.radarr, "qbt": stack.qbt}[backend]
    if answer == "lost":
        broken.losing.add(call)
    else:
        broken.failing[call] = Failure
    torrent = await act(stack, automatic=True)
    assert the_one(stack).status is RUNNING
    await stack.run(10 * MINUTE, MINUTE)
    versions = len(stack.journal.written)
    await stack.run(10 * MINUTE, MINUTE)
    assert len(stack.journal.written) == versions, "nothing new is not worth a row"
    broken.losing.clear()
    broken.failing.clear()
    await stack.run(3 * MINUTE, MINUTE)
    assert the_one(stack).status is DONE
    assert (torrent.category, torrent.stopped, torrent.automatic) == (QUARANTINE, True, False)
    assert stack.radarr.grabs == ([digest(1001)] if kind is REPLACE else [])
    assert stack.radarr.items() == () or torrent.hash not in {item.download_id for item in stack.radarr.items()}


@pytest.mark.parametrize("point", range(60))
@pytest.mark.parametrize("kind", [REPLACE, DISCARD])
async def test_a_crash_at_any_point_ends_well(point: int, kind: ActKind) -> None:
    """After a restart it is done, once; or it was not begun, and is done then."""
    stack = await ready(kind, autonomy={"always": Autonomy.ACT})
    stack.memory.write()
    torrent = stack.stalled(tags=frozenset({"mine"}), automatic=True)
    stack.offer()
    crashed = await stack.until_crash(point)
    await stack.run(4 * HOUR)
    done = [entry for entry in stack.journal.entries if entry.subject == stack.subject(torrent)]
    assert [entry.status for entry in done if entry.status is not FAILED] == [DONE]
    assert (torrent.category, torrent.stopped, torrent.tags) == (QUARANTINE, True, {"mine", QUARANTINE})
    assert stack.radarr.grabs == ([digest(1001)] if kind is REPLACE else [])
    assert [blocked.release for blocked in stack.radarr.blocked] == ["Old.1"]
    undone = await stack.desk.undo(done[-1].id, "somebody", stack.clock.now)
    assert undone.status is UNDONE
    assert (torrent.category, torrent.tags, torrent.stopped) == ("radarr", {"mine"}, False)
    assert torrent.automatic
    assert crashed or point > 24


async def test_what_moves_on_before_anything_was_done_is_not_given_up() -> None:
    stack = await ready()
    stack.radarr.losing.add("grab")
    torrent = await act(stack)
    stack.radarr.losing.clear()
    torrent.have += GB
    await stack.run(10 * MINUTE)
    assert (the_one(stack).status, result(the_one(stack))) == (FAILED, "result.moves_again")
    assert (torrent.category, torrent.stopped) == ("radarr", False)


async def test_what_was_finished_meanwhile_is_not_stopped() -> None:
    stack = await ready(DISCARD)
    stack.qbt.failing["stop"] = Failure
    torrent = await act(stack)
    torrent.have = torrent.size
    del stack.qbt.failing["stop"]
    await stack.run(10 * MINUTE)
    assert (the_one(stack).status, torrent.category, torrent.stopped) == (DONE, QUARANTINE, False)


async def test_nothing_is_begun_again_while_something_is_under_way() -> None:
    stack = await ready()
    stack.offer(hash=digest(55), title="Third.1", weight=1)
    stack.qbt.failing["add_tags"] = Failure
    await act(stack)
    await stack.run(DAY, 10 * MINUTE)
    assert stack.radarr.grabs.count(digest(1001)) == 1
    assert [entry.status for entry in stack.journal.entries if entry.subject.endswith(digest(1))] == [RUNNING]


async def test_what_can_never_be_settled_ends_one_day() -> None:
    stack = await ready()
    stack.qbt.failing["set_category"] = Failure
    torrent = await act(stack)
    await stack.run(SETTLED_WITHIN + HOUR, HOUR)
    entry = the_one(stack)
    assert (entry.status, result(entry)) == (FAILED, "result.backend_error")
    stack.qbt.failing.clear()
    await stack.desk.undo(entry.id, "somebody", stack.clock.now)
    assert (torrent.category, torrent.stopped, torrent.tags) == ("radarr", False, frozenset())


@pytest.mark.parametrize("sonarr", [False, True])
async def test_what_its_arr_never_grabbed_is_set_aside_nevertheless(*, sonarr: bool) -> None:
    """Radarr says yes and does nothing, Sonarr says 500; both forget what leaves their category."""
    stack = await ready(DISCARD)
    arr = stack.add_arr("sonarr", sonarr=True) if sonarr else stack.radarr
    arr.want(1)
    torrent = arr.download(FakeTorrent(hash=digest(1), name="Brought.1", have=GB), 1, grabbed=False)
    await stack.run(5 * MINUTE, MINUTE)
    assert torrent.category == arr.category, "somebody brought it: a person is asked"
    await stack.desk.approve(the_one(stack).id, "somebody", stack.clock.now)
    await stack.run(HOUR + 5 * MINUTE, 5 * MINUTE)  # so long a refusal may pass
    assert (the_one(stack).status, torrent.category) == (DONE, QUARANTINE)


# --- taking back -----------------------------------------------------------------------------------------------------

WAS = [
    {"tags": frozenset({"a", "b"}), "automatic": True, "save_path": "/data/torrents/radarr"},
    {"category": "", "automatic": False},
    {"have": 4 * GB, "private": True, "tags": frozenset({"x"})},
    {"have": 4 * GB, "stopped": True},
    {"private": None},
]


@pytest.mark.parametrize("was", WAS)
async def test_taken_back_it_is_as_it_was(was: dict[str, Any]) -> None:
    stack = await ready(DISCARD)
    torrent = stack.stalled(**was)
    if torrent.finished:
        stack.radarr.records[torrent.hash].tracked = stack.radarr.records[torrent.hash].tracked.IMPORT_BLOCKED
    before: Torrent = torrent.look()
    await stack.run(MINUTE)
    entry = the_one(stack)
    assert torrent.category == QUARANTINE
    undone = await stack.desk.undo(entry.id, "somebody", stack.clock.now)
    assert torrent.look() == before
    assert (undone.status, undone.undo, undone.parameters["undone_by"]) == (UNDONE, None, "somebody")
    assert stack.radarr.blocked == []


async def test_taken_back_exactly_one_release_is_allowed_again() -> None:
    stack = await ready(DISCARD)
    stack.radarr.want(2)
    for number, title in enumerate(("Old.1", "Elsewhere", "OLD.1"), 50):
        record = stack.radarr._follow(digest(number), title, [1 if number != 52 else 2])
        stack.radarr._fail(record, search_again=False)
    await stack.run(DAY, HOUR)
    torrent = await act(stack)
    assert len(stack.radarr.blocked) == 4
    await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    left = {(blocked.release, blocked.title_ids) for blocked in stack.radarr.blocked}
    assert left == {("Old.1", frozenset({1})), ("Elsewhere", frozenset({1})), ("OLD.1", frozenset({2}))}
    assert torrent.category == "radarr"


async def test_taken_back_the_other_release_is_set_aside() -> None:
    stack = await ready()
    await act(stack)
    new = stack.qbt.torrents[digest(1001)]
    new.rate = 0
    await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (new.category, new.stopped) == (QUARANTINE, True)
    assert [item.release for item in stack.radarr.items()] == []


@pytest.mark.parametrize(
    ("fields", "category", "stopped"),
    [
        ({"have": 4 * GB}, "radarr", False),
        ({"private": True}, QUARANTINE, False),
        ({"private": None}, QUARANTINE, False),
    ],
    ids=["here already", "private", "perhaps private"],
)
async def test_the_other_release_is_treated_by_what_it_is(
    *, fields: dict[str, Any], category: str, stopped: bool
) -> None:
    """It may come from another place than the old one, which was public."""
    stack = await ready()
    await act(stack)
    new = stack.qbt.torrents[digest(1001)]
    new.rate = 0
    for name, value in fields.items():
        setattr(new, name, value)
    await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (new.category, new.stopped) == (category, stopped)


@pytest.mark.parametrize(("private", "deleted"), [(False, True), (True, False)])
async def test_the_other_release_is_let_go_of_after_its_time(*, private: bool, deleted: bool) -> None:
    stack = await ready()
    await act(stack)
    new = stack.qbt.torrents[digest(1001)]
    new.rate, new.private = 0, private
    undone = await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert reversible(stack.kernel) == (), "that it was taken back is not taken back"
    assert undone.undo is not None
    assert undone.undo["hash"] == new.hash
    await stack.restart()
    await stack.run(20 * HOUR, HOUR)
    subject = stack.subject(stack.qbt.torrents[digest(1)])
    memory = stack.kernel.watch.memory(subject)
    assert memory is not None
    stack.kernel.watch.learn(subject, replace(memory, restored_from=()))  # it was imported meanwhile
    await stack.run(DAY, HOUR)
    memory = stack.kernel.watch.memory(subject)
    assert memory is None or not memory.restored_from, "that is not undone again"
    assert stack.qbt.deleted == ([(new.hash, True)] if deleted else [])
    assert the_one(stack).undo is None
    assert stack.qbt.torrents[digest(1)].category == "radarr"


@pytest.mark.parametrize("point", range(40))
async def test_a_crash_while_taking_back_ends_well(point: int) -> None:
    stack = await ready()
    torrent = await act(stack, tags=frozenset({"mine"}), automatic=True)
    stack.qbt.torrents[digest(1001)].rate = 0
    stack.memory.write()
    stack.fate.crash_at = point
    try:
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    except Crash:
        stack.crash()
        await stack.start()
    stack.fate.crash_at = None
    await stack.run(20 * MINUTE, MINUTE)
    entry = the_one(stack)
    if entry.status is DONE:  # it had not begun
        await stack.desk.undo(entry.id, "somebody", stack.clock.now)
        entry = the_one(stack)
    assert entry.status is UNDONE
    assert (torrent.category, torrent.tags, torrent.stopped) == ("radarr", {"mine"}, False)
    assert torrent.automatic
    assert stack.radarr.blocked == []
    assert stack.qbt.torrents[digest(1001)].category == QUARANTINE
    assert entry.undo is not None, "what was fetched instead is not forgotten there"
    noted = {name: entry.undo[name] for name in ("hash", "category", "tags", "ran", "deletable")}
    assert noted == {"hash": digest(1001), "category": "radarr", "tags": [], "ran": False, "deletable": True}
    level = stack.kernel.settings.level(stack.rules[0])
    assert level is Autonomy.SUGGEST, "from now on it asks"
    memory = stack.kernel.watch.memory(stack.subject(torrent))
    assert memory is not None
    assert (memory.restored_from, memory.kept("always", stack.clock.now)) == (("radarr",), True)


async def test_the_other_release_is_noted_when_another_arr_stops_taking_back() -> None:
    """It is set aside for the first *arr, and gone from its queue, before the second one fails."""
    stack = await ready()
    other = stack.add_arr("radarr4k")
    other.category = "radarr"
    other.want(1)
    torrent = stack.stalled()
    other.download(torrent, 1)
    stack.offer()
    await stack.run(MINUTE, MINUTE)
    new = stack.qbt.torrents[digest(1001)]
    new.rate = 0
    other.failing["blocklist"] = Failure
    with pytest.raises(Exception, match=r"result\.backend_error"):
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert new.category == QUARANTINE
    await stack.run(10 * MINUTE)
    other.failing.clear()
    await stack.run(5 * MINUTE)
    entry = the_one(stack)
    assert (entry.status, entry.undo and entry.undo["hash"]) == (UNDONE, new.hash)


async def test_what_a_person_does_with_the_other_release_stays() -> None:
    stack = await ready()
    other = stack.add_arr("radarr4k")
    other.category = "radarr"
    other.want(1)
    other.download(stack.stalled(), 1)
    stack.offer()
    await stack.run(MINUTE, MINUTE)
    new = stack.qbt.torrents[digest(1001)]
    new.rate = 0
    other.failing["blocklist"] = Failure
    with pytest.raises(Exception, match=r"result\.backend_error"):
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    new.category, new.tags, new.stopped = "mine", frozenset(), False
    await stack.run(10 * MINUTE)
    other.failing.clear()
    await stack.run(5 * MINUTE)
    assert (the_one(stack).status, the_one(stack).undo) == (UNDONE, None)
    assert (new.category, new.stopped) == ("mine", False)


async def test_taking_back_goes_on_when_the_client_is_back() -> None:
    stack = await ready()
    torrent = await act(stack)
    stack.qbt.failing["set_category"] = Failure
    with pytest.raises(Exception, match=r"result\.backend_error"):
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert the_one(stack).status is UNDOING
    versions = len(stack.journal.written)
    await stack.run(HOUR)
    assert len(stack.journal.written) <= versions + 2, "trying is not worth a row each time"
    stack.qbt.failing.clear()
    await stack.run(5 * MINUTE)
    assert (the_one(stack).status, torrent.category) == (UNDONE, "radarr")


async def test_what_a_person_does_while_it_is_taken_back_stays() -> None:
    """The *arr is away for hours: its part is tried again, but not what was done in the client."""
    stack = await ready()
    torrent = await act(stack)
    stack.radarr.failing["blocklist"] = Failure
    with pytest.raises(Exception, match=r"result\.backend_error"):
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (torrent.category, torrent.stopped) == ("radarr", False)
    torrent.stopped, torrent.category = True, "mine"
    await stack.run(HOUR)
    stack.radarr.failing.clear()
    await stack.run(5 * MINUTE)
    assert (the_one(stack).status, torrent.category, torrent.stopped) == (UNDONE, "mine", True)


async def test_what_a_person_stops_before_anything_was_done_is_theirs() -> None:
    stack = await ready()
    stack.radarr.losing.add("grab")
    torrent = await act(stack)
    stack.radarr.losing.clear()
    torrent.stopped = True
    await stack.run(10 * MINUTE)
    assert (the_one(stack).status, result(the_one(stack))) == (FAILED, "result.in_hand")
    assert torrent.category == "radarr"


async def test_what_is_gone_can_not_be_taken_back() -> None:
    stack = await ready()
    torrent = await act(stack)
    del stack.qbt.torrents[torrent.hash]
    with pytest.raises(Exception, match=r"result\.gone"):
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (the_one(stack).status, the_one(stack).undo) == (FAILED, None)


async def test_a_category_that_was_removed_meanwhile_is_made_again() -> None:
    stack = await ready()
    torrent = await act(stack)
    del stack.qbt.categories["radarr"]
    await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert torrent.category == "radarr"


async def test_its_category_comes_back_with_its_path() -> None:
    """Else a torrent whose path follows its category would be moved."""
    stack = await ready()
    stack.qbt.categories["radarr"] = "/big/movies"
    torrent = await act(stack, automatic=True, save_path="/big/movies")
    del stack.qbt.categories["radarr"]
    await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (torrent.save_path, stack.qbt.categories["radarr"]) == ("/big/movies", "/big/movies")


async def test_taken_back_while_everything_is_held_it_starts_with_the_rest() -> None:
    stack = await ready(DISCARD)
    torrent = await act(stack)
    stack.qbt.held = set()
    await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (torrent.category, torrent.stopped) == ("radarr", True)
    assert stack.qbt.held == {torrent.hash}


@pytest.mark.parametrize("away", [True, False])
async def test_the_other_release_is_set_aside_in_whichever_client_it_is(*, away: bool) -> None:
    """An *arr with several download clients sends each release where it likes."""
    stack = await ready()
    other = stack.add_client("qbt2")
    torrent = await act(stack)
    new = stack.qbt.torrents.pop(digest(1001))
    other.torrents[new.hash], other.categories["radarr"] = new, ""
    stack.radarr._in_client = lambda record: not record.settled  # type: ignore[method-assign]
    other.away = away
    if away:
        with pytest.raises(NotPossible) as raised:
            await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
        assert raised.value.reason.parameters == {"backend": "qbt2"}
        other.away = False
        await stack.run(5 * MINUTE)
    else:
        await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (torrent.category, the_one(stack).status) == ("radarr", UNDONE)
    assert (new.category, new.stopped) == (QUARANTINE, True)
    await stack.run(2 * DAY, HOUR)
    assert other.deleted == [(new.hash, True)]


# --- letting go ------------------------------------------------------------------------------------------------------


async def test_data_is_deleted_after_a_day() -> None:
    stack = await ready()
    torrent = await act(stack)
    await stack.run(DAY - HOUR, HOUR)
    assert stack.qbt.deleted == []
    await stack.run(2 * HOUR, HOUR)
    assert stack.qbt.deleted == [(torrent.hash, True)]
    assert (the_one(stack).status, the_one(stack).undo) == (DONE, None)


@pytest.mark.parametrize(
    "keep",
    ["shared", "shared elsewhere", "taken out", "finished", "protected", "away"],
)
async def test_data_is_not_deleted_when(keep: str) -> None:
    stack = await ready()
    torrent = await act(stack)
    match keep:
        case "shared":
            twin = FakeTorrent(hash=digest(8), name="Old.1", category="cross-seed", have=4 * GB)
            stack.qbt.add(twin)
        case "shared elsewhere":
            other = stack.add_client("qbt2")
            other.add(FakeTorrent(hash=digest(8), name="Old.1", have=4 * GB))
        case "taken out":
            torrent.category = "mine"
        case "finished":
            torrent.have = torrent.size
        case "protected":
            stack.desk.protect(torrent.hash, protected=True)
        case _:
            stack.qbt.away = True
    await stack.run(2 * DAY, HOUR)
    assert stack.qbt.deleted == []
    assert (the_one(stack).undo is None) is (keep != "away")
    if keep == "away":
        stack.qbt.away = False
        await stack.run(HOUR)
        assert stack.qbt.deleted == [(torrent.hash, True)]


async def test_data_is_not_deleted_while_another_client_can_not_say_what_it_uses() -> None:
    """Nor is it kept for good for that."""
    stack = await ready()
    torrent, other = await act(stack), stack.add_client("qbt2")
    other.away = True
    await stack.run(2 * DAY, HOUR)
    assert stack.qbt.deleted == []
    other.away = False
    await stack.run(HOUR)
    assert stack.qbt.deleted == [(torrent.hash, True)]


@pytest.mark.parametrize(
    "by_hand",
    [
        pytest.param({"stopped": False}, id="resumed"),
        pytest.param({"have": 2 * GB}, id="resumed, then stopped"),
        pytest.param({"forced": True}, id="forced"),
        pytest.param({"tags": frozenset({QUARANTINE, "keep"})}, id="tagged"),
    ],
)
async def test_data_is_not_deleted_of_what_somebody_took_in_hand(by_hand: dict[str, Any]) -> None:
    stack = await ready()
    torrent = await act(stack)
    for name, value in by_hand.items():
        setattr(torrent, name, value)
    await stack.run(2 * DAY, HOUR)
    assert (stack.qbt.deleted, the_one(stack).undo) == ([], None)


async def test_that_it_is_let_go_of_is_not_told_as_if_it_were_done_again() -> None:
    stack = await ready()
    await act(stack)
    told = len(stack.told)
    await stack.run(2 * DAY, HOUR)
    assert the_one(stack).undo is None
    assert [entry for entry in stack.told[told:] if entry.subject == the_one(stack).subject] == []


async def test_a_disk_that_runs_full_shortens_the_day() -> None:
    stack = await ready()
    torrent = await act(stack)
    stack.qbt.free = GB
    await stack.run(HOUR)
    assert stack.qbt.deleted == [(torrent.hash, True)]


async def test_a_full_disk_takes_nothing_that_would_not_help() -> None:
    stack = await ready(DISCARD)
    await act(stack, private=True)
    stack.qbt.free = GB
    await stack.run(HOUR)
    assert len(reversible(stack.kernel)) == 1


async def test_quarantine_outlives_a_restart_whatever_happened_since() -> None:
    stack = await ready()
    torrent = await act(stack)
    first = the_one(stack)
    for _ in range(1200):
        await stack.journal.add(replace(first, act=ActKind.REANNOUNCE, undo=None, changed_at=stack.clock.now))
    await stack.restart()
    await stack.run(2 * DAY, HOUR)
    assert stack.qbt.deleted == [(torrent.hash, True)]


# --- the other acts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (ActKind.REANNOUNCE, lambda torrent: torrent.announced == 1),
        (ActKind.RECHECK, lambda torrent: torrent.checking),
        (ActKind.ADD_TRACKERS, lambda torrent: "udp://tracker.example" in torrent.trackers),
    ],
)
async def test_harmless_acts(kind: ActKind, seen: Callable[[FakeTorrent], bool]) -> None:
    stack = await ready(kind)
    torrent = stack.stalled()
    await stack.run(MINUTE, MINUTE)
    assert the_one(stack).status is DONE
    assert seen(torrent)
    assert torrent.category == "radarr"


async def test_a_harmless_act_that_was_interrupted_is_not_repeated_blindly() -> None:
    stack = await ready(ActKind.REANNOUNCE)
    stack.stalled()
    stack.memory.write()
    stack.fate.recording = True
    crashed = await stack.until_crash(9)
    assert crashed
    await stack.run(5 * MINUTE)
    entry = the_one(stack)
    assert (entry.status, result(entry)) in {(FAILED, "result.interrupted"), (DONE, "result.reannounced")}


async def test_a_history_of_long_ago_is_not_ours() -> None:
    """The same release was grabbed for the same film a month ago."""
    stack = await ready()
    stack.radarr.want(1)
    stack.radarr._follow(digest(999), "New.1", [1]).settled = "imported"
    stack.clock.advance(30 * DAY)
    await stack.run(20 * MINUTE)
    stack.radarr.failing["grab"] = Failure
    torrent = await act(stack)
    await stack.run(10 * MINUTE)
    assert the_one(stack).status is FAILED
    assert torrent.category == "radarr"
    assert any(event.kind is HistoryKind.GRABBED for event in stack.radarr.events)


async def test_a_usenet_release_may_replace_a_torrent() -> None:
    stack = await ready()
    torrent = stack.stalled()
    stack.offer(protocol=Protocol.USENET, seeders=None)
    await stack.run(MINUTE)
    assert (the_one(stack).status, torrent.category) == (DONE, QUARANTINE)
    undone = await stack.desk.undo(the_one(stack).id, "somebody", stack.clock.now)
    assert (undone.status, torrent.category) == (UNDONE, "radarr")


async def test_clocks_of_two_machines_differ() -> None:
    stack = await ready()
    stack.radarr.losing.add("grab")
    torrent = await act(stack)
    stack.radarr.events = [
        replace(event, at=event.at - 4 * MINUTE) if event.release == "New.1" else event for event in stack.radarr.events
    ]
    stack.radarr.losing.clear()
    await stack.run(10 * MINUTE)
    assert (the_one(stack).status, torrent.category) == (DONE, QUARANTINE)
