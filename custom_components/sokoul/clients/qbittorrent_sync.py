"""The kept state of a qBittorrent, and how the answers of `sync/maindata` are merged into it.

The server sends everything once (`full_update`) and then only what changed since the answer that the request's `rid`
acknowledges: `torrents[hash]` then holds only the changed keys, and a key that is absent is unchanged. Source: WebUI
API 2.8 to 2.16, sync/maindata.

Merging has two halves. `SyncState.read` builds the next state aside and touches nothing, so that it may run in a
thread and may fail at any point; `SyncState.commit` makes it the state.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set as AbstractSet
from dataclasses import dataclass, replace
from sys import intern
import time
from types import MappingProxyType
from typing import Any

import orjson

from ..model.downloads import (
    ClientSettings,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
    Transfer,
    TransferTotals,
)
from .errors import UnexpectedResponse
from .fields import Fields
from .json_walk import walk
from .qbittorrent_fields import torrent_of, transfer_of

#: Answers below this size are decoded at once, on the event loop: a few milliseconds on a small machine.
LARGE_BYTES = 64 * 1024
#: A thread that decodes lets the others run after so many members, about every millisecond.
MEMBERS_BETWEEN_PAUSES = 32

_WHERE = "sync/maindata"
#: Decoded member by member. `trackers` only to be dropped: its names are announce URLs.
_LARGE_OBJECTS = frozenset({"torrents", "trackers"})

type Members = Iterable[tuple[str, str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The state that one answer leads to."""

    rid: int
    everything: bool  # not only what changed
    torrents: dict[str, Torrent]
    changed: frozenset[str]
    removed: frozenset[str]
    counts: Counter[DownloadState]
    categories: dict[str, str]
    tags: frozenset[str]
    server_state: Mapping[str, Any]
    transfer: Transfer


