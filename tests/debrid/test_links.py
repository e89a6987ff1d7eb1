"""Links are judged by their texts, the accounts, and what a proven mount shows. Never by words that look alike."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
import random

from hypothesis import example, given, strategies as st
import pytest

from custom_components.sokoul.debrid.catalogue import Catalogue, HeldFile, Holding, without_extension
from custom_components.sokoul.debrid.links import (
    CACHES_LAST,
    Binding,
    Cause,
    Health,
    Judge,
    Judgement,
    Link,
    Mount,
    MountLook,
    Seen,
    Shut,
    aim,
    judge,
    same_file,
    shut,
    unlinked,
)
from custom_components.sokoul.model.debrid import DebridStatus
from tests.debrid.link_scene import PROVEN, ZURG, catalogue, holding, link, texts

SHOW = holding("Show.S01.1080p", "/Show.S01E01.mkv", "/Show.S01E02.mkv", "/Extras/Making of.mkv")
MOVIE = holding("Movie.2020.mkv", "/Movie.2020.mkv", original="Movie 2020 [group].mkv")
HEALTHY, BROKEN, UNKNOWN = Health.HEALTHY, Health.BROKEN, Health.UNKNOWN
GONE, FAILED, FILE_GONE = Cause.TORRENT_GONE, Cause.TORRENT_FAILED, Cause.FILE_GONE
NEVER = Cause.NEVER_SEEN

# what is there, what the link says, how it is judged
CASES: tuple[tuple[str, tuple[Holding, ...], str, Health, Cause], ...] = (
    ("there", (SHOW,), "/mnt/zurg/__all__/Show.S01.1080p/Show.S01E01.mkv", HEALTHY, Cause.NONE),
    ("without a view", (SHOW,), "/mnt/zurg/Show.S01.1080p/Show.S01E01.mkv", HEALTHY, Cause.NONE),
    ("two views deep", (SHOW,), "/mnt/zurg/dav/shows/Show.S01.1080p/Show.S01E01.mkv", HEALTHY, Cause.NONE),
    ("in its folder", (SHOW,), "/mnt/zurg/shows/Show.S01.1080p/Extras/Making of.mkv", HEALTHY, Cause.NONE),
    ("flattened", (SHOW,), "/mnt/zurg/shows/Show.S01.1080p/Making of.mkv", HEALTHY, Cause.NONE),
    ("the folder itself", (SHOW,), "/mnt/zurg/shows/Show.S01.1080p", HEALTHY, Cause.NONE),
    ("with slashes to spare", (SHOW,), "/mnt//zurg/./shows/Show.S01.1080p//Show.S01E01.mkv", HEALTHY, Cause.NONE),
    ("by Real-Debrid's name", (MOVIE,), "/mnt/zurg/movies/Movie.2020.mkv/Movie.2020.mkv", HEALTHY, Cause.NONE),
    ("called as its folder, without a view", (MOVIE,), "/mnt/zurg/Movie.2020.mkv/Movie.2020.mkv", HEALTHY, Cause.NONE),
    ("without its extension", (MOVIE,), "/mnt/zurg/movies/Movie.2020/Movie.2020.mkv", HEALTHY, Cause.NONE),
    ("by its own name", (MOVIE,), "/mnt/zurg/movies/Movie 2020 [group].mkv/Movie.2020.mkv", HEALTHY, Cause.NONE),
    ("by that without its extension", (MOVIE,), "/mnt/zurg/movies/Movie 2020 [group]/Movie.2020.mkv", HEALTHY,
     Cause.NONE),
    ("an accent, written in another way", (holding("Ame\u0301lie", "/Am\u00e9lie.mkv"),),
     "/mnt/zurg/movies/Am\u00e9lie/Ame\u0301lie.mkv", HEALTHY, Cause.NONE),
    # neighbours
    ("the next episode is another file", (holding("Show.S01.1080p", "/Show.S01E02.mkv"),),
     "/mnt/zurg/__all__/Show.S01.1080p/Show.S01E01.mkv", BROKEN, FILE_GONE),
    ("episode 1 is not episode 10", (holding("Show.S01.1080p", "/Show.S01E10.mkv"),),
     "/mnt/zurg/__all__/Show.S01.1080p/Show.S01E1.mkv", BROKEN, FILE_GONE),
    ("nor the end of another name", (holding("Show.S01.1080p", "/My.Show.S01E01.mkv"),),
     "/mnt/zurg/__all__/Show.S01.1080p/Show.S01E01.mkv", BROKEN, FILE_GONE),
    ("the other quality is another torrent", (SHOW,), "/mnt/zurg/__all__/Show.S01.720p/Show.S01E01.mkv", BROKEN, NEVER),
    ("the next season", (SHOW,), "/mnt/zurg/__all__/Show.S02.1080p/Show.S01E01.mkv", BROKEN, NEVER),
    ("letters count", (SHOW,), "/mnt/zurg/__all__/show.s01.1080p/Show.S01E01.mkv", BROKEN, NEVER),
    ("a part of a name is no name", (SHOW,), "/mnt/zurg/__all__/Show.S01/Show.S01E01.mkv", BROKEN, NEVER),
    # what is not there, or not yet
    ("never heard of", (), "/mnt/zurg/__all__/Show/E01.mkv", BROKEN, NEVER),
    ("it was there", (holding("Show", "/E01.mkv", gone=True),), "/mnt/zurg/__all__/Show/E01.mkv", BROKEN, GONE),
    ("it was there; its files were never read", (holding("Show", gone=True, known=False),),
     "/mnt/zurg/__all__/Show/E01.mkv", BROKEN, GONE),
    ("it failed", (holding("Show", "/E01.mkv", status=DebridStatus.DEAD),), "/mnt/zurg/__all__/Show/E01.mkv",
     BROKEN, FAILED),
    ("it failed, and is there once more", (holding("Show", "/E01.mkv", status=DebridStatus.ERROR),
     holding("Show", "/E01.mkv", id_="2")), "/mnt/zurg/__all__/Show/E01.mkv", HEALTHY, Cause.NONE),
    ("it is on its way", (holding("Show", "/E01.mkv", status=DebridStatus.DOWNLOADING),),
     "/mnt/zurg/__all__/Show/E01.mkv", UNKNOWN, Cause.ON_ITS_WAY),
    ("somebody has to select its files", (holding("Show", status=DebridStatus.WAITING_FILES_SELECTION, known=False),),
     "/mnt/zurg/__all__/Show/E01.mkv", UNKNOWN, Cause.ON_ITS_WAY),
    ("its files were never read", (holding("Show", known=False),), "/mnt/zurg/__all__/Show/E01.mkv", UNKNOWN,
     Cause.FILES_UNKNOWN),
    ("one of the same name has it, another was there", (holding("Show", "/E02.mkv"),
     holding("Show", "/E01.mkv", gone=True, hash_="b")), "/mnt/zurg/__all__/Show/E01.mkv", BROKEN, GONE),
    # none of our business
    ("another disk", (SHOW,), "/data/media/Show.S01E01.mkv", Health.ELSEWHERE, Cause.NONE),
    ("a mount whose name begins so", (SHOW,), "/mnt/zurg2/__all__/Show.S01.1080p/Show.S01E01.mkv", Health.ELSEWHERE,
     Cause.NONE),
    ("out of the mount, by dots", (SHOW,), "/mnt/zurg/../other/Show.S01E01.mkv", Health.ELSEWHERE, Cause.NONE),
    ("the mount itself", (SHOW,), "/mnt/zurg", Health.ELSEWHERE, Cause.NONE),
)  # fmt: skip


@pytest.mark.parametrize(("_why", "there", "target", "health", "cause"), CASES, ids=[case[0] for case in CASES])
def test_by_what_the_account_holds(
    _why: str, there: tuple[Holding, ...], target: str, health: Health, cause: Cause
) -> None:
    found = judge(link(target), catalogue(*there), [ZURG], links={})
    assert (found.health, found.cause) == (health, cause)


@pytest.mark.parametrize(("_why", "there", "target", "health", "_cause"), CASES, ids=[case[0] for case in CASES])
def test_before_the_list_was_read_to_its_end_no_torrent_is_missed(
    _why: str, there: tuple[Holding, ...], target: str, health: Health, _cause: Cause
) -> None:
    found = judge(link(target), catalogue(*there, complete=False), [ZURG], links={})
    if found.health is BROKEN:
        assert found.cause is FILE_GONE  # the torrent was read, and does not have it
    elif health is not BROKEN:
        assert found.health is health


TARGET = "/mnt/zurg/__all__/Show/E01.mkv"
THERE, LOST = holding("Show", "/E01.mkv"), holding("Show", "/E01.mkv", gone=True)
STRANGER = holding("Other", "/E01.mkv")
UNREAD, COMING = holding("Show", known=False), holding("Show", "/E01.mkv", status=DebridStatus.QUEUED)
LOOKS = (
    ("both say so", THERE, Seen.READS, 0, HEALTHY, Cause.NONE),
    ("an error when it is read", THERE, Seen.FAILS, 0, BROKEN, Cause.UNREADABLE),
    ("an error, and its files are not known", UNREAD, Seen.FAILS, 0, BROKEN, Cause.UNREADABLE),
    ("an error while it is on its way", COMING, Seen.FAILS, 0, UNKNOWN, Cause.ON_ITS_WAY),
    ("not shown yet: caches", THERE, Seen.MISSING, 29, UNKNOWN, Cause.NOT_SHOWN),
    ("not shown for long", THERE, Seen.MISSING, 30, BROKEN, Cause.NOT_SHOWN),
    ("gone, yet it can be read", LOST, Seen.READS, 0, UNKNOWN, Cause.DISPUTED),
    ("gone, and not shown", LOST, Seen.MISSING, 0, BROKEN, GONE),
    ("gone, and an error", LOST, Seen.FAILS, 0, BROKEN, GONE),
    ("its files are not known, but it can be read", UNREAD, Seen.READS, 0, HEALTHY, Cause.NONE),
    ("never heard of, and not shown: it may have come just now", STRANGER, Seen.MISSING, 119, BROKEN, NEVER),
    ("never heard of, and not shown for long", STRANGER, Seen.MISSING, 120, BROKEN, GONE),
    ("never heard of, yet it can be read", STRANGER, Seen.READS, 0, UNKNOWN, Cause.DISPUTED),
    ("nobody looked", LOST, Seen.NOT_LOOKED, 0, BROKEN, GONE),
)


@pytest.mark.parametrize(
    ("_why", "there", "seen", "minutes", "health", "cause"), LOOKS, ids=[case[0] for case in LOOKS]
)
def test_by_what_a_proven_mount_shows(
    _why: str, there: Holding, seen: Seen, minutes: int, health: Health, cause: Cause
) -> None:
    missing = timedelta(minutes=minutes)
    found = judge(link(TARGET), catalogue(there), [PROVEN], links={}, seen=seen, missing_for=missing)
    assert (found.health, found.cause) == (health, cause)


@pytest.mark.parametrize("seen", list(Seen))
def test_what_an_unproven_mount_shows_counts_for_nothing(seen: Seen) -> None:
    mounts = [Mount(theirs="/mnt/zurg", ours="/mnt/zurg", proven=False)]
    for there in (THERE, LOST, UNREAD, COMING):
        found = judge(link(TARGET), catalogue(there), mounts, links={}, seen=seen, missing_for=CACHES_LAST)
        assert found == judge(link(TARGET), catalogue(there), mounts, links={})


# --- links to links


def test_a_link_to_a_link_is_followed_by_texts() -> None:
    links = texts([link("/mnt/zurg/__all__/Show/E01.mkv", "/media/a.mkv"), link("../media/a.mkv", "/media2/b.mkv")])
    assert aim("/media2/c.mkv", "b.mkv", links) == "/mnt/zurg/__all__/Show/E01.mkv"
    assert judge(link("b.mkv", "/media2/c.mkv"), catalogue(THERE), [ZURG], links=links).health is HEALTHY


@pytest.mark.parametrize("target", ["self.mkv", "./self.mkv", "/media/self.mkv", "/media/other.mkv"])
def test_circles(target: str) -> None:
    links = {"/media/self.mkv": target, "/media/other.mkv": "self.mkv"}
    assert judge(link(target, "/media/self.mkv"), catalogue(), [ZURG], links=links).health is Health.LOOP


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefghxyz"), max_size=8), st.sampled_from("abcx")
)
def test_circles_are_what_walking_finds(texts_: dict[str, str], start: str) -> None:
    links = {f"/m/{name}": text for name, text in texts_.items()}
    seen, at = set(), start
    while at in texts_ and at not in seen:
        seen.add(at)
        at = texts_[at]
    found = aim("/m/start", start, links)
    assert found == (None if at in seen else f"/m/{at}")


# --- the same file elsewhere


def broken(target: str, *there: Holding) -> tuple[Judgement, Catalogue]:
    held = catalogue(*there)
    found = judge(link(target), held, [ZURG], links={})
    assert found.health is BROKEN
    return found, held


OLD = holding("Show.old", "/Show.S01E01.mkv", "/Show.S01E02.mkv", hash_="h", gone=True)
NEW = holding("Show.new", "/Show.S01E01.mkv", "/Show.S01E02.mkv", hash_="h", id_="2")
E01 = "/mnt/zurg/shows/Show.old/Show.S01E01.mkv"


def test_the_same_torrent_under_another_name() -> None:
    assert same_file(*broken(E01, OLD, NEW)) == "/mnt/zurg/shows/Show.new/Show.S01E01.mkv"


def test_the_name_follows_the_rule_of_the_mount() -> None:
    old = holding("rd.mkv", "/f.mkv", original="own.mkv", hash_="h", gone=True)
    new = holding("rd2.mkv", "/f.mkv", original="own2.mkv", hash_="h", id_="2")
    for folder, becomes in {"rd.mkv": "rd2.mkv", "rd": "rd2", "own.mkv": "own2.mkv", "own": "own2"}.items():
        assert same_file(*broken(f"/mnt/zurg/m/{folder}/f.mkv", old, new)) == f"/mnt/zurg/m/{becomes}/f.mkv"
    ambiguous = holding("rd.mkv", "/f.mkv", original="rd.mkv", hash_="h", gone=True)
    assert same_file(*broken("/mnt/zurg/m/rd.mkv/f.mkv", ambiguous, new)) is None


OTHER_WAYS: tuple[tuple[str, Holding], ...] = (
    ("another torrent has a file of that name", holding("Show.new", "/Show.S01E01.mkv", hash_="other", id_="2")),
    ("the next episode of the same torrent", holding("Show.new", "/Show.S01E02.mkv", hash_="h", id_="2")),
    ("it is not complete", holding("Show.new", "/Show.S01E01.mkv", hash_="h", id_="2", status=DebridStatus.DEAD)),
    ("its files were never read", holding("Show.new", hash_="h", id_="2", known=False)),
    ("two files of that name", holding("Show.new", "/a/Show.S01E01.mkv", "/b/Show.S01E01.mkv", hash_="h", id_="2")),
    ("another size", holding("Show.new", "/longer/Show.S01E01.mkv", hash_="h", id_="2")),
)


@pytest.mark.parametrize(("_why", "other"), OTHER_WAYS, ids=[case[0] for case in OTHER_WAYS])
def test_what_only_looks_like_it_is_not_taken(_why: str, other: Holding) -> None:
    assert same_file(*broken(E01, OLD, other)) is None


A, B = Mount(theirs="/mnt/zurg", accounts=frozenset({"one"})), Mount(theirs="/mnt/zurg", accounts=frozenset({"two"}))
MINE = holding("Show.old", "/Show.S01E01.mkv", hash_="h", gone=True)
THEIRS = holding("Show.old", "/Show.S01E01.mkv", hash_="h", id_="2", account="two")
THEIR_NAME = holding("Show.new", "/Show.S01E01.mkv", hash_="h", id_="2", account="two")
ITS_NEW_NAME = "/mnt/zurg/shows/Show.new/Show.S01E01.mkv"

# what the mount shows, what there is, how the link is judged, and what it would have to say
ACCOUNTS: tuple[tuple[str, Mount, tuple[Holding, ...], Health, Cause, str | None], ...] = (
    ("lost by its own account", A, (MINE, THEIRS), BROKEN, GONE, None),
    ("lost by the other account", B, (MINE, THEIRS), HEALTHY, Cause.NONE, None),
    ("lost by one of two that it shows", replace(A, accounts=frozenset({"one", "two"})), (MINE, THEIRS), HEALTHY,
     Cause.NONE, None),
    ("nobody knows which it shows", ZURG, (MINE, THEIRS), UNKNOWN, Cause.OTHER_ACCOUNT, None),
    ("its own account never had it", A, (THEIRS,), HEALTHY, Cause.NONE, None),
    ("another account has it under a name of its own", A, (MINE, THEIR_NAME), BROKEN, GONE, None),
    ("so it does, and the mount shows both", replace(A, accounts=frozenset({"one", "two"})), (MINE, THEIR_NAME),
     BROKEN, GONE, ITS_NEW_NAME),
    ("so it does, and nobody knows which it shows", ZURG, (MINE, THEIR_NAME), BROKEN, GONE, None),
    ("its own account has it under another name", A, (MINE, replace(THEIR_NAME, account="one")), BROKEN, GONE,
     ITS_NEW_NAME),
)  # fmt: skip


@pytest.mark.parametrize(
    ("_why", "mount", "there", "health", "cause", "again"), ACCOUNTS, ids=[case[0] for case in ACCOUNTS]
)
def test_what_another_account_holds_is_in_another_mount(
    _why: str, mount: Mount, there: tuple[Holding, ...], health: Health, cause: Cause, again: str | None
) -> None:
    held = catalogue(*there)
    found = judge(link(E01), held, [mount], links={})
    assert (found.health, found.cause) == (health, cause)
    if health is BROKEN:
        assert same_file(found, held) == again
        assert found.holding == MINE


@pytest.mark.parametrize(("mount", "lost"), [(A, True), (B, False), (ZURG, False)])
def test_what_an_account_may_hold_that_was_not_read_is_not_called_lost(mount: Mount, *, lost: bool) -> None:
    """Unless the mount shows others alone."""
    gone = (MINE, replace(MINE, id="2", account="two"))
    for there in (gone, gone[:1], (), (replace(MINE, gone=False, status=DebridStatus.DEAD),)):
        held = catalogue(*there, unread={"two"})
        found = judge(link(E01), held, [mount], links={})
        assert found.health is (BROKEN if lost else UNKNOWN)
        assert (found.cause is Cause.NOT_READ_YET) is not lost


def test_no_link_is_rewritten_to_what_an_account_held_before_it_could_not_be_read() -> None:
    shows_both = replace(A, accounts=frozenset({"one", "two"}))
    found = judge(link(E01), catalogue(MINE, THEIR_NAME), [shows_both], links={})
    assert same_file(found, catalogue(MINE, THEIR_NAME)) == ITS_NEW_NAME
    assert same_file(found, catalogue(MINE, THEIR_NAME, unread={"two"})) is None


def test_where_accounts_leave_it_open_a_proven_mount_tells() -> None:
    for seen, health in ((Seen.READS, HEALTHY), (Seen.MISSING, UNKNOWN)):
        found = judge(link(E01), catalogue(MINE, THEIRS), [PROVEN], links={}, seen=seen, missing_for=CACHES_LAST)
        assert found.health is health


def test_which_of_two_files_is_not_guessed() -> None:
    held = holding("Show", "/a/E01.mkv", "/b/E01.mkv", "/E02.mkv", "/b/E02.mkv")
    assert held.has("E01.mkv")
    assert held.find("E01.mkv") is None
    assert held.find("a/E01.mkv") == HeldFile(path="/a/E01.mkv", size_bytes=10)
    assert held.find("E02.mkv") == HeldFile(path="/E02.mkv", size_bytes=8), "the whole path says which"


def test_a_torrent_that_nobody_remembers_is_found_by_what_the_link_led_to() -> None:
    """Only where one name is possible: the rule of the mount can't be told."""
    found, held = broken(E01, NEW)
    assert same_file(found, held) is None
    right = Binding(hash="h", path="/Show.S01E01.mkv", size_bytes=len("/Show.S01E01.mkv"))
    assert same_file(found, held, right) == "/mnt/zurg/shows/Show.new/Show.S01E01.mkv"
    assert same_file(found, held, Binding(hash="h", path="/Show.S01E01.mkv", size_bytes=1)) is None


