"""Walking through flows as a person does: choosing from menus and sending forms."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_USER, ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.sokoul import config_flow
from custom_components.sokoul.clients.errors import BackendError
from custom_components.sokoul.connectors import discovery
from custom_components.sokoul.connectors.base import Connection, Connector, Credentials, Neighbour
from custom_components.sokoul.connectors.registry import CONNECTORS
from custom_components.sokoul.const import DOMAIN

type Result = Mapping[str, Any]


async def start(hass: HomeAssistant) -> Result:
    """Begin to set up the integration."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def choose(hass: HomeAssistant, result: Result, option: str) -> Result:
    """Choose from a menu of the set-up."""
    assert result["type"] is FlowResultType.MENU
    assert option in result["menu_options"]
    return await hass.config_entries.flow.async_configure(result["flow_id"], {"next_step_id": option})


async def submit(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    """Send a form of the set-up, of a reauthentication, or of anything else of the entry itself."""
    assert result["type"] is FlowResultType.FORM
    return await hass.config_entries.flow.async_configure(result["flow_id"], typed)


async def finish(hass: HomeAssistant, result: Result) -> ConfigEntry:
    """Choose to finish, and return the entry that is set up."""
    return await created(hass, await choose(hass, result, "create"))


async def created(hass: HomeAssistant, result: Result) -> ConfigEntry:
    """Return the entry that a flow made, loaded."""
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    entry: ConfigEntry = result["result"]
    return entry


def suggested(result: Result) -> dict[str, Any]:
    """Return what a form is filled in with."""
    return {
        marker.schema: marker.description["suggested_value"]
        for marker in result["data_schema"].schema
        if marker.description and "suggested_value" in marker.description
    }


def fields(result: Result) -> list[str]:
    """Return the fields of a form, in their order."""
    return [marker.schema for marker in result["data_schema"].schema]


def step(result: Result) -> tuple[FlowResultType, str]:
    """Return what a flow shows."""
    return result["type"], result["step_id"]


def form(step_id: str) -> tuple[FlowResultType, str]:
    """Return what `step` is of a form."""
    return FlowResultType.FORM, step_id


def menu(step_id: str) -> tuple[FlowResultType, str]:
    """Return what `step` is of a menu."""
    return FlowResultType.MENU, step_id


def by_title(entry: ConfigEntry) -> dict[str, ConfigSubentry]:
    """Return the backends of an entry by their titles."""
    return {subentry.title: subentry for subentry in entry.subentries.values()}


# --- connectors for tests --------------------------------------------------------------------------------------------


@contextmanager
def usual_ports(**ports: int) -> Iterator[None]:
    """Let kinds of programs have these ports as their usual ones, and the others one at which nothing listens."""
    changed = {kind: replace(connector, default_port=ports.get(kind, 9)) for kind, connector in CONNECTORS.items()}
    family = tuple(each for each in changed.values() if each.credentials is Credentials.API_KEY)
    with (
        patch.object(discovery, "CONNECTORS", changed),
        patch.object(config_flow, "CONNECTORS", changed),
        patch.object(config_flow, "FAMILY", family),
    ):
        yield


def impatient(connector: Connector[Any, Any]) -> Connector[Any, Any]:
    """Return a connector whose clients wait for hundredths of a second."""

    def connect(hass: HomeAssistant, connection: Connection) -> Any:
        client = connector.connect(hass, connection)
        client._http._timeout_seconds = 0.02
        return client

    return replace(connector, connect=connect)


def saying(connector: Connector[Any, Any], *said: Neighbour, error: BackendError | None = None) -> Connector[Any, Any]:
    """Return a connector whose backend tells of these neighbours."""

    async def neighbours(_client: object) -> tuple[Neighbour, ...]:
        if error is not None:
            raise error
        return said

    return replace(connector, neighbours=neighbours)


# --- flows of a backend ----------------------------------------------------------------------------------------------


async def add_backend(hass: HomeAssistant, entry: ConfigEntry, kind: str) -> Result:
    """Begin to add a backend to the hub."""
    return await hass.config_entries.subentries.async_init((entry.entry_id, kind), context={"source": SOURCE_USER})


async def submit_backend(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    """Send a backend's form, and wait for what it leads to."""
    assert result["type"] is FlowResultType.FORM
    answer = await hass.config_entries.subentries.async_configure(result["flow_id"], typed)
    await hass.async_block_till_done(wait_background_tasks=True)
    return answer


# --- questions for a person ------------------------------------------------------------------------------------------


def asked_for(hass: HomeAssistant) -> list[str]:
    """Return the backends whose credentials are asked for."""
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN, match_context={"source": SOURCE_REAUTH})
    return [flow["context"]["title_placeholders"]["name"] for flow in flows]


def reauth_form(hass: HomeAssistant) -> Result:
    """Return the form that asks for credentials."""
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN, match_context={"source": SOURCE_REAUTH})
    handler = hass.config_entries.flow._progress[flow["flow_id"]]
    assert handler.cur_step is not None
    return handler.cur_step
