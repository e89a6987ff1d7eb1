"""The demo stack: simulated Radarr, Sonarr and Prowlarr on a real qBittorrent with a real swarm, behind a VPN.

Beside them is a simulated Real-Debrid account, into whose mount a part of the movies' folder leads, and a feed of one
more tracker: together they have "Dune 2" as `dune_demo` shares it out.

Where qBittorrent or libtorrent can't be had, simulated torrents stand in, and the stack says so. Everything is on
127.0.0.1 and below one folder.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Self

from .arr import ArrSimulator
from .arr_decisions import Source
from .arr_grabbing import invented_magnet
from .arr_queue import QueueItem
from .clock import WallClock
from .dune_demo import FEED_SITE, DuneDemo, stage
from .frame import Simulator
from .library import DOWNLOADS_ROOT, MOVIES_ROOT, Library, Movie, Wanted
from .prowlarr import ProwlarrSimulator
from .qbittorrent import QbittorrentSimulator
from .qbittorrent_torrent import Swarm
from .radarr import RadarrSimulator
from .real_qbittorrent import RealQbittorrent
from .releases import INDEXERS, Release, episode_releases, movie_releases, release_of
from .sonarr import SonarrSimulator
from .surroundings import API_KEY, SERVER, Surroundings
from .swarm import LocalSwarm, Published
from .tools import find_qbittorrents, swarm_python
from .torznab import TorznabSimulator

type Progress = Callable[[str], None]

USERNAME = "sokoul"
PASSWORD = "correct horse"

_SIZE_BYTES = 12 << 20
#: slow enough to be watched: twelve minutes
_SLOW_BYTES_PER_SECOND = 16 << 10
_DONE_SECONDS = 60
#: Where qBittorrent meets its peers: not where it would be known to be cut off, and yet nothing leaves the machine.
_PEER_ADDRESS = "127.0.0.5"
#: Instead of five minutes of calm after heat.
_HASTY_CALM_SECONDS = 3


class Fate(StrEnum):
    """What becomes of a grabbed release."""

    DONE = "done"
    SLOW = "slow"
    STALLED = "stalled"
    METADATA = "metadata"


#: one after the other for the titles that are missing, so that each kind is there
MOVIE_FATES = (Fate.SLOW, Fate.STALLED, Fate.DONE, Fate.METADATA)
EPISODE_FATES = (Fate.DONE, Fate.SLOW, Fate.STALLED)

_SIMULATED = {
    Fate.DONE: Swarm(rate=200e6, seeds=5, availability=5.0, metadata_seconds=1.0),
    Fate.SLOW: Swarm(rate=2e6, seeds=1, availability=1.0, metadata_seconds=1.0),
    Fate.STALLED: Swarm(metadata_seconds=1.0),
    Fate.METADATA: Swarm(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A movie whose download gets nothing, and the release that would."""

    movie: Movie
    release: Release
    better: Release
    hash: str  # of the torrent that gets nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to connect to a backend, as a person would type it."""

    kind: str
    name: str
    url: str
    api_key: str = ""
    username: str = ""
    password: str = ""

    def __str__(self) -> str:
        secret = f"API key {self.api_key}" if self.api_key else f"user {self.username}, password {self.password}"
        return f"{self.name}: {self.url} ({secret})"


