"""What can go wrong between the client and a container engine: versions, proxies, faults, nonsense."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
import socket
from typing import Any

from aiohttp import ClientSession, UnixConnector
import jsonschema  # type: ignore[import-untyped]  # it comes without types
import pytest
import pytest_socket
import yaml

from custom_components.sokoul.clients.docker import DockerClient, socket_path
from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    Silence,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.http import Answer
from custom_components.sokoul.model.containers import ContainerHealth, ContainerState, PublishedPort
from devstack.clock import ManualClock
from devstack.docker import ENGINES, DockerSimulator, EngineGeneration, SocketProxy
from devstack.frame import FaultKind
from tests.specifications import SPECIFICATIONS

SECRET = "0123456789abcdef"


@pytest.fixture
async def engine(socket_enabled: None) -> AsyncIterator[DockerSimulator]:
    async with DockerSimulator("1.44", clock=ManualClock()) as simulator:
        simulator.add("radarr", checked=True)
        yield simulator


@pytest.fixture
def client(session: ClientSession, engine: DockerSimulator) -> DockerClient:
    return DockerClient(session, engine.url, timeout_seconds=5)


CALLS: dict[str, Callable[[DockerClient], Awaitable[object]]] = {
    "version": lambda client: client.version(),
    "containers": lambda client: client.containers(),
    "container": lambda client: client.container("radarr"),
    "restart": lambda client: client.restart("radarr", grace_seconds=0),
    "start": lambda client: client.start("radarr"),
    "stop": lambda client: client.stop("radarr", grace_seconds=0),
}


def asked(engine: DockerSimulator) -> list[str]:
    return [f"{request.method} {request.path}" for request in engine.requests]


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("unix:///var/run/docker.sock", "/var/run/docker.sock"),
        (" unix:///run/user/1000/docker.sock ", "/run/user/1000/docker.sock"),
        ("/var/run/docker.sock", "/var/run/docker.sock"),
        ("tcp://docker-proxy:2375", None),
        ("http://docker-proxy:2375", None),
    ],
)
def test_an_address_names_a_socket_or_a_host(url: str, path: str | None) -> None:
    assert socket_path(url) == path


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("tcp://docker-proxy:2375", "http://docker-proxy:2375/"),
        ("tcp://nas:2376", "https://nas:2376/"),
        ("tcp://nas:2376/", "https://nas:2376/"),
        ("https://nas/docker", "https://nas/docker/"),
        ("unix:///var/run/docker.sock", "http://docker/"),
    ],
)
async def test_an_address_becomes_one_for_http(session: ClientSession, url: str, base: str) -> None:
    assert str(DockerClient(session, url)._http.base_url) == base


@pytest.mark.parametrize("url", ["unix://var/run/docker.sock", "unix:", "ssh://nas", "tcp://", "", "tcp://nas:port"])
async def test_what_is_no_address_is_said(session: ClientSession, url: str) -> None:
    with pytest.raises(CannotConnect):
        DockerClient(session, url)


async def test_a_socket_that_is_not_there_or_not_ours(
    tmp_path: Path, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
    path = tmp_path / "docker.sock"

    async def silence() -> CannotConnect:
        async with ClientSession(connector=UnixConnector(str(path))) as session:
            with pytest.raises(CannotConnect) as caught:
                await DockerClient(session, f"unix://{path}").version()
            return caught.value

    assert (await silence()).silence is Silence.UNREACHABLE
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        assert (await silence()).silence is Silence.REFUSED

        async def forbidden(*_: object, **__: object) -> None:  # root may use any socket
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", forbidden)
        refused = await silence()
    assert refused.silence is Silence.REFUSED
    assert "permission denied" in str(refused)


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ENGINES)
async def test_the_engine_is_asked_in_its_own_version(session: ClientSession, socket_enabled: None, api: str) -> None:
    async with DockerSimulator(api) as engine:
        client = DockerClient(session, engine.url)
        await client.containers()
        await client.containers()
        assert asked(engine) == ["GET /version", f"GET /v{api}/containers/json", f"GET /v{api}/containers/json"]
        assert (await client.version()).api == ENGINES[api].api


def version(api: tuple[int, int], oldest: tuple[int, int]) -> EngineGeneration:
    return EngineGeneration(application="99", api=api, oldest_api=oldest)


async def test_a_newer_engine_is_asked_in_the_newest_version_that_is_known(
    client: DockerClient, engine: DockerSimulator
) -> None:
    engine.generation = version((1, 99), (1, 44))
    await client.containers()
    assert asked(engine)[-1] == "GET /v1.55/containers/json"


async def test_an_engine_that_takes_only_newer_ones_is_asked_in_its_oldest(
    client: DockerClient, engine: DockerSimulator
) -> None:
    engine.generation = version((2, 3), (2, 0))
    await client.containers()
    assert asked(engine)[-1] == "GET /v2.0/containers/json"


async def test_an_engine_that_is_too_old_is_said(client: DockerClient, engine: DockerSimulator) -> None:
    engine.generation = version((1, 40), (1, 12))
    for _ in range(2):
        with pytest.raises(Refused, match=r"1\.41"):
            await client.containers()


@pytest.mark.parametrize("other", ["1.41", "1.55"])
async def test_an_engine_that_was_exchanged_meanwhile_is_asked_anew(
    client: DockerClient, engine: DockerSimulator, other: str
) -> None:
    await client.containers()
    engine.generation = version(ENGINES[other].api, ENGINES[other].api)
    assert [each.name for each in await client.containers()] == ["radarr"]
    assert asked(engine)[-2:] == ["GET /version", f"GET /v{other}/containers/json"]


# --- proxies ---------------------------------------------------------------------------------------------------------

READING, ACTING = SocketProxy(containers=True), SocketProxy(containers=True, restarts=True)


@pytest.mark.parametrize(
    ("proxy", "allowed"),
    [
        (SocketProxy(), {"version"}),
        (READING, {"version", "containers", "container"}),
        (ACTING, {"version", "containers", "container", "restart", "stop"}),
        (SocketProxy(containers=True, starts=True), {"version", "containers", "container", "start"}),
        (SocketProxy(restarts=True), {"version", "restart", "stop"}),
        (SocketProxy(containers=True, posts=True), set(CALLS)),
    ],
)
async def test_a_proxy_forbids_some_calls(
    client: DockerClient, engine: DockerSimulator, proxy: SocketProxy, allowed: set[str]
) -> None:
    engine.proxy = proxy
    for name, call in CALLS.items():
        if name in allowed:
            await call(client)
            continue
        with pytest.raises(Refused, match="proxy") as refused:
            await call(client)
        assert refused.value.status == 403


async def test_a_plugin_of_the_engine_forbids_in_words(client: DockerClient, engine: DockerSimulator) -> None:
    await client.version()
    engine.fault(FaultKind.STATUS, status=403, body='{"message":"authorization denied by plugin opa"}')
    with pytest.raises(Refused, match="denied by plugin opa"):
        await client.restart("radarr")


# --- faults ----------------------------------------------------------------------------------------------------------

READS = ("version", "containers", "container")

FAULTS: dict[str, tuple[FaultKind, dict[str, Any], type[BackendError]]] = {
    "hang": (FaultKind.HANG, {}, CannotConnect),
    "hang up": (FaultKind.DISCONNECT, {}, CannotConnect),
    "400": (FaultKind.STATUS, {"status": 400, "body": '{"message":"bad parameter"}'}, Refused),
    "401": (FaultKind.STATUS, {"status": 401}, InvalidAuth),
    "403": (FaultKind.STATUS, {"status": 403}, Refused),
    "404": (FaultKind.STATUS, {"status": 404, "body": '{"message":"No such container: radarr"}'}, NotFound),
    "409": (FaultKind.STATUS, {"status": 409, "body": '{"message":"removal in progress"}'}, Refused),
    "429": (FaultKind.STATUS, {"status": 429}, RateLimited),
    "500": (FaultKind.STATUS, {"status": 500, "body": '{"message":"driver failed"}'}, UnexpectedResponse),
    "502": (FaultKind.STATUS, {"status": 502}, UnexpectedResponse),
    "elsewhere": (FaultKind.REDIRECT, {"location": "https://other.example/"}, NotTheApi),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_of_every_call_is_one_of_the_errors(
    session: ClientSession, engine: DockerSimulator, call: str, fault: str
) -> None:
    kind, options, error = FAULTS[fault]
    client = DockerClient(session, engine.url, timeout_seconds=0.05 if kind is FaultKind.HANG else 5)
    await client.version()
    engine.fault(kind, **options)
    with pytest.raises(error) as caught:
        await CALLS[call](client)
    if kind is FaultKind.HANG:
        assert isinstance(caught.value, CannotConnect)
        assert caught.value.silence is Silence.TIMEOUT


READ_FAULTS: dict[str, tuple[FaultKind, dict[str, Any], type[BackendError]]] = {
    "page": (FaultKind.HTML, {}, NotTheApi),
    "text": (FaultKind.STATUS, {"status": 200, "body": "pong"}, UnexpectedResponse),
    "number": (FaultKind.STATUS, {"status": 200, "body": "5"}, UnexpectedResponse),
    "truncated": (FaultKind.STATUS, {"status": 200, "body": '[{"Id": "a'}, UnexpectedResponse),
    "odd list": (FaultKind.STATUS, {"status": 200, "body": '[{"Id": 5}]'}, UnexpectedResponse),
    "odd object": (FaultKind.STATUS, {"status": 200, "body": '{"Id": [], "ApiVersion": "x"}'}, UnexpectedResponse),
    "endless": (FaultKind.HUGE, {}, UnexpectedResponse),
}


@pytest.mark.parametrize("call", READS)
@pytest.mark.parametrize("fault", READ_FAULTS)
async def test_every_reading_of_nonsense_is_one_of_the_errors(
    client: DockerClient, engine: DockerSimulator, call: str, fault: str
) -> None:
    await client.version()
    kind, options, error = READ_FAULTS[fault]
    engine.fault(kind, **options)
    with pytest.raises(error):
        await CALLS[call](client)
    engine.clear_faults()


@pytest.mark.parametrize("call", ["containers", "container"])
async def test_wrong_types_are_an_unexpected_response(client: DockerClient, engine: DockerSimulator, call: str) -> None:
    await client.version()
    engine.fault(FaultKind.WRONG_TYPES)
    with pytest.raises(UnexpectedResponse):
        await CALLS[call](client)


async def test_a_slow_stop_is_waited_for(
    client: DockerClient, engine: DockerSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine answers when it is done: our patience begins after the grace period."""
    patience: dict[str, float | None] = {}
    send = client._http.request

    async def request(method: str, path: str, **options: Any) -> Answer:
        patience[path.rpartition("/")[2]] = options["timeout_seconds"]
        return await send(method, path, **options)

    await client.version()
    monkeypatch.setattr(client._http, "request", request)
    await client.stop("radarr", grace_seconds=60)
    await client.restart("radarr")
    await client.start("radarr")
    assert patience == {"stop": 65, "restart": 35, "start": 5}


