"""Torznab feeds: with the simulated one over real HTTP, and whatever a hostile one may say."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.clients import torznab as api
from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.feed_xml import MAX_ITEMS, MAX_TEXT, NotAFeed, read
from custom_components.sokoul.clients.torznab import Capabilities, TorznabClient
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import Offer, Offers
from devstack.clock import ManualClock
from devstack.dune import DuneWorld, add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.library import Library
from devstack.torznab import API_KEY, BASE, TorznabSimulator

pytestmark = pytest.mark.usefixtures("socket_enabled")

MOVIE, SERIES = TitleKind.MOVIE, TitleKind.SERIES


@pytest.fixture
def dune(clock: ManualClock) -> DuneWorld:
    return add_dune(Library.small(clock.now()))


@pytest.fixture
async def feed(clock: ManualClock, dune: DuneWorld, socket_enabled: None) -> AsyncIterator[TorznabSimulator]:
    async with TorznabSimulator(clock=clock) as simulator:
        simulator.releases = list(dune_releases(dune))
        yield simulator


@pytest.fixture
def client(feed: TorznabSimulator, session: ClientSession, clock: ManualClock) -> TorznabClient:
    return TorznabClient(session, feed.feed_url, API_KEY, name="My feed", now=clock.now)


def asked(feed: TorznabSimulator) -> list[dict[str, str]]:
    """Return the queries of the searches, without what is always there."""
    searches = [dict(request.query) for request in feed.requests if dict(request.query)["t"] != "caps"]
    return [{name: value for name, value in query.items() if name not in {"apikey", "limit"}} for query in searches]


# --- what it can -----------------------------------------------------------------------------------------------------


async def test_capabilities(client: TorznabClient, feed: TorznabSimulator) -> None:
    assert await client.capabilities() == Capabilities(
        title="Jackett",
        any=frozenset({"q"}),
        movies=frozenset({"q", "imdbid", "tmdbid", "year"}),
        series=frozenset({"q", "season", "ep", "imdbid", "tvdbid"}),
        most=100,
    )
    feed.movie_parameters = None
    assert (await client.capabilities()).movies == frozenset()


@pytest.mark.parametrize("ending", ["", "/", "/api", "/api/", "/api?t=caps"])
async def test_addresses_as_programs_show_them(feed: TorznabSimulator, session: ClientSession, ending: str) -> None:
    client = TorznabClient(session, feed.url + BASE + ending, API_KEY)
    await client.check()
    assert {request.path for request in feed.requests} == {f"{BASE}/api"}


async def test_a_wrong_key(feed: TorznabSimulator, session: ClientSession) -> None:
    client = TorznabClient(session, feed.feed_url, "hunter2")
    await client.capabilities()  # those are for everybody
    with pytest.raises(InvalidAuth, match="Incorrect user credentials") as raised:
        await client.check()
    assert "hunter2" not in str(raised.value)
    with pytest.raises(InvalidAuth):
        TorznabClient(session, feed.feed_url, "hunter\n2")


# --- searching -------------------------------------------------------------------------------------------------------


async def test_an_offer(client: TorznabClient, feed: TorznabSimulator, clock: ManualClock) -> None:
    found = await client.search("Dune Part Two 1080p LANTERN")
    release, twin = feed.releases[0], found.offers[1]
    assert found.offers[0] == Offer(
        name=release.title,
        indexer="Open Harbour",
        protocol=Protocol.TORRENT,
        size_bytes=9_100_000_000,
        info_hash=release.info_hash.lower(),
        seeders=812,
        leechers=3,
        age=clock.now() - release.published,
        ids=frozenset({"imdb:tt15239678", "tmdb:693134"}),
        guid=release.guid,
        link=release.magnet,
    )
    assert (twin.name, twin.size_bytes) == (release.title, 9_400_000_000)
    closed = next(offer for offer in found.offers if offer.indexer == "Lantern Vault")
    assert closed.info_hash is None
    assert API_KEY in closed.link
    assert API_KEY not in repr(found)


async def test_hostile_names_come_as_they_are(client: TorznabClient) -> None:
    found = await client.search("Dune onerror")
    assert found.offers[0].name.startswith("<img src=x onerror=alert(1)>{{ states('lock.door') }}")


async def test_an_id_before_words(client: TorznabClient, feed: TorznabSimulator, dune: DuneWorld) -> None:
    found = await client.search("Dune", kind=MOVIE, ids={f"imdb:{dune.lynch.imdb_id}"})
    assert {offer.name.partition(".REM")[0].partition(".1080p")[0] for offer in found.offers} == {"Dune.1984"}
    assert asked(feed) == [{"t": "movie", "imdbid": "0087182", "cat": "2000"}]


async def test_words_where_the_id_finds_nothing(client: TorznabClient, feed: TorznabSimulator) -> None:
    found = await client.search("Dune 1984", kind=MOVIE, ids={"imdb:tt0000007", "tmdb:4"})
    assert len(found.offers) == 2
    assert asked(feed) == [
        {"t": "movie", "imdbid": "0000007", "cat": "2000"},
        {"t": "movie", "q": "Dune 1984", "cat": "2000"},
    ]
    assert await client.search("", kind=MOVIE, ids={"imdb:tt0000007"}) == Offers()


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        ("q,imdbid,year", {"t": "movie", "q": "Dune", "year": "1984", "cat": "2000"}),
        ("q,imdbid", {"t": "movie", "q": "Dune 1984", "cat": "2000"}),
        (None, {"t": "search", "q": "Dune 1984", "cat": "2000"}),
    ],
)
async def test_a_film_of_a_year(
    client: TorznabClient, feed: TorznabSimulator, parameters: str | None, query: dict[str, str]
) -> None:
    feed.movie_parameters = parameters
    found = await client.search("Dune", kind=MOVIE, year=1984)
    assert {"1984" in offer.name for offer in found.offers} == {True}
    assert asked(feed) == [query]


async def test_an_id_needs_no_year_and_a_series_has_none(client: TorznabClient, feed: TorznabSimulator) -> None:
    await client.search("Dune", kind=MOVIE, ids={"imdb:tt0087182"}, year=1984)
    await client.search("Dune Prophecy", kind=SERIES, season=1, year=2024)
    await client.search("", kind=MOVIE, year=1984)
    assert asked(feed) == [
        {"t": "movie", "imdbid": "0087182", "cat": "2000"},
        {"t": "tvsearch", "q": "Dune Prophecy", "season": "1", "cat": "5000"},
    ]


async def test_episodes(client: TorznabClient, feed: TorznabSimulator) -> None:
    found = await client.search("Dune Prophecy", kind=SERIES, season=1, episode=1)
    assert [offer.name[:18] for offer in found.offers] == ["Dune.Prophecy.S01E"]
    assert asked(feed) == [{"t": "tvsearch", "q": "Dune Prophecy", "season": "1", "ep": "1", "cat": "5000"}]


@pytest.mark.parametrize("parameters", [None, "q"])
async def test_episodes_of_a_feed_that_knows_none(
    client: TorznabClient, feed: TorznabSimulator, parameters: str | None
) -> None:
    feed.series_parameters = parameters
    found = await client.search("Dune Prophecy", kind=SERIES, season=1, episode=1, categories=[5000, 5040])
    assert len(found.offers) == 1
    function = "tvsearch" if parameters else "search"
    assert asked(feed) == [{"t": function, "q": "Dune Prophecy S01E01", "cat": "5000,5040"}]


async def test_what_aired_on_a_day(client: TorznabClient, feed: TorznabSimulator) -> None:
    await client.search("Late", kind=SERIES, aired=date(2024, 3, 1))
    for parameters in ("q", "q,season"):  # the year alone would be a season of thousands of episodes
        feed.series_parameters = parameters
        await client.capabilities()
        await client.search("Late", kind=SERIES, aired=date(2024, 3, 1))
    assert asked(feed) == [
        {"t": "tvsearch", "q": "Late", "season": "2024", "ep": "03/01", "cat": "5000"},
        {"t": "tvsearch", "q": "Late 2024 03 01", "cat": "5000"},
        {"t": "tvsearch", "q": "Late 2024 03 01", "cat": "5000"},
    ]


async def test_no_more_than_the_feed_gives_at_once(client: TorznabClient, feed: TorznabSimulator) -> None:
    feed.most = 5
    assert len((await client.search("Dune", limit=50)).offers) == 5
    assert dict(feed.requests[-1].query)["limit"] == "5"


# --- what is new -----------------------------------------------------------------------------------------------------


async def test_the_newest_first(client: TorznabClient, feed: TorznabSimulator, clock: ManualClock) -> None:
    coming = replace(feed.releases[0], guid="coming", published=clock.now() + timedelta(hours=1))
    feed.releases.append(coming)
    found = await client.latest(limit=7)
    newest = sorted(feed.releases[:-1], key=lambda each: each.published, reverse=True)[:7]
    assert [offer.guid for offer in found.offers] == [each.guid for each in newest]
    assert asked(feed) == [{"t": "search", "cat": "2000,5000"}]
    clock.advance(timedelta(hours=1))
    assert (await client.latest(limit=1)).offers[0].guid == "coming"


async def test_no_more_of_what_is_new_than_it_gives(client: TorznabClient, feed: TorznabSimulator) -> None:
    feed.most = 5
    assert len((await client.latest()).offers) == 5
    assert dict(feed.requests[-1].query)["limit"] == "5"
    feed.releases.clear()
    assert await client.latest() == Offers()


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error"),
    [(100, InvalidAuth), (101, InvalidAuth), (200, Refused), (300, NotFound), (500, RateLimited), (900, Refused)],
)
async def test_errors_in_xml(
    client: TorznabClient, feed: TorznabSimulator, code: int, error: type[BackendError]
) -> None:
    feed.error = (code, "No, because   passkey=0123456789abcdef")
    with pytest.raises(error, match="No, because") as raised:
        await client.search("Dune")
    assert "0123456789abcdef" not in str(raised.value)


LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<rss><channel><item><title>&lol2;</title></item></channel></rss>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss><channel><item><title>&x;</title></item></channel></rss>"""
PARAMETER = """<?xml version="1.0"?><!DOCTYPE r SYSTEM "http://127.0.0.1:1/evil.dtd"><rss/>"""


