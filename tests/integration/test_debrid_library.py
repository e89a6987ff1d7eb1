"""What an *arr knows of a file, and another release of its title: blocked and searched for once, and for it alone."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
import os
import threading
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_bytes
from homeassistant.util import dt as dt_util
from homeassistant.util.json import json_loads_object
import pytest

from custom_components.sokoul import debrid_library, debrid_searches
from custom_components.sokoul.autopilot.reach import Declined
from custom_components.sokoul.debrid_library import (
    DROPPED_AFTER,
    FIRST_LOOK,
    FRESH,
    MEMORY_KEY,
    DebridLibrary,
    Errand,
)
from custom_components.sokoul.debrid_searches import SEARCH_LASTS
from devstack.arr import ArrSimulator
from devstack.frame import FaultKind
from devstack.library import Episode, Movie
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import RADARR_ID, SONARR_ID, PassTime, SetUp, qbittorrent_subentry, servarr_subentry

HASH = "ab" * 20
type Wanted = Movie | Episode


def movie_of(radarr: RadarrSimulator) -> Movie:
    return next(movie for movie in radarr.library.movies.values() if movie.file is not None and movie.monitored)


def wanted_of(radarr: RadarrSimulator) -> Movie:
    return next(each for each in radarr.library.movies.values() if each.file is None and each.monitored)


def episodes_of(sonarr: SonarrSimulator) -> list[Episode]:
    """Return some episodes of one season that are there."""
    for series in sonarr.library.series.values():
        found = [each for each in series.episodes if each.file is not None and each.monitored and each.season == 1]
        if series.monitored and len(found) > 2:
            return found
    raise AssertionError("the library has no such series")


def path_of(one: Wanted) -> str:
    assert one.file is not None
    folder = one.path if isinstance(one, Movie) else one.series.path
    return f"{folder}/{one.file.relative_path}"


def imported(arr: ArrSimulator, *wanted: Wanted, download_id: str = HASH.upper()) -> None:
    """Let a release have been grabbed and imported."""
    item = arr.queue_item(*wanted, title="What.Was.Grabbed", download_id=download_id)
    arr.queue.items.remove(item)
    arr.history.add(
        "downloadFolderImported",
        wanted,
        source_title=item.title,
        quality=item.quality,
        languages=(),
        data={},
        download_id=download_id,
    )


def searches(arr: ArrSimulator) -> list[dict[str, Any]]:
    """Return all searches that were started, by us and by the *arr itself."""
    return [each.body for each in arr.commands.commands.values() if each.name.endswith("Search")]


def errands(library: DebridLibrary) -> list[Errand]:
    """Return what is still to be asked, as it outlives a restart."""
    return [Errand.from_json(each) for each in library._hub.memory.get(MEMORY_KEY, ())]


def rescans(arr: ArrSimulator) -> int:
    return sum(each.name.startswith("Rescan") for each in arr.commands.commands.values())


def blocked(arr: ArrSimulator) -> list[Sequence[Wanted]]:
    return [item.wanted for item in arr.blocklist.items.values()]


async def library(set_up: SetUp, *subentries: ConfigSubentryDataWithId) -> DebridLibrary:
    entry = await set_up(*subentries)
    made = DebridLibrary(entry.runtime_data)
    made.start()
    return made


@pytest.fixture
def of_radarr(radarr: RadarrSimulator) -> ConfigSubentryDataWithId:
    return servarr_subentry(radarr, RADARR_ID)


@pytest.fixture
def of_sonarr(sonarr: SonarrSimulator) -> ConfigSubentryDataWithId:
    return servarr_subentry(sonarr, SONARR_ID)


# --- files -----------------------------------------------------------------------------------------------------------


async def test_where_files_are_is_worked_out_once_for_very_many_links(
    sonarr: SonarrSimulator,
    of_sonarr: ConfigSubentryDataWithId,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For each link anew, through all titles, on the event loop: with 20,000 links nothing else had its turn."""
    worked_out: list[str] = []
    at_once, threads = debrid_library.translate, set[int]()

    def translate(maps: Any, path: str) -> str | None:
        worked_out.append(path)
        threads.add(threading.get_ident())
        return at_once(maps, path)

    monkeypatch.setattr(debrid_library, "translate", translate)
    found = await library(set_up, of_sonarr)
    path = path_of(episodes_of(sonarr)[0])
    assert await found.knows(path)
    first = len(worked_out)
    assert first > 0
    for _ in range(100):
        assert await found.knows(path)
        assert not await found.knows("/somewhere/else.mkv")
    assert len(worked_out) == first
    assert threading.get_ident() not in threads
    folder, _, name = path.rpartition("/")
    assert not await found.knows(f"{folder}/../{folder.rpartition('/')[2]}/{name}"), "no path leads upwards"
    await pass_time(FRESH)
    assert await found.knows(path)
    assert len(worked_out) == 2 * first, "the library was read again"


