"""The watchlist takes no film for another one of the same name, though it searches by ids."""

from dataclasses import replace

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.watchlist.items import PartState
from devstack.dune import add_dune, dune_releases
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.tmdb import TmdbSimulator

from . import test_watching
from .conftest import PROWLARR_ID, PassTime, SetUp, qbittorrent_subentry, servarr_subentry
from .test_watching import Scene, _no_pause, tmdb_subentry  # noqa: F401 -- a fixture

tmdb = test_watching.tmdb

YEARLESS = "Dune.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-OLDONE"
OF_ITS_YEAR = "Dune.2021.2160p.WEB-DL.DDP5.1.HDR.H.265-TiDE"


@pytest.fixture
async def scene(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> Scene:
    """Return a hub without Radarr, and an indexer that offers the film of 1984 without saying so."""
    add_dune(tmdb.library)
    old = next(each for each in dune_releases(add_dune(radarr.library)) if "Dune.1984" in each.title)
    prowlarr.searches.offers = [replace(old, title=YEARLESS, seeders=5_000)]
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent), tmdb_subentry())
    return Scene(radarr, prowlarr, qbittorrent, hass, pass_time, entry)


async def test_what_does_not_say_which_film_it_is_stays_where_it_is(scene: Scene) -> None:
    wish = await scene.add("Dune 2021", auto=True)
    assert wish.meant is not None
    assert (wish.meant.label, wish.meant.namesakes) == ("Dune (2021)", {1984})
    assert wish.parts[0].state is PartState.SEARCHING
    assert not scene.qbittorrent.torrents


async def test_what_says_it_is_fetched(scene: Scene) -> None:
    there = dune_releases(add_dune(scene.prowlarr.library))
    scene.prowlarr.searches.offers.extend(each for each in there if each.title == OF_ITS_YEAR)
    wish = await scene.add("Dune 2021", auto=True)
    assert (wish.parts[0].state, wish.parts[0].release) == (PartState.GRABBED, OF_ITS_YEAR)
