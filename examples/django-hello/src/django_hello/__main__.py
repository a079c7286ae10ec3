"""The command `django-hello`: what `manage.py` does in a project of `startproject`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


# --8<-- [start:main]
def main(arguments: list[str] | None = None) -> int:
    """Run a command of Django for this site; return 0, or 2 where the settings are wrong.

    Args:
        arguments: the command and its options; those of the command line if None.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_hello.settings")
    try:
        execute_from_command_line(["django-hello", *(sys.argv[1:] if arguments is None else arguments)])
    except ImproperlyConfigured as problem:
        print(f"django-hello: {problem}", file=sys.stderr)
        return 2
    return 0


# --8<-- [end:main]

if __name__ == "__main__":
    sys.exit(main())
