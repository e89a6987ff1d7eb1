"""What was looked up about the titles and files of one *arr."""

from ...model.library import TitleKind
from ...model.releases import ImportCandidate, TitleDetails
from ...model.waiting import Claim
from .base import Case


def titles_of(case: Case, claim: Claim) -> tuple[TitleDetails, ...] | None:
    """Return what is known of all titles that a claim is for; None when one of them is not known.

    Ids are those of movies and episodes: of a series without its episodes nothing can be told.
    """
    wanted = {title.id for title in claim.item.titles}
    if not wanted or any(title.kind is TitleKind.SERIES for title in claim.item.titles):
        return None
    said = (case.facts.titles or {}).get(claim.backend_id, ())
    found = {title.id: title for title in said if title.id in wanted}
    return tuple(found.values()) if found.keys() == wanted else None


def choices_of(case: Case, claim: Claim) -> tuple[ImportCandidate, ...] | None:
    """Return the files that an *arr could import for a claim; None: it couldn't be asked."""
    return None if case.facts.choices is None else case.facts.choices.get(claim.backend_id)
