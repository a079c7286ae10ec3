"""Only the hosts that are allowed are answered, and a refusal is logged although DEBUG is off."""

import io
import logging

import pytest
from django.test import override_settings


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


@override_settings(DEBUG=True)
def test_a_refusal_is_logged_once_while_debug_is_on(client, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    handlers = [*logging.getLogger().handlers, *logging.getLogger("django").handlers]
    for handler in handlers:
        if type(handler) is logging.StreamHandler:  # and none of pytest, which are of classes of their own
            monkeypatch.setattr(handler, "stream", log)
    assert client("GET", "/", host="example.org")[0] == 400
    assert sum(line.startswith("Traceback") for line in log.getvalue().splitlines()) == 1
