"""Noticing imports: an *arr that was removed is asked for nothing any more."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from custom_components.sokoul.linking_imports import ImportWatch
from custom_components.sokoul.model.library import ArrSnapshot


class Client:
    """Counts how often its history is asked for, and lets something happen meanwhile."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile = meanwhile
        self.asked = 0

    async def history(self, _since: datetime) -> list[Any]:
        self.asked += 1
        self.meanwhile()
        return []


def backend(client: Client) -> Any:
    snapshot = ArrSnapshot(version="6.0.3", instance_name="Radarr")
    return SimpleNamespace(connector=SimpleNamespace(kind="radarr"), answering=True, client=client, data=snapshot)


async def test_one_that_is_removed_before_its_turn_is_not_asked() -> None:
    begun: list[Coroutine[Any, Any, None]] = []
    first, second = Client(), Client()
    backends = {"first": backend(first), "second": backend(second)}
    hub: Any = SimpleNamespace(backends=backends, in_background=lambda work, _name: begun.append(work))
    watch = ImportWatch(hub, wanted=lambda: True, imported=lambda: None)

    def remove() -> None:
        del backends["second"]
        watch.look()

    first.meanwhile = remove
    watch.look()
    (reading,) = begun
    await reading
    assert (first.asked, second.asked) == (1, 0)
