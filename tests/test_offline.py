"""What `make test-offline` does: it runs `make test` where there is no network."""

import errno
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from guide import ROOT
from support import offline

PUBLIC = ("192.0.2.1", 443)  # an address that is routed, but belongs to nobody (RFC 5737)
OFF = f"['lo']\n{errno.ENETUNREACH}\nloopback\n"  # what the probe prints where the network is off

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
COMMAND = [sys.executable, "-m", "support.offline"]
TESTS = ROOT / "tests"


def test_the_network_is_off_inside_and_the_loopback_works() -> None:
    offline.needed()
    command = [*COMMAND, sys.executable, "-c", PROBE]
    inside = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=60)
    assert (inside.stdout, inside.stderr) == (OFF, "")


def test_the_probe_tells_a_machine_with_a_network_apart() -> None:
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        pytest.skip("there is no network here itself, as in `make test-offline`")
    outside = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60)
    assert outside.stdout != OFF


def test_a_download_inside_fails_at_once(tmp_path: Path) -> None:
    """Were it to hang until a timeout, a test that needs the network would look slow, not broken."""
    download = [sys.executable, "-m", "pip", "--isolated", "download", "--retries", "0", "pytest"]
    inside = subprocess.run([*offline.needed(), *download], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert inside.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_the_exit_status_of_the_command_is_passed_on() -> None:
    offline.needed()
    assert subprocess.run([*COMMAND, "sh", "-c", "exit 7"], cwd=TESTS, timeout=60).returncode == 7


def test_everything_runs_without_a_network_wherever_it_runs_unattended() -> None:
    """`.ci/run` and the job with everything take the network away, and nothing runs `make test` a second time."""
    script = (ROOT / ".ci/run").read_text().splitlines()
    # step LIMIT "NAME" COMMAND
    steps = [shlex.split(line)[3:] for line in script if line.startswith("step") and "make test" in line]
    assert steps == [["make", "test-offline"], ["make", "test-all"]]
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    runs = [step["run"] for step in jobs["reference"]["steps"] if "make" in step.get("run", "")]
    assert runs == ["make test-offline", "make test-all"]
