"""The watchlist at work: from a few words to a film in the library, with nobody touching it in between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.grab_hands import HubGrabHands
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.watching import Watching
from custom_components.sokoul.watchlist.items import PartState, Wish, WishState
from devstack.dune import add_dune, dune_releases
from devstack.library import Movie
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedFile, SimulatedTorrent, Swarm
from devstack.radarr import RadarrSimulator

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    RADARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)

BEST = "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT"
DUNE_2 = 693134
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pause(_: HubGrabHands) -> None:
        return

    monkeypatch.setattr(HubGrabHands, "pause", pause)


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
