"""Downloads as the *arrs' side of them is told in tables: short ways to make them, and what a rule wants of them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from custom_components.sokoul.autopilot.observe import AnyRule
from custom_components.sokoul.autopilot.rules.base import (
    CALM,
    OPEN,
    Facts,
    Gate,
    Later,
    Surroundings,
)
from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.downloads import DownloadState, Torrent
from custom_components.sokoul.model.journal import ActKind, Proposal
from custom_components.sokoul.model.library import (
    Protocol,
    QueueItem,
    QueueStatus,
    Title,
    TitleKind,
    TrackedState,
    TrackedStatus,
)
from custom_components.sokoul.model.memory import NOTHING_KNOWN, SubjectMemory
from custom_components.sokoul.model.releases import ImportCandidate, ImportRejection, TitleDetails
from custom_components.sokoul.model.world import Download
from tests.autopilot.rules.drive import Drive, joined
from tests.model import make
from tests.model.make import GB, NOW, ago, torrent

#: What a rule that wants nothing says, whether it waits for more time or for nothing.
NOTHING = None


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def days(count: float) -> timedelta:
    return timedelta(days=count)


# --- queue items -----------------------------------------------------------------------------------------------------


def episode(number: int, **fields: Any) -> Title:
    defaults: dict[str, Any] = {
        "kind": TitleKind.EPISODE,
        "id": 100 + number,
        "name": "Silo",
        "year": 2023,
        "series_id": 7,
        "season": 3,
        "episode": number,
    }
    return Title(**defaults | fields)


def episodes(*numbers: int, **fields: Any) -> tuple[Title, ...]:
    return tuple(episode(number, **fields) for number in numbers)


def blocked(**fields: Any) -> QueueItem:
    """Complete, and the *arr says that it needs a person."""
    defaults: dict[str, Any] = {
        "state": TrackedState.IMPORT_BLOCKED,
        "tracked_status": TrackedStatus.WARNING,
        "output_path": "/data/torrents/Release.1",
        "messages": ("Ein Text, den niemand versteht",),
    }
    return make.completed(**defaults | fields)


def failed(**fields: Any) -> QueueItem:
    return make.item(**{"tracked_state": TrackedState.FAILED_PENDING, "status": QueueStatus.FAILED} | fields)


def delayed(**fields: Any) -> QueueItem:
    defaults: dict[str, Any] = {
        "ids": (77,),
        "release": "Dune.2021.1080p",
        "status": QueueStatus.DELAY,
        "tracked_state": TrackedState.UNKNOWN,
        "tracked_status": TrackedStatus.UNKNOWN,
        "download_client": None,
        "remaining_bytes": 4 * GB,
        "time_left": minutes(20),
    }
    return make.item(None, **defaults | fields)


def usenet(**fields: Any) -> QueueItem:
    defaults: dict[str, Any] = {
        "download_id": "SABnzbd_nzo_abc",
        "protocol": Protocol.USENET,
        "download_client": "SABnzbd",
    }
    return make.item(**defaults | fields)


def unmonitored(title: Title | None = None) -> tuple[Title, ...]:
    return (replace(title or make.dune(), monitored=False),)


# --- where they are --------------------------------------------------------------------------------------------------


def queued(*items: QueueItem, torrent: Torrent | None = None, **backends: Any) -> Download:
    """Return the download of one Radarr's queue; by default its client has no such torrent."""
    torrents = () if torrent is None else (torrent,)
    others: tuple[Backend, ...] = backends.pop("others", ())
    return joined(make.world(make.qbittorrent(*torrents, **backends), make.arr(*items), *others), NOW)


def here(*items: QueueItem, **fields: Any) -> Download:
    """Return a download whose torrent is complete and seeds."""
    return queued(*items, torrent=torrent(state=DownloadState.SEEDING, **fields))


def coming(*items: QueueItem, state: DownloadState = DownloadState.STALLED, **fields: Any) -> Download:
    """Return a download whose torrent has 40 percent, and gets nothing."""
    return queued(*items, torrent=torrent(state=state, **{"remaining_bytes": 2_400_000_000} | fields))


# --- what can be looked up -------------------------------------------------------------------------------------------


def grabbed(**fields: Any) -> Facts:
    """Return the facts of what the *arr grabbed by itself. Titles and choices that name no *arr are Radarr's."""
    defaults: dict[str, Any] = {
        "by_hand": False,
        "grabbed_at": ago(days=1),
        "titles": (known(1),),
        "private": False,
    }
    return of(Facts(), **defaults | fields)


def of(facts: Facts, **fields: Any) -> Facts:
    """Return facts with others among them. Titles and choices that name no *arr are Radarr's."""
    for name in ("titles", "choices"):
        if isinstance(fields.get(name), tuple):
            fields[name] = {"radarr": fields[name]}
    return replace(facts, **fields)


def known(title_id: int, *, has_file: bool = False, released_on: date | None = date(2021, 9, 15)) -> TitleDetails:
    return TitleDetails(
        title=make.dune(id=title_id),
        has_file=has_file,
        released_at=datetime.combine(released_on, time(), UTC) if released_on else None,
    )


def file(*title_ids: int, says: str | tuple[str, ...] = (), **fields: Any) -> ImportCandidate:
    """Return a file that the *arr takes for these titles, and what it says against it."""
    defaults: dict[str, Any] = {
        "path": f"/data/torrents/Release.1/{'-'.join(map(str, title_ids)) or 'what'}.mkv",
        "size_bytes": 4 * GB * max(len(title_ids), 1),
        "title_ids": frozenset(title_ids),
        "rejections": tuple(
            ImportRejection(reason=each, permanent=True) for each in ((says,) if isinstance(says, str) else says)
        ),
    }
    return ImportCandidate(**defaults | fields)


# --- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table: what is there all the `after`, and which act the rule wants then."""

    name: str
    download: Download
    after: timedelta
    wants: ActKind | None
    facts: Facts = field(default_factory=grabbed)
    gate: Gate = OPEN
    around: Surroundings = CALM
    memory: SubjectMemory = NOTHING_KNOWN
    tried: tuple[ActKind, ...] = ()
    asks: bool | None = None  # whether a person has to agree, whatever is set
    says: str | None = None  # the reason's key

    def verdict(self, rule: AnyRule) -> Any:
        drive = Drive(rule, facts=self.facts, memory=self.memory)
        begin = NOW - self.after
        drive.see(begin, self.download, gate=self.gate, around=self.around)
        for act in self.tried:
            drive.tried(act, begin + self.after / 2)
        return drive.see(NOW, self.download, gate=self.gate, around=self.around)

    def check(self, rule: AnyRule) -> None:
        verdict = self.verdict(rule)
        act = verdict.act if isinstance(verdict, Proposal) else None
        assert act is self.wants, f"{self.name}: {verdict}"
        if isinstance(verdict, Proposal):
            assert verdict.rule == rule.key
            assert verdict.subject == self.download.id
            if self.asks is not None:
                assert (verdict.ceiling.value == "suggest") is self.asks, verdict.ceiling
            if self.says is not None:
                assert verdict.reason.key == self.says
        else:
            assert verdict is None or isinstance(verdict, Later)


def row(name: str, download: Download, after: timedelta, wants: ActKind | None, **fields: Any) -> Row:
    return Row(name=name, download=download, after=after, wants=wants, **fields)
