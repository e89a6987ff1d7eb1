"""An open client goes on to show the tunnel's end after that is gone: what services say through it now weighs more.

They are asked every half hour, and what they say is weighed with every order of events: who lies, who is silent, whose
address has just changed, who was restarted. What was never seen to be the client's way says nothing of the client.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.guards.vpn_types import Proof, Protection, VpnMemory, VpnState
from tests.autopilot.guards.tunnels import (
    BOUND,
    EXIT,
    EXIT_V6,
    HOME,
    HOME_V6,
    HOME_V6_LATER,
    IN_NAMESPACE,
    MOVED,
    NEW_HOME,
    OPEN,
    OTHER_EXIT,
    POLICY,
    REFUSED,
    SILENT,
    STRANGE,
    UNTOLD,
    Guard,
    at,
    bound,
    say,
    settled,
)

SAFE, UNVERIFIED, UNKNOWN = VpnState.SAFE, VpnState.UNVERIFIED, VpnState.UNKNOWN
LEAKING, DOUBTFUL = VpnState.LEAKING, VpnState.DOUBTFUL
HALF_AN_HOUR = 1800
CALM = POLICY.calm_after_leak.total_seconds()
TRIAL = POLICY.trial.total_seconds()
#: A VPN that isn't Gluetun tells nothing of itself; a Gluetun may notice nothing, and one may refuse to tell.
UNTOLD_OF = replace(OPEN, gluetun=False)
each_open = pytest.mark.parametrize("protection", [UNTOLD_OF, OPEN], ids=["no Gluetun", "Gluetun notices nothing"])


def running(protection: Protection, **looks: Any) -> Guard:
    """Return a guard whose client was seen where services through the tunnel are, half an hour before the next round.

    What is bound or shares the network of its tunnel is so.
    """
    guard = settled(protection, **({"settings": bound("")} if protection.interface is None else {}) | looks)
    guard.see(HALF_AN_HOUR)
    return guard


LIES = {
    "none lies": say(HOME, "one", "two", "three"),
    "one is silent": say(HOME, "one", "two"),
    "one lies with the tunnel's end": say(HOME, "one", "two") | say(EXIT, "three"),
    "one lies with a strange address": say(HOME, "one", "two") | say(STRANGE, "three"),
    "one lies with nonsense": say(HOME, "one", "two") | say("<html>", "three"),
    "two others lie, each with something else": say(HOME, "one", "two") | {"three": EXIT, "four": STRANGE},
}


@each_open
@pytest.mark.parametrize("said", LIES.values(), ids=LIES)
def test_it_is_stopped_by_the_first_round_of_services_after_the_cut(
    protection: Protection, said: dict[str, str]
) -> None:
    guard = running(protection)
    verdict = guard.see(1, through=said, outside=say(HOME))
    assert (verdict.state, verdict.stop, verdict.proof) == (LEAKING, True, Proof.EXIT), verdict
    assert {reason.key for reason in verdict.reasons} == {"guard.vpn_exit_at_home"}


NOISE = {
    "one says so, and nobody else anything": say(HOME, "one"),
    "one says so, and two don't": say(HOME, "one") | say(EXIT, "two", "three"),
    "one says so, and another one something else": {"one": HOME, "two": STRANGE},
    "as many say so as don't": say(HOME, "three", "four") | say(EXIT, "one", "two"),
    "more say otherwise": say(HOME, "one", "two") | say(EXIT, "three", "four", "five"),
    "all say that it ends at another place": say(OTHER_EXIT, "one", "two", "three"),
    "all say nonsense": say("<html>", "one", "two", "three"),
    "all are silent": {},
}


@each_open
@pytest.mark.parametrize("said", NOISE.values(), ids=NOISE)
def test_noise_stops_nothing(protection: Protection, said: dict[str, str]) -> None:
    """However long it goes on: a round every half hour, and each time the line is asked for, too."""
    guard = running(protection)
    for _ in range(4):
        guard.see(1, through=said, outside=say(HOME))
        assert not any(guard.see(60).stop for _ in range(29)), guard.verdict


@each_open
def test_what_one_said_before_and_another_says_now_was_not_said_of_the_same_moment(protection: Protection) -> None:
    """One lies after the other, and who told the truth in between is away now."""
    guard = running(protection)
    guard.see(1, through=say(HOME, "liar") | say(EXIT, "two"))
    assert not guard.watch(HALF_AN_HOUR, every=60).stop
    guard.see(1, through=say(HOME, "next"))
    assert not guard.watch(HALF_AN_HOUR, every=60).stop


@each_open
def test_who_says_so_alone_is_asked_about_again_soon(protection: Protection) -> None:
    guard = running(protection)
    assert not guard.see(1).ask
    assert guard.see(1, through=say(HOME, "one")).ask


@pytest.mark.parametrize("protection", [BOUND, IN_NAMESPACE, replace(BOUND, gluetun=False)])
def test_what_has_no_other_way_out_is_not_stopped_for_it(protection: Protection) -> None:
    """The proxy may have one: what the client shows goes on to weigh more."""
    guard = running(protection)
    assert not any(guard.see(60, through=say(HOME), outside=say(HOME)).stop for _ in range(60))


# --- the order of events ---------------------------------------------------------------------------------------------


@each_open
def test_a_proxy_that_always_came_out_at_home_says_nothing_of_the_client(protection: Protection) -> None:
    guard = Guard(protection, settings=bound(""))
    for _ in range(8):
        guard.see(1, through=say(HOME), outside=say(HOME))
        assert not any(guard.see(60).stop for _ in range(29)), guard.verdict


def test_nor_does_one_that_was_seen_with_the_client_at_home_only() -> None:
    """The VPN was off when all began, and nobody had told yet where home is."""
    guard = Guard(UNTOLD_OF, settings=bound(""), client=at(HOME))
    guard.watch(30, through=say(HOME))
    guard.watch(30, client=at(EXIT))
    for _ in range(4):
        guard.see(1, through=say(HOME), outside=say(HOME))
        assert not any(guard.see(60).stop for _ in range(29)), guard.verdict


@each_open
def test_another_proxy_has_to_be_seen_with_the_client_first(protection: Protection) -> None:
    guard = running(protection)
    guard.memory = guard.memory.on_another_way()
    guard.evidence = replace(guard.evidence, through=())
    assert not any(guard.see(60, through=say(HOME), outside=say(HOME)).stop for _ in range(60))


@each_open
def test_an_address_that_is_shown_since_they_were_asked_weighs_more_until_they_are_asked_again(
    protection: Protection,
) -> None:
    """Their answers were on the way when the client was told."""
    guard = running(protection)
    guard.see(1, client=at(OTHER_EXIT))
    verdict = guard.see(3, through=say(HOME), outside=say(HOME), took=3.5)
    assert (verdict.stop, verdict.ask) == (False, True)
    assert verdict.ask_after is not None
    assert not guard.see(3, through=say(OTHER_EXIT), outside=say(HOME)).stop
    guard.see(HALF_AN_HOUR)
    assert guard.see(1, through=say(HOME)).state is LEAKING


@each_open
def test_they_say_so_again_after_the_client_showed_another_address(protection: Protection) -> None:
    guard = running(protection)
    guard.see(1, client=at(OTHER_EXIT))
    assert not guard.see(3, through=say(HOME), outside=say(HOME), took=3.5).stop
    assert guard.see(5, through=say(HOME)).state is LEAKING


@each_open
def test_a_client_that_was_told_anew_after_its_restart_weighs_more(protection: Protection) -> None:
    guard = running(protection)
    guard.watch(3, client=UNTOLD)
    guard.see(1, client=at(EXIT))
    assert not guard.see(3, through=say(HOME), outside=say(HOME), took=3.5).stop


@pytest.mark.parametrize("tunnel", [MOVED, REFUSED], ids=["Gluetun says so", "Gluetun refuses to tell"])
@pytest.mark.parametrize("shown", [EXIT, OTHER_EXIT], ids=["the old end", "the new end"])
def test_the_vpn_changed_its_server(tunnel: Any, shown: str) -> None:
    """And is cut before anybody was asked there, or after."""
    for asked in ({"outside": say(HOME)}, {"through": say(OTHER_EXIT), "outside": say(HOME)}):
        guard = running(OPEN)
        guard.see(1, tunnel=tunnel, client=at(shown))
        guard.see(5, **asked)
        assert not guard.watch(90).stop
        guard.see(HALF_AN_HOUR)
        verdict = guard.see(1, through=say(HOME), outside=say(HOME))
        assert (verdict.state, verdict.proof) == (LEAKING, Proof.EXIT), (asked, verdict)


@each_open
@pytest.mark.parametrize("away", [SILENT, UNTOLD], ids=["silent", "it shows nothing yet"])
def test_a_client_that_is_restarted_after_the_cut(protection: Protection, away: Any) -> None:
    guard = running(protection)
    guard.see(1, client=away)
    guard.see(20)
    guard.see(1, through=say(HOME), outside=say(HOME))
    assert guard.see(1).state is LEAKING


@each_open
def test_home_assistant_is_restarted_after_the_cut(protection: Protection) -> None:
    guard = running(protection)
    guard.restart()
    assert not guard.see(20).stop
    assert guard.see(1, through=say(HOME), outside=say(HOME)).state is LEAKING


@each_open
def test_what_was_seen_together_long_ago_proves_nothing(protection: Protection) -> None:
    guard = running(protection)
    guard.restart()
    guard.now += timedelta(days=8)
    guard.restart()
    guard.see()
    assert not any(guard.see(60, through=say(HOME), outside=say(HOME)).stop for _ in range(60))


def test_nobody_knows_where_home_is() -> None:
    guard = Guard(UNTOLD_OF, settings=bound(""))
    guard.watch(30, through=say(EXIT))
    assert not any(guard.see(60, through=say(HOME)).stop for _ in range(60))


def test_home_assistant_goes_out_through_the_tunnel_itself() -> None:
    guard = Guard(UNTOLD_OF, settings=bound(""))
    guard.watch(30, through=say(EXIT), outside=say(EXIT))
    for end in (OTHER_EXIT, STRANGE):
        assert not any(guard.see(60, through=say(end), outside=say(end)).stop for _ in range(60))
        assert not any(guard.see(60, client=at(end)).stop for _ in range(60))


@each_open
def test_by_ipv6(protection: Protection) -> None:
    both = say(EXIT_V6, "five", "six")
    guard = running(protection, client=at(EXIT, EXIT_V6))
    guard.see(1, through=both, outside=say(HOME_V6, "five", "six"))
    guard.see(12, through=both, outside=say(HOME_V6, "five", "six"))
    guard.see(HALF_AN_HOUR)
    verdict = guard.see(1, through=say(HOME_V6_LATER, "five", "six"))
    assert (verdict.state, verdict.proof) == (LEAKING, Proof.EXIT)
    assert verdict.reasons[0].parameters["version"] == 6


@each_open
def test_a_person_may_say_that_it_is_right(protection: Protection) -> None:
    guard = running(protection)
    assert guard.see(1, through=say(HOME)).stop
    guard.forgive()
    assert not guard.watch(TRIAL - 2).stop
    assert guard.watch(4).state is LEAKING


# --- the line has another address, too -------------------------------------------------------------------------------


@each_open
@pytest.mark.parametrize("shown", [EXIT, NEW_HOME], ids=["it shows the tunnel's end", "it shows the new address"])
def test_the_line_got_another_address_when_the_tunnel_was_cut(protection: Protection, shown: str) -> None:
    """That, or Home Assistant goes out through the tunnel now, which ends at a new place: nobody can tell."""
    guard = running(protection)
    guard.see(1, client=at(shown), through=say(NEW_HOME), outside=say(NEW_HOME))
    verdict = guard.watch(14)
    assert (verdict.state, verdict.stop, verdict.ask) == (DOUBTFUL, True, True), verdict
    assert verdict.reasons[0].key == "guard.vpn_ends_with_us"
    assert all(guard.see(60).stop for _ in range(240)), "that all fall silent makes it no better"
    guard.restart()
    assert all(guard.see(10).stop for _ in range(20))
    guard.see(1, client=at(EXIT), through=say(OTHER_EXIT), outside=say(NEW_HOME))
    assert not guard.watch(100).stop


@each_open
def test_and_services_tell_so_of_the_line_a_moment_later(protection: Protection) -> None:
    """They were asked for both at once, and it took them longer."""
    guard = running(protection)
    assert not guard.see(1, through=say(NEW_HOME)).stop
    guard.see(3, outside=say(NEW_HOME), took=3)
    assert guard.watch(14).state is DOUBTFUL


@each_open
def test_the_line_got_another_address_and_the_tunnel_is_as_before(protection: Protection) -> None:
    guard = running(protection)
    for _ in range(3):
        guard.see(1, through=say(EXIT), outside=say(NEW_HOME))
        assert not any(guard.see(60).stop for _ in range(29))


@each_open
def test_home_assistant_begins_to_go_out_through_the_tunnel(protection: Protection) -> None:
    """Where it is known to end nobody has to doubt."""
    guard = running(protection)
    for _ in range(3):
        guard.see(1, through=say(EXIT), outside=say(EXIT))
        assert not any(guard.see(60).stop for _ in range(29))


# --- opening again ---------------------------------------------------------------------------------------------------


def cut(protection: Protection) -> Guard:
    """Return a guard that was stopped while its client shows the tunnel's end."""
    guard = running(protection)
    guard.see(1, through=say(HOME), outside=say(HOME))
    assert guard.watch(30).stop
    return guard


