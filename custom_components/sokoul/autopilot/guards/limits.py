"""How a limit of ours and a person's own live together in a download client.

A client has one place for each limit, so ours is written over the person's, which is remembered until it is back. The
person's is never raised, and what they change meanwhile is theirs from then on: it is what counts, and what comes back.

qBittorrent has two sets of limits, of which one is in force; its own schedule may change which. Ours is put into the
set in force, and taken out of the other. Each limit is judged by itself.

What is remembered has to be stored before it is written to the client: everything may end in between. So there is
never just one value that may be found there, but several: the person's own, and what the client was told since it was
last seen to have followed. Any other value is a change made by hand. (One to exactly what we told can't be told apart,
and one made between a look and the write that follows it is lost: the client has no way to tell.)

That the person's own value is there proves nothing before the client was told to take it: a write that we gave up
may still arrive. So it is always told, and forgotten only when it was seen to have followed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

#: In bytes per second: no limit.
NONE = 0

_KIB = 1024
#: qBittorrent reads limits as 32-bit numbers; a greater one becomes no limit at all (seen in 4.5 and 5.3).
_HIGHEST = 2**31 - _KIB

#: What people type is in megabytes per second, and at most so many.
MEGABYTE = 1_000_000
HIGHEST_MEGABYTES = 2000


class Slot(StrEnum):
    """The places that a client has for a limit."""

    DOWNLOAD = "download"
    UPLOAD = "upload"
    ALTERNATIVE_DOWNLOAD = "alternative_download"
    ALTERNATIVE_UPLOAD = "alternative_upload"

    @property
    def alternative(self) -> bool:
        """Whether it belongs to the alternative limits."""
        return self in _ALTERNATIVE

    @property
    def download(self) -> bool:
        """Whether it limits downloads, rather than uploads."""
        return self in _DOWNLOAD


_ALTERNATIVE = frozenset({Slot.ALTERNATIVE_DOWNLOAD, Slot.ALTERNATIVE_UPLOAD})
_DOWNLOAD = frozenset({Slot.DOWNLOAD, Slot.ALTERNATIVE_DOWNLOAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The most that may be transferred, in bytes per second; 0 is no limit."""

    download: int = NONE
    upload: int = NONE

    def strictest(self, other: Rates) -> Rates:
        """Return the lower of both limits each way."""
        return Rates(download=strictest(self.download, other.download), upload=strictest(self.upload, other.upload))


#: Wanted of a client, it lets go of all that was.
UNLIMITED = Rates()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What a client says of its limits now: read after the last write to it was answered, or given up.

    A slot that is missing is not known, and is left alone.
    """

    values: Mapping[Slot, int]
    alternative: bool = False  # which set is in force


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A limit that we wrote, or are about to write, over a person's own."""

    own: int  # the person's
    told: tuple[int, ...]  # what the client was told since it was last seen to have followed; the last is what counts

    def telling(self, limit: int) -> Override:
        """Return it with a limit that the client is about to be told."""
        return replace(self, told=(*(each for each in self.told if each != limit), limit))


#: What is remembered of one client; empty while everything in it is the person's own.
type Overrides = Mapping[Slot, Override]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to remember, and then what to write.

    `remember` must be stored before anything of `write` is sent. What is in `write` is sent as it is, slot by slot or
    at once, and to the very slot that is named: which set is in force may have changed since.
    """

    remember: Overrides
    write: Mapping[Slot, int]
    by_hand: frozenset[Slot]  # where we had a limit, and a person has changed it


def plan(remembered: Overrides, limits: ClientLimits, wanted: Rates) -> Plan:
    """Return what has to be done so that a client keeps to `wanted` wherever its person's own limit is not lower.

    To let go, want nothing (`UNLIMITED`), look again after the write, and go on until nothing is remembered.
    """
    remember: dict[Slot, Override] = {}
    write: dict[Slot, int] = {}
    by_hand: set[Slot] = set()
    for slot in Slot:
        known, value = remembered.get(slot), limits.values.get(slot)
        if value is None:
            if known is not None:
                remember[slot] = known
            continue
        if known is not None and not _is_ours(known, value):
            by_hand.add(slot)
            known = None
        known = known or Override(own=value, told=())
        target = strictest(known.own, rounded(_wanted(slot, limits, wanted)))
        if not same(value, target) or not same(known.told[-1] if known.told else value, target):
            remember[slot] = known.telling(target)
            write[slot] = target
        elif not same(value, known.own):
            remember[slot] = replace(known, told=(target,))  # it has followed
    return Plan(remember=remember, write=write, by_hand=frozenset(by_hand))


def dump(overrides: Overrides) -> dict[str, Any]:
    """Return what is remembered as JSON."""
    return {str(slot): {"own": override.own, "told": list(override.told)} for slot, override in overrides.items()}


def load(note: Mapping[str, Any] | None) -> Overrides:
    """Read it again. What this version has no slot for is left out.

    Raises `KeyError`, `TypeError` or `ValueError` when it is not what `dump` made.
    """
    return {
        slot: Override(own=int(note[slot]["own"]), told=tuple(int(value) for value in note[slot]["told"]))
        for slot in Slot
        if note and slot in note
    }


def strictest(one: int, other: int) -> int:
    """Return the lower of two limits, where 0 is none."""
    return min(one, other) if one and other else one or other


def rounded(limit: int) -> int:
    """Return a limit as qBittorrent keeps it: whole KiB per second, rounded down, but at least one."""
    return min(max(limit // _KIB * _KIB, _KIB), _HIGHEST) if limit > 0 else NONE


def same(one: int, other: int) -> bool:
    """Tell whether two limits are the same to a client that rounds them."""
    return rounded(one) == rounded(other)


def _wanted(slot: Slot, limits: ClientLimits, wanted: Rates) -> int:
    if slot.alternative is not limits.alternative:
        return NONE
    return wanted.download if slot.download else wanted.upload


def _is_ours(known: Override, value: int) -> bool:
    """Whether a value is one that may be there by our doing, or because our writing didn't come to pass."""
    return any(same(value, each) for each in (known.own, *known.told))
