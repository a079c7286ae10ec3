"""A Debian server of its own: this machine's files under an overlay, with processes, a network and systemd apart."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).resolve().parents[2]
STARTING = 60.0  # seconds for systemd to come up; about two on a quiet machine
LIMIT = 120.0  # seconds for one command
INDEX_PORT = 3141  # of the index of packages, for who serves one there
INDEX_URL = f"http://127.0.0.1:{INDEX_PORT}/simple"
USER = "reader"  # who may use sudo, as the first user of a Debian server
PROGRAMS = ("unshare", "nsenter", "setpriv", "sudo", "/lib/systemd/systemd")
LISTEN = "0A"  # TCP_LISTEN of net/tcp_states.h, in /proc/net/tcp
NEW_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h

# What is written goes to memory, and the repository is where it is here, also if that is below /tmp. The files of
# this machine's administrator give way to those of a fresh server: its users, its name, its list of what starts at
# boot, its pip settings and its logs.
# `systemctl reload nginx` comes back before nginx has read its files, and the journal shows a line later than it was
# said. A reader types on later than that, a test does not: here the reload comes back when the old workers take no more
# connections, and the journal is complete before it is read.
# Mounts are shared inside, as systemd expects of who starts it: else the credentials of a service never reach it.
BOOT = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o size=4g,mode=755 server "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay server "$0/root" -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work"
cd "$0/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/pts dev/shm run/lock
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
echo "$1" > etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$1" > etc/hosts
printf '%032d\n' 1 > etc/machine-id
sed -i '/^[^:]*:[^:]*:1000:/d' etc/passwd etc/group
echo 'reader:x:1000:1000::/home/reader:/bin/bash' >> etc/passwd
echo 'reader:x:1000:' >> etc/group
echo 'reader:*:20000:0:99999:7:::' >> etc/shadow
printf 'reader ALL=(ALL) NOPASSWD: ALL\n' > etc/sudoers.d/reader
rm -rf home/* root/.cache root/.config root/.pip root/.local usr/local/bin/* var/log/nginx/* var/log/apache2/*
rm -rf etc/systemd/system/multi-user.target.wants
for target in default getty sockets timers; do rm -rf etc/systemd/system/$target.target.wants; done
mkdir etc/systemd/system/multi-user.target.wants
cat > usr/local/bin/journalctl <<'END'
#!/bin/sh
/usr/bin/journalctl --sync 2> /dev/null
exec /usr/bin/journalctl "$@"
END
chmod 755 usr/local/bin/journalctl
mkdir -p run/systemd/system/nginx.service.d
cat > run/systemd/system/nginx.service.d/reload.conf <<'END'
[Service]
ExecReload=
ExecReload=/bin/sh -euc '\
    old=$(pgrep --full "^nginx: worker process$$"); /usr/sbin/nginx -g "daemon on; master_process on;" -s reload; \
    for try in $(seq 200); do pgrep --full "^nginx: worker process$$" | grep -qxF "$old" || exit 0; sleep 0.05; done'
END
install -d -o 1000 -g 1000 home/reader
printf '%s' "$2" > etc/pip.conf
mkdir -p ".$3"
mount --rbind "$3" ".$3"
pivot_root . mnt
umount -l mnt
mount --make-rshared /
exec env -i container=guide PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 /lib/systemd/systemd --log-target=journal
"""
WRITE = r"""
set -eu
file=$(realpath --canonicalize-missing "$0")
folder=$(dirname "$file")
mkdir -p "$folder"
new=$folder/.$(basename "$file").new
if test -e "$file"; then cp --attributes-only --preserve=all "$file" "$new"; fi
cat > "$new"
mv "$new" "$file"
"""
ENVIRONMENT = {
    "HOME": f"/home/{USER}",
    "USER": USER,
    "LOGNAME": USER,
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "SHELL": "/bin/bash",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
    "COLUMNS": "80",
    "NO_COLOR": "1",
}
Made = TypeVar("Made")


