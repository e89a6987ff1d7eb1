"""Fetching what links lead to: from connected indexers wherever they are, from everybody else on the internet only."""

from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant

from .acquire.links import MAX_TORRENT_BYTES, Fetched, LinkRefused, is_public, origin_of
from .clients.errors import BackendError
from .clients.link_fetcher import ForbiddenAddress, LinkFetcher, TooLarge
from .clients.prowlarr import ProwlarrClient
from .clients.torznab import TorznabClient
from .connectors.session import cookieless_session

if TYPE_CHECKING:
    from .hub import Hub


class LinkHands:
    """Fetches one address at a time; redirects are for whoever asks to look at."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    @property
    def own(self) -> frozenset[str]:
        """The origins of who offers releases: links may lead there, in whatever network, and to no other backend."""
        return frozenset(self._origins())

    def _origins(self) -> dict[str, bool]:
        """Return them, and whether their certificates are to be verified."""
        connections = [
            backend.connection
            for backend in self._hub.backends.values()
            if isinstance(backend.client, ProwlarrClient | TorznabClient) and backend.connection.url
        ]
        return {origin: each.verify_ssl for each in connections if (origin := origin_of(each.url))}

    async def __call__(self, url: str, *, own: bool) -> Fetched:
        """Return the answer of an address. Raises `LinkRefused`, whose reason never has the address in it."""
        verify_ssl = self._origins().get(origin_of(url), True) if own else True
        fetcher = self._fetcher(self._hub.hass, verify_ssl=verify_ssl)
        try:
            found = await fetcher.fetch(url, own=own, max_bytes=MAX_TORRENT_BYTES)
        except ForbiddenAddress as error:
            raise LinkRefused("link_private") from error
        except TooLarge as error:
            raise LinkRefused("link_too_large") from error
        except BackendError as error:
            raise LinkRefused("link_failed") from error
        return Fetched(status=found.status, body=found.body, location=found.location)

    @staticmethod
    def _fetcher(hass: HomeAssistant, *, verify_ssl: bool) -> LinkFetcher:
        return LinkFetcher(cookieless_session(hass, verify_ssl=verify_ssl), is_public)
