"""TMDB and Torznab feeds as backends: added, changed, and what is seen when they are away."""

from collections.abc import AsyncIterator
from datetime import timedelta

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from hypothesis import given, strategies as st
import pytest
from yarl import URL

from custom_components.sokoul.clients import tmdb as api
from custom_components.sokoul.clients.tmdb import TmdbClient
from custom_components.sokoul.clients.torznab import TorznabClient
from custom_components.sokoul.connectors.catalogues import INTERVAL
from custom_components.sokoul.connectors.torznab import read_address
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.tmdb import V3_KEY, V4_TOKEN, TmdbSimulator
from devstack.torznab import API_KEY, BASE, TorznabSimulator

from .conftest import PassTime, SetUp
from .flows import add_backend, asked_for, fields, form, reauth_form, step, submit, submit_backend

pytestmark = pytest.mark.usefixtures("socket_enabled")

FEED_ID = "01TORZNAB0000000000000000A"
TMDB_ID = "01TMDB0000000000000000000A"


@pytest.fixture
async def tmdb(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TmdbSimulator]:
    async with TmdbSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


@pytest.fixture
async def feed(clock: ManualClock) -> AsyncIterator[TorznabSimulator]:
    async with TorznabSimulator(clock=clock) as simulator:
        yield simulator


def tmdb_subentry() -> ConfigSubentryData:
    return ConfigSubentryData(
        data={"connection": {"api_key": V4_TOKEN}, "preferences": {}},
        subentry_id=TMDB_ID,
        subentry_type="tmdb",
        title="TMDB",
        unique_id="tmdb:tmdb",
    )


def feed_subentry(feed: TorznabSimulator) -> ConfigSubentryData:
    return ConfigSubentryData(
        data={
            "connection": {"url": feed.feed_url.rstrip("/"), "verify_ssl": True, "api_key": API_KEY},
            "preferences": {},
        },
        subentry_id=FEED_ID,
        subentry_type="torznab",
        title="Jackett",
        unique_id=f"torznab:127.0.0.1:{feed.port}{BASE}",
    )


def value(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, sorted(hass.states.async_entity_ids())
    return found.state


# --- TMDB ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [V3_KEY, V4_TOKEN])
async def test_tmdb_is_added_once(hass: HomeAssistant, set_up: SetUp, tmdb: TmdbSimulator, key: str) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, "tmdb")
    assert fields(result) == ["api_key"]
    result = await submit_backend(hass, result, api_key="0" * 32)
    assert (step(result), result["errors"]) == (form("user"), {"api_key": "invalid_key"})
    result = await submit_backend(hass, result, api_key=f"  {key} ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.unique_id) == ("TMDB", "tmdb:tmdb")
    assert subentry.data == {"connection": {"api_key": key}, "preferences": {}}
    await hass.async_block_till_done()
    assert value(hass, "binary_sensor.tmdb_connection") == "on"

    result = await submit_backend(hass, await add_backend(hass, entry, "tmdb"), api_key=key)
    assert result["errors"] == {"base": "already_configured"}


@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        (FaultKind.STATUS, {"status": 429}, "rate_limited"),
        (FaultKind.STATUS, {"status": 500}, "unexpected_response"),
        (FaultKind.STATUS, {"status": 404}, "not_found"),
        (FaultKind.HTML, {}, "not_the_api"),
        (FaultKind.DISCONNECT, {}, "no_answer"),
    ],
)
async def test_tmdb_in_trouble_can_be_added_later(
    hass: HomeAssistant, set_up: SetUp, tmdb: TmdbSimulator, kind: FaultKind, options: dict[str, int], problem: str
) -> None:
    entry = await set_up()
    tmdb.fault(kind, **options)
    result = await submit_backend(hass, await add_backend(hass, entry, "tmdb"), api_key=V3_KEY)
    assert result["errors"] == {"base": problem}
    tmdb.clear_faults()
    result = await submit_backend(hass, result, api_key=V3_KEY)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_another_key_of_tmdb(hass: HomeAssistant, set_up: SetUp, tmdb: TmdbSimulator) -> None:
    entry = await set_up(tmdb_subentry())
    result = await entry.start_subentry_reconfigure_flow(hass, TMDB_ID)
    assert fields(result) == ["api_key"]
    result = await submit_backend(hass, result, api_key="0" * 32)
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit_backend(hass, result, api_key=V3_KEY)
    assert result["reason"] == "reconfigure_successful"
    assert entry.subentries[TMDB_ID].data["connection"] == {"api_key": V3_KEY}


async def test_tmdb_speaks_the_language_of_the_house(hass: HomeAssistant, set_up: SetUp, tmdb: TmdbSimulator) -> None:
    hass.config.language = "fr"
    entry = await set_up(tmdb_subentry())
    client = entry.runtime_data.backends[TMDB_ID].client
    assert isinstance(client, TmdbClient)
    await client.search("metropolis")
    assert ("language", "fr") in tmdb.requests[-1].query


