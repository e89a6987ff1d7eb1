"""Which title a wish means, and its place in the library of an *arr: found there, added, and monitored.

How it is let go of again is told in `watching_letting_go`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from homeassistant.util import dt as dt_util

from .acquire.grabbing import Adding, GrabFailed
from .acquire.query import AROUND, LINK, numbers_of, read_query, spelled_out
from .acquire.searching import CATALOGUE_LATEST
from .clients.arr import ArrClient
from .clients.errors import InvalidAuth, NotFound, RateLimited, Refused
from .clients.sonarr import SonarrClient
from .clients.tmdb import TmdbClient
from .grab_hands import usual_folder, usual_profile
from .model.catalogue import Addition, CatalogueEpisode, CatalogueTitle, Watch
from .model.library import TitleKind
from .model.reasons import Reason
from .model.search import NOBODY, SearchRequest, SourceState
from .releases.attributes import Resolution
from .releases.policy import Policy
from .releases.tokens import fold
from .watching_intents import NEW, Intents
from .watchlist.changing import inherited
from .watchlist.errors import NothingToAsk
from .watchlist.items import Dates, Keeper, Meant, Out, Wish
from .watchlist.known import is_wanted, least_of
from .watchlist.matching import MOST_NAMES
from .wording import clean

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub

#: All catalogues may answer before it is decided which title is meant: nobody waits for it.
PATIENCE: Final = 3 * CATALOGUE_LATEST
#: By which ids a title is asked for, the surest first.
_DATABASES: Final = {TitleKind.MOVIE: ("tmdb", "imdb"), TitleKind.SERIES: ("tvdb", "tmdb", "imdb")}
#: After these a title was not added. After others it may have been, though nobody answered.
_SAID_NO: Final = (Refused, InvalidAuth, NotFound, RateLimited)

type Arr = BackendCoordinator[ArrClient, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What came of asking which title is meant: it, or choices, or why there is neither."""

    title: CatalogueTitle | None = None
    namesakes: frozenset[int] = frozenset()  # the years of others of its kind that are called so, as far as was told
    dates: Dates = field(default_factory=Dates)
    season: int | None = None
    episode: int | None = None
    choices: tuple[Meant, ...] = ()
    why: Reason | None = None
    failed: bool = False  # nobody could be asked; a title may well be called that


def text_of(request: SearchRequest) -> str:
    """Return the text of a wish: as it was said, but without links, which may hold keys.

    Of a link to the page of a title its address stays, with the season or the episode that is said beside it; of a
    magnet or a link to a file what that is called. Raises `NothingToAsk` for a text that names no title.
    """
    today = dt_util.utcnow().date()
    request = replace(request, text=spelled_out(request.text))
    links = [each.strip(AROUND) for each in LINK.findall(request.text)]
    for link in links:
        page = read_query(SearchRequest(text=link), today)
        if page.names_a_title and page.link is None and (parts := urlsplit(link)).hostname:
            return _address(f"https://{parts.hostname}{parts.path}", request.text, today)
    words = LINK.sub(" ", request.text).rstrip(" -\u2013:,<([").lstrip(" -\u2013:,>)]") if links else request.text
    query = read_query(replace(request, text=words or next(iter(links), "")), today)
    if not query.names_a_title or (links and not words and query.link is None):
        raise NothingToAsk(request.text)
    if query.link is None:
        return clean(words)
    return clean(f"{query.text} ({query.year})" if query.year else query.text)


def _address(page: str, said: str, today: date) -> str:
    """Return the address of a title's page, with what a text says besides."""
    numbers = numbers_of(read_query(SearchRequest(text=said), today))
    same = numbers == numbers_of(read_query(SearchRequest(text=page), today))
    return clean(page if same else f"{page} {numbers}")


def _request(wish: Wish, meant: Meant | None) -> SearchRequest:
    if meant is None:
        text, kind, year = wish.text, wish.kind, wish.year
    else:
        text, kind, year = reference(meant) or meant.name, meant.kind, meant.year
    return SearchRequest(
        text=text, kind=kind, year=year, season=wish.season, episode=wish.episode, sources=frozenset({NOBODY})
    )


def reference(meant: Meant) -> str | None:
    """Return the surest id of a title; None: it has none that anybody could be asked for."""
    known = {each.partition(":")[0]: each for each in sorted(meant.ids)}
    return next((known[each] for each in _DATABASES[meant.kind] if each in known), None)


def meant_by(title: CatalogueTitle, namesakes: frozenset[int] = frozenset()) -> Meant:
    """Return what a wish keeps of a title, and of those that are called so, too: the years in which they came out."""
    return Meant(
        kind=title.kind,
        name=title.name,
        year=title.year,
        ids=title.ids,
        poster=title.poster,
        names=tuple(name for name in title.names if name != title.name)[:MOST_NAMES],
        namesakes=namesakes,
    )


def _dates(said: Sequence[CatalogueTitle]) -> Dates:
    """Return when a movie comes out: what one catalogue doesn't tell, another may."""
    return Dates(
        cinema=next((each.in_cinemas_on for each in said if each.in_cinemas_on), None),
        digital=next((each.digital_on for each in said if each.digital_on), None),
        physical=next((each.physical_on for each in said if each.physical_on), None),
    )


