"""Who is to download a release, and that it is had once: tables of places, and hands that fail as a test wants."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.acquire.grabbing import (
    PASSING,
    SPARE_BYTES,
    Adding,
    Aim,
    AlreadyThere,
    ArrPlace,
    Choice,
    ClientPlace,
    DebridPlace,
    Grabber,
    GrabFailed,
    Order,
    Shelter,
    Situation,
    Trace,
    TrafficLeft,
    Way,
    choose,
    trace_of,
    tries_of,
)
from custom_components.sokoul.acquire.links import LinkRefused, Payload
from custom_components.sokoul.acquire.ports import Result, Target
from custom_components.sokoul.model.journal import AFTERWARDS, ActKind, EntryStatus, JournalEntry
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.reasons import Reason, reason_from_json
from custom_components.sokoul.model.releases import ArrOpinion, Offer, ResolvedLink
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Wanted
from custom_components.sokoul.releases.merge import Release, merge
from custom_components.sokoul.releases.policy import FetchBy, Policy

from .make import DUNE_2024, GB, NOW, offer

NAME = "Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.H.264-GRP"
HASH = "ab" * 20


def release(*offers: Offer, **values: Any) -> Release:
    (merged,) = merge(offers or (offer(NAME, info_hash=HASH, **values),))
    return merged


RADARR = ArrPlace(
    id="radarr",
    name="Radarr",
    kind=TitleKind.MOVIE,
    answers=True,
    library_id=7,
    client_id="qbittorrent",
    category="radarr",
)
SONARR = ArrPlace(id="sonarr", name="Sonarr", kind=TitleKind.SERIES, answers=True, library_id=7)
CLIENT = ClientPlace(
    id="qbittorrent", name="qBittorrent", answers=True, shelter=Shelter.SAFE, free_bytes=500 * GB
)  # fmt: skip
OTHER = replace(CLIENT, id="other", name="Other", shelter=Shelter.UNPROVEN)
ACCOUNT = DebridPlace(id="debrid", name="Real-Debrid", answers=True, free_slots=3, has=True)
ROOMY = replace(OTHER, free_bytes=2_000 * GB)
METERED = replace(ACCOUNT, traffic=TrafficLeft(left=50 * GB))
OWN = offer(NAME, info_hash=HASH, source="radarr", arr=ArrOpinion(knows_title=True))
OPENED = offer(NAME, protocol=Protocol.UNKNOWN, cached=True, source="debrid:link", link="https://host.example/f/1")
NONE_LEFT = TrafficLeft(left=0, reset="daily")
UNMANAGED = replace(RADARR, library_id=None)


def ways(choice: Choice) -> list[str]:
    return [f"{aim.way}:{aim.backend_id}{':' + aim.category if aim.category else ''}" for aim in choice.aims]


@pytest.mark.parametrize(
    ("found", "situation", "expected"),
    [
        # what its own search found goes through the *arr; then its client in its category, then an account
        (
            release(OWN),
            Situation(arrs=(RADARR,), clients=(CLIENT,), debrids=(ACCOUNT,)),
            ["arr:radarr", "client:qbittorrent:radarr", "debrid:debrid"],
        ),
        # found elsewhere, the *arr manages it all the same
        (
            release(),
            Situation(arrs=(RADARR,), clients=(CLIENT, OTHER), debrids=(ACCOUNT,)),
            ["client:qbittorrent:radarr", "debrid:debrid"],
        ),
        # another kind of title has the same number by chance
        (
            release(),
            Situation(arrs=(SONARR,), clients=(CLIENT,), debrids=(ACCOUNT,)),
            ["debrid:debrid", "client:qbittorrent"],
        ),
        # nobody manages it: cached first, then the proven client, then an account that has to fetch it
        (
            release(),
            Situation(arrs=(UNMANAGED,), clients=(OTHER, CLIENT), debrids=(ACCOUNT,)),
            ["debrid:debrid", "client:qbittorrent", "client:other"],
        ),
        (
            release(),
            Situation(clients=(CLIENT,), debrids=(replace(ACCOUNT, has=False),)),
            ["client:qbittorrent", "debrid:debrid"],
        ),
        # behind a link that nobody has opened may be a torrent
        (release(replace(OPENED, cached=None)), Situation(clients=(CLIENT,)), ["client:qbittorrent"]),
        # an indexer's word that it is cached counts where the account doesn't know
        (
            release(cached=True),
            Situation(clients=(CLIENT,), debrids=(replace(ACCOUNT, has=None),)),
            ["debrid:debrid", "client:qbittorrent"],
        ),
        (
            release(cached=True),
            Situation(clients=(CLIENT,), debrids=(replace(ACCOUNT, has=False),)),
            ["client:qbittorrent", "debrid:debrid"],
        ),
        # full accounts take what they have already
        (release(), Situation(debrids=(replace(ACCOUNT, free_slots=0),)), ["debrid:debrid"]),
        # the one with more room
        (
            release(),
            Situation(clients=(replace(CLIENT, free_bytes=50 * GB), replace(CLIENT, id="roomy"))),
            ["client:roomy", "client:qbittorrent"],
        ),
        (release(), Situation(clients=(replace(CLIENT, free_bytes=None),)), ["client:qbittorrent"]),
        # what is on its way will take its room
        (
            release(),
            Situation(
                clients=(replace(CLIENT, promised_bytes=480 * GB), replace(CLIENT, id="small", free_bytes=50 * GB))
            ),
            ["client:small", "client:qbittorrent"],
        ),
        # one that is paused has it later, so after all others
        (
            release(),
            Situation(clients=(replace(CLIENT, held=True), OTHER), debrids=(replace(ACCOUNT, has=False),)),
            ["client:other", "debrid:debrid", "client:qbittorrent"],
        ),
        # there it waits, where nobody else may have it
        (
            release(),
            Situation(clients=(replace(CLIENT, held=True),), debrids=(replace(ACCOUNT, has=False, free_slots=0),)),
            ["client:qbittorrent"],
        ),
        # of an *arr it is still the one: nobody else has it imported
        (
            release(),
            Situation(arrs=(RADARR,), clients=(replace(CLIENT, held=True),), debrids=(ACCOUNT,)),
            ["client:qbittorrent:radarr", "debrid:debrid"],
        ),
        # another account, where one has nothing left
        (
            release(),
            Situation(debrids=(replace(ACCOUNT, traffic=NONE_LEFT), replace(ACCOUNT, id="other", has=False))),
            ["debrid:other"],
        ),
        (release(), Situation(clients=(replace(CLIENT, shelter=Shelter.NONE),)), ["client:qbittorrent"]),
    ],
)
def test_who_downloads(found: Release, situation: Situation, expected: list[str]) -> None:
    assert ways(choose(found, TitleKind.MOVIE, situation)) == expected


@pytest.mark.parametrize(
    ("found", "situation", "expected"),
    [
        (release(), Situation(), ["grab.nobody"]),
        (release(OWN), Situation(arrs=(replace(RADARR, answers=False, client_id=None),)), [
            "grab.not_answering", "grab.no_client",
        ]),
        (release(), Situation(clients=(replace(CLIENT, answers=False),)), ["grab.not_answering"]),
        (release(), Situation(clients=(replace(CLIENT, shelter=Shelter.UNSAFE),)), ["grab.vpn_unsafe"]),
        (release(), Situation(clients=(replace(CLIENT, free_bytes=8 * GB + SPARE_BYTES - 1),)), ["grab.disk_full"]),
        (release(), Situation(clients=(replace(CLIENT, promised_bytes=490 * GB),)), ["grab.disk_promised"]),
        (release(), Situation(debrids=(replace(ACCOUNT, answers=False),)), ["grab.not_answering"]),
        (release(), Situation(debrids=(replace(ACCOUNT, premium=False),)), ["grab.not_premium"]),
        (release(), Situation(debrids=(replace(ACCOUNT, has=False, free_slots=0),)), ["grab.no_slot"]),
        # a client of an *arr is not used without its category
        (release(), Situation(arrs=(replace(RADARR, category=""),), clients=(CLIENT,)), ["grab.no_client"]),
        # posts on Usenet only an *arr can get
        (release(protocol=Protocol.USENET), Situation(clients=(CLIENT,), debrids=(ACCOUNT,)), ["grab.no_usenet"]),
        # nor is there a torrent behind a link that an account has opened
        (release(OPENED), Situation(clients=(CLIENT,), debrids=(ACCOUNT,)), ["grab.link_direct"]),
    ],
)  # fmt: skip
def test_why_nobody_downloads(found: Release, situation: Situation, expected: list[str]) -> None:
    choice = choose(found, TitleKind.MOVIE, situation)
    assert choice.aims == ()
    assert [each.key for each in choice.against] == expected


ALL = Situation(arrs=(RADARR,), clients=(CLIENT,), debrids=(ACCOUNT, replace(ACCOUNT, id="empty", has=False)))


@pytest.mark.parametrize(
    ("fetch_by", "expected"),
    [
        ((), ["arr:radarr", "client:qbittorrent:radarr", "debrid:debrid", "debrid:empty"]),
        (
            (FetchBy.CACHED, FetchBy.ARR, FetchBy.CLIENT, FetchBy.DEBRID),
            ["debrid:debrid", "arr:radarr", "client:qbittorrent:radarr", "debrid:empty"],
        ),
        ((FetchBy.DEBRID, FetchBy.CACHED), ["debrid:empty", "debrid:debrid"]),
        # who has the title isn't to get it: it is nobody's
        ((FetchBy.CLIENT,), ["client:qbittorrent"]),
    ],
)
def test_a_policy_says_who_downloads(fetch_by: tuple[FetchBy, ...], expected: list[str]) -> None:
    assert ways(choose(release(OWN), TitleKind.MOVIE, ALL, fetch_by)) == expected


def test_a_policy_that_leaves_nobody_says_so() -> None:
    choice = choose(release(), TitleKind.MOVIE, Situation(clients=(CLIENT,)), (FetchBy.CACHED, FetchBy.DEBRID))
    assert (choice.aims, [each.key for each in choice.against]) == ((), ["grab.policy_refuses"])


def test_a_post_on_usenet_goes_through_the_arr_that_found_it() -> None:
    found = release(replace(OWN, protocol=Protocol.USENET, info_hash=None))
    assert ways(choose(found, TitleKind.MOVIE, Situation(arrs=(RADARR,), clients=(CLIENT,)))) == ["arr:radarr"]


# --- doing -----------------------------------------------------------------------------------------------------------


QUOTAS = (
    ("all is well", ACCOUNT, None),
    ("it may not be asked", replace(ACCOUNT, quiet_until=NOW), "grab.account_paused"),
    ("it is not paid for", replace(ACCOUNT, premium=False), "grab.not_premium"),
    ("it was until yesterday", replace(ACCOUNT, premium=False, over_since=NOW), "grab.premium_over"),
    ("no traffic is left", replace(ACCOUNT, traffic=NONE_LEFT), "grab.no_traffic"),
    ("less than none", replace(ACCOUNT, traffic=TrafficLeft(left=-1)), "grab.no_traffic"),
    ("no links are left", replace(ACCOUNT, traffic=TrafficLeft(left=0, in_bytes=False)), "grab.no_traffic"),
    ("not enough is left", replace(ACCOUNT, traffic=TrafficLeft(left=8 * GB - 1)), "grab.little_traffic"),
    ("just enough is left", replace(ACCOUNT, traffic=TrafficLeft(left=8 * GB)), None),
    ("a link is left", replace(ACCOUNT, traffic=TrafficLeft(left=1, in_bytes=False)), None),
    ("no slot, but it has it", replace(ACCOUNT, free_slots=0), None),
    ("no slot", replace(ACCOUNT, free_slots=0, has=False), "grab.no_slot"),
    ("more than may be", replace(ACCOUNT, free_slots=-2, has=None), "grab.no_slot"),
    ("nobody tells", replace(ACCOUNT, free_slots=None, has=None), None),
    (
        "what lasts longest is said",
        replace(ACCOUNT, premium=False, free_slots=0, traffic=NONE_LEFT),
        "grab.not_premium",
    ),
)


@pytest.mark.parametrize(("why", "account", "against"), QUOTAS)
def test_what_is_used_up_of_an_account(why: str, account: DebridPlace, against: str | None) -> None:
    """Another one gets it, and it is told why this one didn't."""
    choice = choose(release(), TitleKind.MOVIE, Situation(clients=(OTHER,), debrids=(account,)))
    assert [each.key for each in choice.against] == ([against] if against else []), why
    assert ("debrid:debrid" in ways(choice)) is (against is None)
    assert "client:other" in ways(choice)
    assert all(each.parameters["backend"] == "Real-Debrid" for each in choice.against)


