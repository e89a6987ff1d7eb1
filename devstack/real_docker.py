"""A real container engine of its own: a private dockerd on a Unix socket, with one tiny image and no network.

async with RealDocker(folder) as docker:
    await docker.run("radarr", "touch /tmp/ok; exec sleep 1000", check=("/bin/cat", "/tmp/ok"))
    await docker.execute("radarr", "/bin/rm", "/tmp/ok")

It makes no bridge and no packet filter rule: the machine's own network stays as it is. It needs root, Debian's
`docker.io` and `busybox-static`.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
import io
import os
from pathlib import Path
import shutil
import tarfile
import tempfile
import time
from typing import Any, Self

import aiohttp

IMAGE = "localhost/tiny:1"
PROGRAMS = ("sh", "sleep", "test", "true", "false", "cat", "echo", "touch", "rm", "mv", "ls", "readlink")

_START_SECONDS = 30
_STOP_SECONDS = 30
_POLL_SECONDS = 0.05


class RealDockerError(RuntimeError):
    """The engine didn't start, or didn't do what it was told."""


def why_not() -> str | None:
    """Return why no engine can be started here; None: nothing speaks against it."""
    if os.geteuid() != 0:
        return "a container engine of our own needs root"
    missing = [name for name in ("dockerd", "containerd", "busybox") if shutil.which(name) is None]
    if missing:
        return f"no {' and no '.join(missing)} here (apt-get install docker.io busybox-static)"
    return None


class RealDocker:
    """A dockerd process, asked with code that shares nothing with the integration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # the path of a socket has at most 107 characters
        self._short = Path(tempfile.mkdtemp(prefix="dockerd-"))
        self.socket = self._short / "docker.sock"
        self._process: asyncio.subprocess.Process | None = None
        self._client: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        """The address of the engine."""
        return f"unix://{self.socket}"

    @property
    def log_file(self) -> Path:
        """What the process printed."""
        return self.folder / "dockerd.log"

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> Self:
        """Start it and load the image. Raises `RealDockerError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_until_parent_ends(),
                "dockerd",
                f"--host={self.url}",
                f"--data-root={self.folder / 'data'}",
                f"--exec-root={self._short / 'exec'}",
                f"--pidfile={self.folder / 'pid'}",
                "--bridge=none",
                "--iptables=false",
                "--ip6tables=false",
                "--default-ulimit=nofile=1024:1024",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._client = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self.socket)), timeout=aiohttp.ClientTimeout(total=_START_SECONDS)
        )
        try:
            await self._until_it_answers(self._process)
            await self._load_image()
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Remove every container and stop it: asked to, then made to."""
        process, client = self._process, self._client
        self._process = self._client = None
        try:
            if client is not None:
                await self._remove_all(client)  # they would be given ten seconds each to end
        except aiohttp.ClientError, RealDockerError:
            pass  # it doesn't answer: so it is made to
        finally:
            if client is not None:
                await client.close()
            if process is not None:
                await _end(process)
            await _unmount_below(self.folder, self._short)
            shutil.rmtree(self._short, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- containers ----------------------------------------------------------------------------------------------

    async def run(
        self,
        name: str,
        script: str = "exec sleep 100000",
        *,
        check: tuple[str, ...] = (),
        network: str = "none",
        labels: Mapping[str, str] | None = None,
        restart: str = "no",
        start: bool = True,
    ) -> str:
        """Make a container that runs a shell script, and start it. `check` is its health check. Returns its id."""
        options: dict[str, Any] = {
            "Image": IMAGE,
            "Cmd": ["/bin/sh", "-c", script],
            "Labels": dict(labels or {}),
            "Env": ["API_KEY=0123456789abcdef"],
            "HostConfig": {"NetworkMode": network, "RestartPolicy": {"Name": restart}},
        }
        if check:
            fast = 200_000_000  # nanoseconds
            options["Healthcheck"] = {"Test": ["CMD", *check], "Interval": fast, "Timeout": 10 * fast, "Retries": 2}
        made = await self.post(f"containers/create?name={name}", options)
        if start:
            await self.post(f"containers/{name}/start")
        return str(made["Id"])

    async def execute(self, name: str, *command: str) -> str:
        """Run a program in a container; returns what it printed. Raises `RealDockerError` when it fails."""
        options = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True, "Tty": True}
        made = await self.post(f"containers/{name}/exec", options)
        assert self._client is not None  # noqa: S101 -- start() made it
        async with self._client.post(
            f"http://docker/exec/{made['Id']}/start", json={"Detach": False, "Tty": True}
        ) as response:
            printed = (await response.read()).decode(errors="replace")
        done = await self.get(f"exec/{made['Id']}/json")
        if done["ExitCode"]:
            raise RealDockerError(f"{' '.join(command)}: {done['ExitCode']} ({printed.strip()})")
        return printed.strip()

    async def remove(self, name: str) -> None:
        """Remove a container, also one that runs."""
        assert self._client is not None  # noqa: S101 -- start() made it
        async with self._client.delete(f"http://docker/containers/{name}?force=true") as response:
            await _decoded(response)

    async def remove_all(self) -> None:
        """Remove every container."""
        assert self._client is not None  # noqa: S101 -- start() made it
        await self._remove_all(self._client)

    async def get(self, path: str) -> Any:
        """Return what an endpoint says."""
        assert self._client is not None  # noqa: S101 -- start() made it
        async with self._client.get(f"http://docker/{path}") as response:
            return await _decoded(response)

    async def post(self, path: str, body: Any = None) -> Any:
        """Do something; returns what `get` does."""
        assert self._client is not None  # noqa: S101 -- start() made it
        async with self._client.post(f"http://docker/{path}", json=body) as response:
            return await _decoded(response)

    async def _remove_all(self, client: aiohttp.ClientSession) -> None:
        async with client.get("http://docker/containers/json?all=true") as response:
            there = await _decoded(response)
        for each in there:
            async with client.delete(f"http://docker/containers/{each['Id']}?force=true") as response:
                await response.read()

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not await self._answers():
            if process.returncode is not None or time.monotonic() > deadline:
                raise RealDockerError(f"dockerd did not start:\n{self.log_file.read_text()[-1500:]}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _answers(self) -> bool:
        assert self._client is not None  # noqa: S101 -- start() made it
        try:
            async with self._client.get("http://docker/_ping") as response:
                return response.ok
        except aiohttp.ClientError:
            return False

    async def _load_image(self) -> None:
        """Make an image of busybox alone."""
        assert self._client is not None  # noqa: S101 -- start() made it
        repository, _, tag = IMAGE.rpartition(":")
        async with self._client.post(
            f"http://docker/images/create?fromSrc=-&repo={repository}&tag={tag}",
            data=await asyncio.to_thread(_root_filesystem),
            headers={"Content-Type": "application/x-tar"},
        ) as response:
            await _decoded(response)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _decoded(response: aiohttp.ClientResponse) -> Any:
    text = await response.text()
    if not response.ok and response.status != HTTPStatus.NOT_MODIFIED:
        raise RealDockerError(f"{response.method} {response.url.path}: {response.status} {text.strip()}")
    return await response.json(content_type=None) if text.startswith(("{", "[")) and "\n{" not in text else text


def _root_filesystem() -> bytes:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise RealDockerError("no busybox here")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for folder in ("bin", "tmp", "etc", "proc", "sys", "dev"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        archive.add(Path(busybox).resolve(), "bin/busybox")
        for name in PROGRAMS:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
        accounts = b"root:x:0:0::/:/bin/sh\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(accounts)
        archive.addfile(entry, io.BytesIO(accounts))
    return packed.getvalue()


async def _unmount_below(*folders: Path) -> None:
    """Let go of what the engine leaves mounted: the network of containers that used the host's."""
    for path in sorted(_mounted(), reverse=True):
        if any(Path(path).is_relative_to(folder) for folder in folders):
            process = await asyncio.create_subprocess_exec("umount", "--lazy", path)
            await process.wait()


def _mounted() -> list[str]:
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]


def _until_parent_ends() -> tuple[str, ...]:
    """Return what to put before a command so that it ends with this process, even one that is killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
