"""Short ways to write offers and wanted titles."""

from typing import Any

from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import Offer
from custom_components.sokoul.releases.identify import Wanted, identify
from custom_components.sokoul.releases.merge import Release, merge
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.releases.score import Scored, score

GB = 10**9
DUNE = Wanted(kind=TitleKind.MOVIE, names=("Dune",), year=2021, namesakes=frozenset({1984}), minutes=155)
AMBER = Wanted(kind=TitleKind.MOVIE, names=("Amber",), year=2019, minutes=120, original_language="en")
SILO = Wanted(
    kind=TitleKind.EPISODE,
    names=("Silo",),
    year=2023,
    season=2,
    episodes=frozenset({5}),
    minutes=50,
    season_episodes=10,
)


def offer(name: str, **fields: Any) -> Offer:
    given: dict[str, Any] = {"indexer": "Harbour", "protocol": Protocol.TORRENT, "size_bytes": 8 * GB, "seeders": 20}
    return Offer(name=name, **given | fields)


def release(name: str, **fields: Any) -> Release:
    (only,) = merge([offer(name, **fields)])
    return only


def scored(name: str, policy: Policy | None = None, wanted: Wanted = AMBER, **fields: Any) -> Scored:
    """Score a release of a title, given what follows its name: `2160p.WEB-DL.H265-GRP`."""
    found = release(f"{wanted.names[0]}.{wanted.year}.{name}", **fields)
    return score(found, wanted, identify(found.name, wanted), policy or Policy())
