"""What polling a large qBittorrent costs, beside Home Assistant's own `qbittorrent` integration.

Both run in a Home Assistant of their own process against the same server, and take turns in one run, so that whatever
else the machine does falls on both. Before each round one torrent in a hundred changes. Bytes are counted by a proxy
in between, for each contender one.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
import json
from pathlib import Path
import statistics
import sys
import tempfile
from typing import Self

from devstack.qbittorrent import QbittorrentSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.tools import find_qbittorrents

from .poll_worker import INTERVAL_SECONDS

USERNAME, PASSWORD = "sokoul", "correct horse"
CONTENDERS = {"ours": "SOKOUL", "core": "Home Assistant's own"}
REPOSITORY = Path(__file__).resolve().parent.parent
_DAY_SECONDS = 86_400
_READ_BYTES = 1 << 16
_LINE_BYTES = 1 << 20
_ANSWER_SECONDS = 120


class Proxy:
    """Passes connections on to a server and counts what it answers."""

    def __init__(self, port: int) -> None:
        self.bytes = 0
        self._target = port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(
                self._pump(reader, server_writer, counted=False), self._pump(server_reader, writer, counted=True)
            )
        except ConnectionError:
            writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool) -> None:
        while data := await source.read(_READ_BYTES):
            if counted:
                self.bytes += len(data)
            sink.write(data)
            await sink.drain()
        sink.close()


@dataclass(slots=True)
class Contender:
    """A worker process, its proxy, and what was measured of it."""

    name: str
    proxy: Proxy
    process: asyncio.subprocess.Process
    first: dict[str, float] = field(default_factory=dict)
    polls: list[dict[str, float]] = field(default_factory=list)

    async def ask(self, command: str) -> dict[str, float]:
        """Send a command and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        return await self.answer()

    async def answer(self) -> dict[str, float]:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_ANSWER_SECONDS):
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{CONTENDERS[self.name]} ended")
        values: dict[str, float] = json.loads(line)
        return values

    async def poll(self) -> None:
        """Poll once and note what it cost."""
        before = self.proxy.bytes
        measured = await self.ask("poll")
        self.polls.append({**measured, "bytes": self.proxy.bytes - before})

    def median(self, what: str) -> float:
        """Return the median over the polls."""
        return statistics.median(poll[what] for poll in self.polls)

    def worst(self, what: str) -> float:
        """Return the worst over the polls."""
        return max(poll[what] for poll in self.polls)


async def compare(url: str, change: Callable[[], Awaitable[None]], rounds: int) -> dict[str, Contender]:
    """Let the contenders poll in turns; `change` is called before each round."""
    port = int(url.rpartition(":")[2])
    contenders: dict[str, Contender] = {}
    async with AsyncExitStack() as life:
        for name in CONTENDERS:
            proxy = await life.enter_async_context(Proxy(port))
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "benchmarks.poll_worker",
                name,
                f"http://127.0.0.1:{proxy.port}",
                USERNAME,
                PASSWORD,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
                cwd=REPOSITORY,
            )
            life.callback(_kill, process)
            contender = Contender(name, proxy, process)
            contender.first = {**await contender.answer(), "bytes": proxy.bytes}
            contenders[name] = contender
        for number in range(rounds):
            await change()
            order = list(contenders.values())
            for contender in order if number % 2 else reversed(order):
                await contender.poll()
        for contender in contenders.values():
            contender.first["memory_bytes"] = (await contender.ask("memory"))["memory_bytes"]
            contender.first["rows"] = (await contender.ask("rows"))["rows"]
    return contenders


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


def report(title: str, contenders: dict[str, Contender], rounds: int) -> None:
    """Print the comparison."""
    ours, core = contenders["ours"], contenders["core"]
    print(f"\n{title}, {rounds} rounds, 1 % of the torrents change before each")
    print(f"{'':34}{CONTENDERS['ours']:>14}{CONTENDERS['core']:>24}{'ratio':>9}")

    def line(what: str, mine: float, theirs: float, unit: str) -> None:
        ratio = f"{theirs / mine:8.1f}x" if mine > 0 else "        -"
        print(f"{what:34}{mine:>10.2f} {unit:<3}{theirs:>20.2f} {unit:<3}{ratio}")

    line("CPU of a poll (median)", ours.median("cpu_seconds") * 1e3, core.median("cpu_seconds") * 1e3, "ms")
    line("bytes of a poll (median)", ours.median("bytes") / 1e3, core.median("bytes") / 1e3, "kB")
    line("longest block of the event loop", ours.worst("block_seconds") * 1e3, core.worst("block_seconds") * 1e3, "ms")
    line("CPU of the start", ours.first["cpu_seconds"] * 1e3, core.first["cpu_seconds"] * 1e3, "ms")
    line("block of the loop at the start", ours.first["block_seconds"] * 1e3, core.first["block_seconds"] * 1e3, "ms")
    line("memory added", ours.first["memory_bytes"] / 1e6, core.first["memory_bytes"] / 1e6, "MB")
    per_day = {
        name: contender.first["rows"] / rounds * _DAY_SECONDS / INTERVAL_SECONDS[name]
        for name, contender in contenders.items()
    }
    line("state rows a day, at this rate", per_day["ours"], per_day["core"], "")


async def simulated(count: int, rounds: int) -> None:
    """Compare on a simulated qBittorrent."""
    behind_proxy = {"web_ui_host_header_validation_enabled": False}  # the proxy has another port
    simulator = QbittorrentSimulator(username=USERNAME, password=PASSWORD, preferences=behind_proxy)
    simulator.record_requests = False
    simulator.populate(count, seed=1)

    async def change() -> None:
        simulator.churn(0.01)

    async with simulator:
        contenders = await compare(simulator.url, change, rounds)
    report(f"simulated qBittorrent, {count} torrents", contenders, rounds)


async def real(count: int, rounds: int) -> None:
    """Compare on a real qBittorrent, if there is one."""
    binary = max(find_qbittorrents(), key=lambda each: each.release, default=None)
    if binary is None:
        print("\nno real qBittorrent here: only the simulated one is measured")
        return
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        behind_proxy = {"HostHeaderValidation": "false"}  # the proxy has another port
        async with RealQbittorrent(
            binary, Path(folder), username=USERNAME, password=PASSWORD, web_settings=behind_proxy
        ) as client:
            hashes = await client.add_many(count)
            turn = 0

            async def change() -> None:
                nonlocal turn
                chosen = hashes[turn % 100 :: 100]
                turn += 1
                await client.post("torrents/addTags", {"hashes": "|".join(chosen), "tags": f"round-{turn}"})

            contenders = await compare(client.url, change, rounds)
    report(f"real qBittorrent {binary.version}, {count} torrents", contenders, rounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(prog="scripts/bench poll", description=__doc__)
    parser.add_argument("--real", type=int, default=2_000, help="torrents in the real qBittorrent (0: leave it out)")
    parser.add_argument("--simulated", type=int, default=10_000, help="torrents in the simulated one (0: leave it out)")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args(arguments)
    if options.real:
        asyncio.run(real(options.real, options.rounds))
    if options.simulated:
        asyncio.run(simulated(options.simulated, options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
