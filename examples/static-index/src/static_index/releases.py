"""What files do not say themselves: whether they are yanked, and when they were uploaded."""

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from static_index.read import Refused


@dataclass(frozen=True)
class Releases:
    """What an index adds to what its files say.

    Attributes:
        yanked: Why a file is yanked (PEP 592), by file name. The reason may be empty.
        uploaded: When a file was uploaded (PEP 700), by file name.
    """

    yanked: dict[str, str] = field(default_factory=dict)
    uploaded: dict[str, datetime] = field(default_factory=dict)


def read_releases(path: Path) -> Releases:
    """Read a file such as this one:

        [yanked]
        "greet-1.0-py3-none-any.whl" = "greets the wrong person"

        [uploaded]
        "greet-1.1-py3-none-any.whl" = 2026-11-02T09:30:00Z

    Raises:
        Refused: The file is not TOML, or says something else.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{path}: cannot be read ({error}); correct it") from error
    if unknown := sorted(tables.keys() - {"yanked", "uploaded"}):
        raise Refused(f"{path}: unknown key {unknown[0]!r}; the tables are [yanked] and [uploaded]")
    yanked, uploaded = tables.get("yanked", {}), tables.get("uploaded", {})
    if not isinstance(yanked, dict) or not isinstance(uploaded, dict):
        raise Refused(f"{path}: yanked and uploaded are tables; write [yanked] and [uploaded]")
    for name, reason in yanked.items():
        if not isinstance(reason, str):
            raise Refused(f"{path}: the reason for {name!r} in [yanked] is not a text; quote it")
    for name, time in uploaded.items():
        if not isinstance(time, datetime) or time.tzinfo is None:
            raise Refused(f"{path}: the time of {name!r} in [uploaded] is not like 2026-11-02T09:30:00Z")
    return Releases(yanked, {name: time.astimezone(UTC) for name, time in uploaded.items()})
