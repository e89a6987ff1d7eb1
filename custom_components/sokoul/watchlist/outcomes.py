"""What became of a step, told to a wish: pure. Each of these ends the run of failures before it, but `failed`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ..model.reasons import Reason
from .items import Better, Keeper, Part, PartState, Wish
from .schedule import counts_from, is_made_again

#: Of those who would not have something so many are remembered.
MOST_REFUSALS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found for a part: what is offered, or why nothing is."""

    release: str = ""  # the best that will do; empty: none will
    result: str = ""  # how the search refers to it
    count: int = 0  # releases of it, those that won't do among them
    refused: Reason | None = None  # why the best of them won't do, or who gave no answer
    unanswered: bool = False  # somebody gave no answer, and the others offer nothing


_NONE = Found()


def searched(wish: Wish, keys: Collection[str], found: Mapping[str, Found], now: datetime, *, pack: bool) -> Wish:
    """Tell what a search found for parts, by their keys; what isn't named in `found` was looked for in vain.

    `pack` says that it was a search for their whole season. One that somebody gave no answer to is made again as it
    was, and isn't one in vain, unless that goes on.
    """

    def told(part: Part, each: Found, unanswered: int) -> Part:
        part = replace(part, searched_at=now, unanswered=unanswered, found=each.count, refused=each.refused)
        if not is_made_again(part):
            part = replace(part, season_at=now if pack else None)
        if each.release:
            return replace(part, state=PartState.OFFERED, release=each.release, result=each.result)
        state = PartState.SEARCHING if part.state is PartState.OFFERED else part.state
        return replace(part, state=state, release="", result="", asked_at=None)

    def counted(part: Part) -> Part:
        each, before = found.get(part.key, _NONE), part.searches if _counts(part) else 0
        part = told(part, each, part.unanswered + 1 if each.unanswered else 0)
        return replace(part, searches=before if is_made_again(part) else before + 1)

    return _ended(_parts(wish, keys, counted))


def grabbed(
    wish: Wish, keys: Collection[str], now: datetime, *, entry_id: int | None = None, download: str = ""
) -> Wish:
    """Tell that what was offered for parts is on its way."""

    def told(part: Part) -> Part:
        return replace(
            part,
            state=PartState.GRABBED,
            grabbed_at=now,
            entry_id=entry_id,
            download=download,
            result="",
            gone_since=None,
            taken_back_at=None,
        )

    return _ended(_parts(wish, keys, told))


def looked_for_better(wish: Wish, keys: Collection[str], now: datetime, *, points: int | None = None) -> Wish:
    """Tell that nothing better was found. `points` is the quality of what is here; None: nobody can tell."""

    def told(part: Part) -> Part:
        known = points if points is not None else part.points
        return replace(part, searched_at=now, looks=part.looks + 1, points=known)

    return _parts(wish, keys, told)


def upgraded(wish: Wish, keys: Collection[str], better: Better, *, points: int | None = None) -> Wish:
    """Tell that a better release is on its way; unless it is no better than what is here, or `points` of it."""

    def told(part: Part) -> Part:
        known = points if points is not None else part.points
        part = replace(part, searched_at=better.grabbed_at, points=known, looks=part.looks + 1)
        if known is not None and better.points is not None and better.points <= known:
            return part
        return replace(part, better=better, upgrades=part.upgrades + 1)

    return _parts(wish, keys, told)


def asked(wish: Wish, keys: Collection[str], now: datetime) -> Wish:
    """Tell that the person was told what is offered."""
    return _ended(_parts(wish, keys, lambda part: replace(part, asked_at=now)))


def added(wish: Wish, keeper: Keeper) -> Wish:
    """Tell which *arr has the title now."""
    return _ended(replace(wish, keeper=keeper))


def failed(wish: Wish, why: Reason, now: datetime, keys: Collection[str] = (), *, useless: bool = False) -> Wish:
    """Tell that a step failed. What is offered for the parts is no longer; `useless`: it never is again."""

    def told(part: Part) -> Part:
        gone = part.failed
        if useless and part.release and part.release not in gone:
            gone = (*gone, part.release)
        state = PartState.SEARCHING if part.state is PartState.OFFERED else part.state
        return replace(part, state=state, release="", result="", searched_at=None, failed=gone)

    offered = {part.key for part in wish.parts if part.state is PartState.OFFERED}
    wish = _parts(wish, offered.intersection(keys), told)
    return replace(wish, failures=wish.failures + 1, failed_at=now, failed=why, refusals=())


def put_off(wish: Wish, why: Reason, others: Sequence[Reason], now: datetime) -> Wish:
    """Tell that nobody can have what is offered now, though somebody may later: it stays offered until then."""
    return replace(wish, failures=wish.failures + 1, failed_at=now, failed=why, refusals=tuple(others)[:MOST_REFUSALS])


def hit(wish: Wish, keys: Collection[str], now: datetime) -> Wish:
    """Tell that a feed has a release of parts: they are searched for soon."""
    return _parts(wish, keys, lambda part: replace(part, hit_at=now))


def came_to_nothing(part: Part, release: str, download: str | None = None) -> bool:
    """Tell whether a release was fetched for a part before and came to nothing, by its name or its info hash."""
    folded = {each.casefold() for each in part.failed}
    return release.casefold() in folded or (download is not None and download.casefold() in folded)


def _counts(part: Part) -> bool:
    return part.searched_at is None or part.out_at is None or part.searched_at >= counts_from(part)


def _parts(wish: Wish, keys: Collection[str], told: Callable[[Part], Part]) -> Wish:
    return replace(wish, parts=tuple(told(part) if part.key in keys else part for part in wish.parts))


def _ended(wish: Wish) -> Wish:
    return replace(wish, failures=0, failed_at=None, failed=None, refusals=())
