"""Where the real programs are that tests, benchmarks and the demo start.

A program is looked for in this order: an environment variable (`SOKOUL_CHROMIUM=...`), what `scripts/setup` found or
installed and wrote to `.cache/tools.env`, then the usual places. What is not there is None or left out: who needs it
skips with the reason.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import functools
import os
from pathlib import Path
import re
import shutil
import subprocess
import tempfile

REPOSITORY = Path(__file__).resolve().parent.parent
TOOLS_FILE = REPOSITORY / ".cache" / "tools.env"

QBITTORRENT_VARIABLES = ("SOKOUL_QBITTORRENT_45", "SOKOUL_QBITTORRENT_53")
SWARM_PYTHON_VARIABLE = "SOKOUL_SWARM_PYTHON"
CHROMIUM_VARIABLE = "SOKOUL_CHROMIUM"
POSTGRESQL_VARIABLE = "SOKOUL_POSTGRESQL_BIN"
SECOND_READER_VARIABLE = "SOKOUL_SECOND_READER"

_ANSWER_SECONDS = 20  # a cold disk under load; a program that says nothing for longer is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class QbittorrentBinary:
    """A qBittorrent without a window that starts on this machine."""

    version: str  # "5.3.0"
    path: Path
    qt_plugin_path: Path | None = None  # set for one unpacked outside of the system: Qt finds no TLS plugins by itself

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, to compare."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:3])

    def environment(self) -> dict[str, str]:
        """Return what has to be added to the environment of the process."""
        return {} if self.qt_plugin_path is None else {"QT_PLUGIN_PATH": str(self.qt_plugin_path)}


def private_prefix(name: str) -> Path:
    """Return the folder where `scripts/setup` unpacks programs of another Debian release."""
    if root := os.environ.get("SOKOUL_PREFIX"):
        return Path(root) / name
    return Path("/opt/sokoul" if os.geteuid() == 0 else Path.home() / ".local/share/sokoul") / name


def find_qbittorrents() -> tuple[QbittorrentBinary, ...]:
    """Return every qBittorrent that starts here, oldest first, one for each version."""
    candidates = [path for name in QBITTORRENT_VARIABLES for path in _configured(name)]
    candidates += [path for path in (_on_path("qbittorrent-nox"),) if path is not None]
    candidates += [private_prefix(name) / "usr/bin/qbittorrent-nox" for name in ("qbittorrent45", "qbittorrent53")]
    found: dict[str, QbittorrentBinary] = {}
    for path in candidates:
        binary = _qbittorrent(path)
        if binary is not None:
            found.setdefault(binary.version, binary)
    return tuple(sorted(found.values(), key=lambda binary: binary.release))


def swarm_python() -> Path | None:
    """Return a Python that imports libtorrent: the one of `.venv-swarm`, as libtorrent has no wheel for 3.14."""
    candidates = [*_configured(SWARM_PYTHON_VARIABLE), REPOSITORY / ".venv-swarm/bin/python"]
    return next((path for path in candidates if _imports_libtorrent(path)), None)


def chromium() -> Path | None:
    """Return a Chromium or Chrome for playwright's `executable_path`."""
    candidates = [
        *_configured(CHROMIUM_VARIABLE),
        *(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := _on_path(name)) is not None),
        *sorted(_playwright_browsers(), reverse=True),
    ]
    return next((path for path in candidates if _is_executable(path)), None)


def postgresql_bin() -> Path | None:
    """Return the newest folder with PostgreSQL's `initdb` and `pg_ctl`, which Debian keeps off the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = _on_path("initdb")
    candidates = [*_configured(POSTGRESQL_VARIABLE), *installed, *([] if on_path is None else [on_path.parent])]
    return next((path for path in candidates if _is_executable(path / "initdb")), None)


def second_reader() -> Path | None:
    """Return the folder in which parsett is."""
    return next((path for path in _configured(SECOND_READER_VARIABLE) if (path / "PTT").is_dir()), None)


def read_tools_file(path: Path) -> dict[str, str]:
    """Read the `NAME=value` lines that `scripts/setup` writes; a missing file has none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _configured(name: str) -> Iterator[Path]:
    """Return what the environment and the file of `scripts/setup` name."""
    for source in (os.environ, read_tools_file(TOOLS_FILE)):
        if value := source.get(name):
            yield Path(value)


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return None if found is None else Path(found)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _playwright_browsers() -> Iterable[Path]:
    """Return the browsers that `playwright install` put below the cache folder, which set-up itself doesn't need."""
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    return cache.glob("chromium-*/chrome-linux*/chrome")


@functools.cache
def _qbittorrent(path: Path) -> QbittorrentBinary | None:
    """Ask the program for its version: one whose libraries are missing exists, yet doesn't start."""
    if not _is_executable(path):
        return None
    plugins = next(iter(path.parent.parent.glob("lib/*/qt[56]/plugins")), None) if path.parts[:3] != _SYSTEM else None
    environment = {} if plugins is None else {"QT_PLUGIN_PATH": str(plugins)}
    # even for this it writes its configuration, in which it upgrades what an older version wrote: not that of a person
    with tempfile.TemporaryDirectory(prefix="qbittorrent-version-") as home:
        said = _output([str(path), "--version"], {**environment, **dict.fromkeys(_HOME_VARIABLES, home)})
    match = re.search(r"qBittorrent v(\d+\.\d+\.\d+\S*)", said)
    return None if match is None else QbittorrentBinary(version=match[1], path=path, qt_plugin_path=plugins)


_SYSTEM = ("/", "usr", "bin")
_HOME_VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


@functools.cache
def _imports_libtorrent(path: Path) -> bool:
    program = "import libtorrent; print(libtorrent.__version__)"
    return _is_executable(path) and bool(_output([str(path), "-c", program], {}).strip())


def _output(command: list[str], environment: dict[str, str]) -> str:
    """Return what a program prints, nothing when it fails."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=_ANSWER_SECONDS,
        )
    except OSError, subprocess.SubprocessError:
        return ""
    return done.stdout


def main() -> None:
    """Print what there is (`python -m devstack.tools`)."""
    for binary in find_qbittorrents():
        print(f"qBittorrent {binary.version}: {binary.path}")
    for name, path in (("libtorrent", swarm_python()), ("Chromium", chromium()), ("PostgreSQL", postgresql_bin())):
        print(f"{name}: {path or 'none'}")


if __name__ == "__main__":
    main()
