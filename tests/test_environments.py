"""The unit that the page about environments shows, read by systemd itself: a page's sandbox has no place for that."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from guide import ROOT
from guide.page import parse
from support.system import missing

PAGE = ROOT / "docs/environments/editors-notebooks-cron-containers.md"
HOME = "/home/reader"


def _verified(home: Path) -> subprocess.CompletedProcess[str]:
    """Let systemd read the page's unit, for a reader with that home folder."""
    [unit] = [fence for fence in parse(PAGE).fences if (fence.title or "").endswith(".service")]
    target = home / str(unit.title)
    target.write_text("\n".join(unit.text).replace(HOME, str(home)) + "\n", "utf-8")
    environment = os.environ | {"XDG_RUNTIME_DIR": str(home)}
    return subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", target],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_systemd_takes_the_unit_where_the_environment_is_there_and_not_where_it_is_gone(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        missing("systemd-analyze is missing: apt install systemd")
    python = tmp_path / "report/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    read = _verified(tmp_path)
    assert read.returncode == 0, read.stderr  # which also has what systemd says of other units

    python.unlink()
    read = _verified(tmp_path)
    assert read.returncode == 1
    assert f"{python} is not executable" in read.stderr
