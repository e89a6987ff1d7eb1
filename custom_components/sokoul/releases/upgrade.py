"""Whether what somebody has of a title is good enough, and which releases are better: pure, by a person's policy.

What counts only while a release is fetched (how many share it, its age, its size), and whether it was mended since, is
left out: a release is not better because more people share it today, and none follows another without end.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from ..model.library import Protocol
from ..model.releases import Offer
from .attributes import ReleaseName, Resolution, Source
from .identify import Wanted, identify
from .merge import Release
from .parse import parse
from .policy import Policy
from .score import Aspect, Scored, score

#: A release has to be better by so many of 100 points: less is within what names leave open.
MARGIN: Final = 3

_LASTING: Final = frozenset(
    {
        *(Aspect.CLEAN, Aspect.RESOLUTION, Aspect.LANGUAGE, Aspect.SOURCE),
        *(Aspect.CODEC, Aspect.HDR, Aspect.AUDIO, Aspect.GROUP),
    }
)
#: These come in one resolution, whether or not a name says it.
_ALWAYS: Final = frozenset({Source.DVD, Source.VHS, Source.TV})


def quality(scored: Scored) -> int:
    """Return how good a release is once it is here, from 0 to 100: its points for what stays."""
    parts = [part for part in scored.parts if part.aspect in _LASTING]
    most = sum(part.most for part in parts)
    if scored.release.name.is_cam:  # it has no points for being clean, and hardly any else
        return round(sum(part.points for part in parts))
    return round(100 * sum(part.points for part in parts) / most)


def quality_of(name: str, wanted: Wanted, policy: Policy) -> int:
    """Return how good what somebody has of a title is, told from its name alone."""
    release = Release(parse(name), (Offer(name=name, indexer="", protocol=Protocol.TORRENT),))
    return quality(score(release, wanted, identify(release.name, wanted), policy))


def wanted_resolution(policy: Policy) -> Resolution:
    """Return the resolution that is good enough: more than the best one that is wanted is never waited for."""
    return min(policy.good_enough or policy.best_resolution, policy.best_resolution)


def is_enough(name: str, points: int | None, policy: Policy) -> bool:
    """Tell whether nothing better need be looked for. `points` is its `quality`; None: nobody told yet.

    Of a name that doesn't tell its resolution nobody can say, so it is left as it is.
    """
    if not policy.upgrades:
        return True
    lines = resolution_of(name)
    if lines is None:
        return True
    if lines < wanted_resolution(policy):
        return False
    return policy.good_score is None or (points is not None and points >= policy.good_score)


def better(
    found: Iterable[Scored], name: str, wanted: Wanted, policy: Policy, *, without: Collection[str] = ()
) -> list[Scored]:
    """Return the releases that are to take the place of what is there, in the order in which they were found.

    Each may be taken, is no recording from a cinema, has no fewer lines, and is better by the margin; where lines are
    what is missing, it has more of them. A whole season never takes the place of an episode. `without` names those
    that came to nothing, by their names or hashes.
    """
    lines, points = resolution_of(name), quality_of(name, wanted, policy)
    if lines is None or is_enough(name, points, policy):
        return []
    more = lines < wanted_resolution(policy)
    gone = {each.casefold() for each in without}

    def is_better(each: Scored) -> bool:
        release, theirs = each.release, _lines(each.release.name)
        known = {release.name.name.casefold(), (release.info_hash or "").casefold()}
        if not each.accepted or release.name.is_cam or known & gone or not _is_alone(release.name, wanted):
            return False
        if theirs is None or theirs < lines or (more and theirs == lines):
            return False
        return quality(each) >= points + MARGIN

    return [each for each in found if is_better(each)]


def may_be_better(release: ReleaseName, name: str) -> bool:
    """Tell of a release that a feed has whether it is worth a search at once: it has more lines, and is no season."""
    theirs, lines = _lines(release), resolution_of(name)
    return theirs is not None and lines is not None and theirs > lines and not release.numbering.is_pack


def _is_alone(name: ReleaseName, wanted: Wanted) -> bool:
    """Tell whether a release has the one episode that is wanted, and no others; of a film, whether it is one."""
    if wanted.season is None:
        return not name.numbering.is_series
    return not name.numbering.is_pack and len(name.numbering.episodes or name.numbering.absolute) <= 1


@lru_cache(maxsize=2_000)
def resolution_of(name: str) -> Resolution | None:
    """Return the resolution of what somebody has, told from its name; None: that doesn't tell it."""
    return _lines(parse(name))


def _lines(name: ReleaseName) -> Resolution | None:
    """Return the resolution that a name tells, or that its source always has."""
    return name.resolution if not name.resolution_inferred or name.source in _ALWAYS else None
