"""Limits of ours in a download client, for a while: the person's own are on the disk before anything is written.

How theirs and ours live together is decided in `autopilot/guards/limits.py`; this carries it out.
"""

from collections.abc import Mapping
from typing import Any

from ..autopilot.guards.limits import UNLIMITED, ClientLimits, Overrides, Plan, Rates, Slot, dump, load, plan
from ..clients.errors import UnexpectedResponse
from ..clients.qbittorrent import QbittorrentClient
from ..const import LOGGER
from ..model.downloads import ClientSettings, DownloadClientSnapshot
from .base import Backend, Undo

MEMORY_KEY = "limits"  # of a client: the person's own limits where ours are

#: So often it is looked whether the client has followed. The second look is to see it, the third for a person's
#: change in between; after that it is tried again later.
LOOKS = 3

#: The preference in which each limit is kept.
_NAMES: Mapping[Slot, str] = {
    Slot.DOWNLOAD: "dl_limit",
    Slot.UPLOAD: "up_limit",
    Slot.ALTERNATIVE_DOWNLOAD: "alt_dl_limit",
    Slot.ALTERNATIVE_UPLOAD: "alt_up_limit",
}

type Client = Backend[QbittorrentClient, DownloadClientSnapshot]


def overrides(memory: Mapping[str, Any], title: str) -> Overrides:
    """Return which limits are ours now, from what a backend remembers."""
    try:
        return load(memory.get(MEMORY_KEY))
    except KeyError, TypeError, ValueError:
        LOGGER.error("Which limits of %s are SOKOUL's is not readable: look at them there, they stay so", title)
        return {}


def limits_of(settings: ClientSettings, *, alternative: bool = False) -> ClientLimits:
    """Return the limits that a client's settings name; what this version doesn't say is left out."""
    told = {
        Slot.DOWNLOAD: settings.download_limit,
        Slot.UPLOAD: settings.upload_limit,
        Slot.ALTERNATIVE_DOWNLOAD: settings.alternative_download_limit,
        Slot.ALTERNATIVE_UPLOAD: settings.alternative_upload_limit,
    }
    return ClientLimits(
        values={slot: limit for slot, limit in told.items() if limit is not None}, alternative=alternative
    )


async def keep_to(backend: Client, wanted: Rates, title: str) -> ClientLimits | None:
    """Have a client keep to what is wanted, or get its person's own limits back (`UNLIMITED`).

    Returns what its limits are then; None while it wasn't seen to have followed. Raises `BackendError`: whatever broke
    down, what is remembered is right, and it can be called again.
    """
    for _ in range(LOOKS):
        limits = await _look(backend)
        made = plan(overrides(backend.memory, title), limits, wanted)
        if made.by_hand:
            LOGGER.debug("%s: a person changed %s", title, ", ".join(sorted(made.by_hand)))
        backend.remember(MEMORY_KEY, dump(made.remember) or None)
        if not made.write:
            return limits
        await backend.save_memory()
        await _write(backend.client, made)
    return None


async def _look(backend: Client) -> ClientLimits:
    settings = await backend.client.settings()
    return limits_of(settings, alternative=backend.data.transfer.alternative_limits)


async def _write(client: QbittorrentClient, made: Plan) -> None:
    await client.set_settings({_NAMES[slot]: limit for slot, limit in made.write.items()})


async def give_back(client: QbittorrentClient, note: Mapping[str, Any]) -> None:
    """Put the person's own limits back where ours still are: once SOKOUL is gone, nobody knows them any more."""
    try:
        known = load(note)
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedResponse("what was remembered of them is not readable") from error
    for _ in range(LOOKS):
        made = plan(known, limits_of(await client.settings()), UNLIMITED)
        known = made.remember
        if not made.write:
            return
        await _write(client, made)
    raise UnexpectedResponse("it does not take them")


UNDO: Undo[QbittorrentClient] = Undo(
    memory_key=MEMORY_KEY,
    undo=give_back,
    otherwise="The limits of %s could not be set back to yours, please look at them there: %s",
)
