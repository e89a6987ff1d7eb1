"""The watchlist at work: from a few words to a film in the library, with nobody touching it in between."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.clients import tmdb as api
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.grab_hands import HubGrabHands
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.journal import ActKind
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.search_policies import policies_of
from custom_components.sokoul.services import Action
from custom_components.sokoul.watching import Watching
from custom_components.sokoul.watching_grabs import Findings, WatchGrabs
from custom_components.sokoul.watching_work import Work
from custom_components.sokoul.watchlist.errors import NoList, NoSuchChoice, NoSuchWish, NothingToAsk, TooMany
from custom_components.sokoul.watchlist.items import ARR, PartState, Wish, WishState
from custom_components.sokoul.watchlist.settings import WatchSettings
from devstack.clock import ManualClock
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.library import Movie
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedFile, SimulatedTorrent, Swarm
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.tmdb import V3_KEY, TmdbSimulator
from devstack.torznab import TorznabSimulator

from . import test_catalogues
from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    RADARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    until,
)
from .flows import submit_backend, suggested
from .healing import act
from .test_catalogues import feed_subentry
from .test_grab import DEBRID_ID, account, debrid_subentry  # noqa: F401 -- a fixture
from .test_hub import made
from .test_policy_flow import add_policy

feed = test_catalogues.feed
BEST = "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT"
DUNE_2 = 693134
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pause(_: HubGrabHands) -> None:
        return

    monkeypatch.setattr(HubGrabHands, "pause", pause)


@pytest.fixture
async def tmdb(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TmdbSimulator]:
    async with TmdbSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


def tmdb_subentry() -> ConfigSubentryDataWithId:
    return ConfigSubentryDataWithId(
        subentry_id="01SOKOULTMDB00000000000000",
        subentry_type="tmdb",
        title="TMDB",
        unique_id="tmdb:tmdb",
        data={"connection": {"api_key": V3_KEY}, "preferences": {}},
    )


@dataclass
class Scene:
    """What is connected, and what happened to wishes."""

    radarr: RadarrSimulator
    prowlarr: ProwlarrSimulator
    qbittorrent: QbittorrentSimulator
    hass: HomeAssistant
    pass_time: PassTime
    entry: MockConfigEntry
    happened: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def hub(self) -> Hub:
        hub: Hub = self.entry.runtime_data
        return hub

    @property
    def watching(self) -> Watching:
        return self.hub.watching

    def listen(self) -> None:
        """Note what happens; to be said again after a restart."""
        self.watching.add_witness(lambda event, data: self.happened.append((event, data)))

    async def settle(self) -> None:
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def add(self, text: str = "Dune 2", **said: Any) -> Wish:
        """Put something on the list, and wait for what that leads to."""
        wish = await self.watching.add(text, **said)
        await self.settle()
        return self.wish(wish.id)

    def wish(self, wish_id: str | None = None) -> Wish:
        """Return a wish as it stands; the only one unless it is named."""
        if wish_id is not None:
            return self.watching.wishes[wish_id]
        (wish,) = self.watching.wishes.values()
        return wish

    @property
    def movie(self) -> Movie | None:
        """The second Dune in Radarr's library."""
        return next((each for each in self.radarr.library.movies.values() if each.tmdb_id == DUNE_2), None)

    @property
    def torrent(self) -> SimulatedTorrent:
        """The only torrent that there is."""
        (torrent,) = self.qbittorrent.torrents.values()
        return torrent

    async def let_it_download(self, minutes: int = 5) -> None:
        """Give the torrent its content and a swarm."""
        film = SimulatedFile(path=f"{self.torrent.name}.mkv", size_bytes=24_800_000_000)
        swarm = Swarm(rate=1e9, seeds=20)
        self.qbittorrent.change(self.torrent.hash, has_metadata=True, files=[film], swarm=swarm)
        await self.pass_time(MINUTE, minutes)

    async def restart(self) -> None:
        """Let Home Assistant begin anew: what isn't on the disk is gone."""
        await self.hass.config_entries.async_unload(self.entry.entry_id)
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.settle()


@pytest.fixture
async def scene(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> Scene:
    """Connect everything; nobody has the second Dune yet."""
    add_dune(radarr.library)
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent)
    )
    scene = Scene(radarr, prowlarr, qbittorrent, hass, pass_time, entry)
    scene.listen()
    return scene


