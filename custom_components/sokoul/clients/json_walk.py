"""Reading a large JSON object member by member, or a large list item by item.

Decoding a document of many megabytes in one call holds Python's global lock for all of it, in whatever thread it
runs, and keeps every part alive at once. Walking it decodes one small piece at a time.
"""

import codecs
from collections.abc import Container, Iterator
from json import JSONDecoder
import re
from typing import Any

SLICE_BYTES = 256 * 1024


def walk(body: bytes | bytearray, inside: Container[str]) -> Iterator[tuple[str, str, Any]]:
    """Yield (parent, name, value) for each member of the JSON object `body`.

    The members of the objects named in `inside` come one at a time, with that name as parent; those of the top level
    have the parent "". Raises ValueError where the body is no complete JSON object (UnicodeDecodeError is one, too).
    """
    text = _Text(body)
    text.expect("{")
    for name in text.names():
        if name in inside and text.next_is("{"):
            text.expect("{")
            for member in text.names():
                yield name, member, text.value()
        else:
            yield "", name, text.value()
    text.expect_end()


def items(body: bytes | bytearray) -> Iterator[Any]:
    """Yield each item of the JSON list `body`. Raises ValueError where the body is no complete JSON list."""
    text = _Text(body)
    text.expect("[")
    if not text.next_is("]"):
        yield text.value()
        while text.next_is(","):
            text.expect(",")
            yield text.value()
    text.expect("]")
    text.expect_end()


class _Text:
    """A window that moves over UTF-8 bytes, always just large enough for the next value."""

    def __init__(self, body: bytes | bytearray) -> None:
        self._body = body
        self._taken = 0  # bytes of the body that were decoded
        self._window = ""
        self._at = 0  # characters of the window that were read
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._decode = JSONDecoder(parse_constant=_refuse_constant).raw_decode

    def names(self) -> Iterator[str]:
        """Yield the names of an object's members after its opening brace, each up to its value; ends past `}`."""
        if self.next_is("}"):
            self.expect("}")
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise ValueError("a name was expected")  # noqa: TRY004 -- the text is wrong, not a type of ours
            self.expect(":")
            yield name
            if self.next_is("}"):
                self.expect("}")
                return
            self.expect(",")

    def value(self) -> Any:
        """Read one whole value."""
        slices = 1
        while True:
            self._skip_space()
            try:
                value, end = self._decode(self._window, self._at)
            except (ValueError, RecursionError) as error:
                if not self._more(slices):
                    raise ValueError("the JSON text is not valid or stops early") from error
            else:
                # a number may have been cut: "0." of "0.5" reads as 0 with something strange after it
                if self._window[end : end + 1] in _AFTER_VALUE or not self._more(slices):
                    self._at = end
                    return value
            slices *= 2

    def next_is(self, character: str) -> bool:
        """Tell whether this character comes next, after space."""
        self._skip_space()
        return self._window.startswith(character, self._at)

    def expect(self, character: str) -> None:
        """Read this character, after space."""
        if not self.next_is(character):
            raise ValueError(f"{character} was expected")
        self._at += 1

    def expect_end(self) -> None:
        """See that nothing but space is left."""
        self._skip_space()
        if self._at < len(self._window):
            raise ValueError("text after the end")

    def _skip_space(self) -> None:
        while True:
            self._at = _SPACE.match(self._window, self._at).end()  # type: ignore[union-attr]  # matches always
            if self._at < len(self._window) or not self._more(1):
                return

    def _more(self, slices: int) -> bool:
        """Drop what was read and add so many slices; tell whether there was anything to add."""
        if self._taken >= len(self._body):
            return False
        piece = self._body[self._taken : self._taken + slices * SLICE_BYTES]
        self._taken += len(piece)
        self._window = self._window[self._at :] + self._utf8.decode(piece, final=self._taken >= len(self._body))
        self._at = 0
        return True


_AFTER_VALUE = frozenset(",:}] \t\n\r")
_SPACE = re.compile(r"[ \t\n\r]*")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
