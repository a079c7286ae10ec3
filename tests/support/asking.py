"""A client that asks a server for one file again and again, as fast as it gets it; tests/bench.py starts several.

Run as a command:  python asking.py PORT PATH SECONDS  prints how often the file came.
"""

import socket
import sys
import time

LIMIT = 10  # seconds for one answer


def ask(port: int, path: str, seconds: float) -> int:
    """Ask for a file until the time has passed, and say how often it came.

    One connection is used for as long as the server lets it; nginx closes each after its 1,000th request.

    Args:
        port: of a server on this machine.
        path: of the file, as a browser would write it.
        seconds: how long.

    Raises:
        ValueError: the answer is not the file, or is cut short.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    answers, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            goes_on = True
            while goes_on and time.monotonic() < end:
                line.sendall(request)
                goes_on = read(line)
                answers += 1
    return answers


def read(line: socket.socket) -> bool:
    """Read one answer to its end, and say whether another may follow over this connection."""
    got, head, size = b"", b"", None
    while size is None or len(got) < size:
        part = line.recv(65536)
        got += part
        if size is None and (end := got.find(b"\r\n\r\n")) >= 0:
            head = got[:end].lower() + b"\r"
            at = head.index(b"content-length:") + len("content-length:")
            size = end + 4 + int(head[at : head.index(b"\r", at)])
        if not part or not got.startswith(b"HTTP/1.1 200 ") or (size is not None and len(got) > size):
            raise ValueError(f"not the file: {got[:200]!r}")
    return b"connection: close" not in head


if __name__ == "__main__":
    print(ask(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
