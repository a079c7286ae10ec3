"""The example deploy-uwsgi-nginx on a Debian server: uWSGI and nginx, as its files set them up."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from support import deployments, probes, system
from support.deployments import ENVIRONMENT, HOME, Site
from support.flask_site import LIMIT
from support.waiting import until
from uv import find_uv_bin

INI = "/etc/flask-site/uwsgi.ini"
SOCKET = "/run/flask-site/uwsgi.sock"
DATABASE = "/var/lib/flask-site/flask-site.db"
PLACES = {
    "uwsgi.ini": INI,
    "systemd/flask-site.service": "/etc/systemd/system/flask-site.service",
    "nginx/flask-site": "/etc/nginx/sites-available/flask-site",
}
# What is answered, and why that does no harm.
KNOWN = {
    "spoofing: two slashes and a host": "nginx hands on what it has made of the path: that of the front page",
}
WORKERS = 2
BROKEN = ("def create_app(", "def create_app((")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    needs = ["debian-server", "nginx"]
    for reason in system.lacking(needs):
        system.missing(reason, needs)
    with deployments.installed("deploy-uwsgi-nginx") as site:
        for file, target in PLACES.items():
            site.place(file, target)
        enabled = "/etc/nginx/sites-enabled"
        site.server.run("ln", "-s", PLACES["nginx/flask-site"], f"{enabled}/flask-site")
        site.server.run("rm", f"{enabled}/default")
        site.server.run("systemctl", "start", "flask-site")
        site.server.run("systemctl", "restart", "nginx")
        yield site


@pytest.fixture(autouse=True)
def _serving(site: Site) -> Iterator[None]:
    """Show what the site has said where a test fails, and run it for the next one."""
    yield
    if site.server.run("systemctl", "is-active", "flask-site", check=False).stdout != "active\n":
        print(log(site)[-4000:])
        site.server.run("systemctl", "restart", "flask-site")


def log(site: Site) -> str:
    return site.server.run("journalctl", "--unit=flask-site", "--output=cat").stdout


def install(site: Site, wheel: str) -> None:
    """Put another release into the environment that is in use."""
    uv = [find_uv_bin(), "--no-config", "--no-cache", "--quiet", "pip", "install", "--no-deps", "--offline"]
    where = ["--python", f"{ENVIRONMENT}/bin/python", "--link-mode", "copy", "--reinstall"]
    site.server.run(*uv, *where, f"{site.folder}/wheels/{wheel}")


def wait_for_release(site: Site, version: str) -> None:
    until(
        lambda: site.ask("GET", "/healthz").headers["X-Release"] == version, LIMIT, f"release {version} does not answer"
    )


# The files


def test_nginx_and_systemd_take_the_files(site: Site) -> None:
    assert "syntax is ok" in site.server.run("nginx", "-t").stdout
    assert site.server.run("systemd-analyze", "verify", PLACES["systemd/flask-site.service"]).stdout == ""


def test_a_misspelt_option_stops_the_start(site: Site) -> None:
    wrong = "/home/reader/wrong.ini"
    text = (site.server.root / INI[1:]).read_text("utf-8")
    site.server.write(wrong, text.replace("harakiri =", "harakirri ="))
    done = site.server.run(f"{ENVIRONMENT}/bin/uwsgi", "--ini", wrong, check=False, user="flask-site")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "[strict-mode] unknown config directive: harakirri"


# What it answers


def test_pages_files_and_json(site: Site) -> None:
    page = site.ask("GET", "/")
    assert (page.status, page.headers.get_content_type()) == (200, "text/html")
    [style] = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
    assert (site.ask("GET", "/healthz").text, site.ask("GET", "/readyz").text) == ("ok\n", "ok\n")
    added = site.add("deployed")
    assert added.status == 201
    stored = site.ask("GET", f"/api/packages/{added.json()['id']}")
    assert (stored.status, stored.json()["name"]) == (200, "deployed")
    seen = log(site)
    file = site.ask("GET", style)
    assert (file.status, file.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert file.body == (site.server.root / f"{HOME[1:]}{style}").read_bytes()
    assert log(site) == seen, "a request for a file reached Python"


def test_a_host_that_is_not_the_sites_gets_no_answer(site: Site) -> None:
    for door in (site, site.over_ipv6()):
        assert door.ask("GET", "/").status == 200
        with pytest.raises(ConnectionError):
            door.ask("GET", "/", host="other.example")


def test_headers_as_large_as_nginx_lets_through_reach_the_site(site: Site) -> None:
    large = {name: 8000 * "x" for name in ("Cookie", "X_First", "X_Second")}
    assert site.ask("GET", "/healthz", **large).status == 200
    assert site.ask("GET", "/healthz", Cookie=9000 * "x").status == 400


def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    json = {"Content_Type": "application/json"}
    assert site.ask("POST", "/api/packages", bytes(2**20 + 1), **json).status in (401, 413)  # by the site
    assert site.ask("POST", "/api/packages", bytes(2**21 + 1), **json).status == 413  # by nginx


def test_probes_are_refused(site: Site) -> None:
    found = probes.probe(site.connect, log=lambda: log(site))
    assert [finding for finding in found if finding.attack not in KNOWN] == []
    assert KNOWN.keys() - {finding.attack for finding in found} == set(), "these are refused: take them out of KNOWN"


# Who may do what


def test_nginx_may_use_the_socket_and_nobody_else(site: Site) -> None:
    assert site.server.run("stat", "--format=%U %G %a", SOCKET).stdout == "flask-site www-data 660\n"
    ask = f"import socket; socket.socket(socket.AF_UNIX).connect('{SOCKET}')"
    allowed = {
        user: site.server.run("python3", "-c", ask, user=user, check=False).returncode == 0
        for user in ("www-data", "reader")
    }
    assert allowed == {"www-data": True, "reader": False}


def test_settings_are_the_sites_and_code_is_roots(site: Site) -> None:
    for user in ("www-data", "reader"):
        assert site.server.run("cat", "/etc/flask-site/env", user=user, check=False).returncode != 0
    assert site.server.run("cat", "/etc/flask-site/env", user="flask-site").stdout != ""
    assert site.server.run("touch", f"{HOME}/written", user="flask-site", check=False).returncode != 0
    assert {process.uids().real for process in processes(site)} == {
        int(site.server.run("id", "-u", "flask-site").stdout)
    }


def processes(site: Site) -> list[psutil.Process]:
    """Wait for the two workers, and give the master of uWSGI, then them."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(site.server.pid).children(recursive=True):
                if process.cmdline()[1:2] == [f"{ENVIRONMENT}/bin/uwsgi"] and len(process.children()) == WORKERS:
                    return [process, *process.children()]
        time.sleep(0.05)
    raise AssertionError(f"uWSGI does not have {WORKERS} workers")


