"""Constants of the integration."""

from datetime import timedelta
import logging
from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "sokoul"
LOGGER: Final = logging.getLogger(__package__)

PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TODO,
)

# the two parts of a subentry's data
CONF_CONNECTION: Final = "connection"
CONF_PREFERENCES: Final = "preferences"

# preferences of a backend
CONF_PUSH: Final = "push"
CONF_PUSH_URL: Final = "push_url"

#: How long set-up waits for the backends to answer before it goes on without them.
START_PATIENCE: Final = timedelta(seconds=1)
#: How long a backend may be away before a repair issue says so: restarts and updates are no trouble.
OUTAGE_GRACE: Final = timedelta(minutes=5)
#: The longest pause between two tries to reach a backend that is away.
LONGEST_BACKOFF: Final = timedelta(minutes=2)
#: How long to wait after credentials were refused: asking again with the same ones gets an address banned.
AUTH_PAUSE: Final = timedelta(hours=1)
#: How often a login may be refused before only a person tries again: qBittorrent bans an address after five, however
#: long apart. After a restart of Home Assistant it counts anew, and the person needs some of them.
MAX_REFUSALS: Final = 2
#: How long a backend has for taking leave of us; a session that isn't ended ends by itself.
FAREWELL_PATIENCE: Final = timedelta(seconds=2)
#: How long a download client has for putting back all that was set aside there.
RELEASE_PATIENCE: Final = timedelta(seconds=10)
