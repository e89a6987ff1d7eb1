"""A debrid account that is to have a release and doesn't answer: it may have it already, or get it at any moment."""

from datetime import timedelta

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.hub import Hub
from custom_components.sokoul.model.journal import ActKind, EntryStatus
from custom_components.sokoul.services import Action
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.real_debrid_account import Plan, Torrent

from .conftest import PassTime, SetUp
from .healing import act
from .test_grab import BEST, _no_pause, account, connect  # noqa: F401 -- fixtures

MINUTE = timedelta(minutes=1)
ADD = "POST /rest/1.0/torrents/addMagnet"


@pytest.fixture
async def hub(
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    pass_time: PassTime,
) -> Hub:
    for offer in prowlarr.searches.offers:  # Real-Debrid knows them all
        account.account.plans[offer.info_hash.lower()] = Plan(name=offer.title, metadata_seconds=0.0)
    made = await connect(set_up, account, prowlarr, radarr)
    await pass_time(MINUTE, 2)
    return made


def there(simulator: RealDebridSimulator) -> list[Torrent]:
    simulator.account.settle()
    return list(simulator.account.torrents.values())


@pytest.mark.parametrize("seconds", [0, 20, 50])
async def test_nobody_else_is_tried_until_it_is_known_whether_it_was_taken(
    hass: HomeAssistant,
    hub: Hub,
    account: RealDebridSimulator,  # noqa: F811
    pass_time: PassTime,
    seconds: int,
) -> None:
    account.late.append(timedelta(seconds=seconds))
    answer = await act(hass, Action.GRAB, query="dune 2")
    if seconds:
        assert (answer["status"], answer["result"]) == ("running", "unclear")
        again = await act(hass, Action.GRAB, query="dune 2")
        assert again["entry_id"] == answer["entry_id"], "nothing is asked for beside it"
    await pass_time(MINUTE, 3)
    (torrent,) = there(account)
    assert (torrent.plan.name, torrent.status) == (BEST, "downloaded"), "its files were selected"
    (entry,) = await hub.pilot.kernel.journal.find(acts=[ActKind.GRAB])
    assert entry.status is EntryStatus.DONE
    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert there(account) == []


@pytest.mark.parametrize("overloaded", [True, False])
async def test_what_was_not_taken_is_told_and_may_be_asked_for_again(
    hass: HomeAssistant,
    hub: Hub,
    account: RealDebridSimulator,  # noqa: F811
    pass_time: PassTime,
    *,
    overloaded: bool,
) -> None:
    headers = {"Retry-After": "5"} if overloaded else {}
    account.fault(FaultKind.STATUS, ADD, times=1, status=503, headers=headers, body="")
    assert (await act(hass, Action.GRAB, query="dune 2"))["status"] == "running"
    await pass_time(MINUTE, 3)
    (entry,) = await hub.pilot.kernel.journal.find(acts=[ActKind.GRAB])
    assert entry.result is not None
    assert (entry.status, entry.result.key) == (EntryStatus.FAILED, "grab.not_answering")
    assert (await act(hass, Action.GRAB, query="dune 2"))["status"] == "done"
    assert [torrent.plan.name for torrent in there(account)] == [BEST]


@pytest.mark.parametrize("restart", [True, False])
async def test_what_comes_long_after_it_was_grabbed_again_is_deleted(
    hass: HomeAssistant,
    hub: Hub,
    account: RealDebridSimulator,  # noqa: F811
    pass_time: PassTime,
    *,
    restart: bool,
) -> None:
    account.late.append(timedelta(minutes=10))
    await act(hass, Action.GRAB, query="dune 2")
    await pass_time(MINUTE, 3)
    again = await act(hass, Action.GRAB, query="dune 2")
    assert again["status"] == "done"
    (kept,) = there(account)
    if restart:
        await hass.config_entries.async_reload(hub.entry.entry_id)
    await pass_time(MINUTE, 60)
    assert there(account) == [kept]
    journal = hass.config_entries.async_entries("sokoul")[0].runtime_data.pilot.kernel.journal
    (entry,) = await journal.find(acts=[ActKind.DELETE_TORRENT])
    assert (entry.rule, entry.status, entry.reason.key) == ("debrid_readd", EntryStatus.DONE, "heal.debrid_late")
