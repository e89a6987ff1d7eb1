"""Whose torrent is it? Nothing is touched that a person or another tool claimed."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.ownership import NEVER_TOUCH, Claims, ceiling
from custom_components.sokoul.autopilot.rules.base import Case, Facts, Look
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import Autonomy
from custom_components.sokoul.model.memory import SubjectMemory
from custom_components.sokoul.model.world import Download, join_downloads
from tests.autopilot.rules.queue import grabbed, queued, usenet
from tests.autopilot.rules.swarms import download, having
from tests.model import make
from tests.model.make import NOW

OFF, SUGGEST, ACT = Autonomy.OFF, Autonomy.SUGGEST, Autonomy.ACT
STOPPED = DownloadState.STOPPED
LOOKED = {"looked": frozenset({Look.ORIGIN})}
GRABBED = grabbed(**LOOKED)
BY_HAND = grabbed(by_hand=True, **LOOKED)
UNKNOWN = Facts(**LOOKED)
TAKEN_BACK = SubjectMemory(restored_from=("radarr",))


def unclaimed(**fields: Any) -> Download:
    (alone,) = join_downloads(make.world(make.qbittorrent(make.torrent(**fields))), NOW)
    return alone


def category(name: str) -> Download:
    return download(category=name)


def tagged(*tags: str) -> Download:
    return download(tags=frozenset(tags))


CASES = (
    ("its *arr grabbed it by itself", download(category="radarr"), GRABBED, ACT, None),
    ("nobody has asked yet how it was grabbed", download(category="radarr"), Facts(), ACT, None),
    ("grabbed by hand", download(), BY_HAND, SUGGEST, "claimed.by_hand"),
    ("its *arr doesn't know who brought it", download(), UNKNOWN, SUGGEST, "claimed.unknown_origin"),
    ("no *arr waits for it", unclaimed(), Facts(), OFF, "claimed.nobody"),
    ("forced by a person", download(forced=True), GRABBED, OFF, "claimed.forced"),
    ("stopped by a person", download(STOPPED), GRABBED, OFF, "claimed.stopped"),
    ("stopped when it was complete", download(STOPPED, **having(1)), GRABBED, ACT, None),
    ("usenet", queued(usenet()), GRABBED, ACT, None),
    ("injected by cross-seed: its tag", tagged("cross-seed"), GRABBED, OFF, "claimed.label"),
    ("injected by cross-seed: its category", category("cross-seed-link"), GRABBED, OFF, "claimed.label"),
    ("injected by cross-seed: behind the category", category("radarr.cross-seed"), GRABBED, OFF, "claimed.label"),
    ("injected by cross-seed: below a category", category("tv/cross-seed"), GRABBED, OFF, "claimed.label"),
    ("grabbed by autobrr", tagged("autobrr", "x"), GRABBED, OFF, "claimed.label"),
    ("to be kept", tagged("Keep"), GRABBED, OFF, "claimed.label"),
    ("without hard links", tagged("noHL"), GRABBED, OFF, "claimed.label"),
    ("a word that only begins so", tagged("keeper", "autobrr-import"), GRABBED, ACT, None),
    ("a word that only ends so", category("housekeep"), GRABBED, ACT, None),
    ("a category with a hyphen", category("to-keep"), GRABBED, ACT, None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("each", "facts", "level", "why"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_ceiling(each: Download, facts: Facts, level: Autonomy, why: str | None) -> None:
    allowed, reason = ceiling(Case(download=each, now=NOW, facts=facts), Claims())
    assert (allowed, reason.key if reason else None) == (level, why)


def so(each: Download, claims: Claims, facts: Facts = GRABBED, **fields: Any) -> Autonomy:
    return ceiling(Case(download=each, now=NOW, facts=facts, **fields), claims)[0]


def test_the_never_touch_list_is_stronger_than_all() -> None:
    claims = Claims(keys=frozenset({make.digest(1)}), ours=frozenset({make.digest(1)}))
    assert so(download(), claims) is OFF


@pytest.mark.parametrize("facts", [BY_HAND, UNKNOWN])
def test_what_the_autopilot_grabbed_itself_is_its_own(facts: Facts) -> None:
    """The *arr notes its grabs as by hand, because it grabs through the interactive search."""
    assert so(download(), Claims(ours=frozenset({make.digest(1)})), facts) is ACT


def test_what_a_person_took_back_is_looked_after() -> None:
    assert so(unclaimed(), Claims(), Facts(), memory=TAKEN_BACK) is ACT
    assert so(unclaimed(), Claims(), UNKNOWN, memory=TAKEN_BACK) is ACT
    assert so(unclaimed(forced=True), Claims(), memory=TAKEN_BACK) is OFF


def test_a_label_of_its_own() -> None:
    assert so(tagged("Hands.Off"), Claims(labels=frozenset({"hands.off"}))) is OFF
    assert so(tagged("keep"), Claims(labels=frozenset({"hands.off"}))) is ACT
    assert {"cross-seed", "autobrr", "keep", "nohl"} <= NEVER_TOUCH


def test_it_says_which_label() -> None:
    _, reason = ceiling(Case(download=tagged("a", "Keep"), now=NOW), Claims())
    assert reason is not None
    assert reason.parameters == {"label": "Keep"}


def test_one_client_of_two_arrs_is_two_owners() -> None:
    """Each torrent belongs to the *arr that has it in its queue; what neither has is nobody's."""
    world = make.world(
        make.qbittorrent(make.torrent(1), make.torrent(2), make.torrent(3)),
        make.arr(make.item(1)),
        make.sonarr(make.item(2)),
    )
    owners = {each.key: each.arr_ids for each in join_downloads(world, NOW)}
    assert owners == {make.digest(1): ("radarr",), make.digest(2): ("sonarr",), make.digest(3): ()}
    levels = {each.key: so(each, Claims()) for each in join_downloads(world, NOW)}
    assert levels == {make.digest(1): ACT, make.digest(2): ACT, make.digest(3): OFF}


def test_one_arr_with_two_clients_waits_for_what_it_put_where() -> None:
    """The same torrent lies in both: in one for the *arr, in the other for a person."""
    second = make.link(id=2, name="seedbox", host="seedbox", port=9090)
    world = make.world(
        make.qbittorrent(make.torrent(1)),
        make.qbittorrent(make.torrent(1), id="seedbox", title="seedbox", url="http://seedbox:9090"),
        make.arr(make.item(1, download_client="seedbox"), links=(make.link(), second)),
    )
    levels = {each.client_id: so(each, Claims()) for each in join_downloads(world, NOW + timedelta())}
    assert levels == {"qbt": OFF, "seedbox": ACT}
