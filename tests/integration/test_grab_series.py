"""`sokoul.grab` of a season or a whole series: all of it or nothing, now and when it fails later."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.sokoul.grabbing import EVENT_GRABBED
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.library import Series
from devstack.qbittorrent_torrent import SimulatedTorrent, Swarm
from devstack.releases import INDEXERS, Release, release_of
from devstack.tmdb import TmdbSimulator

from .healing import act
from .test_grab_care import DAY, FILM, HOUR, fail, journal, looked_after, newest, searches, until_there_are
from .test_watching import Scene, _no_pause, tmdb, without_arr  # noqa: F401 -- fixtures
from .test_watching_series import add_the_bear

LINKS_ONLY = INDEXERS[1]  # it tells no hash of what it offers: its link is the only way


@dataclass
class Bear:
    """A series that nobody has in a library, and what is offered of it."""

    it: Scene
    series: Series

    def offer(self, *releases: Release) -> None:
        self.it.prowlarr.searches.offers = list(releases)

    def pack(self, *seasons: int, **said: Any) -> Release:
        return release_of(*(each for season in seasons for each in self.series.season(season)), **said)

    def episodes(self, season: int) -> list[Release]:
        """Return episodes that score higher than packs of their season do."""
        return [release_of(each, size_bytes=2**30, seeders=500) for each in self.series.season(season)]

    @property
    def label(self) -> str:
        return f"The Bear ({self.series.year})"

    @property
    def names(self) -> list[str]:
        """The torrents that were added, the newest last."""
        return [each.name for each in self.it.qbittorrent.torrents.values()]

    async def grab(self, query: str, **said: Any) -> Any:
        return await act(self.it.hass, Action.GRAB, query=query, **said)

    async def search(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await act(self.it.hass, Action.SEARCH, query=query, wait=20))["results"]
        return found

    def torrent_of(self, answer: Any) -> SimulatedTorrent:
        return self.it.qbittorrent.torrents[answer["info_hash"]]


@pytest.fixture
def bear(without_arr: Scene, tmdb: TmdbSimulator, clock: ManualClock) -> Bear:  # noqa: F811
    add_the_bear(tmdb.library, clock.now() - 8 * DAY)
    return Bear(without_arr, add_the_bear(without_arr.prowlarr.library, clock.now() - 8 * DAY))


async def test_a_season_is_fetched_as_a_whole_and_called_so(bear: Bear) -> None:
    events = async_capture_events(bear.it.hass, EVENT_GRABBED)
    pack = bear.pack(2)
    bear.offer(*bear.episodes(2), pack)
    answer = await bear.grab("the bear s2")
    assert (answer["release"], answer["title"]) == (pack.title, f"{bear.label} S02")
    assert [event.data["title"] for event in events] == [f"{bear.label} S02"]
    (entry,) = await journal(bear.it.hass)
    assert entry["text"].startswith(f"{bear.label} S02 was asked for.")


async def test_of_an_episode_its_number_is_told_and_of_a_series_none(bear: Bear) -> None:
    bear.offer(*bear.episodes(2), bear.pack(1, 2, 3, name="The.Bear.S01-S03.1080p.WEB-DL.H264-LANTERN"))
    assert (await bear.grab("the bear s02e03"))["title"] == f"{bear.label} S02E03"
    answer = await bear.grab("the bear")
    assert (answer["release"], answer["title"]) == ("The.Bear.S01-S03.1080p.WEB-DL.H264-LANTERN", bear.label)


@pytest.mark.parametrize(("query", "dry_run"), [("the bear s2", False), ("the bear s2", True), ("the bear", False)])
async def test_where_only_parts_are_offered_none_is_fetched(bear: Bear, query: str, *, dry_run: bool) -> None:
    bear.offer(*bear.episodes(2), *([bear.pack(1)] if query == "the bear" else []))
    with pytest.raises(ServiceValidationError) as raised:
        await bear.grab(query, dry_run=dry_run)
    assert raised.value.translation_key == "nothing_to_grab"
    assert raised.value.translation_placeholders is not None
    reason = raised.value.translation_placeholders["reason"]
    assert reason.startswith(f"{bear.label}: {5 if query == 'the bear' else 4} releases, ")
    assert reason.endswith(
        "Each that fits has only a part of it, so none was fetched. Ask for less at once, or put it on the watchlist: "
        "that fetches part by part."
    )
    assert bear.names == []
    assert await journal(bear.it.hass) == []


async def test_no_episode_takes_the_place_of_a_season_whose_link_is_dead(bear: Bear) -> None:
    bear.offer(*bear.episodes(2), bear.pack(2, indexer=LINKS_ONLY))
    bear.it.prowlarr.refusing_grabs |= set(bear.it.prowlarr.indexers.items)
    with pytest.raises(HomeAssistantError) as raised:
        await bear.grab("the bear s2")
    assert raised.value.translation_key == "grab_failed"
    assert bear.names == []
    other = bear.pack(2, group="NORTHGATE")
    bear.offer(*bear.episodes(2), bear.pack(2, indexer=LINKS_ONLY, score=9), other)
    assert (await act(bear.it.hass, Action.SEARCH, query="the bear s2", wait=20, fresh=True))["accepted"] == 6
    assert (await bear.grab("the bear s2"))["release"] == other.title


async def test_a_part_that_a_person_names_is_fetched(bear: Bear) -> None:
    bear.offer(*bear.episodes(2))
    found = await bear.search("the bear s2")
    third = next(each for each in found if "S02E03" in each["release"])
    answer = await act(bear.it.hass, Action.GRAB, result=third["id"])
    assert (answer["release"], answer["title"]) == (third["release"], bear.label), "it is no season"


@pytest.mark.parametrize("named", ["S02E03", "S02.1080p"], ids=["an episode", "a season"])
async def test_in_place_of_what_a_person_names_only_the_same_is_fetched(bear: Bear, named: str) -> None:
    episodes, other = bear.episodes(2), release_of(bear.series.season(2)[2], group="NORTHGATE", size_bytes=2**30)
    packs = [bear.pack(2), bear.pack(2, group="NORTHGATE")]
    bear.offer(*episodes, other, *packs)
    found = await bear.search("the bear s2")
    chosen = next(each for each in found if named in each["release"])
    said = {"result": chosen["id"], "alternatives": True}
    plan = (await act(bear.it.hass, Action.GRAB, dry_run=True, **said))["plan"]
    same = {episodes[2].title, other.title} if named == "S02E03" else {each.title for each in packs}
    assert plan[0]["release"] == chosen["release"]
    assert {each["release"] for each in plan} == same
    await act(bear.it.hass, Action.GRAB, **said)
    assert len(await looked_after(bear.it)) == (0 if named == "S02E03" else 1), "by a part nobody knows what is missing"


async def test_a_link_is_fetched_whatever_part_it_has(bear: Bear) -> None:
    link = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=The.Bear.S01-S02.1080p.WEB-DL.H264-GRP"
    answer = await bear.grab(link)
    assert (answer["info_hash"], answer["title"]) == ("ab" * 20, bear.label)


async def test_beside_a_link_to_a_part_there_is_only_what_has_all_of_it(bear: Bear) -> None:
    bear.offer(*bear.episodes(2), bear.pack(1))
    name = "The.Bear.S01-S02.1080p.WEB-DL.H264-GRP"
    plan = (await bear.grab(f"https://tracker.example/download/1/{name}.torrent", dry_run=True))["plan"]
    assert [name in each["release"] for each in plan] == [True]


async def test_no_episode_takes_the_place_of_a_season_that_fails_later(bear: Bear) -> None:
    pack = bear.pack(2)
    bear.offer(pack)
    fail(bear.it, bear.torrent_of(await bear.grab("the bear s2")))
    bear.offer(pack, *bear.episodes(2))
    bear.it.prowlarr.requests.clear()
    await bear.it.pass_time(HOUR, 48)
    assert searches(bear.it) > 0
    assert bear.names == [pack.title]
    other = bear.pack(2, group="NORTHGATE")
    bear.offer(pack, *bear.episodes(2), other)
    await until_there_are(bear.it, 2)
    assert newest(bear.it).name == other.title


async def test_an_episode_that_is_here_is_no_season(bear: Bear) -> None:
    pack, other = bear.pack(2), bear.pack(2, group="NORTHGATE")
    bear.offer(pack, other, *bear.episodes(2))
    first = bear.torrent_of(await bear.grab("the bear s2"))
    fail(bear.it, first)
    slow = Swarm(rate=FILM.size_bytes / (timedelta(days=100)).total_seconds(), seeds=1)
    theirs = bear.episodes(2)[0].title
    bear.it.qbittorrent.add_torrent(theirs, files=[("episode.mkv", FILM.size_bytes)], swarm=slow)
    await until_there_are(bear.it, 3)
    assert sorted(bear.names) == sorted([pack.title, other.title, theirs])
