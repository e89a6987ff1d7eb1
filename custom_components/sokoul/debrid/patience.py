"""Asking what may hang: a mount whose other end is away lets whoever looks at it wait, and can't be interrupted."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Patience:
    """Asks in threads, and waits only so long.

    A thread that hangs can't be had back. So nobody is asked anything new while the last question is unanswered: it is
    one thread for each of whom is asked, however long and however often that is tried.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds` is how long an answer may take."""
        self._seconds = seconds
        self._open: dict[str, asyncio.Future[Any]] = {}

    async def ask[**P, R](self, whom: str, question: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return an answer. Raises TimeoutError, at once where the last question is still unanswered."""
        before = self._open.get(whom)
        if before is not None and not before.done():
            raise TimeoutError
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(None, lambda: question(*args, **kwargs))
        answer.add_done_callback(_take)
        self._open[whom] = answer
        if not (await asyncio.wait({answer}, timeout=self._seconds))[0]:
            raise TimeoutError
        return answer.result()


def _take(answer: asyncio.Future[Any]) -> None:
    """Take the error of what nobody waits for any more."""
    with suppress(asyncio.CancelledError):
        answer.exception()
