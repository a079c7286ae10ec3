"""The packages that pages install: pinned, downloaded once, served on the loopback.

The sets are `tests/wheelhouse/<set>.in`, each locked in `<set>.txt` with hashes and
without addresses. Their union is served by the guide's own example, `static-index`.

    PYTHONPATH=tests python -m support.wheelhouse lock      resolve the sets again (`make lock`)
    PYTHONPATH=tests python -m support.wheelhouse           download what is missing
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [path for path in (str(ROOT / "tests"), str(ROOT / "examples/static-index/src")) if path not in sys.path]

from support import pythons  # noqa: E402

SETS = ROOT / "tests" / "wheelhouse"
CACHE = ROOT / ".cache"
# What the index says of every file, so that pages do not change; the set of older releases is older.
UPLOADED, OLDER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
ATTEMPTS, RETRIES = 3, 5  # runs of pip, and what each retries itself
DOWNLOAD_LIMIT = 900  # seconds for one run of pip


class WheelhouseError(RuntimeError):
    """The wheelhouse cannot be had; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Pin:
    """One line of a lock: a version, its hashes, and where it is wanted."""

    name: str
    version: str
    hashes: frozenset[str]
    requirement: Requirement

    def wanted_by(self, python: pythons.Interpreter) -> bool:
        """Tell whether the marker holds for a Python on this machine."""
        if self.requirement.marker is None:
            return True
        changed = {"python_version": python.series, "python_full_version": python.version}
        return self.requirement.marker.evaluate(changed | {"implementation_version": python.version})


def read_lock(text: str) -> list[Pin]:
    """Read the pins of a lock that `uv pip compile --generate-hashes` wrote."""
    pins = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            pinned, *hashes = line.split(" --hash=")
            requirement = Requirement(pinned)
            version = str(requirement.specifier).removeprefix("==")
            digests = frozenset(digest.strip().removeprefix("sha256:") for digest in hashes)
            pins.append(Pin(canonicalize_name(requirement.name), version, digests, requirement))
    return pins


def locks() -> list[Path]:
    """Return the locks of all sets."""
    return sorted(SETS.glob("*.txt"), key=lambda path: path.stem)


def pins() -> dict[Path, list[Pin]]:
    """Read the pins of all sets, each under its lock."""
    return {lock: read_lock(lock.read_text(encoding="utf-8")) for lock in locks()}


def refresh() -> None:
    """Resolve every set again and rewrite its lock."""
    from uv import find_uv_bin

    options = (
        "--no-config --universal --upgrade --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet"
    )
    for source in sorted(SETS.glob("*.in")):
        lock = source.with_suffix(".txt")
        subprocess.run([find_uv_bin(), "pip", "compile", *options.split(), source, "-o", lock], cwd=ROOT, check=True)
        print(f"{_shown(lock)}: {len(read_lock(lock.read_text(encoding='utf-8')))} pins")


def ensure() -> Path:
    """Return the index of the wheelhouse; download and index what is missing.

    Where nothing is missing, nothing is asked of the network.

    Raises:
        WheelhouseError: A download fails, or a file is not the one that was pinned.
    """
    house, index = CACHE / "wheelhouse", CACHE / "index"
    state = CACHE / "wheelhouse.json"
    key = _key()
    house.mkdir(parents=True, exist_ok=True)
    with only_one(CACHE / "wheelhouse.lock"):
        if not _is_current(state, key, house, index):
            state.unlink(missing_ok=True)
            sets = pins()
            _check_files(house, sets)
            for python in pythons.supported():
                for lock, pinned in sets.items():
                    if _missing(house, pinned, python):
                        _download(lock, house, python)
            _check_files(house, sets)
            _index(house, index, sets)
            written = {"key": key, "files": {path.name: _stamp(path) for path in sorted(house.iterdir())}}
            state.write_text(json.dumps(written), encoding="utf-8")
    return index


