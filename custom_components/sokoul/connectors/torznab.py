"""A Torznab feed: what Jackett, NZBHydra, bitmagnet and some indexers offer, for searches without Prowlarr."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from yarl import URL

from ..clients.torznab import TorznabClient, without_api
from ..model.catalogue import ServiceSnapshot
from .base import Connection, Connector, Credentials, Identity
from .catalogues import ServiceReader, interval

KIND = "torznab"
VERSION = "1.3"  # of what feeds speak
JACKETT_PORT = 9117


def read_address(typed: str) -> str:
    """Complete the address of a feed. Its path stays whole, but for an `/api` at its end. Raises ValueError."""
    typed = typed.strip()
    bare = "://" not in typed
    url = URL(f"http://{typed}" if bare else typed)
    if not url.host or url.scheme not in {"http", "https"} or url.port == 0:
        raise ValueError("not an address")
    if any(character.isspace() or not character.isprintable() for character in typed + url.host):
        raise ValueError("no address has such characters")
    if bare and url.explicit_port is None:
        url = url.with_port(JACKETT_PORT)
    # a key in its query would be seen: it has a field of its own
    return without_api(str(url.with_user(None).with_query(None).with_fragment(None)))


def connect(hass: HomeAssistant, connection: Connection) -> TorznabClient:
    """Return a client on Home Assistant's shared session."""
    session = async_get_clientsession(hass, verify_ssl=connection.verify_ssl)
    return TorznabClient(session, connection.url, connection.api_key, name=URL(connection.url).host or "")


async def identify(client: TorznabClient) -> Identity:
    """Check that the feed answers, with this key."""
    capabilities = await client.check()
    return Identity(version=VERSION, name=capabilities.title or None)


TORZNAB: Connector[TorznabClient, ServiceSnapshot] = Connector(
    kind=KIND,
    name="Torznab",
    manufacturer="Torznab",
    default_port=JACKETT_PORT,
    credentials=Credentials.API_KEY,
    key_at="Dashboard > API Key (Jackett)",
    read_address=read_address,
    connect=connect,
    identify=identify,
    # what it can be searched by; a search without words would ask all that is behind it
    reader=lambda client: ServiceReader(client.capabilities, VERSION),
    interval=interval,
    version=lambda snapshot: snapshot.version,
)
