"""How one backend is polled: intervals, back-off, what is logged, who is asked for credentials, and repair issues."""

from datetime import datetime, timedelta
from itertools import pairwise
import logging
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import SOURCE_REAUTH
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.clients.errors import Banned, InvalidAuth
from custom_components.sokoul.connectors.qbittorrent import BUSY_INTERVAL, QUIET_INTERVAL
from custom_components.sokoul.const import DOMAIN, LONGEST_BACKOFF, MAX_REFUSALS, OUTAGE_GRACE
from devstack.clock import ManualClock
from devstack.frame import Simulator
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import (
    HUB_ID,
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    SONARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    subentry,
    until,
)

SECOND = timedelta(seconds=1)


class Watch:
    """Notes when requests come in, by the simulators' clock."""

    def __init__(self, simulator: Simulator, clock: ManualClock, path: str) -> None:
        self._simulator, self._clock, self._path = simulator, clock, path
        self._counted = 0
        self.times: list[datetime] = []

    def look(self) -> None:
        count = sum(seen.path.endswith(self._path) for seen in self._simulator.requests)
        self.times.extend([self._clock.now()] * (count - self._counted))
        self._counted = count

    @property
    def gaps(self) -> list[float]:
        """The seconds between them. Home Assistant plans to the second: one more or less is nothing."""
        return [(after - before).total_seconds() for before, after in pairwise(self.times)]

    def about(self) -> list[float]:
        """Return the same, to ten seconds."""
        return [round(gap, -1) for gap in self.gaps]


