"""One shell that lasts for a page: commands go in one by one, each comes back with its output and exit status."""

import contextlib
import os
import secrets
import subprocess
import threading
import time
from pathlib import Path

LIMIT = 120.0  # seconds for one command; on busy cores an installation takes one minute
LARGEST = 10_000_000  # bytes of output of one command

# Commands arrive on standard input, each ended by a NUL; the page's own commands have an empty one. Descriptor 9
# keeps the channel for the mark after each command, also where the page redirects its own output.
BASH = r"""
__give() { return "$1"; }
__status=0
exec 9>&1
while IFS= read -r -d '' __command; do
  __give "$__status"
  eval "$__command" </dev/null 9>&-
  __status=$?
  printf '\0%s %d\0' "$1" "$__status" >&9
done
"""
ZSH = BASH.replace("read -r -d ''", "read -r -d $'\\0'")
FISH = r"""
set -g mark $argv[1]
while read -z command_of_page
  eval $command_of_page </dev/null
  printf '\0%s %d\0' $mark $status
end
"""
PROGRAMS = {
    "bash": ["bash", "--noprofile", "--norc", "-c", BASH, "bash"],
    "zsh": ["zsh", "-f", "-c", ZSH, "zsh"],
    "fish": ["fish", "--no-config", "-c", FISH],
}


class ShellError(Exception):
    """A command that cannot come to its end."""


class Shell:
    """A running shell."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str], prefix: tuple[str, ...] = ()) -> None:
        """Start the shell in a folder, in a session of its own, with that environment and nothing on its input."""
        self._mark = secrets.token_hex(12).encode()
        self._buffer = bytearray()
        self._arrived = threading.Condition()
        self._process = subprocess.Popen(
            [*prefix, *PROGRAMS[name], self._mark.decode()],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def run(self, command: str, limit: float = LIMIT) -> tuple[str, int]:
        """Run one command.

        Args:
            command: what the reader types, of one or more lines.
            limit: seconds until it counts as hanging.

        Returns:
            Its output, standard output and error together, and its exit status.

        Raises:
            ShellError: if the shell has ended, or the command hangs or prints without end.
        """
        try:
            self._process.stdin.write(command.encode() + b"\0")
            self._process.stdin.flush()
        except OSError as error:
            raise ShellError("the shell has ended: an earlier command left it (exit or exec)") from error
        end = time.monotonic() + limit
        start = b"\0" + self._mark + b" "
        with self._arrived:
            while True:
                position = self._buffer.find(start)
                stop = self._buffer.find(b"\0", position + 1) if position >= 0 else -1
                if stop >= 0:
                    output = bytes(self._buffer[:position])
                    status = int(self._buffer[position + len(start) : stop])
                    del self._buffer[: stop + 1]
                    return output.decode("utf-8", "backslashreplace"), status
                self._check(limit, end)
                self._arrived.wait(0.1)

    def close(self) -> None:
        """Let the shell end; what it started is the sandbox's to stop."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def _check(self, limit: float, end: float) -> None:
        output = bytes(self._buffer[-600:]).decode("utf-8", "backslashreplace")
        if len(self._buffer) > LARGEST:
            raise ShellError(f"the command printed more than {LARGEST:,} bytes; its last lines: {output}")
        if self._process.poll() is not None:
            self._arrived.wait(0.2)  # what it printed last may still be on its way
            if self._mark not in self._buffer:
                status = self._process.returncode
                raise ShellError(f"the command ended the shell with status {status}; commands after it cannot run")
        if time.monotonic() > end:
            raise ShellError(f"the command still ran after {limit:g} s; its last output: {output!r}")

    def _read(self) -> None:
        with self._process.stdout as stream:
            while chunk := os.read(stream.fileno(), 65536):
                with self._arrived:
                    self._buffer += chunk
                    self._arrived.notify()
