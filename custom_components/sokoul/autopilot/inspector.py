"""Looking up what a rule wants to know about one download, at the backends that can tell."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace

from ..model.backend import Backend
from ..model.downloads import TrackerStatus
from ..model.library import Privacy
from ..model.releases import Grab, ImportCandidate, TitleDetails
from ..model.world import Claim, World
from .ports import ArrHands, Hands, TorrentHands
from .rules.base import Case, Facts, Look

#: How Prowlarr names an indexer that it gave to an *arr.
_SYNCED = " (Prowlarr)"


class _Away(Exception):  # noqa: N818 -- ends a look, nothing more
    """A backend that could tell does not answer."""


class BackendInspector:
    """Asks the backends through the hands of the autopilot."""

    def __init__(self, hands: Hands, world: Callable[[], World]) -> None:
        self._hands = hands
        self._world = world

    async def look(self, case: Case, looks: Collection[Look]) -> Facts | None:
        """Return the facts of a case with these looked up; None when a backend could not be asked."""
        facts = case.facts
        try:
            for look in sorted(looks):
                facts = await self._look_at(look, case, facts)
        except _Away:
            return None
        except self._hands.errors:
            return None
        return replace(facts, looked=facts.looked | frozenset(looks))

    def backend(self, backend_id: str) -> Backend | None:
        """Return a backend as it was last seen: while something lasts it may have gone."""
        return self._world().backends.get(backend_id)

    async def any_tracker_works(self, client_id: str, hashes: Collection[str]) -> bool:
        """Tell whether any tracker of these torrents answers at this moment."""
        client = self._hands.torrents(client_id)
        if client is None:
            return False
        for torrent_hash in hashes:
            with suppress(*self._hands.errors):
                trackers = await client.trackers(torrent_hash)
                if any(each.status is TrackerStatus.WORKING for each in trackers):
                    return True
        return False

    async def _look_at(self, look: Look, case: Case, facts: Facts) -> Facts:
        match look:
            case Look.ORIGIN:
                return await self._origin(case, facts)
            case Look.PRIVACY:
                return replace(facts, private=await self._private(case))
            case Look.TRACKERS:
                return replace(facts, trackers=await self._client(case).trackers(case.download.key))
            case Look.FILES:
                return replace(facts, files=await self._client(case).files(case.download.key))
            case Look.TITLES:
                return await self._titles(case, facts)
            case Look.IMPORT:
                return await self._choices(case, facts)

    async def _origin(self, case: Case, facts: Facts) -> Facts:
        """Ask every *arr that waits for it: what a person chose at any of them they chose."""
        grabs: list[Grab] = []
        for claim in case.download.claims:
            if claim.item.download_id is not None:
                grab = await self._arr(claim).grab_history(claim.item.download_id)
                grabs += [grab] if grab is not None else []
        if not grabs:
            return facts
        by_hand = [grab.by_hand for grab in grabs]
        return replace(
            facts,
            by_hand=True if True in by_hand else None if None in by_hand else False,
            grabbed_at=max(grab.at for grab in grabs),
            indexer_privacy=_least_public([self._privacy_of(grab.indexer) for grab in grabs]),
        )

    def _privacy_of(self, indexer: str | None) -> Privacy | None:
        """Return who may use an indexer, by its name at the *arr; two of one name that differ tell nothing."""
        if not indexer:
            return None
        name = indexer.removesuffix(_SYNCED).casefold()
        found = {
            each.privacy
            for _, manager in self._world().indexer_managers
            for each in manager.indexers
            if each.name.casefold() == name
        }
        return found.pop() if len(found) == 1 else None

    async def _private(self, case: Case) -> bool | None:
        torrent = case.download.torrent
        if torrent is None or torrent.private is not None:
            return torrent.private if torrent else None
        return await self._client(case).is_private(torrent.hash)

    async def _titles(self, case: Case, facts: Facts) -> Facts:
        found: dict[str, tuple[TitleDetails, ...]] = {}
        for claim in case.download.claims:
            if claim.item.titles:
                details = await self._arr(claim).titles([title.id for title in claim.item.titles])
                found[claim.backend_id] = (*found.get(claim.backend_id, ()), *details)
        return replace(facts, titles=found)

    async def _choices(self, case: Case, facts: Facts) -> Facts:
        found: dict[str, tuple[ImportCandidate, ...]] = {}
        for claim in case.download.claims:
            if claim.item.download_id is not None:
                candidates = await self._arr(claim).import_candidates(claim.item.download_id)
                found[claim.backend_id] = (*found.get(claim.backend_id, ()), *candidates)
        return replace(facts, choices=found)

    def _arr(self, claim: Claim) -> ArrHands:
        arr = self._hands.arr(claim.backend_id)
        if arr is None:
            raise _Away
        return arr

    def _client(self, case: Case) -> TorrentHands:
        client = self._hands.torrents(case.download.client_id)
        if client is None:
            raise _Away
        return client


def _least_public(found: Collection[Privacy | None]) -> Privacy | None:
    """Return the privacy of what came from several places: private when one of them is, public when all are."""
    for privacy in (Privacy.PRIVATE, Privacy.SEMI_PRIVATE, None, Privacy.UNKNOWN):
        if privacy in found:
            return privacy
    return Privacy.PUBLIC
