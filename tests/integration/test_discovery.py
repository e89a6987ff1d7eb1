"""Finding backends: who answers, what the others say, and what is known already."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.connectors import discovery
from custom_components.sokoul.connectors.base import Connection, Connector, Neighbour
from custom_components.sokoul.connectors.discovery import Found, Place, unknown
from custom_components.sokoul.connectors.registry import CONNECTORS
from devstack.docker import DockerSimulator
from devstack.frame import FaultKind, Simulator
from devstack.gluetun import GluetunSimulator
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.seerr import SeerrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import Names
from .flows import saying

RADARR = CONNECTORS["radarr"]
HERE = Connection(url="http://nas:7878", api_key="key")


# --- who answers -----------------------------------------------------------------------------------------------------


async def test_each_program_is_recognised_and_taken_for_no_other(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    docker: DockerSimulator,
    gluetun: GluetunSimulator,
    seerr: SeerrSimulator,
) -> None:
    simulators: dict[str, Simulator] = {
        "radarr": radarr,
        "sonarr": sonarr,
        "prowlarr": prowlarr,
        "qbittorrent": qbittorrent,
        "docker": docker,
        "gluetun": gluetun,
        "seerr": seerr,
    }
    recognised = {
        (kind, other)
        for kind, connector in CONNECTORS.items()
        for other, simulator in simulators.items()
        if await discovery.probe(hass, connector, simulator.url)
    }
    assert recognised == {(kind, kind) for kind, connector in CONNECTORS.items() if connector.sniff is not None}


@pytest.mark.parametrize("version", ["4.5", "5.0", "5.2", "5.3"])
async def test_every_qbittorrent_is_recognised_without_a_login(hass: HomeAssistant, version: str) -> None:
    async with QbittorrentSimulator(version, password="else") as qbittorrent:
        assert await discovery.probe(hass, CONNECTORS["qbittorrent"], qbittorrent.url)
        assert not any(seen.path.endswith("login") for seen in qbittorrent.requests)


@pytest.mark.parametrize("kind", [FaultKind.DISCONNECT, FaultKind.HTML, FaultKind.HUGE])
async def test_other_answers_are_nobody(hass: HomeAssistant, radarr: RadarrSimulator, kind: FaultKind) -> None:
    radarr.fault(kind)
    assert not await discovery.probe(hass, RADARR, radarr.url)
    await radarr.refuse()
    assert not await discovery.probe(hass, RADARR, radarr.url)


# --- what the others say ---------------------------------------------------------------------------------------------


async def told(hass: HomeAssistant, connector: Connector[object, object], *said: Neighbour) -> tuple[Found, ...]:
    return await discovery.neighbours(hass, saying(connector, *said), HERE, "Radarr")


async def test_an_address_inside_the_machine_is_looked_for_at_the_machine_first(
    hass: HomeAssistant, names: Names, qbittorrent: QbittorrentSimulator
) -> None:
    """Radarr's own loopback is not ours, even where something answers on both."""
    names.known |= {"nas"}
    said = Neighbour(kind="qbittorrent", url=qbittorrent.url, username="admin")
    assert await told(hass, RADARR, said) == (
        Found(kind="qbittorrent", url=f"http://nas:{qbittorrent.port}", username="admin", told_by="Radarr"),
    )


async def test_an_address_that_answers_here_is_kept(
    hass: HomeAssistant, names: Names, qbittorrent: QbittorrentSimulator
) -> None:
    names.known |= {"nas", "seedbox.example"}
    url = f"http://seedbox.example:{qbittorrent.port}"
    (found,) = await told(hass, RADARR, Neighbour(kind="qbittorrent", url=url))
    assert (found.url, found.answers) == (url, True)


async def test_an_address_at_which_nobody_answers_is_told_as_it_is(hass: HomeAssistant, names: Names) -> None:
    (found,) = await told(hass, RADARR, Neighbour(kind="qbittorrent", url="http://qbittorrent:8080"))
    assert (found.url, found.answers) == ("http://qbittorrent:8080", False)


