"""Webhooks of a Radarr or Sonarr: really sent, to every notification that wants the event.

The names of events are in Pascal case, everything else in camel case; there is no signature. A receiver that doesn't
answer 2xx is only noticed when the notification is saved or tested: after that a lost event stays lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import ClientError, encode_basic_auth
import orjson

from .servarr_http import Invalid, Json, without_nulls
from .servarr_providers import Provider, Providers

if TYPE_CHECKING:
    from .arr import ArrSimulator


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was sent; `status` is 0 where nobody answered."""

    url: str
    event: str
    status: int


class Webhooks:
    """What sends them."""

    def __init__(self, arr: ArrSimulator, notifications: Providers) -> None:
        self.arr = arr
        self.notifications = notifications
        self.deliveries: list[Delivery] = []

    def send(self, flag: str, event: str, payload: Json) -> None:
        """Send an event to the notifications with this flag ("onGrab"), beside everything else."""
        for provider in self.notifications.items.values():
            if provider.implementation.name == "Webhook" and provider.attributes.get(flag):
                self.arr.spawn(self._deliver(provider, event, payload))

    async def _deliver(self, provider: Provider, event: str, payload: Json) -> None:
        await self._post(provider, event, payload)

    async def _post(self, provider: Provider, event: str, payload: Json) -> str | None:
        """Send an event; return what went wrong."""
        values = provider.values
        url = str(values.get("url") or "")
        headers = {each["key"]: each["value"] for each in values.get("headers") or ()}
        if values.get("username"):
            headers["Authorization"] = encode_basic_auth(values["username"], values.get("password") or "")
        body = {
            "eventType": event,
            "instanceName": self.arr.instance_name,
            "applicationUrl": self.arr.application_url,
            **payload,
        }
        problem = None
        status = 0
        try:
            async with self.arr.session.request(
                "PUT" if values.get("method") == 2 else "POST",  # noqa: PLR2004 -- the select option of the form
                url,
                data=orjson.dumps(without_nulls(body)),
                headers={"Content-Type": "application/json", **headers},
                allow_redirects=False,
            ) as response:
                status = response.status
                if not response.ok:
                    problem = f"HTTP request failed: [{status}:{response.reason}] [{values.get('url')}]"
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            problem = f"{error}"
        self.deliveries.append(Delivery(url, event, status))
        return problem

    async def test(self, provider: Provider) -> Iterable[Invalid]:
        """Send a test to a notification, as when it is saved."""
        if provider.implementation.name != "Webhook":
            return ()
        if not provider.values.get("url"):
            return (Invalid("Url", "'Url' must not be empty.", provider.values.get("url")),)
        problem = await self._post(provider, "Test", self.arr.webhook_test_payload())
        return () if problem is None else (Invalid("Url", f"Unable to send test message: {problem}"),)
