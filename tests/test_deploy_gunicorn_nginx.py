"""The example deploy-gunicorn-nginx on a Debian server: two instances of gunicorn behind nginx, deployed under load."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import deployments, probes, system
from support.deployments import CUT, ENVIRONMENT, HOME, Load, Site
from support.flask_site import LIMIT
from support.waiting import until

DEPLOY = f"{HOME}/deploy"
VENVS = f"{HOME}/venvs"
FIRST = f"{VENVS}/1.0"
SOCKET = "/run/flask-site/{}/http.sock"
UNITS = ("flask-site@1", "flask-site@2")
PLACES = {
    "gunicorn.conf.py": f"{HOME}/gunicorn.conf.py",
    "wsgi.py": f"{HOME}/wsgi.py",
    "systemd/flask-site@.service": "/etc/systemd/system/flask-site@.service",
    "nginx/flask-site": "/etc/nginx/sites-available/flask-site",
}
SITE_PACKAGES = "lib/python3.11/site-packages"
# Attacks that are answered, and why that does no harm.
KNOWN = {"smuggling: a line end in the path": "HTTP 0.9 to nginx, which names no host: refused as another site"}

CREATE = "def create_app(settings: Settings | None = None) -> Flask:\n"
READY = 'return _say("ok", 200) if migrated else _say("migrations missing", 503)'
# Makes a module leave a file with the number of the process, where it is loaded by a worker.
SAY_LOADED = """\
import os
import pathlib

if folder := os.environ.get("RUNTIME_DIRECTORY"):
    pathlib.Path(folder, f"loaded-{os.getpid()}").touch()