async def test_the_grace_period_is_sent(client: DockerClient, engine: DockerSimulator) -> None:
    await client.restart("radarr", grace_seconds=7)
    await client.stop("radarr", grace_seconds=0)
    await client.start("radarr")
    sent = [(request.path.rpartition("/")[2], dict(request.query)) for request in engine.requests[1:]]
    assert sent == [("restart", {"t": "7"}), ("stop", {"t": "0"}), ("start", {})]


@pytest.mark.parametrize("reference", ["", "../images", "a/b", "a b", "-a", "a%2fb", "größe"])
async def test_what_is_no_name_is_never_sent(client: DockerClient, engine: DockerSimulator, reference: str) -> None:
    for call in (client.container, client.restart, client.start, client.stop):
        with pytest.raises(Refused):
            await call(reference)
    assert asked(engine) == []


# --- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ENGINES)
async def test_ports_and_names(session: ClientSession, socket_enabled: None, api: str) -> None:
    async with DockerSimulator(api) as engine:
        engine.add(
            "radarr",
            ports=(("0.0.0.0", 17878, 7878), ("::", 17878, 7878), ("127.0.0.1", 9999, 9999)),
            aliases=("movies",),
            address="172.18.0.5",
        )
        client = DockerClient(session, engine.url)
        for container in (*await client.containers(), await client.container("radarr")):
            assert set(container.ports) == {
                PublishedPort(host_port=17878, container_port=7878, address="0.0.0.0"),
                PublishedPort(host_port=17878, container_port=7878, address="::"),
                PublishedPort(host_port=9999, container_port=9999, address="127.0.0.1"),
            }
            assert {"movies", "172.18.0.5"} <= container.hosts
            assert ("radarr" in container.hosts) is (ENGINES[api].api >= (1, 44))


