"""All rules about backends. They look at programs, not at downloads, so the kernel of healing doesn't ask them.

What they have in common with the others is what a person sets: how far each may go, and how patient it is.
"""

from dataclasses import dataclass
from typing import Any

from ...model.journal import Autonomy
from . import backend_down


@dataclass(frozen=True, kw_only=True)
class BackendRule[PolicyT]:
    """One situation of a backend. `key` names its policy, its texts and its switch."""

    key: str
    policy: type[PolicyT]
    default: Autonomy = Autonomy.SUGGEST


BACKEND_DOWN = BackendRule(key=backend_down.KEY, policy=backend_down.BackendDownPolicy)

BACKEND_RULES: tuple[BackendRule[Any], ...] = (BACKEND_DOWN,)
