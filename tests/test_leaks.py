"""The leak list of the page "API keys and other secrets": each row leaks for real, and what the row says stops it.

The table is read from the page, and so are the programs, the files and the commands of both sides.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from guide import ROOT
from guide.page import Page, parse
from support import pythons, runner, system
from support.sandbox import configure, free_ports
from support.servers import wait_for
from uv import find_uv_bin

PAGE = ROOT / "docs/configuration/api-keys-and-secrets.md"
ROW = re.compile(r"^\| \[([^\]]+)\]\(#[\w-]+\) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
SECRET = "sk-example-0001"
LIMIT = 120  # seconds for one command
WAIT = 30  # seconds for a server to listen
NOBODY = 65534
# What an image without a base needs to run a shell: the programs of this machine, lent for the build.
LENT = ("/usr", "/bin", "/lib", "/lib64")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the page is about Linux, and so is /proc")


class Bench:
    """A folder with the files of the page, and an environment with nothing of this machine."""

    def __init__(self, folder: Path, index_url: str) -> None:
        """Write the files that the page writes, the last of each name, and a key."""
        self.page: Page = parse(PAGE)
        self.folder, self.home = folder / "reader", folder / "home"
        programs = folder / "programs"
        for made in (self.folder, self.home, programs):
            made.mkdir(parents=True)
        for name in ("python", "python3"):
            (programs / name).symlink_to(pythons.reference().path)
        (programs / "uv").symlink_to(find_uv_bin())
        configure(folder, index_url)
        for fence in self.page.fences:
            if fence.title:
                self.write(fence.title, "\n".join(fence.text) + "\n")
        self.write("key.txt", SECRET + "\n")
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{self.folder / '.venv/bin'}:{programs}:{os.defpath}",
            "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_DIRS": str(folder / "etc/xdg"),
            "PIP_CONFIG_FILE": str(folder / "etc/xdg/pip/pip.conf"),
            "UV_CONFIG_FILE": str(folder / "etc/xdg/uv/uv.toml"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }

    def write(self, name: str, text: str) -> None:
        """Write a file, with its folders."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, "utf-8")

    def typed(self, part: str) -> str:
        """Give the one command of the page that has this part."""
        fences = [fence for fence in self.page.fences if fence.kind == "console"]
        found = {command.text for fence in fences for command in runner.commands(fence) if part in command.text}
        assert len(found) == 1, f"{part!r} is in {len(found)} commands of the page: {found}"
        return found.pop()

    def run(self, command: str, status: int = 0, cwd: str = ".", **variables: str) -> str:
        """Type a command that ends with that status, and give all that it prints."""
        place = {"cwd": self.folder / cwd, "env": self.environment | variables, "stdin": subprocess.DEVNULL}
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(["bash", "-c", command], timeout=LIMIT, **place, **both)
        assert done.returncode == status, f"{command}\n{done.stdout}"
        return done.stdout

    def install(self, *names: str) -> None:
        """Make an environment with pip and those packages."""
        self.run("uv venv --quiet --seed --python python3")
        self.run(f"uv pip install --quiet {' '.join(names)}")

    @contextmanager
    def fetching(self, *arguments: str, **variables: str) -> Iterator[int]:
        """Let the page's program run while the block runs; give its process id."""
        (self.folder / "pid").unlink(missing_ok=True)
        command = [self.environment["PATH"].split(":")[1] + "/python3", "fetch.py", *arguments]
        place = {"cwd": self.folder, "env": self.environment | variables, "stdin": subprocess.DEVNULL}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **place) as process:
            late = threading.Timer(LIMIT, process.kill)
            late.start()
            try:
                assert process.stdout.readline() == f"a key of {len(SECRET)} characters\n"
                assert int((self.folder / "pid").read_text()) == process.pid
                yield process.pid
            finally:
                process.kill()
                late.cancel()


@pytest.fixture
def bench(tmp_path: Path, index_url: str) -> Bench:
    return Bench(tmp_path, index_url)


def needs(*names: str) -> None:
    """Skip, or fail where everything is to be there, without these programs."""
    if lacking := system.lacking(names):
        system.missing("; ".join(lacking), names)


def by_another_user(file: str) -> str | None:
    """Give what another user reads in a file, or None where this one may not; only root can ask."""
    done = subprocess.run(["cat", file], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, timeout=LIMIT)
    return done.stdout.decode() if done.returncode == 0 else None


# The rows. Each gives what is seen where the secret leaks, and what is seen with the remedy.


def command_line(bench: Bench) -> tuple[str, str]:
    needs("ps")
    seen = []
    for arguments, variables in (((SECRET,), {}), ((), {"API_KEY_FILE": "key.txt"})):
        with bench.fetching(*arguments, **variables) as pid:
            listed = bench.run(bench.typed("ps -o").replace("$(cat pid)", str(pid)))
            readable = os.stat(f"/proc/{pid}/cmdline").st_mode & 0o777
            if os.geteuid() == 0:
                assert by_another_user(f"/proc/{pid}/cmdline").replace("\0", " ")[:-1] == listed.strip()
        assert (readable, "fetch.py" in listed) == (0o444, True)
        seen.append(listed)
    return seen[0], seen[1]


