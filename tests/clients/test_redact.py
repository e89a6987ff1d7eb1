"""Secrets go, everything that helps stays."""

import json
import time
from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.sokoul.clients.redact import REDACTED, redact, redact_data

#: Planted secrets, none of which may be left in any result.
KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
PASSWORD = "correct-horse!battery"
PLANTED = (KEY, PASSWORD)

INFO_HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # URLs
        (f"http://nas:7878/api/v3/queue?apikey={KEY}", f"http://nas:7878/api/v3/queue?apikey={REDACTED}"),
        (f"http://nas/1/api?t=search&apikey={KEY}&q=dune", f"http://nas/1/api?t=search&apikey={REDACTED}&q=dune"),
        (f"GET /download?passkey={KEY}&id=7", f"GET /download?passkey={REDACTED}&id=7"),
        (f"https://t.example/dl?torrent_pass={KEY}", f"https://t.example/dl?torrent_pass={REDACTED}"),
        (f"https://t.example/rss?key={KEY}&feed=1", f"https://t.example/rss?key={REDACTED}&feed=1"),
        (f"https://rd.example/?auth_token={KEY}", f"https://rd.example/?auth_token={REDACTED}"),
        (f"url=http%3A%2F%2Fnas%2Fapi%3Fapikey%3D{KEY}", f"url=http%3A%2F%2Fnas%2Fapi%3Fapikey%3D{REDACTED}"),
        (f"http://sokoul:{PASSWORD}@nas:8080/api", f"http://{REDACTED}@nas:8080/api"),
        (f"postgresql+asyncpg://u:{PASSWORD}@db/sokoul", f"postgresql+asyncpg://{REDACTED}@db/sokoul"),
        (f"https://{KEY}@nas/", f"https://{REDACTED}@nas/"),
        (f"https://ha.example/api/webhook/{KEY}", f"https://ha.example/api/webhook/{REDACTED}"),
        # announce URLs
        (f"https://tracker.example/{KEY}/announce", f"https://tracker.example/{REDACTED}/announce"),
        (f"http://t.example:2710/a/{KEY}/announce", f"http://t.example:2710/a/{REDACTED}/announce"),
        (f"https://t.example/announce/{KEY}", f"https://t.example/announce/{REDACTED}"),
        (f"https://t.example/announce.php?passkey={KEY}", f"https://t.example/announce.php?passkey={REDACTED}"),
        (f"https://t.example/tracker.php/{KEY}/announce", f"https://t.example/tracker.php/{REDACTED}/announce"),
        (f"udp://t.example:80/{KEY}/announce?x=1", f"udp://t.example:80/{REDACTED}/announce?x=1"),
        (f"https://t.example/rss/download/9/{KEY}/a.torrent", f"https://t.example/rss/download/9/{REDACTED}/a.torrent"),
        (
            f"magnet:?xt=urn:btih:{INFO_HASH}&dn=A+Film&tr=https%3A%2F%2Ft.example%2F{KEY}%2Fannounce&tr=udp%3A%2F%2Fx",
            f"magnet:?xt=urn:btih:{INFO_HASH}&dn=A+Film&tr={REDACTED}&tr={REDACTED}",
        ),
        # JSON and what looks like it
        (f'{{"apiKey": "{KEY}", "port": 7878}}', f'{{"apiKey": "{REDACTED}", "port": 7878}}'),
        (f'{{"proxy_password":"{PASSWORD} with space"}}', f'{{"proxy_password":"{REDACTED}"}}'),
        (f'{{"token": "a\\"{KEY}"}}', f'{{"token": "{REDACTED}"}}'),
        (f"{{'password': '{PASSWORD}', 'a': 1}}", f"{{'password': '{REDACTED}', 'a': 1}}"),
        (f'"{{\\"refreshToken\\":\\"{KEY}\\",\\"n\\":1}}"', f'"{{\\"refreshToken\\":\\"{REDACTED}\\",\\"n\\":1}}"'),
        (f"Connection(password='{PASSWORD}', port=1)", f"Connection(password='{REDACTED}', port=1)"),
        (f'api_key="{KEY} x" port=1', f'api_key="{REDACTED}" port=1'),
        (f"client_secret: {KEY}", f"client_secret: {REDACTED}"),
        # headers
        (f"X-Api-Key: {KEY}\r\nHost: nas", f"X-Api-Key: {REDACTED}\r\nHost: nas"),
        (f"Authorization: Bearer {KEY}\nHost: nas", f"Authorization: {REDACTED}\nHost: nas"),
        (f"Authorization: Basic {KEY}==", f"Authorization: {REDACTED}"),
        (f"'Authorization': 'Bearer {KEY}', 'Host'", f"'Authorization': '{REDACTED}', 'Host'"),
        (f"Cookie: SID={KEY}; QBT_SID_8080={KEY}", f"Cookie: {REDACTED}"),
        (f"set-cookie: SID={KEY}; HttpOnly", f"set-cookie: {REDACTED}"),
        (f"got QBT_SID_8080={KEY}; path=/", f"got QBT_SID_8080={REDACTED}; path=/"),
        (f"sent Bearer {KEY} to it", f"sent Bearer {REDACTED} to it"),
        # keys that tell themselves
        ("key qbt_" + "a1B2" * 7 + " was refused", f"key {REDACTED} was refused"),
        ("https://api.telegram.org/bot123456789:AAH-" + "x" * 31 + "/me", f"https://api.telegram.org/bot{REDACTED}/me"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJmNj.s-i_g", f"{REDACTED}"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert redact(expected) == expected, "redacting twice changes nothing more"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET /api/v3/queue: 404 (not found)",
        f"torrent {INFO_HASH} is stalled for 6 hours",
        f"magnet:?xt=urn:btih:{INFO_HASH}&dn=Some.Film.2024",
        "udp://tracker.opentrackr.org:1337/announce",
        "https://tracker.example/announce",
        "http://192.168.1.5:8080/radarr/api/v3/movie?tmdbId=603",
        "https://image.tmdb.org/t/p/w500/qJ2tW6WMUDux911r6m7haRef0WH.jpg",
        "The.Secret.Life.of.Walter.Mitty.2013.1080p.BluRay.x264-GRP",
        "Pass the password to the token ring, basic bearer of news",
        "Bearer of bad news, Basic Instinct",
        "bypass=true, compass: north, tokens used: many",
        "12:34:56 2026-11-21T12:00:00+00:00",
        '{"password": "", "token": null, "has_password": true, "api_key_valid": false}',
        "password=None token=null secret: false",
        "user@example.org wrote to http://nas/@admin",
        "C:\\data\\torrents\\a.mkv",
        "a3f5b2c4d6e8f90123456789abcdef01",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("wrong password horse battery", ["horse battery"], f"wrong password {REDACTED}"),
        ("say p%C3%A4ss%2Fword now", ["päss/word"], f"say {REDACTED} now"),
        ("form a+secret%21", ["a secret!"], f"form {REDACTED}"),
        ("longer first: hunter2hunter2", ["hunter2", "hunter2hunter2"], f"longer first: {REDACTED}"),
        ("short words: pw and pwd and spw", ["pw"], f"short words: {REDACTED} and pwd and spw"),
        ("no secret at all", ["", "zzzz"], "no secret at all"),
    ],
)
def test_known_secrets_go_wherever_they_stand(text: str, secrets: list[str], expected: str) -> None:
    assert redact(text, secrets) == expected


