"""What is to be done about a wish: a movie from the catalogue to the screen, then cases, one a line."""

from dataclasses import replace

from custom_components.sokoul.watchlist.deciding import StepKind, next_step, refresh
from custom_components.sokoul.watchlist.items import Dates, PartState, WishState
from custom_components.sokoul.watchlist.known import Catalogued, Coming, Known
from custom_components.sokoul.watchlist.outcomes import Found, grabbed, searched
from custom_components.sokoul.watchlist.settings import WatchSettings

from .make import HOUR, NOW, movie, on

AUTO = Known(settings=WatchSettings(auto=True))


def test_a_movie_goes_its_way() -> None:
    now = NOW
    wish = refresh(movie(), AUTO, now)
    assert next_step(wish, AUTO, now).kind is StepKind.RESOLVE
    wish = refresh(wish, replace(AUTO, catalogue=Catalogued(dates=Dates(digital=on(-3)))), now)
    assert next_step(wish, AUTO, now).kind is StepKind.SEARCH
    wish = refresh(searched(wish, [""], {}, now, pack=False), AUTO, now)
    assert wish.state is WishState.SEARCHING
    assert next_step(wish, AUTO, now).kind is StepKind.NOTHING
    now += 2 * HOUR
    assert next_step(refresh(wish, AUTO, now), AUTO, now).kind is StepKind.SEARCH
    wish = searched(wish, [""], {"": Found(release="Dune.2024", result="r1", count=2)}, now, pack=False)
    wish = refresh(wish, AUTO, now)
    step = next_step(wish, AUTO, now)
    assert (wish.state, step.kind, step.result) == (WishState.OFFERED, StepKind.GRAB, "r1")
    wish = refresh(grabbed(wish, step.keys, now, entry_id=3, download="a" * 40), AUTO, now)
    assert (wish.state, next_step(wish, AUTO, now).kind) == (WishState.GRABBED, StepKind.NOTHING)
    done = replace(AUTO, coming={"": (Coming(download="a" * 40, finished=True),)})
    wish = refresh(wish, done, now)
    assert (wish.state, wish.parts[0].state, wish.parts[0].ready_at) == (WishState.READY, PartState.READY, now)
    assert next_step(wish, done, now).at is None
