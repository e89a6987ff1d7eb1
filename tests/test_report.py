"""What SOKOUL knows, as plain data and as text."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.sokoul import report, wording
from custom_components.sokoul.model.reasons import Value

from .model.make import NOW, backends, prowlarr, world


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 11, 21, 9, 30, tzinfo=UTC), "2026-11-21T09:30:00+00:00"),
        (timedelta(minutes=2, milliseconds=600), 121),
        (("one", "two"), ["one", "two"]),
        (7, 7),
        ("as it is", "as it is"),
    ],
)
def test_facts_are_told_as_json_knows_them(value: Value, expected: Any) -> None:
    assert report.plain(value) == expected


def test_where_nothing_is_well_there_is_no_box_for_it() -> None:
    away = world(backends=backends(prowlarr(available=False)))
    text = report.findings_text(away, NOW, wording.load("en"))
    assert 'alert-type="error"' in text
    assert 'alert-type="success"' not in text
