"""What the tests of deployments share: a server with the application, wheels of other releases, a load that counts."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from guide import archive
from support import deployments
from support.deployments import Site, changed
from support.system import lacking, missing

EXAMPLE = "deploy-gunicorn-nginx"
LOST = ("ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected", "BrokenPipeError", "IncompleteRead")
DELETE = """
import sqlite3, sys
connection = sqlite3.connect("/var/lib/flask-site/flask-site.db")
connection.execute("DELETE FROM packages WHERE id = ?", sys.argv[1:])
connection.commit()
"""
UNIT = f"""
[Service]
EnvironmentFile=/etc/flask-site/env
ExecStart={deployments.ENVIRONMENT}/bin/flask-site serve --port 80
"""


@pytest.fixture(scope="module")
def wheel() -> Path:
    return archive.wheel("flask-site")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    for reason in lacking(["debian-server"]):
        missing(reason, ["debian-server"])
    with deployments.installed(EXAMPLE, start=(), LOG_LEVEL="WARNING") as site:
        yield site


def serve(site: Site) -> None:
    """Serve on port 80 with the application's own command, and nothing in front of it."""
    site.server.write("/etc/systemd/system/site.service", UNIT)
    site.server.run("systemctl", "restart", "site")
    retry = "--retry 50 --retry-connrefused --retry-delay 1 --silent --fail --header Host:localhost".split()
    site.server.run("curl", *retry, "http://127.0.0.1/readyz")


def test_another_release_is_a_whole_wheel_that_says_which_it_is(wheel: Path, tmp_path: Path) -> None:
    other = tmp_path / "flask_site-1.1-py3-none-any.whl"
    other.write_bytes(changed(wheel, "1.1", {"health": ('"ok"', '"well"')}))
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(other) as two:
        renamed = {name.replace("flask_site-1.0.", "flask_site-1.1.") for name in one.namelist()}
        assert set(two.namelist()) == renamed
        rows = list(csv.reader(io.StringIO(two.read("flask_site-1.1.dist-info/RECORD").decode())))
        assert {row[0] for row in rows} == renamed
        assert b"\nVersion: 1.1\n" in two.read("flask_site-1.1.dist-info/METADATA")
        assert b'"well"' in two.read("flask_site/health.py")


@pytest.mark.parametrize("changes", [{"health": ("not there", "")}, {"no_such_module": ("a", "b")}])
def test_a_release_that_would_change_nothing_is_refused(wheel: Path, changes: dict[str, tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match=r"^flask_site-1\.0-py3-none-any\.whl"):
        changed(wheel, "1.1", changes)


def test_a_load_counts_what_fails_and_what_is_lost(site: Site) -> None:
    serve(site)
    server = site.server
    assert site.ask("GET", "/readyz").text == "ok\n"
    assert site.ask("GET", "/", host="other.example").status == 400
    with site.loaded() as load:
        load.wait(60)
    assert load.failures == {}
    assert load.answers.keys() == {"GET 200", "POST 201"}
    assert len(load.stored) == load.answers["POST 201"] > 0
    assert site.lost(load) == []
    with site.loaded() as load:
        load.wait(40)
        server.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "site")
        load.wait(20)
    assert load.failures.keys() <= {f"{method} {kind}" for method in ("GET", "POST") for kind in LOST}
    assert sum(load.failures.values()) >= 20
    serve(site)
    assert site.lost(load) == []
    first = min(load.stored)
    server.run("/usr/bin/python3", "-c", DELETE, str(first), user="flask-site")
    assert site.lost(load) == [load.stored[first]]


@pytest.mark.full
def test_another_release_is_installed_beside_the_first(site: Site) -> None:
    site.environment("/srv/flask-site/other", site.release("1.1"))
    versions = [
        site.server.run(f"{place}/bin/flask-site", "--version").stdout
        for place in (deployments.ENVIRONMENT, "/srv/flask-site/other")
    ]
    assert versions == ["flask-site, version 1.0\n", "flask-site, version 1.1\n"]
    assert site.command("check") == "Settings, database, migrations and static files are as they should be.\n"
