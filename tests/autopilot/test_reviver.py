"""Bringing backends back: what goes wrong with one holds up no other, and is written down."""

from datetime import datetime
from typing import Any

import pytest

from custom_components.sokoul.autopilot.reach import Declined
from custom_components.sokoul.autopilot.reviver import Patient, Reviver
from custom_components.sokoul.autopilot.rules.backend_down import Decision
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry, Proposal
from custom_components.sokoul.model.reasons import Reason

from .fakes import Failure
from .stack import HOUR, Stack

RESTART, TELL = ActKind.RESTART, ActKind.TELL


class FakeWays:
    """Restarts nothing; `error` is what is raised instead."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.restarted: list[str] = []

    async def restart(self, entry: JournalEntry) -> Reason:
        self.restarted.append(entry.subject)
        if self.error is not None:
            raise self.error
        return Reason(key="result.restarted")

    async def is_needed(self, entry: JournalEntry) -> bool:
        return bool(entry)

    async def was_done(self, entry: JournalEntry) -> bool | None:
        return None if entry else True

    def never(self, entry: JournalEntry) -> None:
        raise NotImplementedError


def patient(subject: str, act: ActKind = RESTART) -> Patient:
    """Return a backend that is always to be dealt with."""

    def decide(_policy: Any, _restarts: tuple[datetime, ...]) -> Decision:
        reason = Reason(key="heal.backend_down_silent")
        return Decision(proposal=Proposal(rule="backend_down", subject=subject, act=act, reason=reason))

    return Patient(subject=subject, label=subject, ails=True, decide=decide)


async def reviver(ways: FakeWays) -> tuple[Stack, Reviver]:
    stack = Stack()
    await stack.start()
    stack.autonomy(Autonomy.ACT, "backend_down")
    return stack, Reviver(stack.kernel, ways)


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, None),
        (Declined("unreachable", backend="Docker"), "result.unreachable"),
        (ValueError("Invalid entity ID"), "result.error"),
        (KeyError(), "result.error"),
    ],
)
async def test_whatever_goes_wrong_is_written_down(error: Exception | None, result: str | None) -> None:
    ways = FakeWays(error)
    stack, found = await reviver(ways)
    await found.look([patient("a"), patient("b", TELL)], stack.clock.now)
    first, second = stack.journal.entries
    assert (first.subject, first.status is EntryStatus.DONE) == ("a", error is None)
    assert first.status in {EntryStatus.DONE, EntryStatus.FAILED}
    assert result is None or (first.result is not None and first.result.key == result)
    assert (second.subject, second.act, second.status) == ("b", TELL, EntryStatus.DONE)
    assert ways.restarted == ["a"]


async def test_one_that_breaks_does_not_hold_up_the_others() -> None:
    stack, found = await reviver(FakeWays())

    def broken(_policy: Any, _restarts: tuple[datetime, ...]) -> Decision:
        raise Failure("nobody thought of that")

    breaks = Patient(subject="a", label="a", ails=True, decide=broken)
    for _ in range(2):
        stack.clock.advance(HOUR)
        with pytest.raises(Failure):
            await found.look([breaks, patient("b", TELL)], stack.clock.now)
    assert [entry.subject for entry in stack.journal.entries] == ["b"]
