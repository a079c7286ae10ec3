"""What a test needs of the machine and may not find there."""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it on a machine that is to have everything: where REQUIRE_SYSTEM is set.

    Args:
        reason: what is missing, and what to install.
    """
    if os.environ.get("REQUIRE_SYSTEM"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
