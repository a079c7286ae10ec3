"""The page runner itself: hostile pages that must pass, and faults that it must name."""

import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import markdown
import psutil
import pytest
from guide import ROOT, record
from guide.page import SHELLS, VOLATILE, PageError, pages, parse
from support import mapping, pythons, runner, system
from support.runner import PageFailure
from support.shell import PROGRAMS
from support.system import missing

HOSTILE = sorted((ROOT / "tests/hostile").glob("*.md"))
NO_INDEX = "http://127.0.0.1:9/simple/"
PORTS = {8000: 45678, 8001: 45679}

exact = pytest.mark.skipif(
    not runner.compares(), reason="outputs are compared under the reference Python, on a machine without /etc/pip.conf"
)


@pytest.fixture
def page(tmp_path: Path):
    """Give a function that runs a page made of a text."""

    def make(text: str, **options) -> runner.Result:
        path = tmp_path / "page.md"
        path.write_text(textwrap.dedent(text).lstrip(), "utf-8")
        return runner.run(path, NO_INDEX, **options)

    make.path = tmp_path / "page.md"
    return make


def sleeping() -> list[str]:
    """Give what every `sleep` that runs on this machine was asked for."""
    found = [p.info for p in psutil.process_iter(["name", "cmdline", "status"]) if p.info["name"] == "sleep"]
    return [info["cmdline"][-1] for info in found if info["status"] != psutil.STATUS_ZOMBIE and info["cmdline"]]


def console(*lines: str, before: str = "") -> str:
    return "\n".join([before, "```console", *lines, "```", ""]).lstrip()


@exact
@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_a_hostile_page_passes_and_leaves_nothing_running(path: Path) -> None:
    result = runner.run(path, NO_INDEX)
    if result.missing:
        missing("; ".join(result.missing), result.page.needs)
    assert result.commands or path.stem == "longer-fence"
    assert runner.tolerated_mutations(result) == []
    assert not [seconds for seconds in sleeping() if seconds in ("600", "601", "602")]


# What a page must not be, and what the failure says


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("# A\n\n```console\n$ ls\n", 3, "never closed"),
        ("````text\n```\n", 1, "never closed"),
        ("```\nls\n```\n", 1, "begins with a language"),
        ("<!-- rnu: exit=1 -->\n```console\n$ ls\n```\n", 1, "unknown directive 'rnu'"),
        ("<!-- run: exti=1 -->\n```console\n$ ls\n```\n", 1, "unknown option 'exti=1'"),
        ("<!-- run: volatile=weather -->\n```console\n$ ls\n```\n", 1, "unknown option 'volatile=weather'"),
        ("<!-- run: exit=x -->\n```console\n$ ls\n```\n", 1, "unknown option 'exit=x'"),
        ("<!-- run: -->\n```console\n$ ls\n```\n", 1, "at least one option"),
        ("<!-- skip: -->\n```console\n$ ls\n```\n", 1, "needs its reason"),
        ("<!-- run: exit=1 -->\n\nText.\n", 1, "directly before a fence"),
        ("<!-- skip: no account -->\n", 1, "directly before a fence"),
        ("<!-- run: exit=1 -->\n```text\nls\n```\n", 1, "not run"),
        ('```python tilte="a.py"\n1\n```\n', 1, "unknown option 'tilte'"),
        ('```python title="../a.py"\n1\n```\n', 1, "outside the sandbox"),
        ('```python title="/etc/a.py"\n1\n```\n', 1, "outside the sandbox"),
        ('```python title="~/a.py"\n1\n```\n', 1, "outside the sandbox"),
        ('```console title="a"\n$ ls\n```\n', 1, "drop the title"),
        ("```console\nls\n```\n", 2, "begins with a command"),
        ("```console\n```\n", 1, "no command"),
        ("```pycon\n1\n```\n", 2, "begins with `>>> `"),
        ("```toml\n" + "a = 1\n" * 7 + "```\n", 1, "lines that nothing runs"),
        ('```python\n--8<-- "no/such/file.py"\n```\n', 1, "cannot be included"),
        ("- A\n\n    ```console\n  $ ls\n    ```\n", 4, "indented less"),
        ("<!-- start: examples/none -->\n```console\n$ ls\n```\n", 1, "names folders of examples/"),
        ("<!-- start: examples/public-api examples/none -->\n```console\n$ ls\n```\n", 1, "'examples/none' is none"),
        ("```console\n$ true\n```\n<!-- start: examples/none -->\n", 4, "before the first fence"),
    ],
)
def test_a_page_that_cannot_be_run_is_refused_with_its_line(page, text: str, line: int, reason: str) -> None:
    with pytest.raises(PageError, match=reason) as error:
        page(text)
    assert str(error.value).startswith(f"{page.path}:{line}: ")


