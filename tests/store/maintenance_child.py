"""A process of its own that looks after a file: `python maintenance_child.py WHAT FILE [FOLDER]`.

`compact` and `copy` do so again and again, and say when they begin. `full-compact` and `full-copy` do it once on a disk
that has no room for it, and say what that led to.

The integration's own package is left out, because importing it brings all of Home Assistant.
"""

import asyncio
from datetime import timedelta
import importlib
from itertools import count
from pathlib import Path
import sys
import types
from typing import Any

REPOSITORY = Path(__file__).parents[2]

package = types.ModuleType("custom_components.sokoul")
package.__path__ = [str(REPOSITORY / "custom_components" / "sokoul")]
sys.path.insert(0, str(REPOSITORY))
sys.modules[package.__name__] = package

store_package: Any = importlib.import_module("custom_components.sokoul.store")
make: Any = importlib.import_module("tests.store.make")


def say(what: str) -> None:
    print(what, flush=True)  # noqa: T201 -- to the test


async def fill(store: Any, rows: int, label: str) -> None:
    await asyncio.gather(*(store.journal.add(make.entry(label=label)) for _ in range(rows)))


async def for_ever(what: str, file: Path, folder: Path) -> None:
    store = await store_package.open_store(file)
    store.maintenance._spare_bytes = 0
    await fill(store, 1_000, "x" * 2_000)
    await store.prune(make.NOW + timedelta(days=1), keep=300)
    say("begins")
    for turn in count():
        if what == "compact":
            await store.maintenance.compact()
        else:
            await store.maintenance.copy(folder, make.NOW + timedelta(minutes=turn), keep=2)


async def on_a_full_disk(what: str, file: Path) -> None:
    store = await store_package.open_store(file)
    await fill(store, 400, "x" * 2_000)
    await store.hold()  # what is in the log is in the file then
    store.release()
    store.maintenance._spare_bytes = -(1 << 40)  # it believes that there is room
    folder = file.parent / "copies"
    try:
        if what == "compact":
            await store.maintenance.compact()
        else:
            await store.maintenance.copy(folder, make.NOW, keep=1)
    except store_package.StoreError as error:
        say(type(error).__name__)
    say(str(len(await store.journal.find(limit=10_000))))
    await store.maintenance.check()
    say("ok")
    say("nothing-left" if not folder.exists() or not list(folder.iterdir()) else "something-left")
    await store.close()


if __name__ == "__main__":
    doing, place = sys.argv[1], Path(sys.argv[2])
    if doing.startswith("full-"):
        asyncio.run(on_a_full_disk(doing.removeprefix("full-"), place))
    else:
        asyncio.run(for_ever(doing, place, Path(sys.argv[3])))
