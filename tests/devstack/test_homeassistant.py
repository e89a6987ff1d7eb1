"""The launcher of a real Home Assistant, and what it takes for a problem in its log."""

from pathlib import Path

import pytest

from devstack.homeassistant import HomeAssistant, HomeAssistantError, LogRecord, parse_log

STAMP = "2026-11-21 06:31:25.489+00:00"
NOT_TESTED = "We found a custom integration sokoul which has not been tested by Home Assistant. This component might"
STOPPED_EARLY = (
    "Error setting up entry  for it\nTraceback\nasyncio.exceptions.CancelledError: Home Assistant is stopping"
)
LEFT = (
    "[1] 127.0.0.1 (Mozilla/5.0): Unexpected error inside websocket API\nTraceback\n"
    "aiohttp.client_exceptions.ClientConnectionResetError: Cannot write to closing transport"
)


def problems(text: str) -> list[str]:
    return [record.text for record in parse_log(text) if record.is_problem]


@pytest.fixture
def _in_a_folder_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devstack.homeassistant._FOLDERS", ("/opt/sokoul/",))


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP} ERROR (MainThread) [homeassistant.components.recorder] Anything",
        f"{STAMP} CRITICAL (MainThread) [homeassistant.core] Anything",
        f"{STAMP} WARNING (MainThread) [custom_components.sokoul.hub] Anything",
        f"{STAMP} WARNING (MainThread) [homeassistant.components.sensor] Setup of sensor platform sokoul is slow",
        f"{STAMP} WARNING (MainThread) [homeassistant.util.loop] Detected blocking call to open with args",
        f"{STAMP} WARNING (MainThread) [homeassistant.core] In /work/custom_components/sokoul/hub.py",
        f"{STAMP} WARNING (MainThread) [homeassistant.core] In /opt/sokoul/custom_components/sokoul/hub.py",
        f"{STAMP} ERROR (MainThread) [custom_components.sokoul] {STOPPED_EARLY}",
        f"{STAMP} ERROR (MainThread) [homeassistant.components.backup] {STOPPED_EARLY}",
        f"{STAMP} ERROR (MainThread) [custom_components.sokoul.clients.http] {LEFT}",
        f"{STAMP} ERROR (MainThread) [homeassistant.components.websocket_api.http] {LEFT} somewhere else",
        "Traceback (most recent call last):",
        "Fatal Python error: Segmentation fault",
    ],
)
@pytest.mark.usefixtures("_in_a_folder_of_that_name")
def test_a_problem(line: str) -> None:
    assert problems(line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP} INFO (MainThread) [custom_components.sokoul] Set up",
        f"{STAMP} WARNING (MainThread) [homeassistant.components.http] About something else",
        f"{STAMP} WARNING (SyncWorker_0) [homeassistant.loader] {NOT_TESTED}",
        f"{STAMP} WARNING (MainThread) [homeassistant.core] In /opt/sokoul/lib/python3.14/asyncio/tasks.py",
        f"{STAMP} ERROR (MainThread) [homeassistant.components.websocket_api.http.connection] {LEFT}",
        "Something printed",
    ],
)
@pytest.mark.usefixtures("_in_a_folder_of_that_name")
def test_no_problem(line: str) -> None:
    assert problems(line) == []


def test_a_traceback_belongs_to_its_record() -> None:
    error = f'{STAMP} ERROR (MainThread) [a] Failed\nTraceback (most recent call last):\n  File "x.py"\nValueError: no'
    text = f"{STAMP} INFO (MainThread) [a] Before\n{error}\n{STAMP} INFO (MainThread) [a] After"
    assert problems(text) == [error]


def test_a_traceback_printed_behind_a_harmless_record_is_seen() -> None:
    printed = "Exception ignored in: <coroutine object f>\nTraceback (most recent call last):\nRuntimeError: no"
    text = f"{STAMP} INFO (MainThread) [a] Before\n{printed}"
    assert parse_log(text) == [LogRecord("INFO", text)]
    assert problems(text) == [text]


@pytest.mark.real
@pytest.mark.usefixtures("socket_enabled")
async def test_it_starts_answers_stops_and_starts_again(tmp_path: Path) -> None:
    home_assistant = HomeAssistant(tmp_path / "config", language="fr", integration=None)
    await home_assistant.start()
    try:
        config = await home_assistant.rest("GET", "/api/config")
        user = await home_assistant.ws("auth/current_user")
        assert (config["state"], config["language"], config["config_dir"]) == (
            "RUNNING",
            "fr",
            str(tmp_path / "config"),
        )
        assert (user["name"], user["is_owner"]) == ("Owner", True)
        areas = {area["name"] for area in await home_assistant.ws("config/area_registry/list")}
        assert "Cuisine" in areas
        # what it adds by itself once it runs is there, too: a stop would interrupt that
        entries = {entry["domain"]: entry for entry in await home_assistant.ws("config_entries/get")}
        assert {entries[domain]["state"] for domain in ("analytics", "backup")} == {"loaded"}
        # and what would ask the internet doesn't, nor do interfaces matter that come and go
        assert entries["marketplace"]["disabled_by"] == "user"
        assert (await home_assistant.ws("network"))["configured_adapters"] == ["lo"]
        with pytest.raises(HomeAssistantError, match="404"):
            await home_assistant.rest("GET", "/api/states/sensor.none")
        with pytest.raises(HomeAssistantError, match="unknown_command"):
            await home_assistant.ws("no/such/command")
        with pytest.raises(HomeAssistantError, match="400"):
            await home_assistant.rest("POST", "/api/services/homeassistant/no_such_action", json={})
        with pytest.raises(HomeAssistantError, match="did not start: it ended"):
            await HomeAssistant(tmp_path / "config", integration=None).start()  # a folder serves one at a time
    finally:
        await home_assistant.stop()

    assert home_assistant.pid is None
    assert processes_in(tmp_path) == []
    assert home_assistant.log_problems() == []
    assert "Starting the Marketplace" not in home_assistant.log_text()

    later = HomeAssistant(tmp_path / "config", home_assistant.port)
    async with later:
        assert (await later.ws("auth/current_user"))["id"] == user["id"]
    assert processes_in(tmp_path) == []


@pytest.mark.real
@pytest.mark.usefixtures("socket_enabled")
async def test_a_broken_configuration_is_no_start(tmp_path: Path) -> None:
    (tmp_path / "configuration.yaml").write_text("homeassistant: [not a mapping\n")
    home_assistant = HomeAssistant(tmp_path, integration=None)
    with pytest.raises(HomeAssistantError, match=r"recovery mode(.|\n)*configuration\.yaml"):
        await home_assistant.start()
    assert home_assistant.pid is None
    assert processes_in(tmp_path) == []


def processes_in(folder: Path) -> list[str]:
    """Return the command lines that name a folder."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if str(folder) in line:
            lines.append(line)
    return lines
