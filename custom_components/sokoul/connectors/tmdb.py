"""TMDB: which movies and series there are, for searches. One key is enough, and its account makes no difference."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from ..clients import tmdb as api
from ..clients.tmdb import TmdbClient
from ..model.catalogue import ServiceSnapshot
from .base import Connection, Connector, Credentials, Identity
from .catalogues import ServiceReader, interval

KIND = "tmdb"
VERSION = "3"  # of the API


def connect(hass: HomeAssistant, connection: Connection) -> TmdbClient:
    """Return a client that speaks Home Assistant's language."""
    session = async_get_clientsession(hass)
    return TmdbClient(session, connection.api_key, url=api.BASE_URL, language=hass.config.language)


async def identify(client: TmdbClient) -> Identity:
    """Check that it takes the key. There is but one TMDB."""
    await client.check()
    return Identity(version=VERSION, own_id=KIND)


TMDB: Connector[TmdbClient, ServiceSnapshot] = Connector(
    kind=KIND,
    name="TMDB",
    manufacturer="The Movie Database",
    default_port=None,
    place="themoviedb.org",
    credentials=Credentials.API_KEY,
    key_at="themoviedb.org/settings/api",
    connect=connect,
    identify=identify,
    reader=lambda client: ServiceReader(client.check, VERSION),
    interval=interval,
    version=lambda snapshot: snapshot.version,
)
