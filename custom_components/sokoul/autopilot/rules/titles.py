"""What was looked up about the titles and files of one *arr."""

from ...model.library import TitleKind
from ...model.waiting import Claim
from .base import Case, ImportChoice, TitleFacts


def titles_of(case: Case, claim: Claim) -> tuple[TitleFacts, ...] | None:
    """Return what is known of all titles that a claim is for; None when one of them is not known.

    Ids are those of movies and episodes: of a series without its episodes nothing can be told.
    """
    wanted = {title.id for title in claim.item.titles}
    if not wanted or any(title.kind is TitleKind.SERIES for title in claim.item.titles):
        return None
    found = {
        title.id: title for title in case.facts.titles or () if title.id in wanted and _is_of(title.arr_id, claim, case)
    }
    return tuple(found.values()) if found.keys() == wanted else None


def choices_of(case: Case, claim: Claim) -> tuple[ImportChoice, ...] | None:
    """Return the files that an *arr could import for a claim; None: it couldn't be asked."""
    if case.facts.choices is None:
        return None
    return tuple(choice for choice in case.facts.choices if _is_of(choice.arr_id, claim, case))


def _is_of(arr_id: str | None, claim: Claim, case: Case) -> bool:
    """Tell whether a fact is about this *arr. One that names none is, when only this one waits."""
    if arr_id is None:
        return len(case.download.arr_ids) == 1
    return arr_id == claim.backend_id
