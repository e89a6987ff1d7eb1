"""Saying in the options which VPN a download client is behind."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.const import DOMAIN
from devstack.clock import ManualClock
from devstack.docker import DockerSimulator
from devstack.gluetun import GluetunSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import PASSWORD, QBITTORRENT_ID, USERNAME, PassTime, SetUp, qbittorrent_subentry, subentry
from .test_evidence import findings
from .test_pause import add, running
from .test_vpn_guard import PROTECTION, STEP, bind, shown

GLUETUN_ID = "01SOKOULGLUETUN00000000000"
PROXY = "http://gluetun:8888"


@pytest.fixture
async def gluetun(clock: ManualClock) -> AsyncIterator[GluetunSimulator]:
    async with GluetunSimulator(clock=clock) as simulator:
        yield simulator


async def choose(hass: HomeAssistant, entry_id: str, **said: Any) -> Any:
    """Walk to the form and answer it; returns what comes of that."""
    flow = await hass.config_entries.options.async_init(entry_id)
    flow = await hass.config_entries.options.async_configure(flow["flow_id"], {"next_step_id": "vpn"})
    assert flow["step_id"] == "vpn"
    flow = await hass.config_entries.options.async_configure(flow["flow_id"], {"backend": QBITTORRENT_ID})
    flow = await hass.config_entries.options.async_configure(flow["flow_id"], {"next_step_id": "shelter"})
    assert flow["step_id"] == "shelter"
    result = await hass.config_entries.options.async_configure(flow["flow_id"], said)
    await hass.async_block_till_done(wait_background_tasks=True)
    return result


async def test_a_person_says_how_a_client_is_sheltered(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    vpn = subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun")
    entry = await set_up(qbittorrent_subentry(qbittorrent), vpn)
    hub = entry.runtime_data
    guard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
    assert shown(hass, PROTECTION) == "none"
    done = await choose(hass, entry.entry_id, vpn=GLUETUN_ID, way="namespace", proxy=PROXY)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert (guard.shelter.containment, guard.shelter.vpn_id) == (Containment.NAMESPACE, GLUETUN_ID)
    assert guard.proxy == PROXY
    await pass_time(STEP)
    assert shown(hass, PROTECTION) == "contained"
    # it outlives a reload
    await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(STEP)
    assert shown(hass, PROTECTION) == "contained"
    await choose(hass, entry.entry_id, vpn="none", way="open")
    await pass_time(STEP)
    assert shown(hass, PROTECTION) == "none"
    await choose(hass, entry.entry_id, vpn="automatic", way="open")
    assert shown(hass, PROTECTION) == "none"  # nothing points to a VPN


async def test_what_services_said_through_another_proxy_tells_nothing_of_this_one(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"))
    guard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
    await choose(hass, entry.entry_id, vpn=GLUETUN_ID, way="open", proxy=PROXY)
    now = dt_util.utcnow()
    guard.lane.memory = replace(guard.lane.memory, along_at=now)
    for proxy, known in (("", now), (PROXY, now), ("http://gluetun:8889", None)):
        await choose(hass, entry.entry_id, vpn=GLUETUN_ID, way="open", proxy=proxy)
        await pass_time(STEP)
        assert guard.lane.memory.along_at == known


@pytest.mark.parametrize(
    ("said", "field", "error"),
    [
        ({"vpn": "other", "way": "bound"}, "interface", "interface_missing"),
        ({"vpn": "other", "way": "open", "proxy": PROXY}, "proxy", "proxy_of_no_backend"),
        ({"vpn": "other", "way": "open", "proxy": "gluetun:8888"}, "proxy", "not_a_proxy"),
        ({"vpn": "other", "way": "open", "proxy": "http://[1"}, "proxy", "not_a_proxy"),
        ({"vpn": "automatic", "way": "open", "proxy": "gluetun:8888"}, "proxy", "not_a_proxy"),
        ({"vpn": "other", "way": "open", "proxy": "http://m%3Ae:pass@gluetun:8888"}, "proxy", "colon_in_name"),
        ({"vpn": "automatic", "way": "open", "proxy": PROXY}, "proxy", "proxy_of_no_backend"),  # none was found
    ],
)
async def test_what_can_not_be_so(
    said: dict[str, str], field: str, error: str, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await choose(hass, entry.entry_id, **said)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {field: error}
    fixed = {"vpn": "other", "way": "bound", "interface": "wg0"}
    result = await hass.config_entries.options.async_configure(result["flow_id"], fixed)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_without_a_download_client_there_is_nothing_to_say(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    result = await hass.config_entries.options.async_configure(flow["flow_id"], {"next_step_id": "vpn"})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_to_guard")


async def test_a_client_that_is_removed_meanwhile(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    flow = await hass.config_entries.options.async_configure(flow["flow_id"], {"next_step_id": "vpn"})
    hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await hass.config_entries.options.async_configure(flow["flow_id"], {"backend": QBITTORRENT_ID})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_to_guard")


async def test_a_client_that_is_not_bound_as_was_said_leaks_and_that_is_reported(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await choose(hass, entry.entry_id, vpn="other", way="bound", interface="wg0")
    await pass_time(STEP)
    assert running(qbittorrent) == set()
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"vpn_leaking_{QBITTORRENT_ID}")
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["reason"].startswith("qBittorrent has to be bound to wg0")
    bind(qbittorrent, "wg0")
    await pass_time(STEP, times=14)
    assert running(qbittorrent) == {"one"}
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"vpn_leaking_{QBITTORRENT_ID}") is None


async def test_an_open_client_is_stopped_when_its_vpn_goes_down_and_goes_on_when_it_is_back(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    vpn = subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun")
    entry = await set_up(qbittorrent_subentry(qbittorrent), vpn)
    await choose(hass, entry.entry_id, vpn=GLUETUN_ID, way="open")
    await pass_time(STEP)
    assert running(qbittorrent) == {"one", "two"}
    gluetun.tunnel.crash()
    await pass_time(STEP)
    assert shown(hass, PROTECTION) == "down"
    assert running(qbittorrent) == set()
    await pass_time(STEP, times=4)
    assert gluetun.tunnel.connection is not None
    qbittorrent.engine.weather.external_address = gluetun.tunnel.connection.server.address  # a tracker told it
    await pass_time(STEP, times=12)
    assert running(qbittorrent) == {"one", "two"}


async def test_that_it_is_to_be_found_out_lets_go_of_nothing(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """The form as it is shown to whoever worries because of a leak: what was found out before still holds."""
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await pass_time(STEP)
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"
    for said in ({"vpn": "automatic", "way": "bound"}, {"vpn": "other", "way": "bound", "interface": "tun0 "},
                 {"vpn": "automatic", "way": "bound"}):  # fmt: skip
        await choose(hass, entry.entry_id, **said)
        await pass_time(STEP, times=4)
        assert shown(hass, PROTECTION) == "leaking"
        assert running(qbittorrent) == set()
    bind(qbittorrent, "tun0")
    await pass_time(STEP, times=14)
    assert running(qbittorrent) == {"one"}


async def test_a_proxy_of_the_vpn_that_was_found_is_kept(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, set_up: SetUp
) -> None:
    """Who lets SOKOUL find out is asked for the proxy, too."""
    assert gluetun.tunnel.connection is not None
    qbittorrent.engine.weather.external_address = gluetun.tunnel.connection.server.address
    entry = await set_up(qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID))
    guard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
    done = await choose(hass, entry.entry_id, vpn="automatic", way="open", proxy=PROXY)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert (guard.shelter.clue, guard.proxy) == (Clue.ADDRESS, PROXY)
    await choose(hass, entry.entry_id, vpn="automatic", way="open")
    assert not guard.proxy


async def advice_on(hass: HomeAssistant) -> str | None:
    """Return what a check-up advises where no client is known to be behind the VPN; None: it doesn't say that."""
    found = (await findings(hass)).get("nobody_behind")
    return found["advice"] if found is not None else None


