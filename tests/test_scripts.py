"""The scripts, the requirements and what a release needs: that they hold together."""

from collections.abc import Iterator
import importlib.metadata
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import time
import tomllib

import homeassistant.components
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAMS = [*(path for path in sorted((REPOSITORY / "scripts").iterdir()) if path.is_file()), REPOSITORY / ".ci/run"]
LIBRARIES = sorted((REPOSITORY / "scripts/lib").glob("*.sh"))
MANIFEST = json.loads((REPOSITORY / "custom_components/sokoul/manifest.json").read_text(encoding="utf-8"))
COMPONENTS = Path(homeassistant.components.__path__[0])


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def requirements(name: str) -> list[Requirement]:
    lines = (REPOSITORY / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pinned(name: str) -> dict[str, str]:
    return {canonicalize_name(requirement.name): str(requirement.specifier) for requirement in requirements(name)}


# --- scripts ---------------------------------------------------------------------------------------------------------


def test_the_scripts_are_all_there() -> None:
    assert {relative(path) for path in PROGRAMS} >= {
        *(f"scripts/{name}" for name in ("setup", "test", "lint", "bench", "develop")),
        ".ci/run",
    }


@pytest.mark.parametrize("path", [*PROGRAMS, *LIBRARIES], ids=relative)
def test_it_is_valid_bash(path: Path) -> None:
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", PROGRAMS, ids=relative)
def test_it_can_be_started(path: Path) -> None:
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")


@pytest.fixture
def working_copy(tmp_path: Path) -> Path:
    """Return a folder in which set-up was done, on a machine where every way to get something fails and says so."""
    for name in ("scripts", "requirements"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    for name in ("apt-get", "curl", "uv", "wget"):
        make_program(tmp_path / "tools" / name, f"echo called {name} >&2; exit 1")
    make_program(tmp_path / "tools/python3", "exit 1")
    make_program(tmp_path / ".venv/bin/python", "exit 0")
    make_program(tmp_path / ".venv/bin/hass", "exit 0")
    make_program(tmp_path / "chromium", "exit 0")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/tools.env").write_text(f"SOKOUL_CHROMIUM={tmp_path / 'chromium'}\n")
    stamped = run_in(tmp_path, '. scripts/lib/common.sh; . scripts/lib/stamp.sh; inputs >"$STAMP"')
    assert (stamped.returncode, stamped.stderr) == (0, "")
    return tmp_path


def make_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run_in(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{folder / 'tools'}:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "SOKOUL_PREFIX": str(folder / "prefix"),
        "LC_ALL": "C",
    }
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_second_set_up_is_quick_silent_and_changes_nothing(working_copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in working_copy.rglob("*")}
    started = time.monotonic()
    done = run_in(working_copy, "scripts/setup")
    seconds = time.monotonic() - started

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path: path.stat().st_mtime_ns for path in working_copy.rglob("*")} == before
    assert seconds < 1


@pytest.mark.parametrize(
    "change",
    [
        "echo hypothesis==1 >>requirements/dev.txt",
        "echo '# another way' >>scripts/lib/python.sh",
        "mkdir -p custom_components/sokoul && echo '{\"requirements\": []}' >custom_components/sokoul/manifest.json",
        "rm .venv/bin/python",
        "rm .venv/bin/hass",
        "rm chromium",
        "rm .cache/setup.stamp",
        "rm .cache/tools.env",
    ],
)
def test_set_up_notices_a_change(working_copy: Path, change: str) -> None:
    assert run_in(working_copy, change).returncode == 0
    done = run_in(working_copy, "scripts/setup")
    # nothing can be got here: it has to try, to fail, and to say so
    assert done.returncode != 0
    assert "called" in done.stderr + (working_copy / ".cache/setup.log").read_text()
    assert "setup: error: " in done.stderr
    assert not (working_copy / ".cache/setup.stamp").exists()


def test_set_up_again_on_demand(working_copy: Path) -> None:
    assert "called" in run_in(working_copy, "scripts/setup --again").stderr


def test_asking_a_qbittorrent_for_its_version_leaves_nothing_behind(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts")
    for name in (".cache", "home", "temporary"):
        (tmp_path / name).mkdir()
    program = tmp_path / "tools/qbittorrent-nox"
    # as the real one does, which writes its settings whatever it is asked
    make_program(program, 'echo >"$HOME/a"; echo >"${XDG_CONFIG_HOME:-$HOME/..}/b"; echo qBittorrent v5.3.0')
    done = run_in(
        tmp_path,
        ". scripts/lib/common.sh; . scripts/lib/parts.sh; export TMPDIR=$PWD/temporary; "
        'use_qbittorrent 5.3 FOUND "$PWD/tools/qbittorrent-nox"',
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / ".cache/tools.env.new").read_text() == f"FOUND={program}\n"
    assert {path.name for path in tmp_path.iterdir()} == {".cache", "home", "scripts", "temporary", "tools"}
    assert [*(tmp_path / "home").iterdir(), *(tmp_path / "temporary").iterdir()] == []


# --- requirements ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dev.txt", "components.txt", "override.txt", "swarm.txt", "second_reader.txt"])
def test_requirements_are_pinned(name: str) -> None:
    loose = [str(item) for item in requirements(name) if not re.fullmatch(r"==[\w.]+", str(item.specifier))]
    assert loose == []


def test_what_is_required_is_installed() -> None:
    wanted = pinned("dev.txt") | pinned("components.txt") | pinned("override.txt")
    assert {name: f"=={importlib.metadata.version(name)}" for name in wanted} == wanted


def component_requirements() -> Iterator[Requirement]:
    for manifest in COMPONENTS.glob("*/manifest.json"):
        for line in json.loads(manifest.read_text(encoding="utf-8")).get("requirements", []):
            yield Requirement(line)


def test_components_are_pinned_as_home_assistant_does() -> None:
    """Another version would be replaced at the first start, by a download in the middle of it."""
    wanted: dict[str, set[str]] = {}
    for requirement in component_requirements():
        wanted.setdefault(canonicalize_name(requirement.name), set()).add(str(requirement.specifier))
    differing = {
        name: (specifier, wanted[name])
        for name, specifier in pinned("components.txt").items()
        if name in wanted and specifier not in wanted[name]
    }
    assert differing == {}


# --- a release -------------------------------------------------------------------------------------------------------


def test_versions_agree() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == MANIFEST["version"]


def test_hacs_installs_the_archive_that_a_release_makes() -> None:
    hacs = json.loads((REPOSITORY / "hacs.json").read_text(encoding="utf-8"))
    release = (REPOSITORY / ".github/workflows/release.yml").read_text(encoding="utf-8")
    assert hacs["zip_release"] is True
    assert f"--output={hacs['filename']} HEAD:custom_components/{MANIFEST['domain']}" in release
    assert f"=={hacs['homeassistant']}" == pinned("override.txt")["homeassistant"]


@pytest.mark.parametrize("path", sorted((REPOSITORY / ".github/workflows").glob("*.yml")), ids=relative)
def test_workflows_run_scripts_that_exist(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert steps
    for step in steps:
        assert ("run" in step) != ("uses" in step)
        for name in re.findall(r"(?:scripts|\.ci)/\w+", step.get("run", "")):
            assert (REPOSITORY / name) in PROGRAMS
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@(v\d+|main|master)", step["uses"])


# --- what has no place here ------------------------------------------------------------------------------------------


def committed_files() -> list[Path]:
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git working copy, or no git here to ask")
    # in a container the folder may belong to somebody else
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    names = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0")
    return [path for name in names if name and (path := REPOSITORY / name).is_file()]


def test_no_file_names_a_package_registry() -> None:
    """Which registry or mirror is used is the machine's affair, not the project's."""
    hosts = [
        "pypi" + ".org",
        "python" + "hosted.org",
        "npmjs" + ".org",
        "npmjs" + ".com",
        "yarnpkg" + ".com",
        "deb.debian" + ".org",
        "security.debian" + ".org",
        "archive.ubuntu" + ".com",
    ]
    found = [
        f"{relative(path)}: {host}"
        for path in committed_files()
        for host in hosts
        if host.encode() in path.read_bytes()
    ]
    assert found == []


def test_no_lock_files() -> None:
    names = {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "uv.lock", "poetry.lock", "Pipfile.lock"}
    assert [relative(path) for path in committed_files() if path.name in names] == []
