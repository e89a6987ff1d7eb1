"""An export is there whole or not at all, and nothing in it can be taken for a formula."""

import asyncio
from collections.abc import AsyncIterator, Sequence
import csv
from dataclasses import replace
from datetime import timedelta
import json
import os
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from custom_components.sokoul.debrid.exporting import (
    COLUMNS,
    ExportFile,
    ExportFormat,
    described,
    keep_newest,
    stamped,
    sweep,
    write_all,
)
from custom_components.sokoul.model.debrid_mirror import MirroredTorrent, Presence
from tests.store.make import NOW
from tests.store.torrents import ACCOUNT, torrent


def known(number: int, **values: Any) -> MirroredTorrent:
    given = replace(torrent(number), **values)
    return MirroredTorrent(torrent=given, first_seen_at=NOW, changed_at=NOW, status_at=NOW)


class Mirror:
    """A mirror that shows these portions, and then raises or waits for ever."""

    def __init__(self, *portions: Sequence[MirroredTorrent], end: Exception | None = None, hangs: bool = False) -> None:
        self._portions, self._end, self._hangs = portions, end, hangs
        self.asked: list[tuple[str, Presence]] = []
        self.hanging = asyncio.Event()

    async def walk(self, account: str, presence: Presence = Presence.PRESENT) -> AsyncIterator[list[MirroredTorrent]]:
        self.asked.append((account, presence))
        for each in self._portions:
            yield list(each)
        if self._end is not None:
            raise self._end
        if self._hangs:
            self.hanging.set()
            await asyncio.Event().wait()


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def read(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    found: list[dict[str, Any]] = (
        json.loads(text) if path.suffix == ".json" else list(csv.DictReader(text.splitlines()))
    )
    return found


@pytest.mark.parametrize("chosen", ExportFormat)
@pytest.mark.parametrize("portions", [(), (1,), (2, 3)])
async def test_every_torrent_is_in_it(tmp_path: Path, chosen: ExportFormat, portions: tuple[int, ...]) -> None:
    numbers = iter(range(1, 100))
    shown = [[known(next(numbers)) for _ in range(count)] for count in portions]
    mirror, folder = Mirror(*shown), tmp_path / "exports"
    file = ExportFile.create(folder, "all", chosen)
    assert names(folder) == [f".all.{chosen}.part"], "it is not there before it is complete"
    assert await write_all(mirror, ACCOUNT, Presence.ANY, file) == sum(portions)
    assert names(folder) == [f"all.{chosen}"]
    assert mirror.asked == [(ACCOUNT, Presence.ANY)]
    expected = [described(each) for portion in shown for each in portion]
    as_written = expected if chosen is ExportFormat.JSON else [{k: as_text(v) for k, v in e.items()} for e in expected]
    assert read(folder / f"all.{chosen}") == as_written


def as_text(value: object) -> str:
    return "" if value is None else str(value)


def test_columns_are_what_is_told_of_a_torrent() -> None:
    assert list(described(known(1))) == list(COLUMNS)


async def test_names_come_from_strangers(tmp_path: Path) -> None:
    strange = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'a,"b"\nc', "half a pair \ud83d", "Amélie"]
    shown = [known(number, filename=name) for number, name in enumerate(strange)]
    for chosen in ExportFormat:
        await write_all(Mirror(shown), ACCOUNT, Presence.ANY, ExportFile.create(tmp_path, "all", chosen))
    with (tmp_path / "all.csv").open(encoding="utf-8", newline="") as file:
        told = [row["name"] for row in csv.DictReader(file)]
    assert told[:5] == [f"'{name}" for name in strange[:5]], "no spreadsheet takes it for a formula"
    assert told[5:] == ['a,"b"\nc', "half a pair \\ud83d", "Amélie"]
    assert [row["name"] for row in read(tmp_path / "all.json")] == strange


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("older")
    second = ExportFile.create(tmp_path, "all", ExportFormat.CSV)
    third = ExportFile.create(tmp_path, "all", ExportFormat.CSV)
    assert [second.path.name, third.path.name] == ["all-2.csv", "all-3.csv"]
    second.finish()
    third.abandon()
    assert names(tmp_path) == ["all-2.csv", "all.csv"]
    assert (tmp_path / "all.csv").read_text() == "older"


class GoneError(Exception):
    """The database is gone."""


async def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ExportFile.create(tmp_path, "all", ExportFormat.JSON)
    with pytest.raises(GoneError):
        await write_all(Mirror([known(1)], end=GoneError()), ACCOUNT, Presence.ANY, file)
    assert names(tmp_path) == []

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    file = ExportFile.create(tmp_path, "all", ExportFormat.JSON)
    with pytest.raises(OSError, match="No space left"):
        await write_all(Mirror([known(1)]), ACCOUNT, Presence.ANY, file)
    assert names(tmp_path) == []


async def test_what_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    file = ExportFile.create(tmp_path, "all", ExportFormat.CSV)
    mirror = Mirror([known(1)], hangs=True)
    task = asyncio.create_task(write_all(mirror, ACCOUNT, Presence.ANY, file))
    await mirror.hanging.wait()
    assert file.torrents == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []


@pytest.mark.parametrize("meanwhile", ["write", "finish"])
def test_a_thread_that_writes_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """What it is at, it ends; then it clears away what nobody wants any more."""
    file = ExportFile.create(tmp_path, "all", ExportFormat.CSV)
    begun, go_on = Event(), Event()

    def wait(*_: object) -> dict[str, Any]:
        begun.set()
        assert go_on.wait(5)
        return described(known(1))

    monkeypatch.setattr(os, "fsync", wait)
    monkeypatch.setattr("custom_components.sokoul.debrid.exporting.described", wait)
    thread = Thread(target=file.finish if meanwhile == "finish" else lambda: file.write([known(1)]))
    thread.start()
    assert begun.wait(5)
    file.abandon()
    assert names(tmp_path) == [".all.csv.part"]
    go_on.set()
    thread.join(5)
    assert names(tmp_path) == []
    with pytest.raises(InterruptedError):
        file.finish()
    assert names(tmp_path) == []


def test_what_a_crash_left_is_swept_away(tmp_path: Path) -> None:
    left = [".real-debrid-A-1.csv.part", "real-debrid-A-1.csv", ".real-debrid-B-1.csv.part", ".other.part"]
    for name in left:
        (tmp_path / name).touch()
    sweep(tmp_path, "real-debrid-A-")
    assert names(tmp_path) == sorted(left[1:])
    sweep(tmp_path / "not there", "real-debrid-A-")


def test_the_oldest_are_deleted_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another account has, what a person put there, and what is being written stays."""
    first, last = (stamped("all-", NOW + timedelta(minutes=minutes)) for minutes in (0, 1))
    ours = [f"{first}.csv", f"{first}-10.json", f"{first}-9.csv", f"{last}.csv", f"{last}-2.csv"]
    others = [f"{first}.txt", f"{first}.csv.bak", "all-mine.csv", f"else-{first}.csv", f".{first}.csv.part"]
    for age, name in enumerate((*others, *ours)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (age, age))
    (tmp_path / f"{first}.json").mkdir()
    assert keep_newest(tmp_path, "all-", 5) == 0
    assert keep_newest(tmp_path, "all-", 2) == 3
    assert names(tmp_path) == sorted([*others, f"{first}.json", *ours[-2:]])
    monkeypatch.setattr(Path, "unlink", refuse)
    assert keep_newest(tmp_path, "all-", 1) == 0, "what can't be deleted stays"
    assert keep_newest(tmp_path / "not there", "all-", 1) == 0


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")
