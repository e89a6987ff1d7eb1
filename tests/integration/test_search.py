"""`sokoul.search` in Home Assistant: the whole way from a few words to a list, over simulated programs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
import json
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.sokoul import searching as hub_searching
from custom_components.sokoul.acquire import searching as acquire_searching
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.searching import EVENT_SEARCH
from custom_components.sokoul.services import Action
from devstack import quality
from devstack.dune import DuneWorld, add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.library import Movie
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import (
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    SONARR_ID,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    until,
)

BEST = "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT"


@dataclass(frozen=True)
class Programs:
    """What is connected."""

    radarr: RadarrSimulator
    sonarr: SonarrSimulator
    prowlarr: ProwlarrSimulator
    qbittorrent: QbittorrentSimulator
    dune: DuneWorld


@pytest.fixture
async def programs(
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
) -> Programs:
    """Connect everything; nobody has a Dune yet."""
    dune = add_dune(radarr.library)
    add_dune(sonarr.library)
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    await set_up(
        servarr_subentry(radarr, RADARR_ID),
        servarr_subentry(sonarr, SONARR_ID),
        servarr_subentry(prowlarr, PROWLARR_ID),
        qbittorrent_subentry(qbittorrent),
    )
    return Programs(radarr, sonarr, prowlarr, qbittorrent, dune)


async def ask(hass: HomeAssistant, query: str, *, context: Context | None = None, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(
        DOMAIN,
        Action.SEARCH,
        {"query": query, "wait": 20, **data},
        blocking=True,
        return_response=True,
        context=context,
    )
    assert isinstance(answer, dict)
    json.dumps(answer)  # what can't be written as JSON never reaches a script
    return answer


async def test_from_a_few_words_to_the_best_release(hass: HomeAssistant, programs: Programs) -> None:
    answer = await ask(hass, "dune 2", refused=True, limit=50)
    assert answer["complete"]
    assert answer["title"]["title"] == "Dune: Part Two"
    assert answer["title"]["year"] == 2024
    assert answer["title"]["query"] == "tmdb:693134"
    assert not answer["choices"]
    accepted = [each["release"] for each in answer["results"] if each["accepted"]]
    assert accepted[0] == BEST
    assert len(accepted) == answer["accepted"] >= 6
    assert all("Two" in each or "Deuxieme" in each for each in accepted)
    refused = {each["release"]: each["refusals"] for each in answer["results"] if not each["accepted"]}
    assert all(refused.values())
    assert {"Dune.1984.1080p.BluRay.x264-SALTWATER", "Dune Part Two 2024 HDCAM x264 AAC-BRASS"} <= set(refused)
    assert answer["total"] == len(answer["results"]) == len(accepted) + len(refused)
    for each in answer["results"]:
        assert (
            each["score"] == round(sum(part["points"] for part in each["parts"]), 0)
            or abs(each["score"] - sum(part["points"] for part in each["parts"])) < 1
        )
        assert all(part["text"] for part in each["parts"])
    by_key = {each["id"]: each for each in answer["sources"]}
    assert by_key[PROWLARR_ID]["state"] == "answered"
    assert by_key[PROWLARR_ID]["count"] >= 18
    assert RADARR_ID not in by_key, "it doesn't have the film, so it can't search for it"
    assert "Dune: Part Two (2024)" in answer["text"]
    assert BEST in answer["text"]
    assert programs.prowlarr.api_key not in json.dumps(answer)
    assert "http" not in json.dumps(answer["results"])


@pytest.mark.parametrize(
    ("minimum", "lines"), [("p2160", {"2160p"}), ("p1080", {"1080p", "2160p"}), ("any", {"720p", "1080p", "2160p"})]
)
async def test_a_search_may_ask_for_so_many_lines(
    hass: HomeAssistant, programs: Programs, minimum: str, lines: set[str]
) -> None:
    answer = await ask(hass, "dune 2", limit=50, minimum=minimum)
    assert {chip for each in answer["results"] for chip in each["about"] if chip in {"720p", "1080p", "2160p"}} == lines


async def test_anybody_may_search_and_is_answered_in_their_language(
    hass: HomeAssistant, programs: Programs, hass_read_only_user: MockUser
) -> None:
    answer = await ask(hass, "dune 2", language="fr", context=Context(user_id=hass_read_only_user.id))
    assert "conviennent" in answer["text"]


async def test_what_was_found_is_remembered(hass: HomeAssistant, programs: Programs) -> None:
    first = await ask(hass, "dune 2")
    asked = len(programs.prowlarr.requests)
    again = await ask(hass, "Dune  II")
    assert again["from_cache"]
    assert again["search"] == first["search"]
    assert [each["id"] for each in again["results"]] == [each["id"] for each in first["results"]]
    assert len(programs.prowlarr.requests) == asked


async def test_a_title_in_the_library_is_searched_for_by_its_arr(hass: HomeAssistant, programs: Programs) -> None:
    movie = next(iter(programs.radarr.library.movies.values()))
    answer = await ask(hass, f"tmdb:{movie.tmdb_id}", kind="movie", refused=True, limit=50)
    assert answer["title"]["in_library"]
    by_key = {each["id"]: each for each in answer["sources"]}
    assert by_key[RADARR_ID]["state"] == "answered"
    assert by_key[RADARR_ID]["count"] > 0
    assert answer["profile"], "its quality profile counts"
    assert {part["aspect"] for part in answer["results"][0]["parts"]} >= {"quality", "formats"}


async def test_an_indexer_that_was_connected_since_is_asked(hass: HomeAssistant, programs: Programs) -> None:
    movie = next(iter(programs.radarr.library.movies.values()))
    backends = hass.config_entries.async_entries(DOMAIN)[0].runtime_data.backends
    prowlarr = backends.pop(PROWLARR_ID)
    first = await ask(hass, f"tmdb:{movie.tmdb_id}", kind="movie", refused=True)
    assert first["results"]
    assert (await ask(hass, f"tmdb:{movie.tmdb_id}", kind="movie"))["from_cache"]
    backends[PROWLARR_ID] = prowlarr
    again = await ask(hass, f"tmdb:{movie.tmdb_id}", kind="movie")
    assert not again["from_cache"]
    assert PROWLARR_ID in {each["id"] for each in again["sources"]} - {each["id"] for each in first["sources"]}
    assert (await ask(hass, f"tmdb:{movie.tmdb_id}", kind="movie"))["from_cache"]


async def test_an_episode_is_searched_for_by_its_arr(hass: HomeAssistant, programs: Programs) -> None:
    series = next(iter(programs.sonarr.library.series.values()))
    answer = await ask(hass, f"tvdb:{series.tvdb_id}", season=1, episode=2, refused=True, limit=50)
    assert answer["title"]["title"] == series.title
    by_key = {each["id"]: each for each in answer["sources"]}
    assert by_key[SONARR_ID]["state"] == "answered"
    assert RADARR_ID not in {each["id"].partition(":")[0] for each in answer["catalogues"]}, "it knows no series"
    season = await ask(hass, f"{series.title} s01", refused=True)
    assert {each["id"]: each["state"] for each in season["sources"]}[SONARR_ID] == "answered"


async def test_what_is_in_the_library_is_said(hass: HomeAssistant, programs: Programs) -> None:
    """Of a series of which one season is monitored only that is there, though Sonarr misses nothing."""
    series = next(each for each in programs.sonarr.library.series.values() if len(each.seasons) > 1)
    for episode in series.episodes:
        episode.monitored = episode.season == 1
        if episode.season == 1 and episode.file is None:
            episode.file = programs.sonarr.library.episode_file(episode, quality.WEBDL_1080P, "GRP")
        if episode.season != 1:
            episode.file = None
    said = "is in your library already"
    assert f"{series.title} ({series.year}) S01 {said}" in (await ask(hass, f"tvdb:{series.tvdb_id} s1"))["text"]
    assert said not in (await ask(hass, f"tvdb:{series.tvdb_id} s2"))["text"]
    assert f"{series.title} S01E02 {said}" in (await ask(hass, f"tvdb:{series.tvdb_id} s01e02"))["text"]
    assert said not in (await ask(hass, f"tvdb:{series.tvdb_id} s02e01"))["text"]


async def test_what_is_here_is_said(hass: HomeAssistant, programs: Programs) -> None:
    programs.qbittorrent.add_torrent(BEST, "seeding")
    backend = hass.config_entries.async_entries(DOMAIN)[0].runtime_data.backends[QBITTORRENT_ID]
    await backend.async_refresh()
    answer = await ask(hass, "dune 2", limit=50, refused=True)
    here = [each for each in answer["results"] if each["here"]]
    assert [each["release"] for each in here] == [BEST]


async def test_indexers_that_fail_are_named(hass: HomeAssistant, programs: Programs) -> None:
    for indexer in programs.prowlarr.indexers.items:
        programs.prowlarr.fail_indexer(indexer, timedelta(hours=1))
    answer = await ask(hass, "dune 2")
    (said,) = [each for each in answer["sources"] if each["id"] == PROWLARR_ID]
    assert said["state"] == "failed"
    assert "None of its indexers answered" in said["text"]
    assert answer["results"] == []


async def test_one_that_fails_holds_nobody_up(hass: HomeAssistant, programs: Programs) -> None:
    programs.prowlarr.fault(FaultKind.STATUS, "GET /api/v1/search", status=500)
    movie = next(iter(programs.radarr.library.movies.values()))
    answer = await ask(hass, f"tmdb:{movie.tmdb_id}", kind="movie", refused=True)
    by_key = {each["id"]: each for each in answer["sources"]}
    assert by_key[PROWLARR_ID]["state"] == "failed"
    assert by_key[PROWLARR_ID]["text"]
    assert answer["results"]
    assert "Prowlarr" in answer["text"]


async def test_an_unknown_title_is_looked_for_by_its_words(hass: HomeAssistant, programs: Programs) -> None:
    answer = await ask(hass, "nobody made this")
    assert answer["title"] is None
    assert "words alone" in answer["text"]


async def test_nothing_and_an_unknown_policy_are_refused(hass: HomeAssistant, programs: Programs) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "  ")
    assert raised.value.translation_key == "nothing_to_look_for"
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "dune", policy="Cinema")
    assert raised.value.translation_key == "unknown_policy"


async def test_what_comes_late_is_an_event(hass: HomeAssistant, programs: Programs) -> None:
    events = async_capture_events(hass, EVENT_SEARCH)
    answer = await ask(hass, "dune 2", wait=0)
    assert not answer["complete"]
    assert answer["text"]
    await until(lambda: events)
    assert events[0].data["search"] == answer["search"]
    assert events[0].data["title"] == "Dune: Part Two (2024)"
    assert events[0].data["accepted"] >= 6


async def test_who_watches_sees_it_come(
    hass: HomeAssistant, programs: Programs, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "sokoul/search/start", "query": "dune 2"})
    assert (await client.receive_json())["success"]
    while not (told := (await client.receive_json())["event"])["complete"]:
        pass
    assert next(each["release"] for each in told["results"] if each["accepted"]) == BEST
    await client.send_json_auto_id({"type": "sokoul/search/start", "query": "dune 2"})
    assert (await client.receive_json())["success"]
    again = (await client.receive_json())["event"]
    assert again["from_cache"]
    assert again["results"] == told["results"]
    await client.send_json_auto_id({"type": "sokoul/search/start", "query": " "})
    assert not (await client.receive_json())["success"]


async def test_a_restart_forgets_nothing(hass: HomeAssistant, programs: Programs) -> None:
    first = await ask(hass, "dune 2")
    entry = hass.config_entries.async_entries(DOMAIN)[0]
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    asked = [each for each in programs.prowlarr.requests if each.path.endswith("/search")]
    again = await ask(hass, "dune 2")
    assert again["from_cache"]
    assert [each["release"] for each in again["results"]] == [each["release"] for each in first["results"]]
    assert [each["score"] for each in again["results"]] == [each["score"] for each in first["results"]]
    assert len([each for each in programs.prowlarr.requests if each.path.endswith("/search")]) == len(asked)


# --- a profile that is another one by now ----------------------------------------------------------------------------


def edit_profile(programs: Programs, movie: Movie) -> None:
    profiles = programs.radarr.library.profiles
    profiles[movie.profile_id] = replace(profiles[movie.profile_id], name="Other", allowed=profiles[5].allowed)


def give_another_profile(programs: Programs, movie: Movie) -> None:
    profiles = programs.radarr.library.profiles
    profiles[99] = replace(profiles[5], id=99, name="Other")
    movie.profile_id = 99


@pytest.fixture
def ten_minutes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let what is known of profiles be too old."""

    def pass_by() -> None:
        monkeypatch.setattr(acquire_searching, "PROFILE_AGAIN", timedelta(0))
        monkeypatch.setattr(hub_searching, "PROFILES_LAST", timedelta(0))

    return pass_by


