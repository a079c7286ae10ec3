"""One machine has become four, and one after the other of them is killed, cut off, restarted or given a new release.

Two application servers run flask-site, a third has nginx, a fourth PostgreSQL; they have a network of their own.
Clients ask through nginx all the while, and what they were told is compared with what the database has in the end.
"""

import contextlib
import re
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from guide import ROOT, archive, many_machines
from guide.page import parse
from support import clients, debian, deployments, network, system
from support.clients import Clients, Phase
from support.debian import Server
from support.deployments import HOME, HOST
from support.flask_site import KEY
from support.network import Network
from support.waiting import until
from support.workshop import Workshop
from uv import find_uv_bin

EXAMPLE = "deploy-gunicorn-nginx"
PORT = 8000  # of the application, on both of its machines
NAMES = ("app1", "app2")
DATABASE = "flask-site"  # and its user
LINK = f"{HOME}/venv"  # the release that runs
SERVICE = "flask-site@1"
RULE = "max_fails=1 fail_timeout=5s"
POSTGRESQL = "postgresql@15-main"
CUT = 8.0  # seconds without a cable
SLOWEST = 25.0  # seconds for any answer; nginx waits 10 for one machine, and as long for the other
VERSIONS = """
import importlib.metadata as found, platform
print(f"Python {platform.python_version()}, gunicorn {found.version('gunicorn')}")
"""
LIMIT = 30.0  # seconds until a machine that starts is ready

# What the example's files say for two instances on one machine, and what takes its place for two machines.
UNIT = """
[Service]
ExecStart=
ExecStart=/srv/flask-site/venv/bin/gunicorn --config /srv/flask-site/gunicorn.conf.py --bind {address}
ExecStartPost=
ExecStartPost=curl --silent --show-error --fail --output /dev/null --max-time 30 --header Host:localhost \\
    http://{address}/readyz
ExecStop=
"""
FRONT = (
    (r"(?m)^    # An instance that .*\n", ""),
    (r"(?m)^    server unix:\S+/1/\S+ .*\n^    server unix:\S+/2/\S+ .*\n", "    zone flask_site 64k;\n{servers}\n"),
    (r"proxy_next_upstream error;", "proxy_next_upstream error timeout;"),
    (r"proxy_connect_timeout \S+;", "proxy_connect_timeout 1s;"),
    (r"proxy_read_timeout \S+;", "proxy_read_timeout 10s;"),
)