async def test_a_file_is_that_of_its_title(
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    of_radarr: ConfigSubentryDataWithId,
    of_sonarr: ConfigSubentryDataWithId,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    movie, episode = movie_of(radarr), episodes_of(sonarr)[0]
    found = await library(set_up, of_radarr, of_sonarr)
    assert await found.knows(path_of(movie))
    assert await found.knows(path_of(episode))
    assert not await found.knows(f"{movie.path}/Another.Name.mkv")
    assert not await found.knows("/somewhere/else.mkv")
    movie.monitored = False
    assert await found.knows(path_of(movie)), "the library is not asked again for each link"
    await pass_time(timedelta(minutes=11))
    assert not await found.knows(path_of(movie)), "nobody wants it"
    assert not await found.replace(path_of(movie))
    assert not errands(found)


async def test_a_folder_of_another_name_here_is_found(
    hass: HomeAssistant, radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp
) -> None:
    movie = movie_of(radarr)
    entry = await set_up(of_radarr)
    hub = entry.runtime_data
    hub.memory.set("path_maps", {RADARR_ID: {"/data/media/movies": "/share/films"}})
    made = DebridLibrary(hub)
    assert await made.knows(path_of(movie).replace("/data/media/movies", "/share/films"))


async def test_nobody_can_tell_while_an_arr_is_away(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp
) -> None:
    found = await library(set_up, of_radarr)
    await radarr.refuse()
    assert not await found.knows(path_of(movie_of(radarr)))


# --- another release -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_itself", [True, False], ids=["it searches by itself", "it is asked to search"])
async def test_a_movie_is_searched_for_once_its_file_is_away(
    by_itself: bool,  # noqa: FBT001 -- given by the parameters
    radarr: RadarrSimulator,
    of_radarr: ConfigSubentryDataWithId,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    radarr.download_handling.values["autoRedownloadFailed"] = by_itself
    movie = movie_of(radarr)
    imported(radarr, movie)
    found = await library(set_up, of_radarr)
    assert await found.replace(path_of(movie))
    assert await found.replace(path_of(movie)), "whoever asks twice gets one search"
    await pass_time(FIRST_LOOK)
    assert (rescans(radarr), searches(radarr), blocked(radarr)) == (1, [], []), "its file is there"
    movie.file = None  # the link was set aside, and Radarr has looked
    await pass_time(2 * FIRST_LOOK)
    assert [each["movieIds"] for each in searches(radarr)] == [[movie.id]]
    assert blocked(radarr) == [(movie,)]
    await pass_time(timedelta(minutes=30), 4)
    assert len(searches(radarr)) == 1
    assert not errands(found)
    await found.stop()


async def test_an_episode_of_a_pack_is_searched_for_alone(
    sonarr: SonarrSimulator, of_sonarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    """Blocking a pack makes Sonarr search for all of it: the neighbours are left in peace."""
    one, *others = episodes_of(sonarr)
    imported(sonarr, one, *others)
    found = await library(set_up, of_sonarr)
    assert await found.replace(path_of(one))
    one.file = None
    await pass_time(FIRST_LOOK)
    assert [each["episodeIds"] for each in searches(sonarr)] == [[one.id]]
    assert blocked(sonarr) == []
    await found.stop()


async def test_what_is_on_its_way_is_not_searched_for(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    movie = movie_of(radarr)
    imported(radarr, movie)
    found = await library(set_up, of_radarr)
    assert await found.replace(path_of(movie))
    movie.file = None
    radarr.queue_item(movie, title="Another.Release")
    await pass_time(FIRST_LOOK)
    assert searches(radarr) == []
    assert not errands(found)
    await found.stop()


@pytest.mark.parametrize(
    "route", ["GET /api/v3/history/movie", "GET /api/v3/queue", "GET /api/v3/config/downloadclient"]
)
async def test_a_question_without_an_answer_loses_no_search(
    route: str, radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    movie = movie_of(radarr)
    imported(radarr, movie)
    found = await library(set_up, of_radarr)
    assert await found.replace(path_of(movie))
    movie.file = None
    radarr.fault(FaultKind.STATUS, route, status=500)
    await pass_time(FIRST_LOOK)
    assert (searches(radarr), len(errands(found))) == ([], 1)
    radarr.clear_faults()
    await pass_time(timedelta(minutes=10))
    assert [each["movieIds"] for each in searches(radarr)] == [[movie.id]]
    assert not errands(found)
    await found.stop()


async def test_a_path_that_is_no_text_is_remembered() -> None:
    now = dt_util.utcnow()
    path = os.fsdecode(b"/media/100% Am\xe9lie.mkv")
    errand = Errand(arr_id="A", folder_id=1, title_ids=(1, 2), path=path, begun_at=now, due_at=now)
    assert Errand.from_json(json_loads_object(json_bytes(errand.as_json()))) == errand


async def test_a_restart_forgets_nothing(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    of_radarr: ConfigSubentryDataWithId,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    movie = movie_of(radarr)
    imported(radarr, movie)
    entry = await set_up(of_radarr)
    first = DebridLibrary(entry.runtime_data)
    first.start()
    assert await first.replace(path_of(movie))
    await first.stop()
    await hass.config_entries.async_reload(entry.entry_id)
    second = DebridLibrary(entry.runtime_data)
    second.start()
    assert [errand.path for errand in errands(second)] == [path_of(movie)]
    movie.file = None
    await pass_time(FIRST_LOOK)
    assert len(searches(radarr)) == 1
    await second.stop()


async def test_an_errand_ends_when_its_file_stays(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    movie = movie_of(radarr)
    found = await library(set_up, of_radarr)
    assert await found.replace(path_of(movie))
    await pass_time(timedelta(hours=1), 50)
    assert 3 < rescans(radarr) < 60
    assert timedelta(hours=50) > DROPPED_AFTER
    assert (errands(found), searches(radarr)) == ([], [])
    await found.stop()


# --- torrents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_itself", [True, False])
async def test_what_a_queue_waits_for_is_given_up_there(
    by_itself: bool,  # noqa: FBT001 -- given by the parameters
    radarr: RadarrSimulator,
    of_radarr: ConfigSubentryDataWithId,
    set_up: SetUp,
) -> None:
    radarr.download_handling.values["autoRedownloadFailed"] = by_itself
    movie = wanted_of(radarr)
    radarr.queue_item(movie, title="Refused.Release", download_id=HASH.upper(), progress=0.0)
    found = await library(set_up, of_radarr)
    told = await found.give_up(HASH)
    assert told.reason.key == "result.handed_over"
    assert told.reason.parameters["titles"] == (f"{movie.title} ({movie.year})",)
    assert "Refused.Release" not in [item.title for item in radarr.queue.items], "another one is there instead"
    assert blocked(radarr) == [(movie,)]
    assert [each["movieIds"] for each in searches(radarr)] == [[movie.id]]


@pytest.mark.parametrize(
    ("seen", "progress", "status", "left"),
    [
        (False, 0.5, "downloading", True),
        (False, 0.0, "downloading", False),
        (False, 0.5, "failed", False),
        (False, 0.5, "warning", False),
        (True, 0.0, "warning", True),
    ],
)
async def test_what_is_downloaded_elsewhere_is_left_there(
    seen: bool,  # noqa: FBT001 -- given by the parameters
    progress: float,
    status: str,
    left: bool,  # noqa: FBT001
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
    of_radarr: ConfigSubentryDataWithId,
    set_up: SetUp,
) -> None:
    """Real-Debrid refuses it, and somebody had it downloaded by a swarm instead."""
    if seen:
        qbittorrent.add_torrent("Refused.Release", hash=HASH, behaviour="stalled")
    item = radarr.queue_item(
        wanted_of(radarr), title="Refused.Release", download_id=HASH.upper(), progress=progress, status=status
    )
    found = await library(set_up, of_radarr, qbittorrent_subentry(qbittorrent))
    told = await found.give_up(HASH)
    assert told.reason.key == ("result.on_its_way" if left else "result.handed_over")
    assert (item in radarr.queue.items, blocked(radarr) == [], searches(radarr) == []) == (left, left, left)


async def test_what_has_a_file_is_left_to_its_links(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp
) -> None:
    movie = movie_of(radarr)
    imported(radarr, movie)
    found = await library(set_up, of_radarr)
    assert (await found.give_up(HASH)).reason.key == "result.arr_has_file"
    assert (await found.give_up("cd" * 20)).reason.key == "result.no_arr_knows"
    assert (searches(radarr), blocked(radarr)) == ([], [])
    movie.file = None
    assert (await found.give_up(HASH)).reason.key == "result.handed_over"
    assert (len(searches(radarr)), blocked(radarr)) == (1, [(movie,)])


async def test_what_two_accounts_lost_is_searched_for_once(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    """Each account gives its own entry up, at the same time or one long after the other, also after a restart."""
    movie = wanted_of(radarr)
    radarr.queue_item(movie, title="Refused.Release", download_id=HASH.upper(), progress=0.0)
    radarr.download_handling.values["autoRedownloadFailed"] = False
    found = await library(set_up, of_radarr)
    told = await asyncio.gather(found.give_up(HASH), found.give_up(HASH))
    assert [each.reason.key for each in told] == ["result.handed_over", "result.searched_already"]
    assert told[1].reason.parameters == {"arr": "Radarr", "titles": (f"{movie.title} ({movie.year})",)}
    assert [each["movieIds"] for each in searches(radarr)] == [[movie.id]]
    await found.stop()
    radarr.queue.items.clear()
    found = DebridLibrary(found._hub)
    found.start()
    assert (await found.give_up(HASH)).reason.key == "result.searched_already"
    await pass_time(SEARCH_LASTS)
    radarr.queue.items.clear()  # what Radarr found then is none of it any more
    assert (await found.give_up(HASH)).reason.key == "result.handed_over"
    assert len(searches(radarr)) == 2, "it has been lost again since"


async def test_what_was_searched_for_because_of_its_link_is_not_because_of_its_torrent(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    movie = movie_of(radarr)
    imported(radarr, movie)
    found = await library(set_up, of_radarr)
    assert await found.replace(path_of(movie))
    movie.file = None
    await pass_time(FIRST_LOOK)
    assert len(searches(radarr)) == 1
    assert (await found.give_up(HASH)).reason.key == "result.searched_already"
    assert len(searches(radarr)) == 1
    await found.stop()


async def test_what_was_searched_for_because_of_its_torrent_is_not_because_of_its_link(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    movie = movie_of(radarr)
    imported(radarr, movie)
    found = await library(set_up, of_radarr)
    assert await found.replace(path_of(movie))
    movie.file = None
    assert (await found.give_up(HASH)).reason.key == "result.handed_over"
    radarr.queue.items.clear()  # nothing was found
    await pass_time(FIRST_LOOK)
    assert (len(searches(radarr)), errands(found)) == (1, [])
    await found.stop()


async def test_another_release_of_the_same_title_is_another_loss(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp
) -> None:
    movie, other = wanted_of(radarr), "cd" * 20
    found = await library(set_up, of_radarr)
    for info_hash in (HASH, other):
        imported(radarr, movie, download_id=info_hash.upper())
        assert (await found.give_up(info_hash)).reason.key == "result.handed_over"
        radarr.queue.items.clear()  # what Radarr found is lost as well
    assert [each["movieIds"] for each in searches(radarr)] == [[movie.id]] * 2


async def test_of_a_pack_only_the_rest_is_searched_for(
    sonarr: SonarrSimulator, of_sonarr: ConfigSubentryDataWithId, set_up: SetUp, pass_time: PassTime
) -> None:
    """An episode was searched for because of its link, before its pack was lost in another account as well."""
    one, two, *others = episodes_of(sonarr)
    imported(sonarr, one, two, *others)
    found = await library(set_up, of_sonarr)
    assert await found.replace(path_of(one))
    one.file = None
    await pass_time(FIRST_LOOK)
    sonarr.queue.items.clear()  # nothing was found
    two.file = None
    assert (await found.give_up(HASH)).reason.key == "result.handed_over"
    assert [each["episodeIds"] for each in searches(sonarr)] == [[one.id], [two.id]]
    await found.stop()


async def test_a_search_that_failed_is_none(
    radarr: RadarrSimulator, of_radarr: ConfigSubentryDataWithId, set_up: SetUp
) -> None:
    movie = movie_of(radarr)
    imported(radarr, movie)
    movie.file = None
    found = await library(set_up, of_radarr)
    radarr.fault(FaultKind.STATUS, "GET /api/v3/history/movie", status=500)
    with pytest.raises(Declined):
        await found.give_up(HASH)
    radarr.clear_faults()
    assert (await found.give_up(HASH)).reason.key == "result.handed_over"
    assert len(searches(radarr)) == 1


async def test_searches_that_cannot_be_read_any_more_are_none(
    of_radarr: ConfigSubentryDataWithId, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await set_up(of_radarr)
    entry.runtime_data.memory.set(debrid_searches.MEMORY_KEY, [{"arr_id": "what"}])
    DebridLibrary(entry.runtime_data).start()
    assert "can't be read any more" in caplog.text
