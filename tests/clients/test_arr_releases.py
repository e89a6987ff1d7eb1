"""Searching, grabbing, history and blocklist of Radarr and Sonarr, as they may answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
import pytest

from custom_components.sokoul.clients import arr_releases
from custom_components.sokoul.clients.arr_releases import MAX_CANDIDATES, only_queue_objects, our_id, their_id
from custom_components.sokoul.clients.errors import CannotConnect, NotFound, Refused, Silence, UnexpectedResponse
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.library import Protocol, Title, TitleKind
from custom_components.sokoul.model.releases import Candidate, Grab, GrabSource, HistoryEvent, HistoryKind, offer_of

from .canned import paged, talking

pytestmark = pytest.mark.usefixtures("socket_enabled")

HASH = "0123456789abcdef0123456789abcdef01234567"
BASE_32 = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH"  # the same hash
MOVIE = Title(kind=TitleKind.MOVIE, id=12, name="Metropolis")
EPISODE = Title(kind=TitleKind.EPISODE, id=5, name="Silo", series_id=3, season=2, episode=1)
SEASON = Title(kind=TitleKind.SERIES, id=3, name="Silo", series_id=3, season=2)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

RELEASE = {
    "guid": "https://harbour.example/1",
    "indexerId": 3,
    "indexer": "Harbour (Prowlarr)",
    "title": "Metropolis.1927.1080p-X",
    "size": 4_000_000_000,
    "infoHash": HASH.upper(),
    "seeders": 12,
    "leechers": 2,
    "protocol": "torrent",
    "quality": {"quality": {"id": 7, "name": "Bluray-1080p"}, "revision": {"version": 1}},
    "customFormatScore": -5,
    "releaseWeight": 4,
    "ageMinutes": 90.5,
    "approved": True,
    "rejections": [],
    "downloadAllowed": True,
    "mappedMovieId": 12,
}


# --- candidates ------------------------------------------------------------------------------------------------------


async def test_a_candidate() -> None:
    async with talking(RadarrClient, {"GET /api/v3/release": [RELEASE]}) as (client, server):
        assert await client.releases(MOVIE) == (
            Candidate(
                guid="https://harbour.example/1",
                indexer_id=3,
                indexer="Harbour (Prowlarr)",
                title="Metropolis.1927.1080p-X",
                protocol=Protocol.TORRENT,
                size_bytes=4_000_000_000,
                info_hash=HASH,
                seeders=12,
                leechers=2,
                quality="Bluray-1080p",
                score=-5,
                weight=4,
                age=timedelta(minutes=90, seconds=30),
                approved=True,
                only_queue_objects=True,
                download_allowed=True,
                title_ids=frozenset({12}),
            ),
        )
    assert server.requests[0].query == (("movieId", "12"),)


async def test_a_candidate_of_which_little_is_told() -> None:
    little = {"guid": "g", "indexerId": 0, "title": "Who.Knows"}
    async with talking(RadarrClient, {"GET /api/v3/release": [little]}) as (client, _):
        (candidate,) = await client.releases(MOVIE)
    assert candidate == Candidate(
        guid="g", indexer_id=0, indexer="", title="Who.Knows", protocol=Protocol.UNKNOWN, size_bytes=0
    )
    # neither approved nor told why not
    assert (candidate.only_queue_objects, candidate.download_allowed) == (False, False)


@pytest.mark.parametrize(
    ("told", "info_hash"),
    [
        ({"infoHash": HASH.upper()}, HASH),
        ({"infoHash": BASE_32}, HASH),
        ({"infoHash": "nonsense", "magnetUrl": f"magnet:?xt=urn:btih:{HASH}&dn=x"}, HASH),
        ({"magnetUrl": f"magnet:?dn=x&xt=urn:btih:{HASH.upper()}"}, HASH),
        ({"magnetUrl": "http://prowlarr:9696/3/download?apikey=k&link=magnet"}, None),
        ({"infoHash": "0000"}, None),
        ({}, None),
    ],
)
async def test_the_info_hash_of_a_candidate(told: dict[str, str], info_hash: str | None) -> None:
    release = {name: value for name, value in RELEASE.items() if name != "infoHash"} | told
    async with talking(RadarrClient, {"GET /api/v3/release": [release]}) as (client, _):
        (candidate,) = await client.releases(MOVIE)
    assert candidate.info_hash == info_hash


@pytest.mark.parametrize(("minutes", "age"), [(-3.0, timedelta()), (1e12, timedelta(days=36_500))])
async def test_ages_that_nobody_believes(minutes: float, age: timedelta) -> None:
    async with talking(RadarrClient, {"GET /api/v3/release": [RELEASE | {"ageMinutes": minutes}]}) as (client, _):
        (candidate,) = await client.releases(MOVIE)
    assert candidate.age == age


@pytest.mark.parametrize(
    ("title", "query"),
    [(EPISODE, (("episodeId", "5"),)), (SEASON, (("seriesId", "3"), ("seasonNumber", "2")))],
)
async def test_what_sonarr_is_asked(title: Title, query: tuple[tuple[str, str], ...]) -> None:
    pack = {
        **RELEASE,
        "fullSeason": True,
        "mappedEpisodeInfo": [{"id": 5, "seasonNumber": 2}, {"id": 6, "seasonNumber": 2}],
    }
    async with talking(SonarrClient, {"GET /api/v3/release": [pack]}) as (client, server):
        (candidate,) = await client.releases(title)
    assert (candidate.title_ids, candidate.full_season) == (frozenset({5, 6}), True)
    assert server.requests[0].query == query


async def test_which_episodes_sonarr_takes_a_release_for() -> None:
    def mapped(*numbers: tuple[int | None, int | None]) -> dict[str, Any]:
        told = [{"id": 5, "seasonNumber": season, "episodeNumber": episode} for season, episode in numbers]
        return RELEASE | {"mappedEpisodeInfo": told}

    answer = [mapped((2, 5), (2, 6)), mapped((1, 5), (2, 6)), mapped((2, None)), mapped()]
    async with talking(SonarrClient, {"GET /api/v3/release": answer}) as (client, _):
        found = await client.releases(EPISODE)
    assert [(each.season, set(each.episodes)) for each in found] == [
        (2, {5, 6}),
        (None, set()),
        (None, set()),
        (None, set()),
    ]
    opinion = offer_of(found[0]).arr
    assert opinion is not None
    assert (opinion.season, opinion.episodes) == (2, {5, 6})


async def test_what_cannot_be_searched_for() -> None:
    series = Title(kind=TitleKind.SERIES, id=3, name="Silo", series_id=3)
    async with talking(SonarrClient, {}) as (sonarr, server):
        with pytest.raises(ValueError, match="whole series"):
            await sonarr.releases(series)
        assert server.requests == []
    async with talking(RadarrClient, {}) as (radarr, _):
        with pytest.raises(ValueError, match="episode"):
            await radarr.releases(EPISODE)


async def test_of_very_many_the_best_are_taken() -> None:
    many = [RELEASE | {"guid": str(number), "releaseWeight": number} for number in range(MAX_CANDIDATES + 50)]
    async with talking(RadarrClient, {"GET /api/v3/release": many}) as (client, _):
        found = await client.releases(MOVIE)
    assert [candidate.weight for candidate in found] == list(range(MAX_CANDIDATES))


async def test_a_search_that_failed() -> None:
    failed = web.json_response({"message": "Search failed"}, status=400)
    async with talking(RadarrClient, {"GET /api/v3/release": failed}) as (client, _):
        with pytest.raises(Refused, match="Search failed"):
            await client.releases(MOVIE)


async def test_a_search_may_take_longer_than_other_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking(RadarrClient, {"GET /api/v3/release": [RELEASE]}, timeout_seconds=0.05) as (client, server):
        server.fault("drip", delay_seconds=0.004)  # 0.17 s in all
        assert len(await client.releases(MOVIE)) == 1
        monkeypatch.setattr(arr_releases, "SEARCH_SECONDS", 0.05)
        with pytest.raises(CannotConnect) as raised:
            await client.releases(MOVIE)
    assert raised.value.silence is Silence.TIMEOUT


# --- rejections ------------------------------------------------------------------------------------------------------

#: as Radarr 3 to 6 and Sonarr 3 to 4 say it
OF_THE_QUEUE = (
    "Quality for release in queue already meets cutoff: Bluray-1080p v1",
    "Quality for release in queue already meets cutoff: Bluray-1080p v1 - English",
    "Release in queue already meets cutoff: WEBDL-1080p v1",
    "Quality for release in queue is of equal or higher preference: WEBDL-1080p v1",
    "Release in queue is of equal or higher preference: WEBDL-1080p v2 real 1",
    "Release in queue is of equal or higher revision: v2",
    "Release in queue meets quality cutoff: Bluray-1080p",
    "Release in queue meets Custom Format cutoff: 10000",
    "Release in queue has an equal or higher Custom Format score: -20",
    "Release in queue has Custom Format score within Custom Format score increment: 1",
    "Release in queue and Quality Profile 'Kids' don't care' does not allow upgrades",
    "Release in queue on disk has an equal or higher custom format score: 5",
    "Another release is queued and the Quality profile does not allow upgrades",
    "Another release is queued and the Quality or Language profile does not allow upgrades",
)

OF_OTHERS = (
    "Release is blocklisted",
    "Not enough seeders: 0. Minimum seeders: 1",
    "Existing file on disk is of equal or higher preference: Bluray-1080p v1",
    "Existing file meets cutoff: Bluray-1080p [HDR]",
    "Existing file on disk and Quality Profile 'Any' does not allow upgrades",
    "Recent grab event in history is of equal or higher preference: Bluray-1080p v1",
    "Proper downloading is disabled",  # of the queue, or of old files
    "HDTV-720p is not wanted in profile",
    "Wrong movie",
    "Full season pack",
    "Indexer Harbour is blocked till 11/21/2026 12:00:00 due to failures, cannot grab release.",
    "Does not contain one of the required terms: release in queue is of equal or higher preference: x",
    "Release in queue",
    "Release in queue is older than",
    "La version dans la file d'attente est de préférence égale ou supérieure",
    "",
)


@pytest.mark.parametrize("rejection", OF_THE_QUEUE)
def test_what_the_queue_says_is_known(rejection: str) -> None:
    assert only_queue_objects([rejection])
    assert only_queue_objects([rejection, *OF_THE_QUEUE])


@pytest.mark.parametrize("rejection", OF_OTHERS)
def test_anything_else_is_more_than_the_queue(rejection: str) -> None:
    assert not only_queue_objects([rejection])
    assert not only_queue_objects([OF_THE_QUEUE[0], rejection])


@pytest.mark.parametrize(
    ("approved", "rejections", "only_queue"),
    [
        (True, [], True),
        (False, [], False),
        (False, [OF_THE_QUEUE[0]], True),
        (False, ["Release is blocklisted"], False),
        (False, [OF_THE_QUEUE[0], "Wrong movie"], False),
        (True, ["Wrong movie"], False),  # it contradicts itself
    ],
)
async def test_what_stands_against_a_candidate(*, approved: bool, rejections: list[str], only_queue: bool) -> None:
    release = RELEASE | {"approved": approved, "rejections": rejections}
    async with talking(RadarrClient, {"GET /api/v3/release": [release]}) as (client, _):
        (candidate,) = await client.releases(MOVIE)
    assert (candidate.rejections, candidate.only_queue_objects) == (tuple(rejections), only_queue)


# --- grabbing --------------------------------------------------------------------------------------------------------

CANDIDATE = Candidate(guid="https://x/1", indexer_id=3, indexer="X", title="T", protocol=Protocol.TORRENT, size_bytes=1)


async def test_a_grab() -> None:
    async with talking(RadarrClient, {"POST /api/v3/release": {"guid": "https://x/1"}}) as (client, server):
        await client.grab(CANDIDATE)
    assert server.requests[0].json() == {"guid": "https://x/1", "indexerId": 3}


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (404, "Couldn't find requested release in cache, try searching again", NotFound),
        (409, "Getting release from indexer failed", Refused),
        (500, "torrent Download client isn't configured yet", UnexpectedResponse),
    ],
)
async def test_a_grab_that_is_not_possible(status: int, message: str, error: type[Exception]) -> None:
    answer = web.json_response({"message": message, "description": "..."}, status=status)
    async with talking(SonarrClient, {"POST /api/v3/release": answer}) as (client, _):
        with pytest.raises(error, match=message[:30]):
            await client.grab(CANDIDATE)


# --- history ---------------------------------------------------------------------------------------------------------


def event(id_: int, minutes: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "movieId": 12,
        "episodeId": 5,
        "sourceTitle": "Metropolis.1927-X",
        "downloadId": HASH.upper(),
        "eventType": "grabbed",
        "date": (NOON + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {"indexer": "Harbour", "indexerId": "3", "releaseSource": "Rss", "torrentInfoHash": HASH.upper()},
        **fields,
    }


async def test_who_grabbed() -> None:
    events = [event(1), event(2, 5, data={"indexer": "Harbour", "releaseSource": "InteractiveSearch"}), event(3, 4)]
    async with talking(RadarrClient, {"GET /api/v3/history": paged(events)}) as (client, server):
        grab = await client.grab_history(HASH)
    assert grab == Grab(
        history_id=2,
        at=NOON + timedelta(minutes=5),
        release="Metropolis.1927-X",
        title_ids=frozenset({12}),
        indexer="Harbour",
        source=GrabSource.INTERACTIVE_SEARCH,
    )
    assert grab.by_hand is True
    assert dict(server.requests[0].query) == {
        "page": "1",
        "pageSize": "200",
        "sortKey": "date",
        "sortDirection": "descending",
        "downloadId": HASH.upper(),
        "eventType": "1",
    }


async def test_a_pack_was_grabbed_for_all_its_episodes() -> None:
    events = [event(number, episodeId=number) for number in range(1, 251)]
    async with talking(SonarrClient, {"GET /api/v3/history": paged(events)}) as (client, server):
        grab = await client.grab_history(HASH)
    assert grab is not None
    assert grab.title_ids == frozenset(range(1, 251))
    assert grab.indexer_id == 3
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("data", "source", "by_hand"),
    [
        ({"releaseSource": "Rss"}, GrabSource.RSS, False),
        ({"releaseSource": "Search"}, GrabSource.SEARCH, False),
        ({"releaseSource": "UserInvokedSearch"}, GrabSource.USER_SEARCH, False),
        ({"releaseSource": "InteractiveSearch"}, GrabSource.INTERACTIVE_SEARCH, True),
        ({"releaseSource": "ReleasePush"}, GrabSource.PUSH, False),
        ({"releaseSource": "Unknown"}, GrabSource.UNKNOWN, None),
        ({"releaseSource": "Telepathy"}, GrabSource.UNKNOWN, None),
        ({"releaseSource": None}, GrabSource.UNKNOWN, None),
        ({}, GrabSource.UNKNOWN, None),
        (None, GrabSource.UNKNOWN, None),
    ],
)
async def test_whether_it_was_by_hand(
    data: dict[str, str | None] | None, source: GrabSource, *, by_hand: bool | None
) -> None:
    async with talking(RadarrClient, {"GET /api/v3/history": paged([event(1, data=data)])}) as (client, _):
        grab = await client.grab_history(HASH)
    assert grab is not None
    assert (grab.source, grab.by_hand) == (source, by_hand)


async def test_what_was_not_grabbed() -> None:
    others = [event(1, eventType="downloadFailed"), event(2, downloadId="F" * 40)]  # a server that doesn't filter
    async with talking(RadarrClient, {"GET /api/v3/history": paged(others)}) as (client, _):
        assert await client.grab_history(HASH) is None


async def test_history_since() -> None:
    failed = event(8, 3, eventType="downloadFailed", data={"message": "Manually marked as failed", "indexerId": "x"})
    answer = [
        event(9, 5, movieId=13),
        failed,
        event(7, 2, eventType="movieFileRenamed", downloadId=None, data={}),
        event(6, 1, downloadId="SABnzbd_nzo_Ab", data={"indexerId": "0", "torrentInfoHash": None}),
        event(5),
    ]
    since = NOON + timedelta(seconds=30)
    async with talking(RadarrClient, {"GET /api/v3/history/since": answer}) as (client, server):
        found = await client.history(since, {12})
        assert [each.id for each in await client.history(since)] == [6, 7, 8, 9]
    assert [each.id for each in found] == [6, 7, 8]
    assert found[0] == HistoryEvent(
        id=6,
        kind=HistoryKind.GRABBED,
        at=NOON + timedelta(minutes=1),
        title_id=12,
        release="Metropolis.1927-X",
        download_id="SABnzbd_nzo_Ab",
    )
    assert found[1].kind is HistoryKind.UNKNOWN
    assert (found[2].kind, found[2].message) == (HistoryKind.FAILED, "Manually marked as failed")
    assert found[2].download_id == HASH
    assert server.requests[0].query == (("date", "2026-11-21T12:00:30Z"),)


async def test_an_event_without_a_date() -> None:
    async with talking(RadarrClient, {"GET /api/v3/history/since": [{"id": 1, "movieId": 2}]}) as (client, _):
        with pytest.raises(UnexpectedResponse, match="date"):
            await client.history(NOON)


@pytest.mark.parametrize("id_", ["SABnzbd_nzo_aBc", "x" * 40, "0" * 39])
def test_ids_that_are_no_info_hash_stay_as_they_are(id_: str) -> None:
    assert their_id(id_) == our_id(id_) == id_


def test_info_hashes_are_spelled_otherwise_there() -> None:
    assert their_id(HASH) == HASH.upper()
    assert our_id(HASH.upper()) == HASH
    assert our_id(None) is our_id("") is None


# --- blocklist -------------------------------------------------------------------------------------------------------


def blocked(id_: int, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "sourceTitle": f"Release.{id_}", "date": "2026-11-21T12:00:00Z", **fields}


async def test_radarrs_blocklist() -> None:
    records = [blocked(1, movieId=12, indexer="Harbour", protocol="torrent", message="why"), blocked(2, movieId=13)]
    async with talking(RadarrClient, {"GET /api/v3/blocklist": paged(records)}) as (client, server):
        (entry,) = await client.blocklist([MOVIE])  # an old Radarr answers with all
        assert await client.blocklist([]) == ()
    assert (entry.id, entry.release, entry.title_ids, entry.at) == (1, "Release.1", frozenset({12}), NOON)
    assert (entry.indexer, entry.protocol, entry.message) == ("Harbour", Protocol.TORRENT, "why")
    assert ("movieIds", "12") in server.requests[0].query
    assert len(server.requests) == 1


async def test_sonarrs_blocklist() -> None:
    records = [
        blocked(1, seriesId=3, episodeIds=[5, 6]),
        blocked(2, seriesId=3, episodeIds=[7]),
        blocked(3, seriesId=4),
    ]
    async with talking(SonarrClient, {"GET /api/v3/blocklist": paged(records)}) as (client, server):
        assert [entry.id for entry in await client.blocklist([EPISODE])] == [1]
        assert [entry.id for entry in await client.blocklist([SEASON])] == [1, 2]
    assert ("seriesIds", "3") in server.requests[0].query


async def test_a_blocklist_that_grows_while_it_is_read() -> None:
    records = [blocked(id_, movieId=12) for id_ in range(1, 251)]

    def growing(request: web.Request) -> Any:
        if request.query["page"] == "2":
            records[:0] = [blocked(1000, movieId=12)]
        return paged(records)(request)

    async with talking(RadarrClient, {"GET /api/v3/blocklist": growing}) as (client, _):
        entries = await client.blocklist([MOVIE])
    assert [entry.id for entry in entries] == list(range(1, 251))


async def test_a_server_that_does_not_know_its_end() -> None:
    endless = {"totalRecords": 10_000, "records": [blocked(1, movieId=12)]}
    async with talking(RadarrClient, {"GET /api/v3/blocklist": endless}) as (client, server):
        assert len(await client.blocklist([MOVIE])) == 1
        assert len(server.requests) == 2


async def test_allowing_a_release_again() -> None:
    async with talking(RadarrClient, {"DELETE /api/v3/blocklist/7": {}}) as (client, server):
        await client.remove_from_blocklist(7)
    assert server.sent() == ["DELETE /api/v3/blocklist/7"]
