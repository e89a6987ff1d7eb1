"""What a person set for the watchlist, as it is kept."""

import json
from typing import Any

import pytest

from custom_components.sokoul.watchlist.settings import WatchSettings


@pytest.mark.parametrize(
    "settings",
    [
        WatchSettings(),
        WatchSettings(auto=True, from_arrs=True),
        WatchSettings(auto=False, from_seerr=True),
    ],
)
def test_they_come_back(settings: WatchSettings) -> None:
    assert WatchSettings.from_json(json.loads(json.dumps(settings.as_json()))) == settings


@pytest.mark.parametrize(
    ("stored", "settings"),
    [
        (None, WatchSettings()),
        ([], WatchSettings()),
        ({}, WatchSettings()),
        ({"auto": None}, WatchSettings()),
        ({"auto": "yes", "from_arrs": 1, "from_seerr": True, "of_a_newer_version": 3}, WatchSettings(from_seerr=True)),
    ],
)
def test_what_can_not_be_read_is_at_its_default(stored: Any, settings: WatchSettings) -> None:
    assert WatchSettings.from_json(stored) == settings
