"""Bringing backends back in Home Assistant: who of them ails, and how the one that does is restarted."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from yarl import URL

from . import restart_way
from .autopilot.reach import Declined
from .autopilot.reviver import ABOUT, ENGINE, FORBIDDEN, Patient
from .autopilot.rules.backend_down import (
    BackendDownPolicy,
    Decision,
    Outage,
    decide,
    revive_dependants,
)
from .clients.errors import BackendError, CannotConnect, NotFound, NotTheApi, Refused, Silence, UnexpectedResponse
from .connectors.docker import KIND
from .const import LOGGER
from .homes import Home, engines, home_of, looked_at
from .model.containers import Container, ContainerHealth, ContainerState, MatchedBy, dependants, lender, lost_network
from .model.journal import JournalEntry
from .model.reasons import Reason
from .restart_way import Way, WayKind

if TYPE_CHECKING:
    from .hub import AnyCoordinator, Hub

#: An engine that forbade a restart is asked again after a day: a person may have changed its proxy.
FORBIDDEN_FOR = timedelta(days=1)
#: Clocks of two machines differ by so much at most, when it is told which came first.
CLOCKS_DIFFER = timedelta(seconds=30)
#: What a proxy says in place of a program that doesn't answer it.
_GATEWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """A backend, its container, and since when it is silent."""

    backend: AnyCoordinator
    way: Way
    home: Home | None
    silent_since: datetime | None

    @property
    def machine(self) -> str:
        """What tells its machine from others, as far as can be told from here."""
        return self.home.engine.subentry_id if self.home else URL(self.backend.connection.url).host or ""

    @property
    def tells(self) -> bool:
        """Whether its silence would say something of the way to it: its container is not known to be down."""
        return self.home is None or self.home.container.state is ContainerState.RUNNING


class Revive:
    """Watches the backends of a hub, and restarts them in the ways that were chosen."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._spoke_at: dict[str, datetime] = {}  # when a backend that is away last showed that it is there
        self._unhealthy_since: dict[str, datetime] = {}  # by the id of a container
        self._forbidden: dict[str, tuple[str, datetime]] = {}  # by engine: its address, and when it forbade a restart

    # --- who ails ------------------------------------------------------------------------------------------------

    async def patients(self, now: datetime) -> list[Patient]:
        """Return the backends, and the networks that their containers lend or borrow, each with how it is."""
        sights = [self._sight(backend, now) for backend in self._hub.backends.values()]
        self._note_health(sights, now)
        backends = [await self._patient(sight, sights, now) for sight in sights if self._concerns_us(sight)]
        return [*backends, *self._borrowers(sights, now)]

    def _sight(self, backend: AnyCoordinator, now: datetime) -> _Sight:
        way, since = Way.of(backend.memory), None
        if not backend.answering:
            if is_silent(backend):
                began = backend.unavailable_since or now
                since = max(began, self._spoke_at.get(backend.subentry_id, began))
            else:
                self._spoke_at[backend.subentry_id] = now
        return _Sight(backend=backend, way=way, home=home_of(self._hub, backend), silent_since=since)

    def _note_health(self, sights: list[_Sight], now: datetime) -> None:
        """Note since when the health checks of the backends' containers fail."""
        failing = {
            sight.home.container.id
            for sight in sights
            if sight.home is not None
            and sight.home.engine.answering
            and sight.home.container.state is ContainerState.RUNNING
            and sight.home.container.health is ContainerHealth.UNHEALTHY
        }
        self._unhealthy_since = {each: self._unhealthy_since.get(each, now) for each in failing}

    def _concerns_us(self, sight: _Sight) -> bool:
        """Whether it may be restarted at all: a person neither excluded it nor disabled its device."""
        device = dr.async_get(self._hub.hass).async_get(sight.backend.device_id)
        if sight.way.kind is WayKind.NEVER or device is None or device.disabled_by is not None:
            return False
        # of a container engine itself, or an account somewhere, nobody knows how to restart it unless it is said
        return sight.home is not None or not sight.way.needs_engine or _is_program(sight.backend)

    async def _patient(self, sight: _Sight, sights: list[_Sight], now: datetime) -> Patient:
        backend, home = sight.backend, sight.home
        out_of_sight = home is not None and not home.engine.answering  # what it said last may be over
        if out_of_sight:
            home = None
        unhealthy_since = self._unhealthy_since.get(home.container.id) if home else None
        if home is not None and (sight.silent_since or unhealthy_since):
            home = await looked_at(home)
        if home is not None and not sight.way.needs_engine and home.found.by is MatchedBy.IMAGE:
            home = None  # where a person said what to do, a guess adds nothing
        outage = Outage(
            backend_id=backend.subentry_id,
            now=now,
            silent_since=sight.silent_since,
            unhealthy_since=unhealthy_since,
            found=home.found if home else None,
            containers=home.containers if home else (),
            may_restart=not sight.way.needs_engine or (home is not None and self._may_restart(home.engine)),
            # an engine that is away may be so for the same reason
            alone=not (out_of_sight and sight.way.needs_engine)
            and _is_alone(sight, sights, home, unhealthy=unhealthy_since is not None),
            other_way=not sight.way.needs_engine,
            likely_name=_likely_name(sight),
        )
        lends = lender(home.container, home.containers) if home else None
        lost = home is not None and lends is not None and lost_network(home.container, lends)
        return Patient(
            subject=backend.subentry_id,
            label=backend.title,
            ails=bool(sight.silent_since or unhealthy_since or lost),
            decide=partial(_decide, outage),
            engine=home.engine.subentry_id if home and sight.way.needs_engine else "",
        )

    def _borrowers(self, sights: list[_Sight], now: datetime) -> list[Patient]:
        """Return the networks that our backends use, with the containers that borrow them and are no backends."""
        found = []
        for engine in engines(self._hub):
            containers: tuple[Container, ...] = engine.data.containers
            ours = {each.home.container.id for each in sights if each.home and each.home.engine is engine}
            never = Way.of(engine.memory).kind is WayKind.NEVER
            for lends in containers if engine.answering else ():
                borrow = dependants(lends, containers)
                if not borrow or never or ours.isdisjoint({lends.id, *(each.id for each in borrow)}):
                    continue
                found.append(
                    Patient(
                        subject=engine.subentry_id,
                        label=engine.title,
                        about=lends.name,
                        engine=engine.subentry_id,
                        ails=any(lost_network(each, lends) for each in borrow if each.id not in ours),
                        decide=partial(
                            _decide_borrowers,
                            engine.subentry_id,
                            lends,
                            containers,
                            now,
                            ours,
                            self._may_restart(engine),
                        ),
                    )
                )
        return found

    # --- restarting ----------------------------------------------------------------------------------------------

    async def restart(self, entry: JournalEntry) -> Reason:
        """Restart what an entry is about. Raises `Declined`."""
        backend = self._hub.backends.get(entry.subject)
        if backend is None:
            raise Declined("way_gone", name=entry.label)
        way = Way.of(backend.memory)
        if not way.needs_engine:
            await restart_way.go(self._hub.hass, way, backend.title)
        elif (engine := self._hub.backends.get(entry.parameters.get(ENGINE, ""))) is None:
            raise Declined("way_gone", name=backend.title)  # it was to be another one when this was proposed
        else:
            await self._restart_containers(engine, entry)
        for each in {backend.subentry_id: backend, **{each.subentry_id: each for each in engines(self._hub)}}.values():
            self._hub.in_background(each.async_refresh(), f"look at {each.title} after a restart")
        return Reason(key="result.restarted")

    async def _restart_containers(self, engine: AnyCoordinator, entry: JournalEntry) -> None:
        names = entry.parameters["names"]
        for container_id, name in zip(entry.parameters["containers"], names, strict=True):
            LOGGER.info("Restarting the container %s: %s", name, entry.reason.key)
            try:
                await engine.client.restart(container_id, grace_seconds=entry.parameters["grace_seconds"])
            except NotFound as error:
                raise Declined("way_gone", name=name) from error
            except Refused as error:
                if error.status != HTTPStatus.FORBIDDEN:
                    raise Declined("error", detail=str(error)) from error
                self._forbidden[engine.subentry_id] = (engine.connection.url, dt_util.utcnow())
                raise Declined(FORBIDDEN) from error
            except BackendError as error:
                raise Declined("error", detail=str(error)) from error

    def _may_restart(self, engine: AnyCoordinator) -> bool:
        address, at = self._forbidden.get(engine.subentry_id, ("", dt_util.utcnow()))
        return address != engine.connection.url or dt_util.utcnow() - at > FORBIDDEN_FOR

    def never(self, entry: JournalEntry) -> None:
        """Remember, as the dialog does, that a person never wants what an entry is about to be restarted."""
        if (backend := self._hub.backends.get(entry.subject)) is not None:
            backend.remember(restart_way.MEMORY_KEY, Way(kind=WayKind.NEVER).as_json())

    async def is_needed(self, entry: JournalEntry) -> bool:
        """Tell whether what was suggested is still to be done."""
        key = entry.subject, str(entry.parameters.get(ABOUT, ""))
        return any(patient.key == key and patient.ails for patient in await self.patients(dt_util.utcnow()))

    async def was_done(self, entry: JournalEntry) -> bool | None:
        """Tell by when its containers were started whether a restart that was interrupted took place."""
        backend = self._hub.backends.get(entry.subject)
        engine = self._hub.backends.get(entry.parameters.get(ENGINE, ""))
        if backend is not None:
            await restart_way.finish(self._hub.hass, Way.of(backend.memory))
        if engine is None or not entry.parameters["containers"]:
            return None
        try:
            containers = [await engine.client.container(each) for each in entry.parameters["containers"]]
        except BackendError:
            return None
        started = [each.details.started_at for each in containers if each.details and each.details.started_at]
        return len(started) == len(containers) and min(started) >= entry.changed_at - CLOCKS_DIFFER


