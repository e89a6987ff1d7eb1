"""All rules about downloads, in the order in which they have their say: the first that wants something gets it."""

from typing import Any

from . import no_metadata, stalled
from .base import Rule

RULES: tuple[Rule[Any], ...] = (
    no_metadata.RULE,
    stalled.RULE,
)