@dataclass(frozen=True)
class Machines:
    """The four servers."""

    network: Network
    first: deployments.Site
    apps: tuple[Server, Server]
    web: Server
    database: Server
    front: str  # of nginx, with a place for its upstream servers

    def install(self, release: str, wheel: Path | None = None) -> None:
        """Put the environment of a release beside the others, on both machines, where nobody uses it yet."""
        if wheel:
            shutil.copy(wheel, self.first.server.root / self.first.folder[1:] / "wheels")
        place = f"{HOME}/venvs/{release}"
        self.first.environment(place, wheel.name if wheel else None)
        copy(self.first.server, self.apps[1], place)

    def command(self, release: str, *arguments: str, check: bool = True) -> str:
        """Run `flask-site` of a release, with the settings of the service."""
        return self.first.command(*arguments, environment=f"{HOME}/venvs/{release}", check=check)

    def balance(self, *without: Server, rule: str = RULE) -> None:
        """Let nginx send requests to all application servers but these, and wait until what it has sent is answered.

        Args:
            without: these.
            rule: when nginx leaves a server out by itself.
        """
        rows = []
        for app in self.apps:
            down = " down" if app in without else ""
            rows.append(f"    server {self.network.addresses[app.pid]}:{PORT} {rule}{down};")
        self.web.write("/etc/nginx/sites-available/flask-site", self.front.replace("{servers}", "\n".join(rows)))
        self.web.run("nginx", "-t")
        before = self._nginx_workers()
        self.web.run("systemctl", "reload", "nginx")
        until(lambda: not before & self._nginx_workers(), LIMIT, "an old worker of nginx goes on")

    def _nginx_workers(self) -> set[str]:
        """Give the process ids of all workers of nginx; those from before a reload end with their last answer."""
        rows = self.web.run("ps", "-eo", "pid,cmd").stdout.splitlines()
        return {row.split()[0] for row in rows if "nginx: worker process" in row}

    def ready(self, app: Server) -> bool:
        """Ask one application server whether it can work."""
        return self._ask(app, "/readyz", "--output", "/dev/null", "--write-out", "%{http_code}") == "200"

    def shows_licence(self, app: Server) -> bool:
        """Tell whether the release that runs on an application server knows the column of 1.1."""
        return "licence" in self._ask(app, "/api/packages")

    def _ask(self, app: Server, path: str, *options: str) -> str:
        where = f"http://{self.network.addresses[app.pid]}:{PORT}{path}"
        curl = ["curl", "--silent", "--max-time", "5", "--header", f"Host: {HOST}", *options, where]
        return app.run(*curl, check=False).stdout

    def switch(self, app: Server, release: str) -> None:
        """Let one application server run a release; the unit waits until it is ready."""
        app.run("ln", "-sfn", f"{HOME}/venvs/{release}", LINK)
        app.run("systemctl", "restart", SERVICE)

    def roll(self, release: str) -> None:
        """Bring both application servers to a release, one after the other; first ask it whether all is well."""
        self.command(release, "check")
        for app in self.apps:
            self.balance(app)
            self.switch(app, release)
            self.balance()

    def psql(self, statement: str, database: str = DATABASE) -> list[str]:
        """Ask the database itself."""
        sql = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--dbname", database]
        return self.database.run(*sql, "--command", statement, user="postgres").stdout.splitlines()

    def crash_database(self) -> None:
        """Kill PostgreSQL with all its processes, and start it again."""
        self.database.run("pkill", "--signal=KILL", "--exact", "postgres")
        time.sleep(1)
        self.database.run("systemctl", "start", POSTGRESQL)

    def programs(self) -> str:
        """Name the programs, with their versions."""
        python = self.first.server.run(f"{LINK}/bin/python", "-c", VERSIONS).stdout.strip()
        nginx = self.web.run("nginx", "-v").stdout.strip().partition("nginx/")[2]
        return f"{python}, nginx {nginx}, PostgreSQL {self.psql('SHOW server_version')[0].split()[0]}"

    def clients(self, folder: Path) -> Clients:
        """Give clients that ask through nginx."""
        return Clients(self.network, self.network.addresses[self.web.pid], HOST, KEY, folder)

    def rows(self) -> list[tuple[int, str]]:
        """Give ids and names of all packages that are in the database."""
        rows = [line.split("|") for line in self.psql("SELECT id, name FROM packages")]
        return [(int(number), name) for number, name in rows]


def copy(one: Server, other: Server, place: str) -> None:
    """Copy a folder to the same place on another server."""
    target = other.root / place[1:]
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", one.root / place[1:], target], check=True)


@contextlib.contextmanager
def running() -> Iterator[Machines]:
    """Start the four servers and all that runs on them, as the example has it."""
    password = secrets.token_hex(16)
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(network.network())
        place = f"{HOME}/venvs/1.0"
        first = stack.enter_context(deployments.installed(EXAMPLE, [], NAMES[0], environment=place))
        second, web, database = (stack.enter_context(debian.server(name)) for name in (NAMES[1], "web", "db"))
        machines = Machines(net, first, (first.server, second), web, database, front(first))
        addresses = {server: net.join(server) for server in (*machines.apps, web, database)}
        prepare_database(machines, password)
        second.run(*f"adduser --system --group --no-create-home --home {HOME} --quiet flask-site".split())
        url = f"postgresql://{DATABASE}:{password}@{addresses[database]}/{DATABASE}"
        settings = deployments.SERVED | {"FLASK_SITE_DATABASE_URL": url}
        first.server.write("/etc/flask-site/env", "".join(f"{key}={value}\n" for key, value in settings.items()))
        for name in ("gunicorn.conf.py", "wsgi.py"):
            first.place(name, f"{HOME}/{name}")
        first.place("systemd/flask-site@.service", "/etc/systemd/system/flask-site@.service")
        for folder in (HOME, "/etc/flask-site", "/etc/systemd/system/flask-site@.service"):
            copy(first.server, second, folder)
        first.command("init-db")
        for app in machines.apps:
            drop_in = UNIT.format(address=f"{addresses[app]}:{PORT}")
            app.write(f"/etc/systemd/system/{SERVICE}.service.d/address.conf", drop_in)
            app.run("systemctl", "daemon-reload")
            app.run("systemctl", "start", SERVICE)
        web.run("rm", "/etc/nginx/sites-enabled/default")
        web.run("systemctl", "start", "nginx")
        web.run("ln", "-s", "/etc/nginx/sites-available/flask-site", "/etc/nginx/sites-enabled/")
        machines.balance()
        yield machines


