"""What is shown of each Real-Debrid account: what its mirror holds, what is repaired, and what became of it.

The mirror and the repairs come and go with the database. The figures are counted when it comes and after each
synchronisation, and shown from memory in between. What is told of repairs is what the journal has.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .debrid.checking import ScanMode
from .debrid.mirror import NothingToResumeError, Progress, SyncResult
from .debrid.retrying import Ending
from .debrid.statistics import totals
from .linking import not_ready
from .linking_repairs import NotReadyError
from .model.debrid import FAILED_STATUSES, DebridStatus
from .model.debrid_mirror import ChangeKind, DebridFigures, SyncMode, SyncOptions
from .model.journal import ActKind, EntryStatus, JournalEntry
from .store import StoreError

if TYPE_CHECKING:
    from .debrid_repairs import AccountRepairs
    from .debriding import AccountMirror
    from .hub import Hub
    from .linking import Linking

SYNCHRONISED, SYNC_FAILED, TORRENTS_FAILED = "synchronised", "sync_failed", "torrents_failed"
#: What is told of the journal's acts when they are done.
_DONE = {
    ActKind.ADD_TORRENT: "added",
    ActKind.READD: "repaired",
    ActKind.SELECT_FILES: "files_selected",
    ActKind.DELETE_TORRENT: "deleted",
    ActKind.ASK_ARR: "handed_over",
    ActKind.REWRITE_LINKS: "links_repaired",
    ActKind.REPLACE_LINKED: "link_replaced",
}
GIVEN_UP = "given_up"
_LOST = frozenset(
    f"result.debrid_{ending}" for ending in (Ending.REFUSED, Ending.EXHAUSTED, Ending.VIRUS, Ending.DIFFERENT)
)
#: What happens to an account, as the types of an event.
EVENTS = [SYNCHRONISED, SYNC_FAILED, TORRENTS_FAILED, *_DONE.values(), GIVEN_UP]
#: So many torrents are named in an event: it is a row of the recorder.
MOST_NAMED = 10
_WORTH_TELLING = tuple(kind for kind in ChangeKind if kind is not ChangeKind.PROGRESS)
_NEWLY_THERE = frozenset({ChangeKind.ADDED, ChangeKind.RETURNED, ChangeKind.STATUS})


def event_of(entry: JournalEntry) -> str | None:
    """Return the type of the event that an entry of the journal is; None where nothing is told of it."""
    if entry.status is EntryStatus.DONE:
        return _DONE.get(entry.act)
    lost = entry.result is not None and entry.result.key in _LOST
    return GIVEN_UP if lost and entry.act is ActKind.READD and entry.status is EntryStatus.FAILED else None


class AccountWatch:
    """What is known of one account."""

    def __init__(self, hub: Hub, account: str) -> None:
        self._hub = hub
        self.account = account
        self.mirror: AccountMirror | None = None  # None: the database is not open
        self.repairs: AccountRepairs | None = None  # as the mirror
        self.running = False  # a synchronisation
        self.figures: DebridFigures | None = None  # None: not counted, or the account was never read
        self._counts: Counter[DebridStatus] = Counter()
        self._failing = False
        self._looked = False  # at its list, since this mirror is shown
        self._leave: list[CALLBACK_TYPE] = []
        self._listeners: list[Callable[[], None]] = []
        self._witnesses: list[Callable[[str, Mapping[str, Any]], None]] = []

    # --- what is shown -------------------------------------------------------------------------------------------

    @property
    def checked_at(self) -> datetime | None:
        """When the list was last seen to its end, None: not since the start."""
        return self.mirror.checked_at if self.mirror is not None else None

    def count(self, *statuses: DebridStatus) -> int | None:
        """Return how many torrents are in one of these statuses; None while nothing is known."""
        return None if self.figures is None else sum(self._counts[each] for each in statuses)

    @property
    def failed(self) -> int | None:
        """How many torrents ended badly."""
        return self.count(*FAILED_STATUSES)

    @property
    def size_bytes(self) -> int | None:
        """What all torrents of the account hold."""
        return None if self.figures is None else totals(self.figures.by_status)["size_bytes"]

    @property
    def coverage(self) -> float | None:
        """Of how many torrents the files are known, in percent."""
        return None if self.figures is None else totals(self.figures.by_status)["coverage_percent"]

    @property
    def gone(self) -> int | None:
        """How many torrents are remembered that the account has no more."""
        return None if self.figures is None else self.figures.gone

    @property
    def pending(self) -> int | None:
        """How many torrents are to be repaired."""
        return None if self.repairs is None else self.repairs.pending

    @property
    def given_up(self) -> int | None:
        """How many torrents are lost for good."""
        return None if self.repairs is None else self.repairs.given_up

    @property
    def stands_back(self) -> bool | None:
        """Whether nothing is repaired because another tool does that."""
        return None if self.repairs is None else self.repairs.stands_back_until is not None

    @property
    def linking(self) -> Linking:
        """The links of the library, which may lead into any account."""
        return self._hub.linking

    # --- acting --------------------------------------------------------------------------------------------------

    async def synchronise(self, mode: SyncMode) -> None:
        """Begin to synchronise. Raises `HomeAssistantError` where that can't be done now."""
        mirror = self.mirror
        if mirror is None:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_debrid_account")
        if mirror.sync.is_busy(mode):
            raise _cannot("debrid_busy", mirror)
        try:
            if mode is SyncMode.RESUME:
                await mirror.sync.plan(mode, SyncOptions())  # it says so where there is nothing
        except NothingToResumeError as error:
            raise _cannot("nothing_to_resume", mirror) from error
        except StoreError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="store_failed",
                translation_placeholders={"detail": str(error)},
            ) from error
        mirror.begin(mode, SyncOptions())

    async def check_links(self, mode: ScanMode) -> None:
        """Begin to check the links. Raises `HomeAssistantError` where that can't be done now."""
        if self.linking.busy:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="links_busy")
        try:
            self.linking.begin(mode)
        except NotReadyError as error:
            raise not_ready(error.why) from error

    # --- following the mirror ------------------------------------------------------------------------------------

    @callback
    def follow(self, mirror: AccountMirror | None, repairs: AccountRepairs | None) -> None:
        """Show this mirror and these repairs from now on."""
        if mirror is self.mirror and repairs is self.repairs:
            return
        while self._leave:
            self._leave.pop()()
        self.mirror, self.repairs, self.figures, self.running = mirror, repairs, None, False
        self._looked = False
        if mirror is not None:
            self._leave = [mirror.add_listener(self._progressed), mirror.add_witness(self._synchronised)]
            self._count_soon(mirror)
        if repairs is not None:
            self._leave.append(repairs.add_listener(self.tell))
        self.tell()

    @callback
    def _progressed(self, _progress: Progress) -> None:
        if not self.running:  # it is told often, and only the beginning is shown
            self.running = True
            self.tell()

    @callback
    def _synchronised(self, result: SyncResult | None) -> None:
        assert self.mirror is not None  # noqa: S101 -- it is the mirror that tells
        self.running = self.mirror.sync.running
        self._count_soon(self.mirror)
        self.tell()
        if result is not None:
            self._say(result)
            if self._looked and _is_newly_complete(result):
                self.linking.refresh.soon()  # the mounts show something new
            self._looked |= "torrents" in result.run.summary
        elif self.mirror.checked_at is None:  # it was cleared
            self._looked = False

    @callback
    def _count_soon(self, mirror: AccountMirror) -> None:
        self._hub.in_background(self._count(mirror), f"figures of {mirror.title}")

    async def _count(self, mirror: AccountMirror) -> None:
        with suppress(StoreError):  # who asks for them is told
            figures = await mirror.figures()
            if mirror is self.mirror:
                known = mirror.checked_at is not None or figures.by_status or figures.gone
                self.figures = figures if known else None
                self._counts = Counter()
                for row in figures.by_status:
                    self._counts[row.status] += row.count
                self.tell()

    # --- telling -------------------------------------------------------------------------------------------------

    @callback
    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function whenever something of it may be new."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def add_witness(self, witness: Callable[[str, Mapping[str, Any]], None]) -> CALLBACK_TYPE:
        """Call a function with the type and the data of each event."""
        self._witnesses.append(witness)
        return lambda: self._witnesses.remove(witness)

    @callback
    def tell(self) -> None:
        """Tell that something of it may be new."""
        for listener in tuple(self._listeners):
            listener()

    @callback
    def announce(self, event: str, **data: Any) -> None:
        """Tell of an event. What an `entry` of the journal says is put into words by who hears it."""
        for witness in tuple(self._witnesses):
            witness(event, data)

    @callback
    def _say(self, result: SyncResult) -> None:
        """Tell what came of a synchronisation, where anything did. Of an outage only its beginning is told."""
        if result.error is not None:
            if not self._failing:
                self.announce(SYNC_FAILED, mode=str(result.run.mode), detail=str(result.error))
            self._failing = True
        else:
            self._failing = False
        counts = {str(kind): result.run.summary[kind] for kind in _WORTH_TELLING}
        if any(counts.values()):
            self.announce(SYNCHRONISED, mode=str(result.run.mode), **counts)
        failed = [each.name for each in result.changes if each.status in FAILED_STATUSES and each.kind in _NEWLY_THERE]
        if failed:
            self.announce(TORRENTS_FAILED, count=len(failed), torrents=failed[:MOST_NAMED])


