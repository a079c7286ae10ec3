"""The example deploy-systemd, run by systemd: its limits are in force, restarts lose nothing, the secret stays one."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from guide import ROOT
from support import debian, deployments
from support.deployments import Site
from support.probes import probe
from support.system import missing
from support.waiting import until

UNITS = (
    "flask-site.socket",
    "flask-site.service",
    "flask-site-backup.service",
    "flask-site-backup.timer",
    "raw-wsgi.service",
)
SERVICES = ("flask-site", "raw-wsgi")
SECRET = "5ec2e7" * 10
EXPOSURE = 1.0  # of 10, by systemd-analyze security; the units alone have 9.2 and 8.2
OF_SYSTEM = "/etc/systemd/system"

pytestmark = pytest.mark.xdist_group("deploy-systemd")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Run everything that the example has, as its README does."""
    if reason := debian.lacking():
        missing(reason, ["debian-server"])
    with deployments.installed("deploy-systemd") as site:
        for unit in UNITS:
            site.place(unit, f"{OF_SYSTEM}/{unit}")
        for service in SERVICES:
            site.place("hardening.conf", f"{OF_SYSTEM}/{service}.service.d/hardening.conf")
        site.place("wsgi.py", "/srv/flask-site/wsgi.py")
        site.place("nginx.conf", "/etc/nginx/sites-available/flask-site")
        site.server.run("ln", "-s", "/etc/nginx/sites-available/flask-site", "/etc/nginx/sites-enabled")
        site.server.run("rm", "/etc/nginx/sites-enabled/default")
        site.server.run("sed", "--in-place", "/SECRET_KEY/d", "/etc/flask-site/env")
        site.server.write("/etc/flask-site/secret_key", f"{SECRET}\n")
        site.server.run("chmod", "600", "/etc/flask-site/secret_key")
        site.server.run("systemctl", "daemon-reload")
        site.server.run("systemctl", "enable", "--quiet", "--now", *UNITS[:2], *UNITS[3:])
        site.server.run("nginx", "-t", "-q")
        site.server.run("systemctl", "restart", "nginx")
        yield site


def show(site: Site, service: str, key: str) -> str:
    """Give a property of a service."""
    return site.server.run("systemctl", "show", f"--property={key}", "--value", service).stdout.strip()


def logged(site: Site, service: str) -> str:
    return site.server.run("journalctl", f"--unit={service}", "--output=cat").stdout


@contextlib.contextmanager
def changed(site: Site, drop_in: str) -> Iterator[None]:
    """Change the unit of the site while the block runs; what runs meanwhile is left to the block."""
    place = "/run/systemd/system/flask-site.service.d/changed.conf"
    site.server.write(place, drop_in)
    try:
        site.server.run("systemctl", "daemon-reload")
        yield
    finally:
        site.server.run("rm", place)
        site.server.run("systemctl", "daemon-reload")


@contextlib.contextmanager
def failing(site: Site, drop_in: str) -> Iterator[None]:
    """Change the unit so that it fails while the block runs, and let the service run again as before."""
    try:
        with changed(site, drop_in):
            yield
    finally:
        site.server.run("systemctl", "reset-failed", "flask-site")
        site.server.run("systemctl", "restart", "flask-site")


def inside(site: Site, service: str, *command: str) -> str:
    """Run a command with the limits of a service: as its user, with what it sees, and give what it printed.

    The unit stays as it is, but for the command; the main process is held by it meanwhile.
    """
    unit = (ROOT / "examples/deploy-systemd" / f"{service}.service").read_text("utf-8")
    limits = (ROOT / "examples/deploy-systemd/hardening.conf").read_text("utf-8").removeprefix("[Service]\n")
    left_out = r"(?m)^(Type|Exec\w+|Restart\w*|Requires|KillMode|KillSignal)=.*\n"
    text = re.sub(left_out, "", unit).replace("[Install]", "[Unit]\n[Install]")
    text = text.replace("[Service]\n", f"[Service]\nType=oneshot\nExecStart=/bin/sh /run/try.sh\n{limits}")
    site.server.write("/run/try.sh", f"{' '.join(command)} 2>&1\n")
    site.server.write(f"{OF_SYSTEM}/try.service", text)
    site.server.run("systemctl", "daemon-reload")
    since = site.server.run("date", "+@%s.%N").stdout.strip()
    site.server.run("systemctl", "start", "try", check=False)
    entries = ["journalctl", "--unit=try", "--output=cat", f"--since={since}", "--identifier=sh"]
    return site.server.run(*entries).stdout


