"""Releases that an application did not find itself: handed to it, judged by it, downloaded by it."""

from datetime import timedelta
import re
from typing import Any

from aiohttp import ClientSession, web
import pytest

from custom_components.sokoul.clients.errors import Refused, UnexpectedResponse
from custom_components.sokoul.clients.prowlarr import ProwlarrClient
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.model.library import Protocol, QueueStatus
from custom_components.sokoul.model.releases import GrabSource, Offer
from devstack.clock import ManualClock
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.releases import INDEXERS, release_of
from tests.specifications import radarr_specification, sonarr_specification

from .canned import Canned, talking
from .conftest import Pair

pytestmark = pytest.mark.usefixtures("socket_enabled")

HASH = "0123456789abcdef0123456789abcdef01234567"
MAGNET = f"magnet:?xt=urn:btih:{HASH}"
HOUR = timedelta(hours=1)


def name_of(pair: Pair, *, quality: str = "1080p.WEB-DL.DDP5.1.H.264") -> str:
    return f"{pair.arr.search_name(pair.wanted).replace(' ', '.')}.{quality}-LANTERN"


def offer(pair: Pair, **changes: Any) -> Offer:
    values: dict[str, Any] = {
        "name": name_of(pair),
        "indexer": INDEXERS[0].name,
        "protocol": Protocol.TORRENT,
        "size_bytes": 4_000_000_000,
        "info_hash": HASH,
        "seeders": 40,
        "link": MAGNET,
    }
    return Offer(**(values | changes))


@pytest.fixture(autouse=True)
def _nothing_there_yet(pair: Pair) -> None:
    for one in pair.wanted:
        one.file = None


async def test_what_is_wanted_is_downloaded(pair: Pair, clock: ManualClock) -> None:
    judged = await pair.client.push(offer(pair), clock.now() - HOUR)
    assert (judged.approved, judged.rejections) == (True, ())
    assert judged.title_ids == {one.id for one in pair.wanted}
    (item,) = await pair.client.queue()
    assert (item.download_id, item.release) == (HASH, name_of(pair))
    assert {title.id for title in item.titles} == {one.id for one in pair.wanted}
    grab = await pair.client.grab_history(HASH)
    assert grab is not None
    assert (grab.source, grab.by_hand) == (GrabSource.PUSH, False)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "Something.Else.2019.1080p.WEB-DL.DDP5.1.H.264-X"}, "Unknown (Movie|Series)"),
        ({"seeders": 0}, "Not enough seeders"),
        ({"protocol": Protocol.USENET, "info_hash": None, "link": "http://127.0.0.1:1/x.nzb"}, "Usenet is not enabled"),
    ],
)
async def test_what_is_rejected_says_why(pair: Pair, clock: ManualClock, changes: dict[str, Any], says: str) -> None:
    judged = await pair.client.push(offer(pair, **changes), clock.now() - HOUR)
    assert not judged.approved
    assert len(judged.rejections) == 1
    assert re.search(says, judged.rejections[0])
    assert await pair.client.queue() == ()


async def test_what_is_not_monitored_is_not_taken(pair: Pair, clock: ManualClock) -> None:
    for one in pair.wanted:
        one.monitored = False
    judged = await pair.client.push(offer(pair), clock.now() - HOUR)
    assert (judged.approved, len(judged.rejections)) == (False, 1)
    assert "not monitored" in judged.rejections[0]


async def test_what_has_to_wait_waits_in_the_queue(pair: Pair, clock: ManualClock) -> None:
    pair.arr.delays.profiles[1].torrent_delay = 120
    judged = await pair.client.push(offer(pair), clock.now() - HOUR)
    assert not judged.approved
    items = await pair.client.queue()
    assert {item.status for item in items} == {QueueStatus.DELAY}
    assert {item.download_id for item in items} == {None}


async def test_a_name_that_cannot_be_read(pair: Pair, clock: ManualClock) -> None:
    with pytest.raises(Refused, match="Unable to parse"):
        await pair.client.push(offer(pair, name="holiday photos"), clock.now())
    with pytest.raises(ValueError, match="download it from"):
        await pair.client.push(offer(pair, link=""), clock.now())


async def test_a_link_of_prowlarr_is_followed_by_the_application(
    radarr: RadarrSimulator, clock: ManualClock, session: ClientSession
) -> None:
    movie = next(iter(radarr.library.movies.values()))
    movie.file = None
    async with ProwlarrSimulator(radarr.library, clock=clock) as prowlarr:
        release = release_of(movie, indexer=INDEXERS[2], torrent=MAGNET)
        prowlarr.searches.offers = [release]
        (found,) = (await ProwlarrClient(session, prowlarr.url, prowlarr.api_key).search("metropolis")).offers
        assert found.link.startswith(prowlarr.url)
        client = RadarrClient(session, radarr.url, radarr.api_key)
        assert (await client.push(found, clock.now() - HOUR)).approved
        (item,) = await client.queue()
        assert (item.download_id, item.indexer) == (HASH, "Lantern Vault (Prowlarr)")


async def test_a_link_that_leads_nowhere_is_approved_all_the_same(pair: Pair, clock: ManualClock) -> None:
    async with Canned({"GET /x": web.Response(status=410)}) as server:
        judged = await pair.client.push(offer(pair), clock.now() - HOUR, link=f"{server.url}/x")
    assert judged.approved
    assert await pair.client.queue() == ()  # which is why the queue has to tell


async def test_a_link_of_ones_own_goes_before_that_of_the_offer(pair: Pair, clock: ManualClock) -> None:
    other = "magnet:?xt=urn:btih:" + "b" * 40
    await pair.client.push(offer(pair, link="http://127.0.0.1:1/x"), clock.now() - HOUR, link=other)
    (item,) = await pair.client.queue()
    assert item.download_id == "b" * 40


async def test_no_judgement_is_an_error(clock: ManualClock) -> None:
    async with talking(RadarrClient, {"POST /api/v3/release/push": []}) as (client, _):
        with pytest.raises(UnexpectedResponse):
            await client.push(Offer(name="x", indexer="y", protocol=Protocol.TORRENT, link=MAGNET), clock.now())


async def test_it_is_pushed_as_published(pair: Pair, clock: ManualClock) -> None:
    await pair.client.push(offer(pair), clock.now() - HOUR)
    await pair.client.push(offer(pair, info_hash=None, seeders=None), clock.now() - HOUR, link="http://127.0.0.1:1/x")
    movie = isinstance(pair.client, RadarrClient)
    specification = radarr_specification() if movie else sonarr_specification()
    assert specification.check_seen(pair.arr.requests) == 2
