"""What tests wait with: it ends as soon as something holds, and says what is wrong where it does not."""

import pytest
from support import waiting


def test_it_ends_as_soon_as_something_holds() -> None:
    looks = iter([False, 0, "yes"])
    waiting.until(lambda: next(looks), 10, "it never holds")
    assert list(looks) == []


@pytest.mark.parametrize("otherwise", ["the door is shut", lambda: "the door is shut"])
def test_it_says_what_does_not_hold(otherwise: object) -> None:
    with pytest.raises(AssertionError, match=r"^the door is shut, after 0\.05 s"):
        waiting.until(lambda: False, 0.05, otherwise)
