"""What is done about a broken link, and doing it.

The least harmful first: where the same file is there under another name, the link is rewritten; where its torrent is
gone or failed, that is added again, and the link leads somewhere by itself once the mount shows it. Only a torrent that
was given up for good makes the *arr look for another release, of that movie or that episode alone; then the link goes
to the recycle folder, from where it can be taken back. What no *arr knows, a person is told.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import batched
import posixpath
from typing import Protocol

from ..model.journal import AUTOPILOT
from .catalogue import Catalogue, Holding
from .checking import LinkReport
from .links import Binding, Cause, Health, Judgement, Link, named_by, same_file
from .relinking import Change, NotChanged, State, apply, recycling, root_of, state, undo
from .retrying import Ending, Repair, Step, Urgency, WantedFile
from .turns import in_turns, loop_in_turns

#: So many links are sorted at once.
_PORTION = 2_000


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
    target: str | None = None  # as the link says it: relative where it was


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
        return _leading_to(target, link, found)
    if repair is not None and repair.step is Step.GIVEN_UP:
        # the account has it with other files: that is for a person to choose
        return Decision(act=LinkAct.TELL) if repair.ending is Ending.DIFFERENT else otherwise
    if found.cause is Cause.NEVER_SEEN:
        return Decision(act=LinkAct.TELL)  # the mount may have a name of its own for it
    if found.hash is None or found.cause is Cause.FILE_GONE:
        return otherwise  # adding the same again would bring the same
    if found.cause is Cause.NOT_SHOWN:
        return Decision(act=LinkAct.WAIT)
    return Decision(act=LinkAct.READD)


def _leading_to(target: str, link: Link, found: Judgement) -> Decision:
    """Tell what lets a link lead to a path in a mount."""
    aimed = found.place.text() if found.place is not None else ""
    if target == aimed:
        return Decision(act=LinkAct.WAIT)  # the link is right, and the account has it: the mount has to show it
    if named_by(link.path, link.target) != aimed:
        return Decision(act=LinkAct.WAIT)  # it leads to another link, and that one is rewritten
    if link.target.startswith("/"):
        return Decision(act=LinkAct.REWRITE, target=target)
    # where others see the folders elsewhere, links are relative so that they lead somewhere there, too
    return Decision(act=LinkAct.REWRITE, target=posixpath.relpath(target, posixpath.dirname(link.path)))


def repair_of(found: Judgement, catalogue: Catalogue, now: datetime) -> Repair:
    """Return the repair that brings the torrent of a link back, with the files that it had."""
    holding = found.holding
    if holding is None:
        raise ValueError("nobody knows of which torrent it is")
    entries = [each for each in catalogue.of_hash(holding.hash) if each.account == holding.account]
    bad = [each for each in entries if each.complete] if found.cause is Cause.UNREADABLE else []
    known: Holding = next((each for each in (holding, *entries) if each.files), holding)
    wanted = tuple(WantedFile(path=path, size_bytes=size) for path, size in (known.files or {}).items())
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A broken link, and what is to be done about it."""

    link: Link
    found: Judgement
    decision: Decision


def _planned(
    report: LinkReport,
    catalogue: Catalogue,
    noted: Mapping[tuple[str, str], Repair | None],
    may_aside: Callable[[Link], bool],
) -> list[Planned]:
    """Return what is to be done if the *arrs know every file. For a thread: there may be many."""
    planned = []
    for link, found in in_turns(_in_order(report.broken)):
        repair = noted[found.holding.account, found.holding.hash] if found.holding is not None else None
        decision = decide(link, found, catalogue, repair=repair, titled=True)
        if decision.act is LinkAct.SEARCH and not may_aside(link):
            decision = Decision(act=LinkAct.TELL)
        planned.append(Planned(link=link, found=found, decision=decision))
    return planned


def _torrents(report: LinkReport) -> set[tuple[str, str]]:
    """Return the accounts and hashes of the torrents that broken links lead to."""
    broken = in_turns(report.broken)
    return {(found.holding.account, found.holding.hash) for _, found in broken if found.holding is not None}


def _in_order(broken: Iterable[tuple[Link, Judgement]]) -> Iterator[tuple[Link, Judgement]]:
    """Return links in the order of their paths, sorted in portions."""

    def path(each: tuple[Link, Judgement]) -> str:
        return each[0].path

    return merge(*(sorted(some, key=path) for some in batched(broken, _PORTION, strict=False)), key=path)


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

    async def want(self, account: str, repair: Repair, actor: str) -> Repair:
        """Note that a torrent needs repair, and who said so: what a person wants is done whatever was set."""


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

    async def changes_of(self, keys: Collection[str]) -> Sequence[LinkChange]:
        """Return changes by their keys."""

    async def save_change(self, change: LinkChange) -> None:
        """Note a change, by its key."""


