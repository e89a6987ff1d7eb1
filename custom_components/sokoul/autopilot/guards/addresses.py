"""Where addresses are: which is our home, and which is the tunnel's other end.

One service that says where we come from proves nothing: it may be wrong, answer from a cache, or be somebody's login
page. An address is *agreed* on when more services say it than say any other, and at least two do; where only one
answers at all, when it keeps saying the same. What merely *leads* is enough to doubt, not to accuse. An agreement is as
old as the second newest of those that make it: one that lies now, and another's word from before, are none.

IPv6 addresses are compared by their /64: what is in one is in one network, and the rest of the address changes daily.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from .evidence import Said, Seen

#: An IPv4 address (as a /32), or the /64 of an IPv6 address.
type Place = IPv4Network | IPv6Network


@lru_cache(maxsize=256)
def place_of(address: str) -> Place | None:
    """Return where an address is; None for what is no address, or none that anybody can come from."""
    try:
        found = ip_address(address.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_unspecified or found.is_loopback or found.is_link_local or found.is_multicast:
        return None
    return IPv4Network(found) if found.version == 4 else IPv6Network((found, 64), strict=False)  # noqa: PLR2004 -- of IP


def place_from(stored: str) -> Place:
    """Return a place that was stored as text. Raises `ValueError` when it is none."""
    return ip_network(stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a service said without a break. `asked_at` is when its newest answer was asked for."""

    place: Place
    since: datetime
    until: datetime
    asked_at: datetime


#: By service and version of the internet protocol.
type Voices = Mapping[tuple[str, int], Run]


def listen(voices: Voices, answers: Iterable[Seen[Said]], not_before: datetime | None = None) -> Voices:
    """Return the voices after these answers. What was asked `not_before` is about something that is over."""
    heard = dict(voices)
    for answer in answers:
        place = place_of(answer.value.address)
        if place is None or (not_before is not None and answer.asked_at < not_before):
            continue
        key = (answer.value.service, place.version)
        before = heard.get(key)
        if before is not None and before.until == answer.at:
            continue
        since = before.since if before is not None and before.place == place else answer.at
        heard[key] = Run(place=place, since=since, until=answer.at, asked_at=answer.asked_at)
    return heard if heard != voices else voices


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What most services say of one version of the protocol."""

    place: Place
    agreed: bool  # enough to accuse
    asked_at: datetime  # of the newest answer; where several agree, of the one before it


def opinion(voices: Voices, version: int, now: datetime, *, lasts: timedelta, repeat: timedelta) -> Opinion | None:
    """Return it; None when nobody said anything for as long as an answer `lasts`, or as many say this as that."""
    most = _most(_heard(voices, version, now, lasts))
    if len(most) > 1:
        return _agreed(most)
    if not most:
        return None
    (alone,) = most
    steady = alone.until - alone.since >= repeat and not _contradicted(voices, version, alone.place, now)
    return Opinion(place=alone.place, agreed=steady, asked_at=alone.asked_at)


def _heard(voices: Voices, version: int, now: datetime, lasts: timedelta) -> list[Run]:
    return [run for (_, spoken), run in voices.items() if spoken == version and abs(now - run.until) <= lasts]


def _most(runs: Sequence[Run]) -> list[Run]:
    """Return those that say what more of them say than anything else; none where there is no such thing."""
    ranking = Counter(run.place for run in runs).most_common(2)
    if not ranking or (len(ranking) > 1 and ranking[0][1] == ranking[1][1]):
        return []
    return [run for run in runs if run.place == ranking[0][0]]


def _agreed(runs: Sequence[Run]) -> Opinion:
    """Return what several say alike."""
    return Opinion(place=runs[0].place, agreed=True, asked_at=sorted(run.asked_at for run in runs)[-2])


def _contradicted(voices: Voices, version: int, place: Place, now: datetime) -> bool:
    """Tell whether another service said otherwise when it was last asked: they are asked in turns, and seldom."""
    return any(run.place != place for run in _heard(voices, version, now, _EACH_WAS_ASKED))


#: Within so long each service that answers was asked.
_EACH_WAS_ASKED = timedelta(hours=3)


def agreement(voices: Voices, version: int, now: datetime, *, lasts: timedelta) -> Opinion | None:
    """Return what the newest answers agree on: at least two of those that were asked for at once, and most of them."""
    runs = _heard(voices, version, now, lasts)
    newest = max((run.asked_at for run in runs), default=now)
    most = _most([run for run in runs if newest - run.asked_at <= AT_ONCE])
    return _agreed(most) if len(most) > 1 else None


#: The services are asked at once, and not again for five seconds.
AT_ONCE = timedelta(seconds=2)


def disagree(voices: Voices, version: int, now: datetime, lasts: timedelta) -> bool:
    """Tell whether services say different things, and none of them is said by more than the others."""
    runs = _heard(voices, version, now, lasts)
    return bool(runs) and not _most(runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A place that is ours, and that nobody may see a protected client at.

    `distinct`: the tunnel's end was seen to be elsewhere at the same time. Otherwise it could be that Home Assistant
    itself goes out through the tunnel.
    """

    place: Place
    confirmed_at: datetime
    distinct: bool = False


#: An address that was ours stays a proof for so long; so many are kept, the newest first.
HOME_LASTS = timedelta(days=30)
MOST_HOMES = 8


def keep(homes: Iterable[Home], now: datetime) -> tuple[Home, ...]:
    """Return those of the homes that still count."""
    recent = [home for home in homes if now - home.confirmed_at <= HOME_LASTS]
    return tuple(sorted(recent, key=lambda home: home.confirmed_at, reverse=True)[:MOST_HOMES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A place that is known not to be ours: the tunnel ended there, or it was seen there while we were elsewhere."""

    place: Place
    known_at: datetime


#: A client goes on to show a place for hours after a reconnect, and a provider comes back to it for days.
ELSEWHERE_LASTS = timedelta(days=7)
MOST_ELSEWHERE = 16


def keep_elsewhere(places: Iterable[Elsewhere], now: datetime) -> tuple[Elsewhere, ...]:
    """Return those that still count."""
    recent = [each for each in places if now - each.known_at <= ELSEWHERE_LASTS]
    return tuple(sorted(recent, key=lambda each: each.known_at, reverse=True)[:MOST_ELSEWHERE])


def home_at(homes: Iterable[Home], place: Place | None) -> Home | None:
    """Return the home that is there."""
    return next((home for home in homes if home.place == place), None)