async def test_two_names_are_two_programs(hass: HomeAssistant, names: Names, radarr: RadarrSimulator) -> None:
    """Both containers listen on one port; published on the machine it is that of the first."""
    names.known |= {"nas"}
    first, second = (Neighbour(kind="radarr", url=f"http://{host}:{radarr.port}") for host in ("films", "films-4k"))
    found = await told(hass, CONNECTORS["prowlarr"], first, second)
    assert [(each.url, each.answers) for each in found] == [
        (f"http://nas:{radarr.port}", True),
        (f"http://films-4k:{radarr.port}", False),
    ]


@pytest.mark.parametrize("hosts", [("127.0.0.1", "nas"), ("nas", "localhost"), ("nas", "nas")])
async def test_the_same_program_told_twice_is_one(
    hass: HomeAssistant, names: Names, qbittorrent: QbittorrentSimulator, hosts: tuple[str, str]
) -> None:
    """An *arr has an entry for each category, and a person writes the host as it comes."""
    names.known |= {"nas"}
    said = (
        Neighbour(kind="qbittorrent", url=f"http://{host}:{qbittorrent.port}", username=f"user{number}")
        for number, host in enumerate(hosts)
    )
    (found,) = await told(hass, RADARR, *said)
    assert found.url == f"http://nas:{qbittorrent.port}"


async def test_what_is_not_supported_or_no_address_is_left_out(hass: HomeAssistant, names: Names) -> None:
    said = (
        Neighbour(kind="transmission", url="http://transmission:9091"),
        Neighbour(kind="qbittorrent", url="http://[qbittorrent:8080"),
        Neighbour(kind="qbittorrent", url="qbittorrent:8080"),
        Neighbour(kind="qbittorrent", url="http:///api"),
    )
    assert await told(hass, RADARR, *said) == ()


async def test_a_teller_that_fails_tells_nothing(hass: HomeAssistant) -> None:
    assert await discovery.neighbours(hass, saying(RADARR, error=CannotConnect("away")), HERE, "Radarr") == ()


# --- what is known already -------------------------------------------------------------------------------------------


def found(*urls: str, kind: str = "radarr") -> list[Found]:
    return [Found(kind=kind, url=url) for url in urls]


def known(*programs: str, kind: str = "radarr") -> list[set[Place]]:
    """Return programs, each as its addresses with blanks between them."""
    return [{Place(kind, url) for url in program.split()} for program in programs]


@pytest.mark.parametrize(
    ("told_urls", "programs", "new"),
    [
        # the same address, however it is written
        (["http://nas:7878"], ["http://nas:7878"], []),
        (["http://nas:7878/"], ["http://NAS:7878"], []),
        (["http://nas"], ["http://nas:80"], []),
        # a container's name may be that of anything at this port
        (["http://radarr:7878"], ["http://192.168.1.10:7878"], []),
        (["http://172.18.0.5:7878"], ["http://192.168.1.10:7878"], []),
        (["http://localhost:7878"], ["http://192.168.1.10:7878"], []),
        (["http://nas.local:7878"], ["http://192.168.1.10:7878"], []),
        # but two addresses of the home network, or two domains, are two machines
        (["http://192.168.1.11:7878"], ["http://192.168.1.10:7878"], ["http://192.168.1.11:7878"]),
        (["https://films.example.org"], ["https://tv.example.org"], ["https://films.example.org"]),
        # another port or path is another program
        (["http://nas:7879"], ["http://nas:7878"], ["http://nas:7879"]),
        (["http://nas/radarr4k"], ["http://nas/radarr"], ["http://nas/radarr4k"]),
        # what is told as two is two
        (["http://radarr:7878", "http://radarr4k:7878"], ["http://nas:7878"], ["http://radarr4k:7878"]),
        (["http://radarr4k:7878", "http://nas:7878"], ["http://nas:7878"], ["http://radarr4k:7878"]),
        # a program that is known by two names counts once
        (["http://qb:8080", "http://qb2:8080"], ["http://nas:8080 http://qb:8080"], ["http://qb2:8080"]),
        ([], ["http://nas:7878"], []),
        (["http://nas:7878"], [], ["http://nas:7878"]),
    ],
)
def test_what_is_new(told_urls: list[str], programs: list[str], new: list[str]) -> None:
    assert unknown(found(*told_urls), known(*programs)) == found(*new)


def test_another_kind_is_another_program() -> None:
    assert unknown(found("http://nas:7878"), known("http://nas:7878", kind="sonarr")) == found("http://nas:7878")
