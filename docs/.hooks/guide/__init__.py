"""What the pre-build step and the tests share: pages, records of their runs, archives of examples."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
