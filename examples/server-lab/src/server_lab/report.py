"""What results look like to people: tables as Markdown, plots as SVG for light and dark."""

from collections.abc import Callable
from html import escape

from server_lab.results import Measured, Results, Spread, base, ratios, ties, values

MB = 1e6  # bytes
NO_TIMES = "A quick run: it counts, and measures no times.\n"


def sections(results: Results) -> dict[str, str]:
    """Write each table, by its name.

    A quick run has none of what depends on time.
    """
    tables = {
        "machine": machine,
        "modes": modes,
        "stop": stop,
        "reload": reload,
        "killed": killed,
        "slow": slow,
        "idle": idle,
        "malformed": malformed,
    }
    timed = {"speed": speed, "latency": latency, "memory": memory, "wait": wait}
    written = {name: table(results) for name, table in tables.items()}
    return written | {name: NO_TIMES if results.settings.quick else table(results) for name, table in timed.items()}


def plots(results: Results) -> dict[str, str]:
    """Draw each plot, by its name; a quick run has none."""
    if results.settings.quick:
        return {}
    against = results.servers[base(results)].title
    return {
        "speed": draw(
            "Requests per second with Flask",
            f"relative to {against} in the same round",
            _titled(results, ratios(results, "flask", "rate")),
        ),
        "memory": draw(
            "Memory with Flask, all processes",
            "in MB",
            _titled(results, {name: _in_mb(one) for name, one in values(results, "flask", "whole").items()}),
        ),
    }


def markdown(results: Results) -> str:
    """Write everything as one Markdown file, which shows the plots that lie beside it."""
    written = sections(results)
    titles = {
        "machine": "Where and when",
        "modes": "What ran",
        "speed": "Requests per second",
        "latency": "Latency",
        "wait": "A fast request beside slow ones",
        "memory": "Memory",
        "stop": "SIGTERM during a request",
        "reload": "Reload",
        "killed": "A worker is killed",
        "slow": "Slow clients",
        "idle": "Idle connections",
        "malformed": "Malformed requests",
    }
    shown = {name: f"![{titles[name]}: the table below as bars]({name}.svg)\n\n" for name in plots(results)}
    parts = [f"## {title}\n\n{shown.get(name, '')}{written[name]}" for name, title in titles.items()]
    return "\n".join(["# What the server lab found\n", *parts])


def machine(results: Results) -> str:
    """Say where, when and with which versions."""
    where, how = results.machine, results.settings
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    rounds = "A quick run" if how.quick else f"{how.rounds} rounds in turn" if how.rounds > 1 else "One round"
    said = [
        f"{rounds} on {results.date}: {where.cores} cores, {where.processor}, {where.kernel}, Python {where.python};"
        f" {versions}."
    ]
    said += [f"{name} is left out: {reason}." for name, reason in results.left_out.items()]
    return " ".join(said) + "\n"


def modes(results: Results) -> str:
    """List the processes and threads of each server."""
    return _table(
        "Server | Processes | Threads of each",
        results,
        lambda server: [str(server.processes), str(server.threads) if server.threads else "as many as come"],
    )


def speed(results: Results) -> str:
    """Compare requests per second."""
    return _compared(results, {"Bare": ("bare", "rate"), "Flask": ("flask", "rate")})


def latency(results: Results) -> str:
    """Compare latency with Flask."""
    return _compared(results, {"p50": ("flask", "p50"), "p99": ("flask", "p99")})


def memory(results: Results) -> str:
    """Give the memory with Flask, of one worker and of all processes."""
    columns = {
        "One worker, MB": {name: _in_mb(one) for name, one in values(results, "flask", "worker").items()},
        "All, MB": {name: _in_mb(one) for name, one in values(results, "flask", "whole").items()},
    }
    return _spreads(results, columns)


def wait(results: Results) -> str:
    """Say how long a fast request waits beside slow ones, and how long a start takes."""
    slow = results.settings.slow
    waits = values(results, "bare", "wait")
    columns = {
        "Waits, slow requests": {
            name: Spread(one.median / slow, one.least / slow, one.most / slow) for name, one in waits.items()
        },
        "Start, s": values(results, "flask", "start"),
    }
    return _spreads(results, columns)


def stop(results: Results) -> str:
    """Say what SIGTERM does to a request that is being answered."""
    return _table(
        "Server | The request | Exit status",
        results,
        lambda server: [
            "answered" if server.faults.stopped.answered else "dropped",
            "killed after 10 s" if server.faults.stopped.exit is None else str(server.faults.stopped.exit),
        ],
    )


def reload(results: Results) -> str:
    """Say what reloads lose, and what a reload of broken code does."""

    def cells(server: Measured) -> list[str]:
        done, broken = server.faults.reloaded, server.faults.broken
        if done is None or broken is None:
            return ["no reload", "no reload"]
        lost = f"{done.failed:,} of {done.total:,}" + ("" if done.done == 3 else f", {done.done} of 3 took place")
        return [lost, _up(broken.answered, broken.asked)]

    return _table("Server | 3 reloads: failed | Broken code: site", results, cells)


def killed(results: Results) -> str:
    """Say what the end of a worker costs."""

    def cells(server: Measured) -> list[str]:
        found = server.faults.killed
        lost = found.failed + found.in_flight if found.up else None
        return [
            "all" if lost is None else f"{lost:,}",
            "back" if found.back else "site goes on, worker gone" if found.up else "site gone",
        ]

    return _table("Server | Requests lost | Afterwards", results, cells)