def environment(bench: Bench) -> tuple[str, str]:
    seen = []
    for variables in ({"API_KEY": SECRET}, {"API_KEY_FILE": "key.txt"}):
        with bench.fetching(**variables) as pid:
            seen.append(Path(f"/proc/{pid}/environ").read_text())
            assert os.stat(f"/proc/{pid}/environ").st_mode & 0o777 == 0o400
            if os.geteuid() == 0:
                assert by_another_user("/etc/passwd") is not None
                # Of a process of root, which is what this one runs as
                assert by_another_user(f"/proc/{pid}/environ") is None
    assert "API_KEY_FILE=key.txt\0" in seen[1]
    return seen[0], seen[1]


def child_processes(bench: Bench) -> tuple[str, str]:
    first, second = bench.run("python3 children.py", API_KEY=SECRET).splitlines()
    return first, second


def pip_install(bench: Bench) -> tuple[str, str]:
    bench.install("setuptools")
    seen = bench.home / "seen.txt"
    (bench.folder / "sdists").mkdir()
    bench.run(bench.typed("tar -czf sdists"))
    refused = bench.typed("--find-links sdists helper")
    assert " --only-binary :all: " in refused
    fast = " --no-build-isolation --quiet --quiet --no-cache-dir "
    found = {}
    for ask in ("install --dry-run", "download", "install"):
        bench.run(refused.replace("--only-binary :all:", fast).replace("install", ask), API_KEY=SECRET)
        found[ask] = seen.read_text().strip()
        seen.unlink()
    assert found == dict.fromkeys(found, SECRET)
    # A file that is named by its path is not held back.
    bench.run(bench.typed("pip download").replace("--quiet", fast), API_KEY=SECRET)
    assert seen.read_text().strip() == SECRET
    seen.unlink()
    bench.run("uv pip uninstall --quiet helper")
    for ask in ("download", "install"):
        bench.run(refused.replace("install", ask + fast), status=1, API_KEY=SECRET)
    return found["install"], seen.read_text() if seen.exists() else ""


def address(bench: Bench) -> tuple[str, str]:
    needs("curl")
    [port] = free_ports(1)
    serve, log = bench.typed("http.server").split(" 2> ")
    with (bench.folder / log).open("wb") as stream:
        place = {"cwd": bench.folder, "env": bench.environment, "stdin": subprocess.DEVNULL}
        command = serve.replace("8000", str(port)).split()
        with subprocess.Popen(command, stdout=stream, stderr=stream, **place) as server:
            try:
                wait_for(server, port, WAIT)
                bench.run(bench.typed("printf 'Authorization"))
                for part in ('"http://127.0.0.1:8000/?api_key=', "--header @header.txt"):
                    bench.run(bench.typed(part).replace("8000", str(port)))
            finally:
                server.terminate()
                server.wait(LIMIT)
    assert SECRET in (bench.folder / "header.txt").read_text()
    leaked, safe = [line for line in (bench.folder / log).read_text().splitlines() if "GET" in line]
    return leaked, safe


def log(bench: Bench) -> tuple[str, str]:
    return _failing(bench, "WARNING")


def error(bench: Bench) -> tuple[str, str]:
    plain, hidden = _failing(bench, "")
    assert plain.count(SECRET) == hidden.count("Secret(...)") == 3  # logged, a local variable, the message
    return plain, hidden


def _failing(bench: Bench, begin: str) -> tuple[str, str]:
    hidden = bench.typed("failing.py --hidden")
    plain = bench.run(hidden.removesuffix(" --hidden")), bench.run(hidden)
    one, other = ("\n".join(line for line in said.splitlines() if line.startswith(begin)) for said in plain)
    return one, other


def your_sdist(bench: Bench) -> tuple[str, str]:
    sdist = bench.folder / "parcel/dist/parcel-1.0.tar.gz"
    bench.run(bench.typed("> parcel/.env"))
    bench.run(bench.typed("uv build"))
    leaked = gzip.decompress(sdist.read_bytes()).decode()
    bench.run(bench.typed("parcel/.gitignore"))
    bench.run(bench.typed("uv build"))
    assert (bench.folder / "parcel/.env").is_file()
    return leaked, gzip.decompress(sdist.read_bytes()).decode()


