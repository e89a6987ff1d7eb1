"""What a person types becomes an address; what is stored is neither shown nor sent elsewhere."""

from homeassistant.core import HomeAssistant
from hypothesis import given, strategies as st
import pytest
from yarl import URL

from custom_components.sokoul.connectors import forms
from custom_components.sokoul.connectors.base import Connection, Credentials, Identity
from custom_components.sokoul.connectors.registry import CONNECTORS
from devstack.frame import FaultKind
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import PASSWORD, USERNAME, Names

RADARR = CONNECTORS["radarr"]
QBITTORRENT = CONNECTORS["qbittorrent"]

ADDRESSES = {
    "nas": "http://nas:7878",
    " nas \n": "http://nas:7878",
    "192.168.1.10": "http://192.168.1.10:7878",
    "nas:8000": "http://nas:8000",
    "nas:80": "http://nas",
    "[fd00::5]": "http://[fd00::5]:7878",
    "nas/radarr": "http://nas:7878/radarr",
    # with a scheme the port is that scheme's, as in a browser
    "http://nas": "http://nas",
    "https://radarr.example.org": "https://radarr.example.org",
    "HTTP://NAS:7878": "http://nas:7878",
    # pages of the program
    "http://nas:7878/": "http://nas:7878",
    "http://nas:7878/#/": "http://nas:7878",
    "http://nas:7878/?a=b": "http://nas:7878",
    "http://nas:7878/settings/general": "http://nas:7878",
    "http://nas/radarr/system/status": "http://nas/radarr",
    "http://nas/radarr/login?returnUrl=/radarr/": "http://nas/radarr",
    "http://nas:7878/api/v3": "http://nas:7878",
    # names that a URL base may well have
    "http://nas/series": "http://nas/series",
    "http://nas/media/tv/": "http://nas/media/tv",
    # a login of its own is not kept in an address, which is shown
    "http://owner:secret@nas:7878": "http://nas:7878",
}
NO_ADDRESSES = (
    "",
    " ",
    "http://",
    "://",
    "ftp://nas",
    "file:///etc/passwd",
    "nas:port",
    "nas:99999",
    "nas:0",
    "my nas",
)
NO_ADDRESSES += ("http://na\ts", "http://nas\x00", "[::1", "::1", "javascript:alert(1)")


@pytest.mark.parametrize(("typed", "address"), ADDRESSES.items())
def test_addresses(typed: str, address: str) -> None:
    assert forms.tidy_url(typed, 7878) == address


