"""What happens to a wish, for automations: it is out, it was grabbed, it can be watched, or somebody is asked back."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .watchlist.items import ON_ITS_WAY, WANTED, Out, Part, PartState, Wish, WishState
from .wording import clean

RELEASED: Final = "released"  # it can be had at home from now on
GRABBED: Final = "grabbed"  # it is on its way
READY: Final = "ready"  # it can be watched
UPGRADED: Final = "upgraded"  # it can be watched in something better
ASKED_BACK: Final = "asked_back"  # several titles may be meant; or whether to fetch what was found


def happenings(before: Wish | None, after: Wish) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what a change of a wish means. What it begins with is no news: that somebody has it already, or it is out.

    A title that was added and grabbed at once is news all the same.
    """
    if after.state is WishState.UNCLEAR and (before is None or before.choices != after.choices):
        titles = [clean(each.label) for each in after.choices]
        yield ASKED_BACK, {**_of_wish(after), "choices": titles}
    if before is None:
        return
    for part in after.parts:
        known = before.part(part.key)
        if part.state is PartState.READY and (known is None or part.there_before):
            continue
        was = known.state if known is not None else PartState.SEARCHING
        if was is PartState.WAITING and part.state is not PartState.WAITING and _is_known_to_be_out(part):
            yield RELEASED, {**_of_part(after, part), "date": part.out_on.isoformat() if part.out_on else None}
        if part.asked_at is not None and (known is None or known.asked_at is None):
            yield ASKED_BACK, _of_part(after, part)
        if part.state in ON_ITS_WAY and was in WANTED:
            yield GRABBED, _of_part(after, part)
        if part.state is PartState.READY and was is not PartState.READY:
            yield READY, _of_part(after, part)
        yield from _of_better(after, part, known)


def _of_better(wish: Wish, part: Part, known: Part | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what became of something better than what can be watched."""
    before = known.better if known is not None else None
    if part.better is not None and before is None:
        told = {"release": clean(part.better.release), "entry_id": part.better.entry_id, "instead": clean(part.release)}
        yield GRABBED, {**_of_part(wish, part), **told}
    if known is not None and before is not None and part.better is None and part.release == before.release:
        yield UPGRADED, {**_of_part(wish, part), "instead": clean(known.release)}


def asked_whether(wish: Wish) -> tuple[str, Mapping[str, Any]]:
    """Return that a person is asked whether what is on the list is fetched by itself, before anything was found."""
    return ASKED_BACK, _of_wish(wish)


def _is_known_to_be_out(part: Part) -> bool:
    """Tell whether somebody said when it comes out: else it is looked for on the chance, long before it may be."""
    return part.out_on is not None and part.out is not Out.GUESSED


def _of_wish(wish: Wish) -> dict[str, Any]:
    return {
        "wish_id": wish.id,
        "title": clean(wish.label),
        "asked_by": wish.asked_by,
        "askers": ", ".join(wish.asker_names),
    }


def _of_part(wish: Wish, part: Part) -> dict[str, Any]:
    title = wish.meant.label if wish.meant is not None else wish.text
    return {
        **_of_wish(wish),
        "title": clean(title),
        "part": part.key,
        "season": part.season,
        "episode": part.episode,
        "episode_name": clean(part.name),
        "release": clean(part.release),
        "entry_id": part.entry_id,
    }
