"""Where what goes through the tunnel comes out: at home, where we are, or elsewhere.

The client's word counts for the time at which it came: it may go on to show where a tunnel ended that is gone. Two
services that were asked at once, and since then, and that are told our own address, weigh more: whatever else is said
of the tunnel is older than that. They do so only where the proxy stands for the client.

Where the line has just got another address, the tunnel may seem to end where we are, at a place that nobody knows. That
may also be Home Assistant going out through the tunnel since then: it is doubtful, and not proven.
"""

from collections.abc import Iterator

from .addresses import Opinion, Place, home_at
from .vpn_case import IP_VERSIONS, Case
from .vpn_types import Shown


def exits_at_home(case: Case) -> Iterator[int]:
    """Yield by which version of the internet protocol what goes through the tunnel comes out at home."""
    if case.memory.connected is False:
        return
    for version in IP_VERSIONS:
        if any(_is_home(case, end) for end in _ends(case, version)):
            yield version


def _ends(case: Case, version: int) -> Iterator[Place]:
    """Yield where the tunnel ends, unless what the client shows weighs more."""
    end, latest = case.end(version), case.end_at_once(version)
    if end is not None and end.agreed and _shown_instead(case, end) is None:
        yield end.place
    if latest is None or not case.proxy_stands_for_client:
        return
    instead = _shown_instead(case, latest)
    if instead is None or (latest.asked_at > instead.since and not instead.is_forgiven(case.now)):
        yield latest.place


def _shown_instead(case: Case, end: Opinion) -> Shown | None:
    """Return what the client shows, if that is another address."""
    shown = case.shown.get(end.place.version)
    return shown if shown is not None and shown.place != end.place else None


def _is_home(case: Case, place: Place) -> bool:
    home = home_at(case.memory.homes, place)
    return home is not None and home.distinct


def one_says_home(case: Case) -> bool:
    """Tell whether any service says that the tunnel ends at home: it is worth asking all of them again."""
    return case.proxy_stands_for_client and any(_is_home(case, end) for end in case.ends_said())


def comes_out_with_us(case: Case) -> bool:
    """Tell whether the tunnel ends where we are, and nobody can tell which of the two has moved.

    What was closed for that stays so until somebody says that it ends elsewhere.
    """
    closed = case.memory.closed
    if case.doubtful and closed is not None and closed.came_out_here:
        return not ends_elsewhere(case)
    return case.proxy_stands_for_client and any(_is_unknown_end(case, version) for version in IP_VERSIONS)


def _is_unknown_end(case: Case, version: int) -> bool:
    """Tell whether services see us where they see the tunnel end, at a place that is nobody's as far as is known."""
    memory, end, ours = case.memory, case.end_at_once(version), case.ours_at_once(version)
    if end is None or ours is None or end.place != ours.place:
        return False
    if home_at(memory.homes, end.place) is not None or any(each.place == end.place for each in memory.elsewhere):
        return False
    homes = (home for home in memory.homes if home.place.version == version)
    return any(home.distinct and case.now - home.confirmed_at <= case.policy.doubt_lasts for home in homes)


def ends_elsewhere(case: Case) -> bool:
    """Tell whether it was said since the guard has closed that the tunnel ends elsewhere.

    What was said all along is no news: it takes services, or a tunnel that was connected anew, or the client by another
    address than it showed then.
    """
    memory, since = case.memory, case.memory.since
    if since is None:
        return False
    connected_anew = memory.tunnel_since is not None and memory.tunnel_since > since
    said = ((case.end if connected_anew else case.end_by_services)(version) for version in IP_VERSIONS)
    ends = [end for end in said if end is not None and end.agreed and end.asked_at > since]
    if ends:
        return not any(_may_be_ours(case, end.place) for end in ends)
    shown = memory.shown.values()
    return bool(shown) and all(each.is_new_since(since) and memory.is_foreign(each.place) for each in shown)


def _may_be_ours(case: Case, end: Place) -> bool:
    ours = case.ours_at_once(end.version)
    return home_at(case.memory.homes, end) is not None or (ours is not None and ours.place == end)
