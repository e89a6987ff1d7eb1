"""The gate: whether the evidence about a client's downloads can be trusted now.

One cause gives one verdict for all downloads that it touches, so that a dead line or a full disk never becomes forty
accusations. `firewalled` is normal: many tunnels forward no port.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model.backend import Backend
from ..model.downloads import ConnectionStatus
from ..model.reasons import Reason
from ..model.waiting import FULL_BELOW_BYTES
from .rules.base import OPEN, Gate

#: A client that has just come back says little of its swarms for so long: connections and trackers need their time.
SETTLING = timedelta(minutes=10)
#: So long may nothing show that the line works before it counts as dead.
LINE_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """When a client was first seen since it was away, and when anything last showed that its line works."""

    answering_since: datetime
    alive_at: datetime | None = None


def line_alive(backend: Backend) -> bool:
    """Tell whether the client itself shows that its line works: somebody is connected, or the DHT answers."""
    snapshot = backend.client
    return snapshot is not None and (snapshot.transfer.peers > 0 or snapshot.transfer.dht_nodes > 0)


def judge_client(backend: Backend, line: Line, *, active: bool, now: datetime, settling: timedelta = SETTLING) -> Gate:
    """Return the gate of all downloads of a client. `active`: it has some that should be fetching."""
    snapshot = backend.client
    parameters = {"client": backend.title}
    if not backend.available or snapshot is None:
        return Gate(shut=Reason(key="gate.client_unavailable", parameters=parameters))
    transfer = snapshot.transfer
    if transfer.connection is ConnectionStatus.DISCONNECTED:
        return Gate(shut=Reason(key="gate.client_disconnected", parameters=parameters))
    if transfer.free_bytes is not None and transfer.free_bytes < FULL_BELOW_BYTES:
        return Gate(shut=Reason(key="gate.disk_full", parameters={**parameters, "free": transfer.free_bytes}))
    if now - line.answering_since < settling:
        return Gate(shut=Reason(key="gate.settling", parameters=parameters))
    last = max(line.alive_at or line.answering_since, line.answering_since)
    if active and not line_alive(backend) and now - last >= LINE_PATIENCE:
        return Gate(shut=Reason(key="gate.line_dead", parameters={**parameters, "since": last}))
    return OPEN
