"""Container engines to hold against each other: a simulated and a real one behind one interface."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
import time
from typing import Protocol

from devstack.clock import ManualClock
from devstack.docker import DockerSimulator, SimulatedContainer
from devstack.real_docker import RealDocker

SECRET = "0123456789abcdef"  # in the environment of every container of both
_REAL_SECONDS = 20
_SIMULATED_STEPS = 200


class Engine(Protocol):
    """What differs between them."""

    @property
    def url(self) -> str: ...

    def now(self) -> datetime: ...

    async def run(
        self,
        name: str,
        *,
        checked: bool = False,
        network: str = "none",
        labels: dict[str, str] | None = None,
        restart: str = "no",
        start: bool = True,
    ) -> str:
        """Make a container that does nothing for a long time. Returns its id."""

    async def make_sick(self, name: str) -> None:
        """Let the health check of a container fail until it is started anew."""

    async def end(self, name: str, exit_code: int) -> None:
        """Let a container end by itself."""

    async def pause(self, name: str) -> None: ...

    async def remove(self, name: str) -> None: ...

    async def network_of(self, name: str) -> str:
        """Return what tells one network of a container from another."""

    async def pass_time(self, seconds: float) -> None: ...


async def eventually[T](engine: Engine, holds: Callable[[], Awaitable[T | None]]) -> T:
    """Let time pass until something holds; fails after long enough."""
    deadline = time.monotonic() + _REAL_SECONDS
    for _ in range(_SIMULATED_STEPS):
        if (result := await holds()) is not None and result is not False:
            return result
        if time.monotonic() > deadline:
            break
        await engine.pass_time(0.1)
    raise AssertionError("never came to hold")


class SimulatedEngine:
    """The simulator, whose time is moved by hand."""

    def __init__(self, api: str) -> None:
        self.clock = ManualClock()
        self.simulator = DockerSimulator(api, clock=self.clock)
        self._networks: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self.simulator.url.replace("http", "tcp")

    def now(self) -> datetime:
        return self.clock.now()

    async def run(
        self,
        name: str,
        *,
        checked: bool = False,
        network: str = "none",
        labels: dict[str, str] | None = None,
        restart: str = "no",
        start: bool = True,
    ) -> str:
        lends = network.removeprefix("container:")
        if lends != network:  # the engine writes the id, whatever was given
            network = f"container:{next(each.id for each in self.simulator.containers if each.name == lends)}"
        started = self.clock.now().timestamp() if start else 0.0
        self.clock.advance(timedelta(milliseconds=10))
        made = self.simulator.add(
            name,
            state="running" if start else "created",
            started=started,
            checked=checked,
            check_seconds=0.2,
            network_mode=network,
            labels=labels or {},
            restart_policy=restart,
        )
        return made.id

    async def make_sick(self, name: str) -> None:
        self._find(name).sick = True

    async def end(self, name: str, exit_code: int) -> None:
        container = self._find(name)
        container.state, container.exit_code, container.finished = "exited", exit_code, self.clock.now().timestamp()

    async def pause(self, name: str) -> None:
        self._find(name).state = "paused"

    async def remove(self, name: str) -> None:
        self.simulator.containers.remove(self._find(name))

    async def network_of(self, name: str) -> str:
        """One that borrows has the network that its lender had when the borrower was started."""
        container = self._find(name)
        kind, _, lends = container.network_mode.partition(":")
        if kind != "container":
            return f"{container.id} {container.started}"
        lender = next(each for each in self.simulator.containers if each.id == lends)
        current = f"{lender.id} {lender.started}"
        if lender.started <= container.started:
            self._networks[name] = current
        return self._networks[name]

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def _find(self, name: str) -> SimulatedContainer:
        return next(each for each in self.simulator.containers if each.name == name)


class RealEngine:
    """A dockerd of its own."""

    def __init__(self, docker: RealDocker) -> None:
        self.docker = docker

    @property
    def url(self) -> str:
        return self.docker.url

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def run(
        self,
        name: str,
        *,
        checked: bool = False,
        network: str = "none",
        labels: dict[str, str] | None = None,
        restart: str = "no",
        start: bool = True,
    ) -> str:
        return await self.docker.run(
            name,
            # it ends with the code that it finds, and is well from each start until somebody says otherwise
            "touch /ok; while ! test -e /end; do sleep 0.1; done; exit $(cat /end)",
            check=("/bin/cat", "/ok") if checked else (),
            network=network,
            labels=labels,
            restart=restart,
            start=start,
        )

    async def make_sick(self, name: str) -> None:
        await self.docker.execute(name, "/bin/rm", "/ok")

    async def end(self, name: str, exit_code: int) -> None:
        await self.docker.execute(name, "/bin/sh", "-c", f"echo {exit_code} >/.end; mv /.end /end")

    async def pause(self, name: str) -> None:
        await self.docker.post(f"containers/{name}/pause")

    async def remove(self, name: str) -> None:
        await self.docker.remove(name)

    async def network_of(self, name: str) -> str:
        return await self.docker.execute(name, "/bin/readlink", "/proc/self/ns/net")

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