ONE_EACH = (replace(A, theirs="/mnt/a"), replace(B, theirs="/mnt/b"), ZURG)
TARGETS = (E01, *(target for _, _, target, _, _ in CASES))


@example(chosen=[(mount, E01) for mount in ONE_EACH])
@given(chosen=st.lists(st.tuples(st.sampled_from(ONE_EACH), st.sampled_from(TARGETS)), max_size=12))
def test_what_was_judged_before_changes_nothing(chosen: list[tuple[Mount, str]]) -> None:
    """What is remembered of the last folder is of that mount and that folder alone."""
    held = catalogue(MINE, THEIRS, *(each for _, there, *_ in CASES for each in there))
    links = [link(target.replace(ZURG.theirs, mount.theirs)) for mount, target in chosen]
    judging = Judge(held, ONE_EACH, {})
    assert [judging.by_account(each.path, each.target) for each in links] == [
        judge(each, held, ONE_EACH, links={}) for each in links
    ]


SEASON = holding("Show", "/E01.mkv", "/E02.mkv", "/Extras/Making of.mkv", "/.hidden.mkv", "/..", "/")
#: Torrents of one name: what one of them has says nothing of the others.
OF_ONE_NAME = (
    SEASON,
    holding("Show", "/E02.mkv", "/E03.mkv", hash_="b", id_="b"),
    holding("Show", "/E01.mkv", hash_="c", id_="c", account="two", gone=True),
    holding("Show", "/E01.mkv", "/E04.mkv", hash_="d", id_="d", status=DebridStatus.DEAD),
    holding("Show", hash_="e", id_="e", known=False),
)
NEIGHBOURS = (
    *(f"/mnt/zurg/shows/Show/{name}" for name in ("E01.mkv", "E02.mkv", "E03.mkv", "E04.mkv", ".hidden.mkv")),
    *(f"/mnt/zurg/shows/Show/{name}" for name in ("E1.mkv", "E011.mkv", "Making of.mkv", "Extras/Making of.mkv")),
    *(f"/mnt/zurg/shows/Show/{name}" for name in ("", ".", "..", "../Show/E01.mkv", "./E01.mkv", "Show", "E01.mkv/")),
    *("/mnt/zurg/shows//Show/E01.mkv", "/mnt/zurg/shows/Show 2/E01.mkv", "/mnt/zurg/Show/E02.mkv"),
    *("/mnt/zurg/films/Show/E01.mkv", "/mnt/a/shows/Show/E01.mkv", "/media/shows/link.mkv", "E01.mkv", "/else/E01.mkv"),
)


