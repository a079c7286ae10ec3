"""The settings: what is wrong is said at once and without values, and what is left out is safe."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django_hello.environment import Environment, read
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = "only-for-the-tests-" * 3
KEY_WRONG = "expected 50 or more random characters"
DEBUG_WRONG = "DJANGO_HELLO_DEBUG: expected true or false"
HOSTS_WRONG = "DJANGO_HELLO_ALLOWED_HOSTS: expected names with commas between, without port, such as example.org"


def variables(**named: str) -> dict[str, str]:
    return {f"DJANGO_HELLO_{name}": value for name, value in named.items()}


def command(*arguments: str, **named: str) -> tuple[int, str, str]:
    """Run `django-hello` in a process of its own, with nothing but these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(
        [sys.executable, "-m", "django_hello", *arguments],
        env=kept | variables(**named),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_only_the_secret_key_is_required() -> None:
    assert read(variables(SECRET_KEY=KEY)) == Environment(KEY, False, ["localhost", "127.0.0.1", "[::1]"])


def test_each_setting_is_read() -> None:
    given = variables(SECRET_KEY=KEY, DEBUG="True", ALLOWED_HOSTS="example.org,.example.net,[2001:db8::1]")
    assert read(given) == Environment(KEY, True, ["example.org", ".example.net", "[2001:db8::1]"])


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ({}, f"DJANGO_HELLO_SECRET_KEY: missing or empty; {KEY_WRONG}"),
        ({"SECRET_KEY": ""}, f"DJANGO_HELLO_SECRET_KEY: missing or empty; {KEY_WRONG}"),
        ({"SECRET_KEY": "0123456789" * 4}, f"DJANGO_HELLO_SECRET_KEY: wrong; {KEY_WRONG}"),
        ({"SECRET_KEY": "x" * 60}, f"DJANGO_HELLO_SECRET_KEY: wrong; {KEY_WRONG}"),
        ({"SECRET_KEY": KEY, "DEBUG": ""}, DEBUG_WRONG),
        ({"SECRET_KEY": KEY, "DEBUG": "off"}, DEBUG_WRONG),
        ({"SECRET_KEY": KEY, "ALLOWED_HOSTS": ""}, HOSTS_WRONG),
        ({"SECRET_KEY": KEY, "ALLOWED_HOSTS": "*"}, HOSTS_WRONG),
        ({"SECRET_KEY": KEY, "ALLOWED_HOSTS": "example.org:8000"}, HOSTS_WRONG),
        ({"SECRET_KEY": KEY, "ALLOWED_HOSTS": "example.org, example.net"}, HOSTS_WRONG),
        ({"SECRET_KEY": KEY, "ALLOWED_HOSTS": "https://example.org"}, HOSTS_WRONG),
    ],
)
def test_a_wrong_setting_is_named(named: dict[str, str], problem: str) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        read(variables(**named))
    assert str(raised.value) == f"these settings are wrong\n{problem}"


def test_the_command_says_all_at_once_and_stops() -> None:
    status, out, err = command("check", DEBUG="maybe", ALLOWED_HOSTS="*")
    key = f"DJANGO_HELLO_SECRET_KEY: missing or empty; {KEY_WRONG}"
    assert (status, out) == (2, "")
    assert err == f"django-hello: these settings are wrong\n{key}\n{DEBUG_WRONG}\n{HOSTS_WRONG}\n"


def test_the_site_passes_the_checks_for_deployment() -> None:
    found = command("check", "--deploy", "--fail-level", "WARNING", SECRET_KEY=KEY)
    assert found == (0, "System check identified no issues (3 silenced).\n", "")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(key=TEXTS.map(lambda text: f"secret{text}"[:49]), debug=TEXTS, hosts=TEXTS)
def test_no_message_holds_the_secret_key(key: str, debug: str, hosts: str) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        read(variables(SECRET_KEY=key, DEBUG=debug, ALLOWED_HOSTS=hosts))
    assert "secret" not in str(raised.value)
