"""Who offers releases: *arrs which search themselves, the mirrors of debrid accounts, and what is here already."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
import re
from typing import TYPE_CHECKING, Any, Final

from homeassistant.util import dt as dt_util

from .acquire.asking import Question, questions
from .acquire.ports import AskingFailed, SourceAnswer, Target
from .clients.arr import ArrClient
from .clients.errors import BackendError
from .clients.newznab import CATEGORIES
from .clients.prowlarr import ProwlarrClient
from .clients.real_debrid import RealDebridClient
from .clients.sonarr import SonarrClient
from .clients.torznab import TorznabClient
from .model.catalogue import CatalogueTitle
from .model.debrid import DebridCode, DebridPriority, DebridStatus
from .model.debrid_mirror import DebridQuery, Presence
from .model.library import Protocol, Title, TitleKind
from .model.reasons import Reason
from .model.releases import Candidate, Offer, Offers, offer_of
from .releases.names import transcribed
from .releases.tokens import fold
from .search_catalogues import check_answering, failure
from .store import Store, StoreError

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub

#: What is on its way or here. No backend has this id.
DOWNLOADS: Final = "downloads"
#: Says of what an *arr has already that it does.
HERE: Final = "search.here"
#: So many names of a title are looked for in a mirror, and so many torrents of each are looked at.
MOST_NAMES: Final = 4
MOST_FOUND: Final = 200
#: Of a whole series so many seasons are searched for, so many at once, and waited for as long as for one.
MOST_SEASONS: Final = 12
SEASONS_AT_ONCE: Final = 2
SEASONS_LATEST_SECONDS: Final = 120
#: So many releases of each indexer: the best are rarely behind them.
MOST_OF_INDEXER: Final = 100
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"['\u2019]")
#: What names say in different ways: "Part Two", "2", "II", "and", "&".
_VARYING = re.compile(
    r"\d{1,2}|[ivx]+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|deux|trois"
    r"|part|partie|chapter|chapitre|vol|volume|and|et|the|a|le|la|les"
)


class ArrSearch:
    """The interactive search of the *arr that has a title in its library."""

    def __init__(self, backend: BackendCoordinator[ArrClient, Any], entry: CatalogueTitle) -> None:
        self._backend = backend
        self._entry = entry
        self.key = backend.subentry_id
        self.name = backend.title

    async def offers(self, target: Target) -> SourceAnswer:
        """Return what its indexers have, with its opinion. It takes as long as its slowest indexer."""
        check_answering(self._backend)
        if is_whole_series(target):
            return await self._seasons()
        try:
            title, is_here = await self._title(target)
            if title is None:  # an episode that it doesn't know
                return SourceAnswer()
            found = await self._backend.client.releases(title)
        except BackendError as error:
            raise failure(error) from error
        remarks = (Reason(key=HERE, parameters={"title": title.label}),) if is_here else ()
        return SourceAnswer(tuple(offer_of(each) for each in found), remarks)

    async def _seasons(self) -> SourceAnswer:
        """Search for each season, the first ones first: it never searches for a whole series.

        Seasons that are left out, or took too long, are named; only where none of them was answered it has failed.
        """
        entry = self._entry
        assert entry.library_id is not None  # noqa: S101 -- it is asked only for what it has
        numbers = sorted(each.number for each in entry.seasons if each.number > 0 and each.episodes != 0)
        slots = asyncio.Semaphore(SEASONS_AT_ONCE)

        async def search(title: Title) -> tuple[Candidate, ...]:
            async with slots:
                return await self._backend.client.releases(title)

        asked = {
            number: asyncio.create_task(
                search(Title(kind=entry.kind, id=entry.library_id, name=entry.name, year=entry.year, season=number))
            )
            for number in numbers[:MOST_SEASONS]
        }
        try:
            await asyncio.wait(asked.values(), timeout=SEASONS_LATEST_SECONDS)
        finally:
            for task in asked.values():
                task.cancel()
            answers = await asyncio.gather(*asked.values(), return_exceptions=True)
        return _of_seasons(numbers, dict(zip(asked, answers, strict=True)))

    async def _title(self, target: Target) -> tuple[Title | None, bool]:
        """Return what is to be searched for, and whether it is known that the *arr has it."""
        wanted, entry = target.wanted, self._entry
        if entry.library_id is None:
            return None, False
        whole = Title(kind=entry.kind, id=entry.library_id, name=entry.name, year=entry.year, season=wanted.season)
        if entry.kind is TitleKind.MOVIE or not wanted.episodes:
            return whole, False
        client = self._backend.client
        if not isinstance(client, SonarrClient) or wanted.season is None:
            return None, False
        if len(wanted.episodes) > 1:  # a season's answer has its episodes, too
            return whole, False
        episodes = await client.season(entry.library_id, wanted.season)
        known = next((each for each in episodes if each.title.episode in wanted.episodes), None)
        return (None, False) if known is None else (known.title, known.has_file)


def _of_seasons(numbers: Sequence[int], answers: Mapping[int, tuple[Candidate, ...] | BaseException]) -> SourceAnswer:
    """Return what searches for seasons found: what holds several of them once. Raises `AskingFailed`."""
    failed = [each for each in answers.values() if isinstance(each, BaseException)]
    for error in failed:
        if not isinstance(error, BackendError | asyncio.CancelledError):
            raise error
    if answers and len(failed) == len(answers):
        said = next((each for each in failed if isinstance(each, BackendError)), None)
        raise failure(said) if said is not None else AskingFailed(Reason(key="search.no_answer"))
    found = {number: each for number, each in answers.items() if not isinstance(each, BaseException)}
    left = tuple(str(number) for number in numbers if number not in found)
    remarks = (Reason(key="search.seasons_left", parameters={"seasons": left}),) if left else ()
    return SourceAnswer(_each_once(map(offer_of, each) for each in found.values()), remarks)


def is_whole_series(target: Target) -> bool:
    """Tell whether all of a series is wanted."""
    return target.wanted.kind is TitleKind.SERIES and target.wanted.season is None and target.wanted.aired is None


def can_search(target: Target) -> bool:
    """Tell whether an *arr can be asked: not for what was aired on a day."""
    return target.wanted.kind is TitleKind.MOVIE or target.wanted.season is not None or is_whole_series(target)


async def _ask(backend: BackendCoordinator[Any, Any], target: Target, question: Question, **more: Any) -> Offers:
    """Ask a Prowlarr or a feed."""
    check_answering(backend)
    try:
        found: Offers = await backend.client.search(
            question.text,
            kind=question.kind,
            ids=question.ids,
            season=question.season,
            episode=question.episode,
            aired=question.aired,
            year=question.year,
            categories=() if question.kind is not None else CATEGORIES[target.wanted.kind],
            **more,
        )
    except BackendError as error:
        raise failure(error) from error
    return found


async def _ask_in_all_ways(
    backend: BackendCoordinator[Any, Any], target: Target, **more: Any
) -> tuple[list[Offers], tuple[Reason, ...]]:
    """Ask for a title in all ways, and return what they bring, the surest first, and what is missing.

    By ids only some indexers find a title under all its names; the others are asked for those names, too. Raises
    `AskingFailed` where all ways fail.
    """
    asked = [_ask(backend, target, question, **more) for question in questions(target)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    found = [each for each in answers if not isinstance(each, BaseException)]
    for error in answers:
        if isinstance(error, BaseException) and not (found and isinstance(error, AskingFailed)):
            raise error
    return found, (Reason(key="search.partly_failed"),) if len(found) < len(answers) else ()


class IndexerSearch:
    """The indexers behind a Prowlarr."""

    def __init__(self, backend: BackendCoordinator[ProwlarrClient, Any]) -> None:
        self._backend = backend
        self.key = backend.subentry_id
        self.name = backend.title

    async def offers(self, target: Target) -> SourceAnswer:
        """Return what its indexers have. It takes as long as the slowest of them."""
        answers, remarks = await _ask_in_all_ways(self._backend, target, limit=MOST_OF_INDEXER)
        failing = self._names(frozenset[int]().union(*(each.failing for each in answers)))
        if all(each.all_failed for each in answers):
            if not failing:  # there is none to be asked
                raise AskingFailed(Reason(key="search.no_indexers"))
            raise AskingFailed(Reason(key="search.all_indexers_failed", parameters={"names": failing}))
        if failing:
            remarks = (*remarks, Reason(key="search.indexers_failed", parameters={"names": failing}))
        return SourceAnswer(_each_once(each.offers for each in answers), remarks)

    def _names(self, indexer_ids: Collection[int]) -> tuple[str, ...]:
        snapshot = self._backend.data
        known = {each.id: each.name for each in snapshot.indexers} if snapshot is not None else {}
        return tuple(known.get(each, str(each)) for each in sorted(indexer_ids))


def _each_once(answers: Iterable[Iterable[Offer]]) -> tuple[Offer, ...]:
    """Return what several answers offer, each once."""
    offers = (offer for answer in answers for offer in answer)
    return tuple({(each.indexer_id, each.guid or (each.name, each.size_bytes)): each for each in offers}.values())


class FeedSearch:
    """A Torznab feed."""

    def __init__(self, backend: BackendCoordinator[TorznabClient, Any]) -> None:
        self._backend = backend
        self.key = backend.subentry_id
        self.name = backend.title

    async def offers(self, target: Target) -> SourceAnswer:
        """Return what it has."""
        answers, remarks = await _ask_in_all_ways(self._backend, target)
        return SourceAnswer(_each_once(each.offers for each in answers), remarks)


class MirrorSearch:
    """The torrents that a debrid account holds already, by their names."""

    def __init__(self, store: Store, account: str, title: str) -> None:
        self._store = store
        self._account = account
        self.key = account
        self.name = title

    async def offers(self, target: Target) -> SourceAnswer:
        """Return what the mirror has. Nobody outside is asked."""
        found: dict[str, Offer] = {}
        for words in distinct_words(target.wanted.names):
            query = DebridQuery(words=words, statuses=(DebridStatus.DOWNLOADED,), limit=MOST_FOUND)
            try:
                page, _ = await self._store.mirror_view.find(self._account, query)
            except StoreError as error:
                raise AskingFailed(Reason(key="search.store_failed")) from error
            for each in page:
                torrent = each.torrent
                found[torrent.id] = Offer(
                    name=torrent.filename,
                    indexer=self.name,
                    protocol=Protocol.TORRENT,
                    size_bytes=torrent.size_bytes,
                    info_hash=torrent.hash or None,
                    age=dt_util.utcnow() - torrent.added_at,
                    cached=True,
                    guid=torrent.id,
                )
        return SourceAnswer(tuple(found.values()))


class LinkSearch:
    """A link that a person brought, at a debrid account that may make one of it that can be downloaded from."""

    def __init__(self, backend: BackendCoordinator[RealDebridClient, Any]) -> None:
        self._backend = backend
        self.key = f"{backend.subentry_id}:link"
        self.name = backend.title

    async def offers(self, target: Target) -> SourceAnswer:
        """Return what is behind the link; nothing where the service doesn't know its host."""
        check_answering(self._backend)
        if target.link is None:
            return SourceAnswer()
        try:
            found = await self._backend.client.unrestrict(target.link, priority=DebridPriority.PERSON)
        except BackendError as error:
            if error.code == DebridCode.UNSUPPORTED_HOSTER:
                return SourceAnswer()
            raise failure(error) from error
        offer = Offer(
            name=found.filename,
            indexer=self.name,
            protocol=Protocol.UNKNOWN,
            size_bytes=found.size_bytes,
            cached=True,
            link=target.link,
        )
        return SourceAnswer((offer,))