@pytest.mark.parametrize("change", [edit_profile, give_another_profile])
async def test_another_profile_in_the_arr_is_followed_once_who_asked_was_answered(
    hass: HomeAssistant,
    programs: Programs,
    change: Callable[[Programs, Movie], None],
    ten_minutes: Callable[[], None],
) -> None:
    movie = next(iter(programs.radarr.library.movies.values()))
    query = f"tmdb:{movie.tmdb_id}"
    first = await ask(hass, query, kind="movie", refused=True, limit=50)
    before = programs.radarr.library.profiles[movie.profile_id].name
    assert first["profile"] == before != "Other"
    events = async_capture_events(hass, EVENT_SEARCH)
    searched = [each for each in programs.radarr.requests if each.path.endswith("/release")]
    ten_minutes()
    change(programs, movie)
    again = await ask(hass, query, kind="movie", refused=True, limit=50)
    assert (again["from_cache"], again["profile"], again["results"]) == (True, before, first["results"])
    await until(lambda: events)
    later = await ask(hass, query, kind="movie", refused=True, limit=50)
    assert events[0].data["search"] == later["search"] == first["search"]
    assert events[0].data["accepted"] == later["accepted"]
    assert later["profile"] == "Other"
    assert {each["id"] for each in later["results"]} == {each["id"] for each in first["results"]}
    refused, before_refused = ({each["id"]: each["refusals"] for each in told["results"]} for told in (later, first))
    assert refused != before_refused, "it takes other qualities"
    assert not [each for each in later["results"] if f"profile {before}" in " ".join(each["refusals"])]
    assert [each for each in programs.radarr.requests if each.path.endswith("/release")] == searched
    await hass.async_block_till_done()
    assert len(events) == 1, "what is the same is told once"


