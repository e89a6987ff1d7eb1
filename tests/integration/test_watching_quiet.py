"""What the watchlist does not do over and over: ask for episodes that nobody knows, show what nobody looks for."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant

from custom_components.sokoul.hub import Hub
from custom_components.sokoul.watchlist.settings import WatchSettings
from devstack.sonarr import SonarrSimulator

from .conftest import PassTime
from .test_watching import Scene, _no_pause, scene  # noqa: F401 -- fixtures
from .test_watching_series import DAY, hub, states, watch  # noqa: F401 -- a fixture

MINUTE = timedelta(minutes=1)


async def test_a_series_without_episodes_is_not_asked_for_without_end(
    hass: HomeAssistant,
    hub: Hub,  # noqa: F811
    sonarr: SonarrSimulator,
    pass_time: PassTime,
) -> None:
    series = sonarr.library.new_series("Nothing Announced", seasons=1, episodes=1, last_start=sonarr.clock.now() + DAY)
    series.episodes.clear()
    sonarr.library.known_series.append(series)
    wish = await watch(hass, hub, "Nothing Announced", auto=True)
    assert hub.watching.wishes[wish.id].keeper is not None
    assert hub.watching.wishes[wish.id].parts == ()

    async def asked(minutes: int) -> int:
        before = len(sonarr.requests)
        await pass_time(MINUTE, minutes)
        return sum(each.path.endswith("/episode") for each in sonarr.requests[before:])

    assert await asked(5) >= 3, "Sonarr reads them within moments"
    await asked(12)
    assert await asked(20) <= 1


async def test_looks_that_find_nothing_new_are_told_of_together(
    scene: Scene,  # noqa: F811
    freezer: FrozenDateTimeFactory,
) -> None:
    later = scene.radarr.clock.now() + timedelta(days=90)
    for name in ("Dune: Messiah", "Sicario: Capos", "Arrival: Departure"):
        movie = scene.radarr.library.new_movie(name, 2027)
        movie.in_cinemas, movie.digital_release, movie.physical_release = None, later, None
        scene.radarr.library.known_movies.append(movie)
        await scene.add(name, auto=False)
    due = {each.due for each in scene.watching.wishes.values()}
    told: list[int] = []
    scene.watching.add_listener(lambda: told.append(1))
    await scene.pass_time(MINUTE * 90)
    assert {each.due for each in scene.watching.wishes.values()}.isdisjoint(due)
    assert len(told) == 1
    told.clear()
    freezer.tick(MINUTE * 90)  # all are due once more, and the timer hasn't rung yet
    await scene.watching.look(next(iter(scene.watching.wishes)))
    assert len(told) == 1, "somebody waits for it"


async def test_only_what_sonarr_looks_for_is_shown_of_a_series(
    hass: HomeAssistant,
    hub: Hub,  # noqa: F811
    sonarr: SonarrSimulator,
) -> None:
    known = next(each for each in sonarr.library.known_series if each.tvdb_id == 403294)
    series = sonarr.library.add_series(known, have=False)
    for each in series.episodes:
        each.monitored = (each.season, each.number) == (1, 1)
    hub.watching.change_settings(WatchSettings(auto=False, from_arrs=True))
    await hass.async_block_till_done(wait_background_tasks=True)
    wish = next(each for each in hub.watching.wishes.values() if each.meant and each.meant.name == "The Bear")
    assert list(states(wish)) == ["S01E01"]
    await hub.watching.look(wish.id)
    assert list(states(hub.watching.wishes[wish.id])) == ["S01E01"]
