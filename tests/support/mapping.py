"""From what a command printed here to what a page shows, and the typed parts of a line that may differ.

Both tables are short and whole: a difference that they do not name fails the page.
"""

import re
from collections.abc import Sequence

# The parts of a line that no two runs share, each opted into by name: `<!-- run: volatile=seconds -->`.
VOLATILE: dict[str, re.Pattern[str]] = {
    "seconds": re.compile(r"\b\d+(?:\.\d+)?(?: ?(?:ms|µs|s)| seconds?)\b(?: \(\d+:\d\d:\d\d\))?"),
    "patch": re.compile(r"\b3\.\d+\.\d+(?:(?:a|b|rc)\d+)?\+?(?![\w.])"),
    "pid": re.compile(r"\[\d+\]|(?<=\bpid )\d+\b|(?<=\bpid: )\d+\b|(?<=\bpid=)\d+\b"),
    "address": re.compile(r"\b0x[0-9a-f]{6,16}\b"),
    "importtime": re.compile(r"(?<=^import time:) +\d+ \| +\d+(?= \|)", re.MULTILINE),
}
FILE = r"(Downloading|Using cached) {origin}/files/"  # of a file from PyPI, pip gives the name alone
LOOKING = "Looking in indexes: {index}\n"  # which pip says of an index that is not its default, and PyPI is
SHELL_LINE = re.compile(r"^(bash|zsh): line \d+: ", re.MULTILINE)


class Mapping:
    """What this run's paths and ports are on the page."""

    def __init__(self, root: str, prefixes: Sequence[str], ports: dict[int, int], index_url: str) -> None:
        """Take the sandbox's folder, the prefixes of its Pythons, its free ports and the address of the index.

        Args:
            root: the folder of the sandbox.
            prefixes: where the Pythons of this machine lie.
            ports: for each port that pages name, the free one that stands for it.
            index_url: where pip finds packages.
        """
        self._index = (index_url.rstrip("/"), "/".join(index_url.split("/")[:3]))  # its pages, then its files
        self._file = re.compile(FILE.format(origin=re.escape(self._index[1])))
        self._ports = {str(documented): str(free) for documented, free in ports.items()}
        # the sandbox before the Pythons: one of them may live in a folder that the other's name begins with
        self._paths = [
            (root, ""),
            *((prefix, "/usr") for prefix in sorted(set(prefixes), key=len, reverse=True)),
        ]

    def typed(self, text: str) -> str:
        """Give the command to run, or the file to write, for what the page has: port 8000 is a free port."""
        return _exchange(text, self._ports)

    def shown(self, output: str) -> list[str]:
        """Give the lines that the page shows for an output."""
        output = self._file.sub(r"\1 ", output.replace(LOOKING.format(index=self._index[0]), ""))
        for address in self._index:
            output = output.replace(address, "PyPI")
        for actual, documented in self._paths:
            output = output.replace(actual, documented)
        output = SHELL_LINE.sub(r"\1: ", _exchange(output, {free: page for page, free in self._ports.items()}))
        lines = output.split("\n")
        return lines[:-1] if lines[-1] == "" else lines


def _exchange(text: str, ports: dict[str, str]) -> str:
    return re.sub(rf"(?<!\d)(?:{'|'.join(ports)})(?!\d)", lambda match: ports[match[0]], text)


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
