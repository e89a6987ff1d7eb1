"""The VPN guard in Home Assistant: what leaks is stopped, and exactly that runs again."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnState
from custom_components.sokoul.connectors.holding import FORCED_KEY, keep_holding, let_go, seize
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.guarding import ISSUE, ClientGuard
from custom_components.sokoul.model.hold import Holder
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry
from .test_pause import add, running

STEP = timedelta(seconds=11)


LEAK_ISSUE = f"{ISSUE}_{QBITTORRENT_ID}"


def bind(qbittorrent: QbittorrentSimulator, interface: str) -> None:
    qbittorrent.engine.preferences["current_network_interface"] = interface


async def guard_of(set_up: SetUp, qbittorrent: QbittorrentSimulator) -> ClientGuard:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    hub = entry.runtime_data
    return hub.guarding.of(hub.backends[QBITTORRENT_ID])


def state(guard: ClientGuard) -> VpnState | None:
    return guard.verdict.state if guard.verdict else None


async def test_without_a_vpn_nothing_is_guarded(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    assert guard.shelter.containment is Containment.NONE
    assert not guard.guards
    assert not [seen for seen in qbittorrent.requests if seen.path.endswith("transfer/info")]


async def test_what_is_bound_to_the_tunnel_is_contained_until_a_person_unbinds_it(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    assert state(guard) is VpnState.CONTAINED
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert state(guard) is VpnState.LEAKING
    assert running(qbittorrent) == set()
    assert guard.reaction is not None
    assert guard.reaction.torrents == 2
    add(qbittorrent, "added meanwhile")
    await pass_time(STEP)
    assert running(qbittorrent) == set()
    bind(qbittorrent, "tun0")
    await pass_time(STEP, times=14)
    assert state(guard) is VpnState.CONTAINED
    assert running(qbittorrent) == {"one", "two", "added meanwhile"}


async def test_states_that_lag_behind_deceive_nobody(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Right before a leak one was stopped by a person and one started; while it lasts one is started."""
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "stopped just now", "started meanwhile")
    add(qbittorrent, "started just now", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    torrents = {torrent.name: torrent for torrent in qbittorrent.engine.torrents.values()}
    qbittorrent.engine.weather.state_lag_seconds = 10_000  # they show nothing of all that follows
    qbittorrent.engine.stop(torrents["stopped just now"])
    qbittorrent.engine.start(torrents["started just now"])
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == set()
    qbittorrent.engine.start(torrents["started meanwhile"])
    await pass_time(STEP)
    assert running(qbittorrent) == set()
    assert guard.held == 3
    bind(qbittorrent, "tun0")
    await pass_time(STEP, times=14)
    assert running(qbittorrent) == {"one", "started just now", "started meanwhile"}


async def test_what_came_since_the_last_poll_runs_again_with_the_rest(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == set()
    bind(qbittorrent, "tun0")
    names = {"one"}
    while state(guard) is not VpnState.CONTAINED:
        add(qbittorrent, f"new {len(names)}")
        names.add(f"new {len(names)}")
        await pass_time(timedelta(seconds=1))
    assert len(names) < 200
    await pass_time(STEP, times=8)
    assert guard.held == 0
    assert running(qbittorrent) == names


async def test_a_poll_forgets_nothing_that_the_guard_stopped_meanwhile(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(qbittorrent, "one")
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    await seize(backend, Holder.VPN)
    ask = backend.client.running

    async def running_and_looked_at_meanwhile() -> frozenset[str]:
        told: frozenset[str] = await ask()
        monkeypatch.undo()
        add(qbittorrent, "added meanwhile")
        await seize(backend, Holder.VPN)
        return told

    monkeypatch.setattr(backend.client, "running", running_and_looked_at_meanwhile)
    await keep_holding(backend)
    assert running(qbittorrent) == set()
    assert await let_go(backend, Holder.VPN)
    assert running(qbittorrent) == {"one", "added meanwhile"}


async def test_what_was_forced_since_the_last_poll_comes_back_forced(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Of what is stopped nobody tells any more that it was: it has to be seen before."""
    one, two = add(qbittorrent, "one", "two")
    (theirs,) = add(qbittorrent, "theirs", behaviour="stopped")
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    qbittorrent.change(one, forced=True)
    qbittorrent.engine.start(theirs, forced=True)
    await seize(backend, Holder.VPN)
    assert running(qbittorrent) == set()
    await pass_time(STEP)
    assert await let_go(backend, Holder.VPN)
    assert [each.forced for each in (one, two, theirs)] == [True, False, True]
    assert running(qbittorrent) == {"one", "two", "theirs"}


async def test_what_is_stopped_again_at_once_loses_no_forced_start(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """It was started a moment ago, and no poll has seen yet that it was, least of all how."""
    add(qbittorrent, "one")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    backend = (await guard_of(set_up, qbittorrent)).backend
    await pass_time(STEP)
    await seize(backend, Holder.VPN)
    await pass_time(STEP)  # the poll sees it stopped
    for _ in range(2):
        assert await let_go(backend, Holder.VPN)
        assert forced.forced
        await seize(backend, Holder.VPN)
        assert running(qbittorrent) == set()
    assert await let_go(backend, Holder.VPN)
    assert running(qbittorrent) == {"one", "forced"}
    assert forced.forced
    assert FORCED_KEY in backend.memory
    await pass_time(STEP, times=4)
    assert FORCED_KEY not in backend.memory


PROTECTION = "sensor.qbittorrent_vpn_protection"
EVENT = "event.qbittorrent_vpn_guard"


def shown(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, entity_id
    return found.state


async def press_drill(hass: HomeAssistant) -> None:
    await hass.services.async_call("button", "press", {"entity_id": "button.qbittorrent_vpn_fire_drill"}, blocking=True)


async def test_what_is_seen_of_it(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    await guard_of(set_up, qbittorrent)
    assert shown(hass, PROTECTION) == "none"
    with pytest.raises(HomeAssistantError) as raised:
        await press_drill(hass)
    assert raised.value.translation_key == "no_drill_now"
    bind(qbittorrent, "wg0")
    await pass_time(timedelta(minutes=11))  # the poll reads the preferences every ten
    await pass_time(STEP)
    assert shown(hass, PROTECTION) == "contained"
    bind(qbittorrent, "eth0")
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"
    event = hass.states.get(EVENT)
    assert event is not None
    assert event.attributes["event_type"] == "stopped"
    assert event.attributes["torrents"] == 1
    assert ir.async_get(hass).async_get_issue(DOMAIN, LEAK_ISSUE)
    with pytest.raises(HomeAssistantError) as raised:
        await press_drill(hass)
    assert raised.value.translation_key == "no_drill"
    assert str(raised.value) == "No drill now: qBittorrent is held already."
    await hass.services.async_call("switch", "turn_off", {"entity_id": "switch.qbittorrent_vpn_guard"}, blocking=True)
    await pass_time(STEP)
    assert shown(hass, PROTECTION) == "off"
    assert running(qbittorrent) == {"one"}  # nobody wants it guarded any more
    assert not ir.async_get(hass).async_get_issue(DOMAIN, LEAK_ISSUE)
    await hass.services.async_call("switch", "turn_on", {"entity_id": "switch.qbittorrent_vpn_guard"}, blocking=True)
    await pass_time(STEP)
    assert (shown(hass, PROTECTION), running(qbittorrent)) == ("leaking", set())
    assert ir.async_get(hass).async_get_issue(DOMAIN, LEAK_ISSUE), "it leaks as before"


async def test_a_drill_stops_everything_and_starts_it_again(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await press_drill(hass)
    with pytest.raises(HomeAssistantError) as raised:
        await press_drill(hass)
    assert raised.value.translation_key == "no_drill_now"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert running(qbittorrent) == set()
    assert guard.reaction is not None
    assert (guard.reaction.torrents, guard.reaction.proof) == (2, "drill")
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "contained"
    assert running(qbittorrent) == {"one", "two"}
    assert int(shown(hass, "sensor.qbittorrent_vpn_reaction_time")) >= 0
    event = hass.states.get(EVENT)
    assert event is not None
    assert event.attributes["event_type"] == "drill_passed"
    assert event.attributes["text"].startswith("Everything at qBittorrent was stopped in ")


async def test_a_drill_that_fails_says_so(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    qbittorrent.fault("status", "POST */stop", status=500)
    await press_drill(hass)
    await pass_time(STEP, times=2)
    qbittorrent.clear_faults()
    await pass_time(STEP, times=4)
    event = hass.states.get(EVENT)
    assert event is not None
    assert event.attributes["event_type"] == "drill_failed"
    assert event.attributes["text"] == "After 10 seconds not everything at qBittorrent was stopped."
    assert running(qbittorrent) == {"one"}


async def test_a_real_leak_during_a_drill_wins(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    await guard_of(set_up, qbittorrent)
    await pass_time(timedelta(seconds=31))
    qbittorrent.fault("status", "POST */start", status=500)  # so that it takes time
    await press_drill(hass)
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"
    qbittorrent.clear_faults()
    await pass_time(STEP, times=2)
    assert running(qbittorrent) == set()


async def test_what_it_stopped_is_known_after_a_restart(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == set()
    await hass.config_entries.async_unload(guard.backend.config_entry.entry_id)
    add(qbittorrent, "added while nobody looked")
    await hass.config_entries.async_setup(guard.backend.config_entry.entry_id)
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"
    assert running(qbittorrent) == set()
    bind(qbittorrent, "tun0")
    await pass_time(STEP, times=14)
    assert running(qbittorrent) == {"one", "two", "forced", "added while nobody looked"}
    assert forced.forced


async def test_what_it_did_is_in_the_journal(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await press_drill(hass)
    await pass_time(STEP, times=4)
    said = await hass.services.async_call(
        "sokoul", "get_journal", {"rule": "vpn_guard"}, blocking=True, return_response=True
    )
    assert said is not None
    entries: list[Any] = said["entries"]  # type: ignore[assignment]
    assert [(each["act"], each["status"], each["title"]) for each in entries] == [
        ("start_all", "done", "qBittorrent"),
        ("stop_all", "done", "qBittorrent"),
    ]
    assert "This is a drill" in entries[1]["text"]
    assert "1 torrent was stopped within" in entries[1]["text"]
    healed = hass.states.get("sensor.sokoul_healed_today")
    assert healed is not None
    assert healed.state == "0"  # that is no healing
