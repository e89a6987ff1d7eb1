"""The watchlist takes no film for another one of the same name, though it searches by ids."""

from dataclasses import replace

import pytest

from custom_components.sokoul.watchlist.items import PartState
from devstack.dune import add_dune, dune_releases

from .test_watching import Scene, _no_pause, tmdb, without_arr  # noqa: F401 -- fixtures

YEARLESS = "Dune.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-OLDONE"
OF_ITS_YEAR = "Dune.2021.2160p.WEB-DL.DDP5.1.HDR.H.265-TiDE"


@pytest.fixture
async def scene(without_arr: Scene) -> Scene:  # noqa: F811
    """Have an indexer offer the film of 1984 without saying so."""
    old = next(each for each in dune_releases(add_dune(without_arr.radarr.library)) if "Dune.1984" in each.title)
    without_arr.prowlarr.searches.offers = [replace(old, title=YEARLESS, seeders=5_000)]
    return without_arr


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
