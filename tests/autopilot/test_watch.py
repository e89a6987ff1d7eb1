"""The watch: what is kept an eye on, what of it is due, and what it costs."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.rules.base import Case, Facts, Look, Rule, Sign
from custom_components.sokoul.autopilot.watch import CHECK_BEGINS
from custom_components.sokoul.model.journal import ActKind
from custom_components.sokoul.model.memory import NOTHING_KNOWN
from custom_components.sokoul.model.paths import JudgedMap, PathMap, PathState

from .fakes import GB, FakeTorrent, digest
from .stack import DAY, HOUR, MINUTE, STUCK, Patience, Stack, always


class Counting:
    """A rule that counts how often it is looked at and judged."""

    def __init__(self, rule: Rule[Patience] = STUCK) -> None:
        self.signs = 0
        self.judged = 0
        self.around: list[Any] = []

        def sign(case: Case, policy: Patience) -> Sign:
            self.signs += 1
            self.around.append(case.around)
            return rule.sign(case, policy)

        def judge(case: Case, policy: Patience, elapsed: timedelta) -> Any:
            self.judged += 1
            return rule.judge(case, policy, elapsed)

        self.rule = replace(rule, sign=sign, judge=judge)

    def reset(self) -> None:
        self.signs = self.judged = 0


async def watching(count: int = 1, rule: Rule[Patience] = STUCK, **fields: Any) -> tuple[Stack, Counting]:
    counting = Counting(rule)
    stack = Stack(counting.rule)
    for number in range(1, count + 1):
        stack.stalled(number, **fields)
    await stack.start()
    await stack.run(20 * MINUTE)
    return stack, counting


# --- what it costs ---------------------------------------------------------------------------------------------------


async def test_what_is_quiet_costs_nothing() -> None:
    stack, counting = await watching(50)
    await stack.run(10 * MINUTE)
    counting.reset()
    for _ in range(10):
        await stack.turn()
    assert (counting.signs, counting.judged) == (0, 0)


async def test_what_changes_is_looked_at() -> None:
    stack, counting = await watching(50)
    counting.reset()
    stack.qbt.torrents[digest(7)].have += 1
    await stack.turn()
    assert counting.signs == 1


async def test_what_is_not_due_is_not_judged() -> None:
    stack, counting = await watching(50, rate=10)
    await stack.run(10 * MINUTE)
    counting.reset()
    await stack.run(25 * MINUTE, MINUTE)
    assert counting.signs == 50 * 25, "each brought something each time"
    assert counting.judged <= 50, "but none was long without"


async def test_it_says_when_to_come_again() -> None:
    stack, _ = await watching()
    assert stack.due is not None
    assert stack.clock.now < stack.due <= stack.clock.now + 30 * MINUTE
    stack.qbt.torrents.clear()
    await stack.run(HOUR)
    assert stack.kernel.watch.next_due is None


async def test_a_few_at_a_time() -> None:
    stack = Stack()
    for number in range(1, 1001):
        stack.stalled(number)
    await stack.start()
    changes = stack.look()
    watch = stack.kernel.watch
    slices = sum(1 for _ in watch.follow(stack.world, stack.index, changes, stack.clock.now))
    assert slices >= 20, "once for the census, once to look"
    assert len(watch) == 1000


# --- what is watched -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "watched"),
    [
        ({}, True),
        ({"category": "somebody's"}, True),
        ({"have": 4 * GB, "category": "somebody's"}, False),
        ({"category": QUARANTINE}, False),
    ],
    ids=["on its way", "nobody's", "done", "in quarantine"],
)
async def test_what_is_watched(*, fields: dict[str, Any], watched: bool) -> None:
    stack, _ = await watching(1, **fields)
    assert (f"qbt/{digest(1)}" in stack.kernel.watch) == watched


async def test_what_is_complete_and_waited_for_is_watched() -> None:
    stack, _ = await watching()
    stack.radarr.records[digest(1)].tracked = stack.radarr.records[digest(1)].tracked.IMPORT_BLOCKED
    stack.qbt.torrents[digest(1)].have = 4 * GB
    await stack.turn()
    assert len(stack.kernel.watch) == 1


async def test_what_is_imported_is_left_and_what_is_gone_is_forgotten() -> None:
    stack, _ = await watching(2)
    watch = stack.kernel.watch
    stack.qbt.torrents[digest(1)].have = 4 * GB
    del stack.qbt.torrents[digest(2)]
    stack.radarr.look_at_downloads()
    await stack.turn()
    assert len(watch) == 0
    assert watch.memory(f"qbt/{digest(1)}") is None
    assert watch.memory(f"qbt/{digest(2)}") is None


async def test_a_torrent_that_comes_back_begins_anew() -> None:
    stack, _ = await watching()
    torrent = stack.qbt.torrents.pop(digest(1))
    await stack.run(HOUR)
    stack.qbt.add(torrent)
    await stack.turn()
    memory = stack.kernel.watch.memory(f"qbt/{digest(1)}")
    assert memory is not None
    assert memory.elapsed("stuck", stack.clock.now) == timedelta()


# --- being asked -----------------------------------------------------------------------------------------------------


async def test_the_earliest_moment_counts() -> None:
    stack, counting = await watching()
    watch, subject = stack.kernel.watch, f"qbt/{digest(1)}"
    now = stack.clock.now
    assert list(watch.due(now + DAY)) == [subject]
    for minutes in (50, 20, 40):
        watch.ask_again(subject, now + minutes * MINUTE)
    assert list(watch.due(now + 19 * MINUTE)) == []
    assert list(watch.due(now + 20 * MINUTE)) == [subject]
    assert list(watch.due(now + DAY)) == [], "each once"
    watch.ask_again("qbt/unknown", now)
    assert list(watch.due(now + DAY)) == []
    assert counting.judged > 0


async def test_what_is_due_at_one_moment_comes_in_the_same_order_each_time() -> None:
    """What changed comes as a set: what is searched for with the last search of an hour must not be left to chance."""
    stack, _ = await watching(50)
    stack.kernel.watch.reconsider()
    changes = stack.look()
    for _ in stack.kernel.watch.follow(stack.world, stack.index, changes, stack.clock.now):
        pass
    assert list(stack.kernel.watch.due(stack.clock.now)) == [f"qbt/{digest(number)}" for number in range(1, 51)]


async def test_it_is_asked_again_after_nothing_was_left_to_try() -> None:
    """Whatever was its last word: when the symptom begins anew, so does the asking."""
    stack, counting = await watching(rule=always(ActKind.TELL))
    await stack.run(3 * HOUR)
    assert stack.kernel.watch.next_due is None
    counting.reset()
    torrent = stack.qbt.torrents[digest(1)]
    torrent.category = "elsewhere"
    await stack.turn()
    torrent.category = "radarr"
    await stack.run(MINUTE)
    assert counting.judged > 0
    assert len(stack.journal.entries) == 2


async def test_progress_begins_anew_what_was_silent() -> None:
    stack, counting = await watching()
    stack.set(autonomy={"stuck": stack.rules[0].default.OBSERVE})
    await stack.run(8 * HOUR)
    assert stack.kernel.watch.next_due is None, "all was said"
    counting.reset()
    stack.qbt.torrents[digest(1)].have += 1
    await stack.turn()
    assert counting.judged == 1
    assert stack.kernel.watch.next_due is not None


# --- what surrounds it -----------------------------------------------------------------------------------------------


async def test_an_arr_that_goes_and_comes_is_noticed() -> None:
    stack, counting = await watching(3)
    stack.add_arr("sonarr", sonarr=True)
    await stack.turn()
    counting.reset()
    stack.radarr.away = True
    await stack.turn()
    assert counting.signs == 3, "those that wait for it, though nothing of them changed"
    assert counting.around[-1].arrs_away == {"radarr"}
    stack.radarr.away = False
    await stack.turn()
    assert counting.around[-1].arrs_away == frozenset()


async def test_an_arr_that_was_not_read_yet_is_away() -> None:
    counting = Counting()
    stack = Stack(counting.rule)
    stack.qbt.add(FakeTorrent(hash=digest(1), name="Sintel", category="radarr"))
    stack.radarr.away = True
    await stack.start()
    await stack.turn()
    assert counting.around[-1].arrs_away == {"radarr"}


async def test_a_usenet_download_knows_which_arrs_are_away() -> None:
    counting = Counting(always(ActKind.TELL))
    stack = Stack(counting.rule)
    stack.radarr.want(1)
    stack.radarr.usenet("nzo_1", 1)
    await stack.start()
    await stack.turn()
    assert counting.around[-1].arrs_away == frozenset()
    stack.radarr.away = True
    await stack.turn()
    assert counting.around[-1].arrs_away == {"radarr"}


async def test_a_gate_that_turns_is_noticed_by_all() -> None:
    stack, counting = await watching(5)
    counting.reset()
    stack.qbt.connection = stack.qbt.connection.DISCONNECTED
    await stack.turn()
    assert counting.signs == 5
    assert all(not around.gate.open for around in counting.around[-5:])
    await stack.turn()
    assert counting.signs == 5, "once"


async def test_a_client_that_comes_back_is_not_believed_at_once() -> None:
    """Nobody is connected to it yet, and its trackers were not asked: that says nothing of any swarm."""
    stack, counting = await watching(2)

    def why_shut() -> str | None:
        shut = counting.around[-1].gate.shut
        return shut.key if shut else None

    stack.qbt.away = True
    await stack.run(HOUR)
    assert why_shut() == "gate.client_unavailable"
    stack.qbt.away = False
    await stack.run(9 * MINUTE, MINUTE)
    counting.around.clear()
    stack.kernel.watch.reconsider()
    await stack.turn()
    assert why_shut() == "gate.settling"
    await stack.run(2 * MINUTE, MINUTE)
    assert why_shut() is None


async def test_gates_are_of_one_client() -> None:
    stack, counting = await watching(2)
    other = stack.add_client("qbt2")
    other.add(FakeTorrent(hash=digest(9), name="Sintel"))
    await stack.run(20 * MINUTE)
    counting.reset()
    other.connection = other.connection.DISCONNECTED
    await stack.turn()
    assert counting.signs == 1


async def test_a_torrent_that_is_gone_counts_no_more() -> None:
    """Also one that nobody watched: it would keep the line under suspicion for ever."""
    stack, _ = await watching(0)
    stack.qbt.add(FakeTorrent(hash=digest(1), name="Sintel", category=QUARANTINE, private=True))
    await stack.run(HOUR)
    stack.qbt.peers, stack.qbt.working_trackers = 0, False
    stack.qbt.torrents.clear()
    await stack.run(HOUR)
    assert stack.kernel.watch.silent_lines(stack.clock.now) == {}
    torrent = stack.stalled(2)
    stack.qbt.peers = 20
    await stack.turn()
    case = stack.kernel.watch.case(stack.subject(torrent), stack.clock.now)
    assert case is not None
    assert case.around.gate.open


async def test_a_silent_line_is_not_asked_with_every_poll() -> None:
    stack, _ = await watching(2)
    stack.qbt.peers, stack.qbt.working_trackers = 0, False
    stack.fate.recording = True
    await stack.run(20 * MINUTE, timedelta(seconds=10))
    assert stack.fate.calls.count("qbt.trackers") <= 2 * 11


async def test_a_line_that_was_shown_to_work_is_asked_about_in_time_only() -> None:
    """Nobody is connected for hours, because nobody has these; a tracker that answers stands for ten minutes."""
    stack, counting = await watching(2)
    stack.qbt.peers = 0
    await stack.run(10 * MINUTE, timedelta(seconds=10))
    stack.fate.recording = True
    counting.reset()
    counting.around.clear()
    await stack.run(HOUR, timedelta(seconds=10))
    assert 6 <= stack.fate.calls.count("qbt.trackers") <= 15
    assert all(around.gate.open for around in counting.around)


async def test_broken_neighbours_are_counted() -> None:
    """By mount where SOKOUL sees the folders; else all of a client may have one cause."""
    stack, counting = await watching(4)
    folders = ("/data/films", "/data/films", "/data/series", "/elsewhere")
    for torrent, folder in zip(stack.qbt.torrents.values(), folders, strict=True):
        torrent.error, torrent.save_path = True, folder
    await stack.turn()

    def neighbours(*ours: str) -> list[int]:
        judged = tuple(JudgedMap(map=PathMap(each, each), state=PathState.PROVEN) for each in ours)
        stack.world = replace(stack.world, path_maps={"qbt": judged})
        for _ in stack.kernel.watch.follow(stack.world, stack.index, stack.index.take_changes(), stack.clock.now):
            pass
        cases = [stack.kernel.watch.case(f"qbt/{digest(number)}", stack.clock.now) for number in range(1, 5)]
        return [case.around.broken_neighbours for case in cases if case]

    assert neighbours() == [3, 3, 3, 3]
    assert neighbours("/data", "/elsewhere") == [2, 2, 2, 0]
    assert neighbours("/data/films", "/data/series", "/elsewhere") == [2, 2, 2, 0], "one mount, and a map for each"
    assert counting.around[-1].mount_proven is None


async def test_files_are_checked_one_download_at_a_time() -> None:
    """From when its client was asked, because it takes a moment to show it."""
    stack, _ = await watching(2)
    first, second = stack.qbt.torrents.values()
    first.error = second.error = True
    await stack.turn()
    watch = stack.kernel.watch

    def checking() -> bool:
        case = watch.case(stack.subject(second), stack.clock.now)
        assert case is not None
        return case.around.checking

    known = watch.memory(stack.subject(first))
    assert known is not None
    assert not checking()
    watch.learn(stack.subject(first), known.with_try(ActKind.RECHECK, stack.clock.now, stack.clock.now))
    assert checking()
    stack.clock.advance(CHECK_BEGINS)
    assert not checking(), "it never began"
    first.error, first.checking = False, True
    await stack.turn()
    assert checking()
    first.checking = False
    await stack.turn()
    assert not checking()


async def test_the_mount_of_a_broken_torrent_is_judged_by_the_map_that_holds_it() -> None:
    stack, _ = await watching()
    [torrent] = stack.qbt.torrents.values()
    torrent.error, torrent.save_path = True, "/data/torrents/films"
    await stack.turn()

    def proven(**states: PathState) -> bool | None:
        maps = {folder: PathMap(f"/data/{folder}", f"/mnt/{folder}") for folder in states}
        judged = tuple(JudgedMap(map=maps[folder], state=state) for folder, state in states.items())
        stack.world = replace(stack.world, path_maps={"qbt": judged})
        for _ in stack.kernel.watch.follow(stack.world, stack.index, stack.index.take_changes(), stack.clock.now):
            pass
        case = stack.kernel.watch.case(f"qbt/{digest(1)}", stack.clock.now)
        assert case is not None
        return case.around.mount_proven

    assert proven() is None
    assert proven(torrents=PathState.UNPROVEN) is None
    assert proven(torrents=PathState.PROVEN) is True
    assert proven(torrents=PathState.REFUTED) is False
    assert proven(other=PathState.PROVEN) is None


# --- facts -----------------------------------------------------------------------------------------------------------


async def test_what_was_looked_up_is_true_for_a_while() -> None:
    stack, _ = await watching()
    stack.fate.recording = True
    stack.kernel.change(stack.kernel.settings.with_policy(stack.rules[0], {"patience": 8 * 3600}))
    await stack.run(5 * HOUR)
    assert stack.fate.calls.count("radarr.grab_history") == 1
    await stack.run(4 * HOUR)
    assert stack.fate.calls.count("radarr.grab_history") == 2


async def test_what_was_looked_up_before_its_arr_was_known_is_looked_up_again() -> None:
    """The client is read before the *arr has it in its queue: nobody can tell then of which title it is."""
    asking = always(ActKind.TELL, after=2 * HOUR, looks=frozenset({Look.ORIGIN, Look.TITLES}))
    stack, counting = await watching(rule=replace(asking, sign=lambda *_: Sign.YES))
    [torrent] = stack.qbt.torrents.values()
    record = stack.radarr.records.pop(torrent.hash)
    await stack.run(2 * HOUR)

    def facts() -> Facts:
        case = stack.kernel.watch.case(stack.subject(torrent), stack.clock.now)
        assert case is not None
        return case.facts

    await look_up(stack, torrent)
    assert (facts().titles, facts().looked) == ({}, {Look.ORIGIN, Look.TITLES})
    counting.reset()
    stack.radarr.records[torrent.hash] = record
    await stack.turn()
    assert counting.judged > 0, "what was decided without them is decided anew"
    await look_up(stack, torrent)
    assert facts().titles == {"radarr": (stack.radarr.details[1],)}


async def look_up(stack: Stack, torrent: FakeTorrent) -> None:
    """Let the rule look at what it wants to know."""
    case = stack.kernel.watch.case(stack.subject(torrent), stack.clock.now)
    assert case is not None
    await stack.kernel.judge(stack.rules[0], case, elapsed=DAY)


async def test_trackers_that_were_looked_up_tell_of_others() -> None:
    stack, _ = await watching(4)
    stack.qbt.working_trackers = False
    watch = stack.kernel.watch
    for number in range(1, 4):
        trackers = await stack.qbt.trackers(digest(number))
        facts = Facts(looked=frozenset({Look.TRACKERS}), trackers=trackers)
        watch.learn_facts(f"qbt/{digest(number)}", facts, stack.clock.now)
    case = watch.case(f"qbt/{digest(4)}", stack.clock.now)
    assert case is not None
    assert case.around.failing_trackers == {"tracker.example"}


# --- learning --------------------------------------------------------------------------------------------------------


async def test_only_what_is_new_is_to_be_stored() -> None:
    stack, _ = await watching(3)
    watch = stack.kernel.watch
    watch.learned.clear()
    await stack.turn()
    assert watch.learned == set()
    stack.qbt.torrents[digest(2)].have += 1
    await stack.turn()
    assert watch.learned == {f"qbt/{digest(2)}"}
    watch.learned.clear()
    memory = watch.memory(f"qbt/{digest(2)}")
    assert memory is not None
    watch.learn(f"qbt/{digest(2)}", memory)
    assert watch.learned == set()
    watch.learn("title:radarr:movie:1", NOTHING_KNOWN)
    assert watch.learned == {"title:radarr:movie:1"}


def ids(watched: Collection[str]) -> list[str]:
    return sorted(watched)


async def test_a_client_that_is_removed_and_added_again() -> None:
    stack, _ = await watching(2)
    kept = stack.clients.pop("qbt")
    await stack.run(MINUTE)
    assert ids(list(stack.kernel.watch)) == ids([f"-/{digest(1)}", f"-/{digest(2)}"])
    stack.clients["qbt"] = kept
    await stack.run(MINUTE)
    assert ids(list(stack.kernel.watch)) == ids([f"qbt/{digest(1)}", f"qbt/{digest(2)}"])
