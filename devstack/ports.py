"""Ports of 127.0.0.1 that stay free until they are used.

The system hands out ports from a range of its own, to servers that ask for any and to every outgoing connection. A port
from there that was free a moment ago may be taken when a program starts, or is started again. These lie below it.
"""

import random
import socket

_RANGE = range(20_000, 32_000)  # Linux begins at 32,768, and others higher
_TRIES = 1_000
_chance = random.SystemRandom()  # several test processes choose at once: each has its own


def free_port() -> int:
    """Return a port on which nothing listens. Raises OSError when there is none."""
    for _ in range(_TRIES):
        port = _chance.choice(_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError(f"no free port between {_RANGE.start} and {_RANGE.stop}")
