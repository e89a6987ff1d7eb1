"""The steps of the demo about "Dune 2": from two words to the film in the library."""

import asyncio
from collections.abc import Iterator, Sequence
import shutil
import time
from typing import Any, Final

from .dialogs import Options
from .dune_demo import BEST, HOW_MANY
from .homeassistant import HomeAssistant
from .library import Movie
from .qbittorrent import QbittorrentSimulator
from .real_debrid_account import Account, Plan, Torrent
from .stack import Stack
from .steps import Seen, Step, backend_ids, call_service, device_of, entity_of, run_action, within

QUERY: Final = "dune 2"
_SOURCES: Final = 4
#: All of them are here; whoever takes longer is broken.
_WAIT_SECONDS: Final = 20
_PATIENCE_SECONDS: Final = 60
_SHOWN: Final = 3
#: A poll of Radarr lies between what it has and what the list knows of it.
_BY_ITSELF_SECONDS: Final = 150
#: What Real-Debrid has to fetch first takes longer than the step does.
_NOT_CACHED: Final = Plan(cached=False, download_seconds=86_400)
#: What has to be left on a disk, and what comes meanwhile.
_SPARE_BYTES: Final = 6 * 10**9
#: Names of what must never be taken for the film: the older one, and what was recorded in a cinema.
_WRONG: Final = ("Dune.1984.", "HDCAM", "TELESYNC", "Dune.2021.", "Jodorowskys")


