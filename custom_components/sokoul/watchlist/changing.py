"""How a wish changes by what a person says, and by what is found out of which title it means."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..model.library import TitleKind
from ..model.reasons import Reason
from .items import ARR, SEERR, Asker, Keeper, Meant, Part, PartState, Wish, WishState
from .schedule import pause

#: A title that nobody knows may be announced later; who couldn't be asked may answer soon.
UNKNOWN_PAUSES: Final = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 72, 168))
FAILED_PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 30, 120, 360))
MOST_CHOICES: Final = 8
#: So many who asked for one title are kept.
MOST_ASKERS: Final = 20


def anew(wish: Wish, text: str) -> Wish:
    """Return a wish for something else, of which nobody knows yet what it is."""
    return Wish(
        id=wish.id,
        text=text,
        asked_at=wish.asked_at,
        asked_by=wish.asked_by,
        requested_by=wish.requested_by,
        also=wish.also,
        minimum=wish.minimum,
        policy=wish.policy,
        auto=wish.auto,
    )


def asked_too(wish: Wish, askers: Iterable[Asker]) -> Wish:
    """Return a wish for which others have asked, too; each of them is kept once."""
    known = list(wish.askers)
    also = list(wish.also)
    for each in askers:
        if len(known) < MOST_ASKERS and not any(_is_same(each, other) for other in known):
            known.append(each)
            also.append(each)
    return wish if len(also) == len(wish.also) else replace(wish, also=tuple(also))


def _is_same(one: Asker, other: Asker) -> bool:
    """Tell whether two are one person: those who come from Seerr are known by their names alone."""
    return one.by == other.by and (one.by != SEERR or one.name == other.name)


def means(
    wish: Wish,
    meant: Meant,
    now: datetime,
    *,
    season: int | None = None,
    episode: int | None = None,
) -> Wish:
    """Return a wish of which it is known what it means; what there is to do about it is decided at once."""
    known = wish.meant is not None and wish.meant.ids & meant.ids
    series = meant.kind is TitleKind.SERIES
    return replace(
        wish,
        meant=meant,
        choices=(),
        state=wish.state if known else WishState.WAITING,
        season=(wish.season if wish.season is not None else season) if series else None,
        episode=(wish.episode if wish.episode is not None else episode) if series else None,
        resolved_at=None,  # when it comes out is to be told
        tries=0,
        due=now,
        why=wish.why if known else (),
    )


def unclear(
    wish: Wish,
    choices: tuple[Meant, ...],
    now: datetime,
    *,
    season: int | None = None,
    episode: int | None = None,
) -> Wish:
    """Return a wish that may mean several titles: it waits for the person."""
    why = Reason(key="watchlist.unclear", parameters={"count": len(choices[:MOST_CHOICES])})
    return replace(
        wish,
        state=WishState.UNCLEAR,
        choices=choices[:MOST_CHOICES],
        season=wish.season if wish.season is not None else season,
        episode=wish.episode if wish.episode is not None else episode,
        resolved_at=now,
        tries=0,
        due=None,
        why=(why,),
    )


def unknown(wish: Wish, why: Reason, now: datetime, *, failed: bool) -> Wish:
    """Return a wish of which nobody knows what it means, or could be asked; that is tried again later."""
    tries = wish.tries + 1
    due = now + pause(FAILED_PAUSES if failed else UNKNOWN_PAUSES, tries)
    if wish.meant is not None:  # it is known, and only what catalogues tell is a little old
        return replace(wish, resolved_at=now, tries=tries)
    state = wish.state if failed else WishState.UNKNOWN
    return replace(wish, state=state, tries=tries, resolved_at=now, due=due, why=(why,))


def same_title(wish: Wish, other: Wish) -> bool:
    """Tell whether two wishes are for the same: of a series for the same season and episode, too."""
    if wish.meant is None or other.meant is None or wish.meant.kind is not other.meant.kind:
        return False
    same = wish.meant.ids & other.meant.ids or wish.meant == other.meant
    return bool(same) and (wish.season, wish.episode) == (other.season, other.episode)


def inherited(keeper: Keeper, other: Keeper) -> Keeper:
    """Return what there is to let go of where a wish takes over what another had the same *arr look for."""
    return replace(
        keeper,
        added=keeper.added or other.added,
        monitored=keeper.monitored or other.monitored,
        episodes=tuple(sorted({*keeper.episodes, *other.episodes})),
        quiet=tuple(sorted({*keeper.quiet, *other.quiet})),
    )


def brought_together(before: Wish, after: Wish, there: Wish) -> Wish:
    """Return a wish that changed meanwhile, with what was done for it: who keeps it, and what is on its way."""
    said = {name: getattr(there, name) for name in SAID}
    if lasting(replace(before, **said)) == lasting(there):
        stands = replace(after, **said)
    else:
        coming = {each.key: each for each in after.parts if each.grabbed_at and each != before.part(each.key)}
        keeper = after.keeper if after.keeper != before.keeper else there.keeper
        parts = tuple(_on_its_way(part, coming.get(part.key)) for part in there.parts)
        stands = replace(there, keeper=keeper, parts=parts)
    return stands if there.done_at is None else replace(stands, keeper=there.keeper)


def _on_its_way(part: Part, as_done: Part | None) -> Part:
    if as_done is None:
        return part
    return replace(
        part,
        state=as_done.state,
        grabbed_at=as_done.grabbed_at,
        entry_id=as_done.entry_id,
        download=as_done.download,
        release=as_done.release,
        searched_at=as_done.searched_at,
        result="",
        gone_since=None,
        points=as_done.points,
        looks=as_done.looks,
        upgrades=as_done.upgrades,
        better=as_done.better,
    )


def done_with(wish: Wish, now: datetime) -> Wish:
    """Return a wish that a person is done with: no *arr keeps it for that, but what can be watched."""
    keeper = wish.keeper if wish.state is WishState.READY else None
    return replace(wish, done_at=now, due=None, keeper=keeper)


def wanted_again(wish: Wish, now: datetime) -> Wish:
    """Return a wish that a person wants after all: what is not there is looked for again."""
    parts = tuple(replace(part, taken_back_at=None) for part in wish.parts)
    return replace(searched_anew(brought_back(replace(wish, parts=parts))), done_at=None, due=now)


def has_lost(wish: Wish) -> bool:
    """Tell whether something of a wish could be watched, and left the library."""
    return any(_is_lost(part) for part in wish.parts)


def brought_back(wish: Wish) -> Wish:
    """Return a wish of which a person wants again what could be watched and left the library."""
    return replace(wish, parts=tuple(_fresh(part) if _is_lost(part) else part for part in wish.parts))


def _is_lost(part: Part) -> bool:
    return part.state is PartState.READY and part.gone_since is not None


def _fresh(part: Part) -> Part:
    """Return a part of which nothing was done yet; what came to nothing before isn't fetched again."""
    known = {name: getattr(part, name) for name in _KNOWN_OF_PART}
    return Part(state=PartState.SEARCHING, **known)