def test_a_page_can_start_from_several_examples(page) -> None:
    text = console("$ pwd", "/home/reader/public-api", "$ ls ..", "data-files", "public-api")
    assert page("<!-- start: examples/public-api examples/data-files -->\n" + text).commands == 2


def test_a_title_through_a_symbolic_link_stays_inside(page) -> None:
    text = console("$ ln -s /tmp out") + '```text title="out/x.txt"\nx\n```\n'
    with pytest.raises(PageError, match=r"page.md:4: the title 'out/x.txt' points outside the sandbox"):
        page(text)


@exact
def test_another_output_fails_with_a_diff_that_names_page_and_line(page) -> None:
    with pytest.raises(PageFailure) as error:
        page(console("$ echo one; echo two", "one", "tow"))
    assert str(error.value).splitlines() == [
        f"{page.path}:2: `echo one; echo two` printed something else (`make update` rewrites outputs):",
        f"--- {page.path}:2 as the page shows it",
        f"+++ {page.path}:2 as it ran",
        "@@ -1,2 +1,2 @@",
        " one",
        "-tow",
        "+two",
    ]


def test_another_exit_status_fails_with_the_output(page) -> None:
    with pytest.raises(PageFailure, match=r"page.md:2: `ls none` exited 2, the page says 0") as error:
        page(console("$ ls none", "ls: cannot access 'none': No such file or directory"))
    assert "No such file" in str(error.value)
    with pytest.raises(PageFailure, match=r"exited 0, the page says 1"):
        page(console("$ true", before="<!-- run: exit=1 -->"))
    with pytest.raises(PageFailure, match=r"page.md:2: `false` exited 1, the page says 0"):
        page(console("$ false", "$ true"))


def test_a_script_must_exit_0(page) -> None:
    with pytest.raises(PageFailure, match=r"page.md:1: the script exited 1, the page says 0(.|\n)*ZeroDivisionError"):
        page("```python\n1 / 0\n```\n")


def test_a_prompt_at_the_start_of_an_output_line_is_refused(page) -> None:
    with pytest.raises(PageFailure, match=r"page.md:2: the output line '\$ ls' reads as a prompt"):
        page(console("$ echo '$ ls'", "$ ls"))
    with pytest.raises(PageFailure, match=r"page.md:2: the output line '> x' reads as a prompt"):
        page(console("$ echo '> x'"))


def test_a_command_that_hangs_fails_at_its_limit_and_is_stopped(page) -> None:
    begun = time.monotonic()
    with pytest.raises(
        PageFailure, match=r"page.md:3: `echo so far; sleep 603` *: the command still ran after 1 s.*so far"
    ):
        page(console("$ true", "$ echo so far; sleep 603"), limit=1)
    assert time.monotonic() - begun < 15
    assert "603" not in sleeping()


def test_a_command_that_asks_for_input_gets_none(page) -> None:
    with pytest.raises(PageFailure, match=r"page.md:2: .*exited 1(.|\n)*EOFError"):
        page(console('$ python -c "input()"'))


def test_exit_in_the_middle_of_a_page_fails(page) -> None:
    with pytest.raises(PageFailure, match=r"page.md:2: `exit 3`: the command ended the shell with status 3"):
        page(console("$ exit 3", "$ echo never"))


