"""The actuator: the only door to the outside. It checks once more, acts, takes back, and finds out what became of it.

A download is given up in an order in which every interruption leaves things whole: the other release is grabbed first,
then the *arr blocks the old one and forgets it, then its torrent is set aside. Each of these can be told afterwards by
looking. (The other way round the *arr would lose sight of the torrent first, and block nothing.)
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..model.downloads import DownloadState, Torrent
from ..model.journal import DESTRUCTIVE_ACTS, GIVING_UP, ActKind, EntryStatus, JournalEntry, Proposal
from ..model.library import HealthIssue, QueueItem, QueueStatus, Severity, TrackedState, TrackedStatus
from ..model.reasons import Reason
from ..model.releases import Candidate, HistoryKind, ImportCandidate, search_for
from . import quarantine
from .budget import SEARCHES
from .lessons import IMPORTED
from .ownership import QUARANTINE, Claims
from .ports import ArrHands, Hands, TorrentHands
from .reach import Declined, Reach
from .replacing import choose
from .rules.base import Case
from .target import Target, Wanting, target_of
from .undoing import CLOCKS_DIFFER, Undoing, is_grab_of

#: An *arr that was asked to grab has done so within this time, or never will.
GRABS_TAKE = timedelta(minutes=2)
#: An *arr that refuses to forget a download does so for a passing reason for so long.
REFUSALS_LAST = timedelta(hours=1)
#: So many missing episodes of a pack are searched for in one act: each search asks every indexer.
MOST_EPISODES = 5
#: How often is looked whether a scan imported something, a second later each time.
IMPORT_LOOKS = 4

_TAKEN_IN = frozenset({TrackedState.IMPORTING, TrackedState.IMPORTED})
_ARRIVES = frozenset({QueueStatus.DOWNLOADING, QueueStatus.COMPLETED})

#: Tells what speaks against an act by now, given the torrent as it is at this moment.
type Objection = Callable[[Torrent | None], Reason | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An entry of the journal, and the release to grab; that can be had for half an hour after it was found."""

    entry: JournalEntry
    candidate: Candidate | None = None


def grabbed_by(entry: JournalEntry) -> dict[str, int | None]:
    """Return the info hash and the name of what was grabbed for an entry, with how many shared it then."""
    candidate = entry.parameters.get("candidate")
    if candidate is None or not entry.parameters.get("grabbed"):
        return {}
    return {value: candidate.get("seeders") for value in (candidate["info_hash"], candidate["title"]) if value}


def plan(proposal: Proposal, case: Case, actor: str, *, at_rest: bool) -> Plan:
    """Return the plan for a proposal. What is for one *arr only leaves the others that wait alone.

    `at_rest`: it is proposed because nothing comes, so anything that comes speaks against it.
    """
    target, arr_id = Target.of(case.download, at_rest=at_rest), proposal.parameters.get("arr_id")
    if arr_id is not None:
        first = tuple(wanting for wanting in target.wanted_by if wanting.arr_id == arr_id)
        others = tuple(wanting for wanting in target.wanted_by if wanting.arr_id != arr_id)
        target = replace(target, wanted_by=first + others if proposal.act in GIVING_UP else first)
    return Plan(
        entry=JournalEntry(
            at=case.now,
            changed_at=case.now,
            rule=proposal.rule,
            subject=proposal.subject,
            label=case.download.label,
            act=proposal.act,
            status=EntryStatus.OBSERVED,
            reason=proposal.reason,
            actor=actor,
            parameters={
                **proposal.parameters,
                "target": target.as_json(),
                "private": case.facts.is_private,
            },
        )
    )


