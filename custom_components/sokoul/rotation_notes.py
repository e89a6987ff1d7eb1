"""What is kept of the servers of a VPN: what a person set, what is known of them, and a change that is under way."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from .autopilot.guards.rotation import Rotation, Stage
from .autopilot.guards.servers import Record, Records, bounded
from .model.journal import AUTOPILOT
from .model.reasons import Reason, reason_as_json, reason_from_json
from .model.vpn import ServerSelection

# of a VPN's memory
SETTINGS_KEY = "vpn_servers"
KNOWN_KEY = "vpn_servers_known"
CHANGE_KEY = "vpn_server_change"  # one that is under way: whoever finds it has to bring it to an end
NIGHT_KEY = "vpn_server_night"  # the date of the last night that is over and done with


class NamedBy(StrEnum):
    """What the names of servers are, as the lists of a selection are called."""

    COUNTRIES = "countries"
    REGIONS = "regions"
    CITIES = "cities"
    HOSTNAMES = "hostnames"
    NAMES = "names"


#: So much is fetched for a sample of the throughput, in megabytes, unless a person says otherwise; and at most.
SAMPLE_MEGABYTES = 10
MOST_SAMPLE_MEGABYTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationSettings:
    """Which servers a VPN may use, and when they are changed."""

    named_by: NamedBy = NamedBy.COUNTRIES
    servers: tuple[str, ...] = ()
    nightly: bool = False
    vetoes: tuple[str, ...] = ()  # entities, by what is kept of them: none may be on at night
    measure: bool = False  # a sample of the throughput may be taken
    sample_url: str = ""  # from here; "": the usual one
    sample_megabytes: int = SAMPLE_MEGABYTES

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RotationSettings:
        """Read them again. Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it."""
        return cls(
            named_by=NamedBy(stored["named_by"]),
            servers=tuple(stored["servers"]),
            nightly=bool(stored["nightly"]),
            vetoes=tuple(stored["vetoes"]),
            measure=bool(stored["measure"]),
            sample_url=str(stored["sample_url"]),
            sample_megabytes=int(stored["sample_megabytes"]),
        )

    def as_json(self) -> dict[str, Any]:
        """Return them as they are stored."""
        return asdict(self) | {
            "named_by": str(self.named_by),
            "servers": list(self.servers),
            "vetoes": list(self.vetoes),
        }


def selection_of(named_by: NamedBy, server: str) -> ServerSelection:
    """Return the selection that leads to a server, and to no other."""
    return ServerSelection(**{named_by.value: (server,)})


def name_of(selection: ServerSelection) -> str:
    """Return what a selection is called: all its names; "" for one that lets Gluetun take any server."""
    return ", ".join(name for each in fields(selection) for name in getattr(selection, each.name))


def selection_as_json(selection: ServerSelection) -> dict[str, list[str]]:
    """Return a selection as it is stored."""
    return {name: list(names) for name, names in asdict(selection).items()}


def selection_from_json(stored: Mapping[str, Any]) -> ServerSelection:
    """Return a stored selection. Raises `TypeError` when `selection_as_json` didn't make it."""
    return ServerSelection(**{name: tuple(map(str, names)) for name, names in stored.items()})


# --- what is known ---------------------------------------------------------------------------------------------------

#: What a change can come to, as the types of an event.
OUTCOMES: Mapping[Stage, str] = MappingProxyType({Stage.DONE: "changed", Stage.KEPT: "kept", Stage.LOST: "lost"})

#: So many of the latest changes and samples are kept, for a chart.
MOST_NOTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that happened with a server: a sample, or the end of a change."""

    at: datetime
    server: str
    stage: Stage | None = None  # None: a sample of the one in use
    latency_seconds: float | None = None
    bytes_per_second: float | None = None

    @property
    def event(self) -> str:
        """What happened."""
        return "measured" if self.stage is None else OUTCOMES[self.stage]

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self) | {"at": self.at.timestamp(), "stage": self.stage and str(self.stage)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], now: datetime) -> Note:
        """Read it again. Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it."""
        return cls(
            at=datetime.fromtimestamp(stored["at"], now.tzinfo),
            server=str(stored["server"]),
            stage=Stage(stored["stage"]) if stored["stage"] else None,
            latency_seconds=stored["latency_seconds"],
            bytes_per_second=stored["bytes_per_second"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that is known of the servers of one VPN."""

    records: Records = field(default_factory=lambda: MappingProxyType({}))
    choices: int = 0  # how many there were
    notes: tuple[Note, ...] = ()  # the newest last

    def with_note(self, note: Note) -> Known:
        """Return it with one more note."""
        return replace(self, notes=(*self.notes, note)[-MOST_NOTES:])

    def as_json(self, candidates: tuple[str, ...]) -> dict[str, Any]:
        """Return it as it is stored: of so many servers, the candidates first."""
        records = bounded(self.records, candidates)
        return {
            "records": {server: record.as_json() for server, record in records.items()},
            "choices": self.choices,
            "notes": [note.as_json() for note in self.notes],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], now: datetime) -> Known:
        """Read it again. Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it."""
        return cls(
            records={server: Record.from_json(record, now) for server, record in stored["records"].items()},
            choices=int(stored["choices"]),
            notes=tuple(Note.from_json(note, now) for note in stored["notes"]),
        )


# --- a change that is under way --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the server, and what is needed to take it back."""

    rotation: Rotation
    before: ServerSelection  # what Gluetun was set to
    named_by: NamedBy
    why: Reason
    begun_at: datetime
    actor: str = AUTOPILOT
    taken: bool = False  # Gluetun was told, and said something to that
    refused: bool = False  # which was no
    found: bool = False  # from before a restart: nobody knows how far it came
    put_off: bool = False  # Gluetun isn't told yet: a client couldn't be stopped for that

    @property
    def selection(self) -> ServerSelection:
        """What Gluetun has to be set to now."""
        if self.rotation.stage is Stage.BACK:
            return self.before
        return selection_of(self.named_by, self.rotation.server)

    @property
    def tried(self) -> tuple[ServerSelection, ...]:
        """What it was set to since it began."""
        return tuple(selection_of(self.named_by, server) for server in self.rotation.tried)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "rotation": self.rotation.as_json(),
            "before": selection_as_json(self.before),
            "named_by": str(self.named_by),
            "why": reason_as_json(self.why),
            "begun_at": self.begun_at.timestamp(),
            "actor": self.actor,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], now: datetime) -> Change:
        """Read it again. Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it."""
        return cls(
            rotation=Rotation.from_json(stored["rotation"], now),
            before=selection_from_json(stored["before"]),
            named_by=NamedBy(stored["named_by"]),
            why=reason_from_json(stored["why"]),
            begun_at=datetime.fromtimestamp(stored["begun_at"], now.tzinfo),
            actor=stored["actor"],
            found=True,
        )


def same(one: ServerSelection, other: ServerSelection) -> bool:
    """Tell whether two selections are the same: Gluetun takes names in any case and order."""
    return _key(one) == _key(other)


def _key(selection: ServerSelection) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(str.casefold, getattr(selection, each.name))) for each in fields(selection))
