"""What a kind of backend is to Home Assistant: one description, and the tables of its entities.

The platform files, the flows and the diagnostics iterate over these and never name a kind.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from homeassistant.components.binary_sensor import BinarySensorEntityDescription
from homeassistant.components.calendar import CalendarEntityDescription
from homeassistant.components.number import NumberEntityDescription
from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import (
    CONF_API_KEY,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USERNAME,
    CONF_VERIFY_SSL,
    UnitOfInformation,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import Selector
from homeassistant.helpers.typing import StateType
import voluptuous as vol
from yarl import URL

from ..clients.errors import BackendError, InvalidAuth, WrongApplication

type Reading = StateType | date | datetime

#: Nothing is written to the state machine more often than this unless its meaning changed.
USUAL_WRITE_PAUSE = timedelta(seconds=30)
#: Rates change with every poll, and busy counts nearly so; they mean the same most of the time.
BUSY_WRITE_PAUSE = timedelta(minutes=3)
#: What could not be read beside the rest (a disk that sleeps holds up its size for long) is asked for again then.
RETRY_INTERVAL = timedelta(minutes=1)
#: Free space changes with every block written.
SPACE_WRITE_PAUSE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach a backend, as a person typed it. What has no address (an account, a device) has no `url` either."""

    url: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    verify_ssl: bool = True

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Connection:
        """Read it from a subentry's connection part."""
        return cls(
            url=data.get(CONF_URL, ""),
            username=data.get(CONF_USERNAME, ""),
            password=data.get(CONF_PASSWORD, ""),
            api_key=data.get(CONF_API_KEY, ""),
            verify_ssl=data.get(CONF_VERIFY_SSL, True),
        )

    def as_data(self) -> dict[str, Any]:
        """Return it as a subentry's connection part, without what is empty."""
        data: dict[str, Any] = {CONF_URL: self.url, CONF_VERIFY_SSL: self.verify_ssl} if self.url else {}
        for name in (CONF_USERNAME, CONF_PASSWORD, CONF_API_KEY):
            if value := getattr(self, name):
                data[name] = value
        return data

    @property
    def unique_part(self) -> str:
        """The address in the one form in which two of them can be compared."""
        url = URL(self.url)
        return f"{url.host or ''}:{url.port or ''}{url.path.rstrip('/')}".lower()

    @property
    def web_page(self) -> str | None:
        """The address for a browser, None where there is none (a socket)."""
        return self.url if self.url.startswith(("http://", "https://")) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeToType:
    """A code that a person types on a page of the backend's, so that no password passes through here."""

    code: str
    page: str
    page_with_code: str  # the same page with the code filled in, where there is one
    interval: timedelta  # ask no more often than this whether it was typed
    expires_in: timedelta
    secret: Any = field(repr=False)  # what `finish` needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What came of a code that was typed. Nothing is kept of it before `keep`."""

    connection: Connection
    identity: Identity
    keep: Callable[[], Awaitable[None]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLogin:
    """How to be let in by a code, in place of a key."""

    begin: Callable[[HomeAssistant], Awaitable[CodeToType]]
    #: None while the code has not been typed. Raises `BackendError`: `Refused` and `InvalidAuth` are a no for good
    finish: Callable[[HomeAssistant, CodeToType], Awaitable[Granted | None]]
    #: forget what `Granted.keep` kept for a connection: a key is used in its place
    forget: Callable[[HomeAssistant, Connection], Awaitable[None]]


class Credentials(StrEnum):
    """What a backend wants to see before it answers."""

    API_KEY = "api_key"
    LOGIN = "login"  # user name and password, or an API key instead; after some wrong ones the address is banned
    EACH_TIME = "each_time"  # the same, sent with each request: there is no session, and nobody is banned
    NONE = "none"  # whoever reaches it may do everything


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenAddress:
    """An address that a form lets choose instead of having it typed (an entity of Home Assistant), or leave empty."""

    selector: Selector[Any]
    #: what is kept of what was chosen, or of nothing
    read: Callable[[HomeAssistant, str], str]
    #: what the form shows of what is kept, nothing for what is meant by choosing nothing
    shown: Callable[[HomeAssistant, str], str]


class Client(Protocol):
    """What every client offers beside its own calls."""

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took."""


class Reader[SnapshotT](Protocol):
    """Reads a backend again and again, and remembers what does not have to be read each time."""

    async def read(self, now: datetime) -> SnapshotT:
        """Return the backend as it is now. Raises `BackendError`."""

    def forget(self) -> None:
        """Read everything the next time, also what changes slowly: something happened."""

    async def close(self) -> None:
        """Let go of what the backend keeps for us (a session)."""


class SlowParts:
    """What of a backend changes slowly: each part is read seldom, and one that fails takes nothing else away."""

    def __init__(self, every: timedelta, **parts: Callable[[datetime], Awaitable[Any]]) -> None:
        self._every = every
        self._parts = parts
        self._known: dict[str, Any] = {}
        self._due: dict[str, datetime] = {}  # what is not in it is due

    async def read(self, now: datetime) -> dict[str, Any]:
        """Return all parts, as fresh as they can be had. Raises `BackendError` while one was never read."""
        for name, read in self._parts.items():
            if name in self._known and name in self._due and now < self._due[name]:
                continue
            self._due[name] = now + self._every  # before it is asked: what is forgotten meanwhile stays due
            try:
                self._known[name] = await read(now)
            except BackendError as error:
                if name not in self._known or isinstance(error, (InvalidAuth, WrongApplication)):
                    self.forget()
                    raise
                self._due[name] = now + RETRY_INTERVAL
                break  # the others may be as slow: they have their turn at the next read
        return dict(self._known)

    def forget(self) -> None:
        """Read every part the next time."""
        self._due.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a backend says of itself when it is asked for the first time."""

    version: str
    name: str | None = None  # the name that its owner gave it
    #: what no other of its kind has (an account's number); None where its address has to tell it from the others
    own_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Paced:
    """When a change is worth writing."""

    write_pause: timedelta = USUAL_WRITE_PAUSE
    #: What of the value a person would notice at once; a change of it is written without a pause.
    meaning: Callable[[Any], object] = lambda value: value


def any_at_all(value: float | None) -> bool:
    """Return the meaning of a rate, or of a count that goes up and down all day: whether there is any."""
    return bool(value)


def halvings(value: float | None) -> int | None:
    """Return the meaning of space that gets less: how often it was halved. The less there is, the more is told."""
    return None if value is None else int(value).bit_length()


def nothing_urgent(value: object) -> object:
    """Return the meaning of a quantity that is never urgent: whether it is known."""
    return value is None


@dataclass(frozen=True, kw_only=True)
class BackendSensor[SourceT](Paced, SensorEntityDescription):
    """A sensor of a backend, of one of its parts, or of the hub."""

    value: Callable[[SourceT], Reading]


def space_sensor(key: str, value: Callable[[Any], int | None], **options: Any) -> BackendSensor[Any]:
    """Return a sensor of free or total space."""
    return BackendSensor(
        key=key,
        value=value,
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.GIGABYTES,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        write_pause=SPACE_WRITE_PAUSE,
        meaning=halvings,
        **options,
    )


@dataclass(frozen=True, kw_only=True)
class BackendBinarySensor[SourceT](Paced, BinarySensorEntityDescription):
    """A binary sensor of a backend or of one of its parts."""

    value: Callable[[SourceT], bool | None]


class Backend[ClientT, SnapshotT](Protocol):
    """A connected backend, as a connector's own functions see it."""

    client: ClientT
    data: SnapshotT
    preferences: Mapping[str, Any]  # a person's, of the subentry

    @property
    def memory(self) -> Mapping[str, Any]:
        """What has to outlive a restart, as JSON; `remember` changes it."""

    def remember(self, key: str, value: Any) -> None:
        """Keep a value over a restart; None forgets it. It is written soon."""

    async def save_memory(self, patience: timedelta | None = None) -> None:
        """Write what is remembered now: what comes next must not happen without it.

        In haste it is waited for with some patience only: a slow disk must not put off what protects.
        """


@dataclass(frozen=True, kw_only=True)
class BackendSwitch[ClientT, SnapshotT](Paced, SwitchEntityDescription):
    """A switch that changes one thing on a backend."""

    value: Callable[[Backend[ClientT, SnapshotT]], bool | None]
    turn: Callable[[Backend[ClientT, SnapshotT], bool], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Undo[ClientT]:
    """How to take back something that SOKOUL changed at a backend, when it leaves for good."""

    memory_key: str
    #: given what is remembered under that key. Returns for the log what was left as it is on purpose, with `%s` for the
    #: backend's title. Raises `BackendError`
    undo: Callable[[ClientT, Any], Awaitable[str | None]]
    #: for the log when it fails: what a person has to do. Takes the backend's title and the error.
    otherwise: str


@dataclass(frozen=True, kw_only=True)
class BackendNumber[ClientT, SourceT](Paced, NumberEntityDescription):
    """A number that can be set on a backend."""

    value: Callable[[SourceT], float | None]
    set_value: Callable[[ClientT, float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Something on a calendar."""

    uid: str
    summary: str
    start: date | datetime
    end: date | datetime
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class BackendCalendar[ClientT, SourceT](CalendarEntityDescription):
    """A calendar of a backend: the coming days from the snapshot, any other time asked for."""

    coming: Callable[[SourceT], tuple[Occasion, ...]]
    between: Callable[[ClientT, datetime, datetime], Awaitable[tuple[Occasion, ...]]]


@dataclass(frozen=True, kw_only=True)
class Parts[SnapshotT, PartT]:
    """Things inside a backend that come and go and are devices of their own: disks, indexers."""

    key: str
    find: Callable[[SnapshotT], Mapping[str, PartT]]  # by an id that stays
    name: Callable[[PartT], str]
    sensors: tuple[BackendSensor[PartT], ...] = ()
    binary_sensors: tuple[BackendBinarySensor[PartT], ...] = ()


#: Files that a backend knows: their paths, and their sizes in bytes.
type Samples = tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class Files[ClientT, SnapshotT]:
    """How to find out which of our folders is which of a backend's."""

    #: the folders that it names
    folders: Callable[[SnapshotT], tuple[str, ...]]
    #: so many files that it knows, the newest: older ones may have been moved by hand. Raises `BackendError`
    samples: Callable[[ClientT, SnapshotT, int], Awaitable[Samples]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another backend that one backend knows of: most of a form, filled in already."""

    kind: str
    url: str
    username: str = ""
    told_by: str = ""


async def no_neighbours(client: Any) -> tuple[Neighbour, ...]:
    """Know of no other backend."""
    del client
    return ()


def no_disks(snapshot: Any) -> Mapping[str, int]:
    """Have no disk of one's own."""
    del snapshot
    return {}


@dataclass(frozen=True, kw_only=True)
class Connector[ClientT: Client, SnapshotT]:
    """One kind of backend."""

    kind: str
    name: str
    manufacturer: str
    #: None: it has no address to ask for. Then `identify` gives its `own_id`.
    default_port: int | None
    #: where it is, for people, if it has no address
    place: str = ""
    credentials: Credentials
    #: reads an address that need not be one of the web, and completes it. Raises ValueError
    read_address: Callable[[str], str] | None = None
    #: lets its address be chosen; there is none to type
    chosen_address: ChosenAddress | None = None
    #: where its API key is shown, by the names of its own menus
    key_at: str = ""
    #: an account that lets us in by a code, too. Then `Connection.username` is the account's `own_id`
    device_login: DeviceLogin | None = None
    #: fields of a form for what else can be set of it, kept as its preferences
    settings: Mapping[vol.Marker, Any] = field(default_factory=dict)
    connect: Callable[[HomeAssistant, Connection], ClientT]
    identify: Callable[[ClientT], Awaitable[Identity]]
    reader: Callable[[ClientT], Reader[SnapshotT]]
    #: how soon to look again, given what was seen
    interval: Callable[[SnapshotT | None], timedelta]
    version: Callable[[SnapshotT], str]
    #: below this SOKOUL has never been tried: fields that it reads are missing
    oldest_version: tuple[int, ...] = ()
    #: below this something useful is not there
    recommended_version: tuple[int, ...] = ()
    #: programs of one family are told apart by asking them: a person needs not say which one it is
    family: str | None = None
    #: (path, test) that recognise the program at an address without credentials
    sniff: tuple[str, Callable[[int, str], bool]] | None = None
    #: which other backends it knows of
    neighbours: Callable[[ClientT], Awaitable[tuple[Neighbour, ...]]] = no_neighbours
    #: called after each successful read, for what a person asked to hold on to (see `holding.py`)
    after_read: Callable[[Backend[ClientT, SnapshotT]], Awaitable[None]] | None = None
    #: take back, at the end, what was changed there (see `holding.py` and `limiting.py`)
    undos: tuple[Undo[ClientT], ...] = ()
    #: it keeps files in folders that Home Assistant may see too
    files: Files[ClientT, SnapshotT] | None = None
    #: how many bytes are free on each of its disks, by path ("" where it has but one): noted over time
    free_space: Callable[[SnapshotT], Mapping[str, int]] = no_disks
    #: it calls a webhook when something happens
    pushes: bool = False
    sensors: tuple[BackendSensor[SnapshotT], ...] = ()
    binary_sensors: tuple[BackendBinarySensor[SnapshotT], ...] = ()
    switches: tuple[BackendSwitch[ClientT, SnapshotT], ...] = ()
    numbers: tuple[BackendNumber[ClientT, SnapshotT], ...] = ()
    calendars: tuple[BackendCalendar[ClientT, SnapshotT], ...] = ()
    parts: tuple[Parts[SnapshotT, Any], ...] = ()
