"""What of a path Flask would take for something else than a name."""

from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest


@pytest.mark.parametrize("name", ["/etc", "//etc", "a//b", "a/", "two\nlines"])
def test_a_name_with_slashes_or_line_ends_arrives_whole(client: Callable, name: str) -> None:
    status, headers, _ = client("POST", "/hello", urlencode({"name": name}).encode())
    assert status == 303
    for target in (headers["location"], "/hello/" + quote(name, safe="")):
        status, _, body = client("GET", target)
        assert (status, f"<p>Hello, {name}</p>" in body.decode()) == (200, True)


def test_there_are_no_static_files(client: Callable) -> None:
    assert client("GET", "/static/style.css")[0] == 404
    assert client("POST", "/static/style.css")[0] == 404
