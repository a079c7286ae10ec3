"""The files of examples/deploy-kubernetes: what the schemas say of each, and what they must say together."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from guide import ROOT

FOLDER = ROOT / "examples/deploy-kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))


def read(name: str) -> dict:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


def validate(*files: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("kubernetes-validate")
    return subprocess.run([program, "--strict", *files], capture_output=True, text=True, timeout=60)


def test_every_file_is_what_the_schemas_allow() -> None:
    done = validate(*FILES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(FILES) == 6


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("deployment.yaml", "readinessProbe:", "readynessProbe:"),
        ("deployment.yaml", "replicas: 2", "replicas: two"),
        ("ingress.yaml", "pathType: Prefix", "pathTyp: Prefix"),
        ("disruption.yaml", "minAvailable: 1", "minimum: 1"),
        ("migrate.yaml", "backoffLimit: 3", "backoffLimit: three"),
        ("networkpolicy.yaml", "podSelector:", "podSelectors:"),
        ("service.yaml", "targetPort: http", "targetport: http"),
    ],
)
def test_a_mistake_is_noticed(file: str, right: str, wrong: str, tmp_path: Path) -> None:
    text = (FOLDER / file).read_text("utf-8")
    assert right in text
    (tmp_path / file).write_text(text.replace(right, wrong), "utf-8")
    assert validate(tmp_path / file).returncode == 1


def pods() -> dict[str, dict]:
    return {name: read(name)["spec"]["template"]["spec"] for name in ("deployment.yaml", "migrate.yaml")}


@pytest.mark.parametrize("name", ["deployment.yaml", "migrate.yaml"])
def test_no_container_may_more_than_it_needs(name: str) -> None:
    pod = pods()[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == {"memory"}


def test_the_pods_are_found_by_whoever_names_them() -> None:
    labels = read("deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    assert read("deployment.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert read("service.yaml")["spec"]["selector"] == labels
    assert read("disruption.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert read("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"] == labels
    [container] = pods()["deployment.yaml"]["containers"]
    [port] = container["ports"]
    assert [read("service.yaml")["spec"]["ports"][0]["targetPort"], port["name"]] == ["http", "http"]
    [spread] = pods()["deployment.yaml"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == labels
    backend = read("ingress.yaml")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": read("service.yaml")["metadata"]["name"], "port": {"name": "http"}}


def test_one_image_and_one_secret_for_the_site_and_its_migration() -> None:
    images = {container["image"] for pod in pods().values() for container in pod["containers"]}
    secrets = {repr(container["envFrom"]) for pod in pods().values() for container in pod["containers"]}
    assert images == {"registry.example.org/flask-site:1.0"}
    assert read("migrate.yaml")["metadata"]["name"] == "flask-site-migrate-1-0"  # a job of that release
    assert secrets == {"[{'secretRef': {'name': 'flask-site'}}]"}


def test_a_pod_that_ends_has_time_to_finish() -> None:
    settings: dict[str, object] = {}
    exec((ROOT / "examples/deploy-containers/gunicorn.conf.py").read_text("utf-8"), settings)
    pod = pods()["deployment.yaml"]
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] + settings["graceful_timeout"]
    assert waits < pod["terminationGracePeriodSeconds"]
    assert pod["containers"][0]["ports"][0]["containerPort"] == int(str(settings["bind"]).rpartition(":")[2])


def test_an_update_takes_no_pod_away_before_another_is_ready() -> None:
    spec = read("deployment.yaml")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert spec["replicas"] > read("disruption.yaml")["spec"]["minAvailable"]
    container = pods()["deployment.yaml"]["containers"][0]
    hosts = {tuple(container[probe]["httpGet"]["httpHeaders"][0].values()) for probe in container if "Probe" in probe}
    assert hosts == {("Host", "localhost")}
    trusted = {entry["name"]: entry["value"] for entry in container["env"]}["FLASK_SITE_TRUSTED_HOSTS"].split(",")
    assert {"localhost", read("ingress.yaml")["spec"]["rules"][0]["host"]} == set(trusted)
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_no_secret_stands_in_a_file() -> None:
    assert [file.name for file in FILES if yaml.safe_load(file.read_text("utf-8"))["kind"] == "Secret"] == []
