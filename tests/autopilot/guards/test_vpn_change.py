"""While a VPN is given another server: who could go out past it is stopped before, and nobody else."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.guards.vpn_types import Proof, Protection, Verdict, VpnState

from .tunnels import (
    BOUND,
    BOUND_ALONE,
    HOME,
    IN_NAMESPACE,
    OPEN,
    POLICY,
    RUNNING,
    SILENT,
    STOPPED,
    Guard,
    at,
    bound,
    say,
    settled,
)

CHANGES = "guard.vpn_server_changes"


def first_key(verdict: Verdict) -> str:
    return verdict.reasons[0].key


@pytest.mark.parametrize("tunnel", [RUNNING, SILENT], ids=["says that it runs", "says nothing"])
def test_an_open_client_is_stopped_at_once_whatever_the_tunnel_says(tunnel: Any) -> None:
    guard = settled(OPEN)
    assert not guard.see(1).stop
    verdict = guard.see(0.2, changing=True, tunnel=tunnel)
    assert (verdict.state, verdict.stop, verdict.gate_open) == (VpnState.DOWN, True, False)
    assert first_key(verdict) == CHANGES


def test_so_is_one_that_is_bound_to_an_address_of_which_nobody_knows_whose_it_is() -> None:
    guard = settled(BOUND, settings=bound("", "10.64.222.21"))
    assert not guard.see(1).stop
    assert guard.see(0.2, changing=True).stop


@pytest.mark.parametrize("protection", [IN_NAMESPACE, BOUND, BOUND_ALONE], ids=["namespace", "bound", "another VPN"])
def test_a_contained_client_goes_on(protection: Protection) -> None:
    guard = settled(protection)
    before = guard.see(1)
    verdict = guard.see(0.2, changing=True)
    assert (verdict.state, verdict.stop, verdict.reasons) == (before.state, False, before.reasons)


def test_it_opens_again_by_its_own_rules_once_that_is_over() -> None:
    guard = settled(OPEN)
    for _ in range(60):
        guard.see(1, changing=True)
    calm = POLICY.calm / timedelta(seconds=1)
    assert guard.watch(calm - 1).stop
    verdict = guard.see(2)
    assert (verdict.state, verdict.stop, verdict.gate_open) == (VpnState.SAFE, False, True)


def test_but_not_while_the_tunnel_is_down_then() -> None:
    guard = settled(OPEN)
    guard.see(0.2, changing=True)
    verdict = guard.watch(120, tunnel=STOPPED)
    assert (verdict.state, verdict.stop, first_key(verdict)) == (VpnState.DOWN, True, "guard.vpn_down")


def test_a_leak_meanwhile_is_one() -> None:
    guard = settled(OPEN)
    guard.see(0.2, changing=True)
    verdict = guard.see(0.2, changing=True, client=at(HOME))
    assert (verdict.state, verdict.proof) == (VpnState.LEAKING, Proof.ADDRESS)


def test_over_a_restart_it_stays_stopped_and_no_change_is_remembered() -> None:
    guard: Guard = settled(OPEN)
    guard.see(0.2, changing=True)
    guard.restart()
    assert guard.see(1).stop
    verdict = guard.watch(60, outside=say(HOME))
    assert (verdict.state, verdict.stop) == (VpnState.SAFE, False)
