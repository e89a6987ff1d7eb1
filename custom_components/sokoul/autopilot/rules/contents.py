"""What is in a torrent, told by the names and sizes of its files alone.

Names come from strangers, and some are made to deceive: what a name shows and what a computer does with the file are
two things. So an ending is read as a computer reads it: the last one counts (`film.mkv.exe`), characters that turn the
direction of writing or can't be seen are left out (`film` + U+202E + `vkm.exe`), and so are dots and spaces behind it
(`film.exe. `), which Windows doesn't see either.
"""

from collections.abc import Collection, Iterable
from enum import Enum, auto
import re
import unicodedata

from ...model.downloads import TorrentFile


class Content(Enum):
    """What a file is, as far as its name tells."""

    VIDEO = auto()  # also the image of a disc
    ARCHIVE = auto()
    PROGRAM = auto()  # it does something when it is opened
    OTHER = auto()  # subtitles, pictures, texts, and what nobody knows


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_VIDEO = _words(
    "3g2 3gp asf avi bdmv divx dv f4v flv ifo img iso m1v m2ts m2v m4v mk3d mkv mov mp4 mpe mpeg mpg mts mxf nsv nuv",
    "ogm ogv qt rm rmvb strm tp trp ts vob webm wmv wtv xvid",
)
_ARCHIVE = _words("7z ace arj bz2 cab gz lha lz lzh rar tar tbz2 tgz txz xz z zip zst")
#: Programs: a whole one has some size.
_BINARY = _words("apk app appimage appx com cpl deb dll dmg exe jar msi msix msp ocx pif pkg rpm run scr sys xpi")
#: Scripts and links: a few bytes are enough. A `.zipx` is no archive that any *arr opens, and known for what it brings.
_SCRIPT = _words(
    "application bash bat chm cmd command csh desktop gadget hta inf inx jnlp js jse ksh lnk msc ps1 ps1xml ps2 psc1",
    "psd1 psm1 py reg scf sct sh settingcontent-ms shb vb vbe vbs wsc wsf wsh zipx",
)
#: `.r00`, `.s12`, `.001`: a volume of an archive.
_VOLUME = re.compile(r"[r-z]\d{2}|\d{3}")
#: What download clients put behind the name of a file that is not complete.
_UNFINISHED = re.compile(r"\.(?:!qb|!ut|part|crdownload)$", re.IGNORECASE)
#: A Blu-ray has programs of its own.
_DISC_MENU = re.compile(r"(?:^|/)BDMV/JAR/", re.IGNORECASE)

#: Nothing smaller is a program: such a "program" is a note that a group of uploaders put into all it made.
SMALLEST_PROGRAM_BYTES = 1024
#: A sample is short.
LARGEST_SAMPLE_BYTES = 300 * 1000**2

_SAMPLE = re.compile(r"(?<![^\W_])sample(?![^\W_])", re.IGNORECASE)


def ending(name: str) -> str:
    """Return what comes after the last dot of a file's name, in lower case, read as a computer reads it."""
    base = re.split(r"[/\\]", name)[-1]
    visible = "".join(each for each in unicodedata.normalize("NFKC", base) if unicodedata.category(each)[0] != "C")
    visible = _UNFINISHED.sub("", visible.rstrip(". \u2800")).rstrip(". \u2800")
    _, dot, last = visible.rpartition(".")
    return last.strip().casefold() if dot else ""


def content_of(name: str) -> Content:
    """Return what a file is."""
    last = ending(name)
    if last in _VIDEO:
        return Content.VIDEO
    if last in _ARCHIVE or _VOLUME.fullmatch(last):
        return Content.ARCHIVE
    if last in _SCRIPT or (last in _BINARY and not (last == "jar" and _DISC_MENU.search(name))):
        return Content.PROGRAM
    return Content.OTHER


def is_program(file: TorrentFile) -> bool:
    """Whether opening a file may do something: it is no video by its name, and large enough for what it says it is."""
    if content_of(file.name) is not Content.PROGRAM:
        return False
    return file.size_bytes >= SMALLEST_PROGRAM_BYTES or (file.size_bytes > 0 and ending(file.name) in _SCRIPT)


def has_sample(name: str) -> bool:
    """Whether `sample` is a word of a name, or of a folder above it."""
    return _SAMPLE.search(name) is not None


def is_sample(file: TorrentFile) -> bool:
    """Whether a video is only a sample: it says so, and is short."""
    return has_sample(file.name) and file.size_bytes <= LARGEST_SAMPLE_BYTES


def videos(files: Iterable[TorrentFile]) -> list[TorrentFile]:
    """Return the wanted videos that are no samples."""
    return [file for file in files if file.wanted and content_of(file.name) is Content.VIDEO and not is_sample(file)]


# --- a note about a password -----------------------------------------------------------------------------------------

_NOTES = _words("doc docx htm html md pdf rtf txt url")
_PASSWORD = re.compile(
    r"(?<![^\W_])(?:pass(?:word|wort|code|wd|phrase)s?|contrase[nñ]a|senha|mot[ ._-]?de[ ._-]?passe|wachtwoord|has[lł]o"
    r"|пароль)(?![^\W_])",
    re.IGNORECASE,
)


def names_password(name: str) -> bool:
    """Whether a name is about a password."""
    return _PASSWORD.search(unicodedata.normalize("NFC", name)) is not None


def password_note(files: Collection[TorrentFile]) -> TorrentFile | None:
    """Return a text that is about a password by its name."""
    for file in files:
        base = re.split(r"[/\\]", file.name)[-1]
        if ending(file.name) in _NOTES and names_password(base):
            return file
    return None


# --- which episodes --------------------------------------------------------------------------------------------------

_NUMBERED = re.compile(
    r"(?<![^\W_])s(?P<season>\d{1,4})(?P<first>[ ._-]?e\d{1,4})(?P<more>(?:[ ._]?-?[ ._]?e\d{1,4})*)"
    r"(?:-(?P<last>\d{1,4})(?=[ ._\-)\]]|$))?",
    re.IGNORECASE,
)
_CROSSED = re.compile(r"(?<!\d)(?P<season>\d{1,2})x(?P<episode>\d{2,3})(?!\d)", re.IGNORECASE)
#: No file holds more episodes than this: what looks so is something else.
_MOST = 30


def episodes_of(name: str) -> frozenset[tuple[int, int]]:
    """Return the seasons and episodes that the name of a file says it holds.

    `S01E02`, `S01E02E03`, `S01E02-E04`, `S01E02-04` and `1x02`; nothing where it names none.
    """
    base = re.split(r"[/\\]", name)[-1]
    if found := _NUMBERED.search(base):
        season = int(found["season"])
        numbers = [int(each) for each in re.findall(r"\d+", found["first"] + found["more"])]
        if found["last"] and int(found["last"]) > numbers[-1]:
            numbers.append(int(found["last"]))
        elif "-" not in found["more"]:
            return frozenset((season, number) for number in numbers)
        span = range(min(numbers), max(numbers) + 1)
        return frozenset((season, number) for number in span) if len(span) <= _MOST else frozenset()
    if found := _CROSSED.search(base):
        return frozenset({(int(found["season"]), int(found["episode"]))})
    return frozenset()