class NoServer(Exception):
    """This machine does not let tests start a server of its own; the message says why."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        pid: Its first process, systemd, as this machine numbers it.
    """

    pid: int

    @property
    def root(self) -> Path:
        """Where root of this machine finds the files of the server."""
        return Path(f"/proc/{self.pid}/root")

    def inside(self, path: Path) -> str:
        """Give the name that a file below `root` has on the server."""
        return "/" + path.relative_to(self.root).as_posix()

    def prefix(self, user: str = USER, folder: str = "/") -> tuple[str, ...]:
        """Give what stands before a command, so that it runs on the server.

        Args:
            user: who runs it.
            folder: where it runs, as the server names it.
        """
        enter = ("nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        become = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--")
        return (*enter, "--", *become, "sh", "-c", 'cd "$0" && exec "$@"', folder)

    def run(
        self, *command: str, user: str = "root", check: bool = True, limit: float = LIMIT
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the server to its end.

        Args:
            command: what is run, found on the path of root.
            user: who runs it.
            check: whether another exit status than 0 is a failure.
            limit: seconds until it counts as hanging.

        Returns:
            Its exit status, with standard output and error together in `stdout`.
        """
        environment = ENVIRONMENT | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        if user == "root":
            environment |= {"HOME": "/root", "USER": "root", "LOGNAME": "root"}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run([*self.prefix(user), *command], env=environment, timeout=limit, **pipes)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
        return done

    def write(self, path: str, text: str, user: str = "root") -> None:
        """Write a file of that user, and the folders that it needs; links are followed as the server follows them.

        Who reads meanwhile gets the file of before or the new one, never half of it.
        """
        command = [*self.prefix(user), "sh", "-c", WRITE, path]
        subprocess.run(command, input=text, encoding="utf-8", env=ENVIRONMENT, check=True, timeout=LIMIT)

    def listens(self, port: int) -> bool:
        """Tell whether something on the server waits for connections on this TCP port."""
        tables = [Path(f"/proc/{self.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
        rows = [line.split() for table in tables for line in table.splitlines()[1:]]
        return any(row[1].endswith(f":{port:04X}") and row[3] == LISTEN for row in rows)

    def in_network(self, call: Callable[[], Made]) -> Made:
        """Call a function where the network is the server's: a socket that it makes belongs there, also afterwards."""
        results: list[Made | BaseException] = []

        def enter() -> None:
            try:
                with open(f"/proc/{self.pid}/ns/net") as network:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(network.fileno(), NEW_NETWORK):  # of this thread alone
                        raise OSError(ctypes.get_errno(), "setns")
                results.append(call())
            except BaseException as error:
                results.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(results[0], BaseException):
            raise results[0]
        return results[0]


def lacking() -> str:
    """Tell why this machine cannot start such a server, or nothing if it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "a server of its own is started by root on Linux: run the tests as root"
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    return f"{', '.join(missing)} is missing: apt install systemd dbus sudo util-linux" if missing else ""


@contextlib.contextmanager
def server(name: str = "server", pip_conf: str = "", start: Sequence[str] = ()) -> Iterator[Server]:
    """Start a server, and stop it with all that runs on it.

    Args:
        name: what it calls itself.
        pip_conf: its /etc/pip.conf.
        start: services that run from the beginning, as Debian starts them once they are installed.

    Raises:
        NoServer: this machine does not permit it.
    """
    if reason := lacking():
        raise NoServer(reason)
    # Where this process is killed, the server ends with it.
    namespaces = [
        "setpriv",
        "--pdeathsig=KILL",
        "--",
        "unshare",
        "--mount",
        "--pid",
        "--net",
        "--uts",
        "--ipc",
        "--cgroup",
        "--fork",
        "--kill-child=KILL",
    ]
    with (
        tempfile.TemporaryDirectory(prefix="server-") as folder,
        _control_group(Path(folder).name) as join,
        tempfile.TemporaryFile() as said,
    ):
        pipes = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": subprocess.STDOUT, "start_new_session": True}
        boot = [*join, *namespaces, "sh", "-c", BOOT, folder, name, pip_conf, str(ROOT)]
        with subprocess.Popen(boot, **pipes) as process:
            try:
                yield _booted(process, said, start)
            finally:
                process.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def _control_group(name: str) -> Iterator[Sequence[str]]:
    """Make a control group for a server: in one group for all, a unit would have the processes of every server.

    Yields:
        What stands before a command, so that it runs in the group; nothing where this machine lets nobody make one.
    """
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
    trees = [Path(place) for _, place, kind, *_ in mounts if kind == "cgroup2"]
    if not trees or not os.access(trees[0], os.W_OK):
        yield ()
        return
    group = trees[0] / name
    group.mkdir()
    try:
        yield ("sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group))
    finally:
        end = time.monotonic() + STARTING
        while "populated 1" in (group / "cgroup.events").read_text("utf-8") and time.monotonic() < end:
            time.sleep(0.01)
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)


def _booted(process: subprocess.Popen[bytes], said: object, start: Sequence[str]) -> Server:
    """Wait until systemd has started what starts at boot, then start the services."""
    end = time.monotonic() + STARTING
    while time.monotonic() < end and process.poll() is None:
        children = psutil.Process(process.pid).children()
        if children and (Path(f"/proc/{children[0].pid}/root/run/systemd/private")).exists():
            machine = Server(children[0].pid)
            state = machine.run("systemctl", "is-system-running", "--wait", check=False).stdout.strip()
            if state in ("running", "degraded"):
                if start:
                    machine.run("systemctl", "start", *start)
                return machine
        time.sleep(0.05)
    said.seek(0)
    raise NoServer(f"systemd did not start in namespaces of its own: {said.read().decode(errors='replace')[-600:]}")
