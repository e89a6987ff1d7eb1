"""A process of its own that repairs an account: `python repair_child.py DATABASE URL TOKEN BEGAN SPEED`.

Its clock is `SPEED` times as fast as the real one, and shows noon at the real moment `BEGAN`. It prints a line when it
begins, and ends when nothing is left to do. Home Assistant is left out: importing it takes long.
"""

import asyncio
from datetime import UTC, datetime, timedelta
import importlib
from pathlib import Path
import sys
import time
import types
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def ours(name: str) -> Any:
    return importlib.import_module(f"custom_components.sokoul.{name}")


def noon_at(began: float, speed: float) -> Any:
    def clock() -> datetime:
        return datetime(2026, 11, 21, 12, tzinfo=UTC) + timedelta(seconds=(time.monotonic() - began) * speed)

    return clock


async def repair(database: str, url: str, token: str, began: float, speed: float) -> None:
    from aiohttp import ClientSession

    store = await ours("store").open_store(database if "://" in database else Path(database))
    clock = noon_at(began, speed)
    async with ClientSession() as session:
        budget = ours("clients.real_debrid_budget").DebridBudget(100_000)
        tokens = ours("clients.real_debrid_tokens").ApiToken(token)
        client = ours("clients.real_debrid").RealDebridClient(session, tokens, budget, url=url)
        repairer = ours("debrid.repairing").Repairer(
            ours("debrid_hands").DebridHands(lambda: client, clock),
            ours("debrid.repair_notes").StoredRepairs("home", store.debrid_history, clock),
            clock=clock,
            chance=lambda: 0.5,
            acting=lambda _repair: True,
        )
        await repairer.load()
        print("begun", flush=True)  # noqa: T201
        while any(each.open for each in repairer.repairs):
            at = await repairer.run()
            if at is not None:
                await asyncio.sleep(max((at - clock()).total_seconds() / speed, 0.001))
    await store.close()


if __name__ == "__main__":
    package = types.ModuleType("custom_components.sokoul")
    package.__path__ = [str(REPOSITORY / "custom_components" / "sokoul")]
    sys.path.insert(0, str(REPOSITORY))
    sys.modules[package.__name__] = package
    asyncio.run(repair(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), float(sys.argv[5])))