def front(site: deployments.Site) -> str:
    """Give the example's file for nginx, for servers that are elsewhere."""
    text = (site.server.root / site.folder[1:] / "nginx/flask-site").read_text("utf-8")
    for before, after in FRONT:
        text, count = re.subn(before, after, text)
        assert count == 1, f"{before} is there {count} times"
    return text


def prepare_database(machines: Machines, password: str) -> None:
    """Let PostgreSQL listen on the network, for one user with a password."""
    folder = "/etc/postgresql/15/main"
    machines.database.write(f"{folder}/conf.d/network.conf", "listen_addresses = '*'\n", user="postgres")
    rule = f"host {DATABASE} {DATABASE} 10.77.0.0/24 scram-sha-256"
    machines.database.run("sh", "-c", f"echo {shlex.quote(rule)} >> {folder}/pg_hba.conf")
    machines.database.run("systemctl", "start", POSTGRESQL)
    machines.psql(f"CREATE ROLE \"{DATABASE}\" LOGIN PASSWORD '{password}'", "postgres")
    machines.psql(f'CREATE DATABASE "{DATABASE}" OWNER "{DATABASE}"', "postgres")


@pytest.fixture(autouse=True)
def permitted() -> None:
    if reason := network.lacking():
        system.missing(reason, ["debian-server"])


def counted(phase: Phase, rows: list[tuple[int, str]]) -> dict[str, object]:
    """Count what clients met in a phase, print it, and give it as the data file has it."""
    lost, doubled = clients.lost(phase, rows), clients.doubled(phase, rows)
    print(
        f"{phase.name}: {phase.reads.total()} reads, failed {phase.failed_reads or 0}, {phase.broken_off} broken off;"
        f" {phase.writes.total()} writes, failed {phase.failed_writes or 0}, {phase.retries} retries,"
        f" {len(phase.acknowledged)} acknowledged, {len(phase.found)} found, {len(lost)} lost, {len(doubled)} twice;"
        f" slowest {phase.slowest:.1f} s"
    )
    return {
        "name": phase.name,
        "reads": phase.reads.total(),
        "reads_failed": sum(phase.failed_reads.values()),
        "broken_off": phase.broken_off,
        "writes": phase.writes.total(),
        "writes_failed": sum(phase.failed_writes.values()),
        "acknowledged": len(phase.acknowledged),
        "lost": len(lost),
        "doubled": len(doubled),
        "slowest": round(phase.slowest, 1),
    }


@pytest.mark.full
def test_one_of_two_application_servers_is_killed_and_nobody_notices(tmp_path: Path) -> None:
    with running() as machines:
        asking = machines.clients(tmp_path / "accounts")
        with asking.asking(readers=3, writers=1, pause=0.02):
            with asking.phase("both serve", after=100):
                pass
            with asking.phase("one is killed", after=200) as killed:
                machines.network.kill(machines.apps[1])
        rows = machines.rows()
    for phase in asking.phases:
        counted(phase, rows)
    assert clients.faults(asking, rows) == []
    assert [phase.failed_reads for phase in asking.phases] == [{}] * 3
    assert len(killed.acknowledged) > 10


# The releases: 1.1 has a column more, 1.2 counts on it, and 1.3 is broken.

README = ROOT / "examples/flask-site/README.md"
EXPAND = """
op.add_column("packages", sa.Column("licence", sa.String(80), server_default="", nullable=False))
"""
CONTRACT = """
op.alter_column("packages", "licence", server_default=None)
"""
MIGRATION = '''"""A migration."""

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{before}"


def upgrade() -> None:
    """Change the tables."""
    {change}
'''


