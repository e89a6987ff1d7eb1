"""What is known of a wish at the moment: what deciding needs of catalogues, libraries and download clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..acquire.grabbing import PASSING
from ..model.catalogue import CatalogueEpisode
from ..model.reasons import Reason
from ..releases.policy import Policy
from .items import ARR, WANTED, Dates, Part, Wish
from .settings import WatchSettings

_NO_DATES = Dates()
_USUAL = WatchSettings()
_POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """What catalogues, or the *arr, told of a title."""

    dates: Dates = _NO_DATES
    ended: bool | None = None  # of a series
    episodes: tuple[CatalogueEpisode, ...] = ()  # of a series; none: nobody could tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the library says of a part."""

    has_file: bool = False
    monitored: bool = True  # the movie; the episode and its series


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A download that brings a part, in a client, a debrid service or the queue of an *arr."""

    download: str  # its info hash, or what its client calls it
    release: str = ""
    finished: bool = False  # all of it is here
    failed: bool = False  # who has it says that it comes to nothing
    stands: bool = False  # it has given nothing for long
    why: tuple[Reason, ...] = ()  # it is no further, the nearest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a wish at the moment. Parts are told apart by `Part.key`.

    `catalogue` is what was just told, in answer to the step RESOLVE; None: nobody was asked.
    """

    catalogue: Catalogued | None = None
    has_arr: bool = False  # there is an *arr for such titles: what is wanted goes there, and comes by way of it
    arr: str = ""  # what the person calls it
    answers: bool = True  # it does
    kept: bool | None = None  # it has the title of `wish.keeper`; None: it is not known now
    library: Mapping[str, Held] | None = None  # what it says of parts; None: it is not known now
    coming: Mapping[str, tuple[Coming, ...]] | None = None  # downloads on their way
    all_seen: bool = True  # all clients and queues answer: a download that isn't among these is gone
    searches_from: datetime | None = None  # searches that can wait have to until then; None: they needn't
    new_from: datetime | None = None  # searches for what is new on the list have to until then; None: they needn't
    pilot: bool = True  # something may be fetched without a person
    policy: Policy = _POLICY  # what the person wants of releases of it
    settings: WatchSettings = _USUAL

    def held(self, part: Part) -> Held | None:
        """Return what the library says of a part."""
        return self.library.get(part.key) if self.library is not None else None

    def comes(self, part: Part) -> tuple[Coming, ...]:
        """Return the downloads that bring a part, without those that failed and were given up for it."""
        coming = self.coming.get(part.key, ()) if self.coming is not None else ()
        return tuple(each for each in coming if not (each.failed or each.stands) or each.download not in part.failed)


def is_wanted(wish: Wish, episode: CatalogueEpisode) -> bool:
    """Tell whether an episode is one of those that a wish is for; specials are where they were asked for."""
    return is_of(wish.season, wish.episode, episode)


def is_of(season: int | None, number: int | None, episode: CatalogueEpisode) -> bool:
    """Tell whether an episode is that one, or any of its season; without a season any but the specials."""
    if season is None:
        return episode.season > 0
    return season == episode.season and number in {None, episode.episode}


def is_managed(wish: Wish) -> bool:
    """Tell whether an *arr has the title on account of the wish: what a person changes there since counts."""
    return wish.keeper is not None and not wish.keeper.only_seen


def is_put_off(wish: Wish) -> bool:
    """Tell whether nobody could have what was found, and somebody may later: all have something used up, or pause."""
    return wish.failed is not None and wish.failed.key in PASSING


def waits_for_answer(wish: Wish, settings: WatchSettings) -> bool:
    """Tell whether a person is to be asked whether it is fetched by itself: it is known, and not all of it is there."""
    if wish.meant is None or wish.resolved_at is None or wish.done or wish.asked_by == ARR:
        return False
    missing = any(part.state in WANTED for part in wish.parts) or not wish.parts
    return missing and takes_by_itself(wish, settings) is None


def takes_by_itself(wish: Wish, settings: WatchSettings) -> bool | None:
    """Tell whether what is found is fetched without asking; None: nobody was asked yet."""
    return wish.auto if wish.auto is not None else settings.auto


def least_of(wish: Wish, policy: Policy) -> int:
    """Return how many lines the picture has to have at least: those that were asked for, else those of the policy."""
    return wish.minimum if wish.minimum is not None else int(policy.minimum_resolution or 0)