@each_open
@pytest.mark.parametrize("end", [EXIT, OTHER_EXIT])
def test_it_opens_once_services_say_that_the_tunnel_ends_elsewhere(protection: Protection, end: str) -> None:
    guard = cut(protection)
    guard.see(1, through=say(end), outside=say(HOME))
    assert guard.watch(CALM - 2).stop
    assert not guard.watch(POLICY.patience.total_seconds() + CALM).stop


HOLD: dict[str, Callable[[Guard], Any]] = {
    "nobody says anything any more": lambda _: None,
    "Home Assistant is restarted, and nobody says anything": lambda guard: guard.restart(),
    "one says that it ends elsewhere, and the others still so": lambda guard: guard.see(
        1, through=say(HOME) | say(EXIT, "three")
    ),
    "the client is restarted and shows nothing": lambda guard: guard.see(1, client=UNTOLD),
    "the line is asked, and all is well there": lambda guard: guard.see(1, outside=say(HOME)),
}


@each_open
@pytest.mark.parametrize("then", HOLD.values(), ids=HOLD)
def test_what_opens_nothing(protection: Protection, then: Callable[[Guard], Any]) -> None:
    """What the client and Gluetun have said all along is no news."""
    guard = cut(protection)
    then(guard)
    for _ in range(240):
        verdict = guard.see(60)
        assert verdict.stop, (guard.now, verdict)


