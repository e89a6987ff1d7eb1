"""What is to be done about a wish: pure, of what is known of it and the time.

    wish = refresh(wish, known, now)
    step = next_step(wish, known, now)
    ... the step is done, what came of it is told by a function of `outcomes`, and all begins anew ...
    until the step is NOTHING: until `step.at`, or until something changes

Each step that was done has to be told, also when it failed, else it is said again. Two things never happen: that a part
is fetched that is there or on its way, and that a release is fetched again which came to nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from ..releases.upgrade import resolution_of
from .bettering import DOWNLOAD_GONE, MOST_UPGRADES, better_at, bettered, without_better
from .budget import is_new
from .explaining import FILE_GONE, NO_SOURCE, reasons_of
from .items import ARR, ON_ITS_WAY, WANTED, Dates, Part, PartState, Wish, WishState
from .known import Catalogued, Coming, Known, is_managed, is_put_off, is_wanted, takes_by_itself
from .schedule import (
    OLD,
    TRY_AGAIN,
    Release,
    is_out,
    next_look,
    next_search,
    pause,
    release_of_movie,
    releases_of_episodes,
    stretched,
)

#: A season with so many missing episodes is looked for as a whole first, and again after so long.
PACK_FROM: Final = 2
PACK_AGAIN: Final = timedelta(days=7)
#: More episodes are no wish: the newest count.
MOST_PARTS: Final = 1_000
#: What a search found can be had for so long; then it is searched for again.
FRESH: Final = timedelta(minutes=20)
#: What nobody can have now is tried again after so long at the latest.
PUT_OFF: Final = timedelta(hours=3)
#: Between two searches for one series: others wait, and indexers count. The more are missing, the longer it takes.
SPACING: Final = timedelta(minutes=1)
MANY: Final = 10
SPACING_OF_MANY: Final = timedelta(minutes=5)
#: A finished download that nobody sees any more may be on its way into the library.
IMPORT_GONE: Final = timedelta(hours=1)
#: What the library has so soon after it was asked for was there before.
THERE_BEFORE: Final = timedelta(hours=1)
#: A season without news for so long is over, whatever nobody says.
SEASON_OVER: Final = timedelta(days=60)
MOST_FAILED: Final = 20
#: Of a part so many downloads are given up that stand still: if none of them comes, it may be the connection.
MOST_GIVEN_UP: Final = 5
#: After so many failed downloads the next best is looked for at once, then after a pause that grows.
AT_ONCE: Final = 3

#: How often a wish is looked at though nothing happened.
LOOK: Final = timedelta(hours=1)
#: How old what catalogues told may be: of what comes out soon, of what will, of what is out.
_NEWS_SOON, _NEWS, _NEWS_OUT = timedelta(days=1), timedelta(days=3), timedelta(days=7)
_SOON: Final = timedelta(days=7)


class StepKind(StrEnum):
    """What is to be done next."""

    RESOLVE = "resolve"  # ask catalogues when it comes out, and for its episodes
    ADD_TO_ARR = "add_to_arr"  # have the *arr know it, monitored
    SEARCH = "search"  # look for releases of some parts
    GRAB = "grab"  # fetch what was offered for some parts
    ASK = "ask"  # tell the person that something is offered
    UPGRADE = "upgrade"  # look for something better than what can be watched, and fetch it
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next step. `keys` are the parts that it is about."""

    kind: StepKind
    at: datetime | None = None  # of NOTHING: when to look again; None: when something changes
    keys: tuple[str, ...] = ()
    season: int | None = None  # of episodes that are looked for
    pack: bool = False  # its whole season is looked for; else there is one part
    result: str = ""  # that is to be fetched: how the search refers to it


# --- what became of it -----------------------------------------------------------------------------------------------


