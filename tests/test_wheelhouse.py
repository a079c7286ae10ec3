"""The wheelhouse: pinned sets, downloaded once and checked, served on the loopback."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.request import Request, urlopen

import pytest
from packaging.requirements import Requirement
from support import pythons, wheelhouse
from support.wheelhouse import Pin, WheelhouseError, ensure, read_lock

JSON = "application/vnd.pypi.simple.v1+json"
REAL = wheelhouse.CACHE / "wheelhouse"
HUMANIZE = next(pin for pin in read_lock((wheelhouse.SETS / "default.txt").read_text()) if pin.name == "humanize")
FILE = f"humanize-{HUMANIZE.version}-py3-none-any.whl"


def lock_of(*pins: Pin) -> str:
    return "".join(
        f"{pin.requirement} \\\n" + " \\\n".join(f"    --hash=sha256:{digest}" for digest in sorted(pin.hashes)) + "\n"
        for pin in pins
    )


@pytest.fixture
def own(tmp_path: Path, index_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheelhouse with one set of one package, whose network is the wheelhouse of the guide."""
    sets = tmp_path / "tests/wheelhouse"
    sets.mkdir(parents=True)
    (sets / "tiny.txt").write_text(lock_of(HUMANIZE))
    for name, value in {"ROOT": tmp_path, "SETS": sets, "CACHE": tmp_path / ".cache", "RETRIES": 0}.items():
        monkeypatch.setattr(wheelhouse, name, value)
    found = [pythons.reference()]
    monkeypatch.setattr(pythons, "supported", lambda: found)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index_url)
    return tmp_path


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheelhouse, "_download", lambda *asked: pytest.fail(f"downloads {asked}"))


def served(index: Path) -> dict[str, list[dict]]:
    pages = index.glob("simple/*/index.json")
    return {page.parent.name: json.loads(page.read_text())["files"] for page in pages}


@pytest.mark.parametrize("lock", wheelhouse.locks(), ids=lambda lock: lock.stem)
def test_lock_pins_what_its_set_asks_for_with_hashes_and_no_address(lock: Path):
    text = lock.read_text()
    pins = read_lock(text)
    assert "://" not in text
    assert [pin for pin in pins if not pin.hashes or not pin.version] == []
    lines = lock.with_suffix(".in").read_text().splitlines()
    asked = {Requirement(line).name for line in lines if line and not line.startswith("#")}
    assert asked - {pin.name for pin in pins} == set()


def test_every_set_is_locked():
    assert [lock.stem for lock in wheelhouse.locks()] == sorted(path.stem for path in wheelhouse.SETS.glob("*.in"))


def test_lock_is_read_with_markers_and_hashes():
    marked = "a==1.0 ; sys_platform == 'none' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    plain = "B_c==2 \\\n    --hash=sha256:cc\n"
    first, second = read_lock(marked + plain)
    assert (first.name, first.version, first.hashes) == ("a", "1.0", {"aa", "bb"})
    assert (second.name, second.version, second.hashes) == ("b-c", "2", {"cc"})
    python = pythons.reference()
    assert (first.wanted_by(python), second.wanted_by(python)) == (False, True)


def test_marker_is_asked_for_the_python_that_installs():
    [pin] = read_lock("a==1 ; python_full_version < '3.12' --hash=sha256:aa")
    old, new = (pythons.Interpreter(Path("python"), f"{s}.1", s, True, "") for s in ("3.11", "3.12"))
    assert (pin.wanted_by(old), pin.wanted_by(new)) == (True, False)


def test_sets_are_served_together(index_url: str):
    wanted = {pin.name for lock in wheelhouse.locks() for pin in read_lock(lock.read_text())}
    with urlopen(Request(f"{index_url}/", headers={"Accept": JSON}), timeout=10) as answer:
        listed = {project["name"] for project in json.load(answer)["projects"]}
    assert listed <= wanted
    assert {"pytest", "hatchling", "humanize", "pip"} <= listed


def test_downloads_what_is_missing_and_tells_a_fixed_upload_time(own: Path):
    index = ensure()
    [file] = served(index)["humanize"]
    assert (file["filename"], file["upload-time"]) == (FILE, "2026-10-01T00:00:00Z")
    assert file["hashes"]["sha256"] in HUMANIZE.hashes
    (own / ".cache/wheelhouse" / FILE).unlink()
    ensure()
    assert (own / ".cache/wheelhouse" / FILE).read_bytes() == (REAL / FILE).read_bytes()


def test_the_set_of_older_releases_is_older(own: Path):
    lock = own / "tests/wheelhouse/tiny.txt"
    lock.rename(lock.with_stem("older"))
    [file] = served(ensure())["humanize"]
    assert file["upload-time"] == "2024-01-01T00:00:00Z"


