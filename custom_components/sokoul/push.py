"""Webhooks of the *arr: asked first, reconciled by name, and called on only after one has been seen.

A webhook is a hint to look sooner, never data: it is not signed, it can be lost, and polling goes on without it.
"""

import asyncio
from collections import defaultdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp.web import Request, Response
from homeassistant.components import webhook
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.network import NoURLAvailableError, get_url
import orjson

from .clients.errors import BackendError, CannotConnect
from .connectors.base import Undo
from .const import CONF_PUSH, CONF_PUSH_URL, DOMAIN, LOGGER

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub

type AnyCoordinator = BackendCoordinator[Any, Any]

#: The name that a person sees in the *arr's settings; SOKOUL changes nothing that is called otherwise.
WEBHOOK_NAME = "SOKOUL (Home Assistant)"
MEMORY_KEY = "webhook_id"
#: A webhook's body is a few kilobytes; a poster list can make it larger.
MAX_BODY_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024


async def _remove_webhook(client: Any, webhook_id: str) -> None:
    del webhook_id
    await client.remove_webhook(WEBHOOK_NAME)


UNDO: Undo[Any] = Undo(
    memory_key=MEMORY_KEY,
    undo=_remove_webhook,
    otherwise="The webhook in %s could not be removed, please remove it there: %s",
)


class Push:
    """The webhooks of all backends."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._registered: dict[str, str] = {}  # webhook id by backend
        self._seen: set[str] = set()  # backends whose webhook has arrived since the start
        self._reconciled: set[str] = set()  # backends that were asked, whatever they answered
        self._started = self._stopped = False
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def seen(self, backend_id: str) -> bool:
        """Tell whether a backend's webhooks arrive: known only after the first one did."""
        return backend_id in self._seen

    @callback
    def start(self, _hass: HomeAssistant) -> None:
        """Begin: Home Assistant has started, so that it can answer the test that an *arr sends."""
        self._started = True
        for backend in self._hub.backends.values():
            self.backend_updated(backend)

    @callback
    def backend_updated(self, backend: AnyCoordinator) -> None:
        """Reconcile the webhook once a backend answers."""
        new = self._started and backend.connector.pushes and backend.subentry_id not in self._reconciled
        if new and backend.answering:
            self._reconciled.add(backend.subentry_id)
            self._hub.in_background(self.reconcile(backend), f"webhook of {backend.title}")

    async def reconcile(self, backend: AnyCoordinator) -> None:
        """Make the *arr's webhook be as the person wants it: there, changed, or gone."""
        if not backend.connector.pushes:
            return
        async with self._locks[backend.subentry_id]:
            if self._stopped or self._hub.backends.get(backend.subentry_id) is not backend:
                return  # unloaded or removed meanwhile
            if backend.preferences.get(CONF_PUSH):
                await self._ensure(backend)
            else:
                await self._remove(backend)

    async def _ensure(self, backend: AnyCoordinator) -> None:
        webhook_id: str = backend.memory.get(MEMORY_KEY) or webhook.async_generate_id()
        backend.remember(MEMORY_KEY, webhook_id)
        self._register(backend, webhook_id)
        base = backend.preferences.get(CONF_PUSH_URL) or own_url(self._hub.hass)
        if base is None:
            LOGGER.warning("No address is known under which %s could reach Home Assistant", backend.title)
            return
        url = f"{base.rstrip('/')}{webhook.async_generate_path(webhook_id)}"
        try:
            await backend.client.ensure_webhook(WEBHOOK_NAME, url)
        except CannotConnect:
            self._reconciled.discard(backend.subentry_id)  # when it answers again
        except BackendError as error:
            LOGGER.warning("%s does not take the webhook, polling goes on: %s", backend.title, error)

    async def forget(self, backend: AnyCoordinator) -> None:
        """Stop listening to a backend that was removed, once nobody is at its webhook any more."""
        async with self._locks[backend.subentry_id]:
            self._unregister(backend.subentry_id)
        self._reconciled.discard(backend.subentry_id)
        del self._locks[backend.subentry_id]

    async def _remove(self, backend: AnyCoordinator) -> None:
        self._unregister(backend.subentry_id)
        if MEMORY_KEY not in backend.memory:
            return
        try:
            await backend.client.remove_webhook(WEBHOOK_NAME)
        except BackendError as error:
            LOGGER.warning(UNDO.otherwise, backend.title, error)
            return
        backend.remember(MEMORY_KEY, None)

    def stop(self) -> None:
        """Stop listening; the *arrs keep their webhooks for the next start."""
        self._stopped = True
        for backend_id in tuple(self._registered):
            self._unregister(backend_id)

    def _register(self, backend: AnyCoordinator, webhook_id: str) -> None:
        if self._registered.get(backend.subentry_id) == webhook_id:
            return
        self._unregister(backend.subentry_id)

        async def handle(hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
            del hass, webhook_id
            return await self._handle(backend, request)

        webhook.async_register(self._hub.hass, DOMAIN, f"SOKOUL: {backend.title}", webhook_id, handle, local_only=True)
        self._registered[backend.subentry_id] = webhook_id

    def _unregister(self, backend_id: str) -> None:
        self._seen.discard(backend_id)
        if (webhook_id := self._registered.pop(backend_id, None)) is not None:
            webhook.async_unregister(self._hub.hass, webhook_id)

    async def _handle(self, backend: AnyCoordinator, request: Request) -> Response:
        body = await _read_bounded(request)
        if body is None:
            return Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            event = orjson.loads(body)
        except orjson.JSONDecodeError:
            return Response(status=HTTPStatus.BAD_REQUEST)
        kind = event.get("eventType") if isinstance(event, dict) else None
        if not isinstance(kind, str):
            return Response(status=HTTPStatus.BAD_REQUEST)
        self._seen.add(backend.subentry_id)
        if kind != "Test":
            backend.look_again()
        return Response(status=HTTPStatus.OK)


async def _read_bounded(request: Request) -> bytes | None:
    """Return the body; None where it is too long, whatever its length was said to be."""
    body = bytearray()
    content = request.content
    while chunk := await content.read(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def own_url(hass: HomeAssistant) -> str | None:
    """Return the address under which the home network reaches Home Assistant, if it is known."""
    try:
        return get_url(hass, allow_external=False, allow_cloud=False, allow_ip=True, prefer_external=False)
    except NoURLAvailableError:
        return None
