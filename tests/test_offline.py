"""A second `make test` needs no network: it passes where there is none."""

import contextlib
import errno
import os
import re
import shutil
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from guide import ROOT
from guide.page import pages
from support.system import missing

LIMIT = 25 * 60  # seconds: `make test` takes 15 minutes on two quiet cores, and these may be busy
PUBLIC = ("192.0.2.1", 443)  # an address that is routed, but belongs to nobody (RFC 5737)
OFF = f"['lo']\n{errno.ENETUNREACH}\nloopback\n"  # what the probe prints where the network is off

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

# Run inside: is the network off, and does the loopback work?
PROBE = f"""
import socket
print([name for _, name in socket.if_nameindex()])
with socket.socket() as out:
    out.settimeout(5)
    print(out.connect_ex({PUBLIC!r}))
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
    print("loopback")
"""


@cache
def offline() -> tuple[str, ...]:
    """Give the command prefix that takes the network away; skip where this machine does not permit it."""
    prefix = [*NAMESPACES, *([] if os.geteuid() == 0 else ["--map-root-user"])]
    enter = [sys.executable, "-c", ENTER]
    reason = "unshare is missing: install util-linux (Linux only)"
    if shutil.which("unshare"):
        tried = subprocess.run([*prefix, *enter, "true"], capture_output=True, text=True, timeout=60)
        if tried.returncode == 0:
            return (*prefix, *enter)
        reason = f"no network namespace can be made here: {tried.stderr.strip()[-300:]}"
    missing(reason)


def first_run(folder: Path) -> Path:
    """Copy this checkout as its first run left it, so that the second run writes into nothing of ours."""
    copy = folder / "checkout"
    left_out = shutil.ignore_patterns(".venv", "site", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=left_out, copy_function=copy_if_there)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy


def copy_if_there(source: str, target: str) -> None:
    """Copy a file; a temporary one of a test that runs beside this one may be gone by now."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target, follow_symlinks=False)


def environment() -> dict[str, str]:
    """Give the environment without what the pytest and the make that run this test put into it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "MAKE", "MFLAGS")) and name not in ("ARGS", "N")
    }


@pytest.mark.full
def test_the_network_is_off_inside_and_the_loopback_works() -> None:
    command = [*offline(), sys.executable, "-c", PROBE]
    inside = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (inside.stdout, inside.stderr) == (OFF, "")


@pytest.mark.full
def test_the_probe_tells_a_machine_with_a_network_apart() -> None:
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        pytest.skip("this machine has no network itself")
    outside = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60)
    assert outside.stdout != OFF


@pytest.mark.full
def test_a_download_inside_fails_at_once(tmp_path: Path) -> None:
    """Were it to hang until a timeout, a test that needs the network would look slow, not broken."""
    command = [*offline(), sys.executable, "-m", "pip", "--isolated", "download", "--retries", "0", "pytest"]
    inside = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert inside.returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
@pytest.mark.skipif(not (ROOT / ".venv/installed.txt").is_file(), reason="`make test` has not run yet: no .venv")
def test_a_second_make_test_passes_with_the_network_off(tmp_path: Path) -> None:
    command = [*offline(), "make", "test"]
    checkout = first_run(tmp_path)
    try:
        run = subprocess.run(
            command,
            cwd=checkout,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"`make test` without a network took over {LIMIT} s:\n{(late.stdout or b'')[-4000:]!r}")
    assert run.returncode == 0, run.stdout[-8000:]
    assert "Installing" not in run.stdout
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None, run.stdout[-8000:]
    assert int(passed[1]) > len(pages(ROOT)), "fewer tests passed than there are pages"
