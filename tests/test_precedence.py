"""The tables of the page ".env files": who reads the file and who wins, where it is looked for, how a line is read.

The tables are read from the page, and each row is run. A row that no test knows how to run fails, as does one whose
claim is not what happens.
"""

import json
import os
import random
import re
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from guide import ROOT
from support import pythons
from support import site as builders
from support.sandbox import configure
from support.system import missing
from uv import find_uv_bin

PAGE = ROOT / "docs/configuration/env-files.md"
LIMIT = 120  # seconds for one command
SHELLS = [shell for shell in ("sh", "bash", "zsh") if shutil.which(shell)]

# Typed in a folder with the files below; `python app.py` stands for the reader's program.
STARTS = {
    "`python`": "python app.py",
    "`load_dotenv()`": "python calls.py",
    "`load_dotenv(override=True)`": "python calls.py",
    "`dotenv run`": "dotenv run python app.py",
    "`dotenv run --no-override`": "dotenv run --no-override python app.py",
    "`flask`": "flask show",
    "`flask` without python-dotenv": "flask show",
    "`uv run`": "uv run --quiet python app.py",
    "`uv run --env-file .env`": "uv run --quiet --env-file .env python app.py",
    "`pytest`": "pytest --quiet --capture=no test_app.py",
    "`set -a; . ./.env`": "set -a; . ./.env; python app.py",
}
SHOW = 'import json, os\nprint("\\n>", json.dumps([os.environ.get("ONLY"), os.environ.get("BOTH")]))\n'
FILES = {
    ".env": "ONLY=file\nBOTH=file\n",
    "app.py": SHOW,
    "wsgi.py": "import flask\napp = flask.Flask(__name__)\n@app.cli.command()\ndef show(): import app\n",
    "test_app.py": "def test_it(): import app\n",
    "pyproject.toml": '[project]\nname = "weather"\nversion = "1.0"\nrequires-python = ">=3.11"\n',
}

# Typed in the folder `current`, where nothing that asks lies. Each folder has an .env of its own.
ASK = "import os, dotenv; dotenv.load_dotenv(); print('\\n>', os.environ['WHERE'])"
PDB = [
    f'echo "{ASK}" > ../script/ask.py; "$PDB" -m pdb -c next -c continue -c quit ../script/ask.py',
    f'printf "%s\\n" "breakpoint()" "{ASK}" pass > ../script/ask.py;'
    r' printf "%s\n" next next continue | "$PDB" ../script/ask.py',
]
CALLERS = {
    "a script": [f'echo "{ASK}" > ../script/ask.py; python ../script/ask.py'],
    "a module that a script imports": [
        f'echo "{ASK}" > ../module/asks.py; echo "import asks" > ../script/ask.py;'
        " PYTHONPATH=../module python ../script/ask.py"
    ],
    "`python -c`, the REPL": [f'python -c "{ASK}"', f'echo "{ASK}" | python -i'],
    "a module that one of these imports": [
        f'echo "{ASK}" > ../module/asks.py; export PYTHONPATH=../module; python -c "import asks"',
        'echo "import asks" | PYTHONPATH=../module python -i',
    ],
    "a notebook": [f'python notebook.py "{ASK}"'],
    "`pdb`, before Python 3.14": PDB,
    "`find_dotenv(usecwd=True)`": [
        f'echo "{ASK}" | sed "s/load_dotenv()/load_dotenv(dotenv.find_dotenv(usecwd=True))/" > ../script/ask.py;'
        " python ../script/ask.py"
    ],
}
NOTEBOOK = """
import sys, nbclient, nbformat.v4 as v4
book = v4.new_notebook(cells=[v4.new_code_cell(sys.argv[1])])
nbclient.NotebookClient(book, resources={"metadata": {"path": "."}}).execute()
print(*(output["text"] for output in book.cells[0].outputs if output["output_type"] == "stream"))
"""

OURS = re.compile(r"[AQP]\d*|A-B")  # the variables of the lines; a shell and uv set some of their own
CODE = re.compile(r"`([^`]+)`(?:<br>)?")  # each one line

pytestmark = pytest.mark.skipif(os.name == "nt", reason="types the commands as they are typed on Linux and macOS")


def table(first: str) -> list[tuple[str, ...]]:
    """Give the rows of the page's table whose first heading is that."""
    rows = PAGE.read_text("utf-8").split(f"\n| {first} |")[1].split("\n\n")[0].splitlines()[2:]
    return [tuple(row.removeprefix("| ").removesuffix(" |").split(" | ")) for row in rows]


