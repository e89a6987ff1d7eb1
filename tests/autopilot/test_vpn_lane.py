"""The lane of the VPN guard: how often it looks, that it acts at once and again until it is done."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.sokoul.autopilot.guards.evidence import Seen
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Proof, Protection, Verdict, VpnState
from custom_components.sokoul.autopilot.vpn_lane import (
    AFTER_FAILURE,
    CALM,
    FAST,
    PACES,
    REOPEN_EVERY,
    RESTARTS_FOR,
    SELDOM,
    Reaction,
    VpnLane,
)
from custom_components.sokoul.model.downloads import ClientSettings, ConnectionStatus, Transfer
from custom_components.sokoul.model.vpn import VpnSnapshot, VpnStatus

START = datetime(2026, 11, 21, tzinfo=UTC)
AWAY = "203.0.113.9"
SECOND = timedelta(seconds=1)


class OutOfReachError(Exception):
    """What the client raises."""


@dataclass
class FakeClient:
    """A client that writes down what it is asked."""

    errors: tuple[type[Exception], ...] = (OutOfReachError,)
    interface: str = "tun0"
    existing: list[str] = field(default_factory=lambda: ["lo", "tun0"])
    broken: set[str] = field(default_factory=set)  # what fails
    asked: list[str] = field(default_factory=list)
    held: bool = False
    batches: int = 2  # in so many steps it is reopened

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.broken:
            raise OutOfReachError

    async def transfer(self) -> Transfer:
        self._ask("transfer")
        return Transfer(connection=ConnectionStatus.CONNECTED, external_ipv4=AWAY)

    async def settings(self) -> ClientSettings:
        self._ask("settings")
        return ClientSettings(interface=self.interface)

    async def interfaces(self) -> list[str]:
        self._ask("interfaces")
        return self.existing

    async def close(self) -> int:
        self.held = True
        self._ask("close")
        return 7

    async def reopen(self) -> bool:
        self._ask("reopen")
        self.batches -= 1
        self.held = self.batches > 0
        return not self.held


@dataclass
class World:
    """A lane, its client, its clock, and what it told."""

    client: FakeClient
    lane: VpnLane
    told: list[Verdict]
    reactions: list[Reaction]
    now: datetime = START

    async def step(self, after: timedelta = timedelta()) -> timedelta:
        self.now += after
        self.client.asked.clear()
        return await self.lane.step(lambda: self.now)


def tunnel(status: VpnStatus, at: datetime) -> Seen[VpnSnapshot]:
    return Seen(value=VpnSnapshot(status=status, public_ip=AWAY), at=at)


@pytest.fixture(params=[Containment.BOUND, Containment.OPEN])
def containment(request: pytest.FixtureRequest) -> Containment:
    found: Containment = request.param
    return found


def world(containment: Containment, **client: object) -> World:
    told: list[Verdict] = []
    reactions: list[Reaction] = []
    fake = FakeClient(**client)  # type: ignore[arg-type]
    bound = containment is Containment.BOUND
    protection = Protection(
        client="qBittorrent",
        containment=containment,
        interface="tun0" if bound else None,
        gluetun=not bound,
        tells_address=True,
    )
    lane = VpnLane(fake, protection, on_change=told.append, on_reaction=reactions.append)
    if not bound:
        lane.tunnel = tunnel(VpnStatus.RUNNING, START)
    return World(fake, lane, told, reactions)


ALL = ["settings", "interfaces", "transfer"]


async def test_where_it_is_seen_is_asked_for_at_each_look_at_an_open_client_and_its_binding_seldom() -> None:
    here = world(Containment.OPEN)
    assert await here.step() == FAST
    assert here.client.asked == ALL
    await here.step(FAST)
    assert here.client.asked == ["transfer"]
    await here.step(PACES[Containment.OPEN].settings)
    assert here.client.asked == ALL


async def test_its_binding_is_asked_for_at_each_look_where_nothing_else_keeps_it_inside_and_the_rest_seldom() -> None:
    here = world(Containment.BOUND)
    assert await here.step() == FAST
    assert here.client.asked == ALL
    await here.step(FAST)
    assert here.client.asked == ["settings"]
    await here.step(PACES[Containment.BOUND].transfer)
    assert here.client.asked == ALL


async def test_that_a_binding_is_taken_away_is_seen_at_once() -> None:
    here = world(Containment.BOUND)
    await here.step()
    here.client.interface = ""
    assert await here.step(FAST) == FAST
    assert here.client.asked == ["settings", "close"]


async def test_what_shares_the_network_of_its_tunnel_is_looked_at_seldom() -> None:
    here = world(Containment.NAMESPACE)
    assert await here.step() == CALM
    assert here.client.asked == ALL
    await here.step(SELDOM.settings - FAST)
    assert here.client.asked == ["transfer"]


async def test_an_open_client_that_does_not_tell_where_it_is_seen_is_looked_at_seldom_unless_it_is_held() -> None:
    """As a qBittorrent before 5.1: what says that it leaks, or that its VPN is down, comes from elsewhere."""
    here = world(Containment.OPEN)
    here.lane.protection = replace(here.lane.protection, tells_address=False)
    assert await here.step() == CALM
    assert here.client.asked == ALL
    here.lane.tunnel = tunnel(VpnStatus.CRASHED, START + FAST)
    assert await here.step(FAST) == FAST
    assert here.client.asked == ["transfer", "close"]
    here.lane.tunnel = None
    await here.step(SECOND)
    here.lane.forgive(here.now)
    assert await here.step(FAST) == FAST, "it is held, and nothing is known"
    assert here.client.asked == ["transfer"]
    here.lane.tunnel = tunnel(VpnStatus.RUNNING, here.now)
    here.client.batches = 1
    assert await here.step(FAST) == FAST
    assert here.client.asked == ["transfer", "reopen"]
    assert await here.step(FAST) == CALM


@pytest.mark.parametrize("broken", [set(), {"interfaces"}])
async def test_whether_its_interface_exists_is_known_for_two_seconds_unless_it_could_not_be_read(
    broken: set[str],
) -> None:
    here = world(Containment.BOUND, existing=["lo"])
    await here.step()
    assert here.told[-1].state is VpnState.DOWN
    here.client.existing, here.client.broken = ["tun0"], broken
    await here.step(FAST)
    assert here.told[-1].state is VpnState.DOWN
    await here.step(PACES[Containment.BOUND].interfaces)
    assert here.client.asked == ALL
    settings = here.lane.evidence.settings
    assert settings is not None
    assert settings.value.interface_exists is (None if broken else True)


async def test_another_interface_that_it_is_bound_to_is_compared_with_those_that_there_are() -> None:
    here = world(Containment.BOUND, existing=["tun0", "tun1"])
    for interface, exists in (("tun0", True), ("tun1", True), ("tun2", False), ("", None)):
        here.client.interface = interface
        await here.step(FAST)
        settings = here.lane.evidence.settings
        assert settings is not None
        assert settings.value.interface_exists is exists, interface


async def test_a_clock_that_was_set_back_hides_nothing() -> None:
    """What the client is bound to would be read again only when the clock is where it was."""
    here = world(Containment.BOUND)
    await here.step()
    await here.step(-timedelta(hours=3))
    assert here.client.asked == ALL


async def test_what_it_sees_is_told_once() -> None:
    here = world(Containment.BOUND)
    for _ in range(5):
        await here.step(FAST)
    assert [verdict.state for verdict in here.told] == [VpnState.CONTAINED]


async def test_it_closes_at_once_and_says_so_once() -> None:
    here = world(Containment.BOUND)
    await here.step()
    here.client.interface = ""
    assert await here.step(SECOND) == FAST
    assert here.client.asked == ["settings", "close"]
    assert await here.step(FAST) == FAST
    assert here.client.asked == ["settings", "close"]  # what was started since is stopped, too
    (reaction,) = here.reactions
    assert (reaction.proof, reaction.torrents, reaction.at) == (Proof.BINDING, 7, START + SECOND)
    assert reaction.seconds > 0


async def test_what_could_not_be_stopped_is_tried_again_and_not_called_stopped() -> None:
    here = world(Containment.OPEN, broken={"close"})
    here.lane.tunnel = tunnel(VpnStatus.CRASHED, START)
    for _ in range(3):
        assert await here.step(FAST) == FAST
        assert here.client.asked[-1] == "close"
    assert here.reactions == []
    here.client.broken.clear()
    await here.step(FAST)
    assert len(here.reactions) == 1


async def test_a_client_that_does_not_answer_is_still_told_to_stop() -> None:
    """It may answer that although it doesn't answer this."""
    here = world(Containment.OPEN, broken={"transfer", "settings"})
    here.lane.tunnel = tunnel(VpnStatus.CRASHED, START)
    await here.step()
    assert here.client.asked[-1] == "close"