@pytest.fixture
async def without_arr(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> Scene:
    """Connect a download client and who searches, but no *arr; nobody offers anything yet."""
    add_dune(tmdb.library)
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent), tmdb_subentry())
    scene = Scene(radarr, prowlarr, qbittorrent, hass, pass_time, entry)
    scene.listen()
    return scene


@pytest.fixture
async def at_debrid(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    account: RealDebridSimulator,  # noqa: F811
    set_up: SetUp,
    pass_time: PassTime,
) -> Scene:
    """Connect a debrid account and who searches, but neither a download client nor an *arr."""
    del account  # it has to be there
    add_dune(tmdb.library)
    entry = await set_up(debrid_subentry(), servarr_subentry(prowlarr, PROWLARR_ID), tmdb_subentry())
    scene = Scene(radarr, prowlarr, qbittorrent, hass, pass_time, entry)
    scene.listen()
    return scene


async def test_dune_2_comes_into_the_library_with_nobody_touching_it(scene: Scene) -> None:
    wish = await scene.add("Dune 2", asked_by="somebody", auto=True)
    assert (wish.label, wish.text, wish.asked_by) == ("Dune: Part Two (2024)", "Dune 2", "somebody")
    assert wish.state is WishState.GRABBED
    assert wish.keeper is not None
    assert wish.keeper.added
    assert scene.movie is not None
    assert scene.movie.monitored
    torrent = scene.torrent
    assert torrent.category == "radarr"
    (part,) = wish.parts
    assert part.download == torrent.hash
    assert part.release
    assert part.entry_id
    assert not any("command" in str(each) for each in scene.radarr.requests), "Radarr was not told to search"
    await scene.let_it_download()
    assert torrent.finished
    assert scene.movie.file is not None
    wish = scene.wish()
    assert (wish.state, wish.done) == (WishState.READY, True)
    assert wish.parts[0].ready_at is not None
    assert scene.watching.acquired_since(wish.asked_at) == 1
    assert [event for event, _ in scene.happened] == ["grabbed", "ready"]
    assert {data["title"] for _, data in scene.happened} == {"Dune: Part Two (2024)"}


def make_it_unclear(scene: Scene) -> None:
    """Let the film of 1984 be as well known as that of 2021."""
    for movie in scene.radarr.library.known_movies:
        if movie.title == "Dune":
            movie.votes = 500_000


# --- which title is meant --------------------------------------------------------------------------------------------


async def test_what_may_mean_several_is_asked_back(scene: Scene) -> None:
    make_it_unclear(scene)
    wish = await scene.add("Dune")
    assert wish.state is WishState.UNCLEAR
    assert [event for event, _ in scene.happened] == ["asked_back"]
    labels = [each.label for each in wish.choices]
    assert {"Dune (1984)", "Dune (2021)"} <= set(labels)
    with pytest.raises(NoSuchChoice):
        await scene.watching.choose(wish.id, len(labels) + 1)
    await scene.watching.choose(wish.id, labels.index("Dune (1984)") + 1)
    await scene.settle()
    assert scene.wish().label == "Dune (1984)"
    assert scene.wish().choices == ()


@pytest.mark.parametrize("said", ["Dune (2021)", "2021", "DUNE (2021)", "number"])
async def test_a_new_name_answers_what_was_asked_back(scene: Scene, said: str) -> None:
    make_it_unclear(scene)
    wish = await scene.add("Dune")
    number = [each.label for each in wish.choices].index("Dune (2021)") + 1
    await scene.watching.change(wish.id, text=str(number) if said == "number" else said)
    await scene.settle()
    assert scene.wish().label == "Dune (2021)"
    assert scene.wish().text == "Dune"


async def test_another_name_is_another_title(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=False)
    await scene.watching.change(wish.id, text="Jodorowsky's Dune")
    await scene.settle()
    assert scene.wish(wish.id).label == "Jodorowsky's Dune (2013)"


async def test_a_link_says_what_is_meant(scene: Scene) -> None:
    wish = await scene.add("https://www.imdb.com/title/tt15239678/?ref_=nv", auto=False)
    assert wish.label == "Dune: Part Two (2024)"