class Bench:
    """Environments with the programs that the rows start, and around them nothing of this machine."""

    def __init__(self, folder: Path, index_url: str) -> None:
        """Say where things are; `install` makes them."""
        self.folder = folder
        self.url = index_url

    def environment(self, name: str = "programs") -> dict[str, str]:
        """Give the variables for a command; `name` is the environment whose programs come first."""
        return {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.folder / name / 'bin'}:{self.folder / 'uv'}:{os.defpath}",
            "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_DIRS": str(self.folder / "etc/xdg"),
            "UV_CONFIG_FILE": str(self.folder / "etc/xdg/uv/uv.toml"),
            "PYTHON_COLORS": "0",
        }

    def install(self) -> None:
        """Make one environment with all, and one with Flask and without python-dotenv."""
        for folder in ("home", "uv"):
            (self.folder / folder).mkdir(parents=True)
        (self.folder / "uv/uv").symlink_to(find_uv_bin())
        configure(self.folder, self.url)
        for name, packages in {
            "programs": "flask pytest 'python-dotenv[cli]'",
            "without": "flask",
        }.items():
            make = f"uv venv --quiet --python '{pythons.reference().path}' {name}"
            done = self.do(f"{make} && uv pip install --quiet --python {name} {packages}", self.folder)
            assert done.returncode == 0, done.stderr.decode()

    def do(self, command: str, folder: Path, shell: str = "bash", **more: str) -> subprocess.CompletedProcess:
        """Type a command; `more` are variables."""
        environment = self.environment(more.pop("environment", "programs")) | more
        return subprocess.run(
            [shell, "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT,
        )


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, worker_id: str, index_url: str) -> Bench:
    """The programs, installed once for all workers."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent
    return Bench(builders.once(base / "precedence", lambda folder: Bench(folder, index_url).install()), index_url)


def marked(done: subprocess.CompletedProcess) -> str:
    """Give what a program of ours printed, among what others did."""
    found = re.findall(r"^ *(?:>>> )*> (.+)$", done.stdout.decode(), re.MULTILINE)
    lines = [line for line in found if "(" not in line]  # a debugger prints where it is
    assert len(lines) == 1, done.stdout.decode() + done.stderr.decode()
    return lines[0]


# Who reads the file, and who wins


@pytest.mark.parametrize(("start", "reads", "wins"), table("You start"))
def test_who_reads_the_file_and_who_wins(start: str, reads: str, wins: str, bench: Bench, tmp_path: Path) -> None:
    files = FILES | {"calls.py": f"from dotenv import load_dotenv\n{start.strip('`')}\n{SHOW}"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    environment = "without" if "without" in start else "programs"
    only, both = json.loads(marked(bench.do(STARTS[start], tmp_path, environment=environment, BOTH="shell")))
    assert only == {"yes": "file", "no": None}[reads]
    assert both == wins


def test_env_goes_before_flaskenv(bench: Bench, tmp_path: Path) -> None:
    for name, text in (FILES | {".flaskenv": "ONLY=flaskenv\nBOTH=flaskenv\n"}).items():
        (tmp_path / name).write_text(text, "utf-8")
    assert json.loads(marked(bench.do("flask show", tmp_path))) == ["file", "file"]
    (tmp_path / ".env").unlink()
    assert json.loads(marked(bench.do("flask show", tmp_path))) == ["flaskenv", "flaskenv"]


@pytest.mark.parametrize("last", ["first.env", "second.env"])
def test_the_last_file_of_uv_wins(last: str, bench: Bench, tmp_path: Path) -> None:
    for name in ("first.env", "second.env"):
        (tmp_path / name).write_text(f"BOTH={name}\n")
    (tmp_path / "app.py").write_text(SHOW)
    (other,) = {"first.env", "second.env"} - {last}
    done = bench.do(f"uv run --no-project --env-file {other} --env-file {last} python app.py", tmp_path)
    assert json.loads(marked(done)) == [None, last]


# Where it is looked for


def debugged(bench: Bench, python: pythons.Interpreter) -> dict[str, str]:
    """Give the variables that let a Python run its debugger, with python-dotenv."""
    (packages,) = bench.folder.glob("programs/lib/*/site-packages")
    return {"PDB": str(python.path), "PYTHONPATH": str(packages)}


def callers() -> list:
    """Give the rows; a notebook needs so much that only the full run starts one."""
    slow = {"a notebook": pytest.mark.full}
    return [pytest.param(*row, marks=slow.get(row[0], ())) for row in table("Called in")]


@pytest.mark.parametrize(("caller", "place"), callers())
def test_where_load_dotenv_begins(caller: str, place: str, bench: Bench, tmp_path: Path) -> None:
    for folder in ("script", "module", "current"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ".env").write_text(f"WHERE={folder}\n")
    (tmp_path / "current/notebook.py").write_text(NOTEBOOK)
    if caller == "a notebook":
        bench.do("uv pip install --quiet --python programs ipykernel nbclient", bench.folder)
    (expected,) = {"script", "module", "current"} & set(re.findall(r"\w+", place))
    oldest = pythons.supported()[0]
    if CALLERS[caller] is PDB and oldest.series >= "3.14":
        missing("every Python of this machine has the newer pdb: install Python 3.13")
    for command in CALLERS[caller]:
        done = bench.do(command, tmp_path / "current", **debugged(bench, oldest))
        assert marked(done) == expected, command


@pytest.mark.parametrize("series", ["3.14", "3.15"])
def test_pdb_changes_nothing_from_python_3_14_on(series: str, bench: Bench, tmp_path: Path) -> None:
    python = pythons.find(series)
    if not python:
        missing(f"Python {series} is missing: install it, or name it in GUIDE_PYTHONS")
    for folder in ("script", "current"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ".env").write_text(f"WHERE={folder}\n")
    for command in PDB:
        assert marked(bench.do(command, tmp_path / "current", **debugged(bench, python))) == "script", command


def test_it_goes_upward(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WHERE=above\n")
    (tmp_path / "a/b").mkdir(parents=True)
    assert marked(bench.do(f'python -c "{ASK}"', tmp_path / "a/b")) == "above"


# How a line is read


def lines(cell: str) -> bytes:
    """Give the lines that a cell of the first column stands for, as they are in the file."""
    text = "\n".join(CODE.findall(cell)).encode()
    note = CODE.sub("", cell).strip(" ,")
    return {"": text + b"\n", "ended by CRLF": text + b"\r\n", "after a BOM": b"\xef\xbb\xbf" + text + b"\n"}[note]


def claim(cell: str, home: str) -> tuple[dict[str, str], bool]:
    """Give the variables that a cell says are set, and whether it says that there is an error."""
    text, note = "\n".join(CODE.findall(cell)), CODE.sub("", cell).strip()
    if note in ("error", "not set"):
        return {}, note == "error"
    if note == "sets":
        return {text: "x"}, False
    return {"A": {"": text, "empty": "", "home folder": home, "and CR": text + "\r"}[note]}, False


def read(command: str, folder: Path, bench: Bench, shell: str = "bash") -> tuple[dict[str, str], bool]:
    """Give the variables that a command finds beside those that it was started with, and whether it complained."""
    done = bench.do(f"{command} env -0", folder, shell, B="b")
    found = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    return {name: value for name, value in found.items() if OURS.fullmatch(name)}, done.stderr != b""


@pytest.mark.parametrize(("line", "in_shell", "in_dotenv"), table("Line"))
def test_how_a_line_is_read(line: str, in_shell: str, in_dotenv: str, bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "line.env").write_bytes(lines(line))
    home = bench.environment()["HOME"]
    for shell in SHELLS:
        assert read("set -a; . ./line.env;", tmp_path, bench, shell) == claim(in_shell, home), shell
    assert read("dotenv -f line.env run", tmp_path, bench) == claim(in_dotenv, home)


def test_what_the_page_recommends_means_the_same_to_all(bench: Bench, tmp_path: Path) -> None:
    """In single quotes: no quote, backslash or `${`. Without: letters, digits and what the page names."""
    chance = random.Random(1)
    quoted = string.printable[:95].replace("'", "").replace("\\", "") + "éß€"
    plain = string.ascii_letters + string.digits + "._:/-"
    values = {}
    for number in range(60):
        text = "".join(chance.choices(quoted, k=chance.randrange(30))).replace("${", "$")
        values[f"Q{number}"] = (text, f"'{text}'")
        text = "".join(chance.choices(plain, k=chance.randrange(30)))
        values[f"P{number}"] = (text, text)
    (tmp_path / "line.env").write_text("".join(f"{name}={written}\n" for name, (_, written) in values.items()))
    expected = ({name: text for name, (text, _) in values.items()}, False)
    for shell in SHELLS:
        assert read("set -a; . ./line.env;", tmp_path, bench, shell) == expected, shell
    assert read("dotenv -f line.env run", tmp_path, bench) == expected
    assert read("uv run --quiet --no-project --env-file line.env", tmp_path, bench) == expected


# The tables themselves


def test_every_row_is_one_that_runs() -> None:
    assert [start for start, _, _ in table("You start")] == list(STARTS)
    assert [caller for caller, _ in table("Called in")] == list(CALLERS)
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    tables = [table(first) for first in ("You start", "Called in", "Line")]
    assert sum(map(len, tables)) + 3 * 2 == len(rows), "a table of the page has no test"
    assert len(tables[2]) >= 20
