"""Path maps: translating, proposing, proving; hard links as an *arr's own words tell them."""

from collections.abc import Callable

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.library import Disk, RemotePathMapping
from custom_components.sokoul.model.paths import (
    LOOK_AT_MOST,
    NO_ACCESS,
    JudgedMap,
    PathMap,
    PathState,
    arr_hardlinks,
    as_arr_sees,
    choose,
    compose,
    contains,
    disk_of,
    is_proven,
    judge,
    map_of,
    mount_of,
    propose,
    same_style,
    save_folder,
    translate,
)

TRANSLATED = (
    ("/data", "/share", "/data/media/Dune.mkv", "/share/media/Dune.mkv"),
    ("/data/", "/share/", "/data/media/", "/share/media"),
    ("/data", "/share", "/data", "/share"),
    ("/data", "/", "/data/x", "/x"),
    ("/data", "/", "/data", "/"),
    ("/", "/host", "/data/x", "/host/data/x"),
    ("/data", "/share", "//data//./x", "/share/x"),
    ("/data", "/share", "/database/x", None),
    ("/data", "/share", "/Data/x", None),
    ("/data", "/share", "/data/../etc/passwd", None),
    ("/data", "/share", "/data/x/..", None),
    ("/data", "/share", "/data/..x/y..", "/share/..x/y.."),
    ("/data", "/share", "data/x", None),
    ("/data", "/share", "", None),
    ("/data", "/share", "/data/x\0y", None),
    ("/data", "/share", "C:\\data\\x", None),
    ("D:\\Downloads", "/nas", "d:\\downloads\\Dune\\Dune.mkv", "/nas/Dune/Dune.mkv"),
    ("D:/Downloads/", "/nas", "D:\\Downloads\\x", "/nas/x"),
    ("D:\\", "/nas", "D:\\x", "/nas/x"),
    ("D:\\Downloads", "/nas", "E:\\Downloads\\x", None),
    ("D:\\Downloads", "/nas", "D:\\Downloads\\..\\x", None),
    ("\\\\NAS\\media", "/media", "\\\\nas\\Media\\films\\x", "/media/films/x"),
    ("\\\\NAS\\media", "/media", "\\\\other\\media\\x", None),
)


@pytest.mark.parametrize(("theirs", "ours", "path", "expected"), TRANSLATED)
def test_translate(theirs: str, ours: str, path: str, expected: str | None) -> None:
    assert PathMap(theirs, ours).translate(path) == expected


def test_the_longest_prefix_wins_whatever_the_order() -> None:
    maps = (PathMap("/data", "/a"), PathMap("/data/media/films", "/c"), PathMap("/data/media", "/b"))
    for order in (maps, tuple(reversed(maps))):
        assert translate(order, "/data/media/films/x") == "/c/x"
        assert translate(order, "/data/media/x") == "/b/x"
        assert translate(order, "/data/x") == "/a/x"
        assert translate(order, "/other") is None


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
ODD = st.sampled_from(["..", ".", "", "../..", "\0", "a/../..", "..\\..", "C:", "\\", "~", "%2e%2e"])
PATHS = st.lists(NAMES | ODD, max_size=6).map(lambda names: "/" + "/".join(names))
WINDOWS = st.lists(NAMES | ODD, max_size=6).map(lambda names: "C:\\" + "\\".join(names))


@given(st.sampled_from(["/", "/data", "/data/torrents", "C:\\", "C:\\Media"]), PATHS | WINDOWS)
def test_nothing_leads_out_of_our_folder(theirs: str, path: str) -> None:
    ours = PathMap(theirs, "/srv/media").translate(path)
    if ours is not None:
        assert ours == "/srv/media" or ours.startswith("/srv/media/")
        assert ".." not in ours.split("/")
        assert "\0" not in ours