async def test_a_client_that_does_not_answer_is_left_alone_for_a_moment() -> None:
    here = world(Containment.BOUND, broken={"transfer"})
    assert await here.step() == AFTER_FAILURE


@pytest.mark.parametrize(("containment", "later"), [(Containment.BOUND, CALM), (Containment.OPEN, AFTER_FAILURE)])
async def test_a_client_that_stays_away_is_asked_often_only_where_it_could_leak(
    containment: Containment, later: timedelta
) -> None:
    here = world(containment, broken={"transfer", "settings"})
    await here.step()
    assert await here.step(RESTARTS_FOR - AFTER_FAILURE) == AFTER_FAILURE
    assert await here.step(AFTER_FAILURE) == later
    here.client.broken.clear()
    await here.step(later)
    here.client.broken.add("transfer")
    assert await here.step(CALM) == AFTER_FAILURE, "another restart"


@pytest.mark.parametrize(("containment", "later"), [(Containment.BOUND, CALM), (Containment.OPEN, AFTER_FAILURE)])
async def test_of_a_client_of_which_nothing_is_known_is_asked_only_whether_it_answers(
    containment: Containment, later: timedelta
) -> None:
    here = world(containment, held=True, broken={"transfer"})

    async def reach(after: timedelta) -> timedelta:
        here.now += after
        return await here.lane.reach(lambda: here.now)

    assert await reach(timedelta()) == AFTER_FAILURE
    assert await reach(RESTARTS_FOR) == later
    assert not here.lane.answering
    here.client.broken.clear()
    assert await reach(later) == AFTER_FAILURE
    assert here.lane.answering
    assert here.client.asked == ["transfer"] * 3
    assert here.told == []
    here.client.broken.add("transfer")
    assert await reach(SECOND) == AFTER_FAILURE, "another absence"


