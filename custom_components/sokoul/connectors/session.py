"""The HTTP session of backends that log in: without a cookie jar, because cookies know no ports.

Two qBittorrents on one host would else overwrite each other's session. Their clients keep the cookie themselves.
"""

from aiohttp import ClientSession, DummyCookieJar
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.util.hass_dict import HassKey

_SESSIONS: HassKey[dict[bool, ClientSession]] = HassKey("sokoul_sessions")


@callback
def cookieless_session(hass: HomeAssistant, *, verify_ssl: bool) -> ClientSession:
    """Return the session, one for all, that lives as long as Home Assistant."""
    sessions = hass.data.setdefault(_SESSIONS, {})
    if verify_ssl not in sessions:
        # not cleaned up with the entry: logging out comes after that
        session = async_create_clientsession(
            hass, verify_ssl=verify_ssl, auto_cleanup=False, cookie_jar=DummyCookieJar()
        )

        @callback
        def detach(_event: Event) -> None:
            session.detach()

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, detach)
        sessions[verify_ssl] = session
    return sessions[verify_ssl]
