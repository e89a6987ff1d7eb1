"""What an *arr is about to be told on account of a wish: written down before it is told.

The database may refuse what came of it, and Home Assistant may end in between. Without a note the title would look like
one that a person added, and nobody would let go of it. A note is kept in the hub's memory until the wish says the same.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from .watchlist.items import Keeper, Wish

if TYPE_CHECKING:
    from .hub import Hub

INTENTS_KEY: Final = "watchlist_intents"
#: Stands for the id of a title that is about to be added.
NEW: Final = 0
_NOTED: Final = frozenset({"ids", "backend", "title", "added", "monitored", "episodes", "quiet"})


def as_note(keeper: Keeper) -> dict[str, Any]:
    """Return what an *arr has to let go of one day, for the hub's memory."""
    return {
        "backend": keeper.backend_id,
        "title": keeper.library_id,
        "added": keeper.added,
        "monitored": keeper.monitored,
        "episodes": list(keeper.episodes),
        "quiet": list(keeper.quiet),
    }


def keeper_of(note: Mapping[str, Any]) -> Keeper:
    """Return what was noted."""
    return Keeper(
        backend_id=note["backend"],
        library_id=note["title"],
        added=note["added"],
        monitored=note["monitored"],
        episodes=tuple(note["episodes"]),
        quiet=tuple(note["quiet"]),
    )


class Intents:
    """The notes, by wish."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    @property
    def _all(self) -> dict[str, Mapping[str, Any]]:
        stored = self._hub.memory.get(INTENTS_KEY, {})
        known = stored.items() if isinstance(stored, Mapping) else ()
        return {key: note for key, note in known if isinstance(note, Mapping) and note.keys() >= _NOTED}

    def of(self, wish: Wish) -> Keeper | None:
        """Return what was begun for a wish, and for the title that it means now; None: nothing."""
        note = self._all.get(wish.id)
        if note is None or wish.meant is None or not wish.meant.ids & set(note["ids"]):
            return None
        return keeper_of(note)

    async def begin(self, wish: Wish, keeper: Keeper) -> None:
        """Write down what is about to be done."""
        self.note(wish, keeper)
        await self._hub.memory.save_now()

    def note(self, wish: Wish, keeper: Keeper) -> None:
        """Note what is known of it since."""
        ids = sorted(wish.meant.ids) if wish.meant is not None else []
        self._hub.memory.set(INTENTS_KEY, {**self._all, wish.id: {"ids": ids, **as_note(keeper)}})

    def end(self, wish_id: str) -> None:
        """Forget what was begun for a wish: it is written down elsewhere, or was not done."""
        self.keep(self._all.keys() - {wish_id})

    def keep(self, wish_ids: Collection[str]) -> None:
        """Forget the notes of all wishes but these."""
        notes = self._all
        if notes.keys() - set(wish_ids):
            self._hub.memory.set(INTENTS_KEY, {key: note for key, note in notes.items() if key in wish_ids})
