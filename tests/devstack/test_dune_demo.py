"""What the demo's sources have of "Dune 2": every release once, and a torrent behind what may be taken."""

from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest

from devstack.dune_demo import BEST, FEED_SITE, HOW_MANY, IN_QBITTORRENT, IN_THE_ACCOUNT, DuneDemo, stage
from devstack.library import Library
from devstack.releases import Release
from devstack.torrents import info_hash, make_torrent
from devstack.torznab import TorznabSimulator


@pytest.fixture
async def demo() -> DuneDemo:
    async def realise(release: Release) -> Release:
        return replace(release, torrent=make_torrent(release.guid.encode(), name=f"{release.title}.mkv"))

    return await stage(Library.small(datetime(2026, 11, 21, tzinfo=UTC)), realise)


def test_every_release_is_at_one_source(demo: DuneDemo) -> None:
    everywhere = [*demo.prowlarr, *demo.feed, demo.account, demo.qbittorrent]
    assert len({each.guid for each in everywhere}) == len(everywhere) == HOW_MANY
    assert demo.account.title.startswith(IN_THE_ACCOUNT)
    assert demo.qbittorrent.title.startswith(IN_QBITTORRENT)
    assert demo.feed
    assert {each.indexer for each in demo.feed} == {FEED_SITE}
    assert BEST in {each.title for each in demo.prowlarr}


def test_what_may_be_taken_has_a_torrent_and_nothing_hostile_has(demo: DuneDemo) -> None:
    for release in (*demo.prowlarr, *demo.feed):
        wanted = release.movie is demo.world.second and release.title.isprintable() and "<" not in release.title
        assert (release.torrent is not None) is wanted, release.title
    hostile = [each for each in (*demo.prowlarr, *demo.feed) if "exe" in each.title or "<" in each.title]
    assert [each.torrent for each in hostile] == [None, None]


@pytest.mark.usefixtures("socket_enabled")
async def test_the_feed_gives_its_files_out(demo: DuneDemo) -> None:
    file = next(each for each in demo.feed if each.torrent is not None)
    magnet = next(each for each in demo.feed if each.torrent is None)
    async with TorznabSimulator() as feed, aiohttp.ClientSession() as session:
        feed.releases = list(demo.feed)

        async def ask(release: Release, key: str) -> aiohttp.ClientResponse:
            where = {"jackett_apikey": key, "path": release.info_hash}
            return await session.get(f"{feed.url}/dl/2/", params=where, allow_redirects=False)

        assert info_hash(await (await ask(file, feed.api_key)).read()).upper() == file.info_hash
        assert (await ask(magnet, feed.api_key)).headers["Location"] == magnet.magnet
        assert (await ask(file, "wrong")).status == 401
        assert (await ask(demo.account, feed.api_key)).status == 404
