"""Run a page from top to bottom as its reader would, and compare what comes out with what it shows."""

import datetime
import difflib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from guide import ROOT
from guide.page import Fence, Page, PageError, parse, show
from guide.record import Record, fingerprint

from support import pythons, system
from support.mapping import Mapping, agree, mutations, unmatched
from support.sandbox import Sandbox, on_server, sandbox, sealed
from support.shell import LIMIT, Shell, ShellError

REPL = Path(__file__).with_name("repl.py")
STARTING = 30.0  # seconds for a background command to print its lines and to answer on its port


class PageFailure(Exception):
    """A page that does not do what it shows."""


@dataclass
class Command:
    """One command of a console fence: the lines that are typed and the output lines under them."""

    line: int
    typed: list[str]
    expected: list[str]
    prompts: list[str]

    @property
    def text(self) -> str:
        """The command as the shell gets it."""
        return "\n".join(self.typed)


@dataclass
class Block:
    """What one comparison saw: kept so that the checker itself can be checked without running anything again."""

    fence: Fence
    line: int
    expected: list[str]
    actual: list[str]


@dataclass
class Result:
    """A page's run."""

    page: Page
    exact: bool  # output was compared
    python: str = ""
    pip: str | None = None
    others: set[str] = field(default_factory=set)
    commands: int = 0
    blocks: list[Block] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)  # "page:line" of blocks that differ under another Python
    missing: list[str] = field(default_factory=list)  # "page:line: reason" of blocks that need what is not here
    updated: dict[int, list[str]] = field(default_factory=dict)  # first fence line → its new lines

    def record(self) -> Record | None:
        """Give the record of the run, if it ran whole and exact."""
        if not self.exact or self.missing or self.differing or self.updated:
            return None
        return Record(
            page=self.page.path.relative_to(ROOT).as_posix(),
            fingerprint=fingerprint(self.page, self.python),
            commands=self.commands,
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            python=self.python,
            pip=self.pip,
            others=sorted(self.others),
        )


def run(path: Path, index_url: str, *, update: bool = False, limit: float = LIMIT) -> Result:
    """Run a page.

    Args:
        path: the Markdown file.
        index_url: where pip finds packages.
        update: whether to collect new output instead of failing on a difference.
        limit: seconds for one command.

    Returns:
        What ran.

    Raises:
        PageError: if the page cannot be read as a program.
        PageFailure: if a command does not exit as the page says or prints something else.
    """
    page = parse(path)
    python = pythons.reference()
    exact = compares()
    try:
        lacking = system.lacking(page.needs)
    except KeyError as unknown:
        raise PageError(path, 1, f"needs names {unknown}; what it may name is {', '.join(system.PROGRAMS)}") from None
    if lacking:
        return Result(page, exact, python.version, missing=[f"{show(path)}: {reason}" for reason in lacking])
    place = on_server(page.needs) if "debian-server" in page.needs else sandbox(python, index_url)
    with place as box, _machine_unchanged(python):
        unpacked = [box.unpack(example) for example in page.starts]
        box.start = unpacked[0] if unpacked else box.home
        for series in system.SEVERAL if "several-pythons" in page.needs else ():
            if other := pythons.find(series):
                box.beside(other)
        runner = _Run(page, box, Result(page, exact, box.python.version), update, limit)
        try:
            for fence in page.fences:
                runner.fence(fence)
            if any("pip" in line for fence in page.fences if fence.kind == "console" for line in fence.text):
                runner.result.pip = runner.pip()
        finally:
            runner.close()
        return runner.result


def compares() -> bool:
    """Tell whether outputs are compared: under the reference Python, and without pip settings of this machine."""
    return pythons.reference().version == pythons.reference_version() and sealed()


def commands(fence: Fence) -> list[Command]:
    """Split a console fence into its commands and their outputs."""
    found: list[Command] = []
    for number, line in enumerate(fence.text, fence.line + 1):
        if line.startswith("$ "):
            found.append(Command(number, [line[2:]], [], [line]))
        elif not found:
            raise PageError(fence.page, number, "a console fence begins with a command: `$ ` and what is typed")
        elif line.startswith("> ") or line == ">":
            command = found[-1]
            if command.expected:
                command.expected.append(line)
            else:
                command.typed.append(line[2:])
                command.prompts.append(line)
        else:
            found[-1].expected.append(line)
    if not found:
        raise PageError(fence.page, fence.line, "this console fence has no command")
    return found