def test_the_units_are_as_systemd_wants_them(site: Site) -> None:
    said = site.server.run("systemd-analyze", "verify", *(f"{OF_SYSTEM}/{unit}" for unit in UNITS))
    assert said.stdout == ""


def test_a_misspelt_option_is_noticed(site: Site) -> None:
    text = (ROOT / "examples/deploy-systemd/flask-site.service").read_text("utf-8")
    site.server.write("/run/try/try.service", text.replace("TimeoutStopSec", "TimoutStopSec"))
    said = site.server.run("systemd-analyze", "verify", "/run/try/try.service").stdout
    assert "Unknown key 'TimoutStopSec' in section [Service], ignoring" in said


@pytest.mark.parametrize("service", SERVICES)
def test_little_is_exposed(site: Site, service: str) -> None:
    said = site.server.run("systemd-analyze", "security", "--no-pager", f"{service}.service").stdout
    assert float(re.findall(r"Overall exposure level for \S+ ([\d.]+)", said.replace(": ", " "))[0]) < EXPOSURE


def rated(site: Site, unit: str) -> list[dict[str, object]]:
    """Give what systemd says of each thing that a unit could do to the machine."""
    site.server.write("/run/rated/rated.service", unit)
    options = ["--offline=true", "--json=short", "--no-pager"]
    return json.loads(site.server.run("systemd-analyze", "security", *options, "/run/rated/rated.service").stdout)


def test_no_limit_is_there_for_nothing(site: Site) -> None:
    """Leave each line out: systemd then rates the service otherwise, but for the number of an error (tested below)."""
    unit = (ROOT / "examples/deploy-systemd/flask-site.service").read_text("utf-8")
    limits = (ROOT / "examples/deploy-systemd/hardening.conf").read_text("utf-8").splitlines(keepends=True)
    whole = rated(site, unit + "".join(limits))
    settings = [line for line in limits if re.match(r"\w+=", line)]
    assert len(settings) > 20
    others = [s for s in settings if rated(site, unit + "".join(line for line in limits if line != s)) == whole]
    assert others == ["SystemCallErrorNumber=EPERM\n"]


def test_a_refused_call_is_an_error_that_the_application_sees(site: Site) -> None:
    said = inside(
        site,
        "flask-site",
        "python3 -c 'import os; os.chroot(\"/\")' 2>&1 | tail -n 1;",
        "python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7)' 2>&1 | tail -n 1;",
    )
    assert said == "PermissionError: [Errno 1] Operation not permitted: '/'\n" + (
        "PermissionError: [Errno 1] Operation not permitted\n"
    )


def test_other_hosts_are_out_of_reach(site: Site) -> None:
    """An address that answers others; for the service, what it sends there is lost."""
    site.server.run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    try:
        ask = ["curl", "--silent", "--show-error", "--max-time", "1", "--header", "Host: raw-wsgi.example"]
        assert "<title>" in site.server.run(*ask, "http://192.0.2.1/").stdout
        said = inside(
            site, "flask-site", "for host in 192.0.2.1 127.0.0.1; do curl -sS --max-time 1 $host --output x; done"
        )
        assert re.fullmatch(r"curl: \(28\) Connection timed out .*\n(curl: \((23|52)\) .*\n)+", said), said
    finally:
        site.server.run("ip", "address", "del", "192.0.2.1/32", "dev", "lo")


@pytest.mark.full
def test_a_watchdog_would_end_gunicorn(site: Site) -> None:
    with failing(site, "[Service]\nWatchdogSec=1\nRestart=no\n"):
        site.server.run("systemctl", "restart", "flask-site")
        until(lambda: show(site, "flask-site", "Result") == "watchdog", 20, lambda: logged(site, "flask-site"))
        assert "Watchdog timeout (limit 1s)!" in logged(site, "flask-site")