def test_output_without_end_fails(page) -> None:
    with pytest.raises(PageFailure, match=r"page.md:2: `yes`: the command printed more than 10,000,000 bytes"):
        page(console("$ yes"))


def test_a_background_command_that_does_not_start_fails(page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "STARTING", 0.5)
    with pytest.raises(PageFailure, match=r"page.md:3: `python nothing.py 8000` did not start(.|\n)*No such file"):
        page(console("$ python nothing.py 8000", before="<!-- run: background=server -->"))


# Volatile kinds

SAMPLES = {
    "seconds": (
        ["in 0.12s", "took 3 ms", "2.5 seconds", "1 second", "0.3 s", "in 98.88s (0:01:38)"],
        ["12", "s", "3 meters", "0.1x"],
    ),
    "patch": (["3.13.0", "Python 3.15.2", "3.15.0rc1"], ["3.13", "4.1.2", "v13.3.1x", "3.1.2.3"]),
    "pid": (["[1234]", "pid 77", "(pid: 9)", "pid=12"], ["1234", "rapid 5x", "[x1]", "[]"]),
    "address": (["at 0x7f00aa11bb22"], ["0x12", "7f00aa11bb22", "0xZZZZZZ"]),
    "importtime": (
        ["import time:       123 |       4567 | json"],
        ["import json: 123 | 4567 |", "123 | 4567 |"],
    ),
}


def test_every_volatile_kind_has_samples() -> None:
    assert set(SAMPLES) == set(mapping.VOLATILE) == set(VOLATILE)


def test_every_shell_that_a_page_can_name_can_be_started() -> None:
    assert set(PROGRAMS) == set(SHELLS)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_volatile_kind_accepts_its_samples_and_nothing_else(kind: str) -> None:
    accepted, rejected = SAMPLES[kind]
    for text in accepted:
        assert mapping.unmatched([text], [kind]) == [], text
        other = re.sub(r"[1-9](?!\.\d+\.)", "8", text)
        assert mapping.agree([text], [other], [kind]), (text, other)
        assert not mapping.agree([text], [text + "!"], [kind])
    for text in rejected:
        assert mapping.unmatched([text], [kind]) == [kind], text


def test_a_volatile_kind_that_matches_nothing_is_an_error(page) -> None:
    with pytest.raises(PageError, match=r"page.md:2: volatile=seconds matches nothing"):
        page(console("$ echo one", "one", before="<!-- run: volatile=seconds -->"))


@exact
def test_only_the_volatile_part_may_differ(page) -> None:
    page(console("$ echo ran 5 in 0.31s", "ran 5 in 0.02s", before="<!-- run: volatile=seconds -->"))
    with pytest.raises(PageFailure):
        page(console("$ echo ran 5 in 0.31s", "ran 4 in 0.02s", before="<!-- run: volatile=seconds -->"))


# Mapping


def test_what_is_mapped_and_nothing_else() -> None:
    box = mapping.Mapping("/x/page-1", ["/opt/python3.13", "/opt/python3"], PORTS, "http://127.0.0.1:999/simple/")
    output = (
        "Looking in indexes: http://127.0.0.1:999/simple\n"
        "Looking in indexes: http://127.0.0.1:999/simple, http://127.0.0.1:45678/simple\n"
        "Looking in indexes: http://127.0.0.1:45679/simple\n"
        "/x/page-1/home/reader/a.py /opt/python3.13/lib http://127.0.0.1:45678/ 145678\n"
        "bash: line 12: foo: command not found\n"
        "from http://127.0.0.1:999/simple/humanize/ and http://127.0.0.1:998/simple/\n"
        "  Downloading http://127.0.0.1:999/files/humanize-4.0-py3-none-any.whl (111 kB)\n"
    )
    assert box.shown(output) == [
        "Looking in indexes: PyPI, http://127.0.0.1:8000/simple",
        "Looking in indexes: http://127.0.0.1:8001/simple",
        "/home/reader/a.py /usr/lib http://127.0.0.1:8000/ 145678",
        "bash: foo: command not found",
        "from PyPI/humanize/ and http://127.0.0.1:998/simple/",
        "  Downloading humanize-4.0-py3-none-any.whl (111 kB)",
    ]
    assert box.typed("serve 8000 18000 80001 8001") == "serve 45678 18000 80001 45679"