def rewrite(result: Result) -> None:
    """Write the updated outputs into the page: beside it first, then in its place."""
    path = result.page.path
    lines = path.read_text("utf-8").splitlines(keepends=True)
    by_line = {fence.line: fence for fence in result.page.fences}
    for first in sorted(result.updated, reverse=True):
        fence = by_line[first]
        new = [" " * fence.indent + line if line else "" for line in result.updated[first]]
        lines[first : first + len(fence.source)] = [line + "\n" for line in new]
    draft = path.with_name(path.name + ".new")
    draft.write_text("".join(lines), "utf-8")
    draft.replace(path)


def tolerated_mutations(result: Result) -> list[str]:
    """Change every expected line in turn and give the changes that the comparison did not notice.

    Under another Python than the reference nothing is compared, so there is nothing to notice.
    """
    found = []
    for block in result.blocks if result.exact else []:
        for wrong in mutations(block.expected):
            if agree(wrong, block.actual, block.fence.options.volatile) and wrong != block.expected:
                found.append(f"{show(block.fence.page)}:{block.line}: {wrong}")
    return found


class _Run:
    """The state of one page's run: its shells, its mapping, its result."""

    def __init__(self, page: Page, box: Sandbox, result: Result, update: bool, limit: float) -> None:
        self.page, self.box, self.result, self.update, self.limit = page, box, result, update, limit
        self.shells: dict[tuple[str, str], Shell] = {}
        prefixes = [python.prefix for python in pythons.supported()]
        self.mapping = Mapping(str(box.root), prefixes, box.ports, box.index_url)

    def fence(self, fence: Fence) -> None:
        if fence.kind == "file":
            self.write(fence)
        elif fence.kind in ("console", "pycon", "script"):
            shell = self.shell(fence)
            if shell:
                getattr(self, fence.kind)(fence, shell)

    def shell(self, fence: Fence) -> Shell | None:
        """Give the shell that the fence asks for, started at its first use; None where this machine has none."""
        wanted = fence.options.python
        python = self.box.python if wanted in (None, self.box.python.series) else pythons.find(wanted)
        if python is None:
            return self.lacking(fence, f"Python {wanted} is not on this machine")
        if not shutil.which(fence.options.shell):
            return self.lacking(fence, f"{fence.options.shell} is not on this machine")
        if python != self.box.python:
            self.result.others.add(python.version)
        key = (fence.options.shell, python.series)
        if key not in self.shells:
            environment = self.box.environment(python)
            self.shells[key] = Shell(fence.options.shell, self.box.start, environment, self.box.prefix())
        return self.shells[key]

    def lacking(self, fence: Fence, reason: str) -> None:
        self.result.missing.append(f"{show(self.page.path)}:{fence.line}: {reason}")

    def write(self, fence: Fence) -> None:
        try:
            self.box.write(fence.title or "", self.mapping.typed("".join(line + "\n" for line in fence.text)))
        except ValueError as error:
            raise PageError(fence.page, fence.line, str(error)) from error

    def console(self, fence: Fence, shell: Shell) -> None:
        everything = commands(fence)
        shown: list[str] = []
        for command in everything:
            last = command is everything[-1]
            if last and fence.options.background:
                actual, status = self.background(fence, command, shell), 0
            else:
                output, status = self.typed(shell, command.text, fence, command.line)
                actual = self.mapping.shown(output)
            self.result.commands += 1
            shown += command.prompts
            expected = fence.options.exit if last else 0
            if status != expected:
                raise PageFailure(
                    f"{show(fence.page)}:{command.line}: `{command.text}` exited {status}, the page says {expected}"
                    f" (<!-- run: exit={status} --> allows it). It printed:\n" + "\n".join(actual)
                )
            shown += self.compare(fence, command, actual)
        self.kinds(fence, [line for command in everything for line in command.expected])
        self.changed(fence, shown)

    def pycon(self, fence: Fence, shell: Shell) -> None:
        if not fence.text or not fence.text[0].startswith(">>> "):
            raise PageError(fence.page, fence.line + 1, "a pycon fence begins with `>>> ` and a statement")
        block = self.box.root / "tmp/block"
        block.write_text("\n".join(fence.text), "utf-8")
        output, status = self.typed(shell, f'python3 "{REPL}" "{self.box.inside(block)}"', fence, fence.line)
        block.unlink(missing_ok=True)
        actual = self.mapping.shown(output)
        if status != 0:
            raise PageFailure(
                f"{show(fence.page)}:{fence.line}: the interpreter exited {status}:\n" + "\n".join(actual)
            )
        self.result.commands += sum(line.startswith(">>> ") for line in fence.text)
        whole = Command(fence.line + 1, [], list(fence.text), [])
        self.changed(fence, self.compare(fence, whole, actual))
        self.kinds(fence, list(fence.text))

    def script(self, fence: Fence, shell: Shell) -> None:
        script = self.box.root / "tmp/script.py"
        script.write_text("\n".join(fence.text) + "\n", "utf-8")
        output, status = self.typed(shell, f'python3 - < "{self.box.inside(script)}"', fence, fence.line)
        self.result.commands += 1
        if status != fence.options.exit:
            printed = "\n".join(self.mapping.shown(output))
            raise PageFailure(
                f"{show(fence.page)}:{fence.line}: the script exited {status}, the page says {fence.options.exit}."
                f" It printed:\n{printed}"
            )

    def typed(self, shell: Shell, command: str, fence: Fence, line: int) -> tuple[str, int]:
        try:
            return shell.run(self.mapping.typed(command), self.limit)
        except ShellError as error:
            raise PageFailure(f"{show(fence.page)}:{line}: `{command}`: {error}") from error

    def background(self, fence: Fence, command: Command, shell: Shell) -> list[str]:
        """Start a command that goes on; wait for as many lines as the page shows, and for its port."""
        log = self.box.root / f"tmp/{fence.options.background}.log"
        _, status = self.typed(shell, f"{{ {command.text}\n}} > '{self.box.inside(log)}' 2>&1 &", fence, command.line)
        assert status == 0
        ports = [port for port in self.box.ports if str(port) in command.text]
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            lines = self.mapping.shown(log.read_text("utf-8", "backslashreplace") if log.exists() else "")
            if len(lines) >= len(command.expected) and all(map(self.box.listens, ports)):
                return lines[: len(command.expected)]
            time.sleep(0.05)
        raise PageFailure(
            f"{show(fence.page)}:{command.line}: `{command.text}` did not start within {STARTING:g} s. It printed:\n"
            + "\n".join(lines)
        )

    def compare(self, fence: Fence, command: Command, actual: list[str]) -> list[str]:
        """Compare one output; give the lines that the page should show."""
        ambiguous = fence.language == "console" and [
            line for n, line in enumerate(actual) if line.startswith("$ ") or (n == 0 and re.match(r">( |$)", line))
        ]
        if ambiguous:
            raise PageFailure(
                f"{show(fence.page)}:{command.line}: the output line {ambiguous[0]!r} reads as a prompt, and a reader"
                " cannot tell it from a command; let the command print something else"
            )
        self.result.blocks.append(Block(fence, command.line, command.expected, actual))
        if agree(command.expected, actual, fence.options.volatile):
            return command.expected
        if not self.result.exact:
            self.result.differing.append(f"{show(fence.page)}:{command.line}")
            return command.expected
        if not self.update:
            raise PageFailure(_diff(fence, command, actual))
        return actual

    def kinds(self, fence: Fence, expected: list[str]) -> None:
        if not self.update and (idle := unmatched(expected, fence.options.volatile)):
            raise PageError(fence.page, fence.line, f"volatile={','.join(idle)} matches nothing here; remove it")

    def changed(self, fence: Fence, shown: list[str]) -> None:
        """Keep the new lines of a block whose output changed."""
        if not self.update or shown == list(fence.text):
            return
        if fence.text != fence.source:
            where = f"{show(fence.page)}:{fence.line}"
            raise PageFailure(f"{where}: the output of an included block changed; update the file that it is in")
        self.result.updated[fence.line] = shown

    def pip(self) -> str | None:
        """Ask for the version of pip that the page's shell has at its end."""
        shell = self.shells.get(("bash", self.box.python.series))
        if not shell:
            return None
        output, status = shell.run("cd / ; python3 -c 'import importlib.metadata as m; print(m.version(\"pip\"))'")
        return output.strip() if status == 0 else None

    def close(self) -> None:
        for shell in self.shells.values():
            shell.close()


def _diff(fence: Fence, command: Command, actual: list[str]) -> str:
    name = f"{show(fence.page)}:{command.line}"
    what = f" `{command.text}`" if command.text else ""
    lines = difflib.unified_diff(
        command.expected, actual, f"{name} as the page shows it", f"{name} as it ran", lineterm=""
    )
    return f"{name}:{what} printed something else (`make update` rewrites outputs):\n" + "\n".join(lines)


@contextmanager
def _machine_unchanged(python: pythons.Interpreter) -> Iterator[None]:
    """Fail if a page installed something into the machine's own Python."""
    folder = Path(python.prefix) / f"lib/python{python.series}/site-packages"
    before = sorted(os.listdir(folder)) if folder.is_dir() else []
    yield
    after = sorted(os.listdir(folder)) if folder.is_dir() else []
    if before != after:
        raise PageFailure(f"the page changed the machine's own Python: {sorted(set(after) ^ set(before))}")