def refresh(wish: Wish, known: Known, now: datetime) -> Wish:
    """Return a wish as it stands now. With nothing new it is the same again, and keeps being so.

    A wish of which nobody knows what is meant is left as it is.
    """
    if wish.meant is None:
        return wish
    if known.catalogue is not None:
        wish = _catalogued(wish, known.catalogue, now)
    parts = _movie_parts(wish, now) if wish.is_movie else wish.parts
    parts = tuple(bettered(wish, _part_now(wish, part, known, now), known, now) for part in parts)
    if known.catalogue is not None and not wish.is_movie:
        parts = _without_vanished(parts, known.catalogue)
    wish = replace(wish, parts=parts, state=_state(wish, parts, now))
    if known.catalogue is not None:  # what became of it may ask for news more often
        wish = _noted(wish, now)
    step = next_step(wish, known, now)
    due = step.at if step.kind is StepKind.NOTHING else now
    why = reasons_of(wish, known, now, due, waits=held_back(wish, known, now))
    return replace(wish, due=due, why=why)


def _catalogued(wish: Wish, told: Catalogued, now: datetime) -> Wish:
    wish = replace(wish, ended=told.ended if told.ended is not None else wish.ended)
    wish = _noted(wish, now)
    if wish.is_movie:
        return replace(wish, dates=_dates(wish.dates, told.dates, now.date()))
    if not told.episodes:
        return wish
    there = {part.key: part for part in wish.parts}
    releases = releases_of_episodes(told.episodes)
    for each in told.episodes:
        if is_wanted(wish, each):
            fresh = Part(season=each.season, episode=each.episode)
            part = there.get(fresh.key, fresh)
            named = "" if each.name.strip().casefold() in {"tba", "tbd"} else each.name
            absolute = each.absolute if each.absolute is not None else part.absolute
            part = replace(part, name=named, absolute=absolute, finale=each.finale)
            there[part.key] = _released(part, releases[each.season, each.episode])
    parts = sorted(there.values(), key=lambda part: (part.season or 0, part.episode or 0))
    return replace(wish, parts=tuple(parts))


def _noted(wish: Wish, now: datetime) -> Wish:
    """Note that catalogues were asked now, if that was due; else the *arr told it, as at each look."""
    news = _news_due(wish, now)
    asked_now = wish.resolved_at is None or (news is not None and news <= now)
    return replace(wish, resolved_at=now) if asked_now else wish


def _dates(before: Dates, told: Dates, today: date) -> Dates:
    """Return what is told, and of what isn't what was before, if it is over: a release isn't taken back."""

    def kept(day: date | None) -> date | None:
        return day if day is not None and day <= today else None

    if told == Dates():
        return before
    return Dates(
        cinema=told.cinema or kept(before.cinema),
        digital=told.digital or kept(before.digital),
        physical=told.physical or kept(before.physical),
    )


def _without_vanished(parts: tuple[Part, ...], told: Catalogued) -> tuple[Part, ...]:
    """Return the parts but those that are in no catalogue any more, unless they are there or on their way."""
    if not told.episodes:
        return parts
    names = {(each.season, each.episode) for each in told.episodes}
    left = (part for part in parts if (part.season, part.episode) in names or part.state not in WANTED)
    return tuple(left)[-MOST_PARTS:]


def _movie_parts(wish: Wish, now: datetime) -> tuple[Part, ...]:
    release = release_of_movie(wish, wish.dates, now)
    return tuple(_released(part, release) for part in wish.parts[:1] or (Part(),))


def _released(part: Part, release: Release) -> Part:
    if (part.out_on, part.out, part.out_at) == (release.on, release.out, release.at):
        return part
    return replace(part, out_on=release.on, out=release.out, out_at=release.at)


