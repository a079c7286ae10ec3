"""The example deploy-waitress on a Debian server: waitress twice behind nginx, as its files set it up."""

import contextlib
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
from support import deployments, probes, system
from support.deployments import CUT, HOME, Site
from support.flask_site import LIMIT
from support.waiting import until

PLACES = {
    "flask-site@.service": "/etc/systemd/system/flask-site@.service",
    "raw-wsgi.service": "/etc/systemd/system/raw-wsgi.service",
    "nginx.conf": "/etc/nginx/sites-available/flask-site",
}
UNITS = ("flask-site@8001", "flask-site@8002", "raw-wsgi")
INSTANCES = UNITS[:2]
RAW = "raw-wsgi.example"
MODULE = "/srv/flask-site/venv/lib/python3.11/site-packages/flask_site/app.py"
BOTH = (  # a length and chunks: whoever reads by the length finds one request here, by the chunks two
    b"POST /api/hello HTTP/1.1\r\nHost: raw-wsgi.example\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\nGET /api/hello?name=Second HTTP/1.1\r\nHost: raw-wsgi.example\r\nConnection: close\r\n\r\n"
)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    needs = ["debian-server", "nginx"]
    for reason in system.lacking(needs):
        system.missing(reason, needs)
    with deployments.installed("deploy-waitress") as site:
        for file, target in PLACES.items():
            site.place(file, target)
        site.server.run("ln", "-s", PLACES["nginx.conf"], "/etc/nginx/sites-enabled/flask-site")
        site.server.run("rm", "/etc/nginx/sites-enabled/default")
        site.server.run("systemctl", "start", *UNITS)
        site.server.run("systemctl", "restart", "nginx")
        yield site


@pytest.fixture(autouse=True)
def _serving(site: Site) -> Iterator[None]:
    """Let the next test find all that is to run, and show the log where a test fails."""
    yield
    for unit in UNITS:
        if site.server.run("systemctl", "is-active", unit, check=False).stdout != "active\n":
            print(log(site, unit)[-4000:])
            site.server.run("systemctl", "restart", unit)


def log(site: Site, unit: str = "flask-site@*") -> str:
    return site.server.run("journalctl", f"--unit={unit}", "--output=cat").stdout


def shown(site: Site, unit: str, name: str) -> str:
    return site.server.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()


def restart(site: Site, check: bool = True) -> subprocess.CompletedProcess[str]:
    return site.server.run("sh", f"{site.folder}/restart", check=check)


def direct(site: Site, port: int, request: bytes) -> bytes:
    """Send bytes to a server behind nginx, and give what it says until it closes."""
    connection = site.server.in_network(lambda: socket.create_connection(("127.0.0.1", port), LIMIT))
    with connection, connection.makefile("rb") as stream:
        connection.sendall(request)
        return stream.read()


@contextlib.contextmanager
def broken(site: Site) -> Iterator[None]:
    """Let the installed application fail where it is imported."""
    good = site.server.run("cat", MODULE).stdout
    site.server.write(MODULE, "import nothing_of_this_name\n")
    try:
        yield
    finally:
        site.server.write(MODULE, good)


# The files


def test_nginx_and_systemd_take_the_files(site: Site) -> None:
    assert "syntax is ok" in site.server.run("nginx", "-t").stdout
    units = [target for target in PLACES.values() if target.endswith(".service")]
    assert site.server.run("systemd-analyze", "verify", *units).stdout == ""


# What they answer


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
    assert site.ask("GET", "/api/hello?name=Ada", host=RAW).json() == {"greeting": "Hello, Ada"}


def test_both_instances_answer(site: Site) -> None:
    for port in (8001, 8002):
        assert direct(site, port, b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n").endswith(b"ok\n")


def test_another_host_gets_no_answer(site: Site) -> None:
    for door in (site, site.over_ipv6()):
        assert door.ask("GET", "/").status == 200
        with pytest.raises(ConnectionError):
            door.ask("GET", "/", host="other.example")


@pytest.mark.parametrize(("host", "post"), [(deployments.HOST, "/packages/add"), (RAW, "/hello")])
def test_probes_are_refused(site: Site, host: str, post: str) -> None:
    seen = (lambda: log(site)) if host == deployments.HOST else None  # raw-wsgi logs nothing under waitress-serve
    assert probes.probe(site.connect, host=host, post=post, log=seen) == []


def test_waitress_alone_takes_a_length_with_chunks_and_nginx_does_not(site: Site) -> None:
    assert b'"Hello, Second"' in direct(site, 8003, BOTH)
    answer = direct(site, 80, BOTH)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Second" not in answer


def test_what_a_client_says_of_a_proxy_is_replaced(site: Site) -> None:
    site.ask("GET", "/healthz?seen", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
    assert "203.0.113.9" not in log(site)
    assert "Strict-Transport-Security" not in site.ask("GET", "/", X_Forwarded_Proto="https").headers


# Restarts


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.full)])
def test_a_restart_of_both_loses_no_get_and_no_stored_write(site: Site, times: int) -> None:
    before = [shown(site, unit, "MainPID") for unit in INSTANCES]
    with site.loaded() as load:
        load.wait(50)
        for _ in range(times):
            assert "flask-site@8002 is ready\n" in restart(site).stdout
            load.wait(30)
    after = [shown(site, unit, "MainPID") for unit in INSTANCES]
    assert not set(before) & set(after)
    assert load.failures.keys() <= {"POST 502"}, "nginx may not send a POST a second time"
    assert load.failures.get("POST 502", 0) <= 5 * times
    assert load.answers["GET 200"] > 100 * times
    assert site.lost(load) == []


