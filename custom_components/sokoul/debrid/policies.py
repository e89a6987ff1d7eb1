"""What is wrong at Real-Debrid, and what is to be done about it: one table for states, one for refusals.

There is no such thing as "failed, so try again". A limit or an outage says nothing of a torrent: it waits, and nothing
is counted against it. A torrent that ended badly is added again, a few times and hours apart. What Real-Debrid will
never serve is given up, once that is certain: while it throttles an account, it calls files infringing that are not.

Source: the error codes of api.real-debrid.com, REST 1.0, and what its users report of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..model.debrid import DebridCode, DebridStatus


class Course(StrEnum):
    """What is to be done."""

    LEAVE = "leave"  # all is well, or it is none of our business
    DONE = "done"  # what was asked for had been done already
    WAIT = "wait"  # with this torrent; it is asked again later, and nothing is counted against it
    WAIT_FOR_SLOT = "wait_for_slot"  # too many are active: nothing is added for a while
    WAIT_FOR_ACCOUNT = "wait_for_account"  # nothing is asked of this account for a while
    FIND = "find"  # it may be in the account under another id: the list will tell
    SELECT = "select"  # its files
    READD = "readd"  # counted, and tried again up to so many times
    DELETE = "delete"  # and given up
    GIVE_UP = "give_up"  # for ever
    ASK = "ask"  # a person has to see to the account, or to SOKOUL


class Request(StrEnum):
    """What was asked when it was refused: the same code can mean another thing."""

    LIST = "list"
    ADD = "add"
    DETAILS = "details"
    SELECT = "select"
    DELETE = "delete"
    LINK = "link"  # a link was to be unrestricted


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One line of the tables.

    `after`: for a state, how long it has to last; for a refusal, how long to wait. `longest`: the wait doubles with
    each refusal in a row, up to this; None where it does not.
    """

    course: Course
    after: timedelta = timedelta()
    longest: timedelta | None = None

    def wait(self, times: int) -> timedelta:
        """Return how long to wait after so many refusals in a row (from 1)."""
        if self.longest is None:
            return self.after
        return min(self.after * float(1 << min(max(times, 1) - 1, 16)), self.longest)


def _minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def _hours(count: float) -> timedelta:
    return timedelta(hours=count)


_LEAVE = Policy(course=Course.LEAVE)
_GIVE_UP = Policy(course=Course.GIVE_UP)
_ASK = Policy(course=Course.ASK, after=_hours(1), longest=_hours(6))
_OUTAGE = Policy(course=Course.WAIT_FOR_ACCOUNT, after=_minutes(1), longest=_minutes(30))
_FIND = Policy(course=Course.FIND, after=_minutes(1), longest=_hours(1))
_HOSTER = Policy(course=Course.WAIT, after=_hours(1), longest=_hours(12))

#: By state. Where nothing moves, `after` counts from the last progress.
STATES: Mapping[DebridStatus, Policy] = {
    # nobody has sent its metadata: with luck another time
    DebridStatus.MAGNET_CONVERSION: Policy(course=Course.READD, after=_hours(6)),
    # whoever added it has had time to select; without a selection it stays so for ever
    DebridStatus.WAITING_FILES_SELECTION: Policy(course=Course.SELECT, after=_minutes(5)),
    DebridStatus.QUEUED: _LEAVE,  # behind others: adding it again would queue it twice
    DebridStatus.DOWNLOADING: _LEAVE,  # a swarm may come back, and a second entry would have the same one
    # Real-Debrid's own work, which takes minutes: it got stuck
    DebridStatus.COMPRESSING: Policy(course=Course.READD, after=_hours(12)),
    DebridStatus.UPLOADING: Policy(course=Course.READD, after=_hours(12)),
    DebridStatus.DOWNLOADED: _LEAVE,
    DebridStatus.MAGNET_ERROR: Policy(course=Course.READD),
    DebridStatus.ERROR: Policy(course=Course.READD),
    DebridStatus.DEAD: Policy(course=Course.READD),
    DebridStatus.VIRUS: Policy(course=Course.DELETE),
    DebridStatus.UNKNOWN: _LEAVE,
}