@pytest.mark.parametrize(("version", "looks_up_address"), [("5.0", True), ("4.5", True), ("5.2", False)])
async def test_a_vpn_that_nobody_is_known_to_be_behind_is_asked_about_until_it_is_said(
    version: str,
    looks_up_address: bool,  # noqa: FBT001 -- a case
    hass: HomeAssistant,
    clock: ManualClock,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    gluetun.looks_up_address = looks_up_address
    vpn = subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun")
    async with QbittorrentSimulator(version, username=USERNAME, password=PASSWORD, clock=clock) as qbittorrent:
        entry = await set_up(qbittorrent_subentry(qbittorrent), vpn)
        await pass_time(timedelta(seconds=10), times=6)
        assert shown(hass, PROTECTION) == "none"
        assert "qBittorrent" in (await advice_on(hass) or "")
        for said, asked in (("none", False), ("automatic", True), (GLUETUN_ID, False), ("other", False)):
            await choose(hass, entry.entry_id, vpn=said, way="open")
            assert (await advice_on(hass) is not None) is asked, said
        await choose(hass, entry.entry_id, vpn="automatic", way="open")
        gluetun.tunnel.apply("stopped")
        await pass_time(timedelta(seconds=10), times=2)
        assert await advice_on(hass) is None


async def test_a_vpn_at_whose_end_the_client_is_seen_is_not_asked_about(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    assert gluetun.tunnel.connection is not None
    weather = qbittorrent.engine.weather
    weather.external_address = ""
    await set_up(qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"))
    assert await advice_on(hass) is None, "nobody has told it yet where it is seen"
    weather.external_address = "203.0.113.7"
    await pass_time(STEP, times=12)
    assert await advice_on(hass) is not None
    weather.external_address = gluetun.tunnel.connection.server.address
    await pass_time(STEP, times=12)
    assert await advice_on(hass) is None


async def test_a_vpn_whose_network_the_client_shares_is_not_asked_about(
    hass: HomeAssistant, clock: ManualClock, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """The engine knows it, so until it has answered for the first time nobody is asked."""
    async with (
        DockerSimulator("1.44", clock=clock) as docker,
        QbittorrentSimulator("5.0", username=USERNAME, password=PASSWORD, clock=clock) as qbittorrent,
    ):
        docker.fault("status", status=500)
        await set_up(
            qbittorrent_subentry(qbittorrent),
            subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"),
            subentry("docker", docker, "01SOKOULDOCKER000000000000", title="Docker"),
        )
        assert await advice_on(hass) is None
        docker.clear_faults()
        await pass_time(timedelta(seconds=10), times=3)
        assert await advice_on(hass) is not None, "it has containers of neither"
        vpn = docker.add("gluetun")
        docker.add("qbittorrent", network_mode=f"container:{vpn.id}")
        await pass_time(timedelta(seconds=10), times=6)
        assert shown(hass, PROTECTION) == "contained"
        assert await advice_on(hass) is None
