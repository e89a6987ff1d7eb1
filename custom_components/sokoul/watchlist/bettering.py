"""What can be watched and isn't good enough: something better is looked for, for a while, where no *arr does that.

What was there before is left where it is: nothing is ever deleted for something better.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..releases.upgrade import is_enough
from .items import ARR, Better, Part, PartState, Wish, WishState
from .known import Known, takes_by_itself
from .schedule import BETTER_WITHIN, next_better

#: So often something better is fetched for a movie or an episode, whatever came of it.
MOST_UPGRADES: Final = 2
#: A download that nobody sees any more may be on its way into its client.
DOWNLOAD_GONE: Final = timedelta(minutes=15)


def bettered(wish: Wish, part: Part, known: Known, now: datetime) -> Part:
    """Return a part with what became of a better release of it, and until when one is looked for."""
    if part.state is not PartState.READY:
        return (
            part if (part.better, part.better_until) == (None, None) else replace(part, better=None, better_until=None)
        )
    if part.better is not None:
        part = _on_its_way(part, part.better, known, now)
    until = _until(wish, part, known, now)
    return part if part.better_until == until else replace(part, better_until=until)


def _until(wish: Wish, part: Part, known: Known, now: datetime) -> datetime | None:
    """Return until when a better release is looked for; None: it isn't.

    A title that an *arr has is its business, and nobody looks for what may not be fetched without asking.
    """
    if wish.keeper is not None or wish.asked_by == ARR or wish.done_at is not None or part.ready_at is None:
        return None
    if not takes_by_itself(wish, known.settings) or part.upgrades >= MOST_UPGRADES:
        return None
    until = part.ready_at + BETTER_WITHIN
    return None if until <= now or is_enough(part.release, part.points, known.policy) else until


def _on_its_way(part: Part, better: Better, known: Known, now: datetime) -> Part:
    """Return a part whose better release is on its way, is here, or came to nothing."""
    mine = next((each for each in known.comes(part) if is_it(better, each.download, each.release)), None)
    if mine is not None and (mine.failed or mine.stands) and better.entry_id is not None:
        return without_better(part, better)
    if mine is not None and mine.finished:
        download = better.download or mine.download
        return replace(
            part,
            release=better.release,
            download=download,
            points=better.points,
            entry_id=better.entry_id,
            grabbed_at=better.grabbed_at,
            looks=0,
            better=None,
        )
    if mine is not None or known.coming is None or not known.all_seen:
        gone_since = None if mine is not None else better.gone_since
    elif better.gone_since is not None and now - better.gone_since >= DOWNLOAD_GONE:
        return without_better(part, better)
    else:
        gone_since = better.gone_since or now
    return part if gone_since == better.gone_since else replace(part, better=replace(better, gone_since=gone_since))


def without_better(part: Part, better: Better) -> Part:
    """Return a part whose better release came to nothing, and isn't to be fetched again."""
    failed = (*part.failed, *(each for each in (better.download, better.release) if each))
    return replace(part, failed=tuple(dict.fromkeys(failed)), better=None)


def may_be_improved(wish: Wish) -> bool:
    """Tell whether a wish that can be watched is one for which something better might be looked for."""
    return wish.state is WishState.READY and wish.done_at is None and wish.keeper is None and wish.asked_by != ARR


def is_it(better: Better, download: str, release: str) -> bool:
    """Tell whether a download is the better release."""
    return download == better.download if better.download else release == better.release


def better_at(wish: Wish, part: Part, known: Known, now: datetime, asked: datetime | None = None) -> datetime | None:
    """Return when a better release of a part is to be looked for; None: it isn't. All other searches come first.

    `asked` is the moment at which a person asked to have it now.
    """
    if part.state is not PartState.READY or (known.has_arr and not known.answers) or not known.pilot:
        return None
    at = next_better(wish, part)
    if asked is not None and part.better_until is not None and part.better is None:
        return now if part.searched_at is None or part.searched_at < asked else None
    if at is None or known.searches_from is None:
        return at
    return max(at, known.searches_from)