def is_address(link: str | None) -> bool:
    """Tell whether a link is one to a host of files; a magnet is none."""
    return link is not None and link[:8].lower().startswith(("http://", "https://"))


class MirrorHoldings:
    """What all debrid accounts hold."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def held(self, hashes: Collection[str]) -> frozenset[str]:
        """Return which of these torrents an account holds, whole."""
        found: set[str] = set()
        for mirror in tuple(self._hub.debriding.accounts.values()):
            with suppress(StoreError):
                known = await mirror.store.mirror_view.torrents(
                    mirror.account, hashes=hashes, presence=Presence.PRESENT
                )
                found.update(each.torrent.hash for each in known if each.torrent.status is DebridStatus.DOWNLOADED)
        return frozenset(found)


class DownloadsSearch:
    """What is in a download client or in the queue of an *arr."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.key = DOWNLOADS
        self.name = hub.entry.title

    async def offers(self, target: Target) -> SourceAnswer:
        """Return the downloads that may be of the title. Whether they are, their names tell."""
        downloads = [
            (each.release, each.key if each.torrent is not None else None, each.size_bytes, each.client_id)
            for each in await self._hub.view.index(dt_util.utcnow())
        ]
        named = distinct_words(target.wanted.names)
        names = await asyncio.to_thread(_fitting, [release for release, *_ in downloads], named)
        backends = self._hub.backends
        return SourceAnswer(
            tuple(
                Offer(
                    name=release,
                    indexer=backends[client].title if client in backends else self.name,
                    protocol=Protocol.TORRENT if info_hash else Protocol.UNKNOWN,
                    size_bytes=size,
                    info_hash=info_hash,
                )
                for release, info_hash, size, client in downloads
                if release in names
            )[:MOST_FOUND]
        )