"""
# Releases that do not work: the module, what is changed in it, and what `deploy` says of it.
BROKEN = {
    "syntax error": ("app", "def create_app(", "def create_app((", "does not load; nothing has changed"),
    "missing module": (
        "app",
        "from flask import Flask\n",
        "import no_such_module\n",
        "does not load; nothing has chang",
    ),
    "missing setting": (
        "settings",
        "    secret_key: Secret",
        "    new_setting: str\n    secret_key: Secret",
        "does not load",
    ),
    "missing style": ("assets", 'Path(__file__).with_name("static")', 'Path("/nowhere")', "is not as it should be"),
    "never ready": ("health", READY, 'return _say("no", 503)', "flask-site@1 does not become ready with"),
    "dies in the worker": (
        "app",
        CREATE,
        CREATE + '    if "RUNTIME_DIRECTORY" in __import__("os").environ:\n        raise SystemExit(7)\n',
        "flask-site@1 does not become ready with",
    ),
    "second instance": (
        "health",
        READY,
        'return _say("no", 503 if __import__("os").environ["RUNTIME_DIRECTORY"].endswith("2") else 200)',
        "flask-site@2 does not become ready with",
    ),
}
QUICK = ("syntax error",)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    needs = ["debian-server", "nginx"]
    for reason in system.lacking(needs):
        system.missing(reason, needs)
    with deployments.installed("deploy-gunicorn-nginx", environment=FIRST) as site:
        for file, target in PLACES.items():
            site.place(file, target)
        site.place("deploy", DEPLOY, "755")
        enabled = "/etc/nginx/sites-enabled"
        site.server.run("ln", "-s", PLACES["nginx/flask-site"], f"{enabled}/flask-site")
        site.server.run("rm", f"{enabled}/default")
        site.server.run("systemctl", "enable", "--now", *UNITS)
        site.server.run("systemctl", "restart", "nginx")
        yield site


@pytest.fixture(autouse=True)
def _as_before(site: Site) -> Iterator[None]:
    """Show what the site has said where a test fails; have the first release in service for the next one."""
    yield
    if site.server.run("systemctl", "is-active", *UNITS, check=False).stdout != "active\nactive\n":
        print(said(site))
    if in_service(site) != FIRST or not all(answers(site, number) for number in (1, 2)):
        site.server.run("ln", "-sfn", FIRST, ENVIRONMENT)
        site.server.run("systemctl", "restart", *UNITS)


def said(site: Site, *options: str) -> str:
    """Give what both instances have logged."""
    units = [f"--unit={unit}" for unit in UNITS]
    return site.server.run("journalctl", "--output=cat", *units, *options).stdout


def in_service(site: Site) -> str:
    return site.server.run("readlink", ENVIRONMENT).stdout.strip()


def answers(site: Site, number: int, user: str = "root") -> bool:
    """Ask an instance itself, past nginx."""
    options = ["--silent", "--fail", "--max-time", "10", "--header", "Host: localhost", "--unix-socket"]
    command = ["curl", *options, SOCKET.format(number), "http://localhost/readyz"]
    return site.server.run(*command, user=user, check=False).stdout == "ok\n"


def pids(site: Site) -> dict[str, set[str]]:
    """Give the workers of each instance: the children of its first process."""
    found = {}
    for unit in UNITS:
        found[unit] = set(site.server.run("pgrep", "--parent", main(site, unit), check=False).stdout.split())
    return found


def main(site: Site, unit: str) -> str:
    return site.server.run("systemctl", "show", "--property=MainPID", "--value", unit).stdout.strip()


def deploy(site: Site, environment: str) -> tuple[int, str]:
    done = site.server.run(DEPLOY, environment, check=False)
    return done.returncode, done.stdout


def copied(site: Site, name: str, module: str, before: str, after: str) -> str:
    """Make an environment like the first, with one text of flask-site changed, and give its folder."""
    place = f"{VENVS}/{name.replace(' ', '-')}"
    site.server.run("cp", "--archive", "--no-target-directory", FIRST, place)
    site.server.run("sed", "-i", f"1s|{FIRST}|{place}|", f"{place}/bin/gunicorn", f"{place}/bin/flask-site")
    change(site, f"{place}/{SITE_PACKAGES}/flask_site/{module}.py", before, after)
    return place


def change(site: Site, file: str, before: str, after: str) -> None:
    path: Path = site.server.root / file[1:]
    text = path.read_text("utf-8")
    assert before in text
    site.server.write(file, text.replace(before, after, 1))


def assert_nothing_failed(site: Site, load: Load) -> None:
    assert load.failures == {}
    assert load.answers.keys() == {"GET 200", "POST 201"}
    assert site.lost(load) == []


# The files, and who may do what


def test_the_programs_take_their_files(site: Site) -> None:
    assert "test is successful" in site.server.run("nginx", "-t").stdout
    verified = site.server.run("systemd-analyze", "verify", PLACES["systemd/flask-site@.service"])
    assert verified.stdout == ""
    site.server.run("sh", "-n", DEPLOY)
    config = ["--config", PLACES["gunicorn.conf.py"], "--check-config"]
    site.server.run(*deployments.AS_SERVICE, f"{ENVIRONMENT}/bin/gunicorn", *config)


def test_nginx_reaches_the_sockets_and_nobody_else_does(site: Site) -> None:
    shown = site.server.run("stat", "--format=%A %U %G", SOCKET.format(1), SOCKET.format(2)).stdout
    assert shown == "srwxrwx--- flask-site www-data\n" * 2
    assert answers(site, 1, "www-data")
    assert not answers(site, 1, "nobody")
    assert not answers(site, 1, "reader")


def test_nginx_cannot_read_what_the_service_keeps_and_the_service_cannot_write_its_code(site: Site) -> None:
    for file in ("/etc/flask-site/env", "/var/lib/flask-site/flask-site.db"):
        assert site.server.run("cat", file, user="www-data", check=False).returncode == 1, file
    places = [HOME, f"{HOME}/wsgi.py", f"{HOME}/static", f"{ENVIRONMENT}/{SITE_PACKAGES}/flask_site", "/etc/flask-site"]
    for place in places:
        assert site.server.run("test", "-w", place, user="flask-site", check=False).returncode == 1, place


# The front door


def test_static_files_come_from_the_disk(site: Site) -> None:
    style = re.search(r"/static/style\.\w+\.css", site.ask("GET", "/").text)[0]
    before = said(site)
    answer = site.ask("GET", style)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert said(site) == before
    assert site.ask("GET", "/static/").status == 403
    assert site.ask("GET", "/static/no.css").status == 404


def test_another_name_is_refused(site: Site) -> None:
    for door in (site, site.over_ipv6()):
        assert door.ask("GET", "/", host="other.example").status == 421
        assert door.ask("GET", "/", host="127.0.0.1").status == 421
        assert door.ask("GET", "/").status == 200


def test_the_application_learns_who_asks_and_believes_no_client(site: Site) -> None:
    spoofed = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https", "X_Request_ID": "made-up"}
    path = f"/spoofed-{time.monotonic_ns()}"
    answer = site.ask("GET", path, **spoofed)
    (line,) = [line for line in said(site).splitlines() if path in line]
    assert '"remote": "127.0.0.1"' in line
    assert "Strict-Transport-Security" not in answer.headers
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.headers["X-Request-ID"] in line


def test_a_body_that_is_too_large_is_refused_by_nginx(site: Site) -> None:
    before = said(site)
    answer = site.ask("POST", "/api/packages", b"a" * (2**20 + 1))
    assert answer.status == 413
    assert "nginx" in answer.text
    assert said(site) == before


def test_probes_are_refused(site: Site) -> None:
    found = {finding.attack: finding for finding in probes.probe(site.connect, log=lambda: said(site))}
    assert [finding for attack, finding in found.items() if attack not in KNOWN] == []
    assert KNOWN.keys() - found.keys() == set(), "these are refused: take them out of KNOWN"


# New code without a lost request


def reloads(site: Site, times: int, requests: int) -> Load:
    with site.loaded() as load:
        for _ in range(times):
            before = pids(site)
            load.wait(requests)
            site.server.run("systemctl", "reload", *UNITS)
            until(lambda: not any(before[unit] & pids(site)[unit] for unit in UNITS), LIMIT, "old workers stay")  # noqa: B023
        load.wait(requests)
    return load


def test_a_reload_under_load_loses_nothing(site: Site) -> None:
    assert_nothing_failed(site, reloads(site, times=1, requests=100))


@pytest.mark.full
def test_three_reloads_under_load_lose_nothing(site: Site) -> None:
    load = reloads(site, times=3, requests=700)
    assert load.answers.total() > 2000
    assert_nothing_failed(site, load)


def rolled(site: Site, requests: int) -> Load:
    """Deploy another release under load, and go back."""
    place = f"{VENVS}/1.1"
    if site.server.run("test", "-d", place, check=False).returncode:
        site.environment(place, site.release("1.1"))
    with site.loaded() as load:
        load.wait(requests)
        assert deploy(site, place) == (0, OUTPUT.format(place))
        assert {site.ask("GET", "/").headers["X-Release"] for _ in range(8)} == {"1.1"}
        load.wait(requests)
        assert deploy(site, FIRST) == (0, OUTPUT.format(FIRST))
        assert {site.ask("GET", "/").headers["X-Release"] for _ in range(8)} == {None}
        load.wait(requests)
    return load


OUTPUT = """\
The tables are as this release needs them.
Settings, database, migrations and static files are as they should be.
in service: {}
"""


@pytest.mark.full
def test_a_rolling_deploy_and_the_way_back_under_load_lose_nothing(site: Site) -> None:
    assert_nothing_failed(site, rolled(site, requests=300))


@pytest.mark.full
def test_new_code_in_the_same_environment_is_reloaded(site: Site) -> None:
    place = copied(site, "in place", "headers", "HEADERS = {", 'HEADERS = {"X-Release": "one",')
    assert deploy(site, place)[0] == 0
    assert site.ask("GET", "/").headers["X-Release"] == "one"
    change(site, f"{place}/{SITE_PACKAGES}/flask_site/headers.py", '"one"', '"two"')
    before = pids(site)
    site.server.run("systemctl", "reload", *UNITS)
    until(lambda: not any(before[unit] & pids(site)[unit] for unit in UNITS), LIMIT, "old workers stay")
    assert {site.ask("GET", "/").headers["X-Release"] for _ in range(8)} == {"two"}


# Broken code


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[] if fault in QUICK else pytest.mark.full) for fault in BROKEN]
)
def test_broken_code_never_takes_the_site_down(site: Site, fault: str) -> None:
    module, before, after, message = BROKEN[fault]
    place = copied(site, fault, module, before, after)
    with site.loaded() as load:
        load.wait(30)
        status, output = deploy(site, place)
        load.wait(30)
    assert (status, output.splitlines()[-1][:8]) == (1, "deploy: ")
    assert message in output.splitlines()[-1]
    assert_nothing_failed(site, load)
    assert in_service(site) == FIRST
    assert answers(site, 1)
    assert answers(site, 2)


def test_a_reload_of_broken_code_is_refused_and_a_bare_hup_ends_the_server(site: Site) -> None:
    place = copied(site, "broken later", "headers", "HEADERS = {", f"{SAY_LOADED}HEADERS = {{")
    assert deploy(site, place)[0] == 0
    # `deploy` waits for an answer of each instance. A worker that loads later would read the broken code.
    said_so = ("sh", "-c", "cd /run/flask-site && ls */loaded-* | cut -d - -f 2")
    workers = set.union(*pids(site).values())
    until(lambda: workers <= set(site.server.run(*said_so).stdout.split()), LIMIT, "a worker does not load")
    change(site, f"{place}/{SITE_PACKAGES}/flask_site/headers.py", "HEADERS = {", "HEADERS = {{")
    assert site.server.run("systemctl", "reload", UNITS[0], check=False).returncode == 1
    assert answers(site, 1)
    site.server.run("systemctl", "kill", "--signal=HUP", "--kill-who=main", *UNITS)
    until(lambda: site.ask("GET", "/").status == 502, LIMIT, "gunicorn goes on")
    until(lambda: "Failed with result 'exit-code'." in said(site), LIMIT, lambda: said(site))
    assert re.search(r"Worker \(pid:\d+\) exited with code 3", said(site))


def test_what_cannot_be_deployed_is_said_and_changes_nothing(site: Site) -> None:
    usage = (1, "deploy: usage: deploy ENVIRONMENT, a folder with bin/gunicorn\n")
    assert deploy(site, f"{VENVS}/nothing") == usage
    assert site.server.run(DEPLOY, check=False).stdout == usage[1]
    lock = ["flock", "/run/lock/flask-site-deploy", DEPLOY, FIRST]
    done = site.server.run(*lock, check=False)
    assert (done.returncode, done.stdout) == (1, "deploy: another deploy is running\n")
    assert in_service(site) == FIRST


# What dies


def test_a_killed_worker_costs_at_most_what_it_was_doing(site: Site) -> None:
    with site.loaded() as load:
        load.wait(60)
        victim = min(pids(site)[UNITS[0]])
        site.server.run("kill", "-KILL", victim)
        load.wait(60)
    assert load.failures.keys() <= {"POST 502", *CUT}
    assert load.answers["POST 502"] <= 1  # there is one writer
    assert sum(load.answers[kind] for kind in CUT) <= 3  # and three readers
    assert site.lost(load) == []
    killed = f"Worker (pid:{victim}) was sent SIGKILL! Perhaps out of memory?"
    until(lambda: killed in said(site), LIMIT, lambda: said(site))


@pytest.mark.full
def test_a_killed_instance_costs_at_most_what_it_was_doing_and_comes_back(site: Site) -> None:
    with site.loaded() as load:
        load.wait(60)
        site.server.run("systemctl", "kill", "--signal=KILL", UNITS[0])
        load.wait(60)
    cut = sum(load.answers[kind] for kind in CUT)
    assert load.failures.keys() <= {"POST 502", *CUT}
    assert load.answers["POST 502"] + cut <= 4  # one request of each client
    assert site.lost(load) == []
    until(lambda: answers(site, 1), LIMIT, "it does not come back")


@pytest.mark.full
def test_an_instance_gets_requests_only_once_it_is_ready(site: Site) -> None:
    slow = "    __import__('time').sleep(2)\n"
    place = copied(site, "slow", "app", CREATE, CREATE + slow)
    site.server.run("ln", "-sfn", place, ENVIRONMENT)
    before = door(site)
    with site.loaded() as load:
        site.server.run("systemctl", "restart", "--no-block", UNITS[0])
        until(lambda: door(site)[0] not in ("", before[0]), LIMIT, "no new socket")
        assert door(site)[1] == "700"
        assert not answers(site, 1, "www-data")
        load.wait(60)
        until(lambda: door(site)[1] == "770", LIMIT, "it does not open")
        assert answers(site, 1, "www-data")
    assert_nothing_failed(site, load)


def door(site: Site) -> list[str]:
    """Tell which socket the first instance has, by its inode and the time it was made, and who may open it."""
    shown = site.server.run("stat", "--format=%i-%W %a", SOCKET.format(1), check=False)
    return shown.stdout.split() if shown.returncode == 0 else ["", ""]
