"""The actions of the simulated web API but for those of torrents, and how an action is declared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import json
from typing import Any

import orjson

from .qbittorrent_access import Access, WebSession
from .qbittorrent_engine import Engine
from .qbittorrent_state import transfer_info
from .qbittorrent_versions import Generation


class ApiError(Exception):
    """A refusal with its status; without a text the answer is the status's own phrase."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Answer:
    """What an action says."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain"
    file_name: str = ""


@dataclass(slots=True)
class Call:
    """One request to one action."""

    engine: Engine
    access: Access
    session: WebSession
    parameters: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)  # uploaded, by file name
    links: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # torrents to fetch afterwards, with options

    @property
    def generation(self) -> Generation:
        """The version that is imitated."""
        return self.engine.generation

    def text(self, name: str) -> str:
        """Return a parameter, empty without it."""
        return self.parameters.get(name, "")

    def integer(self, name: str) -> int:
        """Return a parameter as a number as Qt reads it: 0 when it is none."""
        try:
            return int(self.text(name))
        except ValueError:
            return 0

    def flag(self, name: str) -> bool | None:
        """Return a yes or no, None when it is neither."""
        return {"true": True, "1": True, "false": False, "0": False}.get(self.text(name).lower())


type Action = Callable[[Call], Answer | None]


@dataclass(frozen=True, slots=True)
class Declared:
    """An action and what the server checks before it runs."""

    run: Action
    post: bool
    required: tuple[str, ...]
    since: tuple[int, ...]
    until: tuple[int, ...] | None
    silent: bool  # answers 204 where the version does so for actions without data


ACTIONS: dict[str, Declared] = {}


def action(
    name: str,
    *required: str,
    post: bool = False,
    since: tuple[int, ...] = (2,),
    until: tuple[int, ...] | None = None,
    silent: bool = False,
) -> Callable[[Action], Action]:
    """Declare an action, `scope/name`, with the parameters that it can't do without."""

    def declare(run: Action) -> Action:
        ACTIONS[name] = Declared(run, post, required, since, until, silent)
        return run

    return declare


def find(name: str, generation: Generation) -> Declared | None:
    """Return an action that this generation has."""
    declared = ACTIONS.get(name)
    if declared is None or not generation.since(*declared.since):
        return None
    return None if declared.until is not None and generation.since(*declared.until) else declared


def perform(declared: Declared, call: Call) -> Answer:
    """Run an action. Raises ApiError."""
    if missing := [name for name in declared.required if name not in call.parameters]:
        named = call.generation.since(2, 14)
        raise ApiError(400, f"Missing required parameters: {', '.join(missing)}" if named else "")
    answer = declared.run(call)
    if answer is not None:
        return answer
    return Answer(status=204) if declared.silent and call.generation.since(2, 11, 8) else Answer()


def as_json(value: Any, status: int = 200) -> Answer:
    """Return an answer in JSON; keys in order, as Qt writes them."""
    return Answer(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), status, "application/json")


def as_text(value: object) -> Answer:
    """Return an answer in plain text."""
    return Answer(str(value).encode())


# --- app -------------------------------------------------------------------------------------------------------------


@action("app/version")
def _version(call: Call) -> Answer:
    return as_text(call.generation.application)


@action("app/webapiVersion")
def _webapi_version(call: Call) -> Answer:
    return as_text(call.generation.api_version)


@action("app/buildInfo")
def _build_info(call: Call) -> Answer:
    return as_json(call.generation.build_info())


@action("app/defaultSavePath")
def _default_save_path(call: Call) -> Answer:
    return as_text(call.engine.preferences["save_path"])


@action("app/preferences")
def _preferences(call: Call) -> Answer:
    key = {"web_ui_api_key": call.access.api_key or ""} if call.generation.since(2, 14) else {}
    return as_json(call.engine.preferences | key)


@action("app/setPreferences", "json", post=True)
def _set_preferences(call: Call) -> None:
    try:
        values = json.loads(call.text("json"))
    except ValueError:
        return
    if isinstance(values, dict):
        call.engine.set_preferences(values)
        if name := values.get("web_ui_username"):
            call.access.username = name
        if password := values.get("web_ui_password"):
            call.access.password = password


@action("app/networkInterfaceList")
def _interfaces(call: Call) -> Answer:
    bound = call.engine.preferences["current_network_interface"]
    names = dict.fromkeys([*call.engine.weather.interfaces, *([bound] if bound else [])])
    gone = call.engine.weather.interfaces_gone
    return as_json([{"name": name, "value": name} for name in names if name not in gone])


@action("app/networkInterfaceAddressList", "iface")
def _interface_addresses(call: Call) -> Answer:
    weather, name = call.engine.weather, call.text("iface")
    if name in weather.without_address or name in weather.interfaces_gone:
        return as_json([])
    return as_json({"": [], "lo": ["127.0.0.1", "::1"]}.get(name, ["10.2.0.2"]))


@action("app/rotateAPIKey", post=True, since=(2, 14, 1))
def _rotate_key(call: Call) -> Answer:
    return as_json({"apiKey": call.access.rotate_key()})


@action("app/deleteAPIKey", post=True, since=(2, 14, 1), silent=True)
def _delete_key(call: Call) -> None:
    call.access.delete_key()


@action("auth/logout", post=True)
def _log_out(call: Call) -> None:
    call.access.close(call.session)


# --- sync and transfer -----------------------------------------------------------------------------------------------


@action("sync/maindata")
def _maindata(call: Call) -> Answer:
    return Answer(call.session.maindata.answer(call.integer("rid")), content_type="application/json")


@action("transfer/info")
def _transfer_info(call: Call) -> Answer:
    return as_json(transfer_info(call.engine))


@action("transfer/downloadLimit")
def _download_limit(call: Call) -> Answer:
    return as_text(call.engine.limit("dl"))


@action("transfer/uploadLimit")
def _upload_limit(call: Call) -> Answer:
    return as_text(call.engine.limit("up"))


@action("transfer/setDownloadLimit", "limit", post=True)
def _set_download_limit(call: Call) -> None:
    call.engine.set_limit("dl", call.integer("limit"))


@action("transfer/setUploadLimit", "limit", post=True)
def _set_upload_limit(call: Call) -> None:
    call.engine.set_limit("up", call.integer("limit"))


@action("transfer/speedLimitsMode")
def _speed_limits_mode(call: Call) -> Answer:
    return as_text(int(call.engine.alternative_limits))


@action("transfer/toggleSpeedLimitsMode", post=True)
def _toggle_speed_limits_mode(call: Call) -> None:
    call.engine.set_alternative_limits(not call.engine.alternative_limits)


@action("transfer/setSpeedLimitsMode", "mode", post=True)
def _set_speed_limits_mode(call: Call) -> None:
    if call.text("mode") not in {"0", "1"}:
        raise ApiError(400, "'mode': invalid argument")
    call.engine.set_alternative_limits(call.text("mode") == "1")


# --- log -------------------------------------------------------------------------------------------------------------


@action("log/main")
def _log(call: Call) -> Answer:
    started = f"qBittorrent {call.generation.application} started. Process ID: 1"
    entry = {"id": 0, "message": started, "timestamp": int(call.engine.now), "type": 1}
    return as_json([entry] if call.integer("last_known_id") < 0 or not call.text("last_known_id") else [])
