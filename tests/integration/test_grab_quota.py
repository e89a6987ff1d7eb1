"""Who has something used up, or is held stopped, is passed over and named; where nobody can have it now, it waits."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.services import Action
from custom_components.sokoul.watchlist.items import WishState
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.thermal import ThermalMachine

from .conftest import PassTime, SetUp, qbittorrent_subentry
from .healing import act
from .test_grab import DEBRID_ID, _no_pause, account, connect, debrid_subentry  # noqa: F401 -- fixtures
from .test_thermal import make, pi, source  # noqa: F401 -- fixtures
from .test_watching import Scene, at_debrid, tmdb  # noqa: F401 -- fixtures
from .test_watching_better import searches

MINUTE = timedelta(minutes=1)
USED_UP = {"left": 0, "bytes": 5, "links": 0, "limit": 100, "type": "gigabytes", "extra": 0, "reset": "daily"}


def traffic(simulator: RealDebridSimulator, **values: Any) -> None:
    simulator.account.traffic = {"real-debrid.com": USED_UP | values}


def no_traffic(simulator: RealDebridSimulator) -> None:
    traffic(simulator)


def little_traffic(simulator: RealDebridSimulator) -> None:
    traffic(simulator, left=10**9, limit=10**10, type="bytes", reset="weekly")


def no_slot(simulator: RealDebridSimulator) -> None:
    simulator.account.active_limit = 0


def enough(simulator: RealDebridSimulator) -> None:
    """Use up what is of no matter to torrents."""
    simulator.account.traffic = {"hoster.example": USED_UP}


@pytest.mark.parametrize(
    ("use_up", "said"),
    [
        (no_traffic, "The traffic of Account is used up for today."),
        (little_traffic, "Account has 1 GB of traffic left this week, and it needs 24.8 GB."),
        (no_slot, "Account downloads as many torrents as it may already."),
        (enough, None),
    ],
)
async def test_what_is_used_up_of_an_account(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
    use_up: Callable[[RealDebridSimulator], None],
    said: str | None,
) -> None:
    use_up(account)
    await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent))
    plan = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
    assert plan["plan"][0]["against"] == ([said] if said else [])
    assert [each["way"] for each in plan["plan"][0]["ways"]] == (["client"] if said else ["client", "debrid"])
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["status"], answer["way"]) == ("done", "client")
    assert [each["text"] for each in answer["tried"]] == ([said] if said else [])
    assert account.account.torrents == {}


@pytest.mark.parametrize(
    ("use_up", "said"),
    [
        (no_traffic, "The traffic of Account is used up for today."),
        (no_slot, "Account downloads as many torrents as it may already."),
    ],
)
async def test_a_person_may_insist_where_nobody_else_can_have_it(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    use_up: Callable[[RealDebridSimulator], None],
    said: str,
) -> None:
    use_up(account)
    await connect(set_up, account, prowlarr, radarr)
    with pytest.raises(HomeAssistantError) as failed:
        await act(hass, Action.GRAB, query="dune 2")
    assert failed.value.translation_key == "grab_used_up"
    assert failed.value.translation_placeholders is not None
    assert failed.value.translation_placeholders["reason"] == said
    assert account.account.torrents == {}
    plan = await act(hass, Action.GRAB, query="dune 2", insist=True, dry_run=True)
    (way,) = plan["plan"][0]["ways"]
    assert way["text"] == "Account gets it all the same, because you insist."
    assert plan["plan"][0]["against"] == [said]
    account.account.active_limit = 10  # the account itself would refuse one more
    answer = await act(hass, Action.GRAB, query="dune 2", insist=True)
    assert (answer["status"], answer["way"]) == ("done", "debrid")
    assert len(account.account.torrents) == 1


async def test_whoever_begins_at_once_goes_before_who_is_paused(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> None:
    await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent))
    await act(hass, Action.PAUSE)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["way"], qbittorrent.torrents) == ("debrid", {})
    (tried,) = answer["tried"]
    assert tried["text"] == "qBittorrent is held stopped (by you), so nothing would start there now."


async def test_whoever_begins_at_once_goes_before_who_is_too_hot(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
    pi: ThermalMachine,  # noqa: F811
    pass_time: PassTime,
) -> None:
    """The governor wants it stopped; once that is over, it goes first again."""
    await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(83)
    await pass_time(timedelta(seconds=10), 2)
    plan = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
    assert [each["way"] for each in plan["plan"][0]["ways"]] == ["debrid", "client"]
    held = "qBittorrent is held stopped (by the governor), so nothing would start there now."
    assert plan["plan"][0]["against"] == [held]
    pi.be(40)
    await pass_time(MINUTE, 8)
    plan = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
    assert [each["way"] for each in plan["plan"][0]["ways"]] == ["client", "debrid"]
    assert plan["plan"][0]["against"] == []


def budget(hub: Hub) -> Any:
    client = hub.backends[DEBRID_ID].client
    assert isinstance(client, RealDebridClient)
    return client.budget


async def test_the_watchlist_waits_where_nobody_can_have_it_now(
    at_debrid: Scene,  # noqa: F811
    account: RealDebridSimulator,  # noqa: F811
) -> None:
    """An account without a slot, and no client: it stays found, is searched for no more often, and is got later."""
    scene = at_debrid
    no_slot(account)
    await scene.hub.refresh([DEBRID_ID])
    wish = await scene.add("Dune 2", auto=True)
    assert wish.state is WishState.OFFERED
    assert [each.key for each in wish.why] == ["grab.no_slot", "watchlist.put_off"]
    told = await act(scene.hass, Action.EXPLAIN, title="dune 2")
    assert told["text"].startswith("Account downloads as many torrents as it may already. Found: Dune.Part.Two.2024.")
    asked = searches(scene)
    await scene.pass_time(MINUTE, 6)
    assert scene.wish().failures == 2
    assert searches(scene) == asked, "it is known still where it can be had"
    assert account.account.torrents == {}
    account.account.active_limit = 10
    await scene.hub.refresh([DEBRID_ID])
    await scene.pass_time(MINUTE, 20)
    wish = scene.wish()
    assert wish.state is WishState.GRABBED
    assert (wish.failed, wish.failures) == (None, 0)
    assert len(account.account.torrents) == 1


async def test_an_account_that_asks_to_be_left_alone_is_not_asked(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
) -> None:
    hub = await connect(set_up, account, prowlarr, radarr)
    budget(hub).refused(0.0, 34, None, too_many=True)
    before = len(account.requests)
    with pytest.raises(HomeAssistantError, match="Account asks to be left alone until"):
        await act(hass, Action.GRAB, query="dune 2")
    assert len(account.requests) == before
