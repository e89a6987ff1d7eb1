"""Anime and daily programmes are looked for in the way in which their releases are named, and nothing else is."""

from dataclasses import dataclass
from datetime import timedelta

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.hub import Hub
from custom_components.sokoul.services import Action
from custom_components.sokoul.watching_feeds import EVERY
from custom_components.sokoul.watchlist.items import PartState, Wish
from devstack.clock import ManualClock
from devstack.library import Series
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.releases import INDEXERS, release_of
from devstack.sonarr import SonarrSimulator
from devstack.tmdb import TmdbSimulator
from devstack.torznab import TorznabSimulator

from . import test_catalogues, test_watching_series
from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    SONARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)
from .healing import act
from .test_catalogues import feed_subentry, tmdb_subentry
from .test_watching_series import _no_pause, watch  # noqa: F401 -- a fixture

feed, tmdb = test_catalogues.feed, test_watching_series.tmdb
DAY = timedelta(days=1)
FIFTH = "[SubsPlease] Sousou no Frieren - 05 (1080p) [0A1B2C3D]"
GIB = 2**30


@dataclass
class Scene:
    """What is connected to a hub without Sonarr, and which titles there are."""

    hass: HomeAssistant
    hub: Hub
    clock: ManualClock
    tmdb: TmdbSimulator
    prowlarr: ProwlarrSimulator
    qbittorrent: QbittorrentSimulator

    def series(self, title: str, *aliases: str, kind: str = "standard", **given: object) -> Series:
        """Let TMDB know a series of two seasons with twelve episodes each, a week apart, all of them out."""
        values = {"seasons": 2, "episodes": 12, "last_start": self.clock.now() - 100 * DAY, "runtime": 24} | given
        language = "Japanese" if kind == "anime" else "English"
        series = self.tmdb.library.new_series(title, kind=kind, language=language, **values)  # type: ignore[arg-type]
        series.aliases = aliases
        self.tmdb.library.known_series.append(series)
        return series

    def offer(self, *names: str) -> None:
        """Have the indexers offer releases, of which they know nothing but the name."""
        now = self.clock.now()
        self.prowlarr.searches.offers += [release_of(name=name, size_bytes=GIB, published=now) for name in names]

    async def wish(self, text: str) -> Wish:
        return await watch(self.hass, self.hub, text, auto=True)

    def fetched(self) -> list[str]:
        return [torrent.name for torrent in self.qbittorrent.torrents.values()]

    def questions(self) -> list[str]:
        """Return what the indexers were asked by nothing but words."""
        asked = (dict(each.query) for each in self.prowlarr.requests if each.path == "/api/v1/search")
        return [each["query"] for each in asked if each.get("type") == "search" and "query" in each]


@pytest.fixture
def by_words(prowlarr: ProwlarrSimulator) -> None:
    """Let no indexer know anything but the words of names."""
    prowlarr.searches.by_words = {site.id for site in INDEXERS}


@pytest.fixture
async def scene(
    hass: HomeAssistant,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    clock: ManualClock,
    by_words: None,
    pass_time: PassTime,  # from now on time stands still
    set_up: SetUp,
) -> Scene:
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent), tmdb_subentry())
    return Scene(hass, entry.runtime_data, clock, tmdb, prowlarr, qbittorrent)


async def test_an_anime_by_its_number_and_its_japanese_name(scene: Scene) -> None:
    scene.series("Frieren: Beyond Journey's End", "Sousou no Frieren", kind="anime")
    scene.offer(FIFTH, FIFTH.replace("05", "17"), "[SubsPlease] Sousou no Frieren - 06 (1080p) [0A1B2C3D]")
    wish = await scene.wish("frieren beyond journeys end s01e05")
    assert scene.questions() == ["Frieren Beyond Journeys End 05", "Sousou no Frieren 05"]
    assert (wish.parts[0].state, wish.parts[0].release) == (PartState.GRABBED, FIFTH)
    assert scene.fetched() == [FIFTH]
    later = await scene.wish("frieren beyond journeys end s02e05")
    assert later.parts[0].release == FIFTH.replace("05", "17"), later.why


async def test_a_season_of_an_anime_in_one(scene: Scene) -> None:
    scene.series("Frieren: Beyond Journey's End", "Sousou no Frieren", kind="anime")
    batch = "[SubsPlease] Sousou no Frieren (01-12) (1080p) [Batch]"
    scene.offer(batch, FIFTH)
    wish = await scene.wish("frieren beyond journeys end s01")
    assert {part.release for part in wish.parts} == {batch}, wish.why


async def test_what_airs_daily_by_its_day(scene: Scene) -> None:
    started = scene.clock.now() - 60 * DAY
    late = scene.series("Late Harbour", seasons=1, episodes=60, last_start=started, every=DAY)
    day = late.episodes[49].airs
    assert day is not None
    name = f"Late.Harbour.{day:%Y.%m.%d}.A.Guest.1080p.WEB.h264-GRP"
    scene.offer(name, f"Late.Harbour.{day - DAY:%Y.%m.%d}.Another.Guest.1080p.WEB.h264-GRP")
    wish = await scene.wish("late harbour s01e50")
    assert scene.fetched() == [name], wish.why
    assert wish.parts[0].release == name
    assert scene.questions() == []


