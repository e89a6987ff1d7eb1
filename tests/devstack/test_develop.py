"""The launcher of the demo: what it says, and that it leaves nothing behind."""

import argparse
import asyncio
from collections.abc import Sequence
import os
from pathlib import Path
import signal
import sys
import textwrap
from typing import Self

import pytest

from devstack import develop
from devstack.homeassistant import HomeAssistant, HomeAssistantError
from devstack.steps import Seen

REPOSITORY = Path(__file__).resolve().parents[2]


class OneBackend:
    """A stack that only records what becomes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[str] = []

    async def __aenter__(self) -> Self:
        self.events.append("entered")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.events.append("stopped")

    async def start(self, progress: develop.Progress) -> None:
        progress("starting one backend")
        self.events.append("started")

    def describe(self) -> Sequence[str]:
        return ["Radarr at http://127.0.0.1:7878"]

    def world(self, *, hasty: bool) -> None:
        del hasty


OPTIONS = argparse.Namespace(check=True, port=0, language="en")


async def test_a_step_that_fails_ends_the_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home_assistant = HomeAssistant(tmp_path, 8123, integration=None)  # never started
    done: list[str] = []

    async def fine(_: HomeAssistant, __: develop.DemoStack) -> Sequence[str]:
        done.append("fine")
        return []

    async def wrong(_: HomeAssistant, __: develop.DemoStack) -> Sequence[str]:
        return [Seen("three sensors"), "the sensor is unavailable"]

    async def failing(_: HomeAssistant, __: develop.DemoStack) -> Sequence[str]:
        raise HomeAssistantError("POST /api/config: 400")

    scenario = [
        develop.Step("one", fine),
        develop.Step("two", wrong),
        develop.Step("three", failing),
        develop.Step("four", fine),
    ]
    problems = await develop.play(scenario, home_assistant, OneBackend(tmp_path), develop.Terminal())

    assert problems == ["two: the sensor is unavailable", "three: POST /api/config: 400"]
    assert done == ["fine"]
    assert [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()] == [
        "one", "two", "  three sensors", "three",
    ]  # fmt: skip


@pytest.mark.real
@pytest.mark.usefixtures("socket_enabled")
async def test_a_check_stops_everything_and_reports_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def log_an_error(home_assistant: HomeAssistant, _: develop.DemoStack) -> Sequence[str]:
        message = {"message": "the demo is broken", "level": "error"}
        await home_assistant.rest("POST", "/api/services/system_log/write", json=message)
        return []

    monkeypatch.setattr(develop, "SCENARIO", (develop.Step("breaking the demo", log_an_error),))
    monkeypatch.setattr(develop, "CHECKS", ())
    stack = OneBackend(tmp_path)
    problems = await develop.demo(stack=stack, folder=tmp_path, options=OPTIONS, terminal=develop.Terminal())

    assert stack.events == ["entered", "started", "stopped"]
    assert len(problems) == 1, "\n".join(problems)
    assert "the demo is broken" in problems[0]
    said = [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()]
    assert said == ["starting one backend", "starting Home Assistant", "breaking the demo", "stopping"]


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_everything(number: signal.Signals, tmp_path: Path) -> None:
    program = textwrap.dedent("""
        from pathlib import Path
        import sys
        from devstack import develop
        from tests.devstack.test_develop import OneBackend
        develop.make_stack = OneBackend
        develop.SCENARIO = ()
        sys.exit(develop.main([]))
    """)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(180):  # a start may take 120 seconds and a stop 30, see devstack/homeassistant.py
        while "ready: http://127.0.0.1:" not in (line := (await process.stdout.readline()).decode()):
            assert line, "it ended before it was ready"
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0
    assert "password owner-password" in rest
    assert "Radarr at http://127.0.0.1:7878" in rest
    assert rest.endswith("] stopped\n")
    assert list(tmp_path.iterdir()) == []
