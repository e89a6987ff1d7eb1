"""Webhooks of Radarr, Sonarr and Prowlarr: really sent, to every notification that wants the event.

The names of events are in Pascal case, everything else in camel case; there is no signature. A receiver that doesn't
answer 2xx is only noticed when the notification is saved or tested: after that a lost event stays lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import ClientError, encode_basic_auth
import orjson

from .servarr import HealthIssue, Servarr
from .servarr_http import Invalid, Json, without_nulls
from .servarr_providers import Provider, Providers


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was sent; `status` is 0 where nobody answered."""

    url: str
    event: str
    status: int


class Webhooks:
    """What sends them."""

    def __init__(self, simulator: Servarr, notifications: Providers) -> None:
        self.simulator = simulator
        self.notifications = notifications
        self.deliveries: list[Delivery] = []

    def send(self, flag: str, event: str, payload: Json) -> None:
        """Send an event to the notifications with this flag ("onGrab"), beside everything else."""
        for provider in self.notifications.items.values():
            if provider.implementation.name == "Webhook" and provider.attributes.get(flag):
                self.simulator.spawn(self._deliver(provider, event, payload))

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
            "instanceName": self.simulator.instance_name,
            "applicationUrl": self.simulator.url,
            **payload,
        }
        problem = None
        status = 0
        try:
            async with self.simulator.session.request(
                "PUT" if values.get("method") == 2 else "POST",  # noqa: PLR2004 -- the select option of the form
                url,
                data=orjson.dumps(without_nulls(body)),
                headers={"Content-Type": "application/json", **headers},
                allow_redirects=False,
            ) as response:
                status = response.status
                if not HTTPStatus(status).is_success:
                    problem = f"HTTP request failed: [{status}:{response.reason}] [{values.get('url')}]"
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            problem = f"{error}"
        self.deliveries.append(Delivery(url, event, status))
        return problem

    def test_payload(self) -> Json:
        """Return what a test holds: the shape of a grab, with fake values."""
        return {}

    def health(self, flag: str, event: str, issue: HealthIssue) -> None:
        """Tell of a complaint that came or went."""
        self.send(
            flag,
            event,
            {
                "level": issue.type,
                "message": issue.message,
                "type": issue.source,
                "wikiUrl": self.simulator.wiki_url(issue),
            },
        )

    async def test(self, provider: Provider) -> Iterable[Invalid]:
        """Send a test to a notification, as when it is saved."""
        if provider.implementation.name != "Webhook":
            return ()
        if not provider.values.get("url"):
            return (Invalid("Url", "'Url' must not be empty.", provider.values.get("url")),)
        problem = await self._post(provider, "Test", self.test_payload())
        return () if problem is None else (Invalid("Url", f"Unable to send test message: {problem}"),)
