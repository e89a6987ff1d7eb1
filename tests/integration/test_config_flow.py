"""Setting up the hub: from one *arr, from a scan, with nothing; every error leads on to an entry."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.config_flow import FAMILY
from custom_components.sokoul.connectors.registry import CONNECTORS
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.servarr import Servarr
from devstack.sonarr import SonarrSimulator

from .conftest import PASSWORD, USERNAME, Names, SetUp
from .flows import (
    by_title,
    choose,
    created,
    fields,
    finish,
    form,
    impatient,
    menu,
    start,
    step,
    submit,
    suggested,
    usual_ports,
)

KEY = "0123456789abcdef0123456789abcdef"

#: the fields of a form that is sent with its skip switch left alone
GO = {"skip": False}


@pytest.fixture(autouse=True)
async def _unload(hass: HomeAssistant) -> AsyncIterator[None]:
    yield
    for entry in hass.config_entries.async_entries("sokoul"):
        if entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


def feeds(prowlarr: ProwlarrSimulator, arr: Servarr) -> None:
    """Let Prowlarr and an *arr know each other, as after a synchronisation."""
    prowlarr.add_application(arr.application, arr.url, arr.api_key)
    address = {"baseUrl": f"{prowlarr.url}/1/", "apiPath": "/api", "apiKey": prowlarr.api_key}
    arr.indexers.add("Torznab", "Open Harbour (Prowlarr)", address)  # type: ignore[attr-defined]  # Radarr or Sonarr


@pytest.fixture
def stack(
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> RadarrSimulator:
    """Wire four programs as they are in a usual home, and return where to begin."""
    for arr in (radarr, sonarr):
        arr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD)
        feeds(prowlarr, arr)
    return radarr


async def at_arr(hass: HomeAssistant) -> Any:
    return await choose(hass, await start(hass), "arr")


# --- the ways to an entry --------------------------------------------------------------------------------------------


async def test_one_arr_leads_to_the_whole_stack(
    hass: HomeAssistant,
    stack: RadarrSimulator,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> None:
    result = await start(hass)
    assert step(result) == menu("user")
    assert result["menu_options"] == ["arr", "scan", "empty"]

    result = await choose(hass, result, "arr")
    assert step(result) == form("arr")
    assert fields(result) == ["url", "api_key", "verify_ssl"]

    # Radarr tells of qBittorrent with everything but the password
    result = await submit(hass, result, url=stack.url, api_key=stack.api_key)
    assert step(result) == form("neighbour")
    assert suggested(result) == {"url": qbittorrent.url, "username": USERNAME}
    placeholders = result["description_placeholders"]
    assert (placeholders["told_by"], placeholders["name"]) == ("Radarr", "qBittorrent")

    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password=PASSWORD, **GO)
    assert step(result) == form("neighbour")
    assert result["description_placeholders"]["name"] == "Prowlarr"
    assert suggested(result)["url"] == prowlarr.url

    # Prowlarr tells of Sonarr, and of Radarr, which is connected already
    result = await submit(hass, result, url=prowlarr.url, api_key=prowlarr.api_key, **GO)
    placeholders = result["description_placeholders"]
    assert (placeholders["told_by"], placeholders["name"]) == ("Prowlarr", "Sonarr")

    # Sonarr uses the same qBittorrent and the same Prowlarr: nobody is asked twice
    result = await submit(hass, result, url=sonarr.url, api_key=sonarr.api_key, **GO)
    assert step(result) == menu("finish")
    for title in ("Radarr", "Sonarr", "Prowlarr", "qBittorrent"):
        assert f"**{title}**" in result["description_placeholders"]["backends"]

    entry = await finish(hass, result)
    assert entry.state is ConfigEntryState.LOADED
    assert (entry.title, dict(entry.data), dict(entry.options)) == ("SOKOUL", {}, {})
    backends = by_title(entry)
    assert backends.keys() == {"Radarr", "Sonarr", "Prowlarr", "qBittorrent"}
    assert backends["qBittorrent"].data == {
        "connection": {"url": qbittorrent.url, "verify_ssl": True, "username": USERNAME, "password": PASSWORD},
        "preferences": {},
    }
    assert backends["Radarr"].unique_id == f"radarr:127.0.0.1:{stack.port}"
    states = {backend.title: backend.last_update_success for backend in entry.runtime_data.backends.values()}
    assert states == dict.fromkeys(backends, True)


async def test_nothing_at_all(hass: HomeAssistant) -> None:
    entry = await created(hass, await choose(hass, await start(hass), "empty"))
    assert entry.state is ConfigEntryState.LOADED
    assert not entry.subentries


async def test_a_second_hub_is_refused(hass: HomeAssistant, set_up: SetUp) -> None:
    await set_up()
    result = await start(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "single_instance_allowed")


async def test_everything_skipped_leads_back_to_the_start(
    hass: HomeAssistant, names: Names, radarr: RadarrSimulator
) -> None:
    names.known |= {"nas"}
    with usual_ports(radarr=radarr.port):
        result = await submit(hass, await choose(hass, await start(hass), "scan"), host="nas")
    result = await submit(hass, result, url=radarr.url, skip=True)
    assert step(result) == menu("user")


async def test_a_skipped_backend_is_left_out_and_not_asked_for_again(
    hass: HomeAssistant, stack: RadarrSimulator, prowlarr: ProwlarrSimulator, sonarr: SonarrSimulator
) -> None:
    result = await submit(hass, await at_arr(hass), url=stack.url, api_key=stack.api_key)
    result = await submit(hass, result, url="whatever", skip=True)  # qBittorrent
    result = await submit(hass, result, url=prowlarr.url, api_key=prowlarr.api_key, **GO)
    result = await submit(hass, result, url=sonarr.url, api_key=sonarr.api_key, **GO)
    assert step(result) == menu("finish")
    assert by_title(await finish(hass, result)).keys() == {"Radarr", "Prowlarr", "Sonarr"}


async def test_two_radarrs_get_two_names(hass: HomeAssistant, radarr: RadarrSimulator, clock: ManualClock) -> None:
    async with RadarrSimulator(clock=clock, api_key=KEY) as other:
        result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=radarr.api_key)
        result = await choose(hass, result, "another")
        result = await submit(hass, result, url=other.url, api_key=KEY)
        entry = await finish(hass, result)
    assert {title: subentry.data["connection"]["url"] for title, subentry in by_title(entry).items()} == {
        "Radarr": radarr.url,
        "Radarr 2": other.url,
    }


async def test_the_name_that_its_owner_gave_it_is_kept(hass: HomeAssistant, clock: ManualClock) -> None:
    async with RadarrSimulator(clock=clock, instance_name="Films 4K") as radarr:
        result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=radarr.api_key)
        assert by_title(await finish(hass, result)).keys() == {"Films 4K"}


async def test_another_one_can_be_left_out_after_all(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=radarr.api_key)
    for typed in ({}, {"url": "  "}, {"api_key": KEY}):
        result = await choose(hass, result, "another")
        assert step(result) == form("another")
        result = await submit(hass, result, **typed)
        assert step(result) == menu("finish")
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_the_check_up_comes_before_the_end_when_it_is_wanted(
    hass: HomeAssistant, stack: RadarrSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wording, "_LOADED", {})  # in a new process: the first flow comes before the first set-up
    stack.health_issue("IndexerLongTermStatusCheck", "warning", "Indexers unavailable: Open Harbour")
    result = await submit(hass, await at_arr(hass), url=stack.url, api_key=stack.api_key)
    while result["type"] is FlowResultType.FORM:
        result = await submit(hass, result, url="nas", skip=True)
    result = await choose(hass, result, "check_up")
    assert step(result) == form("check_up")
    findings = result["description_placeholders"]["findings"]
    assert "Radarr" in findings
    assert "Open Harbour" in findings
    assert by_title(await created(hass, await submit(hass, result))).keys() == {"Radarr"}


# --- which one it is, it says itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize("application", [RadarrSimulator, SonarrSimulator, ProwlarrSimulator])
async def test_any_of_the_family_is_recognised(
    hass: HomeAssistant, clock: ManualClock, application: type[RadarrSimulator | SonarrSimulator | ProwlarrSimulator]
) -> None:
    async with application(clock=clock) as simulator:
        result = await submit(hass, await at_arr(hass), url=simulator.url, api_key=simulator.api_key)
        (subentry,) = (await finish(hass, result)).subentries.values()
    assert subentry.subentry_type == simulator.name


async def test_a_bare_host_is_tried_at_the_usual_port_of_each(
    hass: HomeAssistant, names: Names, sonarr: SonarrSimulator, prowlarr: ProwlarrSimulator
) -> None:
    names.known |= {"nas"}
    with usual_ports(sonarr=sonarr.port, prowlarr=prowlarr.port):
        result = await submit(hass, await at_arr(hass), url="nas", api_key="wrong")
        assert result["errors"] == {"api_key": "invalid_key"}
        result = await submit(hass, result, url="nas", api_key=sonarr.api_key)
    (subentry,) = (await finish(hass, result)).subentries.values()
    assert subentry.data["connection"]["url"] == f"http://nas:{sonarr.port}"


async def test_the_page_that_shows_the_key_is_no_url_base(hass: HomeAssistant, clock: ManualClock) -> None:
    async with RadarrSimulator(clock=clock, url_base="/films") as radarr:
        result = await at_arr(hass)
        result = await submit(hass, result, url=f"{radarr.url}/settings/general?x=1#y", api_key=radarr.api_key)
        (subentry,) = (await finish(hass, result)).subentries.values()
    assert subentry.data["connection"]["url"] == radarr.url


# --- errors, each on its field, and on to an entry -------------------------------------------------------------------

type Breaking = Callable[[RadarrSimulator], None]


def fault(kind: FaultKind, **options: Any) -> Breaking:
    return lambda radarr: radarr.fault(kind, "GET /api/*", **options) and None


FAULTS: dict[str, tuple[Breaking, dict[str, str]]] = {
    "a proxy's login page": (fault(FaultKind.HTML), {"url": "not_the_api"}),
    "nothing of this API": (fault(FaultKind.STATUS, status=404), {"url": "not_the_api"}),
    "elsewhere": (fault(FaultKind.REDIRECT, location="http://login.example/"), {"url": "not_the_api"}),
    "cut off": (fault(FaultKind.DISCONNECT), {"url": "no_answer"}),
    "a busy proxy": (fault(FaultKind.STATUS, status=429), {"base": "rate_limited"}),
    "a bad request": (fault(FaultKind.STATUS, status=400, body='{"message": "no"}'), {"base": "rejected"}),
    "a broken server": (fault(FaultKind.STATUS, status=502), {"base": "unexpected_response"}),
    "not JSON": (fault(FaultKind.TRUNCATE_JSON), {"base": "unexpected_response"}),
    "no permission": (fault(FaultKind.STATUS, status=403), {"api_key": "invalid_key"}),
}


@pytest.mark.parametrize(("breaking", "errors"), FAULTS.values(), ids=FAULTS)
async def test_an_answer_that_is_wrong(
    hass: HomeAssistant, radarr: RadarrSimulator, breaking: Breaking, errors: dict[str, str]
) -> None:
    typed = {"url": radarr.url, "api_key": radarr.api_key, "verify_ssl": False}
    breaking(radarr)
    result = await submit(hass, await at_arr(hass), **typed)
    assert (step(result), result["errors"]) == (form("arr"), errors)
    assert suggested(result) == typed
    radarr.clear_faults()
    assert by_title(await finish(hass, await submit(hass, result, **typed))).keys() == {"Radarr"}


async def test_no_answer_in_time(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    radarr.fault(FaultKind.HANG)
    typed = {"url": radarr.url, "api_key": radarr.api_key}
    with patch("custom_components.sokoul.config_flow.FAMILY", tuple(impatient(each) for each in FAMILY)):
        result = await submit(hass, await at_arr(hass), **typed)
    assert result["errors"] == {"url": "timeout"}
    radarr.clear_faults()
    assert by_title(await finish(hass, await submit(hass, result, **typed))).keys() == {"Radarr"}


async def test_nothing_listens(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    await radarr.refuse()
    result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=radarr.api_key)
    assert result["errors"] == {"url": "refused"}
    assert result["description_placeholders"]["usual"] == "Radarr 7878, Sonarr 8989, Prowlarr 9696"
    await radarr.accept()
    result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_an_unknown_host(hass: HomeAssistant, names: Names, radarr: RadarrSimulator) -> None:
    result = await submit(hass, await at_arr(hass), url=f"http://nsa:{radarr.port}", api_key=radarr.api_key)
    assert result["errors"] == {"url": "unknown_host"}
    names.known.add("nas")
    result = await submit(hass, result, url=f"http://nas:{radarr.port}", api_key=radarr.api_key)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_https_where_there_is_none(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    address = radarr.url.replace("http:", "https:")
    result = await submit(hass, await at_arr(hass), url=address, api_key=radarr.api_key)
    assert result["errors"] == {"verify_ssl": "tls"}
    result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


@pytest.mark.parametrize("typed", ["http://", "ftp://nas", "nas:port", "my nas", "http://nas:0", "http://[::1"])
async def test_no_address_at_all(hass: HomeAssistant, radarr: RadarrSimulator, typed: str) -> None:
    result = await submit(hass, await at_arr(hass), url=typed, api_key=radarr.api_key)
    assert result["errors"] == {"url": "invalid_url"}
    assert suggested(result)["url"] == typed
    result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_a_refused_key(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    result = await submit(hass, await at_arr(hass), url=radarr.url, api_key="wrong")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit(hass, result, url=radarr.url, api_key=f" {radarr.api_key}\n")
    (subentry,) = (await finish(hass, result)).subentries.values()
    assert subentry.data["connection"]["api_key"] == radarr.api_key


@pytest.mark.parametrize("key", ["  ", "wrong\x00key"])
async def test_what_is_no_key_is_sent_nowhere(hass: HomeAssistant, radarr: RadarrSimulator, key: str) -> None:
    result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=key)
    assert result["errors"]["api_key"] in {"key_needed", "invalid_key"}
    assert radarr.requests == []
    result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_a_relative_that_is_not_supported(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    radarr.application = "Lidarr"  # type: ignore[misc]  # of this one alone
    result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=radarr.api_key)
    assert result["errors"] == {"url": "wrong_application"}
    assert result["description_placeholders"]["found"] == "Lidarr"
    assert result["description_placeholders"]["name"] == "Radarr / Sonarr / Prowlarr"
    radarr.application = "Radarr"  # type: ignore[misc]
    result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_the_same_one_twice(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=radarr.api_key)
    result = await choose(hass, result, "another")
    result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key)
    assert (step(result), result["errors"]) == (form("another"), {"url": "already_configured"})
    result = await submit(hass, result)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


# --- neighbours ------------------------------------------------------------------------------------------------------


async def at_qbittorrent(hass: HomeAssistant, radarr: RadarrSimulator, url: str, address: str | None = None) -> Any:
    """Start with a Radarr that uses a qBittorrent at this address."""
    radarr.add_qbittorrent(url, username=USERNAME, password=PASSWORD)
    return await submit(hass, await at_arr(hass), url=address or radarr.url, api_key=radarr.api_key)


LOGINS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "nothing": ({}, {"username": "login_needed"}),
    "only a name": ({"username": USERNAME}, {"password": "invalid_auth"}),
    "a wrong password": ({"username": USERNAME, "password": "no"}, {"password": "invalid_auth"}),
    "a wrong key": ({"api_key": "qbt_0123456789012345678901234567"}, {"api_key": "invalid_key"}),
}


@pytest.mark.parametrize(("typed", "errors"), LOGINS.values(), ids=LOGINS)
async def test_a_refused_login(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
    typed: dict[str, str],
    errors: dict[str, str],
) -> None:
    result = await at_qbittorrent(hass, radarr, qbittorrent.url)
    result = await submit(hass, result, url=qbittorrent.url, **typed, **GO)
    assert (step(result), result["errors"]) == (form("neighbour"), errors)
    assert suggested(result) == {"url": qbittorrent.url, "verify_ssl": True, "skip": False, **typed}
    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password=PASSWORD, **GO)
    assert by_title(await finish(hass, result)).keys() == {"Radarr", "qBittorrent"}


async def test_a_ban_says_to_wait(
    hass: HomeAssistant, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, clock: ManualClock
) -> None:
    qbittorrent.engine.preferences["web_ui_max_auth_fail_count"] = 1
    result = await at_qbittorrent(hass, radarr, qbittorrent.url)
    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password="no", **GO)
    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password=PASSWORD, **GO)
    assert result["errors"] == {"base": "banned"}
    clock.advance(timedelta(hours=1))
    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password=PASSWORD, **GO)
    assert by_title(await finish(hass, result)).keys() == {"Radarr", "qBittorrent"}


async def test_an_error_at_a_neighbour_can_be_skipped(
    hass: HomeAssistant, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    result = await at_qbittorrent(hass, radarr, qbittorrent.url)
    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password="no", **GO)
    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password="no", skip=True)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_a_key_is_asked_for_at_a_neighbour(
    hass: HomeAssistant, stack: RadarrSimulator, prowlarr: ProwlarrSimulator
) -> None:
    result = await submit(hass, await at_arr(hass), url=prowlarr.url, api_key=prowlarr.api_key)
    assert result["description_placeholders"]["name"] == "Radarr"
    result = await submit(hass, result, url=stack.url, **GO)
    assert result["errors"] == {"api_key": "key_needed"}
    result = await submit(hass, result, url=stack.url, api_key=stack.api_key, **GO)
    assert "errors" not in result or not result["errors"]
    assert result["description_placeholders"]["name"] != "Radarr"


async def test_a_neighbour_at_an_address_that_is_taken(
    hass: HomeAssistant, stack: RadarrSimulator, clock: ManualClock
) -> None:
    """Prowlarr knows two Radarrs; the address of the first is no address for the second."""
    async with RadarrSimulator(clock=clock, api_key=KEY) as other, ProwlarrSimulator(clock=clock) as prowlarr:
        for arr in (stack, other):
            prowlarr.add_application("Radarr", arr.url, arr.api_key)
            prowlarr.applications.items[max(prowlarr.applications.items)].name = arr.url
        result = await submit(hass, await at_arr(hass), url=prowlarr.url, api_key=prowlarr.api_key)
        result = await submit(hass, result, url=stack.url, api_key=stack.api_key, **GO)
        assert suggested(result)["url"] == other.url
        result = await submit(hass, result, url=stack.url, api_key=stack.api_key, **GO)
        assert result["errors"] == {"url": "already_configured"}
        result = await submit(hass, result, url=other.url, api_key=KEY, **GO)
        while result["type"] is FlowResultType.FORM:
            result = await submit(hass, result, url="x", skip=True)
        assert by_title(await finish(hass, result)).keys() == {"Prowlarr", "Radarr", "Radarr 2"}


async def test_a_container_name_becomes_the_host_that_radarr_was_reached_at(
    hass: HomeAssistant, names: Names, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    names.known |= {"nas"}
    here = f"http://nas:{radarr.port}"
    result = await at_qbittorrent(hass, radarr, f"http://qbittorrent:{qbittorrent.port}", here)
    assert step(result) == form("neighbour")
    assert suggested(result)["url"] == f"http://nas:{qbittorrent.port}"
    result = await submit(
        hass, result, url=f"http://nas:{qbittorrent.port}", username=USERNAME, password=PASSWORD, **GO
    )
    assert by_title(await finish(hass, result)).keys() == {"Radarr", "qBittorrent"}


async def test_a_container_name_that_works_here_too_is_kept(
    hass: HomeAssistant, names: Names, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    """Home Assistant may be a container of the same network."""
    names.known |= {"radarr", "qbittorrent"}
    result = await at_qbittorrent(
        hass, radarr, f"http://qbittorrent:{qbittorrent.port}", f"http://radarr:{radarr.port}"
    )
    assert suggested(result)["url"] == f"http://qbittorrent:{qbittorrent.port}"


async def test_a_container_name_that_leads_nowhere_is_explained(
    hass: HomeAssistant,
    names: Names,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
    sonarr: SonarrSimulator,
) -> None:
    """The container's port is published as another one: only the person knows it."""
    told = "http://qbittorrent:8080"
    sonarr.add_qbittorrent(told, username=USERNAME, password=PASSWORD)
    names.known |= {"nas"}
    result = await at_qbittorrent(hass, radarr, told, f"http://nas:{radarr.port}")
    assert step(result) == form("unreachable")
    placeholders = result["description_placeholders"]
    assert (placeholders["told_by"], placeholders["url"]) == ("Radarr", told)
    assert suggested(result) == {"url": told, "username": USERNAME}
    result = await submit(hass, result, url=told, username=USERNAME, password=PASSWORD, **GO)
    assert (step(result), result["errors"]) == (form("unreachable"), {"url": "unknown_host"})
    result = await submit(hass, result, url=f"nas:{qbittorrent.port}", username=USERNAME, password=PASSWORD, **GO)
    # Sonarr calls it by that name too; it is connected under another one
    result = await choose(hass, result, "another")
    result = await submit(hass, result, url=f"nas:{sonarr.port}", api_key=sonarr.api_key)
    assert step(result) == menu("finish")
    assert by_title(await finish(hass, result)).keys() == {"Radarr", "qBittorrent", "Sonarr"}


