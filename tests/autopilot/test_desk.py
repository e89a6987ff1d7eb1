"""The desk: what people ask of the autopilot, and what they are told when it can't be."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from custom_components.sokoul.autopilot.desk import NotPossible
from custom_components.sokoul.autopilot.observe import AnyRule
from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.settings import Caps, PilotSettings
from custom_components.sokoul.model.journal import AUTOMATION, AUTOPILOT, ActKind, Autonomy, EntryStatus
from custom_components.sokoul.model.releases import GrabSource

from .fakes import GB, Failure, FakeTorrent, digest
from .stack import DAY, HOUR, MINUTE, Stack, always

SUGGEST, ACT = Autonomy.SUGGEST, Autonomy.ACT
DONE, FAILED, REJECTED = EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.REJECTED
REPLACE, DISCARD, REANNOUNCE = ActKind.REPLACE, ActKind.DISCARD, ActKind.REANNOUNCE


async def running(*rules: AnyRule, **settings: Any) -> Stack:
    stack = Stack(*rules, settings=PilotSettings(**settings))
    stack.radarr.want(900)
    await stack.start()
    await stack.run(20 * MINUTE)
    return stack


async def asked(*rules: AnyRule, **settings: Any) -> tuple[Stack, FakeTorrent, int]:
    """Return a stack that asks about a download, and the number of its question."""
    stack = await running(*rules or (always(REPLACE),), ceiling=SUGGEST, **settings)
    torrent = stack.stalled()
    stack.offer()
    await stack.run(MINUTE)
    [entry] = stack.kernel.suggestions
    return stack, torrent, entry.id


async def refused(asking: Awaitable[object]) -> str:
    with pytest.raises(NotPossible) as raised:
        await asking
    return raised.value.reason.key


# --- approving -------------------------------------------------------------------------------------------------------


async def test_approve() -> None:
    stack, torrent, number = await asked()
    entry = await stack.desk.approve(number, "somebody", stack.clock.now)
    assert (entry.id, entry.status, entry.actor) == (number, DONE, "somebody")
    assert torrent.category == QUARANTINE
    assert stack.radarr.grabs == [digest(1001)]
    assert stack.kernel.suggestions == ()
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == "result.not_asked"


async def test_what_was_agreed_to_is_grabbed_though_something_better_came() -> None:
    stack, _, number = await asked()
    stack.offer(hash=digest(5), title="Better.1", weight=-1)
    await stack.desk.approve(number, "somebody", stack.clock.now)
    assert stack.radarr.grabs == [digest(1001)]


@pytest.mark.parametrize("change", ["moved", "stopped", "forced", "gone", "imported"])
async def test_what_is_not_as_it_was_is_not_done(change: str) -> None:
    stack, torrent, number = await asked(always(REPLACE, ends_with_progress=True))
    match change:
        case "moved":
            torrent.have += 1
        case "stopped":
            torrent.stopped = True
        case "forced":
            torrent.forced = True
        case "gone":
            stack.qbt.torrents.clear()
        case _:
            torrent.have = torrent.size
            stack.radarr.look_at_downloads()
    why = await refused(stack.desk.approve(number, "somebody", stack.clock.now))
    assert why in {"result.moves_again", "result.in_hand", "result.over"}
    assert (torrent.category, stack.radarr.grabs) == ("radarr", [])
    assert stack.entries(FAILED) != []


async def test_what_is_no_longer_watched_is_over() -> None:
    stack, torrent, number = await asked()
    del stack.qbt.torrents[torrent.hash]
    stack.kernel.watch.forget(stack.subject(torrent))
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == "result.over"
    assert stack.kernel.suggestions == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tags": frozenset({"keep"})}, "claimed.label"),
        ({"forced": True}, "claimed.forced"),
    ],
)
async def test_what_was_claimed_meanwhile_is_left_alone(change: dict[str, Any], why: str) -> None:
    stack, torrent, number = await asked()
    for name, value in change.items():
        setattr(torrent, name, value)
    for _ in stack.kernel.watch.follow(stack.world, stack.index, stack.look(), stack.clock.now):
        pass
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == why
    assert torrent.category == "radarr"


async def test_nothing_is_approved_while_the_gate_is_shut() -> None:
    stack, torrent, number = await asked()
    stack.qbt.connection = stack.qbt.connection.DISCONNECTED
    await stack.run(MINUTE)
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == "gate.client_disconnected"
    assert (torrent.category, stack.radarr.grabs) == ("radarr", [])
    stack.qbt.connection = stack.qbt.connection.CONNECTED
    await stack.run(MINUTE)
    assert (await stack.desk.approve(number, "somebody", stack.clock.now)).status is DONE


async def test_without_anything_better_it_is_kept() -> None:
    stack, torrent, number = await asked()
    stack.radarr.offers.clear()
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == "result.no_alternative"
    assert stack.journal.entries[-1].status is EntryStatus.KEPT
    assert torrent.category == "radarr"


async def test_a_search_that_failed_leaves_the_question_open() -> None:
    stack, _, number = await asked()
    stack.radarr.failing["releases"] = Failure
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == "result.backend_error"
    stack.radarr.away = True
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == "result.unreachable"
    stack.radarr.away, stack.radarr.failing = False, {}
    assert (await stack.desk.approve(number, "somebody", stack.clock.now)).status is DONE


async def test_approved_half_way() -> None:
    stack, torrent, number = await asked()
    stack.qbt.failing["add_tags"] = Failure
    entry = await stack.desk.approve(number, "somebody", stack.clock.now)
    assert entry.status is EntryStatus.RUNNING
    assert await refused(stack.desk.approve(number, "somebody", stack.clock.now)) == "result.not_asked"
    assert await refused(stack.desk.heal(stack.subject(torrent), "x", stack.clock.now)) == "result.under_way"
    stack.qbt.failing.clear()
    await stack.run(5 * MINUTE)
    assert (torrent.category, len(stack.radarr.grabs)) == (QUARANTINE, 1)


# --- rejecting -------------------------------------------------------------------------------------------------------


async def test_reject() -> None:
    stack, torrent, number = await asked()
    entry = await stack.desk.reject(number, "somebody", stack.clock.now)
    assert (entry.status, entry.actor, entry.result and entry.result.key) == (REJECTED, "somebody", "result.rejected")
    await stack.run(29 * DAY, 12 * HOUR)
    assert len(stack.journal.entries) == 1
    await stack.run(2 * DAY, 12 * HOUR)
    assert len(stack.journal.entries) == 2, "after a month it may ask again"
    assert torrent.category == "radarr"


async def test_never() -> None:
    stack, torrent, number = await asked()
    await stack.desk.reject(number, "somebody", stack.clock.now, never=True)
    assert stack.settings.protected == {torrent.hash}
    await stack.run(60 * DAY, DAY)
    assert len(stack.journal.entries) == 1


async def test_reject_what_nobody_asks() -> None:
    stack, _, number = await asked()
    assert await refused(stack.desk.reject(number + 1, "somebody", stack.clock.now)) == "result.not_asked"


# --- taking back -----------------------------------------------------------------------------------------------------


async def test_a_rule_that_was_wrong_asks_from_now_on() -> None:
    stack = await running(always(DISCARD))
    torrent = stack.stalled()
    await stack.run(MINUTE)
    await stack.desk.undo(1, "somebody", stack.clock.now)
    assert stack.settings.autonomy == {"always": SUGGEST}
    assert torrent.category == "radarr"
    await stack.run(2 * DAY, HOUR)
    assert torrent.category == "radarr", "it is left in peace"


async def test_what_a_person_approved_demotes_nobody() -> None:
    stack, _, number = await asked()
    await stack.desk.approve(number, "somebody", stack.clock.now)
    await stack.desk.undo(number, "somebody", stack.clock.now)
    assert stack.settings.autonomy == {}


async def test_what_was_taken_back_outlives_a_crash() -> None:
    stack = await running(always(DISCARD))
    torrent = stack.stalled()
    await stack.run(MINUTE)
    stack.memory.write()
    await stack.desk.undo(1, "somebody", stack.clock.now)
    stack.autonomy(ACT, "always")  # somebody trusts it again
    stack.crash()
    await stack.start()
    await stack.run(2 * DAY, HOUR)
    assert torrent.category == "radarr"
    memory = stack.kernel.watch.memory(stack.subject(torrent))
    assert memory is not None
    assert memory.restored_from == ("radarr",)


@pytest.mark.parametrize("act", [ActKind.LEAVE_QUEUE, REANNOUNCE])
async def test_what_can_not_be_taken_back_says_so(act: ActKind) -> None:
    stack = await running(always(act))
    stack.stalled()
    await stack.run(MINUTE, MINUTE)
    assert await refused(stack.desk.undo(1, "somebody", stack.clock.now)) == "result.cannot_undo"
    assert await refused(stack.desk.undo(77, "somebody", stack.clock.now)) == "result.cannot_undo"


async def test_it_is_taken_back_once() -> None:
    stack = await running(always(DISCARD))
    stack.stalled()
    await stack.run(MINUTE)
    await stack.desk.undo(1, "somebody", stack.clock.now)
    assert await refused(stack.desk.undo(1, "somebody", stack.clock.now)) == "result.cannot_undo"


async def test_after_its_time_it_can_not_be_taken_back() -> None:
    stack = await running(always(DISCARD))
    stack.stalled()
    await stack.run(2 * DAY, HOUR)
    assert await refused(stack.desk.undo(1, "somebody", stack.clock.now)) == "result.cannot_undo"


# --- healing now -----------------------------------------------------------------------------------------------------


async def test_heal_one_has_waited_long_enough() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    await stack.run(15 * MINUTE)
    remedies = await stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now)
    assert [(each.proposal.act, each.entry and each.entry.status) for each in remedies] == [
        (REANNOUNCE, DONE),
        (REPLACE, DONE),
    ]
    assert all(entry.actor == "somebody" for entry in stack.journal.entries)
    assert torrent.category == QUARANTINE


async def test_a_dry_run_touches_and_writes_nothing() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    await stack.run(15 * MINUTE)
    before = torrent.look()
    remedies = await stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now, dry_run=True)
    assert [(each.label, each.proposal.act, each.entry) for each in remedies] == [("Movie 1 (2025)", REANNOUNCE, None)]
    assert (torrent.look(), stack.journal.entries) == (before, [])


async def test_what_makes_progress_is_not_healed_of_making_none() -> None:
    """Who asks has waited long enough, but nobody has waited if something came a minute ago."""
    stack = await running()
    torrent = stack.stalled(rate=10**5)
    stack.offer()
    await stack.run(HOUR)
    assert await stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now) == []
    assert (torrent.category, stack.radarr.grabs) == ("radarr", [])


async def test_heal_one_that_was_grabbed_by_hand() -> None:
    """The person who asks decides."""
    stack = await running()
    torrent = stack.stalled()
    stack.radarr.download(torrent, 1, source=GrabSource.INTERACTIVE_SEARCH)
    stack.offer()
    await stack.run(15 * MINUTE)
    await stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now)
    assert torrent.category == QUARANTINE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tags": frozenset({"keep"})}, "claimed.label"),
        ({"forced": True}, "claimed.forced"),
        ({"category": "mine"}, "claimed.nobody"),
    ],
)
async def test_heal_not_what_is_claimed(change: dict[str, Any], why: str) -> None:
    stack = await running()
    torrent = stack.stalled(**change)
    stack.offer()
    await stack.run(15 * MINUTE)
    assert await refused(stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now)) == why


async def test_heal_nothing_through_a_shut_gate() -> None:
    stack = await running()
    torrent = stack.stalled()
    stack.offer()
    await stack.run(15 * MINUTE)
    stack.qbt.away = True
    await stack.run(MINUTE)
    why = await refused(stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now))
    assert why == "gate.client_unavailable"


async def test_heal_what_nobody_can_look_up() -> None:
    stack = await running()
    torrent = stack.stalled()
    await stack.run(15 * MINUTE)
    stack.radarr.failing["*"] = Failure
    assert await refused(stack.desk.heal(stack.subject(torrent), "x", stack.clock.now)) == "result.not_known"


async def test_heal_what_is_not_there() -> None:
    stack = await running()
    assert await refused(stack.desk.heal("qbt/none", "somebody", stack.clock.now)) == "result.nothing_wrong"


async def test_heal_uses_no_rule_that_is_off() -> None:
    stack = await running(autonomy={"stuck": Autonomy.OFF})
    torrent = stack.stalled()
    stack.offer()
    await stack.run(8 * HOUR)
    assert await stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now) == []


async def test_heal_all_does_what_is_due() -> None:
    stack = await running(autonomy={"stuck": Autonomy.OBSERVE})
    due = [stack.stalled(number) for number in (1, 2)]
    for number in (1, 2, 3):
        stack.offer(number)
    await stack.run(7 * HOUR)
    young = stack.stalled(3)
    await stack.run(20 * MINUTE)
    remedies = await stack.desk.heal(None, AUTOMATION, stack.clock.now)
    assert {each.subject for each in remedies} == {stack.subject(each) for each in due}
    assert [each.category for each in (*due, young)] == [QUARANTINE, QUARANTINE, "radarr"]


async def test_heal_all_has_the_same_limits_as_the_rules() -> None:
    caps = Caps(acts_an_hour=2, searches_an_hour=4)
    stack = await running(always(REPLACE), ceiling=Autonomy.OBSERVE, caps=caps)
    for number in range(1, 10):
        stack.stalled(number)
        stack.offer(number)
    await stack.run(10 * MINUTE)
    before = stack.radarr.searches
    for _ in range(3):
        await stack.desk.heal(None, AUTOMATION, stack.clock.now)
    assert stack.radarr.searches - before <= 4
    assert sum(torrent.category == QUARANTINE for torrent in stack.qbt.torrents.values()) == 2
    await stack.desk.heal(stack.subject(stack.qbt.torrents[digest(9)]), "somebody", stack.clock.now)
    assert stack.qbt.torrents[digest(9)].category == QUARANTINE, "who names one gets it"


async def test_heal_all_lets_others_have_their_turn() -> None:
    stack = await running(always(REPLACE), ceiling=Autonomy.OBSERVE)
    for number in range(1, 4):
        stack.stalled(number)
        stack.offer(number)
    await stack.run(10 * MINUTE)
    order: list[str] = []
    waiting: list[asyncio.Task[None]] = []
    searching = stack.radarr.releases

    async def person() -> None:
        async with stack.kernel.alone():
            order.append("person")

    async def slow(title: Any) -> Any:
        order.append("search")
        if len(order) == 1:
            waiting.append(asyncio.create_task(person()))
        await asyncio.sleep(0)
        return await searching(title)

    stack.radarr.releases = slow  # type: ignore[method-assign]
    await stack.desk.heal(None, AUTOMATION, stack.clock.now)
    await asyncio.gather(*waiting)
    assert order[:3] == ["search", "person", "search"]


@pytest.mark.parametrize("wanted_left", ["rejected", "by hand", "protected", "taken back"])
async def test_heal_all_leaves_in_peace_what_a_person_wants_left(wanted_left: str) -> None:
    stack, torrent, number = await asked()
    match wanted_left:
        case "rejected":
            await stack.desk.reject(number, "somebody", stack.clock.now)
        case "by hand":
            stack.radarr.download(torrent, 1, source=GrabSource.INTERACTIVE_SEARCH)
            await stack.run(7 * HOUR)  # what was looked up is looked up again
        case "protected":
            stack.desk.protect(torrent.hash, protected=True)
        case _:
            await stack.desk.approve(number, "somebody", stack.clock.now)
            await stack.desk.undo(number, "somebody", stack.clock.now)
    await stack.run(HOUR)
    await stack.desk.heal(None, AUTOMATION, stack.clock.now)
    assert torrent.category == "radarr"


async def test_heal_all_tells_nobody_anything_twice() -> None:
    stack = await running(always(ActKind.TELL))
    stack.stalled()
    await stack.run(HOUR)
    await stack.desk.heal(None, AUTOMATION, stack.clock.now)
    assert len(stack.journal.entries) == 1


async def test_a_rung_is_climbed_once_however_often_one_asks() -> None:
    stack = await running()
    torrent = stack.stalled()
    await stack.run(15 * MINUTE)
    for _ in range(3):
        await stack.desk.heal(stack.subject(torrent), "somebody", stack.clock.now)
    assert torrent.announced == 1
    assert [entry.status for entry in stack.entries(act=REPLACE)] == [EntryStatus.KEPT] * 3


# --- promoting -------------------------------------------------------------------------------------------------------


async def answers(stack: Stack, *statuses: EntryStatus, actor: str = "somebody") -> None:
    """Let there have been other suggestions of the same rule."""
    for status in statuses:
        await stack.journal.add(replace(stack.journal.entries[0], status=status, actor=actor))


async def test_after_five_right_suggestions_in_a_row_it_may_act_alone() -> None:
    stack, _, number = await asked()
    [rule] = stack.rules
    await stack.desk.approve(number, "somebody", stack.clock.now)
    await answers(stack, *[DONE] * 3)
    assert not await stack.desk.may_act_alone(rule)
    await answers(stack, DONE)
    assert await stack.desk.may_act_alone(rule)
    await answers(stack, DONE, DONE, actor=AUTOPILOT)
    assert await stack.desk.may_act_alone(rule), "what it did or told by itself was no question"
    await answers(stack, REJECTED)
    assert not await stack.desk.may_act_alone(rule)


async def test_one_that_was_taken_back_was_wrong() -> None:
    stack, _, number = await asked()
    await stack.desk.approve(number, "somebody", stack.clock.now)
    await answers(stack, EntryStatus.UNDONE, *[DONE] * 4)
    assert not await stack.desk.may_act_alone(stack.rules[0])


async def test_who_acts_already_is_not_promoted() -> None:
    stack, _, number = await asked()
    await stack.desk.approve(number, "somebody", stack.clock.now)
    await answers(stack, *[DONE] * 9)
    stack.set(ceiling=ACT)
    assert not await stack.desk.may_act_alone(stack.rules[0])


# --- one thing at a time ---------------------------------------------------------------------------------------------


async def test_a_person_waits_for_one_search_at_most() -> None:
    """A round may take many minutes; between two downloads whoever waits has their turn."""
    stack = await running(always(REPLACE), caps=Caps(searches_an_hour=99, acts_an_hour=99))
    for number in range(1, 6):
        stack.stalled(number)
        stack.offer(number)
    stack.clock.advance(MINUTE)
    changes = stack.look()
    order: list[str] = []

    async def person() -> None:
        async with stack.kernel.alone():
            order.append("person")

    searching = stack.radarr.releases

    async def slow(title: Any) -> Any:
        order.append("search")
        if len(order) == 1:
            waiting.append(asyncio.create_task(person()))
        await asyncio.sleep(0)
        return await searching(title)

    waiting: list[asyncio.Task[None]] = []
    stack.radarr.releases = slow  # type: ignore[method-assign]
    await stack.turns.take(stack.world, stack.index, changes, stack.clock.now)
    await asyncio.gather(*waiting)
    assert order[:3] == ["search", "person", "search"]


async def test_protecting() -> None:
    stack = await running()
    assert stack.desk.protect("abc", protected=True).protected == {"abc"}
    assert stack.settings.protected == {"abc"}
    assert stack.desk.protect("abc", protected=False).protected == frozenset()


async def test_a_size_that_shrinks_is_no_progress() -> None:
    stack = await running()
    torrent = stack.stalled(have=2 * GB)
    stack.offer()
    await stack.run(6 * HOUR)
    torrent.have = GB  # checked: less of it was right
    await stack.run(HOUR)
    assert torrent.category == QUARANTINE
