"""A sealed folder to run a page in: an empty home, a listed environment, an ordinary user, nothing left running."""

import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from guide import archive

from support import debian, images, pythons, wheelhouse
from support.pythons import Interpreter

PORTS = range(8000, 8005)  # what pages call the ports of their servers
PIP_CONFIGURATION = Path("/etc/pip.conf")  # of the machine, which would go before the sandbox's own
SEAL = """
mount --bind "$0" "$0" &&
{ [ ! -e /etc/pip.conf ] || mount --bind "$0/etc/xdg/pip/pip.conf" /etc/pip.conf; } &&
mount -o remount,ro,bind / && cd "$PWD" &&
unset OLDPWD &&
exec unshare --user --map-user=1000 --map-group=1000 -- "$@"
"""
# What Debian starts by itself once it is installed, if a page needs it: the name there, and the service.
SERVICES = {"nginx": "nginx", "postgresql": "postgresql", "apache": "apache2"}
STEPS_TO_STOP = 50  # rounds of looking for processes that a page left behind


# What an administrator sets for the whole machine: a reader's own file, variable and option go before it.
CONFIGURATION = {
    "etc/xdg/pip/pip.conf": "[global]\nindex-url = {index}\ndisable-pip-version-check = true\n",
    "etc/xdg/uv/uv.toml": 'python-downloads = "never"\n\n[[index]]\nurl = "{index}"\ndefault = true\n',
}


