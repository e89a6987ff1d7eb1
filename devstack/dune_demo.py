"""The demo's "Dune 2": twenty releases at four sources, and a real torrent behind each that anybody would take.

Prowlarr has the most; a feed has those of one tracker; of what only seems to be it, one film is in the Real-Debrid
account and one episode in qBittorrent already.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .dune import DuneWorld, add_dune, dune_releases
from .library import Library
from .releases import INDEXERS, Release

#: All sources together; the names that those have which are in the account and in qBittorrent.
HOW_MANY: Final = 20
IN_THE_ACCOUNT: Final = "Dune.1984.REMASTERED.2160p"
IN_QBITTORRENT: Final = "Dune.Prophecy.S01E01"
#: What is best of them where nothing else is wished for: nobody has to tell why.
BEST: Final = "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT"
FEED_SITE: Final = INDEXERS[1]

type Realise = Callable[[Release], Awaitable[Release]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuneDemo:
    """What each source has."""

    world: DuneWorld
    prowlarr: Sequence[Release]
    feed: Sequence[Release]
    account: Release
    qbittorrent: Release


async def stage(library: Library, realise: Realise) -> DuneDemo:
    """Let the catalogues know the titles, and share the releases out.

    `realise` puts a torrent behind a release of the film. What hides an ending or a tag in its name gets none.
    """
    world = add_dune(library)
    releases = [
        await realise(each) if each.movie is world.second and _is_harmless(each.title) else each
        for each in dune_releases(world)
    ]
    account, qbittorrent = (
        next(each for each in releases if each.title.startswith(name)) for name in (IN_THE_ACCOUNT, IN_QBITTORRENT)
    )
    others = [each for each in releases if each not in (account, qbittorrent)]
    in_feed = [each for each in others if each.indexer == FEED_SITE and each.movie is world.second]
    return DuneDemo(
        world=world,
        prowlarr=[each for each in others if each not in in_feed],
        feed=in_feed,
        account=account,
        qbittorrent=qbittorrent,
    )


def _is_harmless(name: str) -> bool:
    return name.isprintable() and "<" not in name
