"""The steps of the demo about "Dune 2": that they see what is wrong, and that the film can be taken away again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from custom_components.sokoul.acquire.links import read_torrent
from devstack import dune_steps
from devstack.dune_demo import BEST, HOW_MANY
from devstack.real_qbittorrent import RealQbittorrent
from devstack.releases import release_of
from devstack.stack import Stack
from devstack.steps import Seen

type Answer = dict[str, Any]


class Answering:
    """A Home Assistant that answers every action with the same."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def rest(self, method: str, path: str, data: Answer) -> Answer:
        assert (method, path, data["query"]) == ("POST", "/api/services/sokoul/search?return_response", "dune 2")
        return {"service_response": self.answer}


def result(release: str, score: int, *refusals: str) -> Answer:
    parts = [{"text": "2160p", "points": 20.0}]
    return {"release": release, "score": score, "accepted": not refusals, "refusals": list(refusals), "parts": parts}


def right() -> Answer:
    """Return what is found where all is well."""
    results = [
        result(BEST, 95),
        result("Dune.Part.Two.2024.1080p-GRP", 80),
        result("Dune.1984.1080p-A", 0, "It's another part."),
        result("Dune Part Two 2024 HDCAM-B", 0, "It was recorded in a cinema."),
        result("Dune.Part.Two.2024.TELESYNC-C", 0, "It was recorded in a cinema."),
        result("Dune.2021.1080p-D", 0, "It's another part."),
        result("Jodorowskys.Dune.2013-E", 0, "It's something else."),
    ]
    counts = {"SOKOUL": 1, "Real-Debrid": 1, "Prowlarr": 14, "Jackett": 4}
    sources = [{"name": name, "state": "answered", "count": count} for name, count in counts.items()]
    title = {"title": "Dune: Part Two", "year": 2024}
    return {"title": title, "sources": sources, "results": results, "total": len(results)}


async def problems(answer: Answer) -> list[str]:
    said: Sequence[str] = await dune_steps.dune_is_found(Answering(answer), None)  # type: ignore[arg-type]
    return [each for each in said if not isinstance(each, Seen)]


async def test_what_was_found_is_shown() -> None:
    said = await dune_steps.dune_is_found(Answering(right()), None)  # type: ignore[arg-type]
    assert all(isinstance(each, Seen) for each in said)
    assert said[0] == "“dune 2” is Dune: Part Two (2024)"
    assert said[1].startswith(f"found {HOW_MANY} at 4 sources (SOKOUL 1, ")
    assert BEST in said[2]
    assert sum(each.startswith("never ") for each in said) == 5


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda answer: answer.update(title=None), "it is taken for None"),
        (lambda answer: answer["title"].update(year=1984), "it is taken for Dune: Part Two (1984)"),
        (lambda answer: answer["sources"][2].update(state="failed"), "not four sources answered"),
        (lambda answer: answer["sources"][2].update(count=13), "19 releases were found"),
        (lambda answer: answer["sources"].append({"name": "X", "state": "answered", "count": 0}), "not four sources"),
        (lambda answer: answer.update(total=20), "7 of 20 releases are shown"),
        (lambda answer: answer["results"].pop(0), f"the best is not {BEST}"),
        (lambda answer: answer["results"][1].update(score=99), "they are not in order"),
        (lambda answer: answer["results"].reverse(), "they are not in order"),
        (lambda answer: answer["results"][2].update(refusals=[]), "nobody says why this is refused: Dune.1984"),
        (lambda answer: answer["results"][3].update(accepted=True), "this may be taken: Dune Part Two 2024 HDCAM"),
        (lambda answer: answer["results"].pop(2), "this was not found: Dune.1984."),
    ],
)
async def test_what_is_wrong_is_a_problem(
    spoil: Callable[[Answer], object], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dune_steps, "_PATIENCE_SECONDS", 0)
    answer = right()
    spoil(answer)
    if answer["total"] == right()["total"]:
        answer["total"] = len(answer["results"])
    found = await problems(answer)
    assert any(each.startswith(complaint) for each in found), found


@pytest.mark.usefixtures("socket_enabled")
async def test_the_film_can_be_taken_away_as_if_nobody_had_wanted_it(tmp_path: Path) -> None:
    async with Stack(tmp_path, real=False) as stack:
        await stack.start(lambda _: None)
        assert stack.dune is not None
        movie, radarr = stack.dune.world.second, stack.radarr
        best = next(each for each in stack.dune.prowlarr if each.title == BEST)
        before = set(stack.qbittorrent.torrents)  # type: ignore[arg-type]  # simulated
        for _ in range(2):
            stack.library.add_movie(movie)
            item = await radarr.grabbing.grab(release_of(movie, name=BEST, torrent=best.torrent), (movie,))
            radarr.queue.settled[str(item.download_id)] = "imported"
            movie.file = stack.library.movie_file(movie, item.quality)
            assert set(stack.qbittorrent.torrents) - before == {str(item.download_id).lower()}  # type: ignore[arg-type]
            await stack.take_dune_away()
            assert (movie.id, movie.file) == (0, None)
            assert movie in stack.library.known_movies
            assert item.download_id not in radarr.queue.settled
            assert item not in radarr.queue.items
            assert set(stack.qbittorrent.torrents) == before  # type: ignore[arg-type]
        await stack.take_dune_away()  # nothing is there


@pytest.mark.real
@pytest.mark.usefixtures("socket_enabled")
async def test_the_film_arrives_though_no_tracker_at_home_is_taken_from_its_file(tmp_path: Path) -> None:
    async with Stack(tmp_path) as stack:
        await stack.start(lambda _: None)
        if not isinstance(stack.qbittorrent, RealQbittorrent):
            pytest.skip("there is no real qBittorrent, or no swarm, here")
        assert stack.dune is not None
        assert stack.swarm is not None
        best = next(each for each in stack.dune.prowlarr if each.title == BEST)
        assert isinstance(best.torrent, bytes)
        taken = read_torrent(best.torrent).link
        assert taken.torrent is not None
        assert stack.swarm.announce_url.encode() in best.torrent
        assert stack.swarm.announce_url.encode() not in taken.torrent
        assert await stack.qbittorrent.add_file(taken.torrent) == taken.info_hash
        await stack.qbittorrent.until(taken.info_hash, {"uploading", "stalledUP"}, seconds=60)
