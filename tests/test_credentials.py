"""What the page "Keep and rotate secrets" says of systemd, Compose and mounts, where no page can run them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from guide import ROOT
from guide.page import parse
from support.system import missing

PAGE = ROOT / "docs/configuration/keep-and-rotate-secrets.md"
PROGRAM = "/srv/secret-rotation/.venv/bin/secret-rotation"
LIMIT = 60  # seconds for one command
# A file or a folder is mounted as a container has it; then the host replaces the file, and this reads it.
MOUNT = "mount --bind host/{mounted} {place} && echo new > next && mv next host/keys && cat {seen}"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd and mounts are of Linux")


def _unit() -> tuple[str, str]:
    [unit] = [fence for fence in parse(PAGE).fences if (fence.title or "").endswith(".service")]
    return str(unit.title), "\n".join(unit.text) + "\n"


def _verified(folder: Path, unit: str) -> subprocess.CompletedProcess[str]:
    """Let systemd read a unit whose program is there."""
    if not shutil.which("systemd-analyze"):
        missing("systemd-analyze is missing: apt install systemd")
    program = folder / "secret-rotation"
    program.unlink(missing_ok=True)
    program.symlink_to(sys.executable)
    target = folder / _unit()[0]
    target.write_text(unit.replace(PROGRAM, str(program)), "utf-8")
    command = ["systemd-analyze", "verify", "--recursive-errors=no", target]
    environment = os.environ | {"XDG_RUNTIME_DIR": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    name, unit = _unit()
    assert PROGRAM in unit
    read = _verified(tmp_path, unit)
    assert read.returncode == 0, read.stderr
    assert name not in read.stderr  # which also has what systemd says of other units


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("LoadCredential=", "LoadCredentials=", "'LoadCredentials' in section"),
        ("LoadCredential=api-keys:", "LoadCredential=api/keys:", "not valid"),
    ],
)
def test_systemd_says_what_is_wrong_in_a_unit(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    name, unit = _unit()
    assert right in unit
    read = _verified(tmp_path, unit.replace(right, wrong))
    assert any(name in line and said in line for line in read.stderr.splitlines()), read.stderr


def test_the_unit_gives_the_name_that_the_program_looks_for() -> None:
    from_unit = _unit()[1].split("LoadCredential=")[1].split(":")[0]
    code = (ROOT / "examples/secret-rotation/src/secret_rotation/__main__.py").read_text("utf-8")
    assert f'Path(os.environ["CREDENTIALS_DIRECTORY"], "{from_unit}")' in code


def test_compose_mounts_what_the_variable_names() -> None:
    [fence] = [fence for fence in parse(PAGE).fences if fence.language == "yaml"]
    compose = yaml.safe_load("\n".join(fence.text))
    [[name, secret]] = compose["secrets"].items()
    assert compose["services"]["app"] == {"environment": {"API_KEYS_FILE": f"/run/secrets/{name}"}, "secrets": [name]}
    assert secret == {"file": "./api-keys"}


@pytest.mark.parametrize(
    ("mounted", "place", "seen", "content"),
    [("keys", "file", "file", "old\n"), ("", "folder", "folder/keys", "new\n")],
)
def test_a_mounted_file_stays_and_a_mounted_folder_follows(
    tmp_path: Path, mounted: str, place: str, seen: str, content: str
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/keys").write_text("old\n")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    command = [*own, "sh", "-c", MOUNT.format(mounted=mounted, place=place, seen=seen)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine lets only root mount")
    assert (done.stdout, done.stderr) == (content, "")
    assert (tmp_path / "host/keys").read_text() == "new\n"