@pytest.mark.parametrize(
    "raw",
    [
        *(
            text.encode()
            for text in (LAUGHS, OUTSIDE, PARAMETER, "", "<rss>", "<rss></caps>", "<a>" * 50, "{}", "\x00")
        ),
        b'<?xml version="1.0" encoding="made-up"?><rss/>',
        b"<rss><channel><item><title>\xff</title></item></channel></rss>",
        ("<rss>" * 1_000_000).encode(),
    ],
    ids=lambda raw: repr(raw[:30]),
)
async def test_hostile_xml(client: TorznabClient, feed: TorznabSimulator, raw: bytes) -> None:
    await client.capabilities()
    feed.raw = raw
    with pytest.raises(UnexpectedResponse):
        await client.search("Dune")


async def test_another_document_is_no_feed(client: TorznabClient, feed: TorznabSimulator) -> None:
    feed.raw = b"<feed xmlns='http://www.w3.org/2005/Atom'/>"
    with pytest.raises(NotTheApi):
        await client.capabilities()
    feed.raw = None
    await client.capabilities()
    feed.raw = b"<caps/>"
    with pytest.raises(NotTheApi):
        await client.search("Dune")


def test_bounds_of_a_feed() -> None:
    many = "<item><title>x</title></item>" * (MAX_ITEMS + 50)
    assert len(read(f"<rss><channel>{many}</channel></rss>".encode()).items) == MAX_ITEMS
    long = f"<rss><item><title>{'x' * (MAX_TEXT * 3)}</title></item></rss>"
    assert len(read(long.encode()).items[0].texts["title"]) == MAX_TEXT
    wide = "<torznab:attr name='seeders' value='1'/>" * 5_000
    text = f"<rss xmlns:torznab='t'><item>{wide}<title>x</title></item></rss>"
    assert len(read(text.encode()).items[0].attributes["seeders"]) <= 200
    with pytest.raises(NotAFeed):
        read(b"<a>" * 30 + b"</a>" * 30)


