"""How soon a client listens on the forwarded port, in a whole Home Assistant with real qBittorrents.

It runs in a process of its own, because the harness of Home Assistant has to come before everything else there.
"""

from collections.abc import Sequence
from pathlib import Path
import subprocess
import sys

REPOSITORY = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; see `benchmarks/port_worker.py`."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.port_worker", *arguments], cwd=REPOSITORY, check=False
    ).returncode
