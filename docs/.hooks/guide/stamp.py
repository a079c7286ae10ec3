"""The stamp at the foot of a page: what ran, when and with what, where nothing has changed since."""

from html import escape
from pathlib import Path, PurePosixPath

from guide import ROOT
from guide.record import Record, is_current, load


def stamp(page: Path, root: Path = ROOT) -> str | None:
    """Write the stamp of a page as HTML, or None where no run speaks of the page as it is now."""
    record = load(page, root)
    if record is None or not record.commands or not is_current(record, root):
        return None
    return f'<p class="stamp">{sentence(record)}</p>\n'


def sentence(record: Record) -> str:
    """Say what a record says: 12 commands ran on 2026-11-20 with Python 3.13.0, pip 26.3."""
    commands = "1 command" if record.commands == 1 else f"{record.commands} commands"
    pythons = " and ".join([record.python, *record.others])
    tools = f"Python {pythons}" + (f", pip {record.pip}" if record.pip else "")
    day = escape(record.date)
    return f'{commands} ran on <time datetime="{day}">{day}</time> with {escape(tools)}.'


def place(page: PurePosixPath) -> PurePosixPath:
    """Where the theme looks for a page's stamp: the page's address, then stamp.html.

    Args:
        page: relative to docs/.

    Returns:
        A path relative to the folder of stamps.
    """
    folder = page.parent if page.name == "index.md" else page.with_suffix("")
    return folder / "stamp.html"
