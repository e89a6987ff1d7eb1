"""The last resort against a leak: when something outside the download client is called that a person chose for it.

It is called once in a leak, and once more if that came to nothing. A leak that was stopped needs it no more, however
the client falls silent afterwards; a client that never said that it stopped, or in which something runs again and stays
so, is one that could not be stopped. A tunnel that is merely down is no leak, nor is a drill.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LastResortPolicy:
    """When it is called."""

    every_leak: bool = False  # at once; otherwise only when it could not be stopped
    patience: timedelta = timedelta(seconds=10)  # so long may it take to stop everything
    retry: timedelta = timedelta(seconds=10)  # what came to nothing is tried again after this


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What is remembered of a leak while it lasts. `as_json` has to outlive a restart."""

    stopped: bool = False  # it was seen since it began that nothing runs
    unstopped_since: datetime | None = None
    calls: int = 0
    called_at: datetime | None = None
    failed: bool = False  # the last call

    def as_json(self) -> dict[str, Any]:
        """Return what has to be stored."""
        return {"stopped": self.stopped, "calls": self.calls}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Leak:
        """Return what was stored. What was called before a restart is not called again."""
        calls = stored.get("calls", 0)
        return cls(stopped=stored.get("stopped") is True, calls=MOST_CALLS if calls else 0)


MOST_CALLS = 2


def follow(leak: Leak | None, *, leaking: bool, running: int | None, now: datetime) -> Leak | None:
    """Take in a look. `running` torrents were seen; None: it could not be told to stop, or not be looked at."""
    if not leaking:
        return None
    leak = leak or Leak()
    if running == 0:
        return replace(leak, stopped=True, unstopped_since=None)
    if running is None and leak.stopped:
        return leak
    return leak if leak.unstopped_since is not None else replace(leak, unstopped_since=now)


def due(leak: Leak | None, policy: LastResortPolicy, now: datetime) -> datetime | None:
    """Return when it has to be called; None: not as things stand."""
    if leak is None or leak.calls >= MOST_CALLS:
        return None
    if leak.called_at is not None:
        needed = policy.every_leak or leak.unstopped_since is not None
        return leak.called_at + policy.retry if leak.failed and needed else None
    if policy.every_leak:
        return now
    return leak.unstopped_since + policy.patience if leak.unstopped_since is not None else None


def called(leak: Leak, now: datetime) -> Leak:
    """Return it when it is about to be called."""
    return replace(leak, calls=leak.calls + 1, called_at=now, failed=False)


def failed(leak: Leak) -> Leak:
    """Return it when the call came to nothing."""
    return replace(leak, failed=True)