async def test_a_magnet_leaves_nothing_but_its_name(scene: Scene) -> None:
    wish = await scene.add(
        f"magnet:?xt=urn:btih:{'ab' * 20}&dn=Dune.Part.Two.2024.1080p.WEB.H264-GRP&tr=http://key", auto=False
    )
    assert wish.text == "Dune Part Two (2024)"
    assert wish.label == "Dune: Part Two (2024)"
    with pytest.raises(NothingToAsk):
        await scene.watching.add("ab" * 20)


async def test_the_same_again_is_no_second_wish(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=False)
    assert (await scene.add("dune 2")).id == wish.id
    again = await scene.watching.add("dune part two", wait=timedelta(seconds=30))
    assert again.id == wish.id
    await scene.settle()
    assert list(scene.watching.wishes) == [wish.id]
    assert scene.watching.find("Dune: Part Two") == scene.wish(wish.id)


async def test_what_nobody_knows_is_looked_up_again(scene: Scene) -> None:
    wish = await scene.add("Arrakis Rising")
    assert (wish.state, wish.why[0].key) == (WishState.UNKNOWN, "watchlist.unknown_title")
    scene.radarr.library.known_movies.append(scene.radarr.library.new_movie("Arrakis Rising", 2026))
    await scene.pass_time(timedelta(minutes=30), 3)
    assert scene.wish().label == "Arrakis Rising (2026)"


async def test_who_knows_such_titles_is_named_where_none_is_connected(scene: Scene) -> None:
    wish = await scene.add("the bear s3")
    assert (wish.state, wish.why[0].key) == (WishState.ASKED, "watchlist.no_catalogue_of_series")


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (TitleKind.MOVIE, "watchlist.no_catalogue_of_films"),
        (TitleKind.SERIES, "watchlist.no_catalogue_of_series"),
        (None, "watchlist.no_catalogue"),
    ],
)
async def test_who_knows_titles_is_named_where_nobody_is_connected(
    scene: Scene, kind: TitleKind | None, key: str
) -> None:
    scene.hass.config_entries.async_remove_subentry(scene.entry, RADARR_ID)
    await scene.settle()
    wish = await scene.add("the bear", kind=kind)
    assert wish.why[0].key == key


# --- searching -------------------------------------------------------------------------------------------------------


async def test_what_nobody_offers_is_searched_for_more_and_more_rarely(scene: Scene) -> None:
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    assert wish.state is WishState.SEARCHING
    assert wish.parts[0].searches == 1
    assert "watchlist.nothing_found" in [each.key for each in wish.why]
    await scene.pass_time(timedelta(hours=12), 8)
    first = scene.wish().parts[0].searches
    assert 1 < first <= 4
    await scene.pass_time(timedelta(days=1), 20)
    assert first < scene.wish().parts[0].searches <= first + 5, "it is out for years"
    assert scene.qbittorrent.torrents == {}


def nobody_offers_anything(scene: Scene) -> None:
    scene.prowlarr.searches.offers = []
    scene.prowlarr.library.known_movies.clear()  # of what isn't among the offers there is always something
    scene.radarr.releases_for = lambda _: ()  # type: ignore[method-assign]


async def test_nothing_is_searched_for_before_it_is_out(scene: Scene) -> None:
    later = scene.radarr.library.new_movie("Dune: Messiah", 2027)
    soon = scene.radarr.clock.now() + timedelta(days=20)
    later.in_cinemas, later.digital_release, later.physical_release = None, soon, None
    scene.radarr.library.known_movies.append(later)
    wish = await scene.add("Dune Messiah", auto=True)
    assert (wish.state, wish.parts[0].out_on) == (WishState.WAITING, soon.date())
    assert wish.parts[0].searched_at is None
    await scene.pass_time(timedelta(days=1), 21)
    wish = scene.wish()
    assert wish.parts[0].searched_at is not None
    assert "released" in [event for event, _ in scene.happened]


