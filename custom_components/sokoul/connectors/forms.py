"""The form of a backend: its fields, reading what was typed, and saying which field is wrong."""

from collections.abc import Iterable, Mapping
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
from .base import ChosenAddress, Connection, Connector, Credentials, Identity

URL_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url"))
NAME_FIELD = TextSelector(TextSelectorConfig(autocomplete="username"))
PASSWORD_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password"))
KEY_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))

#: Problems that are the address's, so that the form marks that field.
_ADDRESS_PROBLEMS = frozenset(
    {"unknown_host", "refused", "timeout", "no_answer", "not_the_api", "wrong_application", "not_found"}
)
#: What forms say beyond `problems.PROBLEMS`.
INVALID_URL = "invalid_url"
INVALID_KEY = "invalid_key"
KEY_NEEDED = "key_needed"
LOGIN_NEEDED = "login_needed"
SECRET_NEEDED = "secret_needed"  # noqa: S105 -- the name of a text
ALREADY_CONFIGURED = "already_configured"

#: Pages of the programs' own. A person copies the address from the browser, most often from the page that shows the
#: key (`/settings/general`). Left out are names that a URL base may well have (`/series`).
_PAGES = frozenset({"activity", "add", "api", "calendar", "login", "settings", "system", "wanted"})


# --- fields ----------------------------------------------------------------------------------------------------------


def credential_fields(credentials: Credentials) -> dict[vol.Marker, Any]:
    """Return the fields of what a backend wants to see."""
    if credentials is Credentials.NONE:
        return {}
    if credentials is Credentials.API_KEY:
        return {vol.Required(CONF_API_KEY): KEY_FIELD}
    return {
        vol.Optional(CONF_USERNAME): NAME_FIELD,
        vol.Optional(CONF_PASSWORD): PASSWORD_FIELD,
        vol.Optional(CONF_API_KEY): KEY_FIELD,
    }


def connection_fields(
    credentials: Credentials, *, address: bool = True, chosen: ChosenAddress | None = None
) -> dict[vol.Marker, Any]:
    """Return the fields of a connection, of what has an address (to be typed, or chosen) or of what has none."""
    if chosen is not None:
        return {vol.Optional(CONF_URL): chosen.selector, **credential_fields(credentials)}
    if not address:
        return credential_fields(credentials)
    return {
        vol.Required(CONF_URL): URL_FIELD,
        **credential_fields(credentials),
        vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }


