"""Backends that stop answering are brought back: found, restarted, counted, and left alone where that is right."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
import time
from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Event, HomeAssistant, ServiceCall, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
import pytest_socket
from yarl import URL

from custom_components.sokoul import restart_way
from custom_components.sokoul.autopilot.desk import NotPossible
from custom_components.sokoul.autopilot.rules.backend_down import BackendDownPolicy
from custom_components.sokoul.autopilot.rules.backends import BACKEND_DOWN
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry
from custom_components.sokoul.pilot import Pilot
from custom_components.sokoul.restart_way import AUTOMATIC, Way, WayKind
from devstack.clock import ManualClock
from devstack.docker import DockerSimulator, SimulatedContainer, SocketProxy
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.real_docker import RealDocker, RealDockerError, why_not
from devstack.servarr import Servarr

from .conftest import DOCKER_ID, PROWLARR_ID, RADARR_ID, PassTime, SetUp, servarr_subentry, subentry, until

MINUTE = timedelta(minutes=1)
POLICY = BackendDownPolicy()
REAL_SECONDS = 60
#: Until it is noticed, the patience is over, and the turn has come.
LONG_ENOUGH = int(POLICY.patience / MINUTE) + 4


class Engine(DockerSimulator):
    """An engine in whose containers the simulated programs run: they come back when theirs is started anew."""

    cures: dict[str, Callable[[], None]]

    def home_of(self, program: Servarr, **attributes: Any) -> SimulatedContainer:
        """Add the container of a program, which publishes its port."""
        port = URL(program.url).port or 0
        return self.add(program.name, ports=(("0.0.0.0", port, 7878),), **attributes)

    def restarts(self) -> list[str]:
        """Return the containers that were restarted, in order."""
        ids = {each.id: each.name for each in self.containers}
        paths = [seen.path for seen in self.requests if seen.path.endswith("/restart")]
        return [ids[reference] for path in paths if (reference := path.split("/")[-2]) in ids]

    def _run(self, container: SimulatedContainer) -> None:
        super()._run(container)
        if cure := self.cures.get(container.name):
            cure()


@pytest.fixture
async def engine(clock: ManualClock) -> AsyncIterator[Engine]:
    simulator = Engine("1.44", clock=clock)
    simulator.cures = {}
    async with simulator:
        yield simulator


def docker_subentry(engine: DockerSimulator) -> Any:
    return subentry("docker", engine, DOCKER_ID, title="Docker")


def fall_silent(program: Servarr) -> None:
    """Let a program cut every connection."""
    program.fault(FaultKind.DISCONNECT)


async def stack(
    set_up: SetUp, engine: DockerSimulator, *programs: Servarr, level: Autonomy = Autonomy.ACT
) -> tuple[MockConfigEntry, Pilot]:
    """Set up an engine and programs, with the rule at a level."""
    ids = {"radarr": RADARR_ID, "prowlarr": PROWLARR_ID}
    entry = await set_up(docker_subentry(engine), *(servarr_subentry(each, ids[each.name]) for each in programs))
    pilot: Pilot = entry.runtime_data.pilot
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", level))
    return entry, pilot


async def written(pilot: Pilot) -> list[JournalEntry]:
    """Return what the rule wrote, the oldest first."""
    return list(reversed(await pilot.kernel.journal.find(rule="backend_down", limit=500)))


async def said(pilot: Pilot) -> list[tuple[str, str]]:
    """Return the status and the reason of what the rule wrote, the oldest first."""
    return [(str(entry.status), entry.reason.key.removeprefix("heal.")) for entry in await written(pilot)]


def value(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


# --- by its container ------------------------------------------------------------------------------------------------


async def test_what_stopped_answering_is_restarted_and_comes_back(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    engine.add("somebody else")
    engine.cures["radarr"] = radarr.clear_faults
    entry, pilot = await stack(set_up, engine, radarr)
    await pass_time(MINUTE, 3)
    fall_silent(radarr)
    await pass_time(MINUTE, 4)
    assert engine.restarts() == [], "most silences end by themselves"
    await pass_time(MINUTE, 6)
    assert engine.restarts() == ["radarr"]
    assert entry.runtime_data.backends[RADARR_ID].answering
    [done] = await written(pilot)
    assert (done.status, done.act, done.actor) == (EntryStatus.DONE, ActKind.RESTART, "autopilot")
    assert (done.subject, done.label) == (RADARR_ID, "Radarr")
    assert done.reason.key == "heal.backend_down"
    assert done.result is not None
    assert done.result.key == "result.restarted"
    await pass_time(MINUTE, 30)
    assert engine.restarts() == ["radarr"]


async def test_it_is_written_down_before_it_is_done(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr)
    seen: list[tuple[EntryStatus, int]] = []
    pilot.add_listener(lambda entry: seen.append((entry.status, len(engine.restarts()))))
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert seen[:2] == [(EntryStatus.RUNNING, 0), (EntryStatus.DONE, 1)]


async def test_what_answers_but_is_unhealthy_is_restarted(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    container = engine.home_of(radarr, checked=True)
    _, pilot = await stack(set_up, engine, radarr)
    await pass_time(MINUTE, 10)
    assert engine.restarts() == []
    container.sick = True
    await pass_time(MINUTE, LONG_ENOUGH)
    assert engine.restarts() == ["radarr"]
    assert not container.sick
    assert await said(pilot) == [("done", "backend_down_unhealthy")]


async def test_tries_are_spaced_out_and_few(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr, checked=True, hopeless=True)
    _, pilot = await stack(set_up, engine, radarr)
    await pass_time(5 * MINUTE, 12 * 23)
    restarts = [entry.changed_at for entry in await written(pilot) if entry.act is ActKind.RESTART]
    assert len(restarts) == len(engine.restarts()) == POLICY.restarts_a_day
    apart = [later - earlier for earlier, later in pairwise(restarts)]
    assert apart[0] >= POLICY.back_off
    assert apart[1] >= 2 * POLICY.back_off
    assert (await said(pilot))[POLICY.restarts_a_day :] == [("done", "backend_down_gave_up")], "and it is said once"


async def test_restarts_are_remembered_over_a_restart_of_home_assistant(
    hass: HomeAssistant, engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr, checked=True, hopeless=True)
    entry, _ = await stack(set_up, engine, radarr)
    await pass_time(5 * MINUTE, 12 * 3)
    assert len(engine.restarts()) == POLICY.restarts_a_day
    assert await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(5 * MINUTE, 12 * 10)
    assert len(engine.restarts()) == POLICY.restarts_a_day
    assert [each for each in await said(entry.runtime_data.pilot) if "gave_up" in each[1]] == [
        ("done", "backend_down_gave_up")
    ]


@pytest.mark.parametrize("settled", ["done", "failed"])
async def test_what_was_interrupted_is_settled_by_looking(
    hass: HomeAssistant,
    engine: Engine,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    settled: str,
) -> None:
    container = engine.home_of(radarr)
    entry, pilot = await stack(set_up, engine, radarr, level=Autonomy.SUGGEST)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    [asked] = pilot.kernel.suggestions
    await pilot.kernel.write(replace(asked, status=EntryStatus.RUNNING, changed_at=dt_util.utcnow()))
    assert await hass.config_entries.async_unload(entry.entry_id)
    radarr.clear_faults()
    await pass_time(MINUTE)
    if settled == "done":
        container.started = clock.now().timestamp()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(MINUTE, 2)
    assert await said(entry.runtime_data.pilot) == [(settled, "backend_down")]
    assert "could not" not in caplog.text, "what is about downloads leaves it alone"
    assert engine.restarts() == []


# --- asking ----------------------------------------------------------------------------------------------------------


async def test_a_person_is_asked_by_default_and_approves(
    hass: HomeAssistant, engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    engine.cures["radarr"] = radarr.clear_faults
    entry = await set_up(docker_subentry(engine), servarr_subentry(radarr, RADARR_ID))
    pilot: Pilot = entry.runtime_data.pilot
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH + 30)
    assert engine.restarts() == []
    [asked] = pilot.kernel.suggestions
    assert await said(pilot) == [("suggested", "backend_down")], "once"
    assert value(hass, "sensor.sokoul_open_suggestions") == "1"

    done = await pilot.desk.approve(asked.id, "somebody", dt_util.utcnow())
    assert (done.id, done.status, done.actor) == (asked.id, EntryStatus.DONE, "somebody")
    assert engine.restarts() == ["radarr"]
    with pytest.raises(NotPossible):
        await pilot.desk.approve(asked.id, "somebody", dt_util.utcnow())
    await pass_time(MINUTE, 4)
    assert entry.runtime_data.backends[RADARR_ID].answering
    assert pilot.kernel.suggestions == ()


async def test_nobody_is_asked_any_more_once_it_is_back(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr, level=Autonomy.SUGGEST)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    [asked] = pilot.kernel.suggestions
    radarr.clear_faults()
    await pass_time(MINUTE, 4)
    assert await said(pilot) == [("expired", "backend_down")]
    with pytest.raises(NotPossible):
        await pilot.desk.approve(asked.id, "somebody", dt_util.utcnow())
    assert engine.restarts() == []


async def test_what_came_back_just_before_the_answer_is_left_alone(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    entry, pilot = await stack(set_up, engine, radarr, level=Autonomy.SUGGEST)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    [asked] = pilot.kernel.suggestions
    radarr.clear_faults()
    await entry.runtime_data.backends[RADARR_ID].async_refresh()
    with pytest.raises(NotPossible) as refused:
        await pilot.desk.approve(asked.id, "somebody", dt_util.utcnow())
    assert refused.value.reason.key == "result.over"
    assert engine.restarts() == []


async def test_who_said_no_is_asked_again_about_another_outage_only(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr, level=Autonomy.SUGGEST)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    await pilot.desk.reject(pilot.kernel.suggestions[0].id, "somebody", dt_util.utcnow())
    await pass_time(MINUTE, 60)
    assert pilot.kernel.suggestions == ()
    radarr.clear_faults()
    await pass_time(MINUTE, 5)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert len(pilot.kernel.suggestions) == 1


async def test_never_means_never(engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime) -> None:
    engine.home_of(radarr)
    entry, pilot = await stack(set_up, engine, radarr, level=Autonomy.SUGGEST)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    await pilot.desk.reject(pilot.kernel.suggestions[0].id, "somebody", dt_util.utcnow(), never=True)
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", Autonomy.ACT))
    await pass_time(MINUTE, 60)
    assert engine.restarts() == []
    assert len(await written(pilot)) == 1
    assert pilot.kernel.settings.protected == frozenset(), "that list is of downloads"
    assert Way.of(entry.runtime_data.backends[RADARR_ID].memory).kind is WayKind.NEVER
    choose(entry, AUTOMATIC)
    await pass_time(MINUTE, 6)
    assert engine.restarts() == ["radarr"], "it is taken back where it is shown"


async def test_never_counts_for_what_borrows_a_network_too(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, clock: ManualClock
) -> None:
    vpn = engine.add("gluetun", ports=(("0.0.0.0", URL(radarr.url).port, 7878),))
    engine.add("radarr", image="linuxserver/radarr:5", network_mode=f"container:{vpn.id}")
    engine.add("jackett", network_mode=f"container:{vpn.id}")
    entry, pilot = await stack(set_up, engine, radarr, level=Autonomy.SUGGEST)
    await pass_time(MINUTE, 5)
    vpn.started = clock.now().timestamp()
    await pass_time(MINUTE, 10)
    [asked] = [each for each in pilot.kernel.suggestions if each.subject == DOCKER_ID]
    await pilot.desk.reject(asked.id, "somebody", dt_util.utcnow(), never=True)
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", Autonomy.ACT))
    await pass_time(MINUTE, 60)
    assert "jackett" not in engine.restarts()
    assert Way.of(entry.runtime_data.backends[DOCKER_ID].memory).kind is WayKind.NEVER


@pytest.mark.parametrize("lowered", ["the rule", "everything"])
async def test_observing_only_writes_it_down(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, lowered: str
) -> None:
    engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr)
    if lowered == "the rule":
        pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", Autonomy.OBSERVE))
    else:
        pilot.kernel.change(replace(pilot.kernel.settings, ceiling=Autonomy.OBSERVE))
    fall_silent(radarr)
    await pass_time(MINUTE, 60)
    assert await said(pilot) == [("observed", "backend_down")]
    assert engine.restarts() == []

    pilot.kernel.change(
        replace(pilot.kernel.settings, ceiling=Autonomy.ACT).with_autonomy("backend_down", Autonomy.ACT)
    )
    await pass_time(MINUTE, 6)
    assert engine.restarts() == ["radarr"], "what was only noted counts as no try"


async def test_a_guess_and_a_content_health_check_are_no_reasons_to_act_alone(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr, checked=True)
    _, pilot = await stack(set_up, engine, radarr)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert await said(pilot) == [("suggested", "backend_down")]


@pytest.mark.parametrize("status", [409, 500])
async def test_a_restart_that_fails_is_tried_again_later(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, status: int
) -> None:
    engine.home_of(radarr)
    engine.cures["radarr"] = radarr.clear_faults
    entry, pilot = await stack(set_up, engine, radarr)
    engine.fault(FaultKind.STATUS, "POST *", status=status, body='{"message": "no space left on device"}', times=1)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    [failed] = await written(pilot)
    assert failed.status is EntryStatus.FAILED
    assert failed.result is not None
    assert failed.result.key == "result.error"
    assert "no space left on device" in str(failed.result.parameters["detail"])
    await pass_time(MINUTE, 15)
    assert await said(pilot) == [("failed", "backend_down"), ("done", "backend_down")]
    assert entry.runtime_data.backends[RADARR_ID].answering


async def test_a_container_that_was_made_anew_meanwhile_is_not_restarted_under_its_old_id(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    container = engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr, level=Autonomy.SUGGEST)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    [asked] = pilot.kernel.suggestions
    container.id = "f" * 64
    with pytest.raises(NotPossible) as refused:
        await pilot.desk.approve(asked.id, "somebody", dt_util.utcnow())
    assert refused.value.reason.key == "result.way_gone"
    await pass_time(MINUTE, 20)
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", Autonomy.ACT))
    await pass_time(MINUTE, 6)
    assert (await said(pilot))[-1] == ("done", "backend_down"), "the question that was open is done as it is now"
    assert pilot.kernel.suggestions == ()
    assert len(engine.restarts()) == 1


# --- left alone ------------------------------------------------------------------------------------------------------


async def test_what_a_person_stopped_stays_stopped(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, clock: ManualClock
) -> None:
    container = engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr)
    fall_silent(radarr)
    container.state, container.exit_code, container.finished = "exited", 143, clock.now().timestamp()
    await pass_time(MINUTE, 60)
    assert engine.restarts() == []
    [told] = await written(pilot)
    assert (told.act, told.status, told.reason.key) == (ActKind.TELL, EntryStatus.DONE, "heal.backend_down_stopped")
    assert told.reason.parameters["command"] == "docker start radarr"


async def test_what_crashed_is_started_again(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, clock: ManualClock
) -> None:
    container = engine.home_of(radarr)
    engine.cures["radarr"] = radarr.clear_faults
    _, pilot = await stack(set_up, engine, radarr)
    fall_silent(radarr)
    container.state, container.exit_code, container.finished = "exited", 1, clock.now().timestamp()
    await pass_time(MINUTE, LONG_ENOUGH)
    assert engine.restarts() == ["radarr"]
    assert await said(pilot) == [("done", "backend_down_ended")]


async def test_who_only_refuses_the_key_is_no_outage(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    entry, pilot = await stack(set_up, engine, radarr)
    radarr.api_key = "another"
    await pass_time(MINUTE, 60)
    assert not entry.runtime_data.backends[RADARR_ID].answering
    assert await written(pilot) == []
    fall_silent(radarr)
    await pass_time(MINUTE, 3)
    pilot.wake()
    await pass_time(MINUTE)
    assert await written(pilot) == [], "it has been silent for four minutes at most"
    await pass_time(MINUTE, LONG_ENOUGH)
    assert engine.restarts() == ["radarr"]


async def test_what_is_disabled_is_left_alone(
    hass: HomeAssistant, engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    entry, pilot = await stack(set_up, engine, radarr)
    backend = entry.runtime_data.backends[RADARR_ID]
    dr.async_get(hass).async_update_device(backend.device_id, disabled_by=dr.DeviceEntryDisabler.USER)
    fall_silent(radarr)
    await pass_time(MINUTE, 30)
    assert await written(pilot) == []


async def test_what_was_excluded_is_left_alone(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    entry, pilot = await stack(set_up, engine, radarr)
    choose(entry, Way(kind=WayKind.NEVER))
    fall_silent(radarr)
    await pass_time(MINUTE, 30)
    assert await written(pilot) == []


async def test_where_all_are_silent_the_way_to_them_is_cut(
    engine: Engine, radarr: RadarrSimulator, prowlarr: ProwlarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    engine.home_of(prowlarr)
    _, pilot = await stack(set_up, engine, radarr, prowlarr)
    fall_silent(radarr)
    fall_silent(prowlarr)
    await pass_time(MINUTE, 30)
    assert await written(pilot) == []
    prowlarr.clear_faults()
    await pass_time(MINUTE, 4)
    assert engine.restarts() == ["radarr"]


async def test_where_the_engine_is_silent_too_nothing_is_done(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr)
    await pass_time(MINUTE, 2)
    fall_silent(radarr)
    engine.fault(FaultKind.DISCONNECT)
    await pass_time(MINUTE, 30)
    assert await written(pilot) == []
    engine.clear_faults()
    await pass_time(MINUTE, 4)
    assert engine.restarts() == ["radarr"]


# --- borrowed networks -----------------------------------------------------------------------------------------------


async def test_who_borrowed_a_network_is_restarted_once_the_lender_is_healthy(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, clock: ManualClock
) -> None:
    vpn = engine.add("gluetun", checked=True, check_seconds=200.0, ports=(("0.0.0.0", URL(radarr.url).port, 7878),))
    engine.add("radarr", image="linuxserver/radarr:5", network_mode=f"container:{vpn.id}")
    engine.add("jackett", network_mode=f"container:{vpn.id}")
    engine.cures["radarr"] = radarr.clear_faults
    entry, pilot = await stack(set_up, engine, radarr)
    await pass_time(MINUTE, 5)
    assert await written(pilot) == []

    vpn.started = clock.now().timestamp()  # somebody restarted it, or its image was updated
    fall_silent(radarr)
    await pass_time(MINUTE, 2)
    assert engine.restarts() == [], "the lender is not healthy yet"
    await pass_time(MINUTE, 6)
    assert sorted(engine.restarts()) == ["jackett", "radarr"]
    assert entry.runtime_data.backends[RADARR_ID].answering
    assert sorted(await said(pilot)) == [("done", "backend_down_dependants"), ("done", "backend_down_network")]
    labels = {entry.reason.key: entry.label for entry in await written(pilot)}
    assert labels == {"heal.backend_down_dependants": "Docker", "heal.backend_down_network": "Radarr"}
    await pass_time(MINUTE, 30)
    assert len(engine.restarts()) == 2


async def test_networks_that_none_of_our_backends_uses_are_none_of_our_business(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, clock: ManualClock
) -> None:
    engine.home_of(radarr)
    other = engine.add("somebody's vpn")
    engine.add("somebody's program", network_mode=f"container:{other.id}")
    _, pilot = await stack(set_up, engine, radarr)
    other.started = clock.now().timestamp()
    await pass_time(MINUTE, 10)
    assert await written(pilot) == []


# --- other ways ------------------------------------------------------------------------------------------------------


def choose(entry: MockConfigEntry, way: Way, backend_id: str = RADARR_ID) -> None:
    """Choose how a backend is restarted, as the dialog does."""
    entry.runtime_data.backends[backend_id].remember(restart_way.MEMORY_KEY, way.as_json())


async def alone(set_up: SetUp, radarr: RadarrSimulator, way: Way) -> tuple[MockConfigEntry, Pilot]:
    """Set up a Radarr without a container engine, to be restarted in some way."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    pilot: Pilot = entry.runtime_data.pilot
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", Autonomy.ACT))
    choose(entry, way)
    return entry, pilot