@given(PATHS)
def test_a_map_to_the_same_folder_keeps_what_it_knows(path: str) -> None:
    ours = PathMap("/data", "/data").translate("/data" + path)
    assert ours is None or PathMap("/data", "/data").translate(ours) == ours


def test_contains_and_styles() -> None:
    assert contains("/data", "/data/x")
    assert contains("/data", "/data")
    assert not contains("/data", "/data2")
    assert not contains("", "/data")
    assert same_style("/a", "/b")
    assert same_style("C:\\a", "\\\\nas\\b")
    assert not same_style("/a", "C:\\b")
    assert not same_style("/a", "b")


# -- proposing and proving --------------------------------------------------------------------------------------------


def test_the_same_path_comes_first() -> None:
    proposed = propose(["/data/media/movies"], ["/share/media/movies", "/data/media/movies"])
    assert proposed == (PathMap("/data/media/movies", "/data/media/movies"), PathMap("/data", "/share"))


def test_the_longest_common_tail_comes_first() -> None:
    proposed = propose(["/data/media/movies"], ["/mnt/movies", "/mnt/nas/media/movies", "/music"])
    assert proposed == (PathMap("/data", "/mnt/nas"), PathMap("/data/media", "/mnt"))


def test_one_map_that_several_folders_suggest_is_proposed_once() -> None:
    proposed = propose(["/data/media/movies", "/data/media/tv"], ["/share/media/movies", "/share/media/tv"])
    assert proposed == (PathMap("/data", "/share"),)


PROPOSED = (
    (["/movies"], ["/media/nas/movies"], (PathMap("/movies", "/media/nas/movies"),)),
    (["D:\\Media\\Films"], ["/mnt/media/films"], (PathMap("D:\\Media", "/mnt/media"),)),
    (["/data/media"], ["/media"], (PathMap("/data/media", "/media"),)),
    (["/"], ["/", "/data"], ()),
    (["relative", "/../data"], ["/data"], ()),
    (["/data"], [], ()),
)


@pytest.mark.parametrize(("theirs", "ours", "expected"), PROPOSED)
def test_propose(theirs: list[str], ours: list[str], expected: tuple[PathMap, ...]) -> None:
    assert propose(theirs, ours) == expected


@given(st.lists(PATHS, max_size=4), st.lists(PATHS, max_size=4))
def test_a_proposal_leads_their_folder_to_one_of_ours(theirs: list[str], ours: list[str]) -> None:
    for entry in propose(theirs, ours):
        reached = {entry.translate(path) for path in theirs} - {None}
        assert reached & {PathMap("/", "/").translate(path) for path in ours}


SAMPLES = tuple((f"/data/{number}.mkv", 1000 + number) for number in range(5))


def files(*sizes: tuple[str, int]) -> Callable[[str], int | None]:
    return dict(sizes).get


def found(number: int, wrong: int = 0) -> Callable[[str], int | None]:
    sizes = [(f"/nas/{index}.mkv", 1000 + index) for index in range(number)]
    return files(*sizes, *((f"/nas/{index}.mkv", 1) for index in range(number, number + wrong)))


ENTRY = PathMap("/data", "/nas")
JUDGED = (
    ("three files fit", SAMPLES, found(3), PathState.PROVEN, (3, 0, 2)),
    ("two files fit", SAMPLES, found(2), PathState.UNPROVEN, (2, 0, 3)),
    ("there are but two to look for", SAMPLES[:2], found(5), PathState.UNPROVEN, (2, 0, 0)),
    ("one of four is another file", SAMPLES, found(3, wrong=1), PathState.REFUTED, (3, 1, 1)),
    ("nothing is there", SAMPLES, found(0), PathState.UNPROVEN, (0, 0, 5)),
    ("one file named three times", SAMPLES[:1] * 3, found(5), PathState.UNPROVEN, (1, 0, 0)),
    ("empty files prove nothing", [(path, 0) for path, _ in SAMPLES], found(5), PathState.UNPROVEN, (0, 0, 0)),
    ("files elsewhere", [(f"/other/{path}", size) for path, size in SAMPLES], found(5), PathState.UNPROVEN, (0, 0, 0)),
)


