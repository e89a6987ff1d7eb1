"""A Seerr as a backend: added, changed, let in anew, and what is seen of its requests."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.sokoul.clients.seerr import SeerrClient
from custom_components.sokoul.connectors.seerr import INTERVAL, STATUS_INTERVAL, sniffed
from custom_components.sokoul.const import DOMAIN
from devstack.frame import FaultKind
from devstack.seerr import API_KEY, SeerrSimulator

from .conftest import HUB_ID, SEERR_ID, Names, PassTime, SetUp, seerr_subentry
from .flows import (
    add_backend,
    asked_for,
    by_title,
    choose,
    fields,
    finish,
    form,
    reauth_form,
    start,
    step,
    submit,
    submit_backend,
    suggested,
    usual_ports,
)

pytestmark = pytest.mark.usefixtures("socket_enabled")


def value(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, sorted(hass.states.async_entity_ids())
    return found.state


# --- adding ----------------------------------------------------------------------------------------------------------


async def test_it_is_added_once(hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator) -> None:
    seerr.title = "Film club"
    entry = await set_up()
    result = await add_backend(hass, entry, "seerr")
    assert (fields(result), result["errors"]) == (["url", "api_key", "verify_ssl"], {})
    hints = result["description_placeholders"]
    assert (hints["key_at"], hints["example"]) == ("Settings > General", "192.168.1.10:5055")
    result = await submit_backend(hass, result, url=seerr.url, api_key="")
    assert result["errors"] == {"api_key": "key_needed"}
    result = await submit_backend(hass, result, url=seerr.url, api_key="hunter2")
    assert (step(result), result["errors"]) == (form("user"), {"api_key": "invalid_key"})
    assert suggested(result)["url"] == seerr.url
    result = await submit_backend(hass, result, url=f" {seerr.url}/requests?filter=all#top ", api_key=f" {API_KEY} ")
    assert result["errors"] == {"url": "not_the_api"}  # it is a page
    result = await submit_backend(hass, result, url=f" {seerr.url}/ ", api_key=f" {API_KEY} ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.unique_id) == ("Film club", f"seerr:127.0.0.1:{seerr.port}")
    assert subentry.data == {
        "connection": {"url": seerr.url, "verify_ssl": True, "api_key": API_KEY},
        "preferences": {},
    }
    await hass.async_block_till_done()
    assert value(hass, "binary_sensor.film_club_connection") == "on"

    result = await submit_backend(hass, await add_backend(hass, entry, "seerr"), url=seerr.url, api_key=API_KEY)
    assert result["errors"] == {"url": "already_configured"}


@pytest.mark.parametrize(
    ("kind", "options", "field", "problem"),
    [
        (FaultKind.STATUS, {"status": 429}, "base", "rate_limited"),
        (FaultKind.STATUS, {"status": 500}, "base", "unexpected_response"),
        (FaultKind.STATUS, {"status": 404}, "url", "not_found"),
        (FaultKind.STATUS, {"status": 400}, "base", "rejected"),
        (FaultKind.HTML, {}, "url", "not_the_api"),
        (FaultKind.TRUNCATE_JSON, {}, "base", "unexpected_response"),
        (FaultKind.WRONG_TYPES, {}, "base", "unexpected_response"),
        (FaultKind.DISCONNECT, {}, "url", "no_answer"),
    ],
)
async def test_one_in_trouble_can_be_added_later(
    hass: HomeAssistant,
    set_up: SetUp,
    seerr: SeerrSimulator,
    kind: FaultKind,
    options: dict[str, Any],
    field: str,
    problem: str,
) -> None:
    entry = await set_up()
    seerr.fault(kind, **options)
    result = await submit_backend(hass, await add_backend(hass, entry, "seerr"), url=seerr.url, api_key=API_KEY)
    assert result["errors"] == {field: problem}
    seerr.clear_faults()
    result = await submit_backend(hass, result, url=seerr.url, api_key=API_KEY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_one_that_is_stopped(hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator) -> None:
    entry = await set_up()
    await seerr.refuse()
    result = await submit_backend(hass, await add_backend(hass, entry, "seerr"), url=seerr.url, api_key=API_KEY)
    assert result["errors"] == {"url": "refused"}
    await seerr.accept()
    result = await submit_backend(hass, result, url=seerr.url, api_key=API_KEY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_scan_finds_it(hass: HomeAssistant, names: Names, seerr: SeerrSimulator) -> None:
    names.known |= {"nas"}
    with usual_ports(seerr=seerr.port):
        result = await submit(hass, await choose(hass, await start(hass), "scan"), host="nas")
        assert (step(result), result["description_placeholders"]["name"]) == (form("scanned"), "Seerr")
        assert not any("X-Api-Key" in seen.headers for seen in seerr.requests)
        result = await submit(hass, result, url=f"http://nas:{seerr.port}", api_key="hunter2", skip=False)
        assert result["errors"] == {"api_key": "invalid_key"}
        result = await submit(hass, result, url=f"http://nas:{seerr.port}", api_key=API_KEY, skip=False)
    assert by_title(await finish(hass, result)).keys() == {"Seerr"}


async def test_the_page_that_shows_the_key(hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, "seerr")
    result = await submit_backend(hass, result, url=f"{seerr.url}/settings/main", api_key=API_KEY)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert subentry.data["connection"]["url"] == seerr.url


# --- changing --------------------------------------------------------------------------------------------------------


async def test_it_is_changed(hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator) -> None:
    entry = await set_up(seerr_subentry(seerr))
    result = await entry.start_subentry_reconfigure_flow(hass, SEERR_ID)
    assert (step(result), fields(result)) == (form("reconfigure"), ["url", "api_key", "verify_ssl"])
    assert API_KEY not in str(result["data_schema"].schema)
    result = await submit_backend(hass, result, url="http://elsewhere.example:5055", api_key="")
    assert result["errors"] == {"api_key": "secret_needed"}
    seerr.api_key = "bmV3LWtleQ=="
    result = await submit_backend(hass, result, url=seerr.url, api_key="")  # left empty it stays
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit_backend(hass, result, url=seerr.url, api_key="bmV3LWtleQ==", verify_ssl=False)
    assert result["reason"] == "reconfigure_successful"
    assert entry.subentries[SEERR_ID].data["connection"] == {
        "url": seerr.url,
        "verify_ssl": False,
        "api_key": "bmV3LWtleQ==",
    }
    client = entry.runtime_data.backends[SEERR_ID].client
    assert isinstance(client, SeerrClient)
    assert (await client.requests()).requests == ()


async def test_a_key_that_is_refused_is_asked_for(hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator) -> None:
    entry = await set_up(seerr_subentry(seerr))
    seerr.api_key = "bmV3LWtleQ=="
    await entry.runtime_data.backends[SEERR_ID].async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked_for(hass) == ["Seerr"]
    result = reauth_form(hass)
    assert (step(result), fields(result)) == (form("reauth_confirm"), ["api_key"])
    assert result["description_placeholders"]["key_at"] == "Settings > General"
    result = await submit(hass, result, api_key="hunter2")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit(hass, result, api_key="bmV3LWtleQ==")
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.subentries[SEERR_ID].data["connection"]["api_key"] == "bmV3LWtleQ=="
    assert value(hass, "binary_sensor.seerr_connection") == "on"


# --- what is seen ----------------------------------------------------------------------------------------------------


async def test_requests_are_counted(
    hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator, pass_time: PassTime
) -> None:
    movie, series = seerr.library.known_movies[0], seerr.library.known_series[0]
    first, second = seerr.ask_for(movie), seerr.ask_for(series, seasons=(1,))
    await set_up(seerr_subentry(seerr))

    def counted() -> tuple[str, str]:
        return value(hass, "sensor.seerr_requests_to_approve"), value(hass, "sensor.seerr_requests_on_their_way")

    assert counted() == ("2", "0")
    seerr.approve(first)
    seerr.approve(second)
    await pass_time(INTERVAL)
    assert counted() == ("0", "2")
    seerr.finish(first)
    await pass_time(INTERVAL)
    assert counted() == ("0", "1")


async def test_looking_costs_one_request(set_up: SetUp, seerr: SeerrSimulator, pass_time: PassTime) -> None:
    await set_up(seerr_subentry(seerr))
    seerr.requests.clear()
    for _ in range(3):
        await pass_time(INTERVAL)
    assert [request.path for request in seerr.requests] == ["/api/v1/request/count"] * 3
    await pass_time(STATUS_INTERVAL)
    assert {request.path for request in seerr.requests[3:]} == {
        "/api/v1/request/count",
        "/api/v1/status",
        "/api/v1/settings/public",
    }


async def test_its_device(
    hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator, device_registry: dr.DeviceRegistry
) -> None:
    await set_up(seerr_subentry(seerr))
    device = device_registry.async_get_device_by_identifier((DOMAIN, SEERR_ID), HUB_ID)
    assert device is not None
    assert (device.name, device.manufacturer, device.sw_version) == ("Seerr", "Seerr", seerr.version)
    assert device.configuration_url == seerr.url


async def test_one_that_is_away(hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator, pass_time: PassTime) -> None:
    await set_up(seerr_subentry(seerr))
    await seerr.refuse()
    await pass_time(INTERVAL)
    assert value(hass, "binary_sensor.seerr_connection") == "off"
    assert value(hass, "sensor.seerr_requests_to_approve") == "unavailable"
    await seerr.accept()
    await pass_time(INTERVAL)
    assert value(hass, "sensor.seerr_requests_to_approve") == "0"


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ('{"version": "3.1.0", "commitTag": "local"}', True),
        ('{"version": "3.1.0"}', False),
        ("[]", False),
        ("Seerr", False),
    ],
)
def test_it_is_known_by_what_it_tells_of_its_version(*, body: str, known: bool) -> None:
    assert sniffed(200, body) is known