class Sandbox:
    """The folder of one page: `home/reader` below it is what the page sees as `/home/reader`."""

    def __init__(self, root: Path, python: Interpreter, index_url: str) -> None:
        """Lay out the folders and put the reference Python on the sandbox's path."""
        self.root = root
        self.home = root / "home/reader"
        self.start = self.home
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.index_url = index_url
        self.python = python
        for folder in (self.home, root / "tmp"):
            folder.mkdir(parents=True)
        configure(root, index_url)
        self.bin(python)

    def bin(self, python: Interpreter) -> Path:
        """Give the folder in which `python` is that interpreter; it is made at the first call."""
        folder = self.root / ("usr/bin" if python == self.python else f"opt/python{python.series}/bin")
        if not folder.exists():
            folder.mkdir(parents=True)
            for name in ("python", "python3", f"python{python.series}"):
                (folder / name).symlink_to(python.path)
        return folder

    def beside(self, python: Interpreter) -> None:
        """Put another Python on the path beside the reference, under the name with its number alone."""
        name = self.bin(self.python) / f"python{python.series}"
        if python != self.python:
            name.symlink_to(python.path)

    def environment(self, python: Interpreter) -> dict[str, str]:
        """The whole environment of the page: nothing of this machine, and only what is listed here."""
        configured = {"XDG_CONFIG_DIRS": str(self.root / "etc/xdg")}  # where pip and uv learn which index there is
        if not sealed():
            configured = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": self.index_url}
            configured |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_DEFAULT_INDEX": self.index_url}
        return {
            "HOME": str(self.home),
            "PATH": f"{self.bin(python)}:/usr/bin:/bin",
            "TMPDIR": str(self.root / "tmp"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "dumb",
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",  # keeps the order of output and errors that a terminal shows
            **configured,
        }

    def file(self, name: str) -> Path:
        """Give the place of a file that the page names, with its folders made."""
        target = self.start / name
        if not target.resolve().is_relative_to(self.root.resolve()):
            raise ValueError(f"the title {name!r} points outside the sandbox")
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def unpack(self, example: str) -> Path:
        """Unpack the download of an example into the home folder, and give its folder."""
        return archive.unpack(example, self.home)

    def write(self, name: str, text: str) -> None:
        """Write a file that the page shows."""
        self.file(name).write_text(text, "utf-8")

    def inside(self, path: Path) -> str:
        """Give the name that a file below `root` has for the page's commands."""
        return str(path)

    def prefix(self) -> tuple[str, ...]:
        """Give what stands before the page's shell."""
        return ordinary_user(self.root)

    def listens(self, port: int) -> bool:
        """Tell whether something waits for connections on the free port that stands for one of the page."""
        try:
            socket.create_connection(("127.0.0.1", self.ports[port]), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> list[str]:
        """End every process that carries this sandbox's HOME or works in its folders, however it was started.

        Returns:
            The command lines of what did not end.
        """
        left: list[psutil.Process] = []
        for _ in range(STEPS_TO_STOP):
            left = list(self._processes())
            if not left:
                return []
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
            psutil.wait_procs(left, timeout=0.1)
        return [" ".join(process.cmdline()) for process in left]

    def _processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    # nginx writes over its environment, and stays where it was started
                    places = (process.environ().get("HOME", ""), process.cwd())
                    if any(place.startswith(str(self.root)) for place in places):
                        yield process


@contextlib.contextmanager
def sandbox(python: Interpreter, index_url: str) -> Iterator[Sandbox]:
    """Make a sandbox, and remove it with all that runs in it."""
    root = Path(tempfile.mkdtemp(prefix="page-")).resolve()
    box = Sandbox(root, python, index_url)
    try:
        yield box
    finally:
        left = box.stop()
        _make_removable(root)
        shutil.rmtree(root)
        if left:
            raise AssertionError(f"still running after the page: {left}")


class OnServer(Sandbox):
    """The page's place is a Debian server of its own: its reader may use sudo, and ports and paths are real."""

    def __init__(self, server: debian.Server, index_url: str) -> None:
        """Take a running server on which nothing was done yet."""
        self.server, self.root, self.index_url = server, server.root, index_url
        self.home = self.start = server.root / "home/reader"
        self.ports = {port: port for port in PORTS}
        self.python = pythons.probe(Path("/usr/bin/python3"))

    def environment(self, python: Interpreter) -> dict[str, str]:
        """The environment of a login on the server, with pip's question after a newer pip left out."""
        return debian.ENVIRONMENT | {"PYTHONUNBUFFERED": "1"}

    def prefix(self) -> tuple[str, ...]:
        return self.server.prefix(folder=self.inside(self.start))

    def inside(self, path: Path) -> str:
        return self.server.inside(path)

    def listens(self, port: int) -> bool:
        return self.server.listens(port)

    def unpack(self, example: str) -> Path:
        folder = super().unpack(example)
        self.server.run("chown", "--recursive", "reader:reader", self.inside(folder))
        return folder

    def write(self, name: str, text: str) -> None:
        """Write a file: a relative name is the reader's, an absolute one belongs to root."""
        user, name = ("root", name) if name.startswith("/") else (debian.USER, f"{self.inside(self.start)}/{name}")
        if ".." in Path(name).parts:
            raise ValueError(f"the title {name!r} points outside the sandbox")
        self.server.write(name, text, user)


@contextlib.contextmanager
def on_server(needs: Sequence[str]) -> Iterator[OnServer]:
    """Start a server with the services that the page needs, as Debian starts what is installed.

    Args:
        needs: what the page says that it needs.
    """
    start = [service for name, service in SERVICES.items() if name in needs]
    pip_conf = CONFIGURATION["etc/xdg/pip/pip.conf"].format(index=debian.INDEX_URL)
    with debian.server(pip_conf=pip_conf, start=start) as server:
        with wheelhouse.serve(server.in_network, debian.INDEX_PORT):
            if "docker" in needs:
                for path, text in images.configuration(images.ensure(debian.INDEX_URL)).items():
                    server.write(path, text)
            yield OnServer(server, debian.INDEX_URL)


def ordinary_user(root: Path) -> tuple[str, ...]:
    """Give the command prefix under which root becomes an ordinary user who can write below that folder only.

    The files of root would be that user's own, so the rest of the machine is mounted read-only.
    """
    if os.name == "nt" or os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return ()
    if not shutil.which("unshare"):
        raise RuntimeError("the tests run as root and unshare is missing: install util-linux, or run them as a user")
    return ("unshare", "--mount", "--", "sh", "-c", SEAL, str(root))


def configure(root: Path, index_url: str) -> None:
    """Write below a folder what tells pip and uv which index there is."""
    for name, text in CONFIGURATION.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text.format(index=index_url), "utf-8")


def sealed() -> bool:
    """Tell whether the pip settings of this machine can be put aside: there are none, or root mounts others."""
    return sys.platform.startswith("linux") and (os.geteuid() == 0 or not PIP_CONFIGURATION.exists())


def free_ports(count: int) -> list[int]:
    """Give ports of the loopback that nothing listens on, no two alike."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _make_removable(root: Path) -> None:
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o700)