@exact
def test_a_port_in_a_file_is_the_one_that_commands_reach(page) -> None:
    file = '```toml title="serve.toml"\naddress = "127.0.0.1:8001"\ncount = 18001\n```\n'
    page(file + console("$ grep -c ':8001\\b' serve.toml", "1", "$ grep count serve.toml", "count = 18001"))


def test_a_process_without_its_environment_is_stopped(page) -> None:
    page(console("$ env -i sleep 603 > /dev/null 2>&1 &"))
    assert "603" not in sleeping()


# Needs


def test_a_page_that_needs_what_is_missing_is_not_run(page, monkeypatch) -> None:
    monkeypatch.setitem(system.PROGRAMS, "nginx", (lambda: None, "nginx is missing: apt install nginx-light"))
    result = page("<!-- needs: nginx -->\n" + console("$ false"))
    assert result.missing == [f"{page.path}: nginx is missing: apt install nginx-light"]
    assert (result.commands, result.record()) == (0, None)


def test_a_page_that_needs_what_is_there_is_run(page, monkeypatch) -> None:
    monkeypatch.setitem(system.PROGRAMS, "nginx", (lambda: "/usr/sbin/nginx", "nginx is missing"))
    with pytest.raises(PageFailure, match="exited 1"):
        page("<!-- needs: nginx -->\n" + console("$ false"))


def test_a_page_that_needs_several_pythons_finds_them_on_its_path(page) -> None:
    if system.lacking(["several-pythons"]):
        missing(*system.lacking(["several-pythons"]))
    text = console(
        "$ for series in 3.11 3.13 3.15; do",
        "> python$series -c 'import sys; print(*sys.version_info[:2])'",
        "> done; which python3.15",
        "3 11",
        "3 13",
        "3 15",
        "/usr/bin/python3.15",
        before="<!-- needs: several-pythons -->",
    )
    assert page(text).commands == 1


def test_a_python_that_lacks_wheels_is_told_apart(monkeypatch) -> None:
    newest = pythons.Interpreter(Path("python"), "3.99.0", "3.99", True, "")
    for python, reasons in ((pythons.Interpreter(Path("python"), "3.13.0", "3.13", True, ""), 0), (newest, 1)):
        monkeypatch.setattr(pythons, "reference", lambda python=python: python)
        assert len(system.lacking(["pyyaml"])) == reasons


@pytest.mark.parametrize(("here", "outcome"), [(True, pytest.fail.Exception), (False, pytest.skip.Exception)])
def test_what_another_system_has_is_not_missing_here(monkeypatch, here: bool, outcome: type[BaseException]) -> None:
    monkeypatch.setenv("REQUIRE_SYSTEM", "1")
    monkeypatch.setitem(system.ONLY_ON, "debian-python", lambda: here)
    with pytest.raises(outcome, match="no such Python"):
        missing("no such Python", ["nginx", "debian-python"])
    with pytest.raises(pytest.fail.Exception):
        missing("no nginx", ["nginx"])


def test_a_page_cannot_need_what_nobody_looks_for(page) -> None:
    with pytest.raises(PageError, match="needs names 'ngnix'; what it may name is nginx, "):
        page("<!-- needs: ngnix -->\n" + console("$ true"))


# Update


