"""What services say of where the tunnel ends, and what the client's own word weighs against that.

The client shows an address that somebody told it once. When the tunnel is gone it goes on to show where that ended,
perhaps for ever: who never talks to anybody new is told nothing. So its word counts for the time at which it came. Two
services that were asked at once, and since then, and that are told our own address, weigh more: whatever else is said
of the tunnel is older than that.

They do so only where they speak of the client's way: both were seen at one place lately that isn't ours. A proxy that
always came out at home, as one of another machine would, says nothing of the client. Nor does it of a client that has
no other way out than the tunnel.

Where the line has just got another address, the tunnel may seem to end where we are, at a place that nobody knows. That
may also be Home Assistant going out through the tunnel since then: it is doubtful, and not proven.
"""

from collections.abc import Iterator

from .addresses import Opinion, home_at
from .vpn_case import Case
from .vpn_learning import IP_VERSIONS, agreement_of, services


def exits_at_home(case: Case) -> Iterator[int]:
    """Yield by which version of the internet protocol what goes through the tunnel comes out at home."""
    if not case.protection.outside or case.memory.connected is False:
        return
    for version in IP_VERSIONS:
        theirs, agreed = case.inside(version), case.agreed(version)
        usual = theirs is not None and theirs.agreed and not _is_denied(case, version, theirs)
        if (usual and _is_home(case, theirs)) or (_is_home(case, agreed) and _outweighs(case, version, agreed)):
            yield version


def _is_home(case: Case, end: Opinion | None) -> bool:
    home = home_at(case.memory.homes, end.place) if end is not None else None
    return home is not None and home.distinct


def _is_denied(case: Case, version: int, end: Opinion) -> bool:
    """Tell whether the client shows that it is elsewhere."""
    shown = case.memory.shown.get(version)
    return case.client is not None and shown is not None and shown.place != end.place


def _outweighs(case: Case, version: int, agreed: Opinion | None) -> bool:
    """Tell whether what services agree on weighs more than what the client shows, if it shows anything."""
    if agreed is None or not _speaks_of_client(case):
        return False
    shown = case.memory.shown.get(version)
    if case.client is None or shown is None or shown.place == agreed.place:
        return True
    return agreed.asked_at > shown.since and not shown.is_forgiven(case.now)


def _speaks_of_client(case: Case) -> bool:
    return not case.contained and case.memory.goes_along(case.now)


def one_says_home(case: Case) -> bool:
    """Tell whether any service says that the tunnel ends at home: it is worth asking all of them again."""
    if not _speaks_of_client(case):
        return False
    runs = services(case.memory.inside).values()
    said = (run.place for run in runs if abs(case.now - run.until) <= case.policy.said_lasts)
    return any((home := home_at(case.memory.homes, place)) is not None and home.distinct for place in said)


def comes_out_with_us(case: Case) -> bool:
    """Tell whether the tunnel ends where we are, and nobody can tell which of the two has moved.

    What was closed for that stays so until somebody says that it ends elsewhere.
    """
    closed = case.memory.closed
    if case.doubtful and closed is not None and closed.came_out_here:
        return not ends_elsewhere(case)
    return _speaks_of_client(case) and any(_is_unknown_end(case, version) for version in IP_VERSIONS)


def _is_unknown_end(case: Case, version: int) -> bool:
    """Tell whether services see us where they see the tunnel end, at a place that is nobody's as far as is known."""
    end = case.agreed(version)
    ours = agreement_of(case.memory.outside, version, case.policy, case.now)
    if end is None or ours is None or end.place != ours.place:
        return False
    homes = [home for home in case.memory.homes if home.place.version == version]
    if home_at(homes, end.place) is not None or any(each.place == end.place for each in case.memory.elsewhere):
        return False
    return any(home.distinct and case.now - home.confirmed_at <= case.policy.doubt_lasts for home in homes)


def ends_elsewhere(case: Case) -> bool:
    """Tell whether it is said that the tunnel ends elsewhere, and by whom that is news since it is closed.

    Services have to say so, or a tunnel that was connected anew, or the client by an address that it didn't show then.
    """
    memory, since = case.memory, case.memory.since
    if since is None:
        return False
    is_new = memory.tunnel_since is not None and memory.tunnel_since > since
    said = ((case.inside if is_new else case.services)(version) for version in IP_VERSIONS)
    ends = [end for end in said if end is not None and end.agreed and end.asked_at > since]
    if ends:
        return not any(_is_ours(case, end) for end in ends)
    shown = memory.shown.values()
    return bool(shown) and all(each.moved and each.since > since and case.is_foreign(each) for each in shown)


def _is_ours(case: Case, end: Opinion) -> bool:
    if home_at(case.memory.homes, end.place) is not None:
        return True
    ours = agreement_of(case.memory.outside, end.place.version, case.policy, case.now)
    return ours is not None and ours.place == end.place