def test_data_is_redacted_by_name_and_by_text() -> None:
    data: dict[Any, Any] = {
        "connection": {"url": f"http://u:{PASSWORD}@nas", "username": "sokoul", "password": PASSWORD, "port": 8080},
        "api_key": KEY,
        "web_ui_api_key": "",
        "mail_notification_password": None,
        "token": {"access": KEY, "list": [KEY]},
        "pin": 4711,
        "password": 1234,
        "bypass": "yes",
        "bypass_local_auth": True,
        "password_set": False,
        "secret": True,
        "webhook_id": KEY,
        "torrents": {INFO_HASH: {"tracker": f"https://t.example/{KEY}/announce", "progress": 0.5}},
        "trackers": {f"https://t.example/announce/{KEY}": [INFO_HASH]},
        "lines": (f"Authorization: Bearer {KEY}", "fine"),
        "tags": {"one"},
        "fields": [
            {"name": "host", "value": "nas", "privacy": "normal"},
            {"name": "apiKey", "value": KEY},
            {"name": "user", "value": "me", "privacy": "userName"},
            {"name": "pass", "value": PASSWORD, "privacy": "password"},
            {"name": "cookie", "value": ""},
        ],
        5: "a number as name",
    }
    result = redact_data(data, ["4711"])
    assert result == {
        "connection": {"url": f"http://{REDACTED}@nas", "username": "sokoul", "password": REDACTED, "port": 8080},
        "api_key": REDACTED,
        "web_ui_api_key": "",
        "mail_notification_password": None,
        "token": REDACTED,
        "pin": REDACTED,
        "password": REDACTED,
        "bypass": "yes",
        "bypass_local_auth": True,
        "password_set": False,
        "secret": True,
        "webhook_id": REDACTED,
        "torrents": {INFO_HASH: {"tracker": f"https://t.example/{REDACTED}/announce", "progress": 0.5}},
        "trackers": {f"https://t.example/announce/{REDACTED}": [INFO_HASH]},
        "lines": [f"Authorization: {REDACTED}", "fine"],
        "tags": ["one"],
        "fields": [
            {"name": "host", "value": "nas", "privacy": "normal"},
            {"name": "apiKey", "value": REDACTED},
            {"name": "user", "value": REDACTED, "privacy": "userName"},
            {"name": "pass", "value": REDACTED, "privacy": "password"},
            {"name": "cookie", "value": ""},
        ],
        5: "a number as name",
    }
    assert data["api_key"] == KEY, "the original is left alone"
    assert not any(secret in json.dumps(result) for secret in PLANTED)


