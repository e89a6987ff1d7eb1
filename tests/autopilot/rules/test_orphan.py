"""Queue items that lead nowhere leave the queue; nothing else happens to them, and nothing that arrives is one."""

from datetime import timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.base import Later, Surroundings
from custom_components.sokoul.autopilot.rules.orphan import RULE
from custom_components.sokoul.autopilot.settings import PilotSettings
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, Proposal
from custom_components.sokoul.model.library import Protocol, QueueItem, QueueStatus, TrackedState
from custom_components.sokoul.model.world import Download
from tests.autopilot.fakes import FakeTorrent, digest
from tests.autopilot.rules.drive import SHUT, Drive, joined
from tests.autopilot.rules.queue import (
    NOTHING,
    Row,
    blocked,
    coming,
    delayed,
    episode,
    episodes,
    failed,
    grabbed,
    here,
    hours,
    minutes,
    queued,
    row,
    unmonitored,
    usenet,
)
from tests.autopilot.stack import Stack
from tests.model import make
from tests.model.make import GB, NOW

AWAY = Surroundings(arrs_away=frozenset({"radarr"}))
BY_HAND = grabbed(by_hand=True)
UNKNOWN_ORIGIN = grabbed(by_hand=None, grabbed_at=None)
STALLED = make.torrent(state=DownloadState.STALLED)


def two_clients(item: QueueItem) -> Download:
    """Return one of an *arr with two qBittorrents, which is in the other one."""
    links = (make.link(), make.link(id=2, name="Second", host="second", category="second"))
    other = make.qbittorrent(make.torrent(state=DownloadState.STALLED), id="second", url="http://second:8080")
    return joined(make.world(make.qbittorrent(), other, make.arr(item, links=links)), NOW)


def unseen_client(item: QueueItem) -> Download:
    """Return one of an *arr with two clients, of which SOKOUL knows the other."""
    links = (make.link(), make.link(id=2, name="Seedbox", host="seedbox.example", category="far"))
    return joined(make.world(make.qbittorrent(), make.arr(item, links=links)), NOW)


def client_away(item: QueueItem) -> Download:
    return joined(make.world(make.qbittorrent(available=False), make.arr(item)), NOW)


NOT_IN_CLIENT = (
    row("its client doesn't have it, since a moment", queued(make.item()), minutes(59), NOTHING),
    row("for an hour", queued(make.item()), hours(1), ActKind.LEAVE_QUEUE, says="heal.orphan_not_in_client"),
    row("its client has it", coming(make.item()), hours(200), NOTHING),
    row("its client is away", client_away(make.item()), hours(200), NOTHING),
    row("its client is away, and the gate knows", queued(make.item()), hours(200), NOTHING, gate=SHUT),
    row("the *arr is away: it may have left the queue", queued(make.item()), hours(200), NOTHING, around=AWAY),
    row("one *arr with two clients: the other has it", two_clients(make.item(download_client="Second")), hours(200),
        NOTHING),
    row("a client that SOKOUL doesn't see", unseen_client(make.item(download_client="Seedbox")), hours(200), NOTHING),
    row("usenet has a client of its own", queued(usenet()), hours(200), NOTHING),
    row("usenet, and the *arr names our client", queued(usenet(download_client="qBittorrent")), hours(200), NOTHING),
    row("a protocol that nobody knows", queued(make.item(protocol=Protocol.UNKNOWN)), hours(200), NOTHING),
    row("complete and gone from the client: it is to be imported", queued(blocked()), hours(200), NOTHING),
    row("imported and gone", queued(make.completed(state=TrackedState.IMPORTED)), hours(200), NOTHING),
    row("delayed: no client has it yet", queued(delayed()), hours(200), NOTHING),
    row("delayed, no client could be reached", queued(delayed(status=QueueStatus.CLIENT_UNAVAILABLE)), hours(200),
        NOTHING),
    row("kept in reserve", queued(delayed(status=QueueStatus.FALLBACK)), hours(200), NOTHING),
)  # fmt: skip

UNKNOWN = (
    row("nobody knows what it is", coming(make.item(titles=())), hours(1), ActKind.LEAVE_QUEUE, asks=False,
        says="heal.orphan_unknown"),
    row("it left the queue, and is back: so it would be for ever", coming(make.item(titles=())), hours(1),
        ActKind.TELL, tried=(ActKind.LEAVE_QUEUE,), says="heal.orphan_unknown_back"),
    row("it left the queue, and its title is known now", coming(make.item()), hours(200), NOTHING,
        tried=(ActKind.LEAVE_QUEUE,)),
    row("since a moment", coming(make.item(titles=())), minutes(59), NOTHING),
    row("it is complete: a person may have brought it", here(blocked(titles=())), hours(1), ActKind.LEAVE_QUEUE,
        asks=True, facts=UNKNOWN_ORIGIN),
    row("it is being imported", here(make.completed(titles=(), state=TrackedState.IMPORTING)), hours(200), NOTHING),
    row("it failed, and there is nothing to search for", queued(failed(titles=(), download_client=None)), hours(1),
        ActKind.LEAVE_QUEUE),
    row("usenet of an unknown title", queued(usenet(titles=(), remaining_bytes=GB)), hours(1), ActKind.LEAVE_QUEUE),
    row("another *arr knows it", queued(make.item(titles=()), torrent=STALLED, others=(
        make.sonarr(make.item(titles=episodes(1))),)), hours(200), NOTHING),
    row("no *arr knows it", queued(make.item(titles=()), torrent=STALLED, others=(
        make.sonarr(make.item(titles=())),)), hours(1), ActKind.LEAVE_QUEUE),
)  # fmt: skip

