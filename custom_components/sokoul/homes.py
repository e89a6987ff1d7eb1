"""Where the hub's backends live: which container of which engine each of them is, as far as that can be told."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from yarl import URL

from .clients.docker import socket_path
from .clients.errors import BackendError
from .connectors.docker import KIND
from .model.containers import LOCAL_HOSTS, Container, ContainerMatch, EngineSnapshot, MatchedBy, find_container
from .restart_way import Way, WayKind

if TYPE_CHECKING:
    from .hub import AnyCoordinator, Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The container of a backend, among all of its engine's."""

    engine: AnyCoordinator
    found: ContainerMatch
    containers: tuple[Container, ...]

    @property
    def container(self) -> Container:
        """The container."""
        return self.found.container

    def seen(self, container: Container) -> Home:
        """Return it with a container as it was just looked at."""
        containers = tuple(container if each.id == container.id else each for each in self.containers)
        return replace(self, found=replace(self.found, container=container), containers=containers)


def engines(hub: Hub) -> list[AnyCoordinator]:
    """Return the container engines that have answered at least once; what they said last counts while they are away."""
    return [each for each in hub.backends.values() if each.connector.kind == KIND and each.data is not None]


def awaits_engine(hub: Hub) -> bool:
    """Tell whether a container engine has never answered: who borrows whose network may only be known from it."""
    return any(each.connector.kind == KIND and each.data is None for each in hub.backends.values())


def home_of(hub: Hub, backend: AnyCoordinator) -> Home | None:
    """Return the container of a backend: the one that a person chose, else the one that it must be."""
    way = Way.of(backend.memory)
    if way.kind is WayKind.CONTAINER:
        return _chosen(hub, way)
    if backend.connector.kind == KIND or not (host := URL(backend.connection.url).host):
        return None
    port = URL(backend.connection.url).port or 0
    found = []
    for engine in engines(hub):
        containers = _containers(engine)
        match = find_container(
            backend.connector.kind, host, port, containers, engine_hosts=_hosts_of(hub, engine, containers)
        )
        if match is not None:
            found.append(Home(engine=engine, found=match, containers=containers))
    found.sort(key=lambda home: _SUREST.index(home.found.by))
    if len(found) > 1 and found[0].found.by is found[1].found.by:
        return None  # two engines are equally likely
    return found[0] if found else None


_SUREST = list(MatchedBy)


def _chosen(hub: Hub, way: Way) -> Home | None:
    """Return the container that a person chose, by its name, which stays when it is made anew."""
    for engine in engines(hub):
        if engine.subentry_id == way.engine_id:
            for container in _containers(engine):
                if container.name == way.name:
                    match = ContainerMatch(container=container, by=MatchedBy.NAME)
                    return Home(engine=engine, found=match, containers=_containers(engine))
    return None


def _containers(engine: AnyCoordinator) -> tuple[Container, ...]:
    snapshot: EngineSnapshot = engine.data
    return snapshot.containers


def _hosts_of(hub: Hub, engine: AnyCoordinator, containers: Iterable[Container]) -> set[str]:
    """Return under which names and addresses the machine of an engine is known here."""
    host = (URL(engine.connection.url).host or "").lower()
    return {*LOCAL_HOSTS, *_own_hosts(hub), host} - {""} if _is_ours(engine, containers) else {host}


def _is_ours(engine: AnyCoordinator, containers: Iterable[Container]) -> bool:
    """Tell whether an engine is that of our own machine.

    Behind a socket it is. So it is, as good as certainly, behind a proxy that is one of its containers.
    """
    host = (URL(engine.connection.url).host or "").lower()
    return (
        socket_path(engine.connection.url) is not None
        or host in LOCAL_HOSTS
        or any(host in {each.name.lower(), each.service, *each.hosts} for each in containers)
    )


def runs_here(hub: Hub, backend: AnyCoordinator) -> bool:
    """Tell whether a backend runs on Home Assistant's own machine. False also where there is no telling."""
    host = (URL(backend.connection.url).host or "").lower()
    if host in LOCAL_HOSTS or host in _own_hosts(hub) or Way.of(backend.memory).kind is WayKind.APP:
        return True
    home = home_of(hub, backend)
    # its image alone is too little: there may be another one of its kind on another machine
    return home is not None and home.found.by is not MatchedBy.IMAGE and _is_ours(home.engine, home.containers)


def _own_hosts(hub: Hub) -> set[str]:
    """Return the names and addresses of Home Assistant's machine that Home Assistant knows."""
    config: Any = hub.hass.config
    hosts = {URL(config.internal_url).host} if config.internal_url else set()
    if config.api is not None:
        hosts.add(config.api.local_ip)
    return {host.lower() for host in hosts if host}


async def looked_at(home: Home) -> Home:
    """Return a home with its container looked at closely now; as it was where that can't be had."""
    try:
        return home.seen(await home.engine.client.container(home.container.id))
    except BackendError:
        return home
