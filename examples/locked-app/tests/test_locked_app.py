from pathlib import Path

from click.testing import CliRunner
from locked_app import main, report


def fill(folder: Path) -> None:
    for name, size in {"b.txt": 1500, "a.txt": 1500, "photo.jpg": 2_500_000}.items():
        (folder / name).write_bytes(b"x" * size)
    (folder / "below").mkdir()


def test_largest_file_comes_first(tmp_path: Path):
    fill(tmp_path)
    assert report(tmp_path).splitlines() == [
        "    2.5 MB  photo.jpg",
        "    1.5 kB  a.txt",
        "    1.5 kB  b.txt",
        "    2.5 MB  in all",
    ]


def test_empty_folder_has_no_bytes(tmp_path: Path):
    assert report(tmp_path) == "   0 Bytes  in all"


def test_command_prints_the_report(tmp_path: Path):
    fill(tmp_path)
    done = CliRunner().invoke(main, [str(tmp_path)])
    assert (done.exit_code, done.output) == (0, report(tmp_path) + "\n")


def test_missing_folder_is_refused_by_name():
    done = CliRunner().invoke(main, ["nowhere"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        2,
        "Error: Invalid value for 'FOLDER': Directory 'nowhere' does not exist.",
    )
