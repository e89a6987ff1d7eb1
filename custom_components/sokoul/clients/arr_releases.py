"""Searching, grabbing and what is remembered of both: the part of Radarr and Sonarr that finds a replacement.

How these applications decide, read from the sources of Radarr 6 and Sonarr 4:

- An interactive search judges each release, in English whatever the language of the interface. API v3 gives the
  sentences only; the reasons have names in Sonarr's API v5 alone. The judges are asked in groups, and the first group
  that objects is the last one asked: first profile, size, seeders, the file in the library and the queue; then
  blocklist, indexers that are paused after failures; at last free space.
- Delay profiles, monitoring, availability and history play no part in it.
- A rejected release is grabbed all the same when it is asked for, as long as its title is known.
- A download is followed while the client lists it in the application's category. One that was given up
  (`downloadFailed` or `downloadIgnored` is the last that is known of it) is never followed again, unless it is grabbed
  again. One that only left its category is forgotten without a trace, and is followed as before when it is back.
- One that was given up stays in the client, but a torrent that is finished, stopped and seeded to its limit is removed
  with its data where the download client is set to remove failed downloads.
- One that the application never grabbed can't be given up: Radarr says yes and Sonarr 500, and both list it again a
  minute later. The same with one of an unknown title that is only to be ignored.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from itertools import islice
import re

from ..model.library import Protocol, Title, TitleKind
from ..model.releases import BlocklistEntry, Candidate, Grab, GrabSource, HistoryEvent, HistoryKind
from .errors import UnexpectedResponse
from .fields import Fields, each
from .http import Query
from .info_hash import hash_of_magnet
from .servarr import ServarrClient, instant

#: Every indexer is asked, some through a solver of captchas.
SEARCH_SECONDS = 120.0
#: The application fetches the torrent from the indexer, at most one in two seconds, and gives it to its client.
GRAB_SECONDS = 60.0
#: The best come first; nobody looks at more of them.
MAX_CANDIDATES = 500
PAGE_SIZE = 200
MAX_PAGES = 50
#: `grabbed`: the paged history filters by number where it answers with names.
GRABBED = 1

#: What the queue's judge says, in all versions since Radarr 3 and Sonarr 3. "Proper downloading is disabled" is another
#: of its sentences, but others say it, too.
_QUEUE_OBJECTS = re.compile(
    r"(?:(?:quality for )?release in queue (?:on disk )?"
    r"(?:(?:already meets|meets quality|meets custom format) cutoff: .*"
    r"|is of equal or higher (?:preference|revision): .*"
    r"|has an equal or higher custom format score: .*"
    r"|has custom format score within custom format score increment: .*"
    r"|and quality profile '.*' does not allow upgrades)"
    r"|another release is queued and the quality (?:or language )?profile does not allow upgrades)",
    re.IGNORECASE | re.DOTALL,
)
_INFO_HASH = re.compile(r"[0-9A-Fa-f]{40}")


class ArrReleases(ServarrClient, ABC):
    """Releases, grabs, history and blocklist."""

    # --- searching and grabbing ----------------------------------------------------------------------------------

    async def releases(self, title: Title) -> tuple[Candidate, ...]:
        """Ask every indexer for releases of a movie, an episode or a season, best first, at most 500.

        A season is a title of kind series with its `season`; the answer to it has packs and single episodes, and the
        answer to an episode has packs, too, which are then rejected. It takes up to two minutes.

        Raises `Refused` when the search failed, `ValueError` for what can't be searched for (a whole series).
        Source: GET /release.
        """
        answer = await self._get("release", self._search_query(title), timeout_seconds=SEARCH_SECONDS)
        return tuple(self._candidate(release) for release in islice(each(answer, "release"), MAX_CANDIDATES))

    async def grab(self, candidate: Candidate) -> None:
        """Let the application download a release that was found, even one that it rejected.

        Raises `NotFound` when the search was more than 30 minutes ago (or the application restarted since, or the
        release belongs to no title), `Refused` when the indexer or the download client doesn't take part, or the
        torrent is blocklisted, and `UnexpectedResponse` when there is no download client or it can't be reached.
        After `CannotConnect` it may have been grabbed: the history tells. Source: POST /release.
        """
        await self._http.request(
            "POST",
            f"{self.api}/release",
            json={"guid": candidate.guid, "indexerId": candidate.indexer_id},
            timeout_seconds=GRAB_SECONDS,
        )

    # --- history -------------------------------------------------------------------------------------------------

    async def grab_history(self, download_id: str) -> Grab | None:
        """Return who grabbed a download the last time; None when the application did not grab it.

        `download_id` is as in a queue item. Source: GET /history.
        """
        wanted: Query = {"downloadId": their_id(download_id), "eventType": GRABBED}
        events = [self._event(record) async for record in self._records("history", wanted)]
        kinds = {HistoryKind.GRABBED, HistoryKind.UNKNOWN}  # a newer version may call it otherwise
        grabs = [event for event in events if event.download_id == download_id and event.kind in kinds]
        if not grabs:
            return None
        last = max(grabs, key=lambda event: event.at)
        return Grab(
            history_id=last.id,
            at=last.at,
            release=last.release,
            title_ids=frozenset(event.title_id for event in grabs),
            indexer=last.indexer,
            indexer_id=last.indexer_id,
            source=last.source,
        )

    async def history(self, since: datetime, title_ids: Collection[int] = ()) -> tuple[HistoryEvent, ...]:
        """Return what happened since a moment, oldest first, to these movies or episodes; none given: to all.

        Meant for minutes or hours: the answer has everything since then. Source: GET /history/since.
        """
        answer = await self._get("history/since", {"date": instant(since)})
        events = (self._event(record) for record in each(answer, "history/since"))
        # times are sent in whole seconds
        found = [event for event in events if event.at >= since and (not title_ids or event.title_id in title_ids)]
        return tuple(sorted(found, key=lambda event: (event.at, event.id)))

    # --- blocklist -----------------------------------------------------------------------------------------------

    async def blocklist(self, titles: Collection[Title]) -> tuple[BlocklistEntry, ...]:
        """Return the releases that are blocked for any of these titles, newest first. Source: GET /blocklist."""
        if not titles:
            return ()
        wanted = self._blocklist_query(titles)
        entries = [self._blocklist_entry(record) async for record in self._records("blocklist", wanted)]
        return tuple(entry for entry in entries if self._concerns(entry, titles))

    async def remove_from_blocklist(self, entry_id: int) -> None:
        """Allow one release again. One that isn't blocked is no error. Source: DELETE /blocklist/{id}."""
        await self._http.request("DELETE", f"{self.api}/blocklist/{entry_id}")

    # --- what a kind of title adds -------------------------------------------------------------------------------

    @abstractmethod
    def _search_query(self, title: Title) -> Query:
        """Return what asks for the releases of a title."""

    @abstractmethod
    def _candidate_titles(self, release: Fields) -> frozenset[int]:
        """Return the ids of what the application takes a release for."""

    def _candidate_episodes(self, release: Fields) -> tuple[int | None, frozenset[int]]:  # noqa: ARG002 -- movies have none
        """Return the season and the episodes in it that the application takes a release for."""
        return None, frozenset()

    @abstractmethod
    def _title_id(self, record: Fields) -> int:
        """Return the id of the movie or episode of a record of the history."""

    @abstractmethod
    def _blocklist_query(self, titles: Collection[Title]) -> Query:
        """Return what asks for the blocked releases of titles. Older versions answer with all."""

    @abstractmethod
    def _blocked_titles(self, record: Fields) -> frozenset[int]:
        """Return the ids of the titles that a release is blocked for."""

    @staticmethod
    def _concerns(entry: BlocklistEntry, titles: Collection[Title]) -> bool:
        return any(
            entry.series_id == title.id if title.kind is TitleKind.SERIES else title.id in entry.title_ids
            for title in titles
        )

    # --- records -------------------------------------------------------------------------------------------------

    async def _records(self, path: str, params: Query) -> AsyncIterator[Fields]:
        """Yield the records of a paged list, newest first, each once though the list changes while it is read."""
        seen: set[int] = set()
        order = {"sortKey": "date", "sortDirection": "descending"}
        for number in range(1, MAX_PAGES + 1):
            answer = await self._get(path, {"page": number, "pageSize": PAGE_SIZE, **order, **params})
            page = Fields(answer, path)
            before = len(seen)
            for record in each(page.raw("records"), f"{path}.records"):
                if (id_ := record.whole("id")) not in seen:
                    seen.add(id_)
                    yield record
            if number * PAGE_SIZE >= page.whole("totalRecords") or len(seen) == before:
                return

    def _candidate(self, release: Fields) -> Candidate:
        approved = release.flag("approved", False)
        rejections = release.texts("rejections")
        season, episodes = self._candidate_episodes(release)
        return Candidate(
            guid=release.text("guid"),
            indexer_id=release.whole("indexerId"),
            indexer=release.text("indexer", ""),
            title=release.text("title", ""),
            protocol=release.choice("protocol", Protocol),
            size_bytes=int(release.number("size", 0)),
            info_hash=told_hash(release),
            seeders=release.optional_whole("seeders"),
            leechers=release.optional_whole("leechers"),
            quality=quality_name(release),
            score=release.whole("customFormatScore", 0),
            weight=release.whole("releaseWeight", 0),
            age=age_of(release.number("ageMinutes", 0)),
            approved=approved,
            rejections=rejections,
            only_queue_objects=only_queue_objects(rejections) if rejections else approved,
            download_allowed=release.flag("downloadAllowed", False),
            title_ids=self._candidate_titles(release),
            season=season,
            episodes=episodes,
            full_season=release.flag("fullSeason", False),
        )

    def _event(self, record: Fields) -> HistoryEvent:
        data = record.optional_object("data") or Fields({}, "history.data")
        at = record.moment("date")
        if at is None:
            raise UnexpectedResponse("history.date: expected a time, got nothing")
        indexer_id = data.text("indexerId", "")
        info_hash = data.text("torrentInfoHash", "")
        return HistoryEvent(
            id=record.whole("id"),
            kind=record.choice("eventType", HistoryKind),
            at=at,
            title_id=self._title_id(record),
            release=record.text("sourceTitle", ""),
            download_id=our_id(record.optional_text("downloadId")),
            indexer=data.optional_text("indexer"),
            indexer_id=int(indexer_id) if indexer_id.isdecimal() and indexer_id != "0" else None,
            source=_source(data),
            info_hash=info_hash.lower() if _INFO_HASH.fullmatch(info_hash) else None,
            message=data.optional_text("message"),
        )

    def _blocklist_entry(self, record: Fields) -> BlocklistEntry:
        return BlocklistEntry(
            id=record.whole("id"),
            release=record.text("sourceTitle", ""),
            title_ids=self._blocked_titles(record),
            series_id=record.optional_whole("seriesId"),
            at=record.moment("date"),
            protocol=record.choice("protocol", Protocol),
            indexer=record.optional_text("indexer"),
            message=record.optional_text("message"),
        )


