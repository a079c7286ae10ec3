"""What a test needs of the machine and may not find there."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import pytest

from support import debian, images, pythons, wheelhouse


def _debian_python() -> bool:
    """Debian 12's own Python, with its own pip and its mark that an installer is to leave it alone."""
    ask = "import pip, sysconfig; print(open(sysconfig.get_path('stdlib') + '/EXTERNALLY-MANAGED').read())"
    done = subprocess.run(["/usr/bin/python3.11", "-I", "-c", ask], capture_output=True, text=True, check=False)
    return "python3-xyz" in done.stdout


def _wheel_of(name: str) -> bool:
    """Whether the wheelhouse has a package for the Python that pages run under: the newest may still lack wheels."""
    reference = pythons.reference()
    return any(pin.name == name and pin.wanted_by(reference) for found in wheelhouse.pins().values() for pin in found)


def _compiler() -> bool:
    """What builds an extension module in C, with the headers of the Python that pages run under."""
    ask = "import os, sysconfig; print(os.path.exists(sysconfig.get_path('include') + '/Python.h'))"
    done = subprocess.run([pythons.reference().path, "-I", "-c", ask], capture_output=True, text=True, check=False)
    return all(map(shutil.which, ("cc", "make", "cmake"))) and done.stdout == "True\n"


def postgresql() -> Path | None:
    """Give the folder with the programs of a PostgreSQL server, the newest; Debian keeps them out of PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent  # one program may be linked into another folder, without the rest
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), key=lambda folder: int(folder.parent.name), default=None)


def _debian_12() -> bool:
    release = platform.freedesktop_os_release() if sys.platform == "linux" else {}
    return (release.get("ID"), release.get("VERSION_ID")) == ("debian", "12")


# The Pythons that a page with `<!-- needs: several-pythons -->` finds on its path, as `python3.11` and so on.
SEVERAL = ("3.11", "3.13", "3.15")

# What a page may say that it needs: `<!-- needs: nginx -->`. Each name with how to find it and how to get it.
PROGRAMS: dict[str, tuple[Callable[[], object], str]] = {
    "nginx": (lambda: shutil.which("nginx"), "nginx is missing: apt install nginx-light"),
    "compiler": (_compiler, "a C compiler, make or cmake is missing: apt install gcc make cmake libc6-dev"),
    "curl": (lambda: shutil.which("curl"), "curl is missing: apt install curl"),
    "chromium": (lambda: shutil.which("chromium"), "chromium is missing: apt install chromium"),
    "openssl": (lambda: shutil.which("openssl"), "openssl is missing: apt install openssl"),
    "debian-python": (
        lambda: os.path.exists("/usr/bin/python3.11") and _debian_python(),
        "the Python of Debian 12 with its pip is missing: on Debian 12, apt install python3-venv python3-pip",
    ),
    "pyyaml": (lambda: _wheel_of("pyyaml"), "PyYAML has no wheel for this Python: run the tests with an older one"),
    "detect-secrets": (
        lambda: _wheel_of("detect-secrets"),
        "detect-secrets has no wheel for this Python: run the tests with an older one",
    ),
    "schemathesis": (
        lambda: _wheel_of("schemathesis"),
        "schemathesis has no wheel for this Python: run the tests with an older one",
    ),
    "mypy": (lambda: _wheel_of("mypy"), "mypy is in the wheelhouse for Python 3.13 only: install that"),
    "buildah": (lambda: shutil.which("buildah"), "buildah is missing: apt install buildah"),
    "postgresql": (postgresql, "PostgreSQL is missing: apt install postgresql"),
    "debian-server": (
        lambda: not debian.lacking() and _debian_12(),
        debian.lacking() or "a server of Debian 12 is made from one: run the tests on Debian 12",
    ),
    "apache": (
        lambda: os.path.exists("/usr/lib/apache2/modules/mod_wsgi.so") and shutil.which("apache2"),
        "Apache with mod_wsgi is missing: apt install apache2 libapache2-mod-wsgi-py3",
    ),
    "wrk": (lambda: shutil.which("wrk"), "wrk is missing: apt install wrk"),
    "caddy": (lambda: shutil.which("caddy"), "caddy is missing: apt install caddy"),
    "docker": (lambda: not images.lacking() and os.path.exists("/usr/bin/docker"), images.lacking()),
    "pyuwsgi": (lambda: _wheel_of("pyuwsgi"), "pyuwsgi has no wheel for this Python: run the tests with an older one"),
    "patch": (lambda: shutil.which("patch"), "patch is missing: apt install patch"),
    "ps": (lambda: shutil.which("ps"), "ps is missing: apt install procps"),
    "several-pythons": (
        lambda: all(map(pythons.find, SEVERAL)),
        "Python 3.11, 3.13 or 3.15 is missing: install all three, or name them in GUIDE_PYTHONS",
    ),
}


# What only one system has; elsewhere it is not missing, and REQUIRE_SYSTEM does not ask for it.
ONLY_ON: dict[str, Callable[[], bool]] = {
    "debian-python": _debian_12,
    "debian-server": lambda: _debian_12() and os.geteuid() == 0,
}


def lacking(names: Iterable[str]) -> list[str]:
    """Tell what this machine lacks of what a page needs, and what to install.

    Raises:
        KeyError: a name that is not in PROGRAMS.
    """
    wanted = [PROGRAMS[name] for name in names]
    return [reason for found, reason in wanted if not found()]


def missing(reason: str, names: Iterable[str] = ()) -> NoReturn:
    """Skip the test, or fail it on a machine that is to have everything: where REQUIRE_SYSTEM is set.

    Args:
        reason: what is missing, and what to install.
        names: what the page says that it needs.
    """
    if os.environ.get("REQUIRE_SYSTEM") and all(ONLY_ON[name]() for name in names if name in ONLY_ON):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
