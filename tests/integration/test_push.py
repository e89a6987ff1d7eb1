"""Webhooks of the *arr, really sent to a really listening Home Assistant."""

from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
import json
from typing import Any
from unittest.mock import patch

from aiohttp.test_utils import TestClient
from homeassistant.components import webhook
from homeassistant.const import STATE_ON
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.util.aiohttp import MockRequest
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.push import CHUNK_BYTES, MAX_BODY_BYTES, MEMORY_KEY, WEBHOOK_NAME, own_url
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.servarr_providers import Provider
from devstack.sonarr import SonarrSimulator

from .conftest import (
    HUB_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    SONARR_ID,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    until,
)

type Client = TestClient[Any, Any]


@pytest.fixture
async def http(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> AsyncIterator[Client]:
    """Let Home Assistant listen on loopback."""
    from homeassistant.setup import async_setup_component

    assert await async_setup_component(hass, "webhook", {})
    return await hass_client_no_auth()


@pytest.fixture
def address(http: Client) -> str:
    return f"http://127.0.0.1:{http.server.port}"


def hooks(radarr: RadarrSimulator | SonarrSimulator) -> dict[str, Provider]:
    return {each.name: each for each in radarr.notifications.items.values()}


def url_of(radarr: RadarrSimulator | SonarrSimulator) -> str:
    return str(hooks(radarr)[WEBHOOK_NAME].values["url"])


def preferences(address: str) -> dict[str, Any]:
    return {"push": True, "push_url": address}


async def settle(hass: HomeAssistant, *simulators: RadarrSimulator | SonarrSimulator) -> None:
    for simulator in simulators:
        await simulator.idle()
    await hass.async_block_till_done(wait_background_tasks=True)


def change(hass: HomeAssistant, entry: MockConfigEntry, **changed: Any) -> None:
    subentry = entry.subentries[RADARR_ID]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "preferences": {**subentry.data["preferences"], **changed}}
    )


# --- there, changed, gone --------------------------------------------------------------------------------------------