class Actuator:
    """Carries acts out."""

    def __init__(self, hands: Hands) -> None:
        self._reach = Reach(hands)
        self._undoing = Undoing(self._reach)

    # --- before ----------------------------------------------------------------------------------------------------

    async def find_replacement(self, plan: Plan, prefer: str | None = None) -> Plan:
        """Search for another release, and return the plan with it. Raises `Declined` when there is none to be had."""
        target = target_of(plan.entry)
        wanting = target.wanted_by[0] if target.wanted_by else None
        title = search_for(wanting.titles) if wanting else None
        if wanting is None or title is None:
            raise Declined("nothing_to_search")
        arr = self._reach.arr(wanting)
        try:
            if release := _arriving(await arr.queue(), wanting):
                raise Declined("on_its_way", release=release)
            candidates = await arr.releases(title)
            blocked = await arr.blocklist(wanting.titles)
        except self._reach.hands.errors as error:
            raise self._reach.failed(wanting.arr_id, error) from error
        found = choose(
            candidates,
            wanting.titles,
            instead_of=wanting.release,
            info_hash=target.key,
            blocked=blocked,
            prefer=prefer,
        )
        if found is None:
            with self._reach.asking(wanting.arr_id):
                raise await self._nothing_found(wanting, len(candidates))
        return Plan(entry=_with(plan.entry, candidate=_shown(found)), candidate=found)

    async def _nothing_found(self, wanting: Wanting, count: int) -> Declined:
        """Say that there is no other release, or that nobody could look: an *arr answers both alike."""
        arr = self._reach.hands.title(wanting.arr_id)
        if not count and any(_is_without_indexers(issue) for issue in await self._reach.arr(wanting).health()):
            return Declined("indexers_away", arr=arr)
        return Declined("no_alternative", count=count, arr=arr)

    async def prepare(self, plan: Plan, objection: Objection) -> Plan:
        """Look whether it is still as it was, and note what is needed to take it back. Raises `Declined`."""
        entry, target = plan.entry, target_of(plan.entry)
        if entry.act is ActKind.REPLACE and plan.candidate is None:
            raise Declined("no_alternative", count=0)
        if entry.act in DESTRUCTIVE_ACTS or not target.is_torrent:  # else it is none of the *arrs' business
            await self._check_wanted(entry, target)
        torrent = await self._torrent(target) if target.is_torrent else None
        if torrent is not None and entry.act in GIVING_UP:
            _check_unchanged(torrent, target)
        if (why := objection(torrent)) is not None:
            raise Declined(why)
        if torrent is not None and entry.act is ActKind.RECHECK:
            await self._check_folder(entry, target, torrent.save_path)
        if torrent is not None and entry.act in GIVING_UP:
            noted = quarantine.note(torrent, private=entry.parameters.get("private"))
            return replace(plan, entry=replace(entry, undo=noted))
        return plan

    async def _torrent(self, target: Target) -> Torrent:
        """Return a torrent that is still to be dealt with. Raises `Declined`."""
        with self._reach.asking(target.client_id):
            torrent = await self._reach.client(target.client_id).torrent(target.key)
        if torrent is None:
            raise Declined("gone")
        if quarantine.is_set_aside(torrent):
            raise Declined("over")
        return torrent

    async def _check_folder(self, entry: JournalEntry, target: Target, folder: str) -> None:
        """Refuse to check files in an empty folder: all would be downloaded again. A person may know better."""
        found = await self._reach.hands.finds_files(target.client_id, folder)
        if found is False or (found is None and entry.parameters.get("proven")):
            raise Declined("folder_away", folder=folder)

    async def _check_wanted(self, entry: JournalEntry, target: Target) -> None:
        """Refuse what no *arr waits for any more, or what one has begun to take in."""
        items = [item for wanting in target.wanted_by for item in await self._reach.items(wanting)]
        if entry.act in DESTRUCTIVE_ACTS and not items:
            raise Declined("over")
        if entry.act in GIVING_UP and any(item.tracked_state in _TAKEN_IN for item in items):
            raise Declined("moves_again")
        have = max((item.size_bytes - item.remaining_bytes for item in items), default=0)
        if not target.is_torrent and target.have_bytes is not None and have > target.have_bytes:
            raise Declined("moves_again")

    # --- doing -----------------------------------------------------------------------------------------------------

    async def carry_out(self, plan: Plan, now: datetime) -> JournalEntry:
        """Do it. The entry that comes back is `done`, `failed`, or still `running` when it stopped half-way."""
        entry, half_way = plan.entry, plan.entry.act is ActKind.DISCARD
        try:
            if plan.candidate is not None:
                wanting = target_of(entry).wanted_by[0]
                arr = self._reach.arr(wanting)
                half_way = True  # also when no answer comes: its history will tell
                with self._reach.asking(wanting.arr_id):
                    try:
                        await arr.grab(plan.candidate)
                    except self._reach.hands.missing:
                        half_way = False
                        raise
                entry = _with(entry, grabbed=True)
            result = await self._do(entry)
        except Declined as declined:
            return _stopped(entry, now, declined.reason, half_way=half_way)
        return replace(entry, status=EntryStatus.DONE, changed_at=now, result=result)

    async def _do(self, entry: JournalEntry, *, insist: bool = False) -> Reason:
        target = target_of(entry)
        hashes = [target.key]
        match entry.act:
            case ActKind.REPLACE:
                await self._give_up(entry, target, insist=insist)
                return Reason(key="result.replaced", parameters={"release": entry.parameters["candidate"]["title"]})
            case ActKind.DISCARD:
                await self._give_up(entry, target, insist=insist)
                return Reason(key="result.discarded")
            case ActKind.LEAVE_QUEUE:
                for wanting in target.wanted_by:
                    with self._reach.asking(wanting.arr_id):
                        await self._reach.forget(wanting, blocklist=False)
                return Reason(key="result.left_queue")
            case ActKind.REANNOUNCE:
                with self._reach.asking(target.client_id):
                    await self._reach.client(target.client_id).reannounce(hashes)
                return Reason(key="result.reannounced")
            case ActKind.RECHECK:
                with self._reach.asking(target.client_id):
                    await self._reach.client(target.client_id).recheck(hashes)
                return Reason(key="result.rechecking")
            case ActKind.ADD_TRACKERS:
                urls = entry.parameters["trackers"]
                with self._reach.asking(target.client_id):
                    await self._reach.client(target.client_id).add_trackers(target.key, urls)
                return Reason(key="result.trackers_added", parameters={"count": len(urls)})
            case ActKind.FETCH_MISSING:
                return await self._fetch_missing(entry, target)
            case ActKind.RETRY_IMPORT | ActKind.IMPORT:
                return await self._import(entry, target)
        raise Declined("not_possible")

    async def _give_up(self, entry: JournalEntry, target: Target, *, insist: bool) -> None:
        """Let the *arrs block and forget a release, then set its torrent aside. Can be repeated.

        An *arr that won't is asked again while it still has the torrent in sight; to `insist` is to go on without it:
        what leaves its category it forgets as well, though it blocks nothing.
        """
        refused: Declined | None = None
        for number, wanting in enumerate(target.wanted_by):
            others = entry.act is ActKind.REPLACE and number > 0  # the first got its other release
            try:
                await self._reach.forget(wanting, blocklist=True, search_again=others)
            except self._reach.hands.errors as error:
                refused = self._reach.failed(wanting.arr_id, error)
        if entry.undo is not None:
            with self._reach.asking(target.client_id):
                await self._set_aside(entry.undo, self._reach.client(target.client_id), move=refused is None or insist)
        if refused is not None:
            raise refused

    @staticmethod
    async def _set_aside(noted: Mapping[str, Any], client: TorrentHands, *, move: bool) -> None:
        """Set a torrent aside, out of its category if it may `move`. What was finished since is not stopped."""
        torrent = await client.torrent(noted["hash"]) if noted["stop"] else None
        finished = torrent is not None and torrent.finished
        noted = {**noted, "stop": False} if finished else noted
        await (quarantine.set_aside(client, noted) if move else quarantine.hold(client, noted))

    async def _fetch_missing(self, entry: JournalEntry, target: Target) -> Reason:
        """Grab what a pack lacks, one title at a time."""
        wanting = target.wanted_by[0]
        with self._reach.asking(wanting.arr_id):
            lacking, found, fetched = await self._fetch_lacking(entry, wanting)
        if not fetched:
            with self._reach.asking(wanting.arr_id):
                raise await self._nothing_found(wanting, found)
        if fetched == lacking and target.is_torrent:  # else the *arr would wait for the rest of it for ever
            files = entry.parameters.get("files", ())
            with self._reach.asking(target.client_id):
                await self._reach.client(target.client_id).set_file_priority(target.key, files, wanted=False)
        return Reason(key="result.fetched_missing", parameters={"count": fetched})

    async def _fetch_lacking(self, entry: JournalEntry, wanting: Wanting) -> tuple[int, int, int]:
        """Grab what a pack lacks and what isn't on its way.

        Returns how much that is, how many releases of it were found, and how much was grabbed.
        """
        arr, found, fetched = self._reach.arr(wanting), 0, 0
        on_its_way = {
            title.id for item in await arr.queue() if item.download_id != wanting.download_id for title in item.titles
        }
        lacking = set(entry.parameters["title_ids"]) - on_its_way
        most = entry.parameters.get(SEARCHES, MOST_EPISODES)
        for title in [title for title in wanting.titles if title.id in lacking][:most]:
            blocked = await arr.blocklist([title])
            candidates = await arr.releases(title)
            found += len(candidates)
            candidate = choose(
                candidates,
                [title],
                instead_of=wanting.release,
                info_hash=target_of(entry).key,
                blocked=blocked,
            )
            if candidate is not None:
                await arr.grab(candidate)
                fetched += 1
        return len(lacking), found, fetched

    async def _import(self, entry: JournalEntry, target: Target) -> Reason:
        """Let an *arr take in what is here."""
        arr_id = entry.parameters["arr_id"]
        arr = self._reach.hands.arr(arr_id)
        if arr is None:
            raise Declined("unreachable", backend=self._reach.hands.title(arr_id))
        with self._reach.asking(arr_id):
            return await self._let_import(arr, entry, target)

    async def _let_import(self, arr: ArrHands, entry: JournalEntry, target: Target) -> Reason:
        arr_id, path = entry.parameters["arr_id"], entry.parameters.get("path")
        download_id = entry.parameters.get("download_id", target.key)
        if entry.act is ActKind.IMPORT:
            choices = await self._as_judged(arr, entry, download_id)
            await arr.import_files(choices)
            return Reason(key="result.importing", parameters={"count": len(choices)})
        await arr.refresh_downloads()
        if "client_path" in entry.parameters:
            path = self._reach.hands.arr_path(arr_id, target.client_id, entry.parameters["client_path"])
        if path:
            await arr.scan_download(path, download_id)
        if "client_path" in entry.parameters and await self._was_imported(arr, download_id, entry.at):
            return Reason(key=IMPORTED)
        return Reason(key="result.import_retried")

    @staticmethod
    async def _as_judged(arr: ArrHands, entry: JournalEntry, download_id: str) -> list[ImportCandidate]:
        """Return the files to be imported, if the *arr takes them for the same still, and lacks the same titles."""
        files, missing = entry.parameters.get("files", {}), entry.parameters.get("missing", ())
        choices = [each for each in await arr.import_candidates(download_id) if each.path in files]
        taken_for = {each.path: sorted(each.title_ids) for each in choices if not each.rejections}
        here = missing and any(title.has_file for title in await arr.titles(missing))
        if not choices or taken_for != files or here:
            raise Declined("moves_again")
        return choices

    @staticmethod
    async def _was_imported(arr: ArrHands, download_id: str, since: datetime) -> bool:
        """Wait a moment for an import, and tell whether it happened."""
        for look in range(IMPORT_LOOKS):
            await asyncio.sleep(look)
            events = await arr.history(since - CLOCKS_DIFFER)
            if any(event.kind is HistoryKind.IMPORTED and event.download_id == download_id for event in events):
                return True
        return False

    # --- afterwards ------------------------------------------------------------------------------------------------

    async def undo(self, entry: JournalEntry, now: datetime) -> JournalEntry:
        """Take an act back. The entry stays `undoing` while a backend is away."""
        return await self._undoing.undo(entry, now)

    async def purge(self, entry: JournalEntry, claims: Claims) -> JournalEntry:
        """Let go of what was set aside long ago. The entry comes back as it was while nobody can tell who uses it."""
        return await self._undoing.purge(entry, claims)

    async def settle(self, entry: JournalEntry, now: datetime) -> JournalEntry:
        """Find out what became of an act that was interrupted, by looking; finish what was begun, else leave it.

        The entry comes back as it was while a backend that could tell is away.
        """
        if entry.status is EntryStatus.UNDOING:
            return await self.undo(entry, now)
        try:
            begun = await self._was_begun(entry)
            if entry.act is ActKind.REPLACE and not entry.parameters.get("grabbed"):
                if not await self._was_grabbed(entry):
                    # the *arr may still be fetching it from its indexer
                    return entry if now - entry.changed_at < GRABS_TAKE else _interrupted(entry, now)
                entry = _with(entry, grabbed=True)
            elif entry.act is not ActKind.REPLACE and not begun:
                return _interrupted(entry, now)
            if not begun and (why := await self._why_not(entry)) is not None:
                return replace(_interrupted(entry, now), result=why)
            result = await self._do(entry, insist=now - entry.changed_at >= REFUSALS_LAST)
        except Declined:
            return entry
        except self._reach.hands.errors:
            return entry
        return replace(entry, status=EntryStatus.DONE, changed_at=now, result=result)

    async def _was_grabbed(self, entry: JournalEntry) -> bool:
        """Tell by its history whether the *arr grabbed the release for which an entry was written."""
        candidate, wanting = entry.parameters["candidate"], target_of(entry).wanted_by[0]
        events = await self._reach.arr(wanting).history(
            entry.at - CLOCKS_DIFFER, [title.id for title in wanting.titles]
        )
        return any(is_grab_of(candidate, event) for event in events)

    async def _was_begun(self, entry: JournalEntry) -> bool:
        """Tell whether an *arr was made to forget a download, or its torrent bears the mark of quarantine."""
        target = target_of(entry)
        if entry.act not in GIVING_UP:
            return False
        for wanting in target.wanted_by:
            events = await self._reach.arr(wanting).history(
                entry.at - CLOCKS_DIFFER, [title.id for title in wanting.titles]
            )
            if any((each.kind, each.download_id) == (HistoryKind.FAILED, wanting.download_id) for each in events):
                return True
        if not target.is_torrent:
            return False
        torrent = await self._reach.client(target.client_id).torrent(target.key)
        return torrent is not None and QUARANTINE in torrent.tags

    async def _why_not(self, entry: JournalEntry) -> Reason | None:
        """Return why a torrent is not to be given up any more: it went on, or somebody took it in hand meanwhile."""
        target = target_of(entry)
        torrent = await self._reach.client(target.client_id).torrent(target.key) if target.is_torrent else None
        try:
            if torrent is not None:
                _check_unchanged(torrent, target)
        except Declined as declined:
            return declined.reason
        return None


