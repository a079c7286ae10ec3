"""What the lookup finds, checked against what an import really takes."""

import json
import sys
from pathlib import Path

import module_search_path
import pytest
from module_search_path import hidden_by, locate
from module_search_path.__main__ import main


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("json", json.__file__),
        ("sys", "built-in"),
        ("zipimport", "frozen"),
        ("module_search_path", module_search_path.__file__),
    ],
)
def test_locate_says_where_the_module_is(name: str, place: str) -> None:
    assert locate(name) == place


def test_locate_gives_the_folders_of_a_package_without_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_init_here").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert locate("no_init_here") == str(tmp_path / "no_init_here")


def test_locate_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "explosive.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert locate("explosive") == str(tmp_path / "explosive.py")
    assert "explosive" not in sys.modules


def test_the_first_entry_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("later", "earlier"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twice_here.py").touch()
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert locate("twice_here") == str(tmp_path / "earlier" / "twice_here.py")


def test_locate_names_the_missing_module() -> None:
    with pytest.raises(ModuleNotFoundError) as error:
        locate("no_such_module")
    assert str(error.value) == "no module named 'no_such_module' on sys.path: install it or correct it"
    assert error.value.name == "no_such_module"


def test_hidden_by_names_files_and_packages_but_no_built_in(tmp_path: Path) -> None:
    for name in ("random.py", "sys.py", "os.py", "mine.py", "json/__init__.py", "email/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert hidden_by(tmp_path) == ["json", "random"]


def test_the_command_goes_on_after_a_missing_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no_such_module", "sys"]) == 1
    output = capsys.readouterr()
    assert output.out == "sys built-in\n"
    assert output.err == "no module named 'no_such_module' on sys.path: install it or correct it\n"


def test_the_command_asks_for_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err == "name at least one module: python -m module_search_path json\n"
