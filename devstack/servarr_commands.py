"""Work in the background of Radarr, Sonarr and Prowlarr: `/command`."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from .servarr import Servarr
from .servarr_http import ApiError, Json, answer, id_of, moment, object_of, time_span

type Work = Callable[[Json], Awaitable[None]]


@dataclass(slots=True)
class Command:
    """A command that was asked for."""

    id: int
    name: str
    body: Json
    queued: datetime
    takes: timedelta
    started: datetime | None = None
    done: bool = False
    exception: str | None = None
    cancelled: bool = False

    def status(self, now: datetime) -> str:
        """Return how far it is: it ends when its work is done, and not before it took its time."""
        if self.cancelled:
            return "cancelled"
        if self.started is None:
            return "queued"
        if not self.done or now < self.started + self.takes:
            return "started"
        return "failed" if self.exception else "completed"


class Commands:
    """Long work in the background: `/command`."""

    #: finished commands leave the list
    KEPT = timedelta(minutes=5)

    def __init__(self, simulator: Servarr, works: Mapping[str, Work | None], *, has_result: bool = True) -> None:
        self.simulator = simulator
        self.has_result = has_result  # Prowlarr's commands have none
        self.works = works
        self.takes: dict[str, timedelta] = {}  # by name; the others take `default_takes`
        self.default_takes = timedelta(seconds=2)
        self.commands: dict[int, Command] = {}
        self.held = False

    def hold(self) -> None:
        """Keep new commands queued, as when the workers are busy, until `resume`."""
        self.held = True

    def resume(self) -> None:
        """Start what is queued."""
        self.held = False
        for command in self.commands.values():
            if command.status(self.simulator.clock.now()) == "queued":
                self._start(command)

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/command", self._list),
            web.post("/command", self._post),
            web.get("/command/{id:\\d+}", self._get),
            web.delete("/command/{id:\\d+}", self._delete),
        )

    def push(self, name: str, body: Json | None = None, *, by_itself: bool = False) -> Command:
        """Start a command. The same one, already running, is returned instead; an unknown name is a 500.

        One that the application starts `by_itself` also follows one whose work is done though its time isn't over: with
        a clock that stands still it could never be started.
        """
        now = self.simulator.clock.now()
        known = next((each for each in self.works if each.lower() == name.lower()), None)
        if known is None:
            raise ApiError.message(500, f"Sequence contains no matching element: {name}")
        asked = {key: value for key, value in (body or {}).items() if key != "name"}
        for command in self.commands.values():
            running = command.status(now) in {"queued", "started"} and not (by_itself and command.done)
            if running and (command.name, command.body) == (known, asked):
                return command
        command = Command(
            id=len(self.commands) + 1,
            name=known,
            body=asked,
            queued=now,
            takes=self.takes.get(known, self.default_takes),
        )
        self.commands[command.id] = command
        if not self.held:
            self._start(command)
        return command

    def _start(self, command: Command) -> None:
        command.started = self.simulator.clock.now()
        self.simulator.spawn(self._run(command))

    async def _run(self, command: Command) -> None:
        work = self.works[command.name]
        try:
            if work is not None:
                await work(command.body)
        except Exception as error:  # noqa: BLE001 -- whatever fails becomes the command's failure, as in the real ones
            command.exception = f"{type(error).__name__}: {error}"
        command.done = True

    def json(self, command: Command, *, fresh: bool = False) -> Json:
        """Return the resource of a command; a `fresh` one reads queued."""
        status = "queued" if fresh else command.status(self.simulator.clock.now())
        started = None if status == "queued" else command.started
        ended = started + command.takes if started and status in {"completed", "failed"} else None
        result = {"completed": "successful", "failed": "unsuccessful"}.get(status, "unknown")
        words = "".join(f" {letter}" if letter.isupper() else letter for letter in command.name).strip()
        return {
            "id": command.id,
            "name": command.name,
            "commandName": words,
            "message": "Completed" if status == "completed" else None,
            "body": {
                "sendUpdatesToClient": True,
                "updateScheduledTask": True,
                "requiresDiskAccess": False,
                "isExclusive": False,
                "isTypeExclusive": False,
                "name": command.name,
                "trigger": "manual",
                "suppressMessages": False,
                **command.body,
            },
            "priority": "normal",
            "status": status,
            "result": result if self.has_result else None,
            "queued": moment(command.queued),
            "started": moment(started),
            "ended": moment(ended),
            "duration": time_span(command.takes) if ended else None,
            "exception": command.exception if status == "failed" else None,
            "trigger": "manual",
            "stateChangeTime": moment(ended or started or command.queued),
            "sendUpdatesToClient": True,
            "updateScheduledTask": True,
        }

    def _known(self, request: web.Request) -> Command:
        command = self.commands.get(id_of(request))
        if command is None:
            raise ApiError.not_found()
        return command

    async def _list(self, request: web.Request) -> web.Response:
        del request
        now = self.simulator.clock.now()
        return answer(
            [
                self.json(command)
                for command in self.commands.values()
                if not command.done or now < command.queued + command.takes + self.KEPT
            ]
        )

    async def _post(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        return answer(self.json(self.push(str(body.get("name") or ""), body), fresh=True), 201)

    async def _get(self, request: web.Request) -> web.Response:
        return answer(self.json(self._known(request)))

    async def _delete(self, request: web.Request) -> web.Response:
        command = self._known(request)
        if command.status(self.simulator.clock.now()) != "queued":
            raise ApiError.message(409, "Unable to cancel task")
        command.cancelled = command.done = True
        return answer({})