class Stack:
    """All backends, started in the order in which they need each other and stopped in the reverse one."""

    def __init__(self, folder: Path, *, real: bool = True) -> None:
        """Keep everything below `folder`. Not `real`: simulate qBittorrent even where it could be had."""
        self.folder = folder
        self.disk = folder / "disk"  # what the *arrs see as `/`
        self.started_at = WallClock().now()
        self.library = Library.small(self.started_at)
        self.radarr = RadarrSimulator(self.library, disk=self.disk)
        self.sonarr = SonarrSimulator(self.library, disk=self.disk)
        self.prowlarr = ProwlarrSimulator(self.library)
        self.feed = TorznabSimulator()
        self.surroundings = Surroundings(folder / "surroundings")
        self.qbittorrent: RealQbittorrent | QbittorrentSimulator
        self.swarm: LocalSwarm | None = None
        self.stuck: Stuck | None = None
        self.dune: DuneDemo | None = None
        self._binary = max(find_qbittorrents(), key=lambda binary: binary.release, default=None) if real else None
        self._python = swarm_python() if real else None
        self._life = AsyncExitStack()
        self._runs: list[asyncio.Task[None]] = []

    @property
    def real(self) -> bool:
        """Whether a real qBittorrent downloads from a real swarm."""
        return self._binary is not None and self._python is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop whatever was started, also after a start that failed or was cancelled."""
        for run in self._runs:
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
        self._runs.clear()
        await self._life.aclose()

    async def start(self, progress: Progress) -> None:
        """Start everything, with a line to `progress` before each part that takes time."""
        url = await (self._start_real(progress) if self.real else self._start_simulated(progress))
        progress("starting the simulated Radarr, Sonarr, Prowlarr, Jackett, Gluetun and Real-Debrid")
        for simulator in (self.radarr, self.sonarr, self.prowlarr, self.feed, self.surroundings):
            await self._life.enter_async_context(simulator)
        for arr, category in ((self.radarr, "radarr"), (self.sonarr, "sonarr")):
            arr.add_qbittorrent(url, username=USERNAME, password=PASSWORD, category=category)
            self._wire(arr)
            arr.lay_out_library()
        self._show_library()
        self.surroundings.debrid.links(self.disk / MOVIES_ROOT.lstrip("/"))
        progress("grabbing releases: some arrive, some crawl, some never will")
        await self._grab(self.radarr, [*self.radarr.missing(), *self.radarr.cutoff_unmet()], MOVIE_FATES)
        await self._grab(self.sonarr, [*self.sonarr.missing(), *self.sonarr.cutoff_unmet()], EPISODE_FATES)
        await self._add_odd_ones()
        await self._stage_dune()
        for arr in (self.radarr, self.sonarr):
            await arr.refresh()
        living = (self.radarr, self.sonarr, self.prowlarr, self.surroundings)
        self._runs.extend(asyncio.create_task(each.run()) for each in living)

    # --- qBittorrent -------------------------------------------------------------------------------------------------

    async def _start_real(self, progress: Progress) -> str:
        assert self._binary is not None  # noqa: S101 -- real
        assert self._python is not None  # noqa: S101 -- real
        progress(f"starting qBittorrent {self._binary.version} and a swarm")
        folder = self.folder / "qbittorrent"
        folder.mkdir(parents=True)
        self.swarm = await self._life.enter_async_context(LocalSwarm(self._python, self.folder / "swarm"))
        await self.swarm.see(SERVER.address)  # as a tracker would, behind the VPN
        self.qbittorrent = RealQbittorrent(
            self._binary,
            folder,
            username=USERNAME,
            password=PASSWORD,
            interface="",
            peer_address=_PEER_ADDRESS,
            session_settings={
                # what comes by uTP stands still for two minutes after a change of the port, until both ends give it up
                "BTProtocol": "TCP",
                # the person's own: from a stranger's file SOKOUL takes no tracker that is at home
                "AddTrackersEnabled": "true",
                "AdditionalTrackers": self.swarm.announce_url,
            },
        )
        await self._life.enter_async_context(self.qbittorrent)
        # the *arrs see the same folder under the path that containers give it
        seen = self.disk / DOWNLOADS_ROOT.lstrip("/")
        seen.parent.mkdir(parents=True)
        seen.symlink_to(self.qbittorrent.download_dir, target_is_directory=True)
        for arr in (self.radarr, self.sonarr):
            arr.add_path_mapping("127.0.0.1", f"{self.qbittorrent.download_dir}/", f"{DOWNLOADS_ROOT}/")
        return self.qbittorrent.url

    async def _start_simulated(self, progress: Progress) -> str:
        missing = "qBittorrent" if self._binary is None else "libtorrent for the swarm"
        progress(f"{missing} is not here: a simulated qBittorrent stands in")
        self.qbittorrent = QbittorrentSimulator(username=USERNAME, password=PASSWORD, download_dir=DOWNLOADS_ROOT)
        self.qbittorrent.engine.weather.external_address = SERVER.address
        await self._life.enter_async_context(self.qbittorrent)
        return self.qbittorrent.url

    # --- what goes on ------------------------------------------------------------------------------------------------

    def _show_library(self) -> None:
        """Let Home Assistant see the library under a path of its own, as a mount would."""
        media = self.folder / "config" / "media"
        media.parent.mkdir(exist_ok=True)
        media.symlink_to(self.disk / "data" / "media", target_is_directory=True)

    def _wire(self, arr: ArrSimulator) -> None:
        """Connect an *arr with Prowlarr, which feeds it."""
        self.prowlarr.add_application(arr.application, arr.url, arr.api_key)
        for site in INDEXERS:
            kind = "Torznab" if site.protocol == "torrent" else "Newznab"
            address = f"{self.prowlarr.url}/{site.id}/"
            arr.indexers.add(kind, f"{site.name} (Prowlarr)", {"baseUrl": address, "apiKey": self.prowlarr.api_key})

    async def _grab(self, arr: ArrSimulator, titles: Iterable[Wanted], fates: Sequence[Fate]) -> None:
        """Let an *arr grab a release for each of the first titles, and give each its fate."""
        todo = list(fates)
        grabbed: set[int] = set()
        for wanted in titles:
            if not todo:
                break
            if wanted.id in grabbed:
                continue
            grabbed.add(wanted.id)
            releases = movie_releases if arr is self.radarr else episode_releases
            candidates = [
                release
                for release in releases(wanted, arr.clock.now())  # type: ignore[arg-type]  # of this *arr's kind
                if not release.full_season
                and release.indexer.protocol == "torrent"
                and not arr.grabbing.rejections(release, release.wanted)
            ]
            if not candidates:
                continue
            fate = todo.pop(0)
            arr.grabbing.source = partial(self._torrent_of, fate=fate)
            item = await arr.grabbing.grab(candidates[0], candidates[0].wanted, source=Source.RSS)
            if fate is Fate.STALLED and isinstance(wanted, Movie):
                self.stuck = await self._stuck(wanted, item)
        arr.grabbing.source = partial(self._torrent_of, fate=Fate.DONE)

    async def _stuck(self, movie: Movie, item: QueueItem) -> Stuck:
        """Let the searches for a movie find a release that would arrive, beside the one that gets nothing."""
        release = item.release
        assert release is not None  # noqa: S101 -- it was grabbed
        better = release_of(movie, group="MERiDiAN", indexer=INDEXERS[0])
        torrent = await self._torrent_of(better, fate=Fate.DONE)
        better = replace(better, torrent=torrent)
        self.radarr.offer(movie, release, better)
        return Stuck(movie=movie, release=release, better=better, hash=(item.download_id or "").lower())

    async def _torrent_of(self, release: Release, *, fate: Fate) -> bytes | str:
        if release.torrent is not None:
            return release.torrent
        if isinstance(self.qbittorrent, QbittorrentSimulator):
            self._foresee(self.qbittorrent, release, fate)
        if self.swarm is None or fate is Fate.METADATA:
            return await invented_magnet(release)
        published = await self._publish(
            f"{release.title}.mkv",
            seeded=fate is not Fate.STALLED,
            upload_limit=_SLOW_BYTES_PER_SECOND if fate is Fate.SLOW else 0,
        )
        return published.torrent

    def _foresee(self, client: QbittorrentSimulator, release: Release, fate: Fate) -> None:
        """Give a release its fate in the simulated qBittorrent, and put the file that it will have brought."""
        client.engine.swarms[release.info_hash.lower()] = _SIMULATED[fate]
        content = self.disk / DOWNLOADS_ROOT.lstrip("/") / release.title
        content.parent.mkdir(parents=True, exist_ok=True)
        with content.open("ab") as empty:
            empty.truncate(_SIMULATED[fate].size_bytes)  # sparse: it takes no room

    async def _publish(self, name: str, *, seeded: bool = True, upload_limit: int = 0) -> Published:
        assert self.swarm is not None  # noqa: S101 -- asked for with a swarm only
        return await self.swarm.publish(name, _SIZE_BYTES, seeded=seeded, upload_limit=upload_limit)

    async def _add_odd_ones(self) -> None:
        """Add what no *arr grabbed: an error, lost files, a torrent that a person stopped, one of their own."""
        if isinstance(self.qbittorrent, QbittorrentSimulator):
            for behaviour in ("downloading", "stalled", "error", "missing_files", "seeding"):
                self.qbittorrent.add_torrent(f"Public.Domain.{behaviour.title()}.1080p-LOOPBACK", behaviour)
            return
        client = self.qbittorrent
        blocked = self.folder / "not-a-folder"
        blocked.write_text("a file where a folder has to be")
        own = await self._publish("Ubuntu.Handbook.Video.1080p-LOOPBACK.mkv")
        await client.add_file(own.torrent)
        broken = await self._publish("The.Blocked.Path.1080p-LOOPBACK.mkv")
        await client.add_file(broken.torrent, savepath=str(blocked / "in"), autoTMM="false")
        lost = await self._publish("The.Lost.Files.1080p-LOOPBACK.mkv")
        await client.add_file(lost.torrent)
        await client.until(lost.hash, {"uploading", "stalledUP"}, seconds=_DONE_SECONDS)
        (client.download_dir / "The.Lost.Files.1080p-LOOPBACK.mkv").unlink()
        await client.restart()  # it notices missing files when it starts
        await client.until(lost.hash, {"missingFiles"}, seconds=_DONE_SECONDS)

    async def _stage_dune(self) -> None:
        """Let "Dune 2" be found, and arrive: whatever is taken of Prowlarr comes of the swarm."""
        dune = self.dune = await stage(self.library, self._realise)
        self.prowlarr.searches.offers = list(dune.prowlarr)
        self.prowlarr.source = partial(self._torrent_of, fate=Fate.DONE)
        self.feed.releases = list(dune.feed)
        account = self.surroundings.debrid.account
        account.turn(account.add(dune.account.info_hash.lower(), dune.account.title), "downloaded")
        here = dune.qbittorrent.title
        if isinstance(self.qbittorrent, QbittorrentSimulator):
            self.qbittorrent.add_torrent(here, "seeding")
        else:
            await self.qbittorrent.add_file((await self._publish(f"{here}.mkv")).torrent)

    async def take_dune_away(self) -> None:
        """Let it be as if nobody had ever wanted the film: neither Radarr nor qBittorrent has it or remembers it."""
        assert self.dune is not None  # noqa: S101 -- the stack was started
        movie, queue = self.dune.world.second, self.radarr.queue
        gone = {key for key, item in queue.grabs.items() if movie in item.wanted}
        if movie.id:
            self.radarr.movies.remove(movie, delete_files=True)
        for key in gone:
            for memory in (queue.grabs, queue.settled):
                memory.pop(key, None)
        hashes = {key.lower() for key in gone}
        if isinstance(self.qbittorrent, QbittorrentSimulator):
            for each in hashes & self.qbittorrent.torrents.keys():
                del self.qbittorrent.torrents[each]
        else:
            await self.qbittorrent.post("torrents/delete", {"hashes": "|".join(hashes), "deleteFiles": "true"})
        await self.radarr.refresh()

    async def _realise(self, release: Release) -> Release:
        """Put a torrent of the swarm behind a release, as a file."""
        if isinstance(self.qbittorrent, QbittorrentSimulator):
            self._foresee(self.qbittorrent, release, Fate.DONE)
        if self.swarm is None or release.indexer.protocol != "torrent":
            return release
        # a tracker of its own has torrents of its own, whatever they are called
        own = " (another)" if release.indexer == FEED_SITE else ""
        published = await self._publish(f"{release.title}{own}.mkv")
        return replace(release, torrent=published.torrent)

    def world(self, *, hasty: bool) -> Mapping[str, Any]:
        """Return what Home Assistant is to find around it; `hasty`: what takes minutes there takes seconds."""
        return self.surroundings.world(calm_seconds=_HASTY_CALM_SECONDS if hasty else None)

    # --- what a person needs to know ---------------------------------------------------------------------------------

    @property
    def accesses(self) -> tuple[Access, ...]:
        """How to connect to each backend to which Radarr leads."""
        return (
            Access(kind="radarr", name="Radarr", url=self.radarr.url, api_key=self.radarr.api_key),
            Access(kind="sonarr", name="Sonarr", url=self.sonarr.url, api_key=self.sonarr.api_key),
            Access(kind="prowlarr", name="Prowlarr", url=self.prowlarr.url, api_key=self.prowlarr.api_key),
            Access(
                kind="qbittorrent",
                name="qBittorrent",
                url=self.qbittorrent.url,
                username=USERNAME,
                password=PASSWORD,
            ),
        )

    def access(self, kind: str) -> Access:
        """Return how to connect to the backend of a kind."""
        return next(access for access in self.accesses if access.kind == kind)

    @property
    def vpn(self) -> Access:
        """How to connect to the VPN that qBittorrent is behind."""
        return Access(kind="gluetun", name="Gluetun", url=self.surroundings.gluetun.url, api_key=API_KEY)

    @property
    def jackett(self) -> Access:
        """How to connect to the feed of one more tracker."""
        return Access(kind="torznab", name="Jackett", url=self.feed.feed_url, api_key=self.feed.api_key)

    def describe(self) -> Sequence[str]:
        """Return a line for each backend: its name, address, and what is needed to connect to it."""
        kind = "" if self.real else " (qBittorrent is simulated)"
        return [
            *(f"{access}{kind if access.kind == 'qbittorrent' else ''}" for access in self.accesses),
            f"{self.vpn}; its port changes every 10 minutes, and nobody comes in by it, which SOKOUL notices",
            f"{self.jackett}",
            f"Real-Debrid: API token {self.surroundings.debrid.api_token}",
            f"{self.surroundings.pi.board.model}: gets hot for some of every 18 minutes",
            "to try: sokoul.search with the query “dune 2”, then sokoul.grab with it and `add: true`: it arrives",
        ]

    @property
    def simulators(self) -> tuple[Simulator, ...]:
        """The simulated backends, which take faults."""
        return (self.radarr, self.sonarr, self.prowlarr, self.feed, self.surroundings.gluetun)
