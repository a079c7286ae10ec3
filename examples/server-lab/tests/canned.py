"""Results as a run could have found them, with round numbers."""

from dataclasses import replace

from server_lab.results import (
    SCHEMA,
    Broken,
    Faults,
    Idle,
    Killed,
    Machine,
    Measured,
    Reloaded,
    Results,
    Round,
    Settings,
    SlowClients,
    Stopped,
)


def round_(rate: float, wait: float | None = None) -> Round:
    return Round(start=0.5, rate=rate, p50=10 / rate, p99=40 / rate, errors=0, worker=20e6, whole=rate * 1e5, wait=wait)


GOOD = Faults(
    stopped=Stopped(answered=True, exit=0),
    reloaded=Reloaded(failed=0, total=4321, done=3),
    broken=Broken(answered=10, asked=10, runs=True),
    killed=Killed(in_flight=True, failed=2, total=900, back=True, up=True),
    slow_clients=SlowClients(number=100, answered=10, asked=10),
    idle=Idle(number=10_000, connected=10_000, held=9_999, answered=10, asked=10, memory=5_000_000),
    malformed={"no Host": "400", "two lengths": "closed", "no HTTP": "silent", "length and chunks": "200"},
)
BAD = Faults(
    stopped=Stopped(answered=False, exit=None),
    reloaded=None,
    broken=None,
    killed=Killed(in_flight=True, failed=700, total=700, back=False, up=False),
    slow_clients=SlowClients(number=100, answered=3, asked=10),
    idle=Idle(number=10_000, connected=128, held=1, answered=0, asked=10, memory=0),
    malformed={"no Host": "400", "two lengths": "431", "no HTTP": "501", "length and chunks": "411"},
)
WORSE = replace(
    GOOD,
    reloaded=Reloaded(failed=12, total=60, done=1),
    broken=Broken(answered=0, asked=10, runs=False),
    killed=Killed(in_flight=False, failed=3, total=30, back=False, up=True),
)
RESULTS = Results(
    schema=SCHEMA,
    date="2026-11-21",
    machine=Machine(cores=2, processor="An Example", kernel="Linux 6.1", python="3.13.0"),
    versions={"gunicorn": "27.0.1", "wrk": "4.1.0"},
    settings=Settings(
        quick=False, rounds=3, seconds=1, connections=16, slow=0.5, idle=10_000, slow_clients=100, patience=2
    ),
    servers={
        "gunicorn-sync": Measured(
            "gunicorn sync",
            2,
            1,
            {"bare": [round_(100, 1.0), round_(200, 1.5), round_(400, 1.0)], "flask": [round_(100)] * 3},
            GOOD,
        ),
        "granian": Measured(
            "granian",
            2,
            4,
            {"bare": [round_(300, 0.01), round_(500, 0.02), round_(1600, 0.01)], "flask": [round_(250)] * 3},
            WORSE,
        ),
        "wsgiref": Measured(
            "wsgiref",
            1,
            0,
            {"bare": [round_(110, 2.0), round_(180, 2.0), round_(440, 2.0)], "flask": [round_(50)] * 3},
            BAD,
        ),
    },
    left_out={"mod-wsgi": "Apache is missing"},
)
QUICK = replace(RESULTS, settings=replace(RESULTS.settings, quick=True, rounds=1))