def searched_anew(wish: Wish) -> Wish:
    """Return a wish as if nobody had searched for what is missing: something else is wanted of it now."""
    parts = tuple(_anew(part) for part in wish.parts)
    return replace(wish, parts=parts, failures=0, failed_at=None, failed=None, refusals=())


def was_judged(wish: Wish) -> bool:
    """Tell whether releases were found for what is missing, that will do by a policy or won't."""
    if wish.done or wish.asked_by == ARR:
        return False
    return any(
        part.state is PartState.OFFERED or (part.state is PartState.SEARCHING and part.refused is not None)
        for part in wish.parts
    )


#: Of a part, whatever was done about it.
_KNOWN_OF_PART: Final = (
    *("season", "episode", "absolute", "name", "finale"),
    *("out_on", "out", "out_at"),
    *("failed", "given_up"),
)


def _anew(part: Part) -> Part:
    if part.state not in {PartState.SEARCHING, PartState.OFFERED}:
        return part
    part = replace(part, state=PartState.SEARCHING, searches=0, searched_at=None, season_at=None, asked_at=None)
    return replace(part, release="", result="", found=0, refused=None)


#: What a person says of a wish, whatever is found out meanwhile.
SAID: Final = ("minimum", "policy", "auto", "done_at", "also")


def lasting(wish: Wish) -> Wish:
    """Return what has to outlive a restart: not when it is looked at next, nor how far it is at this moment."""
    return replace(wish, due=None, why=(), resolved_at=None)


def over_since(wish: Wish) -> datetime | None:
    """Return since when nothing is to be done about a wish; None: something is."""
    if wish.done_at is not None:
        return wish.done_at
    if wish.state is not WishState.READY:
        return None
    return max((part.ready_at for part in wish.parts if part.ready_at is not None), default=None)
