"""Grabs at real qBittorrents, old and new: added with category and tag, found, told from what was there, taken back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
import time
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.grab_hands import TAG
from custom_components.sokoul.model.downloads import Torrent
from custom_components.sokoul.services import Action
from devstack.dune import add_dune, dune_releases
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.releases import Release
from devstack.torrents import info_hash, make_torrent
from tests.devstack.conftest import REAL_RELEASES, find_real

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    USERNAME,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)
from .healing import act

pytestmark = pytest.mark.real

PATIENCE_SECONDS = 30
FILM = make_torrent(b"a film" * 1_000, name="Dune.Part.Two.2024.mkv", announce="http://127.0.0.1:9/announce")


@pytest.fixture(params=[*REAL_RELEASES.values()], ids=[*REAL_RELEASES])
async def real(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RealQbittorrent]:
    async with RealQbittorrent(find_real(request.param), tmp_path, username=USERNAME, password=PASSWORD) as client:
        yield client


@pytest.fixture
async def client(real: RealQbittorrent, prowlarr: ProwlarrSimulator, radarr: RadarrSimulator, set_up: SetUp) -> Any:
    """Connect it with a Prowlarr, whose private indexers give the file of the film."""
    add_dune(radarr.library)
    releases = dune_releases(add_dune(prowlarr.library))
    prowlarr.searches.offers = [replace(each, torrent=FILM) for each in releases if each.indexer.name != "Open Harbour"]

    async def source(release: Release) -> bytes | str:
        return release.torrent or release.magnet

    prowlarr.source = source
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(real.url)
    )
    return entry.runtime_data.backends[QBITTORRENT_ID].client


async def until(look: Callable[[], Awaitable[Torrent | None]], *, there: bool) -> Torrent | None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while ((found := await look()) is not None) is not there:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)
    return found


async def test_a_file_is_added_found_and_taken_back(hass: HomeAssistant, client: Any) -> None:
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["status"], answer["way"]) == ("done", "client")
    assert answer["info_hash"] == info_hash(FILM).lower()
    torrent = await until(lambda: client.torrent(answer["info_hash"]), there=True)
    assert torrent is not None
    assert (torrent.category, torrent.tags) == (DOMAIN, {TAG})

    again = await act(hass, Action.GRAB, query="dune 2")
    assert (again["result"], again["can_undo"]) == ("already_there", False)

    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    await until(lambda: client.torrent(answer["info_hash"]), there=False)


async def test_a_magnet_is_added_and_one_in_hand_stays(hass: HomeAssistant, client: Any) -> None:
    hash_ = "ab" * 20
    answer = await act(hass, Action.GRAB, query=f"magnet:?xt=urn:btih:{hash_}&dn=Dune.Part.Two.2024.1080p.WEB.H264-GRP")
    assert (answer["status"], answer["info_hash"]) == ("done", hash_)
    await until(lambda: client.torrent(hash_), there=True)
    await client.remove_tags([hash_], [TAG])
    with pytest.raises(HomeAssistantError, match="taken it in hand"):
        await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert await client.torrent(hash_) is not None


async def test_what_somebody_else_added_is_not_ours(hass: HomeAssistant, client: Any) -> None:
    await client.add(FILM, category="")
    await until(lambda: client.torrent(info_hash(FILM).lower()), there=True)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["result"], answer["can_undo"]) == ("already_there", False)
    torrent = await client.torrent(info_hash(FILM).lower())
    assert (torrent.category, torrent.tags) == ("", frozenset())
