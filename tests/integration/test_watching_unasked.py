"""Before a person said whether what is on the watchlist is to be fetched, and after a no: nothing is added there."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.watchlist.items import WishState
from custom_components.sokoul.watchlist.settings import WatchSettings
from custom_components.sokoul.watchlist_question import ISSUE
from custom_components.sokoul.watchlist_report import description
from devstack.dune import add_dune
from devstack.library import Movie
from devstack.quality import BLURAY_1080P
from devstack.radarr import RadarrSimulator

from .conftest import RADARR_ID, PassTime, SetUp, servarr_subentry
from .test_watching import DUNE_2, MINUTE, Scene, nobody_offers_anything, scene  # noqa: F401 -- a fixture

ANSWERS = pytest.mark.parametrize("auto", [None, False])


def in_radarr(scene: Scene, *, has_file: bool, monitored: bool = True) -> Movie:  # noqa: F811
    """Put the second Dune into Radarr's library, as a person does."""
    known = next(each for each in scene.radarr.library.known_movies if each.tmdb_id == DUNE_2)
    have = {"have": BLURAY_1080P} if has_file else {}
    movie = scene.radarr.library.add_movie(known, **have)
    movie.monitored = monitored
    return movie


def reasons(scene: Scene) -> list[str]:  # noqa: F811
    return [each.key.removeprefix("watchlist.") for each in scene.wish().why]


def is_asked(hass: HomeAssistant) -> bool:
    return ir.async_get(hass).async_get_issue(DOMAIN, ISSUE) is not None


@ANSWERS
async def test_what_is_in_the_library_can_be_watched(auto: bool | None, scene: Scene) -> None:  # noqa: F811, FBT001
    movie = in_radarr(scene, has_file=True, monitored=False)
    scene.watching.change_settings(WatchSettings(auto=auto))
    wish = await scene.add("Dune 2")
    assert wish.state is WishState.READY
    assert not movie.monitored
    assert wish.parts[0].searched_at is None
    assert not is_asked(scene.hass)


@ANSWERS
async def test_what_comes_into_the_library_meanwhile_is_noticed(auto: bool | None, scene: Scene) -> None:  # noqa: F811, FBT001
    nobody_offers_anything(scene)
    scene.watching.change_settings(WatchSettings(auto=auto))
    wish = await scene.add("Dune 2")
    assert wish.state is WishState.SEARCHING
    in_radarr(scene, has_file=True)
    await scene.pass_time(20 * MINUTE, 6)
    assert scene.wish().state is WishState.READY
    assert "ready" in [event for event, _ in scene.happened]


@ANSWERS
async def test_nothing_is_added_or_monitored(auto: bool | None, scene: Scene) -> None:  # noqa: F811, FBT001
    nobody_offers_anything(scene)
    scene.watching.change_settings(WatchSettings(auto=auto))
    await scene.add("Dune 2")
    assert scene.movie is None
    movie = in_radarr(scene, has_file=False, monitored=False)
    await scene.pass_time(20 * MINUTE, 6)
    assert not movie.monitored
    assert "not_monitored" not in reasons(scene), "nobody was to monitor it"
    scene.watching.change_settings(WatchSettings(auto=True))
    await scene.settle()
    assert movie.monitored
    await scene.watching.remove([scene.wish().id])
    await scene.settle()
    assert not movie.monitored


async def test_what_leaves_the_library_was_never_ours(scene: Scene) -> None:  # noqa: F811
    nobody_offers_anything(scene)
    movie = in_radarr(scene, has_file=False)
    wish = await scene.add("Dune 2", auto=False)
    assert wish.keeper is not None
    del scene.radarr.library.movies[movie.id]
    await scene.watching.look(wish.id)
    assert scene.wish().keeper is None
    assert "gone_from_arr" not in reasons(scene)


async def test_the_question_is_told_of_once(scene: Scene) -> None:  # noqa: F811
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2")
    told = {"wish_id": wish.id, "title": "Dune: Part Two (2024)", "asked_by": None, "askers": ""}
    assert scene.happened == [("asked_back", told)]
    assert reasons(scene)[0] == "asks_first", "its description says it, too"
    await scene.add("Jodorowsky's Dune")
    await scene.pass_time(60 * MINUTE, 3)
    await scene.restart()
    scene.listen()
    await scene.pass_time(60 * MINUTE, 3)
    assert [event for event, _ in scene.happened].count("asked_back") == 1
    scene.watching.change_settings(WatchSettings(auto=False))
    await scene.settle()
    scene.watching.change_settings(WatchSettings(auto=None))
    await scene.settle()
    assert [event for event, _ in scene.happened].count("asked_back") == 2


async def test_what_was_found_is_told_of_instead(scene: Scene) -> None:  # noqa: F811
    await scene.add("Dune 2")
    assert [(event, bool(data.get("release"))) for event, data in scene.happened] == [("asked_back", True)]


async def test_what_a_person_adds_before_the_answer_is_seen_within_minutes(scene: Scene) -> None:  # noqa: F811
    nobody_offers_anything(scene)
    await scene.add("Dune 2")
    await scene.pass_time(10 * MINUTE)
    in_radarr(scene, has_file=True)
    await scene.pass_time(MINUTE, 2)
    assert scene.wish().state is WishState.READY
    asked = len(scene.radarr.requests)
    await scene.pass_time(MINUTE, 2)
    assert not any("tmdbId" in str(each) for each in scene.radarr.requests[asked:]), (
        "there is nothing left to ask about"
    )


async def test_with_radarr_alone_the_question_is_asked_and_answered(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """It would never find anything before: Radarr searches only for what is in its library."""
    add_dune(radarr.library)
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    alone = Scene(radarr, None, None, hass, pass_time, entry)  # type: ignore[arg-type] -- there are none
    wish = await alone.add("Dune 2")
    assert alone.movie is None
    assert is_asked(hass)
    assert reasons(alone)[0] == "asks_first"
    assert "no_source" not in reasons(alone)
    alone.watching.change_settings(WatchSettings(auto=False))
    await alone.settle()
    assert not is_asked(hass)
    assert alone.movie is None
    assert "looks_when_told" in reasons(alone)
    said = description(alone.wish(), dt_util.now(), wording.load("en"))
    assert said.startswith("Nobody looks for it yet. Radarr can search only for what is in its library")
    assert "connect Prowlarr or a Torznab feed" in said
    await alone.watching.change(wish.id, auto=True)
    await alone.settle()
    assert alone.movie is not None
    assert alone.movie.monitored
