"""Repairs in a real database: what was noted is there after a restart, and nothing else is needed to go on."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, strategies as st

from custom_components.sokoul.debrid.repair_notes import StoredRepairs, repair_as_json, repair_from_json
from custom_components.sokoul.debrid.repairing import Repairer
from custom_components.sokoul.debrid.retrying import AccountPause, Choice, Ending, Repair, Step, Urgency, WantedFile
from custom_components.sokoul.debrid.rivals import Sighting
from custom_components.sokoul.model.debrid import DebridCode
from custom_components.sokoul.store import Store
from tests.debrid.repair_account import DOWNLOADED, ERROR, START, Bench, Hands, info_hash, repair

MOMENTS = st.datetimes(START.replace(tzinfo=None)).map(lambda moment: moment.replace(tzinfo=START.tzinfo))
FILES = st.builds(WantedFile, path=st.text(), size_bytes=st.integers(0, 2**60))


@given(
    st.builds(
        Repair,
        hash=st.just("0" * 40),
        created_at=MOMENTS,
        due_at=MOMENTS,
        added_at=st.none() | MOMENTS,
        added_before=st.none() | MOMENTS,
        progress_at=st.none() | MOMENTS,
        ended_at=st.none() | MOMENTS,
        wanted=st.none() | st.lists(FILES).map(tuple),
        old_ids=st.lists(st.text()).map(tuple),
        bad_ids=st.lists(st.text()).map(tuple),
        known_ids=st.lists(st.text()).map(tuple),
        our_ids=st.lists(st.text()).map(tuple),
        progress=st.floats(0, 100),
        choice=st.sampled_from(Choice),
        words=st.lists(st.text()).map(tuple),
        told=st.text(),
    )
)
def test_there_and_back(noted: Repair) -> None:
    assert repair_from_json(noted.hash, repair_as_json(noted)) == noted


def test_what_an_older_version_noted_is_read() -> None:
    noted = repair(1, START)
    stored = {name: value for name, value in repair_as_json(noted).items() if name not in {"choice", "words", "told"}}
    assert repair_from_json(noted.hash, stored) == noted
    ended = replace(noted, step=Step.DONE)
    assert repair_from_json(ended.hash, repair_as_json(ended)).ended_at == ended.due_at


async def test_in_the_database(store: Store) -> None:
    full = repair(
        1,
        START,
        step=Step.ADDING,
        urgency=Urgency.LINKED,
        wanted=(WantedFile(path="/Am\u00e9lie.mkv", size_bytes=7),),
        ending=Ending.REFUSED,
        known_ids=("A", "B"),
        added_at=START + timedelta(microseconds=1),
        choice=Choice.NAMES,
        words=("S01E02",),
        told="by somebody",
    )
    notes = StoredRepairs("home", store.debrid_history, lambda: START)
    pause = AccountPause(until=START, times=3, why="fair_usage_limit", throttled_at=START)
    seen = (Sighting(hash="h", id="1", at=START),)
    await notes.save(full)
    await notes.save(repair(2, START))
    await notes.save_pause(pause)
    await notes.save_sightings(seen)
    again = StoredRepairs("home", store.debrid_history, lambda: START)
    assert {each.hash: each for each in await again.repairs()} == {full.hash: full, info_hash(2): repair(2, START)}
    assert await again.pause() == pause
    assert await again.sightings() == seen
    other = StoredRepairs("another account", store.debrid_history, lambda: START)
    assert (await other.repairs(), await other.pause(), await other.sightings()) == ([], AccountPause(), ())
    await other.forget([full.hash])
    await again.forget([full.hash])
    assert await notes.repairs() == [repair(2, START)]
    assert await notes.pause() == pause


async def test_a_repair_from_beginning_to_end_with_a_restart_after_each_step(store: Store) -> None:
    bench = Bench()
    old = bench.account.has(1, ERROR, 1, 3)
    await StoredRepairs("home", store.debrid_history, bench.clock).save(repair(1, bench.clock(), old_ids=(old,)))
    bench.account.refuse("try_link", DebridCode.TRAFFIC_EXHAUSTED)
    bench.account.refuse("select", DebridCode.SERVICE_UNAVAILABLE)
    for _ in range(12):
        notes = StoredRepairs("home", store.debrid_history, bench.clock)
        repairer = Repairer(
            Hands(bench.account), notes, clock=bench.clock, chance=lambda: 0.5, acting=lambda _repair: True
        )
        await repairer.load()
        await repairer.run()
        bench.clock.forward(minutes=20)
    (entry,) = bench.account.of(1)
    assert (entry.status, len(bench.account.adds), bench.account.deleted) == (DOWNLOADED, 1, [old])
    steps = [each.act for each in reversed(await store.debrid_history.attempts("home"))]
    assert steps[0] == "waiting"
    assert steps[-1] == "done"
    assert [step for step in steps if step in {"adding", "deleting_old"}] == ["adding", "deleting_old"]


async def test_what_is_given_up_is_told_as_final(store: Store) -> None:
    notes = StoredRepairs("home", store.debrid_history, lambda: START)
    await notes.save(repair(1, START, step=Step.GIVEN_UP, ending=Ending.REFUSED, trouble="infringing_file"))
    (failure,) = await store.debrid_history.failures("home", final=True)
    assert (failure.hash, failure.kind, failure.source) == (info_hash(1), "infringing_file", "repair")