async def test_who_watches_what_is_remembered_is_told_of_another_profile(
    hass: HomeAssistant, programs: Programs, hass_ws_client: WebSocketGenerator, ten_minutes: Callable[[], None]
) -> None:
    movie = next(iter(programs.radarr.library.movies.values()))
    query = f"tmdb:{movie.tmdb_id}"
    first = await ask(hass, query, kind="movie")
    ten_minutes()
    give_another_profile(programs, movie)
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "sokoul/search/start", "query": query, "kind": "movie"})
    begun = await client.receive_json()
    assert begun["success"]
    told = [(await client.receive_json())["event"] for _ in range(2)]
    assert [(each["search"], each["profile"]) for each in told] == [
        (first["search"], first["profile"]),
        (first["search"], "Other"),
    ]
    assert all(each["complete"] and each["from_cache"] for each in told)
    search = hass.config_entries.async_entries(DOMAIN)[0].runtime_data.searching.under_way(first["search"])
    assert search.watched
    await client.send_json_auto_id({"type": "unsubscribe_events", "subscription": begun["id"]})
    assert (await client.receive_json())["success"]
    assert not search.watched


async def test_a_profile_of_a_title_that_is_gone_stays_as_it_was(
    hass: HomeAssistant, programs: Programs, ten_minutes: Callable[[], None]
) -> None:
    movie = next(iter(programs.radarr.library.movies.values()))
    query = f"tmdb:{movie.tmdb_id}"
    first = await ask(hass, query, kind="movie")
    ten_minutes()
    del programs.radarr.library.movies[movie.id]
    asked = len(programs.radarr.requests)
    assert (await ask(hass, query, kind="movie"))["profile"] == first["profile"]
    await until(lambda: any(each.path.endswith("/qualityprofile") for each in programs.radarr.requests[asked:]))
    await hass.async_block_till_done()
    assert (await ask(hass, query, kind="movie"))["profile"] == first["profile"]