@pytest.mark.parametrize("service", SERVICES)
def test_the_limits_are_in_force(site: Site, service: str) -> None:
    """Each line of what is tried ends as it would in the service."""
    said = inside(
        site,
        service,
        "for path in /srv/flask-site/x /etc/flask-site/x /usr/x /home/x; do touch $path; done;",
        "cat /etc/shadow /etc/flask-site/secret_key;",
        "ls /home; ls /root; unshare --user true; mount -t tmpfs none /mnt;",
        "curl --silent --show-error --max-time 3 http://192.0.2.1/;",
        "grep -E 'NoNewPrivs|CapBnd|CapEff|Seccomp:' /proc/self/status; ls -d /proc/1; ls /dev/sda /dev/mem; id -u",
    )
    *lines, number = said.splitlines()
    assert "touch: cannot touch '/srv/flask-site/x': Read-only file system" in lines
    assert "touch: cannot touch '/etc/flask-site/x': Read-only file system" in lines
    assert "touch: cannot touch '/usr/x': Read-only file system" in lines
    assert "cat: /etc/shadow: Permission denied" in lines
    assert "cat: /etc/flask-site/secret_key: Permission denied" in lines
    assert "unshare: unshare failed: Operation not permitted" in lines
    assert "NoNewPrivs:\t1" in lines
    assert "Seccomp:\t2" in lines
    assert "CapBnd:\t0000000000000000" in lines
    assert "CapEff:\t0000000000000000" in lines
    assert "ls: cannot access '/proc/1': No such file or directory" in lines
    assert "ls: cannot open directory '/home': Permission denied" in lines
    assert any(line.startswith(("mount:", "touch: cannot touch '/home/x'")) for line in lines)
    assert int(number) > 0


def test_the_service_may_write_its_state_and_a_temporary_file_of_its_own(site: Site) -> None:
    said = inside(
        site, "flask-site", "touch /var/lib/flask-site/try /tmp/try && rm /var/lib/flask-site/try && echo written"
    )
    assert said == "written\n"
    assert not (site.server.root / "tmp/try").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_the_running_processes_have_no_rights(site: Site, service: str) -> None:
    number = show(site, service, "MainPID")
    status = site.server.run("cat", f"/proc/{number}/status").stdout
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "Uid:\t0" not in status


def test_the_secret_is_seen_by_the_service_alone(site: Site) -> None:
    number = show(site, "flask-site", "MainPID")
    assert SECRET not in site.server.run("systemctl", "show", "flask-site").stdout
    for process in site.server.run("pgrep", "--uid=flask-site").stdout.split():
        assert SECRET not in site.server.run("cat", f"/proc/{process}/environ").stdout
    credential = "/run/credentials/flask-site.service/secret_key"
    for user in ("www-data", "reader"):
        refused = site.server.run("cat", credential, user=user, check=False)
        assert (refused.returncode, SECRET in refused.stdout) == (1, False)
        assert site.server.run("cat", "/etc/flask-site/secret_key", user=user, check=False).returncode == 1
        assert site.server.run("cat", f"/proc/{number}/environ", user=user, check=False).returncode == 1
    assert site.server.run("cat", credential, user="flask-site").stdout.strip() == SECRET


def test_the_database_is_for_the_service_alone(site: Site) -> None:
    for user in ("www-data", "reader"):
        refused = site.server.run("ls", "/var/lib/flask-site", user=user, check=False).stdout
        assert refused == "ls: cannot open directory '/var/lib/flask-site': Permission denied\n"


@pytest.mark.full
def test_code_that_cannot_start_fails_the_socket_too(site: Site) -> None:
    """Without a check, a start counts as a success; after five, both units have failed, and one start mends both."""
    site.server.run("systemctl", "reset-failed", "flask-site")

    def refused() -> bool:
        site.ask("GET", "/readyz")
        return show(site, "flask-site.socket", "Result") == "service-start-limit-hit"

    with failing(site, "[Service]\nExecStartPre=\n"):
        site.server.write("/srv/flask-site/wsgi.py", "import no_such_module\n")
        try:
            site.server.run("systemctl", "restart", "flask-site")
            until(refused, 30, lambda: logged(site, "flask-site"))
        finally:
            site.place("wsgi.py", "/srv/flask-site/wsgi.py")
    assert show(site, "flask-site.socket", "ActiveState") == "active"
    assert site.ask("GET", "/readyz").status == 200