@pytest.mark.parametrize("around", [("<item ", ">"), ("<title/><torznab:attr ", "/>"), ("<!--", "-->"), ("<?x ", "?>")])
def test_a_tag_has_an_end(around: tuple[str, str]) -> None:
    """Half a million attributes hold up every thread for seconds: expat reads a tag in one go."""
    begin, end = around
    attributes = " ".join(f"a{number}='1'" for number in range(50_000))
    with pytest.raises(NotAFeed, match="one of its tags is too long"):
        read(f"<rss xmlns:torznab='t'><channel>{begin}{attributes}{end}".encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_read_in_pieces_is_read_whole(encoding: str) -> None:
    items = "".join(f"<item><title>\u20ac {number}</title></item>" for number in range(MAX_ITEMS))
    for before in range(40):  # so that every place of an item is once where two pieces meet
        feed = f'<?xml version="1.0" encoding="{encoding}"?><rss>{" " * before}<channel>{items * 2}</channel></rss>'
        found = read(feed.encode(encoding)).items
        assert [each.texts["title"] for each in found] == [f"\u20ac {number}" for number in range(MAX_ITEMS)]


PIECES = st.sampled_from(
    [
        *(
            "<rss>",
            "</rss>",
            "<channel>",
            "<item>",
            "</item>",
            "<title>",
            "</title>",
            "x",
            "&amp;",
            "&lol;",
            "<![CDATA[",
        ),
        *("]]>", "<torznab:attr name='seeders' value='5'/>", "<enclosure url='http://h/x'/>", "<!--", "-->", "<?x y?>"),
        *("<!DOCTYPE r [<!ENTITY lol 'l'>]>", '<?xml version="1.0"?>', "<size>5</size>", "\ud7ff", "\x00", "<", ">"),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=200))
def test_whatever_comes_is_a_document_or_none(text: str) -> None:
    try:
        document = read(text.encode())
    except NotAFeed:
        return
    assert document.root
    assert len(document.items) <= text.count("<item>")
    assert all(len(value) <= len(text) for item in document.items for value in item.texts.values())


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_a_document_or_none(body: bytes) -> None:
    with suppress(NotAFeed):
        assert read(body).root


def test_items_within_items_and_texts_beside() -> None:
    text = "<rss><title>Feed</title><item><title>x</title><item><title>y</title></item><size>5</size></item></rss>"
    (item,) = read(text.encode()).items
    assert item.texts == {"title": "x", "size": "5"}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("<size>-5</size>", {"size_bytes": 0}),
        ("<size>1e9</size><enclosure length='77' url='x'/>", {"size_bytes": 77, "link": ""}),
        (f"<size>{'9' * 30}</size>", {"size_bytes": 0}),
        ("<pubDate>yesterday</pubDate>", {"age": None}),
        ("<pubDate>Thu, 01 Jan 2099 00:00:00 GMT</pubDate>", {"age": timedelta()}),
        ("<pubDate>Thu, 01 Jan 2026 00:00:00</pubDate>", {"age": timedelta(days=1)}),
        ("<link>javascript:alert(1)</link>", {"link": ""}),
        (f"<link>magnet:?xt=urn:btih:{'A' * 40}</link>", {"info_hash": "a" * 40}),
        ("<enclosure url='http://h/x.nzb' type='application/x-nzb'/>", {"protocol": Protocol.USENET}),
        ("<torznab:attr name='imdb' value='0087182'/>", {"ids": frozenset({"imdb:tt0087182"})}),
        ("<torznab:attr name='imdbid' value='tt0000000'/>", {"ids": frozenset()}),
        ("<torznab:attr name='tvdbid' value='no'/>", {"ids": frozenset()}),
        ("<torznab:attr name='seeders' value='5'/><torznab:attr name='peers' value='3'/>", {"leechers": 0}),
        ("<torznab:attr name='seeders' value='many'/>", {"seeders": None, "leechers": None}),
    ],
)
async def test_odd_items(feed: TorznabSimulator, session: ClientSession, item: str, expected: dict[str, Any]) -> None:
    client = TorznabClient(session, feed.feed_url, API_KEY, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    await client.capabilities()
    feed.raw = f"<rss xmlns:torznab='t'><item><title>x</title>{item}</item><item/></rss>".encode()
    (offer,) = (await client.search("x")).offers
    assert {name: getattr(offer, name) for name in expected} == expected


# --- faults ----------------------------------------------------------------------------------------------------------

type Call = Callable[[TorznabClient], Awaitable[Any]]

CALLS: dict[str, Call] = {
    "capabilities": lambda client: client.capabilities(),
    "check": lambda client: client.check(),
    "search": lambda client: client.search("Dune"),
    "latest": lambda client: client.latest(),
}
FAULTS: list[tuple[FaultKind, dict[str, Any], type[BackendError]]] = [
    (FaultKind.DISCONNECT, {}, CannotConnect),
    (FaultKind.HANG, {}, CannotConnect),
    (FaultKind.DRIP, {"delay_seconds": 0.05}, CannotConnect),
    (FaultKind.STATUS, {"status": 204}, UnexpectedResponse),
    (FaultKind.STATUS, {"status": 400}, Refused),
    (FaultKind.STATUS, {"status": 401}, InvalidAuth),
    (FaultKind.STATUS, {"status": 403}, InvalidAuth),
    (FaultKind.STATUS, {"status": 404}, NotFound),
    (FaultKind.STATUS, {"status": 410}, NotFound),
    (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "60"}}, RateLimited),
    (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
    (FaultKind.TRUNCATE, {}, UnexpectedResponse),
    (FaultKind.TRUNCATE_JSON, {}, UnexpectedResponse),
    (FaultKind.HTML, {}, NotTheApi),
    (FaultKind.REDIRECT, {"location": "http://login.example.com/"}, NotTheApi),
    (FaultKind.HUGE, {}, UnexpectedResponse),
]


@pytest.mark.parametrize("call", CALLS)
async def test_faults(
    call: str,
    feed: TorznabSimulator,
    session: ClientSession,
    subtests: pytest.Subtests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "MAX_BYTES", 200_000)
    for kind, options, error in FAULTS:
        with subtests.test(f"{kind} {options}"):
            feed.clear_faults()
            feed.fault(kind, **options)
            slow = kind in {FaultKind.HANG, FaultKind.DRIP}
            client = TorznabClient(session, feed.feed_url, API_KEY, timeout_seconds=0.15 if slow else 10)
            with pytest.raises(error) as raised:
                await CALLS[call](client)
            assert API_KEY not in str(raised.value)
    feed.clear_faults()


async def test_a_search_has_patience_of_its_own(
    client: TorznabClient, feed: TorznabSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.capabilities()
    monkeypatch.setattr(api, "SEARCH_SECONDS", 0.05)
    feed.fault(FaultKind.HANG)
    with pytest.raises(CannotConnect):
        await client.search("Dune")
    feed.clear_faults()
