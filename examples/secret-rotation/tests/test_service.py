"""The service while its keys change."""

import logging
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import LIMIT, Place
from secret_rotation import KeyFile, Refused, live, retire_key

REFUSED = (401, "send a valid key: Authorization: Bearer KEY\n")
ADD = "secret-rotation add NAME KEYFILE"


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "secret_rotation")


def test_who_has_a_key_is_let_in(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    key = place.add("a")
    with place.serve() as client:
        assert client.ask(key) == client.ask(key, "bearer") == (200, "hello, key a\n")
        assert [client.ask(wrong) for wrong in (None, "", key[:-1], key + "x", "é")] == [REFUSED] * 5
        assert client.ask(key, "Basic") == REFUSED
        assert client.ask(None, path=f"/?key={key}") == REFUSED
    assert capfd.readouterr() == ("", "")  # an address is not logged


def test_a_rotation_refuses_nobody(place: Place) -> None:
    """Both keys are used all the while, the file is replaced all the while, and the old key ends last."""
    old = place.add("old")
    answers: dict[str, list[int]] = {"old": [], "new": []}
    ended = {"old": threading.Event(), "new": threading.Event()}

    with place.serve() as client:

        def hammer(name: str, key: str) -> None:
            while not ended[name].is_set():
                answers[name].append(client.ask(key)[0])

        def start(name: str, key: str) -> list[threading.Thread]:
            threads = [threading.Thread(target=hammer, args=(name, key)) for _ in range(3)]
            for thread in threads:
                thread.start()
            return threads

        threads = start("old", old)
        try:
            new = place.add("new")
            threads += start("new", new)
            end = time.monotonic() + 1  # second
            changes = 0
            # Other keys come and go, longer on a machine that is busy
            while time.monotonic() < end or changes < 3 or min(map(len, answers.values())) < 10:
                assert time.monotonic() < end + LIMIT
                place.add(f"other-{changes}")
                retire_key(place.file, f"other-{changes}", datetime.now(UTC))
                changes += 1
            ended["old"].set()  # each client has its new key
            for thread in threads[:3]:
                thread.join(30)
            retire_key(place.file, "old", datetime.now(UTC))
            assert client.ask(old) == REFUSED
            assert client.ask(new) == (200, "hello, key new\n")
        finally:
            for event in ended.values():
                event.set()
            for thread in threads:
                thread.join(30)
    counts = {name: len(statuses) - statuses.count(200) for name, statuses in answers.items()}
    assert counts == {"old": 0, "new": 0}


def test_a_change_counts_at_the_next_request(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    old = place.add("old")
    with place.serve() as client:
        new = place.add("new")
        assert (client.ask(old)[0], client.ask(new)[0]) == (200, 200)
        retire_key(place.file, "old", datetime.now(UTC))
        assert (client.ask(old)[0], client.ask(new)[0]) == (401, 200)
    assert caplog.messages == [
        "keys read again: old, new",
        "200 key old",
        "200 key new",
        "keys read again: old, new",
        "401 expired key old",
        "200 key new",
    ]


def test_a_key_expires_by_the_clock(place: Place) -> None:
    key = place.add("a", expires=datetime(2020, 1, 1, tzinfo=UTC))
    with place.serve() as client:
        assert client.ask(key) == REFUSED


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.write_bytes(b"broken"), '{file}:1: not JSON; expected {{"name": "...", "sha256": "..."}}'),
        (
            lambda file: file.write_bytes(b"{}"),
            "{file}:1: name: expected 1 to 32 letters, digits, '.', '-' and '_'; "
            "{file}:1: sha256: expected 64 hexadecimal digits in lower case",
        ),
        (lambda file: file.write_bytes(b""), "{file}: no key in it; expected one line per key, made by: " + ADD),
        (Path.unlink, "{file}: no such file; make it with: " + ADD),
    ],
)
def test_a_broken_file_leaves_the_keys_and_says_so_once(
    place: Place, caplog: pytest.LogCaptureFixture, damage: object, said: str
) -> None:
    key = place.add("a")
    whole = place.file.read_bytes()
    with place.serve() as client:
        damage(place.file)
        assert [client.ask(key)[0] for _ in range(3)] == [200] * 3
        place.file.write_bytes(whole)
        assert client.ask(key)[0] == 200
    assert caplog.messages == [
        "keys not read again, those from before stay: " + said.format(file=place.file),
        *["200 key a"] * 3,
        "keys read again: a",
        "200 key a",
    ]


