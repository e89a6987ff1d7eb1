"""A process of its own that uses a store: `python child.py write|watch FILE-OR-URL`.

`write` adds rows for ever, some at once, and prints the id of each when adding returned. `watch` opens a store, uses
and closes it, and prints what its event loop imported or opened meanwhile.

The integration's own package is left out, because importing it brings all of Home Assistant.
"""

import asyncio
import builtins
from collections.abc import Callable
import importlib
from pathlib import Path
import sys
import threading
import types
from typing import Any

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "custom_components" / "sokoul"

package = types.ModuleType("custom_components.sokoul")
package.__path__ = [str(FOLDER)]
sys.path.insert(0, str(REPOSITORY))
sys.modules[package.__name__] = package

store_package: Any = importlib.import_module("custom_components.sokoul.store")
entry: Callable[..., Any] = importlib.import_module("tests.store.make").entry


async def write(where: Path | str) -> None:
    store = await store_package.open_store(where)

    async def add_for_ever(name: str) -> None:
        while True:
            added = await store.journal.add(entry(subject=name))
            print(added.id, flush=True)  # noqa: T201

    await asyncio.gather(*(add_for_ever(str(number)) for number in range(5)))


class Watch:
    """Notes what the thread of the event loop does that may wait for a disk."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.seen: list[str] = []

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        del path, target
        self.note(f"import {name}")

    def note(self, what: str) -> None:
        if threading.get_ident() == self._thread:
            self.seen.append(what)


async def watch(where: Path | str) -> None:
    await asyncio.to_thread(int)  # asyncio itself imports its threads when it needs the first
    watching = Watch()
    sys.meta_path.insert(0, watching)
    sys.addaudithook(lambda event, arguments: watching.note(f"open {arguments[0]}") if event == "open" else None)

    store = await store_package.open_store(where)
    added = await asyncio.gather(*(store.journal.add(entry(subject=str(number))) for number in range(5)))
    await asyncio.gather(*(store.journal.find(subject=str(number)) for number in range(5)))
    await store.journal.change(added[0])
    store.memory.keep("one", {"n": 1})
    store.memory.keep("two", None)
    await store.flush()
    await store.memory.load()
    await store.prune(added[0].at, keep=1)
    await store.hold()
    store.release()
    await store.close()
    seen = list(watching.seen)
    builtins.open("/dev/null").close()  # noqa: ASYNC230, PTH123 -- that would have been noticed
    importlib.import_module("this")
    assert {"open /dev/null", "import this"} <= set(watching.seen) - set(seen)
    print("seen:", *seen, sep="\n")  # noqa: T201


if __name__ == "__main__":
    place = sys.argv[2]
    asyncio.run({"write": write, "watch": watch}[sys.argv[1]](place if "://" in place else Path(place)))
