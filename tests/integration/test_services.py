"""The actions: what they answer, to whom, and what they say when they can't."""

from datetime import timedelta
import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
import voluptuous as vol

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.services import Action
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import HUB_ID, PROWLARR_ID, QBITTORRENT_ID, RADARR_ID, PassTime, SetUp, qbittorrent_subentry
from .stack import BEHAVIOURS, DOWNLOAD_RATE, Stack

READING = (Action.LIST_DOWNLOADS, Action.CHECK_UP, Action.EXPLAIN_TOPOLOGY)


@pytest.fixture
async def stack(
    qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, sonarr: SonarrSimulator, prowlarr: ProwlarrSimulator
) -> Stack:
    made = Stack(qbittorrent, radarr, sonarr, prowlarr)
    await made.fill()
    return made


async def ask(hass: HomeAssistant, action: Action, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    json.dumps(answer)  # what can't be written as JSON never reaches a script
    return answer


async def listed(hass: HomeAssistant, **data: Any) -> list[str]:
    return [each["release"] for each in (await ask(hass, Action.LIST_DOWNLOADS, **data))["downloads"]]


def device_id(hass: HomeAssistant, identifier: str) -> str:
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier), HUB_ID)
    assert device is not None
    return device.id


# --- list_downloads --------------------------------------------------------------------------------------------------


