"""Commands of a Radarr or Sonarr: they may end well and still report that nothing came of it."""

from typing import override

from .servarr_commands import Command, Commands
from .servarr_http import Json


class UnsuccessfulError(Exception):
    """The work was done, and was in vain."""


class ArrCommands(Commands):
    """Commands with a result of their own."""

    @override
    async def _run(self, command: Command) -> None:
        await super()._run(command)
        if (command.exception or "").startswith(f"{UnsuccessfulError.__name__}:"):
            command.exception = None
            command.body = {**command.body, "unsuccessful": True}

    @override
    def json(self, command: Command, *, fresh: bool = False) -> Json:
        resource = super().json(command, fresh=fresh)
        if resource["body"].pop("unsuccessful", False) and resource["status"] == "completed":
            resource["result"] = "unsuccessful"
        return resource
