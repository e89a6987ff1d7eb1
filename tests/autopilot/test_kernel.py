"""The kernel: what rules want becomes entries of the journal and acts, as far as everything allows, once."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from custom_components.sokoul.autopilot.lessons import FAILED_FOR, REJECTED_FOR
from custom_components.sokoul.autopilot.observe import AnyRule
from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.rules.base import Case, Look, Verdict
from custom_components.sokoul.autopilot.settings import Caps, PilotSettings
from custom_components.sokoul.model.journal import AUTOPILOT, CAUSE, ActKind, Autonomy, EntryStatus, Proposal
from custom_components.sokoul.model.releases import GrabSource

from .fakes import GB, Failure, FakeArr, FakeTorrent, digest
from .stack import DAY, HOUR, MINUTE, Patience, Stack, always

ACT, SUGGEST, OBSERVE, OFF = Autonomy.ACT, Autonomy.SUGGEST, Autonomy.OBSERVE, Autonomy.OFF
OBSERVED, SUGGESTED, DONE = EntryStatus.OBSERVED, EntryStatus.SUGGESTED, EntryStatus.DONE
KEPT, FAILED, EXPIRED = EntryStatus.KEPT, EntryStatus.FAILED, EntryStatus.EXPIRED
REANNOUNCE, REPLACE, DISCARD = ActKind.REANNOUNCE, ActKind.REPLACE, ActKind.DISCARD
LEAVE_QUEUE, TELL = ActKind.LEAVE_QUEUE, ActKind.TELL


async def running(*rules: AnyRule, **settings: Any) -> Stack:
    """Return a stack that has had its first turn, and whose client is settled."""
    stack = Stack(*rules, settings=PilotSettings(**settings))
    stack.radarr.want(900)
    await stack.start()
    await stack.run(20 * MINUTE)
    return stack


def quarantined(stack: Stack) -> list[str]:
    return sorted(key for key, torrent in stack.qbt.torrents.items() if torrent.category == QUARANTINE)


# --- the ladder ------------------------------------------------------------------------------------------------------


async def test_the_ladder_is_climbed_rung_by_rung() -> None:
    stack = await running()
    torrent = stack.stalled()
    offer = stack.offer()
    await stack.run(35 * MINUTE)
    assert stack.journal.said() == [(REANNOUNCE, DONE)]
    await stack.run(5 * HOUR)
    assert stack.journal.said() == [(REANNOUNCE, DONE)] * 2
    assert torrent.announced == 2
    await stack.run(HOUR)
    assert stack.journal.said() == [(REANNOUNCE, DONE)] * 2 + [(REPLACE, DONE)]
    assert stack.radarr.grabs == [offer.hash]
    assert quarantined(stack) == [torrent.hash]


async def test_a_byte_begins_it_anew() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    for _ in range(20):
        await stack.run(5 * HOUR)
        torrent.have += 1
    assert stack.entries(act=REPLACE) == []
    assert torrent.announced == 40, "two in each spell"


@pytest.mark.parametrize("level", [OBSERVE, ACT])
async def test_the_ladder_is_climbed_to_its_end_whatever_may_be_done(level: Autonomy) -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    stack.autonomy(level)
    await stack.run(7 * HOUR)
    assert stack.entries(act=REPLACE) != []
    assert (torrent.announced > 0, quarantined(stack) != []) == (level is ACT, level is ACT)


async def test_what_stalls_again_after_it_was_observed_is_observed_again() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.autonomy(OBSERVE)
    await stack.run(7 * HOUR)
    assert stack.journal.said() == [(REPLACE, OBSERVED)]
    await stack.run(3 * DAY, HOUR)
    assert len(stack.journal.entries) == 1, "nothing is said twice"
    torrent.have += 1
    await stack.run(7 * HOUR)
    assert stack.journal.said() == [(REPLACE, OBSERVED)] * 2


async def test_what_drips_does_not_fill_the_journal_while_it_is_observed() -> None:
    """A byte an hour: half an hour later its trackers would be asked, each time."""
    stack = await running()
    torrent = stack.stalled()
    stack.autonomy(OBSERVE)
    for _ in range(24):
        await stack.run(HOUR)
        torrent.have += 1
    assert stack.journal.entries == []
    assert torrent.announced == 0
    memory = stack.kernel.watch.memory(stack.subject(torrent))
    assert memory is not None
    assert REANNOUNCE in memory.tried, "it counts, or the ladder would end there"


async def test_observing_touches_nothing() -> None:
    stack = await running()
    stack.fate.recording = True
    torrent = stack.stalled(tags=frozenset({"mine"}))
    before = torrent.look()
    stack.autonomy(OBSERVE)
    await stack.run(3 * DAY, HOUR)
    assert torrent.look() == before
    assert stack.radarr.searches == 0
    reading = {"radarr.grab_history", "radarr.titles", "qbt.is_private", "journal.add", "journal.find"}
    assert set(stack.fate.calls) <= reading


# --- how far it may go -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "ceiling", "expected"),
    [
        (OFF, ACT, []),
        (OBSERVE, ACT, [OBSERVED]),
        (SUGGEST, ACT, [SUGGESTED]),
        (ACT, ACT, [DONE]),
        (ACT, SUGGEST, [SUGGESTED]),
        (ACT, OBSERVE, [OBSERVED]),
        (ACT, OFF, []),
        (SUGGEST, OBSERVE, [OBSERVED]),
    ],
)
async def test_the_lowest_of_all_levels_counts(level: Autonomy, ceiling: Autonomy, expected: list[EntryStatus]) -> None:
    stack = await running(always(DISCARD), ceiling=ceiling, autonomy={"always": level})
    stack.stalled()
    await stack.run(HOUR)
    assert [entry.status for entry in stack.journal.entries] == expected
    assert (quarantined(stack) != []) == (expected == [DONE])


async def test_a_proposal_has_a_ceiling_of_its_own() -> None:
    stack = await running(always(DISCARD, ceiling=SUGGEST))
    stack.stalled()
    await stack.run(HOUR)
    assert stack.journal.said() == [(DISCARD, SUGGESTED)]


async def test_what_changes_nothing_is_done_without_asking() -> None:
    """Who is asked about a reannounce, and does not answer, would never be asked about what comes after it."""
    stack = await running()
    stack.stalled()
    stack.offer()
    stack.autonomy(SUGGEST)
    await stack.run(7 * HOUR)
    assert stack.journal.said() == [(REANNOUNCE, DONE), (REANNOUNCE, DONE), (REPLACE, SUGGESTED)]


async def test_a_rung_that_nobody_wants_does_not_end_the_ladder() -> None:
    stack = await running(always(ActKind.ADD_TRACKERS, key="rung", default=SUGGEST))
    torrent = stack.stalled()
    await stack.run(HOUR)
    [entry] = stack.kernel.suggestions
    await stack.desk.reject(entry.id, "somebody", stack.clock.now)
    memory = stack.kernel.watch.memory(stack.subject(torrent))
    assert memory is not None
    assert memory.tried["add_trackers"].count == 1
    assert not memory.kept("rung", stack.clock.now)


async def test_the_first_evaluation_is_a_report() -> None:
    stack = Stack(always(DISCARD, gated=False))
    for number in range(1, 4):
        stack.stalled(number)
    await stack.start()
    await stack.turn()
    assert stack.journal.said() == [(DISCARD, OBSERVED)] * 3
    assert quarantined(stack) == []
    await stack.run(15 * MINUTE)
    stack.stalled(4)
    await stack.run(MINUTE)
    assert (DISCARD, DONE) in stack.journal.said(), "after that it acts"


@pytest.mark.parametrize("restarts", [True, False])
async def test_it_lasts_until_the_evidence_could_be_trusted_once(*, restarts: bool) -> None:
    """At each client: one that is away at first has its own."""
    stack = Stack(always(DISCARD))
    other = stack.add_client("qbt2")
    arr = stack.add_arr("radarr2", client=other)
    stack.stalled(1)
    stack.stalled(2, arr=arr)
    other.away = True
    await stack.start()
    await stack.run(5 * MINUTE, MINUTE)
    if restarts:
        await stack.restart()
    await stack.run(30 * MINUTE, MINUTE)
    assert stack.journal.said() == [(DISCARD, OBSERVED)]
    stack.stalled(3)
    await stack.run(MINUTE)
    assert stack.journal.said(DONE) == [(DISCARD, DONE)], "after that it acts"
    other.away = False
    await stack.run(30 * MINUTE, MINUTE)
    assert stack.journal.said(OBSERVED) == [(DISCARD, OBSERVED)] * 2


async def test_only_the_very_first_evaluation_is_one() -> None:
    stack = Stack(always(DISCARD, gated=False))
    await stack.start()
    await stack.run(15 * MINUTE)
    await stack.restart()
    stack.stalled()
    await stack.run(MINUTE)
    assert stack.journal.said() == [(DISCARD, DONE)]


@pytest.mark.parametrize("before", [OBSERVE, SUGGEST, OFF])
async def test_a_level_that_is_raised_is_used_at_once(before: Autonomy) -> None:
    stack = await running(always(DISCARD), autonomy={"always": before})
    torrent = stack.stalled()
    await stack.run(2 * HOUR)
    stack.autonomy(ACT, "always")
    await stack.run(5 * MINUTE)
    assert quarantined(stack) == [torrent.hash]
    assert [entry.status for entry in stack.journal.entries][-1] is DONE
    assert stack.kernel.suggestions == (), "who is not asked any more has nothing open"


async def test_patience_that_is_shortened_counts_at_once() -> None:
    stack = await running()
    stack.stalled()
    stack.offer()
    await stack.run(3 * HOUR)
    assert stack.entries(act=REPLACE) == []
    [rule] = stack.rules
    stack.kernel.change(stack.kernel.settings.with_policy(rule, {"patience": 2 * 3600}))
    await stack.run(5 * MINUTE)
    assert stack.journal.said()[-1] == (REPLACE, DONE)


async def test_what_was_taken_off_the_list_is_healed() -> None:
    stack = await running(always(DISCARD))
    torrent = stack.stalled()
    stack.desk.protect(torrent.hash, protected=True)
    await stack.run(2 * DAY, HOUR)
    assert stack.journal.entries == []
    stack.desk.protect(torrent.hash, protected=False)
    await stack.run(5 * MINUTE)
    assert quarantined(stack) == [torrent.hash]


# --- whose it is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"category": "cross-seed"}, "another tool's category"),
        ({"tags": frozenset({"Keep"})}, "a tag of a person"),
        ({"forced": True}, "forced"),
        ({"stopped": True}, "stopped by a person"),
    ],
)
@pytest.mark.parametrize("level", [ACT, OBSERVE])
async def test_what_is_claimed_is_never_touched(fields: dict[str, Any], why: str, level: Autonomy) -> None:
    rules = (always(DISCARD, key="discard"), always(LEAVE_QUEUE, key="leave"))
    stack = await running(*rules, autonomy={rule.key: level for rule in rules})
    torrent = stack.stalled(**fields)
    before, queue = torrent.look(), stack.radarr.items()
    await stack.run(3 * DAY, HOUR)
    assert torrent.look() == before, why
    assert stack.radarr.items() == queue
    assert stack.radarr.blocked == []
    assert stack.journal.entries == [], "nor is it said that it would be"


async def test_nobodys_torrent_is_never_touched() -> None:
    stack = await running()
    torrent = stack.stalled()
    torrent.category = "by-hand"  # the *arr lists it no more
    stack.offer()
    await stack.run(3 * DAY, HOUR)
    assert torrent.category == "by-hand"
    assert stack.entries(act=REPLACE) == []


async def test_what_was_grabbed_by_hand_is_only_suggested() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.radarr.download(torrent, 1, source=GrabSource.INTERACTIVE_SEARCH)
    stack.offer()
    await stack.run(DAY, HOUR)
    assert stack.journal.said()[-1] == (REPLACE, SUGGESTED)
    assert quarantined(stack) == []


@pytest.mark.parametrize("tells_hash", [True, False])
async def test_what_it_grabbed_itself_is_not_by_hand(*, tells_hash: bool) -> None:
    stack = await running()
    stack.stalled()
    first = stack.offer(rate=0, tells_hash=tells_hash, weight=0)
    second = stack.offer(hash=digest(2001), title="Newer.1", weight=1)
    await stack.run(7 * HOUR)
    assert stack.radarr.grabs == [first.hash]
    await stack.restart()  # it remembers
    await stack.run(8 * HOUR)
    assert stack.radarr.grabs == [first.hash, second.hash]


@pytest.mark.parametrize(
    ("offer", "seeds"),
    [
        ({"seeders": 3, "tells_hash": True}, 3),
        ({"seeders": 3}, 3),
        ({"seeders": None}, None),
    ],
)
async def test_of_what_it_grabbed_itself_it_knows_how_many_shared_it(offer: dict[str, Any], seeds: int | None) -> None:
    stack = await running()
    stack.stalled()
    other = stack.stalled(2)
    new = stack.offer(rate=0, **offer)
    await stack.run(7 * HOUR)
    await stack.restart()  # it remembers
    await stack.run(HOUR)

    async def grabbed_seeds(torrent_hash: str) -> int | None:
        case = stack.kernel.watch.case(f"qbt/{torrent_hash}", stack.clock.now)
        assert case is not None
        await stack.kernel.judge(stack.rules[0], case, elapsed=HOUR)
        case = stack.kernel.watch.case(f"qbt/{torrent_hash}", stack.clock.now)
        assert case is not None
        assert Look.ORIGIN in case.facts.looked
        return case.facts.grabbed_seeds

    assert await grabbed_seeds(new.hash) == seeds
    assert await grabbed_seeds(other.hash) is None, "that is none of ours"


# --- the gate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shut", ["away", "disconnected", "full", "line"])
async def test_nothing_is_done_while_the_gate_is_shut(shut: str) -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    await stack.run(5 * HOUR)
    match shut:
        case "away":
            stack.qbt.away = True
        case "disconnected":
            stack.qbt.connection = stack.qbt.connection.DISCONNECTED
        case "full":
            stack.qbt.free = 1
        case _:
            stack.qbt.peers, stack.qbt.working_trackers = 0, False
    await stack.run(2 * DAY, 10 * MINUTE)
    assert stack.entries(act=REPLACE) == []
    stack.qbt.away, stack.qbt.free, stack.qbt.peers = False, 800 * GB, 20
    stack.qbt.connection = stack.qbt.connection.CONNECTED
    await stack.run(2 * HOUR)
    assert quarantined(stack) == [torrent.hash], "the hours from before still count"


async def test_a_tracker_that_answers_shows_that_the_line_works() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    stack.qbt.peers = 0
    await stack.run(8 * HOUR)
    assert quarantined(stack) == [torrent.hash]


# --- caps ------------------------------------------------------------------------------------------------------------


async def test_a_rule_that_did_much_stops_and_asks() -> None:
    stack = await running(always(DISCARD), caps=Caps(acts_an_hour=3))
    for number in range(1, 8):
        stack.stalled(number)
    await stack.run(30 * MINUTE)
    assert [entry.status for entry in stack.journal.entries] == [DONE] * 3 + [SUGGESTED] * 4
    assert len(quarantined(stack)) == 3


async def test_harmless_acts_do_not_hide_the_others_from_the_cap() -> None:
    stack = await running(always(DISCARD), caps=Caps(acts_an_hour=2))
    for number in range(1, 4):
        stack.stalled(number)
    await stack.run(5 * MINUTE)
    for entry in stack.journal.entries[:1]:
        for _ in range(300):
            await stack.journal.add(replace(entry, act=REANNOUNCE, changed_at=stack.clock.now, status=DONE))
    await stack.restart()
    stack.stalled(9)
    await stack.run(30 * MINUTE)
    assert len(quarantined(stack)) == 2


async def test_a_restart_buys_no_further_acts() -> None:
    stack = await running(always(DISCARD, gated=False), caps=Caps(acts_an_hour=2))
    stack.memory.write()
    for number in range(1, 9):
        stack.stalled(number)
        stack.crash()
        await stack.start()
        await stack.run(MINUTE)
    assert len(quarantined(stack)) == 2


async def test_the_indexers_are_asked_only_so_often() -> None:
    stack = await running(always(REPLACE), caps=Caps(searches_an_hour=3, acts_an_hour=99))
    for number in range(1, 8):
        stack.stalled(number)
        stack.offer(number)
    await stack.run(55 * MINUTE)
    assert stack.radarr.searches == 3
    await stack.run(HOUR)
    assert stack.radarr.searches == 6
    await stack.run(HOUR)
    assert len(quarantined(stack)) == 7, "nobody is forgotten"


def lacking() -> AnyRule:
    """Return a rule that wants, once, what a pack lacks: all but its first episode."""
    wanted = always(ActKind.FETCH_MISSING, key="pack")

    def judge(case: Case, policy: Patience, elapsed: timedelta) -> Verdict:
        if ActKind.FETCH_MISSING in case.memory.tried:
            return None
        ids = [title.id for title in case.download.claims[0].item.titles[1:]]
        verdict = wanted.judge(case, policy, elapsed)
        return replace(verdict, parameters={"title_ids": ids}) if isinstance(verdict, Proposal) else verdict

    return replace(wanted, judge=judge)


async def packs(*lack: int, **caps: int) -> tuple[Stack, FakeArr]:
    """Return a stack with packs that lack so many episodes, each of which can be had by itself."""
    stack = await running(lacking(), caps=Caps(**caps))
    sonarr = stack.add_arr("sonarr", sonarr=True)
    for pack, count in enumerate(lack, 1):
        ids = range(10 * pack, 10 * pack + count + 1)
        for number in ids:
            sonarr.want(number)
            stack.offer(number, arr=sonarr)
        sonarr.download(FakeTorrent(hash=digest(pack), name=f"Pack.{pack}", have=3 * GB, added=stack.clock.now), *ids)
    return stack, sonarr


async def test_what_a_pack_lacks_is_searched_for_only_so_often() -> None:
    stack, sonarr = await packs(4, 4, searches_an_hour=6)
    await stack.run(55 * MINUTE)
    assert sonarr.searches == 4, "of the six searches two are left, and the other one needs four"
    await stack.run(30 * MINUTE)
    assert (sonarr.searches, len(sonarr.grabs)) == (8, 8), "nobody is forgotten"


async def test_a_pack_gets_no_more_searches_than_an_hour_has() -> None:
    stack, sonarr = await packs(4, searches_an_hour=2)
    await stack.run(3 * HOUR)
    assert (sonarr.searches, len(sonarr.grabs)) == (2, 2)


async def test_where_nothing_may_be_searched_nothing_is_fetched() -> None:
    stack, sonarr = await packs(4, searches_an_hour=0)
    await stack.run(3 * HOUR)
    assert (sonarr.searches, stack.entries(act=ActKind.FETCH_MISSING)) == (0, [])


async def test_searches_for_what_a_pack_lacks_count_after_a_restart() -> None:
    stack, sonarr = await packs(4, 4, searches_an_hour=6)
    await stack.run(10 * MINUTE)
    await stack.restart()
    await stack.run(30 * MINUTE)
    assert sonarr.searches == 4


async def test_a_person_who_agrees_need_not_wait_for_a_search() -> None:
    stack, sonarr = await packs(7, 4, searches_an_hour=1)
    stack.autonomy(SUGGEST, "pack")
    await stack.run(10 * MINUTE)
    for entry in stack.kernel.suggestions:
        await stack.desk.approve(entry.id, "somebody", stack.clock.now)
    assert sonarr.searches == 5 + 4, "five at once are the most"


async def test_crashing_again_and_again_asks_no_indexer_more_often() -> None:
    stack = await running(always(REPLACE, gated=False), caps=Caps(searches_an_hour=2))
    stack.memory.write()
    for number in range(1, 9):
        stack.stalled(number)
        stack.crash()
        await stack.start()
        await stack.run(MINUTE)
    assert stack.radarr.searches == 2


async def test_a_title_that_keeps_failing_is_for_a_person() -> None:
    stack = await running(caps=Caps(failures_of_a_title=3))
    stack.stalled(1)
    for attempt in range(8):
        stack.offer(1, hash=digest(3000 + attempt), title=f"Try.{attempt}", rate=0, tells_hash=True, weight=attempt)
    await stack.run(3 * DAY, 10 * MINUTE)
    replaced = stack.entries(act=REPLACE)
    assert [entry.status for entry in replaced] == [DONE] * 3 + [SUGGESTED]
    await stack.restart()
    assert [entry.id for entry in stack.kernel.suggestions] == [replaced[-1].id]


# --- nothing better --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [{"good": False}, {"seeders": 0}, {"title": "Old.1"}, {"title_ids": frozenset({2})}],
    ids=["rejected", "nobody seeds it", "the same release", "another film"],
)
async def test_without_something_better_it_is_kept(fields: dict[str, Any]) -> None:
    stack = await running()
    stack.radarr.want(2)
    torrent = stack.stalled()
    stack.offer(**fields)
    await stack.run(8 * HOUR)
    assert stack.journal.said()[-1] == (REPLACE, KEPT)
    assert quarantined(stack) == []
    assert torrent.category == "radarr"


async def test_it_is_looked_for_again_later_and_later() -> None:
    stack = await running()
    stack.stalled()
    await stack.run(40 * DAY, HOUR)
    kept = stack.entries(KEPT)
    days = [(after.at - before.at) / DAY for before, after in pairwise(kept)]
    assert [round(each) for each in days] == [1, 2, 4, 7, 7, 7, 7]


async def test_in_vain_for_a_year() -> None:
    """Doubling a time fifty times is more than a time can be."""
    stack = await running()
    stack.stalled()
    await stack.run(300 * DAY, DAY)
    assert len(stack.entries(KEPT)) > 35


async def test_a_search_that_fails_says_nothing_of_the_download() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    stack.radarr.failing["releases"] = Failure
    await stack.run(8 * HOUR)
    assert stack.entries(KEPT) == []
    del stack.radarr.failing["releases"]
    await stack.run(2 * HOUR)
    assert quarantined(stack) == [torrent.hash]


async def test_an_arr_that_fails_to_search_is_asked_less_and_less() -> None:
    """Its indexers may have been asked all the same."""
    stack = await running(always(REPLACE))
    for number in range(1, 11):
        stack.stalled(number)
    before, stack.radarr.losing = stack.radarr.searches, {"releases"}
    await stack.run(6 * HOUR)
    assert 4 <= stack.radarr.searches - before <= 6
    stack.radarr.losing = set()
    await stack.run(8 * HOUR)
    assert len(stack.entries(KEPT)) == 10, "once it works, it works for all"


async def test_an_arr_that_does_not_answer_was_not_asked() -> None:
    stack = await running(always(REPLACE, looks=frozenset()), caps=Caps(searches_an_hour=1))
    torrent = stack.stalled()
    stack.offer()
    changes = stack.look()
    stack.radarr.away = True  # since that look
    await stack.turns.take(stack.world, stack.index, changes, stack.clock.now)
    assert quarantined(stack) == []
    stack.radarr.away = False
    await stack.run(20 * MINUTE)
    assert quarantined(stack) == [torrent.hash], "the one search of this hour was left"


async def test_what_is_blocked_already_is_not_grabbed() -> None:
    stack = await running()
    stack.stalled()
    first, second = stack.offer(weight=0), stack.offer(hash=digest(2), title="Other.1", weight=1)
    record = stack.radarr._follow(first.hash, first.title, [1])
    stack.radarr._fail(record, search_again=False)
    await stack.run(8 * HOUR)
    assert stack.radarr.grabs == [second.hash]


# --- suggestions -----------------------------------------------------------------------------------------------------


async def suggesting(**settings: Any) -> Stack:
    stack = await running(**settings)
    stack.autonomy(SUGGEST)
    stack.stalled()
    stack.offer()
    await stack.run(7 * HOUR)
    assert len(stack.kernel.suggestions) == 1
    return stack


async def test_a_suggestion_is_made_once() -> None:
    stack = await suggesting()
    await stack.run(2 * DAY, 10 * MINUTE)
    assert len(stack.entries(act=REPLACE)) == 1
    assert stack.radarr.searches == 1


async def test_a_suggestion_is_over_when_something_arrives() -> None:
    stack = await suggesting()
    next(iter(stack.qbt.torrents.values())).have += 1
    await stack.turn()
    [entry] = stack.entries(act=REPLACE)
    assert (entry.status, entry.result and entry.result.key) == (EXPIRED, "result.over")
    await stack.run(7 * HOUR)
    assert len(stack.kernel.suggestions) == 1, "in the next spell it is asked again"


@pytest.mark.parametrize("how", ["removed", "imported", "protected", "tagged", "quarantined"])
async def test_a_suggestion_is_over_when_its_download_is(how: str) -> None:
    stack = await suggesting()
    [torrent] = stack.qbt.torrents.values()
    match how:
        case "removed":
            stack.qbt.torrents.clear()
        case "imported":
            torrent.have = torrent.size
            stack.radarr.look_at_downloads()
        case "protected":
            stack.desk.protect(torrent.hash, protected=True)
        case "tagged":
            torrent.tags = frozenset({"keep"})
        case _:
            torrent.category = QUARANTINE
    await stack.turn()
    [entry] = stack.entries(act=REPLACE)
    assert (entry.status, entry.result and entry.result.key) == (EXPIRED, "result.over")


async def test_a_suggestion_waits_while_a_backend_is_away() -> None:
    stack = await suggesting()
    stack.qbt.away = stack.radarr.away = True
    await stack.run(DAY, HOUR)
    await stack.restart()
    await stack.run(HOUR)
    assert len(stack.kernel.suggestions) == 1
    stack.qbt.away = stack.radarr.away = False
    await stack.run(HOUR)
    assert len(stack.kernel.suggestions) == 1


async def test_what_went_while_nobody_looked_is_over() -> None:
    stack = await suggesting()
    stack.qbt.torrents.clear()
    await stack.restart()
    await stack.run(MINUTE)
    assert stack.kernel.suggestions == ()


async def test_unanswered_means_keep() -> None:
    stack = await suggesting()
    await stack.run(4 * DAY, HOUR)
    [entry] = stack.entries(act=REPLACE)
    assert (entry.status, entry.result and entry.result.key) == (EXPIRED, "result.unanswered")
    assert quarantined(stack) == []
    await stack.run(25 * DAY, HOUR)
    assert len(stack.entries(act=REPLACE)) == 1
    await stack.run(7 * DAY, HOUR)
    assert len(stack.entries(act=REPLACE)) == 2


async def test_they_are_shown_in_the_order_in_which_they_were_made() -> None:
    stack = await running(always(DISCARD), autonomy={"always": SUGGEST})
    for number in range(1, 4):
        stack.stalled(number)
        await stack.run(5 * MINUTE)
    made = [entry.id for entry in stack.kernel.suggestions]
    await stack.restart()
    assert [entry.id for entry in stack.kernel.suggestions] == made == sorted(made)


async def test_two_rules_that_want_the_same_ask_once() -> None:
    stack = await running(always(REPLACE, key="one"), always(REPLACE, key="two"), ceiling=SUGGEST)
    stack.stalled()
    stack.offer()
    await stack.run(DAY, HOUR)
    assert len(stack.journal.entries) == 1


async def test_a_question_is_not_followed_by_another() -> None:
    stack = await running(always(DISCARD, key="first", after=2 * HOUR), always(LEAVE_QUEUE), ceiling=SUGGEST)
    stack.stalled()
    await stack.run(DAY, HOUR)
    assert stack.journal.said() == [(LEAVE_QUEUE, SUGGESTED)]


async def test_a_rule_that_only_watches_does_not_hold_up_the_others() -> None:
    stack = await running(always(DISCARD, key="one", default=OBSERVE), always(DISCARD, key="two"))
    torrent = stack.stalled()
    await stack.run(HOUR)
    assert [(entry.rule, entry.status) for entry in stack.journal.entries] == [("one", OBSERVED), ("two", DONE)]
    assert quarantined(stack) == [torrent.hash]


async def test_a_person_is_told_once() -> None:
    stack = await running(always(TELL))
    stack.stalled()
    await stack.run(10 * DAY, HOUR)
    assert stack.journal.said() == [(TELL, DONE)]


# --- what fails ------------------------------------------------------------------------------------------------------


def unseen() -> AnyRule:
    """Return a rule that tells of what one cause does to many."""
    wanted = always(TELL, key="unseen")

    def judge(case: Case, policy: Patience, elapsed: timedelta) -> Verdict:
        verdict = wanted.judge(case, policy, elapsed)
        cause = {CAUSE: f"no_files/{case.download.claims[0].backend_id}"}
        return replace(verdict, parameters=cause) if isinstance(verdict, Proposal) else verdict

    return replace(wanted, judge=judge)


@pytest.mark.parametrize("level", [ACT, OBSERVE])
async def test_what_one_cause_does_to_many_is_told_once(level: Autonomy) -> None:
    stack = await running(unseen())
    stack.autonomy(level, "unseen")
    other = stack.add_arr("radarr4k")
    subjects = {stack.subject(stack.stalled(number)) for number in (1, 2, 3)}
    of_other = stack.subject(stack.stalled(4, arr=other))
    await stack.run(HOUR)
    told = {entry.subject for entry in stack.journal.entries}
    assert len(stack.journal.entries) == 2
    assert of_other in told, "another *arr is another cause"
    [first] = told & subjects
    await stack.restart()
    await stack.run(DAY, HOUR)
    assert len(stack.journal.entries) == 2
    del stack.qbt.torrents[first.partition("/")[2]]
    await stack.run(HOUR)
    [again] = stack.journal.entries[2:]
    assert again.subject in subjects - {first}, "it is over for the first, and not for the others"


async def test_what_failed_is_tried_again_later() -> None:
    stack = await running(always(REANNOUNCE))
    torrent = stack.stalled()
    stack.qbt.failing["reannounce"] = Failure
    await stack.run(10 * MINUTE)
    assert stack.journal.said() == [(REANNOUNCE, FAILED)]
    del stack.qbt.failing["reannounce"]
    await stack.run(FAILED_FOR - 15 * MINUTE)
    assert torrent.announced == 0
    await stack.run(30 * MINUTE)
    assert torrent.announced > 0


async def test_facts_that_nobody_can_tell_now_are_asked_for_again() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    stack.radarr.failing["*"] = Failure
    await stack.run(10 * HOUR)
    assert stack.journal.entries == []
    stack.radarr.failing.clear()
    await stack.run(HOUR)
    assert quarantined(stack) == [torrent.hash]


async def test_a_journal_that_breaks_loses_nobody() -> None:
    stack = await running(always(DISCARD))
    torrents = [stack.stalled(number) for number in range(1, 4)]
    stack.journal.failing["add"] = Failure
    stack.clock.advance(MINUTE)
    with pytest.raises(Failure):
        await stack.turn()
    assert quarantined(stack) == [], "nothing is done that can't be written down first"
    stack.journal.failing.clear()
    await stack.run(HOUR)
    assert quarantined(stack) == sorted(torrent.hash for torrent in torrents)


async def test_one_download_that_breaks_a_rule_does_not_hold_up_the_others() -> None:
    rule = always(DISCARD)
    broken: list[str] = []

    def judge(case: Any, policy: Patience, elapsed: timedelta) -> Any:
        if case.download.key in broken:
            raise ZeroDivisionError
        return rule.judge(case, policy, elapsed)

    stack = await running(replace(rule, judge=judge))
    broken.append(stack.stalled(1).hash)
    others = [stack.stalled(number) for number in range(2, 5)]
    raised = 0
    for _ in range(6):
        stack.clock.advance(5 * MINUTE)
        try:
            await stack.turn()
        except ZeroDivisionError:
            raised += 1
    assert 0 < raised < 6
    assert quarantined(stack) == [torrent.hash for torrent in others]


# --- memory ----------------------------------------------------------------------------------------------------------


async def test_time_that_was_counted_survives_a_restart_and_time_away_counts_for_nothing() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    await stack.run(5 * HOUR)
    await stack.kernel.save(stack.clock.now)
    stack.clock.advance(3 * DAY)
    await stack.start()
    await stack.run(30 * MINUTE)
    assert quarantined(stack) == []
    await stack.run(90 * MINUTE)
    assert quarantined(stack) == [torrent.hash]


async def test_while_the_machine_sleeps_no_time_is_counted() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    await stack.run(25 * MINUTE)
    stack.clock.advance(8 * HOUR)
    await stack.run(MINUTE, MINUTE / 6)
    assert (torrent.announced, quarantined(stack)) == (0, []), "nothing was seen of these hours"
    await stack.run(9 * MINUTE)
    assert torrent.announced == 0, "what its client says has to settle first"
    await stack.run(15 * MINUTE)
    assert torrent.announced == 1
    await stack.run(5 * HOUR + 15 * MINUTE)
    assert quarantined(stack) == []
    await stack.run(25 * MINUTE)
    assert quarantined(stack) == [torrent.hash]


async def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    await stack.run(3 * HOUR)
    stack.clock.advance(-DAY)
    await stack.run(3 * HOUR)
    assert quarantined(stack) == []
    await stack.run(20 * MINUTE)
    assert quarantined(stack) == [torrent.hash]


async def test_what_a_person_refused_is_remembered_through_a_crash() -> None:
    """What was learned is stored every few minutes; what was said is in the journal at once."""
    stack = await suggesting()
    stack.memory.write()
    [entry] = stack.kernel.suggestions
    closed = await stack.desk.reject(entry.id, "somebody", stack.clock.now)
    stack.crash()
    await stack.start()
    await stack.run(10 * DAY, HOUR)
    assert len(stack.entries(act=REPLACE)) == 1
    memory = stack.kernel.watch.memory(entry.subject)
    assert memory is not None
    assert memory.kept_until["stuck"] == closed.changed_at + REJECTED_FOR


async def test_what_was_suggested_is_not_suggested_again_after_a_crash() -> None:
    stack = await running(always(DISCARD), autonomy={"always": SUGGEST})
    stack.stalled()
    stack.memory.write()
    await stack.run(2 * MINUTE, MINUTE)
    assert len(stack.journal.entries) == 1
    stack.crash()
    await stack.start()
    await stack.run(2 * HOUR)
    assert len(stack.journal.entries) == 1


async def test_a_search_in_vain_is_remembered_through_a_crash() -> None:
    stack = await running(always(REPLACE))
    stack.stalled()
    stack.memory.write()
    await stack.run(2 * MINUTE, MINUTE)
    stack.crash()
    await stack.start()
    await stack.run(20 * HOUR, HOUR)
    assert stack.radarr.searches == 1


async def test_a_no_outlives_that_its_arr_restarts() -> None:
    """A finished download that nobody waits for is not watched; an *arr that starts waits for nothing for a minute."""
    stack = await running(always(DISCARD), autonomy={"always": SUGGEST})
    torrent = stack.stalled(have=4 * GB)
    stack.radarr.records[torrent.hash].tracked = stack.radarr.records[torrent.hash].tracked.IMPORT_BLOCKED
    await stack.run(HOUR)
    [entry] = stack.kernel.suggestions
    await stack.desk.reject(entry.id, "somebody", stack.clock.now)
    stack.radarr.restarting = True
    await stack.run(5 * MINUTE)
    stack.radarr.restarting = False
    await stack.run(DAY, HOUR)
    assert len(stack.journal.entries) == 1


async def test_a_client_that_is_read_before_its_arr_loses_no_memory() -> None:
    stack = await running(always(DISCARD), autonomy={"always": SUGGEST})
    torrent = stack.stalled(have=4 * GB)
    stack.radarr.records[torrent.hash].tracked = stack.radarr.records[torrent.hash].tracked.IMPORT_BLOCKED
    await stack.run(HOUR)
    [entry] = stack.kernel.suggestions
    await stack.desk.reject(entry.id, "somebody", stack.clock.now)
    await stack.kernel.save(stack.clock.now)
    stack.radarr.away, stack.radarr._snapshot, known = True, None, stack.radarr.restarting
    stack.radarr.restarting = True
    await stack.start()
    await stack.run(10 * MINUTE)
    stack.radarr.away, stack.radarr.restarting = False, known
    await stack.run(DAY, HOUR)
    assert len(stack.journal.entries) == 1


async def test_what_is_gone_is_forgotten_also_in_the_store() -> None:
    stack = await running()
    torrents = [stack.stalled(number) for number in range(1, 4)]
    await stack.run(HOUR)
    del stack.qbt.torrents[torrents[0].hash]
    await stack.run(HOUR)
    await stack.kernel.save(stack.clock.now)
    assert stack.subject(torrents[0]) not in stack.memory.stored
    del stack.qbt.torrents[torrents[1].hash]  # while nobody looks
    await stack.start()
    await stack.run(10 * MINUTE)
    await stack.restart()
    downloads = {subject for subject in stack.memory.stored if "/" in subject}
    assert downloads == {stack.subject(torrents[2])}


async def test_old_failures_of_titles_are_forgotten() -> None:
    stack = await running(always(DISCARD))
    stack.stalled()
    await stack.run(HOUR)
    await stack.restart()
    assert any(subject.startswith("title:") for subject in stack.memory.stored)
    await stack.run(31 * DAY, 12 * HOUR)
    await stack.restart()
    await stack.restart()
    assert not any(subject.startswith("title:") for subject in stack.memory.stored)


async def test_memory_that_nobody_can_read_is_learned_anew() -> None:
    stack = await running()
    torrent = stack.stalled()
    await stack.run(HOUR)
    await stack.kernel.save(stack.clock.now)
    stack.memory.stored[stack.subject(torrent)] = '{"clocks": {"stuck": 7}}'
    await stack.start()
    await stack.run(HOUR)
    assert stack.kernel.watch.memory(stack.subject(torrent)) is not None


# --- the journal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [REPLACE, DISCARD, LEAVE_QUEUE])
async def test_it_is_written_down_before_anything_is_touched(act: ActKind) -> None:
    stack = await running(always(act))
    stack.stalled()
    stack.offer()
    stack.fate.recording = True
    await stack.run(HOUR)
    changing = {"radarr.grab", "qbt.add_tags", "qbt.stop", "qbt.set_category", "radarr.remove_queue_items"}
    calls = [call for call in stack.fate.calls if call in changing | {"journal.add", "journal.change"}]
    assert calls[0] == "journal.add"
    assert calls.index("journal.change") > max(calls.index(call) for call in changing.intersection(calls))
    assert [version.status for version in stack.journal.written][:2] == [EntryStatus.RUNNING, DONE]
    assert all(entry.actor == AUTOPILOT for entry in stack.journal.entries)


async def test_listeners_hear_of_every_entry() -> None:
    stack = await running(always(DISCARD))
    stack.stalled()
    await stack.run(HOUR)
    assert [(entry.id, entry.status) for entry in stack.told] == [(1, EntryStatus.RUNNING), (1, DONE)]


async def test_what_was_taken_away_is_forgotten_though_nobody_could_be_told() -> None:
    stack = await running(always(DISCARD, ceiling=SUGGEST))
    torrents = [stack.stalled(number) for number in range(1, 5)]
    await stack.run(30 * MINUTE)
    assert len(stack.kernel.suggestions) == 4
    for torrent in torrents:
        del stack.qbt.torrents[torrent.hash]
    stack.journal.failing["add"] = Failure
    stack.clock.advance(MINUTE)
    with pytest.raises(Failure):
        await stack.turn()
    stack.journal.failing.clear()
    await stack.run(5 * MINUTE)
    assert (len(stack.kernel.watch), stack.kernel.suggestions) == (0, ())
    assert stack.journal.entries[-1].rule == "other_tool", "and it is told as soon as it can be"


async def test_what_a_client_does_not_list_while_it_is_away_nobody_took() -> None:
    stack = await running()
    for number in range(1, 5):
        stack.stalled(number)
    await stack.run(MINUTE)
    stack.qbt.torrents.clear()
    stack.qbt.away, stack.qbt._snapshot = True, None  # it was set up anew, and not read yet
    await stack.run(MINUTE)
    assert stack.journal.entries == []


async def test_other_tools_are_noticed() -> None:
    stack = await running()
    for number in range(1, 5):
        stack.stalled(number)
    await stack.run(MINUTE)
    for number in range(1, 4):
        del stack.qbt.torrents[digest(number)]
    await stack.run(MINUTE)
    assert [entry.reason.key for entry in stack.journal.entries] == ["heal.other_tool"]
    for number in range(11, 15):
        stack.stalled(number)
    await stack.restart()
    await stack.run(MINUTE)
    for number in range(11, 15):
        del stack.qbt.torrents[digest(number)]
    await stack.run(MINUTE)
    assert len(stack.journal.entries) == 1, "that was said lately"
