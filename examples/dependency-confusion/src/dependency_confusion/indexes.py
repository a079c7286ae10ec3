"""Make the indexes of the attack: folders that any web server can hand out (PEP 503)."""

import hashlib
import shutil
from pathlib import Path

from dependency_confusion.wheels import write_wheel


def make(folder: Path) -> None:
    """Write three indexes: `private`, `public`, and `merged`, which is what a proxy shows of the two.

    Args:
        folder: where the indexes go.

    Raises:
        FileExistsError: one of the indexes is there already; nothing is written.
    """
    private, public, merged = indexes = [folder / name for name in ("private", "public", "merged")]
    for index in indexes:
        if index.exists():
            raise FileExistsError(f"{index}: is there already; choose another folder, or remove it")
    publish(private, "team-report", "1.0", 'print("team_report 1.0: your code")\n', requires="plain-table")
    publish(public, "plain-table", "2.0", 'print("plain_table 2.0")\n')
    for version in ("1.0", "99.0"):
        publish(public, "team-report", version, f'print("team_report {version}: an attacker ran code as you")\n')
    for owner, project in ((private, "team-report"), (public, "plain-table")):
        shutil.copytree(owner / "simple" / project, merged / "simple" / project)


def publish(index: Path, name: str, version: str, code: str, requires: str | None = None) -> Path:
    """Put a wheel into an index, with its link and hash on the page of its project.

    Args:
        index: the folder of the index.
        name: of the project, in its normal form: small letters and hyphens.
        version: of the project.
        code: what importing the module runs.
        requires: the project that it depends on.

    Returns:
        The wheel.
    """
    project = index / "simple" / name
    wheel = write_wheel(project, name, version, code, requires)
    links = [
        f'<a href="{file.name}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}">{file.name}</a>'
        for file in sorted(project.glob("*.whl"))
    ]
    page = "\n".join(["<!DOCTYPE html>", f"<title>{name}</title>", *links, ""])
    (project / "index.html").write_text(page, "utf-8")
    return wheel