class SyncState:
    """Everything known of one qBittorrent, at one revision."""

    def __init__(self) -> None:
        self._rid = 0
        self._torrents: dict[str, Torrent] = {}
        self._counts: Counter[DownloadState] = Counter()
        self._server_state: Mapping[str, Any] = {}
        self._snapshot = DownloadClientSnapshot(revision=0, version="", torrents=MappingProxyType({}))

    @property
    def begun(self) -> bool:
        """Whether anything was merged yet."""
        return self._snapshot.revision > 0

    def take_rid(self) -> int:
        """Return which answer the next request acknowledges; 0 asks for everything.

        It is given away until `commit`: after an answer that was lost or could not be merged everything is asked for,
        because qBittorrent 5.1 and 5.2 forget what was in a lost answer when more changes come.
        """
        rid, self._rid = self._rid, 0
        return rid

    def read(self, body: bytes | bytearray, *, everything: bool) -> Merged:
        """Return the state that this answer leads to, after all or only changes were asked for. Nothing changes yet.

        A body of `LARGE_BYTES` or more belongs in a thread. Raises `UnexpectedResponse`.
        """
        try:
            if len(body) < LARGE_BYTES:
                return self._merge(_members(orjson.loads(body)), everything=everything)
            try:
                return self._merge(_paused(walk(body, _LARGE_OBJECTS)), everything=everything)
            except _EverythingAfterAll:
                return self._merge(_paused(walk(body, _LARGE_OBJECTS)), everything=True)
        except ValueError as error:
            raise UnexpectedResponse(f"{_WHERE}: the answer of {len(body)} bytes is not valid JSON") from error

    def commit(self, merged: Merged, *, version: str, settings: ClientSettings | None) -> DownloadClientSnapshot:
        """Make it the state. Where nothing differs, the snapshot is the one from before."""
        self._rid = merged.rid
        self._torrents = merged.torrents
        self._counts = merged.counts
        self._server_state = merged.server_state
        before = self._snapshot
        same = (
            self.begun
            and not merged.changed
            and not merged.removed
            and before.transfer == merged.transfer
            and before.categories == merged.categories
            and before.tags == merged.tags
            and before.version == version
            and before.settings == settings
        )
        if not same:
            self._snapshot = DownloadClientSnapshot(
                revision=before.revision + 1,
                version=version,
                torrents=MappingProxyType(merged.torrents),
                changed=merged.changed,
                removed=merged.removed,
                totals=TransferTotals(by_state=MappingProxyType(dict(+merged.counts))),
                transfer=merged.transfer,
                categories=MappingProxyType(merged.categories),
                tags=merged.tags,
                settings=settings,
            )
        return self._snapshot

    def with_forced(self, forced: AbstractSet[str]) -> DownloadClientSnapshot:
        """Return the last snapshot as it would be if these and no others were forced. The state stays as it is."""
        snapshot = self._snapshot
        otherwise = {
            key: replace(torrent, forced=key in forced)
            for key, torrent in snapshot.torrents.items()
            if torrent.forced is not (key in forced)
        }
        return replace(snapshot, torrents={**snapshot.torrents, **otherwise}) if otherwise else snapshot

    def _merge(self, members: Members, *, everything: bool) -> Merged:
        """Merge the members of an answer, which is taken to hold everything or only changes until it says which."""
        old = self._torrents
        arrived, top, everything = self._sort(members, everything=everything)
        answer = Fields(top, _WHERE)
        if everything and not answer.flag("full_update", default=False):
            raise UnexpectedResponse(f"{_WHERE}: everything was asked for, but only changes came")
        if "torrents" in answer:
            raise UnexpectedResponse(f"{_WHERE}.torrents: expected an object")
        torrents = arrived if everything else old | arrived if arrived else old
        if everything:
            removed = old.keys() - arrived.keys()
        elif removed := torrents.keys() & set(answer.texts("torrents_removed")):
            torrents = {hash_: torrent for hash_, torrent in torrents.items() if hash_ not in removed}
        changed = {hash_ for hash_, torrent in arrived.items() if old.get(hash_) is not torrent} - removed
        tags = frozenset() if everything else self._snapshot.tags
        server_state = {**({} if everything else self._server_state), **_object(top, "server_state")}
        transfer = transfer_of(server_state, f"{_WHERE}.server_state")
        if everything and transfer.free_bytes == 0:
            # Each session measures its disk beside the answer that begins it, which may be sent first, with 0 (4.5).
            transfer = replace(transfer, free_bytes=None)
        return Merged(
            rid=answer.whole("rid"),
            everything=everything,
            torrents=torrents,
            changed=frozenset(changed),
            removed=frozenset(removed & old.keys()),
            counts=self._recounted(torrents, changed | removed),
            categories=self._categories(top, answer, everything=everything),
            tags=tags.union(answer.texts("tags")).difference(answer.texts("tags_removed")),
            server_state=server_state,
            transfer=transfer,
        )

    def _sort(self, members: Members, *, everything: bool) -> tuple[dict[str, Torrent], dict[str, Any], bool]:
        """Return the torrents that the answer names, its other members, and whether it is everything.

        A torrent that is equal to the one that is known is that one.
        """
        arrived: dict[str, Torrent] = {}
        top: dict[str, Any] = {}
        begun = False
        for parent, name, value in members:
            if parent == "torrents":
                begun = True
                known = self._torrents.get(name)
                torrent = torrent_of(name, value, None if everything else known)
                arrived[name] = known if known is not None and torrent == known else torrent
            elif not parent:
                top[name] = value
                if name == "full_update" and value is True and not everything:
                    if begun:
                        raise _EverythingAfterAll
                    everything = True
        return arrived, top, everything

    def _recounted(self, torrents: Mapping[str, Torrent], touched: Iterable[str]) -> Counter[DownloadState]:
        """Return how many torrents are in each state, from the counts before and what was touched since."""
        counts = self._counts.copy()
        for hash_ in touched:
            if (before := self._torrents.get(hash_)) is not None:
                counts[before.state] -= 1
            if (now := torrents.get(hash_)) is not None:
                counts[now.state] += 1
        return +counts

    def _categories(self, top: Mapping[str, Any], answer: Fields, *, everything: bool) -> dict[str, str]:
        categories = {} if everything else dict(self._snapshot.categories)
        for name, value in _object(top, "categories").items():
            category = Fields(value, f"{_WHERE}.categories")
            categories[intern(name)] = category.text("savePath", categories.get(name, ""))
        for name in answer.texts("categories_removed"):
            categories.pop(name, None)
        return categories


class _EverythingAfterAll(Exception):  # noqa: N818 -- no error, a turn of the reading
    """An answer that was read as changes says afterwards that it is everything."""


def _object(top: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object of the answer; an absent one is empty."""
    value = top.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnexpectedResponse(f"{_WHERE}.{name}: expected an object")
    return value


def _members(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield what `walk` yields, from a decoded document, the torrents last."""
    if not isinstance(document, dict):
        raise UnexpectedResponse(f"{_WHERE}: expected an object")
    torrents = document.pop("torrents", None)
    for name, value in document.items():
        yield "", name, value
    if isinstance(torrents, dict):
        for name, value in torrents.items():
            yield "torrents", name, value
    else:
        yield "", "torrents", torrents


def _paused(members: Members) -> Iterator[tuple[str, str, Any]]:
    """Yield the same, letting other threads run now and then."""
    for index, member in enumerate(members):
        if index % MEMBERS_BETWEEN_PAUSES == 0:
            time.sleep(0)
        yield member
