"""What differs from one deployment to the next, from environment variables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

PREFIX = "DJANGO_HELLO_"
TRUTH = {"true": True, "1": True, "false": False, "0": False}
HOST = re.compile(r"\.?[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\]", re.IGNORECASE)


@dataclass(frozen=True)
class Environment:
    """The settings that a deployment decides about."""

    secret_key: str
    debug: bool
    allowed_hosts: list[str]


# --8<-- [start:read]
def read(variables: Mapping[str, str]) -> Environment:
    """Read the settings, and say all that is wrong with them at once, without any value.

    Raises:
        ImproperlyConfigured: a variable is missing, empty or wrong.
    """
    problems = []
    secret_key = variables.get(f"{PREFIX}SECRET_KEY", "")
    if len(secret_key) < 50 or len(set(secret_key)) < 5:
        state = "wrong" if secret_key else "missing or empty"
        problems.append(f"{PREFIX}SECRET_KEY: {state}; expected 50 or more random characters")
    debug = TRUTH.get(variables.get(f"{PREFIX}DEBUG", "false").lower())
    if debug is None:
        problems.append(f"{PREFIX}DEBUG: expected true or false")
    hosts = variables.get(f"{PREFIX}ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if not all(HOST.fullmatch(host) for host in hosts):
        problems.append(f"{PREFIX}ALLOWED_HOSTS: expected names with commas between, without port, such as example.org")
    if problems or debug is None:
        raise ImproperlyConfigured("these settings are wrong\n" + "\n".join(problems))
    return Environment(secret_key, debug, hosts)


# --8<-- [end:read]
