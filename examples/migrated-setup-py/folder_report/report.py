"""Add up the sizes of the files below a folder."""

import os
import pkgutil

import humanize


def kinds():
    """Read the table of kinds that the package brings along.

    Returns:
        The kind, such as "text", of each ending, such as ".md".
    """
    table = pkgutil.get_data("folder_report", "kinds.csv").decode("utf-8")
    return dict(line.split(",") for line in table.splitlines())


def sizes(folder):
    """Add up the sizes of all files below a folder.

    Args:
        folder: its path. Links in it are counted as links, not followed.

    Returns:
        The bytes of each kind that there is; what has no known ending is "other".

    Raises:
        ValueError: where the path is no folder.
    """
    if not os.path.isdir(folder):
        raise ValueError(folder + " is no folder: give the path of one")
    known = kinds()
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            kind = known.get(os.path.splitext(name)[1].lower(), "other")
            found[kind] = found.get(kind, 0) + os.lstat(os.path.join(above, name)).st_size
    return found


def lines(folder):
    """Write the sizes for people.

    Args:
        folder: its path.

    Returns:
        A line for each kind, the largest first.

    Raises:
        ValueError: where the path is no folder.
    """
    found = sizes(folder)
    ordered = sorted(found, key=lambda kind: (-found[kind], kind))
    return [humanize.naturalsize(found[kind]).rjust(10) + "  " + kind for kind in ordered]
