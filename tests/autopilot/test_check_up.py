"""The check-up as a table: what is wrong in a stack, and what it says about it. What is not named must not be said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
import re
from types import SimpleNamespace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.check_up import Finding, Found, check_up
from custom_components.sokoul.autopilot.findings.backends import ADVISED
from custom_components.sokoul.autopilot.findings.base import problem
from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.downloads import ConnectionStatus, DownloadState, Transfer
from custom_components.sokoul.model.library import (
    ArrWiring,
    Disk,
    DownloadClientLink,
    HealthIssue,
    Protocol,
    QueueStatus,
    RemotePathMapping,
    RootFolder,
    Severity,
    TrackedState,
)
from custom_components.sokoul.model.paths import NO_ACCESS, JudgedMap, PathMap, PathState
from custom_components.sokoul.model.vpn import VpnRoute, VpnSnapshot, VpnStatus
from custom_components.sokoul.model.world import DownloadIndex, World
from tests.model.make import (
    GB,
    NOW,
    ago,
    application,
    arr,
    completed,
    epoch,
    indexer,
    item,
    link,
    prowlarr,
    qbittorrent,
    settings,
    sonarr,
    torrent,
    world,
)

S = DownloadState
ERROR, WARNING, NOTICE = Severity.ERROR, Severity.WARNING, Severity.NOTICE
STALE = {"active_epoch": epoch(hours=8), "added_epoch": epoch(days=2)}

type Samples = Mapping[str, Sequence[Sequence[float]]]

ROOM = Disk(path="/data", free_bytes=800 * GB, total_bytes=4000 * GB)


def wired(*links: DownloadClientLink, root: str = "/data/media/movies", **fields: Any) -> ArrWiring:
    defaults: dict[str, Any] = {
        "download_clients": links or (link(),),
        "root_folders": (RootFolder(path=root, accessible=True),),
        "hardlinks": True,
    }
    return ArrWiring(**defaults | fields)


def radarr(*items: Any, **fields: Any) -> Backend:
    return arr(*items, **{"disks": (ROOM,), "wiring": wired()} | fields)


def following(*items: Any, **fields: Any) -> Backend:
    wiring = wired(link(category="sonarr"), root="/data/media/tv")
    return sonarr(*items, **{"disks": (ROOM,), "wiring": wiring} | fields)


def feeding(*names: str) -> tuple[Any, ...]:
    return tuple(
        application(id=index, name=name, implementation=name, base_url=f"http://{name.lower()}:{port}")
        for index, (name, port) in enumerate((("Radarr", 7878), ("Sonarr", 8989)), 1)
        if name in names
    )


def healthy() -> dict[str, Backend]:
    """Return a busy stack in which everything is as it should be."""
    imported = completed(2, TrackedState.IMPORTED)
    return {
        "qbt": qbittorrent(
            torrent(1, S.DOWNLOADING, category="radarr", active_epoch=epoch(seconds=1)),
            torrent(2, S.SEEDING, category="radarr", private=True, completed_epoch=epoch(days=1)),
            torrent(3, S.STALLED, category="sonarr", active_epoch=epoch(hours=1)),
            torrent(4, S.QUEUED),
            torrent(5, S.STOPPED, **STALE),
        ),
        "radarr": radarr(item(1), imported),
        "sonarr": following(item(3)),
        "prowlarr": prowlarr(indexer(1), indexer(2), applications=feeding("Radarr", "Sonarr")),
    }


def stack(**changed: Backend | None) -> World:
    """Return the healthy stack with some of it changed; with another client the *arrs wait for nothing."""
    known: dict[str, Backend | None] = dict(healthy())
    if "qbt" in changed:
        known |= {"radarr": radarr(), "sonarr": following()}
    return world(*(each for each in (known | changed).values() if each is not None))


def told(findings: Sequence[Finding]) -> list[tuple[str, Severity, str | None]]:
    return [(each.key, each.severity, each.backend_id) for each in findings if each.severity is not Severity.OK]


def test_a_healthy_stack_gets_a_short_list_of_what_is_well() -> None:
    findings = check_up(stack(), {}, NOW)
    assert told(findings) == []
    assert [each.key for each in findings] == [
        Found.GOOD_BACKENDS,
        Found.GOOD_DOWNLOADS,
        Found.GOOD_DISKS,
        Found.GOOD_PATHS,
        Found.GOOD_CLIENTS,
        Found.GOOD_INDEXERS,
        Found.GOOD_WIRING,
    ]
    words = wording.load("en")
    assert [words.text(each.key, **each.parameters) for each in findings] == [
        "All 4 backends answer.",
        "4 downloads are under way, and none is stuck.",
        "The disk has room: 800 GB left.",
        "Radarr and Sonarr can find the downloads and import them without copying.",
        "qBittorrent: connected and well set up.",
        "Both indexers answer.",
        "All 4 links between your backends fit.",
    ]


def test_a_kind_of_backend_that_the_model_does_not_join_is_left_alone() -> None:
    other = Backend(id="larder", kind="larder", title="Larder", snapshot=SimpleNamespace(jars=3))  # type: ignore[arg-type]
    world = stack()
    assert check_up(replace(world, backends={**world.backends, "larder": other}), {}, NOW)


def test_a_kind_of_backend_that_the_model_does_not_join_may_be_too_old() -> None:
    other = Backend(id="larder", kind="larder", title="Larder", version="v1.9.2", oldest_version=(2,))
    (finding,) = check_up(replace(stack(), backends={"larder": other}), {}, NOW)[:1]
    assert (finding.key, finding.parameters["wanted"]) == (Found.VERSION_TOO_OLD, "2")


def test_an_empty_world_has_nothing_to_say() -> None:
    assert check_up(world(), {}, NOW) == ()


def hourly(free: Callable[[float], float], hours: int = 96) -> list[list[float]]:
    return [[(NOW - timedelta(hours=hour)).timestamp(), free(hour)] for hour in range(hours)]


def complaint(source: str, severity: Severity = WARNING, message: str = "Something is wrong") -> HealthIssue:
    return HealthIssue(source=source, severity=severity, message=message, wiki_url="https://wiki.servarr.com/x")


def client(*torrents: Any, transfer: dict[str, Any] | None = None, **fields: Any) -> Backend:
    line = {"connection": ConnectionStatus.CONNECTED, "free_bytes": 800 * GB} | (transfer or {})
    return qbittorrent(*torrents, transfer=Transfer(**line), **fields)


def case(name: str, given_world: World, *expected: Any, free: Samples | None = None) -> Any:
    return pytest.param(given_world, free or {}, list(expected), id=name)


def resting(number: int, state: DownloadState = S.STALLED, **fields: Any) -> Any:
    return torrent(number, state, **STALE | fields)


AWAY = {"available": False, "unavailable_since": ago(hours=2)}
BLOCKED = completed(1, TrackedState.IMPORT_BLOCKED, messages=("Not an upgrade",))
SEEDING = torrent(1, S.SEEDING, completed_epoch=epoch(hours=3))
NEVER = {"available": False, "snapshot": None}
WINDOWS = settings(save_path="D:\\Torrents")
SYSTEM_DISK = Disk(path="/", free_bytes=30 * GB, total_bytes=60 * GB)

EXIT = {"version": "v3.41.1", "status": VpnStatus.RUNNING, "public_ip": "45.83.220.11"}


def gluetun(*closed: VpnRoute, **fields: Any) -> Backend:
    snapshot = VpnSnapshot(**EXIT, refused=frozenset(closed))
    return Backend(**{"id": "vpn", "kind": "gluetun", "title": "Gluetun", "snapshot": snapshot} | fields)


VPNS = (
    case("a VPN that tells everything", stack(vpn=gluetun())),
    case("its DNS is not told", stack(vpn=gluetun(VpnRoute.DNS)), (Found.CLOSED_ROUTES, NOTICE, "vpn")),
    case("its port is not told", stack(vpn=gluetun(VpnRoute.PORTS)), (Found.CLOSED_ROUTES, NOTICE, "vpn")),
    case(
        "how it is is not told, nor its version",
        stack(vpn=gluetun(VpnRoute.STATUS, VpnRoute.VERSION, VpnRoute.PORTS, VpnRoute.PORTS_BEFORE_3_41)),
        (Found.CLOSED_ROUTES, WARNING, "vpn"),
    ),
    case("its address is not told", stack(vpn=gluetun(VpnRoute.PUBLIC_IP)), (Found.CLOSED_ROUTES, WARNING, "vpn")),
    case("a VPN that is away", stack(vpn=gluetun(VpnRoute.DNS, **AWAY)), (Found.UNAVAILABLE, ERROR, "vpn")),
    case("a VPN that never answered", stack(vpn=gluetun(**NEVER)), (Found.NEVER_ANSWERED, ERROR, "vpn")),
)

BACKENDS = (
    case("a backend is away", stack(prowlarr=prowlarr(indexer(), **AWAY)), (Found.UNAVAILABLE, ERROR, "prowlarr")),
    case(
        "a backend has never answered",
        stack(prowlarr=prowlarr(**NEVER)),
        (Found.NEVER_ANSWERED, ERROR, "prowlarr"),
    ),
    case(
        "a client that is away: nothing that depends on it is judged",
        stack(
            qbt=qbittorrent(resting(1), resting(3, S.ERROR), settings=settings(interface=""), **AWAY),
            radarr=radarr(item(1), item(9), health=(complaint("DownloadClientStatusCheck"),)),
        ),
        (Found.UNAVAILABLE, ERROR, "qbt"),
    ),
    case("Radarr 4", stack(radarr=radarr(version="4.7.5.7809")), (Found.VERSION_TOO_OLD, WARNING, "radarr")),
    case("Sonarr 3", stack(sonarr=sonarr(version="3.0.10")), (Found.VERSION_TOO_OLD, WARNING, "sonarr")),
    case(
        "Prowlarr 1.19",
        stack(prowlarr=prowlarr(indexer(), version="1.19.0", applications=feeding("Radarr", "Sonarr"))),
        (Found.VERSION_TOO_OLD, WARNING, "prowlarr"),
    ),
    case("qBittorrent 4.4", stack(qbt=qbittorrent(version="v4.4.5")), (Found.VERSION_TOO_OLD, WARNING, "qbt")),
    case("qBittorrent 4.6", stack(qbt=qbittorrent(version="v4.6.7")), (Found.VERSION_AGING, NOTICE, "qbt")),
    case("a beta", stack(qbt=qbittorrent(version="v5.0.0beta1"))),
    case("a version of another kind", stack(qbt=qbittorrent(version="nightly"))),
    case(
        "an *arr complains",
        stack(radarr=radarr(health=(complaint("MountCheck", ERROR), complaint("Odd"), complaint("Fine", Severity.OK)))),
        (Found.HEALTH, ERROR, "radarr"),
        (Found.HEALTH, WARNING, "radarr"),
    ),
    case(
        "an update that waits is no fault",
        stack(radarr=radarr(health=(complaint("UpdateCheck", ERROR),))),
        (Found.HEALTH, NOTICE, "radarr"),
    ),
    case(
        "what is said better elsewhere is not said again",
        stack(
            sonarr=sonarr(health=(complaint("IndexerRssCheck", ERROR), complaint("IndexerStatusCheck"))),
            prowlarr=prowlarr(
                indexer(disabled_until=NOW + timedelta(hours=1)),
                health=(complaint("IndexerStatusCheck", ERROR),),
                applications=feeding("Radarr", "Sonarr"),
            ),
        ),
        (Found.PROTOCOL_FAILING, ERROR, "prowlarr"),
    ),
)

CLIENTS = (
    case(
        "no line to the outside",
        stack(qbt=client(resting(1), transfer={"connection": ConnectionStatus.DISCONNECTED})),
        (Found.DISCONNECTED, ERROR, "qbt"),
    ),
    case("firewalled is normal", stack(qbt=client(transfer={"connection": ConnectionStatus.FIREWALLED}))),
    case(
        "firewalled, settings unknown",
        stack(qbt=client(transfer={"connection": ConnectionStatus.FIREWALLED}, settings=None)),
    ),
    case(
        "firewalled with a port that changes",
        stack(qbt=client(transfer={"connection": ConnectionStatus.FIREWALLED}, settings=settings(random_port=True))),
        (Found.RANDOM_PORT, NOTICE, "qbt"),
    ),
    case("a port that changes, and yet reached", stack(qbt=client(settings=settings(random_port=True)))),
    case("bound to nothing", stack(qbt=client(settings=settings(interface=""))), (Found.NOT_BOUND, NOTICE, "qbt")),
    case("bound to an address", stack(qbt=client(settings=settings(interface="", interface_address="10.2.0.2")))),
    case("binding unknown", stack(qbt=client(settings=settings(interface=None)))),
    case(
        "removes by itself",
        stack(qbt=client(settings=settings(maximum_ratio=2.0, maximum_ratio_removes=True))),
        (Found.SHARE_LIMIT_REMOVES, WARNING, "qbt"),
    ),
    case(
        "removes by itself what is not imported yet",
        stack(
            qbt=client(
                torrent(1, S.SEEDING, completed_epoch=epoch(minutes=5)),
                settings=settings(maximum_ratio=2.0, maximum_ratio_removes=True),
            ),
            radarr=radarr(completed(1)),
        ),
        (Found.SHARE_LIMIT_REMOVES, ERROR, "qbt"),
    ),
    case(
        "removes by itself, but no *arr uses it",
        world(client(settings=settings(maximum_ratio=2.0, maximum_ratio_removes=True))),
    ),
    case("would remove, but has no limit", stack(qbt=client(settings=settings(maximum_ratio_removes=True)))),
    case(
        "private torrents leave too early",
        stack(
            qbt=client(torrent(1, S.SEEDING, private=True, category="radarr"), settings=settings(maximum_ratio=0.5)),
            radarr=radarr(wiring=wired(link(removes_completed=True))),
        ),
        (Found.REMOVED_TOO_EARLY, WARNING, "radarr"),
    ),
    case(
        "private torrents leave when they gave back what they took",
        stack(
            qbt=client(torrent(1, S.SEEDING, private=True, category="radarr"), settings=settings(maximum_ratio=1)),
            radarr=radarr(wiring=wired(link(removes_completed=True))),
        ),
    ),
    case(
        "public torrents may leave when they like",
        stack(
            qbt=client(torrent(1, S.SEEDING, private=False, category="radarr"), settings=settings(maximum_ratio=0.5)),
            radarr=radarr(wiring=wired(link(removes_completed=True))),
        ),
    ),
    case(
        "other tools at work",
        stack(qbt=client(tags=frozenset({"Obsolete", "noHL"}), categories={"cleanuparr-unlinked": "", "radarr": ""})),
        (Found.OTHER_TOOLS, NOTICE, "qbt"),
    ),
    case("cross-seed is respected", stack(qbt=client(tags=frozenset({"cross-seed"}), categories={}))),
)

WIRING = (
    case(
        "Prowlarr knows Sonarr, but its synchronisation is off",
        stack(
            prowlarr=prowlarr(
                indexer(),
                applications=(feeding("Radarr")[0], replace(feeding("Radarr", "Sonarr")[1], sync_level="disabled")),
            )
        ),
        (Found.NOT_FED, NOTICE, "prowlarr"),
    ),
    case(
        "no download client",
        stack(radarr=radarr(wiring=wired(link(enabled=False)))),
        (Found.NO_DOWNLOAD_CLIENT, WARNING, "radarr"),
    ),
    case(
        "no category",
        stack(radarr=radarr(wiring=wired(link(category=None)))),
        (Found.NO_CATEGORY, WARNING, "radarr"),
    ),
    case(
        "usenet clients keep their categories to themselves",
        stack(
            radarr=radarr(
                wiring=wired(link(), link(id=2, name="SABnzbd", implementation="Sabnzbd", category=None, port=8085))
            )
        ),
    ),
    case(
        "one category for two",
        stack(sonarr=sonarr(wiring=wired(link(category="Radarr"), root="/data/media/tv"))),
        (Found.SHARED_CATEGORY, WARNING, "qbt"),
    ),
    case(
        "one category in two clients",
        stack(
            qbt2=client(id="qbt2", url="http://other:8080"),
            sonarr=sonarr(wiring=wired(link(category="radarr", host="other"), root="/data/media/tv")),
        ),
    ),
    case(
        "which of two clients?",
        world(client(id="a", url="http://a:8080"), client(id="b", url="http://b:8080"), radarr()),
        (Found.OPEN_QUESTION, NOTICE, "radarr"),
    ),
    case(
        "a client that SOKOUL could see",
        stack(radarr=radarr(wiring=wired(link(), link(id=2, name="seedbox", host="box", port=443, category="r2")))),
        (Found.NOT_CONNECTED, NOTICE, "radarr"),
    ),
    case(
        "Prowlarr forgets Sonarr",
        stack(prowlarr=prowlarr(indexer(), applications=feeding("Radarr"))),
        (Found.NOT_FED, NOTICE, "prowlarr"),
    ),
    case(
        "Prowlarr feeds a Sonarr of which it isn't sure which",
        stack(
            prowlarr=prowlarr(
                indexer(),
                applications=(*feeding("Radarr"), application(id=9, implementation="Sonarr", base_url="http://s:1")),
            ),
            sonarr2=sonarr(id="sonarr2", links=(link(category="other"),)),
        ),
        (Found.OPEN_QUESTION, NOTICE, "prowlarr"),
    ),
)

DOWN = {"disabled_until": NOW + timedelta(minutes=30)}
FEEDS = {"applications": feeding("Radarr", "Sonarr")}
INDEXERS = (
    case(
        "no indexer is on",
        stack(prowlarr=prowlarr(indexer(enabled=False), **FEEDS)),
        (Found.NO_INDEXERS, WARNING, "prowlarr"),
    ),
    case(
        "one of three fails",
        stack(prowlarr=prowlarr(indexer(1, **DOWN), indexer(2), indexer(3), **FEEDS)),
        (Found.INDEXERS_FAILING, NOTICE, "prowlarr"),
    ),
    case(
        "two of three fail",
        stack(prowlarr=prowlarr(indexer(1, **DOWN), indexer(2, **DOWN), indexer(3), **FEEDS)),
        (Found.INDEXERS_FAILING, WARNING, "prowlarr"),
    ),
    case(
        "half of them fail",
        stack(prowlarr=prowlarr(indexer(1, **DOWN), indexer(2), **FEEDS)),
        (Found.INDEXERS_FAILING, WARNING, "prowlarr"),
    ),
    case(
        "all of usenet fails",
        stack(prowlarr=prowlarr(indexer(1), indexer(2, protocol=Protocol.USENET, **DOWN), **FEEDS)),
        (Found.PROTOCOL_FAILING, ERROR, "prowlarr"),
    ),
    case(
        "all that fail are switched off",
        stack(prowlarr=prowlarr(indexer(1), indexer(2, enabled=False, protocol=Protocol.USENET, **DOWN), **FEEDS)),
    ),
    case("it failed and is back", stack(prowlarr=prowlarr(indexer(disabled_until=ago(minutes=1)), **FEEDS))),
)


def on_disk(**fields: Any) -> Backend:
    return radarr(disks=(replace(ROOM, **fields),))


FILLING = hourly(lambda hour: 800 * GB + 8 * GB * hour)
NETWORK = radarr(
    disks=(replace(SYSTEM_DISK, free_bytes=5 * GB),),
    wiring=wired(root_folders=(RootFolder(path="/nfs/movies", accessible=True, free_bytes=900 * GB),)),
)
DISKS = (
    case("the library is on a network mount that is not listed", stack(radarr=NETWORK)),
    case(
        "the library is on a network mount with little left",
        stack(
            radarr=radarr(
                disks=(SYSTEM_DISK,),
                wiring=wired(root_folders=(RootFolder(path="/nfs/movies", accessible=True, free_bytes=5 * GB),)),
            )
        ),
        (Found.DISK_LOW, WARNING, "radarr"),
    ),
    case("almost nothing left", stack(radarr=on_disk(free_bytes=GB)), (Found.DISK_LOW, ERROR, "radarr")),
    case("little left", stack(radarr=on_disk(free_bytes=9 * GB)), (Found.DISK_LOW, WARNING, "radarr")),
    case("a small share left", stack(radarr=on_disk(free_bytes=90 * GB)), (Found.DISK_LOW, WARNING, "radarr")),
    case("a small share of very much", stack(radarr=on_disk(free_bytes=150 * GB))),
    case("much of a small disk", stack(radarr=on_disk(free_bytes=15 * GB, total_bytes=30 * GB))),
    case(
        "the system's disk is none of our business",
        stack(radarr=radarr(disks=(ROOM, Disk(path="/config", free_bytes=1, total_bytes=5)))),
    ),
    case(
        "one disk that everybody sees is told once",
        stack(
            qbt=client(transfer={"free_bytes": 9 * GB}),
            radarr=on_disk(free_bytes=9 * GB),
            sonarr=sonarr(
                disks=(replace(ROOM, free_bytes=9 * GB + 7),), wiring=wired(link(category="sonarr"), root="/data/tv")
            ),
        ),
        (Found.DISK_LOW, WARNING, "radarr"),
    ),
    case(
        "the client's own disk is low",
        stack(qbt=client(transfer={"free_bytes": 5 * GB})),
        (Found.DISK_LOW, WARNING, "qbt"),
    ),
    case(
        "it will be full within days",
        stack(),
        (Found.DISK_FILLS, WARNING, "radarr"),
        free={"radarr//data": FILLING, "sonarr//data": FILLING},
    ),
    case(
        "it will be full within weeks",
        stack(),
        (Found.DISK_FILLS, NOTICE, "radarr"),
        free={"radarr//data": hourly(lambda hour: 800 * GB + 2 * GB * hour)},
    ),
    case("it will be full in a year", stack(), free={"radarr//data": hourly(lambda hour: 800 * GB + GB * hour / 12)}),
    case(
        "a library folder is gone",
        stack(radarr=radarr(wiring=wired(root_folders=(RootFolder(path="/data/media/movies", accessible=False),)))),
        (Found.ROOT_FOLDER_GONE, ERROR, "radarr"),
    ),
    case(
        "the *arr says so, too",
        stack(
            radarr=radarr(
                wiring=wired(root_folders=(RootFolder(path="/data/media/movies", accessible=False),)),
                health=(complaint("RootFolderCheck", ERROR),),
            )
        ),
        (Found.ROOT_FOLDER_GONE, ERROR, "radarr"),
    ),
)

MOUNTS = (Disk(path="/movies", free_bytes=800 * GB, total_bytes=4000 * GB), SYSTEM_DISK)
ON_MOUNTS = {"disks": MOUNTS, "wiring": wired(root="/movies")}
LATE = completed(1, output_path="/downloads/Dune")
ALONE: dict[str, Backend | None] = {"sonarr": None, "prowlarr": None}
PATHS = (
    case(
        "hard links are off",
        stack(radarr=radarr(wiring=wired(hardlinks=False))),
        (Found.HARDLINKS_OFF, NOTICE, "radarr"),
    ),
    case(
        "hard links are off, but it is all usenet",
        stack(
            radarr=radarr(
                wiring=wired(link(implementation="Sabnzbd", protocol=Protocol.USENET, port=8085), hardlinks=False)
            )
        ),
    ),
    case("whether they are off is not known", stack(radarr=radarr(wiring=wired(hardlinks=None)))),
    case(
        "two mounts",
        stack(
            qbt=client(settings=settings(save_path="/downloads")),
            radarr=radarr(
                disks=(*MOUNTS, Disk(path="/downloads", free_bytes=800 * GB, total_bytes=4000 * GB)),
                wiring=wired(root="/movies/hd"),
            ),
            **ALONE,
        ),
        (Found.HARDLINKS_IMPOSSIBLE, WARNING, "radarr"),
    ),
    case(
        "Windows here, Linux there",
        stack(qbt=client(settings=WINDOWS), **ALONE),
        (Found.PATHS_OF_ANOTHER_SYSTEM, ERROR, "radarr"),
    ),
    case(
        "Windows here, Linux there, and a mapping between",
        stack(
            qbt=client(settings=WINDOWS),
            radarr=radarr(
                wiring=wired(
                    path_mappings=(
                        RemotePathMapping(host="QBittorrent", remote_path="D:\\Torrents", local_path="/data/torrents"),
                    )
                )
            ),
            **ALONE,
        ),
    ),
    case(
        "a mapping for another spelling of the host",
        stack(
            radarr=radarr(
                wiring=wired(
                    path_mappings=(
                        RemotePathMapping(host="192.168.1.5", remote_path="/downloads", local_path="/data/torrents"),
                    )
                )
            )
        ),
        (Found.MAPPING_UNUSED, WARNING, "radarr"),
    ),
    case(
        "a path map that leads to other files",
        replace(
            stack(),
            path_maps={
                "radarr": (JudgedMap(map=PathMap("/data", "/share"), state=PathState.REFUTED, right=1, wrong=2),),
                "sonarr": (JudgedMap(map=PathMap("/data", "/nas"), state=PathState.UNPROVEN),),
                "qbt": (NO_ACCESS,),
            },
        ),
        (Found.PATH_MAP_WRONG, WARNING, "radarr"),
    ),
    case(
        "a download folder that is not mounted",
        stack(
            qbt=client(SEEDING, settings=settings(save_path="/downloads")),
            radarr=radarr(LATE, **ON_MOUNTS),
            **ALONE,
        ),
        (Found.FOLDER_UNSEEN, WARNING, "radarr"),
    ),
    case(
        "an *arr without a library says nothing of its mounts",
        stack(
            qbt=client(SEEDING, settings=settings(save_path="/downloads")),
            radarr=radarr(LATE, disks=MOUNTS, wiring=wired(root_folders=())),
            **ALONE,
        ),
        (Found.WAITING_FOR_IMPORT, WARNING, "radarr"),
    ),
    case(
        "the *arr knows better",
        stack(
            qbt=client(SEEDING, settings=settings(save_path="/downloads")),
            radarr=radarr(LATE, **ON_MOUNTS, health=(complaint("RemotePathMappingCheck", ERROR),)),
            **ALONE,
        ),
        (Found.HEALTH, ERROR, "radarr"),
        (Found.WAITING_FOR_IMPORT, WARNING, "radarr"),
    ),
)

FULL = {"transfer": {"free_bytes": 0}}
DOWNLOADS = (
    case(
        "nobody shares two of them: one cause, one finding",
        stack(qbt=client(resting(1), resting(2), torrent(3, S.DOWNLOADING))),
        (Found.NO_SOURCES, WARNING, "qbt"),
    ),
    case(
        "each cause is told once",
        stack(
            qbt=client(
                torrent(9, S.DOWNLOADING),
                resting(1, peers=2, availability=0.3),
                resting(2, swarm_seeds=3),
                resting(3, seeds=1),
                resting(4, S.METADATA),
                resting(5, S.ERROR),
                resting(6, S.MISSING_FILES, progress=1),
                resting(7, S.UNKNOWN),
            ),
        ),
        (Found.MISSING_FILES, ERROR, "qbt"),
        (Found.ERRORS, WARNING, "qbt"),
        (Found.NO_COMPLETE_COPY, WARNING, "qbt"),
        (Found.SEEDS_OUT_OF_REACH, WARNING, "qbt"),
        (Found.NO_DATA, WARNING, "qbt"),
        (Found.NO_METADATA, WARNING, "qbt"),
        (Found.UNKNOWN_STATE, NOTICE, "qbt"),
    ),
    case("resting for an hour is nothing", stack(qbt=client(torrent(1, S.STALLED, active_epoch=epoch(hours=1))))),
    case(
        "the disk is full: told with what stopped",
        stack(qbt=client(resting(1, S.ERROR), **FULL)),
        (Found.DISK_FULL, ERROR, "qbt"),
    ),
    case("the disk is full, and nothing stopped yet", stack(qbt=client(**FULL)), (Found.DISK_LOW, ERROR, "qbt")),
    case(
        "nothing moves at all: it isn't the swarms",
        stack(
            qbt=client(*(resting(number) for number in range(3)), *(resting(number, S.METADATA) for number in (7, 8)))
        ),
        (Found.NOTHING_MOVES, ERROR, "qbt"),
    ),
    case(
        "nothing moves, but one has just begun to rest",
        stack(
            qbt=client(*(resting(number) for number in range(5)), torrent(9, S.STALLED, active_epoch=epoch(minutes=5)))
        ),
        (Found.NO_SOURCES, WARNING, "qbt"),
    ),
    case(
        "an import that needs a person",
        stack(qbt=client(SEEDING), radarr=radarr(BLOCKED)),
        (Found.IMPORT_BLOCKED, WARNING, "radarr"),
    ),
    case(
        "one *arr has it, the other of the same name balks",
        stack(
            qbt=client(SEEDING),
            radarr=radarr(completed(1, TrackedState.IMPORTED)),
            other=radarr(BLOCKED, id="other", url="http://other:7878", wiring=wired(link(category="other"))),
            prowlarr=None,
        ),
        (Found.IMPORT_BLOCKED, WARNING, "other"),
    ),
    case(
        "an import that failed",
        stack(qbt=client(SEEDING), radarr=radarr(completed(1, TrackedState.FAILED_PENDING))),
        (Found.FAILED, WARNING, "radarr"),
    ),
    case(
        "an import that takes hours",
        stack(qbt=client(SEEDING), radarr=radarr(completed(1))),
        (Found.WAITING_FOR_IMPORT, WARNING, "radarr"),
    ),
    case(
        "an import that takes minutes",
        stack(qbt=client(torrent(1, S.SEEDING, completed_epoch=epoch(minutes=10))), radarr=radarr(completed(1))),
    ),
    case(
        "waiting for a torrent that was removed",
        stack(qbt=client(torrent(2)), radarr=radarr(item(1), item(2))),
        (Found.NOT_IN_CLIENT, WARNING, "radarr"),
    ),
    case("just grabbed", stack(qbt=client(), radarr=radarr(item(1, added_at=ago(minutes=10))))),
    case(
        "waiting in a client that is only guessed",
        stack(qbt=client(url="http://192.168.1.5:8080"), radarr=radarr(item(1)), **ALONE),
    ),
    case(
        "an item that nobody knows",
        stack(
            qbt=client(torrent(1)), radarr=radarr(item(1, titles=()), item(None, titles=(), status=QueueStatus.DELAY))
        ),
        (Found.UNKNOWN_ITEMS, NOTICE, "radarr"),
    ),
)

CASES = (*BACKENDS, *CLIENTS, *VPNS, *WIRING, *INDEXERS, *DISKS, *PATHS, *DOWNLOADS)


@pytest.mark.parametrize(("given_world", "free", "expected"), CASES)
def test_the_check_up_says(given_world: World, free: Samples, expected: list[Any]) -> None:
    assert told(check_up(given_world, free, NOW)) == expected


#: What a world doesn't show: guards and the check of links add it to a check-up.
ADDED = (
    problem(Found.DNS_OUTSIDE, WARNING, None, backend="Gluetun", resolver="Example Telecom"),
    problem(Found.NOBODY_BEHIND, NOTICE, None, backend="Gluetun", clients=("qBittorrent",)),
    problem(Found.LINKS_UNSEEN, NOTICE, None),
)


def _everything() -> list[Finding]:
    return [*(each for case_ in CASES for each in check_up(case_.values[0], case_.values[1], NOW)), *ADDED]


def test_the_table_knows_every_finding() -> None:
    assert {each.key for each in _everything()} == set(Found)


def test_the_worst_comes_first_and_every_finding_has_an_id_of_its_own() -> None:
    order = [ERROR, WARNING, NOTICE, Severity.OK]
    for case_ in CASES:
        findings = check_up(case_.values[0], case_.values[1], NOW)
        assert [each.severity for each in findings] == sorted((each.severity for each in findings), key=order.index)
        assert len({each.id for each in findings}) == len(findings)


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_finding_can_be_said(language: str) -> None:
    """Sentence, advice and evidence, with the values that it carries; and what it carries is used."""
    words = wording.load(language)
    used: dict[str, set[str]] = {}
    given: dict[str, set[str]] = {}
    for each in _everything():
        said = [words.text(each.key, **each.parameters)]
        slots = words.slots(each.key)
        assert bool(each.advice) is (each.severity is not Severity.OK)
        if each.advice:
            said.append(words.text(each.advice, **each.parameters))
            slots |= words.slots(each.advice)
        said += words.evidence(each.evidence, NOW)
        assert all(text and not re.search(r"[{}#]", text) for text in said)
        used.setdefault(each.key, set()).update(name for name, _ in slots)
        given.setdefault(each.key, set()).update(each.parameters)
    common = {"backend", "count", "names"}  # every finding about stuck downloads has these
    assert {key: used[key] | common & given[key] for key in used} == given


def test_closed_routes_come_with_the_lines_that_open_them() -> None:
    words = wording.load("en")

    def advice(*closed: VpnRoute) -> str:
        given_world = stack(vpn=gluetun(*closed))
        (found,) = [each for each in check_up(given_world, {}, NOW) if each.key == Found.CLOSED_ROUTES]
        assert found.advice is not None
        return words.text(found.advice, **found.parameters)

    lines = '"GET /v1/publicip/ip", "GET /v1/dns/status",'
    assert advice(VpnRoute.DNS, VpnRoute.PUBLIC_IP).endswith(f"role: {lines} Then restart Gluetun.")
    everything = advice(*VpnRoute)
    assert all(f'"{route}",' in everything for route in VpnRoute)  # however many: nothing is cut off
    assert "only the one of your version" in everything


def test_a_disk_goes_by_its_path_and_without_one_by_its_client() -> None:
    (named,) = [each for each in check_up(stack(radarr=on_disk(free_bytes=9 * GB)), {}, NOW) if each.advice]
    (unnamed,) = [each for each in check_up(stack(qbt=client(transfer={"free_bytes": 9 * GB})), {}, NOW) if each.advice]
    assert (named.parameters["disk"], unnamed.parameters["disk"]) == ("/data", "qBittorrent")
    assert (named.id, unnamed.id) == ("disk_low/radarr//data", "disk_low/qbt")


def test_advice_for_health_checks_exists() -> None:
    words = wording.load("en")
    assert all(advice in words for advice in ADVISED.values())


def test_one_cause_gives_one_finding_however_many_it_holds_up() -> None:
    many = [torrent(500, S.DOWNLOADING), *(resting(number, name=f"Film {number:03}") for number in range(40))]
    (finding,) = [each for each in check_up(stack(qbt=client(*many)), {}, NOW) if each.advice]
    assert finding.parameters["count"] == 40
    assert wording.load("en").text(finding.key, **finding.parameters) == (
        "Nobody is sharing Film 000, Film 001, Film 002, and 37 more."
    )


def test_only_what_is_complete_and_not_imported_is_in_danger_of_a_share_limit() -> None:
    given_world = stack(
        qbt=client(
            torrent(1, S.SEEDING),
            torrent(2, S.SEEDING),
            torrent(3, S.QUEUED),
            torrent(4, S.ERROR, progress=1),
            settings=settings(maximum_ratio=2.0, maximum_ratio_removes=True),
        ),
        radarr=radarr(completed(1), completed(2, TrackedState.IMPORTED), item(3), completed(4, TrackedState.IMPORTED)),
    )
    (finding,) = [each for each in check_up(given_world, {}, NOW) if each.key == Found.SHARE_LIMIT_REMOVES]
    assert finding.parameters["waiting"] == 1


def test_a_kept_index_gives_the_same_answer() -> None:
    index = DownloadIndex()
    for case_ in CASES:
        given_world, free, _ = case_.values
        index.update(given_world, NOW)
        assert check_up(given_world, free, NOW, index) == check_up(given_world, free, NOW)


STATES = st.sampled_from(DownloadState)


@given(
    states=st.lists(st.tuples(STATES, st.integers(0, 20), st.floats(0, 1)), max_size=8),
    items=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(QueueStatus), st.sampled_from(TrackedState)), max_size=6
    ),
    away=st.sets(st.sampled_from(["qbt", "radarr", "sonarr", "prowlarr"])),
    unread=st.sets(st.sampled_from(["qbt", "radarr", "sonarr", "prowlarr"])),
    free=st.none() | st.integers(0, 900 * GB),
    connection=st.sampled_from(ConnectionStatus),
)
def test_whatever_the_stack_looks_like_it_can_be_said(
    states: list[Any],
    items: list[Any],
    away: set[str],
    unread: set[str],
    free: int | None,
    connection: ConnectionStatus,
) -> None:
    torrents = [
        torrent(number, state, progress=progress, active_epoch=epoch(hours=idle), category="radarr")
        for number, (state, idle, progress) in enumerate(states)
    ]
    known = healthy() | {
        "qbt": client(*torrents, transfer={"free_bytes": free, "connection": connection}),
        "radarr": radarr(*(item(number, status=status, tracked_state=tracked) for number, status, tracked in items)),
    }
    known = {
        key: replace(each, available=key not in away, snapshot=None if key in unread else each.snapshot)
        for key, each in known.items()
    }
    words = wording.load("fr")
    findings = check_up(world(*known.values()), {}, NOW)
    for each in findings:
        assert words.text(each.key, **each.parameters)
        assert each.advice is None or words.text(each.advice, **each.parameters)
    for backend_id in away:
        assert [each.key for each in findings if each.backend_id == backend_id] == [Found.NEVER_ANSWERED]
