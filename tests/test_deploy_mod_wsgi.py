"""The example deploy-mod-wsgi on a Debian server: the site inside Apache, as its files set it up."""

import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
from support import deployments, probes, system
from support.deployments import HOME, Site
from support.flask_site import LIMIT
from support.waiting import until

SCRIPT = "/srv/flask-site/wsgi.py"
PLACES = {"wsgi.py": SCRIPT, "apache.conf": "/etc/apache2/sites-available/flask-site.conf"}
MODULE = "/srv/flask-site/venv/lib/python3.11/site-packages/flask_site/{}.py"
DAEMONS = ("ps", "-u", "flask-site", "-o", "pid=")
# What is answered, and why that does no harm.
KNOWN = {
    "spoofing: two slashes and a host": "Apache hands on what it has made of the path: that of the front page",
    "oversized: a chunk of 64 GB, announced": "mod_wsgi takes no chunks at all: 411 Length Required",
    "malformed: HTTP/9.9": "Apache answers as HTTP/1.1, and reads the request as that",
    "malformed: HTTP/2.0": "Apache answers as HTTP/1.1, and reads the request as that",
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    needs = ["debian-server", "apache"]
    for reason in system.lacking(needs):
        system.missing(reason, needs)
    with deployments.installed("deploy-mod-wsgi", start=()) as site:
        for file, target in PLACES.items():
            site.place(file, target)
        site.server.run("a2enmod", "--quiet", "wsgi", "headers")
        site.server.run("a2dissite", "--quiet", "000-default")
        site.server.run("a2ensite", "--quiet", "flask-site")
        site.server.run("systemctl", "start", "apache2")
        yield site


@pytest.fixture(autouse=True)
def _serving(site: Site) -> Iterator[None]:
    """Show what the site has said where a test fails, and run it for the next one."""
    yield
    if site.server.run("systemctl", "is-active", "apache2", check=False).stdout != "active\n":
        print(log(site)[-4000:])
        site.server.run("systemctl", "start", "apache2")


def log(site: Site) -> str:
    return site.server.run("cat", "/var/log/apache2/flask-site.log").stdout


def daemons(site: Site) -> set[str]:
    return set(site.server.run(*DAEMONS, check=False).stdout.split())


def reload(site: Site, check: bool = True) -> subprocess.CompletedProcess[str]:
    return site.server.run("sh", f"{site.folder}/reload", check=check)


@contextlib.contextmanager
def changed(site: Site, module: str, before: str, after: str) -> Iterator[None]:
    """Change a module of the installed application."""
    place = MODULE.format(module)
    good = site.server.run("cat", place).stdout
    assert before in good
    site.server.write(place, good.replace(before, after, 1))
    try:
        yield
    finally:
        site.server.write(place, good)


# The files


def test_apache_takes_the_files(site: Site) -> None:
    assert site.server.run("apache2ctl", "configtest").stdout.endswith("Syntax OK\n")


# What it answers


def test_pages_files_and_json(site: Site) -> None:
    page = site.ask("GET", "/")
    assert (page.status, page.headers.get_content_type()) == (200, "text/html")
    [style] = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
    assert (site.ask("GET", "/healthz").text, site.ask("GET", "/readyz").text) == ("ok\n", "ok\n")
    added = site.add("deployed")
    assert added.status == 201
    assert site.ask("GET", f"/api/packages/{added.json()['id']}").json()["name"] == "deployed"
    seen = log(site)
    file = site.ask("GET", style)
    assert (file.status, file.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert file.body == (site.server.root / f"{HOME[1:]}{style}").read_bytes()
    assert log(site) == seen, "a request for a file reached Python"


def test_a_host_that_is_not_the_sites_is_refused(site: Site) -> None:
    answer = site.ask("GET", "/", host="other.example")
    assert answer.status == 400
    assert b"other.example" not in answer.body


def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    assert site.ask("POST", "/api/packages", bytes(2**20 + 1), Content_Type="application/json").status == 413


def test_probes_are_refused(site: Site) -> None:
    found = probes.probe(site.connect, log=lambda: log(site))
    assert [finding for finding in found if finding.attack not in KNOWN] == []
    assert KNOWN.keys() - {finding.attack for finding in found} == set(), "these are refused: take them out of KNOWN"


def test_the_site_runs_in_two_processes_of_its_own_user(site: Site) -> None:
    assert len(daemons(site)) == 2


# Reloads


@pytest.mark.parametrize("times", [2, pytest.param(5, marks=pytest.mark.full)])
def test_touching_the_script_under_load_fails_no_request(site: Site, times: int) -> None:
    before = daemons(site)
    with site.loaded() as load:
        load.wait(50)
        for _ in range(times):
            site.server.run("touch", SCRIPT)
            load.wait(100)
    assert load.failures == {}
    assert load.answers["GET 200"] > 50 * times
    assert site.lost(load) == []
    until(lambda: not daemons(site) & before, LIMIT, "the old processes go on")


@pytest.mark.full
def test_a_graceful_restart_of_apache_under_load_loses_no_stored_write(site: Site) -> None:
    with site.loaded() as load:
        load.wait(50)
        for _ in range(3):
            site.server.run("systemctl", "reload", "apache2")
            load.wait(150)
    assert sum(load.failures.values()) <= 0.05 * load.answers.total()
    assert site.lost(load) == []


@pytest.mark.full
def test_the_reload_brings_the_installed_code(site: Site) -> None:
    with changed(site, "health", 'return _say("ok", 200)', 'return _say("well", 200)'):
        assert "as they should be" in reload(site).stdout
        until(lambda: site.ask("GET", "/healthz").text == "well\n", LIMIT, "the new code does not answer")
    reload(site)
    until(lambda: site.ask("GET", "/healthz").text == "ok\n", LIMIT, "the code of before does not answer")


def test_code_that_does_not_load_is_not_taken(site: Site) -> None:
    before = daemons(site)
    touched = site.server.run("stat", "--format=%y", SCRIPT).stdout
    with changed(site, "app", '"""The application factory', 'import nothing_of_this_name\n"""The application factory'):
        done = reload(site, check=False)
        assert done.returncode == 1
        assert "No module named 'nothing_of_this_name'" in done.stdout
        assert site.server.run("stat", "--format=%y", SCRIPT).stdout == touched
        assert daemons(site) == before
        assert {site.ask("GET", "/readyz").status for _ in range(8)} == {200}
        site.server.run("touch", SCRIPT)  # what happens without the check
        until(lambda: site.ask("GET", "/readyz").status == 500, LIMIT, "the broken code is not taken")
        assert "No module named 'nothing_of_this_name'" in log(site)
    site.server.run("touch", SCRIPT)
    until(lambda: {site.ask("GET", "/readyz").status for _ in range(8)} == {200}, LIMIT, "it does not come back")


@pytest.mark.full
@pytest.mark.parametrize(
    "end",
    [("touch", SCRIPT), ("systemctl", "reload", "apache2"), ("systemctl", "stop", "apache2")],
    ids=["touch", "reload", "stop"],
)
def test_a_request_in_flight_is_finished(site: Site, end: tuple[str, ...]) -> None:
    ending = threading.Thread(target=lambda: site.server.run(*end))
    with deployments.in_flight(site, f"in-flight-of-{end[-2].rpartition('/')[2]}") as answers:
        ending.start()
        time.sleep(deployments.ARRIVING)
        assert answers == [], "the write did not wait"
    ending.join(LIMIT)
    assert [answer.status for answer in answers] == [201]
    site.server.run("systemctl", "start", "apache2")
    assert site.ask("GET", f"/api/packages/{answers[0].json()['id']}").status == 200


# Who may do what


def test_the_site_may_not_change_its_code_and_apache_not_read_its_settings(site: Site) -> None:
    assert site.server.run("touch", MODULE.format("app"), user="flask-site", check=False).returncode == 1
    assert site.server.run("cat", "/etc/flask-site/env", user="www-data", check=False).returncode == 1


@pytest.mark.full
def test_without_settings_no_request_is_answered_and_the_log_says_why(site: Site) -> None:
    site.server.run("mv", "/etc/flask-site/env", "/etc/flask-site/away")
    assert reload(site, check=False).returncode == 1
    site.server.run("touch", SCRIPT)
    until(lambda: site.ask("GET", "/readyz").status == 500, LIMIT, "it is answered without settings")
    assert "FLASK_SITE_SECRET_KEY: Field required" in log(site)
    site.server.run("mv", "/etc/flask-site/away", "/etc/flask-site/env")
    site.server.run("touch", SCRIPT)
    until(lambda: {site.ask("GET", "/readyz").status for _ in range(8)} == {200}, LIMIT, "it does not come back")
