"""One life of the autopilot in `soak heal`: with the store that it really has, over backends that outlive it.

`python soak_worker.py FOLDER UNTIL` goes on where the last life was ended, until the backends' clock shows so many
hours. It says so after each turn, and when something begins to be given up. What the backends are is in a file that is
replaced after each of their changes: whatever moment this process is killed at, a change has happened or it has not.

The integration's own package is left out, because importing it brings all of Home Assistant.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
import importlib
from pathlib import Path
import pickle
import sys
import types
from typing import Any

REPOSITORY = Path(__file__).parents[1]

if __name__ == "__main__":
    package = types.ModuleType("custom_components.sokoul")
    package.__path__ = [str(REPOSITORY / "custom_components" / "sokoul")]
    sys.path.insert(0, str(REPOSITORY))
    sys.modules[package.__name__] = package

fakes: Any = importlib.import_module("tests.autopilot.fakes")
stacks: Any = importlib.import_module("tests.autopilot.stack")
settings_model: Any = importlib.import_module("custom_components.sokoul.autopilot.settings")
registry: Any = importlib.import_module("custom_components.sokoul.autopilot.rules.registry")
journal_model: Any = importlib.import_module("custom_components.sokoul.model.journal")

TURN = timedelta(minutes=5)
#: What this process prints.
TURNED, GIVES_UP = "turn", "gives up"
#: A turn takes some hundredths of a second here, so memories are written every few turns, and some are lost.
MEMORIES_GATHER = timedelta(milliseconds=100)
#: How many other releases there are of each film. The last comes from an indexer that tells no info hash before.
OFFERS = 6
#: What a download is before anything is done with it.
TAGS, FOLDER = frozenset({"mine"}), "/data/torrents/radarr"
WORLD = "world.pickle"
DATABASE = "sokoul.db"
_READING = frozenset({"torrent", "trackers", "files", "is_private", "queue", "releases", "history", "grab_history"})


def keep(folder: Path, stack: Any) -> None:
    """Write down what the backends are, at once or not at all."""
    new = folder / "world.new"
    new.write_bytes(pickle.dumps((stack.clock, stack.fate, stack.qbt, stack.radarr, stack.settings.as_json())))
    new.replace(folder / WORLD)


def restore(folder: Path) -> Any:
    """Return a stack with the backends as they were left."""
    stack = stacks.Stack(*registry.RULES)
    stack.clock, stack.fate, stack.qbt, stack.radarr, settings = pickle.loads(  # noqa: S301 -- its own file
        (folder / WORLD).read_bytes()
    )
    stack.settings = settings_model.PilotSettings.from_json(settings, registry.RULES)
    stack.clients["qbt"], stack.arrs["radarr"] = stack.qbt, stack.radarr
    return stack


def is_automatic(number: int) -> bool:
    """Tell whether a client manages the folder of a download itself: of every other one it does."""
    return number % 2 == 0


def make(folder: Path, count: int) -> None:
    """Make backends with downloads that get nothing, each with other releases that get nothing either."""
    stack = stacks.Stack(*registry.RULES)
    stack.radarr.want(900)
    autonomy = {rule.key: journal_model.Autonomy.ACT for rule in registry.RULES}
    caps = settings_model.Caps(
        acts_an_hour=10**6, searches_an_hour=10**6, failures_of_a_title=10**6, quarantine=timedelta(days=365)
    )
    stack.settings = settings_model.PilotSettings(autonomy=autonomy, caps=caps)
    for number in range(1, count + 1):
        stack.stalled(number, tags=TAGS, automatic=is_automatic(number), save_path=FOLDER)
        for attempt in range(OFFERS):
            hash_ = fakes.digest(10_000 * (attempt + 1) + number)
            title = f"New.{number}.{attempt}"
            stack.offer(number, hash=hash_, title=title, weight=attempt, rate=0, tells_hash=attempt < OFFERS - 1)
    keep(folder, stack)


def lasting(backend: Any, folder: Path, stack: Any) -> None:
    """Let a backend be written down after each of its changes."""
    call = backend._call  # noqa: SLF001 -- the one place that all its calls pass

    @asynccontextmanager
    async def kept(name: str) -> AsyncIterator[None]:
        if name == "grab":
            print(GIVES_UP, flush=True)
        async with call(name):
            yield
            if name not in _READING:
                keep(folder, stack)

    backend.__dict__["_call"] = kept


async def live(folder: Path, until_hours: float) -> None:
    """Have turns until the clock shows so much; say so after each."""
    store_package: Any = importlib.import_module("custom_components.sokoul.store")
    store_engine: Any = importlib.import_module("custom_components.sokoul.store.engine")
    stack = restore(folder)
    limits = store_engine.Limits(gather=MEMORIES_GATHER)
    opened = await store_package.open_store(folder / DATABASE, limits=limits)
    stack.journal, stack.memory = opened.journal, opened.memory
    await stack.start()
    for backend in (stack.qbt, stack.radarr):
        lasting(backend, folder, stack)
    while stack.clock.now - fakes.NOW < timedelta(hours=until_hours):
        stack.pass_time(TURN)
        keep(folder, stack)
        await stack.turn()
        print(TURNED, flush=True)
    await stack.kernel.save(stack.clock.now)
    await opened.close()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), float(sys.argv[2])))
