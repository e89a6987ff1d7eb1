"""What people see of the watchlist: the list itself, what comes out next, how many wait, and what happens."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.components.calendar import CalendarEntityDescription
from homeassistant.components.event import EventEntityDescription
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.helpers.entity import EntityDescription
from homeassistant.util import dt as dt_util

from .connectors.base import BackendSensor
from .watching_events import ASKED_BACK, GRABBED, READY, RELEASED, UPGRADED
from .watchlist.items import Wish, WishState
from .watchlist_report import next_up, part_label, waiting
from .wording import Wording, clean

if TYPE_CHECKING:
    from datetime import date

    from .hub import Hub

WEEK = timedelta(days=7)


def _next_release(hub: Hub) -> date | None:
    found = next_up(hub.watching.wishes.values(), dt_util.now())
    return found[1].out_on if found is not None else None


def _next_title(hub: Hub) -> str | None:
    found = next_up(hub.watching.wishes.values(), dt_util.now())
    return part_label(*found) if found is not None else None


WATCHLIST_SENSORS: tuple[BackendSensor[Hub], ...] = (
    BackendSensor(key="watchlist_next_release", value=_next_release, device_class=SensorDeviceClass.DATE),
    BackendSensor(key="watchlist_next_title", value=_next_title),
    BackendSensor(
        key="watchlist_waiting",
        value=lambda hub: waiting(hub.watching.wishes.values()),
        state_class=SensorStateClass.MEASUREMENT,
    ),
    BackendSensor(
        key="watchlist_acquired",
        value=lambda hub: hub.watching.acquired_since(dt_util.utcnow() - WEEK),
        state_class=SensorStateClass.MEASUREMENT,
    ),
)
WATCHLIST_EVENTS = (
    EventEntityDescription(key="watchlist", event_types=[RELEASED, GRABBED, READY, UPGRADED, ASKED_BACK]),
)
WATCHLIST_LISTS = (EntityDescription(key="watchlist"),)
WATCHLIST_CALENDARS = (CalendarEntityDescription(key="watchlist"),)


def event_data(event: str, data: Mapping[str, Any], wish: Wish | None, words: Wording) -> dict[str, Any]:
    """Return what is told of something that happened to a wish, with a sentence."""
    told = {name: value for name, value in data.items() if isinstance(value, str | int | None)}  # lists are for actions
    title = " ".join(str(told[name]) for name in ("title", "part") if told.get(name))
    if event != ASKED_BACK:
        text = words.text(f"watchlist.event_{event}", title=title, release=told.get("release") or "")
    elif wish is not None and wish.state is WishState.UNCLEAR:
        titles = tuple(clean(each.label) for each in wish.choices)
        text = words.text("watchlist.event_which", asked=wish.text, titles=titles)
    elif not told.get("release"):
        text = words.text("watchlist.event_asks", title=title)
    else:
        text = words.text("watchlist.event_found", title=title, release=told.get("release") or "")
    return {**told, "text": text}