@each_open
def test_it_opens_when_the_client_shows_another_address_that_is_not_ours(protection: Protection) -> None:
    guard = cut(protection)
    guard.watch(3600, every=60)
    guard.see(1, client=at(OTHER_EXIT), outside=say(HOME))
    guard.see(1, outside=say(HOME))
    assert not guard.watch(POLICY.patience.total_seconds() + CALM + 2).stop


def test_it_opens_when_gluetun_has_connected_anew() -> None:
    guard = cut(OPEN)
    guard.watch(3600, every=60)
    guard.watch(POLICY.repeat.total_seconds(), tunnel=MOVED, every=10)
    assert not guard.watch(POLICY.patience.total_seconds() + CALM + 2).stop


@each_open
def test_a_client_that_is_told_of_home_when_it_was_stopped_runs_again_after_the_cure(protection: Protection) -> None:
    """Trackers hear that it stops, and some say from where: nobody tells it anything after that."""
    guard = cut(protection)
    verdict = guard.watch(30, client=at(HOME))
    assert (verdict.state, verdict.proof) == (LEAKING, Proof.ADDRESS)
    guard.see(1, through=say(HOME), outside=say(HOME))
    assert guard.watch(120).stop
    guard.see(1, through=say(EXIT), outside=say(HOME))
    assert guard.watch(CALM - 2).stop
    assert not guard.watch(POLICY.patience.total_seconds() + 4).stop
    assert not guard.watch(TRIAL, client=at(EXIT)).stop
    assert guard.see(1, client=at(HOME)).state is LEAKING