async def test_a_key_of_tmdb_that_is_refused_is_asked_for(
    hass: HomeAssistant, set_up: SetUp, tmdb: TmdbSimulator
) -> None:
    entry = await set_up(tmdb_subentry())
    tmdb.keys = {V3_KEY}
    await entry.runtime_data.backends[TMDB_ID].async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked_for(hass) == ["TMDB"]
    result = reauth_form(hass)
    assert (step(result), fields(result)) == (form("reauth_key"), ["api_key"])
    assert result["description_placeholders"]["key_at"] == "themoviedb.org/settings/api"
    result = await submit(hass, result, api_key="0" * 32)
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit(hass, result, api_key=V3_KEY)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.subentries[TMDB_ID].data["connection"] == {"api_key": V3_KEY}
    assert value(hass, "binary_sensor.tmdb_connection") == "on"


async def test_tmdb_away(hass: HomeAssistant, set_up: SetUp, tmdb: TmdbSimulator, pass_time: PassTime) -> None:
    await set_up(tmdb_subentry())
    assert value(hass, "binary_sensor.tmdb_connection") == "on"
    await tmdb.refuse()
    await pass_time(INTERVAL + timedelta(minutes=1))
    assert value(hass, "binary_sensor.tmdb_connection") == "off"
    await tmdb.accept()
    await pass_time(INTERVAL)
    assert value(hass, "binary_sensor.tmdb_connection") == "on"


# --- feeds -----------------------------------------------------------------------------------------------------------


async def test_a_feed_is_added(hass: HomeAssistant, set_up: SetUp, feed: TorznabSimulator) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, "torznab")
    assert fields(result) == ["url", "api_key", "verify_ssl"]
    result = await submit_backend(hass, result, url=feed.url, api_key=API_KEY)
    assert result["errors"] == {"url": "not_found"}
    result = await submit_backend(hass, result, url=feed.feed_url, api_key="wrong")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit_backend(hass, result, url=f"{feed.feed_url}api?t=caps&apikey=seen", api_key=API_KEY)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.unique_id) == ("Jackett", f"torznab:127.0.0.1:{feed.port}{BASE}")
    assert subentry.data["connection"] == {"url": feed.url + BASE, "verify_ssl": True, "api_key": API_KEY}
    await hass.async_block_till_done()
    assert value(hass, "binary_sensor.jackett_connection") == "on"

    result = await submit_backend(hass, await add_backend(hass, entry, "torznab"), url=feed.feed_url, api_key=API_KEY)
    assert result["errors"] == {"url": "already_configured"}


async def test_a_feed_is_changed(hass: HomeAssistant, set_up: SetUp, feed: TorznabSimulator) -> None:
    entry = await set_up(feed_subentry(feed))
    result = await entry.start_subentry_reconfigure_flow(hass, FEED_ID)
    result = await submit_backend(hass, result, url="http://", api_key="")
    assert result["errors"] == {"url": "invalid_url"}
    result = await submit_backend(hass, result, url="http://elsewhere.example/torznab", api_key="")
    assert result["errors"] == {"api_key": "secret_needed"}
    result = await submit_backend(hass, result, url=feed.feed_url, api_key="")  # left empty it stays
    assert result["reason"] == "reconfigure_successful"
    client = entry.runtime_data.backends[FEED_ID].client
    assert isinstance(client, TorznabClient)
    assert (await client.search("anything")).offers == ()


async def test_a_feed_away(hass: HomeAssistant, set_up: SetUp, feed: TorznabSimulator, pass_time: PassTime) -> None:
    await set_up(feed_subentry(feed))
    await feed.refuse()
    await pass_time(INTERVAL + timedelta(minutes=1))
    assert value(hass, "binary_sensor.jackett_connection") == "off"


async def test_looking_after_a_feed_asks_no_indexer(
    hass: HomeAssistant, set_up: SetUp, feed: TorznabSimulator, pass_time: PassTime
) -> None:
    await set_up(feed_subentry(feed))
    await pass_time(INTERVAL + timedelta(minutes=1))
    assert len(feed.requests) >= 2
    assert {dict(request.query)["t"] for request in feed.requests} == {"caps"}


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("nas", "http://nas:9117"),
        (" nas:9117/api/v2.0/indexers/all/results/torznab/ ", "http://nas:9117/api/v2.0/indexers/all/results/torznab"),
        ("https://feeds.example/api?apikey=seen", "https://feeds.example"),
        ("http://user:secret@nas/torznab/api/#top", "http://nas/torznab"),
        ("http://[fd00::5]:3333/torznab", "http://[fd00::5]:3333/torznab"),
        ("api", "http://api:9117"),
        ("http://api", "http://api"),
        ("http://api/api//api/", "http://api"),
    ],
)
def test_addresses(typed: str, address: str) -> None:
    assert read_address(typed) == address


@given(st.text(), st.sampled_from(["", "http://", "https://", "nas", "http://nas:9117/", "http://user@nas/api/"]))
def test_whatever_is_typed_is_an_address_or_refused(typed: str, before: str) -> None:
    try:
        address = read_address(before + typed)
    except ValueError:
        return
    url = URL(address)
    assert url.scheme in {"http", "https"}
    assert url.host
    assert (url.user, url.password, url.query_string, url.fragment) == (None, None, "", "")
    assert read_address(address) == address


@pytest.mark.parametrize("typed", ["", "http://", "ftp://nas/x", "nas:0", "na s", "http://nas/\x07", "http://[::1"])
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_address(typed)
