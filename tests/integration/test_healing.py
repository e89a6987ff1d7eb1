"""Healing from end to end: a Home Assistant, a simulated Radarr and a simulated qBittorrent, and time."""

from datetime import timedelta
from itertools import islice

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.autopilot.desk import NotPossible
from custom_components.sokoul.autopilot.observe import TORRENT_SETTLES
from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.calls import Action
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus
from custom_components.sokoul.pilot import Pilot
from devstack.library import Movie
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedFile, SimulatedTorrent, Swarm
from devstack.radarr import RadarrSimulator
from devstack.releases import release_of
from tests.autopilot.stack import reversible

from .conftest import PASSWORD, RADARR_ID, USERNAME, PassTime, SetUp, qbittorrent_subentry, servarr_subentry
from .healing import act

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
GIVEN_BYTES = 1e9  # of the release that then gets nothing more


class Stuck:
    """A movie whose download gets nothing, and a better release of it."""

    def __init__(self, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator) -> None:
        self.qbittorrent = qbittorrent
        self.radarr = radarr
        self.movie: Movie = next(iter(radarr.missing()))
        self.old = release_of(self.movie, group="LANTERN", seeders=9)
        self.new = release_of(self.movie, group="MERiDiAN", seeders=40)

    async def begin(self) -> None:
        """Let Radarr grab the release that will get nothing."""
        self.radarr.add_qbittorrent(self.qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")
        self.qbittorrent.add_torrent("a busy one", "seeding")  # somebody is connected: the line works
        await self.radarr.grabbing.grab(self.old, self.old.wanted)
        film = SimulatedFile(path=f"{self.old.title}.mkv", size_bytes=self.old.size_bytes)
        self.qbittorrent.change(self.hash, has_metadata=True, files=[film], completed=GIVEN_BYTES, swarm=Swarm())
        self.radarr.offer(self.movie, self.old, self.new)
        await self.radarr.refresh()

    @property
    def hash(self) -> str:
        return self.old.info_hash.lower()

    async def replaced(self, set_up: SetUp, pass_time: PassTime) -> Pilot:
        """Return the autopilot after it replaced the release."""
        entry = await set_up(qbittorrent_subentry(self.qbittorrent), servarr_subentry(self.radarr, RADARR_ID))
        pilot: Pilot = entry.runtime_data.pilot
        pilot.kernel.change(pilot.kernel.settings.with_autonomy("stalled", Autonomy.ACT))
        await pass_time(HOUR, 74)
        assert self.torrent().category == QUARANTINE
        return pilot

    def torrent(self) -> SimulatedTorrent:
        return self.qbittorrent.torrents[self.hash]

    @property
    def other(self) -> SimulatedTorrent | None:
        return self.qbittorrent.torrents.get(self.new.info_hash.lower())


@pytest.fixture
async def stuck(qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator) -> Stuck:
    situation = Stuck(qbittorrent, radarr)
    await situation.begin()
    return situation


async def test_what_comes_after_a_pause_is_explained(
    hass: HomeAssistant, stuck: Stuck, set_up: SetUp, pass_time: PassTime
) -> None:
    """It has to find its peers again first, and its clock runs after that."""
    await set_up(qbittorrent_subentry(stuck.qbittorrent), servarr_subentry(stuck.radarr, RADARR_ID))
    await pass_time(MINUTE, 20)
    switch = {"entity_id": "switch.qbittorrent_pause_everything"}
    await hass.services.async_call("switch", "turn_on", switch, blocking=True)
    await pass_time(MINUTE, 2)
    said = await act(hass, Action.EXPLAIN, download=stuck.hash)
    assert said["next"] is None
    await hass.services.async_call("switch", "turn_off", switch, blocking=True)
    await pass_time(MINUTE, 2)
    said = await act(hass, Action.EXPLAIN, download=stuck.hash)
    (clock,) = (each for each in said["clocks"] if each["rule"] == "stalled")
    missing = 30 * 60 - clock["lasted_seconds"]
    settles = (TORRENT_SETTLES - 2 * MINUTE).total_seconds()
    assert not clock["running"]
    assert missing + settles - 60 <= clock["missing_seconds"] <= missing + settles + 60
    assert said["next"]["missing_seconds"] == clock["missing_seconds"]
    await pass_time(MINUTE, 30)
    later = await act(hass, Action.EXPLAIN, download=stuck.hash)
    assert next(each for each in later["clocks"] if each["rule"] == "stalled")["running"]
    assert later["next"]["missing_seconds"] <= missing


async def test_what_is_taken_back_while_everything_is_paused_starts_with_the_rest(
    hass: HomeAssistant, stuck: Stuck, set_up: SetUp, pass_time: PassTime
) -> None:
    pilot = await stuck.replaced(set_up, pass_time)
    switch = {"entity_id": "switch.qbittorrent_pause_everything"}
    await hass.services.async_call("switch", "turn_on", switch, blocking=True)
    [entry] = await pilot.kernel.journal.find(statuses=[EntryStatus.DONE], rule="stalled", limit=1)
    await pilot.desk.undo(entry.id, "somebody", dt_util.utcnow())
    await pass_time(MINUTE, 3)
    assert (stuck.torrent().category, stuck.torrent().stopped) == ("radarr", True)
    await hass.services.async_call("switch", "turn_off", switch, blocking=True)
    assert not stuck.torrent().stopped


async def test_a_stalled_download_is_replaced_and_can_be_taken_back(
    hass: HomeAssistant, stuck: Stuck, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(stuck.qbittorrent), servarr_subentry(stuck.radarr, RADARR_ID))
    pilot: Pilot = entry.runtime_data.pilot
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("stalled", Autonomy.ACT))
    stuck.qbittorrent.change(stuck.hash, tags={"mine"})
    await pass_time(10 * MINUTE, 5)
    assert [each.act for each in await pilot.kernel.journal.find()] == [ActKind.REANNOUNCE], "what costs nothing first"

    await pass_time(HOUR, 71)
    assert stuck.torrent().category == "radarr", "an old film is hard to find: three days"
    await pass_time(HOUR, 2)
    [replaced] = await pilot.kernel.journal.find(statuses=[EntryStatus.DONE], rule="stalled", limit=1)
    assert replaced.act is ActKind.REPLACE
    assert replaced.reason.key == "heal.stalled"
    assert (stuck.torrent().category, stuck.torrent().stopped) == (QUARANTINE, True)
    assert stuck.other is not None, "the other one is on its way"
    assert [item.title for item in stuck.radarr.queue.items] == [stuck.new.title]
    assert stuck.radarr.blocklist.holds(stuck.old)

    stuck.qbittorrent.change(stuck.other, swarm=Swarm(), completed=0.0, completed_at=0.0)
    undone = await pilot.desk.undo(replaced.id, "somebody", dt_util.utcnow())
    assert undone.status is EntryStatus.UNDONE
    assert (stuck.torrent().category, stuck.torrent().stopped) == ("radarr", False)
    assert stuck.torrent().tags == {"mine"}
    assert stuck.torrent().completed == GIVEN_BYTES
    assert stuck.other.category == QUARANTINE
    assert not stuck.radarr.blocklist.holds(stuck.old)
    assert pilot.kernel.settings.level(pilot.kernel.rules["stalled"]) is Autonomy.SUGGEST, "from now on it asks"


