"""The hands of a grab: the *arrs, torrent clients and debrid accounts of the hub, and what is known of them now."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

from .acquire.grabbing import (
    Adding,
    Aim,
    AlreadyThere,
    ArrPlace,
    ClientPlace,
    DebridPlace,
    GrabFailed,
    Shelter,
    Situation,
    Trace,
    TrafficLeft,
    Way,
)
from .acquire.links import LinkRefused, Payload, read_magnet, resolve
from .acquire.ports import Target
from .autopilot.guards.vpn_types import VpnState
from .clients.arr import ArrClient
from .clients.errors import BackendError, CannotConnect, NotFound, RateLimited, Refused, UnexpectedResponse
from .clients.qbittorrent import QbittorrentClient
from .clients.real_debrid import MAX_PAGE, RealDebridClient
from .connectors.holding import holds
from .const import DOMAIN
from .debrid.retrying import added_by
from .debrid_hands import surely_not_done
from .grab_links import LinkHands
from .hands import HubHands
from .model.backend import DOWNLOAD_CLIENT_KINDS
from .model.catalogue import Addition
from .model.debrid import FAILED_STATUSES, DebridCode, DebridPriority, DebridSnapshot, DebridStatus, DebridTorrent
from .model.debrid_mirror import Presence
from .model.downloads import ACTIVE_STATES, DownloadClientSnapshot, DownloadState
from .model.hold import Holder
from .model.library import (
    ArrSnapshot,
    IndexerManagerSnapshot,
    Privacy,
    Protocol,
    QueueItem,
    Title,
    TitleKind,
)
from .model.reasons import Reason
from .model.releases import Candidate, HistoryKind, Offer, ResolvedLink
from .releases.attributes import Resolution
from .releases.merge import Release
from .releases.qualities import lines_of
from .store import StoreError

if TYPE_CHECKING:
    from .hub import AnyCoordinator, Hub

#: What is grabbed for nobody's library has this category, and everything that we add this tag.
CATEGORY = TAG = DOMAIN
#: qBittorrent lists what was added within its refresh interval of 1.5 s.
PAUSE_SECONDS = 2.0
#: Clocks of backends differ a little.
SKEW = timedelta(minutes=2)
#: The links of a release are followed for so long, all of them: what lets us wait holds up all other grabs.
LINKS_SECONDS = 60.0
#: So often files are selected before the rest is left to the care of the account.
SELECTIONS = 3
#: Real-Debrid keeps torrents at its own hoster.
TORRENT_HOST = "real-debrid.com"
#: What takes its room by itself.
_TAKING = ACTIVE_STATES | {DownloadState.QUEUED}
_SAFE = frozenset({VpnState.SAFE, VpnState.CONTAINED})
PERSON = DebridPriority.PERSON


class HubGrabHands:
    """Does at the backends what a grab wants done."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.links = LinkHands(hub)
        self._hands = HubHands(hub)

    # --- who there is --------------------------------------------------------------------------------------------

    async def situation(self, target: Target, release: Release) -> Situation:
        """Return who there is to download."""
        return Situation(
            arrs=tuple(self._arrs(target)),
            clients=tuple(self._clients()),
            debrids=tuple([each async for each in self._debrids(release.info_hash)]),
        )

    def _arrs(self, target: Target) -> Iterator[ArrPlace]:
        for backend in self._hub.backends.values():
            if not isinstance(backend.client, ArrClient):
                continue
            entry = target.entry_of(backend.subentry_id)
            client_id, category = self._client_of(backend.subentry_id)
            yield ArrPlace(
                id=backend.subentry_id,
                name=backend.title,
                kind=backend.client.title_kind,
                answers=backend.answering,
                library_id=entry.library_id if entry is not None else None,
                client_id=client_id,
                category=category,
            )

    def _client_of(self, arr_id: str) -> tuple[str | None, str]:
        """Return the torrent client of ours that an *arr uses, and its category there."""
        world = self._hub.view.world(dt_util.utcnow())
        arr = world.backends[arr_id].arr if arr_id in world.backends else None
        if arr is not None:
            links = {link.id: link for link in arr.wiring.download_clients if link.enabled}
            for edge in world.topology.edges:
                link = links.get(edge.link_id)
                target = world.backends.get(edge.target)
                ours = target is not None and target.kind in DOWNLOAD_CLIENT_KINDS
                if edge.source == arr_id and ours and link is not None and link.protocol is Protocol.TORRENT:
                    return edge.target, link.category or ""
        return None, ""

    def may_use_usenet(self, kind: TitleKind) -> bool:
        """Tell whether an *arr for such titles has a client for Usenet, or nobody knows yet: nobody else has any."""
        return any(
            isinstance(backend.client, ArrClient)
            and backend.client.title_kind is kind
            and (not isinstance(backend.data, ArrSnapshot) or _uses_usenet(backend.data))
            for backend in self._hub.backends.values()
        )

    def _clients(self) -> Iterator[ClientPlace]:
        for backend in self._hub.backends.values():
            if not isinstance(backend.client, QbittorrentClient):
                continue
            snapshot = backend.data if isinstance(backend.data, DownloadClientSnapshot) else None
            yield ClientPlace(
                id=backend.subentry_id,
                name=backend.title,
                answers=backend.answering,
                shelter=self._shelter(backend),
                held=bool(held_by := self._holder(backend)),
                held_by=held_by,
                free_bytes=snapshot.transfer.free_bytes if snapshot is not None else None,
                promised_bytes=_promised(snapshot) if snapshot is not None else 0,
            )

    def _holder(self, backend: AnyCoordinator) -> str:
        """Return who keeps a client from starting anything; empty: nobody."""
        found = set(holds(backend.memory))
        governor = self._hub.governing.clients.get(backend.subentry_id)
        if governor is not None and governor.decision.demand.pause:  # it is about to be held, if it isn't yet
            found.add(Holder.GOVERNOR)
        return next((str(each) for each in (Holder.VPN, Holder.PERSON, Holder.GOVERNOR) if each in found), "")

    def _shelter(self, backend: AnyCoordinator) -> Shelter:
        guard = self._hub.guarding.clients.get(backend.subentry_id)
        verdict = guard.verdict if guard is not None else None
        if verdict is None:
            return Shelter.UNSAFE if guard is not None and guard.guards and guard.on else Shelter.NONE
        if verdict.state in _SAFE:
            return Shelter.SAFE
        return Shelter.UNPROVEN if verdict.state is VpnState.UNVERIFIED and not verdict.stop else Shelter.UNSAFE

    async def _debrids(self, info_hash: str | None) -> AsyncIterator[DebridPlace]:
        now = dt_util.utcnow()
        for backend in self._hub.backends.values():
            if not isinstance(backend.client, RealDebridClient):
                continue
            snapshot = backend.data if isinstance(backend.data, DebridSnapshot) else None
            active = snapshot.active if snapshot is not None else None
            over = _over_since(snapshot, now)
            yield DebridPlace(
                id=backend.subentry_id,
                name=backend.title,
                answers=backend.answering,
                premium=snapshot is None or (snapshot.account.premium and over is None),
                over_since=over,
                quiet_until=backend.client.budget.state(now).paused_until,
                traffic=_traffic_left(snapshot),
                free_slots=active.limit - active.count if active is not None else None,
                has=await self._has(backend.subentry_id, info_hash),
            )

    async def _has(self, account: str, info_hash: str | None) -> bool | None:
        """Tell whether an account has a torrent, whole, as far as its mirror knows; None: there is none yet."""
        mirror = self._hub.debriding.accounts.get(account)
        if mirror is None or info_hash is None or mirror.checked_at is None:
            return None
        with suppress(StoreError):
            known = await mirror.store.mirror_view.torrents(account, hashes=[info_hash], presence=Presence.PRESENT)
            return any(each.torrent.status is DebridStatus.DOWNLOADED for each in known)
        return None

    # --- the library ---------------------------------------------------------------------------------------------

    async def add_title(self, target: Target, adding: Adding) -> tuple[Target, tuple[str, int] | None]:
        """Have the first *arr of the kind that answers manage the title."""
        title = target.title
        arrs = [backend for backend in self._hub.backends.values() if isinstance(backend.client, ArrClient)]
        if any(target.entry_of(arr.subentry_id) is not None for arr in arrs):
            return target, None
        fitting = [arr for arr in arrs if title is not None and arr.client.title_kind is title.kind and arr.answering]
        if title is None or not fitting:
            raise GrabFailed(Reason(key="grab.nobody_adds"))
        arr = fitting[0]
        season = target.wanted.season
        addition = Addition(
            title=title,
            profile_id=await _asked(arr.title, usual_profile(arr.client, adding)),
            root_folder=await _asked(arr.title, usual_folder(arr.client, adding)),
            seasons=frozenset() if season is None else frozenset({season}),
        )
        added = await _asked(arr.title, arr.client.add(addition))
        there = replace(added.title, backend_id=arr.subentry_id)
        target = replace(target, entries=(*target.entries, there))
        if added.already_there or there.library_id is None:
            return target, None
        return target, (arr.subentry_id, there.library_id)

    async def remove_title(self, added: tuple[str, int], *, but: Trace | None = None) -> Reason:
        """Take a title out of the library again, unless it has files by now, or a download but that of a trace."""
        backend = self._hub.backends.get(added[0])
        if backend is None or not isinstance(backend.client, ArrClient):
            return Reason(key="grab.title_stays")
        client, library_id = backend.client, added[1]
        removed = Reason(key="grab.title_removed", parameters={"backend": backend.title})
        try:
            title = await _passing(backend.title, client.catalogue_title(library_id))
            queue = await _passing(backend.title, client.queue())
            others = [item for item in queue if but is None or not _is_it(item, but)]
            files = title.has_file or any(season.files for season in title.seasons)
            if files or any(library_id == library_id_of(each) for item in others for each in item.titles):
                return Reason(key="grab.title_stays")
            await _passing(backend.title, client.remove_title(library_id))
        except NotFound:  # somebody else has removed it
            return removed
        return removed

    # --- links ---------------------------------------------------------------------------------------------------

    async def payload(self, release: Release) -> Payload:
        """Return what is behind the links of a release; where they lead nowhere, what its hash alone is good for.

        Of a private tracker that is nothing: strangers have no part in its torrents, nor do they hear of them.
        """
        try:
            async with asyncio.timeout(LINKS_SECONDS):
                return await self._behind_links(release)
        except TimeoutError:
            refused = LinkRefused("link_failed")
        except LinkRefused as error:
            refused = error
        if release.info_hash is None or self._is_private(release):
            raise refused
        return replace(read_magnet(f"magnet:?xt=urn:btih:{release.info_hash}"), name=release.name.name)

    def _is_private(self, release: Release) -> bool:
        """Tell whether nobody offers a release but private indexers, as far as a Prowlarr knows them."""
        return {self._privacy_of(each) for each in release.offers} - {None} == {Privacy.PRIVATE}

    def _privacy_of(self, offer: Offer) -> Privacy | None:
        backend = self._hub.backends.get(offer.source)
        if backend is None or not isinstance(backend.data, IndexerManagerSnapshot):
            return None
        return next((each.privacy for each in backend.data.indexers if each.id == offer.indexer_id), None)

    async def _behind_links(self, release: Release) -> Payload:
        """Return what is behind the first of the offers that leads to the torrent that it says."""
        refused = LinkRefused("link_missing")
        for offer in _linked(release):
            try:
                found = await resolve(offer.link, self.links, own=self.links.own)
                if release.info_hash is None or found.link.info_hash == release.info_hash:
                    return found
                refused = LinkRefused("link_other")
            except LinkRefused as error:
                refused = error
        raise refused

    # --- doing ---------------------------------------------------------------------------------------------------

    async def prepare(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        """See that it isn't there, and make what it needs."""
        del payload
        if aim.way is Way.ARR:
            queue = await _asked(aim.name, self._arr(trace).queue())
            if any(_is_it(item, trace) for item in queue):
                raise AlreadyThere
            return trace
        if aim.way is Way.CLIENT:
            client = self._client(trace)
            if trace.info_hash and await _asked(aim.name, client.torrent(trace.info_hash)) is not None:
                raise AlreadyThere
            category = aim.category or CATEGORY
            await _asked(aim.name, client.ensure_category(category))
            return replace(trace, category=category)
        entries = await self._entries(trace)
        if any(each.status not in FAILED_STATUSES for each in entries):
            raise AlreadyThere
        return replace(trace, there_before=tuple(each.id for each in entries))

    async def take(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        """Have it downloaded."""
        if aim.way is Way.ARR:
            assert aim.offer is not None  # noqa: S101 -- `choose` gives one with each *arr
            await _asked(aim.name, self._arr(trace).grab(_candidate(aim.offer)), changes=True)
            return trace
        assert payload is not None  # noqa: S101 -- nobody else goes without
        source = _source(payload.link)
        if aim.way is Way.CLIENT:
            added = self._client(trace).add(source, category=trace.category, tags=(TAG,))
            await _asked(aim.name, added, changes=True)
            # who holds the client stops newcomers, too, and starts them with the rest
            return replace(trace, waits=self._hands.held(trace.backend_id))
        return await self._add(aim, trace, source)

    async def _add(self, aim: Aim, trace: Trace, source: str | bytes) -> Trace:
        """Add a torrent to an account, unless somebody has since it was looked: the repairs of the account may have."""
        account = self._account(trace)
        repairs = self._hub.debrid_repairs.account(trace.backend_id)

        async def looking() -> list[str]:
            unsettled = self._is_unsettled(trace)
            entries = await self._entries(trace)
            if any(each.status not in FAILED_STATUSES for each in entries):
                raise AlreadyThere
            if unsettled:
                raise _unclear(trace)
            return [each.id for each in entries]

        async def adding() -> str:
            if isinstance(source, bytes):
                return await account.add_torrent(source, priority=PERSON)
            return await account.add_magnet(source, priority=PERSON)

        try:
            if repairs is not None and trace.info_hash is not None:
                torrent_id = await repairs.add_otherwise(trace.info_hash, looking, adding)
            else:
                await looking()
                torrent_id = await adding()
        except BackendError as error:
            raise _not_added(aim.name, error) from error
        await self._select(account, torrent_id)
        return replace(trace, torrent_id=torrent_id)

    async def _select(self, account: RealDebridClient, torrent_id: str) -> None:
        """Select the files, once it is known which they are; who repairs the account does so after a while, too."""
        for _ in range(SELECTIONS):
            with suppress(BackendError):
                await account.select_files(torrent_id, None, priority=PERSON)
                return
            await self.pause()

    def _is_unsettled(self, trace: Trace) -> bool:
        """Tell whether a torrent may be added to an account at any moment, by a request that got no answer."""
        repairs = self._hub.debrid_repairs.account(trace.backend_id)
        return repairs is not None and repairs.repairer.unsettled(trace.info_hash or "")

    async def pause(self) -> None:
        """Wait until what may have been done can be seen."""
        await asyncio.sleep(PAUSE_SECONDS)

    # --- looking -------------------------------------------------------------------------------------------------

    async def find(self, trace: Trace) -> Trace | None:
        """Look whether it was done."""
        if trace.way is Way.ARR:
            arr = self._arr(trace)
            if any(_is_it(item, trace) for item in await _asked(trace.name, arr.queue())):
                return trace
            return trace if HistoryKind.GRABBED in await self._history(trace, arr) else None
        if trace.way is Way.CLIENT:
            torrent = await _asked(trace.name, self._client(trace).torrent(trace.info_hash or ""))
            return trace if torrent is not None and TAG in torrent.tags else None
        added = await self._added(trace)
        return replace(trace, torrent_id=added) if added is not None else None

    async def _added(self, trace: Trace) -> str | None:
        """Return the entry that was added to an account: what that called it, else the one that is new there.

        What its repairs added of the same torrent is theirs. Raises `GrabFailed` where that can't be told yet.
        """
        if trace.torrent_id is not None:
            return trace.torrent_id if trace.torrent_id in await self._new(trace) else None
        repairs = self._hub.debrid_repairs.account(trace.backend_id)
        try:
            repair = await repairs.noted(trace.info_hash) if repairs is not None and trace.info_hash else None
        except StoreError as error:
            raise _unclear(trace) from error
        unsettled = self._is_unsettled(trace)  # a list that is read now may be too early
        theirs = {each: repair is not None and added_by(repair, each) for each in await self._new(trace)}
        if mine := [each for each, whose in theirs.items() if whose is False]:
            if repairs is not None and trace.info_hash is not None:
                await repairs.found_otherwise(trace.info_hash, mine[0])
            await self._select(self._account(trace), mine[0])
            return mine[0]
        if unsettled or None in theirs.values():
            raise _unclear(trace)
        return None

    async def _new(self, trace: Trace) -> list[str]:
        """Return the entries of a torrent that weren't there before, the newest first."""
        return [each.id for each in await self._entries(trace) if each.id not in trace.there_before]

    async def _history(self, trace: Trace, arr: ArrClient) -> frozenset[HistoryKind]:
        """Return what became of a release at an *arr since it was asked for."""
        events = await _asked(trace.name, arr.history(trace.at - SKEW))
        mine = {trace.info_hash, None} - {None}
        ids = {
            each.download_id
            for each in events
            if each.release == trace.release or each.info_hash in mine or each.download_id in mine
        } - {None}
        return frozenset(each.kind for each in events if each.release == trace.release or each.download_id in ids)

    async def _entries(self, trace: Trace) -> list[DebridTorrent]:
        """Return the entries of a torrent in an account, the newest first."""
        account = self._account(trace)
        page = await _asked(trace.name, account.torrents(1, MAX_PAGE, priority=PERSON))
        if page is None:
            return []
        found = [each for each in page.torrents if each.hash == trace.info_hash]
        if len(page.torrents) < MAX_PAGE:
            return found
        return found + await self._entries_further_down(trace, account, set(page.ids))

    async def _entries_further_down(
        self, trace: Trace, account: RealDebridClient, listed: Collection[str]
    ) -> list[DebridTorrent]:
        """Return the entries of a torrent that are older than the newest thousands, as far as the mirror knows them."""
        mirror = self._hub.debriding.accounts.get(trace.backend_id)
        if mirror is None or trace.info_hash is None:
            return []
        try:
            known = await mirror.store.mirror_view.torrents(
                trace.backend_id, hashes=[trace.info_hash], presence=Presence.PRESENT
            )
        except StoreError as error:
            raise _unclear(trace) from error
        found = []
        for each in known:
            if each.torrent.id not in listed:
                with suppress(NotFound):  # deleted since
                    asked = account.torrent(each.torrent.id, priority=PERSON)
                    found.append((await _passing(trace.name, asked)).torrent)
        return found

    # --- taking back ---------------------------------------------------------------------------------------------

    async def take_back(self, trace: Trace) -> Reason:
        """Take it back. What somebody else may need is left where it is."""
        result = await self._take_back(trace)
        if trace.added is not None:
            await self.remove_title(trace.added, but=trace)
        return result

    async def _take_back(self, trace: Trace) -> Reason:
        if trace.way is Way.ARR:
            return await self._take_from_arr(trace)
        if trace.way is Way.CLIENT:
            return await self._take_from_client(trace)
        found = await self.find(trace)
        if found is not None and found.torrent_id is not None:
            with suppress(NotFound):
                await _passing(trace.name, self._account(trace).delete(found.torrent_id, priority=PERSON))
        return Reason(key="grab.taken_back")

    async def _take_from_arr(self, trace: Trace) -> Reason:
        arr = self._arr(trace)
        items = [item for item in await _asked(trace.name, arr.queue()) if _is_it(item, trace)]
        await self._check_import(trace)
        kept = False
        for item in items:
            client_id, _ = self._client_of(trace.backend_id)
            whole = not await self._may_lose(client_id, item.download_id)
            kept = kept or whole
            removing = arr.remove_queue_items(item.ids, from_client=not whole, blocklist=False, search_again=False)
            await _asked(trace.name, removing)
        if kept:
            return Reason(key="grab.kept_files", parameters={"backend": trace.name})
        return Reason(key="grab.taken_back")

    async def _take_from_client(self, trace: Trace) -> Reason:
        client, info_hash = self._client(trace), trace.info_hash or ""
        torrent = await _asked(trace.name, client.torrent(info_hash))
        if torrent is None:
            return Reason(key="grab.taken_back")
        if TAG not in torrent.tags:  # whoever took that away has plans with it
            raise GrabFailed(Reason(key="result.in_hand"))
        await self._check_import(trace)
        with_files = await self._may_lose(trace.backend_id, info_hash)
        await _asked(trace.name, client.delete([info_hash], with_files=with_files))
        if with_files:
            return Reason(key="grab.taken_back")
        return Reason(key="grab.kept_files", parameters={"backend": trace.name})

    async def _check_import(self, trace: Trace) -> None:
        """Refuse to take back what is in a library by now, and what its *arr can't be asked about."""
        backend = self._hub.backends.get(trace.arr_id)
        if backend is None or not isinstance(backend.client, ArrClient):
            return
        if HistoryKind.IMPORTED in await self._history(trace, backend.client):
            raise GrabFailed(Reason(key="grab.imported", parameters={"backend": backend.title}))

    async def _may_lose(self, client_id: str | None, info_hash: str | None) -> bool:
        """Tell whether the files of a torrent are surely of no use to anybody: unfinished, and nobody shares them."""
        hands = self._hands.torrents(client_id)
        if hands is None or client_id is None or info_hash is None:
            return False
        torrent = await _asked(self._hands.title(client_id), hands.torrent(info_hash))
        return torrent is not None and torrent.progress < 1 and self._hands.shares_files(client_id, torrent) is False

    # --- clients -------------------------------------------------------------------------------------------------

    def _arr(self, trace: Trace) -> ArrClient:
        client = self._any(trace)
        if not isinstance(client, ArrClient):
            raise _gone(trace)
        return client

    def _client(self, trace: Trace) -> QbittorrentClient:
        client = self._any(trace)
        if not isinstance(client, QbittorrentClient):
            raise _gone(trace)
        return client

    def _account(self, trace: Trace) -> RealDebridClient:
        client = self._any(trace)
        if not isinstance(client, RealDebridClient):
            raise _gone(trace)
        return client

    def _any(self, trace: Trace) -> object:
        backend = self._hub.backends.get(trace.backend_id)
        return backend.client if backend is not None else None


def _uses_usenet(snapshot: ArrSnapshot) -> bool:
    return any(link.enabled and link.protocol is Protocol.USENET for link in snapshot.wiring.download_clients)


def _gone(trace: Trace) -> GrabFailed:
    return GrabFailed(Reason(key="grab.not_answering", parameters={"backend": trace.name}))


def _over_since(snapshot: DebridSnapshot | None, now: datetime) -> datetime | None:
    """Return since when an account isn't paid for any more, though it was when it was last asked."""
    until = snapshot.account.premium_until if snapshot is not None else None
    return until if until is not None and until <= now else None


def _traffic_left(snapshot: DebridSnapshot | None) -> TrafficLeft | None:
    """Return what is left at the hoster where torrents lie. What is left at others matters to their links alone."""
    told = next((each for each in snapshot.traffic if each.host == TORRENT_HOST), None) if snapshot else None
    if told is None or told.limit <= 0:
        return None
    # of what is counted in gigabytes nobody tells whether bytes or gigabytes are left: only that nothing is
    return TrafficLeft(left=told.left, in_bytes=told.unit == "bytes", reset=told.reset)


def _promised(snapshot: DownloadClientSnapshot) -> int:
    """Return how much of the disk is for what is on its way. What is stopped may never take it."""
    on_its_way = (each for each in snapshot.torrents.values() if each.state in _TAKING)
    return sum(each.remaining_bytes for each in on_its_way)


async def usual_profile(client: ArrClient, adding: Adding, least: Resolution | None = None) -> int:
    """Return the quality profile that is named, else the one that most titles of the library have.

    Where that takes nothing with so many lines as `least`, it is the first that takes nothing with fewer, else the
    first that takes some; where none does, the usual one.
    """
    known = await client.profile_refs()
    if adding.profile is not None:
        named = adding.profile.casefold()
        found = next((each.id for each in known if each.name.casefold() == named), None)
        if found is None:
            raise GrabFailed(Reason(key="grab.no_profile", parameters={"name": adding.profile}))
        return found
    counts = Counter[int]()
    async for portion in client.library():
        counts.update(each.quality_profile_id for each in portion if each.quality_profile_id is not None)
    usual = next((number for number, _ in counts.most_common() if any(number == each.id for each in known)), None)
    if usual is None and not known:
        raise GrabFailed(Reason(key="grab.nobody_adds"))
    if usual is None:
        usual = known[0].id
    return usual if least is None else await _taking(client, least, usual)


async def _taking(client: ArrClient, least: Resolution, usual: int) -> int:
    lines = {each.id: lines_of(each) for each in await client.quality_profiles()}
    taking = [number for number, (_, most) in lines.items() if most >= least]
    if usual in taking or not taking:
        return usual
    return next((number for number in taking if lines[number][0] >= least), taking[0])


async def usual_folder(client: ArrClient, adding: Adding) -> str:
    """Return the folder that is named, else the one with the most room."""
    known = [each for each in await client.root_folders() if each.accessible]
    if adding.root_folder is not None:
        named = adding.root_folder.rstrip("/")
        known = [each for each in known if each.path.rstrip("/") == named]
    if not known:
        raise GrabFailed(Reason(key="grab.no_folder"))
    return max(known, key=lambda each: each.free_bytes or 0).path


def _linked(release: Release) -> list[Offer]:
    """Return the offers with a link, magnets first: nobody has to be asked for them."""
    offers = [each for each in release.offers if each.link]
    return sorted(offers, key=lambda each: not each.link.startswith("magnet:"))


def _source(link: ResolvedLink) -> str | bytes:
    """Return what is given to a client: the file where there is one, it knows more than the magnet."""
    return link.torrent if link.torrent is not None else link.magnet or f"magnet:?xt=urn:btih:{link.info_hash}"


def _candidate(offer: Offer) -> Candidate:
    """Return an offer as its *arr wants it back: it needs but the two ids."""
    return Candidate(
        guid=offer.guid,
        indexer_id=offer.indexer_id or 0,
        indexer=offer.indexer,
        title=offer.name,
        protocol=offer.protocol,
        size_bytes=offer.size_bytes,
    )


def library_id_of(title: Title) -> int:
    """Return the id of the movie or the series, also of an episode."""
    return title.id if title.series_id is None else title.series_id


def _is_it(item: QueueItem, trace: Trace) -> bool:
    """Tell whether an item of a queue is what a trace speaks of. One that waits for its delay isn't grabbed."""
    same = item.download_id == trace.info_hash if trace.info_hash else item.release == trace.release
    return item.download_id is not None and (same or item.release == trace.release)


async def _passing[T](name: str, work: Awaitable[T]) -> T:
    """Do something, and pass on that what it is about isn't there."""
    try:
        return await work
    except NotFound:
        raise
    except BackendError as error:
        raise _failed(name, error, changes=False) from error


async def _asked[T](name: str, work: Awaitable[T], *, changes: bool = False) -> T:
    """Do something. Raises `GrabFailed`, unclear where it may have been done all the same."""
    try:
        return await work
    except BackendError as error:
        raise _failed(name, error, changes=changes) from error


#: What a debrid account says when something of it is used up.
_USED_UP: Mapping[int | None, str] = {
    DebridCode.TOO_MANY_ACTIVE_DOWNLOADS: "no_slot",
    DebridCode.TRAFFIC_EXHAUSTED: "no_traffic",
}


def _used_up(name: str, error: BackendError) -> Reason | None:
    """Return what of a debrid account is used up, where that is why it refused; None: it isn't."""
    if isinstance(error, RateLimited) and error.retry_after is not None:
        until = dt_util.utcnow() + error.retry_after
        return Reason(key="grab.account_paused", parameters={"backend": name, "until": until})
    key = _USED_UP.get(error.code)
    return None if key is None else Reason(key=f"grab.{key}", parameters={"backend": name, "reset": ""})


def _unclear(trace: Trace) -> GrabFailed:
    """Return what to raise where nobody can tell yet whether a torrent is there."""
    return GrabFailed(Reason(key="grab.unclear", parameters={"backend": trace.name}), unclear=True)


def _not_added(name: str, error: BackendError) -> GrabFailed:
    """Return what to raise where an account didn't add a torrent, or didn't say so."""
    failed = _failed(name, error, changes=False)
    return failed if surely_not_done(error) else GrabFailed(failed.reason, unclear=True)


def _failed(name: str, error: BackendError, *, changes: bool) -> GrabFailed:
    if (why := _used_up(name, error)) is not None:
        return GrabFailed(why)
    if isinstance(error, RateLimited | Refused | NotFound):
        return GrabFailed(Reason(key="grab.refused", parameters={"backend": name, "detail": str(error)}))
    unclear = changes and isinstance(error, CannotConnect | UnexpectedResponse)
    key = "grab.not_answering" if isinstance(error, CannotConnect) else "result.backend_error"
    parameters = {"backend": name} if isinstance(error, CannotConnect) else {"backend": name, "detail": str(error)}
    return GrabFailed(Reason(key=key, parameters=parameters), unclear=unclear)
