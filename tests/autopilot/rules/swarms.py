"""Downloads as their swarms' side of them is told in tables, and a whole client of them that is lived through."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from custom_components.sokoul.autopilot.census import Census
from custom_components.sokoul.autopilot.gate import Line, follow, is_busy, judge_client
from custom_components.sokoul.autopilot.observe import observe
from custom_components.sokoul.autopilot.ownership import Claims, ceiling
from custom_components.sokoul.autopilot.rules.base import Case, Facts, Need, Surroundings, Verdict
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.model.downloads import (
    ConnectionStatus,
    DownloadState,
    Torrent,
    TorrentFile,
    TorrentTracker,
    TrackerStatus,
    Transfer,
)
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, ActKind, Autonomy, Proposal, least
from custom_components.sokoul.model.library import QueueItem
from custom_components.sokoul.model.memory import NOTHING_KNOWN, Pace, SubjectMemory
from custom_components.sokoul.model.world import Download, World, join_downloads
from tests.autopilot.rules.queue import grabbed, known, queued
from tests.model import make
from tests.model.make import GB, NOW, torrent

STALLED, FETCHING, METADATA = DownloadState.STALLED, DownloadState.DOWNLOADING, DownloadState.METADATA

#: A film that came out lately, from a public tracker, with many who shared it: nothing asks for more patience.
NEW = grabbed(titles=(known(1, released_on=date(2026, 9, 1)),), grabbed_seeds=40)
OLD = grabbed(titles=(known(1, released_on=date(1984, 12, 14)),), grabbed_seeds=40)


def having(share: float, size: int = 4 * GB) -> dict[str, Any]:
    return {"size_bytes": size, "remaining_bytes": round(size * (1 - share)), "progress": share}


def download(state: DownloadState = STALLED, *, items: tuple[QueueItem, ...] | None = None, **fields: Any) -> Download:
    """Return a torrent that Radarr waits for; 40 percent of it are here."""
    share = {} if "size_bytes" in fields else having(0.4)
    backends = {name: fields.pop(name) for name in ("others",) if name in fields}
    return queued(*(items or (make.item(),)), torrent=torrent(state=state, **share | fields), **backends)


def magnet(**fields: Any) -> Download:
    return download(METADATA, **{"size_bytes": 0, "remaining_bytes": 0, "progress": 0.0} | fields)


def tracker(status: TrackerStatus = TrackerStatus.WORKING, host: str = "tracker.example") -> TorrentTracker:
    return TorrentTracker(host=host, tier=0, status=status)


def at_pace(rate: float | None, **fields: Any) -> SubjectMemory:
    """Return what is known of a download that came at this pace over the last stretch of time."""
    defaults: dict[str, Any] = {"have_bytes": having(0.4)["size_bytes"] - having(0.4)["remaining_bytes"]}
    pace = Pace(since=NOW, have_bytes=1_600_000_000, rate=rate)
    return SubjectMemory(**defaults | {"pace": pace, "progressed_at": NOW - timedelta(minutes=5)} | fields)


def listed(*names: str | tuple[str, float], **fields: Any) -> tuple[TorrentFile, ...]:
    """Return files by their names, with their sizes in megabytes; of videos 4 GB."""
    files = []
    for index, name in enumerate(names):
        path, megabytes = (name, 4000.0) if isinstance(name, str) else name
        defaults: dict[str, Any] = {"progress": 0.0, "wanted": True}
        files.append(TorrentFile(index=index, name=path, size_bytes=round(megabytes * 1000**2), **defaults | fields))
    return tuple(files)


#: Done also where a person is asked about the rest.
HARMLESS = frozenset({ActKind.REANNOUNCE, ActKind.RETRY_IMPORT})

# --- a client that is lived through ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the autopilot wanted at a moment, and how far it may go by itself."""

    at: datetime
    proposal: Proposal
    level: Autonomy

    @property
    def removes(self) -> bool:
        return self.proposal.act in DESTRUCTIVE_ACTS and self.level is Autonomy.ACT


