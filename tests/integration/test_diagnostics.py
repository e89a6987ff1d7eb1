"""Diagnostics: all that support needs, and none of the secrets, wherever they were copied to."""

import json
import threading
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.sokoul.clients.redact import redact_data
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.diagnostics import EXAMPLES
from devstack.arr_queue import StatusMessage
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import HUB_ID, PASSWORD, PROWLARR_ID, QBITTORRENT_ID, RADARR_ID, SetUp, subentry
from .stack import Stack

PASSKEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
URL_PASSWORD = "in-the-address"
OTHER_KEY = "f00dfeedf00dfeedf00dfeedf00dfeed"
ANNOUNCE = f"https://private.northgate.example/{PASSKEY}/announce"


@pytest.fixture(autouse=True)
async def _diagnostics(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "diagnostics", {})


@pytest.fixture
async def stack(
    qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, sonarr: SonarrSimulator, prowlarr: ProwlarrSimulator
) -> Stack:
    """Plant secrets wherever a backend may say one."""
    made = Stack(qbittorrent, radarr, sonarr, prowlarr)
    await made.fill()
    qbittorrent.add_torrent("private", "stalled", trackers=(ANNOUNCE,), private=True, comment=ANNOUNCE)
    movie = next(iter(radarr.library.movies.values()))
    radarr.queue_item(
        movie,
        title="failing",
        error_message=f"{ANNOUNCE} answered: passkey={PASSKEY} is not known",
        messages=[StatusMessage("failing", (f"Could not get http://prowlarr/1/download?apikey={OTHER_KEY}&file=x",))],
    )
    radarr.health_issue(
        "IndexerSearchCheck", "error", f"http://127.0.0.1/api?apikey={prowlarr.api_key} does not answer"
    )
    prowlarr.add_application("Radarr", f"http://user:{URL_PASSWORD}@127.0.0.1:7878", OTHER_KEY)
    return made


def secrets(stack: Stack) -> set[str]:
    keys = {each.api_key for each in (stack.radarr, stack.sonarr, stack.prowlarr)}
    return {*keys, PASSWORD, PASSWORD.replace(" ", "%20"), PASSWORD.replace(" ", "+"), PASSKEY, URL_PASSWORD, OTHER_KEY}


def assert_clean(found: Any, stack: Stack, *more: str) -> str:
    text = json.dumps(found)
    for secret in (*secrets(stack), *more):
        assert secret not in text, f"{secret} is in {text[max(0, text.find(secret) - 200) :][:400]}"
    assert "**REDACTED**" in text
    return text


@pytest.fixture
async def entry(stack: Stack, set_up: SetUp) -> MockConfigEntry:
    qbittorrent, *rest = stack.subentries(radarr={"push": False, "push_url": f"http://x:{URL_PASSWORD}@10.0.0.2:8123"})
    del qbittorrent
    url = stack.qbittorrent.url.replace("http://", f"http://somebody:{URL_PASSWORD}@")
    with_credentials = subentry(
        "qbittorrent", url, QBITTORRENT_ID, title="qBittorrent", username="admin", password=PASSWORD
    )
    return await set_up(with_credentials, *rest)


async def test_no_secret_is_in_the_diagnostics_of_the_hub(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry, stack: Stack
) -> None:
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    text = assert_clean(found, stack)
    # what support needs is there
    assert {each["kind"] for each in found["backends"]} == {"qbittorrent", "radarr", "sonarr", "prowlarr"}
    radarr = next(each for each in found["backends"] if each["kind"] == "radarr")
    assert radarr["answering"] is True
    assert radarr["interval_seconds"] == 30
    assert radarr["snapshot"]["version"] == stack.radarr.version
    assert "failing" in text
    assert "private.northgate.example" in text
    assert stack.hash_of("downloading") in text
    assert found["overview"]["counts"]["total"] == len(stack.qbittorrent.torrents)
    assert found["topology"]["edges"]


