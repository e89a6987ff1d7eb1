"""What can't be what an *arr asked for: certain, asked about, or none of our business."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.base import Facts, Surroundings
from custom_components.sokoul.autopilot.rules.content import RULE
from custom_components.sokoul.model.downloads import DownloadState, TorrentFile
from custom_components.sokoul.model.journal import ActKind, Autonomy, Proposal
from custom_components.sokoul.model.library import TrackedState
from custom_components.sokoul.model.memory import SubjectMemory, Tries
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import NOTHING, Row, days, hours, minutes, of, queued, row, usenet
from tests.autopilot.rules.swarms import FETCHING, NEW, STALLED, download, having, listed, magnet
from tests.model import make
from tests.model.make import NOW

AT_ONCE = timedelta()
REPLACE, DISCARD = ActKind.REPLACE, ActKind.DISCARD
SEARCHED = SubjectMemory(tried={"search": Tries(count=1, at=NOW - days(1))})
FOUR_K = (make.arr(make.item(), id="radarr4k", title="Radarr 4K"),)
NOTE = ("password.txt", 0.001)
EXE = ("Dune.2021.1080p.exe", 900.0)


def holds(*files: str | tuple[str, float], **more: Any) -> Facts:
    return of(NEW, files=listed(*files), **more)


def called(name: str) -> Any:
    return download(FETCHING, items=(make.item(titles=(make.dune(name=name),)),))


def so(name: str, files: Facts, wants: ActKind | None, **fields: Any) -> Row:
    look, after = fields.pop("look", download(FETCHING)), fields.pop("after", AT_ONCE)
    return row(name, look, after, wants, facts=files, **fields)


FINE = (
    so("a film", holds("Dune.mkv"), NOTHING),
    so("a film with all that comes with it", holds("Dune.mkv", ("Dune.srt", 0.1), ("Dune.nfo", 0.01), ("a.jpg", 1.0),
       ("Sample/dune-sample.mkv", 50.0), ("www.example.url", 0.001), ("About.html", 0.01)), NOTHING),
    so("the note of a group of uploaders that calls itself a program", holds("Dune.mkv", ("DO_NOT_MIRROR.exe", 0.0001)),
       NOTHING),
    so("a set of volumes", holds(("dune.rar", 50.0), ("dune.r00", 50.0), ("dune.r01", 50.0), ("dune.sfv", 0.001),
       ("dune.nfo", 0.01), ("Sample/dune.mkv", 30.0)), NOTHING),
    so("parts of an archive", holds(("dune.part1.rar", 900.0), ("dune.part2.rar", 900.0)), NOTHING),
    so("an archive for each episode", holds(("e01.rar", 900.0), ("e02.rar", 900.0)), NOTHING),
    so("subtitles in an archive", holds("Dune.mkv", ("subs.zip", 1.0)), NOTHING),
    so("a note about a password beside the film", holds("Dune.mkv", NOTE), NOTHING),
    so("the image of a disc", holds("Dune.iso"), NOTHING),
    so("a Blu-ray with its own programs", holds(("BDMV/STREAM/00001.m2ts", 30000.0), ("BDMV/index.bdmv", 0.01),
       ("BDMV/JAR/00001.jar", 2.0)), NOTHING),
    so("a DVD", holds(("VIDEO_TS/VTS_01_1.VOB", 1000.0), ("VIDEO_TS/VIDEO_TS.IFO", 0.1)), NOTHING),
    so("a program that is not to be downloaded", of(NEW, files=(*listed("Dune.mkv"), *listed(("Dune.exe", 9000.0),
       wanted=False))), NOTHING),
    so("a film that is called Sample", holds(("The.Sample.2024.mkv", 200.0)), NOTHING, look=called("The Sample")),
    so("its files are not known after all", of(NEW, files=()), NOTHING),
    so("nobody could tell its files", of(NEW, files=None), NOTHING),
)  # fmt: skip

CERTAIN = (
    so("a program", holds(EXE), REPLACE, says="heal.content_program"),
    so("a program that looks like a film", holds(("Dune.2021.mkv\u202e4pm.exe", 900.0)), REPLACE),
    so("a shortcut, blown up", holds(("Dune.2021.mkv.lnk", 1400.0), ("cover.jpg", 1.0)), REPLACE),
    so("a program, and a clip of it", holds(EXE, ("trailer.mp4", 20.0)), REPLACE),
    so("a program that was switched off, and nothing else to see", of(NEW, files=(
       *listed(EXE, wanted=False), *listed(("Dune.nfo", 0.01)))), REPLACE, says="heal.content_program"),
    so("only samples", holds(("Sample/dune-sample.mkv", 50.0), ("Dune.nfo", 0.01)), REPLACE,
       says="heal.content_samples"),
    so("an archive with a note about its password", holds(("Dune.2021.rar", 900.0), NOTE), REPLACE,
       says="heal.content_password"),
    so("volumes with a note about their password", holds(("Dune.part1.rar", 900.0), ("Dune.part2.rar", 900.0), NOTE),
       REPLACE, says="heal.content_password"),
    so("nothing is to be downloaded", of(NEW, files=listed("Dune.mkv", wanted=False)), REPLACE, after=minutes(10),
       says="heal.content_unwanted"),
)  # fmt: skip

ASKED = (
    so("a program beside the film", holds("Dune.mkv", ("codec.exe", 3.0)), REPLACE, says="heal.content_beside"),
    so("a script beside the film", holds("Dune.mkv", ("play.vbs", 0.001)), REPLACE, says="heal.content_beside"),
    so("a single archive", holds(("Dune.2021.zip", 900.0), ("Dune.nfo", 0.01)), REPLACE,
       says="heal.content_archive"),
    so("no video", holds(("Dune.epub", 5.0), ("cover.jpg", 1.0)), REPLACE, says="heal.content_no_video"),
    so("a note that calls itself a program, and a picture", holds(("DO_NOT_MIRROR.exe", 0.0009), ("a.jpg", 0.0001)),
       REPLACE, says="heal.content_no_video"),
    so("an ending that nobody knows", holds(("Dune.newvideo", 900.0)), REPLACE, says="heal.content_no_video"),
    so("a game show that is called Password", holds(("Password.S01E01.rar", 900.0), ("Password.txt", 0.01)), REPLACE,
       look=called("Password")),
)  # fmt: skip


@pytest.mark.parametrize("case", FINE, ids=lambda case: case.name)
def test_nothing_is_wrong_with(case: Row) -> None:
    case.check(RULE)


@pytest.mark.parametrize("case", CERTAIN, ids=lambda case: case.name)
def test_certain(case: Row) -> None:
    replace(case, asks=False).check(RULE)


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.name)
def test_asked(case: Row) -> None:
    replace(case, asks=True).check(RULE)


@pytest.mark.parametrize("case", CERTAIN, ids=lambda case: case.name)
def test_certain_and_nothing_else_was_found(case: Row) -> None:
    """It is of no use, and keeps its *arr from taking anything else: it goes nevertheless."""
    replace(case, memory=SEARCHED, wants=DISCARD, asks=False).check(RULE)


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.name)
def test_asked_and_nothing_else_was_found(case: Row) -> None:
    replace(case, memory=SEARCHED, asks=True).check(RULE)


@pytest.mark.parametrize("case", CERTAIN, ids=lambda case: case.name)
def test_on_a_private_tracker_somebody_looks_after_what_is_shared(case: Row) -> None:
    replace(case, facts=of(case.facts, private=True), asks=True).check(RULE)
    replace(case, facts=of(case.facts, private=True), memory=SEARCHED, asks=True).check(RULE)


def seeding(state: TrackedState = TrackedState.IMPORT_BLOCKED) -> Any:
    return queued(make.completed(state=state), torrent=make.torrent(state=DownloadState.SEEDING, **having(1)))


WHEN = (
    so("stalled with some of it", holds(EXE), REPLACE, look=download(STALLED)),
    so("complete before anybody looked, and not imported", holds(EXE), REPLACE, look=seeding()),
    so("its *arr has taken it in", holds(EXE), NOTHING, look=seeding(TrackedState.IMPORTED), after=days(1)),
    so("its *arr takes it in at this moment", holds(EXE), NOTHING, look=seeding(TrackedState.IMPORTING), after=days(1)),
    so("only the magnet link is known", holds(EXE), NOTHING, look=magnet(), after=days(1)),
    so("being checked", holds(EXE), NOTHING, look=download(DownloadState.CHECKING), after=days(1)),
    so("stopped by a person", holds(EXE), NOTHING, look=download(DownloadState.STOPPED), after=days(1)),
    so("queued: it is looked at when it begins", holds(EXE), NOTHING, look=download(DownloadState.QUEUED),
       after=days(1)),
    so("its client is away", holds(EXE), NOTHING, gate=SHUT, after=days(1)),
    so("its *arr is away", holds(EXE), NOTHING, around=Surroundings(arrs_away=frozenset({"radarr"})), after=days(1)),
    so("two *arrs wait for it", holds(EXE), REPLACE, look=download(FETCHING, others=FOUR_K), asks=True),
    so("somebody is choosing files", of(NEW, files=listed("Dune.mkv", wanted=False)), NOTHING, after=minutes(9)),
    so("usenet", holds(EXE), NOTHING, look=queued(usenet()), after=days(1)),
)  # fmt: skip


@pytest.mark.parametrize("case", WHEN, ids=lambda case: case.name)
def test_when(case: Row) -> None:
    case.check(RULE)


def test_the_text_names_the_file_without_its_folder() -> None:
    verdict = Drive(RULE, facts=holds(("Dune/Dune.exe", 900.0))).last(NOW, download(FETCHING), hours(0))
    assert isinstance(verdict, Proposal)
    assert verdict.reason.parameters == {"file": "Dune.exe"}


NAME = st.tuples(
    st.sampled_from(["Dune", "Sample/dune", "password", "Dune.mkv", "x\u202e"]),
    st.sampled_from(["exe", "lnk", "rar", "r00", "zip", "txt", "jpg", "nfo", "srt", "mkv", ""]),
).map(".".join)
FILES = st.lists(st.tuples(NAME, st.integers(0, 3_000_000_000), st.booleans()), max_size=8)


@given(FILES, st.integers(400_000_000, 80_000_000_000))
def test_a_film_that_is_the_largest_file_is_never_given_up_without_a_person(
    others: list[tuple[str, int, bool]], size: int
) -> None:
    film = TorrentFile(index=99, name="Dune/Dune.2021.mkv", size_bytes=size, progress=0.0, wanted=True)
    rest = [
        TorrentFile(index=index, name=name, size_bytes=min(bytes_, size - 1), progress=0.0, wanted=wanted)
        for index, (name, bytes_, wanted) in enumerate(others)
    ]
    for memory in (SubjectMemory(), SEARCHED):
        drive = Drive(RULE, facts=of(NEW, files=(*rest, film)), memory=memory)
        verdict = drive.last(NOW, download(FETCHING), hours(1))
        assert not isinstance(verdict, Proposal) or verdict.ceiling is Autonomy.SUGGEST