async def test_a_download_is_joined_from_all_that_know_of_it(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(*stack.subentries())
    found = (await ask(hass, Action.LIST_DOWNLOADS, search="downloading"))["downloads"]
    assert len(found) == 1
    movie = next(iter(stack.radarr.library.movies.values()))
    torrent = stack.qbittorrent.torrents[stack.hash_of("downloading")]
    said = found[0]
    expected = {
        "title": f"{movie.title} ({movie.year})",
        "release": "downloading",
        "state": "downloading",
        "finished": False,
        "client": "qBittorrent",
        "applications": ["Radarr"],
        "hash": torrent.hash,
        "size_bytes": torrent.size,
        "download_rate": DOWNLOAD_RATE,
        "indexer": "Open Harbour (Prowlarr)",
        "private": False,
        "progress_percent": 0.0,
        "waits": None,
    }
    assert {key: said[key] for key in expected} == expected
    assert said["eta_seconds"] == pytest.approx(torrent.size / DOWNLOAD_RATE, abs=2)
    assert said["added_at"].startswith("2026-11-21T12:00:00")
    assert len(said["queue_ids"]) == 1


async def test_what_no_client_has_is_listed_too(hass: HomeAssistant, stack: Stack, set_up: SetUp) -> None:
    await set_up(*stack.subentries())
    (said,) = (await ask(hass, Action.LIST_DOWNLOADS, search="blocked"))["downloads"]
    assert (said["hash"], said["progress_percent"], said["finished"]) == (None, 100.0, True)
    assert said["waits"]["key"]
    assert said["waits"]["text"]


@pytest.mark.parametrize(
    ("wanted", "releases"),
    [
        ("all", {*BEHAVIOURS, "blocked"}),
        ("active", {"downloading", "stalled", "metadata"}),
        ("finished", {"seeding", "idle", "completed", "moving", "missing_files", "blocked"}),
        ("stuck", {"error", "missing_files", "blocked"}),
    ],
)
async def test_a_filter_keeps_what_it_says(
    wanted: str, releases: set[str], hass: HomeAssistant, stack: Stack, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(*stack.subentries())
    assert set(await listed(hass, filter=wanted)) == releases


async def test_what_waits_says_why_in_the_language_that_was_asked_for(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(*stack.subentries())
    await pass_time(timedelta(minutes=5))
    answers = {
        language: (await ask(hass, Action.LIST_DOWNLOADS, filter="waiting", language=language))["downloads"]
        for language in ("en", "fr")
    }
    assert [each["id"] for each in answers["en"]] == [each["id"] for each in answers["fr"]]
    assert {"stalled", "metadata", "stopped", "error"} <= {each["release"] for each in answers["en"]}
    for english, french in zip(answers["en"], answers["fr"], strict=True):
        assert english["waits"]["key"] == french["waits"]["key"]
        assert english["waits"]["text"] != french["waits"]["text"]
    hass.config.language = "fr"
    assert (await ask(hass, Action.LIST_DOWNLOADS, filter="waiting"))["downloads"] == answers["fr"]
    hass.config.language = "de"  # there are no texts in it: English is better than nothing
    assert (await ask(hass, Action.LIST_DOWNLOADS, filter="waiting"))["downloads"] == answers["en"]


async def test_what_waits_for_a_client_says_since_when(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(*stack.subentries())
    await stack.qbittorrent.refuse()
    await pass_time(timedelta(seconds=30))
    (said,) = (await ask(hass, Action.LIST_DOWNLOADS, search="stalled", filter="waiting"))["downloads"]
    assert said["waits"]["key"] == "wait.client_unavailable"
    assert said["waits"]["facts"]["since"].startswith("2026-11-21T12:00:30")


async def test_the_search_looks_at_titles_and_releases_in_any_case(
    hass: HomeAssistant, stack: Stack, set_up: SetUp
) -> None:
    await set_up(*stack.subentries())
    movie = next(iter(stack.radarr.library.movies.values()))
    assert await listed(hass, search=movie.title.upper()) == ["downloading"]
    assert set(await listed(hass, search="MISSING")) == {"missing_files"}
    assert await listed(hass, search="nothing is called so") == []


async def test_the_limit_keeps_the_first_and_tells_how_many_there_are(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    names = [f"Film.{number:03}.1080p-GROUP" for number in range(60)]
    for age, name in enumerate(reversed(names)):
        qbittorrent.add_torrent(name, "stalled", added=qbittorrent.clock.now().timestamp() - 1000 + age)
    qbittorrent.add_torrent("done", "idle", added=qbittorrent.clock.now().timestamp())
    await set_up(qbittorrent_subentry(qbittorrent))
    answer = await ask(hass, Action.LIST_DOWNLOADS)
    assert answer["total"] == 61
    # those on their way first, the newest first
    assert [each["release"] for each in answer["downloads"]] == names[:50]
    assert await listed(hass, limit=2) == names[:2]
    assert (await listed(hass, limit=1000))[-1] == "done"


@pytest.mark.parametrize("data", [{"limit": 0}, {"limit": 1001}, {"filter": "some"}, {"language": "de"}, {"x": 1}])
async def test_what_can_not_be_meant_is_refused(
    data: dict[str, Any], hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    with pytest.raises(vol.Invalid):
        await ask(hass, Action.LIST_DOWNLOADS, **data)


# --- refresh ---------------------------------------------------------------------------------------------------------


def polled(stack: Stack) -> dict[str, int]:
    return {
        "qbittorrent": sum(seen.path.endswith("/sync/maindata") for seen in stack.qbittorrent.requests),
        "radarr": sum(seen.path.endswith("/queue") for seen in stack.radarr.requests),
        "sonarr": sum(seen.path.endswith("/queue") for seen in stack.sonarr.requests),
        "prowlarr": sum(seen.path.endswith("/indexer") for seen in stack.prowlarr.requests),
    }


async def test_a_refresh_looks_at_all_or_at_those_that_are_named(
    hass: HomeAssistant, stack: Stack, set_up: SetUp
) -> None:
    await set_up(*stack.subentries())
    before = polled(stack)
    await hass.services.async_call(DOMAIN, Action.REFRESH, blocking=True)
    assert polled(stack) == {kind: count + 1 for kind, count in before.items()}

    before = polled(stack)
    disk = next(
        child.id
        for child in dr.async_entries_for_parent_device(dr.async_get(hass), device_id(hass, RADARR_ID))
        if child.name == "Disk data"
    )
    data = {"device_id": [device_id(hass, QBITTORRENT_ID), disk, device_id(hass, RADARR_ID)]}
    await hass.services.async_call(DOMAIN, Action.REFRESH, data, blocking=True)
    assert polled(stack) == {**before, "qbittorrent": before["qbittorrent"] + 1, "radarr": before["radarr"] + 1}


async def test_a_refresh_shows_what_changed(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.add_torrent("new", "stalled")
    await hass.services.async_call(DOMAIN, "refresh", {"device_id": device_id(hass, QBITTORRENT_ID)}, blocking=True)
    assert hass.states.is_state("sensor.qbittorrent_stalled", "1")


async def test_a_refresh_of_something_else_is_refused(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    for wrong in ("nothing", device_id(hass, HUB_ID)):
        with pytest.raises(ServiceValidationError) as raised:
            await hass.services.async_call(DOMAIN, Action.REFRESH, {"device_id": wrong}, blocking=True)
        assert (raised.value.translation_domain, raised.value.translation_key) == (DOMAIN, "not_a_backend")
        assert wrong in str(raised.value)


async def test_a_refresh_of_what_is_away_is_no_error(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    await qbittorrent.refuse()
    await hass.services.async_call(DOMAIN, Action.REFRESH, blocking=True)
    assert hass.states.is_state("binary_sensor.qbittorrent_connection", "off")


# --- check_up and explain_topology -----------------------------------------------------------------------------------


async def test_a_check_up_tells_what_is_wrong_and_who_answers(hass: HomeAssistant, stack: Stack, set_up: SetUp) -> None:
    await set_up(*stack.subentries())
    await stack.prowlarr.refuse()
    await hass.services.async_call(DOMAIN, Action.REFRESH, blocking=True)
    answer = await ask(hass, Action.CHECK_UP)
    away = [each for each in answer["findings"] if each["backend"] == "Prowlarr"]
    assert [each["severity"] for each in away] == ["error"]
    assert away[0]["text"]
    assert away[0]["advice"]
    order = ["error", "warning", "notice", "unknown", "ok"]
    positions = [order.index(each["severity"]) for each in answer["findings"]]
    assert positions == sorted(positions)
    assert {each["title"]: each["answering"] for each in answer["backends"]} == {
        "qBittorrent": True,
        "Radarr": True,
        "Sonarr": True,
        "Prowlarr": False,
    }
    french = await ask(hass, Action.CHECK_UP, language="fr")
    assert [each["key"] for each in french["findings"]] == [each["key"] for each in answer["findings"]]
    assert all(
        fr["text"] != en["text"] for fr, en in zip(french["findings"], answer["findings"], strict=True) if en["advice"]
    )


async def test_a_check_up_looks_at_everything_again(hass: HomeAssistant, stack: Stack, set_up: SetUp) -> None:
    await stack.prowlarr.refuse()
    await set_up(*stack.subentries())
    await stack.prowlarr.accept()
    before = polled(stack)
    answer = await ask(hass, Action.CHECK_UP)
    assert all(each["answering"] for each in answer["backends"])
    assert polled(stack) == {name: count + 1 for name, count in before.items()}


async def test_who_serves_whom_is_explained(hass: HomeAssistant, stack: Stack, set_up: SetUp) -> None:
    await set_up(*stack.subentries())
    answer = await ask(hass, Action.EXPLAIN_TOPOLOGY, language="en")
    links = {(each["from"], each["to"]) for each in answer["links"]}
    assert {("Radarr", "qBittorrent"), ("Sonarr", "qBittorrent")} <= links
    for each in answer["links"]:
        assert each["because"]
        assert each["confidence"]
    assert {each["backend"] for each in answer["folders"]} <= {"qBittorrent", "Radarr", "Sonarr"}


# --- without a hub ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", READING)
async def test_an_action_without_a_hub_says_so(action: Action, hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, action)
    assert raised.value.translation_key == "not_loaded"


async def test_an_action_while_the_hub_is_not_loaded_says_so(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError, match="not loaded"):
        await hass.services.async_call(DOMAIN, Action.REFRESH, blocking=True)
    assert hass.services.has_service(DOMAIN, Action.REFRESH)  # an automation that uses it stays valid


async def test_a_hub_without_backends_answers_with_nothing(hass: HomeAssistant, set_up: SetUp) -> None:
    await set_up()
    assert await ask(hass, Action.LIST_DOWNLOADS) == {"total": 0, "downloads": []}
    assert (await ask(hass, Action.CHECK_UP))["backends"] == []
    answer = await ask(hass, Action.EXPLAIN_TOPOLOGY)
    assert answer["links"] == []
    await hass.services.async_call(DOMAIN, Action.REFRESH, blocking=True)


async def test_what_prowlarr_feeds_and_what_nobody_connected_is_named(
    hass: HomeAssistant, stack: Stack, set_up: SetUp
) -> None:
    stack.prowlarr.add_application("Radarr", stack.radarr.url, stack.radarr.api_key)
    stack.radarr.add_qbittorrent("http://127.0.0.1:9", name="The other one")
    await set_up(*stack.subentries())
    answer = await ask(hass, Action.EXPLAIN_TOPOLOGY)
    assert ("Prowlarr", "Radarr") in {(each["from"], each["to"]) for each in answer["links"]}
    asked = [*answer["strangers"], *answer["open_questions"]]
    assert "The other one" in {each["name"] for each in asked}
    assert PROWLARR_ID in hass.config_entries.async_entries(DOMAIN)[0].runtime_data.backends