# Reload and stop


@pytest.mark.parametrize("times", [1, pytest.param(6, marks=pytest.mark.full)])
def test_no_request_fails_while_a_release_replaces_another(site: Site, times: int) -> None:
    releases = [f"1.{number}" for number in range(1, times + 1)]
    wheels = [site.release(version) for version in releases]
    with site.loaded() as load:
        for version, wheel in zip(releases, wheels, strict=True):
            load.wait(60)
            install(site, wheel)
            site.server.run("systemctl", "reload", "flask-site")
            wait_for_release(site, version)
        load.wait(60)
    assert load.failures == {}
    assert load.answers["POST 201"] > 20 * times
    assert site.lost(load) == []


def test_code_that_is_broken_does_not_take_the_place_of_code_that_runs(site: Site) -> None:
    good, broken = site.release("3.0"), site.release("3.1", app=BROKEN)
    install(site, good)
    site.server.run("systemctl", "reload", "flask-site")
    wait_for_release(site, "3.0")
    before = processes(site)
    with site.loaded() as load:
        load.wait(40)
        install(site, broken)
        assert site.server.run("systemctl", "reload", "flask-site", check=False).returncode == 1
        load.wait(40)
    install(site, good)
    assert load.failures == {}
    assert processes(site) == before
    assert site.ask("GET", "/").headers["X-Release"] == "3.0"
    assert "SyntaxError" in log(site)


def reload(site: Site) -> None:
    site.server.run("systemctl", "kill", "--kill-who=main", "--signal=HUP", "flask-site")
    time.sleep(deployments.ARRIVING)


def stop(site: Site) -> None:
    site.server.run("systemctl", "stop", "--no-block", "flask-site")
    time.sleep(deployments.ARRIVING)  # the signal is there, and what is not graceful has happened


@pytest.mark.parametrize("end", [pytest.param(reload, marks=pytest.mark.full), stop])
def test_a_request_that_has_begun_is_finished(site: Site, end: Callable[[Site], None]) -> None:
    assert site.ask("GET", "/healthz").status == 200  # a worker is there to take the write
    before = processes(site)
    with deployments.in_flight(site, f"in-flight-of-{end.__name__}") as answers:
        end(site)
        assert answers == [], "the write did not wait"
    assert [answer.status for answer in answers] == [201]
    assert psutil.wait_procs(before[1:], timeout=LIMIT)[1] == []
    if end is stop:
        assert psutil.wait_procs(before[:1], timeout=LIMIT)[1] == []
        assert site.server.run("systemctl", "show", "flask-site", "-p", "Result", "--value").stdout == "success\n"
        assert not (site.server.root / SOCKET[1:]).exists()
        site.server.run("systemctl", "start", "flask-site")
    assert site.ask("GET", f"/api/packages/{answers[0].json()['id']}").status == 200


def test_a_worker_that_is_killed_is_replaced(site: Site) -> None:
    master, *workers = processes(site)
    workers[0].kill()
    psutil.wait_procs(workers[:1], timeout=LIMIT)
    assert site.ask("GET", "/healthz").status == 200
    assert (processes(site)[0], workers[1] in processes(site), workers[0] in processes(site)) == (master, True, False)


def test_a_worker_that_gets_sigterm_drops_its_request(site: Site) -> None:
    # This is why the unit has `KillMode=mixed`: else systemd sends it to all processes, and `stop` drops requests.
    with deployments.in_flight(site, "dropped") as answers:
        workers = processes(site)[1:]
        for worker in workers:
            worker.terminate()
        assert psutil.wait_procs(workers, timeout=LIMIT)[1] == []  # else one takes a request of the next test
    assert [answer.status for answer in answers] == [502]