async def test_the_person_is_asked_once_before_anything_is_fetched(scene: Scene) -> None:
    wish = await scene.add("Dune 2")
    (part,) = wish.parts
    assert (wish.state, part.state) == (WishState.OFFERED, PartState.OFFERED)
    assert part.release
    assert part.asked_at is not None
    assert scene.qbittorrent.torrents == {}
    scene.watching.change_settings(WatchSettings(auto=True))
    await scene.settle()
    assert scene.wish().state is WishState.GRABBED
    assert len(scene.qbittorrent.torrents) == 1


async def test_what_is_offered_is_fetched_when_somebody_says_so(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=False)
    assert wish.state is WishState.OFFERED
    await scene.pass_time(timedelta(hours=5), 3)
    assert scene.qbittorrent.torrents == {}
    fetched = await scene.watching.fetch(wish.id, actor="somebody")
    assert fetched.state is WishState.GRABBED
    (entry,) = await scene.hub.pilot.kernel.journal.find(acts=[ActKind.GRAB])
    assert (entry.actor, entry.label) == ("somebody", "Dune: Part Two (2024)")


async def test_who_asks_to_have_it_during_a_look_is_answered_by_the_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = await scene.add("Dune 2", auto=False)
    entered, gate = asyncio.Event(), asyncio.Event()
    known = scene.watching.work._known

    async def slow(*asked: Any) -> Any:
        entered.set()
        await gate.wait()
        return await known(*asked)

    monkeypatch.setattr(scene.watching.work, "_known", slow)
    looking = scene.hass.async_create_task(scene.watching.look(wish.id))
    await entered.wait()
    fetching = scene.hass.async_create_task(scene.watching.fetch(wish.id))
    await asyncio.sleep(0)
    gate.set()
    assert (await fetching).state is WishState.GRABBED
    await looking


async def test_a_face_that_can_not_show_it_stops_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise OverflowError("a date of the year 9999")

    scene.watching.add_listener(fail)
    scene.watching.add_witness(fail)
    wish = await scene.add("Dune 2", auto=True)
    assert wish.state is WishState.GRABBED
    assert "can't be shown everywhere" in caplog.text


async def test_a_name_may_mean_several_wishes(scene: Scene) -> None:
    new, old = await scene.add("Dune", year=2021), await scene.add("Dune", year=1984)
    assert {each.id for each in scene.watching.named("dune")} == {new.id, old.id}
    assert scene.watching.named(new.label) == [new]
    await scene.watching.set_done(old.id, True)
    assert [each.id for each in scene.watching.named("dune")] == [new.id]
    assert scene.watching.named("silo") == []


async def test_what_a_person_wants_is_kept_apart_from_what_radarr_looks_for(scene: Scene) -> None:
    of_radarr = Wish(id="arr:radarr:1", text="Dune 2", asked_at=dt_util.utcnow(), asked_by=ARR)
    await scene.watching.show([of_radarr], [])
    wish = await scene.watching.add("Dune 2")
    assert wish.id != of_radarr.id
    await scene.settle()


async def test_a_minimum_of_its_own_is_kept(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=False, minimum=Resolution.P4320)
    assert (wish.state, wish.parts[0].state) == (WishState.SEARCHING, PartState.SEARCHING)
    assert "watchlist.all_refused" in [each.key for each in wish.why]
    await scene.watching.change(wish.id, minimum=Resolution.P1080)
    await scene.settle()
    assert scene.wish().state is WishState.OFFERED


@pytest.mark.parametrize(
    ("least", "said", "lines", "state"),
    [
        ("p2160", {}, "1080p", WishState.SEARCHING),
        ("p2160", {"minimum": 1080}, "1080p", WishState.OFFERED),
        ("p1080", {}, "720p", WishState.SEARCHING),
        ("p1080", {"minimum": 0}, "720p", WishState.OFFERED),
        ("p720", {}, "720p", WishState.OFFERED),
        ("any", {}, "720p", WishState.OFFERED),
    ],
)
async def test_its_policy_says_how_good_the_picture_has_to_be(
    without_arr: Scene, least: str, said: dict[str, Any], lines: str, state: WishState
) -> None:
    releases = dune_releases(add_dune(without_arr.prowlarr.library))
    without_arr.prowlarr.searches.offers = [each for each in releases if lines in each.title]
    usual = {"name": "Mine", "usual": True, "minimum_resolution": least}
    await add_policy(without_arr.hass, without_arr.entry, usual)
    assert (await without_arr.add("Dune 2", auto=False, **said)).state is state


