"""The VPN inside a simulated Gluetun: servers, a connection that takes time to come up, forwarded ports, crashes.

Times are those of the simulator's clock. It says `running` as soon as its process runs; an address comes when the
tunnel passes traffic, and forwarded ports a little later. What crashed is tried again by itself, each time after twice
as long. Source: Gluetun 3.41.1 and development of May 2026.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .clock import Clock

#: The lists of a server selection, and what of a server they name.
FILTERS: Mapping[str, str] = {
    "countries": "country",
    "regions": "region",
    "cities": "city",
    "hostnames": "hostname",
    "names": "name",
}
BACKOFF = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class VpnServer:
    """A server of the provider, and what the world sees of it."""

    country: str
    city: str
    hostname: str
    address: str
    region: str = "Europe"
    name: str = ""
    organization: str = "AS64500 Tunnel Works"


SERVERS = (
    VpnServer(country="Netherlands", city="Amsterdam", hostname="nl-01.vpn.example", address="45.83.220.11"),
    VpnServer(country="Netherlands", city="Rotterdam", hostname="nl-02.vpn.example", address="45.83.221.12"),
    VpnServer(country="Sweden", city="Malmö", hostname="se-01.vpn.example", address="45.83.91.13"),
    VpnServer(country="Switzerland", city="Zürich", hostname="ch-01.vpn.example", address="2a0d:5600:8:1::14"),
)


class UnknownNameError(Exception):
    """A name in a selection that no server of the provider has."""


@dataclass(slots=True)
class Connection:
    """One connection to a server."""

    server: VpnServer
    up_at: datetime
    ports_at: datetime
    ports: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class Tunnel:
    """A VPN that is connected once its container has started; `settle` brings it up to the present."""

    clock: Clock
    servers: Sequence[VpnServer] = SERVERS
    environment: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"countries": ["Netherlands"]})
    all_names_known: bool = False  # a list with one unknown name is refused; else one with none that is known
    starting: timedelta = timedelta(seconds=2)  # of the container's own start, until it says `running`
    connecting: timedelta = timedelta(seconds=5)  # until there is an address
    forwarding: timedelta = timedelta(seconds=2)  # from then until there are ports
    forwarded: int = 1  # how many ports; 0 where the provider forwards none

    status: str = "stopped"
    selection: dict[str, list[str]] = field(default_factory=dict)
    connection: Connection | None = None
    failing: bool = False  # no connection comes about
    closed: set[str] = field(default_factory=set)  # the hosts to which none does
    mute: set[str] = field(default_factory=set)  # those through which nothing passes: it runs, and has no address
    _due: datetime | None = None  # when a start is done, or is tried again
    _backoff: timedelta = BACKOFF
    _connections: int = 0

    def __post_init__(self) -> None:
        self.boot()
        self.run_now()

    # --- what happens to it --------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Begin as a new container does, with the selection of its environment."""
        self.selection = {name: list(self.environment.get(name, ())) for name in FILTERS}
        self.connection, self._backoff = None, BACKOFF
        self.status, self._due = "starting", self.clock.now() + self.starting

    def run_now(self) -> None:
        """Have been connected for a long time."""
        self._connect()
        if self.connection is not None:
            self.connection.up_at = self.connection.ports_at = self.clock.now()

    def crash(self) -> None:
        """Lose the connection by itself. It is tried again after a while."""
        self.status, self.connection = "crashed", None
        self._due = self.clock.now() + self._backoff
        self._backoff *= 2

    def reconnect(self) -> None:
        """Connect anew, as it does when its own health check fails: to the next server, with new ports."""
        self.connection = None
        self._connect()

    def change_ports(self, *ports: int) -> None:
        """Be given other ports, without a reconnect. No ports: what was forwarded has ended."""
        if self.connection is not None:
            self.connection.ports = ports

    def settle(self) -> None:
        """Bring it up to the present."""
        while self._due is not None and self.clock.now() >= self._due:
            self._connect(self._due)

    # --- what it is asked for ------------------------------------------------------------------------------------

    def apply(self, wanted: str) -> str:
        """Start or stop it; return the outcome. What crashed is neither started nor stopped."""
        if wanted == "running":
            if self.status not in {"stopped", "completed"}:
                return f"already {self.status}"
            self._connect()
        else:
            if self.status != "running":
                return f"already {self.status}"
            self.status, self.connection, self._due = "stopped", None, None
        return self.status

    def select(self, lists: Mapping[str, Iterable[str] | None]) -> str:
        """Change the selection and connect by it; return the outcome. A list that is absent or None stays.

        Raises `UnknownNameError`. A selection of known names that fits no server is taken, and then it crashes.
        """
        changed = {name: list(values) for name, values in lists.items() if name in FILTERS and values is not None}
        merged = {**self.selection, **changed}
        for name, values in merged.items():
            self._check(name, values)
        if merged == self.selection:
            return "settings left unchanged"
        self.selection = merged
        self.apply("stopped")
        return self.apply("running")

    def _check(self, name: str, values: Sequence[str]) -> None:
        known = {getattr(server, FILTERS[name]).lower() for server in self.servers} - {""}
        unknown = [value for value in values if value.lower() not in known]
        if unknown and (self.all_names_known or len(unknown) == len(values)):
            choices = ", ".join(sorted({getattr(server, FILTERS[name]) for server in self.servers}))
            raise UnknownNameError(f"the {FILTERS[name]} specified is not valid: {', '.join(unknown)} not in {choices}")

    def _connect(self, moment: datetime | None = None) -> None:
        moment = moment or self.clock.now()
        matching = [server for server in self.servers if self._fits(server) and server.hostname not in self.closed]
        if self.failing or not matching:
            self.status, self.connection = "crashed", None
            self._due = moment + self._backoff
            self._backoff *= 2
            return
        server = matching[self._connections % len(matching)]
        self._connections += 1
        up_at = moment + self.connecting
        first = 50_000 + 7 * self._connections
        ports = tuple(range(first, first + self.forwarded))
        self.connection = Connection(server, up_at, up_at + self.forwarding, ports)
        self.status, self._due, self._backoff = "running", None, BACKOFF

    def _fits(self, server: VpnServer) -> bool:
        return all(
            not values or getattr(server, FILTERS[name]).lower() in {value.lower() for value in values}
            for name, values in self.selection.items()
        )

    # --- what it says --------------------------------------------------------------------------------------------

    @property
    def server(self) -> VpnServer | None:
        """The server through which traffic passes now."""
        connection = self.connection
        if connection is None or connection.server.hostname in self.mute:
            return None
        return connection.server if self.clock.now() >= connection.up_at else None

    @property
    def ports(self) -> tuple[int, ...]:
        """What is forwarded now."""
        connection = self.connection
        if connection is None or connection.server.hostname in self.mute:
            return ()
        return connection.ports if self.clock.now() >= connection.ports_at else ()
