"""Mirroring a Real-Debrid account: how long, how many requests, and whether it is complete.

A simulated account in a process of its own answers after 20 ms and enforces the published limit of 250 requests a
minute. Ours is the whole way: client, budget, synchronisation and store. Measured are the first look, one at which
nothing changed, one that finds 42 changes, searches and the figures, also right after a start, and how the account is
deleted in the end; every mirror is compared with the account row by row. With `--redriva PATH` (a checkout) Redriva's
`--sync-fast` reads a server of the same kind before ours does. It is left as it is: what runs is a copy that was told
the address of that server.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
import json
import os
from pathlib import Path
import shutil
import sqlite3
import sys
import tempfile
import time
from typing import Any

from aiohttp import ClientSession

from custom_components.sokoul.clients.errors import BackendError, CannotConnect, InvalidAuth, NotFound, RateLimited
from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.clients.real_debrid_budget import DebridBudget
from custom_components.sokoul.clients.real_debrid_tokens import ApiToken
from custom_components.sokoul.debrid.exporting import ExportFile, ExportFormat, write_all
from custom_components.sokoul.debrid.mirror import MirrorSync, SyncResult
from custom_components.sokoul.debrid.statistics import recommendations, statistics as figures_of
from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import ChangeKind, DebridQuery, Presence, SortKey, SyncMode
from custom_components.sokoul.store import Store, open_store
from devstack.real_debrid import API_TOKEN

from .debrid_digest import digest
from .debrid_timing import Timing, Watch
from .heart import Heart

REPOSITORY = Path(__file__).resolve().parent.parent
ACCOUNT = "account"
SIZES = (4_233, 100_000)
CHANGES = 42
_LINE_BYTES = 1 << 20
_REDRIVA_SECONDS = 360
_ROUNDS = 15
_SEARCHES = 200  # of each kind, and of lists
_BETWEEN = 50  # after so many changes of one torrent there was a synchronisation
_BLOCKS = 40  # so many of each kind while the event loop is looked at: that takes its share of the processor
_EXPORTS = 3  # of each format
_PAUSE_SECONDS = 0.1


class Errors:
    """What the client raises, as the mirror wants it told apart."""

    any: tuple[type[Exception], ...] = (BackendError,)
    missing: tuple[type[Exception], ...] = (NotFound,)
    account: tuple[type[Exception], ...] = (CannotConnect, InvalidAuth, RateLimited)

    def pause(self, error: Exception) -> timedelta | None:
        """Return how long the account asked to be left alone."""
        return getattr(error, "retry_after", None)


class Server:
    """The simulated account."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def ask(self, command: str) -> dict[str, Any]:
        """Send a command and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n".encode())
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer


@asynccontextmanager
async def serving(torrents: int, *, per_minute: int = 250) -> AsyncIterator[Server]:
    """Start an account with so many torrents."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.debrid_server",
        str(torrents),
        "--per-minute",
        str(per_minute),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout is not None
        yield Server(process, (await process.stdout.readline()).decode().strip())
    finally:
        process.kill()
        await process.wait()


async def mirrored(store: Store) -> dict[str, Any]:
    """Sum up what the mirror shows, in the form of the server's digest."""
    rows: list[tuple[Any, ...]] = []
    async for page in store.mirror_view.walk(ACCOUNT):
        known = await store.mirror_view.torrents(ACCOUNT, ids=[each.torrent.id for each in page])
        rows += [
            (t.id, t.hash, t.filename, t.size_bytes, str(t.status), t.links) for t in (each.torrent for each in known)
        ]
    return digest(rows)