def _part_now(wish: Wish, part: Part, known: Known, now: datetime) -> Part:
    """Return how far a part is: what is there counts first, then what is on its way, then what was before.

    What could be watched stays so when its file leaves the library: somebody may have watched it, and deleted it.
    """
    if (held := known.held(part)) is not None and held.has_file:
        untouched = part.state in WANTED and part.grabbed_at is None and part.searched_at is None
        before = untouched and now - wish.asked_at < THERE_BEFORE
        return _is_ready(replace(part, there_before=True) if before else part, now)
    if part.state is PartState.READY:
        left = wish.keeper is not None and (known.kept is False or held is not None)
        return replace(part, gone_since=now) if left and part.gone_since is None else part
    if known.comes(part):
        coming = _is_coming(wish, part, known, now)
        return _part_now(wish, _given_up(coming, now), known, now) if _has_failed(wish, coming, known) else coming
    if part.state in ON_ITS_WAY:
        return _if_download_is_gone(wish, part, known, now)
    if part.state is PartState.OFFERED:
        return part
    state = PartState.SEARCHING if is_out(part, now) else PartState.WAITING
    return part if part.state is state else replace(part, state=state)


def _given_up(part: Part, now: datetime) -> Part:
    """Return a part that another release is to be looked for, the first times at once."""
    state = PartState.SEARCHING if is_out(part, now) else PartState.WAITING
    part = replace(_came_to_nothing(part), state=state, season_at=None)
    return replace(part, searched_at=None) if part.given_up <= AT_ONCE else part


def _is_ready(part: Part, now: datetime) -> Part:
    return replace(part, state=PartState.READY, ready_at=part.ready_at or now, here_at=None, gone_since=None)


def _is_coming(wish: Wish, part: Part, known: Known, now: datetime) -> Part:
    """Return a part that is on its way. What was on its way before and isn't any more came to nothing."""
    downloads = known.comes(part)
    mine = next((each for each in downloads if each.download == part.download), None)
    if mine is None:
        if part.download and part.state in ON_ITS_WAY and known.all_seen:
            part = _came_to_nothing(part)
        if part.download:  # this one is not what was fetched
            part = replace(part, entry_id=None)
        mine = max(downloads, key=lambda each: each.finished)
    if mine.finished and wish.keeper is None:
        part = _is_ready(part, now)
    else:
        state = PartState.IMPORTING if mine.finished else PartState.GRABBED
        here_at = (part.here_at or now) if mine.finished else None
        part = replace(part, state=state, here_at=here_at, ready_at=None)
    return replace(
        part,
        download=mine.download,
        release=_release_of(part, mine),
        grabbed_at=part.grabbed_at or now,
        gone_since=None,
        result="",
    )


def _release_of(part: Part, mine: Coming) -> str:
    """Return what a download is called: as it calls itself, unless it was grabbed under a name that tells more."""
    same = mine.download == part.download and part.release
    tells_more = same and resolution_of(mine.release) is None and resolution_of(part.release) is not None
    return part.release if tells_more or not mine.release else mine.release


def _if_download_is_gone(wish: Wish, part: Part, known: Known, now: datetime) -> Part:
    """Look for a part again once its download isn't seen any more, by those who would see it."""
    in_library = wish.keeper is None or known.kept is False or known.held(part) is not None
    if known.coming is None or not known.all_seen or not in_library:
        return part
    if part.gone_since is None:
        return replace(part, gone_since=now)
    if now - part.gone_since < (IMPORT_GONE if part.state is PartState.IMPORTING else DOWNLOAD_GONE):
        return part
    return replace(_came_to_nothing(part), state=PartState.SEARCHING if is_out(part, now) else PartState.WAITING)


def _has_failed(wish: Wish, part: Part, known: Known) -> bool:
    """Tell whether what was fetched for a part is there, and will come to nothing: it is left, and another looked for.

    Where an *arr waits for it, it is healed. What somebody else downloads is theirs.
    """
    if wish.keeper is not None or part.entry_id is None or part.state not in ON_ITS_WAY:
        return False
    mine = next((each for each in known.comes(part) if each.download == part.download), None)
    return mine is not None and (mine.failed or (mine.stands and part.given_up < MOST_GIVEN_UP))


