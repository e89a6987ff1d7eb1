"""Which container a backend runs in, and who borrows whose network."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.containers import (
    Container,
    ContainerDetails,
    ContainerHealth,
    ContainerState,
    MatchedBy,
    PublishedPort,
    dependants,
    find_container,
    lender,
    lost_network,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def box(
    name: str, image: str = "", *, publishes: int = 0, at: str = "0.0.0.0", borrows: str = "", **fields: object
) -> Container:
    ports = (PublishedPort(host_port=publishes, container_port=80, address=at),) if publishes else ()
    mode = f"container:{borrows}" if borrows else "bridge"
    made = {
        "id": (name.encode().hex() * 64)[:64],
        "image": image or f"example/{name}:1",
        "ports": ports,
        "network_mode": mode,
    }
    return Container(name=name, **{**made, **fields})  # type: ignore[arg-type]  # what a test names


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    kind: str
    host: str
    port: int
    containers: tuple[Container, ...]
    found: str | None
    by: MatchedBy | None = None
    engine_hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "nas.local", "192.168.1.5"})


RADARR = box("radarr", "lscr.io/linuxserver/radarr:latest", publishes=7878)
RADARR_4K = box("radarr4k", "lscr.io/linuxserver/radarr:latest", publishes=7879)
SONARR = box("sonarr", "ghcr.io/hotio/sonarr", publishes=8989)
GLUETUN = box("gluetun", "qmcgaw/gluetun", publishes=8080)
QBITTORRENT = box("qbittorrent", "lscr.io/linuxserver/qbittorrent", borrows=GLUETUN.id)
PORT_HELPER = box("port-helper", "example/port-helper", borrows=GLUETUN.id)
NAME, PORT, IMAGE = MatchedBy


def row(
    name: str,
    kind: str,
    address: str,
    containers: tuple[Container, ...],
    found: str | None,
    by: MatchedBy | None = None,
) -> Row:
    host, _, port = address.rpartition(":")
    return Row(name=name, kind=kind, host=host, port=int(port), containers=containers, found=found, by=by)


ROWS = (
    row("by its name in the engine's network", "radarr", "radarr:7878", (SONARR, RADARR), "radarr", NAME),
    row("whatever the case of the letters", "radarr", "Radarr:7878", (RADARR,), "radarr", NAME),
    row("by the name of its compose service", "radarr", "movies:7878",
        (box("media-movies-1", service="movies"), RADARR), "media-movies-1", NAME),
    row("by another name that it has there", "radarr", "films:7878",
        (box("x", hosts=frozenset({"films"})), RADARR), "x", NAME),
    row("by its address there", "radarr", "172.18.0.5:7878", (box("x", hosts=frozenset({"172.18.0.5"})),), "x", NAME),
    row("by the port that it publishes", "radarr", "nas.local:7878", (SONARR, RADARR), "radarr", PORT),
    row("two of a kind: the port tells", "radarr", "192.168.1.5:7879", (RADARR, RADARR_4K), "radarr4k", PORT),
    row("what publishes the port need not look like it", "radarr", "localhost:7878",
        (box("x", "example/anything", publishes=7878),), "x", PORT),
    row("a port of one address of the machine", "radarr", "192.168.1.5:7878",
        (box("radarr", "a/b", publishes=7878, at="192.168.1.5"),), "radarr", PORT),
    row("a port of another address of the machine", "radarr", "192.168.1.5:7878",
        (box("x", "a/b", publishes=7878, at="10.0.0.1"),), None),
    row("another port", "radarr", "localhost:7879", (box("x", publishes=7878),), None),
    row("the port of another machine", "radarr", "other.local:7878", (box("x", publishes=7878),), None),
    row("behind a VPN it is the borrower that answers", "qbittorrent", "gluetun:8080",
        (GLUETUN, QBITTORRENT), "qbittorrent", NAME),
    row("behind a VPN, by the port that the VPN publishes", "qbittorrent", "nas.local:8080",
        (GLUETUN, PORT_HELPER, QBITTORRENT), "qbittorrent", PORT),
    row("the VPN itself", "gluetun", "nas.local:8080", (GLUETUN, QBITTORRENT), "gluetun", PORT),
    row("behind a VPN, and nothing says which one", "qbittorrent", "nas.local:8080", (GLUETUN, PORT_HELPER), None),
    row("a borrower by its own name", "qbittorrent", "qbittorrent:8080", (GLUETUN, QBITTORRENT), "qbittorrent", NAME),
    row("the only one of its kind: likely", "radarr", "radarr.example.org:443", (SONARR, RADARR), "radarr", IMAGE),
    row("two of its kind: no telling", "radarr", "radarr.example.org:443", (RADARR, RADARR_4K), None),
    row("the image says more than a name", "radarr", "example.org:443",
        (RADARR, box("radarr-helper", "a/helper")), "radarr", IMAGE),
    row("what goes along with it is not it", "radarr", "example.org:443",
        (box("radarr-exporter", "a/radarr-exporter"), box("db", "a/postgres", service="radarr-db")), None),
    row("an image with a digest", "sonarr", "example.org:443",
        (box("tv", "ghcr.io/hotio/sonarr@sha256:0123"),), "tv", IMAGE),
    row("a registry with a port", "sonarr", "example.org:443", (box("tv", "nas:5000/sonarr:4"),), "tv", IMAGE),
    row("an image that holds more", "qbittorrent", "example.org:443",
        (box("torrents", "binhex/arch-qbittorrentvpn"),), "torrents", IMAGE),
    row("the network of the host", "radarr", "nas.local:7878",
        (box("movies", "lscr.io/linuxserver/radarr", network_mode="host"),), "movies", IMAGE),
    row("nothing of the kind", "prowlarr", "prowlarr:9696", (RADARR, SONARR), None),
    row("no containers", "radarr", "radarr:7878", (), None),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_the_container_of_a_backend(case: Row) -> None:
    match = find_container(case.kind, case.host, case.port, case.containers, engine_hosts=case.engine_hosts)
    assert (match.container.name if match else None, match.by if match else None) == (case.found, case.by)


@given(st.permutations([RADARR, RADARR_4K, SONARR, GLUETUN, QBITTORRENT, PORT_HELPER]))
def test_the_order_of_the_list_does_not_matter(containers: list[Container]) -> None:
    for kind, host, port in (("radarr", "localhost", 7878), ("qbittorrent", "gluetun", 8080), ("sonarr", "x", 1)):
        found = find_container(kind, host, port, containers)
        assert found == find_container(kind, host, port, sorted(containers, key=lambda each: each.name))
        assert found is not None


def test_borrowers_are_known_by_id_its_beginning_or_name() -> None:
    short = box("short", borrows=GLUETUN.id[:12])
    named = box("named", borrows="gluetun")
    others = (box("other", borrows="f" * 64), box("too-short", borrows=GLUETUN.id[:4]), RADARR, GLUETUN)
    assert dependants(GLUETUN, (QBITTORRENT, short, named, *others)) == (QBITTORRENT, short, named)
    for borrower in (QBITTORRENT, short, named):
        assert lender(borrower, (RADARR, GLUETUN)) is GLUETUN
    for other in others:
        assert lender(other, (RADARR, GLUETUN)) is None
    assert lender(box("compose", network_mode="service:gluetun"), (GLUETUN,)) is None


@pytest.mark.parametrize(
    ("borrower", "lent", "state", "lost"),
    [
        (0, -1, ContainerState.RUNNING, False),
        (0, 1, ContainerState.RUNNING, True),
        (0, 0, ContainerState.RUNNING, False),
        (0, 1, ContainerState.EXITED, False),
        (None, 1, ContainerState.RUNNING, False),
        (0, None, ContainerState.RUNNING, False),
    ],
)
def test_a_network_is_lost_with_its_lender(
    borrower: int | None, lent: int | None, state: ContainerState, *, lost: bool
) -> None:
    def details(hours: int | None) -> ContainerDetails:
        return ContainerDetails(started_at=None if hours is None else NOON + timedelta(hours=hours))

    borrows = box("borrower", borrows=GLUETUN.id, state=state, details=details(borrower))
    assert lost_network(borrows, box("gluetun", details=details(lent))) is lost
    assert not lost_network(box("borrower", borrows=GLUETUN.id), box("gluetun", details=details(lent)))


@pytest.mark.parametrize("state", ContainerState)
@pytest.mark.parametrize("health", ContainerHealth)
def test_well_is_running_and_not_ill(state: ContainerState, health: ContainerHealth) -> None:
    well = state is ContainerState.RUNNING and health in {ContainerHealth.NONE, ContainerHealth.HEALTHY}
    assert box("x", state=state, health=health).well is well
