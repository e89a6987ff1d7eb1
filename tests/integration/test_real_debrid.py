"""Real-Debrid as a backend: let in by a code or a token, its entities, its budget, and how it is let in again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul import device_login
from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.clients.real_debrid_tokens import DebridTokens
from custom_components.sokoul.connectors.real_debrid import ACCOUNT_INTERVAL, BUDGETS, INTERVAL, REAL_DEBRID
from custom_components.sokoul.const import DOMAIN, OUTAGE_GRACE
from custom_components.sokoul.debrid_tokens import TokenStore, token_store
from custom_components.sokoul.diagnostics import async_get_config_entry_diagnostics
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from devstack.real_debrid_oauth import TOKEN_LIFE

from .conftest import PassTime, SetUp, until
from .flow_texts import LANGUAGES, TRANSLATIONS, placeholders
from .flows import add_backend, asked_for, by_title, choose, fields, form, menu, reauth_form, step, submit

ID = "01SOKOULREALDEBRID00000000"
OTHER_TOKEN = "ANOTHERPRIVATETOKEN2345672345672345672345672345672345"
USER, CREDENTIALS, TOKEN = "GET /rest/1.0/user", "GET /oauth/v2/device/credentials", "POST /oauth/v2/token"

type Result = Any


class Pauses:
    """Waits for a person: each ends when a test says so."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self._next = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)
        await self._next.wait()
        self._next.clear()

    def end(self) -> None:
        """End the present pause, or the next one."""
        self._next.set()


@pytest.fixture
async def debrid(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealDebridSimulator]:
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


@pytest.fixture
async def pauses(hass: HomeAssistant, set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pauses]:
    """Let no wait end by itself; flows that still wait at the end are closed."""
    made = Pauses()
    monkeypatch.setattr(device_login, "pause", made)
    yield made
    for manager in (hass.config_entries.subentries, hass.config_entries.flow):
        for flow in manager.async_progress():
            manager.async_abort(flow["flow_id"])


def account(**connection: str) -> ConfigSubentryDataWithId:
    return ConfigSubentryDataWithId(
        subentry_id=ID,
        subentry_type="real_debrid",
        title="Real-Debrid",
        unique_id="real_debrid:1001",
        data={"connection": {"username": "1001", **connection}, "preferences": {"requests_per_minute": 100}},
    )


def with_token() -> ConfigSubentryDataWithId:
    return account(api_key=API_TOKEN)


async def pick(hass: HomeAssistant, result: Result, option: str) -> Result:
    """Choose from a menu of an account's flow."""
    assert result["type"] is FlowResultType.MENU
    answer = await hass.config_entries.subentries.async_configure(result["flow_id"], {"next_step_id": option})
    await hass.async_block_till_done()
    return answer


