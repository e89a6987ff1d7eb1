"""When Home Assistant ends, it closes connections that the guard is using: that is no error of the guard."""

from homeassistant.core import CoreState, HomeAssistant
import pytest

from devstack.qbittorrent import QbittorrentSimulator

from .conftest import PassTime, SetUp
from .test_pause import add
from .test_vpn_guard import STEP, bind, guard_of


@pytest.mark.parametrize(
    ("state", "said"), [(CoreState.running, True), (CoreState.stopping, False), (CoreState.final_write, False)]
)
async def test_a_connection_that_is_closed_under_the_guard(
    *,
    state: CoreState,
    said: bool,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)

    async def closed() -> None:
        assert hass is None, "aiohttp asserts that it has a connector"

    with monkeypatch.context() as broken:
        broken.setattr(guard.backend.client, "transfer", closed)
        hass.set_state(state)
        await pass_time(STEP)
        hass.set_state(CoreState.running)
    assert ("could not look" in caplog.text) is said
    assert guard.guards, "it goes on"
    caplog.clear()  # the harness takes an error for one of the test
