"""What is done about a broken link, and doing it.

The least harmful first: where the same file is there under another name, the link is rewritten; where its torrent is
gone or failed, that is added again, and the link leads somewhere by itself once the mount shows it. Only a torrent that
was given up for good makes the *arr look for another release, of that movie or that episode alone; then the link goes
to the recycle folder, from where it can be taken back. What no *arr knows, a person is told.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from .catalogue import Catalogue, Holding
from .checking import LinkReport
from .links import Binding, Cause, Health, Judgement, Link, same_file
from .relinking import Change, NotChanged, apply, recycling, undo
from .retrying import Repair, Step, Urgency, WantedFile

#: So many other releases are looked for in one run: each search asks every indexer.
SEARCHES = 5


class LinkAct(StrEnum):
    """What is done about a link."""

    NOTHING = "nothing"
    WAIT = "wait"  # for the mount, or for the torrent that is being added again
    REWRITE = "rewrite"
    READD = "readd"
    SEARCH = "search"  # for another release, of this title alone
    TELL = "tell"  # a person: nobody else can help


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done about a link, and what it is to say then."""

    act: LinkAct
    target: str | None = None


def decide(
    link: Link,
    found: Judgement,
    catalogue: Catalogue,
    *,
    repair: Repair | None,
    titled: bool,
    binding: Binding | None = None,
) -> Decision:
    """Tell what is done about a link. `repair` is that of its torrent, `titled` whether an *arr knows the file."""
    if found.health is not Health.BROKEN:
        return Decision(act=LinkAct.NOTHING)
    otherwise = Decision(act=LinkAct.SEARCH if titled else LinkAct.TELL)
    if repair is not None and repair.open:
        return Decision(act=LinkAct.WAIT)
    target = same_file(found, catalogue, binding)
    if found.cause is not Cause.UNREADABLE and target is not None:
        # the link is right, and the account has it: the mount has to show it
        return Decision(act=LinkAct.WAIT) if target == link.target else Decision(act=LinkAct.REWRITE, target=target)
    if repair is not None and repair.step is Step.GIVEN_UP:
        return otherwise
    if found.cause is Cause.NEVER_SEEN:
        return Decision(act=LinkAct.TELL)  # the mount may have a name of its own for it
    if found.hash is None or found.cause is Cause.FILE_GONE:
        return otherwise  # adding the same again would bring the same
    if found.cause is Cause.NOT_SHOWN:
        return Decision(act=LinkAct.WAIT)
    return Decision(act=LinkAct.READD)


def repair_of(found: Judgement, catalogue: Catalogue, now: datetime) -> Repair:
    """Return the repair that brings the torrent of a link back, with the files that it had."""
    holding = found.holding
    if holding is None:
        raise ValueError("nobody knows of which torrent it is")
    entries = [each for each in catalogue.by_hash.get(holding.hash, ()) if each.account == holding.account]
    bad = [each for each in entries if each.complete] if found.cause is Cause.UNREADABLE else []
    known: Holding = next((each for each in (holding, *entries) if each.files), holding)
    wanted = tuple(WantedFile(path=file.path, size_bytes=file.size_bytes) for file in known.files or ())
    return Repair(
        hash=holding.hash,
        label=holding.filename,
        trouble=found.cause,
        urgency=Urgency.LINKED,
        created_at=now,
        due_at=now,
        old_ids=tuple(each.id for each in entries if each.failed or each in bad),
        bad_ids=tuple(each.id for each in bad),
        wanted=wanted or None,
    )


# --- doing -----------------------------------------------------------------------------------------------------------


class ChangeState(StrEnum):
    """How far a change of a link is."""

    BEGUN = "begun"  # noted; it may or may not have been made
    ASKED = "asked"  # the *arr looks for another release; the link is about to be set aside
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChange:
    """A row of what was done to links. `key` names it, and its place in the recycle folder."""

    key: str
    at: datetime
    change: Change
    state: ChangeState = ChangeState.BEGUN
    why: str = ""


class Repairs(Protocol):
    """The repairs of the accounts."""

    def repair(self, account: str, info_hash: str) -> Repair | None:
        """Return what is noted of a torrent."""

    async def want(self, account: str, repair: Repair) -> Repair:
        """Note that a torrent needs repair."""


class Library(Protocol):
    """The *arrs, by the files of their titles."""

    async def knows(self, path: str) -> bool:
        """Tell whether an *arr has exactly one movie, or the episodes of this one file, at a path."""

    async def replace(self, path: str) -> bool:
        """Block the release of that file and search for another one, for its title alone; tell whether it was done."""


