"""The command: what it prints, what it refuses, and that no secret is ever printed."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from conftest import Place
from hypothesis import given, settings
from hypothesis import strategies as st
from secret_rotation import KeyFile, make_app
from secret_rotation.__main__ import main

LIMIT = 30  # seconds for one command
KEYS = "the file of --keys"
NONE = "no such file; make it with: secret-rotation add NAME KEYFILE"
NOWHERE = "expected the path of the file of keys, or --keys FILE"


def say(*arguments: str) -> tuple[int, list[str], list[str]]:
    """Run the command; give its status and the lines of its output and of its errors."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = end.code
    return status, out.getvalue().splitlines(), err.getvalue().splitlines()


def test_a_rotation(place: Place) -> None:
    keys = ["--keys", str(place.file)]
    old, new = str(place.folder / "old.key"), str(place.folder / "new.key")
    assert say("add", *keys, "old", old) == (0, ["added old; its key is in the new file only"], [])
    added = say("add", *keys, "new", new, "--at", "2099-01-01T01:00:00+01:00")
    assert added == (0, ["added new; its key is in the new file only"], [])
    assert say("retire", *keys, "old") == (0, ["retired old"], [])
    assert say("list", *keys) == (0, ["old expired", "new valid until 2099-01-01 00:00 UTC"], [])


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["list"], f"API_KEYS_FILE (environment): not set; {NOWHERE}"),
        (["list", "--keys", "none"], f"{KEYS}: {NONE}"),
        (["retire", "a", "--keys", "none"], f"{KEYS}: {NONE}"),
        (["serve", "--keys", ""], f"{KEYS}: not a file; expected the path of a file of keys"),
        (["serve", "--port", "x"], "argument --port: invalid int value; see secret-rotation --help"),
        (["serve", "--keys"], "argument --keys: expected one argument; see secret-rotation --help"),
        (["sreve"], "argument COMMAND: invalid choice; see secret-rotation --help"),
        ([], "the following arguments are required: COMMAND; see secret-rotation --help"),
        (["add", "a"], "the following arguments are required: KEYFILE; see secret-rotation --help"),
        (["list", "x"], "unrecognized arguments; see secret-rotation --help"),
        (["add", "--keys", "k", "a", "b", "--at", "x"], "--at: expected a time such as 2027-01-31T12:00:00Z"),
        (
            ["add", "--keys", "k", "a", "b", "--at", "2027-01-31T12:00"],
            "--at: expected a time with its zone, such as 2027-01-31T12:00:00Z",
        ),
        (["add", "--keys", "k", "a b", "c"], "NAME: expected 1 to 32 letters, digits, '.', '-' and '_'"),
        (["add", "--keys", "k", "a", "b/c"], "KEYFILE: No such file or directory; expected the name of a new file"),
        (["add", "--keys", "k", "a", "b\0c"], "KEYFILE: not a path; expected the name of a new file"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    arguments: list[str], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert say(*arguments) == (2, [], [f"secret-rotation: {fault}"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["99999", "-1", "taken"])
def test_a_port_that_cannot_be_used_is_refused(place: Place, port: str) -> None:
    place.add("a")
    with place.serve() as client:
        used = str(client.port) if port == "taken" else port
        fault = "secret-rotation: --port: expected a port from 0 to 65535 that nothing else listens on"
        assert say("serve", "--keys", str(place.file), f"--port={used}") == (2, [], [fault])


def test_where_the_keys_are(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("option", "variable", "credentials"):
        (place.folder / name).mkdir()
        Place(place.folder / name).add(name)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place.folder / "credentials"))
    assert say("list") == (0, ["credentials valid"], [])
    monkeypatch.setenv("API_KEYS_FILE", str(place.folder / "variable/api-keys"))
    assert say("list") == (0, ["variable valid"], [])
    assert say("list", "--keys", str(place.folder / "option/api-keys")) == (0, ["option valid"], [])


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"API_KEYS_FILE": ""}, f"API_KEYS_FILE (environment): empty; {NOWHERE}"),
        ({"API_KEYS_FILE": "sk-example-0001"}, f"the file of API_KEYS_FILE (environment): {NONE}"),
        ({"CREDENTIALS_DIRECTORY": "none"}, f"api-keys in CREDENTIALS_DIRECTORY (environment): {NONE}"),
    ],
)
def test_a_message_says_where_a_value_is_from_and_not_the_value(
    variables: dict[str, str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert say("serve") == (2, [], [f"secret-rotation: {fault}"])


def test_each_fault_of_the_file_is_a_line(place: Place) -> None:
    place.file.write_text('{"name": "a"}\nsk-example-0001\n', "utf-8")
    assert say("serve", "--keys", str(place.file)) == (
        2,
        [],
        [
            f"secret-rotation: {place.file}:1: sha256: expected 64 hexadecimal digits in lower case",
            f'secret-rotation: {place.file}:2: not JSON; expected {{"name": "...", "sha256": "..."}}',
        ],
    )


def test_the_installed_command_serves_and_stops(place: Place) -> None:
    place.add("a")
    command = [sys.executable, "-m", "secret_rotation", "serve", "--port", "0"]
    environment = os.environ | {"API_KEYS_FILE": str(place.file)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        late = threading.Timer(LIMIT, server.kill)
        late.start()
        try:
            assert re.fullmatch(r"Serving at http://127\.0\.0\.1:\d+/\n", server.stdout.readline())
        finally:
            server.kill()
            late.cancel()


# Longer than a name may be, as the keys of the service are.
PRINTABLE = st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_characters="\x7f")
SECRETS = st.text(PRINTABLE, min_size=33, max_size=60)
FIELDS = ("name", "sha256", "expires", "unknown")


@settings(max_examples=50, deadline=None, derandomize=True)
@given(secret=SECRETS, data=st.data())
def test_no_secret_is_ever_printed(secret: str, data: st.DataObject) -> None:
    """Wherever a secret lands by mistake, no output, error or log has it."""
    log, said = io.StringIO(), []
    handler = logging.StreamHandler(log)
    logger = logging.getLogger("secret_rotation")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    known = {"name": "a", "sha256": "a" * 64}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        file = Path(folder, "api-keys")
        patch.chdir(folder)
        try:
            # As an argument, in each place
            for typed in (
                [secret],
                ["list", secret],
                ["list", "--keys", secret],
                ["list", f"--key={secret}"],
                ["serve", "--port", secret],
                ["add", "--keys", "api-keys", secret, "key"],
                ["add", "--keys", "api-keys", "a", "key", "--at", secret],
                ["retire", "--keys", "api-keys", secret],
            ):
                if not typed[-1].startswith("-") or typed[-1].startswith("--key="):
                    said.append(say(*typed))
            # In a variable
            patch.setenv(data.draw(st.sampled_from(["API_KEYS_FILE", "CREDENTIALS_DIRECTORY"])), secret)
            said.append(say("serve"))
            # In the file, where it stops the start and where it comes while the service runs
            file.write_text(json.dumps(known) + "\n", "utf-8")
            live = KeyFile(file)
            field = data.draw(st.sampled_from(FIELDS))
            wrong = [secret, json.dumps(known | {field: secret}), json.dumps(known | {secret: "x"})]
            file.write_text(data.draw(st.sampled_from(wrong)), "utf-8")
            said.append(say("serve", "--keys", str(file), "--port", "99999"))
            # In a request
            answer = make_app(live)(
                {"HTTP_AUTHORIZATION": f"Bearer {secret}", "QUERY_STRING": secret, "PATH_INFO": secret},
                lambda status, headers: said.append((status, headers)),
            )
            said.append(b"".join(answer).decode())
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)
    whole = repr(said) + log.getvalue() + "".join(str(part) for part in said)
    assert secret not in whole
