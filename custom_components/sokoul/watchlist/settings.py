"""What a person set for the whole watchlist."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """What a person set.

    `auto` says whether what is found is fetched without asking; None: nobody was asked yet, which happens once, when
    it is known what the first wish means. A wish may say otherwise for itself.
    """

    auto: bool | None = None
    from_arrs: bool = False  # what the *arrs look for is shown, too
    from_seerr: bool = False  # requests that were approved there become wishes

    @classmethod
    def from_json(cls, stored: Any) -> WatchSettings:
        """Return what was stored; what can't be read any more is at its default."""
        if not isinstance(stored, Mapping):
            return cls()
        known = {name: stored[name] for name in cls.__slots__ if isinstance(stored.get(name), bool)}
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {name: getattr(self, name) for name in self.__slots__}
