"""Finding the real programs: what is configured wins, what doesn't start doesn't count."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devstack import tools

type MakeProgram = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path) -> MakeProgram:
    """Return a maker of small executables."""

    def make(name: str, script: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from a machine where nothing is installed."""
    for name in (
        *tools.QBITTORRENT_VARIABLES,
        tools.SWARM_PYTHON_VARIABLE,
        tools.CHROMIUM_VARIABLE,
        tools.POSTGRESQL_VARIABLE,
        "PLAYWRIGHT_BROWSERS_PATH",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SOKOUL_PREFIX", str(tmp_path / "prefix"))
    monkeypatch.setattr(tools, "REPOSITORY", tmp_path / "repository")
    monkeypatch.setattr(tools, "TOOLS_FILE", tmp_path / "tools.env")


def test_a_bare_machine_has_no_qbittorrent_swarm_or_browser() -> None:
    assert tools.find_qbittorrents() == ()
    assert tools.swarm_python() is None
    assert tools.chromium() is None


def test_the_file_of_set_up_is_read(tmp_path: Path, program: MakeProgram) -> None:
    new = program("opt/usr/bin/qbittorrent-nox", "echo qBittorrent v5.3.0")
    old = program("old", "echo qBittorrent v4.5.2")
    (tmp_path / "opt/usr/lib/x86_64-linux-gnu/qt6/plugins").mkdir(parents=True)
    (tmp_path / "tools.env").write_text(
        f"# found by set-up\nSOKOUL_QBITTORRENT_53={new}\nSOKOUL_QBITTORRENT_45={old}\n"
    )

    found = tools.find_qbittorrents()

    assert [(binary.version, binary.path) for binary in found] == [("4.5.2", old), ("5.3.0", new)]
    assert found[0].environment() == {}
    assert found[1].environment() == {"QT_PLUGIN_PATH": str(tmp_path / "opt/usr/lib/x86_64-linux-gnu/qt6/plugins")}


def test_versions_are_ordered_as_numbers(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOKOUL_QBITTORRENT_53", str(program("a", "echo qBittorrent v4.10.0")))
    monkeypatch.setenv("SOKOUL_QBITTORRENT_45", str(program("b", "echo qBittorrent v4.6.7")))
    assert [binary.release for binary in tools.find_qbittorrents()] == [(4, 6, 7), (4, 10, 0)]


def test_one_that_does_not_start_does_not_count(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "SOKOUL_QBITTORRENT_53",
        str(program("broken", "echo 'libQt6Core.so.6: cannot open shared object' >&2; exit 127")),
    )
    program("bin/qbittorrent-nox", "echo qBittorrent v4.5.2")
    assert [binary.version for binary in tools.find_qbittorrents()] == ["4.5.2"]


def test_the_settings_of_a_person_stay_as_they_are(
    tmp_path: Path, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real one writes its configuration whatever it is asked."""
    homes = [tmp_path / "home", tmp_path / "settings"]
    for home in homes:
        home.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(homes[1]))
    program("bin/qbittorrent-nox", 'echo >"$HOME/a"; echo >"$XDG_CONFIG_HOME/b"; echo qBittorrent v5.3.0')

    assert [binary.version for binary in tools.find_qbittorrents()] == ["5.3.0"]
    assert [path for home in homes for path in home.iterdir()] == []


def test_the_private_prefix_is_searched_without_a_file(program: MakeProgram) -> None:
    path = program("prefix/qbittorrent53/usr/bin/qbittorrent-nox", "echo qBittorrent v5.3.0")
    assert [binary.path for binary in tools.find_qbittorrents()] == [path]


def test_the_environment_wins_over_the_file(
    tmp_path: Path, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = program("mine", "exit 0")
    (tmp_path / "tools.env").write_text(f"SOKOUL_CHROMIUM={program('theirs', 'exit 0')}\n")
    assert tools.chromium() == tmp_path / "theirs"
    monkeypatch.setenv("SOKOUL_CHROMIUM", str(mine))
    assert tools.chromium() == mine


def test_a_program_that_was_removed_since_set_up_is_looked_for_again(tmp_path: Path, program: MakeProgram) -> None:
    (tmp_path / "tools.env").write_text(f"SOKOUL_CHROMIUM={tmp_path / 'gone'}\n")
    assert tools.chromium() is None
    installed = program("bin/chromium", "exit 0")
    assert tools.chromium() == installed


def test_a_python_without_libtorrent_is_none(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOKOUL_SWARM_PYTHON", str(program("without", "exit 1")))
    assert tools.swarm_python() is None
    monkeypatch.setenv("SOKOUL_SWARM_PYTHON", str(program("with", "echo 2.1.1.0")))
    found = tools.swarm_python()
    assert found is not None
    assert found.name == "with"


def test_postgresql_is_the_folder_with_initdb(tmp_path: Path, program: MakeProgram) -> None:
    initdb = program("pg/initdb", "exit 0")
    (tmp_path / "tools.env").write_text(f"SOKOUL_POSTGRESQL_BIN={initdb.parent}\n")
    assert tools.postgresql_bin() == initdb.parent
