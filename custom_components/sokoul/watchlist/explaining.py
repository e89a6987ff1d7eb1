"""Why a wish can't be watched yet, in reasons: the nearest first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..model.reasons import Reason, Value
from ..releases.upgrade import resolution_of, wanted_resolution
from .items import ARR, Out, Part, PartState, Wish, WishState
from .known import Known, is_managed, is_put_off, takes_by_itself, waits_for_answer

MOST_REASONS: Final = 5
#: What left the library is told of so late: an *arr deletes a file before it brings a better one.
FILE_GONE: Final = timedelta(hours=1)
#: It could be watched, and its file left the library.
LEFT: Final = "watchlist.left_library"
#: Nobody could be searched. An *arr searches only for what is in its library.
NO_SOURCE: Final = "watchlist.no_source"
SOURCES_FAILED: Final = "watchlist.sources_failed"
#: What fits is on Usenet, and nobody has a client for that; or has not found it there.
NO_USENET_CLIENT: Final = "watchlist.no_usenet_client"
NO_USENET: Final = "grab.no_usenet"
#: An *arr looks every minute, and copies large files in some more.
IMPORT_WITHIN: Final = timedelta(hours=1)


def reasons_of(
    wish: Wish, known: Known, now: datetime, due: datetime | None, *, waits: bool = False
) -> tuple[Reason, ...]:
    """Return why a wish whose title is known can't be watched yet.

    `due` is when it is looked at next; `waits`: it would be searched for now if there were not so many searches.
    """
    if wish.done_at is not None:
        return (_reason("watchlist.done_by_hand"),)
    why = list(_reasons(wish, known, now, due))[:MOST_REASONS]
    if waits:
        next_look = why.pop() if why and why[-1].key == "watchlist.next_look" else None
        why = [*why[: MOST_REASONS - 2], _reason("watchlist.searches_full"), *([next_look] if next_look else [])]
    return tuple(why)


def _reasons(wish: Wish, known: Known, now: datetime, due: datetime | None) -> Iterator[Reason]:
    if wish.state in {WishState.READY, WishState.UP_TO_DATE}:
        yield from _of_gone(wish, now)
        yield from _of_better(wish, known)
    if wish.state is WishState.READY:
        return
    behind = _behind(wish)
    if wish.state is not WishState.OFFERED and waits_for_answer(wish, known.settings):
        yield _reason("watchlist.asks_first")
    series = not wish.is_movie
    missing = tuple(part.key for part in wish.parts if part.state is PartState.SEARCHING)
    if series and missing:
        yield _reason("watchlist.missing_parts", names=missing)
    if behind:
        yield from _hindrances(wish, behind, known)
        yield from _of_part(wish, behind[0], known, now, due)
    else:
        yield from _of_waiting(wish, series=series)


def _of_gone(wish: Wish, now: datetime) -> Iterator[Reason]:
    """Yield what could be watched and has left the library: that isn't fetched again by itself."""
    gone = {
        part.key: part.gone_since
        for part in wish.parts
        if part.state is PartState.READY and part.gone_since is not None and now - part.gone_since >= FILE_GONE
    }
    if gone and not wish.is_movie:
        yield _reason("watchlist.left_library_parts", names=tuple(gone))
    elif gone:
        yield _reason(LEFT, at=gone[""])


def has_left_library(wish: Wish) -> bool:
    """Tell whether a movie is said to have been there."""
    return bool(wish.why) and wish.why[0].key == LEFT


def _of_better(wish: Wish, known: Known) -> Iterator[Reason]:
    """Yield what is done about what can be watched and isn't good enough."""
    coming = next((part.better for part in wish.parts if part.better is not None), None)
    if coming is not None:
        yield _reason("watchlist.better_comes", release=coming.release)
    worst = min((part for part in wish.parts if part.better_until is not None), key=_picture, default=None)
    if coming is None and worst is not None and worst.better_until is not None:
        now, wanted = resolution_of(worst.release), wanted_resolution(known.policy)
        if now is not None and now < wanted:
            until = worst.better_until
            yield _reason("watchlist.could_be_better", has=now.label, wanted=wanted.label, until=until)
        else:
            yield _reason("watchlist.could_be_finer", until=worst.better_until)


def _picture(part: Part) -> int:
    return resolution_of(part.release) or 0


def _behind(wish: Wish) -> list[Part]:
    """Return the parts that are furthest behind among those that are out."""
    return [part for part in wish.parts if part.state.value == wish.state.value and part.state is not PartState.WAITING]


