"""The forwarded port: set at once, never 0, read back, tried again ever more rarely, woken when it is deaf."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.guards.evidence import Seen
from custom_components.sokoul.autopilot.guards.port import (
    PortFacts,
    PortMemory,
    PortPolicy,
    PortState,
    PortVerdict,
    Write,
    advance,
)
from custom_components.sokoul.model.downloads import ClientSettings, ConnectionStatus
from tests.model.make import NOW

POLICY = PortPolicy()
CONNECTED, FIREWALLED, DISCONNECTED = (
    ConnectionStatus.CONNECTED,
    ConnectionStatus.FIREWALLED,
    ConnectionStatus.DISCONNECTED,
)
IN_SYNC, SETTING, WAKING, DEAD, FAILING, NOT_FORWARDED, UNKNOWN = (
    PortState.IN_SYNC, PortState.SETTING, PortState.WAKING, PortState.DEAD, PortState.FAILING,
    PortState.NOT_FORWARDED, PortState.UNKNOWN,
)  # fmt: skip


@dataclass
class Wire:
    """A tunnel and a client, and a guard between them that is asked every second."""

    forwarded: tuple[int, ...] | None = (5914,)
    port: int | None = 5914
    random_port: bool | None = False
    upnp: bool | None = False
    connection: ConnectionStatus = CONNECTED
    active: bool = True
    offering: bool = False
    takes: bool | None = True  # writes: yes, refused, no answer
    unaware: bool = False  # it doesn't notice that its interface was made anew
    misled_since: datetime | None = None  # it runs, and shows an address from before the cure of a leak
    deaf: bool = False  # it listens on an interface that is gone; another port makes it listen anew
    tunnel_since: datetime | None = NOW
    client_since: datetime | None = NOW
    policy: PortPolicy = POLICY
    now: datetime = NOW
    memory: PortMemory = field(default_factory=PortMemory)
    write: Write | None = None
    written: list[Mapping[str, int | bool]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def ask(self) -> PortVerdict:
        settings = ClientSettings(listen_port=self.port, random_port=self.random_port, upnp=self.upnp)
        facts = PortFacts(
            client="qBittorrent",
            vpn="Gluetun",
            forwarded=None if self.forwarded is None else Seen(value=self.forwarded, at=self.now),
            settings=None if self.port is None else Seen(value=settings, at=self.now),
            connection=FIREWALLED if self.deaf and self.connection is CONNECTED else self.connection,
            active=self.active,
            offering=self.offering,
            unaware=self.unaware,
            misled_since=self.misled_since,
            tunnel_since=self.tunnel_since,
            client_since=self.client_since,
            write=self.write,
        )
        self.memory, verdict = advance(self.memory, facts, self.policy, self.now)
        if verdict.write:
            self._take(verdict.write)
        return verdict

    def _take(self, values: Mapping[str, int | bool]) -> None:
        self.written.append(values)
        self.at.append((self.now - NOW).total_seconds())
        if self.takes is None:
            return
        self.write = Write(at=self.now, accepted=self.takes)
        if self.takes:
            port = 0 if values.get("random_port") else int(values["listen_port"])
            self.deaf = self.deaf and port == self.port
            self.port = port
            self.random_port = bool(values.get("random_port", self.random_port))
            self.upnp = bool(values.get("upnp", self.upnp))

    def live(self, seconds: float) -> PortVerdict:
        verdict = self.ask()
        for _ in range(int(seconds)):
            self.now += timedelta(seconds=1)
            verdict = self.ask()
        return verdict

    @property
    def ports(self) -> list[int | bool]:
        return [values["listen_port"] for values in self.written]


@pytest.mark.parametrize(
    ("name", "wire", "state", "written"),
    [
        ("right", Wire(), IN_SYNC, []),
        ("another", Wire(port=6881), IN_SYNC, [5914]),
        ("random ports", Wire(random_port=True), IN_SYNC, [5914]),
        ("UPnP", Wire(upnp=True), IN_SYNC, [5914]),
        ("a client that doesn't tell of these", Wire(random_port=None, upnp=None), IN_SYNC, []),
        ("several: it has one of them", Wire(forwarded=(5914, 5915, 5916), port=5915), IN_SYNC, []),
        ("several: it has none of them", Wire(forwarded=(5914, 5915), port=6881), IN_SYNC, [5914]),
        ("none", Wire(forwarded=(), port=6881), NOT_FORWARDED, []),
        ("0 is none", Wire(forwarded=(0,), port=6881), NOT_FORWARDED, []),
        ("0 among others", Wire(forwarded=(0, 5914), port=0), IN_SYNC, [5914]),
        ("no port at all", Wire(forwarded=(99999, -1), port=6881), NOT_FORWARDED, []),
        ("nobody can tell", Wire(forwarded=None, port=6881), UNKNOWN, []),
        ("the client is silent", Wire(port=None), UNKNOWN, []),
        ("nobody came in, and nothing runs", Wire(connection=FIREWALLED, active=False), IN_SYNC, []),
        ("the client doesn't know", Wire(connection=ConnectionStatus.UNKNOWN), IN_SYNC, []),
    ],
)
def test_what_is_done(name: str, wire: Wire, state: PortState, written: list[int]) -> None:
    verdict = wire.live(600)
    assert (verdict.state, wire.ports) == (state, written)
    assert verdict.in_sync is ({IN_SYNC: True}.get(state))
    assert not verdict.report
    assert all(values["random_port"] is False and values["upnp"] is False for values in wire.written)


def test_a_new_port_is_set_at_the_same_look() -> None:
    wire = Wire()
    wire.live(60)
    wire.forwarded = (6000,)
    assert wire.ask().write == {"listen_port": 6000, "random_port": False, "upnp": False}


def test_of_several_the_one_before_is_taken_again() -> None:
    wire = Wire(forwarded=(5914, 5915), port=5915)
    wire.live(5)
    wire.port = 6881
    wire.live(5)
    assert wire.ports == [5915]


WRONG = PortFacts(
    client="qBittorrent",
    vpn="Gluetun",
    forwarded=Seen(value=(5914,), at=NOW),
    settings=Seen(value=ClientSettings(listen_port=6881), at=NOW),
)


def test_a_port_from_before_the_reconnect_is_not_set() -> None:
    wire = Wire(port=6881)
    facts = replace(WRONG, tunnel_since=NOW + timedelta(seconds=1))
    _, verdict = advance(wire.memory, facts, POLICY, NOW)
    assert (verdict.state, verdict.write) == (UNKNOWN, {})


def test_settings_from_before_a_restart_of_the_client_are_read_again() -> None:
    facts = replace(WRONG, client_since=NOW + timedelta(seconds=1))
    memory, verdict = advance(PortMemory(), facts, POLICY, NOW)
    assert (verdict.state, verdict.read, verdict.write) == (UNKNOWN, True, {})
    facts = replace(facts, settings=Seen(value=ClientSettings(listen_port=1), at=NOW + timedelta(seconds=2)))
    _, verdict = advance(memory, facts, POLICY, NOW + timedelta(seconds=2))
    assert verdict.write["listen_port"] == 5914


def test_what_was_written_is_read_back_before_it_is_believed() -> None:
    facts = WRONG
    memory, verdict = advance(PortMemory(), facts, POLICY, NOW)
    assert verdict.write
    later = NOW + timedelta(seconds=1)
    memory, verdict = advance(memory, replace(facts, write=Write(at=later, accepted=True)), POLICY, later)
    assert (verdict.state, verdict.read, verdict.in_sync) == (SETTING, True, None)
    read = Seen(value=ClientSettings(listen_port=5914), at=later + timedelta(seconds=1))
    facts = replace(facts, write=Write(at=later, accepted=True), settings=read, connection=CONNECTED)
    _, verdict = advance(memory, facts, POLICY, read.at)
    assert (verdict.state, verdict.in_sync) == (IN_SYNC, True)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_refused_write_is_tried_again_ever_more_rarely_and_said() -> None:
    wire = Wire(port=6881, takes=False)
    verdict = wire.live(14)
    assert (wire.at, verdict.state, verdict.report) == ([0, 5], SETTING, False)
    verdict = wire.live(1)
    assert (verdict.state, verdict.report) == (SETTING, False)
    verdict = wire.live(1)
    assert (verdict.state, verdict.report, verdict.reasons[0].key) == (FAILING, True, "guard.port_refused")
    wire.live(4000)
    assert wire.at[:6] == [0, 5, 15, 35, 75, 155]
    assert wire.at[-1] - wire.at[-2] == POLICY.longest_retry.total_seconds()


def test_when_it_is_taken_at_last_all_is_well() -> None:
    wire = Wire(port=6881, takes=False)
    wire.live(100)
    wire.takes = True
    verdict = wire.live(100)
    assert (verdict.state, verdict.report) == (IN_SYNC, False)


def test_a_write_without_an_answer_counts_as_failed() -> None:
    wire = Wire(port=6881, takes=None)
    verdict = wire.live(29)
    assert (wire.at, verdict.state) == ([0], SETTING)
    wire.live(1)
    assert wire.at == [0, 30]
    assert wire.live(600).state is FAILING


def test_another_tool_that_changes_it_back_is_named_and_not_fought() -> None:
    wire = Wire(port=6881)
    for _ in range(360):
        verdict = wire.live(10)
        wire.port = 6881
    assert (verdict.state, verdict.report, verdict.reasons[0].key) == (FAILING, True, "guard.port_other")
    assert len(wire.written) < 15


def test_after_a_while_of_peace_earlier_tries_are_forgotten() -> None:
    wire = Wire(port=6881, takes=False)
    wire.live(60)
    wire.takes = True
    wire.live(20 + POLICY.settled.total_seconds() + 1)
    wire.port = 6881
    assert wire.ask().write


def test_after_a_reconnect_with_the_same_port_it_listens_anew_whatever_it_says_of_itself() -> None:
    wire = Wire(connection=CONNECTED)
    wire.live(60)
    wire.tunnel_since = wire.now
    assert wire.ask().reasons[0].key == "guard.port_renew"
    assert wire.live(3).state is IN_SYNC
    assert wire.ports == [5915, 5914]
    wire.client_since = wire.now
    wire.live(600)
    assert wire.ports == [5915, 5914]


def test_another_port_after_a_reconnect_is_enough() -> None:
    wire = Wire()
    wire.live(60)
    wire.tunnel_since, wire.forwarded = wire.now, (6000,)
    wire.live(600)
    assert wire.ports == [6000]


def test_a_reconnect_is_not_forgotten_while_there_is_no_port_and_the_client_is_away() -> None:
    wire = Wire()
    wire.live(60)
    wire.tunnel_since, wire.forwarded, wire.port = wire.now, (), None
    wire.live(10)
    wire.forwarded, wire.port, wire.client_since = (5914,), 5914, wire.now
    wire.live(10)
    assert wire.ports == [5915, 5914]


def test_what_only_had_a_random_port_switched_off_listens_anew_all_the_same() -> None:
    wire = Wire()
    wire.live(60)
    wire.tunnel_since, wire.random_port = wire.now, True
    wire.live(10)
    assert wire.ports == [5914, 5915, 5914]


@pytest.mark.parametrize("change", ["tunnel_since", "client_since"])
def test_a_reconnect_or_a_restart_lets_it_try_at_once(change: str) -> None:
    wire = Wire(port=6881, takes=False)
    wire.live(100)
    assert not wire.ask().write
    setattr(wire, change, wire.now)
    assert wire.ask().write


# --- who is deaf -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "after"), [(FIREWALLED, POLICY.firewalled), (DISCONNECTED, POLICY.disconnected)]
)
def test_a_deaf_client_is_woken(connection: ConnectionStatus, after: timedelta) -> None:
    wire = Wire(connection=connection)
    wire.live(after.total_seconds() - 1)
    assert not wire.written
    wire.now += timedelta(seconds=1)
    assert wire.ask().state is WAKING
    wire.now += timedelta(seconds=1)
    assert wire.ask().state is SETTING
    assert wire.ports == [5915, 5914]


def test_what_is_awake_is_left_alone() -> None:
    wire = Wire(deaf=True)
    verdict = wire.live(3600)
    assert (wire.ports, verdict.state) == ([5915, 5914], IN_SYNC)


def test_what_stays_deaf_is_said_and_left_alone() -> None:
    wire = Wire(connection=FIREWALLED)
    verdict = wire.live(7200)
    assert wire.ports == [5915, 5914] * POLICY.wakes
    assert (verdict.state, verdict.in_sync, verdict.report) == (DEAD, True, True)
    wire.connection = CONNECTED
    verdict = wire.live(1)
    assert (verdict.state, verdict.report) == (IN_SYNC, False)


def test_the_next_connection_gets_its_own_tries() -> None:
    wire = Wire(connection=FIREWALLED)
    wire.live(7200)
    wire.tunnel_since = wire.now
    wire.live(7200)
    assert wire.ports == [5915, 5914] * POLICY.wakes * 2


def test_the_port_for_a_moment_is_none_of_the_forwarded_ones() -> None:
    wire = Wire(connection=FIREWALLED, forwarded=(65534, 65535), port=65534)
    wire.live(400)
    assert wire.ports == [65533, 65534] * POLICY.wakes


def test_who_only_offers_what_nobody_wants_is_tried_once_after_hours_and_not_told_of() -> None:
    wire = Wire(connection=FIREWALLED, active=False, offering=True)
    verdict = wire.live(POLICY.unwanted.total_seconds() - 1)
    assert (wire.ports, verdict.state) == ([], IN_SYNC)
    verdict = wire.live(POLICY.unwanted.total_seconds() * 3)
    assert (wire.ports, verdict.state, verdict.report) == ([5915, 5914], IN_SYNC, False)
    wire.active = True
    verdict = wire.live(POLICY.firewalled.total_seconds() - 1)
    assert (wire.ports, verdict.report) == ([5915, 5914], False)
    verdict = wire.live(600)
    assert (wire.ports, verdict.state, verdict.report) == ([5915, 5914] * 2, DEAD, True)
    wire.active = False  # what was fetched is complete now
    assert wire.live(3600).report
    assert wire.ports == [5915, 5914] * 2


def test_the_time_in_which_nobody_wanted_anything_does_not_count_once_something_is_fetched() -> None:
    wire = Wire(connection=FIREWALLED, active=False, offering=True)
    wire.live(7200)
    wire.active = True
    wire.live(POLICY.firewalled.total_seconds() - 1)
    assert not wire.written
    wire.live(2)
    assert wire.ports == [5915, 5914]


def test_who_does_not_listen_at_all_is_woken_whatever_it_offers() -> None:
    wire = Wire(connection=DISCONNECTED, active=False, offering=True)
    wire.live(POLICY.disconnected.total_seconds() + 2)
    assert wire.ports == [5915, 5914]


def test_idle_time_does_not_count_as_deafness() -> None:
    wire = Wire(connection=FIREWALLED)
    for _ in range(20):
        wire.active = True
        wire.live(100)
        wire.active = False
        wire.live(100)
    assert not wire.written


# --- where none is forwarded -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("forwarded", [(), (0,), None])
@pytest.mark.parametrize("own", [6881, 65535, 0])
def test_who_does_not_notice_a_reconnect_listens_anew_on_its_own_port(
    forwarded: tuple[int, ...] | None, own: int
) -> None:
    wire = Wire(forwarded=forwarded, port=own, random_port=own == 0, upnp=True, unaware=True)
    wire.live(60)
    assert not wire.written
    wire.tunnel_since, wire.deaf = wire.now, True
    verdict = wire.ask()
    assert (verdict.state, verdict.reasons[0].key) == (WAKING, "guard.port_renew")
    verdict = wire.live(600)
    other = {6881: 6882, 65535: 65534, 0: 49152}[own]
    assert wire.written == [{"listen_port": other}, {"listen_port": own} if own else {"random_port": True}]
    assert (wire.port, wire.deaf, wire.upnp) == (own, False, True)
    assert (verdict.in_sync, verdict.report) == (None, False)
    assert wire.memory.lent is None


def test_who_notices_a_reconnect_is_left_alone() -> None:
    wire = Wire(forwarded=(), port=6881)
    wire.live(60)
    wire.tunnel_since = wire.now
    wire.live(600)
    assert not wire.written


@pytest.mark.parametrize(("forwarded", "own"), [((5914,), 5914), ((), 6881), (None, 6881)])
def test_who_was_told_of_home_before_a_cure_listens_anew_and_believes_who_tells_it_first(
    forwarded: tuple[int, ...] | None, own: int
) -> None:
    wire = Wire(forwarded=forwarded, port=own)
    wire.live(60)
    for _ in range(2):  # as often as that happens, and not more often
        wire.misled_since = wire.now
        verdict = wire.ask()
        assert (verdict.state, verdict.reasons[0].key) == (WAKING, "guard.port_misled")
        wire.live(600)
        assert (wire.ports, wire.port, wire.memory.lent) == ([own + 1, own], own, None)
        wire.written.clear()
        wire.misled_since = None
        wire.live(60)
        assert not wire.written


def test_who_was_told_so_while_its_settings_could_not_be_read_listens_anew_after_that() -> None:
    wire = Wire(forwarded=(), port=6881)
    wire.live(60)
    wire.port, wire.misled_since = None, wire.now
    wire.live(60)
    assert not wire.written
    wire.port = 6881
    wire.live(60)
    assert wire.ports == [6882, 6881]


def test_a_port_that_is_forwarded_a_little_later_is_waited_for() -> None:
    wire = Wire(unaware=True)
    wire.live(60)
    wire.tunnel_since, wire.forwarded = wire.now, ()
    wire.live(POLICY.forwarding.total_seconds() - 1)
    assert not wire.written
    wire.forwarded = (6000,)
    wire.live(300)
    assert wire.ports == [6000]
    wire.tunnel_since, wire.forwarded = wire.now, ()
    wire.live(POLICY.forwarding.total_seconds() + 5)
    assert wire.ports == [6000, 6001, 6000]


def test_what_was_lent_is_given_back_however_long_it_takes() -> None:
    wire = Wire(forwarded=(), port=6881, unaware=True)
    wire.live(60)
    wire.tunnel_since = wire.now
    wire.ask()
    assert wire.port == 6882
    wire.takes = False
    wire.live(3600)
    assert 3 < len(wire.written) < 15  # ever more rarely
    wire.memory = PortMemory(lent=wire.memory.lent)  # a restart of Home Assistant
    wire.takes, wire.unaware = True, False
    wire.live(10)
    assert (wire.port, wire.memory.lent) == (6881, None)


def test_a_port_that_somebody_set_meanwhile_stays() -> None:
    wire = Wire(forwarded=(), port=6881, unaware=True)
    wire.live(60)
    wire.tunnel_since = wire.now
    wire.ask()
    wire.port = 7000
    wire.live(600)
    assert (wire.ports, wire.port, wire.memory.lent) == ([6882], 7000, None)


# --- whatever happens ------------------------------------------------------------------------------------------------

CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "forwarded": st.one_of(st.none(), st.lists(st.integers(-5, 70000), max_size=4).map(tuple)),
        "port": st.one_of(st.none(), st.integers(0, 65535)),
        "random_port": st.sampled_from([None, True, False]),
        "connection": st.sampled_from(ConnectionStatus),
        "active": st.booleans(),
        "offering": st.booleans(),
        "unaware": st.booleans(),
        "misled_since": st.one_of(st.none(), st.datetimes(timezones=st.just(NOW.tzinfo))),
        "takes": st.sampled_from([True, False, None]),
    },
)


@given(st.lists(st.tuples(CHANGES, st.integers(1, 300)), max_size=15))
def test_never_0_never_without_end_and_right_in_the_end(changes: list[tuple[dict[str, Any], int]]) -> None:
    wire = Wire()
    for change, seconds in changes:
        for name, value in change.items():
            setattr(wire, name, value)
        before = len(wire.written)
        wire.live(seconds)
        assert len(wire.written) - before <= 3 + 2 * POLICY.wakes + seconds / 5
    assert all(0 < port <= 65535 for port in wire.ports)
    wire.forwarded, wire.takes, wire.connection, wire.port = (7000,), True, CONNECTED, wire.port or 1
    verdict = wire.live(POLICY.answer.total_seconds() + 1)
    assert (verdict.state, verdict.in_sync, wire.port) == (IN_SYNC, True, 7000)
    assert not wire.random_port