async def dune_is_found(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See the film meant, what four sources have of it as one list, the best first, and what is refused with why."""
    del stack
    answer: dict[str, Any] = {}

    async def whole() -> bool:
        """Tell whether all sources have answered: an account that is just being mirrored has nothing yet."""
        found = await run_action(
            home_assistant, "search", query=QUERY, refused=True, limit=50, wait=_WAIT_SECONDS, fresh=True
        )
        answer.update(found)
        return bool(sum(each["count"] for each in found["sources"]) >= HOW_MANY)

    await within(whole, _PATIENCE_SECONDS)
    return [*(Seen(line) for line in _told(answer)), *_wrong(answer)]


def _told(answer: dict[str, Any]) -> Iterator[str]:
    """Return what a person would like to see of it."""
    title = answer["title"] or {}
    yield f"“{QUERY}” is {title.get('title')} ({title.get('year')})"
    names = ", ".join(f"{each['name']} {each['count']}" for each in answer["sources"])
    found = sum(each["count"] for each in answer["sources"])
    yield f"found {found} at {len(answer['sources'])} sources ({names}), merged into {answer['total']}"
    accepted = [each for each in answer["results"] if each["accepted"]]
    for each in accepted[:_SHOWN]:
        parts = sorted(each["parts"], key=lambda part: -abs(part["points"]))[:_SHOWN]
        why = ", ".join(f"{part['text']} {part['points']:+g}" for part in parts)
        yield f"{each['score']:5}  {each['release']}  ({why}, ...)"
    for each in answer["results"]:
        if not each["accepted"]:
            yield f"never  {_shown(each['release'])}  ({' '.join(each['refusals'])})"


def _wrong(answer: dict[str, Any]) -> Iterator[str]:
    title, sources, results = answer["title"] or {}, answer["sources"], answer["results"]
    if (title.get("title"), title.get("year")) != ("Dune: Part Two", 2024):
        yield f"it is taken for {title.get('title')} ({title.get('year')})"
    if len(sources) != _SOURCES or any(each["state"] != "answered" for each in sources):
        yield f"not four sources answered: {[(each['name'], each['state']) for each in sources]}"
    if (found := sum(each["count"] for each in sources)) != HOW_MANY:
        yield f"{found} releases were found instead of {HOW_MANY}"
    if not len(results) == answer["total"] < HOW_MANY:
        yield f"{len(results)} of {answer['total']} releases are shown, and {HOW_MANY} were merged"
    accepted = [each for each in results if each["accepted"]]
    if not accepted or accepted[0]["release"] != BEST:
        yield f"the best is not {BEST}"
    scores = [each["score"] for each in accepted]
    if results[: len(accepted)] != accepted or scores != sorted(scores, reverse=True):
        yield "they are not in order"
    mute = [each["release"] for each in results if not each["accepted"] and not each["refusals"]]
    yield from (f"nobody says why this is refused: {name}" for name in mute)
    names = [each["release"] for each in results]
    yield from (f"this was not found: {part}" for part in _WRONG if not any(part in name for name in names))
    taken = [each["release"] for each in accepted if any(part in each["release"] for part in _WRONG)]
    yield from (f"this may be taken: {name}" for name in taken)


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in name)


async def dune_dies_and_is_replaced(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Have the best fetched by Real-Debrid, let it die there, see the next best fetched instead, and take both back."""
    dune, account = stack.dune, stack.surroundings.debrid.account
    if dune is None:
        return ["there is no Dune in this stack"]
    hashes = {each.info_hash.lower() for each in (*dune.prowlarr, *dune.feed)}
    account.plans.update(dict.fromkeys(hashes, _NOT_CACHED))
    try:
        return await _replaced(home_assistant, account)
    finally:
        for each in hashes:
            del account.plans[each]


async def _replaced(home_assistant: HomeAssistant, account: Account) -> Sequence[str]:
    before = set(account.torrents)
    device = await device_of(home_assistant, (await backend_ids(home_assistant))["real_debrid"])
    grabbed = await run_action(home_assistant, "grab", query=QUERY, device_id=device, wait=_WAIT_SECONDS)
    first = _added(account, before)
    if (grabbed["status"], grabbed["way"], [each.hash for each in first]) != ("done", "debrid", [grabbed["info_hash"]]):
        return [f"it was not fetched by Real-Debrid: {grabbed}"]
    account.turn(first[0], "dead")
    began = time.monotonic()
    await run_action(home_assistant, "debrid_sync")
    replaced: list[dict[str, Any]] = []

    async def told() -> bool:
        newest, *_ = (await run_action(home_assistant, "get_journal"))["entries"]
        replaced[:] = [newest] if newest["act"] == "grab" and newest["id"] != grabbed["entry_id"] else []
        return bool(replaced) and newest["status"] == "done"

    if not await within(told, _PATIENCE_SECONDS):
        return ["what died was not replaced"]
    shown = Seen(f"{replaced[0]['text']} That took {time.monotonic() - began:.0f} s.")
    problems = []
    if first[0].id not in account.torrents or len(_added(account, before)) != len(first) + 1:
        problems.append(f"not one more is there: {[each.plan.name for each in _added(account, before)]}")
    if grabbed["release"] not in shown:
        problems.append("the journal doesn't tell instead of what it was fetched")
    for entry_id, left in ((replaced[0]["id"], first), (grabbed["entry_id"], [])):
        undone = await run_action(home_assistant, "undo", entry_id=entry_id)
        await run_action(home_assistant, "debrid_sync")
        if undone["status"] != "undone" or _added(account, before) != left:
            problems.append(f"taken back, there is {[each.plan.name for each in _added(account, before)]}: {undone}")
    return [shown, *problems]


def _added(account: Account, before: set[str]) -> list[Torrent]:
    return [each for each in account.torrents.values() if each.id not in before]


async def dune_arrives(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Have the best downloaded, and see qBittorrent get it from the swarm, and Radarr put it into the library."""
    dune = stack.dune
    if dune is None:
        return ["there is no Dune in this stack"]
    movie, began = dune.world.second, time.monotonic()
    found = await run_action(home_assistant, "search", query=QUERY, wait=_WAIT_SECONDS)
    accepted = [each for each in found["results"] if each["accepted"]]
    # on a small machine qBittorrent would be passed over for the largest
    room = (await asyncio.to_thread(shutil.disk_usage, stack.folder)).free - _SPARE_BYTES
    best = next((each for each in accepted if each["size_bytes"] < room), None)
    if best is None:
        return [f"no release fits into {room} bytes"]
    grabbed = await run_action(home_assistant, "grab", result=best["id"], add=True, wait=_WAIT_SECONDS)
    if (grabbed["status"], grabbed["result"], grabbed["backend"]) != ("done", "taken_client", "qBittorrent"):
        return [f"it was not grabbed: {grabbed}"]
    if missing := await _arrival(stack, movie, grabbed["info_hash"]):
        return missing
    return [Seen(f"{grabbed['text']} It was in the library after {time.monotonic() - began:.0f} s.")]


async def _arrival(stack: Stack, movie: Movie, info_hash: str) -> Sequence[str]:
    """Wait for the download and the import, and return what is missing."""

    async def downloaded() -> bool:
        return await _progress(stack, info_hash) == 1

    async def imported() -> bool:
        await stack.radarr.refresh()  # once a minute, it would be
        return movie.file is not None

    if not await within(downloaded, _PATIENCE_SECONDS):
        return [f"qBittorrent has {await _progress(stack, info_hash):.0%} of it"]
    if not await within(imported, _PATIENCE_SECONDS):
        queue = [(item.title, item.tracked_state, item.messages) for item in stack.radarr.queue.items]
        return [f"it is not in the library: {queue}"]
    return []


async def _progress(stack: Stack, info_hash: str) -> float:
    """Return how much of a torrent there is, 0 to 1, asked of qBittorrent itself."""
    client = stack.qbittorrent
    if isinstance(client, QbittorrentSimulator):
        return client.torrents[info_hash].progress
    return float((await client.torrents(info_hash))[info_hash]["progress"])


async def dune_comes_by_itself(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Write it on the to-do list, and do nothing more: it is in the library, and done on the list."""
    dune = stack.dune
    if dune is None:
        return ["there is no Dune in this stack"]
    await stack.take_dune_away()

    async def forgotten() -> bool:
        return not (await run_action(home_assistant, "list_downloads", search="Dune.Part.Two"))["downloads"]

    if not await within(forgotten, _BY_ITSELF_SECONDS):  # else it is taken for one that is there
        return ["what was downloaded before is still listed"]
    await Options(home_assistant).change("watchlist", auto="yes", from_arrs=False)
    watchlist = await entity_of(home_assistant, "todo", "watchlist")
    began = time.monotonic()
    await call_service(home_assistant, "todo", "add_item", entity_id=watchlist, item=QUERY.title())

    async def in_library() -> bool:
        await stack.radarr.refresh()  # once a minute, it would be
        return dune.world.second.file is not None

    async def done() -> bool:
        said = await _items(home_assistant, watchlist)
        return any(each["summary"].startswith("Dune: Part Two") and each["status"] == "completed" for each in said)

    if not await within(in_library, _BY_ITSELF_SECONDS):
        return [f"it is not in the library: {await _items(home_assistant, watchlist)}"]
    arrived = time.monotonic() - began
    if not await within(done, _BY_ITSELF_SECONDS):
        return [f"it is not done on the list: {await _items(home_assistant, watchlist)}"]
    shown = f"written on the list, it was in the library after {arrived:.0f} s, and done on the list "
    return [Seen(f"{shown}after {time.monotonic() - began:.0f} s")]


async def _items(home_assistant: HomeAssistant, watchlist: str) -> list[dict[str, Any]]:
    """Return what is on a to-do list, done or not."""
    asked = {"entity_id": watchlist, "status": ["needs_action", "completed"]}
    answer = await home_assistant.rest("POST", "/api/services/todo/get_items?return_response", asked)
    items: list[dict[str, Any]] = answer["service_response"][watchlist]["items"]
    return items


DUNE_2: Final = (
    Step("“dune 2” is searched: the film is meant, and what is best of it is known", dune_is_found),
    Step("what dies at Real-Debrid is replaced by the next best, and both are taken back", dune_dies_and_is_replaced),
    Step("the best is downloaded, and reaches the library", dune_arrives),
    Step("taken away and written on the to-do list, it comes by itself", dune_comes_by_itself),
)
