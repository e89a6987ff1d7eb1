"""The tables of the mirror of Real-Debrid accounts, and the migration that makes them.

An account is the id of its backend. What is searched for by name is `search`: the name folded, and bounded, because
PostgreSQL's indexes hold no more than 2,704 bytes of a row. Texts sort by their bytes in both databases.

Most of the indexes leave out what is gone, which is what nearly every question does. Counts of what a name is searched
for look at `debrid_torrents_figures` alone, in the order in which they are grouped: a tenth of the table. Counts of
everything are kept (`debrid_counts`).
"""

from sqlalchemy import BigInteger, Column, Connection, Float, Index, Integer, Table, Text, text

from .metadata import METADATA

_BIG = BigInteger().with_variant(Integer, "sqlite")  # of a key that SQLite counts by itself

TORRENTS = Table(
    "debrid_torrents",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("split", BigInteger, nullable=False),
    Column("progress", Float, nullable=False),
    Column("status", Text, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("rate", BigInteger),
    Column("seeders", BigInteger),
    Column("fingerprint", BigInteger, nullable=False),  # of all but status, progress, rate and seeders
    Column("first_seen_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("status_at", BigInteger, nullable=False),
    Column("gone_at", BigInteger),
    Column("details_at", BigInteger),
    Column("asked_at", BigInteger),  # somebody wants its details
    Column("original_name", Text, nullable=False),
    Column("original_bytes", BigInteger, nullable=False),
    Column("file_count", BigInteger, nullable=False),
    Index("debrid_torrents_hash", "hash", "account", "bytes", "gone_at"),
    Index("debrid_torrents_added", "account", "added_at", "id", "gone_at"),
    Index("debrid_torrents_name", "account", "search", "id"),
    Index("debrid_torrents_bytes", "account", "bytes", "id"),
    Index("debrid_torrents_status_at", "account", "status_at", "id"),
    Index("debrid_torrents_ended", "account", "status", "status_at", "gone_at"),
    Index("debrid_torrents_details", "account", "details_at", "gone_at"),
    Index("debrid_torrents_figures", "account", "status", "host", "bytes", "details_at", "gone_at", "search"),
    Index("debrid_torrents_gone", "account", "gone_at"),
    Index("debrid_torrents_asked", "account", "asked_at"),
)

FILES = Table(
    "debrid_files",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("torrent_id", Text, primary_key=True),
    Column("file_id", BigInteger, primary_key=True),
    Column("path", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("selected", Integer, nullable=False),
)

LINKS = Table(
    "debrid_links",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("torrent_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("link", Text, nullable=False),
)

ATTEMPTS = Table(
    "debrid_attempts",
    METADATA,
    Column("id", _BIG, primary_key=True),
    Column("account", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("torrent_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("act", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Integer),
    Column("detail", Text, nullable=False),
    Column("source", Text, nullable=False),
    Index("debrid_attempts_hash", "account", "hash", "at"),
    sqlite_autoincrement=True,
)

FAILURES = Table(
    "debrid_failures",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("torrent_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("code", Integer),
    Column("final", Integer, nullable=False),
    Column("source", Text, nullable=False),
)

RETRIES = Table(
    "debrid_retries",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("torrent_id", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Index("debrid_retries_due", "account", "due_at"),
)

SYNCS = Table(
    "debrid_syncs",
    METADATA,
    Column("id", _BIG, primary_key=True),
    Column("account", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("listed", Integer, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("summary", Text, nullable=False),
    Index("debrid_syncs_account", "account", "id"),
    sqlite_autoincrement=True,
)

METRICS = Table(
    "debrid_metrics",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True),  # its begin in UTC
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

#: What can't be read at Real-Debrid again. The rest is a mirror.
HISTORY = (ATTEMPTS, FAILURES, RETRIES, METRICS)


def add_debrid_tables(connection: Connection) -> None:
    """Make the tables of the mirror. It is a migration: what it says is never changed."""
    sqlite = connection.dialect.name == "sqlite"
    key = "INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
    word = "TEXT" if sqlite else 'TEXT COLLATE "C"'
    real = "REAL" if sqlite else "DOUBLE PRECISION"
    keyed = " WITHOUT ROWID" if sqlite else ""  # the rows lie in the order of their keys, and need no other index
    statements = (
        f"""CREATE TABLE debrid_torrents (
            account {word} NOT NULL,
            id {word} NOT NULL,
            hash {word} NOT NULL,
            name TEXT NOT NULL,
            search {word} NOT NULL,
            bytes BIGINT NOT NULL,
            host {word} NOT NULL,
            split BIGINT NOT NULL,
            progress {real} NOT NULL,
            status {word} NOT NULL,
            added_at BIGINT NOT NULL,
            ended_at BIGINT,
            rate BIGINT,
            seeders BIGINT,
            fingerprint BIGINT NOT NULL,
            first_seen_at BIGINT NOT NULL,
            changed_at BIGINT NOT NULL,
            status_at BIGINT NOT NULL,
            gone_at BIGINT,
            details_at BIGINT,
            asked_at BIGINT,
            original_name TEXT NOT NULL,
            original_bytes BIGINT NOT NULL,
            file_count BIGINT NOT NULL,
            PRIMARY KEY (account, id)
        )""",
        "CREATE INDEX debrid_torrents_hash ON debrid_torrents (account, hash, bytes, gone_at)",
        "CREATE INDEX debrid_torrents_added ON debrid_torrents (account, added_at, id) WHERE gone_at IS NULL",
        "CREATE INDEX debrid_torrents_name ON debrid_torrents (account, search, id) WHERE gone_at IS NULL",
        "CREATE INDEX debrid_torrents_bytes ON debrid_torrents (account, bytes, id) WHERE gone_at IS NULL",
        "CREATE INDEX debrid_torrents_status_at ON debrid_torrents (account, status_at, id) WHERE gone_at IS NULL",
        """CREATE INDEX debrid_torrents_figures
            ON debrid_torrents (account, status, host, bytes, details_at, gone_at, search) WHERE gone_at IS NULL""",
        "CREATE INDEX debrid_torrents_gone ON debrid_torrents (account, gone_at) WHERE gone_at IS NOT NULL",
        "CREATE INDEX debrid_torrents_asked ON debrid_torrents (account, asked_at) WHERE asked_at IS NOT NULL",
        f"""CREATE TABLE debrid_files (
            account {word} NOT NULL,
            torrent_id {word} NOT NULL,
            file_id BIGINT NOT NULL,
            path TEXT NOT NULL,
            bytes BIGINT NOT NULL,
            selected INTEGER NOT NULL,
            PRIMARY KEY (account, torrent_id, file_id)
        ){keyed}""",
        f"""CREATE TABLE debrid_links (
            account {word} NOT NULL,
            torrent_id {word} NOT NULL,
            position BIGINT NOT NULL,
            link TEXT NOT NULL,
            PRIMARY KEY (account, torrent_id, position)
        ){keyed}""",
        f"""CREATE TABLE debrid_attempts (
            id {key},
            account {word} NOT NULL,
            hash {word} NOT NULL,
            torrent_id {word} NOT NULL,
            at BIGINT NOT NULL,
            act TEXT NOT NULL,
            outcome TEXT NOT NULL,
            code INTEGER,
            detail TEXT NOT NULL,
            source TEXT NOT NULL
        )""",
        "CREATE INDEX debrid_attempts_hash ON debrid_attempts (account, hash, at)",
        f"""CREATE TABLE debrid_failures (
            account {word} NOT NULL,
            hash {word} NOT NULL,
            kind {word} NOT NULL,
            torrent_id {word} NOT NULL,
            name TEXT NOT NULL,
            first_at BIGINT NOT NULL,
            last_at BIGINT NOT NULL,
            times BIGINT NOT NULL,
            code INTEGER,
            final INTEGER NOT NULL,
            source TEXT NOT NULL,
            PRIMARY KEY (account, hash, kind)
        )""",
        f"""CREATE TABLE debrid_retries (
            account {word} NOT NULL,
            hash {word} NOT NULL,
            torrent_id {word} NOT NULL,
            due_at BIGINT NOT NULL,
            priority BIGINT NOT NULL,
            tries BIGINT NOT NULL,
            reason TEXT NOT NULL,
            state TEXT NOT NULL,
            PRIMARY KEY (account, hash)
        )""",
        "CREATE INDEX debrid_retries_due ON debrid_retries (account, due_at)",
        f"""CREATE TABLE debrid_syncs (
            id {key},
            account {word} NOT NULL,
            mode TEXT NOT NULL,
            options TEXT NOT NULL,
            status TEXT NOT NULL,
            started_at BIGINT NOT NULL,
            changed_at BIGINT NOT NULL,
            listed INTEGER NOT NULL,
            done BIGINT NOT NULL,
            total BIGINT NOT NULL,
            summary TEXT NOT NULL
        )""",
        "CREATE INDEX debrid_syncs_account ON debrid_syncs (account, id)",
        f"""CREATE TABLE debrid_metrics (
            account {word} NOT NULL,
            day BIGINT NOT NULL,
            name {word} NOT NULL,
            value BIGINT NOT NULL,
            PRIMARY KEY (account, day, name)
        )""",
    )
    for statement in statements:
        connection.execute(text(statement))