async def test_another_policy_judges_what_was_found(without_arr: Scene) -> None:
    releases = dune_releases(add_dune(without_arr.prowlarr.library))
    without_arr.prowlarr.searches.offers = [each for each in releases if "1080p" in each.title]
    await add_policy(
        without_arr.hass, without_arr.entry, {"name": "Mine", "usual": True, "minimum_resolution": "p2160"}
    )
    await add_policy(without_arr.hass, without_arr.entry, {"name": "Other", "minimum_resolution": "p2160"})
    usual, other = policies_of(without_arr.entry)
    wish = await without_arr.add("Dune 2", auto=False)
    for key, least, state in (
        (usual, "p1080", WishState.OFFERED),
        (usual, "p2160", WishState.SEARCHING),
        (other, "p720", WishState.SEARCHING),
    ):
        searched_at = wish.parts[0].searched_at
        await without_arr.pass_time(MINUTE)
        result = await without_arr.entry.start_subentry_reconfigure_flow(without_arr.hass, key)
        told = suggested(result) | {"minimum_resolution": least}
        result = await submit_backend(without_arr.hass, result, **told)
        await submit_backend(without_arr.hass, result, **suggested(result))
        await without_arr.settle()
        wish = without_arr.wish()
        assert wish.state is state
        assert (wish.parts[0].searched_at != searched_at) is (key == usual)


@pytest.mark.parametrize(
    ("minimum", "profile", "offered"),
    [
        (None, "HD-1080p", "1080p"),
        (Resolution.P1080, "HD-1080p", "1080p"),
        (Resolution.P2160, "Ultra-HD", "2160p"),
        (Resolution.P4320, "HD-1080p", None),
    ],
)
async def test_radarr_adds_it_with_a_profile_that_takes_its_minimum(
    scene: Scene, minimum: Resolution | None, profile: str, offered: str | None
) -> None:
    for movie in scene.radarr.library.movies.values():
        movie.profile_id = 4
    wish = await scene.add("Dune 2", auto=True, minimum=minimum)
    assert scene.movie is not None
    assert scene.radarr.library.profiles[scene.movie.profile_id].name == profile
    assert (offered or "") in wish.parts[0].release
    assert bool(wish.parts[0].release) is (offered is not None), "nothing less is taken"


async def test_nothing_is_fetched_without_a_database(scene: Scene) -> None:
    await scene.hub.pilot.stop()
    assert not scene.watching.ready_to_use
    assert scene.watching.wishes == {}
    with pytest.raises(NoList):
        await scene.watching.add("Dune 2")
    await scene.hub.pilot.start()
    await scene.settle()
    assert scene.watching.ready_to_use


# --- through *arrs, and without --------------------------------------------------------------------------------------


async def test_without_any_arr_it_is_there_once_it_is_downloaded(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    add_dune(tmdb.library)
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent), tmdb_subentry())
    scene = Scene(radarr, prowlarr, qbittorrent, hass, pass_time, entry)
    scene.listen()
    wish = await scene.add("Dune 2", auto=True)
    assert (wish.state, wish.keeper) == (WishState.GRABBED, None)
    assert (scene.torrent.category, wish.parts[0].release) == (DOMAIN, BEST)
    await scene.let_it_download()
    assert scene.wish().state is WishState.READY
    assert [event for event, _ in scene.happened] == ["grabbed", "ready"]


async def test_a_restart_in_the_middle_loses_nothing(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=True, asked_by="somebody")
    await scene.restart()
    scene.listen()
    there = scene.wish(wish.id)
    assert (there.label, there.asked_by, there.state) == (wish.label, "somebody", WishState.GRABBED)
    assert there.parts[0].entry_id == wish.parts[0].entry_id
    await scene.let_it_download()
    assert scene.wish().state is WishState.READY
    assert len(scene.qbittorrent.torrents) == 1


async def test_a_restart_between_the_grab_and_its_note_fetches_nothing_twice(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=True)
    part = replace(wish.parts[0], state=PartState.SEARCHING, download="", entry_id=None, grabbed_at=None, release="")
    store = scene.hub.pilot.store
    assert store is not None
    await store.wishes.save(replace(wish, parts=(part,), due=wish.asked_at), wish.asked_at)
    await scene.restart()
    await scene.watching.look()
    assert scene.wish().state is WishState.GRABBED
    assert len(scene.qbittorrent.torrents) == 1