# --- what is seen ----------------------------------------------------------------------------------------------------


def is_silent(backend: AnyCoordinator) -> bool:
    """Whether a backend that doesn't work says nothing at all: one that refuses us, or says no, is there."""
    match backend.last_exception.__cause__ if backend.last_exception is not None else None:
        case CannotConnect(silence=silence):
            return silence is not Silence.TLS
        case NotTheApi(status=status):
            return status in _GATEWAY
        case UnexpectedResponse(status=int(status)):
            return status >= HTTPStatus.INTERNAL_SERVER_ERROR
        case BackendError():
            return False
    return True  # it hasn't answered yet


def _is_program(backend: AnyCoordinator) -> bool:
    return backend.connector.kind != KIND and backend.connector.default_port is not None


def _likely_name(sight: _Sight) -> str:
    """Return what the container of a backend may be called: by the name that it is reached by, else by its kind."""
    if not _is_program(sight.backend):
        return ""
    if sight.way.kind is WayKind.CONTAINER:
        return sight.way.name
    host = URL(sight.backend.connection.url).host or ""
    is_name = "." not in host and ":" not in host and host != "localhost"
    return host if is_name and sight.backend.connector.kind in host else sight.backend.connector.kind


def _is_alone(sight: _Sight, sights: list[_Sight], home: Home | None, *, unhealthy: bool) -> bool:
    """Whether the fault is this backend's own: where all of one machine are silent, the way to them is cut.

    What the engine itself says of a container needs no such way.
    """
    if home is not None and (unhealthy or home.container.state is not ContainerState.RUNNING):
        return True
    others = [
        each
        for each in sights
        if each is not sight and each.machine == sight.machine and each.tells and _is_program(each.backend)
    ]
    return not others or any(each.silent_since is None for each in others)


def _decide(outage: Outage, policy: BackendDownPolicy, restarts: tuple[datetime, ...]) -> Decision:
    return decide(replace(outage, restarts=restarts), policy)


def _decide_borrowers(
    engine_id: str,
    lends: Container,
    containers: tuple[Container, ...],
    now: datetime,
    ours: set[str],
    may_restart: bool,  # noqa: FBT001 -- filled in by `partial`
    policy: BackendDownPolicy,
    restarts: tuple[datetime, ...],
) -> Decision:
    return revive_dependants(
        engine_id, lends, containers, now=now, policy=policy, restarts=restarts, others=ours, may_restart=may_restart
    )
