"""Real HTTP over loopback for the clients."""

from collections.abc import AsyncIterator

from aiohttp import ClientSession, DummyCookieJar
import pytest


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[ClientSession]:
    """Open a session that keeps no cookies."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as opened:
        yield opened
