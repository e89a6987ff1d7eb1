"""What happens at the same time as a grab is looked after: nothing is fetched twice, forgotten, or brought back."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Literal

from homeassistant.core import Event, callback
import pytest

from custom_components.sokoul.acquire.grabbing import AGAIN
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.grabbing import EVENT_GRABBED
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.journal import EntryStatus, JournalEntry
from custom_components.sokoul.services import Action
from custom_components.sokoul.watching_grabs import WatchGrabs
from custom_components.sokoul.watchlist.budget import MOST, WITHIN
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import RealDebridSimulator

from .conftest import QBITTORRENT_ID
from .healing import act
from .test_grab import DEBRID_ID, account  # noqa: F401 -- a fixture
from .test_grab_care import HOUR, alone, die, dying, fail, grab, journal, looked_after  # noqa: F401 -- fixtures
from .test_watching import (  # noqa: F401 -- fixtures
    Scene,
    _no_pause,
    at_debrid,
    nobody_offers_anything,
    tmdb,
    without_arr,
)


class Silent:
    """A qBittorrent that cuts the line when something is added, and answers nothing about it for a while."""

    def __init__(self, it: Scene, *, takes: bool) -> None:
        self._client = it.hub.backends[QBITTORRENT_ID].client
        self._add, self._takes = self._client.add, takes
        self.asked = 0
        self._client.add = self._cut

    async def _cut(self, *said: Any, **more: Any) -> None:
        self.asked += 1
        if self._takes:
            await self._add(*said, **more)
        self._client.torrent = self._lost
        raise CannotConnect("cut")

    async def _lost(self, *_: Any) -> Any:
        raise CannotConnect("cut")

    def answer_again(self) -> None:
        del self._client.add, self._client.torrent


@pytest.mark.parametrize("takes", [True, False])
async def test_while_nobody_can_tell_of_another_one_nothing_else_is_tried(
    alone: Scene,  # noqa: F811
    *,
    takes: bool,
) -> None:
    first = await grab(alone)
    fail(alone, first)
    await alone.pass_time(HOUR, 20)
    silent = Silent(alone, takes=takes)
    for _ in range(10):
        if not silent.asked:
            await alone.pass_time(HOUR)
    await alone.pass_time(HOUR, 6)
    assert [each["status"] for each in await journal(alone.hass)] == ["running", "done"]
    assert silent.asked == 1
    silent.answer_again()
    await alone.pass_time(HOUR, 12)
    assert len(alone.qbittorrent.torrents) == 2
    statuses = [each["status"] for each in await journal(alone.hass)]
    assert statuses == (["done", "done"] if takes else ["done", "failed", "done"])
    assert await looked_after(alone) == [], "the other one has come"


class Noted(asyncio.Lock):
    """A lock that tells when somebody has to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for = asyncio.Event()

    async def acquire(self) -> Literal[True]:
        if self.locked():
            self.waited_for.set()
        return await super().acquire()


async def test_what_is_taken_back_at_the_same_moment_stays_taken_back(
    alone: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is noted meanwhile, of a grab that was still there when it was looked at, must not bring it back."""
    torrent = await grab(alone)
    fail(alone, torrent)
    await alone.pass_time(HOUR, 20)
    lock = Noted()
    monkeypatch.setattr(alone.hub.grabbing._grabber, "_busy", lock)
    kept = type(alone.hub.pilot.kernel.journal)
    change, undoing = kept.change, list[asyncio.Task[Any]]()

    async def meanwhile(self: Any, entry: JournalEntry) -> None:
        if AGAIN in entry.parameters and entry.status is EntryStatus.DONE and not undoing:
            undoing.append(alone.hass.async_create_task(act(alone.hass, Action.UNDO, entry_id=entry.id)))
            waiting = asyncio.ensure_future(lock.waited_for.wait())
            await asyncio.wait({undoing[0], waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        await change(self, entry)

    monkeypatch.setattr(kept, "change", meanwhile)
    await alone.pass_time(HOUR, 10)
    assert undoing
    assert [each["status"] for each in await journal(alone.hass)] == ["undone"]
    assert alone.qbittorrent.torrents == {}


async def test_a_restart_forgets_none_of_its_searches(
    alone: Scene,  # noqa: F811
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail(alone, await grab(alone))
    nobody_offers_anything(alone)
    look_for, made = WatchGrabs.look_for, list[datetime]()

    async def counted(self: WatchGrabs, *said: Any, **more: Any) -> Any:
        made.append(clock.now())
        return await look_for(self, *said, **more)

    monkeypatch.setattr(WatchGrabs, "look_for", counted)
    await alone.pass_time(timedelta(minutes=20), 3 * 28)
    recent = [at for at in made if at > clock.now() - WITHIN]
    assert len(recent) > 1
    await alone.restart()
    budget, left = alone.watching.work.budget, 0
    while budget.free_at("another", clock.now()) is None:
        budget.spend("another", clock.now())
        left += 1
    assert left == MOST - len(recent)


async def test_a_list_from_before_the_grab_does_not_tell_that_it_is_gone(
    dying: Scene,  # noqa: F811
    account: RealDebridSimulator,  # noqa: F811
) -> None:
    @callback
    def away(_: Event[Any]) -> None:
        account.fault(FaultKind.STATUS, "GET /rest/1.0/torrents", status=503)

    dying.hass.bus.async_listen_once(EVENT_GRABBED, away)
    await act(dying.hass, Action.GRAB, query="dune 2")
    await dying.pass_time(HOUR, 2)
    assert await looked_after(dying)
    account.clear_faults()
    await die(dying, account)
    assert len(account.account.torrents) == 2


async def test_a_list_that_was_read_while_it_was_added_does_not_tell_that_it_is_gone(
    dying: Scene,  # noqa: F811
    account: RealDebridSimulator,  # noqa: F811
) -> None:
    """It ends after the grab, and what it says of its first page is from before."""
    added: dict[str, Any] = {}

    @callback
    def not_yet(_: Event[Any]) -> None:
        added.update(account.account.torrents)
        account.account.torrents.clear()
        account.account.revision += 1

    dying.hass.bus.async_listen_once(EVENT_GRABBED, not_yet)
    await act(dying.hass, Action.GRAB, query="dune 2")
    mirror = dying.hub.debriding.accounts[DEBRID_ID]
    await dying.pass_time(timedelta(seconds=1))
    await mirror.synchronise(SyncMode.SMART)
    account.account.torrents.update(added)
    account.account.revision += 1
    account.fault(FaultKind.STATUS, "GET /rest/1.0/torrents", status=503)
    await dying.pass_time(HOUR, 2)
    assert await looked_after(dying)
    account.clear_faults()
    await die(dying, account)
    assert len(account.account.torrents) == 2
