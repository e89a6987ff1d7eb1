"""Reading the XML of a feed that a stranger wrote: what a feed needs, and nothing that XML can do besides.

Entities and document types are refused before they are read (a few lines of them can become gigabytes, or another
file), depth, number and length are bounded. Made of Python's own expat, whose parser never opens anything by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_ITEMS = 1_000
MAX_DEPTH = 20
MAX_TEXT = 8_000
#: One item has some twenty elements and attributes.
MAX_PARTS = 200
#: A tag is read in one go, however many attributes it has, and everything waits for that.
MAX_TAG_BYTES = 64 * 1024


class NotAFeed(ValueError):  # noqa: N818 -- named for what it is
    """The text is no XML, or does what no feed needs to."""


@dataclass(slots=True)
class FeedItem:
    """An item: its texts by their element, and its extended attributes."""

    texts: dict[str, str] = field(default_factory=dict)
    enclosure: Mapping[str, str] = field(default_factory=dict)
    attributes: dict[str, list[str]] = field(default_factory=dict)  # of torznab or newznab

    def attribute(self, name: str) -> str:
        """Return the first value of an extended attribute, or nothing."""
        return next(iter(self.attributes.get(name, ())), "")


@dataclass(slots=True)
class Document:
    """What an answer holds: items, or elements with attributes (an error, capabilities)."""

    root: str = ""
    items: list[FeedItem] = field(default_factory=list)
    #: attributes of the elements that are in no item, by their path: "caps/searching/movie-search"
    elements: dict[str, Mapping[str, str]] = field(default_factory=dict)


def read(body: bytes | bytearray) -> Document:
    """Return what is in an answer. Raises `NotAFeed`."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        for start in range(0, len(body), MAX_TAG_BYTES):
            parser.Parse(bytes(body[start : start + MAX_TAG_BYTES]), False)
            if start - parser.CurrentByteIndex > MAX_TAG_BYTES:
                raise NotAFeed("one of its tags is too long")
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, UnicodeError) as error:  # an encoding that nobody knows is a LookupError
        raise NotAFeed("it is not well-formed") from error
    return reader.document


def _refuse(*_: object) -> int:
    raise NotAFeed("it declares entities or a document type")


class _Reader:
    def __init__(self) -> None:
        self.document = Document()
        self._path: list[str] = []
        self._item: FeedItem | None = None
        self._parts = 0
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take an element's beginning."""
        name = name.lower()
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise NotAFeed("it is too deep")
        self._text = ""
        if len(self._path) == 1:
            self.document.root = name
        if name == "item" and self._item is None:
            if len(self.document.items) >= MAX_ITEMS:
                return
            self._item, self._parts = FeedItem(), 0
            self.document.items.append(self._item)
        elif self._item is not None:
            self._take(self._item, name, attributes)
        elif attributes and len(self.document.elements) < MAX_PARTS:
            self.document.elements.setdefault("/".join(self._path), attributes)

    def _take(self, item: FeedItem, name: str, attributes: Mapping[str, str]) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            return
        if name == "enclosure" and not item.enclosure:
            item.enclosure = attributes
        elif name.rpartition(":")[2] == "attr":
            key, value = attributes.get("name", "").lower(), attributes.get("value", "")
            item.attributes.setdefault(key[:100], []).append(value[:MAX_TEXT])

    def end(self, name: str) -> None:
        """Take an element's end."""
        name = name.lower()
        self._path.pop()
        if name == "item" and "item" not in self._path:
            self._item = None
        elif self._item is not None and self._text.strip() and len(self._item.texts) < MAX_PARTS:
            self._item.texts.setdefault(name, self._text.strip())
        self._text = ""

    def text(self, data: str) -> None:
        """Take a piece of an element's text."""
        if self._item is not None and len(self._text) < MAX_TEXT:
            self._text = (self._text + data)[:MAX_TEXT]