@example(there=[SEASON], targets=[NEIGHBOURS[1], NEIGHBOURS[0]], also=NEIGHBOURS[0])
@example(there=[SEASON], targets=[NEIGHBOURS[1], "/mnt/zurg/shows/Show/.."], also="/")
@example(there=[SEASON], targets=[NEIGHBOURS[1], "/mnt/zurg/shows/Show/"], also="/")
@example(there=list(OF_ONE_NAME[:2]), targets=[NEIGHBOURS[2], NEIGHBOURS[1]], also="/")
@given(
    there=st.lists(st.sampled_from(OF_ONE_NAME), unique_by=lambda each: each.id),
    targets=st.lists(st.sampled_from(NEIGHBOURS), max_size=12),
    also=st.sampled_from(("/", *NEIGHBOURS)),
)
def test_links_that_share_a_judgement_are_as_each_is_by_itself(
    there: list[Holding], targets: list[str], also: str
) -> None:
    """Neighbours in one folder, one after the other. `also` is a link of the library, to a file that nobody has."""
    held, mounts = catalogue(*there), (ONE_EACH[0], ZURG)
    links = {also: "/mnt/zurg/shows/Show/E99.mkv"}
    judging = Judge(held, mounts, links)
    for each in map(link, targets):
        alone = judge(each, held, mounts, links=links)
        found = judging.in_bulk(each.path, each.target)
        if alone.health is not HEALTHY or alone.place is None:
            assert found == alone
            continue
        assert found.place is not None
        assert (found.health, found.cause, found.holding) == (alone.health, alone.cause, alone.holding)
        assert replace(found.place, file=alone.place.file) == alone.place


