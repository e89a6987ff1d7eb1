"""What the hub knows of files for those who act: how an *arr sees a path, and who else may use the same data."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import cast

import pytest

from custom_components.sokoul import hands as hub_hands
from custom_components.sokoul.hands import HubHands
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.downloads import Torrent
from custom_components.sokoul.model.library import ArrWiring, RemotePathMapping
from custom_components.sokoul.model.paths import NO_ACCESS, JudgedMap, PathMap, PathState
from tests.model import make

SEEDBOX = make.link(id=1, name="Seedbox", host="seedbox")
NAS = make.link(id=2, name="NAS", host="nas")
MAPPINGS = (
    RemotePathMapping(host="seedbox", remote_path="/downloads/", local_path="/mnt/seedbox/"),
    RemotePathMapping(host="nas", remote_path="/downloads/", local_path="/mnt/nas/"),
)


def hands(*backends: Backend) -> HubHands:
    """Return the hands at backends that are in this state."""
    view = SimpleNamespace(world=lambda _now: make.world(*backends))
    return HubHands(cast("Hub", SimpleNamespace(view=view)))


# --- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client_id", "hosts", "seen"),
    [
        pytest.param("seedbox", ("seedbox", "nas"), "/mnt/seedbox/Film", id="the first of two clients"),
        pytest.param("nas", ("seedbox", "nas"), "/mnt/nas/Film", id="the second one, by its own mapping"),
        pytest.param("unknown", ("seedbox", "nas"), "/downloads/Film", id="nobody knows by which of the two"),
        pytest.param("unknown", ("nas",), "/mnt/nas/Film", id="only one mapping could be meant"),
    ],
)
def test_an_arr_with_two_clients_maps_each_by_its_own_host(client_id: str, hosts: tuple[str, ...], seen: str) -> None:
    links = [link for link in (SEEDBOX, NAS) if link.host in hosts]
    radarr = make.arr(wiring=ArrWiring(download_clients=tuple(links), path_mappings=MAPPINGS, hardlinks=True))
    clients = [make.qbittorrent(id=str(link.host), url=f"http://{link.host}:8080") for link in links]
    assert hands(radarr, *clients).arr_path("radarr", client_id, "/downloads/Film") == seen


# --- files that others use -------------------------------------------------------------------------------------------

FILM = make.torrent(1, content_path="/downloads/Film")


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        pytest.param(make.torrent(2, content_path="/downloads/Other", size_bytes=1), False, id="another one"),
        pytest.param(make.torrent(2, content_path="/downloads/Film"), True, id="the same folder"),
        pytest.param(make.torrent(2, content_path="/downloads/Film/Film.mkv", size_bytes=1), True, id="a file in it"),
        pytest.param(make.torrent(2, content_path="/downloads"), True, id="a folder around it"),
        pytest.param(make.torrent(2, content_path=""), True, id="nobody knows where it is"),
    ],
)
def test_torrents_of_one_client_share_what_lies_in_one_folder(other: Torrent, shared: bool) -> None:  # noqa: FBT001 -- a case
    assert hands(make.qbittorrent(FILM, other)).shares_files("qbt", FILM) is shared


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        pytest.param(make.torrent(1, content_path="/data/Film"), True, id="it calls the folder by another path"),
        pytest.param(make.torrent(2, content_path="/data/Film", size_bytes=1), True, id="the same name, partly wanted"),
        pytest.param(make.torrent(2, content_path="/data/Renamed"), True, id="the same size to the byte"),
        pytest.param(make.torrent(2, content_path="/data/Other", size_bytes=1), False, id="another one"),
    ],
)
def test_two_clients_may_have_two_paths_to_one_folder(other: Torrent, shared: bool) -> None:  # noqa: FBT001 -- a case
    clients = make.qbittorrent(FILM), make.qbittorrent(other, id="seeder", url="http://seeder:8080")
    assert hands(*clients).shares_files("qbt", FILM) is shared


@pytest.mark.parametrize(
    "away",
    [
        pytest.param(make.qbittorrent(id="seeder", snapshot=None), id="never read since the start"),
        pytest.param(make.qbittorrent(id="seeder", available=False), id="away now"),
    ],
)
def test_what_a_client_that_can_not_be_asked_uses_is_not_known(away: Backend) -> None:
    assert hands(make.qbittorrent(FILM)).shares_files("qbt", FILM) is False
    assert hands(make.qbittorrent(FILM), away).shares_files("qbt", FILM) is None
    same = make.torrent(2, content_path="/downloads/Film")
    assert hands(away, make.qbittorrent(FILM, same)).shares_files("qbt", FILM) is True


def test_a_torrent_without_a_path_may_lie_anywhere() -> None:
    assert hands(make.qbittorrent(FILM)).shares_files("qbt", make.torrent(3, content_path="")) is True


# --- are its files there? --------------------------------------------------------------------------------------------

DATA = PathMap("/data", "/media")


def who_looks(prove: Callable[[], Awaitable[tuple[JudgedMap, ...] | None]]) -> HubHands:
    """Return hands whose hub looks for the files of a client so."""
    paths = SimpleNamespace(prove=lambda _backend: prove())
    return HubHands(cast("Hub", SimpleNamespace(backends={"qbt": object()}, paths=paths)))


@pytest.mark.parametrize(
    ("maps", "found"),
    [
        pytest.param((JudgedMap(map=DATA, state=PathState.PROVEN),), True, id="they are"),
        pytest.param((JudgedMap(map=DATA, state=PathState.REFUTED),), False, id="something else is"),
        pytest.param((JudgedMap(map=DATA, state=PathState.UNPROVEN),), None, id="too few to be sure"),
        pytest.param((NO_ACCESS,), None, id="not in sight"),
        pytest.param(None, None, id="its client named none"),
    ],
)
async def test_the_files_of_a_folder_are_looked_for_now(
    *, maps: tuple[JudgedMap, ...] | None, found: bool | None
) -> None:
    async def prove() -> tuple[JudgedMap, ...] | None:
        return maps

    assert await who_looks(prove).finds_files("qbt", "/data/films") is found
    assert await who_looks(prove).finds_files("other", "/data/films") is None


async def test_a_mount_that_hangs_is_not_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    async def prove() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(hub_hands, "LOOK_SECONDS", 0.01)
    assert await who_looks(prove).finds_files("qbt", "/data/films") is None
