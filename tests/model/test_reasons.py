"""Reasons: what they are stored as, and that they come back as they were."""

from datetime import UTC, date, datetime, timedelta
import json

from custom_components.sokoul.model.reasons import Reason, reason_as_json, reason_from_json


def test_a_reason_comes_back_with_every_kind_of_value() -> None:
    """A day stays a day: as a moment it would be another one elsewhere."""
    reason = Reason(
        key="watchlist.not_out",
        parameters={"name": "Dune", "count": 3, "share": 0.5, "names": ("a", "b")},
        evidence={"day": date(2027, 1, 2), "at": datetime(2027, 1, 2, tzinfo=UTC), "left": timedelta(hours=2)},
        backend_id="radarr",
    )
    back = reason_from_json(json.loads(json.dumps(reason_as_json(reason))))
    assert back == reason
    assert {name: type(value) for name, value in back.evidence.items()} == {
        "day": date,
        "at": datetime,
        "left": timedelta,
    }
