"""What could be watched and left the library, and what failed after it was fetched."""

from datetime import timedelta

from homeassistant.components.todo import ATTR_ITEM, ATTR_STATUS, DOMAIN as TODO, TodoServices
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.sokoul.watchlist.items import WishState

from .test_watching import Scene, _no_pause, scene  # noqa: F401 -- fixtures

LIST = "todo.sokoul_watchlist"


async def take_the_tick_away(it: Scene) -> None:
    await it.hass.services.async_call(
        TODO,
        TodoServices.UPDATE_ITEM,
        {ATTR_ENTITY_ID: LIST, ATTR_ITEM: it.wish().id, ATTR_STATUS: "needs_action"},
        blocking=True,
    )
    await it.settle()


@pytest.mark.parametrize("by", ["tick", "action"])
async def test_what_was_watched_and_deleted_stays_away_until_a_person_wants_it_again(
    scene: Scene,  # noqa: F811
    by: str,
) -> None:
    await scene.add("Dune 2", auto=True)
    await scene.let_it_download()
    assert scene.wish().state is WishState.READY
    with pytest.raises(ServiceValidationError) as refused:
        await take_the_tick_away(scene)
    assert refused.value.translation_key == "wish_is_ready"
    assert scene.movie is not None
    scene.movie.file = None
    scene.qbittorrent.torrents.clear()
    await scene.pass_time(timedelta(hours=3), 14)
    assert scene.movie.monitored, "as Radarr leaves it"
    assert scene.qbittorrent.torrents == {}
    assert [event for event, _ in scene.happened] == ["grabbed", "ready"]
    assert [each.key for each in scene.wish().why] == ["watchlist.left_library"]
    if by == "tick":
        await take_the_tick_away(scene)
    else:
        await scene.watching.fetch(scene.wish().id)
        await scene.settle()
    assert scene.wish().state is WishState.GRABBED
    assert len(scene.qbittorrent.torrents) == 1
