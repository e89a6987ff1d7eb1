"""Merging the answers of `sync/maindata`, against a small server that does what the real ones do."""

from collections import Counter
from collections.abc import Iterator
import copy
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings, strategies as st
import orjson
import pytest

from custom_components.sokoul.clients import json_walk, qbittorrent_sync
from custom_components.sokoul.clients.errors import UnexpectedResponse
from custom_components.sokoul.clients.qbittorrent_sync import Merged, SyncState
from custom_components.sokoul.model.downloads import (
    ClientSettings,
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
    Transfer,
)

A, B, C = ("a" * 40, "b" * 40, "c" * 40)


def raw(**fields: Any) -> dict[str, Any]:
    """Return what a new torrent brings at least."""
    return {"name": "A.Film", "state": "downloading", "progress": 0.5, "size": 100, "amount_left": 50, **fields}


def everything(rid: int = 1, **fields: Any) -> dict[str, Any]:
    return {"rid": rid, "full_update": True, "torrents": {}, "server_state": {}, **fields}


@pytest.fixture(params=["at once", "walked"], autouse=True)
def size(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take every answer for a small one, then every answer for a large one in very small slices."""
    if request.param == "at once":
        yield
        return
    with patch.object(qbittorrent_sync, "LARGE_BYTES", 0), patch.object(json_walk, "SLICE_BYTES", 11):
        yield


class Client:
    """What the real client does with a state, without HTTP."""

    def __init__(self) -> None:
        self.state = SyncState()
        self.settings: ClientSettings | None = None

    def take(self, answer: Any, version: str = "5.2.3") -> DownloadClientSnapshot:
        """Read an answer to a request that was just sent."""
        rid = self.state.take_rid()
        body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
        merged: Merged = self.state.read(body, everything=rid == 0)
        return self.state.commit(merged, version=version, settings=self.settings)

    @property
    def next_rid(self) -> int:
        rid = self.state.take_rid()
        self.state._rid = rid
        return rid


@pytest.fixture
def client() -> Client:
    return Client()


# --- the rules, one by one -------------------------------------------------------------------------------------------


def test_the_first_answer_is_everything(client: Client) -> None:
    assert client.next_rid == 0
    snapshot = client.take(
        everything(
            rid=7,
            torrents={A: raw(state="stalledUP"), B: raw(state="pausedDL", name="B")},
            categories={"radarr": {"name": "radarr", "savePath": "/data"}, "none": {"name": "none", "savePath": ""}},
            tags=["Keep", "noHL"],
            server_state={"connection_status": "firewalled", "dl_info_speed": 12},
            trackers={"https://t.example/0123456789abcdef0123456789abcdef/announce": [A]},
        )
    )
    assert client.next_rid == 7
    assert snapshot.revision == 1
    assert snapshot.version == "5.2.3"
    assert set(snapshot.torrents) == snapshot.changed == {A, B}
    assert snapshot.removed == frozenset()
    assert snapshot.torrents[A].hash == A
    assert snapshot.torrents[B].state is DownloadState.STOPPED
    assert snapshot.totals.by_state == {DownloadState.SEEDING: 1, DownloadState.STOPPED: 1}
    assert snapshot.categories == {"radarr": "/data", "none": ""}
    assert snapshot.tags == {"Keep", "noHL"}
    assert snapshot.transfer == Transfer(connection=ConnectionStatus.FIREWALLED, download_rate=12)


@pytest.mark.parametrize(
    ("changes", "free_bytes"),
    [({"free_space_on_disk": 7_000}, 7_000), ({}, 0), ({"free_space_on_disk": -1}, None)],
    ids=["measured since", "really full", "no such folder"],
)
def test_no_room_at_a_sessions_beginning_may_not_be_measured_yet(
    client: Client, changes: dict[str, Any], free_bytes: int | None
) -> None:
    """4.5 answers the first request of 1 session of 75 before it has measured, seen at the real one; then it tells."""
    first = client.take(everything(server_state={"free_space_on_disk": 0, "dl_info_speed": 12}))
    assert (first.transfer.free_bytes, first.transfer.download_rate) == (None, 12)
    assert client.take({"rid": 2, "server_state": changes}).transfer.free_bytes == free_bytes
    assert client.take({"rid": 3}).transfer.free_bytes == free_bytes


def test_a_change_is_merged_and_the_rest_stays_the_same_object(client: Client) -> None:
    before = client.take(everything(torrents={A: raw(), B: raw(tags="x, y")}, tags=["x", "y"]))
    after = client.take({"rid": 2, "torrents": {A: {"progress": 0.75, "state": "stalledDL"}}})
    assert after.revision == before.revision + 1
    assert after.changed == {A}
    assert after.torrents[B] is before.torrents[B]
    assert after.torrents[A].progress == 0.75
    assert after.torrents[A].state is DownloadState.STALLED
    assert after.torrents[A].name == "A.Film"
    assert before.torrents[A].progress == 0.5, "a snapshot never changes"
    assert after.tags is before.tags or after.tags == before.tags
    assert after.totals.by_state == {DownloadState.STALLED: 1, DownloadState.DOWNLOADING: 1}


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {"torrents": {}},
        {"torrents": {A: {}}},
        {"torrents": {A: {"progress": 0.5, "time_active": 99, "popularity": 1.5}}},
        {"torrents_removed": [C]},
        {"server_state": {"queued_io_jobs": 3, "average_time_queue": 5}},
        {"server_state": {"dl_info_speed": 0}},
        {"tags": ["x"], "tags_removed": ["never"], "categories_removed": ["never"]},
        {"categories": {"radarr": {"savePath": "/data"}}},
        {"categories": {"radarr": {"download_path": None}}},
        {"full_update": True, "torrents": {A: raw()}, "tags": ["x"], "categories": {"radarr": {"savePath": "/data"}}},
    ],
)
def test_a_poll_without_news_gives_the_same_snapshot(client: Client, nothing: dict[str, Any]) -> None:
    before = client.take(
        everything(torrents={A: raw()}, tags=["x"], categories={"radarr": {"name": "radarr", "savePath": "/data"}})
    )
    assert client.take({"rid": 2, **nothing}) is before
    assert client.next_rid == 2


@pytest.mark.parametrize(
    "news",
    [
        {"torrents": {A: {"progress": 0.6}}},
        {"torrents": {B: raw()}},
        {"torrents_removed": [A]},
        {"server_state": {"dl_info_speed": 5}},
        {"server_state": {"connection_status": "connected"}},
        {"tags": ["y"]},
        {"tags_removed": ["x"]},
        {"categories": {"radarr": {"savePath": "/elsewhere"}}},
        {"categories": {"sonarr": {"name": "sonarr", "savePath": ""}}},
        {"categories_removed": ["radarr"]},
        {"full_update": True},
    ],
)
def test_news_of_any_kind_raises_the_revision(client: Client, news: dict[str, Any]) -> None:
    start = everything(torrents={A: raw()}, tags=["x"], categories={"radarr": {"name": "radarr", "savePath": "/data"}})
    before = client.take(start)
    after = client.take({"rid": 2, **news})
    assert after.revision == 2
    assert after != before
    assert after == replace(after)
    assert hash(after) == hash(replace(after))


def test_another_version_or_other_settings_are_news(client: Client) -> None:
    first = client.take(everything())
    assert client.take({"rid": 2}, version="5.3.0").version == "5.3.0"
    client.settings = ClientSettings(listen_port=6881)
    third = client.take({"rid": 3}, version="5.3.0")
    assert (third.revision, third.settings) == (3, client.settings)
    assert client.take({"rid": 4}, version="5.3.0") is third
    assert first.settings is None


def test_what_is_removed_is_gone(client: Client) -> None:
    client.take(
        everything(
            torrents={A: raw(), B: raw()},
            tags=["x", "y"],
            categories={"radarr": {"name": "radarr", "savePath": ""}, "sonarr": {"name": "sonarr", "savePath": ""}},
        )
    )
    after = client.take({"rid": 2, "torrents_removed": [A, C], "tags_removed": ["x"], "categories_removed": ["sonarr"]})
    assert set(after.torrents) == {B}
    assert after.removed == {A}
    assert after.changed == frozenset()
    assert after.tags == {"y"}
    assert after.categories == {"radarr": ""}
    assert after.totals.by_state == {DownloadState.DOWNLOADING: 1}


def test_a_torrent_that_came_and_went_between_two_polls_is_not_there(client: Client) -> None:
    before = client.take(everything(torrents={A: raw()}))
    assert client.take({"rid": 2, "torrents": {B: raw()}, "torrents_removed": [B]}) is before
    assert client.take({"rid": 3, "torrents": {B: raw(), C: raw()}, "torrents_removed": [B]}).changed == {C}


def test_a_full_update_replaces_everything_but_what_is_equal(client: Client) -> None:
    before = client.take(
        everything(
            torrents={A: raw(private=True), B: raw(), C: raw()},
            tags=["x"],
            categories={"radarr": {"name": "radarr", "savePath": ""}},
            server_state={"dl_info_speed": 5, "up_info_speed": 6},
        )
    )
    after = client.take(everything(rid=1, torrents={A: raw(), C: raw()}, server_state={"dl_info_speed": 5}))
    assert after.torrents[C] is before.torrents[C]
    assert after.torrents[A].private is None, "a key that is absent from everything is not kept"
    assert after.changed == {A}
    assert after.removed == {B}
    assert (after.tags, after.categories) == (frozenset(), {})
    assert after.transfer == Transfer(download_rate=5)


def test_a_server_state_keeps_what_is_not_said(client: Client) -> None:
    client.take(everything(server_state={"last_external_address_v4": "203.0.113.7", "last_external_address_v6": ""}))
    after = client.take({"rid": 2, "server_state": {"last_external_address_v4": "", "last_external_address_v6": "::1"}})
    assert (after.transfer.external_ipv4, after.transfer.external_ipv6) == (None, "::1")
    assert client.take({"rid": 3, "server_state": {"dht_nodes": 1}}).transfer.external_ipv6 == "::1"


def test_everything_may_say_so_at_its_end(client: Client) -> None:
    """Qt sorts the keys, so that `full_update` comes first; nothing promises it."""
    client.take(everything(torrents={A: raw(private=True), B: raw()}))
    body = b'{"torrents":%b,"rid":1,"full_update":true}' % orjson.dumps({A: raw()})
    after = client.take(body)
    assert set(after.torrents) == {A}
    assert after.torrents[A].private is None


# --- what goes wrong -------------------------------------------------------------------------------------------------

BROKEN: tuple[Any, ...] = (
    b"",
    b"{",
    b"not json",
    b'{"rid":2,"torrents":{"a":{"name"',
    b"\xff\xfe",
    [],
    "text",
    None,
    {},
    {"rid": "2"},
    {"rid": True},
    {"rid": 2.5},
    {"rid": 2, "torrents": []},
    {"rid": 2, "torrents": "none"},
    {"rid": 2, "torrents": {A: []}},
    {"rid": 2, "torrents": {A: {"progress": "half"}}},
    {"rid": 2, "torrents": {A: {"progress": None}}},
    {"rid": 2, "torrents": {A: {"progress": True}}},
    {"rid": 2, "torrents": {A: {"name": 5}}},
    {"rid": 2, "torrents": {A: {"size": 1.5}}},
    {"rid": 2, "torrents": {A: {"size": "1"}}},
    {"rid": 2, "torrents": {A: {"private": "yes"}}},
    {"rid": 2, "torrents": {A: {"force_start": 1}}},
    {"rid": 2, "torrents": {A: {"tags": ["x"]}}},
    {"rid": 2, "torrents": {A: {"state": 3}}},
    {"rid": 2, "torrents": {B: {"progress": 0.5}}},
    {"rid": 2, "torrents": {B: {"name": "new", "state": "downloading"}}},
    {"rid": 2, "torrents_removed": A},
    {"rid": 2, "torrents_removed": [1]},
    {"rid": 2, "categories": ["radarr"]},
    {"rid": 2, "categories": {"radarr": "radarr"}},
    {"rid": 2, "categories": {"radarr": {"savePath": 5}}},
    {"rid": 2, "categories_removed": {"radarr": 1}},
    {"rid": 2, "tags": "x"},
    {"rid": 2, "tags_removed": [None]},
    {"rid": 2, "server_state": []},
    {"rid": 2, "server_state": {"dl_info_speed": "fast"}},
    {"rid": 2, "full_update": True, "torrents": {A: {"progress": 0.7}}},
)


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_an_answer_that_cannot_be_merged_changes_nothing(client: Client, broken: Any) -> None:
    before = client.take(everything(rid=5, torrents={A: raw()}, tags=["x"]))
    with pytest.raises(UnexpectedResponse):
        client.take(broken)
    assert client.next_rid == 0, "everything is asked for next"
    assert client.take(everything(rid=1, torrents={A: raw()}, tags=["x"])) is before
    assert client.next_rid == 1


def test_changes_in_place_of_everything_are_refused(client: Client) -> None:
    with pytest.raises(UnexpectedResponse, match="only changes came"):
        client.take({"rid": 2, "torrents": {}})
    with pytest.raises(UnexpectedResponse, match="only changes came"):
        client.take({"rid": 2, "full_update": False})


def test_the_message_names_the_place(client: Client) -> None:
    with pytest.raises(UnexpectedResponse, match=rf"^torrents\.{A}\.dlspeed: expected a whole number$"):
        client.take(everything(torrents={A: raw(dlspeed="1 MB/s")}))
    with pytest.raises(UnexpectedResponse, match=rf"^torrents\.{A}: new, but without name, state$"):
        client.take(everything(torrents={A: {"progress": 1, "size": 1, "amount_left": 0}}))


def test_no_announce_url_or_magnet_link_is_kept(client: Client) -> None:
    passkey = "0123456789abcdef0123456789abcdef"
    url = f"https://Tracker.Example:443/{passkey}/announce"
    snapshot = client.take(
        everything(
            torrents={A: raw(tracker=url, magnet_uri=f"magnet:?xt=urn:btih:{A}&tr={url}", comment=url)},
            trackers={url: [A]},
        )
    )
    assert snapshot.torrents[A].tracker_host == "tracker.example"
    assert passkey not in repr(snapshot)
    assert passkey not in repr(vars(client.state))


def test_frequent_texts_are_kept_once(client: Client) -> None:
    torrents = {key: raw(category="radarr", save_path="/data/radarr", tags="a, b", progress=1) for key in (A, B)}
    snapshot = client.take(everything(torrents=copy.deepcopy(torrents)))
    first, second = snapshot.torrents[A], snapshot.torrents[B]
    for name in ("category", "save_path", "tags", "progress"):
        assert getattr(first, name) is getattr(second, name)


# --- any history at all ----------------------------------------------------------------------------------------------


class Server:
    """The published algorithm: what was acknowledged, what is pending, and everything for any other number."""

    def __init__(self) -> None:
        self.torrents: dict[str, dict[str, Any]] = {}
        self.categories: dict[str, dict[str, Any]] = {}
        self.tags: set[str] = set()
        self.server_state: dict[str, Any] = {"dl_info_speed": 0, "connection_status": "connected"}
        self.new_session()

    def new_session(self) -> None:
        self.last_sent = self.accepted = 0
        self.acknowledged = self._state()
        self.sent = self._state()

    def _state(self) -> dict[str, Any]:
        return copy.deepcopy(
            {
                "torrents": self.torrents,
                "categories": self.categories,
                "tags": {tag: {} for tag in self.tags},
                "server_state": self.server_state,
            }
        )

    def answer(self, rid: int) -> dict[str, Any]:
        if rid and rid == self.last_sent:
            self.accepted, self.acknowledged = rid, self.sent
        full = rid == 0 or rid != self.accepted
        self.last_sent = self.last_sent % 1_000_000 + 1
        self.sent = now = self._state()
        if full:
            return {**now, "tags": sorted(now["tags"]), "rid": self.last_sent, "full_update": True}
        answer: dict[str, Any] = {"rid": self.last_sent}
        for part in ("torrents", "categories", "tags"):
            old, new = self.acknowledged[part], now[part]
            differs = {key: changes(old.get(key, {}), new[key]) for key in new if old.get(key) != new[key]}
            gone = [key for key in old if key not in new]
            if differs:
                answer[part] = list(differs) if part == "tags" else differs
            if gone:
                answer[f"{part}_removed"] = gone
        if state := changes(self.acknowledged["server_state"], now["server_state"]):
            answer["server_state"] = state
        return answer


def changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in new.items() if key not in old or old[key] != value}


HASHES = st.sampled_from([A, B, C, "d" * 40])
NAMES = st.sampled_from(["x", "y", "z"])
TORRENT = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["A.Film", "Größe 😀"]),
        "state": st.sampled_from(["downloading", "stalledDL", "stalledUP", "stoppedUP", "error", "fromTheFuture"]),
        "progress": st.sampled_from([0, 0.25, 1]),
        "size": st.integers(0, 2**40),
        "amount_left": st.integers(0, 2**40),
        "tags": st.sampled_from(["", "x", "x, y"]),
        "category": st.sampled_from(["", "radarr"]),
        "private": st.sampled_from([None, True, False]),
        "ratio": st.sampled_from([-1, 0, 1.5]),
        "time_active": st.integers(0, 5),
    }
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), HASHES, TORRENT),
        st.tuples(
            st.just("update"), HASHES, TORRENT.flatmap(lambda all_: st.sampled_from([{k: all_[k]} for k in all_]))
        ),
        st.tuples(st.just("remove"), HASHES),
        st.tuples(st.just("category"), NAMES, st.sampled_from(["", "/data"])),
        st.tuples(st.just("no category"), NAMES),
        st.tuples(st.just("tag"), NAMES),
        st.tuples(st.just("no tag"), NAMES),
        st.tuples(st.just("speed"), st.integers(0, 3)),
        st.tuples(st.just("session")),
        st.tuples(st.just("poll")),
        st.tuples(st.just("poll")),
        st.tuples(st.just("lost")),
        st.tuples(st.just("garbled"), st.integers(0, 200)),
        st.tuples(st.just("wrong"), st.sampled_from([answer for answer in BROKEN if isinstance(answer, dict)])),
    ),
    max_size=40,
)


def projected(raw_torrent: dict[str, Any]) -> dict[str, Any]:
    """Return what can be compared without the code under test, in the API's words."""
    keys = ("name", "progress", "size", "amount_left", "category", "private")
    return {key: raw_torrent[key] for key in keys} | {
        "tags": {tag for tag in raw_torrent["tags"].split(", ") if tag},
        "ratio": None if raw_torrent["ratio"] < 0 else raw_torrent["ratio"],
    }


def told(torrent: Torrent) -> dict[str, Any]:
    return {
        "name": torrent.name,
        "progress": torrent.progress,
        "size": torrent.size_bytes,
        "amount_left": torrent.remaining_bytes,
        "category": torrent.category,
        "private": torrent.private,
        "tags": set(torrent.tags),
        "ratio": torrent.ratio,
    }


def check(server: Server, before: DownloadClientSnapshot | None, after: DownloadClientSnapshot) -> None:
    """See that the client has the server's state and tells truly what changed."""
    assert {key: told(torrent) for key, torrent in after.torrents.items()} == {
        key: projected(torrent) for key, torrent in server.torrents.items()
    }
    assert after.tags == server.tags
    assert after.categories == {name: category["savePath"] for name, category in server.categories.items()}
    assert after.transfer.download_rate == server.server_state["dl_info_speed"]
    assert after.totals.by_state == Counter(torrent.state for torrent in after.torrents.values())
    assert all(key == torrent.hash for key, torrent in after.torrents.items())
    if before is after:
        return
    old = before.torrents if before is not None else {}
    assert after.revision == (before.revision if before is not None else 0) + 1
    assert after.changed == {key for key, torrent in after.torrents.items() if old.get(key) != torrent}
    assert after.removed == old.keys() - after.torrents.keys()
    assert all(torrent is old[key] for key, torrent in after.torrents.items() if key not in after.changed)
    if before is not None:
        parts = ("torrents", "tags", "categories", "transfer")
        assert any(getattr(before, part) != getattr(after, part) for part in parts), "a revision without a change"


def happen(server: Server, step: tuple[Any, ...]) -> None:
    """Let something happen at the server."""
    match step:
        case ("set", key, fields):
            server.torrents[key] = fields
        case ("update", key, fields) if key in server.torrents:
            server.torrents[key] = {**server.torrents[key], **fields}
        case ("remove", key):
            server.torrents.pop(key, None)
        case ("category", name, path):
            server.categories[name] = {"name": name, "savePath": path}
        case ("no category", name):
            server.categories.pop(name, None)
        case ("tag", name):
            server.tags.add(name)
        case ("no tag", name):
            server.tags.discard(name)
        case ("speed", speed):
            server.server_state["dl_info_speed"] = speed
        case ("session",):
            server.new_session()


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_after_any_history_the_client_has_the_servers_state(steps: list[tuple[Any, ...]]) -> None:
    server, client = Server(), Client()
    snapshot: DownloadClientSnapshot | None = None
    for step in [*steps, ("poll",)]:
        match step:
            case ("poll",):
                before, snapshot = snapshot, client.take(server.answer(client.next_rid))
                check(server, before, snapshot)
            case ("lost",):
                server.answer(client.state.take_rid())
            case ("garbled", length):
                body = orjson.dumps(server.answer(client.next_rid))
                with pytest.raises(UnexpectedResponse):
                    client.take(body[: min(length, len(body) - 1)])
            case ("wrong", answer) if snapshot is not None and A in snapshot.torrents and B not in snapshot.torrents:
                with pytest.raises(UnexpectedResponse):
                    client.take(answer)
            case _:
                happen(server, step)