async def test_what_radarr_does_not_say_is_no_error(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    radarr.add_qbittorrent("http://qbittorrent:8080")
    radarr.fault(FaultKind.STATUS, "GET /api/v3/downloadclient", status=500)
    result = await submit(hass, await at_arr(hass), url=radarr.url, api_key=radarr.api_key)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_what_radarr_has_for_an_address_may_be_none(
    hass: HomeAssistant, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    for number, (host, port) in enumerate((("http://nas", 8080), ("nas/qbittorrent", 8080), ("", 8080), ("nas", 0))):
        odd = radarr.add_qbittorrent("http://nas:8080", name=f"Odd {number}")
        odd.values |= {"host": host, "port": port}
    result = await at_qbittorrent(hass, radarr, f"{qbittorrent.url}/dl")
    assert suggested(result)["url"] == f"{qbittorrent.url}/dl"
    result = await submit(hass, result, url=qbittorrent.url, username=USERNAME, password=PASSWORD, **GO)
    assert by_title(await finish(hass, result)).keys() == {"Radarr", "qBittorrent"}


# --- a scan ----------------------------------------------------------------------------------------------------------


async def at_scan(hass: HomeAssistant) -> Any:
    return await choose(hass, await start(hass), "scan")


async def test_a_scan_names_what_it_looks_for(hass: HomeAssistant) -> None:
    said = (await at_scan(hass))["description_placeholders"]["usual"]
    assert said == ", ".join(f"{each.name} {each.default_port}" for each in CONNECTORS.values() if each.sniff)


async def test_a_scan_finds_what_listens_at_the_usual_ports(
    hass: HomeAssistant,
    names: Names,
    stack: RadarrSimulator,
    sonarr: SonarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> None:
    names.known |= {"nas"}
    ports = {"radarr": stack.port, "qbittorrent": qbittorrent.port, "sonarr": sonarr.port, "prowlarr": 9}
    with usual_ports(**ports):
        result = await submit(hass, await at_scan(hass), host="http://nas/")
        asked = {}
        while step(result) == form("scanned"):
            found = result["description_placeholders"]
            asked[found["name"]] = found["url"]
            credentials = {"username": USERNAME, "password": PASSWORD} if found["name"] == "qBittorrent" else {}
            key = {"Radarr": stack.api_key, "Sonarr": sonarr.api_key}.get(found["name"], "")
            result = await submit(hass, result, url=found["url"], api_key=key, **credentials, **GO)
    assert asked == {name: f"http://nas:{ports[name.lower()]}" for name in ("qBittorrent", "Radarr", "Sonarr")}
    # what is left is what they tell of: Prowlarr, once
    assert (step(result), result["description_placeholders"]["name"]) == (form("neighbour"), "Prowlarr")
    result = await submit(hass, result, url="nas", skip=True)
    assert by_title(await finish(hass, result)).keys() == {"Radarr", "Sonarr", "qBittorrent"}


async def test_a_scan_sends_no_credentials_and_follows_to_the_login_page(
    hass: HomeAssistant, names: Names, clock: ManualClock
) -> None:
    names.known |= {"nas"}
    async with RadarrSimulator(clock=clock, url_base="/films") as radarr:
        with usual_ports(radarr=radarr.port):
            result = await submit(hass, await at_scan(hass), host="nas")
            assert result["description_placeholders"]["url"] == f"http://nas:{radarr.port}"
        assert {seen.path for seen in radarr.requests} == {"/", "/films/", "/films/login"}
        assert not any("X-Api-Key" in seen.headers for seen in radarr.requests)
        result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key, **GO)
        assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_a_scan_without_a_find(hass: HomeAssistant, names: Names, radarr: RadarrSimulator) -> None:
    names.known |= {"nas"}
    with usual_ports(radarr=radarr.port):
        result = await submit(hass, await at_scan(hass), host="nsa")
        assert (step(result), result["errors"]) == (form("scan"), {"host": "nothing_found"})
        assert suggested(result) == {"host": "nsa"}
        result = await submit(hass, result, host="my nas")
        assert result["errors"] == {"host": "invalid_host"}
        result = await submit(hass, result, host="nas")
        result = await submit(hass, result, url=radarr.url, api_key=radarr.api_key, **GO)
    assert by_title(await finish(hass, result)).keys() == {"Radarr"}


async def test_another_program_at_a_usual_port_is_not_taken_for_one(
    hass: HomeAssistant, names: Names, sonarr: SonarrSimulator
) -> None:
    names.known |= {"nas"}
    with usual_ports(radarr=sonarr.port):
        result = await submit(hass, await at_scan(hass), host="nas")
    assert result["errors"] == {"host": "nothing_found"}


@pytest.mark.parametrize(("own", "host"), [("http://192.168.1.5:8123", "192.168.1.5"), (None, "")])
async def test_the_own_machine_is_suggested(hass: HomeAssistant, own: str | None, host: str) -> None:
    with patch("custom_components.sokoul.config_flow.own_url", return_value=own):
        assert suggested(await at_scan(hass)) == {"host": host}