def _is_newly_complete(result: SyncResult) -> bool:
    """Tell whether there is a torrent whose files could not be had before."""
    return any(each.status is DebridStatus.DOWNLOADED and each.kind in _NEWLY_THERE for each in result.changes)


def _cannot(why: str, mirror: AccountMirror) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=why, translation_placeholders={"backend": mirror.title}
    )


class DebridWatching:
    """What is known of all accounts of the hub. It starts after the mirrors, the repairs and the links."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._watches: dict[str, AccountWatch] = {}
        self._leave: list[CALLBACK_TYPE] = []

    def of(self, account: str) -> AccountWatch:
        """Return what is known of an account."""
        if account not in self._watches:
            self._watches[account] = AccountWatch(self._hub, account)
        return self._watches[account]

    @callback
    def start(self) -> None:
        """Follow what there is."""
        hub = self._hub
        self._leave = [
            hub.pilot.add_watcher(self._reconcile),
            hub.add_listener(self._reconcile),
            hub.pilot.add_listener(self._written_down),
            hub.linking.add_listener(self._links_changed),
        ]
        self._reconcile()

    @callback
    def stop(self) -> None:
        """Follow nothing any more."""
        while self._leave:
            self._leave.pop()()
        for watch in self._watches.values():
            watch.follow(None, None)

    @callback
    def _written_down(self, entry: JournalEntry) -> None:
        """Tell of an entry of the journal: to its account, or to all where it is about links."""
        event = event_of(entry)
        if event is not None:
            account = entry.parameters.get("account")
            for watch in self._watches.values():
                if account is None or account == watch.account:
                    watch.announce(event, entry=entry)

    @callback
    def _links_changed(self) -> None:
        for watch in self._watches.values():
            watch.tell()

    @callback
    def _reconcile(self) -> None:
        for account in self._watches.keys() - self._hub.backends.keys():
            self._watches.pop(account).follow(None, None)
        for account in self._hub.debriding.accounts:
            self.of(account)
        for account, watch in self._watches.items():
            watch.follow(self._hub.debriding.accounts.get(account), self._hub.debrid_repairs.account(account))
