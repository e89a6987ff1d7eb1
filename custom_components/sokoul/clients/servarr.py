"""What the whole family answers: Radarr, Sonarr and Prowlarr.

Their sources are one family: system status, health, commands, errors and the shape of settings (`fields`, a list of
name and value) are the same. Null properties are left out of every answer, so each nullable one has a default here.
The published OpenAPI files list 200 for every success; the servers answer 201 to a creation and 202 to an update.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from aiohttp import ClientSession

from ..model.library import ApplicationStatus, Command, CommandResult, CommandStatus, HealthIssue, Severity
from .errors import BackendError, NotFound, NotTheApi, WrongApplication
from .fields import Fields, each
from .http import DEFAULT_TIMEOUT_SECONDS, HttpClient, Query


class ServarrClient:
    """What all of the family answer."""

    application: ClassVar[str]
    api: ClassVar[str]

    def __init__(
        self, session: ClientSession, url: str, api_key: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        self._http = HttpClient(session, url, headers={"X-Api-Key": api_key}, timeout_seconds=timeout_seconds)

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, or None before the first."""
        return self._http.latency_seconds

    async def status(self) -> ApplicationStatus:
        """Return who answers at this address.

        Raises `WrongApplication` when it is another of the family, and `NotTheApi` when the address knows nothing
        of this API. Source: GET /system/status.
        """
        try:
            answer = Fields(await self._get("system/status"), "system/status")
        except NotFound as error:
            if found := await self._relative():
                raise self._wrong(found) from error
            raise NotTheApi(f"{error}: {self.application}'s API is not there", status=HTTPStatus.NOT_FOUND) from error
        name = answer.text("appName")
        if name != self.application:
            raise self._wrong(name)
        return ApplicationStatus(
            name=name,
            version=answer.text("version"),
            instance_name=answer.text("instanceName", name),
            url_base=answer.text("urlBase", ""),
        )

    async def health(self) -> tuple[HealthIssue, ...]:
        """Return what the application complains about; nothing when it is well. Source: GET /health."""
        return tuple(
            HealthIssue(
                source=issue.text("source", ""),
                severity=issue.choice("type", Severity),
                message=issue.text("message", ""),
                wiki_url=_link(issue),
            )
            for issue in each(await self._get("health"), "health")
        )

    async def run_command(self, name: str, **body: Any) -> Command:
        """Start a command by its name, matched without regard to case. An unknown one is answered with a 500.

        Source: POST /command.
        """
        return _command(await self._send("POST", "command", json={"name": name, **body}))

    async def command(self, id_: int) -> Command:
        """Return how far a command is. Finished ones are forgotten after some minutes: `NotFound`.

        Source: GET /command/{id}.
        """
        return _command(await self._get(f"command/{id_}"))

    async def _relative(self) -> str | None:
        """Return the name of an application of the family that speaks the other version of the API."""
        other = "api/v1" if self.api == "api/v3" else "api/v3"
        with suppress(BackendError):
            return Fields(await self._http.get_json(f"{other}/system/status"), "system/status").optional_text("appName")
        return None

    def _wrong(self, found: str) -> WrongApplication:
        return WrongApplication(f"this is {found}, not {self.application}", found=found)

    async def _get(self, path: str, params: Query | None = None, *, timeout_seconds: float | None = None) -> Any:
        return await self._http.get_json(f"{self.api}/{path}", params=params, timeout_seconds=timeout_seconds)

    async def _send(self, method: str, path: str, *, json: Any = None, timeout_seconds: float | None = None) -> Any:
        answer = await self._http.request(method, f"{self.api}/{path}", json=json, timeout_seconds=timeout_seconds)
        return answer.json()


def settings(resource: Fields) -> dict[str, Any]:
    """Return the settings of a download client, an indexer, ... by name. Values may be secrets: pick, don't keep."""
    return {setting.text("name", ""): setting.raw("value") for setting in resource.objects("fields")}


def text_of(values: Mapping[str, Any], name: str) -> str | None:
    """Return a setting that is a text and not empty: implementations differ in what they have and how."""
    value = values.get(name)
    return value if isinstance(value, str) and value else None


def instant(moment: datetime) -> str:
    """Spell a time for a query."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _link(issue: Fields) -> str | None:
    """Return the page that explains an issue: a text, though Sonarr's specification makes an object of it."""
    if isinstance(issue.raw("wikiUrl"), dict):
        return issue.object("wikiUrl").optional_text("fullUri")
    return issue.optional_text("wikiUrl")


def _command(answer: Any) -> Command:
    command = Fields(answer, "command")
    return Command(
        id=command.whole("id"),
        name=command.text("name"),
        status=command.choice("status", CommandStatus),
        result=command.choice("result", CommandResult),
        message=command.optional_text("message"),
        queued_at=command.moment("queued"),
        started_at=command.moment("started"),
        ended_at=command.moment("ended"),
    )
