"""What is on the watchlist, in words and plain data: for the list, its actions, events, sensors and calendar alike.

Lists show descriptions as Markdown, and voice and automations read them as they are: so what could be Markdown in a
name from outside is written with characters that look the same and mean nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from sys import maxsize
from typing import Any, NamedTuple

from .connectors.base import Occasion
from .journal_report import sentence
from .model.library import TitleKind
from .watchlist.explaining import NO_SOURCE, has_left_library
from .watchlist.items import Meant, Out, Part, PartState, Wish, WishState
from .wording import Wording, clean

#: Nobody reads more of an entry of a list.
LONGEST_DESCRIPTION = 600
#: So many titles are there to choose from, in a description.
MOST_CHOICES = 9

#: Of these the reasons say the same, and more.
_REASONS_SAY = frozenset({WishState.UNKNOWN, WishState.OFFERED, WishState.GRABBED, WishState.IMPORTING})
#: In these nobody asks any more when it comes out.
_COMES = frozenset({WishState.GRABBED, WishState.IMPORTING, WishState.READY})
#: In these nobody waits for anything.
_SETTLED = frozenset({WishState.READY, WishState.UP_TO_DATE})

_TAMED = str.maketrans(
    {"[": "(", "]": ")", "<": "\u2039", ">": "\u203a", "*": "\u2217", "`": "\u2019", "\\": "\u2216", "|": "\u00a6"}
)
#: What a sentence may end with; one that ends with a name gets a full stop.
_ENDS = (".", "!", "?", "…", "»", "”")
_JOINER = "\u2060"  # takes no room, and keeps what looks like an address from becoming a link


def tame(text: str) -> str:
    """Return a text that reads the same as Markdown and as plain text, and leads nowhere."""
    return text.translate(_TAMED).replace("://", f":{_JOINER}//").replace("www.", f"www{_JOINER}.")


# --- one wish --------------------------------------------------------------------------------------------------------


def label(wish: Wish) -> str:
    """Return what a person calls it, in one line."""
    return clean(wish.label)


def description(wish: Wish, now: datetime, words: Wording, least: int | None = None) -> str:
    """Return how far a wish is, when it comes out, why it is not here yet, and what is asked, in a few sentences.

    `least` are the lines that its picture has to have: 0 for any; None where that isn't told.
    """
    stopped = _stopped(wish)
    first = words.text("watchlist.is_done" if stopped else _is(wish))
    if wish.state is WishState.UNCLEAR and not stopped:
        return tame(f"{first} {' · '.join(_choices(wish.choices, words))}")[:LONGEST_DESCRIPTION]
    told = "" if wish.why and (stopped or wish.state in _REASONS_SAY or has_left_library(wish)) else first
    for each in (*_rest(wish, now, words), *terms(wish, words, least)):
        if len(told) + 1 + len(each) <= LONGEST_DESCRIPTION:
            told = f"{told} {each if each[-1:] in _ENDS else each + '.'}".lstrip()
    return tame(told or first)[:LONGEST_DESCRIPTION]


def terms(wish: Wish, words: Wording, least: int | None) -> Iterator[str]:
    """Yield how good the picture has to be while it is wanted, and who asked."""
    if least is not None and not wish.done:
        yield words.text("watchlist.least", least=_lines(least)) if least else words.text("watchlist.least_any")
    if names := wish.asker_names:
        yield words.text("watchlist.asked_by", names=names)


def _lines(least: int) -> str:
    return f"{least}p" if least else "any"


def _is(wish: Wish) -> str:
    """Return the text of how far a wish is. One that is to be looked for isn't while nobody can."""
    nobody = wish.state is WishState.SEARCHING and wish.failed is not None and wish.failed.key == NO_SOURCE
    return "watchlist.is_not_searched" if nobody else f"watchlist.is_{wish.state}"


def _stopped(wish: Wish) -> bool:
    """Tell whether a person said that nothing more is to be done, though it can't be watched."""
    return wish.done and wish.state is not WishState.READY


def _choices(choices: Iterable[Meant], words: Wording) -> Iterator[str]:
    left = LONGEST_DESCRIPTION // 2
    for number, each in enumerate(choices, start=1):
        line = words.text("watchlist.choice", number=number, title=each.label, kind=_kind(each))
        left -= len(line) + 3
        if number > MOST_CHOICES or left < 0:
            return
        yield line


