"""The one pre-build step: writes everything that is generated, as plain files that both builders read.

MkDocs runs it as a hook; before Zensical, which has no hooks, run it by hand: python docs/.hooks/prebuild.py
A file is written only where its content changes, since a builder that watches would start again.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import FileSystemBytecodeCache
from mkdocs.exceptions import PluginError
from watchdog.observers.polling import PollingObserver

sys.path.insert(0, str(Path(__file__).parent))

from guide import ROOT, archive, backends, get, growth, links, many_machines, server_lab, skips, stamp, static_files
from guide.archive import ExampleError
from guide.page import PageError, pages

if TYPE_CHECKING:
    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.livereload import LiveReloadServer
    from mkdocs.structure.files import Files

DOWNLOADS = Path("docs/downloads")
GENERATED = Path("docs/.generated")
STAMPS = Path("docs/.overrides/stamps")
FAULTS = (ExampleError, PageError, ImportError, server_lab.results.ResultsError)


def generate(root: Path = ROOT) -> None:
    """Write what is generated, and remove what was generated before and is not any more.

    Raises:
        ExampleError: where an example lacks what its download or its block needs.
        PageError: where a page cannot be run as it is written.
        ImportError: where pip is missing.
    """
    written = {_write(root, GENERATED / "links.md", links.links().encode())}
    written.add(_write(root, GENERATED / "backends.md", backends.tables(backends.read()).encode()))
    written.add(_write(root, GENERATED / "pypi-growth.md", growth.table(growth.read()).encode()))
    written.add(_write(root, GENERATED / "static-files.md", static_files.table(static_files.read()).encode()))
    counted = many_machines.read()
    written.add(_write(root, GENERATED / "many-machines.md", many_machines.table(counted).encode()))
    written.add(_write(root, GENERATED / "many-machines-without.md", many_machines.table_without(counted).encode()))
    lab = server_lab.read()
    written.add(_write(root, GENERATED / "server-lab.md", server_lab.tables(lab).encode()))
    for name, plot in server_lab.plots(lab).items():
        written.add(_write(root, GENERATED / name, plot.encode()))
    faults = []
    for name in archive.names(root):
        try:
            packed = archive.pack(name, root)
            block = get.block(name, len(packed), root)
        except ExampleError as error:
            faults.append(str(error))
            continue
        written.add(_write(root, DOWNLOADS / f"{name}.zip", packed))
        written.add(_write(root, GENERATED / "get" / f"{name}.md", block.encode()))
    if faults:
        raise ExampleError("\n".join(faults))
    # From here on pages are parsed, which include what was written above.
    written.add(_write(root, GENERATED / "skips.md", skips.skips(root).encode()))
    for page in pages(root):
        path = page.relative_to(root)
        if path.parts[0] == "docs" and (text := stamp.stamp(page, root)):
            written.add(_write(root, STAMPS / stamp.place(path.relative_to("docs")), text.encode()))
    _remove_others(root, written)


def on_config(config: "MkDocsConfig") -> None:
    """Run before every build by MkDocs."""
    try:
        generate()
    except FAULTS as error:
        raise PluginError(str(error)) from error


def on_files(files: "Files", config: "MkDocsConfig") -> None:
    """Keep the compiled templates of the reference pages from build to build, before the first page is read."""
    _keep_templates(config.plugins["mkdocstrings"].get_handler("python").env)


def on_env(env: "Environment", **_: object) -> None:
    """Keep the compiled templates of the theme, too: together they take a quarter of the time of a build."""
    _keep_templates(env)


def on_serve(server: "LiveReloadServer", config: "MkDocsConfig", **_: object) -> None:
    """Build again, too, when an example changes; look for changes ten times a second, not twice, and begin sooner."""
    watched = [config.docs_dir, config.config_file_path]
    for path in watched:
        server.unwatch(path)
    server.observer = PollingObserver(timeout=0.1)
    server.build_delay = 0.05
    for path in [*watched, str(ROOT / "examples")]:
        server.watch(path)


def _keep_templates(env: "Environment") -> None:
    folder = ROOT / ".cache/templates" / version("jinja2")
    folder.mkdir(parents=True, exist_ok=True)
    env.bytecode_cache = FileSystemBytecodeCache(str(folder))


def _write(root: Path, path: Path, content: bytes) -> Path:
    target = root / path
    if not target.is_file() or target.read_bytes() != content:
        # Whole or not at all, and never a half-written file where a builder looks.
        draft = root / f".cache/prebuild-{os.getpid()}"
        for folder in (draft.parent, target.parent):
            folder.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(target)
    return path


def _remove_others(root: Path, written: set[Path]) -> None:
    for folder in (DOWNLOADS, GENERATED, STAMPS):
        for path in sorted((root / folder).rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(root) not in written:
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        generate()
    except FAULTS as error:
        sys.exit(f"pre-build step: {error}")
