"""Every policy of failures against a simulated Real-Debrid, over HTTP, within the budget, on a clock that is moved."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import json

from aiohttp import ClientSession, DummyCookieJar
import pytest

from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.clients.real_debrid_budget import DebridBudget
from custom_components.sokoul.clients.real_debrid_tokens import ApiToken
from custom_components.sokoul.debrid.finding import Standing, find
from custom_components.sokoul.debrid.policies import STATES, Course
from custom_components.sokoul.debrid.repair_ports import Refusal
from custom_components.sokoul.debrid.repairing import Repairer
from custom_components.sokoul.debrid.retrying import Ending, Repair, Step
from custom_components.sokoul.debrid_hands import DebridHands
from custom_components.sokoul.model.debrid import DebridCode, DebridStatus
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import API_TOKEN, ERRORS, RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile, Torrent
from tests.debrid.repair_account import Notes

FILES = (PlannedFile("/Show.S01E01.mkv", 1000), PlannedFile("/Show.S01E02.mkv", 2000), PlannedFile("/read me.txt", 3))


@dataclass(slots=True)
class Stage:
    """A simulated account, our client within its budget, and a repairer."""

    clock: ManualClock
    debrid: RealDebridSimulator
    client: RealDebridClient
    notes: Notes = field(default_factory=Notes)

    def repairer(self, known: Callable[[], Awaitable[int]] | None = None) -> Repairer:
        return Repairer(
            DebridHands(lambda: self.client, self.clock.now, known=known),
            self.notes,
            clock=self.clock.now,
            chance=lambda: 0.0,
            acting=lambda _repair: True,
        )

    def failed(self, number: int, status: str = "error", **plan: object) -> Torrent:
        """Put a torrent there that failed long ago, and plan what becomes of it when it is added again."""
        made = replace(Plan(name=f"Show {number}", files=FILES), **plan)  # type: ignore[arg-type] -- a short way
        account = self.debrid.account
        torrent = account.add(f"{number:040x}")
        account.plans[torrent.hash] = made
        torrent.plan = replace(made, outcome="stuck", stuck_in=status)
        torrent.selected = frozenset({1, 2}) if status != "magnet_conversion" else frozenset()
        torrent.added -= timedelta(days=30)
        account.turn(torrent, status)
        return torrent

    async def want(self, repairer: Repairer, *torrents: Torrent) -> None:
        """Want repaired what the list shows, as if it had been so for a day."""
        hashes = {torrent.hash for torrent in torrents}
        page = await self.client.torrents()
        assert page is not None
        since = self.clock.now() - timedelta(days=1)
        listed = [Standing(torrent=each, unchanged_since=since) for each in page.torrents if each.hash in hashes]
        for repair in find(listed, self.clock.now()):
            await repairer.want(repair)

    async def pass_time(self, repairer: Repairer, **time: float) -> None:
        end = self.clock.now() + timedelta(**time)
        while (at := await repairer.run()) is not None and at <= end:
            self.clock.advance(max(at - self.clock.now(), timedelta()))
        self.clock.advance(max(end - self.clock.now(), timedelta()))

    def of(self, torrent: Torrent) -> Repair:
        return self.notes.by_hash[torrent.hash]

    def entries(self, torrent: Torrent) -> list[Torrent]:
        return [each for each in self.debrid.account.torrents.values() if each.hash == torrent.hash]

    def adds(self) -> int:
        return sum(request.path.endswith("/addMagnet") for request in self.debrid.requests)


@pytest.fixture
async def stage(socket_enabled: None) -> AsyncIterator[Stage]:
    clock = ManualClock()

    def call_later(delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        clock.advance(timedelta(seconds=delay + 0.001))  # whoever waits for the budget has waited
        return asyncio.get_running_loop().call_later(0, call)

    def seconds() -> float:
        return (clock.now() - datetime(2026, 1, 1, tzinfo=clock.now().tzinfo)).total_seconds()

    async with RealDebridSimulator(clock=clock) as debrid, ClientSession(cookie_jar=DummyCookieJar()) as session:
        budget = DebridBudget(time=seconds, call_later=call_later, jitter=lambda: 1.0)
        yield Stage(clock, debrid, RealDebridClient(session, ApiToken(API_TOKEN), budget, url=debrid.url))


def refuse(stage: Stage, route: str, code: DebridCode, times: int) -> None:
    name, status = ERRORS[code]
    body = json.dumps({"error": name, "error_code": int(code)})
    stage.debrid.fault(FaultKind.STATUS, route, times=times, status=status, body=body)


ADD, SELECT, DETAILS = "POST */torrents/addMagnet", "POST */torrents/selectFiles/*", "GET */torrents/info/*"
LIST, LINK, DELETE = "GET */torrents", "POST */unrestrict/link", "DELETE */torrents/delete/*"


@pytest.mark.parametrize("status", [each for each, policy in STATES.items() if policy.course is Course.READD])
async def test_what_failed_is_added_again_with_the_same_files(stage: Stage, status: DebridStatus) -> None:
    old = stage.failed(1, status)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, hours=1)
    (entry,) = stage.entries(old)
    assert entry.id != old.id
    assert entry.status == "downloaded"
    # Real-Debrid names no files of a magnet link that it knows nothing of: then all are taken
    nameless = status in {DebridStatus.MAGNET_ERROR, DebridStatus.MAGNET_CONVERSION}
    assert entry.selected == (frozenset({1, 2, 3}) if nameless else frozenset({1, 2}))
    assert stage.of(old).ending is Ending.REPAIRED


@pytest.mark.parametrize("outcome", ["magnet_error", "error", "dead"])
async def test_three_tries_and_nothing_is_left_behind(stage: Stage, outcome: str) -> None:
    old = stage.failed(1, outcome=outcome, cached=outcome != "dead")
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, days=5)
    assert stage.adds() == 3
    assert stage.entries(old) == [old]
    assert stage.of(old).ending is Ending.EXHAUSTED
    assert stage.of(old).problem == outcome


async def test_a_virus_is_found_once(stage: Stage) -> None:
    old = stage.failed(1, outcome="virus")
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, days=5)
    assert (stage.adds(), stage.entries(old), stage.of(old).ending) == (1, [old], Ending.VIRUS)


async def test_a_packed_one_is_no_replacement(stage: Stage) -> None:
    old = stage.failed(1, packed=True)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, hours=1)
    assert (stage.entries(old), stage.of(old).problem) == ([old], "not_as_wanted")


async def test_what_takes_long_is_waited_for(stage: Stage) -> None:
    old = stage.failed(1, cached=False, download_seconds=36_000.0)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, hours=9)
    assert len(stage.entries(old)) == 2
    await stage.pass_time(repairer, hours=2)
    assert [entry.status for entry in stage.entries(old)] == ["downloaded"]


@pytest.mark.parametrize("route", [ADD, SELECT, DETAILS, LIST, LINK, DELETE])
@pytest.mark.parametrize(
    "code",
    [
        DebridCode.INTERNAL_ERROR,
        DebridCode.SLOW_DOWN,
        DebridCode.RESOURCE_UNREACHABLE,
        DebridCode.BAD_TOKEN,
        DebridCode.ACCOUNT_LOCKED,
        DebridCode.HOSTER_UNAVAILABLE,
        DebridCode.TOO_MANY_ACTIVE_DOWNLOADS,
        DebridCode.IP_ADDRESS_NOT_ALLOWED,
        DebridCode.TRAFFIC_EXHAUSTED,
        DebridCode.SERVICE_UNAVAILABLE,
        DebridCode.UPLOAD_ERROR,
        DebridCode.TOO_MANY_REQUESTS,
        DebridCode.FAIR_USAGE_LIMIT,
        DebridCode.DISABLED_ENDPOINT,
    ],
)
async def test_limits_outages_and_accounts_count_for_nothing(stage: Stage, route: str, code: DebridCode) -> None:
    old = stage.failed(1)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    refuse(stage, route, code, times=3)
    await stage.pass_time(repairer, days=3)
    (entry,) = stage.entries(old)
    assert entry.status == "downloaded"
    assert (stage.of(old).ending, stage.of(old).tries) == (Ending.REPAIRED, 0)
    assert stage.debrid.meter.most_in_a_minute <= 100


@pytest.mark.parametrize("kind", [FaultKind.DISCONNECT, FaultKind.HTML, FaultKind.TRUNCATE, FaultKind.TRUNCATE_JSON])
@pytest.mark.parametrize("route", [ADD, SELECT, DETAILS, LIST, DELETE])
async def test_no_proper_answer_doubles_nothing(stage: Stage, kind: FaultKind, route: str) -> None:
    """The answer to an adding may be cut off though it was done."""
    old = stage.failed(1)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    stage.debrid.fault(kind, route, times=2)
    await stage.pass_time(repairer, days=1)
    assert [entry.status for entry in stage.entries(old)] == ["downloaded"]
    assert (stage.of(old).ending, stage.of(old).tries) == (Ending.REPAIRED, 0)


async def test_what_a_gateway_answers_says_nothing_of_what_was_done(stage: Stage) -> None:
    old = stage.failed(1)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    stage.debrid.overloaded = 1
    await stage.pass_time(repairer, days=1)
    assert [entry.status for entry in stage.entries(old)] == ["downloaded"]
    assert (stage.adds(), stage.of(old).ending, stage.of(old).ours) == (1, Ending.REPAIRED, True)
    assert repairer.stands_back_until is None, "that was us"


@pytest.mark.parametrize("code", [24, 26, 28, 29, 30, 35])
async def test_what_is_never_served_is_asked_for_once(stage: Stage, code: int) -> None:
    old = stage.failed(1, refused_code=code)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, days=9)
    assert (stage.adds(), stage.entries(old)) == (1, [old])
    assert (stage.of(old).step, stage.of(old).ending) == (Step.GIVEN_UP, Ending.REFUSED)


async def test_infringing_by_mistake_while_throttled(stage: Stage) -> None:
    old = stage.failed(1)
    refuse(stage, ADD, DebridCode.TOO_MANY_REQUESTS, times=1)
    refuse(stage, ADD, DebridCode.INFRINGING_FILE, times=1)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, hours=1)
    adds = [request.status for request in stage.debrid.requests if request.path.endswith("addMagnet")]
    assert adds == [429, 451, 201]
    assert (stage.of(old).ending, stage.of(old).tries) == (Ending.REPAIRED, 0)


async def test_too_many_active_waits_for_a_slot(stage: Stage) -> None:
    stage.debrid.account.active_limit = 0
    old = stage.failed(1)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, hours=5)
    assert stage.entries(old) == [old]
    assert stage.adds() < 9
    stage.debrid.account.active_limit = 100
    await stage.pass_time(repairer, hours=2)
    assert stage.of(old).ending is Ending.REPAIRED


async def test_active_already(stage: Stage) -> None:
    stage.debrid.refuses_active_twice = True
    old = stage.failed(1, cached=False, download_seconds=7200.0)
    repairer = stage.repairer()
    await stage.want(repairer, old)
    other = stage.debrid.account.add(old.hash)
    stage.debrid.account.settle()
    await stage.pass_time(repairer, hours=1)
    stage.debrid.account.settle()
    assert {entry.id for entry in stage.entries(old)} == {old.id, other.id}
    await stage.pass_time(repairer, hours=3)
    assert stage.entries(old) == [other]


async def test_what_is_stuck_and_counts_as_active_is_not_tried_for_ever(stage: Stage) -> None:
    stage.debrid.refuses_active_twice = True
    old = stage.failed(1, "magnet_conversion")
    repairer = stage.repairer()
    await stage.want(repairer, old)
    await stage.pass_time(repairer, days=3)
    assert (stage.entries(old), stage.of(old).ending) == ([old], Ending.EXHAUSTED)
    assert stage.adds() == 6


async def test_many_within_all_limits(stage: Stage) -> None:
    """Sixty fail, half of them for good: twenty an hour, a hundred requests a minute, none lost, none doubled."""
    torrents = [stage.failed(number, outcome="error" if number % 2 else "downloaded") for number in range(1, 61)]
    repairer = stage.repairer()
    await stage.want(repairer, *torrents)
    await stage.pass_time(repairer, minutes=59)
    assert stage.adds() == 20
    repairer = stage.repairer()  # a restart
    await repairer.load()
    await stage.pass_time(repairer, days=5)
    for number, torrent in enumerate(torrents, 1):
        (entry,) = stage.entries(torrent)
        assert (entry.status == "downloaded") == (number % 2 == 0)
        assert stage.of(torrent).ending is (Ending.EXHAUSTED if number % 2 else Ending.REPAIRED)
    assert stage.adds() == 30 + 3 * 30
    assert stage.debrid.meter.most_in_a_minute <= 100
    assert stage.debrid.meter.refused == 0


# --- lists that can't be right


async def test_an_empty_list_is_believed_when_it_is_read_twice(stage: Stage) -> None:
    stage.debrid.account.fill(9)
    known = 9

    async def count() -> int:
        return known

    hands = DebridHands(lambda: stage.client, stage.clock.now, known=count)
    assert len(await hands.entries()) == 9
    for _ in range(2):
        stage.debrid.fault(FaultKind.STATUS, LIST, status=204, body="", times=1)
        with pytest.raises(Refusal, match="lacks most"):
            await hands.entries()
        assert len(await hands.entries()) == 9, "a bad moment"
    for torrent_id in tuple(stage.debrid.account.torrents):
        stage.debrid.account.delete(torrent_id)
    with pytest.raises(Refusal):
        await hands.entries()
    assert await hands.entries() == []
    known = 0
    assert await hands.entries() == []


async def test_an_empty_list_adds_nothing_beside_what_is_complete(stage: Stage) -> None:
    async def count() -> int:
        return len(stage.debrid.account.torrents)

    old = stage.failed(1)
    made = stage.repairer(count)
    await stage.want(made, old)
    stage.debrid.account.fill(9)
    good = stage.debrid.account.add(old.hash)
    stage.debrid.account.turn(good, "downloaded")
    stage.debrid.fault(FaultKind.STATUS, LIST, status=204, body="", times=1)
    await stage.pass_time(made, hours=1)
    assert stage.adds() == 0
    assert good in stage.entries(old)


async def test_a_removed_account_refuses_everything_and_was_never_throttled(stage: Stage) -> None:
    def client() -> RealDebridClient:
        raise CannotConnect("the account was removed")

    hands = DebridHands(client, stage.clock.now)
    assert hands.throttled_at is None
    asked: list[Callable[[], Awaitable[object]]] = [
        hands.entries,
        lambda: hands.details("A"),
        lambda: hands.add("0" * 40),
        lambda: hands.add_file(b""),
        lambda: hands.select("A", [1]),
        lambda: hands.delete("A"),
        lambda: hands.try_link("https://real-debrid.com/d/A"),
    ]
    for ask in asked:
        with pytest.raises(Refusal, match="removed") as refused:
            await ask()
        assert refused.value.code is None, "Real-Debrid said nothing"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, DebridCode.PERMISSION_DENIED),
        (429, DebridCode.TOO_MANY_REQUESTS),
        (451, DebridCode.INFRINGING_FILE),
        (402, None),
        (419, None),
        (499, None),
        (503, DebridCode.SERVICE_UNAVAILABLE),
    ],
)
async def test_a_status_without_a_code(stage: Stage, status: int, code: DebridCode | None) -> None:
    """What is between us and Real-Debrid may answer with statuses that no standard knows."""
    route, headers = "POST /rest/1.0/torrents/addMagnet", {"Retry-After": "5"}
    stage.debrid.fault(FaultKind.STATUS, route, status=status, body="", headers=headers, times=1)
    with pytest.raises(Refusal) as refused:
        await DebridHands(lambda: stage.client, stage.clock.now).add("0" * 40)
    assert refused.value.code is code