def _is_without_indexers(issue: HealthIssue) -> bool:
    """Whether an *arr says that none of its indexers answers, or that none may be searched."""
    all_failed = issue.source in _INDEXERS_FAIL and issue.severity is Severity.ERROR  # of some it only warns
    return all_failed or issue.source == _NO_SEARCH


#: Names of the health checks of Radarr and Sonarr.
_INDEXERS_FAIL = frozenset({"IndexerStatusCheck", "IndexerLongTermStatusCheck"})
_NO_SEARCH = "IndexerSearchCheck"


def _arriving(queue: Collection[QueueItem], wanting: Wanting) -> str | None:
    """Return another release in an *arr's queue that is about to bring all that is wanted."""
    wanted = {title.id for title in wanting.titles}
    return next(
        (
            item.release
            for item in queue
            if item.download_id != wanting.download_id
            and item.status in _ARRIVES
            and item.tracked_status is TrackedStatus.OK
            and wanted <= {title.id for title in item.titles}
        ),
        None,
    )


def _check_unchanged(torrent: Torrent, target: Target) -> None:
    """Refuse to give up what has moved on since it was judged, or what a person took in hand."""
    have = max(torrent.size_bytes - torrent.remaining_bytes, 0) if torrent.size_bytes else 0
    comes = target.have_bytes is not None and have > target.have_bytes
    if comes or (torrent.finished and not target.finished):
        raise Declined("moves_again")
    if torrent.forced or (torrent.state is DownloadState.STOPPED and not target.finished):
        raise Declined("in_hand")


def _stopped(entry: JournalEntry, now: datetime, why: Reason, *, half_way: bool) -> JournalEntry:
    """Return an entry that could not be finished: to be settled, or failed before anything was changed."""
    if half_way:
        return replace(entry, status=EntryStatus.RUNNING, changed_at=now, result=why)
    return replace(entry, status=EntryStatus.FAILED, changed_at=now, result=why, undo=None)


def _interrupted(entry: JournalEntry, now: datetime) -> JournalEntry:
    why = entry.result or Reason(key="result.interrupted")
    return replace(entry, status=EntryStatus.FAILED, changed_at=now, result=why, undo=None)


def _with(entry: JournalEntry, **parameters: Any) -> JournalEntry:
    return replace(entry, parameters={**entry.parameters, **parameters})


def _shown(candidate: Candidate) -> dict[str, Any]:
    """Return what of a release is told to people, and recognises it later. Its link may hold a key: it stays out."""
    return {
        "title": candidate.title,
        "info_hash": candidate.info_hash,
        "indexer": candidate.indexer,
        "size_bytes": candidate.size_bytes,
        "seeders": candidate.seeders,
        "quality": candidate.quality,
        "score": candidate.score,
    }