def git_history(bench: Bench) -> tuple[str, str]:
    needs("detect-secrets")
    hook = bench.folder / "app/.pre-commit-config.yaml"
    configured = hook.read_text()
    hook.unlink()
    with_key = f"echo 'API_KEY = \"{SECRET}\"' > settings.py; git add ."
    bench.run(bench.typed("git init"))
    for part in ("user.name", "user.email"):
        bench.run(bench.typed(part), cwd="app")
    bench.run(f"{with_key}; git commit --quiet -m 'Add settings'", cwd="app")
    bench.run(f"{bench.typed('git rm')}; {bench.typed('Remove the key')}", cwd="app")
    leaked = bench.run("git log -p --all", cwd="app")
    assert not (bench.folder / "app/settings.py").exists()

    bench.install("detect-secrets", "pre-commit")
    bench.run(f"rm -r app; {bench.typed('git init')}")
    hook.write_text(configured)
    for part in ("user.name", "user.email", "> .secrets.baseline", "pre-commit install"):
        bench.run(bench.typed(part), cwd="app")
    said = bench.run(f"{with_key}; git commit --quiet -m wrong", status=1, cwd="app")
    assert "Location:    settings.py:1\n" in said
    assert bench.run("git rev-list --all", cwd="app") == ""
    bench.run("echo 'API_KEY = read()' > settings.py; git add .; git commit --quiet -m right", cwd="app")
    return leaked, bench.run("git log -p --all", cwd="app")


def image_layer(bench: Bench) -> tuple[str, str]:
    needs("buildah")
    if os.geteuid() != 0:
        pytest.skip("buildah builds as root here")
    store = bench.folder / "store"
    buildah = f"buildah --storage-driver vfs --root {store}/root --runroot {store}/run"
    build = f"{buildah} build --quiet --isolation chroot --layers --pull=never"
    lend = " ".join(f"--volume {place}:{place}:ro" for place in LENT if Path(place).exists())
    base = re.search("FROM (.+)", (bench.folder / "Containerfile").read_text())[1]
    bench.run(f"mkdir empty; echo FROM scratch > empty/Containerfile; {build} --tag {base} empty")
    secret = next(fence.text[0] for fence in bench.page.fences if fence.text[0].startswith("docker build "))
    lent, seen = secret.removeprefix("docker build ").removesuffix(" ."), []
    argument = f"FROM {base}\nARG API_KEY\nRUN true\n"
    bench.write("Containerfile.argument", argument)
    for name, options in (
        ("copied", "--file Containerfile"),
        ("lent", lent),
        ("argument", f"--file Containerfile.argument --build-arg API_KEY={SECRET}"),
    ):
        said = bench.run(f"{build} {lend} --tag {name} {options} .")
        bench.run(f"{buildah} push --quiet {name} oci-archive:{name}.tar")
        seen.append(_image(bench.folder / f"{name}.tar"))
        assert SECRET not in said
    copied, borrowed, given = seen
    names = [set(tarfile.open(fileobj=BytesIO(layer)).getnames()) for layer in copied[1]]
    assert ("key.txt" in names[-2], ".wh.key.txt" in names[-1]) == (True, True)  # it is gone, and it is there
    assert SECRET in given[0]  # among what the image says of itself
    return _text(copied), _text(borrowed)


def _image(archive: Path) -> tuple[str, list[bytes]]:
    """Give the description of an image in an archive, and its layers from the lowest on."""
    with tarfile.open(archive) as files:

        def read(digest: str) -> bytes:
            return files.extractfile("blobs/" + digest.replace(":", "/")).read()

        index = json.load(files.extractfile("index.json"))
        manifest = json.loads(read(index["manifests"][0]["digest"]))
        layers = [read(layer["digest"]) for layer in manifest["layers"]]
        return read(manifest["config"]["digest"]).decode(), [
            gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer for layer in layers
        ]


def _text(image: tuple[str, list[bytes]]) -> str:
    return image[0] + "".join(layer.decode("utf-8", "replace") for layer in image[1])


# What each row of the table says, word for word, and the test of it.
CHECKS: dict[tuple[str, str], Callable[[Bench], tuple[str, str]]] = {
    ("Command line", "a file"): command_line,
    ("Environment", "a file"): environment,
    ("Child processes", "`env=`"): child_processes,
    ("pip install", "`--only-binary`"): pip_install,
    ("Address", "a header"): address,
    ("Log", "`Secret`"): log,
    ("Error", "`Secret`"): error,
    ("Your sdist", "`.gitignore`"): your_sdist,
    ("Git history", "a scan"): git_history,
    ("Image layer", "`--mount`"): image_layer,
}


def rows() -> list[tuple[str, str]]:
    return ROW.findall(PAGE.read_text("utf-8"))


@pytest.mark.parametrize(("where", "instead"), rows())
def test_row_leaks_and_its_remedy_stops_it(where: str, instead: str, bench: Bench) -> None:
    assert (where, instead) in CHECKS, "no test of this row: write one into CHECKS"
    leaked, remedied = CHECKS[where, instead](bench)
    assert SECRET in leaked
    assert SECRET not in remedied


def test_the_table_is_read_whole() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| \[", line)]
    assert len(lines) == len(rows())
    assert sorted(rows()) == sorted(CHECKS)


def test_the_page_says_how_many_rows_there_are() -> None:
    assert len(rows()) == 10
    assert "seen ten ways" in PAGE.read_text("utf-8")
