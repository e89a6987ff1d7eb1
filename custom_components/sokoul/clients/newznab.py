"""What Torznab feeds and Prowlarr have from Newznab: how it numbers kinds of releases, and how much a query may be."""

from typing import Final

from ..model.library import TitleKind

CATEGORIES: Final = {TitleKind.MOVIE: (2000,), TitleKind.SERIES: (5000,), TitleKind.EPISODE: (5000,)}
#: What is read of what is new: movies and television.
NEW: Final = (2000, 5000)
MAX_QUERY_CHARACTERS: Final = 300