async def test_nothing_is_changed_in_an_arr_without_being_asked_for(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert hooks(radarr) == {}
    assert {seen.method for seen in radarr.requests} == {"GET"}
    assert not entry.runtime_data.push.seen(RADARR_ID)
    assert not hass.data.get("webhook")


async def test_a_webhook_is_made_and_its_test_arrives(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    assert list(hooks(radarr)) == [WEBHOOK_NAME]
    webhook_id = entry.runtime_data.backends[RADARR_ID].memory[MEMORY_KEY]
    assert url_of(radarr) == f"{address}/api/webhook/{webhook_id}"
    assert len(webhook_id) >= 32
    assert [(each.event, each.status) for each in radarr.webhooks.deliveries] == [("Test", 200)]
    assert entry.runtime_data.push.seen(RADARR_ID)


async def test_the_address_of_home_assistant_is_found_without_being_told(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    hass.config.internal_url = address
    hass.config.external_url = "https://home.example"
    await set_up(servarr_subentry(radarr, RADARR_ID, preferences={"push": True}))
    assert url_of(radarr).startswith(f"{address}/api/webhook/")


async def test_without_any_address_there_is_no_webhook(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, http: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with patch("custom_components.sokoul.push.get_url", side_effect=webhook_no_url()):
        assert own_url(hass) is None
        await set_up(servarr_subentry(radarr, RADARR_ID, preferences={"push": True}))
    assert hooks(radarr) == {}
    assert "No address is known" in caplog.text
    assert hass.states.is_state("binary_sensor.radarr_connection", STATE_ON)


def webhook_no_url() -> Exception:
    from homeassistant.helpers.network import NoURLAvailableError

    return NoURLAvailableError()


async def test_a_reload_keeps_the_webhook_and_its_id(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    before = url_of(radarr)
    await hass.config_entries.async_unload(entry.entry_id)
    await settle(hass, radarr)
    assert url_of(radarr) == before  # it stays in the *arr
    assert not hass.data["webhook"]  # and nobody listens
    radarr.requests.clear()
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass, radarr)
    assert url_of(radarr) == before
    assert {seen.method for seen in radarr.requests} == {"GET"}  # what is right is not touched
    assert not entry.runtime_data.push.seen(RADARR_ID)  # not before something arrives
    radarr.webhooks.send("onGrab", "Grab", {})
    await settle(hass, radarr)
    assert entry.runtime_data.push.seen(RADARR_ID)


async def test_nothing_is_made_or_listened_to_once_it_is_unloaded(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    hub = entry.runtime_data
    await hass.config_entries.async_unload(entry.entry_id)
    radarr.requests.clear()
    await hub.push.reconcile(hub.backends[RADARR_ID])  # one that waited for its turn
    assert not hass.data["webhook"]
    assert radarr.requests == []


async def test_a_webhook_that_a_person_broke_is_repaired_at_the_next_start(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    right = url_of(radarr)
    hooks(radarr)[WEBHOOK_NAME].values["url"] = "http://127.0.0.1:9/elsewhere"
    other = radarr.notifications.add("Webhook", "Somebody else's", {"url": "http://127.0.0.1:9/other"})
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass, radarr)
    assert url_of(radarr) == right
    assert hooks(radarr).keys() == {WEBHOOK_NAME, other.name}
    assert other.values["url"] == "http://127.0.0.1:9/other"


async def test_another_address_changes_the_webhook(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, http: Client, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(f"{address}/")))
    webhook_id = entry.runtime_data.backends[RADARR_ID].memory[MEMORY_KEY]
    assert url_of(radarr) == f"{address}/api/webhook/{webhook_id}"  # no slash too many
    change(hass, entry, push_url=address.replace("127.0.0.1", "localhost"))
    with patch.object(radarr.webhooks, "test", return_value=()):  # the harness knows no names
        await settle(hass, radarr)
    assert url_of(radarr) == f"http://localhost:{http.server.port}/api/webhook/{webhook_id}"
    assert len(hooks(radarr)) == 1


async def test_it_is_removed_when_it_is_switched_off(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    assert entry.runtime_data.push.seen(RADARR_ID)
    change(hass, entry, push=False)
    await settle(hass, radarr)
    assert hooks(radarr) == {}
    assert MEMORY_KEY not in entry.runtime_data.backends[RADARR_ID].memory
    assert not entry.runtime_data.push.seen(RADARR_ID)
    assert not hass.data["webhook"]
    change(hass, entry, push=True)
    await settle(hass, radarr)
    assert list(hooks(radarr)) == [WEBHOOK_NAME]


async def test_what_could_not_be_removed_when_it_was_switched_off_is_removed_at_the_next_start(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    await radarr.refuse()
    change(hass, entry, push=False)
    await settle(hass)
    assert "could not be removed" in caplog.text
    assert not hass.data["webhook"]  # nobody listens any more
    await radarr.accept()
    assert list(hooks(radarr)) == [WEBHOOK_NAME]
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass, radarr)
    assert hooks(radarr) == {}


async def test_it_is_removed_with_the_backend(
    hass: HomeAssistant, radarr: RadarrSimulator, sonarr: SonarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)),
        servarr_subentry(sonarr, SONARR_ID, preferences=preferences(address)),
    )
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await settle(hass, radarr, sonarr)
    assert hooks(radarr) == {}
    assert list(hooks(sonarr)) == [WEBHOOK_NAME]
    assert len(hass.data["webhook"]) == 1


async def test_it_is_removed_with_sokoul(
    hass: HomeAssistant, radarr: RadarrSimulator, sonarr: SonarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)),
        servarr_subentry(sonarr, SONARR_ID, preferences=preferences(address)),
    )
    other = radarr.notifications.add("Webhook", "Somebody else's", {"url": "http://127.0.0.1:9/other"})
    await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass, radarr, sonarr)
    assert list(hooks(radarr)) == [other.name]
    assert hooks(sonarr) == {}
    assert not hass.data["webhook"]


@pytest.mark.parametrize("trouble", ["refuse", "hang"])
async def test_sokoul_can_be_removed_while_an_arr_is_away(
    trouble: str,
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    set_up: SetUp,
    address: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)),
        servarr_subentry(sonarr, SONARR_ID, preferences=preferences(address)),
    )
    if trouble == "refuse":
        await radarr.refuse()
    else:
        radarr.fault("hang")
    with patch("custom_components.sokoul.farewell.FAREWELL_PATIENCE", timedelta(milliseconds=500)):
        await hass.config_entries.async_remove(entry.entry_id)
    await settle(hass, sonarr)
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert hooks(sonarr) == {}
    said = [each.getMessage() for each in caplog.records if "please remove it there" in each.getMessage()]
    assert len(said) == 1
    assert "The webhook in Radarr could not be removed" in said[0]


