"""Choosing what to download instead: the *arr's own search and approval, and nothing that is no better than before."""

from collections.abc import Collection, Iterable

from ..model.library import Protocol, Title
from ..model.releases import BlocklistEntry, Candidate


def choose(
    candidates: Iterable[Candidate],
    titles: Collection[Title],
    *,
    instead_of: str,
    info_hash: str,
    blocked: Collection[BlocklistEntry] = (),
    prefer: str | None = None,
) -> Candidate | None:
    """Return the release that the *arr likes best among those that it would take if the present one were gone.

    The *arr looks at its queue before it looks at its blocklist, so what is blocked is left out here. A release must
    hold all the titles, must not be the present one under the same name or hash, and somebody must share it.
    `prefer` names a release that a person agreed to.
    """
    wanted = {title.id for title in titles}
    fitting = [
        candidate
        for candidate in candidates
        if candidate.only_queue_objects
        and candidate.download_allowed
        and candidate.info_hash != info_hash
        and candidate.title.casefold() != instead_of.casefold()
        and not (candidate.protocol is Protocol.TORRENT and candidate.seeders is not None and candidate.seeders < 1)
        and _holds(candidate, wanted)
        and not any(entry.names(candidate) for entry in blocked)
    ]
    return min(fitting, key=lambda each: (each.title != prefer, each.weight), default=None)


def _holds(candidate: Candidate, wanted: Collection[int]) -> bool:
    """Tell whether a release has all that is wanted; where the *arr doesn't say, only a whole season surely has."""
    if candidate.title_ids:
        return candidate.title_ids.issuperset(wanted)
    return candidate.full_season or len(wanted) == 1
