"""Noting repairs in the history of an account.

A repair is the row of its torrent among the retries; how far it is lies in the row's state. What is about the whole
account (its pause, the other repairers that were seen) is the state of a row of no torrent. What was given up is noted
among the failures as well, and each step among the attempts, for whoever asks what was tried.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Protocol

from ..model.debrid_mirror import DebridAttempt, DebridFailure, DebridRetry
from .retrying import CLOSED, AccountPause, Choice, Ending, Repair, Step, Urgency, WantedFile
from .rivals import Sighting
from .unanswered import Unanswered

#: The row of what is about the whole account.
_ACCOUNT = ""
#: More than anybody has: an account holds some ten thousand torrents.
_ALL = 1_000_000


class RepairHistory(Protocol):
    """The history of accounts, as the store keeps it. What returns has been written."""

    async def retries(self, account: str, *, hashes: Collection[str] = (), limit: int = 10_000) -> list[DebridRetry]:
        """Return rows of torrents, of all where no hashes are given."""

    async def keep_retries(self, account: str, retries: Sequence[DebridRetry]) -> None:
        """Write rows, by hash."""

    async def note_attempts(self, account: str, attempts: Sequence[DebridAttempt]) -> list[DebridAttempt]:
        """Write what was tried."""

    async def forget_retries(self, account: str, hashes: Collection[str]) -> None:
        """Delete rows."""

    async def keep_failures(self, account: str, failures: Sequence[DebridFailure]) -> None:
        """Write what is wrong with torrents."""


class StoredRepairs:
    """The repairs of one account."""

    def __init__(self, account: str, history: RepairHistory, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._history = history
        self._clock = clock
        self._steps: dict[str, Step] = {}
        self._shared: dict[str, Any] | None = None

    async def repairs(self) -> Sequence[Repair]:
        """Return all, those that ended, too."""
        rows = await self._history.retries(self._account, limit=_ALL)
        found = [repair_from_json(row.hash, row.state) for row in rows if row.hash and "step" in row.state]
        self._steps = {repair.hash: repair.step for repair in found}
        return found

    async def save(self, repair: Repair) -> None:
        """Note a repair, then what became of it for whoever asks."""
        await self._history.keep_retries(self._account, [_row(repair)])
        if self._steps.get(repair.hash) is not repair.step:
            self._steps[repair.hash] = repair.step
            await self._tell(repair)

    async def keep(self, repairs: Sequence[Repair]) -> None:
        """Note repairs; what became of them is told already."""
        await self._history.keep_retries(self._account, [_row(repair) for repair in repairs])
        self._steps.update({repair.hash: repair.step for repair in repairs})

    async def _tell(self, repair: Repair) -> None:
        now = self._clock()
        torrent_id = repair.added_id or next(iter(repair.old_ids), "")
        outcome = str(repair.ending or repair.problem or "")
        attempt = DebridAttempt(
            hash=repair.hash, torrent_id=torrent_id, at=now, act=str(repair.step), outcome=outcome, source="repair"
        )
        await self._history.note_attempts(self._account, [attempt])
        if repair.step is Step.GIVEN_UP:
            failure = DebridFailure(
                hash=repair.hash,
                kind=repair.trouble,
                torrent_id=torrent_id,
                name=repair.label,
                first_at=repair.created_at,
                last_at=now,
                times=max(1, repair.tries),
                final=repair.ending not in {Ending.DIFFERENT, Ending.UNCHOSEN},
                source="repair",
            )
            await self._history.keep_failures(self._account, [failure])

    async def forget(self, hashes: Collection[str]) -> None:
        """Forget repairs that are over."""
        await self._history.forget_retries(self._account, hashes)
        for info_hash in hashes:
            self._steps.pop(info_hash, None)

    async def pause(self) -> AccountPause:
        """Return until when the account is left alone."""
        stored = (await self._of_account()).get("pause")
        return AccountPause() if stored is None else AccountPause(**_moments(stored))

    async def save_pause(self, pause: AccountPause) -> None:
        """Note that."""
        await self._save_of_account("pause", _plain(pause))

    async def sightings(self) -> Sequence[Sighting]:
        """Return what other repairers were seen to do."""
        return tuple(Sighting(**_moments(each)) for each in (await self._of_account()).get("sightings", ()))

    async def save_sightings(self, seen: Sequence[Sighting]) -> None:
        """Note that. All of them are given."""
        await self._save_of_account("sightings", [_plain(each) for each in seen])

    async def unanswered(self) -> Collection[Unanswered]:
        """Return the requests to add something that got no answer."""
        stored = (await self._of_account()).get("unanswered", ())
        return [Unanswered(**_moments(each) | {"known_ids": tuple(each["known_ids"])}) for each in stored]

    async def save_unanswered(self, requests: Collection[Unanswered]) -> None:
        """Note them. All of them are given."""
        await self._save_of_account("unanswered", [_plain(each) for each in requests])

    async def _of_account(self) -> dict[str, Any]:
        if self._shared is None:
            rows = await self._history.retries(self._account, hashes=[_ACCOUNT])
            self._shared = dict(rows[0].state) if rows else {}
        return self._shared

    async def _save_of_account(self, name: str, value: Any) -> None:
        shared = {**await self._of_account(), name: value}
        row = DebridRetry(hash=_ACCOUNT, torrent_id="", due_at=self._clock(), state=shared)
        await self._history.keep_retries(self._account, [row])
        self._shared = shared


def _row(repair: Repair) -> DebridRetry:
    return DebridRetry(
        hash=repair.hash,
        torrent_id=repair.added_id or next(iter(repair.old_ids), ""),
        due_at=repair.due_at,
        priority=int(repair.urgency),
        tries=repair.tries,
        reason=repair.trouble,
        state=repair_as_json(repair),
    )


# --- as JSON -------------------------------------------------------------------------------------------------------

_MOMENTS = frozenset({"created_at", "due_at", "added_at", "added_before", "progress_at", "ended_at"})
_MOMENTS_OF_ACCOUNT = frozenset({"until", "slot_until", "throttled_at", "at", "asked_at", "open_until"})


def repair_as_json(repair: Repair) -> dict[str, Any]:
    """Return a repair as JSON, for `repair_from_json`. Its hash is kept beside it."""
    plain = _plain(repair)
    del plain["hash"]
    wanted = repair.wanted
    return {**plain, "wanted": None if wanted is None else [[file.path, file.size_bytes] for file in wanted]}


def repair_from_json(info_hash: str, stored: Mapping[str, Any]) -> Repair:
    """Return a stored repair. What a newer version noted beside it is left out."""
    known = {field.name for field in fields(Repair)}
    values = {name: value for name, value in stored.items() if name in known}
    for name in _MOMENTS & values.keys():
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    for name in ("old_ids", "bad_ids", "known_ids", "our_ids", "words"):
        values[name] = tuple(values.get(name, ()))
    wanted = values.get("wanted")
    values |= {
        "wanted": None if wanted is None else tuple(WantedFile(path=path, size_bytes=size) for path, size in wanted),
        "step": Step(stored["step"]),
        "urgency": Urgency(stored["urgency"]),
        "choice": Choice(stored.get("choice", Choice.ALL)),
        "ending": None if stored.get("ending") is None else Ending(stored["ending"]),
    }
    if values["step"] in CLOSED:  # older versions did not note when
        values["ended_at"] = values.get("ended_at") or values["due_at"]
    return Repair(hash=info_hash, **values)


def _plain(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as JSON."""
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in found.items()}


def _moments(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS_OF_ACCOUNT and value is not None else value
        for name, value in stored.items()
    }
