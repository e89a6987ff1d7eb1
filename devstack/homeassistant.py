"""A real Home Assistant in a folder of its own, on 127.0.0.1, with the integration linked in and an owner made.

It needs no network: what its components require is installed by `scripts/setup`, and those that ask the internet are
left out. Written for Home Assistant 2026.11.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import re
import signal
import sys
from typing import Any, Self
import uuid

from aiohttp import ClientConnectionResetError, ClientError, ClientSession, ClientTimeout, ClientWebSocketResponse

from .ports import free_port

REPOSITORY = Path(__file__).resolve().parent.parent
INTEGRATION = REPOSITORY / "custom_components" / "sokoul"
#: A component that leads what the integration asks of the machine and of the internet to simulators.
DEMO_WORLD = Path(__file__).with_name("demo_world")

OWNER = "owner"
PASSWORD = "owner-password"

# `default_config` would bring components that need the internet or programs that aren't there
CONFIGURATION = """\
homeassistant:
  name: SOKOUL
  latitude: 48.85
  longitude: 2.35
  elevation: 35
  unit_system: metric
  time_zone: Europe/Paris
  country: FR
  currency: EUR
  language: {language}
  media_dirs:
    local: {media}
frontend:
config:
conversation:
recorder:
history:
logbook:
media_source:
todo:
calendar:
system_health:
system_log:
diagnostics:
application_credentials:
backup:
prometheus:
automation: []
script: {{}}
scene: []
person:
logger:
  default: info
"""

# What says nothing about the integration:
_EXPECTED = (
    # it is said of every custom integration
    re.compile(r"We found a custom integration sokoul which has not been tested by Home Assistant"),
    # a browser's page was closed while it was being answered
    re.compile(
        r"\[homeassistant\.components\.websocket_api\S*\] (?!.*sokoul).*"
        r"ClientConnectionResetError: Cannot write to closing transport$",
        re.DOTALL,
    ),
)

# components of every Home Assistant, which add their entries by flows at the first start
_FLOW_THEMSELVES = ("analytics", "backup")
# this one, too, and it asks GitHub from then on
_ASKS_THE_INTERNET = "marketplace"
# states of an entry that is being set up, or about to be
_ON_THE_WAY = ("not_loaded", "setup_in_progress")

# where Python, what it has installed, and we are: a folder that is called as the integration doesn't name it
_FOLDERS = tuple(f"{folder}/" for folder in (sys.prefix, REPOSITORY, sys.base_prefix))

_START_SECONDS = 120  # a first start compiles everything; on two busy cores that takes its time
_STOP_SECONDS = 30
_REQUEST_SECONDS = 60

_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\S* (?P<level>[A-Z]+) \(")
_RAW_FAILURE = re.compile(r"^(Traceback \(most recent call last\)|Exception ignored |Fatal Python error)", re.MULTILINE)


class HomeAssistantError(Exception):
    """Home Assistant refused a request, or did not start."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One message of the log, with its traceback."""

    level: str  # "" for what was printed without the logging module
    text: str

    @property
    def is_problem(self) -> bool:
        """Whether a clean run doesn't have it."""
        if any(expected.search(self.text) for expected in _EXPECTED):
            return False
        return (
            self.level in {"ERROR", "CRITICAL", "FATAL"}
            or (self.level == "WARNING" and self._names_the_integration)
            or "Detected blocking call" in self.text
            or _RAW_FAILURE.search(self.text) is not None
        )

    @property
    def _names_the_integration(self) -> bool:
        text = self.text
        for folder in _FOLDERS:
            text = text.replace(folder, "/")
        return "sokoul" in text.lower()


def parse_log(text: str) -> list[LogRecord]:
    """Split a log into its records; lines that start none belong to the one before."""
    records: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if match := _RECORD.match(line):
            records.append((match["level"], [line]))
        elif records:
            records[-1][1].append(line)
        else:
            records.append(("", [line]))
    return [LogRecord(level, "\n".join(lines)) for level, lines in records]