def test_second_run_asks_nobody_and_reads_no_file(own: Path, monkeypatch: pytest.MonkeyPatch):
    index = ensure()
    for name in ("_download", "_check_files", "_index"):
        monkeypatch.setattr(wheelhouse, name, lambda *_: pytest.fail("works again"))
    start = time.perf_counter()
    assert ensure() == index
    assert time.perf_counter() - start < 0.5


def test_checkout_that_was_copied_needs_no_network(own: Path, no_download: None):
    """Times of files may be lost in a copy: then the files are read again, and not downloaded."""
    house = own / ".cache/wheelhouse"
    house.mkdir(parents=True)
    (house / FILE).write_bytes((REAL / FILE).read_bytes())
    assert list(served(ensure())) == ["humanize"]


def test_file_with_another_hash_is_refused(own: Path, no_download: None):
    index = ensure_copied(own)
    path = own / ".cache/wheelhouse" / FILE
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(WheelhouseError) as error:
        ensure()
    assert str(error.value) == (
        f".cache/wheelhouse/{FILE}: its hash is not in tests/wheelhouse/tiny.txt; remove the file and run again, "
        "which downloads it again"
    )
    assert (index / "files" / FILE).read_bytes() == (REAL / FILE).read_bytes()


def ensure_copied(own: Path) -> Path:
    house = own / ".cache/wheelhouse"
    house.mkdir(parents=True)
    (house / FILE).write_bytes((REAL / FILE).read_bytes())
    return ensure()


def test_index_that_sends_another_file_is_refused(own: Path):
    wrong = Pin("humanize", HUMANIZE.version, frozenset({"0" * 64}), HUMANIZE.requirement)
    (own / "tests/wheelhouse/tiny.txt").write_text(lock_of(wrong))
    with pytest.raises(WheelhouseError) as error:
        ensure()
    assert str(error.value).startswith(
        "tests/wheelhouse/tiny.txt: the index sends a file that is not the one that was pinned; "
        "do not use it: find out why, or pin anew with `make lock`\n"
    )
    assert list((own / ".cache/wheelhouse").iterdir()) == []


def test_first_run_without_a_network_says_so(own: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setattr(wheelhouse, "ATTEMPTS", 2)
    with pytest.raises(WheelhouseError) as error:
        ensure()
    assert str(error.value).startswith(
        f"tests/wheelhouse/tiny.txt: not downloaded for Python {pythons.reference().series} in 2 attempts; "
        "the first run needs the network: connect and run again\n"
    )


def test_download_is_tried_again(own: Path, monkeypatch: pytest.MonkeyPatch):
    runs = []

    def fail_once(command: list, **_: object) -> SimpleNamespace:
        runs.append(command)
        if len(runs) == 2:
            (own / ".cache/wheelhouse" / FILE).write_bytes((REAL / FILE).read_bytes())
        return SimpleNamespace(returncode=len(runs) == 1, stderr="connection reset")

    monkeypatch.setattr(subprocess, "run", fail_once)
    assert list(served(ensure())) == ["humanize"]
    assert len(runs) == 2


def test_file_that_no_lock_names_leaves_the_index(own: Path, no_download: None):
    house = own / ".cache/wheelhouse"
    house.mkdir(parents=True)
    for name in (FILE, "pluggy-1.7.0-py3-none-any.whl"):
        (house / name).write_bytes((REAL / name).read_bytes())
    assert list(served(ensure())) == ["humanize"]
    assert [path.name for path in house.iterdir()] == [FILE]


def test_workers_that_start_together_download_once(own: Path, monkeypatch: pytest.MonkeyPatch):
    runs = []

    def slow(command: list, **_: object) -> SimpleNamespace:
        runs.append(command)
        time.sleep(0.2)
        (own / ".cache/wheelhouse" / FILE).write_bytes((REAL / FILE).read_bytes())
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", slow)
    workers = [threading.Thread(target=ensure) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(runs) == 1


def test_damaged_index_is_made_anew(own: Path, no_download: None):
    index = ensure_copied(own)
    (index / "simple/humanize/index.json").write_text("{")
    (own / ".cache/wheelhouse.json").unlink()
    assert [file["filename"] for file in served(ensure())["humanize"]] == [FILE]


def test_locking_writes_pins_with_hashes_and_no_address(
    own: Path, index_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    for name, value in {"NO_CONFIG": "1", "DEFAULT_INDEX": index_url, "CACHE_DIR": str(own / "cache")}.items():
        monkeypatch.setenv(f"UV_{name}", value)
    (own / "tests/wheelhouse/tiny.in").write_text("humanize\n")
    wheelhouse.refresh()
    [pin] = read_lock((own / "tests/wheelhouse/tiny.txt").read_text())
    assert (pin.name, pin.version) == ("humanize", HUMANIZE.version)
    assert pin.hashes  # of the wheel: this index has no sdist
    assert pin.hashes < HUMANIZE.hashes
    assert "://" not in (own / "tests/wheelhouse/tiny.txt").read_text()
    assert capsys.readouterr() == ("tests/wheelhouse/tiny.txt: 1 pins\n", "")
