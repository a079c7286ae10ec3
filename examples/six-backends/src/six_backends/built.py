"""Build copies of a project, and read what is in the artifacts."""

import email
import os
import subprocess
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from build import BuildBackendException, ProjectBuilder
from build.env import DefaultIsolatedEnv

from six_backends.copies import copy

EPOCH = "1600000000"  # SOURCE_DATE_EPOCH: the time that stands in every archive
DAY = 86_400  # seconds


class BuildFailed(RuntimeError):
    """A backend did not build; the message is what it printed."""


@dataclass(frozen=True)
class Built:
    """What one backend made of a project.

    Attributes:
        generator: the backend and its version, as the wheel says.
        metadata: the version of the metadata.
        tags: what the wheel is for.
        wheel_lacks: the files below src that are not in the wheel.
        wheel_adds: the files in the wheel that are not below src.
        sdist_lacks: the files of the project that are not in the sdist.
        sdist_adds: the files in the sdist that are not in the project.
        from_sdist: whether the wheel built from the sdist is the same, to the byte.
        wheel_again: whether a copy with other times and rights gives the same wheel, to the byte.
        sdist_again: whether it gives the same sdist.
        left: what the build leaves in the project's folder, without what is below it.
    """

    generator: str
    metadata: str
    tags: list[str]
    wheel_lacks: list[str]
    wheel_adds: list[str]
    sdist_lacks: list[str]
    sdist_adds: list[str]
    from_sdist: bool
    wheel_again: bool
    sdist_again: bool
    left: list[str]


def build(project: Path, backend: str) -> Built:
    """Build a project with a backend: sdist and wheel in two copies, and a wheel from the sdist.

    Args:
        project: the folder of a project in src layout.
        backend: the name of a backend.

    Returns:
        What is in the files, and which of them are the same.

    Raises:
        Refused: where the project or the backend cannot be compared.
        BuildFailed: where the backend does not build.
    """
    with tempfile.TemporaryDirectory(prefix=f"{backend}-") as folder:
        base = Path(folder).resolve()
        first = copy(project, backend, base / "first")
        second = copy(project, backend, base / "second", age=DAY, umask=0o002)
        before = set(first.rglob("*"))
        sources = {name for name in _files(first) if not name.startswith(".git/")}
        try:
            with DefaultIsolatedEnv(installer="uv") as env:
                builders = [ProjectBuilder.from_isolated_env(env, copied, runner=_run) for copied in (first, second)]
                env.install(builders[0].build_system_requires)
                for kind in ("sdist", "wheel"):
                    env.install(builders[0].get_requires_for_build(kind))
                sdist, sdist_again = _build(builders, "sdist")
                wheel, wheel_again = _build(builders, "wheel")
                unpacked = _unpack(sdist, base / "unpacked")
                in_sdist = _files(unpacked)
                builder = ProjectBuilder.from_isolated_env(env, unpacked, runner=_run)
                from_sdist = Path(builder.build("wheel", base / "wheel"))
        except BuildBackendException as error:
            raise BuildFailed(f"{backend}: {error.exception}") from error
        packages = {path.removeprefix("src/") for path in sources if path.startswith("src/")}
        in_wheel = _names(wheel)
        new = sorted(set(first.rglob("*")) - before)
        return Built(
            **_told(wheel),
            wheel_lacks=sorted(packages - in_wheel),
            wheel_adds=sorted(in_wheel - packages),
            sdist_lacks=sorted(sources - in_sdist),
            sdist_adds=sorted(in_sdist - sources),
            from_sdist=_same(wheel, from_sdist),
            wheel_again=_same(wheel, wheel_again),
            sdist_again=_same(sdist, sdist_again),
            left=[path.relative_to(first).as_posix() for path in new if path.parent not in new],
        )


def _build(builders: list[ProjectBuilder], kind: str) -> tuple[Path, Path]:
    """Build both copies, the second in another second: some backends write the time into what they build."""
    first, second = builders
    built = Path(first.build(kind, first.source_dir + "-dist"))
    time.sleep(1 - time.time() % 1)
    return built, Path(second.build(kind, second.source_dir + "-dist"))


def _unpack(sdist: Path, into: Path) -> Path:
    """Unpack an sdist, and return the one folder that all of it is in."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def _told(wheel: Path) -> dict[str, object]:
    """Read what a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        told = {name: email.message_from_bytes(archive.read(f"{folder}/{name}")) for name in ("WHEEL", "METADATA")}
    return {
        "generator": told["WHEEL"]["Generator"].replace("(", "").replace(")", ""),
        "metadata": told["METADATA"]["Metadata-Version"],
        "tags": told["WHEEL"].get_all("Tag"),
    }


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _same(one: Path, other: Path) -> bool:
    return (one.name, one.read_bytes()) == (other.name, other.read_bytes())


def _run(command: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
    """Run one step of a build; show its output only where it fails."""
    environment = {**os.environ, **(extra_environ or {}), "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout}{done.stderr}".strip())
