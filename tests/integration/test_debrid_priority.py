"""Who goes first at Real-Debrid: what a person waits for, before what runs by itself."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.clients.real_debrid_budget import DebridBudget
from custom_components.sokoul.model.debrid import DebridPriority
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.real_debrid import RealDebridSimulator

from .conftest import PassTime, SetUp
from .debrid_scene import MINUTE, account
from .healing import act

PERSON, BACKGROUND = DebridPriority.PERSON, DebridPriority.BACKGROUND


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        simulator.account.fill(6, statuses=("downloaded", "error"))
        yield simulator


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, DebridPriority]]:
    """Note with which priority each request asked for its turn, and whether it was for a list."""
    asked: list[tuple[bool, DebridPriority]] = []
    turn = DebridBudget.turn

    async def noted(self: DebridBudget, priority: DebridPriority = BACKGROUND, *, lists: bool = False) -> float:
        asked.append((lists, priority))
        return await turn(self, priority, lists=lists)

    monkeypatch.setattr(DebridBudget, "turn", noted)
    return asked


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("smart", {(True, PERSON), (False, PERSON)}), ("full", {(True, PERSON), (False, BACKGROUND)})],
)
async def test_a_person_goes_first(
    mode: str,
    expected: set[Any],
    hass: HomeAssistant,
    debrid: RealDebridSimulator,
    turns: list[tuple[bool, DebridPriority]],
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    """But the thousands of details of a full synchronisation hold up nobody."""
    await set_up(account())
    turns.clear()
    await act(hass, Action.DEBRID_SYNC, mode=mode)
    assert set(turns) == expected
    turns.clear()
    debrid.account.fill(2, statuses=("error",))
    await pass_time(MINUTE, 12)
    assert (True, BACKGROUND) in turns
    assert {priority for _, priority in turns} == {BACKGROUND}
    turns.clear()
    await act(hass, Action.DEBRID_ADD, link=f"magnet:?xt=urn:btih:{'ab' * 20}")
    assert turns == [(True, PERSON), *[(False, PERSON)] * 2], "whether it is there, adding it, and which files it has"
    turns.clear()
    await act(hass, Action.DEBRID_UNRESTRICT, link=next(iter(debrid.account.torrents.values())).links[0])
    assert turns == [(False, PERSON)]