def test_healthy_neighbours_share_a_judgement() -> None:
    judging = Judge(catalogue(SEASON), [ZURG], {})
    first, second = (
        judging.in_bulk(f"/media/{name}", f"/mnt/zurg/shows/Show/{name}") for name in ("E01.mkv", "E02.mkv")
    )
    assert first is second


def test_zero_wrong_among_neighbours() -> None:
    """Shows with similar names, every episode, half of the torrents renamed and a third gone: exact, or nothing."""
    rng = random.Random(7)  # noqa: S311 -- the same library every time
    held: list[Holding] = []
    links: list[tuple[Link, str, bool, str | None]] = []
    for show in range(40):
        for season in range(1, 4):
            name = f"The.Show{'s' * (show % 3)}.{show // 3}.S{season:02}"
            episodes = [f"/{name}E{episode:02}.mkv" for episode in range(1, 13)]
            info_hash = f"{name} {show}"
            fate = rng.choice(["there", "gone", "renamed", "renamed"])
            held.append(holding(name, *episodes, hash_=info_hash, gone=fate != "there", id_=f"{info_hash} old"))
            if fate == "renamed":
                held.append(holding(f"{name}.PROPER", *episodes, hash_=info_hash, id_=f"{info_hash} new"))
            for file in episodes:
                expected = f"/mnt/zurg/shows/{name}.PROPER{file}" if fate == "renamed" else None
                target = f"/mnt/zurg/shows/{name}{file}"
                links.append((link(target, f"/media/{show}{file}"), info_hash, fate == "there", expected))
    everything = catalogue(*held)
    for each, info_hash, healthy, expected in links:
        found = judge(each, everything, [ZURG], links={})
        assert found.health is (HEALTHY if healthy else BROKEN)
        assert found.hash == info_hash
        assert found.file is not None
        assert each.target.endswith(found.file.path)
        if not healthy:
            assert same_file(found, everything) == expected


