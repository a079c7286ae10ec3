"""The command `settings-pydantic`."""

import argparse
import sys

from settings_pydantic.settings import SettingsError, load


def main(arguments: list[str] | None = None) -> int:
    """Show the settings; return 0, or 2 where they are wrong."""
    argparse.ArgumentParser("settings-pydantic", description="Show the settings, and no secret.").parse_args(arguments)
    try:
        settings = load()
    except SettingsError as problems:
        print("settings-pydantic: these settings are wrong", file=sys.stderr)
        print(problems, file=sys.stderr)
        return 2
    for name, value in settings:
        print(f"{name} = {value!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