async def test_it_is_not_made_when_the_backend_is_removed_in_the_middle_of_a_change(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    hub = entry.runtime_data
    backend = hub.backends[RADARR_ID]
    radarr.fault("hang")
    subentry = entry.subentries[RADARR_ID]
    connection = {**subentry.data["connection"], "verify_ssl": False}
    hass.config_entries.async_update_subentry(
        entry, subentry, data={"connection": connection, "preferences": preferences(address)}
    )
    await until(lambda: backend.preferences.get("push") and backend._reading)
    radarr.clear_faults()
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await settle(hass, radarr)
    await hub.push.reconcile(backend)  # one that waited for its turn
    assert hooks(radarr) == {}
    assert not hass.data.get("webhook")
    assert not hub.memory.of_backend(RADARR_ID)


async def test_what_can_not_be_removed_is_said(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    await radarr.refuse()
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await settle(hass)
    assert "could not be removed, please remove it there" in caplog.text
    assert not hass.data["webhook"]


async def test_an_arr_that_can_not_reach_home_assistant_is_polled_on(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, http: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """It refuses to save a webhook whose test fails, and tells why."""
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences("http://127.0.0.1:9")))
    assert hooks(radarr) == {}
    assert "Radarr does not take the webhook, polling goes on" in caplog.text
    assert "/api/webhook/" not in caplog.text.replace("/api/webhook/**REDACTED**", "")
    assert hass.states.is_state("binary_sensor.radarr_connection", STATE_ON)
    assert not entry.runtime_data.push.seen(RADARR_ID)


async def test_an_arr_that_goes_away_in_between_is_asked_again_when_it_is_back(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str, pass_time: PassTime
) -> None:
    radarr.fault("disconnect", "* */notification*")
    await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    assert hooks(radarr) == {}
    await radarr.refuse()
    await pass_time(timedelta(minutes=2))
    radarr.clear_faults()
    await radarr.accept()
    await pass_time(timedelta(minutes=3))
    await settle(hass, radarr)
    assert list(hooks(radarr)) == [WEBHOOK_NAME]


async def test_nothing_is_asked_before_home_assistant_can_answer(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    hass.set_state(CoreState.starting)
    await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))
    assert hooks(radarr) == {}
    hass.set_state(CoreState.running)
    hass.bus.async_fire("homeassistant_started")
    await settle(hass, radarr)
    assert list(hooks(radarr)) == [WEBHOOK_NAME]


async def test_a_download_client_has_no_webhook(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, http: Client
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    backend = entry.runtime_data.backends[QBITTORRENT_ID]
    await entry.runtime_data.push.reconcile(backend)
    assert MEMORY_KEY not in backend.memory


async def test_two_reconciliations_at_once_make_one_webhook(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, address: str
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID, preferences={"push_url": address}))
    backend = entry.runtime_data.backends[RADARR_ID]
    change(hass, entry, push=True)
    hass.async_create_task(entry.runtime_data.push.reconcile(backend))
    hass.async_create_task(entry.runtime_data.push.reconcile(backend))
    await settle(hass, radarr)
    assert len(radarr.notifications.items) == 1


# --- what arrives ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def entry(radarr: RadarrSimulator, set_up: SetUp, address: str) -> MockConfigEntry:
    return await set_up(servarr_subentry(radarr, RADARR_ID, preferences=preferences(address)))


@pytest.fixture
def path(entry: MockConfigEntry) -> str:
    return f"/api/webhook/{entry.runtime_data.backends[RADARR_ID].memory[MEMORY_KEY]}"


def polls(radarr: RadarrSimulator) -> int:
    return sum(seen.path == "/api/v3/queue" for seen in radarr.requests)


async def test_an_event_shows_at_once(hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator) -> None:
    assert hass.states.is_state("sensor.radarr_queue", "0")
    radarr.queue_item(next(iter(radarr.library.movies.values())))
    radarr.webhooks.send("onGrab", "Grab", {})
    await settle(hass, radarr)
    assert hass.states.is_state("sensor.radarr_queue", "1")


