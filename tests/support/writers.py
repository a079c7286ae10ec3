"""Many processes that write to a web application at once, and keep an own account of what they were told.

    python writers.py PORT KEY FOLDER WRITERS ROWS

Each writer adds packages with names of its own, one after the other, and tries again where it has no answer, or one
that says 503. It writes a line into a file of its own, and has the system put it on the disk, for each package:

    stored ID NAME      the answer was 201
    found 0 NAME        the answer was 409, after one that was lost: who did that is not known
    refused STATUS NAME any other answer, or a 409 to a name that nobody had asked for
    gave-up 0 NAME      no answer in all the attempts

and at the end one line `tried 503:3 lost:2 …`, of what it met on its way. It knows nothing of the application but its
address: it needs the standard library alone, and the processes are forked, so that fifty of them are light.
"""

import http.client
import json
import os
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

ATTEMPTS = 400  # for one package
PAUSE = 0.05  # seconds between two of them
TIMEOUT = 30  # seconds for one answer


def add(port: int, key: str, name: str) -> tuple[int, dict]:
    """Ask for one package; raise OSError or HTTPException where no answer comes back."""
    body = json.dumps({"name": name, "summary": f"The package {name}", "url": f"https://example.org/{name}"})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("POST", "/api/packages", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if len(content) != int(answer.headers["Content-Length"]):
            raise http.client.IncompleteRead(content)
        return answer.status, json.loads(content) if answer.status == 201 else {}
    finally:
        connection.close()


def settle(port: int, key: str, name: str, tried: Counter) -> str:
    """Add one package, and give the line that says how it went."""
    doubtful = False  # whether it may have been stored without our having been told
    for _ in range(ATTEMPTS):
        try:
            status, told = add(port, key, name)
        except ConnectionRefusedError:
            tried["refused-connection"] += 1
        except (OSError, http.client.HTTPException):
            tried["lost"] += 1
            doubtful = True
        else:
            tried[str(status)] += 1
            if status == 201:
                return f"stored {told['id']} {name}"
            if status == 409 and doubtful:
                return f"found 0 {name}"
            if status != 503:
                return f"refused {status} {name}"
            doubtful = True
        time.sleep(PAUSE)
    return f"gave-up 0 {name}"


def write(port: int, key: str, log: Path, names: list[str]) -> None:
    """Add the packages, one after the other."""
    tried = Counter()
    with log.open("w", encoding="utf-8") as file:
        for name in names:
            line = settle(port, key, name, tried)
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        file.write("tried " + " ".join(f"{what}:{count}" for what, count in sorted(tried.items())) + "\n")


def main() -> int:
    """Start the writers, wait for all of them, and give the number of those that failed."""
    port, key, folder, writers, rows = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:])
    started = []
    for number in range(writers):
        pid = os.fork()
        if pid == 0:
            failed = 1
            try:
                names = [f"writer{number}-row{row}" for row in range(rows)]
                write(port, key, folder / f"{number}.log", names)
                failed = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(failed)
        started.append(pid)
    return sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in started)


if __name__ == "__main__":
    sys.exit(main())
