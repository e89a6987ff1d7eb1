"""What is counted of the mirrors: kept by the database itself, in the transaction that changes a torrent.

To count 100,000 torrents takes longer than anybody wants to wait who asks for figures. So triggers keep how many there
are by status and host, and which hashes are there more than once: whoever writes, and however it ends, the torrents and
their counts are committed together or not at all. What depends on the moment (the last day) is no count that could be
kept: indexes answer that.

What torrents hold is added up in two columns, of what is above 31 bits and of what is below (see `held`): what somebody
says a torrent has may be as much as an integer can be, and a sum of it would not fit, or become a float.

Nothing but a trigger writes here, apart from `recount`. That counts anew where somebody else had a hand in the
database, as a restore without its triggers has; it is done whenever a database is opened, and when a file is checked.
"""

from collections.abc import Mapping, Sequence
import logging

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, delete, inspect, text

from .metadata import METADATA

_LOGGER = logging.getLogger(__name__)

#: By `gone` (1 or 0), status and host.
COUNTS = Table(
    "debrid_counts",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("gone", Integer, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("torrents", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("low", BigInteger, nullable=False),
    Column("detailed", BigInteger, nullable=False),  # their details were read
)

#: Hashes of which more than one torrent is there, and what these are in all.
DUPLICATES = Table(
    "debrid_duplicates",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("torrents", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("low", BigInteger, nullable=False),
)

#: In PostgreSQL, a trigger is a function; one for each event.
_FUNCTIONS = ("debrid_counted_added", "debrid_counted_changed", "debrid_counted_removed")


# --- the truth -------------------------------------------------------------------------------------------------------


_GONE = "CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END"
_HELD = "sum(bytes >> 31) AS high, sum(bytes & 2147483647) AS low"
#: What each table has to hold.
_TRUTH: Mapping[Table, str] = {
    COUNTS: f"""SELECT account, {_GONE} AS gone, status, host, count(*) AS torrents, {_HELD},
        count(details_at) AS detailed FROM debrid_torrents GROUP BY account, {_GONE}, status, host""",  # noqa: S608 -- words of ours
    DUPLICATES: f"""SELECT account, hash, count(*) AS torrents, {_HELD} FROM debrid_torrents
        WHERE gone_at IS NULL AND hash <> '' GROUP BY account, hash HAVING count(*) > 1""",  # noqa: S608 -- words of ours
}


def held(high: int, low: int) -> int:
    """Return the bytes of a row."""
    return (int(high) << 31) + int(low)


def miscounted(connection: Connection) -> list[Table]:
    """Count all torrents, and return the tables that say otherwise. A database of an earlier version has none."""
    if not inspect(connection).has_table(COUNTS.name):
        return []
    return [table for table in _TRUTH if connection.execute(text(_differs(table))).scalar_one()]


def _differs(table: Table) -> str:
    """Return a SELECT of whether a row is not there twice: as it was kept, and as it is."""
    columns = ", ".join(table.columns.keys())
    return f"""SELECT EXISTS (
        SELECT {columns} FROM (SELECT {columns} FROM {table.name} UNION ALL {_TRUTH[table]}) AS both_of_them
        GROUP BY {columns} HAVING count(*) <> 2)"""  # noqa: S608 -- names of ours


def recount(connection: Connection) -> None:
    """Write the counts anew where they are wrong, and say so. Inside the transaction of the caller."""
    for table in (wrong := miscounted(connection)):
        columns = ", ".join(table.columns.keys())
        connection.execute(delete(table))
        connection.execute(text(f"INSERT INTO {table.name} ({columns}) {_TRUTH[table]}"))
    if wrong:
        _LOGGER.warning("The counts of Real-Debrid torrents in the database were wrong, and have been made anew")


# --- the migration ---------------------------------------------------------------------------------------------------


def add_debrid_counts(connection: Connection) -> None:
    """Make the counts of what is there, what keeps them, and the indexes of what depends on the moment.

    It is a migration: what it says is never changed.
    """
    sqlite = connection.dialect.name == "sqlite"
    word = "TEXT" if sqlite else 'TEXT COLLATE "C"'
    keyed = " WITHOUT ROWID" if sqlite else ""
    held = "sum(bytes >> 31), sum(bytes & 2147483647)"
    gone = "CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END"
    statements = (
        f"""CREATE TABLE debrid_counts (
            account {word} NOT NULL,
            gone INTEGER NOT NULL,
            status {word} NOT NULL,
            host {word} NOT NULL,
            torrents BIGINT NOT NULL,
            high BIGINT NOT NULL,
            low BIGINT NOT NULL,
            detailed BIGINT NOT NULL,
            PRIMARY KEY (account, gone, status, host)
        ){keyed}""",
        f"""CREATE TABLE debrid_duplicates (
            account {word} NOT NULL,
            hash {word} NOT NULL,
            torrents BIGINT NOT NULL,
            high BIGINT NOT NULL,
            low BIGINT NOT NULL,
            PRIMARY KEY (account, hash)
        ){keyed}""",
        "DROP INDEX debrid_torrents_hash",
        "CREATE INDEX debrid_torrents_hash ON debrid_torrents (hash, account, bytes, gone_at)",
        # with `gone_at`, SQLite reads nothing but the index
        "DROP INDEX debrid_torrents_added",
        "CREATE INDEX debrid_torrents_added ON debrid_torrents (account, added_at, id, gone_at) WHERE gone_at IS NULL",
        """CREATE INDEX debrid_torrents_ended
            ON debrid_torrents (account, status, status_at, gone_at) WHERE gone_at IS NULL""",
        """CREATE INDEX debrid_torrents_details
            ON debrid_torrents (account, details_at, gone_at) WHERE gone_at IS NULL AND details_at IS NOT NULL""",
        f"""INSERT INTO debrid_counts SELECT account, {gone}, status, host, count(*), {held}, count(details_at)
            FROM debrid_torrents GROUP BY account, {gone}, status, host""",  # noqa: S608 -- words of ours
        f"""INSERT INTO debrid_duplicates SELECT account, hash, count(*), {held} FROM debrid_torrents
            WHERE gone_at IS NULL AND hash <> '' GROUP BY account, hash HAVING count(*) > 1""",  # noqa: S608 -- words of ours
        *(_sqlite_triggers() if sqlite else _postgresql_triggers()),
    )
    for statement in statements:
        connection.exec_driver_sql(statement)


def _sqlite_triggers() -> Sequence[str]:
    """Return triggers that are run for each row. One more and one less cost the same however many there are."""

    def moved(row: str, step: int) -> str:
        return f"""INSERT INTO debrid_counts (account, gone, status, host, torrents, high, low, detailed)
            VALUES ({row}.account, {row}.gone_at IS NOT NULL, {row}.status, {row}.host, {step},
                {step} * ({row}.bytes >> 31), {step} * ({row}.bytes & 2147483647),
                {step} * ({row}.details_at IS NOT NULL))
            ON CONFLICT (account, gone, status, host) DO UPDATE SET torrents = torrents + excluded.torrents,
                high = high + excluded.high, low = low + excluded.low, detailed = detailed + excluded.detailed;"""  # noqa: S608 -- words of ours

    # one that is listed already is one more; else, if there is another one, these are two
    comes = f"""{moved("NEW", 1)}
        INSERT INTO debrid_duplicates (account, hash, torrents, high, low)
            SELECT NEW.account, NEW.hash, 2, (NEW.bytes >> 31) + (bytes >> 31),
                (NEW.bytes & 2147483647) + (bytes & 2147483647) FROM debrid_torrents
            WHERE account = NEW.account AND hash = NEW.hash AND gone_at IS NULL AND id <> NEW.id
                AND NEW.gone_at IS NULL AND NEW.hash <> '' LIMIT 1
            ON CONFLICT (account, hash) DO UPDATE SET torrents = torrents + 1,
                high = high + (NEW.bytes >> 31), low = low + (NEW.bytes & 2147483647);"""  # noqa: S608 -- words of ours
    goes = f"""{moved("OLD", -1)}
        DELETE FROM debrid_counts WHERE account = OLD.account AND gone = (OLD.gone_at IS NOT NULL)
            AND status = OLD.status AND host = OLD.host AND torrents = 0;
        UPDATE debrid_duplicates SET torrents = torrents - 1,
                high = high - (OLD.bytes >> 31), low = low - (OLD.bytes & 2147483647)
            WHERE account = OLD.account AND hash = OLD.hash AND OLD.gone_at IS NULL;
        DELETE FROM debrid_duplicates WHERE account = OLD.account AND hash = OLD.hash AND torrents < 2;"""  # noqa: S608 -- words of ours

    def what_counts(row: str) -> str:
        names = ("account", "id", "hash", "status", "host", "bytes")
        return ", ".join(
            [*(f"{row}.{name}" for name in names), f"{row}.gone_at IS NULL", f"{row}.details_at IS NULL"],
        )

    return (
        f"CREATE TRIGGER debrid_counted_added AFTER INSERT ON debrid_torrents BEGIN {comes} END",
        f"CREATE TRIGGER debrid_counted_removed AFTER DELETE ON debrid_torrents BEGIN {goes} END",
        f"""CREATE TRIGGER debrid_counted_changed AFTER UPDATE ON debrid_torrents
            WHEN ({what_counts("OLD")}) IS NOT ({what_counts("NEW")}) BEGIN {goes} {comes} END""",
    )


def _postgresql_triggers() -> Sequence[str]:
    """Return triggers that are run once for each statement: a row that is written 5,000 times leaves 5,000 of itself.

    Hashes that were touched are counted. `EXECUTE` has that planned each time: a plan that was made while the table was
    empty goes through all of it, and would be kept to. And of a table that it has not analysed PostgreSQL takes every
    index that begins with the account to be as good as any other, so this doesn't look like a question for these.
    """
    columns = "account, hash, status, host, bytes, gone_at, details_at"
    comes = f"SELECT {columns}, 1 AS step FROM comes"  # noqa: S608 -- words of ours
    goes = f"SELECT {columns}, -1 AS step FROM goes"  # noqa: S608 -- words of ours
    events = (
        ("debrid_counted_added", "INSERT", "NEW TABLE AS comes", comes),
        ("debrid_counted_changed", "UPDATE", "OLD TABLE AS goes NEW TABLE AS comes", f"{goes} UNION ALL {comes}"),
        ("debrid_counted_removed", "DELETE", "OLD TABLE AS goes", goes),
    )
    touched = """SELECT account, hash FROM ({steps}) AS steps WHERE gone_at IS NULL AND hash <> ''
        GROUP BY account, hash HAVING sum(step) <> 0 OR sum(step * bytes) <> 0"""
    counted = """sum(step) AS torrents, sum(step * (bytes >> 31)) AS high, sum(step * (bytes & 2147483647)) AS low,
        sum(CASE WHEN details_at IS NULL THEN 0 ELSE step END) AS detailed"""
    function = f"""CREATE FUNCTION {{name}}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO debrid_counts AS known (account, gone, status, host, torrents, high, low, detailed)
            SELECT * FROM (
                SELECT account, CASE WHEN gone_at IS NULL THEN 0 ELSE 1 END, status, host, {counted}
                FROM ({{steps}}) AS steps GROUP BY 1, 2, 3, 4
            ) AS sums WHERE torrents <> 0 OR high <> 0 OR low <> 0 OR detailed <> 0
            ON CONFLICT (account, gone, status, host) DO UPDATE SET torrents = known.torrents + excluded.torrents,
                high = known.high + excluded.high, low = known.low + excluded.low,
                detailed = known.detailed + excluded.detailed;
            DELETE FROM debrid_counts WHERE torrents = 0;
            EXECUTE $known$DELETE FROM debrid_duplicates AS known USING ({touched}) AS touched
                WHERE known.account = touched.account AND known.hash = touched.hash$known$;
            EXECUTE $there$INSERT INTO debrid_duplicates (account, hash, torrents, high, low)
            SELECT there.account, there.hash, count(*), sum(there.bytes >> 31), sum(there.bytes & 2147483647)
                FROM ({touched}) AS touched
                JOIN debrid_torrents AS there ON there.account || '' = touched.account AND there.hash = touched.hash
                WHERE there.gone_at IS NULL GROUP BY there.account, there.hash HAVING count(*) > 1$there$;
            RETURN NULL;
        END $$"""  # noqa: S608 -- words of ours
    trigger = """CREATE TRIGGER {name} AFTER {event} ON debrid_torrents REFERENCING {tables}
        FOR EACH STATEMENT EXECUTE PROCEDURE {name}()"""
    return [
        statement.format(name=name, event=event, tables=tables, steps=steps)
        for name, event, tables, steps in events
        for statement in (function, trigger)
    ]


def drop_functions(connection: Connection) -> None:
    """Delete what PostgreSQL keeps beside the tables, after these."""
    if connection.dialect.name != "sqlite":
        for name in _FUNCTIONS:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}()")
