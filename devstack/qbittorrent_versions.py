"""What differs between the generations of qBittorrent's web API.

4.5 and 5.3 are what real 4.5.2 and 5.3.0 answer (the conformance tests hold both against the simulator); 5.0 and 5.2
lie between them, told apart by the web API version at which something changed.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Pending(StrEnum):
    """What `sync/maindata` does with changes that the client has not acknowledged when more of them come."""

    DIFFERENCE = "difference"  # the difference between now and what was acknowledged (up to 4.5)
    MERGED = "merged"  # old and new changes together
    REPLACED = "replaced"  # new changes of a torrent push its older ones out: they are lost (5.1 to 5.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One version of qBittorrent."""

    application: str
    api: tuple[int, int, int]
    pending: Pending
    libtorrent: str
    qt: str

    def since(self, *version: int) -> bool:
        """Tell whether its web API is this version or a later one."""
        return self.api >= version

    @property
    def api_version(self) -> str:
        """The web API version as text."""
        return ".".join(map(str, self.api))

    @property
    def starts_and_stops(self) -> bool:
        """Whether torrents are stopped and started, rather than paused and resumed."""
        return self.since(2, 11)

    @property
    def answers_with_status(self) -> bool:
        """Whether failures have a status of their own (a wrong login is a 401), rather than a 200 with a text."""
        return self.since(2, 14)

    @property
    def never(self) -> int:
        """How it writes a time that has not come in the list of torrents."""
        return -1 if self.since(2, 11) else 0

    def build_info(self) -> dict[str, Any]:
        """Return `app/buildInfo`."""
        info: dict[str, Any] = {
            "bitness": 64,
            "boost": "1.92.0" if self.answers_with_status else "1.74.0",
            "libtorrent": self.libtorrent,
            "openssl": "3.6.5" if self.answers_with_status else "3.0.19",
            "qt": self.qt,
            "zlib": "1.3.2" if self.answers_with_status else "1.2.13",
        }
        return info | {"platform": "linux"} if self.since(2, 11, 3) else info


GENERATIONS = {
    "4.5": Generation(
        application="v4.5.2", api=(2, 8, 19), pending=Pending.DIFFERENCE, libtorrent="2.0.8.0", qt="5.15.8"
    ),
    "5.0": Generation(application="v5.0.5", api=(2, 11, 2), pending=Pending.MERGED, libtorrent="2.0.11.0", qt="6.8.3"),
    "5.2": Generation(
        application="v5.2.3", api=(2, 15, 1), pending=Pending.REPLACED, libtorrent="2.0.13.0", qt="6.10.3"
    ),
    "5.3": Generation(application="v5.3.0", api=(2, 16, 2), pending=Pending.MERGED, libtorrent="2.0.14.0", qt="6.11.2"),
}
