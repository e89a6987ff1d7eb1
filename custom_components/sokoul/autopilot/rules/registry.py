"""All rules about downloads, in the order in which they have their say: the first that wants something gets it."""

from typing import Any

from . import delayed, failed, imports, no_metadata, orphan, restored, stalled
from .base import Rule

RULES: tuple[Rule[Any], ...] = (
    restored.RULE,
    failed.RULE,
    imports.RULE,
    orphan.RULE,
    delayed.RULE,
    no_metadata.RULE,
    stalled.RULE,
)
