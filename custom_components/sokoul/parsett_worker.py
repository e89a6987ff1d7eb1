"""Reads titles in names with parsett: a list of names on stdin as JSON, and of each its title on a line of stdout.

It is run as a program, with the folder in which parsett is. Nothing of SOKOUL is imported.
"""

from importlib import import_module
import json
from pathlib import Path
import resource
import sys

MOST_MEMORY = 512 * 2**20
MOST_SECONDS = 30


def main() -> None:
    """Read until there is no name left, or too much was taken."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    sys.path.insert(0, str(Path(sys.argv[1])))
    parse_title = import_module("PTT").parse_title  # it is in that folder

    for name in json.load(sys.stdin):
        try:
            title = parse_title(name).get("title")
        except Exception:  # noqa: BLE001 -- names are written by strangers, and some are too much for it
            title = None
        sys.stdout.write(json.dumps(title if isinstance(title, str) else "") + "\n")
        sys.stdout.flush()  # what was read counts, whatever comes next


if __name__ == "__main__":
    main()