def issue(hass: HomeAssistant, subentry_id: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{subentry_id}")


def reauthentications(hass: HomeAssistant, entry: MockConfigEntry) -> list[str]:
    flows = entry.async_get_active_flows(hass, {SOURCE_REAUTH})
    return [flow["context"]["title_placeholders"]["subentry_id"] for flow in flows]


def logins(qbittorrent: QbittorrentSimulator) -> int:
    return sum(seen.path == "/api/v2/auth/login" for seen in qbittorrent.requests)


# --- how often -------------------------------------------------------------------------------------------------------


async def test_a_busy_client_is_asked_more_often_than_a_quiet_one(
    qbittorrent: QbittorrentSimulator, clock: ManualClock, set_up: SetUp, pass_time: PassTime
) -> None:
    watch = Watch(qbittorrent, clock, "sync/maindata")
    torrent = qbittorrent.add_torrent("Dune.2021.1080p.WEB-DL-GROUP", "downloading")
    await set_up(qbittorrent_subentry(qbittorrent))
    for _ in range(60):
        watch.look()
        await pass_time(SECOND)
    assert watch.gaps
    assert set(watch.about()) == {BUSY_INTERVAL.total_seconds()}
    qbittorrent.remove(torrent)
    await pass_time(BUSY_INTERVAL)
    watch.look()
    watch.times.clear()
    for _ in range(100):
        watch.look()
        await pass_time(SECOND)
    assert len(watch.gaps) > 2
    assert set(watch.about()) == {QUIET_INTERVAL.total_seconds()}


@pytest.mark.parametrize(("kind", "path"), [("radarr", "/api/v3/queue"), ("prowlarr", "/api/v1/indexer")])
async def test_an_idle_application_is_asked_seldom(
    kind: str,
    path: str,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    clock: ManualClock,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    simulator = {"radarr": radarr, "prowlarr": prowlarr}[kind]
    await set_up(servarr_subentry(simulator, RADARR_ID))
    watch = Watch(simulator, clock, path)
    for _ in range(80):
        watch.look()
        await pass_time(timedelta(seconds=5))
    assert set(watch.about()[1:]) == {60.0 if kind == "radarr" else 120.0}


async def test_what_changes_slowly_is_read_seldom(
    radarr: RadarrSimulator, sonarr: SonarrSimulator, prowlarr: ProwlarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(
        servarr_subentry(radarr, RADARR_ID),
        servarr_subentry(sonarr, SONARR_ID),
        servarr_subentry(prowlarr, PROWLARR_ID),
    )
    for simulator in (radarr, sonarr, prowlarr):
        simulator.requests.clear()
    await pass_time(timedelta(seconds=30), times=2 * 32)
    assert sum(seen.path == "/api/v3/diskspace" for seen in radarr.requests) == 3
    assert sum(seen.path == "/api/v3/wanted/missing" for seen in sonarr.requests) == 3
    assert sum(seen.path == "/api/v1/applications" for seen in prowlarr.requests) == 1


# --- failures --------------------------------------------------------------------------------------------------------


async def test_the_pause_between_tries_grows_to_a_limit(
    qbittorrent: QbittorrentSimulator, clock: ManualClock, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.fault("status", "* /api/v2/sync/maindata", status=500)
    qbittorrent.requests.clear()
    watch = Watch(qbittorrent, clock, "sync/maindata")
    with patch("custom_components.sokoul.coordinator.random.uniform", return_value=1.0):
        for _ in range(500):
            await pass_time(SECOND)
            watch.look()
        assert watch.about()[:5] == [20.0, 40.0, 80.0, 120.0, 120.0]
        # an outage after the recovery begins with short pauses again
        qbittorrent.clear_faults()
        await pass_time(LONGEST_BACKOFF)
        qbittorrent.fault("status", "* /api/v2/sync/maindata", status=500)
        watch.look()
        watch.times.clear()
        for _ in range(60):
            await pass_time(SECOND)
            watch.look()
        assert watch.about()[:1] == [20.0]


async def test_the_pauses_of_two_backends_differ(
    qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, clock: ManualClock, set_up: SetUp, pass_time: PassTime
) -> None:
    await qbittorrent.refuse()
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    backend = entry.runtime_data.backends[QBITTORRENT_ID]
    backend._failures = 20
    waits = {backend._backoff() for _ in range(50)}
    assert len(waits) > 40
    assert all(LONGEST_BACKOFF * 0.85 <= wait <= LONGEST_BACKOFF * 1.15 for wait in waits)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_backend_is_left_alone_for_as_long_as_it_asks(
    status: int, radarr: RadarrSimulator, clock: ManualClock, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.fault("status", status=status, headers={"Retry-After": "400"})
    watch = Watch(radarr, clock, "/queue")
    for _ in range(60):
        await pass_time(timedelta(seconds=10))
        watch.look()
    assert watch.about()[1:] == [400.0]


async def test_an_outage_is_logged_once_at_its_beginning_and_once_at_its_end(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> list[tuple[int, str]]:
        said = [record for record in caplog.records if record.name == "custom_components.sokoul"]
        return [(each.levelno, each.getMessage()) for each in said if each.levelno >= logging.INFO]

    await set_up(qbittorrent_subentry(qbittorrent))
    assert lines() == []  # a first answer is no recovery
    await qbittorrent.refuse()
    await pass_time(timedelta(minutes=1), times=10)
    assert [level for level, _ in lines()] == [logging.ERROR]
    assert "qBittorrent can\u2019t be reached: nothing listens at its address" in lines()[0][1]
    await qbittorrent.accept()
    await pass_time(timedelta(minutes=1), times=10)
    assert [level for level, _ in lines()] == [logging.ERROR, logging.INFO]
    assert "recovered" in lines()[1][1]


async def test_a_backend_that_is_dead_from_the_start_is_logged_too(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime, caplog: pytest.LogCaptureFixture
) -> None:
    await qbittorrent.refuse()
    await set_up(qbittorrent_subentry(qbittorrent))
    await pass_time(timedelta(minutes=1), times=5)
    errors = [each for each in caplog.records if each.name == "custom_components.sokoul" and each.levelno >= 40]
    assert len(errors) == 1


async def test_something_unforeseen_is_a_failure_like_others(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    backend = entry.runtime_data.backends[RADARR_ID]
    with (
        patch.object(backend.reader, "read", side_effect=RuntimeError("a bug")),
        patch.object(backend.logger, "exception") as logged,  # with its traceback, which the harness would not have
    ):
        await pass_time(timedelta(minutes=2))
    assert logged.call_count == 1
    assert not backend.answering
    await pass_time(timedelta(minutes=2))
    assert backend.answering


# --- repair issues ---------------------------------------------------------------------------------------------------


async def test_a_repair_issue_comes_after_five_minutes_and_goes_with_the_outage(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    await qbittorrent.refuse()
    await pass_time(timedelta(seconds=20))
    await pass_time(OUTAGE_GRACE - timedelta(seconds=30))
    assert issue(hass, QBITTORRENT_ID) is None
    await pass_time(timedelta(seconds=40))
    found = issue(hass, QBITTORRENT_ID)
    assert found is not None
    assert found.translation_key == "unavailable_refused"
    assert found.translation_placeholders == {"backend": "qBittorrent", "url": qbittorrent.url}
    assert found.data == {"subentry_id": QBITTORRENT_ID}
    assert found.is_fixable
    await qbittorrent.accept()
    await pass_time(timedelta(minutes=3))
    assert issue(hass, QBITTORRENT_ID) is None
    await pass_time(timedelta(minutes=5), times=3)
    assert issue(hass, QBITTORRENT_ID) is None


async def test_the_issue_says_what_is_wrong_now(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await radarr.refuse()
    await set_up(servarr_subentry(radarr, RADARR_ID))
    await pass_time(timedelta(minutes=1), times=6)
    found = issue(hass, RADARR_ID)
    assert found is not None
    assert found.translation_key == "unavailable_refused"
    radarr.fault("html")
    await radarr.accept()
    await pass_time(timedelta(minutes=1), times=8)
    found = issue(hass, RADARR_ID)
    assert found is not None
    assert found.translation_key == "unavailable_not_the_api"


async def test_a_backend_that_has_not_said_anything_yet_gets_an_issue_too(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    radarr.fault("hang")
    with patch("custom_components.sokoul.hub.START_PATIENCE", timedelta(0)):
        entry = await set_up(servarr_subentry(radarr, RADARR_ID), settle=False)
    backend = entry.runtime_data.backends[RADARR_ID]
    backend._outage_lasts(datetime.now(tz=backend.unavailable_since.tzinfo))
    found = issue(hass, RADARR_ID)
    assert found is not None
    assert found.translation_key == "unavailable_no_answer"
    radarr.clear_faults()
    await hass.async_block_till_done(wait_background_tasks=True)
    await entry.runtime_data.refresh([RADARR_ID])
    assert issue(hass, RADARR_ID) is None


# --- credentials -----------------------------------------------------------------------------------------------------


async def test_refused_credentials_start_one_reauthentication_and_are_hardly_tried_again(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(
        subentry("qbittorrent", qbittorrent, QBITTORRENT_ID, title="Downloads", username=USERNAME, password="wrong")
    )
    assert reauthentications(hass, entry) == [QBITTORRENT_ID]
    flow = next(iter(entry.async_get_active_flows(hass, {SOURCE_REAUTH})))
    assert flow["context"]["title_placeholders"]["name"] == "Downloads"
    await pass_time(timedelta(minutes=1), times=59)
    assert logins(qbittorrent) == 1
    await pass_time(timedelta(minutes=1), times=400)
    assert logins(qbittorrent) == MAX_REFUSALS == 2  # five would ban the address, however long apart
    assert reauthentications(hass, entry) == [QBITTORRENT_ID]
    assert issue(hass, QBITTORRENT_ID) is None  # Home Assistant's own issue is there
    assert ir.async_get(hass).async_get_issue("homeassistant", f"config_entry_reauth_{DOMAIN}_{entry.entry_id}")


async def test_a_restart_with_wrong_credentials_leaves_the_person_a_try(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(subentry("qbittorrent", qbittorrent, QBITTORRENT_ID, username=USERNAME, password="wrong"))
    await pass_time(timedelta(minutes=10), times=30)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(timedelta(minutes=10), times=30)
    cause = entry.runtime_data.backends[QBITTORRENT_ID].last_exception.__cause__
    assert isinstance(cause, InvalidAuth)
    assert not isinstance(cause, Banned)
    assert logins(qbittorrent) < qbittorrent.engine.preferences["web_ui_max_auth_fail_count"]


async def test_reloads_and_refreshes_with_wrong_credentials_do_not_provoke_a_ban(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(subentry("qbittorrent", qbittorrent, QBITTORRENT_ID, username=USERNAME, password="wrong"))
    for _ in range(10):
        await entry.runtime_data.refresh([QBITTORRENT_ID])
        entry.runtime_data.backends[QBITTORRENT_ID].look_again()
        await pass_time(timedelta(minutes=1))
    assert logins(qbittorrent) == 1


async def test_a_password_that_is_changed_at_the_backend_is_asked_for(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.access.password = "another"
    await pass_time(timedelta(minutes=1), times=3)
    assert reauthentications(hass, entry) == []  # the session goes on
    qbittorrent.restart()
    await pass_time(timedelta(minutes=1), times=30)
    assert reauthentications(hass, entry) == [QBITTORRENT_ID]
    assert logins(qbittorrent) == 2


async def test_an_old_password_that_works_again_is_found_out_within_an_hour(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    backend = entry.runtime_data.backends[QBITTORRENT_ID]
    old, qbittorrent.access.password = qbittorrent.access.password, "another"
    qbittorrent.restart()
    await pass_time(timedelta(minutes=1), times=2)
    assert logins(qbittorrent) == 2
    qbittorrent.access.password = old
    await pass_time(timedelta(minutes=1), times=60)
    assert backend.answering
    assert logins(qbittorrent) == 3
    assert reauthentications(hass, entry) == []


async def test_after_one_more_try_only_a_person_tries_again(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    backend = entry.runtime_data.backends[QBITTORRENT_ID]
    old, qbittorrent.access.password = qbittorrent.access.password, "another"
    qbittorrent.restart()
    await pass_time(timedelta(minutes=1), times=2)
    since = backend.unavailable_since
    await pass_time(timedelta(minutes=1), times=60)  # it is tried, in vain
    assert logins(qbittorrent) == 3
    assert backend.unavailable_since == since
    qbittorrent.access.password = old
    await pass_time(timedelta(minutes=1), times=120)
    assert logins(qbittorrent) == 3
    await backend.async_connect_anew()
    assert backend.answering


async def test_a_key_that_works_again_is_found_out_within_minutes(
    radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """A key is not banned."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    key, radarr.api_key = radarr.api_key, "another"
    await pass_time(timedelta(minutes=1), times=3)
    assert not entry.runtime_data.backends[RADARR_ID].answering
    radarr.api_key = key
    await pass_time(timedelta(minutes=1), times=3)
    assert entry.runtime_data.backends[RADARR_ID].answering


@pytest.mark.parametrize("status", [401, 403])
async def test_a_proxy_that_refuses_is_no_reason_to_ask_for_credentials(
    status: int,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    for simulator in (qbittorrent, radarr):
        simulator.fault("status", status=status, headers={"Content-Type": "text/html"}, body="<html>nginx</html>")
    await pass_time(timedelta(minutes=1), times=7)
    for backend_id in (QBITTORRENT_ID, RADARR_ID):
        found = issue(hass, backend_id)
        assert found is not None
        assert found.translation_key == "unavailable_not_the_api"
    assert reauthentications(hass, entry) == []
    qbittorrent.clear_faults()
    radarr.clear_faults()
    await pass_time(timedelta(minutes=1), times=3)
    assert all(backend.answering for backend in entry.runtime_data.backends.values())


async def test_the_second_backend_with_refused_credentials_gets_a_repair_issue(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    qbittorrent.access.password = "another"
    qbittorrent.restart()
    await pass_time(timedelta(seconds=30))
    radarr.api_key = "another"
    await pass_time(timedelta(minutes=1), times=7)
    assert reauthentications(hass, entry) == [QBITTORRENT_ID]
    assert issue(hass, QBITTORRENT_ID) is None
    found = issue(hass, RADARR_ID)
    assert found is not None
    assert found.translation_key == "unavailable_invalid_auth"
    # once the first question is settled, the other one is asked, and its issue goes
    for flow in tuple(entry.async_get_active_flows(hass, {SOURCE_REAUTH})):
        hass.config_entries.flow.async_abort(flow["flow_id"])
    qbittorrent.access.password = entry.subentries[QBITTORRENT_ID].data["connection"]["password"]
    await entry.runtime_data.refresh([RADARR_ID])
    await pass_time(OUTAGE_GRACE, times=2)
    assert reauthentications(hass, entry) == [RADARR_ID]
    assert issue(hass, RADARR_ID) is None


async def test_a_ban_is_waited_for_and_said(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    for _ in range(qbittorrent.engine.preferences["web_ui_max_auth_fail_count"]):
        qbittorrent.access.log_in("127.0.0.1", "somebody", "else")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await pass_time(timedelta(minutes=1), times=7)
    found = issue(hass, QBITTORRENT_ID)
    assert found is not None
    assert found.translation_key == "unavailable_banned"
    assert reauthentications(hass, entry) == []  # the credentials may be right
    assert logins(qbittorrent) == 1
    await pass_time(timedelta(minutes=10), times=7)
    assert entry.runtime_data.backends[QBITTORRENT_ID].answering
    assert logins(qbittorrent) == 2
    assert issue(hass, QBITTORRENT_ID) is None


# --- changes at run time ---------------------------------------------------------------------------------------------


async def test_new_credentials_count_at_once(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(subentry("qbittorrent", qbittorrent, QBITTORRENT_ID, title="qBittorrent", username="x"))
    found = hass.states.get("sensor.qbittorrent_downloading")
    assert found is not None
    assert found.state == STATE_UNAVAILABLE
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[QBITTORRENT_ID], data=qbittorrent_subentry(qbittorrent)["data"]
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    found = hass.states.get("sensor.qbittorrent_downloading")
    assert found is not None
    assert found.state == "0"


async def test_a_corrected_address_counts_at_once_while_the_old_one_hangs(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    radarr.fault("hang")  # what is at the wrong address
    with patch("custom_components.sokoul.hub.START_PATIENCE", timedelta(0)):
        entry = await set_up(subentry("qbittorrent", radarr, QBITTORRENT_ID, title="qBittorrent"), settle=False)
    await until(lambda: entry.runtime_data.backends[QBITTORRENT_ID]._reading)
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[QBITTORRENT_ID], data=qbittorrent_subentry(qbittorrent)["data"]
    )
    # long before the patience with the old address is at its end
    await until(lambda: hass.states.is_state("binary_sensor.qbittorrent_connection", STATE_ON))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert reauthentications(hass, entry) == []


@pytest.mark.parametrize("fault", ["status", None])
async def test_what_the_old_address_answered_late_does_not_count(
    fault: str | None, hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    """The answer (or the error) came, but the address was changed before it was looked at."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    backend = entry.runtime_data.backends[RADARR_ID]
    old = backend.reader
    read = old.read

    async def read_and_change(now: datetime) -> object:
        backend._connect()
        if fault:
            radarr.fault("status", status=401, times=1)
        return await read(now)

    radarr.requests.clear()
    with patch.object(old, "read", read_and_change):
        await backend.async_refresh()
    assert backend.reader is not old
    assert backend.answering
    assert reauthentications(hass, entry) == []
    assert sum(seen.path == "/api/v3/queue" for seen in radarr.requests) == 2


async def test_another_server_at_the_same_revision_shows_at_once(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, clock: ManualClock, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    backend = entry.runtime_data.backends[QBITTORRENT_ID]
    async with QbittorrentSimulator("5.2", username=USERNAME, password="correct horse", clock=clock) as other:
        other.add_torrent("Silo.S01E01.1080p.WEB-DL-GROUP", "stalled")
        before = backend.data
        hass.config_entries.async_update_subentry(
            entry, entry.subentries[QBITTORRENT_ID], data=qbittorrent_subentry(other)["data"]
        )
        await hass.async_block_till_done(wait_background_tasks=True)
        assert backend.data == before  # by its number, which is what makes this a trap
        assert hass.states.is_state("sensor.qbittorrent_stalled", "1")
        assert hass.states.is_state("sensor.sokoul_active_downloads", "1")
        await hass.config_entries.async_unload(entry.entry_id)


async def test_what_is_remembered_while_the_polling_ends_is_written(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, hass_storage: dict[str, Any]
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    backend = entry.runtime_data.backends[QBITTORRENT_ID]
    with patch.object(backend.reader, "close", side_effect=lambda: backend.remember("last words", 1)):
        await hass.config_entries.async_unload(entry.entry_id)
    assert hass_storage[f"{DOMAIN}.{HUB_ID}"]["data"]["backends"][QBITTORRENT_ID] == {"last words": 1}


async def test_a_poll_that_is_cancelled_with_the_entry_ends(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    radarr.fault("hang")
    await pass_time(timedelta(minutes=2), settle=False)
    backend = entry.runtime_data.backends[RADARR_ID]
    await until(lambda: backend._reading)
    await hass.config_entries.async_unload(entry.entry_id)
    assert backend._reading is None
    assert backend._unsub_refresh is None  # nothing is planned any more
