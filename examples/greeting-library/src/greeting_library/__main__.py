"""Let `python -m greeting_library` run the command."""

import sys

from greeting_library.cli import main

if __name__ == "__main__":
    sys.exit(main())