async def test_who_leaves_ends_the_search(
    hass: HomeAssistant, programs: Programs, hass_ws_client: WebSocketGenerator
) -> None:
    programs.prowlarr.fault(FaultKind.HANG, "GET /api/v1/search")
    searching = hass.config_entries.async_entries(DOMAIN)[0].runtime_data.searching
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "sokoul/search/start", "query": "dune 2"})
    begun = await client.receive_json()
    told = (await client.receive_json())["event"]
    while not told["sources"] or any(each["state"] == "asked" for each in told["sources"] if each["id"] != PROWLARR_ID):
        told = (await client.receive_json())["event"]
    assert not told["complete"]
    search = searching.under_way(told["search"])
    assert search.running
    await client.send_json_auto_id({"type": "unsubscribe_events", "subscription": begun["id"]})
    assert (await client.receive_json())["success"]
    await until(lambda: not search.running)
    assert {each.key: each.state for each in search.answer.sources}[PROWLARR_ID] == "failed"


HOSTILE = (
    "<img src=x onerror=alert(1)>{{ states('lock.door') }} Dune.Part.Two.2024.1080p.WEB-DL",
    "Dune.Part.Two.2024.1080p.WEB-DL.x264-\u202e4pm.exe",
    "Dune.Part.Two.2024.1080p\x00\x1b[31m\r\nSet-Cookie: x",
    "Dune.Part.Two.2024.1080p.WEB-DL." + "A" * 20_000,
    "Dune.Part.Two.2024." + "(" * 3_000 + "[" * 3_000,
    "S" * 5_000 + "E" * 5_000,
    "../../etc/passwd Dune Part Two 2024 1080p",
    "=cmd|' /C calc'!A0 Dune.Part.Two.2024.1080p",
    "\u0000",
    "{0}{name!r}%s%n Dune.Part.Two.2024.1080p.BluRay",
)


