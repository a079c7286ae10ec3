"""The keys of a service that runs: read again when their file changes."""

import logging
import os
import threading
from pathlib import Path

from secret_rotation.keys import Key, Refused, read_keys

log = logging.getLogger("secret_rotation")


# --8<-- [start:live]
class KeyFile:
    """The keys in a file, as they are now."""

    def __init__(self, file: Path, called: str = "") -> None:
        """Read the file.

        Args:
            file: of the keys.
            called: what messages call it where it cannot be opened.

        Raises:
            Refused: it cannot be used, so that the service does not start.
        """
        self._file, self._called = file, called
        self._lock = threading.Lock()
        self._stamp, self._keys, self._fault = _stamp(file), read_keys(file, called), ""

    def keys(self) -> tuple[Key, ...]:
        """Return the keys; where the file changed and is broken, those from before."""
        with self._lock:
            stamp = _stamp(self._file)  # taken before the file is read: a change after it is seen next time
            if stamp != self._stamp:
                self._read_again(stamp)
            return self._keys

    def _read_again(self, stamp: tuple[int, ...]) -> None:
        try:
            self._keys = read_keys(self._file, self._called)
        except Refused as fault:  # which may be gone at the next request; it is said once
            said = "; ".join(str(fault).splitlines())
            if said != self._fault:
                log.error("keys not read again, those from before stay: %s", said)
            self._fault = said
        else:
            self._stamp, self._fault = stamp, ""
            log.info("keys read again: %s", ", ".join(key.name for key in self._keys))


def _stamp(file: Path) -> tuple[int, ...]:
    """Tell one state of a file from another: which file it is, its size and its time."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return ()
    return (status.st_ino, status.st_size, status.st_mtime_ns)


# --8<-- [end:live]
