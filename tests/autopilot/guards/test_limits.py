"""A limit of ours over a person's own: what is written, what is remembered, and what is there in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from typing import Any

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
import pytest

from custom_components.sokoul.autopilot.guards.limits import (
    ClientLimits,
    Override,
    Overrides,
    Rates,
    Slot,
    dump,
    load,
    plan,
    rounded,
    same,
    strictest,
)

KIB = 1024
MIB = 1024 * KIB
#: Nothing is limited; the alternative limits are those of a fresh qBittorrent.
FRESH = {Slot.DOWNLOAD: 0, Slot.UPLOAD: 0, Slot.ALTERNATIVE_DOWNLOAD: 10 * KIB, Slot.ALTERNATIVE_UPLOAD: 10 * KIB}
LET_GO = Rates()
UNTOUCHED: Overrides = {}
FIVE_MB = Rates(download=5_000_000)
#: As qBittorrent keeps it.
FIVE = 4_999_168


def client(*, alternative: bool = False, **values: int) -> ClientLimits:
    return ClientLimits(values=FRESH | {Slot(name): value for name, value in values.items()}, alternative=alternative)


def over(own: int, *told: int, slot: Slot = Slot.DOWNLOAD) -> dict[Slot, Override]:
    return {slot: Override(own=own, told=told)}


# --- one look --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Look:
    """A line of the table: what is remembered, what the client says and what is wanted; what comes of it."""

    name: str
    remembered: Overrides
    says: ClientLimits
    wanted: Rates
    remember: Overrides
    write: Mapping[str, int] = field(default_factory=dict)
    by_hand: frozenset[Slot] = frozenset()


def look(
    name: str, remembered: Overrides, says: ClientLimits, wanted: Rates, remember: Overrides, **write: int
) -> Look:
    return Look(name=name, remembered=remembered, says=says, wanted=wanted, remember=remember, write=write)


def hand(
    name: str, remembered: Overrides, says: ClientLimits, wanted: Rates, remember: Overrides, **write: int
) -> Look:
    by_hand = frozenset(remembered)
    return Look(
        name=name, remembered=remembered, says=says, wanted=wanted, remember=remember, write=write, by_hand=by_hand
    )


ALT = Slot.ALTERNATIVE_DOWNLOAD
LOOKS = (
    look("nothing is wanted of an untouched client", UNTOUCHED, client(download=7 * MIB), LET_GO, UNTOUCHED),
    # limiting
    look("no limit of the person's", UNTOUCHED, client(), FIVE_MB, over(0, FIVE), download=FIVE),
    look("a higher limit of the person's", UNTOUCHED, client(download=8 * MIB), FIVE_MB, over(8 * MIB, FIVE),
         download=FIVE),
    look("a lower limit of the person's is never raised", UNTOUCHED, client(download=MIB), FIVE_MB, UNTOUCHED),
    look("the same limit is the person's own", UNTOUCHED, client(download=FIVE), FIVE_MB, UNTOUCHED),
    look("upload only", UNTOUCHED, client(), Rates(upload=MIB), over(0, MIB, slot=Slot.UPLOAD), upload=MIB),
    look("both ways", UNTOUCHED, client(), Rates(download=MIB, upload=KIB),
         over(0, MIB) | over(0, KIB, slot=Slot.UPLOAD), download=MIB, upload=KIB),
    look("less than a KiB is one: nothing would be no limit", UNTOUCHED, client(), Rates(download=3),
         over(0, KIB), download=KIB),
    look("more than the client can count", UNTOUCHED, client(), Rates(download=3_000_000_000),
         over(0, 2**31 - KIB), download=2**31 - KIB),
    # our own write
    look("it has followed", over(0, FIVE), client(download=FIVE), FIVE_MB, over(0, FIVE)),
    look("a client that doesn't round has followed, too", over(0, FIVE), client(download=5_000_000), FIVE_MB,
         over(0, FIVE)),
    look("it has not followed: told again", over(0, FIVE), client(), FIVE_MB, over(0, FIVE), download=FIVE),
    look("another limit now: until it has followed, both may be found", over(0, FIVE), client(download=FIVE),
         Rates(download=MIB), over(0, FIVE, MIB), download=MIB),
    look("the write before was lost, and so is this one", over(0, FIVE, MIB), client(download=FIVE),
         Rates(download=MIB), over(0, FIVE, MIB), download=MIB),
    look("it has followed: the one before is forgotten", over(0, FIVE, MIB), client(download=MIB),
         Rates(download=MIB), over(0, MIB)),
    look("back to a limit that it was told before", over(0, FIVE, MIB), client(download=MIB), FIVE_MB,
         over(0, MIB, FIVE), download=FIVE),
    look("ours is higher than the person's own meanwhile", over(2 * MIB, MIB), client(download=MIB), FIVE_MB,
         over(2 * MIB, MIB, 2 * MIB), download=2 * MIB),
    # letting go
    look("let go: there was no limit", over(0, FIVE), client(download=FIVE), LET_GO, over(0, FIVE, 0), download=0),
    look("let go: the person's own comes back to the byte", over(8 * MIB, FIVE), client(download=FIVE), LET_GO,
         over(8 * MIB, FIVE, 8 * MIB), download=8 * MIB),
    look("it has followed: nothing is remembered", over(8 * MIB, FIVE, 8 * MIB), client(download=8 * MIB), LET_GO,
         UNTOUCHED),
    look("it has not followed: told again", over(8 * MIB, FIVE, 8 * MIB), client(download=FIVE), LET_GO,
         over(8 * MIB, FIVE, 8 * MIB), download=8 * MIB),
    look("ended before it was told of ours, or the telling is still on its way: the person's own is told",
         over(8 * MIB, FIVE), client(download=8 * MIB), LET_GO, over(8 * MIB, FIVE, 8 * MIB), download=8 * MIB),
    look("limited again while letting go", over(0, FIVE, 0), client(download=FIVE), FIVE_MB, over(0, 0, FIVE),
         download=FIVE),
    # changed by hand
    hand("raised by hand: ours holds, theirs comes back later", over(0, FIVE), client(download=20 * MIB), FIVE_MB,
         over(20 * MIB, FIVE), download=FIVE),
    hand("lowered by hand: it is theirs", over(0, FIVE), client(download=MIB), FIVE_MB, UNTOUCHED),
    hand("no limit by hand", over(8 * MIB, FIVE), client(download=0), FIVE_MB, over(0, FIVE), download=FIVE),
    hand("changed by hand while nobody looked, nothing is wanted any more", over(8 * MIB, FIVE),
         client(download=20 * MIB), LET_GO, UNTOUCHED),
    hand("changed by hand while it was being let go", over(8 * MIB, FIVE, 8 * MIB), client(download=3 * MIB), LET_GO,
         UNTOUCHED),
    hand("a KiB more is a change by hand", over(0, FIVE), client(download=FIVE + KIB), FIVE_MB,
         over(FIVE + KIB, FIVE), download=FIVE),
    # the alternative limits
    look("those in force are limited", UNTOUCHED, client(alternative=True, alternative_download=8 * MIB), FIVE_MB,
         over(8 * MIB, FIVE, slot=ALT), alternative_download=FIVE),
    look("those of a fresh client are lower than any of ours", UNTOUCHED, client(alternative=True), FIVE_MB,
         UNTOUCHED),
    look("turned on meanwhile: ours leaves the ordinary ones", over(0, FIVE),
         client(alternative=True, download=FIVE, alternative_download=0), FIVE_MB,
         over(0, FIVE, 0) | over(0, FIVE, slot=ALT), download=0, alternative_download=FIVE),
    look("turned off meanwhile", over(8 * MIB, FIVE, slot=ALT), client(alternative_download=FIVE), FIVE_MB,
         over(0, FIVE) | over(8 * MIB, FIVE, 8 * MIB, slot=ALT), download=FIVE, alternative_download=8 * MIB),
    # not known
    look("what isn't told is left alone", UNTOUCHED, ClientLimits(values={Slot.UPLOAD: 0}), FIVE_MB, UNTOUCHED),
    look("and what was there before isn't forgotten", over(8 * MIB, FIVE, slot=ALT),
         ClientLimits(values={Slot.DOWNLOAD: 0, Slot.UPLOAD: 0}), LET_GO, over(8 * MIB, FIVE, slot=ALT)),
)  # fmt: skip


@pytest.mark.parametrize("case", LOOKS, ids=lambda case: case.name)
def test_look(case: Look) -> None:
    made = plan(load(json.loads(json.dumps(dump(case.remembered)))), case.says, case.wanted)
    assert made.remember == case.remember
    assert made.write == case.write
    assert made.by_hand == case.by_hand


def test_there_is_nothing_to_load_where_nothing_was_stored() -> None:
    assert load(None) == load({}) == UNTOUCHED


def test_what_another_version_remembered_of_other_limits_is_left_out() -> None:
    note = dump(over(0, FIVE)) | {"per_torrent": {"own": 1, "told": []}}
    assert load(note) == over(0, FIVE)


@pytest.mark.parametrize("note", [{"download": {}}, {"download": None}, {"download": {"own": "x", "told": []}}])
def test_what_is_damaged_is_refused(note: Mapping[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        load(note)


#: What a person may type and a program may ask for, in bytes per second.
LIMITS = st.one_of(st.just(0), st.integers(0, 5000), st.integers(0, 2**33))


@given(LIMITS, LIMITS)
def test_the_strictest_is_no_higher_than_either(one: int, other: int) -> None:
    found = strictest(one, other)
    assert found in (one, other)
    assert found == strictest(other, one)
    for each in filter(None, (one, other)):
        assert 0 < found <= each


@given(LIMITS)
def test_rounding_is_done_once(limit: int) -> None:
    """What is rounded already stays, so that the client shows what it was told."""
    assert rounded(rounded(limit)) == rounded(limit)
    assert same(limit, rounded(limit))
    assert (rounded(limit) == 0) is (limit == 0)


# --- over time -------------------------------------------------------------------------------------------------------


class LimitedClient(RuleBasedStateMachine):
    """A qBittorrent, the person who sets it, its own schedule, and SOKOUL, which may end at any moment.

    The client is written from what was seen of qBittorrent 4.5 and 5.3: whole KiB, rounded down, at least one. What a
    person types is never what is wanted of the client (odd and even KiB), because that can't be told apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values = dict(FRESH)
        self.own = dict(FRESH)  # what the person wants, as the client keeps it
        self.alternative = False
        self.wanted = Rates()
        self.stored = json.dumps(dump(UNTOUCHED))
        self.on_its_way: Mapping[Slot, int] = {}
        self.writes = 0
        self.typed: set[Slot] = set()  # since we looked

    # --- what happens ------------------------------------------------------------------------------------------------

    @rule(slot=st.sampled_from(Slot), kib=st.integers(0, 20).map(lambda number: 2 * number), more=st.integers(0, 1023))
    def a_person_types(self, slot: Slot, kib: int, more: int) -> None:
        self._settle()
        self.values[slot] = self.own[slot] = _kept(kib * KIB + (more if kib else 0))
        self.typed.add(slot)

    @rule()
    def the_schedule_turns(self) -> None:
        self.alternative = not self.alternative

    @rule(
        download=st.integers(0, 20).map(lambda number: (2 * number + 1) * KIB + 100),
        upload=st.integers(0, 20).map(lambda number: (2 * number + 1) * KIB),
        both=st.booleans(),
    )
    def the_governor_wants(self, download: int, upload: int, both: bool) -> None:  # noqa: FBT001 -- of hypothesis
        self.wanted = Rates(download=download, upload=upload if both else 0)

    @rule()
    def the_governor_lets_go(self) -> None:
        self.wanted = Rates()

    @rule()
    def looked(self) -> None:
        self._look()

    @rule()
    def ended_before_the_write(self) -> None:
        self._look(written=False)

    @rule()
    def the_answer_was_lost(self) -> None:
        """Look and write, but hear of an error, as if nothing had been written."""
        self._look()

    @rule()
    def the_write_arrives_late(self) -> None:
        """We gave it up and look again; before the next write is read, it arrives."""
        self._look(late=True)

    @rule(slot=st.sampled_from(Slot))
    def a_part_is_refused(self, slot: Slot) -> None:
        self._look(refused=slot)

    # --- what must always be true ------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_above_what_its_person_allows(self) -> None:
        for slot, value in self.values.items():
            assert strictest(value, self.own[slot]) == value, slot

    def teardown(self) -> None:
        """Whatever was: what is wanted is kept, once a look went well; let go, all of it is the person's again."""
        self._settle()
        for _ in range(2):
            self._look()
        for slot in Slot:
            in_force = slot.alternative is self.alternative
            wanted = (self.wanted.download if slot.download else self.wanted.upload) if in_force else 0
            assert self.values[slot] == strictest(self.own[slot], _kept(wanted)), slot
        before = self.writes
        self._look()
        assert self.writes == before, "it goes on writing although nothing changes"
        self.wanted = Rates()
        for _ in range(2):
            self._look()
        assert self.values == self.own
        assert json.loads(self.stored) == {}

    # --- how ---------------------------------------------------------------------------------------------------------

    def _look(self, *, written: bool = True, late: bool = False, refused: Slot | None = None) -> None:
        """Read, decide, store, write: as a runner does it, from nothing but what is stored."""
        limits = ClientLimits(values=dict(self.values), alternative=self.alternative)
        made = plan(load(json.loads(self.stored)), limits, self.wanted)
        self.stored = json.dumps(dump(made.remember))
        self._settle()  # what was given up comes before what is written now
        assert made.by_hand <= self.typed
        self.typed = set()
        if made.write:
            self.writes += 1
        if late:
            self.on_its_way = made.write
        elif written:
            for slot, value in made.write.items():
                if slot is not refused:
                    self.values[slot] = _kept(value)

    def _settle(self) -> None:
        for slot, value in self.on_its_way.items():
            self.values[slot] = _kept(value)
        self.on_its_way = {}


def _kept(limit: int) -> int:
    """Return what qBittorrent makes of a limit."""
    if limit <= 0:
        return 0
    return KIB if limit <= KIB else limit // KIB * KIB


TestLimitedClient = LimitedClient.TestCase
TestLimitedClient.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