class HomeAssistant:
    """A Home Assistant process; `start` returns when it runs and its owner is logged in.

    A second start on the same folder goes on where the first ended. `port` 0 takes a free one. `integration` is linked
    into its `custom_components`, None leaves that empty. `world` is what `demo_world` is told, None does without it.
    """

    def __init__(
        self,
        config_dir: Path,
        port: int = 0,
        language: str = "en",
        *,
        integration: Path | None = INTEGRATION,
        world: Mapping[str, Any] | None = None,
    ) -> None:
        self.config_dir = config_dir
        self.port = port or free_port()
        self.language = language
        self.token = ""  # long-lived, of the owner
        self._components = [each for each in (integration, DEMO_WORLD if world is not None else None) if each]
        self._world = world
        self._expected: list[re.Pattern[str]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._session: ClientSession | None = None
        self._websocket: ClientWebSocketResponse | None = None
        self._websocket_lock = asyncio.Lock()
        self._last_id = 0

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process, None when there is none."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start it, make the owner or log in, and wait until every component is set up.

        Raises `HomeAssistantError` with the end of the log when it doesn't come up.
        """
        await asyncio.to_thread(self._prepare_folder)
        try:
            await self._start_process()
            async with asyncio.timeout(_START_SECONDS):
                await self._wait_for_server()
                await self._log_in()
                await self._wait_until_running()
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise self._did_not_start(f"not ready after {_START_SECONDS} seconds") from None
            raise

    async def stop(self) -> None:
        """End it as Ctrl-C does, so that it saves its state; what doesn't end in time is killed with its children."""
        if self._websocket is not None:
            await self._websocket.close()
            self._websocket = None
        if self._session is not None:
            await self._session.close()
            self._session = None
        if (process := self._process) is None:
            return
        self._process = None
        try:
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except ProcessLookupError, TimeoutError:
            pass
        finally:  # also when we are cancelled while we wait
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    # --- requests ------------------------------------------------------------------------------------------------

    async def rest(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request as the owner, `path` from "/api/..." on; return the JSON of the answer, or its text.

        Raises `HomeAssistantError` with the answer when its status is 400 or above.
        """
        return await self._request(method, path, json=json, headers={"Authorization": f"Bearer {self.token}"})

    async def ws(self, command: str, /, **payload: Any) -> Any:
        """Send a websocket command as the owner and return its result.

        Raises `HomeAssistantError` with the code and message when it fails.
        """
        async with self._websocket_lock, asyncio.timeout(_REQUEST_SECONDS):
            if self._websocket is None or self._websocket.closed:
                self._websocket = await self._connect(self.token)
            self._last_id += 1
            try:
                return await _ask(self._websocket, self._last_id, command, payload)
            except ClientConnectionResetError:
                # nobody read its pings between two commands, so that the server gave the connection up
                self._websocket = await self._connect(self.token)
                return await _ask(self._websocket, self._last_id, command, payload)

    # --- the log -------------------------------------------------------------------------------------------------

    def log_text(self) -> str:
        """Return everything that it logged and printed, in all its starts on this folder."""
        try:
            return self._log_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def log_problems(self) -> list[str]:
        """Return what a clean run doesn't log, with tracebacks.

        That is every error, every warning that names the integration, every blocking call on the event loop, and
        every traceback that was only printed.
        """
        return [
            record.text
            for record in parse_log(self.log_text())
            if record.is_problem and not any(expected.search(record.text) for expected in self._expected)
        ]

    def expect(self, pattern: str) -> None:
        """Take what matches for no problem: it is the right answer to something that was done on purpose."""
        self._expected.append(re.compile(pattern))

    @property
    def _log_file(self) -> Path:
        return self.config_dir / "stdout.log"

    # --- start, step by step -------------------------------------------------------------------------------------

    def _prepare_folder(self) -> None:
        storage = self.config_dir / ".storage"
        storage.mkdir(parents=True, exist_ok=True)
        configuration = self.config_dir / "configuration.yaml"
        if not configuration.exists():
            media = self.config_dir / "media"  # its own choice would depend on whether this is a container
            media.mkdir(exist_ok=True)
            text = CONFIGURATION.format(language=self.language, media=media)
            if self._world is not None:
                text += f"{DEMO_WORLD.name}: {json.dumps(self._world)}\n"  # JSON is YAML, too
            configuration.write_text(text, encoding="utf-8")
        # `http:` in YAML is on trial for five minutes only, then the port would be 8123 of all addresses again, and
        # the frontend would ask to confirm it
        _write_storage(
            storage, "http", 3, {"stable": self._http_settings(), "pending": None, "yaml_migration_done": True}
        )
        # on others, mDNS makes the set-up of entries fail when one goes just then, or none has a route
        _write_storage(storage, "core.network", 1, {"configured_adapters": ["lo"]})
        if not (entries := storage / "core.config_entries").exists():
            disabled = {"domain": _ASKS_THE_INTERNET, "disabled_by": "user"}
            _write_storage(storage, entries.name, 1, {"entries": [_new_entry() | disabled]}, minor_version=5)
        # the other steps would add components that need the internet
        if not (storage / "onboarding").exists():
            _write_storage(storage, "onboarding", 4, {"done": ["core_config", "analytics", "integration"]})
        for component in self._components:
            link = self.config_dir / "custom_components" / component.name
            link.parent.mkdir(exist_ok=True)
            if not link.exists():
                link.symlink_to(component, target_is_directory=True)

    def _http_settings(self) -> dict[str, Any]:
        return {
            "server_port": self.port,
            "server_host": ["127.0.0.1"],
            "cors_allowed_origins": [],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": False,
            "ssl_profile": "intermediate_v6",
            "use_x_frame_options": True,
            "created_at": datetime.now(UTC).isoformat(),
            "error": None,
            "error_message": None,
        }

    async def _start_process(self) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile Home Assistant again
        environment.pop("PYTHONPATH", None)  # it finds the components by their links alone
        program = Path(sys.executable).parent / "hass"
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                program,
                "--config",
                self.config_dir,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal reaches us alone, and we end it with its children
            )
        self._session = ClientSession(timeout=ClientTimeout(total=_REQUEST_SECONDS))

    async def _wait_for_server(self) -> None:
        while True:
            try:
                await self._request("GET", "/manifest.json")  # the frontend's, which is set up after what login needs
            except ClientError, HomeAssistantError:
                await self._pause()
            else:
                return

    async def _wait_until_running(self) -> None:
        while (config := await self.ws("get_config"))["state"] != "RUNNING":
            await self._pause()
        if config["recovery_mode"]:
            raise self._did_not_start("it came up in recovery mode")
        if self._world is not None and DEMO_WORLD.name not in config["components"]:
            raise self._did_not_start("the internet would be asked instead of simulators")
        # it runs before it begins the flows that its components asked for: a stop would interrupt them, with an error
        for domain in _FLOW_THEMSELVES:
            while domain in config["components"] and not await self._is_set_up(domain):
                await self._pause()

    async def _is_set_up(self, domain: str) -> bool:
        entries = await self.ws("config_entries/get", domain=domain)
        return bool(entries) and all(entry["state"] not in _ON_THE_WAY for entry in entries)

    async def _pause(self) -> None:
        if self._process is None or self._process.returncode is not None:
            raise self._did_not_start("it ended")
        await asyncio.sleep(0.1)

    def _did_not_start(self, reason: str) -> HomeAssistantError:
        end = "\n".join(self.log_text().splitlines()[-20:])
        return HomeAssistantError(f"Home Assistant in {self.config_dir} did not start: {reason}\n{end}")

    async def _log_in(self) -> None:
        if self.token:
            return
        is_new = "user" not in await asyncio.to_thread(_onboarding_done, self.config_dir)
        code = await (self._make_owner() if is_new else self._authorize())
        form = {"client_id": f"{self.url}/", "code": code, "grant_type": "authorization_code"}
        access_token = (await self._request("POST", "/auth/token", data=form))["access_token"]
        async with self._short_connection(access_token) as websocket:
            name = f"devstack {datetime.now(UTC).isoformat()}"
            self.token = await _ask(
                websocket, 1, "auth/long_lived_access_token", {"client_name": name, "lifespan": 365}
            )
        if is_new:
            await self._settle_frontend()

    async def _make_owner(self) -> str:
        owner = {"name": "Owner", "username": OWNER, "password": PASSWORD, "language": self.language}
        answer = await self._request("POST", "/api/onboarding/users", json={"client_id": f"{self.url}/", **owner})
        code: str = answer["auth_code"]
        return code

    async def _authorize(self) -> str:
        client = {"client_id": f"{self.url}/"}
        handler = {"handler": ["homeassistant", None], "redirect_uri": f"{self.url}/"}
        flow = await self._request("POST", "/auth/login_flow", json={**client, **handler})
        credentials = {"username": OWNER, "password": PASSWORD}
        answer = await self._request("POST", f"/auth/login_flow/{flow['flow_id']}", json={**client, **credentials})
        code: str = answer["result"]
        return code

    async def _settle_frontend(self) -> None:
        """Do what the frontend's onboarding pages do: without it a banner welcomes to the new dashboard."""
        version = (await self.ws("get_config"))["version"]
        await self.ws(
            "frontend/set_system_data",
            key="core",
            value={"onboarded_version": version, "onboarded_date": datetime.now(UTC).isoformat()},
        )
        await self.ws("frontend/set_user_data", key="language", value={"language": self.language})

    # --- connections ---------------------------------------------------------------------------------------------

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        if self._session is None:
            raise HomeAssistantError("Home Assistant is not running")
        async with self._session.request(method, self.url + path, **options) as answer:
            text = await answer.text()
            if not answer.ok:
                raise HomeAssistantError(f"{method} {path}: {answer.status} {text}")
            return json.loads(text) if answer.content_type == "application/json" else text

    async def _connect(self, token: str) -> ClientWebSocketResponse:
        if self._session is None:
            raise HomeAssistantError("Home Assistant is not running")
        websocket = await self._session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0)
        await websocket.receive_json()  # auth_required
        await websocket.send_json({"type": "auth", "access_token": token})
        if (answer := await websocket.receive_json())["type"] != "auth_ok":
            await websocket.close()
            raise HomeAssistantError(f"websocket: {answer}")
        return websocket

    @contextlib.asynccontextmanager
    async def _short_connection(self, token: str) -> AsyncIterator[ClientWebSocketResponse]:
        websocket = await self._connect(token)
        try:
            yield websocket
        finally:
            await websocket.close()


async def _ask(websocket: ClientWebSocketResponse, number: int, command: str, payload: dict[str, Any]) -> Any:
    await websocket.send_json({"id": number, "type": command, **payload})
    while True:
        answer = await websocket.receive_json()
        if answer.get("id") == number and answer["type"] == "result":
            break
    if not answer["success"]:
        raise HomeAssistantError(f"{command}: {answer['error']['code']}: {answer['error']['message']}")
    return answer["result"]


def _onboarding_done(config_dir: Path) -> list[str]:
    done: list[str] = json.loads((config_dir / ".storage/onboarding").read_text(encoding="utf-8"))["data"]["done"]
    return done


def _new_entry() -> dict[str, Any]:
    """Return what is stored of an entry that its component made by itself, without the domain."""
    now = datetime.now(UTC).isoformat()
    return {
        "created_at": now,
        "data": {},
        "discovery_keys": {},
        "entry_id": uuid.uuid4().hex,
        "minor_version": 1,
        "modified_at": now,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "system",
        "subentries": [],
        "title": "",
        "unique_id": None,
        "version": 1,
    }


def _write_storage(folder: Path, key: str, version: int, data: dict[str, Any], *, minor_version: int = 1) -> None:
    content = {"version": version, "minor_version": minor_version, "key": key, "data": data}
    (folder / key).write_text(json.dumps(content), encoding="utf-8")
