"""What may be done about broken links of the library. Which of them are broken is told by `debrid/links.py`.

As with the rules about backends, what these have in common with the others is what a person sets. Adding a torrent
again is no rule of links: it is that of the account, which does it.
"""

from dataclasses import dataclass
from typing import Any

from ...model.journal import Autonomy
from .backends import BackendRule


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """There are no thresholds: a link is repaired when it is certain what it should be."""


LINK_REWRITE = BackendRule(key="link_rewrite", policy=LinkPolicy, default=Autonomy.OBSERVE)
LINK_REPLACE = BackendRule(key="link_replace", policy=LinkPolicy, default=Autonomy.OBSERVE)

LINK_RULES: tuple[BackendRule[Any], ...] = (LINK_REWRITE, LINK_REPLACE)