@dataclass
class Stack:
    """One client with all its downloads under all rules: gate, census and memories are kept as the autopilot does.

    `facts` is what there is to find, by the download's key or for all. What takes nothing away is taken for done, if
    no person has to agree.
    """

    facts: Facts | Mapping[str, Facts] = NEW
    claims: Claims = field(default_factory=Claims)
    memories: dict[str, SubjectMemory] = field(default_factory=dict)
    looked: dict[str, Facts] = field(default_factory=dict)
    line: Line | None = None
    census: Census = field(default_factory=Census)

    def look(self, world: World, now: datetime) -> list[Wish]:
        """Return what is wanted at this look."""
        (backend, snapshot), *_ = world.clients
        self.line = self.line or Line(answering_since=now - timedelta(hours=1))
        if not backend.available:
            self.line = replace(self.line, answering_since=now)
        self.line = follow(self.line, backend, now)
        downloads = join_downloads(world, now)
        for each in downloads:
            self.census.note(each, now)
        gate = judge_client(backend, self.line, active=bool(self.census.active), now=now)
        around = Surroundings(
            gate=gate,
            transfer=snapshot.transfer,
            line_busy=is_busy(snapshot.transfer, self.line),
            slow_for_most=self.census.slow_for_most,
        )
        return [wish for each in downloads for wish in self._judge(each, around, now)]

    def _judge(self, each: Download, around: Surroundings, now: datetime) -> Iterator[Wish]:
        around = replace(
            around,
            broken_neighbours=self.census.broken_beside(each, lambda _: None),
            failing_trackers=self.census.failing_trackers,
        )
        memory = self.memories.get(each.id, NOTHING_KNOWN)
        case = Case(download=each, now=now, memory=memory, facts=self.looked.get(each.id, Facts()), around=around)
        memory = self.memories[each.id] = observe(case, RULES, lambda rule: rule.policy())
        for rule in RULES:
            clock = memory.clocks.get(rule.key)
            if clock is None or clock.running_since is None:
                continue
            case = replace(case, memory=memory)
            verdict: Verdict = rule.judge(case, rule.policy(), clock.read(now))
            while isinstance(verdict, Need):
                found = self.facts if isinstance(self.facts, Facts) else self.facts[each.key]
                looked = case.facts.looked | verdict.looks
                case = replace(case, facts=replace(found, looked=looked))
                self.looked[each.id] = case.facts
                self.census.note_trackers(each.id, found.trackers or ())
                verdict = rule.judge(case, rule.policy(), clock.read(now))
            if isinstance(verdict, Proposal):
                level = least(ceiling(case, self.claims)[0], verdict.ceiling)
                if level is not Autonomy.OFF:
                    yield Wish(at=now, proposal=verdict, level=level)
                gentle = verdict.act not in DESTRUCTIVE_ACTS and verdict.act is not ActKind.TELL
                if verdict.act in HARMLESS or (gentle and level is Autonomy.ACT):
                    memory = memory.with_try(verdict.act, now - clock.read(now), now)
                    self.memories[each.id] = memory
                    break


type Story = Callable[[timedelta], World]


def live(stack: Stack, story: Story, lasts: timedelta, every: timedelta = timedelta(minutes=5)) -> list[Wish]:
    """Return all that was wanted while a story went on. The story ends at `NOW`."""
    wishes: list[Wish] = []
    begin, passed = NOW - lasts, timedelta()
    while passed <= lasts:
        wishes += stack.look(story(passed), begin + passed)
        passed += every
    return wishes


def client(*torrents: Torrent, peers: int = 30, nodes: int = 300, rate: int | None = None, **fields: Any) -> World:
    """Return a world with one client, and a Radarr that waits for all of its torrents."""
    transfer = {
        "connection": fields.pop("connection", ConnectionStatus.CONNECTED),
        "free_bytes": fields.pop("free", 800 * GB),
        "peers": peers,
        "dht_nodes": nodes,
        "download_rate": sum(each.download_rate for each in torrents) if rate is None else rate,
    }
    for name in ("download_limit", "alternative_limits"):
        if name in fields:
            transfer[name] = fields.pop(name)
    items = fields.pop("items", None) or tuple(make.item(int(each.hash, 16)) for each in torrents)
    return make.world(make.qbittorrent(*torrents, transfer=Transfer(**transfer), **fields), make.arr(*items))
