"""What people see and set of healing: how far each rule may go, what was healed, and what is asked.

The rules come from their registry: whoever adds one gets its entities with it, named by its text `rule.<key>`.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from homeassistant.components.event import EventEntityDescription
from homeassistant.components.select import SelectEntityDescription
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.util import dt as dt_util

from .autopilot.ownership import ceiling
from .autopilot.rules.backends import BACKEND_RULES
from .autopilot.rules.debrid import DEBRID_BY_HAND, DEBRID_RULES
from .autopilot.rules.links import LINK_RULES
from .autopilot.rules.registry import RULES
from .autopilot.settings import Settable
from .connectors.base import BackendSensor, Paced
from .model.journal import GUARD_ACTS, ActKind, Autonomy, EntryStatus, JournalEntry
from .model.memory import SubjectMemory

if TYPE_CHECKING:
    from .autopilot.kernel import Kernel
    from .autopilot.ports import Journal
    from .hub import Hub

#: What there is to set: rules about downloads, about backends, and about links of the library.
ALL_RULES: tuple[Settable, ...] = (*RULES, *BACKEND_RULES, *DEBRID_RULES, *LINK_RULES)
LEVELS = [str(level) for level in Autonomy]
#: The key in the hub's memory of the levels that rules had before they were switched off.
BEFORE_OFF_KEY = "autopilot_before_off"

#: What is tried or told may help or not: only what follows from it is healing.
TRIES = frozenset({ActKind.REANNOUNCE, ActKind.ADD_TRACKERS, ActKind.RECHECK, ActKind.TELL})
_HEALS = frozenset(ActKind) - TRIES - GUARD_ACTS
#: What has not lasted this long is no problem yet: every download pauses now and then.
PROBLEM_AFTER = timedelta(minutes=30)
#: The oldest problem is looked for this often, and so many downloads are looked at before others have their turn.
LOOK_EVERY = timedelta(minutes=1)
SLICE = 200
#: So many acts that healed something are counted at most when the journal is opened.
_LOOK_BACK = 1000


# --- levels ----------------------------------------------------------------------------------------------------------


def level_of(hub: Hub, rule: Settable) -> Autonomy:
    """Return the level that is set for a rule, whatever the ceiling over all of them."""
    return hub.pilot.kernel.settings.autonomy.get(rule.key, rule.default)


def set_level(hub: Hub, rule: Settable, level: Autonomy) -> None:
    """Set a rule's level. What it was before it is switched off is remembered."""
    before = level_of(hub, rule)
    if before is level:
        return
    if level is Autonomy.OFF:
        hub.memory.set(BEFORE_OFF_KEY, {**hub.memory.get(BEFORE_OFF_KEY, {}), rule.key: before.value})
    hub.pilot.kernel.change(hub.pilot.kernel.settings.with_autonomy(rule.key, level))


def switch(hub: Hub, rule: Settable, *, on: bool) -> None:
    """Switch a rule off, or on again at the level that it had: else at its default, or observing."""
    if not on:
        set_level(hub, rule, Autonomy.OFF)
    elif level_of(hub, rule) is Autonomy.OFF:
        usual = Autonomy.OBSERVE if rule.default is Autonomy.OFF else rule.default
        set_level(hub, rule, Autonomy(hub.memory.get(BEFORE_OFF_KEY, {}).get(rule.key, usual)))


# --- counts ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What was healed lately, and how long the oldest problem lasts."""

    last_heal: datetime | None = None
    oldest_problem: datetime | None = None
    _healed: dict[int, datetime] = field(default_factory=dict)  # of today, by entry
    _looked_at: datetime | None = None

    async def load(self, journal: Journal) -> None:
        """Begin with what the journal says. Raises what it raises."""
        self._healed.clear()
        self._looked_at = None
        for entry in reversed(await journal.find(statuses=[EntryStatus.DONE], acts=_HEALS, limit=_LOOK_BACK)):
            self.note(entry)
        self._forget_yesterday()

    def note(self, entry: JournalEntry) -> None:
        """Count an entry of the journal that is new or changed."""
        if _heals(entry):
            self._healed[entry.id] = entry.changed_at
            self.last_heal = max(entry.changed_at, self.last_heal or entry.changed_at)
        else:
            self._healed.pop(entry.id, None)  # taken back

    async def look(self, kernel: Kernel, now: datetime) -> None:
        """Look now and then for the oldest problem that healing may do something about; forget what is not of today."""
        self._forget_yesterday()
        if self._looked_at is None or not timedelta() <= now - self._looked_at < LOOK_EVERY:
            self._looked_at = now
            self.oldest_problem = await _oldest_problem(kernel, now)

    def _forget_yesterday(self) -> None:
        today = dt_util.start_of_local_day()
        self._healed = {number: at for number, at in self._healed.items() if at >= today}

    def healed_today(self) -> int:
        """Return how many things were healed since midnight."""
        today = dt_util.start_of_local_day()
        return sum(at >= today for at in self._healed.values())


def _heals(entry: JournalEntry) -> bool:
    return entry.status is EntryStatus.DONE and entry.act in _HEALS and entry.rule != DEBRID_BY_HAND


