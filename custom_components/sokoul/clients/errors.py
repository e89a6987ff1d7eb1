"""Everything that can go wrong when talking to a backend.

A client raises nothing else. The classes say what a person or a caller can do about it, not which library failed.
"""

from datetime import timedelta
from enum import StrEnum


class Silence(StrEnum):
    """Why nobody answered: each value has its own advice in the forms and findings."""

    UNKNOWN_HOST = "unknown_host"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    CUT_OFF = "cut_off"
    UNREACHABLE = "unreachable"


class BackendError(Exception):
    """A backend could not do what was asked. The message is safe to show: it holds no secret."""

    #: the backend's own number for what is wrong, where it has any (Real-Debrid's `error_code`)
    code: int | None = None


class CannotConnect(BackendError):  # noqa: N818 -- these are named for what happened
    """Nobody answered: refused, unreachable, name unknown, TLS failed or too slow."""

    def __init__(self, message: str, *, silence: Silence = Silence.UNREACHABLE) -> None:
        super().__init__(message)
        self.silence = silence


class InvalidAuth(BackendError):  # noqa: N818
    """The key, user name or password was refused."""


class Banned(InvalidAuth):
    """The backend refuses this address for a while after too many failed logins: trying again makes it worse."""


class RateLimited(BackendError):  # noqa: N818
    """The backend asks to be left alone for a while."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status  # None: nothing was sent, as it had asked for that before


class UnexpectedResponse(BackendError):  # noqa: N818
    """An answer came, but not one of this API: bad JSON, cut off, too large, missing fields, a server error."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NotTheApi(UnexpectedResponse):
    """A web page (or a redirect to one) came instead of the API: a proxy's login page, or a missing URL base."""


class WrongApplication(UnexpectedResponse):
    """A relative answered: Sonarr at the address that was given for Radarr."""

    def __init__(self, message: str, *, found: str) -> None:
        super().__init__(message)
        self.found = found  # its name, as it calls itself


class NotFound(BackendError):  # noqa: N818
    """What was asked for is not there (any more)."""


class Refused(BackendError):  # noqa: N818
    """The backend understood and said no: a conflict or an invalid value."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
