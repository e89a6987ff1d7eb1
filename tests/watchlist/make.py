"""Wishes, and what is known of them, in few words."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.watchlist.items import Meant, Part, PartState, Wish

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

DUNE = Meant(
    kind=TitleKind.MOVIE,
    name="Dune: Part Two",
    year=2024,
    ids=frozenset({"tmdb:693134", "imdb:tt15239678"}),
    poster="https://image.example/dune.jpg",
)
BEAR = Meant(kind=TitleKind.SERIES, name="The Bear", year=2022, ids=frozenset({"tvdb:403294"}))


def days(count: float) -> timedelta:
    return timedelta(days=count)


def on(distance: int) -> date:
    """Return the day so many days from today."""
    return (NOW + days(distance)).date()


def movie(state: PartState | None = None, **values: Any) -> Wish:
    """Return a wish for Dune; with a state: with its part, and `values` of that which a part has."""
    of_part = {name: values.pop(name) for name in list(values) if name in _OF_PART}
    parts = () if state is None else (Part(state=state, **of_part),)
    return Wish(**({"id": "w1", "text": "dune 2", "asked_at": NOW - DAY, "meant": DUNE, "parts": parts} | values))


def part(key: str, state: PartState = PartState.SEARCHING, **values: Any) -> Part:
    """Return an episode: `part("S03E02")`."""
    return Part(season=int(key[1:3]), episode=int(key[4:]), state=state, **values)


def series(*parts: Part, **values: Any) -> Wish:
    """Return a wish for The Bear."""
    return Wish(**({"id": "w2", "text": "the bear", "asked_at": NOW - DAY, "meant": BEAR, "parts": parts} | values))


_OF_PART = frozenset(Part.__slots__) - {"state", "season", "episode"} - {"failed"}