def may_stay_empty(fields: Mapping[vol.Marker, Any], *names: str) -> dict[vol.Marker, Any]:
    """Return the fields, of which those named need not be filled in."""
    return {
        vol.Optional(marker.schema) if marker.schema in names else marker: selector
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


def hints(*connectors: Connector[Any, Any]) -> dict[str, str]:
    """Return what the texts of a form for one of these kinds may name, what an error adds left empty."""
    return {
        "name": " / ".join(each.name for each in connectors),
        "usual": ", ".join(f"{each.name} {each.default_port}" for each in connectors if each.default_port is not None),
        "example": f"192.168.1.10:{connectors[0].default_port}",  # with a scheme it would be shown as a link
        "key_at": connectors[0].key_at,
        "base": f"/{connectors[0].kind}",
        "detail": "",
        "found": "",
    }


# --- reading what was typed ------------------------------------------------------------------------------------------


def read_connection(hass: HomeAssistant, connector: Connector[Any, Any], typed: Mapping[str, Any]) -> Connection:
    """Read what was typed; spaces around a name or a key are always a slip, those of a password are taken as they are.

    Without a default port there is no address to be typed. Raises ValueError when the address is none.
    """
    address = typed.get(CONF_URL, "")
    if connector.chosen_address is not None:
        url = connector.chosen_address.read(hass, address)
    elif connector.read_address is not None:
        url = connector.read_address(address)
    else:
        url = "" if connector.default_port is None else tidy_url(address, connector.default_port)
    return Connection(
        url=url,
        username=typed.get(CONF_USERNAME, "").strip(),
        password=typed.get(CONF_PASSWORD, ""),
        api_key=typed.get(CONF_API_KEY, "").strip(),
        verify_ssl=typed.get(CONF_VERIFY_SSL, True),
    )


def tidy_url(typed: str, default_port: int | None) -> str:
    """Complete an address: `nas` becomes `http://nas:7878`; a URL base is kept, a page within the program is not.

    Raises ValueError when it is no address at all.
    """
    typed = typed.strip()
    bare = "://" not in typed
    url = URL(f"http://{typed}" if bare else typed)
    if not url.host or url.scheme not in {"http", "https"} or url.port == 0:
        raise ValueError("not an address")
    if any(character.isspace() or not character.isprintable() for character in typed + url.host):
        raise ValueError("no address has such characters")
    if bare and url.explicit_port is None and default_port is not None:
        url = url.with_port(default_port)
    return str(url.with_user(None).with_path(_without_pages(url.path))).rstrip("/")


def _without_pages(path: str) -> str:
    base: list[str] = []
    for part in path.split("/"):
        if part.lower() in _PAGES:
            break
        base.append(part)
    return "/".join(base) or "/"


def keep_secrets(connection: Connection, stored: Connection) -> Connection:
    """Fill in the stored secrets where none was typed.

    They go along to a new address of the same host only: a mistyped host must not be sent the key.
    """
    if connection.password or connection.api_key or not same_host(connection, stored):
        return connection
    return replace(connection, password=stored.password if connection.username else "", api_key=stored.api_key)


def same_host(one: Connection, other: Connection) -> bool:
    """Tell whether two connections lead to the same machine."""
    return URL(one.url).host == URL(other.url).host


def shown_address(hass: HomeAssistant, connector: Connector[Any, Any], url: str) -> str:
    """Return an address as a form shows it."""
    return url if connector.chosen_address is None else connector.chosen_address.shown(hass, url)


# --- trying it -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of trying a connection: who answered, or what is wrong with which field."""

    connection: Connection | None = None
    identity: Identity | None = None
    unique_id: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    placeholders: Mapping[str, str] = field(default_factory=dict)


async def try_connection(
    hass: HomeAssistant, connector: Connector[Any, Any], typed: Mapping[str, Any], stored: Connection | None = None
) -> Trial:
    """Try what was typed. Empty secrets keep the stored ones."""
    try:
        connection = read_connection(hass, connector, typed)
    except ValueError:
        return Trial(errors={CONF_URL: INVALID_URL})
    withheld = False
    if stored is not None:
        connection = keep_secrets(connection, stored)
        withheld = bool(stored.password or stored.api_key) and not same_host(connection, stored)
    if connector.credentials is Credentials.API_KEY and not connection.api_key:
        return Trial(errors={CONF_API_KEY: SECRET_NEEDED if withheld else KEY_NEEDED})
    try:
        identity = await connector.identify(connector.connect(hass, connection))
    except BackendError as error:
        where, problem = _explain(error, connection, withheld=withheld)
        found = error.found if isinstance(error, WrongApplication) else ""
        return Trial(errors={where: problem}, placeholders={"detail": str(error), "found": found})
    if connector.device_login is not None:
        connection = replace(connection, username=identity.own_id or "")
    return Trial(connection, identity, unique_id(connector, connection, identity))


def _explain(error: BackendError, connection: Connection, *, withheld: bool) -> tuple[str, str]:
    """Return the field that is wrong, and what is wrong with it."""
    problem = problem_of(error)
    match error:
        case InvalidAuth() if problem == "invalid_auth":
            if connection.api_key:
                return CONF_API_KEY, INVALID_KEY
            if connection.password:
                return CONF_PASSWORD, problem
            if withheld:
                return CONF_PASSWORD, SECRET_NEEDED
            return (CONF_PASSWORD, problem) if connection.username else (CONF_USERNAME, LOGIN_NEEDED)
        case _ if problem in _ADDRESS_PROBLEMS:
            return CONF_URL, problem
        case _ if problem == "tls":
            return CONF_VERIFY_SSL, problem
        case _:
            return "base", problem


def shown_errors(errors: Mapping[str, str], fields: Iterable[vol.Marker]) -> dict[str, str]:
    """Return the errors for a form of these fields: what belongs to a field that it doesn't show goes to its top."""
    shown = {marker.schema for marker in fields}
    return {name if name in shown else "base": error for name, error in errors.items()}


# --- names -----------------------------------------------------------------------------------------------------------


def default_title(connector: Connector[Any, Any], identity: Identity, taken: set[str]) -> str:
    """Return a name for a new backend: its own, else its kind's, with a number where that is taken."""
    base = identity.name or connector.name
    title, number = base, 2
    while title in taken:
        title, number = f"{base} {number}", number + 1
    return title


def unique_id(connector: Connector[Any, Any], connection: Connection, identity: Identity) -> str:
    """Return what no two backends may share: who it is where it says so, else (as with an *arr) where it is."""
    return f"{connector.kind}:{identity.own_id or connection.unique_part}"
