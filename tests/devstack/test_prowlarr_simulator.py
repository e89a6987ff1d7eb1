"""The simulated Prowlarr: every route by its published description, and how it behaves."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientSession
import pytest

from devstack.clock import ManualClock
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.releases import INDEXERS, Release, release_of
from devstack.torrents import Magnet, TorrentFile, make_torrent
from tests.devstack.arr_calls import Caller
from tests.devstack.webhook_receiver import Receiver
from tests.specifications import prowlarr_specification

pytestmark = pytest.mark.usefixtures("socket_enabled")

OPEN_HARBOUR, TIN_CAN, LANTERN_VAULT, NORTHGATE, MERIDIAN = (site.id for site in INDEXERS)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def prowlarr(clock: ManualClock) -> AsyncIterator[ProwlarrSimulator]:
    async with ProwlarrSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def ask(prowlarr: ProwlarrSimulator) -> AsyncIterator[Caller]:
    async with ClientSession() as session:
        yield Caller(prowlarr, session)


async def call_providers(call: Caller, path: str, *, bulk: bool, **values: Any) -> None:
    """Add, change and remove two providers of a kind; `values` are of its fields."""
    fresh = (await call.get(f"{path}/schema"))[0] | {"name": "One"}
    fresh["fields"] = [each | {"value": values.get(each["name"], each.get("value"))} for each in fresh["fields"]]
    one = (await call("POST", path, body=fresh, status=201)).json()
    other = (await call("POST", path, body=fresh | {"name": "Other"}, query=[("forceSave", "true")], status=201)).json()
    await call("GET", path)
    await call("GET", f"{path}/{one['id']}")
    await call("PUT", f"{path}/{one['id']}", body=one | {"name": "First"}, status=202)
    await call("POST", f"{path}/test", body=one)
    await call("POST", f"{path}/testall")
    if bulk:
        await call("PUT", f"{path}/bulk", body={"ids": [one["id"], other["id"]], "tags": [1]}, status=202)
        await call("DELETE", f"{path}/bulk", body={"ids": [other["id"]]})
    await call("DELETE", f"{path}/{one['id']}")


async def test_every_route_is_as_published(clock: ManualClock, prowlarr: ProwlarrSimulator) -> None:
    async with ClientSession() as session, QbittorrentSimulator(clock=clock) as qbittorrent:
        call = Caller(prowlarr, session, prowlarr_specification())
        await call("GET", "//ping", key=None)
        await call("GET", "//api")
        await call("GET", "//login", key=None, specified=False)
        prowlarr.add_application("Radarr", "http://radarr:7878", "key")
        prowlarr.fail_indexer(NORTHGATE)
        for path in (
            "/system/status",
            "/health",
            "/update",
            "/tag",
            "/tag/detail",
            "/indexer/categories",
            "/indexerstatus",
        ):
            await call("GET", path)
        await call("GET", "/indexerstats", query=[("indexers", "1,2"), ("startDate", "2026-01-01T00:00:00Z")])
        await call("GET", "/appprofile")
        tag = (await call("POST", "/tag", body={"label": "Fresh"}, status=201)).json()
        await call("GET", f"/tag/{tag['id']}")
        await call("PUT", f"/tag/{tag['id']}", body=tag, status=202)
        await call("DELETE", f"/tag/{tag['id']}")
        for path, bulk in (
            ("/indexer", True),
            ("/applications", True),
            ("/downloadclient", True),
            ("/indexerproxy", False),
        ):
            await call_providers(call, path, bulk=bulk)
        async with Receiver() as receiver:
            await call_providers(call, "/notification", bulk=False, url=receiver.url)
        prowlarr.download_clients.add("QBittorrent", "qBittorrent", _reached(qbittorrent))
        results = await call.get("/search", query="metropolis", type="movie", limit="5")
        await call("POST", "/search", body=results[0])
        await call("POST", "/search/bulk", body=results[:2], specified=False)  # takes a list, published as an object
        link = urlsplit(results[0]["downloadUrl"])
        parts = tuple((name, values[0]) for name, values in parse_qs(link.query).items())
        await call("GET", f"/{link.path}", query=parts, status=301, key=None, specified=False)
        await call("GET", "/history", query=[("eventType", "2"), ("successful", "true")])
        await call("GET", "/history/since", query=[("date", "2026-01-01T00:00:00Z")])
        await call("GET", "/history/indexer", query=[("indexerId", "1"), ("limit", "3")])
        command = (await call("POST", "/command", body={"name": "ApplicationIndexerSync"}, status=201)).json()
        await call("GET", "/command")
        await call("GET", f"/command/{command['id']}")
        prowlarr.commands.hold()
        command = (await call("POST", "/command", body={"name": "CheckHealth"}, status=201)).json()
        await call("DELETE", f"/command/{command['id']}")
    assert call.not_called() == []


def _reached(qbittorrent: QbittorrentSimulator) -> dict[str, Any]:
    port = int(qbittorrent.url.rpartition(":")[2])
    return {"host": "127.0.0.1", "port": port, "username": "admin", "password": "adminadmin"}


# --- indexers --------------------------------------------------------------------------------------------------------


async def test_indexers_say_who_may_use_them_and_keep_their_secrets(ask: Caller) -> None:
    reply = await ask("GET", "/indexer")
    assert {each["name"]: (each["privacy"], each["protocol"]) for each in reply.json()} == {
        "Open Harbour": ("public", "torrent"),
        "Tin Can Torrents": ("public", "torrent"),
        "Lantern Vault": ("semiPrivate", "torrent"),
        "NorthgateHD": ("private", "torrent"),
        "Meridian NZB": ("private", "usenet"),
    }
    assert b"secret-" not in reply.body
    assert b"********" in reply.body


async def test_an_indexer_that_fails_is_left_alone_and_comes_back(
    ask: Caller, prowlarr: ProwlarrSimulator, clock: ManualClock
) -> None:
    prowlarr.failing.add(OPEN_HARBOUR)
    before = prowlarr.counters[OPEN_HARBOUR].failed_queries
    assert await ask.get("/indexerstatus") == []
    results = await ask.get("/search", query="metropolis")
    assert results
    assert "Open Harbour" not in {each["indexer"] for each in results}
    (status,) = await ask.get("/indexerstatus")
    assert status["indexerId"] == OPEN_HARBOUR
    assert status["disabledTill"] == "2026-11-21T12:15:00Z"
    (issue,) = await ask.get("/health")
    assert (issue["source"], issue["type"]) == ("IndexerStatusCheck", "warning")
    assert "Open Harbour" in issue["message"]
    # it isn't asked any more while it is left alone
    await ask.get("/search", query="metropolis")
    stats = (await ask.get("/indexerstats", indexers=str(OPEN_HARBOUR)))["indexers"]
    assert [each["numberOfFailedQueries"] for each in stats] == [before + 1]
    prowlarr.failing.clear()
    clock.advance(timedelta(minutes=15, seconds=1))
    assert await ask.get("/indexerstatus") == []
    assert await ask.get("/health") == []
    assert "Open Harbour" in {each["indexer"] for each in await ask.get("/search", query="metropolis")}


async def test_all_indexers_failing_is_an_empty_result(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    prowlarr.failing |= set(prowlarr.indexers.items)
    assert await ask.get("/search", query="metropolis") == []
    (issue,) = await ask.get("/health")
    assert issue["type"] == "error"
    assert issue["message"] == "All indexers are unavailable due to failures"


async def test_a_disabled_indexer_is_not_asked(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    await ask("PUT", "/indexer/bulk", body={"ids": [TIN_CAN, NORTHGATE], "enable": False}, status=202)
    before = prowlarr.counters[TIN_CAN].queries
    found = {each["indexer"] for each in await ask.get("/search", query="metropolis")}
    assert not found & {"Tin Can Torrents", "NorthgateHD"}
    assert prowlarr.counters[TIN_CAN].queries == before


async def test_an_indexer_can_be_tested(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    indexer = await ask.get(f"/indexer/{NORTHGATE}")
    await ask("POST", "/indexer/test", body=indexer)
    prowlarr.failing.add(NORTHGATE)
    await ask("POST", "/indexer/test", body=indexer, status=400)
    results = (await ask("POST", "/indexer/testall", status=400)).json()
    assert [each["id"] for each in results if not each["isValid"]] == [NORTHGATE]


# --- searching -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"query": "metropolis"}, {"Metropolis.1927"}),
        ({"query": "the quiet orbit s01e02", "type": "tvsearch"}, {"The.Quiet.Orbit.S01E02"}),
        ({"query": "the quiet orbit {Season:2}", "type": "tvsearch"}, {"The.Quiet.Orbit.S02"}),
        ({"query": "metropolis", "type": "tvsearch"}, set()),
        ({"query": "nothing of that name"}, set()),
    ],
)
async def test_a_search_finds_what_is_meant(ask: Caller, query: dict[str, str], titles: set[str]) -> None:
    results = await ask.get("/search", **query)
    assert {title for each in results for title in titles if each["title"].startswith(title)} == titles
    assert all(any(each["title"].startswith(title) for title in titles) for each in results)


async def test_a_search_by_id(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    movie = prowlarr.library.movies[1]
    for token in (f"{{TmdbId:{movie.tmdb_id}}}", f"{{ImdbId:{movie.imdb_id}}}"):
        results = await ask.get("/search", query=token, type="movie")
        assert results
        assert {each["title"].split(".")[0] for each in results} == {"Metropolis"}
        assert {each["tmdbId"] for each in results} <= {0, movie.tmdb_id}
    series = prowlarr.library.series[2]
    results = await ask.get("/search", query=f"{{TvdbId:{series.tvdb_id}}} {{Season:1}} {{Episode:3}}", type="tvsearch")
    assert results
    assert all("S01E03" in each["title"] for each in results)


@pytest.mark.parametrize(
    ("query", "kind", "names"),
    [
        ("Sousou no Frieren 05", "search", {"[Subs] Sousou no Frieren - 05 (1080p)"}),
        ("Sousou no Frieren 5", "search", set()),
        ("Frieren {TvdbId:424536} {Season:1} {Episode:5}", "tvsearch", {"Frieren.S01E05.1080p"}),
        ("Frieren {Season:1}", "tvsearch", set()),
        ("Late {Season:2024} {Episode:03/11}", "tvsearch", {"Late.2024.03.11.Guest.1080p"}),
        ("Late {Season:2024} {Episode:03/12}", "tvsearch", set()),
    ],
)
async def test_indexers_that_know_only_words(
    ask: Caller, prowlarr: ProwlarrSimulator, query: str, kind: str, names: set[str]
) -> None:
    there = ("[Subs] Sousou no Frieren - 05 (1080p)", "Frieren.S01E05.1080p", "Late.2024.03.11.Guest.1080p")
    prowlarr.searches.offers = [release_of(name=name) for name in there]
    prowlarr.searches.by_words = {OPEN_HARBOUR}
    assert {each["title"] for each in await ask.get("/search", query=query, type=kind)} == names


async def test_a_search_by_day(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    series = prowlarr.library.series[2]
    day = series.episodes[2].airs
    assert day is not None
    query = f"{{TvdbId:{series.tvdb_id}}} {{Season:{day:%Y}}} {{Episode:{day:%m/%d}}}"
    results = await ask.get("/search", query=query, type="tvsearch")
    assert results
    assert all("S01E03" in each["title"] for each in results)


async def test_a_search_can_be_narrowed(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    async def protocols(*ids: int) -> set[str]:
        query = [("query", "the"), *(("indexerIds", str(number)) for number in ids)]
        return {each["protocol"] for each in (await ask("GET", "/search", query=query)).json()}

    assert await protocols() == {"torrent", "usenet"}
    assert await protocols(-1) == {"usenet"}
    assert await protocols(-2) == {"torrent"}
    only = (await ask("GET", "/search", query=[("query", "the"), ("indexerIds", "4"), ("indexerIds", "5")])).json()
    assert {each["indexerId"] for each in only} == {NORTHGATE, MERIDIAN}
    high = (await ask("GET", "/search", query=[("query", "the"), ("categories", "2045")])).json()
    assert high
    assert all("2160p" in each["title"] for each in high)
    assert {category["id"] for each in high for category in each["categories"]} == {2000, 2045}
    first = await ask.get("/search", query="the", limit="3")
    second = await ask.get("/search", query="the", limit="3", offset="3")
    assert len({each["guid"] for each in first + second}) == 6


async def test_only_a_malformed_search_is_refused(ask: Caller) -> None:
    await ask("GET", "/search", query=[("query", "x"), ("type", "poem")], status=400)
    await ask("GET", "/search", query=[("query", "x"), ("indexerIds", "first")], status=400)


# --- links and grabs -------------------------------------------------------------------------------------------------


async def test_links_are_prowlarrs_own_and_lead_to_a_magnet(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    results = await ask.get("/search", query="metropolis")
    public = next(each for each in results if each["indexer"] == "Open Harbour")
    assert public["downloadUrl"].startswith(f"{prowlarr.url}/{OPEN_HARBOUR}/download?apikey={prowlarr.api_key}&link=")
    assert public["magnetUrl"].startswith(prowlarr.url)
    assert not [
        each for each in results if each["indexer"] == "NorthgateHD" and ("infoHash" in each or "magnetUrl" in each)
    ]
    async with ask.session.get(public["downloadUrl"], allow_redirects=False) as response:
        assert response.status == 301
        magnet = Magnet.parse(response.headers["Location"])
    assert (magnet.name, magnet.hash.upper()) == (public["title"], public["infoHash"])
    without_key = public["downloadUrl"].replace(prowlarr.api_key, "wrong")
    async with ask.session.get(without_key, allow_redirects=False) as response:
        assert response.status == 401


async def test_a_link_can_give_the_torrent_itself(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    async def torrent_of(release: Release) -> bytes | str:
        return make_torrent(b"content", name=release.title)

    prowlarr.source = torrent_of
    result = (await ask.get("/search", query="metropolis", indexerIds=str(NORTHGATE)))[0]
    async with ask.session.get(result["downloadUrl"]) as response:
        assert response.content_type == "application/x-bittorrent"
        assert TorrentFile.parse(await response.read()).name == result["title"]


async def test_a_link_of_an_indexer_that_is_left_alone_asks_to_wait(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    result = (await ask.get("/search", query="metropolis", indexerIds=str(NORTHGATE)))[0]
    prowlarr.fail_indexer(NORTHGATE, timedelta(minutes=5))
    async with ask.session.get(result["downloadUrl"]) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "300")


async def test_a_result_can_be_grabbed_for_half_an_hour(
    ask: Caller, prowlarr: ProwlarrSimulator, clock: ManualClock
) -> None:
    async with QbittorrentSimulator(clock=clock) as qbittorrent:
        result = (await ask.get("/search", query="metropolis", indexerIds=str(NORTHGATE)))[0]
        body = {"guid": result["guid"], "indexerId": NORTHGATE}
        await ask("POST", "/search", body=body, status=500)  # no download client
        prowlarr.download_clients.add("QBittorrent", "qBittorrent", _reached(qbittorrent))
        await ask("POST", "/search", body=body)
        (torrent,) = qbittorrent.torrents.values()
        assert torrent.category == "prowlarr"
        prowlarr.refusing_grabs.add(NORTHGATE)
        await ask("POST", "/search", body=body, status=409)
        await ask("POST", "/search/bulk", body=[body], status=400)
        clock.advance(timedelta(minutes=31))
        await ask("POST", "/search", body=body, status=404)
        events = (await ask.get("/history", eventType="1", pageSize="50"))["records"]
        # without a client nothing was fetched
        assert sorted(each["successful"] for each in events) == [False, False, True]


# --- what belongs together -------------------------------------------------------------------------------------------


async def test_flaresolverr_belongs_to_indexers_by_a_tag(ask: Caller) -> None:
    (proxy,) = await ask.get("/indexerproxy")
    assert proxy["implementation"] == "FlareSolverr"
    served = {each["name"] for each in await ask.get("/indexer") if set(each["tags"]) & set(proxy["tags"])}
    assert served == {"Open Harbour", "Tin Can Torrents"}
    (detail,) = await ask.get("/tag/detail")
    assert detail["indexerIds"] == [OPEN_HARBOUR, TIN_CAN]
    assert detail["indexerProxyIds"] == [proxy["id"]]


async def test_applications_hide_their_keys(ask: Caller, prowlarr: ProwlarrSimulator) -> None:
    prowlarr.add_application("Sonarr", "http://sonarr:8989", "hidden-key", sync_level="addOnly")
    reply = await ask("GET", "/applications")
    (application,) = reply.json()
    assert (application["implementation"], application["syncLevel"]) == ("Sonarr", "addOnly")
    assert b"hidden-key" not in reply.body
    fields = {each["name"]: each.get("value") for each in application["fields"]}
    assert fields["baseUrl"] == "http://sonarr:8989"


async def test_a_command_has_no_result(ask: Caller, clock: ManualClock) -> None:
    command = (await ask("POST", "/command", body={"name": "ApplicationIndexerSync"})).json()
    clock.advance(timedelta(seconds=5))
    done = await ask.get(f"/command/{command['id']}")
    assert done["status"] == "completed"
    assert "result" not in done
    await ask("POST", "/command", body={"name": "MoviesSearch"}, status=500)


async def test_webhooks_tell_of_health_and_grabs(ask: Caller, prowlarr: ProwlarrSimulator, clock: ManualClock) -> None:
    async with Receiver() as receiver:
        flags = {"onHealthIssue": True, "onHealthRestored": True, "onGrab": True}
        prowlarr.notifications.add("Webhook", "Listener", {"url": receiver.url}, **flags)
        prowlarr.fail_indexer(NORTHGATE)
        await prowlarr.tick()
        clock.advance(timedelta(minutes=16))
        await prowlarr.tick()
        result = (await ask.get("/search", query="metropolis", indexerIds=str(NORTHGATE)))[0]
        async with ask.session.get(result["downloadUrl"], allow_redirects=False):
            await prowlarr.idle()
        assert receiver.events == ["Health", "HealthRestored", "Grab"]
        assert receiver.last("Health")["message"] == "Indexers unavailable due to failures: NorthgateHD"
        assert receiver.last("Grab")["release"]["releaseTitle"] == result["title"]
        assert receiver.last("Grab")["instanceName"] == "Prowlarr"
