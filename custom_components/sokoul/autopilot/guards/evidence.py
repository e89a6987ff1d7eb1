"""What a guard saw of a tunnel and of a client behind it: each piece with when it was seen and how long that took."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ...model.downloads import ClientSettings, Transfer
from ...model.vpn import VpnSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen[T]:
    """An answer: `at` it was here, `took` so long after it was asked for. It was true at some moment between."""

    value: T
    at: datetime
    took: timedelta = timedelta()

    @property
    def asked_at(self) -> datetime:
        """Before this it cannot have been true for us."""
        return self.at - self.took

    def fresh(self, lasts: timedelta, now: datetime) -> bool:
        """Whether it still counts. An answer from the future (the clock was set back) is as old as it is ahead."""
        return abs(now - self.at) <= lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An address, as a service on the internet says that we come from it. Services fail, and some lie."""

    service: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The last answer of each source. None: there was none yet. One that fell silent just gets old.

    `through` and `outside` hold the last answer of each service that was asked through the tunnel, and past it; IPv4
    and IPv6 are asked for separately.
    """

    client: Seen[Transfer] | None = None
    settings: Seen[ClientSettings] | None = None
    tunnel: Seen[VpnSnapshot] | None = None
    through: tuple[Seen[Said], ...] = ()
    outside: tuple[Seen[Said], ...] = ()
    drill: bool = False  # a leak is pretended
    changing: bool = False  # the tunnel is given another server: it may end any moment
