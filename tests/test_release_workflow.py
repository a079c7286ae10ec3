"""The workflow that greeting-library publishes with: its build runs here, its upload is held against rules."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from guide import ROOT, archive
from guide.page import parse
from support import pythons
from support.workflows import zizmor
from support.workshop import LIMIT, Workshop
from uv import find_uv_bin

EXAMPLE = "greeting-library"
FILE = ".github/workflows/release.yml"
WORKFLOW = ROOT / "examples" / EXAMPLE / FILE
PAGE = ROOT / "docs/publishing/publish-to-pypi.md"
TEXT = WORKFLOW.read_text(encoding="utf-8")
UPLOADER = "pypa/gh-action-pypi-publish"
VERSION = tomllib.loads((ROOT / "examples" / EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]["version"]
PUBLISH_JOB = {
    "name": "Publish to PyPI",
    "needs": "build",
    "runs-on": "ubuntu-24.04",
    "timeout-minutes": 15,
    "environment": "pypi",
    "permissions": {"id-token": "write"},
}


# The rules


def faults(text: str) -> list[str]:
    """Say what is wrong with the text of a release workflow."""
    workflow = yaml.safe_load(text)
    build, publish = (workflow["jobs"].get(name, {}) for name in ("build", "publish"))
    handed, taken, uploaded = _with(build, -1), _with(publish, 0), _with(publish, -1)
    rules = {
        "it runs on something else than a tag": workflow[True] == {"push": {"tags": ["v*"]}},  # YAML reads `on` as true
        "the workflow itself has permissions": workflow.get("permissions") == {},
        "there are other jobs than build and publish": list(workflow["jobs"]) == ["build", "publish"],
        "build may do more than read": build.get("permissions") == {"contents": "read"},
        "publish is not what it is to be": {k: v for k, v in publish.items() if k != "steps"} == PUBLISH_JOB,
        "publish does more than take and upload": _actions(publish) == ["actions/download-artifact", UPLOADER],
        "the build's last step does not hand over": _actions(build)[-1:] == ["actions/upload-artifact"],
        "the files are lost between the jobs": handed.get("name") == taken.get("name") == "dist",
        "the files are elsewhere than the uploader looks": handed.get("path") == taken.get("path") == "dist/",
        "there are no attestations": uploaded == {"attestations": True},
        "it has a secret": not re.search(r"secrets|password|token(?!: write)", text, re.IGNORECASE),
        "an action is not pinned": all(
            re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in text.splitlines() if "uses:" in line
        ),
    }
    return [fault for fault, kept in rules.items() if not kept]


def _with(job: dict, step: int) -> dict:
    return job.get("steps", [{}])[step].get("with", {})


def _actions(job: dict) -> list[str]:
    """The actions of a job without their pins; what is no action is the word run."""
    return [step.get("uses", "run").split("@")[0] for step in job.get("steps", [])]


def test_the_workflow_keeps_the_rules() -> None:
    assert faults(TEXT) == []


def test_zizmor_finds_nothing() -> None:
    assert zizmor(WORKFLOW.parent) == []


def test_its_pins_are_those_of_this_repository() -> None:
    own = "".join(path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml"))
    pins = {name: pin for name, pin in re.findall(r"uses: (\S+)@(.*)", TEXT) if name != UPLOADER}
    assert pins == {name: pin for name, pin in re.findall(r"uses: (\S+)@(.*)", own) if name in pins}


def test_the_page_shows_the_whole_workflow() -> None:
    shown = [fence for fence in parse(PAGE).fences if fence.language == "yaml"]
    assert ["\n".join(fence.text).rstrip() for fence in shown if fence.included] == [TEXT.rstrip()]


# and they are seen to fail.

BREAKAGES = {
    "every push": ('    tags: ["v*"]', "    branches: [main]", "it runs on something else than a tag"),
    "permissions for all": ("permissions: {}", "permissions: write-all", "the workflow itself has permissions"),
    "a job more": ("  publish:\n", "  other: {}\n  publish:\n", "there are other jobs than build and publish"),
    "a build that may upload": (
        "      contents: read",
        "      id-token: write\n      contents: read",
        "build may do more than read",
    ),
    "an upload that may write": (
        "      id-token: write",
        "      contents: write\n      id-token: write",
        "publish is not what it is to be",
    ),
    "no environment": ("    environment: pypi\n", "", "publish is not what it is to be"),
    "an upload that waits for nothing": ("    needs: build\n", "", "publish is not what it is to be"),
    "a command beside the upload": (
        "      - name: Upload them",
        "      - run: python setup.py\n      - name: Upload them",
        "publish does more than take and upload",
    ),
    "a step after the last": (
        "          if-no-files-found: error\n",
        "          if-no-files-found: error\n      - run: date\n",
        "the build's last step does not hand over",
    ),
    "files under two names": (
        "          name: dist\n",
        "          name: wheels\n",
        "the files are lost between the jobs",
    ),
    "files elsewhere": ("          path: dist/\n", "          path: out/\n", "the files are elsewhere"),
    "no attestations": ("attestations: true", "attestations: false", "there are no attestations"),
    "a password": ("attestations: true", "password: ${{ secrets.PYPI }}", "it has a secret"),
    "a moving action": (r"@dc[0-9a-f]{38} # v1.14.2", "@release/v1", "an action is not pinned"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_workflow_is_found(name: str) -> None:
    pattern, replacement, fault = BREAKAGES[name]
    broken = re.sub(pattern if "[0-9" in pattern else re.escape(pattern), lambda _: replacement, TEXT, count=1)
    assert broken != TEXT
    assert [found for found in faults(broken) if found.startswith(fault)]


# The build runs.


class Checkout:
    """The download of the example, as the runner checks it out, with the Python that a workflow sets up."""

    def __init__(self, folder: Path, index_url: str) -> None:
        self.folder = archive.unpack(EXAMPLE, folder)
        self.workshop = Workshop(folder / "workshop", index_url)
        bin_folder = folder / "python/bin"
        seeded = ["venv", "--quiet", "--seed", "--python", pythons.reference().path, folder / "python"]
        self.workshop.run(find_uv_bin(), *seeded, cwd=folder)
        self.workshop.environment["PATH"] = f"{bin_folder}{os.pathsep}{os.defpath}"
        self.steps = {
            step["name"]: step["run"]
            for step in yaml.safe_load((self.folder / FILE).read_text(encoding="utf-8"))["jobs"]["build"]["steps"]
            if "run" in step
        }

    def run(self, step: str, tag: str = f"v{VERSION}") -> subprocess.CompletedProcess:
        """Run a step by its name, as GitHub does: `bash -e` in the checkout."""
        environment = self.workshop.environment | {"CI": "true", "GITHUB_REF_NAME": tag}
        command = ["bash", "-e", "-c", self.steps[step]]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )


def test_the_build_checks_both_files_and_ends_with_them(tmp_path: Path, index_url: str) -> None:
    checkout = Checkout(tmp_path, index_url)
    printed = []
    for step in checkout.steps:
        done = checkout.run(step)
        assert done.returncode == 0, f"{step}: {done.stdout}{done.stderr}"
        printed.append(done.stdout)
    _, compared, checked, tested = printed

    wheel, sdist = (f"greeting_library-{VERSION}{end}" for end in ("-py3-none-any.whl", ".tar.gz"))
    assert sorted(path.name for path in (checkout.folder / "dist").iterdir()) == [wheel, sdist]
    assert compared == f"dist/{sdist}\n"
    assert checked.count("PASSED") == 2
    assert re.search(r"=+ \d+ passed in [\d.]+s =+$", tested)
    where = "import greeting_library; print(greeting_library.__file__)"
    (found,) = checkout.workshop.run("fresh/bin/python", "-c", where, cwd=checkout.folder).splitlines()
    assert Path(found).is_relative_to(checkout.folder / "fresh")  # the wheel, not src

    other = checkout.run("Compare the tag with the version", tag="v99.0")
    assert (other.returncode, "dist/greeting_library-99.0.tar.gz" in other.stderr) == (2, True)
