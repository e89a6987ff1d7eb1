"""What has to outlive Home Assistant: the journal and the memory of the autopilot, in SQLite or PostgreSQL.

    store = await open_store(Path("sokoul.db"))  # or "postgresql://user:password@host/database"
    entry = await store.journal.add(entry)
    store.memory.keep(subject, {"stuck_for": 60})
    await store.close()

All that can go wrong is a `StoreError`; who can't open a store goes on without history.
"""

from .debrid import StoredMirror
from .debrid_history import StoredDebridHistory
from .debrid_look import MirrorView
from .engine import POSTGRESQL_REQUIREMENTS, Limits, is_postgresql, load
from .errors import (
    AccessDenied,
    Damaged,
    Full,
    InvalidUrl,
    Locked,
    NewerSchema,
    NotEmpty,
    OnServer,
    StoreError,
    TookTooLong,
    TooOld,
    UnknownEntry,
    Unreachable,
)
from .journal import StoredJournal
from .maintenance import Maintenance, Room
from .memory import StoredMemory
from .opening import Store, erase, open_store, set_aside

__all__ = (
    "POSTGRESQL_REQUIREMENTS",
    "AccessDenied",
    "Damaged",
    "Full",
    "InvalidUrl",
    "Limits",
    "Locked",
    "Maintenance",
    "MirrorView",
    "NewerSchema",
    "NotEmpty",
    "OnServer",
    "Room",
    "Store",
    "StoreError",
    "StoredDebridHistory",
    "StoredJournal",
    "StoredMemory",
    "StoredMirror",
    "TooOld",
    "TookTooLong",
    "UnknownEntry",
    "Unreachable",
    "erase",
    "is_postgresql",
    "load",
    "open_store",
    "set_aside",
)
