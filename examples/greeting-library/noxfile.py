"""Build once, test what was built on each Python, check the types."""

# --8<-- [start:head]
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")
# --8<-- [end:head]


# --8<-- [start:build]
@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist, and from it the wheel; check what an index would show of them."""
    session.install("build[uv]", "twine")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", "--installer", "uv", silent=True)
    session.run("twine", "check", "--strict", *sorted(map(str, Path("dist").iterdir())))


# --8<-- [end:build]


# --8<-- [start:tests]
@nox.session(python=nox.project.python_versions(PROJECT), requires=["build"])
def tests(session: nox.Session) -> None:
    """Run the tests with the wheel installed."""
    [wheel] = Path("dist").glob("*.whl")
    session.install(str(wheel), *nox.project.dependency_groups(PROJECT, "test"))
    session.run("pytest", *session.posargs)


# --8<-- [end:tests]


# --8<-- [start:types]
@nox.session(python="3.13")
def types(session: nox.Session) -> None:
    """Check the types."""
    session.install("--editable", ".", *nox.project.dependency_groups(PROJECT, "types"))
    session.run("mypy")


# --8<-- [end:types]