async def _oldest_problem(kernel: Kernel, now: datetime) -> datetime | None:
    """Return since when the oldest problem lasts that may cost a download, without the time that counted for nothing.

    Whether healing may do something about a download takes longer to tell than all else: only of what is older than
    anything before is that asked.
    """
    rules = {key for key, rule in kernel.rules.items() if rule.default is Autonomy.OBSERVE}  # what takes away
    claims, oldest = kernel.claims(), None
    for portion in batched(kernel.watch, SLICE, strict=False):
        for subject in portion:
            since = _ails_since(kernel.watch.memory(subject), rules, now)
            if since is None or (oldest is not None and since >= oldest):
                continue
            case = kernel.watch.case(subject, now)
            if case is not None and ceiling(case, claims)[0] is not Autonomy.OFF:
                oldest = since
        await asyncio.sleep(0)
    return oldest


def _ails_since(memory: SubjectMemory | None, rules: Collection[str], now: datetime) -> datetime | None:
    """Return since when the oldest symptom of a download lasts, as far as these rules see it."""
    found = None
    for rule, clock in memory.clocks.items() if memory else ():
        if rule in rules and clock.running_since is not None and clock.read(now) >= PROBLEM_AFTER:
            since = clock.running_since - clock.counted
            found = since if found is None else min(found, since)
    return found


# --- entities --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class OfRule:
    """Of which rule an entity is; its name is put into the entity's."""

    rule: Settable | None = None


@dataclass(frozen=True, kw_only=True)
class HealingSelect(OfRule, Paced, SelectEntityDescription):
    """Something that is chosen."""

    value: Callable[[Hub], str]
    choose: Callable[[Hub, str], None]


@dataclass(frozen=True, kw_only=True)
class HealingSwitch(OfRule, Paced, SwitchEntityDescription):
    """Something that is on or off."""

    value: Callable[[Hub], bool]
    turn: Callable[[Hub, bool], None]


def _set_ceiling(hub: Hub, level: str) -> None:
    hub.pilot.kernel.change(replace(hub.pilot.kernel.settings, ceiling=Autonomy(level)))


def _select(rule: Settable) -> HealingSelect:
    return HealingSelect(
        key=f"{rule.key}_autonomy",
        translation_key="rule_autonomy",
        rule=rule,
        options=LEVELS,
        value=lambda hub: level_of(hub, rule).value,
        choose=lambda hub, level: set_level(hub, rule, Autonomy(level)),
        entity_category=EntityCategory.CONFIG,
    )


def _switch(rule: Settable) -> HealingSwitch:
    return HealingSwitch(
        key=f"{rule.key}_healing",
        translation_key="rule_healing",
        rule=rule,
        value=lambda hub: level_of(hub, rule) is not Autonomy.OFF,
        turn=lambda hub, on: switch(hub, rule, on=on),
        entity_category=EntityCategory.CONFIG,
    )


HEALING_SELECTS: tuple[HealingSelect, ...] = (
    HealingSelect(
        key="autonomy",
        options=LEVELS,
        value=lambda hub: hub.pilot.kernel.settings.ceiling.value,
        choose=_set_ceiling,
    ),
    *(_select(rule) for rule in ALL_RULES),
)

HEALING_SWITCHES: tuple[HealingSwitch, ...] = tuple(_switch(rule) for rule in ALL_RULES)

HEALING_SENSORS: tuple[BackendSensor[Hub], ...] = (
    BackendSensor(
        key="healed_today",
        value=lambda hub: hub.pilot.tally.healed_today(),
        state_class=SensorStateClass.MEASUREMENT,
    ),
    BackendSensor(
        key="last_heal",
        value=lambda hub: hub.pilot.tally.last_heal,
        device_class=SensorDeviceClass.TIMESTAMP,
    ),
    BackendSensor(
        key="oldest_problem",
        value=lambda hub: hub.pilot.tally.oldest_problem,
        device_class=SensorDeviceClass.TIMESTAMP,
    ),
    BackendSensor(
        key="suggestions",
        value=lambda hub: len(hub.pilot.kernel.suggestions),
        state_class=SensorStateClass.MEASUREMENT,
    ),
)

#: What an event can be: the status of an entry, where it says something to people; and what they are only told.
TOLD = "told"
_TOLD_OF = (
    EntryStatus.OBSERVED,
    EntryStatus.SUGGESTED,
    EntryStatus.DONE,
    EntryStatus.KEPT,
    EntryStatus.FAILED,
    EntryStatus.UNDONE,
    EntryStatus.REJECTED,
    EntryStatus.EXPIRED,
)


def event_of(entry: JournalEntry) -> str | None:
    """Return the type of the event that an entry is; None where nothing is said of it.

    Asking trackers again happens all the time and changes nothing: it is in the journal alone.
    """
    if entry.act is ActKind.TELL and entry.status is EntryStatus.DONE:
        return TOLD
    if entry.act is ActKind.REANNOUNCE or entry.status not in _TOLD_OF:
        return None
    return str(entry.status)


HEALING_EVENTS: tuple[EventEntityDescription, ...] = (
    EventEntityDescription(key="healing", event_types=[*map(str, _TOLD_OF), TOLD]),
)


def rule_of(description: Any) -> Settable | None:
    """Return of which rule an entity is."""
    return description.rule if isinstance(description, OfRule) else None
