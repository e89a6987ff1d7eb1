"""Kill what synchronises and what repairs a Real-Debrid account, again and again: `soak debrid`.

A simulated account outlives the processes. After each kill the database has to be whole and no torrent there twice; the
last life brings everything to its end. Once with SQLite, once with a real PostgreSQL where one is installed.
"""

from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
import random
import tempfile
import time

from tests.debrid.kills import Where, kill_repairing, kill_synchronising
from tests.store.servers import running_postgresql

TORRENTS = 1_200
FAILED = 12
#: So many kills of what repairs meet it before it is done; then others fail.
_KILLS_OF_ONE = 6


async def run(kills: int, seed: int) -> None:
    """Kill each of them so often with each database. Raises AssertionError when something is not as it has to be."""
    print(f"kills, --seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        files = (Path(folder) / f"{number}.db" for number in count())

        async def another_file() -> Path:
            return next(files)

        await _kill("SQLite", another_file, kills, random.Random(seed))
    with running_postgresql() as server:
        if server is None:
            print("PostgreSQL is not installed: left out")
            return

        async def emptied() -> str:
            await server.empty()
            return server.url

        await _kill("PostgreSQL", emptied, kills, random.Random(seed))


async def _kill(name: str, empty: Callable[[], Awaitable[Where]], kills: int, chance: random.Random) -> None:
    begun = time.perf_counter()
    interrupted = await kill_synchronising(await empty(), kills, chance, torrents=TORRENTS)
    seconds = time.perf_counter() - begun
    print(
        f"{name}: killed {kills} times while synchronising, {interrupted} of them in the middle, {seconds:.0f} s",
        flush=True,
    )
    begun, met, accounts = time.perf_counter(), 0, 0
    while met < kills:
        met += await kill_repairing(await empty(), min(_KILLS_OF_ONE, kills - met), chance, torrents=FAILED)
        accounts += 1
    seconds = time.perf_counter() - begun
    print(
        f"{name}: killed {met} times while repairing {accounts * FAILED} torrents, each added once, {seconds:.0f} s",
        flush=True,
    )