async def test_what_was_added_for_a_wish_is_let_go_of_with_it(scene: Scene) -> None:
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    assert scene.movie is not None
    assert scene.movie.monitored
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert scene.watching.wishes == {}
    assert scene.movie is not None, "it stays in the library"
    assert not scene.movie.monitored
    with pytest.raises(NoSuchWish):
        await scene.watching.remove([wish.id])


async def test_an_arr_that_is_away_is_told_later(scene: Scene) -> None:
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    scene.radarr.fault(FaultKind.STATUS, "PUT /api/v3/movie/editor", status=503)
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert scene.movie is not None
    assert scene.movie.monitored
    await scene.restart()
    scene.radarr.clear_faults()
    await scene.pass_time(timedelta(minutes=11), 2)
    assert not scene.movie.monitored


async def test_what_was_monitored_before_stays_so(scene: Scene) -> None:
    nobody_offers_anything(scene)
    movie = next(each for each in scene.radarr.library.movies.values() if each.file is None and each.monitored)
    wish = await scene.add(f"tmdb:{movie.tmdb_id}", auto=True, kind=TitleKind.MOVIE)
    assert wish.keeper is not None
    assert not wish.keeper.added
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert movie.monitored


async def test_what_is_in_the_library_already_can_be_watched(scene: Scene) -> None:
    movie = next(each for each in scene.radarr.library.movies.values() if each.file is not None)
    wish = await scene.add(f"tmdb:{movie.tmdb_id}", auto=True, kind=TitleKind.MOVIE)
    assert wish.state is WishState.READY
    assert scene.happened == []
    assert scene.qbittorrent.torrents == {}
    assert scene.watching.acquired_since(wish.asked_at) == 0, "nobody got it on account of the wish"


async def test_what_a_person_grabs_meanwhile_is_not_fetched_twice(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=False)
    assert wish.state is WishState.OFFERED
    answer = await act(scene.hass, Action.GRAB, query="dune 2")
    await scene.pass_time(MINUTE, 2)
    assert scene.wish().state is WishState.GRABBED
    assert scene.wish().parts[0].download == answer["info_hash"]
    scene.watching.change_settings(WatchSettings(auto=True))
    await scene.watching.fetch(wish.id)
    assert len(scene.qbittorrent.torrents) == 1


async def test_what_radarr_grabs_by_itself_is_not_fetched_twice(scene: Scene) -> None:
    wish = await scene.add("Dune 2")
    assert scene.movie is None
    await act_on_radarr(scene)
    await scene.pass_time(MINUTE, 3)
    await scene.watching.look(wish.id)
    assert scene.wish(wish.id).state is WishState.GRABBED
    await scene.watching.fetch(wish.id)
    assert len(scene.qbittorrent.torrents) == 1
    await scene.let_it_download()
    assert scene.wish(wish.id).state is WishState.READY


async def act_on_radarr(scene: Scene) -> None:
    """Let a person add the second Dune to Radarr, and that search and grab, as its own feeds would."""
    if scene.movie is None:
        known = next(each for each in scene.radarr.library.known_movies if each.tmdb_id == DUNE_2)
        scene.radarr.library.add_movie(known)
    assert scene.movie is not None
    await scene.hub.backends[RADARR_ID].client.search([scene.movie.id])
    await until(lambda: scene.qbittorrent.torrents)


async def test_who_is_done_with_it_hears_no_more_of_it(scene: Scene) -> None:
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    await scene.watching.set_done(wish.id, True)
    before = scene.wish().parts[0].searched_at
    await scene.pass_time(timedelta(hours=12), 4)
    assert scene.wish().done
    assert scene.wish().parts[0].searched_at == before
    await scene.watching.set_done(wish.id, False)
    await scene.settle()
    assert not scene.wish().done
    assert scene.wish().parts[0].searched_at != before


