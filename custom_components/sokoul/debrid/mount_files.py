"""How a mount looks from here. Both functions read the disk, and may take long: never on the event loop."""

import os
from stat import S_ISREG

from .links import Mount, MountLook, Seen

#: So much of a file is read: enough to make the mount ask Real-Debrid for it.
_BYTES = 64 * 1024


class SystemFiles:
    """The files of this machine."""

    def look(self, mount: Mount) -> MountLook:
        """Tell whether a mount is there, and whether anything is in it. A folder that fails is away."""
        if mount.ours is None:
            return MountLook()
        try:
            with os.scandir(mount.ours) as entries:
                return MountLook(there=True, empty=next(entries, None) is None)
        except OSError:
            return MountLook(there=False)

    def read(self, path: str) -> Seen:
        """Read the beginning of a file. What we may not read says nothing."""
        try:
            found = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError, NotADirectoryError:
            return Seen.MISSING
        except PermissionError, ValueError:
            return Seen.NOT_LOOKED
        except OSError:
            return Seen.FAILS
        try:
            if S_ISREG(os.fstat(found).st_mode):
                os.read(found, _BYTES)
        except OSError:
            return Seen.FAILS
        else:
            return Seen.READS
        finally:
            os.close(found)