def _rest(wish: Wish, now: datetime, words: Wording) -> Iterator[str]:
    yield from (sentence(each, now, words) for each in wish.why)
    if _stopped(wish):
        return
    told = {value for reason in wish.why for value in reason.parameters.values() if isinstance(value, date)}
    if wish.meant is not None and wish.meant.kind is not TitleKind.MOVIE:
        yield from _episodes(wish, told, now, words)
    elif wish.state not in _COMES:
        shown = date.min if wish.state is WishState.WAITING else now.date()  # what is long out needs no dates
        yield from (
            words.text(f"watchlist.out_{what}", now=now, on=on)
            for what, on in _dates(wish)
            if on not in told and on >= shown
        )


def _dates(wish: Wish) -> Iterator[tuple[str, date]]:
    known = (("cinema", wish.dates.cinema), ("digital", wish.dates.digital), ("physical", wish.dates.physical))
    yield from ((what, on) for what, on in known if on is not None)
    for part in wish.parts:
        if part.out is Out.GUESSED and part.out_on is not None:
            yield "guessed", part.out_on


def _episodes(wish: Wish, told: Collection[date], now: datetime, words: Wording) -> Iterator[str]:
    if wish.parts:
        ready = sum(each.state is PartState.READY for each in wish.parts)
        yield words.text("watchlist.episodes", ready=ready, count=len(wish.parts))
    upcoming = _next(wish, now)
    if upcoming is not None and upcoming.out_on is not None and upcoming.out_on not in told:
        yield words.text("watchlist.next_episode", now=now, part=upcoming.key, on=upcoming.out_on)


def _next(wish: Wish, now: datetime) -> Part | None:
    """Return what of a wish comes out next: today, or later."""
    today = now.date()
    to_come = (each for each in wish.parts if each.state is PartState.WAITING)
    coming = (each for each in to_come if each.out_on and today <= each.out_on < date.max)  # the last day is "never"
    return min(coming, key=lambda each: (each.out_on or date.max, each.key), default=None)


def due(wish: Wish, now: datetime) -> date | None:
    """Return when it comes out next. What is out already is not late: nobody can make it appear by a day."""
    upcoming = _next(wish, now)
    return upcoming.out_on if upcoming is not None and not wish.done else None


def _kind(meant: Meant) -> str:
    return "movie" if meant.kind is TitleKind.MOVIE else "series"


def describe_wish(wish: Wish, now: datetime, words: Wording, least: int | None = None) -> dict[str, Any]:
    """Return a wish as plain data. `least` are the lines that its picture has to have, as for `description`."""
    meant = wish.meant
    return {
        "id": wish.id,
        "title": label(wish),
        "text_asked": clean(wish.text),
        "kind": _kind(meant) if meant is not None else None,
        "year": meant.year if meant is not None else None,
        "ids": sorted(meant.ids) if meant is not None else [],
        "season": wish.season,
        "episode": wish.episode,
        "poster": meant.poster if meant is not None else None,
        "state": str(wish.state),
        "done": wish.done,
        "text": description(wish, now, words, least),
        "why": [{"key": each.key, "text": sentence(each, now, words)} for each in wish.why],
        "choices": [_describe_choice(number, each) for number, each in enumerate(wish.choices, start=1)],
        "asked_at": wish.asked_at.isoformat(),
        "asked_by": wish.asked_by,
        "askers": list(wish.asker_names),
        "minimum": None if wish.minimum is None else _lines(wish.minimum),
        "least": None if least is None else _lines(least),
        "policy": wish.policy,
        "auto": wish.auto,
        "due": _iso(due(wish, now)),
        "next_look": _iso(wish.due),
        "cinema": _iso(wish.dates.cinema),
        "digital": _iso(wish.dates.digital),
        "physical": _iso(wish.dates.physical),
        "parts": [_describe_part(each) for each in wish.parts],
    }


def _describe_choice(number: int, meant: Meant) -> dict[str, Any]:
    return {
        "number": number,
        "title": clean(meant.label),
        "kind": _kind(meant),
        "year": meant.year,
        "ids": sorted(meant.ids),
        "poster": meant.poster,
    }


def _describe_part(part: Part) -> dict[str, Any]:
    return {
        "part": part.key,
        "season": part.season,
        "episode": part.episode,
        "name": clean(part.name),
        "state": str(part.state),
        "out_on": _iso(part.out_on),
        "out": str(part.out) if part.out is not None else None,
        "searches": part.searches,
        "release": clean(part.release),
        "ready_at": _iso(part.ready_at),
        "better": clean(part.better.release) if part.better is not None else None,
        "better_until": _iso(part.better_until),
    }


