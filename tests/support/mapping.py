"""From what a command printed here to what a page shows, and the typed parts of a line that may differ.

Both tables are short and whole: a difference that they do not name fails the page.
"""

import re
from collections.abc import Sequence

# The parts of a line that no two runs share, each opted into by name: `<!-- run: volatile=seconds -->`.
VOLATILE: dict[str, re.Pattern[str]] = {
    "seconds": re.compile(r"\b\d+(?:\.\d+)?(?: ?(?:ms|µs|s)| seconds?)\b"),
    "patch": re.compile(r"\b3\.\d+\.\d+(?:(?:a|b|rc)\d+)?\+?(?![\w.])"),
    "pid": re.compile(r"\[\d+\]|(?<=\bpid )\d+\b|(?<=\bpid: )\d+\b|(?<=\bpid=)\d+\b"),
    "address": re.compile(r"\b0x[0-9a-f]{6,16}\b"),
    "importtime": re.compile(r"(?<=^import time:) +\d+ \| +\d+(?= \|)", re.MULTILINE),
}
FILE = r"(Downloading|Using cached) {origin}/files/"  # of a file from PyPI, pip gives the name alone
LOOKING = re.compile(r"^Looking in indexes: http://127\.0\.0\.1:\d+/\S*\n", re.MULTILINE)
SHELL_LINE = re.compile(r"^(bash|zsh): line \d+: ", re.MULTILINE)


class Mapping:
    """What this run's paths and ports are on the page."""

    def __init__(self, root: str, prefixes: Sequence[str], port: int, index_url: str) -> None:
        """Take the sandbox's folder, the prefixes of its Pythons, its free port and the address of the index."""
        self._index = (index_url.rstrip("/"), "/".join(index_url.split("/")[:3]))  # its pages, then its files
        self._file = re.compile(FILE.format(origin=re.escape(self._index[1])))
        self._port = re.compile(rf"(?<!\d){port}(?!\d)")
        self._free = str(port)
        # the sandbox before the Pythons: one of them may live in a folder that the other's name begins with
        self._paths = [
            (root, ""),
            *((prefix, "/usr") for prefix in sorted(set(prefixes), key=len, reverse=True)),
        ]

    def typed(self, command: str) -> str:
        """Give the command to run for the command on the page: port 8000 is the free port."""
        return re.sub(r"(?<!\d)8000(?!\d)", self._free, command)

    def shown(self, output: str) -> list[str]:
        """Give the lines that the page shows for an output."""
        output = self._file.sub(r"\1 ", LOOKING.sub("", output))
        for address in self._index:
            output = output.replace(address, "PyPI")
        for actual, documented in self._paths:
            output = output.replace(actual, documented)
        output = SHELL_LINE.sub(r"\1: ", self._port.sub("8000", output))
        lines = output.split("\n")
        return lines[:-1] if lines[-1] == "" else lines


def agree(expected: Sequence[str], actual: Sequence[str], kinds: Sequence[str]) -> bool:
    """Tell whether two outputs are the same to the character, but for the volatile parts.

    Args:
        expected: the lines on the page.
        actual: the lines that came out, mapped.
        kinds: the volatile kinds that the page allows here.
    """
    return _settled(expected, kinds) == _settled(actual, kinds)


def unmatched(lines: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Give the kinds that no line has an example of: a directive that allows what does not vary is a fault."""
    text = "\n".join(lines)
    return [kind for kind in kinds if not VOLATILE[kind].search(text)]


def _settled(lines: Sequence[str], kinds: Sequence[str]) -> str:
    text = "".join(line + "\n" for line in lines)
    for kind in kinds:
        text = VOLATILE[kind].sub(f"<{kind}>", text)
    return text


def mutations(lines: Sequence[str]) -> list[list[str]]:
    """Give wrong versions of an expected output: every line changed, lost, doubled and swapped with the next."""
    wrong: list[list[str]] = [[*lines, "one line too many"]]
    for index, line in enumerate(lines):
        before, after = list(lines[:index]), list(lines[index + 1 :])
        wrong += [[*before, f"~{line}", *after], [*before, f"{line}~", *after], [*before, *after]]
        wrong.append([*before, line, line, *after])
        if after and after[0] != line:
            wrong.append([*before, after[0], line, *after[1:]])
    return wrong
