"""How many lines the picture of what is on the watchlist has to have: what was said for it, else what a policy says.

A wish keeps what was said for it alone. What its policy says is looked up whenever it is told or searched for, so that
a policy that changes counts for all that is on the list.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .watchlist.items import ARR, Wish
from .watchlist.known import least_of

if TYPE_CHECKING:
    from .hub import Hub
    from .releases.policy import Policy


def minimum_of(hub: Hub) -> Callable[[Wish], int | None]:
    """Return a function that tells the lines of a wish as they stand now: 0 for any; None where its *arr decides."""
    policies: dict[str | None, Policy] = {}

    def told(wish: Wish) -> int | None:
        if wish.asked_by == ARR:
            return None
        if wish.policy not in policies:
            policies[wish.policy] = hub.searching.policy(wish.policy)
        return least_of(wish, policies[wish.policy])

    return told