def _iso(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None


class PerWish[T]:
    """Something made of each wish, and made again only of what changed, or when another day has begun.

    Lists are looked at whenever anything in the house was polled, and wording a thousand wishes takes a while. So only
    so many are made `at_once`; while it is `behind`, who asked has to ask again, in the next turn of the event loop.
    """

    def __init__(
        self,
        make: Callable[..., T],
        *,
        besides: Callable[[], Callable[[Wish], object]] | None = None,
        at_once: int = maxsize,
        meanwhile: Callable[[Wish], T] | None = None,
    ) -> None:
        """`make` is given a wish, the time and words; and what is `besides` a wish, which is looked at each time."""
        self._make = make
        self._besides = besides
        self._meanwhile = meanwhile  # makes what is shown of a wish until its turn comes; else it shows as it was
        self._at_once = at_once
        self._made: dict[str, tuple[Wish, tuple[object, ...], T]] = {}
        self.behind = False

    def of(self, wishes: Iterable[Wish], now: datetime, words: Wording) -> dict[str, T]:
        """Return it of the wishes, by their ids. `now` is in the time zone of the house."""
        before, self._made, self.behind = self._made, {}, False
        day, left, shown = now.date(), self._at_once, {}
        besides = self._besides() if self._besides is not None else None
        for wish in wishes:
            known = before.get(wish.id)
            told = (besides(wish),) if besides is not None else ()
            if known is None or known[0] is not wish or known[1] != (day, words.language, *told):
                left -= 1
                if left >= 0:
                    known = (wish, (day, words.language, *told), self._make(wish, now, words, *told))
                self.behind = left < 0
            if known is not None:
                self._made[wish.id] = known
            if known is not None and (known[0] is wish or self._meanwhile is None):
                shown[wish.id] = known[2]
            elif self._meanwhile is not None:
                shown[wish.id] = self._meanwhile(wish)
        return shown


# --- all of them -----------------------------------------------------------------------------------------------------


def waiting(wishes: Iterable[Wish]) -> int:
    """Return for how many somebody waits."""
    return sum(not each.done and each.state not in _SETTLED for each in wishes)


def next_up(wishes: Iterable[Wish], now: datetime) -> tuple[Wish, Part] | None:
    """Return what comes out next."""
    coming = [(wish, part) for wish in wishes if not wish.done and (part := _next(wish, now)) is not None]
    return min(coming, key=lambda each: (each[1].out_on or date.max, label(each[0])), default=None)


def part_label(wish: Wish, part: Part) -> str:
    """Return what a person calls a movie or an episode."""
    if not part.key:
        return label(wish)
    of = clean(wish.meant.label) if wish.meant is not None else clean(wish.text)
    return f"{of} {part.key}"


def occasions(wishes: Iterable[Wish], words: Wording) -> Iterator[Occasion]:
    """Yield what comes out when, all of it for a day: catalogues tell no hours that could be relied on."""
    for wish in wishes:
        for day in _days(wish):
            yield _occasion(wish, day, words)


def next_occasion(wish: Wish, now: datetime, words: Wording) -> Occasion | None:
    """Return what of a wish is on the calendar today, or next."""
    today = now.date()
    coming = [each for each in _days(wish) if each.on >= today]
    first = min((each.on for each in coming), default=None)
    occasions_then = (_occasion(wish, each, words) for each in coming if each.on == first)
    return min(occasions_then, key=lambda each: each.summary, default=None)


class _Day(NamedTuple):
    """A day on which something of a wish comes out: an episode, or the movie."""

    on: date
    what: str
    part: Part | None = None


def _days(wish: Wish) -> Iterator[_Day]:
    days: Iterable[_Day] = ()
    if wish.meant is not None and wish.meant.kind is TitleKind.MOVIE:
        days = dict.fromkeys(_Day(on, what) for what, on in _dates(wish))
    elif wish.meant is not None:
        days = (_Day(each.out_on, each.key, each) for each in wish.parts if each.out_on is not None)
    return (each for each in days if each.on != date.max)  # what catalogues say for "never"


def _occasion(wish: Wish, day: _Day, words: Wording) -> Occasion:
    part = day.part
    return Occasion(
        uid=f"{wish.id} {day.what}".strip(),
        summary=part_label(wish, part) if part is not None else label(wish),
        start=day.on,
        end=day.on + timedelta(days=1),
        description=clean(part.name) if part is not None else words.text(f"watchlist.day_{day.what}"),
    )