@pytest.mark.full
def test_without_the_credential_the_service_does_not_start(site: Site) -> None:
    with failing(site, "[Unit]\nStartLimitBurst=1\n[Service]\nLoadCredential=\nRestart=no\n"):
        failed = site.server.run("systemctl", "restart", "flask-site", check=False)
        assert failed.returncode == 1
        assert "FLASK_SITE_SECRET_KEY: Field required" in logged(site, "flask-site")
    assert site.ask("GET", "/readyz").status == 200


def test_what_a_front_door_must_refuse(site: Site) -> None:
    assert probe(site.connect, log=lambda: logged(site, "flask-site")) == []


def test_waitress_behind_nginx_gets_no_attack_either(site: Site) -> None:
    assert probe(site.connect, host="raw-wsgi.example", post="/hello") == []


def test_the_log_has_the_address_of_the_client(site: Site) -> None:
    for door, address in ((site, "127.0.0.1"), (site.over_ipv6(), "::1")):
        path = f"/asked-from-{address}"
        assert door.ask("GET", path, X_Forwarded_For="203.0.113.77").status == 404
        (line,) = [line for line in logged(site, "flask-site").splitlines() if path in line]
        assert f'"remote": "{address}"' in line


def under_load(site: Site, changes: int, command: str, requests: int) -> None:
    """Restart or reload while clients ask; nothing fails, and no acknowledged write is lost."""
    site.server.run("systemctl", "reset-failed", "flask-site")
    with site.loaded() as load:
        for _ in range(changes):
            load.wait(requests)
            before = show(site, "flask-site", "MainPID")
            site.server.run("systemctl", command, "flask-site")
            assert (show(site, "flask-site", "MainPID") != before) is (command == "restart")
        load.wait(requests)
    assert load.failures == {}
    assert load.stored
    assert site.lost(load) == []


def test_a_restart_under_load_fails_no_request(site: Site) -> None:
    under_load(site, 1, "restart", 100)


@pytest.mark.full
def test_a_reload_under_load_fails_no_request(site: Site) -> None:
    under_load(site, 1, "reload", 100)


@pytest.mark.full
def test_three_restarts_fail_no_request(site: Site) -> None:
    with changed(site, "[Unit]\nStartLimitBurst=100\n"):  # more often than a person would start it
        under_load(site, 3, "restart", 100)


def test_broken_code_is_refused_by_a_reload(site: Site) -> None:
    site.server.run("systemctl", "reset-failed", "flask-site")
    number = show(site, "flask-site", "MainPID")
    site.server.write("/srv/flask-site/wsgi.py", "import no_such_module\n")
    try:
        assert site.server.run("systemctl", "reload", "flask-site", check=False).returncode == 1
    finally:
        site.place("wsgi.py", "/srv/flask-site/wsgi.py")
    assert show(site, "flask-site", "MainPID") == number
    assert site.ask("GET", "/readyz").status == 200


@pytest.mark.full
@pytest.mark.parametrize(
    ("service", "host", "path"), [("flask-site", deployments.HOST, "/readyz"), ("raw-wsgi", "raw-wsgi.example", "/")]
)
def test_a_crash_is_followed_by_a_start(site: Site, service: str, host: str, path: str) -> None:
    site.server.run("systemctl", "reset-failed", service)
    number = show(site, service, "MainPID")
    restarts = int(show(site, service, "NRestarts"))
    site.server.run("kill", "-KILL", number)
    until(
        lambda: int(show(site, service, "NRestarts")) != restarts and site.ask("GET", path, host=host).status == 200,
        20,
        lambda: logged(site, service),
    )
    assert show(site, service, "MainPID") != number


def test_the_night_brings_a_copy_of_the_database(site: Site, tmp_path: Path) -> None:
    assert site.add("kept-for-the-night").status == 201
    site.server.run("systemctl", "start", "flask-site-backup")
    brought = tmp_path / "backup.db"  # SQLite would look for the file of the server among those of this machine
    brought.write_bytes((site.server.root / "var/lib/flask-site/backup.db").read_bytes())
    with contextlib.closing(sqlite3.connect(brought)) as copy:
        assert ("kept-for-the-night",) in copy.execute("SELECT name FROM packages").fetchall()
    assert site.server.run("systemctl", "is-active", "flask-site-backup.timer").stdout == "active\n"
