"""A mirror of 100,000 torrents, read for the links of a library, in a process of its own.

Home Assistant holds very many objects, and a pass of Python's garbage collector through all of them stops everything
for as long as it takes: here there are 150,000 of others. What is read is not to bring such a pass about. The first
reading after a start is measured, as that is where what the start left has not been gone through yet.
"""

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
import gc
from itertools import batched
import json
from pathlib import Path
import sys
from time import perf_counter, process_time
from typing import Any

from custom_components.sokoul.debrid.shelf import read_catalogue
from custom_components.sokoul.model.debrid import DebridFile, DebridStatus, DebridTorrent, DebridTorrentInfo
from custom_components.sokoul.store import open_store

from .links_pulse import Pulse

REPOSITORY = Path(__file__).resolve().parent.parent
ACCOUNT = "account"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
#: How many files a season has, and how many objects the rest of Home Assistant.
FILES, STRANGERS = 10, 150_000
_PAGE, _BATCH = 5_000, 500


def _torrents(count: int) -> Iterator[DebridTorrent]:
    for number in range(count):
        yield DebridTorrent(
            id=f"{number:013}",
            hash=f"{number:040x}",
            filename=f"Show.{number // 5}.S{number % 5:02}.1080p.WEB-DL.x264-GROUP",
            size_bytes=1_000_000 + number,
            status=DebridStatus.DOWNLOADED,
            progress=100.0,
            added_at=NOW,
            host="real-debrid.com",
            split_gigabytes=2000,
            links=(),
            ended_at=NOW,
        )


def _with_files(torrent: DebridTorrent) -> DebridTorrentInfo:
    name = torrent.filename
    return DebridTorrentInfo(
        torrent=torrent,
        original_filename=name,
        original_size_bytes=torrent.size_bytes,
        files=tuple(
            DebridFile(id=number, path=f"/{name.replace('.1080p', f'E{number:02}.1080p')}.mkv", size_bytes=number,
                       selected=True)
            for number in range(1, FILES + 1)
        ),
    )  # fmt: skip


async def fill(path: Path, torrents: int, links: int) -> None:
    """Make the mirror: so many torrents, and of some of them as many files as there are links."""
    store = await open_store(path)
    try:
        for page in batched(_torrents(torrents), _PAGE, strict=False):
            await store.mirror.apply(ACCOUNT, page, NOW)
        for some in batched(_torrents(links // FILES), _BATCH, strict=False):
            await store.mirror.keep_details(ACCOUNT, [_with_files(each) for each in some], NOW)
    finally:
        await store.close()


async def measured(path: Path) -> dict[str, float]:
    """Read a mirror, and return what that took, in the figures of `Pulse` and those of the collector."""
    strangers: list[list[int]] = [[] for _ in range(STRANGERS)]
    gc.collect()
    store = await open_store(path)
    passes: list[float] = []
    began = 0.0

    def collected(phase: str, info: dict[str, Any]) -> None:
        nonlocal began
        if phase == "start":
            began = perf_counter()
        elif info["generation"] == 2:
            passes.append(perf_counter() - began)

    before, pulse = _memory(), Pulse()
    gc.callbacks.append(collected)
    try:
        async with pulse.beating():
            start, cpu = perf_counter(), process_time()
            catalogue = await read_catalogue(store.mirror_view, [ACCOUNT], complete=True)
            seconds, cpu_seconds = perf_counter() - start, process_time() - cpu
    finally:
        gc.callbacks.remove(collected)
        await store.close()
    assert len(strangers) == STRANGERS
    return {
        "torrents": len(catalogue.hashes),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "held_ms": pulse.held_seconds * 1000,
        "work_ms": pulse.work_seconds * 1000,
        "late_ms": pulse.late_seconds * 1000,
        "full_passes": len(passes),
        "longest_pass_ms": max(passes, default=0.0) * 1000,
        "megabytes": (_memory() - before) / 1e6,
    }


def _memory() -> int:
    """Return what this process has in memory, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


async def in_a_process(path: Path) -> dict[str, float]:
    """Measure in a process that does nothing else."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.links_mirror", str(path), stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
    )
    told, _ = await process.communicate()
    found: dict[str, float] = json.loads(told)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--fill", type=int, nargs=2, metavar=("TORRENTS", "LINKS"), help="make it first")
    options = parser.parse_args(arguments)
    if options.fill:
        asyncio.run(fill(options.mirror, *options.fill))
    print(json.dumps(asyncio.run(measured(options.mirror))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