def _came_to_nothing(part: Part) -> Part:
    """Return a part whose release is not to be fetched again. The more there were, the later the next one."""
    gone = (*part.failed, *(each for each in (part.download, part.release) if each and each not in part.failed))
    given_up = part.given_up + 1
    return replace(_without_download(part), failed=gone[-MOST_FAILED:], given_up=given_up, searches=given_up)


def taken_back(wish: Wish, entry_id: int, now: datetime) -> Wish:
    """Return a wish of which a person took back what an entry of the journal brought: the same if that was nothing.

    It isn't fetched again, and nothing else is without their word; nor is anything better.
    """

    def told(part: Part) -> Part:
        if part.better is not None and part.better.entry_id == entry_id:
            return replace(without_better(part, part.better), upgrades=MOST_UPGRADES)
        if part.entry_id != entry_id:
            return part
        if part.state not in ON_ITS_WAY:
            return replace(part, upgrades=MOST_UPGRADES)
        state = PartState.SEARCHING if is_out(part, now) else PartState.WAITING
        return replace(_came_to_nothing(part), state=state, season_at=None, searched_at=None, taken_back_at=now)

    parts = tuple(map(told, wish.parts))
    return wish if parts == wish.parts else replace(wish, parts=parts)


def _without_download(part: Part) -> Part:
    return replace(
        part, download="", release="", result="", entry_id=None, grabbed_at=None, here_at=None, gone_since=None
    )


_ORDER = (PartState.SEARCHING, PartState.OFFERED, PartState.GRABBED, PartState.IMPORTING)


def _state(wish: Wish, parts: Sequence[Part], now: datetime) -> WishState:
    """Return how far a wish is: as far as the part of it that is behind, among those that are out."""
    states = {part.state for part in parts}
    behind = next((state for state in _ORDER if state in states), None)
    if behind is not None:
        return WishState(behind)
    if PartState.READY not in states:
        return WishState.WAITING
    return WishState.READY if PartState.WAITING not in states and _is_all(wish, parts, now) else WishState.UP_TO_DATE


def _is_all(wish: Wish, parts: Sequence[Part], now: datetime) -> bool:
    """Tell whether no more parts will come. Of many a season nobody tells which episode is its last."""
    if wish.is_movie or wish.episode is not None or wish.ended:
        return True
    if wish.season is None:
        return False
    latest = max((part.out_on for part in parts if part.out_on is not None), default=None)
    return parts[-1].finale or (latest is not None and latest < (now - SEASON_OVER).date())


# --- what is to be done ----------------------------------------------------------------------------------------------


def next_step(wish: Wish, known: Known, now: datetime, *, asked: datetime | None = None) -> Step:
    """Return what is to be done next about a wish that was refreshed.

    `asked` is the moment at which a person asked to have it now: what was not searched for since then is, whether it
    is out or not, and what is found is fetched without asking.
    """
    if wish.meant is None:
        return _of_unknown(wish, now)
    if wish.done:
        return _better(wish, known, now, asked) or _after_all(wish, known, now)
    if wish.asked_by == ARR:
        return _nothing(wish, known, now)
    if (again := _tried_again(wish, known, asked)) is not None and again > now:
        return Step(kind=StepKind.NOTHING, at=again)
    if (news := _news_due(wish, now)) is not None and news <= now:
        return Step(kind=StepKind.RESOLVE)
    return (
        _through_arr(wish, known, now, asked)
        or _step_of_parts(wish, known, now, asked)
        or _better(wish, known, now, asked)
        or _nothing(wish, known, now)
    )


def _better(wish: Wish, known: Known, now: datetime, asked: datetime | None) -> Step | None:
    """Return the next search for something better than what can be watched; None: none is due."""
    times = ((better_at(wish, part, known, now, asked), part) for part in wish.parts)
    due = [(at, part) for at, part in times if at is not None and at <= now]
    if not due or wish.done_at is not None or (asked is None and _spaced(wish, now) > now):
        return None
    _, part = min(due, key=lambda each: (not _is_hit(each[1]), each[0]))
    return Step(kind=StepKind.UPGRADE, keys=(part.key,), season=part.season)


