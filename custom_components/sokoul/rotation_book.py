"""The book that is kept of the servers of a VPN: which may be used, how good each has been, and what happened."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .autopilot.guards.rotation import Stage
from .autopilot.guards.servers import Choice, Records, Sample, ServerPolicy, choose, learn, ranking, server_reason
from .const import LOGGER
from .rotation_notes import KNOWN_KEY, SETTINGS_KEY, Known, Note, RotationSettings

if TYPE_CHECKING:
    from .hub import AnyCoordinator


def remembered[NoteT](
    backend: AnyCoordinator, key: str, read: Callable[[Mapping[str, Any], datetime], NoteT]
) -> NoteT | None:
    """Return a note of a backend's memory; what can't be read is forgotten, and said so."""
    stored = backend.memory.get(key)
    try:
        return None if stored is None else read(stored, dt_util.utcnow())
    except AttributeError, KeyError, TypeError, ValueError:
        LOGGER.error("What was remembered of the servers of %s is not readable", backend.title)
        backend.remember(key, None)
        return None


class ServerBook:
    """What is known of the servers of one VPN. Every change of it is remembered."""

    def __init__(self, backend: AnyCoordinator) -> None:
        self._backend = backend
        self._known = remembered(backend, KNOWN_KEY, Known.from_json) or Known()
        self.policy = ServerPolicy()

    # --- what a person set -------------------------------------------------------------------------------------------

    @property
    def settings(self) -> RotationSettings:
        """What a person set."""
        stored = self._backend.memory.get(SETTINGS_KEY)
        try:
            return RotationSettings() if stored is None else RotationSettings.from_json(stored)
        except KeyError, TypeError, ValueError:
            return RotationSettings()

    @callback
    def change_settings(self, settings: RotationSettings) -> None:
        """Take what a person set."""
        self._backend.remember(SETTINGS_KEY, None if settings == RotationSettings() else settings.as_json())

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def records(self) -> Records:
        """What is known of each server."""
        return self._known.records

    @property
    def notes(self) -> tuple[Note, ...]:
        """What happened lately, the newest last."""
        return self._known.notes

    def ranking(self) -> list[tuple[str, float]]:
        """Return the servers that may be used with their scores, from 0 to 1, the best first."""
        return ranking(self.records, self.settings.servers, self.policy, dt_util.utcnow())

    @property
    def changed_at(self) -> datetime | None:
        """When another server was last taken into use."""
        return next((note.at for note in reversed(self.notes) if note.stage is Stage.DONE), None)

    def last_sample(self, value: Callable[[Note], float | None]) -> float | None:
        """Return what was last measured."""
        return next((found for note in reversed(self.notes) if (found := value(note)) is not None), None)

    # --- what comes to it --------------------------------------------------------------------------------------------

    def choose(self, candidates: tuple[str, ...], current: str, *, must_move: bool) -> Choice:
        """Choose among candidates. Also a choice to stay counts: now and then it is the turn of who is not known."""
        known = self._known
        now = dt_util.utcnow()
        choice = choose(known.records, candidates, current, self.policy, now, count=known.choices, must_move=must_move)
        self._keep(replace(known, choices=known.choices + 1))
        return choice

    def learn(self, server: str, sample: Sample) -> None:
        """Take one more experience in. What was measured is a note, too."""
        now = dt_util.utcnow()
        known = replace(self._known, records=learn(self.records, server, sample, self.policy, now))
        if sample.latency is not None or sample.bytes_per_second is not None:
            latency = sample.latency.total_seconds() if sample.latency is not None else None
            known = known.with_note(
                Note(at=now, server=server, latency_seconds=latency, bytes_per_second=sample.bytes_per_second)
            )
        self._keep(known)

    def note_end(self, at: datetime, server: str, stage: Stage) -> None:
        """Note the end of a change."""
        self._keep(self._known.with_note(Note(at=at, server=server, stage=stage)))

    def _keep(self, known: Known) -> None:
        self._known = known
        self._backend.remember(KNOWN_KEY, known.as_json(self.settings.servers))


def asked_for(server: str, current: str) -> Choice:
    """Return the choice of a server that somebody named."""
    if server.casefold() == current.casefold():
        return Choice(server=None, reason=server_reason("in_use", server=current))
    return Choice(server=server, reason=server_reason("asked", server=server))
