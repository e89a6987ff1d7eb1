"""A watchlist without an engine: it keeps what it is told, and tells it again, so that its faces can be looked at."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.watchlist.errors import KeptByArr, NoList, NoSuchChoice, NoSuchWish, NothingToAsk, TooMany
from custom_components.sokoul.watchlist.items import ARR, Dates, Meant, Out, Part, PartState, Wish, WishState
from custom_components.sokoul.watchlist.settings import WatchSettings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
DUNE = Meant(
    kind=TitleKind.MOVIE, name="Dune", year=2021, ids=frozenset({"tmdb:438631"}), poster="https://image.example/d.jpg"
)
OLD_DUNE = Meant(kind=TitleKind.MOVIE, name="Dune", year=1984, ids=frozenset({"tmdb:841"}))
BEAR = Meant(kind=TitleKind.SERIES, name="The Bear", year=2022, ids=frozenset({"tvdb:403245"}))

UNCLEAR = Wish(id="unclear", text="dune", asked_at=NOW, state=WishState.UNCLEAR, choices=(DUNE, OLD_DUNE))
COMING = Wish(
    id="coming",
    text="dune messiah",
    asked_at=NOW,
    state=WishState.WAITING,
    meant=Meant(kind=TitleKind.MOVIE, name="Dune: Messiah", year=2026),
    dates=Dates(cinema=TODAY - 10 * DAY, digital=TODAY + 20 * DAY),
    parts=(Part(state=PartState.WAITING, out_on=TODAY + 20 * DAY, out=Out.DIGITAL),),
)
SERIES = Wish(
    id="series",
    text="the bear s3",
    asked_at=NOW,
    season=3,
    state=WishState.SEARCHING,
    meant=BEAR,
    parts=(
        Part(season=3, episode=1, state=PartState.READY, out_on=TODAY - 8 * DAY, ready_at=NOW - 2 * DAY),
        Part(season=3, episode=2, state=PartState.SEARCHING, out_on=TODAY - DAY),
        Part(season=3, episode=3, state=PartState.WAITING, out_on=TODAY + 6 * DAY, name="Doors"),
    ),
)
READY = Wish(
    id="ready",
    text="dune 2",
    asked_at=NOW,
    state=WishState.READY,
    meant=Meant(kind=TitleKind.MOVIE, name="Dune: Part Two", year=2024),
    parts=(Part(state=PartState.READY, ready_at=NOW - DAY),),
)
OFFERED = Wish(
    id="offered",
    text="dune 2021",
    asked_at=NOW,
    resolved_at=NOW,
    state=WishState.OFFERED,
    meant=DUNE,
    parts=(Part(state=PartState.OFFERED, release="Dune.2021.1080p.WEB-DL.H264-GRP"),),
)
OF_RADARR = replace(COMING, id="arr", text="Sicario", asked_by=ARR, meant=replace(DUNE, name="Sicario", year=2015))


class Wishes:
    """What the engine offers to its faces."""

    made: Wishes

    def __init__(self, hub: object) -> None:
        del hub
        Wishes.made = self
        self._wishes: dict[str, Wish] = {}
        self.ready_to_use = True
        self.settings = WatchSettings()
        self.others = SimpleNamespace(more=0)  # that *arrs look for
        self.full = False
        self.asked: list[dict[str, Any]] = []  # how it was asked to add something
        self.fetched: list[tuple[str, str | None]] = []
        self._listeners: list[Callable[[], None]] = []
        self._witnesses: list[Callable[[str, Mapping[str, Any]], None]] = []

    def start(self) -> None:
        """Do nothing by itself."""

    async def stop(self) -> None:
        """Do nothing by itself."""

    # --- for tests -----------------------------------------------------------------------------------------------

    def put(self, *wishes: Wish) -> None:
        self._wishes |= {each.id: each for each in wishes}
        self.tell()

    def tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def happen(self, event: str, **data: Any) -> None:
        for witness in tuple(self._witnesses):
            witness(event, data)

    # --- what faces use ------------------------------------------------------------------------------------------

    @property
    def wishes(self) -> Mapping[str, Wish]:
        return self._wishes

    def change_settings(self, settings: WatchSettings) -> None:
        self.settings = settings
        self.tell()

    def consider_anew(self) -> None:
        """Do nothing by itself."""

    def find(self, said: str) -> Wish | None:
        return next(iter(self.named(said)), None)

    def named(self, said: str) -> list[Wish]:
        return [each for each in self._wishes.values() if said in {each.id, each.label, each.text}]

    def acquired_since(self, moment: datetime) -> int:
        parts = [part for each in self._wishes.values() for part in each.parts]
        return sum(part.ready_at is not None and part.ready_at >= moment for part in parts)

    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def add_witness(self, witness: Callable[[str, Mapping[str, Any]], None]) -> Callable[[], None]:
        self._witnesses.append(witness)
        return lambda: self._witnesses.remove(witness)

    async def add(self, text: str, **more: Any) -> Wish:
        if not self.ready_to_use:
            raise NoList
        if self.full:
            raise TooMany
        if not text.strip():
            raise NothingToAsk
        self.asked.append({"text": text, **more})
        wish = Wish(id=f"new{len(self.asked)}", text=text, asked_at=NOW, asked_by=more.get("asked_by"))
        self.put(wish)
        return wish

    async def choose(self, wish_id: str, ids: Collection[str] | int) -> Wish:
        wish = self._get(wish_id)
        chosen = (
            wish.choices[ids - 1 : ids]
            if isinstance(ids, int)
            else [each for each in wish.choices if each.ids & set(ids)]
        )
        if not chosen:
            raise NoSuchChoice(wish.label, str(ids), len(wish.choices))
        return self._keep(replace(wish, meant=chosen[0], choices=(), state=WishState.WAITING))

    async def change(self, wish_id: str, *, text: str | None = None, **changes: Any) -> Wish:
        wish = self._get(wish_id)
        if text is not None:
            changes |= {"text": text, "meant": None, "choices": (), "state": WishState.ASKED}
        return self._keep(replace(wish, **changes))

    async def set_done(self, wish_id: str, done: bool) -> Wish:  # noqa: FBT001 -- as the engine has it
        return self._keep(replace(self._get(wish_id), done_at=NOW if done else None))

    async def remove(self, wish_ids: Iterable[str]) -> None:
        wishes = [self._get(each) for each in wish_ids]
        for wish in wishes:
            if wish.asked_by == ARR:
                raise KeptByArr(wish.label, "Radarr")
        for wish in wishes:
            del self._wishes[wish.id]
        self.tell()

    async def look(self, wish_id: str | None = None) -> None:
        """Look at a wish: nothing is new."""

    async def fetch(self, wish_id: str, *, actor: str | None = None) -> Wish:
        wish = self._get(wish_id)
        self.fetched.append((wish_id, actor))
        parts = tuple(replace(each, state=PartState.GRABBED) for each in wish.parts)
        return self._keep(replace(wish, state=WishState.GRABBED, parts=parts))

    def _get(self, wish_id: str) -> Wish:
        if wish_id not in self._wishes:
            raise NoSuchWish(wish_id)
        return self._wishes[wish_id]

    def _keep(self, wish: Wish) -> Wish:
        self.put(wish)
        return wish