def only_queue_objects(rejections: Collection[str]) -> bool:
    """Tell whether all of these sentences are about what is in the queue. One that isn't known is not."""
    return all(_QUEUE_OBJECTS.fullmatch(rejection.strip()) for rejection in rejections)


def our_id(download_id: str | None) -> str | None:
    """Return a download's id as queue items have it: info hashes in lower case, ids of usenet clients as they are."""
    return download_id.lower() if download_id and _INFO_HASH.fullmatch(download_id) else download_id or None


def their_id(download_id: str) -> str:
    """Return a download's id as the applications spell and compare it: info hashes in upper case."""
    return download_id.upper() if _INFO_HASH.fullmatch(download_id) else download_id


def quality_name(record: Fields) -> str | None:
    """Return the name of the quality of a release or file."""
    model = record.optional_object("quality")
    quality = model.optional_object("quality") if model else None
    return quality.optional_text("name") if quality else None


def _source(data: Fields) -> GrabSource:
    try:
        return GrabSource(data.text("releaseSource", "Unknown"))
    except ValueError:
        return GrabSource.UNKNOWN


def age_of(minutes: float) -> timedelta:
    """Return an age; indexers give dates of the future and of the year 1."""
    return timedelta(minutes=min(max(minutes, 0), 60 * 24 * 36_500))


def told_hash(release: Fields) -> str | None:
    """Return the info hash in lower case, hex; the magnet link has it where the field is left out."""
    told = release.text("infoHash", "")
    return hash_of_magnet(f"magnet:?xt=urn:btih:{told}") or hash_of_magnet(release.text("magnetUrl", ""))
