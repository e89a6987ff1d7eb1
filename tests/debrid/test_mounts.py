"""Which mounts there are, by what links say, and whether one of them is the same here."""

from collections.abc import Mapping

import pytest

from custom_components.sokoul.debrid.catalogue import Catalogue
from custom_components.sokoul.debrid.links import Mount
from custom_components.sokoul.debrid.mounts import attribute, detect, prove
from tests.debrid.link_scene import catalogue, holding

SHOWS = tuple(holding(f"Show {number}", "/E01.mkv", "/E02.mkv") for number in range(4))
HELD = catalogue(*SHOWS)
ROOTS = ["/media/shows"]


def library(*targets: str) -> Mapping[str, str]:
    return {f"/media/shows/{number}.mkv": target for number, target in enumerate(targets)}


def shows(mount: str, count: int = 3) -> tuple[str, ...]:
    return tuple(f"{mount}/Show {number}/E01.mkv" for number in range(count))


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        pytest.param(shows("/mnt/zurg/shows"), ["/mnt/zurg/shows"], id="a view"),
        pytest.param(shows("/mnt/zurg"), ["/mnt/zurg"], id="no view"),
        pytest.param(shows("/mnt/zurg/shows") + shows("/mnt/zurg/__all__"), ["/mnt/zurg/__all__", "/mnt/zurg/shows"],
                     id="two views"),
        pytest.param(shows("/mnt/zurg", 2), [], id="too little"),
        pytest.param(("/mnt/zurg/Show 1/E01.mkv", "/mnt/zurg/Show 1/E02.mkv", "/mnt/zurg/Show 2/E01.mkv"), [],
                     id="several files of one torrent are one"),
        pytest.param(shows(""), [], id="the root is no mount"),
        pytest.param(shows("/media/shows/copies"), [], id="in the media folder itself"),
        pytest.param(tuple(f"/mnt/disk/Film {number}/film.mkv" for number in range(9)), [], id="not of the account"),
        pytest.param(("2.mkv", "0.mkv", "1.mkv"), [], id="in circles"),
    ],
)  # fmt: skip
def test_links_say_where_mounts_are(targets: tuple[str, ...], found: list[str]) -> None:
    assert detect(library(*targets), HELD, ROOTS) == found


def test_a_link_to_a_link_counts_as_where_it_ends() -> None:
    texts = {
        **library(*(f"../other/{number}.mkv" for number in range(3))),
        **{f"/media/other/{number}.mkv": text for number, text in enumerate(shows("/mnt/zurg/shows"))},
    }
    assert detect(texts, HELD, ["/media/shows", "/media/other"]) == ["/mnt/zurg/shows"]


def test_which_accounts_a_mount_shows() -> None:
    """By three torrents each that no other account has; what two of them have, or had, says nothing."""
    held = catalogue(
        *(holding(f"Show {number}", "/E01.mkv") for number in range(5)),
        *(holding(f"Show {number}", "/E01.mkv", account="two", id_=f"two {number}") for number in range(3, 8)),
    )
    mounts = [Mount(theirs="/mnt/a"), Mount(theirs="/mnt/b"), Mount(theirs="/mnt/both"), Mount(theirs="/mnt/few")]

    def to(mount: str, *numbers: int) -> tuple[str, ...]:
        return tuple(f"{mount}/all/Show {number}/E01.mkv" for number in numbers)

    texts = library(*to("/mnt/a", *range(5)), *to("/mnt/b", 5, 6, 7, 0, 1), *to("/mnt/both", 0, 1, 2, 5, 6, 7),
                    *to("/mnt/few", 0, 1, 3, 4))  # fmt: skip
    assert [set(mount.accounts) for mount in attribute(mounts, texts, held)] == [
        {"one"},
        {"two"},
        {"one", "two"},
        set(),
    ]
    assert attribute(mounts, texts, HELD) == mounts, "of one account there is nothing to tell"


MOUNT = Mount(theirs="/mnt/zurg", ours="/media/zurg")
TEXTS = library(*shows("/mnt/zurg/shows", 4), "/mnt/zurg/shows/Show 1/E02.mkv")
SIZE = len("/E01.mkv")  # of every file, as `holding` makes them


@pytest.mark.parametrize(
    ("mount", "sizes", "held", "proven"),
    [
        pytest.param(MOUNT, dict.fromkeys(range(3), SIZE), HELD, True, id="three files at their sizes"),
        pytest.param(MOUNT, {0: SIZE, 1: SIZE}, HELD, False, id="two files"),
        pytest.param(MOUNT, {0: SIZE, 1: SIZE, 2: SIZE, 3: 1}, HELD, False, id="another file under the same name"),
        pytest.param(MOUNT, {}, HELD, False, id="nothing there"),
        pytest.param(Mount(theirs="/mnt/zurg", proven=True), dict.fromkeys(range(4), SIZE), HELD, False, id="nowhere"),
        pytest.param(MOUNT, dict.fromkeys(range(4), SIZE), catalogue(*(
            holding(f"Show {number}", known=False) for number in range(4))), False, id="sizes that nobody knows"),
    ],
)  # fmt: skip
def test_a_mount_is_proven_by_known_files(
    mount: Mount,
    sizes: dict[int, int],
    held: Catalogue,
    proven: bool,  # noqa: FBT001
) -> None:
    there = {f"/media/zurg/shows/Show {number}/E01.mkv": size for number, size in sizes.items()}
    assert prove(mount, TEXTS, held, there.get).proven is proven