@pytest.mark.parametrize(
    ("samples", "look", "state", "counts"), [each[1:] for each in JUDGED], ids=[each[0] for each in JUDGED]
)
def test_judge(
    samples: tuple[tuple[str, int], ...],
    look: Callable[[str], int | None],
    state: PathState,
    counts: tuple[int, int, int],
) -> None:
    judged = judge(ENTRY, samples, look)
    assert (judged.state, (judged.right, judged.wrong, judged.absent)) == (state, counts)
    assert judged.usable is (state is PathState.PROVEN)
    assert judged.map == ENTRY


def test_judging_wakes_few_disks() -> None:
    looked: list[str] = []

    def look(path: str) -> int | None:
        looked.append(path)
        return None

    judge(ENTRY, [(f"/data/{number}", 5) for number in range(100)], look)
    assert len(looked) == LOOK_AT_MOST


MAPS = (
    NO_ACCESS,
    JudgedMap(map=PathMap("/data", "/media"), state=PathState.PROVEN),
    JudgedMap(map=PathMap("/data/films", "/films"), state=PathState.REFUTED),
    JudgedMap(map=PathMap("D:\\", "/mnt/d"), state=PathState.UNPROVEN),
)


@pytest.mark.parametrize(
    ("folder", "proven", "mount"),
    [
        pytest.param("/data", True, "/data", id="itself"),
        pytest.param("/data/series/Dune", True, "/data", id="below it"),
        pytest.param("/data/films/Dune", False, "/data", id="the longest prefix holds it"),
        pytest.param("D:\\films\\Dune", None, "D:\\", id="neither proven nor refuted"),
        pytest.param("/database", None, None, id="another folder"),
        pytest.param("/data/../etc", None, None, id="not honest"),
        pytest.param("", None, None, id="nothing"),
    ],
)
def test_the_map_and_the_mount_of_a_folder(folder: str, *, proven: bool | None, mount: str | None) -> None:
    assert is_proven(map_of(MAPS, folder)) is proven
    assert is_proven(map_of(reversed(MAPS), folder)) is proven
    assert mount_of(MAPS, folder) == mount


def test_choose_takes_what_is_proven() -> None:
    look = files(*((f"/good/{index}.mkv", 1000 + index) for index in range(5)), ("/bad/0.mkv", 7))
    candidates = [PathMap("/data", "/bad"), PathMap("/data", "/none"), PathMap("/data", "/good")]
    assert choose(candidates, SAMPLES, look).map == PathMap("/data", "/good")


def test_choose_prefers_the_unproven_to_the_wrong() -> None:
    look = files(("/bad/0.mkv", 7), ("/some/0.mkv", 1000))
    best = choose([PathMap("/data", "/bad"), PathMap("/data", "/some")], SAMPLES, look)
    assert (best.map, best.state) == (PathMap("/data", "/some"), PathState.UNPROVEN)


def test_choose_without_candidates_or_files_is_no_access() -> None:
    assert choose([], SAMPLES, found(5)) == NO_ACCESS
    assert choose([PathMap("/data", "/none")], SAMPLES, found(5)) == NO_ACCESS
    assert JudgedMap(map=None, state=PathState.NO_ACCESS) == NO_ACCESS
    assert not NO_ACCESS.usable


def test_an_empty_library_proves_nothing_but_keeps_the_proposal() -> None:
    best = choose([ENTRY], [], found(0))
    assert (best.map, best.state) == (ENTRY, PathState.UNPROVEN)


def test_compose_the_clients_map_from_the_arrs() -> None:
    mapping = RemotePathMapping(host="seedbox", remote_path="/home/me/files", local_path="/data/seedbox")
    assert compose(mapping, [PathMap("/data", "/nas")]) == PathMap("/home/me/files", "/nas/seedbox")
    assert compose(mapping, [PathMap("/other", "/nas")]) is None