def as_title(meant: Meant) -> CatalogueTitle:
    """Return a title as a wish keeps it."""
    return CatalogueTitle(
        kind=meant.kind, name=meant.name, aliases=meant.names, year=meant.year, ids=meant.ids, poster=meant.poster
    )


def search_for(wish: Wish, season: int | None, episode: int | None, policy: Policy) -> SearchRequest:
    """Return how releases of a part of a wish are searched for; without an episode those of the whole season.

    `policy` is that of the wish.
    """
    assert wish.meant is not None  # noqa: S101 -- nothing is searched for before it is known
    request = _request(wish, wish.meant)
    days = (
        each.out_on for each in wish.parts if (each.season, each.episode) == (season, episode) and each.out is Out.AIRED
    )
    return replace(
        request,
        season=season,
        episode=episode,
        aired=next(days, None) if episode is not None else None,
        policy=wish.policy,
        minimum_lines=least_of(wish, policy),
        sources=frozenset(),
    )


def chosen(wish: Wish, said: Collection[str] | int | str) -> Meant | None:
    """Return the choice that is meant: by its number, by its ids, or by its name or year."""
    match said:
        case int():
            return wish.choices[said - 1] if 1 <= said <= len(wish.choices) else None
        case str():
            return _named(wish.choices, said)
    wanted = frozenset(said)
    return next((each for each in wish.choices if each.ids & wanted), None)


def _named(choices: Iterable[Meant], said: str) -> Meant | None:
    """Return the one choice that a text can only mean."""
    text, listed = fold(said.strip()), list(choices)
    if text.isdecimal() and len(text) <= 2:  # noqa: PLR2004 -- years have four
        number = int(text)
        return listed[number - 1] if 1 <= number <= len(listed) else None
    for calls in (lambda each: (each.label,), lambda each: (each.name, str(each.year or ""))):
        found = [each for each in listed if text in {fold(call) for call in calls(each) if call}]
        if len(found) == 1:
            return found[0]
    return None


def _no_catalogue(wish: Wish) -> str:
    """Say whom to connect for a wish: who knows what it may mean."""
    query = read_query(_request(wish, wish.meant), dt_util.utcnow().date())
    films, series = (any(each.may_be(kind) for each in query.readings) for kind in (TitleKind.MOVIE, TitleKind.SERIES))
    if films and series:
        return "watchlist.no_catalogue"
    return f"watchlist.no_catalogue_of_{'films' if films else 'series'}"


def same_place(keeper: Keeper | None, other: Keeper | None) -> bool:
    """Tell whether two are the same title in the library of the same *arr."""
    if keeper is None or other is None:
        return False
    return (keeper.backend_id, keeper.library_id) == (other.backend_id, other.library_id)


def _is_missed(wish: Wish, episode: CatalogueEpisode) -> bool:
    """Tell whether an episode is wanted, and nobody has it or looks for it."""
    return not (episode.monitored or episode.has_file) and is_wanted(wish, episode)


def _ids(episodes: Iterable[CatalogueEpisode]) -> set[int]:
    return {each.library_id for each in episodes if each.library_id is not None}


