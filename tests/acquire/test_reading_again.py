"""What a second reader has read, and what it is asked."""

from collections.abc import Callable, Sequence

import pytest

from custom_components.sokoul.acquire import reading_again
from custom_components.sokoul.acquire.reading_again import SecondReader


class FakeReader:
    """Reads what a test wants, and so far as it wants."""

    def __init__(self, title: Callable[[str], str] = str.upper, most: int = 1_000) -> None:
        self.asked: list[str] = []
        self._title, self._most = title, most

    async def read(self, names: Sequence[str]) -> Sequence[str]:
        self.asked += names
        return [self._title(each) for each in names][: self._most]


async def test_each_name_is_read_once() -> None:
    fake = FakeReader()
    reader = SecondReader(fake)
    assert reader.unread(["a", "b", "a"]) == ["a", "b"]
    await reader.read(["a", "b"])
    assert reader.unread(["a", "c"]) == ["c"]
    assert reader.titles(["a", "c"]) == {"a": "A"}
    assert fake.asked == ["a", "b"]


async def test_what_it_came_to_grief_at_has_no_title_and_what_is_behind_is_read_the_next_time() -> None:
    reader = SecondReader(FakeReader(most=1))
    await reader.read(["fine", "hostile", "behind"])
    assert reader.titles(["fine", "hostile", "behind"]) == {"fine": "FINE"}
    assert reader.unread(["fine", "hostile", "behind"]) == ["behind"]


async def test_where_nobody_can_be_asked_nothing_is_remembered() -> None:
    class Nobody:
        async def read(self, names: Sequence[str]) -> Sequence[str]:
            raise OSError(names)

    reader = SecondReader(Nobody())
    with pytest.raises(OSError):  # noqa: PT011 -- as it was raised
        await reader.read(["a"])
    assert reader.unread(["a"]) == ["a"]


async def test_a_huge_name_is_cut_and_little_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SecondReader(FakeReader())
    huge = "a" * 100_000
    (cut,) = reader.unread([huge])
    assert len(cut) < 1_000
    await reader.read([cut])
    assert reader.unread([huge]) == []
    assert reader.titles([huge]) == {huge: cut.upper()}
    monkeypatch.setattr(reading_again, "MOST_REMEMBERED", 3)
    await reader.read(["1", "2", "3", "4"])
    assert reader.unread(["1", "2", "3", "4"]) == ["1"]
