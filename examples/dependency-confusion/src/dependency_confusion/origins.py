"""Check which server each package would come from, by what pip says before it installs."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


class Unusable(ValueError):
    """The report does not answer the question; the message says what to do."""


@dataclass(frozen=True)
class Origin:
    """Where one package would come from."""

    name: str
    version: str
    url: str


def origins(report: Path) -> list[Origin]:
    """Read what pip would install, and from where.

    Args:
        report: what `pip install --dry-run --report FILE` wrote; its form is
            https://pip.pypa.io/en/stable/reference/installation-report/

    Returns:
        One entry per package, in the order of their names.

    Raises:
        Unusable: the file is not such a report.
    """
    try:
        read = json.loads(report.read_text("utf-8"))
        found = [
            Origin(entry["metadata"]["name"], entry["metadata"]["version"], entry["download_info"]["url"])
            for entry in read["install"]
        ]
    except (ValueError, LookupError, TypeError) as error:
        raise Unusable(
            f"{report}: not a report of pip; write one with `pip install --dry-run --report {report}`"
        ) from error
    return sorted(found, key=lambda origin: origin.name)


# --8<-- [start:strangers]
def strangers(found: list[Origin], private: str, index: str) -> list[Origin]:
    """List the packages that have a private name and come from somewhere else.

    Args:
        found: where each package would come from.
        private: the names that are yours, such as `team-*`.
        index: what the addresses of your files begin with.

    Returns:
        The packages to worry about.

    Raises:
        Unusable: no package has a private name, so that nothing was checked.
    """
    yours = [origin for origin in found if fnmatchcase(_normal(origin.name), _normal(private))]
    if not yours:
        raise Unusable(f"no package is called {private}; correct the pattern, or add --ignore-installed for pip")
    return [origin for origin in yours if not origin.url.startswith(index.rstrip("/") + "/")]


# --8<-- [end:strangers]


def _normal(name: str) -> str:
    """Write a name, or a pattern of names, as indexes compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
