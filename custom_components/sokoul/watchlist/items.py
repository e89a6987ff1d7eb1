"""What somebody wants to watch: a wish, and its parts.

A movie has one part; a series has one for each episode that is wanted. Which part is how far says all the rest: what
the list shows, what is to be done, and why it is not here yet.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from ..model.library import TitleKind
from ..model.reasons import Reason

#: Who asked, where it was no person: a title that an *arr looks for, and a request of Seerr.
ARR = "arr"
SEERR = "seerr"


class PartState(StrEnum):
    """How far a part is on its way."""

    WAITING = "waiting"  # it is not out yet
    SEARCHING = "searching"  # it is looked for, now and then
    OFFERED = "offered"  # a release was found, and a person is asked
    GRABBED = "grabbed"  # somebody downloads it
    IMPORTING = "importing"  # it is here, and on its way into the library
    READY = "ready"  # it can be watched


#: Nobody has such a part, or is about to bring it.
WANTED: Final = frozenset({PartState.WAITING, PartState.SEARCHING, PartState.OFFERED})
#: Somebody brings such a part.
ON_ITS_WAY: Final = frozenset({PartState.GRABBED, PartState.IMPORTING})


class WishState(StrEnum):
    """How far a wish is: as far as the part of it that is behind, among those that are out."""

    ASKED = "asked"  # nobody has looked yet what is meant
    UNCLEAR = "unclear"  # several titles may be meant: a person is asked which
    UNKNOWN = "unknown"  # nobody knows a title like that
    WAITING = "waiting"
    SEARCHING = "searching"
    OFFERED = "offered"
    GRABBED = "grabbed"
    IMPORTING = "importing"
    UP_TO_DATE = "up_to_date"  # of a series: all that is out can be watched, and more will come
    READY = "ready"


class Out(StrEnum):
    """What a date says."""

    CINEMA = "cinema"  # it can be seen there, and not at home
    DIGITAL = "digital"
    PHYSICAL = "physical"
    AIRED = "aired"
    GUESSED = "guessed"  # nobody tells: so long after the cinemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """When a movie comes out, as far as catalogues tell."""

    cinema: date | None = None
    digital: date | None = None
    physical: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Better:
    """A better release of what can be watched already, on its way."""

    release: str
    download: str = ""  # its info hash; empty: nobody knows
    points: int | None = None  # its quality, from 0 to 100
    grabbed_at: datetime
    entry_id: int | None = None  # of the journal
    gone_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A movie, or an episode. `key` is its name within the wish: "" for a movie, "S03E02" for an episode."""

    season: int | None = None
    episode: int | None = None
    absolute: int | None = None  # counted from the first episode of all, as anime is named; None: nobody tells
    name: str = ""  # of the episode
    finale: bool = False  # the last of its season, as far as catalogues tell
    state: PartState = PartState.WAITING
    out_on: date | None = None  # from then on it can be had at home; None: nobody knows
    out: Out | None = None  # what that date says
    out_at: datetime | None = None  # from this moment on it is looked for, see `schedule`
    searches: int = 0  # in vain since it came out
    unanswered: int = 0  # searches in a row that brought nothing, and to which somebody gave no answer
    searched_at: datetime | None = None
    season_at: datetime | None = None  # when its whole season was looked for last, in vain
    hit_at: datetime | None = None  # when a feed had a release of it
    found: int = 0  # releases of it that the last search found
    refused: Reason | None = None  # why the best of them won't do
    asked_at: datetime | None = None  # when the person was told that it is offered
    entry_id: int | None = None  # of the journal: the grab that brought it on its way
    grabbed_at: datetime | None = None
    here_at: datetime | None = None  # all of the download was, and an *arr has to import it
    gone_since: datetime | None = None  # the download, or the file in the library, is no longer there
    taken_back_at: datetime | None = None  # a person took back what was fetched: nothing else is, unless they say so
    failed: tuple[str, ...] = ()  # hashes and names of releases that were grabbed and came to nothing
    given_up: int = 0  # so many releases did
    release: str = ""  # that is offered, on its way or here
    download: str = ""  # what is on its way: its info hash, or what an *arr calls it; empty: nobody knows
    result: str = ""  # of what is offered: how the search refers to it
    ready_at: datetime | None = None
    there_before: bool = False  # it could be watched when it was asked for: nobody got it on account of the wish
    points: int | None = None  # the quality of what is here, from 0 to 100; None: nobody told yet
    better_until: datetime | None = None  # until then a better release is looked for; None: it isn't
    looks: int = 0  # for a better one, in vain
    upgrades: int = 0  # better ones that were fetched, whatever came of them
    better: Better | None = None  # that is on its way

    @property
    def key(self) -> str:
        """What tells it from the other parts."""
        return "" if self.season is None or self.episode is None else f"S{self.season:02}E{self.episode:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The title that is meant, as a catalogue tells of it."""

    kind: TitleKind  # a movie or a series
    name: str
    year: int | None = None
    ids: frozenset[str] = frozenset()  # "imdb:tt1160419", "tmdb:438631", "tvdb:121361"
    poster: str | None = None  # public URL
    names: tuple[str, ...] = ()  # others that it has: its original one, and those of other countries
    namesakes: frozenset[int] = frozenset()  # the years of others of its kind that are called so, as far as was told

    @property
    def label(self) -> str:
        """How a person would write it."""
        return f"{self.name} ({self.year})" if self.year else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """The *arr that has the title in its library."""

    backend_id: str
    library_id: int
    added: bool = False  # for this wish; else it was there before
    monitored: bool = False  # for this wish: it was not before
    episodes: tuple[int, ...] = ()  # ids of those that were not monitored before this wish
    quiet: tuple[int, ...] = ()  # ids of those that were, in a series that wasn't, and that nobody asked for
    only_seen: bool = False  # what it has is looked at, and nothing was added or monitored there for this wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Somebody who asked for a title."""

    by: str  # a user of Home Assistant, or SEERR
    name: str = ""  # what they were called there then; empty: nobody told


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to watch.

    Without `meant` nobody knows yet what that is. `auto` None: the person was not asked yet whether it is to be
    fetched; the setting decides once they were.
    """

    id: str
    text: str  # as it was asked for
    asked_at: datetime
    asked_by: str | None = None  # a user of Home Assistant; ARR, SEERR; None: nobody knows
    requested_by: str = ""  # what the person was called there then; empty: nobody told
    also: tuple[Asker, ...] = ()  # who asked for it later
    season: int | None = None  # just this season of the series
    episode: int | None = None  # just this episode
    kind: TitleKind | None = None  # a movie or a series, where that was said; None: either
    year: int | None = None  # where it was said besides
    minimum: int | None = None  # lines of the picture; 0: any picture will do; None: what its policy says
    policy: str | None = None  # key of a policy; None: the usual one
    auto: bool | None = None
    state: WishState = WishState.ASKED
    meant: Meant | None = None
    choices: tuple[Meant, ...] = ()
    keeper: Keeper | None = None
    dates: Dates = Dates()
    ended: bool | None = None  # of a series: nothing more will come
    parts: tuple[Part, ...] = ()
    resolved_at: datetime | None = None  # when catalogues were asked last
    due: datetime | None = None  # when it is looked at next; None: nothing is to come
    why: tuple[Reason, ...] = ()  # it is not here yet, the nearest first
    tries: int = 0  # to find out what is meant, in vain
    done_at: datetime | None = None  # a person said then that nothing more is to be done
    failures: int = 0  # of what was to be done, one after the other
    failed_at: datetime | None = None
    failed: Reason | None = None  # why, the last time
    refusals: tuple[Reason, ...] = ()  # who else would not have what was found then, and why

    @property
    def label(self) -> str:
        """How a person would write it: `Dune (2021)`, `The Bear (2022) S03`; what was asked while nobody knows."""
        if self.meant is None:
            return self.text
        if self.season is None:
            return self.meant.label
        return f"{self.meant.label} S{self.season:02}" + (f"E{self.episode:02}" if self.episode is not None else "")

    @property
    def askers(self) -> tuple[Asker, ...]:
        """Everybody who asked for it, the first of them first."""
        if self.asked_by is None or self.asked_by == ARR:
            return self.also
        return (Asker(by=self.asked_by, name=self.requested_by), *self.also)

    @property
    def asker_names(self) -> tuple[str, ...]:
        """What those are called who asked, each once; Seerr where that doesn't tell who it was."""
        names = (each.name or ("Seerr" if each.by == SEERR else "") for each in self.askers)
        return tuple(dict.fromkeys(each for each in names if each))

    @property
    def is_movie(self) -> bool:
        """Whether it is known to be a movie."""
        return self.meant is not None and self.meant.kind is TitleKind.MOVIE

    @property
    def done(self) -> bool:
        """Whether nothing more is to be done: it can be watched, all of it, or a person said so."""
        return self.done_at is not None or self.state is WishState.READY

    def part(self, key: str) -> Part | None:
        """Return a part by its key."""
        return next((part for part in self.parts if part.key == key), None)
