"""In which title's folder a file is, which titles are in it, what happened to them: of Radarr and Sonarr."""

from aiohttp import ClientSession, web
import pytest

from custom_components.sokoul.clients.errors import NotFound, UnexpectedResponse
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.library import TitleFile, TitleFolder
from custom_components.sokoul.model.releases import HistoryKind
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .canned import CannedAnswer, talking

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_a_movie_and_its_file(radarr: RadarrSimulator, session: ClientSession) -> None:
    client = RadarrClient(session, radarr.url, radarr.api_key)
    movies = radarr.library.movies
    assert await client.folders() == tuple(TitleFolder(id=each.id, path=each.path) for each in movies.values())
    there = next(each for each in movies.values() if each.file is not None)
    assert there.file is not None
    (file,) = await client.title_files(there.id)
    assert (file.path, [title.id for title in file.titles]) == (f"{there.path}/{there.file.relative_path}", [there.id])
    lacking = next(each for each in movies.values() if each.file is None)
    assert await client.title_files(lacking.id) == ()
    with pytest.raises(NotFound):
        await client.title_files(987_654)


async def test_a_series_and_its_files(sonarr: SonarrSimulator, session: ClientSession) -> None:
    client = SonarrClient(session, sonarr.url, sonarr.api_key)
    series = next(each for each in sonarr.library.series.values() if any(one.file for one in each.episodes))
    assert TitleFolder(id=series.id, path=series.path) in await client.folders()
    first, second = [one for one in series.episodes if one.file is not None][:2]
    second.file = first.file  # one file of two episodes
    found = await client.title_files(series.id)
    assert first.file is not None
    both = next(each for each in found if each.path == f"{series.path}/{first.file.relative_path}")
    assert {title.id for title in both.titles} == {first.id, second.id}
    assert all(len(each.titles) == 1 for each in found if each is not both)
    assert {title.id for each in found for title in each.titles} == {
        one.id for one in series.episodes if one.file is not None
    }


async def test_what_happened_to_a_title_and_that_it_failed(radarr: RadarrSimulator, session: ClientSession) -> None:
    client = RadarrClient(session, radarr.url, radarr.api_key)
    movie, other = list(radarr.library.movies.values())[:2]
    radarr.download_handling.values["autoRedownloadFailed"] = False
    for one in (movie, other):
        radarr.queue_item(one, title=f"Release.{one.id}", download_id=f"{one.id:040x}".upper())
    (title,) = [each.title for each in await client.titles([movie.id])]
    (grab,) = [each for each in await client.title_history([title]) if each.release == f"Release.{movie.id}"]
    assert (grab.kind, grab.download_id) == (HistoryKind.GRABBED, f"{movie.id:040x}")
    await client.mark_failed(grab.id)
    assert [each.release for each in await client.blocklist([title])] == [grab.release]
    assert (await client.title_history([title]))[-1].kind is HistoryKind.FAILED
    with pytest.raises(NotFound):
        await client.mark_failed(987_654)


async def test_the_folders_are_looked_at_again() -> None:
    answers: dict[str, CannedAnswer] = {"POST /api/v3/command": {"id": 1, "name": "Rescan"}}
    async with talking(RadarrClient, answers) as (client, server):
        await client.rescan(7)
    assert server.requests[0].json() == {"name": "RescanMovie", "movieId": 7}
    async with talking(SonarrClient, answers) as (series, server):
        await series.rescan(8)
    assert server.requests[0].json() == {"name": "RescanSeries", "seriesId": 8}


@pytest.mark.parametrize("answer", [web.json_response({"id": 1}), web.json_response([{"id": 1, "path": 5}])])
async def test_what_is_no_list_of_folders_is_told(answer: web.Response) -> None:
    async with talking(RadarrClient, {"GET /api/v3/movie": answer}) as (client, _):
        with pytest.raises(UnexpectedResponse):
            await client.folders()


async def test_episodes_without_files_have_none() -> None:
    answers: dict[str, CannedAnswer] = {
        "GET /api/v3/episodefile": [{"id": 3, "path": "/series/x.mkv"}, {"id": 4, "path": ""}],
        "GET /api/v3/episode": [
            {
                "id": each,
                "seasonNumber": 1,
                "episodeNumber": each,
                "episodeFileId": file,
                "monitored": True,
                "series": {"id": 9, "title": "Silo", "monitored": False},
            }
            for each, file in ((1, 0), (2, 3), (3, 4), (4, 5))
        ],
    }
    async with talking(SonarrClient, answers) as (client, _):
        (file,) = await client.title_files(9)
    assert isinstance(file, TitleFile)
    assert (file.path, [(title.id, title.monitored) for title in file.titles]) == ("/series/x.mkv", [(2, False)])
