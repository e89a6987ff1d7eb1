"""Containers, and which of them a backend runs in.

A container may borrow the network of another (`container:<id>`, in compose `network_mode: service:gluetun`): it is
reached at the ports and the names of that one, and has lost its network as soon as that one was started anew.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
import re


class ContainerState(StrEnum):
    """What the engine says of a container's process."""

    CREATED = "created"  # never started
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"  # it ended, and the engine is about to start it again
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"  # it could not be removed
    UNKNOWN = "unknown"


class ContainerHealth(StrEnum):
    """What a container's own health check says."""

    NONE = "none"  # it has none
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPort:
    """A port of the host that leads into a container. `address` is the host's; "" for all of them."""

    host_port: int
    container_port: int
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container. Its environment is never read: it holds secrets."""

    id: str
    name: str
    image: str = ""
    state: ContainerState = ContainerState.UNKNOWN
    health: ContainerHealth = ContainerHealth.NONE
    ports: tuple[PublishedPort, ...] = ()  # TCP
    hosts: frozenset[str] = frozenset()  # other names and addresses that it has in the engine's networks
    network_mode: str = ""
    project: str | None = None  # of compose
    service: str | None = None
    details: ContainerDetails | None = None  # None: only listed, not looked at closely

    @property
    def network_of(self) -> str | None:
        """The id (or the name) of the container whose network it borrows."""
        kind, _, other = self.network_mode.partition(":")
        return other if kind == "container" and other else None

    @property
    def well(self) -> bool:
        """Whether it runs and its health check, where it has one, agrees."""
        return self.state is ContainerState.RUNNING and self.health in _WELL

    def is_called(self, reference: str) -> bool:
        """Whether an id, a beginning of one, or a name means this container."""
        return reference == self.name or (len(reference) >= _SHORT_ID and self.id.startswith(reference))


_WELL = frozenset({ContainerHealth.NONE, ContainerHealth.HEALTHY})
_SHORT_ID = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDetails:
    """What the engine tells of a single container only."""

    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0  # of its last run
    start_error: str = ""  # why the engine could not start it the last time that it should have; without secrets
    out_of_memory: bool = False
    restarts_itself: bool = False  # the engine starts it again when it ends, unless somebody stopped it
    health_message: str = ""  # what the last health check printed, without secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineVersion:
    """Which container engine answers: its version ("27.3.1") and that of its API (1, 47)."""

    application: str
    api: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSnapshot:
    """A container engine as it was last read: all its containers, also those that don't run."""

    version: EngineVersion
    containers: tuple[Container, ...] = ()


# --- which container is it? ------------------------------------------------------------------------------------------


class MatchedBy(StrEnum):
    """How a backend's container was found, the surest first."""

    NAME = "name"  # the backend's address is its name or its address in the engine's networks
    PORT = "port"  # the backend's address is a port that it publishes
    IMAGE = "image"  # it is the only one of this kind: likely, not certain


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerMatch:
    """The container of a backend."""

    container: Container
    by: MatchedBy


#: Names of the machine that a program runs on, seen from itself and from a container on it.
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "host.docker.internal", "host.containers.internal"})
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


def find_container(
    kind: str, host: str, port: int, containers: Collection[Container], *, engine_hosts: Collection[str] = LOCAL_HOSTS
) -> ContainerMatch | None:
    """Return the container that a backend of a kind ("radarr") at an address runs in; None: there is no telling.

    `engine_hosts` are the names and addresses of the machine of the engine, as far as they are known.
    """
    host = host.strip("[]").lower()
    if named := [each for each in containers if host in _names(each)]:
        return _in_network_of(kind, named, containers, MatchedBy.NAME)
    if host in engine_hosts:
        publishing = [each for each in containers if any(_leads(published, host, port) for published in each.ports)]
        if publishing:
            return _in_network_of(kind, publishing, containers, MatchedBy.PORT)
    likely = _of_kind(kind, containers)
    return ContainerMatch(container=likely, by=MatchedBy.IMAGE) if likely else None


def _names(container: Container) -> frozenset[str]:
    names = {container.name, container.service or container.name, *container.hosts}
    return frozenset(name.lower() for name in names)


def _leads(published: PublishedPort, host: str, port: int) -> bool:
    everywhere = published.address in _ANY_ADDRESS or host in LOCAL_HOSTS
    return published.host_port == port and (everywhere or published.address == host)


def _in_network_of(
    kind: str, reached: Collection[Container], containers: Collection[Container], by: MatchedBy
) -> ContainerMatch | None:
    """Return who answers at an address: the containers that have it, or one of those that borrow their network."""
    candidates = list(reached)
    for each in reached:
        candidates += dependants(each, containers)
    found = candidates[0] if len(candidates) == 1 else _of_kind(kind, candidates)
    return ContainerMatch(container=found, by=by) if found else None


def _of_kind(kind: str, containers: Collection[Container]) -> Container | None:
    """Return the one container that is most clearly of a kind; None where none is, or several are alike."""
    ranked: dict[int, list[Container]] = {}
    for container in containers:
        if (rank := _likeness(kind, container)) is not None:
            ranked.setdefault(rank, []).append(container)
    best = ranked[min(ranked)] if ranked else []
    return best[0] if len(best) == 1 else None


def _likeness(kind: str, container: Container) -> int | None:
    """Return how clearly a container is of a kind, 0 the clearest; None: nothing says so."""
    image = _IMAGE_NAME.sub("", container.image.rpartition("/")[2]).lower()
    names = (image, (container.service or "").lower(), container.name.lower())
    if any(_COMPANION.search(name) for name in names):
        return None
    for rank, name in enumerate(names):
        if name == kind:
            return rank
    return len(names) if any(kind in name for name in names) else None


_IMAGE_NAME = re.compile(r"[:@].*$")  # the tag or the digest
#: What carries another program's name without being it.
_COMPANION = re.compile(r"export|monitor|metrics|backup|proxy|\bdb\b|postgres|redis")


# --- borrowed networks -----------------------------------------------------------------------------------------------


def dependants(container: Container, containers: Iterable[Container]) -> tuple[Container, ...]:
    """Return the containers that borrow the network of this one: starting it anew takes theirs away."""
    return tuple(each for each in containers if each.network_of and container.is_called(each.network_of))


def lender(container: Container, containers: Iterable[Container]) -> Container | None:
    """Return the container whose network this one borrows; None: it borrows none, or that one is gone."""
    if container.network_of is None:
        return None
    return next((each for each in containers if each.is_called(container.network_of)), None)


def lost_network(container: Container, lender: Container) -> bool:
    """Whether the network that was borrowed has been replaced: who lends it was started after who borrows it.

    Both have to have been looked at closely; else nobody can tell, and it is taken to be there.
    """
    if container.state is not ContainerState.RUNNING or container.details is None or lender.details is None:
        return False
    borrowed, lent = container.details.started_at, lender.details.started_at
    return borrowed is not None and lent is not None and borrowed < lent