class LinkRepairer:
    """Repairs what a check found, one thing after the other, as whoever may decide says."""

    def __init__(
        self,
        repairs: Repairs,
        library: Library,
        notes: ChangeNotes,
        *,
        recycle: Mapping[str, str],
        roots: Collection[str],
        clock: Callable[[], datetime],
        new_key: Callable[[], str],
    ) -> None:
        """`recycle` tells for media folders where links of theirs are set aside: in none of the `roots`.

        From a media folder that is not in it nothing is set aside.
        """
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

    async def plan(self, report: LinkReport, catalogue: Catalogue) -> list[Planned]:
        """Return what would be done, in the order of the links, and change nothing.

        The *arrs are asked only where they could help.
        """
        torrents = await asyncio.to_thread(_torrents, report)
        noted = {each: self._repairs.repair(*each) async for each in loop_in_turns(torrents)}
        planned = await asyncio.to_thread(_planned, report, catalogue, noted, self._may_aside)
        async for number in loop_in_turns(range(len(planned))):
            each = planned[number]
            if each.decision.act is LinkAct.SEARCH and not await self._library.knows(each.link.path):
                planned[number] = replace(each, decision=Decision(act=LinkAct.TELL))
        return planned

    def _may_aside(self, link: Link) -> bool:
        return self._aside_of(link) is not None

    # --- before ------------------------------------------------------------------------------------------------------

    def rewriting(self, planned: Planned) -> LinkChange:
        """Return the change that lets a link say what it should. Nothing is done yet."""
        change = Change(path=planned.link.path, old_target=planned.link.target, new_target=planned.decision.target)
        return LinkChange(key=self._new_key(), at=self._clock(), change=change)

    def setting_aside(self, planned: Planned) -> LinkChange:
        """Return the change that sets a link aside. Nothing is done yet. Raises `NotChanged`."""
        key, link = self._new_key(), planned.link
        recycle = self._aside_of(link)
        if recycle is None:
            raise NotChanged("not_allowed", link.path)
        change = recycling(link.path, link.target, roots=self._roots, recycle=recycle, key=key)
        return LinkChange(key=key, at=self._clock(), change=change)

    def _aside_of(self, link: Link) -> str | None:
        try:
            return self._recycle.get(root_of(link.path, self._roots))
        except NotChanged:
            return None

    # --- doing -------------------------------------------------------------------------------------------------------

    async def readd(self, planned: Planned, catalogue: Catalogue, actor: str = AUTOPILOT) -> Repair:
        """Have the torrent of a link added again. Raises ValueError when nobody knows which one that is."""
        repair = repair_of(planned.found, catalogue, self._clock())
        account = planned.found.holding.account if planned.found.holding is not None else ""
        return await self._repairs.want(account, repair, actor)

    async def rewrite(self, changes: Sequence[LinkChange]) -> int:
        """Rewrite links, and return how many were."""
        done = 0
        for change in changes:
            await self._notes.save_change(change)
            done += await self._make(change)
        return done

    async def replace(self, begun: LinkChange) -> bool:
        """Have another release searched for, and set the link aside; tell whether both was done."""
        await self._notes.save_change(begun)
        if await asyncio.to_thread(state, begun.change) is not State.BEFORE:  # somebody has replaced it already
            await self._notes.save_change(replace(begun, state=ChangeState.FAILED, why="changed"))
            return False
        if not await self._library.replace(begun.change.path):
            await self._notes.save_change(replace(begun, state=ChangeState.FAILED, why="no_title"))
            return False
        asked = replace(begun, state=ChangeState.ASKED)
        await self._notes.save_change(asked)
        return await self._make(asked)

    # --- after -------------------------------------------------------------------------------------------------------

    async def done_of(self, keys: Collection[str]) -> list[str]:
        """Return the keys of the changes that took place, and were not taken back."""
        return [change.key for change in await self._notes.changes_of(keys) if change.state is ChangeState.DONE]

    async def take_back(self, keys: Collection[str]) -> int:
        """Take changes back, and return how many of them are. One that can't be taken back holds up no other."""
        taken = 0
        for change in await self._notes.changes_of(keys):
            if change.state is ChangeState.UNDONE:
                taken += 1
            elif change.state is ChangeState.DONE:
                taken += await self._take_back(change)
        return taken

    async def _take_back(self, done: LinkChange) -> bool:
        try:
            await asyncio.to_thread(undo, done.change, self._roots)
        except NotChanged, OSError:
            return False
        await self._notes.save_change(replace(done, state=ChangeState.UNDONE))
        return True

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