def _after_all(wish: Wish, known: Known, now: datetime) -> Step:
    """Wait for what may still happen to a wish that is done with."""
    times = [next_look(wish.id, LOOK, now) if _may_vanish(wish) else None]
    if wish.done_at is None:
        times += _bettering(wish, known, now)
    return Step(kind=StepKind.NOTHING, at=min((at for at in times if at is not None and at > now), default=None))


def _bettering(wish: Wish, known: Known, now: datetime) -> Iterator[datetime | None]:
    """Yield when something about a better release is to be done, or changes by itself."""
    spaced = _spaced(wish, now)
    for part in wish.parts:
        if part.better is not None:
            yield next_look(wish.id, LOOK, now)
            yield part.better.gone_since + DOWNLOAD_GONE if part.better.gone_since is not None else None
        elif (at := better_at(wish, part, known, now)) is not None:
            yield max(at, spaced)
        yield part.better_until


def _tried_again(wish: Wish, known: Known, asked: datetime | None) -> datetime | None:
    """Return when what went wrong is tried again; None: nothing did, or something else may be done about it by now."""
    if wish.failed_at is None or (asked is not None and asked > wish.failed_at):
        return None
    if wish.failed is not None and wish.failed.key == NO_SOURCE and _is_to_be_added(wish, known):
        return None  # nobody could search, and somebody will be able to
    again = stretched(pause(TRY_AGAIN, wish.failures), wish.id)
    if not is_put_off(wish):
        return wish.failed_at + again
    until = wish.failed.parameters.get("until") if wish.failed is not None else None
    if isinstance(until, datetime):  # then it is over
        again = max(until - wish.failed_at, TRY_AGAIN[0])
    return wish.failed_at + min(again, PUT_OFF)


def _is_to_be_added(wish: Wish, known: Known) -> bool:
    """Tell whether an *arr is to have a title that nothing was done about there yet, as what is found is fetched."""
    wanted = any(part.state in WANTED for part in wish.parts) or not wish.parts
    may = takes_by_itself(wish, known.settings) is True
    return wanted and may and known.has_arr and known.answers and not is_managed(wish)


def _may_vanish(wish: Wish) -> bool:
    return wish.done_at is None and wish.keeper is not None


def _through_arr(wish: Wish, known: Known, now: datetime, asked: datetime | None) -> Step | None:
    """Return what is to be done about the *arr; None: go on.

    Nothing is added or monitored there before a person said that what is found is to be fetched.
    """
    if not known.has_arr and wish.keeper is None:
        return None
    if not known.answers:
        return _nothing(wish, known, now)
    wanted = any(part.state in WANTED for part in wish.parts) or not wish.parts
    may = asked is not None or takes_by_itself(wish, known.settings) is True
    if wish.keeper is None or wish.keeper.only_seen:
        return Step(kind=StepKind.ADD_TO_ARR) if known.has_arr and wanted and may else None
    if known.kept is False:  # a person took it from there
        again = asked is not None and known.has_arr and wanted
        return Step(kind=StepKind.ADD_TO_ARR) if again else _nothing(wish, known, now)
    return None


def _step_of_parts(wish: Wish, known: Known, now: datetime, asked: datetime | None) -> Step | None:
    free = [part for part in wish.parts if _is_free(part, known)]
    return _offered(wish, free, known, now, asked) or _search(wish, free, known, now, asked)


def _is_free(part: Part, known: Known) -> bool:
    """Tell whether nobody has a part, or is about to bring it."""
    held = known.held(part)
    return part.state in WANTED and not known.comes(part) and (held is None or not held.has_file)


