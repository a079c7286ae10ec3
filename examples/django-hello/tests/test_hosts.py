"""Only the hosts that are allowed are answered, and a refusal is logged although DEBUG is off."""

import io
import logging

import pytest


def test_another_host_is_refused_and_logged(client, monkeypatch: pytest.MonkeyPatch) -> None:
    [handler] = [handler for handler in logging.getLogger().handlers if handler.name == "stderr"]
    monkeypatch.setattr(handler, "stream", io.StringIO())
    assert client("GET", "/", host="localhost")[0] == 200
    assert handler.stream.getvalue() == ""
    assert client("GET", "/", host="example.org")[0] == 400
    assert handler.stream.getvalue().splitlines()[0] == (
        "ERROR django.security.DisallowedHost: Invalid HTTP_HOST header: 'example.org'. "
        "You may need to add 'example.org' to ALLOWED_HOSTS."
    )