UNMONITORED = (
    row("nobody wants it any more", coming(make.item(titles=unmonitored())), hours(1), ActKind.LEAVE_QUEUE, asks=False,
        says="heal.orphan_unmonitored"),
    row("since a moment", coming(make.item(titles=unmonitored())), minutes(59), NOTHING),
    row("it is almost here: let it arrive",
        coming(make.item(titles=unmonitored()), progress=0.91, remaining_bytes=GB * 4 * 9 // 100), hours(200), NOTHING),
    row("it is here: it will be imported", here(make.completed(titles=unmonitored())), hours(200), NOTHING),
    row("it is here, of a size that nobody knows",
        here(make.completed(titles=unmonitored(), size_bytes=0), size_bytes=0), hours(200), NOTHING),
    row("it is here, and blocked: another rule's", here(blocked(titles=unmonitored())), hours(200), NOTHING),
    row("a person chose it for a title that is not monitored", coming(make.item(titles=unmonitored())), hours(200),
        NOTHING, facts=BY_HAND),
    row("nobody knows who chose it: only with consent", coming(make.item(titles=unmonitored())), hours(1),
        ActKind.LEAVE_QUEUE, facts=UNKNOWN_ORIGIN, asks=True),
    row("one episode of the pack is monitored", coming(make.item(titles=(
        episode(1), *unmonitored(episode(2))))), hours(200), NOTHING),
    row("no episode of the pack is", coming(make.item(titles=(
        *unmonitored(episode(1)), *unmonitored(episode(2))))), hours(1), ActKind.LEAVE_QUEUE),
    row("another *arr monitors it", queued(make.item(titles=unmonitored()), torrent=STALLED, others=(
        make.arr(make.item(), id="radarr4k"),)), hours(200), NOTHING),
    row("it failed: another rule's", coming(failed(titles=unmonitored())), hours(200), NOTHING),
    row("delayed, and not wanted any more: the *arr drops it", queued(delayed(titles=unmonitored())), hours(200),
        NOTHING),
)  # fmt: skip


@pytest.mark.parametrize("case", [*NOT_IN_CLIENT, *UNKNOWN, *UNMONITORED], ids=lambda case: case.name)
def test_orphans(case: Row) -> None:
    case.check(RULE)


@given(
    looks=st.lists(st.tuples(st.timedeltas(timedelta(), timedelta(minutes=59)), st.integers(1, GB)), max_size=8),
    titles=st.sampled_from([(), unmonitored()]),
)
def test_nothing_that_arrives_leaves(looks: list[tuple[timedelta, int]], titles: tuple[()]) -> None:
    drive, now, left = Drive(RULE, facts=grabbed()), NOW, 100 * GB
    for after, arrived in [(timedelta(), 0), *looks]:
        now, left = now + after, left - arrived
        item = make.item(titles=titles, size_bytes=100 * GB, remaining_bytes=left)
        torrent = make.torrent(state=DownloadState.DOWNLOADING, size_bytes=100 * GB, remaining_bytes=left)
        assert not isinstance(drive.see(now, queued(item, torrent=torrent)), Proposal)


def test_an_item_whose_client_comes_back_starts_anew() -> None:
    drive = Drive(RULE, facts=grabbed())
    drive.see(NOW - hours(3), queued(make.item()))
    drive.see(NOW - hours(2), client_away(make.item()))
    assert drive.see(NOW, queued(make.item())) == Later(hours(1))


def test_an_arr_that_sees_it_move_in_a_client_of_its_own_is_right() -> None:
    """The topology may be wrong about the client; bytes that arrive at the *arr are no orphan's."""
    drive = Drive(RULE, facts=grabbed())
    for step in range(30):
        item = make.item(remaining_bytes=4 * GB - step * GB // 10)
        assert not isinstance(drive.see(NOW + minutes(20 * step), queued(item)), Proposal)


async def test_what_nobody_knows_leaves_the_queue_once_and_is_told_once() -> None:
    """An *arr lists it again a minute later, so taking it out of the queue would never end."""
    stack = Stack(RULE, settings=PilotSettings(autonomy={RULE.key: Autonomy.ACT}))
    await stack.start()
    stack.radarr.download(FakeTorrent(hash=digest(7), name="Who.Knows", have=GB, added=stack.clock.now), grabbed=True)
    await stack.run(timedelta(days=2), minutes(15))
    assert [(entry.act, entry.status) for entry in stack.journal.entries] == [
        (ActKind.LEAVE_QUEUE, EntryStatus.DONE),
        (ActKind.TELL, EntryStatus.DONE),
    ]
    assert len(stack.radarr.items()) == 1


def test_it_only_observes_at_first() -> None:
    assert RULE.default is Autonomy.OBSERVE