@pytest.mark.parametrize("known", [True, False])
async def test_a_search_for_an_episode_knows_its_day_too(scene: Scene, *, known: bool) -> None:
    started = scene.clock.now() - 60 * DAY
    late = scene.series("Late Harbour", seasons=1, episodes=60, last_start=started, every=DAY)
    day = late.episodes[49].airs
    assert day is not None
    name = f"Late.Harbour.{day:%Y.%m.%d}.A.Guest.1080p.WEB.h264-GRP"
    scene.offer(name, f"Late.Harbour.{day - DAY:%Y.%m.%d}.Another.Guest.1080p.WEB.h264-GRP")
    if not known:
        late.episodes[49].airs = None
    found = await act(scene.hass, Action.SEARCH, query="late harbour s01e50", wait=20)
    assert [each["release"] for each in found["results"] if each["accepted"]] == ([name] if known else [])


async def test_others_are_asked_for_as_they_are_named(scene: Scene) -> None:
    scene.series("Harbour of Tin")
    scene.offer("[Group] Harbour of Tin - 05 (1080p) [0A1B2C3D]", "Harbour.of.Tin.2026.01.02.1080p.WEB.h264-GRP")
    wish = await scene.wish("harbour of tin s01e05")
    assert scene.questions() == []
    assert scene.fetched() == []
    assert wish.parts[0].state is PartState.SEARCHING
    searches = [each for each in scene.prowlarr.requests if each.path == "/api/v1/search"]
    assert [dict(each.query)["query"].partition(" {")[0] for each in searches] == ["Harbour of Tin"]


async def test_numbers_of_another_series_of_that_name_are_not_taken(scene: Scene, pass_time: PassTime) -> None:
    scene.series("Hunter of Tin", kind="anime", last_start=scene.clock.now() - 9_000 * DAY)
    scene.series("Hunter of Tin", kind="anime")
    name = "[SubsPlease] Hunter of Tin - 05 (1080p) [0A1B2C3D]"
    scene.offer(name)
    year = scene.clock.now().year - 1
    wish = await scene.wish(f"hunter of tin ({year}) s01e05")
    assert wish.meant is not None
    assert wish.meant.namesakes
    assert "Hunter of Tin 05" in scene.questions()
    assert scene.fetched() == []
    assert wish.parts[0].found == 1
    theirs = name.replace(" - 05", f" ({year}) - 05")
    scene.offer(theirs)
    await pass_time(timedelta(minutes=1))
    await scene.hub.watching.fetch(wish.id)
    await scene.hass.async_block_till_done(wait_background_tasks=True)
    assert scene.fetched() == [theirs]


async def test_a_feed_that_has_the_number(scene: Scene, pass_time: PassTime) -> None:
    scene.series("Frieren: Beyond Journey's End", "Sousou no Frieren", kind="anime")
    wish = await scene.wish("frieren beyond journeys end s02e05")
    assert wish.parts[0].absolute == 17
    await pass_time(timedelta(minutes=31))
    scene.offer(FIFTH.replace("05", "17"), FIFTH)
    await pass_time(EVERY)
    await pass_time(timedelta(minutes=1))
    assert scene.fetched() == [FIFTH.replace("05", "17")]


async def test_a_torznab_feed_is_asked_so_too(
    hass: HomeAssistant,
    feed: TorznabSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    clock: ManualClock,
    pass_time: PassTime,
    set_up: SetUp,
) -> None:
    feed.releases = [release_of(name=FIFTH, size_bytes=GIB, published=clock.now() - DAY)]
    entry = await set_up(feed_subentry(feed), qbittorrent_subentry(qbittorrent), tmdb_subentry())
    series = tmdb.library.new_series(
        "Frieren", seasons=1, episodes=12, last_start=clock.now() - 100 * DAY, kind="anime", language="Japanese"
    )
    series.aliases = ("Sousou no Frieren",)
    tmdb.library.known_series.append(series)
    wish = await watch(hass, entry.runtime_data, "frieren s01e05", auto=True)
    assert wish.parts[0].release == FIFTH, wish.why


async def test_through_sonarr(
    hass: HomeAssistant,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    by_words: None,
    clock: ManualClock,
    pass_time: PassTime,
    set_up: SetUp,
) -> None:
    """Sonarr says which of its series are anime, and how it counts them."""
    sonarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="tv-sonarr")
    series = sonarr.library.new_series(
        "Frieren", seasons=2, episodes=12, last_start=clock.now() - 100 * DAY, kind="anime", language="Japanese"
    )
    series.aliases = ("Sousou no Frieren",)
    sonarr.library.add_series(series, have=False)
    entry = await set_up(
        servarr_subentry(sonarr, SONARR_ID), servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent)
    )
    wish = await watch(hass, entry.runtime_data, "frieren s02e05", auto=False)
    asked = [dict(each.query) for each in prowlarr.requests if each.path == "/api/v1/search"]
    assert {"Frieren 17", "Sousou no Frieren 17"} <= {each["query"] for each in asked}
    assert wish.parts[0].absolute == 17


async def test_sonarr_knows_the_day_of_what_it_has(
    hass: HomeAssistant,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    by_words: None,
    clock: ManualClock,
    set_up: SetUp,
) -> None:
    series = sonarr.library.new_series(
        "Late Harbour", seasons=2, episodes=60, last_start=clock.now() - 60 * DAY, every=DAY, kind="daily"
    )
    sonarr.library.add_series(series, have=False)
    (day,) = (each.airs for each in series.season(2) if each.number == 50)
    assert day is not None
    await set_up(servarr_subentry(sonarr, SONARR_ID), servarr_subentry(prowlarr, PROWLARR_ID))
    await act(hass, Action.SEARCH, query="late harbour s02e50", wait=20)
    asked = [dict(each.query).get("query", "") for each in prowlarr.requests if each.path == "/api/v1/search"]
    assert any(each.endswith(f"{{Season:{day:%Y}}} {{Episode:{day:%m/%d}}}") for each in asked), asked
