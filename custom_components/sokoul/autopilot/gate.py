"""The gate: whether the evidence about a client's downloads can be trusted now.

One cause gives one verdict for all downloads that it touches, so that a dead line or a full disk never becomes forty
accusations. `firewalled` is normal: many tunnels forward no port.

That a client is "connected" proves little: after a tunnel came back on another address it may listen where nothing
arrives, and still say so. What proves a line is a peer. The nodes of the DHT do only when new ones come in: those that
are known are given up one by one, over hours.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..model.backend import Backend
from ..model.downloads import ConnectionStatus, Transfer
from ..model.reasons import Reason
from ..model.waiting import FULL_BELOW_BYTES
from .rules.base import OPEN, Gate

#: A client that has just come back says little of its swarms for so long: connections and trackers need their time.
CLIENT_SETTLES = timedelta(minutes=10)
#: So long may nothing show that the line works before it counts as dead.
LINE_PATIENCE = timedelta(minutes=10)
#: After this it is time to ask: looks come five minutes after each other at most.
ASK_AFTER = timedelta(minutes=4)


#: A line or limit that is used to this share is busy.
BUSY_SHARE = 0.8
#: The fastest rate that was seen stands for what a line can carry, for so long; a slow one stands for nothing.
BEST_LASTS = timedelta(days=7)
BEST_AT_LEAST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was seen of a client's line: since when the client answers, what last showed that the line works, how fast.

    Rates in bytes per second.
    """

    answering_since: datetime
    alive_at: datetime | None = None
    dht_nodes: int = 0
    best_rate: int = 0
    best_at: datetime | None = None

    @property
    def last_sign(self) -> datetime:
        """When it last showed that it works; a client that has just come back is believed at first."""
        return max(self.alive_at or self.answering_since, self.answering_since)


def line_alive(backend: Backend) -> bool:
    """Tell whether the client itself shows at this moment that its line works: somebody is connected."""
    snapshot = backend.client
    return snapshot is not None and snapshot.transfer.peers > 0


def follow(line: Line, backend: Backend, now: datetime) -> Line:
    """Return what is known of a line after another look at its client: the same object where nothing is new."""
    snapshot = backend.client
    if not backend.available or snapshot is None:
        return line
    nodes, rate = snapshot.transfer.dht_nodes, snapshot.transfer.download_rate
    if line_alive(backend) or nodes > line.dht_nodes:
        line = replace(line, alive_at=now)
    if nodes != line.dht_nodes:
        line = replace(line, dht_nodes=nodes)
    if rate > line.best_rate or line.best_at is None or now - line.best_at > BEST_LASTS:
        line = replace(line, best_rate=rate, best_at=now)
    return line


def is_busy(transfer: Transfer, line: Line) -> bool:
    """Tell whether the line or a limit of our own is the bottleneck: then no swarm is to blame for being slow."""
    rate, limit = transfer.download_rate, transfer.download_limit
    if transfer.alternative_limits or (limit > 0 and rate >= BUSY_SHARE * limit):
        return True
    return line.best_rate >= BEST_AT_LEAST and rate >= BUSY_SHARE * line.best_rate


def judge_client(
    backend: Backend, line: Line, *, active: bool, now: datetime, settling: timedelta = CLIENT_SETTLES
) -> Gate:
    """Return the gate of all downloads of a client. `active`: it has some that should be fetching."""
    snapshot = backend.client
    parameters = {"client": backend.title}
    if not backend.available or snapshot is None:
        return Gate(shut=Reason(key="gate.client_unavailable", parameters=parameters))
    transfer = snapshot.transfer
    if backend.distrusted:
        return Gate(shut=Reason(key="gate.vpn", parameters=parameters))
    if transfer.connection is ConnectionStatus.DISCONNECTED:
        return Gate(shut=Reason(key="gate.client_disconnected", parameters=parameters))
    if transfer.free_bytes is not None and transfer.free_bytes < FULL_BELOW_BYTES:
        return Gate(shut=Reason(key="gate.disk_full", parameters={**parameters, "free": transfer.free_bytes}))
    if now - line.answering_since < settling:
        return Gate(shut=Reason(key="gate.settling", parameters=parameters))
    if active and not line_alive(backend) and now - line.last_sign >= LINE_PATIENCE:
        return Gate(shut=Reason(key="gate.line_dead", parameters={**parameters, "since": line.last_sign}))
    return OPEN