def make_releases(workshop: Workshop, folder: Path) -> dict[str, Path]:
    """Build the wheels of three more releases, from the example and what its README adds to it."""
    example = archive.unpack("flask-site", folder)
    [patch] = ["\n".join([*fence.text, ""]) for fence in parse(README).fences if fence.title == "licence.patch"]
    subprocess.run(["patch", "--strip=1", "--silent"], input=patch, cwd=example, text=True, check=True)
    package = example / "src/flask_site"
    made = {}
    for version, before, change in (("1.1", "0001", EXPAND), ("1.2", "0002", CONTRACT), ("1.3", "", "")):
        if change:
            number = f"{int(before) + 1:04}"
            text = MIGRATION.format(number=number, before=before, change=change.strip())
            (package / f"migrations/versions/{number}_step.py").write_text(text, "utf-8")
        else:
            with (package / "app.py").open("a", encoding="utf-8") as module:
                module.write("import no_such_module\n")
        project = (example / "pyproject.toml").read_text("utf-8")
        project = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', project)
        (example / "pyproject.toml").write_text(project, "utf-8")
        workshop.run(find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", folder / "dist", cwd=example)
        [made[version]] = folder.glob(f"dist/*-{version}-*.whl")
    return made


# What lets nginx send a write twice, and what holds one up for so long.
RETRIED = (
    ("proxy_next_upstream error timeout;", "proxy_next_upstream error timeout non_idempotent;"),
    ("proxy_read_timeout 10s;", "proxy_read_timeout 1s;"),
)
HELD_UP = "BEGIN; LOCK TABLE packages IN EXCLUSIVE MODE; SELECT pg_sleep(1.5); COMMIT"

UNTOUCHED = "nothing happens"
DATABASE_AWAY = ("the database is restarted", "the database is killed")
MACHINE_AWAY = ("an application server is cut off", "an application server is killed")


@pytest.mark.full
def test_machines_fail_and_releases_change_while_clients_ask(
    workshop: Workshop, tmp_path: Path, update_pages: bool
) -> None:
    wheels = make_releases(workshop, tmp_path / "releases")
    with running() as machines:
        for release, wheel in wheels.items():
            machines.install(release, wheel)
        second = machines.apps[1]
        asking = machines.clients(tmp_path / "accounts")
        with asking.asking(readers=4, writers=3, pause=0.05):
            with asking.phase(UNTOUCHED, after=300):
                pass
            with asking.phase("release 1.1 comes, which adds a column"):
                machines.command("1.1", "init-db")
                machines.roll("1.1")
            assert [machines.shows_licence(app) for app in machines.apps] == [True, True]
            with asking.phase("release 1.0 comes back"):
                machines.roll("1.0")
            assert [machines.shows_licence(app) for app in machines.apps] == [False, False]
            with asking.phase("release 1.1 comes again"):
                machines.roll("1.1")
            with asking.phase("release 1.2 comes, which ends the migration"):
                machines.command("1.2", "init-db")
                machines.roll("1.2")
            with asking.phase("release 1.3 is broken"), pytest.raises(AssertionError, match="no_such_module"):
                machines.roll("1.3")
            with asking.phase(DATABASE_AWAY[0]):
                machines.database.run("systemctl", "restart", POSTGRESQL)
            with asking.phase(DATABASE_AWAY[1]):
                machines.crash_database()
            with asking.phase(MACHINE_AWAY[0]):
                machines.network.cut(second)
                time.sleep(CUT)
                machines.network.mend(second)
            with asking.phase(MACHINE_AWAY[1]):
                machines.network.kill(second)
        rows = machines.rows()
        programs = machines.programs()
    rows_of_phases = [counted(phase, rows) for phase in asking.phases[1:]]
    assert clients.faults(asking, rows) == []
    for phase in asking.phases:
        assert phase.reads.total() > 50 or phase.name == "start"
        assert phase.slowest < SLOWEST, phase.name
        if phase.name in DATABASE_AWAY:
            assert set(phase.failed_reads) == set(phase.failed_writes) == {"503"}, phase.name
            continue
        assert phase.failed_reads == {}, phase.name
        assert phase.failed_writes == {} or phase.name in MACHINE_AWAY, phase.name
    if update_pages:
        data = read_data() | {"date": datetime.now(UTC).date(), "programs": programs, "phases": rows_of_phases}
        write_data(data)


@pytest.mark.full
def test_each_part_is_needed(tmp_path: Path, update_pages: bool) -> None:
    """Where one is left out, clients notice, or the database is not what they were told."""
    found = {}
    with running() as machines:

        @contextlib.contextmanager
        def without(part: str, *changes: tuple[str, str], rule: str = RULE) -> Iterator[None]:
            text = machines.front
            for before, after in changes:
                assert before in text
                text = text.replace(before, after)
            replace(machines, front=text).balance(rule=rule)
            asking = machines.clients(tmp_path / f"part{len(found)}")
            with asking.asking(readers=4, writers=4, pause=0.02), asking.phase(part) as phase:
                yield
            found[part] = phase
            machines.balance()

        with without(
            "reads are passed to the other server", ("proxy_next_upstream error timeout;", "proxy_next_upstream off;")
        ):
            machines.network.cut(machines.apps[1])
            time.sleep(CUT)
            machines.network.mend(machines.apps[1])
        with without("a server leaves the list before it restarts"):
            for _ in range(4):
                for app in machines.apps:
                    machines.switch(app, "1.0")
        with without("one is ready before the next restarts"):
            for app in machines.apps:
                app.run("systemctl", "restart", "--no-block", SERVICE)
        machines.psql("DROP INDEX packages_unique_name")
        with without("a write is sent to one server only", *RETRIED, rule="max_fails=0"):
            machines.psql(HELD_UP)
        rows = machines.rows()
    rows_of_parts = [counted(phase, rows) for phase in found.values()]
    phases = list(found.values())
    assert phases[0].failed_reads
    assert set(phases[1].failed_writes) == {"502"}
    assert set(phases[2].failed_reads) == {"502"}
    assert clients.doubled(phases[3], rows)
    if update_pages:
        write_data(read_data() | {"without": rows_of_parts})


def read_data() -> dict:
    path = ROOT / many_machines.DATA
    empty = {"date": datetime.now(UTC).date(), "programs": "", "phases": [], "without": []}
    return many_machines.read() if path.exists() else empty


def write_data(data: dict) -> None:
    (ROOT / many_machines.DATA).write_text(many_machines.write(data), "utf-8")


# The figures.

PHASE = dict.fromkeys(many_machines.COUNTS, 0) | {"reads": 1200, "writes": 40, "acknowledged": 38, "slowest": 1.5}
COUNTED = {
    "date": date(2026, 11, 2),
    "programs": "nginx 1",
    "phases": [{"name": "one is killed", **PHASE, "writes_failed": 2, "broken_off": 1}],
    "without": [{"name": "a part", **PHASE, "reads_failed": 1003, "lost": 4, "doubled": 5}],
}


def test_the_tables_say_of_how_many() -> None:
    assert many_machines.table(COUNTED) == (
        "| While | Reads failed | Writes failed | Writes lost |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| one is killed | 0 of 1,200 | 2 of 40 | 0 of 38 |\n"
        "\n"
        "nginx 1; 2 November 2026. *Lost* are acknowledged writes that the database did not have in the end, or had"
        " twice. Answers that broke off and were asked for again: 1. The slowest took 2 seconds.\n"
    )
    assert many_machines.table_without(COUNTED) == (
        "| Left out | Reads failed | Writes failed | Twice |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| a part | 1,003 of 1,200 | 0 of 40 | 5 |\n"
        "\n"
        "*Twice* are writes that were acknowledged once, and are in the database more often. Lost: 4.\n"
    )


def test_the_data_file_reads_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / many_machines.DATA).parent.mkdir(parents=True)
    (tmp_path / many_machines.DATA).write_text(many_machines.write(COUNTED), "utf-8")
    assert many_machines.read(tmp_path) == COUNTED


def test_the_page_says_of_the_figures_what_they_are() -> None:
    data = many_machines.read()
    phases = {row["name"]: row for row in data["phases"]}
    assert set(phases) > {*DATABASE_AWAY, *MACHINE_AWAY}
    for name, row in phases.items():
        assert (row["lost"], row["doubled"]) == (0, 0), name
        assert row["reads_failed"] == 0 or name in DATABASE_AWAY, name
        assert row["writes_failed"] == 0 or name in (*DATABASE_AWAY, *MACHINE_AWAY), name
        assert 0 < row["slowest"] < SLOWEST, name
    for row in data["without"]:
        assert row["reads_failed"] + row["writes_failed"] + row["lost"] + row["doubled"] > 0, row["name"]
