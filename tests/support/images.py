"""An image to build containers on, where there is no registry: Debian 12 with Python, as `python:3.13-slim` is.

    PYTHONPATH=tests python -m support.images           make it, if it is missing

mmdebstrap makes Debian's part; the reference Python stands in /usr/local, where the official image has it.
"""

import hashlib
import inspect
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from support import debian, pythons, wheelhouse

NAME = "docker.io/library/python:{series}-slim"
# What the reference Python is linked with, and what the official image has beside it.
PACKAGES = "ca-certificates libbz2-1.0 libffi8 liblzma5 libncursesw6 libreadline8 libsqlite3-0 libssl3 netbase tzdata"
LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "__pycache__", "site-packages", "config-*", "*.a")
PROGRAMS = ("mmdebstrap", "podman", "crun")
LIMIT = 300  # seconds
# For a server without control groups to give away, whose files are an overlay already.
STORAGE = '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
STORAGE += '[storage.options]\nadditionalimagestores = ["{store}"]\n'
CONTAINERS = '[containers]\ncgroups = "disabled"\nnetns = "host"\n'
CONTAINERS += 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
CONTAINERS += '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'


def lacking() -> str:
    """Tell why no image can be made here, or nothing."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    return f"{', '.join(missing)} is missing: apt install mmdebstrap podman podman-docker crun" if missing else ""


def ensure(index_url: str) -> Path:
    """Give the folder of images, made at the first call.

    Args:
        index_url: where pip finds packages, when a container is built.
    """
    python = pythons.reference()
    recipe = f"{inspect.getsource(_make)} {PACKAGES} {LEFT_OUT} {python.version} {index_url}"
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    place = wheelhouse.CACHE / "images" / key
    place.parent.mkdir(parents=True, exist_ok=True)
    with wheelhouse.only_one(wheelhouse.CACHE / "images.lock"):
        if not place.is_dir():
            for old in place.parent.iterdir():
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=wheelhouse.CACHE) as folder:
                _make(Path(folder), python, index_url)
                os.rename(Path(folder) / "store", place)
    return place


def configuration(store: Path) -> dict[str, str]:
    """Give the files below /etc that let `docker` and podman run on a server of the tests' own."""
    return {
        "/etc/containers/storage.conf": STORAGE.format(store=store),
        "/etc/containers/containers.conf": CONTAINERS,
        "/etc/containers/environment": "BUILDAH_ISOLATION=chroot\nBUILDAH_LAYERS=false\nBUILDAH_FORMAT=docker\n",
        "/etc/sudoers.d/containers": "Defaults env_file=/etc/containers/environment\n",
        "/etc/containers/nodocker": "",  # podman does not say that it stands in for docker
    }


def _make(folder: Path, python: pythons.Interpreter, index_url: str) -> None:
    tar, local, prefix = folder / "image.tar", folder / "local", Path(python.prefix)
    shutil.copytree(prefix / "lib", local / "lib", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (local / "bin").mkdir()
    shutil.copy(python.path, local / f"bin/python{python.series}")
    for name in ("python", "python3"):
        (local / "bin" / name).symlink_to(f"python{python.series}")
    (folder / "pip.conf").write_text(
        f"[global]\nindex-url = {index_url}\nroot-user-action = ignore\ndisable-pip-version-check = true\n"
    )
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{kind}/*" for kind in ("doc", "man", "locale", "info")]
    hooks = [f"sync-in {local} /usr/local", f"upload {folder}/pip.conf /etc/pip.conf", 'chroot "$1" ldconfig']
    debian = ["--variant=minbase", f"--include={PACKAGES.replace(' ', ',')}", "--format=tar", "bookworm", tar]
    _run("mmdebstrap", "--quiet", *excluded, *(f"--customize-hook={hook}" for hook in hooks), *debian)
    store = ("--storage-driver=vfs", f"--root={folder}/store", f"--runroot={folder}/run")
    changes = ("--change=CMD python3", "--change=ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
    _run("podman", *store, "import", "--quiet", *changes, tar, NAME.format(series=python.series))


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: exit status {done.returncode}\n{done.stdout[-2000:]}")


if __name__ == "__main__":
    print(lacking() or ensure(debian.INDEX_URL))