# --- the gate


GATES: tuple[tuple[str, MountLook, int, int, Shut | None], ...] = (
    ("a few", MountLook(there=True, empty=False), 1000, 20, None),
    ("more than 20, and more than 2 %", MountLook(there=True, empty=False), 1000, 21, Shut.MANY_AT_ONCE),
    ("more than 20 of very many", MountLook(there=True, empty=False), 100_000, 2000, None),
    ("one more", MountLook(there=True, empty=False), 100_000, 2001, Shut.MANY_AT_ONCE),
    ("all of a small library", MountLook(there=True, empty=False), 20, 20, None),
    ("the mount can't be seen from here", MountLook(), 1000, 5, None),
    ("it can't be seen, and many broke", MountLook(), 1000, 500, Shut.MANY_AT_ONCE),
    ("the mount is away", MountLook(there=False), 1000, 0, Shut.MOUNT_AWAY),
    ("the mount is empty", MountLook(there=True, empty=True), 1000, 0, Shut.MOUNT_EMPTY),
)


@pytest.mark.parametrize(("_why", "look", "links", "newly", "why"), GATES, ids=[case[0] for case in GATES])
def test_an_outage_breaks_no_links(_why: str, look: MountLook, links: int, newly: int, why: Shut | None) -> None:
    assert shut(look, links=links, newly_broken=newly) is why
    by_person = shut(look, links=links, newly_broken=newly, accepted=True)
    assert by_person is (None if why is Shut.MANY_AT_ONCE else why)


