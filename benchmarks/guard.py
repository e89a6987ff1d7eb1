"""How fast a leak is stopped: a real qBittorrent with a thousand torrents, and the guard that watches it.

The leak becomes visible at a random moment: from then on qBittorrent is seen at an address of the home (5.1 and newer
say where they are seen), or the VPN's control server says that the tunnel crashed, or a client that has to be bound to
an interface no longer is. Everything else is real: the
requests, the torrents, the disk that what is held is noted on. Measured from that moment are when the guard had told
everything to stop and read it back, and when qBittorrent itself lists nothing that runs. The time between two looks is
part of both. Some of the torrents are forced, and some more had been stopped by a person: after each leak qBittorrent
is asked whether all of them are as they were before. As in Home Assistant it is polled every 20 seconds whatever else
happens, and it was polled since everything runs again; since that poll a person stopped one and started another. What
took the time of the slowest leaks is shown for each. What the readiness costs says `benchmarks/guard_readiness.py`.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
import json
import os
from pathlib import Path
import random
import statistics
import subprocess
import sys
import tempfile
from time import perf_counter
from typing import Any, cast

from aiohttp import ClientSession, DummyCookieJar

from custom_components.sokoul.autopilot.guards.addresses import Home, place_from
from custom_components.sokoul.autopilot.guards.evidence import Seen
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Protection, VpnMemory
from custom_components.sokoul.autopilot.vpn_lane import Reaction, VpnLane
from custom_components.sokoul.guarding import GuardedBackend
from custom_components.sokoul.model.downloads import ClientSettings, DownloadClientSnapshot, Transfer
from custom_components.sokoul.model.hold import Activity, activity
from custom_components.sokoul.model.vpn import VpnSnapshot, VpnStatus
from devstack.real_qbittorrent import RealQbittorrent
from devstack.tools import QbittorrentBinary, find_qbittorrents

from .guard_phases import Phase, Processor, Recorder, TimedClient, medians

USERNAME, PASSWORD = "sokoul", "correct horse"
AT_HOME, AWAY = "198.51.100.7", "203.0.113.9"
RELEASES = ("4.5", "5.3")
#: What a leak becomes visible by. 4.5 doesn't say where it is seen.
EVIDENCE = {"4.5": ("tunnel", "binding"), "5.3": ("tunnel", "address", "binding")}
#: What it really is bound to, so that nothing leaves.
LOOPBACK = "lo"
#: One in so many is forced, and so many times fewer again had been stopped.
SPECIAL = 50
_STOPS_AND_STARTS = (5, 0)
#: So often Home Assistant polls a client that downloads nothing.
POLL_SECONDS = 20.0
#: Of so many leaks is shown what took their time.
SLOWEST = 3
_GIVE_UP_SECONDS = 30.0
_PAUSE_SECONDS = 0.25
#: Until then 4.5 shows who is forced; what is forced later is known to run again in its turn.
_LAG_SECONDS = 2.0
REPOSITORY = Path(__file__).resolve().parent.parent


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Backend:
    """A connected qBittorrent without a Home Assistant around it; what it remembers is a file."""

    client: TimedClient
    path: Path
    data: DownloadClientSnapshot
    recorder: Recorder
    memory: dict[str, Any] = field(default_factory=dict)
    act_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    saving: set[asyncio.Task[None]] = field(default_factory=set)

    def remember(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.memory = {**self.memory, key: value}

    async def save_memory(self, patience: timedelta | None = None) -> None:
        """Write it, as Home Assistant's store does: to the disk, then in place of the old one."""
        saving = asyncio.create_task(self.recorder.timed("note", self._save()))
        self.saving.add(saving)
        saving.add_done_callback(self.saving.discard)
        await asyncio.wait({saving}, timeout=None if patience is None else patience.total_seconds())

    async def _save(self) -> None:
        async with self.writing:
            await asyncio.to_thread(self._write, dict(self.memory))

    async def poll(self) -> None:
        """Look at it, as Home Assistant does all the time."""
        self.data = await self.client.snapshot()

    async def poll_for_ever(self) -> None:
        """Poll it again and again."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.poll()

    def _write(self, memory: Mapping[str, Any]) -> None:
        new = self.path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(memory, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)


class LeakingBackend(GuardedBackend):
    """The real client, whose address becomes one of the home, or whose binding goes."""

    leaks = False
    bound = False  # it has to be, and is

    def __init__(self, backend: Backend) -> None:
        super().__init__(cast("Any", backend))
        self._recorder = backend.recorder

    async def settings(self) -> ClientSettings:
        """Return what it really says, but for what it is bound to."""
        told = await self._recorder.timed("look at the binding", super().settings())
        return replace(told, interface=LOOPBACK if self.bound else "", interface_address="")

    async def transfer(self) -> Transfer:
        """Return what it really says, but for where it is seen."""
        told = await self._recorder.timed("look at the address", super().transfer())
        return replace(told, external_ipv4=AT_HOME if self.leaks else AWAY)


@dataclass(frozen=True, slots=True)
class Run:
    """One leak, in milliseconds from when it was visible."""

    told: float
    stopped: float
    torrents: int  # that were stopped, as the guard counted them
    changed: frozenset[str]  # what was not as before when everything that was held had been started again
    phases: tuple[Phase, ...]
    processor: Processor


@dataclass(frozen=True, slots=True)
class Told:
    """What a torrent was told, as qBittorrent says it."""

    runs: bool
    forced: bool


class Ward:
    """One guarded qBittorrent."""

    def __init__(self, real: RealQbittorrent, backend: Backend) -> None:
        self._real = real
        self._backend = backend

    async def leak(self, evidence: str, moment: float) -> Run:
        """Let it leak after so many seconds, and measure."""
        await self._change_by_hand()
        before = await self._told()
        told: asyncio.Future[tuple[float, int]] = asyncio.get_running_loop().create_future()
        guarded = LeakingBackend(self._backend)
        guarded.bound = evidence == "binding"

        def on_reaction(reaction: Reaction) -> None:
            if not told.done():
                told.set_result((perf_counter(), reaction.torrents))

        lane = self._lane(guarded, on_reaction)
        woken = asyncio.Event()
        guard = asyncio.create_task(self._guard(lane, woken))
        await asyncio.sleep(moment)
        if lane.verdict is None or lane.verdict.stop:
            raise RuntimeError(f"it should not have been closed: {lane.verdict}")
        before_it = Processor.now(self._real.process_id)
        began = perf_counter()
        self._backend.recorder.begin(began)
        if evidence == "address":
            guarded.leaks = True
        elif evidence == "binding":
            guarded.bound = False
        else:
            lane.tunnel = _tunnel(VpnStatus.CRASHED)
            woken.set()  # the poll of the VPN wakes the guard
        async with asyncio.timeout(_GIVE_UP_SECONDS):
            at, torrents = await told
            await self._until_nothing_runs()
        stopped = perf_counter()
        used = Processor.now(self._real.process_id).since(before_it)
        guard.cancel()
        phases = self._backend.recorder.until((at - began) * 1000)
        changed = await self._reopen(guarded, before)
        return Run((at - began) * 1000, (stopped - began) * 1000, torrents, changed, phases, used)

    async def _change_by_hand(self) -> None:
        """Stop one and start another, which no poll has seen yet when it leaks."""
        now = await self._told()
        running, stopped = (
            min(key for key, each in now.items() if each == Told(runs, forced=False)) for runs in (True, False)
        )
        words = ("stop", "start") if self._real.binary.release >= _STOPS_AND_STARTS else ("pause", "resume")
        for word, key in zip(words, (running, stopped), strict=True):
            await self._real.post(f"torrents/{word}", {"hashes": key})

    def _lane(self, guarded: LeakingBackend, on_reaction: Callable[[Reaction], None] = lambda _: None) -> VpnLane:
        home = Home(place=place_from(f"{AT_HOME}/32"), confirmed_at=now(), distinct=True)
        lane = VpnLane(
            guarded,
            Protection(
                client="qBittorrent",
                containment=Containment.BOUND if guarded.bound else Containment.OPEN,
                interface=LOOPBACK if guarded.bound else None,
                gluetun=True,
                tells_address=True,
            ),
            memory=VpnMemory(homes=(home,)),
            on_reaction=on_reaction,
        )
        lane.tunnel = _tunnel(VpnStatus.RUNNING)
        return lane

    @staticmethod
    async def _guard(lane: VpnLane, woken: asyncio.Event) -> None:
        while True:
            woken.clear()
            pause = await lane.step(now)
            if lane.tunnel is not None and lane.tunnel.value.status is VpnStatus.RUNNING:
                lane.tunnel = _tunnel(VpnStatus.RUNNING)
            try:
                async with asyncio.timeout(pause.total_seconds()):
                    await woken.wait()
            except TimeoutError:
                pass

    async def _running(self) -> frozenset[str]:
        """Ask qBittorrent itself which torrents are told to run."""
        word = "running" if self._real.binary.release >= _STOPS_AND_STARTS else "resumed"
        return frozenset(torrent["hash"] for torrent in await self._real.get("torrents/info", filter=word))

    async def _until_nothing_runs(self) -> None:
        async def nothing_runs() -> bool | None:
            return not await self._running() or None

        await self._real.eventually(nothing_runs)

    async def _told(self) -> dict[str, Told]:
        """Ask qBittorrent itself what it was told of each torrent."""
        running = await self._running()
        return {key: Told(key in running, each["force_start"]) for key, each in (await self._real.torrents()).items()}

    async def _reopen(self, guarded: GuardedBackend, before: Mapping[str, Told]) -> frozenset[str]:
        """Start what was stopped, as the guard does but without its pauses; returns what isn't as it was before."""
        await self._backend.poll()
        while not await guarded.reopen():
            pass
        deadline = perf_counter() + _GIVE_UP_SECONDS
        while True:
            after = await self._told()
            await self._backend.poll()  # its states show it later than it was told
            shown = {key for key, torrent in self._backend.data.torrents.items() if activity(torrent) is Activity.RUNS}
            changed = frozenset(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
            changed |= shown ^ {key for key, each in before.items() if each.runs}
            if not changed or perf_counter() > deadline:
                return changed
            await asyncio.sleep(_PAUSE_SECONDS)


def _tunnel(status: VpnStatus) -> Seen[VpnSnapshot]:
    return Seen(value=VpnSnapshot(version="v3.41.1", status=status, public_ip=AWAY), at=now())


async def measure(binary: QbittorrentBinary, torrents: int, runs: int, seed: int) -> dict[str, list[Run]]:
    """Return the runs by evidence."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            RealQbittorrent(binary, Path(folder) / "qbittorrent", username=USERNAME, password=PASSWORD) as real,
            ClientSession(cookie_jar=DummyCookieJar()) as session,
        ):
            added = await real.add_many(torrents)
            await real.add_many(max(1, torrents // SPECIAL), stopped=True, first=torrents)
            await real.post("torrents/setForceStart", {"hashes": "|".join(added[::SPECIAL]), "value": "true"})
            await asyncio.sleep(_LAG_SECONDS)
            client = TimedClient(session, real.url, username=USERNAME, password=PASSWORD)
            client.recorder = Recorder()
            backend = Backend(client, Path(folder) / "memory.json", await client.snapshot(), client.recorder)
            ward = Ward(real, backend)
            polling = asyncio.create_task(backend.poll_for_ever())
            try:
                return {
                    evidence: [await ward.leak(evidence, 0.5 + chance.random()) for _ in range(runs)]
                    for evidence in EVIDENCE[binary.version[:3]]
                }
            finally:
                polling.cancel()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)]


def show_phases(evidence: str, runs: Sequence[Run]) -> None:
    """Print how long each phase takes as a rule, and those of the slowest leaks."""
    print(f"  {evidence}, a phase takes: {medians([run.phases for run in runs])}")
    for number, run in sorted(enumerate(runs, 1), key=lambda each: each[1].told)[: -SLOWEST - 1 : -1]:
        print(f"    leak {number}, told {run.told:.0f}, stopped {run.stopped:.0f}; {run.processor}")
        print(f"      {', '.join(map(str, run.phases))}")


def main(arguments: Sequence[str]) -> int:
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/bench guard", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="leaks for each kind of evidence")
    parser.add_argument("--torrents", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--release", choices=RELEASES, help="of qBittorrent; both without it")
    chosen = parser.parse_args(arguments)
    for release in (chosen.release,) if chosen.release else RELEASES:
        binary = next((each for each in find_qbittorrents() if each.version.startswith(release)), None)
        if binary is None:
            print(f"qBittorrent {release} is not here")
            continue
        found = asyncio.run(measure(binary, chosen.torrents, chosen.runs, chosen.seed))
        print(f"qBittorrent {binary.version}, {chosen.torrents} torrents, {chosen.runs} leaks each, milliseconds")
        for evidence in EVIDENCE[release]:
            for name in ("told", "stopped"):
                values = [getattr(run, name) for run in found[evidence]]
                shares = ", ".join(
                    f"p{share:.0%} {percentile(values, share):.0f}".replace("%", "") for share in (0.5, 0.95, 0.99)
                )
                print(f"  {evidence}, {name}: {shares}, mean {statistics.mean(values):.0f}, most {max(values):.0f}")
            changed = sum(bool(run.changed) for run in found[evidence])
            print(f"  {evidence}: after {changed} of {len(found[evidence])} something was not as before")
            show_phases(evidence, found[evidence])
        sys.stdout.flush()
        # the harness of Home Assistant has to come before everything else in its process
        readiness = [sys.executable, "-m", "benchmarks.guard_readiness", "--release", release]
        subprocess.run([*readiness, "--torrents", str(chosen.torrents)], cwd=REPOSITORY, check=True)
    return 0
