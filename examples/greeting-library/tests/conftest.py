"""What several tests need: packages that look installed."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Give a function that makes a package look installed: its metadata and one module."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = []

    def install(name: str, languages: dict[str, str], code: str = "") -> None:
        module = name.replace("-", "_")
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{module}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 2.0\n", encoding="utf-8")
        entries = [f"{language} = {module}:{function}" for language, function in languages.items()]
        (info / "entry_points.txt").write_text("\n".join(["[greeting_library.languages]", *entries]), encoding="utf-8")

    yield install
    for module in modules:
        sys.modules.pop(module, None)
