"""What the rules about the *arrs' side of a download have in common: failed, import, orphan, delayed, restored."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ...model.journal import ActKind, Autonomy, Proposal
from ...model.library import QueueItem, TrackedState
from ...model.reasons import NOTHING, Reason, Value
from ...model.waiting import Claim, Wait
from .base import Case

#: The *arr is done with these.
_OVER = frozenset({TrackedState.IMPORTED, TrackedState.IGNORED})


def waiting(case: Case) -> tuple[Claim, ...]:
    """Return the *arrs that still wait for a download; what is only delayed is no download yet."""
    return tuple(
        claim
        for claim in case.download.claims
        if claim.item.tracked_state not in _OVER and claim.item.download_id is not None
    )


def is_importing(item: QueueItem) -> bool:
    """Whether its *arr is at work on it at this moment."""
    return item.tracked_state is TrackedState.IMPORTING


def is_away(case: Case, claims: Iterable[Claim]) -> bool:
    """Whether one of these *arrs doesn't answer: nobody knows whether what it said last still holds."""
    return any(claim.backend_id in case.around.arrs_away for claim in claims)


def proposal(
    case: Case,
    claim: Claim,
    rule: str,
    act: ActKind,
    variant: str = "",
    *,
    ceiling: Autonomy = Autonomy.ACT,
    values: Mapping[str, Value] = NOTHING,
    **parameters: Any,
) -> Proposal:
    """Propose an act that concerns one *arr: `arr_id` names it, because others may wait for the same download.

    `variant` tells the several reasons of one rule apart; `values` fill its text beside the name of the *arr.
    """
    return Proposal(
        rule=rule,
        subject=case.download.id,
        act=act,
        reason=Reason(
            key=f"heal.{rule}_{variant}" if variant else f"heal.{rule}",
            parameters={"arr": claim.title, **values},
            evidence=said(case),
            backend_id=claim.backend_id,
        ),
        parameters={"arr_id": claim.backend_id, "download_id": claim.item.download_id, **parameters},
        ceiling=ceiling,
    )


def said(case: Case) -> dict[str, Value]:
    """Return what the *arr itself says of a download, to be quoted."""
    waits = case.download.waits
    return dict(waits.evidence) if waits and waits.key in _QUOTED else {}


_QUOTED: Collection[str] = frozenset({Wait.IMPORT_BLOCKED, Wait.FAILED, Wait.WARNING, Wait.NOT_IN_CLIENT})