async def test_hostile_names_do_no_harm(hass: HomeAssistant, programs: Programs) -> None:
    offers = programs.prowlarr.searches.offers
    assert offers is not None
    programs.prowlarr.searches.offers = [
        replace(offers[0], title=name, guid=f"https://x.example/{number}", size_bytes=size)
        for number, (name, size) in enumerate(zip(HOSTILE, (0, 1, 10**12, *[10**9] * 7), strict=True))
    ]
    answer = await ask(hass, "dune 2", refused=True, limit=100)
    assert answer["complete"]
    assert 5 <= len(answer["results"]) <= len(HOSTILE)
    for each in answer["results"]:
        assert each["release"].isprintable()
        assert len(each["release"]) <= 200
    assert answer["text"].isprintable()


@pytest.mark.parametrize(
    "query",
    [
        "magnet:?xt=urn:btih:" + "a" * 40 + "&dn=" + "%00" * 900,
        "magnet:?" + "xt=" * 500,
        "http://[::1",
        "https://user:password@host.example/Dune.mkv",
        "{{ 1/0 }}",
        "\x00\x01",
        "S99999E99999",
        "tt99999999999999999999",
        "dune " * 1_000,
        "(" * 1_000,
        "'; DROP TABLE searches; --",
    ],
)
async def test_hostile_queries_do_no_harm(query: str, hass: HomeAssistant, programs: Programs) -> None:
    answer = await ask(hass, query)
    assert answer["complete"]
    assert "password" not in json.dumps(answer["results"])
    assert (await ask(hass, "dune 2", fresh=True))["accepted"]
