"""Whatever the environment is, no secret comes out: in no message, no output, no traceback."""

import contextlib
import io
import os
import tempfile
import traceback
from pathlib import Path
from unittest import mock

import hypothesis.strategies as st
from hypothesis import example, given, settings
from settings_app import Settings, SettingsError, load
from settings_app.__main__ import main

MARK = "zq7-secret-7qz"  # is in each secret; nothing else has it
PLAIN = "zq7-plain-7qz"  # is in each value that may be shown, though not by an error

known = [f"SETTINGS_APP_{name.upper()}" for name in Settings.__dataclass_fields__]
secret = [name for name in known if name.endswith(("_TOKEN", "_URL"))]
files = [f"{name}_FILE" for name in secret]
misspelt = ["SETTINGS_APP_", "SETTINGS_APP_API_TOKN", "SETTINGS_APP_PORT_FILE", "SETTINGS_APP_NOTES"]

text = st.text(max_size=6)
any_secret = st.builds("{}{}{}".format, text, st.just(MARK), text)
good_secret = st.sampled_from([f"{MARK}-and-more", f"sqlite:///{MARK}.db"])
any_plain = st.builds("{}{}".format, text, st.just(PLAIN))
good_plain = st.sampled_from(["1", "127.0.0.1", "true"])
end = st.sampled_from([b"", b"\n", b"\r\n", b"\n\n", b"\xff", b"\nmore"])


def bytes_of(text: str, end: bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") + end


variables = st.dictionaries(st.sampled_from([*secret, *files, *misspelt]), any_secret | good_secret, max_size=3)
others = st.dictionaries(st.sampled_from(known).filter(lambda name: name not in secret), any_plain | good_plain)
contents = st.dictionaries(st.sampled_from(files), st.builds(bytes_of, any_secret | good_secret, end))
good = f"{MARK}-and-more"
right = st.just({secret[0]: good})


def said(environ: dict[str, str]) -> tuple[int, str]:
    """Run `settings-app check`; give its exit status and all that comes out, with the variables of a traceback."""
    out = io.StringIO()
    with mock.patch.object(os, "environ", environ), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = main(["check"])
    try:
        out.write(repr(load(environ)))
    except SettingsError as error:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        frames.stack.pop(0)  # of this test, which has the environment
        out.write(repr(error.__context__))
        out.write("".join(frames.format()) + repr(error))
    return status, out.getvalue()


def test_no_secret_comes_out_whatever_the_environment_is() -> None:
    seen = set()

    @settings(max_examples=50, deadline=None, derandomize=True, database=None)
    @given(variables | right, others, contents | st.just({}))
    @example({secret[0]: good}, {"SETTINGS_APP_ALLOWED_HOSTS": PLAIN}, {files[0]: good.encode()})
    @example({files[0]: good}, {}, {})  # the secret itself, where the name of its file should be
    def holds(variables: dict[str, str], others: dict[str, str], contents: dict[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            environ = variables | others
            for name, content in contents.items():
                environ[name] = str(Path(folder, name))
                Path(folder, name).write_bytes(content)
            status, output = said(environ)
        seen.add(status)
        assert MARK not in output
        assert status == 0 or PLAIN not in output

    holds()
    assert seen == {0, 2}


def test_the_property_sees_a_secret_that_comes_out() -> None:
    assert MARK in said({"SETTINGS_APP_API_TOKEN": f"{MARK}-and-more", "SETTINGS_APP_ALLOWED_HOSTS": MARK})[1]
