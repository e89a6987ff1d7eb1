"""Webhooks of the *arr: asked first, reconciled by name, and called on only after one has been seen.

A webhook is a hint to look sooner, never data: it is not signed, it can be lost, and polling goes on without it.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp.web import Request, Response
from homeassistant.components import webhook
from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError, get_url
import orjson

from .clients.errors import BackendError
from .const import CONF_PUSH, CONF_PUSH_URL, DOMAIN, LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from .coordinator import BackendCoordinator
    from .hub import Hub

type AnyCoordinator = BackendCoordinator[Any, Any]

#: The name that a person sees in the *arr's settings; SOKOUL changes nothing that is called otherwise.
WEBHOOK_NAME = "SOKOUL (Home Assistant)"
MEMORY_KEY = "webhook_id"
#: A webhook's body is a few kilobytes; a poster list can make it larger.
MAX_BODY_BYTES = 1024 * 1024


class Push:
    """The webhooks of all backends."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._registered: dict[str, str] = {}  # webhook id by backend
        self._seen: set[str] = set()  # backends whose webhook has arrived since the start
        self._unsubscribe: dict[str, Callable[[], None]] = {}

    def seen(self, backend_id: str) -> bool:
        """Tell whether a backend's webhooks arrive: known only after the first one did."""
        return backend_id in self._seen

    def watch(self, backend: AnyCoordinator) -> None:
        """Reconcile the webhook as soon as the backend has answered."""
        if not backend.connector.pushes:
            return

        def once_answered() -> None:
            if backend.last_update_success:
                self._unsubscribe.pop(backend.subentry_id, lambda: None)()
                self._hub.entry.async_create_background_task(
                    self._hub.hass, self.reconcile(backend), f"{DOMAIN} webhook of {backend.title}"
                )

        self._unsubscribe[backend.subentry_id] = backend.async_add_listener(once_answered)

    async def reconcile(self, backend: AnyCoordinator) -> None:
        """Make the *arr's webhook be as the person wants it: there, changed, or gone."""
        if not backend.connector.pushes:
            return
        if not backend.preferences.get(CONF_PUSH):
            if MEMORY_KEY in backend.memory:
                await self.remove(backend)
            return
        webhook_id: str = backend.memory.get(MEMORY_KEY) or webhook.async_generate_id()
        backend.remember(MEMORY_KEY, webhook_id)
        self._register(backend, webhook_id)
        base = backend.preferences.get(CONF_PUSH_URL) or own_url(self._hub.hass)
        if base is None:
            LOGGER.warning("No address is known under which %s could reach Home Assistant", backend.title)
            return
        try:
            await backend.client.ensure_webhook(
                WEBHOOK_NAME, f"{base.rstrip('/')}{webhook.async_generate_path(webhook_id)}"
            )
        except BackendError as error:
            LOGGER.warning("%s does not take the webhook, polling goes on: %s", backend.title, error)

    async def remove(self, backend: AnyCoordinator) -> None:
        """Take the webhook out of the *arr and stop listening."""
        self._unregister(backend.subentry_id)
        if not backend.connector.pushes or MEMORY_KEY not in backend.memory:
            return
        try:
            await backend.client.remove_webhook(WEBHOOK_NAME)
        except BackendError as error:
            LOGGER.warning("The webhook in %s could not be removed, please remove it there: %s", backend.title, error)
            return
        backend.remember(MEMORY_KEY, None)

    def stop(self) -> None:
        """Stop listening; the *arrs keep their webhooks for the next start."""
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
        if request.content_length is None or request.content_length > MAX_BODY_BYTES:
            return Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            event = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            return Response(status=HTTPStatus.BAD_REQUEST)
        kind = event.get("eventType") if isinstance(event, dict) else None
        if not isinstance(kind, str):
            return Response(status=HTTPStatus.BAD_REQUEST)
        self._seen.add(backend.subentry_id)
        if kind != "Test":
            backend.look_again()
        return Response(status=HTTPStatus.OK)


def own_url(hass: HomeAssistant) -> str | None:
    """Return the address under which the home network reaches Home Assistant, if it is known."""
    try:
        return get_url(hass, allow_external=False, allow_cloud=False, allow_ip=True, prefer_external=False)
    except NoURLAvailableError:
        return None
