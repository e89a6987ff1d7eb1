"""Getting a release: who is to download it, one after another until somebody does, and never two of them.

Choosing is pure (`choose`). Where an *arr has the title, it downloads, or its download client does in its category, so
that it imports what comes; else a debrid account that has it already; else a torrent client, where its VPN is safe and
its disk has room; at last a debrid account that has to fetch it first. A person's policy may order these otherwise, or
leave some out. Each one that is passed over says why.

What an *arr didn't find itself isn't pushed to it (`release/push`): it takes that for news of a feed, and refuses what
its profile or a delay is against, where a person or their policy has chosen this one. In its category it imports it.

Doing is crash-safe: what is about to be done is in the journal before it is done, with all that is needed to find it
and to take it back. One that may have been done, nobody knows, is looked up; as long as nobody can tell, nothing else
is tried. What was there before is left as it is, and never taken back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from ..model.journal import AFTERWARDS, ActKind, EntryStatus, JournalEntry, Json
from ..model.library import Protocol as Travels, TitleKind
from ..model.reasons import Reason, Value, reason_as_json, reason_from_json
from ..model.releases import Offer
from ..releases.merge import Release
from ..releases.policy import FetchBy
from .links import LinkRefused, Payload
from .ports import Result, Target

RULE: Final = "grab"
#: The parameter of an entry that holds what is needed to look for another release.
AGAIN: Final = "again"
#: So many releases are tried; each may have several who could download it.
MOST_RELEASES: Final = 3
#: A disk has to have so much left when the download is there.
SPARE_BYTES: Final = 5 * 10**9
#: What is used up for a while, or held: it passes without anybody's doing, so whoever wants the release asks again.
PASSING: Final = frozenset(
    f"grab.{key}" for key in ("account_paused", "no_traffic", "little_traffic", "no_slot", "held")
)
#: What of an account is used up. Who insists has it fetched all the same: a torrent costs no traffic before it is
#: watched, and the account itself says whether it takes one more.
USED_UP: Final = frozenset(f"grab.{key}" for key in ("no_traffic", "little_traffic", "no_slot"))
#: How long something that may have been done is looked for before nobody knows.
LOOKS: Final = 3


class Way(StrEnum):
    """How a release gets here."""

    ARR = "arr"  # an *arr grabs what its own search found
    CLIENT = "client"  # a torrent client gets it; in the category of an *arr, that imports it
    DEBRID = "debrid"  # a debrid account gets it


class Shelter(StrEnum):
    """What is known of a torrent client's VPN."""

    NONE = "none"  # it has none, and that is meant
    SAFE = "safe"
    UNPROVEN = "unproven"  # nothing speaks against it
    UNSAFE = "unsafe"  # it leaks, is down, or nobody can tell


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrPlace:
    """A Radarr or Sonarr. `library_id` is that of the title in its library, None where it doesn't have it."""

    id: str
    name: str
    kind: TitleKind
    answers: bool
    library_id: int | None = None
    client_id: str | None = None  # its torrent client, where that is one of ours
    category: str = ""  # that it looks at there


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlace:
    """A torrent client."""

    id: str
    name: str
    answers: bool
    shelter: Shelter = Shelter.NONE
    held: bool = False  # somebody holds stopped what is there: it starts with the rest
    held_by: str = ""  # who that is: "person", "vpn", "governor"
    free_bytes: int | None = None  # of its disk
    promised_bytes: int = 0  # of these, what is on its way will take so much

    @property
    def room_bytes(self) -> int | None:
        """What is left for another one; None: nobody knows."""
        return None if self.free_bytes is None else max(self.free_bytes - self.promised_bytes, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficLeft:
    """What is left of the traffic of a debrid account where its torrents lie."""

    left: int  # in `unit`
    in_bytes: bool = True  # else links are counted
    reset: str = ""  # when it begins anew: "daily", "weekly"; empty: nobody tells


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridPlace:
    """A debrid account. `has` tells whether it has this very torrent already; None: nobody knows."""

    id: str
    name: str
    answers: bool
    premium: bool = True
    over_since: datetime | None = None  # since when it isn't paid for any more, where that is told
    quiet_until: datetime | None = None  # it asked to be left alone until then
    traffic: TrafficLeft | None = None  # what is left of it; None: it isn't limited, or nobody tells
    free_slots: int | None = None
    has: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Who there is to download, at this moment."""

    arrs: tuple[ArrPlace, ...] = ()
    clients: tuple[ClientPlace, ...] = ()
    debrids: tuple[DebridPlace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One way to get a release."""

    way: Way
    backend_id: str
    name: str  # what the person calls the backend
    why: Reason  # why it is at its place
    offer: Offer | None = None  # of an *arr: what it found
    category: str = ""
    arr_id: str = ""  # whose category that is


@dataclass(frozen=True, slots=True)
class Choice:
    """The ways to get a release, the best first, and why others are none."""

    aims: tuple[Aim, ...]
    against: tuple[Reason, ...] = ()


# --- choosing --------------------------------------------------------------------------------------------------------


def choose(
    release: Release,
    kind: TitleKind | None,
    situation: Situation,
    fetch_by: Sequence[FetchBy] = tuple(FetchBy),
    *,
    insists: bool = False,
) -> Choice:
    """Return who may download a release, in order. `kind` is that of the title, None where nobody knows.

    `insists`: where nobody else can, accounts of which something is used up may.
    """
    fetch_by = fetch_by or tuple(FetchBy)
    size = release.size_bytes or 0
    managing = [arr for arr in situation.arrs if arr.library_id is not None and kind in {None, arr.kind}]
    if FetchBy.ARR not in fetch_by:
        managing = []
    by_arr, against = _by_arr(release, managing)
    if (why := _no_torrent(release)) is not None:
        return Choice(by_arr, against if by_arr else (*against, why))
    fitting, unfit = _apart(situation.clients, lambda client: _unfit(client, size))
    in_category, homeless = _in_category(managing, situation.clients, fitting)
    ready, unready = _apart(situation.debrids, lambda account: _unready(account, size))
    against = (*against, *unfit, *homeless, *unready)
    by_room = sorted(fitting, key=_by_shelter)
    running, held = ([each for each in by_room if each.held is holds] for holds in (False, True))
    having = [each for each in ready if each.has or (each.has is None and release.cached)]
    ways = {
        FetchBy.ARR: (*by_arr, *in_category),
        FetchBy.CACHED: [_debrid(each, "grab.why_cached") for each in having],
        # by no means to the client of an *arr without its category: there it would be in nobody's care
        FetchBy.CLIENT: [_client(each) for each in running] if not managing else [],
        FetchBy.DEBRID: [_debrid(each, "grab.why_fetches") for each in ready if each not in having],
    }
    aims = [aim for way in fetch_by for aim in ways[way]]
    if FetchBy.CLIENT in fetch_by and not managing:  # nothing starts there now: whoever begins at once goes first
        against = (*against, *(_held(each) for each in held if aims))
        aims += [_client(each) for each in held]
    if insists and {FetchBy.CACHED, FetchBy.DEBRID} & set(fetch_by):
        aims += [_debrid(each, "grab.why_insisted") for each in situation.debrids if _is_used_up(each, size)]
    if not aims and any(ways.values()):
        against = (*against, Reason(key="grab.policy_refuses"))
    elif not aims and not against:
        against = (Reason(key="grab.nobody"),)
    return Choice(tuple(aims), against)


def _apart[T](places: Iterable[T], why_not: Callable[[T], Reason | None]) -> tuple[tuple[T, ...], tuple[Reason, ...]]:
    """Return who can download something, and why the others can't."""
    told = [(each, why_not(each)) for each in places]
    return tuple(each for each, why in told if why is None), tuple(why for _, why in told if why is not None)


def _no_torrent(release: Release) -> Reason | None:
    """Return why nobody can have a release but an *arr that found it; None: it is a torrent, or may be one.

    What is cached, and not known to be a torrent, is a link of a person that a debrid account has opened: a file.
    """
    if release.protocol is Travels.USENET:
        return Reason(key="grab.no_usenet")
    opened = release.protocol is Travels.UNKNOWN and release.info_hash is None and release.cached
    return Reason(key="grab.link_direct") if opened else None


def _by_arr(release: Release, managing: Sequence[ArrPlace]) -> tuple[tuple[Aim, ...], tuple[Reason, ...]]:
    """Return the *arrs that found a release themselves, and why some of them can't have it."""
    offers = {each.source: each for each in reversed(release.offers) if each.arr is not None}
    having = [arr for arr in managing if (each := offers.get(arr.id)) and each.guid and each.indexer_id is not None]
    answering, away = _apart(having, lambda arr: None if arr.answers else _against("not_answering", arr.name))
    aims = (
        Aim(
            way=Way.ARR,
            backend_id=arr.id,
            name=arr.name,
            why=Reason(key="grab.why_arr", parameters={"backend": arr.name}),
            offer=offers[arr.id],
            arr_id=arr.id,
        )
        for arr in answering
    )
    return tuple(aims), away


def _in_category(
    managing: Sequence[ArrPlace], clients: Iterable[ClientPlace], fitting: Collection[ClientPlace]
) -> tuple[tuple[Aim, ...], tuple[Reason, ...]]:
    """Return the clients of the *arrs that have the title: what is there in their category they import.

    And why others have none that we know.
    """
    known = {each.id: each for each in clients}
    having, homeless = _apart(
        managing, lambda arr: None if arr.client_id in known and arr.category else _against("no_client", arr.name)
    )
    aims = (
        Aim(
            way=Way.CLIENT,
            backend_id=client.id,
            name=client.name,
            why=Reason(key="grab.why_category", parameters={"backend": client.name, "arr": arr.name}),
            category=arr.category,
            arr_id=arr.id,
        )
        for arr in having
        if (client := known[arr.client_id or ""]) in fitting
    )
    return tuple(aims), homeless


def _unfit(client: ClientPlace, size: int) -> Reason | None:
    """Return why a torrent client can't have so many bytes; None: it can."""
    if not client.answers:
        return _against("not_answering", client.name)
    if client.shelter is Shelter.UNSAFE:
        return _against("vpn_unsafe", client.name)
    if client.room_bytes is None or client.room_bytes >= size + SPARE_BYTES:
        return None
    told: dict[str, Value] = {"backend": client.name, "free": client.free_bytes or 0, "size": size}
    if not client.promised_bytes:
        return Reason(key="grab.disk_full", parameters=told)
    return Reason(key="grab.disk_promised", parameters={**told, "promised": client.promised_bytes})


def _unready(account: DebridPlace, size: int) -> Reason | None:
    """Return why a debrid account can't have so many bytes; None: it can."""
    return _quota(account, size) if account.answers else _against("not_answering", account.name)


def _is_used_up(account: DebridPlace, size: int) -> bool:
    why = _unready(account, size)
    return why is not None and why.key in USED_UP


def _quota(account: DebridPlace, size: int) -> Reason | None:
    """Return what of an account is used up; None: it has enough of all."""
    if account.quiet_until is not None:
        return Reason(key="grab.account_paused", parameters={"backend": account.name, "until": account.quiet_until})
    if not account.premium and account.over_since is not None:
        return Reason(key="grab.premium_over", parameters={"backend": account.name, "since": account.over_since})
    if not account.premium:
        return _against("not_premium", account.name)
    traffic = account.traffic
    if traffic is not None and traffic.left <= 0:
        return Reason(key="grab.no_traffic", parameters={"backend": account.name, "reset": traffic.reset})
    if traffic is not None and traffic.in_bytes and traffic.left < size:
        return Reason(
            key="grab.little_traffic",
            parameters={"backend": account.name, "left": traffic.left, "size": size, "reset": traffic.reset},
        )
    if account.free_slots is not None and account.free_slots <= 0 and not account.has:
        return _against("no_slot", account.name)
    return None


def _by_shelter(client: ClientPlace) -> tuple[bool, bool, int]:
    """Order by what runs, then by what is proven, then by room."""
    return client.held, client.shelter is Shelter.UNPROVEN, -(client.room_bytes or 0)


def _held(client: ClientPlace) -> Reason:
    return Reason(key="grab.held", parameters={"backend": client.name, "who": client.held_by})


def _against(key: str, backend: str) -> Reason:
    return Reason(key=f"grab.{key}", parameters={"backend": backend})


def _client(client: ClientPlace) -> Aim:
    why = Reason(key="grab.why_later" if client.held else "grab.why_client", parameters={"backend": client.name})
    return Aim(way=Way.CLIENT, backend_id=client.id, name=client.name, why=why)


def _debrid(account: DebridPlace, key: str) -> Aim:
    why = Reason(key=key, parameters={"backend": account.name})
    return Aim(way=Way.DEBRID, backend_id=account.id, name=account.name, why=why)


# --- doing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What finds again what was done, after a crash too, and takes it back. It holds no link."""

    way: Way
    backend_id: str
    name: str
    release: str
    at: datetime
    info_hash: str | None = None
    waits: bool = False  # its client is held stopped: it starts with the rest
    title_ids: tuple[int, ...] = ()  # of an *arr: movie or episodes
    category: str = ""
    arr_id: str = ""  # who imports what is in that category
    torrent_id: str | None = None  # of a debrid account: what it called it
    added: tuple[str, int] | None = None  # the *arr and the title that was added to its library for this
    there_before: tuple[str, ...] = ()  # of a debrid account: its entries of this torrent before

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept in the journal."""
        return {
            "way": str(self.way),
            "backend": self.backend_id,
            "name": self.name,
            "release": self.release,
            "at": self.at.isoformat(),
            "hash": self.info_hash,
            "waits": self.waits,
            "titles": list(self.title_ids),
            "category": self.category,
            "arr": self.arr_id,
            "torrent": self.torrent_id,
            "before": list(self.there_before),
            "added": list(self.added) if self.added is not None else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Trace:
        """Return what was kept. Raises `KeyError`, `TypeError` or `ValueError` for what `as_json` didn't make."""
        return cls(
            way=Way(stored["way"]),
            backend_id=stored["backend"],
            name=stored["name"],
            release=stored["release"],
            at=datetime.fromisoformat(stored["at"]),
            info_hash=stored["hash"],
            waits=stored["waits"],
            title_ids=tuple(stored["titles"]),
            category=stored["category"],
            arr_id=stored["arr"],
            torrent_id=stored["torrent"],
            there_before=tuple(stored["before"]),
            added=(added[0], added[1]) if (added := stored.get("added")) else None,
        )


class GrabFailed(Exception):  # noqa: N818 -- named for what happened
    """A backend didn't take a release. `unclear`: it may have taken it all the same."""

    def __init__(self, reason: Reason, *, unclear: bool = False) -> None:
        super().__init__(reason.key)
        self.reason = reason
        self.unclear = unclear


class AlreadyThere(Exception):  # noqa: N818 -- named for what happened
    """The backend had it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adding:
    """How a title is added to the library of an *arr; what isn't said is as most of its titles have it."""

    profile: str | None = None  # by its name
    root_folder: str | None = None


class GrabHands(Protocol):
    """What a grab does at the backends. Every method raises `GrabFailed`, and `payload` `LinkRefused`."""

    async def situation(self, target: Target, release: Release) -> Situation:
        """Return who there is to download. Never raises: who can't be asked doesn't answer."""

    async def add_title(self, target: Target, adding: Adding) -> tuple[Target, tuple[str, int] | None]:
        """Have an *arr manage the title, and return the target with that; None where one did before."""

    async def remove_title(self, added: tuple[str, int]) -> Reason:
        """Take a title that was added for a grab out of its library again, unless somebody uses it by now.

        Returns what came of it. Doing it twice is no harm.
        """

    async def payload(self, release: Release) -> Payload:
        """Return what is behind the offers of a release: the first of them that leads to something."""

    async def prepare(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        """Return the trace with all that is to be known before it is done. Raises `AlreadyThere`."""

    async def take(self, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        """Do it, and return the trace with what is known after. `payload` is None for an *arr.

        Raises `AlreadyThere` where somebody else has done it since.
        """

    async def find(self, trace: Trace) -> Trace | None:
        """Return the trace of what was done, where it was; None: it wasn't. Raises where nobody can tell."""

    async def take_back(self, trace: Trace) -> Reason:
        """Take it back, and return what came of it."""

    async def pause(self) -> None:
        """Wait a moment until something that may have been done can be seen."""


class Book(Protocol):
    """The journal."""

    async def write(self, entry: JournalEntry) -> JournalEntry:
        """Write an entry, and return it with its id. What it returned from is on the disk."""

    async def running(self) -> Sequence[JournalEntry]:
        """Return the grabs that were begun and never ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be got: one of these releases, the best first. All but the first are for when that fails."""

    target: Target
    results: tuple[Result, ...]
    label: str
    actor: str
    at: datetime
    adding: Adding | None = None  # have an *arr manage the title first; None: only where it does already
    only: frozenset[str] = frozenset()  # the backends that may download it; none named: all
    fetch_by: tuple[FetchBy, ...] = tuple(FetchBy)  # as the person's policy says
    reason: Reason | None = None  # why; None: it was asked for
    insists: bool = False  # accounts of which something is used up may download it, too
    again: Json | None = None  # by what another release is looked for should it fail later; None: none is


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What would be done for one release."""

    result: Result
    choice: Choice


class Grabber:
    """Gets releases, one order at a time."""

    def __init__(self, hands: GrabHands, book: Book) -> None:
        self._hands = hands
        self._book = book
        self._busy = asyncio.Lock()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """While somebody is in here nothing is got, settled or taken back."""
        async with self._busy:
            yield

    async def plan(self, order: Order) -> tuple[Planned, ...]:
        """Return what would be done, without doing anything."""
        planned = []
        for result in order.results[:MOST_RELEASES]:
            release = result.scored.release
            planned.append(Planned(result=result, choice=await self._choose(order, release)))
        return tuple(planned)

    async def _choose(self, order: Order, release: Release) -> Choice:
        situation = await self._hands.situation(order.target, release)
        choice = choose(release, _kind(order.target), situation, order.fetch_by, insists=order.insists)
        if not order.only:
            return choice
        aims = tuple(aim for aim in choice.aims if aim.backend_id in order.only)
        return Choice(aims, choice.against or (() if aims else (Reason(key="grab.not_there"),)))

    async def grab(self, order: Order) -> JournalEntry:
        """Get one of the releases, and return the entry of the journal: done, or failed with the last reason."""
        async with self._busy:
            if (unclear := await self._unclear(order)) is not None:
                return unclear
            first = order.results[0]
            entry = JournalEntry(
                at=order.at,
                changed_at=order.at,
                rule=RULE,
                subject=f"{RULE}:{first.id}",
                label=order.label,
                act=ActKind.GRAB,
                status=EntryStatus.RUNNING,
                reason=order.reason or Reason(key="grab.asked", parameters={"title": order.label}),
                actor=order.actor,
                parameters={"tries": []} | ({AGAIN: order.again} if order.again is not None else {}),
            )
            entry = await self._book.write(entry)  # one row, whatever comes of it
            try:
                order, entry = await self._add_title(order, entry)
            except GrabFailed as failed:
                return await self._book.write(replace(entry, status=EntryStatus.FAILED, result=failed.reason))
            why = Reason(key="grab.nobody")
            for result in order.results[:MOST_RELEASES]:
                ended, entry, why = await self._try_release(order, result, entry, why)
                if ended:
                    return entry
            return await self._fail(entry, why)

    async def _fail(self, entry: JournalEntry, why: Reason) -> JournalEntry:
        """Write down that nothing was got. A title that was added for it alone leaves its library again, first.

        Interrupted between the two, the entry is still open, and this is done once more.
        """
        parameters = entry.parameters
        if (added := _added(entry)) is not None:
            try:
                afterwards = await self._hands.remove_title(added)
            except GrabFailed as failed:
                afterwards = failed.reason
            parameters = {**parameters, AFTERWARDS: reason_as_json(afterwards)}
        failed_entry = replace(entry, status=EntryStatus.FAILED, result=why, undo=None, parameters=parameters)
        return await self._book.write(failed_entry)

    async def _unclear(self, order: Order) -> JournalEntry | None:
        """Return an earlier grab of one of these releases of which nobody can tell yet whether it was done."""
        names = {result.scored.release.name.name for result in order.results}
        for entry in await self._book.running():
            trace = trace_of(entry)
            if await self._settle(entry, order.at) is None and trace is not None and trace.release in names:
                return entry
        return None

    async def _add_title(self, order: Order, entry: JournalEntry) -> tuple[Order, JournalEntry]:
        """Have an *arr manage the title, where that is wanted. Adding twice is no harm: it is there already then."""
        if order.adding is None:
            return order, entry
        target, added = await self._hands.add_title(order.target, order.adding)
        if added is not None:
            entry = await self._book.write(replace(entry, parameters={**entry.parameters, "added": list(added)}))
        return replace(order, target=target), entry

    async def _try_release(
        self, order: Order, result: Result, entry: JournalEntry, why: Reason
    ) -> tuple[bool, JournalEntry, Reason]:
        """Try all ways for one release. True: it is decided, and written down."""
        release = result.scored.release
        choice = await self._choose(order, release)
        for each in choice.against:
            if not choice.aims or each.key in PASSING:
                entry = _noted(entry, release, None, each)
        if not choice.aims and choice.against:  # what passes is worth waiting for
            why = next((each for each in choice.against if each.key in PASSING), choice.against[0])
        payload: Payload | None = None
        leads_on = True
        for aim in choice.aims:
            linked = aim.way is not Way.ARR
            if linked and not leads_on:
                continue
            try:
                if linked and payload is None:
                    payload = await self._hands.payload(release)
                return True, await self._try(order, aim, release, payload, entry), why
            except GrabFailed as failed:
                why = failed.reason
            except LinkRefused as refused:  # an *arr that comes later needs no link
                why, leads_on = refused.reason, False
            entry = _noted(entry, release, aim, why)
        return False, entry, why

    async def _try(
        self, order: Order, aim: Aim, release: Release, payload: Payload | None, entry: JournalEntry
    ) -> JournalEntry:
        """Write down what is about to be done, do it, and write down what came of it.

        Raises `GrabFailed` where it surely wasn't done.
        """
        if aim.way is Way.DEBRID and payload is not None and payload.private:
            raise GrabFailed(_against("private", aim.name))
        if payload is not None and (why := await self._too_large(order, aim, release, payload)) is not None:
            raise GrabFailed(why)
        entry_target = order.target.entry_of(aim.arr_id) if aim.arr_id else None
        trace = Trace(
            way=aim.way,
            backend_id=aim.backend_id,
            name=aim.name,
            release=release.name.name,
            at=order.at,
            info_hash=payload.link.info_hash if payload is not None else release.info_hash,
            title_ids=(entry_target.library_id,) if entry_target and entry_target.library_id is not None else (),
            category=aim.category,
            arr_id=aim.arr_id,
            added=_added(entry),
        )
        try:
            trace = await self._hands.prepare(aim, trace, payload)
        except AlreadyThere:
            return await self._book.write(_ended(entry, trace, _there(trace), undo=False))
        running = await self._book.write(
            replace(entry, parameters={**entry.parameters, "trace": trace.as_json()}, undo=trace.as_json())
        )
        try:
            trace = await self._hands.take(aim, trace, payload)
        except AlreadyThere:  # somebody else was faster, and what is theirs is not taken back
            return await self._book.write(_ended(running, trace, _there(trace), undo=False))
        except GrabFailed as failed:
            if not failed.unclear:
                raise
            try:
                found = await self._look_for(trace)
            except GrabFailed:
                # it may have been done, and nobody can tell: nothing else is tried, and it is settled later
                unclear = Reason(key="grab.unclear", parameters={"backend": aim.name})
                return await self._book.write(replace(running, result=unclear))
            if found is None:
                raise
            trace = found
        return await self._book.write(_ended(running, trace, _taken(trace), undo=True))

    async def _too_large(self, order: Order, aim: Aim, release: Release, payload: Payload) -> Reason | None:
        """Return why somebody can't have a torrent that is larger than its indexer said; None: they can."""
        if payload.size_bytes <= (release.size_bytes or 0):
            return None
        offers = tuple(replace(each, size_bytes=payload.size_bytes) for each in release.offers)
        choice = await self._choose(order, replace(release, offers=offers))
        if any(each.backend_id == aim.backend_id for each in choice.aims):
            return None
        about = (each for each in choice.against if each.parameters.get("backend") == aim.name)
        return next(about, _against("not_answering", aim.name))

    async def _look_for(self, trace: Trace) -> Trace | None:
        """Look for what may have been done. Raises `GrabFailed` where nobody can tell."""
        for _ in range(LOOKS):
            await self._hands.pause()
            if (found := await self._hands.find(trace)) is not None:
                return found
        return None

    # --- afterwards ----------------------------------------------------------------------------------------------

    async def settle(self, now: datetime) -> tuple[list[JournalEntry], int]:
        """Find out what became of what was interrupted. Returns that, and of how many nobody can tell yet."""
        async with self._busy:
            running = await self._book.running()
            settled = [await self._settle(entry, now) for entry in running]
            return [entry for entry in settled if entry is not None], settled.count(None)

    async def _settle(self, entry: JournalEntry, now: datetime) -> JournalEntry | None:
        entry = replace(entry, changed_at=now)
        trace = trace_of(entry)
        if trace is None:  # nothing was begun
            return await self._fail(entry, Reason(key="result.interrupted"))
        try:
            found = await self._hands.find(trace)
        except GrabFailed:
            return None
        if entry.status is EntryStatus.UNDOING:
            status = EntryStatus.UNDONE if found is None else EntryStatus.DONE
            result = Reason(key="grab.taken_back" if found is None else "grab.not_taken_back")
            return await self._book.write(replace(entry, status=status, result=result))
        if found is None:
            silent = entry.result is not None and entry.result.key == "grab.unclear"
            why = _against("not_answering", trace.name) if silent else Reason(key="grab.interrupted")
            return await self._fail(entry, why)
        return await self._book.write(_ended(entry, found, _taken(found), undo=True))

    async def approve(self, entry_id: int, actor: str, now: datetime) -> None:
        """Grabs are asked for, never suggested."""

    def never(self, entry: JournalEntry) -> None:
        """Grabs are asked for, never suggested."""

    async def undo(self, entry: JournalEntry, actor: str, now: datetime) -> JournalEntry:
        """Take back what was got. Where that can't be, the entry stays as it was, and says why."""
        async with self._busy:
            trace = trace_of(entry)
            if trace is None:
                return replace(entry, result=Reason(key="result.cannot_undo", parameters={"id": entry.id}))
            parameters = {**entry.parameters, "undone_by": actor}
            undoing = replace(entry, status=EntryStatus.UNDOING, parameters=parameters, changed_at=now)
            await self._book.write(undoing)
            try:
                result = await self._hands.take_back(trace)
            except GrabFailed as failed:
                await self._book.write(entry)
                return replace(entry, result=failed.reason)
            return await self._book.write(replace(undoing, status=EntryStatus.UNDONE, result=result))


def _added(entry: JournalEntry) -> tuple[str, int] | None:
    """Return the *arr and the title that was added to its library for a grab."""
    added = entry.parameters.get("added")
    return (added[0], added[1]) if added else None


def _kind(target: Target) -> TitleKind | None:
    return target.title.kind if target.title is not None else None


def _taken(trace: Trace) -> Reason:
    key = "grab.taken_later" if trace.waits else f"grab.taken_{trace.way}"
    return Reason(key=key, parameters={"backend": trace.name, "release": trace.release})


def _there(trace: Trace) -> Reason:
    return Reason(key="grab.already_there", parameters={"backend": trace.name, "release": trace.release})


def _ended(entry: JournalEntry, trace: Trace, result: Reason, *, undo: bool) -> JournalEntry:
    parameters = {**entry.parameters, "trace": trace.as_json()}
    return replace(
        entry,
        status=EntryStatus.DONE,
        result=result,
        parameters=parameters,
        undo=trace.as_json() if undo else None,
    )


def _noted(entry: JournalEntry, release: Release, aim: Aim | None, why: Reason) -> JournalEntry:
    """Return the entry with one more try that came to nothing."""
    backend = aim.backend_id if aim is not None else None
    tried = {"release": release.name.name, "backend": backend, "why": reason_as_json(why)}
    return replace(entry, parameters={**entry.parameters, "tries": [*entry.parameters["tries"], tried]})


def leads_nowhere(why: Reason) -> bool:
    """Tell whether it is the link of a release because of which it can't be had, whoever is to download it."""
    return why.key.partition(".")[2].startswith("link_")


def trace_of(entry: JournalEntry) -> Trace | None:
    """Return where what an entry tells of is; None where it tells of nothing."""
    try:
        return Trace.from_json(entry.parameters["trace"])
    except KeyError, TypeError, ValueError:
        return None


def tries_of(entry: JournalEntry) -> tuple[tuple[str, str | None, Reason], ...]:
    """Return the releases that were tried in vain, at which backend, and why."""
    tries = entry.parameters.get("tries", ())
    return tuple((each["release"], each["backend"], reason_from_json(each["why"])) for each in tries)
