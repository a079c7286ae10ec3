"""Kill builds, each at another write."""

import subprocess
import sys
from pathlib import Path

# Builds the index OLD, then NEW over it in a process that ends before its n-th write there, as
# a kill would, for every n. The status is 9 for a kill, 0 for a build that got to its end, and
# 8 where anything but a part file was opened for writing.
KILL = """
import itertools, os, sys
from pathlib import Path
from static_index import build

old, new, top = map(Path, sys.argv[1:])
WRITES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.utime"}

def watch(out, left):
    def hook(event, arguments):
        nonlocal left
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (opens or event in WRITES) and str(arguments[0]).startswith(str(out)):
            if opens and not os.path.basename(arguments[0]).startswith(".part-"):
                os._exit(8)
            left -= 1
            if left < 0:
                os._exit(9)
    sys.addaudithook(hook)

for count in itertools.count():
    out = top / f"killed-{count}"
    build(old, out)
    child = os.fork()
    if child == 0:
        watch(out, count)
        build(new, out)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 9:
        sys.exit(status)
"""


def kill_at_each_write(old: Path, new: Path, top: Path) -> list[Path]:
    """Build the index of `old`, then of `new` over it, killed before its first write, its second, and so on.

    Returns:
        The indexes as the killed builds left them, folders in `top`; the last build was not killed.
    """
    done = subprocess.run([sys.executable, "-c", KILL, old, new, top], timeout=120, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(top.glob("killed-*"), key=lambda out: int(out.name.partition("-")[2]))
