"""Servers of the tests' own: systemd runs, files and ports are theirs, and nothing stays when they stop."""

from pathlib import Path

import psutil
import pytest
from support import debian
from support.sandbox import SERVICES
from support.system import missing

HELLO = """
[Service]
ExecStart=/usr/bin/python3 -m http.server 80
"""


@pytest.fixture(autouse=True)
def permitted() -> None:
    if reason := debian.lacking():
        missing(reason, ["debian-server"])


def test_systemd_runs_a_service_and_what_is_written_stays_there() -> None:
    with debian.server("one") as server:
        server.write("/etc/systemd/system/hello-of-tests.service", HELLO)
        server.run("systemctl", "start", "hello-of-tests")
        assert server.run("systemctl", "is-active", "hello-of-tests").stdout == "active\n"
        assert server.run("hostname", user="reader").stdout == "one\n"
        assert server.run("sudo", "id", "--user", user="reader").stdout == "0\n"
        assert server.run("systemctl", "is-system-running").stdout == "running\n"
        running = psutil.Process(server.pid).children(recursive=True)
        assert "/usr/bin/python3" in {process.cmdline()[0] for process in running if process.cmdline()}
    assert not Path("/etc/systemd/system/hello-of-tests.service").exists()
    assert psutil.wait_procs(running, timeout=5)[1] == []


def test_a_file_is_replaced_whole_and_stays_who_it_was() -> None:
    with debian.server() as server:
        server.write("/srv/new/file", "one\n", user="root")
        server.run("chown", "reader:adm", "/srv/new/file")
        server.run("chmod", "640", "/srv/new/file")
        server.run("ln", "-s", "/srv/new/file", "/srv/link")
        with (server.root / "srv/new/file").open() as reading:
            server.write("/srv/link", "two\n")
            assert reading.read() == "one\n"
        shown = server.run("stat", "--format=%A %U %G", "/srv/new/file").stdout
        assert (shown, server.run("cat", "/srv/link").stdout) == ("-rw-r----- reader adm\n", "two\n")
        assert server.run("ls", "--almost-all", "/srv/new").stdout == "file\n"


def test_a_reload_of_nginx_is_over_when_the_command_is() -> None:
    site = "server {{ listen 80; location = / {{ return 200 {}; }} }}\n"
    with debian.server(start=["nginx"]) as server:
        for number in range(10):
            server.write("/etc/nginx/sites-available/default", site.format(number))
            server.run("systemctl", "reload", "nginx")
            assert server.run("curl", "--silent", "http://localhost/").stdout == str(number)
        server.write("/etc/nginx/sites-available/default", "no such word;\n")
        assert server.run("systemctl", "reload", "nginx", check=False).returncode == 1
        assert server.run("curl", "--silent", "http://localhost/").stdout == "9"


def test_the_journal_has_all_that_was_said() -> None:
    with debian.server() as server:
        pid = server.run("pidof", "systemd-journald").stdout.strip()
        server.run("sh", "-c", f"kill -STOP {pid}; (sleep 1; kill -CONT {pid}) > /dev/null 2>&1 &")
        server.run("systemd-cat", "--identifier=said", "echo", "late")
        assert server.run("journalctl", "--identifier=said", "--output=cat").stdout == "late\n"


def test_two_servers_have_the_same_port_each() -> None:
    with debian.server("one", start=["nginx"]) as one, debian.server("two") as two:
        assert (one.listens(80), two.listens(80)) == (True, False)
        assert not one.listens(81)


def test_a_unit_has_no_processes_of_another_server() -> None:
    with debian.server("one") as one, debian.server("two") as two:
        for server in (one, two):
            server.write("/etc/systemd/system/hello-of-tests.service", HELLO)
            server.run("systemctl", "start", "hello-of-tests")
        main = one.run("systemctl", "show", "hello-of-tests", "--property=MainPID", "--value").stdout
        assert one.run("cat", "/sys/fs/cgroup/system.slice/hello-of-tests.service/cgroup.procs").stdout == main


def test_a_failing_command_is_a_failure_and_shows_what_it_printed() -> None:
    with debian.server() as server, pytest.raises(AssertionError, match=r"exit status 2\n.*No such file"):
        server.run("ls", "/no/such/folder")


def test_every_service_is_one_of_debian() -> None:
    with debian.server() as server:
        for service in SERVICES.values():
            assert server.run("systemctl", "is-active", service, check=False).stdout == "inactive\n"
            server.run("systemctl", "start", service)
            server.run("systemctl", "stop", service)