@pytest.mark.parametrize("api", ENGINES)
async def test_a_state_and_a_health_from_the_future(session: ClientSession, socket_enabled: None, api: str) -> None:
    async with DockerSimulator(api) as engine:
        engine.add("radarr", state="hibernating", checked=True)
        client = DockerClient(session, engine.url)
        (listed,) = await client.containers()
        assert listed.state is ContainerState.UNKNOWN
        assert (await client.container("radarr")).state is ContainerState.UNKNOWN
        engine.containers[0].state = "running"
        engine.fault(FaultKind.UNKNOWN_ENUMS, fields=("Status",))
        container = await client.container("radarr")
        assert (container.state, container.health) == (ContainerState.UNKNOWN, ContainerHealth.UNKNOWN)
        assert not container.well


async def test_what_a_health_check_prints_is_kept_short_and_without_secrets(
    client: DockerClient, engine: DockerSimulator
) -> None:
    container = engine.containers[0]
    container.sick, container.check_says = True, f"GET /api?apikey={SECRET} failed\n" + "x" * 5000
    details = (await client.container("radarr")).details
    assert details is not None
    assert len(details.health_message) == 300
    assert details.health_message.startswith("GET /api?apikey=")
    assert SECRET not in details.health_message


async def test_little_is_enough(client: DockerClient, engine: DockerSimulator) -> None:
    await client.version()
    engine.fault(FaultKind.STATUS, "* */containers/json", status=200, body='[{"Id":"abc","Names":null,"Labels":null}]')
    (container,) = await client.containers()
    assert (container.id, container.name, container.state) == ("abc", "abc", ContainerState.UNKNOWN)
    body = '{"Id":"abc","Name":"/a","State":{"Status":"running","Health":{"Status":""}},"Config":{},"HostConfig":{}}'
    engine.fault(FaultKind.STATUS, "* */abc/json", status=200, body=body)
    assert (await client.container("abc")).health is ContainerHealth.NONE