async def ours(server: Server, where: Path | str) -> None:
    """Measure ours."""
    store = await open_store(where)
    try:
        async with ClientSession() as session:
            client = RealDebridClient(session, ApiToken(API_TOKEN), DebridBudget(), url=server.url)
            sync = MirrorSync(ACCOUNT, client, Errors(), store.mirror, clock=lambda: datetime.now(UTC))
            await _measure("first look, from nothing", server, store, lambda: sync.sync(SyncMode.LIST))
            await _measure("nothing changed", server, store, lambda: sync.sync(SyncMode.LIST))
            told = await server.ask(f"change {CHANGES}")
            result = await _measure(f"{CHANGES} changes", server, store, lambda: sync.sync(SyncMode.LIST))
            found = {kind: result.run.summary[kind] for kind in told}
            others = sum(result.run.summary[kind] for kind in ChangeKind if kind not in told)
            print(f"{'':28}changed there: {told}, found: {found}, others found: {others}")
            assert found == told
            assert not others
        await _look(store)
        await _search(store)
        with tempfile.TemporaryDirectory(prefix="bench-export-") as folder:
            for chosen in ExportFormat:
                await _export(store, Path(folder), chosen)
    finally:
        await store.close()
    await _first_asks(where)
    store = await open_store(where)
    try:
        await _remove(store)
    finally:
        await store.close()


async def _measure(what: str, server: Server, store: Store, do: Callable[[], Awaitable[SyncResult]]) -> SyncResult:
    """Do it, and print how long it took, what it asked for and whether the mirror is right."""
    before, heart = (await server.ask("meter"))["requests"], Heart()
    await asyncio.sleep(0.05)
    begin, cpu = time.perf_counter(), time.process_time()
    result = await do()
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    block = heart.stop()
    after = await server.ask("meter")
    there, here = await server.ask("digest"), await mirrored(store)
    right = "complete" if there == here else f"WRONG: {here['count']} of {there['count']}"
    print(
        f"{what:28}{seconds:8.3f} s {cpu_seconds:8.3f} s CPU {after['requests'] - before:5} requests "
        f"{after['refused']:4} refused   loop blocked {block * 1e3:5.1f} ms at most, "
        f"its own work {heart.longest_work_seconds * 1e3:4.1f} ms, this process's in such a pause "
        f"{heart.longest_own_seconds * 1e3:4.1f} ms   {right}"
    )
    return result


async def _first_asks(where: Path | str) -> None:
    """Measure the figures as the first thing that is asked of a database after it was opened, and searches then.

    The names of torrents are read as soon as Home Assistant has started, before the first synchronisation. Until they
    are in memory the database goes through its own.
    """
    opened, first, read = Timing("opening"), Timing("statistics, first ask", budget=True), Timing("names are read")
    before = {what: Timing(f"before that, {what}", budget=True) for what in _SEARCHED}
    after = {what: Timing(f"after that, {what}", budget=True) for what in _SEARCHED}
    for number in range(_ROUNDS):
        store = await opened.take(open_store(where))
        try:
            await first.take(_figures(store))
            for what, query in _SEARCHED.items():
                await before[what].take(store.mirror_view.look(ACCOUNT, query))
            if number:
                await read.take(store.mirror.have_names(ACCOUNT))
            else:  # to watch takes its share of the processor
                watch = Watch()
                await store.mirror.have_names(ACCOUNT)
                print("names are read, with a look at the event loop")
                watch.tell()
            for what, query in _SEARCHED.items():
                await after[what].take(store.mirror_view.look(ACCOUNT, query))
        finally:
            await store.close()
    for timing in (opened, first, read, *before.values(), *after.values()):
        timing.tell()


async def _figures(store: Store) -> None:
    now = datetime.now(UTC)
    found = await store.mirror_view.figures(ACCOUNT, now, old_before=now - timedelta(days=7))
    figures_of(found, ())
    recommendations(found, now)