@each_open
@pytest.mark.parametrize("said", LIES.values(), ids=LIES)
def test_a_tunnel_that_is_cut_again_right_after_the_cure(protection: Protection, said: dict[str, str]) -> None:
    guard = cut(protection)
    guard.watch(30, client=at(HOME))
    guard.see(1, through=say(EXIT), outside=say(HOME))
    assert not guard.watch(CALM + 10).stop
    assert guard.see(1, through=said, outside=say(HOME)).state is LEAKING


@each_open
def test_a_cure_that_cures_nothing(protection: Protection) -> None:
    guard = cut(protection)
    guard.watch(30, client=at(HOME))
    guard.see(1, through=say(EXIT), outside=say(HOME))
    assert not guard.watch(CALM + 10).stop
    verdict = guard.watch(TRIAL)
    assert (verdict.state, verdict.stop, verdict.proof) == (LEAKING, True, Proof.ADDRESS)
    guard.see(1, through=say(EXIT), outside=say(HOME))
    assert all(guard.see(10).stop for _ in range(360))


@each_open
def test_one_that_went_home_alone_is_not_cured_by_a_tunnel_that_never_did(protection: Protection) -> None:
    guard = running(protection)
    guard.watch(30, client=at(HOME))
    guard.see(1, through=say(EXIT), outside=say(HOME))
    assert all(guard.see(10).stop for _ in range(360))


def test_what_is_stored_outlives_a_restart() -> None:
    guard = cut(UNTOLD_OF)
    stored = guard.memory.as_json()
    assert VpnMemory.from_json(stored, guard.now).as_json() == stored
    del stored["along_at"]
    assert VpnMemory.from_json(stored, guard.now).along_at is None  # by an older version