def _offered(wish: Wish, free: Iterable[Part], known: Known, now: datetime, asked: datetime | None) -> Step | None:
    """Return the step for what was found: fetch it, search again where that is too long ago, or ask."""
    offered = [part for part in free if part.state is PartState.OFFERED]
    if not offered:
        return None
    auto = takes_by_itself(wish, known.settings)
    fetched = offered if asked is not None else [part for part in offered if part.taken_back_at is None]
    if fetched and (asked is not None or (auto and known.pilot)):
        first = fetched[0]
        later = known.searches_from is not None and known.searches_from > now
        if asked is None and later and is_put_off(wish) and not _is_fresh(first, now):
            return None  # it would be searched for again and again, while nobody can have it
        together = [part for part in fetched if part.result == first.result and part.season == first.season]
        keys = tuple(part.key for part in together)
        if first.result and _is_fresh(first, now):
            return Step(kind=StepKind.GRAB, keys=keys, season=first.season, result=first.result)
        if len(keys) < PACK_FROM and (season := _all_of_season(wish, first, fetched)) is not None:
            keys = season  # one search for all, as they were found
        pack = len(keys) >= PACK_FROM
        return Step(kind=StepKind.SEARCH, keys=keys if pack else keys[:1], season=first.season, pack=pack)
    asks = [part for part in offered if auto is None or (auto and part.taken_back_at is not None)]
    news = tuple(part.key for part in asks if part.asked_at is None)
    return Step(kind=StepKind.ASK, keys=news) if news else None


def _all_of_season(wish: Wish, part: Part, offered: Iterable[Part]) -> tuple[str, ...] | None:
    """Return the parts of a season if all of them are offered; None: there are others, or it is no season."""
    keys = tuple(each.key for each in offered if each.season == part.season)
    season = [each for each in wish.parts if each.season == part.season]
    return keys if part.season is not None and wish.episode is None and len(keys) == len(season) else None


def _is_fresh(part: Part, now: datetime) -> bool:
    """Tell whether what was found can still be had as it was found."""
    return part.searched_at is not None and now - part.searched_at <= FRESH


def _search(wish: Wish, free: Iterable[Part], known: Known, now: datetime, asked: datetime | None) -> Step | None:
    """Return the next search: of a whole season where all of it is missing, else of one part."""
    free = [part for part in free if part.state is not PartState.OFFERED]
    due = [(at, part) for part in free if (at := _search_at(wish, part, known, now, asked)) is not None and at <= now]
    if asked is None:
        due = [each for each in due if _waits_until(wish, each[1], known, now) is None]
    if not due or (asked is None and _spaced(wish, now) > now):
        return None
    _, part = min(due, key=lambda each: _rank(each[0], each[1], now))
    if (season := _whole_season(wish, part, free, now)) is not None:
        return Step(kind=StepKind.SEARCH, keys=season, season=part.season, pack=True)
    return Step(kind=StepKind.SEARCH, keys=(part.key,), season=part.season)


def _waits_until(wish: Wish, part: Part, known: Known, now: datetime) -> datetime | None:
    """Return until when a search waits because there were many; None: it doesn't.

    What a feed has never waits, and what is new on the list only after many others that are.
    """
    if known.searches_from is None or known.searches_from <= now or _is_hit(part):
        return None
    if not is_new(wish):
        return known.searches_from
    return None if known.new_from is None or known.new_from <= now else min(known.searches_from, known.new_from)


def held_back(wish: Wish, known: Known, now: datetime) -> bool:
    """Tell whether a search for a wish waits because there were many."""
    if wish.meant is None or wish.done or wish.asked_by == ARR or not known.answers:
        return False
    due = ((part, _search_at(wish, part, known, now, None)) for part in wish.parts if _is_free(part, known))
    searched = (each for each in due if each[0].state is PartState.SEARCHING)
    return any(
        at is not None and at <= now and _waits_until(wish, part, known, now) is not None for part, at in searched
    )


def _rank(at: datetime, part: Part, now: datetime) -> tuple[bool, bool, datetime]:
    """Order parts that are due: what a feed has, what is new, and then what waits the longest."""
    return not _is_hit(part), part.out_at is None or now - part.out_at > OLD, at


