"""What an act is about, as it is written into the journal: enough to carry on after a restart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..model.journal import JournalEntry
from ..model.library import Title, TitleKind
from ..model.world import Download
from .observe import have_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanting:
    """An *arr that waits for a download, and what it wants."""

    arr_id: str
    download_id: str | None  # None: nothing was grabbed (a delayed release)
    release: str
    titles: tuple[Title, ...] = ()  # empty: the *arr doesn't know what it is

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects under which it is remembered how often its titles failed."""
        return tuple(f"title:{self.arr_id}:{title.kind}:{title.id}" for title in self.titles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A download: where it is, and who waits for it."""

    key: str  # the info hash, or the *arr's id of what is no torrent
    client_id: str | None
    is_torrent: bool  # and it is in that client
    finished: bool
    have_bytes: int | None  # None: that more of it comes speaks against nothing
    wanted_by: tuple[Wanting, ...] = ()

    @classmethod
    def of(cls, download: Download, *, at_rest: bool = True) -> Target:
        """Describe a download; `at_rest`: it is judged because nothing of it comes."""
        return cls(
            key=download.key,
            client_id=download.client_id,
            is_torrent=download.torrent is not None,
            finished=download.finished,
            have_bytes=have_bytes(download) if at_rest else None,
            wanted_by=tuple(
                Wanting(
                    arr_id=claim.backend_id,
                    download_id=claim.item.download_id,
                    release=claim.item.release,
                    titles=claim.item.titles,
                )
                for claim in download.claims
            ),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it for the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Target:
        """Return what the journal holds."""
        wanted_by = tuple(
            Wanting(**{**each, "titles": tuple(_title(title) for title in each["titles"])})
            for each in stored["wanted_by"]
        )
        return cls(**{**stored, "wanted_by": wanted_by})


def target_of(entry: JournalEntry) -> Target:
    """Return what an entry is about."""
    return Target.from_json(entry.parameters["target"])


def _title(stored: Mapping[str, Any]) -> Title:
    return Title(**{**stored, "kind": TitleKind(stored["kind"])})
