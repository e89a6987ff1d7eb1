"""What the tests have changed of their harness finds what it is there for."""

import asyncio
import threading

import pytest


@pytest.mark.parametrize("name", ["call_soon", "call_later"])
async def test_a_call_from_another_thread_is_found(name: str) -> None:
    loop = asyncio.get_running_loop()
    arguments = {"call_soon": (print,), "call_later": (60, print)}[name]
    errors: list[RuntimeError] = []

    def call() -> None:
        try:
            getattr(loop, name)(*arguments)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert [str(error).partition(" ")[0] for error in errors] == ["Non-thread-safe"]


async def test_a_future_that_another_thread_answers_is_found() -> None:
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda _: None)
    errors: list[RuntimeError] = []

    def answer() -> None:
        try:
            future.set_result(None)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()
    assert len(errors) == 1


async def test_the_stack_of_no_task_is_kept() -> None:
    assert not asyncio.get_running_loop().get_debug()