async def test_a_script_restarts_it(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    calls = async_mock_service(hass, "test", "restart")
    sequence = [{"action": "test.restart", "data": {"whom": "{{ backend }}"}}]
    assert await async_setup_component(hass, "script", {"script": {"restart_radarr": {"sequence": sequence}}})
    _, pilot = await alone(set_up, radarr, Way(kind=WayKind.ENTITY, name="script.restart_radarr"))
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert [call.data["whom"] for call in calls] == ["Radarr"]
    assert await said(pilot) == [("done", "backend_down_silent")]
    await pass_time(5 * MINUTE, 12 * 20)
    assert len(calls) == POLICY.restarts_a_day
    assert (await said(pilot))[-1] == ("done", "backend_down_gave_up_otherwise")


async def test_a_button_restarts_it(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    assert await async_setup_component(hass, "input_button", {"input_button": {"restart": {"name": "Restart"}}})
    _, pilot = await alone(set_up, radarr, Way(kind=WayKind.ENTITY, name="input_button.restart"))
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert value(hass, "input_button.restart") != "unknown", "it was pressed"
    assert await said(pilot) == [("done", "backend_down_silent")]


async def test_a_switch_is_switched_off_and_on(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restart_way, "OFF_SECONDS", 0)
    assert await async_setup_component(hass, "input_boolean", {"input_boolean": {"plug": {"initial": True}}})
    seen: list[str] = []

    @callback
    def note(event: Event) -> None:
        if event.data["domain"] == "input_boolean":
            seen.append(event.data["service"])

    _, pilot = await alone(set_up, radarr, Way(kind=WayKind.ENTITY, name="input_boolean.plug"))
    hass.bus.async_listen("call_service", note)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert seen == ["turn_off", "turn_on"]
    assert await said(pilot) == [("done", "backend_down_silent")]


async def test_a_switch_is_not_left_off_by_an_interruption(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    assert await async_setup_component(hass, "input_boolean", {"input_boolean": {"plug": {"initial": True}}})
    way = Way(kind=WayKind.ENTITY, name="input_boolean.plug")
    entry, pilot = await alone(set_up, radarr, way)
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", Autonomy.SUGGEST))
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    [asked] = pilot.kernel.suggestions
    await pilot.kernel.write(replace(asked, status=EntryStatus.RUNNING, changed_at=dt_util.utcnow()))
    await hass.services.async_call("input_boolean", "turn_off", {"entity_id": way.name}, blocking=True)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(MINUTE, 2)
    assert value(hass, way.name) == "on"
    [failed] = await written(entry.runtime_data.pilot)
    assert failed.status is EntryStatus.FAILED
    assert failed.result is not None
    assert failed.result.key == "result.restart_interrupted"


async def test_a_switch_is_not_left_off_when_its_entry_ends(hass: HomeAssistant, set_up: SetUp) -> None:
    assert await async_setup_component(hass, "input_boolean", {"input_boolean": {"plug": {"initial": True}}})
    entry = await set_up()
    hub = entry.runtime_data
    way = Way(kind=WayKind.ENTITY, name="input_boolean.plug")
    hub.pilot._turn = hub.in_background(restart_way.go(hass, way, "Radarr"), "turn")
    await until(lambda: value(hass, way.name) == "off")
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert value(hass, way.name) == "on"


@pytest.mark.parametrize(("service", "field"), [("app_restart", "app"), ("addon_restart", "addon")])
async def test_an_app_of_the_supervisor_is_restarted(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, service: str, field: str
) -> None:
    calls: list[dict[str, Any]] = []

    async def restarted(call: ServiceCall) -> None:
        calls.append(dict(call.data))
        radarr.clear_faults()

    hass.services.async_register("hassio", service, restarted)
    entry, pilot = await alone(set_up, radarr, Way(kind=WayKind.APP, name="db21ed7f_radarr"))
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert calls == [{field: "db21ed7f_radarr"}]
    assert entry.runtime_data.backends[RADARR_ID].answering
    assert await said(pilot) == [("done", "backend_down_silent")]


@pytest.mark.parametrize(
    "way",
    [
        Way(kind=WayKind.APP, name="radarr"),
        Way(kind=WayKind.ENTITY, name="script.gone"),
        Way(kind=WayKind.ENTITY, name="light.bulb"),
    ],
    ids=lambda way: way.name,
)
async def test_a_way_that_is_gone_is_said(
    radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime, way: Way
) -> None:
    _, pilot = await alone(set_up, radarr, way)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    [failed] = await written(pilot)
    assert failed.status is EntryStatus.FAILED
    assert failed.result is not None
    assert (failed.result.key, failed.result.parameters) == ("result.way_gone", {"name": way.name})


async def test_a_script_is_preferred_to_the_container_where_a_person_said_so(
    hass: HomeAssistant, engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    calls = async_mock_service(hass, "script", "turn_on")
    hass.states.async_set("script.restart_radarr", "off")
    container = engine.home_of(radarr, checked=True)
    entry, pilot = await stack(set_up, engine, radarr)
    choose(entry, Way(kind=WayKind.ENTITY, name="script.restart_radarr"))
    container.sick = True
    await pass_time(MINUTE, LONG_ENOUGH)
    assert len(calls) == 1
    assert engine.restarts() == []
    assert await said(pilot) == [("done", "backend_down_unhealthy")], "what its container says counts all the same"


async def test_where_a_person_said_how_a_guess_adds_no_doubt(
    hass: HomeAssistant, engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    calls = async_mock_service(hass, "script", "turn_on")
    hass.states.async_set("script.restart_radarr", "off")
    engine.add("films", image="linuxserver/radarr:5")
    entry, pilot = await stack(set_up, engine, radarr)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert await said(pilot) == [("suggested", "backend_down")], "it may be another one"
    choose(entry, Way(kind=WayKind.ENTITY, name="script.restart_radarr"))
    await pass_time(MINUTE, 6)
    assert len(calls) == 1
    assert engine.restarts() == []
    assert [status for status, _ in await said(pilot)] == ["done"]


async def test_a_container_that_is_named_needs_no_guess(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.add("films")
    entry, pilot = await stack(set_up, engine, radarr)
    choose(entry, Way(kind=WayKind.CONTAINER, name="films", engine_id=DOCKER_ID))
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH)
    assert engine.restarts() == ["films"]
    assert await said(pilot) == [("done", "backend_down")]


# --- without the power to ------------------------------------------------------------------------------------------


async def test_without_an_engine_the_command_is_suggested(
    radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    _, pilot = await alone(set_up, radarr, Way())
    fall_silent(radarr)
    await pass_time(MINUTE, 60)
    [told] = await written(pilot)
    assert (told.act, told.status, told.reason.key) == (ActKind.TELL, EntryStatus.DONE, "heal.backend_down_by_hand")
    assert told.reason.parameters["command"] == "docker restart radarr"


async def test_where_the_proxy_forbids_it_the_command_is_suggested(
    engine: Engine, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    engine.proxy = SocketProxy(containers=True)
    engine.home_of(radarr)
    _, pilot = await stack(set_up, engine, radarr)
    fall_silent(radarr)
    await pass_time(MINUTE, LONG_ENOUGH + 6)
    assert await said(pilot) == [("failed", "backend_down"), ("done", "backend_down_command")]
    told = (await written(pilot))[1]
    assert told.reason.parameters["command"] == "docker restart radarr"
    assert len(engine.restarts()) == 1, "it was tried once"


# --- a real engine ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def real_engine(socket_enabled: None, tmp_path: Path) -> AsyncIterator[RealDocker]:
    if reason := why_not():
        pytest.skip(reason)
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)  # every test begins with it shut
    docker = RealDocker(tmp_path / "docker")
    try:
        await docker.start()
    except RealDockerError as error:
        pytest.skip(f"no container engine starts here: {error}")
    try:
        yield docker
    finally:
        await docker.stop()


async def until_real(holds: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait for something that takes its own time."""
    deadline = time.monotonic() + REAL_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


@pytest.mark.real
async def test_an_unhealthy_container_of_a_real_engine_is_restarted_and_healthy_again(
    hass: HomeAssistant, real_engine: RealDocker, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    """Radarr answers all the time: it is the health check of its container that fails, until it is started anew."""
    await real_engine.run("radarr", "touch /ok; exec sleep 100000", check=("/bin/cat", "/ok"))
    entry = await set_up(
        subentry("docker", real_engine.url, DOCKER_ID, title="Docker"), servarr_subentry(radarr, RADARR_ID)
    )
    hub, pilot = entry.runtime_data, entry.runtime_data.pilot
    quick = {"patience": 1, "grace_seconds": 1}
    settings = pilot.kernel.settings.with_policy(BACKEND_DOWN, quick).with_autonomy("backend_down", Autonomy.ACT)
    pilot.kernel.change(settings)
    choose(entry, Way(kind=WayKind.CONTAINER, name="radarr", engine_id=DOCKER_ID))

    async def health() -> str:
        return str((await real_engine.get("containers/radarr/json"))["State"]["Health"]["Status"])

    async def is_well() -> bool:
        return await health() == "healthy"

    await until_real(is_well, "it begins healthy")
    before = (await real_engine.get("containers/radarr/json"))["State"]["StartedAt"]
    await real_engine.execute("radarr", "/bin/rm", "/ok")

    async def is_done() -> bool:
        """Look again and again, as polls and turns do in their own time."""
        await hub.backends[DOCKER_ID].async_refresh()
        await pilot.reviver.look(await pilot.revive.patients(dt_util.utcnow()), dt_util.utcnow())
        return [each.status for each in await written(pilot)] == [EntryStatus.DONE]

    await until_real(is_done, "it was restarted")
    await until_real(is_well, "it is healthy again")
    assert (await real_engine.get("containers/radarr/json"))["State"]["StartedAt"] != before
    await hub.backends[DOCKER_ID].async_refresh()
    await pilot.reviver.look(await pilot.revive.patients(dt_util.utcnow()), dt_util.utcnow())
    assert await said(pilot) == [("done", "backend_down_unhealthy")]
    assert value(hass, "sensor.docker_unhealthy_containers") == "0"
