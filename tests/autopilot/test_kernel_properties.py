"""Whatever happens in whatever order: see `healing_machine`."""

from datetime import timedelta

from hypothesis import HealthCheck, settings

from .healing_machine import HealingMachine

TestHealing = HealingMachine.TestCase
TestHealing.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
