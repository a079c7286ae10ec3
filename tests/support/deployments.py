"""The example flask-site on a Debian server of its own, laid out as the examples `deploy-…` say, and a load on it.

    with deployments.installed("deploy-gunicorn-nginx") as site:
        site.place("nginx/flask-site", "/etc/nginx/sites-enabled/flask-site")
        site.server.run("systemctl", "reload", "nginx")
        with site.loaded() as load:
            load.wait(200)
        assert load.failures == {} and site.lost(load) == []

What the README of an example has its reader do once, `installed` does with uv, which is faster than pip.
"""

import base64
import contextlib
import dataclasses
import hashlib
import http.client
import io
import itertools
import json
import secrets
import socket
import subprocess
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from guide import archive
from uv import find_uv_bin

from support import debian, wheelhouse
from support.flask_site import KEY, LIMIT, SETTINGS, Answer, package
from support.sandbox import CONFIGURATION

HOST = "flask-site.example"
HOME = "/srv/flask-site"
ENVIRONMENT = f"{HOME}/venv"
SERVED = {
    "FLASK_SITE_SECRET_KEY": SETTINGS["SECRET_KEY"],
    "FLASK_SITE_API_KEYS": SETTINGS["API_KEYS"],
    "FLASK_SITE_DATABASE_URL": "sqlite:////var/lib/flask-site/flask-site.db",
    "FLASK_SITE_TRUSTED_HOSTS": f"{HOST},localhost",
}
# How a command of the application runs as the service does: its user, its settings, its folder.
AS_SERVICE = (
    "systemd-run --quiet --wait --collect --pipe --uid=flask-site --gid=flask-site"
    " --property=EnvironmentFile=/etc/flask-site/env --property=StateDirectory=flask-site"
    " --property=StateDirectoryMode=0700 --property=UMask=0077"
).split()
# Holds the lock of the database until its input ends, so that a write waits.
LOCK = """
import sqlite3, sys
database = sqlite3.connect("/var/lib/flask-site/flask-site.db", isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""
# An answer that had begun when what made it was killed: nothing in front can take it back.
CUT = ("GET IncompleteRead", "POST IncompleteRead")
ARRIVING = 1.0  # seconds in which a request comes to a worker
PAUSE = 0.005  # seconds between an answer and the next request of the same client
PATIENCE = 20.0  # seconds for one answer to a client of a load
LONGEST = 120.0  # seconds of load, after which it is a failure


@dataclass
class Load:
    """What clients met that ask one request after the other, and try none again.

    Attributes:
        answers: how often what came back: `GET 200`, or `POST ConnectionResetError` where nothing did.
        stored: the packages whose storing was acknowledged, each name under its id.
        name: with what the names of its packages begin.
    """

    answers: Counter[str] = field(default_factory=Counter)
    stored: dict[int, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def failures(self) -> dict[str, int]:
        """What was neither a page nor the acknowledgement of a write."""
        return {kind: count for kind, count in self.answers.items() if kind not in ("GET 200", "POST 201")}

    def wait(self, requests: int) -> None:
        """Wait until that many more requests have been answered, or have failed."""
        aim = self.answers.total() + requests
        while self.answers.total() < aim and not self._stopped.is_set():
            time.sleep(0.01)

    def _count(self, kind: str) -> None:
        with self._lock:
            self.answers[kind] += 1


@dataclass(frozen=True)
class Site:
    """The application on its server.

    Attributes:
        server: where it runs.
        folder: the unpacked example, as the server names it.
        address: where its front door is, in the network of the server.
    """

    server: debian.Server
    folder: str
    address: tuple[str, int] = ("127.0.0.1", 80)

    def place(self, file: str, target: str, mode: str = "644") -> None:
        """Copy a file of the example to where the system looks for it, as a file of root."""
        self.server.run("install", "-D", f"--mode={mode}", f"{self.folder}/{file}", target)

    def environment(self, place: str = ENVIRONMENT, wheel: str | None = None) -> None:
        """Make a virtual environment from the requirements of the example.

        Args:
            place: its folder.
            wheel: of flask-site, in the folder `wheels` of the example, instead of the one that it came with.
        """
        requirements = f"{self.folder}/requirements.txt"
        if wheel:
            text = (self.server.root / requirements[1:]).read_text("utf-8")
            requirements = f"{self.folder}/requirements-of-{wheel}.txt"
            self.server.write(requirements, text.replace("flask_site-1.0-py3-none-any.whl", wheel))
        uv = [find_uv_bin(), "--no-config", "--no-cache", "--quiet"]
        self.server.run(*uv, "venv", "--python", "/usr/bin/python3", place)
        where = ["--python", f"{place}/bin/python", "--default-index", debian.INDEX_URL, "--compile-bytecode"]
        self.server.run(
            *("sh", "-c", 'cd "$0" && exec "$@"', self.folder),
            *uv,
            "pip",
            "install",
            *where,
            "--requirement",
            requirements,
        )

    def release(self, version: str, **changes: tuple[str, str]) -> str:
        """Make a wheel of another version of flask-site; each of its answers says `X-Release: VERSION`.

        Args:
            version: of the new wheel.
            changes: for a module, a text in it and what takes its place.

        Returns:
            The name of the wheel, which lies in the folder `wheels` of the example.
        """
        changes = {"headers": ("HEADERS = {", f'HEADERS = {{"X-Release": "{version}",')} | changes
        folder = self.server.root / self.folder[1:] / "wheels"
        wheel = folder / f"flask_site-{version}-py3-none-any.whl"
        wheel.write_bytes(changed(folder / "flask_site-1.0-py3-none-any.whl", version, changes))
        return wheel.name

    def command(self, *arguments: str, environment: str = ENVIRONMENT, check: bool = True) -> str:
        """Run `flask-site` as the service does, and give what it printed."""
        return self.server.run(*AS_SERVICE, f"{environment}/bin/flask-site", *arguments, check=check).stdout

    def over_ipv6(self) -> "Site":
        """Give the same site at its front door for IPv6."""
        return dataclasses.replace(self, address=("::1", self.address[1]))

    def connect(self, timeout: float = LIMIT) -> socket.socket:
        """Connect to the front door."""
        return self.server.in_network(lambda: socket.create_connection(self.address, timeout))

    def ask(self, method: str, path: str, body: bytes | None = None, host: str = HOST, **headers: str) -> Answer:
        """Send one request and give the answer to it; in the names of headers, `_` stands for `-`."""
        sent = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(self._client(LIMIT)) as client:
            client.sock = self.connect()
            client.request(method, path, body, sent)
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def add(self, name: str, host: str = HOST) -> Answer:
        """Add a package by the API."""
        body = json.dumps(package(name)).encode()
        return self.ask("POST", "/api/packages", body, host, **_WRITING)

    @contextlib.contextmanager
    def loaded(
        self, readers: int = 3, writers: int = 1, path: str = "/", clients: Sequence[str] = ("kept", "fresh")
    ) -> Iterator[Load]:
        """Put a load on the site while the block runs.

        Each client waits for the answer to a request before it sends the next.

        Args:
            readers: how many ask for the page.
            writers: how many add packages by the API, each with a name of its own.
            path: the page.
            clients: whether a client keeps its connection, or makes a fresh one each time; taken in turn.
        """
        load = Load()
        kinds = [*zip(["GET"] * readers, itertools.cycle(clients)), *zip(["POST"] * writers, itertools.cycle(clients))]
        jobs = [
            threading.Thread(
                target=self.server.in_network, args=[lambda client=client: self._work(load, *client, path)]
            )
            for client in ((number, *kind) for number, kind in enumerate(kinds))
        ]
        for job in jobs:
            job.start()
        try:
            yield load
        finally:
            load._stopped.set()
            for job in jobs:
                job.join()

    def lost(self, load: Load) -> list[str]:
        """Give the names whose storing was acknowledged, and that the site does not have."""
        with contextlib.closing(self._client(LIMIT)) as client:
            client.connect = lambda: setattr(client, "sock", self.connect())
            found = {}
            for number in load.stored:
                client.request("GET", f"/api/packages/{number}", headers={"Host": HOST})
                answer = client.getresponse()
                content = answer.read()
                found[number] = json.loads(content)["name"] if answer.status == 200 else None
        return [name for number, name in load.stored.items() if found[number] != name]

    def _client(self, timeout: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def _work(self, load: Load, number: int, method: str, kind: str, path: str) -> None:
        """Ask until the load is stopped; runs in the network of the server."""
        client, end = self._client(PATIENCE), time.monotonic() + LONGEST
        for count in itertools.count():
            if load._stopped.wait(PAUSE):
                break
            if time.monotonic() > end:
                load._count("LIMIT")
                load._stopped.set()
            name = f"{load.name}-{number}-{count}"
            headers = {"Host": HOST} | ({"Connection": "close"} if kind == "fresh" else {})
            try:
                if method == "GET":
                    client.request("GET", path, headers=headers)
                else:
                    sent = {key.replace("_", "-"): value for key, value in _WRITING.items()}
                    client.request("POST", "/api/packages", json.dumps(package(name)), headers | sent)
                answer = client.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                client.close()
                load._count(f"{method} {type(error).__name__}")
            else:
                if answer.status == 201:
                    load.stored[json.loads(content)["id"]] = name
                load._count(f"{method} {answer.status}")
        client.close()


_WRITING = {"Content_Type": "application/json", "Authorization": f"Bearer {KEY}"}


@contextlib.contextmanager
def in_flight(site: Site, name: str) -> Iterator[list[Answer]]:
    """Keep a write waiting for the database while the block runs; its answer is there after the block."""
    answers: list[Answer] = []
    writing = threading.Thread(target=lambda: answers.append(site.add(name)))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*site.server.prefix("flask-site"), "/usr/bin/python3", "-c", LOCK], **pipes) as lock:
        assert lock.stdout.readline() == "locked\n"
        writing.start()
        time.sleep(ARRIVING)
        yield answers
        lock.communicate("", LIMIT)
    writing.join(LIMIT)


@contextlib.contextmanager
def installed(
    example: str,
    start: Sequence[str] = ("nginx",),
    name: str = "server",
    environment: str = ENVIRONMENT,
    **settings: str,
) -> Iterator[Site]:
    """Start a server on which the application is installed, and nothing runs it yet.

    There are the user, the environment, the settings, the tables and the static files.

    Args:
        example: whose zip is unpacked, and whose requirements are installed.
        start: services that run from the beginning.
        name: what the server calls itself.
        environment: where the virtual environment is, if that is to be a link.
        settings: of flask-site, by their names without the prefix, that go before those of above.
    """
    pip_conf = CONFIGURATION["etc/xdg/pip/pip.conf"].format(index=debian.INDEX_URL)
    with debian.server(name, pip_conf, start) as server, wheelhouse.serve(server.in_network, debian.INDEX_PORT):
        archive.unpack(example, server.root / "home/reader")
        site = Site(server, f"/home/reader/{example}")
        server.run(*f"adduser --system --group --no-create-home --home {HOME} --quiet flask-site".split())
        server.run("install", "-d", HOME)
        site.environment(environment)
        if environment != ENVIRONMENT:
            server.run("ln", "-s", environment, ENVIRONMENT)
        chosen = SERVED | {f"FLASK_SITE_{key}": value for key, value in settings.items()}
        server.write("/etc/flask-site/env", "".join(f"{key}={value}\n" for key, value in chosen.items()))
        server.run("chown", "root:flask-site", "/etc/flask-site/env")
        server.run("chmod", "640", "/etc/flask-site/env")
        site.command("init-db")
        server.run(f"{ENVIRONMENT}/bin/flask-site", "collect-static", f"{HOME}/static")
        yield site


def changed(wheel: Path, version: str, changes: Mapping[str, tuple[str, str]]) -> bytes:
    """Give the bytes of a wheel of flask-site of another version, with texts of some modules changed.

    Raises:
        ValueError: the wheel has not the text that is to be changed.
    """
    old = wheel.name.split("-")[1]
    written, rows = io.BytesIO(), []
    edits = {f"flask_site/{module}.py": change for module, change in changes.items()}
    edits[f"flask_site-{version}.dist-info/METADATA"] = (f"\nVersion: {old}\n", f"\nVersion: {version}\n")
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.namelist():
            content = source.read(entry)
            name = entry.replace(f"flask_site-{old}.dist-info/", f"flask_site-{version}.dist-info/")
            if name in edits:
                before, after = (text.encode() for text in edits.pop(name))
                if before not in content:
                    raise ValueError(f"{wheel.name}: {name} has no {before.decode()!r}")
                content = content.replace(before, after, 1)
            if name.endswith(".dist-info/RECORD"):
                record = name
                continue
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            rows.append(f"{name},sha256={digest},{len(content)}\n")
            target.writestr(name, content)
        target.writestr(record, "".join(rows) + f"{record},,\n")
    if edits:
        raise ValueError(f"{wheel.name} has no {', '.join(edits)}")
    return written.getvalue()
