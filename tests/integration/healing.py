"""Situations for healing that come about soon: downloads that a queue waits for in vain, and a stalled one."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from homeassistant.core import Context, HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.journal import Autonomy, JournalEntry
from custom_components.sokoul.pilot import Pilot
from devstack.arr_queue_item import QueueItem
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import PASSWORD, RADARR_ID, USERNAME, PassTime, SetUp, qbittorrent_subentry, servarr_subentry

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Lost:
    """A Radarr that waits for torrents which its qBittorrent doesn't have: after an hour they lead nowhere."""

    def __init__(self, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator) -> None:
        self.qbittorrent = qbittorrent
        self.radarr = radarr
        self.entry: MockConfigEntry | None = None
        self._movies = enumerate(radarr.library.movies.values())
        radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")

    def lose(self, count: int = 1) -> list[QueueItem]:
        """Let Radarr wait for some more in vain."""
        wanted = [next(self._movies) for _ in range(count)]
        return [self.radarr.queue_item(movie, title=f"Lost.{number}") for number, movie in wanted]

    async def begin(self, set_up: SetUp, pass_time: PassTime, level: Autonomy = Autonomy.SUGGEST) -> Pilot:
        """Set up, let the first evaluation pass, which only reports, and give the rule its level."""
        self.entry = await set_up(qbittorrent_subentry(self.qbittorrent), servarr_subentry(self.radarr, RADARR_ID))
        await pass_time(MINUTE)
        pilot: Pilot = self.entry.runtime_data.pilot
        pilot.kernel.change(pilot.kernel.settings.with_autonomy("orphan", level))
        return pilot

    @property
    def waiting(self) -> list[str]:
        """What is in Radarr's queue."""
        return [item.title for item in self.radarr.queue.items]


async def wait(pass_time: PassTime) -> None:
    """Let the patience of `Lost` end, and what comes of it be told."""
    await pass_time(20 * MINUTE, 5)
    await pass_time(2 * MINUTE)


async def act(hass: HomeAssistant, action: str, context: Context | None = None, **data: Any) -> Mapping[str, Any]:
    """Call an action that answers."""
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context or Context()
    )
    assert isinstance(answer, dict)
    return answer


def suggestion(pilot: Pilot) -> JournalEntry:
    """Return the one that is open."""
    (entry,) = pilot.kernel.suggestions
    return entry
