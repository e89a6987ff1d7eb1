"""What is behind a link: magnets, .torrent files and redirects are read, everything else is refused with its reason."""

from collections.abc import Mapping
import hashlib
import time

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.acquire import links
from custom_components.sokoul.acquire.links import Fetched, LinkRefused, Payload, read_magnet, read_torrent, resolve

HASH = "aabbccddeeff00112233445566778899aabbccdd"
PROWLARR = "http://192.168.1.5:9696"


def bencode(value: object) -> bytes:
    """BEP 3, written here from its text."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return bencode(value.encode())
        case list():
            return b"l" + b"".join(map(bencode, value)) + b"e"
        case dict():
            return b"d" + b"".join(bencode(key) + bencode(each) for key, each in value.items()) + b"e"
    raise TypeError(value)


INFO = {"length": 4096, "name": "Harbor.Lights.2019.mkv", "piece length": 16384, "pieces": b"\x00" * 20}
TORRENT = bencode({"announce": "https://tracker.example/announce", "info": INFO})
TORRENT_HASH = hashlib.sha1(bencode(INFO), usedforsecurity=False).hexdigest()


def refused(key: str, work: object) -> None:
    assert callable(work)
    with pytest.raises(LinkRefused) as caught:
        work()
    assert caught.value.reason.key == f"grab.{key}"


# --- magnets ---------------------------------------------------------------------------------------------------------


def test_a_magnet_is_written_anew() -> None:
    read = read_magnet(
        f"magnet:?xt=urn:btih:{HASH.upper()}&dn=Harbor%20Lights&xl=4096"
        "&tr=udp%3A%2F%2Ftracker.example%3A1337&tr=https%3A%2F%2Fprivate.example%2Fkey%2Fannounce"
        "&tr=http%3A%2F%2F192.168.1.1%2Fadmin&tr=ftp%3A%2F%2Ftracker.example"
        "&ws=http%3A%2F%2F192.168.1.1%2Ffile&xs=http%3A%2F%2F10.0.0.1%2Fa.torrent&x.pe=10.0.0.1%3A80&as=file:///etc/passwd"
    )
    assert read.link.info_hash == HASH
    assert (read.name, read.size_bytes, read.private) == ("Harbor Lights", 4096, None)
    assert read.link.magnet == (
        f"magnet:?xt=urn:btih:{HASH}&dn=Harbor%20Lights"
        "&tr=udp%3A%2F%2Ftracker.example%3A1337&tr=https%3A%2F%2Fprivate.example%2Fkey%2Fannounce"
    )


def test_older_and_newer_magnets_are_read() -> None:
    assert read_magnet("magnet:?xt=urn:btih:VK54ZXPO74ABCIRTIRKWM54ITGVLXTG5").link.info_hash == HASH
    second = "1220" + "ab" * 32
    both = read_magnet(f"magnet:?xt=urn:btmh:{second}&xt=urn:btih:{HASH}")
    assert both.link.info_hash == "ab" * 20
    assert both.link.magnet == f"magnet:?xt=urn:btih:{HASH}&xt=urn:btmh:{second}"


@pytest.mark.parametrize(
    "link",
    [
        "magnet:?",
        "magnet:?dn=Harbor",
        "magnet:?xt=urn:btih:short",
        "magnet:?xt=urn:sha1:VK54ZXPO74ABCIRTIRKWM54ITGVLXTG5",
        f"magnet:?xt=urn:btmh:1221{'ab' * 32}",
    ],
)
def test_a_magnet_without_a_torrent_is_refused(link: str) -> None:
    refused("link_no_torrent", lambda: read_magnet(link))


def test_a_magnet_that_is_too_long_or_holds_odd_characters_is_refused() -> None:
    refused("link_address", lambda: read_magnet(f"magnet:?xt=urn:btih:{HASH}&dn=" + "a" * links.MAX_LINK))
    refused("link_address", lambda: read_magnet(f"magnet:?xt=urn:btih:{HASH}\r\nX-Header: 1"))
    refused("link_address", lambda: read_magnet(f"magnet:?xt=urn:btih:{HASH}" + "&a=1" * 500))


def test_what_a_name_holds_is_one_line() -> None:
    assert read_magnet(f"magnet:?xt=urn:btih:{HASH}&dn=Harbor%0aLights%1b%5b31m").name == "Harbor Lights [31m"


# --- .torrent files --------------------------------------------------------------------------------------------------


def test_a_torrent_is_read() -> None:
    assert read_torrent(TORRENT) == Payload(
        link=links.ResolvedLink(info_hash=TORRENT_HASH, torrent=TORRENT),
        name="Harbor.Lights.2019.mkv",
        size_bytes=4096,
        private=False,
    )


def test_the_sizes_of_all_files_count() -> None:
    files = [{"length": 10, "path": ["a"]}, {"length": 20, "path": ["b"]}, {"length": -5, "path": ["c"]}, {"path": []}]
    several = bencode({"info": {"files": files, "name": "Pack", "pieces": b"", "private": 1}})
    assert (read_torrent(several).size_bytes, read_torrent(several).private) == (30, True)
    tree = {"Pack": {"a.mkv": {"": {"length": 7}}, "b.mkv": {"": {"length": 8, "pieces root": b"x"}}}}
    second = {"file tree": tree, "meta version": 2, "name": "Pack"}
    read = read_torrent(bencode({"info": second}))
    assert read.size_bytes == 15
    assert read.link.info_hash == hashlib.sha256(bencode(second)).hexdigest()[:40]
    both = bencode({"info": {"file tree": tree, "length": 3, **second}})
    assert read_torrent(both).size_bytes == 15, "the larger one: clients differ in which counts"


@pytest.mark.parametrize("version", [1, 3, "2"])
def test_only_the_second_version_has_the_other_hash(version: object) -> None:
    """What is under another hash than ours could not be taken back."""
    info = {"length": 1, "meta version": version, **INFO}
    hashed = hashlib.sha1(bencode(info), usedforsecurity=False).hexdigest()
    assert read_torrent(bencode({"info": info})).link.info_hash == hashed


PUBLIC = "https://tracker.example/announce"
INSIDE = (
    "http://192.168.1.1/reboot",
    "http://localhost:8080/api",
    "udp://nas:80",
    "file:///etc/passwd",
    "http://[::1]/",
)


@pytest.mark.parametrize("inside", INSIDE)
def test_addresses_of_the_own_network_leave_a_torrent(inside: str) -> None:
    """A download client would ask them by itself; what the hash is of stays, byte by byte."""
    hostile = {
        "announce": inside,
        "announce-list": [[inside], [PUBLIC, inside]],
        "comment": inside,
        "httpseeds": [inside],
        "info": INFO,
        "nodes": [["192.168.1.1", 80], ["router.example", 6881]],
        "url-list": [inside, "https://mirror.example/"],
    }
    read = read_torrent(bencode(hostile))
    assert read.link.info_hash == TORRENT_HASH
    assert read.link.torrent == bencode(
        {
            "announce-list": [[PUBLIC]],
            "comment": inside,
            "info": INFO,
            "nodes": [["router.example", 6881]],
            "url-list": ["https://mirror.example/"],
        }
    )
    only = read_torrent(bencode({"info": INFO, "url-list": inside}))
    assert only.link.torrent == bencode({"info": INFO})


@pytest.mark.parametrize(
    "odd", [["router.example", {}], ["router.example", 1, {}], ["router.example"], [7, 80], [[], 1]]
)
def test_what_is_no_node_is_none(odd: list[object]) -> None:
    """Whatever stands beside one that leads into the own network."""
    read = read_torrent(bencode({"info": INFO, "nodes": [["192.168.1.1", 80], odd, ["router.example", 6881]]}))
    assert read.link.torrent == bencode({"info": INFO, "nodes": [["router.example", 6881]]})


@pytest.mark.parametrize("odd", [7, ["a", 7], [[["x"]]], {"a": "b"}, "x"])
def test_what_is_no_address_is_none(odd: object) -> None:
    read = read_torrent(bencode({"announce": odd, "info": INFO, "nodes": odd}))
    assert (read.link.info_hash, read.link.torrent) == (TORRENT_HASH, bencode({"info": INFO}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html>You have to log in</html>",
        b"le",
        b"i1e",
        b"de",
        bencode({"info": []}),
        bencode({"info": {"name": "no pieces"}}),
        TORRENT + b"behind",
        TORRENT[:-1],
        b"d4:infod6:lengthi1e4:name999999999:ee",
        b"d4:infod6:lengthi" + b"9" * 5_000 + b"e4:name1:a6:pieces0:ee",
        b"d4:infod6:pieces0:ee4:infod6:pieces0:ee",
        b"d4:infod6:pieces0:e4:infod6:pieces1:aee",
        b"l" * 5_000,
        b"d1:a" * 5_000,
        b"d4:info" + b"l" * 200 + b"e" * 200 + b"e",
    ],
)
def test_what_is_no_torrent_is_refused(body: bytes) -> None:
    refused("link_no_torrent", lambda: read_torrent(body))


def test_a_huge_body_is_refused_and_a_hostile_one_is_read_at_once() -> None:
    refused("link_too_large", lambda: read_torrent(b"d" + b"0:" * links.MAX_TORRENT_BYTES))
    started = time.process_time()
    refused("link_no_torrent", lambda: read_torrent(b"l" + b"0:" * 3_000_000 + b"e"))
    assert time.process_time() - started < 10


@given(st.binary(max_size=200) | st.lists(st.sampled_from([b"d", b"l", b"e", b"i1e", b"1:a", b"4:info"])).map(b"".join))
def test_any_bytes_are_a_torrent_or_refused(body: bytes) -> None:
    said = "read"
    try:
        assert len(read_torrent(body).link.info_hash) == 40
    except LinkRefused as error:
        said = error.reason.key
    assert said in {"read", "grab.link_no_torrent"}


# --- addresses -------------------------------------------------------------------------------------------------------

PRIVATE = (
    *("localhost", "LOCALHOST.", "router", "nas.local", "a.lan", "a.home.arpa", "metadata.google.internal"),
    *("127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0x7f000001", "10.0.0.1", "192.168.1.1"),
    *("172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "[::1]", "[fe80::1]"),
    *("[fd00::1]", "[::ffff:127.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[ff02::1]"),
    *("127\u30020\u30020\u30021", "\uff11\uff12\uff17.1"),
)  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_addresses_of_the_own_network_are_refused(host: str) -> None:
    refused("link_private", lambda: links.check_address(f"http://{host}/a.torrent"))
    links.check_address(f"http://{host}/a.torrent", own=True)


@pytest.mark.parametrize(
    "host", ["tracker.example", "93.184.216.34", "[2606:2800:220:1::1]", "a.b.c.example.", "1.example"]
)
def test_addresses_of_the_internet_are_taken(host: str) -> None:
    links.check_address(f"https://{host}:8443/a.torrent?key=1")


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("file:///etc/passwd", "link_scheme"),
        ("ftp://tracker.example/a.torrent", "link_scheme"),
        ("gopher://tracker.example", "link_scheme"),
        ("javascript:alert(1)", "link_scheme"),
        ("data:application/x-bittorrent;base64,ZGU=", "link_scheme"),
        ("//tracker.example/a", "link_scheme"),
        ("a.torrent", "link_scheme"),
        ("", "link_scheme"),
        ("http://", "link_address"),
        ("http:///a", "link_address"),
        ("http://user:pass@tracker.example/a", "link_address"),
        ("http://@192.168.1.1/a", "link_address"),
        ("http://tracker.example\\@192.168.1.1/a", "link_address"),
        ("http://tracker.example:99999/a", "link_address"),
        ("http://[::1/a", "link_address"),
        ("http://tracker.example/a\r\nHost: b", "link_address"),
        ("http://tracker.example/" + "a" * links.MAX_LINK, "link_address"),
    ],
)
def test_odd_addresses_are_refused(url: str, key: str) -> None:
    refused(key, lambda: links.check_address(url))


@pytest.mark.parametrize("letter", ["\u212a", "\u017f"])  # whose small or capital letters are k and s
def test_what_only_looks_like_a_hash_is_refused(letter: str) -> None:
    with pytest.raises(LinkRefused):
        read_magnet(f"magnet:?xt=urn:btih:{letter}{'A' * 31}")


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for link in (text, f"http://{text}", f"magnet:?{text}"):
        for check in (links.check_address, read_magnet):
            said = "grab.link_none"
            try:
                check(link)
            except LinkRefused as error:
                said = error.reason.key
            assert said.startswith("grab.link_")


# --- the way through -------------------------------------------------------------------------------------------------


class Web:
    """Answers by address, and notes who was asked."""

    def __init__(self, answers: Mapping[str, Fetched]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, bool]] = []

    async def __call__(self, url: str, *, own: bool) -> Fetched:
        self.asked.append((url, own))
        return self.answers[url]


def to(location: str, status: int = 301) -> Fetched:
    return Fetched(status=status, location=location)


async def test_a_redirect_of_an_own_backend_to_a_magnet_is_followed() -> None:
    link = f"{PROWLARR}/1/download?apikey=secret&link=abc"
    web = Web({link: to(f"magnet:?xt=urn:btih:{HASH}&dn=Harbor")})
    read = await resolve(link, web, own={PROWLARR})
    assert read.link.info_hash == HASH
    assert web.asked == [(link, True)]


async def test_redirects_are_followed_to_a_torrent() -> None:
    web = Web({
        "https://a.example/1": to("/2", 302),
        "https://a.example/2": to("//b.example/3", 307),
        "https://b.example/3": Fetched(status=200, body=TORRENT),
    })  # fmt: skip
    assert (await resolve("https://a.example/1", web)).link.info_hash == TORRENT_HASH
    assert [own for _, own in web.asked] == [False] * 3


@pytest.mark.parametrize(
    ("location", "key"),
    [
        (f"{PROWLARR}/api/v1/system/shutdown", "link_private"),  # from outside not even to an own backend
        ("http://192.168.1.1/", "link_private"),
        ("file:///etc/passwd", "link_scheme"),
        ("http://[::1", "link_address"),
        ("magnet:?dn=nothing", "link_no_torrent"),
    ],
)
async def test_a_foreign_host_leads_nowhere_within(location: str, key: str) -> None:
    web = Web({"https://a.example/1": to(location)})
    with pytest.raises(LinkRefused) as caught:
        await resolve("https://a.example/1", web, own={PROWLARR})
    assert caught.value.reason.key == f"grab.{key}"
    assert len(web.asked) == 1


async def test_one_that_came_from_an_own_backend_is_foreign_once_it_left() -> None:
    web = Web({f"{PROWLARR}/1": to("https://a.example/"), "https://a.example/": to(f"{PROWLARR}/2")})
    with pytest.raises(LinkRefused) as caught:
        await resolve(f"{PROWLARR}/1", web, own={PROWLARR})
    assert caught.value.reason.key == "grab.link_private"


async def test_there_is_an_end_to_redirects_and_failures_are_told() -> None:
    web = Web({"https://a.example/1": to("https://a.example/1")})
    with pytest.raises(LinkRefused) as caught:
        await resolve("https://a.example/1", web)
    assert caught.value.reason.key == "grab.link_redirects"
    assert len(web.asked) == links.MAX_REDIRECTS + 1
    web = Web({"https://a.example/1": Fetched(status=404), "https://a.example/2": Fetched(status=302)})
    for each in web.answers:
        with pytest.raises(LinkRefused) as caught:
            await resolve(each, web)
        assert caught.value.reason.key == "grab.link_status"


def test_the_same_origin_has_one_spelling() -> None:
    assert links.origin_of("http://Prowlarr.example:80/a") == links.origin_of("http://prowlarr.example.") != ""
    assert links.origin_of("https://prowlarr.example") != links.origin_of("http://prowlarr.example")
    assert links.origin_of("http://[::1") == links.origin_of("file:///a") == ""