async def test_no_secret_is_in_the_words_of_an_error(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry, stack: Stack
) -> None:
    said = f"could not log in with {PASSWORD} and {stack.radarr.api_key}, see {ANNOUNCE}"
    for simulator in (stack.qbittorrent, stack.radarr):
        simulator.fault("status", status=500, body=json.dumps({"message": said}))
    await entry.runtime_data.refresh([QBITTORRENT_ID, RADARR_ID])
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_clean(found, stack)
    errors = [each["last_error"] for each in found["backends"] if each["last_error"]]
    assert len(errors) == 2
    assert all("could not log in" in each for each in errors)


async def test_a_device_has_the_diagnostics_of_its_backend(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry, stack: Stack
) -> None:
    registry = dr.async_get(hass)
    for subentry_id in (QBITTORRENT_ID, RADARR_ID, PROWLARR_ID):
        device = registry.async_get_device_by_identifier((DOMAIN, subentry_id), HUB_ID)
        assert device is not None
        found = await get_diagnostics_for_device(hass, hass_client, entry, device)
        assert found["id"] == subentry_id
        text = json.dumps(found)
        assert not [secret for secret in secrets(stack) if secret in text]
    hub = registry.async_get_device_by_identifier((DOMAIN, HUB_ID), HUB_ID)
    assert hub is not None
    assert await get_diagnostics_for_device(hass, hass_client, entry, hub) == {}


async def test_a_webhook_address_is_a_secret(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry, stack: Stack
) -> None:
    backend = entry.runtime_data.backends[RADARR_ID]
    backend.remember("webhook_id", "c0ffee" * 10)
    stack.radarr.health_issue("X", "error", f"Unable to send to http://10.0.0.2:8123/api/webhook/{'c0ffee' * 10}")
    backend.reader = backend.connector.reader(backend.client)
    await entry.runtime_data.refresh([RADARR_ID])
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert_clean(found, stack, "c0ffee" * 10)


async def test_of_ten_thousand_torrents_a_few_are_shown(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry, stack: Stack
) -> None:
    stack.qbittorrent.populate(300)
    await entry.runtime_data.refresh([QBITTORRENT_ID])
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    snapshot = next(each for each in found["backends"] if each["kind"] == "qbittorrent")["snapshot"]
    assert snapshot["torrents"] == len(stack.qbittorrent.torrents)
    assert len(snapshot["examples"]) == EXAMPLES
    assert sum(snapshot["by_state"].values()) == snapshot["torrents"]
    assert snapshot["settings"]["save_path"] == "/downloads"


async def test_of_a_long_queue_a_few_items_are_shown_and_searched_for_secrets_in_another_thread(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, entry: MockConfigEntry, stack: Stack
) -> None:
    movie = next(iter(stack.radarr.library.movies.values()))
    for number in range(100):
        stack.radarr.queue_item(movie, title=f"release {number}")
    await entry.runtime_data.refresh([RADARR_ID])
    threads: list[int] = []

    def noted(*args: Any, **options: Any) -> Any:
        threads.append(threading.get_ident())
        return redact_data(*args, **options)

    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, RADARR_ID), HUB_ID)
    assert device is not None
    with patch("custom_components.sokoul.diagnostics.redact_data", noted):
        hub = await get_diagnostics_for_config_entry(hass, hass_client, entry)
        radarr = await get_diagnostics_for_device(hass, hass_client, entry, device)
    assert len(threads) == 2
    assert threading.get_ident() not in threads
    for found in (radarr, next(each for each in hub["backends"] if each["kind"] == "radarr")):
        assert found["snapshot"]["queue_length"] == len(stack.radarr.queue.items)
        assert len(found["snapshot"]["queue"]) == EXAMPLES
        assert found["snapshot"]["queue"][0]["release"]


async def test_a_backend_that_never_answered_has_diagnostics_too(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    await radarr.refuse()
    entry = await set_up(subentry("radarr", radarr, RADARR_ID, api_key=OTHER_KEY))
    found = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    (backend,) = found["backends"]
    assert (backend["answering"], backend["snapshot"]) == (False, None)
    assert "nothing listens" in backend["last_error"]
    assert backend["unavailable_since"]
    assert OTHER_KEY not in json.dumps(found)
