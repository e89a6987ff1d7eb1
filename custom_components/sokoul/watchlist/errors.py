"""What a watchlist can't do for somebody, with what is needed to say so."""

from typing import Final

#: More nobody reads, and each of them is searched for.
MOST_WISHES: Final = 1_000


class WatchlistError(Exception):
    """The watchlist can't do that."""


class NoSuchWish(WatchlistError):  # noqa: N818 -- named for what it means
    """Nobody wished for that, or it was removed since."""

    def __init__(self, wish_id: str) -> None:
        super().__init__(wish_id)
        self.wish_id = wish_id


class NoSuchChoice(WatchlistError):  # noqa: N818 -- named for what it means
    """That is none of the titles to choose from."""

    def __init__(self, label: str, choice: str, count: int) -> None:
        super().__init__(choice)
        self.label = label  # of the wish
        self.choice = choice
        self.count = count  # of titles there are to choose from


class KeptByArr(WatchlistError):  # noqa: N818 -- named for what it means
    """An *arr looks for it by itself: it leaves the list when it is no longer monitored there."""

    def __init__(self, label: str, backend: str) -> None:
        super().__init__(label)
        self.label = label
        self.backend = backend  # what the person calls the *arr


class TooMany(WatchlistError):  # noqa: N818 -- named for what it means
    """There are as many wishes as there can be."""

    def __init__(self, most: int = MOST_WISHES) -> None:
        super().__init__(str(most))
        self.most = most


class NoList(WatchlistError):  # noqa: N818 -- named for what it means
    """Without a database there is no list: it couldn't be kept."""


class NothingToAsk(WatchlistError):  # noqa: N818 -- named for what it means
    """There is nothing to look for in what was asked for."""
