"""A VPN as a change of its server reaches it: what it is set to, what it is told, and how it looks from outside."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

from .autopilot.guards.addresses import Place, place_of
from .autopilot.guards.servers import Sample
from .clients.errors import BackendError, InvalidAuth, NotFound, Refused
from .clients.throughput import throughput
from .guarding import PROXY_KEY
from .lookout import DIRECTLY, Lookout
from .model.vpn import SeenAddress, ServerSelection, VpnSnapshot, VpnStatus
from .rotation_notes import RotationSettings

if TYPE_CHECKING:
    from .hub import AnyCoordinator

#: A sample of the throughput takes so long at most, after the first byte.
SAMPLE_SECONDS = 8.0
#: So often the way to a service through the tunnel is timed: the quickest counts, as the others had to wait for more.
TIMED = 2


class Told(Enum):
    """What came of telling it a server."""

    TAKEN = auto()
    REFUSED = auto()  # it doesn't know the name: nothing was changed
    SILENT = auto()  # nobody knows whether it heard that
    CLOSED = auto()  # our role may not, or this version can't


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What it shows. `asked_at` is when this was asked for."""

    asked_at: datetime
    answered: bool = False
    stopped: bool = False  # somebody switched it off
    connected: bool | None = None
    address: str | None = None
    leaks: bool = False  # it comes out at home


class Tunnel:
    """One VPN. `homes` tells the places that are known to be ours."""

    def __init__(self, backend: AnyCoordinator, lookout: Lookout, homes: Callable[[], frozenset[Place]]) -> None:
        self._backend = backend
        self._lookout = lookout
        self._homes = homes
        self._home: Place | None = None

    @property
    def proxy(self) -> str:
        """Its HTTP proxy, "" where there is none that we may use."""
        proxy: str = self._backend.memory.get(PROXY_KEY, "")
        return proxy

    async def selection(self) -> ServerSelection:
        """Return what it is set to. Raises `BackendError`."""
        found: ServerSelection = await self._backend.client.selection()
        return found

    async def tell(self, selection: ServerSelection) -> Told:
        """Have it connect to a server of this selection. One act at a time: it may be switched off meanwhile."""
        async with self._backend.act_lock:
            try:
                await self._backend.client.select(selection)
            except InvalidAuth, NotFound:
                return Told.CLOSED
            except Refused as error:
                if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
                    return Told.CLOSED
                # with 200 it says that it took them, and that it is not up yet: what crashed pauses before it tries
                return Told.TAKEN if error.status == HTTPStatus.OK else Told.REFUSED
            except BackendError:
                return Told.SILENT
        return Told.TAKEN

    async def look(self) -> Look:
        """Look at it now, from outside too where it has a proxy."""
        asked = dt_util.utcnow()
        await self._backend.async_refresh()
        if not self._backend.answering:
            return Look(asked_at=asked)
        told: VpnSnapshot = self._backend.data
        through = await self.seen_through() if told.connected or told.status is VpnStatus.UNKNOWN else None
        seen = None if through is None else str(through.address)
        return Look(
            asked_at=asked,
            answered=True,
            stopped=told.status in {VpnStatus.STOPPED, VpnStatus.STOPPING},
            connected=told.connected,
            address=told.public_ip or seen,
            leaks=any(self._is_home(address) for address in (told.public_ip, seen) if address),
        )

    async def seen_through(self) -> SeenAddress | None:
        """Return where one is seen who goes through it; None where nobody can tell."""
        if not self.proxy:
            return None
        with suppress(BackendError):
            return await self._lookout.ask_now(self.proxy)
        return None

    # --- leaks -------------------------------------------------------------------------------------------------------

    async def learn_home(self, address: str | None) -> None:
        """Find out where we are seen past it, for what comes out there leaks.

        Where that is the tunnel's own address, Home Assistant itself goes out through it: then it proves nothing.
        """
        self._home = None
        if address is None:
            return
        with suppress(BackendError):
            here = place_of(str((await self._lookout.ask_now(DIRECTLY)).address))
            self._home = here if here != place_of(address) else None

    def _is_home(self, address: str) -> bool:
        place = place_of(address)
        return place is not None and (place == self._home or place in self._homes())

    # --- samples -----------------------------------------------------------------------------------------------------

    async def measure(self, settings: RotationSettings, *, idle: bool) -> Sample:
        """Return how good the server in use is. The throughput is sampled only if that is wanted, and nothing runs."""
        times: list[float] = []
        for _ in range(TIMED):
            if (seen := await self.seen_through()) is None:
                break
            times.append(seen.took_seconds)
        speed: float | None = None
        if settings.measure and idle and self.proxy:
            with suppress(BackendError):
                speed = await throughput(
                    self._lookout.session(self.proxy),
                    settings.sample_url,
                    most_bytes=settings.sample_megabytes * 1_000_000,
                    most_seconds=SAMPLE_SECONDS,
                )
        return Sample(works=True, latency=timedelta(seconds=min(times)) if times else None, bytes_per_second=speed)
