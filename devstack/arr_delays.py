"""How long a Radarr or Sonarr waits for better releases: `/delayprofile`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from .library import Wanted
from .releases import Release
from .servarr_http import ApiError, Json, answer, id_of, object_of

if TYPE_CHECKING:
    from .arr import ArrSimulator

#: the order of the one that is always there and always last
LAST = 2_147_483_647


@dataclass(slots=True, kw_only=True)
class DelayProfile:
    """How long releases wait; of a protocol that isn't enabled none is taken. Delays in minutes."""

    id: int
    order: int
    tags: set[int] = field(default_factory=set)
    enable_usenet: bool = True
    enable_torrent: bool = True
    usenet_delay: int = 0
    torrent_delay: int = 0

    def delay(self, protocol: str) -> timedelta | None:
        """Return how long a release of a protocol waits, None where it isn't enabled."""
        torrent = protocol == "torrent"
        if not (self.enable_torrent if torrent else self.enable_usenet):
            return None
        return timedelta(minutes=self.torrent_delay if torrent else self.usenet_delay)

    def due(self, release: Release) -> datetime:
        """Return when a release has waited long enough."""
        return release.published + (self.delay(release.indexer.protocol) or timedelta())

    def waits(self, release: Release, now: datetime) -> bool:
        """Tell whether a release has to wait longer."""
        return now < self.due(release)

    def json(self) -> Json:
        """Return its resource."""
        return {
            "id": self.id,
            "enableUsenet": self.enable_usenet,
            "enableTorrent": self.enable_torrent,
            "preferredProtocol": "torrent" if self.enable_torrent else "usenet",
            "usenetDelay": self.usenet_delay,
            "torrentDelay": self.torrent_delay,
            "bypassIfHighestQuality": False,
            "bypassIfAboveCustomFormatScore": False,
            "minimumCustomFormatScore": 0,
            "order": self.order,
            "tags": sorted(self.tags),
        }


class Delays:
    """The delay profiles. The one for all titles leaves usenet out: there is no usenet client."""

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr
        self.profiles = {1: DelayProfile(id=1, order=LAST, enable_usenet=False)}

    def add(self, *tags: int, torrent_delay: int = 0, usenet_delay: int = 0, enable_usenet: bool = False) -> None:
        """Let titles with one of these tags wait, in minutes."""
        number = max(self.profiles) + 1
        self.profiles[number] = DelayProfile(
            id=number,
            order=len(self.profiles),
            tags=set(tags),
            enable_usenet=enable_usenet,
            torrent_delay=torrent_delay,
            usenet_delay=usenet_delay,
        )

    def profile_of(self, one: Wanted) -> DelayProfile:
        """Return the profile for a title: the first in order that has one of its tags, or none at all."""
        tags = set(self.arr.tags_of(one))
        fitting = [profile for profile in self.profiles.values() if not profile.tags or profile.tags & tags]
        return min(fitting, key=lambda profile: profile.order)

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/delayprofile", self._list),
            web.get("/delayprofile/{id:\\d+}", self._get),
            web.put("/delayprofile/{id:\\d+}", self._put),
        )

    def _by_id(self, request: web.Request) -> DelayProfile:
        profile = self.profiles.get(id_of(request))
        if profile is None:
            raise ApiError.not_found()
        return profile

    async def _list(self, request: web.Request) -> web.Response:
        del request
        return answer([profile.json() for profile in self.profiles.values()])

    async def _get(self, request: web.Request) -> web.Response:
        return answer(self._by_id(request).json())

    async def _put(self, request: web.Request) -> web.Response:
        profile, body = self._by_id(request), await object_of(request)
        profile.enable_usenet = bool(body.get("enableUsenet"))
        profile.enable_torrent = bool(body.get("enableTorrent"))
        profile.usenet_delay = int(body.get("usenetDelay") or 0)
        profile.torrent_delay = int(body.get("torrentDelay") or 0)
        profile.tags = set(body.get("tags") or ())
        return answer(profile.json(), 202)
