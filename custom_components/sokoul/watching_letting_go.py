"""What *arrs need look for no more, because nobody wishes for it: each is told as soon as it answers.

It is noted in the hub's memory first, so that neither a restart nor an *arr that is away loses it. What another wish is
for, too, is left to that wish, to be let go of with it. No file is touched.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from .clients.errors import BackendError, NotFound
from .clients.sonarr import SonarrClient
from .store import StoreError
from .watching_intents import NEW, as_note, keeper_of
from .watching_titles import Arr, Titles, same_place
from .watchlist.errors import NoList
from .watchlist.items import ARR, Keeper, Wish, WishState
from .watchlist.known import is_managed, is_of, is_wanted

if TYPE_CHECKING:
    from .hub import Hub

#: What *arrs are kept to let go of later, in the hub's memory.
LEAVING_KEY: Final = "watchlist_leaving"
_NOTED: Final = frozenset({"backend", "title", "season", "episode", "added", "monitored", "episodes", "quiet"})


class LettingGo:
    """Notes what is wanted no more, and tells *arrs. `inherit` has a wish let go of it later, if it is still there."""

    def __init__(
        self,
        hub: Hub,
        titles: Titles,
        wishes: Callable[[], Collection[Wish]],
        inherit: Callable[[Wish, Keeper], Awaitable[bool]],
    ) -> None:
        self._hub = hub
        self._titles = titles
        self._wishes = wishes
        self._inherit = inherit
        self.is_new = False  # something was noted since *arrs were told last

    @property
    def notes(self) -> list[Mapping[str, Any]]:
        """What *arrs have still to be told."""
        stored = self._hub.memory.get(LEAVING_KEY, [])
        return [each for each in stored if each.keys() >= _NOTED] if isinstance(stored, list) else []

    async def note(self, wishes: Collection[Wish]) -> None:
        """Note that *arrs need look no more for what they look for on account of wishes that are wanted no more.

        What can be watched stays as it is there: they may find it in a better quality.
        """
        for wish in wishes:
            begun = self._titles.intents.of(wish)
            self._titles.intents.end(wish.id)
            if wish.state is not WishState.READY:
                self._note(wish, begun)
        if self.notes:
            self.is_new = True
            await self._hub.memory.save_now()

    def _note(self, wish: Wish, begun: Keeper | None) -> None:
        """Note what is let go of with a wish; what was only `begun` counts where the wish doesn't say it yet."""
        keeper = wish.keeper if is_managed(wish) or begun is None or begun.library_id == NEW else begun
        if keeper is not None and (keeper.added or keeper.monitored or keeper.episodes):
            note = {**as_note(keeper), "season": wish.season, "episode": wish.episode}
            self._hub.memory.set(LEAVING_KEY, [*self.notes, note])

    async def tell(self) -> None:
        """Tell *arrs what they need look for no more. What other wishes are for, too, is theirs to let go of later."""
        self.is_new = False
        for note in self.notes:
            kept = keeper_of(note)
            ours = [each for each in self._wishes() if each.asked_by != ARR and is_managed(each)]
            heirs = [each for each in ours if same_place(each.keeper, kept)]
            left = await self._leave(kept, note, heirs)
            with suppress(StoreError, NoList):
                if left is not None and (not heirs or await self._inherit(heirs[0], left)):
                    self._hub.memory.set(LEAVING_KEY, [each for each in self.notes if each != note])

    async def _leave(self, kept: Keeper, note: Mapping[str, Any], heirs: Collection[Wish]) -> Keeper | None:
        """Tell an *arr what it need look for no more, but for what `heirs` want, which are wishes for the same title.

        Returns what these have to let go of later; None where the *arr doesn't answer.
        """
        arr = self._titles.arr(kept)
        if arr is None:
            return kept
        if not arr.answering:
            return None
        try:
            with suppress(NotFound):  # somebody took it out of the library
                if heirs:
                    return await _leave_to(arr, kept, note, heirs)
                await _release(arr, kept)
        except BackendError:
            return None
        return kept


async def _release(arr: Arr, kept: Keeper) -> None:
    if kept.added or kept.monitored:
        await arr.client.set_monitored([kept.library_id], monitored=False)
    if isinstance(arr.client, SonarrClient):
        await arr.client.set_episodes_monitored(kept.episodes, monitored=False)
        await arr.client.set_episodes_monitored(kept.quiet, monitored=True)  # as they were


async def _leave_to(arr: Arr, kept: Keeper, note: Mapping[str, Any], heirs: Collection[Wish]) -> Keeper:
    """Un-monitor the episodes that only the wish that is gone was for."""
    if not isinstance(arr.client, SonarrClient):
        return kept
    episodes = await arr.client.episodes(kept.library_id)
    unwanted = [each for each in episodes if each.monitored and not any(is_wanted(heir, each) for heir in heirs)]
    whole = kept.added or kept.monitored
    gone = {
        each.library_id
        for each in unwanted
        if each.library_id is not None
        and (each.library_id in kept.episodes or (whole and is_of(note["season"], note["episode"], each)))
    }
    await arr.client.set_episodes_monitored(gone, monitored=False)
    before = () if kept.added else gone.difference(kept.episodes)  # a person had set these
    return replace(
        kept,
        episodes=tuple(each for each in kept.episodes if each not in gone),
        quiet=tuple(sorted({*kept.quiet, *before})),
    )