async def test_what_can_be_watched_leaves_the_list_after_a_month(scene: Scene) -> None:
    movie = next(each for each in scene.radarr.library.movies.values() if each.file is not None)
    await scene.add(f"tmdb:{movie.tmdb_id}", kind=TitleKind.MOVIE)
    await scene.pass_time(timedelta(days=10), 2)
    assert len(scene.watching.wishes) == 1
    await scene.pass_time(timedelta(days=10), 2)
    assert scene.watching.wishes == {}


# --- what goes wrong -------------------------------------------------------------------------------------------------


async def test_it_goes_on_when_radarr_answers_again(scene: Scene) -> None:
    await scene.radarr.refuse()
    await scene.pass_time(MINUTE, 5)
    wish = await scene.add("Dune 2", auto=True)
    assert (wish.state, wish.why[0].key) == (WishState.ASKED, "watchlist.catalogues_failed")
    assert scene.qbittorrent.torrents == {}
    await scene.radarr.accept()
    await scene.pass_time(timedelta(minutes=5), 4)
    assert scene.wish().state is WishState.GRABBED


async def test_who_holds_nothing_does_not_speak_for_indexers_that_are_away(at_debrid: Scene) -> None:
    at_debrid.prowlarr.searches.offers = list(dune_releases(add_dune(at_debrid.prowlarr.library)))
    at_debrid.prowlarr.fault(FaultKind.STATUS, "GET /api/v1/search", status=500)
    wish = await at_debrid.add("Dune 2", auto=True)
    (why,) = [each for each in wish.why if each.key == "watchlist.sources_failed"]
    assert why.parameters == {"names": ("Prowlarr",)}, "the account has answered"
    assert wish.parts[0].searches == 0, "no step of the pauses between searches in vain is gone"
    at_debrid.prowlarr.clear_faults()
    await at_debrid.pass_time(timedelta(minutes=10))
    assert at_debrid.wish().state is WishState.GRABBED


async def test_what_another_offers_in_vain_counts_though_one_is_away(
    without_arr: Scene, tmdb: TmdbSimulator, feed: TorznabSimulator
) -> None:
    recording = [each for each in dune_releases(add_dune(tmdb.library)) if "HDCAM" in each.title]
    without_arr.prowlarr.fault(FaultKind.STATUS, "GET /api/v1/search", status=500)
    without_arr.hass.config_entries.async_add_subentry(without_arr.entry, made(feed_subentry(feed)))
    await without_arr.settle()
    feed.releases = recording
    wish = await without_arr.add("Dune 2", auto=True)
    assert wish.parts[0].searches == 1
    assert "watchlist.all_refused" in [each.key for each in wish.why]
    feed.releases = []
    other = await without_arr.add("Dune 1984", auto=True)
    (why,) = [each for each in other.why if each.key == "watchlist.sources_failed"]
    assert why.parameters == {"names": ("Prowlarr",)}, "the feed has answered"


async def test_nothing_is_got_around_a_radarr_that_is_away(scene: Scene) -> None:
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    assert wish.keeper is not None
    await scene.radarr.refuse()
    scene.prowlarr.searches.offers = list(dune_releases(add_dune(scene.prowlarr.library)))
    await scene.pass_time(timedelta(hours=6), 5)
    assert scene.qbittorrent.torrents == {}
    assert "watchlist.arr_away" in [each.key for each in scene.wish().why]
    await scene.radarr.accept()
    await scene.pass_time(timedelta(hours=6), 5)
    assert scene.wish().state in {WishState.GRABBED, WishState.READY}


async def test_one_that_nobody_can_look_after_holds_up_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = await scene.add("Dune 2", auto=False)
    look = Work.look

    async def fail(work: Work, wish: Wish) -> Wish | None:
        if wish.id == first.id:
            raise ZeroDivisionError
        return await look(work, wish)

    monkeypatch.setattr(Work, "look", fail)
    await scene.watching.look()
    other = await scene.add("Jodorowsky's Dune", auto=False)
    assert other.label == "Jodorowsky's Dune (2013)"
    assert other.parts
    assert "could not be looked after" in caplog.text
    monkeypatch.undo()
    await scene.pass_time(timedelta(minutes=16))
    assert scene.wish(first.id).state is WishState.OFFERED


