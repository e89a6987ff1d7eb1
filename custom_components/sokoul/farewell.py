"""Leaving a backend for good: what SOKOUL changed there for its own ends is taken back, as far as that can be done.

That goes for what healing had set aside, too: without SOKOUL nobody would take it out of quarantine.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util.hass_dict import HassKey

from . import push
from .autopilot import quarantine
from .autopilot.ownership import QUARANTINE
from .autopilot.ports import Journal, TorrentHands
from .autopilot.undoing import set_aside_in
from .clients.errors import BackendError
from .connectors.base import Connection, Connector, Undo
from .const import DOMAIN, FAREWELL_PATIENCE, LOGGER, RELEASE_PATIENCE
from .history import Where, shown
from .model.journal import CARRIED_ACTS, EntryStatus, JournalEntry
from .model.reasons import Reason
from .store import StoreError

ISSUE_LEFT_BEHIND = "left_behind"
ISSUE_LEFT_ON_SERVER = "left_on_server"
#: Where the address of the database that was left on a server waits for an answer.
LEFT_ON_SERVER: HassKey[str] = HassKey(f"{DOMAIN}_{ISSUE_LEFT_ON_SERVER}")

#: What may have set something aside that was not taken back: what was undone has set aside what was fetched instead.
_MAY_BE_ASIDE = (EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.RUNNING, EntryStatus.UNDOING, EntryStatus.UNDONE)
#: So many entries are read at once.
_PAGE = 500


async def take_leave(
    hass: HomeAssistant, connector: Connector[Any, Any], connection: Connection, title: str, notes: Mapping[str, Any]
) -> None:
    """Take back what is noted of a backend. What can't be is logged, with what to do; nothing waits for it for long."""
    for undo in (*connector.undos, *([push.UNDO] if connector.pushes else [])):
        if (note := notes.get(undo.memory_key)) is not None:
            await _take_back(hass, connector, connection, title, undo, note)


async def _take_back(
    hass: HomeAssistant,
    connector: Connector[Any, Any],
    connection: Connection,
    title: str,
    undo: Undo[Any],
    note: Any,
) -> None:
    try:
        async with asyncio.timeout(FAREWELL_PATIENCE.total_seconds()):
            client = connector.connect(hass, connection)
            left = await undo.undo(client, note)
    except (BackendError, TimeoutError) as error:
        LOGGER.warning(undo.otherwise, title, str(error) or "it did not answer in time")
        return
    if left is not None:
        LOGGER.warning(left, title)
    try:
        async with asyncio.timeout(FAREWELL_PATIENCE.total_seconds()):
            await connector.reader(client).close()
    except BackendError, TimeoutError:
        pass  # a session that isn't ended ends by itself


# --- what healing had set aside --------------------------------------------------------------------------------------

#: How a client is reached: its hands and its title; None when nobody can reach it.
type Reach = Callable[[str], tuple[TorrentHands | None, str]]


async def release_quarantine(
    journal: Journal, reach: Reach, now: datetime, clients: Collection[str] | None = None
) -> None:
    """Put back what was set aside in these clients, or in all. What can't be is logged, with what to do.

    All clients have their turn at once, and none is waited for longer than `RELEASE_PATIENCE`.
    """
    aside: dict[str, list[JournalEntry]] = defaultdict(list)
    try:
        before = None
        while page := await journal.find(statuses=_MAY_BE_ASIDE, before_id=before, limit=_PAGE):
            before = page[-1].id
            for entry in page:
                may_be = entry.undo is not None and entry.act not in CARRIED_ACTS
                client_id = set_aside_in(entry) if may_be else None
                if client_id is not None and (clients is None or client_id in clients):
                    aside[client_id].append(entry)
    except StoreError as error:
        LOGGER.warning(
            "What SOKOUL had set aside could not be put back, because its database does not work (%s). "
            "In your download client, give what has the tag %s its category again, start it, and remove the tag",
            error,
            QUARANTINE,
        )
        return
    await asyncio.gather(*(_release(journal, *reach(client_id), entries, now) for client_id, entries in aside.items()))


async def _release(
    journal: Journal, client: TorrentHands | None, title: str, entries: list[JournalEntry], now: datetime
) -> None:
    left = list(entries)
    why = "it did not answer"
    try:
        async with asyncio.timeout(RELEASE_PATIENCE.total_seconds()):
            while client is not None and left:
                await _put_back(client, left[-1])
                entry = left.pop()
                await journal.change(_released(entry, now))
    except TimeoutError:
        why = "it took too long"
    except (BackendError, StoreError) as error:
        why = str(error)
    if left:
        LOGGER.warning(
            "%s of the torrents that SOKOUL had set aside could not be put back, because of %s (%s). "
            "There, give what has the tag %s its category again, start it, and remove the tag: %s",
            len(left),
            title,
            why,
            QUARANTINE,
            ", ".join(entry.label for entry in left),
        )


async def _put_back(client: TorrentHands, entry: JournalEntry) -> None:
    """Put a torrent back, unless it is gone or somebody did so."""
    noted = entry.undo or {}
    torrent = await client.torrent(noted["hash"])
    if torrent is not None and (quarantine.is_set_aside(torrent) or QUARANTINE in torrent.tags):
        await quarantine.take_back(client, noted)


def _released(entry: JournalEntry, now: datetime) -> JournalEntry:
    return replace(entry, status=EntryStatus.UNDONE, changed_at=now, result=Reason(key="result.released"), undo=None)


def connecting(hass: HomeAssistant, backends: Iterable[tuple[str, Connector[Any, Any], Connection, str]]) -> Reach:
    """Return how to reach backends that are no longer at work, by their ids: with new connections."""
    known = {backend_id: (connector, connection, title) for backend_id, connector, connection, title in backends}

    def reach(client_id: str) -> tuple[TorrentHands | None, str]:
        if client_id not in known:
            return None, "a client that was removed before"
        connector, connection, title = known[client_id]
        return cast("TorrentHands", connector.connect(hass, connection)), title

    return reach


async def offer_to_delete(hass: HomeAssistant, where: Where) -> None:
    """Ask what is to become of the database that stays behind. Nobody's answer means that it stays.

    The question is gone with the next start: without SOKOUL nobody would be there to do what is answered.
    """
    await async_setup_component(hass, DOMAIN, {})  # of an entry that was disabled it is not; nor are its repairs then
    data: dict[str, str | int | float | None] | None = None
    if isinstance(where, Path):
        key, data = ISSUE_LEFT_BEHIND, {"path": str(where)}
    else:
        key = ISSUE_LEFT_ON_SERVER
        hass.data[LEFT_ON_SERVER] = where  # with its password: what an issue holds, every user can read
    ir.async_create_issue(
        hass,
        DOMAIN,
        key,
        data=data,
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders={"path": shown(where)},
    )
    LOGGER.info("The history of SOKOUL is still in %s, in case it is set up again", shown(where))


@callback
def take_back_offers(hass: HomeAssistant) -> None:
    """Ask no longer what is to become of a database: it is used again."""
    hass.data.pop(LEFT_ON_SERVER, None)
    for issue in (ISSUE_LEFT_BEHIND, ISSUE_LEFT_ON_SERVER):
        ir.async_delete_issue(hass, DOMAIN, issue)
