"""One life of the autopilot in `soak heal`: with the store that it really has, over backends that outlive it.

`python soak_worker.py FOLDER UNTIL` goes on where the last life was ended, until the backends' clock shows so many
hours. What the backends are is in a file that is replaced after each of their changes: whatever moment this process is
killed at, a change has happened or it has not.

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


def make(folder: Path, count: int) -> None:
    """Make backends with downloads that get nothing, each with other releases that get nothing either."""
    stack = stacks.Stack(*registry.RULES)
    stack.radarr.want(900)
    autonomy = {rule.key: journal_model.Autonomy.ACT for rule in registry.RULES}
    caps = settings_model.Caps(acts_an_hour=10**6, searches_an_hour=10**6, failures_of_a_title=10**6)
    stack.settings = settings_model.PilotSettings(autonomy=autonomy, caps=caps)
    for number in range(1, count + 1):
        stack.stalled(number, tags=frozenset({"mine"}), automatic=number % 2 == 0, save_path="/data/torrents/radarr")
        for attempt in range(3):
            hash_ = fakes.digest(10_000 * (attempt + 1) + number)
            title = f"New.{number}.{attempt}"
            stack.offer(number, hash=hash_, title=title, weight=attempt, rate=0, tells_hash=attempt == 0)
    keep(folder, stack)


def lasting(backend: Any, folder: Path, stack: Any) -> None:
    """Let a backend be written down after each of its changes."""
    call = backend._call  # noqa: SLF001 -- the one place that all its calls pass

    @asynccontextmanager
    async def kept(name: str) -> AsyncIterator[None]:
        async with call(name):
            yield
            if name not in _READING:
                keep(folder, stack)

    backend.__dict__["_call"] = kept


async def live(folder: Path, until_hours: float) -> None:
    """Have turns until the clock shows so much; say so after each."""
    store_package: Any = importlib.import_module("custom_components.sokoul.store")
    stack = restore(folder)
    opened = await store_package.open_store(folder / DATABASE)
    stack.journal, stack.memory = opened.journal, opened.memory
    await stack.start()
    for backend in (stack.qbt, stack.radarr):
        lasting(backend, folder, stack)
    print("alive", flush=True)
    while stack.clock.now - fakes.NOW < timedelta(hours=until_hours):
        stack.pass_time(TURN)
        keep(folder, stack)
        await stack.turn()
        print("turn", flush=True)
    await stack.kernel.stop(stack.clock.now)
    await opened.close()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), float(sys.argv[2])))