class Titles:
    """Finds titles, and gives them their place in libraries."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.intents = Intents(hub)

    async def identify(self, wish: Wish) -> Identified:
        """Find out which title a wish means; of one that is known already, all that catalogues tell now."""
        answer = await self._hub.searching.search(_request(wish, wish.meant), deadline=PATIENCE, fresh=True)
        if answer.title is not None and answer.target is not None:
            wanted = answer.target.wanted
            episode = next(iter(wanted.episodes)) if len(wanted.episodes) == 1 else None
            dates = _dates((answer.title, *answer.target.entries))
            others = wanted.namesakes or frozenset()
            return Identified(title=answer.title, namesakes=others, dates=dates, season=wanted.season, episode=episode)
        if answer.choices:
            query = read_query(_request(wish, None), dt_util.utcnow().date())
            episode = next(iter(query.episodes)) if len(query.episodes) == 1 else None
            choices = tuple(meant_by(each) for each in answer.choices)
            return Identified(choices=choices, season=query.season, episode=episode)
        if not answer.catalogues:
            return Identified(why=Reason(key=_no_catalogue(wish)), failed=True)
        if all(each.state in {SourceState.FAILED, SourceState.LATE} for each in answer.catalogues):
            return Identified(why=Reason(key="watchlist.catalogues_failed"), failed=True)
        return Identified(why=Reason(key="watchlist.unknown_title", parameters={"text": wish.text}))

    # --- *arrs ---------------------------------------------------------------------------------------------------

    def arrs(self, kind: TitleKind) -> Iterator[Arr]:
        """Yield the *arrs that manage titles of a kind."""
        for backend in self._hub.backends.values():
            if isinstance(backend.client, ArrClient) and backend.client.title_kind is kind:
                yield backend

    def arr(self, keeper: Keeper | None) -> Arr | None:
        """Return the *arr that has a title in its library; None where it was removed from the hub."""
        backend = self._hub.backends.get(keeper.backend_id) if keeper is not None else None
        return backend if backend is not None and isinstance(backend.client, ArrClient) else None

    async def kept(self, kind: TitleKind, ids: Collection[str]) -> Keeper | None:
        """Return which *arr that answers has a title in its library. Raises `BackendError`."""
        for arr in self.arrs(kind):
            if arr.answering and (there := await arr.client.in_library(ids)) is not None and there.library_id:
                return Keeper(backend_id=arr.subentry_id, library_id=there.library_id)
        return None

    async def keep(self, wish: Wish) -> Keeper:
        """Have an *arr manage the title, monitored: the one that has it already, else the first that answers.

        What is begun is noted before it is done, for as long as the wish doesn't say it; see `Intents`.

        Raises `GrabFailed` where none can add it, and `BackendError`.
        """
        meant = wish.meant
        assert meant is not None  # noqa: S101 -- nobody keeps what isn't known
        answering = [arr for arr in self.arrs(meant.kind) if arr.answering]
        begun = self.intents.of(wish)
        for arr in answering:
            if (there := await arr.client.in_library(meant.ids)) is not None and there.library_id is not None:
                return await self._watch(arr, wish, there, there.library_id, begun)
        if not answering:
            raise GrabFailed(Reason(key="grab.nobody_adds"))
        arr, least = answering[0], least_of(wish, self._hub.searching.policy(wish.policy))
        addition = Addition(
            title=as_title(meant),
            profile_id=await usual_profile(arr.client, Adding(), Resolution(least) if least else None),
            root_folder=await usual_folder(arr.client, Adding()),
            seasons=frozenset({wish.season}) if wish.season is not None and wish.episode is None else frozenset(),
            watch=Watch.NONE if wish.episode is not None else Watch.ALL,
        )
        await self.intents.begin(wish, Keeper(backend_id=arr.subentry_id, library_id=NEW, added=True))
        try:
            added = await arr.client.add(addition)
        except _SAID_NO:
            self.intents.end(wish.id)
            raise
        if (library_id := added.title.library_id) is None:
            raise GrabFailed(Reason(key="grab.nobody_adds"))
        if added.already_there:
            return await self._watch(arr, wish, added.title, library_id, begun)
        keeper = Keeper(backend_id=arr.subentry_id, library_id=library_id, added=True)
        self.intents.note(wish, keeper)
        return keeper

    async def _watch(
        self, arr: Arr, wish: Wish, title: CatalogueTitle, library_id: int, begun: Keeper | None
    ) -> Keeper:
        """Monitor what is in the library already, and note what wasn't monitored before.

        What was `begun` for the wish before is not the person's.

        The episodes of a series that isn't monitored keep their own marks, usually set: Sonarr is kept from looking for
        those that nobody asked for, once it looks for the series.
        """
        keeper = plain = Keeper(backend_id=arr.subentry_id, library_id=library_id)
        if begun is not None and begun.backend_id == arr.subentry_id and begun.library_id in {NEW, library_id}:
            keeper = inherited(keeper, begun)
        series = isinstance(arr.client, SonarrClient)
        episodes = await arr.client.episodes(library_id) if isinstance(arr.client, SonarrClient) else ()
        unwatched = not title.monitored and (series or not title.has_file)
        quiet = _ids(each for each in episodes if unwatched and each.monitored and not is_wanted(wish, each))
        wanted = _ids(each for each in episodes if _is_missed(wish, each))
        news = replace(plain, monitored=unwatched, episodes=tuple(wanted), quiet=tuple(quiet))
        keeper = inherited(keeper, news)
        if keeper != plain:
            await self.intents.begin(wish, keeper)
        if isinstance(arr.client, SonarrClient):
            await arr.client.set_episodes_monitored(quiet, monitored=False)
        if unwatched:
            await arr.client.set_monitored([library_id], monitored=True)
        if isinstance(arr.client, SonarrClient):
            await arr.client.set_episodes_monitored(wanted, monitored=True)
        return keeper

    async def watch_episodes(self, wish: Wish, keeper: Keeper, episodes: Iterable[CatalogueEpisode]) -> Keeper:
        """Monitor the episodes that are wanted and missing, and note which were not monitored. Raises `BackendError`.

        Each only once: what a person changes afterwards is left so.
        """
        arr = self.arr(keeper)
        wanted = _ids(each for each in episodes if _is_missed(wish, each)) - {*keeper.episodes}
        if not wanted or arr is None or not isinstance(arr.client, SonarrClient):
            return keeper
        await arr.client.set_episodes_monitored(wanted, monitored=True)
        return replace(keeper, episodes=(*keeper.episodes, *sorted(wanted)))

    # --- TMDB ----------------------------------------------------------------------------------------------------

    def tmdb(self) -> TmdbClient | None:
        """Return a TMDB that answers."""
        return next(
            (
                backend.client
                for backend in self._hub.backends.values()
                if isinstance(backend.client, TmdbClient) and backend.answering
            ),
            None,
        )
