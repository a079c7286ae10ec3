"""The function in C does what its twin in Python does, with good and bad input, and keeps no memory."""

import ast
import inspect
import random
import signal
import sys
import sysconfig
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import native_extension
import pytest
from native_extension import _native, moving_sum, pure

HIGHEST, LOWEST = 2**63 - 1, -(2**63)
GOOD = [0, 1, -1, 7, True, 2**31, 2**62, -(2**62), HIGHEST, LOWEST]
BAD = [2**63, LOWEST - 1, 10**30, 1.5, "7", None, [], object()]


class Broken:
    """Something that says it is an integer, and fails when it is asked."""

    def __index__(self) -> int:
        raise ZeroDivisionError("asked")


def failing() -> Iterator[int]:
    """Give one value, then fail."""
    yield 1
    raise ZeroDivisionError("asked")


def outcome(function: Callable, *arguments: object) -> object:
    """Give what a function returns, or the kind of what it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize(
    ("values", "window", "sums"),
    [
        ([1, 2, 3, 4], 2, [3, 5, 7]),
        ([1, 2, 3, 4], 1, [1, 2, 3, 4]),
        ([1, 2, 3, 4], 4, [10]),
        ([1, 2, 3, 4], 5, []),
        ([], 1, []),
        ((5, True, -6), 2, [6, -5]),
        (range(1, 4), 3, [6]),
        (b"\x01\xff", 2, [256]),
        ([HIGHEST, LOWEST], 2, [-1]),
        ([1], HIGHEST, []),
    ],
)
@pytest.mark.parametrize("function", [moving_sum, pure.moving_sum])
def test_sums(function: Callable, values: object, window: int, sums: list[int]) -> None:
    assert function(values, window) == sums
    assert {type(number) for number in function(values, window)} <= {int}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((), TypeError, "moving_sum() takes exactly 2 arguments (0 given)"),
        (([1],), TypeError, "moving_sum() takes exactly 2 arguments (1 given)"),
        (([1], 1, 1), TypeError, "moving_sum() takes exactly 2 arguments (3 given)"),
        ((5, 1), TypeError, "'int' object is not iterable"),
        (([1, "2"], 1), TypeError, "'str' object cannot be interpreted as an integer"),
        (([1.0], 1), TypeError, "'float' object cannot be interpreted as an integer"),
        (([1], "1"), TypeError, "'str' object cannot be interpreted as an integer"),
        (([1], 0), ValueError, "window must be 1 or more"),
        (([1], -3), ValueError, "window must be 1 or more"),
        (([1], 2**63), OverflowError, None),
        (([2**63], 1), OverflowError, None),
        (([HIGHEST, 1], 2), OverflowError, "a sum has more than 64 bits"),
        (([LOWEST, -1], 2), OverflowError, "a sum has more than 64 bits"),
        ((range(10**18), 1), MemoryError, ""),
        (([Broken()], 1), ZeroDivisionError, "asked"),
        ((failing(), 1), ZeroDivisionError, "asked"),
    ],
)
def test_bad_input_is_a_python_exception(arguments: tuple, error: type[Exception], message: str | None) -> None:
    with pytest.raises(error) as raised:
        moving_sum(*arguments)
    assert raised.type is error
    assert message is None or str(raised.value) == message


def test_a_keyword_is_refused() -> None:
    with pytest.raises(TypeError):
        moving_sum(values=[1], window=1)


def test_c_and_python_agree() -> None:
    chance = random.Random(1)
    seen = set()
    for _ in range(5000):
        alike = chance.random() < 0.8
        values = chance.choices(GOOD if alike else GOOD + BAD, k=chance.randrange(8))
        window = chance.choice([*range(-1, 9), *(BAD if chance.random() < 0.1 else [])])
        expected = outcome(pure.moving_sum, values, window)
        assert outcome(moving_sum, values, window) == expected, (values, window)
        seen.add(expected if isinstance(expected, type) else list)
    assert seen == {list, OverflowError, TypeError, ValueError}


@pytest.mark.parametrize(
    "arguments",
    [
        ([10**9, 2 * 10**9, 3 * 10**9], 2),
        ([10**9], 0),
        ([10**9], "1"),
        ([10**9, "2"], 1),
        ([10**9, 2**63], 1),
        ([10**9, HIGHEST, 1], 2),
        ([10**9, Broken()], 1),
    ],
    ids=str,
)
def test_nothing_is_kept(arguments: tuple) -> None:
    values, first = arguments[0], arguments[0][0]

    def call(times: int) -> int:
        for _ in range(times):
            outcome(moving_sum, *arguments)
        return tracemalloc.get_traced_memory()[0]

    counts = sys.getrefcount(values), sys.getrefcount(first)
    tracemalloc.start()
    try:
        before = call(100)
        kept = call(2000) - before
    finally:
        tracemalloc.stop()
    assert kept < 2000, f"{kept} bytes after 2000 calls"
    assert (sys.getrefcount(values), sys.getrefcount(first)) == counts


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="sends a signal with a timer")
def test_an_interrupt_ends_it() -> None:
    assert threading.current_thread() is threading.main_thread()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    started = time.process_time()
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            moving_sum([1] * 60_000, 30_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.process_time() - started < 1  # to its end it takes several seconds


def test_the_stub_says_what_there_is() -> None:
    folder = files("native_extension")
    assert (folder / "py.typed").is_file()
    stub = functions((folder / "_native.pyi").read_text("utf-8"))
    assert list(stub) == [name for name in dir(_native) if not name.startswith("_")] == native_extension.__all__
    assert stub["moving_sum"] == functions((folder / "pure.py").read_text("utf-8"))["moving_sum"]
    parameters = inspect.signature(moving_sum).parameters.values()
    twins = inspect.signature(pure.moving_sum).parameters.values()
    assert [(each.name, each.kind) for each in parameters] == [(each.name, each.kind) for each in twins]


def functions(source: str) -> dict[str, str]:
    """Give the functions of a module, each with its parameters and its result, as they are written."""
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: f"{ast.unparse(node.args)} -> {ast.unparse(node.returns)}" for node in found}


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="free-threaded: no abi3")
def test_one_file_is_for_all_later_pythons() -> None:
    assert Path(_native.__file__).name in ("_native.abi3.so", "_native.pyd")
