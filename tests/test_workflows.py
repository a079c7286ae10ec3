"""The workflows of GitHub Actions: linted here, not run, and built from what does run here."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from guide import ROOT
from support.workflows import zizmor

FOLDER = ROOT / ".github/workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
SUPPORTED = ["3.11", "3.12", "3.13", "3.14", "3.15"]

# What a step may run besides make, and why.
ALLOWED = {
    "sudo apt-get update": "the image's list of packages is old",
    "sudo apt-get install --yes fish zsh nginx-light postgresql wrk": "the image has Chromium, and not these",
    "sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0": "tests/test_offline.py as a user",
    "python -m venv .venv": "Windows has no make: the lines of the README",
    r".venv\Scripts\python -m pip install --require-hashes -r requirements.txt": "the same",
    r".venv\Scripts\python -m pytest tests/test_examples.py tests/test_windows.py": "the same",
    "git diff --output=newest.patch": "hands the change from the job that may not write to the one that may",
    "bash .ci/propose newest.patch": "pushes and opens the pull request; tested below",
}


def test_there_are_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["pages.yml", "tests.yml", "weekly.yml"]


# The rules. Each takes the text of a workflow and gives what is wrong with it.


def lint(text: str) -> list[str]:
    """Hold a workflow against the rules of this repository."""
    workflow = yaml.safe_load(text)
    return [*first_line(text), *pins(text), *jobs(workflow), *commands(workflow)]


def first_line(text: str) -> Iterator[str]:
    if not text.startswith("# Linted, not run"):
        yield "the first line does not say `Linted, not run`"


def pins(text: str) -> Iterator[str]:
    """A pin is a whole commit, with the release it belongs to in a comment."""
    for line in text.splitlines():
        if re.match(r"\s*(- )?uses:", line) and not re.search(
            r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line
        ):
            yield f"not pinned by a commit with its version: {line.strip()}"


def jobs(workflow: dict) -> Iterator[str]:
    if workflow.get("permissions") != {}:
        yield "the workflow does not begin with `permissions: {}`"
    if "concurrency" not in workflow:
        yield "the workflow has no concurrency"
    for name, job in workflow["jobs"].items():
        if not isinstance(job.get("permissions"), dict):
            yield f"{name}: lists no permissions"
        if not 0 < job.get("timeout-minutes", 0) <= 60:
            yield f"{name}: has no timeout of at most an hour"
        if not re.search(r"-\d+(\.\d+)?$", job.get("runs-on", "")):
            yield f"{name}: runs on an image that changes: {job.get('runs-on')}"
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                if step.get("with", {}).get("persist-credentials") is not False:
                    yield f"{name}: the checkout keeps its credentials"


def commands(workflow: dict) -> Iterator[str]:
    targets = make_targets()
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            for line in step.get("run", "").splitlines():
                if line in ALLOWED:
                    continue
                for command in re.split(r" (?:\|\||&&) ", line):
                    words = shlex.split(command)
                    if words[:1] != ["make"] or not words[1:]:
                        yield f"neither a target of make nor listed with a reason: {line}"
                    for word in words[1:]:
                        if word not in targets and not re.fullmatch(r"(ARGS|N|PYTHON)=\S+", word):
                            yield f"the Makefile has no target {word!r}: {line}"


def make_targets() -> set[str]:
    """The targets that the Makefile declares as phony."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(" ".join(re.findall(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)).split())


# The rules hold,


def test_zizmor_finds_nothing() -> None:
    assert zizmor(FOLDER) == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_workflow_keeps_the_rules(path: Path) -> None:
    assert lint(path.read_text(encoding="utf-8")) == []


def test_an_action_has_one_pin_everywhere() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    uses = set(re.findall(r"uses: (\S+)@(.*)", texts))
    assert len(uses) == len(dict(uses))


def test_what_is_allowed_is_used() -> None:
    steps = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    assert [command for command in ALLOWED if command not in steps] == []