async def _look(store: Store) -> None:
    """Measure what people look at."""
    view = store.mirror_view

    async def listed() -> None:
        await view.look(ACCOUNT, DebridQuery())

    async def page() -> None:
        _, cursor = await view.find(ACCOUNT, DebridQuery(sort=SortKey.NAME, descending=False, limit=50))
        await view.find(ACCOUNT, DebridQuery(sort=SortKey.NAME, descending=False, limit=50, cursor=cursor))

    async def failed(sort: SortKey = SortKey.ADDED) -> None:
        await view.look(ACCOUNT, DebridQuery(statuses=(DebridStatus.ERROR, DebridStatus.DEAD), sort=sort, limit=50))

    looks: dict[str, Callable[[], Awaitable[None]]] = {
        "list with counts": listed,
        "failed ones with counts": failed,
        "failed ones by size": lambda: failed(SortKey.SIZE),
        "failed ones by name": lambda: failed(SortKey.NAME),
        "two pages by name": page,
        "statistics": lambda: _figures(store),
    }
    for what, look in looks.items():
        timing = Timing(what, budget=True)
        for _ in range(_SEARCHES):
            await timing.take(look())
        timing.tell()


#: What is searched for in names like "some title 000123 1080p web-group", and how it is shown.
_SEARCHED: Mapping[str, DebridQuery] = {
    "all have it": DebridQuery(words=("1080p",)),
    "all have both": DebridQuery(words=("1080p", "web")),
    "all have it, complete ones": DebridQuery(words=("1080p",), statuses=(DebridStatus.DOWNLOADED,)),
    "all have it, failed ones": DebridQuery(words=("1080p",), statuses=(DebridStatus.ERROR, DebridStatus.DEAD)),
    "all have it, by size": DebridQuery(words=("1080p",), sort=SortKey.SIZE),
    "all have it, gone ones too": DebridQuery(words=("1080p",), presence=Presence.ANY),
    "two in five have it": DebridQuery(words=("3",)),
    "two in five, by name": DebridQuery(words=("3",), sort=SortKey.NAME, descending=False),
    "the oldest have it": DebridQuery(words=("title 00",)),
    "some have it": DebridQuery(words=("0012",)),
    "one has it": DebridQuery(words=("000123",)),
    "none has it": DebridQuery(words=("no such title",)),
}


async def _search(store: Store) -> None:
    """Measure searches, each the first one after a torrent changed, and then its next page, and the same again."""
    view = store.mirror_view
    newest, _ = await view.find(ACCOUNT, DebridQuery(limit=1))
    (changing,) = await view.torrents(ACCOUNT, ids=[newest[0].torrent.id])
    states = count(2)

    async def change() -> None:
        changed = replace(changing.torrent, progress=100 / next(states))
        assert len(await store.mirror.apply(ACCOUNT, [changed], datetime.now(UTC))) == 1

    for what, query in _SEARCHED.items():
        first = Timing(f"first search, {what}", budget=True)
        following, again = Timing("    its next page", budget=True), Timing("    the same again", budget=True)
        for number in range(_SEARCHES):
            await change()
            if not number % _BETWEEN:
                await store.mirror.tidy(ACCOUNT)
            look = await first.take(view.look(ACCOUNT, query))
            if look.more is not None:
                await following.take(view.look(ACCOUNT, replace(query, cursor=look.more)))
            await again.take(view.look(ACCOUNT, query))
        for timing in (first, following, again):
            timing.tell()
        watch = Watch()
        for _ in range(_BLOCKS):
            await change()
            await view.look(ACCOUNT, query)
        watch.tell()


async def _remove(store: Store) -> None:
    """Measure how long an account takes to be deleted, in the background, and how long others wait to write."""
    others, watch, begin, cpu = Timing("others who write meanwhile"), Watch(), time.perf_counter(), time.process_time()
    removing = asyncio.create_task(store.mirror.remove(ACCOUNT))
    while not removing.done():
        await others.take(store.debrid_history.keep_metrics("another", datetime.now(UTC), {"torrents": 1}))
        await asyncio.sleep(_PAUSE_SECONDS)
    await removing
    print(
        f"{'an account is deleted':44}{time.perf_counter() - begin:8.1f} s, "
        f"of which {time.process_time() - cpu:.1f} s of processor"
    )
    watch.tell()
    others.tell()
    assert await store.mirror.count(ACCOUNT) == 0


