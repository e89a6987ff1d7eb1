"""A simulated Real-Debrid in a process of its own, for `debrid`: what it costs falls on no contender.

Prints its address and then answers each line on standard input with a line of JSON: `change N` changes N torrents,
`digest` sums up what the account shows, `meter` says how many requests came and were refused.
"""

import argparse
import asyncio
from collections import Counter
import contextlib
import json
import sys
from typing import Any

from devstack.real_debrid import RealDebridSimulator
from devstack.real_debrid_account import Account

from .debrid_digest import digest

#: As in an account of real life: most are there, some failed, some are on their way or wait for a person.
STATUSES = (
    ("downloaded",) * 93 + ("error",) * 2 + ("dead", "magnet_error", "virus", "queued", "waiting_files_selection")
)
FILES = 3


def change(account: Account, count: int, turn: int) -> dict[str, int]:
    """Add, delete and fail torrents, a third each, spread over the account; return how many of each."""
    ids = list(account.torrents)
    account.fill(count // 3, files=FILES)
    chosen = ids[turn % 7 :: max(len(ids) // count, 1)][: count - count // 3]
    done: Counter[str] = Counter()
    for number, torrent_id in enumerate(chosen):
        torrent = account.torrents[torrent_id]
        if number % 2:
            account.turn(torrent, "queued" if torrent.status == "dead" else "dead")
            done["status"] += 1
        else:
            account.delete(torrent_id)
            done["gone"] += 1
    done["added"] = count // 3
    return dict(done)


def row(account: Account, torrent: Any) -> tuple[Any, ...]:
    """Return what the list shows of a torrent, in the form of `digest`."""
    shown = account.resource(torrent)
    return shown["id"], shown["hash"], shown["filename"], shown["bytes"], shown["status"], tuple(shown["links"])


async def serve(options: argparse.Namespace) -> None:
    """Serve until standard input ends."""
    simulator = RealDebridSimulator(latency_seconds=options.latency, per_minute=options.per_minute)
    simulator.record_requests = False
    account = simulator.account
    account.fill(options.torrents, statuses=STATUSES, files=FILES)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    turn = 0
    async with simulator:
        print(simulator.url, flush=True)
        while line := (await reader.readline()).decode().split():
            turn += 1
            answer: Any = None
            match line:
                case ["change", count]:
                    answer = change(account, int(count), turn)
                case ["digest"]:
                    account.settle()
                    answer = digest(row(account, each) for each in account.torrents.values())
                case ["meter"]:
                    meter = simulator.meter
                    answer = {"requests": meter.counted, "refused": meter.refused, "most": meter.most_in_a_minute}
            print(json.dumps(answer), flush=True)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("torrents", type=int)
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--per-minute", type=int, default=250)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