def _search_at(wish: Wish, part: Part, known: Known, now: datetime, asked: datetime | None) -> datetime | None:
    """Return when a part that nobody has is to be looked for; None: never, as things are."""
    if asked is not None:
        return now if part.searched_at is None or part.searched_at < asked else None
    held = known.held(part)
    if is_managed(wish) and held is not None and not held.monitored:
        return None
    return next_search(wish, part)


def _spaced(wish: Wish, now: datetime) -> datetime:
    """Return from when on a series may be searched for again."""
    last = max((part.searched_at for part in wish.parts if part.searched_at is not None), default=None)
    if last is None or len(wish.parts) < PACK_FROM:
        return now
    missing = sum(part.state is PartState.SEARCHING for part in wish.parts)
    return last + (SPACING_OF_MANY if missing > MANY else SPACING)


def _whole_season(wish: Wish, part: Part, free: Iterable[Part], now: datetime) -> tuple[str, ...] | None:
    """Return the parts of a season that is to be looked for as a whole; None: it isn't."""
    if part.season is None or wish.episode is not None:
        return None
    season = [each for each in wish.parts if each.season == part.season]
    missing = [each for each in free if each.season == part.season and is_out(each, now)]
    if len(season) != len(missing) or len(missing) < PACK_FROM:
        return None
    if part.season_at is not None and now - part.season_at < PACK_AGAIN:
        return None
    if _is_hit(part) and not all(_is_hit(each) for each in missing):  # a feed has just this episode
        return None
    return tuple(each.key for each in missing)


def _is_hit(part: Part) -> bool:
    return part.hit_at is not None and (part.searched_at is None or part.hit_at > part.searched_at)


def _news_due(wish: Wish, now: datetime) -> datetime | None:
    """Return when catalogues are to be asked again; None: never."""
    if wish.resolved_at is None or not wish.parts:
        return wish.resolved_at + stretched(_NEWS_SOON, wish.id) if wish.resolved_at is not None else now
    waiting = [part for part in wish.parts if part.state is PartState.WAITING]
    if wish.is_movie and not waiting:
        every = _NEWS_OUT if wish.parts[0].state in WANTED else None
    elif wish.is_movie:
        on = waiting[0].out_on
        every = _NEWS_SOON if on is None or on - now.date() <= _SOON else _NEWS
    else:
        every = _NEWS_OUT if wish.ended else _NEWS_SOON
    return None if every is None else wish.resolved_at + stretched(every, wish.id)


def _nothing(wish: Wish, known: Known, now: datetime) -> Step:
    """Wait for what comes first. What happens elsewhere is noticed by who looks there."""
    times = [_news_due(wish, now), next_look(wish.id, LOOK, now), *_changes(wish)]
    if wish.asked_by != ARR and known.answers:
        spaced = _spaced(wish, now)
        for part in wish.parts:
            if part.state in {PartState.WAITING, PartState.SEARCHING} and _is_free(part, known):
                at = _search_at(wish, part, known, now, None)
                if at is not None and (turn := _waits_until(wish, part, known, now)) is not None:
                    at = max(at, turn)
                times.append(None if at is None else max(at, spaced))
    times += _bettering(wish, known, now)
    return Step(kind=StepKind.NOTHING, at=min((at for at in times if at is not None and at > now), default=None))


def _changes(wish: Wish) -> Iterator[datetime | None]:
    """Yield when parts change by themselves."""
    for part in wish.parts:
        if part.state is PartState.WAITING:
            yield part.out_at
        if part.gone_since is not None:
            yield from (part.gone_since + patience for patience in (DOWNLOAD_GONE, IMPORT_GONE, FILE_GONE))


def _of_unknown(wish: Wish, now: datetime) -> Step:
    """Find out what is meant, unless that is the person's turn."""
    if wish.done or wish.state is WishState.UNCLEAR:
        return Step(kind=StepKind.NOTHING)
    if wish.due is None or wish.due <= now:
        return Step(kind=StepKind.RESOLVE)
    return Step(kind=StepKind.NOTHING, at=wish.due)