async def send(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    assert result["type"] is FlowResultType.FORM
    answer = await hass.config_entries.subentries.async_configure(result["flow_id"], typed)
    await hass.async_block_till_done()
    return answer


def typed_code(debrid: RealDebridSimulator, result: Result) -> str:
    """Return the code that a flow shows, and check that it says what to do with it."""
    assert (result["type"], result["progress_action"]) == (FlowResultType.SHOW_PROGRESS, "wait_for_code")
    shown = result["description_placeholders"]
    for language in LANGUAGES:
        for texts in (TRANSLATIONS[language]["config"], TRANSLATIONS[language]["config_subentries"]["real_debrid"]):
            assert placeholders(texts["progress"]["wait_for_code"]) == shown.keys()
    code = next(device.user_code for device in debrid.oauth.devices.values() if device.user_code == shown["code"])
    assert (shown["page"], shown["minutes"]) == ("real-debrid.com/device", "30")
    return code


async def let_in(hass: HomeAssistant, entry: MockConfigEntry, debrid: RealDebridSimulator, pauses: Pauses) -> Result:
    """Add the account by a code."""
    result = await pick(hass, await add_backend(hass, entry, "real_debrid"), "device")
    debrid.oauth.approve(typed_code(debrid, result), debrid.account.id)
    waiting = asked(debrid, CREDENTIALS)
    pauses.end()
    await until(lambda: asked(debrid, CREDENTIALS) > waiting)
    return await finished(hass, result)


async def finished(hass: HomeAssistant, result: Result, *, reauth: bool = False) -> Result:
    """Return what a waiting flow came to, as the frontend asks for it when it is told that it went on."""
    manager: Any = hass.config_entries.flow if reauth else hass.config_entries.subentries
    waiting = manager._progress[result["flow_id"]]._waiting
    await asyncio.wait([waiting])
    await hass.async_block_till_done()
    answer = await manager.async_configure(result["flow_id"])
    await hass.async_block_till_done()
    return answer


def asked(debrid: RealDebridSimulator, route: str) -> int:
    return sum(f"{request.method} {request.path}" == route for request in debrid.requests)


def value(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None, f"{entity_id} is not there; there are {sorted(hass.states.async_entity_ids())}"
    return state.state


# --- adding ----------------------------------------------------------------------------------------------------------


async def test_a_code_that_is_typed_makes_an_account(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses, hass_storage: dict[str, Any]
) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, "real_debrid")
    assert step(result) == menu("user")
    result = await pick(hass, result, "device")
    code = typed_code(debrid, result)
    await until(lambda: pauses.waited == [5])
    pauses.end()
    await until(lambda: len(pauses.waited) == 2)  # it was not typed yet
    debrid.oauth.approve(code, debrid.account.id)
    pauses.end()
    result = await finished(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    subentry = by_title(entry)["Real-Debrid"]
    assert subentry.unique_id == "real_debrid:1001"
    usual = {"requests_per_minute": 100, "synchronise_minutes": 10}
    assert subentry.data == {"connection": {"username": "1001"}, "preferences": usual}
    (grant,) = debrid.oauth.grants
    kept = hass_storage["sokoul.tokens"]["data"]["1001"]
    assert (kept["access_token"], kept["refresh_token"]) == (grant.access_token, grant.refresh_token)
    assert value(hass, "sensor.real_debrid_account") == "premium"
    secrets = {grant.access_token, grant.refresh_token, grant.client_secret}
    assert not [secret for secret in secrets if secret in json.dumps(dict(subentry.data))]


async def test_a_token_makes_an_account(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    entry = await set_up()
    result = await pick(hass, await add_backend(hass, entry, "real_debrid"), "key")
    assert (step(result), fields(result)) == (form("key"), ["api_key"])
    result = await send(hass, result, api_key="wrong")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await send(hass, result, api_key="né")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await send(hass, result, api_key=f" {API_TOKEN} ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert by_title(entry)["Real-Debrid"].data["connection"] == {"username": "1001", "api_key": API_TOKEN}


async def test_accounts_are_told_apart(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(with_token())
    result = await pick(hass, await add_backend(hass, entry, "real_debrid"), "key")
    result = await send(hass, result, api_key=API_TOKEN)
    assert result["errors"] == {"api_key": "already_configured"}
    result = await send(hass, result, api_key=OTHER_TOKEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert {each.unique_id for each in entry.subentries.values()} == {"real_debrid:1001", "real_debrid:1002"}
    assert by_title(entry).keys() == {"Real-Debrid", "Real-Debrid 2"}


async def test_each_account_has_a_budget_of_its_own(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(with_token())
    result = await pick(hass, await add_backend(hass, entry, "real_debrid"), "key")
    await send(hass, result, api_key=OTHER_TOKEN)
    await hass.async_block_till_done(wait_background_tasks=True)
    one, other = entry.runtime_data.backends.values()
    assert one.client.budget is not other.client.budget
    await one.async_connect_anew()
    again = next(iter(entry.runtime_data.backends.values()))
    assert again.client is not None
    assert again.client.budget.state(debrid.clock.now()).used > 4, "the account counts on, whatever client asks"


# --- a code that comes to nothing ------------------------------------------------------------------------------------


async def trouble(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> tuple[MockConfigEntry, Result, str]:
    entry = await set_up()
    result = await pick(hass, await add_backend(hass, entry, "real_debrid"), "device")
    await until(lambda: len(pauses.waited) == 1)
    return entry, result, typed_code(debrid, result)


async def recover(hass: HomeAssistant, result: Result, debrid: RealDebridSimulator, pauses: Pauses) -> None:
    """Go on from a trouble to an account."""
    result = await send(hass, result)
    debrid.oauth.approve(typed_code(debrid, result), debrid.account.id)
    pauses.end()
    assert (await finished(hass, result))["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_a_declined_code(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses) -> None:
    _, result, code = await trouble(hass, set_up, debrid, pauses)
    debrid.oauth.deny(code)
    pauses.end()
    result = await finished(hass, result)
    assert (step(result), result["errors"]) == (form("device_trouble"), {"base": "code_declined"})
    await recover(hass, result, debrid, pauses)


async def test_a_code_that_nobody_types(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> None:
    _, result, _ = await trouble(hass, set_up, debrid, pauses)
    asked_before = asked(debrid, CREDENTIALS)
    for times in range(1800 // 5):
        await until(lambda times=times: len(pauses.waited) > times)
        pauses.end()
    result = await finished(hass, result)
    assert (step(result), result["errors"]) == (form("device_trouble"), {"base": "code_expired"})
    assert asked(debrid, CREDENTIALS) - asked_before == 1800 // 5, "no more often than it may"
    await recover(hass, result, debrid, pauses)


async def test_the_network_may_come_and_go_while_a_person_types(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> None:
    _, result, code = await trouble(hass, set_up, debrid, pauses)
    debrid.fault(FaultKind.STATUS, CREDENTIALS, times=1, status=502)
    debrid.fault(FaultKind.STATUS, CREDENTIALS, times=1, status=429, body='{"error":"slow","error_code":34}')
    for times in (1, 2):
        await until(lambda times=times: len(pauses.waited) == times)
        pauses.end()
    await until(lambda: len(pauses.waited) == 3)
    assert pauses.waited == [5, 5, 10], "asked more seldom when asked to"
    debrid.oauth.approve(code, debrid.account.id)
    pauses.end()
    assert (await finished(hass, result))["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_a_code_whose_token_is_refused(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> None:
    _, result, code = await trouble(hass, set_up, debrid, pauses)
    debrid.fault(FaultKind.STATUS, TOKEN, times=1, status=403, body='{"error":"wrong_parameter","error_code":2}')
    debrid.oauth.approve(code, debrid.account.id)
    pauses.end()
    result = await finished(hass, result)
    assert (step(result), result["errors"]) == (form("device_trouble"), {"base": "invalid_auth"})
    await recover(hass, result, debrid, pauses)


async def test_no_code_can_be_had(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> None:
    entry = await set_up()
    debrid.fault(FaultKind.HTML, "GET /oauth/v2/device/code", times=1)
    result = await pick(hass, await add_backend(hass, entry, "real_debrid"), "device")
    assert (step(result), result["errors"]) == (form("device_trouble"), {"base": "not_the_api"})
    await recover(hass, result, debrid, pauses)


async def test_a_code_for_an_account_that_is_there_already(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses, hass_storage: dict[str, Any]
) -> None:
    entry = await set_up(with_token())
    result = await let_in(hass, entry, debrid, pauses)
    assert (step(result), result["errors"]) == (form("device_trouble"), {"base": "already_configured"})
    assert "sokoul.tokens" not in hass_storage, "nothing is kept of what was not taken"
    hass.config_entries.subentries.async_abort(result["flow_id"])


async def test_closing_the_flow_ends_the_waiting(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> None:
    _, result, _ = await trouble(hass, set_up, debrid, pauses)
    handler: Any = hass.config_entries.subentries._progress[result["flow_id"]]
    task = handler._waiting
    hass.config_entries.subentries.async_abort(result["flow_id"])
    await asyncio.wait([task])
    assert task.cancelled()
    assert asked(debrid, CREDENTIALS) == 0


# --- changing --------------------------------------------------------------------------------------------------------


async def change(hass: HomeAssistant, entry: MockConfigEntry, option: str) -> Result:
    result = await entry.start_subentry_reconfigure_flow(hass, next(iter(entry.subentries)))
    assert step(result) == menu("reconfigure")
    return await pick(hass, result, option)


async def test_the_budget_can_be_set_and_reloads_nothing(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    entry = await set_up(with_token())
    backend = entry.runtime_data.backends[ID]
    client = backend.client
    result = await change(hass, entry, "settings")
    assert (step(result), fields(result)) == (form("settings"), ["requests_per_minute", "synchronise_minutes"])
    result = await send(hass, result, requests_per_minute=40, synchronise_minutes=10)
    assert result["reason"] == "reconfigure_successful"
    await pass_time(INTERVAL)
    assert entry.runtime_data.backends[ID].client is client
    assert client.budget.state(debrid.clock.now()).per_minute == 40


async def test_from_a_token_to_a_code_and_back(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses, hass_storage: dict[str, Any]
) -> None:
    entry = await set_up(with_token())
    result = await change(hass, entry, "device")
    debrid.oauth.approve(typed_code(debrid, result), debrid.account.id)
    pauses.end()
    assert (await finished(hass, result))["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.subentries[ID].data["connection"] == {"username": "1001"}
    assert "1001" in hass_storage["sokoul.tokens"]["data"]
    assert value(hass, "binary_sensor.real_debrid_connection") == "on"
    result = await send(hass, await change(hass, entry, "key"), api_key=API_TOKEN)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "sokoul.tokens" not in hass_storage
    assert value(hass, "binary_sensor.real_debrid_connection") == "on"


async def test_another_account_does_not_take_its_place(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses, hass_storage: dict[str, Any]
) -> None:
    other = debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(with_token())
    result = await send(hass, await change(hass, entry, "key"), api_key=OTHER_TOKEN)
    assert result["errors"] == {"api_key": "wrong_account"}
    assert (await send(hass, result, api_key=API_TOKEN))["reason"] == "reconfigure_successful"
    result = await change(hass, entry, "device")
    debrid.oauth.approve(typed_code(debrid, result), other.id)
    pauses.end()
    result = await finished(hass, result)
    assert (step(result), result["errors"]) == (form("device_trouble"), {"base": "wrong_account"})
    assert "sokoul.tokens" not in hass_storage
    hass.config_entries.subentries.async_abort(result["flow_id"])


# --- tokens ----------------------------------------------------------------------------------------------------------


async def test_tokens_are_renewed_and_nothing_reloads(
    hass: HomeAssistant,
    set_up: SetUp,
    debrid: RealDebridSimulator,
    pauses: Pauses,
    pass_time: PassTime,
    hass_storage: dict[str, Any],
) -> None:
    entry = await set_up()
    await let_in(hass, entry, debrid, pauses)
    await hass.async_block_till_done(wait_background_tasks=True)
    (backend,) = entry.runtime_data.backends.values()
    client, first = backend.client, debrid.oauth.grants[0].access_token
    await pass_time(TOKEN_LIFE)
    await pass_time(ACCOUNT_INTERVAL)
    (grant,) = debrid.oauth.grants
    assert grant.access_token != first
    assert backend.client is client
    assert hass_storage["sokoul.tokens"]["data"]["1001"]["access_token"] == grant.access_token
    assert value(hass, "binary_sensor.real_debrid_connection") == "on"
    assert asked_for(hass) == []


async def test_the_tokens_outlive_a_restart(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> None:
    entry = await set_up()
    await let_in(hass, entry, debrid, pauses)
    await hass.async_block_till_done(wait_background_tasks=True)
    kept = await TokenStore(hass).load("1001")
    assert kept is not None
    assert kept.access_token == debrid.oauth.grants[0].access_token
    assert kept.access_token not in repr(kept)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert value(hass, "binary_sensor.real_debrid_connection") == "on"


async def test_tokens_that_cannot_be_read_are_asked_for_again(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, hass_storage: dict[str, Any]
) -> None:
    hass_storage["sokoul.tokens"] = {
        "version": 1,
        "minor_version": 1,
        "key": "sokoul.tokens",
        "data": {"1001": {"access_token": "a"}},
    }
    await set_up(account())
    assert asked_for(hass) == ["Real-Debrid"]


async def test_removing_the_account_revokes_what_it_gave(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses, hass_storage: dict[str, Any]
) -> None:
    entry = await set_up()
    await let_in(hass, entry, debrid, pauses)
    await hass.async_block_till_done(wait_background_tasks=True)
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert debrid.oauth.grants == []
    assert "sokoul.tokens" not in hass_storage


async def test_a_persons_own_token_is_not_revoked(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    entry = await set_up(with_token())
    hass.config_entries.async_remove_subentry(entry, ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert debrid.oauth.account_of(API_TOKEN) == 1001


async def test_removing_it_while_real_debrid_is_away(
    hass: HomeAssistant,
    set_up: SetUp,
    debrid: RealDebridSimulator,
    pauses: Pauses,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = await set_up()
    await let_in(hass, entry, debrid, pauses)
    await hass.async_block_till_done(wait_background_tasks=True)
    await debrid.refuse()
    assert await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "sokoul.tokens" not in hass_storage
    assert "could not be revoked" in caplog.text


# --- being let in again ----------------------------------------------------------------------------------------------


async def test_a_revoked_access_is_asked_for_again_with_a_code(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses, pass_time: PassTime
) -> None:
    entry = await set_up()
    await let_in(hass, entry, debrid, pauses)
    await hass.async_block_till_done(wait_background_tasks=True)
    debrid.oauth.revoke(debrid.account.id)
    await pass_time(ACCOUNT_INTERVAL)
    assert asked_for(hass) == ["Real-Debrid"]
    result = reauth_form(hass)
    assert step(result) == menu("reauth_account")
    result = await choose(hass, result, "device")
    debrid.oauth.approve(typed_code(debrid, result), debrid.account.id)
    pauses.end()
    result = await finished(hass, result, reauth=True)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert value(hass, "binary_sensor.real_debrid_connection") == "on"
    assert asked_for(hass) == []


async def test_it_can_be_let_in_again_with_a_token(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    debrid.add_account("other", OTHER_TOKEN)
    entry = await set_up(account(api_key="REVOKED"))
    assert asked_for(hass) == ["Real-Debrid"]
    result = await choose(hass, reauth_form(hass), "reauth_key")
    assert (step(result), fields(result)) == (form("reauth_key"), ["api_key"])
    result = await submit(hass, result, api_key="wrong")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit(hass, result, api_key=OTHER_TOKEN)
    assert result["errors"] == {"api_key": "wrong_account"}
    result = await submit(hass, result, api_key=API_TOKEN)
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.subentries[ID].data["connection"] == {"username": "1001", "api_key": API_TOKEN}
    assert value(hass, "binary_sensor.real_debrid_connection") == "on"


async def test_another_account_cannot_be_let_in_in_its_place(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pauses: Pauses
) -> None:
    other = debrid.add_account("other", OTHER_TOKEN)
    await set_up(account(api_key="REVOKED"))
    result = await choose(hass, reauth_form(hass), "device")
    debrid.oauth.approve(typed_code(debrid, result), other.id)
    pauses.end()
    result = await finished(hass, result, reauth=True)
    assert (step(result), result["errors"]) == (form("device_trouble"), {"base": "wrong_account"})
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_an_account_that_is_locked_is_no_matter_of_its_token(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    debrid.account.locked = True
    await set_up(with_token())
    assert asked_for(hass) == []
    assert value(hass, "binary_sensor.real_debrid_connection") == "off"


# --- entities --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_entities_enabled")
async def test_what_the_entities_show(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, freezer: Any, clock: ManualClock
) -> None:
    freezer.move_to(clock.now())
    debrid.account.fill(42)
    debrid.account.fill(2, statuses=["queued"])
    debrid.account.traffic = {
        "one.example": {
            "left": 25,
            "bytes": 0,
            "links": 75,
            "limit": 100,
            "type": "links",
            "extra": 0,
            "reset": "daily",
        },
        "two.example": {
            "left": 9,
            "bytes": 1,
            "links": 1,
            "limit": 10,
            "type": "gigabytes",
            "extra": 0,
            "reset": "daily",
        },
    }
    await set_up(with_token())
    shown = {
        "sensor.real_debrid_account": "premium",
        "sensor.real_debrid_premium_days_left": "180",
        "sensor.real_debrid_torrents": "44",
        "sensor.real_debrid_active_torrents": "2",
        "sensor.real_debrid_fidelity_points": "1500",
        "sensor.real_debrid_traffic_left": "25.0",
        "sensor.real_debrid_request_budget_used": "4",
        "sensor.real_debrid_refused_requests": "0",
        "binary_sensor.real_debrid_throttled": "off",
    }
    assert {entity_id: value(hass, entity_id) for entity_id in shown} == shown


async def test_what_few_need_is_disabled(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    entry = await set_up(with_token())
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    own = {each.key for each in REAL_DEBRID.sensors}
    disabled = {each.translation_key for each in entities if each.disabled} & own
    assert disabled == {"points", "requests_refused", "traffic_left"}
    assert value(hass, "sensor.real_debrid_account") == "premium"


async def test_a_free_account(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    debrid.account.premium_until = None
    await set_up(with_token())
    assert value(hass, "sensor.real_debrid_account") == "free"
    assert value(hass, "sensor.real_debrid_premium_days_left") == "0"


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (FaultKind.STATUS, {"status": 403, "body": '{"error":"permission_denied","error_code":9}'}),
        (FaultKind.STATUS, {"status": 500}),
        (FaultKind.STATUS, {"status": 404}),
        (FaultKind.WRONG_TYPES, {}),
    ],
)
async def test_what_is_not_told_takes_nothing_else_away(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, fault: FaultKind, options: dict[str, Any]
) -> None:
    debrid.fault(fault, "GET /rest/1.0/torrents/activeCount", **options)
    await set_up(with_token())
    assert value(hass, "sensor.real_debrid_account") == "premium"
    assert value(hass, "sensor.real_debrid_active_torrents") == "unknown"


@pytest.mark.usefixtures("all_entities_enabled")
async def test_an_account_that_is_throttled_stays_and_says_so(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    entry = await set_up(with_token())
    debrid.fault(FaultKind.STATUS, USER, times=1, status=429, headers={"Retry-After": "600"})
    await pass_time(ACCOUNT_INTERVAL)
    assert value(hass, "binary_sensor.real_debrid_throttled") == "on"
    assert value(hass, "sensor.real_debrid_account") == "premium"
    seen = len(debrid.requests)
    await pass_time(INTERVAL, 5)
    assert len(debrid.requests) == seen, "nothing is sent while it pauses"
    await pass_time(ACCOUNT_INTERVAL, 2)
    assert len(debrid.requests) > seen
    await pass_time(INTERVAL)
    assert value(hass, "binary_sensor.real_debrid_throttled") == "off"
    assert value(hass, "sensor.real_debrid_refused_requests") == "1", "it is counted, however long ago"
    assert entry.runtime_data.backends[ID].data.budget.per_minute == 50, "half as many for an hour"


async def test_a_restart_is_no_way_around_it(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    entry = await set_up(with_token())
    debrid.fault(FaultKind.STATUS, USER, times=1, status=429, headers={"Retry-After": "60"})
    await pass_time(ACCOUNT_INTERVAL)
    await pass_time(INTERVAL, 2)
    hass.data[BUDGETS].clear()  # as it is after a start
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(INTERVAL)
    assert entry.runtime_data.backends[ID].data.budget.per_minute == 50
    await pass_time(timedelta(hours=1))
    await pass_time(INTERVAL)
    assert entry.runtime_data.backends[ID].data.budget.per_minute == 100
    assert "cautious_until" not in entry.runtime_data.backends[ID].memory


async def test_an_account_that_cannot_be_reached_is_unavailable(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    await set_up(with_token())
    await debrid.refuse()
    await pass_time(ACCOUNT_INTERVAL)
    assert value(hass, "sensor.real_debrid_account") == "unavailable"
    await debrid.accept()
    await pass_time(ACCOUNT_INTERVAL, 2)
    assert value(hass, "sensor.real_debrid_account") == "premium"


async def test_an_outage_says_where_it_is(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    await set_up(with_token())
    await debrid.refuse()
    await pass_time(ACCOUNT_INTERVAL)
    await pass_time(OUTAGE_GRACE)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{ID}")
    assert issue is not None
    assert issue.translation_key == "unavailable_refused"
    assert issue.translation_placeholders == {"backend": "Real-Debrid", "url": "real-debrid.com"}
    await async_setup_component(hass, REPAIRS, {})
    repairs = hass.data[REPAIRS]["flow_manager"]
    result = await repairs.async_init(DOMAIN, context={"issue_id": issue.issue_id})
    assert result["description_placeholders"] == issue.translation_placeholders
    result = await repairs.async_configure(result["flow_id"], {})
    (opened,) = hass.config_entries.subentries.async_progress()
    assert (result["reason"], opened["step_id"]) == ("form_opened", "reconfigure")


async def test_the_account_is_asked_seldom(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    await set_up(with_token())
    debrid.requests.clear()
    await pass_time(INTERVAL, 60)
    assert 11 <= asked(debrid, USER) <= 12
    assert 11 <= asked(debrid, "GET /rest/1.0/torrents/activeCount") <= 12
    assert asked(debrid, "GET /rest/1.0/traffic") == 1


async def test_a_hint_has_it_asked_at_once(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    entry = await set_up(with_token())
    debrid.account.fill(5)
    backend = entry.runtime_data.backends[ID]
    backend.reader.forget()
    await backend.async_refresh()
    assert backend.data.torrents == 5


async def test_an_account_that_is_throttled_from_the_beginning(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    debrid.fault(FaultKind.STATUS, USER, times=1, status=429, headers={"Retry-After": "60"})
    await set_up(with_token())
    assert value(hass, "binary_sensor.real_debrid_connection") == "off"
    assert asked_for(hass) == []
    await pass_time(INTERVAL, 3)
    assert value(hass, "sensor.real_debrid_account") == "premium"


async def test_a_pause_while_a_person_types_is_a_short_one() -> None:
    await device_login.pause(0)


# --- secrets ---------------------------------------------------------------------------------------------------------


async def test_no_token_is_told_to_anybody(
    hass: HomeAssistant,
    set_up: SetUp,
    debrid: RealDebridSimulator,
    pauses: Pauses,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = await set_up()
    await let_in(hass, entry, debrid, pauses)
    await hass.async_block_till_done(wait_background_tasks=True)
    (backend,) = entry.runtime_data.backends.values()
    (grant,) = debrid.oauth.grants
    secrets = [grant.access_token, grant.refresh_token, grant.client_secret, *debrid.oauth.devices]
    monkeypatch.setattr(backend, "last_exception", CannotConnect(f"somehow {grant.access_token} got in here"))
    told = json.dumps(await async_get_config_entry_diagnostics(hass, entry), default=str)
    assert "somehow" in told
    # the harness writes out what is stored, because nothing is written to a disk
    ours = [record for record in caplog.records if not record.name.startswith("pytest_homeassistant")]
    assert [record for record in ours if "sokoul" in record.name]
    for secret in secrets:
        assert secret not in told
        assert not [record for record in ours if secret in record.getMessage()]
    assert not [request for request in debrid.requests if any(secret in str(request.query) for secret in secrets[:3])]


async def test_removing_the_hub_forgets_tokens_that_never_worked(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, hass_storage: dict[str, Any]
) -> None:
    hass_storage["sokoul.tokens"] = {"version": 1, "minor_version": 1, "key": "sokoul.tokens", "data": {"1001": {}}}
    entry = await set_up(account())
    assert await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "sokoul.tokens" not in hass_storage


async def test_a_store_of_secrets_is_readable_for_its_owner_alone(hass: HomeAssistant, tmp_path: Path) -> None:
    store = token_store(hass)
    assert store is token_store(hass)
    assert store._store._io._private
    tokens = DebridTokens(
        client_id="i", client_secret="s", access_token="a", refresh_token="r", expires_at=ManualClock().now()
    )
    await store.save("1", tokens)
    await store.save("2", tokens)
    await store.save("1", None)
    assert await store.load("1") is None
    assert await store.load("2") == tokens
    assert store.secrets() == {"i", "s", "a", "r"}


# --- beside the others -----------------------------------------------------------------------------------------------


async def test_the_check_up_takes_an_account_as_it_is(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator
) -> None:
    await set_up(with_token())
    answer: Any = await hass.services.async_call("sokoul", "check_up", {}, blocking=True, return_response=True)
    about = [finding for finding in answer["findings"] if finding["backend"] is not None]
    assert about == []