def slow(results: Results) -> str:
    """Say whether slow clients keep others from being answered."""
    number = next(iter(results.servers.values())).faults.slow_clients.number
    return _table(
        f"Server | Answered beside {number:,} slow clients",
        results,
        lambda server: [f"{server.faults.slow_clients.answered} of {server.faults.slow_clients.asked}"],
    )


def idle(results: Results) -> str:
    """Say what idle connections cost."""
    number = next(iter(results.servers.values())).faults.idle.number
    table = _table(
        "Server | Connections held | Others answered",
        results,
        lambda server: [f"{server.faults.idle.held:,}", f"{server.faults.idle.answered} of {server.faults.idle.asked}"],
    )
    return f"{table}\nUp to {number:,} connections send nothing: as many as are accepted within 20 seconds.\n"


def malformed(results: Results) -> str:
    """Say which malformed requests are refused, and which are answered as if nothing were wrong."""

    def cells(server: Measured) -> list[str]:
        found = server.faults.malformed
        taken = [name for name, status in found.items() if status[0] not in "45c"]  # an error, or "closed"
        refused = len(found) - len(taken)
        return [f"{refused} of {len(found)}", ", ".join(f"{name} ({found[name]})" for name in taken) or "none"]

    return _table("Server | Refused | Not refused", results, cells)


def _up(answered: int, asked: int) -> str:
    return "up" if answered == asked else "down" if not answered else f"{answered} of {asked} answered"


def _table(head: str, results: Results, cells: Callable[[Measured], list[str]]) -> str:
    lines = [head.split(" | "), ["---"] * (head.count(" | ") + 1)]
    lines += [[server.title, *cells(server)] for server in results.servers.values()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _compared(results: Results, columns: dict[str, tuple[str, str]]) -> str:
    """Write ratios to the base, with the pairs that tie."""
    against = results.servers[base(results)].title
    table = _spreads(results, {title: ratios(results, *what) for title, what in columns.items()})
    return f"{table}\nRelative to {against} in the same round: median (least to most).\n"


def _spreads(results: Results, columns: dict[str, dict[str, Spread]]) -> str:
    lines = [["Server", *columns], ["---", *["---:"] * len(columns)]]
    lines += [[server.title, *(_cell(column[name]) for column in columns.values())] for name, server in _items(results)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
    return table + "".join(f"\n{_tied(results, title, column)}\n" for title, column in columns.items())


def _items(results: Results) -> list[tuple[str, Measured]]:
    return list(results.servers.items())


def _tied(results: Results, title: str, column: dict[str, Spread]) -> str:
    """Name the groups of servers that tie."""
    groups = [", ".join(results.servers[name].title for name in group) for group in ties(column)]
    return f"Ties in “{title}”: {'; '.join(groups) or 'none'}."


def _cell(one: Spread) -> str:
    median, least, most = map(short, (one.median, one.least, one.most))
    return median if median == least == most else f"{median} ({least}–{most})"


def short(number: float) -> str:
    """Write two digits that count, and no more: it is not known better."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"


def _in_mb(one: Spread) -> Spread:
    return Spread(one.median / MB, one.least / MB, one.most / MB)


def _titled(results: Results, spreads: dict[str, Spread]) -> dict[str, Spread]:
    return {results.servers[name].title: one for name, one in spreads.items()}


# --8<-- [start:draw]
WIDTH, ROW, TOP, LEFT, RIGHT = 420, 26, 44, 128, 376  # units of the drawing, about a pixel each on a phone


def draw(title: str, unit: str, bars: dict[str, Spread]) -> str:
    """Draw bars, each with its range, as SVG that takes its colour from the text around it.

    Args:
        title: above the bars.
        unit: of the values.
        bars: by their labels, in order.
    """
    scale = (RIGHT - LEFT) / (max(bar.most for bar in bars.values()) or 1)
    height = TOP + ROW * len(bars) + 6
    names = "server-lab-" + "".join(letter if letter.isalnum() else "-" for letter in title.lower())
    said = "; ".join(f"{label} {_cell(bar)}" for label, bar in bars.items())
    lines = [
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" fill="currentColor"'
        f' font-size="12" font-family="sans-serif" aria-labelledby="{names} {names}-text" xmlns="http://www.w3.org/2000/svg">',
        f'<title id="{names}">{escape(title)}</title>',
        f'<desc id="{names}-text">{escape(f"{unit}: {said}.")}</desc>',
        f'<text x="4" y="14" font-weight="600">{escape(title)}</text>',
        f'<text x="4" y="31">{escape(unit)}</text>',
    ]
    for number, (label, bar) in enumerate(bars.items()):
        y = TOP + ROW * number
        end, least, most = (round(LEFT + value * scale, 1) for value in (bar.median, bar.least, bar.most))
        lines += [
            f'<text x="{LEFT - 6}" y="{y + 14}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y + 3}" width="{round(end - LEFT, 1)}" height="14" opacity="0.4"/>',
            f'<path d="M{least} {y + 10}H{most}M{least} {y + 6}v8M{most} {y + 6}v8" stroke="currentColor"/>',
            f'<text x="{max(end, most) + 5:g}" y="{y + 14}">{short(bar.median)}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


# --8<-- [end:draw]