def test_a_file_that_may_be_read_later_is_read_then(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A right that is given changes neither the size nor the time of the file."""
    place.add("a")
    file = KeyFile(place.file)
    place.add("b")
    real, faults = live.read_keys, iter(["denied", "denied", "busy", "", "busy", ""])

    def read(*arguments: object) -> object:
        if fault := next(faults):
            raise Refused(fault)
        return real(*arguments)

    monkeypatch.setattr(live, "read_keys", read)
    assert [len(file.keys()) for _ in range(5)] == [1, 1, 1, 2, 2]
    place.add("c")
    assert [len(file.keys()) for _ in range(3)] == [2, 3, 3]
    stays = "keys not read again, those from before stay: "
    assert caplog.messages == [
        f"{stays}denied",
        f"{stays}busy",
        "keys read again: a, b",
        f"{stays}busy",
        "keys read again: a, b, c",
    ]


def test_a_broken_file_stops_the_start(place: Place) -> None:
    place.file.write_bytes(b"broken")
    with pytest.raises(Refused):
        KeyFile(place.file)


def test_a_file_that_did_not_change_is_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("a")
    file = KeyFile(place.file)
    monkeypatch.setattr(live, "read_keys", lambda *arguments: pytest.fail("read again"))
    assert [key.name for key in file.keys()] == ["a"]


def test_a_change_while_the_file_is_read_is_not_lost(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("a")
    file = KeyFile(place.file)
    place.add("b")
    real = live.read_keys

    def slow(*arguments: object) -> object:
        keys = real(*arguments)
        monkeypatch.setattr(live, "read_keys", real)
        place.add("c")  # after the file is read and before this is noted
        return keys

    monkeypatch.setattr(live, "read_keys", slow)
    assert [key.name for key in file.keys()] == ["a", "b"]
    assert [key.name for key in file.keys()] == ["a", "b", "c"]


@pytest.mark.parametrize("kept", ["time and size", "file and size", "file and time"])
def test_no_change_is_overlooked(place: Place, kept: str) -> None:
    place.add("a")
    file = KeyFile(place.file)
    before = place.file.stat()
    other = place.folder / "other"
    other.write_bytes(place.file.read_bytes().replace(b'"a"', b'"b"') + b"\n" * (kept == "file and time"))
    if kept == "time and size":
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(place.file)
    else:
        place.file.write_bytes(other.read_bytes())
        later = kept == "file and size"
        os.utime(place.file, ns=(before.st_atime_ns, before.st_mtime_ns + later))
    after = place.file.stat()
    same = {
        "file": after.st_ino == before.st_ino,
        "size": after.st_size == before.st_size,
        "time": after.st_mtime_ns == before.st_mtime_ns,
    }
    assert [name for name in same if same[name]] == sorted(kept.split(" and "), key=list(same).index)
    assert [key.name for key in file.keys()] == ["b"]


def test_a_change_is_read_once_for_all_threads(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("a")
    file = KeyFile(place.file)
    place.add("b")
    real, reading = live.read_keys, []

    def slow(*arguments: object) -> object:
        reading.append(None)
        time.sleep(0.05)
        return real(*arguments)

    monkeypatch.setattr(live, "read_keys", slow)
    found = []
    threads = [threading.Thread(target=lambda: found.append(len(file.keys()))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(reading), found) == (1, [2] * 5)