@contextlib.contextmanager
def serve(where: Callable[[Callable[[], Any]], Any] = lambda make: make(), port: int = 0) -> Iterator[str]:
    """Serve the wheelhouse while the block runs.

    Args:
        where: calls the function that makes the server, in another network than that of this machine.
        port: the port of the server; a free one, if it is 0.

    Yields:
        The address of the index, for `PIP_INDEX_URL`.
    """
    from static_index import make_server

    with where(lambda: make_server(ensure(), port=port)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple"
        finally:
            server.shutdown()
            thread.join()


def _key() -> str:
    """Name everything that decides which files there must be."""
    parts = [lock.name + "\n" + lock.read_text(encoding="utf-8") for lock in locks()]
    parts += [python.version for python in pythons.supported()]
    parts += [platform.system(), platform.machine(), UPLOADED.isoformat(), OLDER.isoformat()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _is_current(state: Path, key: str, house: Path, index: Path) -> bool:
    try:
        told = json.loads(state.read_text(encoding="utf-8"))
        stamps = {path.name: _stamp(path) for path in house.iterdir()}
    except (OSError, ValueError):
        return False
    return told == {"key": key, "files": stamps} and (index / "simple" / "index.html").is_file()


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _check_files(house: Path, pins: dict[Path, list[Pin]]) -> None:
    """Remove what no lock names any more, and refuse what is not the file that was pinned."""
    pinned = {(pin.name, pin.version): (lock, pin.hashes) for lock in pins for pin in pins[lock]}
    for path in sorted(house.iterdir()):
        if path.suffix != ".whl":
            path.unlink()
            continue
        name, version, *_ = parse_wheel_filename(path.name)
        lock, hashes = pinned.get((name, str(version)), (None, frozenset()))
        if lock is None:
            path.unlink()
        elif hashlib.sha256(path.read_bytes()).hexdigest() not in hashes:
            raise WheelhouseError(
                f"{_shown(path)}: its hash is not in {_shown(lock)}; remove the file and run again, "
                "which downloads it again"
            )


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _missing(house: Path, pinned: list[Pin], python: pythons.Interpreter) -> list[Pin]:
    """List what this Python wants and no wheel for every platform gives; pip decides on the others."""
    present = {parse_wheel_filename(path.name)[:2] for path in house.glob("*-none-any.whl")}
    present_names = {(name, str(version)) for name, version in present}
    return [pin for pin in pinned if pin.wanted_by(python) and (pin.name, pin.version) not in present_names]


def _download(lock: Path, house: Path, python: pythons.Interpreter) -> None:
    """Download one set for one Python with the pip of the tools, from the index this machine uses."""
    options = ["--disable-pip-version-check", "--no-input", "--quiet", "--retries", str(RETRIES), "--timeout", "60"]
    wanted = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", lock, "--dest", house]
    command = [sys.executable, "-m", "pip", "--python", python.path, "download", *options, *wanted]
    for _ in range(ATTEMPTS):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT)
            said = done.stderr.strip()
        except subprocess.TimeoutExpired:
            done, said = None, f"pip did not finish in {DOWNLOAD_LIMIT} s"
        if done and done.returncode == 0:
            return
        if "DO NOT MATCH THE HASHES" in said:
            raise WheelhouseError(
                f"{_shown(lock)}: the index sends a file that is not the one that was pinned; "
                f"do not use it: find out why, or pin anew with `make lock`\n{said}"
            )
    raise WheelhouseError(
        f"{_shown(lock)}: not downloaded for Python {python.series} in {ATTEMPTS} attempts; "
        f"the first run needs the network: connect and run again\n{said}"
    )


def _index(house: Path, index: Path, sets: dict[Path, list[Pin]]) -> None:
    """Build the index with the guide's own tool; an index that it refuses is a damaged cache, and made anew."""
    from static_index import Refused, Releases, build

    older = {(pin.name, pin.version) for lock in sets if lock.stem == "older" for pin in sets[lock]}
    uploaded = {}
    for path in house.iterdir():
        name, version, *_ = parse_wheel_filename(path.name)
        uploaded[path.name] = OLDER if (name, str(version)) in older else UPLOADED
    releases = Releases(uploaded=uploaded)
    try:
        build(house, index, releases)
    except Refused:
        shutil.rmtree(index)
        build(house, index, releases)


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Let one process at a time into the block."""
    with path.open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Run this module as a command."""
    try:
        if sys.argv[1:] == ["lock"]:
            refresh()
        else:
            print(ensure())
    except (WheelhouseError, subprocess.CalledProcessError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
