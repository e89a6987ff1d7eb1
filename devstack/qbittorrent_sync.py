"""`sync/maindata`: what one web session has been told, and what it has yet to hear.

A session remembers the last response that it sent and the last one that the client acknowledged by asking with its
number. Asking with the acknowledged number again sends the unacknowledged changes again, together with newer ones; any
other number gets everything. How the pending changes are kept differs by version, see `Pending`.

Nothing here walks over all torrents except a full update: the engine says which ones changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from .qbittorrent_versions import Generation, Pending

_LARGEST_ID = 1_000_000

type Fields = Mapping[str, Any]


class Source(Protocol):
    """What a session reports about."""

    generation: Generation

    def hashes(self) -> Iterable[str]:
        """Return the hashes of all torrents."""

    def torrent_fields(self, info_hash: str) -> Fields | None:
        """Return the fields of a torrent, an object that is never changed; None when there is none."""

    def torrent_json(self, info_hash: str) -> bytes:
        """Return these fields as JSON."""

    def category_fields(self) -> dict[str, Fields]:
        """Return every category."""

    def tag_names(self) -> list[str]:
        """Return every tag."""

    def tracker_hashes(self, url: str) -> list[str]:
        """Return the torrents with a tracker."""

    def tracker_urls(self) -> Iterable[str]:
        """Return every tracker."""

    def server_state(self) -> Fields:
        """Return the state of the whole client."""


@dataclass(slots=True)
class _Pending:
    """Changes that the client has not acknowledged."""

    base: dict[str, Fields] = field(default_factory=dict)  # what was acknowledged of each changed torrent
    torrents: dict[str, dict[str, Any]] = field(default_factory=dict)
    removed: dict[str, None] = field(default_factory=dict)
    categories: dict[str, dict[str, Any]] = field(default_factory=dict)
    categories_removed: dict[str, None] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    tags_removed: dict[str, None] = field(default_factory=dict)
    trackers: dict[str, list[str]] = field(default_factory=dict)
    trackers_removed: dict[str, None] = field(default_factory=dict)
    server_state: dict[str, Any] = field(default_factory=dict)


class MaindataSession:
    """One client's view."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._last_sent = 0
        self._accepted = 0
        self._pending = _Pending()
        self._known: dict[str, Fields] = {}
        self._known_categories: dict[str, Fields] = {}
        self._known_tags: set[str] = set()
        self._known_trackers: set[str] = set()
        self._known_state: Fields = {}
        self.changed_torrents: set[str] = set()
        self.changed_trackers: set[str] = set()

    def answer(self, response_id: int) -> bytes:
        """Return the body of the answer to a request with this `rid`."""
        pending_kind = self._source.generation.pending
        full = True
        if response_id > 0 and self._last_sent > 0:
            if response_id == self._last_sent:
                self._accepted = response_id
                self._pending = _Pending()
            full = response_id != self._accepted
        last = self._last_sent
        if pending_kind is Pending.DIFFERENCE:  # counts anew when it starts anew
            last = last if response_id > 0 else 0
            self._accepted = 0 if full else self._accepted
        self._last_sent = last % _LARGEST_ID + 1
        return self._full() if full else self._changes()

    # --- everything ----------------------------------------------------------------------------------------------

    def _full(self) -> bytes:
        source = self._source
        self.changed_torrents.clear()
        self.changed_trackers.clear()
        hashes = list(source.hashes())
        self._known = {each: fields for each in hashes if (fields := source.torrent_fields(each)) is not None}
        self._known_categories = source.category_fields()
        self._known_tags = set(source.tag_names())
        self._known_trackers = set(source.tracker_urls())
        self._known_state = source.server_state()
        self._pending = _Pending()
        if self._accepted:
            # Asking with the acknowledged number after this gets all of it as mere changes: no removals.
            self._pending = _Pending(
                torrents={info_hash: dict(fields) for info_hash, fields in self._known.items()},
                categories={name: dict(fields) for name, fields in self._known_categories.items()},
                tags=dict.fromkeys(source.tag_names()),
                trackers={url: source.tracker_hashes(url) for url in self._known_trackers},
                server_state=dict(self._known_state),
            )
        parts: dict[str, Any] = {
            "categories": self._known_categories,
            "tags": source.tag_names(),
            "torrents": {each: orjson.Fragment(source.torrent_json(each)) for each in hashes},
            "trackers": {url: source.tracker_hashes(url) for url in self._known_trackers},
        }
        if source.generation.pending is not Pending.DIFFERENCE:
            parts = {name: part for name, part in parts.items() if part}
        return orjson.dumps(
            {**parts, "full_update": True, "rid": self._last_sent, "server_state": self._known_state},
            option=orjson.OPT_SORT_KEYS,
        )

    # --- what changed --------------------------------------------------------------------------------------------

    def _changes(self) -> bytes:
        self._gather_torrents()
        self._gather_categories()
        self._gather_tags()
        self._gather_trackers()
        self._gather_state()
        pending = self._pending
        parts: dict[str, Any] = {
            "categories": pending.categories,
            "categories_removed": list(pending.categories_removed),
            "server_state": pending.server_state,
            "tags": list(pending.tags),
            "tags_removed": list(pending.tags_removed),
            "torrents": pending.torrents,
            "torrents_removed": list(pending.removed),
            "trackers": pending.trackers,
            "trackers_removed": list(pending.trackers_removed),
        }
        return orjson.dumps({name: part for name, part in parts.items() if part} | {"rid": self._last_sent})

    def _merge(self, buffer: dict[str, dict[str, Any]], key: str, old: Fields, new: Fields) -> None:
        """Put the difference of two versions of one thing among the pending changes."""
        changes = difference(old, new)
        if self._source.generation.pending is Pending.REPLACED:
            if changes:
                buffer[key] = changes
        elif changes:
            buffer[key] = buffer.get(key, {}) | changes

    def _gather_torrents(self) -> None:
        pending, known = self._pending, self._known
        for info_hash in self.changed_torrents:
            new = self._source.torrent_fields(info_hash)
            old = known.get(info_hash)
            if new is None:
                if old is not None:
                    del known[info_hash]
                    pending.removed[info_hash] = None
                pending.torrents.pop(info_hash, None)
                continue
            pending.removed.pop(info_hash, None)
            if new is old:
                continue
            known[info_hash] = new
            if self._source.generation.pending is Pending.DIFFERENCE:
                base = pending.base.setdefault(info_hash, old or {})
                if changes := difference(base, new):
                    pending.torrents[info_hash] = changes
                else:
                    pending.torrents.pop(info_hash, None)
            else:
                self._merge(pending.torrents, info_hash, old or {}, new)
        self.changed_torrents.clear()

    def _gather_categories(self) -> None:
        pending, new = self._pending, self._source.category_fields()
        for name, fields in new.items():
            if name not in self._known_categories:
                pending.categories_removed.pop(name, None)
            self._merge(pending.categories, name, self._known_categories.get(name, {}), fields)
        for name in self._known_categories.keys() - new.keys():
            pending.categories.pop(name, None)
            pending.categories_removed[name] = None
        self._known_categories = new

    def _gather_tags(self) -> None:
        pending, new = self._pending, set(self._source.tag_names())
        for name in sorted(new - self._known_tags):
            pending.tags_removed.pop(name, None)
            pending.tags[name] = None
        for name in sorted(self._known_tags - new):
            pending.tags.pop(name, None)
            pending.tags_removed[name] = None
        self._known_tags = new

    def _gather_trackers(self) -> None:
        pending = self._pending
        for url in self.changed_trackers:
            if hashes := self._source.tracker_hashes(url):
                pending.trackers_removed.pop(url, None)
                pending.trackers[url] = hashes
                self._known_trackers.add(url)
            else:
                pending.trackers.pop(url, None)
                if url in self._known_trackers:
                    pending.trackers_removed[url] = None
                    self._known_trackers.discard(url)
        self.changed_trackers.clear()

    def _gather_state(self) -> None:
        new = self._source.server_state()
        changes = difference(self._known_state, new)
        if changes:
            replaced = self._source.generation.pending is Pending.REPLACED
            self._pending.server_state = changes if replaced else self._pending.server_state | changes
        self._known_state = new


def difference(old: Fields, new: Fields) -> dict[str, Any]:
    """Return what is new or another value in `new`; nothing is ever told to be gone."""
    return {name: value for name, value in new.items() if name not in old or old[name] != value}
