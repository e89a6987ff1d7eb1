"""All rules about downloads, in the order in which they have their say: the first that wants something gets it."""

from typing import Any

from . import broken, content, delayed, failed, imports, no_metadata, orphan, pack, restored, slow, stalled
from .base import Rule

RULES: tuple[Rule[Any], ...] = (
    restored.RULE,
    failed.RULE,
    imports.RULE,
    orphan.RULE,
    delayed.RULE,
    content.RULE,
    broken.RULE,
    no_metadata.RULE,
    pack.RULE,
    stalled.RULE,
    slow.RULE,
)
