import os
from pathlib import Path

import pytest
import setups


@pytest.fixture
def machine(tmp_path: Path) -> setups.Machine:
    """A home, a folder to work in and a PATH of its own, with the doctor saved somewhere else."""
    return setups.Machine(tmp_path.resolve())


@pytest.fixture
def debian() -> str:
    """Debian's own Python, whose pip leaves the packages to apt."""
    python = setups.debian_python()
    if not python:
        reason = "no Python of Debian 12 or newer, externally managed, with a module: apt install python3-pip"
        if os.environ.get("REQUIRE_SYSTEM"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return python
