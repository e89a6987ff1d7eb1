"""A process of its own that synchronises for ever: `python child.py PLACE URL TOKEN`. It prints a line when it begins.

The integration's own package is left out, because importing it brings all of Home Assistant.
"""

import asyncio
from datetime import UTC, datetime
import importlib
from pathlib import Path
import sys
import types
from typing import Any

REPOSITORY = Path(__file__).parents[2]
package = types.ModuleType("custom_components.sokoul")
package.__path__ = [str(REPOSITORY / "custom_components" / "sokoul")]
sys.path.insert(0, str(REPOSITORY))
sys.modules[package.__name__] = package


def part(name: str) -> Any:
    return importlib.import_module(f"{package.__name__}.{name}")


class Errors:
    any = account = (part("clients.errors").BackendError,)
    missing = (part("clients.errors").NotFound,)

    def pause(self, error: Exception) -> None:
        del error


async def synchronise(where: Path | str, url: str, token: str) -> None:
    client_session = importlib.import_module("aiohttp").ClientSession
    store = await part("store").open_store(where)
    async with client_session() as session:
        budget = part("clients.real_debrid_budget").DebridBudget(1_000_000)
        tokens = part("clients.real_debrid_tokens").ApiToken(token)
        client = part("clients.real_debrid").RealDebridClient(session, tokens, budget, url=url)
        sync = part("debrid.mirror").MirrorSync(
            "account", client, Errors(), store.mirror, clock=lambda: datetime.now(UTC), page_size=500
        )
        modes = part("model.debrid_mirror").SyncMode
        print("begun", flush=True)  # noqa: T201
        while True:
            await sync.sync(modes.RESUME if await sync.interrupted() else modes.FULL)


if __name__ == "__main__":
    place = sys.argv[1]
    asyncio.run(synchronise(place if "://" in place else Path(place), *sys.argv[2:]))
