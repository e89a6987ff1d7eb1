"""Fire drills of a guard: by a button, or each month. What one is, and what comes of it, says `guards/drill.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_change
from homeassistant.util import dt as dt_util

from . import wording
from .autopilot.guards import drill as drills
from .autopilot.guards.drill import Drill, DrillFacts, DrillPolicy
from .autopilot.guards.drill_plan import DrillPlan
from .autopilot.guards.vpn_types import Containment, Proof
from .connectors.holding import end_soon
from .const import DOMAIN, LOGGER
from .journal_report import sentence
from .model.hold import Holder
from .model.reasons import Reason

if TYPE_CHECKING:
    from .guarding import ClientGuard

PLAN_KEY = "drill_plan"  # of a client: when its person wants a drill each month
TURN_KEY = "drill_turn"  # the day of the last monthly drill that was made
RESULT_KEY = "drill_result"  # what came of the last drill

#: A timer that comes later than this is about a time that is over.
LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the last drill."""

    at: datetime
    reaction: timedelta | None  # None: not everything was stopped, or a real leak came

    @classmethod
    def from_json(cls, stored: Any) -> Self | None:
        """Return what was stored, None for nothing."""
        try:
            milliseconds = stored["milliseconds"]
            reaction = None if milliseconds is None else timedelta(milliseconds=milliseconds)
            return cls(at=datetime.fromtimestamp(stored["at"], UTC), reaction=reaction)
        except KeyError, TypeError, ValueError:
            return None

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        milliseconds = None if self.reaction is None else round(self.reaction / timedelta(milliseconds=1))
        return {"at": self.at.timestamp(), "milliseconds": milliseconds}


class Drilling:
    """The drills of one guard."""

    def __init__(self, guard: ClientGuard, *, announce: Callable[..., None]) -> None:
        self._guard = guard
        self._backend = guard.backend
        self._announce = announce
        self._drill: Drill | None = None
        self._forget_time: Callable[[], None] | None = None
        self._keep_time()

    # --- what is set and shown -----------------------------------------------------------------------------------

    @property
    def plan(self) -> DrillPlan | None:
        """When there is a drill each month; None: there is none."""
        try:
            return DrillPlan.from_json(self._backend.memory[PLAN_KEY])
        except KeyError, TypeError, ValueError:
            return None

    @callback
    def choose(self, plan: DrillPlan | None) -> None:
        """Have a drill each month, or none."""
        self._backend.remember(PLAN_KEY, None if plan is None else plan.as_json())
        self._keep_time()

    @property
    def outcome(self) -> Outcome | None:
        """What came of the last one."""
        return Outcome.from_json(self._backend.memory.get(RESULT_KEY))

    @property
    def under_way(self) -> bool:
        """Whether there is one now."""
        return self._drill is not None and self._drill.result is None

    # --- beginning -----------------------------------------------------------------------------------------------

    @callback
    def begin(self) -> None:
        """Begin to pretend a leak: everything is stopped as if it were one, and started again.

        What came of it is an event. Raises `HomeAssistantError` when there can be none now.
        """
        if self._guard.verdict is None or self.under_way:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="no_drill_now")
        reason = self._hindrance()
        if reason is not None:
            words = wording.get(self._backend.hass.config.language)
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="no_drill",
                translation_placeholders={"reason": sentence(reason, dt_util.utcnow(), words)},
            )
        self._begin()

    def _hindrance(self) -> Reason | None:
        guard, client = self._guard, self._backend.title
        if guard.verdict is None:
            return Reason(key="guard.drill_unguarded", parameters={"client": client})
        if self.under_way:
            return Reason(key="guard.drill_busy", parameters={"client": client})
        return drills.hindrance(guard.verdict, client=client, running=guard.running, held=guard.held > 0)

    def _begin(self) -> None:
        self._drill = drills.begin(self._backend.title, dt_util.utcnow())
        self._guard.lane.drill = True
        self._guard.hurry()

    @callback
    def _keep_time(self) -> None:
        self._lose_time()
        if (plan := self.plan) is not None:
            self._forget_time = async_track_time_change(
                self._backend.hass, self._is_time, hour=plan.at.hour, minute=plan.at.minute, second=0
            )

    def _lose_time(self) -> None:
        if self._forget_time is not None:
            self._forget_time()
            self._forget_time = None

    @callback
    def _is_time(self, now: datetime) -> None:
        """Make the drill of this month, if it is its day or it was skipped before."""
        plan, now = self.plan, dt_util.as_local(now)
        if plan is None or not timedelta() <= now - now.replace(hour=plan.at.hour, minute=plan.at.minute) < LATE:
            return  # a machine that slept through it is not drilled when it wakes up
        today = now.date()
        turn = plan.turn_of(today)
        if turn is None or self._backend.memory.get(TURN_KEY) == turn.isoformat():
            return
        if self._guard.shelter.containment is Containment.NONE:
            return  # of what has no VPN nobody expects one
        if (reason := self._hindrance()) is None:
            self._backend.remember(TURN_KEY, turn.isoformat())
            self._begin()
            return
        then = "guard.drill_given_up" if plan.is_last_try(today) else "guard.drill_tomorrow"
        LOGGER.info("The drill of %s is skipped today (%s)", self._backend.title, reason.key)
        self._announce("drill_skipped", reasons=(reason, Reason(key=then)))

    # --- following -----------------------------------------------------------------------------------------------

    @callback
    def follow(self) -> None:
        """Take in what the guard saw, and what the client showed."""
        drill, lane = self._drill, self._guard.lane
        if drill is None or lane.verdict is None or drill.result is not None:
            return
        now = dt_util.utcnow()
        facts = DrillFacts(verdict=lane.verdict, running=self._guard.running, held=self._guard.held)
        self._drill = drill = drills.advance(drill, facts, DrillPolicy(), now)
        lane.drill = drill.pretends
        if (result := drill.result) is not None:
            outcome = Outcome(at=result.at, reaction=result.reaction if result.passed else None)
            self._backend.remember(RESULT_KEY, outcome.as_json())
            self._announce("drill_passed" if result.passed else "drill_failed", reasons=(result.reason,))

    @callback
    def abandon(self) -> None:
        """Pretend nothing any more: nobody guards, so what was stopped is started like everything that was."""
        self._drill = None
        self._guard.lane.drill = False

    @callback
    def stop(self) -> None:
        """End: nothing is pretended any more, and what was stopped for it is to be started, by whoever comes next."""
        self._lose_time()
        lane = self._guard.lane
        lane.drill = False
        leaks = lane.verdict is not None and lane.verdict.stop and lane.verdict.proof is not Proof.DRILL
        if self.under_way and not leaks:
            end_soon(self._backend, Holder.VPN)