def without_nulls(value: Any) -> Any:
    """Leave out what is null: that is how Go writes an empty list or object, and the description doesn't say so."""
    match value:
        case dict():
            return {name: without_nulls(each) for name, each in value.items() if each is not None}
        case list():
            return [without_nulls(each) for each in value]
    return value


# --- the simulator ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("published", ["1.44", "1.55"])
async def test_the_simulator_answers_as_published(session: ClientSession, socket_enabled: None, published: str) -> None:
    file = SPECIFICATIONS / f"docker-engine-v{published}.yaml"
    if not file.exists():
        pytest.skip(f"no published API descriptions at {SPECIFICATIONS}")
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    definitions = document["definitions"]

    def check(answer: Any, schema: dict[str, Any]) -> None:
        jsonschema.validate(without_nulls(answer), {"definitions": definitions, **schema})

    inspection = document["paths"]["/containers/{id}/json"]["get"]["responses"][200]["schema"]
    async with DockerSimulator(published, clock=ManualClock()) as engine:
        engine.add("gluetun", checked=True, ports=(("0.0.0.0", 8080, 8080),), aliases=("vpn",), address="172.18.0.2")
        lends = engine.containers[0].id
        engine.add("qbittorrent", network_mode=f"container:{lends}", checked=True, sick=True, labels={"a": "b"})
        engine.add("ended", state="exited", exit_code=3)

        async def get(path: str) -> Any:
            async with session.get(f"{engine.url}/v{published}/{path}") as response:
                assert response.status == 200
                return await response.json()

        rows = await get("containers/json?all=true")
        assert len(rows) == 3
        for row in rows:
            check(row, {"$ref": "#/definitions/ContainerSummary"})
        for name in ("gluetun", "qbittorrent", "ended"):
            check(await get(f"containers/{name}/json"), inspection)
        check(await get("version"), {"$ref": "#/definitions/SystemVersion"})
        with pytest.raises(jsonschema.ValidationError):
            check({**rows[0], "Names": "gluetun"}, {"$ref": "#/definitions/ContainerSummary"})
