"""What may be done about failed torrents of a Real-Debrid account. What failed, and how, is told by `debrid/`.

As with the rules about backends, what these have in common with the others is what a person sets.
"""

from dataclasses import dataclass
from typing import Any

from ...model.journal import Autonomy
from .backends import BackendRule


@dataclass(frozen=True, slots=True)
class DebridPolicy:
    """There are no thresholds: how often and how soon is the same table for everybody."""


DEBRID_READD = BackendRule(key="debrid_readd", policy=DebridPolicy, default=Autonomy.OBSERVE)
DEBRID_SELECT = BackendRule(key="debrid_select", policy=DebridPolicy, default=Autonomy.SUGGEST)
DEBRID_DELETE = BackendRule(key="debrid_delete", policy=DebridPolicy, default=Autonomy.OBSERVE)
DEBRID_GIVE_UP = BackendRule(key="debrid_give_up", policy=DebridPolicy, default=Autonomy.OBSERVE)

DEBRID_RULES: tuple[BackendRule[Any], ...] = (DEBRID_READD, DEBRID_SELECT, DEBRID_DELETE, DEBRID_GIVE_UP)

#: Under which name the journal has what people did at Real-Debrid through SOKOUL. It is no rule.
DEBRID_BY_HAND = "debrid_by_hand"