# -- hard links -------------------------------------------------------------------------------------------------------


def disk(path: str, total: int = 1000, free: int = 500) -> Disk:
    return Disk(path=path, free_bytes=free, total_bytes=total)


ONE = [disk("/data"), disk("/", 50)]
HARDLINKS = (
    ("one mount for both", "/data/torrents", "/data/media", ONE, True),
    ("two mounts of one file system", "/downloads", "/movies/uhd", [disk("/downloads"), disk("/movies")], False),
    (
        "the library is a mount, the downloads are not",
        "/downloads",
        "/movies/uhd",
        [disk("/movies"), disk("/", 50)],
        False,
    ),
    ("a mount inside the common one", "/data/torrents", "/data/media", [*ONE, disk("/data/media/")], None),
    ("the same, on a disk of another size", "/data/torrents", "/data/media", [*ONE, disk("/data/media", 99)], False),
    ("only the system's disk is known", "/downloads", "/movies", [disk("/")], None),
    ("nothing is known", "/downloads", "/movies", [], None),
    ("drives of Windows", "D:\\Downloads", "E:\\Films", [disk("D:\\"), disk("E:\\", 7)], False),
    ("one drive of Windows", "D:\\Downloads", "D:\\Films", [disk("D:\\"), disk("C:\\", 7)], True),
    ("another system's path", "D:\\Downloads", "/movies", ONE, None),
    ("another system's path, and a mount", "D:\\Downloads", "/movies/uhd", [disk("/movies")], None),
)


@pytest.mark.parametrize(
    ("downloads", "library", "disks", "expected"), [each[1:] for each in HARDLINKS], ids=[each[0] for each in HARDLINKS]
)
def test_arr_hardlinks(downloads: str, library: str, disks: list[Disk], expected: bool | None) -> None:  # noqa: FBT001
    # a root folder may be listed among the disks without being a mount
    assert arr_hardlinks(downloads, library, disks, [library]) is expected


def test_the_disk_of_a_path_is_the_deepest() -> None:
    disks = [disk("/"), disk("/data"), disk("/data/media")]
    assert disk_of("/data/media/x", disks) is disks[2]
    assert disk_of("/data/x", disks) is disks[1]
    assert disk_of("relative", disks) is None


# -- as the *arr sees it ----------------------------------------------------------------------------------------------

MAPPINGS = [
    RemotePathMapping(host="Seedbox", remote_path="/home/me/files/", local_path="/data/seedbox/"),
    RemotePathMapping(host="pc", remote_path="D:\\Torrents\\", local_path="/mnt/pc"),
]


@pytest.mark.parametrize(
    ("path", "host", "expected"),
    [
        ("/home/me/files/Dune", "seedbox", "/data/seedbox/Dune"),
        ("/home/me/files/Dune", "other", "/home/me/files/Dune"),
        ("/home/me/filesystem", "seedbox", "/home/me/filesystem"),
        ("d:\\torrents\\Dune", "PC", "/mnt/pc/Dune"),
        ("/home/me/files", None, "/home/me/files"),
    ],
)
def test_as_arr_sees(path: str, host: str | None, expected: str) -> None:
    assert as_arr_sees(path, host, MAPPINGS) == expected


@pytest.mark.parametrize(
    ("category", "default", "expected"),
    [
        ("radarr", "/data", "/films"),
        ("sonarr", "/data", "/data/tv"),
        ("plain", "/data", "/data"),
        ("unheard of", "/data", "/data"),
        (None, "/data", "/data"),
        (None, "", None),
        ("sonarr", "", None),
        ("evil", "/data", None),
    ],
)
def test_save_folder(category: str | None, default: str, expected: str | None) -> None:
    categories = {"radarr": "/films", "sonarr": "tv", "plain": "", "evil": "../etc"}
    assert save_folder(category, categories, default) == expected