async def test_who_waits_for_a_look_at_what_is_removed_is_answered(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await scene.add("Dune 2", auto=False), await scene.add("Jodorowsky's Dune", auto=False)
    look, reached, go_on = Work.look, asyncio.Event(), asyncio.Event()

    async def slow(work: Work, wish: Wish) -> Wish | None:
        reached.set()
        await go_on.wait()
        return await look(work, wish)

    monkeypatch.setattr(Work, "look", slow)
    looking = asyncio.ensure_future(scene.watching.look(first.id))
    await reached.wait()
    waiting = asyncio.ensure_future(scene.watching.look(second.id))
    await asyncio.sleep(0)
    await scene.watching.remove([second.id])
    go_on.set()
    await scene.settle()
    assert looking.done()
    assert waiting.done()


async def test_what_turned_out_to_be_the_same_is_fetched_by_either_name(scene: Scene) -> None:
    wish = await scene.add("Dune 2", auto=False)
    again = await scene.watching.add("dune part two")
    assert again.id != wish.id, "nobody knows yet"
    await scene.settle()
    assert list(scene.watching.wishes) == [wish.id]
    await scene.watching.fetch(again.id)
    await scene.settle()
    assert scene.wish().state is WishState.GRABBED


async def test_what_is_removed_while_it_is_searched_for_is_not_fetched(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, reached, go_on = WatchGrabs.search, asyncio.Event(), asyncio.Event()

    async def slow(grabs: WatchGrabs, *given: Any, **named: Any) -> Findings:
        reached.set()
        await go_on.wait()
        return await search(grabs, *given, **named)

    monkeypatch.setattr(WatchGrabs, "search", slow)
    wish = await scene.watching.add("Dune 2", auto=True)
    await reached.wait()
    await scene.watching.remove([wish.id])
    go_on.set()
    await scene.settle()
    assert scene.watching.wishes == {}
    assert scene.qbittorrent.torrents == {}
    assert scene.movie is not None
    assert not scene.movie.monitored


async def test_what_a_person_says_while_it_is_searched_for_counts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, reached, go_on = WatchGrabs.search, asyncio.Event(), asyncio.Event()

    async def slow(grabs: WatchGrabs, *given: Any, **named: Any) -> Findings:
        reached.set()
        await go_on.wait()
        return await search(grabs, *given, **named)

    monkeypatch.setattr(WatchGrabs, "search", slow)
    wish = await scene.watching.add("Dune 2", auto=True)
    await reached.wait()
    await scene.watching.change(wish.id, auto=False)
    go_on.set()
    await scene.settle()
    assert (scene.wish().auto, scene.wish().state) == (False, WishState.OFFERED)
    assert scene.qbittorrent.torrents == {}


async def test_a_database_that_goes_away_lets_nobody_wait(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    wish = await scene.add("Dune 2", auto=False)
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang(*_: Any) -> Wish | None:
        reached.set()
        await never.wait()
        return None

    monkeypatch.setattr(Work, "look", hang)
    looking = scene.hass.async_create_task(scene.watching.look(wish.id))
    await reached.wait()
    await scene.hub.pilot.stop()
    await looking
    assert scene.watching.wishes == {}
    never.set()
    await scene.hub.pilot.start()
    await scene.settle()
    assert scene.wish().id == wish.id


async def test_there_is_an_end_to_wishes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.sokoul.watching.MOST_WISHES", 1)
    await scene.add("Dune 2", auto=False)
    with pytest.raises(TooMany):
        await scene.watching.add("Jodorowsky's Dune")
    assert len(scene.watching.wishes) == 1


async def test_at_a_debrid_account_it_is_there_once_the_account_has_it(
    at_debrid: Scene,
    account: RealDebridSimulator,  # noqa: F811
) -> None:
    scene = at_debrid
    wish = await scene.add("Dune 2", auto=True)
    assert wish.state is WishState.GRABBED, wish.why
    (torrent,) = account.account.torrents.values()
    assert wish.parts[0].download == torrent.hash
    await scene.pass_time(timedelta(minutes=30), 4)
    assert scene.wish().state is not WishState.SEARCHING, "it is not taken for gone"
    account.account.turn(torrent, "downloaded")
    await scene.hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    await scene.settle()
    assert scene.wish().state is WishState.READY, "it is noticed at once"
    assert len(account.account.torrents) == 1
