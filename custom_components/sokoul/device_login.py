"""Being let in by a code: a person opens a page, types it, and the flow goes on by itself."""

from abc import ABC, abstractmethod
import asyncio
from typing import Any

from homeassistant.data_entry_flow import FlowHandler
import voluptuous as vol

from .clients.errors import BackendError, InvalidAuth, NotFound, RateLimited, Refused
from .connectors import forms
from .connectors.base import CodeToType, Connector, DeviceLogin, Granted
from .problems import problem_of

#: What forms say of a code that nobody typed in time, or that was declined.
CODE_EXPIRED = "code_expired"
CODE_DECLINED = "code_declined"
#: And of an account that is not the one which is to be let in again.
WRONG_ACCOUNT = "wrong_account"


async def pause(seconds: float) -> None:
    """Wait before asking again whether a code was typed."""
    await asyncio.sleep(seconds)


class DeviceLoginSteps(FlowHandler[Any, Any, Any], ABC):
    """The steps of a flow that lets in by a code; `device_connector` and `granted` are the flow's own."""

    _code: CodeToType | None = None
    _waiting: asyncio.Task[tuple[Granted | None, str, str]] | None = None

    @abstractmethod
    def device_connector(self) -> Connector[Any, Any]:
        """Return whose code it is."""

    @abstractmethod
    async def granted(self, granted: Granted) -> Any:
        """Go on with what came of the code. A text tells what is wrong with it instead."""

    async def async_step_device(self, user_input: dict[str, Any] | None = None) -> Any:
        """Show the code, and wait until it was typed."""
        del user_input
        login = self.device_connector().device_login
        assert login is not None  # noqa: S101 -- the menu that leads here looked
        if self._waiting is None:
            try:
                self._code = await login.begin(self.hass)
            except BackendError as error:
                return self._trouble(problem_of(error), str(error))
            work = self._wait(login, self._code)
            self._waiting = self.hass.async_create_background_task(work, "sokoul code to type")
        code = self._code
        assert code is not None  # noqa: S101 -- comes with the task
        if not self._waiting.done():
            return self.async_show_progress(
                step_id="device",
                progress_action="wait_for_code",
                description_placeholders={
                    "code": code.code,
                    "page": code.page.partition("://")[2] or code.page,
                    "link": code.page_with_code,
                    "minutes": str(round(code.expires_in.total_seconds() / 60)),
                },
                progress_task=self._waiting,
            )
        return self.async_show_progress_done(next_step_id="device_done")

    async def async_step_device_done(self, user_input: dict[str, Any] | None = None) -> Any:
        """Go on with what came of the code."""
        del user_input
        waiting, self._waiting = self._waiting, None
        assert waiting is not None  # noqa: S101 -- only its end leads here
        granted, problem, detail = waiting.result()
        if granted is None:
            return self._trouble(problem, detail)
        answer = await self.granted(granted)
        return self._trouble(answer, "") if isinstance(answer, str) else answer

    async def async_step_device_trouble(self, user_input: dict[str, Any] | None = None) -> Any:
        """Begin again with another code."""
        del user_input
        return await self.async_step_device()

    def _trouble(self, problem: str, detail: str) -> Any:
        return self.async_show_form(
            step_id="device_trouble",
            data_schema=vol.Schema({}),
            errors={"base": problem},
            description_placeholders={**forms.hints(self.device_connector()), "detail": detail},
            last_step=False,
        )

    async def _wait(self, login: DeviceLogin, code: CodeToType) -> tuple[Granted | None, str, str]:
        """Return what came of a code, or what is wrong, by its name and in the backend's words."""
        interval = code.interval.total_seconds()
        left = code.expires_in.total_seconds()
        while left > 0:
            await pause(interval)
            left -= interval
            try:
                granted = await login.finish(self.hass, code)
            except (Refused, NotFound) as error:
                return None, CODE_DECLINED, str(error)
            except InvalidAuth as error:
                return None, problem_of(error), str(error)
            except RateLimited:
                interval *= 2
                continue
            except BackendError:  # the network comes and goes while a person types
                continue
            if granted is not None:
                return granted, "", ""
        return None, CODE_EXPIRED, ""