async def _export(store: Store, folder: Path, chosen: ExportFormat) -> None:
    """Measure when an export is answered, which is when its file was begun, and when it is complete."""
    answered, written = Timing(f"export ({chosen}), answered", budget=True), Timing(f"export ({chosen}), written")
    watch = Watch()
    for number in range(_EXPORTS):
        file = await answered.take(asyncio.to_thread(ExportFile.create, folder, f"export-{number}", chosen))
        task = asyncio.create_task(write_all(store.mirror_view, ACCOUNT, Presence.PRESENT, file))
        assert await written.take(task) == await store.mirror.count(ACCOUNT)
    for timing in (answered, written):
        timing.tell()
    watch.tell()


# --- Redriva ---------------------------------------------------------------------------------------------------------


async def redriva(server: Server, checkout: Path, folder: Path) -> None:
    """Let a copy of Redriva that is told another address read the server, as its own documentation says."""
    copy = folder / "redriva"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git", "data"))
    for path in copy.rglob("*.py"):
        text = path.read_text(encoding="utf-8").replace("https://api.real-debrid.com", server.url)
        path.write_text(text.replace("/app/", f"{copy}/app/"), encoding="utf-8")  # where it writes in a container
    begin, memory = time.perf_counter(), 0
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(copy / "src" / "main.py"),
        "--sync-fast",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=(folder / "redriva.log").open("wb"),
        stderr=asyncio.subprocess.STDOUT,
        cwd=copy,
        env={**os.environ, "RD_TOKEN": API_TOKEN, "HOME": str(folder)},
    )
    waiting, ended = asyncio.ensure_future(process.wait()), "ended by itself"
    try:
        async with asyncio.timeout(_REDRIVA_SECONDS):
            while process.returncode is None:
                memory = peak_bytes(process.pid) or memory
                await asyncio.wait({waiting}, timeout=0.5)
    except TimeoutError:
        process.kill()
        await waiting
        ended = "ended by us, it was not done"
    seconds, meter, there = time.perf_counter() - begin, await server.ask("meter"), await server.ask("digest")
    print(
        f"Redriva --sync-fast {seconds:16.1f} s {meter['requests']:5} requests {meter['refused']:5} refused   "
        f"{memory / 1e6:.0f} MB at most   {ended}"
    )
    for database in copy.rglob("*.db"):
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            for table in ("torrents", "torrent_details"):
                (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 -- ours
                print(f"{'':28}{table}: {count} of {there['count']}")


def peak_bytes(pid: int | str = "self") -> int:
    """Return the most memory that a process had, 0 where that is not told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


# --- all of it -------------------------------------------------------------------------------------------------------


async def idle() -> None:
    """Print how long the loop is blocked while nothing is done: what other programs of this machine cost it."""
    heart = Heart()
    await asyncio.sleep(2)
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    print(f"an idle loop, for comparison: longest block {heart.stop() * 1e3:.1f} ms")


async def run(options: argparse.Namespace) -> None:
    """Measure every size."""
    await idle()
    if options.redriva is None:
        print("without a checkout of Redriva (--redriva PATH) only SOKOUL is measured")
    for size in options.torrents:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            print(f"\n{size} torrents, {options.per_minute} requests a minute enforced, answers after 20 ms")
            if options.redriva is not None and size == min(options.torrents):
                async with serving(size, per_minute=options.per_minute) as server:
                    await redriva(server, options.redriva, Path(folder))
            async with serving(size, per_minute=options.per_minute) as server:
                await ours(server, options.database or Path(folder) / "sokoul.db")
            print(f"SOKOUL, this benchmark included: {peak_bytes() / 1e6:.0f} MB at most")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench debrid", description=__doc__)
    parser.add_argument("--torrents", type=int, nargs="+", default=SIZES)
    parser.add_argument("--per-minute", type=int, default=250, help="what the account enforces")
    parser.add_argument("--redriva", type=Path, help="a checkout of Redriva to read the same server")
    parser.add_argument("--database", help="the address of an empty PostgreSQL, else a file of SQLite is made")
    asyncio.run(run(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
