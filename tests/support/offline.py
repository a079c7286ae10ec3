"""Run a command where there is no network but the loopback: `python -m support.offline make test`."""

import os
import shutil
import subprocess
import sys
from functools import cache

from support.system import missing

# The namespaces begin without interfaces that are up, and end with all of their processes.
NAMESPACES = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]

# Run inside: bring the loopback up (SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP), then become the command.
ENTER = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    request = struct.pack("16sh14x", b"lo", 0)
    _, flags = struct.unpack("16sh14x", fcntl.ioctl(s, 0x8913, request))
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", flags | 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""


class NoNamespace(Exception):
    """This machine does not let a command run without its network; the message says why."""


@cache
def prefix() -> tuple[str, ...]:
    """Give what stands before a command, so that it runs without a network.

    Raises:
        NoNamespace: this machine does not permit it.
    """
    if not shutil.which("unshare"):
        raise NoNamespace("unshare is missing: install util-linux (Linux only)")
    whole = (*NAMESPACES, *(() if os.geteuid() == 0 else ("--map-root-user",)), sys.executable, "-c", ENTER)
    tried = subprocess.run([*whole, "true"], capture_output=True, text=True, timeout=60)
    if tried.returncode:
        raise NoNamespace(f"no network namespace can be made here: {tried.stderr.strip()[-300:]}")
    return whole


def needed() -> tuple[str, ...]:
    """Give the prefix, or skip the test where this machine does not permit it."""
    try:
        return prefix()
    except NoNamespace as reason:
        missing(str(reason))


if __name__ == "__main__":
    try:
        command = [*prefix(), *sys.argv[1:]]
    except NoNamespace as reason:
        sys.exit(str(reason))
    os.execvp(command[0], command)
