"""What was tried at Real-Debrid: kept in order, one failure a kind and one retry a torrent."""

from dataclasses import replace
from datetime import timedelta

from custom_components.sokoul.model.debrid_mirror import DebridAttempt, DebridFailure, DebridRetry
from custom_components.sokoul.store import Store

from .make import NOW
from .torrents import ACCOUNT

HOUR = timedelta(hours=1)
ATTEMPT = DebridAttempt(hash="aa", torrent_id="T1", at=NOW, act="add_again", outcome="added", detail={"new": "T2"})
FAILURE = DebridFailure(hash="aa", kind="dead", torrent_id="T1", name="A\0film", first_at=NOW, last_at=NOW)
RETRY = DebridRetry(hash="aa", torrent_id="T1", due_at=NOW, reason="dead", state={"step": "added", "id": "T2"})


async def test_attempts_are_told_newest_first(store: Store) -> None:
    history = store.debrid_history
    others = [replace(ATTEMPT, hash=each, at=NOW + HOUR * number) for number, each in enumerate("bca")]
    noted = await history.note_attempts(ACCOUNT, [ATTEMPT, *others])
    assert [each.id for each in noted] == sorted({each.id for each in noted})
    assert [replace(each, id=0) for each in noted] == [ATTEMPT, *others]
    assert await history.attempts(ACCOUNT) == [noted[3], noted[2], noted[1], noted[0]]
    assert await history.attempts(ACCOUNT, ["aa", "c"]) == [noted[2], noted[0]]
    assert await history.attempts(ACCOUNT, limit=1) == [noted[3]]
    assert await history.attempts("another") == []


async def test_attempts_of_one_torrent_leave_room_for_those_of_others(store: Store) -> None:
    history = store.debrid_history
    often = [replace(ATTEMPT, at=NOW + HOUR * number) for number in range(30)]
    once = replace(ATTEMPT, hash="b\0b", at=NOW - HOUR)
    noted = await history.note_attempts(ACCOUNT, [*often, once, replace(ATTEMPT, hash="c"), replace(often[-1])])
    await history.note_attempts("another", [ATTEMPT])
    found = await history.attempts_of_each(ACCOUNT, ["b\0b", "aa", "aa"], 3)
    assert found == [noted[32], noted[29], noted[28], replace(noted[30], hash="b\ufffdb")]
    assert await history.attempts_of_each(ACCOUNT, (), 3) == []
    many = [str(number) for number in range(600)]
    noted = await history.note_attempts(ACCOUNT, [replace(ATTEMPT, hash=each) for each in many])
    assert {each.id for each in await history.attempts_of_each(ACCOUNT, many, 1)} == {each.id for each in noted}


async def test_what_is_final_of_a_torrent_is_found_however_much_is_wrong_with_it(store: Store) -> None:
    history = store.debrid_history
    later = [replace(FAILURE, kind=f"{number:02}", last_at=NOW + HOUR * number) for number in range(5)]
    final, other = replace(FAILURE, kind="dead", final=True), replace(FAILURE, hash="b", last_at=NOW - HOUR)
    await history.keep_failures(ACCOUNT, [*later, final, other])
    kinds = [(each.hash, each.kind, each.final) for each in await history.failures_of_each(ACCOUNT, ["aa", "b"], 2)]
    assert kinds == [("aa", "dead", True), ("aa", "04", False), ("b", "dead", False)]


async def test_many_attempts_get_their_own_ids(store: Store) -> None:
    many = [replace(ATTEMPT, hash=str(number)) for number in range(1_200)]
    noted = await store.debrid_history.note_attempts(ACCOUNT, many)
    assert len({each.id for each in noted}) == 1_200
    found = {each.hash: each.id for each in await store.debrid_history.attempts(ACCOUNT, limit=2_000)}
    assert found == {each.hash: each.id for each in noted}


async def test_a_failure_is_one_for_each_kind(store: Store) -> None:
    history = store.debrid_history
    await history.keep_failures(ACCOUNT, [FAILURE, replace(FAILURE, kind="virus", last_at=NOW + HOUR)])
    again = replace(FAILURE, times=2, last_at=NOW + 2 * HOUR, final=True, code=35, name="Film", source="rdtm")
    await history.keep_failures(ACCOUNT, [again])
    virus = replace(FAILURE, kind="virus", last_at=NOW + HOUR, name="A\ufffdfilm")
    assert await history.failures(ACCOUNT) == [again, virus]
    assert await history.failures(ACCOUNT, final=True) == [again]
    assert await history.failures(ACCOUNT, final=False) == [virus]


async def test_retries_come_by_priority_and_then_by_when_they_are_due(store: Store) -> None:
    history = store.debrid_history
    late = replace(RETRY, hash="late", due_at=NOW + HOUR)
    first = replace(RETRY, hash="first", due_at=NOW + HOUR / 2, priority=-1)
    await history.keep_retries(ACCOUNT, [late, RETRY, first])
    assert await history.retries(ACCOUNT) == [first, RETRY, late]
    assert await history.retries(ACCOUNT, due_before=NOW) == [RETRY]
    moved = replace(RETRY, tries=1, due_at=NOW + 3 * HOUR, state={"step": "verified"})
    await history.keep_retries(ACCOUNT, [moved])
    assert await history.retries(ACCOUNT) == [first, late, moved]
    assert await history.retries(ACCOUNT, hashes=["aa"]) == [moved]
    await history.forget_retries(ACCOUNT, ["aa", "late"])
    assert await history.retries(ACCOUNT) == [first]


async def test_clearing_the_mirror_keeps_the_history(store: Store) -> None:
    history = store.debrid_history
    repair = DebridRetry(hash="aa", torrent_id="T", due_at=NOW)
    await history.keep_retries(ACCOUNT, [repair])
    await history.keep_failures(ACCOUNT, [FAILURE])
    await history.keep_metrics(ACCOUNT, NOW, {"torrents": 5})
    await history.keep_metrics(ACCOUNT, NOW, {"torrents": 6})
    await store.mirror.clear(ACCOUNT)
    assert len(await history.failures(ACCOUNT)) == 1
    assert await history.metrics(ACCOUNT, NOW) == [(NOW, "torrents", 6)]
    await store.mirror.clear(ACCOUNT, history=True)
    assert await history.failures(ACCOUNT) == []
    assert await history.metrics(ACCOUNT, NOW) == []
    assert await history.retries(ACCOUNT) == [repair], "limits go by it"
