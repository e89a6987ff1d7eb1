"""What was grabbed and can't be read at first, because the database is busy, is looked after all the same."""

from typing import Any

import pytest

from custom_components.sokoul.model.journal import ActKind
from custom_components.sokoul.store import StoreError
from custom_components.sokoul.store.journal import StoredJournal

from .test_grab_care import (  # noqa: F401 -- fixtures
    HOUR,
    Scene,
    _no_pause,
    alone,
    fail,
    grab,
    tmdb,
    until_there_are,
    without_arr,
)


async def test_a_journal_that_cannot_be_read_is_read_later(
    alone: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(alone, await grab(alone))
    await alone.pass_time(HOUR, 20)

    find = StoredJournal.find

    async def locked(journal: StoredJournal, **wanted: Any) -> Any:
        if wanted.get("acts") == [ActKind.GRAB] and wanted.get("since") is not None:
            raise StoreError("locked")
        return await find(journal, **wanted)

    with monkeypatch.context() as busy:
        busy.setattr(StoredJournal, "find", locked)
        await alone.restart()
    assert "What was grabbed can't be read: locked" in caplog.text
    await until_there_are(alone, 2)