async def test_it_opens_in_steps_and_reacts_anew_to_the_next_leak() -> None:
    here = world(Containment.BOUND)
    here.client.interface = ""
    await here.step()
    here.client.interface = "tun0"
    await here.step(SECOND)
    assert here.client.asked[-1] == "close"  # it has to look right for a while
    await here.step(here.lane.policy.calm_after_leak - SECOND)
    await here.step(SECOND)
    assert here.client.asked == ["settings", "reopen"]
    assert await here.step(REOPEN_EVERY) == FAST
    assert not here.client.held
    here.client.interface = ""
    await here.step(SECOND)
    assert len(here.reactions) == 2


async def test_while_it_opens_it_looks_as_often_as_ever_and_stops_at_once_what_it_has_started(
    containment: Containment,
) -> None:
    here = world(containment, held=True, batches=9)
    looks, reopened = 0, []
    while here.now < START + 2 * REOPEN_EVERY:
        assert await here.step(FAST if looks else timedelta()) == FAST
        looks += 1
        assert here.client.asked[0] in {"settings", "transfer"}
        if "reopen" in here.client.asked:
            reopened.append(here.now - START)
    assert looks == 1 + 2 * REOPEN_EVERY / FAST
    assert reopened == [timedelta(), REOPEN_EVERY, 2 * REOPEN_EVERY]
    if containment is Containment.OPEN:
        here.lane.tunnel = tunnel(VpnStatus.CRASHED, here.now)
    else:
        here.client.interface = ""
    assert await here.step(FAST) == FAST
    assert here.client.asked[-1] == "close"


async def test_a_clock_that_was_set_back_holds_up_no_opening() -> None:
    here = world(Containment.BOUND, held=True)
    await here.step()
    await here.step(-timedelta(hours=3))
    assert here.client.asked[-1] == "reopen"


async def test_what_could_not_be_started_is_tried_again_and_looked_at_meanwhile() -> None:
    """What was answered with an error may have been carried out."""
    here = world(Containment.BOUND, held=True, broken={"reopen"})
    assert await here.step() == FAST
    assert here.client.asked[-1] == "reopen"
    here.client.broken.clear()
    assert await here.step(FAST) == FAST
    assert here.client.asked == ["settings"]
    assert await here.step(REOPEN_EVERY - FAST) == FAST
    assert here.client.asked == ["settings", "reopen"]


async def test_a_client_that_goes_away_while_it_opens_is_left_alone_for_a_moment() -> None:
    here = world(Containment.BOUND, held=True)
    await here.step()
    here.client.broken = {"settings", "reopen"}
    assert await here.step(FAST) == AFTER_FAILURE
    assert here.client.asked == ["settings"]
    assert await here.step(AFTER_FAILURE) == AFTER_FAILURE


async def test_what_was_closed_before_a_restart_stays_so_while_nothing_is_known() -> None:
    here = world(Containment.OPEN, held=True)
    here.lane.tunnel = None
    await here.step()
    assert "reopen" not in here.client.asked


async def test_a_person_can_say_that_it_may_run() -> None:
    here = world(Containment.OPEN)
    here.lane.tunnel = tunnel(VpnStatus.CRASHED, START)
    await here.step()
    here.lane.tunnel = tunnel(VpnStatus.RUNNING, START + FAST)
    here.lane.forgive(START + FAST)
    await here.step(FAST)
    assert here.lane.verdict is not None
    assert not here.lane.verdict.stop


async def test_a_drill_is_a_leak_for_as_long_as_it_is_pretended() -> None:
    here = world(Containment.BOUND)
    await here.step()
    here.lane.drill = True
    await here.step(FAST)
    assert here.client.asked[-1] == "close"
    assert here.reactions[0].proof is Proof.DRILL
    here.lane.drill = False
    await here.step(FAST)
    assert here.client.asked[-1] == "reopen"