FULL = replace(ACCOUNT, id="full", free_slots=0, has=False)
EMPTY = replace(ACCOUNT, id="empty", traffic=NONE_LEFT)
UNPAID = replace(ACCOUNT, id="unpaid", premium=False)
PAUSED = replace(ACCOUNT, id="paused", quiet_until=NOW)


@pytest.mark.parametrize(
    ("situation", "fetch_by", "expected"),
    [
        (Situation(debrids=(EMPTY, FULL)), FetchBy, ["debrid:empty", "debrid:full"]),
        # whoever has enough of all goes first
        (Situation(clients=(CLIENT,), debrids=(EMPTY, ACCOUNT)), FetchBy, [
            "debrid:debrid", "client:qbittorrent", "debrid:empty",
        ]),
        (Situation(clients=(replace(CLIENT, held=True),), debrids=(EMPTY,)), FetchBy, [
            "client:qbittorrent", "debrid:empty",
        ]),
        # what is no matter of how much is left stays refused
        (Situation(debrids=(UNPAID, PAUSED, replace(ACCOUNT, answers=False))), FetchBy, []),
        (Situation(clients=(replace(CLIENT, shelter=Shelter.UNSAFE),)), FetchBy, []),
        # and a policy is a policy
        (Situation(clients=(CLIENT,), debrids=(EMPTY,)), (FetchBy.CLIENT,), ["client:qbittorrent"]),
    ],
)  # fmt: skip
def test_who_insists_has_it_fetched_where_something_is_used_up(
    situation: Situation, fetch_by: Iterable[FetchBy], expected: list[str]
) -> None:
    by = tuple(fetch_by)
    choice = choose(release(), TitleKind.MOVIE, situation, by, insists=True)
    assert ways(choice) == expected
    usual = choose(release(), TitleKind.MOVIE, situation, by)
    assert ways(usual) == [each for each in expected if each not in {"debrid:empty", "debrid:full"}]
    assert choice.against == usual.against or not usual.aims
    insisted = [aim for aim in choice.aims if aim.backend_id in {"empty", "full"}]
    assert {aim.why.key for aim in insisted} <= {"grab.why_insisted"}


