"""Reading attributes of Linux' sysfs: small texts behind which a driver asks a device, which may sleep or be dead.

All of this blocks for as long as the driver takes: it belongs into a thread.
"""

import os
from pathlib import Path
import re

#: An attribute is a line. (sysfs itself gives no more than a page.)
MAX_BYTES = 256
_NUMBER = re.compile(r"\d+")


def read_text(path: Path) -> str | None:
    """Return the text of an attribute, None where there is none or its driver has no answer now (EAGAIN, ENODATA)."""
    try:
        # not waiting: sysfs never lets wait for an opening, but whatever else lies there (a pipe) would
        attribute = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        content = os.read(attribute, MAX_BYTES)
    except OSError:
        return None
    finally:
        os.close(attribute)
    text = content.decode(errors="replace").strip("\x00 \t\r\n")
    return "".join(character for character in text if character.isprintable())


def read_number(path: Path, base: int = 10) -> int | None:
    """Return the number of an attribute, None where there is none."""
    text = read_text(path)
    try:
        return int(text, base) if text else None
    except ValueError:
        return None


def names(folder: Path) -> list[str]:
    """Return the names of what is in a folder, in the order of their numbers; nothing where there is no folder."""
    try:
        return sorted((path.name for path in folder.iterdir()), key=_by_number)
    except OSError:
        return []


def _by_number(name: str) -> tuple[str, int, str]:
    number = _NUMBER.search(name)
    return (name[: number.start()], int(number[0]), name) if number else (name, -1, name)


def numbered(folder: Path, prefix: str) -> list[Path]:
    """Return `prefix0`, `prefix1` and so on in a folder, in the order of their numbers."""
    return [folder / name for name in names(folder) if re.fullmatch(rf"{prefix}\d+", name)]


def device_of(path: Path) -> str:
    """Return the name of the device that something belongs to, "" where it says none.

    It stays the same over a restart more often than a number does.
    """
    try:
        return (path / "device").readlink().name  # read as a text, never followed
    except OSError:
        return ""
