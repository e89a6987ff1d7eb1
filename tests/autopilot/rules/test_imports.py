"""What is here and is not imported: what the *arr says of each file decides, and what nobody understands is asked."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.base import Facts, Later, Surroundings
from custom_components.sokoul.autopilot.rules.imports import RULE
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import CAUSE, DESTRUCTIVE_ACTS, ActKind, Autonomy, Proposal
from custom_components.sokoul.model.library import QueueStatus, TitleKind, TrackedState, TrackedStatus
from custom_components.sokoul.model.releases import ImportCandidate, TitleDetails
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import (
    NOTHING,
    Row,
    blocked,
    coming,
    days,
    delayed,
    episodes,
    failed,
    file,
    grabbed,
    here,
    hours,
    known,
    minutes,
    queued,
    row,
    usenet,
)
from tests.autopilot.rules.swarms import listed
from tests.model import make
from tests.model.make import GB, NOW, ago

AWAY = Surroundings(arrs_away=frozenset({"radarr"}))
SEEDS = make.torrent(state=DownloadState.SEEDING)

# As Radarr 6 and Sonarr 4 say it.
WORSE = "Not an upgrade for existing movie file. Existing quality: Bluray-1080p. New Quality WEBDL-1080p."
OLD_REVISION = "Not a quality revision upgrade for existing episode file(s)"
LOWER_SCORE = (
    "Not a Custom Format upgrade for existing movie file(s). New: [HDR] (10) do not improve on Existing: [DV] (20)"
)
MORE_ON_DISK = "Episode file on disk contains more episodes than this file contains"
IMPORTED_BEFORE = "Episode file already imported at 11/20/2026 21:04:12"
FILM_IMPORTED_BEFORE = "Movie file already imported at 11/20/2026 21:04:12"
UNPACKING = "File is still being unpacked"
TBA = "Episode has a TBA title and recently aired"
NO_ROOM = "Not enough free space"
NOT_IN_RELEASE = "Movie Dune (1984) was not found in the grabbed release: Dune.2021.1080p"
GERMAN = "Kein Upgrade für die vorhandene Filmdatei. Vorhandene Qualität: Bluray-1080p."
DANGEROUS = "Caution: Found potentially dangerous file with extension: .lnk"

MISSING = (known(1),)
THERE = (known(1, has_file=True),)
PACK = blocked(titles=episodes(1, 2, 3), size_bytes=12 * GB)
#: the first was imported, the others are missing
TWO_MISSING = (known(101, has_file=True), known(102), known(103))
ALL_THERE = tuple(known(100 + number, has_file=True) for number in (1, 2, 3))

LATER = minutes(31)
TRIED = (ActKind.RETRY_IMPORT,)


def facts(*choices: ImportCandidate, titles: tuple[TitleDetails, ...] = MISSING, **fields: Any) -> Facts:
    return grabbed(choices=choices, titles=titles, **fields)


SYMPTOM = (
    row("blocked just now", here(blocked()), minutes(9), NOTHING),
    row("ten minutes: look again", here(blocked()), minutes(10), ActKind.RETRY_IMPORT, says="heal.import_again"),
    row("it looked again: wait", here(blocked()), minutes(20), NOTHING, tried=TRIED),
    row("nobody knows where the *arr sees it: it can't look again", here(blocked(output_path=None)), minutes(20),
        NOTHING),
    row("complete, and the *arr complains: how older versions say it",
        here(make.completed(tracked_status=TrackedStatus.WARNING, output_path="/data/x")), minutes(10),
        ActKind.RETRY_IMPORT),
    row("complete, the *arr wants no part of it: it didn't grab it", here(make.completed(
        state=TrackedState.DOWNLOADING, tracked_status=TrackedStatus.WARNING, output_path="/data/x",
        messages=("Download wasn't grabbed by Sonarr and not in a category, Skipping.",))), minutes(10),
        ActKind.RETRY_IMPORT),
    row("a state of a newer version, with a complaint", here(make.completed(
        state=TrackedState.UNKNOWN, tracked_status=TrackedStatus.ERROR, output_path="/data/x")), minutes(10),
        ActKind.RETRY_IMPORT),
    row("about to be imported, no complaint: a long queue", here(make.completed()), hours(48), NOTHING),
    row("importing right now", here(make.completed(state=TrackedState.IMPORTING)), hours(48), NOTHING),
    row("imported", here(make.completed(state=TrackedState.IMPORTED)), hours(48), NOTHING),
    row("a complaint about what still downloads", coming(make.item(tracked_status=TrackedStatus.WARNING)), hours(48),
        NOTHING),
    row("failed: another rule's", here(failed(status=QueueStatus.COMPLETED)), hours(48), NOTHING),
    row("blocked, and then its client gave it up", here(failed(tracked_state=TrackedState.IMPORT_BLOCKED)), hours(48),
        NOTHING),
    row("of an unknown title: another rule's", here(blocked(titles=())), hours(48), NOTHING),
    row("delayed", queued(delayed()), hours(48), NOTHING),
    row("one of two *arrs is importing it", queued(
        blocked(), torrent=SEEDS, others=(make.arr(make.completed(state=TrackedState.IMPORTING), id="radarr4k"),)),
        hours(48), NOTHING),
    row("the *arr is away", here(blocked()), hours(48), NOTHING, around=AWAY),
    row("the client is away", here(blocked()), hours(48), NOTHING, gate=SHUT),
    row("the client is checking it", queued(blocked(), torrent=make.torrent(state=DownloadState.CHECKING)), hours(48),
        NOTHING),
    row("the client fetches what was wrong in it", coming(blocked(), state=DownloadState.DOWNLOADING), hours(48),
        NOTHING),
    row("the client has lost the files: that comes first", queued(
        blocked(), torrent=make.torrent(state=DownloadState.MISSING_FILES, progress=1.0)), hours(48), NOTHING),
    row("usenet that was complete", queued(usenet(status=QueueStatus.COMPLETED, output_path="/data/usenet/x",
        tracked_state=TrackedState.IMPORT_BLOCKED)), minutes(10), ActKind.RETRY_IMPORT),
    row("usenet, paused", queued(usenet(status=QueueStatus.PAUSED)), hours(48), NOTHING),
    row("usenet, repairing", queued(usenet(remaining_bytes=0)), hours(48), NOTHING),
    row("usenet, extracting", queued(usenet(remaining_bytes=0, status=QueueStatus.DOWNLOADING)), hours(48), NOTHING),
)  # fmt: skip

IMPORTS = (
    row("one film, one file, nothing against it", here(blocked()), LATER, ActKind.IMPORT, facts=facts(file(1)),
        asks=False, says="heal.import_match"),
    row("with a sample beside it", here(blocked()), LATER, ActKind.IMPORT, asks=False,
        facts=facts(file(1), file(1, says="Sample", size_bytes=GB // 20))),
    row("what may be a sample beside it", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1), file(1, says="Unable to determine if file is a sample"))),
    row("a file of which the *arr has no idea beside it", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1), file())),
    row("the file is another film", here(blocked()), LATER, ActKind.TELL, facts=facts(file(2))),
    row("two files for one film", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1), file(1, path="/data/torrents/Release.1/extra.mkv"))),
    row("the *arr has no idea what the file is, and nothing against it", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file())),
    row("a file too small for its release", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, size_bytes=GB // 2))),
    row("a pack: one file too small for two episodes", here(PACK), LATER, ActKind.TELL,
        facts=facts(file(102, 103, size_bytes=3 * GB // 2), titles=TWO_MISSING)),
    row("a release that is too small to be a film", here(blocked(size_bytes=GB // 100)), LATER, ActKind.TELL,
        facts=facts(file(1, size_bytes=GB // 100))),
    row("a sample by its name, though the *arr doesn't notice", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, path="/data/torrents/Release.1/Sample/dune.mkv"))),
    row("part of a word is no sample", here(blocked()), LATER, ActKind.IMPORT, asks=False,
        facts=facts(file(1, path="/data/torrents/Release.1/The.Sampler.mkv"))),
    row("the release's size is not known", here(blocked(size_bytes=0)), LATER, ActKind.TELL, facts=facts(file(1))),
    row("it would replace a file: only with consent", here(blocked()), LATER, ActKind.IMPORT, asks=True,
        facts=facts(file(1), titles=THERE)),
    row("the *arr never grabbed it: only with consent", here(blocked()), LATER, ActKind.IMPORT, asks=True,
        facts=facts(file(1), grabbed_at=None, by_hand=None)),
    row("the release names another year: only with consent", here(blocked(release="Dune.1984.1080p")), LATER,
        ActKind.IMPORT, asks=True, facts=facts(file(1))),
    row("the file names another year", here(blocked(release="Dune.2021.1080p")), LATER, ActKind.IMPORT, asks=True,
        facts=facts(file(1, path="/data/2021/Dune (1984).mkv"))),
    row("the release names the year before, as many do", here(blocked(release="Dune.2020.1080p")), LATER,
        ActKind.IMPORT, asks=False, facts=facts(file(1))),
    row("a number in the title is no year when the year is there, too", here(blocked(
        release="Blade.Runner.2049.2017.2160p", titles=(make.dune(year=2017),))), LATER, ActKind.IMPORT, asks=False,
        facts=facts(file(1))),
    row("a resolution is no year", here(blocked(release="Dune 1920x1080")), LATER, ActKind.IMPORT, asks=False,
        facts=facts(file(1))),
    row("a pack: what is missing is here, what was imported is known", here(PACK), LATER, ActKind.IMPORT, asks=False,
        facts=facts(file(101, says=IMPORTED_BEFORE), file(102), file(103), titles=TWO_MISSING)),
    row("a pack: the imported file was moved away", here(PACK), LATER, ActKind.IMPORT, asks=False,
        facts=facts(file(102), file(103), titles=TWO_MISSING)),
    row("a pack: two episodes in one file", here(PACK), LATER, ActKind.IMPORT, asks=False,
        facts=facts(file(102, 103), titles=TWO_MISSING)),
    row("a pack: one file would replace an episode that is there", here(PACK), LATER, ActKind.TELL,
        facts=facts(file(101), file(102), file(103), titles=TWO_MISSING)),
    row("a pack: it has only one of the two", here(PACK), LATER, ActKind.TELL,
        facts=facts(file(102), titles=TWO_MISSING)),
    row("a pack: one file is objected to", here(PACK), LATER, ActKind.TELL,
        facts=facts(file(102), file(103, says="No audio tracks detected"), titles=TWO_MISSING)),
    row("a pack whose episodes the *arr doesn't know", here(blocked(titles=(
        make.dune(kind=TitleKind.SERIES),))), LATER, ActKind.TELL, facts=facts(file(1))),
)  # fmt: skip

NO_IMPROVEMENT = (
    row("worse than what is there", here(blocked()), LATER, ActKind.DISCARD, facts=facts(file(1, says=WORSE),
        titles=THERE), asks=False, says="heal.import_no_improvement"),
    row("a lower score", here(blocked()), LATER, ActKind.DISCARD, facts=facts(file(1, says=LOWER_SCORE), titles=THERE)),
    row("an older revision", here(blocked()), LATER, ActKind.DISCARD,
        facts=facts(file(1, says=OLD_REVISION), titles=THERE)),
    row("the file on disk holds more", here(blocked()), LATER, ActKind.DISCARD,
        facts=facts(file(1, says=MORE_ON_DISK), titles=THERE)),
    row("with a sample beside it", here(blocked()), LATER, ActKind.DISCARD,
        facts=facts(file(1, says=WORSE), file(1, says="Sample"), titles=THERE)),
    row("usenet that is no improvement", queued(usenet(status=QueueStatus.COMPLETED, output_path="/data/usenet/x",
        tracked_state=TrackedState.IMPORT_BLOCKED)), LATER, ActKind.DISCARD,
        facts=facts(file(1, says=WORSE), titles=THERE)),
    row("no improvement, but there is no file to improve: somebody has to look", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, says=WORSE))),
    row("no improvement, and something nobody understands", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, says=(WORSE, GERMAN)), titles=THERE)),
    row("no improvement, in German", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, says=GERMAN), titles=THERE), says="heal.import_ask"),
    row("the words stand elsewhere than at the beginning", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, says=f"Movie {WORSE}"), titles=THERE)),
    row("another video of it is objected to", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, says=WORSE), file(1, says=NOT_IN_RELEASE), titles=THERE)),
    row("all of it was imported: it only leaves the queue", here(blocked()), LATER, ActKind.LEAVE_QUEUE,
        facts=facts(file(1, says=FILM_IMPORTED_BEFORE), titles=THERE), says="heal.import_done"),
    row("a pack, all there: partly imported, partly no improvement", here(PACK), LATER, ActKind.DISCARD, facts=facts(
        file(101, says=IMPORTED_BEFORE), file(102, says=WORSE), file(103, says=WORSE), titles=ALL_THERE)),
    row("a pack that lacks an episode, all else imported", here(PACK), LATER, ActKind.FETCH_MISSING, facts=facts(
        file(101, says=IMPORTED_BEFORE), file(102, says=IMPORTED_BEFORE),
        titles=(*ALL_THERE[:2], known(103))), asks=True, says="heal.import_incomplete"),
    row("a pack: the episode is there, but objected to as imported before", here(PACK), LATER, ActKind.TELL,
        facts=facts(file(101, says=IMPORTED_BEFORE), file(102, says=IMPORTED_BEFORE), file(103, says=IMPORTED_BEFORE),
        titles=(*ALL_THERE[:2], known(103)))),
    row("a pack of which nothing was imported", here(PACK), LATER, ActKind.TELL, facts=facts(
        file(201, says=WORSE), titles=tuple(known(100 + number) for number in (1, 2, 3)))),
)  # fmt: skip

ASKS = (
    row("the *arr sees none of its videos", here(blocked()), LATER, ActKind.TELL, says="heal.import_no_files",
        facts=replace(facts(), files=listed("Dune.2021/Dune.mkv"))),
    row("the *arr sees no video, because there is none", here(blocked()), LATER, ActKind.TELL, says="heal.import_ask",
        facts=replace(facts(), files=listed("Dune.2021/Dune.rar", "Dune.2021/Dune.r00"))),
    row("the *arr sees nothing, and nobody knows what there is", here(blocked()), LATER, ActKind.TELL, facts=facts(),
        says="heal.import_ask"),
    row("usenet: the *arr sees no files", queued(usenet(status=QueueStatus.COMPLETED, output_path="/data/usenet/x",
        tracked_state=TrackedState.IMPORT_BLOCKED)), LATER, ActKind.TELL, facts=facts(), says="heal.import_no_files"),
    row("the *arr sees no files of what it doesn't know well", here(blocked(titles=(
        make.dune(kind=TitleKind.SERIES),))), LATER, ActKind.TELL, says="heal.import_no_files",
        facts=replace(facts(), files=listed("Dune.2021/Dune.mkv"))),
    row("the *arr could not be asked", here(blocked()), LATER, ActKind.TELL, facts=grabbed(choices=None)),
    row("nothing is known of the title", here(blocked()), LATER, ActKind.TELL,
        facts=grabbed(choices=(file(1),), titles=None)),
    row("nothing but a sample of what is there already", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, says="Sample"), titles=THERE)),
    row("nothing but a sample", here(blocked()), LATER, ActKind.TELL, facts=facts(file(1, says="Sample"))),
    row("a dangerous file", here(blocked()), LATER, ActKind.TELL, facts=facts(file(1, says=DANGEROUS))),
    row("no room in the library: it will not get better by waiting", here(blocked()), LATER, ActKind.TELL,
        facts=facts(file(1, says=NO_ROOM))),
    row("an empty objection", here(blocked()), LATER, ActKind.TELL, facts=facts(file(1, says=("",)), titles=THERE)),
    row("still being unpacked: wait", here(blocked()), hours(5), NOTHING, facts=facts(file(1, says=UNPACKING))),
    row("its name is not known yet: the *arr waits for two days", here(blocked()), hours(47), NOTHING,
        facts=facts(file(1, says=TBA))),
    row("after two days somebody has to look", here(blocked()), days(2), ActKind.TELL,
        facts=facts(file(1, says=TBA))),
    row("two *arrs wait, and what is known is what the other one said", queued(blocked(), torrent=SEEDS, others=(
        make.arr(blocked(), id="radarr4k"),)), LATER, ActKind.TELL, facts=grabbed(
        choices={"radarr4k": (file(1, says=WORSE),)}, titles={"radarr4k": THERE})),
    row("two *arrs, one file, and it is the other one's", queued(blocked(), torrent=SEEDS, others=(
        make.arr(blocked(), id="radarr4k"),)), LATER, ActKind.TELL, facts=grabbed(
        choices={"radarr4k": (file(1),)}, titles={"radarr4k": MISSING})),
    row("two *arrs: no improvement for the one, the other needs it", queued(blocked(), torrent=SEEDS, others=(
        make.arr(make.completed(), id="radarr4k"),)), LATER, ActKind.TELL, facts=facts(
        file(1, says=WORSE), titles=THERE)),
    row("two *arrs: what the one lacks is imported there", queued(blocked(), torrent=SEEDS, others=(
        make.arr(make.completed(), id="radarr4k"),)), LATER, ActKind.IMPORT, asks=False, facts=grabbed(
        choices={"radarr": (file(1),), "radarr4k": (file(1, says=GERMAN),)},
        titles={"radarr": MISSING, "radarr4k": THERE})),
)  # fmt: skip


@pytest.mark.parametrize("case", [*SYMPTOM, *IMPORTS, *NO_IMPROVEMENT, *ASKS], ids=lambda case: case.name)
def test_imports(case: Row) -> None:
    case.check(RULE)


def test_what_was_finished_while_nobody_looked_has_its_time() -> None:
    """Blocked for days when Home Assistant starts: the first look begins the clock."""
    drive = Drive(RULE, facts=facts(file(1)))
    old = here(blocked(added_at=ago(days=9)), completed_epoch=make.epoch(days=8))
    assert drive.see(NOW, old) == Later(minutes(10))
    assert drive.see(NOW + minutes(9), old) == Later(minutes(10))
    wants = drive.see(NOW + minutes(10), old)
    assert isinstance(wants, Proposal)
    assert wants.act is ActKind.RETRY_IMPORT


def test_importing_stops_the_clock_and_an_import_ends_it() -> None:
    drive = Drive(RULE, facts=facts(file(1)))
    drive.see(NOW, here(blocked()))
    drive.see(NOW + minutes(5), here(blocked()))
    drive.see(NOW + minutes(6), here(make.completed(state=TrackedState.IMPORTING)))
    assert drive.see(NOW + minutes(60), here(blocked())) == Later(minutes(10)), "that it imported for an hour is lost"
    drive.see(NOW + minutes(61), here(make.completed(state=TrackedState.IMPORTED)))
    assert RULE.key not in drive.memory.clocks


def test_an_import_names_what_is_imported_and_where() -> None:
    wants = Drive(RULE, facts=facts(file(102), file(103), titles=TWO_MISSING)).last(NOW, here(PACK), LATER)
    assert isinstance(wants, Proposal)
    assert wants.parameters == {
        "arr_id": "radarr",
        "download_id": make.digest(1),
        "files": {"/data/torrents/Release.1/102.mkv": [102], "/data/torrents/Release.1/103.mkv": [103]},
        "missing": [102, 103],
    }


def test_a_second_look_names_the_path_as_the_arr_sees_it() -> None:
    wants = Drive(RULE).last(NOW, here(blocked(), content_path="/downloads/Release.1"), minutes(10))
    assert isinstance(wants, Proposal)
    assert wants.parameters["path"] == "/data/torrents/Release.1"


def test_missing_episodes_are_named() -> None:
    found = facts(file(101, says=IMPORTED_BEFORE), titles=TWO_MISSING)
    wants = Drive(RULE, facts=found).last(NOW, here(PACK), LATER)
    assert isinstance(wants, Proposal)
    assert wants.parameters["title_ids"] == [102, 103]
    assert wants.reason.parameters["count"] == 2


def test_the_arr_is_quoted() -> None:
    wants = Drive(RULE, facts=facts(file(1, says=NO_ROOM))).last(NOW, here(blocked(messages=())), LATER)
    assert isinstance(wants, Proposal)
    assert wants.reason.evidence["message"] == NO_ROOM
    wants = Drive(RULE, facts=facts()).last(NOW, here(blocked()), LATER)
    assert isinstance(wants, Proposal)
    assert wants.reason.evidence["message"] == "Ein Text, den niemand versteht"


def test_files_that_one_arr_does_not_see_have_one_cause() -> None:
    unseen = replace(facts(), files=listed("Dune.mkv"))
    causes = []
    for item in (blocked(), blocked(titles=(make.dune(id=2),))):
        wants = Drive(RULE, facts=unseen).last(NOW, here(item), LATER)
        assert isinstance(wants, Proposal)
        causes.append(wants.parameters[CAUSE])
    assert causes == ["no_files/radarr"] * 2


def test_it_only_observes_at_first() -> None:
    assert RULE.default is Autonomy.OBSERVE


TEXTS = st.text(max_size=60) | st.sampled_from([GERMAN, NOT_IN_RELEASE, NO_ROOM, DANGEROUS, "Probe", "sample"])


@given(says=st.lists(st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=4), there=st.booleans())
def test_words_that_nobody_knows_never_take_anything_away(says: list[list[str]], there: bool) -> None:  # noqa: FBT001
    """Whatever language an *arr speaks, whatever a later version says: a person is asked."""
    choices = [file(1, says=tuple(texts)) for texts in says]
    found = facts(*choices, titles=(known(1, has_file=there),))
    wants = Drive(RULE, facts=found).last(NOW, here(blocked()), hours(200))
    assert isinstance(wants, Proposal)
    assert wants.act is ActKind.TELL


KNOWN = st.sampled_from([WORSE, OLD_REVISION, LOWER_SCORE, MORE_ON_DISK, IMPORTED_BEFORE, "Sample", UNPACKING, TBA])


@given(
    says=st.lists(st.lists(KNOWN | TEXTS, max_size=2), max_size=4),
    after=st.timedeltas(timedelta(), timedelta(days=30)),
    data=st.data(),
)
def test_nothing_is_given_up_while_a_title_has_no_file(
    says: list[list[str]], after: timedelta, data: st.DataObject
) -> None:
    choices = [file(data.draw(st.sampled_from([101, 102, 103])), says=tuple(texts)) for texts in says]
    wants = Drive(RULE, facts=facts(*choices, titles=TWO_MISSING)).last(NOW, here(PACK), after)
    assert not (isinstance(wants, Proposal) and wants.act in DESTRUCTIVE_ACTS)
