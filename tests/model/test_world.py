"""Joining: who has it, who waits for it, and that following changes gives what joining anew would give."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings as hypothesis_settings, strategies as st
import pytest

from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.downloads import (
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Transfer,
    TransferTotals,
)
from custom_components.sokoul.model.library import QueueStatus, Title, TitleKind, TrackedState
from custom_components.sokoul.model.topology import NO_TOPOLOGY, infer
from custom_components.sokoul.model.waiting import Wait
from custom_components.sokoul.model.world import (
    PATIENCE,
    Changes,
    DownloadIndex,
    World,
    is_stuck,
    join_counts,
    join_downloads,
)

from .make import (
    GB,
    NOW,
    ago,
    arr,
    backends,
    client_snapshot,
    completed,
    digest,
    dune,
    epoch,
    item,
    link,
    qbittorrent,
    sonarr,
    torrent,
    world,
)

S = DownloadState


def test_a_torrent_and_its_queue_item_are_one_download() -> None:
    (download,) = join_downloads(world(qbittorrent(torrent(1, eta_seconds=480)), arr(item(1))), NOW)
    assert download.id == f"qbt/{digest(1)}"
    assert download.label == "Dune (2021)"
    assert download.release == "Release.1"
    assert download.client_id == "qbt"
    assert download.arr_ids == ("radarr",)
    assert download.eta == timedelta(minutes=8)
    assert download.added_at == ago(days=1)
    assert not download.finished


def test_a_torrent_of_nobody_goes_by_its_own_name() -> None:
    (download,) = join_downloads(world(qbittorrent(torrent(1, name="debian-13.iso")), arr()), NOW)
    assert (download.label, download.arr_ids, download.item) == ("debian-13.iso", (), None)


@pytest.mark.parametrize(
    "download_id",
    [digest(0xABCDEF), digest(0xABCDEF).upper(), digest(0xABCDEF).upper() + "F" * 24],
    ids=["lower case", "upper case", "a whole v2 hash"],
)
def test_however_the_arr_writes_the_hash(download_id: str) -> None:
    (download,) = join_downloads(world(qbittorrent(torrent(0xABCDEF)), arr(item(download_id=download_id))), NOW)
    assert download.torrent is not None
    assert download.arr_ids == ("radarr",)


def test_two_arrs_wait_for_one_torrent() -> None:
    episode = Title(kind=TitleKind.EPISODE, id=9, name="Silo", season=3, episode=2)
    (download,) = join_downloads(
        world(qbittorrent(torrent(1)), arr(item(1, titles=())), sonarr(item(1, titles=(episode,)))), NOW
    )
    assert download.arr_ids == ("radarr", "sonarr")
    assert download.label == "Silo S03E02", "the first *arr that knows what it is gives it its name"


def two_clients(**fields: Any) -> tuple[Backend, Backend]:
    return (
        qbittorrent(torrent(1), torrent(2), id="one", url="http://one:8080", **fields),
        qbittorrent(torrent(1), id="two", url="http://two:8080", **fields),
    )


def test_a_torrent_in_two_clients_belongs_to_the_arr_that_uses_one() -> None:
    one, two = two_clients()
    downloads = join_downloads(world(one, two, arr(item(1), item(2), links=(link(host="one"),))), NOW)
    assert {each.id: each.arr_ids for each in downloads} == {
        f"one/{digest(1)}": ("radarr",),
        f"one/{digest(2)}": ("radarr",),
        f"two/{digest(1)}": (),
    }


def test_a_torrent_in_two_clients_is_not_given_away_when_nobody_knows_whose_it_is() -> None:
    one, two = two_clients()
    downloads = join_downloads(world(one, two, arr(item(1), links=())), NOW)
    assert {each.id: each.arr_ids for each in downloads}[f"two/{digest(1)}"] == ("radarr",)
    assert {each.id: each.arr_ids for each in downloads}[f"one/{digest(1)}"] == ("radarr",)


def test_what_no_client_has_is_a_download_too() -> None:
    usenet = item(
        download_id="SABnzbd_nzo_X1",
        download_client="SABnzbd",
        titles=(dune(year=1984),),
        time_left=timedelta(minutes=3),
    )
    delayed = item(None, status=QueueStatus.DELAY, release="Later")
    downloads = {each.label: each for each in join_downloads(world(arr(usenet, delayed)), NOW)}
    dune_1984 = downloads["Dune (1984)"]
    assert dune_1984.key == "SABnzbd_nzo_X1", "an id that is no hash keeps its letters"
    assert (dune_1984.progress, dune_1984.size_bytes, dune_1984.eta) == (0.75, 4 * GB, timedelta(minutes=3))
    assert (dune_1984.client_id, dune_1984.category, dune_1984.tags) == (None, "", frozenset())
    assert downloads["Dune (2021)"].state is S.QUEUED
    assert len({each.id for each in downloads.values()}) == 2


def test_an_item_of_the_queue_has_a_state_and_a_progress_of_its_own() -> None:
    def alone(**fields: Any) -> Any:
        (download,) = join_downloads(world(arr(item(download_id="nzo", **fields))), NOW)
        return download

    assert (alone().state, alone().progress, alone().finished) == (S.DOWNLOADING, 0.75, False)
    assert alone(status=QueueStatus.PAUSED).state is S.STOPPED
    assert alone(size_bytes=0).progress == 0
    assert alone(remaining_bytes=9 * GB).progress == 0
    done = alone(status=QueueStatus.COMPLETED, size_bytes=0)
    assert (done.state, done.progress, done.finished) == (S.COMPLETED, 1, True)
    assert (done.remaining_bytes, done.download_rate, done.release) == (GB, 0, "Release.1")


def test_a_torrent_says_more_than_its_item() -> None:
    one = torrent(1, size_bytes=0, remaining_bytes=7, download_rate=9, category="radarr", tags=frozenset({"x"}))
    (download,) = join_downloads(world(qbittorrent(one), arr(item(1, status=QueueStatus.PAUSED))), NOW)
    assert (download.state, download.progress) == (S.DOWNLOADING, 0.4)
    assert download.size_bytes == 4 * GB, "unknown to the client yet, but not to the *arr"
    assert (download.remaining_bytes, download.download_rate) == (7, 9)
    assert (download.category, download.tags) == ("radarr", frozenset({"x"}))


def test_the_torrent_that_arrives_keeps_the_id_of_its_queue_item() -> None:
    index = DownloadIndex()
    index.update(world(qbittorrent(), arr(item(1))), NOW)
    (waiting,) = index
    assert waiting.waits is not None
    assert waiting.waits.key == Wait.NOT_IN_CLIENT
    changes = index.update(world(qbittorrent(torrent(1), revision=2), arr(item(1))), NOW)
    assert changes == Changes(changed=frozenset({waiting.id}))
    assert [each.waits for each in index] == [None]


def test_nothing_changed_changes_nothing() -> None:
    index = DownloadIndex()
    everything = world(qbittorrent(torrent(1), torrent(2, S.STALLED)), arr(item(1), item(3)))
    index.update(everything, NOW)
    before = list(index)
    assert index.update(everything, NOW) == Changes()
    again = world(everything.backends["qbt"], arr(item(1), item(3)))
    assert index.update(again, NOW) == Changes(), "the same queue in new objects"
    assert all(old is new for old, new in zip(before, index, strict=True))


def test_only_what_changed_is_joined_again() -> None:
    index = DownloadIndex()
    first = client_snapshot(*(torrent(number) for number in range(100)))
    qbt = qbittorrent(snapshot=first)
    index.update(world(qbt), NOW)
    kept = {each.id: each for each in index}
    faster = replace(first.torrents[digest(7)], download_rate=5)
    second = replace(
        first, revision=2, torrents={**first.torrents, faster.hash: faster}, changed=frozenset({faster.hash})
    )
    changes = index.update(world(replace(qbt, snapshot=second)), NOW)
    assert changes == Changes(changed=frozenset({f"qbt/{digest(7)}"}))
    assert [each.id for each in index if each is not kept[each.id]] == [f"qbt/{digest(7)}"]


@pytest.mark.parametrize("revision", [1, 2, 9])
def test_another_client_under_the_same_id_is_noticed(revision: int) -> None:
    """After a new connection the revisions start anew, and the change sets say nothing of the torrents before."""
    index = DownloadIndex()
    index.update(world(qbittorrent(torrent(1), torrent(2))), NOW)
    changes = index.update(world(qbittorrent(torrent(3), revision=revision)), NOW)
    assert changes.removed == {f"qbt/{digest(1)}", f"qbt/{digest(2)}"}
    assert [each.key for each in index] == [digest(3)]


def test_the_young_are_asked_again() -> None:
    index = DownloadIndex()
    everything = world(qbittorrent(torrent(1, S.STALLED, added_epoch=epoch(seconds=10))))
    index.update(everything, NOW)
    assert [each.waits and each.waits.key for each in index] == [Wait.STARTING]
    assert index.update(everything, NOW + timedelta(minutes=3)).changed == {f"qbt/{digest(1)}"}
    assert [each.waits and each.waits.key for each in index] == [Wait.NOBODY]


def test_a_client_that_goes_away_changes_what_waited_for_it_only() -> None:
    index = DownloadIndex()
    qbt = qbittorrent(torrent(1), torrent(2, S.SEEDING))
    index.update(world(qbt, arr(item(3))), NOW)
    changes = index.update(world(replace(qbt, available=False, unavailable_since=NOW), arr(item(3))), NOW)
    assert changes.changed == {f"qbt/{digest(1)}", f"qbt/{digest(3)}"}


def test_a_backend_that_is_removed_takes_its_downloads_along() -> None:
    index = DownloadIndex()
    qbt, radarr = qbittorrent(torrent(1)), arr(item(1), item(None))
    index.update(world(qbt, radarr), NOW)
    assert len(index) == 2
    index.update(world(qbt), NOW)
    assert [each.arr_ids for each in index] == [()]
    assert index.update(world(), NOW).removed == {f"qbt/{digest(1)}"}
    assert len(index) == 0
    assert index.get(f"qbt/{digest(1)}") is None


def test_a_backend_that_gets_another_name_is_called_by_it() -> None:
    index = DownloadIndex()
    blocked = completed(1, TrackedState.IMPORT_BLOCKED)
    index.update(world(qbittorrent(torrent(1, S.SEEDING)), arr(blocked)), NOW)
    index.update(world(qbittorrent(torrent(1, S.SEEDING)), arr(blocked, title="Radarr 4K")), NOW)
    (download,) = index
    assert download.waits is not None
    assert download.waits.parameters == {"arr": "Radarr 4K"}


STUCK = (
    ("gave nothing for seven hours", torrent(1, S.STALLED, active_epoch=epoch(hours=7)), True),
    ("gave something five hours ago", torrent(1, S.STALLED, active_epoch=epoch(hours=5)), False),
    ("added five hours ago, never gave", torrent(1, S.STALLED, active_epoch=0, added_epoch=epoch(hours=5)), False),
    ("times unknown", torrent(1, S.STALLED, active_epoch=0, added_epoch=0), False),
    ("no metadata for a day", torrent(1, S.METADATA, active_epoch=0), True),
    ("error", torrent(1, S.ERROR, active_epoch=epoch(minutes=1)), True),
    ("the files are gone", torrent(1, S.MISSING_FILES), True),
    ("queued for days", torrent(1, S.QUEUED, active_epoch=0, added_epoch=epoch(days=9)), False),
    ("stopped by a person for days", torrent(1, S.STOPPED, active_epoch=0, added_epoch=epoch(days=9)), False),
    ("checking for hours", torrent(1, S.CHECKING), False),
    ("slow for days", torrent(1, S.DOWNLOADING, active_epoch=epoch(hours=9)), False),
    ("seeding to nobody for days", torrent(1, S.SEEDING), False),
)


@pytest.mark.parametrize(("given_torrent", "expected"), [each[1:] for each in STUCK], ids=[each[0] for each in STUCK])
def test_stuck_is_judged_by_the_time_without_anything(given_torrent: Any, expected: bool) -> None:  # noqa: FBT001
    index = DownloadIndex()
    index.update(world(qbittorrent(given_torrent)), NOW)
    assert bool(index.stuck(NOW)) is expected
    assert [is_stuck(each, NOW) for each in index] == [expected]


@pytest.mark.parametrize(
    "client",
    [{"available": False}, {"transfer": Transfer(connection=ConnectionStatus.DISCONNECTED)}],
    ids=["away", "disconnected"],
)
def test_without_a_line_nothing_is_stuck(client: dict[str, Any]) -> None:
    index = DownloadIndex()
    index.update(world(qbittorrent(torrent(1, S.STALLED, active_epoch=epoch(days=9)), **client)), NOW)
    assert index.stuck(NOW) == ()


def test_a_blocked_import_is_stuck_whatever_the_torrent_does() -> None:
    index = DownloadIndex()
    index.update(world(qbittorrent(torrent(1, S.SEEDING)), arr(completed(1, TrackedState.IMPORT_BLOCKED))), NOW)
    assert [each.key for each in index.stuck(NOW)] == [digest(1)]
    index.update(world(qbittorrent(torrent(1, S.SEEDING)), arr(completed(1, TrackedState.IMPORTED))), NOW)
    assert index.stuck(NOW) == ()


def test_patience_is_the_callers() -> None:
    index = DownloadIndex()
    index.update(world(qbittorrent(torrent(1, S.STALLED, active_epoch=epoch(hours=2)))), NOW)
    assert index.stuck(NOW, PATIENCE) == ()
    assert len(index.stuck(NOW, timedelta(hours=1))) == 1


def test_counts_come_from_the_clients_own_totals() -> None:
    totals = TransferTotals(by_state={S.DOWNLOADING: 2, S.STALLED: 1, S.SEEDING: 40, S.COMPLETED: 2, S.STOPPED: 5})
    transfer = Transfer(download_rate=10, upload_rate=3, free_bytes=7 * GB)
    one = qbittorrent(torrent(1, S.ERROR), totals=totals, transfer=transfer)
    two = qbittorrent(id="two", totals=totals, transfer=Transfer(download_rate=5, free_bytes=None))
    away = qbittorrent(id="away", totals=totals, transfer=transfer, available=False)
    everything = world(one, two, away)
    index = DownloadIndex()
    index.update(everything, NOW)
    counts = join_counts(everything, index, NOW)
    assert (counts.total, counts.active, counts.finished, counts.stuck) == (1, 6, 84, 1)
    assert (counts.download_rate, counts.upload_rate, counts.free_bytes) == (15, 3, 7 * GB)


def test_free_space_nobody_tells_is_not_zero() -> None:
    assert join_counts(world(), DownloadIndex(), NOW).free_bytes is None


# -- following changes is the same as joining anew ------------------------------------------------------------------

STATES = st.sampled_from([S.DOWNLOADING, S.STALLED, S.METADATA, S.ERROR, S.SEEDING, S.STOPPED, S.MISSING_FILES])
ITEMS = st.lists(
    st.builds(
        lambda number, status, state, name: item(number, status=status, tracked_state=state, download_client=name),
        st.none() | st.integers(0, 5),
        st.sampled_from([QueueStatus.DOWNLOADING, QueueStatus.COMPLETED, QueueStatus.DELAY]),
        st.sampled_from(TrackedState),
        st.sampled_from(["qBittorrent", "SABnzbd", None]),
    ),
    max_size=4,
)
CHANGED = st.dictionaries(st.integers(0, 5), STATES | st.none(), max_size=3)
STEP = st.tuples(
    st.sampled_from(["torrents", "skip", "queue", "away", "back", "remove", "rename", "wait", "reconnect", "unread"]),
    st.sampled_from(["one", "two", "radarr", "sonarr"]),
    CHANGED,
    ITEMS,
)


def _next(
    snapshot: DownloadClientSnapshot, changes: dict[int, DownloadState | None], skipped: int
) -> DownloadClientSnapshot:
    torrents = dict(snapshot.torrents)
    for number, state in changes.items():
        if state is None:
            torrents.pop(digest(number), None)
        else:
            torrents[digest(number)] = torrent(number, state, added_epoch=epoch(minutes=number))
    every = torrents.keys() | snapshot.torrents.keys()
    return replace(
        snapshot,
        revision=snapshot.revision + 1 + skipped,
        torrents=torrents,
        changed=frozenset(key for key in every if key in torrents and torrents[key] is not snapshot.torrents.get(key)),
        removed=frozenset(snapshot.torrents.keys() - torrents.keys()),
    )


def _make(backend_id: str) -> Backend:
    makers: dict[str, Callable[[], Backend]] = {
        "one": lambda: qbittorrent(id="one"),
        "two": lambda: qbittorrent(id="two", url="http://two:8080"),
        "radarr": arr,
        "sonarr": sonarr,
    }
    return makers[backend_id]()


@hypothesis_settings(max_examples=150)
@given(st.lists(STEP, max_size=12))
def test_following_gives_what_joining_anew_gives(steps: list[Any]) -> None:
    known = {backend_id: _make(backend_id) for backend_id in ("one", "radarr", "two", "sonarr")}
    index, now = DownloadIndex(), NOW
    for act, backend_id, changes, items in steps:
        before = {each.id: each for each in index}
        backend = known.get(backend_id) or _make(backend_id)
        if act in {"torrents", "skip"} and backend.client:
            known[backend_id] = replace(backend, snapshot=_next(backend.client, changes, act == "skip"))
        elif act == "reconnect" and backend.client:
            fresh = _next(client_snapshot(revision=0), changes, 0)
            known[backend_id] = replace(backend, snapshot=fresh)
        elif act == "queue" and backend.arr:
            known[backend_id] = replace(backend, snapshot=replace(backend.arr, queue=tuple(items)))
        elif act in {"away", "back"}:
            known[backend_id] = replace(backend, available=act == "back")
        elif act == "unread":
            known[backend_id] = replace(backend, snapshot=None if backend.snapshot else _make(backend_id).snapshot)
        elif act == "rename":
            known[backend_id] = replace(backend, title=backend.title + "!")
        elif act == "remove":
            known.pop(backend_id, None)
        elif act == "wait":
            now += timedelta(minutes=1)
        everything = World(backends=backends(*known.values()), topology=infer(known))
        changed = index.update(everything, now)
        anew = {each.id: each for each in join_downloads(everything, now)}
        assert {each.id: each for each in index} == anew
        assert index.stuck(now) == tuple(
            sorted((each for each in anew.values() if is_stuck(each, now)), key=lambda each: each.id)
        )
        assert changed.removed == before.keys() - anew.keys()
        assert changed.changed == {key for key in anew if anew[key] != before.get(key)}


# --- how far behind --------------------------------------------------------------------------------------------------


def test_how_much_an_update_has_to_look_at_is_told_before() -> None:
    torrents = [torrent(number, DownloadState.STALLED) for number in range(20)]
    client, queue = qbittorrent(*torrents), arr(item(1), item(2))
    known = world(client, queue)
    index = DownloadIndex()
    assert index.behind(known) >= 20
    index.update(known, NOW)
    assert index.behind(known) == 0
    assert index.behind(world(client, queue)) == 0
    next_one = client_snapshot(*torrents, revision=2, changed=frozenset({torrents[0].hash}))
    assert index.behind(world(replace(client, snapshot=next_one), queue)) == 1
    later = client_snapshot(*torrents, revision=7)
    assert index.behind(world(replace(client, snapshot=later), queue)) == 20
    assert index.behind(world(client, arr(item(1), item(2), item(3)))) == 3
    for other in (
        world(replace(client, available=False), queue),
        world(client),
        world(client, queue, sonarr()),
        world(client, queue, topology=NO_TOPOLOGY),
        world(queue),
    ):
        assert index.behind(other) >= 20


def test_changes_add_up_until_somebody_takes_them() -> None:
    index = DownloadIndex()
    first, second = torrent(1), torrent(2)
    index.update(world(qbittorrent(first, second)), NOW)
    index.update(world(qbittorrent(first, revision=3)), NOW)
    taken = index.take_changes()
    assert taken.changed == {f"qbt/{first.hash}"}
    assert taken.removed == {f"qbt/{second.hash}"}
    assert index.take_changes() == Changes()
    index.update(world(qbittorrent(first, second, revision=4)), NOW)
    assert index.take_changes() == Changes(changed=frozenset({f"qbt/{second.hash}"}))


def test_who_joins_much_in_a_thread_gives_way() -> None:
    ways: list[None] = []
    many = world(qbittorrent(*(torrent(number) for number in range(200))))
    DownloadIndex().update(many, NOW, give_way=lambda: ways.append(None))
    assert len(ways) == 3