@exact
def test_update_rewrites_outputs_and_nothing_else(page) -> None:
    old = """
        # T

        - item

            ```console
            $ printf 'a\\n\\nb\\n'
            old
            $ echo c
            ```

        ```pycon
        >>> 1 + 1
        3
        ```

        End
        """
    runner.rewrite(page(old, update=True))
    new = textwrap.dedent(old).lstrip().replace("    old\n", "    a\n\n    b\n").replace("echo c\n", "echo c\n    c\n")
    new = new.replace("\n3\n", "\n2\n")
    assert page.path.read_text() == new
    assert page(new).updated == {}
    assert [p.name for p in page.path.parent.iterdir()] == ["page.md"]


@exact
def test_update_leaves_volatile_parts_alone(page) -> None:
    assert page(console("$ echo 0.31s", "0.02s", before="<!-- run: volatile=seconds -->"), update=True).updated == {}


@exact
def test_update_refuses_another_exit_status_and_writes_nothing(page) -> None:
    with pytest.raises(PageFailure, match=r"exited 1, the page says 0"):
        page(console("$ echo new", "old", "$ false"), update=True)
    assert "old" in page.path.read_text()


# The checker is checked


@exact
def test_the_comparison_that_tolerates_anything_is_found_out(monkeypatch: pytest.MonkeyPatch, page) -> None:
    result = page(console("$ printf 'a\\nb\\n'", "a", "b"))
    assert runner.tolerated_mutations(result) == []
    monkeypatch.setattr(runner, "agree", lambda *_: True)
    assert len(runner.tolerated_mutations(result)) > 4


@pytest.mark.parametrize("path", [*pages(), *HOSTILE], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_scanner_finds_every_fence_that_the_site_shows(path: Path) -> None:
    """The count of fences equals that of the Markdown engine with which the site is built."""
    seen: list[str] = []

    def count(source: str, language: str, *_: object, **__: object) -> str:
        seen.append(language)
        return ""

    any_fence = {"name": "*", "class": "any", "format": count, "validator": lambda *_: True}
    fences = {"custom_fences": [any_fence]}
    text = path.read_text("utf-8")
    extensions = [
        "attr_list",
        "md_in_html",
        "admonition",
        "pymdownx.superfences",
        "pymdownx.tabbed",
        "pymdownx.details",
    ]
    configs = {"pymdownx.superfences": fences, "pymdownx.tabbed": {"alternate_style": True}}
    markdown.markdown(text.split("\n---\n", 1)[-1], extensions=extensions, extension_configs=configs)
    assert sorted(fence.language for fence in parse(path).fences) == sorted(seen)


# Records


@exact
def test_a_record_is_of_a_whole_exact_run_only(page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "ROOT", page.path.parent)
    monkeypatch.setattr(runner, "fingerprint", lambda *_: "f")
    whole = page(console("$ echo 1", "1")).record()
    assert whole == record.Record("page.md", "f", 1, whole.date, pythons.reference().version, None, [])
    assert page(console("$ echo 2", "1"), update=True).record() is None


def test_one_page_can_be_run_alone() -> None:
    command = ["-m", "pytest", "--collect-only", "-q", "-k", "relative-imports", "tests/test_pages.py"]
    found = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    names = [line.split("[")[1].rstrip("]") for line in found.stdout.splitlines() if "[" in line]
    assert names == ["packages/relative-imports", "examples/relative-imports/README"]


def test_under_another_python_differing_blocks_are_listed_and_exit_statuses_still_count(
    page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.pythons, "reference_version", lambda: "3.99.0")
    result = page(console("$ echo one", "two"))
    assert (result.differing, result.record()) == ([f"{page.path}:2"], None)
    with pytest.raises(PageFailure, match=r"exited 1, the page says 0"):
        page(console("$ false"))


def test_a_page_that_changes_the_machines_own_python_fails(tmp_path: Path) -> None:
    python = pythons.Interpreter(tmp_path / "bin/python3.13", "3.13.0", "3.13", True, str(tmp_path))
    folder = tmp_path / "lib/python3.13/site-packages"
    folder.mkdir(parents=True)
    with pytest.raises(PageFailure, match=r"the page changed the machine's own Python: \['left'\]"):
        with runner._machine_unchanged(python):
            (folder / "left").mkdir()