async def test_many_events_at_once_are_one_look(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    await pass_time(timedelta(minutes=2))
    before = polls(radarr)
    for _ in range(20):
        radarr.webhooks.send("onGrab", "Grab", {})
    await settle(hass, radarr)
    assert polls(radarr) == before + 1
    await pass_time(timedelta(seconds=11))
    assert polls(radarr) == before + 2  # once more for those that came while it looked


async def test_a_test_is_no_reason_to_look(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, http: Client, path: str
) -> None:
    before = polls(radarr)
    answer = await http.post(path, json={"eventType": "Test"})
    await settle(hass)
    assert answer.status == HTTPStatus.OK
    assert polls(radarr) == before


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\xff", b"{", b"[]", b"1", b'"Grab"', b"{}", b'{"eventType": 3}', b'{"eventType": null}', b"[" * 5000],
)
async def test_garbage_is_refused(
    body: bytes, hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, http: Client, path: str
) -> None:
    before = polls(radarr)
    entry.runtime_data.push._seen.clear()
    answer = await http.post(path, data=body)
    await settle(hass)
    assert answer.status == HTTPStatus.BAD_REQUEST
    assert polls(radarr) == before
    assert not entry.runtime_data.push.seen(RADARR_ID)


@pytest.mark.parametrize("length", ["told", "not told"])
async def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_its_length(
    length: str, hass: HomeAssistant, entry: MockConfigEntry, http: Client, path: str
) -> None:
    event = json.dumps({"eventType": "Grab", "filling": "x" * MAX_BODY_BYTES}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(event), CHUNK_BYTES):
            yield event[start : start + CHUNK_BYTES]

    entry.runtime_data.push._seen.clear()
    answer = await http.post(path, data=event if length == "told" else pieces())
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert not entry.runtime_data.push.seen(RADARR_ID)


async def test_a_large_event_and_one_without_a_length_are_taken(
    hass: HomeAssistant, entry: MockConfigEntry, http: Client, path: str
) -> None:
    event = json.dumps({"eventType": "Download", "filling": "x" * (MAX_BODY_BYTES // 2)}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield event[:1000]
        yield event[1000:]

    for body in (event, pieces()):
        entry.runtime_data.push._seen.clear()
        answer = await http.post(path, data=body)
        assert answer.status == HTTPStatus.OK
        assert entry.runtime_data.push.seen(RADARR_ID)
    await settle(hass)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_other_methods_do_nothing(
    method: str, hass: HomeAssistant, entry: MockConfigEntry, http: Client, path: str
) -> None:
    entry.runtime_data.push._seen.clear()
    await http.request(method, path)
    assert not entry.runtime_data.push.seen(RADARR_ID)


async def test_only_the_home_network_is_listened_to(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, path: str
) -> None:
    entry.runtime_data.push._seen.clear()
    webhook_id = path.rpartition("/")[2]
    body = b'{"eventType": "Grab"}'
    for remote, seen in (("203.0.113.9", False), ("192.168.1.20", True)):
        request = MockRequest(body, "test", method="POST", remote=remote)
        answer = await webhook.async_handle_webhook(hass, webhook_id, request)
        assert answer.status == HTTPStatus.OK  # whether a webhook exists is nobody's business
        assert entry.runtime_data.push.seen(RADARR_ID) is seen
    await settle(hass, radarr)


async def test_an_event_for_a_backend_that_is_away_is_a_reason_to_look(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    await radarr.refuse()
    await pass_time(timedelta(minutes=1), times=4)
    assert hass.states.is_state("binary_sensor.radarr_connection", "off")
    await radarr.accept()
    radarr.webhooks.send("onHealthIssue", "Health", {})
    await settle(hass, radarr)
    assert hass.states.is_state("binary_sensor.radarr_connection", STATE_ON)


async def test_the_webhook_is_shown_by_the_name_of_its_backend(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    found = next(iter(hass.data["webhook"].values()))
    assert (found.domain, found.name, found.local_only) == (DOMAIN, "SOKOUL: Radarr", True)
    assert entry.entry_id == HUB_ID
