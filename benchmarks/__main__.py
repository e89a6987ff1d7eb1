"""Run a benchmark by name: `scripts/bench poll`."""

import sys

from . import debrid, governor, guard, heal, links, noise, poll, port, releases, search, soak

BENCHMARKS = {
    "debrid": debrid.main,
    "governor": governor.main,
    "guard": guard.main,
    "heal": heal.main,
    "links": links.main,
    "noise": noise.main,
    "poll": poll.main,
    "port": port.main,
    "releases": releases.main,
    "search": search.main,
    "soak": soak.main,
}


def main() -> int:
    """Run the benchmark that is named first; the rest are its own arguments."""
    name, *arguments = sys.argv[1:] or ["poll"]
    if name not in BENCHMARKS:
        print(f"there is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
        return 2
    return BENCHMARKS[name](arguments)


if __name__ == "__main__":
    sys.exit(main())
