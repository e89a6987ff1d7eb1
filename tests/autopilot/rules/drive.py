"""Drives one rule over time as the autopilot does: observes, keeps the memory, looks up what is asked for, judges."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from custom_components.sokoul.autopilot.observe import AnyRule, observe
from custom_components.sokoul.autopilot.rules.base import (
    CALM,
    OPEN,
    Case,
    Facts,
    Gate,
    Need,
    Surroundings,
    Verdict,
)
from custom_components.sokoul.model.memory import NOTHING_KNOWN, SubjectMemory
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.world import Download, World, join_downloads

SHUT = Gate(shut=Reason(key="gate.line_dead"))


@dataclass
class Drive:
    """One download under one rule. `facts` is what there is to find: it is known once the rule asked for it."""

    rule: AnyRule
    policy: Any = None
    facts: Facts = field(default_factory=Facts)
    memory: SubjectMemory = NOTHING_KNOWN

    def __post_init__(self) -> None:
        self.policy = self.policy or self.rule.policy()

    def see(self, at: datetime, download: Download, *, gate: Gate = OPEN, around: Surroundings = CALM) -> Verdict:
        """Return what the rule wants at this look; its clock goes on from the look before."""
        case = Case(download=download, now=at, memory=self.memory, facts=self.facts, around=replace(around, gate=gate))
        self.memory = observe(case, [self.rule], lambda _: self.policy)
        clock = self.memory.clocks.get(self.rule.key)
        if clock is None or clock.running_since is None:
            return None
        case = replace(case, memory=self.memory)
        verdict = self.rule.judge(case, self.policy, clock.read(at))
        if isinstance(verdict, Need):
            self.facts = replace(self.facts, looked=self.facts.looked | verdict.looks)
            return self.see(at, download, gate=gate, around=around)
        return verdict

    def tried(self, act: str, at: datetime) -> None:
        """Note that an act was done."""
        began = at - self.memory.elapsed(self.rule.key, at)
        self.memory = self.memory.with_try(act, began, at)

    def last(self, at: datetime, download: Download, span: timedelta, **look: Any) -> Verdict:
        """See the same download at the beginning and at the end of a span that ends at `at`."""
        self.see(at - span, download, **look)
        return self.see(at, download, **look)


def joined(world: World, at: datetime) -> Download:
    """Return the one download of a world."""
    (download,) = join_downloads(world, at)
    return download