def test_an_instance_that_is_killed_costs_at_most_what_it_was_doing(site: Site) -> None:
    pid = shown(site, UNITS[0], "MainPID")
    with site.loaded() as load:
        load.wait(50)
        site.server.run("systemctl", "kill", "--signal=KILL", UNITS[0])
        load.wait(150)
    assert load.failures.keys() <= {"POST 502", *CUT}
    assert sum(load.failures.values()) <= 4  # one request of each client
    assert site.lost(load) == []
    until(
        lambda: shown(site, UNITS[0], "ActiveState") == "active" and shown(site, UNITS[0], "MainPID") != pid,
        LIMIT,
        "systemd does not start it again",
    )


def test_code_that_does_not_load_is_noticed_before_anything_is_restarted(site: Site) -> None:
    before = [shown(site, unit, "MainPID") for unit in INSTANCES]
    with broken(site):
        done = restart(site, check=False)
        assert done.returncode == 1
        assert "No module named 'nothing_of_this_name'" in done.stdout
        assert [shown(site, unit, "MainPID") for unit in INSTANCES] == before


def test_an_instance_that_does_not_come_back_leaves_the_site_up(site: Site) -> None:
    with broken(site):
        start = time.monotonic()
        assert site.server.run("systemctl", "restart", UNITS[0], check=False).returncode == 1
        assert time.monotonic() - start < 15, "the failure was noticed late"
        assert {site.ask("GET", "/").status for _ in range(8)} == {200}
        assert shown(site, UNITS[1], "ActiveState") == "active"
        site.server.run("systemctl", "stop", UNITS[0])


@pytest.mark.full
@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_a_request_in_flight_is_finished(site: Site, verb: str) -> None:
    before = [shown(site, unit, "MainPID") for unit in INSTANCES]
    ending = threading.Thread(target=lambda: site.server.run("systemctl", verb, *INSTANCES))
    with deployments.in_flight(site, f"in-flight-of-{verb}") as answers:
        ending.start()
        time.sleep(deployments.ARRIVING)
        assert answers == [], "the write did not wait"
    ending.join(LIMIT)
    assert [answer.status for answer in answers] == [201]
    assert [shown(site, unit, "MainPID") in before for unit in INSTANCES] == [False, False]
    if verb == "stop":
        assert [shown(site, unit, "Result") for unit in INSTANCES] == ["success", "success"]
        site.server.run("systemctl", "start", *INSTANCES)
    assert site.ask("GET", f"/api/packages/{answers[0].json()['id']}").status == 200


def test_raw_wsgi_ends_in_order(site: Site) -> None:
    told = "[Service]\nExecStopPost=sh -c 'echo ended: $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS'\n"
    site.server.write(f"/run/systemd/system/{UNITS[2]}.service.d/told.conf", told)
    site.server.run("systemctl", "daemon-reload")
    site.server.run("systemctl", "stop", UNITS[2])
    said = site.server.run("journalctl", "--unit", UNITS[2], "--output", "cat").stdout
    assert "ended: success exited 0\n" in said, "success killed TERM: it was cut off"
    assert site.ask("GET", "/", host=RAW).status == 502
    assert site.ask("GET", "/readyz").status == 200


# Who may do what


def test_the_service_may_not_change_its_code_and_others_not_read_its_settings(site: Site) -> None:
    assert site.server.run("touch", MODULE, user="flask-site", check=False).returncode == 1
    assert site.server.run("cat", "/etc/flask-site/env", user="www-data", check=False).returncode == 1
    assert site.server.run("ls", "/var/lib/flask-site", user="www-data", check=False).returncode == 2
