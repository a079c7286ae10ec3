import os

import pytest
from folder_report.cli import main
from folder_report.report import kinds, lines, sizes


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.py").write_bytes(b"a" * 1500)
    (tmp_path / "deep" / "b.PY").write_bytes(b"b" * 1500)
    (tmp_path / "deep" / "README.md").write_bytes(b"c" * 5000)
    (tmp_path / "Makefile").write_bytes(b"d" * 20)
    (tmp_path / "logo.png").write_bytes(b"e" * 20)
    return str(tmp_path)


def test_the_table_is_installed():
    assert kinds()[".md"] == "text"
    assert sorted(set(kinds().values())) == ["code", "image", "settings", "table", "text"]


def test_sizes_are_added_up_whatever_the_case_of_the_ending(folder):
    assert sizes(folder) == {"code": 3000, "image": 20, "other": 20, "text": 5000}


@pytest.mark.skipif(os.name == "nt", reason="links need a permission")
def test_a_link_is_counted_and_not_followed(tmp_path):
    (tmp_path / "gone.txt").symlink_to("nowhere")
    assert sizes(str(tmp_path)) == {"text": len("nowhere")}


def test_the_largest_comes_first(folder):
    assert lines(folder) == ["    5.0 kB  text", "    3.0 kB  code", "  20 Bytes  image", "  20 Bytes  other"]


def test_an_empty_folder_has_no_lines(tmp_path, capsys):
    main([str(tmp_path)])
    assert capsys.readouterr().out == ""


def test_the_command_reports_the_current_folder(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    main([])
    assert capsys.readouterr().out.splitlines() == lines(folder)


def test_the_command_knows_its_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == "folder-report 1.4.2\n"


def test_a_file_is_refused(folder, capsys):
    path = os.path.join(folder, "a.py")
    with pytest.raises(SystemExit) as stopped:
        main([path])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith("error: " + path + " is no folder: give the path of one\n")
