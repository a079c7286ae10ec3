"""The command `settings-app`."""

import argparse
import logging
import os
import sqlite3
import sys
from dataclasses import fields

from settings_app.app import create
from settings_app.server import serve
from settings_app.settings import Settings, SettingsError, load


# --8<-- [start:main]
def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 2 where the settings are wrong, or 1 where something else is."""
    parser = argparse.ArgumentParser("settings-app", description="Notes over HTTP, set up by SETTINGS_APP_ variables.")
    parser.add_argument("command", choices=COMMANDS)
    command = COMMANDS[parser.parse_args(arguments).command]
    try:
        settings = load(os.environ)
    except SettingsError as problems:
        print("settings-app: these settings are wrong", file=sys.stderr)
        print(problems, file=sys.stderr)
        return 2
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO, stream=sys.stdout)
    try:
        command(settings)
    except sqlite3.Error as error:
        print(f"settings-app: the database: {error}; settings-app init-db makes one", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"settings-app: {settings.host}:{settings.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


# --8<-- [end:main]


def _check(settings: Settings) -> None:
    for declared in fields(settings):
        print(f"{declared.name} = {getattr(settings, declared.name)!r}")


COMMANDS = {"check": _check, "init-db": create, "serve": serve}

if __name__ == "__main__":
    sys.exit(main())
