"""Binding a download client to its VPN's interface: offered as a repair where nothing but the guard keeps it inside.

It is offered only for interfaces that the client itself names: those are there where it runs, whatever machine or
container that is. Which of them is the VPN's, a name can only suggest: so a person has to say it, and can take it back.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .autopilot.guards.addresses import place_of
from .autopilot.guards.shelter import Clue, Shelter, is_tunnel
from .autopilot.guards.vpn_types import Containment
from .clients.errors import BackendError, NotFound, UnexpectedResponse
from .const import DOMAIN
from .model.downloads import ClientSettings
from .model.journal import ActKind
from .model.reasons import Reason

if TYPE_CHECKING:
    from .guarding import ClientGuard, Guarding
    from .hub import AnyCoordinator

ISSUE = "bind_to_vpn_"  # followed by the client
BOUND_KEY = "bound_to_vpn"  # of a client: to what SOKOUL bound it, and how it was before

#: Interfaces come and go with their tunnels.
LOOK_EVERY = timedelta(minutes=10)
#: A client that would not say is asked again after this.
LOOK_AGAIN = timedelta(minutes=1)


class BindOffer:
    """What one download client could be bound to, and whether that is offered."""

    def __init__(self, guarding: Guarding, guard: ClientGuard) -> None:
        self._guarding = guarding
        self._guard = guard
        self._backend: AnyCoordinator = guard.backend
        self._due: datetime | None = None  # when it is looked for interfaces again; None: at once

    @property
    def bound(self) -> str | None:
        """The interface that SOKOUL bound it to; None: it did not, or somebody bound it otherwise since."""
        note: Mapping[str, Any] | None = self._backend.memory.get(BOUND_KEY)
        if note is None or self._backend.data is None or self._backend.data.settings is None:
            return None
        return note["interface"] if self._backend.data.settings.interface == note["interface"] else None

    # --- offering ----------------------------------------------------------------------------------------------------

    @callback
    def look_again(self) -> None:
        """See whether it should be offered, from time to time. To be called often."""
        if not (self._guard.on and self._guard.shelter.containment is Containment.OPEN):
            self._due = None
            self._withdraw()
            return
        now = dt_util.utcnow()
        if (self._due is None or now >= self._due) and self._backend.answering:
            self._due = now + LOOK_EVERY
            self._guarding.in_background(self._look(), f"interfaces of {self._backend.title}")

    async def _look(self) -> None:
        try:
            found = await self.candidates()
        except BackendError:
            self._due = dt_util.utcnow() + LOOK_AGAIN
            return
        if found and self._due is not None:
            self._offer(found)
        else:
            self._withdraw()

    async def candidates(self) -> tuple[str, ...]:
        """Return what looks like a tunnel's interface, where the client is bound to none. Raises `BackendError`.

        One without an address leads nowhere: it is down, or one that Linux makes by itself (`tunl0`).
        """
        client = self._backend.client
        settings: ClientSettings = await client.settings()
        if settings.interface != "" or settings.interface_address:
            return ()
        found = sorted(name for name in await client.interfaces() if is_tunnel(name))
        return tuple([name for name in found if any(map(place_of, await client.interface_addresses(name)))])

    def _offer(self, interfaces: tuple[str, ...]) -> None:
        ir.async_create_issue(
            self._backend.hass,
            DOMAIN,
            self._issue_id,
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key="bind_to_vpn",
            translation_placeholders={"backend": self._backend.title, "interfaces": ", ".join(interfaces)},
            data={"subentry_id": self._backend.subentry_id},
        )

    @callback
    def _withdraw(self) -> None:
        ir.async_delete_issue(self._backend.hass, DOMAIN, self._issue_id)

    @callback
    def stop(self) -> None:
        """Offer it no longer, but keep in mind that a person wants to hear nothing of it."""
        issue = ir.async_get(self._backend.hass).async_get_issue(DOMAIN, self._issue_id)
        if issue is not None and issue.dismissed_version is None:
            self._withdraw()

    @property
    def _issue_id(self) -> str:
        return f"{ISSUE}{self._backend.subentry_id}"

    # --- binding -----------------------------------------------------------------------------------------------------

    async def bind(self, interface: str, actor: str) -> None:
        """Bind the client to an interface. Raises `BackendError` when it doesn't take it, or nobody knows whether."""
        backend, shelter = self._backend, self._guard.shelter
        async with backend.act_lock:
            before: ClientSettings = await backend.client.settings()
            if interface not in await backend.client.interfaces():
                raise NotFound(f"{interface} is gone")
            was = [before.interface or "", before.interface_address or ""]
            known: Mapping[str, Any] | None = backend.memory.get(BOUND_KEY)
            if known is None or was != [known["interface"], ""]:  # else it was bound, and the answer to that was lost
                note = {"interface": interface, "before": was, "shelter": shelter.as_json()}
                backend.remember(BOUND_KEY, note)
                await backend.save_memory()
            try:
                await self._set(interface, "")
            except BackendError:
                if await self._is(was):
                    backend.remember(BOUND_KEY, None)
                raise
        clue = Clue.PERSON if shelter.clue is Clue.PERSON else Clue.INTERFACE
        self._guard.choose(
            Shelter(containment=Containment.BOUND, vpn_id=shelter.vpn_id, interface=interface, clue=clue)
        )
        self._withdraw()
        await self._refresh()
        self._write_down(
            ActKind.BIND, "guard.vpn_open", Reason(key="result.bound", parameters={"at": interface}), actor
        )

    async def unbind(self, actor: str) -> None:
        """Take the binding back. Raises `BackendError`.

        For as long as it takes, a person's word holds that it need not be bound: it would be stopped for that.
        """
        backend, note = self._backend, self._backend.memory[BOUND_KEY]
        now = self._guard.shelter
        self._guard.choose(Shelter(containment=Containment.OPEN, vpn_id=now.vpn_id, clue=Clue.PERSON))
        try:
            async with backend.act_lock:
                await self._set(*note["before"])
        except BackendError:
            self._guard.choose(now)
            raise
        backend.remember(BOUND_KEY, None)
        await self._refresh()  # what is inferred has to be so of what holds now
        if backend.last_update_success:
            self._guard.choose(Shelter.from_json(note["shelter"]))
        self._write_down(ActKind.UNBIND, "guard.vpn_bound_by_you", Reason(key="result.unbound"), actor)

    async def _is(self, binding: list[str]) -> bool:
        """Tell whether it is certainly bound so."""
        with suppress(BackendError):
            settings: ClientSettings = await self._backend.client.settings()
            return [settings.interface or "", settings.interface_address or ""] == binding
        return False

    async def _refresh(self) -> None:
        self._backend.reader.forget()
        await self._backend.async_refresh()

    async def _set(self, interface: str, address: str) -> None:
        wanted = {"current_network_interface": interface, "current_interface_address": address}
        await self._backend.client.set_settings(wanted)
        settings: ClientSettings = await self._backend.client.settings()
        if (settings.interface, settings.interface_address or "") != (interface, address):
            raise UnexpectedResponse(f"it is bound to {settings.interface or 'nothing'} afterwards")

    def _write_down(self, act: ActKind, why: str, result: Reason, actor: str) -> None:
        reason = Reason(key=why, parameters={"client": self._backend.title})
        self._guard.write_down(act, result, reason=reason, actor=actor)