def distinct_words(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return what every release of a title has in its name, for each of its names that says something else.

    What is around an apostrophe are two: `L.Amour` has no "lamour" in it, and both have "amour". Numbers, small words
    and single letters are written in many ways, and left out; of names that have nothing else, all is taken. Umlauts
    may be transcribed: of names with some, what is said then comes after all others.
    """
    plain = tuple(names)
    others = [other for name in plain if (other := transcribed(name)) is not None]
    first = dict.fromkeys(words for name in plain for words in _lasting_words(name))
    found = first | dict.fromkeys(words for name in others for words in _lasting_words(name))
    kept = [each for each in found if not any(set(other) < set(each) for other in found)]
    as_written = [each for each in kept if each in first]
    return (*as_written[:MOST_NAMES], *[each for each in kept if each not in first][:MOST_NAMES])


def _lasting_words(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a name that every release has; initials with dots between them, and without."""
    words = _WORD.findall(fold(_APOSTROPHE.sub(" ", name)))
    lasting = tuple(word for word in words if not _VARYING.fullmatch(word) and not _is_letter(word))
    if lasting:
        yield lasting
    elif len(words) > 1 and all(map(_is_letter, words)):  # "S.W.A.T."
        yield ("".join(words),)
        yield (" ".join(words),)
    elif words:
        yield tuple(words)


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isascii() and word.isalpha()


def _fitting(releases: Sequence[str], named: Sequence[Sequence[str]]) -> frozenset[str]:
    """Return the releases whose names have all words of one of the names."""
    return frozenset(
        release
        for release in releases
        if (folded := " ".join(_WORD.findall(fold(release))))
        and any(all(word in folded for word in words) for words in named)
    )