@pytest.mark.parametrize(
    "piece",
    [
        "a.",
        "a",
        "1",
        "://",
        "http://",
        "http://a/",
        "/1",
        "token ",
        "token",
        "eyJ-",
        "&tr=",
        "?key",
        "%3D",
        "cookie:",
        '\\"',
    ],
)
def test_hostile_length_takes_no_hostile_time(piece: str) -> None:
    begin = time.process_time()
    redact("http://" + piece * (200_000 // len(piece)) + "!")
    assert time.process_time() - begin < 5, "linear takes a fraction of a second, quadratic takes minutes"


SECRET = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=4, max_size=40).filter(
    lambda secret: secret not in REDACTED
)


@given(before=st.text(), secret=SECRET, after=st.text())
def test_a_known_secret_never_stays(before: str, secret: str, after: str) -> None:
    assert secret not in redact(f"{before}{secret}{after}", [secret]).replace(REDACTED, "")


@given(
    name=st.sampled_from(["apikey", "api_key", "token", "passkey", "password", "access_token", "X-Api-Key"]),
    secret=st.from_regex(r"[A-Za-z0-9]{16,32}", fullmatch=True),
    pattern=st.sampled_from(["http://h/p?{}={}&x=1", '{{"{}": "{}"}}', "{}: {}", "{}={}", '{{"a": 1, "{}":"{}"}}']),
)
def test_a_secret_after_a_telling_name_never_stays(name: str, secret: str, pattern: str) -> None:
    assert secret not in redact(pattern.format(name, secret))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text("abc .-/", max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcd", max_size=5), inner, max_size=4),
)


@given(JSON)
def test_harmless_data_stays(data: Any) -> None:
    assert redact_data(data) == data
    assert orjson.loads(redact(orjson.dumps(data).decode())) == data