#: By error code, whatever was asked.
CODES: Mapping[DebridCode, Policy] = {
    DebridCode.INTERNAL_ERROR: _OUTAGE,
    DebridCode.MISSING_PARAMETER: _ASK,  # we asked wrongly
    DebridCode.BAD_PARAMETER_VALUE: _ASK,
    DebridCode.UNKNOWN_METHOD: _ASK,  # the API has changed
    DebridCode.METHOD_NOT_ALLOWED: _ASK,
    DebridCode.SLOW_DOWN: Policy(course=Course.WAIT_FOR_ACCOUNT, after=_minutes(1), longest=_hours(1)),
    DebridCode.RESOURCE_UNREACHABLE: _OUTAGE,
    DebridCode.RESOURCE_NOT_FOUND: _FIND,
    DebridCode.BAD_TOKEN: _ASK,
    DebridCode.PERMISSION_DENIED: _ASK,
    DebridCode.TWO_FACTOR_NEEDED: _ASK,
    DebridCode.TWO_FACTOR_PENDING: _ASK,
    DebridCode.INVALID_LOGIN: _ASK,
    DebridCode.INVALID_PASSWORD: _ASK,
    DebridCode.ACCOUNT_LOCKED: _ASK,
    DebridCode.ACCOUNT_NOT_ACTIVATED: _ASK,
    DebridCode.UNSUPPORTED_HOSTER: _HOSTER,
    DebridCode.HOSTER_IN_MAINTENANCE: _HOSTER,
    DebridCode.HOSTER_LIMIT_REACHED: _HOSTER,
    DebridCode.HOSTER_UNAVAILABLE: _HOSTER,
    DebridCode.HOSTER_NOT_FOR_FREE_USERS: _ASK,
    DebridCode.TOO_MANY_ACTIVE_DOWNLOADS: Policy(course=Course.WAIT_FOR_SLOT, after=_minutes(10), longest=_hours(1)),
    DebridCode.IP_ADDRESS_NOT_ALLOWED: _ASK,
    # begins anew once a day: what can't be read until then is not broken
    DebridCode.TRAFFIC_EXHAUSTED: Policy(course=Course.WAIT_FOR_ACCOUNT, after=_hours(1), longest=_hours(6)),
    DebridCode.FILE_UNAVAILABLE: _GIVE_UP,
    DebridCode.SERVICE_UNAVAILABLE: _OUTAGE,
    DebridCode.UPLOAD_TOO_BIG: _GIVE_UP,
    DebridCode.UPLOAD_ERROR: Policy(course=Course.WAIT, after=_minutes(10), longest=_hours(3)),
    DebridCode.FILE_NOT_ALLOWED: _GIVE_UP,
    DebridCode.TORRENT_TOO_BIG: _GIVE_UP,
    DebridCode.TORRENT_FILE_INVALID: _GIVE_UP,
    DebridCode.ACTION_ALREADY_DONE: Policy(course=Course.DONE),
    DebridCode.IMAGE_RESOLUTION_ERROR: _ASK,
    DebridCode.TORRENT_ALREADY_ACTIVE: _FIND,
    DebridCode.TOO_MANY_REQUESTS: Policy(course=Course.WAIT_FOR_ACCOUNT, after=_minutes(1), longest=_hours(1)),
    DebridCode.INFRINGING_FILE: _GIVE_UP,
    DebridCode.FAIR_USAGE_LIMIT: Policy(course=Course.WAIT_FOR_ACCOUNT, after=_hours(1), longest=_hours(12)),
    DebridCode.DISABLED_ENDPOINT: _ASK,
}

#: What is given up for ever, by the names that Real-Debrid gives it.
NEVER_SERVED = frozenset(code.name.lower() for code, policy in CODES.items() if policy.course is Course.GIVE_UP)

#: Where it depends on what was asked.
EXCEPTIONS: Mapping[tuple[Request, DebridCode], Policy] = {
    (Request.DELETE, DebridCode.RESOURCE_NOT_FOUND): Policy(course=Course.DONE),
    # the hoster has lost the file: the torrent may still be had
    (Request.LINK, DebridCode.RESOURCE_NOT_FOUND): Policy(course=Course.READD),
    (Request.LINK, DebridCode.FILE_UNAVAILABLE): Policy(course=Course.READD),
}

#: After these it is not known whether it was carried out all the same; neither is it without any code.
UNCERTAIN = frozenset(
    {
        DebridCode.INTERNAL_ERROR,
        DebridCode.RESOURCE_UNREACHABLE,
        DebridCode.SERVICE_UNAVAILABLE,
        DebridCode.UPLOAD_ERROR,
    }
)

#: No code came: nobody answered, the answer was cut off, or something between us and Real-Debrid spoke.
NO_ANSWER = _OUTAGE

#: For so long after throttling Real-Debrid may call a file infringing by mistake. It is reported for half a minute; our
#: own pause after throttling is longer than that, and asking again costs one request.
MISTAKES_LAST = timedelta(minutes=2)
#: What it said then is asked again after this time.
ASK_AGAIN = timedelta(minutes=10)

#: Times of Real-Debrid may be of its own zone, hours ahead of us. What lies further ahead was noted by a clock that was
#: wrong.
AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be done about a refusal. `wait`: how long nothing is done before."""

    course: Course
    wait: timedelta = timedelta()


def on_refusal(
    code: DebridCode | None,
    request: Request,
    *,
    times: int = 1,
    now: datetime,
    throttled_at: datetime | None = None,
    retry_after: timedelta | None = None,
) -> Answer:
    """Tell what a refusal calls for, after so many in a row. None: there was no answer, or one without a code.

    `throttled_at` is when Real-Debrid last throttled the account, `retry_after` what it asked for itself.
    """
    policy = NO_ANSWER if code is None else EXCEPTIONS.get((request, code), CODES[code])
    if code is DebridCode.INFRINGING_FILE and throttled_at is not None and now - throttled_at <= MISTAKES_LAST:
        return Answer(course=Course.WAIT, wait=ASK_AGAIN)
    return Answer(course=policy.course, wait=max(policy.wait(times), retry_after or timedelta()))


def on_state(status: DebridStatus, *, unchanged_since: datetime, now: datetime) -> tuple[Course, datetime | None]:
    """Tell what a torrent's state calls for now, and when to ask again (None: not before it changes).

    `unchanged_since`: its state and its progress have been seen as they are since then; a moment that can't be right
    counts as long ago.
    """
    policy = STATES[status]
    if policy.course is Course.LEAVE:
        return Course.LEAVE, None
    due = unchanged_since + policy.after
    at_once = not policy.after or unchanged_since - now > AHEAD
    return (policy.course, None) if at_once or due <= now else (Course.WAIT, due)
