"""One short name for each thing that can be wrong with a connection: the key of its texts everywhere."""

from .clients.errors import (
    BackendError,
    Banned,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    Silence,
    WrongApplication,
)

_SILENCES = {
    Silence.UNKNOWN_HOST: "unknown_host",
    Silence.REFUSED: "refused",
    Silence.TLS: "tls",
    Silence.TIMEOUT: "timeout",
}

#: Every name that `problem_of` can return; each has its texts in both languages.
PROBLEMS = (
    *_SILENCES.values(),
    "no_answer",
    "banned",
    "invalid_auth",
    "not_the_api",
    "wrong_application",
    "not_found",
    "rate_limited",
    "rejected",
    "unexpected_response",
)


def problem_of(error: BackendError) -> str:
    """Name what is wrong."""
    match error:
        case CannotConnect(silence=silence):
            return _SILENCES.get(silence, "no_answer")
        case Banned():
            return "banned"
        case InvalidAuth():
            return "invalid_auth"
        case WrongApplication():
            return "wrong_application"
        case NotTheApi():
            return "not_the_api"
        case NotFound():
            return "not_found"
        case RateLimited():
            return "rate_limited"
        case Refused():
            return "rejected"
        case _:
            return "unexpected_response"
