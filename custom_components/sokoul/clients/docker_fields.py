"""What the fields of the Docker Engine API mean in SOKOUL's model. Source: Engine API 1.41 to 1.55."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ..model.containers import Container, ContainerDetails, ContainerHealth, ContainerState, PublishedPort
from .errors import UnexpectedResponse
from .fields import Fields, each
from .redact import redact

#: Longer than this and it is a page or a trace, not a reason.
MAX_MESSAGE_CHARACTERS = 300

#: In these states the health check runs.
_CHECKED = frozenset({ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.UNKNOWN})

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"

#: Before API 1.52 a list tells of the health in words only: "Up 3 minutes (unhealthy)".
_HEALTH_IN_WORDS = {
    "(healthy)": ContainerHealth.HEALTHY,
    "(unhealthy)": ContainerHealth.UNHEALTHY,
    "(health: starting)": ContainerHealth.STARTING,
}


def listed(row: Fields) -> Container:
    """Return a container from its row of `GET /containers/json`."""
    names = row.texts("Names")
    labels = row.optional_object("Labels")
    host_config, network = row.optional_object("HostConfig"), row.optional_object("NetworkSettings")
    ports = (
        PublishedPort(host_port=host_port, container_port=port.whole("PrivatePort"), address=port.text("IP", ""))
        for port in row.objects("Ports")
        if port.text("Type", "tcp") == "tcp" and (host_port := port.whole("PublicPort", 0))
    )
    return Container(
        id=row.text("Id"),
        name=_name(names[0] if names else row.text("Id")),
        image=row.text("Image", ""),
        state=row.choice("State", ContainerState),
        health=_listed_health(row),
        ports=tuple(dict.fromkeys(ports)),
        hosts=_hosts(network),
        network_mode=host_config.text("NetworkMode", "") if host_config else "",
        project=_label(labels, _PROJECT),
        service=_label(labels, _SERVICE),
    )


def inspected(answer: Fields) -> Container:
    """Return a container from `GET /containers/{id}/json`, with its details."""
    state, config = answer.object("State"), answer.object("Config")
    host_config, network = answer.object("HostConfig"), answer.optional_object("NetworkSettings")
    labels, health = config.optional_object("Labels"), state.optional_object("Health")
    policy = host_config.optional_object("RestartPolicy")
    status = state.choice("Status", ContainerState)
    return Container(
        id=answer.text("Id"),
        name=_name(answer.text("Name")),
        image=config.text("Image", ""),
        state=status,
        # of one that has ended the engine says unhealthy, which says nothing
        health=_health(health) if status in _CHECKED else ContainerHealth.NONE,
        ports=tuple(dict.fromkeys(_bound_ports(network))),
        hosts=_hosts(network),
        network_mode=host_config.text("NetworkMode", ""),
        project=_label(labels, _PROJECT),
        service=_label(labels, _SERVICE),
        details=ContainerDetails(
            started_at=_moment(state, "StartedAt"),
            finished_at=_moment(state, "FinishedAt"),
            exit_code=state.whole("ExitCode", 0),
            start_error=_message(state.text("Error", "")),
            out_of_memory=state.flag("OOMKilled", default=False),
            restarts_itself=policy is not None and policy.text("Name", "") in {"always", "unless-stopped"},
            health_message=_health_message(health),
        ),
    )


def _name(text: str) -> str:
    return text.removeprefix("/")


def _label(labels: Fields | None, name: str) -> str | None:
    return labels.optional_text(name) if labels else None


def _listed_health(row: Fields) -> ContainerHealth:
    if "Health" in row and row.choice("State", ContainerState) in _CHECKED:
        return _health(row.object("Health"))
    words = row.text("Status", "")
    return next((health for ending, health in _HEALTH_IN_WORDS.items() if words.endswith(ending)), ContainerHealth.NONE)


def _health(health: Fields | None) -> ContainerHealth:
    """Return what a health check says; some versions tell of one that isn't there with an empty status."""
    if health is None or not health.text("Status", ""):
        return ContainerHealth.NONE
    return health.choice("Status", ContainerHealth)


def _health_message(health: Fields | None) -> str:
    log = list(health.objects("Log")) if health else []
    return _message(log[-1].text("Output", "")) if log else ""


def _message(text: str) -> str:
    words = redact(" ".join(text.split()))
    return words if len(words) <= MAX_MESSAGE_CHARACTERS else words[: MAX_MESSAGE_CHARACTERS - 1] + "…"


def _hosts(network: Fields | None) -> frozenset[str]:
    """Return the names and addresses that a container has in its networks."""
    hosts: set[str] = set()
    for name, value in _members(network, "Networks"):
        joined = Fields(value, f"NetworkSettings.Networks.{name}")
        hosts.update(joined.texts("Aliases"), joined.texts("DNSNames"))
        hosts.update((joined.text("IPAddress", ""), joined.text("GlobalIPv6Address", "")))
    return frozenset(hosts - {""})


def _bound_ports(network: Fields | None) -> Iterator[PublishedPort]:
    """Yield what `NetworkSettings.Ports` binds: {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}."""
    for name, bindings in _members(network, "Ports"):
        number, _, protocol = name.partition("/")
        for binding in each(bindings or [], f"NetworkSettings.Ports.{name}"):
            host_port = binding.text("HostPort", "")
            if protocol != "tcp" or not host_port:
                continue
            if not number.isdecimal() or not host_port.isdecimal():
                raise UnexpectedResponse("container.NetworkSettings.Ports: a port that is no number")
            yield PublishedPort(
                host_port=int(host_port), container_port=int(number), address=binding.text("HostIp", "")
            )


def _members(fields: Fields | None, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of an object of objects; an absent one has none."""
    if fields is not None and name in fields:
        members = fields.raw(name)
        if not isinstance(members, dict):
            raise UnexpectedResponse(f"{name}: expected an object")
        yield from members.items()


def _moment(state: Fields, name: str) -> datetime | None:
    """Return a time; the year 1 is Go's way to say never."""
    moment = state.moment(name) if state.text(name, "") else None
    return moment if moment is not None and moment.year > 1 else None