@pytest.mark.parametrize(
    ("reads", "newly_unreadable", "why"),
    [
        (None, 20, None),
        (None, 21, Shut.MANY_AT_ONCE),  # of the few that are read that is much, however many links there are
        (True, 20, None),
        (False, 0, Shut.MOUNT_AWAY),
        (False, 200, Shut.MOUNT_AWAY),
    ],
)
def test_files_that_fail_when_they_are_read(reads: bool | None, newly_unreadable: int, why: Shut | None) -> None:  # noqa: FBT001
    look = MountLook(there=True, empty=False, reads=reads)
    found = shut(look, links=100_000, newly_broken=newly_unreadable, newly_unreadable=newly_unreadable)
    assert found is why


# --- the rest


def test_torrents_that_nothing_leads_to() -> None:
    held = catalogue(SHOW, MOVIE, OLD)
    judged = [judge(link("/mnt/zurg/a/Movie.2020/Movie.2020.mkv"), held, [ZURG], links={})]
    assert unlinked(held, {found.hash for found in judged}) == [SHOW]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Movie.2020.mkv", "Movie.2020"),
        ("Movie.2020.MKV", "Movie.2020"),
        ("Movie.2020", "Movie.2020"),
        ("Show.S01.1080p", "Show.S01.1080p"),
        ("Show.x264-GROUP", "Show.x264-GROUP"),
        (".mkv", ".mkv"),
    ],
)
def test_only_what_says_the_kind_of_a_file_is_taken_off(name: str, stem: str) -> None:
    assert without_extension(name) == stem


NAMES: Callable[[], st.SearchStrategy[str]] = lambda: st.text(st.sampled_from("ab. é/\0"), max_size=12)  # noqa: E731


@given(NAMES(), NAMES(), NAMES())
def test_hostile_texts_break_nothing(target: str, path: str, name: str) -> None:
    held = catalogue(holding(name, f"/{target}"))
    found = judge(Link(path=f"/{path}", target=f"/mnt/zurg/{target}"), held, [ZURG], links={f"/{path}": f"/{target}"})
    again = same_file(found, held)
    assert again is None or again.startswith("/mnt/zurg/")
