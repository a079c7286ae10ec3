"""Say how large the files of a folder are: an application with three dependencies of its own."""

from pathlib import Path

import click
import humanize
import jinja2

REPORT = jinja2.Template(
    """\
{% for name, size in files %}{{ "%10s" % size }}  {{ name }}
{% endfor %}{{ "%10s" % total }}  in all\
"""
)


def report(folder: Path) -> str:
    """List the files of a folder, largest first, each with its size, and the size of all.

    Args:
        folder: an existing folder; what lies in folders below it does not count.

    Returns:
        One line per file and a last line, sizes in units of 1000 bytes.
    """
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    largest_first = sorted(sizes.items(), key=lambda file: (-file[1], file[0]))
    files = [(name, humanize.naturalsize(size)) for name, size in largest_first]
    return REPORT.render(files=files, total=humanize.naturalsize(sum(sizes.values())))


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Say how large the files of FOLDER are."""
    click.echo(report(folder))
