"""The client for container engines, against simulated ones and a real one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from aiohttp import ClientSession, UnixConnector
import pytest
import pytest_socket

from custom_components.sokoul.autopilot.rules.backend_down import (
    BackendDownPolicy,
    Decision,
    Outage,
    decide,
    revive_dependants,
)
from custom_components.sokoul.clients.docker import DockerClient, socket_path
from custom_components.sokoul.clients.errors import NotFound, Refused, UnexpectedResponse
from custom_components.sokoul.model.containers import (
    Container,
    ContainerHealth,
    ContainerMatch,
    ContainerState,
    MatchedBy,
    dependants,
    find_container,
    lender,
    lost_network,
)
from custom_components.sokoul.model.journal import ActKind, Proposal
from devstack.docker import ENGINES
from devstack.real_docker import RealDocker, RealDockerError, why_not

from .engines import SECRET, Engine, RealEngine, SimulatedEngine, eventually

COMPOSE = {
    "com.docker.compose.project": "media",
    "com.docker.compose.service": "radarr",
}


@pytest.fixture(params=[*ENGINES, pytest.param("real", marks=pytest.mark.real)])
async def engine(request: pytest.FixtureRequest, tmp_path: Path, socket_enabled: None) -> AsyncIterator[Engine]:
    """Run an engine without containers."""
    if request.param != "real":
        simulated = SimulatedEngine(request.param)
        async with simulated.simulator:
            yield simulated
        return
    if reason := why_not():
        pytest.skip(reason)
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)  # every test begins with it shut
    docker = RealDocker(tmp_path / "docker")
    try:
        await docker.start()
    except RealDockerError as error:
        pytest.skip(f"no container engine starts here: {error}")
    try:
        yield RealEngine(docker)
    finally:
        await docker.stop()


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[DockerClient]:
    path = socket_path(engine.url)
    async with ClientSession(connector=UnixConnector(path) if path else None) as session:
        yield DockerClient(session, engine.url)


async def looked_at(client: DockerClient) -> tuple[Container, ...]:
    return tuple([await client.container(each.id) for each in await client.containers()])


async def until(client: DockerClient, engine: Engine, name: str, health: ContainerHealth) -> Container:
    async def shows() -> Container | None:
        container = await client.container(name)
        return container if container.health is health else None

    return await eventually(engine, shows)


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_an_engine_says_what_it_is(client: DockerClient, engine: Engine) -> None:
    version = await client.version()
    assert version.application
    assert version.api >= (1, 41)
    assert await client.containers() == ()
    assert client.latency_seconds is not None


async def test_a_container_is_described(client: DockerClient, engine: Engine) -> None:
    id_ = await engine.run("radarr", checked=True, labels=COMPOSE, restart="unless-stopped")
    container = await until(client, engine, "radarr", ContainerHealth.HEALTHY)
    assert replace(container, details=None) == Container(
        id=id_,
        name="radarr",
        image="localhost/tiny:1",
        state=ContainerState.RUNNING,
        health=ContainerHealth.HEALTHY,
        network_mode="none",
        project="media",
        service="radarr",
    )
    details = container.details
    assert details is not None
    assert details.started_at is not None
    assert timedelta() <= engine.now() - details.started_at < timedelta(minutes=1)
    assert (details.finished_at, details.exit_code, details.restarts_itself) == (None, 0, True)
    assert not details.out_of_memory
    assert SECRET not in repr(container)


async def test_the_list_says_the_same_in_short(client: DockerClient, engine: Engine) -> None:
    await engine.run("well", checked=True)
    await engine.run("sick", checked=True)
    await engine.run("unchecked")
    await engine.run("never", start=False)
    await engine.run("over", checked=True)
    await until(client, engine, "well", ContainerHealth.HEALTHY)
    await engine.make_sick("sick")
    await until(client, engine, "sick", ContainerHealth.UNHEALTHY)
    await client.stop("over", grace_seconds=0)
    listed = {each.name: each for each in await client.containers()}
    assert {name: (each.state, each.health) for name, each in listed.items()} == {
        "well": (ContainerState.RUNNING, ContainerHealth.HEALTHY),
        "sick": (ContainerState.RUNNING, ContainerHealth.UNHEALTHY),
        "unchecked": (ContainerState.RUNNING, ContainerHealth.NONE),
        "never": (ContainerState.CREATED, ContainerHealth.NONE),
        "over": (ContainerState.EXITED, ContainerHealth.NONE),
    }
    assert {each.name: replace(each, details=None) for each in await looked_at(client)} == listed
    assert {name for name, each in listed.items() if each.well} == {"well", "unchecked"}


async def test_how_it_ended_is_told(client: DockerClient, engine: Engine) -> None:
    await engine.run("crashed")
    await engine.run("stopped")
    await engine.end("crashed", 3)
    await client.stop("stopped", grace_seconds=0)

    async def ended() -> Container | None:
        container = await client.container("crashed")
        return container if container.state is ContainerState.EXITED else None

    crashed, stopped = (await eventually(engine, ended)).details, (await client.container("stopped")).details
    assert crashed is not None
    assert stopped is not None
    assert (crashed.exit_code, crashed.restarts_itself) == (3, False)
    assert stopped.exit_code == 137
    assert crashed.finished_at is not None


# --- acting ----------------------------------------------------------------------------------------------------------


async def test_starting_stopping_and_restarting(client: DockerClient, engine: Engine) -> None:
    id_ = await engine.run("radarr", start=False)

    async def state() -> ContainerState:
        return (await client.container("radarr")).state

    await client.start("radarr")
    assert await state() is ContainerState.RUNNING
    before = (await client.container("radarr")).details
    await client.start(id_)
    assert (await client.container("radarr")).details == before, "what runs stays as it is"
    await engine.pass_time(0.1)
    await client.restart(id_[:12], grace_seconds=0)
    after = (await client.container("radarr")).details
    assert before is not None
    assert after is not None
    assert before.started_at is not None
    assert after.started_at is not None
    assert after.started_at > before.started_at
    await client.stop("radarr", grace_seconds=0)
    assert await state() is ContainerState.EXITED
    await client.stop("radarr", grace_seconds=0)
    await client.restart("radarr", grace_seconds=0)
    assert await state() is ContainerState.RUNNING


async def test_a_paused_container_is_not_started_but_restarted(client: DockerClient, engine: Engine) -> None:
    await engine.run("radarr")
    await engine.pause("radarr")
    assert (await client.container("radarr")).state is ContainerState.PAUSED
    with pytest.raises(Refused) as caught:
        await client.start("radarr")
    assert caught.value.status == 409
    await client.restart("radarr", grace_seconds=0)
    assert (await client.container("radarr")).state is ContainerState.RUNNING


async def test_what_is_not_there_is_not_found(client: DockerClient, engine: Engine) -> None:
    for call in (client.container, client.start, client.stop, client.restart):
        with pytest.raises(NotFound, match="No such container: nobody"):
            await call("nobody")


# --- borrowed networks -----------------------------------------------------------------------------------------------


async def test_a_restarted_lender_takes_the_network_with_it(client: DockerClient, engine: Engine) -> None:
    vpn = await engine.run("gluetun", checked=True)
    await engine.run("qbittorrent", network="container:gluetun")
    await until(client, engine, "gluetun", ContainerHealth.HEALTHY)
    gluetun, borrower = [
        next(each for each in await looked_at(client) if each.name == name) for name in ("gluetun", "qbittorrent")
    ]
    assert borrower.network_of == vpn
    assert lender(borrower, await client.containers()) == replace(gluetun, details=None)
    assert dependants(gluetun, await client.containers()) == (replace(borrower, details=None),)
    assert not lost_network(borrower, gluetun)
    assert await engine.network_of("qbittorrent") == await engine.network_of("gluetun")

    await client.restart("gluetun", grace_seconds=0)
    await until(client, engine, "gluetun", ContainerHealth.HEALTHY)
    containers = await looked_at(client)
    gluetun = next(each for each in containers if each.name == "gluetun")
    assert await engine.network_of("qbittorrent") != await engine.network_of("gluetun"), "it holds the old one"
    assert gluetun.details is not None
    assert gluetun.details.started_at is not None
    decision = revive_dependants(
        "vpn", gluetun, containers, now=gluetun.details.started_at + timedelta(minutes=1), policy=BackendDownPolicy()
    )
    assert decision.proposal is not None
    assert decision.proposal.parameters["names"] == ("qbittorrent",)
    for id_ in decision.proposal.parameters["containers"]:
        await client.restart(id_, grace_seconds=0)
    assert await engine.network_of("qbittorrent") == await engine.network_of("gluetun")
    assert not lost_network(await client.container("qbittorrent"), gluetun)


async def test_without_its_lender_a_container_cannot_start(client: DockerClient, engine: Engine) -> None:
    await engine.run("gluetun")
    await engine.run("qbittorrent", network="container:gluetun")
    await client.stop("qbittorrent", grace_seconds=0)
    await engine.remove("gluetun")
    borrower = await client.container("qbittorrent")
    assert lender(borrower, await client.containers()) is None
    with pytest.raises(NotFound):
        await client.start("qbittorrent")
    with pytest.raises(UnexpectedResponse) as caught:
        await client.restart("qbittorrent", grace_seconds=0)
    assert caught.value.status == 500


async def test_a_borrower_that_could_not_start_is_started_once_its_lender_runs(
    client: DockerClient, engine: Engine
) -> None:
    """As after a restart of the machine, when the borrower's turn comes first: the engine doesn't try again."""
    await engine.run("gluetun", checked=True)
    await engine.run("qbittorrent", network="container:gluetun", restart="unless-stopped")
    await client.stop("qbittorrent", grace_seconds=0)
    await client.stop("gluetun", grace_seconds=0)
    with pytest.raises(Refused) as caught:
        await client.start("qbittorrent")
    assert caught.value.status == 409
    with pytest.raises(UnexpectedResponse, match="non running container"):
        await client.restart("qbittorrent", grace_seconds=0)
    silent_since = engine.now() - timedelta(minutes=5)

    async def decision() -> Decision:
        borrower = await client.container("qbittorrent")
        found = ContainerMatch(container=borrower, by=MatchedBy.NAME)
        containers = await looked_at(client)
        now = engine.now()
        return decide(
            Outage(backend_id="torrents", now=now, silent_since=silent_since, found=found, containers=containers),
            BackendDownPolicy(grace_seconds=0),
        )

    assert (await decision()).proposal is None, "its lender does not run"
    await client.start("gluetun")
    await until(client, engine, "gluetun", ContainerHealth.HEALTHY)
    proposal = (await decision()).proposal
    assert proposal is not None
    assert (proposal.act, proposal.reason.key) == (ActKind.RESTART, "heal.backend_down_not_started")
    await client.restart(proposal.parameters["containers"][0], grace_seconds=0)
    details = (await client.container("qbittorrent")).details
    assert details is not None
    assert details.start_error == ""
    assert await engine.network_of("qbittorrent") == await engine.network_of("gluetun")


# --- from unhealthy to healthy ---------------------------------------------------------------------------------------


async def test_an_unhealthy_container_is_found_restarted_and_healthy_again(
    client: DockerClient, engine: Engine
) -> None:
    await engine.run("radarr", checked=True, labels=COMPOSE)
    await engine.run("sonarr", checked=True)
    policy = BackendDownPolicy(patience=timedelta(seconds=1), grace_seconds=0)
    unhealthy_since = None

    async def wanted() -> Proposal | None:
        """Look as the autopilot does: list, find the backend's container, look at it, decide."""
        nonlocal unhealthy_since
        found = find_container("radarr", "radarr", 7878, await client.containers())
        assert found is not None
        container = await client.container(found.container.id)
        if container.health is not ContainerHealth.UNHEALTHY:
            unhealthy_since = None
        elif unhealthy_since is None:
            unhealthy_since = engine.now()
        outage = Outage(
            backend_id="movies",
            now=engine.now(),
            unhealthy_since=unhealthy_since,
            found=replace(found, container=container),
            containers=await client.containers(),
        )
        return decide(outage, policy).proposal

    before = await until(client, engine, "radarr", ContainerHealth.HEALTHY)
    assert await wanted() is None
    await engine.make_sick("radarr")
    proposal = await eventually(engine, wanted)
    assert (proposal.act, proposal.subject) == (ActKind.RESTART, "movies")
    assert proposal.reason.key == "heal.backend_down_unhealthy"
    assert proposal.parameters["containers"] == (before.id,)
    for id_ in proposal.parameters["containers"]:
        await client.restart(id_, grace_seconds=proposal.parameters["grace_seconds"])
    after = await until(client, engine, "radarr", ContainerHealth.HEALTHY)
    assert before.details is not None
    assert after.details is not None
    assert after.details.started_at != before.details.started_at
    assert await wanted() is None
