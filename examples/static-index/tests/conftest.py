from pathlib import Path

import pytest


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty folder for wheels and sdists."""
    folder = tmp_path / "dist"
    folder.mkdir()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the index goes; not there yet."""
    return tmp_path / "index"