def _hindrances(wish: Wish, behind: Sequence[Part], known: Known) -> Iterator[Reason]:
    """Yield what keeps everything from going on."""
    if wish.asked_by == ARR:
        yield _of_arr(wish, known, "watchlist.arr_looks")
        return
    if behind[0].state not in {PartState.SEARCHING, PartState.OFFERED}:
        return
    if (known.has_arr or wish.keeper is not None) and not known.answers:
        yield _of_arr(wish, known, "watchlist.arr_away")
    elif is_managed(wish) and known.kept is False:
        yield _of_arr(wish, known, "watchlist.gone_from_arr")
    elif is_managed(wish) and _nobody_monitors(behind, known):
        yield _of_arr(wish, known, "watchlist.not_monitored")
    if wish.failed is not None and wish.failed.key == NO_SOURCE and known.has_arr and not is_managed(wish):
        if takes_by_itself(wish, known.settings) is False:  # else the question says it
            yield _of_arr(wish, known, "watchlist.looks_when_told")
    elif wish.failed is not None:
        yield wish.failed
        yield from wish.refusals


def _nobody_monitors(parts: Sequence[Part], known: Known) -> bool:
    helds = [known.held(part) for part in parts]
    return all(held is not None and not held.monitored for held in helds)


def _of_part(wish: Wish, part: Part, known: Known, now: datetime, due: datetime | None) -> Iterator[Reason]:
    match part.state:
        case PartState.SEARCHING:
            yield from _of_search(wish, part, now, due)
        case PartState.OFFERED:
            yield from _of_offer(wish, part, known, due if due is not None and due > now else None)
        case PartState.GRABBED:
            yield from (each for coming in known.comes(part) for each in coming.why)
            yield (
                _reason("watchlist.downloading", release=part.release)
                if part.release
                else _reason("watchlist.on_its_way")
            )
        case PartState.IMPORTING:
            yield from (each for coming in known.comes(part) for each in coming.why)
            if part.here_at is not None and now - part.here_at > IMPORT_WITHIN:
                arr = _of_arr(wish, known, "watchlist.not_imported")
                yield replace(arr, parameters={**arr.parameters, "since": part.here_at})
            else:
                yield _reason("watchlist.importing")


def _of_search(wish: Wish, part: Part, now: datetime, due: datetime | None) -> Iterator[Reason]:
    if part.out is Out.GUESSED and part.out_on is not None and part.out_on > now.date():
        yield _reason("watchlist.not_out", on=part.out_on, out=part.out)
    elif part.out_on is None and not _is_old(wish, now):
        yield _reason("watchlist.no_date")
    if part.refused is not None:
        if part.refused.key not in {NO_USENET, NO_USENET_CLIENT, SOURCES_FAILED}:  # else it would do, or may be there
            yield _reason("watchlist.all_refused", count=part.found)
        yield part.refused
    elif part.searched_at is not None:
        yield _reason("watchlist.nothing_found", at=part.searched_at)
    if part.failed:
        yield _reason("watchlist.came_to_nothing", release=part.failed[-1])
    if wish.asked_by != ARR and due is not None and due > now:
        yield _reason("watchlist.next_look", at=due)


def _is_old(wish: Wish, now: datetime) -> bool:
    """Tell whether a movie came out for certain, whatever catalogues don't tell."""
    return wish.is_movie and wish.meant is not None and wish.meant.year is not None and wish.meant.year < now.year - 1


def _of_offer(wish: Wish, part: Part, known: Known, due: datetime | None) -> Iterator[Reason]:
    auto = takes_by_itself(wish, known.settings) if part.taken_back_at is None else False
    if auto and known.pilot and due is not None and is_put_off(wish):
        yield _reason("watchlist.put_off", release=part.release, at=due)
    elif auto and not known.pilot:
        yield _reason("watchlist.autopilot_off", release=part.release)
    elif auto is None:
        yield _reason("watchlist.asks_you", release=part.release)
    else:
        yield _reason("watchlist.offered" if not auto else "watchlist.about_to_fetch", release=part.release)


def _of_waiting(wish: Wish, *, series: bool) -> Iterator[Reason]:
    """Yield when the next part comes out."""
    waiting = [part for part in wish.parts if part.state is PartState.WAITING]
    dated = [(part.out_on, part) for part in waiting if part.out_on is not None]
    if dated:
        on, part = min(dated, key=lambda each: each[0])
        if series:
            yield _reason("watchlist.next_out", part=part.key, on=on)
        else:
            yield _reason("watchlist.not_out", on=on, out=part.out or Out.DIGITAL)
    elif series and wish.state is WishState.UP_TO_DATE:
        yield _reason("watchlist.nothing_announced")
    elif series and not wish.parts:
        yield _reason("watchlist.no_episodes")
    else:
        yield _reason("watchlist.no_date")


def _of_arr(wish: Wish, known: Known, key: str) -> Reason:
    name = known.arr or ("Radarr" if wish.is_movie else "Sonarr")
    backend_id = wish.keeper.backend_id if wish.keeper is not None else None
    return Reason(key=key, parameters={"arr": name}, backend_id=backend_id)


def _reason(key: str, **parameters: Value) -> Reason:
    return Reason(key=key, parameters=parameters)
