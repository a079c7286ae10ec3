"""The Windows tabs of the pages, run in PowerShell where there is one: the Windows job, not this one elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from guide import ROOT, archive
from guide.page import Page, pages, parse
from support.runner import commands

LIMIT = 600  # seconds for one page
LOOKS = ("(", "cat ", "grep ", "ls", "sed -n ")  # commands of other systems, and subshells, that change nothing
WINDOWS = [path for path in pages() if any(fence.kind == "windows" for fence in parse(path).fences)]
POWERSHELL = shutil.which("powershell") or shutil.which("pwsh")


def script(page: Page) -> list[str | tuple[str, str]]:
    """Give what a reader on Windows does from top to bottom.

    Files are pairs of a title and a text, everything else is one command. Commands outside of tabs hold for every
    system where they begin with `python`, until one that does not is left out: what that one makes, later ones may
    need. A Windows tab brings its reader back in step. Those that must fail, go on in the background or pipe into
    a program of another system are left out, too.
    """
    steps: list[str | tuple[str, str]] = []
    in_step = True
    for fence in page.fences:
        if fence.kind == "file":
            steps.append((fence.title or "", "".join(line + "\n" for line in fence.text)))
        elif fence.kind == "windows":
            steps += [line for line in fence.text if line.strip()]
            in_step = True
        elif fence.kind == "console" and not fence.indent and not fence.options.exit:
            lines = [command.text for command in commands(fence) if not command.text.startswith(LOOKS)]
            if fence.options.python or fence.options.background or not all(map(_holds_everywhere, lines)):
                in_step = False
            elif in_step:
                steps += [line for line in lines if " | " not in line]
    return steps


def _holds_everywhere(command: str) -> bool:
    return command.startswith("python ") and "*" not in command


def test_the_steps_are_the_windows_tab_and_what_holds_everywhere(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        """# T

```console
$ python -m a
```

```console
$ ls
$ python -m a | tail -n 1
$ python -m c
```

<!-- run: exit=1 -->
```console
$ python -m b
```

=== "Linux"

    ```console
    $ python linux.py
    ```

=== "Windows"

    ```powershell
    py -m venv .venv
    .venv\\Scripts\\activate
    ```

```python title="a.py"
print("a")
```

```console
$ python a.py
```

```console
$ mkdir d
```

```console
$ python -m d
```
"""
    )
    steps = [
        "python -m a",
        "python -m c",
        "py -m venv .venv",
        ".venv\\Scripts\\activate",
        ("a.py", 'print("a")\n'),
        "python a.py",
    ]
    assert script(parse(page)) == steps


@pytest.mark.skipif(not POWERSHELL, reason="PowerShell is not on this machine: Windows tabs run on the Windows job")
@pytest.mark.parametrize("path", WINDOWS, ids=lambda path: path.stem)
def test_the_windows_tab_runs_in_powershell(path: Path, tmp_path: Path, index_url: str) -> None:
    page = parse(path)
    start = next(iter([archive.unpack(example, tmp_path) for example in page.starts]), tmp_path)
    lines = ["$ErrorActionPreference = 'Stop'"]
    for number, step in enumerate(script(page)):
        if isinstance(step, tuple):
            kept = tmp_path / f"file-{number}"
            kept.write_text(step[1], "utf-8")
            target = start / step[0]
            lines += [
                f"New-Item -ItemType Directory -Force '{target.parent}' | Out-Null",
                f"Copy-Item '{kept}' '{target}'",
            ]
        else:
            lines += ["$LASTEXITCODE = 0", step, "if ($LASTEXITCODE) { exit $LASTEXITCODE }"]
    environment = os.environ | {"PIP_INDEX_URL": index_url, "PIP_CONFIG_FILE": os.devnull}
    environment |= {"UV_DEFAULT_INDEX": index_url, "PY_PYTHON": "{}.{}".format(*sys.version_info)}
    run = subprocess.run(
        [POWERSHELL, "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", "\n".join(lines)],
        cwd=start,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert run.returncode == 0, f"{path.relative_to(ROOT)}:\n{run.stdout}{run.stderr}"