async def test_what_was_given_up_is_deleted_after_a_day(stuck: Stuck, set_up: SetUp, pass_time: PassTime) -> None:
    pilot = await stuck.replaced(set_up, pass_time)
    [replaced] = reversible(pilot.kernel)
    await pass_time(HOUR, 22)
    assert stuck.hash in stuck.qbittorrent.torrents
    await pass_time(HOUR, 4)
    assert stuck.hash not in stuck.qbittorrent.torrents
    assert reversible(pilot.kernel) == ()
    with pytest.raises(NotPossible):
        await pilot.desk.undo(replaced.id, "somebody", dt_util.utcnow())


async def test_data_that_another_torrent_uses_is_never_deleted(
    stuck: Stuck, set_up: SetUp, pass_time: PassTime
) -> None:
    pilot = await stuck.replaced(set_up, pass_time)
    same = stuck.qbittorrent.add_torrent(stuck.old.title, "seeding")
    same.files = list(stuck.torrent().files)
    stuck.qbittorrent.change(same, save_path=stuck.torrent().save_path)
    await pass_time(HOUR, 30)
    assert stuck.torrent().category == QUARANTINE
    assert reversible(pilot.kernel) == (), "it can't be taken back any more, but it is there"


async def test_another_tool_that_removes_downloads_is_noticed(
    qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")
    taken = [release_of(movie) for movie in islice(radarr.library.movies.values(), 3)]
    for release in taken:
        await radarr.grabbing.grab(release, release.wanted)
        qbittorrent.change(release.info_hash.lower(), swarm=Swarm())
    await radarr.refresh()
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    await pass_time(MINUTE, 2)
    for release in taken:
        qbittorrent.remove(release.info_hash.lower())
    await pass_time(MINUTE, 2)
    [told] = await entry.runtime_data.pilot.kernel.journal.find()
    assert (told.rule, told.reason.parameters["count"]) == ("other_tool", 3)