def test_the_linux_jobs_cover_every_supported_python() -> None:
    linux = yaml.safe_load((FOLDER / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    matrix = linux["other-pythons"]["strategy"]["matrix"]["python"]
    reference = (ROOT / "tests/python-version.txt").read_text(encoding="utf-8").strip()
    series = reference.rpartition(".")[0]
    assert sorted([*matrix, series]) == SUPPORTED
    (installed,) = [
        step["with"]["python-version"].split()
        for step in linux["reference"]["steps"]
        if step.get("uses", "").startswith("actions/setup-python@")
    ]
    assert sorted([*installed[:-1], series]) == SUPPORTED
    assert installed[-1] == reference


# and they are seen to fail.

BREAKAGES = {
    "an unpinned action": (r"@[0-9a-f]{40} # v7\.0\.1", "@v7", "not pinned"),
    "a pin without its version": (r"(@[0-9a-f]{40}) # v7\.0\.1", r"\1", "not pinned"),
    "a shortened pin": (r"(@[0-9a-f]{7})[0-9a-f]{33}", r"\1", "not pinned"),
    "somebody else's action": ("actions/checkout@", "someone/checkout@", "not pinned"),
    "a job without permissions": (
        r"    permissions:\n      contents: read.*\n",
        "",
        "reference: lists no permissions",
    ),
    "permissions for all jobs": ("permissions: {}", "permissions: write-all", "does not begin with"),
    "no timeout": (r"    timeout-minutes: \d+\n", "", "has no timeout"),
    "an image that changes": ("macos-15", "macos-latest", "runs on an image that changes"),
    "a checkout that keeps its credentials": ("persist-credentials: false", "fetch-depth: 1", "credentials"),
    "a target that is missing": ("make test-all", "make tset-all", "no target 'tset-all'"),
    "a command behind a target": ("make test-all", "make test && ./x", "neither a target of make nor listed"),
    "a command of its own": ("make test-all", "pip install x", "neither a target of make nor listed"),
    "make with a shell assignment": ("make test-all", "make test SHELL=./x", "no target 'SHELL=./x'"),
    "no concurrency": (r"concurrency:\n(  .*\n)+", "", "has no concurrency"),
    "no first line": ("# Linted, not run", "# Run", "first line"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_broken_workflow_is_found(name: str) -> None:
    pattern, replacement, complaint = BREAKAGES[name]
    text = (FOLDER / "tests.yml").read_text(encoding="utf-8")
    broken = re.sub(pattern, replacement, text, count=1)
    assert broken != text
    assert [problem for problem in lint(broken) if complaint in problem]


@pytest.mark.parametrize(
    ("pattern", "replacement", "audit"),
    [
        (r"@[0-9a-f]{40} # v7\.0\.1", "@v7", "unpinned-uses"),
        ("          persist-credentials: false", "          fetch-depth: 1", "artipacked"),
        ("permissions: {}\n", "permissions: write-all\n", "excessive-permissions"),
        ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ("run: make test\n", "run: make test ${{ github.head_ref }}\n", "template-injection"),
        ("runs-on: ubuntu-24.04\n", "run-on: ubuntu-24.04\n", "runs-on"),
    ],
)
def test_zizmor_finds_what_is_broken(tmp_path: Path, pattern: str, replacement: str, audit: str) -> None:
    text = (FOLDER / "tests.yml").read_text(encoding="utf-8")
    broken = re.sub(pattern, replacement, text, count=1)
    assert broken != text
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "tests.yml").write_text(broken, encoding="utf-8")
    assert audit in "".join(zizmor(folder))


# .ci/propose, with a repository and a gh of its own


class Proposal:
    """A checkout whose `origin` is a bare repository beside it, and a `gh` that writes down what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.origin = folder / "origin.git"
        self.checkout = folder / "checkout"
        self.asked = folder / "asked"
        self.git(folder, "init", "--quiet", "--bare", self.origin)
        self.git(folder, "clone", "--quiet", self.origin, self.checkout)
        for name in ("requirements.txt", "docs/modules/a.md", "Makefile"):
            path = self.checkout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("old\n", encoding="utf-8")
        self.git(self.checkout, "add", ".")
        self.git(self.checkout, "commit", "--quiet", "--message", "Begin")
        gh = folder / "bin/gh"
        gh.parent.mkdir()
        gh.write_text(
            f'#!/bin/sh\necho "$*" >> {self.asked}\n[ "$2" != list ] || echo "$OPEN"\n'
            f'[ "$2" != create ] || cat >> {self.asked}\n',
            encoding="utf-8",
        )
        gh.chmod(0o755)

    def git(self, cwd: Path, *arguments: str | Path) -> str:
        run = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t", *arguments],
            cwd=cwd,
            check=True,
            capture_output=True,
            text=True,
        )
        return run.stdout

    def run(self, *changes: str, open_already: int = 0) -> subprocess.CompletedProcess:
        """Change files in a patch of their own, and propose it."""
        for name in changes:
            (self.checkout / name).write_text("new\n", encoding="utf-8")
        self.git(self.checkout, "add", "--intent-to-add", ".")
        self.git(self.checkout, "diff", f"--output={self.folder / 'newest.patch'}")
        self.git(self.checkout, "reset", "--quiet", "--hard")
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", ROOT / ".ci/propose", self.folder / "newest.patch"],
            cwd=self.checkout,
            env={**os.environ, "PATH": path, "OPEN": str(open_already), "TESTED": "success"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def branches(self) -> str:
        return self.git(self.origin, "branch", "--format=%(refname:short)")


@pytest.fixture
def proposal(tmp_path: Path) -> Proposal:
    return Proposal(tmp_path)


def test_a_change_is_pushed_and_proposed(proposal: Proposal) -> None:
    run = proposal.run("requirements.txt", "docs/modules/a.md")
    assert (run.returncode, run.stderr) == (0, "")
    assert proposal.branches == "newest-releases\n"
    shown = proposal.git(proposal.origin, "show", "--format=%an: %s", "--name-only", "newest-releases")
    assert shown == "github-actions[bot]: Follow the newest releases\n\ndocs/modules/a.md\nrequirements.txt\n"
    asked = proposal.asked.read_text(encoding="utf-8").splitlines()
    assert asked[:3] == [
        "auth setup-git",
        "pr list --head newest-releases --state open --json number --jq length",
        "pr create --head newest-releases --title Follow the newest releases --body-file -",
    ]
    assert "`make lock`, `make update` and `make test` with them: success." in " ".join(asked)


def test_an_open_proposal_is_replaced_and_not_opened_twice(proposal: Proposal) -> None:
    assert proposal.run("requirements.txt").returncode == 0
    proposal.git(proposal.checkout, "switch", "--quiet", "-")
    assert proposal.run("docs/modules/a.md", open_already=1).returncode == 0
    shown = proposal.git(proposal.origin, "show", "--format=", "--name-only", "newest-releases")
    assert shown == "docs/modules/a.md\n"
    assert proposal.asked.read_text(encoding="utf-8").count("pr create") == 1


def test_no_change_is_no_proposal(proposal: Proposal) -> None:
    run = proposal.run()
    assert (run.returncode, run.stdout) == (0, "The newest releases change nothing.\n")
    assert (proposal.branches, proposal.asked.exists()) == ("", False)


@pytest.mark.parametrize("name", ["Makefile", "docs/modules/new.md", "sitecustomize.py"])
def test_a_change_of_anything_else_is_refused(proposal: Proposal, name: str) -> None:
    run = proposal.run("requirements.txt", name)
    assert run.returncode == 1
    assert name in run.stderr
    assert (proposal.branches, proposal.asked.exists()) == ("", False)
