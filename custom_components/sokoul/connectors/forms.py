"""The form of a backend: its fields, reading what was typed, and saying which field is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from homeassistant.const import CONF_API_KEY, CONF_PASSWORD, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol
from yarl import URL

from ..clients.errors import BackendError, InvalidAuth, WrongApplication
from ..const import CONF_PUSH, CONF_PUSH_URL
from ..problems import problem_of
from .base import Connection, Connector, Credentials, Identity

URL_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url"))
NAME_FIELD = TextSelector(TextSelectorConfig(autocomplete="username"))
PASSWORD_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password"))
KEY_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))

#: Problems that are the address's, so that the form marks that field.
_ADDRESS_PROBLEMS = frozenset(
    {"unknown_host", "refused", "timeout", "no_answer", "not_the_api", "wrong_application", "not_found"}
)


def credential_fields(credentials: Credentials) -> dict[vol.Marker, Any]:
    """Return the fields of what a backend wants to see."""
    if credentials is Credentials.API_KEY:
        return {vol.Required(CONF_API_KEY): KEY_FIELD}
    return {
        vol.Optional(CONF_USERNAME): NAME_FIELD,
        vol.Optional(CONF_PASSWORD): PASSWORD_FIELD,
        vol.Optional(CONF_API_KEY): KEY_FIELD,
    }


def connection_fields(credentials: Credentials) -> dict[vol.Marker, Any]:
    """Return the fields of a connection."""
    return {
        vol.Required(CONF_URL): URL_FIELD,
        **credential_fields(credentials),
        vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }


def optional_secrets(fields: dict[vol.Marker, Any]) -> dict[vol.Marker, Any]:
    """Return the fields with secrets that may stay empty: what is stored is never shown, and empty keeps it."""
    return {
        vol.Optional(marker.schema) if marker.schema == CONF_API_KEY else marker: selector
        for marker, selector in fields.items()
    }


def preference_fields(connector: Connector[Any, Any]) -> dict[vol.Marker, Any]:
    """Return the fields of a backend's preferences."""
    if not connector.pushes:
        return {}
    return {
        vol.Required(CONF_PUSH, default=False): BooleanSelector(),
        vol.Optional(CONF_PUSH_URL): URL_FIELD,
    }


def read_connection(typed: Mapping[str, Any], default_port: int | None) -> Connection:
    """Read what was typed; secrets are taken as they are, spaces around them are always a slip."""
    return Connection(
        url=tidy_url(typed[CONF_URL], default_port),
        username=typed.get(CONF_USERNAME, "").strip(),
        password=typed.get(CONF_PASSWORD, ""),
        api_key=typed.get(CONF_API_KEY, "").strip(),
        verify_ssl=typed.get(CONF_VERIFY_SSL, True),
    )


def tidy_url(typed: str, default_port: int | None) -> str:
    """Complete an address: `nas` becomes `http://nas:7878`; a path is kept, a page within the program is not.

    Raises ValueError when it is no address at all.
    """
    typed = typed.strip()
    bare = "://" not in typed
    url = URL(f"http://{typed}" if bare else typed)
    if not url.host or url.scheme not in {"http", "https"}:
        raise ValueError("not an address")
    if bare and url.explicit_port is None and default_port is not None:
        url = url.with_port(default_port)
    return str(url.with_query(None).with_fragment(None).with_user(None)).rstrip("/")


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of trying a connection: who answered, or what is wrong with which field."""

    connection: Connection | None = None
    identity: Identity | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    placeholders: Mapping[str, str] = field(default_factory=dict)


async def try_connection(
    hass: HomeAssistant, connector: Connector[Any, Any], typed: Mapping[str, Any], stored: Connection | None = None
) -> Trial:
    """Try what was typed. Empty secrets keep the stored ones."""
    try:
        connection = read_connection(typed, connector.default_port)
    except ValueError:
        return Trial(errors={CONF_URL: "invalid_url"})
    if stored is not None:
        connection = keep_secrets(connection, stored)
    try:
        identity = await connector.identify(connector.connect(hass, connection))
    except BackendError as error:
        return Trial(connection, None, *_explain(error, connector, connection))
    return Trial(connection, identity)


def keep_secrets(connection: Connection, stored: Connection) -> Connection:
    """Fill in the stored secrets where none was typed.

    They go along to a new address of the same host only: a mistyped host must not be sent the key.
    """
    if connection.password or connection.api_key or URL(connection.url).host != URL(stored.url).host:
        return connection
    return replace(connection, password=stored.password, api_key=stored.api_key)


def _explain(
    error: BackendError, connector: Connector[Any, Any], connection: Connection
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the form's errors by field, and the placeholders of their texts."""
    problem = problem_of(error)
    placeholders = {
        "name": connector.name,
        "url": connection.url,
        "port": str(connector.default_port),
        "detail": str(error),
        "found": error.found if isinstance(error, WrongApplication) else "",
    }
    match error:
        case InvalidAuth() if problem == "invalid_auth":
            wrong = CONF_API_KEY if connection.api_key else CONF_PASSWORD
        case _ if problem in _ADDRESS_PROBLEMS:
            wrong = CONF_URL
        case _ if problem == "tls":
            wrong = CONF_VERIFY_SSL if URL(connection.url).scheme == "https" else CONF_URL
        case _:
            wrong = "base"
    return {wrong: problem}, placeholders


def default_title(connector: Connector[Any, Any], identity: Identity, taken: set[str]) -> str:
    """Return a name for a new backend: its own, else its kind's, with a number where that is taken."""
    base = identity.name or connector.name
    title, number = base, 2
    while title in taken:
        title, number = f"{base} {number}", number + 1
    return title


def unique_id(connector: Connector[Any, Any], connection: Connection) -> str:
    """Return what no two backends may share: an *arr and a qBittorrent have no id of their own but their address."""
    return f"{connector.kind}:{connection.unique_part}"