class ChangeNotes(Protocol):
    """Where changes of links are noted. What returns has been written."""

    async def changes(self) -> Sequence[LinkChange]:
        """Return all that were begun and not finished."""

    async def save_change(self, change: LinkChange) -> None:
        """Note a change, by its key."""


class LinkRepairer:
    """Repairs what a check found."""

    def __init__(
        self,
        repairs: Repairs,
        library: Library,
        notes: ChangeNotes,
        *,
        roots: Collection[str],
        recycle: str,
        clock: Callable[[], datetime],
        new_key: Callable[[], str],
    ) -> None:
        """`recycle` is the folder in which links are set aside; it is in none of the `roots`."""
        self._repairs = repairs
        self._library = library
        self._notes = notes
        self._roots = tuple(roots)
        self._recycle = recycle
        self._clock = clock
        self._new_key = new_key

    async def resume(self) -> None:
        """Finish what was begun before a restart. Everything that is done twice is done once."""
        for begun in await self._notes.changes():
            if begun.state is ChangeState.BEGUN and begun.change.new_target is None:
                # whether the *arr was asked is not known: the link stays, and is judged anew
                await self._notes.save_change(replace(begun, state=ChangeState.FAILED, why="interrupted"))
            else:
                await self._make(begun)

    async def plan(self, report: LinkReport, catalogue: Catalogue) -> list[tuple[Link, Judgement, Decision]]:
        """Return what would be done, and change nothing."""
        planned = []
        for link, found in report.broken:
            repair = None
            if found.holding is not None:
                repair = self._repairs.repair(found.holding.account, found.holding.hash)
            titled = await self._library.knows(link.path)
            planned.append((link, found, decide(link, found, catalogue, repair=repair, titled=titled)))
        return planned

    async def repair(self, report: LinkReport, catalogue: Catalogue) -> Mapping[LinkAct, int]:
        """Do what is to be done about the broken links of a report, and return how much of what was done."""
        done: dict[LinkAct, int] = {}
        wanted: set[str] = set()
        for link, found, decision in await self.plan(report, catalogue):
            act = decision.act
            match act:
                case LinkAct.REWRITE if decision.target is not None:
                    change = Change(path=link.path, old_target=link.target, new_target=decision.target)
                    counted = await self._rewrite(change)
                case LinkAct.READD if found.holding is not None:
                    counted = found.holding.hash not in wanted
                    if counted:
                        wanted.add(found.holding.hash)
                        await self._repairs.want(found.holding.account, repair_of(found, catalogue, self._clock()))
                case LinkAct.SEARCH:
                    counted = done.get(act, 0) < SEARCHES and await self._search(link)
                case _:
                    counted = True
            if counted:
                done[act] = done.get(act, 0) + 1
        return done

    async def take_back(self, done: LinkChange) -> LinkChange:
        """Take a change back. Raises `NotChanged`, and OSError from the disk."""
        await asyncio.to_thread(undo, done.change, self._roots)
        undone = replace(done, state=ChangeState.UNDONE)
        await self._notes.save_change(undone)
        return undone

    async def _rewrite(self, change: Change) -> bool:
        begun = LinkChange(key=self._new_key(), at=self._clock(), change=change)
        await self._notes.save_change(begun)
        return await self._make(begun)

    async def _search(self, link: Link) -> bool:
        key = self._new_key()
        try:
            change = recycling(link.path, link.target, roots=self._roots, recycle=self._recycle, key=key)
        except NotChanged:
            return False
        begun = LinkChange(key=key, at=self._clock(), change=change)
        await self._notes.save_change(begun)
        if not await self._library.replace(link.path):
            await self._notes.save_change(replace(begun, state=ChangeState.FAILED, why="no_title"))
            return False
        asked = replace(begun, state=ChangeState.ASKED)
        await self._notes.save_change(asked)
        return await self._make(asked)

    async def _make(self, begun: LinkChange) -> bool:
        try:
            await asyncio.to_thread(apply, begun.change, self._roots)
        except NotChanged as not_changed:
            await self._notes.save_change(replace(begun, state=ChangeState.FAILED, why=not_changed.why))
            return False
        except OSError as error:
            why = error.strerror or type(error).__name__
            await self._notes.save_change(replace(begun, state=ChangeState.FAILED, why=why))
            return False
        await self._notes.save_change(replace(begun, state=ChangeState.DONE))
        return True
