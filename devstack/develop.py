"""The demo: every backend of a media stack, and a Home Assistant that is connected to them (`scripts/develop`).

Everything lives in a temporary folder and on 127.0.0.1, and is gone when the program ends, however it ends.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
import contextlib
from pathlib import Path
import signal
import sys
import tempfile
import time
from typing import Any, Protocol, Self

from .homeassistant import OWNER, PASSWORD, HomeAssistant, HomeAssistantError
from .scenario import PROOF, SET_UP
from .stack import Stack
from .steps import Seen, Step

type Progress = Callable[[str], None]


class DemoStack(Protocol):
    """The backends, as the demo needs them."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None:
        """Stop whatever was started, also after a start that failed or was cancelled."""

    async def start(self, progress: Progress) -> None:
        """Start everything, with a line to `progress` before each part that takes time."""

    def describe(self) -> Sequence[str]:
        """Return a line for each backend: its name, address, and what is needed to connect to it."""

    def world(self, *, hasty: bool) -> Mapping[str, Any] | None:
        """Return what Home Assistant is to find around it; `hasty`: what takes minutes there takes seconds."""


#: what the demo does in this order, and what `--check` does after it
SCENARIO: Sequence[Step] = SET_UP
CHECKS: Sequence[Step] = PROOF


class Terminal:
    """Progress on standard output, with the time since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, line: str) -> None:
        """Print a line of progress."""
        print(f"[{time.monotonic() - self._started:6.1f} s] {line}", flush=True)


def make_stack(folder: Path) -> DemoStack:
    """Return the real stack, which keeps its files in `folder`."""
    return Stack(folder)


async def demo(*, stack: DemoStack, folder: Path, options: argparse.Namespace, terminal: Terminal) -> list[str]:
    """Start the demo and return the problems found by `--check`; without it, wait until it is cancelled."""
    async with stack:
        await stack.start(terminal.say)
        world = stack.world(hasty=options.check)
        home_assistant = HomeAssistant(folder / "config", options.port, options.language, world=world)
        terminal.say("starting Home Assistant")
        async with home_assistant:
            steps = (*SCENARIO, *CHECKS) if options.check else SCENARIO
            problems = await play(steps, home_assistant, stack, terminal)
            if not options.check:
                for problem in problems:
                    terminal.say(f"problem: {problem}")
                terminal.say(invitation(home_assistant, stack))
                await asyncio.Event().wait()
            terminal.say("stopping")
    # read at last, as a stop can go wrong too
    return [*problems, *home_assistant.log_problems()]


async def play(
    scenario: Sequence[Step], home_assistant: HomeAssistant, stack: DemoStack, terminal: Terminal
) -> list[str]:
    """Do the steps and return what they found wrong; what comes after a step that failed would make no sense."""
    problems: list[str] = []
    for step in scenario:
        terminal.say(step.title)
        try:
            for said in await step.run(home_assistant, stack):
                if isinstance(said, Seen):
                    terminal.say(f"  {said}")
                else:
                    problems.append(f"{step.title}: {said}")
        except HomeAssistantError as error:
            problems.append(f"{step.title}: {error}")
            break
    return problems


def invitation(home_assistant: HomeAssistant, stack: DemoStack) -> str:
    """Return what a person needs to know."""
    lines = [
        f"ready: {home_assistant.url}",
        f"  log in as {OWNER} with the password {PASSWORD}; the log is {home_assistant.config_dir / 'stdout.log'}",
        *(f"  {line}" for line in stack.describe()),
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def stop_on_signals() -> None:
    """Let the first signal to end cancel the current task; more of them don't disturb it while it cleans up."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 -- we are called from a coroutine
    pending = [task]

    def stop() -> None:
        if pending:
            pending.pop().cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


async def run(options: argparse.Namespace) -> int:
    """Run the demo in a temporary folder and return the exit code."""
    stop_on_signals()
    terminal = Terminal()
    with tempfile.TemporaryDirectory(prefix="media-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with contextlib.suppress(asyncio.CancelledError):
            problems = await demo(stack=make_stack(folder), folder=folder, options=options, terminal=terminal)
            for problem in problems:
                terminal.say(f"problem: {problem}")
            terminal.say(f"{len(problems)} problems" if problems else "everything is well")
            return 1 if problems else 0
    terminal.say("stopped")
    return 130 if options.check else 0  # a check that was cut short has checked nothing


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/develop", description=__doc__)
    parser.add_argument("--check", action="store_true", help="check that everything works, and end")
    parser.add_argument("--port", type=int, default=0, help="the port of Home Assistant (a free one)")
    parser.add_argument("--language", default="en", choices=("en", "fr"), help="the language of Home Assistant")
    return asyncio.run(run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