def test_who_is_held_is_told_where_another_one_goes_first() -> None:
    held = replace(CLIENT, held=True, held_by="governor")
    choice = choose(release(), TitleKind.MOVIE, Situation(clients=(held, OTHER)))
    assert ways(choice) == ["client:other", "client:qbittorrent"]
    assert choice.against == (Reason(key="grab.held", parameters={"backend": "qBittorrent", "who": "governor"}),)
    alone = choose(release(), TitleKind.MOVIE, Situation(clients=(held,)))
    assert (alone.aims[0].why.key, alone.against) == ("grab.why_later", ())
    unasked = choose(release(), TitleKind.MOVIE, Situation(clients=(held,), debrids=(ACCOUNT,)), (FetchBy.CACHED,))
    assert (ways(unasked), unasked.against) == (["debrid:debrid"], ())


@dataclass
class Hands:
    """Takes releases as it is told, and keeps what was taken."""

    places: Situation = field(default_factory=lambda: Situation(clients=(CLIENT,), debrids=(ACCOUNT,)))
    took: list[tuple[str, str]] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    refuses: dict[str, GrabFailed] = field(default_factory=dict)
    silent: bool = False  # nobody can tell what is there
    private: bool = False
    size_bytes: int = 0  # of the torrent itself
    bad_links: set[str] = field(default_factory=set)
    library: set[tuple[str, int]] = field(default_factory=set)
    on_take: Callable[[], None] = lambda: None
    pauses: int = 0

    async def situation(self, target: Target, release: Release) -> Situation:
        del target, release
        return self.places

    async def add_title(self, target: Target, adding: Adding) -> tuple[Target, tuple[str, int] | None]:
        if adding.profile == "none":
            raise GrabFailed(Reason(key="grab.no_profile"))
        self.places = replace(self.places, arrs=(RADARR,))
        self.library.add(("radarr", 7))
        return replace(target, entries=(replace(DUNE_2024, backend_id="radarr", library_id=7),)), ("radarr", 7)

    async def remove_title(self, added: tuple[str, int]) -> Reason:
        if self.silent:
            raise GrabFailed(Reason(key="result.unreachable"))
        self.library.discard(added)
        return Reason(key="grab.title_removed", parameters={"backend": "Radarr"})

    async def payload(self, release: Release) -> Payload:
        if release.name.name in self.bad_links:
            raise LinkRefused("link_failed", status=404)
        link = ResolvedLink(info_hash=release.info_hash or HASH, magnet=f"magnet:?xt=urn:btih:{release.info_hash}")
        return Payload(link=link, private=self.private, size_bytes=self.size_bytes)

    async def prepare(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        del payload
        if aim.backend_id in self.there:
            raise AlreadyThere
        return replace(trace, there_before=("old",))

    async def take(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        del payload
        self.on_take()
        self.took.append((aim.backend_id, trace.release))
        if (failed := self.refuses.get(aim.backend_id)) is not None:
            raise failed
        self.there.add(aim.backend_id)
        return replace(trace, torrent_id="T1")

    async def find(self, trace: Trace) -> Trace | None:
        if self.silent:
            raise GrabFailed(Reason(key="result.unreachable"))
        return replace(trace, torrent_id="T1") if trace.backend_id in self.there else None

    async def take_back(self, trace: Trace) -> Reason:
        if self.silent:
            raise GrabFailed(Reason(key="result.unreachable"))
        self.there.discard(trace.backend_id)
        return Reason(key="grab.taken_back")

    async def pause(self) -> None:
        self.pauses += 1


@dataclass
class Notes:
    """A journal that is a list of what was written, and what is there now."""

    written: list[JournalEntry] = field(default_factory=list)
    rows: dict[int, JournalEntry] = field(default_factory=dict)

    async def write(self, entry: JournalEntry) -> JournalEntry:
        entry = entry if entry.id else replace(entry, id=len(self.rows) + 1)
        self.rows[entry.id] = entry
        self.written.append(entry)
        return entry

    async def running(self) -> Sequence[JournalEntry]:
        return [each for each in self.rows.values() if each.status in {EntryStatus.RUNNING, EntryStatus.UNDOING}]


def order(*names: str) -> Order:
    offers = [offer(name, info_hash=f"{at:040x}") for at, name in enumerate(names or (NAME,), 1)]
    wanted = Wanted(kind=TitleKind.MOVIE, names=("Dune Part Two",), year=2024, minutes=167)
    ranked = {scored.release.name.name: scored for scored in rank(offers, wanted, Policy())}
    results = tuple(Result(id=f"r{at}", scored=ranked[each.name]) for at, each in enumerate(offers, 1))
    target = Target(text="Dune 2", wanted=wanted, title=DUNE_2024)
    return Order(target=target, results=results, label="Dune: Part Two (2024)", actor="someone", at=NOW)


async def grabbed(hands: Hands, notes: Notes, *names: str) -> JournalEntry:
    return await Grabber(hands, notes).grab(order(*names))


REFUSED = GrabFailed(Reason(key="grab.refused"))
UNCLEAR = GrabFailed(Reason(key="result.unreachable"), unclear=True)


async def test_what_is_done_is_written_down_before_and_after() -> None:
    hands, notes = Hands(), Notes()
    seen: list[JournalEntry] = []
    hands.on_take = lambda: seen.append(notes.rows[1])
    entry = await grabbed(hands, notes)
    assert seen[0].status is EntryStatus.RUNNING
    trace = trace_of(seen[0])
    assert trace is not None
    assert (trace.way, trace.backend_id, trace.info_hash, trace.there_before) == (
        Way.DEBRID, "debrid", f"{1:040x}", ("old",),
    )  # fmt: skip
    assert (entry.status, entry.act, entry.actor) == (EntryStatus.DONE, ActKind.GRAB, "someone")
    assert entry.result is not None
    assert entry.result.key == "grab.taken_debrid"
    assert entry.undo is not None
    assert entry.undo["torrent"] == "T1"
    assert list(notes.rows) == [1]
    assert "magnet" not in repr(notes.rows)


async def test_the_next_way_is_tried_then_the_next_release() -> None:
    hands, notes = Hands(refuses={"debrid": REFUSED}), Notes()
    entry = await grabbed(hands, notes)
    assert hands.took == [("debrid", NAME), ("qbittorrent", NAME)]
    assert entry.status is EntryStatus.DONE
    assert [(backend, why.key) for _, backend, why in tries_of(entry)] == [("debrid", "grab.refused")]

    hands, notes = Hands(refuses={"debrid": REFUSED, "qbittorrent": REFUSED}), Notes()
    names = [NAME, NAME.replace("GRP", "ONE"), NAME.replace("GRP", "TWO"), NAME.replace("GRP", "THREE")]
    entry = await grabbed(hands, notes, *names)
    assert [name for _, name in hands.took] == [name for name in names[:3] for _ in range(2)]
    assert (entry.status, entry.undo) == (EntryStatus.FAILED, None)
    assert entry.result is not None
    assert entry.result.key == "grab.refused"
    assert list(notes.rows) == [1]


async def test_a_release_whose_link_leads_nowhere_is_passed_over() -> None:
    hands, notes = Hands(bad_links={NAME}), Notes()
    other = NAME.replace("GRP", "ONE")
    entry = await grabbed(hands, notes, NAME, other)
    assert hands.took == [("debrid", other)]
    assert [why.key for _, _, why in tries_of(entry)] == ["grab.link_failed"]


@pytest.mark.parametrize("refuses", [False, True])
async def test_where_its_link_leads_nowhere_an_arr_needs_none(*, refuses: bool) -> None:
    """The account comes first, as the policy has it; the client of the *arr would need the link, too."""
    places = Situation(arrs=(RADARR,), clients=(CLIENT,), debrids=(ACCOUNT,))
    hands, notes = Hands(places=places, bad_links={NAME}, refuses={"radarr": REFUSED} if refuses else {}), Notes()
    asked = order()
    found = replace(asked.results[0], scored=replace(asked.results[0].scored, release=release(OWN)))
    fetch_by = (FetchBy.CACHED, FetchBy.ARR)
    entry = await Grabber(hands, notes).grab(replace(asked, results=(found,), fetch_by=fetch_by))
    assert hands.took == [("radarr", NAME)]
    tried = [(backend, why.key) for _, backend, why in tries_of(entry)]
    assert tried == [("debrid", "grab.link_failed"), *([("radarr", "grab.refused")] if refuses else [])]
    assert entry.result is not None
    assert entry.result.key == ("grab.refused" if refuses else "grab.taken_arr")


async def test_a_private_torrent_is_never_given_to_a_debrid_account() -> None:
    hands, notes = Hands(private=True), Notes()
    entry = await grabbed(hands, notes)
    assert hands.took == [("qbittorrent", NAME)]
    assert [why.key for _, _, why in tries_of(entry)] == ["grab.private"]


@pytest.mark.parametrize(
    ("size", "places", "taken", "why"),
    [
        (400 * GB, Situation(clients=(CLIENT, ROOMY)), "qbittorrent", []),
        (600 * GB, Situation(clients=(CLIENT, ROOMY)), "other", ["grab.disk_full"]),
        (600 * GB, Situation(debrids=(METERED,), clients=(ROOMY,)), "other", ["grab.little_traffic"]),
        (600 * GB, Situation(arrs=(RADARR,), clients=(CLIENT,), debrids=(ACCOUNT,)), "debrid", ["grab.disk_full"]),
    ],
)
async def test_a_torrent_that_is_larger_than_was_said_is_judged_by_its_size(
    size: int, places: Situation, taken: str, why: list[str]
) -> None:
    """Whoever offers it may say what they like."""
    hands, notes = Hands(places, size_bytes=size), Notes()
    entry = await grabbed(hands, notes)
    assert hands.took == [(taken, NAME)]
    assert [each.key for _, _, each in tries_of(entry)] == why
    assert all(each.parameters["size"] == size for _, _, each in tries_of(entry))


async def test_a_torrent_that_is_too_large_for_all_is_had_by_nobody() -> None:
    hands, notes = Hands(Situation(clients=(CLIENT,)), size_bytes=10_000 * GB), Notes()
    other = NAME.replace("GRP", "ONE")
    entry = await grabbed(hands, notes, NAME, other)
    assert (hands.took, entry.status) == ([], EntryStatus.FAILED)
    assert [name for name, _, _ in tries_of(entry)] == [NAME, other]


async def test_what_is_there_already_is_left_as_it_is() -> None:
    hands, notes = Hands(there={"debrid"}), Notes()
    entry = await grabbed(hands, notes)
    assert hands.took == []
    assert (entry.status, entry.undo) == (EntryStatus.DONE, None)
    assert entry.result is not None
    assert entry.result.key == "grab.already_there"


async def test_what_somebody_else_took_meanwhile_is_theirs() -> None:
    """There is nothing to take back, and nobody else is asked for it."""
    hands, notes = Hands(), Notes()

    def faster() -> None:
        raise AlreadyThere

    hands.on_take = faster
    entry = await grabbed(hands, notes)
    assert (entry.status, entry.undo, hands.took) == (EntryStatus.DONE, None, [])
    assert entry.result is not None
    assert entry.result.key == "grab.already_there"
    assert await notes.running() == []


async def test_what_may_have_been_done_is_looked_for() -> None:
    hands, notes = Hands(refuses={"debrid": UNCLEAR}), Notes()
    hands.on_take = lambda: hands.there.add("debrid")
    entry = await grabbed(hands, notes)
    assert hands.took == [("debrid", NAME)]
    assert (entry.status, hands.pauses) == (EntryStatus.DONE, 1)

    hands, notes = Hands(refuses={"debrid": UNCLEAR}), Notes()  # surely not: the next one is asked
    entry = await grabbed(hands, notes)
    assert hands.took == [("debrid", NAME), ("qbittorrent", NAME)]
    assert entry.status is EntryStatus.DONE


async def test_as_long_as_nobody_can_tell_nothing_else_is_tried() -> None:
    hands, notes = Hands(refuses={"debrid": UNCLEAR}, silent=True), Notes()
    grabber = Grabber(hands, notes)
    entry = await grabber.grab(order(NAME, NAME.replace("GRP", "ONE")))
    assert hands.took == [("debrid", NAME)]
    assert entry.status is EntryStatus.RUNNING
    assert entry.result is not None
    assert entry.result.key == "grab.unclear"
    assert await grabber.settle(NOW) == ([], 1)
    assert notes.rows[1].status is EntryStatus.RUNNING

    again = await grabber.grab(order(NAME))
    assert (again, hands.took) == (notes.rows[1], [("debrid", NAME)]), "whoever asks again gets the same answer"

    hands.silent = False
    hands.there.add("debrid")
    settled, left = await grabber.settle(NOW)
    assert (settled, left) == ([notes.rows[1]], 0)
    assert (notes.rows[1].status, hands.took) == (EntryStatus.DONE, [("debrid", NAME)])
    assert notes.rows[1].undo is not None


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("done", [True, False])
async def test_a_crash_is_settled_by_looking(*, done: bool) -> None:
    hands, notes = Hands(), Notes()

    def die() -> None:
        if done:
            hands.there.add("debrid")
        raise Killed

    hands.on_take = die
    with pytest.raises(Killed):
        await grabbed(hands, notes)
    assert notes.rows[1].status is EntryStatus.RUNNING
    settled, left = await Grabber(hands, notes).settle(NOW)
    assert (settled, left) == ([notes.rows[1]], 0)
    entry = notes.rows[1]
    assert entry.status is (EntryStatus.DONE if done else EntryStatus.FAILED)
    assert (entry.undo is not None) is done
    assert hands.took == []


async def test_a_crash_before_anything_was_begun() -> None:
    hands, notes = Hands(), Notes()

    async def die(target: Target, release: Release) -> Situation:
        raise Killed

    hands.situation = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await grabbed(hands, notes)
    settled, left = await Grabber(hands, notes).settle(NOW)
    assert (settled, left) == ([notes.rows[1]], 0)
    assert notes.rows[1].status is EntryStatus.FAILED


async def test_it_is_taken_back() -> None:
    hands, notes = Hands(), Notes()
    grabber = Grabber(hands, notes)
    entry = await grabber.grab(order())
    undone = await grabber.undo(entry, "somebody else", NOW)
    assert hands.there == set()
    assert (undone.status, undone.parameters["undone_by"]) == (EntryStatus.UNDONE, "somebody else")
    assert [each.status for each in notes.written][-2:] == [EntryStatus.UNDOING, EntryStatus.UNDONE]


async def test_what_cannot_be_taken_back_stays_as_it_was() -> None:
    hands, notes = Hands(), Notes()
    grabber = Grabber(hands, notes)
    entry = await grabber.grab(order())
    hands.silent = True
    refused = await grabber.undo(entry, "somebody", NOW)
    assert refused.result is not None
    assert refused.result.key == "result.unreachable"
    assert notes.rows[1] == entry
    assert (await grabber.undo(replace(entry, parameters={}), "somebody", NOW)).status is EntryStatus.DONE


@pytest.mark.parametrize("gone", [True, False])
async def test_a_crash_while_taking_back_is_settled_by_looking(*, gone: bool) -> None:
    hands, notes = Hands(), Notes()
    grabber = Grabber(hands, notes)
    entry = await grabber.grab(order())
    await notes.write(replace(entry, status=EntryStatus.UNDOING))
    if gone:
        hands.there.clear()
    settled, left = await grabber.settle(NOW)
    assert (settled, left) == ([notes.rows[1]], 0)
    assert notes.rows[1].status is (EntryStatus.UNDONE if gone else EntryStatus.DONE)


async def test_a_plan_does_nothing() -> None:
    hands, notes = Hands(), Notes()
    planned = await Grabber(hands, notes).plan(order(NAME, NAME.replace("GRP", "ONE")))
    assert [ways(each.choice) for each in planned] == [["debrid:debrid", "client:qbittorrent"]] * 2
    assert (hands.took, notes.written) == ([], [])


async def test_where_nobody_may_download_it_says_why() -> None:
    hands, notes = Hands(places=Situation(clients=(replace(CLIENT, shelter=Shelter.UNSAFE),))), Notes()
    entry = await grabbed(hands, notes)
    assert entry.status is EntryStatus.FAILED
    assert entry.result is not None
    assert entry.result.key == "grab.vpn_unsafe"


def test_a_trace_outlives_a_restart() -> None:
    trace = Trace(
        way=Way.DEBRID, backend_id="b", name="n", release="r", at=NOW, info_hash=HASH, title_ids=(1,), category="c",
        arr_id="a", waits=True, torrent_id="T", there_before=("O",), added=("radarr", 7),
    )  # fmt: skip
    assert Trace.from_json(trace.as_json()) == trace
    with pytest.raises(KeyError):
        Trace.from_json({"way": "arr"})


async def test_a_title_is_added_first_where_that_is_wanted() -> None:
    hands, notes = Hands(), Notes()
    entry = await Grabber(hands, notes).grab(replace(order(), adding=Adding()))
    assert hands.took == [("qbittorrent", NAME)], "in the category of the one that manages it now"
    trace = trace_of(entry)
    assert trace is not None
    assert (trace.category, trace.title_ids, trace.added) == ("radarr", (7,), ("radarr", 7))
    assert notes.written[1].parameters["added"] == ["radarr", 7], "it is noted before anything else is done"
    assert list(notes.rows) == [1]


async def test_a_title_that_cannot_be_added_ends_it() -> None:
    hands, notes = Hands(), Notes()
    entry = await Grabber(hands, notes).grab(replace(order(), adding=Adding(profile="none")))
    assert (entry.status, hands.took) == (EntryStatus.FAILED, [])
    assert entry.result is not None
    assert entry.result.key == "grab.no_profile"


async def test_a_title_that_was_added_in_vain_leaves_again() -> None:
    hands, notes = Hands(refuses={"qbittorrent": REFUSED, "debrid": REFUSED}), Notes()
    entry = await Grabber(hands, notes).grab(replace(order(), adding=Adding()))
    assert (entry.status, hands.library) == (EntryStatus.FAILED, set())
    assert entry.result is not None
    assert entry.result.key == "grab.refused", "that is why"
    assert reason_from_json(entry.parameters[AFTERWARDS]).key == "grab.title_removed"
    assert entry.parameters["added"] == ["radarr", 7]


async def test_a_title_whose_library_cannot_be_asked_stays_and_that_is_said() -> None:
    hands, notes = Hands(refuses={"qbittorrent": REFUSED, "debrid": REFUSED}), Notes()
    hands.on_take = lambda: setattr(hands, "silent", True)
    entry = await Grabber(hands, notes).grab(replace(order(), adding=Adding()))
    assert (entry.status, hands.library) == (EntryStatus.FAILED, {("radarr", 7)})
    assert reason_from_json(entry.parameters[AFTERWARDS]).key == "result.unreachable"


async def test_what_was_not_added_for_it_is_left_alone() -> None:
    hands, notes = Hands(refuses={"qbittorrent": REFUSED, "debrid": REFUSED}, library={("radarr", 7)}), Notes()
    entry = await Grabber(hands, notes).grab(order())
    assert (entry.status, hands.library) == (EntryStatus.FAILED, {("radarr", 7)})
    assert AFTERWARDS not in entry.parameters


@pytest.mark.parametrize("begun", [True, False])
async def test_a_title_that_a_crash_left_behind_leaves_when_that_is_settled(*, begun: bool) -> None:
    hands, notes = Hands(), Notes()

    async def die(*_: object) -> Any:
        raise Killed

    if begun:
        hands.take = die  # type: ignore[method-assign]
    else:
        hands.prepare = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await Grabber(hands, notes).grab(replace(order(), adding=Adding()))
    assert hands.library == {("radarr", 7)}
    ((entry,), left) = await Grabber(hands, notes).settle(NOW)
    assert (entry.status, left, hands.library) == (EntryStatus.FAILED, 0, set())


# --- kills -----------------------------------------------------------------------------------------------------------


@dataclass
class Mortal:
    """Ends the process at a step: before it, or when it is done and nobody has heard of it."""

    step: int
    after: bool
    steps: int = 0

    async def take[T](self, work: Awaitable[T]) -> T:
        self.steps += 1
        if self.steps != self.step:
            return await work
        if self.after:
            await work
        elif asyncio.iscoroutine(work):
            work.close()
        raise Killed


class MortalHands(Hands):
    """Hands that end in the middle of something."""

    def __init__(self, mortal: Mortal, **values: Any) -> None:
        super().__init__(**values)
        self.mortal = mortal

    async def prepare(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        return await self.mortal.take(super().prepare(aim, trace, payload))

    async def take(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        return await self.mortal.take(super().take(aim, trace, payload))

    async def take_back(self, trace: Trace) -> Reason:
        return await self.mortal.take(super().take_back(trace))


class MortalNotes(Notes):
    """A journal that is cut off."""

    def __init__(self, mortal: Mortal) -> None:
        super().__init__()
        self.mortal = mortal

    async def write(self, entry: JournalEntry) -> JournalEntry:
        return await self.mortal.take(super().write(entry))


@given(
    step=st.integers(1, 12),
    after=st.booleans(),
    refuses=st.sets(st.sampled_from(["debrid", "qbittorrent"])),
    unclear=st.booleans(),
    undo=st.booleans(),
)
def test_wherever_it_is_killed_nothing_is_had_twice(
    *, step: int, after: bool, refuses: set[str], unclear: bool, undo: bool
) -> None:
    """Kill it anywhere, start again, and ask once more: one has it, the journal says who, and undo leaves nothing."""

    async def live() -> None:
        mortal = Mortal(step, after)
        hands, notes = MortalHands(mortal), MortalNotes(mortal)
        hands.refuses = dict.fromkeys(refuses, UNCLEAR if unclear else REFUSED)
        grabber = Grabber(hands, notes)
        with suppress(Killed):
            entry = await grabber.grab(order())
            if undo and entry.undo is not None:
                await grabber.undo(entry, "somebody", NOW)
        grabber = Grabber(hands, notes)  # after the restart
        mortal.step = 0
        _, left = await grabber.settle(NOW)
        assert left == 0
        assert await notes.running() == []
        told = {trace.backend_id for each in notes.rows.values() if each.undo and each.status is EntryStatus.DONE
                if (trace := trace_of(each))}  # fmt: skip
        assert hands.there == told, "the journal knows all that is there, and nothing else"
        assert len(hands.there) <= 1
        before = list(hands.took)
        if hands.there:
            again = await grabber.grab(order())
            assert again.status in {EntryStatus.DONE, EntryStatus.FAILED}
        assert len(hands.there) <= 1
        assert [backend for backend, _ in hands.took[len(before) :] if backend in told] == []
        for each in list(notes.rows.values()):
            if each.status is EntryStatus.DONE and each.undo is not None:
                await grabber.undo(each, "somebody", NOW)
        assert hands.there == set()

    asyncio.run(live())


async def test_all_who_have_nothing_left_are_named() -> None:
    hands = Hands(places=Situation(debrids=(replace(ACCOUNT, answers=False), replace(ACCOUNT, traffic=NONE_LEFT))))
    entry = await Grabber(hands, Notes()).grab(order())
    assert entry.status is EntryStatus.FAILED
    assert [why.key for _, _, why in tries_of(entry)] == ["grab.not_answering", "grab.no_traffic"]
    assert entry.result is not None
    assert entry.result.key == "grab.no_traffic", "that passes: it is worth waiting for"
    assert entry.result.key in PASSING


async def test_who_had_nothing_left_is_told_though_another_one_has_it() -> None:
    hands = Hands(places=Situation(clients=(CLIENT,), debrids=(replace(ACCOUNT, quiet_until=NOW),)))
    entry = await Grabber(hands, Notes()).grab(order())
    assert entry.status is EntryStatus.DONE
    assert hands.took == [("qbittorrent", NAME)]
    assert [why.key for _, _, why in tries_of(entry)] == ["grab.account_paused"]
