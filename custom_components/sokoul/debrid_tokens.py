"""The token store: what Real-Debrid's device-code flow gave us, in a file of its own that is written at once.

Renewing a token makes the one before it worthless. Kept in the subentry, each renewal would look like a change of the
connection, and the backend would be connected anew.
"""

import asyncio
from collections.abc import Mapping

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .clients.real_debrid_tokens import DebridTokens
from .const import DOMAIN, LOGGER

VERSION = 1


class TokenStore:
    """The tokens of all accounts, by the account's number."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._store = Store[dict[str, dict[str, str]]](
            hass, VERSION, f"{DOMAIN}.tokens", private=True, atomic_writes=True
        )
        self._lock = asyncio.Lock()
        self._data: dict[str, dict[str, str]] | None = None

    async def load(self, account: str) -> DebridTokens | None:
        """Return the tokens of an account."""
        async with self._lock:
            kept = (await self._known()).get(account)
        if kept is None:
            return None
        try:
            return DebridTokens.from_data(kept)
        except KeyError, TypeError, ValueError:
            LOGGER.warning("The tokens of a Real-Debrid account can't be read: it has to be connected again")
            return None

    async def save(self, account: str, tokens: DebridTokens | None) -> None:
        """Keep the tokens of an account, or forget them. On return it is written."""
        async with self._lock:
            data = await self._known()
            if tokens is None:
                data.pop(account, None)
            else:
                data[account] = tokens.as_data()
            await (self._store.async_save(data) if data else self._store.async_remove())

    async def clear(self) -> None:
        """Forget the tokens of all accounts."""
        async with self._lock:
            self._data = {}
            await self._store.async_remove()

    async def _known(self) -> dict[str, dict[str, str]]:
        if self._data is None:
            self._data = await self._store.async_load() or {}
        return self._data

    @callback
    def secrets(self) -> frozenset[str]:
        """Return everything in it that nobody may see, as far as it was read."""
        kept: list[Mapping[str, str]] = list((self._data or {}).values())
        return frozenset(text for tokens in kept for name, text in tokens.items() if name != "expires_at")


class AccountTokens:
    """The tokens of one account."""

    def __init__(self, store: TokenStore, account: str) -> None:
        self._store = store
        self._account = account

    async def load(self) -> DebridTokens | None:
        """Return what is kept."""
        return await self._store.load(self._account)

    async def save(self, tokens: DebridTokens | None) -> None:
        """Keep these, or none."""
        await self._store.save(self._account, tokens)


_TOKENS: HassKey[TokenStore] = HassKey(f"{DOMAIN}_tokens")


@callback
def token_store(hass: HomeAssistant) -> TokenStore:
    """Return the token store, one for all."""
    if _TOKENS not in hass.data:
        hass.data[_TOKENS] = TokenStore(hass)
    return hass.data[_TOKENS]
