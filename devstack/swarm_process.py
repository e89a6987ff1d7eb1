"""libtorrent seeders, in a process of their own: the library has no wheel for the Python that the rest runs on.

It is told at which address to be. Reads one JSON object a line on standard input and answers each with one on standard
output, in order. Ends when its input ends, and so with the process that started it. Runs on Python 3.10 to 3.13.
"""

import base64
import json
import sys
from typing import Any

import libtorrent as lt

_PRIVATE = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,
    "unchoke_slots_limit": -1,
    "stop_tracker_timeout": 1,
}


class Seeders:
    """A libtorrent session at one address."""

    def __init__(self, address: str) -> None:
        self._session = lt.session({**_PRIVATE, "listen_interfaces": f"{address}:0", "outgoing_interfaces": address})
        self._handles: dict[str, Any] = {}

    def port(self) -> dict[str, Any]:
        """Say where it listens."""
        return {"port": self._session.listen_port()}

    def seed(self, *, torrent: str, save_path: str, upload_limit: int) -> dict[str, Any]:
        """Seed a torrent (base64) whose files are below `save_path`; the limit is in bytes per second, 0 for none."""
        info = lt.torrent_info(lt.bdecode(base64.b64decode(torrent)))
        parameters = lt.add_torrent_params()
        parameters.ti, parameters.save_path = info, save_path
        parameters.flags |= lt.torrent_flags.seed_mode
        parameters.flags &= ~lt.torrent_flags.auto_managed
        parameters.flags &= ~lt.torrent_flags.paused
        handle = self._session.add_torrent(parameters)
        info_hash = str(info.info_hash())
        self._handles[info_hash] = handle
        self.limit(info_hash=info_hash, upload_limit=upload_limit)
        return {"hash": info_hash}

    def limit(self, *, info_hash: str, upload_limit: int) -> dict[str, Any]:
        """Change the upload limit of a torrent."""
        self._handles[info_hash].set_upload_limit(upload_limit or -1)
        return {}

    def leave(self, *, info_hash: str) -> dict[str, Any]:
        """Stop seeding a torrent and say so to its tracker."""
        self._session.remove_torrent(self._handles.pop(info_hash))
        return {}

    def status(self, *, info_hash: str) -> dict[str, Any]:
        """Say how a torrent does."""
        status = self._handles[info_hash].status()
        return {
            "state": str(status.state),
            "peers": status.num_peers,
            "uploaded": status.total_payload_upload,
            "upload_rate": status.upload_payload_rate,
        }


def main() -> None:
    """Answer until the input ends."""
    seeders = Seeders(sys.argv[1])
    commands = {
        "port": seeders.port,
        "seed": seeders.seed,
        "limit": seeders.limit,
        "leave": seeders.leave,
        "status": seeders.status,
    }
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = commands[order.pop("do")](**order)
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
