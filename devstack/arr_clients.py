"""The download clients that a Radarr or Sonarr is configured with, and the connections to them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .download_client import DownloadClientAuthError, DownloadClientError, Qbittorrent
from .servarr_http import Invalid
from .servarr_providers import Provider

if TYPE_CHECKING:
    from .arr import ArrSimulator

_CHECK = "DownloadClientCheck"


class Clients:
    """What is used of the download clients: the qBittorrents among them."""

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr
        self._connections: dict[tuple[str, str, str], Qbittorrent] = {}

    def add_qbittorrent(
        self,
        url: str,
        *,
        username: str,
        password: str,
        category: str | None,
        imported_category: str | None,
        name: str,
    ) -> Provider:
        """Configure a download client by its URL."""
        scheme, _, rest = url.partition("://")
        address, _, base = rest.partition("/")
        host, _, port = address.partition(":")
        values: dict[str, Any] = {
            "host": host,
            "port": int(port or (443 if scheme == "https" else 80)),
            "useSsl": scheme == "https",
            "urlBase": f"/{base}" if base else None,
            "username": username,
            "password": password,
            self.arr.imported_category_field: imported_category,
        }
        if category is not None:
            values[self.arr.category_field] = category
        return self.arr.download_clients.add("QBittorrent", name, values)

    def enabled(self) -> list[Provider]:
        """Return the download clients that are used."""
        return [
            client
            for client in self.arr.download_clients.items.values()
            if client.implementation.name == "QBittorrent" and client.attributes["enable"]
        ]

    def connection(self, client: Provider) -> Qbittorrent:
        """Return the connection to a download client, as it is configured now."""
        values = client.values
        scheme = "https" if values["useSsl"] else "http"
        base = f"/{str(values['urlBase']).strip('/')}" if values.get("urlBase") else ""
        url = f"{scheme}://{values['host']}:{values['port']}{base}"
        key = (url, values.get("username") or "", values.get("password") or "")
        if key not in self._connections:
            self._connections[key] = Qbittorrent(self.arr.session, *key)
        return self._connections[key]

    def category(self, client: Provider) -> str:
        """Return the category that this application's downloads have there."""
        return str(client.values.get(self.arr.category_field) or "")

    def imported_category(self, client: Provider) -> str:
        """Return the category that they get after the import; "" is none."""
        return str(client.values.get(self.arr.imported_category_field) or "")

    def local_path(self, client: Provider, path: str) -> str:
        """Return where this application finds what the client calls so."""
        return self.arr.storage.local_path(str(client.values["host"]), path)

    def failed(self, client: Provider) -> None:
        """Note that a download client could not be reached."""
        self.arr.health_issue(_CHECK, "error", f"Unable to communicate with {client.name}.")

    def works(self, client: Provider) -> None:
        """Note that a download client answered."""
        self.arr.health_restored(_CHECK, f"Unable to communicate with {client.name}.")

    async def test(self, provider: Provider) -> Iterable[Invalid]:
        """Try a download client, as when it is saved."""
        if provider.implementation.name != "QBittorrent":
            return ()
        host = provider.values.get("host")
        if not host:
            return (Invalid("Host", "'Host' must not be empty.", host),)
        try:
            await self.connection(provider).torrents(self.category(provider))
        except DownloadClientAuthError:
            return (Invalid("Username", "Authentication Failure", provider.values.get("username")),)
        except DownloadClientError as error:
            return (Invalid("Host", f"Unable to connect to qBittorrent: {error}", host),)
        return ()