@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_no_addresses(typed: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        forms.tidy_url(typed, 7878)


@given(st.text(), st.sampled_from(["", "http://", "https://", "nas", "http://nas:7878/", "http://user@nas/"]))
def test_whatever_is_typed_is_an_address_or_refused(typed: str, before: str) -> None:
    try:
        address = forms.tidy_url(before + typed, 7878)
    except ValueError:
        return
    url = URL(address)
    assert url.scheme in {"http", "https"}
    assert url.host
    assert (url.user, url.password, url.query_string, url.fragment) == (None, None, "", "")
    assert forms.tidy_url(address, 7878) == address


STORED = Connection(url="http://nas:8080", username="admin", password="stored")
KEYED = Connection(url="http://nas:8080", api_key="stored")


@pytest.mark.parametrize(
    ("typed", "stored", "kept"),
    [
        # nothing typed: as it was
        (Connection(url="http://nas:8080", username="admin"), STORED, ("admin", "stored", "")),
        (Connection(url="http://nas:8080"), KEYED, ("", "", "stored")),
        # another port, path or scheme of the same host
        (Connection(url="https://nas:9090/x", username="admin"), STORED, ("admin", "stored", "")),
        # another name
        (Connection(url="http://nas:8080", username="root"), STORED, ("root", "stored", "")),
        # something typed counts alone
        (Connection(url="http://nas:8080", username="admin", password="new"), STORED, ("admin", "new", "")),
        (Connection(url="http://nas:8080", username="admin", api_key="key"), STORED, ("admin", "", "key")),
        (Connection(url="http://nas:8080", username="admin", password="new"), KEYED, ("admin", "new", "")),
        # no login any more: a password without a name is of no use
        (Connection(url="http://nas:8080"), STORED, ("", "", "")),
        # another host gets nothing that it wasn't given
        (Connection(url="http://nsa:8080", username="admin"), STORED, ("admin", "", "")),
        (Connection(url="http://nsa:8080"), KEYED, ("", "", "")),
        (Connection(url="http://nas.example:8080"), KEYED, ("", "", "")),
    ],
)
def test_secrets_that_are_kept(typed: Connection, stored: Connection, kept: tuple[str, str, str]) -> None:
    connection = forms.keep_secrets(typed, stored)
    assert (connection.username, connection.password, connection.api_key) == kept
    assert connection.url == typed.url


def test_a_secret_is_not_in_the_representation() -> None:
    assert "stored" not in repr(STORED) + repr(KEYED)


async def test_another_host_is_not_asked_without_the_key(
    hass: HomeAssistant, names: Names, radarr: RadarrSimulator
) -> None:
    names.known |= {"nas"}
    stored = Connection(url=radarr.url, api_key=radarr.api_key)
    trial = await forms.try_connection(hass, RADARR, {"url": f"http://nas:{radarr.port}"}, stored)
    assert (trial.connection, trial.errors) == (None, {"api_key": "secret_needed"})
    assert radarr.requests == []


async def test_another_host_is_asked_without_the_password(
    hass: HomeAssistant, names: Names, qbittorrent: QbittorrentSimulator
) -> None:
    """The new host may know Home Assistant's address and want no login."""
    names.known |= {"nas"}
    stored = Connection(url=qbittorrent.url, username=USERNAME, password=PASSWORD)
    typed = {"url": f"http://nas:{qbittorrent.port}", "username": USERNAME}
    trial = await forms.try_connection(hass, QBITTORRENT, typed, stored)
    assert (trial.connection, trial.errors) == (None, {"password": "secret_needed"})
    assert all(PASSWORD.encode() not in seen.body for seen in qbittorrent.requests)

    trial = await forms.try_connection(hass, QBITTORRENT, {**typed, "password": PASSWORD}, stored)
    assert trial.connection == Connection(**typed, password=PASSWORD)


async def test_what_was_never_stored_is_not_asked_for_again(
    hass: HomeAssistant, names: Names, qbittorrent: QbittorrentSimulator
) -> None:
    names.known |= {"nas"}
    typed = {"url": f"http://nas:{qbittorrent.port}"}
    trial = await forms.try_connection(hass, QBITTORRENT, typed, Connection(url=qbittorrent.url))
    assert trial.errors == {"username": "login_needed"}


async def test_the_reason_is_passed_on_for_the_text(hass: HomeAssistant, radarr: RadarrSimulator) -> None:
    radarr.fault(FaultKind.STATUS, status=400, body='{"message": "The sky is falling"}')
    trial = await forms.try_connection(hass, RADARR, {"url": radarr.url, "api_key": "k"})
    assert trial.errors == {"base": "rejected"}
    assert "The sky is falling" in trial.placeholders["detail"]


def test_titles_are_numbered() -> None:
    named = Identity(version="6", name="Films")
    assert forms.default_title(RADARR, named, set()) == "Films"
    assert forms.default_title(RADARR, named, {"Films", "Films 2"}) == "Films 3"
    assert forms.default_title(RADARR, Identity(version="6"), {"Films"}) == "Radarr"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://nas:7878", "https://NAS:7878/", True),  # one port speaks one of them
        ("http://nas:7878/radarr", "http://nas:7878/Radarr/", True),
        ("http://nas:7878", "http://nas:7879", False),
        ("http://nas:7878", "http://nas:7878/radarr", False),
        ("http://nas", "http://nas:80", True),
    ],
)
def test_the_same_address_is_the_same_backend(one: str, other: str, same: bool) -> None:  # noqa: FBT001 -- a column
    identity = Identity(version="6")
    ids = {forms.unique_id(RADARR, Connection(url=url), identity) for url in (one, other)}
    assert (len(ids) == 1) is same
    assert forms.unique_id(QBITTORRENT, Connection(url=one), identity) not in ids


def test_errors_of_fields_that_are_not_there_go_to_the_top() -> None:
    fields = forms.credential_fields(Credentials.API_KEY)
    errors = {"api_key": "invalid_key", "url": "refused"}
    assert forms.shown_errors(errors, fields) == {"api_key": "invalid_key", "base": "refused"}
